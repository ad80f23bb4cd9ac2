//! The URLs of files that a repository names: of its metadata, and of packages as others are to have them.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

use crate::budget::MAX_URL;
use crate::redacted::{RedactedUrl, has_bad_escape, may_hold_a_password, remove_credentials};

/// All but the unreserved characters of a URL (RFC 3986, 2.3), `/` and `%`. What is encoded means the same, and is
/// no syntax of a shell or a template.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'%');

/// Why a location is not one that others can be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Not a URL. It is not repeated: there can be a password in it.
    #[error("it is no URL: {0}")]
    NoUrl(#[from] url::ParseError),
    /// Longer than any URL that is taken from a stranger.
    #[error("it has more than {MAX_URL} bytes")]
    TooLong,
    /// Neither the repository's scheme nor http or https.
    #[error("it has another scheme than the repository, expected that, http or https")]
    Scheme,
    /// A host that is none.
    #[error("the host of {0} has other characters than letters, digits and .-_")]
    Host(RedactedUrl),
    /// A `%` that is no part of an escape, or of what GitLab expands: `%NAME%`.
    #[error("{0} has a % that begins no escape such as %20")]
    Escape(RedactedUrl),
    /// `?` or `#`.
    #[error("{0} goes on with ? or #: a package has neither, unless its repository has")]
    Query(RedactedUrl),
    /// An `@` that may be the end of a password.
    #[error("it has an @ behind another host than the repository's, as if a password were in it")]
    Password,
}

/// The URL of a file of the repository that is fetched here, from its `xml:base` and `href`.
pub fn resolve(repository: &Url, base: Option<&str>, href: &str) -> Result<Url, LocationError> {
    join(repository, base, href, &AsciiSet::EMPTY).and_then(|url| located(url, repository))
}

/// The URL of a file, of whose path some characters are `encoded`. A URL in place of a path is taken as it is.
#[allow(clippy::disallowed_methods)] // no part is long, and its callers charge for it
pub(super) fn join(
    repository: &Url,
    base: Option<&str>,
    href: &str,
    encoded: &'static AsciiSet,
) -> Result<Url, LocationError> {
    // A host of megabytes takes many times as much until it is none.
    if base.into_iter().chain([href]).any(|part| part.len() > MAX_URL) {
        return Err(LocationError::TooLong);
    }
    // As dnf has it, `/foo.rpm` does not lie at the server's root, and `foo-1:2-1.noarch.rpm` is no URL of the scheme `foo-1`.
    let path = |path: &str| format!("./{}", utf8_percent_encode(path.trim_start_matches('/'), encoded));
    let href = if href.contains("://") { href.to_owned() } else { path(href) };
    let url = match base {
        None => repository.join(&href),
        Some(base) => {
            let mut base = foreign(repository.join(base)?, repository)?;
            if !base.path().ends_with('/') {
                base.set_path(&format!("{}/", base.path()));
            }
            base.join(&href)
        }
    };
    Ok(url?)
}

/// The URL of a package as others are to have it, in what is at another URL: without a password, its path of
/// unreserved characters, `/` and escapes alone.
pub(super) fn public(url: Url, named_at: &Url) -> Result<Url, LocationError> {
    let url = foreign(url, named_at)?;
    if url.query().is_some() || url.fragment().is_some() {
        Err(LocationError::Query((&url).into()))
    } else {
        plain(url)
    }
}

/// The same for a file that is fetched here, which may have a query.
pub(super) fn located(url: Url, named_at: &Url) -> Result<Url, LocationError> {
    foreign(url, named_at).and_then(plain)
}

/// A URL that a repository may name, without a password.
pub(super) fn foreign(mut url: Url, named_at: &Url) -> Result<Url, LocationError> {
    // A repository can name a file on another server, but not on the machine that reads it.
    if url.scheme() != named_at.scheme() && !matches!(url.scheme(), "http" | "https") {
        return Err(LocationError::Scheme);
    }
    if url.origin() != named_at.origin() && may_hold_a_password(&url) {
        return Err(LocationError::Password);
    }
    remove_credentials(&mut url);
    Ok(url)
}

/// A URL with a plain host, and a path without syntax.
pub(super) fn plain(mut url: Url) -> Result<Url, LocationError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if let Some(Host::Domain(host)) = url.host()
        && !host.bytes().all(is_plain)
    {
        return Err(LocationError::Host((&url).into()));
    }
    if has_bad_escape(url.path()) {
        return Err(LocationError::Escape((&url).into()));
    }
    if let Cow::Owned(path) = utf8_percent_encode(url.path(), ENCODED).into() {
        url.set_path(&path);
    }
    Ok(url)
}

/// Whether a URL lies below a folder, however the paths of the two are spelled: `+` is `%2B`.
pub fn is_below(url: &Url, folder: &Url) -> bool {
    let path = |url: &'_ Url| percent_decode_str(url.path()).collect::<Vec<u8>>();
    url.origin() == folder.origin() && path(url).starts_with(&path(folder))
}

/// A query in characters that are no syntax of a shell or a template: one word, or `NAME=VALUE` with `&` between;
/// `None` for any other, such as `a&id`.
pub fn public_query(query: &str) -> Option<String> {
    const KEPT: &AsciiSet = &ENCODED.add(b'/').remove(b'=').remove(b'&');
    let query = utf8_percent_encode(query, KEPT).to_string();
    let has_value = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| !name.is_empty());
    let is_one = !query.is_empty() && (!query.contains('&') || query.split('&').all(has_value));
    (is_one && !has_bad_escape(&query)).then_some(query)
}

/// Whether a text is a URL as a [`Package`](crate::release::Package) has it, or that of a file by a relative path.
pub fn is_public(text: &str) -> bool {
    if let Some(path) = text.strip_prefix("file:") {
        return matches!(Cow::from(utf8_percent_encode(path, ENCODED)), Cow::Borrowed(_)) && !has_bad_escape(path);
    }
    // That of its repository, which a person wished to hand on.
    let (text, query) = text.split_once('?').map_or((text, None), |(text, query)| (text, Some(query)));
    if query.is_some_and(|query| public_query(query).as_deref() != Some(query)) {
        return false;
    }
    let is_one = |url: &Url| matches!(url.scheme(), "http" | "https") && url.as_str() == text;
    Url::parse(text).is_ok_and(|url| public(url.clone(), &url).is_ok_and(|public| is_one(&public)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        "https://yum.example.com/el9/x86_64/".parse().expect("a URL")
    }

    #[test]
    fn the_location_of_metadata_may_have_escapes_and_a_query() {
        for (base_attribute, href, url) in [
            (None, "repodata/a%2Bb.xml.gz?sig=a", "https://yum.example.com/el9/x86_64/repodata/a%2Bb.xml.gz?sig=a"),
            (None, "/repodata/a+b.xml.gz", "https://yum.example.com/el9/x86_64/repodata/a%2Bb.xml.gz"),
            (Some("https://cdn.example.com/el9"), "a.xml.gz", "https://cdn.example.com/el9/a.xml.gz"),
        ] {
            assert_eq!(resolve(&base(), base_attribute, href).expect(href).as_str(), url);
        }
    }
}
