use ami_scheduler::release::{BuildKey, Nevra, Target};
use ami_scheduler::tracker::{Document, Entry, Recorded, State};
use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::args::ReleaseArgs;
use crate::args::lists::ListOf;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;
use crate::trackers::change_releases;

const EXAMPLES: &str = "Examples:
  A release that is not to be built on one target:
    $ ami-scheduler skip 18.6.0 --target rhel9 --tracker tracker --ref main \\
        --reason 'needs a newer glibc' --by mary

  On all targets, in the project's Secure Files, before the tracker knows it:
    $ ami-scheduler skip gitlab-runner-18.6.1-1.x86_64 --tracker gitlab \\
        --ref main --reason 'does not start' --by mary";

/// Records that a release is not to be built, by whom and why
///
/// What is built already stays so. `unskip` takes it back; `rebuild` asks for a build in any case. A release
/// that the tracker does not know yet is named in full: gitlab-runner-18.6.1-1.x86_64.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Skip {
    #[command(flatten)]
    named: ReleaseArgs,
    /// Only for these targets; without it, for all that the tracker knows
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    target: ListOf<Target>,
    /// Why, for those who wonder where the image is
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", value_parser = NonEmptyStringValueParser::new())]
    by: String,
}

/// The outcome of a skip.
#[derive(Default)]
struct Outcome {
    told: Vec<String>,
    /// Builds that are done, and cannot be skipped.
    too_late: Vec<BuildKey>,
}

impl Skip {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let release = &self.named.release;
        let begins_a_tracker = !self.target.0.is_empty();
        let Outcome { told, too_late } = change_releases(
            session,
            &self.named,
            begins_a_tracker,
            |document, releases, place| {
                let mut targets = self.target.0.clone();
                if targets.is_empty() {
                    targets.extend(document.targets().into_iter().cloned());
                }
                if targets.is_empty() {
                    return Err(anyhow!(
                    "the tracker of {} on {} in {place} knows no target yet: name those to skip {release} for, with --target",
                    document.product(),
                    document.reference()
                ))
                .with_exit(Exit::Tracker);
                }
                let outcome = self.skip(document, releases, &targets, session);
                if outcome.told.is_empty() {
                    let built: Vec<&str> = outcome.too_late.iter().map(|build| build.target.as_str()).collect();
                    return Err(anyhow!("{release} is built for {}: there is nothing left to skip", built.join(", ")))
                        .with_exit(Exit::Tracker);
                }
                Ok(outcome)
            },
        )?;
        for told in told {
            output!("{told}");
        }
        for build in too_late {
            output!("Is built, and stays so: {} {}", build.package, build.target);
        }
        Ok(())
    }

    fn skip(&self, document: &mut Document, releases: &[Nevra], targets: &[Target], session: &Session) -> Outcome {
        let mut outcome = Outcome::default();
        let is_unknown = |package: &&Nevra| !document.entries().any(|(known, _, _)| known == *package);
        let unknown: Vec<Nevra> = releases.iter().filter(is_unknown).cloned().collect();
        for (package, target) in releases.iter().flat_map(|package| targets.iter().map(move |target| (package, target)))
        {
            let build = BuildKey { package: package.clone(), target: target.clone() };
            let state = document.get(&build).map(|entry| entry.state);
            // Of several releases, each is for some of the targets only: those of its architecture, say.
            if releases.len() > 1 && self.target.0.is_empty() && state.is_none() {
                continue;
            }
            match (document.skip_by_hand(&build, &self.reason, &self.by, session.now()), state) {
                (Recorded::Changed, Some(State::Building)) => outcome
                    .told
                    .push(format!("Skipped: {package} {target}; the build that is under way counts if it succeeds")),
                (Recorded::Changed, _) if unknown.contains(package) => outcome
                    .told
                    .push(format!("Skipped: {package} {target}; no run has seen this release yet: is its name right?")),
                (Recorded::Changed, _) => outcome.told.push(format!("Skipped: {package} {target}")),
                _ if document.get(&build).is_some_and(Entry::is_built_already) => outcome.too_late.push(build),
                _ => outcome.told.push(format!("Was skipped before: {package} {target}")),
            }
        }
        outcome
    }
}
