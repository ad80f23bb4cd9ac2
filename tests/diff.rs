//! What is built and what is left alone: the rules of `diff`, one by one.

use ami_scheduler::plan::{BuildReason, Diff, FirstRun, HoldReason, Rules, diff};
use ami_scheduler::release::Package;
use ami_scheduler::release::{BuildKey, Target};
use ami_scheduler::tracker::{Document, Notes, Origin, State};
use jiff::Timestamp;
use proptest::prelude::*;

const NIGHT: &str = "2026-11-24T02:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn rules() -> Rules {
    Rules::default()
}

fn packages(versions: &[&str]) -> Vec<Package> {
    let package = |version: &&str| Package {
        package: format!("gitlab-runner-{version}.x86_64").parse().expect("a package"),
        url: format!("https://yum.example.com/{version}.rpm"),
        checksum: None,
        built_at: None,
        targets: None,
    };
    versions.iter().map(package).collect()
}

fn targets(names: &[&str]) -> Vec<Target> {
    names.iter().map(|name| name.parse().expect("a target")).collect()
}

fn pipeline(id: u64) -> Origin {
    Origin { pipeline: id, pipeline_url: Some(format!("https://gitlab.example.com/p/{id}")), ..Origin::default() }
}

fn build(version: &str, target: &str) -> BuildKey {
    BuildKey {
        package: format!("gitlab-runner-{version}.x86_64").parse().expect("a package"),
        target: target.parse().expect("a target"),
    }
}

/// A tracker on which 18.5.0-1 has been built for al2023.
fn tracker() -> Document {
    let mut document = Document::new("gitlab-runner", "main");
    document.succeed(&build("18.5.0-1", "al2023"), &Notes::new(), time(NIGHT), pipeline(1));
    document
}

fn run(document: &mut Document, versions: &[&str], id: u64, now: &str) -> Diff {
    diff(&packages(versions), &targets(&["al2023"]), document, &rules(), &pipeline(id), time(now))
}

fn built(diff: &Diff) -> Vec<String> {
    diff.builds.iter().map(|build| format!("{} {}", build.package.package.evr(), build.target)).collect()
}

fn reasons(diff: &Diff) -> Vec<&HoldReason> {
    diff.held.iter().map(|cell| &cell.reason).collect()
}

#[test]
fn every_release_that_the_tracker_does_not_know_is_built_oldest_first() {
    let diff = run(&mut tracker(), &["18.6.0-1", "18.5.0-1", "18.4.9-1", "18.10.0-1", "18.5.0-2"], 2, NIGHT);
    // 18.4.9 is a back-port on an older line, 18.5.0-2 a new release of a version that was built.
    assert_eq!(built(&diff), ["18.4.9-1 al2023", "18.5.0-2 al2023", "18.6.0-1 al2023", "18.10.0-1 al2023"]);
    assert!(diff.builds.iter().all(|build| build.because == BuildReason::NewRelease && build.attempt == 1));
    assert!(matches!(reasons(&diff)[..], [HoldReason::Built { .. }]));
}

#[test]
fn a_first_run_does_what_it_was_told() {
    for (first_run, to_build, skipped) in [
        (FirstRun::Latest, vec!["18.10.0-1 al2023"], 2),
        (FirstRun::None, vec![], 3),
        (FirstRun::All, vec!["18.5.0-1 al2023", "18.9.0-1 al2023", "18.10.0-1 al2023"], 0),
    ] {
        let mut document = Document::new("gitlab-runner", "main");
        let rules = Rules { first_run, ..rules() };
        let releases = packages(&["18.9.0-1", "18.10.0-1", "18.5.0-1"]);
        let first = diff(&releases, &targets(&["al2023"]), &mut document, &rules, &pipeline(1), time(NIGHT));
        assert_eq!((built(&first), first.held.len()), (to_build.iter().map(ToString::to_string).collect(), skipped));
        // What it left out stays left out.
        let later = diff(&releases, &targets(&["al2023"]), &mut document, &rules, &pipeline(1), time(NIGHT));
        assert_eq!(later.held, first.held);
    }
}

#[test]
fn a_target_that_is_added_later_has_a_first_run_of_its_own() {
    let mut document = tracker();
    let releases = packages(&["18.4.0-1", "18.5.0-1"]);
    let both = targets(&["al2023", "rhel9"]);
    let diff = diff(&releases, &both, &mut document, &rules(), &pipeline(2), time(NIGHT));
    assert_eq!(built(&diff), ["18.4.0-1 al2023", "18.5.0-1 rhel9"]);
    assert_eq!(diff.new_targets, targets(&["rhel9"]));
    assert_eq!(document.get(&build("18.4.0-1", "rhel9")).map(|entry| entry.state), Some(State::Skipped));
}

