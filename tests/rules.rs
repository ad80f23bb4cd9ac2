//! Which releases are built, when, and in which order: the rules of `diff` that a team sets, and the laws
//! that hold whatever it sets.

use std::collections::BTreeSet;

use ami_scheduler::plan::{BuildReason, Diff, FirstRun, HoldReason, Order, Rules, ask_for, diff};
use ami_scheduler::policy::{Exclusion, Keep, Policy, Versions};
use ami_scheduler::release::Package;
use ami_scheduler::release::{BuildKey, Target};
use ami_scheduler::tracker::{Document, Notes, Origin, State};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// The second hour of a day in November 2026.
fn night(day: i64) -> Timestamp {
    let first: Timestamp = "2026-11-01T02:00:00Z".parse().expect("a time");
    first + SignedDuration::from_hours(24 * (day - 1))
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn package(version: &str) -> Package {
    Package {
        package: format!("gitlab-runner-{version}-1.x86_64").parse().expect("a package"),
        url: format!("https://yum.example.com/{version}.rpm"),
        checksum: None,
        built_at: None,
        targets: None,
    }
}

fn packages(versions: &[&str]) -> Vec<Package> {
    versions.iter().map(|version| package(version)).collect()
}

fn target(name: &str) -> Target {
    name.parse().expect("a target")
}

fn build(version: &str) -> BuildKey {
    BuildKey { package: package(version).package, target: target("al2023") }
}

fn pipeline(id: u64) -> Origin {
    Origin { pipeline: id, pipeline_url: Some(format!("https://gitlab.example.com/p/{id}")), ..Origin::default() }
}

/// A tracker whose first run is over: 18.0.0 was built.
fn tracker() -> Document {
    let mut document = Document::new("gitlab-runner", "main");
    document.succeed(&build("18.0.0"), &Notes::new(), night(1), pipeline(1));
    document
}

fn run(document: &mut Document, packages: &[Package], rules: &Rules, id: u64, now: Timestamp) -> Diff {
    diff(packages, &[target("al2023")], document, rules, &pipeline(id), now)
}

fn versions(diff: &Diff) -> Vec<&str> {
    diff.builds.iter().map(|build| build.package.package.evr().version.as_str()).collect()
}

fn reason<'a>(diff: &'a Diff, version: &str) -> &'a HoldReason {
    let cell = diff.held.iter().find(|cell| cell.package.evr().version == version);
    &cell.unwrap_or_else(|| panic!("{version} is not left alone")).reason
}

fn excluding(patterns: &[&str]) -> Rules {
    let exclusion = |pattern: &&str| Exclusion { pattern: pattern.parse().expect("a pattern"), reason: None };
    Rules { exclude: patterns.iter().map(exclusion).collect(), ..Rules::default() }
}

fn leading(version: &str) -> Policy {
    Policy { versions: Versions::Leading(version.parse().expect("a version")), ..Policy::default() }
}

// ---------------------------------------------------------------- which releases

#[test]
fn of_each_line_the_newest_is_kept() {
    let releases = packages(&["17.9.1", "18.5.0", "18.5.1", "18.6.0", "18.6.1", "19.0.0"]);
    for (keep, built) in [
        (Keep::All, vec!["17.9.1", "18.5.0", "18.5.1", "18.6.0", "18.6.1", "19.0.0"]),
        (Keep::LatestPerMinor, vec!["17.9.1", "18.5.1", "18.6.1", "19.0.0"]),
        (Keep::LatestPerMajor, vec!["17.9.1", "18.6.1", "19.0.0"]),
        (Keep::Latest, vec!["19.0.0"]),
    ] {
        let diff = run(&mut tracker(), &releases, &Rules { keep, ..Rules::default() }, 2, night(2));
        assert_eq!(versions(&diff), built, "{keep:?}");
    }
    let rules = Rules { keep: Keep::LatestPerMinor, ..Rules::default() };
    let diff = run(&mut tracker(), &releases, &rules, 2, night(2));
    assert_eq!(reason(&diff, "18.6.0"), &HoldReason::Superseded { newer: package("18.6.1").package });
}

