//! The document of a tracker: its entries, the changes that can be made to them, and its merge.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::bounds::is_zero;
use super::entry::IMPORTED;
use super::{
    ASKED_FOR, Absence, Acknowledgement, Baked, ChannelName, Channels, Claim, Entry, Ids, Image, ImageKey, Ingredients,
    LastRun, Notes, Origin, Pointer, Recorded, Revocation, Revocations, Seen, Slot, State, TrackerName,
    TrackerNameError, Unknown, Word, that_fit,
};
use crate::budget::{Budget, Held, JsonError, OverBudget};
use crate::policy::Policy;
use crate::release::{BuildKey, Checksum, Nevra, Target};
use crate::text::named;

/// By how much the clocks of two machines may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);
const FORMAT: &str = "ami-scheduler/tracker/2";

/// The builds of one product on one ref, and what was recorded of them.
///
/// Serializes to JSON with sorted keys: the same document always has the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    format: String,
    product: String,
    #[serde(rename = "ref")]
    reference: String,
    /// The targets whose first run is over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    targets: BTreeSet<Target>,
    /// The scopes of the runs of each target. A target without any was run with every release in scope.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    scopes: BTreeMap<Target, BTreeSet<Scope>>,
    /// The last snapshot of each repository, by URL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    repositories: BTreeMap<String, Seen>,
    /// The last run that was recorded, by lane.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    runs: BTreeMap<String, LastRun>,
    /// How often a target was removed. What was recorded of it before the last time is gone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    removals: BTreeMap<Target, u64>,
    /// How often releases were forgotten that were seen only. What was only seen before the last time is gone.
    #[serde(default, skip_serializing_if = "is_zero")]
    forgettings: u64,
    /// Boxed: a map of one target has room for eleven.
    entries: Builds<Box<Entry>>,
    /// Every image that was made, by what it is of and by the claim that made it. Boxed, too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    images: Builds<Images>,
    /// Named pointers to images.
    #[serde(default, skip_serializing_if = "Channels::is_empty")]
    channels: Channels,
    /// What is not to be used.
    #[serde(default, skip_serializing_if = "Revocations::is_empty")]
    revocations: Revocations,
    /// Fields of newer versions, kept as they are.
    #[serde(flatten)]
    unknown: Unknown,
}

/// Something of each build, by release and target.
pub(super) type Builds<T> = BTreeMap<Nevra, BTreeMap<Target, T>>;
/// The images of one build.
pub(super) type Images = BTreeMap<ImageKey, Box<Image>>;

/// The releases that a run looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Scope {
    #[serde(flatten)]
    policy: Policy,
    #[serde(flatten)]
    unknown: Unknown,
}

/// Why bytes are not the document of a tracker.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or not of the shape.
    #[error("it is not the JSON of a tracker; delete it, if something else wrote it")]
    Json(serde_json::Error),
    /// Reading it takes more than a run may.
    #[error(
        "it asks for more than a run may take, with what was read before it: {0}. ami-scheduler writes no such tracker: \
         who else can write to the store? Keep a copy of the file, and delete it"
    )]
    OverBudget(#[from] OverBudget),
    /// Of a format that this version does not know.
    #[error(
        "its format is {0:?}, and this version of ami-scheduler knows {FORMAT:?} only: use the version that wrote it, or a newer one"
    )]
    Format(String),
    /// Compressed, and damaged.
    #[error("it cannot be decompressed: {0}")]
    Compressed(#[from] std::io::Error),
    /// Compressed, and too long to be a tracker.
    #[error("it unpacks to more than {limit} bytes, which no tracker has")]
    TooLong {
        /// The most that is unpacked, in bytes.
        limit: u64,
    },
    /// The document of another tracker than the name of its file says.
    #[error(
        "it is the tracker of {product:?} on {reference:?}, and its name is that of another: give it its old name back"
    )]
    Other {
        /// The document's product.
        product: String,
        /// The document's branch or tag.
        reference: String,
    },
}

impl From<JsonError> for DocumentError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::OverBudget(over) => Self::OverBudget(over),
            JsonError::Json(error) => Self::Json(error),
        }
    }
}

/// What a build that succeeded says of its image.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// What it was a build of: the claim that its pipeline made. Without one, as by hand, the present one.
    pub claim: Option<Claim>,
    /// The job that records it; 0 outside of GitLab.
    pub job: u64,
    /// What it made.
    pub baked: Baked,
    /// Values that it reports.
    pub notes: Notes,
    /// Whether the image counts only once its test has passed.
    pub needs_test: bool,
}

impl From<Notes> for Report {
    fn from(notes: Notes) -> Self {
        Self { notes, ..Self::default() }
    }
}

/// What a success comes to. Its image is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// The build is done.
    Counts,
    /// The image needs a test: the build is done once that has passed.
    Untested,
    /// It was recorded before.
    AsBefore,
    /// The build was asked for anew after it had been claimed: it is still to be done.
    AskedForSince,
    /// A later attempt has succeeded: that one's image counts.
    Superseded,
}

/// The effect of acknowledging another file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledged {
    /// These builds may be from it now.
    Builds(Vec<BuildKey>),
    /// They were before.
    AsBefore,
    /// They were built from several files: which of them is meant?
    SeveralFiles,
    /// There is no image of the release.
    NotBuilt,
}

