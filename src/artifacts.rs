//! The JSON files that the jobs hand on: `packages.json` from list to diff, `builds.json` from diff
//! to whoever generates a pipeline.
//!
//! Each has a `format` with a version; within a version fields are added, never changed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diff::{Because, Diff, LeftAlone, Planned, Republished};
use crate::package::{Nevra, Package};
use crate::policy::LeftOut;
use crate::report;
use crate::repository::Checksum;
use crate::tracker::Target;

const PACKAGES_FORMAT: &str = "ami-scheduler/packages/1";
const BUILDS_FORMAT: &str = "ami-scheduler/builds/1";

/// `packages.json`: the releases of a product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packages {
    format: String,
    /// The product that was asked for.
    pub product: String,
    /// The repository that was asked, without credentials.
    pub repository: String,
    /// When it was asked.
    pub read_at: Timestamp,
    /// The releases that the version policy lets through, oldest first.
    pub packages: Vec<Package>,
    /// The others, each with the rule that leaves it out.
    pub left_out: Vec<LeftOutPackage>,
}

/// A release that the version policy does not let through.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeftOutPackage {
    /// The release.
    pub package: Nevra,
    /// The rule that leaves it out.
    pub reason: LeftOut,
}

/// Why a file is no `packages.json`.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// Not JSON, or not of the shape.
    #[error("it is not the packages.json that list writes")]
    Json(#[from] serde_json::Error),
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
    /// A release is there twice: which of the two is to be built?
    #[error("it holds {0} twice: let list write it")]
    Twice(Nevra),
    /// Something else than a URL, or one with a variable that GitLab would expand.
    #[error("the URL of {0} in it is none that list writes: let list write it")]
    Url(Nevra),
}

impl Packages {
    /// The result of a list.
    pub fn new(
        product: &str,
        repository: &str,
        read_at: Timestamp,
        packages: Vec<Package>,
        left_out: Vec<(Nevra, LeftOut)>,
    ) -> Self {
        Self {
            format: PACKAGES_FORMAT.to_owned(),
            product: product.to_owned(),
            repository: repository.to_owned(),
            read_at,
            packages,
            left_out: left_out.into_iter().map(|(package, reason)| LeftOutPackage { package, reason }).collect(),
        }
    }

    /// Reads a `packages.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, PackagesError> {
        let packages: Self = serde_json::from_slice(json)?;
        if packages.format != PACKAGES_FORMAT {
            return Err(PackagesError::Format(packages.format.chars().take(80).collect()));
        }
        let mut seen = BTreeSet::new();
        for Package { package, url, .. } in &packages.packages {
            if package.name() != packages.product {
                return Err(PackagesError::Other { package: Box::new(package.clone()), product: packages.product });
            }
            if !url.bytes().all(|b| b.is_ascii_graphic() && b != b'$') {
                return Err(PackagesError::Url(package.clone()));
            }
            if !seen.insert(package) {
                return Err(PackagesError::Twice(package.clone()));
            }
        }
        Ok(packages)
    }
}

/// `builds.json`: what to build and why; what not, and why not.
#[derive(Debug, Clone, Serialize)]
pub struct Builds<'a> {
    format: &'static str,
    /// The product.
    pub product: &'a str,
    /// The branch or tag whose tracker was asked.
    #[serde(rename = "ref")]
    pub reference: &'a str,
    /// The pipeline that claimed the builds; 0 outside of GitLab.
    pub pipeline: u64,
    /// When this was decided.
    pub decided_at: Timestamp,
    /// What to build, oldest release first.
    pub builds: Vec<BuildRow<'a>>,
    /// Every other release × target, each with its one reason.
    pub left_alone: Vec<LeftAloneRow<'a>>,
    /// Releases that changed under their name after they were built.
    pub republished: &'a [Republished],
}

