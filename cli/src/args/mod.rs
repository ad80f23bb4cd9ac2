//! Arguments that several commands have in common, and how each argument is read.

// The comments are help texts for terminals, not Markdown.
#![allow(clippy::doc_markdown)]

mod alarms;
pub mod environment;
mod images;
mod limits;
pub mod lists;
pub mod mistakes;
mod origin;
mod release;
mod rules;
pub mod targets;
mod tracker;
pub mod values;

pub use alarms::{AlarmArgs, OverdueArgs};
pub use images::{ImageArgs, MatcherArgs, PlacedFile};
pub use limits::LimitArgs;
pub use origin::{LaneArgs, OriginArgs};
pub use release::{Release, ReleaseArgs};
pub use rules::{ClaimArgs, RuleArgs};
pub use tracker::{TrackerArgs, TrackerPlace};
