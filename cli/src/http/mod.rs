//! HTTP requests: retries, redirects, limits; what is sent over the wire is a [`Transport`]'s.
//!
//! Credentials go to the host that they are for and to no other, and into no message.

#[cfg(target_os = "wasi")]
mod certificates;
#[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
mod proxy;
#[cfg(test)]
pub mod scripted;
#[cfg(target_os = "wasi")]
mod sockets;
#[cfg(target_os = "wasi")]
mod wasi;

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ami_scheduler::text::excerpt;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use base64::Engine as _;
use jiff::fmt::rfc2822::DateTimeParser;
use url::Url;

pub use proxy::Proxies;

/// How often a request is sent, the first time included.
const MAX_ATTEMPTS: usize = 6;
/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
const MAX_REDIRECTS: usize = 10;
/// How long a server may take to be reached, to begin its answer, and to go on with it.
#[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
const TIMEOUT: Duration = Duration::from_secs(30);
#[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
const USER_AGENT: &str = concat!("ami-scheduler/", env!("CARGO_PKG_VERSION"));
/// Slower than this, in bytes a second, no answer is listened to for longer than `TIMEOUT`.
const MIN_RATE: u64 = 1000;

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
    /// Other headers, such as the conditions of a request.
    #[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
    pub headers: Vec<(&'static str, String)>,
    /// How often it is sent at most, where what is wrong may pass: fewer where there is a fall-back.
    pub attempts: usize,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, credentials: None, body: None, headers: Vec::new(), attempts: MAX_ATTEMPTS }
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
    #[error("{url} answers with more than {limit} bytes, too many for what was asked; is the URL right?")]
    TooLong { url: String, limit: u64 },
}

/// What lies between this machine and the servers.
#[derive(Default)]
pub struct Network {
    pub bundles: Vec<Bundle>,
    pub proxies: Proxies,
}

impl Network {
    #[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
    fn takes_sockets(&self) -> bool {
        !self.bundles.is_empty() || !self.proxies.is_empty()
    }
}

/// Certificates of authorities that are believed besides the public web's.
#[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
pub struct Bundle {
    /// What names the file, and its path.
    pub name: String,
    pub pem: Vec<u8>,
}

/// Why a bundle is of no use.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
pub enum BundleError {
    #[error("{0} holds no certificate that can be used; expected PEM, with lines such as -----BEGIN CERTIFICATE-----")]
    NoCertificate(String),
    #[error("{0} is damaged: {1}")]
    Damaged(String, String),
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

/// A URL as messages show it: without user, password and query, which can be secrets; the beginning of
/// one that is very long.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Only a URL that can have no user refuses to lose it.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    excerpt(url.as_str())
}

/// The user and password in a URL, as the headers `Authorization` and `Proxy-Authorization` have them.
pub fn basic_auth(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str;
    Some(basic(decoded(url.username()), decoded(url.password().unwrap_or_default())))
}

