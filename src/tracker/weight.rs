//! What a document takes in memory once it is read: a head that is written can be read again.

use std::collections::BTreeMap;

use super::{
    Absence, Acknowledgement, Claim, Document, Entry, Ids, Image, ImageId, ImageKey, IngredientName, IngredientValue,
    Ingredients, Notes, PackageFile, Place, Unknown,
};
use crate::budget::{ALLOCATION, Budget, MOST_BYTES, NODE, OF_ANY_SHAPE};
use crate::release::{Checksum, Nevra, Target};

/// The most bytes that a run has for reading a tracker. The native program takes more of them for the same document,
/// some 30 %, and writes nothing that the module could not read.
pub const READABLE: usize = if cfg!(target_pointer_width = "32") { MOST_BYTES } else { 208 << 20 };
/// The most that the outcome of a claim takes: as many notes as fit, each in places and allocations of its own.
pub(super) const OUTCOME: usize = 72 << 10;
/// A time, or the word of a state.
const WORD: usize = 48;
/// The four numbers of a claim, and the number of a job.
const NUMBERS: usize = 5 * 21;

/// At most so many bytes are charged for reading this document, as [`Budget`] counts them.
pub(super) fn weight(document: &Document) -> usize {
    let rest = document.without_builds().to_json().map_or(usize::MAX, |json| {
        let read = Budget::default().json::<Document>(&json);
        read.map_or(usize::MAX, |(_, held)| held.bytes())
    });
    let mut sum = rest;
    let mut add = |bytes: usize| sum = sum.saturating_add(bytes);
    let (entries, images) = document.builds();
    for of in [entries.len(), images.len()] {
        add(places::<Nevra, [usize; 3]>(of));
    }
    for (package, targets) in entries {
        add(package.length() + ALLOCATION + places::<Target, Box<Entry>>(targets.len()));
        add(targets.iter().map(|(target, entry)| text(target.as_str()) + of_entry(entry)).sum());
    }
    for (package, targets) in images {
        add(package.length() + ALLOCATION + places::<Target, [usize; 3]>(targets.len()));
        for (target, images) in targets {
            add(text(target.as_str()) + places::<ImageKey, Box<Image>>(images.len()));
            add(images.iter().map(|(key, image)| of_claim(&key.claim) + of_image(image)).sum());
        }
    }
    sum
}

fn of_entry(entry: &Entry) -> usize {
    let texts =
        [&entry.origin.pipeline_url, &entry.origin.job_url, &entry.origin.lane, &entry.reason, &entry.by, &entry.rule];
    let file = entry.file.as_ref().map_or(0, of_file);
    let absence = entry.absence.as_ref().map_or(0, |absence| of_absence(absence));
    let marks =
        [entry.passed_over.is_some(), entry.given_up.is_some()].map(|is_there| if is_there { 2 * WORD } else { 0 });
    // Since when, first seen, and the state.
    size_of::<Entry>()
        + 3 * WORD
        + marks.iter().sum::<usize>()
        + of_texts(texts)
        + file
        + absence
        + of_ingredients(&entry.ingredients)
        + of_unknown(&entry.unknown)
}

fn of_ingredients(of_claims: &BTreeMap<Claim, Ingredients>) -> usize {
    let of_claim = |(claim, ingredients): (&Claim, &Ingredients)| {
        let texts = ingredients.iter().map(|(name, value)| text(name.as_str()) + text(value.as_str()));
        self::of_claim(claim) + places::<IngredientName, IngredientValue>(ingredients.len()) + texts.sum::<usize>()
    };
    places::<Claim, Ingredients>(of_claims.len()) + of_claims.iter().map(of_claim).sum::<usize>()
}

fn of_file(file: &PackageFile) -> usize {
    size_of::<PackageFile>()
        + of_checksum(&file.checksum)
        + file
            .acknowledged
            .as_ref()
            .map_or(0, |word| size_of::<Acknowledgement>() + text(&word.reason) + text(&word.by))
        + of_unknown(&file.unknown)
}

