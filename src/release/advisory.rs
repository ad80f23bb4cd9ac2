//! Advisories: what a publisher says that a release is for, such as a flaw that it fixes.

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use crate::text::named;

/// The most advisories that are kept of one release. Real releases have one, or a few.
const MAX_ADVISORIES: usize = 8;
/// The most characters of an id. Those of SUSE, which name a module, have some 50.
const MAX_ID: usize = 80;

/// The id of an advisory, such as `RHSA-2026:1234`: letters, digits and `._:+-`, at most 80.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AdvisoryId(String);

/// Why a text is not an [`AdvisoryId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id of an advisory, such as RHSA-2026:1234: it may hold letters, digits and ._:+-, from 1 to 80")]
pub struct AdvisoryIdError(String);

/// The kind of an advisory, the gravest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdvisoryKind {
    /// It fixes a flaw.
    Security,
    /// It fixes a fault.
    Bugfix,
    /// It adds something.
    Enhancement,
    /// The package is new.
    NewPackage,
    /// Its type is missing, or none that dnf knows.
    #[default]
    Unknown,
}

/// How grave an advisory is, the gravest first. The words are Red Hat's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// `Critical`; `urgent` in older Fedora.
    Critical,
    /// `Important`; `high` in older Fedora.
    Important,
    /// `Moderate`; `medium` in Amazon Linux and older Fedora.
    Moderate,
    /// `Low`.
    Low,
}

/// An advisory about a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// Its id.
    pub id: AdvisoryId,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: AdvisoryKind,
    /// How grave it is; `None` where it states nothing, or `None` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// The advisories about one release: each id once, the gravest first, and of more than eight the gravest alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<Advisory>")]
pub struct Advisories(Option<Rc<[Advisory]>>);

impl AdvisoryKind {
    /// Takes the `type` of an update. dnf takes these words in small letters alone.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "security" => Self::Security,
            "bugfix" => Self::Bugfix,
            "enhancement" => Self::Enhancement,
            "newpackage" => Self::NewPackage,
            _ => Self::Unknown,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Bugfix => "bugfix",
            Self::Enhancement => "enhancement",
            Self::NewPackage => "new package",
            Self::Unknown => "unknown",
        }
    }
}

impl Severity {
    /// Takes the `<severity>` of an update, in any of the words and letters that publishers use.
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "critical" | "urgent" => Some(Self::Critical),
            "important" | "high" => Some(Self::Important),
            "moderate" | "medium" => Some(Self::Moderate),
            "low" => Some(Self::Low),
            _ => None,
        }
    }
}

impl Advisory {
    /// Its place among others, the gravest first; one without a severity comes after those that have one.
    fn gravity(&self) -> (AdvisoryKind, bool, Option<Severity>, &AdvisoryId) {
        (self.kind, self.severity.is_none(), self.severity, &self.id)
    }
}

impl Advisories {
    fn all(&self) -> &[Advisory] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Whether one of them says that the release fixes a flaw.
    pub fn name_a_flaw(&self) -> bool {
        self.iter().any(|advisory| advisory.kind == AdvisoryKind::Security)
    }

    /// The advisories, the gravest first.
    pub fn iter(&self) -> impl Iterator<Item = &Advisory> {
        self.all().iter()
    }

    /// Adds an advisory. Of the same id the graver type and severity count.
    pub(crate) fn add(&mut self, advisory: Advisory) {
        let mut all = self.all().to_vec();
        match all.iter_mut().find(|known| known.id == advisory.id) {
            Some(known) => {
                known.kind = known.kind.min(advisory.kind);
                known.severity = known.severity.into_iter().chain(advisory.severity).min();
            }
            None => all.push(advisory),
        }
        all.sort_by(|a, b| a.gravity().cmp(&b.gravity()));
        all.truncate(MAX_ADVISORIES);
        self.0 = Some(all.into());
    }

    /// A sentence about the release, with the advisories after it: `new release, RHSA-2026:1234 (security, Important)`.
    pub(crate) fn after(&self, sentence: impl fmt::Display) -> String {
        if self.is_empty() { sentence.to_string() } else { format!("{sentence}, {self}") }
    }
}

impl From<Vec<Advisory>> for Advisories {
    fn from(advisories: Vec<Advisory>) -> Self {
        let mut all = Self::default();
        for advisory in advisories {
            all.add(advisory);
        }
        all
    }
}

impl Serialize for Advisories {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all().serialize(serializer)
    }
}

/// `RHSA-2026:1234 (security, Important), RHBA-2026:1235 (bugfix)`
impl fmt::Display for Advisories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, advisory) in self.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{advisory}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Advisory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id: AdvisoryId(id), kind, severity } = self;
        match severity {
            Some(severity) => write!(f, "{id} ({}, {severity:?})", kind.in_words()),
            None => write!(f, "{id} ({})", kind.in_words()),
        }
    }
}

