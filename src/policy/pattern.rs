//! Patterns that name releases, and exclude them.

use std::fmt;
use std::str::FromStr;

use wildmatch::WildMatch;

use super::versions::names;
use crate::release::Nevra;
use crate::text::named;

/// Names releases: a version, a version with its release, or a whole package; `*` stands for any
/// characters, and `?` for one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(WildMatch);

/// Why a text is not a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no release: expected a version (18.6.1), a version with its release (18.6.1-1), or a package (gitlab-runner-18.6.1-1.x86_64), in which * stands for any characters and ? for one"
)]
pub struct PatternError(String);

impl Pattern {
    /// Whether it names this release.
    pub fn names(&self, package: &Nevra) -> bool {
        names(package).iter().any(|text| self.0.matches(text))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.strip_suffix(".rpm").unwrap_or(text);
        let can_be = |c: char| c.is_ascii_alphanumeric() || "._+~^:*?-".contains(c);
        if !text.is_empty() && text.chars().all(can_be) {
            Ok(Self(WildMatch::new(text)))
        } else {
            Err(PatternError(named(text)))
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Releases that are not to be built, and why not.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    /// Which releases are excluded.
    pub pattern: Pattern,
    /// Why, where it was said.
    pub reason: Option<String>,
}

/// Why a text is not an [`Exclusion`] with a reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExclusionError {
    /// It does not name releases.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// It does not say why.
    #[error("{0:?} gives no reason: expected PATTERN: REASON, such as '18.6.1: does not start'")]
    Reason(String),
}

/// `PATTERN: REASON`.
impl FromStr for Exclusion {
    type Err = ExclusionError;

    fn from_str(text: &str) -> Result<Self, ExclusionError> {
        // The colon of an epoch has no space behind it.
        let (pattern, reason) = text.split_once(": ").unwrap_or((text, ""));
        match reason.trim() {
            "" => Err(ExclusionError::Reason(named(text))),
            reason => Ok(Self { pattern: pattern.trim().parse()?, reason: Some(reason.to_owned()) }),
        }
    }
}
