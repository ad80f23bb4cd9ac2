//! A connection as ureq wants it.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport as UreqTransport};
use ureq::{Error as UreqError, Timeout};

use super::failure::{in_words, speaks_tls};
use crate::http::patience::Patience;

pub const BUFFER_SIZE: usize = 64 << 10;
pub const USER_AGENT: &str = concat!("ami-scheduler/", env!("CARGO_PKG_VERSION"));
/// How an alert of TLS begins.
const TLS_RECORD: [u8; 2] = [0x15, 0x03];

/// A connection as it is at the moment: a socket, TLS over it, TLS through a proxy's tunnel.
pub trait Stream: Read + Write + Send + Sync {
    /// How long its reads and writes may take.
    fn patience(&mut self) -> &mut Patience;
}

/// What passes over a wire: one after another, each in time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    Request,
    Head,
    Body,
}

/// A connection as ureq wants it.
pub struct Wire {
    stream: Box<dyn Stream>,
    buffers: LazyBuffers,
    is_tls: bool,
    passing: Option<Passing>,
    sent: u64,
    has_answered: bool,
    origin: Option<String>,
    /// Why nothing more can be sent. A server may answer before it has read all, and close: its
    /// answer counts.
    broken: Option<io::Error>,
}

impl Wire {
    /// `origin` is what goes before the path in the first line, where a proxy passes the request on.
    pub fn new(stream: Box<dyn Stream>, is_tls: bool, origin: Option<String>) -> Self {
        let buffers = LazyBuffers::new(BUFFER_SIZE, BUFFER_SIZE);
        Self { stream, buffers, is_tls, passing: None, sent: 0, has_answered: false, origin, broken: None }
    }
}

impl Wire {
    fn pass(&mut self, passing: Passing) {
        if self.passing.replace(passing) == Some(passing) {
            return;
        }
        let patience = self.stream.patience();
        match passing {
            Passing::Request | Passing::Body => patience.transfer(Duration::ZERO),
            Passing::Head => patience.answer(self.sent),
        }
    }
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
        self.pass(Passing::Request);
        self.sent += amount as u64;
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
        // ureq says which of its limits would end the wait, and has one for the head alone.
        self.pass(if timeout.reason == Timeout::RecvResponse { Passing::Head } else { Passing::Body });
        let input = self.buffers.input_append_buf();
        match self.stream.read(input) {
            Ok(0) => self.broken.take().map_or(Ok(false), |error| Err(error.into())),
            Ok(read) => {
                if !self.has_answered && !self.is_tls && input[..read].starts_with(&TLS_RECORD) {
                    return Err(speaks_tls().into());
                }
                self.has_answered = true;
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
