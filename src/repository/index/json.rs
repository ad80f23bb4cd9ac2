//! A folder as nginx and Caddy list it in JSON.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::error::Category;
use url::Url;

use super::entries::{Entries, Page, WHAT, over_budget};
use crate::budget::{Budget, JsonError};
use crate::repository::RepositoryError;

/// An entry as nginx (`autoindex_format json`) or Caddy (asked for JSON) writes it.
#[derive(Deserialize)]
struct JsonEntry {
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    is_dir: bool,
}

/// Reads a page.
pub(super) fn read(page: &str, folder: &Url, product: &str, budget: &Budget) -> Result<Page, RepositoryError> {
    let mut files = JsonFiles { entries: Entries::of(folder, product, budget)?, failure: None };
    let held = budget.hold(0).map_err(over_budget)?;
    let read = budget.json_with(page.as_bytes(), &held, &mut files);
    match (files.failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(files.entries.page),
        (None, Err(JsonError::OverBudget(over))) => Err(over_budget(over)),
        (None, Err(JsonError::Json(error))) => {
            let fault = match error.classify() {
                Category::Data => "it is JSON of another form",
                Category::Syntax | Category::Eof | Category::Io => "it is no whole JSON",
            };
            let (line, column) = (error.line(), error.column());
            let reason = format!(
                "{fault} (line {line}, column {column}), expected an array of files with their names, as nginx and \
                 Caddy list a folder"
            );
            Err(RepositoryError::malformed(WHAT, 0, &reason))
        }
    }
}

/// The entries of a JSON index, each of which is gone before the next one comes.
struct JsonFiles<'a> {
    entries: Entries<'a>,
    failure: Option<RepositoryError>,
}

impl<'de> DeserializeSeed<'de> for &mut JsonFiles<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut JsonFiles<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut files: A) -> Result<(), A::Error> {
        while let Some(file) = files.next_element::<JsonEntry>()? {
            let is_folder = file.is_dir || file.kind == "directory";
            if let Err(failure) = self.entries.add_named(&file.name, is_folder) {
                self.failure = Some(failure);
                return Err(A::Error::custom("it is refused"));
            }
        }
        Ok(())
    }
}
