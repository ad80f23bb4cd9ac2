//! What several tests speak of: releases of gitlab-runner, targets, pipelines, nights.

pub mod memory;

use std::collections::BTreeMap;

use ami_scheduler::plan::{Context, Plan, Rules, nightly};
use ami_scheduler::release::{Advisories, BuildKey, Package, Target};
use ami_scheduler::tracker::{Baked, Document, Image, Ingredients, Notes, Origin};
use jiff::{SignedDuration, Timestamp};

pub const REPOSITORY: &str = "https://yum.example.com/el9/";

/// The second hour of a day in November 2026.
pub fn night(day: i64) -> Timestamp {
    time("2026-11-01T02:00:00Z") + days(day - 1)
}

pub fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub fn time(text: &str) -> Timestamp {
    text.parse().expect(text)
}

pub fn package(nevra: &str) -> Package {
    Package {
        nevra: nevra.parse().expect(nevra),
        url: format!("{REPOSITORY}Packages/{nevra}.rpm"),
        checksum: None,
        built_at: None,
        targets: None,
        advisories: Advisories::default(),
    }
}

/// A release of gitlab-runner; a version alone is its release 1.
pub fn runner(version: &str) -> Package {
    let release = if version.contains('-') { "" } else { "-1" };
    package(&format!("gitlab-runner-{version}{release}.x86_64"))
}

pub fn runners(versions: &[&str]) -> Vec<Package> {
    versions.iter().map(|version| runner(version)).collect()
}

pub fn target(name: &str) -> Target {
    name.parse().expect(name)
}

pub fn targets(names: &[&str]) -> Vec<Target> {
    names.iter().map(|name| target(name)).collect()
}

pub fn build(version: &str, target_name: &str) -> BuildKey {
    BuildKey { package: runner(version).nevra, target: target(target_name) }
}

/// A pipeline that a person sees at `https://gitlab.example.com/p/ID`.
pub fn pipeline(id: u64) -> Origin {
    Origin { pipeline: id, pipeline_url: Some(pipeline_url(id)), ..Origin::default() }
}

pub fn pipeline_url(id: u64) -> String {
    format!("https://gitlab.example.com/p/{id}")
}

/// A SHA-256 of one digit alone.
pub fn checksum(digit: &str) -> ami_scheduler::release::Checksum {
    format!("sha256:{}", digit.repeat(64)).parse().expect("a checksum")
}

/// Decides what a pipeline builds, and records it.
pub fn run_for(
    target_names: &[&str],
    document: &mut Document,
    packages: &[Package],
    rules: &Rules,
    origin: &Origin,
    now: Timestamp,
) -> Plan {
    run_of(&BTreeMap::new(), target_names, document, packages, rules, origin, now)
}

/// Decides what a pipeline builds, where images are made of these ingredients.
pub fn run_of(
    ingredients: &BTreeMap<Target, Ingredients>,
    target_names: &[&str],
    document: &mut Document,
    packages: &[Package],
    rules: &Rules,
    origin: &Origin,
    now: Timestamp,
) -> Plan {
    nightly(packages, document, &Context { targets: &targets(target_names), rules, ingredients, origin, now }, None)
}

/// What a bake made: one id in each of two places.
pub fn baked(id: &str) -> Baked {
    let mut baked = Baked::default();
    for place in ["eu-central-1", "us-east-1"] {
        baked.ids.add(place.parse().expect("a place"), format!("{id}-{place}").parse().expect("an id"));
    }
    baked.bases.insert("ami-base".parse().expect("an id"));
    baked
}

/// An image that was there before the tracker knew of it.
pub fn adopted(notes: Notes, reason: &str) -> Image {
    Image::adopted(Timestamp::UNIX_EPOCH, Baked::default(), notes, reason.to_owned())
}