#[test]
fn each_target_keeps_the_newest_of_its_own_releases() {
    let mut releases = packages(&["18.5.0", "18.6.0"]);
    releases[1].targets = Some([target("rhel9")].into());
    let rules = Rules { keep: Keep::Latest, ..Rules::default() };
    let targets = [target("al2023"), target("rhel9")];
    let diff = diff(&releases, &targets, &mut Document::new("gitlab-runner", "main"), &rules, &pipeline(2), night(2));
    let built: Vec<_> =
        diff.builds.iter().map(|b| (b.package.package.evr().version.as_str(), b.target.as_str())).collect();
    assert_eq!(built, [("18.5.0", "al2023"), ("18.6.0", "rhel9")]);
}

#[test]
fn what_is_excluded_is_not_built_and_nothing_else_in_its_place() {
    let releases = packages(&["18.5.0", "18.6.0", "18.6.1"]);
    for (keep, built) in [(Keep::All, vec!["18.5.0"]), (Keep::LatestPerMinor, vec!["18.5.0"]), (Keep::Latest, vec![])] {
        let rules = Rules { keep, ..excluding(&["18.6.1", "18.6.0-1"]) };
        assert_eq!(versions(&run(&mut tracker(), &releases, &rules, 2, night(2))), built, "{keep:?}");
    }
    // A first run that builds the latest builds nothing, and leaves the older ones for good all the same.
    let mut document = Document::new("gitlab-runner", "main");
    let diff = run(&mut document, &releases, &excluding(&["18.6.1"]), 2, night(2));
    assert!(diff.builds.is_empty());
    assert_eq!(reason(&diff, "18.6.1"), &HoldReason::Excluded { pattern: "18.6.1".to_owned(), because: None });
    assert_eq!(versions(&run(&mut document, &releases, &Rules::default(), 3, night(3))), ["18.6.1"]);
}

#[test]
fn a_skip_without_effect_on_the_tracker_is_lifted_with_its_line() {
    let mut document = tracker();
    let releases = packages(&["18.5.0"]);
    let rules = Rules { exclude: vec!["18.5.*: does not start".parse().expect("a skip")], ..Rules::default() };
    let diff = run(&mut document, &releases, &rules, 2, night(2));
    let because = Some("does not start".to_owned());
    assert_eq!(reason(&diff, "18.5.0"), &HoldReason::Excluded { pattern: "18.5.*".to_owned(), because });
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
    ] {
        let mut release = package("18.5.0");
        release.built_at = built_at.map(night);
        let rules = Rules { min_age: days(7), ..Rules::default() };
        let mut document = tracker();
        for day in seen_on..built_on {
            let before = document.clone();
            let diff = run(&mut document, std::slice::from_ref(&release), &rules, 100, night(day));
            assert_eq!(
                reason(&diff, "18.5.0"),
                &HoldReason::TooYoung { until: night(built_on) },
                "{built_at:?} on {day}"
            );
            // That it was seen is written once.
            assert_eq!(document == before, day != seen_on, "{built_at:?} on {day}");
        }
        let diff = run(&mut document, &[release], &rules, 101, night(built_on));
        assert_eq!(diff.builds[0].because, BuildReason::NewRelease, "{built_at:?}");
    }
}

#[test]
fn without_a_minimum_age_a_clock_that_is_ahead_holds_up_nothing() {
    let release = Package { built_at: Some(night(20)), ..package("18.5.0") };
    assert_eq!(versions(&run(&mut tracker(), &[release], &Rules::default(), 2, night(2))), ["18.5.0"]);
}

