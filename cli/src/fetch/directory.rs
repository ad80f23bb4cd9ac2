//! A repository in a directory.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use ami_scheduler::redacted::RedactedUrl;
use percent_encoding::percent_decode_str;
use url::Url;

use super::error::FetchError;
use super::location::Location;
use super::source::{Absence, Fetched, Freshness, Index, OpenFile, Source};
use super::web::WebServer;
use crate::http::{Client, Tls};

pub struct Directory {
    path: PathBuf,
    base: Url,
    location: Location,
    /// For the mirrors that a list in a file names.
    tls: Tls,
    client: Rc<Client>,
}

impl Directory {
    pub fn new(path: PathBuf, tls: Tls, client: Rc<Client>) -> Self {
        let location = Location::Path(format!("file:{}", path.display()));
        Self { base: directory_url(&path), location, path, tls, client }
    }

    /// The file that a URL stands for, below the directory: nothing that is encoded leads out of it either.
    fn path_of(&self, url: &Url) -> Result<PathBuf, FetchError> {
        let outside = || FetchError::Outside { url: RedactedUrl::from(url), directory: self.location.clone() };
        let inside = url.as_str().strip_prefix(self.base.as_str()).ok_or_else(outside)?;
        let inside = percent_decode_str(inside).decode_utf8_lossy();
        let inside = Path::new(inside.as_ref());
        if inside.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(outside());
        }
        Ok(self.path.join(inside))
    }

    fn folder(path: &Path, url: &Url) -> Result<Index, FetchError> {
        let unreadable = |source| FetchError::NoDirectory { directory: Location::from(path), source };
        let mut urls = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
            let mut child = url.clone();
            if let Ok(mut segments) = child.path_segments_mut() {
                segments.pop_if_empty().push(&entry.file_name().to_string_lossy());
                if is_folder {
                    segments.push("");
                }
            }
            urls.push(child);
        }
        Ok(Index::Folder(urls))
    }
}

impl Source for Directory {
    fn location(&self) -> &Location {
        &self.location
    }

    fn base(&self) -> &Url {
        &self.base
    }

    fn cache_key(&self) -> Option<&Url> {
        None
    }

