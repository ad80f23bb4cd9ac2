//! The image to use: the current one of each target and series.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::policy::Keep;
use crate::release::{Nevra, Target};
use crate::tracker::{ChannelName, Document, Entry, Image, ImageKey, Place, Revocation, State};

/// The current image of a target and series.
#[derive(Debug, Clone)]
pub struct Current<'a> {
    /// The target.
    pub target: &'a Target,
    /// The series: `18`, `18.6`, or empty where all releases are one.
    pub series: String,
    /// The release.
    pub package: &'a Nevra,
    /// The claim and job that made the image.
    pub key: &'a ImageKey,
    /// The image.
    pub image: &'a Image,
    /// Why it is not to be used: a channel may point to it all the same.
    pub revocation: Option<&'a Revocation>,
    /// Since when the repositories do not offer the release, where that is so.
    pub missing_since: Option<Timestamp>,
}

/// The current image of each target, architecture and series, the newest series first: the newest image of the newest
/// release that has one which counts. A series is what `keep` keeps one of.
///
/// An image counts that has one id in the `place`, or in any where none is asked for. Releases that are skipped, revoked or
/// not wanted do not count.
pub fn current<'a>(
    document: &'a Document,
    keep: Keep,
    place: Option<&Place>,
    is_wanted: impl Fn(&Nevra) -> bool,
) -> Vec<Current<'a>> {
    let mut newest: BTreeMap<(&Target, &str, String), Current<'a>> = BTreeMap::new();
    // The oldest release first.
    for (package, target, entry) in document.entries().filter(|(package, ..)| is_wanted(package)) {
        if let Some((key, image)) = current_of(document, package, target, place) {
            let series = keep.series_name(package);
            let missing_since = entry.missing_since();
            let current =
                Current { target, series: series.clone(), package, key, image, revocation: None, missing_since };
            newest.insert((target, package.arch(), series), current);
        }
    }
    let mut all: Vec<Current<'a>> = newest.into_values().collect();
    all.sort_by(|a, b| (a.target, b.package).cmp(&(b.target, a.package)));
    all
}

/// The image of a release to use on a target: the newest that counts, and has an id.
pub fn current_of<'a>(
    document: &'a Document,
    package: &Nevra,
    target: &Target,
    place: Option<&Place>,
) -> Option<(&'a ImageKey, &'a Image)> {
    let is_skipped = document.entry(package, target).is_none_or(|entry| entry.state == State::Skipped);
    let may_be_used = !is_skipped && document.revocation(package, target).is_none();
    let mut images = document.images(package, target).rev().filter(|_| may_be_used);
    images.find(|(_, image)| document.counts(image) && has_id(image, place))
}

/// Whether a release has an image to use on a target, or was built without one that is known.
pub fn has_image(document: &Document, package: &Nevra, target: &Target, entry: &Entry) -> bool {
    let tested = || document.images(package, target).filter(|(_, image)| image.is_tested());
    if tested().any(|(_, image)| !image.ids.is_empty()) {
        return current_of(document, package, target, None).is_some();
    }
    let is_told = tested().next().is_some();
    let has_one = if is_told { document.image(package, target).is_some() } else { entry.is_built_already() };
    has_one && entry.state != State::Skipped && document.revocation(package, target).is_none()
}

/// The builds whose images are in use, of those that are wanted: of each target, architecture and series the newest release
/// that has one, and what channels point to.
pub fn in_use(
    document: &Document,
    keep: Keep,
    is_wanted: impl Fn(&Nevra, &Target) -> bool,
) -> BTreeSet<(&Nevra, &Target)> {
    let with_image = document
        .entries()
        .filter(|(package, target, entry)| is_wanted(package, target) && has_image(document, package, target, entry));
    let with_image: BTreeSet<(&Nevra, &Target)> = with_image.map(|(package, target, _)| (package, target)).collect();
    // The oldest release first.
    let series = with_image
        .iter()
        .map(|build @ (package, target)| ((*target, package.arch(), keep.per_series().series_name(package)), *build));
    let newest: BTreeMap<(&Target, &str, String), (&Nevra, &Target)> = series.collect();
    let channels = document.channels();
    let pointers = channels.names().flat_map(|name| channels.pointers(name));
    let pointed = pointers.map(|(slot, to)| (&to.package, &slot.target)).filter(|build| with_image.contains(build));
    newest.into_values().chain(pointed).collect()
}

/// The images that a channel points to, sorted by target and series, those that are revoked among them.
pub fn in_channel<'a>(
    document: &'a Document,
    channel: &ChannelName,
    place: Option<&Place>,
    is_wanted: impl Fn(&Nevra) -> bool,
) -> Vec<Current<'a>> {
    let pointers = document.channels().pointers(channel).filter(|(_, last)| is_wanted(&last.package));
    let pointed = pointers.filter_map(|(slot, last)| {
        let (key, image) = document.pointed(&slot.target, last).filter(|(_, image)| has_id(image, place))?;
        let revocation = document.revocation_of_pointer(&slot.target, last);
        let (target, package) = (&slot.target, &last.package);
        let missing_since = document.entry(package, target).and_then(Entry::missing_since);
        Some(Current { target, series: slot.series.clone(), package, key, image, revocation, missing_since })
    });
    pointed.collect()
}

fn has_id(image: &Image, place: Option<&Place>) -> bool {
    match place {
        Some(place) => image.ids.of(place).is_some(),
        None => image.ids.counting().next().is_some(),
    }
}
