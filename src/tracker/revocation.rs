//! Revocations: what is not to be used, and why.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::{is_zero, words};
use super::unknown::take_larger;
use super::{Recorded, Unknown, cut};
use crate::release::Target;

/// A person's word on what is recorded: why, who and when.
#[derive(Debug, Clone)]
pub struct Word {
    /// Why.
    pub reason: String,
    /// Who says so.
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
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// How often the builds of a release had been asked for anew, where that was: what is asked for since is built.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub epochs: BTreeMap<Target, u64>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What is said of a release: for all targets, and for some.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<Revocation>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    targets: BTreeMap<Target, Revocation>,
}

impl Revocations {
    /// The word that the release is not to be used on a target, where it counts.
    pub fn on(&self, target: &Target) -> Option<&Revocation> {
        let both = self.targets.get(target).into_iter().chain(&self.all);
        both.into_iter().find(|revocation| revocation.revoked)
    }

    /// The same, where it holds a build that had been asked for anew so often.
    pub fn holding(&self, target: &Target, epoch: u64) -> Option<&Revocation> {
        let both = self.targets.get(target).into_iter().chain(&self.all);
        both.into_iter().find(|revocation| revocation.revoked && revocation.holds(target, epoch))
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_none() && self.targets.is_empty()
    }

    /// Records a word, for a target or for all of them. One that the release may be used again on all is one on each.
    pub(super) fn say(
        &mut self,
        target: Option<&Target>,
        revoked: bool,
        word: &Word,
        epochs: &BTreeMap<Target, u64>,
    ) -> Recorded {
        let mut recorded = Recorded::AsBefore;
        let mut say = |known: Option<&Revocation>| {
            let next = Revocation::after(known, revoked, word.clone(), epochs.clone())?;
            recorded = Recorded::Changed;
            Some(next)
        };
        if let Some(target) = target {
            if let Some(next) = say(self.targets.get(target)) {
                self.targets.insert(target.clone(), next);
            }
            return recorded;
        }
        if let Some(next) = say(self.all.as_ref()) {
            self.all = Some(next);
        }
        for known in self.targets.values_mut().filter(|known| !revoked && known.revoked) {
            if let Some(next) = say(Some(known)) {
                *known = next;
            }
        }
        recorded
    }

    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.all, other.all) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (none @ None, theirs) => *none = theirs,
            (Some(_), None) => {}
        }
        for (target, theirs) in other.targets {
            match self.targets.entry(target) {
                Vacant(place) => drop(place.insert(theirs)),
                Occupied(mut known) => known.get_mut().merge(theirs),
            }
        }
    }

    pub(super) fn drop_target(&mut self, target: &Target) {
        self.targets.remove(target);
    }

    /// What is said for one target alone, for another.
    pub(super) fn of_target(&self, from: &Target, to: &Target) -> Self {
        let targets = self.targets.get(from).map(|known| (to.clone(), known.clone()));
        Self { all: None, targets: targets.into_iter().collect() }
    }
}

impl Revocation {
    /// The word after another one; `None` where it would say the same.
    pub(super) fn after(
        known: Option<&Self>,
        revoked: bool,
        word: Word,
        epochs: BTreeMap<Target, u64>,
    ) -> Option<Self> {
        let says_the_same =
            known.is_some_and(|known| known.revoked == revoked && (!revoked || known.covers(&word.reason, &epochs)));
        if says_the_same || (known.is_none() && !revoked) {
            return None;
        }
        let changes = known.map_or(0, |known| known.changes.saturating_add(1));
        let unknown = known.map(|known| known.unknown.clone()).unwrap_or_default();
        Some(Self { changes, revoked, reason: cut(&word.reason), by: words(word.by), at: word.at, epochs, unknown })
    }

    /// Whether it says as much as this: for the same reason, of builds that were asked for as often.
    fn covers(&self, reason: &str, epochs: &BTreeMap<Target, u64>) -> bool {
        self.reason == cut(reason) && epochs.iter().all(|(target, epoch)| self.holds(target, *epoch))
    }

    /// The same of another record of an image. Its words are few: an outcome may have it.
    pub(super) fn of_another(&self) -> Self {
        Self {
            reason: "another record of it is revoked".to_owned(),
            by: None,
            unknown: Unknown::default(),
            ..self.clone()
        }
    }

    /// Whether it holds a build that had been asked for anew so often.
    fn holds(&self, target: &Target, epoch: u64) -> bool {
        epoch <= self.epochs.get(target).copied().unwrap_or_default()
    }

    pub(super) fn merge(&mut self, other: Self) {
        take_larger(self, other, |revocation| &mut revocation.unknown);
    }

    /// Why it is not to be used, and who said so.
    pub fn in_words(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
        format!("{}{by}", self.reason)
    }
}