impl Document {
    /// The document of a tracker that holds nothing yet.
    pub fn new(product: &str, reference: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            product: product.to_owned(),
            reference: reference.to_owned(),
            targets: BTreeSet::new(),
            scopes: BTreeMap::new(),
            repositories: BTreeMap::new(),
            runs: BTreeMap::new(),
            removals: BTreeMap::new(),
            forgettings: 0,
            entries: BTreeMap::new(),
            images: BTreeMap::new(),
            channels: Channels::default(),
            revocations: Revocations::default(),
            unknown: Unknown::default(),
        }
    }

    /// Reads a document; one of an unknown format is refused, whatever else it holds.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::read(bytes, &Budget::default()).map(|(document, _)| document)
    }

    /// Reads a document, which counts until `Held` is dropped.
    pub(super) fn read(bytes: &[u8], budget: &Budget) -> Result<(Self, Held), DocumentError> {
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        let unknown = |format: &str| DocumentError::Format(named(format));
        match budget.json::<Self>(bytes) {
            Ok((document, _)) if document.format != FORMAT => Err(unknown(&document.format)),
            Ok(read) => Ok(read),
            // One of another format may have another shape.
            Err(error) => match budget.json::<Format>(bytes) {
                Ok((Format { format }, _)) if format != FORMAT => Err(unknown(&format)),
                _ => Err(error.into()),
            },
        }
    }

    /// The document as indented JSON that ends with a newline.
    pub fn to_json(&self) -> Result<Vec<u8>, DocumentError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(DocumentError::Json)?;
        json.push(b'\n');
        Ok(json)
    }

    /// The same without entries and images.
    pub(super) fn without_builds(&self) -> Self {
        Self {
            format: self.format.clone(),
            product: self.product.clone(),
            reference: self.reference.clone(),
            targets: self.targets.clone(),
            scopes: self.scopes.clone(),
            repositories: self.repositories.clone(),
            runs: self.runs.clone(),
            removals: self.removals.clone(),
            forgettings: self.forgettings,
            entries: BTreeMap::new(),
            images: BTreeMap::new(),
            channels: self.channels.clone(),
            revocations: self.revocations.clone(),
            unknown: self.unknown.clone(),
        }
    }

    /// The entries and the images, by release and target.
    pub(super) fn builds(&self) -> (&Builds<Box<Entry>>, &Builds<Images>) {
        (&self.entries, &self.images)
    }

    /// The product that this document is about.
    pub fn product(&self) -> &str {
        &self.product
    }

    /// The branch or tag that this document is about.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The name of the tracker that this document belongs to.
    pub fn tracker_name(&self) -> Result<TrackerName, TrackerNameError> {
        TrackerName::new(&self.product, &self.reference)
    }

    /// Every entry, by release (oldest first), then target.
    pub fn entries(&self) -> impl Iterator<Item = (&Nevra, &Target, &Entry)> {
        self.entries
            .iter()
            .flat_map(|(package, targets)| targets.iter().map(move |(target, entry)| (package, target, &**entry)))
    }

    /// Leaves only these entries, for those who look for some. What is left is to be shown, not to be written.
    pub fn retain(&mut self, is_wanted: impl Fn(&Entry) -> bool) {
        for targets in self.entries.values_mut() {
            targets.retain(|_, entry| is_wanted(entry));
        }
        self.entries.retain(|_, targets| !targets.is_empty());
    }

    /// The entry of a build.
    pub fn get(&self, build: &BuildKey) -> Option<&Entry> {
        self.entry(&build.package, &build.target)
    }

    /// The same, or one of which nothing is known.
    pub(crate) fn known(&self, build: &BuildKey, now: Timestamp) -> Entry {
        self.get(build).cloned().unwrap_or_else(|| Entry::new(State::Pending, now))
    }

    /// The entry of a release on a target.
    pub fn entry(&self, package: &Nevra, target: &Target) -> Option<&Entry> {
        self.entries_of(package)(target)
    }

    /// The entries of a release, by target.
    pub fn entries_of<'a>(&'a self, package: &Nevra) -> impl Fn(&Target) -> Option<&'a Entry> + use<'a> {
        let targets = self.entries.get(package);
        move |target| targets?.get(target).map(|entry| &**entry)
    }

    /// Every image that was made of a build, the oldest first.
    pub fn images(&self, package: &Nevra, target: &Target) -> impl DoubleEndedIterator<Item = (&ImageKey, &Image)> {
        let images = self.images.get(package).and_then(|targets| targets.get(target)).into_iter().flatten();
        images.map(|(key, image)| (key, &**image))
    }

    /// The image of a build that counts: that of the last attempt which made one, also while another is under way.
    pub fn image(&self, package: &Nevra, target: &Target) -> Option<(&ImageKey, &Image)> {
        self.images(package, target).rfind(|(_, image)| self.counts(image))
    }

    /// Whether an image may be used: it is tested, and not revoked.
    pub fn counts(&self, image: &Image) -> bool {
        image.is_tested() && self.revocation_of_image(image).is_none()
    }

    /// The last image that a claim made, whether it counts or not.
    pub fn image_of_claim(&self, build: &BuildKey, claim: &Claim) -> Option<&Image> {
        self.images(&build.package, &build.target).rfind(|(key, _)| key.claim == *claim).map(|(_, image)| image)
    }

    fn image_of(&self, build: &BuildKey, claim: &Claim, job: u64) -> Option<&Image> {
        let mut images = self.images(&build.package, &build.target);
        images.find(|(key, _)| key.claim == *claim && key.job == job).map(|(_, image)| image)
    }

    /// Whether an id is that of an image of a build which has not passed its test, and of none that counts.
    pub fn is_untested(&self, build: &BuildKey, id: &str) -> bool {
        let images = self.images(&build.package, &build.target);
        let mut of_id = images.filter(|(_, image)| image.ids.iter().any(|(_, known)| known.as_str() == id)).peekable();
        of_id.peek().is_some() && of_id.all(|(_, image)| !image.is_tested())
    }

    /// Each id of an image, with the build that it is of.
    pub fn ids(&self) -> impl Iterator<Item = (&str, BuildKey)> {
        let images = self.images.iter().flat_map(|(package, targets)| {
            targets.iter().flat_map(move |(target, images)| images.values().map(move |image| (package, target, image)))
        });
        images.flat_map(|(package, target, image)| {
            let build = BuildKey { package: package.clone(), target: target.clone() };
            image.ids.iter().map(move |(_, id)| (id.as_str(), build.clone()))
        })
    }

    /// The last image that has an id, whether it counts or not.
    pub fn image_of_id(&self, id: &str) -> Option<(BuildKey, ImageKey)> {
        let builds = self.images.iter().flat_map(|(package, targets)| {
            targets.iter().flat_map(move |(target, images)| images.iter().map(move |found| (package, target, found)))
        });
        let mut of_id = builds.filter(|(_, _, (_, image))| image.ids.iter().any(|(_, known)| known.as_str() == id));
        let (package, target, (key, _)) = of_id.next_back()?;
        Some((BuildKey { package: package.clone(), target: target.clone() }, key.clone()))
    }

    /// The channels.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// The image that a channel points to on a target.
    pub fn pointed(&self, target: &Target, to: &Pointer) -> Option<(&ImageKey, &Image)> {
        self.images(&to.package, target).find(|(key, _)| **key == to.image)
    }

    /// The word that what a channel points to on a target is not to be used, where it counts.
    pub fn revocation_of_pointer(&self, target: &Target, to: &Pointer) -> Option<&Revocation> {
        let of_image = self.pointed(target, to).and_then(|(_, image)| self.revocation_of_image(image));
        of_image.or_else(|| self.revocation(&to.package, target))
    }

    /// Moves a channel to an image, or to nothing, unless it points there.
    pub fn promote(&mut self, name: &ChannelName, slot: Slot, to: Option<Pointer>, word: Word) -> Recorded {
        self.channels.point(name, slot, to, word)
    }

    /// What people have said is not to be used.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The word that a release is not to be used on a target, where it counts.
    pub fn revocation(&self, package: &Nevra, target: &Target) -> Option<&Revocation> {
        self.revocations.of_release(package, target)
    }

    /// The same, where it holds the build: nobody has asked for it since.
    pub fn revocation_of_build(&self, package: &Nevra, target: &Target) -> Option<&Revocation> {
        match self.entry(package, target).filter(|entry| entry.is_asked_for()) {
            Some(entry) => self.revocations.holding(package, target, entry.epoch),
            None => self.revocation(package, target),
        }
    }

    /// The word that an image is not to be used, where it counts: a release may be revoked with all of them.
    pub fn revocation_of_image(&self, image: &Image) -> Option<&Revocation> {
        self.revocations.of_image(&image.ids)
    }

    /// Says that a release is not to be used, whichever image of it, or that it is again: on a target, or on all of them,
    /// those to come among them.
    pub fn revoke(&mut self, package: &Nevra, target: Option<&Target>, revoked: bool, word: &Word) -> Recorded {
        let entries = self.entries.get(package).into_iter().flatten();
        let is_meant = |of: &Target| target.is_none_or(|target| target == of);
        let asked_for = entries.filter(|(of, entry)| is_meant(of) && entry.is_asked_for());
        let epochs = asked_for.map(|(target, entry)| (target.clone(), entry.epoch)).collect();
        // That what is missing may be used is a word against the rule that would revoke it.
        let entries = self.entries.get(package).into_iter().flatten();
        let missing = entries.filter(|(of, entry)| is_meant(of) && entry.missing_since().is_some());
        let build = |target: &Target| BuildKey { package: package.clone(), target: target.clone() };
        let missing: Vec<BuildKey> = missing.map(|(target, _)| build(target)).collect();
        let is_news = missing.iter().any(|build| !self.is_decided_since_missing(build));
        self.revocations.say_of_release(package, target, revoked, is_news, word, &epochs)
    }

    /// Says that an image is not to be used, or that it is again, by all ids that its records have.
    pub fn revoke_image(&mut self, build: &BuildKey, key: &ImageKey, revoked: bool, word: &Word) -> Recorded {
        let Some(mut ids) = self.image_of(build, &key.claim, key.job).map(|image| image.ids.clone()) else {
            return Recorded::AsBefore;
        };
        let others = self.images(&build.package, &build.target).filter(|(_, image)| image.ids.shares(&ids));
        let others: Vec<Ids> = others.map(|(_, image)| image.ids.clone()).collect();
        for of_other in others {
            ids.extend(of_other);
        }
        self.revocations.say_of_images(&ids, revoked, word)
    }

    /// What is told of the image that counts.
    pub fn facts(&self, package: &Nevra, target: &Target) -> Notes {
        self.image(package, target).map(|(_, image)| image.facts()).unwrap_or_default()
    }

    /// The targets that have had a run.
    pub fn targets(&self) -> BTreeSet<&Target> {
        let entries = self.entries().filter(|(_, _, entry)| entry.is_of_a_run()).map(|(_, target, _)| target);
        self.targets.iter().chain(entries).collect()
    }

    /// Whether a target has had a run.
    pub fn knows(&self, target: &Target) -> bool {
        let is_run =
            |targets: &BTreeMap<Target, Box<Entry>>| targets.get(target).is_some_and(|entry| entry.is_of_a_run());
        self.targets.contains(target) || self.entries.values().any(is_run)
    }

    /// Which releases the scopes of a target's earlier runs covered. Of these alone does unknown mean new.
    pub fn covered(&self, target: &Target) -> impl Fn(&Nevra) -> bool {
        let (is_known, scopes) = (self.knows(target), self.scopes.get(target));
        let looked = move |scopes: &BTreeSet<Scope>, package: &Nevra| {
            scopes.iter().any(|scope| scope.policy.filter_reason(package).is_none())
        };
        move |package| is_known && scopes.is_none_or(|scopes| looked(scopes, package))
    }

    /// Records that a target has had a run with this scope, even if the run had nothing else to record.
    pub fn record_scope(&mut self, target: &Target, scope: &Policy) {
        self.targets.insert(target.clone());
        let scopes = self.scopes.entry(target.clone()).or_default();
        if !scopes.iter().any(|known| known.policy == *scope) {
            scopes.insert(Scope { policy: scope.clone(), unknown: Unknown::default() });
        }
    }

    /// The last snapshot of a repository, by its URL.
    pub fn repository(&self, url: &str) -> Option<&Seen> {
        self.repositories.get(url)
    }

    /// Records what was seen of a repository.
    pub fn remember_repository(&mut self, url: &str, seen: Seen) {
        merge_into(&mut self.repositories, url.to_owned(), seen, Seen::merge);
    }

    /// When a run of a lane was recorded last; the lane of a pipeline that has one alone is empty.
    pub fn last_run(&self, lane: &str) -> Option<Timestamp> {
        self.runs.get(lane).map(|run| run.at)
    }

    /// The last runs that were recorded, by lane.
    pub fn runs(&self) -> &BTreeMap<String, LastRun> {
        &self.runs
    }

    /// Records that a lane has had a run, by a pipeline.
    pub fn remember_run(&mut self, lane: &str, pipeline: u64, now: Timestamp) {
        let run = LastRun { pipeline, at: now, unknown: Unknown::default() };
        merge_into(&mut self.runs, lane.to_owned(), run, LastRun::merge);
    }

    /// Removes a target: what was recorded of it is gone, in whatever old head it stands. It can be built on again,
    /// as one that was never there.
    pub fn remove_target(&mut self, target: &Target) {
        let removals = self.removals.entry(target.clone()).or_default();
        *removals = removals.saturating_add(1);
        self.drop_target(target);
    }

    /// Gives all that was recorded of a target to another, and removes the first. Open claims are given back. Returns
    /// how many builds that are.
    pub fn rename_target(&mut self, from: &Target, to: &Target, now: Timestamp) -> usize {
        let moved: Vec<(Nevra, Entry)> = self
            .entries()
            .filter(|(_, target, _)| *target == from)
            .map(|(package, _, entry)| (package.clone(), entry.without_claim(now)))
            .collect();
        let images: Vec<(Nevra, Images)> =
            self.images.iter().filter_map(|(package, of)| Some((package.clone(), of.get(from)?.clone()))).collect();
        let channels = self.channels.of_target(from, to);
        let revocations = self.revocations.of_target(from, to);
        if self.targets.contains(from) {
            self.targets.insert(to.clone());
        }
        if let Some(scopes) = self.scopes.get(from).cloned() {
            self.scopes.entry(to.clone()).or_default().extend(scopes);
        }
        self.remove_target(from);
        self.channels.merge(channels);
        self.revocations.merge(revocations);
        let count = moved.len();
        for (package, entry) in moved {
            self.put(&BuildKey { package, target: to.clone() }, entry);
        }
        for (package, of_package) in images {
            let build = BuildKey { package, target: to.clone() };
            for (key, image) in of_package {
                self.put_image(&build, key, *image);
            }
        }
        count
    }

    /// The same as the tracker of another ref, without open claims and runs, and without what people have said there
    /// already: where its channels point, and what is not to be used.
    #[must_use]
    pub fn copy_to(&self, other: &Self, now: Timestamp) -> Self {
        let mut copy = Self { runs: BTreeMap::new(), reference: other.reference.clone(), ..self.clone() };
        copy.channels = self.channels.without(&other.channels);
        copy.revocations = self.revocations.without(&other.revocations);
        // What is there already stays, whatever was removed or forgotten here.
        (copy.removals, copy.forgettings) = (other.removals.clone(), other.forgettings);
        for entry in copy.entries.values_mut().flat_map(BTreeMap::values_mut) {
            **entry = entry.without_claim(now);
        }
        copy
    }

    /// How often a target was removed.
    pub fn removals(&self, target: &Target) -> u64 {
        self.removals.get(target).copied().unwrap_or_default()
    }

    fn drop_target(&mut self, target: &Target) {
        self.targets.remove(target);
        self.scopes.remove(target);
        for targets in self.entries.values_mut() {
            targets.remove(target);
        }
        self.entries.retain(|_, targets| !targets.is_empty());
        for targets in self.images.values_mut() {
            targets.remove(target);
        }
        self.images.retain(|_, targets| !targets.is_empty());
        self.channels.drop_target(target);
        self.revocations.drop_target(target);
    }

    /// Merges two documents: of each build the larger entry, and all images, but for what one of them has forgotten or
    /// removed.
    ///
    /// Commutative, associative and idempotent, since it takes maxima and unions: of a target, and of what was only
    /// seen, those of the document which has removed or forgotten them more often.
    #[must_use]
    pub fn merge(mut self, mut other: Self) -> Self {
        match self.forgettings.cmp(&other.forgettings) {
            Ordering::Less => self.retain(|entry| !entry.is_only_seen()),
            Ordering::Greater => other.retain(|entry| !entry.is_only_seen()),
            Ordering::Equal => {}
        }
        self.forgettings = self.forgettings.max(other.forgettings);
        let removed: BTreeSet<Target> = self.removals.keys().chain(other.removals.keys()).cloned().collect();
        for target in removed {
            let (mine, theirs) = (self.removals(&target), other.removals(&target));
            match mine.cmp(&theirs) {
                Ordering::Less => self.drop_target(&target),
                Ordering::Greater => other.drop_target(&target),
                Ordering::Equal => {}
            }
            self.removals.insert(target, mine.max(theirs));
        }
        self.targets.extend(other.targets);
        for (target, scopes) in other.scopes {
            self.scopes.entry(target).or_default().extend(scopes);
        }
        for (url, seen) in other.repositories {
            merge_into(&mut self.repositories, url, seen, Seen::merge);
        }
        for (lane, run) in other.runs {
            merge_into(&mut self.runs, lane, run, LastRun::merge);
        }
        for (package, targets) in other.entries {
            let mine = self.entries.entry(package).or_default();
            for (target, entry) in targets {
                merge_into(mine, target, entry, |known, entry| known.merge(*entry));
            }
        }
        for (package, targets) in other.images {
            let mine = self.images.entry(package).or_default();
            for (target, images) in targets {
                let mine = mine.entry(target).or_default();
                for (key, image) in images {
                    merge_into(mine, key, image, |known, image| known.merge(*image));
                }
            }
        }
        self.channels.merge(other.channels);
        self.revocations.merge(other.revocations);
        self.unknown.merge(other.unknown);
        self
    }

    /// Whether this document holds all that the other one holds, and more.
    pub(super) fn exceeds(&self, other: &Self) -> bool {
        self != other && self.clone().merge(other.clone()) == *self
    }

    /// Forgets builds that were only seen, where `is_gone` says so. A head that was written before does not bring
    /// them back. A run that sees them again begins anew to count their age.
    pub fn forget(&mut self, is_gone: impl Fn(&Nevra, &Target, &Entry) -> bool) {
        let is_forgotten =
            |package: &Nevra, target: &Target, entry: &Entry| entry.is_only_seen() && is_gone(package, target, entry);
        let next = self.forgettings.saturating_add(1);
        if next > self.forgettings
            && self.entries().any(|(package, target, entry)| is_forgotten(package, target, entry))
        {
            self.forgettings = next;
            for (package, targets) in &mut self.entries {
                targets.retain(|target, entry| !is_forgotten(package, target, entry));
            }
            self.entries.retain(|_, targets| !targets.is_empty());
        }
    }

    /// How many builds were only seen.
    pub fn only_seen(&self) -> usize {
        self.entries().filter(|(_, _, entry)| entry.is_only_seen()).count()
    }

    /// Claims a build for the pipeline of `origin`: the attempt after the last one. What is done
    /// already can't be claimed and stays as it is. `rule` is why it is built; that of a first attempt stays.
    pub fn claim(&mut self, build: &BuildKey, rule: &str, checksum: Option<Checksum>, now: Timestamp, origin: Origin) {
        let claim = self.known(build, now).claimed(rule, checksum, now, origin);
        self.put(build, claim);
    }

    /// Records what the image of a claim is made of besides the package.
    pub fn record_ingredients(&mut self, build: &BuildKey, claim: &Claim, ingredients: &Ingredients) {
        if let Some(entry) = self.get(build).cloned() {
            self.put(build, entry.made_of(claim.clone(), ingredients));
        }
    }

    /// Records that a build which a rule had begun again is over, and is what it was: built. Its image is there.
    pub fn end_rebuild(&mut self, build: &BuildKey) {
        let image = self.image(&build.package, &build.target).map(|(_, image)| image.recorded);
        if let Some(entry) = self.get(build).filter(|entry| entry.is_rebuild()) {
            let origin = Origin { job_url: None, ..entry.origin.clone() };
            let since = image.or(entry.first_seen).unwrap_or(entry.since);
            let over = entry.transition(State::Built, since, origin);
            self.put(build, over);
        }
    }

    /// What an image is made of besides the package, as it was when its build was claimed.
    pub fn ingredients(&self, package: &Nevra, target: &Target, claim: &Claim) -> Option<&Ingredients> {
        self.entry(package, target)?.ingredients.get(claim)
    }

    /// Claims a build that a person asks for, as its first attempt: whatever was recorded of it no longer holds.
    pub fn claim_by_hand(
        &mut self,
        build: &BuildKey,
        by: Option<&str>,
        checksum: Option<Checksum>,
        now: Timestamp,
        origin: Origin,
    ) {
        self.reset(build, None, None, now);
        self.claim(build, ASKED_FOR, checksum, now, origin);
        if let Some(mut claim) = self.get(build).cloned() {
            (claim.reason, claim.by) = (Some("asked for by hand".to_owned()), by.map(str::to_owned));
            self.put(build, claim);
        }
    }

    /// Records the image of a build that succeeded. The success counts unless the build was asked for anew after it had
    /// been claimed, or a later attempt has succeeded. That its claim has ended otherwise does not void it. An image that
    /// needs a test is recorded alone: [`passed`](Self::passed) makes a success of it.
    pub fn succeed(&mut self, build: &BuildKey, report: Report, now: Timestamp, origin: Origin) -> Success {
        let BuildKey { package, target } = build;
        let Report { claim, job, baked, notes, needs_test } = report;
        let (baked, notes) = (baked.bounded(), that_fit(&notes));
        let before = self.known(build, now);
        let is_by_hand = claim.is_none() && origin.pipeline == 0;
        let known = |claim: &Claim| {
            let mut made = self.images(package, target).filter(|(key, _)| key.claim == *claim);
            let has_notes = |image: &Image| notes.iter().all(|(name, value)| image.notes.get(name) == Some(value));
            let has_ids = |image: &Image| baked.ids.is_empty() || image.ids == baked.ids;
            let has_all = |image: &Image| image.bases.is_superset(&baked.bases) && has_notes(image);
            made.any(|(_, image)| has_ids(image) && has_all(image) && (image.is_tested() || needs_test))
        };
        // By hand, what was recorded of a claim is corrected by a record of its own.
        let corrects = job == 0 && before.state == State::Built && claim.as_ref() == Some(&before.claim());
        let claim = match claim.filter(|_| !corrects) {
            Some(claim) => claim,
            // By hand nothing tells which build it was. What was recorded last is not recorded again.
            None if before.state == State::Built && known(&before.claim()) => return Success::AsBefore,
            None => {
                let is_another = before.state == State::Built || before.attempt == 0;
                let attempt = before.attempt.saturating_add(u64::from(is_another));
                let claimed_by = Some(before.origin.pipeline).filter(|id| before.state == State::Building && *id > 0);
                let pipeline = claimed_by.unwrap_or(origin.pipeline);
                Claim {
                    epoch: before.epoch,
                    attempt,
                    pipeline,
                    lane: before.claim().lane.or(origin.lane.clone()).filter(|lane| !lane.is_empty()),
                }
            }
        };
        let is_known = known(&claim);
        if !is_known {
            let mut image = Image::new(now, baked, notes);
            image.needs_test = needs_test;
            // Of an image that was to be tested somebody says now that it counts.
            image.tested = (!needs_test)
                .then_some(now)
                .filter(|_| self.image_of(build, &claim, job).is_some_and(|known| known.needs_test));
            image.job_url.clone_from(&origin.job_url);
            image.checksum = before.checksum().filter(|_| before.claim() == claim).cloned();
            self.put_image(build, ImageKey { claim: claim.clone(), job }, image);
        }
        if corrects {
            // It is the same image: what it is made of goes with it.
            let made_of = before.ingredients.get(&before.claim()).cloned().unwrap_or_default();
            self.record_ingredients(build, &claim, &made_of);
        }
        if needs_test {
            return Success::Untested;
        }
        self.count(build, claim, is_known, is_by_hand, now, origin)
    }

    /// Records that the last image of a claim has passed its test, and the success with it; `None` where the claim has no
    /// image that needs one.
    pub fn passed(&mut self, build: &BuildKey, claim: &Claim, now: Timestamp, origin: Origin) -> Option<Success> {
        let of_claim = |(key, image): &(&ImageKey, &Image)| key.claim == *claim && image.needs_test;
        let (key, image) = self.images(&build.package, &build.target).rfind(of_claim)?;
        let (key, image, is_known) = (key.clone(), image.clone(), image.is_tested());
        self.put_image(build, key, Image { tested: image.tested.or(Some(now)), ..image });
        Some(self.count(build, claim.clone(), is_known, false, now, origin))
    }

    /// Records a success whose image is recorded, unless it does not count.
    fn count(
        &mut self,
        build: &BuildKey,
        claim: Claim,
        is_known: bool,
        is_by_hand: bool,
        now: Timestamp,
        origin: Origin,
    ) -> Success {
        let before = self.known(build, now);
        if claim.epoch < before.epoch {
            return Success::AskedForSince;
        }
        if claim.epoch == before.epoch && before.state == State::Built && before.attempt >= claim.attempt {
            let is_its_own = before.claim() == claim;
            return match (is_its_own, is_known) {
                (true, true) => Success::AsBefore,
                (true, false) => Success::Counts,
                (false, _) => Success::Superseded,
            };
        }
        let is_of_no_run = is_by_hand && before.attempt == 0 && before.rule.is_none();
        // The claim's pipeline is the one whose id people know; the update job runs in its child.
        let origin = Origin { pipeline: claim.pipeline, lane: claim.lane, ..origin };
        let mut success = before.transition(State::Built, now, origin);
        (success.epoch, success.attempt) = (claim.epoch, claim.attempt);
        if is_of_no_run {
            success.rule = Some(IMPORTED.to_owned());
        }
        success.first_seen.get_or_insert(now);
        self.put(build, success);
        Success::Counts
    }

    /// Gives back the open claims of a lane of `pipeline` of builds that never began, and returns those builds: their
    /// attempts do not count.
    pub fn give_back(
        &mut self,
        pipeline: u64,
        lane: Option<&str>,
        now: Timestamp,
        never_began: impl Fn(&BuildKey) -> bool,
    ) -> Vec<BuildKey> {
        let mut open = self.builds_where(|_, _, entry| entry.is_claimed_by(pipeline, lane));
        open.retain(never_began);
        for build in &open {
            self.give_back_claim(build, now);
        }
        open
    }

    /// Gives back the claim of a build, if there is one that is open: its attempt does not count.
    pub fn give_back_claim(&mut self, build: &BuildKey, now: Timestamp) {
        if let Some(claim) = self.get(build) {
            let given_back = claim.without_claim(now);
            self.put(build, given_back);
        }
    }

    /// Turns every open claim of a lane of `pipeline` into a failed attempt, and returns those builds. `origin`
    /// has the lane, and the pipeline that failed; `job_url` gives the URL of the job in which a build failed.
    pub fn settle(
        &mut self,
        pipeline: u64,
        now: Timestamp,
        origin: &Origin,
        job_url: impl Fn(&BuildKey) -> Option<String>,
    ) -> Vec<BuildKey> {
        let is_open = |entry: &Entry| entry.is_claimed_by(pipeline, origin.lane.as_deref());
        let open = self.builds_where(|_, _, entry| is_open(entry));
        for build in &open {
            self.fail(build, now, Origin { job_url: job_url(build), ..origin.clone() });
        }
        open
    }

    fn fail(&mut self, build: &BuildKey, now: Timestamp, mut origin: Origin) {
        if let Some(claim) = self.get(build) {
            origin.pipeline = claim.origin.pipeline;
            let failed = claim.transition(State::Failed, now, origin);
            self.put(build, failed);
        }
    }

    /// Puts `now` in the place of times that are yet to come: a clock was wrong then, and what counts from them would
    /// never end. A few minutes are no fault. Returns the builds, each with its time.
    pub fn cap_times(&mut self, now: Timestamp) -> Vec<(BuildKey, Timestamp)> {
        let latest = now.saturating_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
        let to_come = self.entries().filter_map(|(package, target, entry)| {
            let (entry, time) = entry.with_capped_times(now, latest)?;
            Some((BuildKey { package: package.clone(), target: target.clone() }, entry, time))
        });
        let to_come: Vec<_> = to_come.collect();
        let capped = |(build, entry, time): (BuildKey, Entry, Timestamp)| {
            self.put(&build, entry);
            (build, time)
        };
        to_come.into_iter().map(capped).collect()
    }

    /// Records another checksum of the package file that a build is about.
    pub fn record_checksum(&mut self, build: &BuildKey, checksum: Checksum) {
        if let Some(entry) = self.get(build).cloned() {
            self.put(build, entry.about(Some(checksum)));
        }
    }

    /// Records that the file of a release may have another checksum than the one that it was built from, on the targets
    /// that are named, or on all.
    pub fn acknowledge(
        &mut self,
        package: &Nevra,
        targets: &[Target],
        checksum: &Checksum,
        reason: &str,
        by: &str,
    ) -> Acknowledged {
        let is_named = |target: &Target| targets.is_empty() || targets.contains(target);
        let mut built =
            self.builds_where(|of, target, entry| of == package && is_named(target) && entry.is_built_already());
        if built.is_empty() {
            return Acknowledged::NotBuilt;
        }
        let recorded: BTreeSet<_> = built.iter().filter_map(|build| self.get(build)?.checksum()).collect();
        if recorded.len() > 1 {
            return Acknowledged::SeveralFiles;
        }
        built.retain(|build| self.get(build).and_then(Entry::checksum) != Some(checksum));
        for build in &built {
            if let Some(mut entry) = self.get(build).cloned().map(|entry| entry.about(Some(checksum.clone()))) {
                if let Some(file) = &mut entry.file {
                    let acknowledgement = Acknowledgement { reason: reason.to_owned(), by: by.to_owned() };
                    file.acknowledged = Some(Box::new(acknowledgement));
                }
                self.put(build, entry);
            }
        }
        if built.is_empty() { Acknowledged::AsBefore } else { Acknowledged::Builds(built) }
    }

    /// Records that a release was seen, and is not built yet. What is known of it already stays.
    pub fn record_first_seen(&mut self, build: &BuildKey, now: Timestamp) {
        let mut entry = self.known(build, now);
        entry.first_seen.get_or_insert(now);
        self.put(build, entry);
    }

    /// Records that a run of `pipeline` left a failed build to a later run. A run counts once, also if it is retried.
    pub fn back_off(&mut self, build: &BuildKey, pipeline: u64) {
        if let Some(mut entry) = self.get(build).cloned() {
            entry.passed_over = Some(entry.passed_over.unwrap_or_default().and(pipeline));
            self.put(build, entry);
        }
    }

    /// Records that a failed build is tried no more, so that a later run knows that people were told.
    pub fn record_given_up(&mut self, build: &BuildKey, now: Timestamp) {
        if let Some(mut entry) = self.get(build).cloned() {
            entry.given_up.get_or_insert(now);
            self.put(build, entry);
        }
    }

    /// Records that a run of `pipeline` did not find the release of a build. Up to `counted` runs in a row are counted, each
    /// once, also if it is retried.
    pub fn record_missing(&mut self, build: &BuildKey, pipeline: u64, counted: u64, now: Timestamp) -> Recorded {
        let Some(mut entry) = self.get(build).cloned() else { return Recorded::AsBefore };
        match entry.absence.as_deref_mut().filter(|absence| absence.ended.is_none()) {
            Some(absence) if absence.missed.runs < counted => absence.missed = absence.missed.and(pipeline),
            Some(_) => return Recorded::AsBefore,
            None => {
                let words = self.revocations.count(&build.package, &build.target);
                let absence = Absence::begin(entry.absence.as_deref(), words, pipeline, now);
                entry.absence = Some(Box::new(absence));
            }
        }
        self.put(build, entry)
    }

    /// Records that a run found the release of a build that runs before it did not find.
    pub fn record_found(&mut self, build: &BuildKey, now: Timestamp) -> Recorded {
        let Some(mut entry) = self.get(build).cloned() else { return Recorded::AsBefore };
        match entry.absence.as_deref_mut() {
            Some(absence) if absence.ended.is_none() => absence.ended = Some(now),
            _ => return Recorded::AsBefore,
        }
        self.put(build, entry)
    }

    /// Whether anybody has said, since a release went missing, whether it may be used on a target.
    pub fn is_decided_since_missing(&self, build: &BuildKey) -> bool {
        let words = self.revocations.count(&build.package, &build.target);
        self.get(build).and_then(|entry| entry.absence.as_ref()).is_some_and(|absence| words > absence.words)
    }

    /// Records that a build is on purpose not made, by a rule. What is known of it already stays.
    pub fn skip(&mut self, build: &BuildKey, reason: &str, now: Timestamp) -> Recorded {
        self.import_as(build, State::Skipped, reason, now)
    }

    /// Records that a person does not want a build. A success stays a success.
    pub fn skip_by_hand(&mut self, build: &BuildKey, reason: &str, by: &str, now: Timestamp) -> Recorded {
        let before = self.known(build, now);
        let said_before = before.reason.as_deref() == Some(reason) && before.by.as_deref() == Some(by);
        // What has an image is built, also while a rule has it built again.
        if before.is_rebuild() || (before.state == State::Skipped && said_before) {
            return Recorded::AsBefore;
        }
        let mut skipped = before.transition(State::Skipped, now, Origin::default());
        (skipped.reason, skipped.by) = (Some(reason.to_owned()), Some(by.to_owned()));
        skipped.decisions = skipped.decisions.saturating_add(1);
        skipped.first_seen.get_or_insert(now);
        self.put(build, skipped)
    }

    /// Takes a skip back: the build is like one that was seen and not tried yet. Returns what was skipped.
    ///
    /// `targets` empty means all that it is skipped for.
    pub fn unskip(&mut self, package: &Nevra, targets: &[Target], by: &str, now: Timestamp) -> Vec<BuildKey> {
        let of_package = |known: &Nevra, target: &Target| known == package && is_one_of(target, targets);
        let mut skipped =
            self.builds_where(|known, target, entry| of_package(known, target) && entry.state == State::Skipped);
        skipped.retain(|build| self.reset(build, None, Some(by), now) == Recorded::Changed);
        skipped
    }

    /// Records a build that was made before this tracker knew of it. A success stays as it is.
    pub fn import(&mut self, build: &BuildKey, reason: &str, now: Timestamp) -> Recorded {
        self.import_as(build, State::Built, reason, now)
    }

    /// Records a build whose image was there before this tracker knew of it. A success stays as it is; an image that was
    /// recorded in this way may be in more places now.
    pub fn import_image(&mut self, build: &BuildKey, image: Image, now: Timestamp) -> Recorded {
        let reason = image.reason.clone().unwrap_or_default();
        let recorded = self.import_as(build, State::Built, &reason, now);
        let is_new = recorded == Recorded::Changed;
        let Some(entry) = self.get(build).filter(|entry| is_new || entry.is_imported()) else { return recorded };
        let key = ImageKey { claim: entry.claim(), job: 0 };
        let known = self.image_of(build, &key.claim, key.job).filter(|_| !is_new);
        let Some(known) = known else {
            self.put_image(build, key, image);
            return Recorded::Changed;
        };
        if known.reason.is_none() {
            return recorded; // a person's word
        }
        let mut grown = known.clone();
        for (place, id) in image.ids.iter() {
            let is_elsewhere = known.ids.iter().any(|(_, known)| known == id);
            if !is_elsewhere && !known.ids.places().any(|known| known == place) {
                grown.ids.add(place.clone(), id.clone());
            }
        }
        if grown == *known {
            return recorded;
        }
        self.put_image(build, key, grown);
        Recorded::Changed
    }

    fn import_as(&mut self, build: &BuildKey, state: State, reason: &str, now: Timestamp) -> Recorded {
        let before = self.get(build);
        if before.is_some_and(|entry| entry.state >= state) {
            return Recorded::AsBefore;
        }
        let mut entry = before.cloned().unwrap_or_else(|| Entry::new(State::Pending, now));
        entry = entry.transition(state, now, Origin::default());
        entry.reason = Some(reason.to_owned());
        if state == State::Built {
            entry.rule.get_or_insert_with(|| IMPORTED.to_owned());
        }
        entry.first_seen.get_or_insert(now);
        self.put(build, entry)
    }

    /// Asks for builds again: records of earlier attempts no longer count.
    ///
    /// No `targets` means all targets that the document has of the package. Returns the builds, but for those that
    /// are of the last epoch.
    pub fn rebuild(
        &mut self,
        package: &Nevra,
        targets: &[Target],
        reason: &str,
        by: Option<&str>,
        now: Timestamp,
    ) -> Vec<BuildKey> {
        let mut known = self.builds_where(|known, target, _| known == package && is_one_of(target, targets));
        known.retain(|build| self.reset(build, Some(reason), by, now) == Recorded::Changed);
        known
    }

    fn reset(&mut self, build: &BuildKey, reason: Option<&str>, by: Option<&str>, now: Timestamp) -> Recorded {
        let Some(before) = self.get(build).filter(|known| !known.is_of_the_last_epoch()) else {
            return Recorded::AsBefore;
        };
        let mut anew = before.anew(now);
        (anew.reason, anew.by) = (reason.map(str::to_owned), by.map(str::to_owned));
        // The target has had a run; from here on its entry no longer shows that.
        if self.knows(&build.target) {
            self.targets.insert(build.target.clone());
        }
        self.put(build, anew)
    }

    fn builds_where(&self, condition: impl Fn(&Nevra, &Target, &Entry) -> bool) -> Vec<BuildKey> {
        self.entries()
            .filter(|(package, target, entry)| condition(package, target, entry))
            .map(|(package, target, _)| BuildKey { package: package.clone(), target: target.clone() })
            .collect()
    }

    /// A document only grows: an entry that is not larger than the one that is there has no effect.
    pub(super) fn put(&mut self, build: &BuildKey, entry: Entry) -> Recorded {
        let targets = self.entries.entry(build.package.clone()).or_default();
        merge_into(targets, build.target.clone(), Box::new(entry.bounded()), |known, entry| known.merge(*entry))
    }

    fn put_image(&mut self, build: &BuildKey, key: ImageKey, image: Image) {
        let targets = self.images.entry(build.package.clone()).or_default();
        let images = targets.entry(build.target.clone()).or_default();
        merge_into(images, key, Box::new(image.bounded()), |known, image| known.merge(*image));
    }
}

