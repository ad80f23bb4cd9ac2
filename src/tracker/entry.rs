//! The entry of one release on one target, and which of two entries is the larger.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::{MAX_NOTES, MAX_URL, cut, is_zero, url, words};
use super::ids::MAX_IDS;
use super::image::MAX_BASES;
use super::{Absence, Claim, CountedRuns, Ingredients, Unknown, ingredients};
use crate::release::{BuildKey, Checksum};

/// The most bytes that an outcome adds to the claim that it ends: an image with its ids, bases, notes, key and checksum, the URL of
/// its job, here and there, and times and numbers of some dozen bytes.
pub(super) const OUTCOME: usize = MAX_NOTES + MAX_IDS + MAX_BASES + 2 * MAX_URL + 1792;
/// The rule by which a build is begun that a person asked for.
pub const ASKED_FOR: &str = "asked_for";
/// The rule by which a release is built again whose image is made of something else now.
pub const INGREDIENT_CHANGED: &str = "ingredient_changed";
/// The rule by which a release is built again whose image is too old.
pub const TOO_OLD: &str = "too_old";
/// The rule of an entry that is about what was there before the tracker knew of it.
pub(super) const IMPORTED: &str = "imported";

/// Where a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// To be built, and nobody has begun.
    Pending,
    /// A pipeline has claimed it.
    Building,
    /// Its claim was given back: the pipeline never began to build it.
    GivenBack,
    /// The last attempt failed, or ended without saying how.
    Failed,
    /// On purpose not built.
    Skipped,
    /// Built.
    Built,
}

impl State {
    /// Whether nothing is left to do.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Skipped | Self::Built)
    }
}

/// The pipeline and job that brought an entry to its state.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The pipeline's id; of a build in a child pipeline, its parent's. 0 outside of GitLab.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pipeline: u64,
    /// Where a person sees the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_url: Option<String>,
    /// Where a person sees the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_url: Option<String>,
    /// Which of the lanes that one pipeline works on, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
}

/// The package file that an entry is about. Of two the one that was changed more often is the larger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageFile {
    /// How often another took its place.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes: u64,
    /// Its checksum.
    pub checksum: Checksum,
    /// The word of a person that it is all right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Box<Acknowledgement>>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

/// The word of a person that another file may have taken the place of the one that was built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Why.
    pub reason: String,
    /// Who says so.
    pub by: String,
}

impl PackageFile {
    /// What makes one of two the larger.
    fn order(&self) -> (u64, &Checksum, Option<&Acknowledgement>) {
        (self.changes, &self.checksum, self.acknowledged.as_deref())
    }
}

