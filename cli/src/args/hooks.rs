use ami_scheduler::child_pipeline::{BuildJob, Hooks};
use clap::{ArgAction, Args};

use super::values::{Guard, guard, switch};

/// The team's jobs that run once, after the builds.
#[derive(Debug, Args)]
pub struct HookArgs {
    /// The hidden job that hands on the images, once, after the builds; none to do without
    #[arg(long, value_name = "JOB|none", value_parser = publish_job)]
    publish_job: Option<Guard<BuildJob>>,
    /// The hidden job that tells people what became of the builds, once; none to do without
    #[arg(long, value_name = "JOB|none", value_parser = notify_job)]
    notify_job: Option<Guard<BuildJob>>,
    /// Run these two although there is nothing to build, and no alarm
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    quiet_nights: bool,
}

impl HookArgs {
    pub fn into_hooks(self) -> Hooks {
        let job = |job: Option<Guard<BuildJob>>| job.and_then(|job| job.0);
        Hooks { publish: job(self.publish_job), notify: job(self.notify_job), quiet_nights: self.quiet_nights }
    }
}

fn publish_job(text: &str) -> Result<Guard<BuildJob>, String> {
    guard(text, "a job that hands the images on")
}

fn notify_job(text: &str) -> Result<Guard<BuildJob>, String> {
    guard(text, "a job that tells of the builds")
}
