//! What a run says to a person: counts, then each build with its reason.

pub mod junit;
pub mod markdown;
pub mod page;
pub mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use url::Url;

use crate::diff::{Because, Diff, FirstRun, LeftAlone, Reason, Republished, Rules};
use crate::package::{Nevra, Package};
use crate::policy::{LeftOut, Versions};
use crate::tracker::{Document, Entry, Origin, State, Target};

/// Up to how many releases are named one by one.
const FEW: usize = 10;
/// Up to how many images are told one by one.
const MANY: usize = 50;

/// What `list` found: how many releases there are, which are wanted, and why others are not.
pub fn listing(
    product: &str,
    repository: &str,
    versions: &Versions,
    wanted: &[Package],
    left_out: &[(Nevra, LeftOut)],
) -> String {
    let all = count(wanted.len() + left_out.len(), "release");
    let mut text = format!("{all} of {product} in {repository}, {} wanted ({versions})\n", wanted.len());
    match wanted {
        [] => text.push_str("No release is wanted: the list is empty, and nothing will be built.\n"),
        few if few.len() <= FEW => {
            for package in few {
                let _ = writeln!(text, "  {}", package.package);
            }
        }
        [oldest, .., newest] => {
            let _ = writeln!(text, "  oldest {}\n  newest {}", oldest.package, newest.package);
        }
        [_] => {}
    }
    let mut reasons: Vec<LeftOut> = left_out.iter().map(|(_, reason)| *reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        let packages: Vec<String> =
            left_out.iter().filter(|(_, other)| *other == reason).map(|(package, _)| package.to_string()).collect();
        let names = if packages.len() <= FEW { format!(": {}", packages.join(", ")) } else { String::new() };
        let _ = writeln!(text, "  {} left out, {}{names}", packages.len(), reason.reason());
    }
    text
}

/// What `diff` decided.
pub fn diff(product: &str, reference: &str, releases: usize, targets: &[Target], diff: &Diff, rules: &Rules) -> String {
    let images = diff.builds.len() + diff.left_alone.len();
    let mut text = format!(
        "{product} on {}: {} x {} = {}\n",
        printable(reference),
        count(releases, "release"),
        count(targets.len(), "target"),
        count(images, "image"),
    );
    push_first_run(&mut text, diff, rules.first_run);
    push_counts(&mut text, diff);
    for change in &diff.republished {
        let _ = writeln!(text, "WARNING: {} for {}: {}", change.package, change.target, why_republished(change));
    }
    let noteworthy = |cell: &&LeftAlone| matches!(cell.reason, Reason::Held { .. } | Reason::GivenUp { .. });
    let held = diff.left_alone.iter().filter(noteworthy);
    let held: Vec<_> = held.map(|cell| (&cell.package, &cell.target, why_left_alone(&cell.reason))).collect();
    push_images(&mut text, "Left alone, and perhaps to be looked at:", &held);
    let builds = diff.builds.iter();
    let builds: Vec<_> = builds
        .map(|build| {
            (&build.package.package, &build.target, why_built(&build.because, build.attempt, rules.max_attempts))
        })
        .collect();
    push_images(&mut text, "To build:", &builds);
    if builds.is_empty() {
        text.push_str("Nothing to build.\n");
    }
    text
}

fn push_first_run(text: &mut String, diff: &Diff, first_run: FirstRun) {
    if diff.new_targets.is_empty() {
        return;
    }
    let targets: Vec<&str> = diff.new_targets.iter().map(Target::as_str).collect();
    let meaning = match first_run {
        FirstRun::Latest => "the newest release is built, older ones are skipped for good",
        FirstRun::None => "nothing is built, what is there now is skipped for good",
        FirstRun::All => "every release is built",
    };
    let _ = writeln!(text, "First run for {} (--first-run {}):\n  {meaning}", targets.join(", "), first_run.word());
}

fn push_counts(text: &mut String, diff: &Diff) {
    let mut counts: BTreeMap<(u8, String), usize> = BTreeMap::new();
    for cell in &diff.left_alone {
        let (place, words) = match &cell.reason {
            Reason::Built { .. } => (1, "built".to_owned()),
            Reason::Skipped { because: None } => (2, "skipped".to_owned()),
            Reason::Skipped { because: Some(because) } => (2, format!("skipped: {}", printable(because))),
            Reason::Held { .. } => (3, "held by other pipelines".to_owned()),
            Reason::GivenUp { .. } => (4, "given up".to_owned()),
            Reason::Later => (5, "left for the next run by --max-builds".to_owned()),
        };
        *counts.entry((place, words)).or_default() += 1;
    }
    counts.insert((0, "to build".to_owned()), diff.builds.len());
    for ((_, words), number) in counts {
        let _ = writeln!(text, "  {number:>5}  {words}");
    }
}

fn push_images(text: &mut String, heading: &str, images: &[(&Nevra, &Target, String)]) {
    if images.is_empty() {
        return;
    }
    let _ = writeln!(text, "{heading}");
    let shown = &images[..images.len().min(MANY)];
    let widest = |length: fn(&(&Nevra, &Target, String)) -> usize| shown.iter().map(length).max().unwrap_or_default();
    let package_width = widest(|(package, _, _)| package.to_string().len());
    let target_width = widest(|(_, target, _)| target.as_str().len());
    for (package, target, why) in shown {
        let package = package.to_string();
        let _ = writeln!(text, "  {package:<package_width$}  {target:<target_width$}  {}", printable(why));
    }
    if images.len() > MANY {
        let _ = writeln!(text, "  … and {} more: builds.json has them all", images.len() - MANY);
    }
}

