//! Failures of sockets, rustls and ureq in plain words.

use std::io::{self, ErrorKind};

use rustls::{AlertDescription, CertificateError, Error as TlsError};
use ureq::Error as UreqError;

/// A server's alert about the client certificate that it was shown, or about its lack (RFC 8446, 6.2).
#[derive(Debug, thiserror::Error)]
#[error("it wants a client certificate, and none can be given")]
pub struct CertificateAlert {
    /// How a sentence about the certificate goes on.
    pub reason: &'static str,
}

impl CertificateAlert {
    fn new(alert: AlertDescription) -> Option<Self> {
        let reason = match alert {
            AlertDescription::UnknownCA => ", whose issuer it does not know",
            AlertDescription::CertificateExpired => ", which has expired by its clock",
            AlertDescription::CertificateRevoked => ", which is revoked",
            AlertDescription::UnsupportedCertificate => ", which is not one for clients",
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied => "",
            _ => return None,
        };
        Some(Self { reason })
    }

    /// The alert that a failure is about.
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// A failure of ureq in plain words.
pub fn failed(error: UreqError) -> io::Error {
    match error {
        // Its own, for a connection that ended before the answer did.
        UreqError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            io::Error::new(ErrorKind::UnexpectedEof, "the connection ended before the answer did")
        }
        UreqError::Io(error) => error,
        UreqError::Protocol(_) | UreqError::LargeResponseHeader(..) => {
            io::Error::new(ErrorKind::InvalidData, "its answer is not HTTP")
        }
        UreqError::Http(_) | UreqError::BadUri(_) => refused(),
        _ => io::Error::other("the request could not be made"),
    }
}

/// A failure of a socket or of rustls in plain words.
pub fn in_words(error: io::Error) -> io::Error {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        return tls_failed(error);
    }
    match error.kind() {
        kind @ (ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe) => {
            io::Error::new(kind, "the connection broke")
        }
        _ => error,
    }
}

pub fn tls_failed(error: &TlsError) -> io::Error {
    if let TlsError::AlertReceived(alert) = error
        && let Some(alert) = CertificateAlert::new(*alert)
    {
        return io::Error::new(ErrorKind::PermissionDenied, alert);
    }
    let (kind, words) = match error {
        TlsError::InvalidCertificate(CertificateError::Other(refusal)) => {
            (ErrorKind::PermissionDenied, refusal.to_string())
        }
        TlsError::InvalidCertificate(_) => {
            (ErrorKind::PermissionDenied, format!("it cannot prove that its certificate is its own: {error}"))
        }
        TlsError::AlertReceived(AlertDescription::HandshakeFailure) => (
            ErrorKind::PermissionDenied,
            "it ends the TLS handshake: it speaks no version or cipher that is spoken here, or wants a client certificate \
             (--client-cert, input client_cert)"
                .to_owned(),
        ),
        TlsError::InvalidMessage(_) => {
            (ErrorKind::InvalidInput, "it does not speak TLS there: is it an http:// URL?".to_owned())
        }
        error => (ErrorKind::Other, format!("the TLS handshake failed: {error}")),
    };
    io::Error::new(kind, words)
}

/// The value is not repeated: a header can hold a token.
pub fn refused() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "a header or the URL of the request is not valid in HTTP")
}

/// An answer that begins as a TLS record, to a request without TLS.
pub fn speaks_tls() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "it speaks TLS there: is it an https:// URL?")
}

pub fn unknown_name(words: &str) -> io::Error {
    io::Error::new(ErrorKind::NotFound, words)
}

pub fn not_connected(error: io::Error) -> io::Error {
    let kind = error.kind();
    let words = match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no connection in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "there is no route to its network",
        ErrorKind::PermissionDenied if cfg!(target_os = "wasi") => {
            "wasmtime lets no sockets be opened: run it with --wasi inherit-network, as wasmtime.toml has it"
        }
        _ => return error,
    };
    io::Error::new(kind, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_about_a_client_certificate_is_told_from_others_and_is_final() {
        for (alert, reason) in [
            (AlertDescription::CertificateRequired, Some("")),
            (AlertDescription::BadCertificate, Some("")),
            (AlertDescription::CertificateUnknown, Some("")),
            (AlertDescription::AccessDenied, Some("")),
            (AlertDescription::UnknownCA, Some(", whose issuer it does not know")),
            (AlertDescription::CertificateExpired, Some(", which has expired by its clock")),
            (AlertDescription::CertificateRevoked, Some(", which is revoked")),
            (AlertDescription::UnsupportedCertificate, Some(", which is not one for clients")),
            (AlertDescription::InternalError, None),
        ] {
            let error = tls_failed(&TlsError::AlertReceived(alert));
            assert_eq!(CertificateAlert::within(&error).map(|alert| alert.reason), reason, "{alert:?}");
            assert_eq!(error.kind() == ErrorKind::PermissionDenied, reason.is_some(), "{alert:?}");
        }
    }
}
