//! Keys and signatures as gpg would not make them, by real private keys.
//!
//! Unless a case says something else, a key was made on day 0, certified itself on day 0, signed on day 10,
//! and is judged on day 100.

#![allow(clippy::too_many_lines)] // they are tables

use super::gpg::Gpg;
use super::packets::{
    Key, Sig, armored, critical, day, flags, holds, key_holds, notation, old_packet, packet, sub, user,
};
use super::{Case, SIGNED};

const NAME: &str = "Some Repository <repo@example.com>";
const OTHER_NAME: &str = "Old Name <old@example.com>";
const SIGNS: u8 = 2;
const CERTIFIES: u8 = 1;

const BINARY: u8 = 0x00;
const TEXT: u8 = 0x01;
const POSITIVE: u8 = 0x13;
const BINDING: u8 = 0x18;
const AGREEMENT: u8 = 0x19;
const DIRECT: u8 = 0x1f;
const KEY_REVOKED: u8 = 0x20;
const SUBKEY_REVOKED: u8 = 0x28;
const USER_REVOKED: u8 = 0x30;

struct Cases {
    a: Key,
    b: Key,
    s: Key,
    t: Key,
    rsa: Key,
    cases: Vec<Case>,
}

pub fn cases() -> Vec<Case> {
    let gpg = Gpg::at(day(0));
    let [a, b, s, t, rsa] = [("a", "ed25519"), ("b", "ed25519"), ("s", "ed25519"), ("t", "ed25519"), ("r", "rsa2048")]
        .map(|(name, algorithm)| {
            gpg.run(&["--quick-generate-key", name, algorithm, "sign", "never"]);
            Key::of(&gpg.run(&["--export-secret-keys", &format!("={name}")]), day(0))
        });
    let mut cases = Cases { a, b, s, t, rsa, cases: Vec::new() };
    cases.types_of_documents();
    cases.critical_parts();
    cases.clocks();
    cases.issuers();
    cases.versions_and_hashes();
    cases.files();
    cases.text();
    cases.several_signatures();
    cases.certifications();
    cases.user_ids();
    cases.subkeys();
    cases.revocations();
    cases.copies();
    cases.cases
}

impl Cases {
    fn add(&mut self, name: impl Into<String>, keys: Vec<u8>, signature: Vec<u8>) {
        self.on_day(100, name, keys, signature);
    }

    fn on_day(&mut self, now: u32, name: impl Into<String>, keys: Vec<u8>, signature: Vec<u8>) {
        self.at(day(now), name, keys, signature);
    }

    fn at(&mut self, now: u32, name: impl Into<String>, keys: Vec<u8>, signature: Vec<u8>) {
        self.cases.push(Case { name: name.into(), keys, signature, signed: SIGNED.to_vec(), now });
    }

    /// With the plain key.
    fn doc(&mut self, name: impl Into<String>, signature: Vec<u8>) {
        self.add(name, self.plain(), signature);
    }

    /// With the plain signature.
    fn key(&mut self, name: impl Into<String>, keys: &[&[u8]]) {
        self.add(name, keys.concat(), self.good());
    }

    fn own(&self) -> Sig {
        Sig::new(POSITIVE, day(0), &self.a).with(&flags(CERTIFIES | SIGNS))
    }

    fn own_on(&self, made: u32) -> Sig {
        Sig::new(POSITIVE, day(made), &self.a)
    }

    fn certified(&self, own: &Sig) -> Vec<u8> {
        own.over_user(&self.a, &self.a, NAME)
    }

    fn direct(&self, own: &Sig) -> Vec<u8> {
        own.over_key(&self.a, &self.a)
    }

    /// The key a, with one user id and these signatures of it.
    fn with_own(&self, own: &[Sig]) -> Vec<u8> {
        let own: Vec<Vec<u8>> = own.iter().map(|own| self.certified(own)).collect();
        [&self.a.packet()[..], &user(NAME), &own.concat()].concat()
    }

    fn plain(&self) -> Vec<u8> {
        self.with_own(&[self.own()])
    }

    fn good(&self) -> Vec<u8> {
        self.doc_sig().over(&self.a, SIGNED)
    }

    fn doc_sig(&self) -> Sig {
        Sig::new(BINARY, day(10), &self.a)
    }

    fn types_of_documents(&mut self) {
        for kind in
            [0x00, 0x01, 0x02, 0x03, 0x10, 0x11, 0x12, 0x13, 0x16, 0x18, 0x19, 0x1f, 0x20, 0x28, 0x30, 0x40, 0x50, 0xff]
        {
            let signature = Sig::new(kind, day(10), &self.a);
            self.doc(format!("a signature of type {kind:#04x} over the file"), signature.over(&self.a, SIGNED));
            if kind > 0x01 {
                self.doc(format!("a signature of type {kind:#04x} over nothing"), signature.over(&self.a, b""));
            }
        }
        let over_key = Sig::new(DIRECT, day(10), &self.a).over_key(&self.a, &self.a);
        self.doc("a certification of the key itself in place of a signature", over_key);
        self.doc("a signature over other bytes", self.doc_sig().over(&self.a, b"<other/>"));
        let mut broken = self.good();
        let last = broken.len() - 1;
        broken[last] ^= 1;
        self.doc("a signature with one bit changed", broken);
        self.doc("a signature by another key in this key's name", self.doc_sig().over(&self.b, SIGNED));
    }

    fn critical_parts(&mut self) {
        let id = self.a.id();
        let fingerprint = [&[4][..], &self.a.fingerprint()].concat();
        let revoker = [&[0x80, 22][..], &self.b.fingerprint()].concat();
        let known: Vec<(u8, Vec<u8>)> = vec![
            (3, (1000 * 86_400_u32).to_be_bytes().to_vec()),
            (4, vec![1]),
            (5, vec![1, 60]),
            (6, b"<[^>]+[@.]example\\.com>$\0".to_vec()),
            (7, vec![1]),
            (9, 0_u32.to_be_bytes().to_vec()),
            (11, vec![9]),
            (12, revoker),
            (16, id.to_vec()),
            (20, notation("x@example.com", "y")),
            (20, notation("preferred-email-encoding@pgp.com", "y")),
            (20, notation("pka-address@gnupg.org", "y")),
            (21, vec![8]),
            (22, vec![1]),
            (23, vec![0x80]),
            (24, b"https://example.com/key".to_vec()),
            (25, vec![1]),
            (26, b"https://example.com/policy".to_vec()),
            (27, vec![2]),
            (28, b"repo@example.com".to_vec()),
            (29, vec![0]),
            (30, vec![1]),
            (31, [&[1, 8][..], &[7; 32]].concat()),
            (33, fingerprint.clone()),
            (34, vec![2]),
            (35, fingerprint),
            (37, vec![7; 32]),
            (38, vec![0, 1]),
            (39, vec![9, 2]),
        ];
        let unknown = [0, 1, 8, 10, 13, 14, 15, 17, 18, 19, 36, 40, 60, 99, 100, 101, 110, 111, 127];
        let all = known.into_iter().chain(unknown.map(|kind| (kind, vec![1, 2, 3, 4])));
        for (n, (kind, data)) in all.enumerate() {
            let part = critical(kind, &data);
            self.doc(
                format!("critical part {kind} ({n}) of a document"),
                self.doc_sig().with(&part).over(&self.a, SIGNED),
            );
            self.doc(
                format!("plain part {kind} ({n}) of a document"),
                self.doc_sig().with(&sub(kind, &data)).over(&self.a, SIGNED),
            );
            if [3, 20, 28, 40, 100, 101].contains(&kind) {
                let beside = self.doc_sig().beside(&part).over(&self.a, SIGNED);
                self.doc(format!("critical part {kind} ({n}) beside what a document hashes"), beside);
            }
        }
        self.doc("a critical time of a document", {
            let made = critical(2, &day(10).to_be_bytes());
            self.doc_sig().hashed(&[&made]).over(&self.a, SIGNED)
        });
        self.doc("a part that is longer than its area", self.doc_sig().with(&[200, 100, 1, 2]).over(&self.a, SIGNED));
        self.doc("a part without a type", self.doc_sig().with(&[0]).over(&self.a, SIGNED));
        for (what, part) in
            [("unknown part", critical(100, b"x")), ("unknown notation", critical(20, &notation("x@y.z", "1")))]
        {
            let own = self.own().with(&part);
            self.key(format!("a self-signature with a critical {what}"), &[&self.with_own(std::slice::from_ref(&own))]);
            let newer = self.own_on(5).with(&flags(CERTIFIES)).with(&part);
            self.key(
                format!("a newer self-signature with a critical {what}, which takes signing away"),
                &[&self.with_own(&[self.own(), newer])],
            );
            let beside = self.own().beside(&part);
            self.key(format!("a self-signature beside a critical {what}"), &[&self.with_own(&[beside])]);
            let revocation = Sig::new(KEY_REVOKED, day(5), &self.a).with(&part);
            self.key(
                format!("a revocation with a critical {what}"),
                &[&self.a.packet(), &self.direct(&revocation), &user(NAME), &self.certified(&self.own())],
            );
            let direct = Sig::new(DIRECT, day(5), &self.a).with(&flags(CERTIFIES)).with(&part);
            self.key(
                format!("a direct signature with a critical {what}"),
                &[&self.a.packet(), &self.direct(&direct), &user(NAME), &self.certified(&self.own())],
            );
            let binding = |agrees: &[u8], more: &[u8]| {
                Sig::new(BINDING, day(0), &self.a).with(&flags(SIGNS)).with(agrees).with(more)
            };
            let agreement = Sig::new(AGREEMENT, day(0), &self.s);
            let agreed = agreement.agreement(&self.s, &self.a, &self.s);
            let strange = agreement.clone().with(&part).agreement(&self.s, &self.a, &self.s);
            for (who, binding) in [("binding", binding(&agreed, &part)), ("agreement", binding(&strange, b""))] {
                self.add(
                    format!("a {who} of a subkey with a critical {what}"),
                    [self.plain(), self.s.as_subkey(), binding.over_subkey(&self.a, &self.a, &self.s)].concat(),
                    Sig::new(BINARY, day(10), &self.s).over(&self.s, SIGNED),
                );
            }
        }
    }

