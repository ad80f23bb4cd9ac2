//! The effect of a change on what is recorded.

/// The effect of a change on what is recorded; of several changes, the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recorded {
    /// It was so before.
    AsBefore,
    /// It is as it should be now.
    Changed,
    /// It was changed as often as can be counted, which only a forged head can say, and stays as it is.
    AtItsEnd,
}
