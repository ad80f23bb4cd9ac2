//! Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
//! pipeline. See `ami-scheduler --help`.

mod cli;
mod commands;
mod exit;
mod http;
mod source;
mod store;

use std::process::ExitCode;

use clap::Parser as _;

use exit::{Exit, Failure, leave};

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => match commands::run(cli) {
            Ok(()) => leave(0),
            Err(Failure { exit, error }) => {
                eprintln!("Error: {error:#}");
                leave(exit as u8)
            }
        },
        Err(message) => {
            let is_error = message.use_stderr();
            // A closed pipe is no reason to end otherwise.
            let _ = message.print();
            leave(if is_error { Exit::CommandLine as u8 } else { 0 })
        }
    }
}
