//! Why `list` filters a release out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why `list` filters a release out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterReason {
    /// It is a source package.
    SourcePackage,
    /// It is for another architecture.
    OtherArchitecture,
    /// Its version is not among those that are wanted.
    OtherVersion,
    /// Its version can't be read as a semantic one, so no range can hold it.
    NotSemantic,
    /// It is a pre-release.
    PreRelease,
}

/// The end of a sentence about one or more releases.
impl fmt::Display for FilterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourcePackage => "source package",
            Self::OtherArchitecture => "other architecture",
            Self::OtherVersion => "other version",
            Self::NotSemantic => "version that no semantic range can hold",
            Self::PreRelease => "pre-release (~)",
        })
    }
}
