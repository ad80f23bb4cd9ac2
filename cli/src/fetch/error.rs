//! Why a file of a repository could not be fetched.

use std::io;

use ami_scheduler::redacted::RedactedUrl;

use super::location::Location;
use crate::http::HttpError;

/// Why a file of a repository could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{url} answers {status}: {advice}")]
    Refused { url: RedactedUrl, status: u16, advice: String },
    #[error("{url} is not inside of {directory}: a repository in a directory has all its files there")]
    Outside { url: RedactedUrl, directory: Location },
    #[error("cannot read {file}")]
    Unreadable { file: Location, source: io::Error },
    #[error("cannot read the directory {directory}: is the path right?{}", sandbox_hint())]
    NoDirectory { directory: Location, source: io::Error },
}

impl FetchError {
    /// Whether asking again may help, where it was asked for once.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            Self::Outside { .. } | Self::Unreadable { .. } | Self::NoDirectory { .. } => false,
        }
    }
}

/// Under wasmtime a directory outside of the folders that were given is simply not there.
fn sandbox_hint() -> &'static str {
    if cfg!(target_os = "wasi") { " (Under wasmtime, is it below a folder that --dir names?)" } else { "" }
}
