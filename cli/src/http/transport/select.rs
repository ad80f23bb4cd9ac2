//! The choice of a transport.

use super::sockets::Sockets;
use crate::http::request::Transport;
use crate::http::{BundleError, Network};

/// Sockets; but in a module the host's own HTTP, unless the network has a bundle or a proxy.
pub fn select(network: Network) -> Result<Box<dyn Transport>, BundleError> {
    match host().filter(|_| !network.needs_sockets()) {
        Some(host) => Ok(host),
        None => Ok(Box::new(Sockets::new(network)?)),
    }
}

/// The host's own HTTP, where there is a host.
fn host() -> Option<Box<dyn Transport>> {
    #[cfg(target_os = "wasi")]
    return Some(Box::new(super::wasi::WasiHttp));
    #[cfg(not(target_os = "wasi"))]
    None
}
