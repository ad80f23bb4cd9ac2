//! The cryptography of TLS, and its times.

use jiff::Timestamp;
use rustls::CipherSuite;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::UnixTime;
use x509_cert::time::Time;

/// The algorithms of TLS, those first that are fast here.
pub fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    if cfg!(target_family = "wasm") {
        // WebAssembly has no instructions for AES.
        provider.cipher_suites.sort_by_key(|suite| {
            !matches!(
                suite.suite(),
                CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
                    | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                    | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
            )
        });
    }
    provider
}

/// A time in a certificate.
pub fn unix_time(time: Time) -> UnixTime {
    UnixTime::since_unix_epoch(time.to_unix_duration())
}

/// A time for people; one that is too far away is the last that there is.
pub fn timestamp(time: UnixTime) -> Timestamp {
    let seconds = i64::try_from(time.as_secs()).ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::MAX)
}
