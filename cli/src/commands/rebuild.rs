use ami_scheduler::release::{BuildKey, Target, listed};
use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::args::ReleaseArgs;
use crate::args::lists::ListOf;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::revocation::warning_of_build;
use crate::session::Session;
use crate::trackers::{change_releases, refuse_last_epoch};

const EXAMPLES: &str = "Examples:
  Build one image again, with the reason:
    $ ami-scheduler rebuild 18.6.1 --target al2023 --by mary \\
        --reason 'the image had no swap' --tracker tracker --ref main

  Build a release again on all targets, in the project's Secure Files:
    $ ami-scheduler rebuild gitlab-runner-18.6.1-1.x86_64 \\
        --tracker gitlab --ref main --reason 'the base image was patched'";

/// Asks for a build anew: what was recorded of it no longer holds, its failures included
///
/// The next diff builds it, as its first attempt. A claim ends, too: use it after a pipeline that was
/// cancelled, rather than wait for the claim to lapse.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Rebuild {
    #[command(flatten)]
    named: ReleaseArgs,
    /// Only for these targets; without it, for all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    target: ListOf<Target>,
    /// Why, for those who read the tracker
    #[arg(long, value_name = "TEXT", default_value = "by hand", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN")]
    by: Option<String>,
}

impl Rebuild {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let (release, targets) = (&self.named.release, &self.target.0);
        let asked = change_releases(session, &self.named, false, |document, releases, place| {
            refuse_last_epoch(document, releases, targets)?;
            let mut rebuild =
                |package| document.rebuild(package, targets, &self.reason, self.by.as_deref(), session.now());
            let asked: Vec<BuildKey> = releases.iter().flat_map(&mut rebuild).collect();
            if asked.is_empty() {
                let targets = if targets.is_empty() { String::new() } else { format!(" on {}", listed(targets)) };
                return Err(anyhow!(
                    "the tracker of {} on {} in {place} knows nothing of {release}{targets}; `status` shows what it knows",
                    document.product(),
                    document.reference()
                ))
                .with_exit(Exit::Tracker);
            }
            let warning = |build: &BuildKey| warning_of_build(document, &build.package, &build.target);
            Ok(asked.into_iter().map(|build| (warning(&build), build)).collect::<Vec<_>>())
        })?;
        for (warning, build) in asked {
            output!("Will be built again: {} {}", build.package, build.target);
            if let Some(warning) = warning {
                message!("{warning}");
            }
        }
        Ok(())
    }
}
