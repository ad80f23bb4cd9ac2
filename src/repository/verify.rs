//! The verification of a file while it is read: its checksum and size against what `repomd.xml` promises.

use std::io::{self, Read};

use super::RepositoryError;
use super::decompress::decompress;
use super::encoding::utf8;
use super::repomd::DataFile;
use crate::budget::Budget;
use crate::release::Checksum;
use crate::release::checksum::Hasher;

/// The most bytes that a file may have, whatever was declared: no server is listened to for ever.
const MAX_FILE: u64 = 1 << 30;
/// How many bytes more than declared are read, to tell a file whose size is stated wrongly from another one.
const MAX_EXCESS: u64 = 64 << 20;

/// Reads a file as `repomd.xml` describes it: verifies its checksum and size, decompresses it, and hands it to
/// `read` in UTF-8.
pub(super) fn read_verified<T>(
    compressed: impl Read,
    file: &DataFile,
    what: &'static str,
    budget: &Budget,
    read: impl FnOnce(&mut dyn Read) -> Result<T, RepositoryError>,
) -> Result<T, RepositoryError> {
    let mut verified = Verified::new(compressed, file.checksum.clone(), file.size);
    let value = decompress(&mut verified, budget)
        .and_then(utf8)
        .map_err(|error| RepositoryError::read(what, error))
        .and_then(|mut plain| read(&mut plain));
    // First whether the file arrived as it was published: what a broken one says is of no interest.
    verified.finish(what)?;
    value.map_err(|error| match error {
        // Reading it again would give the same.
        RepositoryError::Read { error, .. } => RepositoryError::malformed(what, 0, &error.to_string()),
        other => other,
    })
}

/// Reads a file of the repository and keeps account of what `repomd.xml` promised of it.
///
/// Nothing that was read through it may be believed before [`finish`](Self::finish) said yes.
pub(super) struct Verified<R> {
    inner: R,
    hasher: Hasher,
    expected: Checksum,
    declared_size: Option<u64>,
    most: u64,
    size: u64,
    failure: Option<(io::ErrorKind, String)>,
}

impl<R: Read> Verified<R> {
    pub(super) fn new(inner: R, expected: Checksum, declared_size: Option<u64>) -> Self {
        Self { inner, hasher: expected.kind.hasher(), expected, declared_size, most: MAX_FILE, size: 0, failure: None }
    }

    /// The most bytes that are read.
    fn longest(&self) -> u64 {
        self.declared_size.map_or(self.most, |declared| declared.saturating_add(MAX_EXCESS).min(self.most))
    }

