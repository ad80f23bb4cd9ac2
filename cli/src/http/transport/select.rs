//! The choice of a transport.

use super::sockets::Sockets;
use crate::http::patience::Patience;
use crate::http::request::Transport;
use crate::http::{BundleError, Network};

/// Sockets; but in a module the host's own HTTP, unless the network or a request's TLS needs what it does not know.
pub fn select(network: Network, patience: Patience) -> Result<Box<dyn Transport>, BundleError> {
    let needs_sockets = network.needs_sockets();
    let sockets = Sockets::new(network, patience)?;
    Ok(if needs_sockets { Box::new(sockets) } else { host_or(sockets, patience) })
}

#[cfg(not(target_os = "wasi"))]
fn host_or(sockets: Sockets, _: Patience) -> Box<dyn Transport> {
    Box::new(sockets)
}

#[cfg(target_os = "wasi")]
fn host_or(sockets: Sockets, patience: Patience) -> Box<dyn Transport> {
    Box::new(HostOrSockets { host: super::wasi::WasiHttp { patience }, sockets })
}

/// The host's own HTTP, and sockets for the requests that need them.
#[cfg(target_os = "wasi")]
struct HostOrSockets {
    host: super::wasi::WasiHttp,
    sockets: Sockets,
}

#[cfg(target_os = "wasi")]
impl Transport for HostOrSockets {
    fn send(&self, request: &crate::http::Request) -> std::io::Result<crate::http::Response> {
        if request.tls.needs_sockets() { self.sockets.send(request) } else { self.host.send(request) }
    }
}
