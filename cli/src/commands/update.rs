use std::path::PathBuf;
use std::str::FromStr;

use ami_scheduler::child_pipeline::NoteName;
use ami_scheduler::release::{BuildKey, Nevra, Target};
use ami_scheduler::report::junit::Case;
use ami_scheduler::text::printable;
use ami_scheduler::tracker::{MAX_NOTES, Notes, Origin, Recorded, State, that_fit};
use clap::Args;

use crate::args::values::{ListOf, package};
use crate::args::{OriginArgs, TrackerArgs};
use crate::exit::Failure;
use crate::files::{remove_earlier, write_junit};
use crate::session::Session;
use crate::trackers::{self, Kept};

const EXAMPLES: &str = "Examples:
  A build that has succeeded, with the id of its image:
    $ ami-scheduler update --package gitlab-runner-18.6.1-1.x86_64 \\
        --target al2023 --note AMI_ID=ami-0abc --tracker tracker --ref main

  The same in the project's Secure Files:
    $ ami-scheduler update --package gitlab-runner-18.6.1-1.x86_64 \\
        --target al2023 --note AMI_ID=ami-0abc --tracker gitlab --ref main";

/// Records that a build succeeded
///
/// It is safe to run again, and at the same time as any number of others.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Update {
    #[command(flatten)]
    tracker: TrackerArgs,
    /// The release: NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64
    #[arg(long, value_name = "NEVRA", value_parser = package)]
    package: Nevra,
    /// What the image was built on
    #[arg(long, value_name = "TARGET")]
    target: Target,
    /// What to remember of the build: NAME=VALUE, or a list of names of variables that hold the values
    #[arg(long = "note", value_name = "NAME=VALUE|LIST", env = "AMI_SCHEDULER_NOTES")]
    notes: Vec<NotesArg>,
    /// Where to write the build as a JUnit report, for GitLab's Tests tab; without it, nowhere
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    origin: OriginArgs,
}

/// Notes as they are given: one with its value, or the names of variables.
#[derive(Debug, Clone)]
enum NotesArg {
    Value(NoteName, String),
    Variables(Vec<NoteName>),
}

impl FromStr for NotesArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) => Ok(Self::Value(name.parse().map_err(|error| format!("{error}"))?, value.to_owned())),
            None => text.parse().map(|ListOf(names)| Self::Variables(names)),
        }
    }
}

impl Update {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        remove_earlier(self.junit.as_deref())?;
        let reported = notes(self.notes);
        let notes = that_fit(&reported);
        for name in reported.keys().filter(|name| !notes.contains_key(*name)) {
            message!(
                "{name} is not recorded: the notes of one build may have {MAX_NOTES} bytes as JSON, and there is no room left for it. The build is recorded without it."
            );
        }
        let build = BuildKey { package: self.package, target: self.target };
        let product = build.package.name();
        let (before, recorded, after) =
            trackers::change(session, &self.tracker, product, Kept::Used, |document, _| {
                let before = document.get(&build).cloned();
                let recorded = document.succeed(&build, &notes, session.now, Origin::from(self.origin));
                Ok((before, recorded, document.get(&build).cloned()))
            })?;
        let begun = before.as_ref().filter(|entry| entry.state == State::Building).map(|entry| entry.since);
        let took = begun.map(|begun| session.now.duration_since(begun));
        let told: Vec<String> = notes.iter().map(|(name, value)| format!(" {name}={}", printable(value))).collect();
        match recorded {
            Recorded::Changed => output!("Recorded as built: {} {}{}", build.package, build.target, told.concat()),
            Recorded::AsBefore => output!("Was recorded as built before: {} {}", build.package, build.target),
        }
        if before.is_none() {
            output!("No diff had claimed it: if that is not what you meant, is the package spelt right?");
        }
        let case = after.map(|entry| Case::recorded(&build, &entry, took));
        write_junit(self.junit.as_deref(), &self.tracker.reference, session.now, case.as_slice())?;
        Ok(())
    }
}

/// The notes with their values. A variable may be empty: the build did not set it.
fn notes(given: Vec<NotesArg>) -> Notes {
    let mut notes = Notes::new();
    for given in given {
        match given {
            NotesArg::Value(name, value) => drop(notes.insert(name.to_string(), value)),
            NotesArg::Variables(names) => {
                for name in names.iter().map(ToString::to_string) {
                    match std::env::var(&name).ok().filter(|value| !value.is_empty()) {
                        Some(value) => drop(notes.insert(name, value)),
                        None => output!("No {name} is recorded: the build reported none."),
                    }
                }
            }
        }
    }
    notes
}