    /// Reads what is left and says whether the whole is the file that was promised.
    pub(super) fn finish(mut self, what: &'static str) -> Result<(), RepositoryError> {
        let read = if self.failure.is_none() { io::copy(&mut self, &mut io::sink()) } else { Ok(0) };
        if let Some(declared) = self.declared_size.filter(|declared| self.size > declared.saturating_add(MAX_EXCESS)) {
            let reason = format!("it is longer than the {declared} bytes that were declared");
            return Err(RepositoryError::Mismatch { what, reason });
        }
        if self.size > self.most {
            let reason = format!("it is longer than {} bytes, the most that is read", self.most);
            return Err(RepositoryError::malformed(what, 0, &reason));
        }
        // An error that the decompressor or the parser met first would otherwise hide this one.
        if let Some((kind, message)) = self.failure {
            return Err(RepositoryError::Read { what, error: io::Error::new(kind, message) });
        }
        read.map_err(|error| RepositoryError::Read { what, error })?;
        let found = self.hasher.finish();
        let (size, declared) = (self.size, self.declared_size.unwrap_or(self.size));
        if found != self.expected.hex {
            let kind = self.expected.kind.name();
            let of_declared = if size == declared { String::new() } else { format!(" in place of {declared}") };
            let reason = format!("expected {}, found {kind}:{found} in {size} bytes{of_declared}", self.expected);
            return Err(RepositoryError::Mismatch { what, reason });
        }
        if size != declared {
            // Its content is the right one: reading it again would give the same.
            let reason = format!(
                "its checksum is the one that repomd.xml states, and its size is not: repomd.xml states {declared} bytes, \
                 and it has {size}. Tell whoever makes the repository"
            );
            return Err(RepositoryError::malformed(what, 0, &reason));
        }
        Ok(())
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.failure = Some((error.kind(), error.to_string()));
                return Err(error);
            }
        };
        self.hasher.update(&buffer[..read]);
        self.size += read as u64;
        if self.size > self.longest() {
            // Whatever follows is not the promised file, however long it is.
            let error = io::Error::new(io::ErrorKind::InvalidData, "longer than it may be");
            self.failure = Some((error.kind(), error.to_string()));
            return Err(error);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn every_kind_that_repositories_use_is_verified() {
        for (kind, digits) in [
            ("sha", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            ("SHA256", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
            (
                "sha384",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            let checksum = Checksum::new(kind, digits).expect(kind);
            Verified::new(&b"abc"[..], checksum.clone(), Some(3)).finish("a file").expect(kind);
            let error = Verified::new(&b"abd"[..], checksum, None).finish("a file").expect_err(kind);
            assert!(error.to_string().contains("expected") && error.is_transient(), "{error}");
        }
    }

    #[test]
    fn a_size_that_is_stated_wrongly_is_told_at_once_with_both_numbers() {
        let checksum = || Checksum::new("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d").expect("a checksum");
        for declared in [1, 2, 4, u64::MAX] {
            let error = Verified::new(&b"abc"[..], checksum(), Some(declared)).finish("a file").expect_err("a size");
            let told = format!("repomd.xml states {declared} bytes, and it has 3");
            assert!(error.to_string().contains(&told) && !error.is_transient(), "{error}");
            // The old file, on a mirror that has the new repomd.xml.
            let error = Verified::new(&b"ab"[..], checksum(), Some(declared)).finish("a file").expect_err("another");
            assert!(error.is_transient(), "{error}");
        }
    }

    #[test]
    fn an_unknown_kind_is_an_error_that_names_it() {
        let error = Checksum::new("md5", "d41d8cd98f00b204e9800998ecf8427e").expect_err("md5");
        assert_eq!(error.to_string(), "checksum type \"md5\" is not one of sha256, sha512, sha384, sha224, sha1");
    }

    #[test]
    fn digits_that_are_none_or_too_few_are_refused() {
        for digits in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
            assert!(Checksum::new("sha256", digits).is_err(), "{digits}");
        }
    }

    #[test]
    fn a_file_longer_than_declared_is_not_read_to_its_end() {
        let endless = io::repeat(b'x');
        let error = Verified::new(endless, EMPTY.parse().expect("a checksum"), Some(1000)).finish("primary.xml");
        let error = error.expect_err("too long").to_string();
        assert!(error.contains("longer than the 1000 bytes"), "{error}");
    }

    #[test]
    fn a_server_that_never_ends_is_not_listened_to_for_ever() {
        for declared in [None, Some(u64::MAX)] {
            let mut endless = Verified::new(io::repeat(b'x'), EMPTY.parse().expect("a checksum"), declared);
            endless.most = 1000;
            let error = endless.finish("primary.xml").expect_err("too long");
            assert!(error.to_string().ends_with("it is longer than 1000 bytes, the most that is read"), "{error}");
            assert!(!error.is_transient());
        }
    }

    #[test]
    fn a_broken_connection_is_told_as_such_even_after_a_parser_stumbled_over_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset"))
            }
        }
        let mut verified = Verified::new(Broken, EMPTY.parse().expect("a checksum"), None);
        verified.read(&mut [0; 10]).expect_err("broken");
        let error = verified.finish("primary.xml").expect_err("broken").to_string();
        assert_eq!(error, "cannot read primary.xml: connection reset");
    }
}
