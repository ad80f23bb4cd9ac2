//! The heads protocol over a store in memory that behaves as GitLab's Secure Files do.

use crate::common::memory::Memory;
use ami_scheduler::release::BuildKey;
use ami_scheduler::tracker::heads::{self, Heads, Tracker, TrackerError};
use ami_scheduler::tracker::{Document, Origin, Report, State};
use jiff::Timestamp;

fn build(version: u64) -> BuildKey {
    BuildKey {
        package: format!("p-{version}-1.noarch").parse().expect("a package"),
        target: "al2023".parse().expect("a target"),
    }
}

fn record(store: &Memory, version: u64) -> Result<(), TrackerError> {
    let tracker = Tracker::new(store, "p", "main")?;
    let heads = tracker.read()?;
    let document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
    record_in(document, &tracker, &heads, version)
}

/// What a writer does that has read these heads, whatever is there by now.
fn record_after(tracker: &Tracker<'_>, heads: &Heads, version: u64) {
    let document = heads.document.clone().expect("a document");
    record_in(document, tracker, heads, version).expect("written");
}

fn record_in(mut document: Document, tracker: &Tracker<'_>, heads: &Heads, version: u64) -> Result<(), TrackerError> {
    document.succeed(&build(version), Report::default(), Timestamp::UNIX_EPOCH, Origin::default());
    tracker.write(heads, &document)
}

fn recorded(store: &Memory) -> Vec<String> {
    let heads = Tracker::new(store, "p", "main").expect("a name").read().expect("a tracker");
    let document = heads.document.expect("a document");
    let built = document.entries().filter(|(_, _, entry)| entry.state == State::Built);
    built.map(|(package, _, _)| package.evr().version.clone()).collect()
}

#[test]
fn a_store_without_heads_holds_no_tracker_and_is_not_written_by_reading() {
    let store = Memory::default();
    store.put("other.json", b"{}");
    let heads = Tracker::new(&store, "p", "main").expect("a name").read().expect("nothing");
    assert!(heads.document.is_none());
    assert_eq!(store.names(), ["other.json"]);
}

#[test]
fn one_writer_leaves_its_head_and_the_one_before() {
    let store = Memory::default();
    for version in 1..=5 {
        record(&store, version).expect("recorded");
        assert_eq!(recorded(&store).len() as u64, version);
        assert!(store.names().len() <= 2, "{:?}", store.names());
    }
}

#[test]
fn writing_what_is_there_already_changes_nothing() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    record(&store, 2).expect("recorded");
    let before = store.names();
    record(&store, 2).expect("recorded");
    assert_eq!(store.names(), before);
}

#[test]
fn two_writers_that_read_the_same_lose_nothing_and_the_next_one_tidies_up() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    let tracker = Tracker::new(&store, "p", "main").expect("a name");
    let (one, two) = (tracker.read().expect("heads"), tracker.read().expect("heads"));
    for (heads, version) in [(&one, 2), (&two, 3)] {
        record_after(&tracker, heads, version);
    }
    assert_eq!(recorded(&store), ["1", "2", "3"]);
    record(&store, 4).expect("recorded");
    assert_eq!((recorded(&store).len(), store.names().len()), (4, 2));
}

#[test]
fn two_heads_of_one_name_are_one_and_the_next_that_is_stored_retires_them() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    let (file, content) = store.files.borrow()[0].clone();
    store.put(&file.name, &content);
    record(&store, 1).expect("recorded");
    assert_eq!(store.names().len(), 2);
    record(&store, 2).expect("recorded");
    let left: Vec<u64> = store.files.borrow().iter().map(|(file, _)| file.id).collect();
    assert_eq!((left, recorded(&store).len()), (vec![file.id + 3, file.id + 6], 2));
}

#[test]
fn a_reply_that_is_lost_is_an_error_and_what_it_recorded_is_not() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    record(&store, 2).expect("recorded");
    store.replies_lost.set(1);
    record(&store, 3).expect_err("no reply");
    record(&store, 3).expect("recorded");
    assert_eq!(recorded(&store), ["1", "2", "3"]);
}

#[test]
fn a_list_that_is_out_of_date_is_asked_for_again_and_loses_nothing() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    record(&store, 2).expect("recorded");
    record(&store, 3).expect("recorded");
    store.stale_lists.set(2);
    record(&store, 4).expect("recorded");
    assert_eq!(*store.waits.borrow(), [1, 2]);
    assert_eq!(recorded(&store), ["1", "2", "3", "4"]);
}

