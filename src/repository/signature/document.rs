//! The file that was signed. It is hashed once for each hash and way of reading it, however many signatures it has.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SignatureVersion};
use pgp::ser::Serialize as _;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha384, Sha512};

pub(super) struct Document<'a> {
    content: &'a [u8],
    hashed: BTreeMap<(u8, bool), Box<dyn DynDigest>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self { content, hashed: BTreeMap::new() }
    }

    /// What a signature of it is over: the file, and what the signature says of itself. None, where its hash or
    /// version are not believed.
    pub(super) fn digest(&mut self, signature: &Signature) -> Option<Box<[u8]>> {
        let hash = signature.hash_alg()?;
        let is_text = signature.typ() == Some(SignatureType::Text);
        let said = said(signature)?;
        let content = self.content;
        let of_content = match self.hashed.entry((u8::from(hash), is_text)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let mut hasher = hasher(hash)?;
                if is_text {
                    hash_lines(content, &mut *hasher);
                } else {
                    hasher.update(content);
                }
                place.insert(hasher)
            }
        };
        let mut whole = of_content.clone();
        whole.update(&said);
        Some(whole.finalize())
    }
}

/// Whether a hash is one that nobody can forge.
pub(super) fn is_strong(hash: HashAlgorithm) -> bool {
    hasher(hash).is_some()
}

fn hasher(hash: HashAlgorithm) -> Option<Box<dyn DynDigest>> {
    match hash {
        HashAlgorithm::Sha256 => Some(Box::new(Sha256::default())),
        HashAlgorithm::Sha384 => Some(Box::new(Sha384::default())),
        HashAlgorithm::Sha512 => Some(Box::new(Sha512::default())),
        _ => None,
    }
}

/// What a signature says of itself, in the form that it signs (RFC 9580, 5.2.4).
fn said(signature: &Signature) -> Option<Vec<u8>> {
    let bytes = signature.to_bytes().ok()?;
    match signature.version() {
        SignatureVersion::V2 | SignatureVersion::V3 => Some(bytes.get(2..7)?.to_vec()),
        SignatureVersion::V4 => {
            let length = 6 + usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]));
            let trailer = [&[4, 0xff][..], &u32::try_from(length).ok()?.to_be_bytes()].concat();
            Some([bytes.get(..length)?, &trailer].concat())
        }
        _ => None,
    }
}

/// Text is signed as if its lines ended as they do on Windows.
fn hash_lines(text: &[u8], hasher: &mut dyn DynDigest) {
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let without_end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        hasher.update(&line[..without_end]);
        if line.ends_with(b"\n") {
            hasher.update(b"\r\n");
        }
    }
}
