//! Every interleaving of several writers of one tracker, explored by a model checker.
//!
//! The writers are the real code: [`Tracker::read`], a change, [`Tracker::write`]. It is synchronous
//! and knows the world by the answers of its store alone, so a writer's state *is* the list of the
//! answers that it has had. To find its next call, it is run from its beginning against a store that
//! repeats these answers and notes the first call that has none yet. The checker then lets that call
//! meet each of its possible fates.
//!
//! The store behaves as GitLab's Secure Files do. What is explored, and what that shows, is told in
//! `docs/tracker.md`; `cargo test --test every_interleaving -- --nocapture` prints the figures.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)] // its figures are printed

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::io::Write as _;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ami_scheduler::release::BuildKey;
use ami_scheduler::text::hex;
use ami_scheduler::tracker::heads::{Store, StoreError, StoredFile, Tracker, Uploaded};
use ami_scheduler::tracker::{
    Baked, ChannelName, Claim, Document, ImageKey, Origin, Pointer, Report, Slot, State as BuildState, Word,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use stateright::{Checker, HasDiscoveries, Model, Property};

// ---------------------------------------------------------------- what writers do

/// What one job records. The number is that of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Change {
    /// A build succeeded: `update`.
    Succeeds(u8),
    /// A build of the first claim succeeded, however long ago that was: `update` with its claim.
    SucceedsLate(u8),
    /// A pipeline is about to build: `diff`.
    Claims(u8),
    /// No build of what the pipeline claimed has begun: `settle`.
    GivesBack(u8),
    /// A person wants it built anew: `rebuild`.
    Rebuilds(u8),
    /// A person does not want it built: `skip`.
    Skips(u8),
    /// It is there, and too young: `diff`.
    Sees(u8),
    /// It was only seen, and is gone: `diff`.
    Drops(u8),
    /// A person removes the target.
    Removes(u8),
    /// A person points a channel to it: `promote`.
    Promotes(u8),
    /// A person says that it is not to be used: `revoke`.
    Revokes(u8),
}

impl Change {
    fn build(self) -> BuildKey {
        let (Self::Succeeds(release)
        | Self::SucceedsLate(release)
        | Self::Claims(release)
        | Self::GivesBack(release)
        | Self::Removes(release)
        | Self::Promotes(release)
        | Self::Revokes(release)
        | Self::Rebuilds(release)
        | Self::Skips(release)
        | Self::Sees(release)
        | Self::Drops(release)) = self;
        BuildKey {
            package: format!("p-{release}-1.noarch").parse().expect("a package"),
            target: "al2023".parse().expect("a target"),
        }
    }

    fn apply(self, document: &mut Document) {
        let (build, now) = (self.build(), Timestamp::UNIX_EPOCH);
        match self {
            Self::Succeeds(_) => {
                let report = Report { baked: baked(&build), ..Report::default() };
                document.succeed(&build, report, now, Origin::default());
            }
            Self::SucceedsLate(_) => {
                let report = Report { claim: Some(first_claim()), job: 60, baked: baked(&build), ..Report::default() };
                document.succeed(&build, report, now, Origin::default());
            }
            Self::GivesBack(_) => drop(document.give_back(7, None, now, |_| true)),
            Self::Removes(_) => document.remove_target(&build.target),
            Self::Promotes(_) => {
                let key = ImageKey { claim: first_claim(), job: 60 };
                document.promote(
                    &stable(),
                    slot(),
                    Some(Pointer { package: build.package.clone(), image: key.clone() }),
                    word(now),
                );
            }
            Self::Revokes(_) => {
                document.revoke(&build.package, None, true, &word(now));
            }
            Self::Claims(_) => {
                document.claim(&build, "new_release", None, now, Origin { pipeline: 7, ..Origin::default() });
            }
            Self::Rebuilds(_) => drop(document.rebuild(&build.package, &[], "a test", None, now)),
            Self::Skips(_) => {
                document.skip_by_hand(&build, "a test", "mary", now);
            }
            Self::Sees(_) => document.record_first_seen(&build, now),
            Self::Drops(_) => document.forget(|package, _, _| *package == build.package),
        }
    }

    /// Whether a document means what was recorded: a success that counts, or a `rebuild` since, and its image in any
    /// case; a claim that is there or has ended; an attempt that is given back and no longer open. The removal of the
    /// target outdoes all, and what was only seen may be forgotten. A move of a channel and a revocation are there for good.
    fn is_in(self, document: &Document) -> bool {
        let BuildKey { package, target } = self.build();
        let is_removed = document.removals(&target) > 0;
        let ids = baked(&self.build()).ids;
        let has_image = |is_it: &dyn Fn(&ImageKey) -> bool| {
            document.images(&package, &target).any(|(key, image)| is_it(key) && image.ids == ids)
        };
        let moves_to = |package| {
            document
                .channels()
                .moves(&stable())
                .any(|(_, all)| all.values().any(|one| one.to.as_ref().is_some_and(|to| to.package == package)))
        };
        matches!(self, Self::Sees(_) | Self::Drops(_))
            || is_removed
            || (matches!(self, Self::Promotes(_)) && moves_to(package.clone()))
            || (matches!(self, Self::Revokes(_)) && document.revocation(&package, &target).is_some())
            || document.get(&self.build()).is_some_and(|entry| match self {
                Self::Succeeds(_) => {
                    has_image(&|key| key.job == 0) && (entry.state == BuildState::Built || entry.epoch > 0)
                }
                Self::SucceedsLate(_) => {
                    has_image(&|key| key.claim == first_claim() && key.job == 60)
                        && (entry.state == BuildState::Built || entry.epoch > 0)
                }
                Self::Claims(_) => entry.state != BuildState::Pending || entry.epoch > 0,
                Self::GivesBack(_) => entry.state != BuildState::Building || entry.attempt > 1 || entry.epoch > 0,
                Self::Rebuilds(_) => entry.epoch > 0,
                Self::Skips(_) => entry.state.is_done() || entry.epoch > 0,
                Self::Sees(_) | Self::Drops(_) | Self::Removes(_) => true,
                Self::Promotes(_) | Self::Revokes(_) => false,
            })
    }
}

