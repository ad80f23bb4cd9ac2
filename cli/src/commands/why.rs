use ami_scheduler::report;
use ami_scheduler::tracker::Origin;
use anyhow::anyhow;
use jiff::Timestamp;

use crate::cli::Why;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::night::{Night, Request};
use crate::session::Connect;

pub fn run(args: Why, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    // Of a version that was asked for by hand: as if it were to be recorded.
    let request = Request { targets: args.targets.0, only_targets: Vec::new(), record: true, by: None };
    let night = Night::make(&args.packages, request, &args.tracker, connect, args.rules, Origin::default(), now)?;
    let is_meant = |target: &_| args.target.as_ref().is_none_or(|meant| meant == target);
    let filtered = night.packages.filtered.iter().map(|row| (row.package.clone(), row.reason));
    let text = report::why(filtered, &night.plan, &night.before, |package, target| {
        args.package.names(package) && target.is_none_or(is_meant)
    });
    if text.is_empty() {
        let target = args.target.map(|target| format!(" for {target}")).unwrap_or_default();
        return Err(anyhow!(
            "{} names no release of {} in {}{target}; `why '*'` names all that there are",
            args.package,
            night.packages.product,
            night.packages.repository
        ))
        .with_exit(Exit::Repository);
    }
    output!("{}", text.trim_end());
    Ok(())
}
