//! Where a repository is read from: a web server, or a directory.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use ami_scheduler::repository::index;
use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use url::Url;

use crate::cli::RepoUrl;
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
    pub fn new(repo_url: &RepoUrl, client: Client) -> Self {
        match repo_url {
            RepoUrl::Http { url, user, password } => {
                let pair = format!("{user}:{password}");
                let credentials =
                    (pair != ":").then(|| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)));
                Self { base: url.clone(), shown: shown(url), client, place: Place::Web { credentials } }
            }
            RepoUrl::Directory(path) => Self {
                base: directory_url(path),
                shown: format!("file:{}", path.display()),
                client,
                place: Place::Directory(path.clone()),
            },
        }
    }

    /// The URL that locations are relative to, without credentials.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The repository as messages and files show it.
    pub fn shown(&self) -> &str {
        &self.shown
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
                let entries =
                    fs::read_dir(root).with_context(|| format!("cannot read the directory {}", root.display()))?;
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

/// `file:` for a path as it is given: a relative one stays readable in what is written of it.
fn directory_url(path: &Path) -> Url {
    let text = path.to_string_lossy();
    let encoded: String = text
        .split('/')
        .map(|part| {
            percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
                .replace("%2D", "-")
                .replace("%2E", ".")
                .replace("%5F", "_")
        })
        .collect::<Vec<_>>()
        .join("/");
    let text = format!("file:///{}/", encoded.trim_matches('/'));
    Url::parse(&text).unwrap_or_else(|_| unreachable!("a percent-encoded path is a URL"))
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
