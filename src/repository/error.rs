//! Faults in the content of a repository.

use crate::text::excerpt;

/// A fault in the content of a repository.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The bytes did not arrive, or did not decompress.
    #[error("cannot read {what}: {error}")]
    Read {
        /// The file that was being read.
        what: &'static str,
        /// The error of the reader.
        error: std::io::Error,
    },
    /// Not well-formed XML, or not the document that was expected.
    #[error("{what} is malformed{}: {reason}", near(*position))]
    Malformed {
        /// The file that was being read.
        what: &'static str,
        /// Where in the (decompressed) file, in bytes; 0 for the file as a whole.
        position: u64,
        /// The expected and the found.
        reason: String,
    },
    /// The file is not the one that `repomd.xml` describes.
    #[error("{what} does not match repomd.xml: {reason}")]
    Mismatch {
        /// The file that was being read.
        what: &'static str,
        /// Expected and found.
        reason: String,
    },
}

fn near(position: u64) -> String {
    if position == 0 { String::new() } else { format!(" near byte {position}") }
}

impl RepositoryError {
    pub(super) fn malformed(what: &'static str, position: u64, reason: &str) -> Self {
        // The reason may quote what the repository wrote.
        Self::Malformed { what, position, reason: excerpt(reason) }
    }

    /// Whether reading again, from `repomd.xml` on, may help: a mirror caught half-way through its
    /// update, or a broken connection, gives these.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Mismatch { .. })
    }
}
