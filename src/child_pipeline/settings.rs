//! Settings of a child pipeline, beside its builds.

use std::fmt;

use url::Url;

use crate::release::Checksum;

/// The longest name of a job that GitLab takes, in characters.
pub(super) const MAX_JOB_NAME: usize = 255;

/// The most builds that a child pipeline may have. GitLab refuses one whose parsed YAML takes more than 2 MiB of Ruby's
/// memory, as its admin may change it (`max_yaml_size_bytes`): this many fit, whatever they are called.
pub const MAX_BUILDS: u32 = 200;
/// The same where each build has a test, and so twice as many jobs.
pub const MAX_TESTED_BUILDS: u32 = 90;

/// The jobs of a build: build, update; with a test, record and test, too.
const BUILD: u32 = 2;
const TESTED_BUILD: u32 = 4;
/// The job that settles what failed.
const SETTLE: u32 = 1;

/// A project's own pipeline, where the project does not name another file.
const PARENT_PIPELINE: &str = ".gitlab-ci.yml";

/// Settings of a child pipeline, beside its builds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The product.
    pub product: String,
    /// The branch or tag whose tracker records the builds.
    pub reference: String,
    /// The pipeline that claimed the builds.
    pub pipeline: u64,
    /// Which of its lanes, where it works on several.
    pub lane: Option<String>,
    /// The file of the project that holds the build job.
    pub build_file: BuildFile,
    /// The hidden job that builds one image.
    pub build_job: BuildJob,
    /// The hidden job that tests it, where an image counts only once that has passed.
    pub test_job: Option<BuildJob>,
    /// The hidden jobs that run once, after the builds.
    pub hooks: Hooks,
    /// How many jobs a pipeline of this GitLab may have; 0 where it has no such limit.
    pub max_jobs: u32,
    /// How often a build may be tried: one that failed as often is told as given up.
    pub max_attempts: u64,
    /// The image of the jobs that record; the runner's own where there is none.
    pub image: Option<String>,
    /// The tags of their runners.
    pub tags: Vec<String>,
    /// The manifests that a build leaves, of which each may be missing.
    pub manifests: Vec<ManifestFile>,
    /// Variables of the build's dotenv report that the tracker keeps.
    pub notes: Vec<NoteName>,
    /// Where a job without `AMI_SCHEDULER_WASM` fetches the module from.
    pub module_url: Option<Url>,
    /// The checksum of the module.
    pub module_sha256: Option<Checksum>,
}

/// The hidden jobs that run once, after the builds, however they ended.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// Hands the images on.
    pub publish: Option<BuildJob>,
    /// Tells people what became of the builds.
    pub notify: Option<BuildJob>,
    /// Whether they run although there is nothing to build, and no alarm.
    pub quiet_nights: bool,
}

impl Hooks {
    /// Whether there is one.
    pub fn any(&self) -> bool {
        self.jobs() > 0
    }

    /// How many jobs they are, with the one that reports to them.
    fn jobs(&self) -> u32 {
        let jobs = u32::from(self.publish.is_some()) + u32::from(self.notify.is_some());
        if jobs == 0 { 0 } else { jobs + 1 }
    }
}

/// A file of the project, as `include: local` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFile(String);

/// A file that a build leaves, by its path from the project's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile(String);

/// The name of a hidden job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildJob(String);

/// The name of a variable whose value is kept as a note.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoteName(String);

