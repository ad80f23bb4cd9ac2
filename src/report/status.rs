//! Where builds stand.

use std::collections::BTreeMap;

use jiff::Timestamp;
use url::Url;

use super::told::Told;
use crate::alarm::{self, Alarm, Limits};
use crate::plan::{after_runs, back_off};
use crate::text::{minute, printable};
use crate::tracker::{Document, Entry, Origin, Standing, State};

/// The alarms that a tracker tells by itself, with their sentences: its lanes that no run was recorded of for
/// too long.
pub fn overdue(document: &Document, limits: &Limits, now: Timestamp) -> Vec<(String, Alarm)> {
    let alarms = document.runs().iter().filter_map(|(lane, last_run)| {
        let alarm = alarm::overdue(last_run.at, limits, now)?;
        let lane = if lane.is_empty() { String::new() } else { format!("{}: ", printable(lane)) };
        Some((format!("{lane}{alarm}"), alarm))
    });
    alarms.collect()
}

/// Where a build stands that this run is about, in a sentence.
pub(super) fn standing(entry: &Entry, images: &Told) -> String {
    let attempts = entry.attempts();
    let attempt = if attempts > 1 { format!(", attempt {attempts}") } else { String::new() };
    let more = more(entry, images);
    let comma = if more.is_empty() { "" } else { ", " };
    format!("{} {}{attempt}{comma}{more}", Standing::of(entry, Timestamp::MIN).word(), minute(entry.since))
}

/// How many builds of a tracker stand where, those first that need a person: `1 failed, 12 built`.
pub fn summary(document: &Document, lapsed_before: Timestamp) -> String {
    let counts = counts(document, lapsed_before);
    if counts.is_empty() {
        return "no builds".to_owned();
    }
    let counts: Vec<String> = counts.iter().map(|(standing, number)| format!("{number} {}", standing.word())).collect();
    counts.join(", ")
}

fn counts(document: &Document, lapsed_before: Timestamp) -> BTreeMap<Standing, usize> {
    let mut counts = BTreeMap::new();
    for (_, _, entry) in document.entries() {
        *counts.entry(Standing::of(entry, lapsed_before)).or_default() += 1;
    }
    counts
}

/// The last column of a table: the image of a build that is done, the URL of one that is open.
pub(super) fn more(entry: &Entry, images: &Told) -> String {
    let facts = images.facts.iter().map(|(name, value)| format!("{name}={value}"));
    let url = entry.origin.job_url.iter().chain(&entry.origin.pipeline_url).take(1).cloned();
    let url = url.filter(|_| !entry.state.is_done());
    let told = remarks(entry, images).into_iter().chain(facts).chain(images.count_of_earlier());
    let parts: Vec<String> = told.chain(url).collect();
    printable(&parts.join("  "))
}

/// Remarks on a build beside its state, image and links: why, by whom, what becomes of it, what is revoked, its channels, its
/// image that is not tested, why it was built again,
/// what its image is made of, and that what comes after is of an image that was there before.
pub(super) fn remarks(entry: &Entry, images: &Told) -> Vec<String> {
    let to_wait = back_off(entry.attempts()).saturating_sub(entry.passed_over.unwrap_or_default().runs);
    let next = match entry.given_up {
        Some(since) => Some(format!("given up {}", minute(since))),
        None if entry.state == State::Failed && to_wait > 0 => Some(format!("tried again {}", after_runs(to_wait))),
        None => None,
    };
    let acknowledged = entry.file.as_ref().and_then(|file| file.acknowledged.as_ref());
    let file = acknowledged.map(|word| format!("published again: {}, by {}", word.reason, word.by));
    let by = entry.by.as_ref().map(|by| format!("by {by}"));
    let before = (!images.facts.is_empty() && entry.state != State::Built).then(|| "built before:".to_owned());
    let told = images.remarks().cloned();
    entry.reason.iter().cloned().chain(by).chain(next).chain(file).chain(told).chain(before).collect()
}

/// A page of GitLab's, to be linked to.
pub(super) struct Link {
    pub(super) url: String,
    pub(super) label: String,
}

/// The URL of a page of the web, which nothing in it ends early; `None` where it is none.
pub(super) fn web_url(text: &str) -> Option<String> {
    let url: Url = text.parse().ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.as_str().replace('|', "%7C"))
}

/// Where a person sees the pipeline and the job; what is no URL of the web is left out.
pub(super) fn links(origin: &Origin) -> Vec<Link> {
    let link = |kind: &str, url: &Option<String>| {
        let url = web_url(url.as_ref()?)?;
        let id = url.rsplit('/').next().filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
        let label = format!("{kind} {}", id.unwrap_or_default()).trim_end().to_owned();
        Some(Link { url, label })
    };
    [link("pipeline", &origin.pipeline_url), link("job", &origin.job_url)].into_iter().flatten().collect()
}
