//! What is told of the images of a build.

use jiff::Timestamp;

use crate::plan::{IngredientChange, gone_since};
use crate::release::{Nevra, Target};
use crate::text::count;
use crate::tracker::{ChannelName, Document, Entry, INGREDIENT_CHANGED, Image, Notes, State, TOO_OLD};

/// What is told of the images of a build.
#[derive(Default)]
pub(super) struct Told {
    /// Of the one that counts.
    pub facts: Notes,
    /// Of one that has been baked since, and does not count.
    pub untested: Option<String>,
    /// Of those that are revoked, or all of the release, and why.
    pub revoked: Vec<String>,
    /// That the repositories do not offer the release, and since when.
    pub withdrawn: Option<String>,
    /// The channels that point to one of them.
    pub channels: Vec<String>,
    /// What the one that counts is made of besides the package.
    pub made_of: Option<String>,
    /// Why the release was built again, where a rule did that.
    pub again: Option<String>,
    /// When those before it were recorded that something is known of, and what; the last one first.
    pub earlier: Vec<(Timestamp, String)>,
}

impl Told {
    pub fn of(document: &Document, package: &Nevra, target: &Target) -> Self {
        let current = document.image(package, target);
        let last = document.images(package, target).next_back().filter(|(_, image)| !image.is_tested());
        let is_building = document.entry(package, target).is_some_and(|entry| entry.state == State::Building);
        let untested = last.map(|(_, image)| {
            let is = if is_building { "waits for its test" } else { "has not passed its test" };
            format!("{is}: {}", ids(image))
        });
        let counting = document.images(package, target).rev().filter(|(_, image)| document.counts(image));
        let earlier =
            counting.skip(1).map(|(_, image)| (image.recorded, ids(image))).filter(|(_, ids)| !ids.is_empty());
        let of_release = document.revocation(package, target).map(|word| format!("revoked: {}", word.in_words()));
        let of_images = document.images(package, target).filter_map(|(_, image)| {
            let word = document.revocation_of_image(image)?;
            Some(format!("revoked: {} ({})", ids(image), word.in_words()))
        });
        let channels = document.channels();
        let of_channel = |name: &ChannelName| {
            let mut pointers = channels.pointers(name);
            let (_, to) = pointers.find(|(slot, to)| slot.target == *target && to.package == *package)?;
            let is_current = current.is_some_and(|(key, _)| *key == to.image);
            let image = document.pointed(target, to);
            let ids = image.filter(|_| !is_current).map(|(_, image)| format!(": {}", ids(image)));
            Some(format!("in channel {name}{}", ids.unwrap_or_default()))
        };
        let channels = channels.names().filter_map(of_channel).collect();
        let revoked = of_release.into_iter().chain(of_images).collect();
        let missing_since = document.entry(package, target).and_then(Entry::missing_since);
        Self {
            revoked,
            withdrawn: missing_since.map(gone_since),
            channels,
            facts: current.map(|(_, image)| image.facts()).unwrap_or_default(),
            untested,
            made_of: current.and_then(|(key, _)| document.ingredients(package, target, &key.claim)).map(
                |ingredients| {
                    let ingredients = ingredients.iter().map(|(name, value)| format!("{name} {value}"));
                    format!("made of {}", ingredients.collect::<Vec<_>>().join(", "))
                },
            ),
            again: document.entry(package, target).and_then(|entry| again(document, package, target, entry)),
            earlier: earlier.collect(),
        }
    }

    /// What is to be known of an image before it is used: that it is revoked, gone from the repository, in a channel, not
    /// tested, built again, and what it is made of.
    pub fn remarks(&self) -> impl Iterator<Item = &String> {
        let again = self.again.iter().chain(&self.made_of);
        self.revoked.iter().chain(&self.withdrawn).chain(&self.channels).chain(&self.untested).chain(again)
    }

    /// How many images there were before the one that counts, in words.
    pub fn count_of_earlier(&self) -> Option<String> {
        (!self.earlier.is_empty()).then(|| count(self.earlier.len(), "earlier image"))
    }
}

/// Why a rule had a release built again: what differs between its claim and the image before.
fn again(document: &Document, package: &Nevra, target: &Target, entry: &Entry) -> Option<String> {
    // What was given up in the end has made nothing.
    let has_made = document.images(package, target).any(|(key, _)| key.claim == entry.claim());
    match entry.rule.as_deref() {
        _ if entry.state == State::Built && !has_made => None,
        Some(TOO_OLD) => Some(format!("{}, since its image was too old", begun(entry))),
        Some(INGREDIENT_CHANGED) => {
            let claim = entry.claim();
            let now = entry.ingredients.get(&claim)?;
            let mut images = document.images(package, target).rev().filter(|(_, image)| document.counts(image));
            let (before, _) = images.find(|(key, _)| key.claim < claim)?;
            let changes = IngredientChange::between(entry.ingredients.get(&before.claim)?, now);
            let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
            (!changes.is_empty()).then(|| format!("{}, since {}", begun(entry), changes.join(", ")))
        }
        _ => None,
    }
}

fn begun(entry: &Entry) -> &'static str {
    if entry.state == State::Built { "built again" } else { "to be built again" }
}

/// The ids, or what else is known of an image that has none.
fn ids(image: &Image) -> String {
    if image.ids.is_empty() {
        let notes = image.notes.iter().map(|(name, value)| format!("{name}={value}"));
        return notes.collect::<Vec<_>>().join(", ");
    }
    image.ids.to_string()
}
