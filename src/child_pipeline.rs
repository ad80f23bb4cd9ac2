//! The child pipeline: builds as the jobs of a GitLab configuration.
//!
//! The text is static: GitLab expands no variables in the `include` of a generated configuration,
//! and every value is a quoted YAML string, which no YAML parser takes for a number, a date or a
//! structure.

use std::fmt::{self, Write as _};

use url::Url;

use crate::diff::Planned;
use crate::jobs;
use crate::package::Package;
use crate::repository::Checksum;
use crate::tracker::TrackerName;

/// The longest name of a job that GitLab takes, in characters.
const MAX_JOB_NAME: usize = 255;

/// What a job that records shows in GitLab's Tests tab, in whatever way it ends.
const JUNIT: &str =
    "{when: always, paths: [.ami-scheduler/junit.xml], reports: {junit: .ami-scheduler/junit.xml}, expire_in: 1 week}";
/// What a job does first, to come by the module and by the network: word for word as the component's own jobs.
const BEFORE_SCRIPT: &str = include_str!("child_pipeline/before-script.sh");

/// What the jobs of a child pipeline need to know beside their builds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The product.
    pub product: String,
    /// The branch or tag whose tracker records the builds.
    pub reference: String,
    /// The pipeline that claimed the builds.
    pub pipeline: u64,
    /// Which of its lines, where it works on several.
    pub line: Option<String>,
    /// The file of the project that holds the build job.
    pub build_file: BuildFile,
    /// The hidden job that builds one image.
    pub build_job: BuildJob,
    /// The image of the jobs that record; the runner's own where there is none.
    pub image: Option<String>,
    /// The tags of their runners.
    pub tags: Vec<String>,
    /// Variables of the build's dotenv report that the tracker keeps.
    pub notes: Vec<NoteName>,
    /// Where a job without `AMI_SCHEDULER_WASM` fetches the module from.
    pub module_url: Option<Url>,
    /// The checksum of the module.
    pub module_sha256: Option<Checksum>,
}

/// A file of the project, as `include: local` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFile(String);

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
    /// GitLab would refuse the name of a job.
    #[error("the job {0:?} would have a name of more than {MAX_JOB_NAME} characters, which GitLab does not take")]
    JobName(String),
}

impl std::str::FromStr for BuildFile {
    type Err = ChildPipelineError;

