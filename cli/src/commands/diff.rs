use std::path::{Path, PathBuf};

use ami_scheduler::alarm::Alarm;
use ami_scheduler::artifacts::{Builds, Run, ToTell};
use ami_scheduler::child_pipeline::{
    BuildFile, BuildJob, Hooks, ManifestFile, NoteName, Settings, fewest_jobs, most_builds, render,
};
use ami_scheduler::plan::compare::Earlier;
use ami_scheduler::redacted::given_url;
use ami_scheduler::release::{BuildKey, Checksum, Target};
use ami_scheduler::report::{self, junit, markdown};
use ami_scheduler::tracker::{Origin, TrackerName};
use anyhow::{Context as _, anyhow, bail};
use clap::{ArgAction, Args};
use url::Url;

use crate::adoption::Adopts;
use crate::args::lists::ListOf;
use crate::args::targets::{TargetArg, stated};
use crate::args::values::{Guard, guard, switch};
use crate::args::{AlarmArgs, HookArgs, IngredientArgs, LaneArgs, MatcherArgs, OriginArgs, RuleArgs, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _, fail_on, raised, stopped};
use crate::files::{read_packages, remove_earlier, write, write_json, write_junit};
use crate::gitlab::ComponentJob;
use crate::night::{Night, Request, each_once, earlier};
use crate::session::{Session, project};

const EXAMPLES: &str = "Examples:
  What is to be built on two base systems, with a tracker in a directory:
    $ mkdir -p tracker
    $ ami-scheduler diff --targets al2023,rhel9 --tracker tracker --ref main \\
        --build-file ci/build-ami.yml

  As the job of the component does it, with reports for people and for GitLab:
    $ ami-scheduler diff --targets '[\"al2023\", \"rhel9\"]' --tracker gitlab \\
        --ref main --build-file ci/build-ami.yml --notes AMI_ID \\
        --markdown builds.md --junit junit.xml

  A version by hand, on one target, and recorded in the tracker:
    $ ami-scheduler diff --packages by-hand.json --targets al2023,rhel9 \\
        --only-targets rhel9 --record --by mary --tracker tracker --ref main \\
        --build-file ci/build-ami.yml

  The whole history of a target that is new, five builds a run:
    $ ami-scheduler diff --targets al2023,rhel9,rocky9 --tracker tracker \\
        --ref main --build-file ci/build-ami.yml --first-run all --max-builds 5";

