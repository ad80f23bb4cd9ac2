//! Which proxy a request goes through: the variables that curl and Go know, with their rules.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use super::{basic_auth, shown};

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

/// As people are told of it.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {} of {}", shown(&self.url).trim_end_matches('/'), self.variable)
    }
}

/// Why a variable names no proxy. It is not repeated: a password may be in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("{0} is no URL of a proxy, such as http://proxy.example.com:3128")]
    NoUrl(&'static str),
    #[error("{0} names a proxy of the scheme {1}:, expected http: or https:")]
    Scheme(&'static str, String),
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
        let mut url: Url = url.parse().map_err(|_| ProxyError::NoUrl(variable))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ProxyError::Scheme(variable, url.scheme().to_owned()));
        }
        let credentials = basic_auth(&url);
        // An http URL has a host, and a URL with a host takes both.
        let _ = url.set_username("");
        let _ = url.set_password(None);
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
