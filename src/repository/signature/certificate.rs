//! A key with all that is said of it: its names, its subkeys, and their signatures. RFC 9580 calls it a certificate.

use std::collections::BTreeMap;

use pgp::packet::{Packet, PacketParser, PublicKey, PublicSubkey, Signature, SignatureType, UserAttribute, UserId};
use pgp::ser::Serialize as _;
use pgp::types::{Fingerprint, KeyDetails, KeyId, PublicParams, Tag};

use super::packets;

/// The most packets of a file of keys.
const MAX_PACKETS: usize = 10_000;

pub(super) struct Certificate {
    pub primary: PublicKey,
    /// Of the key itself: direct ones and revocations, wherever in the file they are.
    pub of_key: Vec<Signature>,
    pub names: Vec<(Name, Vec<Signature>)>,
    pub subkeys: Vec<(PublicSubkey, Vec<Signature>)>,
    /// Of any of the subkeys, wherever in the file they are.
    pub subkeys_revoked: Vec<Signature>,
}

/// Whose a key is said to be: a text, or a photo.
pub(super) enum Name {
    Text(UserId),
    Attribute(UserAttribute),
}

/// A key that may have made a signature.
#[derive(Clone, Copy)]
pub(super) enum Signer<'a> {
    Primary,
    Subkey(&'a PublicSubkey, &'a [Signature]),
}

/// What was read of a file of keys. Copies of one key, name or subkey are one, as in gpg's keyring.
#[derive(Default)]
struct Ring {
    certificates: Vec<Certificate>,
    /// By the certificate where it is not one itself, what it is, and its content.
    known: BTreeMap<(usize, u8, Vec<u8>), usize>,
    place: Option<Place>,
}

/// What the signatures are of that come next.
#[derive(Clone, Copy)]
struct Place {
    certificate: usize,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    Key,
    Name(usize),
    Subkey(usize),
}

impl Certificate {
    /// All of a file.
    pub(super) fn read_all(file: &[u8]) -> Result<Vec<Self>, String> {
        let packets = packets::of(file).map_err(|error| packets::in_short(&error))?;
        let mut ring = Ring::default();
        for (count, packet) in PacketParser::new(&packets[..]).enumerate() {
            if count >= MAX_PACKETS {
                return Err(format!("it has more than {MAX_PACKETS} packets: give the keys of the repository alone"));
            }
            match packet {
                Ok(packet) => ring.take(packet)?,
                Err(error) if packets::is_unknown(&error) => {}
                Err(error) => return Err(packets::in_short(&error)),
            }
        }
        Ok(ring.certificates)
    }

    /// Its key with this fingerprint.
    pub(super) fn key_of(&self, fingerprint: &Fingerprint) -> Option<Signer<'_>> {
        self.key(|key| key.fingerprint() == *fingerprint)
    }

    /// Its key with this id.
    pub(super) fn key_with(&self, id: KeyId) -> Option<Signer<'_>> {
        self.key(|key| key.legacy_key_id() == id)
    }

    fn key(&self, is_it: impl Fn(&dyn KeyDetails) -> bool) -> Option<Signer<'_>> {
        if is_it(&self.primary) {
            return Some(Signer::Primary);
        }
        self.subkeys.iter().find(|(key, _)| is_it(key)).map(|(key, signatures)| Signer::Subkey(key, signatures))
    }
}

impl Name {
    /// Whether a key vouches for the name by this signature, or revokes it.
    pub(super) fn is_certified(&self, by: &PublicKey, signature: &Signature) -> pgp::errors::Result<()> {
        match self {
            Self::Text(text) => signature.verify_certification(by, Tag::UserId, text),
            Self::Attribute(attribute) => signature.verify_certification(by, Tag::UserAttribute, attribute),
        }
    }

    fn content(&self) -> Result<Vec<u8>, String> {
        let content = match self {
            Self::Text(text) => text.to_bytes(),
            Self::Attribute(attribute) => attribute.to_bytes(),
        };
        content.map_err(|error| packets::in_short(&error))
    }
}

impl Ring {
    fn take(&mut self, packet: Packet) -> Result<(), String> {
        match packet {
            Packet::PublicKey(key) => self.key(key),
            Packet::PublicSubkey(key) => self.subkey(key),
            Packet::UserId(text) => self.name(Name::Text(text)),
            Packet::UserAttribute(attribute) => self.name(Name::Attribute(attribute)),
            Packet::Signature(signature) => self.signature(signature),
            Packet::Marker(_) | Packet::Trust(_) | Packet::Padding(_) => Ok(()),
            _ => Err("something else is among the keys".to_owned()),
        }
    }

    fn key(&mut self, primary: PublicKey) -> Result<(), String> {
        is_known(primary.public_params())?;
        let next = self.certificates.len();
        let known = (0, 0, primary.fingerprint().as_bytes().to_vec());
        let certificate = *self.known.entry(known).or_insert(next);
        if certificate == next {
            let (of_key, names, subkeys, subkeys_revoked) = Default::default();
            self.certificates.push(Certificate { primary, of_key, names, subkeys, subkeys_revoked });
        }
        self.place = Some(Place { certificate, part: Part::Key });
        Ok(())
    }

    fn name(&mut self, name: Name) -> Result<(), String> {
        let Some(Place { certificate, .. }) = self.place else { return Ok(()) };
        let names = &mut self.certificates[certificate].names;
        let kind = if matches!(name, Name::Text(_)) { 1 } else { 2 };
        let index = *self.known.entry((certificate, kind, name.content()?)).or_insert(names.len());
        if index == names.len() {
            names.push((name, Vec::new()));
        }
        self.place = Some(Place { certificate, part: Part::Name(index) });
        Ok(())
    }

    fn subkey(&mut self, key: PublicSubkey) -> Result<(), String> {
        is_known(key.public_params())?;
        let Some(Place { certificate, .. }) = self.place else { return Ok(()) };
        let subkeys = &mut self.certificates[certificate].subkeys;
        let known = (certificate, 3, key.fingerprint().as_bytes().to_vec());
        let index = *self.known.entry(known).or_insert(subkeys.len());
        if index == subkeys.len() {
            subkeys.push((key, Vec::new()));
        }
        self.place = Some(Place { certificate, part: Part::Subkey(index) });
        Ok(())
    }

    fn signature(&mut self, signature: Signature) -> Result<(), String> {
        let Some(Place { certificate, part }) = self.place else { return Ok(()) };
        let certificate = &mut self.certificates[certificate];
        match (signature.typ(), part) {
            (None, _) => return Err("it has a signature of an unknown version".to_owned()),
            (Some(SignatureType::Key | SignatureType::KeyRevocation), _) => certificate.of_key.push(signature),
            (Some(SignatureType::SubkeyRevocation), _) => certificate.subkeys_revoked.push(signature),
            (_, Part::Name(index)) => certificate.names[index].1.push(signature),
            (_, Part::Subkey(index)) => certificate.subkeys[index].1.push(signature),
            (_, Part::Key) => {}
        }
        Ok(())
    }
}

fn is_known(key: &PublicParams) -> Result<(), String> {
    let is_unknown = matches!(key, PublicParams::Unknown { .. });
    if is_unknown { Err("it has a key of an unknown algorithm".to_owned()) } else { Ok(()) }
}
