//! The transport over wasi:http: the host opens the connection and does TLS, with the public web's
//! certificates.

use std::io::{self, ErrorKind, Read};

use url::Url;
use waki::bindings::wasi::http::outgoing_handler;
use waki::bindings::wasi::http::types::{ErrorCode, Fields, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};
use waki::bindings::wasi::io::streams::StreamError;

use super::{TIMEOUT, USER_AGENT};
use crate::http::request::Transport;
use crate::http::{Method, Request, Response};

pub struct WasiHttp;

impl Transport for WasiHttp {
    fn send(&self, request: &Request) -> io::Result<Response> {
        exchange(request).map_err(|failure| match failure {
            Failure::Tls if speaks_plain_http(&request.url) => {
                io::Error::new(ErrorKind::InvalidInput, "it does not speak TLS there: is it an http:// URL?")
            }
            Failure::Tls => io::Error::other(
                "the TLS handshake failed. Private certificate authority? Pass its certificate with --ca-file FILE or \
                 the variable SSL_CERT_FILE",
            ),
            Failure::Other(error) => error,
        })
    }
}

/// Why there is no answer. The host says of a TLS failure neither what failed, nor whether the certificate did.
enum Failure {
    Tls,
    Other(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error)
    }
}

fn exchange(request: &Request) -> Result<Response, Failure> {
    let outgoing = outgoing(request)?;
    let body = outgoing.body().map_err(|()| refused("a body"))?;
    // waki's own client sets the first of these alone: a server that falls silent would hold the job for ten
    // minutes.
    let options = RequestOptions::new();
    let timeout = u64::try_from(TIMEOUT.as_nanos()).ok();
    options
        .set_connect_timeout(timeout)
        .and_then(|()| options.set_first_byte_timeout(timeout))
        .and_then(|()| options.set_between_bytes_timeout(timeout))
        .map_err(|()| refused("a timeout"))?;
    let future = outgoing_handler::handle(outgoing, Some(options)).map_err(|code| failed(&code))?;
    // A server may answer before it has read all, and close: its answer counts.
    let written = match &request.body {
        Some((_, bytes)) => write(&body, bytes),
        None => Ok(()),
    };
    let finished =
        written.map_err(Failure::from).and_then(|()| OutgoingBody::finish(body, None).map_err(|code| failed(&code)));
    future.subscribe().block();
    let incoming = match future.get() {
        Some(Ok(Ok(incoming))) => incoming,
        Some(Ok(Err(code))) => return Err(finished.err().unwrap_or_else(|| failed(&code))),
        _ => return Err(io::Error::other("the host gave no answer").into()),
    };
    drop(future);
    let response = waki::Response::try_from(incoming).map_err(io::Error::other)?;
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let (status, url) = (response.status_code(), request.url.clone());
    Ok(Response { status, headers, body: Box::new(Body { response, chunk: io::Cursor::new(Vec::new()) }), url })
}

/// Whether plain HTTP, asked for the root without credentials, is answered as HTTP servers do. A port of TLS
/// refuses such a request with 400, or redirects it.
fn speaks_plain_http(url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    let Ok(plain) = Url::parse(&format!("http://{host}:{port}/")) else { return false };
    let answer = exchange(&Request::new(Method::Get, plain));
    answer.is_ok_and(|answer| matches!(answer.status, 200..=299 | 401 | 403 | 404))
}

fn outgoing(request: &Request) -> io::Result<OutgoingRequest> {
    let mut headers = vec![
        ("user-agent".to_owned(), USER_AGENT.as_bytes().to_vec()),
        // Checksums are of the files as they are.
        ("accept-encoding".to_owned(), b"identity".to_vec()),
    ];
    if let Some((name, value)) = &request.credentials {
        headers.push(((*name).to_owned(), value.as_bytes().to_vec()));
    }
    if let Some((content_type, bytes)) = &request.body {
        headers.push(("content-type".to_owned(), content_type.as_bytes().to_vec()));
        headers.push(("content-length".to_owned(), bytes.len().to_string().into_bytes()));
    }
    // The value is not repeated: a header can hold a token.
    let headers = Fields::from_list(&headers).map_err(|_| refused("a header"))?;
    let outgoing = OutgoingRequest::new(headers);
    let url = &request.url;
    let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let method = match request.method {
        Method::Get => waki::Method::Get,
        Method::Post => waki::Method::Post,
        Method::Delete => waki::Method::Delete,
    };
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    outgoing
        .set_method(&method)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(host)))
        .and_then(|()| outgoing.set_path_with_query(Some(&path)))
        .map_err(|()| refused("the URL"))?;
    Ok(outgoing)
}

fn write(body: &OutgoingBody, mut bytes: &[u8]) -> io::Result<()> {
    let failed = |_: StreamError| io::Error::new(ErrorKind::BrokenPipe, "the connection broke during the upload");
    let stream = body.write().map_err(|()| refused("a body"))?;
    while !bytes.is_empty() {
        stream.subscribe().block();
        let permitted = usize::try_from(stream.check_write().map_err(failed)?).unwrap_or(usize::MAX);
        let (piece, rest) = bytes.split_at(permitted.min(bytes.len()));
        stream.write(piece).map_err(failed)?;
        bytes = rest;
    }
    stream.blocking_flush().map_err(failed)
}

fn refused(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("the host refused {what} of the request"))
}

/// A failure of the host's in plain words.
fn failed(code: &ErrorCode) -> Failure {
    let (kind, words) = match code {
        ErrorCode::TlsCertificateError | ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            return Failure::Tls;
        }
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => (ErrorKind::NotFound, "its name is not known (DNS)"),
        ErrorCode::ConnectionRefused => (ErrorKind::ConnectionRefused, "connection refused"),
        ErrorCode::ConnectionTerminated => (ErrorKind::ConnectionReset, "the connection broke"),
        ErrorCode::ConnectionTimeout => (ErrorKind::TimedOut, "no connection within 30 s"),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            (ErrorKind::TimedOut, "no answer within 30 s")
        }
        ErrorCode::HttpProtocolError => {
            (ErrorKind::InvalidData, "its answer is not HTTP; if it speaks TLS there, is it an https:// URL?")
        }
        ErrorCode::HttpRequestDenied => (ErrorKind::PermissionDenied, "the host denied the request"),
        other => return io::Error::other(format!("{other:?}")).into(),
    };
    io::Error::new(kind, words).into()
}

/// The body of a response as a reader.
struct Body {
    response: waki::Response,
    chunk: io::Cursor<Vec<u8>>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            // A chunk may be empty without the body being at its end.
            match self.response.chunk(256 << 10) {
                Ok(Some(chunk)) => self.chunk = io::Cursor::new(chunk),
                Ok(None) => return Ok(0),
                Err(_) => {
                    return Err(io::Error::new(
                        ErrorKind::ConnectionReset,
                        "the connection broke, or fell silent for 30 s",
                    ));
                }
            }
        }
    }
}