#[test]
fn a_release_that_is_too_young_makes_no_older_one_needless() {
    let rules = Rules { min_age: days(7), keep: Keep::Latest, ..Rules::default() };
    let mut document = tracker();
    run(&mut document, &packages(&["18.5.0"]), &rules, 2, night(2));
    // New releases come faster than they grow old enough; the older one is built all the same.
    let both = packages(&["18.5.0", "18.6.0"]);
    assert_eq!(versions(&run(&mut document, &both, &rules, 3, night(5))), [""; 0]);
    assert_eq!(versions(&run(&mut document, &both, &rules, 4, night(9))), ["18.5.0"]);
    assert_eq!(versions(&run(&mut document, &both, &rules, 5, night(12))), ["18.6.0"]);
}

#[test]
fn what_a_person_asks_for_need_be_neither_old_enough_nor_the_newest() {
    let rules = Rules { min_age: days(7), keep: Keep::Latest, ..Rules::default() };
    let mut document = tracker();
    document.rebuild(&build("18.0.0").package, &[], "no swap", Some("mary"), night(2));
    let diff = run(&mut document, &packages(&["18.0.0", "18.5.0"]), &rules, 2, night(2));
    let because = BuildReason::AskedFor { reason: Some("no swap".to_owned()), by: Some("mary".to_owned()) };
    assert_eq!((versions(&diff), &diff.builds[0].because), (vec!["18.0.0"], &because));
    // Nor once it has failed.
    document.settle(2, night(2), &pipeline(2), |_| None);
    let diff = run(&mut document, &packages(&["18.0.0", "18.5.0"]), &rules, 3, night(3));
    assert!(matches!(diff.builds[0].because, BuildReason::Failed { .. }) && versions(&diff) == ["18.0.0"]);
}

// ---------------------------------------------------------------- in which order

#[test]
fn the_oldest_or_the_newest_are_begun_first() {
    let releases = packages(&["18.5.0", "18.10.0", "18.9.0"]);
    for (order, built) in [(Order::OldestFirst, ["18.5.0", "18.9.0"]), (Order::NewestFirst, ["18.10.0", "18.9.0"])] {
        let rules = Rules { order, max_builds: 2, ..Rules::default() };
        assert_eq!(versions(&run(&mut tracker(), &releases, &rules, 2, night(2))), built);
    }
}

#[test]
fn what_has_failed_most_often_comes_last_and_holds_up_nothing() {
    let mut document = tracker();
    for (version, failures) in [("18.1.0", 2), ("18.2.0", 1)] {
        for attempt in 0..failures {
            document.claim(&build(version), "new_release", None, night(2), pipeline(10 + attempt));
            document.settle(10 + attempt, night(2), &pipeline(10 + attempt), |_| None);
        }
    }
    let releases = packages(&["18.1.0", "18.2.0", "18.3.0", "18.4.0"]);
    for (order, built) in [
        (Order::OldestFirst, ["18.3.0", "18.4.0", "18.2.0", "18.1.0"]),
        (Order::NewestFirst, ["18.4.0", "18.3.0", "18.2.0", "18.1.0"]),
    ] {
        let rules = Rules { order, ..Rules::default() };
        assert_eq!(versions(&run(&mut document.clone(), &releases, &rules, 20, night(3))), built);
        let diff = run(&mut document.clone(), &releases, &Rules { max_builds: 2, ..rules }, 20, night(3));
        assert_eq!((versions(&diff), reason(&diff, "18.1.0")), (built[..2].to_vec(), &HoldReason::Queued));
    }
}

// ---------------------------------------------------------------- failures have a memory

#[test]
fn after_more_failures_more_runs_pass_a_build_over() {
    let mut document = tracker();
    let rules = Rules { max_attempts: 6, ..Rules::default() };
    let releases = packages(&["18.5.0"]);
    let mut tried_on = Vec::new();
    for day in 2..20 {
        let id = 100 + u64::try_from(day).expect("a day");
        let diff = run(&mut document, &releases, &rules, id, night(day));
        // Its diff job runs again, and decides the same.
        let again = run(&mut document, &releases, &rules, id, night(day));
        assert_eq!((versions(&diff), &diff.held), (versions(&again), &again.held), "day {day}");
        if !diff.builds.is_empty() {
            tried_on.push(day);
            document.settle(id, night(day), &pipeline(id), |_| None);
        }
    }
    // 0, 0, 1, 2 and 4 nights are between them.
    assert_eq!(tried_on, [2, 3, 4, 6, 9, 14]);
}