    fn from_str(text: &str) -> Result<Self, ChildPipelineError> {
        let path = text.trim_start_matches('/');
        let inside = !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        let yaml = path.ends_with(".yml") || path.ends_with(".yaml");
        let plain = !path.chars().any(|c| c.is_control() || "$*?\"\\".contains(c));
        if inside && yaml && plain {
            Ok(Self(path.to_owned()))
        } else {
            Err(ChildPipelineError::BuildFile(text.to_owned()))
        }
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

impl fmt::Display for NoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The configuration of the child pipeline. It is never empty: GitLab takes an empty child pipeline
/// for a failure, so where there is nothing to build, one job says so. Without a tracker, the builds are
/// not recorded.
pub fn render(
    settings: &Settings,
    tracker: Option<&TrackerName>,
    builds: &[Planned],
) -> Result<String, ChildPipelineError> {
    let mut yaml = header(settings, builds);
    if builds.is_empty() {
        push_base_job(&mut yaml, settings);
        push_nothing_to_build(&mut yaml, settings);
        return Ok(yaml);
    }
    if let Some(tracker) = tracker {
        push_base_job(&mut yaml, settings);
        push_before_script(&mut yaml, settings);
        push_recording_jobs(&mut yaml, settings, tracker);
    }
    for build in builds {
        push_build(&mut yaml, settings, build)?;
        if tracker.is_some() {
            push_update(&mut yaml, build)?;
        }
    }
    Ok(yaml)
}

fn header(settings: &Settings, builds: &[Planned]) -> String {
    let mut yaml = format!(
        "# Made by ami-scheduler {} in pipeline {}. Builds of {}: {}.\n",
        env!("CARGO_PKG_VERSION"),
        settings.pipeline,
        settings.product,
        builds.len(),
    );
    if !builds.is_empty() {
        let file = quoted(&format!("/{}", settings.build_file.0));
        let _ = write!(yaml, "\ninclude:\n  - local: {file}\n\nstages: [build, update, settle]\n");
    }
    // A push to the branch is no reason to break off a night's builds, nor are rules that the build
    // file may have for pipelines of its own.
    yaml.push_str("\nworkflow:\n  auto_cancel: {on_new_commit: none}\n  rules:\n    - when: always\n");
    yaml
}

/// What the jobs have in common that are not the team's.
fn push_base_job(yaml: &mut String, settings: &Settings) {
    // The job's own folder holds nothing that the module need not see.
    yaml.push_str("\n.ami-scheduler:\n");
    if let Some(image) = &settings.image {
        let _ = writeln!(yaml, "  image: {}", quoted(image));
    }
    if !settings.tags.is_empty() {
        let _ = writeln!(yaml, "  tags: {}", quoted_list(&settings.tags));
    }
    yaml.push_str("  inherit: {default: false, variables: false}\n  variables:\n    GIT_STRATEGY: none\n");
}

fn push_before_script(yaml: &mut String, settings: &Settings) {
    let url = settings.module_url.as_ref().map(Url::as_str).unwrap_or_default();
    let sha256 = settings.module_sha256.as_ref().and_then(Checksum::sha256).unwrap_or_default();
    let script = BEFORE_SCRIPT.trim_end().replace('\n', "\n      ");
    let _ = write!(
        yaml,
        "    AMI_SCHEDULER_MODULE_URL: {}\n    AMI_SCHEDULER_MODULE_SHA256: {}\n  before_script:\n    - |-\n      {script}\n",
        // GitLab expands variables in the value of a variable.
        quoted(&url.replace('$', "%24")),
        quoted(sha256),
    );
}

fn push_nothing_to_build(yaml: &mut String, settings: &Settings) {
    let message = format!("Nothing to build of {}: the log of the diff job says why.", settings.product);
    let script = quoted(&format!("echo {}", shell_word(&message)));
    let _ = write!(yaml, "\nnothing-to-build:\n  extends: .ami-scheduler\n  script:\n    - {script}\n");
}

/// What records the outcome of builds: a hidden job that each update job extends, and settle.
fn push_recording_jobs(yaml: &mut String, settings: &Settings, tracker: &TrackerName) {
    let reference = shell_word(&settings.reference);
    let notes = repeated("--note", &settings.notes);
    let update = module_call(
        &settings.notes,
        &format!(
            "update --tracker gitlab --ref={reference} --package \"$AMI_SCHEDULER_PACKAGE\" --target \"$AMI_SCHEDULER_TARGET\" --junit junit.xml{notes}"
        ),
    );
    let line = settings.line.as_ref().map(|line| format!(" --line={}", shell_word(line))).unwrap_or_default();
    let settle = module_call(
        &[],
        &format!(
            "settle --tracker gitlab --ref={reference} --product {} --pipeline {}{line} --junit junit.xml",
            shell_word(&settings.product),
            settings.pipeline
        ),
    );
    // The lock saves needless merges; correctness does not rest on it. Its name differs from that
    // of the parent's diff job: a trigger job that holds what its child waits for never ends.
    let lock = quoted(&tracker.to_string());
    let _ = write!(
        yaml,
        "
.ami-scheduler-update:
  extends: .ami-scheduler
  stage: update
  resource_group: {lock}
  retry: 2
  script:
    - {update}
  artifacts: {JUNIT}

settle:
  extends: .ami-scheduler
  stage: settle
  when: on_failure
  resource_group: {lock}
  retry: 2
  script:
    - {settle}
  artifacts: {JUNIT}
",
        update = quoted(&update),
        settle = quoted(&settle),
    );
}

/// The shell command that runs the module, which sees one folder and the variables named here.
fn module_call(notes: &[NoteName], arguments: &str) -> String {
    let variables = [
        "CI_API_V4_URL",
        "CI_PROJECT_ID",
        "CI_JOB_TOKEN",
        "AMI_SCHEDULER_TOKEN",
        "CI_JOB_URL",
        "CI_PIPELINE_ID",
        "CI_PIPELINE_URL",
    ];
    let environment = repeated("--env", &variables) + &repeated("--env", notes);
    format!(
        "wasmtime run ${{AMI_SCHEDULER_PRECOMPILED:+--allow-precompiled}} --wasi http --wasi cli-exit-with-code --dir .ami-scheduler::. $ami_scheduler_network{environment} \"$AMI_SCHEDULER_WASM\" {arguments}"
    )
}

/// A flag before each of its values, with a space before each flag.
fn repeated(flag: &str, values: &[impl fmt::Display]) -> String {
    values.iter().fold(String::new(), |mut text, value| {
        let _ = write!(text, " {flag} {value}");
        text
    })
}

fn push_build(yaml: &mut String, settings: &Settings, build: &Planned) -> Result<(), ChildPipelineError> {
    let nevra = &build.package.package;
    let evr = nevra.evr();
    let sha256 = build.package.checksum.as_ref().and_then(|checksum| checksum.sha256()).unwrap_or_default();
    let variables = [
        ("PRODUCT", settings.product.as_str()),
        ("VERSION", &evr.version),
        ("RELEASE", &evr.release),
        ("EPOCH", &evr.epoch.to_string()),
        ("ARCH", nevra.arch()),
        ("PACKAGE", &nevra.to_string()),
        ("PACKAGE_URL", &build.package.url),
        ("PACKAGE_SHA256", sha256),
        ("TARGET", build.target.as_str()),
    ];
    // The team's rules are about its own pipelines; what was claimed has to run. A failure that were
    // allowed would count as a success where the update job needs it.
    let _ = write!(
        yaml,
        "\n{}:\n  extends: {}\n  stage: build\n  rules:\n    - when: on_success\n  allow_failure: false\n  variables:\n",
        quoted(&short_enough(jobs::build_name(nevra, &build.target))?),
        quoted(&settings.build_job.0),
    );
    for (name, value) in variables {
        let _ = writeln!(yaml, "    {name}: {}", not_expanded(value));
    }
    Ok(())
}

fn push_update(yaml: &mut String, build: &Planned) -> Result<(), ChildPipelineError> {
    let Planned { package: Package { package, .. }, target, .. } = build;
    let _ = write!(
        yaml,
        "\n{}:\n  extends: .ami-scheduler-update\n  needs:\n    - job: {}\n      artifacts: true\n  variables:\n    AMI_SCHEDULER_PACKAGE: {}\n    AMI_SCHEDULER_TARGET: {}\n",
        quoted(&short_enough(jobs::update_name(package, target))?),
        quoted(&short_enough(jobs::build_name(package, target))?),
        not_expanded(&package.to_string()),
        not_expanded(target.as_str()),
    );
    Ok(())
}

fn short_enough(name: String) -> Result<String, ChildPipelineError> {
    if name.chars().count() > MAX_JOB_NAME { Err(ChildPipelineError::JobName(name)) } else { Ok(name) }
}

/// A value as a double-quoted YAML scalar: JSON's strings are YAML's, but for some characters that
/// YAML wants escaped, the C1 controls among them.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{2028}'..='\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The value of a variable that a repository or a person outside of the project may have written. GitLab
/// expands `$NAME`, `${NAME}` and `%NAME%` in values of variables, secrets among them, unless it is told not to.
fn not_expanded(value: &str) -> String {
    format!("{{value: {}, expand: false}}", quoted(value))
}

fn quoted_list(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("[{}]", values.join(", "))
}

/// A value as one word of a POSIX shell; a NUL, which no word can hold, is left out.
fn shell_word(value: &str) -> String {
    let value = value.replace('\0', "");
    shlex::try_quote(&value).map_or_else(|_| String::from("''"), std::borrow::Cow::into_owned)
}
