use ami_scheduler::release::{BuildKey, Target};
use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::args::ReleaseArgs;
use crate::args::lists::ListOf;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;
use crate::trackers::{change_releases, refuse_last_epoch};

const EXAMPLES: &str = "Examples:
  Take back what was skipped:
    $ ami-scheduler unskip 18.6.0 --target rhel9 --by mary \\
        --tracker tracker --ref main

  The same on all targets, in the project's Secure Files:
    $ ami-scheduler unskip gitlab-runner-18.6.1-1.x86_64 --by mary \\
        --tracker gitlab --ref main";

/// Takes back that a release is skipped: the next run treats it as one that it has not tried yet
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Unskip {
    #[command(flatten)]
    named: ReleaseArgs,
    /// Only for these targets; without it, for all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    target: ListOf<Target>,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", value_parser = NonEmptyStringValueParser::new())]
    by: String,
}

impl Unskip {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let release = &self.named.release;
        let unskipped = change_releases(session, &self.named, false, |document, releases, place| {
            refuse_last_epoch(document, releases, &self.target.0)?;
            let mut unskip = |package| document.unskip(package, &self.target.0, &self.by, session.now());
            let unskipped: Vec<BuildKey> = releases.iter().flat_map(&mut unskip).collect();
            if unskipped.is_empty() {
                return Err(anyhow!(
                    "the tracker of {} on {} in {place} does not skip {release}; `status` shows what it knows. \
                     Is it skipped by an input of the component? Then take it out there",
                    document.product(),
                    document.reference()
                ))
                .with_exit(Exit::Tracker);
            }
            Ok(unskipped)
        })?;
        for build in unskipped {
            output!("No longer skipped: {} {}", build.package, build.target);
        }
        Ok(())
    }
}
