//! GitLab's REST API: a project, the token that opens it, and the jobs of its pipelines. Its Secure Files are
//! a store.

mod jobs;
mod project;
mod token;

pub use project::Project;
pub use token::Token;