/// One build: what its job gets as variables, in small letters.
#[derive(Debug, Clone, Serialize)]
pub struct BuildRow<'a> {
    /// Name, epoch, version, release and architecture in one.
    pub package: &'a Nevra,
    /// The package's name.
    pub product: &'a str,
    /// 0 where the package has none.
    pub epoch: u32,
    /// The package's version.
    pub version: &'a str,
    /// The package's release.
    pub release: &'a str,
    /// The package's architecture.
    pub arch: &'a str,
    /// What the image is built on.
    pub target: &'a Target,
    /// Where the RPM file is.
    pub package_url: &'a str,
    /// Its SHA-256, empty where the repository states none.
    pub package_sha256: &'a str,
    /// The number of this attempt, from 1.
    pub attempt: u64,
    /// Why it is built: a word for programs.
    pub reason: &'static str,
    /// Why it is built: a sentence for people.
    pub explanation: String,
}

/// What is not built now.
#[derive(Debug, Clone, Serialize)]
pub struct LeftAloneRow<'a> {
    /// The release and target, and a word for programs with what belongs to it.
    #[serde(flatten)]
    pub left_alone: &'a LeftAlone,
    /// Why it is not built: a sentence for people.
    pub explanation: String,
}

impl<'a> From<&'a LeftAlone> for LeftAloneRow<'a> {
    fn from(left_alone: &'a LeftAlone) -> Self {
        Self { left_alone, explanation: report::why_left_alone(&left_alone.reason) }
    }
}

impl<'a> Builds<'a> {
    /// The result of a diff by rules with these `max_attempts`.
    pub fn new(
        product: &'a str,
        reference: &'a str,
        pipeline: u64,
        decided_at: Timestamp,
        max_attempts: u64,
        diff: &'a Diff,
    ) -> Self {
        Self {
            format: BUILDS_FORMAT,
            product,
            reference,
            pipeline,
            decided_at,
            builds: diff.builds.iter().map(|build| BuildRow::new(build, max_attempts)).collect(),
            left_alone: diff.left_alone.iter().map(LeftAloneRow::from).collect(),
            republished: &diff.republished,
        }
    }
}

impl<'a> BuildRow<'a> {
    fn new(build: &'a Planned, max_attempts: u64) -> Self {
        let nevra = &build.package.package;
        Self {
            package: nevra,
            product: nevra.name(),
            epoch: nevra.evr().epoch,
            version: &nevra.evr().version,
            release: &nevra.evr().release,
            arch: nevra.arch(),
            target: &build.target,
            package_url: &build.package.url,
            package_sha256: build.package.checksum.as_ref().and_then(Checksum::sha256).unwrap_or_default(),
            attempt: build.attempt,
            reason: match build.because {
                Because::NewRelease => "new_release",
                Because::FirstRun => "first_run",
                Because::AskedFor { .. } => "asked_for",
                Because::Failed { .. } => "failed_before",
                Because::Lapsed { .. } => "claim_lapsed",
                Because::OwnClaim => "own_claim",
            },
            explanation: report::why_built(&build.because, build.attempt, max_attempts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packages: &[&str]) -> Result<Packages, PackagesError> {
        let packages = packages.iter().map(|package| Package {
            package: package.parse().expect("a package"),
            url: "https://yum.example.com/a.rpm".to_owned(),
            checksum: None,
            built_at: None,
        });
        let written =
            Packages::new("runner", "https://yum.example.com/", Timestamp::UNIX_EPOCH, packages.collect(), vec![]);
        Packages::from_json(&serde_json::to_vec(&written).expect("JSON"))
    }

    #[test]
    fn a_list_of_packages_is_of_one_product_and_names_each_release_once() {
        assert_eq!(read(&["runner-1-1.x86_64", "runner-1-1.aarch64"]).expect("a list").packages.len(), 2);
        for (packages, told) in [
            (["runner-1-1.x86_64", "bash-5-1.x86_64"], "it is about runner, and holds bash-5-1.x86_64"),
            (["runner-1-1.x86_64", "runner-1-1.x86_64"], "it holds runner-1-1.x86_64 twice"),
        ] {
            let error = read(&packages).expect_err(told).to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
