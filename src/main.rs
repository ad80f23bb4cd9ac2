//! Builds machine images for each new release in a YUM repository, once, from a scheduled GitLab
//! pipeline. See `ami-scheduler --help`.

#[macro_use]
mod say;

mod cache;
mod cli;
mod commands;
mod exit;
mod http;
mod reader;
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
                say_aside!("Error: {error:#}");
                leave(exit as u8)
            }
        },
        Err(message) => {
            let is_error = message.use_stderr();
            match without_passwords(&message.to_string()) {
                Some(text) => say_aside!("{}", text.trim_end()),
                // A closed pipe is no reason to end otherwise.
                None => drop(message.print()),
            }
            leave(if is_error { Exit::CommandLine as u8 } else { 0 })
        }
    }
}

/// A text without the user and password of each URL in it; `None` where there are none. clap repeats
/// an argument that it did not expect: a URL whose `--repo-url` was forgotten, say.
fn without_passwords(text: &str) -> Option<String> {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.split(|c: char| c.is_whitespace() || "/?#'\"".contains(c)).next().unwrap_or_default();
        clean.push_str("://");
        clean.push_str(authority.rfind('@').map_or(part, |at| &part[at + 1..]));
    }
    (clean.len() < text.len()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::without_passwords;

    #[test]
    fn a_password_is_not_repeated() {
        for (text, clean) in [
            ("unexpected 'https://u:p4ss@example.com/el9' found", Some("unexpected 'https://example.com/el9' found")),
            ("'https://u:p4@ss@example.com'", Some("'https://example.com'")),
            ("such as https://yum.example.com/el/9 or a@b", None),
            ("unexpected argument 'x' found", None),
            ("", None),
        ] {
            assert_eq!(without_passwords(text).as_deref(), clean, "{text}");
        }
    }
}
