//! A change of the rules beside an earlier run, as its `builds.json` has it, and why a release is built or is not.

use std::collections::BTreeMap;

use crate::common::{build, days, night, package, pipeline, run_for, runner, runners, target};
use ami_scheduler::alarm::{Alarm, AlarmKind, Limits};
use ami_scheduler::artifacts::{Builds, Packages, Run};
use ami_scheduler::plan::compare::{Change, Earlier};
use ami_scheduler::plan::{Plan, Rules};
use ami_scheduler::policy::{Exclusion, FilterReason, Keep, Policy, Versions};
use ami_scheduler::release::{Advisory, AdvisoryKind, Nevra, Package, Severity, Target};
use ami_scheduler::report;
use ami_scheduler::tracker::{Document, Ingredients, Notes, Report};

const TARGETS: [&str; 2] = ["al2023", "rhel9"];

/// A tracker on which 18.4.0 was built, and 18.5.0 failed for rhel9 as often as it may.
fn tracker() -> Document {
    let mut document = Document::new("gitlab-runner", "main");
    for name in TARGETS {
        document.succeed(&build("18.4.0", name), Report::default(), night(1), pipeline(1));
    }
    for id in [2, 3, 4] {
        document.claim(&build("18.5.0", "rhel9"), "new_release", None, night(2), pipeline(id));
        document.settle(id, night(2), &pipeline(id), |_| None);
    }
    document
}

fn plan(versions: &[&str], rules: &Rules) -> Plan {
    run_for(&TARGETS, &mut tracker(), &runners(versions), rules, &pipeline(7), night(7))
}

static NO_INGREDIENTS: BTreeMap<Target, Ingredients> = BTreeMap::new();

/// The run of the seventh night.
fn run() -> Run<'static> {
    let ingredients = &NO_INGREDIENTS;
    Run { reference: "main", pipeline: 7, decided_at: night(7), dry_run: false, recorded: true, ingredients }
}

/// The `builds.json` of a plan, read again.
fn earlier(plan: &Plan, alarms: &[Alarm], filtered: &[(Nevra, FilterReason)]) -> Earlier {
    let policy = Policy { versions: Versions::Leading("18".parse().expect("a version")), ..Policy::default() };
    let packages = Packages::new("gitlab-runner", vec![], night(7), policy, vec![], filtered.to_vec());
    let json = serde_json::to_vec(&Builds::new(&packages, plan, alarms, run())).expect("JSON");
    Earlier::from_json(&json).expect("builds.json")
}

fn told(changes: &[Change]) -> Vec<String> {
    let tell = |one: &Change| format!("{} {}: {} → {}", one.package.evr(), one.target, one.before, one.now);
    changes.iter().map(tell).collect()
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let earlier = earlier(&plan(&["18.6.0"], &Rules::default()), &[Alarm::Overdue { last_run: night(1) }], &[]);
    assert_eq!((earlier.pipeline, earlier.decided_at, &earlier.asked_for), (7, night(7), &None));
    assert_eq!((earlier.product.as_str(), earlier.reference.as_str()), ("gitlab-runner", "main"));
    let alarms: Vec<&str> = earlier.alarms.iter().map(|alarm| alarm.explanation.as_str()).collect();
    assert!(matches!(&alarms[..], [overdue] if overdue.contains("2026-11-01 02:00 UTC")), "{alarms:?}");
}

#[test]
fn a_run_has_the_targets_that_it_decided_for_each_once() {
    let earlier = earlier(&plan(&["18.4.0", "18.6.0"], &Rules::default()), &[], &[]);
    assert_eq!(earlier.targets(), TARGETS.map(target).iter().collect::<Vec<_>>());
}

#[test]
fn rules_that_change_nothing_add_and_drop_nothing() {
    let plan = plan(&["18.4.0", "18.5.0", "18.6.0"], &Rules::default());
    let earlier = earlier(&plan, &[], &[]);
    let comparison = earlier.compare(&plan, &[]);
    assert_eq!((told(&comparison.added), told(&comparison.dropped)), (vec![], vec![]));
    let text = report::comparison(&earlier, &comparison);
    assert!(text.contains("pipeline 7") && text.contains("nothing"), "{text}");
}

