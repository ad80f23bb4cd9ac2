//! Why a release is built, or is not.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::told::Told;
use crate::plan::Plan;
use crate::plan::compare::Earlier;
use crate::policy::FilterReason;
use crate::release::{Nevra, Target};
use crate::text::{count, minute, printable};
use crate::tracker::{Document, Entry, Standing};

/// Why each of some releases is built, held or filtered, with what the tracker knows of it; of what the repository no
/// longer has, what the tracker knows alone. Which of them are meant is asked with a target, or without one of what is
/// filtered for all.
pub fn why(
    filtered: impl Iterator<Item = (Nevra, FilterReason)>,
    plan: &Plan,
    tracker: &Document,
    is_meant: impl Fn(&Nevra, Option<&Target>) -> bool,
) -> String {
    let filtered: Vec<_> = filtered.collect();
    let begun = plan.builds.iter().map(|build| &build.package.nevra);
    let held = plan.held.iter().map(|held| &held.package);
    let left_out = filtered.iter().map(|(package, _)| package);
    let offered: BTreeSet<&Nevra> = begun.chain(held).chain(left_out).collect();
    let gone = tracker.entries().filter(|(package, _, _)| !offered.contains(package));
    let gone = gone.map(|(package, target, entry)| {
        let standing = Standing::of(entry, Timestamp::MIN).word();
        (package, target, format!("{standing} {}; the repository has it no longer", minute(entry.since)))
    });
    let built = plan
        .builds
        .iter()
        .map(|build| (&build.package.nevra, &build.target, format!("to be built: {}", build.explanation())));
    let held = plan.held.iter().map(|cell| (&cell.package, &cell.target, cell.explanation()));
    let cells = built.chain(held).chain(gone).filter(|(package, target, _)| is_meant(package, Some(target)));
    let cells = cells.map(|(package, target, why)| {
        let known = tracker
            .entry(package, target)
            .map(|entry| history(entry, &Told::of(tracker, package, target)))
            .filter(|text| !text.is_empty());
        let known = known.map(|text| format!("  {}\n", printable(&text))).unwrap_or_default();
        (package.clone(), target.to_string(), answer(package, Some(target), &why) + &known)
    });
    let filtered = filtered.iter().filter(|&(package, _)| is_meant(package, None)).cloned().map(|(package, reason)| {
        let text = answer(&package, None, &format!("left out by list, {reason}"));
        (package, String::new(), text)
    });
    in_order(cells.chain(filtered))
}

/// The same of a run that has decided already.
pub fn why_then(run: &Earlier, is_meant: impl Fn(&Nevra, Option<&Target>) -> bool) -> String {
    let decisions = run.decisions().filter(|(package, target, _)| is_meant(package, *target));
    in_order(decisions.map(|(package, target, why)| {
        (package.clone(), target.map(ToString::to_string).unwrap_or_default(), answer(package, target, &why))
    }))
}

/// A line of its own: what a person wrote as a reason may have several.
fn answer(package: &Nevra, target: Option<&Target>, why: &str) -> String {
    let target = target.map(|target| format!(" {target}")).unwrap_or_default();
    format!("{package}{target}: {}\n", printable(why))
}

fn in_order(answers: impl Iterator<Item = (Nevra, String, String)>) -> String {
    let mut answers: Vec<_> = answers.collect();
    answers.sort();
    answers.into_iter().map(|(_, _, text)| text).collect()
}

/// A line about a build from the tracker.
fn history(entry: &Entry, images: &Told) -> String {
    let attempts = (entry.attempts() > 0).then(|| {
        let rule = entry.rule.as_ref().map(|rule| format!(", begun as {}", rule.replace('_', " ")));
        format!("{}{}", count(entry.attempts(), "attempt"), rule.unwrap_or_default())
    });
    let seen = entry.first_seen.map(|seen| format!("first seen {}", minute(seen)));
    let by = entry.by.as_ref().map(|by| format!("by {by} {}", minute(entry.since)));
    let url = entry.origin.job_url.iter().chain(&entry.origin.pipeline_url).take(1).cloned();
    let facts = images.facts.iter().map(|(name, value)| format!("{name}={value}"));
    let earlier = images.earlier.iter().map(|(recorded, ids)| format!("before it, {}: {ids}", minute(*recorded)));
    let images = images.remarks().cloned().chain(facts).chain(earlier);
    let parts: Vec<String> = attempts.into_iter().chain(seen).chain(by).chain(url).chain(images).collect();
    parts.join("; ")
}
