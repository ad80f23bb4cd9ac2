//! The plan of a scheduled run: releases × targets, less what the tracker has as done, claimed or given up.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::evaluate::{Known, republished};
use super::withdrawn::{self, is_gone};
use super::{BuildReason, Closed, Context, Decision, FirstRun, Held, HoldReason, Order, Plan, Planned, Stale};
use crate::images::in_use;
use crate::policy::Newest;
use crate::release::{BuildKey, Checksum, Nevra, Package, Target};
use crate::tracker::{Document, Entry, Room, RoomForClaims, State};

/// The most builds that are remembered only since they were seen: a mirror can invent any number.
const MAX_SEEN: usize = 5000;
/// The least time for which such a build is remembered, though its release is gone.
const GONE_FOR_GOOD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Plans the builds of a night, and records in `document` the claims of the builds to begin, the skips of a first
/// run, the waiting of the rest, and which releases that were built are missing; forgets what was only seen and is gone.
/// Nothing else changes the document: a night with the same releases and outcomes as the one before leaves it as it is,
/// once what is missing was so for as many nights as `revoke_withdrawn` counts. `packages` may have any order.
/// `taken` is the most room that the document takes; where it is not known, it is measured.
pub fn nightly(packages: &[Package], document: &mut Document, context: &Context<'_>, taken: Option<Room>) -> Plan {
    let mut packages: Vec<&Package> = packages.iter().collect();
    packages.sort_by(|a, b| a.nevra.cmp(&b.nevra));
    let mut plan = Plan::default();
    let known = document.entries().count();
    forget_gone(&packages, document, context);
    plan.closed = close_gone(&packages, document, context);
    let found = withdrawn::record(&packages, document, context);
    (plan.withdrawn, plan.returned) = (found.withdrawn, found.returned);
    let runs: Vec<TargetRun<'_>> =
        context.targets.iter().map(|target| target_run(&packages, target, document, context)).collect();
    plan.new_targets.extend(runs.iter().filter(|run| run.is_new).map(|run| run.target.clone()));
    let mut wanted = Vec::new();
    let mut checksums = Vec::new();
    let mut needless = Vec::new();
    let in_use = in_use(document, context.rules.keep, |nevra, target| {
        context.rules.keep_images_fresh() && context.is_own(nevra, target)
    });
    for package in packages {
        let entry_for = document.entries_of(&package.nevra);
        for run in runs.iter().filter(|run| package.is_for(run.target)) {
            let (build, entry) = (package.build_for(run.target), entry_for(run.target));
            checksums
                .extend(entry.and_then(|entry| other_checksum(package, entry)).map(|other| (build.clone(), other)));
            plan.republished.extend(entry.and_then(|entry| republished(package, run.target, entry)));
            let is_in_use = in_use.contains(&(&package.nevra, run.target));
            let known = Known {
                entry,
                image: entry.and_then(|_| document.image(&package.nevra, run.target)).map(|(_, image)| image),
                revocation: document.revocation_of_build(&package.nevra, run.target),
                stale: entry
                    .filter(|_| is_in_use)
                    .filter(|entry| !entry.is_asked_for() || entry.is_given_up())
                    .and_then(|entry| context.stale(document, &build, entry)),
            };
            let decision = context.decide(&build, package, &known, &run.newest);
            match decision {
                Decision::Build(mut reason) => {
                    // What a claim that is open is compared with was decided when it was made.
                    let stale = known.stale.filter(|_| reason != BuildReason::OwnClaim);
                    let is_first = || run.first_run.binary_search(&&build.package).is_ok();
                    if reason == BuildReason::NewRelease && is_first() {
                        reason = BuildReason::FirstRun;
                    }
                    let begins_anew = matches!(reason, BuildReason::Stale(_));
                    let attempts = entry.filter(|_| !begins_anew).map_or(0, Entry::attempts);
                    let recorded = known.image.filter(|_| stale.is_some()).map(|image| image.recorded);
                    wanted.push(Wanted { package, build, reason, stale, recorded, attempts });
                }
                Decision::Hold(reason) => {
                    let is_done = matches!(reason, HoldReason::Built { .. });
                    if is_done && entry.is_some_and(Entry::is_rebuild) {
                        needless.push(build);
                    }
                    let stale = known.stale.filter(|_| !is_done);
                    plan.held.push(Held::new(package, run.target.clone(), stale, reason));
                }
            }
        }
    }
    let mut changes = checksums.len() + needless.len() + plan.closed.len() + found.changes + runs.len();
    for build in needless {
        document.end_rebuild(&build);
    }
    for (build, other) in checksums {
        document.record_checksum(&build, other);
    }
    changes += record_waits(&plan.held, document, context) + document.entries().count().saturating_sub(known);
    let room = RoomForClaims::guess(taken, changes);
    begin(&mut plan, wanted, document, context, room);
    plan.held.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    plan
}

