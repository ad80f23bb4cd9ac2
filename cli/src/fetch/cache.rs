//! What is kept of a repository from run to run: its primary and its updateinfo, as the server sent them.
//!
//! Whoever can write to a runner's folder, or to GitLab's cache, can write there as well. So nothing is believed
//! because it was kept: each run asks the repository for its `repomd.xml`, and a kept file has to have the checksum
//! that this one states, as a download has to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use ami_scheduler::release::Checksum;
use ami_scheduler::repository::repomd::Repomd;
use ami_scheduler::text::hex;
use sha2::{Digest as _, Sha256};
use url::Url;

/// The most bytes that are kept. GitLab carries a cache to and fro, which costs more than it spares with a large one.
const MAX_SIZE: u64 = 64 << 20;

/// The place of what is kept of one repository: a folder with a file or two, each named by its checksum.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// `repository` is its URL as it was given, without credentials. A query may be a secret: the name does not tell it.
    pub fn new(folder: &Path, repository: &Url) -> Self {
        let digest = hex(&Sha256::digest(repository.as_str()));
        Self { folder: folder.join(format!("repository-{}", &digest[..16])) }
    }

    /// Whether the repository had repodata on an earlier run.
    pub fn knows_repodata(&self) -> bool {
        self.folder.is_dir()
    }

    /// Keeps nothing any longer: the repository has no repodata from now on.
    pub fn forget(&self) {
        if let Err(error) = fs::remove_dir_all(&self.folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            message!(
                "WARNING: the cache's folder {} cannot be removed: {error}. Clear the runner's caches, or the next run asks for \
                 accept_index again",
                self.folder.display()
            );
        }
    }

    fn file(&self, checksum: &Checksum) -> PathBuf {
        self.folder.join(checksum.to_string().replace(':', "-"))
    }

    /// The file that was kept under this checksum, to be read as if it came from the server.
    pub fn open(&self, checksum: &Checksum) -> Option<(PathBuf, File)> {
        // A pipe in its place would be waited for.
        let path = Some(self.file(checksum)).filter(|path| is_file(path))?;
        let file = File::open(&path).ok()?;
        Some((path, file))
    }

    /// A body that is kept while it is read, beside the other files of this `repomd.xml`. It counts once it
    /// [was verified](Keeping::verified).
    pub fn keep<R: Read>(&self, body: R, checksum: &Checksum, repomd: &Repomd) -> Keeping<R> {
        let file = self.file(checksum);
        let others = [Some(&repomd.primary), repomd.updateinfo.as_ref().ok().and_then(Option::as_ref)];
        let others: Vec<PathBuf> = others.into_iter().flatten().map(|other| self.file(&other.checksum)).collect();
        let begun = Part::begin(&self.folder, file.with_extension("part"), &others);
        let part = begun.map_err(|error| not_kept(&file, &error)).ok();
        Keeping { body, file, part }
    }
}

/// Whether it is one itself, and no link to one.
fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

fn not_kept(file: &Path, reason: &dyn std::fmt::Display) {
    message!("{} is not kept for the next run: {reason}", file.display());
}

/// A body, and the file that it is kept in, unless that failed: a run does not fail for it.
pub struct Keeping<R> {
    body: R,
    file: PathBuf,
    part: Option<Part>,
}

impl<R> Keeping<R> {
    /// Keeps what was read for the next run: it is what the repository describes.
    pub fn verified(&mut self) {
        let kept = self.part.take().map(|part| fs::rename(&part.path, &self.file));
        if let Some(Err(error)) = kept {
            not_kept(&self.file, &error);
        }
    }
}

impl<R: Read> Read for Keeping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        if let Some(Err(error)) = self.part.as_mut().map(|part| part.add(&buffer[..read])) {
            self.part = None;
            not_kept(&self.file, &error);
        }
        Ok(read)
    }
}

/// A file that is not whole yet. It goes with its value, unless it was renamed.
struct Part {
    path: PathBuf,
    file: File,
    size: u64,
}

