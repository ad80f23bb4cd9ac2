//! Which proxy a request goes through: the variables that curl and Go know, with their rules.

use std::fmt;
use std::net::IpAddr;

use ami_scheduler::redacted::{GivenUrlError, RedactedUrl, given_url, remove_credentials};
use ipnet::IpNet;
use url::{Host, Url};

use super::basic_auth;

/// The proxies that the environment names, and what is reached without them.
#[derive(Clone, Default)]
pub struct Proxies {
    https: Option<Setting>,
    http: Option<Setting>,
    exempt: Vec<Exempt>,
}

/// A variable and its value, in which a password may be.
#[derive(Clone)]
struct Setting {
    variable: &'static str,
    value: String,
}

/// An HTTP proxy.
#[derive(Clone)]
pub struct Proxy {
    /// Without credentials.
    pub url: Url,
    /// As the header `Proxy-Authorization` has them.
    pub credentials: Option<String>,
    variable: &'static str,
}

/// For messages.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = RedactedUrl::from(&self.url).to_string();
        write!(f, "the proxy {} of {}", url.trim_end_matches('/'), self.variable)
    }
}

/// Why a variable names no proxy. It is not repeated: a password may be in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("{0} {1}; expected a proxy such as http://proxy.example.com:3128")]
    NoUrl(&'static str, GivenUrlError),
    #[error("{0} names no proxy of http: or https:, such as http://proxy.example.com:3128 (SOCKS is not known)")]
    Scheme(&'static str),
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exempt {
    Everything,
    Addresses(IpNet, Option<u16>),
    /// A domain, and what is below it.
    Domain(String, Option<u16>),
}

impl Proxies {
    /// From the environment. Of two spellings, the one in lower case counts, as for curl; what is
    /// empty is not set.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = variable(name)?.trim().to_owned();
                (!value.is_empty()).then_some(Setting { variable: name, value })
            })
        };
        let exempt = first(&["no_proxy", "NO_PROXY"]).map(|list| list.value).unwrap_or_default();
        Self {
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            http: first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            exempt: exempt.split([',', ' ']).filter(|entry| !entry.is_empty()).map(Exempt::parse).collect(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.https.is_none() && self.http.is_none()
    }

    /// The proxy that a request for this URL goes through; `None` where it goes straight.
    pub fn of(&self, url: &Url) -> Result<Option<Proxy>, ProxyError> {
        let setting = if url.scheme() == "https" { &self.https } else { &self.http };
        match setting {
            Some(setting) if !self.exempt.iter().any(|exempt| exempt.covers(url)) => setting.proxy().map(Some),
            _ => Ok(None),
        }
    }
}

impl Setting {
    fn proxy(&self) -> Result<Proxy, ProxyError> {
        let Self { variable, value } = self;
        let url = if value.contains("://") { value.clone() } else { format!("http://{value}") };
        let mut url = given_url(&url).map_err(|error| ProxyError::NoUrl(variable, error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ProxyError::Scheme(variable));
        }
        let credentials = basic_auth(&url);
        remove_credentials(&mut url);
        url.set_path("");
        Ok(Proxy { url, credentials, variable })
    }
}

