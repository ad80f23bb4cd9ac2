//! The document of a tracker, two of them with a NUL between: what is read is written as it was, and
//! merging and changing keep their laws.
#![no_main]

#[path = "../properties/kept.rs"]
mod kept;

use ami_scheduler::release::BuildKey;
use ami_scheduler::tracker::{Document, Notes, Origin, State};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// A document only grows, and goes on to be one.
fn grown(before: &Document, change: impl Fn(&mut Document)) -> Document {
    let mut after = before.clone();
    change(&mut after);
    assert_eq!(before.clone().merge(after.clone()), after);
    let json = after.to_json().expect("JSON");
    assert_eq!(Document::from_json(&json).expect("what we wrote"), after);
    after
}

fn read(json: &[u8]) -> Option<Document> {
    kept::in_proportion(json.len(), 0, || Document::from_json(json)).ok()
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let Some(one) = parts.next().and_then(read) else { return };
    let json = one.to_json().expect("JSON");
    let again = Document::from_json(&json).expect("what we wrote");
    assert_eq!((&again, again.to_json().expect("JSON")), (&one, json));
    assert_eq!(one.clone().merge(one.clone()), one);
    if let Some(other) = parts.next().and_then(read) {
        let merged = one.clone().merge(other.clone());
        assert_eq!(merged.clone().merge(other.clone()), merged);
        assert_eq!(merged.clone().merge(one.clone()), merged);
        // One tracker's documents have one product and ref; fields of newer versions are merged, too.
        if (one.product(), one.reference()) == (other.product(), other.reference()) {
            assert_eq!(merged, other.merge(one.clone()));
        }
    }
    let now = Timestamp::UNIX_EPOCH;
    let builds: Vec<BuildKey> =
        one.entries().map(|(package, target, _)| BuildKey { package: package.clone(), target: target.clone() }).collect();
    for build in builds.iter().take(2) {
        let claimed = grown(&one, |document| document.claim(build, "new_release", None, now, Origin { pipeline: 7, ..Origin::default() }));
        let done = one.get(build).is_some_and(|entry| entry.state.is_done());
        assert!(done || claimed.get(build).is_some_and(|entry| entry.is_claimed_by(7, None)), "{claimed:?}");
        let notes = Notes::from([("AMI_ID".to_owned(), "ami-1".to_owned())]);
        let built = grown(&one, |document| _ = document.succeed(build, notes.clone().into(), now, Origin::default()));
        assert!(built.get(build).is_some_and(|entry| entry.state == State::Built), "{built:?}");
        let rebuilt = grown(&built, |document| drop(document.rebuild(&build.package, &[], "again", None, now)));
        assert!(rebuilt.get(build).is_some_and(|entry| entry.state == State::Pending), "{rebuilt:?}");
        grown(&one, |document| drop(document.settle(7, now, &Origin::default(), |_| None)));
    }
});
