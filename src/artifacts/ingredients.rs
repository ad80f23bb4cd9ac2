//! `ingredients.json`, from a job of the team to diff: what an image of each target is made of besides the package.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::budget::{Budget, JsonError};
use crate::release::Target;
use crate::text::named;
use crate::tracker::{IngredientError, IngredientName, Ingredients};

/// How many ingredients a target may have.
const MOST: usize = 8;

/// Why a file is no `ingredients.json`.
#[derive(Debug, thiserror::Error)]
pub enum IngredientsError {
    /// Not JSON, or not of the shape, or more than a run may take.
    #[error("expected target, name and value, such as {EXAMPLE}")]
    Json(#[from] JsonError),
    /// A value that is no text.
    #[error("{name:?} of {target:?} is no text: expected target, name and value, such as {EXAMPLE}")]
    NoText {
        /// The target.
        target: String,
        /// The name.
        name: String,
    },
    /// A name or a value that cannot be.
    #[error("{name:?} of {target:?}: {error}")]
    Ingredient {
        /// The target.
        target: String,
        /// The name.
        name: String,
        /// Why.
        error: IngredientError,
    },
    /// More than are remembered.
    #[error("{0:?} has more than {MOST} ingredients: name those alone that an image is to be built again for")]
    TooMany(String),
}

const EXAMPLE: &str = r#"{"al2023": {"base": "ami-0abc"}}"#;

/// The ingredients of these targets, of an `ingredients.json`. What it says of others is left out: one file may be for several
/// products. A value that is `null` is not there.
pub fn ingredients(json: &[u8], targets: &[Target]) -> Result<BTreeMap<Target, Ingredients>, IngredientsError> {
    let (mut read, _held): (BTreeMap<String, BTreeMap<String, Value>>, _) = Budget::default().json(json)?;
    let mut all = BTreeMap::new();
    for of in targets {
        let target = of.as_str();
        let Some(values) = read.remove(target) else { continue };
        let mut of_target = Ingredients::new();
        for (name, value) in values {
            let value = match value {
                Value::Null => continue,
                Value::String(value) => value,
                _ => return Err(IngredientsError::NoText { target: named(target), name: named(&name) }),
            };
            let ingredient = name.parse::<IngredientName>().and_then(|name| Ok((name, value.parse()?)));
            let (name, value) = ingredient.map_err(|error| IngredientsError::Ingredient {
                target: named(target),
                name: named(&name),
                error,
            })?;
            of_target.insert(name, value);
        }
        if of_target.len() > MOST {
            return Err(IngredientsError::TooMany(named(target)));
        }
        all.insert(of.clone(), of_target);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_has_its_values_and_null_is_none() {
        let json = br#"{"al2023": {"base": "ami-1", "recipe": null}, "rhel9": {}, "another": {"base": "None"}}"#;
        let targets = ["al2023", "rhel9", "rocky9"].map(|name| name.parse().expect(name));
        let all = ingredients(json, &targets).expect("ingredients");
        let told = |name: &str| {
            let of_target = all.get(&name.parse::<Target>().expect(name))?;
            Some(of_target.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>())
        };
        assert_eq!((told("al2023"), told("rhel9"), all.len()), (Some(vec!["base=ami-1".to_owned()]), Some(vec![]), 2));
    }

    #[test]
    fn what_is_no_ingredient_is_named() {
        let many =
            format!("{{\"a\": {{{}}}}}", (0..9).map(|n| format!("\"n{n}\": \"v\"")).collect::<Vec<_>>().join(","));
        for (json, told) in [
            ("", "expected target, name and value, such as {\"al2023\": {\"base\": \"ami-0abc\"}}"),
            ("[]", "expected target, name and value"),
            (r#"{"base": "ami-1"}"#, "expected target, name and value"),
            (r#"{"al2023": {"base": 1}}"#, r#""base" of "al2023" is no text"#),
            (r#"{"al2023": {"base": ""}}"#, r#""base" of "al2023": it is "", as if the command"#),
            (r#"{"al2023": {"base": "None"}}"#, r#""base" of "al2023": it is "None", as if the command"#),
            (r#"{"al2023": {"Base": "x"}}"#, r#""Base" is not the name of an ingredient"#),
            (r#"{"al2023": {"base": "a\nb"}}"#, "is not the value of an ingredient"),
            (many.as_str(), r#""a" has more than 8 ingredients"#),
        ] {
            let targets = ["a", "al2023"].map(|name| name.parse().expect(name));
            let error = ingredients(json.as_bytes(), &targets).expect_err(json).to_string();
            assert!(error.contains(told), "{json}: {error}");
        }
    }
}
