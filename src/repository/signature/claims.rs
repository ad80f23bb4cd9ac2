//! What a signature says of itself, as gpg reads it.

use jiff::Timestamp;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, Subpacket, SubpacketData, SubpacketType};
use pgp::types::{Fingerprint, KeyId};

/// Notations that gpg knows, and that so may be critical.
const KNOWN_NOTATIONS: [&[u8]; 2] = [b"preferred-email-encoding@pgp.com", b"pka-address@gnupg.org"];

/// Seconds since 1970, in 32 bits.
pub(super) type Seconds = u32;

/// When it was made; 0, which is older than any key, where its hashed part does not say.
pub(super) fn made(signature: &Signature) -> Seconds {
    signature.created().map_or(0, pgp::types::Timestamp::as_secs)
}

/// The id of the key that made it: the first, where there are several.
pub(super) fn issuer(signature: &Signature) -> Option<KeyId> {
    signature.issuer_key_id().first().map(|id| **id)
}

/// The fingerprint of the key that made it, if the signature vouches for it.
pub(super) fn issuer_fingerprint(signature: &Signature) -> Option<&Fingerprint> {
    hashed(signature).find_map(|part| match &part.data {
        SubpacketData::IssuerFingerprint(fingerprint @ Fingerprint::V4(_)) => Some(fingerprint),
        _ => None,
    })
}

/// When it ends, if it says so.
pub(super) fn end(signature: &Signature) -> Option<Seconds> {
    end_of(made(signature), signature.signature_expiration_time())
}

pub(super) fn has_ended(signature: &Signature, now: Seconds) -> bool {
    end(signature).is_some_and(|end| end <= now)
}

/// When the key ends that it is about, if it says so.
pub(super) fn end_of_key(signature: &Signature, key_made: Seconds) -> Option<Seconds> {
    end_of(key_made, signature.key_expiration_time())
}

/// Nothing is for ever. The sum wraps as gpg's does: what is beyond 2106 has ended.
fn end_of(begin: Seconds, holds: Option<pgp::types::Duration>) -> Option<Seconds> {
    let seconds = holds.map(pgp::types::Duration::as_secs).filter(|seconds| *seconds > 0);
    seconds.map(|seconds| begin.wrapping_add(seconds))
}

/// Whether it says of a key that the key may sign; nothing, if it does not say what the key is for.
pub(super) fn may_sign(signature: &Signature) -> Option<bool> {
    hashed(signature).find_map(|part| match &part.data {
        SubpacketData::KeyFlags(flags) => Some(flags.sign()),
        _ => None,
    })
}

/// The fingerprints of keys that may revoke the key that it is about.
pub(super) fn revokers(signature: &Signature) -> impl Iterator<Item = &[u8]> {
    hashed(signature).filter_map(|part| match &part.data {
        SubpacketData::RevocationKey(revoker) => Some(&revoker.fingerprint[..]),
        _ => None,
    })
}

/// The signatures in it, those that it vouches for first.
pub(super) fn embedded(signature: &Signature) -> impl Iterator<Item = &Signature> {
    all(signature).filter_map(|part| match &part.data {
        SubpacketData::EmbeddedSignature(embedded) => Some(&**embedded),
        _ => None,
    })
}

/// The kind of a part that has to be understood, and that gpg does not know.
pub(super) fn unknown_critical(signature: &Signature) -> Option<u8> {
    all(signature).find(|part| part.is_critical && !is_known(part)).map(|part| part.typ().as_u8(false))
}

fn is_known(part: &Subpacket) -> bool {
    use SubpacketType as Kind;
    if let SubpacketData::Notation(notation) = &part.data {
        return KNOWN_NOTATIONS.contains(&&notation.name[..]);
    }
    matches!(
        part.typ(),
        Kind::SignatureCreationTime
            | Kind::SignatureExpirationTime
            | Kind::ExportableCertification
            | Kind::TrustSignature
            | Kind::RegularExpression
            | Kind::Revocable
            | Kind::KeyExpirationTime
            | Kind::PreferredSymmetricAlgorithms
            | Kind::RevocationKey
            | Kind::IssuerKeyId
            | Kind::PreferredHashAlgorithms
            | Kind::PreferredCompressionAlgorithms
            | Kind::PreferredKeyServer
            | Kind::PrimaryUserId
            | Kind::PolicyURI
            | Kind::KeyFlags
            | Kind::RevocationReason
            | Kind::Features
            | Kind::EmbeddedSignature
            | Kind::IssuerFingerprint
    )
}

/// Whether its hash may stand in a key's signature of itself: what gpg takes there, SHA-1 of old keys among it.
/// Nobody but the key's owner chooses what such a signature is of.
pub(super) fn has_hash_of_keys(signature: &Signature) -> bool {
    use HashAlgorithm::{Ripemd160, Sha1, Sha224, Sha256, Sha384, Sha512};
    matches!(signature.hash_alg(), Some(Sha1 | Ripemd160 | Sha224 | Sha256 | Sha384 | Sha512))
}

/// The present, in the seconds of keys and signatures.
pub(super) fn seconds(now: Timestamp) -> Seconds {
    u32::try_from(now.as_second().max(0)).unwrap_or(u32::MAX)
}

pub(super) fn time(seconds: Seconds) -> Timestamp {
    Timestamp::from_second(seconds.into()).unwrap_or(Timestamp::MAX)
}

fn hashed(signature: &Signature) -> impl Iterator<Item = &Subpacket> {
    signature.config().into_iter().flat_map(SignatureConfig::hashed_subpackets)
}

fn all(signature: &Signature) -> impl Iterator<Item = &Subpacket> {
    hashed(signature).chain(signature.config().into_iter().flat_map(SignatureConfig::unhashed_subpackets))
}
