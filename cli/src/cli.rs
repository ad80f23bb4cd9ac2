//! The command line as a whole: what all commands have in common, and its long help, which is the manual.

// The comments are help texts for terminals, not Markdown.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::anyhow;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser};
use jiff::Timestamp;

use crate::args::LimitArgs;
use crate::args::environment::with_variables;
use crate::args::mistakes::Mistake;
use crate::args::values::{switch, time};
use crate::clock::Clock;
use crate::commands::Command;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;

/// Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
/// pipeline.
///
/// A night is four steps. `list` asks the repository for a product's releases. `diff` decides which of
/// them to build, claims them in the tracker, and writes the child pipeline that builds them. In it,
/// `update` records each success, and `settle` the failures.
#[derive(Debug, Parser)]
#[command(name = "ami-scheduler", version, after_help = EXIT_CODES)]
#[command(after_long_help = format!("{HOW_TO_RUN}\n\n{EXIT_CODES}"))]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The time to take for now, such as 2026-11-24T02:00:00Z, so that a run can be replayed
    #[arg(long, global = true, display_order = 1000, value_name = "TIME", value_parser = time)]
    now: Option<Timestamp>,
    /// A file of certificates (PEM) of private authorities, which are trusted besides the public web's
    ///
    /// The certificates that SSL_CERT_FILE and CI_SERVER_TLS_CA_FILE name are trusted, too. Proxies are
    /// taken from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in capitals or not.
    #[arg(long, global = true, display_order = 1000, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
    /// Print the result and errors, and no messages beside them
    #[arg(short, long, global = true, display_order = 1000, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    quiet: bool,
}

const EXIT_CODES: &str = "Exit codes:
  0 done (nothing to build is done)   2 the command line
  3 the package repository            4 GitLab or the tracker
  1 anything else
  Done, with an alarm that --fail-on names:
  5 republished   6 unchanged   7 shrank   8 overdue
  9 given_up, no_match, lapsed, no_image, several_images, revoked, unused_pattern
  Stopped, with nothing claimed or recorded:
  10 an alarm that --stop-on names
  Told, and not to be used:
  11 images --channel, of an image that is revoked";

const HOW_TO_RUN: &str = "A night on a laptop, with a tracker in a directory:

  $ mkdir -p tracker
  $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 \\
      --product gitlab-runner
  $ ami-scheduler diff --targets al2023,rhel9 --tracker tracker --ref main \\
      --build-file ci/build-ami.yml
  $ ami-scheduler status --tracker tracker

The trackers of a GitLab project, with a project access token (scope api, role
Developer to read, Maintainer to change):

  $ export CI_API_V4_URL=https://gitlab.example.com/api/v4 CI_PROJECT_ID=42
  $ export AMI_SCHEDULER_TOKEN=glpat-…
  $ ami-scheduler status --tracker gitlab

Each option can be given as a variable, which its help names. An option on the
command line counts more. An empty variable counts as none, except where an
option guards something, such as --gpg-key or --min-age: it is an error there.";

/// Does what the command line asks for.
pub fn run() -> Result<(), Failure> {
    let parsed = with_variables(Cli::command())
        .try_get_matches_from(std::env::args_os())
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    match parsed {
        Ok(Cli { command, now, ca_file, limits, quiet }) => {
            if quiet {
                crate::messages::be_quiet();
            }
            let session = Session { clock: Rc::new(Clock::new(now)), ca_file, limits: limits.into() };
            command.run(&session, Cli::command)
        }
        Err(help) if !help.use_stderr() => {
            // A closed pipe is no reason to end otherwise.
            let _ = help.print();
            Ok(())
        }
        Err(help) if help.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = help.print();
            Err(anyhow!("the command is missing: list, diff, status or another of those above"))
                .with_exit(Exit::CommandLine)
        }
        Err(error) => {
            let arguments: Vec<String> =
                std::env::args_os().skip(1).map(|text| text.to_string_lossy().into()).collect();
            let Mistake { usage, message } = Mistake::new(&error, &Cli::command(), &arguments);
            if let Some(usage) = usage {
                message!("{}", usage.trim_end());
            }
            Err(anyhow!(message)).with_exit(Exit::CommandLine)
        }
    }
}
