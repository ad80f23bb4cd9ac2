//! What a run says to a person: counts, then each build with its reason.

pub mod junit;
pub mod markdown;
pub mod page;
pub mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use crate::alarm::{self, Alarm, Limits};
use crate::artifacts::RepositoryRead;
use crate::comparison::{Comparison, Earlier};
use crate::diff::{Because, Diff, FirstRun, LeftAlone, Reason, Republished, Rules, runs_to_wait};
use crate::package::{Nevra, Package};
use crate::policy::{LeftOut, Versions};
use crate::tracker::{Build, Document, Entry, GivenUp, Origin, State, Target};

/// Up to how many releases are named one by one.
const FEW: usize = 10;
/// Up to how many images are told one by one.
const MANY: usize = 50;
/// The most characters of a text from outside that a message repeats.
const EXCERPT: usize = 500;

/// What `list` found: how many releases there are, which are wanted, and why others are not; `explain`
/// says it for each release.
pub fn listing(
    product: &str,
    repositories: &[RepositoryRead],
    versions: &Versions,
    wanted: &[Package],
    left_out: &[(Nevra, LeftOut)],
    explain: bool,
) -> String {
    let all = count(wanted.len() + left_out.len(), "release");
    let place = match repositories {
        [one] => one.url.clone(),
        several => format!("{} repositories", several.len()),
    };
    let mut text = format!("{all} of {product} in {place}, {} wanted ({})\n", wanted.len(), versions.in_words());
    for repository in repositories.iter().filter(|_| repositories.len() > 1) {
        let targets = repository.targets.as_ref().map(|targets| format!(" for {}", listed(targets)));
        let _ = writeln!(text, "  {} in {}{}", repository.releases, repository.url, targets.unwrap_or_default());
    }
    if explain {
        push_explanations(&mut text, wanted, left_out);
        return text;
    }
    match wanted {
        [] => text.push_str("No release is wanted: the list is empty, and nothing will be built.\n"),
        few if few.len() <= FEW => {
            for package in few {
                let targets = package.targets.as_ref().map(|targets| format!("  {}", listed(targets)));
                let _ = writeln!(text, "  {}{}", package.package, targets.unwrap_or_default());
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

fn push_explanations(text: &mut String, wanted: &[Package], left_out: &[(Nevra, LeftOut)]) {
    let wanted = wanted.iter().map(|package| {
        let targets = package.targets.as_ref().map(|targets| format!(" for {}", listed(targets)));
        (&package.package, format!("wanted{}", targets.unwrap_or_default()))
    });
    let left_out = left_out.iter().map(|(package, reason)| (package, format!("left out, {}", reason.reason())));
    let mut rows: Vec<(&Nevra, String)> = wanted.chain(left_out).collect();
    rows.sort();
    let width = rows.iter().map(|(package, _)| package.to_string().len()).max().unwrap_or_default();
    for (package, why) in rows {
        let _ = writeln!(text, "  {:<width$}  {why}", package.to_string());
    }
}

/// What `diff` decided.
pub fn diff(
    product: &str,
    reference: &str,
    releases: usize,
    targets: &[Target],
    diff: &Diff,
    alarms: &[Alarm],
    rules: &Rules,
) -> String {
    let images = diff.builds.len() + diff.left_alone.len();
    // Where targets have repositories of their own, not every release is for every target.
    let (times, equals) = if images == releases * targets.len() { (" x ", " = ") } else { (", ", ", ") };
    let mut text = format!(
        "{product} on {}: {}{times}{}{equals}{}\n",
        printable(reference),
        count(releases, "release"),
        count(targets.len(), "target"),
        count(images, "image"),
    );
    push_first_run(&mut text, diff, rules.first_run);
    push_counts(&mut text, diff);
    for one in alarms {
        let _ = writeln!(text, "WARNING: {}", printable_lines(&alarm(one)).trim_end());
    }
    // What was given up is told once: who has read it need not read it again each night.
    let noteworthy = |cell: &&LeftAlone| {
        let Reason::GivenUp { new, .. } = cell.reason else {
            return matches!(cell.reason, Reason::Held { .. } | Reason::Waiting { .. } | Reason::TooYoung { .. });
        };
        new
    };
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
    let meaning = match first_run {
        FirstRun::Latest => "the newest release is built, older ones are skipped for good",
        FirstRun::None => "nothing is built, what is there now is skipped for good",
        FirstRun::All => "every release is built",
    };
    let _ =
        writeln!(text, "First run for {} (--first-run {}):\n  {meaning}", listed(&diff.new_targets), first_run.word());
}

fn push_counts(text: &mut String, diff: &Diff) {
    let mut counts: BTreeMap<(u8, String), usize> = BTreeMap::new();
    for cell in &diff.left_alone {
        let (place, words) = match &cell.reason {
            Reason::Built { .. } => (1, "built".to_owned()),
            Reason::Skipped { because: None, .. } => (2, "skipped".to_owned()),
            Reason::Skipped { because: Some(because), .. } => (2, format!("skipped: {}", printable(because))),
            Reason::Excluded { because: None, .. } => (3, "excluded".to_owned()),
            Reason::Excluded { because: Some(because), .. } => (3, format!("excluded: {}", printable(because))),
            Reason::Superseded { .. } => (4, "superseded by newer releases".to_owned()),
            Reason::TooYoung { .. } => (5, "not old enough yet".to_owned()),
            Reason::Held { .. } => (6, "held by other pipelines".to_owned()),
            Reason::Waiting { .. } => (7, "failed, and tried again by a later run".to_owned()),
            Reason::GivenUp { .. } => (8, "given up".to_owned()),
            Reason::Later => (9, "left for the next run by --max-builds".to_owned()),
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

/// What happened, and what to do.
pub fn alarm(alarm: &Alarm) -> String {
    match alarm {
        Alarm::Republished(change) => {
            format!("{} for {}: {}", change.package, change.target, why_republished(change))
        }
        Alarm::Unchanged { repository, since } => {
            let since = to_the_minute(*since);
            format!("{repository} has not changed since {since} UTC. Is it still the place where releases appear?")
        }
        Alarm::Shrank { repository, before, now } => format!(
            "{repository} has {} now, and had {before}. Is it being made anew, or were old ones taken out? \
             What was built stays built; this is told for a week.",
            count_u64(*now, "release")
        ),
        Alarm::Overdue { last_run } => {
            let last_run = to_the_minute(*last_run);
            format!("the last run that is recorded was at {last_run} UTC: does the schedule run, and who owns it?")
        }
    }
}

/// Why something is built.
pub fn why_built(because: &Because, attempt: u64, max_attempts: u64) -> String {
    let at = |url: &Option<String>| url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
    match because {
        Because::NewRelease => "new release".to_owned(),
        Because::FirstRun => "first run for this target".to_owned(),
        Because::AskedFor { reason: Some(reason), by } => {
            format!("asked for again{}: {reason}", by_whom(by.as_deref()))
        }
        Because::AskedFor { reason: None, by } => format!("asked for by {}", by.as_deref().unwrap_or("hand")),
        Because::Failed { url } => format!("attempt {attempt} of {max_attempts}; the last one failed{}", at(url)),
        Because::Lapsed { url } => format!("attempt {attempt} of {max_attempts}; the last one never ended{}", at(url)),
        Because::OwnClaim => "claimed by this pipeline before, whose diff runs again".to_owned(),
    }
}

/// Why something is not built now.
pub fn why_left_alone(reason: &Reason) -> String {
    match reason {
        Reason::Built { since } => format!("built {} UTC", to_the_minute(*since)),
        Reason::Skipped { because: Some(because), by, .. } => {
            format!("skipped{}: {because}", by_whom(by.as_deref()))
        }
        Reason::Skipped { because: None, .. } => "skipped".to_owned(),
        Reason::Excluded { pattern, because: Some(because) } => format!("excluded by {pattern}: {because}"),
        Reason::Excluded { pattern, because: None } => format!("excluded by {pattern}"),
        Reason::Superseded { newer } => format!("superseded by {newer}"),
        Reason::TooYoung { until } => format!("not old enough before {} UTC", to_the_minute(*until)),
        Reason::Held { pipeline, pipeline_url, until } => {
            let who = pipeline_url.clone().unwrap_or_else(|| format!("pipeline {pipeline}"));
            format!("held by {who} until {} UTC", to_the_minute(*until))
        }
        Reason::Waiting { attempts, runs, url } => {
            let attempts = count_u64(*attempts, "attempt");
            format!("failed after {attempts}{}; tried again {}", the_last(url.as_ref()), after_runs(*runs))
        }
        Reason::GivenUp { attempts, url, .. } => {
            let attempts = count_u64(*attempts, "attempt");
            format!("given up after {attempts}{}; `forget` lets it be built again", the_last(url.as_ref()))
        }
        Reason::Later => "left for the next run by --max-builds".to_owned(),
    }
}

fn by_whom(who: Option<&str>) -> String {
    who.map(|who| format!(" by {who}")).unwrap_or_default()
}

fn the_last(url: Option<&String>) -> String {
    url.map(|url| format!(", the last: {url}")).unwrap_or_default()
}

/// When a build is tried again that so many more runs pass over.
fn after_runs(runs: u64) -> String {
    if runs == 0 { "by the next run".to_owned() } else { format!("after {} more", count_u64(runs, "run")) }
}

/// What a change of the rules adds and drops.
pub fn comparison(earlier: &Earlier, comparison: &Comparison) -> String {
    let run = format!("the run of pipeline {}, {} UTC", earlier.pipeline, to_the_minute(earlier.decided_at));
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

/// Why each of some releases is built, left alone or left out, with what the tracker knows of it. Which of
/// them are meant is asked with a target, or without one of what is left out for all.
pub fn why(
    left_out: impl Iterator<Item = (Nevra, LeftOut)>,
    diff: &Diff,
    tracker: &Document,
    rules: &Rules,
    is_meant: impl Fn(&Nevra, Option<&Target>) -> bool,
) -> String {
    let built = diff.builds.iter().map(|build| {
        let why = why_built(&build.because, build.attempt, rules.max_attempts);
        (&build.package.package, &build.target, format!("to be built: {why}"))
    });
    let left_alone = diff.left_alone.iter().map(|cell| (&cell.package, &cell.target, why_left_alone(&cell.reason)));
    let cells = built.chain(left_alone).filter(|(package, target, _)| is_meant(package, Some(target)));
    let cells = cells.map(|(package, target, why)| {
        let known = tracker.get(&Build { package: package.clone(), target: target.clone() });
        let known = known.map(history).filter(|text| !text.is_empty());
        let known = known.map(|text| format!("  {text}\n")).unwrap_or_default();
        (package.clone(), target.to_string(), format!("{package} {target}: {why}\n{known}"))
    });
    let left_out = left_out.filter(|(package, _)| is_meant(package, None)).map(|(package, reason)| {
        let text = format!("{package}: left out by list, {}\n", reason.reason());
        (package, String::new(), text)
    });
    let mut answers: Vec<_> = cells.chain(left_out).collect();
    answers.sort();
    answers.into_iter().map(|(_, _, text)| printable_lines(&text)).collect()
}

/// What a tracker knows of a build, in a line.
fn history(entry: &Entry) -> String {
    let attempts = (entry.attempt > 0).then(|| {
        let rule = entry.rule.as_ref().map(|rule| format!(", begun as {}", rule.replace('_', " ")));
        format!("{}{}", count_u64(entry.attempt, "attempt"), rule.unwrap_or_default())
    });
    let seen = entry.first_seen.map(|seen| format!("first seen {} UTC", to_the_minute(seen)));
    let by = entry.by.as_ref().map(|by| format!("by {by} {} UTC", to_the_minute(entry.since)));
    let url = entry.origin.job_url.iter().chain(&entry.origin.pipeline_url).take(1).cloned();
    let notes = entry.notes.iter().map(|(name, value)| format!("{name}={value}"));
    let parts: Vec<String> = attempts.into_iter().chain(seen).chain(by).chain(url).chain(notes).collect();
    parts.join("; ")
}

/// Why a release that was built is to be looked at.
pub fn why_republished(change: &Republished) -> String {
    format!(
        "published again with another content after it was built: {} then, {} now. It is not built again. \
         Find out why it changed; `forget` lets it be built from what is there now",
        change.recorded, change.offered
    )
}

/// The alarms that a tracker tells by itself, with their sentences: its lines that no run was recorded of
/// for too long.
pub fn overdue(document: &Document, limits: &Limits, now: Timestamp) -> Vec<(String, Alarm)> {
    let alarms = document.runs().iter().filter_map(|(line, last_run)| {
        let alarm = alarm::overdue(*last_run, limits, now)?;
        let line = if line.is_empty() { String::new() } else { format!("{}: ", printable(line)) };
        Some((format!("{line}{}", self::alarm(&alarm)), alarm))
    });
    alarms.collect()
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

/// What there is to say of a build beside its state, its notes and where to look: why, by whom, and what
/// becomes of it.
fn remarks(entry: &Entry) -> Vec<String> {
    let to_wait = runs_to_wait(entry.attempt).saturating_sub(entry.passed_over.unwrap_or_default().runs);
    let next = match entry.given_up {
        Some(GivenUp { since, .. }) => Some(format!("given up {} UTC", to_the_minute(since))),
        None if entry.state == State::Failed && to_wait > 0 => Some(format!("tried again {}", after_runs(to_wait))),
        None => None,
    };
    let by = entry.by.as_ref().map(|by| format!("by {by}"));
    entry.reason.iter().cloned().chain(by).chain(next).collect()
}

/// Text from outside as a part of one line, without what would move a terminal's cursor or turn its
/// writing round.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) { c } else { '?' }).collect()
}

/// The same for a text of several lines.
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) || c == '\n' { c } else { '?' }).collect()
}

/// JSON for a terminal. JSON itself escapes the oldest control characters alone; all others are in its
/// strings, too.
pub fn escaped_json(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        if is_printable(c) || c == '\n' {
            text.push(c);
        } else {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        }
        text
    })
}

/// The beginning of a text from outside, for a message.
pub fn excerpt(text: &str) -> String {
    let mut excerpt = printable(&text.chars().take(EXCERPT).collect::<String>());
    if text.chars().nth(EXCERPT).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// Neither a control character nor one that ends a line or changes its direction, and one that XML may hold.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        && !matches!(character, '\u{fffe}'..='\u{ffff}')
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
    let time = TimeZone::UTC.to_datetime(time);
    format!("{} {:02}:{:02}", time.date(), time.hour(), time.minute())
}

/// Targets as part of a sentence: `al2023, rhel9`.
pub fn listed<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    targets.into_iter().map(Target::as_str).collect::<Vec<_>>().join(", ")
}

fn count(number: usize, noun: &str) -> String {
    count_u64(number as u64, noun)
}

fn count_u64(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
