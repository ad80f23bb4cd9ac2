use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::budget::Budget;
use ami_scheduler::policy::{ExactVersion, FilterReason, LeadingVersion, Policy, Versions};
use ami_scheduler::release::{Nevra, Package, Target, TargetError};
use ami_scheduler::report;
use ami_scheduler::repository::Listing;
use ami_scheduler::repository::merge::{Conflict, Merged, merge};
use ami_scheduler::repository::signature::TrustedKeys;
use ami_scheduler::repository::variables::Variables;
use ami_scheduler::repository::{RepositoryRead, public_query};
use ami_scheduler::text::count;
use anyhow::{Context as _, anyhow, bail};
use clap::{ArgAction, Args};
use jiff::Timestamp;
use url::Url;

use crate::args::environment::variable;
use crate::args::lists::{ListOf, OneOrMore};
use crate::args::values::{Architecture, Guard, RepoVariable, guard, product, switch, version_range};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::fetch::{ByHand, Cache, GivenRepoFile, NamedRepoFile, NamedSection, Reader, RepoUrl, SignedBy, Source};
use crate::files::{read, remove_earlier, shown, write_json};
use crate::http::{Client, ClientCertificate, Pem, Tls};
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  The releases of version 18, into packages.json, where diff looks for them:
    $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 \\
        --product gitlab-runner --major-version 18

  From 18.2 on, for one architecture, into another file:
    $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 \\
        --product gitlab-runner --version-range '>=18.2, <19' \\
        --arch x86_64 --output runner.json

  One version, for diff to build whatever the tracker says:
    $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 \\
        --product gitlab-runner --version 18.6.0 --output by-hand.json

  From a mirror that wants a password, which is never printed:
    $ ami-scheduler list --product gitlab-runner \\
        --repo-url \"https://$YUM_USER:$YUM_PASSWORD@yum.example.com/el/9\"";

/// Up to how many versions are told of.
const FEW: usize = 5;
/// Up to how many conflicts are told one by one.
const MANY: usize = 10;