/// What each build of a release makes.
fn baked(build: &BuildKey) -> Baked {
    let mut baked = Baked::default();
    for place in ["eu-central-1", "us-east-1"] {
        let id = format!("ami-{}", build.package.evr().version).parse().expect("an id");
        baked.ids.add(place.parse().expect("a place"), id);
    }
    baked
}

fn stable() -> ChannelName {
    "stable".parse().expect("a name")
}

fn slot() -> Slot {
    "al2023 noarch 1".parse().expect("a slot")
}

fn word(at: Timestamp) -> Word {
    Word { reason: "a test".to_owned(), by: None, at }
}

/// That of each release that the tracker begins with.
fn first_claim() -> Claim {
    Claim { epoch: 0, attempt: 1, pipeline: 7, lane: None }
}

/// A way to record a change in a tracker that others write too. `Ok` is a promise.
type Protocol = fn(&dyn Store, Change) -> Result<(), StoreError>;

/// What every command does; the protocol is in the library.
fn heads_protocol(store: &dyn Store, change: Change) -> Result<(), StoreError> {
    let tracker = Tracker::new(store, "p", "main")?;
    let heads = tracker.read()?;
    let mut document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
    change.apply(&mut document);
    Ok(tracker.write(&heads, &document)?)
}

// ---------------------------------------------------------------- one writer, replayed

/// A file in the model's store: GitLab's id of it, and which of the known [`Blob`]s it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct File {
    id: u8,
    blob: Id<Blob>,
}

/// A file's name and content.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Blob {
    name: String,
    content: Vec<u8>,
}

type Listing = Vec<File>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Call {
    List,
    Download(u8),
    Upload(Id<Blob>),
    Delete(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Files(Id<Listing>),
    Content(Id<Blob>),
    Gone,
    Done,
    NoRoom,
    NoReply,
}

/// A run of a writer so far: the answers that it has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Run {
    Begins,
    Goes(Id<Run>, Answer),
}

/// What a writer does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Calls(Call),
    /// It said that its change is recorded.
    Recorded,
    /// It said that it does not know.
    Failed,
}

/// A store that repeats answers, and notes the first call for which it has none.
struct Replay<'a> {
    known: &'a Known,
    answers: RefCell<std::vec::IntoIter<Answer>>,
    unanswered: Cell<Option<Call>>,
}

impl Replay<'_> {
    fn ask(&self, call: Call) -> Result<Answer, StoreError> {
        match self.answers.borrow_mut().next() {
            Some(Answer::NoReply) => Err("the connection broke".into()),
            Some(answer) => Ok(answer),
            None => {
                self.unanswered.set(self.unanswered.get().or(Some(call)));
                Err("not answered yet".into())
            }
        }
    }
}

fn id_of(file: &StoredFile) -> u8 {
    u8::try_from(file.id).expect("a file of the model")
}

impl Store for Replay<'_> {
    fn list(&self) -> Result<Vec<StoredFile>, StoreError> {
        let Answer::Files(listing) = self.ask(Call::List)? else { unreachable!("not the answer to a list") };
        let files = self.known.listings.get(listing);
        // Newest first, as GitLab lists them.
        Ok(files.iter().rev().map(|file| self.known.stored_file(*file)).collect())
    }

    fn download(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, StoreError> {
        match self.ask(Call::Download(id_of(file)))? {
            Answer::Content(blob) => Ok(Some(self.known.blobs.get(blob).content.clone())),
            _ => Ok(None),
        }
    }

    fn upload(&self, name: &str, content: &[u8]) -> Result<Uploaded, StoreError> {
        let blob = self.known.blobs.id(Blob { name: name.to_owned(), content: content.to_vec() });
        Ok(match self.ask(Call::Upload(blob))? {
            Answer::NoRoom => Uploaded::NoRoom("the store is full".into()),
            _ => Uploaded::Stored,
        })
    }

    fn delete(&self, file: &StoredFile) -> Result<(), StoreError> {
        self.ask(Call::Delete(id_of(file))).map(drop)
    }

    fn wait(&self, _: u32) {}

    fn place(&self) -> String {
        "the model".to_owned()
    }
}

// ---------------------------------------------------------------- all writers and their store

/// How much may go wrong, of all writers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Limits {
    /// How often each job is started again after it failed or crashed.
    retries: u8,
    /// Crashes, errors and lost replies.
    mishaps: u8,
    /// Requests that reach the store, or reach it once more, only later.
    late: u8,
    /// Uploads of a name that is taken which the store keeps all the same, since two raced.
    twins: u8,
    /// Listings that show what was there some changes ago.
    stale_lists: u8,
    /// Listings that lack whatever was added or deleted during the last changes.
    torn_lists: u8,
    /// How many changes that may be.
    look_back: usize,
}

