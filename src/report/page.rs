//! Trackers as one HTML page that needs nothing else: no network, no server, no script to be read.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::status::{Link, counts, links, remarks};
use super::told::Told;
use crate::release::Nevra;
use crate::release::Target;
use crate::text::{ago, count, minute, printable};
use crate::tracker::{Document, Entry, Notes, Standing, State};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of these trackers, each with what a person should hear of, as of `now`, which ages are counted
/// from. A claim that was made before `lapsed_before` has lapsed.
pub fn page(
    documents: &[(Document, Vec<String>)],
    now: Timestamp,
    lapsed_before: Timestamp,
) -> Result<String, askama::Error> {
    let sections: Vec<Section<'_>> = documents
        .iter()
        .enumerate()
        .map(|(number, (document, alarms))| Section::new(number, document, alarms, Times { now, lapsed_before }))
        .collect();
    let standings: BTreeSet<Standing> = sections.iter().flat_map(|section| section.counts.keys()).copied().collect();
    let releases: usize = sections.iter().map(|section| section.rows.len()).sum();
    Page {
        as_of: Time::new(now, now),
        releases: count(releases, "release"),
        standings,
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
    alarms: Vec<String>,
    counts: BTreeMap<Standing, usize>,
    bar: Vec<Share>,
    total: usize,
    targets: Vec<&'a Target>,
    newest: Vec<Newest<'a>>,
    rows: Vec<Row<'a>>,
}

/// The part of the builds that stands in one place.
struct Share {
    tone: &'static str,
    from: usize,
    number: usize,
}

/// The newest release that is built for a target.
struct Newest<'a> {
    package: &'a Nevra,
    target: &'a Target,
    since: Time,
    notes: Vec<(String, String)>,
}

struct Row<'a> {
    package: &'a Nevra,
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
    fn new(number: usize, document: &'a Document, alarms: &'a [String], times: Times) -> Self {
        let Times { now, lapsed_before } = times;
        let mut targets = document.targets();
        let mut by_package: BTreeMap<&Nevra, BTreeMap<&Target, &Entry>> = BTreeMap::new();
        let mut newest: BTreeMap<(&Target, &str), Newest<'_>> = BTreeMap::new();
        for (package, target, entry) in document.entries() {
            targets.insert(target);
            by_package.entry(package).or_default().insert(target, entry);
            let image = document.image(package, target);
            let has_none = document.images(package, target).next().is_none();
            let may_be_used = document.revocation(package, target).is_none();
            if may_be_used && (image.is_some() || (entry.state == State::Built && has_none)) {
                let since = Time::new(image.map_or(entry.since, |(_, image)| image.recorded), now);
                let notes = shown(&document.facts(package, target));
                newest.insert((target, package.arch()), Newest { package, target, since, notes });
            }
        }
        let targets: Vec<&Target> = targets.into_iter().collect();
        let row = |(package, entries): (_, BTreeMap<&'a Target, &'a Entry>)| Row {
            package,
            cells: targets
                .iter()
                .map(|target| {
                    (
                        *target,
                        entries.get(target).map(|entry| Cell::new(entry, &Told::of(document, package, target), times)),
                    )
                })
                .collect(),
        };
        let rows = by_package.into_iter().rev().map(row).collect();
        let counts = counts(document, lapsed_before);
        let mut total = 0;
        let bar = counts.iter().map(|(standing, number)| {
            let share = Share { tone: standing.tone().word(), from: total, number: *number };
            total += number;
            share
        });
        Self {
            id: format!("tracker-{}", number + 1),
            product: document.product(),
            reference: printable(document.reference()),
            alarms: alarms.iter().map(|told| printable(told)).collect(),
            bar: bar.collect(),
            counts,
            total,
            targets,
            newest: newest.into_values().collect(),
            rows,
        }
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
