use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::package::{Nevra, Package};
use ami_scheduler::policy::{Policy, Versions};
use ami_scheduler::report;
use ami_scheduler::repository::signature::{SignatureError, TrustedKeys};
use ami_scheduler::repository::{Listing, index, primary, repomd};
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use super::{read, write_json};
use crate::cli::List;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::http::Client;
use crate::source::{Index, OpenFile, Source};

/// How often a repository is read from its beginning, the first time included.
const MAX_READS: u32 = 4;

pub fn run(list: &List, now: Timestamp) -> Result<(), Failure> {
    let policy = policy(list).or_exit(Exit::CommandLine)?;
    let source = Source::new(&list.repo_url, Client::new()).or_exit(Exit::CommandLine)?;
    let keys = trusted_keys(list.gpg_key.as_ref().and_then(|file| file.0.as_deref()))?;
    let wanted = Wanted { product: &list.product, signed_by: keys.as_ref(), now };
    let listing = read_repository(&source, &wanted).or_exit(Exit::Repository)?;
    if listing.packages.is_empty() {
        return Err(not_there(&list.product, &source, &listing)).or_exit(Exit::Repository);
    }
    let (mut wanted, left_out) = policy.apply(without_repetitions(listing.packages));
    for package in &mut wanted {
        package.url = source.public_url(&package.url);
    }
    let text = report::listing(&list.product, source.shown(), &policy.versions, &wanted, &left_out);
    write_json(&list.output, &Packages::new(&list.product, source.shown(), now, wanted, left_out))?;
    say!("{}", text.trim_end());
    Ok(())
}

/// What is asked of a repository.
struct Wanted<'a> {
    product: &'a str,
    signed_by: Option<&'a TrustedKeys>,
    now: Timestamp,
}

fn trusted_keys(file: Option<&Path>) -> Result<Option<TrustedKeys>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let keys = TrustedKeys::read(&read(file)?);
    keys.with_context(|| format!("--gpg-key {}", file.display())).or_exit(Exit::CommandLine).map(Some)
}

fn policy(list: &List) -> anyhow::Result<Policy> {
    let leading = list.major_version.clone().and_then(|leading| leading.0).map(Versions::Leading);
    let range = list.version_range.clone().and_then(|range| range.0).map(Versions::Range);
    // clap can't tell: of a component's two inputs the one that is not used is empty, but there.
    if leading.is_some() && range.is_some() {
        bail!("--major-version and --version-range are two ways to say the same: give one of them");
    }
    Ok(Policy {
        versions: leading.or(range).unwrap_or_default(),
        architectures: list.arch.0.clone(),
        pre_releases: list.pre_releases,
    })
}

/// A mirror is often caught half-way through its update, and connections break: both pass, so the
/// repository is read again from `repomd.xml` on before it is an error.
fn read_repository(source: &Source, wanted: &Wanted<'_>) -> anyhow::Result<Listing> {
    let mut attempt = 1;
    loop {
        let error = match read_once(source, wanted) {
            Ok(listing) => return Ok(listing),
            Err(Failed::ForGood(error)) => return Err(error),
            Err(Failed::MayPass(error)) => error,
        };
        if attempt == MAX_READS {
            return Err(error.context(format!(
                "the repository {} gave no consistent answer in {MAX_READS} attempts, as if it were being updated; run the job again later",
                source.shown()
            )));
        }
        say_aside!("{error:#}; reading the repository again (attempt {} of {MAX_READS})", attempt + 1);
        source.wait(attempt);
        attempt += 1;
    }
}

enum Failed {
    MayPass(anyhow::Error),
    ForGood(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::ForGood(error)
    }
}

