//! Where a repository is read from: a web server, or a directory.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use ami_scheduler::repository::index;
use ami_scheduler::text::excerpt;
use anyhow::{Context as _, anyhow, bail};
use jiff::fmt::rfc2822::DateTimeParser;
use serde::{Deserialize, Serialize};
use url::{Origin, Url};

use crate::http::{Answer, Client, Method, Request, basic, basic_auth};

/// A repository that can be read.
pub struct Source {
    /// As it was given, without credentials.
    given: Url,
    base: Url,
    shown: String,
    client: Rc<Client>,
    place: Place,
    has_fall_back: bool,
}

enum Place {
    Web { credentials: Option<String> },
    Directory(PathBuf),
}

/// What comes of asking for a file.
pub enum Asked<T> {
    /// It is not there (404).
    NotThere,
    /// It is what it was when it had these [`Validators`].
    Unchanged,
    There(T),
}

/// A file of the repository, to be read.
pub struct OpenFile {
    pub body: Box<dyn Read>,
    /// Its place, without secrets.
    pub shown: String,
    pub validators: Validators,
}

/// What is at the URL of the repository itself.
pub enum Found {
    Page {
        content: Vec<u8>,
        url: Url,
        validators: Validators,
    },
    /// A folder, its files and folders by their URLs.
    Folder(Vec<Url>),
}

/// By what a server tells whether a file is still the same.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl Validators {
    pub fn are_none(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
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

    fn as_headers(&self) -> Vec<(&'static str, String)> {
        let etag = self.etag.iter().map(|etag| ("if-none-match", etag.clone()));
        etag.chain(self.last_modified.iter().map(|time| ("if-modified-since", time.clone()))).collect()
    }
}

impl Source {
    /// The repository at a URL: http, https, or file with an absolute or relative path. What is
    /// wrong with it is said without repeating it, since a password may be in it.
    pub fn new(repo_url: &str, client: Rc<Client>) -> anyhow::Result<Self> {
        if let Some(path) = repo_url.strip_prefix("file:") {
            let path = path.strip_prefix("//localhost").or_else(|| path.strip_prefix("//")).unwrap_or(path);
            let path = percent_encoding::percent_decode_str(path).decode_utf8().context("--repo-url is no URL")?;
            let path = Path::new(path.as_ref());
            let shown = format!("file:{}", path.display());
            let (base, place) = (directory_url(path), Place::Directory(path.to_owned()));
            return Ok(Self { given: base.clone(), base, shown, client, place, has_fall_back: false });
        }
        let mut given: Url =
            repo_url.parse().context("--repo-url is no URL, such as https://yum.example.com/el/9/x86_64")?;
        if !matches!(given.scheme(), "http" | "https") {
            bail!("--repo-url has the scheme {}:, expected https:, http: or file:", given.scheme());
        }
        if given.fragment().is_some() {
            bail!("--repo-url goes on with # after its path: leave that off");
        }
        let credentials = basic_auth(&given);
        remove_credentials(&mut given);
        Ok(Self::on_the_web(given, client, credentials))
    }

    fn on_the_web(given: Url, client: Rc<Client>, credentials: Option<String>) -> Self {
        let mut base = given.clone();
        base.set_query(None);
        if !base.path().ends_with('/') && given.query().is_none() {
            base.set_path(&format!("{}/", base.path()));
        }
        Self { shown: shown(&base), given, base, client, place: Place::Web { credentials }, has_fall_back: false }
    }

    /// One of the mirrors that a list at this URL names. It is given the same credentials if it is on
    /// the same server, and no others.
    pub fn mirror(&self, base: &Url, has_fall_back: bool) -> Self {
        let mut base = base.clone();
        let credentials = basic_auth(&base).or_else(|| self.credentials_for(&base).cloned());
        remove_credentials(&mut base);
        Self { has_fall_back, ..Self::on_the_web(base, Rc::clone(&self.client), credentials) }
    }

    /// The URL that it was given as, without credentials; its query may be a secret.
    pub fn given(&self) -> &Url {
        &self.given
    }

    /// The URL that locations are relative to, without credentials.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The repository as messages and files show it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether `repodata` can lie below it: what a query asks for is no folder.
    pub fn is_folder(&self) -> bool {
        self.given.query().is_none()
    }

