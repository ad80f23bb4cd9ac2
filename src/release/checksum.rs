//! Checksums as `repomd.xml` and `primary.xml` state them, and their verification in a stream.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::text::named;

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
    pub(crate) kind: ChecksumKind,
    pub(crate) hex: String,
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
    pub(crate) fn name(self) -> &'static str {
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

    pub(crate) fn hasher(self) -> Hasher {
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
            _ => return Err(ChecksumError::UnknownKind(named(kind))),
        };
        let hex = digits.trim().to_ascii_lowercase();
        if hex.len() != kind.hex_length() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ChecksumError::Digits(named(digits), kind.hex_length()));
        }
        Ok(Self { kind, hex })
    }

    /// Whether this is the checksum of these bytes.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.kind.hasher();
        hasher.update(bytes);
        hasher.finish() == self.hex
    }

    /// Whether this is of another file than the other one. Checksums of two kinds can't be compared.
    pub fn contradicts(&self, other: &Self) -> bool {
        self.kind == other.kind && self.hex != other.hex
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

pub(crate) enum Hasher {
    Sha1(sha1::Sha1),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha224(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> String {
        let digest: Vec<u8> = match self {
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha224(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        };
        crate::text::hex(&digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_of_the_bytes_that_it_was_taken_from_and_of_no_others() {
        // As coreutils' programs print them, of no byte.
        for text in [
            "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "sha224:d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
            "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        ] {
            let checksum: Checksum = text.parse().expect(text);
            assert!(checksum.is_of(b"") && !checksum.is_of(b"x"), "{text}");
        }
    }
}
