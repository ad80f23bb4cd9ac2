//! Decisions about a release × target, with their reasons.
//!
//! A reason prints itself as a sentence for people; its word for programs is in `builds.json`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::{Returned, Stale, Withdrawn};
use crate::release::{Advisories, BuildKey, Nevra, Package, Target};
use crate::text::{count, minute};
use crate::tracker::{ASKED_FOR, Claim, Document, Ingredients};

/// Whether a build begins now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It does.
    Build(BuildReason),
    /// It does not.
    Hold(HoldReason),
}

/// A build to begin, and why.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The release, as the repository offers it.
    pub package: Package,
    /// The target of the image.
    pub target: Target,
    /// The number of this attempt, from 1, of those that count.
    pub attempt: u64,
    /// What its success is one of.
    pub claim: Claim,
    /// Why it is built.
    pub reason: BuildReason,
    /// Why the image that is there is no longer fresh, where the release is built again for that.
    pub stale: Option<Stale>,
    /// What the image is made of besides the package.
    pub ingredients: Ingredients,
}

impl Planned {
    /// A build as the document has it claimed.
    pub(super) fn of_claim(
        package: &Package,
        build: &BuildKey,
        document: &Document,
        reason: BuildReason,
        stale: Option<Stale>,
    ) -> Option<Self> {
        let entry = document.get(build)?;
        let (package, target) = (package.clone(), build.target.clone());
        let claim = entry.claim();
        let ingredients = entry.ingredients.get(&claim).cloned().unwrap_or_default();
        Some(Self { package, target, attempt: entry.attempts(), claim, reason, stale, ingredients })
    }

    /// Why it is built, and the advisories about the release, in a sentence.
    pub fn explanation(&self) -> String {
        let stale = self.stale.as_ref().filter(|_| !matches!(self.reason, BuildReason::Stale(_)));
        self.package.advisories.after(after(stale, &self.reason))
    }
}

/// Why something is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildReason {
    /// The tracker does not know the release for this target.
    NewRelease,
    /// It is the newest release, and no earlier run had this scope.
    FirstRun,
    /// A person asked for it: anew, or in this very run.
    AskedFor {
        /// The reason that the person gave, to build it again.
        reason: Option<String>,
        /// Who that was.
        by: Option<String>,
    },
    /// The last attempt failed.
    Failed(Retry),
    /// The last claim lapsed: its pipeline was cancelled, or is slower than the claim's timeout.
    Lapsed(Retry),
    /// Its image is no longer fresh.
    Stale(Stale),
    /// This very pipeline claimed it before: its diff job runs again.
    OwnClaim,
}

/// An attempt after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Its number, from 2.
    pub attempt: u64,
    /// How many there may be.
    pub max_attempts: u64,
    /// Where a person sees how the one before it ended.
    pub url: Option<String>,
}

impl BuildReason {
    /// The word for it in `builds.json` and in the tracker.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NewRelease => "new_release",
            Self::FirstRun => "first_run",
            Self::AskedFor { .. } => ASKED_FOR,
            Self::Failed(_) => "failed_before",
            Self::Lapsed(_) => "claim_lapsed",
            Self::Stale(stale) => stale.word(),
            Self::OwnClaim => "own_claim",
        }
    }
}

impl fmt::Display for BuildReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewRelease => f.write_str("new release"),
            Self::FirstRun => f.write_str("first run for this target"),
            Self::AskedFor { reason: Some(reason), by } => {
                write!(f, "asked for again{}: {reason}", by_whom(by.as_deref()))
            }
            Self::AskedFor { reason: None, by } => write!(f, "asked for by {}", by.as_deref().unwrap_or("hand")),
            Self::Failed(retry) => retry.write(f, "failed"),
            Self::Lapsed(retry) => retry.write(f, "never ended"),
            Self::Stale(stale) => stale.fmt(f),
            Self::OwnClaim => f.write_str("claimed by this pipeline before, whose diff runs again"),
        }
    }
}

impl Retry {
    fn write(&self, f: &mut fmt::Formatter<'_>, ended: &str) -> fmt::Result {
        let Self { attempt, max_attempts, url } = self;
        write!(f, "attempt {attempt} of {max_attempts}; the last one {ended}")?;
        url.as_ref().map_or(Ok(()), |url| write!(f, ": {url}"))
    }
}

/// A release × target that is not built now, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The release.
    pub package: Nevra,
    /// The target of the image.
    pub target: Target,
    /// What its repository's advisories say of the release.
    #[serde(skip_serializing_if = "Advisories::is_empty")]
    pub advisories: Advisories,
    /// Why the image that is there is no longer fresh, where the release is to be built again for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<Stale>,
    /// Why not.
    #[serde(flatten)]
    pub reason: HoldReason,
}

impl Held {
    pub(super) fn new(package: &Package, target: Target, stale: Option<Stale>, reason: HoldReason) -> Self {
        Self { package: package.nevra.clone(), target, advisories: package.advisories.clone(), stale, reason }
    }

    /// Why it is not built, and the advisories about the release, in a sentence.
    pub fn explanation(&self) -> String {
        self.advisories.after(after(self.stale.as_ref(), &self.reason))
    }
}

