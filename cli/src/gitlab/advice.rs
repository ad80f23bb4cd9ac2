//! What a person can do about an answer of GitLab's that is no success.

use ami_scheduler::redacted::RedactedUrl;

use super::{Project, Token};
use crate::http::{Answer, wants_client_certificate, wrong_port};

impl Project {
    /// What to do about an answer that is no success, whatever was asked for: `doing`, which a token of this scope may.
    /// `None` where it depends on what was asked for: where the role or the size is the matter.
    pub fn advice(&self, doing: &str, scope: &str, answer: &Answer) -> Option<String> {
        let (token, whose) = self.token.in_words();
        let excerpt = answer.excerpt();
        if let Some(misplaced) = wrong_port(&answer.url, answer.status, &excerpt) {
            return Some(misplaced.to_owned());
        }
        if wants_client_certificate(answer.status, &excerpt) {
            return Some("GitLab, or a proxy before it, wants a client certificate, which is shown to repositories alone: let its API take requests with a token".to_owned());
        }
        Some(match answer.status {
            401 => match self.token {
                Token::Job(_) => format!("{token} is not valid: it works only while its job runs; run the job again"),
                Token::Project(_) => {
                    format!("{token} is not valid: it may have expired or been revoked; make a new one")
                }
            },
            403 if excerpt.contains("job token not allowed from") => format!(
                "this job's project is not on the job token allowlist of project {0}: add it there, in Settings > CI/CD > \
                 Job token permissions",
                self.id
            ),
            403 if is_maintained(answer) => {
                "GitLab is being maintained, and takes no writes: nothing was lost, run the job again later".to_owned()
            }
            403 if excerpt.contains("insufficient_scope") => {
                format!("{token} may not {doing}, since its scope does not allow that: make one with the scope {scope}")
            }
            404 if !self.api.path().contains("/api/v4") => self.is_this_the_api(),
            404 => format!("there is no project {} for {token}: is {whose} a member of it?", self.id),
            429 | 500.. => "GitLab is overloaded, or out of order: run the job again later".to_owned(),
            300..=399 => "GitLab redirects its API: set CI_API_V4_URL to where it is".to_owned(),
            400 | 403 | 413 => return None,
            _ => self.unexpected(),
        })
    }

    /// What is said of an answer that nothing is known about.
    pub fn unexpected(&self) -> String {
        format!("this was not expected; {}", self.is_this_the_api())
    }

    /// The question that a person asks where an answer is none of the API's.
    pub fn is_this_the_api(&self) -> String {
        if self.api.path().trim_end_matches('/').ends_with("/api/v4") {
            return "is CI_API_V4_URL the API of your GitLab?".to_owned();
        }
        let api = RedactedUrl::from(&self.api);
        format!("CI_API_V4_URL is {api}, and that of GitLab's API ends in /api/v4")
    }
}

/// Whether GitLab takes no writes for now: <https://docs.gitlab.com/administration/maintenance_mode/>.
pub fn is_maintained(answer: &Answer) -> bool {
    answer.status == 403 && answer.excerpt().contains("read-only instance")
}
