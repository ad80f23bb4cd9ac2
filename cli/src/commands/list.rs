use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::rc::Rc;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::policy::{ExactVersion, FilterReason, Policy, Versions};
use ami_scheduler::release::Target;
use ami_scheduler::release::{Nevra, Package};
use ami_scheduler::report;
use ami_scheduler::repository::Listing;
use ami_scheduler::repository::RepositoryRead;
use ami_scheduler::repository::merge::{Conflict, Merged, merge};
use ami_scheduler::repository::signature::TrustedKeys;
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use crate::cli::List;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::fetch::{Cache, Reader, RepoUrl, Source};
use crate::files::{read, write_json};
use crate::http::Client;
use crate::session::Connect;

/// Up to how many versions are told of.
const FEW: usize = 5;
/// Up to how many conflicts are told one by one.
const MANY: usize = 10;

pub fn run(list: &List, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let policy = policy(list).with_exit(Exit::CommandLine)?;
    let repositories = repositories(&list.repo_url, connect.client()?).with_exit(Exit::CommandLine)?;
    let keys = list.gpg_key.as_ref().and_then(|file| file.0.as_deref()).map(KeyFile::read).transpose()?;
    let cache = list.cache.as_ref().and_then(|folder| folder.0.as_deref());
    let (read, merged) =
        read_all(&repositories, &list.product, keys.as_ref(), cache, now).with_exit(Exit::Repository)?;
    for Conflict { package, taken, passed_over } in merged.conflicts.iter().take(MANY) {
        message!(
            "WARNING: {package} is not the same file in two repositories: {taken} counts, {passed_over} has another checksum"
        );
    }
    if merged.conflicts.len() > MANY {
        message!("WARNING: … and so are {} others", merged.conflicts.len() - MANY);
    }
    let (wanted, mut filtered) = policy.apply(merged.packages);
    filtered.dedup();
    if let (Some(version), []) = (policy.versions.asked_for(), wanted.as_slice()) {
        return Err(no_version(version, list, &read, &filtered)).with_exit(Exit::Repository);
    }
    let text = report::listing(&list.product, &read, &policy.versions, &wanted, &filtered, list.explain);
    // The process ends here: thousands of releases need not be freed one by one.
    let packages = ManuallyDrop::new(Packages::new(&list.product, read, now, policy, wanted, filtered));
    write_json(&list.output, &*packages)?;
    output!("{}", text.trim_end());
    Ok(())
}

/// Reads every repository and merges them. One that fails, or a target that none of its repositories
/// has the product for, is an error: what is missing is not taken for nothing.
fn read_all(
    repositories: &[Repository],
    product: &str,
    keys: Option<&KeyFile>,
    cache: Option<&Path>,
    now: Timestamp,
) -> anyhow::Result<(Vec<RepositoryRead>, Merged)> {
    let mut read = Vec::new();
    let mut offered = Vec::new();
    let mut without: Vec<(&Repository, Listing)> = Vec::new();
    for repository in repositories {
        let Repository { source, targets } = repository;
        let keys_content = keys.map(|keys| keys.content.as_slice());
        let cache = cache.zip(source.cache_key()).map(|(folder, key)| Cache::new(folder, key, product, keys_content));
        let reader = Reader { product, signed_by: keys.map(|keys| &keys.trusted), now, cache: cache.as_ref() };
        let mut listing = reader.read(&**source)?;
        let packages = std::mem::take(&mut listing.packages);
        read.push(RepositoryRead {
            url: source.location().to_string(),
            targets: targets.clone(),
            revision: listing.revision.take(),
            releases: packages.len(),
        });
        if packages.is_empty() {
            without.push((repository, listing));
        }
        let own =
            |package: Package| Package { url: source.public_url(package.url), targets: targets.clone(), ..package };
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
            return Err(not_there(product, &*repository.source, listing));
        }
    }
    Ok((read, merged))
}

/// A repository to read, and the targets that it is for; `None` for every target.
struct Repository {
    source: Box<dyn Source>,
    targets: Option<BTreeSet<Target>>,
}

