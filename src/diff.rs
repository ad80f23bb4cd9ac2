//! What to build: releases × targets, less what the tracker says is done, held or given up.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::package::{Nevra, Package};
use crate::tracker::{Build, Document, Entry, Origin, State, Target};

/// The rules by which builds are chosen.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Which releases are built for a target that the tracker knows nothing of.
    pub first_run: FirstRun,
    /// The most builds that one pipeline begins.
    pub max_builds: usize,
    /// How often one build is tried, failures and claims that lapsed included.
    pub max_attempts: u64,
    /// After how long a claim no longer holds.
    pub claim_timeout: SignedDuration,
}

/// Which releases are built for a target that the tracker knows nothing of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum FirstRun {
    /// The newest of each architecture; the older ones are recorded as skipped.
    #[default]
    Latest,
    /// None: all are recorded as skipped.
    None,
    /// All.
    All,
}

impl FirstRun {
    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::None => "none",
            Self::All => "all",
        }
    }
}

/// A build to begin, and why.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The release, as the repository offers it.
    pub package: Package,
    /// What the image is built on.
    pub target: Target,
    /// The number of this attempt, from 1.
    pub attempt: u64,
    /// Why it is built.
    pub because: Because,
}

/// Why something is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The tracker does not know the release for this target.
    NewRelease,
    /// It is the newest release, and the tracker did not know the target.
    FirstRun,
    /// A person asked for it anew.
    AskedFor {
        /// The reason that the person gave.
        reason: Option<String>,
    },
    /// The last attempt failed.
    Failed {
        /// Where a person sees the failed jobs.
        url: Option<String>,
    },
    /// The last claim lapsed: its pipeline was cancelled, or is slower than the claim's timeout.
    Lapsed {
        /// Where a person sees the pipeline.
        url: Option<String>,
    },
    /// This very pipeline claimed it before: its diff job runs again.
    OwnClaim,
}

/// A release × target that is not built now, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftAlone {
    /// The release.
    pub package: Nevra,
    /// What the image would be built on.
    pub target: Target,
    /// Why not.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why something is not built now. The first that applies is the one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// It has been built.
    Built {
        /// Since when.
        since: Timestamp,
    },
    /// It is on purpose not built.
    Skipped {
        /// Why.
        because: Option<String>,
    },
    /// Another pipeline is building it.
    Held {
        /// That pipeline's id.
        pipeline: u64,
        /// Where a person sees it.
        pipeline_url: Option<String>,
        /// When the claim lapses.
        until: Timestamp,
    },
    /// It was tried as often as it may be.
    GivenUp {
        /// How often.
        attempts: u64,
        /// Where a person sees the last failure.
        url: Option<String>,
    },
    /// This run begins as many builds as it may; the next one goes on.
    Later,
}

/// A release whose file has another checksum than the one that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Republished {
    /// The release.
    pub package: Nevra,
    /// What was built from the other file.
    pub target: Target,
    /// Of the file that was built.
    pub recorded: String,
    /// Of the file that the repository offers now.
    pub offered: String,
}

/// What a run does: every release × target is in exactly one of `builds` and `left_alone`.
#[derive(Debug, Default)]
pub struct Diff {
    /// To build, oldest release first.
    pub builds: Vec<Planned>,
    /// Not to build now.
    pub left_alone: Vec<LeftAlone>,
    /// Releases that changed under their name after they were built.
    pub republished: Vec<Republished>,
    /// Targets that the tracker knew nothing of.
    pub new_targets: Vec<Target>,
}

