//! The `.repo` file that `--repo-file` names, and the repositories of its sections.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ami_scheduler::budget::{Budget, Held};
use ami_scheduler::redacted::RedactedUrl;
use ami_scheduler::repository::repo_file::{MAX_SIZE, Place, RepoFile, Repository, Section};
use ami_scheduler::repository::signature::{MAX_KEYS, TrustedKeys};
use ami_scheduler::repository::variables::Variables;
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use url::Url;

use super::reader::SignedBy;
use super::repo_url::RepoUrl;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{read, shown};
use crate::http::{Bundle, Client, ClientCertificate, Method, Pem, Request, Tls};

/// How to give a certificate that a `.repo` file names by a path.
const CA_FILE: &str = "give the certificates by --ca-file (AMI_SCHEDULER_CA_FILE, a variable of type File)";
const CLIENT_CERT: &str = "give the certificate by --client-cert and --client-key (inputs client_cert and client_key)";
const GPG_KEY: &str = "give the key itself by --gpg-key (input gpg_key)";

/// Where distributions keep the certificates of the public authorities.
const PUBLIC_BUNDLES: [&str; 4] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/certs/ca-certificates.crt",
];

/// What `--repo-file` is given.
pub enum GivenRepoFile {
    Text(String),
    Path(PathBuf),
    Url(RepoUrl),
}

impl GivenRepoFile {
    /// A text has a line that begins with `[`; what is neither that nor a URL is a path.
    pub fn new(given: &str) -> anyhow::Result<Self> {
        if given.lines().any(|line| line.starts_with('[')) {
            Ok(Self::Text(given.to_owned()))
        } else if given.contains("://") || given.starts_with("file:") {
            RepoUrl::named("--repo-file", given).map(Self::Url)
        } else {
            Ok(Self::Path(PathBuf::from(given)))
        }
    }

    /// Whether it is the text of the file, and not its place.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Reads the file. Its server is met with these TLS settings.
    pub fn read(&self, variables: &Variables, tls: &Tls, client: &Client) -> Result<NamedRepoFile, Failure> {
        let budget = Budget::default();
        let (name, content, came_from) = match self {
            Self::Text(text) => ("the text of --repo-file".to_owned(), text.clone().into_bytes(), None),
            Self::Path(path) | Self::Url(RepoUrl::Directory(path)) => {
                let content = read(path).context("--repo-file").with_exit(Exit::CommandLine)?;
                (format!("--repo-file {}", shown(path)), content, None)
            }
            Self::Url(RepoUrl::Web { url, credentials }) => {
                let fetched = fetch(url, credentials.as_ref(), tls, client, MAX_SIZE);
                let (url, content) = fetched.context("--repo-file").with_exit(Exit::Repository)?;
                (format!("--repo-file {}", RedactedUrl::from(&url)), content, Some(url))
            }
        };
        let parse = || -> anyhow::Result<RepoFile> {
            let _held: Held = budget.hold(content.len())?;
            let text = std::str::from_utf8(&content).map_err(|_| anyhow!("it is no text in UTF-8"))?;
            Ok(RepoFile::parse(text, variables, &budget)?)
        };
        let file = parse().with_context(|| name.clone()).with_exit(Exit::CommandLine)?;
        Ok(NamedRepoFile { name, file, came_from })
    }
}

/// A `.repo` file and its name in messages.
pub struct NamedRepoFile {
    name: String,
    file: RepoFile,
    /// The URL that it was fetched from.
    came_from: Option<Url>,
}

impl NamedRepoFile {
    /// The sections that dnf would use by itself.
    pub fn enabled(&self, variables: &Variables) -> anyhow::Result<Vec<NamedSection>> {
        let sections = self.file.enabled(variables).with_context(|| self.name.clone())?;
        sections.into_iter().map(|section| self.named(section, variables)).collect()
    }

    /// The section of this name.
    pub fn section(&self, id: &str, variables: &Variables) -> anyhow::Result<NamedSection> {
        self.named(self.file.section(id).with_context(|| self.name.clone())?, variables)
    }

