//! HTTP requests: retries, redirects, limits; what is sent over the wire is a [`Transport`]'s.
//!
//! Credentials go to the host that they are for and to no other, and into no message.

#[cfg(target_os = "wasi")]
mod wasi;

use std::io::{self, Read};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use url::Url;

/// How often a request is sent, the first time included.
const MAX_ATTEMPTS: usize = 6;
/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
const MAX_REDIRECTS: usize = 10;
/// How long a server may take to be reached, to begin its answer, and to go on with it.
#[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is asked of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Get,
    Post,
    Delete,
}

/// A request. Sending it again has the effect of sending it once.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// A header that proves who asks: sent to the host of `url` alone.
    pub credentials: Option<(&'static str, String)>,
    /// Content type and bytes.
    pub body: Option<(String, Vec<u8>)>,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, credentials: None, body: None }
    }
}

/// An answer, its body still to come.
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Box<dyn Read>,
    /// Where the answer comes from, after redirects.
    pub url: Url,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An answer with its whole body.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub url: Url,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The beginning of the body as one line, for an error message.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect()
    }
}

/// Why there is no answer. The URLs in it are without credentials.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{url} cannot be reached: {error}")]
    Unreachable { url: String, error: io::Error },
    #[error("{url} redirects {reason}")]
    Redirect { url: String, reason: String },
    #[error("{url} answers with more than {limit} bytes")]
    TooLong { url: String, limit: u64 },
}

/// Sends one request over the wire and follows nothing.
pub trait Transport {
    fn send(&self, request: &Request) -> io::Result<Response>;
}

/// What every request goes through.
pub struct Client {
    transport: Box<dyn Transport>,
    sleep: fn(Duration),
}

/// A URL as messages show it: without user, password and query, which can be secrets.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Only a URL that can have no user refuses to lose it.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

impl Client {
    /// The transport of this build.
    #[cfg(target_os = "wasi")]
    pub fn new() -> Self {
        Self { transport: Box::new(wasi::WasiHttp), sleep: std::thread::sleep }
    }

    /// Outside of WASI there is no transport: files and directories still work.
    #[cfg(not(target_os = "wasi"))]
    pub fn new() -> Self {
        struct NoTransport;
        impl Transport for NoTransport {
            fn send(&self, _: &Request) -> io::Result<Response> {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this build has no HTTP: run the wasm32-wasip2 module"))
            }
        }
        Self { transport: Box::new(NoTransport), sleep: std::thread::sleep }
    }

    /// Sends a request and reads the whole answer, of at most `limit` bytes. What may pass (a broken
    /// connection, 408, 429, 5xx) is tried again; the last answer is returned whatever its status.
    pub fn fetch(&self, request: &Request, limit: u64) -> Result<Answer, HttpError> {
        self.with_retries(request, |response| {
            let Response { status, headers, mut body, url } = response;
            let mut bytes = Vec::new();
            body.by_ref().take(limit + 1).read_to_end(&mut bytes)?;
            Ok(Answer { status, headers, body: bytes, url })
        })
        .and_then(|answer| {
            if answer.body.len() as u64 > limit {
                return Err(HttpError::TooLong { url: shown(&answer.url), limit });
            }
            Ok(answer)
        })
    }

    /// Sends a request and returns its answer with the body still to be read. A connection that
    /// breaks while it is read is the reader's to try again.
    pub fn open(&self, request: &Request) -> Result<Response, HttpError> {
        self.with_retries(request, Ok)
    }

    /// Waits before a caller's own next attempt, from 1.
    pub fn wait(&self, attempt: u32) {
        if let Some(delay) = delays().nth(attempt.saturating_sub(1) as usize) {
            (self.sleep)(delay);
        }
    }

    fn with_retries<T>(
        &self,
        request: &Request,
        mut finish: impl FnMut(Response) -> io::Result<T>,
    ) -> Result<T, HttpError> {
        let mut delays = delays();
        loop {
            let delay = delays.next();
            let (reason, wait) = match self.follow(request)? {
                Ok(response) => {
                    let status = response.status;
                    let retry_after = retry_after(&response);
                    let passing = matches!(status, 408 | 429 | 500..=599);
                    match (delay, passing) {
                        (Some(delay), true) if retry_after.is_none_or(|wait| wait <= MAX_RETRY_AFTER) => {
                            (format!("answers {status}"), retry_after.unwrap_or(delay).max(delay))
                        }
                        (delay, _) => match (finish(response), delay) {
                            (Ok(done), _) => return Ok(done),
                            (Err(error), Some(delay)) => (error.to_string(), delay),
                            (Err(error), None) => {
                                return Err(HttpError::Unreachable { url: shown(&request.url), error });
                            }
                        },
                    }
                }
                Err(error) => match delay.filter(|_| may_pass(&error)) {
                    Some(delay) => (error.to_string(), delay),
                    None => return Err(HttpError::Unreachable { url: shown(&request.url), error }),
                },
            };
            eprintln!("{}: {reason}; trying again in {:.1} s", shown(&request.url), wait.as_secs_f32());
            (self.sleep)(wait);
        }
    }

    /// Sends a request and follows redirects of GET: to http or https, never from https to http.
    fn follow(&self, request: &Request) -> Result<io::Result<Response>, HttpError> {
        let mut request = request.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = match self.transport.send(&request) {
                Ok(response) => response,
                Err(error) => return Ok(Err(error)),
            };
            let location = response.header("location").map(str::to_owned);
            let Some(location) = location.filter(|_| matches!(response.status, 301 | 302 | 303 | 307 | 308)) else {
                return Ok(Ok(whole(response)));
            };
            let refused = |reason: String| HttpError::Redirect { url: shown(&request.url), reason };
            let next = request.url.join(&location).map_err(|error| refused(format!("to no URL: {error}")))?;
            if request.method != Method::Get {
                return Err(refused(format!("to {}; use that URL in its place", shown(&next))));
            }
            if !matches!(next.scheme(), "http" | "https")
                || (request.url.scheme() == "https" && next.scheme() == "http")
            {
                return Err(refused(format!("to {}, which is not followed", shown(&next))));
            }
            if next.origin() != request.url.origin() {
                request.credentials = None;
            }
            request.url = next;
        }
        Err(HttpError::Redirect { url: shown(&request.url), reason: format!("more than {MAX_REDIRECTS} times") })
    }
}

/// What is waited before the second attempt, the third, and so on.
fn delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(20))
        .with_jitter()
        .with_max_times(MAX_ATTEMPTS - 1)
        .build()
}

/// `Retry-After` in seconds, as GitLab gives it.
fn retry_after(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

fn may_pass(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// Makes a body that ends before its Content-Length an error.
fn whole(mut response: Response) -> Response {
    if let Some(length) = response.header("content-length").and_then(|length| length.trim().parse().ok()) {
        response.body = Box::new(ExactLength { body: response.body, missing: length });
    }
    response
}

struct ExactLength {
    body: Box<dyn Read>,
    missing: u64,
}

impl Read for ExactLength {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        if read == 0 && self.missing > 0 && !buffer.is_empty() {
            let missing = self.missing;
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the connection ended {missing} bytes early"),
            ));
        }
        self.missing = self.missing.saturating_sub(read as u64);
        Ok(read)
    }
}
