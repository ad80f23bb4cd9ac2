//! A mirrorlist or metalink: what is accepted names a few mirrors, each of which can be asked.
#![no_main]

#[path = "../properties/kept.rs"]
mod kept;

use ami_scheduler::budget::Budget;
use ami_scheduler::repository::variables::Variables;
use ami_scheduler::repository::mirrors::{self, MAX_MIRRORS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|list: &str| {
    let read = || mirrors::parse(list, &Variables::default(), &Budget::default());
    let Some(Ok(mirrors)) = kept::in_proportion(list.len(), 0, read) else { return };
    assert!((1..=MAX_MIRRORS).contains(&mirrors.bases.len()));
    for (place, base) in mirrors.bases.iter().enumerate() {
        assert!(matches!(base.scheme(), "http" | "https") && base.path().ends_with('/') && base.query().is_none());
        assert!(!mirrors.bases[..place].contains(base));
    }
});
