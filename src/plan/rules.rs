//! The rules by which builds are chosen.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::policy::{Exclusion, Keep, Policy};
use crate::release::{Nevra, Package, Target};
use crate::tracker::IngredientName;

/// The rules by which builds are chosen.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The filter that `list` applied. A first run is the first with this scope.
    pub scope: Policy,
    /// Of targets that state one, the architecture of their packages.
    pub architectures: BTreeMap<Target, String>,
    /// Which of the releases that are old enough are kept.
    pub keep: Keep,
    /// Releases that are not built. `keep` comes before, so that no other release is built in their place.
    pub exclude: Vec<Exclusion>,
    /// The least age of a release, both since its publisher built it and since it was first seen here.
    pub min_age: SignedDuration,
    /// Whether a release that fixes a flaw, by an advisory of its repository, waits for no age, and begins before others.
    pub security_first: bool,
    /// The ingredients that make an image stale once they change: its release is built again.
    pub rebuild_when: BTreeSet<IngredientName>,
    /// After how long an image is stale, whatever it is made of; zero for never.
    pub rebuild_after: SignedDuration,
    /// Which releases are begun first, among builds that failed equally often.
    pub order: Order,
    /// Which releases are built on the first run of a target.
    pub first_run: FirstRun,
    /// The most builds that one pipeline begins.
    pub max_builds: usize,
    /// How often one build is tried, failures and claims that lapsed included.
    pub max_attempts: u64,
    /// After how long a claim no longer holds.
    pub claim_timeout: SignedDuration,
    /// After how many runs in a row that miss it a release that was built is revoked; `None` is never.
    pub revoke_withdrawn: Option<u64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            scope: Policy::default(),
            architectures: BTreeMap::new(),
            keep: Keep::All,
            exclude: Vec::new(),
            min_age: SignedDuration::ZERO,
            security_first: false,
            rebuild_when: BTreeSet::new(),
            rebuild_after: SignedDuration::ZERO,
            order: Order::OldestFirst,
            first_run: FirstRun::Latest,
            max_builds: 20,
            max_attempts: 3,
            claim_timeout: SignedDuration::from_hours(12),
            revoke_withdrawn: None,
        }
    }
}

impl Rules {
    /// The pattern that excludes a release, where one does.
    pub fn exclusion_of(&self, package: &Nevra) -> Option<&Exclusion> {
        self.exclude.iter().find(|exclusion| exclusion.pattern.names(package))
    }

    /// Whether a release comes before others, since it fixes a flaw.
    pub fn is_urgent(&self, package: &Package) -> bool {
        self.security_first && package.advisories.name_a_flaw()
    }

    /// Whether an image can be stale.
    pub fn keep_images_fresh(&self) -> bool {
        !self.rebuild_when.is_empty() || !self.rebuild_after.is_zero()
    }

    /// The scope of a target: where it states an architecture, only releases of it and of none are looked for.
    pub fn scope_of(&self, target: &Target) -> Cow<'_, Policy> {
        let Some(arch) = self.architectures.get(target) else { return Cow::Borrowed(&self.scope) };
        let listed = |arch: &String| self.scope.architectures.is_empty() || self.scope.architectures.contains(arch);
        let architectures: Vec<String> = [arch.clone(), "noarch".to_owned()].into_iter().filter(listed).collect();
        // None would stand for all.
        let architectures = if architectures.is_empty() { self.scope.architectures.clone() } else { architectures };
        Cow::Owned(Policy { architectures, ..self.scope.clone() })
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

/// Which releases are built on the first run of a target.
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
