//! The choice of a transport.

use super::sockets::Sockets;
use crate::http::patience::Patience;
use crate::http::request::Transport;
use crate::http::{BundleError, Network};

/// Sockets; but in a module the host's own HTTP, unless the network has a bundle or a proxy.
pub fn select(network: Network, patience: Patience) -> Result<Box<dyn Transport>, BundleError> {
    match host(patience).filter(|_| !network.needs_sockets()) {
        Some(host) => Ok(host),
        None => Ok(Box::new(Sockets::new(network, patience)?)),
    }
}

/// The host's own HTTP, where there is a host.
#[cfg(target_os = "wasi")]
fn host(patience: Patience) -> Option<Box<dyn Transport>> {
    Some(Box::new(super::wasi::WasiHttp { patience }))
}

#[cfg(not(target_os = "wasi"))]
fn host(_: Patience) -> Option<Box<dyn Transport>> {
    None
}
