//! Keys and signatures as gpg makes them: created on day 0, signed on day 10, judged on each of some days.

use super::gpg::Gpg;
use super::packets::day;
use super::{Case, SIGNED};

const DAYS: [u32; 4] = [11, 49, 51, 100];

/// A home on day 0, and what happens to it. `sign` says when it signs.
type Story = (&'static str, fn() -> (Vec<u8>, Vec<u8>));

fn key(algorithm: &str) -> Gpg {
    Gpg::with_key(day(0), algorithm, "never")
}

fn subkey() -> Gpg {
    Gpg::with_subkey(day(0))
}

fn signed(gpg: &Gpg, options: &[&str]) -> Vec<u8> {
    gpg.on(day(10)).sign(options, SIGNED)
}

/// A key, its signature, and what is done to the key on day 50.
fn then(gpg: &Gpg, change: impl FnOnce(&Gpg)) -> (Vec<u8>, Vec<u8>) {
    let signature = signed(gpg, &[]);
    change(gpg.on(day(50)));
    (gpg.keys(), signature)
}

fn with_options(options: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let gpg = key("ed25519");
    let signature = signed(&gpg, options);
    (gpg.keys(), signature)
}

fn expires(gpg: &Gpg, after: &str) {
    gpg.run(&["--quick-set-expire", &gpg.fingerprint(), after]);
}

const STORIES: &[Story] = &[
    ("armour", || with_options(&["--armor"])),
    ("text mode", || with_options(&["--textmode"])),
    ("SHA-512", || with_options(&["--digest-algo", "SHA512"])),
    ("SHA-384", || with_options(&["--digest-algo", "SHA384"])),
    ("SHA-224", || with_options(&["--digest-algo", "SHA224"])),
    ("SHA-1", || with_options(&["--digest-algo", "SHA1"])),
    ("RIPEMD-160", || with_options(&["--digest-algo", "RIPEMD160"])),
    ("a signature that holds for 40 days", || with_options(&["--default-sig-expire", "40d"])),
    ("a notation", || with_options(&["--sig-notation", "x@example.com=y"])),
    ("a critical notation", || with_options(&["--sig-notation", "!x@example.com=y"])),
    ("a policy", || with_options(&["--sig-policy-url", "https://example.com/policy"])),
    ("a critical policy", || with_options(&["--sig-policy-url", "!https://example.com/policy"])),
    ("a key server", || with_options(&["--sig-keyserver-url", "https://example.com/key"])),
    ("a critical key server", || with_options(&["--sig-keyserver-url", "!https://example.com/key"])),
    ("a sender", || with_options(&["--sender", "repo@example.com"])),
    ("its key included", || with_options(&["--include-key-block"])),
    ("RSA of 1024 bits", || then(&key("rsa1024"), |_| ())),
    ("RSA of 2048 bits", || then(&key("rsa2048"), |_| ())),
    ("RSA of 3072 bits", || then(&key("rsa3072"), |_| ())),
    ("DSA of 1024 bits", || then(&key("dsa1024"), |_| ())),
    ("DSA of 2048 bits", || then(&key("dsa2048"), |_| ())),
    ("NIST's P-256", || then(&key("nistp256"), |_| ())),
    ("NIST's P-384", || then(&key("nistp384"), |_| ())),
    ("NIST's P-521", || then(&key("nistp521"), |_| ())),
    ("Brainpool's P-256", || then(&key("brainpoolP256r1"), |_| ())),
    ("secp256k1", || then(&key("secp256k1"), |_| ())),
    ("a key and a subkey that encrypts", || {
        then(&key("ed25519"), |gpg| drop(gpg.run(&["--quick-add-key", &gpg.fingerprint(), "cv25519", "encr", "never"])))
    }),
    ("a key that expires on day 50", || {
        let gpg = Gpg::with_key(day(0), "ed25519", "50d");
        let signature = signed(&gpg, &[]);
        (gpg.keys(), signature)
    }),
    ("a key that was renewed on day 40", || {
        let gpg = Gpg::with_key(day(0), "ed25519", "50d");
        let signature = signed(&gpg, &[]);
        expires(gpg.on(day(40)), "100d");
        (gpg.keys(), signature)
    }),
    ("two copies, old and renewed", || {
        let gpg = Gpg::with_key(day(0), "ed25519", "50d");
        let (signature, old) = (signed(&gpg, &[]), gpg.keys());
        expires(gpg.on(day(40)), "100d");
        ([old, gpg.keys()].concat(), signature)
    }),
    ("two copies, renewed and old", || {
        let gpg = Gpg::with_key(day(0), "ed25519", "50d");
        let (signature, old) = (signed(&gpg, &[]), gpg.keys());
        expires(gpg.on(day(40)), "100d");
        ([gpg.keys(), old].concat(), signature)
    }),
    ("a key that was cut to end with day 51", || then(&key("ed25519"), |gpg| expires(gpg, "1d"))),
    ("a key that was to expire, and no longer is", || {
        let gpg = Gpg::with_key(day(0), "ed25519", "50d");
        let signature = signed(&gpg, &[]);
        expires(gpg.on(day(40)), "never");
        (gpg.keys(), signature)
    }),
    ("a key revoked by the certificate of its first day", || then(&key("ed25519"), Gpg::revoke)),
    ("a key revoked as compromised", || then(&key("ed25519"), |gpg| gpg.edit(&["revkey", "y", "1", "", "y"]))),
    ("a key revoked as superseded", || then(&key("ed25519"), |gpg| gpg.edit(&["revkey", "y", "2", "", "y"]))),
    ("a key revoked as no longer used", || then(&key("ed25519"), |gpg| gpg.edit(&["revkey", "y", "3", "", "y"]))),
    ("a key revoked without a reason", || then(&key("ed25519"), |gpg| gpg.edit(&["revkey", "y", "0", "", "y"]))),
    ("a key that may no longer sign", || then(&key("ed25519"), |gpg| gpg.edit(&["change-usage", "S", "Q"]))),
    ("a key of RSA that may no longer sign", || then(&key("rsa2048"), |gpg| gpg.edit(&["change-usage", "S", "Q"]))),
    ("a user id more", || then(&key("ed25519"), |gpg| gpg.edit(&["adduid", "Second Name", "", ""]))),
    ("a user id more, which is primary", || {
        then(&key("ed25519"), |gpg| gpg.edit(&["adduid", "Second Name", "", "", "uid 2", "primary"]))
    }),
    ("a user id more, and the first revoked", || {
        then(&key("ed25519"), |gpg| gpg.edit(&["adduid", "Second Name", "", "", "uid 1", "revuid", "y", "4", "", "y"]))
    }),
    ("a user id revoked, and the key expires", || {
        then(&key("ed25519"), |gpg| {
            expires(gpg, "1d");
            gpg.edit(&["adduid", "Second Name", "", "", "uid 2", "revuid", "y", "4", "", "y"]);
        })
    }),
    ("a user id revoked, and the key may no longer sign", || {
        then(&key("ed25519"), |gpg| {
            gpg.edit(&["adduid", "Second Name", "", ""]);
            gpg.edit(&["change-usage", "S", "Q"]);
            gpg.edit(&["uid 2", "revuid", "y", "4", "", "y"]);
        })
    }),
    ("a subkey", || then(&subkey(), |_| ())),
    ("a subkey that expires", || {
        then(&subkey(), |gpg| drop(gpg.run(&["--quick-set-expire", &gpg.fingerprint(), "1d", "*"])))
    }),
    ("a subkey whose primary key expires", || then(&subkey(), |gpg| expires(gpg, "1d"))),
    ("a subkey that was revoked", || then(&subkey(), |gpg| gpg.edit(&["key 1", "revkey", "y", "0", "", "y"]))),
    ("a subkey revoked as superseded", || then(&subkey(), |gpg| gpg.edit(&["key 1", "revkey", "y", "2", "", "y"]))),
    ("a subkey whose primary key was revoked", || then(&subkey(), Gpg::revoke)),
    ("a subkey that may only authenticate", || {
        then(&subkey(), |gpg| gpg.edit(&["key 1", "change-usage", "S", "A", "Q"]))
    }),
    ("a subkey for nothing", || then(&subkey(), |gpg| gpg.edit(&["key 1", "change-usage", "S", "Q"]))),
    ("a second subkey that signs", || {
        then(&subkey(), |gpg| drop(gpg.run(&["--quick-add-key", &gpg.fingerprint(), "ed25519", "sign", "never"])))
    }),
    ("a subkey that is not exported", || {
        let gpg = subkey();
        let signature = signed(&gpg, &[]);
        (gpg.run(&["--armor", "--export-filter", "drop-subkey=usage=~s", "--export"]), signature)
    }),
    ("a key without its useless parts", || {
        let gpg = key("ed25519");
        let signature = signed(&gpg, &[]);
        expires(gpg.on(day(40)), "100d");
        (gpg.run(&["--armor", "--export-options", "export-minimal", "--export"]), signature)
    }),
    ("another's key", || (key("ed25519").keys(), signed(&key("ed25519"), &[]))),
    ("another's key and its own", || {
        let gpg = key("ed25519");
        let signature = signed(&gpg, &[]);
        ([key("rsa2048").keys(), gpg.keys()].concat(), signature)
    }),
    ("a message that holds what it signs", || {
        let gpg = key("ed25519");
        let clear = gpg.on(day(10)).inline("--clear-sign", SIGNED);
        (gpg.keys(), clear)
    }),
    ("a packed message that holds what it signs", || {
        let gpg = key("ed25519");
        let inline = gpg.on(day(10)).inline("--sign", SIGNED);
        (gpg.keys(), inline)
    }),
    ("a secret key given for the public one", || {
        let gpg = key("ed25519");
        let signature = signed(&gpg, &[]);
        (gpg.run(&["--armor", "--export-secret-keys"]), signature)
    }),
];

pub fn cases() -> Vec<Case> {
    super::in_parallel(STORIES, |(name, story)| {
        let (keys, signature) = story();
        let case = |now| Case {
            name: format!("gpg's: {name}, on day {now}"),
            keys: keys.clone(),
            signature: signature.clone(),
            signed: SIGNED.to_vec(),
            now: day(now),
        };
        DAYS.map(case)
    })
    .into_iter()
    .flatten()
    .collect()
}
