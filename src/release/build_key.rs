//! What is built, recorded and never built twice.

use super::{Nevra, Target};

/// A release × target: the key of a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildKey {
    /// The release.
    pub package: Nevra,
    /// What the image is built on.
    pub target: Target,
}