#[test]
fn a_build_that_waits_says_for_how_many_runs() {
    let mut document = tracker();
    for id in [10, 11, 12, 13] {
        document.claim(&build("18.5.0"), "new_release", None, night(2), pipeline(id));
        document.settle(id, night(2), &pipeline(id), |_| None);
    }
    let rules = Rules { max_attempts: 9, ..Rules::default() };
    let url = Some("https://gitlab.example.com/p/13".to_owned());
    for (id, runs) in [(20, 1), (20, 1), (21, 0)] {
        let diff = run(&mut document, &packages(&["18.5.0"]), &rules, id, night(3));
        assert_eq!(reason(&diff, "18.5.0"), &HoldReason::BackOff { attempts: 4, runs, url: url.clone() });
    }
    assert_eq!(run(&mut document, &packages(&["18.5.0"]), &rules, 22, night(3)).builds[0].attempt, 5);
}

#[test]
fn that_a_build_is_given_up_is_news_once() {
    let mut document = tracker();
    for id in [10, 11, 12] {
        document.claim(&build("18.5.0"), "new_release", None, night(2), pipeline(id));
        document.settle(id, night(2), &pipeline(id), |_| None);
    }
    let releases = packages(&["18.5.0"]);
    for (id, is_news) in [(20, true), (20, true), (21, false), (22, false)] {
        let before = document.clone();
        let diff = run(&mut document, &releases, &Rules::default(), id, night(3));
        assert!(
            matches!(reason(&diff, "18.5.0"), HoldReason::GivenUp { attempts: 3, new, .. } if *new == is_news),
            "{id}"
        );
        if id > 20 {
            assert_eq!(document, before, "a night on which nothing waits writes nothing");
        }
    }
    // More attempts are granted, and it is news again when they are used up.
    let rules = Rules { max_attempts: 4, ..Rules::default() };
    run(&mut document, &releases, &rules, 23, night(4));
    assert_eq!(versions(&run(&mut document, &releases, &rules, 24, night(5))), ["18.5.0"]);
    document.settle(24, night(5), &pipeline(24), |_| None);
    let diff = run(&mut document, &releases, &rules, 25, night(6));
    assert!(matches!(reason(&diff, "18.5.0"), HoldReason::GivenUp { attempts: 4, new: true, .. }));
}

// ---------------------------------------------------------------- skips by hand

#[test]
fn what_a_person_skips_is_not_built_until_a_person_takes_it_back() {
    let mut document = tracker();
    let releases = packages(&["18.5.0"]);
    document.skip_by_hand(&build("18.5.0"), "does not start", "mary", night(2));
    let diff = run(&mut document, &releases, &Rules::default(), 2, night(3));
    let (because, by) = (Some("does not start".to_owned()), Some("mary".to_owned()));
    assert_eq!(reason(&diff, "18.5.0"), &HoldReason::Skipped { because, by, since: night(2) });

    document.unskip(&build("18.5.0").package, &[], "joe", night(3));
    let diff = run(&mut document, &releases, &Rules::default(), 3, night(3));
    assert_eq!((&diff.builds[0].because, diff.builds[0].attempt), (&BuildReason::NewRelease, 1));
}

