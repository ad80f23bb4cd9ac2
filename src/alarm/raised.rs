//! An alarm, and what it says.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::AlarmKind;
use crate::plan::gone_since;
use crate::policy::NearMiss;
use crate::release::{Nevra, Target, listed};
use crate::text::{count, minute};
use crate::tracker::Place;

/// An alarm. One about several builds of a release names their targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "alarm", rename_all = "snake_case")]
pub enum Alarm {
    /// A release has another checksum than the file that was built.
    Republished {
        /// The release.
        package: Nevra,
        /// The targets that were built from the other file.
        targets: Vec<Target>,
        /// Of the file that was built.
        recorded: String,
        /// Of the file that the repository offers now.
        offered: String,
    },
    /// A repository has not changed for longer than it may.
    Unchanged {
        /// Its URL.
        repository: String,
        /// Since when at least.
        since: Timestamp,
    },
    /// A repository has fewer than half of the releases that it had.
    Shrank {
        /// Its URL.
        repository: String,
        /// How many it had.
        before: u64,
        /// How many it has.
        now: u64,
    },
    /// The run before this one is longer ago than it may be.
    Overdue {
        /// When it was, as far as that is recorded.
        last_run: Timestamp,
    },
    /// Builds were tried as often as they may be.
    GivenUp {
        /// The release.
        package: Nevra,
        /// The targets of the builds.
        targets: Vec<Target>,
        /// How often.
        attempts: u64,
        /// Where a person sees the last failure.
        url: Option<String>,
        /// Whether the release has an image, and was to be built again.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        has_image: bool,
    },
    /// No release is wanted, of those that are there.
    NoMatch {
        /// The targets that have none.
        targets: Vec<Target>,
        /// What is there.
        near_misses: Vec<NearMiss>,
    },
    /// A pipeline has claimed builds and never ended them.
    Lapsed {
        /// The release.
        package: Nevra,
        /// The targets of the builds.
        targets: Vec<Target>,
        /// Where a person sees the pipeline.
        url: Option<String>,
        /// Whether the repository still offers the release, so that it can be built.
        is_offered: bool,
    },
    /// Builds succeeded, and told of no image.
    NoImage {
        /// The release.
        package: Nevra,
        /// The targets of the builds.
        targets: Vec<Target>,
        /// Where it was expected: manifests, and names of notes.
        expected: Vec<String>,
    },
    /// Builds made several images in one place: none of them counts there.
    SeveralImages {
        /// The release.
        package: Nevra,
        /// The targets of the builds.
        targets: Vec<Target>,
        /// The places.
        places: Vec<Place>,
    },
    /// A channel points to an image that is not to be used.
    Revoked {
        /// The channel.
        channel: String,
        /// The release.
        package: Nevra,
        /// The targets of the images.
        targets: Vec<Target>,
        /// Why, and who said so.
        because: String,
    },
    /// The repositories no longer offer a release that was built.
    Withdrawn {
        /// The release.
        package: Nevra,
        /// The targets that it was built for.
        targets: Vec<Target>,
        /// When a run missed it first.
        since: Timestamp,
        /// Whether images of it are current, or in a channel, and go on to be.
        in_use: bool,
        /// Whether the rule `revoke_withdrawn` revokes it in this run.
        is_revoked: bool,
    },
    /// A pattern that excludes releases names none that is there.
    UnusedPattern {
        /// The pattern.
        pattern: String,
    },
}

impl Alarm {
    /// Which kind of alarm it is.
    pub fn kind(&self) -> AlarmKind {
        match self {
            Self::Republished { .. } => AlarmKind::Republished,
            Self::Unchanged { .. } => AlarmKind::Unchanged,
            Self::Shrank { .. } => AlarmKind::Shrank,
            Self::Overdue { .. } => AlarmKind::Overdue,
            Self::GivenUp { .. } => AlarmKind::GivenUp,
            Self::NoMatch { .. } => AlarmKind::NoMatch,
            Self::Lapsed { .. } => AlarmKind::Lapsed,
            Self::NoImage { .. } => AlarmKind::NoImage,
            Self::SeveralImages { .. } => AlarmKind::SeveralImages,
            Self::Revoked { .. } => AlarmKind::Revoked,
            Self::Withdrawn { .. } => AlarmKind::Withdrawn,
            Self::UnusedPattern { .. } => AlarmKind::UnusedPattern,
        }
    }

    /// Whether it is about a build that is held, whose own row tells of it.
    pub(crate) fn is_about(&self, package: &Nevra, target: &Target) -> bool {
        match self {
            Self::Republished { package: of, targets, .. }
            | Self::GivenUp { package: of, targets, .. }
            | Self::NoImage { package: of, targets, .. }
            | Self::SeveralImages { package: of, targets, .. } => of == package && targets.contains(target),
            _ => false,
        }
    }

