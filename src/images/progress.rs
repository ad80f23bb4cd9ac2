//! How far each target has come: its newest image to use, and the releases since then that have none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::release::{Nevra, Target};
use crate::text::count;
use crate::tracker::{Document, Entry, Standing, State, Tone};

/// How many releases at most are named.
const NAMED: usize = 3;

/// How far a target has come with the releases of an architecture, and of a lane where there are several.
#[derive(Debug)]
pub struct Progress<'a> {
    /// The target.
    pub target: &'a Target,
    /// The architecture of the packages.
    pub arch: &'a str,
    /// The lane; none where there is one alone.
    pub lane: Option<&'a str>,
    /// The newest release that has an image to use.
    pub current: Option<&'a Nevra>,
    /// The releases since then that are wanted and not built, the oldest first.
    pub open: Vec<(&'a Nevra, Standing)>,
}

/// The progress of each target, those first that are stuck, and the builds that are open: a failure before the newest image
/// is none.
pub fn progress(document: &Document, lapsed_before: Timestamp) -> (Vec<Progress<'_>>, Open<'_>) {
    let mut of_lines: BTreeMap<Line<'_>, Progress<'_>> = BTreeMap::new();
    // The oldest release first.
    for (package, target, entry) in document.entries() {
        let line = Line { target, arch: package.arch(), lane: entry.origin.lane.as_deref() };
        let Line { arch, lane, .. } = line;
        let new = || Progress { target, arch, lane, current: None, open: Vec::new() };
        let known = of_lines.entry(line).or_insert_with(new);
        let standing = Standing::of(entry, lapsed_before);
        if has_image(document, package, target, entry) {
            (known.current, known.open) = (Some(package), Vec::new());
        } else if !matches!(standing, Standing::Built | Standing::Skipped)
            && document.revocation(package, target).is_none()
        {
            known.open.push((package, standing));
        }
    }
    let open = of_lines.values().flat_map(|of| of.open.iter().map(|(package, _)| (*package, of.target))).collect();
    let lanes: BTreeSet<(&Target, &str)> =
        of_lines.keys().filter(|line| line.lane.is_some()).map(|line| (line.target, line.arch)).collect();
    // What no lane has claimed yet is of one of those that there are.
    of_lines.retain(|line, of| {
        let is_of_others = line.lane.is_none() && lanes.contains(&(line.target, line.arch));
        !is_of_others && (of.current.is_some() || !of.open.is_empty())
    });
    let mut all: Vec<Progress<'_>> = of_lines.into_values().collect();
    all.sort_by_key(|progress| !progress.is_stuck());
    (all, open)
}

/// The builds that are open.
pub type Open<'a> = BTreeSet<(&'a Nevra, &'a Target)>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Line<'a> {
    target: &'a Target,
    arch: &'a str,
    lane: Option<&'a str>,
}

fn has_image(document: &Document, package: &Nevra, target: &Target, entry: &Entry) -> bool {
    let is_told = document.images(package, target).next().is_some();
    let has_one = if is_told { document.image(package, target).is_some() } else { entry.state == State::Built };
    has_one && document.revocation(package, target).is_none()
}