    fn open(&self, url: &Url, _: Freshness) -> Result<Fetched<OpenFile>, FetchError> {
        let path = self.path_of(url)?;
        let location = Location::from(path.as_path());
        match File::open(&path) {
            Ok(file) => Ok(Fetched::Found(OpenFile { body: Box::new(file), location })),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Fetched::Absent(Absence::Missing))
            }
            Err(source) => Err(FetchError::Unreadable { file: location, source }),
        }
    }

    fn index(&self) -> Result<Fetched<Index>, FetchError> {
        if !self.path.is_file() {
            return Self::folder(&self.path, &self.base).map(Fetched::Found);
        }
        let file = || Location::from(self.path.as_path());
        let content = fs::read(&self.path).map_err(|source| FetchError::Unreadable { file: file(), source })?;
        Ok(Fetched::Found(Index::Page { content, url: self.base.clone() }))
    }

    fn index_at(&self, url: &Url) -> Result<Fetched<Index>, FetchError> {
        Self::folder(&self.path_of(url)?, url).map(Fetched::Found)
    }

    fn mirror(&self, base: &Url, has_fall_back: bool) -> Box<dyn Source> {
        Box::new(WebServer::mirror(base, self.tls.clone(), Rc::clone(&self.client), has_fall_back))
    }

    /// Below a relative path a URL is relative too.
    fn public_url(&self, url: String) -> String {
        if self.path.is_absolute() {
            return url;
        }
        let (up, _) = folders(&self.path);
        url.replacen("file:///", &format!("file:{}", "../".repeat(up)), 1)
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn wait(&self, attempt: u32) {
        self.client.wait(attempt);
    }
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
    use crate::fetch::repo_url::RepoUrl;
    use crate::http::scripted::Script;

    fn source(repo_url: &str) -> Box<dyn Source> {
        repo_url.parse::<RepoUrl>().expect(repo_url).source(Tls::default(), Rc::new(Script::new([]).client()))
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
            let source = source("file:/srv/repo");
            let url = outside.parse().expect(outside);
            for error in [source.open(&url, Freshness::Any).map(drop), source.index_at(&url).map(drop)] {
                let message = error.expect_err(outside).to_string();
                assert!(message.contains(" is not inside of file:/srv/repo: "), "{message}");
                assert!(["us3r", "p4ss", "t0ken"].iter().all(|secret| !message.contains(secret)), "{message}");
            }
        }
    }

    /// WASI has no folder for temporary files; the component's tests read directories in wasm.
    #[cfg(not(target_os = "wasi"))]
    mod files {
        use super::*;

        fn folder(files: &[&str]) -> (tempfile::TempDir, Box<dyn Source>) {
            let folder = tempfile::tempdir().expect("a folder");
            for name in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, *name).expect("written");
            }
            let source = source(&format!("file:{}", folder.path().display()));
            (folder, source)
        }

        fn open(source: &dyn Source, path: &str) -> Fetched<OpenFile> {
            source.open(&source.base().join(path).expect(path), Freshness::Any).expect(path)
        }

        fn read(fetched: Fetched<OpenFile>) -> String {
            let Fetched::Found(mut file) = fetched else { panic!("a file") };
            let mut text = String::new();
            file.body.read_to_string(&mut text).expect("text");
            text
        }

        #[test]
        fn a_file_is_read_by_its_path_or_missing() {
            const REPOMD: &str = "repodata/repomd.xml";
            let (folder, source) = folder(&[REPOMD]);
            let Fetched::Found(file) = open(&*source, REPOMD) else { panic!("a file") };
            assert_eq!(file.location.to_string(), folder.path().join(REPOMD).display().to_string());
            assert_eq!(read(Fetched::Found(file)), REPOMD);
            for path in ["repodata/primary.xml", "repodata/repomd.xml/x"] {
                assert!(matches!(open(&*source, path), Fetched::Absent(Absence::Missing)));
            }
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
                assert_eq!(read(open(&*source, path)), name);
            }
        }

        #[test]
        fn a_folder_whose_name_has_to_be_encoded_is_a_repository_too() {
            let (folder, _) = folder(&["a b/50%/p.rpm"]);
            let source = source(&format!("file://{}", folder.path().join("a b/50%").display()));
            assert_eq!(read(open(&*source, "p.rpm")), "a b/50%/p.rpm");
        }

        #[test]
        fn files_are_listed_by_urls_that_open_them() {
            let names = ["p-1~rc1-1.noarch.rpm", "p-1^2-1.noarch.rpm", "p-1+2-1.noarch.rpm", "50% #?.rpm"];
            let (_folder, source) = folder(&names);
            let Fetched::Found(Index::Folder(urls)) = source.index().expect("an index") else { panic!("files") };
            let mut found: Vec<String> =
                urls.iter().map(|url| read(source.open(url, Freshness::Any).expect("read"))).collect();
            found.sort();
            let mut names = names.map(str::to_owned);
            names.sort();
            assert_eq!(found, names);
        }

        #[test]
        fn a_folder_below_it_is_listed_by_its_url() {
            let (_folder, source) = folder(&["Packages/g/p.rpm"]);
            let Fetched::Found(Index::Folder(urls)) = source.index().expect("an index") else { panic!("files") };
            assert_eq!(urls, [source.base().join("Packages/").expect("a URL")]);
            let inside = source.index_at(&urls[0]).expect("an index");
            let Fetched::Found(Index::Folder(urls)) = inside else { panic!("files") };
            assert_eq!(urls, [source.base().join("Packages/g/").expect("a URL")]);
        }

        #[test]
        fn a_file_is_its_own_index() {
            let (folder, _) = folder(&["mirrors.txt"]);
            let source = source(&format!("file:{}", folder.path().join("mirrors.txt").display()));
            let Fetched::Found(Index::Page { content, .. }) = source.index().expect("read") else { panic!("a page") };
            assert_eq!(content, b"mirrors.txt");
        }

        #[test]
        fn a_missing_directory_is_an_error_that_names_it_and_speaks_of_no_sandbox() {
            let (folder, _) = folder(&[]);
            let missing = folder.path().join("el9");
            let source = source(&format!("file:{}", missing.display()));
            let error = source.index().map(drop).expect_err("no directory").to_string();
            assert_eq!(error, format!("cannot read the directory {}: is the path right?", missing.display()));
        }
    }
}