#[test]
fn what_is_no_longer_excluded_is_added_and_what_is_excluded_now_is_dropped() {
    let versions = ["18.4.0", "18.5.0", "18.6.0", "18.7.0"];
    let excluding = |pattern: &str| Rules {
        exclude: vec![Exclusion { pattern: pattern.parse().expect("a pattern"), reason: None }],
        ..Rules::default()
    };
    let earlier = earlier(&plan(&versions, &excluding("18.7.0")), &[], &[]);

    let comparison = earlier.compare(&plan(&versions, &excluding("18.?.0")), &[]);

    assert_eq!(told(&comparison.added), [""; 0]);
    // What was built is no matter of rules; what was given up was wanted.
    assert_eq!(
        comparison.dropped.iter().map(|one| format!("{} {}", one.package.evr(), one.target)).collect::<Vec<_>>(),
        ["18.5.0-1 al2023", "18.5.0-1 rhel9", "18.6.0-1 al2023", "18.6.0-1 rhel9"]
    );
    let comparison = earlier.compare(&plan(&versions, &Rules::default()), &[]);
    assert_eq!(
        told(&comparison.added),
        ["18.7.0-1 al2023: excluded by 18.7.0 → new release", "18.7.0-1 rhel9: excluded by 18.7.0 → new release"]
    );
    let text = report::comparison(&earlier, &comparison);
    assert!(
        text.contains("  add 2 builds:\n    + gitlab-runner-18.7.0-1.x86_64 al2023  new release (before: "),
        "{text}"
    );
    assert!(text.contains("  drop 0 builds:\n"), "{text}");
}

#[test]
fn what_waits_is_wanted_all_the_same() {
    let versions = ["18.4.0", "18.5.0", "18.6.0", "18.7.0"];
    let waiting = Rules { min_age: days(7), ..Rules::default() };
    let queued = Rules { max_builds: 1, ..Rules::default() };
    let earlier = earlier(&plan(&versions, &waiting), &[], &[]);
    for rules in [&queued, &Rules::default(), &waiting] {
        let comparison = earlier.compare(&plan(&versions, rules), &[]);
        assert_eq!((told(&comparison.added), told(&comparison.dropped)), (vec![], vec![]));
    }
    // What a newer release supersedes is not.
    let comparison = earlier.compare(&plan(&versions, &Rules { keep: Keep::Latest, ..Rules::default() }), &[]);
    assert_eq!(comparison.dropped.len(), 4, "{comparison:?}");
}

#[test]
fn what_list_filters_and_what_is_no_longer_there_is_told_apart() {
    let filtered = [(runner("18.6.0").nevra, FilterReason::OtherVersion)];
    let all = plan(&["18.4.0", "18.5.0", "18.6.0", "18.7.0"], &Rules::default());
    let fewer = plan(&["18.4.0", "18.5.0"], &Rules::default());

    let comparison = earlier(&all, &[], &[]).compare(&fewer, &filtered);

    let now: Vec<&str> = comparison.dropped.iter().map(|one| one.now.as_str()).collect();
    let gone = "not a target, or no longer in the repository";
    assert_eq!(now, ["left out, other version", "left out, other version", gone, gone]);
    // The other way round: 18.6.0 was filtered, and 18.7.0 is new, which no rule made.
    let comparison = earlier(&fewer, &[], &filtered).compare(&all, &[]);
    assert_eq!(
        told(&comparison.added),
        ["18.6.0-1 al2023: other version → new release", "18.6.0-1 rhel9: other version → new release"]
    );
}

#[test]
fn a_target_that_is_added_adds_what_is_known_for_others() {
    let releases = runners(&["18.4.0", "18.6.0"]);
    let run = |names: &[&str]| run_for(names, &mut tracker(), &releases, &Rules::default(), &pipeline(7), night(7));
    let comparison = earlier(&run(&["al2023"]), &[], &[]).compare(&run(&TARGETS), &[]);
    assert_eq!(told(&comparison.added), ["18.6.0-1 rhel9: not a target → new release"]);
    let comparison = earlier(&run(&TARGETS), &[], &[]).compare(&run(&["al2023"]), &[]);
    assert_eq!(comparison.dropped.len(), 1, "{comparison:?}");
}