/// What the values of `--repo-url` name. What is wrong with one is said without repeating it, since a
/// password may be in it.
fn repositories(values: &[String], client: Client) -> anyhow::Result<Vec<Repository>> {
    // Of the component's two inputs the one that is not used is empty, but there.
    let is_given = |value: &&String| !matches!(value.trim(), "" | "[]");
    let given: Vec<&String> = values.iter().filter(is_given).collect();
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
            repositories.push((url.parse::<RepoUrl>()?, targets));
        }
    }
    if repositories.is_empty() {
        bail!(
            "--repo-url is empty: give the URL of a repository (input repo_url), or a list of them (input repo_urls)"
        );
    }
    log_in(&mut repositories)?;
    if repositories.iter().any(|(_, targets)| targets.is_none() != repositories[0].1.is_none()) {
        bail!(
            "--repo-url names targets for some repositories and not for others: put TARGET[,TARGET]= before each URL, or before none"
        );
    }
    let client = Rc::new(client);
    let open = |(url, targets): (RepoUrl, _)| Repository { source: url.source(Rc::clone(&client)), targets };
    Ok(repositories.into_iter().map(open).collect())
}

/// With the user and password that the environment has. They are for one server: where there are
/// several without a password of their own, nobody can tell which one is meant.
fn log_in<T>(repositories: &mut [(RepoUrl, T)]) -> anyhow::Result<()> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (user, password) = (variable("AMI_SCHEDULER_REPO_USER"), variable("AMI_SCHEDULER_REPO_PASSWORD"));
    if user.is_none() && password.is_none() {
        return Ok(());
    }
    let origins: Vec<_> = repositories.iter().filter_map(|(url, _)| url.origin_without_credentials()).collect();
    if origins.iter().any(|origin| *origin != origins[0]) {
        bail!(
            "AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD are for one server, and --repo-url names several: \
             put USER:PASSWORD@ before the host into the URLs of those that want them"
        );
    }
    for (url, _) in repositories {
        url.log_in(user.as_deref().unwrap_or_default(), password.as_deref().unwrap_or_default());
    }
    Ok(())
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

/// The keys that a person trusts, and the file that they are in.
struct KeyFile {
    content: Vec<u8>,
    trusted: TrustedKeys,
}

impl KeyFile {
    fn read(file: &Path) -> Result<Self, Failure> {
        let content = read(file)?;
        let trusted = TrustedKeys::read(&content);
        let trusted = trusted.with_context(|| format!("--gpg-key {}", file.display())).with_exit(Exit::CommandLine)?;
        Ok(Self { content, trusted })
    }
}

/// That a version which a person asked for is not there, and which are.
fn no_version(
    version: &ExactVersion,
    list: &List,
    read: &[RepositoryRead],
    filtered: &[(Nevra, FilterReason)],
) -> anyhow::Error {
    let places: Vec<&str> = read.iter().map(|repository| repository.url.as_str()).collect();
    let others = filtered.iter().filter(|(_, reason)| *reason == FilterReason::OtherVersion);
    let mut others: Vec<String> = others.map(|(package, _)| package.evr().to_string()).collect();
    others.dedup();
    let newest: Vec<String> = others.into_iter().rev().take(FEW).collect();
    let architectures = if list.arch.0.is_empty() { String::new() } else { format!(" for {}", list.arch.0.join(", ")) };
    anyhow!(
        "there is no {version} of {}{architectures} in {}. Give a version (18.6.1) or a version with its release (18.6.1-1) that is there: the newest are {}",
        list.product,
        places.join(", "),
        if newest.is_empty() { "none".to_owned() } else { newest.join(", ") }
    )
}

fn policy(list: &List) -> anyhow::Result<Policy> {
    if let Some(version) = list.version.clone().and_then(|version| version.0) {
        let architectures = list.arch.0.clone();
        return Ok(Policy { versions: Versions::Exactly(version), architectures, pre_releases: true });
    }
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

fn not_there(product: &str, source: &dyn Source, listing: &Listing) -> anyhow::Error {
    let nearest = listing.nearest.names();
    let hint = match nearest.as_slice() {
        [] => "It has no package with a name like it".to_owned(),
        [names @ .., last] if !names.is_empty() => format!("Did you mean {} or {last}?", names.join(", ")),
        [name, ..] => format!("Did you mean {name}?"),
    };
    anyhow!("there is no package {product} in {}. {hint}", source.location())
}
