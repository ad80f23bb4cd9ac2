//! Which of the releases that count are kept, where newer ones supersede older ones.

use std::collections::BTreeMap;

use crate::release::Nevra;

/// Which of the releases that count are kept, where newer ones supersede older ones.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every one.
    #[default]
    All,
    /// The newest.
    Latest,
    /// The newest of each first two parts of the version: of 18.6.0 and 18.6.1 the latter.
    LatestPerMinor,
    /// The newest of each first part of the version.
    LatestPerMajor,
}

impl Keep {
    /// The newest of some releases, for each architecture and series.
    pub fn newest<'a>(self, releases: impl Iterator<Item = &'a Nevra>) -> Newest<'a> {
        let mut newest: BTreeMap<_, &Nevra> = BTreeMap::new();
        for release in releases {
            if let Some(series) = self.series(release) {
                newest.entry(series).and_modify(|known| *known = release.max(known)).or_insert(release);
            }
        }
        Newest { keep: self, newest }
    }

    /// What one image is current of: where every release is kept, a major version, as `images` tells it.
    pub(crate) fn per_series(self) -> Self {
        if self == Self::All { Self::LatestPerMajor } else { self }
    }

    /// The series of a release: one architecture, and versions that begin the same. `None` where every
    /// release is kept.
    pub(crate) fn series(self, release: &Nevra) -> Option<(&str, Vec<&str>)> {
        let parts = match self {
            Self::All => return None,
            Self::Latest => 0,
            Self::LatestPerMajor => 1,
            Self::LatestPerMinor => 2,
        };
        Some((release.arch(), first_parts(&release.evr().version, parts)))
    }

    /// The series of a release as a text: `18`, `18.6`, or empty where all releases are one.
    pub fn series_name(self, release: &Nevra) -> String {
        self.series(release).map(|(_, parts)| parts.join(".")).unwrap_or_default()
    }
}

/// The newest release of each series.
#[derive(Debug)]
pub struct Newest<'a> {
    keep: Keep,
    newest: BTreeMap<(&'a str, Vec<&'a str>), &'a Nevra>,
}

impl<'a> Newest<'a> {
    /// The newer release that supersedes this one.
    pub fn supersedes(&self, release: &Nevra) -> Option<&'a Nevra> {
        let newest = self.newest.get(&self.keep.series(release)?).copied()?;
        (newest > release).then_some(newest)
    }
}

/// The first `parts` components of a version, `18.6` of 18.6.1~rc1; missing ones are 0.
fn first_parts(version: &str, parts: usize) -> Vec<&str> {
    let numbers = version.split(['~', '^', '+']).next().unwrap_or_default();
    numbers.split('.').chain(std::iter::repeat("0")).take(parts).collect()
}
