//! What is there where no release is wanted.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{FilterReason, Policy};
use crate::release::Nevra;
use crate::text::count;

/// Releases that one rule leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    /// The rule.
    pub reason: FilterReason,
    /// How many they are.
    pub releases: usize,
    /// The newest of them.
    pub newest: Nevra,
    /// Their architectures, where these are the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
    /// An architecture that was asked for by the name that others than RPM have for it, and RPM's.
    pub renamed: Option<(String, String)>,
}

/// What each rule leaves out of these releases.
pub fn near_misses<'a>(
    policy: &Policy,
    filtered: impl IntoIterator<Item = (&'a Nevra, FilterReason)>,
) -> Vec<NearMiss> {
    let filtered: Vec<(&Nevra, FilterReason)> = filtered.into_iter().collect();
    let reasons: BTreeSet<FilterReason> = filtered.iter().map(|(_, reason)| *reason).collect();
    let near_miss = |reason: FilterReason| {
        let of_rule = || filtered.iter().filter(|(_, other)| *other == reason).map(|(package, _)| *package);
        let is_by_arch = reason == FilterReason::OtherArchitecture;
        let architectures: BTreeSet<&str> = of_rule().map(Nevra::arch).filter(|_| is_by_arch).collect();
        let renamed = policy.architectures.iter().filter_map(|asked| Some((asked.as_str(), name_of_rpm(asked)?)));
        let renamed = renamed.into_iter().find(|(_, name)| architectures.contains(name));
        Some(NearMiss {
            reason,
            releases: of_rule().count(),
            newest: of_rule().max()?.clone(),
            renamed: renamed.map(|(asked, name)| (asked.to_owned(), name.to_owned())),
            architectures: architectures.into_iter().map(str::to_owned).collect(),
        })
    };
    reasons.into_iter().filter_map(near_miss).collect()
}

/// RPM's name of an architecture that Debian, Go or Docker call otherwise.
fn name_of_rpm(architecture: &str) -> Option<&'static str> {
    match architecture {
        "amd64" | "x64" => Some("x86_64"),
        "arm64" => Some("aarch64"),
        "386" | "x86" => Some("i686"),
        "ppc64el" => Some("ppc64le"),
        "all" => Some("noarch"),
        _ => None,
    }
}

impl NearMiss {
    /// What is there in place of what was asked for: `the newest is 18.7.0-1`.
    pub fn hint(&self) -> String {
        match &self.renamed {
            _ if self.architectures.is_empty() => format!("the newest is {}", self.newest.evr()),
            Some((asked, name)) => format!("RPM's name for {asked} is {name}"),
            None => format!("there are {}", self.architectures.join(", ")),
        }
    }
}

/// `8 releases are left out, other version (the newest is 18.7.0-1)`.
impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.releases == 1 { "is" } else { "are" };
        write!(f, "{} {verb} left out, {} ({})", count(self.releases, "release"), self.reason, self.hint())
    }
}
