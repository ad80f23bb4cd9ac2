//! Releases that were built and that the repositories no longer offer: what is recorded, told and revoked of them.

use std::collections::BTreeMap;

use crate::common::{baked, build, night, package, pipeline, run_for, runner, runners, target};
use ami_scheduler::alarm::{Alarm, Offer, of_releases, withdrawn_in};
use ami_scheduler::artifacts::Images;
use ami_scheduler::images::{Current, current, in_channel};
use ami_scheduler::plan::{Context, Plan, Rules, Withdrawn, by_hand};
use ami_scheduler::policy::{Keep, Policy, Versions};
use ami_scheduler::release::{BuildKey, Package, Target};
use ami_scheduler::report;
use ami_scheduler::tracker::{Document, Entry, Notes, Pointer, Recorded, Report, Word};
use jiff::Timestamp;
use proptest::prelude::*;

/// The release that goes missing.
const GONE: &str = "18.6.0";
/// Another one of the same series, which is there all the time.
const OTHER: &str = "18.5.0";

fn word(reason: &str, by: &str) -> Word {
    Word { reason: reason.to_owned(), by: Some(by.to_owned()), at: night(1) }
}

fn build_image(document: &mut Document, build: &BuildKey) {
    let baked = baked(&format!("ami-{}", build.package.evr().version));
    document.succeed(build, Report { baked, ..Report::default() }, night(1), pipeline(1));
}

/// A tracker in which both releases are built for al2023.
fn tracker() -> Document {
    let mut document = Document::new("gitlab-runner", "main");
    for version in [OTHER, GONE] {
        build_image(&mut document, &build(version, "al2023"));
    }
    document
}

fn revoking(runs: u64) -> Rules {
    Rules { revoke_withdrawn: Some(runs), ..Rules::default() }
}

/// The night of a pipeline of its own, for al2023.
fn run(document: &mut Document, offered: &[&str], rules: &Rules, day: u64) -> Plan {
    run_of(document, offered, rules, 100 + day, day)
}

fn run_of(document: &mut Document, offered: &[&str], rules: &Rules, id: u64, day: u64) -> Plan {
    let now = night(i64::try_from(day).expect("a day"));
    run_for(&["al2023"], document, &runners(offered), rules, &pipeline(id), now)
}

fn alarms(document: &Document, plan: &Plan) -> Vec<Alarm> {
    let (targets, origin, rules) = ([target("al2023"), target("rhel9")], pipeline(1), Rules::default());
    let context =
        Context { targets: &targets, rules: &rules, ingredients: &BTreeMap::new(), origin: &origin, now: night(1) };
    let mut alarms = of_releases(&Offer { wanted: &[], filtered: &[] }, plan, document, &[], &context);
    alarms.retain(|alarm| matches!(alarm, Alarm::Withdrawn { .. }));
    alarms
}

fn told(document: &Document, plan: &Plan) -> Vec<String> {
    alarms(document, plan).iter().map(|alarm| format!("{}: {alarm}", alarm.kind())).collect()
}

fn is_revoked(document: &Document, version: &str) -> bool {
    let BuildKey { package, target } = build(version, "al2023");
    document.revocation(&package, &target).is_some()
}

fn missing_since(document: &Document, version: &str) -> Option<Timestamp> {
    document.get(&build(version, "al2023")).and_then(Entry::missing_since)
}

/// Whether the last image of a release is the one to use.
fn is_current(document: &Document, version: &str) -> bool {
    current(document, Keep::LatestPerMajor, None, |_| true).iter().any(|image| image.package == &runner(version).nevra)
}

// ---------------------------------------------------------------- what counts as withdrawn

