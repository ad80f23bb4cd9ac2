//! The alarms about what should change and does not, or suddenly does: repositories, and runs.
//!
//! The past that an alarm needs is in the tracker. It is written when there is news, or seldom:
//! a night without news writes nothing.

use jiff::{SignedDuration, Timestamp};

use super::Alarm;
use crate::repository::RepositoryRead;
use crate::tracker::{Document, Seen, Shrank};

/// The longest time between two records of runs that have nothing else to record.
const RUN_IS_NEWS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Durations after which silence is an alarm. `None` is never.
#[derive(Debug, Default, Clone, Copy)]
pub struct Limits {
    /// Without a change in a repository.
    pub unchanged: Option<SignedDuration>,
    /// Without a run.
    pub overdue: Option<SignedDuration>,
}

/// A run whose alarms are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    /// Its lane; empty where a pipeline has one alone.
    pub lane: &'a str,
    /// Its pipeline; 0 outside of GitLab.
    pub pipeline: u64,
    /// The durations after which silence is an alarm.
    pub limits: &'a Limits,
    /// The present.
    pub now: Timestamp,
}

impl Watch<'_> {
    /// The alarms of a run that has changed `document` from `before`. Records the snapshots and the time of the run,
    /// which later runs compare with.
    pub fn alarms(&self, before: &Document, document: &mut Document, repositories: &[RepositoryRead]) -> Vec<Alarm> {
        let Self { lane, pipeline, limits, now } = *self;
        let mut alarms = Vec::new();
        for read in repositories {
            let known = before.repository(&read.url);
            let seen = Seen::next(known, read, limits.unchanged, now);
            if let Some(Shrank { from, .. }) = seen.shrank {
                alarms.push(Alarm::Shrank { repository: read.url.clone(), before: from, now: seen.releases });
            }
            let same = known.filter(|known| known.revision == read.revision && known.releases == seen.releases);
            let too_long =
                |known: &&Seen| limits.unchanged.is_some_and(|limit| now.duration_since(known.since) > limit);
            if let Some(known) = same.filter(too_long) {
                alarms.push(Alarm::Unchanged { repository: read.url.clone(), since: known.since });
            }
            document.remember_repository(&read.url, seen);
        }
        let last_run = before.last_run(lane);
        alarms.extend(last_run.and_then(|last_run| overdue(last_run, limits, now)));
        let is_news = |last_run| now.duration_since(last_run) >= run_is_news(limits);
        if document != before || last_run.is_none_or(is_news) {
            document.remember_run(lane, pipeline, now);
        }
        alarms
    }
}

/// The alarm that no run was recorded for long.
pub fn overdue(last_run: Timestamp, limits: &Limits, now: Timestamp) -> Option<Alarm> {
    // Later runs may have had nothing to record.
    let is_certain = |limit: SignedDuration| now.duration_since(last_run) > limit + run_is_news(limits);
    limits.overdue.is_some_and(is_certain).then_some(Alarm::Overdue { last_run })
}