    fn named(&self, section: &Section, variables: &Variables) -> anyhow::Result<NamedSection> {
        let repository = section.repository(variables).with_context(|| self.name.clone())?;
        let name = format!("[{}] of {}", ami_scheduler::text::named(&section.id), self.name);
        if let Some(unheeded) = &repository.unheeded {
            message!("WARNING: {name}: {unheeded}");
        }
        let places = repository.places.iter().map(|place| self.place(place, &repository)).collect::<Result<_, _>>();
        let places = places.with_context(|| name.clone())?;
        let came_by = |scheme: &str| self.came_from.as_ref().is_some_and(|url| url.scheme() == scheme);
        let (came_by_http, came_by_https) = (came_by("http"), came_by("https"));
        Ok(NamedSection { name, places, came_by_http, came_by_https, repository })
    }

    fn place(&self, place: &Place, repository: &Repository) -> anyhow::Result<RepoUrl> {
        let mut url = RepoUrl::named(&format!("{}, line {},", place.key, place.line), &place.text)?;
        if matches!(url, RepoUrl::Directory(_)) && self.came_from.is_some() {
            bail!(
                "{}, line {}, names a directory of this machine, and the file comes from a server: give a copy of it that \
                 you trust",
                place.key,
                place.line
            );
        }
        if repository.username.is_some() || repository.password.is_some() {
            let of = |text: &Option<String>| text.clone().unwrap_or_default();
            url.log_in(&of(&repository.username), &of(&repository.password));
        }
        Ok(url)
    }
}

/// A section of a `.repo` file, and what is not known before its files are read.
pub struct NamedSection {
    name: String,
    /// Where the repository is, in the order in which it is tried.
    pub places: Vec<RepoUrl>,
    came_by_http: bool,
    came_by_https: bool,
    repository: Repository,
}

/// What a person gives beside a `.repo` file, and what counts in place of what the file says.
pub struct ByHand {
    /// With a client certificate, where one is given.
    pub tls: Tls,
    /// Whether authorities are given.
    pub has_authorities: bool,
    /// The keys that are given.
    pub signed_by: Option<Rc<SignedBy>>,
}

impl NamedSection {
    /// Whether dnf verifies packages of it.
    pub fn checks_packages(&self) -> bool {
        self.repository.checks_packages
    }

    /// Whether the file holds a password.
    pub fn has_password(&self) -> bool {
        self.repository.password.is_some() || self.places.iter().any(RepoUrl::has_credentials)
    }

    /// The TLS settings of the repository.
    pub fn tls(&self, by_hand: &ByHand, now: Timestamp) -> anyhow::Result<Tls> {
        let tls = || -> anyhow::Result<Tls> {
            if self.came_by_http && by_hand.tls.certificate().is_some() {
                bail!(
                    "the file came by http, where whoever is in between can name a server of his own, and that would be \
                     shown the client certificate: give the file by https, or a copy of it"
                );
            }
            let Repository { authorities, client_certificate, client_key, .. } = &self.repository;
            let certificate = client_certificate.as_ref().filter(|_| by_hand.tls.certificate().is_none());
            let tls = match certificate {
                None => by_hand.tls.clone(),
                Some(certificate) => {
                    let certificate = NamedFile::read(certificate, CLIENT_CERT)?;
                    let key = client_key.as_ref().map(|key| NamedFile::read(key, CLIENT_CERT)).transpose()?;
                    let key = key.as_ref().map(NamedFile::pem);
                    Tls::new(Vec::new(), Some(ClientCertificate::new(certificate.pem(), key, now)?))?
                }
            };
            let is_needed = |place: &&Place| !by_hand.has_authorities && !is_public_bundle(&place.text);
            match authorities.as_ref().filter(is_needed) {
                None => Ok(tls),
                Some(authorities) => {
                    let NamedFile { name, content } = NamedFile::read(authorities, CA_FILE)?;
                    Ok(tls.with_bundles(vec![Bundle { name, pem: content }])?)
                }
            }
        };
        tls().with_context(|| self.name.clone())
    }