/// The run of one target, as far as it concerns all releases.
struct TargetRun<'a> {
    target: &'a Target,
    /// Whether it is the first for some of them.
    is_new: bool,
    first_run: Vec<&'a Nevra>,
    newest: Newest<'a>,
}

/// A build that the rules want.
struct Wanted<'a> {
    package: &'a Package,
    build: BuildKey,
    reason: BuildReason,
    stale: Option<Stale>,
    /// When the image that is stale was recorded.
    recorded: Option<Timestamp>,
    /// How many attempts at it counted.
    attempts: u64,
}

fn target_run<'a>(
    packages: &[&'a Package],
    target: &'a Target,
    document: &mut Document,
    context: &Context<'_>,
) -> TargetRun<'a> {
    let packages: Vec<&Package> = packages.iter().copied().filter(|package| package.is_for(target)).collect();
    let imported = imported(target, document, context);
    let first_run = first_run(&packages, target, document, &imported);
    let is_new = !document.knows(target) || !first_run.is_empty();
    document.record_scope(target, &context.rules.scope_of(target));
    skip_for_good(&first_run, target, document, &imported, context);
    let old_enough = old_enough(&packages, target, document, context);
    let newest = context.rules.keep.newest(old_enough.into_iter());
    TargetRun { target, is_new, first_run, newest }
}

/// The newest release of each architecture that was built before the tracker knew of it.
type Imported = BTreeMap<String, Nevra>;

fn imported(target: &Target, document: &Document, context: &Context<'_>) -> Imported {
    let scope = context.rules.scope_of(target);
    let of_target = document.entries().filter(|(nevra, known, entry)| {
        *known == target && entry.is_imported() && scope.filter_reason(nevra).is_none()
    });
    // The oldest first.
    let newest: BTreeMap<&str, &Nevra> = of_target.map(|(nevra, ..)| (nevra.arch(), nevra)).collect();
    newest.into_iter().map(|(arch, nevra)| (arch.to_owned(), nevra.clone())).collect()
}

/// The releases that no earlier run covered, oldest first. Those that are newer than what was imported are new.
fn first_run<'a>(
    ascending: &[&'a Package],
    target: &Target,
    document: &Document,
    imported: &Imported,
) -> Vec<&'a Nevra> {
    let is_new = |nevra: &Nevra| imported.get(nevra.arch()).is_some_and(|newest| nevra > newest);
    let is_covered = document.covered(target);
    let releases = ascending.iter().map(|package| &package.nevra);
    releases.filter(|nevra| !is_covered(nevra) && !is_new(nevra)).collect()
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
            context.too_young_until(package, document.entry(&package.nevra, target)).is_none()
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
        let is_old = context.now.duration_since(entry.since) > long;
        (is_old || are_many) && is_gone(nevra, target, packages, context)
    });
}

/// Gives back the claims that have lapsed and that no run takes up again, since the release is no longer there.
fn close_gone(packages: &[&Package], document: &mut Document, context: &Context<'_>) -> Vec<Closed> {
    let lapsed = document.entries().filter(|(nevra, target, entry)| {
        // A pipeline's own claims count among those that it may make.
        let is_own = entry.is_claimed_by(context.origin.pipeline, context.origin.lane.as_deref());
        let is_lapsed = entry.state == State::Building && context.claimed_until(entry) <= context.now;
        is_lapsed && !is_own && is_gone(nevra, target, packages, context)
    });
    let closed = lapsed.map(|(package, target, entry)| Closed {
        build: BuildKey { package: package.clone(), target: target.clone() },
        url: entry.origin.pipeline_url.clone(),
    });
    let closed: Vec<Closed> = closed.collect();
    for Closed { build, .. } in &closed {
        document.give_back_claim(build, context.now);
    }
    closed
}

