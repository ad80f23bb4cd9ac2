//! A TCP connection whose every wait has an end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use url::Url;

use super::failure::{in_words, not_connected};
use super::names::look_up;
use super::wire::Stream;
use crate::http::patience::Patience;

/// The system takes no shorter time, and none for ever.
const SHORTEST: Duration = Duration::from_millis(1);

pub struct Socket {
    stream: TcpStream,
    patience: Patience,
}

impl Socket {
    /// A connection to the server of a URL. A name can have several addresses; they share the time there is.
    pub fn connect(url: &Url, mut patience: Patience) -> io::Result<Self> {
        let port = url.port_or_known_default().unwrap_or_default();
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let addresses = look_up(host, port, &mut patience)?;
        patience.connect("the connection");
        let mut last = None;
        for (index, address) in addresses.iter().enumerate() {
            let share = patience.left()? / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            match connect_to(address, share.max(SHORTEST)) {
                Ok(stream) => return Ok(Self { stream, patience }),
                Err(error) => last = Some(error),
            }
        }
        patience.left()?;
        Err(last.unwrap_or_else(|| ErrorKind::NotFound.into()))
    }

    /// Does something with the socket that may take as long as there is patience.
    fn wait(
        &mut self,
        limit: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut action: impl FnMut(&mut TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            limit(&self.stream, Some(self.patience.left()?.max(SHORTEST)))?;
            let begun = Instant::now();
            let done = action(&mut self.stream);
            self.patience.record(*done.as_ref().unwrap_or(&0), begun.elapsed());
            match done {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                }
                done => return done,
            }
        }
    }
}

fn connect_to(address: &SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, limit).map_err(not_connected)?;
    // On WASI a connection that failed can look like one that was made, but for its missing peer.
    stream.peer_addr().map_err(|_| not_connected(ErrorKind::ConnectionRefused.into()))?;
    stream.set_nodelay(true).map_err(in_words)?;
    Ok(stream)
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(TcpStream::set_read_timeout, |stream| stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(TcpStream::set_write_timeout, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Socket {
    fn patience(&mut self) -> &mut Patience {
        &mut self.patience
    }
}
