//! The command line: what can be asked, and in which words. Its long help is the manual.

// The comments are help texts for terminals, not Markdown.
#![allow(clippy::doc_markdown)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use ami_scheduler::alarm::{AlarmKind, Limits};
use ami_scheduler::child_pipeline::{BuildFile, BuildJob, NoteName};
use ami_scheduler::images::{Template, TemplateError};
use ami_scheduler::plan::{FirstRun, Order, Rules};
use ami_scheduler::policy::{ExactVersion, Exclusion, ExclusionError, Keep, LeadingVersion, Pattern, Policy};
use ami_scheduler::release::Checksum;
use ami_scheduler::release::Target;
use ami_scheduler::release::{Nevra, is_package_name};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
/// pipeline.
///
/// A night is four steps: `list` asks the repository for a product's releases, `diff` decides which
/// of them to build and claims them in the tracker, the child pipeline that it writes builds them,
/// and `update` records each success (`settle` the failures).
#[derive(Debug, Parser)]
#[command(version, bin_name = "ami-scheduler", max_term_width = 100, after_help = EXIT_CODES)]
#[command(after_long_help = format!("{HOW_TO_RUN}\n\n{EXIT_CODES}"))]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// The time to take for now, such as 2026-11-24T02:00:00Z, so that a run can be replayed
    #[arg(long, global = true, value_name = "TIME")]
    pub now: Option<Timestamp>,
    /// A file of certificates (PEM) of private authorities, which are believed besides the public web's
    ///
    /// Those that the variables SSL_CERT_FILE and CI_SERVER_TLS_CA_FILE name are believed, too. Proxies
    /// are taken from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in capitals or not.
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

const EXIT_CODES: &str = "Exit codes: 0 done (nothing to build is done), 2 the command line, 3 the package repository, \
4 GitLab or the tracker; done, with an alarm that --fail-on names: 5 republished, 6 unchanged, 7 shrank, 8 overdue; \
1 anything else.";

const HOW_TO_RUN: &str = "How to run it:
  It is a WebAssembly module. wasmtime runs it, and gives it the folder and the variables that you
  name and nothing else. So that the examples of each command (ami-scheduler COMMAND --help) work as
  they are printed, in a shell whose folder holds ami-scheduler.wasm:

    $ alias ami-scheduler='wasmtime run --wasi http --wasi cli-exit-with-code --dir . \\
        --env CI_API_V4_URL --env CI_PROJECT_ID --env AMI_SCHEDULER_TOKEN --env NO_COLOR \\
        ami-scheduler.wasm'

A night on a laptop, with a tracker in a directory:

    $ mkdir -p tracker
    $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 --product gitlab-runner
    $ ami-scheduler diff --targets al2023,rhel9 --tracker tracker --ref main \\
        --build-file ci/build-ami.yml
    $ ami-scheduler status --tracker tracker

The trackers of a GitLab project, with a project access token (role Maintainer, scope api):

    $ export CI_API_V4_URL=https://gitlab.example.com/api/v4 CI_PROJECT_ID=42
    $ export AMI_SCHEDULER_TOKEN=glpat-…
    $ ami-scheduler status --tracker gitlab";

const LIST_EXAMPLES: &str = "Examples:
  The releases of version 18, into packages.json, where diff looks for them:
    $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 \\
        --product gitlab-runner --major-version 18

  From 18.2 on, for one architecture, into another file:
    $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 \\
        --product gitlab-runner --version-range '>=18.2, <19' --arch x86_64 \\
        --output runner.json

  One version, for diff to build whatever the tracker says:
    $ ami-scheduler list --repo-url https://yum.example.com/el/9/x86_64 \\
        --product gitlab-runner --version 18.6.0 --output by-hand.json

  From a mirror that wants a password, which is never printed:
    $ ami-scheduler list --repo-url \"https://$YUM_USER:$YUM_PASSWORD@yum.example.com/el/9/x86_64\" \\
        --product gitlab-runner";

const DIFF_EXAMPLES: &str = "Examples:
  What is to be built on two base systems, with a tracker in a directory:
    $ mkdir -p tracker
    $ ami-scheduler diff --targets al2023,rhel9 --tracker tracker --ref main \\
        --build-file ci/build-ami.yml

  As the job of the component does it, with reports for people and for GitLab's Tests tab:
    $ ami-scheduler diff --targets '[\"al2023\", \"rhel9\"]' --tracker gitlab --ref main \\
        --build-file ci/build-ami.yml --notes AMI_ID --markdown builds.md --junit junit.xml

  A version by hand, on one target, and with the tracker told:
    $ ami-scheduler diff --packages by-hand.json --targets al2023,rhel9 --only-targets rhel9 \\
        --record --by mary --tracker tracker --ref main --build-file ci/build-ami.yml

  The whole history of a target that is new, five builds a run:
    $ ami-scheduler diff --targets al2023,rhel9,rocky9 --tracker tracker --ref main \\
        --build-file ci/build-ami.yml --first-run all --max-builds 5";

