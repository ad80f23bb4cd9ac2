//! The detached signature of a repository, `repomd.xml.asc`, as RFC 9580 defines it.
//!
//! A signature counts if it fits the bytes, was made by a key of the given file that may sign and is
//! neither expired nor revoked, by its own self-signatures, and has not expired itself.

use std::fmt;
use std::io::Read as _;

use jiff::{SignedDuration, Timestamp};
use pgp::armor::Dearmor;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{Signature, SignatureConfig, SignatureType, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, Tag, VerifyingKey};

/// By how much the clocks of a signer and of this machine may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// Keys that a person trusts to sign a repository.
pub struct TrustedKeys(Vec<SignedPublicKey>);

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
    /// Made with a hash that can be forged.
    #[error("it is made with {0}, which can be forged; expected SHA-256 or stronger")]
    WeakHash(String),
}

impl TrustedKeys {
    /// Reads public keys, armoured or not, any number of them in one file.
    pub fn read(file: &[u8]) -> Result<Self, SignatureError> {
        const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
        let no_key = |error: pgp::errors::Error| SignatureError::NoKey(in_short(&error));
        let packets = match std::str::from_utf8(file) {
            Ok(text) if text.contains(BEGIN) => {
                let blocks = text.split(BEGIN).skip(1).map(|block| dearmored(format!("{BEGIN}{block}").as_bytes()));
                blocks.collect::<Result<Vec<_>, _>>().map_err(no_key)?.concat()
            }
            _ => file.to_vec(),
        };
        let keys = SignedPublicKey::from_bytes_many(&packets[..]).map_err(no_key)?;
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(no_key)?;
        if keys.is_empty() {
            return Err(SignatureError::NoKey("no key in it".to_owned()));
        }
        Ok(Self(keys))
    }