#[test]
fn a_first_run_that_found_no_release_was_one_all_the_same() {
    let mut document = Document::new("gitlab-runner", "main");
    let rules = Rules { first_run: FirstRun::None, ..rules() };
    diff(&[], &targets(&["al2023"]), &mut document, &rules, &pipeline(1), time(NIGHT));
    let next = diff(&packages(&["19.0.0-1"]), &targets(&["al2023"]), &mut document, &rules, &pipeline(2), time(NIGHT));
    assert_eq!(built(&next), ["19.0.0-1 al2023"]);
}

#[test]
fn a_diff_that_runs_again_goes_on_with_its_claims_and_begins_no_more_than_it_may() {
    let mut document = tracker();
    let rules = Rules { max_builds: 1, ..rules() };
    let mut run = |versions: &[&str]| {
        built(&diff(&packages(versions), &targets(&["al2023"]), &mut document, &rules, &pipeline(2), time(NIGHT)))
    };
    assert_eq!(run(&["18.6.0-1"]), ["18.6.0-1 al2023"]);
    // A back-port, which is older and so would come first, has appeared meanwhile.
    assert_eq!(run(&["18.4.9-1", "18.6.0-1"]), ["18.6.0-1 al2023"]);
}

#[test]
fn each_architecture_has_a_newest_release() {
    let mut releases = packages(&["18.5.0-1", "18.6.0-1"]);
    releases[0].package = "gitlab-runner-18.5.0-1.aarch64".parse().expect("a package");
    let mut document = Document::new("gitlab-runner", "main");
    let diff = diff(&releases, &targets(&["al2023"]), &mut document, &rules(), &pipeline(1), time(NIGHT));
    assert_eq!(diff.builds.len(), 2);
}

#[test]
fn what_another_pipeline_has_claimed_is_held_until_the_claim_lapses() {
    let mut document = tracker();
    assert_eq!(built(&run(&mut document, &["18.6.0-1"], 2, NIGHT)).len(), 1);

    let held = run(&mut document, &["18.6.0-1"], 3, "2026-11-24T13:59:59Z");
    let pipeline_url = Some("https://gitlab.example.com/p/2".to_owned());
    let expected =
        HoldReason::Claimed { pipeline: 2, pipeline_url: pipeline_url.clone(), until: time("2026-11-24T14:00:00Z") };
    assert_eq!(reasons(&held), [&expected]);

    let lapsed = run(&mut document, &["18.6.0-1"], 3, "2026-11-24T14:00:00Z");
    assert_eq!(lapsed.builds[0].because, BuildReason::Lapsed { url: pipeline_url });
    assert_eq!(lapsed.builds[0].attempt, 2);
}

#[test]
fn a_diff_that_runs_again_keeps_the_claims_of_its_own_pipeline() {
    let mut document = tracker();
    run(&mut document, &["18.6.0-1"], 2, NIGHT);
    let before = document.clone();
    let again = run(&mut document, &["18.6.0-1"], 2, "2026-11-24T02:10:00Z");
    assert_eq!((&again.builds[0].because, again.builds[0].attempt), (&BuildReason::OwnClaim, 1));
    assert_eq!(document, before);
}

#[test]
fn a_failed_build_is_tried_by_the_next_run_and_given_up_after_max_attempts() {
    let mut document = tracker();
    for attempt in 1..=3 {
        let diff = run(&mut document, &["18.6.0-1"], 10 + attempt, NIGHT);
        assert_eq!(diff.builds[0].attempt, attempt);
        document.settle(10 + attempt, time(NIGHT), &pipeline(20 + attempt), |_| None);
    }
    let given_up = run(&mut document, &["18.6.0-1"], 14, NIGHT);
    let url = Some("https://gitlab.example.com/p/23".to_owned());
    assert_eq!(reasons(&given_up), [&HoldReason::GivenUp { attempts: 3, url, new: true }]);

    document.rebuild(&build("18.6.0-1", "al2023").package, &[], "the mirror is mended", Some("mary"), time(NIGHT));
    let anew = run(&mut document, &["18.6.0-1"], 15, NIGHT);
    assert_eq!(anew.builds[0].attempt, 1);
    assert_eq!(
        anew.builds[0].because,
        BuildReason::AskedFor { reason: Some("the mirror is mended".to_owned()), by: Some("mary".to_owned()) }
    );
}

