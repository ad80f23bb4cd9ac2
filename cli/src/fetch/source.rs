//! The seam between what is read of a repository and where it lies.

use std::io::Read;

use jiff::fmt::rfc2822::DateTimeParser;
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::FetchError;
use super::location::Location;

/// A repository: on a web server, or in a directory.
pub trait Source {
    /// The repository as messages and files name it.
    fn location(&self) -> &Location;
    /// The URL that locations are relative to, without credentials.
    fn base(&self) -> &Url;
    /// The key of this repository in a cache: its URL as it was given, without credentials, but with its query,
    /// which may be a secret. `None` if reading the repository costs nothing.
    fn cache_key(&self) -> Option<&Url>;
    /// Whether `repodata` can lie below it: a URL with a query is no folder.
    fn is_folder(&self) -> bool;
    /// Opens a file of the repository, unless it still has these validators.
    fn open(&self, url: &Url, unless: &Validators) -> Result<Fetched<OpenFile>, FetchError>;
    /// Reads what is at the URL of the repository itself: an index, or a list of mirrors.
    fn index(&self, unless: &Validators) -> Result<Fetched<Index>, FetchError>;
    /// Reads another page of the index, or a folder below it.
    fn index_at(&self, url: &Url) -> Result<Fetched<Index>, FetchError>;
    /// One of the mirrors that a list at this URL names. A mirror on the same server is given the same
    /// credentials, another one none.
    fn mirror(&self, base: &Url, has_fall_back: bool) -> Box<dyn Source>;
    /// The URL of a package as others are to use it.
    fn public_url(&self, url: String) -> String;
    /// Waits before the caller's next attempt, from 1.
    fn wait(&self, attempt: u32);
}

/// The result of fetching a file.
#[derive(Debug)]
pub enum Fetched<T> {
    /// There is no such file (404).
    Missing,
    /// The file is the same as when it had these [`Validators`].
    Unchanged,
    Found(T),
}

/// A file of the repository, to be read.
pub struct OpenFile {
    pub body: Box<dyn Read>,
    pub location: Location,
    pub validators: Validators,
}

/// A list of the files of a repository, or a part of it.
#[derive(Debug)]
pub enum Index {
    /// A page of a web server, which can be a list of mirrors too.
    Page { content: Vec<u8>, url: Url, validators: Validators },
    /// The files and folders of a directory, by their URLs.
    Folder(Vec<Url>),
}

/// A server's marks of a file's content, for a request on the condition that it changed (RFC 9110, 8.8).
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl Validators {
    pub const NONE: Self = Self { etag: None, last_modified: None };

    pub fn are_none(&self) -> bool {
        *self == Self::NONE
    }

    /// From the headers of an answer.
    pub fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        // A file that may have changed twice within the same second is not told apart by its time
        // (RFC 9110, 8.8.2.2).
        let time = |name| DateTimeParser::new().parse_timestamp(header(name)?.trim()).ok();
        let settled =
            time("date").zip(time("last-modified")).is_some_and(|(now, then)| now.as_second() > then.as_second() + 1);
        Self {
            etag: header("etag").map(str::to_owned),
            last_modified: header("last-modified").filter(|_| settled).map(str::to_owned),
        }
    }

    /// As the headers of a request.
    pub fn as_headers(&self) -> Vec<(&'static str, String)> {
        let etag = self.etag.iter().map(|etag| ("if-none-match", etag.clone()));
        etag.chain(self.last_modified.iter().map(|time| ("if-modified-since", time.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_within_the_same_second_tells_no_change() {
        const THEN: &str = "Tue, 24 Nov 2026 02:00:00 GMT";
        for (date, kept) in [
            (Some("Tue, 24 Nov 2026 02:00:02 GMT"), true),
            (Some("Tue, 24 Nov 2026 02:00:01 GMT"), false),
            (Some("Tue, 24 Nov 2026 02:00:00 GMT"), false),
            (Some("soon"), false),
            (None, false),
        ] {
            let header = |name: &str| match name {
                "date" => date,
                "last-modified" => Some(THEN),
                _ => None,
            };
            assert_eq!(Validators::of(header).last_modified.as_deref(), kept.then_some(THEN), "{date:?}");
        }
    }
}
