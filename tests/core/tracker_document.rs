//! What a tracker's document says, and what each change does to it.

use std::collections::BTreeSet;

use crate::common::{adopted, baked, build, checksum, night, pipeline, runner, target, targets, time};
use ami_scheduler::policy::Policy;
use ami_scheduler::release::{BuildKey, Nevra};
use ami_scheduler::tracker::{
    ChannelName, Claim, Document, Entry, ImageKey, Notes, Origin, Pointer, Recorded, Report, Slot, Standing, State,
    Success, Word,
};
use jiff::Timestamp;

fn empty() -> Document {
    Document::new("gitlab-runner", "main")
}

/// The build that most of this is about.
fn one() -> BuildKey {
    build("18.6.0", "al2023")
}

fn notes(ami: &str) -> Notes {
    Notes::from([("AMI_ID".to_owned(), ami.to_owned())])
}

fn entry(document: &Document) -> &Entry {
    document.get(&one()).expect("an entry")
}

/// The id of the image of [`one`] that counts.
fn ami(document: &Document) -> Option<&str> {
    document.image(&one().package, &one().target)?.1.notes.get("AMI_ID").map(String::as_str)
}

/// The images of [`one`], as their keys and ids, the oldest first.
fn images(document: &Document) -> Vec<String> {
    let BuildKey { package, target } = one();
    let told = document.images(&package, &target).map(|(key, image)| format!("{key} {}", image.notes["AMI_ID"]));
    told.collect()
}

fn claim(text: &str) -> Claim {
    text.parse().expect(text)
}

fn success(document: &mut Document, of: &str, job: u64, id: &str) -> Success {
    let report = Report { claim: Some(claim(of)), job, notes: notes(id), ..Report::default() };
    document.succeed(&one(), report, night(9), pipeline(900))
}

