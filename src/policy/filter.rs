//! Which releases `list` lets through, each looked at alone.

use serde::{Deserialize, Serialize};

use super::{FilterReason, Versions};
use crate::release::{Nevra, Package};

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

impl Policy {
    /// Splits packages into the wanted ones, oldest first, and the filtered ones with their reasons.
    pub fn apply(&self, packages: Vec<Package>) -> (Vec<Package>, Vec<(Nevra, FilterReason)>) {
        let mut filtered = Vec::new();
        let wanted = packages.into_iter().filter_map(|package| match self.filter_reason(&package.nevra) {
            None => Some(package),
            Some(reason) => {
                filtered.push((package.nevra, reason));
                None
            }
        });
        let mut wanted: Vec<Package> = wanted.collect();
        wanted.sort_by(|a, b| a.nevra.cmp(&b.nevra));
        filtered.sort();
        (wanted, filtered)
    }

    /// The rule that filters a release out, if one does.
    pub fn filter_reason(&self, package: &Nevra) -> Option<FilterReason> {
        let arch = package.arch();
        if matches!(arch, "src" | "nosrc") {
            Some(FilterReason::SourcePackage)
        } else if !self.architectures.is_empty() && !self.architectures.iter().any(|wanted| wanted == arch) {
            Some(FilterReason::OtherArchitecture)
        } else if let Some(reason) = self.versions.filter_reason(package) {
            Some(reason)
        } else if package.evr().is_pre_release() && !self.pre_releases {
            Some(FilterReason::PreRelease)
        } else {
            None
        }
    }
}
