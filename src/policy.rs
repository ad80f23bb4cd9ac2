//! Which releases count: version, architecture, pre-releases; of those that count, which are kept and
//! which are excluded.
//!
//! [`Policy`] looks at one release alone, and acts in `list`. [`Keep`] compares releases with each other
//! once the rules that need a clock have spoken, and [`Exclusion`] comes after it: both act in `diff`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use semver::VersionReq;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::package::{Evr, Nevra, Package};

/// What the text of a version begins with that a person asked for.
const EXACTLY: &str = "exactly ";

/// The releases that a team wants.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policy {
    /// By version.
    #[serde(default)]
    pub versions: Versions,
    /// By architecture; empty takes every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
    /// Whether versions with RPM's `~` count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pre_releases: bool,
}

/// The versions that a team wants. As text, and in JSON: `*`, `18.6`, `>=18.2, <19`, `exactly 18.6.1-1`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Versions {
    /// Every one.
    #[default]
    All,
    /// Those that begin with these parts.
    Leading(LeadingVersion),
    /// Those within a range of semantic versions.
    Range(VersionReq),
    /// The one that a person asked for by hand.
    Exactly(ExactVersion),
}

/// The first parts of a version: `18` for 18.0, 18.6.1 …; `18.6` for 18.6.0, 18.6.1 …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadingVersion(Vec<String>);

/// Why a text is not a [`LeadingVersion`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the beginning of a version, such as 18 or 18.6")]
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
        let mut left_out = Vec::new();
        let wanted = packages.into_iter().filter_map(|package| match self.leaves_out(&package.package) {
            None => Some(package),
            Some(reason) => {
                left_out.push((package.package, reason));
                None
            }
        });
        let mut wanted: Vec<Package> = wanted.collect();
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
        } else if let Some(reason) = self.versions.leave_out(package) {
            Some(reason)
        } else if package.evr().is_pre_release() && !self.pre_releases {
            Some(LeftOut::PreRelease)
        } else {
            None
        }
    }
}

impl Versions {
    fn leave_out(&self, package: &Nevra) -> Option<LeftOut> {
        let version = &package.evr().version;
        match self {
            Self::All => None,
            Self::Leading(leading) => (!leading.holds(version)).then_some(LeftOut::OtherVersion),
            Self::Exactly(exactly) => (!exactly.names(package)).then_some(LeftOut::OtherVersion),
            Self::Range(range) => match semantic(version) {
                None => Some(LeftOut::NotSemantic),
                Some(version) => (!within(range, &version)).then_some(LeftOut::OtherVersion),
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
            Self::Leading(LeadingVersion(parts)) => f.write_str(&parts.join(".")),
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

/// Which of the releases that count are kept, where newer ones make older ones needless.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every one.
    #[default]
    All,
    /// The newest.
    Latest,
    /// The newest of each first two parts of the version: of 18.6.0 and 18.6.1 the latter.
    LatestPerMinor,
    /// The newest of each first part of the version.
    LatestPerMajor,
}

impl Keep {
    /// The newest of some releases, for each architecture and line of versions.
    pub fn newest<'a>(self, releases: impl Iterator<Item = &'a Nevra>) -> Newest<'a> {
        let mut newest: BTreeMap<_, &Nevra> = BTreeMap::new();
        for release in releases {
            if let Some(line) = self.line(release) {
                newest.entry(line).and_modify(|known| *known = release.max(known)).or_insert(release);
            }
        }
        Newest { keep: self, newest }
    }

    /// Which releases are of one line: those of one architecture whose versions begin the same. `None`
    /// where every release is kept.
    fn line(self, release: &Nevra) -> Option<(&str, Vec<&str>)> {
        let parts = match self {
            Self::All => return None,
            Self::Latest => 0,
            Self::LatestPerMajor => 1,
            Self::LatestPerMinor => 2,
        };
        Some((release.arch(), first_parts(&release.evr().version, parts)))
    }
}

/// The newest release of each line.
#[derive(Debug)]
pub struct Newest<'a> {
    keep: Keep,
    newest: BTreeMap<(&'a str, Vec<&'a str>), &'a Nevra>,
}

impl<'a> Newest<'a> {
    /// The newer release that makes this one needless.
    pub fn supersedes(&self, release: &Nevra) -> Option<&'a Nevra> {
        let newest = self.newest.get(&self.keep.line(release)?).copied()?;
        (newest > release).then_some(newest)
    }
}

/// What the line of a release is told by: `18.6` of 18.6.1~rc1. Parts that are missing are 0.
fn first_parts(version: &str, parts: usize) -> Vec<&str> {
    let numbers = version.split(['~', '^', '+']).next().unwrap_or_default();
    numbers.split('.').chain(std::iter::repeat("0")).take(parts).collect()
}

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

/// What a person may call a release.
fn names(package: &Nevra) -> [String; 4] {
    let Evr { version, release, .. } = package.evr();
    [version.clone(), format!("{version}-{release}"), package.evr().to_string(), package.to_string()]
}