/// The state of one release on one target, and how it came about.
///
/// Of two entries the larger one counts, but for the package file, the ingredients, the absence of the release and fields of
/// newer versions, which merge on their own. Most significant first:
/// 1. `epoch`, which `rebuild`, `unskip` and the rules that keep images fresh raise;
/// 2. done over not done, and built over skipped: a success is never lost to a stale claim;
/// 3. `attempt`;
/// 4. failed over given back over building over pending, and what was only seen least of all;
/// 5. more attempts that were given back;
/// 6. more decisions of people;
/// 7. passed over by more runs, and given up;
/// 8. the smaller pipeline id, then the earlier first sight, then the earlier time of its state, then the longer JSON,
///    then its bytes: any choice, as long as all make the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EntryJson")]
pub struct Entry {
    /// How many times the build was asked for anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// Where it stands.
    pub state: State,
    /// The number of the last attempt, from 1; 0 before the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u64,
    /// How many of the attempts were given back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given_back: u64,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Who brought it there.
    #[serde(flatten)]
    pub origin: Origin,
    /// When the release was first seen for this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// The package file that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PackageFile>,
    /// The last time for which the repositories did not offer the release, once it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<Box<Absence>>,
    /// Why, where a rule or a person decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who decided, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How often people decided.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decisions: u64,
    /// By which rule the first attempt was begun, as `reason` in `builds.json` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What an image would be made of besides the package, at each claim where that was told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ingredients: BTreeMap<Claim, Ingredients>,
    /// How often it was passed over since the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<CountedRuns>,
    /// Set once it is tried no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<Timestamp>,
    /// Fields of newer versions, kept as they are.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// An entry as it is read: its origin's fields are among its own. By `flatten` serde would read each of them twice, and
/// a long tracker would take three times the room.
#[derive(Deserialize)]
struct EntryJson {
    #[serde(default)]
    epoch: u64,
    state: State,
    #[serde(default)]
    attempt: u64,
    #[serde(default)]
    given_back: u64,
    since: Timestamp,
    #[serde(default)]
    pipeline: u64,
    pipeline_url: Option<String>,
    job_url: Option<String>,
    lane: Option<String>,
    first_seen: Option<Timestamp>,
    file: Option<PackageFile>,
    absence: Option<Box<Absence>>,
    reason: Option<String>,
    by: Option<String>,
    #[serde(default)]
    decisions: u64,
    rule: Option<String>,
    #[serde(default)]
    ingredients: BTreeMap<Claim, Ingredients>,
    passed_over: Option<CountedRuns>,
    given_up: Option<Timestamp>,
    #[serde(flatten)]
    unknown: Unknown,
}

impl From<EntryJson> for Entry {
    fn from(json: EntryJson) -> Self {
        let EntryJson { pipeline, pipeline_url, job_url, lane, .. } = json;
        Self {
            epoch: json.epoch,
            state: json.state,
            attempt: json.attempt,
            given_back: json.given_back,
            since: json.since,
            origin: Origin { pipeline, pipeline_url, job_url, lane },
            first_seen: json.first_seen,
            file: json.file,
            absence: json.absence,
            reason: json.reason,
            by: json.by,
            decisions: json.decisions,
            rule: json.rule,
            ingredients: json.ingredients,
            passed_over: json.passed_over,
            given_up: json.given_up,
            unknown: json.unknown,
        }
    }
}

impl Entry {
    /// An entry in the given state, with nothing else known.
    pub fn new(state: State, since: Timestamp) -> Self {
        Self {
            epoch: 0,
            state,
            attempt: 0,
            given_back: 0,
            since,
            origin: Origin::default(),
            first_seen: None,
            file: None,
            absence: None,
            reason: None,
            by: None,
            decisions: 0,
            rule: None,
            ingredients: BTreeMap::new(),
            passed_over: None,
            given_up: None,
            unknown: Unknown::default(),
        }
    }

    /// Whether this lane of this pipeline has begun the build and not ended it.
    pub fn is_claimed_by(&self, pipeline: u64, lane: Option<&str>) -> bool {
        self.state == State::Building && self.origin.pipeline == pipeline && self.origin.lane.as_deref() == lane
    }

    /// Whose attempt it is, or was.
    pub fn claim(&self) -> Claim {
        let Origin { pipeline, ref lane, .. } = self.origin;
        let lane = lane.clone().filter(|lane| !lane.is_empty());
        Claim { epoch: self.epoch, attempt: self.attempt, pipeline, lane }
    }

    /// How many attempts count: all but those that were given back.
    pub fn attempts(&self) -> u64 {
        self.attempt.saturating_sub(self.given_back)
    }

    /// The checksum of the package file that it is about.
    pub fn checksum(&self) -> Option<&Checksum> {
        self.file.as_ref().map(|file| &file.checksum)
    }

    /// The claim of the attempt after the last one. `rule` is why it is begun; that of a first attempt stays.
    pub(crate) fn claimed(&self, rule: &str, checksum: Option<Checksum>, now: Timestamp, origin: Origin) -> Self {
        let mut claim = self.transition(State::Building, now, origin);
        claim.attempt = claim.attempt.saturating_add(1);
        claim.rule.get_or_insert_with(|| rule.to_owned());
        claim.first_seen.get_or_insert(now);
        claim.about(checksum)
    }

