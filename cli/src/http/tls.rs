//! What TLS with the servers of one repository takes, beside what the network has.

use std::rc::Rc;

use super::transport::{ClientCertificate, tls};
use super::{Bundle, BundleError};

/// The TLS settings of one repository: authorities that are trusted for it alone, and the certificate that its servers
/// are shown.
#[derive(Clone, Default)]
pub struct Tls {
    bundles: Rc<[Bundle]>,
    shown: Shown,
}

/// What a server is shown.
#[derive(Clone, Default)]
enum Shown {
    /// Nothing was given.
    #[default]
    Nothing,
    Certificate(Rc<ClientCertificate>),
    /// A certificate was given, and is for other servers.
    Withheld,
}

impl Tls {
    /// Settings for the repository's own server and its mirrors. A bundle that cannot be used is an error.
    pub fn new(bundles: Vec<Bundle>, certificate: Option<ClientCertificate>) -> Result<Self, BundleError> {
        tls(&bundles, None)?;
        let shown = certificate.map_or(Shown::Nothing, |certificate| Shown::Certificate(Rc::new(certificate)));
        Ok(Self { bundles: bundles.into(), shown })
    }

    /// The same settings with these authorities. A bundle that cannot be used is an error.
    pub fn with_bundles(&self, bundles: Vec<Bundle>) -> Result<Self, BundleError> {
        tls(&bundles, None)?;
        Ok(Self { bundles: bundles.into(), shown: self.shown.clone() })
    }

    /// The settings for a server that is not the repository's own: it is trusted by the same authorities, and shown
    /// nothing.
    pub fn elsewhere(&self) -> Self {
        let shown = match self.shown {
            Shown::Nothing => Shown::Nothing,
            Shown::Certificate(_) | Shown::Withheld => Shown::Withheld,
        };
        Self { bundles: Rc::clone(&self.bundles), shown }
    }

    /// Whether a WASI host's own HTTP does not do: it knows the public web's authorities, and shows no certificate.
    pub fn needs_sockets(&self) -> bool {
        !self.bundles.is_empty() || self.certificate().is_some()
    }

    pub fn bundles(&self) -> &[Bundle] {
        &self.bundles
    }

    /// What the server is shown.
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        match &self.shown {
            Shown::Certificate(certificate) => Some(certificate),
            Shown::Nothing | Shown::Withheld => None,
        }
    }

    /// What a person can do about a server that refuses a request for its client certificate, or the lack of one.
    /// `reason` goes on after the certificate's name.
    pub fn refusal(&self, reason: &str) -> String {
        match &self.shown {
            Shown::Nothing => "it wants a client certificate, and is shown none: list takes one for a repository \
                               (--client-cert and --client-key, inputs client_cert and client_key)"
                .to_owned(),
            Shown::Withheld => {
                "it wants a client certificate, and the one that is given is shown to the repository's own server and \
                 its https mirrors alone: if this server is the repository, give its URL"
                    .to_owned()
            }
            Shown::Certificate(certificate) => {
                format!("it refuses {certificate}{reason}: ask whoever runs the repository for one that it takes")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::{CERTIFICATE, with_certificate};

    fn with_bundle(pem: &str) -> Result<Tls, BundleError> {
        let bundle = Bundle { name: "sslcacert own.pem".to_owned(), pem: pem.as_bytes().to_vec() };
        Tls::new(vec![bundle], None)
    }

    #[test]
    fn what_a_host_does_not_know_needs_sockets() {
        let bundled = with_bundle(CERTIFICATE).expect("a bundle");
        for (tls, needs_sockets) in [
            (Tls::default(), false),
            (with_certificate(), true),
            (with_certificate().elsewhere(), false),
            (bundled.elsewhere(), true),
            (bundled, true),
        ] {
            assert_eq!(tls.needs_sockets(), needs_sockets);
        }
    }

    #[test]
    fn a_bundle_that_cannot_be_used_is_told_before_any_request() {
        let error = with_bundle("<html>").map(drop).expect_err("no bundle").to_string();
        assert!(error.starts_with("sslcacert own.pem holds no certificate that can be used"), "{error}");
    }
}
