//! Arguments that are lists: as people write them, and as GitLab writes an array into a text.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use ami_scheduler::policy::{Exclusion, ExclusionError};
use serde::Deserialize;

use super::values::EXPANDED_TO_NOTHING;

/// A list: separated by commas, or a JSON array of strings, as GitLab writes an array input.
#[derive(Debug, Clone)]
pub struct ListOf<T>(pub Vec<T>);

impl<T: FromStr<Err: Display>> FromStr for ListOf<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<String> = if text.trim_start().starts_with('[') {
            let words: Vec<String> = serde_json::from_str(&without_escapes_of_ruby(text))
                .map_err(|error| format!("not a JSON array of strings: {error}"))?;
            if words.iter().any(|word| word.trim().is_empty()) {
                return Err(format!("one of its texts is empty: {EXPANDED_TO_NOTHING}"));
            }
            words
        } else {
            text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        words
            .iter()
            .map(|word| word.parse().map_err(|error: T::Err| error.to_string()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// One, commas and all, or a JSON array of them.
#[derive(Debug, Clone)]
pub struct OneOrMore<T>(pub Vec<T>);

impl<T: FromStr<Err: Display>> FromStr for OneOrMore<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('[') {
            return ListOf::from_str(text).map(|list| Self(list.0));
        }
        text.parse().map(|one| Self(vec![one])).map_err(|error: T::Err| error.to_string())
    }
}

/// One skip, or a JSON array of them: texts, or what YAML makes of `- 18.6.1: does not start`.
#[derive(Debug, Clone)]
pub struct Skips(pub Vec<Exclusion>);

impl FromStr for Skips {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Item {
            Text(String),
            Map(BTreeMap<String, String>),
        }
        let text = text.trim();
        let items: Vec<Item> = if text.starts_with('[') {
            serde_json::from_str(&without_escapes_of_ruby(text))
                .map_err(|_| "not a JSON array of texts such as \"18.6.1: does not start\"".to_owned())?
        } else {
            vec![Item::Text(text.to_owned())]
        };
        let texts = items.into_iter().flat_map(|item| match item {
            Item::Text(text) => vec![text],
            Item::Map(map) => map.into_iter().map(|(pattern, reason)| format!("{pattern}: {reason}")).collect(),
        });
        let skips = texts.map(|text| text.parse().map_err(|error: ExclusionError| error.to_string()));
        skips.collect::<Result<_, _>>().map(Self)
    }
}

/// The JSON of an array that GitLab has put into a text: Ruby's `inspect` writes `\#{`, which is no JSON.
fn without_escapes_of_ruby(array: &str) -> String {
    let (mut json, mut characters) = (String::with_capacity(array.len()), array.chars());
    while let Some(character) = characters.next() {
        match (character, if character == '\\' { characters.next() } else { None }) {
            ('\\', Some('#')) => json.push('#'),
            (other, escaped) => json.extend([Some(other), escaped].into_iter().flatten()),
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_separated_by_commas_or_is_json() {
        for text in ["a,b", " a , b,", r#"["a", "b"]"#, " [\"a\",\"b\"]"] {
            assert_eq!(text.parse::<ListOf<String>>().expect(text).0, ["a", "b"], "{text}");
        }
        assert!(" ".parse::<ListOf<String>>().expect("none").0.is_empty());
        // Of a list that GitLab writes, an element was a variable that is not there.
        for text in [r#"["a", ""]"#, r#"[" "]"#] {
            let error = text.parse::<ListOf<String>>().expect_err(text);
            assert!(error.starts_with("one of its texts is empty: is a variable in it unset"), "{error}");
        }
    }

    /// Field tests, component 11.
    #[test]
    fn what_gitlab_makes_of_an_array_arrives_as_it_was_or_is_refused() {
        for (given, text) in [
            (r#"["costs \#{x}, \#$y and \#@z"]"#, "costs #{x}, #$y and #@z"),
            (r#"["it's \"new\" #1"]"#, r#"it's "new" #1"#),
            (r#"["a\\b"]"#, r"a\b"),
        ] {
            assert_eq!(given.parse::<ListOf<String>>().expect(given).0, [text], "{given}");
            let skip = given.replace("[\"", "[\"18.6.1: ").parse::<Skips>().expect(given).0.remove(0);
            assert_eq!(skip.reason.as_deref(), Some(text), "{given}");
        }
        for given in [r#"["C:\Windows"]"#, r#"["a\ b"]"#, r#"["a\"#] {
            let error = given.parse::<ListOf<String>>().expect_err(given);
            assert!(error.starts_with("not a JSON array of strings: "), "{given}: {error}");
            assert!(given.parse::<Skips>().is_err(), "{given}");
        }
    }
}
