//! Transports: sockets with ureq and rustls, and the HTTP of a WASI host.

mod certificates;
mod client_certificate;
mod crypto;
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

pub use certificates::tls;
pub use client_certificate::{ClientCertificate, Pem};
pub use select::select;
