//! What a run says to a person, as a whole: the texts of `list`, `diff` and `status`.

use std::collections::BTreeMap;

use crate::common::{REPOSITORY, build, checksum, package, pipeline, run_for, runner, runners, target, targets, time};
use ami_scheduler::alarm::{Alarm, Offer, of_releases};
use ami_scheduler::artifacts::Packages;
use ami_scheduler::plan::{Context, FirstRun, Plan, Rules};
use ami_scheduler::policy::{Policy, Versions};
use ami_scheduler::release::{Advisory, AdvisoryKind, Nevra, Package, Severity};
use ami_scheduler::report::{self, junit, markdown, page, table};
use ami_scheduler::repository::RepositoryRead;
use ami_scheduler::tracker::{Baked, Document, Notes, Origin, Report};
use jiff::{SignedDuration, Timestamp};

const NIGHT: &str = "2026-11-24T02:00:00Z";
/// No claim has lapsed.
const NEVER: Timestamp = Timestamp::MIN;

fn rules() -> Rules {
    Rules::default()
}

/// The alarms about the releases of a plan.
fn alarms(plan: &Plan) -> Vec<Alarm> {
    let held = plan.held.iter().map(|held| Package { nevra: held.package.clone(), ..runner("1.0.0") });
    let releases: Vec<Package> = plan.builds.iter().map(|build| build.package.clone()).chain(held).collect();
    let offer = Offer { wanted: &releases, filtered: &[] };
    let (targets, origin, rules) = (targets(&["al2023", "rhel9"]), pipeline(1), rules());
    let context =
        Context { targets: &targets, rules: &rules, ingredients: &BTreeMap::new(), origin: &origin, now: time(NIGHT) };
    of_releases(&offer, plan, &Document::new("gitlab-runner", "main"), &[], &context)
}

