//! The heads protocol: how a tracker is read and written in a store that can list, upload,
//! download and delete, and nothing else: no update, no lock, no transaction.
//!
//! The invariant: **at every instant the merge of the heads present contains every recorded
//! outcome.** It holds because a head is deleted only after a head that contains it was stored, and
//! because merging is taking maxima: heads merge in any order, any number of times. A crash between
//! two steps leaves heads that the next reader merges; two writers at once leave two.
//! (The idea is that of Jujutsu's operation log.)

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error;

use sha2::{Digest, Sha256};

use super::encoding::Decoded;
use super::{
    Document, DocumentError, Entry, HeadName, MAX_HEAD, READABLE, Room, TrackerName, TrackerNameError, encoding,
};
use crate::budget::{Budget, Held};
use crate::text::count;

/// How often the listing is asked for again when a head vanishes while it is being read.
const MAX_LISTINGS: u32 = 12;
/// How often a head is uploaded while the store is full.
const MAX_UPLOADS: u32 = 6;

/// The error of a store.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// A file in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// A number that no other file of one listing has. A file that was stored later has the larger one.
    pub id: u64,
    /// Its name; a store may hold several files of one name.
    pub name: String,
    /// The SHA-256 of its content in hexadecimal digits, where the store tells it.
    pub sha256: Option<String>,
}

/// What became of a file that was to be stored.
#[derive(Debug)]
pub enum Uploaded {
    /// It is there.
    Stored,
    /// It is not, since the store has as many files as it may; how it says so.
    NoRoom(StoreError),
}

/// A place for files that any number of writers share.
///
/// Nothing is asked of it beyond this: what was uploaded is listed from some moment on until it is
/// deleted, and a listing is what was there at one moment, possibly a past one. An error means that
/// it is not known whether the call had an effect, never that there is nothing.
pub trait Store {
    /// Every file of the store, those of others among them.
    fn list(&self) -> Result<Vec<StoredFile>, StoreError>;
    /// The content of a file; `None` where it has been deleted.
    fn download(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, StoreError>;
    /// Stores a file. A name that is taken is success: names of heads stand for their content.
    fn upload(&self, name: &str, content: &[u8]) -> Result<Uploaded, StoreError>;
    /// Deletes a file. One that is gone already is success.
    fn delete(&self, file: &StoredFile) -> Result<(), StoreError>;
    /// Waits before something is asked for again, longer with each attempt, from 1.
    fn wait(&self, attempt: u32);
    /// Where this is, for error messages.
    fn place(&self) -> String;
}

/// Why a tracker could not be read or written. Nothing was lost.
#[derive(Debug, thiserror::Error)]
pub enum TrackerError {
    /// There can be no tracker of that name.
    #[error(transparent)]
    Name(#[from] TrackerNameError),
    /// The store could not do it.
    #[error("could not {doing} in {place}")]
    Store {
        /// The call, as a verb with its object.
        doing: String,
        /// Which store.
        place: String,
        /// The error of the store.
        source: StoreError,
    },
    /// A head is not what its name or the store's listing says.
    #[error(
        "{file} in {place} is damaged: {reason}. Nothing was changed, and the tracker is not used without it. \
         Put the file back from a copy; if there is none, delete it: what it alone recorded is then built again"
    )]
    Damaged {
        /// The file's name.
        file: String,
        /// Which store.
        place: String,
        /// Expected and found.
        reason: String,
    },
    /// A head does not hold the document that it should.
    #[error("{file} in {place} cannot be used, and the tracker is not used without it; nothing was changed")]
    Document {
        /// The file's name.
        file: String,
        /// Which store.
        place: String,
        /// Its fault.
        source: DocumentError,
    },
    /// The document would be larger than a head may be, or leave no room for the outcomes of its claims.
    #[error(
        "{tracker} would have {size} bytes, and take {} MiB of memory to read{kept}. GitLab takes less than {MAX_HEAD} \
         (5 MiB) for a file, and a run has {} MiB for trackers; nothing was changed. Begin a new tracker: another \
         tracker_ref, with first_run: none", .to_read >> 20, READABLE >> 20
    )]
    TooLarge {
        /// The tracker.
        tracker: TrackerName,
        /// The size of its head.
        size: usize,
        /// The bytes of memory that it takes to read it.
        to_read: usize,
        /// What is kept for outcomes, in words.
        kept: String,
    },
    /// The store has as many files as it may, and no head can go before another is stored.
    #[error("there is no room in {place} for another head of {tracker}: {why}")]
    NoRoom {
        /// The tracker.
        tracker: TrackerName,
        /// Which store.
        place: String,
        /// Why none could be made, and what to do.
        why: String,
        /// The words of the store.
        source: StoreError,
    },
    /// Heads vanished while they were read, again and again.
    #[error(
        "{file} is listed in {place} but is not there, in {MAX_LISTINGS} listings one after another. Either other jobs \
         change the tracker all the time, or the store's listing is out of date: run the job again"
    )]
    KeepsChanging {
        /// A file that was listed.
        file: String,
        /// Which store.
        place: String,
    },
}

