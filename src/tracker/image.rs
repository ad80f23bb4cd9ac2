//! The image that a build made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Unknown;
use super::bounds::{Notes, that_fit, url, words};
use crate::release::Checksum;

/// What one bake made, and what is known of it. An image is never taken out of the tracker but with its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// When it was recorded first.
    pub recorded: Timestamp,
    /// Values that the build reported of it.
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub notes: Notes,
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
    pub(super) fn new(recorded: Timestamp, notes: Notes) -> Self {
        Self { recorded, notes, job_url: None, checksum: None, reason: None, unknown: Unknown::default() }
    }

    /// Both, fact by fact: the earlier time, all notes, and of other facts, which do not change, the larger.
    pub(super) fn merge(&mut self, other: Self) {
        self.recorded = self.recorded.min(other.recorded);
        merge_notes(&mut self.notes, other.notes);
        for (mine, theirs) in [(&mut self.job_url, other.job_url), (&mut self.reason, other.reason)] {
            *mine = mine.take().max(theirs);
        }
        self.checksum = self.checksum.take().max(other.checksum);
        self.unknown.merge(other.unknown);
    }

    pub(super) fn bounded(mut self) -> Self {
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
