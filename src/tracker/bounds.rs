//! What is remembered of what builds, people and GitLab say: so much and no more.

use std::collections::BTreeMap;

use crate::text::beginning;

/// Values that a build reports of its image, by name, such as the id of an AMI.
pub type Notes = BTreeMap<String, String>;

/// The most characters that are remembered of a reason, and of who gave it.
const MAX_WORDS: usize = 500;
/// The most bytes of a URL as JSON. A longer one is not remembered: cut, it would lead nowhere.
pub(super) const MAX_URL: usize = 512;
/// The most bytes that the notes of one build may have as JSON. GitLab takes 5 KiB for a whole dotenv report.
pub const MAX_NOTES: usize = 4 << 10;
/// What a note takes beside its name and value: an indented line of its own.
const LINE: usize = 16;

/// Of these notes as many as are remembered of one build; those that come first have precedence.
pub fn that_fit<'a>(notes: impl IntoIterator<Item = (&'a String, &'a String)>) -> Notes {
    let mut room = MAX_NOTES;
    let mut fitting = Notes::new();
    for (name, value) in notes {
        let length = json_length(name) + json_length(value) + LINE;
        if length <= room && !fitting.contains_key(name) {
            room -= length;
            fitting.insert(name.clone(), value.clone());
        }
    }
    fitting
}

pub(super) fn words(words: Option<String>) -> Option<String> {
    words.map(|words| cut(&words))
}

pub(super) fn cut(words: &str) -> String {
    beginning(words, MAX_WORDS)
}

pub(super) fn url(url: Option<String>) -> Option<String> {
    url.filter(|url| json_length(url) <= MAX_URL)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn json_length(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_notes_that_are_too_many_the_first_fit() {
        let (new, old) = (
            Notes::from([("Z".to_owned(), "new".to_owned())]),
            Notes::from([("A".to_owned(), "x".repeat(MAX_NOTES - 40)), ("Z".to_owned(), "old".to_owned())]),
        );
        assert_eq!(that_fit(new.iter().chain(&old)), new);
        let dotenv = Notes::from([("AMI_IDS".to_owned(), "x".repeat(4000))]);
        assert_eq!(that_fit(&dotenv), dotenv);
    }

    #[test]
    fn notes_have_at_most_so_many_bytes_as_json() {
        let said: Notes = (0..1000).map(|number| (format!("NOTE_{number:03}"), "\"".repeat(100))).collect();
        let bounded = that_fit(&said);
        assert!(serde_json::to_string_pretty(&bounded).expect("JSON").len() <= MAX_NOTES);
        assert_eq!(bounded.len(), MAX_NOTES / (10 + 202 + LINE));
        assert_eq!(that_fit(&bounded), bounded);
    }
}
