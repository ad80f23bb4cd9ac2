use std::collections::BTreeMap;

use ami_scheduler::plan::{FirstRun, Order, Rules};
use ami_scheduler::policy::{Exclusion, Keep, Pattern, Policy};
use ami_scheduler::tracker::IngredientName;
use clap::{ArgAction, Args, ValueEnum};
use jiff::SignedDuration;

use super::lists::{ListOf, Skips};
use super::values::{attempts, builds_of_a_run, days, duration, runs_in_a_row, switch, time_of_days};

/// The rules of diff; `why` is asked with the same ones.
#[derive(Debug, Clone, Args)]
pub struct RuleArgs {
    /// What to build where no run has looked before: for a new target, or for another series of versions
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = FirstRunArg::Latest)]
    first_run: FirstRunArg,
    /// Which releases to keep where newer ones, once they are old enough, supersede older ones
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = KeepArg::All)]
    keep: KeepArg,
    /// Releases that are not built: 18.6.1, 18.6.1-1, '18.7.*' or gitlab-runner-18.6.1-1.x86_64, as a list
    ///
    /// No other release is built in their place.
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    exclude: ListOf<Pattern>,
    /// Like --exclude, with a reason that is shown in logs and reports: '18.6.1: does not start'; can be given
    /// several times
    #[arg(long, value_name = "PATTERN: REASON")]
    skip: Vec<Skips>,
    /// Build a release only so many days after its publisher built it, and after it was first seen here
    #[arg(long, value_name = "DAYS", default_value = "0", value_parser = days)]
    min_age: u32,
    /// Build a release that fixes a flaw, by an advisory of its repository, at any age, and before others
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    security_first: bool,
    /// Build a release again once these ingredients of its current image have changed, such as base,recipe
    ///
    /// Only the current image of each target and series is built again, and those that channels point to. Until the
    /// new image is there, and tested, the old one stays current. Needs --ingredients.
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    rebuild_when: ListOf<IngredientName>,
    /// Build a release again once its current image is older than so many days; 0 for never
    #[arg(long, value_name = "DAYS", default_value = "0", value_parser = days)]
    rebuild_after: u32,
    /// Which builds begin first; builds that have failed come last in any case
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = OrderArg::Oldest)]
    order: OrderArg,
    /// Begin at most this many builds, up to 200; the next run continues
    #[arg(long, value_name = "N", default_value = "20", value_parser = builds_of_a_run)]
    max_builds: u32,
    /// Try the same build at most this many times; `rebuild` lets it be built again
    ///
    /// A failing build is retried with growing pauses: after its first and second failure by the next run, then
    /// after 1, 2, 4 and up to 32 runs more.
    #[arg(long, value_name = "N", default_value = "3", value_parser = attempts)]
    max_attempts: u32,
    #[command(flatten)]
    claims: ClaimArgs,
    /// Revoke a release that was built and is gone from the repository, once so many runs in a row have missed it
    ///
    /// It stays revoked until `unrevoke`, also if it comes back. A release of which a person has said since then whether it may
    /// be used is left alone.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    revoke_withdrawn: bool,
    /// How many runs in a row have to miss a release before --revoke-withdrawn revokes it
    #[arg(long, value_name = "N", default_value = "3", value_parser = runs_in_a_row)]
    revoke_withdrawn_after: u32,
}

/// How long claims hold.
#[derive(Debug, Clone, Args)]
pub struct ClaimArgs {
    /// How long the claim of a pipeline that never ended holds its builds back, such as 12h or 90m
    #[arg(long, value_name = "DURATION", default_value = "12h", value_parser = duration)]
    pub claim_timeout: SignedDuration,
}

impl RuleArgs {
    /// The same, where a child pipeline takes at most so many builds.
    pub fn with_at_most(self, builds: u32) -> Self {
        Self { max_builds: self.max_builds.min(builds), ..self }
    }

    /// The rules, for releases that `scope` has let through.
    pub fn into_rules(self, scope: Policy) -> Rules {
        let exclude = self.exclude.0.into_iter().map(|pattern| Exclusion { pattern, reason: None });
        Rules {
            scope,
            architectures: BTreeMap::new(),
            keep: self.keep.into(),
            // The first that names a release decides: a reason is worth more than none.
            exclude: self.skip.into_iter().flat_map(|skips| skips.0).chain(exclude).collect(),
            min_age: time_of_days(self.min_age).unwrap_or_default(),
            security_first: self.security_first,
            rebuild_when: self.rebuild_when.0.into_iter().collect(),
            rebuild_after: time_of_days(self.rebuild_after).unwrap_or_default(),
            order: self.order.into(),
            first_run: self.first_run.into(),
            max_builds: self.max_builds as usize,
            max_attempts: self.max_attempts.into(),
            claim_timeout: self.claims.claim_timeout,
            revoke_withdrawn: self.revoke_withdrawn.then_some(self.revoke_withdrawn_after.into()),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FirstRunArg {
    /// The newest release; older ones are recorded as skipped
    Latest,
    /// Nothing; all releases are recorded as skipped
    None,
    /// All releases
    All,
}

impl From<FirstRunArg> for FirstRun {
    fn from(which: FirstRunArg) -> Self {
        match which {
            FirstRunArg::Latest => Self::Latest,
            FirstRunArg::None => Self::None,
            FirstRunArg::All => Self::All,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KeepArg {
    /// Every release
    All,
    /// The newest release
    Latest,
    /// The newest of each minor version, such as 18.6
    LatestPerMinor,
    /// The newest of each major version, such as 18
    LatestPerMajor,
}

impl From<KeepArg> for Keep {
    fn from(which: KeepArg) -> Self {
        match which {
            KeepArg::All => Self::All,
            KeepArg::Latest => Self::Latest,
            KeepArg::LatestPerMinor => Self::LatestPerMinor,
            KeepArg::LatestPerMajor => Self::LatestPerMajor,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OrderArg {
    /// The oldest releases
    Oldest,
    /// The newest releases
    Newest,
}

impl From<OrderArg> for Order {
    fn from(which: OrderArg) -> Self {
        match which {
            OrderArg::Oldest => Self::OldestFirst,
            OrderArg::Newest => Self::NewestFirst,
        }
    }
}
