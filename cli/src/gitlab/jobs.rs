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

/// A job of the component, as templates/scheduled-build/template.yml has it.
#[derive(Debug, Clone, Copy)]
pub enum ComponentJob {
    Diff,
    /// The one that runs where the child pipeline could not be created. It waits for the end of its pipeline: if it was
    /// cancelled, all of it was.
    GiveBack,
}

impl ComponentJob {
    /// The whole name in a lane; that is empty where there is one alone.
    pub fn name(self, lane: &str, product: &str) -> String {
        let job = match self {
            Self::Diff => "diff",
            Self::GiveBack => "give-back",
        };
        format!("{lane}{product}: {job}")
    }
}

impl Project {
    /// The jobs of a pipeline; of those that were retried, the last run.
    ///
    /// <https://docs.gitlab.com/api/jobs/>
    pub fn jobs(&self, client: &Client, pipeline: u64) -> anyhow::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!("pipelines/{pipeline}/jobs?per_page={PAGE}&page={page}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitlab::Token;
    use crate::http::scripted::{Script, ScriptedAnswer, answers};

    #[test]
    fn the_component_has_the_jobs_by_their_names() {
        let template = include_str!("../../../templates/scheduled-build/template.yml");
        for job in [ComponentJob::Diff, ComponentJob::GiveBack] {
            let name = job.name("$[[ inputs.lane ]]", "$[[ inputs.product ]]");
            assert!(template.contains(&format!("\n\"{name}\":\n")), "{name}");
        }
    }

    fn jobs_of(script: &Script) -> anyhow::Result<Vec<Job>> {
        let api = "https://gitlab.example.com/api/v4".parse()?;
        let project = Project { api, id: "42".to_owned(), token: Token::Job("s3cret".to_owned()) };
        project.jobs(&script.client(), 1000)
    }

    fn page(jobs: usize) -> ScriptedAnswer {
        let job = serde_json::json!({"id": 1, "name": "build", "status": "failed", "web_url": "https://a/1"});
        answers(200).body(serde_json::Value::from(vec![job; jobs]).to_string())
    }

    #[test]
    fn jobs_are_listed_page_by_page_until_one_is_not_full() {
        for (pages, jobs) in [(vec![page(0)], 0), (vec![page(3)], 3), (vec![page(100), page(100), page(1)], 201)] {
            let script = Script::new(pages.clone());
            assert_eq!(jobs_of(&script).expect("jobs").len(), jobs);
            let expected = |page| {
                format!("https://gitlab.example.com/api/v4/projects/42/pipelines/1000/jobs?per_page=100&page={page}")
            };
            assert_eq!(script.urls(), (1..=pages.len()).map(expected).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_refusal_names_the_token_and_not_its_secret() {
        let script = Script::new([answers(403).body("403 Forbidden")]);
        let error = jobs_of(&script).map(|jobs| jobs.len()).expect_err("forbidden").to_string();
        assert_eq!(error, "GitLab answered 403 to the job token (CI_JOB_TOKEN): 403 Forbidden");
    }

    #[test]
    fn jobs_are_asked_for_twice_at_most() {
        let script = Script::new([answers(503), answers(503)]);
        jobs_of(&script).map(|jobs| jobs.len()).expect_err("out of order");
        assert_eq!(script.requests().len(), 2);
    }
}