/// A reason, after why the image that is there is no longer fresh.
fn after(stale: Option<&Stale>, reason: &impl fmt::Display) -> String {
    stale.map_or_else(|| reason.to_string(), |stale| format!("{stale}; {reason}"))
}

/// Why something is not built now. The first that applies is the one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum HoldReason {
    /// It has been built.
    Built {
        /// Since when.
        since: Timestamp,
    },
    /// The tracker says that it is on purpose not built.
    Skipped {
        /// Why.
        because: Option<String>,
        /// Who said so, where a person did.
        by: Option<String>,
        /// Since when.
        since: Timestamp,
    },
    /// Another pipeline is building it.
    Claimed {
        /// The id of that pipeline.
        pipeline: u64,
        /// Where a person sees it.
        pipeline_url: Option<String>,
        /// When the claim lapses.
        until: Timestamp,
    },
    /// A person, or the rule `revoke_withdrawn`, said that the release is not to be used.
    Revoked {
        /// Why.
        because: String,
        /// Who said so, where a person did.
        by: Option<String>,
    },
    /// It is excluded.
    Excluded {
        /// The pattern that names it.
        pattern: String,
        /// Why, where that was said.
        because: Option<String>,
    },
    /// It has to be older.
    TooYoung {
        /// When it is old enough.
        until: Timestamp,
    },
    /// A newer release supersedes it.
    Superseded {
        /// The newest of these.
        newer: Nevra,
    },
    /// It has failed, and is tried again by a later run.
    BackOff {
        /// How often it was tried.
        attempts: u64,
        /// How many more runs pass before that.
        runs: u64,
        /// Where a person sees the last failure.
        url: Option<String>,
    },
    /// It was tried as often as it may be.
    GivenUp {
        /// How often.
        attempts: u64,
        /// Where a person sees the last failure.
        url: Option<String>,
    },
    /// This run begins as many builds as it may; the next one goes on.
    Queued,
    /// The tracker has no room for what it would come to. Once open claims have ended, there may be some again.
    NoRoom,
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Built { since } => write!(f, "built {}", minute(*since)),
            Self::Skipped { because: Some(because), by, .. } => {
                write!(f, "skipped{}: {because}", by_whom(by.as_deref()))
            }
            Self::Skipped { because: None, .. } => f.write_str("skipped"),
            Self::Revoked { because, by } => write!(f, "revoked{}: {because}", by_whom(by.as_deref())),
            Self::Excluded { pattern, because: Some(because) } => write!(f, "excluded by {pattern}: {because}"),
            Self::Excluded { pattern, because: None } => write!(f, "excluded by {pattern}"),
            Self::Superseded { newer } => write!(f, "superseded by {newer}"),
            Self::TooYoung { until } => write!(f, "not old enough before {}", minute(*until)),
            Self::Claimed { pipeline, pipeline_url, until } => {
                let who = pipeline_url.clone().unwrap_or_else(|| format!("pipeline {pipeline}"));
                write!(f, "held by {who} until {}", minute(*until))
            }
            Self::BackOff { attempts, runs, url } => {
                let attempts = count(*attempts, "attempt");
                write!(f, "failed after {attempts}{}; tried again {}", the_last(url.as_ref()), after_runs(*runs))
            }
            Self::GivenUp { attempts, url } => {
                let attempts = count(*attempts, "attempt");
                write!(f, "given up after {attempts}{}; `rebuild` lets it be built again", the_last(url.as_ref()))
            }
            Self::Queued => f.write_str("left for the next run: this one is full"),
            Self::NoRoom => f.write_str("left for a later run: the tracker has no room for its outcome now"),
        }
    }
}

fn by_whom(who: Option<&str>) -> String {
    who.map(|who| format!(" by {who}")).unwrap_or_default()
}

fn the_last(url: Option<&String>) -> String {
    url.map(|url| format!(", the last: {url}")).unwrap_or_default()
}

/// When a build is tried again, after so many more runs.
pub(crate) fn after_runs(runs: u64) -> String {
    if runs == 0 { "by the next run".to_owned() } else { format!("after {} more", count(runs, "run")) }
}

/// A release whose file has another checksum than the one that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Republished {
    /// The release.
    pub package: Nevra,
    /// The target that was built from the other file.
    pub target: Target,
    /// Of the file that was built.
    pub recorded: String,
    /// Of the file that the repository offers now.
    pub offered: String,
}

/// The decisions of a run: every release × target is in exactly one of `builds` and `held`.
#[derive(Debug, Default)]
pub struct Plan {
    /// To build, in the order in which they are begun.
    pub builds: Vec<Planned>,
    /// Not to build now.
    pub held: Vec<Held>,
    /// Releases that changed under their name after they were built.
    pub republished: Vec<Republished>,
    /// Claims that were given back since they had lapsed and the repository no longer offers the release.
    pub closed: Vec<Closed>,
    /// Releases that were built, and that the repository no longer offers.
    pub withdrawn: Vec<Withdrawn>,
    /// Releases that were missing, and that the repository offers again.
    pub returned: Vec<Returned>,
    /// Targets whose first run, with this scope, this one is.
    pub new_targets: Vec<Target>,
}

/// A claim that nobody ends any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The build that it was of.
    pub build: BuildKey,
    /// Where a person sees the pipeline that had claimed it.
    pub url: Option<String>,
}
