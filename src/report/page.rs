//! Trackers as one HTML page that needs nothing else: no network, no server, no script to be read.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::progress::{Progress, progress};
use super::status::{Link, links, remarks};
use super::told::Told;
use crate::artifacts::{Night, ToTell};
use crate::plan::compare::Earlier;
use crate::plan::gone_since;
use crate::policy::Keep;
use crate::release::Nevra;
use crate::release::Target;
use crate::text::{ago, count, minute, printable};
use crate::tracker::{ChannelName, Document, Entry, LastRun, Notes, Pointer, Slot, Standing, Tone};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Fewer old releases than these are not folded.
const FEW: usize = 6;

/// A tracker, and what a page tells of it beside.
pub struct Tracked<'a> {
    /// The tracker.
    pub document: &'a Document,
    /// What a person should hear of.
    pub told: &'a [String],
    /// The last run of it, where that is known: the tracker does not record every quiet one.
    pub last_run: Option<&'a Earlier>,
}

/// The page of these trackers, as of `now`, which ages are counted from. A claim that was made before `lapsed_before` has
/// lapsed. Of their builds the table has those that are to be shown.
pub fn page(
    trackers: &[Tracked<'_>],
    is_shown: &dyn Fn(&Entry) -> bool,
    now: Timestamp,
    lapsed_before: Timestamp,
) -> Result<String, askama::Error> {
    let times = Times { now, lapsed_before };
    let numbered = trackers.iter().enumerate();
    let mut sections: Vec<Section<'_>> =
        numbered.map(|(number, tracked)| Section::new(number, tracked, is_shown, times)).collect();
    // What needs a person comes first.
    sections.sort_by_key(|section| section.verdict.tone != Tone::Bad);
    let cells = sections.iter().flat_map(|section| &section.tables).flat_map(|table| &table.rows);
    let cells = cells.flat_map(|row| row.cells.iter().filter_map(|(_, cell)| cell.as_ref()));
    let standings: BTreeSet<Standing> = cells.map(|cell| cell.standing).collect();
    let targets: BTreeSet<&Target> = sections.iter().flat_map(|section| &section.targets).copied().collect();
    let releases: usize = sections.iter().map(Section::releases).sum();
    Page {
        as_of: Time::new(now, now),
        releases: count(releases, "release"),
        standings,
        targets,
        sections,
        style: STYLE,
        script: SCRIPT,
        style_hash: hash(STYLE),
        script_hash: hash(SCRIPT),
    }
    .render()
}

/// As a content security policy names what it allows.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    as_of: Time,
    releases: String,
    standings: BTreeSet<Standing>,
    targets: BTreeSet<&'a Target>,
    sections: Vec<Section<'a>>,
    style: &'static str,
    script: &'static str,
    style_hash: String,
    script_hash: String,
}

/// The present, and the time before which claims have lapsed.
#[derive(Clone, Copy)]
struct Times {
    now: Timestamp,
    lapsed_before: Timestamp,
}

/// A tracker.
struct Section<'a> {
    id: String,
    product: &'a str,
    reference: String,
    verdict: Verdict,
    last_runs: Vec<String>,
    alarms: Vec<String>,
    counts: BTreeMap<Standing, usize>,
    /// How many failures nobody has to mend: there is a newer image, or the release is not wanted.
    outdated: usize,
    bar: Vec<Share>,
    total: usize,
    targets: Vec<&'a Target>,
    cards: Vec<Card<'a>>,
    tables: Vec<Table<'a>>,
}

/// What a tracker comes to, in a few words.
struct Verdict {
    tone: Tone,
    text: String,
}

/// The releases that are open, current or in a channel; and the others.
struct Table<'a> {
    is_old: bool,
    rows: Vec<Row<'a>>,
}

/// The part of the builds that stands in one place.
struct Share {
    tone: Tone,
    from: usize,
    number: usize,
}

/// How far a target has come.
struct Card<'a> {
    progress: Progress<'a>,
    tone: Tone,
    behind: Option<String>,
    since: Option<Time>,
    withdrawn: Option<String>,
    notes: Vec<(String, String)>,
    channels: Vec<Pointed>,
}

/// What a channel points to on a target.
struct Pointed {
    channel: String,
    /// The release, where it is not the current one.
    release: Option<String>,
    revoked: Option<String>,
}

struct Row<'a> {
    package: &'a Nevra,
    advisories: String,
    cells: Vec<(&'a Target, Option<Cell>)>,
}

struct Cell {
    standing: Standing,
    since: Time,
    attempt: u64,
    remarks: Vec<String>,
    notes: Vec<(String, String)>,
    earlier: Vec<(Time, String)>,
    count_of_earlier: String,
    links: Vec<Link>,
}

struct Time {
    machine: String,
    exact: String,
    ago: String,
}

