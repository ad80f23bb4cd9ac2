//! Where trackers are kept: a [`Store`](ami_scheduler::tracker::heads::Store) in a directory, and
//! one in a GitLab project's Secure Files.

mod directory;
mod secure_files;

pub use directory::Directory;
pub use secure_files::SecureFiles;