    /// What it is about, if not about builds that are held.
    pub(crate) fn subject(&self) -> Option<String> {
        match self {
            Self::Republished { .. } | Self::GivenUp { .. } | Self::NoImage { .. } | Self::SeveralImages { .. } => None,
            Self::Unchanged { repository, .. } | Self::Shrank { repository, .. } => Some(format!(": {repository}")),
            Self::Lapsed { package, .. } | Self::Withdrawn { package, .. } => Some(format!(": {package}")),
            Self::Revoked { channel, package, .. } => Some(format!(": {package} in {channel}")),
            Self::UnusedPattern { pattern } => Some(format!(": {pattern}")),
            Self::Overdue { .. } | Self::NoMatch { .. } => Some(String::new()),
        }
    }
}

impl fmt::Display for Alarm {
    /// A sentence about what happened and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |url: &Option<String>| url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
        match self {
            Self::Republished { package, targets, recorded, offered } => write!(
                f,
                "{package} for {} was published again with another content after it was built: {recorded} then, \
                 {offered} now. It is not built again. Find out why it changed: `rebuild` lets it be built from what \
                 is there now, `acknowledge` says that the images are good as they are",
                listed(targets)
            ),
            Self::Unchanged { repository, since } => write!(
                f,
                "{repository} has not changed since {}. Is it still the place where releases appear?",
                minute(*since)
            ),
            Self::Shrank { repository, before, now } => write!(
                f,
                "{repository} has {} now, and had {before}. Is it being made anew, or were old ones taken out? \
                 What was built stays built; this is told for a week.",
                count(*now, "release")
            ),
            Self::Overdue { last_run } => write!(
                f,
                "the last run that is recorded was at {}: does the schedule run, and who owns it?",
                minute(*last_run)
            ),
            Self::GivenUp { package, targets, attempts, url, has_image } => write!(
                f,
                "{package} for {} is given up after {}{}. {}",
                listed(targets),
                count(*attempts, "attempt"),
                url.as_ref().map(|url| format!(", the last: {url}")).unwrap_or_default(),
                if *has_image {
                    "It was to be built again, and the image that is there stays the one to use. Correct the build, and ask \
                     for it again with `rebuild`"
                } else {
                    "Correct the build, and ask for it again with `rebuild`; or say with `skip` that it is not wanted"
                }
            ),
            Self::NoMatch { targets, near_misses } => {
                write!(f, "no release is wanted for {}", listed(targets))?;
                for (number, near_miss) in near_misses.iter().enumerate() {
                    write!(f, "{}{near_miss}", if number == 0 { ": " } else { "; " })?;
                }
                f.write_str(". Are version and architecture right?")
            }
            Self::Lapsed { package, targets, url, is_offered } => {
                write!(f, "a pipeline began {package} for {} and never ended it{}. ", listed(targets), at(url))?;
                f.write_str(if *is_offered {
                    "That counts as an attempt"
                } else {
                    "The repository no longer offers the release: the claim is given back"
                })
            }
            Self::NoImage { package, targets, expected } => write!(
                f,
                "{package} for {} was built, and its image is not known: neither is there {}. Is the manifest among the \
                 build job's artifacts, and are the notes in its dotenv report? `update --image` records an image that is \
                 there, `rebuild` builds it again",
                listed(targets),
                expected.join(", nor ")
            ),
            Self::SeveralImages { package, targets, places } => write!(
                f,
                "{package} for {} was built several times in {}, and none of these images counts there. Does the build \
                 have several sources for one region? `update --image` says which image counts",
                listed(targets),
                places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ),
            Self::Revoked { channel, package, targets, because } => write!(
                f,
                "the channel {channel} points to {package} for {}, which is revoked: {because}. `promote RELEASE \
                 --to {channel}` points it to another image",
                listed(targets)
            ),
            Self::Withdrawn { package, targets, since, in_use, is_revoked } => {
                write!(f, "{package} for {} has been {}. ", listed(targets), gone_since(*since))?;
                f.write_str(match (is_revoked, in_use) {
                    (true, _) => {
                        "The rule revoke_withdrawn revokes it: its images are not used before `unrevoke`, and a channel \
                         that points to one is told of"
                    }
                    (false, true) => {
                        "An image of it is current, or in a channel. Was it withdrawn? `revoke` takes its images out of use. \
                         Where the repository only drops old releases, nothing is to be done"
                    }
                    (false, false) => {
                        "None of its images is current or in a channel, so that this is told once. If it was withdrawn, \
                         `revoke` keeps it so; where the repository only drops old releases, nothing is to be done"
                    }
                })
            }
            Self::UnusedPattern { pattern } => write!(
                f,
                "the pattern {pattern} excludes no release that is there: is it misspelt, or no longer needed?"
            ),
        }
    }
}
