//! `packages.json`, from list to diff: the releases of a product.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, JsonError};
use crate::policy::{FilterReason, Policy};
use crate::release::{Nevra, Package, StatedTarget, Target};
use crate::repository::{RepositoryRead, is_public};
use crate::text::named;

const PACKAGES_FORMAT: &str = "ami-scheduler/packages/1";

/// `packages.json`: the releases of a product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packages {
    format: String,
    /// The product that was asked for.
    pub product: String,
    /// The first repository that was asked, without credentials.
    pub repository: String,
    /// All of them, in the order of their precedence.
    #[serde(default)]
    pub repositories: Vec<RepositoryRead>,
    /// When it was asked.
    pub read_at: Timestamp,
    /// The filter that was applied.
    #[serde(default)]
    pub policy: Policy,
    /// The releases that the version policy lets through, oldest first.
    pub packages: Vec<Package>,
    /// The others, each with the rule that leaves it out.
    pub filtered: Vec<Filtered>,
}

/// A release that the version policy does not let through.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Filtered {
    /// The release.
    pub package: Nevra,
    /// The rule that leaves it out.
    pub reason: FilterReason,
}

/// Why a file is no `packages.json`.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// Not JSON, or not of the shape, or more than a run may take.
    #[error("it is not the packages.json that list writes")]
    Json(#[from] JsonError),
    /// Of a format that this version does not know.
    #[error("its format is {0:?}, expected {PACKAGES_FORMAT:?}: list and diff have to be of one version")]
    Format(String),
    /// A release of another product: its tracker is another one.
    #[error("it is about {product}, and holds {package}: let list write it, once for each product")]
    Other {
        /// The release.
        package: Box<Nevra>,
        /// The product that the file is about.
        product: String,
    },
    /// A release is there twice for one target: which of the two is to be built?
    #[error("it holds {0} twice: let list write it")]
    Twice(Nevra),
    /// Something else than the URL of a package, or one with syntax in it.
    #[error("the URL of {0} in it is none that list writes: let list write it")]
    Url(Nevra),
}

impl Packages {
    /// The result of a list.
    pub fn new(
        product: &str,
        repositories: Vec<RepositoryRead>,
        read_at: Timestamp,
        policy: Policy,
        packages: Vec<Package>,
        filtered: Vec<(Nevra, FilterReason)>,
    ) -> Self {
        Self {
            format: PACKAGES_FORMAT.to_owned(),
            product: product.to_owned(),
            repository: repositories.first().map(|repository| repository.url.clone()).unwrap_or_default(),
            repositories,
            read_at,
            policy,
            packages,
            filtered: filtered.into_iter().map(|(package, reason)| Filtered { package, reason }).collect(),
        }
    }

