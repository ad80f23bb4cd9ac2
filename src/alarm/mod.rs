//! Alarms: news that a team should hear of though nothing fails, such as a release that changed under its name.

mod kind;
mod raised;
mod releases;
mod watch;

pub use kind::{AlarmKind, AlarmKindError};
pub use raised::Alarm;
pub use releases::{Offer, given_up_in, of_releases, revoked_in, withdrawn_in};
pub use watch::{Limits, Watch, overdue};
