//! Files and folders as messages name them.

use std::fmt;
use std::path::Path;

use ami_scheduler::redacted::RedactedUrl;
use ami_scheduler::text::excerpt;
use url::Url;

/// A file or folder as messages name it, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    Url(RedactedUrl),
    Path(String),
}

impl From<&Url> for Location {
    fn from(url: &Url) -> Self {
        Self::Url(url.into())
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Path(excerpt(&path.display().to_string()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Path(path) => f.write_str(path),
        }
    }
}
