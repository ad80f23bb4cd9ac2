//! The network between this machine and the servers.

use super::Proxies;

/// Certificates and proxies between this machine and the servers.
#[derive(Default)]
pub struct Network {
    pub bundles: Vec<Bundle>,
    pub proxies: Proxies,
}

impl Network {
    /// Whether a WASI host's own HTTP does not do: it knows the public web's certificates and no proxy.
    pub fn needs_sockets(&self) -> bool {
        !self.bundles.is_empty() || !self.proxies.is_empty()
    }
}

/// Certificates of authorities that are trusted besides the public web's.
pub struct Bundle {
    /// The option or variable that names the file, and the file's path.
    pub name: String,
    pub pem: Vec<u8>,
}

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("{0} holds no certificate that can be used; expected PEM, with lines such as -----BEGIN CERTIFICATE-----")]
    NoCertificate(String),
    #[error("{0} is damaged: {1}")]
    Damaged(String, String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_needed_where_there_is_a_bundle_or_a_proxy() {
        let bundle = || vec![Bundle { name: "--ca-file ca.pem".to_owned(), pem: Vec::new() }];
        let proxies = |variable: &'static str| Proxies::new(move |name| (name == variable).then(|| "p:1".to_owned()));
        for (bundles, proxies, needs_sockets) in [
            (vec![], Proxies::default(), false),
            (vec![], proxies("NO_PROXY"), false),
            (vec![], proxies("https_proxy"), true),
            (vec![], proxies("HTTP_PROXY"), true),
            (vec![], proxies("ALL_PROXY"), true),
            (bundle(), Proxies::default(), true),
            (bundle(), proxies("HTTPS_PROXY"), true),
        ] {
            assert_eq!(Network { bundles, proxies }.needs_sockets(), needs_sockets);
        }
    }
}
