use ami_scheduler::report;
use anyhow::anyhow;
use jiff::Timestamp;

use super::{Connect, change_tracker};
use crate::cli::Forget;
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Forget, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let (product, reference) = (args.package.name(), &args.tracker.reference);
    let forgotten = change_tracker(&args.tracker, product, connect, |document, place| {
        let forgotten = document.forget(&args.package, &args.target.0, &args.reason, args.by.as_deref(), now);
        if forgotten.is_empty() {
            let targets = &args.target.0;
            let targets = if targets.is_empty() { String::new() } else { format!(" on {}", report::listed(targets)) };
            return Err(anyhow!(
                "the tracker of {product} on {reference} in {place} knows nothing of {}{targets}; \
                 `status` shows what it knows",
                args.package
            ))
            .or_exit(Exit::Tracker);
        }
        Ok(forgotten)
    })?;
    for build in forgotten {
        say!("Will be built again: {} {}", build.package, build.target);
    }
    Ok(())
}
