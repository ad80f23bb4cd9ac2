//! `night.json`: what became of the builds of a pipeline, for programs and for those who tell a team of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alarm::Alarm;
use crate::images::progress;
use crate::release::{Nevra, Target};
use crate::text::beginning;
use crate::tracker::{Document, Entry, ImageId, Notes, Place, Standing};

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
    /// The targets for which newer releases have failed than the one that has an image, whichever pipeline it was.
    pub stuck: Vec<StuckRow<'a>>,
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
    /// The job that recorded the image, or the one that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_url: Option<&'a String>,
}

/// A target for which newer releases have failed than the one that has an image.
#[derive(Debug, Serialize)]
pub struct StuckRow<'a> {
    /// The target.
    pub target: &'a Target,
    /// The architecture of the packages.
    pub arch: &'a str,
    /// Which releases, and how they stand: a sentence for people.
    pub explanation: String,
}

/// An alarm: its word, and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldAlarm {
    /// The word.
    pub alarm: String,
    /// The sentence.
    pub explanation: String,
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

impl<'a> Night<'a> {
    /// What the tracker has of the builds that a lane of a pipeline claimed, now. A failed build that was tried
    /// `max_attempts` times is given up.
    pub fn new(
        document: &'a Document,
        pipeline: u64,
        lane: Option<&str>,
        max_attempts: u64,
        alarms: Vec<ToldAlarm>,
        at: Timestamp,
    ) -> Self {
        let claimed = document.entries().filter(|(_, _, entry)| {
            entry.attempt > 0 && entry.origin.pipeline == pipeline && entry.origin.lane.as_deref() == lane
        });
        let row = |(package, target, entry): (&'a Nevra, &'a Target, &'a Entry)| {
            let standing = match Standing::of(entry, Timestamp::MIN) {
                Standing::Failed if entry.attempts() >= max_attempts => Standing::GivenUp,
                standing => standing,
            };
            let image = document.image(package, target).filter(|(key, _)| key.claim.pipeline == pipeline);
            let image = image.map(|(_, image)| image);
            let of_image = image.and_then(|image| image.job_url.as_ref());
            NightRow {
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
                job_url: of_image.or(entry.origin.job_url.as_ref()),
            }
        };
        let builds: Vec<NightRow<'_>> = claimed.map(row).collect();
        let (progress, _) = progress(document, Timestamp::MIN);
        let stuck = progress.iter().filter(|progress| progress.lane == lane && progress.is_stuck());
        let stuck =
            stuck.filter_map(|of| Some(StuckRow { target: of.target, arch: of.arch, explanation: of.behind()? }));
        let stuck = stuck.collect();
        let count = |is: fn(Standing) -> bool| builds.iter().filter(|build| is(build.standing)).count();
        Self {
            format: NIGHT_FORMAT,
            product: document.product(),
            reference: document.reference(),
            pipeline,
            at,
            built: count(|standing| standing == Standing::Built),
            failed: count(|standing| matches!(standing, Standing::Failed | Standing::GivenUp)),
            given_up: count(|standing| standing == Standing::GivenUp),
            open: count(|standing| !matches!(standing, Standing::Built | Standing::Failed | Standing::GivenUp)),
            builds,
            stuck,
            alarms,
        }
    }

    /// The kinds of its alarms, each once.
    pub fn kinds(&self) -> Vec<&str> {
        let mut known = BTreeSet::new();
        let kinds = self.alarms.iter().map(|told| told.alarm.as_str());
        kinds.filter(|kind| known.insert(*kind)).collect()
    }

    /// What became of the builds, in words: `2 built, 3 failed (1 given up); alarms: unchanged`.
    pub fn summary(&self) -> String {
        let given_up = if self.given_up == 0 { String::new() } else { format!(" ({} given up)", self.given_up) };
        let counts = [
            (self.built, "built", ""),
            (self.failed, "failed", given_up.as_str()),
            (self.open, "without an outcome", ""),
        ];
        let counts = counts.iter().filter(|(number, ..)| *number > 0);
        let counts: Vec<String> = counts.map(|(number, what, more)| format!("{number} {what}{more}")).collect();
        let counts = if counts.is_empty() { "nothing to build".to_owned() } else { counts.join(", ") };
        let kinds = self.kinds();
        if kinds.is_empty() { counts } else { format!("{counts}; alarms: {}", kinds.join(", ")) }
    }

    /// The counts as variables, for a dotenv report: `BUILT`, `FAILED`, `GIVEN_UP`, `OPEN`, `STUCK`, `ALARMS`, which are
    /// the kinds with blanks between, and `SUMMARY`.
    pub fn variables(&self) -> String {
        let Self { built, failed, given_up, open, stuck, .. } = self;
        format!(
            "BUILT={built}\nFAILED={failed}\nGIVEN_UP={given_up}\nOPEN={open}\nSTUCK={}\nALARMS={}\nSUMMARY={}\n",
            stuck.len(),
            self.kinds().join(" "),
            self.summary()
        )
    }
}
