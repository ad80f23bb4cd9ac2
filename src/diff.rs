//! What to build: releases × targets, less what the tracker says is done, held or given up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::package::{Nevra, Package};
use crate::policy::{Exclusion, Keep, Newest, Policy};
use crate::tracker::{ASKED_FOR, Build, Document, Entry, Origin, State, Target};

/// The rules by which builds are chosen.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What the releases were chosen by before: a first run is the first about what this lets through.
    pub scope: Policy,
    /// Which of the releases that are old enough are kept.
    pub keep: Keep,
    /// Releases that are not to be built. This comes last, so that no other is built in their place.
    pub exclude: Vec<Exclusion>,
    /// How long ago a release was built by its publisher, and seen here first, before it is built here.
    pub min_age: SignedDuration,
    /// Which of the builds of a run are begun first, where they have failed as often.
    pub order: Order,
    /// Which releases are built for a target that the tracker knows nothing of.
    pub first_run: FirstRun,
    /// The most builds that one pipeline begins.
    pub max_builds: usize,
    /// How often one build is tried, failures and claims that lapsed included.
    pub max_attempts: u64,
    /// After how long a claim no longer holds.
    pub claim_timeout: SignedDuration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            scope: Policy::default(),
            keep: Keep::All,
            exclude: Vec::new(),
            min_age: SignedDuration::ZERO,
            order: Order::OldestFirst,
            first_run: FirstRun::Latest,
            max_builds: 20,
            max_attempts: 3,
            claim_timeout: SignedDuration::from_hours(12),
        }
    }
}

/// Which releases are begun first.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest, in RPM's order.
    #[default]
    OldestFirst,
    /// The newest.
    NewestFirst,
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
    /// It is the newest release, and no run was about releases like it before.
    FirstRun,
    /// A person asked for it: anew, or in this very run.
    AskedFor {
        /// The reason that the person gave, to build it again.
        reason: Option<String>,
        /// Who that was.
        by: Option<String>,
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

impl Because {
    /// The word for it in `builds.json` and in the tracker.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NewRelease => "new_release",
            Self::FirstRun => "first_run",
            Self::AskedFor { .. } => ASKED_FOR,
            Self::Failed { .. } => "failed_before",
            Self::Lapsed { .. } => "claim_lapsed",
            Self::OwnClaim => "own_claim",
        }
    }
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
    Held {
        /// That pipeline's id.
        pipeline: u64,
        /// Where a person sees it.
        pipeline_url: Option<String>,
        /// When the claim lapses.
        until: Timestamp,
    },
    /// It is excluded.
    Excluded {
        /// What names it.
        pattern: String,
        /// Why, where that was said.
        because: Option<String>,
    },
    /// It has to be older.
    TooYoung {
        /// When it is old enough.
        until: Timestamp,
    },
    /// A newer release makes it needless.
    Superseded {
        /// The newest of these.
        newer: Nevra,
    },
    /// It has failed, and more runs than this one pass it over before it is tried again.
    Waiting {
        /// How often it was tried.
        attempts: u64,
        /// By so many runs after this one.
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
        /// Whether this run is the first to say so.
        new: bool,
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

/// What a run does: every release × target that it is for is in exactly one of `builds` and
/// `left_alone`.
#[derive(Debug, Default)]
pub struct Diff {
    /// To build, in the order in which they are begun.
    pub builds: Vec<Planned>,
    /// Not to build now.
    pub left_alone: Vec<LeftAlone>,
    /// Releases that changed under their name after they were built.
    pub republished: Vec<Republished>,
    /// Targets for which no run was about these releases before, or not about all of them.
    pub new_targets: Vec<Target>,
}

/// Decides what to build, and records it: claims for what is to be built, skips for what a first
/// run leaves out, and of what waits since when. Nothing else changes the document: two nights with the
/// same releases and outcomes leave it as it is. `packages` are in any order; `origin` is the pipeline
/// that claims.
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
    let mut diff = Diff::default();
    let mut wanted = Vec::new();
    for target in targets {
        let run = Run { target, rules, origin, now };
        let packages: Vec<&Package> = packages.iter().copied().filter(|package| package.is_for(target)).collect();
        let first_run = run.first_run(&packages, document);
        if !document.knows(target) || !first_run.is_empty() {
            diff.new_targets.push(target.clone());
        }
        document.know(target, &rules.scope);
        run.skip_for_good(&first_run, document);
        let old_enough = run.old_enough(&packages, document);
        let newest = rules.keep.newest(old_enough.into_iter());
        for package in packages {
            let build = Build { package: package.package.clone(), target: target.clone() };
            let entry = document.get(&build);
            diff.republished.extend(entry.and_then(|entry| republished(package, target, entry)));
            match run.decide(&build, package.built_at, entry, &newest) {
                Ok(Because::NewRelease) if first_run.binary_search(&&build.package).is_ok() => {
                    wanted.push((package, build, Because::FirstRun));
                }
                Ok(because) => wanted.push((package, build, because)),
                Err(reason) => {
                    run.remember(&build, &reason, document);
                    diff.left_alone.push(LeftAlone { package: build.package, target: build.target, reason });
                }
            }
        }
    }
    diff.begin(wanted, document, rules, origin, now);
    diff.left_alone.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    diff
}