    fn clocks(&mut self) {
        let key = self.a.made(day(20));
        let own = |made: u32| Sig::new(POSITIVE, made, &key).with(&flags(3)).over_user(&key, &key, NAME);
        let keys = |own: Vec<u8>| [key.packet(), user(NAME), own].concat();
        let signed = |made: u32| Sig::new(BINARY, made, &key).over(&key, SIGNED);
        for (name, own_made, made) in [
            ("a signature a day older than its key", day(20), day(19)),
            ("a signature a second older than its key", day(20), day(20) - 1),
            ("a signature as old as its key", day(20), day(20)),
            ("a self-signature a second older than its key", day(20) - 1, day(30)),
            ("a self-signature a day older than its key", day(19), day(30)),
            ("a self-signature newer than the signature", day(40), day(30)),
            ("a self-signature from tomorrow", day(101), day(30)),
            ("a self-signature from next year", day(400), day(30)),
        ] {
            self.add(name, keys(own(own_made)), signed(made));
        }
        for (name, key_made, made, now) in [
            ("a signature a minute from now", day(0), day(100) + 60, day(100)),
            ("a signature from tomorrow", day(0), day(101), day(100)),
            ("a signature from next year", day(0), day(465), day(100)),
            ("a key and a signature a minute from now", day(100) + 60, day(100) + 60, day(100)),
            ("a key and a signature from tomorrow", day(101), day(101), day(100)),
            ("a key from tomorrow, a signature from today", day(101), day(100), day(100)),
            ("a key and a signature of now", day(100), day(100), day(100)),
            ("a signature at the beginning of time", 0, 0, day(100)),
            ("a signature at the end of time", day(0), u32::MAX, day(100)),
        ] {
            let key = self.a.made(key_made);
            let own = Sig::new(POSITIVE, key_made, &key).with(&flags(3)).over_user(&key, &key, NAME);
            self.at(
                now,
                name,
                [key.packet(), user(NAME), own].concat(),
                Sig::new(BINARY, made, &key).over(&key, SIGNED),
            );
        }
        let [early, made, late] = [5, 10, 2000].map(|n| sub(2, &day(n).to_be_bytes()));
        let issuer = sub(16, &self.a.id());
        let sig = self.doc_sig();
        for (name, signature) in [
            ("a signature without a time", sig.clone().hashed(&[])),
            ("a signature with its time unhashed", sig.clone().hashed(&[]).unhashed(&[&issuer, &made])),
            ("a signature with two times, the first early", sig.clone().hashed(&[&early, &made])),
            ("a signature with two times, the second late", sig.clone().hashed(&[&made, &late])),
            ("a signature with two times, the first late", sig.clone().hashed(&[&late, &made])),
            ("a signature with another time unhashed", sig.clone().unhashed(&[&late, &issuer])),
            ("a signature that held for a day", sig.clone().with(&holds(1))),
            ("a signature that held until yesterday", sig.clone().with(&holds(89))),
            ("a signature that holds until now", sig.clone().with(&holds(90))),
            ("a signature that holds until tomorrow", sig.clone().with(&holds(91))),
            ("a signature that holds for ever", sig.clone().with(&holds(0))),
            ("a signature that expired unhashed", sig.clone().beside(&holds(1))),
            ("a signature that holds for a day and then for long", sig.clone().with(&holds(1)).with(&holds(1000))),
            ("a signature that holds for long and then for a day", sig.clone().with(&holds(1000)).with(&holds(1))),
            ("a signature that holds beyond the end of time", sig.clone().with(&sub(3, &u32::MAX.to_be_bytes()))),
            ("a signature with a key's expiry", sig.clone().with(&key_holds(1))),
        ] {
            self.doc(name, signature.over(&self.a, SIGNED));
        }
        for (name, days, now) in [
            ("a key that expired yesterday", 99, day(100)),
            ("a key a second before it expires", 100, day(100) - 1),
            ("a key that expires this second", 100, day(100)),
            ("a key a second after it expired", 100, day(100) + 1),
        ] {
            let keys = self.with_own(&[self.own().with(&key_holds(days))]);
            self.at(now, name, keys, self.good());
        }
        let forever = sub(9, &u32::MAX.to_be_bytes());
        for (name, part) in [
            ("a key that holds for no time", key_holds(0)),
            ("a key that holds for a second", sub(9, &1_u32.to_be_bytes())),
            ("a key that holds beyond the end of time", forever),
            ("a key that holds for a day and then for long", [key_holds(1), key_holds(1000)].concat()),
            ("a key that holds for long and then for a day", [key_holds(1000), key_holds(1)].concat()),
            ("a key with an expiry of three bytes", sub(9, &[0, 0, 1])),
        ] {
            self.key(name, &[&self.with_own(&[self.own().with(&part)])]);
        }
        self.key("a key that expired unhashed", &[&self.with_own(&[self.own().beside(&key_holds(1))])]);
    }

