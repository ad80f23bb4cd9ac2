//! The versions that a team wants.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::VersionReq;
use serde::{Deserialize, Serialize};

use super::FilterReason;
use crate::release::{Evr, Nevra};
use crate::text::named;

/// The first word of an exact version as text.
const EXACTLY: &str = "exactly ";

/// The versions that a team wants. As text, and in JSON: `*`, `18.6`, `>=18.2, <19`, `exactly 18.6.1-1`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Versions {
    /// Every one.
    #[default]
    All,
    /// Versions that begin with these parts.
    Leading(LeadingVersion),
    /// Versions within a range of semantic versions.
    Range(VersionReq),
    /// The one that a person asked for by hand.
    Exactly(ExactVersion),
}

/// The first parts of a version: `18` for 18.0, 18.6.1 …; `18.6` for 18.6.0, 18.6.1 …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadingVersion(Vec<String>);

/// Why a text is not a [`LeadingVersion`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the beginning of a version, such as 18 or 18.6: leave out what stands for any (x, *), and a v")]
pub struct LeadingVersionError(String);

/// A version, a version with its release, or a whole package: `18.6.1`, `18.6.1-1`,
/// `gitlab-runner-18.6.1-1.x86_64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactVersion(String);

/// Why a text is not an [`ExactVersion`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no release: expected a version (18.6.1), a version with its release (18.6.1-1), or a package (gitlab-runner-18.6.1-1.x86_64)"
)]
pub struct ExactVersionError(String);

/// Why a release does not count.
impl Versions {
    pub(super) fn filter_reason(&self, package: &Nevra) -> Option<FilterReason> {
        let version = &package.evr().version;
        match self {
            Self::All => None,
            Self::Leading(leading) => (!leading.holds(version)).then_some(FilterReason::OtherVersion),
            Self::Exactly(exactly) => (!exactly.names(package)).then_some(FilterReason::OtherVersion),
            Self::Range(range) => match semantic(version) {
                None => Some(FilterReason::NotSemantic),
                Some(version) => (!within(range, &version)).then_some(FilterReason::OtherVersion),
            },
        }
    }
}

impl Versions {
    /// The version that a person asked for by hand, which is built whatever the rules and the tracker say.
    pub fn asked_for(&self) -> Option<&ExactVersion> {
        if let Self::Exactly(version) = self { Some(version) } else { None }
    }

    /// As a person would say it: `versions 18.6.x`, `versions >=18.2, <19`, `every version`.
    pub fn in_words(&self) -> String {
        match self {
            Self::All => "every version".to_owned(),
            Self::Leading(_) => format!("versions {self}.x"),
            Self::Range(_) => format!("versions {self}"),
            Self::Exactly(ExactVersion(version)) => format!("{version} by hand"),
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Leading(leading) => leading.fmt(f),
            Self::Range(range) => write!(f, "{range}"),
            Self::Exactly(ExactVersion(version)) => write!(f, "{EXACTLY}{version}"),
        }
    }
}

/// The text of a range begins with an operator, that of a leading version does not.
impl TryFrom<String> for Versions {
    type Error = semver::Error;

    fn try_from(text: String) -> Result<Self, semver::Error> {
        if let Some(Ok(exactly)) = text.strip_prefix(EXACTLY).map(str::parse) {
            return Ok(Self::Exactly(exactly));
        }
        match text.parse() {
            _ if text == "*" => Ok(Self::All),
            Ok(leading) => Ok(Self::Leading(leading)),
            Err(_) => text.parse().map(Self::Range),
        }
    }
}

impl From<Versions> for String {
    fn from(versions: Versions) -> Self {
        versions.to_string()
    }
}

/// Any order, as long as all have the same.
impl Ord for Versions {
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl PartialOrd for Versions {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The names that a person may give a release.
pub(super) fn names(package: &Nevra) -> [String; 4] {
    let Evr { version, release, .. } = package.evr();
    [version.clone(), format!("{version}-{release}"), package.evr().to_string(), package.to_string()]
}

impl ExactVersion {
    /// Whether it names this release.
    pub fn names(&self, package: &Nevra) -> bool {
        names(package).contains(&self.0)
    }
}

impl FromStr for ExactVersion {
    type Err = ExactVersionError;

    fn from_str(text: &str) -> Result<Self, ExactVersionError> {
        let name = text.trim();
        let name = name.strip_suffix(".rpm").unwrap_or(name);
        let can_be = |c: char| c.is_ascii_alphanumeric() || "._+~^:-".contains(c);
        if !name.is_empty() && name.chars().all(can_be) {
            Ok(Self(name.to_owned()))
        } else {
            Err(ExactVersionError(named(text)))
        }
    }
}

impl fmt::Display for ExactVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl LeadingVersion {
    /// Whether a version begins with these parts: 16 is not the beginning of 160.
    pub fn holds(&self, version: &str) -> bool {
        let mut parts = version.split(|c: char| !c.is_ascii_alphanumeric());
        self.0.iter().all(|wanted| parts.next() == Some(wanted))
    }
}

impl fmt::Display for LeadingVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl FromStr for LeadingVersion {
    type Err = LeadingVersionError;

    fn from_str(text: &str) -> Result<Self, LeadingVersionError> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let is_part = |part: &String| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
        // As people write them in prose and in tags. RPM's versions have neither.
        let is_any = |part: &String| part.eq_ignore_ascii_case("x");
        let has_v = text.strip_prefix(['v', 'V']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if parts.iter().all(is_part) && !parts.iter().any(is_any) && !has_v {
            Ok(Self(parts))
        } else {
            Err(LeadingVersionError(named(text)))
        }
    }
}

/// Whether a range holds a version or the release that it leads to: `semver` itself keeps
/// pre-releases out of ranges, where a rule of their own decides over them here.
fn within(range: &VersionReq, version: &semver::Version) -> bool {
    range.matches(version) || range.matches(&semver::Version::new(version.major, version.minor, version.patch))
}

/// The semantic version that an RPM version stands for.
///
/// Missing parts are 0 and parts after the third don't count (`18.6` is 18.6.0, `1.2.3.4` is 1.2.3).
/// `~` begins a pre-release. What follows `^` or `+` comes after the version and does not count.
fn semantic(version: &str) -> Option<semver::Version> {
    let version = version.split(['^', '+']).next().unwrap_or_default();
    let (numbers, pre_release) = version.split_once('~').unwrap_or((version, ""));
    let mut parts = numbers.split('.').map(|part| part.parse::<u64>().ok());
    let mut next = || parts.next().unwrap_or(Some(0));
    let mut semantic = semver::Version::new(next()?, next()?, next()?);
    if !pre_release.is_empty() {
        semantic.pre = pre_release.replace(['~', '_'], ".").parse().ok()?;
    }
    Some(semantic)
}
