//! What is built, when and in which order: the rules of `diff` one by one, and the laws that hold whatever a
//! team sets.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{
    adopted, checksum, days, night, pipeline, pipeline_url, run_for, runner, runners, target, targets,
};
use ami_scheduler::plan::{
    BuildReason, Context, FirstRun, Held, HoldReason, Order, Plan, Retry, Rules, back_off, by_hand,
};
use ami_scheduler::policy::{Exclusion, Keep, Policy, Versions};
use ami_scheduler::release::{Advisory, AdvisoryKind, BuildKey, Checksum, Package, Severity, Target};
use ami_scheduler::tracker::{Acknowledged, Document, MAX_HEAD, Notes, Origin, Report, Room, State};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sha2::Digest as _;

fn build(version: &str) -> BuildKey {
    crate::common::build(version, "al2023")
}

fn empty() -> Document {
    Document::new("gitlab-runner", "main")
}

/// A tracker whose first run for al2023 is over: 18.0.0 was built.
fn tracker() -> Document {
    let mut document = empty();
    document.succeed(&build("18.0.0"), Report::default(), night(1), pipeline(1));
    document
}

/// A run for al2023.
fn run(document: &mut Document, packages: &[Package], rules: &Rules, id: u64, now: Timestamp) -> Plan {
    run_for(&["al2023"], document, packages, rules, &pipeline(id), now)
}

/// A claim of a pipeline, which ends in failure.
fn fail(document: &mut Document, version: &str, id: u64, now: Timestamp) {
    document.claim(&build(version), "new_release", None, now, pipeline(id));
    document.settle(id, now, &pipeline(id), |_| None);
}

fn versions(plan: &Plan) -> Vec<&str> {
    plan.builds.iter().map(|build| build.package.nevra.evr().version.as_str()).collect()
}

/// `18.6.0-1 al2023`: what is built of what, in the order in which it is begun.
fn built(plan: &Plan) -> Vec<String> {
    plan.builds.iter().map(|build| format!("{} {}", build.package.nevra.evr(), build.target)).collect()
}

/// `18.6.0-1 al2023`: what is held.
fn held(plan: &Plan) -> Vec<String> {
    plan.held.iter().map(|cell| format!("{} {}", cell.package.evr(), cell.target)).collect()
}

fn hold_reasons(plan: &Plan) -> Vec<&HoldReason> {
    plan.held.iter().map(|cell| &cell.reason).collect()
}

fn hold_reason<'a>(plan: &'a Plan, version: &str) -> &'a HoldReason {
    let cell = plan.held.iter().find(|cell| cell.package.evr().version == version);
    &cell.unwrap_or_else(|| panic!("{version} is not held")).reason
}

fn state(document: &Document, build: &BuildKey) -> Option<State> {
    document.get(build).map(|entry| entry.state)
}

fn excluding(patterns: &[&str]) -> Rules {
    let exclusion = |pattern: &&str| Exclusion { pattern: pattern.parse().expect("a pattern"), reason: None };
    Rules { exclude: patterns.iter().map(exclusion).collect(), ..Rules::default() }
}

fn leading(version: &str) -> Policy {
    Policy { versions: Versions::Leading(version.parse().expect("a version")), ..Policy::default() }
}

// ---------------------------------------------------------------- what is new

#[test]
fn every_release_that_the_tracker_does_not_know_is_built_oldest_first() {
    // 17.4.9 is a back-port on an older series, 18.0.0-2 a new release of a version that was built.
    let releases = runners(&["18.6.0", "18.0.0", "17.4.9", "18.10.0", "18.0.0-2"]);
    let plan = run(&mut tracker(), &releases, &Rules::default(), 2, night(2));
    assert_eq!(built(&plan), ["17.4.9-1 al2023", "18.0.0-2 al2023", "18.6.0-1 al2023", "18.10.0-1 al2023"]);
    assert!(plan.builds.iter().all(|build| build.reason == BuildReason::NewRelease && build.attempt == 1));
    assert_eq!(hold_reasons(&plan), [&HoldReason::Built { since: night(1) }]);
    assert!(plan.new_targets.is_empty());
}

#[test]
fn a_first_run_does_what_it_was_told() {
    for (first_run, to_build, skipped) in [
        (FirstRun::Latest, vec!["18.10.0-1 al2023"], 2),
        (FirstRun::None, vec![], 3),
        (FirstRun::All, vec!["18.5.0-1 al2023", "18.9.0-1 al2023", "18.10.0-1 al2023"], 0),
    ] {
        let mut document = empty();
        let rules = Rules { first_run, ..Rules::default() };
        let releases = runners(&["18.9.0", "18.10.0", "18.5.0"]);
        let first = run(&mut document, &releases, &rules, 1, night(1));
        assert_eq!((built(&first), first.held.len()), (to_build.iter().map(ToString::to_string).collect(), skipped));
        assert!(first.builds.iter().all(|build| build.reason == BuildReason::FirstRun));
        assert_eq!(first.new_targets, targets(&["al2023"]));
        // What it left out stays left out.
        let later = run(&mut document, &releases, &rules, 1, night(1));
        assert_eq!(later.held, first.held);
    }
}

#[test]
fn a_first_run_builds_the_newest_release_of_each_architecture() {
    let mut releases = runners(&["18.5.0", "18.6.0"]);
    releases[0].nevra = "gitlab-runner-18.5.0-1.aarch64".parse().expect("a package");
    let plan = run(&mut empty(), &releases, &Rules::default(), 1, night(1));
    assert_eq!(plan.builds.len(), 2);
}

#[test]
fn a_first_run_that_found_no_release_was_one_all_the_same() {
    let mut document = empty();
    let rules = Rules { first_run: FirstRun::None, ..Rules::default() };
    run(&mut document, &[], &rules, 1, night(1));
    assert_eq!(built(&run(&mut document, &runners(&["19.0.0"]), &rules, 2, night(1))), ["19.0.0-1 al2023"]);
}

#[test]
fn a_target_that_is_added_later_has_a_first_run_of_its_own() {
    let mut document = tracker();
    let releases = runners(&["17.4.0", "18.0.0"]);
    let plan = run_for(&["al2023", "rhel9"], &mut document, &releases, &Rules::default(), &pipeline(2), night(2));
    assert_eq!(built(&plan), ["17.4.0-1 al2023", "18.0.0-1 rhel9"]);
    assert_eq!(plan.new_targets, targets(&["rhel9"]));
    assert_eq!(state(&document, &crate::common::build("17.4.0", "rhel9")), Some(State::Skipped));
}

#[test]
fn a_target_of_which_all_is_rebuilt_has_had_its_first_run() {
    let mut document = tracker();
    document.rebuild(&build("18.0.0").package, &[], "again", Some("mary"), night(2));
    let releases = runners(&["18.0.0", "18.5.0", "18.6.0"]);
    let plan = run(&mut document, &releases, &Rules::default(), 2, night(2));
    assert_eq!(versions(&plan), ["18.0.0", "18.5.0", "18.6.0"]);
}

#[test]
fn a_scope_that_is_added_later_has_a_first_run_of_its_own() {
    let mut document = empty();
    let scope = |version: &str| Rules { scope: leading(version), ..Rules::default() };
    let releases = |major: u8| runners(&[&format!("{major}.1.0"), &format!("{major}.2.0")]);
    assert_eq!(versions(&run(&mut document, &releases(18), &scope("18"), 2, night(2))), ["18.2.0"]);
    let plan = run(&mut document, &releases(17), &scope("17"), 3, night(3));
    assert_eq!((versions(&plan), &plan.builds[0].reason), (vec!["17.2.0"], &BuildReason::FirstRun));
    assert_eq!(plan.new_targets, targets(&["al2023"]));
    // Both are known now: whatever is new is built.
    for (major, built) in [(17_u8, ["17.3.0", "17.4.0"]), (18, ["18.3.0", "18.4.0"])] {
        let rules = scope(&major.to_string());
        let plan = run(&mut document, &runners(&built), &rules, 4 + u64::from(major), night(4));
        assert_eq!((versions(&plan), plan.new_targets.len()), (built.to_vec(), 0));
    }
}

