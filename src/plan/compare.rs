//! Which builds a change of the rules adds or drops: a plan beside the `builds.json` of an earlier run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::{HoldReason, Plan};
use crate::budget::{Budget, JsonError};
use crate::policy::FilterReason;
use crate::release::{Advisories, Nevra, Target};
use crate::tracker::{Document, Ingredients};

/// An earlier run, as its `builds.json` has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Earlier {
    /// The pipeline whose run it was.
    pub pipeline: u64,
    /// When it decided.
    pub decided_at: Timestamp,
    /// The version that a person asked for by hand. A run of that kind cannot be compared.
    pub asked_for: Option<String>,
    /// The product whose tracker it was about.
    pub product: String,
    /// The branch or tag.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its alarms, as sentences.
    #[serde(default)]
    pub alarms: Vec<Told>,
    /// What an image of each target was made of besides the package.
    #[serde(default)]
    pub ingredients: BTreeMap<Target, Ingredients>,
    builds: Vec<Row>,
    held: Vec<Row>,
    #[serde(default)]
    filtered: Vec<Row>,
}

/// An alarm of an earlier run.
#[derive(Debug, Clone, Deserialize)]
pub struct Told {
    /// Its word.
    pub alarm: String,
    /// The sentence.
    pub explanation: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    package: Nevra,
    target: Option<Target>,
    reason: String,
    explanation: String,
    #[serde(default)]
    advisories: Advisories,
}

/// A release × target, with the decisions of both runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The release.
    pub package: Nevra,
    /// The target of the image.
    pub target: Target,
    /// Why it was built, or was not.
    pub before: String,
    /// Why it is built now, or is not.
    pub now: String,
}

/// The differences of two runs. Releases that the earlier run did not know are in neither list: no rule made
/// the difference.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Wanted now, and not before.
    pub added: Vec<Change>,
    /// Wanted before, and not now.
    pub dropped: Vec<Change>,
}

impl Earlier {
    /// Reads a `builds.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, JsonError> {
        Budget::default().json(json).map(|(builds, _)| builds)
    }

    /// The targets that this run decided for.
    pub fn targets(&self) -> Vec<&Target> {
        let rows = self.builds.iter().chain(&self.held);
        let targets: BTreeSet<&Target> = rows.filter_map(|row| row.target.as_ref()).collect();
        targets.into_iter().collect()
    }

    /// Whether this run asked a tracker.
    pub fn is_about(&self, document: &Document) -> bool {
        self.product == document.product() && self.reference == document.reference()
    }

    /// Whether this run knew of a build and did not want it: it is excluded, superseded, skipped or revoked.
    pub fn leaves_out(&self, package: &Nevra, target: &Target) -> bool {
        let is_it = |row: &&Row| row.package == *package && row.target.as_ref() == Some(target);
        self.held.iter().find(is_it).is_some_and(|row| row.reason != "built" && !was_wanted(&row.reason))
    }

    /// What advisories said of the releases that this run decided about.
    pub fn advisories(&self) -> BTreeMap<&Nevra, &Advisories> {
        self.builds.iter().chain(&self.held).map(|row| (&row.package, &row.advisories)).collect()
    }

    /// What this run decided of each release × target, and of what `list` had left out for all targets: in a
    /// sentence, which begins as those of [`Plan`]'s do.
    pub fn decisions(&self) -> impl Iterator<Item = (&Nevra, Option<&Target>, String)> {
        let kinds = [("to be built: ", &self.builds), ("", &self.held), ("left out by list, ", &self.filtered)];
        kinds.into_iter().flat_map(|(begin, rows)| {
            rows.iter().map(move |row| (&row.package, row.target.as_ref(), format!("{begin}{}", row.explanation)))
        })
    }

    /// Compares a plan with this run.
    pub fn compare(&self, plan: &Plan, filtered: &[(Nevra, FilterReason)]) -> Comparison {
        // `None`: the image is built, and no rule changes that.
        let mut now: BTreeMap<(&Nevra, &Target), (Option<bool>, String)> = BTreeMap::new();
        for build in &plan.builds {
            now.insert((&build.package.nevra, &build.target), (Some(true), build.explanation()));
        }
        for cell in &plan.held {
            now.insert((&cell.package, &cell.target), (is_wanted(&cell.reason), cell.explanation()));
        }
        let left_out_now: BTreeMap<&Nevra, FilterReason> =
            filtered.iter().map(|(package, why)| (package, *why)).collect();

        let rows = self.builds.iter().map(|row| (row, true));
        let rows = rows.chain(self.held.iter().map(|row| (row, was_wanted(&row.reason))));
        let before: BTreeMap<(&Nevra, &Target), (bool, &str)> = rows
            .filter_map(|(row, wanted)| {
                Some(((&row.package, row.target.as_ref()?), (wanted, row.explanation.as_str())))
            })
            .collect();
        let left_out_before: BTreeMap<&Nevra, &str> =
            self.filtered.iter().map(|row| (&row.package, row.explanation.as_str())).collect();

        let mut comparison = Comparison::default();
        for ((package, target), (wanted, why)) in &now {
            let known_for_others = || before.keys().any(|(known, _)| known == package).then_some("not a target");
            let was = before.get(&(*package, *target)).copied();
            let was =
                was.or_else(|| left_out_before.get(package).copied().or_else(known_for_others).map(|why| (false, why)));
            match (was, wanted) {
                (Some((false, was)), Some(true)) => comparison.added.push(change(package, target, was, why)),
                (Some((true, was)), Some(false)) => comparison.dropped.push(change(package, target, was, why)),
                _ => {}
            }
        }
        for ((package, target), (_, was)) in
            before.iter().filter(|(cell, (wanted, _))| *wanted && !now.contains_key(*cell))
        {
            let filtered = left_out_now.get(package).map(|reason| format!("left out, {reason}"));
            let why = filtered.unwrap_or_else(|| "not a target, or no longer in the repository".to_owned());
            comparison.dropped.push(change(package, target, was, &why));
        }
        comparison.dropped.sort();
        comparison
    }
}

fn change(package: &Nevra, target: &Target, before: &str, now: &str) -> Change {
    Change { package: package.clone(), target: target.clone(), before: before.to_owned(), now: now.to_owned() }
}

/// Whether a build that is held is wanted and only comes later; `None` where it is done.
fn is_wanted(reason: &HoldReason) -> Option<bool> {
    match reason {
        HoldReason::Built { .. } => None,
        HoldReason::Skipped { .. }
        | HoldReason::Revoked { .. }
        | HoldReason::Excluded { .. }
        | HoldReason::Superseded { .. } => Some(false),
        HoldReason::Claimed { .. }
        | HoldReason::TooYoung { .. }
        | HoldReason::BackOff { .. }
        | HoldReason::GivenUp { .. }
        | HoldReason::Queued
        | HoldReason::NoRoom => Some(true),
    }
}

fn was_wanted(reason: &str) -> bool {
    matches!(reason, "claimed" | "too_young" | "back_off" | "given_up" | "queued" | "no_room")
}
