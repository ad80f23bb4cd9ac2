//! The builds that a change of the rules adds and drops, as text.

use std::fmt::Write as _;

use super::plan::MANY;
use crate::plan::compare::{Comparison, Earlier};
use crate::text::{count, minute, printable};

/// Text about the builds that a change of the rules adds and drops.
pub fn comparison(earlier: &Earlier, comparison: &Comparison) -> String {
    let run = format!("the run of pipeline {}, {}", earlier.pipeline, minute(earlier.decided_at));
    let (added, dropped) = (&comparison.added, &comparison.dropped);
    if added.is_empty() && dropped.is_empty() {
        return format!("Compared with {run}, these rules add and drop nothing.\n");
    }
    let mut text = format!("Compared with {run}, these rules\n");
    for (verb, sign, changes) in [("add", '+', added), ("drop", '-', dropped)] {
        let _ = writeln!(text, "  {verb} {}:", count(changes.len(), "build"));
        for change in changes.iter().take(MANY) {
            let (before, now) = (printable(&change.before), printable(&change.now));
            let _ = writeln!(text, "    {sign} {} {}  {now} (before: {before})", change.package, change.target);
        }
        if changes.len() > MANY {
            let _ = writeln!(text, "    … and {} more", changes.len() - MANY);
        }
    }
    text
}
