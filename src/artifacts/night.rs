//! `night.json`: what became of the builds of a pipeline, for programs and for those who tell a team of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alarm::Alarm;
use crate::plan::{HoldReason, Plan};
use crate::release::{Nevra, Target};
use crate::text::beginning;
use crate::tracker::{Document, Entry, Image, ImageId, ImageKey, Notes, Place, Revocation, Standing, State};

const NIGHT_FORMAT: &str = "ami-scheduler/night/1";
/// The most alarms that a pipeline hands on, beside the first of each kind, and the most characters of one.
const ALARMS: usize = 50;
const EXPLANATION: usize = 300;

/// `night.json`: what became of the builds of a pipeline, and which alarms were raised as they were decided.
#[derive(Debug, Serialize)]
pub struct Night<'a> {
    format: &'static str,
    /// The product.
    pub product: &'a str,
    /// The branch or tag whose tracker was asked.
    #[serde(rename = "ref")]
    pub reference: &'a str,
    /// The pipeline that claimed the builds.
    pub pipeline: u64,
    /// Which of its lanes, where it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<&'a str>,
    /// When the tracker was asked.
    pub at: Timestamp,
    /// How many are built.
    pub built: usize,
    /// How many failed, those that are given up among them.
    pub failed: usize,
    /// How many failed as often as they may.
    pub given_up: usize,
    /// How many have no outcome: nothing was recorded of them, or their jobs never began.
    pub open: usize,
    /// The builds, oldest release first.
    pub builds: Vec<NightRow<'a>>,
    /// Builds that failed in earlier pipelines, and that this one left to a later one.
    pub paused: Vec<NightRow<'a>>,
    /// The alarms.
    pub alarms: Vec<ToldAlarm>,
}

/// A build, and what became of it.
#[derive(Debug, Serialize)]
pub struct NightRow<'a> {
    /// The release.
    pub package: &'a Nevra,
    version: &'a str,
    release: &'a str,
    arch: &'a str,
    /// The target.
    pub target: &'a Target,
    /// Where the build stands.
    #[serde(skip)]
    pub standing: Standing,
    outcome: String,
    /// Which attempt it was, of those that count.
    pub attempt: u64,
    /// The ids of its image, in each place that has one alone.
    pub ids: BTreeMap<&'a Place, &'a ImageId>,
    /// What the build reported beside that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<&'a Notes>,
    /// Why the image is not to be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// The job that recorded the image, or the one that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_url: Option<&'a String>,
}

/// A build that failed before, and that a run leaves to a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// The release.
    pub package: Nevra,
    /// The target.
    pub target: Target,
}

/// An alarm: its word, and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldAlarm {
    /// The word.
    pub alarm: String,
    /// The sentence.
    pub explanation: String,
}

impl Paused {
    /// Those of a plan, some fifty of them.
    pub fn of(plan: &Plan) -> Vec<Self> {
        let paused = plan.held.iter().filter(|held| matches!(held.reason, HoldReason::BackOff { .. }));
        let told = paused.take(ALARMS).map(|held| Self { package: held.package.clone(), target: held.target.clone() });
        told.collect()
    }
}

impl ToldAlarm {
    /// Some alarms, as a job hands them on to another: some fifty of them, and the first of each kind.
    pub fn of(alarms: &[Alarm]) -> Vec<Self> {
        let mut kinds = BTreeSet::new();
        let told = alarms.iter().enumerate().filter(|(number, alarm)| kinds.insert(alarm.kind()) || *number < ALARMS);
        let told = told.map(|(_, alarm)| Self {
            alarm: alarm.kind().to_string(),
            explanation: beginning(&alarm.to_string(), EXPLANATION),
        });
        told.collect()
    }
}

impl ToTell {
    /// What is told of a plan and its alarms.
    pub fn of(plan: &Plan, alarms: &[Alarm]) -> Self {
        Self { alarms: ToldAlarm::of(alarms), paused: Paused::of(plan) }
    }
}

impl<'a> NightRow<'a> {
    fn new(
        document: &'a Document,
        package: &'a Nevra,
        target: &'a Target,
        entry: &'a Entry,
        max_attempts: u64,
    ) -> Self {
        let standing = match Standing::of(entry, Timestamp::MIN) {
            Standing::Failed if entry.attempts() >= max_attempts => Standing::GivenUp,
            standing => standing,
        };
        let of_claim = |(key, _): &(&ImageKey, &Image)| key.claim == entry.claim();
        let image = document.images(package, target).rfind(of_claim).map(|(_, image)| image);
        let image = image.filter(|_| standing == Standing::Built);
        let of_image = image.and_then(|image| document.revocation_of_image(image));
        let revoked = of_image.or_else(|| document.revocation(package, target)).filter(|_| image.is_some());
        Self {
            package,
            version: &package.evr().version,
            release: &package.evr().release,
            arch: package.arch(),
            target,
            standing,
            outcome: standing.word().replace(' ', "_"),
            attempt: entry.attempts(),
            ids: image.into_iter().flat_map(|image| image.ids.counting()).collect(),
            notes: image.map(|image| &image.notes).filter(|notes| !notes.is_empty()),
            revoked: revoked.map(Revocation::in_words),
            job_url: image.and_then(|image| image.job_url.as_ref()).or(entry.origin.job_url.as_ref()),
        }
    }
}

