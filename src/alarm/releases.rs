//! The alarms about releases and builds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Alarm;
use crate::images::{in_channel, in_use};
use crate::plan::{BuildReason, Context, HoldReason, Plan, Withdrawn};
use crate::policy::{FilterReason, Keep, near_misses};
use crate::release::{Nevra, Package, Target};
use crate::tracker::{ChannelName, Document, Image, Origin, Place};

/// What repositories offer.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The releases that the version policy lets through.
    pub wanted: &'a [Package],
    /// The others, each with the rule that leaves it out.
    pub filtered: &'a [(&'a Nevra, FilterReason)],
}

/// The alarms about releases and what was planned for them, one for each release. `expected` are the manifests
/// and the names of the notes in which a build tells of its image, of which one is enough.
pub fn of_releases(
    offer: &Offer<'_>,
    plan: &Plan,
    document: &Document,
    expected: &[String],
    context: &Context<'_>,
) -> Vec<Alarm> {
    let mut alarms = republished(plan);
    alarms.extend(given_up(plan, document));
    alarms.extend(no_match(offer, context));
    alarms.extend(lapsed(plan));
    alarms.extend(no_image(plan, document, expected));
    alarms.extend(several_images(plan, document));
    alarms.extend(revoked_in(document));
    alarms.extend(withdrawn(plan));
    alarms.extend(unused_patterns(offer, context));
    alarms
}

/// Targets by what they have in common.
fn grouped<'a, K: Ord>(builds: impl Iterator<Item = (K, &'a Target)>) -> BTreeMap<K, Vec<Target>> {
    let mut groups: BTreeMap<K, Vec<Target>> = BTreeMap::new();
    for (key, target) in builds {
        groups.entry(key).or_default().push(target.clone());
    }
    groups
}

fn republished(plan: &Plan) -> Vec<Alarm> {
    let changes = grouped(
        plan.republished.iter().map(|change| ((&change.package, &change.recorded, &change.offered), &change.target)),
    );
    let alarm = |((package, recorded, offered), targets): ((&Nevra, &String, &String), _)| Alarm::Republished {
        package: package.clone(),
        targets,
        recorded: recorded.clone(),
        offered: offered.clone(),
    };
    changes.into_iter().map(alarm).collect()
}

fn given_up(plan: &Plan, document: &Document) -> Vec<Alarm> {
    let builds = plan.held.iter().filter_map(|held| match &held.reason {
        HoldReason::GivenUp { attempts, url } => Some((&held.package, &held.target, *attempts, url.clone())),
        _ => None,
    });
    given_up_builds(document, builds)
}

/// The alarms that a tracker tells by itself about builds that were given up.
pub fn given_up_in(document: &Document) -> Vec<Alarm> {
    let entries = document.entries().filter(|(_, _, entry)| entry.is_given_up());
    given_up_builds(
        document,
        entries.map(|(package, target, entry)| {
            let Origin { job_url, pipeline_url, .. } = entry.origin.clone();
            (package, target, entry.attempts(), job_url.or(pipeline_url))
        }),
    )
}

fn given_up_builds<'a>(
    document: &Document,
    builds: impl Iterator<Item = (&'a Nevra, &'a Target, u64, Option<String>)>,
) -> Vec<Alarm> {
    let mut urls = BTreeMap::new();
    let builds = builds.map(|(package, target, attempts, url)| {
        let key = (package, attempts, document.image(package, target).is_some());
        urls.insert(key, url);
        (key, target)
    });
    let groups = grouped(builds);
    let alarm = |(key, targets): ((&Nevra, u64, bool), _)| {
        let (package, attempts, has_image) = key;
        let url = urls.get(&key).cloned().flatten();
        Alarm::GivenUp { package: package.clone(), targets, attempts, url, has_image }
    };
    groups.into_iter().map(alarm).collect()
}

fn no_match(offer: &Offer<'_>, context: &Context<'_>) -> Option<Alarm> {
    let has_none = |target: &&Target| !offer.wanted.iter().any(|package| package.is_for(target));
    let targets: Vec<Target> = context.targets.iter().filter(has_none).cloned().collect();
    let stated = context.rules.architectures.iter().filter(|(target, _)| targets.contains(target));
    let mut scope = context.rules.scope.clone();
    scope.architectures.extend(stated.map(|(_, arch)| arch.clone()));
    let near_misses = near_misses(&scope, offer.filtered.iter().copied());
    (!targets.is_empty() && !near_misses.is_empty()).then_some(Alarm::NoMatch { targets, near_misses })
}

fn lapsed(plan: &Plan) -> Vec<Alarm> {
    let again = plan.builds.iter().filter_map(|build| match &build.reason {
        BuildReason::Lapsed(retry) => Some(((&build.package.nevra, &retry.url, true), &build.target)),
        _ => None,
    });
    let closed = plan.closed.iter().map(|closed| ((&closed.build.package, &closed.url, false), &closed.build.target));
    let alarm = |((package, url, is_offered), targets): ((&Nevra, &Option<String>, bool), _)| Alarm::Lapsed {
        package: package.clone(),
        targets,
        url: url.clone(),
        is_offered,
    };
    grouped(again.chain(closed)).into_iter().map(alarm).collect()
}