#[test]
fn what_a_wider_scope_lets_through_for_the_first_time_is_no_news() {
    let mut document = empty();
    let narrow = Rules { scope: leading("18.6"), ..Rules::default() };
    run(&mut document, &runners(&["18.6.0"]), &narrow, 2, night(2));
    document.succeed(&build("18.6.0"), Report::default(), night(2), pipeline(2));
    let wide = Rules { scope: leading("18"), ..Rules::default() };
    let plan = run(&mut document, &runners(&["18.1.0", "18.2.0", "18.6.0", "18.6.1", "18.6.2"]), &wide, 3, night(3));
    // Of those that are old the newest, as in any first run; of those that are new each.
    assert_eq!(versions(&plan), ["18.2.0", "18.6.1", "18.6.2"]);
    assert!(matches!(hold_reason(&plan, "18.1.0"), HoldReason::Skipped { .. }));
    // A narrower scope afterwards brings no first run.
    let plan = run(&mut document, &runners(&["18.6.3", "18.6.4"]), &narrow, 4, night(4));
    assert_eq!((versions(&plan), plan.new_targets.len()), (vec!["18.6.3", "18.6.4"], 0));
}

// ---------------------------------------------------------------- which releases

#[test]
fn of_each_series_the_newest_is_kept() {
    let releases = runners(&["17.9.1", "18.5.0", "18.5.1", "18.6.0", "18.6.1", "19.0.0"]);
    for (keep, built) in [
        (Keep::All, vec!["17.9.1", "18.5.0", "18.5.1", "18.6.0", "18.6.1", "19.0.0"]),
        (Keep::LatestPerMinor, vec!["17.9.1", "18.5.1", "18.6.1", "19.0.0"]),
        (Keep::LatestPerMajor, vec!["17.9.1", "18.6.1", "19.0.0"]),
        (Keep::Latest, vec!["19.0.0"]),
    ] {
        let plan = run(&mut tracker(), &releases, &Rules { keep, ..Rules::default() }, 2, night(2));
        assert_eq!(versions(&plan), built, "{keep:?}");
    }
    let rules = Rules { keep: Keep::LatestPerMinor, ..Rules::default() };
    let plan = run(&mut tracker(), &releases, &rules, 2, night(2));
    assert_eq!(hold_reason(&plan, "18.6.0"), &HoldReason::Superseded { newer: runner("18.6.1").nevra });
}

#[test]
fn each_target_keeps_the_newest_of_its_own_releases() {
    let mut releases = runners(&["18.5.0", "18.6.0"]);
    releases[1].targets = Some([target("rhel9")].into());
    let rules = Rules { keep: Keep::Latest, ..Rules::default() };
    let plan = run_for(&["al2023", "rhel9"], &mut empty(), &releases, &rules, &pipeline(2), night(2));
    assert_eq!(built(&plan), ["18.5.0-1 al2023", "18.6.0-1 rhel9"]);
}

#[test]
fn a_release_is_built_for_its_own_targets_and_the_newest_is_that_of_each() {
    let mut releases = runners(&["18.4.0", "18.5.0", "18.5.0", "18.6.0"]);
    for (release, names) in releases.iter_mut().zip([&["rhel9"][..], &["rhel9"], &["al2023"], &["al2023"]]) {
        release.targets = Some(targets(names).into_iter().collect());
        release.url = format!("https://yum.example.com/{}/", names[0]);
    }
    let mut document = empty();

    let plan = run_for(&["al2023", "rhel9"], &mut document, &releases, &Rules::default(), &pipeline(1), night(1));

    assert_eq!(built(&plan), ["18.5.0-1 rhel9", "18.6.0-1 al2023"]);
    assert_eq!(plan.builds[0].package.url, "https://yum.example.com/rhel9/");
    assert_eq!(held(&plan), ["18.4.0-1 rhel9", "18.5.0-1 al2023"]);
    assert_eq!(document.get(&crate::common::build("18.6.0", "rhel9")), None);
}

#[test]
fn what_is_excluded_is_not_built_and_nothing_else_in_its_place() {
    let releases = runners(&["18.5.0", "18.6.0", "18.6.1"]);
    for (keep, built) in [(Keep::All, vec!["18.5.0"]), (Keep::LatestPerMinor, vec!["18.5.0"]), (Keep::Latest, vec![])] {
        let rules = Rules { keep, ..excluding(&["18.6.1", "18.6.0-1"]) };
        assert_eq!(versions(&run(&mut tracker(), &releases, &rules, 2, night(2))), built, "{keep:?}");
    }
    // A first run that builds the latest builds nothing, and leaves the older ones for good all the same.
    let mut document = empty();
    let plan = run(&mut document, &releases, &excluding(&["18.6.1"]), 2, night(2));
    assert!(plan.builds.is_empty());
    assert_eq!(hold_reason(&plan, "18.6.1"), &HoldReason::Excluded { pattern: "18.6.1".to_owned(), because: None });
    assert_eq!(versions(&run(&mut document, &releases, &Rules::default(), 3, night(3))), ["18.6.1"]);
}

#[test]
fn an_exclusion_does_not_touch_the_tracker_and_is_lifted_with_its_line() {
    let mut document = tracker();
    let releases = runners(&["18.5.0"]);
    let rules = Rules { exclude: vec!["18.5.*: does not start".parse().expect("a skip")], ..Rules::default() };
    let plan = run(&mut document, &releases, &rules, 2, night(2));
    let because = Some("does not start".to_owned());
    assert_eq!(hold_reason(&plan, "18.5.0"), &HoldReason::Excluded { pattern: "18.5.*".to_owned(), because });
    assert_eq!(document.get(&build("18.5.0")), None);
    assert_eq!(versions(&run(&mut document, &releases, &Rules::default(), 3, night(3))), ["18.5.0"]);
}

#[test]
fn a_release_is_old_enough_when_both_its_publisher_and_this_tracker_have_known_it_for_so_long() {
    for (built_at, seen_on, built_on) in [
        (None, 2, 9),       // an HTML index tells no build time
        (Some(2), 2, 9),    // seen on the day it was built
        (Some(-400), 2, 9), // back-dated, or published late
        (Some(4), 2, 11),   // a clock that is ahead
        (Some(4000), 2, 9), // a clock that is years ahead: field tests, tracker 11
    ] {
        let release = Package { built_at: built_at.map(night), ..runner("18.5.0") };
        let rules = Rules { min_age: days(7), ..Rules::default() };
        let mut document = tracker();
        for day in seen_on..built_on {
            let before = document.clone();
            let plan = run(&mut document, std::slice::from_ref(&release), &rules, 100, night(day));
            let is_to_come = built_at.is_some_and(|built_at| built_at > day);
            let young = HoldReason::TooYoung { until: night(if is_to_come { 9 } else { built_on }) };
            assert_eq!(hold_reason(&plan, "18.5.0"), &young, "{built_at:?} on {day}");
            // That it was seen is written once.
            assert_eq!(document == before, day != seen_on, "{built_at:?} on {day}");
        }
        let plan = run(&mut document, &[release], &rules, 101, night(built_on));
        assert_eq!(plan.builds[0].reason, BuildReason::NewRelease, "{built_at:?}");
    }
}

