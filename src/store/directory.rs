//! A store in a directory: for laptops, demonstrations and tests.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use ami_scheduler::tracker::heads::{Store, StoreError, StoredFile};

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
                Ok(metadata) if metadata.is_file() && !name.starts_with('.') => {
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

    fn upload(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let draft = self.write_draft(name, content)?;
        let renamed = fs::rename(&draft, self.path.join(name));
        if renamed.is_err() {
            let _ = fs::remove_file(&draft);
        }
        Ok(renamed?)
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
    /// Writes a file under a name that no reader takes for a head: what has the name of a head is
    /// whole at every moment.
    fn write_draft(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        for number in 0..1000 {
            let draft = self.path.join(format!(".{name}.{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&draft) {
                Ok(mut file) => {
                    file.write_all(content)?;
                    file.sync_all()?;
                    return Ok(draft);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, format!("a thousand drafts of {name} stand in the way")))
    }
}
