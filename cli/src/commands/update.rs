use ami_scheduler::release::BuildKey;
use ami_scheduler::report::junit::Case;
use ami_scheduler::tracker::{Notes, Origin, Recorded, State};
use jiff::Timestamp;

use crate::cli::{Note, Update};
use crate::exit::Failure;
use crate::files::write_junit;
use crate::session::{Connect, change_tracker};

pub fn run(args: Update, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let notes = notes(args.notes);
    let build = BuildKey { package: args.package, target: args.target };
    let reference = &args.tracker.reference;
    let (before, recorded, after) = change_tracker(&args.tracker, build.package.name(), connect, |document, _| {
        let before = document.get(&build).cloned();
        let recorded = document.succeed(&build, &notes, now, Origin::from(args.origin));
        Ok((before, recorded, document.get(&build).cloned()))
    })?;
    let begun = before.as_ref().filter(|entry| entry.state == State::Building).map(|entry| entry.since);
    let took = begun.map(|begun| now.duration_since(begun));
    let told: Vec<String> =
        notes.iter().map(|(name, value)| format!(" {name}={}", ami_scheduler::text::printable(value))).collect();
    match recorded {
        Recorded::Changed => output!("Recorded as built: {} {}{}", build.package, build.target, told.concat()),
        Recorded::AsBefore => output!("Was recorded as built before: {} {}", build.package, build.target),
    }
    if before.is_none() {
        output!("No diff had claimed it: if that is not what you meant, is the package spelt right?");
    }
    let case = after.map(|entry| Case::recorded(&build, &entry, took));
    write_junit(args.junit.as_deref(), reference, now, case.as_slice())?;
    Ok(())
}

/// Notes without a value take that of the variable of their name; the build may not have set it.
fn notes(given: Vec<Note>) -> Notes {
    let mut notes = Notes::new();
    for Note { name, value } in given {
        let name = name.to_string();
        if let Some(value) = value.or_else(|| std::env::var(&name).ok().filter(|value| !value.is_empty())) {
            notes.insert(name, value);
        } else {
            output!("No {name} is recorded: the build reported none.");
        }
    }
    notes
}
