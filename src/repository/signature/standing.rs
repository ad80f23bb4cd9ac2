//! Whether a key may sign, by what it says of itself: as gpg 2.2 judges it (g10/getkey.c).
//!
//! A direct signature of the key has more to say than its names. Of the names, each by its newest certification,
//! the newest that has something to say counts. What is revoked or has ended says nothing.

use std::cell::Cell;

use pgp::packet::{Signature, SignatureType};
use pgp::types::{EcdsaPublicParams, KeyDetails, PublicParams};

use super::certificate::{Certificate, Name, Signer};
use super::claims::{self, Seconds};

/// The most signatures of a key about itself that are verified for one that it made.
const MAX_OWN_SIGNATURES: usize = 256;

/// What a certification has to say of its key.
#[derive(Clone, Copy, Default)]
struct Word {
    made: Seconds,
    may_sign: Option<bool>,
    end: Option<Seconds>,
}

impl Word {
    fn of(signature: &Signature, key: &dyn KeyDetails) -> Self {
        Self {
            made: claims::made(signature),
            may_sign: claims::may_sign(signature),
            end: claims::end_of_key(signature, key.created_at().as_secs()),
        }
    }
}

/// A key that is judged at one time.
pub(super) struct Judge<'a> {
    certificate: &'a Certificate,
    all: &'a [Certificate],
    now: Seconds,
    verified: Cell<usize>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(certificate: &'a Certificate, all: &'a [Certificate], now: Seconds) -> Self {
        Self { certificate, all, now, verified: Cell::new(0) }
    }

    /// Why a key of the certificate may not sign, if it may not.
    pub(super) fn objection(&self, signer: Signer<'_>) -> Result<(), String> {
        let primary = &self.certificate.primary;
        self.is_made(primary)?;
        if self.is_revoked()? {
            return Err("is revoked".to_owned());
        }
        let mut word = self.word_of_primary()?;
        self.holds(word)?;
        let mut key: &dyn KeyDetails = primary;
        if let Signer::Subkey(subkey, signatures) = signer {
            key = subkey;
            self.is_made(subkey)?;
            word = self.word_of_subkey(signer, signatures)?;
            self.holds(word)?;
        }
        // Old keys do not say what they are for.
        if word.may_sign.unwrap_or_else(|| key.algorithm().can_sign()) {
            Ok(())
        } else {
            Err("is not one for signing".to_owned())
        }
    }

    fn is_made(&self, key: &dyn KeyDetails) -> Result<(), String> {
        let made = key.created_at().as_secs();
        if made <= self.now { Ok(()) } else { Err(format!("was made at {}, which is yet to come", claims::time(made))) }
    }

    fn holds(&self, word: Word) -> Result<(), String> {
        match word.end {
            Some(end) if end < self.now => Err(format!("expired at {}", claims::time(end))),
            _ => Ok(()),
        }
    }

    /// By itself, whenever that was, or by a key that it appointed for that.
    fn is_revoked(&self) -> Result<bool, String> {
        let primary = &self.certificate.primary;
        let (mut is_revoked, mut revokers) = (false, Vec::new());
        for signature in &self.certificate.of_key {
            if self.is_own(signature, |own| own.verify_key(primary))? {
                is_revoked |= signature.typ() == Some(SignatureType::KeyRevocation);
                revokers.extend(claims::revokers(signature));
            }
        }
        let appointed = self.all.iter().filter(|other| revokers.contains(&other.primary.fingerprint().as_bytes()));
        for revoker in appointed {
            for signature in &self.certificate.of_key {
                is_revoked |= signature.typ() == Some(SignatureType::KeyRevocation)
                    && self.is_by(&revoker.primary, signature, |own| {
                        own.verify_key_third_party(primary, &revoker.primary)
                    })?;
            }
        }
        Ok(is_revoked)
    }

    fn word_of_primary(&self) -> Result<Word, String> {
        let primary = &self.certificate.primary;
        let direct = self.newest(
            &self.certificate.of_key,
            |signature| signature.typ() == Some(SignatureType::Key) && !claims::has_ended(signature, self.now),
            |signature| signature.verify_key(primary),
        )?;
        let (mut present, mut past) = (Vec::new(), Vec::new());
        for (name, signatures) in &self.certificate.names {
            let Some(newest) = self.newest(signatures, is_of_name, |own| name.is_certified(primary, own))? else {
                continue;
            };
            let is_revoked = newest.typ() == Some(SignatureType::CertRevocation);
            if is_revoked || claims::has_ended(newest, self.now) {
                past.extend(self.last_certification(name, signatures)?);
            } else {
                present.push(Word::of(newest, primary));
            }
        }
        if present.is_empty() && past.is_empty() {
            return Err("has no valid signature of its own".to_owned());
        }
        // gpg believes a key that has nothing left to say in whatever its algorithm can, for ever.
        let names = if present.is_empty() { past } else { present };
        let direct = direct.map_or_else(Word::default, |direct| Word::of(direct, primary));
        Ok(Word {
            may_sign: direct.may_sign.or(newest_of(&names, |word| word.may_sign)),
            end: direct.end.or(newest_of(&names, |word| word.end)),
            made: 0,
        })
    }

    /// The last that was said of a name that no longer counts.
    fn last_certification(&self, name: &Name, signatures: &[Signature]) -> Result<Option<Word>, String> {
        let primary = &self.certificate.primary;
        let is_certification =
            |signature: &Signature| is_of_name(signature) && signature.typ() != Some(SignatureType::CertRevocation);
        let verify = |own: &Signature| name.is_certified(primary, own);
        Ok(self.newest(signatures, is_certification, verify)?.map(|last| Word::of(last, primary)))
    }

    fn word_of_subkey(&self, signer: Signer<'_>, signatures: &[Signature]) -> Result<Word, String> {
        let primary = &self.certificate.primary;
        let Signer::Subkey(subkey, _) = signer else { return Ok(Word::default()) };
        for revocation in &self.certificate.subkeys_revoked {
            if self.is_own(revocation, |own| own.verify_subkey_binding(primary, subkey))? {
                return Err("is revoked".to_owned());
            }
        }
        let is_binding = |signature: &Signature| signature.typ() == Some(SignatureType::SubkeyBinding);
        let binding = self.newest(signatures, is_binding, |own| own.verify_subkey_binding(primary, subkey))?;
        let Some(binding) = binding.filter(|binding| !claims::has_ended(binding, self.now)) else {
            return Err("has no valid signature of its primary key".to_owned());
        };
        // A subkey that signs has to agree to being one: else anybody's key could be adopted.
        let agreements = claims::embedded(binding).filter(|one| one.typ() == Some(SignatureType::KeyBinding));
        let newest = agreements.fold(None, |newest: Option<&Signature>, one| {
            if newest.is_none_or(|newest| claims::made(one) > claims::made(newest)) { Some(one) } else { newest }
        });
        let agrees = newest.is_some_and(|agreement| {
            is_sound(agreement, subkey.created_at().as_secs())
                && agreement.verify_primary_key_binding(subkey, primary).is_ok()
        });
        if agrees {
            Ok(Word::of(binding, subkey))
        } else {
            Err("did not agree to be a subkey of its primary key".to_owned())
        }
    }

    /// The newest of the key's own signatures of one kind; of several of one second, the last in the file.
    fn newest<'s>(
        &self,
        signatures: &'s [Signature],
        is_of_kind: impl Fn(&Signature) -> bool,
        verify: impl Fn(&Signature) -> pgp::errors::Result<()>,
    ) -> Result<Option<&'s Signature>, String> {
        let mut of_kind: Vec<&Signature> = signatures.iter().filter(|signature| is_of_kind(signature)).collect();
        of_kind.sort_by_key(|signature| claims::made(signature));
        for signature in of_kind.into_iter().rev() {
            if self.is_own(signature, &verify)? {
                return Ok(Some(signature));
            }
        }
        Ok(None)
    }

    fn is_own(
        &self,
        signature: &Signature,
        verify: impl Fn(&Signature) -> pgp::errors::Result<()>,
    ) -> Result<bool, String> {
        self.is_by(&self.certificate.primary, signature, verify)
    }

    /// Whether this key made it. To find out costs time, so only so many are tried.
    fn is_by(
        &self,
        key: &dyn KeyDetails,
        signature: &Signature,
        verify: impl Fn(&Signature) -> pgp::errors::Result<()>,
    ) -> Result<bool, String> {
        let made = self.certificate.primary.created_at().as_secs();
        if claims::issuer(signature) != Some(key.legacy_key_id()) || !is_sound(signature, made) {
            return Ok(false);
        }
        if self.verified.replace(self.verified.get() + 1) >= MAX_OWN_SIGNATURES {
            return Err(format!("has more than {MAX_OWN_SIGNATURES} signatures of its own to verify"));
        }
        Ok(verify(signature).is_ok())
    }
}