    fn issuers(&mut self) {
        let id = |key: &Key| sub(16, &key.id());
        let fingerprint = |key: &Key| sub(33, &[&[4][..], &key.fingerprint()].concat());
        let [a, b, s] = [&self.a, &self.b, &self.s].map(|key| (id(key), fingerprint(key)));
        let made = sub(2, &day(10).to_be_bytes());
        let nobody = sub(16, &[0; 8]);
        let long = sub(33, &[&[5][..], &[7; 32]].concat());
        for (name, hashed, unhashed) in [
            ("no issuer", vec![&made], vec![]),
            ("an issuer by id, hashed", vec![&made, &a.0], vec![]),
            ("an issuer by fingerprint, hashed", vec![&made, &a.1], vec![]),
            ("an issuer by fingerprint, unhashed", vec![&made], vec![&a.1]),
            ("issuers by id and fingerprint", vec![&made, &a.1], vec![&a.0]),
            ("another key by id", vec![&made], vec![&b.0]),
            ("another key by fingerprint", vec![&made, &b.1], vec![]),
            ("the fingerprint, and another's id", vec![&made, &a.1], vec![&b.0]),
            ("the id, and another's fingerprint", vec![&made, &b.1], vec![&a.0]),
            ("the id, and an unknown fingerprint", vec![&made, &s.1], vec![&a.0]),
            ("two ids, the right first", vec![&made], vec![&a.0, &b.0]),
            ("two ids, the right second", vec![&made], vec![&b.0, &a.0]),
            ("two ids, the unknown first", vec![&made], vec![&s.0, &a.0]),
            ("another's id hashed, the right unhashed", vec![&made, &b.0], vec![&a.0]),
            ("the right id hashed, another's unhashed", vec![&made, &a.0], vec![&b.0]),
            ("another's fingerprint hashed, the right unhashed", vec![&made, &b.1], vec![&a.1]),
            ("an id of zeros", vec![&made], vec![&nobody]),
            ("a fingerprint of version 5", vec![&made, &long], vec![&a.0]),
        ] {
            let hashed: Vec<&[u8]> = hashed.into_iter().map(Vec::as_slice).collect();
            let unhashed: Vec<&[u8]> = unhashed.into_iter().map(Vec::as_slice).collect();
            let signature = self.doc_sig().hashed(&hashed).unhashed(&unhashed).over(&self.a, SIGNED);
            let other = Sig::new(POSITIVE, day(0), &self.b).with(&flags(3)).over_user(&self.b, &self.b, NAME);
            let keys = [self.plain(), self.b.packet(), user(NAME), other].concat();
            self.add(format!("a signature with {name}"), keys, signature);
        }
        for (name, own) in [
            ("no issuer", self.own().unhashed(&[])),
            ("its fingerprint alone", self.own().unhashed(&[]).with(&a.1)),
            ("another's id", self.own().unhashed(&[&b.0])),
            ("another's id before its own", self.own().unhashed(&[&b.0, &a.0])),
            ("its own id before another's", self.own().unhashed(&[&a.0, &b.0])),
            ("another's fingerprint beside its id", self.own().with(&b.1)),
        ] {
            self.key(format!("a self-signature with {name}"), &[&self.with_own(&[own])]);
        }
    }

    fn versions_and_hashes(&mut self) {
        for version in [2, 3] {
            let sig = self.doc_sig().version(version);
            self.doc(format!("a signature of version {version}"), sig.version_3(&self.a, day(10), SIGNED));
            self.doc(
                format!("a signature of version {version} from before its key"),
                sig.version_3(&self.a, day(0) - 1, SIGNED),
            );
            let own = [&self.a.hashed()[..], NAME.as_bytes()].concat();
            let own = Sig::new(POSITIVE, day(0), &self.a).version(version).version_3(&self.a, day(0), &own);
            self.key(format!("a self-signature of version {version}"), &[&self.a.packet(), &user(NAME), &own]);
        }
        for version in [0, 1, 5, 6, 255] {
            self.doc(
                format!("a signature of version {version}"),
                self.doc_sig().version(version).over(&self.a, SIGNED),
            );
        }
        for hash in [8, 9, 10, 12, 14] {
            self.doc(format!("a signature with hash {hash}"), self.doc_sig().hash(hash).over(&self.a, SIGNED));
            self.key(format!("a self-signature with hash {hash}"), &[&self.with_own(&[self.own().hash(hash)])]);
        }
        let own = Sig::new(POSITIVE, day(0), &self.rsa).with(&flags(3)).over_user(&self.rsa, &self.rsa, NAME);
        let keys = [self.rsa.packet(), user(NAME), own].concat();
        for hash in [1, 2, 3, 8, 9, 10, 11] {
            let signature = Sig::new(BINARY, day(10), &self.rsa).hash(hash).over(&self.rsa, SIGNED);
            self.add(format!("a signature by RSA with hash {hash}"), keys.clone(), signature);
            let own = Sig::new(POSITIVE, day(0), &self.rsa).with(&flags(3)).hash(hash);
            let keys = [self.rsa.packet(), user(NAME), own.over_user(&self.rsa, &self.rsa, NAME)].concat();
            let signature = Sig::new(BINARY, day(10), &self.rsa).over(&self.rsa, SIGNED);
            self.add(format!("a self-signature by RSA with hash {hash}"), keys, signature.clone());
            let plain = Sig::new(POSITIVE, day(0), &self.rsa).with(&flags(3)).over_user(&self.rsa, &self.rsa, NAME);
            let revocation = Sig::new(KEY_REVOKED, day(5), &self.rsa).hash(hash).over_key(&self.rsa, &self.rsa);
            let keys = [self.rsa.packet(), revocation, user(NAME), plain.clone()].concat();
            self.add(format!("a revocation by RSA with hash {hash}"), keys, signature);
            let agreed = Sig::new(AGREEMENT, day(0), &self.s).agreement(&self.s, &self.rsa, &self.s);
            let binding = Sig::new(BINDING, day(0), &self.rsa).with(&flags(SIGNS)).beside(&agreed).hash(hash);
            let binding = binding.over_subkey(&self.rsa, &self.rsa, &self.s);
            let keys = [self.rsa.packet(), user(NAME), plain, self.s.as_subkey(), binding].concat();
            self.add(
                format!("a subkey bound by RSA with hash {hash}"),
                keys,
                Sig::new(BINARY, day(10), &self.s).over(&self.s, SIGNED),
            );
        }
        // The two bytes of the digest that a reader may look at first.
        let mut body = self.doc_sig().body(&self.a, SIGNED);
        let numbers = body.len() - 2 * (2 + 32) - 2;
        for byte in &mut body[numbers..numbers + 2] {
            *byte ^= 0xff;
        }
        self.doc("a signature whose first bytes of the digest are wrong", packet(2, &body));
    }