const UPDATE_EXAMPLES: &str = "Examples:
  A build that has ended well, with the id of its image:
    $ ami-scheduler update --tracker tracker --ref main \\
        --package gitlab-runner-18.6.1-1.x86_64 --target al2023 --note AMI_ID=ami-0abc

  The same in the project's Secure Files:
    $ ami-scheduler update --tracker gitlab --ref main \\
        --package gitlab-runner-18.6.1-1.x86_64 --target al2023 --note AMI_ID=ami-0abc";

const SETTLE_EXAMPLES: &str = "Examples:
  After a pipeline in which builds failed:
    $ ami-scheduler settle --tracker tracker --ref main --pipeline 4711

  The same for one product, in the project's Secure Files:
    $ ami-scheduler settle --tracker gitlab --ref main --product gitlab-runner --pipeline 4711";

const STATUS_EXAMPLES: &str = "Examples:
  Everything that a directory holds:
    $ ami-scheduler status --tracker tracker

  The trackers of one branch, as a page to open in a browser or to publish:
    $ ami-scheduler status --tracker gitlab --ref main --format html --output status.html

  For an issue or a wiki:
    $ ami-scheduler status --tracker tracker --product gitlab-runner --format markdown

  What has failed, by jq:
    $ ami-scheduler status --tracker tracker --format json | jq -r '.[].entries | to_entries[]
        | .key as $package | .value | to_entries[] | select(.value.state == \"failed\")
        | \"\\($package) \\(.key)\"'";

const REBUILD_EXAMPLES: &str = "Examples:
  Build one image again, with the reason:
    $ ami-scheduler rebuild --tracker tracker --ref main \\
        --package gitlab-runner-18.6.1-1.x86_64 --target al2023 --reason 'the image had no swap'

  Build a release again on all targets, in the project's Secure Files:
    $ ami-scheduler rebuild --tracker gitlab --ref main --package gitlab-runner-18.6.1-1.x86_64";

const IMPORT_EXAMPLES: &str = "Examples:
  The list of a hand-written pipeline; each of its packages counts as built on both:
    $ ami-scheduler import main.txt --tracker tracker --ref main --targets al2023,rhel9

  The images that there are, by their names; packages.json says which releases there are:
    $ aws ec2 describe-images --owners self | ami-scheduler import - --targets al2023,rhel9 \\
        --image-name '{product}-{version}-{target}-*' --tracker gitlab --ref main";

const RECONCILE_EXAMPLES: &str = "Examples:
  What the tracker holds and there is no image of, and the other way round:
    $ aws ec2 describe-images --owners self | ami-scheduler reconcile - --targets al2023 \\
        --image-tag Package={package} --image-tag Target={target} --tracker gitlab --ref main

  Record as built what there is an image of:
    $ aws ec2 describe-images --owners self | ami-scheduler reconcile - --targets al2023 \\
        --image-name '{product}-{version}-{target}-*' --apply adopt --tracker tracker --ref main";

const SKIP_EXAMPLES: &str = "Examples:
  A release that is not to be built on one target:
    $ ami-scheduler skip gitlab-runner-18.6.0-1.x86_64 --tracker tracker --ref main \\
        --target rhel9 --reason 'needs a newer glibc' --by mary

  On all targets, in the project's Secure Files:
    $ ami-scheduler skip gitlab-runner-18.6.1-1.x86_64 --tracker gitlab --ref main \\
        --reason 'does not start' --by mary";

const UNSKIP_EXAMPLES: &str = "Examples:
  Take back what was skipped:
    $ ami-scheduler unskip gitlab-runner-18.6.0-1.x86_64 --tracker tracker --ref main \\
        --target rhel9 --by mary

  The same on all targets, in the project's Secure Files:
    $ ami-scheduler unskip gitlab-runner-18.6.1-1.x86_64 --tracker gitlab --ref main --by mary";

const WHY_EXAMPLES: &str = "Examples:
  Why there is no image of a release on a target, by the packages.json that list wrote:
    $ ami-scheduler why 18.6.1 al2023 --targets al2023,rhel9 --tracker tracker --ref main

  What becomes of everything:
    $ ami-scheduler why '*' --targets al2023,rhel9 --tracker gitlab --ref main";

#[derive(Debug, Subcommand)]
pub enum Command {
    List(List),
    Diff(Box<Diff>),
    Update(Update),
    Settle(Settle),
    Status(Status),
    Skip(Skip),
    Unskip(Unskip),
    Rebuild(Rebuild),
    Why(Why),
    Import(Import),
    Reconcile(Reconcile),
}

/// Asks a repository for the releases of a product and writes them to packages.json
///
/// Reads repodata/repomd.xml and the primary that it names (checksum verified; plain, gzip, zstd,
/// xz or bzip2), or, where there is no repodata, the HTML index of the directory.
#[derive(Debug, Args)]
#[command(after_long_help = LIST_EXAMPLES)]
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
    /// Only this version, in place of the other options about versions: 18.6.1, 18.6.1-1, or
    /// gitlab-runner-18.6.1-1.x86_64
    ///
    /// diff then builds it whatever its rules and the tracker say, and neither asks nor tells the tracker,
    /// unless --record says so.
    #[arg(long, value_name = "VERSION", value_parser = optional::<ExactVersion>)]
    pub version: Option<Optional<ExactVersion>>,
    /// Only these architectures, such as x86_64,noarch; without it all but source packages
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub arch: ListOf<String>,
    /// Take pre-releases too: versions with RPM's ~, such as 18.8.0~rc1
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value_t = false, default_missing_value = "true", require_equals = true, hide_default_value = true, hide_possible_values = true, action = clap::ArgAction::Set)]
    pub pre_releases: bool,
    /// Say of each release whether it is wanted, or which rule leaves it out
    #[arg(long)]
    pub explain: bool,
    /// Where to write the releases
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    pub output: PathBuf,
}

