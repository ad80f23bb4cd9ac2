//! What holds of every listing, wherever it was read, and how a primary is read.
#![allow(dead_code)] // each target needs some of it

#[path = "kept.rs"]
pub mod kept;

use std::io::Read;

use ami_scheduler::budget::Budget;
use ami_scheduler::release::{Advisories, Checksum, Nevra, Package, is_package_name};
use ami_scheduler::repository::repomd::DataFile;
use ami_scheduler::repository::{Listing, RepositoryError, primary};
use ami_scheduler::text::hex;
use sha2::{Digest as _, Sha256};

pub const PRODUCT: &str = "gitlab-runner";
const URL: &str = "https://yum.example.com/el9/x86_64/";

/// What `repomd.xml` says of a file.
pub fn promised(file: &[u8]) -> DataFile {
    let checksum = Checksum::new("sha256", &hex(&Sha256::digest(file))).expect("a checksum");
    DataFile { href: "primary.xml".to_owned(), base: None, checksum, size: None }
}

/// A package of which nothing but the release is known.
pub fn package(release: &str) -> Package {
    let nevra = release.parse().expect("a release");
    let advisories = Advisories::default();
    Package { nevra, url: format!("{URL}a.rpm"), checksum: None, built_at: None, targets: None, advisories }
}

/// Reads a file as the primary that a repository promises.
pub fn read_primary(file: impl Read, digest_of: &[u8]) -> Result<Listing, RepositoryError> {
    let promised = promised(digest_of);
    let url = URL.parse().expect("a URL");
    let read = || primary::read(file, &promised, &url, PRODUCT, &Budget::default());
    kept::in_proportion(digest_of.len(), kept::WINDOW, read)
}

/// What is accepted is of the product, within its grammar, and safe in a log, in YAML and in a shell.
pub fn check(listing: &Listing) {
    for package in &listing.packages {
        let Package { nevra, url, .. } = package;
        assert_eq!(nevra.name(), PRODUCT);
        let told = nevra.to_string();
        assert!(told.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^:-".contains(&b)), "{told:?}");
        assert_eq!(&told.parse::<Nevra>().expect("what we wrote"), nevra);
        check_url(url);
    }
    for name in listing.nearest.names() {
        assert!(is_package_name(name), "{name:?}");
    }
}

/// A URL that others get.
fn check_url(url: &str) {
    check_fetched(url);
    assert!(url.bytes().all(|b| b.is_ascii_graphic() && !b"$\"<>\\`'();|".contains(&b)), "{url:?}");
}

/// A URL that is asked here, and may have a query.
pub fn check_fetched(url: &str) {
    let parsed: url::Url = url.parse().expect("a URL");
    assert!(matches!(parsed.scheme(), "http" | "https"), "{url:?}");
    assert!(parsed.username().is_empty() && parsed.password().is_none(), "{url:?}");
}

/// A plain text is compressed; all else is taken for a file that begins as one that is compressed does.
pub fn compressed(input: &[u8], magic: &[u8], compress: impl Fn(&[u8]) -> Vec<u8>) {
    if input.starts_with(b"<") && !input.starts_with(magic) {
        compressed_is_the_same_as_plain(input, &compress(input));
    } else {
        read_whole_and_in_pieces(&[magic, input.strip_prefix(magic).unwrap_or(input)].concat());
    }
}

/// A file means the same however it arrives; what it is compressed by was told from its bytes.
fn read_whole_and_in_pieces(file: &[u8]) {
    struct Pieces<'a>(&'a [u8]);
    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = (self.0.first().map_or(0, |byte| usize::from(byte % 7)) + 1).min(self.0.len()).min(buffer.len());
            (&self.0[..length]).read(buffer).inspect(|read| self.0 = &self.0[*read..])
        }
    }
    let whole = read_primary(file, file);
    let pieces = read_primary(Pieces(file), file);
    match (&whole, &pieces) {
        (Ok(one), Ok(other)) => {
            check(one);
            assert_eq!(one.packages, other.packages);
        }
        (Err(one), Err(other)) => assert_eq!(one.is_transient(), other.is_transient(), "{one} {other}"),
        _ => panic!("whole {whole:?}, in pieces {pieces:?}"),
    }
}

/// A file that is compressed says what it said before.
fn compressed_is_the_same_as_plain(plain: &[u8], compressed: &[u8]) {
    match (read_primary(plain, plain), read_primary(compressed, compressed)) {
        (Ok(one), Ok(other)) => assert_eq!(one.packages, other.packages),
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (one, other) => panic!("plain {one:?}, compressed {other:?}"),
    }
}