/// The checksum of a release that was built, where the repository states one of another kind now: its metadata were
/// made anew, the file was not.
fn other_checksum(package: &Package, entry: &Entry) -> Option<Checksum> {
    let (recorded, offered) = (entry.checksum()?, package.checksum.as_ref()?);
    (recorded != offered && !recorded.contradicts(offered)).then(|| offered.clone())
}

/// Records what the next run has to know of the builds that this one holds; how many they are.
fn record_waits(held: &[Held], document: &mut Document, context: &Context<'_>) -> usize {
    let mut recorded = 0;
    let Context { origin, now, .. } = *context;
    let mut memory = MAX_SEEN.saturating_sub(document.only_seen());
    for Held { package, target, reason, .. } in held {
        let build = || BuildKey { package: package.clone(), target: target.clone() };
        match reason {
            HoldReason::TooYoung { .. } if document.entry(package, target).is_some() => {
                document.record_first_seen(&build(), now);
            }
            HoldReason::TooYoung { .. } if memory > 0 => {
                memory -= 1;
                document.record_first_seen(&build(), now);
            }
            HoldReason::BackOff { .. } => document.back_off(&build(), origin.pipeline),
            HoldReason::GivenUp { .. } => {
                document.record_given_up(&build(), now);
                let is_counted = document.entry(package, target).is_some_and(|entry| entry.passed_over.is_some());
                // By it a later run knows that people were told, and begins anew once an ingredient changes.
                if !is_counted && document.image(package, target).is_some() {
                    document.back_off(&build(), origin.pipeline);
                }
            }
            _ => continue,
        }
        recorded += 1;
    }
    recorded
}

/// Claims as many of the builds that are wanted as one run may begin, and as the tracker has room for the outcomes of.
fn begin(
    plan: &mut Plan,
    mut wanted: Vec<Wanted<'_>>,
    document: &mut Document,
    context: &Context<'_>,
    mut room: RoomForClaims,
) {
    let Context { rules, origin, now, .. } = *context;
    wanted.sort_by(|a, b| {
        let by_release = || match rules.order {
            Order::OldestFirst => a.build.package.cmp(&b.build.package),
            Order::NewestFirst => b.build.package.cmp(&a.build.package),
        };
        // A build that keeps failing comes last, and delays no other, not even one that fixes a flaw. What has an image
        // already delays none that has not.
        let standing = |build: &Wanted<'_>| {
            let is_urgent = rules.is_urgent(build.package) && build.stale.is_none();
            (build.reason != BuildReason::OwnClaim, build.stale.is_some(), build.attempts, !is_urgent, build.recorded)
        };
        standing(a).cmp(&standing(b)).then_with(by_release).then_with(|| a.build.target.cmp(&b.build.target))
    });
    // A diff job that runs again goes on with what it has claimed, and begins no more than it may.
    let is_own = |entry: &Entry| entry.is_claimed_by(origin.pipeline, origin.lane.as_deref());
    let claimed = document.entries().filter(|(_, _, entry)| is_own(entry)).count();
    let mut left = rules.max_builds.saturating_sub(claimed);
    let mut hold =
        |package, build: BuildKey, stale, reason| plan.held.push(Held::new(package, build.target, stale, reason));
    for Wanted { package, build, reason, stale, .. } in wanted {
        if reason != BuildReason::OwnClaim {
            if left == 0 {
                hold(package, build, stale, HoldReason::Queued);
                continue;
            }
            let (rule, checksum, origin) = (reason.word(), package.checksum.clone(), origin.clone());
            let known = document.known(&build, now);
            let before = if matches!(reason, BuildReason::Stale(_)) { known.anew(now) } else { known };
            let entry = before.claimed(rule, checksum, now, origin);
            let claim = entry.claim();
            let entry = match context.ingredients.get(&build.target) {
                Some(ingredients) => entry.made_of(claim, ingredients),
                None => entry,
            };
            if !room.claim(document, &build, entry) {
                hold(package, build, stale, HoldReason::NoRoom);
                continue;
            }
            left -= 1;
        }
        plan.builds.extend(Planned::of_claim(package, &build, document, reason, stale));
    }
}