#[test]
fn a_release_is_missing_where_a_run_would_see_it_if_it_were_there() {
    let scope = |versions: &str| Rules {
        scope: Policy { versions: Versions::Leading(versions.parse().expect(versions)), ..Policy::default() },
        ..Rules::default()
    };
    let of_arm = Rules { architectures: [(target("al2023"), "aarch64".to_owned())].into(), ..Rules::default() };
    let of_rhel9 = || vec![Package { targets: Some([target("rhel9")].into()), ..runner(GONE) }, runner(OTHER)];
    let all = Rules::default();
    for (case, offered, targets, rules, is_missing) in [
        ("it is there", runners(&[OTHER, GONE]), vec!["al2023"], &all, false),
        ("it is gone", runners(&[OTHER]), vec!["al2023"], &all, true),
        ("it is there for another target alone", of_rhel9(), vec!["al2023", "rhel9"], &all, true),
        ("its file is another", runners(&[OTHER, "18.6.0-2"]), vec!["al2023"], &all, true),
        ("the run is of another target", runners(&[OTHER]), vec!["rhel9"], &all, false),
        ("the run is of other versions", runners(&["17.1.0"]), vec!["al2023"], &scope("17"), false),
        ("the target has another architecture now", runners(&[OTHER]), vec!["al2023"], &of_arm, false),
        ("the repository is empty", vec![], vec!["al2023"], &all, false),
        (
            "it has another architecture alone",
            vec![package("gitlab-runner-18.7.0-1.aarch64")],
            vec!["al2023"],
            &all,
            false,
        ),
        ("it has nothing for the target", vec![of_rhel9().remove(0)], vec!["al2023", "rhel9"], &all, false),
    ] {
        let mut document = tracker();
        let plan = run_for(&targets, &mut document, &offered, rules, &pipeline(2), night(2));
        assert_eq!(missing_since(&document, GONE), is_missing.then(|| night(2)), "{case}");
        assert_eq!(plan.withdrawn.len(), usize::from(is_missing), "{case}");
    }
}

#[test]
fn what_was_not_built_is_not_missed() {
    let mut document = tracker();
    document.skip(&build("18.1.0", "al2023"), "there at the first run", night(1));
    document.claim(&build("18.2.0", "al2023"), "new_release", None, night(1), pipeline(1));
    document.settle(1, night(1), &pipeline(1), |_| None);
    let plan = run(&mut document, &[OTHER, GONE], &Rules::default(), 2);
    assert_eq!((plan.withdrawn, plan.returned), (vec![], vec![]));
    // What is built anew has an image still.
    document.rebuild(&runner(GONE).nevra, &[], "again", Some("mary"), night(2));
    assert_eq!(run(&mut document, &[OTHER], &Rules::default(), 3).withdrawn.len(), 1);
}

/// Who says beforehand that an image stays is not overruled, and the alarm ends.
#[test]
fn a_person_may_say_that_a_release_goes_on_to_be_used_before_the_rule_revokes_it() {
    let mut document = tracker();
    let rules = revoking(3);
    assert_eq!(run(&mut document, &[OTHER], &rules, 2).withdrawn.len(), 1);
    let word = word("keep it", "mary");
    let package = runner(GONE).nevra;
    assert_eq!(document.revoke(&package, None, false, &word), Recorded::Changed);
    assert_eq!(document.revoke(&package, None, false, &word), Recorded::AsBefore, "it was said");
    for day in 3..9 {
        let plan = run(&mut document, &[OTHER], &rules, day);
        assert_eq!((told(&document, &plan), is_revoked(&document, GONE)), (vec![], false), "night {day}");
    }
}

#[test]
fn a_version_by_hand_looks_for_no_other_release() {
    let mut document = tracker();
    let (targets, rules, origin) = ([target("al2023")], revoking(1), pipeline(2));
    let context =
        Context { targets: &targets, rules: &rules, ingredients: &BTreeMap::new(), origin: &origin, now: night(2) };
    by_hand(&runners(&["18.7.0"]), &mut document, Some("mary"), &context);
    assert_eq!(missing_since(&document, GONE), None);
}

// ---------------------------------------------------------------- what is told

#[test]
fn what_is_in_use_is_told_each_night_and_the_rest_on_the_night_it_went_missing() {
    let mut document = tracker();
    let offered = ["18.9.0"];
    build_image(&mut document, &build("18.9.0", "rhel9"));
    let first = run(&mut document, &offered, &Rules::default(), 2);
    let in_use = |version: &str| {
        format!(
            "withdrawn: gitlab-runner-{version}-1.x86_64 for al2023 has been gone from the repository since 2026-11-02 02:00 \
             UTC. An image of it is current, or in a channel. Was it withdrawn? `revoke` takes its images out of use. Where \
             the repository only drops old releases, nothing is to be done"
        )
    };
    let not_in_use = "withdrawn: gitlab-runner-18.5.0-1.x86_64 for al2023 has been gone from the repository since 2026-11-02 \
                      02:00 UTC. None of its images is current or in a channel, so that this is told once. If it was \
                      withdrawn, `revoke` keeps it so; where the repository only drops old releases, nothing is to be done";
    assert_eq!(told(&document, &first), [not_in_use.to_owned(), in_use(GONE)]);
    for day in [3, 4] {
        let later = run(&mut document, &offered, &Rules::default(), day);
        assert_eq!(told(&document, &later), [in_use(GONE)]);
        assert_eq!(withdrawn_in(&document), alarms(&document, &later));
    }
    // A person has heard of it. What takes its place is missing, too.
    document.revoke(&runner(GONE).nevra, None, true, &word("withdrawn", "mary"));
    let later = run(&mut document, &offered, &Rules::default(), 5);
    assert_eq!(told(&document, &later), [in_use(OTHER)]);
    assert_eq!(withdrawn_in(&document), alarms(&document, &later));
}