impl Exempt {
    fn parse(entry: &str) -> Self {
        if entry == "*" {
            return Self::Everything;
        }
        let address = |text: &str| {
            let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
            text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
        };
        if let Some(addresses) = address(entry) {
            return Self::Addresses(addresses, None);
        }
        let (host, port) = match entry.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, Some(port)),
            _ => (entry, None),
        };
        if let Some(addresses) = address(host) {
            return Self::Addresses(addresses, port);
        }
        let domain = host.strip_prefix('*').unwrap_or(host).trim_matches('.');
        Self::Domain(domain.to_lowercase(), port)
    }

    fn covers(&self, url: &Url) -> bool {
        let (Self::Addresses(_, port) | Self::Domain(_, port)) = self else { return true };
        if port.is_some() && *port != url.port_or_known_default() {
            return false;
        }
        match (self, url.host()) {
            (Self::Addresses(addresses, _), Some(Host::Ipv4(address))) => addresses.contains(&IpAddr::V4(address)),
            (Self::Addresses(addresses, _), Some(Host::Ipv6(address))) => addresses.contains(&IpAddr::V6(address)),
            (Self::Domain(domain, _), Some(Host::Domain(host))) => {
                let host = host.trim_end_matches('.');
                host.strip_suffix(domain.as_str()).is_some_and(|left| left.is_empty() || left.ends_with('.'))
                    && !domain.is_empty()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn told(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxy = proxies(variables).of(&url.parse().expect(url)).expect("proxies");
        proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn each_scheme_has_a_proxy_of_its_own_and_all_proxy_is_for_what_has_none() {
        let (http, https) = ("http://yum.example.com/el9", "https://yum.example.com/el9");
        for (variables, for_http, for_https) in [
            (vec![], None, None),
            (vec![("NO_PROXY", "*")], None, None),
            (vec![("HTTPS_PROXY", "http://p:1")], None, Some("the proxy http://p:1 of HTTPS_PROXY")),
            (vec![("HTTP_PROXY", "http://p:1")], Some("the proxy http://p:1 of HTTP_PROXY"), None),
            (
                vec![("ALL_PROXY", "http://p:1"), ("https_proxy", "http://q:2")],
                Some("the proxy http://p:1 of ALL_PROXY"),
                Some("the proxy http://q:2 of https_proxy"),
            ),
            // In lower case first, as curl has it; what is empty is not there.
            (
                vec![("HTTPS_PROXY", "http://p:1"), ("https_proxy", "http://q:2"), ("http_proxy", " ")],
                None,
                Some("the proxy http://q:2 of https_proxy"),
            ),
            (
                vec![("https_proxy", ""), ("HTTPS_PROXY", "http://p:1")],
                None,
                Some("the proxy http://p:1 of HTTPS_PROXY"),
            ),
        ] {
            assert_eq!(told(&variables, http).as_deref(), for_http, "{variables:?}");
            assert_eq!(told(&variables, https).as_deref(), for_https, "{variables:?}");
            assert_eq!(proxies(&variables).is_empty(), for_http.is_none() && for_https.is_none(), "{variables:?}");
        }
    }

    #[test]
    fn a_proxy_is_a_url_or_a_host_and_port_and_its_password_is_told_to_nobody_else() {
        for (value, told, credentials) in [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128", None),
            ("proxy.example.com:3128", "http://proxy.example.com:3128", None),
            ("proxy.example.com", "http://proxy.example.com", None),
            ("https://proxy.example.com:3129/", "https://proxy.example.com:3129", None),
            ("http://[fd00::1]:3128", "http://[fd00::1]:3128", None),
            // The example of RFC 7617.
            ("http://Aladdin:open%20sesame@p:1", "http://p:1", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            ("anna:s3cret@p:1", "http://p:1", Some("Basic YW5uYTpzM2NyZXQ=")),
        ] {
            let proxy = proxies(&[("https_proxy", value)]).of(&"https://a/".parse().expect("a URL")).expect(value);
            let proxy = proxy.expect("a proxy");
            assert_eq!(proxy.to_string(), format!("the proxy {told} of https_proxy"));
            assert_eq!(proxy.credentials.as_deref(), credentials, "{value}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_an_error_of_the_requests_that_need_it() {
        for (value, told) in [
            ("http://", "HTTPS_PROXY is no URL: empty host"),
            ("http://anna:s3cret@p:port", "HTTPS_PROXY has an @ where a URL has none"),
            ("http://anna:12/s3cret@p:1", "HTTPS_PROXY has an @ where a URL has none"),
            ("anna:12?s3cret@p:1", "HTTPS_PROXY has an @ where a URL has none"),
            ("socks5://anna:s3cret@p:1", "HTTPS_PROXY names no proxy of http: or https:"),
        ] {
            let proxies = proxies(&[("HTTPS_PROXY", value), ("NO_PROXY", "local")]);
            let error = proxies.of(&"https://a/".parse().expect("a URL")).map(|_| ()).expect_err(value);
            let error = error.to_string();
            assert!(error.starts_with(told) && error.contains("such as http://proxy.example.com:3128"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
            for needs_none in ["http://a/", "https://local/"] {
                assert!(proxies.of(&needs_none.parse().expect("a URL")).is_ok_and(|proxy| proxy.is_none()));
            }
        }
    }

    #[test]
    fn no_proxy_names_domains_with_what_is_below_them_addresses_networks_and_ports() {
        let url = "https://yum.example.com/el9";
        for (exempt, url, goes_straight) in [
            ("", url, false),
            ("*", url, true),
            ("other.example, *", url, true),
            ("example.com", url, true),
            ("Example.COM", url, true),
            (".example.com", url, true),
            (".example.com", "https://example.com/", true),
            ("*.example.com", url, true),
            ("yum.example.com.", url, true),
            ("yum.example.com", "https://yum.example.com./", true),
            ("com", url, true),
            ("m.example.com", url, false),
            ("example.org", url, false),
            ("ample.com", url, false),
            ("sub.yum.example.com", url, false),
            ("local,example.com", url, true),
            ("local example.com", url, true),
            (" local , example.com ", url, true),
            (",,", url, false),
            (".", url, false),
            // Ports, those of the scheme included.
            ("example.com:443", url, true),
            ("example.com:8443", url, false),
            ("example.com:8443", "https://yum.example.com:8443/", true),
            // Addresses: as they stand in the URL, names are not looked up.
            ("10.1.2.3", "https://10.1.2.3/", true),
            ("10.1.2.3", "https://10.1.2.30/", false),
            ("10.1.2.3:8443", "https://10.1.2.3:8443/", true),
            ("10.1.2.3:8443", "https://10.1.2.3/", false),
            ("10.0.0.0/8", "https://10.1.2.3/", true),
            ("10.0.0.0/8", "https://11.1.2.3/", false),
            ("10.0.0.0/8", url, false),
            ("10.0.0.0/8", "https://10.example/", false),
            ("fd00::/8", "https://[fd00::1]/", true),
            ("fd00::/8", "https://[fe80::1]/", false),
            ("::1", "https://[::1]/", true),
            ("[::1]", "https://[::1]/", true),
            ("[::1]:8443", "https://[::1]:8443/", true),
            ("[::1]:8443", "https://[::1]/", false),
            // Go never sends these through a proxy; here, as with curl, they have to be named.
            ("other.example", "https://localhost/", false),
            ("localhost,127.0.0.0/8", "https://localhost/", true),
            ("localhost,127.0.0.0/8", "https://127.0.0.1/", true),
        ] {
            let through = told(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", exempt)], url).is_some();
            assert_eq!(!through, goes_straight, "{exempt:?} for {url}");
        }
    }
}
