//! A document as the content of a head: JSON for people to read, gzip of it where it is long.

use std::io::Write as _;

use flate2::{Compression, GzBuilder, read::GzDecoder};

use super::name::is_compressed;
use super::{Document, DocumentError};
use crate::budget::{Budget, Held, OverBudget};

/// From this size on, in bytes, JSON is compressed.
const LONG: usize = 1 << 20;
/// The most JSON that a head may hold, in bytes: some 100,000 entries.
pub(super) const MAX_JSON: u64 = 64 << 20;

/// How hard it is compressed, from 1 to 9: by 1 a tracker takes half as much again, and from 3 on the time grows more
/// than the size shrinks.
const LEVEL: u32 = 2;

/// A document as it is stored.
pub(super) struct Encoded {
    /// The content of its head.
    pub(super) content: Vec<u8>,
    /// How many bytes the JSON has that is in it.
    pub(super) json: usize,
}

/// The same document always gives the same bytes.
pub(super) fn encode(document: &Document) -> Result<Encoded, DocumentError> {
    let json = document.to_json()?;
    let length = json.len();
    if length < LONG {
        return Ok(Encoded { content: json, json: length });
    }
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(LEVEL));
    gzip.write_all(&json)?;
    Ok(Encoded { content: gzip.finish()?, json: length })
}

/// A document as it was read.
pub(super) struct Decoded {
    pub(super) document: Document,
    /// What it takes in memory; that counts until it is dropped.
    pub(super) held: Held,
    /// How many bytes its JSON has.
    pub(super) json: usize,
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(content: &[u8], budget: &Budget) -> Result<Decoded, DocumentError> {
    let read = |json: &[u8]| {
        let (document, held) = Document::read(json, budget)?;
        Ok(Decoded { document, held, json: json.len() })
    };
    if !is_compressed(content) {
        return read(content);
    }
    let unpacked = budget.read_to_end(GzDecoder::new(content), MAX_JSON);
    let (json, _held) = unpacked.map_err(|error| match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(over) => DocumentError::OverBudget(OverBudget::clone(over)),
        None => DocumentError::Compressed(error),
    })?;
    if json.len() as u64 > MAX_JSON {
        return Err(DocumentError::TooLong { limit: MAX_JSON });
    }
    read(&json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::BuildKey;
    use crate::tracker::{Origin, Report, TrackerName};
    use jiff::Timestamp;
    use std::io::Read as _;

    fn decode(content: &[u8]) -> Result<Document, DocumentError> {
        super::decode(content, &Budget::default()).map(|decoded| decoded.document)
    }

    fn document(entries: usize) -> Document {
        let mut document = Document::new("p", "main");
        for version in 0..entries {
            let package = format!("p-{version}-1.noarch").parse().expect("a package");
            let build = BuildKey { package, target: "al2023".parse().expect("a target") };
            document.succeed(&build, Report::default(), Timestamp::UNIX_EPOCH, Origin::default());
        }
        document
    }

    #[test]
    fn a_short_document_is_json_that_people_can_read_and_a_long_one_is_compressed() {
        for (entries, compressed) in [(0, false), (100, false), (8_000, true)] {
            let document = document(entries);
            let content = encode(&document).expect("content").content;
            assert_eq!(is_compressed(&content), compressed, "{entries}");
            assert_eq!(decode(&content).expect("a document"), document);
            assert_eq!(encode(&document).expect("content").content, content);
            let head = TrackerName::new("p", "main").expect("a name").head(&content).to_string();
            assert!(head.ends_with(if compressed { ".json.gz" } else { ".json" }), "{head}");
        }
    }

    #[test]
    fn what_unpacks_to_more_than_a_tracker_can_be_is_refused() {
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
        std::io::copy(&mut std::io::repeat(b' ').take(MAX_JSON + 1), &mut gzip).expect("a bomb");
        let bomb = gzip.finish().expect("a bomb");
        assert!(matches!(decode(&bomb), Err(DocumentError::TooLong { .. })));
    }

    #[test]
    fn from_one_mebibyte_on_a_document_is_compressed() {
        let of_length = |reference: usize| {
            let document = Document::new("p", &"r".repeat(reference));
            (document.to_json().expect("JSON").len(), is_compressed(&encode(&document).expect("content").content))
        };
        let (overhead, _) = of_length(0);
        assert_eq!(of_length(LONG - 1 - overhead), (LONG - 1, false));
        assert_eq!(of_length(LONG - overhead), (LONG, true));
    }

    #[test]
    fn what_unpacks_to_as_much_as_a_tracker_can_be_is_read() {
        let document = document(1);
        let json = document.to_json().expect("JSON");
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
        gzip.write_all(&json).expect("JSON");
        let filling = MAX_JSON - json.len() as u64;
        std::io::copy(&mut std::io::repeat(b' ').take(filling), &mut gzip).expect("spaces");
        assert_eq!(decode(&gzip.finish().expect("content")).expect("a document"), document);
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let content = encode(&document(8_000)).expect("content").content;
        for length in [2, 12, content.len() / 2, content.len() - 1] {
            assert!(decode(&content[..length]).is_err(), "{length}");
        }
    }
}
