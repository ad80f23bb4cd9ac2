//! The plan of a scheduled run: releases × targets, less what the tracker has as done, claimed or given up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::evaluate::republished;
use super::{BuildReason, Context, Decision, FirstRun, Held, HoldReason, Order, Plan, Planned};
use crate::release::{BuildKey, Nevra, Package, Target};
use crate::tracker::{Document, Entry, Room};

/// The most builds that are remembered only since they were seen: a mirror can invent any number.
const MAX_SEEN: usize = 5000;
/// The least time for which such a build is remembered, though its release is gone.
const GONE_FOR_GOOD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Plans the builds of a night, and records in `document` the claims of the builds to begin, the skips of a first
/// run, and the waiting of the rest; forgets what was only seen and is gone. Nothing else changes the document: a
/// night with the same releases and outcomes as the one before leaves it as it is. `packages` may have any order.
pub fn nightly(packages: &[Package], document: &mut Document, context: &Context<'_>) -> Plan {
    let mut packages: Vec<&Package> = packages.iter().collect();
    packages.sort_by(|a, b| a.nevra.cmp(&b.nevra));
    let mut plan = Plan::default();
    let mut wanted = Vec::new();
    forget_gone(&packages, document, context);
    let mut memory = MAX_SEEN.saturating_sub(document.only_seen());
    for target in context.targets {
        let packages: Vec<&Package> = packages.iter().copied().filter(|package| package.is_for(target)).collect();
        let imported = imported(target, document, context);
        let first_run = first_run(&packages, target, document, &imported);
        if !document.knows(target) || !first_run.is_empty() {
            plan.new_targets.push(target.clone());
        }
        document.record_scope(target, &context.rules.scope);
        skip_for_good(&first_run, target, document, &imported, context);
        let old_enough = old_enough(&packages, target, document, context);
        let newest = context.rules.keep.newest(old_enough.into_iter());
        for package in packages {
            let build = BuildKey { package: package.nevra.clone(), target: target.clone() };
            take_over_checksum(package, &build, document);
            let entry = document.get(&build);
            plan.republished.extend(entry.and_then(|entry| republished(package, target, entry)));
            match context.decide(&build, package.built_at, entry, &newest) {
                Decision::Build(BuildReason::NewRelease) if first_run.binary_search(&&build.package).is_ok() => {
                    wanted.push((package, build, BuildReason::FirstRun));
                }
                Decision::Build(reason) => wanted.push((package, build, reason)),
                Decision::Hold(reason) => {
                    record_wait(&build, &reason, document, &mut memory, context);
                    plan.held.push(Held { package: build.package, target: build.target, reason });
                }
            }
        }
    }
    begin(&mut plan, wanted, document, context);
    plan.held.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    plan
}

/// The newest release of each architecture that was built before the tracker knew of it.
type Imported = BTreeMap<String, Nevra>;

fn imported(target: &Target, document: &Document, context: &Context<'_>) -> Imported {
    let of_target = document.entries().filter(|(nevra, known, entry)| {
        *known == target && entry.is_imported() && context.rules.scope.filter_reason(nevra).is_none()
    });
    // The oldest first.
    of_target.map(|(nevra, ..)| (nevra.arch().to_owned(), nevra.clone())).collect()
}

/// The releases that no earlier run covered, oldest first. Those that are newer than what was imported are new.
fn first_run<'a>(
    ascending: &[&'a Package],
    target: &Target,
    document: &Document,
    imported: &Imported,
) -> Vec<&'a Nevra> {
    let is_new = |nevra: &Nevra| imported.get(nevra.arch()).is_some_and(|newest| nevra > newest);
    let releases = ascending.iter().map(|package| &package.nevra);
    releases.filter(|nevra| !document.covers(nevra, target) && !is_new(nevra)).collect()
}

/// Records as skipped, on a first run, whatever `first_run` does not build, and what is older than what was imported.
fn skip_for_good(
    ascending: &[&Nevra],
    target: &Target,
    document: &mut Document,
    imported: &Imported,
    context: &Context<'_>,
) {
    let newest: BTreeMap<&str, &Nevra> = ascending.iter().map(|nevra| (nevra.arch(), *nevra)).collect();
    for nevra in ascending {
        let is_built = match context.rules.first_run {
            FirstRun::Latest => newest.get(nevra.arch()) == Some(nevra) && !imported.contains_key(nevra.arch()),
            FirstRun::None => false,
            FirstRun::All => true,
        };
        if !is_built && document.entry(nevra, target).is_none() {
            let build = BuildKey { package: (*nevra).clone(), target: target.clone() };
            document.skip(&build, "there at the first run", context.now);
        }
    }
}