fn read_once(source: &Source, wanted: &Wanted<'_>) -> Result<Listing, Failed> {
    let Some(mut file) = source.open("repodata/repomd.xml")? else {
        if wanted.signed_by.is_some() {
            let shown = source.shown();
            return Err(anyhow!("{shown} has no repodata/repomd.xml, and --gpg-key asks for its signature").into());
        }
        return Ok(read_index(source, wanted.product)?);
    };
    let document = read_whole(&mut file)?;
    if let Some(keys) = wanted.signed_by {
        verify(source, &document, keys, wanted.now)?;
    }
    let document = String::from_utf8(document)
        .map_err(|error| anyhow!("in {}: expected an XML document in UTF-8: {}", file.shown, error.utf8_error()))?;
    let repomd = repomd::parse(&document).with_context(|| format!("in {}", file.shown))?;
    let url = primary::resolve(source.base(), repomd.primary.base.as_deref(), &repomd.primary.href)
        .map_err(|reason| anyhow!("the location of primary in {}: {}", file.shown, report::excerpt(&reason)))?;
    let Some(file) = source.open_url(&url)? else {
        let href = report::excerpt(&repomd.primary.href);
        return Err(Failed::MayPass(anyhow!("repomd.xml names {href}, which is not there")));
    };
    let shown = file.shown.clone();
    primary::read(file.body, &repomd.primary, source.base(), wanted.product).map_err(|error| {
        let passes = error.may_pass();
        let error = anyhow::Error::from(error).context(format!("in {shown}"));
        if passes { Failed::MayPass(error) } else { Failed::ForGood(error) }
    })
}

fn read_whole(file: &mut OpenFile) -> Result<Vec<u8>, Failed> {
    let mut content = Vec::new();
    let read = file.body.by_ref().take(repomd::MAX_SIZE + 1).read_to_end(&mut content);
    read.map_err(|error| Failed::MayPass(anyhow!("cannot read {}: {error}", file.shown)))?;
    if content.len() as u64 > repomd::MAX_SIZE {
        let (shown, limit) = (&file.shown, repomd::MAX_SIZE);
        return Err(
            anyhow!("{shown} has more than {limit} bytes, too many for what was asked; is the URL right?").into()
        );
    }
    Ok(content)
}

/// Before anything that `repomd.xml` says is believed. A mirror may have one file of it already and
/// the other not yet.
fn verify(source: &Source, repomd: &[u8], keys: &TrustedKeys, now: Timestamp) -> Result<(), Failed> {
    let Some(mut file) = source.open("repodata/repomd.xml.asc")? else {
        let reason = "has no signature (repodata/repomd.xml.asc), and --gpg-key asks for one";
        return Err(Failed::MayPass(anyhow!("{} {reason}", source.shown())));
    };
    let signature = read_whole(&mut file)?;
    keys.verify(repomd, &signature, now).map_err(|error| {
        let passes = matches!(error, SignatureError::Bad { .. });
        let error = anyhow::Error::from(error).context(format!("the signature {} is not believed", file.shown));
        if passes { Failed::MayPass(error) } else { Failed::ForGood(error) }
    })
}

fn read_index(source: &Source, product: &str) -> anyhow::Result<Listing> {
    let (listing, files) = match source.directory_index()? {
        Index::Page { html, url } => index::read(&html, &url, product),
        Index::Files(urls) => index::read_urls(urls, product),
    }
    .with_context(|| format!("in {}", source.shown()))?;
    if files == 0 {
        bail!(
            "{} is no package repository: it has no repodata/repomd.xml, and no file or link that ends in .rpm. \
             The URL has to be the one that a .repo file has as baseurl",
            source.shown()
        );
    }
    Ok(listing)
}

fn not_there(product: &str, source: &Source, listing: &Listing) -> anyhow::Error {
    let nearest = listing.nearest.names();
    let hint = match nearest.as_slice() {
        [] => "It has no package with a name like it".to_owned(),
        [names @ .., last] if !names.is_empty() => format!("Did you mean {} or {last}?", names.join(", ")),
        [name, ..] => format!("Did you mean {name}?"),
    };
    anyhow!("there is no package {product} in {}. {hint}", source.shown())
}

/// A repository can name the same package twice; the one that was built last counts.
fn without_repetitions(packages: Vec<Package>) -> Vec<Package> {
    let mut unique: BTreeMap<Nevra, Package> = BTreeMap::new();
    for package in packages {
        match unique.get(&package.package) {
            Some(known) if known.built_at >= package.built_at => {}
            _ => drop(unique.insert(package.package.clone(), package)),
        }
    }
    unique.into_values().collect()
}