/// Decides what to build, claims it in the tracker, and writes the child pipeline that builds it
///
/// Every release x target is built once: what is built, skipped, held by another pipeline or given
/// up is left alone, and the log says why. Nothing to build is no error.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Diff {
    /// The releases, as list wrote them
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    packages: PathBuf,
    /// What images are built on: al2023,rhel9, or a JSON array
    ///
    /// A target can state the architecture of its packages: al2023,al2023-arm64=aarch64 builds from a repository of
    /// several only what fits. Without it, each release is built in every architecture that it has.
    #[arg(long, value_name = "LIST")]
    targets: ListOf<TargetArg>,
    #[command(flatten)]
    tracker: TrackerArgs,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    ingredients: IngredientArgs,
    /// Only these of the targets; without it, all
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    only_targets: ListOf<Target>,
    /// Claim and record the version that list was asked for by --version; without this, it is built all the same
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    record: bool,
    /// Decide and write builds.json, but claim and record nothing; the child pipeline builds nothing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    dry_run: bool,
    /// The builds.json of an earlier run, a file or gitlab: a dry run tells what these rules add to it and drop
    ///
    /// gitlab stands for the artifact that the job diff of the last run on this ref has left, where it has one.
    #[arg(long, value_name = "gitlab|FILE")]
    compare: Option<PathBuf>,
    /// The folder with the JSON of `aws ec2 describe-images`, a file for each region, named after it: what there is an
    /// image of, and nobody has tried to build, counts as built
    #[arg(long, value_name = "FOLDER")]
    adopt: Option<PathBuf>,
    #[command(flatten)]
    matcher: MatcherArgs,
    /// Who asks for a version by hand
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN")]
    by: Option<String>,
    #[command(flatten)]
    alarms: AlarmArgs,
    /// The file of the project that holds the build job
    #[arg(long, value_name = "PATH")]
    build_file: BuildFile,
    /// The hidden job that builds one image
    #[arg(long, value_name = "JOB", default_value = ".build-ami")]
    build_job: BuildJob,
    /// The hidden job that tests an image, which counts only once that has passed; none to do without
    #[arg(long, value_name = "JOB|none", value_parser = test_job)]
    test_job: Option<Guard<BuildJob>>,
    #[command(flatten)]
    hooks: HookArgs,
    /// How many jobs a pipeline of your GitLab may have: fewer builds are begun in one run, if that takes it; 0 for no limit
    #[arg(long, value_name = "N", default_value = "0")]
    max_jobs: u32,
    /// The manifest that Packer writes in the build job, such as manifest.json, or several; none is expected without it
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    manifest: ListOf<ManifestFile>,
    /// Variables of the build's dotenv report that the tracker keeps, such as AMI_ID
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    notes: ListOf<NoteName>,
    /// The image of the jobs that record; without it, the runner's own
    #[arg(long, value_name = "IMAGE", env = "AMI_SCHEDULER_JOB_IMAGE")]
    image: Option<String>,
    /// The tags of the runners of the jobs that record
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    tags: ListOf<String>,
    /// Where the jobs that record fetch the module from, if their runner has none
    #[arg(long, value_name = "URL", value_parser = module_url)]
    module_url: Option<Url>,
    /// The sha256 of the module, which these jobs verify; none to do without
    #[arg(long, value_name = "DIGITS|none", value_parser = module_sha256)]
    module_sha256: Option<Guard<Checksum>>,
    /// Where to write what is built and why, and what is not and why not
    #[arg(long, value_name = "FILE", default_value = "builds.json")]
    builds: PathBuf,
    /// Where to write the child pipeline
    #[arg(long, value_name = "FILE", default_value = "child-pipeline.yml")]
    child_pipeline: PathBuf,
    /// Where to write the same as Markdown, for people; without it, nowhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Where to write the same as a JUnit report, for GitLab's Tests tab; without it, nowhere
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    lane: LaneArgs,
}

/// Where the component's job diff leaves what it decided.
const ARTIFACT: &str = ".ami-scheduler/builds.json";
fn module_url(text: &str) -> Result<Url, String> {
    let url = given_url(text).map_err(|error| format!("it {error}"))?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        // The child pipeline is an artifact, which whoever reads the project can read.
        Err("it has a user or password, which would stand in the child pipeline: the job token is sent along"
            .to_owned())
    }
}

fn module_sha256(text: &str) -> Result<Guard<Checksum>, String> {
    let digits: Guard<String> = guard(text, "a checksum of the module")?;
    let checksum = digits.0.map(|digits| format!("sha256:{digits}").parse()).transpose();
    checksum.map(Guard).map_err(|error: ami_scheduler::release::ChecksumError| error.to_string())
}

fn test_job(text: &str) -> Result<Guard<BuildJob>, String> {
    guard(text, "a test of each image")
}

/// How many builds a child pipeline has room for.
fn room_for_builds(has_test: bool, hooks: &Hooks, max_jobs: u32) -> Result<u32, Failure> {
    let builds = most_builds(has_test, hooks, max_jobs);
    if builds > 0 {
        return Ok(builds);
    }
    let least = fewest_jobs(has_test, hooks);
    Err(anyhow!("--max-jobs {max_jobs} (input max_jobs) is too few: a child pipeline with one build has {least} jobs"))
        .with_exit(Exit::CommandLine)
}

impl Diff {
    /// Where a build tells of its image: manifests, and the names of notes.
    fn expected(&self) -> Vec<String> {
        let manifests = self.manifest.0.iter().map(ToString::to_string);
        manifests.chain(self.notes.0.iter().map(ToString::to_string)).collect()
    }