    pub fn is_on_the_web(&self) -> bool {
        matches!(self.place, Place::Web { .. })
    }

    /// The server that credentials are still wanted for, if it may want some.
    pub fn origin_without_credentials(&self) -> Option<Origin> {
        matches!(self.place, Place::Web { credentials: None }).then(|| self.base.origin())
    }

    /// Takes a user and password for a URL that has none of its own.
    pub fn log_in(&mut self, user: &str, password: &str) {
        if let Place::Web { credentials: credentials @ None } = &mut self.place {
            *credentials = Some(basic(user.bytes(), password.bytes()));
        }
    }

    /// The URL of a package as others are to use it: below a relative `file:` it is relative too.
    pub fn public_url(&self, url: String) -> String {
        match &self.place {
            Place::Directory(root) if root.is_relative() => {
                let (up, _) = folders(root);
                url.replacen("file:///", &format!("file:{}", "../".repeat(up)), 1)
            }
            _ => url,
        }
    }

    /// Waits before the caller's next attempt, from 1.
    pub fn wait(&self, attempt: u32) {
        self.client.wait(attempt);
    }

    /// Opens a file by its path in the repository.
    pub fn open(&self, path: &str, unless: &Validators) -> anyhow::Result<Asked<OpenFile>> {
        self.open_url(&self.base.join(path)?, unless)
    }

    /// Opens a file by its URL.
    pub fn open_url(&self, url: &Url, unless: &Validators) -> anyhow::Result<Asked<OpenFile>> {
        match &self.place {
            Place::Web { .. } => {
                let response = self.client.open(&self.request(url, unless))?;
                match response.status {
                    200 => {
                        let validators = Validators::of(|name| response.header(name));
                        Ok(Asked::There(OpenFile { body: response.body, shown: shown(&response.url), validators }))
                    }
                    304 if !unless.are_none() => Ok(Asked::Unchanged),
                    404 => Ok(Asked::NotThere),
                    status => Err(self.refusal(&response.url, status)),
                }
            }
            Place::Directory(root) => {
                let path = self.path_of(root, url)?;
                let shown = excerpt(&path.display().to_string());
                match File::open(&path) {
                    Ok(file) => {
                        let validators = Validators::default();
                        Ok(Asked::There(OpenFile { body: Box::new(file), shown, validators }))
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                        Ok(Asked::NotThere)
                    }
                    Err(error) => Err(error).with_context(|| format!("cannot read {shown}")),
                }
            }
        }
    }

    /// What is at the URL of the repository itself: an index, or a list of mirrors.
    pub fn look(&self, unless: &Validators) -> anyhow::Result<Asked<Found>> {
        let Place::Directory(root) = &self.place else {
            if !self.is_folder() {
                return self.page(&self.given, unless);
            }
            return match self.page(&self.base, unless)? {
                // The URL of a file, such as a list of mirrors, does not end with a slash.
                Asked::NotThere if self.given != self.base => self.page(&self.given, unless),
                answer => Ok(answer),
            };
        };
        if root.is_file() {
            let content = fs::read(root).with_context(|| format!("cannot read {}", root.display()))?;
            return Ok(Asked::There(Found::Page {
                content,
                url: self.base.clone(),
                validators: Validators::default(),
            }));
        }
        self.folder(&self.base).map(Asked::There)
    }

    /// Another page of an index, or a folder below it.
    pub fn look_further(&self, url: &Url) -> anyhow::Result<Asked<Found>> {
        match &self.place {
            Place::Web { .. } => self.page(url, &Validators::default()),
            Place::Directory(_) => self.folder(url).map(Asked::There),
        }
    }

    fn page(&self, url: &Url, unless: &Validators) -> anyhow::Result<Asked<Found>> {
        let answer = self.client.fetch(&self.request(url, unless), index::MAX_SIZE)?;
        match answer.status {
            200 => {
                let validators = Validators::of(|name| answer.header(name));
                let Answer { body, url, .. } = answer;
                Ok(Asked::There(Found::Page { content: body, url, validators }))
            }
            304 if !unless.are_none() => Ok(Asked::Unchanged),
            404 => Ok(Asked::NotThere),
            status => Err(self.refusal(&answer.url, status)),
        }
    }

