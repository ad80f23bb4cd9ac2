//! Faults in the content of a repository.

use std::io::{Error, ErrorKind};

use super::xml::XmlError;
use crate::budget::OverBudget;
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
        error: Error,
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
    /// Reading it takes more than a run may.
    #[error(
        "{what} cannot be read, with all that was read before it: {over}. Give the URL of a smaller repository, or of a \
         part of this one; if it is not large, it is made to do harm"
    )]
    OverBudget {
        /// The file that was being read.
        what: &'static str,
        /// What there is too much of.
        over: OverBudget,
    },
}

fn near(position: u64) -> String {
    if position == 0 { String::new() } else { format!(" near byte {position}") }
}

/// Of the repository as a whole.
impl From<OverBudget> for RepositoryError {
    fn from(over: OverBudget) -> Self {
        Self::OverBudget { what: "the repository", over }
    }
}

impl RepositoryError {
    pub(super) fn malformed(what: &'static str, position: u64, reason: &str) -> Self {
        // The reason may quote what the repository wrote.
        Self::Malformed { what, position, reason: excerpt(reason) }
    }

    /// What a reader that is charged to a budget could not do.
    pub(super) fn read(what: &'static str, error: Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(over) => Self::OverBudget { what, over: *over },
            None if error.kind() == ErrorKind::UnexpectedEof => {
                // A decompressor's own words are about its buffers.
                Self::Read { what, error: Error::new(error.kind(), "its compressed data ends early") }
            }
            None => Self::Read { what, error },
        }
    }

    /// What is wrong with an XML document, from this place on.
    pub(super) fn xml(what: &'static str, position: u64, error: XmlError) -> Self {
        match error {
            XmlError::OverBudget(over) => Self::OverBudget { what, over },
            XmlError::Malformed(reason) => Self::malformed(what, position, &reason),
        }
    }

    /// Whether reading again, from `repomd.xml` on, may help: a mirror caught half-way through its
    /// update, or a broken connection, gives these.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Mismatch { .. })
    }
}
