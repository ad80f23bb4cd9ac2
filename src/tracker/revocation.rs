//! Revocations: what is not to be used, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::{is_zero, words};
use super::unknown::take_larger;
use super::{Ids, ImageId, Recorded, Unknown, cut};
use crate::release::{Nevra, Target};

/// A word on what is recorded: why, who and when.
#[derive(Debug, Clone)]
pub struct Word {
    /// Why.
    pub reason: String,
    /// Who says so, where that is a person.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A word that a release, or an image, is not to be used, or that it is again. The later word is the larger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revocation {
    /// How many such words came before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes: u64,
    /// Whether it is not to be used.
    pub revoked: bool,
    /// Why.
    pub reason: String,
    /// Who said so, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The builds of a release that a person wanted already, each by how often it had been asked for. A build that is
    /// asked for after the word is made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub epochs: Epochs,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// How often the builds of a release were asked for, by target.
pub(super) type Epochs = BTreeMap<Target, u64>;

/// What was said not to be used, or to be so again: releases, and images by their ids.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    releases: BTreeMap<Nevra, OfRelease>,
    /// An image has a word on each of its ids, and is revoked by one: another record of it is revoked with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    images: BTreeMap<ImageId, Revocation>,
}

/// What is said of a release: for all targets, and for some.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OfRelease {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<Revocation>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    targets: BTreeMap<Target, Revocation>,
}

impl Revocations {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.releases.is_empty() && self.images.is_empty()
    }

    /// The releases of which something was said.
    pub fn releases(&self) -> impl Iterator<Item = &Nevra> {
        self.releases.keys()
    }

    /// The word that a release is not to be used on a target, where it counts.
    pub fn of_release(&self, package: &Nevra, target: &Target) -> Option<&Revocation> {
        self.words(package, target).find(|word| word.revoked)
    }

    /// The same, where it holds a build that was asked for so often: it was so when the word was said.
    pub fn holding(&self, package: &Nevra, target: &Target, epoch: u64) -> Option<&Revocation> {
        self.words(package, target).find(|word| word.revoked && word.knew_of(target, epoch))
    }

    /// How many words were said on whether a release may be used on a target.
    pub(super) fn count(&self, package: &Nevra, target: &Target) -> u64 {
        self.words(package, target).fold(0, |count, word| count.saturating_add(word.changes).saturating_add(1))
    }

    fn words(&self, package: &Nevra, target: &Target) -> impl Iterator<Item = &Revocation> {
        let of_release = self.releases.get(package);
        of_release.into_iter().flat_map(|words| words.targets.get(target).into_iter().chain(&words.all))
    }

    /// The word that the image of an id is not to be used, where it counts.
    pub fn of_id(&self, id: &str) -> Option<&Revocation> {
        self.images.get(id).filter(|word| word.revoked)
    }

    /// The word that an image is not to be used, where it counts.
    pub fn of_image(&self, ids: &Ids) -> Option<&Revocation> {
        ids.iter().find_map(|(_, id)| self.of_id(id.as_str()))
    }

    /// Records a word on a release, for a target or for all of them. That a release may be used again on all targets is
    /// said of each.
    pub(super) fn say_of_release(
        &mut self,
        package: &Nevra,
        target: Option<&Target>,
        revoked: bool,
        is_news: bool,
        word: &Word,
        epochs: &Epochs,
    ) -> Recorded {
        let words = self.releases.entry(package.clone()).or_default();
        let next = |known: Option<&Revocation>| Revocation::after(known, revoked, is_news, word, epochs);
        let recorded = if let Some(target) = target {
            say_in(&mut words.targets, target, next)
        } else {
            let of_all = next(words.all.as_ref());
            let recorded = of_all.as_ref().map_or_else(|unsaid| *unsaid, |_| Recorded::Changed);
            words.all = of_all.ok().or(words.all.take());
            let revoked_alone = words.targets.iter().filter(|(_, known)| !revoked && known.revoked);
            let revoked_alone: Vec<Target> = revoked_alone.map(|(target, _)| target.clone()).collect();
            let of_targets = revoked_alone.iter().map(|target| say_in(&mut words.targets, target, next));
            of_targets.fold(recorded, Recorded::max)
        };
        self.forget_empty();
        recorded
    }

    /// Records a word on the images of these ids.
    pub(super) fn say_of_images(&mut self, ids: &Ids, revoked: bool, word: &Word) -> Recorded {
        let next = |known: Option<&Revocation>| Revocation::after(known, revoked, false, word, &Epochs::new());
        ids.iter().map(|(_, id)| say_in(&mut self.images, id, next)).max().unwrap_or(Recorded::AsBefore)
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (package, theirs) in other.releases {
            let mine = self.releases.entry(package).or_default();
            match (&mut mine.all, theirs.all) {
                (Some(mine), Some(theirs)) => mine.merge(theirs),
                (none @ None, theirs) => *none = theirs,
                (Some(_), None) => {}
            }
            merge_all(&mut mine.targets, theirs.targets);
        }
        merge_all(&mut self.images, other.images);
    }

    pub(super) fn drop_target(&mut self, target: &Target) {
        for words in self.releases.values_mut() {
            words.targets.remove(target);
            if let Some(of_all) = &mut words.all {
                of_all.epochs.remove(target);
            }
        }
        self.forget_empty();
    }

    /// What is said of the releases on one target, for another.
    pub(super) fn of_target(&self, from: &Target, to: &Target) -> Self {
        let renamed = |word: &Revocation| {
            let epochs = word.epochs.get(from).map(|epoch| (to.clone(), *epoch));
            Revocation { epochs: epochs.into_iter().collect(), ..word.clone() }
        };
        let of_release = |words: &OfRelease| OfRelease {
            all: words.all.as_ref().filter(|word| word.epochs.contains_key(from)).map(renamed),
            targets: words.targets.get(from).map(|word| (to.clone(), renamed(word))).into_iter().collect(),
        };
        let releases = self.releases.iter().map(|(package, words)| (package.clone(), of_release(words)));
        let mut of_target = Self { releases: releases.collect(), images: BTreeMap::new() };
        of_target.forget_empty();
        of_target
    }

    /// Those of them about which another one says nothing.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut new = self.clone();
        for (package, words) in &mut new.releases {
            if let Some(others) = other.releases.get(package) {
                words.all = words.all.take().filter(|_| others.all.is_none());
                words.targets.retain(|target, _| !others.targets.contains_key(target));
            }
        }
        new.images.retain(|id, _| !other.images.contains_key(id));
        new.forget_empty();
        new
    }

    fn forget_empty(&mut self) {
        self.releases.retain(|_, words| words.all.is_some() || !words.targets.is_empty());
    }
}