    /// Reads a `packages.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, PackagesError> {
        let (packages, _held): (Self, _) = Budget::default().json(json)?;
        if packages.format != PACKAGES_FORMAT {
            return Err(PackagesError::Format(named(&packages.format)));
        }
        let mut seen: BTreeMap<&Nevra, Vec<&Package>> = BTreeMap::new();
        for package in &packages.packages {
            let nevra = &package.nevra;
            if nevra.name() != packages.product {
                return Err(PackagesError::Other { package: Box::new(nevra.clone()), product: packages.product });
            }
            if !is_public(&package.url) {
                return Err(PackagesError::Url(nevra.clone()));
            }
            let known = seen.entry(nevra).or_default();
            if known.iter().any(|known| known.shares_a_target_with(package)) {
                return Err(PackagesError::Twice(nevra.clone()));
            }
            known.push(package);
        }
        Ok(packages)
    }

    /// Leaves each release the targets that take it. One that none takes is of another architecture.
    pub fn leave_to(&mut self, targets: &[StatedTarget]) {
        if targets.iter().all(|stated| stated.arch.is_none()) {
            return;
        }
        let mut left: BTreeSet<Nevra> = BTreeSet::new();
        self.packages.retain_mut(|package| {
            let takers = targets.iter().filter(|stated| stated.takes(&package.nevra) && package.is_for(&stated.target));
            let takers: BTreeSet<Target> = takers.map(|stated| stated.target.clone()).collect();
            let is_wanted = !takers.is_empty();
            if !is_wanted && targets.iter().any(|stated| package.is_for(&stated.target)) {
                left.insert(package.nevra.clone());
            }
            package.targets = Some(takers);
            is_wanted
        });
        // Another repository may have the same release for a target that takes it.
        for package in &self.packages {
            left.remove(&package.nevra);
        }
        let reason = FilterReason::OtherArchitecture;
        self.filtered.extend(left.into_iter().map(|package| Filtered { package, reason }));
    }

    /// Whether a repository was asked for this target.
    pub fn cover(&self, target: &Target) -> bool {
        let mut targets = self.repositories.iter().map(|repository| &repository.targets);
        self.repositories.is_empty() || targets.any(|targets| targets.as_ref().is_none_or(|all| all.contains(target)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packages: &[(&str, &[&str])]) -> Result<Packages, PackagesError> {
        let packages = packages.iter().map(|(package, targets)| Package {
            nevra: package.parse().expect("a package"),
            url: "https://yum.example.com/a.rpm".to_owned(),
            checksum: None,
            built_at: None,
            targets: (!targets.is_empty()).then(|| targets.iter().map(|target| target.parse().expect("one")).collect()),
        });
        let written =
            Packages::new("runner", vec![], Timestamp::UNIX_EPOCH, Policy::default(), packages.collect(), vec![]);
        Packages::from_json(&serde_json::to_vec(&written).expect("JSON"))
    }

    #[test]
    fn the_url_of_a_package_is_plain_text_and_names_no_variable() {
        for (url, is_read) in [
            ("https://yum.example.com/a%24b.rpm", true),
            ("http://[::1]:8000/a.rpm", true),
            ("file:///srv/a%20b/a.rpm", true),
            ("file:../repo/a.rpm", true),
            ("file:repo/$x.rpm", false),
            ("https://yum.example.com/%CI_JOB_TOKEN%/a.rpm", false),
            ("https://yum.example.com/a.rpm?a&id&", false),
            ("https://yum.example.com/a.rpm?a=1&id", false),
            ("https://yum.example.com/a.rpm?sv=2026&sig=a%2Bb%3D", true),
            ("https://yum.example.com/a.rpm?T0k-en", true),
            ("https://yum.example.com/a.rpm?", false),
            ("https://yum.example.com/a.rpm?sig=$CI_JOB_TOKEN", false),
            ("https://yum.example.com/a.rpm?sig=%CI_JOB_TOKEN%", false),
            ("https://yum.example.com/a+b.rpm", false),
            ("https://u:p4ss@yum.example.com/a.rpm", false),
            ("https://host$x/a.rpm", false),
            ("ftp://yum.example.com/a.rpm", false),
            ("a.rpm", false),
            ("https://yum.example.com/$CI_JOB_TOKEN/a.rpm", false),
            ("https://yum.example.com/a b.rpm", false),
            ("https://yum.example.com/a\n.rpm", false),
            ("https://yum.example.com/é.rpm", false),
        ] {
            let package = Package {
                nevra: "runner-1-1.x86_64".parse().expect("a package"),
                url: url.to_owned(),
                checksum: None,
                built_at: None,
                targets: None,
            };
            let now = Timestamp::UNIX_EPOCH;
            let written = Packages::new("runner", vec![], now, Policy::default(), vec![package], vec![]);
            let read = Packages::from_json(&serde_json::to_vec(&written).expect("JSON"));
            assert_eq!(read.is_ok(), is_read, "{url}");
            assert!(read.err().is_none_or(|error| matches!(error, PackagesError::Url(_))), "{url}");
        }
    }

    #[test]
    fn a_target_that_no_repository_was_for_is_known() {
        let read = |targets: Option<&[&str]>| RepositoryRead {
            url: "https://yum.example.com/".to_owned(),
            targets: targets.map(|targets| targets.iter().map(|target| target.parse().expect("one")).collect()),
            revision: None,
            accepts_index: false,
            releases: 1,
        };
        for (repositories, covered) in [
            (vec![], true),
            (vec![read(None)], true),
            (vec![read(Some(&["al2023"])), read(Some(&["rhel8", "rhel9"]))], true),
            (vec![read(Some(&["al2023"])), read(Some(&["rhel8"]))], false),
        ] {
            let packages =
                Packages::new("runner", repositories, Timestamp::UNIX_EPOCH, Policy::default(), vec![], vec![]);
            assert_eq!(packages.cover(&"rhel9".parse().expect("a target")), covered, "{:?}", packages.repositories);
        }
    }

    #[test]
    fn a_list_of_packages_is_of_one_product_and_names_each_release_once_for_each_target() {
        for (one, other) in [("runner-1-1.x86_64", "runner-1-1.aarch64"), ("runner-1-1.x86_64", "runner-1-1.x86_64")] {
            assert_eq!(read(&[(one, &["al2023"]), (other, &["rhel9"])]).expect("a list").packages.len(), 2);
        }
        for (packages, told) in [
            (
                [("runner-1-1.x86_64", &[][..]), ("bash-5-1.x86_64", &[])],
                "it is about runner, and holds bash-5-1.x86_64",
            ),
            ([("runner-1-1.x86_64", &[]), ("runner-1-1.x86_64", &[])], "it holds runner-1-1.x86_64 twice"),
            ([("runner-1-1.x86_64", &[]), ("runner-1-1.x86_64", &["al2023"])], "it holds runner-1-1.x86_64 twice"),
            (
                [("runner-1-1.x86_64", &["rhel9", "al2023"]), ("runner-1-1.x86_64", &["al2023"])],
                "it holds runner-1-1.x86_64 twice",
            ),
        ] {
            let error = read(&packages).expect_err(told).to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
