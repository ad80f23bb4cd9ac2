//! The transport over wasi:sockets, for what the host's own HTTP does not know: certificates of
//! private authorities, and proxies. HTTP is ureq's, TLS is rustls's.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, Error as TlsError, StreamOwned};
use ureq::http::{self, HeaderValue, Uri, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport as UreqTransport,
};
use ureq::{Agent, Body, Error as UreqError};
use url::{Position, Url};

use super::proxy::{Proxies, Proxy};
use super::{BundleError, Method, Network, Request, Response, TIMEOUT, Transport, USER_AGENT, certificates};

/// The longest answer of a proxy to CONNECT.
const MAX_CONNECT_ANSWER: usize = 16 << 10;
const BUFFER_SIZE: usize = 64 << 10;

pub(super) struct Sockets {
    agent: Agent,
    proxies: Proxies,
}

impl Sockets {
    pub(super) fn new(network: Network) -> Result<Self, BundleError> {
        let Network { bundles, proxies } = network;
        let dialler = Dialler { tls: Arc::new(certificates::tls(&bundles)?), proxies: proxies.clone() };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .timeout_recv_response(Some(TIMEOUT))
            .input_buffer_size(BUFFER_SIZE)
            .output_buffer_size(BUFFER_SIZE)
            .build();
        Ok(Self { agent: Agent::with_parts(config, dialler, NoResolver), proxies })
    }

    fn exchange(&self, request: &Request, proxy: Option<&Proxy>) -> io::Result<http::Response<Body>> {
        let url = &request.url;
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Delete => http::Method::DELETE,
        };
        let uri = format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterQuery]);
        let mut builder = http::Request::builder()
            .method(method)
            .uri(uri)
            .header(header::USER_AGENT, USER_AGENT)
            // Checksums are of the files as they are.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some((name, value)) = &request.credentials {
            builder = builder.header(*name, secret(value)?);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(credentials) = proxy.filter(|_| url.scheme() == "http").and_then(|proxy| proxy.credentials.as_ref())
        {
            builder = builder.header(header::PROXY_AUTHORIZATION, secret(credentials)?);
        }
        let sent = match &request.body {
            Some((content_type, bytes)) => {
                let request = builder.header(header::CONTENT_TYPE, content_type).body(bytes.as_slice());
                self.agent.run(request.map_err(|_| refused())?)
            }
            None => self.agent.run(builder.body(()).map_err(|_| refused())?),
        };
        sent.map_err(failed)
    }
}

impl Transport for Sockets {
    fn send(&self, request: &Request) -> io::Result<Response> {
        let proxy = self.proxies.of(&request.url).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let answer = self.exchange(request, proxy.as_ref()).map_err(|error| match &proxy {
            // A proxy that looks into TLS shows certificates of its own.
            Some(proxy) if !error.to_string().contains(&proxy.to_string()) => {
                io::Error::new(error.kind(), format!("{error} (by way of {proxy})"))
            }
            _ => error,
        })?;
        let status = answer.status().as_u16();
        if let Some(proxy) = proxy.filter(|_| status == 407) {
            return Err(proxy_refuses(&proxy, "the request", status));
        }
        let headers = answer.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = answer.into_body().into_with_config().limit(u64::MAX).reader();
        Ok(Response { status, headers, body: Box::new(InWords(body)), url: request.url.clone() })
    }
}

/// A value that is kept out of what is printed. What is wrong with it is not told either.
fn secret(value: &str) -> io::Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
    value.set_sensitive(true);
    Ok(value)
}

fn refused() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "a header or the URL of the request is not one of HTTP")
}

/// The body of an answer, whose errors are told as those before it.
struct InWords<R>(R);

impl<R: Read> Read for InWords<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| failed(UreqError::from(error)))
    }
}

/// What ureq says of a request that failed, in words.
fn failed(error: UreqError) -> io::Error {
    match error {
        // Its own, for a connection that ended before the answer did.
        UreqError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            io::Error::new(ErrorKind::UnexpectedEof, "the connection ended before the answer did")
        }
        UreqError::Io(error) => error,
        UreqError::Timeout(_) => silent(),
        UreqError::Protocol(_) | UreqError::LargeResponseHeader(..) => {
            io::Error::new(ErrorKind::InvalidData, "its answer is not one of HTTP")
        }
        UreqError::Http(_) | UreqError::BadUri(_) => refused(),
        _ => io::Error::other("the request could not be made"),
    }
}

fn silent() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "no answer within 30 s")
}

/// What a socket or rustls says, in words.
fn in_words(error: io::Error) -> io::Error {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        return tls_failed(error);
    }
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => silent(),
        kind @ (ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe) => {
            io::Error::new(kind, "the connection broke")
        }
        _ => error,
    }
}