/// Why something is built.
pub fn why_built(because: &Because, attempt: u64, max_attempts: u64) -> String {
    let at = |url: &Option<String>| url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
    match because {
        Because::NewRelease => "new release".to_owned(),
        Because::FirstRun => "first run for this target".to_owned(),
        Because::AskedFor { reason: Some(reason) } => format!("asked for again: {reason}"),
        Because::AskedFor { reason: None } => "asked for again".to_owned(),
        Because::Failed { url } => format!("attempt {attempt} of {max_attempts}; the last one failed{}", at(url)),
        Because::Lapsed { url } => format!("attempt {attempt} of {max_attempts}; the last one never ended{}", at(url)),
        Because::OwnClaim => "claimed by this pipeline before, whose diff runs again".to_owned(),
    }
}

/// Why something is not built now.
pub fn why_left_alone(reason: &Reason) -> String {
    match reason {
        Reason::Built { since } => format!("built {} UTC", to_the_minute(*since)),
        Reason::Skipped { because: Some(because) } => format!("skipped: {because}"),
        Reason::Skipped { because: None } => "skipped".to_owned(),
        Reason::Held { pipeline, pipeline_url, until } => {
            let who = pipeline_url.clone().unwrap_or_else(|| format!("pipeline {pipeline}"));
            format!("held by {who} until {} UTC", to_the_minute(*until))
        }
        Reason::GivenUp { attempts, url } => {
            let last = url.as_ref().map(|url| format!(", the last: {url}")).unwrap_or_default();
            format!("given up after {}{last}; `forget` lets it be built again", count_u64(*attempts, "attempt"))
        }
        Reason::Later => "left for the next run by --max-builds".to_owned(),
    }
}

/// Why a release that was built is to be looked at.
pub fn why_republished(change: &Republished) -> String {
    format!(
        "published again with another content after it was built: {} then, {} now. It is not built again. \
         Find out why it changed; `forget` lets it be built from what is there now",
        change.recorded, change.offered
    )
}

/// Where a build stands, in a sentence.
pub fn standing(entry: &Entry) -> String {
    let attempt = if entry.attempt > 1 { format!(", attempt {}", entry.attempt) } else { String::new() };
    let more = more(entry);
    let comma = if more.is_empty() { "" } else { ", " };
    format!("{} {} UTC{attempt}{comma}{more}", entry.state.word(), to_the_minute(entry.since))
}

/// How many builds of a tracker are in which state, those first that need a person: `1 failed, 12 built`.
pub fn summary(document: &Document) -> String {
    let counts = counts(document);
    if counts.is_empty() {
        return "no builds".to_owned();
    }
    let counts: Vec<String> = counts.iter().map(|(state, number)| format!("{number} {}", state.word())).collect();
    counts.join(", ")
}

fn counts(document: &Document) -> Vec<(State, usize)> {
    let mut counts: BTreeMap<_, (State, usize)> = BTreeMap::new();
    for (_, _, Entry { state, .. }) in document.entries() {
        counts.entry((state.tone(), *state)).or_insert((*state, 0)).1 += 1;
    }
    counts.into_values().collect()
}

/// What a person wants to know next: of a build what it reported, of what is open where to look.
fn more(entry: &Entry) -> String {
    let notes = entry.notes.iter().map(|(name, value)| format!("{name}={value}"));
    let url = entry.origin.job_url.iter().chain(&entry.origin.pipeline_url).take(1).cloned();
    let url = url.filter(|_| !entry.state.is_done());
    let parts: Vec<String> = remarks(entry).into_iter().chain(notes).chain(url).collect();
    printable(&parts.join("  "))
}

/// What there is to say of a build beside its state, its notes and where to look.
fn remarks(entry: &Entry) -> Vec<String> {
    entry.reason.iter().cloned().collect()
}

/// Text that others wrote, without what would move a terminal's cursor, turn the direction of
/// writing around, or is no character of XML.
pub fn printable(text: &str) -> String {
    let is_direction =
        |c| matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_none = |c| matches!(c, '\u{2028}'..='\u{2029}' | '\u{fffe}'..='\u{ffff}');
    text.chars().map(|c| if c.is_control() || is_direction(c) || is_none(c) { '?' } else { c }).collect()
}

/// A page of GitLab's, to be linked to.
struct Link {
    url: String,
    label: String,
}

/// Where a person sees the pipeline and the job; what is no URL of the web is left out.
fn links(origin: &Origin) -> Vec<Link> {
    let link = |kind: &str, url: &Option<String>| {
        let url: Url = url.as_ref()?.parse().ok()?;
        let id = url.path_segments()?.next_back().filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
        let label = format!("{kind} {}", id.unwrap_or_default()).trim_end().to_owned();
        matches!(url.scheme(), "http" | "https").then(|| Link { url: url.as_str().replace('|', "%7C"), label })
    };
    [link("pipeline", &origin.pipeline_url), link("job", &origin.job_url)].into_iter().flatten().collect()
}

/// How long ago something was.
fn ago(since: Timestamp, now: Timestamp) -> String {
    let (number, unit) = match u64::try_from(now.as_second() - since.as_second()).unwrap_or_default() / 60 {
        0 => return "just now".to_owned(),
        minutes @ 1..60 => (minutes, "minute"),
        minutes @ 60..2880 => (minutes / 60, "hour"),
        minutes => (minutes / 1440, "day"),
    };
    format!("{} ago", count_u64(number, unit))
}

/// In UTC, which whoever shows it has to say.
fn to_the_minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

fn count(number: usize, noun: &str) -> String {
    count_u64(number as u64, noun)
}

fn count_u64(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
