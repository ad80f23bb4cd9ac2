//! The image that a build made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::{Notes, that_fit, url, words};
use super::ids::MAX_ID;
use super::{Ids, ImageId, Unknown};
use crate::release::Checksum;

/// How many images at most one is remembered to be baked from.
const BASES: usize = 4;
/// The most bytes that these take as JSON.
pub(super) const MAX_BASES: usize = BASES * (MAX_ID + 16);

/// What one bake made.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Baked {
    /// The ids of the image.
    pub ids: Ids,
    /// The images that it was baked from: one, unless several builds made it.
    pub bases: BTreeSet<ImageId>,
}

impl Baked {
    /// As much of it as is remembered: the ids up to [`MAX_IDS`](super::MAX_IDS), and a few bases.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { ids: self.ids.bounded(), bases: self.bases.into_iter().take(BASES).collect() }
    }
}

/// What one bake made, and what is known of it. An image is never taken out of the tracker but with its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// When it was recorded first.
    pub recorded: Timestamp,
    /// Its ids.
    #[serde(default, skip_serializing_if = "Ids::is_empty")]
    pub ids: Ids,
    /// The images that it was baked from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bases: BTreeSet<ImageId>,
    /// Values that the build reported of it.
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub notes: Notes,
    /// Whether it counts only once its test has passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_test: bool,
    /// When its test had passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<Timestamp>,
    /// The job that recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_url: Option<String>,
    /// The checksum of the package that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// Where it is from, if it was there before the tracker knew of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

impl Image {
    /// An image that is recorded now.
    pub fn new(recorded: Timestamp, baked: Baked, notes: Notes) -> Self {
        let Baked { ids, bases } = baked;
        Self {
            recorded,
            ids,
            bases,
            notes,
            needs_test: false,
            tested: None,
            job_url: None,
            checksum: None,
            reason: None,
            unknown: Unknown::default(),
        }
    }

    /// An image that was there before, and why it is recorded.
    pub fn adopted(recorded: Timestamp, baked: Baked, notes: Notes, reason: String) -> Self {
        Self { reason: Some(reason), ..Self::new(recorded, baked, notes) }
    }

    /// Whether it needs no test, or has passed it.
    pub fn is_tested(&self) -> bool {
        !self.needs_test || self.tested.is_some()
    }

    /// Both, fact by fact: the earlier times, all ids, bases and notes, and of other facts, which do not change, the larger.
    pub(super) fn merge(&mut self, other: Self) {
        self.recorded = self.recorded.min(other.recorded);
        self.needs_test |= other.needs_test;
        self.tested = [self.tested, other.tested].into_iter().flatten().min();
        self.ids.extend(other.ids);
        self.bases.extend(other.bases);
        merge_notes(&mut self.notes, other.notes);
        for (mine, theirs) in [(&mut self.job_url, other.job_url), (&mut self.reason, other.reason)] {
            *mine = mine.take().max(theirs);
        }
        self.checksum = self.checksum.take().max(other.checksum);
        self.unknown.merge(other.unknown);
    }

    /// What is told of it: its notes, and its ids by their places, but for those that a note tells.
    pub fn facts(&self) -> Notes {
        let mut facts = self.notes.clone();
        let has = |note: &str, id: &str| {
            note.split([',', ' '])
                .any(|word| word.rsplit_once([':', '=']).map_or(word, |(_, id)| id) == id || word == id)
        };
        let is_told = |id: &ImageId| self.notes.values().any(|note| has(note, id.as_str()));
        for (place, id) in self.ids.iter().filter(|(_, id)| !is_told(id)) {
            let place = if place.is_none() { "image" } else { place.as_str() };
            let fact = facts.entry(place.to_owned()).or_default();
            fact.push_str(if fact.is_empty() { "" } else { ", " });
            fact.push_str(id.as_str());
        }
        facts
    }

    pub(super) fn bounded(mut self) -> Self {
        let Baked { ids, bases } = Baked { ids: self.ids, bases: self.bases }.bounded();
        (self.ids, self.bases) = (ids, bases);
        self.notes = that_fit(&self.notes);
        self.job_url = url(self.job_url);
        self.reason = words(self.reason);
        self
    }
}

fn merge_notes(notes: &mut BTreeMap<String, String>, others: BTreeMap<String, String>) {
    for (name, value) in others {
        let note = notes.entry(name).or_default();
        *note = std::mem::take(note).max(value);
    }
}
