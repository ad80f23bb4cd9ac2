//! Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
//! pipeline. See `ami-scheduler --help`.

#[macro_use]
mod messages;

mod adoption;
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

use std::process::ExitCode;

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
                let message: String = without_passwords(&format!("{error:#}")).chars().take(MAX_MESSAGE).collect();
                message!("Error: {}", printable(&message));
                leave(exit as u8)
            }
        },
        Err(message) => {
            let is_error = message.use_stderr();
            let text = message.to_string();
            // A help text names no password but that of its examples.
            let clean = if is_error { printable_lines(&without_passwords(&text)) } else { text.clone() };
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

/// A text without the user and password of each URL in it. An argument that was not expected is
/// repeated: a URL whose `--repo-url` was forgotten, say, or one that was given for a file.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.split(|c: char| c.is_whitespace() || "/?#'\"".contains(c)).next().unwrap_or_default();
        clean.push_str("://");
        clean.push_str(authority.rfind('@').map_or(part, |at| &part[at + 1..]));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::without_passwords;

    #[test]
    fn a_password_is_not_repeated() {
        for (text, clean) in [
            ("unexpected 'https://u:p4ss@example.com/el9' found", "unexpected 'https://example.com/el9' found"),
            ("'https://u:p4@ss@example.com'", "'https://example.com'"),
            ("such as https://yum.example.com/el/9 or a@b", "such as https://yum.example.com/el/9 or a@b"),
            ("", ""),
        ] {
            assert_eq!(without_passwords(text), clean);
        }
    }
}
