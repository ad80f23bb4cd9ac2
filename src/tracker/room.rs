//! The room that a tracker has: a file of GitLab's is limited, and what is claimed now has an outcome that must fit
//! into it later.

use super::encoding::{Decoded, Encoded, MAX_JSON, encode};
use super::entry::{OUTCOME, with_outcome};
use super::weight::{self, READABLE, weight};
use super::{Document, DocumentError, Entry, State};
use crate::release::BuildKey;

/// A head has fewer bytes than this: GitLab takes no larger file.
pub const MAX_HEAD: usize = 5 << 20;
/// What claims leave free for all that no claim announces: the words of people, and two `diff`s at once.
const MARGIN: usize = 256 << 10;

/// How full a document is, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The size of its head.
    pub size: usize,
    /// The size of the JSON in it, which is limited too, where it is compressed.
    json: usize,
    /// What it takes in memory.
    weight: usize,
    /// How many claims are open.
    pub open_claims: usize,
}

impl Room {
    /// The room of a document as it is.
    pub fn of(document: &Document) -> Result<Self, DocumentError> {
        Ok(Self::of_encoded(document, &encode(document)?))
    }

    pub(super) fn of_encoded(document: &Document, encoded: &Encoded) -> Self {
        let Encoded { content, json } = encoded;
        Self { size: content.len(), json: *json, weight: weight(document), open_claims: open_claims(document) }
    }

    pub(super) fn of_decoded(decoded: &Decoded, size: usize) -> Self {
        let Decoded { document, held, json } = decoded;
        // Its weight is at most a quarter more than what was charged.
        let weight = held.bytes() + held.bytes() / 4;
        Self { size, json: *json, weight, open_claims: open_claims(document) }
    }

    /// What two documents take.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            size: self.size + other.size,
            json: self.json + other.json,
            weight: self.weight + other.weight,
            open_claims: self.open_claims + other.open_claims,
        }
    }

    /// What is kept for the outcomes of the claims that are open.
    pub fn kept(&self) -> usize {
        self.open_claims.saturating_mul(OUTCOME)
    }

    /// How many bytes of memory a run takes that reads it: two heads are there before they are merged, and the text
    /// of one of them, with some room to grow into.
    pub fn to_read(&self) -> usize {
        self.weight.saturating_mul(2).saturating_add(self.json + self.json / 4)
    }

    /// How many bytes are left for more claims and their outcomes.
    pub(crate) fn for_claims(&self) -> usize {
        self.free().saturating_sub(MARGIN)
    }

    /// Whether it can be stored at all, and read again.
    pub(super) fn fits(&self) -> bool {
        self.size < MAX_HEAD && self.json as u64 <= MAX_JSON && self.to_read() <= READABLE
    }

    /// Whether it can be stored, and the outcomes of all open claims after it.
    pub(super) fn fits_with_outcomes(&self) -> bool {
        self.fits() && self.free() > 0
    }

    fn free(&self) -> usize {
        let max_json = usize::try_from(MAX_JSON).unwrap_or(usize::MAX);
        let free = |limit: usize, size: usize| limit.saturating_sub(size).saturating_sub(self.kept());
        free(MAX_HEAD, self.size).min(free(max_json, self.json)).min(self.outcomes_in_memory() * OUTCOME)
    }

    /// For how many more outcomes there is memory.
    fn outcomes_in_memory(&self) -> usize {
        let of_one = 2 * weight::OUTCOME + OUTCOME + OUTCOME / 4;
        (READABLE.saturating_sub(self.to_read()) / of_one).saturating_sub(self.open_claims)
    }
}

fn open_claims(document: &Document) -> usize {
    document.entries().filter(|(_, _, entry)| entry.state == State::Building).count()
}

/// The bytes that a run may take for claims and their outcomes: guessed, and measured where the guess is too little,
/// since measuring takes as long as writing the document.
pub(crate) struct RoomForClaims {
    left: usize,
    is_measured: bool,
}

impl RoomForClaims {
    /// The room where so much was taken before the run, if that is known, and the run changed so many entries since.
    pub(crate) fn guess(taken: Option<Room>, changes: usize) -> Self {
        // No change takes more than an outcome.
        let with_changes = |room: Room| Room { open_claims: room.open_claims.saturating_add(changes), ..room };
        Self { left: taken.map_or(0, |room| with_changes(room).for_claims()), is_measured: false }
    }

    /// Puts a claim into `document` if there is room for it and for its outcome; whether there was.
    pub(crate) fn claim(&mut self, document: &mut Document, build: &BuildKey, claim: Entry) -> bool {
        let fits = self.take(with_outcome(build, &claim), document);
        if fits {
            document.put(build, claim);
        }
        fits
    }

    fn take(&mut self, bytes: usize, document: &Document) -> bool {
        if self.left < bytes && !self.is_measured {
            // A document that cannot be written has no room.
            *self = Self { left: Room::of(document).map_or(0, |room| room.for_claims()), is_measured: true };
        }
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::tracker::{Baked, Notes, Origin, Report};

    fn build(number: usize) -> BuildKey {
        let package = format!("p-{number}.{}-1.x86_64", "9".repeat(150)).parse().expect("a package");
        BuildKey { package, target: "t".repeat(60).parse().expect("a target") }
    }

    /// Text that does not compress, with characters that JSON escapes.
    fn noise(seed: usize, length: usize) -> String {
        let mut state = seed as u64 + 1;
        let characters = std::iter::from_fn(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from_u32(u32::from((state >> 56) as u8 & 0x7f))
        });
        characters.take(length).collect()
    }

