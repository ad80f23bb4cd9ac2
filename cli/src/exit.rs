//! Exit codes, and the errors that lead to them.

use std::io::Write as _;
use std::process::ExitCode;

use ami_scheduler::alarm::{Alarm, AlarmKind};
use ami_scheduler::redacted::without_credentials;
use ami_scheduler::text::printable;
use anyhow::anyhow;

/// The most characters of an error that are shown.
const MAX_MESSAGE: usize = 4000;

/// The exit codes. The numbers are a contract with people's scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Anything else.
    Other = 1,
    /// The command line.
    CommandLine = 2,
    /// The package repository.
    Repository = 3,
    /// GitLab or the tracker.
    Tracker = 4,
    /// All is done, and there are alarms that were to end it so: that of the first of them.
    Republished = 5,
    Unchanged = 6,
    Shrank = 7,
    Overdue = 8,
    /// One of those that share a code.
    Alarm = 9,
    /// An alarm that was to stop the run did so. Nothing was claimed or recorded.
    Stopped = 10,
    /// A channel that was asked for points to an image that is revoked.
    Revoked = 11,
}

impl From<AlarmKind> for Exit {
    fn from(alarm: AlarmKind) -> Self {
        match alarm {
            AlarmKind::Republished => Self::Republished,
            AlarmKind::Unchanged => Self::Unchanged,
            AlarmKind::Shrank => Self::Shrank,
            AlarmKind::Overdue => Self::Overdue,
            AlarmKind::GivenUp
            | AlarmKind::NoMatch
            | AlarmKind::Lapsed
            | AlarmKind::NoImage
            | AlarmKind::SeveralImages
            | AlarmKind::Revoked
            | AlarmKind::Withdrawn
            | AlarmKind::UnusedPattern => Self::Alarm,
        }
    }
}

/// An error and the exit code that it leads to.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub error: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Other, error }
    }
}

/// Says what an error is about.
pub trait WithExit<T> {
    fn with_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> WithExit<T> for Result<T, E> {
    fn with_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

/// Those of the kinds of which there is an alarm.
pub fn raised(kinds: &[AlarmKind], alarms: &[Alarm]) -> Vec<AlarmKind> {
    let mut raised: Vec<AlarmKind> = alarms.iter().map(Alarm::kind).filter(|kind| kinds.contains(kind)).collect();
    raised.sort_unstable();
    raised.dedup();
    raised
}

/// Ends a run that is done with the exit code of an alarm, where there are some that are to end it so.
pub fn fail_on(kinds: &[AlarmKind], alarms: &[Alarm]) -> Result<(), Failure> {
    let raised = raised(kinds, alarms);
    let Some(first) = raised.first().copied() else { return Ok(()) };
    Err(anyhow!("there are alarms that --fail-on names ({}): see the warnings above. All else is done", words(&raised)))
        .with_exit(first.into())
}

/// Ends a run that alarms have stopped.
pub fn stopped(by: &[AlarmKind]) -> Failure {
    let error = anyhow!(
        "there are alarms that --stop-on names ({}): see the warnings above. Nothing was claimed or recorded",
        words(by)
    );
    Failure { exit: Exit::Stopped, error }
}

fn words(kinds: &[AlarmKind]) -> String {
    kinds.iter().map(AlarmKind::to_string).collect::<Vec<_>>().join(", ")
}

/// Ends a run. An error is the last line that it prints.
pub fn end(run: Result<(), Failure>) -> ExitCode {
    let Err(Failure { exit, error }) = run else { return leave(0) };
    let message: String = without_credentials(&format!("{error:#}")).chars().take(MAX_MESSAGE).collect();
    let _ = writeln!(std::io::stderr(), "Error: {}", printable(&message));
    leave(exit as u8)
}

/// WASI's stable `exit` knows success and failure alone; the code needs its newer sibling, after
/// which nothing runs: stdout and stderr have no buffers of ours that could be lost.
fn leave(code: u8) -> ExitCode {
    #[cfg(target_os = "wasi")]
    if code > 1 {
        let _ = std::io::stdout().flush();
        wasi::cli::exit::exit_with_code(code);
    }
    ExitCode::from(code)
}