/// Decides what to build, claims it in the tracker, and writes the child pipeline that builds it
///
/// Every release x target is built once: what is built, skipped, held by another pipeline or given
/// up is left alone, and the log says why. Nothing to build is no error.
#[derive(Debug, Args)]
#[command(after_long_help = DIFF_EXAMPLES)]
pub struct Diff {
    /// The releases, as list wrote them
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    pub packages: PathBuf,
    /// What images are built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    pub targets: ListOf<Target>,
    #[command(flatten)]
    pub tracker: TrackerArgs,
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Only these of the targets; without it, all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub only_targets: ListOf<Target>,
    /// Claim and record the version that list was asked for by --version; without this, it is built all the same
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = clap::ArgAction::Set)]
    pub record: bool,
    /// Decide and write builds.json, but claim and record nothing; the child pipeline builds nothing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = clap::ArgAction::Set)]
    pub dry_run: bool,
    /// The builds.json of an earlier run: a dry run tells what these rules add to it and drop
    #[arg(long, value_name = "FILE", value_parser = optional::<PathBuf>)]
    pub compare: Option<Optional<PathBuf>>,
    /// Who asks for a version by hand
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", hide_env_values = true)]
    pub by: Option<String>,
    #[command(flatten)]
    pub alarms: AlarmArgs,
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
    /// Where the jobs that record fetch the module from, if their runner has none
    #[arg(long, value_name = "URL", value_parser = optional::<url::Url>, requires = "module_sha256")]
    pub module_url: Option<Optional<url::Url>>,
    /// The sha256 of the module, which they verify
    #[arg(long, value_name = "DIGITS", value_parser = module_sha256)]
    pub module_sha256: Option<Optional<Checksum>>,
    /// Where to write what is built and why, and what is not and why not
    #[arg(long, value_name = "FILE", default_value = "builds.json")]
    pub builds: PathBuf,
    /// Where to write the child pipeline
    #[arg(long, value_name = "FILE", default_value = "child-pipeline.yml")]
    pub child_pipeline: PathBuf,
    /// Where to write the same as Markdown, for people; without it, nowhere
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Where to write the same as a JUnit report, for GitLab's Tests tab; without it, nowhere
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    #[command(flatten)]
    pub origin: OriginArgs,
    #[command(flatten)]
    pub lane: LaneArgs,
}

/// What is told of, and what a run ends with then.
#[derive(Debug, Args)]
pub struct AlarmArgs {
    /// Tell when a repository has not changed for so many days; 0 never
    #[arg(long, value_name = "DAYS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=3650))]
    pub unchanged_after: u32,
    #[command(flatten)]
    pub overdue: OverdueArgs,
}

