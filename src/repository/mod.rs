//! What a package repository says: `repomd.xml` → `primary.xml` → packages, or a directory index.
//!
//! Everything here comes from outside and is hostile until checked: bytes in, checked values out.

mod checksum;
mod decompress;
mod elements;
pub mod index;
mod links;
pub mod merge;
pub mod mirrors;
mod nearest;
pub mod primary;
pub mod repomd;
pub mod signature;

pub use checksum::{Checksum, ChecksumError, ChecksumKind};
pub use nearest::NearestNames;

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::package::Package;

/// The most releases of one product that a listing holds. Real ones have hundreds.
pub const MAX_RELEASES: usize = 20_000;
/// The longest URL of a package, in bytes.
const MAX_URL: usize = 2048;

/// The releases of one product, as a repository offers them, and what helps where there are none.
#[derive(Debug, Default)]
pub struct Listing {
    /// The repository's own mark of its state, where it has one.
    pub revision: Option<String>,
    /// Every package of the product, in the repository's order.
    pub packages: Vec<Package>,
    /// How many packages of other products the repository has.
    pub others: usize,
    /// Names that are near to the product's, for an error message.
    pub nearest: NearestNames,
}

impl Listing {
    fn of(product: &str) -> Self {
        Self { nearest: NearestNames::to(product), ..Self::default() }
    }

    /// Counts a package of another product.
    fn pass_over(&mut self, name: &str) {
        self.others += 1;
        self.nearest.offer(name);
    }

    /// Whether the repository has no package at all, of whatever product.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.others == 0
    }

    /// Adds what another page or part of the same repository has.
    pub fn append(&mut self, other: Self) -> Result<(), RepositoryError> {
        for package in other.packages {
            self.add(package)?;
        }
        self.others += other.others;
        other.nearest.names().into_iter().for_each(|name| self.nearest.offer(name));
        Ok(())
    }

    fn add(&mut self, package: Package) -> Result<(), RepositoryError> {
        if self.packages.len() == MAX_RELEASES {
            let reason = format!("it has more than {MAX_RELEASES} releases of one product");
            return Err(RepositoryError::malformed("the repository", 0, &reason));
        }
        if package.url.len() > MAX_URL {
            let reason = format!("the URL of {} has more than {MAX_URL} bytes", package.package);
            return Err(RepositoryError::malformed("the repository", 0, &reason));
        }
        self.packages.push(package);
        Ok(())
    }
}

/// What pipeline variables expand, and what a shell takes for its syntax.
const SYNTAX: &AsciiSet = &CONTROLS.add(b'$').add(b'`').add(b'\'').add(b'(').add(b')').add(b';').add(b'|').add(b'\\');

/// A URL as others are to have it: without a password, and with what could be taken for syntax encoded,
/// which means the same.
fn public(mut url: Url) -> Result<Url, url::ParseError> {
    // Only a URL that can have no user refuses to lose it.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let encoded = match Cow::from(utf8_percent_encode(url.as_str(), SYNTAX)) {
        Cow::Borrowed(_) => return Ok(url),
        Cow::Owned(encoded) => Url::parse(&encoded)?,
    };
    // The name of a host is decoded again, and no host has such a name.
    let is_plain = utf8_percent_encode(encoded.as_str(), SYNTAX).count() == 1;
    if is_plain { Ok(encoded) } else { Err(url::ParseError::InvalidDomainCharacter) }
}

/// Whether the first element of a document has this name. (The deserializer takes any.)
fn is_root(document: &str, name: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Start(start)) => return start.local_name().as_ref() == name,
            Ok(quick_xml::events::Event::Eof | quick_xml::events::Event::Empty(_)) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// What is wrong with the content of a repository.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The bytes did not arrive, or did not decompress.
    #[error("cannot read {what}: {error}")]
    Read {
        /// The file that was being read.
        what: &'static str,
        /// What the reader said.
        error: std::io::Error,
    },
    /// Not well-formed XML, or not the document that was expected.
    #[error("{what} is malformed{}: {reason}", near(*position))]
    Malformed {
        /// The file that was being read.
        what: &'static str,
        /// Where in the (decompressed) file, in bytes; 0 for the file as a whole.
        position: u64,
        /// What was expected and found.
        reason: String,
    },
    /// The file is not the one that `repomd.xml` describes.
    #[error("{what} does not match repomd.xml: {reason}")]
    Mismatch {
        /// The file that was being read.
        what: &'static str,
        /// Expected and found.
        reason: String,
    },
}

fn near(position: u64) -> String {
    if position == 0 { String::new() } else { format!(" near byte {position}") }
}

impl RepositoryError {
    fn malformed(what: &'static str, position: u64, reason: &str) -> Self {
        // The reason may quote what the repository wrote: no line breaks, no terminal codes.
        let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        Self::Malformed { what, position, reason }
    }

    /// Whether reading again, from `repomd.xml` on, may help: a mirror caught half-way through its
    /// update, or a broken connection, gives these.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Mismatch { .. })
    }
}