impl Part {
    /// Begins a file in a folder that holds nothing by then but these others.
    fn begin(folder: &Path, path: PathBuf, others: &[PathBuf]) -> io::Result<Self> {
        if folder.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            fs::remove_file(folder)?;
        }
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            match kind.is_file() && others.contains(&entry) {
                true => {}
                false if kind.is_dir() => fs::remove_dir_all(entry)?,
                false => fs::remove_file(entry)?,
            }
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { path, file, size: 0 })
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        if self.size > MAX_SIZE {
            return Err(io::Error::other(format!("it has more than {MAX_SIZE} bytes")));
        }
        self.file.write_all(bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

// WASI has no folder for temporary files; the component's tests keep a primary in wasm.
#[cfg(all(test, not(target_os = "wasi")))]
mod tests {
    use ami_scheduler::repository::repomd::DataFile;

    use super::*;

    fn cache(folder: &Path) -> Cache {
        Cache::new(folder, &"https://yum.example.com/el9/".parse().expect("a URL"))
    }

    fn checksum(digit: char) -> Checksum {
        format!("sha256:{}", digit.to_string().repeat(64)).parse().expect("a checksum")
    }

    /// A `repomd.xml` of these files.
    fn repomd(primary: &Checksum, updateinfo: Option<&Checksum>) -> Repomd {
        let file = |checksum: &Checksum| {
            let checksum = checksum.clone();
            DataFile { href: "repodata/x.xml".to_owned(), base: None, checksum, size: None }
        };
        Repomd {
            revision: String::new(),
            primary: file(primary),
            updateinfo: Ok(updateinfo.map(file)),
            names_modules: false,
        }
    }

    fn keep(cache: &Cache, content: &str, checksum: &Checksum, is_verified: bool) {
        let mut keeping = cache.keep(content.as_bytes(), checksum, &repomd(checksum, None));
        io::copy(&mut keeping, &mut io::sink()).expect("read");
        if is_verified {
            keeping.verified();
        }
    }

    fn kept(cache: &Cache, checksum: &Checksum) -> Option<String> {
        cache.open(checksum).map(|(_, file)| io::read_to_string(file).expect("text"))
    }

    #[test]
    fn what_was_verified_is_there_under_its_checksum_until_another_one_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(&folder.path().join("made/by/it"));
        assert_eq!(kept(&cache, &checksum('a')), None);
        keep(&cache, "<a>", &checksum('a'), true);
        assert_eq!(kept(&cache, &checksum('a')).as_deref(), Some("<a>"));
        assert_eq!(kept(&cache, &checksum('b')), None);
        keep(&cache, "<b>", &checksum('b'), true);
        assert_eq!((kept(&cache, &checksum('a')), kept(&cache, &checksum('b'))), (None, Some("<b>".to_owned())));
    }

    #[test]
    fn the_files_of_one_repomd_are_kept_beside_each_other_and_no_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, [a, b, c]) = (cache(folder.path()), ['a', 'b', 'c'].map(checksum));
        let (first, second) = (repomd(&a, Some(&b)), repomd(&a, Some(&c)));
        for (content, checksum, repomd) in [("<a>", &a, &first), ("<b>", &b, &first), ("<c>", &c, &second)] {
            let mut keeping = cache.keep(content.as_bytes(), checksum, repomd);
            io::copy(&mut keeping, &mut io::sink()).expect("read");
            keeping.verified();
        }
        let text = |text: &str| Some(text.to_owned());
        assert_eq!([a, b, c].map(|checksum| kept(&cache, &checksum)), [text("<a>"), None, text("<c>")]);
    }

    #[test]
    fn what_was_not_verified_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        keep(&cache, "<a>", &checksum('a'), false);
        assert_eq!(fs::read_dir(&cache.folder).expect("a folder").count(), 0);
    }

    #[test]
    fn repositories_are_kept_apart_by_their_whole_url() {
        let folder = tempfile::tempdir().expect("a folder");
        keep(&cache(folder.path()), "<a>", &checksum('a'), true);
        let other = Cache::new(folder.path(), &"https://yum.example.com/el9/?token=s3cret".parse().expect("a URL"));
        keep(&other, "<b>", &checksum('b'), true);
        assert_eq!(kept(&cache(folder.path()), &checksum('a')).as_deref(), Some("<a>"));
        assert!(!format!("{}", other.folder.display()).contains("s3cret"));
    }

    #[test]
    fn what_is_too_large_is_read_all_the_same_and_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        let (body, checksum) = (io::repeat(b'x').take(MAX_SIZE + 1), checksum('a'));
        let mut keeping = cache.keep(body, &checksum, &repomd(&checksum, None));
        assert_eq!(io::copy(&mut keeping, &mut io::sink()).expect("read"), MAX_SIZE + 1);
        keeping.verified();
        assert_eq!(kept(&cache, &checksum), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_that_somebody_left_are_neither_followed_nor_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, theirs) = (cache(&folder.path().join("cache")), folder.path().join("theirs"));
        fs::create_dir(&theirs).expect("a folder");
        fs::write(theirs.join("file"), "precious").expect("written");

        // In place of the file.
        fs::create_dir_all(&cache.folder).expect("a folder");
        std::os::unix::fs::symlink(theirs.join("file"), cache.file(&checksum('a'))).expect("a link");
        assert_eq!(kept(&cache, &checksum('a')), None);
        // In place of the file that is written.
        std::os::unix::fs::symlink(theirs.join("file"), cache.file(&checksum('b')).with_extension("part"))
            .expect("a link");
        keep(&cache, "<b>", &checksum('b'), true);
        assert_eq!(kept(&cache, &checksum('b')).as_deref(), Some("<b>"));
        // In place of the folder.
        fs::remove_dir_all(&cache.folder).expect("removed");
        std::os::unix::fs::symlink(&theirs, &cache.folder).expect("a link");
        keep(&cache, "<b>", &checksum('b'), true);
        assert_eq!(kept(&cache, &checksum('b')).as_deref(), Some("<b>"));

        assert_eq!(fs::read_to_string(theirs.join("file")).expect("read"), "precious");
        assert_eq!(fs::read_dir(&theirs).expect("a folder").count(), 1);
        let pipe = cache.file(&checksum('c'));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()));
        assert_eq!(kept(&cache, &checksum('c')), None);
    }
}
