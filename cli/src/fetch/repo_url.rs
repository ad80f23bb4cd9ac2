//! The URL of a repository, as `--repo-url` has it.

use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;

use ami_scheduler::redacted::{GivenUrlError, given_url, remove_credentials};
use anyhow::{Context as _, anyhow, bail};
use percent_encoding::percent_decode_str;
use url::{Origin, Url};

use super::directory::Directory;
use super::source::Source;
use super::web::WebServer;
use crate::http::{Client, Tls, basic, basic_auth};

/// The URL of a repository: http, https, or file with an absolute or relative path.
#[derive(Clone)]
pub enum RepoUrl {
    /// Without the credentials, which are in the form of a header's value.
    Web {
        url: Url,
        credentials: Option<String>,
    },
    Directory(PathBuf),
}

/// The value of `--repo-url`.
impl FromStr for RepoUrl {
    type Err = anyhow::Error;

    fn from_str(repo_url: &str) -> anyhow::Result<Self> {
        Self::named("--repo-url", repo_url)
    }
}

impl RepoUrl {
    /// The URL that `given_as` has, which an error names. The URL is not repeated, since a password may be in it.
    pub fn named(given_as: &str, repo_url: &str) -> anyhow::Result<Self> {
        if let Some(path) = repo_url.strip_prefix("file:") {
            if path.strip_prefix("//").is_some_and(|host| host.split('/').next().is_some_and(|host| host.contains('@')))
            {
                bail!("{given_as} has an @ after file://: a directory of this machine has no user, and no other host");
            }
            let path = path.strip_prefix("//localhost").or_else(|| path.strip_prefix("//")).unwrap_or(path);
            let path = percent_decode_str(path).decode_utf8().with_context(|| format!("{given_as} is no URL"))?;
            return Ok(Self::Directory(PathBuf::from(path.as_ref())));
        }
        let mut url = given_url(repo_url).map_err(|error| match error {
            GivenUrlError::NoUrl(_) => {
                anyhow!("{given_as} {error}; expected one such as https://yum.example.com/el/9/x86_64")
            }
            GivenUrlError::Password => anyhow!(
                "{given_as} {error}. Or leave user and password out of it, and set the variables AMI_SCHEDULER_REPO_USER \
                 and AMI_SCHEDULER_REPO_PASSWORD, which are taken as they are"
            ),
            GivenUrlError::Host | GivenUrlError::Backslash | GivenUrlError::Escape => anyhow!("{given_as} {error}"),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            bail!("{given_as} begins with none of https:, http: and file:, which are the ones that are read");
        }
        if url.path().trim_end_matches('/').ends_with("/repodata") || url.path().ends_with("/repodata/repomd.xml") {
            bail!("{given_as} ends with repodata: leave that off, repodata/repomd.xml is looked for below the URL");
        }
        if url.fragment().is_some() {
            bail!("{given_as} goes on with # after its path: leave that off");
        }
        let credentials = basic_auth(&url);
        remove_credentials(&mut url);
        Ok(Self::Web { url, credentials })
    }

    /// The server; `None` for a directory.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Self::Web { url, .. } => Some(url.origin()),
            Self::Directory(_) => None,
        }
    }

    /// The server that may want credentials, if the URL has none.
    pub fn origin_without_credentials(&self) -> Option<Origin> {
        self.origin().filter(|_| !self.has_credentials())
    }

    /// Whether a user or password is in the URL.
    pub fn has_credentials(&self) -> bool {
        matches!(self, Self::Web { credentials: Some(_), .. })
    }

    /// Adds a user and password to a URL that has none of its own.
    pub fn log_in(&mut self, user: &str, password: &str) {
        if let Self::Web { credentials: credentials @ None, .. } = self {
            *credentials = Some(basic(user.bytes(), password.bytes()));
        }
    }

    /// The credentials that this URL has for another one of the same server.
    pub fn credentials_for(&self, other: &Url) -> Option<&String> {
        match self {
            Self::Web { url, credentials } => credentials.as_ref().filter(|_| url.origin() == other.origin()),
            Self::Directory(_) => None,
        }
    }

    /// The repository at this URL, whose servers are met with these TLS settings.
    pub fn source(self, tls: Tls, client: Rc<Client>) -> Box<dyn Source> {
        match self {
            Self::Web { url, credentials } => Box::new(WebServer::new(url, credentials, tls, client)),
            Self::Directory(path) => Box::new(Directory::new(path, tls, client)),
        }
    }

    /// The repository at this URL, which is one of several where it is.
    pub fn source_with_fall_back(self, tls: Tls, client: Rc<Client>) -> Box<dyn Source> {
        match self {
            Self::Web { url, credentials } => Box::new(WebServer::new(url, credentials, tls, client).with_fall_back()),
            directory @ Self::Directory(_) => directory.source(tls, client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_repository_is_refused_without_repeating_it() {
        for (repo_url, told) in [
            ("", "--repo-url is no URL"),
            ("yum.example.com/el9", "--repo-url is no URL"),
            ("https://us3r:p4ss-yüm.example.com/", "--repo-url is no URL"),
            ("https://yüm.us3r.example.com/", "--repo-url has a host in letters beyond ASCII: write its ASCII form"),
            ("https://us3r:p4ss@", "set the variables AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD"),
            ("https://us3r:p4ss@yum.example.com:port/", "as if a password were in it"),
            (
                "http://us3r:1234/p4ss@host/v",
                "set the variables AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD",
            ),
            ("http://us3r:p@p4ss/w:rd@host/v", "write %40 for @"),
            ("https://us3r/p4ss+ret=@host/v", "write %40 for @"),
            ("https://us3r:12\\p4ss@host/v", "write %5C in a password"),
            ("https://yum.example.com/p4ss%/", "write %25 for it"),
            ("file://us3r:p4ss@host/srv/repo", "--repo-url has an @ after file://"),
            ("p4ss:us3r@host/v", "--repo-url begins with none of https:, http: and file:"),
            ("ftp://us3r:p4ss@yum.example.com/", "--repo-url begins with none of https:, http: and file:"),
            ("s3://us3r:p4ss@us3r.bucket", "--repo-url begins with none of https:, http: and file:"),
            ("https://yum.example.com/el9/#us3r", "--repo-url goes on with # after its path"),
            ("https://yum.example.com/el9/repodata/repomd.xml?p4ss", "--repo-url ends with repodata: leave that off"),
            ("https://us3r:p4ss@yum.example.com/repodata/", "--repo-url ends with repodata: leave that off"),
            ("file:/%ff", "--repo-url is no URL"),
        ] {
            let error = repo_url.parse::<RepoUrl>().map(drop).expect_err(repo_url);
            let messages = format!("{error:#} {error:?}");
            assert!(messages.contains(told), "{messages}");
            assert!(!messages.contains("us3r") && !messages.contains("p4ss"), "{messages}");
        }
    }

    #[test]
    fn a_user_and_password_of_their_own_are_for_a_url_that_has_none() {
        for (repo_url, origin, header) in [
            ("https://yum.example.com/", true, Some("Basic dTpwOjQ=")),
            ("https://token@yum.example.com/", false, Some("Basic dG9rZW46")),
            ("file:repo", false, None),
        ] {
            let mut repo_url: RepoUrl = repo_url.parse().expect(repo_url);
            assert_eq!(repo_url.origin_without_credentials().is_some(), origin);
            repo_url.log_in("u", "p:4");
            let sent = match repo_url {
                RepoUrl::Web { credentials, .. } => credentials,
                RepoUrl::Directory(_) => None,
            };
            assert_eq!(sent.as_deref(), header);
        }
    }
}
