//! A tracker's head, plain or compressed, as a store gives it: read, changed and written back, nothing
//! of it is lost.
#![no_main]

#[allow(dead_code)] // nothing goes wrong in it here
#[path = "../../tests/core/common/memory.rs"]
mod memory;
#[path = "../properties/kept.rs"]
mod kept;

use std::io::Write as _;

use ami_scheduler::release::BuildKey;
use ami_scheduler::tracker::heads::Tracker;
use ami_scheduler::tracker::{Origin, Report, State, TrackerName};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use memory::Memory;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).expect("written");
    gzip.finish().expect("gzip")
}

fuzz_target!(|input: &[u8]| {
    let content = match input.split_first() {
        Some((b'z', plain)) => gzip(plain),
        _ => input.to_vec(),
    };
    let name = TrackerName::new("gitlab-runner", "main").expect("a name");
    let store = Memory::default();
    store.put(&name.head(&content).to_string(), &content);
    let tracker = Tracker::new(&store, "gitlab-runner", "main").expect("a tracker");
    let Ok(heads) = kept::in_proportion(input.len(), kept::BUDGET, || tracker.read()) else { return };
    let before = heads.document.clone().expect("a head was there");
    let mut after = before.clone();
    let build = BuildKey { package: "gitlab-runner-18.6.1-1.x86_64".parse().expect("a package"), target: "al2023".parse().expect("a target") };
    after.succeed(&build, Report::default(), Timestamp::UNIX_EPOCH, Origin::default());
    tracker.write(&heads, &after).expect("written");
    let read = tracker.read().expect("what we wrote").document.expect("a document");
    assert_eq!(read, before.merge(after));
    assert_eq!(read.get(&build).map(|entry| entry.state), Some(State::Built));
});