/// The limit of what a listing that is out of date may show: see `docs/tracker.md`.
#[test]
fn a_success_recorded_from_a_listing_before_a_forget_is_one_of_what_was_forgotten() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    let tracker = Tracker::new(&store, "p", "main").expect("a name");
    let heads = tracker.read().expect("heads");
    let mut document = heads.document.clone().expect("a document");
    document.rebuild(&build(1).package, &[], "a bad image", None, Timestamp::UNIX_EPOCH);
    tracker.write(&heads, &document).expect("written");
    store.stale_lists.set(1);
    record(&store, 1).expect("recorded");
    assert!(recorded(&store).is_empty());
    record(&store, 1).expect("recorded");
    assert_eq!(recorded(&store), ["1"]);
}

#[test]
fn a_head_that_is_listed_but_never_there_stops_it() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    let gone = store.files.borrow()[0].clone();
    store.before.replace(vec![gone.clone()]);
    store.files.borrow_mut().clear();
    store.stale_lists.set(u32::MAX);
    let error = record(&store, 2).expect_err("never there");
    assert!(matches!(&error, TrackerError::KeepsChanging { file, .. } if file == &gone.0.name), "{error}");
    assert!(store.names().is_empty());
}

#[test]
fn a_head_that_is_damaged_stops_it_and_stays_where_it_is() {
    for (damage, told) in [
        ("another byte", "SHA-256"),
        ("cut short", "SHA-256"),
        ("checksum of the damage", "its name says another SHA-256"),
        ("empty", "SHA-256"),
    ] {
        let store = Memory::default();
        record(&store, 1).expect("recorded");
        {
            let mut files = store.files.borrow_mut();
            let (file, content) = &mut files[0];
            match damage {
                "another byte" => content[10] ^= 1,
                "cut short" => content.truncate(20),
                "empty" => content.clear(),
                _ => {
                    content[10] ^= 1;
                    file.sha256 = None;
                }
            }
        }
        let before = store.files.borrow().clone();
        let error = record(&store, 2).expect_err(damage).to_string();
        assert!(error.contains(told) && error.contains("Nothing was changed"), "{damage}: {error}");
        assert_eq!(store.files.borrow().clone(), before);
    }
}

#[test]
fn a_head_of_a_format_that_is_not_known_stops_it() {
    let store = Memory::default();
    let name = ami_scheduler::tracker::TrackerName::new("p", "main").expect("a name");
    let content = br#"{"format": "ami-scheduler/tracker/9"}"#;
    store.put(&name.head(content).to_string(), content);
    let error = record(&store, 1).expect_err("another format");
    let chain = format!("{error}: {}", std::error::Error::source(&error).expect("a source"));
    assert!(chain.contains("ami-scheduler/tracker/9"), "{chain}");
    assert_eq!(store.names().len(), 1);
}

#[test]
fn all_trackers_of_a_store_are_read_or_those_that_are_wanted() {
    let store = Memory::default();
    store.put("main.txt", b"a-1-1.noarch.rpm");
    assert!(heads::read_all(&store, |_| true).expect("nothing").is_empty());
    for (product, reference) in [("p", "main"), ("q", "main"), ("p", "feature/a")] {
        let tracker = Tracker::new(&store, product, reference).expect("a name");
        tracker.write(&tracker.read().expect("nothing"), &tracker.new_document()).expect("written");
    }
    record(&store, 1).expect("recorded");
    let read = |reference: Option<&str>| {
        let wanted = heads::read_all(&store, |name| reference.is_none_or(|reference| name.is_of_ref(reference)));
        let told = |one: &Document| format!("{} {} {}", one.product(), one.reference(), one.entries().count());
        wanted.expect("trackers").iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(read(None), ["p feature/a 0", "p main 1", "q main 0"]);
    assert_eq!(read(Some("main")), ["p main 1", "q main 0"]);
    // What is not wanted need not be readable.
    store.files.borrow_mut().iter_mut().find(|(file, _)| file.name.contains(".q.")).expect("a head").1.clear();
    assert_eq!(read(Some("feature/a")), ["p feature/a 0"]);
    assert!(heads::read_all(&store, |_| true).is_err());
}

#[test]
fn a_head_under_the_name_of_another_tracker_stops_it() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    let content = store.files.borrow()[0].1.clone();
    let other = Tracker::new(&store, "q", "main").expect("a name");
    let name = ami_scheduler::tracker::TrackerName::new("q", "main").expect("a name");
    store.put(&name.head(&content).to_string(), &content);
    let error = other.read().expect_err("another tracker");
    let source = std::error::Error::source(&error).expect("a source").to_string();
    assert!(source.starts_with("it is the tracker of \"p\" on \"main\""), "{source}");
}

