//! The circumstances of a plan.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Rules;
use crate::release::{Nevra, Target};
use crate::tracker::{Ingredients, Origin};

/// The circumstances of a plan, besides the releases and the tracker.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The targets of the plan.
    pub targets: &'a [Target],
    /// The rules.
    pub rules: &'a Rules,
    /// What an image of each target is made of besides the package, now, as far as that is told.
    pub ingredients: &'a BTreeMap<Target, Ingredients>,
    /// The pipeline that claims the builds.
    pub origin: &'a Origin,
    /// The present.
    pub now: Timestamp,
}

impl Context<'_> {
    /// Whether a release on a target is one that this run decides about, if the repository offers it.
    pub(super) fn is_own(&self, nevra: &Nevra, target: &Target) -> bool {
        self.targets.contains(target) && self.rules.scope_of(target).filter_reason(nevra).is_none()
    }
}
