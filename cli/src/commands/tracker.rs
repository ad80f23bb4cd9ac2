use ami_scheduler::release::Target;
use ami_scheduler::text::{count, printable};
use ami_scheduler::tracker::heads::Tracker;
use ami_scheduler::tracker::{Document, State};
use anyhow::anyhow;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use crate::args::values::product;
use crate::args::{TrackerArgs, TrackerPlace};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;
use crate::trackers::{Kept, change_existing, no_tracker};

const EXAMPLES: &str = "Examples:
  A branch that begins with what main has:
    $ ami-scheduler tracker copy --product gitlab-runner --from main \\
        --to release --tracker gitlab

  A target that has another name from now on:
    $ ami-scheduler tracker rename-target rhel9 rocky9 --product gitlab-runner \\
        --tracker gitlab --ref main

  One that is no longer built on, with all that was recorded of it:
    $ ami-scheduler tracker remove-target rocky9 --product gitlab-runner \\
        --tracker gitlab --ref main";

/// Copies a tracker, and renames and removes its targets
///
/// Each is safe at the same time as any number of jobs.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct TrackerCommand {
    #[command(subcommand)]
    command: Change,
}

#[derive(Debug, Subcommand)]
enum Change {
    Copy(Copy),
    RenameTarget(RenameTarget),
    RemoveTarget(RemoveTarget),
}

/// Copies the tracker of one ref to another ref, without open claims
///
/// What the other ref has already stays: of each build, the entry that is further counts.
#[derive(Debug, Args)]
struct Copy {
    /// The product
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: String,
    /// Where the tracker is: gitlab (Secure Files of the project), or a directory
    #[arg(long = "tracker", value_name = "gitlab|DIR")]
    place: TrackerPlace,
    /// The branch or tag whose tracker is copied
    #[arg(long, value_name = "REF", value_parser = NonEmptyStringValueParser::new())]
    from: String,
    /// The branch or tag that gets it
    #[arg(long, value_name = "REF", value_parser = NonEmptyStringValueParser::new())]
    to: String,
}

/// Gives what was recorded of a target to another, which the tracker does not know yet
///
/// Open claims are given back: what is built for the old name is recorded there.
#[derive(Debug, Args)]
struct RenameTarget {
    /// The name so far
    from: Target,
    /// The name from now on
    to: Target,
    #[command(flatten)]
    of: Of,
}

/// Removes a target with all that was recorded of it, its images, too
#[derive(Debug, Args)]
struct RemoveTarget {
    /// The target
    target: Target,
    #[command(flatten)]
    of: Of,
}

/// The tracker that is changed.
#[derive(Debug, Args)]
struct Of {
    /// The product
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: String,
    #[command(flatten)]
    tracker: TrackerArgs,
}

impl TrackerCommand {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        match self.command {
            Change::Copy(copy) => copy.run(session),
            Change::RenameTarget(rename) => rename.run(session),
            Change::RemoveTarget(remove) => remove.run(session),
        }
    }
}

impl Copy {
    fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { product, place, from, to } = self;
        if from == to {
            return Err(anyhow!("--from and --to are the same ref, {}", printable(&from))).with_exit(Exit::CommandLine);
        }
        let store = session.store(&place)?;
        let read = |reference: &str| -> Result<_, Failure> {
            let tracker = Tracker::new(store.as_ref(), &product, reference).with_exit(Exit::Tracker)?;
            let heads = tracker.read().with_exit(Exit::Tracker)?;
            Ok((tracker, heads))
        };
        let (_, original) = read(&from)?;
        let Some(original) = original.document else {
            return Err(anyhow!(no_tracker(store.as_ref(), Some(&product), &from))).with_exit(Exit::Tracker);
        };
        let (tracker, heads) = read(&to)?;
        let known = heads.document.clone().unwrap_or_else(|| tracker.new_document());
        let before = known.entries().count();
        let copy = original.copy_to(&known, session.now());
        let merged = known.merge(copy);
        tracker.write(&heads, &merged).with_exit(Exit::Tracker)?;
        output!(
            "Copied {} from {} to {}, which had {before} and has {} now.",
            count(original.entries().count(), "build"),
            printable(&from),
            printable(&to),
            merged.entries().count(),
        );
        Ok(())
    }
}

impl RenameTarget {
    fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { from, to, of } = self;
        let moved = change_existing(session, &of.tracker, &of.product, Kept::Left, |document, place| {
            refuse_unknown(document, &from, place)?;
            if is_known(document, &to) {
                return Err(anyhow!(
                    "{to} is a target of the tracker in {place} already: remove it first, with `tracker remove-target`"
                ))
                .with_exit(Exit::CommandLine);
            }
            Ok(document.rename_target(&from, &to, session.now()))
        })?;
        output!("{from} is {to} now: {}.", count(moved, "build"));
        Ok(())
    }
}

impl RemoveTarget {
    fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { target, of } = self;
        let (builds, claims) = change_existing(session, &of.tracker, &of.product, Kept::Left, |document, place| {
            refuse_unknown(document, &target, place)?;
            let own = || document.entries().filter(|(_, known, _)| **known == target);
            let counts = (own().count(), own().filter(|(_, _, entry)| entry.state == State::Building).count());
            document.remove_target(&target);
            Ok(counts)
        })?;
        output!("Removed {target}: {}.", count(builds, "build"));
        if claims > 0 {
            output!("Builds under way: {claims}. What they make is recorded as that of a new target.");
        }
        output!("Is it still among `targets`? Then the next run is a first run for it.");
        Ok(())
    }
}

fn is_known(document: &Document, target: &Target) -> bool {
    document.targets().contains(target) || document.entries().any(|(_, known, _)| known == target)
}

fn refuse_unknown(document: &Document, target: &Target, place: &str) -> Result<(), Failure> {
    if is_known(document, target) {
        return Ok(());
    }
    let targets: Vec<String> = document.targets().iter().map(ToString::to_string).collect();
    Err(anyhow!("the tracker in {place} knows no target {target}: it has {}", targets.join(", ")))
        .with_exit(Exit::CommandLine)
}