fn old_enough<'a>(
    packages: &[&'a Package],
    target: &Target,
    document: &Document,
    context: &Context<'_>,
) -> Vec<&'a Nevra> {
    let is_old_enough = |package: &&&Package| {
        context.rules.min_age.is_zero() || {
            context.too_young_until(package.built_at, document.entry(&package.nevra, target)).is_none()
        }
    };
    packages.iter().filter(is_old_enough).map(|package| &package.nevra).collect()
}

/// Forgets builds that were only seen and that this run would see if they were still there: those that have been
/// known for long, so that a mirror that lags behind makes no release young again, or all, where they are many.
fn forget_gone(packages: &[&Package], document: &mut Document, context: &Context<'_>) {
    let are_many = document.only_seen() >= MAX_SEEN;
    let long = GONE_FOR_GOOD.max(context.rules.min_age.saturating_mul(2));
    document.forget(|nevra, target, entry| {
        let first = packages.partition_point(|package| package.nevra < *nevra);
        let mut same = packages[first..].iter().take_while(|package| package.nevra == *nevra);
        let is_own = context.targets.contains(target) && context.rules.scope.filter_reason(nevra).is_none();
        let is_old = context.now.duration_since(entry.since) > long;
        is_own && (is_old || are_many) && !same.any(|package| package.is_for(target))
    });
}

/// Takes over the checksum of a release that was built where the repository states one of another kind now: its metadata
/// were made anew, the file was not.
fn take_over_checksum(package: &Package, build: &BuildKey, document: &mut Document) {
    let Some((recorded, offered)) = document.get(build).and_then(Entry::checksum).zip(package.checksum.as_ref()) else {
        return;
    };
    if recorded != offered && !recorded.contradicts(offered) {
        document.record_checksum(build, offered.clone());
    }
}

/// Records what the next run has to know of a build that this one holds. `memory` is how many more may be remembered
/// only since they were seen.
fn record_wait(
    build: &BuildKey,
    reason: &HoldReason,
    document: &mut Document,
    memory: &mut usize,
    context: &Context<'_>,
) {
    let pipeline = context.origin.pipeline;
    match reason {
        HoldReason::TooYoung { .. } if document.get(build).is_some() => document.record_first_seen(build, context.now),
        HoldReason::TooYoung { .. } if *memory > 0 => {
            *memory -= 1;
            document.record_first_seen(build, context.now);
        }
        HoldReason::BackOff { .. } => document.back_off(build, pipeline),
        HoldReason::GivenUp { .. } => document.record_given_up(build, pipeline, context.now),
        _ => {}
    }
}

/// Claims as many of the builds that are wanted as one run may begin, and as the tracker has room for the outcomes of.
fn begin(
    plan: &mut Plan,
    mut wanted: Vec<(&Package, BuildKey, BuildReason)>,
    document: &mut Document,
    context: &Context<'_>,
) {
    let Context { rules, origin, now, .. } = *context;
    let attempts = |document: &Document, build: &BuildKey| document.get(build).map_or(0, Entry::attempts);
    // A build that keeps failing comes last, and delays no other.
    wanted.sort_by_cached_key(|(_, build, reason)| {
        let (oldest, newest) = match rules.order {
            Order::OldestFirst => (Some(build.package.clone()), None),
            Order::NewestFirst => (None, Some(Reverse(build.package.clone()))),
        };
        let is_begun = *reason == BuildReason::OwnClaim;
        (!is_begun, attempts(document, build), oldest, newest, build.target.clone())
    });
    // A diff job that runs again goes on with what it has claimed, and begins no more than it may.
    let is_own = |entry: &Entry| entry.is_claimed_by(origin.pipeline, origin.lane.as_deref());
    let claimed = document.entries().filter(|(_, _, entry)| is_own(entry)).count();
    let mut left = rules.max_builds.saturating_sub(claimed);
    let mut room = None;
    let mut hold = |BuildKey { package, target }, reason| plan.held.push(Held { package, target, reason });
    for (package, build, reason) in wanted {
        if reason != BuildReason::OwnClaim {
            if left == 0 {
                hold(build, HoldReason::Queued);
                continue;
            }
            // A document that cannot be written has no room.
            let room = room.get_or_insert_with(|| Room::of(document).map_or(0, |room| room.for_claims()));
            let (checksum, origin) = (package.checksum.clone(), origin.clone());
            if !document.claim_within(room, &build, reason.word(), checksum, now, origin) {
                hold(build, HoldReason::NoRoom);
                continue;
            }
            left -= 1;
        }
        plan.builds.extend(Planned::of_claim(package, &build, document, reason));
    }
}