#[test]
fn what_a_channel_points_to_is_in_use() {
    let mut document = tracker();
    let BuildKey { package, target } = build(OTHER, "al2023");
    let image = document.image(&package, &target).map(|(key, _)| key.clone()).expect("an image");
    let slot = "al2023 x86_64 18".parse().expect("a slot");
    let stable = "stable".parse().expect("a channel");
    document.promote(&stable, slot, Some(Pointer { package, image }), word("a week in staging", "mary"));
    for day in [2, 3] {
        let plan = run(&mut document, &[GONE], &Rules::default(), day);
        assert!(matches!(&alarms(&document, &plan)[..], [Alarm::Withdrawn { in_use: true, .. }]), "{plan:?}");
    }
    let pointed = in_channel(&document, &stable, None, |_| true);
    assert_eq!(pointed.iter().map(|image| image.missing_since).collect::<Vec<_>>(), [Some(night(2))]);
}

#[test]
fn a_release_is_told_once_for_all_its_targets_with_the_first_night() {
    let mut document = tracker();
    for version in [OTHER, GONE] {
        build_image(&mut document, &build(version, "rhel9"));
    }
    run(&mut document, &[OTHER], &Rules::default(), 2);
    let both = ["al2023", "rhel9"];
    let plan = run_for(&both, &mut document, &runners(&[OTHER]), &Rules::default(), &pipeline(3), night(3));
    let all: Vec<Target> = both.iter().map(|name| target(name)).collect();
    let package = runner(GONE).nevra;
    let alarm = Alarm::Withdrawn { package, targets: all, since: night(2), in_use: true, is_revoked: false };
    assert_eq!(alarms(&document, &plan), [alarm]);
}

#[test]
fn a_release_that_comes_back_is_said_once() {
    let mut document = tracker();
    run(&mut document, &[OTHER], &revoking(1), 2);
    let back = run(&mut document, &[OTHER, GONE], &Rules::default(), 3);
    let [returned] = &back.returned[..] else { panic!("{back:?}") };
    assert_eq!((&returned.build, returned.since), (&build(GONE, "al2023"), night(2)));
    let because = "gone from the repository since 2026-11-02 02:00 UTC, missed by 1 run: the rule revoke_withdrawn";
    assert_eq!(returned.revoked.as_deref(), Some(because));
    assert!(is_revoked(&document, GONE) && missing_since(&document, GONE).is_none());
    assert_eq!(run(&mut document, &[OTHER, GONE], &Rules::default(), 4).returned, []);
}

