use ami_scheduler::release::{BuildKey, Checksum, Target, listed};
use ami_scheduler::tracker::Acknowledged;
use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::args::ReleaseArgs;
use crate::args::lists::ListOf;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;
use crate::trackers::change_releases;

const EXAMPLES: &str = "Examples:
  A release whose packages were signed with another key:
    $ ami-scheduler acknowledge 18.6.1 --target al2023 --by mary \\
        --checksum sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 \\
        --reason 'signed with the new key' --tracker tracker --ref main";

/// Says that it is all right that a release was published again with another content
///
/// The images stay, and the alarm `republished` ends. The checksum is the one that the alarm tells: should the file
/// change once more, the alarm is raised again. To build the release from the new file, use `rebuild`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Acknowledge {
    #[command(flatten)]
    named: ReleaseArgs,
    /// Only for these targets; without it, for all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    target: ListOf<Target>,
    /// The checksum of the file that is there now, such as sha256:9f86d081…
    #[arg(long, value_name = "KIND:DIGITS")]
    checksum: Checksum,
    /// Why, for those who read the tracker
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", value_parser = NonEmptyStringValueParser::new())]
    by: String,
}

impl Acknowledge {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let (release, targets) = (&self.named.release, &self.target.0);
        let acknowledged = change_releases(session, &self.named, false, |document, releases, place| {
            let [package] = releases else {
                let all: Vec<String> = releases.iter().map(ToString::to_string).collect();
                return Err(anyhow!(
                    "{release} is one of {}, and each has a file of its own: name one of them in full",
                    all.join(", ")
                ))
                .with_exit(Exit::CommandLine);
            };
            let about =
                format!("{package} in the tracker of {} on {} in {place}", document.product(), document.reference());
            let of = if targets.is_empty() { String::new() } else { format!(" for {}", listed(targets)) };
            match document.acknowledge(package, targets, &self.checksum, &self.reason, &self.by) {
                Acknowledged::Builds(builds) => Ok(builds),
                Acknowledged::AsBefore => Ok(Vec::new()),
                Acknowledged::SeveralFiles => Err(anyhow!(
                    "{about} was built{of} from several files: name with --target those that the alarm names"
                )),
                Acknowledged::NotBuilt => Err(anyhow!(
                    "{about} is not built{of}: there is nothing to acknowledge; `status` shows what it knows"
                )),
            }
            .with_exit(Exit::Tracker)
        })?;
        if acknowledged.is_empty() {
            output!("Was acknowledged before: {release} is from the file that is {}", self.checksum);
        }
        for BuildKey { package, target } in acknowledged {
            output!("Acknowledged: {package} {target} is from the file that is now {}", self.checksum);
        }
        Ok(())
    }
}