impl Time {
    fn new(time: Timestamp, now: Timestamp) -> Self {
        Self { machine: format!("{time:.0}"), exact: minute(time), ago: ago(time, now) }
    }
}

impl<'a> Section<'a> {
    fn new(number: usize, tracked: &Tracked<'a>, is_shown: &dyn Fn(&Entry) -> bool, times: Times) -> Self {
        let Times { now, lapsed_before } = times;
        let Tracked { document, told, last_run } = *tracked;
        let is_wanted = |package: &Nevra, target: &Target| !last_run.is_some_and(|run| run.leaves_out(package, target));
        let (progress, open) = progress(document, lapsed_before, &is_wanted);
        let mut targets = document.targets();
        let mut by_package: BTreeMap<&Nevra, BTreeMap<&Target, &Entry>> = BTreeMap::new();
        let (mut counts, mut outdated): (BTreeMap<Standing, usize>, usize) = Default::default();
        for (package, target, entry) in document.entries() {
            targets.insert(target);
            if is_shown(entry) {
                by_package.entry(package).or_default().insert(target, entry);
            }
            let standing = Standing::of(entry, lapsed_before);
            if standing.tone() == Tone::Bad && !open.contains(&(package, target)) {
                outdated += 1;
            } else {
                *counts.entry(standing).or_default() += 1;
            }
        }
        let targets: Vec<&Target> = targets.into_iter().collect();
        let cell = |package, target, entries: &BTreeMap<&Target, &Entry>| {
            let entry = entries.get(target)?;
            Some(Cell::new(entry, &Told::of(document, package, target), times))
        };
        let advisories = last_run.map(Earlier::advisories).unwrap_or_default();
        let row = |(package, entries): (&'a Nevra, BTreeMap<&'a Target, &'a Entry>)| Row {
            package,
            advisories: advisories.get(package).map(ToString::to_string).unwrap_or_default(),
            cells: targets.iter().map(|target| (*target, cell(package, target, &entries))).collect(),
        };
        let cards: Vec<Card<'_>> = progress.into_iter().map(|progress| Card::new(progress, document, now)).collect();
        let pointed: BTreeSet<&Nevra> = pointers(document).map(|(_, _, to)| &to.package).collect();
        let on_top: BTreeSet<&Nevra> = cards.iter().filter_map(|card| card.progress.current).chain(pointed).collect();
        let is_old = |package: &Nevra, entries: &BTreeMap<&Target, &Entry>| {
            !on_top.contains(package) && !entries.keys().any(|target| open.contains(&(package, *target)))
        };
        let (old, new): (Vec<_>, Vec<_>) =
            by_package.into_iter().rev().partition(|(package, entries)| is_old(package, entries));
        let (old, new) = if old.len() < FEW { (Vec::new(), merged(old, new)) } else { (old, new) };
        let tables = [(false, new), (true, old)].into_iter().filter(|(_, releases)| !releases.is_empty());
        let tables: Vec<Table<'_>> =
            tables.map(|(is_old, releases)| Table { is_old, rows: releases.into_iter().map(row).collect() }).collect();
        let mut total = 0;
        let bar = counts.iter().map(|(standing, number)| {
            let share = Share { tone: standing.tone(), from: total, number: *number };
            total += number;
            share
        });
        Self {
            id: format!("tracker-{}", number + 1),
            product: document.product(),
            reference: printable(document.reference()),
            verdict: Verdict::of(&cards, told.len()),
            last_runs: last_runs(document, last_run, now),
            alarms: told.iter().map(|told| printable(told)).collect(),
            bar: bar.collect(),
            outdated,
            counts,
            total,
            targets,
            cards,
            tables,
        }
    }

    fn releases(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }
}

/// Two parts of one list, newest first, as one again.
fn merged<'a, T>(one: Vec<(&'a Nevra, T)>, other: Vec<(&'a Nevra, T)>) -> Vec<(&'a Nevra, T)> {
    let mut all: Vec<(&Nevra, T)> = one.into_iter().chain(other).collect();
    all.sort_by(|(one, _), (other, _)| other.cmp(one));
    all
}

fn pointers(document: &Document) -> impl Iterator<Item = (&ChannelName, &Slot, &Pointer)> {
    let channels = document.channels();
    channels.names().flat_map(|name| channels.pointers(name).map(move |(slot, to)| (name, slot, to)))
}

