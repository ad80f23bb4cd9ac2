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

use super::crypto::{provider, timestamp, unix_time};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::{CERTIFICATE, KEY};

    /// The key of the certificate, as `openssl ecparam -genkey` writes it.
    const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIOQ636F10BXq3E43g9PkTbV7/BpF9ZDdSbGaJcLN2l6QoAoGCCqGSM49
AwEHoUQDQgAEE7J1LtQBVOWiALuHtvPDo4BnmQwK4zrqmDtO32NXVGIgeoiQBcuG
QTF4CdvcwliE/A/Me6y29pDkeWbxet0Pxw==
-----END EC PRIVATE KEY-----
";
    const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaFgiyJqtvWbVnZB7
oQM/7imD0Sg1oqx6at/UXJo32COhRANCAASgkrAQMEgfPs5fNG2eXlh/3SCdtDGc
dQDSgFQB/L6UY8x0f69OAbUCRWcOSKdjCnTXdtXG8cA5D76WYqowspoO
-----END PRIVATE KEY-----
";
    const ISSUER: &str = "-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUbu7Hbm+MMirNklS9mhFYxA/SEDwwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMQWNtZSBDbGllbnRzMB4XDTI2MTEyNzIwMjIzOVoXDTM1MDIx
MzIwMjIzOVowFzEVMBMGA1UEAwwMQWNtZSBDbGllbnRzMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEVMBBcN9p7xFfdCB6YWbbUe0/g+5v/BOQx1HNKj1IsM3U8PYV
mLj7YWgSJj7Bq+I/mrcdNh9kzR6KOKLXdGL8h6NTMFEwHQYDVR0OBBYEFGdcBnW6
e0ftBaKdJK7jyAwzRQ4fMB8GA1UdIwQYMBaAFGdcBnW6e0ftBaKdJK7jyAwzRQ4f
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgT5UdA3V5VaGLQlfB
AqWu5Vo358TVDnt7rpQDA8IDYfwCIQD1S/CjBORPRFuG0FvC2JniVF7ahC/OdHqU
8zOMugEu8g==
-----END CERTIFICATE-----
";
    const NOW: &str = "2026-11-24T02:00:00Z";

    fn read(certificate: &str, key: Option<&str>, now: &str) -> Result<ClientCertificate, ClientCertificateError> {
        let certificate = Pem { name: "--client-cert c.pem", text: certificate.as_bytes() };
        let key = key.map(|key| Pem { name: "--client-key k.pem", text: key.as_bytes() });
        ClientCertificate::new(certificate, key, now.parse().expect(now))
    }

    #[test]
    fn a_certificate_has_its_key_in_its_own_text_or_in_another_and_anything_beside_them() {
        let entitlement = "-----BEGIN ENTITLEMENT DATA-----\nAAAA\n-----END ENTITLEMENT DATA-----\n";
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        for (certificate, key) in [
            (CERTIFICATE.to_owned(), Some(KEY.to_owned())),
            (CERTIFICATE.to_owned(), Some([parameters, SEC1].concat())),
            ([CERTIFICATE, ISSUER].concat(), Some(KEY.to_owned())),
            ([CERTIFICATE, KEY].concat(), None),
            ([KEY, CERTIFICATE, ISSUER].concat(), None),
            (["Bag Attributes\n    friendlyName: x\n", CERTIFICATE, entitlement, SEC1].concat(), None),
            ([CERTIFICATE, OTHER_KEY].concat(), Some(KEY.to_owned())),
            (CERTIFICATE.replace('\n', "\r\n"), Some(KEY.trim_end().to_owned())),
        ] {
            let read = read(&certificate, key.as_deref(), NOW).expect("a pair");
            assert_eq!(read.to_string(), "the client certificate in --client-cert c.pem (issued by CN=Acme Clients)");
        }
    }

    #[test]
    fn what_is_no_pair_is_refused_with_the_reason_and_without_a_byte_of_the_key() {
        let secret = "5DrfoXXQ";
        let cut = KEY.split_inclusive('\n').take(2).collect::<String>();
        let spoilt = KEY.replace("BG0wawIB", "BG0*awIB");
        let no_key = KEY.replace("MIGH", "MIGX");
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let as_once = KEY.replace("KEY-----\nM", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nM");
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (certificate, key, now, told) in [
            ("", Some(KEY), NOW, "--client-cert c.pem holds no certificate; expected PEM"),
            (KEY, Some(KEY), NOW, "--client-cert c.pem holds no certificate; expected PEM"),
            (no_certificate, Some(KEY), NOW, "--client-cert c.pem holds no certificate; expected PEM"),
            (&CERTIFICATE[..CERTIFICATE.len() - 30], Some(KEY), NOW, "--client-cert c.pem is damaged"),
            (CERTIFICATE, None, NOW, "--client-cert c.pem holds no private key; expected PEM"),
            (CERTIFICATE, Some(CERTIFICATE), NOW, "--client-key k.pem holds no private key; expected PEM"),
            (CERTIFICATE, Some(&cut), NOW, "--client-key k.pem is damaged"),
            (CERTIFICATE, Some(&spoilt), NOW, "--client-key k.pem is damaged"),
            (CERTIFICATE, Some(&no_key), NOW, "the key in --client-key k.pem cannot be used: expected RSA"),
            (CERTIFICATE, Some(encrypted), NOW, "the key in --client-key k.pem is encrypted"),
            (CERTIFICATE, Some(&as_once), NOW, "the key in --client-key k.pem is encrypted"),
            (&[CERTIFICATE, encrypted].concat(), None, NOW, "the key in --client-cert c.pem is encrypted"),
            (&[CERTIFICATE, &as_once].concat(), None, NOW, "the key in --client-cert c.pem is encrypted"),
            (
                CERTIFICATE,
                Some(OTHER_KEY),
                NOW,
                "the key in --client-key k.pem does not belong to the certificate in --client-cert c.pem",
            ),
            (&[ISSUER, CERTIFICATE].concat(), Some(KEY), NOW, "the key in --client-key k.pem does not belong to the"),
            (
                CERTIFICATE,
                Some(KEY),
                "2025-12-31T23:59:59Z",
                "the certificate in --client-cert c.pem is not valid yet, but from 2026-01-01T00:00:00Z on; it is 2025-12",
            ),
            (
                CERTIFICATE,
                Some(KEY),
                "2036-01-01T00:00:01Z",
                "the certificate in --client-cert c.pem expired on 2036-01-01T00:00:00Z; it is 2036-01-01T00:00:01Z",
            ),
        ] {
            let error = read(certificate, key, now).map(drop).expect_err(told);
            let words = format!("{error} {error:?}");
            assert!(words.starts_with(told), "{words}");
            assert!(!words.contains(secret) && !words.contains("MIGH"), "{words}");
        }
    }
}
