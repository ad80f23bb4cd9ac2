use ami_scheduler::tracker::Origin;
use clap::Args;

use super::values::{lane, pipeline};

/// The pipeline that acts; in a job, GitLab's own variables say it.
#[derive(Debug, Args)]
pub struct OriginArgs {
    /// The id of the pipeline that acts; 0 stands for a run outside of GitLab
    #[arg(long, value_name = "ID", default_value = "0", env = "CI_PIPELINE_ID", value_parser = pipeline)]
    pipeline: u64,
    /// Where a person sees the pipeline
    #[arg(long, value_name = "URL", env = "CI_PIPELINE_URL")]
    pipeline_url: Option<String>,
    /// Where a person sees the job
    #[arg(long, value_name = "URL", env = "CI_JOB_URL")]
    job_url: Option<String>,
}

impl From<OriginArgs> for Origin {
    fn from(args: OriginArgs) -> Self {
        Self { pipeline: args.pipeline, pipeline_url: args.pipeline_url, job_url: args.job_url, lane: None }
    }
}

/// The lane: one include of the component among several in a pipeline.
#[derive(Debug, Args)]
pub struct LaneArgs {
    /// Which lane this is, where a pipeline has several of one product
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, value_parser = lane)]
    lane: String,
}

impl LaneArgs {
    pub fn name(&self) -> &str {
        &self.lane
    }

    pub fn into_lane(self) -> Option<String> {
        Some(self.lane).filter(|lane| !lane.is_empty())
    }
}
