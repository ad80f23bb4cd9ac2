//! The targets that images are built on.

use std::fmt;
use std::str::FromStr;

use crate::text::named;
use serde::{Deserialize, Serialize};

/// The base that an image is built on, such as `al2023`: the second coordinate of a build.
///
/// Letters, digits and `._-`, at most 60 of them, the first a letter or digit: safe in a job name,
/// a variable and a shell word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Target(String);

/// Why a text is not a [`Target`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a target, such as al2023: it may hold letters, digits and ._-, at most 60")]
pub struct TargetError(String);

impl Target {
    /// The target as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= 60 && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TargetError(named(text)))
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

/// Targets as part of a sentence: `al2023, rhel9`.
pub fn listed<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    targets.into_iter().map(Target::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_word_that_is_safe_wherever_it_stands() {
        for text in ["al2023", "rocky-9.4_arm64", "9", &"x".repeat(60)] {
            assert_eq!(text.parse::<Target>().expect(text).to_string(), text);
        }
        for text in ["", "-rf", ".ssh", "_x", "a b", "a/b", "a$b", "a:b", "é", "a\n", &"x".repeat(61)] {
            let error = text.parse::<Target>().expect_err(text).to_string();
            assert!(error.contains("is not a target, such as al2023"), "{error}");
        }
    }

    #[test]
    fn targets_are_told_one_after_another() {
        let targets = ["al2023", "rhel9"].map(|name| name.parse::<Target>().expect(name));
        assert_eq!(
            (listed(&targets), format!("{:>8}", targets[1])),
            ("al2023, rhel9".to_owned(), "   rhel9".to_owned())
        );
    }
}
