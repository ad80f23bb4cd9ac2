//! Transports: sockets with ureq and rustls, and the HTTP of a WASI host.

mod certificates;
mod dialler;
mod failure;
mod limits;
mod select;
mod sockets;
mod tunnel;
#[cfg(target_os = "wasi")]
mod wasi;
mod wire;

pub use limits::{TIMEOUT, USER_AGENT};
pub use select::select;
