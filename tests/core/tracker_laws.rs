//! The laws of the tracker's document: what makes heads merge in any order, any number of times.
#![allow(clippy::disallowed_methods)] // it reads JSON of our own

use crate::common::baked;
use ami_scheduler::policy::{Policy, Versions};
use ami_scheduler::release::{BuildKey, Checksum};
use ami_scheduler::tracker::{
    Claim, Document, Entry, Image, ImageKey, Ingredients, Notes, Origin, Pointer, Report, Seen, Shrank, State, Success,
    TOO_OLD, Unknown, Word,
};
use jiff::Timestamp;
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a time")
}

#[derive(Debug, Clone)]
enum Change {
    Claim { pipeline: u64 },
    ClaimAgain { pipeline: u64 },
    EndRebuild,
    RecordIngredients { base: u8, recipe: Option<u8> },
    Succeed { pipeline: u64, ami: u8 },
    SucceedLate { epoch: u64, attempt: u64, pipeline: u64, ami: u8 },
    GiveBack { pipeline: u64 },
    Pass { epoch: u64, attempt: u64, pipeline: u64 },
    RecordChecksum { digit: u8 },
    RemoveTarget,
    Settle { pipeline: u64 },
    Skip,
    SkipByHand { by: u8 },
    Unskip,
    Import,
    Rebuild,
    CapTimes,
    Acknowledge { digit: u8, by: u8 },
    RecordFirstSeen,
    Forget,
    BackOff { pipeline: u64 },
    RecordGivenUp,
    RecordMissing { pipeline: u64, counted: u64 },
    RecordFound,
    Promote { channel: u8, image: Option<u8>, by: u8 },
    Revoke { of_all: bool, revoked: bool, by: u8 },
    RevokeImage { image: u8, revoked: bool, by: u8 },
    RenameTarget,
    RecordScope { major: u8 },
    RememberRepository { releases: u64, shrank: bool },
    Run { lane: u8 },
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0u64..4).prop_map(|pipeline| Change::Claim { pipeline }),
        (0u64..4).prop_map(|pipeline| Change::ClaimAgain { pipeline }),
        Just(Change::EndRebuild),
        (0u8..2, proptest::option::of(0u8..2)).prop_map(|(base, recipe)| Change::RecordIngredients { base, recipe }),
        (0u64..4, 0u8..3).prop_map(|(pipeline, ami)| Change::Succeed { pipeline, ami }),
        (0u64..4).prop_map(|pipeline| Change::Settle { pipeline }),
        (0u64..4).prop_map(|pipeline| Change::GiveBack { pipeline }),
        (0u64..2, 1u64..3, 0u64..4, 0u8..3).prop_map(|(epoch, attempt, pipeline, ami)| Change::SucceedLate {
            epoch,
            attempt,
            pipeline,
            ami
        }),
        (0u64..2, 1u64..3, 0u64..4).prop_map(|(epoch, attempt, pipeline)| Change::Pass { epoch, attempt, pipeline }),
        (0u8..2).prop_map(|digit| Change::RecordChecksum { digit }),
        Just(Change::RemoveTarget),
        Just(Change::Skip),
        (0u8..2).prop_map(|by| Change::SkipByHand { by }),
        Just(Change::Unskip),
        Just(Change::Import),
        Just(Change::RecordFirstSeen),
        Just(Change::Forget),
        (0u64..4).prop_map(|pipeline| Change::BackOff { pipeline }),
        Just(Change::RecordGivenUp),
        (0u64..4, 1u64..4).prop_map(|(pipeline, counted)| Change::RecordMissing { pipeline, counted }),
        Just(Change::RecordFound),
        (0u8..2, proptest::option::of(0u8..4), 0u8..4).prop_map(|(channel, image, by)| Change::Promote {
            channel,
            image,
            by
        }),
        (any::<bool>(), any::<bool>(), 0u8..4).prop_map(|(of_all, revoked, by)| Change::Revoke { of_all, revoked, by }),
        (0u8..4, any::<bool>(), 0u8..4).prop_map(|(image, revoked, by)| Change::RevokeImage { image, revoked, by }),
        Just(Change::RenameTarget),
        (17u8..19).prop_map(|major| Change::RecordScope { major }),
        (0u64..3, any::<bool>()).prop_map(|(releases, shrank)| Change::RememberRepository { releases, shrank }),
        (0u8..2).prop_map(|lane| Change::Run { lane }),
        Just(Change::Rebuild),
        Just(Change::CapTimes),
        (0u8..3, 0u8..2).prop_map(|(digit, by)| Change::Acknowledge { digit, by }),
    ]
}

