use std::mem::ManuallyDrop;
use std::path::PathBuf;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::policy::{ExactVersion, FilterReason, LeadingVersion, Policy, Versions};
use ami_scheduler::release::Nevra;
use ami_scheduler::report;
use ami_scheduler::repository::RepositoryRead;
use ami_scheduler::repository::merge::Conflict;
use anyhow::{anyhow, bail};
use clap::{ArgAction, Args};

use crate::args::RepositoryArgs;
use crate::args::environment::variable;
use crate::args::lists::ListOf;
use crate::args::values::{Architecture, product, switch, version_range};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{remove_earlier, write_json};
use crate::repositories;
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
pub struct List {
    #[command(flatten)]
    repositories: RepositoryArgs,
    /// The exact name of the package: gitlab-runner is not gitlab-runner-fips
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: String,
    /// Only versions that begin so: 18, or 18.6; 16 is not 160
    #[arg(long, value_name = "VERSION")]
    major_version: Option<LeadingVersion>,
    /// Only versions in this range of semantic versions, such as '>=18.2, <19'
    #[arg(long, value_name = "RANGE", value_parser = version_range)]
    version_range: Option<semver::VersionReq>,
    /// Only this version, instead of the other options about versions: 18.6.1, 18.6.1-1, or
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

impl List {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        remove_earlier([self.output.as_path()])?;
        let policy = self.policy().with_exit(Exit::CommandLine)?;
        let (read, merged) = repositories::read(&self.repositories, &self.product, session)?;
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

    fn architectures(&self) -> Vec<String> {
        self.arch.0.iter().map(|architecture| architecture.0.clone()).collect()
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