/// When each lane ran last, and what became of the builds that it began. The tracker knows the last run that had something
/// to record.
fn last_runs(document: &Document, last_run: Option<&Earlier>, now: Timestamp) -> Vec<String> {
    let lanes: Vec<(Option<&str>, &LastRun)> =
        document.runs().iter().map(|(lane, run)| (Some(lane.as_str()).filter(|lane| !lane.is_empty()), run)).collect();
    let told = |what: &str, lane: Option<&str>, pipeline: u64, at: Timestamp| {
        let night = Night::new(document, pipeline, lane, u64::MAX, ToTell::default(), now);
        let of_lane = lane.map(|lane| format!(" of {}", printable(lane))).unwrap_or_default();
        format!("{what}{of_lane} {}, {}: {}", ago(at, now), minute(at), night.summary())
    };
    match (last_run, lanes.as_slice()) {
        (Some(run), [] | [_]) => {
            let lane = lanes.first().and_then(|(lane, _)| *lane);
            vec![told("Last run", lane, run.pipeline, run.decided_at)]
        }
        _ => lanes.iter().map(|(lane, run)| told("Last recorded run", *lane, run.pipeline, run.at)).collect(),
    }
}

impl Verdict {
    fn of(cards: &[Card<'_>], alarms: usize) -> Self {
        let targets = |is: &dyn Fn(&Card<'_>) -> bool| {
            cards.iter().filter(|card| is(card)).map(|card| card.progress.target).collect::<BTreeSet<_>>().len()
        };
        let has = |tone: Tone| targets(&|card| card.progress.tone() == Some(tone));
        let (stuck, busy, waiting) = (has(Tone::Bad), has(Tone::Busy), has(Tone::Waiting));
        let (tone, text) = if stuck > 0 {
            (Tone::Bad, format!("{} of {} stuck", stuck, count(targets(&|_| true), "target")))
        } else if alarms > 0 {
            (Tone::Bad, count(alarms, "alarm"))
        } else if busy > 0 {
            (Tone::Busy, format!("{} being built", count(busy, "target")))
        } else if waiting > 0 {
            (Tone::Waiting, format!("{} to be built", count(waiting, "target")))
        } else if cards.is_empty() {
            (Tone::Quiet, "no image yet".to_owned())
        } else {
            (Tone::Good, "up to date".to_owned())
        };
        Self { tone, text }
    }
}

impl<'a> Card<'a> {
    fn new(progress: Progress<'a>, document: &Document, now: Timestamp) -> Self {
        let Progress { target, arch, ref series, current, .. } = progress;
        let image = current.and_then(|package| document.image(package, target)).map(|(_, image)| image);
        let entry = current.and_then(|package| document.entry(package, target));
        let (recorded, built) = (image.map(|image| image.recorded), entry.map(|entry| entry.since));
        let of_card = pointers(document).filter(|(_, slot, to)| {
            let is_of_series = Keep::LatestPerMajor.series_name(&to.package) == *series;
            slot.target == *target && slot.arch == arch && is_of_series
        });
        let is_current = |to: &Pointer| {
            let current = current.filter(|package| **package == to.package);
            current.and_then(|package| document.image(package, target)).is_some_and(|(key, _)| *key == to.image)
        };
        let channels = of_card.map(|(channel, slot, to)| {
            let image = document.pointed(&slot.target, to);
            let ids = image.map(|(_, image)| image.ids.to_string()).unwrap_or_default();
            let release = (!is_current(to)).then(|| format!("{} {}", to.package.evr(), printable(&ids)));
            let revoked = document.revocation_of_pointer(&slot.target, to);
            let revoked = revoked.map(|word| printable(&word.in_words()));
            let of_slot = if slot.series == *series { String::new() } else { format!(" {}", slot.series) };
            Pointed { channel: format!("{channel}{}", of_slot.trim_end()), release, revoked }
        });
        Self {
            channels: channels.collect(),
            tone: if progress.is_stuck() { Tone::Bad } else { Tone::Good },
            behind: progress.behind(),
            withdrawn: entry.and_then(Entry::missing_since).map(gone_since),
            since: recorded.or(built).map(|since| Time::new(since, now)),
            notes: current.map(|package| shown(&document.facts(package, target))).unwrap_or_default(),
            progress,
        }
    }

    /// How what is open looks.
    fn behind_tone(&self) -> Tone {
        self.progress.tone().unwrap_or(Tone::Quiet)
    }
}

impl Cell {
    fn new(entry: &Entry, images: &Told, Times { now, lapsed_before }: Times) -> Self {
        Self {
            standing: Standing::of(entry, lapsed_before),
            since: Time::new(entry.since, now),
            attempt: entry.attempts(),
            remarks: remarks(entry, images).iter().map(|remark| printable(remark)).collect(),
            notes: shown(&images.facts),
            earlier: images.earlier.iter().map(|(recorded, ids)| (Time::new(*recorded, now), printable(ids))).collect(),
            count_of_earlier: images.count_of_earlier().unwrap_or_default(),
            links: links(&entry.origin),
        }
    }
}

fn shown(notes: &Notes) -> Vec<(String, String)> {
    notes.iter().map(|(name, value)| (printable(name), printable(value))).collect()
}