fn no_image(plan: &Plan, document: &Document, expected: &[String]) -> Vec<Alarm> {
    let is_told_of =
        |image: &Image| !image.ids.is_empty() || expected.iter().any(|name| image.notes.contains_key(name));
    let has_none =
        |package: &Nevra, target: &Target| document.image(package, target).is_some_and(|(_, image)| !is_told_of(image));
    let without = built(plan).filter(|(package, target)| !expected.is_empty() && has_none(package, target));
    let alarm = |(package, targets): (&Nevra, _)| Alarm::NoImage {
        package: package.clone(),
        targets,
        expected: expected.to_vec(),
    };
    grouped(without).into_iter().map(alarm).collect()
}

fn several_images(plan: &Plan, document: &Document) -> Vec<Alarm> {
    let ambiguous = built(plan).filter_map(|(package, target)| {
        let (_, image) = document.image(package, target)?;
        let places: Vec<Place> = image.ids.ambiguous().cloned().collect();
        (!places.is_empty()).then_some(((package, places), target))
    });
    let alarm = |((package, places), targets): ((&Nevra, _), _)| Alarm::SeveralImages {
        package: package.clone(),
        targets,
        places,
    };
    grouped(ambiguous).into_iter().map(alarm).collect()
}

/// The alarms that a tracker tells by itself about channels that point to what is revoked.
pub fn revoked_in(document: &Document) -> Vec<Alarm> {
    let pointed = document.channels().names().flat_map(|channel| {
        in_channel(document, channel, None, |_| true).into_iter().filter_map(move |pointed| {
            let because = pointed.revocation?.in_words();
            Some(((channel, pointed.package, because), pointed.target))
        })
    });
    let alarm = |((channel, package, because), targets): ((&ChannelName, &Nevra, String), _)| Alarm::Revoked {
        channel: channel.to_string(),
        package: package.clone(),
        targets,
        because,
    };
    grouped(pointed).into_iter().map(alarm).collect()
}

/// What is not in use is told once: many repositories drop old releases.
fn withdrawn(plan: &Plan) -> Vec<Alarm> {
    let told = plan.withdrawn.iter().filter(|build| build.is_new || build.in_use || build.is_revoked);
    withdrawn_builds(told.map(|Withdrawn { build, since, in_use, is_revoked, .. }| {
        (&build.package, &build.target, *since, *in_use, *is_revoked)
    }))
}

/// The alarms that a tracker tells by itself about releases that are missing and in use.
pub fn withdrawn_in(document: &Document) -> Vec<Alarm> {
    let used: BTreeSet<(&Nevra, &Target)> = in_use(document, Keep::All, |_, _| true);
    let missing = used.into_iter().filter_map(|(package, target)| {
        let since = document.entry(package, target)?.missing_since()?;
        Some((package, target, since, true, false))
    });
    withdrawn_builds(missing)
}

fn withdrawn_builds<'a>(builds: impl Iterator<Item = (&'a Nevra, &'a Target, Timestamp, bool, bool)>) -> Vec<Alarm> {
    let mut first: BTreeMap<&Nevra, Timestamp> = BTreeMap::new();
    let builds = builds.map(|(package, target, since, in_use, is_revoked)| {
        let first = first.entry(package).or_insert(since);
        *first = since.min(*first);
        ((package, in_use, is_revoked), target)
    });
    let groups = grouped(builds);
    let alarm = |((package, in_use, is_revoked), targets): ((&Nevra, bool, bool), _)| Alarm::Withdrawn {
        package: package.clone(),
        targets,
        since: first.get(package).copied().unwrap_or_default(),
        in_use,
        is_revoked,
    };
    groups.into_iter().map(alarm).collect()
}

/// The builds that are done.
fn built(plan: &Plan) -> impl Iterator<Item = (&Nevra, &Target)> {
    let built = plan.held.iter().filter(|held| matches!(held.reason, HoldReason::Built { .. }));
    built.map(|held| (&held.package, &held.target))
}

fn unused_patterns(offer: &Offer<'_>, context: &Context<'_>) -> Vec<Alarm> {
    let offered = || {
        let wanted = offer.wanted.iter().map(|package| &package.nevra);
        wanted.chain(offer.filtered.iter().map(|(package, _)| *package))
    };
    let exclusions = context.rules.exclude.iter().map(|exclusion| &exclusion.pattern);
    let unused = exclusions.filter(|pattern| !offered().any(|package| pattern.names(package)));
    unused.map(|pattern| Alarm::UnusedPattern { pattern: pattern.to_string() }).collect()
}
