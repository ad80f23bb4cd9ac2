//! Images that are there already, recorded as those of their builds.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Found, Image};
use crate::release::{BuildKey, Nevra};
use crate::tracker::{self, Baked, Document, Ids, Place, Recorded, State};

/// What became of images that are there.
#[derive(Debug, Default)]
pub struct Adopted {
    /// The builds that are recorded by them.
    pub new: Vec<(BuildKey, Ids)>,
    /// The builds that were adopted before, and whose image is in more places.
    pub grown: Vec<(BuildKey, Ids)>,
    /// The builds that were tried or asked for and are not done, and stay so.
    pub tried: Vec<(BuildKey, Ids)>,
}

/// Records the images of all builds that are not done.
pub fn adopt(document: &mut Document, found: &Found<'_>, now: Timestamp) -> Adopted {
    let mut adopted = Adopted::default();
    for (build, images) in &found.images {
        adopted.add(document, build, images, now);
    }
    adopted
}

/// Records the images of the releases that are wanted, but for builds that somebody has tried, asked for or skipped: what an
/// attempt left before it failed, and what a person did not want, is not what was wanted.
pub fn adopt_untried(
    document: &mut Document,
    found: &Found<'_>,
    is_wanted: impl Fn(&Nevra) -> bool,
    now: Timestamp,
) -> Adopted {
    let mut adopted = Adopted::default();
    for (build, images) in found.images.iter().filter(|(build, _)| is_wanted(&build.package)) {
        let Some(entry) = document.get(build).filter(|entry| entry.state != State::Built) else {
            adopted.add(document, build, images, now);
            continue;
        };
        if entry.is_asked_for() || matches!(entry.state, State::Failed | State::GivenBack) {
            adopted.tried.push((build.clone(), adopted_image(images, now).ids));
        } else if entry.is_untried() {
            adopted.add(document, build, images, now);
        }
    }
    adopted
}

impl Adopted {
    fn add(&mut self, document: &mut Document, build: &BuildKey, images: &BTreeMap<&Place, &Image>, now: Timestamp) {
        let was_built = document.get(build).is_some_and(|entry| entry.state == State::Built);
        let image = adopted_image(images, now);
        let ids = image.ids.clone();
        if document.import_image(build, image, now) == Recorded::Changed {
            let among = if was_built { &mut self.grown } else { &mut self.new };
            among.push((build.clone(), ids));
        }
    }
}

/// Images of one build in several places, as the tracker keeps them: one image.
pub fn adopted_image(images: &BTreeMap<&Place, &Image>, now: Timestamp) -> tracker::Image {
    let mut baked = Baked::default();
    for (place, image) in images {
        if let Ok(id) = image.id.parse() {
            baked.ids.add((*place).clone(), id);
        }
    }
    let ids: Vec<&str> = images.values().map(|image| image.id.as_str()).collect();
    let (what, were) = if ids.len() == 1 { ("image", "was") } else { ("images", "were") };
    let reason = format!("the {what} {} {were} there", ids.join(", "));
    // Where nobody says the place, the id is what it always was.
    let notes = images.get(&Place::default()).map(|image| ("AMI_ID".to_owned(), image.id.clone()));
    tracker::Image::adopted(now, baked, notes.into_iter().collect(), reason)
}