impl ExactVersion {
    /// Whether it names this release.
    fn names(&self, package: &Nevra) -> bool {
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
            Err(ExactVersionError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for ExactVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
            Err(PatternError(text.chars().take(80).collect()))
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
    /// Those.
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
            "" => Err(ExclusionError::Reason(text.chars().take(80).collect())),
            reason => Ok(Self { pattern: pattern.trim().parse()?, reason: Some(reason.to_owned()) }),
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
    fn what_is_asked_for_by_hand_is_one_version() {
        let exactly =
            |text: &str| Policy { versions: Versions::Exactly(text.parse().expect(text)), ..Policy::default() };
        for (wanted, version, holds) in [
            ("18.6.1", "18.6.1", true),
            (" 18.6.1-1 ", "18.6.1", true),
            ("gitlab-runner-18.6.1-1.x86_64.rpm", "18.6.1", true),
            ("1:18.6.1-1", "1:18.6.1", true),
            ("18.6.1", "1:18.6.1", true),
            ("18.6.1-2", "18.6.1", false),
            ("18.6", "18.6.1", false),
            ("18.6.1", "18.6.10", false),
        ] {
            assert_eq!(exactly(wanted).leaves_out(&package(version)).is_none(), holds, "{wanted} and {version}");
        }
        for text in ["", " ", "18.*", "18.6.1,18.6.2", "18.6.1;id", "$VERSION", "18 6"] {
            assert!(text.parse::<ExactVersion>().is_err(), "{text:?}");
        }
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
    fn versions_are_the_same_after_they_were_written() {
        let range = |text: &str| Versions::Range(text.parse().expect(text));
        let leading = |text: &str| Versions::Leading(text.parse().expect(text));
        let exactly = |text: &str| Versions::Exactly(text.parse().expect(text));
        for versions in [
            Versions::All,
            leading("18"),
            leading("18.6"),
            range(">=18.2, <19"),
            range("18"),
            range("=1.2"),
            exactly("18.6.1"),
            exactly("1:18.6.1~rc1-1"),
        ] {
            assert_eq!(Versions::try_from(versions.to_string()).expect("versions"), versions);
        }
    }

    #[test]
    fn a_newer_release_of_the_same_line_makes_an_older_one_needless() {
        use Keep::{All, Latest, LatestPerMajor, LatestPerMinor};
        for (keep, older, newer, needless) in [
            (All, "18.6.0", "18.6.1", false),
            (Latest, "17.9.9", "18.0.0", true),
            (LatestPerMajor, "17.9.9", "18.0.0", false),
            (LatestPerMajor, "18.5.9", "18.6.0", true),
            (LatestPerMinor, "18.5.9", "18.6.0", false),
            (LatestPerMinor, "18.6.0", "18.6.1", true),
            (LatestPerMinor, "18.6.1", "18.6.0", false),
            (LatestPerMinor, "18.6.1", "18.6.1", false),
            (LatestPerMinor, "18", "18.0.1", true),
            (LatestPerMinor, "18.6~rc1", "18.6", true),
            (LatestPerMinor, "18.6.0+git3", "18.60.0", false),
        ] {
            let newer = [package(newer)];
            let superseded = keep.newest(newer.iter()).supersedes(&package(older)).is_some();
            assert_eq!(superseded, needless, "{keep:?}: {older} by {newer:?}");
        }
    }

    #[test]
    fn each_architecture_is_kept_for_itself() {
        let other: Nevra = "gitlab-runner-19.0.0-1.aarch64".parse().expect("a package");
        assert_eq!(Keep::Latest.newest([other].iter()).supersedes(&package("18.6.0")), None);
        let newer = [package("18.6.2"), package("18.6.3"), package("18.6.1")];
        assert_eq!(Keep::Latest.newest(newer.iter()).supersedes(&package("18.6.0")), Some(&newer[1]));
    }

    #[test]
    fn a_pattern_names_releases_by_version_or_as_a_whole() {
        for (pattern, named, version) in [
            ("18.6.1", true, "18.6.1"),
            ("18.6.1-1", true, "18.6.1"),
            ("18.6.1-2", false, "18.6.1"),
            ("18.6", false, "18.6.1"),
            ("18.6.*", true, "18.6.1"),
            ("18.?.1", true, "18.6.1"),
            ("18.?.1", false, "18.10.1"),
            ("*~*", true, "18.6.1~rc1"),
            ("gitlab-runner-18.6.1-1.x86_64", true, "18.6.1"),
            ("gitlab-runner-18.6.1-1.x86_64.rpm", true, "18.6.1"),
            ("*.aarch64", false, "18.6.1"),
            ("1:2.0-1", true, "1:2.0"),
            ("2.0", true, "1:2.0"),
        ] {
            assert_eq!(
                pattern.parse::<Pattern>().expect(pattern).names(&package(version)),
                named,
                "{pattern} {version}"
            );
        }
        for text in ["", "18.6.1 ", "/18/", "[18]", "18.6.1,18.6.2", "a\nb"] {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_skip_says_why() {
        let skip: Exclusion = "1:18.6.*:  crashes: see #12".parse().expect("a skip");
        assert_eq!((skip.pattern.to_string().as_str(), skip.reason.as_deref()), ("1:18.6.*", Some("crashes: see #12")));
        for (text, told) in
            [("18.6.1", "gives no reason"), ("18.6.1: ", "gives no reason"), ("a b: c", "names no release")]
        {
            let error = text.parse::<Exclusion>().expect_err(text).to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn what_is_no_leading_version_is_refused() {
        for text in ["", "18.", ".6", "18-6", "18.*", ">=18", "18 "] {
            assert!(text.parse::<LeadingVersion>().is_err(), "{text}");
        }
    }
}
