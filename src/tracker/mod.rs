//! The tracker: what was built, tried and skipped, kept so that concurrent writers lose nothing.
//!
//! A [`Document`] maps a release × target to an [`Entry`] and to the [`Image`]s that were made of it; merging two
//! documents takes the larger entry of each, and all images. A tracker is a set of documents, its [`heads`], in a [`Store`](heads::Store);
//! what it says is the merge of them all.

mod absence;
mod bounds;
mod channel;
mod claim;
mod document;
mod encoding;
mod entry;
pub mod heads;
mod ids;
mod image;
mod ingredients;
mod name;
pub mod plain_text;
mod recorded;
mod revocation;
mod room;
mod runs;
mod snapshot;
mod standing;
mod unknown;
mod weight;

pub use absence::Absence;
use bounds::cut;
pub use bounds::{MAX_NOTES, Notes, that_fit};
pub use channel::{ChannelError, ChannelName, Channels, LATEST, Move, MoveKey, Moves, Pointer, Slot};
pub use claim::{Claim, ClaimError, ImageKey};
pub use document::{Acknowledged, Document, DocumentError, Report, Success};
pub use entry::{ASKED_FOR, Acknowledgement, Entry, INGREDIENT_CHANGED, Origin, PackageFile, State, TOO_OLD};
pub use ids::{IdError, Ids, ImageId, MAX_IDS, Place, placed, placed_id};
pub use image::{Baked, Image};
pub use ingredients::{IngredientError, IngredientName, IngredientValue, Ingredients};
pub use name::{HeadName, TrackerName, TrackerNameError, version_of_ref};
pub use recorded::Recorded;
pub use revocation::{Revocation, Revocations, Word};
pub(crate) use room::RoomForClaims;
pub use room::{MAX_HEAD, Room};
pub use runs::CountedRuns;
pub use snapshot::{LastRun, Seen, Shrank};
pub use standing::{Standing, Tone};
pub use unknown::Unknown;
pub use weight::READABLE;