#[test]
fn a_skip_by_hand_survives_a_claim_that_was_read_before_it_and_a_success_survives_both() {
    let mut skipped = tracker();
    let mut claimed = skipped.clone();
    skipped.skip_by_hand(&build("18.5.0"), "does not start", "mary", night(2));
    claimed.claim(&build("18.5.0"), "new_release", None, night(3), pipeline(9));
    let merged = claimed.clone().merge(skipped.clone());
    assert_eq!(merged.get(&build("18.5.0")), skipped.get(&build("18.5.0")));
    claimed.succeed(&build("18.5.0"), &Notes::new(), night(3), pipeline(9));
    let state = |document: Document| document.get(&build("18.5.0")).map(|entry| entry.state);
    assert_eq!(state(claimed.merge(skipped)), Some(State::Built));
}

#[test]
fn forget_and_unskip_win_over_a_skip() {
    let mut skipped = tracker();
    skipped.skip_by_hand(&build("18.5.0"), "does not start", "mary", night(2));
    let (mut unskipped, mut forgotten) = (skipped.clone(), skipped.clone());
    unskipped.unskip(&build("18.5.0").package, &[], "joe", night(1));
    forgotten.rebuild(&build("18.5.0").package, &[], "try it", Some("joe"), night(1));
    skipped.skip_by_hand(&build("18.5.0"), "really", "mary", night(3));
    for other in [unskipped, forgotten] {
        let mut merged = skipped.clone().merge(other);
        assert_eq!(versions(&run(&mut merged, &packages(&["18.5.0"]), &Rules::default(), 2, night(3))), ["18.5.0"]);
    }
}

#[test]
fn a_person_wins_over_a_rule_and_the_later_word_over_the_earlier() {
    let mut document = Document::new("gitlab-runner", "main");
    document.skip(&build("18.5.0"), "there at the first run, which is a long reason", night(9));
    document.skip_by_hand(&build("18.5.0"), "broken", "mary", night(2));
    let reason = |document: &Document| document.get(&build("18.5.0")).and_then(|entry| entry.reason.clone());
    assert_eq!(reason(&document).as_deref(), Some("broken"));
    document.skip_by_hand(&build("18.5.0"), "bad", "joe", night(3));
    assert_eq!(reason(&document).as_deref(), Some("bad"));
}

#[test]
fn a_skip_before_the_first_run_is_none() {
    let mut document = Document::new("gitlab-runner", "main");
    document.skip_by_hand(&build("18.6.0"), "does not start", "mary", night(1));
    let diff = run(&mut document, &packages(&["18.4.0", "18.5.0", "18.6.0"]), &Rules::default(), 2, night(2));
    // Nor is another one built in its place.
    assert!(diff.builds.is_empty() && matches!(reason(&diff, "18.5.0"), HoldReason::Skipped { by: None, .. }));
}

#[test]
fn a_target_of_which_all_is_forgotten_has_had_its_first_run() {
    let mut document = tracker();
    document.rebuild(&build("18.0.0").package, &[], "again", Some("mary"), night(2));
    let releases = packages(&["18.0.0", "18.5.0", "18.6.0"]);
    assert_eq!(
        versions(&run(&mut document, &releases, &Rules::default(), 2, night(2))),
        ["18.0.0", "18.5.0", "18.6.0"]
    );
}

// ---------------------------------------------------------------- lines

#[test]
fn a_line_that_is_added_later_has_a_first_run_of_its_own() {
    let mut document = Document::new("gitlab-runner", "main");
    let line = |version: &str| Rules { scope: leading(version), ..Rules::default() };
    let releases = |major: u8| packages(&[&format!("{major}.1.0"), &format!("{major}.2.0")]);
    assert_eq!(versions(&run(&mut document, &releases(18), &line("18"), 2, night(2))), ["18.2.0"]);
    let diff = run(&mut document, &releases(17), &line("17"), 3, night(3));
    assert_eq!((versions(&diff), &diff.builds[0].because), (vec!["17.2.0"], &BuildReason::FirstRun));
    assert_eq!(diff.new_targets, [target("al2023")]);
    // Both are known now: whatever is new is built.
    for (major, built) in [(17_u8, ["17.3.0", "17.4.0"]), (18, ["18.3.0", "18.4.0"])] {
        let rules = line(&major.to_string());
        let diff = run(&mut document, &packages(&built), &rules, 4 + u64::from(major), night(4));
        assert_eq!((versions(&diff), diff.new_targets.len()), (built.to_vec(), 0));
    }
}