fn notes(notes: &[(&str, &str)]) -> Notes {
    notes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn listing(policy: &Policy, packages: Vec<Package>) -> String {
    let releases = packages.len();
    let (wanted, filtered): (_, Vec<(Nevra, _)>) = policy.apply(packages);
    let url = REPOSITORY.to_owned();
    let repositories = [RepositoryRead {
        url,
        targets: None,
        revision: None,
        accepts_index: false,
        releases,
        advisories_unknown: None,
    }];
    report::listing("gitlab-runner", &repositories, policy, &wanted, &filtered, false)
}

fn major(version: &str) -> Policy {
    Policy { versions: Versions::Leading(version.parse().expect(version)), ..Policy::default() }
}

fn page_of(document: &Document, now: Timestamp) -> String {
    page::page(&[page::Tracked { document, told: &[], last_run: None }], &|_| true, now, NEVER).expect("a page")
}

/// A tracker on which 18.5.0 has been built for both targets, and a `diff` of it.
fn tracker() -> Document {
    let mut document = Document::new("gitlab-runner", "main");
    for (target, ami) in [("al2023", "ami-0a1"), ("rhel9", "ami-0b2")] {
        let notes = notes(&[("AMI_ID", ami)]);
        document.succeed(&build("18.5.0", target), notes.into(), time("2026-11-01T02:34:56Z"), pipeline(90));
    }
    document
}

/// What the log of `diff` says of a plan.
fn told(plan: &Plan, packages: Vec<Package>, target_names: &[&str], rules: &Rules, id: u64, now: &str) -> String {
    let packages = Packages::new("gitlab-runner", vec![], time(now), Policy::default(), packages, vec![]);
    let (targets, origin) = (targets(target_names), pipeline(id));
    let context = Context { targets: &targets, rules, ingredients: &BTreeMap::new(), origin: &origin, now: time(now) };
    report::plan(&packages, "main", plan, &alarms(plan), &context)
}

fn run(document: &mut Document, versions: &[&str], rules: &Rules, id: u64, now: &str) -> (Plan, String) {
    let (packages, names) = (runners(versions), ["al2023", "rhel9"]);
    let plan = run_for(&names, document, &packages, rules, &pipeline(id), time(now));
    let text = told(&plan, packages, &names, rules, id, now);
    (plan, text)
}

#[test]
fn a_list_names_its_releases_and_why_others_are_left_out() {
    let others = [
        package("gitlab-runner-18.6.0-1.src"),
        package("gitlab-runner-18.6.0-1.aarch64"),
        package("gitlab-runner-18.7.0~rc1-1.x86_64"),
    ];
    let versions = ["17.11.0", "18.10.0", "18.6.0", "17.10.1"];
    let packages = versions.iter().map(|version| runner(version)).chain(others).collect();
    let policy = Policy { architectures: vec!["x86_64".to_owned()], ..major("18") };
    insta::assert_snapshot!(listing(&policy, packages), @"
    7 releases of gitlab-runner in https://yum.example.com/el9/, 2 wanted (versions 18.x)
      gitlab-runner-18.6.0-1.x86_64
      gitlab-runner-18.10.0-1.x86_64
      1 left out, source package: gitlab-runner-18.6.0-1.src
      1 left out, other architecture: gitlab-runner-18.6.0-1.aarch64
      2 left out, other version: gitlab-runner-17.10.1-1.x86_64, gitlab-runner-17.11.0-1.x86_64
      1 left out, pre-release (~): gitlab-runner-18.7.0~rc1-1.x86_64
    ");
}

#[test]
fn a_list_names_the_advisories_about_its_releases() {
    let advisory = |id: &str, kind| Advisory { id: id.parse().expect(id), kind, severity: Some(Severity::Low) };
    let advisories = vec![advisory("A-1", AdvisoryKind::Bugfix), advisory("A-2", AdvisoryKind::Security)].into();
    let named = Package { advisories, ..runner("18.6.0") };
    insta::assert_snapshot!(listing(&major("18"), vec![runner("18.5.0"), named.clone()]), @"
    2 releases of gitlab-runner in https://yum.example.com/el9/, 2 wanted (versions 18.x)
      gitlab-runner-18.5.0-1.x86_64
      gitlab-runner-18.6.0-1.x86_64  A-2 (security, Low), A-1 (bugfix, Low)
    ");
    let many = (0..10).map(|patch| runner(&format!("18.5.{patch}"))).chain([named.clone()]).collect();
    let text = listing(&major("18"), many);
    assert!(
        text.ends_with("  newest gitlab-runner-18.6.0-1.x86_64  A-2 (security, Low), A-1 (bugfix, Low)\n"),
        "{text}"
    );
    let text = report::listing("gitlab-runner", &[], &major("18"), &[named], &[], true);
    assert!(
        text.ends_with("  gitlab-runner-18.6.0-1.x86_64  wanted, A-2 (security, Low), A-1 (bugfix, Low)\n"),
        "{text}"
    );
}

#[test]
fn a_list_of_many_releases_names_the_oldest_and_the_newest() {
    let versions = (0..30).map(|minor| runner(&format!("{}.{minor}.0", 17 + minor % 2)));
    insta::assert_snapshot!(listing(&major("18"), versions.collect()), @"
    30 releases of gitlab-runner in https://yum.example.com/el9/, 15 wanted (versions 18.x)
      oldest gitlab-runner-18.1.0-1.x86_64
      newest gitlab-runner-18.29.0-1.x86_64
      15 left out, other version
    ");
}

#[test]
fn a_list_without_a_wanted_release_says_so() {
    let policy = Policy { versions: Versions::Range(">=99".parse().expect("a range")), ..Policy::default() };
    insta::assert_snapshot!(listing(&policy, vec![runner("18.6.0"), runner("9.9p1")]), @"
    2 releases of gitlab-runner in https://yum.example.com/el9/, 0 wanted (versions >=99)
    WARNING: no release is wanted: the list is empty, and nothing will be built.
      1 left out, other version: gitlab-runner-18.6.0-1.x86_64
      1 left out, version that no semantic range can hold: gitlab-runner-9.9p1-1.x86_64
    ");
    insta::assert_snapshot!(listing(&Policy::default(), vec![runner("18.6.0")]), @"
    1 release of gitlab-runner in https://yum.example.com/el9/, 1 wanted (every version)
      gitlab-runner-18.6.0-1.x86_64
    ");
}

#[test]
fn a_first_run_says_what_it_leaves_out_for_good() {
    for first_run in [FirstRun::Latest, FirstRun::None, FirstRun::All] {
        let mut document = Document::new("gitlab-runner", "main");
        let rules = Rules { first_run, ..rules() };
        let (_, text) = run(&mut document, &["18.5.0", "18.6.0"], &rules, 101, NIGHT);
        match first_run {
            FirstRun::Latest => insta::assert_snapshot!(text, @"
            gitlab-runner on main: 2 releases x 2 targets = 4 images
            First run for al2023, rhel9 (--first-run latest):
              the newest release is built, older ones are skipped for good
                  2  to build
                  2  skipped: there at the first run
            To build:
              gitlab-runner-18.6.0-1.x86_64  al2023  first run for this target
              gitlab-runner-18.6.0-1.x86_64  rhel9   first run for this target
            "),
            FirstRun::None => insta::assert_snapshot!(text, @"
            gitlab-runner on main: 2 releases x 2 targets = 4 images
            First run for al2023, rhel9 (--first-run none):
              nothing is built, what is there now is skipped for good
                  0  to build
                  4  skipped: there at the first run
            Nothing to build.
            "),
            FirstRun::All => insta::assert_snapshot!(text, @"
            gitlab-runner on main: 2 releases x 2 targets = 4 images
            First run for al2023, rhel9 (--first-run all):
              every release is built
                  4  to build
            To build:
              gitlab-runner-18.5.0-1.x86_64  al2023  first run for this target
              gitlab-runner-18.5.0-1.x86_64  rhel9   first run for this target
              gitlab-runner-18.6.0-1.x86_64  al2023  first run for this target
              gitlab-runner-18.6.0-1.x86_64  rhel9   first run for this target
            "),
        }
    }
}

#[test]
fn a_night_without_a_release_has_nothing_to_build() {
    let (_, text) = run(&mut tracker(), &["18.5.0"], &rules(), 101, NIGHT);
    insta::assert_snapshot!(text, @"
    gitlab-runner on main: 1 release x 2 targets = 2 images
          0  to build
          2  built
    Nothing to build.
    ");
}

#[test]
fn a_night_on_which_everything_happens_tells_each_build_with_its_reason() {
    let mut document = tracker();
    let job = |id: u64| Origin { job_url: Some(format!("https://gitlab.example.com/j/{id}")), ..pipeline(id) };
    // Given up, failed once, lapsed, held, skipped by hand, asked for again, and new.
    for id in [91, 92, 93] {
        document.claim(&build("18.6.0", "al2023"), "new_release", None, time("2026-11-21T02:00:00Z"), pipeline(id));
        document.settle(id, time("2026-11-21T03:00:00Z"), &job(id), |_| job(id).job_url);
    }
    document.claim(&build("18.6.0", "rhel9"), "new_release", None, time("2026-11-23T02:00:00Z"), pipeline(94));
    document.settle(94, time("2026-11-23T03:00:00Z"), &job(94), |_| job(94).job_url);
    document.claim(&build("18.7.0", "al2023"), "new_release", None, time("2026-11-23T02:00:00Z"), pipeline(95));
    document.claim(&build("18.7.0", "rhel9"), "new_release", None, time("2026-11-24T01:30:00Z"), pipeline(100));
    document.skip(&build("18.8.0", "al2023"), "broken upstream", time(NIGHT));
    document.succeed(&build("18.8.0", "rhel9"), notes(&[("AMI_ID", "ami-0c3")]).into(), time(NIGHT), pipeline(96));
    document.rebuild(&runner("18.8.0").nevra, &targets(&["rhel9"]), "the image has no swap", None, time(NIGHT));

    let rules = Rules { max_builds: 4, ..rules() };
    let versions = ["18.5.0", "18.6.0", "18.7.0", "18.8.0", "18.10.0"];
    let (_, text) = run(&mut document, &versions, &rules, 101, NIGHT);
    insta::assert_snapshot!(text, @"
    gitlab-runner on main: 5 releases x 2 targets = 10 images
          4  to build
          2  built
          1  skipped: broken upstream
          1  held by other pipelines
          1  given up
          1  left for the next run: this one is full
    WARNING: gitlab-runner-18.6.0-1.x86_64 for al2023 is given up after 3 attempts, the last: https://gitlab.example.com/j/93. Correct the build, and ask for it again with `rebuild`; or say with `skip` that it is not wanted
    Held, and perhaps worth a look:
      gitlab-runner-18.7.0-1.x86_64  rhel9  held by https://gitlab.example.com/p/100 until 2026-11-24 13:30 UTC
    To build:
      gitlab-runner-18.8.0-1.x86_64   rhel9   asked for again: the image has no swap
      gitlab-runner-18.10.0-1.x86_64  al2023  new release
      gitlab-runner-18.10.0-1.x86_64  rhel9   new release
      gitlab-runner-18.6.0-1.x86_64   rhel9   attempt 2 of 3; the last one failed: https://gitlab.example.com/j/94
    ");
    insta::assert_snapshot!(table::status(&document, NEVER, false, None), @"
    gitlab-runner on main: 1 given up, 6 building, 2 built, 1 skipped
    PACKAGE                         TARGET  STATE     SINCE (UTC)       ATTEMPTS  MORE
    gitlab-runner-18.5.0-1.x86_64   al2023  built     2026-11-01 02:34  1         AMI_ID=ami-0a1
    gitlab-runner-18.5.0-1.x86_64   rhel9   built     2026-11-01 02:34  1         AMI_ID=ami-0b2
    gitlab-runner-18.6.0-1.x86_64   al2023  given up  2026-11-21 03:00  3         given up 2026-11-24 02:00 UTC  https://gitlab.example.com/j/93
    gitlab-runner-18.6.0-1.x86_64   rhel9   building  2026-11-24 02:00  2         https://gitlab.example.com/p/101
    gitlab-runner-18.7.0-1.x86_64   al2023  building  2026-11-23 02:00  1         https://gitlab.example.com/p/95
    gitlab-runner-18.7.0-1.x86_64   rhel9   building  2026-11-24 01:30  1         https://gitlab.example.com/p/100
    gitlab-runner-18.8.0-1.x86_64   al2023  skipped   2026-11-24 02:00            broken upstream
    gitlab-runner-18.8.0-1.x86_64   rhel9   building  2026-11-24 02:00  1         built before:  AMI_ID=ami-0c3  https://gitlab.example.com/p/101
    gitlab-runner-18.10.0-1.x86_64  al2023  building  2026-11-24 02:00  1         https://gitlab.example.com/p/101
    gitlab-runner-18.10.0-1.x86_64  rhel9   building  2026-11-24 02:00  1         https://gitlab.example.com/p/101
    ");

    // The diff job of the same pipeline runs again.
    let (_, text) = run(&mut document, &["18.10.0"], &rules, 101, NIGHT);
    insta::assert_snapshot!(text, @"
    gitlab-runner on main: 1 release x 2 targets = 2 images
          2  to build
    WARNING: a pipeline began gitlab-runner-18.7.0-1.x86_64 for al2023 and never ended it: https://gitlab.example.com/p/95. The repository no longer offers the release: the claim is given back
    WARNING: gitlab-runner-18.5.0-1.x86_64 for rhel9 has been gone from the repository since 2026-11-24 02:00 UTC. None of its images is current or in a channel, so that this is told once. If it was withdrawn, `revoke` keeps it so; where the repository only drops old releases, nothing is to be done
    WARNING: gitlab-runner-18.5.0-1.x86_64 for al2023 has been gone from the repository since 2026-11-24 02:00 UTC. An image of it is current, or in a channel. Was it withdrawn? `revoke` takes its images out of use. Where the repository only drops old releases, nothing is to be done
    WARNING: gitlab-runner-18.8.0-1.x86_64 for rhel9 has been gone from the repository since 2026-11-24 02:00 UTC. An image of it is current, or in a channel. Was it withdrawn? `revoke` takes its images out of use. Where the repository only drops old releases, nothing is to be done
    To build:
      gitlab-runner-18.10.0-1.x86_64  al2023  claimed by this pipeline before, whose diff runs again
      gitlab-runner-18.10.0-1.x86_64  rhel9   claimed by this pipeline before, whose diff runs again
    ");
}

#[test]
fn a_release_that_changed_under_its_name_is_a_warning_that_says_what_to_do() {
    let mut document = tracker();
    let mut release = runner("18.6.0");
    release.checksum = Some(checksum("a"));
    run_for(&["al2023"], &mut document, &[release.clone()], &rules(), &pipeline(2), time(NIGHT));
    document.succeed(&build("18.6.0", "al2023"), Report::default(), time(NIGHT), pipeline(2));
    release.checksum = Some(checksum("b"));

    let plan = run_for(&["al2023"], &mut document, &[release.clone()], &rules(), &pipeline(3), time(NIGHT));

    let text = told(&plan, vec![release], &["al2023"], &rules(), 3, NIGHT);
    let short = text.replace(&"a".repeat(64), "aaa").replace(&"b".repeat(64), "bbb");
    insta::assert_snapshot!(short, @"
    gitlab-runner on main: 1 release x 1 target = 1 image
          0  to build
          1  built
    WARNING: gitlab-runner-18.6.0-1.x86_64 for al2023 was published again with another content after it was built: sha256:aaa then, sha256:bbb now. It is not built again. Find out why it changed: `rebuild` lets it be built from what is there now, `acknowledge` says that the images are good as they are
    Nothing to build.
    ");
}

#[test]
fn of_many_builds_the_first_fifty_are_told() {
    let versions: Vec<String> = (0..60).map(|minor| format!("18.{minor}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let rules = Rules { max_builds: 1000, ..rules() };
    let (plan, text) = run(&mut tracker(), &versions, &rules, 101, NIGHT);
    let told = text.lines().filter(|line| line.ends_with("  new release")).count();
    assert_eq!((plan.builds.len(), told), (118, 50));
    assert!(text.ends_with("  … and 68 more: builds.json has them all\n"), "{text}");
}

#[test]
fn what_others_wrote_into_a_tracker_can_not_move_the_cursor() {
    let mut document = Document::new("gitlab-runner", "ref\x1b[2J");
    document.succeed(
        &build("18.5.0", "al2023"),
        notes(&[("AMI_ID", "ami\r\n\x1b[1A")]).into(),
        time(NIGHT),
        pipeline(1),
    );
    document.skip(&build("18.6.0", "al2023"), "why\u{9b}31m not", time(NIGHT));
    document.record_scope(&target("al2023"), &Policy::default());
    let (_, text) = run(&mut document, &["18.6.0"], &rules(), 101, NIGHT);
    for text in [table::status(&document, NEVER, false, None), text] {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
    insta::assert_snapshot!(table::status(&document, NEVER, false, None), @"
    gitlab-runner on ref?[2J: 1 building, 1 built, 1 skipped
    PACKAGE                        TARGET  STATE     SINCE (UTC)       ATTEMPTS  MORE
    gitlab-runner-18.5.0-1.x86_64  al2023  built     2026-11-24 02:00  1         gone from the repository since 2026-11-24 02:00 UTC  AMI_ID=ami???[1A
    gitlab-runner-18.6.0-1.x86_64  al2023  skipped   2026-11-24 02:00            why?31m not
    gitlab-runner-18.6.0-1.x86_64  rhel9   building  2026-11-24 02:00  1         https://gitlab.example.com/p/101
    ");
}

#[test]
fn a_tracker_without_entries_is_a_heading() {
    insta::assert_snapshot!(table::status(&Document::new("gitlab-runner", "feature/a"), NEVER, false, None), @"
    gitlab-runner on feature/a: no builds
    PACKAGE  TARGET  STATE  SINCE (UTC)  ATTEMPTS  MORE
    ");
}

/// A night with each kind of decision, and the document that it leaves.
fn a_night_of_every_kind() -> (Document, Plan) {
    let mut document = tracker();
    for id in [91, 92, 93] {
        document.claim(&build("18.6.0", "al2023"), "new_release", None, time("2026-11-21T02:00:00Z"), pipeline(id));
        document.settle(id, time("2026-11-21T03:00:00Z"), &pipeline(id), |_| None);
    }
    document.claim(&build("18.6.0", "rhel9"), "new_release", None, time("2026-11-24T01:30:00Z"), pipeline(100));
    document.skip(&build("18.7.0", "al2023"), "broken upstream", time(NIGHT));
    document.skip(&build("18.7.0", "rhel9"), HOSTILE, time(NIGHT));
    let rules = Rules { max_builds: 1, ..rules() };
    let versions = ["18.5.0", "18.6.0", "18.7.0", "18.8.0"];
    let (plan, _) = run(&mut document, &versions, &rules, 101, NIGHT);
    (document, plan)
}

const HOSTILE: &str = "</skipped>]]>&lt; \"'|`*_[a](b)<b>@all #1 !2 ~3 $4\u{0}\r\n\u{1b}[2J\u{202e}\u{ffff} \u{1f600}";

fn xml(cases: &[junit::Case]) -> String {
    String::from_utf8(junit::report("main", time(NIGHT), cases).expect("XML")).expect("UTF-8")
}

#[test]
fn an_alarm_that_is_about_no_build_is_a_failed_case_of_its_own() {
    let repository = REPOSITORY.to_owned();
    let alarms = [Alarm::Overdue { last_run: time(NIGHT) }, Alarm::Shrank { repository, before: 9, now: 4 }];
    let xml = xml(&junit::cases(&Plan::default(), &alarms));
    for name in ["overdue".to_owned(), format!("shrank: {REPOSITORY}")] {
        assert!(xml.contains(&format!("classname=\"alarms\" name=\"{name}\"")), "{xml}");
    }
    assert_eq!(xml.matches("<failure").count(), 2, "{xml}");
}

#[test]
fn a_plan_as_junit_has_a_case_for_each_release_and_target() {
    let (_, plan) = a_night_of_every_kind();
    let xml = xml(&junit::cases(&plan, &alarms(&plan)));
    insta::assert_snapshot!(xml);
}

#[test]
fn a_build_as_junit_passes_with_its_notes_and_its_time_or_fails_with_its_place() {
    let mut document = tracker();
    let (built, failed) = (build("18.5.0", "al2023"), build("18.6.0", "al2023"));
    document.claim(&failed, "new_release", None, time(NIGHT), pipeline(101));
    document.settle(101, time(NIGHT), &pipeline(101), |_| None);
    let took = SignedDuration::from_secs(1234);
    let case = |build, took| junit::Case::recorded(build, &document, took).expect("an entry");
    let xml = xml(&[case(&built, Some(took)), case(&failed, None)]);
    insta::assert_snapshot!(xml, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites>
      <testsuite name="ami-scheduler on main" tests="2" failures="1" errors="0" skipped="0" timestamp="2026-11-24T02:00:00">
        <testcase classname="al2023" name="gitlab-runner-18.5.0-1.x86_64" time="1234">
          <system-out>built 2026-11-01 02:34 UTC, AMI_ID=ami-0a1</system-out>
        </testcase>
        <testcase classname="al2023" name="gitlab-runner-18.6.0-1.x86_64">
          <failure message="failed 2026-11-24 02:00 UTC, https://gitlab.example.com/p/101">failed 2026-11-24 02:00 UTC, https://gitlab.example.com/p/101</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn a_plan_as_markdown_tells_what_is_built_and_why_the_rest_is_not() {
    let (_, plan) = a_night_of_every_kind();
    insta::assert_snapshot!(markdown::plan("gitlab-runner", "main", time(NIGHT), &plan, &alarms(&plan),));
}

#[test]
fn a_status_as_markdown_is_a_table_newest_first() {
    let (document, _) = a_night_of_every_kind();
    insta::assert_snapshot!(markdown::status(&document, &[], time(NIGHT), NEVER));
}

#[test]
fn a_long_list_in_markdown_ends_with_how_many_more_there_are() {
    let versions: Vec<String> = (0..60).map(|minor| format!("18.{minor}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let (plan, _) = run(&mut tracker(), &versions, &Rules { max_builds: 1000, ..rules() }, 101, NIGHT);
    let text = markdown::plan("gitlab-runner", "main", time(NIGHT), &plan, &[]);
    assert!(text.contains("\n… and 68 more: builds.json has them all.\n"), "{text}");
}

#[test]
fn a_plain_url_stays_one_in_markdown_and_no_other_text_does() {
    let mut document = tracker();
    let reason = "see https://gitlab.example.com/a_b/issues/7, not http://x_y or https://x/`id`";
    document.skip_by_hand(&build("18.6.0", "al2023"), reason, "mary", time(NIGHT));
    let text = markdown::status(&document, &[], time(NIGHT), NEVER);
    let told = r"see https://gitlab.example.com/a_b/issues/7, not http://x\_y or https://x/\`id\`, by mary";
    assert!(text.contains(told), "{text}");
}

#[test]
fn a_case_tells_which_attempt_it_is_about_from_the_second_on() {
    let (mut document, failed) = (tracker(), build("18.6.0", "al2023"));
    for (id, told) in [(1, false), (2, true)] {
        document.claim(&failed, "new_release", None, time(NIGHT), pipeline(id));
        document.settle(id, time(NIGHT), &pipeline(id), |_| None);
        let xml = xml(&[junit::Case::recorded(&failed, &document, None).expect("an entry")]);
        assert_eq!(xml.contains("attempt 2"), told, "{xml}");
        assert_eq!(xml.contains("attempt"), told, "{xml}");
    }
}

#[test]
fn of_two_releases_the_one_that_changed_under_its_name_has_failed() {
    let mut document = tracker();
    for version in ["18.6.0", "18.7.0"] {
        document.claim(&build(version, "al2023"), "new_release", Some(checksum("a")), time(NIGHT), pipeline(2));
        document.succeed(&build(version, "al2023"), Report::default(), time(NIGHT), pipeline(2));
    }
    let offered = |version, digit| Package { checksum: Some(checksum(digit)), ..runner(version) };
    let packages = [offered("18.6.0", "b"), offered("18.7.0", "a")];
    let plan = run_for(&["al2023"], &mut document, &packages, &rules(), &pipeline(3), time(NIGHT));
    let xml = xml(&junit::cases(&plan, &alarms(&plan)));
    let of = |version: &str| xml.split("<testcase").find(|case| case.contains(version)).expect("a case").to_owned();
    assert!(of("18.6.0").contains("<failure") && !of("18.7.0").contains("<failure"), "{xml}");
}

#[test]
fn a_table_on_a_narrow_terminal_has_its_last_column_cut() {
    let (document, _) = a_night_of_every_kind();
    let (whole, narrow) =
        (table::status(&document, NEVER, false, None), table::status(&document, NEVER, false, Some(90)));
    assert!(whole.lines().any(|line| line.chars().count() > 90) && narrow.contains('…'), "{narrow}");
    for (whole, narrow) in whole.lines().zip(narrow.lines()) {
        assert!(narrow.chars().count() <= 90, "{narrow}");
        assert!(whole.starts_with(narrow.trim_end_matches('…')), "{narrow}");
    }
}

#[test]
fn a_table_in_colours_is_the_plain_one_in_colours() {
    let (document, _) = a_night_of_every_kind();
    let coloured = table::status(&document, NEVER, true, None);
    let mut plain = String::new();
    for part in coloured.split('\u{1b}') {
        plain.push_str(if plain.is_empty() && !coloured.starts_with('\u{1b}') {
            part
        } else {
            part.split_once('m').map_or("", |(_, text)| text)
        });
    }
    assert_eq!(plain, table::status(&document, NEVER, false, None));
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mgiven up\u{1b}[0m"), "{coloured:?}");
}

#[test]
fn the_page_allows_its_own_style_and_script_and_nothing_else() {
    let html = page_of(&tracker(), time(NIGHT));
    assert!(html.contains("default-src 'none'; style-src 'sha256-"), "{html}");
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches(" src=").count() + html.matches("http-equiv=\"refresh").count(), 0);
}

/// A forged head can hold notes of any name: GitLab's variables have letters, digits and `_`.
#[test]
fn a_note_name_with_control_characters_reaches_no_page() {
    let mut document = tracker();
    let forged = notes(&[("A\u{1b}[2J\u{202e}\n", "ami-\u{1b}[0m")]);
    document.succeed(&build("18.6.0", "al2023"), forged.into(), time(NIGHT), pipeline(91));
    let html = page_of(&document, time(NIGHT));
    assert!(html.contains("<dt>A?[2J??</dt><dd><code>ami-?[0m</code>"));
    assert!(!html.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn a_reason_of_several_lines_is_one_line_where_it_is_asked_why() {
    let mut document = tracker();
    document.skip_by_hand(
        &build("18.6.0", "al2023"),
        "broken\nto be built: new release\r",
        "mary\u{2028}x",
        time(NIGHT),
    );
    let (plan, _) = run(&mut document, &["18.5.0", "18.6.0"], &rules(), 92, NIGHT);
    let why = report::why(std::iter::empty(), &plan, &document, |package, target| {
        package.evr().version == "18.6.0" && target.is_some_and(|target| target.as_str() == "al2023")
    });
    let lines: Vec<&str> = why.lines().collect();
    assert_eq!(lines[0], "gitlab-runner-18.6.0-1.x86_64 al2023: skipped by mary?x: broken?to be built: new release?");
    assert_eq!(lines.len(), 2, "{why}");
}

#[test]
fn a_build_tells_of_its_earlier_images_and_of_one_that_has_not_passed_its_test() {
    let mut document = tracker();
    let (build, again) = (build("18.5.0", "rhel9"), time("2026-11-20T02:00:00Z"));
    document.rebuild(&build.package, std::slice::from_ref(&build.target), "bad", None, again);
    let (_, _) = run(&mut document, &["18.5.0"], &rules(), 91, "2026-11-20T03:00:00Z");
    let claim = document.get(&build).expect("an entry").claim();
    let mut baked = Baked::default();
    baked.ids.add("us-east-1".parse().expect("a place"), "ami-0c3".parse().expect("an id"));
    let image = Report { claim: Some(claim.clone()), job: 1, baked, needs_test: true, ..Report::default() };
    document.succeed(&build, image, time("2026-11-20T03:30:00Z"), pipeline(92));
    let row = |document: &Document| {
        let table = table::status(document, NEVER, false, None);
        table.lines().find(|line| line.contains("rhel9")).expect("its row").to_owned()
    };
    assert!(
        row(&document).contains("waits for its test: us-east-1=ami-0c3  built before:  AMI_ID=ami-0b2"),
        "{}",
        row(&document)
    );
    document.settle(91, time("2026-11-20T04:00:00Z"), &pipeline(91), |_| None);
    assert!(row(&document).contains("has not passed its test: us-east-1=ami-0c3"), "{}", row(&document));
    document.passed(&build, &claim, time("2026-11-20T05:00:00Z"), pipeline(92)).expect("an image with a test");
    assert!(row(&document).contains("us-east-1=ami-0c3  1 earlier image"), "{}", row(&document));
    let page = page_of(&document, time("2026-11-24T02:34:56Z"));
    assert!(
        page.contains("<summary>1 earlier image</summary>") && page.contains("<code>AMI_ID=ami-0b2</code>"),
        "{page}"
    );
}