/// Decides what to build of a version that a person asks for by hand, and records claims for it: of each
/// architecture its newest release, whatever the rules and the document say, but for what another pipeline
/// is building. `rules` are asked for the time that such a claim holds.
///
/// It is no run: the document knows as little of what there is besides as it did before.
pub fn ask_for(
    packages: &[Package],
    targets: &[Target],
    document: &mut Document,
    rules: &Rules,
    by: Option<&str>,
    origin: &Origin,
    now: Timestamp,
) -> Diff {
    let mut packages: Vec<&Package> = packages.iter().collect();
    packages.sort_by(|a, b| a.package.cmp(&b.package));
    let mut diff = Diff::default();
    for target in targets {
        let run = Run { target, rules, origin, now };
        let packages = || packages.iter().copied().filter(|package| package.is_for(target));
        let newest = Keep::Latest.newest(packages().map(|package| &package.package));
        for package in packages() {
            let build = Build { package: package.package.clone(), target: target.clone() };
            let settled = document.get(&build).and_then(|entry| run.is_settled(entry));
            let decision = match (newest.supersedes(&build.package), settled) {
                (Some(newer), _) => Err(Reason::Superseded { newer: newer.clone() }),
                (None, Some(Err(held @ Reason::Held { .. }))) => Err(held),
                (None, Some(Err(done @ Reason::Built { .. }))) if run.has_built(document.get(&build)) => Err(done),
                (None, Some(Ok(own_claim))) => Ok(own_claim),
                (None, _) => {
                    document.claim_by_hand(&build, by, package.checksum.clone(), now, origin.clone());
                    Ok(Because::AskedFor { reason: None, by: by.map(str::to_owned) })
                }
            };
            match decision {
                Ok(because) => {
                    let attempt = document.get(&build).map_or(1, |entry| entry.attempt);
                    diff.builds.push(Planned { package: package.clone(), target: build.target, attempt, because });
                }
                Err(reason) => {
                    diff.left_alone.push(LeftAlone { package: build.package, target: build.target, reason });
                }
            }
        }
    }
    diff
}