#[test]
fn what_a_wider_rule_lets_through_for_the_first_time_is_no_news() {
    let mut document = Document::new("gitlab-runner", "main");
    let narrow = Rules { scope: leading("18.6"), ..Rules::default() };
    run(&mut document, &packages(&["18.6.0"]), &narrow, 2, night(2));
    document.succeed(&build("18.6.0"), &Notes::new(), night(2), pipeline(2));
    let wide = Rules { scope: leading("18"), ..Rules::default() };
    let diff = run(&mut document, &packages(&["18.1.0", "18.2.0", "18.6.0", "18.6.1", "18.6.2"]), &wide, 3, night(3));
    // Of those that are old the newest, as in any first run; of those that are new each.
    assert_eq!(versions(&diff), ["18.2.0", "18.6.1", "18.6.2"]);
    assert!(matches!(reason(&diff, "18.1.0"), HoldReason::Skipped { .. }));
    // A narrower rule afterwards brings no first run.
    let diff = run(&mut document, &packages(&["18.6.3", "18.6.4"]), &narrow, 4, night(4));
    assert_eq!((versions(&diff), diff.new_targets.len()), (vec!["18.6.3", "18.6.4"], 0));
}

#[test]
fn two_lines_in_one_pipeline_do_not_touch_each_others_claims() {
    let mut document = tracker();
    let origin = |line: &str| Origin { line: Some(line.to_owned()), ..pipeline(7) };
    let targets = [target("al2023")];
    let one = Rules { max_builds: 1, ..Rules::default() };
    let line = |document: &mut Document, versions: &[&str], line: &str| {
        diff(&packages(versions), &targets, document, &one, &origin(line), night(2))
    };
    assert_eq!(versions(&line(&mut document, &["17.1.0"], "v17-")), ["17.1.0"]);
    // The other line has room of its own, and takes no claim for its own that is not.
    let other = line(&mut document, &["17.1.0", "18.1.0"], "v18-");
    assert_eq!(versions(&other), ["18.1.0"]);
    assert!(matches!(reason(&other, "17.1.0"), HoldReason::Claimed { pipeline: 7, .. }));
    // One fails, and the builds of the other go on.
    assert_eq!(document.settle(7, night(2), &origin("v18-"), |_| None), [build("18.1.0")]);
    assert_eq!(document.get(&build("17.1.0")).map(|entry| entry.state), Some(State::Building));
}

// ---------------------------------------------------------------- laws

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
    let known = proptest::collection::vec((release(), 0u8..9, 2u64..6, 1i64..6), 0..12);
    let known_scope = proptest::option::of(prop_oneof![Just(Policy::default()), Just(leading("18"))]);
    (rules, releases, known, known_scope).prop_map(|(rules, releases, known, known_scope)| {
        let mut document = Document::new("gitlab-runner", "main");
        if let Some(scope) = known_scope {
            document.record_scope(&target("al2023"), &scope);
        }
        for (version, change, id, day) in known {
            let (build, now) = (build(&version), night(day));
            match change {
                0 => drop(document.succeed(&build, &Notes::new(), now, pipeline(id))),
                1 => drop(document.skip(&build, "there at the first run", now)),
                2 => drop(document.skip_by_hand(&build, "broken", "mary", now)),
                3 => drop(document.rebuild(&build.package, &[], "again", Some("mary"), now)),
                4 => drop(document.unskip(&build.package, &[], "mary", now)),
                5 => document.record_first_seen(&build, now),
                6 => document.claim(&build, "new_release", None, now, pipeline(id)),
                _ => {
                    document.claim(&build, "new_release", None, now, pipeline(id));
                    document.settle(id, now, &pipeline(id), |_| None);
                }
            }
        }
        let unique: BTreeSet<String> = releases.iter().map(|(version, _)| version.clone()).collect();
        let built_at = |version: &String| releases.iter().find(|(one, _)| one == version).and_then(|(_, day)| *day);
        // What the scope does not let through is not in the list.
        let listed = unique.iter().filter(|version| rules.scope.filter_reason(&package(version).package).is_none());
        let packages = listed.map(|version| Package { built_at: built_at(version).map(night), ..package(version) });
        Case { packages: packages.collect(), document, rules }
    })
}

