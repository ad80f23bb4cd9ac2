//! A store in memory that behaves as GitLab's Secure Files do.

use std::cell::{Cell, RefCell};

use ami_scheduler::tracker::heads::{Store, StoreError, StoredFile, Uploaded};
use sha2::{Digest, Sha256};

type Files = Vec<(StoredFile, Vec<u8>)>;

/// Files with ids that only grow, at most `capacity` of them. `replies_lost` makes that many calls take effect and then fail;
/// `stale_lists` makes that many lists show what was there one change ago.
#[derive(Default)]
pub struct Memory {
    pub files: RefCell<Files>,
    pub before: RefCell<Files>,
    last_id: Cell<u64>,
    pub replies_lost: Cell<u32>,
    pub stale_lists: Cell<u32>,
    pub capacity: Cell<Option<usize>>,
    /// The attempts that were waited before.
    pub waits: RefCell<Vec<u32>>,
}

impl Memory {
    fn change<T>(&self, change: impl FnOnce(&mut Files) -> T) -> Result<T, StoreError> {
        self.before.replace(self.files.borrow().clone());
        let result = change(&mut self.files.borrow_mut());
        if self.replies_lost.get() > 0 {
            self.replies_lost.set(self.replies_lost.get() - 1);
            return Err("the connection broke".into());
        }
        Ok(result)
    }

    /// Adds a file, whether one of its name is there or not.
    pub fn put(&self, name: &str, content: &[u8]) {
        self.last_id.set(self.last_id.get() + 3);
        let sha256 = Some(ami_scheduler::text::hex(&Sha256::digest(content)));
        let file = StoredFile { id: self.last_id.get(), name: name.to_owned(), sha256 };
        self.files.borrow_mut().push((file, content.to_vec()));
    }

    pub fn names(&self) -> Vec<String> {
        self.files.borrow().iter().map(|(file, _)| file.name.clone()).collect()
    }
}

impl Store for Memory {
    fn list(&self) -> Result<Vec<StoredFile>, StoreError> {
        let stale = self.stale_lists.get() > 0;
        if stale {
            self.stale_lists.set(self.stale_lists.get() - 1);
        }
        let files = if stale { self.before.borrow() } else { self.files.borrow() };
        Ok(files.iter().map(|(file, _)| file.clone()).collect())
    }

    fn download(&self, wanted: &StoredFile) -> Result<Option<Vec<u8>>, StoreError> {
        let files = self.files.borrow();
        Ok(files.iter().find(|(file, _)| file.id == wanted.id).map(|(_, content)| content.clone()))
    }

    fn upload(&self, name: &str, content: &[u8]) -> Result<Uploaded, StoreError> {
        if self.names().contains(&name.to_owned()) {
            return Ok(Uploaded::Stored);
        }
        if self.capacity.get().is_some_and(|capacity| self.names().len() >= capacity) {
            return Ok(Uploaded::NoRoom("full".into()));
        }
        self.change(|_| ())?;
        self.put(name, content);
        Ok(Uploaded::Stored)
    }

    fn delete(&self, wanted: &StoredFile) -> Result<(), StoreError> {
        self.change(|files| files.retain(|(file, _)| file.id != wanted.id))
    }

    fn wait(&self, attempt: u32) {
        self.waits.borrow_mut().push(attempt);
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }
}