/// The time after which a run is recorded although it has nothing else to record.
fn run_is_news(limits: &Limits) -> SignedDuration {
    limits.overdue.map_or(RUN_IS_NEWS, |limit| RUN_IS_NEWS.min(limit / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::AlarmKind;

    const URL: &str = "https://yum.example.com/el9/";

    fn day(day: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
    }

    fn days(days: i64) -> SignedDuration {
        SignedDuration::from_hours(24 * days)
    }

    fn read(releases: usize, revision: &str) -> RepositoryRead {
        let (url, revision) = (URL.to_owned(), Some(revision.to_owned().into()));
        RepositoryRead { url, targets: None, revision, accepts_index: false, releases }
    }

    /// A night: its alarms, and whether it had something to write.
    fn night(document: &mut Document, read: &RepositoryRead, limits: Limits, now: i64) -> (Vec<AlarmKind>, bool) {
        let before = document.clone();
        let watch = Watch { lane: "", pipeline: 0, limits: &limits, now: day(now) };
        let alarms = watch.alarms(&before, document, std::slice::from_ref(read));
        (alarms.iter().map(Alarm::kind).collect(), *document != before)
    }

    #[test]
    fn a_night_without_news_writes_nothing_but_once_a_week() {
        let mut document = Document::new("p", "main");
        let wrote = (0..16).filter(|now| night(&mut document, &read(9, "1"), Limits::default(), *now).1);
        assert_eq!(wrote.collect::<Vec<_>>(), [0, 7, 14]);
    }

    #[test]
    fn a_repository_that_shrank_is_told_of_for_a_week_or_until_it_has_grown_again() {
        for (releases, alarm) in [(10, false), (5, false), (4, true), (0, true)] {
            let mut document = Document::new("p", "main");
            night(&mut document, &read(10, "1"), Limits::default(), 0);
            let mut told =
                |releases, now| !night(&mut document, &read(releases, "2"), Limits::default(), now).0.is_empty();
            assert_eq!((told(releases, 1), told(releases, 1), told(releases, 7)), (alarm, alarm, alarm), "{releases}");
            assert!(!told(releases, 8), "a week is enough");
            assert!(!told(10, 9) && !told(10, 10));
        }
        let mut document = Document::new("p", "main");
        for (now, releases, alarm) in [(0, 10, false), (1, 4, true), (2, 3, true), (3, 9, false), (4, 9, false)] {
            let (kinds, _) = night(&mut document, &read(releases, "1"), Limits::default(), now);
            assert_eq!(kinds == [AlarmKind::Shrank], alarm, "day {now}");
        }
    }

    #[test]
    fn a_repository_that_stands_still_is_told_of_once_it_is_asked_for() {
        let limits = Limits { unchanged: Some(days(8)), overdue: None };
        let mut document = Document::new("p", "main");
        night(&mut document, &read(10, "1"), limits, 0);
        assert_eq!(night(&mut document, &read(10, "1"), limits, 8).0, []);
        assert_eq!(night(&mut document, &read(10, "1"), limits, 9).0, [AlarmKind::Unchanged]);
        assert_eq!(night(&mut document, &read(10, "1"), Limits::default(), 9).0, []);
        assert_eq!(night(&mut document, &read(10, "2"), limits, 10).0, []);
        // Another revision is no news if the last one is.
        assert_eq!(night(&mut document, &read(10, "3"), limits, 11), (vec![], false));
        assert_eq!(night(&mut document, &read(10, "3"), limits, 13), (vec![], true));
        assert_eq!(night(&mut document, &read(10, "3"), limits, 22).0, [AlarmKind::Unchanged]);
        assert_eq!(night(&mut document, &read(11, "3"), limits, 23).0, []);
    }

    #[test]
    fn a_run_that_comes_too_late_tells_since_when_there_was_none() {
        let limits = Limits { unchanged: None, overdue: Some(days(4)) };
        let mut document = Document::new("p", "main");
        // Each night, then a gap of which it is certain that it was longer than four days.
        for (now, alarm) in
            [(0, false), (1, false), (2, false), (3, false), (4, false), (11, true), (12, false), (17, false)]
        {
            let (kinds, _) = night(&mut document, &read(10, "1"), limits, now);
            assert_eq!(kinds == [AlarmKind::Overdue], alarm, "day {now}");
        }
    }

    #[test]
    fn each_lane_has_runs_of_its_own() {
        let limits = Limits { unchanged: None, overdue: Some(days(4)) };
        let mut document = Document::new("p", "main");
        document.remember_run("v17-", 0, day(0));
        document.remember_run("v18-", 0, day(20));
        for (lane, kinds) in [("v17-", 1), ("v18-", 0), ("", 0)] {
            let before = document.clone();
            let watch = Watch { lane, pipeline: 0, limits: &limits, now: day(20) };
            let told = watch.alarms(&before, &mut document.clone(), &[]);
            assert_eq!(told.len(), kinds, "{lane}");
        }
    }
}
