//! Who decides, when, by which rules and for which targets.

use jiff::Timestamp;

use super::Rules;
use crate::release::Target;
use crate::tracker::Origin;

/// The circumstances of a plan, besides the releases and the tracker.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The targets that it is about.
    pub targets: &'a [Target],
    /// The rules.
    pub rules: &'a Rules,
    /// The pipeline that claims what is to be built.
    pub origin: &'a Origin,
    /// The present.
    pub now: Timestamp,
}