/// Asks a repository for the releases of a product and writes them to packages.json
///
/// Reads repodata/repomd.xml and the primary and updateinfo that it names (checksum verified; plain,
/// gzip, zstd, xz or bzip2), or, where there is no repodata, the HTML index of the directory.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools)] // switches of a command line
pub struct List {
    /// A repository: the baseurl, mirrorlist or metalink of a .repo file, a directory index, or file:DIRECTORY
    ///
    /// A user and password in it, or in AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD, are used
    /// and never printed. Several repositories are merged; the first one counts where they have the same
    /// release. TARGET[,TARGET]=URL says which targets a repository is for. A JSON array of these texts is
    /// taken as well.
    // Text: what clap refuses is repeated, and a password may be in it.
    #[arg(long, value_name = "URL", env = "AMI_SCHEDULER_REPO_URL, AMI_SCHEDULER_REPO_URLS")]
    repo_url: Vec<String>,
    /// A .repo file, in place of --repo-url: a file, its text, or an https:, http: or file: URL of one
    ///
    /// Its repositories are those of its sections that are enabled, or those that --repo names. baseurl, mirrorlist,
    /// metalink, username, password, sslcacert, sslclientcert and sslclientkey count as they do for dnf. With
    /// repo_gpgcheck=1 a repository is rejected unless a key of its gpgkey has signed it; such a key is fetched by https
    /// alone. What is given beside it by --gpg-key, --ca-file or --client-cert counts in place of what it says.
    #[arg(long, value_name = "FILE|TEXT|URL")]
    repo_file: Option<String>,
    /// A section of the .repo file, or several; without it all that are enabled
    ///
    /// TARGET[,TARGET]=NAME says which targets a repository is for. A JSON array of these texts is taken as well.
    #[arg(long, value_name = "NAME[,NAME]", env = "AMI_SCHEDULER_REPOS")]
    repo: Vec<OneOrMore<String>>,
    /// The value of a variable of dnf's, such as releasever=9 or basearch=x86_64, in --repo-url and in the .repo file
    ///
    /// $releasever, ${releasever}, ${name:-default} and ${name:+alternate} are expanded as dnf does. releasever_major and
    /// releasever_minor follow from releasever. A variable without a value that is left in a URL is an error. A JSON
    /// array of these texts is taken as well.
    #[arg(long, value_name = "NAME=VALUE", env = "AMI_SCHEDULER_REPO_VARS")]
    repo_var: Vec<OneOrMore<RepoVariable>>,
    /// Reject a repository unless one of these keys has signed it: a file, or the armoured text itself; none to
    /// do without
    ///
    /// It is what gpgkey of a .repo file names. The signature is repodata/repomd.xml.asc, which dnf asks for
    /// with repo_gpgcheck.
    #[arg(long, value_name = "FILE|TEXT|none", value_parser = gpg_key)]
    gpg_key: Option<Guard<String>>,
    /// Show the repository's server a client certificate: a file, or the PEM itself; none to do without
    ///
    /// It is what sslclientcert of a .repo file names: a certificate, with its intermediates after it, and with its
    /// key unless --client-key has it. The server of --repo-url is shown it, and so are the https mirrors that it
    /// names; no other server is, not even where a redirect leads to one.
    #[arg(long, value_name = "FILE|TEXT|none", value_parser = client_certificate, allow_hyphen_values = true)]
    client_cert: Option<Guard<String>>,
    /// The private key of the client certificate: a file, or the PEM itself; none if --client-cert holds it
    ///
    /// It is what sslclientkey of a .repo file names, and must not be encrypted. It is never printed.
    #[arg(long, value_name = "FILE|TEXT|none", value_parser = client_key, allow_hyphen_values = true)]
    client_key: Option<Guard<String>>,
    /// Keep the primary and updateinfo of a repository in a directory, so that one that has not changed costs small
    /// requests alone; true stands for the directory cache, false for none
    ///
    /// It is believed by the checksum of the repomd.xml that the repository has at each run.
    #[arg(long, value_name = "DIR|BOOL")]
    cache: Option<String>,
    /// Take an index where the repository had repodata on an earlier run: for the one run after it has changed for good
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    accept_index: bool,
    /// Give the URLs of packages the query of --repo-url, too: a token that builds need, and that files and logs then show
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    package_url_query: bool,
    /// The exact name of the package: gitlab-runner is not gitlab-runner-fips
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: String,
    /// Only versions that begin so: 18, or 18.6; 16 is not 160
    #[arg(long, value_name = "VERSION")]
    major_version: Option<LeadingVersion>,
    /// Only versions in this range of semantic versions, such as '>=18.2, <19'
    #[arg(long, value_name = "RANGE", value_parser = version_range)]
    version_range: Option<semver::VersionReq>,
    /// Only this version, in place of the other options about versions: 18.6.1, 18.6.1-1, or
    /// gitlab-runner-18.6.1-1.x86_64
    ///
    /// diff then builds it whatever its rules and the tracker say, and neither reads nor writes the tracker,
    /// unless --record says so. In a schedule the variable is ignored.
    #[arg(long, value_name = "VERSION", env = BUILD_VERSION)]
    version: Option<ExactVersion>,
    /// Only these architectures, such as x86_64,noarch; without it all but source packages
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    arch: ListOf<Architecture>,
    /// Take pre-releases too: versions with RPM's ~, such as 18.8.0~rc1
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    pre_releases: bool,
    /// Say of each release whether it is wanted, or which rule leaves it out
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    explain: bool,
    /// Where to write the releases
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    output: PathBuf,
}

/// The variable that asks for a version by hand.
const BUILD_VERSION: &str = "AMI_SCHEDULER_BUILD_VERSION";

fn gpg_key(text: &str) -> Result<Guard<String>, String> {
    guard(text, "a key")
}

fn client_certificate(text: &str) -> Result<Guard<String>, String> {
    guard(text, "a client certificate")
}