/// RFC 7617.
pub fn basic(user: impl Iterator<Item = u8>, password: impl Iterator<Item = u8>) -> String {
    let pair: Vec<u8> = user.chain([b':']).chain(password).collect();
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

impl Client {
    /// A client of the transport that fits: the host's HTTP, which knows the public web's certificates
    /// and no proxy, or sockets, where there are others.
    #[cfg(target_os = "wasi")]
    pub fn new(network: Network) -> Result<Self, BundleError> {
        let transport: Box<dyn Transport> =
            if network.takes_sockets() { Box::new(sockets::Sockets::new(network)?) } else { Box::new(wasi::WasiHttp) };
        Ok(Self { transport, sleep: std::thread::sleep })
    }

    /// Outside of WASI there is no transport: files and directories still work.
    #[cfg(not(target_os = "wasi"))]
    #[allow(clippy::unnecessary_wraps)]
    pub fn new(_: Network) -> Result<Self, BundleError> {
        struct NoTransport;
        impl Transport for NoTransport {
            fn send(&self, _: &Request) -> io::Result<Response> {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this build has no HTTP: run the wasm32-wasip2 module"))
            }
        }
        Ok(Self { transport: Box::new(NoTransport), sleep: std::thread::sleep })
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

    /// Waits before a caller's own next attempt, from 1; from the last delay on they are equally long.
    pub fn wait(&self, attempt: u32) {
        if let Some(delay) = delays().take(attempt as usize).last() {
            (self.sleep)(delay);
        }
    }

    fn with_retries<T>(
        &self,
        request: &Request,
        mut finish: impl FnMut(Response) -> io::Result<T>,
    ) -> Result<T, HttpError> {
        let mut delays = delays().take(request.attempts.saturating_sub(1));
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
                Err(error) => match delay.filter(|_| is_transient(&error)) {
                    Some(delay) => (error.to_string(), delay),
                    None => return Err(HttpError::Unreachable { url: shown(&request.url), error }),
                },
            };
            message!("{}: {reason}; trying again in {:.1} s", shown(&request.url), wait.as_secs_f32());
            (self.sleep)(wait);
        }
    }

    /// Sends a request and follows redirects of GET: to http or https, never from https to http.
    fn follow(&self, asked: &Request) -> Result<io::Result<Response>, HttpError> {
        let mut request = asked.clone();
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
        Err(HttpError::Redirect { url: shown(&asked.url), reason: format!("more than {MAX_REDIRECTS} times") })
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

/// `Retry-After`: in seconds, as GitLab gives it, or as a time, as a proxy may. That is a time of the
/// server's clock, so it counts from the answer's own `Date`.
fn retry_after(response: &Response) -> Option<Duration> {
    let header = |name| response.header(name).map(str::trim);
    if let Ok(seconds) = header("retry-after")?.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |name| DateTimeParser::new().parse_timestamp(header(name)?).ok();
    time("date")?.duration_until(time("retry-after")?).try_into().ok()
}

fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    !matches!(error.kind(), Kind::Unsupported | Kind::InvalidInput | Kind::PermissionDenied)
}

/// Makes a body that ends before its Content-Length an error, and one that never seems to end.
fn whole(mut response: Response) -> Response {
    response.body = Box::new(NotTooSlow { body: response.body, begun: Instant::now(), read: 0, patience: TIMEOUT });
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

struct NotTooSlow {
    body: Box<dyn Read>,
    begun: Instant,
    read: u64,
    patience: Duration,
}

impl Read for NotTooSlow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        self.read += read as u64;
        let elapsed = self.begun.elapsed();
        if read > 0 && elapsed > self.patience && self.read < elapsed.as_secs() * MIN_RATE {
            let (bytes, seconds) = (self.read, elapsed.as_secs());
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the server is too slow: {bytes} bytes in {seconds} s"),
            ));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::scripted::{Said, Script, answers, breaks};
    use super::*;

    #[test]
    fn a_body_that_drips_is_an_error_and_a_short_one_is_not() {
        let begun = Instant::now();
        let body = |body: Box<dyn Read>, patience| NotTooSlow { body, begun, read: 0, patience };
        let forever = || Box::new(io::repeat(b' '));
        std::thread::sleep(Duration::from_millis(1100));
        let error = body(forever(), Duration::ZERO).read(&mut [0; 10]).expect_err("slow");
        assert!(error.to_string().starts_with("the server is too slow: 10 bytes in "), "{error}");
        assert_eq!(body(forever(), Duration::ZERO).read(&mut vec![0; 1_000_000]).expect("fast"), 1_000_000);
        assert_eq!(body(Box::new(io::empty()), Duration::ZERO).read(&mut [0; 10]).expect("at its end"), 0);
        assert_eq!(body(forever(), TIMEOUT).read(&mut [0; 10]).expect("just begun"), 10);
    }

    const URL: &str = "https://gitlab.example.com/api";
    const LIMIT: u64 = 100;

    fn get(url: &str) -> Request {
        Request::new(Method::Get, url.parse().expect(url))
    }

    fn with_token(request: Request) -> Request {
        Request { credentials: Some(("job-token", "s3cret".to_owned())), ..request }
    }

    fn redirects(status: u16, location: &str) -> Said {
        answers(status).with("location", location)
    }

    #[test]
    fn what_may_pass_is_tried_again_with_longer_and_longer_waits() {
        for passing in [
            answers(408),
            answers(429),
            answers(500),
            answers(502),
            answers(503),
            answers(504),
            answers(599),
            breaks(io::ErrorKind::ConnectionReset),
            breaks(io::ErrorKind::ConnectionRefused),
            breaks(io::ErrorKind::TimedOut),
            breaks(io::ErrorKind::NotFound),
        ] {
            let script = Script::new(vec![passing; 5].into_iter().chain([answers(200).body("there")]));
            let answer = script.client().fetch(&get(URL), LIMIT).expect("an answer");
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"there"[..]));
            let waits = script.waits();
            assert_eq!(waits.len(), 5);
            for (wait, shortest) in waits.iter().zip([500, 1000, 2000, 4000, 8000].map(Duration::from_millis)) {
                assert!((shortest..=shortest * 2).contains(wait), "{waits:?}");
            }
        }
    }

    #[test]
    fn the_last_answer_is_returned_whatever_its_status() {
        for status in [408, 429, 500, 503] {
            let script = Script::new(vec![answers(status).body("try later"); MAX_ATTEMPTS]);
            let answer = script.client().fetch(&get(URL), LIMIT).expect("an answer");
            assert_eq!((answer.status, answer.excerpt().as_str()), (status, "try later"));
            assert_eq!((script.requests().len(), script.waits().len()), (6, 5));

            let script = Script::new(vec![answers(status); MAX_ATTEMPTS]);
            assert_eq!(script.client().open(&get(URL)).expect("an answer").status, status);
        }
    }

    #[test]
    fn a_server_that_is_never_reached_is_an_error_that_names_it() {
        let script = Script::new(vec![breaks(io::ErrorKind::ConnectionRefused); MAX_ATTEMPTS]);
        let error = script.client().fetch(&get(URL), LIMIT).map(|answer| answer.status).expect_err("no server");
        assert_eq!(error.to_string(), format!("{URL} cannot be reached: connection refused"));
        assert_eq!(script.requests().len(), MAX_ATTEMPTS);
    }

    #[test]
    fn an_answer_that_would_be_the_same_again_is_final() {
        for status in [200, 201, 204, 304, 400, 401, 403, 404, 409, 413, 422] {
            let script = Script::new([answers(status)]);
            assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").status, status);
            assert_eq!(script.waits(), []);
        }
        for kind in [io::ErrorKind::Unsupported, io::ErrorKind::InvalidInput, io::ErrorKind::PermissionDenied] {
            let script = Script::new([breaks(kind)]);
            assert!(script.client().open(&get(URL)).is_err(), "{kind}");
            assert_eq!(script.waits(), []);
        }
    }

    #[test]
    fn requests_of_every_method_are_sent_again_as_they_were() {
        for method in [Method::Get, Method::Post, Method::Delete] {
            let body = (method == Method::Post).then(|| ("text/plain".to_owned(), b"content".to_vec()));
            let request = Request { method, body, ..with_token(get(URL)) };
            let script = Script::new([answers(502), breaks(io::ErrorKind::ConnectionReset), answers(200)]);
            script.client().fetch(&request, LIMIT).expect("an answer");
            let requests = script.requests();
            assert_eq!(requests.len(), 3);
            for sent in requests {
                assert_eq!((sent.method, &sent.url), (method, &request.url));
                assert_eq!((&sent.body, &sent.credentials), (&request.body, &request.credentials));
            }
        }
    }

    #[test]
    fn retry_after_is_waited_for_where_it_is_longer_than_the_delay() {
        let now = ("date", "Tue, 24 Nov 2026 02:00:00 GMT");
        for (retry_after, date, waited) in [
            ("7", None, Some(7)),
            (" 120 ", None, Some(120)),
            ("Tue, 24 Nov 2026 02:00:30 GMT", Some(now), Some(30)),
            // Sooner than the delay, or not understood: the delay it is.
            ("0", None, None),
            ("Tue, 24 Nov 2026 01:59:30 GMT", Some(now), None),
            ("Tue, 24 Nov 2026 02:00:30 GMT", None, None),
            ("-7", None, None),
            ("soon", Some(now), None),
        ] {
            let busy = answers(429).with("retry-after", retry_after);
            let busy = date.into_iter().fold(busy, |busy, (name, value)| busy.with(name, value));
            let script = Script::new([busy, answers(200)]);
            script.client().fetch(&get(URL), LIMIT).expect("an answer");
            let delay = Duration::from_millis(500)..=Duration::from_secs(1);
            let expected = waited.map_or(delay, |seconds| Duration::from_secs(seconds)..=Duration::from_secs(seconds));
            let waits = script.waits();
            assert!(waits.len() == 1 && expected.contains(&waits[0]), "{retry_after}: {waits:?}");
        }
    }

    #[test]
    fn a_retry_after_of_more_than_two_minutes_is_not_waited_for() {
        for retry_after in ["121", "86400", "18446744073709551615", "Tue, 24 Nov 2026 02:02:01 GMT"] {
            let busy = answers(429).with("retry-after", retry_after).with("date", "Tue, 24 Nov 2026 02:00:00 GMT");
            let script = Script::new([busy]);
            assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").status, 429, "{retry_after}");
            assert_eq!(script.waits(), []);
        }
    }

    #[test]
    fn a_body_that_is_cut_short_is_fetched_again() {
        let cut = answers(200).with("content-length", "11").body("the whole");
        let script = Script::new([cut.clone(), answers(200).with("content-length", "11").body("the whole 1")]);
        assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").excerpt(), "the whole 1");

        let script = Script::new(vec![cut; MAX_ATTEMPTS]);
        let error = script.client().fetch(&get(URL), LIMIT).map(|answer| answer.status).expect_err("never whole");
        assert!(error.to_string().ends_with("cannot be reached: the connection ended 2 bytes early"), "{error}");
    }

    #[test]
    fn a_body_that_is_cut_short_is_an_error_of_who_reads_it() {
        let script = Script::new([answers(200).with("content-length", "11").body("the whole")]);
        let mut response = script.client().open(&get(URL)).expect("an answer");
        let mut text = String::new();
        let error = response.body.read_to_string(&mut text).expect_err("cut short");
        assert_eq!((error.kind(), text.as_str()), (io::ErrorKind::UnexpectedEof, "the whole"));
    }

    #[test]
    fn an_answer_that_is_longer_than_the_limit_is_refused_at_once() {
        for (length, fits) in [(99, true), (100, true), (101, false), (5000, false)] {
            let script = Script::new([answers(200).body(&"x".repeat(length))]);
            match script.client().fetch(&get(URL), LIMIT) {
                Ok(answer) => assert!(fits && answer.body.len() == length, "{length}"),
                Err(error) => {
                    assert!(!fits, "{length}");
                    assert!(
                        error.to_string().starts_with(&format!("{URL} answers with more than 100 bytes")),
                        "{error}"
                    );
                }
            }
            assert_eq!(script.waits(), []);
        }
    }

    #[test]
    fn a_redirect_is_followed_to_wherever_its_location_leads() {
        for (location, target) in [
            ("https://cdn.example.com/file?sig=1", "https://cdn.example.com/file?sig=1"),
            ("/other", "https://gitlab.example.com/other"),
            ("other", "https://gitlab.example.com/other"),
            ("api/", "https://gitlab.example.com/api/"),
            ("?page=2", "https://gitlab.example.com/api?page=2"),
            ("//cdn.example.com/", "https://cdn.example.com/"),
        ] {
            for status in [301, 302, 303, 307, 308] {
                let script = Script::new([redirects(status, location), answers(200)]);
                let answer = script.client().fetch(&get(URL), LIMIT).expect("an answer");
                assert_eq!((answer.status, answer.url.as_str()), (200, target));
                assert_eq!(script.urls(), [URL, target]);
            }
        }
        for not_one in [answers(302), redirects(300, "/other"), redirects(304, "/other"), redirects(200, "/other")] {
            let script = Script::new([not_one]);
            assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").url.as_str(), URL);
        }
    }

    #[test]
    fn credentials_stay_with_the_server_that_they_are_for() {
        for (location, kept) in [
            ("/other", true),
            ("https://gitlab.example.com/other", true),
            ("https://gitlab.example.com:443/other", true),
            ("https://gitlab.example.com:8443/other", false),
            ("https://gitlab.example.com.evil.example/other", false),
            ("https://sub.gitlab.example.com/other", false),
            ("https://cdn.example.com/other", false),
        ] {
            let script = Script::new([redirects(302, location), answers(200)]);
            script.client().fetch(&with_token(get(URL)), LIMIT).expect("an answer");
            let sent: Vec<bool> = script.requests().iter().map(|request| request.credentials.is_some()).collect();
            assert_eq!(sent, [true, kept], "{location}");
        }
        let script = Script::new([redirects(302, "https://gitlab.example.com/"), answers(200)]);
        script.client().fetch(&with_token(get("http://gitlab.example.com/")), LIMIT).expect("an answer");
        assert!(script.requests()[1].credentials.is_none(), "another scheme is another server");
    }

    #[test]
    fn credentials_are_not_sent_again_by_way_of_another_server_but_by_the_next_attempt() {
        let away_and_back = [redirects(302, "https://cdn.example.com/"), redirects(302, URL), answers(503)];
        let script = Script::new(away_and_back.into_iter().chain([answers(200)]));
        script.client().fetch(&with_token(get(URL)), LIMIT).expect("an answer");
        let sent: Vec<bool> = script.requests().iter().map(|request| request.credentials.is_some()).collect();
        assert_eq!(sent, [true, false, false, true]);
        assert_eq!(script.urls(), [URL, "https://cdn.example.com/", URL, URL]);
    }

    #[test]
    fn a_redirect_that_gives_something_away_or_leads_nowhere_is_refused() {
        for (url, location, told) in [
            (URL, "http://gitlab.example.com/", "to http://gitlab.example.com/, which is not followed"),
            (URL, "ftp://gitlab.example.com/", "which is not followed"),
            (URL, "file:///etc/passwd", "to file:///etc/passwd, which is not followed"),
            ("http://gitlab.example.com/", "javascript:1", "which is not followed"),
            (URL, "https://", "to no URL"),
            (URL, "https://[::1", "to no URL"),
        ] {
            let script = Script::new([redirects(302, location)]);
            let error = script.client().fetch(&get(url), LIMIT).map(|answer| answer.status).expect_err(location);
            assert!(error.to_string().starts_with(&format!("{url} redirects to ")), "{error}");
            assert!(error.to_string().contains(told), "{error}");
            assert_eq!(script.requests().len(), 1);
        }
    }

    #[test]
    fn a_redirect_of_what_changes_something_is_refused_with_the_url_to_use() {
        for method in [Method::Post, Method::Delete] {
            let script = Script::new([redirects(301, "https://new.example.com/api")]);
            let request = Request { method, ..with_token(get(URL)) };
            let error = script.client().fetch(&request, LIMIT).map(|answer| answer.status).expect_err("a redirect");
            let told = format!("{URL} redirects to https://new.example.com/api; use that URL in its place");
            assert_eq!(error.to_string(), told);
            assert_eq!(script.requests().len(), 1);
        }
    }

    #[test]
    fn ten_redirects_are_followed_and_no_more() {
        let script = Script::new(vec![redirects(302, URL); 10].into_iter().chain([answers(200)]));
        assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").status, 200);

        let script = Script::new(vec![redirects(302, URL); 11]);
        let error = script.client().fetch(&get(URL), LIMIT).map(|answer| answer.status).expect_err("a loop");
        assert_eq!(error.to_string(), format!("{URL} redirects more than 10 times"));
    }

    #[test]
    fn no_message_holds_a_user_a_password_or_a_query() {
        let secret = "https://us3r:p4ss@example.com/file?t0ken=1";
        let post = Request { method: Method::Post, ..get(secret) };
        for (request, script) in [
            (get(secret), vec![breaks(io::ErrorKind::Unsupported)]),
            (get(secret), vec![answers(200).with("content-length", "9").body("cut"); MAX_ATTEMPTS]),
            (get(secret), vec![answers(200).body(&"x".repeat(101))]),
            (get(secret), vec![redirects(302, secret); 11]),
            (get(secret), vec![redirects(302, "http://us3r:p4ss@example.com/?t0ken=1")]),
            (get(secret), vec![redirects(302, "ftp://us3r:p4ss@example.com/?t0ken=1")]),
            (get(secret), vec![redirects(302, "https://us3r:p4ss@[?t0ken=1")]),
            (post, vec![redirects(302, secret)]),
        ] {
            let script = Script::new(script);
            let error = script.client().fetch(&request, LIMIT).map(|answer| answer.status).expect_err("an error");
            let messages = format!("{error} {error:?}");
            assert!(messages.contains("https://example.com/file"), "{messages}");
            for part in ["us3r", "p4ss", "t0ken"] {
                assert!(!messages.contains(part), "{messages}");
            }
        }
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        let script = Script::new([answers(400).body(&format!("<p>\n\tnot\x1b[31m red\r\n{}", "long ".repeat(100)))]);
        let excerpt = script.client().fetch(&get(URL), 1000).expect("an answer").excerpt();
        assert!(excerpt.starts_with("<p> not[31m red long long") && excerpt.len() == 200, "{excerpt}");
    }

    #[test]
    fn callers_wait_longer_with_each_attempt_and_never_not_at_all() {
        let script = Script::new([]);
        for attempt in 1..=12 {
            script.client().wait(attempt);
        }
        let waits = script.waits();
        assert_eq!(waits.len(), 12);
        for (wait, shortest) in waits.iter().zip([500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]) {
            let shortest = Duration::from_millis(shortest);
            assert!((shortest..=shortest * 2).contains(wait), "{waits:?}");
        }
    }

    #[test]
    fn sockets_are_taken_where_there_is_a_bundle_or_a_proxy() {
        let bundle = || vec![Bundle { name: "--ca-file ca.pem".to_owned(), pem: Vec::new() }];
        let proxies = |variable: &'static str| Proxies::new(move |name| (name == variable).then(|| "p:1".to_owned()));
        for (bundles, proxies, takes_sockets) in [
            (vec![], Proxies::default(), false),
            (vec![], proxies("NO_PROXY"), false),
            (vec![], proxies("https_proxy"), true),
            (vec![], proxies("HTTP_PROXY"), true),
            (vec![], proxies("ALL_PROXY"), true),
            (bundle(), Proxies::default(), true),
            (bundle(), proxies("HTTPS_PROXY"), true),
        ] {
            assert_eq!(Network { bundles, proxies }.takes_sockets(), takes_sockets);
        }
    }

    #[test]
    #[cfg(not(target_os = "wasi"))]
    fn a_build_without_http_says_so_at_once() {
        let client = Client::new(Network::default()).expect("a client");
        let error = client.open(&get(URL)).map(|response| response.status).expect_err("no HTTP");
        assert!(error.to_string().ends_with("this build has no HTTP: run the wasm32-wasip2 module"), "{error}");
    }
}
