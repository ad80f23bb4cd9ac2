use anyhow::anyhow;
use jiff::Timestamp;

use crate::cli::Unskip;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::{Connect, change_tracker};

pub fn run(args: &Unskip, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let (product, reference) = (args.package.name(), &args.tracker.reference);
    let unskipped = change_tracker(&args.tracker, product, connect, |document, place| {
        let unskipped = document.unskip(&args.package, &args.target.0, &args.by, now);
        if unskipped.is_empty() {
            return Err(anyhow!(
                "the tracker of {product} on {reference} in {place} does not skip {}; `status` shows what it knows. \
                 Is it skipped by an input of the component? Then take it out there",
                args.package
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
