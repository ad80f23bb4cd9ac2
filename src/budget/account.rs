//! How many bytes and steps are left, and who holds them.

#![allow(clippy::disallowed_methods)] // this is the way that all others take

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use url::Url;

/// The most bytes that are held at a time. A module of 32 bits keeps the same values in some 60 % of the room.
pub(crate) const MOST_BYTES: usize = if cfg!(target_pointer_width = "32") { 176 << 20 } else { 240 << 20 };
/// The most steps of all readers together; a step is about the work of passing one byte over.
const MOST_STEPS: u64 = 32 << 30;
/// What an allocation takes beside its bytes.
pub(crate) const ALLOCATION: usize = 16;
/// How often each byte of a URL is looked at until it is resolved.
const STEPS_OF_URL: u64 = 8;
/// The longest URL that is taken from a stranger, in bytes.
pub const MAX_URL: usize = 2048;

/// More was asked for than a command may keep, or do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// Too many bytes.
    #[error("more than {} MiB would have to be kept at a time", .0 >> 20)]
    Bytes(usize),
    /// Too many steps.
    #[error("reading it takes more than {} billion steps", .0 >> 30)]
    Steps(u64),
}

/// The bytes and steps that are left to a command. Clones share them.
#[derive(Debug, Clone)]
pub struct Budget(Rc<Account>);

#[derive(Debug)]
struct Account {
    bytes: Cell<usize>,
    steps: Cell<u64>,
    most_bytes: usize,
    most_steps: u64,
}

impl Default for Budget {
    /// That of one command.
    fn default() -> Self {
        Self::of(MOST_BYTES, MOST_STEPS)
    }
}

impl Budget {
    /// A budget of so many bytes and steps.
    pub fn of(most_bytes: usize, most_steps: u64) -> Self {
        Self(Rc::new(Account { bytes: Cell::new(0), steps: Cell::new(0), most_bytes, most_steps }))
    }

    /// Charges work.
    pub fn work(&self, steps: u64) -> Result<(), OverBudget> {
        let account = &self.0;
        account.steps.set(account.steps.get().saturating_add(steps));
        if account.steps.get() > account.most_steps { Err(OverBudget::Steps(account.most_steps)) } else { Ok(()) }
    }

    /// Begins to hold something: so many bytes, and what is added until it is dropped.
    pub fn hold(&self, bytes: usize) -> Result<Held, OverBudget> {
        let held = Held { budget: self.clone(), bytes: Cell::new(0) };
        held.add(bytes)?;
        Ok(held)
    }

    /// Reads up to one byte more than `limit`, which shows that there is more.
    pub fn read_to_end(&self, source: impl Read, limit: u64) -> io::Result<(Vec<u8>, Held)> {
        let (mut content, held) = (Vec::new(), self.hold(0).map_err(io::Error::other)?);
        // In pieces, each of which is charged before it is there.
        let mut source = source.take(limit + 1);
        loop {
            let piece = content.len().clamp(64 << 10, 4 << 20);
            held.add(piece).map_err(io::Error::other)?;
            content.reserve_exact(piece);
            let read = source.by_ref().take(piece as u64).read_to_end(&mut content)?;
            self.work(read as u64).map_err(io::Error::other)?;
            if read < piece {
                return Ok((content, held));
            }
        }
    }

    /// Resolves a reference against a URL.
    pub fn join(&self, base: &Url, reference: &str) -> Result<Result<Url, url::ParseError>, OverBudget> {
        self.work(STEPS_OF_URL * (base.as_str().len() + reference.len()) as u64)?;
        Ok(base.join(reference))
    }
}

/// Something that is kept, and that counts until it is dropped.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    bytes: Cell<usize>,
}

impl Held {
    /// Holds more.
    pub fn add(&self, bytes: usize) -> Result<(), OverBudget> {
        let account = &self.budget.0;
        account.bytes.set(account.bytes.get() + bytes);
        self.bytes.set(self.bytes.get() + bytes);
        if account.bytes.get() > account.most_bytes { Err(OverBudget::Bytes(account.most_bytes)) } else { Ok(()) }
    }

    /// Holds so many bytes less.
    pub fn give_back(&self, bytes: usize) {
        let bytes = bytes.min(self.bytes.get());
        self.bytes.set(self.bytes.get() - bytes);
        self.budget.0.bytes.set(self.budget.0.bytes.get() - bytes);
    }

    /// How many bytes are held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Charges work to the budget that it is held in.
    pub fn work(&self, steps: u64) -> Result<(), OverBudget> {
        self.budget.work(steps)
    }

    /// Holds what the other does, too.
    pub fn take_over(&self, other: &Self) {
        self.bytes.set(self.bytes.get() + other.bytes.take());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let account = &self.budget.0;
        account.bytes.set(account.bytes.get() - self.bytes.get());
    }
}
