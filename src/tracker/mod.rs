//! The tracker: what was built, tried and skipped, kept so that concurrent writers lose nothing.
//!
//! A [`Document`] maps a release × target to an [`Entry`]; merging two documents takes the larger
//! entry of each. A tracker is a set of documents, its [`heads`], in a [`Store`](heads::Store);
//! what it says is the merge of them all.

mod document;
mod encoding;
mod entry;
pub mod heads;
mod name;
pub mod plain_text;
mod room;
mod snapshot;

pub use document::{Document, DocumentError, Recorded};
pub use entry::{ASKED_FOR, Entry, GivenUp, MAX_NOTES, Notes, Origin, PassedOver, State, Tone, that_fit};
pub use name::{HeadName, TrackerName, TrackerNameError};
pub use room::{MAX_HEAD, Room};
pub use snapshot::{Seen, Shrank};
