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
        if may_hold_a_password(url) {
            return Self(format!("{}://…", url.scheme()));
        }
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

/// Whether an `@` after the host may be the end of a password that was not percent-encoded: of
/// `http://user:12/ab@host/`, `user` is the host. At the beginning of a segment an `@` is a path, as COPR has it
/// (`/results/@group/`), unless the host is no name with a dot, as a user is none.
pub fn may_hold_a_password(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let has_at = |part: Option<&str>| part.is_some_and(|part| part.contains('@'));
    let mut segments = url.path_segments().into_iter().flatten();
    let behind_path = has_at(url.query()) || has_at(url.fragment());
    segments.any(|segment| segment.get(1..).is_some_and(|rest| rest.contains('@')))
        || !is_host_of_many_parts(host) && (has_at(Some(url.path())) || behind_path)
        || !url.username().is_empty() && behind_path
}

/// Whether a host is no user. Of a number, which a password can be, `Url` makes an address: 1234 is 0.0.4.210.
fn is_host_of_many_parts(host: &str) -> bool {
    host.contains('.') && !host.ends_with(|last: char| last.is_ascii_digit()) || host.starts_with('[')
}

/// Why a text is not the URL of a server. The text is not repeated: a password may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GivenUrlError {
    /// Not a URL at all.
    #[error("is no URL: {0}")]
    NoUrl(url::ParseError),
    /// A host in letters beyond ASCII, which DNS does not have.
    #[error("has a host in letters beyond ASCII: write its ASCII form, which begins with xn--")]
    Host,
    /// An `@` that no URL has there.
    #[error(
        "has an @ where a URL has none, as if a password were in it that is not percent-encoded: write %40 for @, %2F \
         for /, %3A for :, %23 for #, %3F for ? and %25 for %"
    )]
    Password,
    /// A `\`, which some take for a `/`.
    #[error("has a backslash: write %5C in a password, and / in a path")]
    Backslash,
    /// A `%` that begins no escape.
    #[error("has a % that begins no escape such as %20: write %25 for it")]
    Escape,
}

/// The URL of a server, as a person wrote it, in which a password may be.
pub fn given_url(text: &str) -> Result<Url, GivenUrlError> {
    if text.contains('\\') {
        return Err(GivenUrlError::Backslash);
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(_) if text.contains('@') => return Err(GivenUrlError::Password),
        Err(url::ParseError::IdnaError) if !text.is_ascii() => return Err(GivenUrlError::Host),
        Err(error) => return Err(GivenUrlError::NoUrl(error)),
    };
    if may_hold_a_password(&url) || url[url::Position::AfterPath..].contains('@') {
        return Err(GivenUrlError::Password);
    }
    if has_bad_escape(url.path()) {
        return Err(GivenUrlError::Escape);
    }
    Ok(url)
}

/// Whether a `%` in a text begins no escape, as in `50%` or `%NAME%`.
pub fn has_bad_escape(text: &str) -> bool {
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    !text.split('%').skip(1).all(is_escape)
}

/// Takes user and password out of each URL in a text, whether or not it parses as one, and whether or not they are
/// percent-encoded.
pub fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let begun = rest[..start].rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let scheme = begun + rest[begun..].find(':').unwrap_or_default();
        let (before, after) = (&rest[..scheme], &rest[start + "://".len()..]);
        let (word, next) = after.split_at(after.find(char::is_whitespace).unwrap_or(after.len()));
        clean.extend([before, "://", &word[length_of_credentials(word)..]]);
        rest = next;
    }
    clean + rest
}

/// A URL as it was written, in two: up to the `@` behind user and password, and what follows.
pub(crate) fn split_credentials(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |scheme| scheme + "://".len());
    url.split_at(match length_of_credentials(&url[authority..]) {
        0 => 0,
        length => authority + length,
    })
}

/// How much of what follows `://` may be user and password.
fn length_of_credentials(word: &str) -> usize {
    let server = word.split('/').next().and_then(|authority| authority.rsplit('@').next()).unwrap_or_default();
    let (host, port) = server.split_once(':').unwrap_or((server, ""));
    let is_server =
        is_host_of_many_parts(host) && !host.contains('%') && port.bytes().all(|byte| byte.is_ascii_digit());
    let begins_segment = |at: usize| word[..at].ends_with('/') && is_server;
    word.match_indices('@').map(|(at, _)| at).rfind(|at| !begins_segment(*at)).map_or(0, |at| at + 1)
}

/// Leaves URLs and what else may hold a password out of a text that repeats what a person wrote.
pub fn without_urls(text: &str) -> String {
    let may_be_one = |word: &str| word.contains("://") || word.contains('@');
    let words: Vec<&str> = text.split(' ').collect();
    // A password may have spaces in it.
    let (first, last) =
        (words.iter().position(|word| may_be_one(word)), words.iter().rposition(|word| may_be_one(word)));
    match first.zip(last) {
        None => text.to_owned(),
        Some((first, last)) => {
            [&words[..first], &["… (not repeated: a password may be in it)"], &words[last + 1..]].concat().join(" ")
        }
    }
}

/// Cuts a text that repeats what a person wrote where a key in PEM begins.
pub fn without_keys(text: &str) -> String {
    match text.split_once("-----BEGIN") {
        Some((before, _)) => format!("{before}… (not repeated: a key may be in it)"),
        None => text.to_owned(),
    }
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
            ("https://copr.example.com/results/@group/p/", "https://copr.example.com/results/@group/p/"),
            ("http://us3r:12/p4ss@host/v", "http://…"),
            ("http://us3r/@host/v", "http://…"),
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
            ("http://us3r:12/p4ss@host/v is not there", "http://host/v is not there"),
            (
                "https://copr.example.com/results/@group/ is not there",
                "https://copr.example.com/results/@group/ is not there",
            ),
            ("[\"https://u:p4ss@a/\",\"https://b/c\"]", "[\"https://a/\",\"https://b/c\"]"),
            ("such as https://yum.example.com/el/9 or a@b", "such as https://yum.example.com/el/9 or a@b"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(text), clean);
        }
    }

    #[test]
    fn a_key_in_a_text_is_not_repeated() {
        let pem = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----";
        for text in [format!("unexpected '{pem}' found"), format!("unexpected {pem:?} found")] {
            assert_eq!(without_keys(&text), format!("{}… (not repeated: a key may be in it)", &text[..12]));
        }
        assert_eq!(without_keys("unexpected '--keep' found"), "unexpected '--keep' found");
    }
}
