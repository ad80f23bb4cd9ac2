use ami_scheduler::alarm::{AlarmKind, Limits};
use clap::Args;

use super::lists::ListOf;
use super::values::{days, time_of_days};

/// Which alarms are raised, and which of them end a run with an exit code of its own, or stop it.
#[derive(Debug, Args)]
pub struct AlarmArgs {
    /// Warn when a repository has not changed for so many days; 0 never
    #[arg(long, value_name = "DAYS", default_value = "0", value_parser = days)]
    unchanged_after: u32,
    #[command(flatten)]
    overdue: OverdueArgs,
    /// End with the alarm's own exit code, after everything else is done, if one of these is raised: republished (5),
    /// unchanged (6), shrank (7), overdue (8), given_up, no_match, lapsed, no_image, several_images, revoked, withdrawn,
    /// unused_pattern (9)
    ///
    /// If several apply, the first in this list decides the exit code.
    #[arg(long, value_name = "LIST", default_value = "given_up,no_match")]
    pub fail_on: ListOf<AlarmKind>,
    /// End with exit code 10 if one of these alarms is raised, and claim and record nothing
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub stop_on: ListOf<AlarmKind>,
}

#[derive(Debug, Args)]
pub struct OverdueArgs {
    /// Warn when there was no run for more than so many days; 0 never
    ///
    /// A run that has nothing else to record is recorded now and then only: a gap is certain to be reported
    /// once it is 1.5 times this long.
    #[arg(long, value_name = "DAYS", default_value = "0", value_parser = days)]
    overdue_after: u32,
}

impl AlarmArgs {
    pub fn limits(&self) -> Limits {
        Limits { unchanged: time_of_days(self.unchanged_after), ..self.overdue.limits() }
    }
}

impl OverdueArgs {
    pub fn limits(&self) -> Limits {
        Limits { unchanged: None, overdue: time_of_days(self.overdue_after) }
    }
}
