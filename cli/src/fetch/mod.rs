//! Repositories as they are read: from a web server or a directory, of the repository itself or of one of its
//! mirrors, and what a cache keeps of them.

mod cache;
mod directory;
mod error;
mod location;
mod progress;
mod reader;
mod repo_file;
mod repo_url;
#[cfg(test)]
mod scripted;
mod source;
mod web;

pub use cache::Cache;
pub use reader::{Reader, SignedBy};
pub use repo_file::{ByHand, GivenRepoFile, NamedRepoFile, NamedSection};
pub use repo_url::RepoUrl;
pub use source::Source;
