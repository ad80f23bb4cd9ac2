//! The repositories that are read: as a person gives them, and what they offer, as one.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use ami_scheduler::budget::Budget;
use ami_scheduler::release::{Package, Target, TargetError};
use ami_scheduler::repository::Listing;
use ami_scheduler::repository::RepositoryRead;
use ami_scheduler::repository::merge::{Merged, merge};
use ami_scheduler::repository::signature::TrustedKeys;
use ami_scheduler::text::count;
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use crate::args::RepositoryArgs;
use crate::args::values::Guard;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::fetch::{ByHand, Cache, GivenRepoFile, NamedRepoFile, NamedSection, Reader, RepoUrl, SignedBy, Source};
use crate::files::{read as read_file, shown};
use crate::http::{Client, ClientCertificate, Pem, Tls};
use crate::session::Session;

const GPG_KEY: &str = "--gpg-key";

/// Reads every repository that is given, and merges the releases of the product that they have.
pub fn read(args: &RepositoryArgs, product: &str, session: &Session) -> Result<(Vec<RepositoryRead>, Merged), Failure> {
    let repositories = repositories(args, session)?;
    read_all(args, product, &repositories, session.now()).with_exit(Exit::Repository)
}

/// The repositories to read, in their order.
fn repositories(args: &RepositoryArgs, session: &Session) -> Result<Vec<Repository>, Failure> {
    let tls = tls(args, session.now())?;
    let client = Rc::new(session.client()?);
    let keys = value(args.gpg_key.as_ref()).map(trusted_keys).transpose()?;
    let signed_by = keys.map(|keys| Rc::new(SignedBy { keys, asked_by: GPG_KEY.to_owned() }));
    let by_hand = ByHand { tls, has_authorities: session.names_authorities(), signed_by };
    match args.repo_file.as_deref().map(str::trim).filter(|given| !given.is_empty()) {
        Some(given) => sections(args, given, &by_hand, &client, session.now()),
        None if args.chosen_sections().next().is_some() => {
            let error = anyhow!(
                "--repo (input repos) names a section of a .repo file: give that by --repo-file (input repo_file)"
            );
            Err(error).with_exit(Exit::CommandLine)
        }
        None => {
            let urls = urls(args).with_exit(Exit::CommandLine)?;
            let repository = |(url, targets): (RepoUrl, _)| Repository {
                places: vec![url.source(by_hand.tls.clone(), Rc::clone(&client))],
                targets,
                signed_by: by_hand.signed_by.clone(),
            };
            Ok(urls.into_iter().map(repository).collect())
        }
    }
}

/// The repositories that `--repo-url` names. An error does not repeat the URL, since a password may be in it.
fn urls(args: &RepositoryArgs) -> anyhow::Result<Vec<(RepoUrl, Option<BTreeSet<Target>>)>> {
    let given: Vec<&String> = args.given_urls().collect();
    if given.len() > 1 && given.iter().any(|value| is_list(value)) {
        bail!("repo_url and repo_urls (--repo-url with a JSON array) are two ways to say the same: give one of them");
    }
    let variables = args.variables();
    let mut repositories = Vec::new();
    for value in given {
        let urls = if is_list(value) {
            serde_json::from_str(value).map_err(|error| {
                anyhow!("--repo-url is not a JSON array of strings: line {}, column {}", error.line(), error.column())
            })?
        } else {
            vec![value.clone()]
        };
        for value in urls {
            let (targets, url) = targets_and("--repo-url", &value)?;
            let repository: RepoUrl = variables.expand_url(url).context("--repo-url")?.parse()?;
            if repository.has_credentials() && is_on_the_command_line(url) {
                message!(
                    "WARNING: while this runs, whoever can list this machine's processes (ps) sees the password in \
                     --repo-url. The variable AMI_SCHEDULER_REPO_URL in its place, or AMI_SCHEDULER_REPO_USER and \
                     AMI_SCHEDULER_REPO_PASSWORD, are not seen there"
                );
            }
            repositories.push((repository, targets));
        }
    }
    if repositories.is_empty() {
        bail!(
            "--repo-url is empty: give the URL of a repository (input repo_url), or a list of them (input repo_urls), \
             or a .repo file (--repo-file, input repo_file)"
        );
    }
    log_in(repositories.iter_mut().map(|(url, _)| url).collect())?;
    all_for_targets_or_none("--repo-url", repositories.iter().map(|(_, targets)| targets))?;
    Ok(repositories)
}