/// One tracker in a store.
pub struct Tracker<'a> {
    store: &'a dyn Store,
    product: String,
    reference: String,
    name: TrackerName,
}

/// A tracker as it was read: the merge of its heads, and the heads themselves.
#[derive(Debug, Clone)]
pub struct Heads {
    /// The merge of all heads; `None` where the store holds none.
    pub document: Option<Document>,
    /// The heads that were merged into it.
    merged: Vec<(StoredFile, HeadName)>,
    /// The files of the store that are no head of any tracker.
    pub other_files: Vec<StoredFile>,
    /// The room that all of them take together.
    taken: Room,
}

impl Heads {
    /// Whether the store held none.
    pub fn is_new(&self) -> bool {
        self.merged.is_empty()
    }

    /// The room that the document takes, at most; `None` for one that is yet to begin.
    pub fn taken(&self) -> Option<Room> {
        (!self.is_new()).then_some(self.taken)
    }
}

impl<'a> Tracker<'a> {
    /// The tracker of `product` on the branch or tag `reference`, in `store`.
    pub fn new(store: &'a dyn Store, product: &str, reference: &str) -> Result<Self, TrackerError> {
        let name = TrackerName::new(product, reference)?;
        Ok(Self { store, product: product.to_owned(), reference: reference.to_owned(), name })
    }

    /// A document for a tracker that has none yet.
    pub fn new_document(&self) -> Document {
        Document::new(&self.product, &self.reference)
    }

    /// Reads all heads and merges them. One that can't be read stops it: missing is never empty.
    pub fn read(&self) -> Result<Heads, TrackerError> {
        let about = Some((self.product.clone(), self.reference.clone()));
        read_where(self.store, &Budget::default(), |name| name == &self.name, about).map(|(heads, _)| heads)
    }

    /// Writes a document that grew out of what was read, then retires the heads that it contains. It has to leave
    /// room for the outcomes of the claims that are open.
    ///
    /// The newest of these heads stays as the previous version: a torn listing then shows no empty tracker
    /// so soon, and a person has something to go back to. A document that is a head already is not
    /// written, and retires nothing: that is left to whoever has stored something.
    pub fn write(&self, read: &Heads, document: &Document) -> Result<(), TrackerError> {
        self.store(read, document, Room::fits_with_outcomes)
    }

    /// The same of a document to which outcomes alone were added. They may take the room that is kept for them.
    pub fn write_outcomes(&self, read: &Heads, document: &Document) -> Result<(), TrackerError> {
        self.store(read, document, Room::fits)
    }

