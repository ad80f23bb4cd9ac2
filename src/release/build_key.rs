//! The key of a build.

use super::{Nevra, Target};

/// A release × target: it is claimed, tried, recorded, and never built twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildKey {
    /// The release.
    pub package: Nevra,
    /// The target of the image.
    pub target: Target,
}