#[test]
fn a_document_is_json_with_what_is_known_and_nothing_else() {
    let mut document = empty();
    document.record_scope(&target("al2023"), &Policy::default());
    document.remember_run("", 7, night(2));
    let origin = Origin { job_url: Some("https://gitlab.example.com/j/9".to_owned()), ..pipeline(7) };
    document.claim(&one(), "new_release", Some(checksum("a")), night(2), origin.clone());
    document.record_first_seen(&build("18.7.0", "al2023"), night(2));
    document.succeed(&one(), notes("ami-1").into(), night(3), Origin { lane: Some("v18-".to_owned()), ..origin });
    let json = String::from_utf8(document.to_json().expect("JSON")).expect("UTF-8");
    insta::assert_snapshot!(json.replace(&"a".repeat(64), "aaa"), @r#"
    {
      "format": "ami-scheduler/tracker/2",
      "product": "gitlab-runner",
      "ref": "main",
      "targets": [
        "al2023"
      ],
      "scopes": {
        "al2023": [
          {
            "versions": "*"
          }
        ]
      },
      "runs": {
        "": {
          "pipeline": 7,
          "at": "2026-11-02T02:00:00Z"
        }
      },
      "entries": {
        "gitlab-runner-18.6.0-1.x86_64": {
          "al2023": {
            "state": "built",
            "attempt": 1,
            "since": "2026-11-03T02:00:00Z",
            "pipeline": 7,
            "pipeline_url": "https://gitlab.example.com/p/7",
            "job_url": "https://gitlab.example.com/j/9",
            "lane": "v18-",
            "first_seen": "2026-11-02T02:00:00Z",
            "file": {
              "checksum": "sha256:aaa"
            },
            "rule": "new_release"
          }
        },
        "gitlab-runner-18.7.0-1.x86_64": {
          "al2023": {
            "state": "pending",
            "since": "2026-11-02T02:00:00Z",
            "first_seen": "2026-11-02T02:00:00Z"
          }
        }
      },
      "images": {
        "gitlab-runner-18.6.0-1.x86_64": {
          "al2023": {
            "0.1@7/v18-": {
              "recorded": "2026-11-03T02:00:00Z",
              "notes": {
                "AMI_ID": "ami-1"
              },
              "job_url": "https://gitlab.example.com/j/9"
            }
          }
        }
      }
    }
    "#);
}

#[test]
fn a_document_says_whose_it_is() {
    let document = empty();
    assert_eq!((document.product(), document.reference()), ("gitlab-runner", "main"));
    let name = document.tracker_name().expect("a name").to_string();
    assert_eq!(name, "ami-scheduler.gitlab-runner.main-0d6e4079");
}

#[test]
fn a_target_is_known_by_a_run_and_not_by_what_a_person_said_of_it() {
    let mut document = empty();
    assert!(!document.knows(&target("al2023")));
    document.skip_by_hand(&one(), "does not start", "mary", night(1));
    document.claim_by_hand(&build("18.6.0", "rhel8"), None, None, night(1), pipeline(1));
    assert_eq!(document.targets(), BTreeSet::new());
    assert!(!document.knows(&target("al2023")) && !document.knows(&target("rhel8")));
    document.record_scope(&target("rhel9"), &Policy::default());
    document.skip(&build("18.5.0", "al2023"), "there at the first run", night(1));
    assert_eq!(document.targets(), targets(&["al2023", "rhel9"]).iter().collect());
    assert!(document.knows(&target("rhel9")) && document.knows(&target("al2023")));
}

#[test]
fn a_release_is_covered_where_a_run_was_about_such_releases() {
    let x86_only = Policy { architectures: vec!["x86_64".to_owned()], ..Policy::default() };
    let arm = crate::common::package("gitlab-runner-18.6.0-1.aarch64").nevra;
    let x86 = runner("18.6.0").nevra;
    let mut document = empty();
    assert!(!document.covered(&target("al2023"))(&x86));
    document.record_scope(&target("al2023"), &x86_only);
    assert!(document.covered(&target("al2023"))(&x86) && !document.covered(&target("al2023"))(&arm));
    assert!(!document.covered(&target("rhel9"))(&x86));
    // A build that was recorded without any scope: its run was about whatever there was.
    document.succeed(&build("18.5.0", "rhel9"), Report::default(), night(1), pipeline(1));
    assert!(document.covered(&target("rhel9"))(&arm));
}

#[test]
fn each_lane_has_a_last_run_which_is_the_latest() {
    let mut document = empty();
    assert_eq!((document.last_run("v18-"), document.runs().len()), (None, 0));
    // The third runs on a clock that is late.
    for (lane, pipeline, day) in [("v18-", 2, 2), ("v18-", 1, 3), ("v18-", 3, 1), ("v17-", 0, 2), ("v17-", 0, 1)] {
        document.remember_run(lane, pipeline, night(day));
    }
    let runs: Vec<_> = document.runs().iter().map(|(lane, run)| (lane.as_str(), run.pipeline, run.at)).collect();
    assert_eq!(runs, [("v17-", 0, night(2)), ("v18-", 3, night(1))]);
    assert_eq!(document.last_run("v18-"), Some(night(1)));
}

#[test]
fn a_success_has_the_pipeline_of_its_claim_and_the_attempt_after_what_was_recorded() {
    type Known = fn(&mut Document);
    let cases: [(&str, Known, u64, u64); 6] = [
        ("nothing", |_| {}, 9, 1),
        ("seen", |document| document.record_first_seen(&one(), night(1)), 9, 1),
        ("claimed", |document| document.claim(&one(), "new_release", None, night(1), pipeline(7)), 7, 1),
        (
            "claimed on a laptop",
            |document| document.claim(&one(), "new_release", None, night(1), Origin::default()),
            9,
            1,
        ),
        (
            "failed",
            |document| {
                document.claim(&one(), "new_release", None, night(1), pipeline(7));
                document.settle(7, night(1), &pipeline(7), |_| None);
            },
            9,
            1,
        ),
        ("built", |document| _ = document.succeed(&one(), notes("ami-0").into(), night(1), pipeline(7)), 9, 2),
    ];
    for (known, record, pipeline_id, attempt) in cases {
        let mut document = empty();
        record(&mut document);
        assert_eq!(document.succeed(&one(), notes("ami-1").into(), night(2), pipeline(9)), Success::Counts, "{known}");
        let entry = entry(&document);
        assert_eq!((entry.origin.pipeline, entry.attempt), (pipeline_id, attempt), "{known}");
        assert_eq!((entry.state, entry.since, ami(&document)), (State::Built, night(2), Some("ami-1")), "{known}");
    }
}

#[test]
fn a_success_that_says_nothing_new_is_none() {
    let mut document = empty();
    document.succeed(&one(), notes("ami-1").into(), night(1), pipeline(7));
    for (reported, recorded) in
        [(notes("ami-1"), Success::AsBefore), (Notes::new(), Success::AsBefore), (notes("ami-2"), Success::Counts)]
    {
        assert_eq!(document.succeed(&one(), reported.clone().into(), night(2), pipeline(8)), recorded, "{reported:?}");
    }
    assert_eq!(images(&document), ["0.1@7 ami-1", "0.2@8 ami-2"]);
}

#[test]
fn another_state_keeps_what_is_about_the_build_and_loses_what_was_about_the_state() {
    let mut document = empty();
    document.record_first_seen(&one(), night(1));
    document.claim(&one(), "new_release", Some(checksum("a")), night(2), pipeline(7));
    document.settle(7, night(2), &pipeline(7), |_| Some("https://gitlab.example.com/j/1".to_owned()));
    document.back_off(&one(), 8);
    document.record_given_up(&one(), night(3));
    let failed = entry(&document).clone();
    assert_eq!(
        (failed.state, failed.origin.job_url.as_deref()),
        (State::Failed, Some("https://gitlab.example.com/j/1"))
    );
    assert!(failed.passed_over.is_some_and(|passed| (passed.runs, passed.pipeline) == (1, 8)));
    assert_eq!(failed.given_up, Some(night(3)));

    document.claim(&one(), "failed_before", None, night(4), pipeline(10));

    let claim = entry(&document);
    assert_eq!((claim.state, claim.attempt, claim.since), (State::Building, 2, night(4)));
    assert_eq!((&claim.origin, claim.rule.as_deref()), (&pipeline(10), Some("new_release")));
    assert_eq!((claim.first_seen, claim.checksum()), (Some(night(1)), Some(&checksum("a"))));
    assert_eq!((claim.passed_over, claim.given_up, &claim.reason, &claim.by), (None, None, &None, &None));
}

#[test]
fn a_run_passes_a_build_over_once_however_often_it_runs() {
    let mut document = empty();
    document.claim(&one(), "new_release", None, night(1), pipeline(1));
    document.settle(1, night(1), &pipeline(1), |_| None);
    for (pipeline_id, runs) in [(2, 1), (2, 1), (3, 2), (0, 3), (0, 4)] {
        document.back_off(&one(), pipeline_id);
        assert_eq!(entry(&document).passed_over.map(|passed| passed.runs), Some(runs), "{pipeline_id}");
    }
}

#[test]
fn a_pipeline_settles_the_claims_of_its_own_lane() {
    let lane = |name: Option<&str>, id: u64| Origin { lane: name.map(str::to_owned), ..pipeline(id) };
    let mut document = empty();
    for (version, origin) in
        [("18.1.0", lane(None, 7)), ("18.2.0", lane(Some("v18-"), 7)), ("18.3.0", lane(Some("v18-"), 8))]
    {
        document.claim(&build(version, "al2023"), "new_release", None, night(1), origin);
    }
    document.succeed(&build("18.4.0", "al2023"), Report::default(), night(1), lane(Some("v18-"), 7));
    let settled = document.settle(7, night(2), &lane(Some("v18-"), 70), |_| None);
    assert_eq!(settled, [build("18.2.0", "al2023")]);
    let failed = document.get(&settled[0]).expect("an entry");
    assert_eq!((failed.state, failed.origin.pipeline, failed.since), (State::Failed, 7, night(2)));
    assert_eq!(document.settle(7, night(2), &lane(Some("v18-"), 70), |_| None), []);
}

#[test]
fn what_is_adopted_takes_the_place_of_what_is_less() {
    type Adopt = fn(&mut Document) -> Recorded;
    let skip: Adopt = |document| document.skip(&one(), "there at the first run", night(9));
    let import: Adopt = |document| document.import(&one(), "from the plain-text tracker", night(9));
    let image: Adopt = |document| document.import_image(&one(), adopted(notes("ami-9"), "there is an image"), night(9));
    let built: Adopt = |document| {
        document.succeed(&one(), notes("ami-1").into(), night(1), pipeline(1));
        Recorded::Changed
    };
    let claimed: Adopt = |document| {
        document.claim(&one(), "new_release", None, night(1), pipeline(1));
        Recorded::Changed
    };
    let nothing: Adopt = |_| Recorded::AsBefore;
    for (case, before, adopt, recorded, state, noted) in [
        ("a skip of nothing", nothing, skip, Recorded::Changed, State::Skipped, None),
        ("a skip of a claim", claimed, skip, Recorded::Changed, State::Skipped, None),
        ("a skip of a skip", skip, skip, Recorded::AsBefore, State::Skipped, None),
        ("a skip of a success", built, skip, Recorded::AsBefore, State::Built, Some("ami-1")),
        ("an import of nothing", nothing, import, Recorded::Changed, State::Built, None),
        ("an import of a skip", skip, import, Recorded::Changed, State::Built, None),
        ("an import of a success", built, import, Recorded::AsBefore, State::Built, Some("ami-1")),
        ("an image of nothing", nothing, image, Recorded::Changed, State::Built, Some("ami-9")),
        ("an image of a success", built, image, Recorded::AsBefore, State::Built, Some("ami-1")),
    ] {
        let mut document = empty();
        before(&mut document);
        assert_eq!(adopt(&mut document), recorded, "{case}");
        let entry = entry(&document);
        assert_eq!((entry.state, ami(&document)), (state, noted), "{case}");
        assert!(recorded == Recorded::AsBefore || (entry.reason.is_some() && entry.since == night(9)), "{case}");
    }
}

#[test]
fn a_skip_by_hand_is_recorded_once_and_of_a_success_not_at_all() {
    let mut document = empty();
    for (reason, by, recorded) in [
        ("broken", "mary", Recorded::Changed),
        ("broken", "mary", Recorded::AsBefore),
        ("broken", "joe", Recorded::Changed),
        ("slow", "joe", Recorded::Changed),
    ] {
        let later = entry_count(&document) + 1;
        assert_eq!(document.skip_by_hand(&one(), reason, by, night(later)), recorded, "{reason} {by}");
    }
    document.succeed(&one(), Report::default(), night(9), pipeline(9));
    assert_eq!(document.skip_by_hand(&one(), "useless", "mary", night(10)), Recorded::AsBefore);
    assert_eq!(entry(&document).state, State::Built);
}

/// A day that is later with each word that was recorded.
fn entry_count(document: &Document) -> i64 {
    document.get(&one()).map_or(0, |entry| (entry.since.as_second() - night(1).as_second()) / 86_400 + 1)
}

#[test]
fn a_rebuild_and_an_unskip_are_about_the_targets_that_are_named_or_about_all() {
    let all = ["al2023", "rhel8", "rhel9"];
    for (named, expected) in [(&[][..], &all[..]), (&["rhel9"], &["rhel9"]), (&["debian"], &[])] {
        let mut document = empty();
        for name in all {
            document.skip_by_hand(&build("18.6.0", name), "broken", "mary", night(1));
            document.skip_by_hand(&build("18.7.0", name), "broken", "mary", night(1));
        }
        let mut rebuilt = document.clone();
        document.succeed(&build("18.6.0", "rhel8"), Report::default(), night(1), pipeline(1));

        let done = rebuilt.rebuild(&runner("18.6.0").nevra, &targets(named), "again", Some("joe"), night(2));
        let taken_back = document.unskip(&runner("18.6.0").nevra, &targets(named), "joe", night(2));

        let builds = |names: &[&str]| names.iter().map(|name| build("18.6.0", name)).collect::<Vec<_>>();
        assert_eq!(done, builds(expected));
        let still_skipped: Vec<&str> = expected.iter().copied().filter(|name| *name != "rhel8").collect();
        assert_eq!(taken_back, builds(&still_skipped));
        for one in done {
            let entry = rebuilt.get(&one).expect("an entry");
            assert_eq!((entry.state, entry.epoch, entry.attempt), (State::Pending, 1, 0));
            assert_eq!((entry.reason.as_deref(), entry.by.as_deref()), (Some("again"), Some("joe")));
            assert!(entry.is_asked_for());
        }
        for one in taken_back {
            let entry = document.get(&one).expect("an entry");
            assert_eq!(
                (entry.state, entry.reason.as_deref(), entry.by.as_deref()),
                (State::Pending, None, Some("joe"))
            );
            assert!(!entry.is_asked_for());
        }
    }
}

#[test]
fn what_is_asked_for_by_hand_is_a_first_attempt_of_a_person() {
    let mut document = empty();
    document.succeed(&one(), notes("ami-1").into(), night(1), pipeline(1));
    document.claim_by_hand(&one(), Some("mary"), Some(checksum("a")), night(2), pipeline(2));
    let entry = entry(&document);
    assert_eq!((entry.state, entry.epoch, entry.attempt, entry.since), (State::Building, 1, 1, night(2)));
    assert_eq!((entry.reason.as_deref(), entry.by.as_deref()), (Some("asked for by hand"), Some("mary")));
    assert_eq!(
        (entry.rule.as_deref(), entry.checksum(), ami(&document)),
        (Some("asked_for"), Some(&checksum("a")), Some("ami-1")),
        "the last success is what there is until the next"
    );
    assert!(entry.is_asked_for());
}

/// Field tests, tracker 1, 2.
#[test]
fn a_success_counts_unless_the_build_was_asked_for_anew_or_a_later_attempt_has_succeeded() {
    type Since = fn(&mut Document);
    let lapsed: Since = |document| document.claim(&one(), "claim_lapsed", None, night(3), pipeline(8));
    let cases: [(&str, Since, Success, &[&str]); 8] = [
        ("nothing", |_| {}, Success::Counts, &["0.1@7#50 ami-1"]),
        ("its claim lapsed, and another pipeline has one", lapsed, Success::Counts, &["0.1@7#50 ami-1"]),
        (
            "it was settled",
            |document| drop(document.settle(7, night(2), &pipeline(7), |_| None)),
            Success::Counts,
            &["0.1@7#50 ami-1"],
        ),
        (
            "it was given back",
            |document| drop(document.give_back(7, None, night(2), |_| true)),
            Success::Counts,
            &["0.1@7#50 ami-1"],
        ),
        (
            "skipped",
            |document| _ = document.skip_by_hand(&one(), "useless", "mary", night(2)),
            Success::Counts,
            &["0.1@7#50 ami-1"],
        ),
        (
            "it was asked for anew",
            |document| drop(document.rebuild(&one().package, &[], "broken", None, night(2))),
            Success::AskedForSince,
            &["0.1@7#50 ami-1"],
        ),
        (
            "it was asked for anew, and that was built",
            |document| {
                document.rebuild(&one().package, &[], "broken", None, night(2));
                document.claim(&one(), "asked_for", None, night(3), pipeline(8));
                success(document, "1.1@8", 60, "ami-2");
            },
            Success::AskedForSince,
            &["0.1@7#50 ami-1", "1.1@8#60 ami-2"],
        ),
        (
            "a later attempt has succeeded",
            |document| {
                document.claim(&one(), "claim_lapsed", None, night(3), pipeline(8));
                success(document, "0.2@8", 60, "ami-2");
            },
            Success::Superseded,
            &["0.1@7#50 ami-1", "0.2@8#60 ami-2"],
        ),
    ];
    for (since, record, expected, all) in cases {
        let mut document = empty();
        document.claim(&one(), "new_release", Some(checksum("a")), night(1), pipeline(7));
        record(&mut document);
        let before = entry(&document).clone();
        assert_eq!(success(&mut document, "0.1@7", 50, "ami-1"), expected, "{since}");
        assert_eq!(images(&document), all, "{since}");
        if expected == Success::Counts {
            let entry = entry(&document);
            assert_eq!((entry.state, entry.origin.pipeline), (State::Built, 7), "{since}");
        } else {
            assert_eq!(entry(&document), &before, "{since}");
        }
        assert_eq!(
            success(&mut document, "0.1@7", 50, "ami-1"),
            if expected == Success::Counts { Success::AsBefore } else { expected }
        );
        assert_eq!(images(&document), all, "{since}, and it is recorded twice");
    }
}

#[test]
fn a_job_that_is_retried_records_the_image_that_it_made_then_beside_the_first() {
    let mut document = empty();
    document.claim(&one(), "new_release", Some(checksum("a")), night(1), pipeline(7));
    assert_eq!(success(&mut document, "0.1@7", 50, "ami-1"), Success::Counts);
    assert_eq!(success(&mut document, "0.1@7", 51, "ami-1"), Success::AsBefore);
    assert_eq!(success(&mut document, "0.1@7", 52, "ami-2"), Success::Counts);
    assert_eq!(
        (images(&document), ami(&document)),
        (vec!["0.1@7#50 ami-1".to_owned(), "0.1@7#52 ami-2".to_owned()], Some("ami-2"))
    );
    let (_, image) = document.image(&one().package, &one().target).expect("an image");
    assert_eq!(image.checksum, Some(checksum("a")));
}

#[test]
fn a_claim_that_is_given_back_is_no_attempt() {
    let mut document = empty();
    for (pipeline_id, ends, attempts) in
        [(1, "given back", 0), (2, "failed", 1), (3, "given back", 1), (4, "failed", 2)]
    {
        document.claim(&one(), "new_release", None, night(1), pipeline(pipeline_id));
        assert_eq!(entry(&document).attempts(), attempts + u64::from(ends == "given back"), "{pipeline_id} builds");
        let done = match ends {
            "failed" => document.settle(pipeline_id, night(2), &pipeline(90), |_| None),
            _ => document.give_back(pipeline_id, None, night(2), |_| true),
        };
        assert_eq!(
            (done, entry(&document).attempts(), Standing::of(entry(&document), Timestamp::MIN).word()),
            (vec![one()], attempts, ends)
        );
        assert_eq!(entry(&document).origin.pipeline, pipeline_id);
    }
    assert_eq!(entry(&document).attempt, 4);
    assert_eq!(document.give_back(4, None, night(3), |_| true), []);
}

#[test]
fn a_target_that_was_removed_is_gone_in_each_head_and_can_come_back() {
    let mut old = empty();
    old.record_scope(&one().target, &Policy::default());
    old.record_scope(&target("rhel9"), &Policy::default());
    old.claim(&one(), "new_release", None, night(1), pipeline(7));
    success(&mut old, "0.1@7", 50, "ami-1");
    let mut removed = old.clone();
    removed.remove_target(&one().target);
    for merged in [old.clone().merge(removed.clone()), removed.clone().merge(old)] {
        assert_eq!(merged, removed);
        assert_eq!((merged.get(&one()), images(&merged), merged.knows(&one().target)), (None, vec![], false));
        assert!(merged.knows(&target("rhel9")));
    }
    removed.record_scope(&one().target, &Policy::default());
    removed.claim(&one(), "new_release", None, night(2), pipeline(8));
    assert_eq!(entry(&removed).claim(), claim("0.1@8"));
}

#[test]
fn a_target_that_is_renamed_keeps_what_was_recorded_but_for_open_claims() {
    let mut document = empty();
    document.record_scope(&one().target, &Policy::default());
    document.claim(&one(), "new_release", None, night(1), pipeline(7));
    success(&mut document, "0.1@7", 50, "ami-1");
    document.claim(&build("18.7.0", "al2023"), "new_release", None, night(1), pipeline(7));
    let before = document.clone();

    assert_eq!(document.rename_target(&one().target, &target("al2025"), night(2)), 2);

    assert_eq!(document.targets(), targets(&["al2025"]).iter().collect());
    assert_eq!(document.get(&build("18.6.0", "al2025")), before.get(&one()));
    assert_eq!(document.facts(&one().package, &target("al2025")), notes("ami-1"));
    let claimed = document.get(&build("18.7.0", "al2025")).expect("an entry");
    assert_eq!((claimed.state, claimed.attempts()), (State::GivenBack, 0));
    assert!(document.covered(&target("al2025"))(&runner("18.7.0").nevra));
    assert_eq!(before.merge(document.clone()), document);
}

#[test]
fn a_copy_is_the_tracker_of_another_ref_without_open_claims() {
    let mut document = empty();
    document.record_scope(&one().target, &Policy::default());
    document.remember_run("", 7, night(1));
    document.claim(&one(), "new_release", None, night(1), pipeline(7));
    document.claim(&build("18.7.0", "al2023"), "new_release", None, night(1), pipeline(7));
    success(&mut document, "0.1@7", 50, "ami-1");

    let copy = document.copy_to(&Document::new("gitlab-runner", "release"), night(2));

    assert_eq!((copy.reference(), copy.runs().len()), ("release", 0));
    assert_eq!((copy.get(&one()), ami(&copy)), (document.get(&one()), Some("ami-1")));
    let claimed = copy.get(&build("18.7.0", "al2023")).expect("an entry");
    assert_eq!((claimed.state, claimed.attempts()), (State::GivenBack, 0));
}

#[test]
fn what_was_there_before_is_no_run() {
    let mut document = empty();
    document.import(&one(), "from the plain-text tracker", night(1));
    document.import_image(&build("18.5.0", "al2023"), adopted(notes("ami-1"), "there is an image"), night(1));
    assert!(!document.knows(&one().target));
    assert_eq!(document.facts(&runner("18.5.0").nevra, &one().target), notes("ami-1"));
}

/// Field tests, tracker 11: one runner's clock was years ahead once.
#[test]
fn times_that_are_yet_to_come_count_as_now_and_a_few_minutes_are_no_fault() {
    let (now, ahead) = (night(2), time("2031-01-01T00:00:00Z"));
    for (since, is_capped) in
        [(ahead, true), (time("2026-11-02T02:05:01Z"), true), (time("2026-11-02T02:05:00Z"), false)]
    {
        let mut document = empty();
        document.claim(&one(), "new_release", None, since, pipeline(7));
        let seen = build("18.7.0", "al2023");
        document.record_first_seen(&seen, since);
        let before = document.clone();

        let capped = document.cap_times(now);

        let times = (entry(&document).since, document.get(&seen).and_then(|entry| entry.first_seen));
        if is_capped {
            assert_eq!(capped, [(one(), since), (seen, since)]);
            assert_eq!(times, (now, Some(now)));
            assert!(entry(&document).is_claimed_by(7, None));
        } else {
            assert_eq!((capped, times), (vec![], (since, Some(since))));
        }
        assert_eq!(before.merge(document.clone()), document, "an older head does not bring the time back");
        assert_eq!(document.cap_times(now), []);
    }
}

#[test]
fn what_is_skipped_or_built_is_done() {
    use State::{Building, Built, Failed, GivenBack, Pending, Skipped};
    let is_done = [Pending, Building, GivenBack, Failed, Skipped, Built].map(State::is_done);
    assert_eq!(is_done, [false, false, false, false, true, true]);
}

#[test]
fn a_document_of_another_format_is_refused_whatever_it_holds() {
    let mut document = empty();
    document.succeed(&one(), Report::default(), time("2026-11-01T02:00:00Z"), pipeline(1));
    let json = String::from_utf8(document.to_json().expect("JSON")).expect("UTF-8");
    assert_eq!(Document::from_json(json.as_bytes()).expect("a document"), document);
    for other in ["ami-scheduler/tracker/1", "ami-scheduler/tracker/3"] {
        let json = json.replace("ami-scheduler/tracker/2", other);
        let error = Document::from_json(json.as_bytes()).expect_err("another format").to_string();
        assert!(error.starts_with(&format!("its format is {other:?}")), "{error}");
    }
}

#[test]
fn a_target_that_is_renamed_takes_its_channels_and_revocations_along_and_one_that_is_removed_loses_them() {
    let mut document = empty();
    document.succeed(&one(), notes("ami-1").into(), night(1), pipeline(1));
    let (key, _) = document.image(&one().package, &one().target).expect("an image");
    let key = key.clone();
    let word = || Word { reason: "tried".to_owned(), by: None, at: night(2) };
    let stable = "stable".parse().expect("a name");
    let slot = format!("{} x86_64 18", one().target).parse().expect("a slot");
    document.promote(&stable, slot, Some(Pointer { package: one().package, image: key.clone() }), word());
    document.revoke(&one().package, Some(&one().target), true, &word());
    let old_head = document.clone();
    document.rename_target(&one().target, &target("al2025"), night(3));
    let mut document = document.merge(old_head);
    let pointers = |document: &Document| {
        document.channels().pointers(&stable).map(|(slot, _)| slot.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(pointers(&document), ["al2025 x86_64 18"]);
    assert!(document.revocation(&one().package, &target("al2025")).is_some());
    assert!(document.revocation(&one().package, &one().target).is_none());
    document.remove_target(&target("al2025"));
    assert!(document.channels().is_empty() && document.revocation(&one().package, &target("al2025")).is_none());
}

#[test]
fn a_copy_takes_along_what_people_have_said_but_for_what_was_said_there() {
    let mut document = empty();
    document.succeed(&one(), notes("ami-1").into(), night(1), pipeline(1));
    let key = document.image(&one().package, &one().target).expect("an image").0.clone();
    let word = |reason: &str| Word { reason: reason.to_owned(), by: None, at: night(2) };
    let (stable, slot): (ChannelName, Slot) =
        ("stable".parse().expect("a name"), "al2023 x86_64 18".parse().expect("a slot"));
    let to = |package: Nevra| Some(Pointer { package, image: key.clone() });
    for package in [one().package, runner("18.7.0").nevra, one().package] {
        document.promote(&stable, slot.clone(), to(package), word("here"));
    }
    document.revoke(&one().package, None, true, &word("here"));
    let pointed = |document: &Document| {
        let pointers = document.channels().pointers(&stable).map(|(_, to)| to.package.clone());
        (
            pointers.collect::<Vec<_>>(),
            document.revocation(&one().package, &one().target).map(|word| word.reason.clone()),
        )
    };
    let mut other = Document::new("gitlab-runner", "release");
    assert_eq!(
        pointed(&other.clone().merge(document.copy_to(&other, night(3)))),
        (vec![one().package], Some("here".to_owned()))
    );
    other.promote(&stable, slot, to(runner("18.5.0").nevra), word("there"));
    other.revoke(&one().package, None, true, &word("there"));
    other.revoke(&one().package, None, false, &word("there"));
    assert_eq!(pointed(&other.clone().merge(document.copy_to(&other, night(3)))), (vec![runner("18.5.0").nevra], None));
}

fn word(reason: &str) -> Word {
    Word { reason: reason.to_owned(), by: Some("mary".to_owned()), at: night(2) }
}

/// The first image of [`one`], once it is recorded.
fn key_of_one(document: &Document) -> ImageKey {
    document.images(&one().package, &one().target).next().expect("an image").0.clone()
}

#[test]
fn an_image_is_revoked_by_its_id_whoever_records_it_again() {
    let mut document = empty();
    let made = |id: &str, job| Report { baked: baked(id), job, ..Report::default() };
    document.succeed(&one(), made("ami-1", 1), night(1), pipeline(1));
    // Recorded elsewhere at once, by another job.
    let mut other = document.clone();
    other.succeed(&one(), made("ami-1", 2), night(1), pipeline(1));
    let key = key_of_one(&document);
    assert_eq!(document.revoke_image(&one(), &key, true, &word("no swap")), Recorded::Changed);
    assert_eq!(document.revoke_image(&one(), &key, true, &word("no swap")), Recorded::AsBefore);
    let mut document = document.merge(other);
    assert!(document.image(&one().package, &one().target).is_none());
    // What counts is the later one, whatever its job.
    document.succeed(&one(), made("ami-2", 3), night(2), pipeline(2));
    let current = document.image(&one().package, &one().target).map(|(_, image)| image.ids.to_string());
    assert_eq!(current.as_deref(), Some("eu-central-1=ami-2-eu-central-1, us-east-1=ami-2-us-east-1"));
    assert_eq!(document.revoke_image(&one(), &key, false, &word("it has")), Recorded::Changed);
    assert!(document.images(&one().package, &one().target).all(|(_, image)| document.counts(image)));
}

#[test]
fn a_revoked_release_is_built_only_if_it_is_asked_for_afterwards() {
    let is_held = |document: &Document| document.revocation_of_build(&one().package, &one().target).is_some();
    let ask = |document: &mut Document| {
        document.rebuild(&one().package, &[], "again", Some("mary"), night(3));
    };
    let mut document = empty();
    document.claim(&one(), "new_release", None, night(1), pipeline(1));
    document.succeed(&one(), notes("ami-1").into(), night(1), pipeline(1));
    ask(&mut document);
    document.revoke(&one().package, None, true, &word("deletes jobs"));
    assert!(is_held(&document), "asked for before");
    ask(&mut document);
    assert!(!is_held(&document), "asked for afterwards");
    // Said again it is of that, too, and goes with its target to another name.
    assert_eq!(document.revoke(&one().package, None, true, &word("deletes jobs")), Recorded::Changed);
    assert!(is_held(&document));
    let old_head = document.clone();
    document.rename_target(&one().target, &target("al2025"), night(4));
    let mut document = document.merge(old_head);
    assert!(document.revocation_of_build(&one().package, &target("al2025")).is_some());
    // A target that is removed is one that was never there: what is asked for on it now is asked for afterwards.
    document.remove_target(&target("al2025"));
    document.claim_by_hand(&one(), Some("mary"), None, night(5), pipeline(5));
    assert!(!is_held(&document) && document.revocation(&one().package, &one().target).is_some());
}

#[test]
fn what_was_revoked_before_it_was_known_is_built_if_it_is_asked_for_by_hand() {
    let mut document = empty();
    document.revoke(&one().package, None, true, &word("deletes jobs"));
    document.record_first_seen(&one(), night(1));
    assert!(document.revocation_of_build(&one().package, &one().target).is_some());
    document.claim_by_hand(&one(), Some("mary"), None, night(2), pipeline(2));
    document.settle(2, night(2), &pipeline(2), |_| None);
    assert!(document.revocation_of_build(&one().package, &one().target).is_none(), "its retry is asked for, too");
}

#[test]
fn a_copy_takes_each_word_along_about_which_nothing_was_said_there() {
    let mut document = empty();
    document.succeed(&one(), Report { baked: baked("ami-1"), ..Report::default() }, night(1), pipeline(1));
    let key = key_of_one(&document);
    let mut other = document.copy_to(&Document::new("gitlab-runner", "release"), night(1));
    document.revoke(&one().package, None, true, &word("here"));
    document.revoke(&one().package, Some(&one().target), true, &word("here"));
    document.revoke_image(&one(), &key, true, &word("here"));
    other.revoke(&one().package, Some(&one().target), true, &word("there"));
    other.revoke(&one().package, Some(&one().target), false, &word("there"));
    other.revoke_image(&one(), &key, true, &word("there"));
    other.revoke_image(&one(), &key, false, &word("there"));
    let copy = other.clone().merge(document.copy_to(&other, night(3)));
    let on = |name: &str| copy.revocation(&one().package, &target(name)).map(|word| word.reason.as_str());
    // Of all targets nothing was said there.
    assert_eq!((on("al2023"), on("rhel9")), (Some("here"), Some("here")));
    assert!(copy.images(&one().package, &one().target).all(|(_, image)| copy.revocation_of_image(image).is_none()));
}

#[test]
fn what_was_said_as_often_as_can_be_counted_stays_and_says_so() {
    let mut document = empty();
    document.revoke(&one().package, None, true, &word("x"));
    document.revoke(&one().package, None, false, &word("x"));
    let json = String::from_utf8(document.to_json().expect("JSON")).expect("text");
    let forged = json.replace("\"changes\": 1", &format!("\"changes\": {}", u64::MAX));
    let mut document = Document::from_json(forged.as_bytes()).expect("a document");
    let before = document.clone();
    assert_eq!(document.revoke(&one().package, None, true, &word("x")), Recorded::AtItsEnd);
    assert_eq!(document, before);
}

#[test]
fn a_copy_of_what_was_removed_and_built_again_takes_nothing_away_from_what_is_there() {
    let mut document = empty();
    document.succeed(&one(), notes("ami-1").into(), night(1), pipeline(1));
    let mut other = document.copy_to(&Document::new("gitlab-runner", "release"), night(1));
    other.succeed(&build("18.7.0", "al2023"), notes("ami-2").into(), night(2), pipeline(2));
    other.revoke(&one().package, Some(&one().target), true, &word("there"));
    document.remove_target(&one().target);
    document.succeed(&one(), notes("ami-1").into(), night(3), pipeline(3));
    let copy = other.clone().merge(document.copy_to(&other, night(4)));
    assert!(copy.revocation(&one().package, &one().target).is_some());
    assert_eq!(copy.entries().count(), 2);
}
