//! A URL of the repository as others are to have it.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::redacted::remove_credentials;

/// Characters that pipeline variables expand, or that are syntax of a shell.
const SYNTAX: &AsciiSet = &CONTROLS.add(b'$').add(b'`').add(b'\'').add(b'(').add(b')').add(b';').add(b'|').add(b'\\');

/// A URL as others are to have it: without a password, and with what could be taken for syntax encoded,
/// which means the same.
pub(super) fn public(mut url: Url) -> Result<Url, url::ParseError> {
    remove_credentials(&mut url);
    let encoded = match Cow::from(utf8_percent_encode(url.as_str(), SYNTAX)) {
        Cow::Borrowed(_) => return Ok(url),
        Cow::Owned(encoded) => Url::parse(&encoded)?,
    };
    // The name of a host is decoded again, and no host has such a name.
    let is_plain = utf8_percent_encode(encoded.as_str(), SYNTAX).count() == 1;
    if is_plain { Ok(encoded) } else { Err(url::ParseError::InvalidDomainCharacter) }
}
