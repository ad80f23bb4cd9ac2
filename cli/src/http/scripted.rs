//! A server for tests that answers as a script says, and time that passes at once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::rc::Rc;
use std::time::Duration;

use super::request::Transport;
use super::{Client, Limits, Request, Response};

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
