//! The jobs of a pipeline.

use ami_scheduler::child_pipeline::jobs::Job;
use anyhow::{Context as _, bail};

use super::Project;
use crate::http::{Client, Method, Request};

/// The most bytes of a page of jobs: each has some 3 kB, and the message of a commit.
const MAX_JOBS: u64 = 16 << 20;
/// The most jobs that GitLab puts on one page.
const PAGE: usize = 100;
/// The most pages that are read: no pipeline of GitLab.com has half as many jobs.
const MAX_PAGES: u32 = 50;

impl Project {
    /// The jobs of a pipeline that failed or were cancelled; of those that were retried, the last run.
    ///
    /// <https://docs.gitlab.com/api/jobs/>
    pub fn failed_jobs(&self, client: &Client, pipeline: u64) -> anyhow::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!(
                "pipelines/{pipeline}/jobs?scope%5B%5D=failed&scope%5B%5D=canceled&per_page={PAGE}&page={page}"
            );
            // Nothing rests on it: what waits for it is more urgent.
            let request = Request { attempts: 2, ..self.request(Method::Get, &path)? };
            let answer = client.fetch(&request, MAX_JOBS)?;
            if answer.status != 200 {
                let (token, _) = self.token.in_words();
                bail!("GitLab answered {} to {token}: {}", answer.status, answer.excerpt());
            }
            let some: Vec<Job> = serde_json::from_slice(&answer.body)
                .context("GitLab's list of jobs is not the JSON that was expected")?;
            let is_last = some.len() < PAGE;
            jobs.extend(some);
            if is_last {
                break;
            }
        }
        Ok(jobs)
    }
}
