//! Requests and their answers.

use std::io::{self, Read};

use url::Url;

use super::Tls;

/// How often a request is sent, the first time included.
pub const MAX_ATTEMPTS: usize = 6;

/// The method of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// A request. Sending it again has the effect of sending it once.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// A header that proves who asks: sent to the server of `url` alone.
    pub credentials: Option<(&'static str, String)>,
    /// Whom the server is trusted by, and what it is shown.
    pub tls: Tls,
    /// Content type and bytes.
    pub body: Option<(String, Vec<u8>)>,
    /// Whether no cache on the way may answer in place of the server.
    pub is_fresh: bool,
    /// How often the request is sent at most; fewer times where there is a fall-back.
    pub attempts: usize,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        let tls = Tls::default();
        Self { method, url, credentials: None, tls, body: None, is_fresh: false, attempts: MAX_ATTEMPTS }
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
        value_of(&self.headers, name)
    }

    /// Reads the body up to one byte more than `limit`, which shows that it is longer.
    pub fn read_to(mut self, limit: u64) -> io::Result<Answer> {
        let mut body = Vec::new();
        self.body.by_ref().take(limit + 1).read_to_end(&mut body)?;
        Ok(Answer { status: self.status, headers: self.headers, body, url: self.url })
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
        value_of(&self.headers, name)
    }

    /// The beginning of the body as one line, for an error message.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect()
    }
}

fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Sends one request over the wire, and follows no redirect.
pub trait Transport {
    fn send(&self, request: &Request) -> io::Result<Response>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line() {
        let body = format!("<p>\n\tnot\x1b[31m red\r\n{}", "long ".repeat(100)).into_bytes();
        let url = "https://gitlab.example.com/".parse().expect("a URL");
        let excerpt = Answer { status: 400, headers: Vec::new(), body, url }.excerpt();
        assert!(excerpt.starts_with("<p> not[31m red long long") && excerpt.len() == 200, "{excerpt}");
    }
}