/// Whether signatures by a key on its curve are verified here. The library knows none of Brainpool's. It knows secp256k1,
/// which RFC 9580 (9.2) lacks, but takes half of its signatures: those with the lesser of the two numbers that fit, as in
/// Bitcoin.
pub(super) fn is_on_known_curve(key: &dyn KeyDetails) -> Result<(), String> {
    match key.public_params() {
        PublicParams::ECDSA(EcdsaPublicParams::Secp256k1 { .. } | EcdsaPublicParams::Unsupported { .. }) => {
            Err("is on a curve that is not known here, as those of NIST and Ed25519 are".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether a signature of a key counts at all, if the key made it.
fn is_sound(signature: &Signature, key_made: Seconds) -> bool {
    claims::has_hash_of_keys(signature)
        && claims::unknown_critical(signature).is_none()
        && claims::made(signature) >= key_made
}

fn is_of_name(signature: &Signature) -> bool {
    use SignatureType::{CertCasual, CertGeneric, CertPersona, CertPositive, CertRevocation};
    matches!(signature.typ(), Some(CertGeneric | CertPersona | CertCasual | CertPositive | CertRevocation))
}

/// What the newest says that says it; of several of one second, the first in the file.
fn newest_of<T>(words: &[Word], says: impl Fn(&Word) -> Option<T>) -> Option<T> {
    let saying = words.iter().rev().filter(|word| says(word).is_some());
    saying.max_by_key(|word| word.made).and_then(says)
}