#[derive(Debug, Args)]
pub struct OverdueArgs {
    /// Tell when there was no run for more than so many days; 0 never
    ///
    /// Runs without anything else to record are recorded now and then: a gap is told of for certain when it
    /// is half as long again.
    #[arg(long, value_name = "DAYS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=3650))]
    pub overdue_after: u32,
    /// End, after all is done, with an exit code of its own where one of these is told: republished (5), unchanged
    /// (6), shrank (7), overdue (8)
    ///
    /// Of several, with that of the first of these.
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub fail_on: ListOf<AlarmKind>,
}

impl OverdueArgs {
    pub fn limits(&self, unchanged_after: u32) -> Limits {
        Limits { unchanged: days(unchanged_after), overdue: days(self.overdue_after) }
    }
}

fn days(days: u32) -> Option<SignedDuration> {
    (days > 0).then(|| SignedDuration::from_hours(24 * i64::from(days)))
}

/// The rules of diff; `why` is asked with the same ones.
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// What to build where no run has looked before: for a new target, or of another line of versions
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = FirstRunArg::Latest)]
    pub first_run: FirstRunArg,
    /// Which releases to keep where newer ones, if they are old enough, make older ones needless
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = KeepArg::All)]
    pub keep: KeepArg,
    /// Releases that are not built: 18.6.1, 18.6.1-1, '18.7.*' or gitlab-runner-18.6.1-1.x86_64, as a list
    ///
    /// No other release is built in their place.
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub exclude: ListOf<Pattern>,
    /// The same with a reason, which is told: '18.6.1: does not start'; can be given several times
    #[arg(long, value_name = "PATTERN: REASON")]
    pub skip: Vec<Skips>,
    /// Build a release only so many days after its publisher built it, and after it was seen here first
    #[arg(long, value_name = "DAYS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=3650))]
    pub min_age: u32,
    /// Which builds are begun first; those that have failed come last in any case
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = OrderArg::Oldest)]
    pub order: OrderArg,
    /// Begin at most this many builds; the next run goes on
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_builds: u32,
    /// Try the same build at most this many times; `rebuild` starts anew
    ///
    /// After a first and a second failure the next run tries again; after more, 1, 2, 4 and up to 32 runs
    /// pass it over before.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_attempts: u32,
    /// After how long the claim of a pipeline that never ended no longer holds
    #[arg(long, value_name = "DURATION", default_value = "12h", value_parser = duration)]
    pub claim_timeout: SignedDuration,
}

impl RuleArgs {
    /// The rules, for releases that `scope` has let through.
    pub fn into_rules(self, scope: Policy) -> Rules {
        let exclude = self.exclude.0.into_iter().map(|pattern| Exclusion { pattern, reason: None });
        Rules {
            scope,
            keep: self.keep.into(),
            // What is told with a reason comes first.
            exclude: self.skip.into_iter().flat_map(|skips| skips.0).chain(exclude).collect(),
            min_age: days(self.min_age).unwrap_or_default(),
            order: self.order.into(),
            first_run: self.first_run.into(),
            max_builds: self.max_builds as usize,
            max_attempts: self.max_attempts.into(),
            claim_timeout: self.claim_timeout,
        }
    }
}

/// Records that a build succeeded
///
/// Safe to run again, and at the same time as any number of others.
#[derive(Debug, Args)]
#[command(after_long_help = UPDATE_EXAMPLES)]
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
    /// Where to write the build as a JUnit report, for GitLab's Tests tab; without it, nowhere
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    #[command(flatten)]
    pub origin: OriginArgs,
}

