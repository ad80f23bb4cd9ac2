//! Snapshots of repositories, as the tracker keeps them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::repository::RepositoryRead;

/// How long the `Shrank` alarm repeats before the smaller size is the new normal.
const SHRANK_IS_NEWS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A snapshot of a repository. The later one is the larger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    /// When it was first seen so.
    pub since: Timestamp,
    /// How many releases of the product it had.
    pub releases: u64,
    /// Its own mark of its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its size before it shrank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrank: Option<Shrank>,
}

/// The loss of most releases of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shrank {
    /// When that was seen.
    pub at: Timestamp,
    /// How many it had.
    pub from: u64,
}

impl Seen {
    /// The snapshot to keep now that a repository was read; `unchanged_limit` is how long it may stand still.
    pub(crate) fn next(
        before: Option<&Self>,
        read: &RepositoryRead,
        unchanged_limit: Option<SignedDuration>,
        now: Timestamp,
    ) -> Self {
        let releases = read.releases as u64;
        let seen = Self { since: now, releases, revision: read.revision.clone(), shrank: None };
        let Some(before) = before else { return seen };
        let was = before.shrank.filter(|shrank| now.duration_since(shrank.at) < SHRANK_IS_NEWS);
        let shrank = if 2 * releases < before.releases { Some(Shrank { at: now, from: before.releases }) } else { was };
        let shrank = shrank.filter(|shrank| 2 * releases < shrank.from);
        // A revision is remembered now and then only: each time would be a write each night where other
        // packages come and go.
        let is_due = |limit: SignedDuration| now.duration_since(before.since) > limit / 4;
        let moved_on = before.revision != read.revision && unchanged_limit.is_some_and(is_due);
        if releases != before.releases || shrank != before.shrank || moved_on {
            Self { shrank, ..seen }
        } else {
            before.clone()
        }
    }
}
