//! The command line: what can be asked, and in which words. Its long help is the manual.

// The comments are help texts for terminals, not Markdown.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;
use std::str::FromStr;

use ami_scheduler::child_pipeline::{BuildFile, BuildJob, NoteName};
use ami_scheduler::diff::FirstRun;
use ami_scheduler::package::{Nevra, is_package_name};
use ami_scheduler::policy::LeadingVersion;
use ami_scheduler::tracker::Target;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};

/// Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
/// pipeline.
///
/// A night is four steps: `list` asks the repository for a product's releases, `diff` decides which
/// of them to build and claims them in the tracker, the child pipeline that it writes builds them,
/// and `update` records each success (`settle` the failures).
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// The time to take for now, such as 2026-11-24T02:00:00Z, so that a run can be replayed
    #[arg(long, global = true, value_name = "TIME")]
    pub now: Option<Timestamp>,
}

const EXIT_CODES: &str = "Exit codes: 0 done (nothing to build is done), 2 the command line, 3 the package repository, \
4 GitLab or the tracker, 1 anything else.";

#[derive(Debug, Subcommand)]
pub enum Command {
    List(List),
    Diff(Diff),
    Update(Update),
    Settle(Settle),
    Status(Status),
    Forget(Forget),
    Import(Import),
}

/// Asks a repository for the releases of a product and writes them to packages.json
///
/// Reads repodata/repomd.xml and the primary that it names (checksum verified; plain, gzip, zstd,
/// xz or bzip2), or, where there is no repodata, the HTML index of the directory.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  list --repo-url https://yum.example.com/el/9/x86_64 --product gitlab-runner --major-version 18"
)]
pub struct List {
    /// A repository: the baseurl, mirrorlist or metalink of a .repo file, a directory index, or file:DIRECTORY
    ///
    /// A user and password in it, or in AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD, are used
    /// and never printed. Several repositories are merged, the
    /// first counts where they have the same release; TARGET[,TARGET]=URL says which targets each of
    /// them is for. A JSON array of them will do, too.
    // Text: what clap refuses it repeats, and a password may be in it.
    #[arg(long, value_name = "URL", required = true)]
    pub repo_url: Vec<String>,
    /// Believe only a repository that one of the keys in this file has signed, as gpgkey of a .repo file
    ///
    /// The signature is repodata/repomd.xml.asc; with repo_gpgcheck dnf asks for the same.
    #[arg(long, value_name = "FILE", value_parser = optional::<PathBuf>)]
    pub gpg_key: Option<Optional<PathBuf>>,
    /// A directory to keep what was read in: with it, a repository that has not changed costs one small request
    #[arg(long, value_name = "DIR", value_parser = optional::<PathBuf>)]
    pub cache: Option<Optional<PathBuf>>,
    /// The exact name of the package: gitlab-runner is not gitlab-runner-fips
    #[arg(long, value_name = "NAME", value_parser = product)]
    pub product: String,
    /// Only versions that begin so: 18, or 18.6; 16 is not 160
    #[arg(long, value_name = "VERSION", value_parser = optional::<LeadingVersion>)]
    pub major_version: Option<Optional<LeadingVersion>>,
    /// Only versions in this range of semantic versions, such as '>=18.2, <19'
    #[arg(long, value_name = "RANGE", value_parser = version_range)]
    pub version_range: Option<Optional<semver::VersionReq>>,
    /// Only these architectures, such as x86_64,noarch; without it all but source packages
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub arch: ListOf<String>,
    /// Take pre-releases too: versions with RPM's ~, such as 18.8.0~rc1
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value_t = false, default_missing_value = "true", require_equals = true, hide_default_value = true, hide_possible_values = true, action = clap::ArgAction::Set)]
    pub pre_releases: bool,
    /// Where to write the releases
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    pub output: PathBuf,
}

