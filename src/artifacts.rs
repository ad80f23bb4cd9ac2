//! The JSON files that the jobs hand on: `packages.json` from list to diff, `builds.json` from diff
//! to whoever generates a pipeline.
//!
//! Each has a `format` with a version; within a version fields are added, never changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alarm::Alarm;
use crate::diff::{Diff, LeftAlone, Planned, Republished};
use crate::package::{Nevra, Package};
use crate::policy::{LeftOut, Policy};
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
    /// The first repository that was asked, without credentials.
    pub repository: String,
    /// All of them, in the order of their precedence.
    #[serde(default)]
    pub repositories: Vec<RepositoryRead>,
    /// When it was asked.
    pub read_at: Timestamp,
    /// By what its releases were told apart.
    #[serde(default)]
    pub policy: Policy,
    /// The releases that the version policy lets through, oldest first.
    pub packages: Vec<Package>,
    /// The others, each with the rule that leaves it out.
    pub left_out: Vec<LeftOutPackage>,
}

/// A repository that was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepositoryRead {
    /// Its URL, without credentials.
    pub url: String,
    /// The targets that it is for; `None` for every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeSet<Target>>,
    /// Its own mark of its state, from `repomd.xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// How many releases of the product it has, those that are not wanted among them.
    pub releases: usize,
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
    /// A release is there twice for one target: which of the two is to be built?
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
        repositories: Vec<RepositoryRead>,
        read_at: Timestamp,
        policy: Policy,
        packages: Vec<Package>,
        left_out: Vec<(Nevra, LeftOut)>,
    ) -> Self {
        Self {
            format: PACKAGES_FORMAT.to_owned(),
            product: product.to_owned(),
            repository: repositories.first().map(|repository| repository.url.clone()).unwrap_or_default(),
            repositories,
            read_at,
            policy,
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
        let mut seen: BTreeMap<&Nevra, Vec<&Package>> = BTreeMap::new();
        for package in &packages.packages {
            let nevra = &package.package;
            if nevra.name() != packages.product {
                return Err(PackagesError::Other { package: Box::new(nevra.clone()), product: packages.product });
            }
            if !package.url.bytes().all(|b| b.is_ascii_graphic() && b != b'$') {
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

    /// Whether a repository was asked for this target.
    pub fn cover(&self, target: &Target) -> bool {
        let mut targets = self.repositories.iter().map(|repository| &repository.targets);
        self.repositories.is_empty() || targets.any(|targets| targets.as_ref().is_none_or(|all| all.contains(target)))
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
    /// What to build, in the order in which it is begun.
    pub builds: Vec<BuildRow<'a>>,
    /// Whether nothing was claimed: this is what a run would do.
    pub dry_run: bool,
    /// The version that a person asked for by hand, where this is no run for every new release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_for: Option<String>,
    /// Whether the tracker is to know of the builds; not of what a person asked for by hand, unless they
    /// said so.
    pub recorded: bool,
    /// Every other release × target, each with its one reason.
    pub left_alone: Vec<LeftAloneRow<'a>>,
    /// The releases that list let not through, each with its one reason.
    pub left_out: Vec<LeftOutRow<'a>>,
    /// Releases that changed under their name after they were built.
    pub republished: &'a [Republished],
    /// What a person should hear of, each with a sentence.
    pub alarms: Vec<AlarmRow<'a>>,
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

/// What a person should hear of.
#[derive(Debug, Clone, Serialize)]
pub struct AlarmRow<'a> {
    /// A word for programs with what belongs to it.
    #[serde(flatten)]
    pub alarm: &'a Alarm,
    /// A sentence for people.
    pub explanation: String,
}

impl<'a> From<&'a Alarm> for AlarmRow<'a> {
    fn from(alarm: &'a Alarm) -> Self {
        Self { alarm, explanation: report::alarm(alarm) }
    }
}

/// A release that is built for no target.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOutRow<'a> {
    /// The release, and a word for programs.
    #[serde(flatten)]
    pub left_out: &'a LeftOutPackage,
    /// Why it is not built: a sentence for people.
    pub explanation: &'static str,
}

impl<'a> From<&'a LeftOutPackage> for LeftOutRow<'a> {
    fn from(left_out: &'a LeftOutPackage) -> Self {
        Self { left_out, explanation: left_out.reason.reason() }
    }
}

impl<'a> From<&'a LeftAlone> for LeftAloneRow<'a> {
    fn from(left_alone: &'a LeftAlone) -> Self {
        Self { left_alone, explanation: report::why_left_alone(&left_alone.reason) }
    }
}

impl<'a> Builds<'a> {
    /// What the run of `pipeline` decided about the releases of a list, by rules with these `max_attempts`.
    pub fn new(
        packages: &'a Packages,
        reference: &'a str,
        pipeline: u64,
        decided_at: Timestamp,
        max_attempts: u64,
        diff: &'a Diff,
        alarms: &'a [Alarm],
    ) -> Self {
        Self {
            format: BUILDS_FORMAT,
            product: &packages.product,
            reference,
            pipeline,
            decided_at,
            dry_run: false,
            asked_for: packages.policy.versions.asked_for().map(ToString::to_string),
            recorded: true,
            builds: diff.builds.iter().map(|build| BuildRow::new(build, max_attempts)).collect(),
            left_alone: diff.left_alone.iter().map(LeftAloneRow::from).collect(),
            left_out: packages.left_out.iter().map(LeftOutRow::from).collect(),
            republished: &diff.republished,
            alarms: alarms.iter().map(AlarmRow::from).collect(),
        }
    }

    /// The same as a plan, of which nothing is claimed.
    #[must_use]
    pub fn as_plan(self) -> Self {
        Self { dry_run: true, ..self }
    }

    /// The same, where the tracker is to know nothing of the builds.
    #[must_use]
    pub fn not_recorded(self) -> Self {
        Self { recorded: false, ..self }
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
            reason: build.because.word(),
            explanation: report::why_built(&build.because, build.attempt, max_attempts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packages: &[(&str, &[&str])]) -> Result<Packages, PackagesError> {
        let packages = packages.iter().map(|(package, targets)| Package {
            package: package.parse().expect("a package"),
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
    fn a_target_that_no_repository_was_for_is_known() {
        let read = |targets: Option<&[&str]>| RepositoryRead {
            url: "https://yum.example.com/".to_owned(),
            targets: targets.map(|targets| targets.iter().map(|target| target.parse().expect("one")).collect()),
            revision: None,
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
