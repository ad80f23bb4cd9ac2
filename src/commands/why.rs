use ami_scheduler::report;
use ami_scheduler::tracker::Origin;
use anyhow::anyhow;
use jiff::Timestamp;

use super::Connect;
use super::diff::{ByHand, Plan, Targets};
use crate::cli::Why;
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: Why, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let targets = Targets { all: args.targets.0, only: Vec::new() };
    // Of a version that was asked for by hand: as if it were to be recorded.
    let by_hand = ByHand { by: None, record: true };
    let origin = Origin::default();
    let plan = Plan::make(&args.packages, targets, &args.tracker, connect, args.rules, &by_hand, &origin, now)?;
    let is_meant = |target: &_| args.target.as_ref().is_none_or(|meant| meant == target);
    let left_out = plan.packages.left_out.iter().map(|row| (row.package.clone(), row.reason));
    let text = report::why(left_out, &plan.diff, &plan.before, &plan.rules, |package, target| {
        args.package.names(package) && target.is_none_or(is_meant)
    });
    if text.is_empty() {
        let target = args.target.map(|target| format!(" for {target}")).unwrap_or_default();
        return Err(anyhow!(
            "{} names no release of {} in {}{target}; `why '*'` names all that there are",
            args.package,
            plan.packages.product,
            plan.packages.repository
        ))
        .or_exit(Exit::Repository);
    }
    say!("{}", text.trim_end());
    Ok(())
}