/// Decides what to build, claims it in the tracker, and writes the child pipeline that builds it
///
/// Every release x target is built once: what is built, skipped, held by another pipeline or given
/// up is left alone, and the log says why. Nothing to build is no error.
#[derive(Debug, Args)]
pub struct Diff {
    /// The releases, as list wrote them
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    pub packages: PathBuf,
    /// What images are built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    pub targets: ListOf<Target>,
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// What to build for a target that the tracker knows nothing of
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = FirstRunArg::Latest)]
    pub first_run: FirstRunArg,
    /// Begin at most this many builds; the next run goes on
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_builds: u32,
    /// Try the same build at most this many times; `forget` starts anew
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_attempts: u32,
    /// After how long the claim of a pipeline that never ended no longer holds
    #[arg(long, value_name = "DURATION", default_value = "12h", value_parser = duration)]
    pub claim_timeout: SignedDuration,
    /// The file of the project that holds the build job
    #[arg(long, value_name = "PATH")]
    pub build_file: BuildFile,
    /// The hidden job that builds one image
    #[arg(long, value_name = "JOB", default_value = ".build-ami")]
    pub build_job: BuildJob,
    /// Variables of the build's dotenv report that the tracker keeps, such as AMI_ID
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub notes: ListOf<NoteName>,
    /// The image of the jobs that record; without it, the runner's own
    #[arg(long, value_name = "IMAGE", value_parser = optional::<String>)]
    pub image: Option<Optional<String>>,
    /// The tags of the runners of the jobs that record
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub tags: ListOf<String>,
    /// Where to write what is built and why, and what is not and why not
    #[arg(long, value_name = "FILE", default_value = "builds.json")]
    pub builds: PathBuf,
    /// Where to write the child pipeline
    #[arg(long, value_name = "FILE", default_value = "child-pipeline.yml")]
    pub child_pipeline: PathBuf,
    #[command(flatten)]
    pub origin: OriginArgs,
}

/// Records that a build succeeded
///
/// Safe to run again, and at the same time as any number of others.
#[derive(Debug, Args)]
pub struct Update {
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// The release: NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64
    #[arg(long, value_name = "NEVRA", value_parser = package)]
    pub package: Nevra,
    /// What the image was built on
    #[arg(long, value_name = "TARGET")]
    pub target: Target,
    /// What to remember of the build: NAME=VALUE, or NAME for the value of that variable
    #[arg(long = "note", value_name = "NAME=VALUE")]
    pub notes: Vec<Note>,
    #[command(flatten)]
    pub origin: OriginArgs,
}

/// Records a failed attempt for every build that a pipeline claimed and did not finish
///
/// The last job of the child pipeline, after something failed.
#[derive(Debug, Args)]
pub struct Settle {
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// Only the tracker of this product
    #[arg(long, value_name = "NAME", value_parser = product)]
    pub product: Option<String>,
    /// The pipeline that claimed the builds: the one whose diff job ran
    #[arg(long, value_name = "ID")]
    pub pipeline: u64,
    /// Where a person sees the pipeline that failed
    #[arg(long, value_name = "URL", env = "CI_PIPELINE_URL", hide_env_values = true)]
    pub pipeline_url: Option<String>,
}

/// Shows what the tracker says
#[derive(Debug, Args)]
pub struct Status {
    /// Where the tracker is: gitlab (Secure Files of the project), or a directory
    #[arg(long, value_name = "gitlab|DIR")]
    pub tracker: TrackerPlace,
    /// Only the trackers of this branch or tag; without it, all
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Only the tracker of this product
    #[arg(long, value_name = "NAME", value_parser = product)]
    pub product: Option<String>,
    /// A table for people, or JSON for programs
    #[arg(long, value_enum, default_value_t = StatusFormat::Table)]
    pub format: StatusFormat,
}

/// Asks for a build anew: what was recorded of it no longer holds, its failures included
#[derive(Debug, Args)]
pub struct Forget {
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// The release: NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64
    #[arg(long, value_name = "NEVRA", value_parser = package)]
    pub package: Nevra,
    /// Only for these targets; without it, for all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub target: ListOf<Target>,
    /// Why, for those who read the tracker
    #[arg(long, value_name = "TEXT", default_value = "forgotten by hand")]
    pub reason: String,
}

/// Takes over a plain-text tracker: one package file name a line, all of them built
#[derive(Debug, Args)]
pub struct Import {
    /// The plain-text tracker
    pub file: PathBuf,
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// What each of these packages was built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    pub targets: ListOf<Target>,
}

