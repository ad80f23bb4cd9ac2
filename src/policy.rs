//! Which releases count: version, architecture, pre-releases.
//!
//! Each rule is a function of one release; a release that is left out has the first rule that
//! leaves it out as its reason.

use std::fmt;
use std::str::FromStr;

use semver::VersionReq;
use serde::{Deserialize, Serialize};

use crate::package::{Evr, Nevra, Package};

/// The releases that a team wants.
#[derive(Debug, Default, Clone)]
pub struct Policy {
    /// By version.
    pub versions: Versions,
    /// By architecture; empty takes every one.
    pub architectures: Vec<String>,
    /// Whether versions with RPM's `~` count.
    pub pre_releases: bool,
}

/// The versions that a team wants.
#[derive(Debug, Default, Clone)]
pub enum Versions {
    /// Every one.
    #[default]
    All,
    /// Those that begin with these parts.
    Leading(LeadingVersion),
    /// Those within a range of semantic versions.
    Range(VersionReq),
}

/// The first parts of a version: `18` for 18.0, 18.6.1 …; `18.6` for 18.6.0, 18.6.1 …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadingVersion(Vec<String>);

/// Why a text is not a [`LeadingVersion`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the beginning of a version, such as 18 or 18.6")]
pub struct LeadingVersionError(String);

/// Why a release does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// It is a source package.
    SourcePackage,
    /// It is for another architecture.
    OtherArchitecture,
    /// Its version is not among those that are wanted.
    OtherVersion,
    /// Its version can't be read as a semantic one, so no range can hold it.
    NotSemantic,
    /// It is a pre-release.
    PreRelease,
}

impl LeftOut {
    /// The reason, as the end of a sentence about one or more releases.
    pub fn reason(self) -> &'static str {
        match self {
            Self::SourcePackage => "source package",
            Self::OtherArchitecture => "other architecture",
            Self::OtherVersion => "other version",
            Self::NotSemantic => "version that no semantic range can hold",
            Self::PreRelease => "pre-release (~)",
        }
    }
}

impl Policy {
    /// Sorts packages into those that count, oldest first, and those that don't, with the reason.
    pub fn apply(&self, packages: Vec<Package>) -> (Vec<Package>, Vec<(Nevra, LeftOut)>) {
        let mut wanted = Vec::new();
        let mut left_out = Vec::new();
        for package in packages {
            match self.leaves_out(&package.package) {
                None => wanted.push(package),
                Some(reason) => left_out.push((package.package, reason)),
            }
        }
        wanted.sort_by(|a, b| a.package.cmp(&b.package));
        left_out.sort();
        (wanted, left_out)
    }

    /// The rule that leaves a release out, if one does.
    pub fn leaves_out(&self, package: &Nevra) -> Option<LeftOut> {
        let arch = package.arch();
        if matches!(arch, "src" | "nosrc") {
            Some(LeftOut::SourcePackage)
        } else if !self.architectures.is_empty() && !self.architectures.iter().any(|wanted| wanted == arch) {
            Some(LeftOut::OtherArchitecture)
        } else if let Some(reason) = self.versions.leave_out(package.evr()) {
            Some(reason)
        } else if package.evr().is_pre_release() && !self.pre_releases {
            Some(LeftOut::PreRelease)
        } else {
            None
        }
    }
}

impl Versions {
    fn leave_out(&self, evr: &Evr) -> Option<LeftOut> {
        match self {
            Self::All => None,
            Self::Leading(leading) => (!leading.holds(&evr.version)).then_some(LeftOut::OtherVersion),
            Self::Range(range) => match semantic(&evr.version) {
                None => Some(LeftOut::NotSemantic),
                Some(version) => (!within(range, &version)).then_some(LeftOut::OtherVersion),
            },
        }
    }
}

/// As a person would say it: `18.6.x`, `>=18.2, <19`, `every version`.
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("every version"),
            Self::Leading(LeadingVersion(parts)) => write!(f, "versions {}.x", parts.join(".")),
            Self::Range(range) => write!(f, "versions {range}"),
        }
    }
}

