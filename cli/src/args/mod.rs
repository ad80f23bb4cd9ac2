//! Arguments that several commands have in common, and how each argument is read.

// The comments are help texts for terminals, not Markdown.
#![allow(clippy::doc_markdown)]

mod alarms;
mod channel;
pub mod environment;
mod hooks;
mod images;
mod ingredients;
mod limits;
pub mod lists;
pub mod mistakes;
mod origin;
mod per;
mod release;
mod repositories;
mod revocation;
mod rules;
pub mod targets;
mod tracker;
pub mod values;

pub use alarms::{AlarmArgs, OverdueArgs};
pub use channel::Channel;
pub use hooks::HookArgs;
pub use images::{ImageArgs, MatcherArgs, PlacedFile};
pub use ingredients::IngredientArgs;
pub use limits::LimitArgs;
pub use origin::{LaneArgs, OriginArgs};
pub use per::Per;
pub use release::{Release, ReleaseArgs};
pub use repositories::RepositoryArgs;
pub use revocation::RevocationArgs;
pub use rules::{ClaimArgs, RuleArgs};
pub use tracker::{TrackerArgs, TrackerPlace};
