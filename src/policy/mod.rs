//! Which releases count: version, architecture, pre-releases; of those that count, which are kept and
//! which are excluded.
//!
//! [`Policy`] looks at one release alone, and acts in `list`. [`Keep`] compares releases with each other
//! once the rules that need a clock have spoken, and [`Exclusion`] comes after it: both act in `diff`.

mod filter;
mod keep;
mod near_miss;
mod pattern;
mod reason;
#[cfg(test)]
mod tests;
mod versions;

pub use filter::Policy;
pub use keep::{Keep, Newest};
pub use near_miss::{NearMiss, near_misses};
pub use pattern::{Exclusion, ExclusionError, Pattern, PatternError};
pub use reason::FilterReason;
pub use versions::{ExactVersion, ExactVersionError, LeadingVersion, LeadingVersionError, Versions};
