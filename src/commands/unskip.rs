use ami_scheduler::tracker::heads::Tracker;
use anyhow::anyhow;
use jiff::Timestamp;

use super::{Connect, open_store};
use crate::cli::Unskip;
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Unskip, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let store = open_store(&args.tracker.tracker, connect)?;
    let (product, reference) = (args.package.name(), &args.tracker.reference);
    let tracker = Tracker::new(store.as_ref(), product, reference).or_exit(Exit::Tracker)?;
    let heads = tracker.read().or_exit(Exit::Tracker)?;
    let mut document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
    let unskipped = document.unskip(&args.package, &args.target.0, &args.by, now);
    if unskipped.is_empty() {
        return Err(anyhow!(
            "the tracker of {product} on {reference} in {} does not skip {}; `status` shows what it knows. \
             Is it skipped by an input of the component? Then take it out there",
            store.place(),
            args.package
        ))
        .or_exit(Exit::Tracker);
    }
    tracker.write(&heads, &document).or_exit(Exit::Tracker)?;
    for build in unskipped {
        say!("No longer skipped: {} {}", build.package, build.target);
    }
    Ok(())
}