/// Nothing goes wrong but the interleaving itself.
const CALM: Limits = Limits { retries: 0, mishaps: 0, late: 0, twins: 0, stale_lists: 0, torn_lists: 0, look_back: 0 };

/// The store itself: files with ids that only grow, in the order of their ids.
#[derive(Debug, Clone)]
struct Bucket {
    files: Listing,
    last_id: u8,
    /// The most heads that it takes: what its limit leaves beside the files of others.
    room: usize,
}

impl Bucket {
    fn of(files: Listing, room: usize) -> Self {
        Self { last_id: files.last().map_or(0, |file| file.id), files, room }
    }

    /// A call takes effect; the answer to it.
    fn take(&mut self, known: &Known, call: Call, twin: bool) -> Answer {
        match call {
            Call::List => Answer::Files(known.listings.id(self.files.clone())),
            Call::Download(id) => match self.files.iter().find(|file| file.id == id) {
                Some(file) => Answer::Content(file.blob),
                None => Answer::Gone,
            },
            Call::Upload(blob) => {
                if !twin && known.is_taken(&self.files, call) {
                    return Answer::Done;
                }
                if self.files.len() >= self.room {
                    return Answer::NoRoom;
                }
                self.last_id += 1;
                self.files.push(File { id: self.last_id, blob });
                Answer::Done
            }
            Call::Delete(id) => {
                self.files.retain(|file| file.id != id);
                Answer::Done
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    files: Id<Listing>,
    /// What was there before each of the last changes, the latest last.
    earlier: Vec<Id<Listing>>,
    /// Requests that reach the store later.
    late: Vec<Call>,
    last_id: u8,
    /// The merge of every document that was ever stored.
    ever_stored: Option<Id<Json>>,
    writers: Vec<Writer>,
    left: Limits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Writer {
    Runs { run: Id<Run>, retries: u8 },
    Recorded,
    GaveUp,
}

/// When a call takes effect whose writer is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Never,
    AtOnce,
    Later,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// Answered, and the network delivers the request a second time later.
    Repeated,
    /// Two uploads of one name race, and both are kept.
    Twin,
    /// The listing shows what was there before one of the last changes.
    Stale(usize),
    /// The listing shows only what has been there ever since one of the last changes.
    Torn(usize),
    /// The writer is told of an error.
    NoReply(Effect),
    /// The writer's job dies.
    Crash(Effect),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Call { writer: usize, call: Call, fate: Fate },
    LateArrival(Call),
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List => write!(f, "list"),
            Self::Download(id) => write!(f, "download file {id}"),
            Self::Upload(blob) => write!(f, "upload content {}", blob.0),
            Self::Delete(id) => write!(f, "delete file {id}"),
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { writer, call, fate: Fate::Answered } => write!(f, "writer {writer}: {call:?}"),
            Self::Call { writer, call, fate } => write!(f, "writer {writer}: {call:?}: {fate:?}"),
            Self::LateArrival(call) => write!(f, "arrives late: {call:?}"),
        }
    }
}

/// What a set of files means.
#[derive(Debug)]
struct Meaning {
    /// The merge of the heads.
    merged: Option<Id<Json>>,
    /// Of each writer, whether its change is in it.
    holds: Vec<bool>,
    /// How many files the next writer leaves, if it is alone; `None` where it fails or loses something.
    next_leaves: Option<usize>,
    /// Whether the store is full, and no head is contained in another one.
    is_stuck: bool,
    /// How many the next writer leaves once a person has deleted one file of others.
    next_leaves_with_more_room: Option<usize>,
}

/// A model: some writers that follow a protocol, on a tracker of some history.
struct Writers {
    protocol: Protocol,
    history: &'static [Change],
    changes: &'static [Change],
    limits: Limits,
    /// The most heads that the store takes.
    room: usize,
    known: Known,
    seen: Arc<Seen>,
}

/// What came to pass: a model in which nothing does proves nothing.
#[derive(Default)]
struct Seen {
    most_heads: AtomicUsize,
    vanished: AtomicUsize,
    taken: AtomicUsize,
    /// Uploads that a full store refused.
    refused: AtomicUsize,
    /// Full stores that no writer can write to any more.
    stuck: AtomicUsize,
}

impl Writers {
    fn new(protocol: Protocol, history: &'static [Change], changes: &'static [Change], limits: Limits) -> Self {
        let (known, seen) = (Known::default(), Arc::default());
        Self { protocol, history, changes, limits, room: usize::MAX, known, seen }
    }

    /// Runs a writer from its beginning to where its answers end.
    fn step(&self, change: Change, run: Id<Run>) -> Step {
        self.known.steps.get((change, run), || {
            let answers = RefCell::new(self.known.answers(run).into_iter());
            let store = Replay { known: &self.known, answers, unanswered: Cell::new(None) };
            let result = (self.protocol)(&store, change);
            match (store.unanswered.get(), result) {
                (Some(call), _) => Step::Calls(call),
                (None, Ok(())) => Step::Recorded,
                (None, Err(_)) => Step::Failed,
            }
        })
    }

    /// One writer that nothing disturbs, and what it leaves; `None` where it fails.
    fn alone(&self, change: Change, mut bucket: Bucket) -> Option<Bucket> {
        let mut run = self.known.runs.id(Run::Begins);
        loop {
            match self.step(change, run) {
                Step::Calls(call) => {
                    let answer = bucket.take(&self.known, call, false);
                    run = self.known.runs.id(Run::Goes(run, answer));
                }
                Step::Recorded => return Some(bucket),
                Step::Failed => return None,
            }
        }
    }

