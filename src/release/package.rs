//! A package as a repository offers it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Advisories, BuildKey, Checksum, Nevra, Target};

/// A package as a repository offers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its identity.
    #[serde(rename = "package")]
    pub nevra: Nevra,
    /// Where the RPM file is, without credentials.
    pub url: String,
    /// The checksum of the RPM file, as the repository states it; an HTML index states none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// When the package was built, as its own header says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_at: Option<Timestamp>,
    /// The targets that its repository is for; `None` for every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeSet<Target>>,
    /// What its repository's advisories say of it.
    #[serde(default, skip_serializing_if = "Advisories::is_empty")]
    pub advisories: Advisories,
}

impl Package {
    /// The bytes that it takes in a list that grows.
    pub(crate) fn room(&self) -> usize {
        /// Name, version, release, their order, architecture, URL and checksum.
        const TEXTS: usize = 7;
        const ALLOCATION: usize = 16;
        let checksum = self.checksum.as_ref().map_or(0, |checksum| checksum.hex.len());
        2 * size_of::<Self>() + TEXTS * ALLOCATION + 2 * self.nevra.length() + self.url.len() + checksum
    }

    /// The build of it for a target.
    pub fn build_for(&self, target: &Target) -> BuildKey {
        BuildKey { package: self.nevra.clone(), target: target.clone() }
    }

    /// Whether an image for this target is built from it.
    pub fn is_for(&self, target: &Target) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(target))
    }

    /// Whether there can be a target for which both are.
    pub fn shares_a_target_with(&self, other: &Self) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.iter().any(|target| other.is_for(target)))
    }
}
