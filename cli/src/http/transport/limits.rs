//! Settings that every transport shares.

use std::time::Duration;

/// How long a server may take to be reached, to begin its answer, and to go on with it.
pub const TIMEOUT: Duration = Duration::from_secs(30);
pub const USER_AGENT: &str = concat!("ami-scheduler/", env!("CARGO_PKG_VERSION"));