fn wanted(diff: &Diff) -> BTreeSet<String> {
    let later = diff.held.iter().filter(|cell| cell.reason == HoldReason::Queued).map(|cell| cell.package.to_string());
    diff.builds.iter().map(|build| build.package.package.to_string()).chain(later).collect()
}

proptest! {
    #[test]
    fn a_release_is_in_exactly_one_place(case in case()) {
        let mut document = case.document.clone();
        let diff = run(&mut document, &case.packages, &case.rules, 5, night(7));
        let mut cells: Vec<_> = diff.builds.iter().map(|build| build.package.package.clone()).collect();
        cells.extend(diff.held.iter().map(|cell| cell.package.clone()));
        cells.sort();
        let mut all: Vec<_> = case.packages.iter().map(|package| package.package.clone()).collect();
        all.sort();
        prop_assert_eq!(cells, all);
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
        prop_assert_eq!(versions_of(&first), versions_of(&again));
        prop_assert_eq!(document, after);
    }

    #[test]
    fn what_nobody_builds_fails_or_publishes_changes_nothing_the_night_after(case in case()) {
        let mut document = case.document.clone();
        let rules = Rules { max_builds: 100, ..case.rules };
        for build in run(&mut document, &case.packages, &rules, 5, night(7)).builds {
            let build = BuildKey { package: build.package.package, target: build.target };
            document.succeed(&build, &Notes::new(), night(7), pipeline(5));
        }
        let mut idle = document.clone();
        let diff = run(&mut idle, &case.packages, &rules, 6, night(7));
        let waits = diff.held.iter().any(|cell| matches!(cell.reason, HoldReason::BackOff { .. }));
        prop_assert!(diff.builds.is_empty());
        prop_assert!(waits || idle == document);
    }
}

fn versions_of(diff: &Diff) -> BTreeSet<String> {
    diff.builds.iter().map(|build| build.package.package.to_string()).collect()
}

// ---------------------------------------------------------------- by hand

fn ask(document: &mut Document, packages: &[Package], id: u64, now: Timestamp) -> Diff {
    ask_for(packages, &[target("al2023")], document, &Rules::default(), Some("mary"), &pipeline(id), now)
}

#[test]
fn what_is_asked_for_by_hand_is_built_whatever_is_known_of_it() {
    type Known = fn(&mut Document, &BuildKey);
    let cases: [(&str, Known); 6] = [
        ("nothing", |_, _| {}),
        ("built", |document, build| _ = document.succeed(build, &Notes::new(), night(2), pipeline(2))),
        ("skipped", |document, build| _ = document.skip(build, "there at the first run", night(2))),
        ("skipped by a person", |document, build| {
            document.skip_by_hand(build, "does not start", "john", night(2));
        }),
        ("given up", |document, build| {
            for id in 2..6 {
                document.claim(build, "new_release", None, night(2), pipeline(id));
                document.settle(id, night(2), &pipeline(id), |_| None);
            }
            document.record_given_up(build, 6, night(2));
        }),
        ("a claim that lapsed", |document, build| document.claim(build, "new_release", None, night(1), pipeline(2))),
    ];
    for (known, record) in cases {
        let mut document = tracker();
        record(&mut document, &build("18.6.0"));
        let diff = ask(&mut document, &packages(&["18.6.0"]), 9, night(3));
        assert_eq!(versions(&diff), ["18.6.0"], "{known}");
        assert_eq!(
            diff.builds[0].because,
            BuildReason::AskedFor { reason: None, by: Some("mary".to_owned()) },
            "{known}"
        );
        assert_eq!(diff.builds[0].attempt, 1, "{known}");
        let entry = document.get(&build("18.6.0")).expect("an entry");
        assert!(entry.is_claimed_by(9, None), "{known}: {entry:?}");
        assert_eq!(entry.by.as_deref(), Some("mary"), "{known}");
        // It is tried again, should it fail, whatever rules speak against it.
        document.settle(9, night(3), &pipeline(9), |_| None);
        let rules = Rules { min_age: days(30), ..Rules::default() };
        assert_eq!(versions(&run(&mut document, &packages(&["18.6.0"]), &rules, 10, night(4))), ["18.6.0"], "{known}");
    }
}

