//! The time for which the repositories do not offer a release that was built.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::is_zero;
use super::{CountedRuns, Unknown};

/// The last time for which the repositories did not offer a release that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// How many absences came before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub earlier: u64,
    /// When a run missed the release first.
    pub since: Timestamp,
    /// The runs that missed it, as far as they are counted.
    pub missed: CountedRuns,
    /// How many words there were, when it began, on whether the release may be used.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub words: u64,
    /// When a run found the release again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

impl Absence {
    /// The absence that a run of `pipeline` notices, after those `before`.
    pub(super) fn begin(before: Option<&Self>, words: u64, pipeline: u64, now: Timestamp) -> Self {
        Self {
            earlier: before.map_or(0, |before| before.earlier.saturating_add(1)),
            since: now,
            missed: CountedRuns::default().and(pipeline),
            words,
            ended: None,
            unknown: before.map(|before| before.unknown.clone()).unwrap_or_default(),
        }
    }

    /// Of two absences the later one. Of one absence that two have recorded, all that either knows: the earlier times,
    /// the more runs, the fewer words.
    pub(super) fn merge(&mut self, mut other: Self) {
        if self.earlier < other.earlier {
            std::mem::swap(self, &mut other);
        }
        if self.earlier == other.earlier {
            let order = |missed: &CountedRuns| (missed.runs, Reverse(missed.pipeline));
            self.missed = std::cmp::max_by_key(self.missed, other.missed, order);
            self.since = self.since.min(other.since);
            self.words = self.words.min(other.words);
            self.ended = [self.ended, other.ended].into_iter().flatten().min();
        }
        self.unknown.merge(other.unknown);
    }
}
