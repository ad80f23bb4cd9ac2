use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use ami_scheduler::artifacts::{Packages, RepositoryRead};
use ami_scheduler::package::Package;
use ami_scheduler::policy::{Policy, Versions};
use ami_scheduler::report;
use ami_scheduler::repository::merge::{Conflict, merge};
use ami_scheduler::repository::signature::{SignatureError, TrustedKeys};
use ami_scheduler::repository::{Listing, index, primary, repomd};
use ami_scheduler::tracker::Target;
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use super::{Connect, read, write_json};
use crate::cli::List;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::progress::Progress;
use crate::source::{Index, OpenFile, Source};

/// How often a repository is read from its beginning, the first time included.
const MAX_READS: u32 = 4;

pub fn run(list: &List, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let policy = policy(list).or_exit(Exit::CommandLine)?;
    let repositories = repositories(&list.repo_url, connect).or_exit(Exit::CommandLine)?;
    let keys = trusted_keys(list.gpg_key.as_ref().and_then(|file| file.0.as_deref()))?;
    let wanted = Wanted { product: &list.product, signed_by: keys.as_ref(), now };
    let mut read = Vec::new();
    let mut offered = Vec::new();
    let mut without: Vec<(&Repository, Listing)> = Vec::new();
    for repository in &repositories {
        let Repository { source, targets } = repository;
        let mut listing = read_repository(source, &wanted).or_exit(Exit::Repository)?;
        let packages = std::mem::take(&mut listing.packages);
        read.push(RepositoryRead {
            url: source.shown().to_owned(),
            targets: targets.clone(),
            revision: listing.revision.take(),
            releases: packages.len(),
        });
        if packages.is_empty() {
            without.push((repository, listing));
        }
        let own =
            |package: Package| Package { url: source.public_url(&package.url), targets: targets.clone(), ..package };
        offered.push(packages.into_iter().map(own).collect());
    }
    let merged = merge(offered);
    for (repository, listing) in &without {
        let served = |target| merged.packages.iter().any(|package| package.is_for(target));
        let missing = match &repository.targets {
            None => merged.packages.is_empty(),
            Some(targets) => !targets.iter().all(served),
        };
        if missing {
            return Err(not_there(&list.product, &repository.source, listing)).or_exit(Exit::Repository);
        }
    }
    for Conflict { package, taken, passed_over } in &merged.conflicts {
        say_aside!(
            "WARNING: {package} is not the same file in two repositories: {taken} counts, {passed_over} has another checksum"
        );
    }
    let (wanted, mut left_out) = policy.apply(merged.packages);
    left_out.dedup();
    let text = report::listing(&list.product, &read, &policy.versions, &wanted, &left_out, list.explain);
    write_json(&list.output, &Packages::new(&list.product, read, now, policy, wanted, left_out))?;
    say!("{}", text.trim_end());
    Ok(())
}

/// A repository to read, and the targets that it is for; `None` for every target.
struct Repository {
    source: Source,
    targets: Option<BTreeSet<Target>>,
}

/// What the values of `--repo-url` name. What is wrong with one is said without repeating it, since a
/// password may be in it.
fn repositories(values: &[String], connect: &Connect) -> anyhow::Result<Vec<Repository>> {
    // Of the component's two inputs the one that is not used is empty, but there.
    let is_empty = |value: &&String| !matches!(value.trim(), "" | "[]");
    let given: Vec<&String> = values.iter().filter(is_empty).collect();
    if given.len() > 1 && given.iter().any(|value| is_list(value)) {
        bail!("repo_url and repo_urls (--repo-url with a JSON array) are two ways to say the same: give one of them");
    }
    let mut repositories = Vec::new();
    for value in given {
        let urls = if is_list(value) {
            serde_json::from_str(value).map_err(|error| {
                anyhow!("--repo-url is not a JSON array of strings: line {}, column {}", error.line(), error.column())
            })?
        } else {
            vec![value.clone()]
        };
        for url in urls {
            let (targets, url) = targets_and_url(&url)?;
            repositories.push(Repository {
                source: Source::new(url, connect.client().map_err(|failure| failure.error)?)?,
                targets,
            });
        }
    }
    if repositories.is_empty() {
        bail!(
            "--repo-url is empty: give the URL of a repository (input repo_url), or a list of them (input repo_urls)"
        );
    }
    if repositories.iter().any(|one| one.targets.is_none() != repositories[0].targets.is_none()) {
        bail!(
            "--repo-url names targets for some repositories and not for others: put TARGET[,TARGET]= before each URL, or before none"
        );
    }
    Ok(repositories)
}

fn is_list(value: &str) -> bool {
    value.trim_start().starts_with('[')
}

/// Takes `al2023,rhel9=https://…` apart. A `=` of the URL itself comes after its `:`.
fn targets_and_url(value: &str) -> anyhow::Result<(Option<BTreeSet<Target>>, &str)> {
    match value.split_once('=') {
        Some((targets, url)) if !targets.contains([':', '/']) => {
            let targets = targets.split(',').map(|target| target.trim().parse()).collect::<Result<_, _>>();
            Ok((Some(targets.context("before the = of --repo-url")?), url))
        }
        _ => Ok((None, value)),
    }
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
    let body = Progress::new(file.body, &shown, repomd.primary.size);
    let listing = primary::read(body, &repomd.primary, source.base(), wanted.product).map_err(|error| {
        let passes = error.may_pass();
        let error = anyhow::Error::from(error).context(format!("in {shown}"));
        if passes { Failed::MayPass(error) } else { Failed::ForGood(error) }
    })?;
    if listing.packages.is_empty() && listing.others == 0 {
        let reason = "has no package at all: is it being made anew, or the wrong one?";
        return Err(anyhow!("the repository {} {reason}", source.shown()).into());
    }
    Ok(Listing { revision: repomd.revision, ..listing })
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
    let listing = match source.directory_index()? {
        Index::Page { html, url } => index::read(&html, &url, product),
        Index::Files(urls) => index::read_urls(urls, product),
    }
    .with_context(|| format!("in {}", source.shown()))?;
    if listing.packages.is_empty() && listing.others == 0 {
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
