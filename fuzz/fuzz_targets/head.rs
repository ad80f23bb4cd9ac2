//! A tracker's head, plain or compressed, as a store gives it: read, changed and written back, nothing
//! of it is lost.
#![no_main]

use std::cell::RefCell;
use std::io::Write as _;

use ami_scheduler::tracker::heads::{Store, StoreError, StoredFile, Tracker};
use ami_scheduler::tracker::{Notes, Origin, State, TrackerName};
use ami_scheduler::release::{BuildKey};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Files in memory.
#[derive(Default)]
struct Files(RefCell<Vec<(StoredFile, Vec<u8>)>>);

impl Store for Files {
    fn list(&self) -> Result<Vec<StoredFile>, StoreError> {
        Ok(self.0.borrow().iter().map(|(file, _)| file.clone()).collect())
    }
    fn download(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.borrow().iter().find(|(known, _)| known == file).map(|(_, content)| content.clone()))
    }
    fn upload(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let mut files = self.0.borrow_mut();
        let id = files.len() as u64 + 1;
        files.push((StoredFile { id, name: name.to_owned(), sha256: None }, content.to_vec()));
        Ok(())
    }
    fn delete(&self, file: &StoredFile) -> Result<(), StoreError> {
        self.0.borrow_mut().retain(|(known, _)| known != file);
        Ok(())
    }
    fn wait(&self, _: u32) {}
    fn place(&self) -> String {
        "memory".to_owned()
    }
}

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
    let store = Files::default();
    store.upload(&name.head(&content).to_string(), &content).expect("stored");
    let tracker = Tracker::new(&store, "gitlab-runner", "main").expect("a tracker");
    let Ok(heads) = tracker.read() else { return };
    let before = heads.document.clone().expect("a head was there");
    let mut after = before.clone();
    let build = BuildKey { package: "gitlab-runner-18.6.1-1.x86_64".parse().expect("a package"), target: "al2023".parse().expect("a target") };
    after.succeed(&build, &Notes::new(), Timestamp::UNIX_EPOCH, Origin::default());
    tracker.write(&heads, &after).expect("written");
    let read = tracker.read().expect("what we wrote").document.expect("a document");
    assert_eq!(read, before.merge(after));
    assert_eq!(read.get(&build).map(|entry| entry.state), Some(State::Built));
});
