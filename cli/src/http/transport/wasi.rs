//! The transport over wasi:http: the host opens the connection and does TLS, with the public web's
//! certificates.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    self, ErrorCode, Fields, IncomingBody, IncomingResponse, InputStream, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::StreamError;

use super::wire::USER_AGENT;
use crate::http::patience::{CONNECT_TIMEOUT, Patience, SPEED_TIME, took_longer};
use crate::http::request::Transport;
use crate::http::{Limits, Method, Request, Response};

/// The most bytes that are read at a time.
const CHUNK: u64 = 256 << 10;

pub struct WasiHttp {
    pub patience: Patience,
}

impl Transport for WasiHttp {
    fn send(&self, request: &Request) -> io::Result<Response> {
        let mut patience = self.patience;
        let limits = patience.limits;
        let in_words = |code| in_words(&code, &limits);
        let sent = request.body.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);

        let outgoing = outgoing(request)?;
        let body = outgoing.body().map_err(|()| refused("a body"))?;
        let future = outgoing_handler::handle(outgoing, Some(options(&limits, sent)?)).map_err(in_words)?;
        // A server may answer before it has read all, and close: its answer counts.
        patience.transfer(limits.connect_timeout);
        let written = match &request.body {
            Some((_, bytes)) => write(&body, bytes, &mut patience),
            None => Ok(()),
        };
        let finished = match written {
            Err(error) if error.kind() == ErrorKind::TimedOut => return Err(error),
            written => written.and_then(|()| OutgoingBody::finish(body, None).map_err(in_words)),
        };
        patience.connection_and_answer(sent);
        wait(&future.subscribe(), &mut patience)?;
        let response = match future.get() {
            Some(Ok(Ok(response))) => response,
            Some(Ok(Err(code))) => return Err(finished.err().unwrap_or_else(|| in_words(code))),
            _ => return Err(io::Error::other("the host gave no answer")),
        };
        let headers = response.headers().entries().into_iter();
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
            .collect();
        patience.transfer(Duration::ZERO);
        let body = Box::new(Body::new(response, patience)?);
        Ok(Response { status: body.response.status(), headers, body, url: request.url.clone() })
    }
}

/// Waits until something is ready, as long as there is patience.
pub fn wait(ready: &Pollable, patience: &mut Patience) -> io::Result<()> {
    while !ready.ready() {
        let left = u64::try_from(patience.left()?.as_nanos()).unwrap_or(u64::MAX);
        let begun = Instant::now();
        poll(&[ready, &subscribe_duration(left)]);
        patience.record(0, begun.elapsed());
    }
    Ok(())
}

/// The limits that the host keeps. It has none for TLS and for rates, which `wait` keeps; its own for an answer counts
/// from the upload's begin.
fn options(limits: &Limits, sent: u64) -> io::Result<RequestOptions> {
    let options = RequestOptions::new();
    let nanos = |limit: Duration| u64::try_from(limit.as_nanos()).ok();
    options
        .set_connect_timeout(nanos(limits.connect_timeout))
        .and_then(|()| options.set_first_byte_timeout(nanos(limits.answer(sent))))
        .and_then(|()| options.set_between_bytes_timeout(nanos(limits.max_time)))
        .map_err(|()| refused("a time limit"))?;
    Ok(options)
}

fn outgoing(request: &Request) -> io::Result<OutgoingRequest> {
    let mut headers = vec![
        ("user-agent".to_owned(), USER_AGENT.as_bytes().to_vec()),
        // Checksums are of the files as they are.
        ("accept-encoding".to_owned(), b"identity".to_vec()),
    ];
    if request.is_fresh {
        headers.push(("cache-control".to_owned(), b"no-cache".to_vec()));
    }
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
        Method::Get => types::Method::Get,
        Method::Post => types::Method::Post,
        Method::Put => types::Method::Put,
        Method::Delete => types::Method::Delete,
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

fn write(body: &OutgoingBody, mut bytes: &[u8], patience: &mut Patience) -> io::Result<()> {
    let broken = |_: StreamError| io::Error::new(ErrorKind::BrokenPipe, "the connection broke during the upload");
    let stream = body.write().map_err(|()| refused("a body"))?;
    while !bytes.is_empty() {
        wait(&stream.subscribe(), patience)?;
        let permitted = usize::try_from(stream.check_write().map_err(broken)?).unwrap_or(usize::MAX);
        let (piece, rest) = bytes.split_at(permitted.min(bytes.len()));
        stream.write(piece).map_err(broken)?;
        patience.record(piece.len(), Duration::ZERO);
        bytes = rest;
    }
    stream.flush().map_err(broken)?;
    wait(&stream.subscribe(), patience)
}

fn refused(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("the host refused {what} of the request"))
}

/// A failure of the host's in plain words. It says of a TLS failure neither what failed, nor whether the certificate
/// did.
fn in_words(code: &ErrorCode, limits: &Limits) -> io::Error {
    let (kind, words) = match code {
        ErrorCode::TlsCertificateError | ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => (
            ErrorKind::Other,
            "the TLS handshake failed. Private certificate authority? Pass its certificate with --ca-file FILE or the \
             variable SSL_CERT_FILE. Does a repository want a client certificate? Pass it with --client-cert FILE. Does \
             it not speak TLS there? Then it is an http:// URL",
        ),
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => (ErrorKind::NotFound, "its name is not known (DNS)"),
        ErrorCode::ConnectionRefused => (ErrorKind::ConnectionRefused, "connection refused"),
        ErrorCode::ConnectionTerminated => (ErrorKind::ConnectionReset, "the connection broke"),
        ErrorCode::ConnectionTimeout => {
            let words = took_longer("the connection", limits.connect_timeout, CONNECT_TIMEOUT);
            return io::Error::new(ErrorKind::TimedOut, words);
        }
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            return io::Error::new(ErrorKind::TimedOut, took_longer("the answer", limits.speed_time, SPEED_TIME));
        }
        ErrorCode::HttpProtocolError => {
            (ErrorKind::InvalidData, "its answer is not HTTP; if it speaks TLS there, is it an https:// URL?")
        }
        ErrorCode::HttpRequestDenied => (ErrorKind::PermissionDenied, "the host denied the request"),
        other => return io::Error::other(format!("{other:?}")),
    };
    io::Error::new(kind, words)
}

/// The body of a response as a reader. What belongs to another is dropped before it.
struct Body {
    stream: InputStream,
    _body: IncomingBody,
    response: IncomingResponse,
    patience: Patience,
    chunk: io::Cursor<Vec<u8>>,
}

impl Body {
    fn new(response: IncomingResponse, patience: Patience) -> io::Result<Self> {
        let none = |()| io::Error::other("the host gave no body");
        let body = response.consume().map_err(none)?;
        let stream = body.stream().map_err(none)?;
        Ok(Self { stream, _body: body, response, patience, chunk: io::Cursor::new(Vec::new()) })
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            wait(&self.stream.subscribe(), &mut self.patience)?;
            // A chunk may be empty without the body being at its end.
            match self.stream.read(CHUNK) {
                Ok(chunk) => {
                    self.patience.record(chunk.len(), Duration::ZERO);
                    self.chunk = io::Cursor::new(chunk);
                }
                Err(StreamError::Closed) => return Ok(0),
                Err(StreamError::LastOperationFailed(_)) => {
                    self.patience.left()?;
                    return Err(io::Error::new(ErrorKind::ConnectionReset, "the connection broke"));
                }
            }
        }
    }
}
