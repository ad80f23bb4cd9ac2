//! The trackers of a store: which there are, and what a person changes in one of them.

use std::collections::BTreeSet;

use ami_scheduler::policy::LeadingVersion;
use ami_scheduler::release::{BuildKey, Nevra, Target};
use ami_scheduler::text::{named, printable};
use ami_scheduler::tracker::heads::{Store, Tracker, read_all};
use ami_scheduler::tracker::{ChannelName, Document, ImageKey, TrackerName};
use anyhow::{anyhow, bail};

use crate::args::{Release, ReleaseArgs, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;

/// How many releases are named.
const FEW: usize = 5;

/// Whether the room of a tracker is used that is kept for the outcomes of its claims.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Left,
    Used,
}

/// Reads the tracker of a product, applies `change`, which is told the tracker's place, and writes the tracker back;
/// writes nothing if `change` fails.
pub fn change<T>(
    session: &Session,
    args: &TrackerArgs,
    product: &str,
    kept: Kept,
    change: impl FnOnce(&mut Document, &str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    change_or_begin(session, args, product, kept, true, change)
}

/// The same of a tracker that is there.
pub fn change_existing<T>(
    session: &Session,
    args: &TrackerArgs,
    product: &str,
    kept: Kept,
    change: impl FnOnce(&mut Document, &str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    change_or_begin(session, args, product, kept, false, change)
}

fn change_or_begin<T>(
    session: &Session,
    args: &TrackerArgs,
    product: &str,
    kept: Kept,
    begins_a_tracker: bool,
    change: impl FnOnce(&mut Document, &str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = session.store(&args.place)?;
    let store = store.as_ref();
    change_in(store, &args.reference, product, kept, |document| {
        let mut document = known_or_new(document, store, product, &args.reference, begins_a_tracker)?;
        let changed = change(&mut document, &store.place())?;
        Ok((document, changed))
    })
}

/// The document of a tracker. One that is not there is an error, unless it may begin now.
fn known_or_new(
    document: Option<Document>,
    store: &dyn Store,
    product: &str,
    reference: &str,
    begins_a_tracker: bool,
) -> Result<Document, Failure> {
    let new = || begins_a_tracker.then(|| Document::new(product, reference));
    document.or_else(new).ok_or_else(|| anyhow!(no_tracker(store, Some(product), reference))).with_exit(Exit::Tracker)
}

/// Reads the tracker, applies `change` to the releases in it that a person names, and writes the tracker back; writes
/// nothing if `change` fails. A whole package need not be known to the tracker; with `begins_a_tracker` there may be no
/// tracker yet.
pub fn change_releases<T>(
    session: &Session,
    named: &ReleaseArgs,
    begins_a_tracker: bool,
    change: impl FnOnce(&mut Document, &[Nevra], &str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (release, reference) = (&named.release, named.tracker.reference.as_str());
    let store = session.store(&named.tracker.place)?;
    let store = store.as_ref();
    let product = match (release, &named.product) {
        (Release::Package(package), _) => package.name().to_owned(),
        (Release::Version(_), Some(product)) => product.clone(),
        (Release::Version(_), None) => only_product(store, release, reference)?,
    };
    change_in(store, reference, &product, Kept::Left, |document| {
        let begins_a_tracker = begins_a_tracker && matches!(release, Release::Package(_));
        let mut document = known_or_new(document, store, &product, reference, begins_a_tracker)?;
        let known: BTreeSet<&Nevra> =
            document.entries().map(|(package, _, _)| package).filter(|package| release.names(package)).collect();
        let releases: Vec<Nevra> = match (known.is_empty(), release) {
            (true, Release::Package(package)) => vec![package.clone()],
            (true, Release::Version(version)) => {
                return Err(anyhow!(
                    "the tracker of {product} on {reference} in {} knows no release {version}. `status` shows what it \
                     knows; a release that it does not know yet is named in full, such as {product}-18.6.1-1.x86_64",
                    store.place()
                ))
                .with_exit(Exit::Tracker);
            }
            (false, _) => known.into_iter().cloned().collect(),
        };
        if let [_, _, ..] = releases.as_slice() {
            let all: Vec<String> = releases.iter().map(Nevra::to_string).collect();
            output!("{release} names {} releases: {}", releases.len(), all.join(", "));
        }
        let changed = change(&mut document, &releases, &store.place())?;
        Ok((document, changed))
    })
}

/// What a person names in a tracker.
pub enum Named {
    /// One image, by one of its ids.
    Image(BuildKey, ImageKey),
    /// Releases, by a version or in full.
    Releases(Vec<Nevra>),
}

impl Named {
    /// What a text names in a tracker: the image that has this id, or the releases of this version.
    pub fn find(document: &Document, text: &str) -> Option<Self> {
        if let Some((build, key)) = document.image_of_id(text) {
            return Some(Self::Image(build, key));
        }
        let release: Release = text.parse().ok()?;
        let of_entries = document.entries().map(|(package, _, _)| package);
        let known: BTreeSet<&Nevra> =
            of_entries.chain(document.revocations().releases()).filter(|package| release.names(package)).collect();
        match release {
            Release::Package(package) if known.is_empty() && package.name() == document.product() => {
                Some(Self::Releases(vec![package]))
            }
            _ => (!known.is_empty()).then(|| Self::Releases(known.into_iter().cloned().collect())),
        }
    }
}

/// The error that a tracker knows nothing by a name that a person gave.
pub fn unknown(document: &Document, place: &str, what: &str) -> anyhow::Error {
    let product = document.product();
    let mut of_series: BTreeSet<&Nevra> = BTreeSet::new();
    if let Ok(series) = what.parse::<LeadingVersion>() {
        let releases = document.entries().map(|(package, ..)| package);
        of_series.extend(releases.filter(|package| series.holds(&package.evr().version)));
    }
    let newest: Vec<String> = of_series.iter().rev().take(FEW).map(|package| package.evr().version.clone()).collect();
    let hint = if newest.is_empty() {
        format!(
            "`status` shows what it knows. A release that it does not know yet is named in full, such as {product}-18.6.1-1.x86_64"
        )
    } else {
        format!("Releases of that series are {}", newest.join(", "))
    };
    anyhow!(
        "the tracker of {product} on {} in {place} knows no release or image {:?}. {hint}",
        printable(document.reference()),
        named(what)
    )
}

/// Refuses targets that a tracker does not know: a slip would change nothing.
pub fn refuse_unknown_targets(document: &Document, targets: &[Target], place: &str) -> anyhow::Result<()> {
    let is_known = |target: &&Target| document.entries().any(|(_, known, _)| known == *target);
    match targets.iter().find(|target| !is_known(target)) {
        Some(target) => {
            bail!("--target names {target}, and the tracker in {place} knows no such target: is it spelt right?")
        }
        None => Ok(()),
    }
}

/// Says that there is no channel of a name, and which there are; `latest` is among them where it can be meant.
pub fn no_channel(channel: &ChannelName, latest: Option<&str>, documents: &[Document]) -> String {
    let names: BTreeSet<String> =
        documents.iter().flat_map(|document| document.channels().names().map(ToString::to_string)).collect();
    let names: Vec<String> = latest.map(str::to_owned).into_iter().chain(names).collect();
    format!("there is no channel {channel}, to which nobody has promoted yet; there are: {}", names.join(", "))
}

/// The product whose tracker is meant: the one that is named; else the only one of the ref, or the only one in which the
/// text names something.
pub fn product_of(
    session: &Session,
    args: &TrackerArgs,
    product: Option<&str>,
    text: Option<&str>,
) -> Result<String, Failure> {
    if let Some(product) = product {
        return Ok(product.to_owned());
    }
    let store = session.store(&args.place)?;
    let reference = args.reference.as_str();
    let documents =
        read_all(store.as_ref(), |name: &TrackerName| name.is_of_ref(reference)).with_exit(Exit::Tracker)?;
    let is_meant = |document: &&Document| text.is_none_or(|text| Named::find(document, text).is_some());
    let known: Vec<&str> = documents.iter().filter(is_meant).map(Document::product).collect();
    match (documents.as_slice(), known.as_slice()) {
        ([], _) => Err(anyhow!(no_tracker(store.as_ref(), None, reference))).with_exit(Exit::Tracker),
        ([only], _) => Ok(only.product().to_owned()),
        (_, [product]) => Ok((*product).to_owned()),
        (several, []) => {
            let products: Vec<&str> = several.iter().map(Document::product).collect();
            Err(anyhow!(
                "no tracker on {} knows {}: there are those of {}",
                printable(reference),
                printable(text.unwrap_or_default()),
                products.join(", ")
            ))
            .with_exit(Exit::Tracker)
        }
        (several, _) => {
            let products: Vec<&str> = several.iter().map(Document::product).collect();
            Err(anyhow!(
                "there are trackers of {} on {}: name one with --product",
                products.join(", "),
                printable(reference)
            ))
            .with_exit(Exit::CommandLine)
        }
    }
}

fn change_in<T>(
    store: &dyn Store,
    reference: &str,
    product: &str,
    kept: Kept,
    change: impl FnOnce(Option<Document>) -> Result<(Document, T), Failure>,
) -> Result<T, Failure> {
    let tracker = Tracker::new(store, product, reference).with_exit(Exit::Tracker)?;
    let heads = tracker.read().with_exit(Exit::Tracker)?;
    let (document, changed) = change(heads.document.clone())?;
    let written = match kept {
        Kept::Left => tracker.write(&heads, &document),
        Kept::Used => tracker.write_outcomes(&heads, &document),
    };
    written.with_exit(Exit::Tracker)?;
    Ok(changed)
}

/// Refuses to ask anew for builds of which no number of the asking is left.
pub fn refuse_last_epoch(document: &Document, releases: &[Nevra], targets: &[Target]) -> Result<(), Failure> {
    let is_named = |package: &Nevra, target: &Target| {
        releases.contains(package) && (targets.is_empty() || targets.contains(target))
    };
    let mut last = document.entries().filter(|(_, _, entry)| entry.is_of_the_last_epoch());
    match last.find(|(package, target, _)| is_named(package, target)) {
        None => Ok(()),
        Some((package, target, entry)) => Err(anyhow!(
            "{package} {target} was asked for anew {} times by its record, and cannot be once more: no person did that, \
             so who has written it? Begin a new tracker: another --ref",
            entry.epoch
        ))
        .with_exit(Exit::Tracker),
    }
}

/// The product of the one tracker of a ref.
fn only_product(store: &dyn Store, release: &Release, reference: &str) -> Result<String, Failure> {
    let of_ref = |name: &TrackerName| name.is_of_ref(reference);
    let documents = read_all(store, of_ref).with_exit(Exit::Tracker)?;
    let products: Vec<&str> = documents.iter().map(Document::product).collect();
    match products.as_slice() {
        [product] => Ok((*product).to_owned()),
        [] => Err(anyhow!(no_tracker(store, None, reference))).with_exit(Exit::Tracker),
        several => {
            Err(anyhow!("{release} can be a release of each of {}: name one with --product", several.join(", ")))
                .with_exit(Exit::CommandLine)
        }
    }
}

/// A message: the ref has no tracker, and these refs have one.
pub fn no_tracker(store: &dyn Store, product: Option<&str>, reference: &str) -> String {
    let of_product = |document: &Document| product.is_none_or(|product| document.product() == product);
    // What cannot be read of others is no reason to say less of this one.
    let documents = read_all(store, |_| true).unwrap_or_default();
    let references: BTreeSet<&str> =
        documents.iter().filter(|document| of_product(document)).map(Document::reference).collect();
    let references: Vec<&str> = references.into_iter().collect();
    let others = match references.as_slice() {
        [] => "there is none on another ref either".to_owned(),
        references => format!("there are trackers on: {}", printable(&references.join(", "))),
    };
    let product = product.map(|product| format!(" of {product}")).unwrap_or_default();
    format!("there is no tracker{product} on {} in {}; {others}", printable(reference), store.place())
}
