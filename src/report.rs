//! What a run says to a person: counts, then each build with its reason.

use std::fmt::Write as _;

use crate::diff::{Because, Diff, FirstRun, LeftAlone, Planned, Reason, Rules};
use crate::package::Nevra;
use crate::policy::{LeftOut, Versions};
use crate::tracker::{Document, Entry, Target};

/// How many lines of one kind are printed in full.
const MOST_LINES: usize = 50;

/// What `list` found.
pub fn listing(
    product: &str,
    repository: &str,
    versions: &Versions,
    found: usize,
    left_out: &[(Nevra, LeftOut)],
) -> String {
    let all = found + left_out.len();
    let mut text = format!("{product} in {repository}: {}, {found} wanted ({versions})\n", count(all, "package"));
    let mut reasons: Vec<LeftOut> = left_out.iter().map(|(_, reason)| *reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        let number = left_out.iter().filter(|(_, other)| *other == reason).count();
        let _ = writeln!(text, "  left out  {number:>4}  {}", reason.reason());
    }
    text
}

/// What `diff` decided.
pub fn diff(product: &str, reference: &str, releases: usize, targets: &[Target], diff: &Diff, rules: &Rules) -> String {
    let cells = diff.builds.len() + diff.left_alone.len();
    let mut text = format!(
        "{product} on {reference}: {} x {} = {}\n",
        count(releases, "release"),
        count(targets.len(), "target"),
        count(cells, "build"),
    );
    push_counts(&mut text, diff);
    push_first_run(&mut text, diff, rules.first_run);
    for change in &diff.republished {
        let _ = writeln!(
            text,
            "WARNING: {} was published again with another content after it was built for {}: {} then, {} now. \
             It is not built again; find out why it changed",
            change.package, change.target, change.recorded, change.offered
        );
    }
    let noteworthy: Vec<String> = diff.left_alone.iter().filter_map(explained).collect();
    push_lines(&mut text, "Left alone, to be looked at:", &noteworthy);
    let builds: Vec<String> = diff.builds.iter().map(|build| planned(build, rules)).collect();
    push_lines(&mut text, "To build:", &builds);
    if builds.is_empty() {
        text.push_str("Nothing to build.\n");
    }
    text
}

fn push_counts(text: &mut String, diff: &Diff) {
    let number = |is: fn(&Reason) -> bool| diff.left_alone.iter().filter(|cell| is(&cell.reason)).count();
    for (word, number) in [
        ("to build", diff.builds.len()),
        ("built", number(|reason| matches!(reason, Reason::Built { .. }))),
        ("skipped", number(|reason| matches!(reason, Reason::Skipped { .. }))),
        ("held by other pipelines", number(|reason| matches!(reason, Reason::Held { .. }))),
        ("given up", number(|reason| matches!(reason, Reason::GivenUp { .. }))),
        ("left for the next run (--max-builds)", number(|reason| matches!(reason, Reason::Later))),
    ] {
        let _ = writeln!(text, "  {number:>5}  {word}");
    }
}

fn push_first_run(text: &mut String, diff: &Diff, first_run: FirstRun) {
    if diff.new_targets.is_empty() {
        return;
    }
    let targets: Vec<&str> = diff.new_targets.iter().map(Target::as_str).collect();
    let meaning = match first_run {
        FirstRun::Latest => "the newest release is built, older ones are recorded as skipped",
        FirstRun::None => "nothing is built, every release is recorded as skipped",
        FirstRun::All => "every release is built",
    };
    let _ = writeln!(text, "First run for {} (--first-run {}): {meaning}.", targets.join(", "), first_run.word());
}

fn push_lines(text: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{heading}");
    for line in lines.iter().take(MOST_LINES) {
        let _ = writeln!(text, "  {}", printable(line));
    }
    if lines.len() > MOST_LINES {
        let _ = writeln!(text, "  … and {} more: builds.json has them all", lines.len() - MOST_LINES);
    }
}

fn planned(build: &Planned, rules: &Rules) -> String {
    let at = |url: &Option<String>| url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
    let attempt = format!("attempt {} of {}", build.attempt, rules.max_attempts);
    let because = match &build.because {
        Because::NewRelease => "new release".to_owned(),
        Because::FirstRun => "first run for this target".to_owned(),
        Because::AskedFor { reason: Some(reason) } => format!("asked for again: {reason}"),
        Because::AskedFor { reason: None } => "asked for again".to_owned(),
        Because::Failed { url } => format!("{attempt}; the last one failed{}", at(url)),
        Because::Lapsed { url } => format!("{attempt}; the last one never ended{}", at(url)),
        Because::OwnClaim => "this pipeline's own claim".to_owned(),
    };
    format!("{}  {}  {because}", build.package.package, build.target)
}

/// A line for what a person may want to do something about; none for what is done or comes by itself.
fn explained(cell: &LeftAlone) -> Option<String> {
    let explanation = match &cell.reason {
        Reason::Built { .. } | Reason::Skipped { .. } | Reason::Later => return None,
        Reason::Held { pipeline, pipeline_url, until } => {
            let who = pipeline_url.clone().unwrap_or_else(|| format!("pipeline {pipeline}"));
            format!("held by {who} until {}", to_the_second(*until))
        }
        Reason::GivenUp { attempts, url } => {
            let last = url.as_ref().map(|url| format!(", the last: {url}")).unwrap_or_default();
            format!("given up after {}{last}; `forget` lets it be built again", count_u64(*attempts, "attempt"))
        }
    };
    Some(format!("{}  {}  {explanation}", cell.package, cell.target))
}

/// A tracker as a table, oldest release first.
pub fn status(document: &Document) -> String {
    let mut rows = vec![["PACKAGE", "TARGET", "STATE", "SINCE", "ATTEMPTS", "MORE"].map(str::to_owned)];
    rows.extend(document.entries().map(|(package, target, entry)| {
        [
            package.to_string(),
            target.to_string(),
            entry.state.word().to_owned(),
            to_the_second(entry.since),
            entry.attempt.to_string(),
            more(entry),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = format!("{} on {}\n", document.product(), printable(document.reference()));
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        line.push_str(&row[5]);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn more(entry: &Entry) -> String {
    let notes = entry.notes.iter().map(|(name, value)| format!("{name}={value}"));
    let url = entry.origin.job_url.iter().chain(&entry.origin.pipeline_url).take(1).cloned();
    let parts: Vec<String> = entry.reason.iter().cloned().chain(notes).chain(url).collect();
    printable(&parts.join("  "))
}

/// Text that a tracker holds, without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn to_the_second(time: jiff::Timestamp) -> String {
    let seconds = jiff::Timestamp::from_second(time.as_second());
    seconds.unwrap_or(time).to_string()
}

fn count(number: usize, noun: &str) -> String {
    count_u64(number as u64, noun)
}

fn count_u64(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
