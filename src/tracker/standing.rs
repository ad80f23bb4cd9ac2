//! Where a build stands, as people see it.

use jiff::Timestamp;

use super::{Entry, State};

/// Where a build stands, those first that need a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It has failed as often as it may.
    GivenUp,
    /// The last attempt failed, or ended without saying how.
    Failed,
    /// A pipeline has claimed it, and did not say for too long what became of it.
    Lapsed,
    /// A pipeline has claimed it.
    Building,
    /// To be built, and nobody has begun.
    Pending,
    /// Its claim was given back: the pipeline never began to build it.
    GivenBack,
    /// Built.
    Built,
    /// On purpose not built.
    Skipped,
}

impl Standing {
    /// Every one, in the order in which a build may come to it.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Building,
        Self::Lapsed,
        Self::GivenBack,
        Self::Failed,
        Self::GivenUp,
        Self::Skipped,
        Self::Built,
    ];

    /// That of an entry. A claim that was made before `lapsed_before` has lapsed.
    pub fn of(entry: &Entry, lapsed_before: Timestamp) -> Self {
        match entry.state {
            State::Pending => Self::Pending,
            State::Building if entry.since < lapsed_before => Self::Lapsed,
            State::Building => Self::Building,
            State::GivenBack => Self::GivenBack,
            State::Failed if entry.is_given_up() => Self::GivenUp,
            State::Failed => Self::Failed,
            State::Skipped => Self::Skipped,
            State::Built => Self::Built,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::GivenUp => "given up",
            Self::Failed => "failed",
            Self::Lapsed => "lapsed",
            Self::Building => "building",
            Self::Pending => "pending",
            Self::GivenBack => "given back",
            Self::Built => "built",
            Self::Skipped => "skipped",
        }
    }

    /// How it looks.
    pub fn tone(self) -> Tone {
        match self {
            Self::GivenUp | Self::Failed | Self::Lapsed => Tone::Bad,
            Self::Building => Tone::Busy,
            Self::Pending | Self::GivenBack => Tone::Waiting,
            Self::Built => Tone::Good,
            Self::Skipped => Tone::Quiet,
        }
    }
}

/// How a build looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A person should look at it.
    Bad,
    /// Something is under way.
    Busy,
    /// It is still to come.
    Waiting,
    /// As it should be.
    Good,
    /// Nothing that anybody waits for.
    Quiet,
}

impl Tone {
    /// The word for it in style sheets.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Good => "good",
            Self::Quiet => "quiet",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field tests, tracker 4.
    #[test]
    fn a_build_that_is_given_up_and_a_claim_that_lapsed_stand_apart() {
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        let given_up = Some(at(0));
        for (entry, lapsed_before, expected) in [
            (Entry::new(State::Failed, at(0)), at(9), Standing::Failed),
            (Entry { given_up, ..Entry::new(State::Failed, at(0)) }, at(9), Standing::GivenUp),
            (Entry::new(State::Building, at(9)), at(9), Standing::Building),
            (Entry::new(State::Building, at(8)), at(9), Standing::Lapsed),
            (Entry::new(State::Built, at(0)), at(9), Standing::Built),
        ] {
            assert_eq!(Standing::of(&entry, lapsed_before), expected);
        }
    }

    #[test]
    fn those_that_need_a_person_come_first_and_each_has_a_word_and_a_tone() {
        let mut all = Standing::ALL;
        all.sort();
        assert_eq!(
            all.map(|standing| (standing.word(), standing.tone().word())),
            [
                ("given up", "bad"),
                ("failed", "bad"),
                ("lapsed", "bad"),
                ("building", "busy"),
                ("pending", "waiting"),
                ("given back", "waiting"),
                ("built", "good"),
                ("skipped", "quiet"),
            ]
        );
    }
}