impl Progress<'_> {
    /// Whether a release since the newest image has failed.
    pub fn is_stuck(&self) -> bool {
        self.tone() == Some(Tone::Bad)
    }

    /// How its open releases look, the worst of them; none where there is none.
    pub fn tone(&self) -> Option<Tone> {
        self.open.iter().map(|(_, standing)| standing).min().map(|standing| standing.tone())
    }

    /// What is open, those first that need a person: `2 releases behind: 18.9.4 given up, 18.9.5 failed`.
    pub fn behind(&self) -> Option<String> {
        let mut worst_first: Vec<&(&Nevra, Standing)> = self.open.iter().collect();
        worst_first.sort_by_key(|(_, standing)| *standing);
        let named = worst_first.iter().take(NAMED);
        let named: Vec<String> =
            named.map(|(package, standing)| format!("{} {}", package.evr().version, standing.word())).collect();
        let more = if worst_first.len() > NAMED { ", …" } else { "" };
        let behind = match self.current {
            Some(_) => format!("{} behind", count(self.open.len(), "release")),
            None => "no image yet".to_owned(),
        };
        (!named.is_empty()).then(|| format!("{behind}: {}{more}", named.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::BuildKey;
    use crate::tracker::{Notes, Origin, Word};

    const NIGHT: Timestamp = Timestamp::UNIX_EPOCH;

    fn build(version: &str) -> BuildKey {
        BuildKey {
            package: format!("p-{version}-1.noarch").parse().expect("a package"),
            target: "al2023".parse().expect("a target"),
        }
    }

    fn origin(lane: &str) -> Origin {
        Origin { pipeline: 7, lane: (!lane.is_empty()).then(|| lane.to_owned()), ..Origin::default() }
    }

    fn claimed(document: &mut Document, version: &str, lane: &str) {
        document.claim(&build(version), "new_release", None, NIGHT, origin(lane));
    }

    fn built(document: &mut Document, version: &str, lane: &str) {
        claimed(document, version, lane);
        let notes = Notes::from([("AMI_ID".to_owned(), format!("ami-{version}"))]);
        document.succeed(&build(version), notes.into(), NIGHT, origin(lane));
    }

    fn failed(document: &mut Document, version: &str, lane: &str) {
        claimed(document, version, lane);
        document.settle(7, NIGHT, &origin(lane), |_| None);
    }

    fn told(document: &Document) -> Vec<String> {
        let (all, _) = progress(document, Timestamp::MIN);
        let line = |of: &Progress<'_>| {
            let current = of.current.map(|package| package.evr().version.clone()).unwrap_or_default();
            format!("{}{current} {}", of.lane.unwrap_or_default(), of.behind().unwrap_or_default())
        };
        all.iter().map(line).collect()
    }

    #[test]
    fn a_target_is_behind_by_the_releases_since_its_newest_image_that_are_wanted() {
        let mut document = Document::new("p", "main");
        failed(&mut document, "1.0", "");
        assert_eq!(told(&document), [" no image yet: 1.0 failed"]);
        built(&mut document, "1.1", "");
        assert_eq!(told(&document), ["1.1 "], "what failed before it is mended by it");
        for version in ["1.2", "1.3", "1.4", "1.5"] {
            failed(&mut document, version, "");
        }
        claimed(&mut document, "1.6", "");
        document.skip(&build("1.7"), "not wanted", NIGHT);
        assert_eq!(told(&document), ["1.1 5 releases behind: 1.2 failed, 1.3 failed, 1.4 failed, …"]);
        let word = Word { reason: "deletes jobs".to_owned(), by: None, at: NIGHT };
        for version in ["1.2", "1.3", "1.4", "1.5"] {
            document.revoke(&build(version).package, None, true, &word);
        }
        assert_eq!(told(&document), ["1.1 1 release behind: 1.6 building"]);
        document.revoke(&build("1.1").package, None, true, &word);
        assert_eq!(told(&document), [" no image yet: 1.0 failed, 1.6 building"]);
    }

    #[test]
    fn a_build_that_is_made_again_has_its_image_meanwhile() {
        let mut document = Document::new("p", "main");
        built(&mut document, "1.1", "");
        document.rebuild(&build("1.1").package, &[], "patched", None, NIGHT);
        failed(&mut document, "1.1", "");
        assert_eq!(told(&document), ["1.1 "]);
    }

    #[test]
    fn each_lane_comes_as_far_as_it_does_and_the_one_that_is_stuck_is_first() {
        let mut document = Document::new("p", "main");
        built(&mut document, "17.1", "a-17-");
        built(&mut document, "18.1", "b-18-");
        failed(&mut document, "17.2", "a-17-");
        document.record_first_seen(&build("18.2"), NIGHT);
        assert_eq!(told(&document), ["a-17-17.1 1 release behind: 17.2 failed", "b-18-18.1 "]);
    }
}