/// A release about which the repository has an advisory of this kind.
fn advised(version: &str, kind: AdvisoryKind) -> Package {
    let advisory = Advisory { id: "A-1".parse().expect("an id"), kind, severity: Some(Severity::Important) };
    Package { advisories: vec![advisory].into(), ..runner(version) }
}

#[test]
fn a_release_that_fixes_a_flaw_waits_for_no_age_where_security_is_first() {
    for (security_first, kind, is_built) in [
        (true, AdvisoryKind::Security, true),
        (true, AdvisoryKind::Bugfix, false),
        (true, AdvisoryKind::Unknown, false),
        (false, AdvisoryKind::Security, false),
    ] {
        let rules = Rules { min_age: days(7), security_first, ..Rules::default() };
        let plan = run(&mut tracker(), &[advised("18.5.0", kind)], &rules, 2, night(2));
        assert_eq!(plan.builds.len(), usize::from(is_built), "{security_first} {kind:?}");
        assert!(plan.builds.iter().all(|build| build.explanation() == "new release, A-1 (security, Important)"));
    }
}

#[test]
fn a_release_that_fixes_a_flaw_supersedes_older_ones_at_any_age() {
    let rules = Rules { min_age: days(7), security_first: true, keep: Keep::Latest, ..Rules::default() };
    let old = Package { built_at: Some(night(1)), ..runner("18.4.0") };
    let mut document = tracker();
    run(&mut document, std::slice::from_ref(&old), &rules, 2, night(2));
    let plan = run(&mut document, &[old, advised("18.5.0", AdvisoryKind::Security)], &rules, 3, night(20));
    assert_eq!(versions(&plan), ["18.5.0"]);
    assert!(matches!(hold_reason(&plan, "18.4.0"), HoldReason::Superseded { .. }));
}

#[test]
fn the_queue_begins_with_what_fixes_a_flaw_unless_it_keeps_failing() {
    let releases = || [runner("18.4.0"), advised("18.5.0", AdvisoryKind::Security), runner("18.6.0")];
    for (security_first, order, first) in [
        (true, Order::OldestFirst, ["18.5.0", "18.4.0", "18.6.0"]),
        (true, Order::NewestFirst, ["18.5.0", "18.6.0", "18.4.0"]),
        (false, Order::OldestFirst, ["18.4.0", "18.5.0", "18.6.0"]),
    ] {
        let rules = Rules { security_first, order, first_run: FirstRun::All, ..Rules::default() };
        assert_eq!(versions(&run(&mut tracker(), &releases(), &rules, 2, night(2))), first);
        let mut failed = tracker();
        fail(&mut failed, "18.5.0", 2, night(2));
        assert_eq!(versions(&run(&mut failed, &releases(), &rules, 3, night(3))).last(), Some(&"18.5.0"));
    }
}

#[test]
fn without_a_minimum_age_a_clock_that_is_ahead_holds_up_nothing() {
    let release = Package { built_at: Some(night(20)), ..runner("18.5.0") };
    assert_eq!(versions(&run(&mut tracker(), &[release], &Rules::default(), 2, night(2))), ["18.5.0"]);
}

fn invented(number: std::ops::Range<usize>) -> Vec<Package> {
    number.map(|number| runner(&format!("18.{number}.0"))).collect()
}

/// A mirror that invents releases, others each night, with `min_age` set.
/// Field tests, security 6.
#[test]
fn what_a_mirror_invents_is_forgotten_once_it_is_gone_and_never_remembered_in_any_number() {
    let rules = Rules { min_age: days(7), ..Rules::default() };
    let mut document = tracker();
    document.record_scope(&target("al2023"), &rules.scope);
    for day in 2..5 {
        let flood = 1_000_000 * usize::try_from(day).expect("a day");
        run(&mut document, &invented(flood..flood + 6000), &rules, 1, night(day));
        assert_eq!(document.only_seen(), 5000, "night {day}");
        assert_eq!(
            document.get(&build(&format!("18.{flood}.0"))).map(|entry| entry.first_seen),
            Some(Some(night(day)))
        );
    }
    // What has an outcome stays, whatever the repository holds.
    assert_eq!(document.get(&build("18.0.0")).map(|entry| entry.state), Some(State::Built));
}

#[test]
fn what_is_listed_is_not_forgotten_however_much_there_is() {
    let rules = Rules { min_age: days(7), ..Rules::default() };
    let mut document = tracker();
    document.record_scope(&target("al2023"), &rules.scope);
    run(&mut document, &invented(10..6010), &rules, 1, night(2));
    run(&mut document, &invented(10..6010), &rules, 2, night(3));
    assert_eq!(document.only_seen(), 5000);
    assert_eq!(document.get(&build("18.10.0")).map(|entry| entry.first_seen), Some(Some(night(2))));
}

#[test]
fn a_release_that_is_gone_is_forgotten_after_a_month_and_not_for_a_mirror_that_lags_behind() {
    let rules = Rules { min_age: days(20), ..Rules::default() };
    let mut document = tracker();
    run(&mut document, &runners(&["18.1.0", "18.2.0"]), &rules, 1, night(2));
    let before = document.clone();
    let is_known = |document: &Document, version: &str| document.get(&build(version)).is_some();
    run(&mut document, &runners(&["18.1.0"]), &rules, 2, night(12));
    assert!(is_known(&document, "18.2.0"), "it may come back");
    // Two times `min_age`, where that is longer.
    run(&mut document, &runners(&["18.2.0"]), &rules, 3, night(42));
    assert!(is_known(&document, "18.1.0") && document.get(&build("18.2.0")).is_some_and(|entry| entry.attempt == 1));
    run(&mut document, &[], &rules, 4, night(43));
    assert!(!is_known(&document, "18.1.0") && is_known(&document, "18.2.0"));
    // A head from before does not bring it back, in whatever order they merge.
    for merged in [document.clone().merge(before.clone()), before.merge(document.clone())] {
        assert_eq!(merged, document);
    }
}

/// Field tests, tracker 3.
#[test]
fn what_was_imported_ends_no_first_run_and_what_is_newer_is_new() {
    let releases = runners(&["18.1.0", "18.2.0", "18.3.0", "18.4.0", "18.5.0"]);
    for (first_run, built) in [
        (FirstRun::Latest, &["18.4.0", "18.5.0"][..]),
        (FirstRun::None, &["18.4.0", "18.5.0"]),
        (FirstRun::All, &["18.1.0", "18.2.0", "18.4.0", "18.5.0"]),
    ] {
        let rules = Rules { first_run, ..Rules::default() };
        let mut imported = Document::new("gitlab-runner", "main");
        imported.import(&build("18.3.0"), "from the plain-text tracker", night(1));
        let mut with_image = Document::new("gitlab-runner", "main");
        with_image.import_image(&build("18.3.0"), adopted(Notes::new(), "there is an image"), night(1));
        let mut by_hand = Document::new("gitlab-runner", "main");
        by_hand.succeed(&build("18.3.0"), Report::default(), night(1), Origin::default());
        for (how, mut document) in [("imported", imported), ("adopted", with_image), ("by hand", by_hand)] {
            let plan = run(&mut document, &releases, &rules, 2, night(2));
            assert_eq!(versions(&plan), built, "{how}, {first_run:?}");
            let skipped = document.get(&build("18.2.0")).map(|entry| entry.state == State::Skipped);
            assert_eq!(skipped, Some(first_run != FirstRun::All), "{how}, {first_run:?}");
        }
    }
}

