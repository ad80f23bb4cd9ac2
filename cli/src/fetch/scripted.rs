//! Repositories for tests: files by their URLs, how they change, and what was fetched.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read as _};
use std::rc::Rc;

use url::Url;

use super::error::FetchError;
use super::location::Location;
use super::source::{Absence, Fetched, Freshness, Index, OpenFile, Source};

/// The answer to a request for a file.
#[derive(Clone)]
pub enum ScriptedFile {
    Missing,
    Forbidden,
    Content(Vec<u8>),
    /// The connection breaks after these bytes.
    CutShort(Vec<u8>),
    /// A folder of a directory, by the URLs of its entries.
    Folder(Vec<Url>),
}

impl<T: AsRef<[u8]>> From<T> for ScriptedFile {
    fn from(content: T) -> Self {
        Self::Content(content.as_ref().to_vec())
    }
}

/// Servers with the files that they have; files that nobody put there are missing.
#[derive(Clone, Default)]
pub struct ScriptedServers {
    files: Rc<RefCell<BTreeMap<String, VecDeque<ScriptedFile>>>>,
    fetched: Rc<RefCell<Vec<String>>>,
    fresh: Rc<RefCell<Vec<String>>>,
    waits: Rc<RefCell<Vec<u32>>>,
}

impl ScriptedServers {
    /// Puts a file there. Put again, it is what comes back the next time; the last one stays.
    pub fn with(self, url: &str, file: impl Into<ScriptedFile>) -> Self {
        self.files.borrow_mut().entry(url.to_owned()).or_default().push_back(file.into());
        self
    }

    /// Replaces a file.
    #[cfg(not(target_os = "wasi"))]
    pub fn replace(&self, url: &str, file: impl Into<ScriptedFile>) {
        self.files.borrow_mut().insert(url.to_owned(), VecDeque::from([file.into()]));
    }

    /// The repository at a URL.
    pub fn at(&self, url: &str) -> ScriptedSource {
        let base: Url = url.parse().expect(url);
        ScriptedSource { servers: self.clone(), location: Location::from(&base), base }
    }

    /// The URLs that were fetched since this was last asked.
    pub fn fetched(&self) -> Vec<String> {
        self.fetched.take()
    }

    /// The URLs of which the server's own copy was asked for.
    pub fn asked_afresh(&self) -> Vec<String> {
        self.fresh.take()
    }

    /// The attempts before which was waited.
    pub fn waits(&self) -> Vec<u32> {
        self.waits.borrow().clone()
    }

    fn fetch(&self, url: &Url) -> ScriptedFile {
        self.fetched.borrow_mut().push(url.to_string());
        let mut files = self.files.borrow_mut();
        let Some(answers) = files.get_mut(url.as_str()) else { return ScriptedFile::Missing };
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        next.unwrap_or(ScriptedFile::Missing)
    }
}

/// A repository on such servers.
pub struct ScriptedSource {
    servers: ScriptedServers,
    location: Location,
    base: Url,
}

impl Source for ScriptedSource {
    fn location(&self) -> &Location {
        &self.location
    }

    fn base(&self) -> &Url {
        &self.base
    }

    fn cache_key(&self) -> Option<&Url> {
        Some(&self.base)
    }

    fn open(&self, url: &Url, freshness: Freshness) -> Result<Fetched<OpenFile>, FetchError> {
        let location = Location::from(url);
        if freshness == Freshness::Current {
            self.servers.fresh.borrow_mut().push(url.to_string());
        }
        let (content, breaks) = match self.servers.fetch(url) {
            ScriptedFile::Missing => return Ok(Fetched::Absent(Absence::Missing)),
            ScriptedFile::Forbidden => return Ok(forbidden(url)),
            ScriptedFile::Content(content) => (content, false),
            ScriptedFile::CutShort(content) => (content, true),
            ScriptedFile::Folder(_) => panic!("{url} is a folder"),
        };
        let content = io::Cursor::new(content);
        let body: Box<dyn io::Read> = if breaks { Box::new(content.chain(Broken)) } else { Box::new(content) };
        Ok(Fetched::Found(OpenFile { body, location }))
    }

    fn index(&self) -> Result<Fetched<Index>, FetchError> {
        let url = self.base.clone();
        match self.servers.fetch(&url) {
            ScriptedFile::Missing => Ok(Fetched::Absent(Absence::Missing)),
            ScriptedFile::Forbidden => Ok(forbidden(&url)),
            ScriptedFile::Folder(urls) => Ok(Fetched::Found(Index::Folder(urls))),
            ScriptedFile::Content(content) | ScriptedFile::CutShort(content) => {
                Ok(Fetched::Found(Index::Page { content, url }))
            }
        }
    }

    fn index_at(&self, url: &Url) -> Result<Fetched<Index>, FetchError> {
        let source = Self { servers: self.servers.clone(), location: self.location.clone(), base: url.clone() };
        source.index()
    }

    fn mirror(&self, base: &Url, _: bool) -> Box<dyn Source> {
        Box::new(self.servers.at(base.as_str()))
    }

    fn public_url(&self, url: String) -> String {
        url
    }

    fn query(&self) -> Option<&str> {
        self.base.query()
    }

    fn wait(&self, attempt: u32) {
        self.servers.waits.borrow_mut().push(attempt);
    }
}

fn forbidden<T>(url: &Url) -> Fetched<T> {
    let error = FetchError::Refused { url: url.into(), status: 403, advice: "it is forbidden".to_owned() };
    Fetched::Absent(Absence::Forbidden(error))
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(ErrorKind::ConnectionReset, "the connection broke"))
    }
}
