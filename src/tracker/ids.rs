//! The ids of an image, by the places where they count.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::named;

/// The most characters of a place.
const MAX_PLACE: usize = 60;
/// The most characters of an id: those of Azure have the names of a subscription, a group and a gallery in them.
pub(super) const MAX_ID: usize = 300;
/// The most bytes that the ids of one image may have as JSON: those of some 45 regions.
pub const MAX_IDS: usize = 4 << 10;
/// What an id takes beside itself and its place: three indented lines.
const LINES: usize = 52;

/// Where an id counts: a region such as `us-east-1`, or any word; empty where a builder knows no places.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place(String);

/// The id of an image in a place, such as `ami-0c7c531040a1b2c3d`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageId(String);

/// Why a text is no place, or no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// No place.
    #[error(
        "{0:?} is no place of images, such as us-east-1: it may hold letters, digits, ., - and _, at most {MAX_PLACE}"
    )]
    Place(String),
    /// No id.
    #[error(
        "{0:?} is no id of an image, such as ami-0abc: it may hold letters, digits and ._:/@+-, from 1 to {MAX_ID}"
    )]
    Id(String),
}

impl FromStr for Place {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let fits = text.len() <= MAX_PLACE;
        if is_plain && fits { Ok(Self(text.to_owned())) } else { Err(IdError::Place(named(text))) }
    }
}

impl FromStr for ImageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@+-".contains(&b));
        let fits = (1..=MAX_ID).contains(&text.len());
        if is_plain && fits { Ok(Self(text.to_owned())) } else { Err(IdError::Id(named(text))) }
    }
}

impl TryFrom<String> for Place {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl TryFrom<String> for ImageId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.0
    }
}

impl From<ImageId> for String {
    fn from(id: ImageId) -> Self {
        id.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "no region" } else { &self.0 })
    }
}

impl Place {
    /// Whether it stands for no place.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ImageId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl ImageId {
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The ids of an image. In a place it should have one; several are kept, and none of them counts there.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ids(BTreeMap<Place, BTreeSet<ImageId>>);

impl Ids {
    /// Adds an id.
    pub fn add(&mut self, place: Place, id: ImageId) {
        self.0.entry(place).or_default().insert(id);
    }

    /// Adds those of another.
    pub fn extend(&mut self, other: Self) {
        for (place, ids) in other.0 {
            self.0.entry(place).or_default().extend(ids);
        }
    }

    /// Whether both have one id, in whatever places.
    pub fn shares(&self, other: &Self) -> bool {
        self.iter().any(|(_, id)| other.iter().any(|(_, known)| known == id))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with its place, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Place, &ImageId)> {
        self.0.iter().flat_map(|(place, ids)| ids.iter().map(move |id| (place, id)))
    }

    /// The id that counts in a place: the only one.
    pub fn of(&self, place: &Place) -> Option<&ImageId> {
        let ids = self.0.get(place)?;
        ids.first().filter(|_| ids.len() == 1)
    }

    /// Those that count, each with its place: in a place that has several, none does.
    pub fn counting(&self) -> impl Iterator<Item = (&Place, &ImageId)> {
        self.places().filter_map(|place| Some((place, self.of(place)?)))
    }

    /// The places.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.keys()
    }

    /// The places that have several.
    pub fn ambiguous(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter(|(_, ids)| ids.len() > 1).map(|(place, _)| place)
    }

    /// How many there are in each place.
    pub(super) fn counts(&self) -> impl Iterator<Item = usize> {
        self.0.values().map(BTreeSet::len)
    }

    /// As many of them as are remembered.
    pub(super) fn bounded(self) -> Self {
        let mut kept = Self::default();
        let mut room = MAX_IDS;
        for (place, id) in self.iter() {
            let length = place.0.len() + id.0.len() + LINES;
            if length > room {
                break;
            }
            room -= length;
            kept.add(place.clone(), id.clone());
        }
        kept
    }
}

