//! How far each target has come: its newest image to use, and the releases since then that have none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::images::has_image;
use crate::policy::Keep;
use crate::release::{Nevra, Target};
use crate::text::count;
use crate::tracker::{Document, Standing, Tone};

/// How many releases at most are named.
const NAMED: usize = 3;

/// How far a target has come with the releases of an architecture and a series.
pub(super) struct Progress<'a> {
    pub target: &'a Target,
    pub arch: &'a str,
    /// The first part of the version.
    pub series: String,
    /// The newest release that has an image to use.
    pub current: Option<&'a Nevra>,
    /// Where its build stands, where a rule has it built again.
    pub again: Option<Standing>,
    /// The releases since then that are wanted and not built, the oldest first.
    pub open: Vec<(&'a Nevra, Standing)>,
}

/// The builds that are open.
pub(super) type Open<'a> = BTreeSet<(&'a Nevra, &'a Target)>;

/// The progress of each target and series, those first that are stuck and then the newest series; and the builds that are
/// open: a failure before the newest image of its series is none, nor is a release that is not wanted.
pub(super) fn progress<'a>(
    document: &'a Document,
    lapsed_before: Timestamp,
    is_wanted: &dyn Fn(&Nevra, &Target) -> bool,
) -> (Vec<Progress<'a>>, Open<'a>) {
    let mut lines: BTreeMap<(&Target, &str, String), Progress<'_>> = BTreeMap::new();
    // The oldest release first.
    for (package, target, entry) in document.entries() {
        let (arch, series) = (package.arch(), Keep::LatestPerMajor.series_name(package));
        let new = || Progress { target, arch, series: series.clone(), current: None, again: None, open: Vec::new() };
        let known = lines.entry((target, arch, series.clone())).or_insert_with(new);
        let standing = Standing::of(entry, lapsed_before);
        if has_image(document, package, target, entry) {
            (known.current, known.open) = (Some(package), Vec::new());
            known.again = entry.is_rebuild().then_some(standing);
        } else if !matches!(standing, Standing::Built | Standing::Skipped)
            && document.revocation(package, target).is_none()
            && is_wanted(package, target)
        {
            known.open.push((package, standing));
        }
    }
    let again = lines.values().filter(|of| of.again.is_some()).filter_map(|of| Some((of.current?, of.target)));
    let open = lines.values().flat_map(|of| of.open.iter().map(|(package, _)| (*package, of.target)));
    let open = open.chain(again).collect();
    let mut all: Vec<Progress<'_>> = lines.into_values().collect();
    all.retain(|of| of.current.is_some() || !of.open.is_empty());
    // Of one target the newest series first.
    all.reverse();
    all.sort_by_key(|progress| (!progress.is_stuck(), progress.target));
    (all, open)
}

impl Progress<'_> {
    /// Whether a release since the newest image has failed.
    pub fn is_stuck(&self) -> bool {
        self.tone() == Some(Tone::Bad)
    }

    /// How its open releases look, the worst of them; none where there is none.
    pub fn tone(&self) -> Option<Tone> {
        self.open.iter().map(|(_, standing)| standing).chain(&self.again).min().map(|standing| standing.tone())
    }

    /// What is open, those first that need a person: `2 releases behind: 18.9.4 given up, 18.9.5 failed`; and where the
    /// newest image is made again, how that stands.
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
        let again = self.again.map(|standing| format!("to be built again: {}", standing.word()));
        let behind = (!named.is_empty()).then(|| format!("{behind}: {}{more}", named.join(", ")));
        let parts: Vec<String> = behind.into_iter().chain(again).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
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
        let (all, _) = progress(document, Timestamp::MIN, &|_, _| true);
        let line = |of: &Progress<'_>| {
            let current = of.current.map(|package| package.evr().version.clone()).unwrap_or_default();
            format!("{current} {}", of.behind().unwrap_or_default())
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
    fn each_series_comes_as_far_as_it_does_in_whatever_lane_and_the_one_that_is_stuck_is_first() {
        let mut document = Document::new("p", "main");
        built(&mut document, "17.1", "v17-");
        built(&mut document, "18.1", "");
        failed(&mut document, "17.2", "v17-");
        built(&mut document, "18.2", "v18-");
        document.rebuild(&build("18.2").package, &[], "patched", None, NIGHT);
        assert_eq!(told(&document), ["17.1 1 release behind: 17.2 failed", "18.2 "]);
        failed(&mut document, "18.3", "");
        assert_eq!(told(&document), ["18.2 1 release behind: 18.3 failed", "17.1 1 release behind: 17.2 failed"]);
        // By a rule of tonight's run.
        let (all, open) = progress(&document, Timestamp::MIN, &|package, _| package.evr().version != "18.3");
        assert_eq!(all.iter().filter(|of| of.is_stuck()).count(), 1);
        assert_eq!(open.len(), 1);
    }

    #[test]
    fn what_is_skipped_or_has_no_id_that_counts_is_no_image_to_use() {
        let mut document = Document::new("p", "main");
        built(&mut document, "1.1", "");
        built(&mut document, "1.2", "");
        document.rebuild(&build("1.2").package, &[], "patched", None, NIGHT);
        document.skip_by_hand(&build("1.2"), "broken", "mary", NIGHT);
        assert_eq!(told(&document), ["1.1 "]);
        let mut baked = crate::tracker::Baked::default();
        for id in ["ami-b", "ami-c"] {
            baked.ids.add("us-east-1".parse().expect("a place"), id.parse().expect("an id"));
        }
        claimed(&mut document, "1.3", "");
        let report = crate::tracker::Report { baked, ..Default::default() };
        document.succeed(&build("1.3"), report, NIGHT, origin(""));
        assert_eq!(told(&document), ["1.1 "]);
    }
}