impl Diff {
    /// Claims as many of the builds that are wanted as one run may begin.
    fn begin(
        &mut self,
        mut wanted: Vec<(&Package, Build, Because)>,
        document: &mut Document,
        rules: &Rules,
        origin: &Origin,
        now: Timestamp,
    ) {
        let failures = |document: &Document, build: &Build| document.get(build).map_or(0, |entry| entry.attempt);
        // What fails all the time comes last, and holds up nothing.
        wanted.sort_by_cached_key(|(_, build, because)| {
            let (oldest, newest) = match rules.order {
                Order::OldestFirst => (Some(build.package.clone()), None),
                Order::NewestFirst => (None, Some(Reverse(build.package.clone()))),
            };
            let is_begun = *because == Because::OwnClaim;
            (!is_begun, failures(document, build), oldest, newest, build.target.clone())
        });
        // A diff job that runs again goes on with what it has claimed, and begins no more than it may.
        let is_own = |entry: &Entry| entry.is_claimed_by(origin.pipeline, origin.line.as_deref());
        let claimed = document.entries().filter(|(_, _, entry)| is_own(entry)).count();
        let mut room = rules.max_builds.saturating_sub(claimed);
        for (package, build, because) in wanted {
            if because != Because::OwnClaim {
                if room == 0 {
                    let Build { package, target } = build;
                    self.left_alone.push(LeftAlone { package, target, reason: Reason::Later });
                    continue;
                }
                room -= 1;
                document.claim(&build, because.word(), package.checksum.clone(), now, origin.clone());
            }
            let attempt = failures(document, &build);
            self.builds.push(Planned { package: package.clone(), target: build.target, attempt, because });
        }
    }
}

/// One run, about one target.
struct Run<'a> {
    target: &'a Target,
    rules: &'a Rules,
    origin: &'a Origin,
    now: Timestamp,
}