    fn meaning(&self, files: Id<Listing>) -> Arc<Meaning> {
        const NEXT: Change = Change::Succeeds(9);
        self.known.meanings.get(files, || {
            let bucket = Bucket::of(self.known.listings.get(files).to_vec(), self.room);
            self.seen.most_heads.fetch_max(bucket.files.len(), Ordering::Relaxed);
            let merged = self.known.merge_of(&bucket.files);
            let document = merged.map(|merged| self.known.document(merged));
            let holds = |change: &Change| document.as_ref().is_some_and(|document| change.is_in(document));
            let mut expected = document.clone().unwrap_or_else(|| Document::new("p", "main"));
            NEXT.apply(&mut expected);
            let next_leaves = |room| {
                let left = self.alone(NEXT, Bucket { room, ..bucket.clone() }).map(|bucket| bucket.files);
                left.filter(|left| self.known.merge_of(left) == Some(self.known.json(&expected))).map(|left| left.len())
            };
            let is_stuck = bucket.files.len() >= self.room && !self.known.holds_a_contained_one(&bucket.files);
            self.seen.stuck.fetch_add(usize::from(is_stuck), Ordering::Relaxed);
            Arc::new(Meaning {
                merged,
                holds: self.changes.iter().map(holds).collect(),
                next_leaves: next_leaves(self.room),
                is_stuck,
                next_leaves_with_more_room: next_leaves(self.room.saturating_add(1)),
            })
        })
    }

    /// What the store holds after a call has reached it, and its answer.
    fn reach(&self, state: &mut State, call: Call, twin: bool) -> Answer {
        let files = self.known.listings.get(state.files).to_vec();
        let mut bucket = Bucket { files, last_id: state.last_id, room: self.room };
        let before = (state.files, bucket.files.len());
        let answer = bucket.take(&self.known, call, twin);
        self.seen.refused.fetch_add(usize::from(answer == Answer::NoRoom), Ordering::Relaxed);
        if let (Call::Upload(blob), Answer::Done) = (call, answer) {
            let stored = self.known.blob_json(blob);
            state.ever_stored = Some(state.ever_stored.map_or(stored, |before| self.known.merge(before, stored)));
            self.seen.taken.fetch_add(usize::from(before.1 == bucket.files.len()), Ordering::Relaxed);
        }
        self.seen.vanished.fetch_add(usize::from(answer == Answer::Gone), Ordering::Relaxed);
        state.last_id = bucket.last_id;
        if before.1 != bucket.files.len() {
            state.files = self.known.listings.id(bucket.files);
            state.earlier.push(before.0);
        }
        answer
    }

    /// Drops what no listing can show any more, so that states that differ in it alone are one.
    fn tidy(&self, state: &mut State) {
        let look_back = if state.left.stale_lists + state.left.torn_lists > 0 { self.limits.look_back } else { 0 };
        let too_old = state.earlier.len().saturating_sub(look_back);
        state.earlier.drain(..too_old);
        state.late.sort_unstable();
    }

    /// The files that were there before one of the last changes and ever since.
    fn ever_since(&self, state: &State, change: usize) -> Id<Listing> {
        let mut files = self.known.listings.get(state.files).to_vec();
        for earlier in &state.earlier[change..] {
            let earlier = self.known.listings.get(*earlier);
            files.retain(|file| earlier.contains(file));
        }
        self.known.listings.id(files)
    }

    fn fates(&self, state: &State, call: Call) -> Vec<Fate> {
        let left = &state.left;
        let changes_store = matches!(call, Call::Upload(_) | Call::Delete(_));
        let mut effects = vec![Effect::Never];
        let mut fates = vec![Fate::Answered];
        if changes_store {
            effects.push(Effect::AtOnce);
            if left.late > 0 {
                effects.push(Effect::Later);
                fates.push(Fate::Repeated);
            }
        }
        if left.mishaps > 0 {
            fates.extend(effects.iter().map(|effect| Fate::NoReply(*effect)));
            fates.extend(effects.iter().map(|effect| Fate::Crash(*effect)));
        }
        if call == Call::List && left.stale_lists > 0 {
            fates.extend((0..state.earlier.len()).map(Fate::Stale));
        }
        if call == Call::List && left.torn_lists > 0 {
            fates.extend((0..state.earlier.len()).map(Fate::Torn));
        }
        if left.twins > 0 && self.known.is_taken(&self.known.listings.get(state.files), call) {
            fates.push(Fate::Twin);
        }
        fates
    }