/// The repositories of the sections of a `.repo` file.
fn sections(
    args: &RepositoryArgs,
    given: &str,
    by_hand: &ByHand,
    client: &Rc<Client>,
    now: Timestamp,
) -> Result<Vec<Repository>, Failure> {
    let file = GivenRepoFile::new(given).with_exit(Exit::CommandLine)?;
    if args.given_urls().next().is_some() {
        let error = anyhow!(
            "--repo-file (input repo_file) and --repo-url (input repo_url or repo_urls) are two ways to say the same: \
             give one of them"
        );
        return Err(error).with_exit(Exit::CommandLine);
    }
    let is_text = file.is_text();
    let file = file.read(&args.variables(), &by_hand.tls.elsewhere(), client)?;
    let mut sections = chosen_sections(args, &file).with_exit(Exit::CommandLine)?;
    if is_text && sections.iter().any(|(section, _)| section.has_password()) && is_on_the_command_line(given) {
        message!(
            "WARNING: while this runs, whoever can list this machine's processes (ps) sees the password in --repo-file. \
             A file in its place, or the variable AMI_SCHEDULER_REPO_FILE, is not seen there"
        );
    }
    if sections.iter().any(|(section, _)| section.checks_packages()) {
        message!(
            "gpgcheck=1 has no effect here: it is about packages, whose signatures dnf verifies when it installs them. \
             repo_gpgcheck=1 asks for the signature of the repository"
        );
    }
    let places = sections.iter_mut().flat_map(|(section, _)| &mut section.places);
    log_in(places.collect()).with_exit(Exit::CommandLine)?;
    let repository = |(section, targets): (NamedSection, _)| -> Result<Repository, Failure> {
        let tls = section.tls(by_hand, now).with_exit(Exit::CommandLine)?;
        let signed_by = section.signed_by(by_hand, &tls, client)?;
        let source = if section.places.len() > 1 { RepoUrl::source_with_fall_back } else { RepoUrl::source };
        let source = |place| source(place, tls.clone(), Rc::clone(client));
        Ok(Repository { places: section.places.into_iter().map(source).collect(), targets, signed_by })
    };
    sections.into_iter().map(repository).collect()
}

/// The sections that `--repo` names, each with its targets, or else those that are enabled.
fn chosen_sections(
    args: &RepositoryArgs,
    file: &NamedRepoFile,
) -> anyhow::Result<Vec<(NamedSection, Option<BTreeSet<Target>>)>> {
    let variables = args.variables();
    let mut sections = Vec::new();
    for value in args.chosen_sections() {
        let (targets, names) = targets_and("--repo", value)?;
        for name in names.split(',').map(str::trim) {
            if name.is_empty() {
                bail!(
                    "--repo (input repos) names no section in one place: is a variable in it unset, protected or misspelt?"
                );
            }
            sections.push((file.section(name, &variables)?, targets.clone()));
        }
    }
    if sections.is_empty() {
        sections.extend(file.enabled(&variables)?.into_iter().map(|section| (section, None)));
    }
    all_for_targets_or_none("--repo", sections.iter().map(|(_, targets)| targets))?;
    Ok(sections)
}

/// What the servers of the repositories are shown.
fn tls(args: &RepositoryArgs, now: Timestamp) -> Result<Tls, Failure> {
    let (certificate, key) = match (value(args.client_cert.as_ref()), value(args.client_key.as_ref())) {
        (Some(certificate), key) => (Given::new("--client-cert", certificate)?, key),
        (None, None) => return Ok(Tls::default()),
        (None, Some(_)) => {
            let error = anyhow!("--client-key has a key, and --client-cert no certificate: give both, or none");
            return Err(error).with_exit(Exit::CommandLine);
        }
    };
    let key = key.map(|key| Given::new("--client-key", key)).transpose()?;
    let certificate = ClientCertificate::new(certificate.pem(), key.as_ref().map(Given::pem), now);
    Tls::new(Vec::new(), Some(certificate.with_exit(Exit::CommandLine)?)).with_exit(Exit::CommandLine)
}