/// Whether a target is among these, of which none stand for all.
fn is_one_of(target: &Target, targets: &[Target]) -> bool {
    targets.is_empty() || targets.contains(target)
}

/// Adds a value to a map, or merges it with the one that is there.
fn merge_into<K: Ord, V: Clone + PartialEq>(
    into: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    merge: impl Fn(&mut V, V),
) -> Recorded {
    use std::collections::btree_map::Entry::{Occupied, Vacant};
    match into.entry(key) {
        Vacant(place) => drop(place.insert(value)),
        Occupied(place) if *place.get() == value => return Recorded::AsBefore,
        Occupied(mut place) => {
            let before = place.get().clone();
            merge(place.get_mut(), value);
            if *place.get() == before {
                return Recorded::AsBefore;
            }
        }
    }
    Recorded::Changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_was_asked_for_again_can_be_skipped_for_the_same_reason_by_the_same_person() {
        let now = Timestamp::UNIX_EPOCH;
        let build = BuildKey {
            package: "gitlab-runner-18.6.1-1.x86_64".parse().expect("a package"),
            target: "al2023".parse().expect("a target"),
        };
        let mut document = Document::new("gitlab-runner", "main");
        document.claim(&build, "new_release", None, now, Origin::default());
        document.rebuild(&build.package, &[], "broken", Some("mary"), now);
        assert_eq!(document.skip_by_hand(&build, "broken", "mary", now), Recorded::Changed);
        assert_eq!(document.get(&build).map(|entry| entry.state), Some(State::Skipped));
        assert_eq!(document.skip_by_hand(&build, "broken", "mary", now), Recorded::AsBefore);
    }

    #[test]
    fn what_was_asked_for_as_often_as_can_be_counted_is_not_said_to_be_asked_for_once_more() {
        let now = Timestamp::UNIX_EPOCH;
        let build = |target: &str| BuildKey {
            package: "gitlab-runner-18.6.1-1.x86_64".parse().expect("a package"),
            target: target.parse().expect("a target"),
        };
        let mut document = Document::new("gitlab-runner", "main");
        document.put(&build("al2023"), Entry { epoch: u64::MAX, ..Entry::new(State::Skipped, now) });
        document.put(&build("rhel9"), Entry { epoch: u64::MAX - 1, ..Entry::new(State::Skipped, now) });
        let package = build("al2023").package;
        assert_eq!(document.unskip(&package, &[], "mary", now), [build("rhel9")]);
        assert_eq!(document.rebuild(&package, &[], "broken", None, now), []);
        assert!(document.entries().all(|(_, _, entry)| entry.is_of_the_last_epoch()));
    }

    #[test]
    fn the_entries_that_are_looked_for_are_left() {
        let now = Timestamp::UNIX_EPOCH;
        let mut document = Document::new("gitlab-runner", "main");
        for (package, target) in [("a-1-1.noarch", "al2023"), ("a-1-1.noarch", "rhel9"), ("a-2-1.noarch", "rhel9")] {
            let build =
                BuildKey { package: package.parse().expect("a package"), target: target.parse().expect("a target") };
            if target == "rhel9" {
                document.import(&build, "was there", now)
            } else {
                document.skip(&build, "x", now)
            };
        }
        document.retain(|entry| entry.state == State::Skipped);
        let left: Vec<String> = document.entries().map(|(package, target, _)| format!("{package} {target}")).collect();
        assert_eq!(left, ["a-1-1.noarch al2023"]);
    }
}
