//! Trusted certificates: those of the public web's authorities, as Mozilla lists them (webpki-roots), and those
//! of the bundles given. Neither build reads the machine's own list: the module cannot see it, and the native
//! program trusts the same as the module.

use std::sync::Arc;

use ami_scheduler::text::excerpt;
use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError, RootCertStore,
    SignatureScheme,
};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::ClientCertificate;
use super::crypto::{provider, timestamp, unix_time};
use crate::http::{Bundle, BundleError};

/// TLS that trusts the public web's authorities and those of the bundles, and shows a certificate if a server asks.
pub fn tls<'a>(
    bundles: impl IntoIterator<Item = &'a Bundle>,
    certificate: Option<&ClientCertificate>,
) -> Result<ClientConfig, BundleError> {
    let provider = Arc::new(provider());
    let verifier = Verifier::new(bundles, Arc::clone(&provider))?;
    let unusable = |error: TlsError| BundleError::Damaged(verifier.bundles.clone(), error.to_string());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(unusable)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(match certificate {
        Some(certificate) => config.with_client_cert_resolver(certificate.pair()),
        None => config.with_no_client_auth(),
    })
}

/// Why a certificate is not trusted.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the certificate of {host} is signed by itself, and is not among {among}")]
    SelfSigned { host: String, among: String },
    #[error("the certificate of {host} is signed by an authority that is not among {among}; its issuer is {issuer}")]
    UnknownAuthority { host: String, issuer: String, among: String },
    #[error("{whose} expired{when}; this machine's clock says {now}")]
    Expired { whose: String, when: String, now: Timestamp },
    #[error("{whose} is not valid yet{when}; this machine's clock says {now}")]
    NotYetValid { whose: String, when: String, now: Timestamp },
    #[error("the certificate of {host} is not for that name, but for: {names}")]
    OtherName { host: String, names: String },
    #[error("the certificate of {host} cannot be used: {reason}")]
    Unusable { host: String, reason: String },
}

/// The web's own rules, with two differences: a certificate that is given itself is trusted, an authority's
/// or not, as by OpenSSL; and a refusal names the certificate that caused it.
#[derive(Debug)]
struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
    bundles: String,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = self
            .authorities
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .or_else(|error| match error {
                TlsError::InvalidCertificate(_) if self.given.contains(end_entity) => {
                    verify_given(end_entity, server_name, now)
                }
                error => Err(error),
            });
        verified.map_err(|error| match error {
            TlsError::InvalidCertificate(error) => {
                let refusal = self.refusal(&error, end_entity, intermediates, server_name, now);
                TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
            }
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// A certificate that is in a bundle itself needs no authority; its name and its validity still count.
fn verify_given(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, TlsError> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name)?;
    let validity =
        Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?.tbs_certificate.validity;
    let (not_before, not_after) = (unix_time(validity.not_before), unix_time(validity.not_after));
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    Ok(ServerCertVerified::assertion())
}

impl Verifier {
    fn new<'a>(
        bundles: impl IntoIterator<Item = &'a Bundle>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, BundleError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let (mut given, mut names) = (Vec::new(), Vec::new());
        for bundle in bundles {
            let certificates = CertificateDer::pem_slice_iter(&bundle.pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| BundleError::Damaged(bundle.name.clone(), error.to_string()))?;
            let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
            if added == 0 {
                return Err(BundleError::NoCertificate(bundle.name.clone()));
            }
            given.extend(certificates);
            names.push(bundle.name.as_str());
        }
        let bundles = names.join(", ");
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| BundleError::Damaged(bundles.clone(), error.to_string()))?;
        Ok(Self { authorities, given, bundles })
    }

    fn refusal(
        &self,
        error: &CertificateError,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Refusal {
        let host = server_name.to_str().into_owned();
        let certificate = Certificate::from_der(end_entity).ok();
        let validity = certificate.as_ref().map(|certificate| certificate.tbs_certificate.validity);
        let among = || match self.bundles.as_str() {
            "" => "the public web's (give its certificate with --ca-file FILE, or by the variable SSL_CERT_FILE)"
                .to_owned(),
            bundles => format!("the public web's and those of {bundles}"),
        };
        match error {
            CertificateError::UnknownIssuer => match certificate {
                Some(certificate) if is_self_signed(&certificate) => Refusal::SelfSigned { host, among: among() },
                Some(certificate) => {
                    Refusal::UnknownAuthority { host, issuer: last_issuer(certificate, intermediates), among: among() }
                }
                None => Refusal::Unusable { host, reason: error.to_string() },
            },
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                let own = validity.map(|validity| unix_time(validity.not_after)).filter(|not_after| now > *not_after);
                Refusal::Expired {
                    whose: whose(&host, own),
                    when: own.map_or_else(String::new, |time| format!(" on {}", timestamp(time))),
                    now: timestamp(now),
                }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                let own =
                    validity.map(|validity| unix_time(validity.not_before)).filter(|not_before| now < *not_before);
                Refusal::NotYetValid {
                    whose: whose(&host, own),
                    when: own.map_or_else(String::new, |time| format!(", but from {} on", timestamp(time))),
                    now: timestamp(now),
                }
            }
            CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                Refusal::OtherName { host, names: "none (subjectAltName is missing)".to_owned() }
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                // As rustls writes them: DnsName("localhost").
                let bare = |name: &String| {
                    name.rsplit_once("(\"").map_or(name.as_str(), |(_, name)| name).trim_end_matches("\")").to_owned()
                };
                Refusal::OtherName { host, names: excerpt(&presented.iter().map(bare).collect::<Vec<_>>().join(", ")) }
            }
            // Certificates that openssl makes by default say that they are an authority's, not a server's.
            CertificateError::Other(_) if certificate.as_ref().is_some_and(is_self_signed) => {
                Refusal::SelfSigned { host, among: among() }
            }
            error => Refusal::Unusable { host, reason: excerpt(&error.to_string()) },
        }
    }
}

