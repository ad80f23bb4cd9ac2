//! The state in which a repository was read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::release::Target;

/// The most characters of a revision that are kept as they are.
const MAX_REVISION: usize = 100;

/// A repository's own mark of its state. It is only ever compared: one that is very long, which a mirror can make
/// it, is its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Revision(String);

impl From<String> for Revision {
    fn from(text: String) -> Self {
        let is_long = text.chars().nth(MAX_REVISION).is_some();
        Self(if is_long { format!("sha256:{}", crate::text::hex(&Sha256::digest(&text))) } else { text })
    }
}

/// A repository that was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepositoryRead {
    /// Its URL, without credentials.
    pub url: String,
    /// The targets that it is for; `None` for every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeSet<Target>>,
    /// Its mark of its state, from `repomd.xml`; `None` if an index was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Whether a person says that an index is right, although there was repodata before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepts_index: bool,
    /// How many releases of the product it has, those that are not wanted among them.
    pub releases: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    #[test]
    fn a_revision_of_megabytes_is_its_checksum_and_another_one_is_another() {
        let revision = |text: &str| Revision::from(text.to_owned());
        assert_eq!(revision("1732406400").0, "1732406400");
        assert_eq!(revision(&"x".repeat(100)).0.len(), 100);
        let long = revision(&"x".repeat(4_000_000));
        assert_eq!(long.0.len(), 71);
        assert_ne!(long, revision(&"x".repeat(4_000_001)));
        // What was once stored in full is read as what it is now.
        let json = format!("{:?}", "x".repeat(4_000_000));
        let (read, _) = Budget::default().json::<Revision>(json.as_bytes()).expect("a revision");
        assert_eq!(read, long);
        assert_eq!(serde_json::to_string(&long).expect("JSON").len(), 73);
    }
}
