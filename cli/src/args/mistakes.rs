//! Mistakes on the command line, each in one sentence: like any other error, it is the last line of the output.

use std::error::Error as _;

use ami_scheduler::redacted::{without_keys, without_urls};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::environment::{variable, variables_of};
use super::values::EXPANDED_TO_NOTHING;

/// Options that an input of the component sets, which has the same name, with `_`.
const INPUTS: &str = "accept-index arch build-file build-job cache claim-timeout client-cert client-key dry-run exclude \
                      fail-on first-run gpg-key image image-name keep lane major-version manifest max-attempts \
                      max-builds max-jobs min-age module-sha256 module-url notes notify-job only-targets order \
                      overdue-after package-url-query pre-releases product publish-job quiet-nights rebuild-after \
                      rebuild-when record repo-file repo-url revoke-withdrawn revoke-withdrawn-after \
                      security-first skip stop-on tags targets test-job unchanged-after version version-range";
/// Options whose input has another name.
const OTHER_INPUTS: [(&str, &str); 4] =
    [("image-tag", "image_tags"), ("ref", "tracker_ref"), ("repo", "repos"), ("repo-var", "repo_vars")];

/// A mistake, and the usage of the command where that helps.
pub struct Mistake {
    pub usage: Option<String>,
    pub message: String,
}

impl Mistake {
    pub fn new(error: &Error, command: &Command, arguments: &[String]) -> Self {
        let of = |kind| error.get(kind);
        let message = match (error.kind(), of(ContextKind::InvalidArg), of(ContextKind::InvalidValue)) {
            (
                ErrorKind::ValueValidation | ErrorKind::InvalidValue,
                Some(ContextValue::String(arg)),
                Some(ContextValue::String(value)),
            ) if !(value.is_empty() && error.source().is_none()) => {
                let expected = match (error.source(), of(ContextKind::ValidValue)) {
                    (Some(reason), _) => reason.to_string(),
                    (None, Some(ContextValue::Strings(words))) => format!("expected {}", one_of(words)),
                    (None, _) => "it is not among the possible values".to_owned(),
                };
                format!("invalid value {value:?} for {}: {expected}", named(arg, command, arguments))
            }
            (ErrorKind::InvalidValue, Some(ContextValue::String(arg)), Some(ContextValue::String(value)))
                if value.is_empty() && !is_given(arg, arguments) =>
            {
                format!("{} is empty: {EXPANDED_TO_NOTHING}", named(arg, command, arguments))
            }
            (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing)), _) => {
                let missing: Vec<String> = missing.iter().map(|arg| named(arg, command, arguments)).collect();
                format!("the following required arguments were not provided: {}", missing.join(", "))
            }
            _ => first_paragraphs(error),
        };
        let usage = match of(ContextKind::Usage) {
            Some(ContextValue::StyledStr(usage)) => Some(usage.to_string()),
            _ => None,
        };
        // It repeats what was typed, and a password or a key may be in that.
        Self { usage, message: without_urls(&without_keys(&message)) }
    }
}

/// The long option that clap shows as `--keep <WHICH>`.
fn long_option(shown: &str) -> Option<&str> {
    shown.strip_prefix("--").map(|rest| rest.split([' ', '=', '[']).next().unwrap_or_default())
}

/// Whether an option stands on the command line: if it does not, it comes from a variable.
fn is_given(shown: &str, arguments: &[String]) -> bool {
    let rest_of = |argument: &String| argument.strip_prefix("--")?.strip_prefix(long_option(shown)?).map(str::to_owned);
    arguments.iter().filter_map(rest_of).any(|rest| rest.is_empty() || rest.starts_with('='))
}

/// An argument as a person knows it: in a job, by the input or the variable that it comes from.
fn named(shown: &str, command: &Command, arguments: &[String]) -> String {
    let Some(long) = long_option(shown) else { return shown.to_owned() };
    let option = format!("--{long}");
    if is_given(shown, arguments) {
        return option;
    }
    let is_job =
        ["CI", "GITLAB_CI", "CI_PIPELINE_ID", "CI_PIPELINE_SOURCE"].iter().any(|name| variable(name).is_some());
    match input(long) {
        Some(input) if is_job => format!("{option} (input {input})"),
        _ => {
            let called = arguments.iter().find_map(|argument| command.find_subcommand(argument));
            let arg = [called, Some(command)]
                .into_iter()
                .flatten()
                .flat_map(Command::get_arguments)
                .find(|arg| arg.get_long() == Some(long));
            let variables = arg.map(variables_of).unwrap_or_default().join(" or ");
            if variables.is_empty() { option } else { format!("{option} (variable {variables})") }
        }
    }
}

/// The input of the component that sets an option.
fn input(long: &str) -> Option<String> {
    let other = OTHER_INPUTS.iter().find(|(option, _)| *option == long).map(|(_, input)| (*input).to_owned());
    other.or_else(|| INPUTS.split(' ').any(|option| option == long).then(|| long.replace('-', "_")))
}

fn one_of(words: &[String]) -> String {
    match words {
        [words @ .., last] if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        words => words.concat(),
    }
}

/// The message of clap itself with its hints, without the usage and without where to read more.
fn first_paragraphs(error: &Error) -> String {
    let text = error.to_string();
    let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let said = paragraphs.filter(|part| !part.starts_with("Usage:") && !part.starts_with("For more information"));
    let said: Vec<String> = said.filter(|part| !part.is_empty()).collect();
    said.join("; ").trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_that_are_named_are_those_of_the_component() {
        let template = include_str!("../../../templates/scheduled-build/template.yml");
        let options = INPUTS.split(' ').chain(OTHER_INPUTS.iter().map(|(option, _)| *option));
        for input in options.filter_map(input) {
            assert!(template.contains(&format!("\n    {input}:\n      description: ")), "{input}");
        }
    }

    #[test]
    fn each_input_that_a_job_reads_as_a_variable_is_named() {
        let template = include_str!("../../../templates/scheduled-build/template.yml");
        let command = <crate::commands::Command as clap::Subcommand>::augment_subcommands(Command::new("all"));
        let options: Vec<String> = command
            .get_subcommands()
            .flat_map(|command| command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)))
            .collect();
        for line in template.lines().filter(|line| line.starts_with("    AMI_SCHEDULER_")) {
            let Some((_, rest)) = line.split_once("$[[ inputs.") else { continue };
            let (name, _) = rest.split_once(" ]]").expect(line);
            let option = name.replace('_', "-");
            if options.contains(&option) {
                assert_eq!(input(&option).as_deref(), Some(name), "{line}");
            }
        }
    }
}