    fn folder(&self, url: &Url) -> anyhow::Result<Found> {
        let Place::Directory(root) = &self.place else { bail!("{} is no directory", self.shown) };
        let path = if *url == self.base { root.clone() } else { self.path_of(root, url)? };
        let entries = fs::read_dir(&path).with_context(|| {
            format!(
                "cannot read the directory {0}: is the path right? (Under wasmtime, is it below a folder that \
                 --dir names?)",
                path.display()
            )
        })?;
        let mut urls = Vec::new();
        for entry in entries {
            let entry = entry?;
            let mut child = url.clone();
            if let Ok(mut segments) = child.path_segments_mut() {
                segments.pop_if_empty().push(&entry.file_name().to_string_lossy());
                if entry.file_type()?.is_dir() {
                    segments.push("");
                }
            }
            urls.push(child);
        }
        Ok(Found::Folder(urls))
    }

    fn request(&self, url: &Url, unless: &Validators) -> Request {
        let credentials = self.credentials_for(url).map(|value| ("authorization", value.clone()));
        let mut request =
            Request { credentials, headers: unless.as_headers(), ..Request::new(Method::Get, url.clone()) };
        if self.has_fall_back {
            request.attempts = 1;
        }
        request
    }

    /// Credentials are for the repository's own server alone.
    fn credentials_for(&self, url: &Url) -> Option<&String> {
        match &self.place {
            Place::Web { credentials } if url.origin() == self.base.origin() => credentials.as_ref(),
            _ => None,
        }
    }

    /// What an answer that is no success means, and what to do about it.
    fn refusal(&self, url: &Url, status: u16) -> anyhow::Error {
        let gave_password = matches!(self.place, Place::Web { credentials: Some(_) });
        let advice = match status {
            401 if !gave_password => {
                "it wants a user and password: the variables AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD, or \
                 USER:PASSWORD@ before the host in the URL"
            }
            401 if url.origin() == self.base.origin() => "it does not accept the user and password that it is given",
            401 => {
                "--repo-url redirects to it, and is given no user and password for it: put them into the URL that \
                 it redirects to, and give that one"
            }
            403 => "it is forbidden: is the user allowed to read it, and this machine's address?",
            429 | 500.. => "the server is overloaded, or out of order: run the job again later",
            _ => "this was not expected; is the URL right?",
        };
        anyhow!("{} answers {status}: {advice}", shown(url))
    }

    /// The file that a URL stands for, below the root: what is encoded leads nowhere else either.
    fn path_of(&self, root: &Path, url: &Url) -> anyhow::Result<PathBuf> {
        let outside = || {
            anyhow!(
                "{} is not inside of {}: a repository in a directory has all its files there",
                shown(url),
                self.shown
            )
        };
        let inside = url.as_str().strip_prefix(self.base.as_str()).ok_or_else(outside)?;
        let inside = percent_encoding::percent_decode_str(inside).decode_utf8_lossy();
        let inside = Path::new(inside.as_ref());
        if inside.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(outside());
        }
        Ok(root.join(inside))
    }
}

pub fn shown(url: &Url) -> String {
    ami_scheduler::redacted::RedactedUrl::from(url).to_string()
}

fn remove_credentials(url: &mut Url) {
    // An http URL has a host, and a URL with a host takes both.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// A URL that locations can be resolved against: the path as it is given, below the root.
fn directory_url(path: &Path) -> Url {
    let mut url = Url::parse("file:///").unwrap_or_else(|_| unreachable!("a constant that is a URL"));
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(folders(path).1).push("");
    }
    url
}

