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

/// The mistake in a URL, if the page of a refusal (400 and the like) says so.
pub fn wrong_port(url: &Url, status: u16, page: &str) -> Option<&'static str> {
    let is_wrong = matches!(status, 400 | 403 | 426 | 497) && url.scheme() == "http" && says(page, &SPOKE_HTTP_TO_TLS);
    is_wrong.then_some("the server speaks TLS there: is it an https:// URL?")
}

/// Whether the page of a refusal says that a client certificate is missing, or is not accepted.
pub fn wants_client_certificate(status: u16, page: &str) -> bool {
    matches!(status, 400 | 401 | 403 | 495 | 496) && says(page, &WANTS_CERTIFICATE)
}

fn says(page: &str, words: &[&str]) -> bool {
    words.iter().any(|words| page.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_CERTIFICATE: &str = "<center>No required SSL certificate was sent</center>";

    #[test]
    fn a_refusal_of_http_where_tls_is_spoken_is_explained() {
        const NGINX: &str = "<center>The plain HTTP request was sent to HTTPS port</center>";
        for (url, status, page, is_explained) in [
            ("http://a/", 400, NGINX, true),
            ("http://a/", 400, "Client sent an HTTP request to an HTTPS server.", true),
            ("http://a/", 400, "You're speaking plain HTTP to an SSL-enabled server port.", true),
            ("https://a/", 400, NGINX, false),
            ("http://a/", 404, NGINX, false),
            ("http://a/", 400, NO_CERTIFICATE, false),
        ] {
            let told = wrong_port(&url.parse().expect(url), status, page);
            assert_eq!(told.is_some_and(|told| told.contains("is it an https:// URL?")), is_explained, "{page}");
        }
    }

    #[test]
    fn a_refusal_for_a_client_certificate_is_told_by_its_page() {
        for (status, page, is_told) in [
            (400, NO_CERTIFICATE, true),
            (400, "<center>The SSL certificate error</center>", true),
            (403, "client certificate required", true),
            (400, "Bad Request", false),
            (404, NO_CERTIFICATE, false),
        ] {
            assert_eq!(wants_client_certificate(status, page), is_told, "{page}");
        }
    }
}
