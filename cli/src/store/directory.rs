//! A store in a directory: for laptops, demonstrations and tests.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use ami_scheduler::tracker::heads::{Store, StoreError, StoredFile, Uploaded};

pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The directory has to exist: a misspelt one is not an empty tracker.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Store for Directory {
    fn list(&self) -> Result<Vec<StoredFile>, StoreError> {
        let entries = fs::read_dir(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                format!("there is no directory {0}; for a new tracker make one: mkdir -p {0}", self.path.display())
            }
            _ => error.to_string(),
        })?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.metadata() {
                // Deleted since the directory was read.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{name}: {error}").into()),
                // A link is followed when it is read: one that leads nowhere is then missing, not ignored.
                Ok(metadata) if !metadata.is_dir() && !name.starts_with('.') => {
                    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                    files.push((modified, name));
                }
                Ok(_) => {}
            }
        }
        // Names are unique here, so that age and name give every file a place of its own.
        files.sort();
        let files = files.into_iter().zip(0..).map(|((_, name), id)| StoredFile { id, name, sha256: None });
        Ok(files.collect())
    }

    fn download(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::read(self.path.join(&file.name)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn upload(&self, name: &str, content: &[u8]) -> Result<Uploaded, StoreError> {
        let (path, mut draft) = self.new_draft(name)?;
        let stored = draft
            .write_all(content)
            .and_then(|()| draft.sync_all())
            .and_then(|()| fs::rename(&path, self.path.join(name)));
        if stored.is_err() {
            let _ = fs::remove_file(&path);
        }
        Ok(stored.map(|()| Uploaded::Stored)?)
    }

    fn delete(&self, file: &StoredFile) -> Result<(), StoreError> {
        match fs::remove_file(self.path.join(&file.name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn wait(&self, attempt: u32) {
        std::thread::sleep(Duration::from_millis(10) * attempt);
    }

    fn place(&self) -> String {
        format!("directory {}", self.path.display())
    }
}

impl Directory {
    /// A file to write under a name that no reader takes for a head: what has the name of a head is
    /// whole at every moment.
    fn new_draft(&self, name: &str) -> io::Result<(PathBuf, File)> {
        for number in 0..1000 {
            let path = self.path.join(format!(".{name}.{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(draft) => return Ok((path, draft)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(
            ErrorKind::AlreadyExists,
            format!("a thousand drafts stand in the way; delete .{name}.0 to .{name}.999"),
        ))
    }
}

// WASI has no folder for temporary files; the component's tests run this store in wasm.
#[cfg(all(test, not(target_os = "wasi")))]
mod tests {
    use super::*;

    struct Folder {
        folder: tempfile::TempDir,
        store: Directory,
    }

    fn folder() -> Folder {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Directory::new(folder.path());
        Folder { folder, store }
    }

    impl Folder {
        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn put(&self, name: &str, content: &str, seconds: u64) {
            fs::write(self.path(name), content).expect("written");
            let file = OpenOptions::new().write(true).open(self.path(name)).expect("a file");
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("an age");
        }

        fn listed(&self) -> Vec<String> {
            let mut files = self.store.list().expect("a listing");
            files.sort_by_key(|file| file.id);
            files.into_iter().map(|file| file.name).collect()
        }

        /// Every name that is there, of drafts too.
        fn there(&self) -> Vec<String> {
            let entries = fs::read_dir(self.folder.path()).expect("a folder");
            let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        }
    }

    fn file(name: &str) -> StoredFile {
        StoredFile { id: 0, name: name.to_owned(), sha256: None }
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_that_says_how_to_make_it() {
        let folder = folder();
        let missing = folder.path("tracker");
        let error = Directory::new(&missing).list().expect_err("no directory").to_string();
        let shown = missing.display();
        assert_eq!(error, format!("there is no directory {shown}; for a new tracker make one: mkdir -p {shown}"));
        Directory::new(&missing).upload("head", b"{}").expect_err("no directory");
        assert!(!missing.exists());
    }

    #[test]
    fn what_is_no_directory_is_an_error_and_not_an_empty_store() {
        let folder = folder();
        folder.put("tracker", "", 0);
        Directory::new(&folder.path("tracker")).list().expect_err("a file");
    }

    #[test]
    fn an_empty_directory_is_an_empty_store() {
        assert!(folder().listed().is_empty());
    }

    #[test]
    fn drafts_and_folders_are_no_files_of_the_store() {
        let folder = folder();
        folder.put("head", "{}", 1);
        folder.put(".head.0", "{", 2);
        folder.put(".gitkeep", "", 3);
        fs::create_dir(folder.path("archive")).expect("a folder");
        assert_eq!(folder.listed(), ["head"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_a_file_of_the_store_even_where_it_leads_nowhere() {
        let folder = folder();
        folder.put(".elsewhere", "{}", 1);
        std::os::unix::fs::symlink(folder.path(".elsewhere"), folder.path("head")).expect("a link");
        std::os::unix::fs::symlink("nowhere", folder.path("lost")).expect("a link");
        let mut names = folder.listed();
        names.sort();
        assert_eq!(names, ["head", "lost"]);
        assert_eq!(folder.store.download(&file("head")).expect("read"), Some(b"{}".to_vec()));
        assert_eq!(folder.store.download(&file("lost")).expect("read"), None);
    }

    #[test]
    fn a_file_that_was_stored_later_has_the_larger_id() {
        let folder = folder();
        folder.put("c", "", 100);
        folder.put("a", "", 300);
        folder.put("b", "", 200);
        assert_eq!(folder.listed(), ["c", "b", "a"]);
        folder.store.upload("d", b"").expect("stored");
        assert_eq!(folder.listed(), ["c", "b", "a", "d"]);
    }

    #[test]
    fn files_of_one_age_have_ids_of_their_own_and_always_the_same() {
        let folder = folder();
        for name in ["b", "c", "a"] {
            folder.put(name, "", 100);
        }
        assert_eq!(folder.listed(), ["a", "b", "c"]);
        let mut ids: Vec<u64> = folder.store.list().expect("a listing").iter().map(|file| file.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn what_is_uploaded_is_downloaded_as_it_was_and_no_draft_stays() {
        let folder = folder();
        for content in [&b"{}\n"[..], b"", b"\0\xff\r\n", vec![b'x'; 1 << 20].as_slice()] {
            folder.store.upload("head", content).expect("stored");
            assert_eq!(folder.store.download(&file("head")).expect("read").as_deref(), Some(content));
            assert_eq!(folder.there(), ["head"]);
        }
    }

    #[test]
    fn an_upload_that_fails_leaves_neither_a_file_nor_a_draft() {
        let folder = folder();
        // A folder of that name can't be replaced by a file.
        fs::create_dir(folder.path("head")).expect("a folder");
        folder.store.upload("head", b"{}").expect_err("a folder");
        assert_eq!((folder.there(), folder.listed()), (vec!["head".to_owned()], vec![]));
    }

    #[test]
    fn the_draft_of_a_writer_that_was_killed_does_not_stand_in_the_way() {
        let folder = folder();
        folder.put(".head.0", "{\"cut", 1);
        folder.put(".head.1", "", 1);
        folder.store.upload("head", b"{}").expect("stored");
        assert_eq!(folder.store.download(&file("head")).expect("read").as_deref(), Some(&b"{}"[..]));
        // It may be the draft of one that is alive: it stays.
        assert_eq!(folder.there(), [".head.0", ".head.1", "head"]);
    }

    #[test]
    fn writers_at_once_leave_every_file_whole() {
        let folder = folder();
        let contents: Vec<Vec<u8>> = (0..8u8).map(|writer| vec![b'a' + writer; 100_000]).collect();
        std::thread::scope(|scope| {
            for content in &contents {
                scope.spawn(|| drop(folder.store.upload("same", content).expect("stored")));
            }
        });
        let content = folder.store.download(&file("same")).expect("read").expect("a file");
        assert!(contents.contains(&content));
        assert_eq!(folder.there(), ["same"]);
    }

    #[test]
    fn a_file_that_has_vanished_is_none_and_deleting_it_is_success() {
        let folder = folder();
        folder.put("head", "{}", 1);
        folder.put("other", "{}", 1);
        folder.store.delete(&file("head")).expect("deleted");
        assert_eq!(folder.store.download(&file("head")).expect("gone"), None);
        folder.store.delete(&file("head")).expect("gone already");
        assert_eq!(folder.there(), ["other"]);
    }

    #[test]
    fn what_can_not_be_deleted_or_read_is_an_error_and_not_gone() {
        let folder = folder();
        fs::create_dir(folder.path("folder")).expect("a folder");
        folder.store.delete(&file("folder")).expect_err("a folder");
        folder.store.download(&file("folder")).expect_err("a folder");
    }
}