fn tls_failed(error: &TlsError) -> io::Error {
    let (kind, words) = match error {
        TlsError::InvalidCertificate(CertificateError::Other(refusal)) => {
            (ErrorKind::PermissionDenied, refusal.to_string())
        }
        TlsError::InvalidCertificate(_) => {
            (ErrorKind::PermissionDenied, format!("it cannot show that its certificate is its own: {error}"))
        }
        TlsError::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate | AlertDescription::UnknownCA,
        ) => (ErrorKind::PermissionDenied, "it wants a certificate of the client, and none can be given".to_owned()),
        TlsError::InvalidMessage(_) => {
            (ErrorKind::InvalidInput, "it does not speak TLS there: is it an http:// URL?".to_owned())
        }
        error => (ErrorKind::Other, format!("TLS could not be agreed upon: {error}")),
    };
    io::Error::new(kind, words)
}

// ---------------------------------------------------------------- connections

/// A connection as it is at the moment: a socket, TLS over it, TLS through a proxy's tunnel.
trait Stream: Read + Write + Send + Sync {}
impl<S: Read + Write + Send + Sync> Stream for S {}

/// Opens connections, straight or through a proxy.
struct Dialler {
    tls: Arc<ClientConfig>,
    proxies: Proxies,
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}

impl Connector for Dialler {
    type Out = Wire;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Wire>, UreqError> {
        let url: Url = details.uri.to_string().parse().map_err(|_| refused())?;
        let proxy = self.proxies.of(&url).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let mut stream = match &proxy {
            Some(proxy) => self.open(&proxy.url).map_err(|error| unreachable_proxy(proxy, &error))?,
            None => Box::new(connect(&url)?),
        };
        let mut origin = None;
        let is_tls = url.scheme() == "https";
        if let Some(proxy) = &proxy {
            if is_tls {
                tunnel(&mut *stream, proxy, &url)?;
            } else {
                origin = Some(url[..Position::BeforePath].to_owned());
            }
        }
        if is_tls {
            stream = self.begin_tls(stream, &url)?;
        }
        Ok(Some(Wire { stream, buffers: LazyBuffers::new(BUFFER_SIZE, BUFFER_SIZE), is_tls, origin, broken: None }))
    }
}

impl Dialler {
    /// A connection to the server of a URL, with TLS for https.
    fn open(&self, url: &Url) -> io::Result<Box<dyn Stream>> {
        let socket = Box::new(connect(url)?);
        if url.scheme() == "https" { self.begin_tls(socket, url) } else { Ok(socket) }
    }

    fn begin_tls(&self, stream: Box<dyn Stream>, url: &Url) -> io::Result<Box<dyn Stream>> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host)
            .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "its name is not one that a certificate can have"))?;
        let connection = ClientConnection::new(self.tls.clone(), name).map_err(|error| tls_failed(&error))?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => {
                    io::Error::new(ErrorKind::ConnectionReset, "the connection broke while TLS was agreed upon")
                }
                _ => in_words(error),
            })?;
        }
        Ok(Box::new(stream))
    }
}

/// A TCP connection. A name can have several addresses; they share the time there is.
fn connect(url: &Url) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or_default();
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(|error| unknown_name(&error))?.collect();
    let begun = Instant::now();
    let mut last = io::Error::new(ErrorKind::NotFound, "its name has no address (DNS)");
    for (index, address) in addresses.iter().enumerate() {
        let left = TIMEOUT.saturating_sub(begun.elapsed()) / u32::try_from(addresses.len() - index).unwrap_or(1);
        if left.is_zero() {
            break;
        }
        match connect_to(address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_to(address: &SocketAddr, limit: std::time::Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, limit).map_err(not_connected)?;
    // On WASI a connection that failed can look like one that was made, but for its missing peer.
    stream.peer_addr().map_err(|_| not_connected(ErrorKind::ConnectionRefused.into()))?;
    let options = stream
        .set_read_timeout(Some(TIMEOUT))
        .and_then(|()| stream.set_write_timeout(Some(TIMEOUT)))
        .and_then(|()| stream.set_nodelay(true));
    options.map_err(in_words)?;
    Ok(stream)
}

fn unknown_name(error: &io::Error) -> io::Error {
    // What WASI says where it is not allowed, and for a server of names that is out of order.
    let words = if error.to_string().contains("Non-recoverable") {
        "its name could not be looked up (DNS): is wasmtime run with --wasi allow-ip-name-lookup, as wasmtime.toml has it?"
    } else {
        "its name is not known (DNS)"
    };
    io::Error::new(ErrorKind::NotFound, words)
}

fn not_connected(error: io::Error) -> io::Error {
    let kind = error.kind();
    let words = match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no connection within 30 s",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "there is no way to its network",
        ErrorKind::PermissionDenied => {
            "wasmtime lets no sockets be opened: run it with --wasi inherit-network, as wasmtime.toml has it"
        }
        _ => return error,
    };
    io::Error::new(kind, words)
}

