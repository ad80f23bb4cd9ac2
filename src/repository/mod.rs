//! A package repository: `repomd.xml` → `primary.xml` → packages → `updateinfo.xml` → their advisories; or a directory
//! index.
//!
//! Everything here comes from outside and is hostile until checked: bytes in, checked values out.

mod decompress;
mod elements;
mod encoding;
mod error;
pub mod html;
pub mod index;
mod listing;
pub mod merge;
pub mod mirrors;
mod nearest;
pub mod primary;
mod public_url;
mod reading;
pub mod repo_file;
pub mod repomd;
pub mod signature;
pub mod updateinfo;
pub mod variables;
mod verify;
mod xml;

pub use error::RepositoryError;
pub use listing::{LeftOut, Listing, Misnamed};
pub use nearest::NearestNames;
pub use public_url::{LocationError, is_below, is_public, public_query, resolve};
pub use reading::{RepositoryRead, Revision};
