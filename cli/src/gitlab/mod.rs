//! GitLab's REST API: a project, the token that opens it, the jobs of its pipelines and their artifacts. Its Secure Files are
//! a store.

mod artifact;
mod jobs;
mod project;
mod token;

pub use jobs::ComponentJob;
pub use project::Project;
pub use token::Token;
