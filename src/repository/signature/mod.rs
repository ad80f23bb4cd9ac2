//! The detached signature of a repository, `repomd.xml.asc`, as RFC 9580 defines it and gpg judges it.
//!
//! A signature counts if gpg would say GOODSIG and VALIDSIG of it: it fits the bytes, was made by a key of the
//! given file that may sign and is neither expired nor revoked, by the key's own signatures, has not expired
//! itself, and makes no condition that is not understood. `tests/openpgp` asks gpg, and lists where this is
//! stricter.
//!
//! What a signature costs to judge is bounded, however many keys and signatures a file has.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use pgp::packet::{Packet, PacketParser, PacketTrait as _, Signature, SignatureType, SignatureVersion};
use pgp::types::{KeyDetails, PacketLength, VerifyingKey as _};

use certificate::{Certificate, Signer};
use document::Document;
use standing::Judge;

mod certificate;
mod claims;
mod document;
mod packets;
mod standing;

/// By how much the clocks of a signer and of this machine may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// The most bytes of a file of keys: those of a few hundred repositories.
pub const MAX_KEYS: usize = 1 << 20;

/// The most bytes of a file of signatures, and the most signatures: one for each key that signs, and notes.
const MAX_FILE: usize = 64 << 10;
const MAX_SIGNATURES: usize = 16;

/// The most trusted keys that an error names.
const MAX_SHOWN: usize = 10;

/// Keys that a person trusts to sign a repository.
pub struct TrustedKeys(Vec<Certificate>);

/// Why a signature is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The file of keys can't be read as such.
    #[error("it holds no OpenPGP public key ({0}); expected what a .repo file names as gpgkey")]
    NoKey(String),
    /// The file is no signature.
    #[error("it is no OpenPGP signature ({0})")]
    NoSignature(String),
    /// None of the keys made it.
    #[error("it was made by the key {issuer}, and the trusted keys are {trusted}: is it the key of this repository?")]
    OtherKey {
        /// The key that the signature names.
        issuer: String,
        /// The keys that were given.
        trusted: String,
    },
    /// A trusted key, but other bytes.
    #[error("it does not fit: what it signs was changed after the key {key} had signed it, or is half updated")]
    Bad {
        /// The key that the signature names.
        key: String,
    },
    /// A trusted key that no longer holds, or may not sign.
    #[error("its key {key} {reason}: ask whoever runs the repository for the present one")]
    Key {
        /// The key that made it.
        key: String,
        /// Since when, or why not.
        reason: String,
    },
    /// The signature itself no longer holds, or not yet.
    #[error("it {0}")]
    Time(String),
    /// Made with a hash that can be forged, or that gpg does not know.
    #[error("it is made with {0}; expected SHA-256, SHA-384 or SHA-512")]
    WeakHash(String),
    /// A signature of something else than a file, or with conditions that nobody here understands.
    #[error("it {0}: ask whoever runs the repository to sign repomd.xml by gpg --armor --detach-sign")]
    OtherUse(String),
}

impl TrustedKeys {
    /// Reads public keys, armoured or not, any number of them in one file.
    pub fn read(file: &[u8]) -> Result<Self, SignatureError> {
        let no_key = |reason: &str| SignatureError::NoKey(reason.to_owned());
        if file.len() > MAX_KEYS {
            return Err(no_key(
                "it is longer than 1 MiB, the most that is read: give the keys of the repository alone",
            ));
        }
        if memchr::memmem::find(file, b"-----BEGIN PGP PRIVATE KEY BLOCK-----").is_some() {
            return Err(no_key("it is a private key, which nobody else may ever see: export the public one"));
        }
        let certificates = Certificate::read_all(file).map_err(SignatureError::NoKey)?;
        if certificates.is_empty() {
            return Err(no_key("no key in it"));
        }
        Ok(Self(certificates))
    }

    /// The keys of several files.
    pub fn all(files: impl IntoIterator<Item = Self>) -> Self {
        Self(files.into_iter().flat_map(|keys| keys.0).collect())
    }