    fn store(&self, read: &Heads, document: &Document, fits: fn(&Room) -> bool) -> Result<(), TrackerError> {
        let (mut heads, mut document) = (Cow::Borrowed(read), Cow::Borrowed(document));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let content = self.content(&document, fits)?;
            let head = self.name.head(&content);
            if heads.merged.iter().any(|(_, name)| name == &head) {
                return Ok(());
            }
            let name = head.to_string();
            let full = match self.call(format!("store {name}"), |store| store.upload(&name, &content))? {
                Uploaded::Stored => return self.retire(&heads, &head),
                Uploaded::NoRoom(full) => full,
            };
            // Who has stored a head meanwhile is about to retire others. After the wait all that is there is merged,
            // so that the head which takes the room that is made leaves more of it.
            self.store.wait(attempt);
            heads = Cow::Owned(self.read()?);
            document = Cow::Owned(heads.document.iter().cloned().fold(document.into_owned(), Document::merge));
            let spare = self.spare(&heads)?;
            if attempt == MAX_UPLOADS {
                return Err(self.no_room(&heads, spare.is_some(), full));
            }
            if let Some(file) = spare {
                self.call(format!("delete {}, which another head contains,", file.name), |store| store.delete(&file))?;
            }
        }
    }

    fn content(&self, document: &Document, fits: fn(&Room) -> bool) -> Result<Vec<u8>, TrackerError> {
        let encoded = encoding::encode(document).map_err(|source| TrackerError::Document {
            file: self.name.to_string(),
            place: self.store.place(),
            source,
        })?;
        let room = Room::of_encoded(document, &encoded);
        if fits(&room) { Ok(encoded.content) } else { Err(self.too_large(&room)) }
    }

    fn too_large(&self, room: &Room) -> TrackerError {
        let Room { size, open_claims, .. } = *room;
        let claims = count(open_claims, "claim");
        let kept = format!(", and {} are kept for what {claims} may come to", room.kept());
        let kept = if open_claims > 0 { kept } else { String::new() };
        TrackerError::TooLarge { tracker: self.name.clone(), size, to_read: room.to_read(), kept }
    }

    /// Deletes the heads that were read, which `head` contains, but for the newest.
    fn retire(&self, read: &Heads, head: &HeadName) -> Result<(), TrackerError> {
        let previous = read.merged.iter().map(|(file, _)| file).max_by_key(|file| file.id);
        for (file, _) in read.merged.iter().filter(|(file, _)| Some(file) != previous) {
            self.call(format!("delete {}, which {head} contains,", file.name), |store| store.delete(file))?;
        }
        Ok(())
    }

    /// A head that another one contains: it may go before anything new is stored. `None` where there is none, or
    /// where one has vanished, which has made room.
    fn spare(&self, heads: &Heads) -> Result<Option<StoredFile>, TrackerError> {
        let mut oldest_first: Vec<&(StoredFile, HeadName)> = heads.merged.iter().collect();
        oldest_first.sort_by_key(|(file, _)| file.id);
        let budget = Budget::default();
        let mut known: Vec<(&StoredFile, Document, Held)> = Vec::new();
        for (file, name) in oldest_first {
            let Some((Decoded { document, held, .. }, _)) = download(self.store, file, name, &budget)? else {
                return Ok(None);
            };
            if let Some((file, _, _)) = known.iter().find(|(_, other, _)| document.exceeds(other)) {
                return Ok(Some((*file).clone()));
            }
            if known.iter().any(|(_, other, _)| other.exceeds(&document)) {
                return Ok(Some(file.clone()));
            }
            known.push((file, document, held));
        }
        Ok(None)
    }

    fn no_room(&self, heads: &Heads, has_spare: bool, source: StoreError) -> TrackerError {
        let heads = count(heads.merged.len(), "head");
        let why = if has_spare {
            "other jobs took the room that was made for it, again and again. Nothing was lost: run the job again"
                .to_owned()
        } else {
            format!(
                "it has {heads} there, none of which another contains, so that none may go. Delete a file that is none \
                 of them, and run the job again: it merges them into two. Nothing was lost"
            )
        };
        TrackerError::NoRoom { tracker: self.name.clone(), place: self.store.place(), why, source }
    }

    fn call<T>(
        &self,
        doing: String,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, TrackerError> {
        call(self.store).map_err(|source| TrackerError::Store { doing, place: self.store.place(), source })
    }
}

/// The documents of every tracker of a store, those alone where `wanted` is true.
pub fn read_all(store: &dyn Store, wanted: impl Fn(&TrackerName) -> bool) -> Result<Vec<Document>, TrackerError> {
    let files = list(store)?;
    let mut names: Vec<TrackerName> =
        files.iter().filter_map(|file| HeadName::parse(&file.name)).map(|head| head.tracker().clone()).collect();
    names.sort();
    names.dedup();
    let budget = Budget::default();
    let (mut documents, mut all_held) = (Vec::new(), Vec::new());
    for name in names.into_iter().filter(wanted) {
        let (heads, held) = read_where(store, &budget, |other| other == &name, None)?;
        documents.extend(heads.document);
        all_held.extend(held);
    }
    Ok(documents)
}

fn list(store: &dyn Store) -> Result<Vec<StoredFile>, TrackerError> {
    store.list().map_err(|source| TrackerError::Store {
        doing: "list the files".to_owned(),
        place: store.place(),
        source,
    })
}

