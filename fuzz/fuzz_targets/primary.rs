//! `primary.xml`, not compressed: what a parser of the whole document finds is what is found.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use libfuzzer_sys::fuzz_target;
use quick_xml::Reader;
use quick_xml::events::Event;

/// How many `<package>` of the product a well-formed document holds, each in `<metadata>`; `None` for
/// what createrepo never writes.
fn packages(document: &str) -> Option<usize> {
    let mut reader = Reader::from_str(document);
    reader.config_mut().check_end_names = true;
    let (mut path, mut name, mut found) = (Vec::<String>::new(), None::<String>, 0);
    loop {
        match reader.read_event().ok()? {
            // In an attribute it is not well-formed, whatever the parser says.
            Event::Start(tag) | Event::Empty(tag) if tag.contains('<') => return None,
            Event::Start(start) => {
                let tag = start.name().as_ref().to_owned();
                if tag == "package" && path != ["metadata"] || path.is_empty() && tag != "metadata" {
                    return None;
                }
                if tag == "package" {
                    name = None;
                }
                if path.len() == 2 && tag == "name" && name.is_some() {
                    return None;
                }
                path.push(tag);
            }
            Event::End(_) => {
                if path == ["metadata", "package"] && name.as_deref().map(str::trim) == Some(listing::PRODUCT) {
                    found += 1;
                }
                path.pop();
            }
            Event::Text(text) if path == ["metadata", "package", "name"] => {
                name.get_or_insert_default().push_str(&text);
            }
            Event::Eof => return path.is_empty().then_some(found),
            Event::Empty(empty) if empty.name().as_ref() == "package" => return None,
            // The document's declaration alone is one that createrepo writes.
            Event::Decl(_) if reader.buffer_position() as usize <= document.find('>')? + 1 => {}
            Event::PI(_) | Event::DocType(_) | Event::Decl(_) => return None,
            Event::GeneralRef(_) | Event::CData(_) | Event::Comment(_) if path.ends_with(&["name".to_owned()]) => return None,
            _ => {}
        }
    }
}

fuzz_target!(|file: &[u8]| {
    let Ok(listing) = listing::read_primary(file, file) else { return };
    listing::check(&listing);
    let Ok(document) = std::str::from_utf8(file) else { return };
    if document.starts_with('<')
        && let Some(expected) = packages(document)
    {
        assert_eq!(listing.packages.len() + listing.left_out.count, expected);
    }
});
