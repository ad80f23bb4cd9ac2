//! Client certificates, each with its key.

use std::fmt;
use std::sync::Arc;

use ami_scheduler::text::excerpt;
use jiff::Timestamp;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::certificates::{provider, timestamp, unix_time};

/// A certificate and its key, which prove to a server who asks it.
pub struct ClientCertificate {
    name: String,
    issuer: String,
    pair: Arc<SingleCertAndKey>,
}

/// A text in PEM. No error repeats any of it: a key may be in it.
#[derive(Clone, Copy)]
pub struct Pem<'a> {
    /// The option or variable that names the file, and the file's path.
    pub name: &'a str,
    pub text: &'a [u8],
}

/// Why a client certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientCertificateError {
    #[error("{0} holds no certificate; expected PEM, with lines such as -----BEGIN CERTIFICATE-----")]
    NoCertificate(String),
    #[error("{0} holds no private key; expected PEM, with lines such as -----BEGIN PRIVATE KEY-----")]
    NoKey(String),
    #[error(
        "the key in {0} is encrypted, and its passphrase cannot be given: decrypt it with openssl pkey -in FILE -out FILE"
    )]
    Encrypted(String),
    #[error("{0} is damaged: it is not PEM from its first line of BEGIN to its last line of END")]
    Damaged(String),
    #[error("the key in {0} cannot be used: expected RSA of 2048 to 4096 bits, ECDSA on P-256 or P-384, or Ed25519")]
    UnusableKey(String),
    #[error(
        "the key in {key} does not belong to the certificate in {certificate} (the first one, if there are several)"
    )]
    OtherKey { key: String, certificate: String },
    #[error("the certificate in {name} expired on {on}; it is {now}: ask whoever runs the repository for a new one")]
    Expired { name: String, on: Timestamp, now: Timestamp },
    #[error("the certificate in {name} is not valid yet, but from {from} on; it is {now}")]
    NotYetValid { name: String, from: Timestamp, now: Timestamp },
}

impl ClientCertificate {
    /// A certificate, with its intermediates after it if there are any, and its key: in a text of its own, or in the
    /// certificate's. The key has to be the certificate's, and the certificate valid now.
    pub fn new(certificate: Pem<'_>, key: Option<Pem<'_>>, now: Timestamp) -> Result<Self, ClientCertificateError> {
        let name = certificate.name.to_owned();
        let chain = certificate.chain()?;
        let Some(Ok(first)) = chain.first().map(|der| Certificate::from_der(der)) else {
            return Err(ClientCertificateError::NoCertificate(name));
        };
        let first = first.tbs_certificate;
        let key_pem = key.unwrap_or(certificate);
        let key = key_pem.key(&provider())?;
        let own = first.subject_public_key_info.to_der().ok();
        if key.public_key().is_some_and(|public| Some(public.as_ref()) != own.as_deref()) {
            return Err(ClientCertificateError::OtherKey { key: key_pem.name.to_owned(), certificate: name });
        }
        let [from, on] = [first.validity.not_before, first.validity.not_after].map(|time| timestamp(unix_time(time)));
        if now < from {
            return Err(ClientCertificateError::NotYetValid { name, from, now });
        }
        if now > on {
            return Err(ClientCertificateError::Expired { name, on, now });
        }
        let pair = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
        Ok(Self { name, issuer: excerpt(&first.issuer.to_string()), pair })
    }

    /// What rustls shows to a server that asks for it.
    pub fn pair(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::clone(&self.pair) as Arc<dyn ResolvesClientCert>
    }
}

/// For messages.
impl fmt::Display for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client certificate in {} (issued by {})", self.name, self.issuer)
    }
}

impl Pem<'_> {
    /// All certificates, in their order.
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, ClientCertificateError> {
        CertificateDer::pem_slice_iter(self.text).collect::<Result<_, _>>().map_err(|_| self.damaged())
    }

    /// The first private key: PKCS#8, PKCS#1 or SEC1.
    fn key(&self, provider: &CryptoProvider) -> Result<Arc<dyn SigningKey>, ClientCertificateError> {
        let name = || self.name.to_owned();
        let mut keys = PrivateKeyDer::pem_slice_iter(self.text);
        let key = match keys.next() {
            Some(Ok(key)) => key,
            Some(Err(_)) => return Err(self.damaged()),
            None if self.is_encrypted() => return Err(ClientCertificateError::Encrypted(name())),
            None => return Err(ClientCertificateError::NoKey(name())),
        };
        provider.key_provider.load_private_key(key).map_err(|_| ClientCertificateError::UnusableKey(name()))
    }

    /// A key that is encrypted as PEM once had it (RFC 1421) is no base64.
    fn damaged(&self) -> ClientCertificateError {
        let kind =
            if self.is_encrypted() { ClientCertificateError::Encrypted } else { ClientCertificateError::Damaged };
        kind(self.name.to_owned())
    }

    fn is_encrypted(&self) -> bool {
        let text = String::from_utf8_lossy(self.text);
        text.contains("-----BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
    }
}