#[derive(Debug, Args)]
pub struct TrackerArgs {
    /// Where the tracker is: gitlab (Secure Files of the project), or a directory
    ///
    /// gitlab takes CI_API_V4_URL and CI_PROJECT_ID from the environment, and as its token
    /// AMI_SCHEDULER_TOKEN (a project access token) or, without one, CI_JOB_TOKEN.
    #[arg(long, value_name = "gitlab|DIR")]
    pub tracker: TrackerPlace,
    /// The branch or tag that the tracker belongs to
    #[arg(long = "ref", value_name = "REF", env = "CI_COMMIT_REF_NAME", value_parser = NonEmptyStringValueParser::new())]
    pub reference: String,
}

/// The pipeline that acts; in GitLab's jobs all of it comes from the environment.
#[derive(Debug, Args)]
pub struct OriginArgs {
    /// The id of the pipeline that acts; 0 stands for a run outside of GitLab
    #[arg(long, value_name = "ID", env = "CI_PIPELINE_ID", default_value_t = 0)]
    pub pipeline: u64,
    /// Where a person sees the pipeline
    #[arg(long, value_name = "URL", env = "CI_PIPELINE_URL", hide_env_values = true)]
    pub pipeline_url: Option<String>,
    /// Where a person sees the job
    #[arg(long, value_name = "URL", env = "CI_JOB_URL", hide_env_values = true)]
    pub job_url: Option<String>,
}

#[derive(Debug, Clone)]
pub enum TrackerPlace {
    Gitlab,
    Directory(PathBuf),
}

impl FromStr for TrackerPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("expected gitlab or a directory".to_owned()),
            "gitlab" => Ok(Self::Gitlab),
            directory => Ok(Self::Directory(directory.into())),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FirstRunArg {
    /// The newest release; older ones are recorded as skipped
    Latest,
    /// Nothing; all releases are recorded as skipped
    None,
    /// All releases
    All,
}

impl From<FirstRunArg> for FirstRun {
    fn from(which: FirstRunArg) -> Self {
        match which {
            FirstRunArg::Latest => Self::Latest,
            FirstRunArg::None => Self::None,
            FirstRunArg::All => Self::All,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StatusFormat {
    Table,
    Json,
}

/// A note as it is given: with its value, or the name of the variable that has it.
#[derive(Debug, Clone)]
pub struct Note {
    pub name: NoteName,
    pub value: Option<String>,
}

impl FromStr for Note {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            None => (text, None),
            Some((name, value)) => (name, Some(value.to_owned())),
        };
        Ok(Self { name: name.parse().map_err(|error| format!("{error}"))?, value })
    }
}

/// A list: separated by commas, or a JSON array of strings, as GitLab writes an array input.
#[derive(Debug, Clone)]
pub struct ListOf<T>(pub Vec<T>);

impl<T: FromStr<Err: std::fmt::Display>> FromStr for ListOf<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<String> = if text.trim_start().starts_with('[') {
            serde_json::from_str(text).map_err(|error| format!("not a JSON array of strings: {error}"))?
        } else {
            text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        words
            .iter()
            .map(|word| word.parse().map_err(|error: T::Err| error.to_string()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A value that an empty text leaves out: a component's input always has some text.
#[derive(Debug, Clone)]
pub struct Optional<T>(pub Option<T>);

fn optional<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Optional<T>, String> {
    if text.is_empty() {
        return Ok(Optional(None));
    }
    text.parse().map(|value| Optional(Some(value))).map_err(|error: T::Err| error.to_string())
}

fn version_range(text: &str) -> Result<Optional<semver::VersionReq>, String> {
    optional(text).map_err(|error| format!("not a range of semantic versions, such as '>=18.2, <19': {error}"))
}

fn product(text: &str) -> Result<String, String> {
    if is_package_name(text) {
        Ok(text.to_owned())
    } else {
        Err("not the name of a package, such as gitlab-runner: it may hold letters, digits and ._+-".to_owned())
    }
}

/// A package as people write it: the `.rpm` of its file name may be there.
fn package(text: &str) -> Result<Nevra, String> {
    text.strip_suffix(".rpm").unwrap_or(text).parse().map_err(|error| format!("{error}"))
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration: SignedDuration =
        text.parse().map_err(|error| format!("not a duration, such as 12h or 90m: {error}"))?;
    if duration.is_positive() { Ok(duration) } else { Err("has to be longer than nothing".to_owned()) }
}