    fn answer(&self, state: &mut State, call: Call, fate: Fate) -> Answer {
        match fate {
            Fate::Answered => self.reach(state, call, false),
            Fate::Repeated => {
                state.left.late -= 1;
                state.late.push(call);
                self.reach(state, call, false)
            }
            Fate::Twin => {
                state.left.twins -= 1;
                self.reach(state, call, true)
            }
            Fate::Stale(change) => {
                state.left.stale_lists -= 1;
                Answer::Files(state.earlier[change])
            }
            Fate::Torn(change) => {
                state.left.torn_lists -= 1;
                Answer::Files(self.ever_since(state, change))
            }
            Fate::NoReply(effect) | Fate::Crash(effect) => {
                state.left.mishaps -= 1;
                match effect {
                    Effect::Never => {}
                    Effect::AtOnce => drop(self.reach(state, call, false)),
                    Effect::Later => {
                        state.left.late -= 1;
                        state.late.push(call);
                    }
                }
                Answer::NoReply
            }
        }
    }
}

impl Model for Writers {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let history = self.history.iter();
        let bucket = history.fold(Bucket::of(Listing::new(), usize::MAX), |bucket, change| {
            self.alone(*change, bucket).expect("a writer alone succeeds")
        });
        let writer = Writer::Runs { run: self.known.runs.id(Run::Begins), retries: self.limits.retries };
        vec![State {
            ever_stored: self.known.merge_of(&bucket.files),
            last_id: bucket.last_id,
            files: self.known.listings.id(bucket.files),
            earlier: Vec::new(),
            late: Vec::new(),
            writers: vec![writer; self.changes.len()],
            left: self.limits,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (writer, change) in self.changes.iter().enumerate() {
            let Writer::Runs { run, .. } = state.writers[writer] else { continue };
            let Step::Calls(call) = self.step(*change, run) else { continue };
            actions.extend(self.fates(state, call).into_iter().map(|fate| Action::Call { writer, call, fate }));
        }
        actions.extend(state.late.iter().map(|call| Action::LateArrival(*call)));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::LateArrival(call) => {
                let place = next.late.iter().position(|late| *late == call)?;
                next.late.remove(place);
                self.reach(&mut next, call, false);
            }
            Action::Call { writer, call, fate } => {
                let Writer::Runs { run, retries } = next.writers[writer] else { return None };
                let answer = self.answer(&mut next, call, fate);
                let run = self.known.runs.id(Run::Goes(run, answer));
                let step = match fate {
                    Fate::Crash(_) => Step::Failed,
                    _ => self.step(self.changes[writer], run),
                };
                next.writers[writer] = match step {
                    Step::Calls(_) => Writer::Runs { run, retries },
                    Step::Recorded => Writer::Recorded,
                    Step::Failed if retries == 0 => Writer::GaveUp,
                    Step::Failed => Writer::Runs { run: self.known.runs.id(Run::Begins), retries: retries - 1 },
                };
            }
        }
        self.tidy(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RECORDED, |model: &Self, state: &State| {
                let meaning = model.meaning(state.files);
                let recorded = |(writer, holds)| state.writers[writer] != Writer::Recorded || holds;
                meaning.holds.iter().copied().enumerate().all(recorded)
            }),
            Property::always(NEVER_NONE, |model: &Self, state: &State| {
                state.ever_stored.is_none() || !model.known.listings.get(state.files).is_empty()
            }),
            Property::always(RETIRED, |model: &Self, state: &State| {
                model.meaning(state.files).merged == state.ever_stored
            }),
            Property::always(TWO_HEADS, |model: &Self, state: &State| {
                let meaning = model.meaning(state.files);
                meaning.is_stuck || meaning.next_leaves.is_some_and(|heads| heads <= 2)
            }),
            Property::always(ONE_FILE_HELPS, |model: &Self, state: &State| {
                model.meaning(state.files).next_leaves_with_more_room.is_some_and(|heads| heads <= 2)
            }),
            Property::always(NEVER_SHOWN_NONE, |model: &Self, state: &State| {
                let shown_none = |writer: &Writer| match writer {
                    Writer::Runs { run, .. } => match *model.known.runs.get(*run) {
                        Run::Goes(_, Answer::Files(listing)) => model.known.listings.get(listing).is_empty(),
                        _ => false,
                    },
                    Writer::Recorded | Writer::GaveUp => false,
                };
                model.history.is_empty() || model.room < usize::MAX || !state.writers.iter().any(shown_none)
            }),
        ]
    }
}

const RECORDED: &str = "what a writer was told is recorded is in the merge of the heads present";
const NEVER_NONE: &str = "there is never no head";
const RETIRED: &str = "what was ever stored is in the merge of the heads present";
const NEVER_SHOWN_NONE: &str = "no listing shows an empty tracker where there was one at the start";
const TWO_HEADS: &str = "if all stopped now, the next writer would read all of it and leave at most two heads, unless \
                         the store is full and no head is contained in another";
const ONE_FILE_HELPS: &str =
    "if all stopped now and a file of others were deleted, the next writer would do so in any case";

// ---------------------------------------------------------------- what is known, each thing once

/// A document, as its bytes.
type Json = Vec<u8>;

/// Values that states refer to by number, and results that are worked out once.
#[derive(Default)]
struct Known {
    blobs: Table<Blob>,
    listings: Table<Listing>,
    runs: Table<Run>,
    documents: Table<Json>,
    steps: Memo<(Change, Id<Run>), Step>,
    merges: Memo<(Id<Json>, Id<Json>), Id<Json>>,
    meanings: Memo<Id<Listing>, Arc<Meaning>>,
}

impl Known {
    fn stored_file(&self, File { id, blob }: File) -> StoredFile {
        let blob = self.blobs.get(blob);
        StoredFile { id: id.into(), name: blob.name.clone(), sha256: Some(hex(&Sha256::digest(&blob.content))) }
    }