    fn url(seed: usize) -> String {
        format!("https://gitlab.example.com/{seed}/{}", "x".repeat(450))
    }

    /// No outcome takes more than was kept for it, whatever a build says.
    #[test]
    fn the_worst_outcome_of_a_claim_fits_into_what_is_kept_for_it() {
        let now = Timestamp::UNIX_EPOCH;
        for failed in [false, true] {
            let mut document = Document::new("p", "main");
            let before = Room::of(&document).expect("a room");
            let origin = |seed| Origin {
                pipeline: u64::MAX - 1,
                pipeline_url: Some(url(seed)),
                job_url: failed.then(|| url(seed)),
                lane: Some("l".repeat(255)),
            };
            for number in 0..20 {
                document.claim(&build(number), "new_release", None, now, origin(number));
            }
            let claimed = Room::of(&document).expect("a room");
            let reserved: usize = document
                .entries()
                .map(|(package, target, claim)| {
                    with_outcome(&BuildKey { package: package.clone(), target: target.clone() }, claim)
                })
                .sum();
            assert!(claimed.size + claimed.kept() <= before.size + reserved, "{claimed:?}");
            if failed {
                document.settle(u64::MAX - 1, now, &origin(0), |build| Some(url(build.package.to_string().len())));
                for number in 0..20 {
                    document.back_off(&build(number), u64::MAX);
                    document.record_given_up(&build(number), now);
                }
            } else {
                for number in 0..20 {
                    let notes: Notes = (0..500).map(|n| (format!("N{n}"), noise(number * 500 + n, n))).collect();
                    let origin = Origin { job_url: Some(url(number)), ..origin(number) };
                    let mut baked = Baked::default();
                    for n in 0..500 {
                        let id = format!("{}-{number}-{n}", "x".repeat(n % 40)).parse().expect("an id");
                        baked.ids.add(format!("r{n}").parse().expect("a place"), id);
                        baked.bases.insert(format!("{number}-{n}-{}", "x".repeat(280)).parse().expect("an id"));
                    }
                    let claim = document.get(&build(number)).map(Entry::claim).expect("a claim");
                    let report = Report { claim: Some(claim.clone()), baked, needs_test: true, ..notes.into() };
                    document.succeed(&build(number), report, now, origin.clone());
                    document.passed(&build(number), &claim, now, origin);
                }
            }
            let after = Room::of(&document).expect("a room");
            assert_eq!(after.open_claims, 0);
            assert!(after.size <= claimed.size + claimed.kept(), "{after:?} {claimed:?}");
        }
    }

    #[test]
    fn a_guess_that_is_too_little_is_measured_and_one_that_is_enough_is_not() {
        let document = Document::new("p", "main");
        let most = Room::of(&document).expect("a room").for_claims();
        let half = Room { size: MAX_HEAD / 2, ..Room::default() };
        for (taken, changes, left) in [
            (None, 0, most),
            (Some(Room { size: MAX_HEAD, ..half }), 0, most),
            (Some(half), MAX_HEAD / OUTCOME, most),
            (Some(half), 10, MAX_HEAD - MAX_HEAD / 2 - MARGIN - 10 * OUTCOME),
        ] {
            let mut room = RoomForClaims::guess(taken, changes);
            assert!(room.take(OUTCOME, &document), "{taken:?} {changes}");
            assert_eq!(room.left, left - OUTCOME, "{taken:?} {changes}");
        }
        let mut room = RoomForClaims::guess(None, 0);
        assert!(!room.take(most + 1, &document) && room.take(most, &document) && !room.take(1, &document));
    }

    #[test]
    fn claims_leave_room_for_their_outcomes_and_a_margin() {
        let room = |size, json, open_claims| Room { size, json, weight: 0, open_claims };
        assert_eq!(room(100, 100, 0).for_claims(), MAX_HEAD - 100 - MARGIN);
        assert_eq!(room(100, 100, 2).for_claims(), MAX_HEAD - 100 - MARGIN - 2 * OUTCOME);
        assert_eq!(room(MAX_HEAD - MARGIN, 100, 0).for_claims(), 0);
        assert!(room(MAX_HEAD - 1, 100, 0).fits_with_outcomes() && room(MAX_HEAD - 1, 100, 1).fits());
        assert!(!room(MAX_HEAD - 1, 100, 1).fits_with_outcomes() && !room(MAX_HEAD, 100, 0).fits());
        // A head that could be stored and not be read would be lost.
        let heavy = |weight, open_claims| Room { size: 100, json: 100, weight, open_claims };
        let most = (READABLE - 125) / 2;
        assert!(heavy(most, 0).fits() && !heavy(most, 1).fits_with_outcomes() && !heavy(most + 1, 0).fits());
        assert_eq!(heavy(most - weight::OUTCOME - OUTCOME, 0).free(), OUTCOME);
        // What is compressed has to be short enough unpacked, too, or nobody could read it again.
        let most = usize::try_from(MAX_JSON).expect("a size");
        assert!(
            room(100, most, 0).fits() && !room(100, most + 1, 0).fits() && !room(100, most, 1).fits_with_outcomes()
        );
    }
}
