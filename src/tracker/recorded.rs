//! The effect of a change on what is recorded.

/// The effect of a change on what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is as it should be now.
    Changed,
    /// It was so before.
    AsBefore,
}
