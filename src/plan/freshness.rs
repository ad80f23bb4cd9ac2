//! Images that are no longer fresh: their release is built again.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::Context;
use crate::release::{BuildKey, Package, Target};
use crate::text::{count, minute};
use crate::tracker::{
    Document, Entry, INGREDIENT_CHANGED, ImageKey, IngredientName, IngredientValue, Ingredients, TOO_OLD,
};

/// Why an image is no longer fresh. The first that applies is the one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Stale {
    /// It was made of something else than an image would be made of now.
    IngredientChanged {
        /// The ingredients that differ.
        changes: Vec<IngredientChange>,
    },
    /// It is older than an image may be.
    TooOld {
        /// When it was recorded.
        recorded: Timestamp,
        /// The age that it may have, in days.
        days: i64,
    },
}

/// An ingredient that has another value now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngredientChange {
    /// Its name.
    pub name: IngredientName,
    /// Its value when the image was claimed.
    pub before: IngredientValue,
    /// Its value now.
    pub now: IngredientValue,
}

impl IngredientChange {
    /// The ingredients that differ. One that has no value, then or now, does not differ.
    pub(crate) fn between(then: &Ingredients, now: &Ingredients) -> Vec<Self> {
        let change = |(name, before): (&IngredientName, &IngredientValue)| {
            let now = now.get(name).filter(|now| *now != before)?;
            Some(Self { name: name.clone(), before: before.clone(), now: now.clone() })
        };
        then.iter().filter_map(change).collect()
    }
}

impl fmt::Display for IngredientChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its {} changed from {} to {}", self.name, self.before, self.now)
    }
}

impl Stale {
    /// The word for it in `builds.json` and in the tracker.
    pub fn word(&self) -> &'static str {
        match self {
            Self::IngredientChanged { .. } => INGREDIENT_CHANGED,
            Self::TooOld { .. } => TOO_OLD,
        }
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IngredientChanged { changes } => {
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                f.write_str(&changes.join(", "))
            }
            Self::TooOld { recorded, days } => {
                let days = count(u64::try_from(*days).unwrap_or_default(), "day");
                write!(f, "its image of {} is older than {days}", minute(*recorded))
            }
        }
    }
}

impl Context<'_> {
    /// Why the image of a build is no longer fresh, by the rules that are on.
    pub(super) fn stale(&self, document: &Document, build: &BuildKey, entry: &Entry) -> Option<Stale> {
        let BuildKey { package, target } = build;
        let changes = |key: &ImageKey| {
            let then = entry.ingredients.get(&key.claim);
            then.map(|then| self.changes_since(then, target)).unwrap_or_default()
        };
        let newest = document.images(package, target).rfind(|(_, image)| image.is_tested());
        if let (Some((current, _)), Some((newest, _))) = (document.image(package, target), newest) {
            let changes = (changes(current), changes(newest));
            // Where the newest was revoked, no other is built in its place for the same change.
            if !changes.0.is_empty() && !changes.1.is_empty() {
                return Some(Stale::IngredientChanged { changes: changes.0 });
            }
        }
        // What was imported without an image is as old as its record.
        let recorded = newest.map(|(_, image)| image.recorded).or(entry.first_seen)?;
        let most = self.rules.rebuild_after;
        let is_too_old = !most.is_zero() && self.now.duration_since(recorded) > most;
        is_too_old.then_some(Stale::TooOld { recorded, days: most.as_hours() / 24 })
    }

    /// The ingredients that the rules name, and that differ from what they were.
    fn changes_since(&self, then: &Ingredients, target: &Target) -> Vec<IngredientChange> {
        let changes = self.ingredients.get(target).map(|now| IngredientChange::between(then, now)).unwrap_or_default();
        changes.into_iter().filter(|change| self.rules.rebuild_when.contains(&change.name)).collect()
    }

    /// Whether the last attempt at building an image again was made of something else than the next one would be: what it
    /// came to says nothing about the next.
    pub(super) fn has_changed_since_attempt(&self, build: &BuildKey, entry: &Entry) -> bool {
        let of_attempt = entry.ingredients.get(&entry.claim());
        of_attempt.is_some_and(|then| !self.changes_since(then, &build.target).is_empty())
    }

    /// Whether a release may be built again for a rule alone: nobody has revoked or excluded it, and the repository still
    /// offers the file that it was built from.
    pub(super) fn may_rebuild(&self, package: &Package, entry: &Entry) -> bool {
        let is_another_file = match (entry.checksum(), &package.checksum) {
            (Some(recorded), Some(offered)) => recorded.contradicts(offered),
            _ => false,
        };
        !is_another_file && !entry.is_of_the_last_epoch() && self.rules.exclusion_of(&package.nevra).is_none()
    }
}