/// Reads `us-east-1=ami-0abc`, or as Packer writes it `us-east-1:ami-0abc`; without a place the id alone.
///
/// Ids of other clouds have colons in them, so that one counts only before the id of an AMI.
pub fn placed_id(text: &str) -> Result<(Place, ImageId), IdError> {
    let by_colon = || text.split_once(':').filter(|(_, id)| id.starts_with("ami-"));
    let (place, id) = text.split_once('=').or_else(by_colon).unwrap_or(("", text));
    Ok((place.parse()?, id.parse()?))
}

/// `us-east-1=ami-0abc`, as [`placed_id`] reads it; without a place the id alone.
pub fn placed(place: &Place, id: &ImageId) -> String {
    if place.is_none() { id.0.clone() } else { format!("{}={}", place.0, id.0) }
}

/// `eu-central-1=ami-1, us-east-1=ami-2`, as [`placed_id`] reads them; without a place the id alone.
impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.iter().map(|(place, id)| placed(place, id)).collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(all: &[(&str, &str)]) -> Ids {
        let mut ids = Ids::default();
        for (place, id) in all {
            ids.add(place.parse().expect("a place"), id.parse().expect("an id"));
        }
        ids
    }

    #[test]
    fn several_ids_in_one_place_are_kept_and_none_of_them_counts() {
        let ids = ids(&[("us-east-1", "ami-2"), ("eu-central-1", "ami-1"), ("us-east-1", "ami-3")]);
        let of = |place: &str| ids.of(&place.parse().expect("a place")).map(ImageId::as_str);
        assert_eq!((of("eu-central-1"), of("us-east-1"), of("us-west-1")), (Some("ami-1"), None, None));
        assert_eq!(ids.to_string(), "eu-central-1=ami-1, us-east-1=ami-2, us-east-1=ami-3");
        assert_eq!(ids.ambiguous().map(Place::as_str).collect::<Vec<_>>(), ["us-east-1"]);
    }

    #[test]
    fn an_id_without_a_place_is_the_id_alone() {
        assert_eq!(ids(&[("", "sha256:0abc")]).to_string(), "sha256:0abc");
        let json = serde_json::to_string(&ids(&[("", "sha256:0abc"), ("a", "b")])).expect("JSON");
        assert_eq!(json, r#"{"":["sha256:0abc"],"a":["b"]}"#);
    }

    #[test]
    fn an_id_is_read_with_its_place_in_either_form() {
        for (text, place, id) in [
            ("us-east-1=ami-0abc", "us-east-1", "ami-0abc"),
            ("us-east-1:ami-0abc", "us-east-1", "ami-0abc"),
            ("ami-0abc", "", "ami-0abc"),
            ("sha256:0abc", "", "sha256:0abc"),
            ("eu=registry.example.com/a:1@sha256:0a", "eu", "registry.example.com/a:1@sha256:0a"),
        ] {
            let read = placed_id(text).expect(text);
            assert_eq!((read.0.as_str(), read.1.as_str()), (place, id), "{text}");
        }
        assert!(placed_id("us east:ami-1").is_err() && placed_id("a=").is_err());
    }

    #[test]
    fn what_is_no_id_or_place_is_refused_by_name() {
        for text in ["", "ami 1", "ami-1\n", "$(id)", "é"] {
            assert_eq!(text.parse::<ImageId>(), Err(IdError::Id(named(text))), "{text:?}");
        }
        for text in ["us east", "us/east", "a:b"] {
            assert_eq!(text.parse::<Place>(), Err(IdError::Place(named(text))), "{text:?}");
        }
        assert!(
            "x".repeat(MAX_ID + 1).parse::<ImageId>().is_err() && "x".repeat(MAX_PLACE + 1).parse::<Place>().is_err()
        );
    }

    #[test]
    fn ids_are_remembered_up_to_a_limit() {
        let many: Vec<(String, String)> =
            (0..500).map(|number| (format!("region-{number:03}"), format!("ami-{number:017}"))).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(place, id)| (place.as_str(), id.as_str())).collect();
        let kept = ids(&many).bounded();
        let json = serde_json::to_vec_pretty(&kept).expect("JSON");
        assert!(
            (40..500).contains(&kept.iter().count()) && json.len() <= MAX_IDS,
            "{} {}",
            kept.iter().count(),
            json.len()
        );
        assert_eq!(ids(&many[..40]).bounded(), ids(&many[..40]));
    }
}
