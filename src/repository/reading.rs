//! The state in which a repository was read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::release::Target;

/// A repository that was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepositoryRead {
    /// Its URL, without credentials.
    pub url: String,
    /// The targets that it is for; `None` for every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeSet<Target>>,
    /// Its own mark of its state, from `repomd.xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// How many releases of the product it has, those that are not wanted among them.
    pub releases: usize,
}
