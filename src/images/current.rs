//! The image to use: the current one of each target and series.

use std::collections::BTreeMap;

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

/// The builds whose image is current on its target, in its major version, or is what a channel points to, and may be used.
pub fn in_use(document: &Document) -> impl Iterator<Item = (&Nevra, &Target)> {
    let channels = document.channels().names();
    let pointed = channels.flat_map(|channel| in_channel(document, channel, None, |_| true));
    let current = current(document, Keep::LatestPerMajor, None, |_| true).into_iter();
    let usable = current.chain(pointed).filter(|image| image.revocation.is_none());
    usable.map(|image| (image.package, image.target))
}

fn has_id(image: &Image, place: Option<&Place>) -> bool {
    match place {
        Some(place) => image.ids.of(place).is_some(),
        None => image.ids.counting().next().is_some(),
    }
}