    fn answers(&self, run: Id<Run>) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut run = *self.runs.get(run);
        while let Run::Goes(before, answer) = run {
            answers.push(answer);
            run = *self.runs.get(before);
        }
        answers.reverse();
        answers
    }

    /// Whether a call uploads a name that is there.
    fn is_taken(&self, files: &Listing, call: Call) -> bool {
        let Call::Upload(blob) = call else { return false };
        files.iter().any(|file| self.blobs.get(file.blob).name == self.blobs.get(blob).name)
    }

    fn document(&self, id: Id<Json>) -> Document {
        Document::from_json(&self.documents.get(id)).expect("a document")
    }

    fn json(&self, document: &Document) -> Id<Json> {
        self.documents.id(document.to_json().expect("JSON"))
    }

    fn blob_json(&self, blob: Id<Blob>) -> Id<Json> {
        self.documents.id(self.blobs.get(blob).content.clone())
    }

    fn merge(&self, one: Id<Json>, other: Id<Json>) -> Id<Json> {
        self.merges.get((one, other), || self.json(&self.document(one).merge(self.document(other))))
    }

    /// Whether a head is contained in another one that says more.
    fn holds_a_contained_one(&self, files: &Listing) -> bool {
        let documents: Vec<Id<Json>> = files.iter().map(|file| self.blob_json(file.blob)).collect();
        let exceeds = |one: Id<Json>, other: Id<Json>| one != other && self.merge(one, other) == one;
        documents.iter().any(|other| documents.iter().any(|one| exceeds(*one, *other)))
    }

    fn merge_of(&self, files: &Listing) -> Option<Id<Json>> {
        files.iter().map(|file| self.blob_json(file.blob)).reduce(|one, other| self.merge(one, other))
    }
}

/// The number of a value in its table.
struct Id<T>(u32, PhantomData<fn() -> T>);

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Every value once, by number.
struct Table<T> {
    ids: RwLock<HashMap<Arc<T>, u32>>,
    values: RwLock<Vec<Arc<T>>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { ids: RwLock::default(), values: RwLock::default() }
    }
}

impl<T: Hash + Eq> Table<T> {
    fn id(&self, value: T) -> Id<T> {
        let known = read(&self.ids).get(&value).copied();
        let id = known.unwrap_or_else(|| {
            let value = Arc::new(value);
            *write(&self.ids).entry(Arc::clone(&value)).or_insert_with(|| {
                let mut values = write(&self.values);
                values.push(value);
                u32::try_from(values.len() - 1).expect("few values")
            })
        });
        Id(id, PhantomData)
    }