    /// The same, to be built again as if nobody had tried.
    pub(crate) fn anew(&self, now: Timestamp) -> Self {
        let pending = self.transition(State::Pending, now, Origin::default());
        Self { epoch: pending.epoch.saturating_add(1), attempt: 0, given_back: 0, rule: None, ..pending }
    }

    /// The same, with what the image of a claim is made of.
    #[must_use]
    pub(crate) fn made_of(mut self, claim: Claim, ingredients: &Ingredients) -> Self {
        if !ingredients.is_empty() {
            self.ingredients.insert(claim, ingredients.clone());
        }
        self
    }

    /// The same about this file. What is known of it already stays.
    pub(super) fn about(mut self, checksum: Option<Checksum>) -> Self {
        let offered = checksum.filter(|offered| self.checksum() != Some(offered));
        if let Some(checksum) = offered {
            let changes = self.file.as_ref().map_or(0, |known| known.changes.saturating_add(1));
            let unknown = self.file.map(|known| known.unknown).unwrap_or_default();
            self.file = Some(PackageFile { changes, checksum, acknowledged: None, unknown });
        }
        self
    }

    /// Whether a person wants it built, and it is not: `rebuild` gives a reason, while what was only seen, or
    /// may be built again, has none. That an attempt has failed since does not change it.
    pub fn is_asked_for(&self) -> bool {
        match self.state {
            State::Pending => self.reason.is_some(),
            State::Building | State::GivenBack | State::Failed => self.rule.as_deref() == Some(ASKED_FOR),
            State::Skipped | State::Built => false,
        }
    }

    /// Whether a rule has begun to build it again, since its image was not fresh: it has an image, and that is not done.
    pub fn is_rebuild(&self) -> bool {
        !self.state.is_done() && matches!(self.rule.as_deref(), Some(INGREDIENT_CHANGED | TOO_OLD))
    }

    /// Since when the repositories do not offer the release, where that is so.
    pub fn missing_since(&self) -> Option<Timestamp> {
        self.absence.as_ref().filter(|absence| absence.ended.is_none()).map(|absence| absence.since)
    }

    /// Whether it is built, also where a rule builds it again.
    pub fn is_built_already(&self) -> bool {
        self.state == State::Built || self.is_rebuild()
    }

    /// Whether nobody has tried the build, asked for it or skipped it.
    pub fn is_untried(&self) -> bool {
        self.epoch == 0 && self.attempt == 0 && self.by.is_none() && !self.is_asked_for()
    }

    /// Whether nothing is known but that the release is there. Such an entry may be forgotten.
    pub fn is_only_seen(&self) -> bool {
        let only_seen = Self { first_seen: self.first_seen, ..Self::new(State::Pending, self.since) };
        self.state == State::Pending && *self == only_seen
    }

    /// Whether it was asked for anew so often that no number is left, which only a forged head can say.
    pub fn is_of_the_last_epoch(&self) -> bool {
        self.epoch == u64::MAX
    }

    /// The entry with what strangers and people say of it cut to what is remembered.
    pub(super) fn bounded(mut self) -> Self {
        self.reason = words(self.reason);
        self.by = words(self.by);
        if let Some(acknowledged) = self.file.as_mut().and_then(|file| file.acknowledged.as_mut()) {
            let Acknowledgement { reason, by } = &mut **acknowledged;
            (*reason, *by) = (cut(reason), cut(by));
        }
        self.origin.pipeline_url = url(self.origin.pipeline_url);
        self.origin.job_url = url(self.origin.job_url);
        self
    }

    /// The entry with `now` for the times that are later than `latest`, and the last of them; `None` where none is.
    pub(super) fn with_capped_times(&self, now: Timestamp, latest: Timestamp) -> Option<(Self, Timestamp)> {
        let last = self.first_seen.map_or(self.since, |seen| seen.max(self.since));
        let capped = |time: Timestamp| if time > latest { now } else { time };
        let entry = Self { since: capped(self.since), first_seen: self.first_seen.map(capped), ..self.clone() };
        (last > latest).then_some((entry, last))
    }