/// Reads every repository and merges them. One that fails, or a target that none of its repositories
/// has the product for, is an error: what is missing is not taken for nothing.
fn read_all(
    args: &RepositoryArgs,
    product: &str,
    repositories: &[Repository],
    now: Timestamp,
) -> anyhow::Result<(Vec<RepositoryRead>, Merged)> {
    let (budget, variables) = (Budget::default(), args.variables());
    let (mut read, mut held) = (Vec::new(), Vec::new());
    let mut offered = Vec::new();
    let mut without: Vec<(&Repository, Listing)> = Vec::new();
    for repository in repositories {
        let (source, targets) = (repository.source(), &repository.targets);
        let cache = args.cache_folder().zip(source.cache_key()).map(|(folder, key)| Cache::new(folder, key));
        let reader = Reader {
            product,
            signed_by: repository.signed_by.as_deref(),
            now,
            cache: cache.as_ref(),
            variables: &variables,
            accepts_index: args.accept_index,
            package_url_query: args.package_url_query,
            budget: &budget,
        };
        let places: Vec<&dyn Source> = repository.places.iter().map(AsRef::as_ref).collect();
        let mut listing = reader.read(&places)?;
        warn_of(&listing, source);
        let packages = std::mem::take(&mut listing.packages);
        read.push(RepositoryRead {
            url: source.location().to_string(),
            targets: targets.clone(),
            revision: listing.revision.take().map(Into::into),
            accepts_index: args.accept_index,
            releases: packages.len(),
            advisories_unknown: listing.advisories_unknown.take(),
        });
        // They go on to count, beside those of the next repositories.
        held.push(std::mem::replace(&mut listing.held, budget.hold(0)?));
        if packages.is_empty() {
            without.push((repository, listing));
        }
        let own = |package| Package { targets: targets.clone(), ..package };
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
            return Err(not_there(product, repository.source(), listing));
        }
    }
    Ok((read, merged))
}

/// Warns of what is not listed, or not known, of a repository.
fn warn_of(listing: &Listing, source: &dyn Source) {
    let location = source.location();
    for line in listing.left_out.lines() {
        message!("WARNING: {line} (in {location})");
    }
    if let Some(reason) = &listing.advisories_unknown {
        message!("WARNING: the advisories of {location} are not all known: {reason}");
    }
    let is_of_a_module = |package: &&Package| listing.has_modules && package.nevra.evr().is_of_a_module();
    if let Some(one) = listing.packages.iter().find(is_of_a_module) {
        message!(
            "WARNING: {location} has module streams, which are not evaluated: the releases of all streams are listed, such \
             as {}. Leave the other streams out by exclude or version_range",
            one.nevra
        );
    }
}

/// A repository to read, and the targets that it is for; `None` for every target.
struct Repository {
    /// Where it is: each is tried, the first one first. There is one at least.
    places: Vec<Box<dyn Source>>,
    targets: Option<BTreeSet<Target>>,
    signed_by: Option<Rc<SignedBy>>,
}

impl Repository {
    /// By which it is known from night to night, wherever it is read.
    fn source(&self) -> &dyn Source {
        &*self.places[0]
    }
}

/// An error where some repositories are for targets, and others for every one.
fn all_for_targets_or_none<'t>(
    option: &str,
    targets: impl Iterator<Item = &'t Option<BTreeSet<Target>>>,
) -> anyhow::Result<()> {
    let mut targets = targets.map(Option::is_none);
    if targets.next().is_some_and(|first| targets.any(|other| other != first)) {
        bail!(
            "{option} names targets for some repositories and not for others: put TARGET[,TARGET]= before each, or before none"
        );
    }
    Ok(())
}

/// With the user and password that the environment has. They are for one server: where there are
/// several without a password of their own, nobody can tell which one is meant.
fn log_in(urls: Vec<&mut RepoUrl>) -> anyhow::Result<()> {
    // As they are: a password may end in white space.
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (user, password) = (variable("AMI_SCHEDULER_REPO_USER"), variable("AMI_SCHEDULER_REPO_PASSWORD"));
    if user.is_none() && password.is_none() {
        return Ok(());
    }
    let origins: Vec<_> = urls.iter().filter_map(|url| url.origin_without_credentials()).collect();
    if origins.iter().any(|origin| *origin != origins[0]) {
        bail!(
            "AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD are for one server, and the repositories without a \
             password of their own are on several: put USER:PASSWORD@ before the host into the URLs of those that want \
             them, or username and password into their sections of a .repo file"
        );
    }
    for url in urls {
        url.log_in(user.as_deref().unwrap_or_default(), password.as_deref().unwrap_or_default());
    }
    Ok(())
}

