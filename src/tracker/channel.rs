//! Channels: named pointers to images, which people and jobs move.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::bounds::words;
use super::unknown::take_larger;
use super::{ImageKey, Recorded, Unknown, Word, cut};
use crate::release::{Nevra, Target};
use crate::text::{hex, named};

/// How many digits of the SHA-256 of a move are in its key.
const DIGITS: usize = 8;
/// The most characters of a slot.
const MAX_SLOT: usize = 180;
/// The most characters of a channel's name.
const MAX_NAME: usize = 40;
/// The channel that moves by itself: it points to the current images.
pub const LATEST: &str = "latest";

/// The name of a channel, such as `stable`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelName(String);

/// What a channel points to one image for: a target, an architecture and a series. Written with blanks between:
/// `al2023 x86_64 18`; the series may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot {
    /// The target.
    pub target: Target,
    /// The architecture of the packages.
    pub arch: String,
    /// The series: `18`, `18.6`, or empty where all releases are one.
    pub series: String,
}

/// Which move of a channel it is: the later has the larger key. Written as its number, a dot, and the beginning of the
/// SHA-256 of what it says: `3.9f86d081`. Two people who move a channel at once have one number; the digits decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MoveKey {
    /// One more than the largest that was known.
    pub number: u64,
    digits: String,
}

/// A move of a channel to an image, or to none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Move {
    /// The image; none where the channel points to nothing from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Pointer>,
    /// Why.
    pub reason: String,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// An image that a channel points to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pointer {
    /// The release.
    pub package: Nevra,
    /// Which image of it.
    pub image: ImageKey,
}

/// Why a text is not the name of a channel, or no slot of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// No name.
    #[error(
        "{0:?} is no name of a channel, such as stable: it may hold small letters, digits and ._-, begins with a letter, and has \
         at most {MAX_NAME} characters"
    )]
    Name(String),
    /// The name of the one that moves by itself.
    #[error(
        "{LATEST} is the channel of the current images, and moves by itself: promote to another one, such as stable"
    )]
    Latest,
    /// No slot.
    #[error("{0:?} is no slot of a channel, such as \"al2023 x86_64 18\"")]
    Slot(String),
    /// No key.
    #[error("{0:?} is no move of a channel, such as 3.9f86d081")]
    Move(String),
}

impl FromStr for ChannelName {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let is_plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        match text {
            LATEST => Err(ChannelError::Latest),
            _ if is_plain && begins_well && text.len() <= MAX_NAME => Ok(Self(text.to_owned())),
            _ => Err(ChannelError::Name(named(text))),
        }
    }
}

impl FromStr for Slot {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let no_slot = || ChannelError::Slot(named(text));
        let parts: Vec<&str> = text.split(' ').collect();
        let [target, arch, series] = parts.as_slice() else { return Err(no_slot()) };
        let target = target.parse().map_err(|_| no_slot())?;
        let is_plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^".contains(&b));
        if arch.is_empty() || text.len() > MAX_SLOT || ![arch, series].into_iter().all(|part| is_plain(part)) {
            return Err(no_slot());
        }
        Ok(Self { target, arch: (*arch).to_owned(), series: (*series).to_owned() })
    }
}

impl FromStr for MoveKey {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let parts = text.split_once('.').and_then(|(number, digits)| Some((number.parse::<u64>().ok()?, digits)));
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        match parts {
            Some((number, digits)) if digits.len() == DIGITS && digits.bytes().all(is_digit) => {
                let key = Self { number, digits: digits.to_owned() };
                // One form alone, so that a key is one text.
                if key.to_string() == text { Ok(key) } else { Err(ChannelError::Move(named(text))) }
            }
            _ => Err(ChannelError::Move(named(text))),
        }
    }
}

impl fmt::Display for MoveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.number, self.digits)
    }
}

impl TryFrom<String> for MoveKey {
    type Error = ChannelError;

    fn try_from(text: String) -> Result<Self, ChannelError> {
        text.parse()
    }
}

impl From<MoveKey> for String {
    fn from(key: MoveKey) -> Self {
        key.to_string()
    }
}

impl Move {
    fn key(&self, number: u64) -> MoveKey {
        let Self { to, reason, by, at, .. } = self;
        let to = to.as_ref().map(|Pointer { package, image }| format!("{package}\0{image}")).unwrap_or_default();
        let said = format!("{to}\0{reason}\0{}\0{at}", by.as_deref().unwrap_or_default());
        MoveKey { number, digits: hex(&Sha256::digest(said))[..DIGITS].to_owned() }
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.target, self.arch, self.series)
    }
}

