//! Fills in the child pipeline.
//!
//! The text is static: GitLab expands no variables in the `include` of a generated configuration, and every
//! value is a quoted YAML string, which no YAML parser takes for a number, a date or a structure.

use askama::Template;
use url::Url;

use super::jobs::{build_name, record_name, test_name, update_name};
use super::settings::{ChildPipelineError, MAX_JOB_NAME, Settings};
use crate::artifacts::ToTell;
use crate::plan::Planned;
use crate::release::{Checksum, Nevra, Target};
use crate::tracker::{Claim, TrackerName};

/// The first steps of a job that records: word for word those of the component's own jobs.
const BEFORE_SCRIPT: &str = include_str!("before-script.sh");

#[derive(Template)]
#[template(path = "child-pipeline.yml")]
struct ChildPipeline<'a> {
    version: &'a str,
    settings: &'a Settings,
    lane: &'a str,
    module_url: &'a str,
    module_sha256: &'a str,
    /// A JSON array: it has no character that ends a single-quoted YAML scalar.
    notes: String,
    /// The same of the manifests.
    manifests: String,
    before_script: String,
    tracker: Option<&'a TrackerName>,
    builds: Vec<BuildJobs<'a>>,
    /// None where nothing is to be told.
    told: Option<Told>,
}

/// What is handed on to be told, as JSON.
struct Told {
    alarms: String,
    paused: String,
}

/// The jobs of one build.
struct BuildJobs<'a> {
    job: String,
    record_job: String,
    test_job: String,
    update_job: String,
    package: &'a Nevra,
    target: &'a Target,
    claim: &'a Claim,
    variables: Vec<(String, String)>,
}

/// The configuration of the child pipeline. It is never empty: GitLab takes an empty child pipeline
/// for a failure, so where there is nothing to build, one job says so. Without a tracker, the builds are
/// not recorded, and nothing is handed on or told of them. An error where GitLab would refuse the name of a job, or their number.
pub fn render(
    settings: &Settings,
    tracker: Option<&TrackerName>,
    builds: &[Planned],
    to_tell: &ToTell,
) -> Result<String, ChildPipelineError> {
    if builds.len() > settings.most_builds() as usize {
        return Err(ChildPipelineError::TooManyBuilds(builds.len(), settings.most_builds()));
    }
    let notes: Vec<String> = settings.notes.iter().map(ToString::to_string).collect();
    let manifests: Vec<String> = settings.manifests.iter().map(ToString::to_string).collect();
    let is_quiet = builds.is_empty() && to_tell.alarms.is_empty();
    let is_told = tracker.is_some() && settings.hooks.any() && (!is_quiet || settings.hooks.quiet_nights);
    let told = is_told.then(|| Told {
        alarms: serde_json::json!(to_tell.alarms).to_string(),
        paused: serde_json::json!(to_tell.paused).to_string(),
    });
    let child_pipeline = ChildPipeline {
        version: env!("CARGO_PKG_VERSION"),
        settings,
        lane: settings.lane.as_deref().unwrap_or_default(),
        module_url: settings.module_url.as_ref().map(Url::as_str).unwrap_or_default(),
        module_sha256: settings.module_sha256.as_ref().and_then(Checksum::sha256).unwrap_or("none"),
        notes: serde_json::json!(notes).to_string(),
        manifests: serde_json::json!(manifests).to_string(),
        before_script: BEFORE_SCRIPT.trim_end().replace('\n', "\n      "),
        tracker,
        builds: builds.iter().map(|build| BuildJobs::new(settings, build)).collect::<Result<_, _>>()?,
        told,
    };
    let yaml = child_pipeline.render().map_err(|error| ChildPipelineError::Template(error.to_string()))?;
    Ok(yaml.trim_end().to_owned() + "\n")
}

impl<'a> BuildJobs<'a> {
    fn new(settings: &Settings, build: &'a Planned) -> Result<Self, ChildPipelineError> {
        let (nevra, target) = (&build.package.nevra, &build.target);
        let evr = nevra.evr();
        let sha256 = build.package.checksum.as_ref().and_then(Checksum::sha256).unwrap_or_default();
        let of_package = [
            ("PRODUCT", settings.product.clone()),
            ("VERSION", evr.version.clone()),
            ("RELEASE", evr.release.clone()),
            ("EPOCH", evr.epoch.to_string()),
            ("ARCH", nevra.arch().to_owned()),
            ("PACKAGE", nevra.to_string()),
            ("PACKAGE_URL", build.package.url.clone()),
            ("PACKAGE_SHA256", sha256.to_owned()),
            ("TARGET", target.to_string()),
        ];
        let of_package = of_package.map(|(name, value)| (name.to_owned(), value));
        let ingredients = build
            .ingredients
            .iter()
            .map(|(name, value)| (format!("INGREDIENT_{}", name.as_str().to_ascii_uppercase()), value.to_string()));
        Ok(Self {
            job: short_enough(build_name(nevra, target))?,
            record_job: short_enough(record_name(nevra, target))?,
            test_job: short_enough(test_name(nevra, target))?,
            update_job: short_enough(update_name(nevra, target))?,
            package: nevra,
            target,
            claim: &build.claim,
            variables: of_package.into_iter().chain(ingredients).collect(),
        })
    }
}

fn short_enough(name: String) -> Result<String, ChildPipelineError> {
    if name.chars().count() > MAX_JOB_NAME { Err(ChildPipelineError::JobName(name)) } else { Ok(name) }
}