/// Records a failed attempt for every build that a pipeline claimed and did not finish
///
/// The last job of the child pipeline, after something failed.
#[derive(Debug, Args)]
#[command(after_long_help = SETTLE_EXAMPLES)]
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
    /// The pipeline whose jobs build: the child pipeline, which this runs in
    ///
    /// With --tracker gitlab, its jobs that failed are asked for, and each failure is recorded with the URL
    /// of its job. Without it, or where the jobs cannot be read, with that of the pipeline.
    #[arg(long, value_name = "ID", env = "CI_PIPELINE_ID", hide_env_values = true)]
    pub build_pipeline: Option<u64>,
    #[command(flatten)]
    pub lane: LaneArgs,
    /// Where to write the failed builds as a JUnit report, for GitLab's Tests tab; without it, nowhere
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// Shows what the tracker says
///
/// As a table, which is in colours on a terminal; as JSON, whose format docs/artifacts.md describes;
/// as Markdown; or as one HTML page that needs no network. It changes nothing: a role that may read
/// Secure Files (Developer) is enough.
#[derive(Debug, Args)]
#[command(after_long_help = STATUS_EXAMPLES)]
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
    /// In which form
    #[arg(long, value_enum, value_name = "FORM", default_value_t = StatusFormat::Table)]
    pub format: StatusFormat,
    #[command(flatten)]
    pub overdue: OverdueArgs,
    /// The builds.json of the last run, whose alarms are told, too
    #[arg(long, value_name = "FILE", value_parser = optional::<PathBuf>)]
    pub builds: Option<Optional<PathBuf>>,
    /// Where to write it; without it, to stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Whether the table is in colours: auto takes them for a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colours::Auto)]
    pub color: Colours,
}

/// Asks for a build anew: what was recorded of it no longer holds, its failures included
///
/// The next diff builds it, as its first attempt. A claim ends, too: use it after a pipeline that was
/// cancelled, rather than wait for the claim to lapse.
#[derive(Debug, Args)]
#[command(after_long_help = REBUILD_EXAMPLES)]
pub struct Rebuild {
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// The release: NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64
    #[arg(long, value_name = "NEVRA", value_parser = package)]
    pub package: Nevra,
    /// Only for these targets; without it, for all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub target: ListOf<Target>,
    /// Why, for those who read the tracker
    #[arg(long, value_name = "TEXT", default_value = "asked for again by hand", value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN")]
    pub by: Option<String>,
}

/// Records that a release is not to be built, by whom and why
///
/// What is built already stays so. `unskip` takes it back; `rebuild` asks for a build in any case.
#[derive(Debug, Args)]
#[command(after_long_help = SKIP_EXAMPLES)]
pub struct Skip {
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// The release: NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64
    #[arg(value_name = "PACKAGE", value_parser = package)]
    pub package: Nevra,
    /// Only for these targets; without it, for all that the tracker knows
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub target: ListOf<Target>,
    /// Why, for those who wonder where the image is
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", value_parser = NonEmptyStringValueParser::new())]
    pub by: String,
}

/// Takes back that a release is skipped: the next run treats it as one that it has not tried yet
#[derive(Debug, Args)]
#[command(after_long_help = UNSKIP_EXAMPLES)]
pub struct Unskip {
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// The release: NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64
    #[arg(value_name = "PACKAGE", value_parser = package)]
    pub package: Nevra,
    /// Only for these targets; without it, for all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub target: ListOf<Target>,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", value_parser = NonEmptyStringValueParser::new())]
    pub by: String,
}

/// Says of a release which rule builds it, leaves it out or holds it
///
/// Asked with the rules of diff, it decides as the next run will, claims nothing and changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = WHY_EXAMPLES)]
pub struct Why {
    /// The release: 18.6.1, 18.6.1-1, '18.7.*' or gitlab-runner-18.6.1-1.x86_64; '*' for all
    #[arg(value_name = "PACKAGE")]
    pub package: Pattern,
    /// Only for this target
    #[arg(value_name = "TARGET")]
    pub target: Option<Target>,
    /// The releases, as list wrote them
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    pub packages: PathBuf,
    /// What images are built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    pub targets: ListOf<Target>,
    #[command(flatten)]
    pub tracker: TrackerArgs,
    #[command(flatten)]
    pub rules: RuleArgs,
}

/// Takes over what was built before: a plain-text tracker, or the images that there are
///
/// A plain-text tracker has one package file name a line; all of them count as built. diff takes one over by
/// itself, on its first run, from a file in the tracker's store that is named after the ref (main.txt,
/// feature_a.txt). Images are the JSON of `aws ec2 describe-images`; they need --packages and --image-name or
/// --image-tag. What the tracker knows already stays as it is.
#[derive(Debug, Args)]
#[command(after_long_help = IMPORT_EXAMPLES)]
pub struct Import {
    /// The file; - for stdin
    pub file: PathBuf,
    #[command(flatten)]
    pub images: ImageArgs,
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// What each of these packages was built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    pub targets: ListOf<Target>,
}