    /// Whether one of the signatures in a file is one to believe; if none is, why the first is not.
    pub fn verify(&self, signed: &[u8], file: &[u8], now: Timestamp) -> Result<(), SignatureError> {
        let mut reason = None;
        for signature in signatures(file)? {
            match self.verify_one(signed, &signature.signature, now) {
                Ok(()) => return Ok(()),
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        Err(reason.unwrap_or_else(|| SignatureError::NoSignature("there is none in it".to_owned())))
    }

    fn verify_one(&self, signed: &[u8], signature: &Signature, now: Timestamp) -> Result<(), SignatureError> {
        use pgp::crypto::hash::HashAlgorithm::{Sha3_256, Sha3_512, Sha224, Sha256, Sha384, Sha512};
        match signature.hash_alg() {
            Some(Sha224 | Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512) => {}
            Some(weak) => return Err(SignatureError::WeakHash(weak.to_string())),
            None => return Err(SignatureError::NoSignature("of an unknown version".to_owned())),
        }
        let made_by = |key: &dyn KeyDetails| {
            signature.issuer_key_id().contains(&&key.legacy_key_id())
                || signature.issuer_fingerprint().contains(&&key.fingerprint())
        };
        for key in &self.0 {
            let subkey = key.public_subkeys.iter().find(|subkey| made_by(&subkey.key));
            let (fits, id) = match subkey {
                Some(subkey) => (signature.verify(&subkey.key, signed), subkey.key.legacy_key_id()),
                None if made_by(&key.primary_key) => {
                    (signature.verify(&key.primary_key, signed), key.primary_key.legacy_key_id())
                }
                None => continue,
            };
            let id = shown(id);
            fits.map_err(|_| SignatureError::Bad { key: id.clone() })?;
            let refused = |reason| SignatureError::Key { key: id.clone(), reason };
            let may_sign = standing_of_primary(key, now).map_err(refused)?;
            let may_sign = match subkey {
                Some(subkey) => standing_of_subkey(key, subkey, now).map_err(refused)?,
                None => may_sign,
            };
            if !may_sign {
                return Err(refused("is not one for signing".to_owned()));
            }
            return in_force(signature, now);
        }
        let issuer = signature.issuer_key_id().first().map_or_else(|| "unknown".to_owned(), shown);
        let trusted: Vec<String> = self.0.iter().map(|key| shown(key.primary_key.legacy_key_id())).collect();
        Err(SignatureError::OtherKey { issuer, trusted: trusted.join(", ") })
    }
}

fn signatures(file: &[u8]) -> Result<Vec<DetachedSignature>, SignatureError> {
    let read = || -> pgp::errors::Result<Vec<DetachedSignature>> {
        let is_armored = file.trim_ascii_start().starts_with(b"-----BEGIN");
        let packets = if is_armored { dearmored(file)? } else { file.to_vec() };
        DetachedSignature::from_bytes_many(&packets[..])?.collect()
    };
    read().map_err(|error| SignatureError::NoSignature(in_short(&error)))
}

/// The packets of an armoured file. (What pgp has for both forms would be in the module twice, of 0.1 MB.)
#[allow(clippy::disallowed_methods)] // no longer than the file that they are read from
fn dearmored(file: &[u8]) -> pgp::errors::Result<Vec<u8>> {
    let mut packets = Vec::new();
    Dearmor::new(file).read_to_end(&mut packets)?;
    Ok(packets)
}

/// The first words of a parser's error. The rest of it names places in the parser's own code.
fn in_short(error: &pgp::errors::Error) -> String {
    let text = error.to_string();
    let text = text.split(", backtrace:").next().unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn in_force(signature: &Signature, now: Timestamp) -> Result<(), SignatureError> {
    let Some(created) = signature.created().map(pgp::types::Timestamp::as_secs) else {
        return Err(SignatureError::Time("does not say when it was made".to_owned()));
    };
    if time(created.into()) > now.saturating_add(CLOCK_SKEW).unwrap_or(now) {
        return Err(SignatureError::Time(format!("was made at {}, which is yet to come", time(created.into()))));
    }
    match expiry(created, signature.signature_expiration_time()) {
        Some(end) if end <= now => Err(SignatureError::Time(format!("expired at {end}"))),
        _ => Ok(()),
    }
}

/// Whether a key may sign, as its newest self-signature says; why not, if it is expired or revoked.
fn standing_of_primary(key: &SignedPublicKey, now: Timestamp) -> Result<bool, String> {
    let primary = &key.primary_key;
    if key.details.revocation_signatures.iter().any(|revocation| revocation.verify_key(primary).is_ok()) {
        return Err("is revoked".to_owned());
    }
    let of_users = key.details.users.iter().flat_map(|user| {
        let own = |signature: &&Signature| signature.verify_certification(primary, Tag::UserId, &user.id).is_ok();
        user.signatures.iter().filter(own)
    });
    let direct = key.details.direct_signatures.iter().filter(|signature| signature.verify_key(primary).is_ok());
    standing(primary, of_users.chain(direct), now)
}

fn standing_of_subkey(key: &SignedPublicKey, subkey: &SignedPublicSubKey, now: Timestamp) -> Result<bool, String> {
    let bound = |signature: &&Signature| signature.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok();
    let (revocations, bindings): (Vec<&Signature>, Vec<&Signature>) = subkey
        .signatures
        .iter()
        .filter(bound)
        .partition(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation));
    if !revocations.is_empty() {
        return Err("is revoked".to_owned());
    }
    // A subkey that signs has to agree to being one: else anybody's key could be adopted.
    let agrees = |binding: &&Signature| {
        binding
            .embedded_signature()
            .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok())
    };
    standing(&subkey.key, bindings.into_iter().filter(agrees), now)
}

/// Whether a key may sign, or since when it is expired, by the newest of the key's own signatures.
fn standing<'a, K>(key: &K, own: impl Iterator<Item = &'a Signature>, now: Timestamp) -> Result<bool, String>
where
    K: VerifyingKey + Serialize,
{
    let Some(newest) = own.max_by_key(|signature| signature.created().map(pgp::types::Timestamp::as_secs)) else {
        return Err("has no valid signature of its own".to_owned());
    };
    match expiry(key.created_at().as_secs(), newest.key_expiration_time()) {
        Some(end) if end <= now => Err(format!("expired at {end}")),
        // Old keys do not say what they are for.
        _ => Ok(newest.key_flags().sign() || !says_what_it_is_for(newest)),
    }
}

/// Whether a key states its use; one that states none at all is for nothing.
fn says_what_it_is_for(own: &Signature) -> bool {
    let mut parts = own.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    parts.any(|part| matches!(part.data, SubpacketData::KeyFlags(_)))
}

/// When something ends that says how long it holds; never, where that is nothing.
fn expiry(created: u32, holds: Option<pgp::types::Duration>) -> Option<Timestamp> {
    holds
        .map(pgp::types::Duration::as_secs)
        .filter(|seconds| *seconds > 0)
        .map(|seconds| time(u64::from(created) + u64::from(seconds)))
}