impl Revocation {
    /// The word after another one; what is recorded where there is none.
    fn after(
        known: Option<&Self>,
        revoked: bool,
        is_news: bool,
        word: &Word,
        epochs: &Epochs,
    ) -> Result<Self, Recorded> {
        let changes = match known {
            None if !revoked && !is_news => return Err(Recorded::AsBefore),
            None => 0,
            Some(known)
                if known.revoked == revoked
                    && (if revoked { known.covers(&word.reason, epochs) } else { !is_news }) =>
            {
                return Err(Recorded::AsBefore);
            }
            Some(known) => known.changes.checked_add(1).ok_or(Recorded::AtItsEnd)?,
        };
        let unknown = known.map(|known| known.unknown.clone()).unwrap_or_default();
        let Word { reason, by, at } = word.clone();
        Ok(Self { changes, revoked, reason: cut(&reason), by: words(by), at, epochs: epochs.clone(), unknown })
    }

    /// Whether it says as much as this: for the same reason, of builds that were asked for as often.
    fn covers(&self, reason: &str, epochs: &Epochs) -> bool {
        self.reason == cut(reason) && epochs.iter().all(|(target, epoch)| self.knew_of(target, *epoch))
    }

    /// Whether a build had been asked for so often when it was said.
    fn knew_of(&self, target: &Target, epoch: u64) -> bool {
        self.epochs.get(target).is_some_and(|known| epoch <= *known)
    }

    /// The later of both. One word has the builds that either knew of: a target may have been renamed, or removed.
    fn merge(&mut self, other: Self) {
        let is_same_word = |other: &Self| {
            let said = |word: &Self| (word.changes, word.revoked, word.reason.clone(), word.by.clone(), word.at);
            said(self) == said(other)
        };
        if !is_same_word(&other) {
            return take_larger(self, other, |word| &mut word.unknown);
        }
        for (target, epoch) in other.epochs {
            let known = self.epochs.entry(target).or_default();
            *known = epoch.max(*known);
        }
        self.unknown.merge(other.unknown);
    }

    /// Why it is not to be used, and who said so.
    pub fn in_words(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
        format!("{}{by}", self.reason)
    }
}

fn say_in<K: Ord + Clone>(
    words: &mut BTreeMap<K, Revocation>,
    key: &K,
    next: impl Fn(Option<&Revocation>) -> Result<Revocation, Recorded>,
) -> Recorded {
    match next(words.get(key)) {
        Ok(next) => {
            words.insert(key.clone(), next);
            Recorded::Changed
        }
        Err(unsaid) => unsaid,
    }
}

fn merge_all<K: Ord>(words: &mut BTreeMap<K, Revocation>, others: BTreeMap<K, Revocation>) {
    use std::collections::btree_map::Entry::{Occupied, Vacant};
    for (key, theirs) in others {
        match words.entry(key) {
            Vacant(place) => drop(place.insert(theirs)),
            Occupied(mut known) => known.get_mut().merge(theirs),
        }
    }
}
