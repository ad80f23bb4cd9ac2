//! Connections: straight or through a proxy, with or without TLS.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error as UreqError;
use ureq::unversioned::transport::{ConnectionDetails, Connector};
use url::{Position, Url};

use super::TIMEOUT;
use super::failure::{in_words, not_connected, refused, tls_failed, unknown_name};
use super::tunnel::{tunnel, unreachable_proxy};
use super::wire::{Stream, Wire};
use crate::http::Proxies;

/// Opens connections, straight or through a proxy.
pub struct Dialler {
    pub tls: Arc<ClientConfig>,
    pub proxies: Proxies,
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
        Ok(Some(Wire::new(stream, is_tls, origin)))
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
                    io::Error::new(ErrorKind::ConnectionReset, "the connection broke during the TLS handshake")
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