    fn get(&self, id: Id<T>) -> Arc<T> {
        Arc::clone(&read(&self.values)[id.0 as usize])
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Results of a function.
struct Memo<K, V>(RwLock<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq, V: Clone> Memo<K, V> {
    fn get(&self, key: K, work_out: impl FnOnce() -> V) -> V {
        if let Some(known) = read(&self.0).get(&key) {
            return known.clone();
        }
        let value = work_out();
        write(&self.0).insert(key, value.clone());
        value
    }
}

// ---------------------------------------------------------------- protocols with a planted fault

type Heads = Vec<(StoredFile, Document)>;

fn heads_of(store: &dyn Store) -> Result<Heads, StoreError> {
    let mut heads = Heads::new();
    for file in store.list()? {
        let content = store.download(&file)?.ok_or("vanished: run the job again")?;
        heads.push((file, Document::from_json(&content)?));
    }
    heads.sort_by_key(|(file, _)| file.id);
    Ok(heads)
}

fn changed(heads: &Heads, change: Change) -> Result<Vec<u8>, StoreError> {
    let documents = heads.iter().map(|(_, document)| document.clone());
    let mut document = documents.reduce(Document::merge).unwrap_or_else(|| Document::new("p", "main"));
    change.apply(&mut document);
    Ok(document.to_json()?)
}

/// Deletes all heads but the newest.
fn retire(store: &dyn Store, heads: &Heads) -> Result<(), StoreError> {
    for (file, _) in heads.iter().rev().skip(1) {
        store.delete(file)?;
    }
    Ok(())
}

fn retires_before_it_writes(store: &dyn Store, change: Change) -> Result<(), StoreError> {
    let heads = heads_of(store)?;
    let content = changed(&heads, change)?;
    retire(store, &heads)?;
    store.upload(&hex(&Sha256::digest(&content)), &content).map(drop)
}

fn names_heads_by_number(store: &dyn Store, change: Change) -> Result<(), StoreError> {
    let heads = heads_of(store)?;
    let last: u32 = heads.iter().filter_map(|(file, _)| file.name.parse().ok()).max().unwrap_or_default();
    // "has already been taken" is success by name here, whatever the content.
    store.upload(&(last + 1).to_string(), &changed(&heads, change)?)?;
    retire(store, &heads)
}

/// As in the article that this project began with.
fn replaces_in_place(store: &dyn Store, change: Change) -> Result<(), StoreError> {
    let heads = heads_of(store)?;
    for (file, _) in &heads {
        store.delete(file)?;
    }
    store.upload("main", &changed(&heads, change)?).map(drop)
}

fn retires_what_it_did_not_read(store: &dyn Store, change: Change) -> Result<(), StoreError> {
    let content = changed(&heads_of(store)?, change)?;
    let own = hex(&Sha256::digest(&content));
    store.upload(&own, &content)?;
    for file in store.list()?.iter().filter(|file| file.name != own) {
        store.delete(file)?;
    }
    Ok(())
}

// ---------------------------------------------------------------- what is explored

use Change::{Claims, Drops, GivesBack, Promotes, Rebuilds, Removes, Revokes, Sees, Skips, Succeeds, SucceedsLate};

/// A tracker that two jobs have written, so that it has two heads.
const TRACKER: &[Change] = &[Claims(1), Claims(2)];
const THREE_RELEASES: &[Change] = &[Succeeds(1), Succeeds(2), Succeeds(3)];
/// More changes than any run of these models makes.
const ANY_AGE: usize = usize::MAX;

/// Prints what is to be seen of a test that passes, too.
macro_rules! told {
    ($($text:tt)*) => { drop(writeln!(std::io::stdout(), $($text)*)) };
}

fn holds_for(what: &str, history: &'static [Change], changes: &'static [Change], limits: Limits) -> Arc<Seen> {
    holds(what, Writers::new(heads_protocol, history, changes, limits))
}

fn holds_with_room(what: &str, room: usize, changes: &'static [Change], limits: Limits) -> Arc<Seen> {
    let what = format!("{what}, room for {room} heads");
    holds(&what, Writers { room, ..Writers::new(heads_protocol, TRACKER, changes, limits) })
}

fn holds(what: &str, model: Writers) -> Arc<Seen> {
    let seen = Arc::clone(&model.seen);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    told!(
        "{what}: {} states, {} transitions, at most {} heads at once; \
         {} downloads of a vanished head, {} uploads of a taken name, {} refused by a full store; \
         {} kinds of full store that need a person",
        checker.unique_state_count(),
        checker.state_count(),
        seen.most_heads.load(Ordering::Relaxed),
        seen.vanished.load(Ordering::Relaxed),
        seen.taken.load(Ordering::Relaxed),
        seen.refused.load(Ordering::Relaxed),
        seen.stuck.load(Ordering::Relaxed),
    );
    if let Some((property, path)) = checker.discoveries().into_iter().next() {
        panic!("{what}: it does not hold that {property}:\n{:#?}", path.into_actions());
    }
    seen
}

/// The shortest way to break a property, as steps.
fn counterexample(model: impl Fn() -> Writers, property: &'static str) -> Option<Vec<Action>> {
    let mut shortest: Option<Vec<Action>> = None;
    loop {
        let depth = shortest.as_ref().map_or(usize::MAX, |steps| steps.len() + 1);
        let finish = HasDiscoveries::AnyOf([property].into());
        let found = model().checker().target_max_depth(depth).finish_when(finish).spawn_bfs().join();
        match found.discovery(property) {
            Some(path) => shortest = Some(path.into_actions()),
            None => return shortest,
        }
    }
}

fn is_caught(what: &str, protocol: Protocol, property: &'static str) {
    let limits = Limits { retries: 1, mishaps: 1, ..CALM };
    let model = || Writers::new(protocol, TRACKER, &[Succeeds(1), Succeeds(2)], limits);
    let steps = counterexample(model, property).unwrap_or_else(|| panic!("{what}: not caught"));
    told!("{what}: caught, {} steps until it does not hold that {property}", steps.len());
    println!("{steps:#?}");
}

#[test]
fn nothing_is_lost_when_three_writers_crash_and_lose_replies() {
    let limits = Limits { retries: 1, mishaps: 2, ..CALM };
    let seen = holds_for("three writers, two mishaps", TRACKER, THREE_RELEASES, limits);
    assert!(seen.vanished.load(Ordering::Relaxed) > 0, "no head vanished while it was read");
}

#[test]
fn nothing_is_lost_among_four_writers() {
    let four = &[Succeeds(1), Succeeds(2), Succeeds(3), Succeeds(4)];
    holds_for("four writers", TRACKER, four, CALM);
}

#[test]
fn nothing_is_lost_to_a_listing_that_is_out_of_date() {
    let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: ANY_AGE, ..CALM };
    holds_for("three writers, a mishap, a stale listing of any age", TRACKER, THREE_RELEASES, limits);
    let limits = Limits { retries: 1, mishaps: 2, stale_lists: 2, look_back: ANY_AGE, ..CALM };
    let two = &[Succeeds(1), Succeeds(2)];
    holds_for("two writers, two mishaps, two stale listings of any age", TRACKER, two, limits);
}

#[test]
fn nothing_is_lost_to_requests_that_arrive_late_or_twice() {
    let limits = Limits { retries: 1, mishaps: 1, late: 1, ..CALM };
    holds_for("three writers, a mishap, a late request", TRACKER, THREE_RELEASES, limits);
}

#[test]
fn nothing_is_lost_when_all_record_the_same_and_names_are_taken_or_doubled() {
    let limits = Limits { retries: 1, mishaps: 2, twins: 2, stale_lists: 1, look_back: 1, ..CALM };
    let same = &[Succeeds(1), Succeeds(1), Succeeds(1)];
    let seen = holds_for("three writers of one success, two mishaps, two twins", TRACKER, same, limits);
    assert!(seen.taken.load(Ordering::Relaxed) > 0, "no name was taken");
}

#[test]
fn nothing_is_lost_among_a_success_a_claim_and_a_rebuild_of_one_release() {
    let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: 1, ..CALM };
    let changes = &[Succeeds(1), Claims(1), Rebuilds(1)];
    holds_for("a success, a claim and a rebuild, a mishap, a stale listing", TRACKER, changes, limits);
}

#[test]
fn nothing_is_lost_among_a_late_success_a_claim_that_is_given_back_and_a_rebuild_of_one_release() {
    let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: 1, ..CALM };
    let changes = &[SucceedsLate(1), GivesBack(1), Rebuilds(1)];
    holds_for("a late success, a claim given back and a rebuild, a mishap, a stale listing", TRACKER, changes, limits);
}

#[test]
fn nothing_is_lost_but_the_target_when_that_is_removed() {
    let limits = Limits { retries: 1, mishaps: 2, stale_lists: 1, look_back: ANY_AGE, ..CALM };
    holds_for(
        "a removal and a late success, two mishaps, a stale listing",
        TRACKER,
        &[Removes(1), SucceedsLate(1)],
        limits,
    );
}