/// Decides what to build, and records it: claims for what is to be built, skips for what a first
/// run leaves out. `packages` are in any order; `origin` is the pipeline that claims.
pub fn diff(
    packages: &[Package],
    targets: &[Target],
    document: &mut Document,
    rules: &Rules,
    origin: &Origin,
    now: Timestamp,
) -> Diff {
    let mut packages: Vec<&Package> = packages.iter().collect();
    packages.sort_by(|a, b| a.package.cmp(&b.package));
    let newest = newest_of_each_architecture(&packages);
    let new_targets: Vec<Target> = targets.iter().filter(|target| !document.knows(target)).cloned().collect();
    let mut diff = Diff { new_targets, ..Diff::default() };
    // A diff job that runs again goes on with what it has claimed, and begins no more than it may.
    let claimed = document.entries().filter(|(_, _, entry)| entry.is_claimed_by(origin.pipeline)).count();
    let mut room = rules.max_builds.saturating_sub(claimed);
    for target in targets {
        document.know(target);
    }
    for package in packages {
        for target in targets {
            let build = Build { package: package.package.clone(), target: target.clone() };
            let first_run = diff.new_targets.contains(target);
            let is_newest = newest.get(package.package.arch()) == Some(&&package.package);
            let passed_over = match rules.first_run {
                FirstRun::Latest => !is_newest,
                FirstRun::None => true,
                FirstRun::All => false,
            };
            if first_run && passed_over {
                document.skip(&build, "there at the first run", now);
            }
            let entry = document.get(&build);
            diff.republished.extend(entry.and_then(|entry| republished(package, target, entry)));
            let decision = match entry {
                None if first_run => Ok((Because::FirstRun, 1)),
                None => Ok((Because::NewRelease, 1)),
                Some(entry) => decide(entry, rules, origin.pipeline, now),
            };
            match decision {
                Ok((because, _)) if because != Because::OwnClaim && room == 0 => diff.leave(build, Reason::Later),
                Ok((because, attempt)) => {
                    if because != Because::OwnClaim {
                        room -= 1;
                        document.claim(&build, package.checksum.clone(), now, origin.clone());
                    }
                    diff.builds.push(Planned { package: package.clone(), target: target.clone(), attempt, because });
                }
                Err(reason) => diff.leave(build, reason),
            }
        }
    }
    diff
}

impl Diff {
    fn leave(&mut self, build: Build, reason: Reason) {
        self.left_alone.push(LeftAlone { package: build.package, target: build.target, reason });
    }
}

/// The rule that decides over a build that the tracker knows: why it is built, and as which
/// attempt; or why not.
fn decide(entry: &Entry, rules: &Rules, pipeline: u64, now: Timestamp) -> Result<(Because, u64), Reason> {
    let url = || entry.origin.job_url.clone().or_else(|| entry.origin.pipeline_url.clone());
    let again = |because| {
        if entry.attempt < rules.max_attempts {
            Ok((because, entry.attempt.saturating_add(1)))
        } else {
            Err(Reason::GivenUp { attempts: entry.attempt, url: url() })
        }
    };
    match entry.state {
        State::Built => Err(Reason::Built { since: entry.since }),
        State::Skipped => Err(Reason::Skipped { because: entry.reason.clone() }),
        State::Pending => Ok((Because::AskedFor { reason: entry.reason.clone() }, entry.attempt.saturating_add(1))),
        State::Failed => again(Because::Failed { url: url() }),
        State::Building if entry.is_claimed_by(pipeline) => Ok((Because::OwnClaim, entry.attempt)),
        State::Building => {
            let until = entry.since.saturating_add(rules.claim_timeout).unwrap_or(Timestamp::MAX);
            if now < until {
                let (pipeline, pipeline_url) = (entry.origin.pipeline, entry.origin.pipeline_url.clone());
                Err(Reason::Held { pipeline, pipeline_url, until })
            } else {
                again(Because::Lapsed { url: url() })
            }
        }
    }
}

fn newest_of_each_architecture<'a>(ascending: &[&'a Package]) -> BTreeMap<&'a str, &'a Nevra> {
    let mut newest: BTreeMap<&str, &Nevra> = BTreeMap::new();
    for package in ascending {
        newest.insert(package.package.arch(), &package.package);
    }
    newest
}

fn republished(package: &Package, target: &Target, entry: &Entry) -> Option<Republished> {
    let recorded = entry.checksum.as_ref().filter(|_| entry.state == State::Built)?;
    let offered = package.checksum.as_ref()?;
    (recorded != offered).then(|| Republished {
        package: package.package.clone(),
        target: target.clone(),
        recorded: recorded.to_string(),
        offered: offered.to_string(),
    })
}
