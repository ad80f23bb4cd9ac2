//! The present. GitLab's clock counts where GitLab has answered, so that all jobs of a project have one: what one of
//! them records decides how long others wait.

use std::cell::Cell;

use ami_scheduler::text::minute;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

/// By how much a clock may differ before that is said.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The present, which stands still while a command runs.
pub struct Clock {
    /// The present of this machine, or that which a person gave.
    own: Timestamp,
    of_gitlab: Cell<Option<Timestamp>>,
    is_given: bool,
}

impl Clock {
    /// The clock of this machine, unless a person gives the time.
    pub fn new(given: Option<Timestamp>) -> Self {
        Self { own: given.unwrap_or_else(Timestamp::now), of_gitlab: Cell::new(None), is_given: given.is_some() }
    }

    /// Whether GitLab has told the time.
    pub fn is_of_gitlab(&self) -> bool {
        self.of_gitlab.get().is_some()
    }

    pub fn now(&self) -> Timestamp {
        self.of_gitlab.get().unwrap_or(self.own)
    }

    /// Takes over the present from the header `Date` of GitLab's first answer. Where that differs much, a person is told.
    pub fn set(&self, date: &str) {
        if self.is_given || self.of_gitlab.get().is_some() {
            return;
        }
        let Ok(present) = DateTimeParser::new().parse_timestamp(date) else { return };
        self.of_gitlab.set(Some(present));
        let ahead = Timestamp::now().duration_since(present);
        if ahead.abs() > TOLERANCE {
            let way = if ahead.is_negative() { "behind" } else { "ahead of" };
            message!(
                "WARNING: the clock of this machine is {} minutes {way} that of GitLab, which says {} and counts here. Set \
                 it right: certificates are judged by it, and your build sees it",
                ahead.abs().as_mins(),
                minute(present)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_present_is_gitlabs_from_its_first_answer_on() {
        let clock = Clock::new(None);
        assert!(clock.now() > time("2026-01-01T00:00:00Z"));
        clock.set("yesterday");
        assert!(clock.now() > time("2026-01-01T00:00:00Z"));
        clock.set("Tue, 24 Nov 2026 02:00:00 GMT");
        clock.set("Tue, 24 Nov 2026 02:00:09 GMT");
        assert_eq!(clock.now(), time("2026-11-24T02:00:00Z"));
        assert!(clock.is_of_gitlab());
    }

    #[test]
    fn a_time_that_a_person_gives_counts_more() {
        let clock = Clock::new(Some(time("2026-11-01T00:00:00Z")));
        clock.set("Tue, 24 Nov 2026 02:00:00 GMT");
        assert_eq!(clock.now(), time("2026-11-01T00:00:00Z"));
        assert!(!clock.is_of_gitlab());
    }
}
