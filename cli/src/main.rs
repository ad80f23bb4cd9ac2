//! Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
//! pipeline. See `ami-scheduler --help`.

#[macro_use]
mod messages;

mod adoption;
mod cli;
mod commands;
mod exit;
mod fetch;
mod files;
mod gitlab;
mod http;
mod night;
mod session;
mod store;

use std::process::ExitCode;

use ami_scheduler::redacted::without_credentials;
use ami_scheduler::text::{printable, printable_lines};
use clap::Parser as _;

use exit::{Exit, Failure, leave};

/// The most characters of an error that are told.
const MAX_MESSAGE: usize = 4000;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => match commands::run(cli) {
            Ok(()) => leave(0),
            Err(Failure { exit, error }) => {
                let message: String = without_credentials(&format!("{error:#}")).chars().take(MAX_MESSAGE).collect();
                message!("Error: {}", printable(&message));
                leave(exit as u8)
            }
        },
        Err(message) => {
            let is_error = message.use_stderr();
            let text = message.to_string();
            // A help text names no password but that of its examples.
            let clean = if is_error { printable_lines(&without_credentials(&text)) } else { text.clone() };
            if clean == text {
                // A closed pipe is no reason to end otherwise.
                drop(message.print());
            } else {
                message!("{}", clean.trim_end());
            }
            leave(if is_error { Exit::CommandLine as u8 } else { 0 })
        }
    }
}
