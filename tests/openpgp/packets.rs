//! Packets of keys and signatures, written by hand: what gpg reads, and would not write.

use pgp::composed::{Deserializable as _, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::SecretKey;
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, Password, SignatureBytes, SigningKey as _};
use sha1::{Digest as _, Sha1};

/// 2026-01-01T00:00:00Z.
const DAY_0: u32 = 1_767_225_600;

pub const SHA256: u8 = 8;

pub fn day(day: u32) -> u32 {
    DAY_0 + day * 86_400
}

/// A key that signs whatever it is told.
#[derive(Clone)]
pub struct Key {
    secret: SecretKey,
    /// The content of its packet.
    pub body: Vec<u8>,
}

impl Key {
    /// The key that gpg exported, as if it were made at another time.
    pub fn of(exported: &[u8], made: u32) -> Self {
        let secret = SignedSecretKey::from_bytes(exported).expect("a secret key").primary_key;
        let mut body = secret.public_key().to_bytes().expect("bytes");
        body[1..5].copy_from_slice(&made.to_be_bytes());
        Self { secret, body }
    }

    pub fn made(&self, made: u32) -> Self {
        let mut key = self.clone();
        key.body[1..5].copy_from_slice(&made.to_be_bytes());
        key
    }

    pub fn fingerprint(&self) -> [u8; 20] {
        Sha1::digest(self.hashed()).into()
    }

    pub fn id(&self) -> [u8; 8] {
        self.fingerprint()[12..].try_into().expect("eight bytes")
    }

    /// What a certification hashes of the key.
    pub fn hashed(&self) -> Vec<u8> {
        let length = u16::try_from(self.body.len()).expect("a short key");
        [&[0x99], &length.to_be_bytes()[..], &self.body].concat()
    }

    pub fn packet(&self) -> Vec<u8> {
        packet(6, &self.body)
    }

    pub fn as_subkey(&self) -> Vec<u8> {
        packet(14, &self.body)
    }
}

/// A signature as it is to be written.
#[derive(Clone)]
pub struct Sig {
    pub kind: u8,
    pub version: u8,
    pub hash: u8,
    pub hashed: Vec<u8>,
    pub unhashed: Vec<u8>,
}

impl Sig {
    /// One that says when it was made, and by whom.
    pub fn new(kind: u8, made: u32, by: &Key) -> Self {
        Self { kind, version: 4, hash: SHA256, hashed: sub(2, &made.to_be_bytes()), unhashed: sub(16, &by.id()) }
    }

    pub fn with(mut self, part: &[u8]) -> Self {
        self.hashed.extend(part);
        self
    }

    pub fn beside(mut self, part: &[u8]) -> Self {
        self.unhashed.extend(part);
        self
    }

    pub fn hashed(mut self, parts: &[&[u8]]) -> Self {
        self.hashed = parts.concat();
        self
    }

    pub fn unhashed(mut self, parts: &[&[u8]]) -> Self {
        self.unhashed = parts.concat();
        self
    }

    pub fn hash(mut self, hash: u8) -> Self {
        self.hash = hash;
        self
    }

    pub fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// The content of its packet, over these bytes.
    pub fn body(&self, by: &Key, over: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("a short area").to_be_bytes();
        let algorithm = u8::from(by.secret.algorithm());
        let meta = [&[self.version, self.kind, algorithm, self.hash][..], &length(&self.hashed), &self.hashed].concat();
        let trailer = [&[self.version, 0xff][..], &u32::try_from(meta.len()).expect("short").to_be_bytes()].concat();
        let (digest, signature) = self.signed(by, &[over, &meta, &trailer].concat());
        [&meta[..], &length(&self.unhashed), &self.unhashed, &digest[..2], &signature].concat()
    }

    /// As PGP 3 wrote it: without subpackets. It takes the first of the areas for its time.
    pub fn version_3(&self, by: &Key, made: u32, over: &[u8]) -> Vec<u8> {
        let meta = [&[self.kind][..], &made.to_be_bytes()].concat();
        let (digest, signature) = self.signed(by, &[over, &meta].concat());
        let algorithms = [u8::from(by.secret.algorithm()), self.hash];
        packet(2, &[&[self.version, 5][..], &meta, &by.id(), &algorithms, &digest[..2], &signature].concat())
    }

