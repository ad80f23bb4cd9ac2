use std::cell::LazyCell;
use std::path::PathBuf;

use ami_scheduler::child_pipeline::jobs::{Job, failed_job_url, never_began};
use ami_scheduler::release::BuildKey;
use ami_scheduler::report::junit::Case;
use ami_scheduler::text::printable;
use ami_scheduler::tracker::heads::{Tracker, read_all};
use ami_scheduler::tracker::{Origin, TrackerName};
use clap::Args;

use crate::args::values::{pipeline, product};
use crate::args::{LaneArgs, TrackerArgs, TrackerPlace};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{remove_earlier, write_junit};
use crate::session::{Session, project};
use crate::trackers::no_tracker;

const EXAMPLES: &str = "Examples:
  After a pipeline in which builds failed:
    $ ami-scheduler settle --tracker tracker --ref main --pipeline 4711

  The same for one product, in the project's Secure Files:
    $ ami-scheduler settle --tracker gitlab --ref main --product gitlab-runner \\
        --pipeline 4711";

/// Records a failed attempt for every build that a pipeline claimed and did not finish
///
/// It is the last job of the child pipeline, after something failed. A claim is given back, and is no attempt, where
/// GitLab says that the job of the build never began.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Settle {
    #[command(flatten)]
    tracker: TrackerArgs,
    /// Only the tracker of this product
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: Option<String>,
    /// The pipeline that claimed the builds: the one whose diff job ran
    #[arg(long, value_name = "ID", value_parser = pipeline)]
    pipeline: u64,
    /// Where a person sees the pipeline that failed
    #[arg(long, value_name = "URL", env = "CI_PIPELINE_URL")]
    pipeline_url: Option<String>,
    /// The pipeline whose jobs build: the child pipeline, which this job runs in
    ///
    /// With --tracker gitlab, each failure is recorded with the URL of its job, which GitLab is asked for.
    /// Without this option, or where the jobs cannot be read, it is the URL of the pipeline.
    #[arg(long, value_name = "ID", env = "CI_PIPELINE_ID", value_parser = pipeline)]
    build_pipeline: Option<u64>,
    /// Give back every claim that is open, as no attempt: the child pipeline could not be created
    #[arg(long)]
    give_back: bool,
    #[command(flatten)]
    lane: LaneArgs,
    /// Where to write the failed builds as a JUnit report, for GitLab's Tests tab; without it, nowhere
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Settle {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        remove_earlier(self.junit.as_deref())?;
        let store = session.store(&self.tracker.place)?;
        let reference = &self.tracker.reference;
        let products = match &self.product {
            Some(product) => vec![product.clone()],
            None => read_all(store.as_ref(), |name: &TrackerName| name.is_of_ref(reference))
                .with_exit(Exit::Tracker)?
                .iter()
                .map(|document| document.product().to_owned())
                .collect(),
        };
        let origin = Origin {
            pipeline: self.pipeline,
            pipeline_url: self.pipeline_url,
            job_url: None,
            lane: self.lane.into_lane(),
        };
        let jobs = LazyCell::new(|| jobs(&self.tracker.place, self.build_pipeline, session));
        let mut cases = Vec::new();
        let mut is_tracked = false;
        for product in products {
            let tracker = Tracker::new(store.as_ref(), &product, reference).with_exit(Exit::Tracker)?;
            let heads = tracker.read().with_exit(Exit::Tracker)?;
            let Some(mut document) = heads.document.clone() else { continue };
            let now = session.now();
            is_tracked = true;
            let is_given_back = |build: &BuildKey| self.give_back || never_began(build, &jobs);
            let given_back = document.give_back(self.pipeline, origin.lane.as_deref(), now, is_given_back);
            let failed =
                document.settle(self.pipeline, now, &origin, |build| failed_job_url(build, &jobs).map(str::to_owned));
            tracker.write_outcomes(&heads, &document).with_exit(Exit::Tracker)?;
            for build in &given_back {
                cases.extend(Case::recorded(build, &document, None));
                output!("Given back: {} {}: it never began, and that is no attempt", build.package, build.target);
            }
            for build in &failed {
                let Some(entry) = document.get(build) else { continue };
                cases.extend(Case::recorded(build, &document, None));
                let job = entry.origin.job_url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
                output!("Recorded as failed: {} {} (attempt {}){job}", build.package, build.target, entry.attempts());
            }
        }
        write_junit(self.junit.as_deref(), reference, session.now(), &cases)?;
        if !is_tracked {
            output!("Nothing to settle: {}", no_tracker(store.as_ref(), self.product.as_deref(), reference));
        } else if cases.is_empty() {
            output!("Pipeline {} has no open claim on {}.", self.pipeline, printable(reference));
        }
        Ok(())
    }
}

/// The jobs of the pipeline that failed. That builds failed is recorded without them, too.
fn jobs(tracker: &TrackerPlace, pipeline: Option<u64>, session: &Session) -> Vec<Job> {
    let (TrackerPlace::Gitlab, Some(pipeline)) = (tracker, pipeline) else { return Vec::new() };
    let read = || project()?.jobs(&session.client()?, pipeline).with_exit(Exit::Tracker);
    read().unwrap_or_else(|Failure { error, .. }| {
        message!(
            "The jobs of pipeline {pipeline} could not be read, so that each failure is recorded with the URL of the pipeline in place of its job's: {error:#}"
        );
        Vec::new()
    })
}
