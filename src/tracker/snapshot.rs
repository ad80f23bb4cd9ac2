//! Snapshots of repositories, as the tracker keeps them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Unknown;
use super::bounds::is_zero;
use super::unknown::take_larger;
use crate::repository::{RepositoryRead, Revision};

/// How long the `Shrank` alarm repeats before the smaller size is the new normal.
const SHRANK_IS_NEWS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A run that was recorded. Of two the one of the later pipeline is the larger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastRun {
    /// Its pipeline; 0 outside of GitLab.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pipeline: u64,
    /// When it was.
    pub at: Timestamp,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A snapshot of a repository. The later one is the larger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    /// How many snapshots came before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes: u64,
    /// When it was first seen so.
    pub since: Timestamp,
    /// How many releases of the product it had.
    pub releases: u64,
    /// Its mark of its state; `None` if it was an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Its size before it shrank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrank: Option<Shrank>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The loss of most releases of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shrank {
    /// When that was seen.
    pub at: Timestamp,
    /// How many it had.
    pub from: u64,
}

impl LastRun {
    pub(super) fn merge(&mut self, other: Self) {
        take_larger(self, other, |run| &mut run.unknown);
    }
}

impl Seen {
    pub(super) fn merge(&mut self, other: Self) {
        take_larger(self, other, |seen| &mut seen.unknown);
    }

    /// Whether the repository had repodata when it was last seen, and an index was read now that nobody has accepted. It
    /// tells no epochs: all that was built would be a new release.
    pub fn has_lost_repodata(&self, read: &RepositoryRead) -> bool {
        self.revision.is_some() && read.revision.is_none() && !read.accepts_index
    }

    /// The snapshot to keep now that a repository was read; `unchanged_limit` is how long it may stand still.
    pub(crate) fn next(
        before: Option<&Self>,
        read: &RepositoryRead,
        unchanged_limit: Option<SignedDuration>,
        now: Timestamp,
    ) -> Self {
        let releases = read.releases as u64;
        let (changes, revision, unknown) = (0, read.revision.clone(), Unknown::default());
        let seen = Self { changes, since: now, releases, revision, shrank: None, unknown };
        let Some(before) = before else { return seen };
        let at_most_now = |shrank: Shrank| Shrank { at: shrank.at.min(now), ..shrank };
        let was = before.shrank.map(at_most_now).filter(|shrank| now.duration_since(shrank.at) < SHRANK_IS_NEWS);
        let shrank = if 2 * releases < before.releases { Some(Shrank { at: now, from: before.releases }) } else { was };
        let shrank = shrank.filter(|shrank| 2 * releases < shrank.from);
        // A revision is remembered now and then only: each time would be a write each night where other
        // packages come and go.
        let is_due = |limit: SignedDuration| now.duration_since(before.since) > limit / 4;
        let is_of_another_kind = before.revision.is_some() != read.revision.is_some();
        let moved_on = before.revision != read.revision && unchanged_limit.is_some_and(is_due) || is_of_another_kind;
        // A time that is yet to come was that of a clock which was wrong.
        let is_to_come = before.since > now;
        if releases != before.releases || shrank != before.shrank || moved_on || is_to_come {
            Self { changes: before.changes.saturating_add(1), shrank, unknown: before.unknown.clone(), ..seen }
        } else {
            before.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
    }

    fn seen(since: i64, releases: u64, shrank: Option<(i64, u64)>) -> Seen {
        let shrank = shrank.map(|(at, from)| Shrank { at: day(at), from });
        Seen {
            changes: 0,
            since: day(since),
            releases,
            revision: Some("1".to_owned().into()),
            shrank,
            unknown: Unknown::default(),
        }
    }

    /// A repository with repodata, or an index.
    fn read(releases: usize, revision: Option<&str>) -> RepositoryRead {
        let (url, revision) = ("https://yum.example.com/".to_owned(), revision.map(|text| text.to_owned().into()));
        RepositoryRead { url, targets: None, revision, accepts_index: false, releases }
    }

    fn next(before: Option<&Seen>, releases: usize, revision: &str, now: i64) -> Seen {
        Seen::next(before, &read(releases, Some(revision)), Some(SignedDuration::from_hours(8 * 24)), day(now))
    }

    #[test]
    fn repodata_is_lost_where_an_index_is_read_in_its_place_and_nobody_has_accepted_that() {
        let accepted = RepositoryRead { accepts_index: true, ..read(10, None) };
        let repodata = seen(0, 10, None);
        let index = Seen::next(Some(&repodata), &accepted, None, day(1));
        for (before, read, is_lost) in [
            (&repodata, read(10, Some("2")), false),
            (&repodata, read(10, None), true),
            (&repodata, accepted.clone(), false),
            // It is remembered from the first night on.
            (&index, read(10, None), false),
            (&index, read(10, Some("2")), false),
        ] {
            assert_eq!(before.has_lost_repodata(&read), is_lost, "{before:?} {read:?}");
        }
        assert_eq!(Seen::next(Some(&index), &read(10, Some("2")), None, day(2)).revision, read(10, Some("2")).revision);
    }

    #[test]
    fn what_is_seen_first_is_kept_as_it_is() {
        assert_eq!(next(None, 10, "1", 3), seen(3, 10, None));
    }

    #[test]
    fn fewer_than_half_have_shrunk_until_half_are_there_or_a_week_is_over() {
        for (before, releases, now, after) in [
            (seen(0, 10, None), 5, 1, seen(1, 5, None)),
            (seen(0, 10, None), 4, 1, seen(1, 4, Some((1, 10)))),
            (seen(0, 100, None), 60, 1, seen(1, 60, None)),
            (seen(1, 4, Some((1, 10))), 4, 2, seen(1, 4, Some((1, 10)))),
            (seen(1, 4, Some((1, 10))), 3, 2, seen(2, 3, Some((1, 10)))),
            (seen(1, 4, Some((1, 10))), 5, 2, seen(2, 5, None)),
            (seen(1, 4, Some((1, 10))), 6, 2, seen(2, 6, None)),
            (seen(1, 4, Some((1, 10))), 1, 2, seen(2, 1, Some((2, 4)))),
            (seen(1, 4, Some((1, 10))), 4, 7, seen(1, 4, Some((1, 10)))),
            (seen(1, 4, Some((1, 10))), 4, 8, seen(8, 4, None)),
        ] {
            let after = Seen { changes: u64::from(after != before), ..after };
            assert_eq!(next(Some(&before), releases, "1", now), after, "{before:?}, then {releases} on day {now}");
        }
    }

    #[test]
    fn another_revision_is_remembered_once_a_quarter_of_the_limit_is_over() {
        let before = seen(0, 10, None);
        for (revision, now, is_news) in [("2", 1, false), ("2", 2, false), ("2", 3, true), ("1", 3, false)] {
            let after = next(Some(&before), 10, revision, now);
            assert_eq!(after != before, is_news, "{revision} on day {now}");
            assert!(!is_news || (after.since, after.revision) == (day(now), Some(revision.to_owned().into())));
        }
    }
}
