//! What a tracker's document says, and what each change does to it.

use std::collections::BTreeSet;

use crate::common::{build, checksum, night, pipeline, runner, target, targets, time};
use ami_scheduler::policy::Policy;
use ami_scheduler::release::BuildKey;
use ami_scheduler::tracker::{Document, Entry, Notes, Origin, Recorded, State};

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

#[test]
fn a_document_is_json_with_what_is_known_and_nothing_else() {
    let mut document = empty();
    document.record_scope(&target("al2023"), &Policy::default());
    document.remember_run("", night(2));
    let origin = Origin { job_url: Some("https://gitlab.example.com/j/9".to_owned()), ..pipeline(7) };
    document.claim(&one(), "new_release", Some(checksum("a")), night(2), origin.clone());
    document.record_first_seen(&build("18.7.0", "al2023"), night(2));
    document.succeed(&one(), &notes("ami-1"), night(3), Origin { lane: Some("v18-".to_owned()), ..origin });
    let json = String::from_utf8(document.to_json().expect("JSON")).expect("UTF-8");
    insta::assert_snapshot!(json.replace(&"a".repeat(64), "aaa"), @r#"
    {
      "format": "ami-scheduler/tracker/1",
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
        "": "2026-11-02T02:00:00Z"
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
            "line": "v18-",
            "first_seen": "2026-11-02T02:00:00Z",
            "checksum": "sha256:aaa",
            "notes": {
              "AMI_ID": "ami-1"
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
    assert!(!document.covers(&x86, &target("al2023")));
    document.record_scope(&target("al2023"), &x86_only);
    assert!(document.covers(&x86, &target("al2023")) && !document.covers(&arm, &target("al2023")));
    assert!(!document.covers(&x86, &target("rhel9")));
    // A build that was recorded without any scope: its run was about whatever there was.
    document.succeed(&build("18.5.0", "rhel9"), &Notes::new(), night(1), pipeline(1));
    assert!(document.covers(&arm, &target("rhel9")));
}

#[test]
fn each_lane_has_a_last_run_which_is_the_latest() {
    let mut document = empty();
    assert_eq!((document.last_run("v18-"), document.runs().len()), (None, 0));
    for (lane, day) in [("v18-", 2), ("v18-", 1), ("v17-", 1)] {
        document.remember_run(lane, night(day));
    }
    let runs: Vec<_> = document.runs().iter().map(|(lane, run)| (lane.as_str(), *run)).collect();
    assert_eq!(runs, [("v17-", night(1)), ("v18-", night(2))]);
    assert_eq!(document.last_run("v18-"), Some(night(2)));
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
        ("built", |document| _ = document.succeed(&one(), &notes("ami-0"), night(1), pipeline(7)), 9, 2),
    ];
    for (known, record, pipeline_id, attempt) in cases {
        let mut document = empty();
        record(&mut document);
        assert_eq!(document.succeed(&one(), &notes("ami-1"), night(2), pipeline(9)), Recorded::Changed, "{known}");
        let entry = entry(&document);
        assert_eq!((entry.origin.pipeline, entry.attempt), (pipeline_id, attempt), "{known}");
        assert_eq!((entry.state, entry.since, &entry.notes), (State::Built, night(2), &notes("ami-1")), "{known}");
    }
}

#[test]
fn a_success_that_says_nothing_new_is_none() {
    let mut document = empty();
    document.succeed(&one(), &notes("ami-1"), night(1), pipeline(7));
    for (reported, recorded) in
        [(notes("ami-1"), Recorded::AsBefore), (Notes::new(), Recorded::AsBefore), (notes("ami-2"), Recorded::Changed)]
    {
        assert_eq!(document.succeed(&one(), &reported, night(2), pipeline(8)), recorded, "{reported:?}");
    }
    assert_eq!(entry(&document).notes, notes("ami-2"));
}

#[test]
fn another_state_keeps_what_is_about_the_build_and_loses_what_was_about_the_state() {
    let mut document = empty();
    document.record_first_seen(&one(), night(1));
    document.claim(&one(), "new_release", Some(checksum("a")), night(2), pipeline(7));
    document.settle(7, night(2), &pipeline(7), |_| Some("https://gitlab.example.com/j/1".to_owned()));
    document.back_off(&one(), 8);
    document.record_given_up(&one(), 9, night(3));
    let failed = entry(&document).clone();
    assert_eq!(
        (failed.state, failed.origin.job_url.as_deref()),
        (State::Failed, Some("https://gitlab.example.com/j/1"))
    );
    assert!(failed.passed_over.is_some_and(|passed| (passed.runs, passed.pipeline) == (1, 8)));
    assert!(failed.given_up.is_some_and(|given_up| (given_up.since, given_up.pipeline) == (night(3), 9)));

    document.claim(&one(), "failed_before", None, night(4), pipeline(10));

    let claim = entry(&document);
    assert_eq!((claim.state, claim.attempt, claim.since), (State::Building, 2, night(4)));
    assert_eq!((&claim.origin, claim.rule.as_deref()), (&pipeline(10), Some("new_release")));
    assert_eq!((claim.first_seen, &claim.checksum), (Some(night(1)), &Some(checksum("a"))));
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
    document.succeed(&build("18.4.0", "al2023"), &Notes::new(), night(1), lane(Some("v18-"), 7));
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
    let image: Adopt = |document| document.import_image(&one(), &notes("ami-9"), "there is an image", night(9));
    let built: Adopt = |document| document.succeed(&one(), &notes("ami-1"), night(1), pipeline(1));
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
        assert_eq!((entry.state, entry.notes.get("AMI_ID").map(String::as_str)), (state, noted), "{case}");
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
    document.succeed(&one(), &Notes::new(), night(9), pipeline(9));
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
        document.succeed(&build("18.6.0", "rhel8"), &Notes::new(), night(1), pipeline(1));

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
    document.succeed(&one(), &notes("ami-1"), night(1), pipeline(1));
    document.claim_by_hand(&one(), Some("mary"), Some(checksum("a")), night(2), pipeline(2));
    let entry = entry(&document);
    assert_eq!((entry.state, entry.epoch, entry.attempt, entry.since), (State::Building, 1, 1, night(2)));
    assert_eq!((entry.reason.as_deref(), entry.by.as_deref()), (Some("asked for by hand"), Some("mary")));
    assert_eq!(
        (entry.rule.as_deref(), &entry.checksum, entry.notes.len()),
        (Some("asked_for"), &Some(checksum("a")), 0)
    );
    assert!(entry.is_asked_for());
}

#[test]
fn states_have_words_and_tones() {
    use State::{Building, Built, Failed, Pending, Skipped};
    let told =
        [Pending, Building, Failed, Skipped, Built].map(|state| (state.word(), state.tone().word(), state.is_done()));
    assert_eq!(
        told,
        [
            ("pending", "waiting", false),
            ("building", "busy", false),
            ("failed", "bad", false),
            ("skipped", "quiet", true),
            ("built", "good", true),
        ]
    );
}

#[test]
fn a_document_of_another_format_is_refused_whatever_it_holds() {
    let mut document = empty();
    document.succeed(&one(), &Notes::new(), time("2026-11-01T02:00:00Z"), pipeline(1));
    let json = String::from_utf8(document.to_json().expect("JSON")).expect("UTF-8");
    assert_eq!(Document::from_json(json.as_bytes()).expect("a document"), document);
    let other = json.replace("tracker/1", "tracker/2");
    let error = Document::from_json(other.as_bytes()).expect_err("another format").to_string();
    assert!(error.starts_with("its format is \"ami-scheduler/tracker/2\""), "{error}");
}