    /// The keys of which one has to have signed the repository: those that are given by hand, or else, where
    /// `repo_gpgcheck` asks for a signature, those that `gpgkey` names.
    pub fn signed_by(&self, by_hand: &ByHand, tls: &Tls, client: &Client) -> Result<Option<Rc<SignedBy>>, Failure> {
        if by_hand.signed_by.is_some() {
            return Ok(by_hand.signed_by.clone());
        }
        let Some(places) = &self.repository.signed_by else {
            let is_http = |place: &RepoUrl| matches!(place, RepoUrl::Web { url, .. } if url.scheme() == "http");
            if self.came_by_https && self.places.iter().any(is_http) {
                let error = anyhow!(
                    "{} came by https and names a place of http, where whoever is in between can change all that it says: \
                     give the key that signs the repository (--gpg-key, input gpg_key), or a copy of the file with a place \
                     of https",
                    self.name
                );
                return Err(error).with_exit(Exit::CommandLine);
            }
            return Ok(None);
        };
        if places.is_empty() {
            let error = anyhow!("{} has repo_gpgcheck=1 and no gpgkey: {GPG_KEY}", self.name);
            return Err(error).with_exit(Exit::CommandLine);
        }
        let keys = places.iter().map(|place| self.keys(place, tls, client)).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|Failure { exit, error }| Failure { exit, error: error.context(self.name.clone()) })?;
        Ok(Some(Rc::new(SignedBy {
            keys: TrustedKeys::all(keys),
            asked_by: format!("repo_gpgcheck of {}", self.name),
        })))
    }

    /// The keys at a URL, which is asked as the repository is, where it is on the same server.
    fn keys(&self, place: &Place, tls: &Tls, client: &Client) -> Result<TrustedKeys, Failure> {
        let name = format!("gpgkey, line {}", place.line);
        let content = match RepoUrl::named(&name, &place.text).with_exit(Exit::CommandLine)? {
            RepoUrl::Directory(path) => read(&path)
                .with_context(|| format!("{name}, names a file that is not here: {GPG_KEY}"))
                .with_exit(Exit::CommandLine)?,
            RepoUrl::Web { url, .. } if url.scheme() == "http" => {
                let error = anyhow!(
                    "{name}, is {}: whoever is in between could put a key of his own there. A key is fetched by https alone: \
                     {GPG_KEY}",
                    RedactedUrl::from(&url)
                );
                return Err(error).with_exit(Exit::CommandLine);
            }
            RepoUrl::Web { url, credentials } => {
                let is_near = self.places.iter().any(|place| place.origin() == Some(url.origin()));
                let tls = if is_near { tls.clone() } else { tls.elsewhere() };
                let near = || self.places.iter().find_map(|place| place.credentials_for(&url));
                let fetched = fetch(&url, credentials.as_ref().or_else(near), &tls, client, MAX_KEYS as u64);
                fetched.with_context(|| format!("{name}, cannot be had: {GPG_KEY}")).with_exit(Exit::Repository)?.1
            }
        };
        TrustedKeys::read(&content).context(name).with_exit(Exit::Repository)
    }
}

/// Whether a path is that of the public authorities on a distribution, which are trusted here anyway, and not there on
/// this machine. Many publishers name it by `sslcacert`.
fn is_public_bundle(path: &str) -> bool {
    PUBLIC_BUNDLES.contains(&path) && !Path::new(path).exists()
}

/// Fetches a file that is small. Returns the URL that it came from, after redirects.
fn fetch(
    url: &Url,
    credentials: Option<&String>,
    tls: &Tls,
    client: &Client,
    limit: u64,
) -> anyhow::Result<(Url, Vec<u8>)> {
    let credentials = credentials.map(|value| ("authorization", value.clone()));
    let request = Request { credentials, tls: tls.clone(), ..Request::new(Method::Get, url.clone()) };
    let answer = client.fetch(&request, limit)?;
    match answer.status {
        200 => Ok((answer.url, answer.body)),
        status => bail!("{} answers {status}; expected a file there", RedactedUrl::from(&answer.url)),
    }
}

/// A file that a `.repo` file names by its path.
struct NamedFile {
    name: String,
    content: Vec<u8>,
}

impl NamedFile {
    fn read(place: &Place, advice: &str) -> anyhow::Result<Self> {
        let Place { key, line, text } = place;
        if text.contains("://") {
            bail!("{key}, line {line}, is a URL, which is not fetched; expected the path of a file: {advice}");
        }
        let content = read(Path::new(text))
            .with_context(|| format!("{key}, line {line}, names a file that is not here: {advice}"))?;
        Ok(Self { name: format!("{key} {text}"), content })
    }

    fn pem(&self) -> Pem<'_> {
        Pem { name: &self.name, text: &self.content }
    }
}