#[test]
fn of_many_changes_the_first_fifty_are_told() {
    let versions: Vec<String> = (0..60).map(|minor| format!("18.{minor}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let excluded = Rules { exclude: vec!["18.*: no".parse().expect("an exclusion")], ..Rules::default() };
    let earlier = earlier(&plan(&versions, &excluded), &[], &[]);
    let comparison = earlier.compare(&plan(&versions, &Rules { max_builds: 1_000, ..Rules::default() }), &[]);
    let text = report::comparison(&earlier, &comparison);
    assert_eq!((comparison.added.len(), text.matches("    + ").count()), (118, 50));
    assert!(text.contains("    … and 68 more\n"), "{text}");
}

#[test]
fn why_tells_the_decision_and_what_is_known_of_it() {
    let mut document = tracker();
    document.skip_by_hand(&build("18.5.0", "al2023"), "does not start", "mary", night(3));
    document.succeed(
        &build("18.4.0", "rhel9"),
        Notes::from([("AMI_ID".to_owned(), "ami-1".to_owned())]).into(),
        night(4),
        pipeline(5),
    );
    // Field tests, tracker 18: it has left the repository since.
    document.succeed(&build("18.3.0", "al2023"), Report::default(), night(2), pipeline(2));
    let releases = runners(&["18.4.0", "18.5.0", "18.6.0"]);
    let plan = run_for(&TARGETS, &mut document.clone(), &releases, &Rules::default(), &pipeline(7), night(7));
    let source = (package("gitlab-runner-18.6.0-1.src").nevra, FilterReason::SourcePackage);
    let why = |is_meant: &dyn Fn(&Nevra, Option<&Target>) -> bool| {
        report::why([source.clone()].into_iter(), &plan, &document, is_meant)
    };
    insta::assert_snapshot!(why(&|_, _| true), @r"
    gitlab-runner-18.3.0-1.x86_64 al2023: built 2026-11-02 02:00 UTC; the repository has it no longer
      1 attempt; first seen 2026-11-02 02:00 UTC; https://gitlab.example.com/p/2
    gitlab-runner-18.4.0-1.x86_64 al2023: built 2026-11-01 02:00 UTC
      1 attempt; first seen 2026-11-01 02:00 UTC; https://gitlab.example.com/p/1
    gitlab-runner-18.4.0-1.x86_64 rhel9: built 2026-11-04 02:00 UTC
      2 attempts; first seen 2026-11-01 02:00 UTC; https://gitlab.example.com/p/5; AMI_ID=ami-1
    gitlab-runner-18.5.0-1.x86_64 al2023: skipped by mary: does not start
      first seen 2026-11-03 02:00 UTC; by mary 2026-11-03 02:00 UTC
    gitlab-runner-18.5.0-1.x86_64 rhel9: given up after 3 attempts, the last: https://gitlab.example.com/p/4; `rebuild` lets it be built again
      3 attempts, begun as new release; first seen 2026-11-02 02:00 UTC; https://gitlab.example.com/p/4
    gitlab-runner-18.6.0-1.src: left out by list, source package
    gitlab-runner-18.6.0-1.x86_64 al2023: to be built: new release
    gitlab-runner-18.6.0-1.x86_64 rhel9: to be built: new release
    ");
    let rhel9 = target("rhel9");
    let text = why(&|package, target| package.evr().version == "18.6.0" && target.is_none_or(|one| *one == rhel9));
    assert_eq!(text.lines().filter(|line| line.starts_with("gitlab-runner-18.6.0")).count(), 2, "{text}");
    assert_eq!(why(&|_, _| false), "");
}

/// A release that a security advisory names.
fn security(version: &str) -> Package {
    let severity = Some(Severity::Important);
    let id = "RHSA-2026:1234".parse().expect("an id");
    let advisories = vec![Advisory { id, kind: AdvisoryKind::Security, severity }].into();
    Package { advisories, ..runner(version) }
}

#[test]
fn advisories_about_a_release_are_told_with_each_decision_about_it() {
    const ADVISORY: &str = "RHSA-2026:1234 (security, Important)";
    let (built, new) = ("gitlab-runner-18.4.0-1.x86_64", "gitlab-runner-18.6.0-1.x86_64");
    let releases = [security("18.4.0"), runner("18.5.0"), security("18.6.0")];
    let document = tracker();
    let plan = run_for(&TARGETS, &mut document.clone(), &releases, &Rules::default(), &pipeline(7), night(7));

    let why = report::why(std::iter::empty(), &plan, &document, |_, _| true);
    assert!(why.contains(&format!("{new} rhel9: to be built: new release, {ADVISORY}\n")), "{why}");
    assert!(why.contains(&format!("{built} rhel9: built 2026-11-01 02:00 UTC, {ADVISORY}\n")), "{why}");
    assert_eq!(why.matches(ADVISORY).count(), 4, "{why}");

    let earlier = earlier(&plan, &[], &[]);
    assert_eq!(report::why_then(&earlier, |_, _| true).matches(ADVISORY).count(), 4);
    let comparison = earlier.compare(&plan, &[]);
    assert_eq!((told(&comparison.added), told(&comparison.dropped)), (vec![], vec![]));

    let markdown = report::markdown::plan("gitlab-runner", "main", night(7), &plan, &[]);
    assert_eq!(markdown.matches(r"new release, RHSA-2026:1234 \(security, Important\)").count(), 2, "{markdown}");
    let junit = report::junit::report("main", night(7), &report::junit::cases(&plan, &[])).expect("XML");
    let junit = String::from_utf8(junit).expect("text");
    assert!(junit.contains(&format!("to be built: new release, {ADVISORY}</skipped>")), "{junit}");

    let tracked = report::page::Tracked { document: &document, told: &[], last_run: Some(&earlier) };
    let page = report::page::page(&[tracked], &|_| true, night(7), night(1)).expect("a page");
    assert_eq!(page.matches(ADVISORY).count(), 1, "beside 18.4.0, since 18.6.0 is not recorded yet: {page}");
}

#[test]
fn advisories_about_a_release_are_in_builds_json_and_only_where_there_are_any() {
    let releases = [security("18.4.0"), runner("18.5.0"), security("18.6.0")];
    let plan = run_for(&TARGETS, &mut tracker(), &releases, &Rules::default(), &pipeline(7), night(7));
    let packages = Packages::new("gitlab-runner", vec![], night(7), Policy::default(), releases.to_vec(), vec![]);
    let advisories = r#""advisories":[{"id":"RHSA-2026:1234","type":"security","severity":"Important"}]"#;
    for (json, count) in
        [(serde_json::to_string(&Builds::new(&packages, &plan, &[], run())), 4), (serde_json::to_string(&packages), 2)]
    {
        let json = json.expect("JSON");
        assert_eq!(
            (json.matches(advisories).count(), json.matches("\"advisories\"").count()),
            (count, count),
            "{json}"
        );
    }
    let read = Packages::from_json(&serde_json::to_vec(&packages).expect("JSON")).expect("what was written");
    assert_eq!(read.packages, releases);
}

#[test]
fn a_lane_is_overdue_when_it_is_certain_that_it_had_no_run_for_so_long() {
    let limits = Limits { unchanged: None, overdue: Some(days(4)) };
    let mut document = Document::new("gitlab-runner", "main");
    document.remember_run("", 1, night(1));
    document.remember_run("v18-", 2, night(2));
    for (day, lanes) in [(7, vec![]), (8, vec![""]), (9, vec!["", "v18-: "])] {
        let overdue = report::overdue(&document, &limits, night(day));
        let told: Vec<&str> =
            overdue.iter().map(|(text, _)| text.split("the last run").next().expect("a lane")).collect();
        assert_eq!(told, lanes, "{day}");
        assert!(overdue.iter().all(|(_, alarm)| alarm.kind() == AlarmKind::Overdue));
    }
    assert!(report::overdue(&document, &Limits::default(), night(100)).is_empty());
}

#[test]
fn an_alarm_has_a_name_that_is_read_again() {
    for kind in [AlarmKind::Republished, AlarmKind::Unchanged, AlarmKind::Shrank, AlarmKind::Overdue] {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    let error = "\u{1b}red".parse::<AlarmKind>().expect_err("no alarm").to_string();
    assert!(error.starts_with("\"?red\" is no alarm"), "{error}");
}
