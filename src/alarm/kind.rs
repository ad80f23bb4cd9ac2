//! The kinds of alarms, by the words of `--fail-on` and `--stop-on`.

use std::fmt;
use std::str::FromStr;

use crate::text::named;

/// A kind of alarm, in the order in which the exit code of a run is taken from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// A release changed under its name.
    Republished,
    /// A repository stands still.
    Unchanged,
    /// A repository lost most of its releases.
    Shrank,
    /// There was no run for long.
    Overdue,
    /// A build failed as often as it may.
    GivenUp,
    /// The rules leave no release.
    NoMatch,
    /// A pipeline never ended what it had begun.
    Lapsed,
    /// A build succeeded without an image.
    NoImage,
    /// A build made several images in one place.
    SeveralImages,
    /// A channel points to an image that is revoked.
    Revoked,
    /// The repositories no longer offer a release that was built.
    Withdrawn,
    /// A rule is about no release.
    UnusedPattern,
}

impl AlarmKind {
    const ALL: [Self; 12] = [
        Self::Republished,
        Self::Unchanged,
        Self::Shrank,
        Self::Overdue,
        Self::GivenUp,
        Self::NoMatch,
        Self::Lapsed,
        Self::NoImage,
        Self::SeveralImages,
        Self::Revoked,
        Self::Withdrawn,
        Self::UnusedPattern,
    ];
}

/// Why a text is not a [`AlarmKind`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no alarm: expected {words}", words = AlarmKind::ALL.map(|kind| kind.to_string()).join(", "))]
pub struct AlarmKindError(String);

impl FromStr for AlarmKind {
    type Err = AlarmKindError;

    fn from_str(text: &str) -> Result<Self, AlarmKindError> {
        let kind = Self::ALL.into_iter().find(|kind| kind.to_string() == text);
        kind.ok_or_else(|| AlarmKindError(named(text)))
    }
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Republished => "republished",
            Self::Unchanged => "unchanged",
            Self::Shrank => "shrank",
            Self::Overdue => "overdue",
            Self::GivenUp => "given_up",
            Self::NoMatch => "no_match",
            Self::Lapsed => "lapsed",
            Self::NoImage => "no_image",
            Self::SeveralImages => "several_images",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
            Self::UnusedPattern => "unused_pattern",
        })
    }
}