fn of_absence(absence: &Absence) -> usize {
    // Since when, until when, and the runs.
    size_of::<Absence>() + ALLOCATION + 4 * WORD + of_unknown(&absence.unknown)
}

fn of_image(image: &Image) -> usize {
    let checksum = image.checksum.as_ref().map_or(0, of_checksum);
    let marks = WORD * usize::from(image.needs_test) + 2 * WORD * usize::from(image.tested.is_some());
    size_of::<Image>()
        + WORD
        + marks
        + of_ids(&image.ids)
        + of_all(image.bases.iter())
        + of_notes(&image.notes)
        + of_texts([&image.job_url, &image.reason])
        + checksum
        + of_unknown(&image.unknown)
}

fn of_ids(ids: &Ids) -> usize {
    let in_places: usize = ids.counts().map(places::<ImageId, ()>).sum();
    let names: usize = ids.places().map(|place| text(place.as_str())).sum();
    let ids_alone = ids.iter().map(|(_, id)| text(id.as_str())).sum::<usize>();
    places::<Place, [usize; 3]>(ids.places().count()) + in_places + names + ids_alone
}

fn of_all<'a>(ids: impl ExactSizeIterator<Item = &'a ImageId>) -> usize {
    places::<ImageId, ()>(ids.len()) + ids.map(|id| text(id.as_str())).sum::<usize>()
}

fn of_notes(notes: &Notes) -> usize {
    places::<String, String>(notes.len()) + notes.iter().map(|(name, value)| text(name) + text(value)).sum::<usize>()
}

fn of_claim(claim: &Claim) -> usize {
    NUMBERS + ALLOCATION + claim.lane.as_ref().map_or(0, String::len)
}

fn of_checksum(checksum: &Checksum) -> usize {
    WORD + checksum.hex.len()
}

fn of_unknown(unknown: &Unknown) -> usize {
    let values = unknown.values();
    values * 2 * OF_ANY_SHAPE
        + if values == 0 { 0 } else { serde_json::to_string(unknown).map_or(usize::MAX, |json| json.len()) }
}

fn of_texts<'a>(texts: impl IntoIterator<Item = &'a Option<String>>) -> usize {
    texts.into_iter().flatten().map(|words| text(words)).sum()
}

fn text(text: &str) -> usize {
    text.len() + ALLOCATION
}

