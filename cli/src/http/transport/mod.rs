//! Transports: sockets with ureq and rustls, and the HTTP of a WASI host.

mod certificates;
mod dialler;
mod failure;
mod names;
mod select;
mod socket;
mod sockets;
mod tunnel;
#[cfg(target_os = "wasi")]
mod wasi;
mod wire;

pub use select::select;