impl LeadingVersion {
    /// Whether a version begins with these parts: 16 is not the beginning of 160.
    fn holds(&self, version: &str) -> bool {
        let mut parts = version.split(|c: char| !c.is_ascii_alphanumeric());
        self.0.iter().all(|wanted| parts.next() == Some(wanted))
    }
}

impl FromStr for LeadingVersion {
    type Err = LeadingVersionError;

    fn from_str(text: &str) -> Result<Self, LeadingVersionError> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let is_part = |part: &String| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
        if parts.iter().all(is_part) { Ok(Self(parts)) } else { Err(LeadingVersionError(text.to_owned())) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn leading(text: &str) -> Policy {
        Policy { versions: Versions::Leading(text.parse().expect(text)), ..Policy::default() }
    }

    fn range(text: &str) -> Policy {
        Policy { versions: Versions::Range(text.parse().expect(text)), ..Policy::default() }
    }

    fn package(version: &str) -> Nevra {
        format!("gitlab-runner-{version}-1.x86_64").parse().expect(version)
    }

    #[test]
    fn a_leading_version_is_compared_part_by_part() {
        for (wanted, version, holds) in [
            ("18", "18.6.1", true),
            ("18", "18", true),
            ("18.6", "18.6.1", true),
            ("18.6", "18.6", true),
            ("18.6.1", "18.6.1", true),
            ("18", "18^20240101", true),
            ("18.6", "18.60.1", false),
            ("18.6.1", "18.6", false),
            ("16", "160.0", false),
            ("16", "1.16", false),
            ("8", "18.6.1", false),
        ] {
            assert_eq!(leading(wanted).leaves_out(&package(version)).is_none(), holds, "{wanted} and {version}");
        }
    }

    #[test]
    fn a_range_is_one_of_semantic_versions() {
        for (wanted, version, reason) in [
            (">=18.2, <19", "18.6.1", None),
            (">=18.2, <19", "18.2", None),
            (">=18.2, <19", "18.6.1.4", None),
            (">=18.2, <19", "18.6.1+git3", None),
            (">=18.2, <19", "19.0.0", Some(LeftOut::OtherVersion)),
            (">=18.2, <19", "18.1.9", Some(LeftOut::OtherVersion)),
            ("~18.6", "18.7.0", Some(LeftOut::OtherVersion)),
            ("*", "9.9p1", Some(LeftOut::NotSemantic)),
        ] {
            assert_eq!(range(wanted).leaves_out(&package(version)), reason, "{wanted} and {version}");
        }
    }

    #[test]
    fn a_pre_release_counts_only_where_it_is_asked_for() {
        let mut policy = leading("18");
        assert_eq!(policy.leaves_out(&package("18.8.0~pre.496.g9b6f071f")), Some(LeftOut::PreRelease));
        policy.pre_releases = true;
        assert_eq!(policy.leaves_out(&package("18.8.0~pre.496.g9b6f071f")), None);

        let mut policy = range(">=18.2, <19");
        assert_eq!(policy.leaves_out(&package("18.8.0~rc1")), Some(LeftOut::PreRelease));
        assert_eq!(policy.leaves_out(&package("19.0.0~rc1")), Some(LeftOut::OtherVersion));
        policy.pre_releases = true;
        assert_eq!(policy.leaves_out(&package("18.8.0~rc1")), None);
    }

    #[test]
    fn sources_never_count_and_architectures_as_asked() {
        let mut policy = Policy::default();
        let runner = |arch: &str| format!("gitlab-runner-18.6.1-1.{arch}").parse::<Nevra>().expect(arch);
        assert_eq!(policy.leaves_out(&runner("src")), Some(LeftOut::SourcePackage));
        assert_eq!(policy.leaves_out(&runner("aarch64")), None);
        policy.architectures = vec!["x86_64".to_owned(), "noarch".to_owned()];
        assert_eq!(policy.leaves_out(&runner("aarch64")), Some(LeftOut::OtherArchitecture));
        assert_eq!(policy.leaves_out(&runner("noarch")), None);
    }

    #[test]
    fn what_is_no_leading_version_is_refused() {
        for text in ["", "18.", ".6", "18-6", "18.*", ">=18", "18 "] {
            assert!(text.parse::<LeadingVersion>().is_err(), "{text}");
        }
    }
}