    fn signed(&self, by: &Key, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let hash = HashAlgorithm::from(self.hash);
        let digest = hash.digest(bytes).expect("a digest");
        let signature = match by.secret.sign(&Password::empty(), hash, &digest).expect("a signature") {
            SignatureBytes::Mpis(numbers) => numbers.iter().flat_map(|n| n.to_bytes().expect("bytes")).collect(),
            SignatureBytes::Native(bytes) => bytes.to_vec(),
        };
        (digest, signature)
    }

    /// Over bytes as they are: a document.
    pub fn over(&self, by: &Key, over: &[u8]) -> Vec<u8> {
        packet(2, &self.body(by, over))
    }

    /// Over a key: direct, or its revocation.
    pub fn over_key(&self, by: &Key, key: &Key) -> Vec<u8> {
        self.over(by, &key.hashed())
    }

    pub fn over_user(&self, by: &Key, key: &Key, user: &str) -> Vec<u8> {
        let length = u32::try_from(user.len()).expect("a short name").to_be_bytes();
        self.over(by, &[&key.hashed()[..], &[0xb4], &length, user.as_bytes()].concat())
    }

    pub fn over_attribute(&self, by: &Key, key: &Key, attribute: &[u8]) -> Vec<u8> {
        let length = u32::try_from(attribute.len()).expect("a small one").to_be_bytes();
        self.over(by, &[&key.hashed()[..], &[0xd1], &length, attribute].concat())
    }

    /// Over a key and its subkey: a binding, its revocation, or an agreement.
    pub fn over_subkey(&self, by: &Key, key: &Key, subkey: &Key) -> Vec<u8> {
        self.over(by, &[key.hashed(), subkey.hashed()].concat())
    }

    pub fn agreement(&self, by: &Key, key: &Key, subkey: &Key) -> Vec<u8> {
        sub(32, &self.body(by, &[key.hashed(), subkey.hashed()].concat()))
    }
}

/// A packet in the new form.
pub fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[0xc0 | tag, 0xff][..], &u32::try_from(body.len()).expect("a small packet").to_be_bytes(), body].concat()
}

/// A packet in the old form, as gpg writes it.
pub fn old_packet(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[0x80 | tag << 2 | 2][..], &u32::try_from(body.len()).expect("a small packet").to_be_bytes(), body].concat()
}

pub fn user(name: &str) -> Vec<u8> {
    packet(13, name.as_bytes())
}

/// A subpacket.
pub fn sub(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = data.len() + 1;
    let length = match u8::try_from(length) {
        Ok(short @ 0..192) => vec![short],
        _ => [&[0xff][..], &u32::try_from(length).expect("a small part").to_be_bytes()].concat(),
    };
    [&length[..], &[kind], data].concat()
}

/// A subpacket that whoever does not know it has to refuse.
pub fn critical(kind: u8, data: &[u8]) -> Vec<u8> {
    sub(kind | 0x80, data)
}

pub fn flags(flags: u8) -> Vec<u8> {
    sub(27, &[flags])
}

/// For how long after its making a key holds, in days.
pub fn key_holds(days: u32) -> Vec<u8> {
    sub(9, &(days * 86_400).to_be_bytes())
}

/// For how long after its making a signature holds, in days.
pub fn holds(days: u32) -> Vec<u8> {
    sub(3, &(days * 86_400).to_be_bytes())
}

pub fn notation(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u16::try_from(text.len()).expect("a short text").to_be_bytes();
    [&[0x80, 0, 0, 0][..], &length(name), &length(value), name.as_bytes(), value.as_bytes()].concat()
}

pub fn armored(title: &str, packets: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let text = base64(packets);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    let sum = base64(&crc24(packets).to_be_bytes()[1..]);
    format!("-----BEGIN {title}-----\n\n{}\n={sum}\n-----END {title}-----\n", lines.join("\n")).into_bytes()
}

/// The sum of armoured text (RFC 9580, 6.1.1).
fn crc24(bytes: &[u8]) -> u32 {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1)));
    bits.fold(0x00b7_04ce, |sum, bit| {
        let is_over = (sum >> 23 ^ bit) & 1 == 1;
        (sum << 1 & 0x00ff_ffff) ^ if is_over { 0x0086_4cfb } else { 0 }
    })
}
