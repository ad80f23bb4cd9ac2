//! The circumstances of a plan.

use jiff::Timestamp;

use super::Rules;
use crate::release::Target;
use crate::tracker::Origin;

/// The circumstances of a plan, besides the releases and the tracker.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The targets of the plan.
    pub targets: &'a [Target],
    /// The rules.
    pub rules: &'a Rules,
    /// The pipeline that claims the builds.
    pub origin: &'a Origin,
    /// The present.
    pub now: Timestamp,
}
