//! What strangers and keys cost to judge is bounded.

use std::time::{Duration, Instant};

use ami_scheduler::repository::signature::TrustedKeys;
use jiff::Timestamp;

use super::gpg::Gpg;
use super::packets::{Key, Sig, armored, day, flags, packet, user};

const NAME: &str = "Some Repository <repo@example.com>";
/// As the longest repomd.xml that is read.
const SIGNED: usize = 4 << 20;
/// Hundreds of times what it takes, and a small part of what it took.
const SOON: Duration = Duration::from_secs(10);

fn signer() -> Key {
    let gpg = Gpg::with_key(day(0), "ed25519", "never");
    Key::of(&gpg.run(&["--export-secret-keys"]), day(0))
}

fn public(key: &Key, own: &[Sig]) -> Vec<u8> {
    let own: Vec<u8> = own.iter().flat_map(|own| own.over_user(key, key, NAME)).collect();
    [key.packet(), user(NAME), own].concat()
}

fn own(key: &Key, made: u32) -> Sig {
    Sig::new(0x13, made, key).with(&flags(3))
}

fn verify(keys: &[u8], signed: &[u8], signatures: &[u8]) -> Result<(), String> {
    let now = Timestamp::from_second(day(100).into()).expect("a time");
    let keys = TrustedKeys::read(keys).map_err(|error| error.to_string())?;
    keys.verify(signed, signatures, now).map_err(|error| error.to_string())
}

#[test]
fn thousands_of_signatures_of_a_long_repomd_are_refused_at_once() {
    let (key, signed) = (signer(), vec![b'x'; SIGNED]);
    let keys = public(&key, &[own(&key, day(0))]);
    let bad = Sig::new(0x00, day(10), &key).over(&key, b"other bytes");
    for (count, told) in [
        (16, "it does not fit"),
        (17, "it holds more than 16 signatures, the most that are tried"),
        (800, "it is longer than 64 KiB, the most that is read"),
        (35_000, "it is longer than 64 KiB, the most that is read"),
    ] {
        let signatures = bad.repeat(count);
        for file in [armored("PGP SIGNATURE", &signatures), signatures] {
            let begin = Instant::now();
            let error = verify(&keys, &signed, &file).expect_err("none is good");
            assert!(error.contains(told), "{count}: {error}");
            assert!(begin.elapsed() < SOON, "{count} signatures took {:?}", begin.elapsed());
        }
    }
}

#[test]
fn a_file_with_a_repository_s_keys_may_have_hundreds_and_no_end_of_them_is_refused() {
    let key = signer();
    let keys = |count: u32| -> Vec<u8> {
        let others = (1..count).map(|n| key.made(day(0) + n));
        let others = others.flat_map(|other| public(&other, &[]));
        public(&key, &[own(&key, day(0))]).into_iter().chain(others).collect()
    };
    let good = Sig::new(0x00, day(10), &key).over(&key, b"signed");
    let begin = Instant::now();
    assert_eq!(verify(&keys(1000), b"signed", &good), Ok(()));
    let stranger = Sig::new(0x00, day(10), &key.made(day(50))).over(&key, b"signed");
    let error = verify(&keys(1000), b"signed", &stranger).expect_err("another key");
    assert!(error.contains(", 990 more: is it the key of this repository?"), "{error}");
    let error = verify(&keys(6000), b"signed", &good).expect_err("too many");
    assert!(error.contains("it has more than 10000 packets"), "{error}");
    let error = verify(&keys(20_000), b"signed", &good).expect_err("too long");
    assert!(error.contains("it is longer than 1 MiB"), "{error}");
    let empty = [keys(1), packet(13, b"").repeat(100_000)].concat();
    assert!(verify(&empty, b"signed", &good).is_err());
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn a_key_with_hundreds_of_signatures_of_its_own_is_judged_by_so_many_alone() {
    let key = signer();
    let good = Sig::new(0x00, day(10), &key).over(&key, b"signed");
    let renewed: Vec<Sig> = (0..300).map(|n| own(&key, day(0) + n)).collect();
    assert_eq!(verify(&public(&key, &renewed), b"signed", &good), Ok(()), "the newest counts, and is tried first");
    let broken: Vec<u8> = (0..300).flat_map(|n| own(&key, day(0) + n).over_user(&key, &key, "another name")).collect();
    let keys = [public(&key, &[own(&key, day(0))]), broken].concat();
    let error = verify(&keys, b"signed", &good).expect_err("too many to try");
    assert!(error.contains("has more than 256 signatures of its own to verify"), "{error}");
}