impl Run<'_> {
    /// The releases that no run was about before, oldest first.
    fn first_run<'a>(&self, ascending: &[&'a Package], document: &Document) -> Vec<&'a Nevra> {
        let packages = ascending.iter().map(|package| &package.package);
        packages.filter(|package| !document.has_looked_for(package, self.target)).collect()
    }

    /// Records that a first run leaves all but the newest release of each architecture for good, or
    /// whatever else it was told.
    fn skip_for_good(&self, ascending: &[&Nevra], document: &mut Document) {
        let newest: BTreeMap<&str, &Nevra> = ascending.iter().map(|package| (package.arch(), *package)).collect();
        for package in ascending {
            let is_built = match self.rules.first_run {
                FirstRun::Latest => newest.get(package.arch()) == Some(package),
                FirstRun::None => false,
                FirstRun::All => true,
            };
            let build = Build { package: (*package).clone(), target: self.target.clone() };
            if !is_built && document.get(&build).is_none() {
                document.skip(&build, "there at the first run", self.now);
            }
        }
    }

    fn old_enough<'a>(&self, packages: &[&'a Package], document: &Document) -> Vec<&'a Nevra> {
        let is_old_enough = |package: &&&Package| {
            self.rules.min_age.is_zero() || {
                let build = Build { package: package.package.clone(), target: self.target.clone() };
                self.too_young(package.built_at, document.get(&build)).is_none()
            }
        };
        packages.iter().filter(is_old_enough).map(|package| &package.package).collect()
    }

    /// The rules, in their order: what has happened already, then what a person wants, then what a
    /// release has to be, then how often it has failed. The first that applies decides.
    fn decide(
        &self,
        build: &Build,
        built_at: Option<Timestamp>,
        entry: Option<&Entry>,
        newest: &Newest<'_>,
    ) -> Result<Because, Reason> {
        if let Some(decision) = entry.and_then(|entry| self.is_settled(entry)) {
            return decision;
        }
        if let Some(exclusion) = self.rules.exclude.iter().find(|exclusion| exclusion.pattern.names(&build.package)) {
            let (pattern, because) = (exclusion.pattern.to_string(), exclusion.reason.clone());
            return Err(Reason::Excluded { pattern, because });
        }
        if let Some(entry) = entry.filter(|entry| entry.is_asked_for()) {
            return self.try_again(entry);
        }
        if let Some(until) = self.too_young(built_at, entry) {
            return Err(Reason::TooYoung { until });
        }
        if let Some(newer) = newest.supersedes(&build.package) {
            return Err(Reason::Superseded { newer: newer.clone() });
        }
        entry.map_or(Ok(Because::NewRelease), |entry| self.try_again(entry))
    }

    /// Whether a success is that of this very pipeline, whose diff job runs again.
    fn has_built(&self, entry: Option<&Entry>) -> bool {
        self.origin.pipeline > 0 && entry.is_some_and(|entry| entry.origin.pipeline == self.origin.pipeline)
    }

    /// Whether a build is done, or in somebody's hands.
    fn is_settled(&self, entry: &Entry) -> Option<Result<Because, Reason>> {
        match entry.state {
            State::Built => Some(Err(Reason::Built { since: entry.since })),
            State::Skipped => {
                let (because, by) = (entry.reason.clone(), entry.by.clone());
                Some(Err(Reason::Skipped { because, by, since: entry.since }))
            }
            State::Building if entry.is_claimed_by(self.origin.pipeline, self.origin.line.as_deref()) => {
                Some(Ok(Because::OwnClaim))
            }
            State::Building => {
                let until = entry.since.saturating_add(self.rules.claim_timeout).unwrap_or(Timestamp::MAX);
                let (pipeline, pipeline_url) = (entry.origin.pipeline, entry.origin.pipeline_url.clone());
                (self.now < until).then_some(Err(Reason::Held { pipeline, pipeline_url, until }))
            }
            State::Pending | State::Failed => None,
        }
    }

    /// Until when a release has to wait: its age counts from when its publisher built it or, if that is
    /// later or unknown, from when it was seen here first, which nobody can back-date.
    fn too_young(&self, built_at: Option<Timestamp>, entry: Option<&Entry>) -> Option<Timestamp> {
        if self.rules.min_age.is_zero() {
            return None; // nor is it, whatever the publisher's clock says
        }
        let first_seen = entry.and_then(|entry| entry.first_seen).unwrap_or(self.now);
        let born = built_at.map_or(first_seen, |built_at| built_at.max(first_seen));
        let until = born.saturating_add(self.rules.min_age).unwrap_or(Timestamp::MAX);
        (self.now < until).then_some(until)
    }

    /// Whether a build that is known is begun: one whose last attempt failed, or never ended, is not always.
    fn try_again(&self, entry: &Entry) -> Result<Because, Reason> {
        let (attempts, url) = (entry.attempt, || entry.origin.job_url.clone().or(entry.origin.pipeline_url.clone()));
        let because = match entry.state {
            State::Failed => Because::Failed { url: url() },
            State::Building => Because::Lapsed { url: url() },
            _ if entry.is_asked_for() => {
                return Ok(Because::AskedFor { reason: entry.reason.clone(), by: entry.by.clone() });
            }
            _ => return Ok(Because::NewRelease),
        };
        if attempts >= self.rules.max_attempts {
            let known = entry.given_up.filter(|known| known.pipeline != self.origin.pipeline || known.pipeline == 0);
            return Err(Reason::GivenUp { attempts, url: url(), new: known.is_none() });
        }
        let passed_over = entry.passed_over.unwrap_or_default().before(self.origin.pipeline);
        match runs_to_wait(attempts).checked_sub(passed_over.saturating_add(1)) {
            Some(runs) => Err(Reason::Waiting { attempts, runs, url: url() }),
            None => Ok(because),
        }
    }

    /// Records what the next run has to know of a build that this one leaves alone.
    fn remember(&self, build: &Build, reason: &Reason, document: &mut Document) {
        match reason {
            Reason::TooYoung { .. } => document.see(build, self.now),
            Reason::Waiting { .. } => document.pass_over(build, self.origin.pipeline),
            Reason::GivenUp { .. } => document.give_up(build, self.origin.pipeline, self.now),
            _ => {}
        }
    }
}

/// How many runs pass a build over after so many failures: 0, 0, 1, 2, 4 … 32.
pub fn runs_to_wait(failures: u64) -> u64 {
    match failures {
        0..=2 => 0,
        3..=8 => 1 << (failures - 3),
        _ => 32,
    }
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
