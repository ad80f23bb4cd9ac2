//! Where a repository is read from: a web server, or a directory.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use ami_scheduler::report::excerpt;
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
    Page { html: Vec<u8>, url: Url },
    Files(Vec<Url>),
}

impl Source {
    /// The repository at a URL: http, https, or file with an absolute or relative path. What is
    /// wrong with it is said without repeating it, since a password may be in it.
    pub fn new(repo_url: &str, client: Client) -> anyhow::Result<Self> {
        if let Some(path) = repo_url.strip_prefix("file:") {
            let path = path.strip_prefix("//localhost").or_else(|| path.strip_prefix("//")).unwrap_or(path);
            let path = percent_encoding::percent_decode_str(path).decode_utf8().context("--repo-url is no URL")?;
            let path = Path::new(path.as_ref());
            let shown = format!("file:{}", path.display());
            return Ok(Self { base: directory_url(path), shown, client, place: Place::Directory(path.to_owned()) });
        }
        let mut base: Url =
            repo_url.parse().context("--repo-url is no URL, such as https://yum.example.com/el/9/x86_64")?;
        if !matches!(base.scheme(), "http" | "https") {
            bail!("--repo-url has the scheme {}:, expected https:, http: or file:", base.scheme());
        }
        if base.query().is_some() || base.fragment().is_some() {
            bail!(
                "--repo-url goes on with ? or # after its path: expected the URL of a directory, such as \
                 https://yum.example.com/el/9/x86_64"
            );
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
                let (up, _) = folders(root);
                url.replacen("file:///", &format!("file:{}", "../".repeat(up)), 1)
            }
            _ => url.to_owned(),
        }
    }

    /// Waits before the caller's next attempt, from 1.
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
                match response.status {
                    200 => Ok(Some(OpenFile { body: response.body, shown: shown(&response.url) })),
                    404 => Ok(None),
                    status => Err(self.refusal(&response.url, status)),
                }
            }
            Place::Directory(root) => {
                let path = self.path_of(root, url)?;
                let shown = excerpt(&path.display().to_string());
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
                    status => return Err(self.refusal(&answer.url, status)),
                }
                Ok(Index::Page { html: answer.body, url: answer.url })
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

    /// What an answer that is no success means, and what to do about it.
    fn refusal(&self, url: &Url, status: u16) -> anyhow::Error {
        let gave_password = matches!(self.place, Place::Web { credentials: Some(_) });
        let advice = match status {
            401 if !gave_password => "it wants a user and password, in the URL before the host: USER:PASSWORD@host",
            401 if url.origin() == self.base.origin() => "it does not accept the user and password of --repo-url",
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
    use crate::http::scripted::{Said, Script, answers};

    const REPOMD: &str = "repodata/repomd.xml";

    fn source(repo_url: &str) -> Source {
        web(repo_url, &Script::new([]))
    }

    fn web(repo_url: &str, script: &Script) -> Source {
        Source::new(repo_url, script.client()).expect(repo_url)
    }

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    fn read(file: Option<OpenFile>) -> String {
        let mut text = String::new();
        file.expect("a file").body.read_to_string(&mut text).expect("text");
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
            assert_eq!(read(source.open(REPOMD).expect("an answer")), "<repomd>");
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
            ("https://yum.example.com/el9?p4ss", "--repo-url goes on with ? or # after its path"),
            ("https://yum.example.com/el9/#us3r", "--repo-url goes on with ? or # after its path"),
            ("file:/%ff", "--repo-url is no URL"),
        ] {
            let error = Source::new(repo_url, Script::new([]).client()).map(|source| source.shown).expect_err(repo_url);
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
            web(&format!("https://{user_info}yum.example.com/"), &script).open(REPOMD).expect("an answer");
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
            web("https://u:p4ss@yum.example.com/el9", &script).open_url(&url(file)).expect("an answer");
            assert_eq!(script.requests()[0].credentials.is_some(), sent, "{file}");
        }
        let script = Script::new([answers(200)]);
        web("https://u:p4ss@yum.example.com/el9", &script).directory_index().map(drop).expect("an answer");
        assert!(script.requests()[0].credentials.is_some());
    }

    #[test]
    fn a_file_that_is_not_there_is_none_and_any_other_answer_an_error_that_says_what_to_do() {
        let open = |said: Said| web("https://yum.example.com/", &Script::new(vec![said; 6])).open(REPOMD);
        assert!(open(answers(404)).expect("an answer").is_none());
        for (status, told) in [
            (401, "it wants a user and password"),
            (403, "is the user allowed to read it"),
            (410, "this was not expected"),
            (429, "run the job again"),
            (503, "run the job again"),
        ] {
            let error = open(answers(status)).map(|file| file.is_some()).expect_err("an error").to_string();
            let begin = format!("https://yum.example.com/repodata/repomd.xml answers {status}: ");
            assert!(error.starts_with(&begin) && error.contains(told), "{error}");
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
                "does not accept the user and password of --repo-url",
            ),
            ("https://u:p4ss@yum.example.com/", vec![elsewhere, answers(401)], "--repo-url redirects to it"),
        ] {
            let error =
                web(repo_url, &Script::new(answers)).open(REPOMD).map(|file| file.is_some()).expect_err(repo_url);
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn an_index_belongs_to_the_place_that_a_redirect_leads_to() {
        let moved = answers(301).with("location", "https://new.example.com/yum/");
        let script = Script::new([moved, answers(200).body("<a href=x>")]);
        match web("https://yum.example.com/", &script).directory_index().expect("an answer") {
            Index::Page { html, url } => {
                assert_eq!((html.as_slice(), url.as_str()), (&b"<a href=x>"[..], "https://new.example.com/yum/"));
            }
            Index::Files(_) => panic!("a web server has pages"),
        }
    }

    #[test]
    fn an_index_that_is_not_there_is_an_error_without_secrets() {
        for (status, told) in [(404, "is the URL right?"), (401, "it does not accept the user and password")] {
            let script = Script::new([answers(status)]);
            let source = web("https://us3r:p4ss@yum.example.com/", &script);
            let error = source.directory_index().map(drop).expect_err("an error").to_string();
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
            assert_eq!(source.public_url(source.base().join("p.rpm").expect("a URL").as_str()), package, "{repo_url}");
        }
        let elsewhere = "https://cdn.example.com/p.rpm";
        for repo_url in ["file:repo", "file:///srv/repo", "https://yum.example.com/"] {
            assert_eq!(source(repo_url).public_url(elsewhere), elsewhere);
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
            let error = source("file:/srv/repo").open_url(&url(outside)).map(|file| file.is_some()).expect_err(outside);
            let message = format!("{error:#}");
            assert!(message.contains(" is not inside of file:/srv/repo: "), "{message}");
            assert!(["us3r", "p4ss", "t0ken"].iter().all(|secret| !message.contains(secret)), "{message}");
        }
        for path in ["../x", "/x", "%2e%2e%2fx", "%2fetc%2fpasswd"] {
            assert!(source("file:/srv/repo").open(path).is_err(), "{path}");
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
            let file = source.open(REPOMD).expect("read").expect("a file");
            assert_eq!(file.shown, folder.path().join(REPOMD).display().to_string());
            assert_eq!(read(Some(file)), REPOMD);
            assert!(source.open("repodata/primary.xml").expect("not there").is_none());
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
                assert_eq!(read(source.open(path).expect(path)), name);
            }
        }

        #[test]
        fn a_folder_whose_name_has_to_be_encoded_is_a_repository_too() {
            let (folder, _) = folder(&["a b/50%/p.rpm"]);
            let source = source(&format!("file://{}", folder.path().join("a b/50%").display()));
            assert_eq!(read(source.open("p.rpm").expect("read")), "a b/50%/p.rpm");
        }

        #[test]
        fn its_files_are_listed_by_urls_that_open_them() {
            let names = ["p-1~rc1-1.noarch.rpm", "p-1^2-1.noarch.rpm", "p-1+2-1.noarch.rpm", "50% #?.rpm"];
            let (_folder, source) = folder(&names);
            let Index::Files(urls) = source.directory_index().expect("an index") else { panic!("files") };
            let mut found: Vec<String> = urls.iter().map(|url| read(source.open_url(url).expect("read"))).collect();
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
            let error = source.directory_index().map(drop).expect_err("no directory").to_string();
            let told = format!("cannot read the directory {}: is the path right?", missing.display());
            assert!(error.starts_with(&told), "{error}");
        }
    }
}
