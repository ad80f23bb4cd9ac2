//! What strangers may make a command keep and do.
//!
//! Bytes from outside decide how much memory and work it takes to read them. So there is one [`Budget`] for a
//! command. Whoever reads what a stranger sends is given it, takes the bytes through it, and holds in it what is
//! kept of them; clippy.toml forbids the ways around it.

mod account;
mod json;

pub(crate) use account::{ALLOCATION, MOST_BYTES};
pub use account::{Budget, Held, MAX_URL, OverBudget};
pub use json::JsonError;
pub(crate) use json::{NODE, OF_ANY_SHAPE};