fn unreachable_proxy(proxy: &Proxy, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{proxy} cannot be reached: {error}"))
}

/// Asks a proxy for a tunnel to the server of a URL.
fn tunnel(stream: &mut dyn Stream, proxy: &Proxy, url: &Url) -> io::Result<()> {
    let broken = |error| unreachable_proxy(proxy, &in_words(error));
    let port = url.port_or_known_default().unwrap_or_default();
    let server = format!("{}:{port}", url.host_str().unwrap_or_default());
    let mut request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {USER_AGENT}\r\n");
    if let Some(credentials) = &proxy.credentials {
        request.push_str("Proxy-Authorization: ");
        request.push_str(credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(broken)?;

    // One by one: what comes after the answer's end is the server's.
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => broken(io::Error::new(ErrorKind::ConnectionReset, "it closed the connection")),
            _ => broken(error),
        })?;
        answer.push(byte[0]);
        if answer.len() > MAX_CONNECT_ANSWER {
            break;
        }
    }
    let status = std::str::from_utf8(&answer)
        .ok()
        .and_then(|answer| answer.strip_prefix("HTTP/1."))
        .and_then(|answer| answer.split_whitespace().nth(1)?.parse().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(status) => Err(proxy_refuses(proxy, &format!("CONNECT to {server}"), status)),
        None => Err(io::Error::new(ErrorKind::InvalidData, format!("{proxy} is none: its answer is not one of HTTP"))),
    }
}

fn proxy_refuses(proxy: &Proxy, what: &str, status: u16) -> io::Error {
    let (kind, why) = match status {
        401 | 407 if proxy.credentials.is_none() => {
            (ErrorKind::PermissionDenied, "it wants a user and password: USER:PASSWORD@ before its host")
        }
        // tinyproxy says 401 where it means 407.
        401 | 407 => (ErrorKind::PermissionDenied, "it does not accept the user and password in its URL"),
        403 | 405 => (ErrorKind::PermissionDenied, "it does not allow that server or port; is it one for NO_PROXY?"),
        _ => (ErrorKind::Other, "it does not reach that server; is it one for NO_PROXY?"),
    };
    io::Error::new(kind, format!("{proxy} refused {what} with {status}: {why}"))
}

/// A connection as ureq wants it.
struct Wire {
    stream: Box<dyn Stream>,
    buffers: LazyBuffers,
    is_tls: bool,
    /// What goes before the path in the first line, where a proxy passes the request on.
    origin: Option<String>,
    /// Why nothing more can be sent. A server may answer before it has read all, and close: its
    /// answer counts.
    broken: Option<io::Error>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl UreqTransport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), UreqError> {
        if self.broken.is_some() {
            return Ok(());
        }
        let output = &self.buffers.output()[..amount];
        let path =
            self.origin.as_ref().and_then(|_| output.iter().position(|byte| *byte == b' ')).map(|space| space + 1);
        let sent = match path.and_then(|path| Some((output.split_at(path), self.origin.take()?))) {
            Some(((method, rest), origin)) => self.stream.write_all(&[method, origin.as_bytes(), rest].concat()),
            None => self.stream.write_all(output),
        };
        match sent.and_then(|()| self.stream.flush()).map_err(in_words) {
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.broken = Some(error);
                Ok(())
            }
            sent => Ok(sent?),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, UreqError> {
        if timeout.after.is_zero() {
            return Err(UreqError::Timeout(timeout.reason));
        }
        let input = self.buffers.input_append_buf();
        match self.stream.read(input) {
            Ok(0) => self.broken.take().map_or(Ok(false), |error| Err(error.into())),
            Ok(read) => {
                self.buffers.input_appended(read);
                Ok(true)
            }
            // TLS says where an answer ends: what ends without that was cut.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(io::Error::new(ErrorKind::BrokenPipe, "the connection was cut").into())
            }
            Err(error) => Err(self.broken.take().unwrap_or_else(|| in_words(error)).into()),
        }
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }
}

/// Names are looked up when a connection is opened: that of the proxy, or that of the server.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, UreqError> {
        let mut none = self.empty();
        none.push((Ipv4Addr::UNSPECIFIED, 0).into());
        Ok(none)
    }
}