    /// Whether it was built before the tracker knew of it.
    pub fn is_imported(&self) -> bool {
        self.state == State::Built && self.rule.as_deref() == Some(IMPORTED)
    }

    /// Whether it has failed as often as it may.
    pub fn is_given_up(&self) -> bool {
        self.state == State::Failed && self.given_up.is_some()
    }

    /// Whether a run made the entry. A person's word about a build, or what was there before, is no run.
    pub(super) fn is_of_a_run(&self) -> bool {
        self.by.is_none() && !matches!(self.rule.as_deref(), Some(ASKED_FOR | IMPORTED))
    }

    /// The entry in another state; fields that are not about the state stay.
    pub(super) fn transition(&self, state: State, since: Timestamp, origin: Origin) -> Self {
        let about_the_old = Self { reason: None, by: None, passed_over: None, given_up: None, ..self.clone() };
        Self { state, since, origin, ..about_the_old }
    }

    /// The larger of both, with what merges on its own.
    pub(super) fn merge(&mut self, other: Self) {
        if *self == other {
            return; // most entries of two heads, and what follows is dear
        }
        let mut other = other;
        if self.is_less_than(&other) {
            std::mem::swap(self, &mut other);
        }
        self.file = match (self.file.take(), other.file) {
            (Some(mut file), Some(mut other)) => {
                if file.order() < other.order() {
                    std::mem::swap(&mut file, &mut other);
                }
                file.unknown.merge(other.unknown);
                Some(file)
            }
            (file, other) => file.or(other),
        };
        for (claim, others) in other.ingredients {
            ingredients::merge(self.ingredients.entry(claim).or_default(), others);
        }
        self.absence = match (self.absence.take(), other.absence) {
            (Some(mut absence), Some(other)) => {
                absence.merge(*other);
                Some(absence)
            }
            (absence, other) => absence.or(other),
        };
        self.unknown.merge(other.unknown);
    }

    fn is_less_than(&self, other: &Self) -> bool {
        self.rank().cmp(&other.rank()).then_with(|| self.length_and_bytes().cmp(&other.length_and_bytes())).is_lt()
    }

    /// The same, where a claim that is open has been given back.
    pub(super) fn without_claim(&self, now: Timestamp) -> Self {
        if self.state != State::Building {
            return self.clone();
        }
        let mut given_back = self.transition(State::GivenBack, now, self.origin.clone());
        given_back.given_back = given_back.given_back.saturating_add(1);
        given_back
    }

    fn rank(&self) -> impl Ord + use<> {
        let done = self.state.is_done().then_some(self.state);
        let passed_over = self.passed_over.map(|passed| passed.runs);
        let times = (Reverse(self.first_seen.unwrap_or(Timestamp::MAX)), Reverse(self.since));
        let origin = (Reverse(self.origin.pipeline), times);
        let state = (self.epoch, done, self.attempt, self.state, !self.is_only_seen());
        (state, self.given_back, self.decisions, passed_over, self.given_up.is_some(), origin)
    }

