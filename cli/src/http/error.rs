//! Why there is no answer.

use std::io::{self, ErrorKind};

use ami_scheduler::redacted::RedactedUrl;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{url} cannot be reached: {error}")]
    Unreachable { url: RedactedUrl, error: io::Error },
    #[error("the answer of {url} was cut short: {error}")]
    CutShort { url: RedactedUrl, error: io::Error },
    #[error("{url} redirects {reason}")]
    Redirect { url: RedactedUrl, reason: String },
    #[error("{url} answers with more than {limit} bytes, too many for what was asked; is the URL right?")]
    TooLong { url: RedactedUrl, limit: u64 },
}

impl HttpError {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { error, .. } | Self::CutShort { error, .. } => {
                !matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput | ErrorKind::PermissionDenied)
            }
            Self::Redirect { .. } | Self::TooLong { .. } => false,
        }
    }
}
