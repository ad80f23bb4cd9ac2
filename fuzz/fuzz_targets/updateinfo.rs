//! `updateinfo.xml`, not compressed: what a parser of the whole document finds about a release is what is found, and is
//! read as it is written.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use std::collections::BTreeSet;

use ami_scheduler::budget::Budget;
use ami_scheduler::release::{Advisories, Advisory, AdvisoryId};
use ami_scheduler::repository::{Listing, updateinfo};
use libfuzzer_sys::fuzz_target;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The release that advisories are looked for.
const RELEASE: &str = "gitlab-runner-18.6.1-1.x86_64";
/// The most advisories that are kept of it.
const MOST: usize = 8;

/// Whether a `<package>` names the release in the plainest form; `None` for another form.
fn names_release(package: &BytesStart<'_>) -> Option<bool> {
    let plain = [("name", "gitlab-runner"), ("version", "18.6.1"), ("release", "1"), ("epoch", "0"), ("arch", "x86_64")];
    let mut found = 0;
    for (number, attribute) in package.attributes().with_checks(true).enumerate() {
        let attribute = attribute.ok()?;
        let (name, value) = plain.get(number)?;
        if attribute.key.as_ref() != *name {
            return None;
        }
        found += usize::from(attribute.value == *value);
    }
    (!package.contains('&')).then_some(found == plain.len())
}

/// The ids of the updates about the release that a well-formed document holds; `None` for what nobody writes.
fn about_release(document: &str) -> Option<BTreeSet<String>> {
    let mut reader = Reader::from_str(document);
    reader.config_mut().check_end_names = true;
    let (mut path, mut id, mut is_named, mut found) = (Vec::<String>::new(), String::new(), false, BTreeSet::new());
    loop {
        match reader.read_event().ok()? {
            // In an attribute it is not well-formed, whatever the parser says.
            Event::Start(tag) | Event::Empty(tag) if tag.contains('<') || tag.name().as_ref().contains(':') => return None,
            Event::Empty(tag) if matches!(tag.name().as_ref(), "id" | "update") => return None,
            Event::Empty(tag) => {
                let is_in_list = path.len() == 4 && path[1] == "update" && path[2] == "pkglist";
                if tag.name().as_ref() == "package" && is_in_list {
                    is_named |= names_release(&tag)?;
                }
            }
            Event::Start(start) => {
                let tag = start.name().as_ref().to_owned();
                if path.is_empty() && tag != "updates" || tag == "update" && path != ["updates"] || tag == "package" {
                    return None;
                }
                path.push(tag);
            }
            Event::End(_) => {
                if path == ["updates", "update"] && std::mem::take(&mut is_named) {
                    found.insert(id.clone());
                }
                if path == ["updates", "update"] {
                    id.clear();
                }
                path.pop();
            }
            Event::Text(text) if path == ["updates", "update", "id"] => id.push_str(text.trim()),
            Event::Eof => return path.is_empty().then_some(found),
            Event::Decl(_) if reader.buffer_position() as usize <= document.find('>')? + 1 => {}
            Event::PI(_) | Event::DocType(_) | Event::Decl(_) => return None,
            Event::GeneralRef(_) | Event::CData(_) | Event::Comment(_) if path.ends_with(&["id".to_owned()]) => return None,
            _ => {}
        }
    }
}

fuzz_target!(|file: &[u8]| {
    let budget = Budget::default();
    let mut listing = Listing::of(listing::PRODUCT, &budget).expect("a budget");
    listing.add(listing::package(RELEASE)).expect("a package");
    let promised = listing::promised(file);
    let read = || updateinfo::read(file, &promised, listing::PRODUCT, &listing.packages, &budget);
    let Ok(read) = listing::kept::in_proportion(file.len(), listing::kept::WINDOW, read) else { return };
    listing.add_advisories(read);
    let advisories = &listing.packages[0].advisories;
    let all: Vec<&Advisory> = advisories.iter().collect();
    assert!(all.len() <= MOST);
    let written = serde_json::to_vec(advisories).expect("JSON");
    assert_eq!(serde_json::from_slice::<Advisories>(&written).expect("what we wrote"), *advisories);
    let Ok(document) = std::str::from_utf8(file) else { return };
    if document.starts_with('<')
        && listing.advisories_unknown.is_none()
        && let Some(expected) = about_release(document).filter(|expected| expected.len() <= MOST)
    {
        let ids: BTreeSet<&AdvisoryId> = all.iter().map(|advisory| &advisory.id).collect();
        let expected: BTreeSet<AdvisoryId> = expected.iter().map(|id| id.parse().expect("an id")).collect();
        assert_eq!(ids, expected.iter().collect());
    }
});