#[test]
fn what_is_asked_for_by_hand_is_not_built_twice_at_once() {
    let mut document = tracker();
    document.claim(&build("18.6.0"), "new_release", None, night(2), pipeline(8));
    let diff = ask(&mut document, &packages(&["18.6.0"]), 9, night(2));
    assert!(diff.builds.is_empty());
    assert!(matches!(reason(&diff, "18.6.0"), HoldReason::Claimed { pipeline: 8, .. }), "{diff:?}");
    // Its own claim is another matter: the job runs again.
    let (before, diff) = (document.clone(), ask(&mut document, &packages(&["18.6.0"]), 8, night(2)));
    assert_eq!((versions(&diff), diff.builds[0].because.clone()), (vec!["18.6.0"], BuildReason::OwnClaim));
    assert_eq!(document, before);
    // So is what it has built.
    document.succeed(&build("18.6.0"), &Notes::new(), night(2), pipeline(8));
    let (before, diff) = (document.clone(), ask(&mut document, &packages(&["18.6.0"]), 8, night(2)));
    assert!(matches!(reason(&diff, "18.6.0"), HoldReason::Built { .. }), "{diff:?}");
    assert_eq!(document, before);
}

#[test]
fn of_a_version_its_newest_release_is_built_for_each_architecture() {
    let named = |name: &str| Package { package: name.parse().expect("a package"), ..package("18.6.0") };
    let releases = [
        named("gitlab-runner-18.6.0-1.x86_64"),
        named("gitlab-runner-18.6.0-2.x86_64"),
        named("gitlab-runner-18.6.0-1.aarch64"),
    ];
    let diff = ask(&mut tracker(), &releases, 9, night(3));
    let built: Vec<String> = diff.builds.iter().map(|build| build.package.package.to_string()).collect();
    assert_eq!(built, ["gitlab-runner-18.6.0-1.aarch64", "gitlab-runner-18.6.0-2.x86_64"]);
    let newer = releases[1].package.clone();
    assert_eq!(reason(&diff, "18.6.0"), &HoldReason::Superseded { newer });
}

#[test]
fn what_is_asked_for_by_hand_is_no_first_run() {
    let mut document = Document::new("gitlab-runner", "main");
    ask(&mut document, &packages(&["18.5.0"]), 1, night(1));
    document.succeed(&build("18.5.0"), &Notes::new(), night(1), pipeline(1));
    let releases = packages(&["18.4.0", "18.5.0", "18.6.0"]);
    let diff = run(&mut document, &releases, &Rules::default(), 2, night(2));
    assert_eq!(diff.new_targets, [target("al2023")]);
    assert_eq!((versions(&diff), diff.builds[0].because.clone()), (vec!["18.6.0"], BuildReason::FirstRun));
    assert!(matches!(reason(&diff, "18.5.0"), HoldReason::Built { .. }));
    assert!(matches!(reason(&diff, "18.4.0"), HoldReason::Skipped { .. }));
}