#[test]
fn images_are_marked_and_what_is_current_stays_so() {
    let mut document = tracker();
    run(&mut document, &[OTHER], &Rules::default(), 2);
    let images = [(&document, current(&document, Keep::LatestPerMajor, None, |_| true))];
    let [(_, of_al2023)] = &images;
    assert_eq!(of_al2023.iter().map(|image| image.package.evr().version.as_str()).collect::<Vec<_>>(), [GONE]);
    let json = Images::new(&images, |_: &Current<'_>| true).to_json().expect("JSON");
    assert!(json.contains("\"withdrawn\": \"2026-11-02T02:00:00Z\""), "{json}");
    let table = report::images(&document, None, of_al2023, None, night(3));
    assert!(
        table.contains("WITHDRAWN: gone from the repository since 2026-11-02 02:00 UTC  eu-central-1=ami-"),
        "{table}"
    );
}

// ---------------------------------------------------------------- revoke_withdrawn

#[test]
fn a_release_that_so_many_runs_have_missed_is_revoked_once() {
    let mut document = tracker();
    for (day, revoked) in [(2, false), (3, false), (4, true), (5, true)] {
        let plan = run(&mut document, &[OTHER], &revoking(3), day);
        assert_eq!(is_revoked(&document, GONE), revoked, "night {day}");
        let kinds: Vec<bool> = plan.withdrawn.iter().map(|withdrawn| withdrawn.is_revoked).collect();
        assert_eq!(kinds, if day == 5 { vec![] } else { vec![revoked] }, "night {day}");
        if day == 4 {
            let sentence = "withdrawn: gitlab-runner-18.6.0-1.x86_64 for al2023 has been gone from the repository since \
                            2026-11-02 02:00 UTC. The rule revoke_withdrawn revokes it: its images are not used before \
                            `unrevoke`, and a channel that points to one is told of";
            assert_eq!(told(&document, &plan), [sentence]);
        }
    }
    assert!(is_current(&document, OTHER) && !is_current(&document, GONE));
    let revocation = document.revocation(&runner(GONE).nevra, &target("al2023")).expect("a word");
    assert_eq!((revocation.by.as_deref(), revocation.at), (None, night(4)));
}

#[test]
fn a_run_that_is_tried_again_counts_revokes_and_tells_once_and_the_same() {
    let mut document = tracker();
    for day in 2..=5 {
        let first = run(&mut document, &[OTHER], &revoking(3), day);
        let recorded = document.clone();
        let again = run(&mut document, &[OTHER], &revoking(3), day);
        assert_eq!((first.withdrawn, document.clone()), (again.withdrawn, recorded), "night {day}");
    }
}

#[test]
fn outside_of_gitlab_each_run_counts() {
    let mut document = tracker();
    for (day, is_new, is_revoked) in [(2, true, false), (3, false, false), (4, false, true)] {
        let plan = run_of(&mut document, &[OTHER], &revoking(3), 0, day);
        let [Withdrawn { is_new: new, is_revoked: revoked, .. }] = plan.withdrawn[..] else { panic!("{plan:?}") };
        assert_eq!((new, revoked), (is_new, is_revoked), "night {day}");
    }
}

#[test]
fn what_a_person_has_said_since_it_went_missing_holds() {
    type Said = fn(&mut Document, bool, &Word) -> Recorded;
    let of_all: Said = |document, revoked, word| document.revoke(&runner(GONE).nevra, None, revoked, word);
    let of_one: Said =
        |document, revoked, word| document.revoke(&runner(GONE).nevra, Some(&target("al2023")), revoked, word);
    for (case, said) in [("for all targets", of_all), ("for one", of_one)] {
        // After the rule has revoked it.
        let mut document = tracker();
        run(&mut document, &[OTHER], &revoking(1), 2);
        said(&mut document, false, &word("it is good", "mary"));
        for day in 3..9 {
            run(&mut document, &[OTHER], &revoking(1), day);
        }
        assert!(!is_revoked(&document, GONE) && is_current(&document, GONE), "{case}");
        // In its next absence the rule applies again.
        run(&mut document, &[OTHER, GONE], &revoking(1), 9);
        run(&mut document, &[OTHER], &revoking(1), 10);
        assert!(is_revoked(&document, GONE), "{case}");

        // Before the rule would have.
        let mut document = tracker();
        run(&mut document, &[OTHER], &revoking(3), 2);
        for revoked in [true, false] {
            said(&mut document, revoked, &word("is it good?", "mary"));
        }
        for day in 3..9 {
            run(&mut document, &[OTHER], &revoking(3), day);
        }
        assert!(!is_revoked(&document, GONE), "{case}");
    }
}

#[test]
fn a_release_that_was_revoked_before_it_went_missing_is_not_revoked_again() {
    let mut document = tracker();
    document.revoke(&runner(GONE).nevra, None, true, &word("it deletes jobs", "mary"));
    for day in 2..6 {
        assert_eq!(run(&mut document, &[OTHER], &revoking(2), day).withdrawn, []);
    }
    let revocation = document.revocation(&runner(GONE).nevra, &target("al2023")).expect("a word");
    assert_eq!(revocation.in_words(), "it deletes jobs, by mary");
}

#[test]
fn a_night_in_which_nothing_changes_writes_nothing() {
    for (rules, changing) in [(Rules::default(), 1), (revoking(1), 1), (revoking(4), 4)] {
        let mut document = tracker();
        run(&mut document, &[OTHER, GONE], &rules, 2);
        let changed = (3..12).filter(|day| {
            let before = document.clone();
            run(&mut document, &[OTHER], &rules, *day);
            document != before
        });
        assert_eq!(changed.collect::<Vec<_>>(), (3..3 + changing).collect::<Vec<_>>());
    }
}

#[test]
fn an_absence_is_merged_on_its_own_and_not_lost_to_a_later_state() {
    let before = tracker();
    let mut missing = before.clone();
    run(&mut missing, &[OTHER], &revoking(3), 2);
    let mut rebuilt = before.clone();
    rebuilt.rebuild(&runner(GONE).nevra, &[], "a new base", Some("mary"), night(2));
    let notes = Notes::from([("AMI_ID".to_owned(), "ami-9".to_owned())]);
    rebuilt.succeed(&build(GONE, "al2023"), notes.into(), night(2), pipeline(9));
    let merged = missing.merge(rebuilt);
    let entry = merged.get(&build(GONE, "al2023")).expect("an entry");
    assert_eq!((entry.epoch, entry.missing_since()), (1, Some(night(2))));
}

/// A night: whether the release is there, whether the job is tried again, and what a person says of it before.
type Night = (bool, bool, Option<bool>);

fn nights() -> impl Strategy<Value = Vec<Night>> {
    proptest::collection::vec((any::<bool>(), any::<bool>(), proptest::option::weighted(0.2, any::<bool>())), 0..16)
}

/// Plays nights; `after` each run it is told how many of them in a row have missed the release by then.
fn play(nights: &[Night], rules: &Rules, mut after: impl FnMut(&Document, u64)) -> Document {
    let mut document = tracker();
    let mut missed = 0;
    for (day, (is_there, is_retried, said)) in (2..).zip(nights) {
        if let Some(revoked) = said {
            document.revoke(&runner(GONE).nevra, None, *revoked, &word("a person's word", "mary"));
        }
        missed = if *is_there { 0 } else { missed + 1 };
        let offered: &[&str] = if *is_there { &[OTHER, GONE] } else { &[OTHER] };
        for _ in 0..=u8::from(*is_retried) {
            run(&mut document, offered, rules, day);
            after(&document, missed);
        }
    }
    document
}

proptest! {
    #[test]
    fn a_rule_that_is_off_revokes_nothing(nights in nights()) {
        let nights: Vec<Night> = nights.into_iter().map(|(is_there, is_retried, _)| (is_there, is_retried, None)).collect();
        let document = play(&nights, &Rules::default(), |_, _| {});
        prop_assert!(!is_revoked(&document, GONE));
    }

    #[test]
    fn a_release_is_revoked_on_the_night_that_makes_so_many_in_a_row_and_on_none_before(nights in nights(), runs in 1u64..5) {
        let nights: Vec<Night> = nights.into_iter().map(|(is_there, is_retried, _)| (is_there, is_retried, None)).collect();
        let mut was_due = false;
        play(&nights, &revoking(runs), |document, missed| {
            was_due |= missed >= runs;
            assert_eq!(is_revoked(document, GONE), was_due, "{missed} of {runs} in {nights:?}");
        });
    }

    #[test]
    fn a_run_that_is_tried_again_changes_nothing(nights in nights(), runs in 1u64..5) {
        let once: Vec<Night> = nights.iter().map(|(is_there, _, said)| (*is_there, false, *said)).collect();
        prop_assert_eq!(play(&nights, &revoking(runs), |_, _| {}), play(&once, &revoking(runs), |_, _| {}));
    }

    #[test]
    fn a_persons_word_is_not_undone_in_the_same_absence(before in nights(), revoked in any::<bool>(), after in 1u64..9, runs in 1u64..5) {
        let mut document = play(&before, &revoking(runs), |_, _| {});
        let day = 100;
        run(&mut document, &[OTHER], &revoking(runs), day);
        for revoked in [!revoked, revoked] {
            document.revoke(&runner(GONE).nevra, None, revoked, &word("a person's word", "mary"));
        }
        for later in 1..=after {
            run(&mut document, &[OTHER], &revoking(runs), day + later);
            prop_assert_eq!(is_revoked(&document, GONE), revoked);
        }
    }
}
