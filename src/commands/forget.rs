use ami_scheduler::tracker::Target;
use ami_scheduler::tracker::heads::Tracker;
use anyhow::anyhow;
use jiff::Timestamp;

use super::{Connect, open_store};
use crate::cli::Forget;
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Forget, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let store = open_store(&args.tracker.tracker, connect)?;
    let (product, reference) = (args.package.name(), &args.tracker.reference);
    let tracker = Tracker::new(store.as_ref(), product, reference).or_exit(Exit::Tracker)?;
    let heads = tracker.read().or_exit(Exit::Tracker)?;
    let mut document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
    let forgotten = document.forget(&args.package, &args.target.0, &args.reason, args.by.as_deref(), now);
    if forgotten.is_empty() {
        let place = store.place();
        let targets: Vec<&str> = args.target.0.iter().map(Target::as_str).collect();
        let targets = if targets.is_empty() { String::new() } else { format!(" on {}", targets.join(", ")) };
        return Err(anyhow!(
            "the tracker of {product} on {reference} in {place} knows nothing of {}{targets}; \
             `status` shows what it knows",
            args.package
        ))
        .or_exit(Exit::Tracker);
    }
    tracker.write(&heads, &document).or_exit(Exit::Tracker)?;
    for build in forgotten {
        say!("Will be built again: {} {}", build.package, build.target);
    }
    Ok(())
}
