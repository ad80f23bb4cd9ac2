//! The URL of a package as others are to have it.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
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