impl TryFrom<String> for ChannelName {
    type Error = ChannelError;

    fn try_from(text: String) -> Result<Self, ChannelError> {
        text.parse()
    }
}

impl TryFrom<String> for Slot {
    type Error = ChannelError;

    fn try_from(text: String) -> Result<Self, ChannelError> {
        text.parse()
    }
}

impl From<ChannelName> for String {
    fn from(name: ChannelName) -> Self {
        name.0
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

/// The channels of a tracker, with every move of them. A move is never taken out but with its target.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channels(BTreeMap<ChannelName, BTreeMap<Slot, Moves>>);

/// The moves of a channel for one slot.
pub type Moves = BTreeMap<MoveKey, Move>;

impl Channels {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &ChannelName> {
        self.0.keys()
    }

    /// What a channel points to, by its slots; nothing where there is no such channel.
    pub fn pointers(&self, name: &ChannelName) -> impl Iterator<Item = (&Slot, &Pointer)> {
        let slots = self.0.get(name).into_iter().flatten();
        slots.filter_map(|(slot, moves)| Some((slot, moves.last_key_value()?.1.to.as_ref()?)))
    }

    /// All moves of a channel, by its slots, the first one first.
    pub fn moves(&self, name: &ChannelName) -> impl Iterator<Item = (&Slot, &Moves)> {
        self.0.get(name).into_iter().flatten()
    }

    /// Moves a channel to an image, or to nothing, unless it points there.
    pub(super) fn point(&mut self, name: &ChannelName, slot: Slot, to: Option<Pointer>, word: Word) -> Recorded {
        let moves = self.0.get(name).and_then(|slots| slots.get(&slot));
        let last = moves.and_then(|moves| moves.last_key_value());
        if last.and_then(|(_, last)| last.to.as_ref()) == to.as_ref() {
            return Recorded::AsBefore;
        }
        let Some(number) = last.map_or(0, |(key, _)| key.number).checked_add(1) else { return Recorded::AtItsEnd };
        let Word { reason, by, at } = word;
        let next = Move { to, reason: cut(&reason), by: words(by), at, unknown: Unknown::default() };
        self.0.entry(name.clone()).or_default().entry(slot).or_default().insert(next.key(number), next);
        Recorded::Changed
    }

    /// Those of them that another one has not.
    pub(super) fn without(&self, other: &Self) -> Self {
        let is_new = |name: &ChannelName, slot: &Slot| !other.0.get(name).is_some_and(|slots| slots.contains_key(slot));
        let mut new = self.clone();
        for (name, slots) in &mut new.0 {
            slots.retain(|slot, _| is_new(name, slot));
        }
        new.0.retain(|_, slots| !slots.is_empty());
        new
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (name, slots) in other.0 {
            let mine = self.0.entry(name).or_default();
            for (slot, moves) in slots {
                let mine = mine.entry(slot).or_default();
                for (key, theirs) in moves {
                    match mine.entry(key) {
                        Vacant(place) => drop(place.insert(theirs)),
                        Occupied(mut known) => take_larger(known.get_mut(), theirs, |one| &mut one.unknown),
                    }
                }
            }
        }
    }

    pub(super) fn drop_target(&mut self, target: &Target) {
        for slots in self.0.values_mut() {
            slots.retain(|slot, _| slot.target != *target);
        }
        self.0.retain(|_, slots| !slots.is_empty());
    }

    /// The same for another target.
    pub(super) fn of_target(&self, from: &Target, to: &Target) -> Self {
        let renamed = |slots: &BTreeMap<Slot, Moves>| -> BTreeMap<Slot, Moves> {
            let of_target = slots.iter().filter(|(slot, _)| slot.target == *from);
            of_target.map(|(slot, moves)| (Slot { target: to.clone(), ..slot.clone() }, moves.clone())).collect()
        };
        let channels = self.0.iter().map(|(name, slots)| (name.clone(), renamed(slots)));
        Self(channels.filter(|(_, slots)| !slots.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(reason: &str) -> Word {
        Word { reason: reason.to_owned(), by: Some("mary".to_owned()), at: Timestamp::UNIX_EPOCH }
    }

    fn slot() -> Slot {
        "al2023 x86_64 18".parse().expect("a slot")
    }

    fn pointed(channels: &Channels) -> Vec<String> {
        let stable = "stable".parse().expect("a name");
        let last = |(slot, moves): (&Slot, &Moves)| {
            let (key, last) = moves.last_key_value().expect("a move");
            format!("{slot}: {} {}", key.number, last.to.as_ref().map(|to| to.package.to_string()).unwrap_or_default())
        };
        channels.moves(&stable).map(last).collect()
    }

    fn point(channels: &mut Channels, version: &str) -> Recorded {
        let package = format!("p-{version}-1.x86_64").parse().expect("a package");
        let image = "0.1@7#5".parse().expect("a key");
        channels.point(&"stable".parse().expect("a name"), slot(), Some(Pointer { package, image }), word(version))
    }

    #[test]
    fn a_channel_points_where_it_was_moved_last_and_keeps_every_move() {
        let mut channels = Channels::default();
        for version in ["18.6.0", "18.6.1", "18.6.0"] {
            assert_eq!(point(&mut channels, version), Recorded::Changed);
            assert_eq!(point(&mut channels, version), Recorded::AsBefore);
        }
        assert_eq!(pointed(&channels), ["al2023 x86_64 18: 3 p-18.6.0-1.x86_64"]);
        assert_eq!(channels.moves(&"stable".parse().expect("a name")).map(|(_, moves)| moves.len()).sum::<usize>(), 3);
        assert!(channels.pointers(&"other".parse().expect("a name")).next().is_none());
        let stable = "stable".parse().expect("a name");
        assert_eq!(channels.point(&stable, slot(), None, word("at its end")), Recorded::Changed);
        assert_eq!(channels.point(&stable, slot(), None, word("at its end")), Recorded::AsBefore);
        assert!(channels.pointers(&stable).next().is_none());
        assert_eq!(point(&mut channels, "18.8.0"), Recorded::Changed);
        let json = serde_json::to_string(&channels).expect("JSON");
        let (read, _) = crate::budget::Budget::default().json::<Channels>(json.as_bytes()).expect("channels");
        assert_eq!(read, channels);
    }

    #[test]
    fn of_two_moves_at_once_all_see_the_same_and_the_next_one_is_after_both() {
        let mut one = Channels::default();
        point(&mut one, "18.6.0");
        let mut other = one.clone();
        point(&mut one, "18.6.1");
        point(&mut other, "18.7.0");
        let (mut left, mut right) = (one.clone(), other.clone());
        left.merge(other);
        right.merge(one);
        assert_eq!(left, right);
        assert_eq!(pointed(&left), pointed(&right));
        point(&mut left, "18.6.2");
        assert_eq!(pointed(&left), ["al2023 x86_64 18: 3 p-18.6.2-1.x86_64"]);
    }

    #[test]
    fn a_name_is_plain_and_not_that_of_the_channel_that_moves_by_itself() {
        for text in ["stable", "a", "eu-1.x_y"] {
            assert_eq!(text.parse::<ChannelName>().expect(text).to_string(), text);
        }
        for text in ["", "Stable", "1st", "a b", "-a", &"a".repeat(41)] {
            assert_eq!(text.parse::<ChannelName>(), Err(ChannelError::Name(named(text))));
        }
        assert_eq!("latest".parse::<ChannelName>(), Err(ChannelError::Latest));
    }

    #[test]
    fn a_move_has_one_key() {
        assert_eq!("3.9f86d081".parse::<MoveKey>().expect("a key").to_string(), "3.9f86d081");
        for text in ["", "3", "3.", "03.9f86d081", "3.9F86d081", "3.9f86d0811", "+3.9f86d081"] {
            assert!(text.parse::<MoveKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_slot_is_one_text() {
        for text in ["al2023 x86_64 18", "al2023 noarch ", "rhel9 aarch64 18.6"] {
            assert_eq!(text.parse::<Slot>().expect(text).to_string(), text);
        }
        let long = format!("al2023 x86_64 {}", "1".repeat(180));
        for text in
            ["", "al2023", "al2023 x86_64", "a b c d", "/ x86_64 18", "al2023  18", "al2023 x86_64 1\u{1b}", &long]
        {
            assert!(text.parse::<Slot>().is_err(), "{text:?}");
        }
    }
}