fn time(seconds: u64) -> Timestamp {
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::MAX)
}

fn shown(id: impl fmt::Display) -> String {
    id.to_string().to_uppercase()
}

// The keys and signatures are made by the real gpg, which a module can't start.
#[cfg(all(test, not(target_os = "wasi")))]
#[allow(clippy::disallowed_methods)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;
    use pgp::composed::SignedSecretKey;
    use pgp::crypto::hash::HashAlgorithm;
    use pgp::packet::{KeyFlags, Subpacket};
    use pgp::types::{Duration, Password};

    const REPOMD: &[u8] = b"<repomd/>\n";
    const NOW: &str = "2026-11-24T02:00:00Z";

    /// A home of gpg, at some time of its own.
    struct Gpg {
        home: tempfile::TempDir,
        clock: &'static str,
    }

    impl Gpg {
        fn at(clock: &'static str) -> Self {
            Self { home: tempfile::tempdir().expect("a folder"), clock }
        }

        fn run(&self, arguments: &[&str]) -> Vec<u8> {
            self.answered(arguments, "")
        }

        fn answered(&self, arguments: &[&str], answers: &str) -> Vec<u8> {
            let mut gpg = Command::new("gpg")
                .arg("--homedir")
                .arg(self.home.path())
                .args(["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""])
                .args(["--faked-system-time", self.clock])
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("gpg is needed for this test: {error}"));
            gpg.stdin.take().expect("stdin").write_all(answers.as_bytes()).expect("answers");
            let done = gpg.wait_with_output().expect("an end");
            assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
            done.stdout
        }

        /// Changes the key: what `--edit-key` is told, word by word.
        fn edit(&self, answers: &[&str]) {
            let answers = [answers, &["save\n"]].concat().join("\n");
            self.answered(
                &["--no-batch", "--no-tty", "--command-fd", "0", "--edit-key", &self.fingerprint()],
                &answers,
            );
        }

        fn fingerprint(&self) -> String {
            let listed = String::from_utf8(self.run(&["--with-colons", "--list-keys"])).expect("text");
            let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).expect("a fingerprint");
            fingerprint.trim_end_matches(':').to_owned()
        }

        fn with_key(clock: &'static str, algorithm: &str, expires: &str) -> Self {
            let gpg = Self::at(clock);
            gpg.run(&["--quick-generate-key", "Some Repository <repo@example.com>", algorithm, "sign", expires]);
            gpg
        }

        /// A key that signs with a subkey, and certifies alone by itself.
        fn with_subkey(clock: &'static str) -> Self {
            let gpg = Self::at(clock);
            gpg.run(&["--quick-generate-key", "Some Repository <repo@example.com>", "ed25519", "cert", "never"]);
            gpg.run(&["--quick-add-key", &gpg.fingerprint(), "ed25519", "sign", "never"]);
            gpg
        }

        fn public_keys(&self) -> Vec<u8> {
            self.run(&["--armor", "--export"])
        }

        fn sign(&self, options: &[&str]) -> Vec<u8> {
            let file = self.home.path().join("repomd.xml");
            std::fs::write(&file, REPOMD).expect("a file");
            let file = file.to_str().expect("a path");
            self.run(&[options, &["--detach-sign", "--output", "-", file]].concat())
        }
    }

    fn verify(keys: &[u8], signed: &[u8], signature: &[u8], now: &str) -> Result<(), String> {
        let keys = TrustedKeys::read(keys).map_err(|error| error.to_string())?;
        keys.verify(signed, signature, now.parse().expect("a time")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_good_signature_is_believed_whatever_the_key_and_however_it_is_written() {
        for algorithm in ["rsa2048", "ed25519", "nistp256"] {
            let gpg = Gpg::with_key("20260101T000000", algorithm, "never");
            for (keys, signature) in [
                (gpg.public_keys(), gpg.sign(&["--armor"])),
                (gpg.run(&["--export"]), gpg.sign(&[])),
                (gpg.public_keys(), gpg.sign(&["--digest-algo", "SHA512"])),
            ] {
                assert_eq!(verify(&keys, REPOMD, &signature, NOW), Ok(()), "{algorithm}");
            }
        }
    }

    #[test]
    fn of_several_keys_in_a_file_any_may_have_signed() {
        let one = Gpg::with_key("20260101T000000", "ed25519", "never");
        let two = Gpg::with_key("20260101T000000", "ed25519", "never");
        let keys = [one.public_keys(), two.public_keys()].concat();
        for gpg in [&one, &two] {
            assert_eq!(verify(&keys, REPOMD, &gpg.sign(&["--armor"]), NOW), Ok(()));
        }
    }

    #[test]
    fn a_subkey_for_signing_may_sign() {
        let gpg = Gpg::with_subkey("20260101T000000");
        assert_eq!(verify(&gpg.public_keys(), REPOMD, &gpg.sign(&[]), NOW), Ok(()));
    }

    #[test]
    fn what_is_not_to_be_believed_is_told_apart() {
        let good = Gpg::with_key("20260101T000000", "ed25519", "never");
        let other = Gpg::with_key("20260101T000000", "ed25519", "never");
        let expires = Gpg::with_key("20260101T000000", "ed25519", "2026-06-01");
        let future = Gpg::with_key("20280101T000000", "ed25519", "never");
        let (keys, signature) = (good.public_keys(), good.sign(&["--armor"]));
        let short_lived = good.sign(&["--default-sig-expire", "30d"]);
        let sha1 = good.sign(&["--digest-algo", "SHA1", "--allow-weak-digest-algos"]);
        for (case, keys, signed, signature, now, told) in [
            ("changed", &keys, &b"<repomd></repomd>"[..], &signature, NOW, "it does not fit"),
            ("other key", &keys, REPOMD, &other.sign(&[]), NOW, "it was made by the key "),
            ("key expired", &expires.public_keys(), REPOMD, &expires.sign(&[]), NOW, " expired at 2026-06-01T"),
            ("signature expired", &keys, REPOMD, &short_lived, NOW, "it expired at 2026-01-31T00:00:00Z"),
            ("not yet", &future.public_keys(), REPOMD, &future.sign(&[]), NOW, "which is yet to come"),
            ("weak", &keys, REPOMD, &sha1, NOW, "it is made with SHA1, which can be forged"),
            ("no signature", &keys, REPOMD, &b"<html>".to_vec(), NOW, "it is no OpenPGP signature (IO error: "),
            ("empty", &keys, REPOMD, &Vec::new(), NOW, "it is no OpenPGP signature (there is none in it)"),
            (
                "keys for a signature",
                &keys,
                REPOMD,
                &keys,
                NOW,
                "it is no OpenPGP signature (unexpected packet PublicKey)",
            ),
            ("no keys", &b"<html>".to_vec(), REPOMD, &signature, NOW, "it holds no OpenPGP public key (IO error: "),
            ("a signature for keys", &signature, REPOMD, &signature, NOW, "it holds no OpenPGP public key"),
        ] {
            let error = verify(keys, signed, signature, now).expect_err(case);
            assert!(error.contains(told), "{case}: {error}");
        }
        assert_eq!(verify(&expires.public_keys(), REPOMD, &expires.sign(&[]), "2026-05-01T00:00:00Z"), Ok(()));
    }

    #[test]
    fn of_several_signatures_one_that_is_good_is_enough_and_else_the_first_is_told_of() {
        let [one, other] = ["ed25519", "ed25519"].map(|kind| Gpg::with_key("20260101T000000", kind, "never"));
        let (good, foreign) = (one.sign(&[]), other.sign(&[]));
        for signatures in [[&good[..], &foreign], [&foreign, &good]] {
            assert_eq!(verify(&one.public_keys(), REPOMD, &signatures.concat(), NOW), Ok(()));
        }
        let weak = one.sign(&["--digest-algo", "SHA1", "--allow-weak-digest-algos"]);
        let error = verify(&one.public_keys(), REPOMD, &[weak, foreign].concat(), NOW).expect_err("none is good");
        assert!(error.contains("SHA1"), "{error}");
    }

    #[test]
    fn the_key_of_a_signature_is_told_by_its_id_beside_those_that_are_trusted() {
        let [one, two, other] = ["ed25519"; 3].map(|kind| Gpg::with_key("20260101T000000", kind, "never"));
        let id = |gpg: &Gpg| gpg.fingerprint()[24..].to_owned();
        let keys = [one.public_keys(), two.public_keys()].concat();
        let error = verify(&keys, REPOMD, &other.sign(&[]), NOW).expect_err("another key");
        let told = format!("by the key {}, and the trusted keys are {}, {}:", id(&other), id(&one), id(&two));
        assert!(error.contains(&told), "{error}");
        let error = verify(&keys, b"else", &one.sign(&[]), NOW).expect_err("other bytes");
        assert!(error.contains(&format!("after the key {} had signed it", id(&one))), "{error}");
    }

    #[test]
    fn a_clock_may_differ_by_a_day() {
        let gpg = Gpg::with_key("20260102T000000", "ed25519", "never");
        let signature = gpg.sign(&[]);
        assert_eq!(verify(&gpg.public_keys(), REPOMD, &signature, "2026-01-01T00:00:00Z"), Ok(()));
        let error = verify(&gpg.public_keys(), REPOMD, &signature, "2025-12-31T23:59:59Z").expect_err("too early");
        assert!(error.contains("it was made at 2026-01-02T00:00:00Z, which is yet to come"), "{error}");
    }

    #[test]
    fn what_expires_does_so_to_the_second() {
        let key = Gpg::with_key("20260101T000000", "ed25519", "seconds=86400");
        let signature = Gpg::with_key("20260101T000000", "ed25519", "never");
        let mut subkey = Gpg::with_subkey("20260101T000000");
        subkey.clock = "20260101T000001";
        subkey.run(&["--quick-set-expire", &subkey.fingerprint(), "seconds=86399", "*"]);
        for (case, gpg, options, told) in [
            ("key", &key, &[][..], " expired at 2026-01-02T00:00:00Z: ask"),
            ("subkey", &subkey, &[], " expired at 2026-01-02T00:00:00Z: ask"),
            ("signature", &signature, &["--default-sig-expire", "seconds=86400"], "it expired at 2026-01-02T00:00:00Z"),
        ] {
            let (keys, signature) = (gpg.public_keys(), gpg.sign(options));
            assert_eq!(verify(&keys, REPOMD, &signature, "2026-01-01T23:59:59Z"), Ok(()), "{case}");
            let error = verify(&keys, REPOMD, &signature, "2026-01-02T00:00:00Z").expect_err(case);
            assert!(error.contains(told), "{case}: {error}");
        }
    }

    #[test]
    fn the_newest_word_of_a_key_about_itself_counts() {
        let mut gpg = Gpg::with_key("20260101T000000", "ed25519", "2026-06-01");
        let signature = gpg.sign(&[]);
        assert!(verify(&gpg.public_keys(), REPOMD, &signature, NOW).is_err());
        gpg.clock = "20260501T000000";
        gpg.run(&["--quick-set-expire", &gpg.fingerprint(), "2027-06-01"]);
        assert_eq!(verify(&gpg.public_keys(), REPOMD, &signature, NOW), Ok(()));
    }

    #[test]
    fn a_key_that_is_not_one_for_signing_signs_nothing() {
        let made: [fn(&'static str) -> Gpg; 2] = [|clock| Gpg::with_key(clock, "ed25519", "never"), Gpg::with_subkey];
        for (case, made, answers) in [
            ("to certify", made[0], &["change-usage", "S", "Q"][..]),
            ("to authenticate", made[1], &["key 1", "change-usage", "S", "A", "Q"]),
            ("for nothing", made[1], &["key 1", "change-usage", "S", "Q"]),
        ] {
            let mut gpg = made("20260101T000000");
            let signature = gpg.sign(&[]);
            assert_eq!(verify(&gpg.public_keys(), REPOMD, &signature, NOW), Ok(()), "{case}");
            gpg.clock = "20260102T000000";
            gpg.edit(answers);
            let error = verify(&gpg.public_keys(), REPOMD, &signature, NOW).expect_err(case);
            assert!(error.contains("is not one for signing"), "{case}: {error}");
        }
    }

    /// The public key with a signature of its own that says this and nothing else.
    fn saying(gpg: &Gpg, words: &[SubpacketData]) -> Vec<u8> {
        let secret = SignedSecretKey::from_bytes(&gpg.run(&["--export-secret-keys"])[..]).expect("a secret key");
        let mut key = SignedPublicKey::from_bytes(&gpg.run(&["--export"])[..]).expect("a key");
        let primary = key.primary_key.clone();
        let mut own = SignatureConfig::v4(SignatureType::CertPositive, primary.algorithm(), HashAlgorithm::Sha256);
        own.hashed_subpackets = words.iter().map(|word| Subpacket::regular(word.clone()).expect("a word")).collect();
        let user = &mut key.details.users[0];
        let signed = own.sign_certification(&secret.primary_key, &primary, &Password::empty(), Tag::UserId, &user.id);
        user.signatures = vec![signed.expect("a signature")];
        key.to_bytes().expect("bytes")
    }

    #[test]
    fn a_key_of_old_that_does_not_say_what_it_is_for_may_sign() {
        let gpg = Gpg::with_key("20260101T000000", "ed25519", "never");
        let signature = gpg.sign(&[]);
        let made = SubpacketData::SignatureCreationTime(pgp::types::Timestamp::from_secs(1_767_225_600));
        for (case, words, believed) in [
            ("nothing", vec![], true),
            ("that it expires after nothing", vec![SubpacketData::KeyExpirationTime(Duration::from_secs(0))], true),
            ("that it expires after a second", vec![SubpacketData::KeyExpirationTime(Duration::from_secs(1))], false),
            ("that it is for nothing", vec![SubpacketData::KeyFlags(KeyFlags::default())], false),
        ] {
            let key = saying(&gpg, &[std::slice::from_ref(&made), &words].concat());
            assert_eq!(verify(&key, REPOMD, &signature, NOW).is_ok(), believed, "{case}");
        }
    }

    #[test]
    fn a_signature_may_name_its_key_by_the_fingerprint_alone() {
        let gpg = Gpg::with_key("20260101T000000", "ed25519", "never");
        let mut signature = DetachedSignature::from_bytes(&gpg.sign(&[])[..]).expect("a signature").signature;
        let is_id = |part: &Subpacket| matches!(part.data, SubpacketData::IssuerKeyId(_));
        let place = signature.config().expect("parts").unhashed_subpackets.iter().position(is_id).expect("an id");
        signature.unhashed_subpacket_remove(place).expect("removed");
        let signature = DetachedSignature::new(signature).to_bytes().expect("bytes");
        assert_eq!(verify(&gpg.public_keys(), REPOMD, &signature, NOW), Ok(()));
    }

    #[test]
    fn a_subkey_that_was_revoked_signs_no_more() {
        let mut gpg = Gpg::with_subkey("20260101T000000");
        let signature = gpg.sign(&[]);
        gpg.clock = "20260102T000000";
        gpg.edit(&["key 1", "revkey", "y", "0", "", "y"]);
        let error = verify(&gpg.public_keys(), REPOMD, &signature, NOW).expect_err("revoked");
        assert!(error.contains("is revoked"), "{error}");
    }

    #[test]
    fn a_subkey_that_does_not_agree_to_be_one_signs_nothing() {
        let is_agreement = |part: &Subpacket| matches!(part.data, SubpacketData::EmbeddedSignature(_));
        let [gpg, other] = ["20260101T000000"; 2].map(Gpg::with_subkey);
        let read = |gpg: &Gpg| SignedPublicKey::from_bytes(&gpg.run(&["--export"])[..]).expect("a key");
        let (mut key, mut other) = (read(&gpg), read(&other));
        let agreement = |key: &mut SignedPublicKey| {
            let binding = &mut key.public_subkeys[0].signatures[0];
            let place = binding.config().expect("parts").unhashed_subpackets.iter().position(is_agreement);
            binding.unhashed_subpacket_remove(place.expect("an agreement")).expect("removed")
        };
        let foreign = agreement(&mut other);
        let own = agreement(&mut key);
        for (case, part, believed) in
            [("own", Some(own), true), ("none", None, false), ("foreign", Some(foreign), false)]
        {
            let mut key = key.clone();
            if let Some(part) = part {
                key.public_subkeys[0].signatures[0].unhashed_subpacket_push(part).expect("added");
            }
            let verified = verify(&key.to_bytes().expect("bytes"), REPOMD, &gpg.sign(&[]), NOW);
            assert_eq!(verified.is_ok(), believed, "{case}");
            assert!(verified.err().is_none_or(|error| error.contains("has no valid signature of its own")), "{case}");
        }
    }

    #[test]
    fn a_key_that_was_revoked_signs_no_more() {
        let gpg = Gpg::with_key("20260101T000000", "ed25519", "never");
        let signature = gpg.sign(&[]);
        let revocations = gpg.home.path().join("openpgp-revocs.d");
        let file = std::fs::read_dir(revocations).expect("a folder").next().expect("a file").expect("a file").path();
        let revocation = std::fs::read_to_string(&file).expect("text").replace(":-----BEGIN", "-----BEGIN");
        std::fs::write(&file, revocation).expect("a file");
        gpg.run(&["--import", file.to_str().expect("a path")]);
        let error = verify(&gpg.public_keys(), REPOMD, &signature, NOW).expect_err("revoked");
        assert!(error.contains("is revoked"), "{error}");
    }
}
