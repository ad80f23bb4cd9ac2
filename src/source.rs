//! Where a repository is read from: a web server, or a directory.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use ami_scheduler::repository::index;
use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use url::Url;

use crate::http::{Client, Method, Request, shown};

/// A repository that can be read.
pub struct Source {
    base: Url,
    shown: String,
    client: Client,
    place: Place,
}

enum Place {
    Web { credentials: Option<String> },
    Directory(PathBuf),
}

/// A file of the repository, to be read.
pub struct OpenFile {
    pub body: Box<dyn Read>,
    /// Its place, without secrets.
    pub shown: String,
}

/// What a directory holds.
pub enum Index {
    Page { html: String, url: Url },
    Files(Vec<Url>),
}

impl Source {
    /// The repository at a URL: http, https, or file with an absolute or relative path. What is
    /// wrong with it is said without repeating it, since a password may be in it.
    pub fn new(repo_url: &str, client: Client) -> anyhow::Result<Self> {
        if let Some(path) = repo_url.strip_prefix("file:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            let shown = format!("file:{}", path.display());
            return Ok(Self { base: directory_url(path), shown, client, place: Place::Directory(path.to_owned()) });
        }
        let mut base: Url = repo_url.parse().context("--repo-url is no URL")?;
        if !matches!(base.scheme(), "http" | "https") {
            bail!("--repo-url has the scheme {}:, expected https:, http: or file:", base.scheme());
        }
        let credentials = basic_auth(&base);
        // An http URL has a host, and a URL with a host takes both.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { shown: shown(&base), base, client, place: Place::Web { credentials } })
    }

    /// The URL that locations are relative to, without credentials.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The repository as messages and files show it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The URL of a package as others are to use it: below a relative `file:` it is relative too.
    pub fn public_url(&self, url: &str) -> String {
        match &self.place {
            Place::Directory(root) if root.is_relative() => {
                let up = root.components().filter(|part| *part == Component::ParentDir).count();
                url.replacen("file:///", &format!("file:{}", "../".repeat(up)), 1)
            }
            _ => url.to_owned(),
        }
    }

    /// Waits before the next attempt, the second being 2.
    pub fn wait(&self, attempt: u32) {
        self.client.wait(attempt);
    }

    /// Opens a file by its path in the repository; `None` where it is not there (404).
    pub fn open(&self, path: &str) -> anyhow::Result<Option<OpenFile>> {
        self.open_url(&self.base.join(path)?)
    }

    /// Opens a file by its URL; `None` where it is not there (404).
    pub fn open_url(&self, url: &Url) -> anyhow::Result<Option<OpenFile>> {
        match &self.place {
            Place::Web { credentials } => {
                let response = self.client.open(&self.request(url, credentials.as_ref()))?;
                let shown = shown(&response.url);
                match response.status {
                    200 => Ok(Some(OpenFile { body: response.body, shown })),
                    404 => Ok(None),
                    status => Err(refusal(&shown, status)),
                }
            }
            Place::Directory(root) => {
                let path = self.path_of(root, url)?;
                let shown = path.display().to_string();
                match File::open(&path) {
                    Ok(file) => Ok(Some(OpenFile { body: Box::new(file), shown })),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(error).with_context(|| format!("cannot read {shown}")),
                }
            }
        }
    }

    /// What the repository's directory holds.
    pub fn directory_index(&self) -> anyhow::Result<Index> {
        match &self.place {
            Place::Web { credentials } => {
                let answer = self.client.fetch(&self.request(&self.base, credentials.as_ref()), index::MAX_SIZE)?;
                match answer.status {
                    200 => {}
                    404 => {
                        bail!("{} is not there (404), nor is its repodata/repomd.xml: is the URL right?", self.shown)
                    }
                    status => return Err(refusal(&self.shown, status)),
                }
                Ok(Index::Page { html: String::from_utf8_lossy(&answer.body).into_owned(), url: answer.url })
            }
            Place::Directory(root) => {
                let entries = fs::read_dir(root).with_context(|| {
                    format!(
                        "cannot read the directory {0}: is the path right? (Under wasmtime, is it below a folder that \
                         --dir names?)",
                        root.display()
                    )
                })?;
                let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
                let names: Vec<String> = names.collect::<std::io::Result<_>>()?;
                let urls = names.iter().filter_map(|name| {
                    let mut url = self.base.clone();
                    url.path_segments_mut().ok()?.pop_if_empty().push(name);
                    Some(url)
                });
                Ok(Index::Files(urls.collect()))
            }
        }
    }

    /// Credentials are for the repository's own server alone.
    fn request(&self, url: &Url, credentials: Option<&String>) -> Request {
        let own = url.origin() == self.base.origin();
        let credentials = credentials.filter(|_| own).map(|value| ("authorization", value.clone()));
        Request { credentials, ..Request::new(Method::Get, url.clone()) }
    }

    fn path_of(&self, root: &Path, url: &Url) -> anyhow::Result<PathBuf> {
        let inside = url
            .as_str()
            .strip_prefix(self.base.as_str())
            .ok_or_else(|| anyhow!("{url} is not inside of {}", self.shown))?;
        Ok(root.join(percent_encoding::percent_decode_str(inside).decode_utf8_lossy().as_ref()))
    }
}

/// The user and password in a URL, as the `Authorization` header has them.
fn basic_auth(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_encoding::percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_encoding::percent_decode_str(url.password().unwrap_or_default()));
    Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

/// A URL that locations can be resolved against: the path as it is given, below the root.
fn directory_url(path: &Path) -> Url {
    let mut url = Url::parse("file:///").unwrap_or_else(|_| unreachable!("a constant that is a URL"));
    if let Ok(mut segments) = url.path_segments_mut() {
        let parts = path.components().filter_map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        });
        segments.clear().extend(parts).push("");
    }
    url
}

fn refusal(shown: &str, status: u16) -> anyhow::Error {
    let advice = match status {
        401 => "it wants a user and password: https://USER:PASSWORD@host/…",
        403 => "it is forbidden: is the user allowed to read it, and this machine's address?",
        429 | 500.. => "the server did not recover while the job waited: run the job again",
        _ => "this was not expected",
    };
    anyhow!("{shown} answers {status}: {advice}")
}