fn is_on_the_command_line(url: &str) -> bool {
    std::env::args_os().any(|argument| argument.to_string_lossy().contains(url))
}

fn is_list(value: &str) -> bool {
    value.trim_start().starts_with('[')
}

/// Takes `al2023,rhel9=https://…` apart. A `=` of the URL itself comes after its `:`.
fn targets_and<'v>(option: &str, value: &'v str) -> anyhow::Result<(Option<BTreeSet<Target>>, &'v str)> {
    match value.split_once('=') {
        Some((key @ ("baseurl" | "mirrorlist" | "metalink"), _)) => {
            bail!("{option} begins with {key}=, as a line of a .repo file does: give what stands behind the =")
        }
        Some((targets, rest)) if !targets.contains([':', '/']) => {
            let targets = targets.split(',').map(|target| target.trim().parse());
            match targets.collect::<Result<_, TargetError>>() {
                Ok(targets) => Ok((Some(targets), rest)),
                Err(_) => bail!(
                    "what stands before the = of {option} are no targets, such as al2023,rhel9: each may hold letters, \
                     digits and ._-, at most 60"
                ),
            }
        }
        _ => Ok((None, value)),
    }
}

/// The value of a guard that is on.
fn value(guard: Option<&Guard<String>>) -> Option<&str> {
    guard?.0.as_deref()
}

/// What an option was given: a text with lines of BEGIN and END, or what is in the file that it names.
struct Given {
    /// For messages, which do not repeat a text.
    name: String,
    content: Vec<u8>,
}

impl Given {
    fn new(option: &str, value: &str) -> Result<Self, Failure> {
        if value.contains("-----BEGIN") {
            if value.contains("PRIVATE KEY-----") && is_on_the_command_line(value) {
                message!(
                    "WARNING: while this runs, whoever can list this machine's processes (ps) sees the key in {option}. A \
                     file in its place, or the variable of the option, is not seen there"
                );
            }
            return Ok(Self { name: option.to_owned(), content: value.as_bytes().to_vec() });
        }
        if value.contains("://") {
            let error = anyhow!("{option} is a URL, and is not fetched: give the file that is there, or its text");
            return Err(error).with_exit(Exit::CommandLine);
        }
        let path = Path::new(value);
        if option != GPG_KEY && !path.is_file() {
            // The body of a key without its first line, or its base64, would be repeated.
            let error = anyhow!(
                "{option} is neither a file that is here nor PEM, with a line such as -----BEGIN CERTIFICATE-----; the value is \
                 not repeated, since a key may be in it"
            );
            return Err(error).with_exit(Exit::CommandLine);
        }
        let content = read_file(path).with_context(|| option.to_owned())?;
        Ok(Self { name: format!("{option} {}", shown(path)), content })
    }

    fn pem(&self) -> Pem<'_> {
        Pem { name: &self.name, text: &self.content }
    }
}

/// The keys that a person trusts.
fn trusted_keys(key: &str) -> Result<TrustedKeys, Failure> {
    let given = Given::new(GPG_KEY, key)?;
    TrustedKeys::read(&given.content).context(given.name).with_exit(Exit::CommandLine)
}

fn not_there(product: &str, source: &dyn Source, listing: &Listing) -> anyhow::Error {
    if let Some(first) = listing.left_out.lines().next() {
        let (releases, location) = (count(listing.left_out.count, "release"), source.location());
        return anyhow!("{product} has {releases} in {location}, and none that can be used: {first}");
    }
    let nearest = listing.nearest.names();
    let hint = match nearest.as_slice() {
        [] => "It has no package with a name like it".to_owned(),
        [names @ .., last] if !names.is_empty() => format!("Did you mean {} or {last}?", names.join(", ")),
        [name, ..] => format!("Did you mean {name}?"),
    };
    let misnamed = if listing.misnamed.count > 0 { format!(". Or {}", listing.misnamed) } else { String::new() };
    anyhow!("there is no package {product} in {}. {hint}{misnamed}", source.location())
}
