//! The rules, each a question about one release on one target.

use jiff::Timestamp;

use super::{BuildReason, Context, Decision, HoldReason, Republished, Retry, Stale};
use crate::policy::Newest;
use crate::release::{BuildKey, Package, Target};
use crate::tracker::{Entry, Image, Revocation, State};

/// What the tracker knows of a build.
pub(super) struct Known<'a> {
    pub entry: Option<&'a Entry>,
    /// The image that counts.
    pub image: Option<&'a Image>,
    /// The word that the release is not to be used.
    pub revocation: Option<&'a Revocation>,
    /// Why the image is no longer fresh, where it is in use.
    pub stale: Option<Stale>,
}

impl Context<'_> {
    /// Decides by the rules in their order: what has happened already, then what a person wants, then what a
    /// release has to be, then how often it has failed. The first rule that applies decides.
    pub(super) fn decide(
        &self,
        build: &BuildKey,
        package: &Package,
        known: &Known<'_>,
        newest: &Newest<'_>,
    ) -> Decision {
        let Known { entry, revocation, .. } = *known;
        if let Some(decision) = entry.and_then(|entry| self.rebuild(build, package, entry, known)) {
            return decision;
        }
        if let Some(decision) = entry.and_then(|entry| self.already_decided(entry)) {
            return decision;
        }
        if let Some(Revocation { reason, by, .. }) = revocation {
            return Decision::Hold(HoldReason::Revoked { because: reason.clone(), by: by.clone() });
        }
        if let Some(exclusion) = self.rules.exclusion_of(&build.package) {
            let (pattern, because) = (exclusion.pattern.to_string(), exclusion.reason.clone());
            return Decision::Hold(HoldReason::Excluded { pattern, because });
        }
        if let Some(entry) = entry.filter(|entry| entry.is_asked_for()) {
            return self.retry(entry);
        }
        if let Some(until) = self.too_young_until(package, entry) {
            return Decision::Hold(HoldReason::TooYoung { until });
        }
        if let Some(newer) = newest.supersedes(&build.package) {
            return Decision::Hold(HoldReason::Superseded { newer: newer.clone() });
        }
        entry.map_or(Decision::Build(BuildReason::NewRelease), |entry| self.retry(entry))
    }

    /// Decides about a build that is done and whose image is stale, and about one that a rule has begun to build again:
    /// where its image is fresh after all, or the rule is off, it is what it was, built.
    fn rebuild(&self, build: &BuildKey, package: &Package, entry: &Entry, known: &Known<'_>) -> Option<Decision> {
        // A build that fails whatever it is made of is given up, and people are told, before a change begins anew.
        let is_told = || entry.passed_over.unwrap_or_default().before(self.origin.pipeline) > 0;
        let begins_anew = || is_told() && self.has_changed_since_attempt(build, entry);
        let stale = known.stale.as_ref().filter(|_| self.may_rebuild(package, entry));
        let again = |stale: &Stale| Decision::Build(BuildReason::Stale(stale.clone()));
        let was_built = entry.state == State::Built;
        if !was_built && !entry.is_rebuild() {
            // So is what a person asked for in vain.
            return stale.filter(|_| entry.is_given_up() && begins_anew()).map(again);
        }
        if let Some(claimed) = self.already_decided(entry).filter(|_| !was_built) {
            return Some(claimed);
        }
        let Some(stale) = stale else {
            let recorded = known.image.map(|image| image.recorded).or(entry.first_seen).filter(|_| !was_built);
            return Some(Decision::Hold(HoldReason::Built { since: recorded.unwrap_or(entry.since) }));
        };
        if was_built {
            return Some(again(stale));
        }
        Some(match self.retry(entry) {
            Decision::Build(BuildReason::NewRelease) => again(stale),
            Decision::Hold(HoldReason::GivenUp { .. }) if begins_anew() => again(stale),
            decision => decision,
        })
    }

    /// Decides about a build that is done, or in somebody's hands.
    pub(super) fn already_decided(&self, entry: &Entry) -> Option<Decision> {
        match entry.state {
            State::Built => Some(Decision::Hold(HoldReason::Built { since: entry.since })),
            State::Skipped => {
                let (because, by) = (entry.reason.clone(), entry.by.clone());
                Some(Decision::Hold(HoldReason::Skipped { because, by, since: entry.since }))
            }
            State::Building if entry.is_claimed_by(self.origin.pipeline, self.origin.lane.as_deref()) => {
                Some(Decision::Build(BuildReason::OwnClaim))
            }
            State::Building => {
                let until = self.claimed_until(entry);
                let (pipeline, pipeline_url) = (entry.origin.pipeline, entry.origin.pipeline_url.clone());
                (self.now < until).then_some(Decision::Hold(HoldReason::Claimed { pipeline, pipeline_url, until }))
            }
            State::Pending | State::GivenBack | State::Failed => None,
        }
    }

    /// Until when a claim holds builds back.
    pub(super) fn claimed_until(&self, claim: &Entry) -> Timestamp {
        claim.since.saturating_add(self.rules.claim_timeout).unwrap_or(Timestamp::MAX)
    }

    /// Whether a success is that of this very pipeline, whose diff job runs again.
    pub(super) fn has_built(&self, entry: Option<&Entry>) -> bool {
        self.origin.pipeline > 0 && entry.is_some_and(|entry| entry.origin.pipeline == self.origin.pipeline)
    }

    /// Until when a release has to wait. Its age counts from when its publisher built it or, if that is later
    /// or unknown, from when it was seen here first, which nobody can back-date.
    pub(super) fn too_young_until(&self, package: &Package, entry: Option<&Entry>) -> Option<Timestamp> {
        if self.rules.min_age.is_zero() || self.rules.is_urgent(package) {
            return None; // nor is it, whatever the publisher's clock says
        }
        let first_seen = entry.and_then(|entry| entry.first_seen).unwrap_or(self.now);
        // A publisher whose clock is wrong would hold a release back until then.
        let built_at = package.built_at.filter(|built_at| *built_at <= self.now);
        let born = built_at.map_or(first_seen, |built_at| built_at.max(first_seen));
        let until = born.saturating_add(self.rules.min_age).unwrap_or(Timestamp::MAX);
        (self.now < until).then_some(until)
    }

    /// Decides about a build that is known and open: back-off and `max_attempts` apply to one whose last attempt
    /// failed or never ended.
    fn retry(&self, entry: &Entry) -> Decision {
        let url = || entry.origin.job_url.clone().or(entry.origin.pipeline_url.clone());
        let (attempts, max_attempts) = (entry.attempts(), self.rules.max_attempts);
        let retry = || Retry { attempt: attempts.saturating_add(1), max_attempts, url: url() };
        let reason = match entry.state {
            State::Failed => BuildReason::Failed(retry()),
            State::GivenBack if attempts > 0 => BuildReason::Failed(retry()),
            State::Building => BuildReason::Lapsed(retry()),
            _ if entry.is_asked_for() => {
                return Decision::Build(BuildReason::AskedFor { reason: entry.reason.clone(), by: entry.by.clone() });
            }
            _ => return Decision::Build(BuildReason::NewRelease),
        };
        if attempts >= max_attempts {
            return Decision::Hold(HoldReason::GivenUp { attempts, url: url() });
        }
        let passed_over = entry.passed_over.unwrap_or_default().before(self.origin.pipeline);
        match back_off(attempts).checked_sub(passed_over.saturating_add(1)) {
            Some(runs) => Decision::Hold(HoldReason::BackOff { attempts, runs, url: url() }),
            None => Decision::Build(reason),
        }
    }
}

/// How many runs pass before a build is tried again after so many failures: 0, 0, 1, 2, 4 … 32.
pub fn back_off(failures: u64) -> u64 {
    match failures {
        0..=2 => 0,
        3..=8 => 1 << (failures - 3),
        _ => 32,
    }
}

/// Whether the repository offers another file under the name of the one that was built.
pub(super) fn republished(package: &Package, target: &Target, entry: &Entry) -> Option<Republished> {
    let recorded = entry.checksum().filter(|_| entry.is_built_already())?;
    let offered = package.checksum.as_ref()?;
    recorded.contradicts(offered).then(|| Republished {
        package: package.nevra.clone(),
        target: target.clone(),
        recorded: recorded.to_string(),
        offered: offered.to_string(),
    })
}
