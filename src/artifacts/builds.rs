//! `builds.json`, from diff to whoever generates a pipeline: what to build and why; what not, and why not.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Filtered, Packages};
use crate::alarm::Alarm;
use crate::plan::{Held, Plan, Planned, Republished, Stale};
use crate::release::{Advisories, Checksum, Nevra, Target};
use crate::tracker::{Claim, Ingredients};

const BUILDS_FORMAT: &str = "ami-scheduler/builds/1";

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
    /// The builds to begin, in their order.
    pub builds: Vec<BuildRow<'a>>,
    /// Whether nothing was claimed: this is what a run would do.
    pub dry_run: bool,
    /// The version that a person asked for by hand, where this is no run for every new release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_for: Option<String>,
    /// Whether the tracker is to know of the builds; not of what a person asked for by hand, unless they
    /// said so.
    pub recorded: bool,
    /// What an image of each target is made of besides the package, as far as that was told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ingredients: &'a BTreeMap<Target, Ingredients>,
    /// Every other release × target, each with its one reason.
    pub held: Vec<HeldRow<'a>>,
    /// The releases that list let not through, each with its one reason.
    pub filtered: Vec<FilteredRow<'a>>,
    /// Releases that changed under their name after they were built.
    pub republished: &'a [Republished],
    /// Alarms, each with a sentence.
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
    /// The target of the image.
    pub target: &'a Target,
    /// Where the RPM file is.
    pub package_url: &'a str,
    /// Its SHA-256, empty where the repository states none.
    pub package_sha256: &'a str,
    /// What its repository's advisories say of the release.
    #[serde(skip_serializing_if = "Advisories::is_empty")]
    pub advisories: &'a Advisories,
    /// The number of this attempt, from 1, of those that count.
    pub attempt: u64,
    /// What a success is one of: `update` is given it.
    pub claim: &'a Claim,
    /// What its image is made of besides the package.
    #[serde(skip_serializing_if = "Ingredients::is_empty")]
    pub ingredients: &'a Ingredients,
    /// Why the image that is there is no longer fresh, where the release is built again for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<&'a Stale>,
    /// Why it is built: a word for programs.
    pub reason: &'static str,
    /// Why it is built: a sentence for people.
    pub explanation: String,
}

/// A release × target that is not built now.
#[derive(Debug, Clone, Serialize)]
pub struct HeldRow<'a> {
    /// The release and target, and a word for programs with what belongs to it.
    #[serde(flatten)]
    pub held: &'a Held,
    /// Why it is not built: a sentence for people.
    pub explanation: String,
}

/// An alarm, with its sentence.
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
        Self { alarm, explanation: alarm.to_string() }
    }
}

/// A release that is built for no target.
#[derive(Debug, Clone, Serialize)]
pub struct FilteredRow<'a> {
    /// The release, and a word for programs.
    #[serde(flatten)]
    pub filtered: &'a Filtered,
    /// Why it is not built: a sentence for people.
    pub explanation: String,
}

impl<'a> From<&'a Filtered> for FilteredRow<'a> {
    fn from(filtered: &'a Filtered) -> Self {
        Self { filtered, explanation: filtered.reason.to_string() }
    }
}

impl<'a> From<&'a Held> for HeldRow<'a> {
    fn from(held: &'a Held) -> Self {
        Self { held, explanation: held.explanation() }
    }
}

/// A run of diff, as its artifact tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The branch or tag whose tracker was asked.
    pub reference: &'a str,
    /// The pipeline that decided; 0 outside of GitLab.
    pub pipeline: u64,
    /// When it decided.
    pub decided_at: Timestamp,
    /// Whether it claims nothing.
    pub dry_run: bool,
    /// Whether the tracker knows of the builds.
    pub recorded: bool,
    /// What an image of each target is made of besides the package.
    pub ingredients: &'a BTreeMap<Target, Ingredients>,
}

impl<'a> Builds<'a> {
    /// The artifact of a run that decided about the releases of a list.
    pub fn new(packages: &'a Packages, plan: &'a Plan, alarms: &'a [Alarm], run: Run<'a>) -> Self {
        let Run { reference, pipeline, decided_at, dry_run, recorded, ingredients } = run;
        Self {
            format: BUILDS_FORMAT,
            product: &packages.product,
            reference,
            pipeline,
            decided_at,
            dry_run,
            asked_for: packages.policy.versions.asked_for().map(ToString::to_string),
            recorded,
            builds: plan.builds.iter().map(BuildRow::from).collect(),
            ingredients,
            held: plan.held.iter().map(HeldRow::from).collect(),
            filtered: packages.filtered.iter().map(FilteredRow::from).collect(),
            republished: &plan.republished,
            alarms: alarms.iter().map(AlarmRow::from).collect(),
        }
    }
}

impl<'a> From<&'a Planned> for BuildRow<'a> {
    fn from(build: &'a Planned) -> Self {
        let nevra = &build.package.nevra;
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
            advisories: &build.package.advisories,
            attempt: build.attempt,
            claim: &build.claim,
            ingredients: &build.ingredients,
            stale: build.stale.as_ref(),
            reason: build.reason.word(),
            explanation: build.explanation(),
        }
    }
}