#[test]
fn what_max_builds_leaves_is_built_by_the_runs_that_follow() {
    let mut document = tracker();
    let rules = Rules { max_builds: 2, ..rules() };
    let releases = packages(&["18.6.0-1", "18.7.0-1", "18.8.0-1"]);
    let mut night = |id| diff(&releases, &targets(&["al2023"]), &mut document, &rules, &pipeline(id), time(NIGHT));
    let first = night(2);
    assert_eq!((built(&first).len(), reasons(&first)), (2, vec![&HoldReason::Queued]));
    assert_eq!(built(&night(3)), ["18.8.0-1 al2023"]);
}

#[test]
fn a_release_that_changed_under_its_name_is_an_alarm_and_no_rebuild() {
    let checksum = |digit: &str| Some(format!("sha256:{}", digit.repeat(64)).parse().expect("a checksum"));
    let mut document = tracker();
    let mut releases = packages(&["18.6.0-1"]);
    releases[0].checksum = checksum("a");
    let target = targets(&["al2023"]);
    diff(&releases, &target, &mut document, &rules(), &pipeline(2), time(NIGHT));
    document.succeed(&build("18.6.0-1", "al2023"), &Notes::new(), time(NIGHT), pipeline(2));

    releases[0].checksum = checksum("b");
    let next = diff(&releases, &target, &mut document, &rules(), &pipeline(3), time(NIGHT));
    assert!(next.builds.is_empty());
    assert_eq!(next.republished.len(), 1);
}

proptest! {
    #[test]
    fn every_release_and_target_is_either_built_or_left_alone_for_one_reason(
        versions in proptest::collection::btree_set(0u8..30, 0..8),
        known in proptest::collection::vec((0u8..30, 0u8..4, 0u64..4), 0..12),
        max_builds in 0usize..6,
    ) {
        let mut document = tracker();
        for (version, state, pipeline_id) in known {
            let build = build(&format!("18.{version}.0-1"), "al2023");
            match state {
                0 => drop(document.succeed(&build, &Notes::new(), time(NIGHT), pipeline(pipeline_id))),
                1 => drop(document.skip(&build, "why not", time(NIGHT))),
                2 => document.claim(&build, "new_release", None, time(NIGHT), pipeline(pipeline_id)),
                _ => {
                    document.claim(&build, "new_release", None, time(NIGHT), pipeline(pipeline_id));
                    document.settle(pipeline_id, time(NIGHT), &pipeline(pipeline_id), |_| None);
                }
            }
        }
        let names: Vec<String> = versions.iter().map(|version| format!("18.{version}.0-1")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rules = Rules { max_builds, ..rules() };
        let before = document.clone();
        let targets = targets(&["al2023", "rhel9"]);
        let diff = diff(&packages(&names), &targets, &mut document, &rules, &pipeline(9), time(NIGHT));

        let mut cells: Vec<_> = diff.builds.iter().map(|b| (b.package.package.clone(), b.target.clone())).collect();
        cells.extend(diff.held.iter().map(|cell| (cell.package.clone(), cell.target.clone())));
        let all = cells.len();
        cells.sort();
        cells.dedup();
        prop_assert_eq!(cells.len(), all);
        prop_assert_eq!(all, names.len() * targets.len());
        prop_assert!(diff.builds.len() <= max_builds);
        // Whatever was there is contained in what is there now.
        prop_assert_eq!(&before.merge(document.clone()), &document);
        // What is built is claimed.
        for planned in &diff.builds {
            let build = BuildKey { package: planned.package.package.clone(), target: planned.target.clone() };
            let entry = document.get(&build).expect("a claim");
            prop_assert_eq!((entry.state, entry.attempt), (State::Building, planned.attempt));
        }
    }
}

#[test]
fn a_release_is_built_for_its_own_targets_and_the_newest_is_that_of_each() {
    let mut releases = packages(&["18.4.0-1", "18.5.0-1", "18.5.0-1", "18.6.0-1"]);
    for (release, names) in releases.iter_mut().zip([&["rhel9"][..], &["rhel9"], &["al2023"], &["al2023"]]) {
        release.targets = Some(targets(names).into_iter().collect());
        release.url = format!("https://yum.example.com/{}/", names[0]);
    }
    let mut document = Document::new("gitlab-runner", "main");
    let both = targets(&["al2023", "rhel9"]);

    let first = diff(&releases, &both, &mut document, &rules(), &pipeline(1), time(NIGHT));

    assert_eq!(built(&first), ["18.5.0-1 rhel9", "18.6.0-1 al2023"]);
    assert_eq!(first.builds[0].package.url, "https://yum.example.com/rhel9/");
    let left: Vec<String> = first.held.iter().map(|one| format!("{} {}", one.package.evr(), one.target)).collect();
    assert_eq!(left, ["18.4.0-1 rhel9", "18.5.0-1 al2023"]);
    assert_eq!(document.get(&build("18.6.0-1", "rhel9")), None);
}