/// What a run hands on to be told, beside what the tracker has.
#[derive(Debug, Clone, Default)]
pub struct ToTell {
    /// The alarms.
    pub alarms: Vec<ToldAlarm>,
    /// The builds that failed before, and were left to a later run.
    pub paused: Vec<Paused>,
}

impl<'a> Night<'a> {
    /// What the tracker has of the builds that a lane of a pipeline claimed, now. A failed build that was tried
    /// `max_attempts` times is given up.
    pub fn new(
        document: &'a Document,
        pipeline: u64,
        lane: Option<&'a str>,
        max_attempts: u64,
        to_tell: ToTell,
        at: Timestamp,
    ) -> Self {
        let is_claimed = |entry: &Entry| {
            entry.attempt > 0 && entry.origin.pipeline == pipeline && entry.origin.lane.as_deref() == lane
        };
        let row = |(package, target, entry)| NightRow::new(document, package, target, entry, max_attempts);
        let builds: Vec<NightRow<'_>> = document.entries().filter(|(_, _, entry)| is_claimed(entry)).map(row).collect();
        let is_paused = |package: &Nevra, target: &Target| {
            to_tell.paused.iter().any(|paused| (&paused.package, &paused.target) == (package, target))
        };
        let paused = document.entries().filter(|(package, target, entry)| {
            entry.state == State::Failed && !is_claimed(entry) && is_paused(package, target)
        });
        let count = |is: fn(Standing) -> bool| builds.iter().filter(|build| is(build.standing)).count();
        Self {
            format: NIGHT_FORMAT,
            product: document.product(),
            reference: document.reference(),
            pipeline,
            lane,
            at,
            built: count(|standing| standing == Standing::Built),
            failed: count(|standing| matches!(standing, Standing::Failed | Standing::GivenUp)),
            given_up: count(|standing| standing == Standing::GivenUp),
            open: count(|standing| !matches!(standing, Standing::Built | Standing::Failed | Standing::GivenUp)),
            paused: paused.map(row).collect(),
            builds,
            alarms: to_tell.alarms,
        }
    }

    /// The kinds of its alarms, each once.
    pub fn kinds(&self) -> Vec<&str> {
        let mut known = BTreeSet::new();
        let kinds = self.alarms.iter().map(|told| told.alarm.as_str());
        kinds.filter(|kind| known.insert(*kind)).collect()
    }

    /// How many of the images that were built are revoked.
    pub fn revoked(&self) -> usize {
        self.builds.iter().filter(|build| build.revoked.is_some()).count()
    }

    /// What became of the builds, in words: `2 built, 3 failed (1 given up); alarms: unchanged`.
    pub fn summary(&self) -> String {
        let revoked = match self.revoked() {
            0 => String::new(),
            revoked => format!(" ({revoked} revoked)"),
        };
        let given_up = if self.given_up == 0 { String::new() } else { format!(" ({} given up)", self.given_up) };
        let counts = [
            (self.built, "built", revoked.as_str()),
            (self.failed, "failed", given_up.as_str()),
            (self.open, "without an outcome", ""),
        ];
        let counts = counts.iter().filter(|(number, ..)| *number > 0);
        let counts: Vec<String> = counts.map(|(number, what, more)| format!("{number} {what}{more}")).collect();
        let paused = (!self.paused.is_empty()).then(|| format!("{} paused after a failure", self.paused.len()));
        let counts: Vec<String> = counts.into_iter().chain(paused).collect();
        let counts = if counts.is_empty() { "nothing to build".to_owned() } else { counts.join(", ") };
        let kinds = self.kinds();
        if kinds.is_empty() { counts } else { format!("{counts}; alarms: {}", kinds.join(", ")) }
    }

    /// The counts as variables, for a dotenv report: `BUILT`, `FAILED`, `GIVEN_UP`, `OPEN`, `PAUSED`, `ALARMS`, which are
    /// the kinds with blanks between, and `SUMMARY`.
    pub fn variables(&self) -> String {
        let Self { built, failed, given_up, open, paused, .. } = self;
        format!(
            "BUILT={built}\nFAILED={failed}\nGIVEN_UP={given_up}\nOPEN={open}\nPAUSED={}\nALARMS={}\nSUMMARY={}\n",
            paused.len(),
            self.kinds().join(" "),
            self.summary()
        )
    }
}
