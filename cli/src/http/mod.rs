//! HTTP: requests and their answers, retries, redirects, limits, proxies, certificates.
//!
//! Credentials are sent to the server that they are for and to no other, and stand in no message.

mod advice;
mod basic_auth;
mod body;
mod client;
mod error;
mod limits;
mod network;
mod patience;
mod proxy;
mod request;
mod retry;
#[cfg(test)]
pub mod scripted;
mod tls;
mod transport;

pub use advice::{wants_client_certificate, wrong_port};
pub use basic_auth::{basic, basic_auth};
pub use client::Client;
pub use error::HttpError;
pub use limits::Limits;
pub use network::{Bundle, BundleError, Network};
pub use proxy::Proxies;
pub use request::{Answer, Method, Request, Response};
pub use tls::Tls;
pub use transport::{ClientCertificate, Pem};
