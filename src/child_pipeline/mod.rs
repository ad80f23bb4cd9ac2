//! The child pipeline: builds as the jobs of a GitLab configuration.

pub mod jobs;
mod quote;
mod render;
mod settings;

pub use render::render;
pub use settings::{
    BuildFile, BuildJob, ChildPipelineError, Hooks, MAX_BUILDS, ManifestFile, NoteName, Settings, fewest_jobs,
    most_builds,
};
