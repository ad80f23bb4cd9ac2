//! Each option is read from an environment variable, too: `AMI_SCHEDULER_` and its name, unless its own `env` names
//! another one, or several.
//!
//! clap's own reading takes an empty variable for a value. In a job every input is a variable, and many are empty.

use clap::builder::{OsStr, Resettable};
use clap::{Arg, ArgAction, Command};

/// Options that guard something: an empty variable is an error there, not the absence of one. Somebody asked for a
/// value by a variable that expanded to nothing.
const GUARDS: [&str; 17] = [
    "claim-timeout",
    "client-cert",
    "client-key",
    "first-run",
    "gpg-key",
    "keep",
    "max-attempts",
    "max-builds",
    "min-age",
    "module-sha256",
    "notify-job",
    "overdue-after",
    "publish-job",
    "rebuild-after",
    "ref",
    "test-job",
    "unchanged-after",
];

/// The value of a variable, without the white space around it; `None` where there is none.
pub fn variable(name: &str) -> Option<String> {
    set_variable(name).filter(|value| !value.is_empty())
}

/// The same, where a variable that is empty has a value.
fn set_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned())
}

/// The variables that an option is read from.
pub fn variables_of(arg: &Arg) -> Vec<String> {
    let Some(long) = arg.get_long() else { return Vec::new() };
    match arg.get_env().and_then(|names| names.to_str()) {
        Some(names) => names.split(", ").map(str::to_owned).collect(),
        None => vec![format!("AMI_SCHEDULER_{}", long.to_uppercase().replace('-', "_"))],
    }
}

/// The command, whose help names each option's variables, and whose options have the values of these variables.
pub fn with_variables(command: Command) -> Command {
    command.mut_args(with_variable).mut_subcommands(with_variables)
}

fn with_variable(arg: Arg) -> Arg {
    let names = variables_of(&arg);
    if names.is_empty() {
        return arg;
    }
    let is_guard = arg.get_long().is_some_and(|long| GUARDS.contains(&long));
    let value = if is_guard { set_variable } else { variable };
    let mut values: Vec<String> = names.iter().filter_map(|name| value(name)).collect();
    // Several variables are several values of an option that can have several, or else one after another.
    if !matches!(arg.get_action(), ArgAction::Append) {
        values.truncate(1);
    }
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(|help| help.ansi().to_string()).unwrap_or_default();
    let arg = arg.long_help(format!("{help}\n\n[env: {}]", names.join(", "))).env(Resettable::<OsStr>::Reset);
    if values.is_empty() { arg } else { arg.default_values(values).hide_default_value(true).required(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_read_from_the_variable_of_its_name_or_from_those_that_it_names() {
        let named = |arg: Arg| variables_of(&arg);
        assert_eq!(named(Arg::new("a").long("max-builds")), ["AMI_SCHEDULER_MAX_BUILDS"]);
        assert_eq!(named(Arg::new("a").long("ref").env("AMI_SCHEDULER_REF, CI_COMMIT_REF_NAME")).len(), 2);
        assert!(named(Arg::new("positional")).is_empty());
    }
}
