//! What a person is told: which key, which reason, what to do.

use ami_scheduler::repository::signature::TrustedKeys;
use jiff::Timestamp;

use super::SIGNED;
use super::gpg::Gpg;
use super::packets::{Key, Sig, critical, day, notation};

fn verify_on(now: u32, keys: &[u8], signed: &[u8], signature: &[u8]) -> Result<(), String> {
    let now = Timestamp::from_second(now.into()).expect("a time");
    let keys = TrustedKeys::read(keys).map_err(|error| error.to_string())?;
    keys.verify(signed, signature, now).map_err(|error| error.to_string())
}

fn verify(keys: &[u8], signed: &[u8], signature: &[u8]) -> Result<(), String> {
    verify_on(day(100), keys, signed, signature)
}

fn key() -> Gpg {
    Gpg::with_key(day(0), "ed25519", "never")
}

fn id(gpg: &Gpg) -> String {
    gpg.fingerprint()[24..].to_owned()
}

#[test]
fn what_is_not_to_be_believed_is_told_apart() {
    let (good, other, expires) = (key(), key(), Gpg::with_key(day(0), "ed25519", "seconds=864000"));
    let secret = Key::of(&good.run(&["--export-secret-keys"]), day(0));
    let (keys, signature) = (good.keys(), good.sign(&["--armor"], SIGNED));
    let standalone = Sig::new(0x02, day(10), &secret);
    // Key::of may have changed the time of the key, and its id with it.
    let in_its_name =
        |sig: Sig| sig.unhashed(&[]).with(&super::packets::sub(33, &[&[4][..], &hex(&good.fingerprint())].concat()));
    let strange = Sig::new(0x00, day(10), &secret).with(&critical(20, &notation("x@example.com", "y")));
    let future = good.on(day(200)).sign(&[], SIGNED);
    let short_lived = good.on(day(1)).sign(&["--default-sig-expire", "10d"], SIGNED);
    let sha1 = good.sign(&["--digest-algo", "SHA1"], SIGNED);
    let clear = good.inline("--sign", SIGNED);
    let cases = [
        (
            "changed",
            keys.clone(),
            &b"<repomd></repomd>"[..],
            signature.clone(),
            "it does not fit: what it signs was changed after the key ",
        ),
        ("other key", keys.clone(), SIGNED, other.sign(&[], SIGNED), "it was made by the key "),
        ("key expired", expires.keys(), SIGNED, expires.sign(&[], SIGNED), " expired at 2026-01-11T00:00:0"),
        ("signature expired", keys.clone(), SIGNED, short_lived.clone(), "it expired at 2026-01-12T00:00:0"),
        ("not yet", keys.clone(), SIGNED, future.clone(), "which is yet to come"),
        ("weak", keys.clone(), SIGNED, sha1.clone(), "it is made with SHA1; expected SHA-256, SHA-384 or SHA-512"),
        (
            "of nothing",
            keys.clone(),
            SIGNED,
            in_its_name(standalone).over(&secret, b""),
            "it is a signature of type 0x02, which signs no file: ask whoever",
        ),
        (
            "conditions",
            keys.clone(),
            SIGNED,
            in_its_name(strange).over(&secret, SIGNED),
            "it depends on a part of type 20 that is not understood",
        ),
        (
            "a message",
            keys.clone(),
            SIGNED,
            clear.clone(),
            "it is no OpenPGP signature (it is a message that holds what it signs)",
        ),
        ("no signature", keys.clone(), SIGNED, b"<html>".to_vec(), "it is no OpenPGP signature (IO error: "),
        ("empty", keys.clone(), SIGNED, b"".to_vec(), "it is no OpenPGP signature (there is none in it)"),
        (
            "keys for a signature",
            keys.clone(),
            SIGNED,
            keys.clone(),
            "it is no OpenPGP signature (it begins with a packet of type PublicKey)",
        ),
        ("no keys", b"<html>".to_vec(), SIGNED, signature.clone(), "it holds no OpenPGP public key (IO error: "),
        (
            "a signature for keys",
            signature.clone(),
            SIGNED,
            signature.clone(),
            "it holds no OpenPGP public key (no key in it)",
        ),
    ];
    for (case, keys, signed, signature, told) in cases {
        let error = verify(&keys, signed, &signature).expect_err(case);
        assert!(error.contains(told), "{case}: {error}");
    }
    let private = good.run(&["--armor", "--export-secret-keys"]);
    let error = verify(&private, SIGNED, &signature).expect_err("a private key");
    assert!(error.contains("(it is a private key, which nobody else may ever see: export the public one)"), "{error}");
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.bytes().map(|digit| u8::try_from((digit as char).to_digit(16).expect("hex")).expect("small")).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn a_key_that_no_longer_counts_is_named_with_the_reason() {
    let revoked = key();
    let signature = revoked.on(day(10)).sign(&[], SIGNED);
    revoked.revoke();
    let on_curve = Gpg::with_key(day(0), "secp256k1", "never");
    let by_curve = on_curve.on(day(10)).sign(&[], SIGNED);
    let certifies = key();
    let by_certifier = certifies.on(day(10)).sign(&[], SIGNED);
    certifies.on(day(20)).edit(&["change-usage", "S", "Q"]);
    for (gpg, signature, reason) in [
        (&revoked, signature, "is revoked"),
        (&certifies, by_certifier, "is not one for signing"),
        (&on_curve, by_curve, "is on a curve that is not known here, as those of NIST and Ed25519 are"),
    ] {
        let error = verify(&gpg.keys(), SIGNED, &signature).expect_err(reason);
        let told = format!("its key {} {reason}: ask whoever runs the repository for the present one", id(gpg));
        assert_eq!(error, told);
    }
}

#[test]
fn a_signature_of_a_version_that_is_not_known_is_told_from_something_else() {
    let key = key();
    let mut signature = key.sign(&[], SIGNED);
    // After the packet's tag and its length, of one byte.
    signature[2] = 9;
    for (file, told) in
        [(signature, "of an unknown version or form"), (key.run(&["--export"]), "begins with a packet of")]
    {
        let error = verify(&key.keys(), SIGNED, &file).expect_err(told);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn of_several_signatures_one_that_is_good_is_enough_and_else_the_first_is_told_of() {
    let (one, other) = (key(), key());
    let (good, foreign) = (one.sign(&[], SIGNED), other.sign(&[], SIGNED));
    for signatures in [[&good[..], &foreign], [&foreign, &good]] {
        assert_eq!(verify(&one.keys(), SIGNED, &signatures.concat()), Ok(()));
    }
    let weak = one.sign(&["--digest-algo", "SHA1"], SIGNED);
    let error = verify(&one.keys(), SIGNED, &[weak, foreign].concat()).expect_err("none is good");
    assert!(error.contains("SHA1"), "{error}");
}

#[test]
fn the_key_of_a_signature_is_told_beside_those_that_are_trusted() {
    let [one, two, other] = [key(), key(), key()];
    let keys = [one.keys(), two.keys()].concat();
    let error = verify(&keys, SIGNED, &other.sign(&[], SIGNED)).expect_err("another key");
    let told = format!("by the key {}, and the trusted keys are {}, {}:", other.fingerprint(), id(&one), id(&two));
    assert!(error.contains(&told), "{error}");
    let error = verify(&keys, b"else", &one.sign(&[], SIGNED)).expect_err("other bytes");
    assert!(error.contains(&format!("after the key {} had signed it", id(&one))), "{error}");
}

#[test]
fn a_clock_may_differ_by_a_day() {
    let gpg = key();
    let signature = gpg.on(day(50)).sign(&[], SIGNED);
    assert_eq!(verify_on(day(49) + 60, &gpg.keys(), SIGNED, &signature), Ok(()));
    let error = verify_on(day(49) - 60, &gpg.keys(), SIGNED, &signature).expect_err("too early");
    assert!(error.contains("it was made at 2026-02-20T00:00:0") && error.contains(", which is yet to come"), "{error}");
}