fn word(by: u8, at: Timestamp) -> Word {
    let reason = ["broken", "too slow"][usize::from(by % 2)].to_owned();
    Word { reason, by: Some(format!("person {}", by / 2)), at }
}

fn build(number: u8) -> BuildKey {
    BuildKey {
        package: format!("p-1.{}-1.noarch", number / 2).parse().expect("a package"),
        target: if number.is_multiple_of(2) { "al2023" } else { "rhel9" }.parse().expect("a target"),
    }
}

/// One of the images that a build has.
fn image_of(document: &Document, build: &BuildKey, number: u8) -> Option<ImageKey> {
    let images: Vec<&ImageKey> = document.images(&build.package, &build.target).map(|(key, _)| key).collect();
    images.get(usize::from(number) % images.len().max(1)).map(|key| (*key).clone())
}

fn record_ingredients(document: &mut Document, build: &BuildKey, base: u8, recipe: Option<u8>) {
    let told = [("base", Some(base)), ("recipe", recipe)].into_iter().filter_map(|(name, value)| Some((name, value?)));
    let ingredients: Ingredients =
        told.map(|(name, value)| (name.parse().expect(name), value.to_string().parse().expect(name))).collect();
    if let Some(claim) = document.get(build).map(Entry::claim) {
        document.record_ingredients(build, &claim, &ingredients);
    }
}