#[test]
fn what_another_lane_looks_for_is_not_forgotten() {
    let rules = |version: &str| Rules {
        min_age: days(7),
        scope: Policy { versions: Versions::Leading(version.parse().expect("a version")), ..Policy::default() },
        first_run: FirstRun::All,
        ..Rules::default()
    };
    let mut document = tracker();
    run(&mut document, &runners(&["18.2.0"]), &rules("18"), 1, night(2));
    run(&mut document, &runners(&["19.0.0"]), &rules("19"), 2, night(99));
    run_for(&["rhel9"], &mut document, &[], &rules("18"), &pipeline(3), night(99));
    assert!(document.get(&build("18.2.0")).is_some());
    run(&mut document, &[], &rules("18"), 4, night(99));
    assert!(document.get(&build("18.2.0")).is_none() && document.get(&build("19.0.0")).is_some());
}

/// A document that is as full as a head may be, but for some kilobytes.
fn nearly_full(left: usize) -> Document {
    let mut document = tracker();
    let mut number = 0_u64;
    // Text that does not compress.
    let mut noise = || {
        number += 1;
        ami_scheduler::text::hex(&sha2::Sha512::digest(number.to_be_bytes()))
    };
    for target in 0.. {
        for version in 0..100 {
            let build = crate::common::build(&format!("17.{version}.0"), &format!("target-{target}"));
            let text: String = (0..50).map(|_| noise()).collect();
            document.import_image(
                &build,
                adopted(Notes::from([("NOTE".to_owned(), text[..4000].to_owned())]), "x"),
                night(1),
            );
        }
        let free = MAX_HEAD.saturating_sub(Room::of(&document).expect("a room").size);
        if free < left {
            return document;
        }
    }
    document
}

#[test]
fn a_tracker_without_room_for_outcomes_claims_fewer_builds_or_none() {
    let document = nearly_full(800 << 10);
    let before = Room::of(&document).expect("a room");
    let packages = invented(1..1000);
    let rules = Rules { max_builds: 1000, ..Rules::default() };
    let mut claimed = document.clone();
    let plan = run(&mut claimed, &packages, &rules, 9, night(3));
    let waits = plan.held.iter().filter(|held| held.reason == HoldReason::NoRoom).count();
    assert!(!plan.builds.is_empty() && plan.builds.len() + waits == 999, "{} {waits}", plan.builds.len());
    // The next run, while these build, has hardly room for more: as much as they compress.
    let again = run(&mut claimed.clone(), &packages, &rules, 10, night(4));
    assert!(4 * again.builds.len() < plan.builds.len(), "{}", again.builds.len());
    assert!(again.held.iter().any(|held| held.reason == HoldReason::NoRoom));
    // Once they have ended there is room again: what honest builds report is short.
    for planned in &plan.builds {
        let ami = Notes::from([("AMI_ID".to_owned(), "ami-0123456789abcdef0".to_owned())]);
        claimed.succeed(&build(&planned.package.nevra.evr().version), ami.clone().into(), night(3), pipeline(9));
    }
    let after = Room::of(&claimed).expect("a room");
    assert!(after.size < MAX_HEAD && after.open_claims == 0, "{before:?} {after:?}");
    assert!(!run(&mut claimed, &packages, &rules, 11, night(5)).builds.is_empty());
}

#[test]
fn a_release_that_is_too_young_supersedes_no_older_one() {
    let rules = Rules { min_age: days(7), keep: Keep::Latest, ..Rules::default() };
    let mut document = tracker();
    run(&mut document, &runners(&["18.5.0"]), &rules, 2, night(2));
    // New releases come faster than they grow old enough; the older one is built all the same.
    let both = runners(&["18.5.0", "18.6.0"]);
    assert_eq!(versions(&run(&mut document, &both, &rules, 3, night(5))), [""; 0]);
    assert_eq!(versions(&run(&mut document, &both, &rules, 4, night(9))), ["18.5.0"]);
    assert_eq!(versions(&run(&mut document, &both, &rules, 5, night(12))), ["18.6.0"]);
}

#[test]
fn what_a_person_asks_for_need_be_neither_old_enough_nor_the_newest() {
    let rules = Rules { min_age: days(7), keep: Keep::Latest, ..Rules::default() };
    let mut document = tracker();
    document.rebuild(&build("18.0.0").package, &[], "no swap", Some("mary"), night(2));
    let plan = run(&mut document, &runners(&["18.0.0", "18.5.0"]), &rules, 2, night(2));
    let reason = BuildReason::AskedFor { reason: Some("no swap".to_owned()), by: Some("mary".to_owned()) };
    assert_eq!((versions(&plan), &plan.builds[0].reason), (vec!["18.0.0"], &reason));
    // Nor once it has failed.
    document.settle(2, night(2), &pipeline(2), |_| None);
    let plan = run(&mut document, &runners(&["18.0.0", "18.5.0"]), &rules, 3, night(3));
    assert!(matches!(plan.builds[0].reason, BuildReason::Failed(_)) && versions(&plan) == ["18.0.0"]);
}

#[test]
fn a_release_that_changed_under_its_name_is_told_of_and_not_built_again() {
    let mut document = tracker();
    let mut releases = runners(&["18.6.0"]);
    releases[0].checksum = Some(checksum("a"));
    run(&mut document, &releases, &Rules::default(), 2, night(2));
    // One that is still being built has been built from nothing.
    let offered = [Package { checksum: Some(checksum("b")), ..runner("18.6.0") }];
    assert_eq!(run(&mut document.clone(), &offered, &Rules::default(), 3, night(2)).republished, []);
    document.succeed(&build("18.6.0"), Report::default(), night(2), pipeline(2));
    assert_eq!(run(&mut document, &releases, &Rules::default(), 3, night(3)).republished, []);

    let plan = run(&mut document, &offered, &Rules::default(), 3, night(3));

    assert!(plan.builds.is_empty());
    let told: Vec<_> = plan.republished.iter().map(|one| (&one.package, one.recorded.as_str(), &one.offered)).collect();
    let (recorded, offered) = (checksum("a").to_string(), checksum("b").to_string());
    assert_eq!(told, [(&runner("18.6.0").nevra, recorded.as_str(), &offered)]);
}

/// Field tests, tracker 5: metadata that was made anew, with checksums of another kind.
#[test]
fn a_checksum_of_another_kind_is_no_change_and_is_compared_from_then_on() {
    let sha512 = |digit: &str| format!("sha512:{}", digit.repeat(128)).parse::<Checksum>().expect("a checksum");
    let mut document = tracker();
    let mut offered = runners(&["18.6.0"]);
    offered[0].checksum = Some(checksum("a"));
    run(&mut document, &offered, &Rules::default(), 2, night(2));
    document.succeed(&build("18.6.0"), Report::default(), night(2), pipeline(2));

    offered[0].checksum = Some(sha512("b"));
    assert_eq!(run(&mut document, &offered, &Rules::default(), 3, night(3)).republished, []);

    offered[0].checksum = Some(sha512("c"));
    let plan = run(&mut document, &offered, &Rules::default(), 4, night(4));
    let told: Vec<_> = plan.republished.iter().map(|one| (one.recorded.clone(), one.offered.clone())).collect();
    assert_eq!(told, [(sha512("b").to_string(), sha512("c").to_string())]);
}