/// Reports where the tracker and the images that there are disagree, in both directions
///
/// It changes nothing unless --apply says so.
#[derive(Debug, Args)]
#[command(after_long_help = RECONCILE_EXAMPLES)]
pub struct Reconcile {
    /// The JSON of `aws ec2 describe-images`; - for stdin
    pub file: PathBuf,
    #[command(flatten)]
    pub images: ImageArgs,
    #[command(flatten)]
    pub tracker: TrackerArgs,
    /// What the images were built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    pub targets: ListOf<Target>,
    /// What to change: adopt records images as built, rebuild builds again what has no image
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub apply: ListOf<Apply>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    Adopt,
    Rebuild,
}

impl FromStr for Apply {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "adopt" => Ok(Self::Adopt),
            "rebuild" => Ok(Self::Rebuild),
            _ => Err(format!("{text:?} is nothing to apply: expected adopt or rebuild")),
        }
    }
}

/// How images are told to be of a release.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The releases, as list wrote them
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    pub packages: PathBuf,
    /// What the names of images look like: '{product}-{version}-{target}-*'
    ///
    /// With {package}, {product}, {epoch}, {version}, {release}, {arch} and {target}; * stands for any
    /// characters, ? for one.
    #[arg(long, value_name = "TEMPLATE")]
    pub image_name: Option<Template>,
    /// What a tag of theirs looks like: 'Package={package}'; can be given several times
    #[arg(long, value_name = "KEY=TEMPLATE")]
    pub image_tag: Vec<ImageTag>,
}

#[derive(Debug, Clone)]
pub struct ImageTag {
    pub key: String,
    pub value: Template,
}

impl FromStr for ImageTag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=TEMPLATE, such as Package={package}")?;
        Ok(Self { key: key.to_owned(), value: value.parse().map_err(|error: TemplateError| error.to_string())? })
    }
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

/// The lane: one include of the component among several in a pipeline.
#[derive(Debug, Args)]
pub struct LaneArgs {
    /// Which lane this is, where a pipeline has several of one product
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    lane: String,
}

impl LaneArgs {
    pub fn into_lane(self) -> Option<String> {
        Some(self.lane).filter(|lane| !lane.is_empty())
    }
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
pub enum KeepArg {
    /// Every release
    All,
    /// The newest release
    Latest,
    /// The newest of each minor version, such as 18.6
    LatestPerMinor,
    /// The newest of each major version, such as 18
    LatestPerMajor,
}

impl From<KeepArg> for Keep {
    fn from(which: KeepArg) -> Self {
        match which {
            KeepArg::All => Self::All,
            KeepArg::Latest => Self::Latest,
            KeepArg::LatestPerMinor => Self::LatestPerMinor,
            KeepArg::LatestPerMajor => Self::LatestPerMajor,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OrderArg {
    /// The oldest releases
    Oldest,
    /// The newest releases
    Newest,
}

impl From<OrderArg> for Order {
    fn from(which: OrderArg) -> Self {
        match which {
            OrderArg::Oldest => Self::OldestFirst,
            OrderArg::Newest => Self::NewestFirst,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StatusFormat {
    /// A table for terminals
    Table,
    /// For programs
    Json,
    /// For an issue, a wiki or a chat
    Markdown,
    /// A page that needs no network, with a filter
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colours {
    Auto,
    Always,
    Never,
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

/// One skip, or a JSON array of them: texts, or what YAML makes of `- 18.6.1: does not start`.
#[derive(Debug, Clone)]
pub struct Skips(Vec<Exclusion>);

impl FromStr for Skips {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Item {
            Text(String),
            Map(BTreeMap<String, String>),
        }
        let text = text.trim();
        let items: Vec<Item> = if text.starts_with('[') {
            serde_json::from_str(text)
                .map_err(|_| "not a JSON array of texts such as \"18.6.1: does not start\"".to_owned())?
        } else {
            vec![Item::Text(text.to_owned())]
        };
        let texts = items.into_iter().flat_map(|item| match item {
            Item::Text(text) => vec![text],
            Item::Map(map) => map.into_iter().map(|(pattern, reason)| format!("{pattern}: {reason}")).collect(),
        });
        let skips = texts.map(|text| text.parse().map_err(|error: ExclusionError| error.to_string()));
        skips.collect::<Result<_, _>>().map(Self)
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

/// A switch, as people set variables: whether something is on. White space is what the component puts before.
fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "false" | "no" | "off" | "0" => Ok(false),
        "true" | "yes" | "on" | "1" => Ok(true),
        _ => Err("expected true or false".to_owned()),
    }
}

fn module_sha256(text: &str) -> Result<Optional<Checksum>, String> {
    if text.is_empty() { Ok(Optional(None)) } else { optional(&format!("sha256:{text}")) }
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
