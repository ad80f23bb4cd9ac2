//! Plans, nights and trackers as GitLab's Markdown: for an issue, a wiki or a chat.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::plan::{MANY, stale_images};
use super::status::{links, remarks, summary, web_url};
use super::told::Told;
use crate::alarm::Alarm;
use crate::artifacts::{Night, NightRow};
use crate::plan::{Held, HoldReason, Plan};
use crate::release::{Nevra, Target};
use crate::text::{ago, minute, printable};
use crate::tracker::{Document, Entry, Standing, placed};

/// The plan of a run.
pub fn plan(product: &str, reference: &str, at: Timestamp, plan: &Plan, alarms: &[Alarm]) -> String {
    let mut text = format!("## {} on {}\n\n", escaped(product), escaped(reference));
    let _ = writeln!(text, "{} to build, {} held, decided {}.", plan.builds.len(), plan.held.len(), minute(at));
    if let Some(stale) = stale_images(plan) {
        let _ = writeln!(text, "\n{stale}.");
    }
    let builds = plan.builds.iter().map(|build| (&build.package.nevra, &build.target, build.explanation()));
    push_images(&mut text, "To build", builds.collect());
    push_alarms(&mut text, alarms.iter().map(Alarm::to_string));
    let (built, others): (Vec<_>, Vec<_>) =
        plan.held.iter().partition(|cell| matches!(cell.reason, HoldReason::Built { .. }));
    push_images(&mut text, "Held", others.into_iter().map(held).collect());
    push_images(&mut text, "Built before", built.into_iter().rev().map(held).collect());
    text
}

fn held(cell: &Held) -> (&Nevra, &Target, String) {
    (&cell.package, &cell.target, cell.explanation())
}

fn push_alarms(text: &mut String, told: impl Iterator<Item = String>) {
    for (number, told) in told.enumerate() {
        text.push_str(if number == 0 { "\n### Alarms\n\n" } else { "" });
        let _ = writeln!(text, "- {}", escaped(&told));
    }
}

fn push_images(text: &mut String, heading: &str, images: Vec<(&Nevra, &Target, String)>) {
    if images.is_empty() {
        return;
    }
    let _ = write!(text, "\n### {heading}\n\n| release | target | why |\n|---|---|---|\n");
    let more = images.len().saturating_sub(MANY);
    for (package, target, why) in images.into_iter().take(MANY) {
        let _ = writeln!(text, "| {} | {} | {} |", code(&package.to_string()), code(target.as_str()), escaped(&why));
    }
    if more > 0 {
        let _ = writeln!(text, "\n… and {more} more: builds.json has them all.");
    }
}

/// What became of the builds of a pipeline, those that failed first.
pub fn night(night: &Night<'_>) -> String {
    let mut text =
        format!("## {} on {}: {}\n\n", escaped(night.product), escaped(night.reference), escaped(&night.summary()));
    let lane = night.lane.map(|lane| format!(", lane {}", escaped(lane))).unwrap_or_default();
    let _ = writeln!(text, "Pipeline {}{lane}, as of {}.", night.pipeline, minute(night.at));
    push_alarms(&mut text, night.alarms.iter().map(|told| told.explanation.clone()));
    let mut builds: Vec<&NightRow<'_>> = night.builds.iter().collect();
    builds.sort_by_key(|build| build.standing);
    push_rows(&mut text, "Builds", &builds);
    push_rows(&mut text, "Paused after a failure", &night.paused.iter().collect::<Vec<_>>());
    text
}

fn push_rows(text: &mut String, heading: &str, rows: &[&NightRow<'_>]) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(text, "\n### {heading}\n\n| release | target | outcome | attempt | |\n|---|---|---|--:|---|\n");
    for row in rows.iter().take(MANY) {
        let revoked = row.revoked.as_ref().map(|why| format!("revoked: {}", escaped(why)));
        let ids = row.ids.iter().map(|(place, id)| code(&placed(place, id)));
        let job = row.job_url.and_then(|url| web_url(url)).map(|url| format!("[job](<{url}>)"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            code(&row.package.to_string()),
            code(row.target.as_str()),
            row.standing.word(),
            row.attempt,
            revoked.into_iter().chain(ids).chain(job).collect::<Vec<_>>().join(" "),
        );
    }
    let more = rows.len().saturating_sub(MANY);
    if more > 0 {
        let _ = writeln!(text, "\n… and {more} more: night.json has them all.");
    }
}

/// The alarms of a tracker, then its builds, newest release first.
pub fn status(document: &Document, alarms: &[String], now: Timestamp, lapsed_before: Timestamp) -> String {
    let mut text = format!("## {} on {}\n\n", escaped(document.product()), escaped(document.reference()));
    let _ = writeln!(text, "{}, as of {}.", summary(document, lapsed_before), minute(now));
    push_alarms(&mut text, alarms.iter().cloned());
    let mut entries: Vec<_> = document.entries().collect();
    entries.reverse();
    if !entries.is_empty() {
        text.push_str("\n| release | target | state | since | attempts | |\n|---|---|---|---|--:|---|\n");
    }
    for (package, target, entry) in entries {
        let attempts = if entry.attempts() == 0 { String::new() } else { entry.attempts().to_string() };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {attempts} | {} |",
            code(&package.to_string()),
            code(target.as_str()),
            Standing::of(entry, lapsed_before).word(),
            ago(entry.since, now),
            more(entry, &Told::of(document, package, target)),
        );
    }
    text
}

fn more(entry: &Entry, images: &Told) -> String {
    let remarks = remarks(entry, images).into_iter().map(|remark| escaped(&remark));
    let facts = images.facts.iter().map(|(name, value)| format!("{} {}", escaped(name), code(value)));
    let links = links(&entry.origin).into_iter().map(|link| format!("[{}](<{}>)", escaped(&link.label), link.url));
    remarks.chain(facts).chain(images.count_of_earlier()).chain(links).collect::<Vec<_>>().join(", ")
}

/// As text alone, whatever it holds: nothing in it is markup, a mention or a reference, and it
/// stays in its cell. A plain URL stays one.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for word in printable(text).split_inclusive(' ') {
        let url = word.trim_end_matches([' ', ',', ';']);
        if url.starts_with("https://") && url.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/%".contains(c)) {
            escaped.push_str(word);
            continue;
        }
        for c in word.chars() {
            if "\\`*_{}[]()<>#+!|~&@$^\"'".contains(c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
    }
    escaped
}

/// As code, in which nothing but the fence itself and the cell's end has a meaning.
fn code(text: &str) -> String {
    format!("`{}`", printable(text).replace('`', "'").replace('|', "\\|"))
}
