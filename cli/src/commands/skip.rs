use ami_scheduler::release::{BuildKey, Target};
use ami_scheduler::tracker::{Recorded, State};
use anyhow::anyhow;
use jiff::Timestamp;

use crate::cli::Skip;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::{Connect, change_tracker};

pub fn run(args: &Skip, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let (product, reference) = (args.package.name(), &args.tracker.reference);
    let (mut told, too_late) = change_tracker(&args.tracker, product, connect, |document, place| {
        let mut targets: Vec<Target> = args.target.0.clone();
        if targets.is_empty() {
            targets.extend(document.targets().into_iter().cloned());
        }
        if targets.is_empty() {
            return Err(anyhow!(
            "the tracker of {product} on {reference} in {place} knows no target yet: name those to skip {} for, with --target",
            args.package
        ))
        .with_exit(Exit::Tracker);
        }
        let (mut told, mut too_late) = (Vec::new(), Vec::new());
        for target in targets {
            let build = BuildKey { package: args.package.clone(), target };
            let state = document.get(&build).map(|entry| entry.state);
            let recorded = document.skip_by_hand(&build, &args.reason, &args.by, now);
            let BuildKey { package, target } = build;
            match (recorded, state) {
                (Recorded::AsBefore, Some(State::Built)) => too_late.push(target.to_string()),
                (Recorded::AsBefore, _) => told.push(format!("Was skipped before: {package} {target}")),
                (Recorded::Changed, Some(State::Building)) => {
                    told.push(format!(
                        "Skipped: {package} {target}; the build that is under way counts if it succeeds"
                    ));
                }
                (Recorded::Changed, _) => told.push(format!("Skipped: {package} {target}")),
            }
        }
        if told.is_empty() {
            let targets = too_late.join(", ");
            return Err(anyhow!("{} is built for {targets}: there is nothing left to skip", args.package))
                .with_exit(Exit::Tracker);
        }
        Ok((told, too_late))
    })?;
    told.extend(too_late.iter().map(|target| format!("Is built, and stays so: {} {target}", args.package)));
    output!("{}", told.join("\n"));
    Ok(())
}