    pub fn run(self, session: &Session) -> Result<(), Failure> {
        // An earlier run may be where this one writes.
        let (compared, expected) = (self.earlier(), self.expected());
        remove_earlier(self.results())?;
        self.refuse_contradictions().with_exit(Exit::CommandLine)?;
        let targets = each_once(stated(self.targets.clone())).with_exit(Exit::CommandLine)?;
        let packages = read_packages(&self.packages)?;
        let compared = match compared? {
            None if self.compare.as_deref().is_some_and(is_gitlab) => self.last_run(session, &packages.product)?,
            compared => compared,
        };
        let module_sha256 = self.module_sha256.clone().and_then(|sha256| sha256.0);
        let test_job = self.test_job.clone().and_then(|job| job.0);
        let results = self.results().map(Path::to_owned).collect::<Vec<_>>();
        let origin = Origin { lane: self.lane.into_lane(), ..Origin::from(self.origin) };
        let request = Request {
            targets,
            only_targets: self.only_targets.0,
            record: self.record,
            by: self.by.filter(|by| !by.is_empty()),
            adopts: self.adopt.as_deref().map(|folder| Adopts { folder, matcher: &self.matcher }),
            ingredients: self.ingredients.source(self.compare.is_some(), compared.as_ref()),
        };
        let hooks = self.hooks.into_hooks();
        let rules = self.rules.with_at_most(room_for_builds(test_job.is_some(), &hooks, self.max_jobs)?);
        let mut night = Night::make(session, packages, request, &self.tracker, rules, origin)?;
        let now = night.now;
        let alarms = night.alarms(&self.alarms.limits(), &expected);
        let stop = raised(&self.alarms.stop_on.0, &alarms);
        let records_nothing = self.dry_run || !stop.is_empty();
        let packages = &night.packages;
        let (product, reference) = (packages.product.as_str(), self.tracker.reference.as_str());
        let settings = Settings {
            product: product.to_owned(),
            reference: reference.to_owned(),
            pipeline: night.origin.pipeline,
            lane: night.origin.lane.clone(),
            build_file: self.build_file,
            build_job: self.build_job,
            test_job,
            hooks,
            max_jobs: self.max_jobs,
            max_attempts: night.rules.max_attempts,
            image: self.image,
            tags: self.tags.0,
            manifests: self.manifest.0,
            notes: self.notes.0,
            module_url: self.module_url,
            module_sha256,
        };
        // Claims that no child pipeline comes from would hold builds back: what can fail comes first, and
        // what was not claimed is not left for anybody to build.
        let name = TrackerName::new(product, reference).with_exit(Exit::Tracker)?;
        let recorded = night.is_recorded();
        let child_pipeline =
            render(&settings, recorded.then_some(&name), &night.plan.builds, &ToTell::of(&night.plan, &alarms))
                .with_exit(Exit::Repository)?;
        let (pipeline, ingredients) = (settings.pipeline, &night.ingredients);
        let run = Run { reference, pipeline, decided_at: now, dry_run: records_nothing, recorded, ingredients };
        let builds = Builds::new(packages, &night.plan, &alarms, run);
        let text = report::plan(packages, reference, &night.plan, &alarms, &night.context());
        let files = (self.markdown.as_deref(), self.junit.as_deref());
        let reports = || write_reports(files, &night, reference, &alarms);
        if records_nothing {
            write_json(&self.builds, &builds)?;
            write_nothing_to_build(&self.child_pipeline, &settings)?;
            reports()?;
            night.adopted.iter().for_each(|told| output!("{told}"));
            if !stop.is_empty() {
                output!("{}", text.trim_end());
                return Err(stopped(&stop));
            }
            output!("{}\n\nA dry run: nothing is claimed or recorded.", text.trim_end());
            if let Some(earlier) = compared {
                output!("{}", night.compare(&earlier).trim_end());
            }
            return fail_on(&self.alarms.fail_on.0, &alarms);
        }
        let done = write_json(&self.builds, &builds)
            .and_then(|()| write(&self.child_pipeline, child_pipeline.as_bytes()))
            .and_then(|()| reports())
            .map_err(Failure::from)
            .and_then(|()| night.record());
        if done.is_err() {
            // The error that counts is the first.
            let _ = remove_earlier(results.iter().map(PathBuf::as_path));
        }
        done?;
        tell_other_changes(&night);
        output!("{}", text.trim_end());
        if !recorded {
            output!(
                "\nThe tracker was neither read nor written: --record (input record, variable AMI_SCHEDULER_RECORD) changes both."
            );
        } else if let (Some(version), []) = (packages.policy.versions.asked_for(), night.plan.builds.as_slice()) {
            output!(
                "\n{version} is not built now, for the reasons above. Was the pipeline that holds it cancelled? Then \
                 `rebuild` ends its claim. Without a record it can be built in any case."
            );
        }
        fail_on(&self.alarms.fail_on.0, &alarms)
    }

