//! URLs in messages and files: without what can be a secret in them.

use std::fmt;

use url::Url;

use crate::text::excerpt;

/// A URL that is safe to show: without user, password, query and fragment, and not longer than an
/// [`excerpt`].
///
/// It is made from a [`Url`] alone: in a text that does not parse as one, a password cannot be told from
/// the rest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedactedUrl(String);

impl From<&Url> for RedactedUrl {
    fn from(url: &Url) -> Self {
        let mut url = url.clone();
        remove_credentials(&mut url);
        url.set_query(None);
        url.set_fragment(None);
        Self(excerpt(url.as_str()))
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Takes user and password out of a URL.
pub fn remove_credentials(url: &mut Url) {
    // Only a URL that can have no user refuses to lose it.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// Takes user and password out of each URL in a text, whether or not it parses as one.
pub fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.split(|c: char| c.is_whitespace() || "/?#'\"".contains(c)).next().unwrap_or_default();
        clean.push_str("://");
        clean.push_str(authority.rfind('@').map_or(part, |at| &part[at + 1..]));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_url_shows_scheme_host_port_and_path_alone() {
        for (url, redacted) in [
            ("https://us3r:p4ss@yum.example.com/el9/?t0ken=1#x", "https://yum.example.com/el9/"),
            ("http://t0ken@yum.example.com:8080/a%20b", "http://yum.example.com:8080/a%20b"),
            ("file:///srv/repo", "file:///srv/repo"),
            ("mailto:us3r@example.com?subject=t0ken", "mailto:us3r@example.com"),
        ] {
            let shown = RedactedUrl::from(&url.parse::<Url>().expect(url));
            assert_eq!((shown.to_string().as_str(), format!("{shown:?}").as_str()), (redacted, redacted));
        }
    }

    #[test]
    fn a_redacted_url_is_cut_where_it_is_very_long() {
        let url: Url = format!("https://yum.example.com/{}", "x".repeat(1000)).parse().expect("a URL");
        let shown = RedactedUrl::from(&url).to_string();
        assert_eq!((shown.chars().count(), shown.ends_with("x…")), (501, true));
    }

    #[test]
    fn a_password_in_a_text_is_not_repeated() {
        for (text, clean) in [
            ("unexpected 'https://u:p4ss@example.com/el9' found", "unexpected 'https://example.com/el9' found"),
            ("'https://u:p4@ss@example.com'", "'https://example.com'"),
            ("such as https://yum.example.com/el/9 or a@b", "such as https://yum.example.com/el/9 or a@b"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(text), clean);
        }
    }
}
