//! Refusals of a request that came to the wrong port, or without a client certificate.

use url::Url;

/// The words in which nginx, Apache, Go, Envoy and others refuse such requests.
const SPOKE_HTTP_TO_TLS: [&str; 4] = [
    "plain HTTP request was sent to HTTPS port",
    "HTTP request to an HTTPS server",
    "plain HTTP to an SSL-enabled",
    "requires TLS",
];
const WANTS_CERTIFICATE: [&str; 3] =
    ["No required SSL certificate was sent", "SSL certificate error", "client certificate"];

/// The mistake in a URL, or the missing client certificate, if the page of a refusal (400 and the like) says so.
pub fn wrong_port_or_certificate(url: &Url, status: u16, page: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|words| page.contains(words));
    match status {
        400 | 403 | 426 | 497 if url.scheme() == "http" && says(&SPOKE_HTTP_TO_TLS) => {
            Some("the server speaks TLS there: is it an https:// URL?")
        }
        400 | 401 | 403 | 495 | 496 if says(&WANTS_CERTIFICATE) => {
            Some("the server wants a client certificate, and none can be given")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_speaks_of_tls_or_a_client_certificate_is_explained() {
        const TLS: &str = "the server speaks TLS there: is it an https:// URL?";
        const CERTIFICATE: &str = "the server wants a client certificate, and none can be given";
        let nginx =
            |title: &str| format!("<html><head><title>400 {title}</title></head><body><center>{title}</center>");
        for (url, status, page, told) in [
            ("http://a/", 400, nginx("The plain HTTP request was sent to HTTPS port"), Some(TLS)),
            ("http://a/", 400, "Client sent an HTTP request to an HTTPS server.".to_owned(), Some(TLS)),
            ("http://a/", 400, "You're speaking plain HTTP to an SSL-enabled server port.".to_owned(), Some(TLS)),
            ("https://a/", 400, nginx("No required SSL certificate was sent"), Some(CERTIFICATE)),
            ("https://a/", 400, nginx("The SSL certificate error"), Some(CERTIFICATE)),
            ("https://a/", 400, nginx("The plain HTTP request was sent to HTTPS port"), None),
            ("https://a/", 400, nginx("Bad Request"), None),
            ("https://a/", 404, nginx("No required SSL certificate was sent"), None),
        ] {
            assert_eq!(wrong_port_or_certificate(&url.parse().expect(url), status, &page), told, "{page}");
        }
    }
}