/// Why a child pipeline can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChildPipelineError {
    /// Not a file that `include: local` can name.
    #[error("{0:?} is not a YAML file of the project, such as ci/build-ami.yml, by its path from the project's root")]
    BuildFile(String),
    /// Not a file that a build can leave.
    #[error("{0:?} is no manifest of the build, such as manifest.json, by its path from the project's root")]
    ManifestFile(String),
    /// The file that includes the component.
    #[error(
        "{0:?} is the pipeline that the schedule runs, and the child pipeline would run all of its jobs again: put the \
         build job into a file of its own, such as ci/build-ami.yml"
    )]
    ParentPipeline(String),
    /// Not the name of a hidden job.
    #[error(
        "{0:?} is not the name of a hidden job, such as .build-ami: it begins with a dot, and its job runs only where another extends it"
    )]
    BuildJob(String),
    /// Not the name of a variable.
    #[error("{0:?} is not the name of a variable, such as AMI_ID")]
    NoteName(String),
    /// The name of a variable whose value is a secret.
    #[error("{0:?} looks like the name of a secret, and notes are kept and printed as they are: give it another name")]
    SecretNote(String),
    /// GitLab would refuse a pipeline of that size.
    #[error(
        "the child pipeline would have {0} builds, and GitLab takes no larger one than that of {1}: nothing was \
         claimed. Name fewer targets: --only-targets (input only_targets, variable AMI_SCHEDULER_ONLY_TARGETS)"
    )]
    TooManyBuilds(usize, u32),
    /// GitLab would refuse the name of a job.
    #[error("the job {0:?} would have a name of more than {MAX_JOB_NAME} characters, which GitLab does not take")]
    JobName(String),
    /// The template could not be filled in.
    #[error("the child pipeline cannot be written: {0}")]
    Template(String),
}

impl Settings {
    /// The most builds that the child pipeline may have.
    pub fn most_builds(&self) -> u32 {
        most_builds(self.test_job.is_some(), &self.hooks, self.max_jobs)
    }
}

/// How many jobs a child pipeline with one build has.
pub fn fewest_jobs(has_test: bool, hooks: &Hooks) -> u32 {
    SETTLE + hooks.jobs() + if has_test { TESTED_BUILD } else { BUILD }
}

/// The most builds of a child pipeline, each with a test or without one, that has at most so many jobs; 0 stands for no
/// such limit.
pub fn most_builds(has_test: bool, hooks: &Hooks, max_jobs: u32) -> u32 {
    let (most, jobs) = if has_test { (MAX_TESTED_BUILDS, TESTED_BUILD) } else { (MAX_BUILDS, BUILD) };
    if max_jobs == 0 { most } else { most.min(max_jobs.saturating_sub(SETTLE + hooks.jobs()) / jobs) }
}

impl std::str::FromStr for BuildFile {
    type Err = ChildPipelineError;

    fn from_str(text: &str) -> Result<Self, ChildPipelineError> {
        let path = text.trim_start_matches('/');
        let inside = !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        let yaml = path.ends_with(".yml") || path.ends_with(".yaml");
        let plain = !path.chars().any(|c| c.is_control() || "$*?\"\\".contains(c));
        if path == PARENT_PIPELINE {
            return Err(ChildPipelineError::ParentPipeline(text.to_owned()));
        }
        if inside && yaml && plain {
            Ok(Self(path.to_owned()))
        } else {
            Err(ChildPipelineError::BuildFile(text.to_owned()))
        }
    }
}

impl std::str::FromStr for ManifestFile {
    type Err = ChildPipelineError;

    fn from_str(text: &str) -> Result<Self, ChildPipelineError> {
        let inside = text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b)) && !text.starts_with('-');
        if inside && plain { Ok(Self(text.to_owned())) } else { Err(ChildPipelineError::ManifestFile(text.to_owned())) }
    }
}

impl std::str::FromStr for BuildJob {
    type Err = ChildPipelineError;

    fn from_str(text: &str) -> Result<Self, ChildPipelineError> {
        let plain = !text.chars().any(|c| c.is_control() || c == '$') && text.len() <= MAX_JOB_NAME;
        let ours = text.starts_with(".ami-scheduler");
        if text.len() > 1 && text.starts_with('.') && plain && !ours {
            Ok(Self(text.to_owned()))
        } else {
            Err(ChildPipelineError::BuildJob(text.to_owned()))
        }
    }
}

impl std::str::FromStr for NoteName {
    type Err = ChildPipelineError;

    fn from_str(text: &str) -> Result<Self, ChildPipelineError> {
        if ["TOKEN", "PASSWORD", "SECRET"].iter().any(|secret| text.to_uppercase().contains(secret)) {
            return Err(ChildPipelineError::SecretNote(text.to_owned()));
        }
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts_well && text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            Ok(Self(text.to_owned()))
        } else {
            Err(ChildPipelineError::NoteName(text.to_owned()))
        }
    }
}

impl fmt::Display for BuildFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ManifestFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BuildJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
