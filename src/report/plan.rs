//! The log of `diff`: counts, then each build with its reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::alarm::Alarm;
use crate::artifacts::Packages;
use crate::plan::{Context, FirstRun, Held, HoldReason, Plan, Returned, gone_since};
use crate::release::{Nevra, Target, listed};
use crate::text::{count, printable, printable_lines};

/// Up to how many images are told one by one.
pub(super) const MANY: usize = 50;

/// The log of `diff` about the releases of a list.
pub fn plan(packages: &Packages, reference: &str, plan: &Plan, alarms: &[Alarm], context: &Context<'_>) -> String {
    let (product, releases) = (&packages.product, packages.packages.len());
    let images = plan.builds.len() + plan.held.len();
    // Where targets have repositories of their own, not every release is for every target.
    let is_product = images == releases * context.targets.len();
    let (times, equals) = if is_product { (" x ", " = ") } else { (", ", ", ") };
    let mut text = format!(
        "{product} on {}: {}{times}{}{equals}{}\n",
        printable(reference),
        count(releases, "release"),
        count(context.targets.len(), "target"),
        count(images, "image"),
    );
    push_first_run(&mut text, plan, context.rules.first_run);
    push_counts(&mut text, plan);
    if let Some(stale) = stale_images(plan) {
        let _ = writeln!(text, "{stale}");
    }
    for alarm in alarms {
        let _ = writeln!(text, "WARNING: {}", printable_lines(&alarm.to_string()).trim_end());
    }
    let returned = plan.returned.iter().map(|Returned { build, since, revoked }| {
        let still = revoked.as_ref().map(|why| format!("; it stays revoked until `unrevoke`: {why}"));
        let why = format!("it was {}{}", gone_since(*since), still.unwrap_or_default());
        (&build.package, &build.target, why)
    });
    push_images(&mut text, "In the repository again:", &returned.collect::<Vec<_>>());
    let is_noteworthy = |cell: &&Held| {
        matches!(
            cell.reason,
            HoldReason::Claimed { .. } | HoldReason::BackOff { .. } | HoldReason::TooYoung { .. } | HoldReason::NoRoom
        )
    };
    let held = plan.held.iter().filter(is_noteworthy);
    let held: Vec<_> = held.map(|cell| (&cell.package, &cell.target, cell.explanation())).collect();
    push_images(&mut text, "Held, and perhaps worth a look:", &held);
    let builds = plan.builds.iter();
    let builds: Vec<_> = builds.map(|build| (&build.package.nevra, &build.target, build.explanation())).collect();
    push_images(&mut text, "To build:", &builds);
    if builds.is_empty() {
        text.push_str("Nothing to build.\n");
    }
    text
}

fn push_first_run(text: &mut String, plan: &Plan, first_run: FirstRun) {
    if plan.new_targets.is_empty() {
        return;
    }
    let meaning = match first_run {
        FirstRun::Latest => "the newest release is built, older ones are skipped for good",
        FirstRun::None => "nothing is built, what is there now is skipped for good",
        FirstRun::All => "every release is built",
    };
    let _ =
        writeln!(text, "First run for {} (--first-run {}):\n  {meaning}", listed(&plan.new_targets), first_run.word());
}

/// How many images are no longer fresh, why, and how many of them are built again now: a rule that was just switched on
/// may be about many.
pub(super) fn stale_images(plan: &Plan) -> Option<String> {
    let begun = plan.builds.iter().filter_map(|build| build.stale.as_ref());
    let is_given_up = |held: &&Held| matches!(held.reason, HoldReason::GivenUp { .. });
    let (given_up, later): (Vec<&Held>, Vec<&Held>) =
        plan.held.iter().filter(|held| held.stale.is_some()).partition(is_given_up);
    let held = given_up.iter().chain(&later).filter_map(|held| held.stale.as_ref());
    let (begun, held): (Vec<_>, Vec<_>) = (begun.collect(), held.collect());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for stale in begun.iter().chain(&held) {
        *reasons.entry(stale.word()).or_default() += 1;
    }
    let all = begun.len() + held.len();
    let are = if all == 1 { "image is" } else { "images are" };
    let reasons: Vec<String> = reasons.iter().map(|(reason, number)| format!("{number} {reason}")).collect();
    (all > 0).then(|| {
        format!(
            "{all} {are} no longer fresh ({}): {} built again now, {} later{}",
            reasons.join(", "),
            begun.len(),
            later.len(),
            if given_up.is_empty() { String::new() } else { format!(", {} given up", given_up.len()) }
        )
    })
}

fn push_counts(text: &mut String, plan: &Plan) {
    let mut counts: BTreeMap<(u8, String), usize> = BTreeMap::new();
    for cell in &plan.held {
        let (place, words) = match &cell.reason {
            HoldReason::Built { .. } => (1, "built".to_owned()),
            HoldReason::Skipped { because: None, .. } => (2, "skipped".to_owned()),
            HoldReason::Skipped { because: Some(because), .. } => (2, format!("skipped: {}", printable(because))),
            HoldReason::Excluded { because: None, .. } => (3, "excluded".to_owned()),
            HoldReason::Excluded { because: Some(because), .. } => (3, format!("excluded: {}", printable(because))),
            HoldReason::Revoked { because, .. } => (3, format!("revoked: {}", printable(because))),
            HoldReason::Superseded { .. } => (4, "superseded by newer releases".to_owned()),
            HoldReason::TooYoung { .. } => (5, "not old enough yet".to_owned()),
            HoldReason::Claimed { .. } => (6, "held by other pipelines".to_owned()),
            HoldReason::BackOff { .. } => (7, "failed, and tried again by a later run".to_owned()),
            HoldReason::GivenUp { .. } => (8, "given up".to_owned()),
            HoldReason::Queued => (9, "left for the next run: this one is full".to_owned()),
            HoldReason::NoRoom => (10, "left for a later run: the tracker has no room for them now".to_owned()),
        };
        *counts.entry((place, words)).or_default() += 1;
    }
    counts.insert((0, "to build".to_owned()), plan.builds.len());
    for ((_, words), number) in counts {
        let _ = writeln!(text, "  {number:>5}  {words}");
    }
}

fn push_images(text: &mut String, heading: &str, images: &[(&Nevra, &Target, String)]) {
    if images.is_empty() {
        return;
    }
    let _ = writeln!(text, "{heading}");
    let shown = &images[..images.len().min(MANY)];
    let widest = |length: fn(&(&Nevra, &Target, String)) -> usize| shown.iter().map(length).max().unwrap_or_default();
    let package_width = widest(|(package, _, _)| package.to_string().len());
    let target_width = widest(|(_, target, _)| target.as_str().len());
    for (package, target, why) in shown {
        let package = package.to_string();
        let _ = writeln!(text, "  {package:<package_width$}  {target:<target_width$}  {}", printable(why));
    }
    if images.len() > MANY {
        let _ = writeln!(text, "  … and {} more: builds.json has them all", images.len() - MANY);
    }
}