/// The places of so many entries of a map, the first of which has those of a whole node.
fn places<K, V>(entries: usize) -> usize {
    let places = if entries == 0 { 0 } else { NODE + 2 * (entries - 1) };
    places * (size_of::<K>() + size_of::<V>())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::release::BuildKey;
    use crate::tracker::{Baked, Origin, Pointer, Report, Word};

    fn build(number: usize, target: usize) -> BuildKey {
        let package = format!("p-{number}-1.noarch").parse().expect("a package");
        BuildKey { package, target: format!("t{target}").parse().expect("a target") }
    }

    /// A document of builds in every state, and what was charged for reading it.
    fn charged(releases: usize, targets: usize, notes: usize, words: &str) -> (usize, usize) {
        let (now, mut document) = (Timestamp::UNIX_EPOCH, Document::new("p", "main"));
        let url = |what: &str| Some(format!("https://gitlab.example.com/{what}/{words}"));
        for number in 0..releases {
            for target in 0..targets {
                let (build, id) = (build(number, target), number as u64);
                let lane = (number % 2 == 0).then(|| words.to_owned());
                let origin = Origin { pipeline: id, pipeline_url: url("p"), job_url: url("j"), lane };
                let checksum = format!("sha256:{number:064x}").parse().expect("a checksum");
                document.claim(&build, "new_release", Some(checksum), now, origin.clone());
                let ingredient =
                    |n: usize| (format!("i{n}").parse().expect("a name"), "ami-0abc".parse().expect("a value"));
                let claim = document.get(&build).map(Entry::claim).expect("a claim");
                document.record_ingredients(&build, &claim, &(0..number % 9).map(ingredient).collect());
                match number % 4 {
                    0 => {
                        document.settle(id, now, &origin, |_| url("j"));
                        document.back_off(&build, id);
                        document.record_given_up(&build, now);
                    }
                    1 => drop(document.skip_by_hand(&build, words, words, now)),
                    _ => {
                        document.record_missing(&build, id, 3, now);
                        if number % 4 == 2 {
                            document.record_found(&build, now);
                        }
                        let notes: Notes = (0..notes).map(|note| (format!("N{note}"), words.to_owned())).collect();
                        let claim = document.get(&build).map(Entry::claim).expect("a claim");
                        let report =
                            Report { claim: Some(claim.clone()), job: id, needs_test: number % 4 == 3, ..notes.into() };
                        document.succeed(&build, report, now, origin.clone());
                        if target % 2 == 0 {
                            document.passed(&build, &claim, now, origin);
                        }
                        let word = || Word { reason: words.to_owned(), by: Some(words.to_owned()), at: now };
                        let key = ImageKey { claim, job: id };
                        let slot = format!("{} noarch {number}", build.target).parse().expect("a slot");
                        document.promote(
                            &"stable".parse().expect("a name"),
                            slot,
                            Some(Pointer { package: build.package.clone(), image: key.clone() }),
                            word(),
                        );
                        document.revoke_image(&build, &key, true, &word());
                        document.revoke(&build.package, Some(&build.target), true, &word());
                        document.revoke(&build.package, None, true, &word());
                    }
                }
            }
        }
        let json = document.to_json().expect("JSON");
        let text =
            String::from_utf8(json).expect("text").replacen("\"state\"", "\"newer\": {\"a\": [1, {}]}, \"state\"", 9);
        let (document, held) = Budget::default().json::<Document>(text.as_bytes()).expect("a document");
        (held.bytes(), weight(&document))
    }

    proptest! {
        #[test]
        fn reading_a_document_takes_no_more_than_its_weight(
            releases in 0usize..12,
            targets in 1usize..15,
            notes in 0usize..9,
            words in "[a-zA-Z0-9 é\"]{0,40}",
        ) {
            let (charged, weight) = charged(releases, targets, notes, &words);
            prop_assert!(charged <= weight, "{charged} bytes, and its weight is {weight}");
        }
    }

    #[test]
    fn a_weight_is_not_much_more_than_what_reading_takes() {
        for (releases, targets) in [(300, 1), (300, 8)] {
            let (charged, weight) = charged(releases, targets, 1, "ami");
            assert!(charged <= weight && weight <= charged + charged / 4, "{charged} {weight}");
        }
    }

    #[test]
    fn no_outcome_takes_more_memory_than_is_kept_for_it() {
        let notes: Notes = (0..1000).map(|note| (format!("{note}"), String::new())).collect();
        let mut baked = Baked::default();
        for number in 0..1000 {
            let place = format!("{number:060}").parse().expect("a place");
            baked.ids.add(place, format!("{number:0300}").parse().expect("an id"));
            baked.bases.insert(format!("b{number:0299}").parse().expect("an id"));
        }
        let image = Image::new(Timestamp::UNIX_EPOCH, baked, crate::tracker::that_fit(&notes)).bounded();
        let mut short = Baked::default();
        for number in 0..1000 {
            short.ids.add(format!("{number}").parse().expect("a place"), "a".parse().expect("an id"));
        }
        let many = Image::new(Timestamp::UNIX_EPOCH, short, crate::tracker::that_fit(&notes)).bounded();
        assert!(of_image(&many) + 4 * 1024 <= OUTCOME, "{}", of_image(&many));
        assert!(
            of_image(&image.clone()) + places::<ImageKey, Box<Image>>(1) + 4 * 1024 <= OUTCOME,
            "{}",
            of_image(&image)
        );
    }
}