    fn refuse_contradictions(&self) -> anyhow::Result<()> {
        if self.compare.is_some() && !self.dry_run {
            bail!("--compare is for a dry run alone: give --dry-run, or leave it out");
        }
        if self.module_url.is_some() && self.module_sha256.as_ref().is_none_or(|sha256| sha256.0.is_none()) {
            bail!("--module-url needs --module-sha256: what is fetched is verified");
        }
        Ok(())
    }

    /// The run that this one is compared with, where that is a file.
    fn earlier(&self) -> Result<Option<Earlier>, Failure> {
        let file = self.compare.as_deref().filter(|place| self.dry_run && !is_gitlab(place));
        file.map(earlier).transpose()
    }

    /// The last run on a ref, by the artifact of its job. A plan is worth showing without it.
    fn last_run(&self, session: &Session, product: &str) -> Result<Option<Earlier>, Failure> {
        let (reference, job) = (&self.tracker.reference, ComponentJob::Diff.name(self.lane.name(), product));
        let artifact = project()?.last_artifact(&session.client()?, reference, &job, ARTIFACT);
        let read = |json: Vec<u8>| Earlier::from_json(&json).context("it is not the builds.json that diff writes");
        match artifact.and_then(|json| json.map(read).transpose()) {
            Ok(Some(run)) => return Ok(Some(run)),
            Ok(None) => message!("There is no artifact of the last run on {reference} to compare with."),
            Err(error) => message!("The artifact of the last run on {reference} is not compared with: {error:#}"),
        }
        Ok(None)
    }

    /// The files that this writes.
    fn results(&self) -> impl Iterator<Item = &Path> {
        let reports = self.markdown.iter().chain(&self.junit);
        [&self.builds, &self.child_pipeline].into_iter().chain(reports).map(PathBuf::as_path)
    }
}

/// Writes the child pipeline of a run that claims nothing. What is not claimed is not built: a pipeline that is triggered by
/// it says so, and ends well.
fn write_nothing_to_build(file: &Path, settings: &Settings) -> Result<(), Failure> {
    let nothing = render(settings, None, &[], &ToTell::default()).with_exit(Exit::Repository)?;
    Ok(write(file, nothing.as_bytes())?)
}

/// Writes a plan as Markdown and as a `JUnit` report, where they are asked for.
fn write_reports(
    (markdown, junit): (Option<&Path>, Option<&Path>),
    night: &Night,
    reference: &str,
    alarms: &[Alarm],
) -> anyhow::Result<()> {
    let Night { packages, plan, now, .. } = night;
    if let Some(file) = markdown {
        write(file, markdown::plan(&packages.product, reference, *now, plan, alarms).as_bytes())?;
    }
    if junit.is_some() {
        write_junit(junit, reference, *now, &junit::cases(plan, alarms))?;
    }
    Ok(())
}

/// Tells what a run changes beside its own builds.
fn tell_other_changes(night: &Night) {
    for BuildKey { package, target } in &night.given_back {
        output!("Given back, since the pipeline that had claimed it was cancelled: {package} {target}");
    }
    if let Some(taken_over) = &night.taken_over {
        output!("{taken_over}");
    }
    night.adopted.iter().for_each(|told| output!("{told}"));
}

/// Whether the last run's artifact is meant, and no file.
fn is_gitlab(place: &Path) -> bool {
    place == Path::new("gitlab")
}
