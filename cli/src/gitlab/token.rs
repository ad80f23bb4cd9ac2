//! The tokens that GitLab takes.

/// A secret that proves who asks.
#[derive(Clone)]
pub enum Token {
    /// `CI_JOB_TOKEN`: acts as the user who started the pipeline, or owns the schedule.
    Job(String),
    /// `AMI_SCHEDULER_TOKEN`: a project access token.
    Project(String),
}

impl Token {
    /// The name of its header, and the secret.
    pub fn header(&self) -> (&'static str, String) {
        match self {
            Self::Job(secret) => ("job-token", secret.clone()),
            Self::Project(secret) => ("private-token", secret.clone()),
        }
    }

    /// Its name for people, and who acts by it.
    pub fn in_words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Job(_) => ("the job token (CI_JOB_TOKEN)", "the owner of the schedule, or whoever pressed Run,"),
            Self::Project(_) => ("AMI_SCHEDULER_TOKEN", "the project access token"),
        }
    }
}
