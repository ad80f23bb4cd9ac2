//! A directory's HTML: the links that are taken, written as a page, are the same links.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use ami_scheduler::budget::Budget;
use ami_scheduler::repository::{Listing, index};
use libfuzzer_sys::fuzz_target;

fn read(page: &[u8]) -> Option<Listing> {
    let url = "https://yum.example.com/el9/".parse().expect("a URL");
    let read = || index::read(page, &url, listing::PRODUCT, &Budget::default());
    listing::kept::in_proportion(page.len(), 0, read).ok().map(|page| page.listing)
}

fuzz_target!(|page: &[u8]| {
    let Some(found) = read(page) else { return };
    listing::check(&found);
    for package in &found.packages {
        let name = package.url.rsplit('/').next().expect("a name");
        let name = percent_encoding::percent_decode_str(name).decode_utf8().expect("UTF-8");
        assert_eq!(name.strip_suffix(".rpm").and_then(|name| name.parse().ok()).as_ref(), Some(&package.nevra));
    }
    let links: String = found.packages.iter().map(|package| format!("<a href='{}'>", package.url.replace('\'', "&#39;"))).collect();
    let again = read(links.as_bytes()).expect("a page");
    assert_eq!(again.packages, found.packages);
});