/// Field tests, tracker 6.
#[test]
fn a_change_that_a_person_acknowledges_is_told_of_no_more_until_the_next() {
    let mut document = tracker();
    let offered = |file: &str| [Package { checksum: Some(checksum(file)), ..runner("18.6.0") }];
    run(&mut document, &offered("a"), &Rules::default(), 2, night(2));
    let acknowledge = |document: &mut Document, targets: &[Target], file: &str| {
        document.acknowledge(&runner("18.6.0").nevra, targets, &checksum(file), "signed anew", "mary")
    };
    assert_eq!(acknowledge(&mut document, &[], "b"), Acknowledged::NotBuilt);
    document.succeed(&build("18.6.0"), Report::default(), night(2), pipeline(2));
    assert_eq!(acknowledge(&mut document, &[target("rhel9")], "b"), Acknowledged::NotBuilt);

    assert_eq!(acknowledge(&mut document, &[], "b"), Acknowledged::Builds(vec![build("18.6.0")]));

    assert_eq!(acknowledge(&mut document, &[], "b"), Acknowledged::AsBefore);
    let of_rhel9 = crate::common::build("18.6.0", "rhel9");
    let mut of_two_files = document.clone();
    of_two_files.claim(&of_rhel9, "new_release", Some(checksum("d")), night(2), pipeline(2));
    of_two_files.succeed(&of_rhel9, Report::default(), night(2), pipeline(2));
    assert_eq!(acknowledge(&mut of_two_files, &[], "c"), Acknowledged::SeveralFiles);
    assert_eq!(acknowledge(&mut of_two_files, &[target("rhel9")], "c"), Acknowledged::Builds(vec![of_rhel9]));
    let republished =
        |file: &str| run(&mut document.clone(), &offered(file), &Rules::default(), 3, night(3)).republished;
    assert_eq!((republished("b").len(), republished("c").len(), republished("a").len()), (0, 1, 1));
    let (_, image) = document.image(&runner("18.6.0").nevra, &target("al2023")).expect("an image");
    assert_eq!(image.checksum, Some(checksum("a")), "what the image was made from is not forgotten");
}

// ---------------------------------------------------------------- in which order

#[test]
fn the_oldest_or_the_newest_are_begun_first() {
    let releases = runners(&["18.5.0", "18.10.0", "18.9.0"]);
    for (order, built) in [(Order::OldestFirst, ["18.5.0", "18.9.0"]), (Order::NewestFirst, ["18.10.0", "18.9.0"])] {
        let rules = Rules { order, max_builds: 2, ..Rules::default() };
        assert_eq!(versions(&run(&mut tracker(), &releases, &rules, 2, night(2))), built);
    }
}

#[test]
fn what_has_failed_most_often_comes_last_and_holds_up_nothing() {
    let mut document = tracker();
    for (version, id) in [("18.1.0", 10), ("18.1.0", 11), ("18.2.0", 10)] {
        fail(&mut document, version, id, night(2));
    }
    let releases = runners(&["18.1.0", "18.2.0", "18.3.0", "18.4.0"]);
    for (order, built) in [
        (Order::OldestFirst, ["18.3.0", "18.4.0", "18.2.0", "18.1.0"]),
        (Order::NewestFirst, ["18.4.0", "18.3.0", "18.2.0", "18.1.0"]),
    ] {
        let rules = Rules { order, ..Rules::default() };
        assert_eq!(versions(&run(&mut document.clone(), &releases, &rules, 20, night(3))), built);
        let plan = run(&mut document.clone(), &releases, &Rules { max_builds: 2, ..rules }, 20, night(3));
        assert_eq!((versions(&plan), hold_reason(&plan, "18.1.0")), (built[..2].to_vec(), &HoldReason::Queued));
    }
}

#[test]
fn what_max_builds_leaves_is_built_by_the_runs_that_follow() {
    let mut document = tracker();
    let rules = Rules { max_builds: 2, ..Rules::default() };
    let releases = runners(&["18.6.0", "18.7.0", "18.8.0"]);
    let first = run(&mut document, &releases, &rules, 2, night(2));
    assert_eq!((built(&first).len(), hold_reasons(&first)), (2, vec![&HoldReason::Queued]));
    assert_eq!(built(&run(&mut document, &releases, &rules, 3, night(2))), ["18.8.0-1 al2023"]);
}

// ---------------------------------------------------------------- claims

#[test]
fn what_another_pipeline_has_claimed_is_held_until_the_claim_lapses() {
    let mut document = tracker();
    let releases = runners(&["18.6.0"]);
    assert_eq!(built(&run(&mut document, &releases, &Rules::default(), 2, night(2))).len(), 1);
    let until = night(2) + Rules::default().claim_timeout;

    let plan = run(&mut document, &releases, &Rules::default(), 3, until - SignedDuration::from_secs(1));
    let url = Some(pipeline_url(2));
    assert_eq!(hold_reasons(&plan), [&HoldReason::Claimed { pipeline: 2, pipeline_url: url.clone(), until }]);

    let plan = run(&mut document, &releases, &Rules::default(), 3, until);
    assert_eq!(plan.builds[0].reason, BuildReason::Lapsed(Retry { attempt: 2, max_attempts: 3, url }));
    assert_eq!(plan.builds[0].attempt, 2);
}

#[test]
fn a_diff_that_runs_again_keeps_the_claims_of_its_own_pipeline() {
    let mut document = tracker();
    run(&mut document, &runners(&["18.6.0"]), &Rules::default(), 2, night(2));
    let before = document.clone();
    let ten_minutes_later = night(2) + SignedDuration::from_mins(10);
    let again = run(&mut document, &runners(&["18.6.0"]), &Rules::default(), 2, ten_minutes_later);
    assert_eq!((&again.builds[0].reason, again.builds[0].attempt), (&BuildReason::OwnClaim, 1));
    assert_eq!(document, before);
}

#[test]
fn a_diff_that_runs_again_goes_on_with_its_claims_first_and_begins_no_more_than_it_may() {
    // A back-port, which is older and so would come first, has appeared meanwhile.
    for (max_builds, expected) in [(1, vec!["18.6.0"]), (2, vec!["18.6.0", "18.4.9"])] {
        let mut document = tracker();
        let rules = Rules { max_builds, ..Rules::default() };
        assert_eq!(versions(&run(&mut document, &runners(&["18.6.0"]), &rules, 2, night(2))), ["18.6.0"]);
        let again = run(&mut document, &runners(&["18.4.9", "18.6.0"]), &rules, 2, night(2));
        assert_eq!(versions(&again), expected);
    }
}

#[test]
fn two_lanes_in_one_pipeline_do_not_touch_each_others_claims() {
    let mut document = tracker();
    let origin = |lane: &str| Origin { lane: Some(lane.to_owned()), ..pipeline(7) };
    let one = Rules { max_builds: 1, ..Rules::default() };
    let lane = |document: &mut Document, versions: &[&str], lane: &str| {
        run_for(&["al2023"], document, &runners(versions), &one, &origin(lane), night(2))
    };
    assert_eq!(versions(&lane(&mut document, &["17.1.0"], "v17-")), ["17.1.0"]);
    // The other lane has room of its own, and takes no claim for its own that is not.
    let other = lane(&mut document, &["17.1.0", "18.1.0"], "v18-");
    assert_eq!(versions(&other), ["18.1.0"]);
    assert!(matches!(hold_reason(&other, "17.1.0"), HoldReason::Claimed { pipeline: 7, .. }));
    // One fails, and the builds of the other go on.
    assert_eq!(document.settle(7, night(2), &origin("v18-"), |_| None), [build("18.1.0")]);
    assert_eq!(state(&document, &build("17.1.0")), Some(State::Building));
}

// ---------------------------------------------------------------- failures have a memory

