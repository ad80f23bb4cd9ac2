//! Checksums as `repomd.xml` and `primary.xml` state them, and their verification in a stream.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::RepositoryError;

/// The kinds of checksum that repositories use and that are still worth something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChecksumKind {
    /// `sha1`, or `sha`, its name in old createrepo.
    Sha1,
    /// `sha224`
    Sha224,
    /// `sha256`
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha512`
    Sha512,
}

/// A checksum: its kind and its lower-case hexadecimal digits. Written `sha256:0123…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    kind: ChecksumKind,
    hex: String,
}

/// Why a text is not a [`Checksum`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// The kind is none of those that can be verified.
    #[error("checksum type {0:?} is not one of sha256, sha512, sha384, sha224, sha1")]
    UnknownKind(String),
    /// The digits are not hexadecimal, or not as many as the kind has.
    #[error("{0:?} is not a checksum of {1} hexadecimal digits")]
    Digits(String, usize),
}

impl ChecksumKind {
    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha224 => 56,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    fn hasher(self) -> Hasher {
        match self {
            Self::Sha1 => Hasher::Sha1(sha1::Sha1::new()),
            Self::Sha224 => Hasher::Sha224(Sha224::new()),
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
            Self::Sha384 => Hasher::Sha384(Sha384::new()),
            Self::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }
}

impl Checksum {
    /// Takes a checksum as the metadata writes it: a `type` attribute and digits.
    pub fn new(kind: &str, digits: &str) -> Result<Self, ChecksumError> {
        let kind = match kind.to_ascii_lowercase().as_str() {
            "sha" | "sha1" => ChecksumKind::Sha1,
            "sha224" => ChecksumKind::Sha224,
            "sha256" => ChecksumKind::Sha256,
            "sha384" => ChecksumKind::Sha384,
            "sha512" => ChecksumKind::Sha512,
            _ => return Err(ChecksumError::UnknownKind(kind.chars().take(40).collect())),
        };
        let hex = digits.trim().to_ascii_lowercase();
        if hex.len() != kind.hex_length() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ChecksumError::Digits(digits.chars().take(160).collect(), kind.hex_length()));
        }
        Ok(Self { kind, hex })
    }

    /// Whether this is the checksum of these bytes.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.kind.hasher();
        hasher.update(bytes);
        hasher.finish() == self.hex
    }

    /// The digits, if this is a SHA-256.
    pub fn sha256(&self) -> Option<&str> {
        (self.kind == ChecksumKind::Sha256).then_some(self.hex.as_str())
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.hex)
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let (kind, digits) = text.split_once(':').unwrap_or(("", text));
        Self::new(kind, digits)
    }
}

impl TryFrom<String> for Checksum {
    type Error = ChecksumError;

    fn try_from(text: String) -> Result<Self, ChecksumError> {
        text.parse()
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

enum Hasher {
    Sha1(sha1::Sha1),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha224(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> String {
        let digest: Vec<u8> = match self {
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha224(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        };
        crate::hex(&digest)
    }
}

/// The most bytes that a file may have, whatever was declared: no server is listened to for ever.
const MAX_FILE: u64 = 1 << 30;

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

    /// Reads what is left and says whether the whole is the file that was promised.
    pub(super) fn finish(mut self, what: &'static str) -> Result<(), RepositoryError> {
        let read = if self.failure.is_none() { io::copy(&mut self, &mut io::sink()) } else { Ok(0) };
        if let Some(declared) = self.declared_size.filter(|declared| self.size > *declared) {
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
        if found == self.expected.hex {
            return Ok(());
        }
        let kind = self.expected.kind.name();
        let reason = format!("expected {}, found {kind}:{found} in {} bytes", self.expected, self.size);
        Err(RepositoryError::Mismatch { what, reason })
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
        if self.size > self.declared_size.map_or(self.most, |declared| declared.min(self.most)) {
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
            assert!(error.to_string().contains("expected") && error.may_pass(), "{error}");
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
            assert!(!error.may_pass());
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