/// Reads the heads of a tracker: that of a product and ref, or of those that the first head is about. What is kept of
/// them counts until `Held` is dropped.
fn read_where(
    store: &dyn Store,
    budget: &Budget,
    wanted: impl Fn(&TrackerName) -> bool,
    mut about: Option<(String, String)>,
) -> Result<(Heads, Option<Held>), TrackerError> {
    // A head that was read stays read, whatever the next listing shows. It is merged at once: two documents are
    // kept at a time, and not one of each head.
    let mut read: BTreeSet<(HeadName, Option<String>)> = BTreeSet::new();
    let mut document: Option<(Document, Held)> = None;
    let mut taken = Room::default();
    let mut attempt = 0;
    'listing: loop {
        let mut merged = Vec::new();
        let mut other_files = Vec::new();
        for file in list(store)? {
            match HeadName::parse(&file.name) {
                Some(name) if wanted(name.tracker()) => merged.push((file, name)),
                Some(_) => {}
                None => other_files.push(file),
            }
        }
        for (file, name) in &merged {
            let key = (name.clone(), file.sha256.clone());
            if read.contains(&key) {
                continue;
            }
            let Some((head, room)) = download(store, file, name, budget)? else {
                // A writer has stored a head that contains this one: a new listing shows it.
                attempt += 1;
                if attempt == MAX_LISTINGS {
                    return Err(TrackerError::KeepsChanging { file: file.name.clone(), place: store.place() });
                }
                store.wait(attempt);
                continue 'listing;
            };
            let Decoded { document: head, held: of_head, .. } = head;
            let found = (head.product().to_owned(), head.reference().to_owned());
            if about.get_or_insert_with(|| found.clone()) != &found {
                let (product, reference) = found;
                let source = DocumentError::Other { product, reference };
                return Err(TrackerError::Document { file: file.name.clone(), place: store.place(), source });
            }
            // Documents of heads that have vanished since are contained in others: they do no harm.
            document = Some(match document {
                None => (head, of_head),
                Some((merged, of_merged)) => (merge(merged, head, &of_merged, &of_head), of_merged),
            });
            taken = taken.and(&room);
            read.insert(key);
        }
        let (document, held) = document.unzip();
        return Ok((Heads { document, merged, other_files, taken }, held));
    }
}

/// Merges two documents, and holds what both take but for the entries that are left out.
fn merge(merged: Document, head: Document, of_merged: &Held, of_head: &Held) -> Document {
    let both = merged.entries().count() + head.entries().count();
    let merged = merged.merge(head);
    of_merged.take_over(of_head);
    of_merged.give_back((both - merged.entries().count()) * size_of::<Entry>());
    merged
}

/// Downloads a head, and tells the room that it takes; `None` where it has vanished.
fn download(
    store: &dyn Store,
    file: &StoredFile,
    name: &HeadName,
    budget: &Budget,
) -> Result<Option<(Decoded, Room)>, TrackerError> {
    let content = store.download(file).map_err(|source| TrackerError::Store {
        doing: format!("read {}", file.name),
        place: store.place(),
        source,
    })?;
    content.map(|content| verified(store, file, name, &content, budget)).transpose()
}

fn verified(
    store: &dyn Store,
    file: &StoredFile,
    name: &HeadName,
    content: &[u8],
    budget: &Budget,
) -> Result<(Decoded, Room), TrackerError> {
    let damaged = |reason| TrackerError::Damaged { file: file.name.clone(), place: store.place(), reason };
    let found = crate::text::hex(&Sha256::digest(content));
    let size = content.len();
    if let Some(listed) = file.sha256.as_ref().filter(|listed| !listed.eq_ignore_ascii_case(&found)) {
        return Err(damaged(format!("its listing says SHA-256 {listed}, its {size} bytes have {found}")));
    }
    if &name.tracker().head(content) != name {
        return Err(damaged(format!("its name says another SHA-256 than that of its {size} bytes, {found}")));
    }
    let unusable = |source| TrackerError::Document { file: file.name.clone(), place: store.place(), source };
    let decoded = encoding::decode(content, budget).map_err(unusable)?;
    let document = &decoded.document;
    if document.tracker_name()? == *name.tracker() {
        let room = Room::of_decoded(&decoded, size);
        Ok((decoded, room))
    } else {
        Err(unusable(DocumentError::Other {
            product: document.product().to_owned(),
            reference: document.reference().to_owned(),
        }))
    }
}