#[test]
fn a_failed_build_is_tried_by_the_next_run_and_given_up_after_max_attempts() {
    let mut document = tracker();
    let releases = runners(&["18.6.0"]);
    for attempt in 1..=3 {
        let plan = run(&mut document, &releases, &Rules::default(), 10 + attempt, night(2));
        assert_eq!(plan.builds[0].attempt, attempt);
        document.settle(10 + attempt, night(2), &pipeline(20 + attempt), |_| None);
    }
    let plan = run(&mut document, &releases, &Rules::default(), 14, night(2));
    let url = Some(pipeline_url(23));
    assert_eq!(hold_reasons(&plan), [&HoldReason::GivenUp { attempts: 3, url }]);

    document.rebuild(&build("18.6.0").package, &[], "the mirror is mended", Some("mary"), night(2));
    let anew = run(&mut document, &releases, &Rules::default(), 15, night(2));
    assert_eq!(anew.builds[0].attempt, 1);
    let reason = BuildReason::AskedFor { reason: Some("the mirror is mended".to_owned()), by: Some("mary".to_owned()) };
    assert_eq!(anew.builds[0].reason, reason);
}

#[test]
fn the_more_failures_the_more_runs_pass() {
    let runs: Vec<u64> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, u64::MAX].map(back_off).to_vec();
    assert_eq!(runs, [0, 0, 0, 1, 2, 4, 8, 16, 32, 32, 32, 32]);
}

#[test]
fn after_more_failures_more_runs_pass_a_build_over() {
    let mut document = tracker();
    let rules = Rules { max_attempts: 6, ..Rules::default() };
    let releases = runners(&["18.5.0"]);
    let mut tried_on = Vec::new();
    for day in 2..20 {
        let id = 100 + u64::try_from(day).expect("a day");
        let plan = run(&mut document, &releases, &rules, id, night(day));
        // Its diff job runs again, and decides the same.
        let again = run(&mut document, &releases, &rules, id, night(day));
        assert_eq!((versions(&plan), &plan.held), (versions(&again), &again.held), "day {day}");
        if !plan.builds.is_empty() {
            tried_on.push(day);
            document.settle(id, night(day), &pipeline(id), |_| None);
        }
    }
    // 0, 0, 1, 2 and 4 nights are between them.
    assert_eq!(tried_on, [2, 3, 4, 6, 9, 14]);
}

#[test]
fn a_build_that_backs_off_says_for_how_many_runs() {
    let mut document = tracker();
    for id in [10, 11, 12, 13] {
        fail(&mut document, "18.5.0", id, night(2));
    }
    let rules = Rules { max_attempts: 9, ..Rules::default() };
    let url = Some(pipeline_url(13));
    for (id, runs) in [(20, 1), (20, 1), (21, 0)] {
        let plan = run(&mut document, &runners(&["18.5.0"]), &rules, id, night(3));
        assert_eq!(hold_reason(&plan, "18.5.0"), &HoldReason::BackOff { attempts: 4, runs, url: url.clone() });
    }
    assert_eq!(run(&mut document, &runners(&["18.5.0"]), &rules, 22, night(3)).builds[0].attempt, 5);
}

#[test]
fn a_retry_says_which_it_is_and_where_the_last_one_ended() {
    for (job_url, expected) in [
        (None, pipeline_url(10)),
        (Some("https://gitlab.example.com/j/1".to_owned()), "https://gitlab.example.com/j/1".to_owned()),
    ] {
        let mut document = tracker();
        document.claim(&build("18.5.0"), "new_release", None, night(2), pipeline(10));
        document.settle(10, night(2), &pipeline(10), |_| job_url.clone());
        let plan = run(&mut document, &runners(&["18.5.0"]), &Rules::default(), 11, night(3));
        let retry = Retry { attempt: 2, max_attempts: 3, url: Some(expected) };
        assert_eq!(plan.builds[0].reason, BuildReason::Failed(retry));
    }
}

#[test]
fn that_a_build_is_given_up_is_recorded_once() {
    let mut document = tracker();
    for id in [10, 11, 12] {
        fail(&mut document, "18.5.0", id, night(2));
    }
    let releases = runners(&["18.5.0"]);
    for id in [20, 20, 21, 22] {
        let before = document.clone();
        let plan = run(&mut document, &releases, &Rules::default(), id, night(3));
        let reason = hold_reason(&plan, "18.5.0");
        assert!(matches!(reason, HoldReason::GivenUp { attempts: 3, .. }), "{id}: {reason:?}");
        if id > 20 {
            assert_eq!(document, before, "a night on which nothing waits writes nothing");
        }
    }
    // More attempts are granted, until they are used up.
    let rules = Rules { max_attempts: 4, ..Rules::default() };
    run(&mut document, &releases, &rules, 23, night(4));
    assert_eq!(versions(&run(&mut document, &releases, &rules, 24, night(5))), ["18.5.0"]);
    document.settle(24, night(5), &pipeline(24), |_| None);
    let plan = run(&mut document, &releases, &rules, 25, night(6));
    assert!(matches!(hold_reason(&plan, "18.5.0"), HoldReason::GivenUp { attempts: 4, .. }));
}

#[test]
fn outside_of_gitlab_each_run_is_another_though_all_have_the_number_0() {
    let mut document = tracker();
    for _ in 0..3 {
        fail(&mut document, "18.5.0", 0, night(2));
    }
    let releases = runners(&["18.5.0"]);
    for _ in 0..3 {
        let plan = run(&mut document, &releases, &Rules::default(), 0, night(3));
        assert!(matches!(hold_reason(&plan, "18.5.0"), HoldReason::GivenUp { .. }));
    }
    // One more run passes after three failures, and this is another than the one before.
    let rules = Rules { max_attempts: 4, ..Rules::default() };
    assert!(run(&mut document, &releases, &rules, 0, night(4)).builds.is_empty());
    assert_eq!(versions(&run(&mut document, &releases, &rules, 0, night(5))), ["18.5.0"]);
}

// ---------------------------------------------------------------- skips by hand

#[test]
fn what_a_person_skips_is_not_built_until_a_person_takes_it_back() {
    let mut document = tracker();
    let releases = runners(&["18.5.0"]);
    document.skip_by_hand(&build("18.5.0"), "does not start", "mary", night(2));
    let plan = run(&mut document, &releases, &Rules::default(), 2, night(3));
    let (because, by) = (Some("does not start".to_owned()), Some("mary".to_owned()));
    assert_eq!(hold_reason(&plan, "18.5.0"), &HoldReason::Skipped { because, by, since: night(2) });

    document.unskip(&build("18.5.0").package, &[], "joe", night(3));
    let plan = run(&mut document, &releases, &Rules::default(), 3, night(3));
    assert_eq!((&plan.builds[0].reason, plan.builds[0].attempt), (&BuildReason::NewRelease, 1));
}

#[test]
fn a_skip_by_hand_survives_a_claim_that_was_read_before_it_and_a_success_survives_both() {
    let mut skipped = tracker();
    let mut claimed = skipped.clone();
    skipped.skip_by_hand(&build("18.5.0"), "does not start", "mary", night(2));
    claimed.claim(&build("18.5.0"), "new_release", None, night(3), pipeline(9));
    let merged = claimed.clone().merge(skipped.clone());
    assert_eq!(merged.get(&build("18.5.0")), skipped.get(&build("18.5.0")));
    claimed.succeed(&build("18.5.0"), Report::default(), night(3), pipeline(9));
    assert_eq!(state(&claimed.merge(skipped), &build("18.5.0")), Some(State::Built));
}

