//! The JSON files that the jobs hand on: `packages.json` from list to diff, `ingredients.json` from a job of the team to
//! diff, `builds.json` from diff to whoever generates a pipeline.
//!
//! Each of our own has a `format` with a version; within a version fields are added, never changed.

mod builds;
mod images;
mod ingredients;
mod night;
mod packages;

pub use builds::{AlarmRow, BuildRow, Builds, FilteredRow, HeldRow, Run};
pub use images::{ImageRow, Images, variables};
pub use ingredients::{IngredientsError, ingredients};
pub use night::{Night, NightRow, Paused, ToTell, ToldAlarm};
pub use packages::{Filtered, Packages, PackagesError};