#[test]
fn nothing_is_lost_among_a_success_a_claim_and_a_skip_of_one_release() {
    let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: 1, ..CALM };
    let changes = &[Succeeds(1), Claims(1), Skips(1)];
    holds_for("a success, a claim and a skip, a mishap, a stale listing", TRACKER, changes, limits);
}

#[test]
fn nothing_is_lost_among_two_promotions_and_a_revocation() {
    let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: 1, ..CALM };
    let changes = &[Promotes(1), Promotes(2), Revokes(1)];
    holds_for("two promotions and a revocation, a mishap, a stale listing", TRACKER, changes, limits);
}

#[test]
fn nothing_is_lost_among_a_promotion_a_rebuild_and_a_late_success() {
    let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: 1, ..CALM };
    let changes = &[Promotes(1), Rebuilds(1), SucceedsLate(1)];
    holds_for("a promotion, a rebuild and a late success, a mishap, a stale listing", TRACKER, changes, limits);
}

#[test]
fn nothing_is_lost_when_a_tracker_begins() {
    let limits = Limits { retries: 1, mishaps: 2, twins: 1, stale_lists: 1, look_back: ANY_AGE, ..CALM };
    holds_for("three first writers, two mishaps, a twin, a stale listing", &[], THREE_RELEASES, limits);
}

#[test]
fn a_listing_torn_by_three_changes_never_shows_an_empty_tracker_and_one_by_four_may() {
    let torn = |look_back| Limits { torn_lists: 1, look_back, ..CALM };
    let limits = Limits { retries: 1, mishaps: 1, ..torn(3) };
    holds_for("three writers, a mishap, a listing torn by three changes", TRACKER, THREE_RELEASES, limits);
    let model = || Writers::new(heads_protocol, TRACKER, THREE_RELEASES, torn(4));
    assert!(counterexample(model, NEVER_SHOWN_NONE).is_some());
    for property in [RECORDED, RETIRED, NEVER_NONE, TWO_HEADS] {
        let model = || Writers::new(heads_protocol, TRACKER, THREE_RELEASES, torn(ANY_AGE));
        assert_eq!(counterexample(model, property), None, "{property}");
    }
}

/// A full store heals as far as the protocol allows it; `docs/tracker.md` says what is left for a person.
#[test]
fn nothing_is_lost_in_a_store_that_is_full() {
    let refused = |seen: Arc<Seen>| seen.refused.load(Ordering::Relaxed) > 0;
    let limits = Limits { retries: 1, mishaps: 1, twins: 1, stale_lists: 1, look_back: ANY_AGE, ..CALM };
    let two = &[Succeeds(1), Succeeds(2)];
    for room in 2..=4 {
        assert!(refused(holds_with_room("two writers, a mishap, a twin, a stale listing", room, two, limits)));
    }
    let seen = holds_with_room("three writers", 2, THREE_RELEASES, CALM);
    assert!(seen.stuck.load(Ordering::Relaxed) > 0, "no store needed a person");
    assert!(refused(holds_with_room("three writers", 3, THREE_RELEASES, CALM)));
}

#[test]
fn nothing_is_lost_but_what_was_only_seen_when_that_is_forgotten() {
    let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: ANY_AGE, ..CALM };
    let changes = &[Drops(1), Succeeds(2)];
    holds_for("a success and one forgotten, a mishap, a stale listing", &[Sees(1), Claims(2)], changes, limits);
}

#[test]
fn to_retire_before_writing_is_caught() {
    is_caught("retires before it writes", retires_before_it_writes, RECORDED);
}

#[test]
fn to_take_a_taken_name_for_the_same_content_is_caught() {
    is_caught("names heads by number", names_heads_by_number, RECORDED);
}

#[test]
fn to_replace_in_place_is_caught() {
    is_caught("replaces in place", replaces_in_place, RECORDED);
    is_caught("replaces in place", replaces_in_place, NEVER_NONE);
}

#[test]
fn to_retire_what_was_not_read_is_caught() {
    is_caught("retires what it did not read", retires_what_it_did_not_read, RECORDED);
}

/// `make interleavings`
#[test]
#[ignore = "takes minutes and a gigabyte"]
fn nothing_is_lost_in_a_deeper_search() {
    let limits = Limits { retries: 1, mishaps: 2, stale_lists: 1, look_back: 1, ..CALM };
    holds_for("three writers, two mishaps, a stale listing", TRACKER, THREE_RELEASES, limits);
    let changes = &[Succeeds(1), Claims(1), Rebuilds(1)];
    holds_for("a success, a claim and a rebuild, two mishaps, a stale listing", TRACKER, changes, limits);
}

/// `make interleavings`
#[test]
#[ignore = "takes minutes and a gigabyte"]
fn nothing_is_lost_in_a_deeper_search_of_full_stores() {
    for room in 2..=6 {
        let limits = Limits { retries: 1, mishaps: 1, stale_lists: 1, look_back: 1, ..CALM };
        holds_with_room("three writers, a mishap, a stale listing", room, THREE_RELEASES, limits);
        let limits = Limits { mishaps: 1, late: 1, ..CALM };
        holds_with_room("three writers, a mishap, a late request", room, THREE_RELEASES, limits);
    }
    let four = &[Succeeds(1), Succeeds(2), Succeeds(3), Succeeds(4)];
    holds_with_room("four writers", 3, four, CALM);
}
