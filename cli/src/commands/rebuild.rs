use ami_scheduler::release::listed;
use anyhow::anyhow;
use jiff::Timestamp;

use crate::cli::Rebuild;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::{Connect, change_tracker};

pub fn run(args: &Rebuild, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let (product, reference) = (args.package.name(), &args.tracker.reference);
    let asked = change_tracker(&args.tracker, product, connect, |document, place| {
        let asked = document.rebuild(&args.package, &args.target.0, &args.reason, args.by.as_deref(), now);
        if asked.is_empty() {
            let targets = &args.target.0;
            let targets = if targets.is_empty() { String::new() } else { format!(" on {}", listed(targets)) };
            return Err(anyhow!(
                "the tracker of {product} on {reference} in {place} knows nothing of {}{targets}; \
                 `status` shows what it knows",
                args.package
            ))
            .with_exit(Exit::Tracker);
        }
        Ok(asked)
    })?;
    for build in asked {
        output!("Will be built again: {} {}", build.package, build.target);
    }
    Ok(())
}
