//! `repomd.xml`: what is accepted names a primary by a URL and a checksum; what follows changes nothing.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use ami_scheduler::budget::Budget;
use ami_scheduler::release::Checksum;
use ami_scheduler::repository::{primary, repomd};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parse = |text: &str| repomd::parse(text.as_bytes(), &Budget::default());
    let Ok(read) = listing::kept::in_proportion(text.len(), 0, || parse(text)) else { return };
    let checksum = read.primary.checksum.to_string();
    assert_eq!(checksum.parse::<Checksum>().expect("what we wrote"), read.primary.checksum);
    let repository = "https://yum.example.com/el9/".parse().expect("a URL");
    if let Ok(url) = primary::resolve(&repository, read.primary.base.as_deref(), &read.primary.href) {
        listing::check_fetched(url.as_str());
    }
    assert_eq!(parse(&format!("{text}\n<!-- signed -->\n")).as_ref().ok(), Some(&read));
});
