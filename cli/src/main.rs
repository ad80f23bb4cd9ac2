//! Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
//! pipeline. See `ami-scheduler --help`.

#[macro_use]
mod messages;

mod adoption;
mod args;
mod claims;
mod cli;
mod clock;
mod commands;
mod exit;
mod fetch;
mod files;
mod gitlab;
mod http;
mod ingredients;
mod night;
mod repositories;
mod revocation;
mod session;
mod store;
mod trackers;

fn main() -> std::process::ExitCode {
    exit::end(cli::run())
}