fn apply(document: &mut Document, changes: &[(u8, i64, Change)]) {
    for (number, second, change) in changes {
        let (build, now) = (build(*number), at(*second));
        let origin = |pipeline| Origin { pipeline, ..Origin::default() };
        match change {
            Change::Claim { pipeline } => document.claim(&build, "new_release", None, now, origin(*pipeline)),
            Change::ClaimAgain { pipeline } => {
                // As a rule does it: what has an image is built again.
                if document.get(&build).is_some_and(|entry| entry.state == State::Built) {
                    document.rebuild(&build.package, std::slice::from_ref(&build.target), "stale", None, now);
                    document.claim(&build, TOO_OLD, None, now, origin(*pipeline));
                }
            }
            Change::EndRebuild => document.end_rebuild(&build),
            Change::RecordIngredients { base, recipe } => record_ingredients(document, &build, *base, *recipe),
            Change::Succeed { pipeline, ami } => {
                let notes = Notes::from([("AMI_ID".to_owned(), format!("ami-{ami}"))]);
                document.succeed(&build, notes.into(), now, origin(*pipeline));
            }
            Change::SucceedLate { epoch, attempt, pipeline, ami } => {
                let notes = Notes::from([("AMI_ID".to_owned(), format!("ami-{ami}"))]);
                let claim = Claim { epoch: *epoch, attempt: *attempt, pipeline: *pipeline, lane: None };
                let (job, baked) = (u64::from(*number), baked(&format!("ami-{ami}")));
                let report = Report { claim: Some(claim), job, baked, notes, needs_test: *ami == 2 };
                document.succeed(&build, report, now, origin(9));
            }
            Change::Pass { epoch, attempt, pipeline } => {
                let claim = Claim { epoch: *epoch, attempt: *attempt, pipeline: *pipeline, lane: None };
                document.passed(&build, &claim, now, origin(9));
            }
            Change::GiveBack { pipeline } => drop(document.give_back(*pipeline, None, now, |_| true)),
            Change::RecordChecksum { digit } => {
                document
                    .record_checksum(&build, format!("sha256:{}", digit.to_string().repeat(64)).parse().expect("one"));
            }
            Change::Acknowledge { digit, by } => {
                let checksum = format!("sha256:{}", digit.to_string().repeat(64)).parse().expect("one");
                let by = format!("person {by}");
                drop(document.acknowledge(&build.package, &[], &checksum, "signed anew", &by));
            }
            Change::RemoveTarget => document.remove_target(&build.target),
            Change::Settle { pipeline } => drop(document.settle(*pipeline, now, &origin(*pipeline), |_| None)),
            Change::Skip => drop(document.skip(&build, "not wanted", now)),
            Change::Import => drop(document.import(&build, "was there", now)),
            Change::SkipByHand { by } => {
                document.skip_by_hand(&build, "broken", &format!("person {by}"), now);
            }
            Change::Unskip => {
                drop(document.unskip(&build.package, std::slice::from_ref(&build.target), "mary", now));
            }
            Change::Rebuild => {
                drop(document.rebuild(&build.package, std::slice::from_ref(&build.target), "again", None, now));
            }
            Change::CapTimes => drop(document.cap_times(at(*second - 60 * 60))),
            Change::RecordFirstSeen => document.record_first_seen(&build, now),
            Change::Forget => document.forget(|_, _, _| true),
            Change::BackOff { pipeline } => document.back_off(&build, *pipeline),
            Change::RecordGivenUp => document.record_given_up(&build, now),
            Change::RecordMissing { pipeline, counted } => {
                document.record_missing(&build, *pipeline, *counted, now);
            }
            Change::RecordFound => drop(document.record_found(&build, now)),
            Change::Promote { channel, image, by } => {
                let name = ["stable", "candidate"][usize::from(*channel)].parse().expect("a name");
                let slot = format!("{} noarch 1", build.target).parse().expect("a slot");
                let image = image.and_then(|image| image_of(document, &build, image));
                let to = image.map(|image| Pointer { package: build.package.clone(), image });
                document.promote(&name, slot, to, word(*by, now));
            }
            Change::Revoke { of_all, revoked, by } => {
                document.revoke(&build.package, (!of_all).then_some(&build.target), *revoked, &word(*by, now));
            }
            Change::RevokeImage { image, revoked, by } => {
                if let Some(key) = image_of(document, &build, *image) {
                    document.revoke_image(&build, &key, *revoked, &word(*by, now));
                }
            }
            Change::RenameTarget => {
                document.rename_target(&build.target, &"al2025".parse().expect("a target"), now);
            }
            Change::RememberRepository { releases, shrank } => {
                let shrank = shrank.then_some(Shrank { at: now, from: 9 });
                let seen = Seen {
                    changes: *releases / 2,
                    since: now,
                    releases: *releases,
                    revision: None,
                    shrank,
                    unknown: Unknown::default(),
                };
                document.remember_repository("https://yum.example.com/", seen);
            }
            Change::Run { lane } => document.remember_run(&format!("lane {lane}"), u64::from(*lane), now),
            Change::RecordScope { major } => {
                let versions = Versions::Leading(major.to_string().parse().expect("a version"));
                document.record_scope(&build.target, &Policy { versions, ..Policy::default() });
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(u8, i64, Change)>> {
    proptest::collection::vec((0u8..6, 0i64..100, change()), 0..12)
}

/// Any document that the changes of this program can lead to.
fn document() -> impl Strategy<Value = Document> {
    changes().prop_map(|changes| {
        let mut document = Document::new("p", "main");
        apply(&mut document, &changes);
        document
    })
}

fn successes(document: &Document) -> Vec<(BuildKey, u64)> {
    let built = document.entries().filter(|(_, _, entry)| entry.state == State::Built);
    built
        .map(|(package, target, entry)| (BuildKey { package: package.clone(), target: target.clone() }, entry.epoch))
        .collect()
}

/// Whether one of two documents has removed the target of a build more often than the other.
fn removed(a: &Document, b: &Document, build: &BuildKey) -> bool {
    a.removals(&build.target) != b.removals(&build.target)
}

proptest! {
    #[test]
    fn merging_is_commutative(a in document(), b in document()) {
        prop_assert_eq!(a.clone().merge(b.clone()), b.merge(a));
    }

    #[test]
    fn merging_is_associative(a in document(), b in document(), c in document()) {
        prop_assert_eq!(a.clone().merge(b.clone()).merge(c.clone()), a.merge(b.merge(c)));
    }

    #[test]
    fn merging_is_idempotent(a in document(), b in document()) {
        prop_assert_eq!(a.clone().merge(a.clone()), a.clone());
        let merged = a.merge(b.clone());
        prop_assert_eq!(merged.clone().merge(b), merged);
    }

    /// What an image is compared by is there as long as the image.
    #[test]
    fn the_ingredients_of_a_claim_are_lost_to_nothing_but_the_removal_of_their_target(a in document(), b in document()) {
        let merged = a.clone().merge(b.clone());
        for (package, target, entry) in a.entries() {
            for (claim, ingredients) in &entry.ingredients {
                let known = merged.ingredients(package, target, claim);
                let has_all = known.is_some_and(|known| ingredients.keys().all(|name| known.contains_key(name)));
                let build = BuildKey { package: package.clone(), target: target.clone() };
                prop_assert!(has_all || removed(&a, &b, &build), "{claim}: {known:?}");
            }
        }
    }

    #[test]
    fn a_success_is_lost_to_nothing_but_a_rebuild(a in document(), b in document()) {
        let merged = a.clone().merge(b.clone());
        for (build, epoch) in successes(&a).into_iter().chain(successes(&b)) {
            let is_there = merged.get(&build).is_some_and(|entry| entry.state == State::Built || entry.epoch > epoch);
            prop_assert!(is_there || removed(&a, &b, &build), "{:?} became {:?}", build, merged.get(&build));
        }
    }

    /// History: no change and no merge but the removal of its target takes an image out.
    /// Field tests, security 10, tracker 19.
    #[test]
    fn an_image_is_lost_to_nothing_but_the_removal_of_its_target(a in document(), b in document(), changes in changes()) {
        let mut after = a.clone();
        apply(&mut after, &changes);
        let merged = after.merge(b.clone());
        for number in 0..6 {
            let build = build(number);
            for (key, image) in a.images(&build.package, &build.target).chain(b.images(&build.package, &build.target)) {
                let known = merged.images(&build.package, &build.target).find(|(known, _)| *known == key);
                let has_all = |known: &Image| {
                    let ids: Vec<_> = known.ids.iter().collect();
                    image.notes.keys().all(|name| known.notes.contains_key(name))
                        && image.ids.iter().all(|id| ids.contains(&id))
                        && known.bases.is_superset(&image.bases)
                };
                let is_there = known.is_some_and(|(_, known)| has_all(known));
                let is_removed = removed(&a, &b, &build) || changes.iter().any(|(_, _, change)| matches!(change, Change::RemoveTarget | Change::RenameTarget));
                prop_assert!(is_there || is_removed, "{} of {:?}", key, build);
            }
        }
    }

    #[test]
    fn a_success_of_the_present_epoch_counts_and_one_of_an_older_never_does(a in document(), epoch in 0u64..3, attempt in 1u64..4) {
        let mut a = a;
        let before = a.get(&build(0)).cloned();
        let claim = Claim { epoch, attempt, pipeline: 9, lane: None };
        let report = Report { claim: Some(claim), job: 7, ..Report::default() };
        let success = a.succeed(&build(0), report, at(0), Origin::default());
        let present = before.as_ref().map_or(0, |entry| entry.epoch);
        let after = a.get(&build(0)).cloned();
        if epoch < present {
            prop_assert_eq!((success, after), (Success::AskedForSince, before));
        } else {
            let after = after.expect("an entry");
            prop_assert_eq!((after.state, after.epoch), (State::Built, epoch));
            prop_assert_ne!(success, Success::AskedForSince);
        }
    }

    #[test]
    fn what_is_revoked_in_one_head_is_so_in_a_merge_unless_the_other_has_a_later_word(a in document(), b in document()) {
        let merged = a.clone().merge(b.clone());
        for number in 0..6 {
            let build = build(number);
            for (_, image) in a.images(&build.package, &build.target) {
                let is_said_in_b = image.ids.iter().any(|(_, id)| b.ids().any(|(known, _)| known == id.as_str()));
                let is_revoked = |document: &Document| document.revocation_of_image(image).is_some();
                prop_assert!(!is_revoked(&a) || is_said_in_b || is_revoked(&merged), "{:?}", image.ids);
            }
            let is_said_in_b = b.revocations().releases().any(|package| *package == build.package);
            let is_revoked = |document: &Document| document.revocation(&build.package, &build.target).is_some();
            let is_lost = is_revoked(&a) && !is_said_in_b && !is_revoked(&merged);
            prop_assert!(!is_lost || removed(&a, &b, &build), "{:?}", build);
        }
    }

    #[test]
    fn every_change_leads_to_a_document_that_contains_the_one_before(a in document(), changes in changes()) {
        for change in changes {
            let mut after = a.clone();
            apply(&mut after, &[change]);
            prop_assert_eq!(a.clone().merge(after.clone()), after);
        }
    }

    #[test]
    fn json_brings_back_what_it_took(a in document()) {
        let json = a.to_json().expect("JSON");
        let back = Document::from_json(&json).expect("a document");
        prop_assert_eq!(&back, &a);
        prop_assert_eq!(back.to_json().expect("JSON"), json);
    }

    #[test]
    fn fields_of_a_newer_version_survive_reading_changing_and_writing(a in document(), number in 0u8..6) {
        let mut a = a;
        apply(&mut a, &[(number, 0, Change::Claim { pipeline: 1 })]);
        let mut json: serde_json::Value = serde_json::from_slice(&a.to_json().expect("JSON")).expect("JSON");
        let BuildKey { package, target } = build(number);
        json["colour"] = serde_json::json!({"of": ["the", "sky"], "depth": 0.1});
        json["entries"][package.to_string()][target.as_str()]["weight"] = serde_json::json!(1.7e-3);

        let mut newer = Document::from_json(&serde_json::to_vec(&json).expect("JSON")).expect("a document");
        apply(&mut newer, &[(number, 1, Change::Succeed { pipeline: 1, ami: 1 })]);
        let merged = newer.merge(a);
        let back: serde_json::Value = serde_json::from_slice(&merged.to_json().expect("JSON")).expect("JSON");
        prop_assert_eq!(&back["colour"], &json["colour"]);
        prop_assert_eq!(&back["entries"][package.to_string()][target.as_str()]["weight"], &serde_json::json!(1.7e-3));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::from_json(&bytes);
    }
}

#[test]
fn a_format_that_is_not_known_is_refused_by_name() {
    let json = br#"{"format": "ami-scheduler/tracker/3", "entries": "something else"}"#;
    let error = Document::from_json(json).expect_err("another format").to_string();
    assert!(error.contains("ami-scheduler/tracker/3") && error.contains("newer"), "{error}");
}

#[test]
fn a_success_that_is_reported_twice_is_recorded_once() {
    let mut document = Document::new("p", "main");
    let notes = Notes::from([("AMI_ID".to_owned(), "ami-1".to_owned())]);
    document.claim(&build(0), "new_release", None, at(0), Origin { pipeline: 7, ..Origin::default() });
    document.succeed(&build(0), notes.clone().into(), at(1), Origin { pipeline: 8, ..Origin::default() });
    let once = document.clone();
    document.succeed(&build(0), notes.into(), at(2), Origin { pipeline: 9, ..Origin::default() });
    document.succeed(&build(0), Report::default(), at(3), Origin { pipeline: 9, ..Origin::default() });
    assert_eq!(document, once);
    let entry = document.get(&build(0)).expect("an entry");
    assert_eq!((entry.attempt, entry.origin.pipeline, entry.since), (1, 7, at(1)));
}

#[test]
fn a_claim_is_about_the_file_that_is_offered_now_and_keeps_what_is_known_where_none_is_stated() {
    let checksum = |digit: &str| format!("sha256:{}", digit.repeat(64)).parse::<Checksum>().expect("a checksum");
    let mut document = Document::new("p", "main");
    for (offered, expected) in [(Some("a"), "a"), (Some("b"), "b"), (None, "b")] {
        document.claim(
            &build(0),
            "new_release",
            offered.map(checksum),
            at(0),
            Origin { pipeline: 1, ..Origin::default() },
        );
        let entry = document.get(&build(0)).expect("an entry");
        assert_eq!(entry.checksum(), Some(&checksum(expected)), "{offered:?}");
    }
}

#[test]
fn each_change_has_its_effect() {
    let mut document = Document::new("p", "main");
    let mut state_after = |change: Change| {
        apply(&mut document, &[(0, 0, change)]);
        document.get(&build(0)).map(|entry| (entry.state, entry.epoch, entry.attempt))
    };
    assert_eq!(state_after(Change::Claim { pipeline: 1 }), Some((State::Building, 0, 1)));
    assert_eq!(state_after(Change::Settle { pipeline: 2 }), Some((State::Building, 0, 1)));
    assert_eq!(state_after(Change::Settle { pipeline: 1 }), Some((State::Failed, 0, 1)));
    assert_eq!(state_after(Change::Claim { pipeline: 2 }), Some((State::Building, 0, 2)));
    assert_eq!(state_after(Change::Skip), Some((State::Skipped, 0, 2)));
    assert_eq!(state_after(Change::Claim { pipeline: 3 }), Some((State::Skipped, 0, 2)));
    assert_eq!(state_after(Change::Succeed { pipeline: 3, ami: 0 }), Some((State::Built, 0, 2)));
    assert_eq!(state_after(Change::Settle { pipeline: 3 }), Some((State::Built, 0, 2)));
    assert_eq!(state_after(Change::Rebuild), Some((State::Pending, 1, 0)));
    assert_eq!(state_after(Change::Claim { pipeline: 4 }), Some((State::Building, 1, 1)));
    assert_eq!(state_after(Change::Import), Some((State::Built, 1, 1)));
}

#[test]
fn a_success_that_reports_something_new_takes_its_place() {
    let mut old = Document::new("p", "main");
    old.succeed(&build(0), Notes::from([("AMI_ID".to_owned(), "ami-9".to_owned())]).into(), at(0), Origin::default());
    let mut new = old.clone();
    new.succeed(&build(0), Notes::from([("AMI_ID".to_owned(), "ami-1".to_owned())]).into(), at(1), Origin::default());
    let merged = new.merge(old);
    assert_eq!(merged.facts(&build(0).package, &build(0).target)["AMI_ID"], "ami-1");
}
