//! Names of servers, looked up in the time that there is for a connection.

use std::io;
use std::net::SocketAddr;

use super::failure::unknown_name;
use crate::http::patience::Patience;

/// The addresses of a server, at least one.
pub fn look_up(host: &str, port: u16, patience: &mut Patience) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    patience.connect("the lookup of its name (DNS)");
    let addresses = addresses_of(host, port, patience)?;
    if addresses.is_empty() { Err(unknown_name("its name has no address (DNS)")) } else { Ok(addresses) }
}

/// The system's own lookup knows no deadline: what is too late is left to itself.
#[cfg(not(target_os = "wasi"))]
fn addresses_of(host: &str, port: u16, patience: &Patience) -> io::Result<Vec<SocketAddr>> {
    use std::net::ToSocketAddrs as _;

    let server = (host.to_owned(), port);
    in_time(patience, move || server.to_socket_addrs().map(Iterator::collect))?
        .map_err(|_| unknown_name("its name is not known (DNS)"))
}

#[cfg(not(target_os = "wasi"))]
fn in_time<T: Send + 'static>(patience: &Patience, action: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    use std::sync::mpsc::{RecvTimeoutError, channel};

    let (sender, done) = channel();
    std::thread::spawn(move || sender.send(action()));
    loop {
        match done.recv_timeout(patience.left()?) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(unknown_name("its name could not be looked up (DNS)")),
        }
    }
}

#[cfg(target_os = "wasi")]
fn addresses_of(host: &str, port: u16, patience: &mut Patience) -> io::Result<Vec<SocketAddr>> {
    use wasi::sockets::instance_network::instance_network;
    use wasi::sockets::ip_name_lookup::{ErrorCode, IpAddress, resolve_addresses};

    use super::wasi::wait;

    let refused = |code| {
        unknown_name(match code {
            ErrorCode::AccessDenied => {
                "its name could not be looked up (DNS): is wasmtime run with --wasi allow-ip-name-lookup, as wasmtime.toml has it?"
            }
            _ => "its name is not known (DNS)",
        })
    };
    let network = instance_network();
    let names = resolve_addresses(&network, host).map_err(refused)?;
    let mut addresses = Vec::new();
    loop {
        let address = match names.resolve_next_address() {
            Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => [a, b, c, d].into(),
            Ok(Some(IpAddress::Ipv6((a, b, c, d, e, f, g, h)))) => [a, b, c, d, e, f, g, h].into(),
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) => {
                wait(&names.subscribe(), patience)?;
                continue;
            }
            Err(code) => return Err(refused(code)),
        };
        addresses.push(SocketAddr::new(address, port));
    }
}

#[cfg(all(test, not(target_os = "wasi")))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::Limits;

    #[test]
    fn a_name_server_that_does_not_answer_is_left_to_itself() {
        let connect_timeout = Duration::from_millis(50);
        let mut patience = Patience::new(Limits { connect_timeout, ..Limits::DEFAULT });
        patience.connect("the lookup of its name (DNS)");
        let never = || std::thread::sleep(Duration::from_secs(600));
        let error = in_time(&patience, never).expect_err("no answer").to_string();
        assert_eq!(error, "the lookup of its name (DNS) took longer than 50ms (--connect-timeout)");
    }
}
