use ami_scheduler::tracker::heads::Tracker;
use ami_scheduler::tracker::{Build, Recorded, State, Target};
use anyhow::anyhow;
use jiff::Timestamp;

use super::{Connect, open_store};
use crate::cli::Skip;
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Skip, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let store = open_store(&args.tracker.tracker, connect)?;
    let (product, reference) = (args.package.name(), &args.tracker.reference);
    let tracker = Tracker::new(store.as_ref(), product, reference).or_exit(Exit::Tracker)?;
    let heads = tracker.read().or_exit(Exit::Tracker)?;
    let mut document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
    let mut targets: Vec<Target> = args.target.0.clone();
    if targets.is_empty() {
        targets.extend(document.targets().into_iter().cloned());
    }
    if targets.is_empty() {
        return Err(anyhow!(
            "the tracker of {product} on {reference} in {} knows no target yet: name those to skip {} for, with --target",
            store.place(),
            args.package
        ))
        .or_exit(Exit::Tracker);
    }
    let mut told = Vec::new();
    let mut built = Vec::new();
    for target in targets {
        let build = Build { package: args.package.clone(), target };
        let was_building = document.get(&build).is_some_and(|entry| entry.state == State::Building);
        match document.skip_by_hand(&build, &args.reason, &args.by, now) {
            Recorded::Changed if was_building => {
                told.push(format!(
                    "Skipped: {} {}; the build that is under way counts if it succeeds",
                    build.package, build.target
                ));
            }
            Recorded::Changed => told.push(format!("Skipped: {} {}", build.package, build.target)),
            Recorded::AsBefore if document.get(&build).is_some_and(|entry| entry.state == State::Built) => {
                built.push(build.target.to_string());
            }
            Recorded::AsBefore => told.push(format!("Was skipped before: {} {}", build.package, build.target)),
        }
    }
    if told.is_empty() {
        return Err(anyhow!("{} is built for {}: there is nothing left to skip", args.package, built.join(", ")))
            .or_exit(Exit::Tracker);
    }
    tracker.write(&heads, &document).or_exit(Exit::Tracker)?;
    told.extend(built.iter().map(|target| format!("Is built, and stays so: {} {target}", args.package)));
    say!("{}", told.join("\n"));
    Ok(())
}