#[test]
fn a_listing_is_asked_for_twelve_times_at_most() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    let gone = store.files.borrow()[0].clone();
    store.before.replace(vec![gone]);
    store.files.borrow_mut().clear();
    store.stale_lists.set(u32::MAX);
    record(&store, 2).expect_err("never there");
    assert_eq!(*store.waits.borrow(), (1..12).collect::<Vec<u32>>());
}

/// Twelve heads of which each was written from the same two, beside 88 files of others: writers that came at once.
/// Field tests, security 12.
#[test]
fn a_store_that_many_writers_have_filled_heals() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    record(&store, 2).expect("recorded");
    let tracker = Tracker::new(&store, "p", "main").expect("a name");
    let read: Vec<_> = (0..11).map(|_| tracker.read().expect("heads")).collect();
    for (heads, version) in read.iter().zip(10..) {
        record_after(&tracker, heads, version);
    }
    assert_eq!(store.names().len(), 12);
    store.capacity.set(Some(12));
    record(&store, 99).expect("recorded");
    assert_eq!((recorded(&store).len(), store.names().len()), (14, 2));
}

#[test]
fn in_a_full_store_the_previous_version_makes_room() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    record(&store, 2).expect("recorded");
    store.capacity.set(Some(2));
    for version in 3..9 {
        record(&store, version).expect("recorded");
    }
    assert_eq!((recorded(&store).len(), store.names().len()), (8, 2));
}

#[test]
fn a_full_store_of_heads_that_contain_no_other_stays_as_it_is_and_one_file_less_mends_it() {
    let store = Memory::default();
    store.put("other", b"");
    record(&store, 1).expect("recorded");
    let tracker = Tracker::new(&store, "p", "main").expect("a name");
    let (one, two) = (tracker.read().expect("heads"), tracker.read().expect("heads"));
    for (heads, version) in [(&one, 2), (&two, 3)] {
        record_after(&tracker, heads, version);
    }
    store.files.borrow_mut().remove(1); // the one that both contain
    store.capacity.set(Some(3));
    let before = store.names();
    let error = record(&store, 4).expect_err("full");
    assert!(
        error.to_string().starts_with(
            "there is no room in memory for another head of ami-scheduler.p.main-0d6e4079: it has 2 heads there, none of \
             which another contains, so that none may go. Delete a file that is none of them, and run the job again"
        ),
        "{error}"
    );
    assert_eq!((store.names(), store.waits.borrow().len()), (before, 6));
    store.files.borrow_mut().remove(0);
    record(&store, 4).expect("recorded");
    assert_eq!((recorded(&store), store.names().len()), (["1", "2", "3", "4"].map(str::to_owned).to_vec(), 2));
}

/// Of a ref its name has 32 bits, and two refs that are made for it can share them: they never share a tracker.
#[test]
fn heads_of_two_refs_under_one_name_stop_it() {
    let store = Memory::default();
    let [one, other] = ["a-b-c-d-e.f_g.h/i/j/k_l", "a-b-c_d_e/f/g-h-i/j_k.l"]
        .map(|reference| Tracker::new(&store, "p", reference).expect("a name"));
    one.write(&one.read().expect("nothing"), &one.new_document()).expect("written");
    let error = other.read().expect_err("another ref");
    let source = std::error::Error::source(&error).expect("a source").to_string();
    assert!(source.starts_with("it is the tracker of \"p\" on \"a-b-c-d-e.f_g.h/i/j/k_l\""), "{source}");
    let head = |tracker: &Tracker<'_>| {
        let content = tracker.new_document().to_json().expect("JSON");
        store.put(&tracker.new_document().tracker_name().expect("a name").head(&content).to_string(), &content);
    };
    head(&other);
    for refused in [one.read().map(drop), other.read().map(drop), heads::read_all(&store, |_| true).map(drop)] {
        refused.expect_err("two refs");
    }
}

#[test]
fn the_trackers_of_other_refs_are_left_alone() {
    let store = Memory::default();
    record(&store, 1).expect("recorded");
    let other = Tracker::new(&store, "p", "feature/a").expect("a name");
    let heads = other.read().expect("nothing");
    assert!(heads.document.is_none());
    other.write(&heads, &other.new_document()).expect("written");
    record(&store, 2).expect("recorded");
    record(&store, 3).expect("recorded");
    assert_eq!(store.names().len(), 3);
}