    fn files(&mut self) {
        let good = self.good();
        let body = self.doc_sig().body(&self.a, SIGNED);
        let [one, two] = [u8::try_from(body.len()).expect("short"), u8::try_from(body.len() - 64).expect("short")];
        let literal = packet(11, b"b\0\0\0\0\0<repomd/>\n");
        for (name, file) in [
            ("an empty file", vec![]),
            ("text", b"<html>404</html>".to_vec()),
            ("zeros", vec![0; 100]),
            ("the file itself", SIGNED.to_vec()),
            ("a marker before it", [packet(10, b"PGP"), good.clone()].concat()),
            ("a marker after it", [good.clone(), packet(10, b"PGP")].concat()),
            ("a packet of trust after it", [good.clone(), packet(12, b"x")].concat()),
            ("a packet of padding before it", [packet(21, b"xxxx"), good.clone()].concat()),
            ("an unknown packet before it", [packet(60, b"xxxx"), good.clone()].concat()),
            ("an unknown packet after it", [good.clone(), packet(60, b"xxxx")].concat()),
            ("an unknown critical packet after it", [good.clone(), packet(30, b"xxxx")].concat()),
            ("a name before it", [user(NAME), good.clone()].concat()),
            ("its key before it", [self.plain(), good.clone()].concat()),
            ("its key after it", [good.clone(), self.plain()].concat()),
            ("a document after it", [good.clone(), literal.clone()].concat()),
            ("a document before it", [literal.clone(), good.clone()].concat()),
            ("garbage after it", [&good[..], b"garbage"].concat()),
            ("zeros after it", [&good[..], &[0; 10]].concat()),
            ("garbage before it", [b"garbage", &good[..]].concat()),
            ("its last byte missing", good[..good.len() - 1].to_vec()),
            ("an old header", old_packet(2, &body)),
            ("a header of one byte", [&[0xc2, one][..], &body].concat()),
            ("a header without a length", [&[0x8b][..], &body].concat()),
            ("a body in parts", [&[0xc2, 0xe0 | 6][..], &body[..64], &[two], &body[64..]].concat()),
            ("armour", armored("PGP SIGNATURE", &good)),
            (
                "armour with lines of Windows",
                String::from_utf8(armored("PGP SIGNATURE", &good)).expect("text").replace('\n', "\r\n").into(),
            ),
            ("armour after text", [b"Signed by us:\n\n", &armored("PGP SIGNATURE", &good)[..]].concat()),
            ("armour before text", [&armored("PGP SIGNATURE", &good)[..], b"\nBye\n"].concat()),
            ("armour after blanks", [b"  \n\n", &armored("PGP SIGNATURE", &good)[..]].concat()),
            (
                "armour with a comment",
                String::from_utf8(armored("PGP SIGNATURE", &good))
                    .expect("text")
                    .replacen("-----\n\n", "-----\nVersion: GnuPG v2\nComment: none\n\n", 1)
                    .into(),
            ),
            (
                "armour with a wrong sum",
                String::from_utf8(armored("PGP SIGNATURE", &good))
                    .expect("text")
                    .lines()
                    .map(|line| if line.starts_with('=') { "=AAAA\n".to_owned() } else { format!("{line}\n") })
                    .collect::<String>()
                    .into(),
            ),
            ("armour of a message", armored("PGP MESSAGE", &good)),
            ("armour of a public key", armored("PGP PUBLIC KEY BLOCK", &good)),
            ("armour of something else", armored("SSH SIGNATURE", &good)),
            ("armour that does not end", armored("PGP SIGNATURE", &good)[..100].to_vec()),
            ("armour twice", armored("PGP SIGNATURE", &good).repeat(2)),
            (
                "armour of another's, then of this",
                [
                    armored("PGP SIGNATURE", &Sig::new(BINARY, day(10), &self.b).over(&self.b, SIGNED)),
                    armored("PGP SIGNATURE", &good),
                ]
                .concat(),
            ),
        ] {
            self.doc(format!("a file with {name}"), file);
        }
        let plain = self.plain();
        let certified = self.certified(&self.own());
        for (name, keys) in [
            ("nothing", vec![]),
            ("text", b"<html>404</html>".to_vec()),
            ("armour", armored("PGP PUBLIC KEY BLOCK", &plain)),
            ("armour after text", [b"The key:\n", &armored("PGP PUBLIC KEY BLOCK", &plain)[..]].concat()),
            ("a marker before it", [packet(10, b"PGP"), plain.clone()].concat()),
            ("an unknown packet after it", [plain.clone(), packet(60, b"x")].concat()),
            ("an unknown packet inside", [self.a.packet(), user(NAME), packet(60, b"x"), certified.clone()].concat()),
            (
                "a packet of trust inside",
                [self.a.packet(), packet(12, b"x"), user(NAME), packet(12, b"x"), certified.clone()].concat(),
            ),
            ("a signature before it", [self.good(), plain.clone()].concat()),
            (
                "a document's signature inside",
                [self.a.packet(), self.good(), user(NAME), self.good(), certified.clone()].concat(),
            ),
            ("a name before it", [user(OTHER_NAME), plain.clone()].concat()),
            ("garbage after it", [&plain[..], b"garbage"].concat()),
            ("its last byte missing", plain[..plain.len() - 1].to_vec()),
            (
                "a key of an unknown algorithm before it",
                [packet(6, &[&[4][..], &day(0).to_be_bytes(), &[99, 1, 2, 3]].concat()), user(NAME), plain.clone()]
                    .concat(),
            ),
            (
                "a key of an unknown algorithm after it",
                [plain.clone(), packet(6, &[&[4][..], &day(0).to_be_bytes(), &[99, 1, 2, 3]].concat()), user(NAME)]
                    .concat(),
            ),
            (
                "a key of version 3 before it",
                [
                    packet(6, &[&[3][..], &day(0).to_be_bytes(), &[0, 0, 1, 0, 8, 0xff, 0, 2, 3]].concat()),
                    user(NAME),
                    plain.clone(),
                ]
                .concat(),
            ),
            (
                "a key of version 9 before it",
                [packet(6, &[&[9][..], &day(0).to_be_bytes(), &[1, 2, 3]].concat()), user(NAME), plain.clone()]
                    .concat(),
            ),
            (
                "an unknown subkey",
                [plain.clone(), packet(14, &[&[4][..], &day(0).to_be_bytes(), &[99, 1, 2, 3]].concat())].concat(),
            ),
            (
                "a self-signature of an unknown version",
                [
                    self.a.packet(),
                    user(NAME),
                    self.own().version(9).over_user(&self.a, &self.a, NAME),
                    certified.clone(),
                ]
                .concat(),
            ),
            (
                "a self-signature that is garbage",
                [self.a.packet(), user(NAME), packet(2, b"\x04\x13garbage"), certified.clone()].concat(),
            ),
            (
                "a signature of an unknown algorithm",
                [
                    self.a.packet(),
                    user(NAME),
                    packet(2, &[4, 0x13, 99, 8, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
                    certified,
                ]
                .concat(),
            ),
        ] {
            self.add(format!("a file of keys with {name}"), keys, good.clone());
        }
    }

    fn text(&mut self) {
        let contents: [&[u8]; 12] = [
            b"one\ntwo\n",
            b"one\r\ntwo\r\n",
            b"one\ntwo",
            b"one \ntwo\t\n",
            b"one\rtwo\r",
            b"one\n\n\n",
            b"",
            b"\n",
            b"\r\n\n\r",
            b"one\r\r\ntwo\n",
            b"one\ntwo\r",
            b"one\r\n\r",
        ];
        for (n, content) in contents.into_iter().enumerate() {
            let text = String::from_utf8(content.to_vec()).expect("text");
            let windows = text.replace("\r\n", "\n").replace('\n', "\r\n");
            for (how, over) in [("canonical", windows.as_bytes()), ("as it is", content)] {
                let signature = Sig::new(TEXT, day(10), &self.a).over(&self.a, over);
                let (keys, signed) = (self.plain(), content.to_vec());
                let name = format!("a text ({n}: {text:?}) that is signed {how}");
                self.cases.push(Case { name, keys, signature, signed, now: day(100) });
            }
        }
    }

    fn several_signatures(&mut self) {
        let good = self.good();
        let text = Sig::new(TEXT, day(10), &self.a)
            .over(&self.a, &String::from_utf8(SIGNED.to_vec()).expect("text").replace('\n', "\r\n").into_bytes());
        let bad = self.doc_sig().over(&self.a, b"<other/>");
        let foreign = Sig::new(BINARY, day(10), &self.b).over(&self.b, SIGNED);
        let expired = self.doc_sig().with(&holds(1)).over(&self.a, SIGNED);
        let strange = self.doc_sig().with(&critical(100, b"x")).over(&self.a, SIGNED);
        let sha512 = self.doc_sig().hash(10).over(&self.a, SIGNED);
        let standalone = Sig::new(0x02, day(10), &self.a).over(&self.a, b"");
        let timestamp = Sig::new(0x40, day(10), &self.a).over(&self.a, SIGNED);
        let version_5 = self.doc_sig().version(5).over(&self.a, SIGNED);
        for (name, parts) in [
            ("good, bad", vec![&good, &bad]),
            ("bad, good", vec![&bad, &good]),
            ("good, foreign", vec![&good, &foreign]),
            ("foreign, good", vec![&foreign, &good]),
            ("bad, foreign", vec![&bad, &foreign]),
            ("good, expired", vec![&good, &expired]),
            ("expired, good", vec![&expired, &good]),
            ("critical, good", vec![&strange, &good]),
            ("SHA-512, SHA-256", vec![&sha512, &good]),
            ("SHA-256, SHA-512 and both bad", vec![&bad, &self.doc_sig().hash(10).over(&self.a, b"x")]),
            ("bad, SHA-512", vec![&bad, &sha512]),
            ("text, binary", vec![&text, &good]),
            ("binary, text", vec![&good, &text]),
            ("bad binary, good text", vec![&bad, &text]),
            ("good, standalone", vec![&good, &standalone]),
            ("standalone, good", vec![&standalone, &good]),
            ("timestamp, good", vec![&timestamp, &good]),
            ("version 5, good", vec![&version_5, &good]),
            ("good, version 5", vec![&good, &version_5]),
            ("good, twice", vec![&good, &good]),
            ("six, the last good", vec![&bad, &foreign, &expired, &strange, &sha512, &good]),
        ]
        .map(|(name, parts)| (name, parts.into_iter().flatten().copied().collect::<Vec<u8>>()))
        {
            self.doc(format!("several signatures: {name}"), parts.clone());
            if name.starts_with("foreign") || name.starts_with("bad, good") {
                self.doc(format!("several signatures in armour: {name}"), armored("PGP SIGNATURE", &parts));
            }
        }
    }

    fn certifications(&mut self) {
        for kind in [0x00, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x18, 0x1f, 0x20, 0x30, 0x40] {
            let own = Sig::new(kind, day(0), &self.a).with(&flags(3));
            self.key(format!("a self-signature of type {kind:#04x}"), &[&self.with_own(&[own])]);
        }
        let a = self.a.clone();
        let on = |made: u32, own: Option<u8>| {
            let sig = Sig::new(POSITIVE, day(made), &a);
            own.map_or_else(|| sig.clone(), |what| sig.clone().with(&flags(what)))
        };
        let b = self.b.clone();
        let bad = |own: &Sig| own.over_user(&b, &a, NAME);
        for (name, own) in [
            ("none", vec![]),
            ("no flags", vec![on(0, None)]),
            ("flags: certifies", vec![on(0, Some(1))]),
            ("flags: signs", vec![on(0, Some(2))]),
            ("flags: encrypts", vec![on(0, Some(4))]),
            ("flags: authenticates", vec![on(0, Some(0x20))]),
            ("flags: nothing", vec![on(0, Some(0))]),
            ("flags: unknown", vec![on(0, Some(0x80))]),
            ("flags: of no byte", vec![on(0, None).with(&sub(27, &[]))]),
            ("flags: of two bytes", vec![on(0, None).with(&sub(27, &[2, 4]))]),
            ("flags: in the second byte", vec![on(0, None).with(&sub(27, &[0, 2]))]),
            ("flags: twice, signs first", vec![on(0, Some(2)).with(&flags(1))]),
            ("flags: twice, certifies first", vec![on(0, Some(1)).with(&flags(2))]),
            ("flags: unhashed", vec![on(0, Some(1)).beside(&flags(2))]),
            ("flags: unhashed alone", vec![on(0, None).beside(&flags(1))]),
            ("signing taken away later", vec![on(0, Some(3)), on(5, Some(1))]),
            ("signing given later", vec![on(0, Some(1)), on(5, Some(3))]),
            ("the newer first", vec![on(5, Some(1)), on(0, Some(3))]),
            ("two of one second, signs last", vec![on(5, Some(1)), on(5, Some(3))]),
            ("two of one second, signs first", vec![on(5, Some(3)), on(5, Some(1))]),
            ("flags forgotten later", vec![on(0, Some(1)), on(5, None)]),
            ("expiry forgotten later", vec![on(0, Some(3)).with(&key_holds(50)), on(5, Some(3))]),
            ("expired later", vec![on(0, Some(3)), on(5, Some(3)).with(&key_holds(50))]),
            ("renewed later", vec![on(0, Some(3)).with(&key_holds(50)), on(40, Some(3)).with(&key_holds(500))]),
            (
                "renewed after it had expired",
                vec![on(0, Some(3)).with(&key_holds(50)), on(60, Some(3)).with(&key_holds(500))],
            ),
            ("expired itself", vec![on(0, Some(3)).with(&holds(50))]),
            ("the newer one expired, signing taken away", vec![on(0, Some(3)), on(5, Some(1)).with(&holds(50))]),
            ("the newer one expired, signing given", vec![on(0, Some(1)), on(5, Some(3)).with(&holds(50))]),
            (
                "the newer one expired, the older expired the key",
                vec![on(0, Some(3)).with(&key_holds(50)), on(5, Some(3)).with(&holds(50))],
            ),
            ("the newer one from the future", vec![on(0, Some(3)), on(200, Some(1))]),
            (
                "the newer one from before the key, by an hour",
                vec![on(0, Some(1)), Sig::new(POSITIVE, day(0) - 3600, &self.a).with(&flags(3))],
            ),
        ] {
            self.key(format!("self-signatures: {name}"), &[&self.with_own(&own)]);
        }
        let newer_bad = bad(&self.own_on(5).with(&flags(1)));
        self.key("self-signatures: the newer one bad", &[&self.plain(), &newer_bad]);
        self.key("self-signatures: the only one bad", &[&self.a.packet(), &user(NAME), &bad(&self.own())]);
        let foreign = Sig::new(POSITIVE, day(5), &self.b).with(&flags(1)).over_user(&self.b, &self.a, NAME);
        self.key("a certification by another, later", &[&self.plain(), &foreign]);
        self.key("a certification by another alone", &[&self.a.packet(), &user(NAME), &foreign]);

        let direct = |made: u32, parts: &[u8]| self.direct(&Sig::new(DIRECT, day(made), &self.a).with(parts));
        let with =
            |direct: &[u8], own: &Sig| [&self.a.packet()[..], direct, &user(NAME), &self.certified(own)].concat();
        for (name, keys) in [
            ("alone", [self.a.packet(), direct(0, &flags(3))].concat()),
            ("and a name that is not certified", [self.a.packet(), direct(0, &flags(3)), user(NAME)].concat()),
            ("signs, the name does not", with(&direct(0, &flags(3)), &on(0, Some(1)))),
            ("does not sign, the name does", with(&direct(0, &flags(1)), &on(0, Some(3)))),
            ("does not sign, the name does later", with(&direct(0, &flags(1)), &on(5, Some(3)))),
            ("without flags, the name signs", with(&direct(5, b""), &on(0, Some(3)))),
            ("without flags, the name does not sign", with(&direct(5, b""), &on(0, Some(1)))),
            ("expired the key", with(&direct(0, &key_holds(50)), &on(0, Some(3)))),
            (
                "expired the key, the name renewed it",
                with(&direct(0, &key_holds(50)), &on(40, Some(3)).with(&key_holds(500))),
            ),
            ("holds, the name expired", with(&direct(0, &key_holds(500)), &on(0, Some(3)).with(&key_holds(50)))),
            ("holds for ever, the name expired", with(&direct(5, &key_holds(0)), &on(0, Some(3)).with(&key_holds(50)))),
            ("without expiry, the name expired", with(&direct(5, &flags(3)), &on(0, Some(3)).with(&key_holds(50)))),
            ("expired itself", with(&direct(5, &[holds(50), flags(1)].concat()), &on(0, Some(3)))),
            ("newer one counts", with(&[direct(0, &flags(3)), direct(5, &flags(1))].concat(), &on(0, Some(3)))),
            ("newer one forgets", with(&[direct(0, &flags(1)), direct(5, b"")].concat(), &on(0, Some(3)))),
            ("after the names", [self.plain(), direct(5, &flags(1))].concat()),
            (
                "of another key",
                with(&Sig::new(DIRECT, day(5), &self.a).with(&flags(1)).over_key(&self.a, &self.b), &on(0, Some(3))),
            ),
            (
                "that is bad",
                with(&Sig::new(DIRECT, day(5), &self.a).with(&flags(1)).over_key(&self.b, &self.a), &on(0, Some(3))),
            ),
        ] {
            self.key(format!("a direct signature: {name}"), &[&keys]);
        }
    }

    fn user_ids(&mut self) {
        let named = |name: &str, own: &[Sig]| {
            let own: Vec<Vec<u8>> = own.iter().map(|own| own.over_user(&self.a, &self.a, name)).collect();
            [user(name), own.concat()].concat()
        };
        let on = |made: u32, f: u8| self.own_on(made).with(&flags(f));
        let revoked = |made: u32| Sig::new(USER_REVOKED, day(made), &self.a);
        let primary = sub(25, &[1]);
        let expires = key_holds(50);
        let cases = [
            ("one revoked, the other signs", vec![(OTHER_NAME, vec![on(0, 3), revoked(5)]), (NAME, vec![on(0, 3)])]),
            (
                "one revoked, the other only certifies",
                vec![(OTHER_NAME, vec![on(0, 3), revoked(5)]), (NAME, vec![on(0, 1)])],
            ),
            (
                "one that certifies revoked, the other signs",
                vec![(OTHER_NAME, vec![on(0, 1), revoked(5)]), (NAME, vec![on(0, 3)])],
            ),
            (
                "both only certify, one revoked later",
                vec![(NAME, vec![on(0, 1)]), (OTHER_NAME, vec![on(0, 1), revoked(50)])],
            ),
            (
                "both expired, one revoked later",
                vec![(NAME, vec![on(0, 3).with(&expires)]), (OTHER_NAME, vec![on(0, 3).with(&expires), revoked(60)])],
            ),
            (
                "one expired, one revoked before that expiry",
                vec![(NAME, vec![on(0, 3).with(&expires)]), (OTHER_NAME, vec![on(0, 3), revoked(5)])],
            ),
            (
                "one holds, the revoked one expired",
                vec![(NAME, vec![on(0, 3)]), (OTHER_NAME, vec![on(0, 3).with(&expires), revoked(5)])],
            ),
            ("the only one revoked", vec![(NAME, vec![on(0, 3), revoked(5)])]),
            ("the only one revoked, a certifying key", vec![(NAME, vec![on(0, 1), revoked(5)])]),
            ("the only one revoked, an expired key", vec![(NAME, vec![on(0, 3).with(&expires), revoked(5)])]),
            ("the only one revoked and certified again", vec![(NAME, vec![on(0, 3), revoked(5), on(6, 3)])]),
            ("the only one revoked and certified again to certify", vec![(NAME, vec![on(0, 3), revoked(5), on(6, 1)])]),
            ("revoked before it was certified", vec![(NAME, vec![revoked(0), on(5, 3)])]),
            (
                "revoked and certified in one second",
                vec![(NAME, vec![on(5, 1), revoked(5)]), (OTHER_NAME, vec![on(0, 3)])],
            ),
            (
                "certified and revoked in one second",
                vec![(NAME, vec![revoked(5), on(5, 1)]), (OTHER_NAME, vec![on(0, 3)])],
            ),
            (
                "both revoked, certifying",
                vec![(NAME, vec![on(0, 1), revoked(5)]), (OTHER_NAME, vec![on(0, 1), revoked(5)])],
            ),
            (
                "revocation that expired",
                vec![(NAME, vec![on(0, 1)]), (OTHER_NAME, vec![on(1, 3), revoked(5).with(&holds(5))])],
            ),
            ("revocation from the future", vec![(NAME, vec![on(0, 1)]), (OTHER_NAME, vec![on(1, 3), revoked(200)])]),
            ("the later says no signing", vec![(NAME, vec![on(0, 3)]), (OTHER_NAME, vec![on(5, 1)])]),
            ("the later says signing", vec![(NAME, vec![on(0, 1)]), (OTHER_NAME, vec![on(5, 3)])]),
            ("the later says nothing", vec![(NAME, vec![on(0, 1)]), (OTHER_NAME, vec![self.own_on(5)])]),
            ("of one second, signs first", vec![(NAME, vec![on(0, 3)]), (OTHER_NAME, vec![on(0, 1)])]),
            ("of one second, signs last", vec![(NAME, vec![on(0, 1)]), (OTHER_NAME, vec![on(0, 3)])]),
            (
                "the primary signs, the later does not",
                vec![(NAME, vec![on(0, 3).with(&primary)]), (OTHER_NAME, vec![on(5, 1)])],
            ),
            (
                "the primary does not sign, the later does",
                vec![(NAME, vec![on(0, 1).with(&primary)]), (OTHER_NAME, vec![on(5, 3)])],
            ),
            (
                "the later holds for ever, the earlier expired",
                vec![(NAME, vec![on(0, 3).with(&expires)]), (OTHER_NAME, vec![on(5, 3)])],
            ),
            (
                "the later expired, the earlier holds for ever",
                vec![(NAME, vec![on(0, 3)]), (OTHER_NAME, vec![on(5, 3).with(&expires)])],
            ),
            (
                "the later holds long, the earlier expired",
                vec![(NAME, vec![on(0, 3).with(&expires)]), (OTHER_NAME, vec![on(5, 3).with(&key_holds(500))])],
            ),
            (
                "one whose certification expired",
                vec![(NAME, vec![on(0, 1)]), (OTHER_NAME, vec![on(5, 3).with(&holds(5))])],
            ),
            (
                "the only one whose certification expired, a certifying key",
                vec![(NAME, vec![on(0, 1).with(&holds(5))])],
            ),
            (
                "the only one whose certification expired, an expired key",
                vec![(NAME, vec![on(0, 3).with(&holds(60)).with(&expires)])],
            ),
            ("one that is not certified", vec![(OTHER_NAME, vec![]), (NAME, vec![on(0, 3)])]),
            ("none that is certified", vec![(OTHER_NAME, vec![]), (NAME, vec![])]),
            ("one name twice", vec![(NAME, vec![on(0, 1)]), (NAME, vec![on(5, 3)])]),
            ("one name twice, the newer first", vec![(NAME, vec![on(5, 1)]), (NAME, vec![on(0, 3)])]),
            ("no name in it", vec![("", vec![on(0, 3)])]),
        ];
        let made: Vec<(&str, Vec<u8>)> = cases
            .into_iter()
            .map(|(case, names)| (case, names.iter().flat_map(|(name, own)| named(name, own)).collect()))
            .collect();
        let attribute = |length: u8| {
            let photo = [&[length, 1, 16, 0, 1, 1][..], &[0; 134]].concat();
            let certified = self.own_on(5).with(&flags(1)).over_attribute(&self.a, &self.a, &photo);
            [packet(17, &photo), certified].concat()
        };
        let (attribute, cut) = (attribute(139), attribute(141));
        self.key("user ids: none", &[&self.a.packet()]);
        self.key("user ids: a photo says later that it only certifies", &[&self.plain(), &attribute]);
        self.key("user ids: a photo alone", &[&self.a.packet(), &attribute]);
        self.key("user ids: a photo that is cut short", &[&self.plain(), &cut]);
        self.key("user ids: a photo that is cut short alone", &[&self.a.packet(), &cut]);
        for (case, names) in made {
            self.key(format!("user ids: {case}"), &[&self.a.packet(), &names]);
        }
        let swapped = self.own().over_user(&self.a, &self.a, OTHER_NAME);
        self.key("user ids: certified under another name", &[&self.a.packet(), &user(NAME), &swapped]);
        let moved = self.own().over_user(&self.a, &self.b, NAME);
        self.key("user ids: certified on another key", &[&self.a.packet(), &user(NAME), &moved]);
    }

    fn subkeys(&mut self) {
        let (a, s) = (self.a.clone(), self.s.clone());
        let agreement = |by: &Key, made: u32| Sig::new(AGREEMENT, day(made), by);
        let agreed = agreement(&s, 0).agreement(&s, &a, &s);
        let binding = |made: u32| Sig::new(BINDING, day(made), &a);
        let bound = |binding: &Sig| binding.over_subkey(&a, &a, &s);
        let signs = |made: u32| binding(made).with(&flags(SIGNS)).beside(&agreed);
        let revoked = |made: u32| bound(&Sig::new(SUBKEY_REVOKED, day(made), &a));
        let other = agreement(&self.t, 0).agreement(&self.t, &a, &s);
        let of_other = agreement(&s, 0).agreement(&s, &self.b, &s);
        let expired = agreement(&s, 0).with(&holds(1)).agreement(&s, &a, &s);
        let early = Sig::new(AGREEMENT, day(0) - 1, &s).agreement(&s, &a, &s);
        let wrong = Sig::new(BINDING, day(0), &s).agreement(&s, &a, &s);
        let later = agreement(&s, 5).agreement(&s, &a, &s);
        let nameless = agreement(&s, 0).unhashed(&[]).agreement(&s, &a, &s);
        let bare = |parts: &[u8]| bound(&binding(0).with(&flags(SIGNS)).with(parts));
        let unhashed = |parts: &[u8]| bound(&binding(0).with(&flags(SIGNS)).beside(parts));
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("with all", bound(&signs(0))),
            ("with its agreement hashed", bare(&agreed)),
            ("without a binding", vec![]),
            ("without its agreement", bare(b"")),
            ("with another's agreement", bare(&other)),
            ("with its agreement to another key", bare(&of_other)),
            ("with an agreement that expired", bare(&expired)),
            ("with an agreement older than the subkey", bare(&early)),
            ("with an agreement of another type", bare(&wrong)),
            ("with an agreement that names nobody", bare(&nameless)),
            ("with a bad and a good agreement", unhashed(&[&other[..], &agreed].concat())),
            ("with a good and a bad agreement", unhashed(&[&agreed[..], &other].concat())),
            ("with a bad agreement and a newer good one", unhashed(&[&other[..], &later].concat())),
            (
                "with a good agreement hashed, a bad one beside",
                bound(&binding(0).with(&flags(SIGNS)).with(&agreed).beside(&other)),
            ),
            (
                "with a bad agreement hashed, a newer good one beside",
                bound(&binding(0).with(&flags(SIGNS)).with(&other).beside(&later)),
            ),
            ("without flags", bound(&binding(0).beside(&agreed))),
            ("that only encrypts", bound(&binding(0).with(&flags(0x0c)).beside(&agreed))),
            ("that certifies", bound(&binding(0).with(&flags(1)).beside(&agreed))),
            ("for nothing", bound(&binding(0).with(&flags(0)).beside(&agreed))),
            ("bound by another key", signs(0).over_subkey(&self.b, &a, &s)),
            ("bound to another key", signs(0).over_subkey(&a, &self.b, &s)),
            (
                "bound by itself",
                Sig::new(BINDING, day(0), &s).with(&flags(SIGNS)).beside(&agreed).over_subkey(&s, &a, &s),
            ),
            ("bound later to encrypt", [bound(&signs(0)), bound(&binding(5).with(&flags(0x0c)))].concat()),
            ("bound later to sign", [bound(&binding(0).with(&flags(0x0c))), bound(&signs(5))].concat()),
            ("bound later without an agreement", [bound(&signs(0)), bound(&binding(5).with(&flags(SIGNS)))].concat()),
            (
                "bound later, the binding expired",
                [bound(&signs(0)), bound(&binding(5).with(&flags(0x0c)).with(&holds(5)))].concat(),
            ),
            ("bound by a binding that expired", bound(&signs(0).with(&holds(50)))),
            (
                "bound before it was made",
                Sig::new(BINDING, day(0) - 3600, &a).with(&flags(SIGNS)).beside(&agreed).over_subkey(&a, &a, &s),
            ),
            ("bound in the future", bound(&signs(200))),
            ("bound after it signed", bound(&signs(50))),
            ("that expired", bound(&signs(0).with(&key_holds(50)))),
            ("that expires now", bound(&signs(0).with(&key_holds(100)))),
            ("renewed", [bound(&signs(0).with(&key_holds(50))), bound(&signs(40).with(&key_holds(500)))].concat()),
            ("expiry forgotten", [bound(&signs(0).with(&key_holds(50))), bound(&signs(40))].concat()),
            ("revoked", [bound(&signs(0)), revoked(5)].concat()),
            ("revoked first in the file", [revoked(5), bound(&signs(0))].concat()),
            ("revoked after it signed", [bound(&signs(0)), revoked(50)].concat()),
            ("revoked and bound again", [bound(&signs(0)), revoked(5), bound(&signs(50))].concat()),
            ("revoked in the future", [bound(&signs(0)), revoked(200)].concat()),
            (
                "revoked before it was made",
                [bound(&signs(0)), bound(&Sig::new(SUBKEY_REVOKED, day(0) - 3600, &a))].concat(),
            ),
            (
                "revoked by a revocation that expired",
                [bound(&signs(0)), bound(&Sig::new(SUBKEY_REVOKED, day(5), &a).with(&holds(5)))].concat(),
            ),
            (
                "revoked by itself",
                [bound(&signs(0)), Sig::new(SUBKEY_REVOKED, day(5), &s).over_subkey(&s, &a, &s)].concat(),
            ),
            (
                "revoked by another key",
                [bound(&signs(0)), Sig::new(SUBKEY_REVOKED, day(5), &a).over_subkey(&self.b, &a, &s)].concat(),
            ),
            (
                "bound by a signature of type 0x13",
                bound(&Sig::new(POSITIVE, day(0), &a).with(&flags(SIGNS)).beside(&agreed)),
            ),
        ];
        let signed = Sig::new(BINARY, day(10), &s).over(&s, SIGNED);
        let plain = self.plain();
        for (name, bindings) in cases {
            self.add(format!("a subkey {name}"), [&plain[..], &s.as_subkey(), &bindings].concat(), signed.clone());
        }
        let subkey = [s.as_subkey(), bound(&signs(0))].concat();
        for (name, own) in [
            ("only certifies", self.own_on(0).with(&flags(CERTIFIES))),
            ("expired", self.own().with(&key_holds(50))),
            ("expires now", self.own().with(&key_holds(100))),
            ("has a certification that expired", self.own().with(&holds(50))),
        ] {
            self.add(
                format!("a subkey whose primary key {name}"),
                [self.with_own(&[own]), subkey.clone()].concat(),
                signed.clone(),
            );
        }
        let revocation = self.direct(&Sig::new(KEY_REVOKED, day(50), &a));
        let certified = self.certified(&self.own());
        let [revoked_key, no_name, not_own] =
            [[a.packet(), revocation, user(NAME), certified].concat(), a.packet(), [a.packet(), user(NAME)].concat()];
        for (name, primary) in
            [("was revoked", revoked_key), ("has no name", no_name), ("did not certify its name", not_own)]
        {
            self.add(format!("a subkey whose primary key {name}"), [primary, subkey.clone()].concat(), signed.clone());
        }
        self.add("a primary key signs that has a subkey for it", [plain.clone(), subkey.clone()].concat(), self.good());
        let by_primary = Sig::new(BINARY, day(10), &s).over(&a, SIGNED);
        self.add("a primary key signs in its subkey's name", [plain.clone(), subkey.clone()].concat(), by_primary);
        let by_subkey = self.doc_sig().over(&s, SIGNED);
        self.add("a subkey signs in its primary key's name", [plain.clone(), subkey.clone()].concat(), by_subkey);
        for (name, made) in [
            ("newer than its signature", day(20)),
            ("from the future", day(200)),
            ("older than its key", day(0) - 86_400),
        ] {
            let s = s.made(made);
            let agreed = Sig::new(AGREEMENT, made.max(day(0)), &s).agreement(&s, &a, &s);
            let binding =
                Sig::new(BINDING, made.max(day(0)), &a).with(&flags(SIGNS)).beside(&agreed).over_subkey(&a, &a, &s);
            let signed = Sig::new(BINARY, day(10), &s).over(&s, SIGNED);
            self.add(format!("a subkey {name}"), [&plain[..], &s.as_subkey(), &binding].concat(), signed);
        }
        // Anybody can take another's key for a subkey of his own.
        let own = Sig::new(POSITIVE, day(0), &self.b).with(&flags(3)).over_user(&self.b, &self.b, NAME);
        let thief = [self.b.packet(), user(NAME), own].concat();
        let adopted = Sig::new(BINDING, day(0), &self.b).with(&flags(SIGNS));
        let adopted = [a.as_subkey(), adopted.over_subkey(&self.b, &self.b, &a)].concat();
        let stolen = [thief.clone(), adopted].concat();
        self.add("another's key as a subkey", stolen.clone(), self.good());
        self.add(
            "another's key as a subkey, and the key itself",
            [stolen.clone(), plain.clone()].concat(),
            self.good(),
        );
        self.add("the key itself, and as another's subkey", [plain.clone(), stolen].concat(), self.good());
        let swapped = [plain, s.as_subkey(), self.t.as_subkey(), bound(&signs(0))].concat();
        self.add("a binding behind another subkey", swapped, signed);
    }

    fn revocations(&mut self) {
        let (a, certified) = (self.a.clone(), self.certified(&self.own()));
        let of = |revocation: &[u8]| [&a.packet()[..], revocation, &user(NAME), &certified].concat();
        let revocation = |made: u32| Sig::new(KEY_REVOKED, day(made), &a);
        let mut cases: Vec<(String, Vec<u8>)> = [0, 1, 2, 3, 32, 100]
            .map(|reason| {
                let why = sub(29, &[&[reason][..], b"because"].concat());
                (format!("with reason {reason}"), of(&self.direct(&revocation(5).with(&why))))
            })
            .to_vec();
        let by_b = Sig::new(KEY_REVOKED, day(5), &self.b);
        let designated =
            Sig::new(DIRECT, day(0), &a).with(&sub(12, &[&[0x80, 22][..], &self.b.fingerprint()].concat()));
        let own = Sig::new(POSITIVE, day(0), &self.b).with(&flags(3)).over_user(&self.b, &self.b, NAME);
        let b = [self.b.packet(), user(NAME), own].concat();
        let appointed = of(&[self.direct(&designated), by_b.over_key(&self.b, &a)].concat());
        for (name, keys) in [
            ("after it signed", of(&self.direct(&revocation(50)))),
            ("after it signed, as superseded", of(&self.direct(&revocation(50).with(&sub(29, &[1]))))),
            ("in the future", of(&self.direct(&revocation(200)))),
            ("before it was made", of(&self.direct(&Sig::new(KEY_REVOKED, day(0) - 3600, &a)))),
            ("by a revocation that expired", of(&self.direct(&revocation(5).with(&holds(5))))),
            (
                "and certified again",
                [
                    a.packet(),
                    self.direct(&revocation(5)),
                    user(NAME),
                    certified.clone(),
                    self.certified(&self.own_on(50).with(&flags(3))),
                ]
                .concat(),
            ),
            (
                "and signed directly again",
                of(&[self.direct(&revocation(5)), self.direct(&Sig::new(DIRECT, day(50), &a).with(&flags(3)))]
                    .concat()),
            ),
            ("by another key", of(&by_b.over_key(&self.b, &a))),
            ("by another key in its name", of(&revocation(5).over_key(&self.b, &a))),
            ("by another key that is trusted, too", [of(&by_b.over_key(&self.b, &a)), b.clone()].concat()),
            ("by a revocation of another key", of(&revocation(5).over_key(&a, &self.b))),
            ("by an appointed revoker", [appointed.clone(), b.clone()].concat()),
            ("by an appointed revoker, first in the file", [b.clone(), appointed.clone()].concat()),
            ("by an appointed revoker that is not there", appointed),
            ("by another than the appointed revoker", {
                let stranger = Sig::new(KEY_REVOKED, day(5), &self.s).over_key(&self.s, &a);
                [of(&[self.direct(&designated), stranger].concat()), b.clone()].concat()
            }),
            ("by a revoker that a name appoints", {
                let own = self.own().with(&sub(12, &[&[0x80, 22][..], &self.b.fingerprint()].concat()));
                [a.packet(), by_b.over_key(&self.b, &a), user(NAME), self.certified(&own), b].concat()
            }),
            (
                "after its names in the file",
                [a.packet(), user(NAME), certified.clone(), self.direct(&revocation(5))].concat(),
            ),
            (
                "with its time unhashed",
                of(&self.direct(&revocation(5).hashed(&[]).beside(&sub(2, &day(5).to_be_bytes())))),
            ),
            ("that says it is not revocable", {
                let own = self.own().with(&sub(7, &[0]));
                [a.packet(), self.direct(&revocation(5)), user(NAME), self.certified(&own)].concat()
            }),
        ] {
            cases.push((name.to_owned(), keys));
        }
        for (name, keys) in cases {
            self.key(format!("a key revoked {name}"), &[&keys]);
        }
        let s = &self.s;
        let agreed = Sig::new(AGREEMENT, day(0), s).agreement(s, &a, s);
        let subkey =
            [s.as_subkey(), Sig::new(BINDING, day(0), &a).with(&flags(2)).beside(&agreed).over_subkey(&a, &a, s)]
                .concat();
        let behind = self.direct(&revocation(5));
        self.key("a key revoked after its subkey in the file", &[&self.plain(), &subkey, &behind]);
    }

    fn copies(&mut self) {
        let expired = self.with_own(&[self.own().with(&key_holds(50))]);
        let renewed = self.with_own(&[self.own_on(40).with(&flags(3)).with(&key_holds(500))]);
        let certifies = self.with_own(&[self.own_on(60).with(&flags(1))]);
        let revoked = [
            self.a.packet(),
            self.direct(&Sig::new(KEY_REVOKED, day(50), &self.a)),
            user(NAME),
            self.certified(&self.own()),
        ]
        .concat();
        let other_name = {
            let own = self.own_on(60).with(&flags(1));
            [self.a.packet(), user(OTHER_NAME), own.over_user(&self.a, &self.a, OTHER_NAME)].concat()
        };
        let name_revoked = {
            let revocation = Sig::new(USER_REVOKED, day(60), &self.a).over_user(&self.a, &self.a, OTHER_NAME);
            [self.a.packet(), user(OTHER_NAME), revocation].concat()
        };
        let not_own = [self.a.packet(), user(NAME)].concat();
        let own = Sig::new(POSITIVE, day(0), &self.b).with(&flags(3)).over_user(&self.b, &self.b, NAME);
        let b = [self.b.packet(), user(NAME), own].concat();
        let plain = self.plain();
        for (name, copies) in [
            ("old, renewed", vec![&expired, &renewed]),
            ("renewed, old", vec![&renewed, &expired]),
            ("old, another, renewed", vec![&expired, &b, &renewed]),
            ("renewed, another, old", vec![&renewed, &b, &expired]),
            ("good, no longer for signing", vec![&plain, &certifies]),
            ("no longer for signing, good", vec![&certifies, &plain]),
            ("good, revoked", vec![&plain, &revoked]),
            ("revoked, good", vec![&revoked, &plain]),
            ("good, not certified", vec![&plain, &not_own]),
            ("not certified, good", vec![&not_own, &plain]),
            ("good, another name that only certifies", vec![&plain, &other_name]),
            ("that name revoked by a third", vec![&plain, &other_name, &name_revoked]),
            ("thrice", vec![&plain, &plain, &plain]),
        ] {
            let keys: Vec<u8> = copies.iter().flat_map(|copy| copy.iter().copied()).collect();
            self.key(format!("copies of a key: {name}"), &[&keys]);
            let blocks: Vec<u8> = copies.iter().flat_map(|copy| armored("PGP PUBLIC KEY BLOCK", copy)).collect();
            self.key(format!("armoured copies of a key: {name}"), &[&blocks]);
        }
        let (a, s) = (&self.a, &self.s);
        let agreed = Sig::new(AGREEMENT, day(0), s).agreement(s, a, s);
        let signs = Sig::new(BINDING, day(0), a).with(&flags(2)).beside(&agreed);
        let with = |signatures: &[Vec<u8>]| [&plain[..], &s.as_subkey(), &signatures.concat()].concat();
        let bound = |binding: &Sig| binding.over_subkey(a, a, s);
        let [held, old, renewed, gone] = [
            with(&[bound(&signs)]),
            with(&[bound(&signs.clone().with(&key_holds(50)))]),
            with(&[bound(&Sig::new(BINDING, day(40), a).with(&flags(2)).beside(&agreed).with(&key_holds(500)))]),
            with(&[bound(&Sig::new(SUBKEY_REVOKED, day(50), a))]),
        ];
        let signed = Sig::new(BINARY, day(10), s).over(s, SIGNED);
        for (name, copies) in [
            ("without and with it", [&plain, &held]),
            ("with and without it", [&held, &plain]),
            ("old, renewed", [&old, &renewed]),
            ("renewed, old", [&renewed, &old]),
            ("good, revoked", [&held, &gone]),
            ("revoked, good", [&gone, &held]),
        ] {
            self.add(
                format!("copies of a key with a subkey: {name}"),
                [&copies[0][..], copies[1]].concat(),
                signed.clone(),
            );
        }
    }
}
