//! Tunnels through an HTTP proxy (RFC 9110, 9.3.6).

use std::io::{self, ErrorKind};

use url::Url;

use super::failure::in_words;
use super::wire::{Stream, USER_AGENT};
use crate::http::proxy::Proxy;

/// The longest answer of a proxy to CONNECT.
const MAX_CONNECT_ANSWER: usize = 16 << 10;

pub fn unreachable_proxy(proxy: &Proxy, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{proxy} cannot be reached: {error}"))
}

/// Asks a proxy for a tunnel to the server of a URL.
pub fn tunnel(stream: &mut dyn Stream, proxy: &Proxy, url: &Url) -> io::Result<()> {
    let broken = |error| unreachable_proxy(proxy, &in_words(error));
    stream.patience().connect("its answer to CONNECT");
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
            ErrorKind::UnexpectedEof => {
                unreachable_proxy(proxy, &io::Error::new(ErrorKind::ConnectionReset, "it closed the connection"))
            }
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
        None => Err(io::Error::new(ErrorKind::InvalidData, format!("{proxy} is none: its answer is not HTTP"))),
    }
}

pub fn proxy_refuses(proxy: &Proxy, what: &str, status: u16) -> io::Error {
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
