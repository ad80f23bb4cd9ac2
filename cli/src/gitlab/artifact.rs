//! The artifacts of jobs.

use anyhow::bail;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Project;
use crate::http::{Client, Method, Request};

/// The most bytes of an artifact: GitLab takes a child pipeline of 5 MiB, and `builds.json` is longer.
const MAX_ARTIFACT: u64 = 32 << 20;

impl Project {
    /// A file of the artifacts of a job, as the last pipeline of a ref that succeeded has left it; `None` where there
    /// is none.
    ///
    /// <https://docs.gitlab.com/api/job_artifacts/>
    pub fn last_artifact(
        &self,
        client: &Client,
        reference: &str,
        job: &str,
        file: &str,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let [reference, job] = [reference, job].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC));
        let path = format!("jobs/artifacts/{reference}/raw/{file}?job={job}");
        // Nothing rests on it.
        let request = Request { attempts: 2, ..self.request(Method::Get, &path)? };
        let answer = client.fetch(&request, MAX_ARTIFACT)?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            status => bail!("GitLab answered {status} to {}: {}", self.token.in_words().0, answer.excerpt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitlab::Token;
    use crate::http::scripted::{Script, answers};

    fn last_artifact(script: &Script) -> anyhow::Result<Option<Vec<u8>>> {
        let api = "https://gitlab.example.com/api/v4".parse()?;
        let project = Project { api, id: "42".to_owned(), token: Token::Job("s3cret".to_owned()) };
        project.last_artifact(&script.client(), "feature/a#1", "eu: diff", ".ami-scheduler/builds.json")
    }

    #[test]
    fn an_artifact_is_asked_for_by_the_names_of_its_ref_and_job_and_may_be_missing() {
        let script = Script::new([answers(200).body("{}"), answers(404)]);
        assert_eq!(last_artifact(&script).expect("found"), Some(b"{}".to_vec()));
        assert_eq!(last_artifact(&script).expect("missing"), None);
        let url = "https://gitlab.example.com/api/v4/projects/42/jobs/artifacts/feature%2Fa%231/raw/.ami-scheduler/\
                   builds.json?job=eu%3A%20diff";
        assert_eq!(script.urls(), [url, url]);
        assert_eq!(script.requests()[0].credentials, Some(("job-token", "s3cret".to_owned())));
    }

    /// GitLab may keep artifacts with somebody else, and redirect there.
    #[test]
    fn the_token_does_not_follow_a_redirect_to_another_host() {
        let moved = answers(302).with("location", "https://objects.example.com/a?signature=x");
        let script = Script::new([moved, answers(200).body("{}")]);
        last_artifact(&script).expect("found");
        let sent: Vec<bool> = script.requests().iter().map(|request| request.credentials.is_some()).collect();
        assert_eq!(sent, [true, false]);
    }

    #[test]
    fn a_refusal_names_the_token_and_not_its_secret() {
        let error = last_artifact(&Script::new([answers(403).body("403 Forbidden")])).expect_err("forbidden");
        assert_eq!(error.to_string(), "GitLab answered 403 to the job token (CI_JOB_TOKEN): 403 Forbidden");
    }
}