#[test]
fn rebuild_and_unskip_win_over_a_skip() {
    let mut skipped = tracker();
    skipped.skip_by_hand(&build("18.5.0"), "does not start", "mary", night(2));
    let (mut unskipped, mut rebuilt) = (skipped.clone(), skipped.clone());
    unskipped.unskip(&build("18.5.0").package, &[], "joe", night(1));
    rebuilt.rebuild(&build("18.5.0").package, &[], "try it", Some("joe"), night(1));
    skipped.skip_by_hand(&build("18.5.0"), "really", "mary", night(3));
    for other in [unskipped, rebuilt] {
        let mut merged = skipped.clone().merge(other);
        assert_eq!(versions(&run(&mut merged, &runners(&["18.5.0"]), &Rules::default(), 2, night(3))), ["18.5.0"]);
    }
}

#[test]
fn a_person_wins_over_a_rule_and_the_later_word_over_the_earlier() {
    let mut document = empty();
    document.skip(&build("18.5.0"), "there at the first run, which is a long reason", night(9));
    document.skip_by_hand(&build("18.5.0"), "broken", "mary", night(2));
    let reason = |document: &Document| document.get(&build("18.5.0")).and_then(|entry| entry.reason.clone());
    assert_eq!(reason(&document).as_deref(), Some("broken"));
    document.skip_by_hand(&build("18.5.0"), "bad", "joe", night(3));
    assert_eq!(reason(&document).as_deref(), Some("bad"));
}

#[test]
fn a_skip_before_the_first_run_is_none() {
    let mut document = empty();
    document.skip_by_hand(&build("18.6.0"), "does not start", "mary", night(1));
    let plan = run(&mut document, &runners(&["18.4.0", "18.5.0", "18.6.0"]), &Rules::default(), 2, night(2));
    // Nor is another one built in its place.
    assert!(plan.builds.is_empty() && matches!(hold_reason(&plan, "18.5.0"), HoldReason::Skipped { by: None, .. }));
}

// ---------------------------------------------------------------- by hand

/// What mary's pipeline builds.
fn ask(document: &mut Document, packages: &[Package], id: u64, now: Timestamp) -> Plan {
    let (targets, rules, origin) = (targets(&["al2023"]), Rules::default(), pipeline(id));
    let ingredients = BTreeMap::new();
    let context = Context { targets: &targets, rules: &rules, ingredients: &ingredients, origin: &origin, now };
    by_hand(packages, document, Some("mary"), &context)
}

#[test]
fn what_is_asked_for_by_hand_is_built_whatever_is_known_of_it() {
    type Known = fn(&mut Document, &BuildKey);
    let cases: [(&str, Known); 6] = [
        ("nothing", |_, _| {}),
        ("built", |document, build| _ = document.succeed(build, Report::default(), night(2), pipeline(2))),
        ("skipped", |document, build| _ = document.skip(build, "there at the first run", night(2))),
        ("skipped by a person", |document, build| {
            document.skip_by_hand(build, "does not start", "john", night(2));
        }),
        ("given up", |document, build| {
            for id in 2..6 {
                document.claim(build, "new_release", None, night(2), pipeline(id));
                document.settle(id, night(2), &pipeline(id), |_| None);
            }
            document.record_given_up(build, night(2));
        }),
        ("a claim that lapsed", |document, build| document.claim(build, "new_release", None, night(1), pipeline(2))),
    ];
    for (known, record) in cases {
        let mut document = tracker();
        record(&mut document, &build("18.6.0"));
        let plan = ask(&mut document, &runners(&["18.6.0"]), 9, night(3));
        assert_eq!(versions(&plan), ["18.6.0"], "{known}");
        let reason = BuildReason::AskedFor { reason: None, by: Some("mary".to_owned()) };
        assert_eq!((&plan.builds[0].reason, plan.builds[0].attempt), (&reason, 1), "{known}");
        let entry = document.get(&build("18.6.0")).expect("an entry");
        assert!(entry.is_claimed_by(9, None), "{known}: {entry:?}");
        assert_eq!(entry.by.as_deref(), Some("mary"), "{known}");
        // It is tried again, should it fail, whatever rules speak against it.
        document.settle(9, night(3), &pipeline(9), |_| None);
        let rules = Rules { min_age: days(30), ..Rules::default() };
        assert_eq!(versions(&run(&mut document, &runners(&["18.6.0"]), &rules, 10, night(4))), ["18.6.0"], "{known}");
    }
}

#[test]
fn what_is_asked_for_by_hand_is_not_built_twice_at_once() {
    let mut document = tracker();
    document.claim(&build("18.6.0"), "new_release", None, night(2), pipeline(8));
    let plan = ask(&mut document, &runners(&["18.6.0"]), 9, night(2));
    assert!(plan.builds.is_empty());
    assert!(matches!(hold_reason(&plan, "18.6.0"), HoldReason::Claimed { pipeline: 8, .. }), "{plan:?}");
    // Its own claim is another matter: the job runs again.
    let (before, plan) = (document.clone(), ask(&mut document, &runners(&["18.6.0"]), 8, night(2)));
    assert_eq!((versions(&plan), plan.builds[0].reason.clone()), (vec!["18.6.0"], BuildReason::OwnClaim));
    assert_eq!(document, before);
    // So is what it has built.
    document.succeed(&build("18.6.0"), Report::default(), night(2), pipeline(8));
    let (before, plan) = (document.clone(), ask(&mut document, &runners(&["18.6.0"]), 8, night(2)));
    assert!(matches!(hold_reason(&plan, "18.6.0"), HoldReason::Built { .. }), "{plan:?}");
    assert_eq!(document, before);
}

#[test]
fn outside_of_gitlab_what_is_asked_for_by_hand_is_built_though_another_run_has_built_it() {
    let mut document = tracker();
    document.succeed(&build("18.6.0"), Report::default(), night(2), Origin::default());
    assert_eq!(versions(&ask(&mut document, &runners(&["18.6.0"]), 0, night(3))), ["18.6.0"]);
}

#[test]
fn of_a_version_its_newest_release_is_built_for_each_architecture() {
    let other = crate::common::package("gitlab-runner-18.6.0-1.aarch64");
    let releases = [runner("18.6.0-1"), runner("18.6.0-2"), other];
    let plan = ask(&mut tracker(), &releases, 9, night(3));
    let built: Vec<String> = plan.builds.iter().map(|build| build.package.nevra.to_string()).collect();
    assert_eq!(built, ["gitlab-runner-18.6.0-1.aarch64", "gitlab-runner-18.6.0-2.x86_64"]);
    let newer = runner("18.6.0-2").nevra;
    assert_eq!(hold_reason(&plan, "18.6.0"), &HoldReason::Superseded { newer });
}

#[test]
fn what_is_asked_for_by_hand_is_no_first_run() {
    let mut document = empty();
    ask(&mut document, &runners(&["18.5.0"]), 1, night(1));
    document.succeed(&build("18.5.0"), Report::default(), night(1), pipeline(1));
    let releases = runners(&["18.4.0", "18.5.0", "18.6.0"]);
    let plan = run(&mut document, &releases, &Rules::default(), 2, night(2));
    assert_eq!(plan.new_targets, targets(&["al2023"]));
    assert_eq!((versions(&plan), plan.builds[0].reason.clone()), (vec!["18.6.0"], BuildReason::FirstRun));
    assert!(matches!(hold_reason(&plan, "18.5.0"), HoldReason::Built { .. }));
    assert!(matches!(hold_reason(&plan, "18.4.0"), HoldReason::Skipped { .. }));
}

// ---------------------------------------------------------------- laws

/// Whatever a team may have set, a repository may offer and a tracker may know.
#[derive(Debug, Clone)]
struct Case {
    document: Document,
    packages: Vec<Package>,
    rules: Rules,
}

