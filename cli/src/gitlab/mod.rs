//! GitLab's REST API: a project, the token that opens it, the jobs of its pipelines and their artifacts, its generic packages. Its Secure Files are
//! a store.

mod advice;
mod artifact;
mod jobs;
mod package;
mod project;
mod token;

pub use advice::is_maintained;
pub use jobs::ComponentJob;
pub use package::{PackageFile, Published};
pub use project::Project;
pub use token::Token;