fn client_key(text: &str) -> Result<Guard<String>, String> {
    guard(text, "the key of a client certificate")
}

impl List {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        remove_earlier([self.output.as_path()])?;
        let policy = self.policy().with_exit(Exit::CommandLine)?;
        let repositories = self.repositories(session)?;
        let (read, merged) = self.read_all(&repositories, session.now()).with_exit(Exit::Repository)?;
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
            return Err(self.no_version(version, &read, &filtered)).with_exit(Exit::Repository);
        }
        let text = report::listing(&self.product, &read, &policy, &wanted, &filtered, self.explain);
        // The process ends here: thousands of releases need not be freed one by one.
        let packages = ManuallyDrop::new(Packages::new(&self.product, read, session.now(), policy, wanted, filtered));
        write_json(&self.output, &*packages)?;
        output!("{}", text.trim_end());
        Ok(())
    }

    fn policy(&self) -> anyhow::Result<Policy> {
        let architectures = self.architectures();
        if let Some(version) = self.version.clone().filter(|version| !is_left_in_a_schedule(version)) {
            return Ok(Policy { versions: Versions::Exactly(version), architectures, pre_releases: true });
        }
        let leading = self.major_version.clone().map(Versions::Leading);
        let range = self.version_range.clone().map(Versions::Range);
        if leading.is_some() && range.is_some() {
            bail!("--major-version and --version-range are two ways to say the same: give one of them");
        }
        Ok(Policy { versions: leading.or(range).unwrap_or_default(), architectures, pre_releases: self.pre_releases })
    }

    /// The repositories to read, in their order.
    fn repositories(&self, session: &Session) -> Result<Vec<Repository>, Failure> {
        let tls = self.tls(session.now())?;
        let client = Rc::new(session.client()?);
        let keys = value(self.gpg_key.as_ref()).map(trusted_keys).transpose()?;
        let signed_by = keys.map(|keys| Rc::new(SignedBy { keys, asked_by: "--gpg-key".to_owned() }));
        let by_hand = ByHand { tls, has_authorities: session.ca_file.is_some(), signed_by };
        match self.repo_file.as_deref().map(str::trim).filter(|given| !given.is_empty()) {
            Some(given) => self.sections(given, &by_hand, &client, session.now()),
            None if self.chosen().next().is_some() => {
                let error = anyhow!(
                    "--repo (input repos) names a section of a .repo file: give that by --repo-file (input repo_file)"
                );
                Err(error).with_exit(Exit::CommandLine)
            }
            None => {
                let urls = self.urls().with_exit(Exit::CommandLine)?;
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
    fn urls(&self) -> anyhow::Result<Vec<(RepoUrl, Option<BTreeSet<Target>>)>> {
        let given: Vec<&String> = self.given_urls().collect();
        if given.len() > 1 && given.iter().any(|value| is_list(value)) {
            bail!(
                "repo_url and repo_urls (--repo-url with a JSON array) are two ways to say the same: give one of them"
            );
        }
        let variables = self.variables();
        let mut repositories = Vec::new();
        for value in given {
            let urls = if is_list(value) {
                serde_json::from_str(value).map_err(|error| {
                    anyhow!(
                        "--repo-url is not a JSON array of strings: line {}, column {}",
                        error.line(),
                        error.column()
                    )
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

    /// What `--repo-url` was given. Of the component's two inputs the one that is not used is empty, but there.
    fn given_urls(&self) -> impl Iterator<Item = &String> {
        self.repo_url.iter().filter(|value| !matches!(value.trim(), "" | "[]"))
    }

    /// The repositories of the sections of a `.repo` file.
    fn sections(
        &self,
        given: &str,
        by_hand: &ByHand,
        client: &Rc<Client>,
        now: Timestamp,
    ) -> Result<Vec<Repository>, Failure> {
        let mut file = GivenRepoFile::new(given).with_exit(Exit::CommandLine)?;
        if self.given_urls().next().is_some() {
            let error = anyhow!(
                "--repo-file (input repo_file) and --repo-url (input repo_url or repo_urls) are two ways to say the same: \
                 give one of them"
            );
            return Err(error).with_exit(Exit::CommandLine);
        }
        let mut server = file.url_mut().cloned();
        log_in(file.url_mut().into_iter().collect()).with_exit(Exit::CommandLine)?;
        let is_text = file.is_text();
        let file = file.read(&self.variables(), &by_hand.tls, client)?;
        let mut sections = self.chosen_sections(&file).with_exit(Exit::CommandLine)?;
        if is_text && sections.iter().any(|(section, _)| section.has_password()) && is_on_the_command_line(given) {
            message!(
                "WARNING: while this runs, whoever can list this machine's processes (ps) sees the password in --repo-file. \
                 A file in its place, or the variable AMI_SCHEDULER_REPO_FILE, is not seen there"
            );
        }
        if sections.iter().any(|(section, _)| section.checks_packages()) {
            message!(
                "gpgcheck=1 is about the signatures of packages, which dnf verifies when it installs them: nothing is \
                 installed here, and repo_gpgcheck=1 is what asks for the signature of the repository"
            );
        }
        let places = sections.iter_mut().flat_map(|(section, _)| &mut section.places);
        log_in(server.iter_mut().chain(places).collect()).with_exit(Exit::CommandLine)?;
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
    fn chosen_sections(&self, file: &NamedRepoFile) -> anyhow::Result<Vec<(NamedSection, Option<BTreeSet<Target>>)>> {
        let variables = self.variables();
        let mut sections = Vec::new();
        for value in self.chosen() {
            let (targets, names) = targets_and("--repo", value)?;
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                sections.push((file.section(name, &variables)?, targets.clone()));
            }
        }
        if sections.is_empty() {
            sections.extend(file.enabled(&variables)?.into_iter().map(|section| (section, None)));
        }
        all_for_targets_or_none("--repo", sections.iter().map(|(_, targets)| targets))?;
        Ok(sections)
    }

    fn chosen(&self) -> impl Iterator<Item = &String> {
        self.repo.iter().flat_map(|repo| &repo.0).filter(|value| !value.trim().is_empty())
    }

    /// dnf's variables.
    fn variables(&self) -> Variables {
        let given = self.repo_var.iter().flat_map(|variables| &variables.0);
        given.map(|RepoVariable { name, value }| (name.clone(), value.clone())).collect()
    }

    /// What the servers of the repositories are shown.
    fn tls(&self, now: Timestamp) -> Result<Tls, Failure> {
        let (certificate, key) = match (value(self.client_cert.as_ref()), value(self.client_key.as_ref())) {
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

    fn architectures(&self) -> Vec<String> {
        self.arch.0.iter().map(|architecture| architecture.0.clone()).collect()
    }

    fn cache(&self) -> Option<&Path> {
        match self.cache.as_deref()? {
            "" | "false" => None,
            "true" => Some(Path::new("cache")),
            directory => Some(Path::new(directory)),
        }
    }

    /// Reads every repository and merges them. One that fails, or a target that none of its repositories
    /// has the product for, is an error: what is missing is not taken for nothing.
    fn read_all(&self, repositories: &[Repository], now: Timestamp) -> anyhow::Result<(Vec<RepositoryRead>, Merged)> {
        let budget = Budget::default();
        let (mut read, mut held) = (Vec::new(), Vec::new());
        let mut offered = Vec::new();
        let mut without: Vec<(&Repository, Listing)> = Vec::new();
        for repository in repositories {
            let (source, targets) = (repository.source(), &repository.targets);
            let cache = self.cache().zip(source.cache_key()).map(|(folder, key)| Cache::new(folder, key));
            let reader = Reader {
                product: &self.product,
                signed_by: repository.signed_by.as_deref(),
                now,
                cache: cache.as_ref(),
                accepts_index: self.accept_index,
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
                accepts_index: self.accept_index,
                releases: packages.len(),
                advisories_unknown: listing.advisories_unknown.take(),
            });
            // They go on to count, beside those of the next repositories.
            held.push(std::mem::replace(&mut listing.held, budget.hold(0)?));
            if packages.is_empty() {
                without.push((repository, listing));
            }
            let query = source.query().filter(|_| self.package_url_query);
            let own = |package: Package| {
                let url = with_query(source.public_url(package.url), source.base(), query)?;
                Ok(Package { url, targets: targets.clone(), ..package })
            };
            offered.push(packages.into_iter().map(own).collect::<anyhow::Result<_>>()?);
        }
        let merged = merge(offered);
        for (repository, listing) in &without {
            let served = |target| merged.packages.iter().any(|package| package.is_for(target));
            let missing = match &repository.targets {
                None => merged.packages.is_empty(),
                Some(targets) => !targets.iter().all(served),
            };
            if missing {
                return Err(not_there(&self.product, repository.source(), listing));
            }
        }
        Ok((read, merged))
    }

    /// An error: the version that a person asked for is not there, and these are.
    fn no_version(
        &self,
        version: &ExactVersion,
        read: &[RepositoryRead],
        filtered: &[(Nevra, FilterReason)],
    ) -> anyhow::Error {
        let places: Vec<&str> = read.iter().map(|repository| repository.url.as_str()).collect();
        let others = filtered.iter().filter(|(_, reason)| *reason == FilterReason::OtherVersion);
        let mut others: Vec<String> = others.map(|(package, _)| package.evr().to_string()).collect();
        others.dedup();
        let newest: Vec<String> = others.into_iter().rev().take(FEW).collect();
        let architectures =
            if self.arch.0.is_empty() { String::new() } else { format!(" for {}", self.architectures().join(", ")) };
        anyhow!(
            "there is no {version} of {}{architectures} in {}. Give a version (18.6.1) or a version with its release (18.6.1-1) that is there: the newest are {}",
            self.product,
            places.join(", "),
            if newest.is_empty() { "none".to_owned() } else { newest.join(", ") }
        )
    }
}

/// Whether a version comes from a variable that was left in a schedule. A schedule would find no new release with it.
fn is_left_in_a_schedule(version: &ExactVersion) -> bool {
    let is_schedule = variable("CI_PIPELINE_SOURCE").is_some_and(|source| source == "schedule");
    let is_left = is_schedule && variable(BUILD_VERSION).and_then(|text| text.parse().ok()).as_ref() == Some(version);
    if is_left {
        output!(
            "A schedule looks for every new release: {version} is left aside. The input version and {BUILD_VERSION} are \
             for pipelines that a person runs."
        );
    }
    is_left
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
             as {}. exclude and version_range say which are not wanted",
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
            "AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD are for one server, and --repo-url names several: \
             put USER:PASSWORD@ before the host into the URLs of those that want them, or username and password into \
             their sections of a .repo file"
        );
    }
    for url in urls {
        url.log_in(user.as_deref().unwrap_or_default(), password.as_deref().unwrap_or_default());
    }
    Ok(())
}

/// The URL of a package below the repository with the repository's own query.
fn with_query(url: String, base: &Url, query: Option<&str>) -> anyhow::Result<String> {
    match query.filter(|_| url.starts_with(base.as_str())) {
        None => Ok(url),
        Some(query) => public_query(query).map(|query| format!("{url}?{query}")).context(
            "--package-url-query is not possible with the query of --repo-url: expected one word, or NAME=VALUE with & \
             between, of letters, digits and -._~, all else percent-encoded",
        ),
    }
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
        let content = read(path).with_context(|| option.to_owned())?;
        Ok(Self { name: format!("{option} {}", shown(path)), content })
    }

    fn pem(&self) -> Pem<'_> {
        Pem { name: &self.name, text: &self.content }
    }
}

/// The keys that a person trusts.
fn trusted_keys(key: &str) -> Result<TrustedKeys, Failure> {
    let given = Given::new("--gpg-key", key)?;
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