fn is_self_signed(certificate: &Certificate) -> bool {
    certificate.tbs_certificate.issuer == certificate.tbs_certificate.subject
}

/// The missing issuer: of the certificate, or of the last one that the server sent with it.
fn last_issuer(certificate: Certificate, intermediates: &[CertificateDer<'_>]) -> String {
    let mut others: Vec<Certificate> = intermediates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let mut issuer = certificate.tbs_certificate.issuer;
    while let Some(next) = others.iter().position(|other| other.tbs_certificate.subject == issuer) {
        issuer = others.swap_remove(next).tbs_certificate.issuer;
    }
    excerpt(&issuer.to_string())
}

fn whose(host: &str, own: Option<UnixTime>) -> String {
    let vouches = if own.is_some() { "the certificate of" } else { "a certificate that vouches for" };
    format!("{vouches} {host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All three are valid from 2026 to 2035: an authority, a certificate of it for yum.example.com, and one for
    /// the same name that is signed by itself.
    const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBKzCB0qADAgECAgEBMAoGCCqGSM49BAMCMBUxEzARBgNVBAMMClByaXZhdGUg
Q0EwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAVMRMwEQYDVQQDDApQ
cml2YXRlIENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2gP+R9KFmZReP4Cv
rqfGUPYiqOGqGoy6kYti0CRWxH4f4OsrU4uY8O7LVT//uNUlAHU/9WcVFau1WRd0
8ekCq6MTMBEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA2xBR
y1+LBuT3PT2z8dl0/A/oPUPC8YtaoUaxCSxNFAsCIC4cW9qJEcEWiHhoa8A1WiOd
GUS2I1F5paA7K5jULFNj
-----END CERTIFICATE-----
";
    const SERVER: &str = "-----BEGIN CERTIFICATE-----
MIIBPDCB5KADAgECAgEBMAoGCCqGSM49BAMCMBUxEzARBgNVBAMMClByaXZhdGUg
Q0EwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDAN5
dW0wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARE6S5UcNSboRBoxfcf3bngWjhF
RxxSqgdRaZeuwvlK8WRRj94tNPRQWiGLvUPr4QRFEzgQv/7zUeqrQj2mPA27oyww
KjAMBgNVHRMBAf8EAjAAMBoGA1UdEQQTMBGCD3l1bS5leGFtcGxlLmNvbTAKBggq
hkjOPQQDAgNHADBEAiA9hVs/C6pMMj78tps8jQ+7E0VVVx4wpGC/PeaILKjXEQIg
ZOLlVNFI0bBZBpqiqJGqXhv/xfXjaWkUjbqlsA3tqRo=
-----END CERTIFICATE-----
";
    const SELF_SIGNED: &str = "-----BEGIN CERTIFICATE-----
MIIBOTCB36ADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHNlbGYwHhcN
MjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAPMQ0wCwYDVQQDDARzZWxmMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhm3p7ZVzrP3PXjgsAgVI3GEWPvRgBqZo
PGvlmTX+lAwFl7g+bVf1EP2zy/QUPIY7adaNjwsK+/qGwA7aRZEcwaMsMCowDAYD
VR0TAQH/BAIwADAaBgNVHREEEzARgg95dW0uZXhhbXBsZS5jb20wCgYIKoZIzj0E
AwIDSQAwRgIhAM14HRcfor9fmXBX9GoUnIPfIwN6Oev4iJf/Q7pZO0qXAiEA8uDV
iFP2YM+LxyUFHrZEYzvuqLYmbuN+f0fHdkEGejE=
-----END CERTIFICATE-----
";

    fn bundle(name: &str, pem: &str) -> Bundle {
        Bundle { name: name.to_owned(), pem: pem.as_bytes().to_vec() }
    }

    /// How a server with this certificate is refused, by this name at this time; nothing where it is accepted.
    fn refusal(bundles: &[Bundle], certificate: &str, host: &str, now: &str) -> String {
        let verifier = Verifier::new(bundles, Arc::new(provider())).expect("bundles");
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
        let host = ServerName::try_from(host.to_owned()).expect(host);
        let now: Timestamp = now.parse().expect(now);
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.as_second().unsigned_abs()));
        match verifier.verify_server_cert(&certificate, &[], &host, &[], now) {
            Ok(_) => String::new(),
            Err(TlsError::InvalidCertificate(CertificateError::Other(refusal))) => refusal.to_string(),
            Err(error) => panic!("{error}"),
        }
    }

    const YUM: &str = "yum.example.com";
    const NOW: &str = "2026-11-24T02:00:00Z";

    #[test]
    fn a_certificate_is_trusted_with_its_authority_or_itself_in_a_bundle() {
        for (bundles, certificate) in [
            (vec![bundle("ca.pem", AUTHORITY)], SERVER),
            (vec![bundle("other.pem", SELF_SIGNED), bundle("ca.pem", AUTHORITY)], SERVER),
            (vec![bundle("all.pem", &[SELF_SIGNED, AUTHORITY].concat())], SERVER),
            (vec![bundle("server.pem", SERVER)], SERVER),
            (vec![bundle("self.pem", SELF_SIGNED)], SELF_SIGNED),
        ] {
            assert_eq!(refusal(&bundles, certificate, YUM, NOW), "");
        }
    }

    #[test]
    fn a_refusal_names_the_certificate_and_the_reason() {
        let unknown = "the certificate of yum.example.com is signed by an authority that is not among the public web's";
        let hint = " (give its certificate with --ca-file FILE, or by the variable SSL_CERT_FILE)";
        let clock = "; this machine's clock says";
        for (bundles, certificate, host, now, told) in [
            (vec![], SERVER, YUM, NOW, format!("{unknown}{hint}; its issuer is CN=Private CA")),
            (
                vec![bundle("self.pem", SELF_SIGNED)],
                SERVER,
                YUM,
                NOW,
                format!("{unknown} and those of self.pem; its issuer is CN=Private CA"),
            ),
            (
                vec![bundle("ca.pem", AUTHORITY)],
                SELF_SIGNED,
                YUM,
                NOW,
                "the certificate of yum.example.com is signed by itself, and is not among the public web's and those of ca.pem".to_owned(),
            ),
        ]
        .into_iter()
        .chain([(AUTHORITY, SERVER), (SELF_SIGNED, SELF_SIGNED)].into_iter().flat_map(|(given, certificate)| {
            let refused = |host, now, told: String| (vec![bundle("ca.pem", given)], certificate, host, now, told);
            [
                refused(
                    "example.com",
                    NOW,
                    "the certificate of example.com is not for that name, but for: yum.example.com".to_owned(),
                ),
                refused(
                    YUM,
                    "2025-12-31T23:59:59Z",
                    format!("the certificate of yum.example.com is not valid yet, but from 2026-01-01T00:00:00Z on{clock} 2025-12-31T23:59:59Z"),
                ),
                refused(
                    YUM,
                    "2036-01-01T00:00:01Z",
                    format!("the certificate of yum.example.com expired on 2036-01-01T00:00:00Z{clock} 2036-01-01T00:00:01Z"),
                ),
            ]
        })) {
            assert_eq!(refusal(&bundles, certificate, host, now), told);
        }
    }

    #[test]
    fn a_bundle_without_a_certificate_is_refused_by_its_name() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "<html>", key, no_certificate] {
            let error = tls(&[bundle("--ca-file ca.pem", pem)], None).map(drop).expect_err(pem).to_string();
            assert!(error.starts_with("--ca-file ca.pem holds no certificate that can be used"), "{error}");
        }
        let cut = &AUTHORITY[..AUTHORITY.len() - 30];
        let error = tls(&[bundle("ca.pem", cut)], None).map(drop).expect_err("cut").to_string();
        assert!(error.starts_with("ca.pem is damaged: "), "{error}");
    }
}
