//! Releases that were built, and that the repositories no longer offer.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Context;
use crate::images::in_use;
use crate::policy::Keep;
use crate::release::{BuildKey, Nevra, Package, Target};
use crate::text::{count, minute};
use crate::tracker::{CountedRuns, Document, Recorded, Revocation, Word};

/// A build whose release the repositories no longer offer, and nobody had revoked before this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// The build.
    pub build: BuildKey,
    /// When a run missed the release first.
    pub since: Timestamp,
    /// Whether this run is the first that misses it.
    pub is_new: bool,
    /// Whether its image is current on the target, or in a channel, and goes on to be.
    pub in_use: bool,
    /// Whether this run revokes it, by the rule `revoke_withdrawn`.
    pub is_revoked: bool,
}

/// A build whose release the repositories offer again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The build.
    pub build: BuildKey,
    /// When a run missed the release first.
    pub since: Timestamp,
    /// Why it is revoked, where it is.
    pub revoked: Option<String>,
}

/// What a run finds of the releases that were built.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub withdrawn: Vec<Withdrawn>,
    pub returned: Vec<Returned>,
    /// How many changes of the document that took.
    pub changes: usize,
}

/// Records whether the repositories offer the releases that were built, and revokes what the rule `revoke_withdrawn` is
/// about. Where a target has no release at all of an architecture, its repository is broken, or its version is wrong: nothing
/// was withdrawn.
pub(super) fn record<'a>(packages: &'a [&Package], document: &mut Document, context: &Context<'a>) -> Found {
    let of_target = |target: &'a Target| {
        packages.iter().filter(|package| package.is_for(target)).map(move |package| (target, package.nevra.arch()))
    };
    let offered: BTreeSet<(&Target, &str)> = context.targets.iter().flat_map(of_target).collect();
    let (mut missing, mut there) = (Vec::new(), Vec::new());
    for (package, target, entry) in document.entries() {
        let build = || BuildKey { package: package.clone(), target: target.clone() };
        let is_made = || entry.is_built_already() || document.image(package, target).is_some();
        if !offered.contains(&(target, package.arch())) {
            continue;
        }
        if is_gone(package, target, packages, context) && is_made() {
            missing.push(build());
        } else if let Some(since) = entry.missing_since()
            && is_offered(package, target, packages)
        {
            there.push((build(), since));
        }
    }
    let mut found = Found::default();
    for (build, since) in there {
        found.count(document.record_found(&build, context.now));
        let revoked = document.revocation(&build.package, &build.target).map(Revocation::in_words);
        found.returned.push(Returned { build, since, revoked });
    }
    if missing.is_empty() {
        return found;
    }
    let used = in_use(document, Keep::All, |package, target| context.is_own(package, target));
    let build = |(package, target): (&Nevra, &Target)| BuildKey { package: package.clone(), target: target.clone() };
    let used: BTreeSet<BuildKey> = used.into_iter().map(build).collect();
    for build in missing {
        let is_used = used.contains(&build);
        found.miss(build, is_used, document, context);
    }
    found
}

impl Found {
    fn count(&mut self, recorded: Recorded) {
        self.changes += usize::from(recorded == Recorded::Changed);
    }

    /// Records that a build's release is missing, and revokes it where the rule says so.
    fn miss(&mut self, build: BuildKey, is_used: bool, document: &mut Document, context: &Context<'_>) {
        let pipeline = context.origin.pipeline;
        let counted = context.rules.revoke_withdrawn.unwrap_or(1);
        let recorded = document.record_missing(&build, pipeline, counted, context.now);
        self.count(recorded);
        let absence = document.get(&build).and_then(|entry| entry.absence.as_deref());
        let Some((since, missed)) = absence.map(|absence| (absence.since, absence.missed)) else { return };
        let revoked = revoke(&build, since, missed, document, context);
        self.count(revoked);
        // A run that is tried again has counted and revoked before.
        let is_of_this_run = recorded == Recorded::Changed || missed.end_with(pipeline);
        let word = document.revocation(&build.package, &build.target);
        let is_decided = document.is_decided_since_missing(&build);
        let is_by_the_rule = word.is_some_and(|word| word.by.is_none()) && is_decided;
        let is_revoked = revoked == Recorded::Changed || (is_by_the_rule && is_of_this_run);
        if is_revoked || (word.is_none() && !is_decided) {
            let (is_new, in_use) = (is_of_this_run && missed.runs == 1, is_used && !is_revoked);
            self.withdrawn.push(Withdrawn { build, since, is_new, in_use, is_revoked });
        }
    }
}

/// Revokes a release that was missing in as many runs as the rule `revoke_withdrawn` says, unless somebody has said since
/// it went missing whether it may be used.
fn revoke(
    build: &BuildKey,
    since: Timestamp,
    missed: CountedRuns,
    document: &mut Document,
    context: &Context<'_>,
) -> Recorded {
    let BuildKey { package, target } = build;
    let is_due = context.rules.revoke_withdrawn.is_some_and(|runs| missed.runs >= runs);
    if !is_due || document.revocation(package, target).is_some() || document.is_decided_since_missing(build) {
        return Recorded::AsBefore;
    }
    let runs = count(missed.runs, "run");
    let reason = format!("{}, missed by {runs}: the rule revoke_withdrawn", gone_since(since));
    document.revoke(package, Some(target), true, &Word { reason, by: None, at: context.now })
}

/// That the repositories do not offer a release, in words.
pub(crate) fn gone_since(since: Timestamp) -> String {
    format!("gone from the repository since {}", minute(since))
}

/// Whether a run would see a release for a target if it were there, and does not.
pub(super) fn is_gone(nevra: &Nevra, target: &Target, packages: &[&Package], context: &Context<'_>) -> bool {
    !is_offered(nevra, target, packages) && context.is_own(nevra, target)
}

fn is_offered(nevra: &Nevra, target: &Target, packages: &[&Package]) -> bool {
    let first = packages.partition_point(|package| package.nevra < *nevra);
    let mut same = packages[first..].iter().take_while(|package| package.nevra == *nevra);
    same.any(|package| package.is_for(target))
}
