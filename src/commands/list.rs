use std::collections::BTreeMap;
use std::io::Read as _;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::package::{Nevra, Package};
use ami_scheduler::policy::{Policy, Versions};
use ami_scheduler::report;
use ami_scheduler::repository::{Listing, index, primary, repomd};
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use super::write_json;
use crate::cli::List;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::http::Client;
use crate::source::Source;

/// How often a repository is read from its beginning, the first time included.
const MAX_READS: u32 = 4;

pub fn run(list: &List, now: Timestamp) -> Result<(), Failure> {
    let policy = policy(list).or_exit(Exit::CommandLine)?;
    let source = Source::new(&list.repo_url, Client::new()).or_exit(Exit::CommandLine)?;
    let listing = read_repository(&source, &list.product).or_exit(Exit::Repository)?;
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
fn read_repository(source: &Source, product: &str) -> anyhow::Result<Listing> {
    let mut attempt = 1;
    loop {
        let error = match read_once(source, product) {
            Ok(listing) => return Ok(listing),
            Err(Failed::ForGood(error)) => return Err(error),
            Err(Failed::MayPass(error)) => error,
        };
        if attempt == MAX_READS {
            return Err(error.context(format!(
                "the repository {} gave no consistent answer in {MAX_READS} attempts",
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

fn read_once(source: &Source, product: &str) -> Result<Listing, Failed> {
    let Some(mut file) = source.open("repodata/repomd.xml")? else {
        return Ok(read_index(source, product)?);
    };
    let mut document = Vec::new();
    file.body
        .by_ref()
        .take(repomd::MAX_SIZE)
        .read_to_end(&mut document)
        .map_err(|error| Failed::MayPass(anyhow!("cannot read {}: {error}", file.shown)))?;
    let document = String::from_utf8(document)
        .map_err(|error| anyhow!("in {}: expected an XML document in UTF-8: {}", file.shown, error.utf8_error()))?;
    let repomd = repomd::parse(&document).with_context(|| format!("in {}", file.shown))?;
    let url = primary::resolve(source.base(), repomd.primary.base.as_deref(), &repomd.primary.href)
        .map_err(|reason| anyhow!("the location of primary in {}: {reason}", file.shown))?;
    let Some(file) = source.open_url(&url)? else {
        return Err(Failed::MayPass(anyhow!("repomd.xml names {}, which is not there", repomd.primary.href)));
    };
    let shown = file.shown.clone();
    primary::read(file.body, &repomd.primary, source.base(), product).map_err(|error| {
        let passes = error.may_pass();
        let error = anyhow::Error::from(error).context(format!("in {shown}"));
        if passes { Failed::MayPass(error) } else { Failed::ForGood(error) }
    })
}

fn read_index(source: &Source, product: &str) -> anyhow::Result<Listing> {
    let (listing, files) = match source.directory_index()? {
        crate::source::Index::Page { html, url } => index::read(&html, &url, product),
        crate::source::Index::Files(urls) => index::read_urls(urls, product),
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
