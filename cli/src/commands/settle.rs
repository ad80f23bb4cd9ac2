use std::cell::LazyCell;

use ami_scheduler::child_pipeline::jobs::{Job, failed_job_url};
use ami_scheduler::report::junit::Case;
use ami_scheduler::text::printable;
use ami_scheduler::tracker::heads::{Tracker, read_all};
use ami_scheduler::tracker::{Origin, TrackerName};
use jiff::Timestamp;

use crate::cli::{Settle, TrackerPlace};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::write_junit;
use crate::session::{Connect, open_store, project};

pub fn run(args: Settle, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let store = open_store(&args.tracker.tracker, connect)?;
    let reference = &args.tracker.reference;
    let products = match args.product {
        Some(product) => vec![product],
        None => read_all(store.as_ref(), |name: &TrackerName| name.is_of_ref(reference))
            .with_exit(Exit::Tracker)?
            .iter()
            .map(|document| document.product().to_owned())
            .collect(),
    };
    let origin =
        Origin { pipeline: args.pipeline, pipeline_url: args.pipeline_url, job_url: None, lane: args.lane.into_lane() };
    let jobs = LazyCell::new(|| failed_jobs(&args.tracker.tracker, args.build_pipeline, connect));
    let mut cases = Vec::new();
    for product in products {
        let tracker = Tracker::new(store.as_ref(), &product, reference).with_exit(Exit::Tracker)?;
        let heads = tracker.read().with_exit(Exit::Tracker)?;
        let Some(mut document) = heads.document.clone() else { continue };
        let failed =
            document.settle(args.pipeline, now, &origin, |build| failed_job_url(build, &jobs).map(str::to_owned));
        tracker.write(&heads, &document).with_exit(Exit::Tracker)?;
        for build in &failed {
            let Some(entry) = document.get(build) else { continue };
            cases.push(Case::recorded(build, entry, None));
            let job = entry.origin.job_url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
            output!("Recorded as failed: {} {} (attempt {}){job}", build.package, build.target, entry.attempt);
        }
    }
    write_junit(args.junit.as_deref(), reference, now, &cases)?;
    if cases.is_empty() {
        output!("Pipeline {} has no open claim on {}.", args.pipeline, printable(reference));
    }
    Ok(())
}

/// The jobs of the pipeline that failed, for their URLs. That builds failed is recorded without them, too.
fn failed_jobs(tracker: &TrackerPlace, pipeline: Option<u64>, connect: &Connect) -> Vec<Job> {
    let (TrackerPlace::Gitlab, Some(pipeline)) = (tracker, pipeline) else { return Vec::new() };
    let read = || project()?.failed_jobs(&connect.client()?, pipeline).with_exit(Exit::Tracker);
    read().unwrap_or_else(|Failure { error, .. }| {
        message!(
            "The jobs of pipeline {pipeline} could not be read, so that each failure is recorded with the URL of the pipeline in place of its job's: {error:#}"
        );
        Vec::new()
    })
}