fn case() -> impl Strategy<Value = Case> {
    let keep = prop_oneof![Just(Keep::All), Just(Keep::Latest), Just(Keep::LatestPerMinor), Just(Keep::LatestPerMajor)];
    let first_run = prop_oneof![Just(FirstRun::Latest), Just(FirstRun::None), Just(FirstRun::All)];
    let order = prop_oneof![Just(Order::OldestFirst), Just(Order::NewestFirst)];
    let scope = prop_oneof![Just(Policy::default()), Just(leading("18")), Just(leading("17"))];
    let rules = (keep, first_run, order, scope, 0i64..4, 0usize..6, 1u64..5);
    let rules = rules.prop_map(|(keep, first_run, order, scope, min_age, max_builds, max_attempts)| Rules {
        min_age: days(min_age),
        ..Rules { scope, keep, first_run, order, max_builds, max_attempts, ..Rules::default() }
    });
    let release = || (17u8..19, 0u8..4, 0u8..3).prop_map(|(a, b, c)| format!("{a}.{b}.{c}"));
    let releases = proptest::collection::btree_set((release(), proptest::option::of(1i64..8)), 0..9);
    let known = proptest::collection::vec((release(), 0u8..9, 0u64..6, 1i64..6), 0..12);
    let known_scope = proptest::option::of(prop_oneof![Just(Policy::default()), Just(leading("18"))]);
    (rules, releases, known, known_scope).prop_map(|(rules, releases, known, known_scope)| {
        let mut document = empty();
        if let Some(scope) = known_scope {
            document.record_scope(&target("al2023"), &scope);
        }
        for (version, change, id, day) in known {
            let (build, now) = (build(&version), night(day));
            match change {
                0 => drop(document.succeed(&build, Report::default(), now, pipeline(id))),
                1 => drop(document.skip(&build, "there at the first run", now)),
                2 => drop(document.skip_by_hand(&build, "broken", "mary", now)),
                3 => drop(document.rebuild(&build.package, &[], "again", Some("mary"), now)),
                4 => drop(document.unskip(&build.package, &[], "mary", now)),
                5 => document.record_first_seen(&build, now),
                6 => document.claim(&build, "new_release", None, now, pipeline(id)),
                _ => fail(&mut document, &version, id, now),
            }
        }
        let unique: BTreeSet<String> = releases.iter().map(|(version, _)| version.clone()).collect();
        let built_at = |version: &String| releases.iter().find(|(one, _)| one == version).and_then(|(_, day)| *day);
        // What the scope does not let through is not in the list.
        let listed = unique.iter().filter(|version| rules.scope.filter_reason(&runner(version).nevra).is_none());
        let packages = listed.map(|version| Package { built_at: built_at(version).map(night), ..runner(version) });
        Case { packages: packages.collect(), document, rules }
    })
}

/// What is built now, or would be if one run might begin as many builds as it liked.
fn wanted(plan: &Plan) -> BTreeSet<String> {
    let queued = plan.held.iter().filter(|cell| cell.reason == HoldReason::Queued).map(|cell| cell.package.to_string());
    plan.builds.iter().map(|build| build.package.nevra.to_string()).chain(queued).collect()
}

proptest! {
    #[test]
    fn every_release_and_target_is_either_built_or_held_for_one_reason(case in case(), id in 4u64..8) {
        let mut document = case.document.clone();
        let (target_names, origin) = (["al2023", "rhel9"], pipeline(id));

        let plan = run_for(&target_names, &mut document, &case.packages, &case.rules, &origin, night(7));

        let mut cells: Vec<_> = plan.builds.iter().map(|one| (one.package.nevra.clone(), one.target.clone())).collect();
        cells.extend(plan.held.iter().map(|Held { package, target, .. }| (package.clone(), target.clone())));
        cells.sort();
        let of_each = |package: &Package| target_names.map(|name| (package.nevra.clone(), target(name)));
        let mut all: Vec<_> = case.packages.iter().flat_map(of_each).collect();
        all.sort();
        prop_assert_eq!(cells, all);
        // No more builds are begun than may be, those of an earlier run of the same job among them.
        let claimed = case.document.entries().filter(|(_, _, entry)| entry.is_claimed_by(id, None)).count();
        let begun = plan.builds.iter().filter(|build| build.reason != BuildReason::OwnClaim).count();
        prop_assert!(begun <= case.rules.max_builds.saturating_sub(claimed));
        // What is built is claimed.
        for planned in &plan.builds {
            let build = BuildKey { package: planned.package.nevra.clone(), target: planned.target.clone() };
            let entry = document.get(&build).expect("a claim");
            prop_assert!(entry.is_claimed_by(id, None), "{:?}", entry);
            prop_assert_eq!(entry.attempt, planned.attempt);
        }
        // Whatever was there is contained in what is there now.
        prop_assert_eq!(case.document.merge(document.clone()), document);
    }

    #[test]
    fn excluding_more_never_makes_more_wanted(case in case(), excluded in 0u8..12) {
        let pattern = format!("{}.{}.*", 17 + excluded / 6, excluded % 4);
        let stricter = Rules { exclude: excluding(&[&pattern]).exclude, ..case.rules.clone() };
        let before = wanted(&run(&mut case.document.clone(), &case.packages, &case.rules, 5, night(7)));
        let after = wanted(&run(&mut case.document.clone(), &case.packages, &stricter, 5, night(7)));
        prop_assert!(after.is_subset(&before), "{after:?} ⊄ {before:?}");
    }

    #[test]
    fn a_run_that_is_tried_again_decides_and_records_the_same(case in case()) {
        let mut document = case.document.clone();
        let first = run(&mut document, &case.packages, &case.rules, 5, night(7));
        let after = document.clone();
        let again = run(&mut document, &case.packages, &case.rules, 5, night(7));
        let sorted = |plan: &Plan| plan.builds.iter().map(|build| build.package.nevra.clone()).collect::<BTreeSet<_>>();
        prop_assert_eq!(sorted(&first), sorted(&again));
        prop_assert_eq!(document, after);
    }

    #[test]
    fn the_order_in_which_a_repository_lists_its_releases_decides_nothing(case in case()) {
        let mut reversed = case.packages.clone();
        reversed.reverse();
        let (mut one, mut other) = (case.document.clone(), case.document);
        let (first, second) = (
            run(&mut one, &case.packages, &case.rules, 5, night(7)),
            run(&mut other, &reversed, &case.rules, 5, night(7)),
        );
        prop_assert_eq!((versions(&first), &first.held), (versions(&second), &second.held));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn what_nobody_builds_fails_or_publishes_changes_nothing_the_night_after(case in case()) {
        let mut document = case.document.clone();
        let rules = Rules { max_builds: 100, ..case.rules };
        let plan = run(&mut document, &case.packages, &rules, 5, night(7));
        let backs_off = plan.held.iter().any(|cell| matches!(cell.reason, HoldReason::BackOff { .. }));
        for build in plan.builds {
            let build = BuildKey { package: build.package.nevra, target: build.target };
            document.succeed(&build, Report::default(), night(7), pipeline(5));
        }
        // Its own claim of a release that is gone is given back by another pipeline.
        prop_assume!(!document.entries().any(|(_, _, entry)| entry.is_claimed_by(5, None)));
        let mut idle = document.clone();
        let plan = run(&mut idle, &case.packages, &rules, 6, night(7));
        // What backs off is counted each night, and built at the end of it.
        prop_assert!(backs_off || (plan.builds.is_empty() && idle == document));
    }
}
