//! Plans: which releases × targets are built, and which are held, beside the tracker.

mod by_hand;
pub mod compare;
mod context;
mod decision;
mod evaluate;
mod freshness;
mod nightly;
mod rules;
mod withdrawn;

pub use by_hand::by_hand;
pub use context::Context;
pub(crate) use decision::after_runs;
pub use decision::{BuildReason, Closed, Decision, Held, HoldReason, Plan, Planned, Republished, Retry};
pub use evaluate::back_off;
pub use freshness::{IngredientChange, Stale};
pub use nightly::nightly;
pub use rules::{FirstRun, Order, Rules};
pub(crate) use withdrawn::gone_since;
pub use withdrawn::{Returned, Withdrawn};
