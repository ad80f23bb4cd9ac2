//! What an image is made of besides the package.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::named;

/// The ingredients of an image: what it is made of besides the package, such as its base and its recipe.
pub type Ingredients = BTreeMap<IngredientName, IngredientValue>;

/// The name of an ingredient, such as `base`: small letters, digits and `_`, the first a letter, at most 40 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct IngredientName(String);

/// The value of an ingredient, such as the id of an image, or a hash: visible ASCII characters and spaces, 1 to 200 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct IngredientValue(String);

/// Why a text is not an [`IngredientName`] or an [`IngredientValue`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngredientError {
    /// It is no name.
    #[error(
        "{0:?} is not the name of an ingredient, such as base: it may hold small letters, digits and _, at most 40, the first a letter"
    )]
    Name(String),
    /// It is no value.
    #[error(
        "{0:?} is not the value of an ingredient, such as an image's id or a hash: it may hold visible ASCII characters and spaces, at most 200"
    )]
    Value(String),
    /// It is what a command prints that has found nothing.
    #[error(
        "it is {0:?}, as if the command that tells it had found nothing: correct the command, or leave the name out of the target"
    )]
    Nothing(String),
}

impl IngredientName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IngredientValue {
    /// The value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IngredientName {
    type Err = IngredientError;

    fn from_str(text: &str) -> Result<Self, IngredientError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 40 && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IngredientError::Name(named(text)))
        }
    }
}

impl FromStr for IngredientValue {
    type Err = IngredientError;

    /// `aws --output text` prints `None` for what is not there, and `jq` prints `null`: neither is a value.
    fn from_str(text: &str) -> Result<Self, IngredientError> {
        match text {
            "" | "None" | "null" => Err(IngredientError::Nothing(text.to_owned())),
            _ if text.len() <= 200 && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(IngredientError::Value(named(text))),
        }
    }
}

impl TryFrom<String> for IngredientName {
    type Error = IngredientError;

    fn try_from(text: String) -> Result<Self, IngredientError> {
        text.parse()
    }
}

impl TryFrom<String> for IngredientValue {
    type Error = IngredientError;

    fn try_from(text: String) -> Result<Self, IngredientError> {
        text.parse()
    }
}

impl fmt::Display for IngredientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for IngredientValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All of both: of one name the larger value, which no claim has two of.
pub(super) fn merge(ingredients: &mut Ingredients, others: Ingredients) {
    for (name, value) in others {
        let known = ingredients.entry(name).or_insert_with(|| value.clone());
        if *known < value {
            *known = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_that_is_safe_in_a_variable() {
        for text in ["base", "recipe", "base_2", "a", &"x".repeat(40)] {
            assert_eq!(text.parse::<IngredientName>().expect(text).to_string(), text);
        }
        for text in ["", "Base", "2base", "_base", "base-image", "a b", "é", &"x".repeat(41)] {
            let error = text.parse::<IngredientName>().expect_err(text).to_string();
            assert!(error.contains("is not the name of an ingredient, such as base"), "{error}");
        }
    }

    #[test]
    fn a_value_is_a_line_and_what_a_command_prints_for_nothing_is_none() {
        for text in ["ami-0abc", "sha256:0a", "Amazon Linux 2023", "none", &"x".repeat(200)] {
            assert_eq!(text.parse::<IngredientValue>().expect(text).to_string(), text);
        }
        for text in ["a\nb", "\u{1b}[31m", "é", &"x".repeat(201)] {
            let error = text.parse::<IngredientValue>().expect_err(text).to_string();
            assert!(error.contains("is not the value of an ingredient"), "{error}");
        }
        for text in ["", "None", "null"] {
            let error = text.parse::<IngredientValue>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("it is {text:?}, as if the command")), "{error}");
        }
    }
}
