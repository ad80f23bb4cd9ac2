//! The image to use: the current one of each target and series.

use std::collections::BTreeMap;

use crate::policy::Keep;
use crate::release::{Nevra, Target};
use crate::tracker::{Document, Image, ImageKey, Place, State};

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
}

/// The current image of each target, architecture and series, the newest series first: the newest image of the newest
/// release that has one which counts. A series is what `keep` keeps one of.
///
/// An image counts that has one id in the `place`, or in any where none is asked for. Releases that are skipped or not
/// wanted do not count.
pub fn current<'a>(
    document: &'a Document,
    keep: Keep,
    place: Option<&Place>,
    is_wanted: impl Fn(&Nevra) -> bool,
) -> Vec<Current<'a>> {
    let counts = |image: &Image| match place {
        Some(place) => image.ids.of(place).is_some(),
        None => image.ids.counting().next().is_some(),
    };
    let mut newest: BTreeMap<(&Target, &str, String), Current<'a>> = BTreeMap::new();
    // The oldest release first.
    for (package, target, entry) in document.entries().filter(|(package, ..)| is_wanted(package)) {
        let mut images = document.images(package, target).rev();
        let image = images.find(|(_, image)| image.counts() && counts(image)).filter(|_| entry.state != State::Skipped);
        if let Some((key, image)) = image {
            let series = keep.series(package).map(|(_, parts)| parts.join(".")).unwrap_or_default();
            let current = Current { target, series: series.clone(), package, key, image };
            newest.insert((target, package.arch(), series), current);
        }
    }
    let mut all: Vec<Current<'a>> = newest.into_values().collect();
    all.sort_by(|a, b| (a.target, b.package).cmp(&(b.target, a.package)));
    all
}
