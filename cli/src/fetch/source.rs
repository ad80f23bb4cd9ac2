//! The seam between what is read of a repository and where it lies.

use std::fmt;
use std::io::Read;

use url::Url;

use super::error::FetchError;
use super::location::Location;

/// A repository: on a web server, or in a directory.
pub trait Source {
    /// The repository as messages and files name it.
    fn location(&self) -> &Location;
    /// The URL that locations are relative to, without credentials.
    fn base(&self) -> &Url;
    /// The key of this repository in a cache: its URL as it was given, without credentials, and with its query only
    /// where that may be a part of its name. `None` if reading the repository costs nothing.
    fn cache_key(&self) -> Option<&Url>;
    /// Opens a file of the repository.
    fn open(&self, url: &Url, freshness: Freshness) -> Result<Fetched<OpenFile>, FetchError>;
    /// Reads what is at the URL of the repository itself: an index, or a list of mirrors.
    fn index(&self) -> Result<Fetched<Index>, FetchError>;
    /// Reads another page of the index, or a folder below it.
    fn index_at(&self, url: &Url) -> Result<Fetched<Index>, FetchError>;
    /// One of the mirrors that a list at this URL names. A mirror on the same server is given the same
    /// credentials, another one none.
    fn mirror(&self, base: &Url, has_fall_back: bool) -> Box<dyn Source>;
    /// The URL of a package as others are to use it.
    fn public_url(&self, url: String) -> String;
    /// The query of the repository's URL, which each request for its files has as well, as dnf does it. It can be a
    /// token.
    fn query(&self) -> Option<&str>;
    /// Waits before the caller's next attempt, from 1.
    fn wait(&self, attempt: u32);
}

/// How new a copy of a file has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// One that a cache on the way keeps will do.
    Any,
    /// The server's own.
    Current,
}

/// The result of fetching a file.
#[derive(Debug)]
pub enum Fetched<T> {
    Absent(Absence),
    Found(T),
}

/// Why there is no file.
#[derive(Debug)]
pub enum Absence {
    /// 404.
    Missing,
    /// 403, which is what buckets answer where there is no such file, too.
    Forbidden(FetchError),
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "404",
            Self::Forbidden(_) => "403",
        })
    }
}

/// A file of the repository, to be read.
pub struct OpenFile {
    pub body: Box<dyn Read>,
    pub location: Location,
}

/// A list of the files of a repository, or a part of it.
#[derive(Debug)]
pub enum Index {
    /// A page of a web server, which can be a list of mirrors too.
    Page { content: Vec<u8>, url: Url },
    /// The files and folders of a directory, by their URLs.
    Folder(Vec<Url>),
}