    /// Whether one of the signatures in a file is one to believe; if none is, why the first is not.
    pub fn verify(&self, signed: &[u8], file: &[u8], now: Timestamp) -> Result<(), SignatureError> {
        let signatures = signatures(file)?;
        let mut document = Document::new(signed);
        let mut reason = None;
        for signature in &signatures {
            match self.verify_one(&mut document, signature, now) {
                Ok(()) => return Ok(()),
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        Err(reason.unwrap_or_else(|| SignatureError::NoSignature("there is none in it".to_owned())))
    }

    fn verify_one(
        &self,
        document: &mut Document<'_>,
        signature: &Signature,
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        is_of_a_file(signature)?;
        let (certificate, signer) = self.signer(signature)?;
        let key: &dyn KeyDetails = match signer {
            Signer::Primary => &certificate.primary,
            Signer::Subkey(subkey, _) => subkey,
        };
        let (id, key_made) = (shown(key.legacy_key_id()), key.created_at());
        let refused = |reason| SignatureError::Key { key: id.clone(), reason };
        standing::is_on_known_curve(&certificate.primary)
            .and_then(|()| standing::is_on_known_curve(key))
            .map_err(refused)?;
        let fits = document.digest(signature).zip(signature.signature()).zip(signature.hash_alg()).is_some_and(
            |((digest, bytes), hash)| match signer {
                Signer::Primary => certificate.primary.verify(hash, &digest, bytes).is_ok(),
                Signer::Subkey(key, _) => key.verify(hash, &digest, bytes).is_ok(),
            },
        );
        if !fits {
            return Err(SignatureError::Bad { key: id });
        }
        let seconds = claims::seconds(now);
        Judge::new(certificate, &self.0, seconds).objection(signer).map_err(refused)?;
        in_force(signature, now)?;
        let (made, key_made) = (claims::made(signature), key_made.as_secs());
        if made < key_made {
            let [made, key_made] = [made, key_made].map(claims::time);
            return Err(refused(format!("was made at {key_made}, after this signature by it, of {made}")));
        }
        Ok(())
    }

    /// The key that a signature names: by its fingerprint, if such a key is here, else by its id.
    fn signer(&self, signature: &Signature) -> Result<(&Certificate, Signer<'_>), SignatureError> {
        let (fingerprint, id) = (claims::issuer_fingerprint(signature), claims::issuer(signature));
        let by_fingerprint =
            fingerprint.and_then(|named| self.0.iter().find_map(|one| Some((one, one.key_of(named)?))));
        let by_id = || id.and_then(|named| self.0.iter().find_map(|one| Some((one, one.key_with(named)?))));
        by_fingerprint.or_else(by_id).ok_or_else(|| {
            let issuer = fingerprint.map(shown).or(id.map(shown)).unwrap_or_else(|| "unknown".to_owned());
            let mut trusted: Vec<String> =
                self.0.iter().take(MAX_SHOWN).map(|one| shown(one.primary.legacy_key_id())).collect();
            if let Some(more @ 1..) = self.0.len().checked_sub(MAX_SHOWN) {
                trusted.push(format!("{more} more"));
            }
            SignatureError::OtherKey { issuer, trusted: trusted.join(", ") }
        })
    }
}

/// The signatures at the beginning of a file. As gpg does it: whatever follows them is not read, and only if all
/// are of one type more than the first counts.
fn signatures(file: &[u8]) -> Result<Vec<Signature>, SignatureError> {
    let none = |reason: String| SignatureError::NoSignature(reason);
    if file.len() > MAX_FILE {
        return Err(none("it is longer than 64 KiB, the most that is read".to_owned()));
    }
    let packets = packets::of(file).map_err(|error| none(packets::in_short(&error)))?;
    let mut signatures: Vec<Signature> = Vec::new();
    for packet in PacketParser::new(&packets[..]) {
        match packet {
            Ok(Packet::Signature(one)) if is_readable(&one) => signatures.push(one),
            Ok(Packet::Marker(_)) => {}
            Ok(Packet::LiteralData(_) | Packet::CompressedData(_) | Packet::OnePassSignature(_)) => {
                return Err(none("it is a message that holds what it signs".to_owned()));
            }
            _ if !signatures.is_empty() => break,
            Ok(Packet::Signature(_)) => return Err(none("of an unknown version or form".to_owned())),
            Ok(other) => return Err(none(format!("it begins with a packet of type {:?}", other.tag()))),
            Err(error) => return Err(none(packets::in_short(&error))),
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(none(format!("it holds more than {MAX_SIGNATURES} signatures, the most that are tried")));
        }
    }
    if signatures.iter().any(|one| one.typ() != signatures[0].typ()) {
        signatures.truncate(1);
    }
    Ok(signatures)
}

fn is_readable(signature: &Signature) -> bool {
    let is_known = matches!(signature.version(), SignatureVersion::V2 | SignatureVersion::V3 | SignatureVersion::V4);
    is_known && signature.packet_header().packet_length() != PacketLength::Indeterminate
}

/// Whether it is one that signs a file, with a hash and conditions that are understood.
fn is_of_a_file(signature: &Signature) -> Result<(), SignatureError> {
    let hash = signature.hash_alg().unwrap_or_default();
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        let kind = signature.typ().map_or(0, u8::from);
        return Err(SignatureError::OtherUse(format!("is a signature of type {kind:#04x}, which signs no file")));
    }
    if !document::is_strong(hash) {
        return Err(SignatureError::WeakHash(hash.to_string()));
    }
    match claims::unknown_critical(signature) {
        Some(kind) => Err(SignatureError::OtherUse(format!("depends on a part of type {kind} that is not understood"))),
        None => Ok(()),
    }
}

fn in_force(signature: &Signature, now: Timestamp) -> Result<(), SignatureError> {
    let made = claims::time(claims::made(signature));
    if made > now.saturating_add(CLOCK_SKEW).unwrap_or(now) {
        return Err(SignatureError::Time(format!("was made at {made}, which is yet to come")));
    }
    match claims::end(signature) {
        Some(end) if claims::has_ended(signature, claims::seconds(now)) => {
            Err(SignatureError::Time(format!("expired at {}", claims::time(end))))
        }
        _ => Ok(()),
    }
}

fn shown(id: impl fmt::Display) -> String {
    id.to_string().to_uppercase()
}
