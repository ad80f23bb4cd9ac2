use std::collections::BTreeMap;

use ami_scheduler::package::Nevra;
use ami_scheduler::tracker::heads::Tracker;
use ami_scheduler::tracker::{Build, Recorded, plain_text};
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::{Connect, open_store, read};
use crate::cli::Import;
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Import, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    if args.targets.0.is_empty() {
        return Err(anyhow!("--targets is empty; name what these packages were built on, such as --targets al2023"))
            .or_exit(Exit::CommandLine);
    }
    let file = args.file.display();
    let doing = || format!("{file} cannot be taken over");
    let text = String::from_utf8(read(&args.file)?).context("it is no UTF-8 text; store it as such");
    let packages = plain_text::parse(&text.with_context(doing)?).with_context(doing)?;
    let mut by_product: BTreeMap<&str, Vec<&Nevra>> = BTreeMap::new();
    for package in &packages {
        by_product.entry(package.name()).or_default().push(package);
    }
    if by_product.is_empty() {
        say!("{file} names no package: nothing to take over.");
    }
    let store = open_store(&args.tracker.tracker, connect)?;
    for (product, packages) in by_product {
        let tracker = Tracker::new(store.as_ref(), product, &args.tracker.reference).or_exit(Exit::Tracker)?;
        let heads = tracker.read().or_exit(Exit::Tracker)?;
        let mut document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
        let builds = packages.iter().flat_map(|package| {
            args.targets.0.iter().map(|target| Build { package: (*package).clone(), target: target.clone() })
        });
        let reason = format!("imported from {file}");
        let (new, known): (Vec<_>, Vec<_>) =
            builds.map(|build| document.import(&build, &reason, now)).partition(|one| *one == Recorded::Changed);
        tracker.write(&heads, &document).or_exit(Exit::Tracker)?;
        say!("{product}: {} recorded as built, {} were so before.", new.len(), known.len());
    }
    Ok(())
}
