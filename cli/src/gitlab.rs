//! A project of a GitLab instance, and what is asked of its REST API besides its Secure Files.

use ami_scheduler::child_pipeline::jobs::Job;
use anyhow::{Context as _, bail};
use url::Url;

use crate::http::{Client, Method, Request};

/// The most bytes of a page of jobs: each has some 3 kB, and the message of a commit.
const MAX_JOBS: u64 = 16 << 20;
/// The most jobs that GitLab puts on one page.
const PAGE: usize = 100;
/// The most pages that are read: no pipeline of GitLab.com has half as many jobs.
const MAX_PAGES: u32 = 50;

/// Who asks: the header's name and the secret.
#[derive(Clone)]
pub enum Token {
    /// `CI_JOB_TOKEN`: acts as the user who started the pipeline, or owns the schedule.
    Job(String),
    /// `AMI_SCHEDULER_TOKEN`: a project access token.
    Project(String),
}

/// A project of a GitLab instance.
#[derive(Clone)]
pub struct Project {
    /// `CI_API_V4_URL`
    pub api: Url,
    /// `CI_PROJECT_ID`: digits.
    pub id: String,
    pub token: Token,
}

impl Project {
    /// A request about the project; `path` begins after the project's own.
    pub fn request(&self, method: Method, path: &str) -> Result<Request, url::ParseError> {
        let api = self.api.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{api}/projects/{}/{path}", self.id))?;
        let (header, secret) = match &self.token {
            Token::Job(secret) => ("job-token", secret),
            Token::Project(secret) => ("private-token", secret),
        };
        Ok(Request { credentials: Some((header, secret.clone())), ..Request::new(method, url) })
    }

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

impl Token {
    /// What a person calls it, and who acts by it.
    pub fn in_words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Job(_) => ("the job token (CI_JOB_TOKEN)", "the owner of the schedule, or whoever pressed Run,"),
            Self::Project(_) => ("AMI_SCHEDULER_TOKEN", "the project access token"),
        }
    }
}