/// How many folders up a path begins, and which it then goes down; `a/..` is nowhere, as in a URL.
fn folders(path: &Path) -> (usize, Vec<&str>) {
    let (mut up, mut down) = (0, Vec::new());
    for part in path.components() {
        match part {
            Component::Normal(name) => down.extend(name.to_str()),
            Component::ParentDir if down.pop().is_none() => up += 1,
            _ => {}
        }
    }
    (up, down)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::{Script, ScriptedAnswer, answers};

    const REPOMD: &str = "repodata/repomd.xml";

    fn source(repo_url: &str) -> Source {
        web(repo_url, &Script::new([]))
    }

    fn web(repo_url: &str, script: &Script) -> Source {
        Source::new(repo_url, Rc::new(script.client())).expect(repo_url)
    }

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    const ALWAYS: &Validators = &Validators { etag: None, last_modified: None };

    fn read(asked: Asked<OpenFile>) -> String {
        let Asked::There(mut file) = asked else { panic!("a file") };
        let mut text = String::new();
        file.body.read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn a_repository_is_a_folder_with_or_without_a_slash_at_its_end() {
        for (repo_url, base) in [
            ("https://yum.example.com/el9", "https://yum.example.com/el9/"),
            ("https://yum.example.com/el9/", "https://yum.example.com/el9/"),
            ("http://yum.example.com", "http://yum.example.com/"),
            ("HTTPS://YUM.example.com:443/El9", "https://yum.example.com/El9/"),
            ("https://yum.example.com/a%20b", "https://yum.example.com/a%20b/"),
            ("https://u:p4ss@yum.example.com/el9", "https://yum.example.com/el9/"),
        ] {
            let script = Script::new([answers(200).body("<repomd>")]);
            let source = web(repo_url, &script);
            assert_eq!((source.base().as_str(), source.shown()), (base, base));
            assert_eq!(read(source.open(REPOMD, ALWAYS).expect("an answer")), "<repomd>");
            assert_eq!(script.urls(), [format!("{base}{REPOMD}")]);
        }
    }

    #[test]
    fn what_is_no_repository_is_refused_without_repeating_it() {
        for (repo_url, told) in [
            ("", "--repo-url is no URL"),
            ("yum.example.com/el9", "--repo-url is no URL"),
            ("https://us3r:p4ss@", "--repo-url is no URL"),
            ("https://us3r:p4ss@yum.example.com:port/", "--repo-url is no URL"),
            ("ftp://us3r:p4ss@yum.example.com/", "--repo-url has the scheme ftp:, expected https:, http: or file:"),
            ("s3://us3r:p4ss@bucket", "--repo-url has the scheme s3:, expected https:, http: or file:"),
            ("https://yum.example.com/el9/#us3r", "--repo-url goes on with # after its path"),
            ("file:/%ff", "--repo-url is no URL"),
        ] {
            let error = Source::new(repo_url, Rc::new(Script::new([]).client()))
                .map(|source| source.shown)
                .expect_err(repo_url);
            let messages = format!("{error:#} {error:?}");
            assert!(messages.contains(told), "{messages}");
            assert!(!messages.contains("us3r") && !messages.contains("p4ss"), "{messages}");
        }
    }

    #[test]
    fn a_user_and_password_become_basic_auth() {
        // The first is the example of RFC 7617.
        for (user_info, header) in [
            ("Aladdin:open%20sesame@", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            ("reader:s3cret%2F%C2%A7@", Some("Basic cmVhZGVyOnMzY3JldC/Cpw==")),
            ("a%40b:c%3Ad@", Some("Basic YUBiOmM6ZA==")),
            ("token@", Some("Basic dG9rZW46")),
            (":password@", Some("Basic OnBhc3N3b3Jk")),
            ("@", None),
            ("", None),
        ] {
            let script = Script::new([answers(404)]);
            web(&format!("https://{user_info}yum.example.com/"), &script).open(REPOMD, ALWAYS).expect("an answer");
            let sent = &script.requests()[0];
            assert_eq!(sent.credentials, header.map(|header| ("authorization", header.to_owned())), "{user_info}");
            assert_eq!(sent.url.as_str(), "https://yum.example.com/repodata/repomd.xml");
        }
    }

    #[test]
    fn credentials_are_sent_to_the_server_of_the_repository_alone() {
        for (file, sent) in [
            ("https://yum.example.com/el9/repodata/primary.xml.gz", true),
            ("https://yum.example.com/other/primary.xml.gz", true),
            ("https://cdn.example.com/el9/repodata/primary.xml.gz", false),
            ("https://yum.example.com:8443/el9/repodata/primary.xml.gz", false),
            ("http://yum.example.com/el9/repodata/primary.xml.gz", false),
        ] {
            let script = Script::new([answers(200)]);
            web("https://u:p4ss@yum.example.com/el9", &script).open_url(&url(file), ALWAYS).expect("an answer");
            assert_eq!(script.requests()[0].credentials.is_some(), sent, "{file}");
        }
        let script = Script::new([answers(200)]);
        web("https://u:p4ss@yum.example.com/el9", &script).look(ALWAYS).map(drop).expect("an answer");
        assert!(script.requests()[0].credentials.is_some());
    }

    #[test]
    fn a_file_that_is_not_there_is_none_and_any_other_answer_an_error_that_says_what_to_do() {
        let open =
            |said: ScriptedAnswer| web("https://yum.example.com/", &Script::new(vec![said; 6])).open(REPOMD, ALWAYS);
        assert!(matches!(open(answers(404)).expect("an answer"), Asked::NotThere));
        for (status, told) in [
            (401, "it wants a user and password"),
            (403, "is the user allowed to read it"),
            (410, "this was not expected"),
            (429, "run the job again"),
            (503, "run the job again"),
        ] {
            let error = open(answers(status)).map(drop).expect_err("an error").to_string();
            let begin = format!("https://yum.example.com/repodata/repomd.xml answers {status}: ");
            assert!(error.starts_with(&begin) && error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_user_and_password_of_their_own_are_for_a_url_that_has_none() {
        for (repo_url, header) in
            [("https://yum.example.com/", "Basic dTpwOjQ="), ("https://token@yum.example.com/", "Basic dG9rZW46")]
        {
            let script = Script::new([answers(404)]);
            let mut source = web(repo_url, &script);
            assert_eq!(source.origin_without_credentials().is_some(), !repo_url.contains('@'));
            source.log_in("u", "p:4");
            source.open(REPOMD, ALWAYS).expect("an answer");
            assert_eq!(script.requests()[0].credentials, Some(("authorization", header.to_owned())));
        }
        assert!(source("file:repo").origin_without_credentials().is_none());
    }

    #[test]
    fn a_mirror_has_the_credentials_of_its_list_on_the_same_server_alone() {
        for (mirror, sent) in [
            ("https://yum.example.com/mirror/", Some("Basic dTpwNHNz")),
            ("https://a:b@mirror.example.com/", Some("Basic YTpi")),
            ("https://mirror.example.com/", None),
            ("http://yum.example.com/mirror/", None),
        ] {
            let script = Script::new([answers(404)]);
            let list = web("https://u:p4ss@yum.example.com/mirrorlist?repo=el9", &script);
            list.mirror(&url(mirror), true).open(REPOMD, ALWAYS).expect("an answer");
            let request = &script.requests()[0];
            assert_eq!(request.credentials, sent.map(|sent| ("authorization", sent.to_owned())), "{mirror}");
            assert_eq!((request.attempts, request.url.username()), (1, ""));
        }
    }

    #[test]
    fn a_list_of_mirrors_is_asked_for_as_it_was_given() {
        let asked = |repo_url: &str, statuses: &[u16]| {
            let script = Script::new(statuses.iter().map(|status| answers(*status)));
            web(repo_url, &script).look(ALWAYS).expect("an answer");
            script.urls()
        };
        let list = "https://yum.example.com/list?repo=el9&arch=x86_64";
        assert_eq!(asked(list, &[200]), [list]);
        let file = "https://yum.example.com/list.txt";
        assert_eq!(asked(file, &[404, 200]), [&format!("{file}/"), file]);
        assert_eq!(asked("https://yum.example.com/el9/", &[404]), ["https://yum.example.com/el9/"]);
        assert!(!source(list).is_folder() && source(file).is_folder());
        assert_eq!(source(list).shown(), "https://yum.example.com/list");
    }

    #[test]
    fn a_file_is_asked_for_on_the_condition_that_it_changed() {
        let known = Validators { etag: Some("\"x\"".to_owned()), last_modified: Some("yesterday".to_owned()) };
        let script = Script::new([answers(304)]);
        assert!(matches!(web("https://yum.example.com/", &script).open(REPOMD, &known), Ok(Asked::Unchanged)));
        let headers = [("if-none-match", "\"x\"".to_owned()), ("if-modified-since", "yesterday".to_owned())];
        assert_eq!(script.requests()[0].headers, headers);
        // Who was not asked whether it changed has no reason to say that it did not.
        let script = Script::new([answers(304)]);
        assert!(web("https://yum.example.com/", &script).open(REPOMD, ALWAYS).is_err());
    }

    #[test]
    fn a_time_within_the_same_second_tells_no_change() {
        const THEN: &str = "Tue, 24 Nov 2026 02:00:00 GMT";
        for (date, kept) in [
            (Some("Tue, 24 Nov 2026 02:00:02 GMT"), true),
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

    #[test]
    fn a_password_that_is_wanted_is_asked_for_where_it_belongs() {
        let elsewhere = answers(301).with("location", "https://new.example.com/yum/");
        for (repo_url, answers, told) in [
            (
                "https://yum.example.com/",
                vec![answers(401)],
                "https://yum.example.com/repodata/repomd.xml answers 401: it wants",
            ),
            (
                "https://u:p4ss@yum.example.com/",
                vec![answers(401)],
                "does not accept the user and password that it is given",
            ),
            ("https://u:p4ss@yum.example.com/", vec![elsewhere, answers(401)], "--repo-url redirects to it"),
        ] {
            let error = web(repo_url, &Script::new(answers)).open(REPOMD, ALWAYS).map(drop).expect_err(repo_url);
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn an_index_belongs_to_the_place_that_a_redirect_leads_to() {
        let moved = answers(301).with("location", "https://new.example.com/yum/");
        let script = Script::new([moved, answers(200).body("<a href=x>")]);
        let Asked::There(Found::Page { content, url, .. }) =
            web("https://yum.example.com/", &script).look(ALWAYS).expect("an answer")
        else {
            panic!("a page")
        };
        assert_eq!((content.as_slice(), url.as_str()), (&b"<a href=x>"[..], "https://new.example.com/yum/"));
    }

    #[test]
    fn an_index_that_is_refused_is_an_error_without_secrets() {
        for (status, told) in [(410, "is the URL right?"), (401, "it does not accept the user and password")] {
            let script = Script::new([answers(status)]);
            let source = web("https://us3r:p4ss@yum.example.com/", &script);
            let error = source.look(ALWAYS).map(drop).expect_err("an error").to_string();
            assert!(error.starts_with("https://yum.example.com/ ") && error.contains(told), "{error}");
            assert!(["us3r", "p4ss"].iter().all(|secret| !error.contains(secret)), "{error}");
        }
    }

    #[test]
    fn a_directory_is_absolute_or_relative_and_its_packages_have_urls_that_others_can_use() {
        for (repo_url, base, package) in [
            ("file:repo", "file:///repo/", "file:repo/p.rpm"),
            ("file:./repo/", "file:///repo/", "file:repo/p.rpm"),
            ("file:.", "file:///", "file:p.rpm"),
            ("file:../repo", "file:///repo/", "file:../repo/p.rpm"),
            ("file:../../a/repo", "file:///a/repo/", "file:../../a/repo/p.rpm"),
            ("file:a/../repo", "file:///repo/", "file:repo/p.rpm"),
            ("file:a/../../repo", "file:///repo/", "file:../repo/p.rpm"),
            ("file:a b/50%", "file:///a%20b/50%25/", "file:a%20b/50%25/p.rpm"),
            ("file:a%20b", "file:///a%20b/", "file:a%20b/p.rpm"),
            ("file://localhost/srv/repo", "file:///srv/repo/", "file:///srv/repo/p.rpm"),
            ("file:/srv/repo", "file:///srv/repo/", "file:///srv/repo/p.rpm"),
            ("file:///srv/repo/", "file:///srv/repo/", "file:///srv/repo/p.rpm"),
            ("file:///srv/../repo", "file:///repo/", "file:///repo/p.rpm"),
        ] {
            let source = source(repo_url);
            assert_eq!(source.base().as_str(), base, "{repo_url}");
            assert_eq!(source.public_url(source.base().join("p.rpm").expect("a URL").into()), package, "{repo_url}");
        }
        let elsewhere = "https://cdn.example.com/p.rpm";
        for repo_url in ["file:repo", "file:///srv/repo", "https://yum.example.com/"] {
            assert_eq!(source(repo_url).public_url(elsewhere.to_owned()), elsewhere);
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_directory_is_refused() {
        for outside in [
            "file:///etc/passwd",
            "file:///srv/repo2/x",
            "file:///srv/repo/../x",
            "file:///srv/repo/%2e%2e/x",
            "file:///srv/repo/%2e%2e%2fx",
            "file:///srv/repo/..%2Fx",
            "file:///srv/repo/a%2f..%2f..%2fx",
            "file:///srv/repo/%2Fetc%2Fpasswd",
            "https://us3r:p4ss@yum.example.com/x?t0ken=1",
        ] {
            let error = source("file:/srv/repo").open_url(&url(outside), ALWAYS).map(drop).expect_err(outside);
            let message = format!("{error:#}");
            assert!(message.contains(" is not inside of file:/srv/repo: "), "{message}");
            assert!(["us3r", "p4ss", "t0ken"].iter().all(|secret| !message.contains(secret)), "{message}");
        }
        for path in ["../x", "/x", "%2e%2e%2fx", "%2fetc%2fpasswd"] {
            assert!(source("file:/srv/repo").open(path, ALWAYS).is_err(), "{path}");
        }
    }

    /// WASI has no folder for temporary files; the component's tests read directories in wasm.
    #[cfg(not(target_os = "wasi"))]
    mod directory {
        use super::*;

        fn folder(files: &[&str]) -> (tempfile::TempDir, Source) {
            let folder = tempfile::tempdir().expect("a folder");
            for name in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, *name).expect("written");
            }
            let source = source(&format!("file:{}", folder.path().display()));
            (folder, source)
        }

        #[test]
        fn a_file_is_read_by_its_path_and_none_where_it_is_not_there() {
            let (folder, source) = folder(&[REPOMD]);
            let Asked::There(file) = source.open(REPOMD, ALWAYS).expect("read") else { panic!("a file") };
            assert_eq!(file.shown, folder.path().join(REPOMD).display().to_string());
            assert_eq!(read(Asked::There(file)), REPOMD);
            assert!(matches!(source.open("repodata/primary.xml", ALWAYS).expect("not there"), Asked::NotThere));
        }

        #[test]
        fn a_path_that_is_percent_encoded_is_decoded_once() {
            let names = ["Packages/a+b c.rpm", "Packages/100%.rpm", "Packages/%41.rpm", "Packages/ü.rpm"];
            let (_folder, source) = folder(&names);
            for (path, name) in [
                ("Packages/a+b%20c.rpm", names[0]),
                ("Packages%2Fa%2Bb%20c.rpm", names[0]),
                ("Packages/100%25.rpm", names[1]),
                ("Packages/%2541.rpm", names[2]),
                ("Packages/%C3%BC.rpm", names[3]),
            ] {
                assert_eq!(read(source.open(path, ALWAYS).expect(path)), name);
            }
        }

        #[test]
        fn a_folder_whose_name_has_to_be_encoded_is_a_repository_too() {
            let (folder, _) = folder(&["a b/50%/p.rpm"]);
            let source = source(&format!("file://{}", folder.path().join("a b/50%").display()));
            assert_eq!(read(source.open("p.rpm", ALWAYS).expect("read")), "a b/50%/p.rpm");
        }

        #[test]
        fn its_files_are_listed_by_urls_that_open_them() {
            let names = ["p-1~rc1-1.noarch.rpm", "p-1^2-1.noarch.rpm", "p-1+2-1.noarch.rpm", "50% #?.rpm"];
            let (_folder, source) = folder(&names);
            let Asked::There(Found::Folder(urls)) = source.look(ALWAYS).expect("an index") else { panic!("files") };
            let mut found: Vec<String> =
                urls.iter().map(|url| read(source.open_url(url, ALWAYS).expect("read"))).collect();
            found.sort();
            let mut names = names.map(str::to_owned);
            names.sort();
            assert_eq!(found, names);
        }

        #[test]
        fn a_directory_that_is_not_there_is_an_error_that_names_it() {
            let (folder, _) = folder(&[]);
            let missing = folder.path().join("el9");
            let source = source(&format!("file:{}", missing.display()));
            let error = source.look(ALWAYS).map(drop).expect_err("no directory").to_string();
            let told = format!("cannot read the directory {}: is the path right?", missing.display());
            assert!(error.starts_with(&told), "{error}");
        }
    }
}