impl FromStr for AdvisoryId {
    type Err = AdvisoryIdError;

    fn from_str(text: &str) -> Result<Self, AdvisoryIdError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:+-".contains(&byte);
        let is_one = (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_plain);
        if is_one { Ok(Self(text.to_owned())) } else { Err(AdvisoryIdError(named(text))) }
    }
}

impl TryFrom<String> for AdvisoryId {
    type Error = AdvisoryIdError;

    fn try_from(text: String) -> Result<Self, AdvisoryIdError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(id: &str, kind: &str, severity: &str) -> Advisory {
        Advisory { id: id.parse().expect(id), kind: AdvisoryKind::of(kind), severity: Severity::of(severity) }
    }

    fn advisories(all: &[(&str, &str, &str)]) -> Advisories {
        let all: Vec<Advisory> = all.iter().map(|(id, kind, severity)| advisory(id, kind, severity)).collect();
        all.into()
    }

    #[test]
    fn the_ids_of_real_publishers_are_ids() {
        for id in [
            "RHSA-2026:1234",
            "ELBA-2026-50012",
            "FEDORA-EPEL-2026-0a1b2c3d4e",
            "ALAS2023LIVEPATCH-2026-001",
            "SUSE-SLE-Module-Basesystem-15-SP6-2026-1234",
            "openSUSE-SLE-15.6-2026-1234",
        ] {
            assert!(id.parse::<AdvisoryId>().is_ok(), "{id}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_with_the_reason() {
        for id in ["", "RHSA 1", "RHSA-1\n", "$(id)", "<b>", "CVE@x", "é", &"x".repeat(81)] {
            let error = id.parse::<AdvisoryId>().expect_err(id).to_string();
            assert!(error.contains("it may hold letters, digits and ._:+-, from 1 to 80"), "{error}");
            assert!(error.len() < 250 && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_severity_is_told_by_the_words_that_publishers_use() {
        for (word, severity) in [
            ("Critical", Some(Severity::Critical)),
            ("IMPORTANT", Some(Severity::Important)),
            ("medium", Some(Severity::Moderate)),
            ("low", Some(Severity::Low)),
            ("urgent", Some(Severity::Critical)),
            ("high", Some(Severity::Important)),
            ("None", None),
            ("unspecified", None),
            ("", None),
        ] {
            assert_eq!(Severity::of(word), severity, "{word:?}");
        }
    }

    #[test]
    fn the_gravest_comes_first_and_is_told_by_its_severity() {
        let all = advisories(&[
            ("E-1", "enhancement", "Critical"),
            ("S-3", "security", ""),
            ("S-2", "security", "Low"),
            ("B-1", "bugfix", ""),
            ("S-1", "security", "Important"),
            ("N-1", "newpackage", ""),
            ("R-1", "recommended", "moderate"),
        ]);
        let told = "S-1 (security, Important), S-2 (security, Low), S-3 (security), B-1 (bugfix), \
                    E-1 (enhancement, Critical), N-1 (new package), R-1 (unknown, Moderate)";
        assert_eq!(all.to_string(), told);
        assert_eq!(all.after("new release"), format!("new release, {told}"));
        assert_eq!(Advisories::default().after("new release"), "new release");
    }

    #[test]
    fn several_of_one_id_are_one_as_grave_as_the_gravest() {
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let same = [("A-1", "bugfix", "Low"), ("A-1", "security", ""), ("A-1", "", "Important")];
            assert_eq!(advisories(&order.map(|one| same[one])), advisories(&[("A-1", "security", "Important")]));
        }
    }

    #[test]
    fn of_many_advisories_the_gravest_are_kept() {
        let mut all: Vec<Advisory> = (0..20).map(|n| advisory(&format!("B-{n}"), "bugfix", "")).collect();
        all.push(advisory("S-1", "security", "Low"));
        let all = Advisories::from(all);
        assert_eq!((all.iter().count(), all.all()[0].to_string()), (8, "S-1 (security, Low)".to_owned()));
    }

    #[test]
    fn an_advisory_is_read_as_it_is_written() {
        let all = advisories(&[("RHSA-2026:1234", "security", "Important"), ("RHBA-2026:1", "bugfix", "")]);
        let json = serde_json::to_string(&all).expect("JSON");
        let written = r#"[{"id":"RHSA-2026:1234","type":"security","severity":"Important"},{"id":"RHBA-2026:1","type":"bugfix"}]"#;
        assert_eq!(json, written);
        let (read, _) = crate::budget::Budget::default().json::<Advisories>(json.as_bytes()).expect("what was written");
        assert_eq!(read, all);
    }
}