    /// Tie-breaker: the longer JSON, then its bytes, of what does not merge on its own.
    fn length_and_bytes(&self) -> (usize, String) {
        let alone = Self {
            file: None,
            ingredients: BTreeMap::new(),
            absence: None,
            unknown: Unknown::default(),
            ..self.clone()
        };
        let bytes = serde_json::to_string(&alone).unwrap_or_default();
        (bytes.len(), bytes)
    }
}

/// The bytes that a claim and its outcome take.
pub(super) fn with_outcome(build: &BuildKey, claim: &Entry) -> usize {
    let json = serde_json::to_vec_pretty(claim).map_or(OUTCOME, |json| json.len());
    // The entry's lines are indented, some dozen of them.
    json + build.package.to_string().len() + build.target.as_str().len() + 256 + OUTCOME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(epoch: u64, state: State, attempt: u64, pipeline: u64) -> Entry {
        let mut entry = Entry::new(state, Timestamp::UNIX_EPOCH);
        (entry.epoch, entry.attempt, entry.origin.pipeline) = (epoch, attempt, pipeline);
        entry
    }

    fn by_hand() -> Entry {
        Entry { by: Some("mary".to_owned()), decisions: 1, ..entry(0, State::Skipped, 0, 0) }
    }

    fn first_seen(second: i64) -> Entry {
        Entry { first_seen: Timestamp::from_second(second).ok(), ..entry(0, State::Pending, 0, 0) }
    }

    fn passed_over(runs: u64) -> Entry {
        Entry { passed_over: Some(CountedRuns { runs, pipeline: 9 }), ..entry(0, State::Failed, 1, 8) }
    }

    #[test]
    fn entries_are_ordered_by_the_rules_in_their_order() {
        use State::{Building, Built, Failed, GivenBack, Pending, Skipped};
        let ascending = [
            ("pending and nothing more", entry(0, Pending, 0, 0)),
            ("first seen later", first_seen(9)),
            ("first seen earlier", first_seen(8)),
            ("pending with something more", entry(0, Pending, 0, 9)),
            ("a claim by the larger pipeline", entry(0, Building, 1, 9)),
            ("a claim by the smaller pipeline", entry(0, Building, 1, 8)),
            ("a claim that was given back", Entry { given_back: 1, ..entry(0, GivenBack, 1, 8) }),
            ("a failed attempt", entry(0, Failed, 1, 8)),
            ("passed over by a run", passed_over(1)),
            ("passed over by two", passed_over(2)),
            ("given up", Entry { given_up: Some(Timestamp::UNIX_EPOCH), ..passed_over(2) }),
            ("given up, and an attempt was given back", Entry { given_back: 1, ..entry(0, Failed, 1, 8) }),
            ("the next attempt's claim", entry(0, Building, 2, 9)),
            ("the next attempt's failure", entry(0, Failed, 2, 9)),
            ("skipped", entry(0, Skipped, 0, 0)),
            ("skipped by hand", by_hand()),
            ("skipped by hand by the second who decided", Entry { decisions: 2, ..by_hand() }),
            ("built at the first attempt", entry(0, Built, 1, 8)),
            ("built again", entry(0, Built, 2, 8)),
            ("forgotten", entry(1, Pending, 0, 0)),
            ("claimed after it was forgotten", entry(1, Building, 1, 9)),
        ];
        for pair in ascending.windows(2) {
            let [(less, smaller), (more, larger)] = pair else { unreachable!("two at a time") };
            for (mut one, other) in [(smaller.clone(), larger.clone()), (larger.clone(), smaller.clone())] {
                one.merge(other);
                assert_eq!(&one, larger, "{less} and {more}");
            }
        }
    }

    #[test]
    fn what_people_and_builds_say_is_bounded_before_it_is_remembered() {
        let said = Entry {
            reason: Some("x".repeat(100_000)),
            by: Some("\u{1f600}".repeat(501)),
            origin: Origin {
                pipeline_url: Some(format!("https://gitlab.example.com/{}", "x".repeat(1000))),
                job_url: Some("https://gitlab.example.com/-/jobs/1".to_owned()),
                ..Origin::default()
            },
            ..entry(0, State::Built, 1, 8)
        };
        let bounded = said.bounded();
        let characters = |text: &Option<String>| text.as_ref().map(|text| text.chars().count());
        assert_eq!((characters(&bounded.reason), characters(&bounded.by)), (Some(501), Some(501)));
        assert_eq!((bounded.origin.pipeline_url.is_some(), bounded.origin.job_url.is_some()), (false, true));
        assert_eq!(bounded.clone().bounded(), bounded);
    }
}
