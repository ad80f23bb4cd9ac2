//! A server for tests that answers as a script says, and time that passes at once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::rc::Rc;
use std::time::Duration;

use super::request::Transport;
use super::{Client, ClientCertificate, Limits, Pem, Request, Response, Tls};

/// A client certificate of an authority Acme Clients, valid from 2026 to 2035.
pub const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBejCCASCgAwIBAgIUTLbd1Z+h1wNs5dZCTbLGyKI2d18wCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMQWNtZSBDbGllbnRzMB4XDTI2MDEwMTAwMDAwMFoXDTM2MDEw
MTAwMDAwMFowFDESMBAGA1UEAwwJc2NoZWR1bGVyMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAEE7J1LtQBVOWiALuHtvPDo4BnmQwK4zrqmDtO32NXVGIgeoiQBcuG
QTF4CdvcwliE/A/Me6y29pDkeWbxet0Px6NNMEswCQYDVR0TBAIwADAdBgNVHQ4E
FgQUx+79i52VvsD+bh7pwLrFOTaq1I8wHwYDVR0jBBgwFoAUZ1wGdbp7R+0Fop0k
ruPIDDNFDh8wCgYIKoZIzj0EAwIDSAAwRQIhAK+Bk0ocknMfUnwZr97GZLUAeIvZ
kI6Vgbyev0NDi81WAiABccyJr3AlWaVPNDyCLdPDOsj5miQz0bhfQPLFHPBzEg==
-----END CERTIFICATE-----
";
/// The key of [`CERTIFICATE`].
pub const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5DrfoXXQFercTjeD
0+RNtXv8GkX1kN1JsZolws3aXpChRANCAAQTsnUu1AFU5aIAu4e288OjgGeZDArj
OuqYO07fY1dUYiB6iJAFy4ZBMXgJ29zCWIT8D8x7rLb2kOR5ZvF63Q/H
-----END PRIVATE KEY-----
";

/// The settings of a repository whose servers are shown [`CERTIFICATE`].
pub fn with_certificate() -> Tls {
    let pem = |text: &'static str| Pem { name: "--client-cert c.pem", text: text.as_bytes() };
    let now = "2026-11-24T02:00:00Z".parse().expect("a time");
    let certificate = ClientCertificate::new(pem(CERTIFICATE), Some(pem(KEY)), now).expect("a certificate");
    Tls::new(Vec::new(), Some(certificate)).expect("settings")
}

thread_local! {
    static WAITS: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

/// The answer to one request.
#[derive(Clone)]
pub enum ScriptedAnswer {
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    Breaks(io::ErrorKind),
}

pub fn answers(status: u16) -> ScriptedAnswer {
    ScriptedAnswer::Answer { status, headers: Vec::new(), body: Vec::new() }
}

pub fn breaks(kind: io::ErrorKind) -> ScriptedAnswer {
    ScriptedAnswer::Breaks(kind)
}

impl ScriptedAnswer {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub fn body(mut self, content: impl AsRef<[u8]>) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            *body = content.as_ref().to_vec();
        }
        self
    }
}

/// Answers that are given one after another, and what was asked and waited for them.
#[derive(Clone)]
pub struct Script {
    answers: Rc<RefCell<VecDeque<ScriptedAnswer>>>,
    requests: Rc<RefCell<Vec<Request>>>,
}

impl Script {
    pub fn new(answers: impl IntoIterator<Item = ScriptedAnswer>) -> Self {
        WAITS.take();
        Self { answers: Rc::new(RefCell::new(answers.into_iter().collect())), requests: Rc::default() }
    }

    pub fn client(&self) -> Client {
        self.client_with(Limits::DEFAULT)
    }

    pub fn client_with(&self, limits: Limits) -> Client {
        Client::over(Box::new(self.clone()), limits, |wait| WAITS.with_borrow_mut(|waits| waits.push(wait)))
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    pub fn urls(&self) -> Vec<String> {
        self.requests.borrow().iter().map(|request| request.url.to_string()).collect()
    }

    /// The waits since the script was made; a test plays one script at a time.
    #[allow(clippy::unused_self)]
    pub fn waits(&self) -> Vec<Duration> {
        WAITS.with_borrow(Clone::clone)
    }
}

impl Transport for Script {
    fn send(&self, request: &Request) -> io::Result<Response> {
        self.requests.borrow_mut().push(request.clone());
        match self.answers.borrow_mut().pop_front().expect("the script has an answer to every request") {
            ScriptedAnswer::Answer { status, headers, body } => {
                Ok(Response { status, headers, body: Box::new(Cursor::new(body)), url: request.url.clone() })
            }
            ScriptedAnswer::Breaks(kind) => Err(kind.into()),
        }
    }
}
