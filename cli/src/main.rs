//! Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
//! pipeline. See `ami-scheduler --help`.

#[macro_use]
mod say;

mod adoption;
mod args;
mod cache;
mod cli;
mod commands;
mod exit;
mod files;
mod gitlab;
mod http;
mod night;
mod progress;
mod reader;
mod session;
mod source;
mod store;
mod trackers;

fn main() -> std::process::ExitCode {
    exit::end(cli::run())
}
