//! The seam between what is read of a repository and where it lies.

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
    /// The key of this repository in a cache: its URL as it was given, without credentials, but with its query,
    /// which may be a secret. `None` if reading the repository costs nothing.
    fn cache_key(&self) -> Option<&Url>;
    /// Whether `repodata` can lie below it: a URL with a query is no folder.
    fn is_folder(&self) -> bool;
    /// Opens a file of the repository.
    fn open(&self, url: &Url) -> Result<Fetched<OpenFile>, FetchError>;
    /// Reads what is at the URL of the repository itself: an index, or a list of mirrors.
    fn index(&self) -> Result<Fetched<Index>, FetchError>;
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
    Found(T),
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
