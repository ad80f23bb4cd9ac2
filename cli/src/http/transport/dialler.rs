//! Connections: straight or through a proxy, with or without TLS.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error as UreqError;
use ureq::unversioned::transport::{ConnectionDetails, Connector};
use url::{Position, Url};

use super::failure::{in_words, refused, tls_failed};
use super::socket::Socket;
use super::tunnel::{tunnel, unreachable_proxy};
use super::wire::{Stream, Wire};
use crate::http::Proxies;
use crate::http::patience::Patience;

/// Opens connections, straight or through a proxy.
pub struct Dialler {
    pub server_tls: Arc<ClientConfig>,
    pub proxy_tls: Arc<ClientConfig>,
    pub proxies: Proxies,
    pub patience: Patience,
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
            Some(proxy) => self.open_proxy(&proxy.url).map_err(|error| unreachable_proxy(proxy, &error))?,
            None => Box::new(Socket::connect(&url, self.patience)?),
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
            stream = begin_tls(stream, &url, &self.server_tls)?;
        }
        Ok(Some(Wire::new(stream, is_tls, origin)))
    }
}

impl Dialler {
    /// A connection to a proxy, with TLS for https.
    fn open_proxy(&self, url: &Url) -> io::Result<Box<dyn Stream>> {
        let socket = Box::new(Socket::connect(url, self.patience)?);
        if url.scheme() == "https" { begin_tls(socket, url, &self.proxy_tls) } else { Ok(socket) }
    }
}

fn begin_tls(mut stream: Box<dyn Stream>, url: &Url, tls: &Arc<ClientConfig>) -> io::Result<Box<dyn Stream>> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host)
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "its name is not one that a certificate can have"))?;
    let connection = ClientConnection::new(Arc::clone(tls), name).map_err(|error| tls_failed(&error))?;
    stream.patience().connect("the TLS handshake");
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        if let Err(error) = stream.conn.complete_io(&mut stream.sock) {
            return Err(match error.kind() {
                ErrorKind::UnexpectedEof => {
                    io::Error::new(ErrorKind::ConnectionReset, "the connection broke during the TLS handshake")
                }
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                    last_alert(&mut stream).unwrap_or_else(|| in_words(error))
                }
                _ => in_words(error),
            });
        }
    }
    Ok(Box::new(stream))
}

/// The alert that a server sent before it closed the connection. It may take the first of several records for enough,
/// and what fails here is to write the next one.
fn last_alert(stream: &mut StreamOwned<ClientConnection, Box<dyn Stream>>) -> Option<io::Error> {
    stream.conn.read_tls(&mut stream.sock).ok()?;
    stream.conn.process_new_packets().err().map(|error| tls_failed(&error))
}

impl Stream for StreamOwned<ClientConnection, Box<dyn Stream>> {
    fn patience(&mut self) -> &mut Patience {
        self.sock.patience()
    }
}
