//! The values that arguments have, from text: what is expected, each error says.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use ami_scheduler::child_pipeline::MAX_BUILDS;
use ami_scheduler::release::{Nevra, is_arch, is_package_name};
use ami_scheduler::repository::variables::Variables;
use jiff::{SignedDuration, Timestamp};

/// The longest time in days that a rule or an alarm can have.
const MOST_DAYS: u32 = 3650;
/// The longest time that a server can be given.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest value of a variable of dnf's, in bytes.
const MAX_VALUE: usize = 255;

/// What may be the matter with a value that is empty.
pub const EXPANDED_TO_NOTHING: &str = "is a variable in it unset, protected (and this branch is not), or misspelt?";

/// An architecture, such as `x86_64`.
#[derive(Debug, Clone)]
pub struct Architecture(pub String);

impl FromStr for Architecture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_lower_case = !text.contains(|c: char| c.is_ascii_uppercase());
        if is_arch(text) && is_lower_case {
            Ok(Self(text.to_owned()))
        } else if is_arch(text) {
            Err(format!(
                "{text:?} is not an architecture: RPM's have small letters alone, such as {:?}",
                text.to_lowercase()
            ))
        } else {
            Err(format!("{text:?} is not an architecture, such as x86_64: it may hold letters, digits and _"))
        }
    }
}

/// A variable of dnf's and its value.
#[derive(Debug, Clone)]
pub struct RepoVariable {
    pub name: String,
    pub value: String,
}

impl FromStr for RepoVariable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as releasever=9")?;
        if !Variables::is_name(name) {
            return Err("expected a name of letters, digits and _ before the =, such as releasever=9".to_owned());
        }
        match value.len() {
            0 => Err(format!("{name} has no value: {EXPANDED_TO_NOTHING}")),
            1..=MAX_VALUE => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            _ => Err(format!("the value of {name} has more than {MAX_VALUE} bytes")),
        }
    }
}

/// A guard against something: switched on by a value, and switched off by the word `none` or by its absence.
///
/// A guard that is there but empty is an error. Somebody asked for it by a variable that expanded to nothing, and
/// nothing would be guarded.
#[derive(Debug, Clone)]
pub struct Guard<T>(pub Option<T>);

/// A guard; `what` was asked for where the value is empty.
pub fn guard<T: FromStr<Err: Display>>(text: &str, what: &str) -> Result<Guard<T>, String> {
    match text.trim() {
        "" => Err(format!(
            "{what} was asked for, and its value expanded to nothing: {EXPANDED_TO_NOTHING} Correct it, or give none to do without"
        )),
        "none" => Ok(Guard(None)),
        value => value.parse().map(|value| Guard(Some(value))).map_err(|error: T::Err| error.to_string()),
    }
}

/// A switch, as people set variables.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "false" | "no" | "off" | "0" => Ok(false),
        "true" | "yes" | "on" | "1" => Ok(true),
        _ => Err("expected true or false".to_owned()),
    }
}

pub fn product(text: &str) -> Result<String, String> {
    if is_package_name(text) {
        Ok(text.to_owned())
    } else {
        Err("not the name of a package, such as gitlab-runner: it may hold letters, digits and ._+-".to_owned())
    }
}

/// A whole package; the `.rpm` of its file name may be there.
pub fn package(text: &str) -> Result<Nevra, String> {
    text.strip_suffix(".rpm").unwrap_or(text).parse().map_err(|error| format!("{error}"))
}

pub fn version_range(text: &str) -> Result<semver::VersionReq, String> {
    text.parse().map_err(|error| format!("not a range of semantic versions, such as '>=18.2, <19': {error}"))
}

pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration: Option<SignedDuration> = text.parse().ok();
    duration.filter(SignedDuration::is_positive).ok_or_else(|| "expected a time such as 12h or 90m".to_owned())
}

/// How long a server may take; without a unit in seconds, as curl has it.
pub fn time_limit(text: &str) -> Result<Duration, String> {
    let limit = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text.parse::<SignedDuration>().ok().and_then(|time| time.try_into().ok()),
    };
    limit
        .filter(|limit| (Duration::from_millis(1)..=LONGEST).contains(limit))
        .ok_or_else(|| "expected a time such as 30s, 90 or 1m 30s, from 1ms to 24h".to_owned())
}

pub fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time such as 2026-11-24T02:00:00Z".to_owned())
}

pub fn days(text: &str) -> Result<u32, String> {
    let days = whole_number(text).filter(|days| *days <= MOST_DAYS);
    days.ok_or_else(|| format!("expected whole days, from 0 to {MOST_DAYS}"))
}

/// A whole number in any form that GitLab takes for an input of the type `number`: `5`, `5.0`, `1e3`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it has no fraction and is in the range
fn whole_number(text: &str) -> Option<u32> {
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number);
    text.parse().ok().or_else(|| text.parse().ok().filter(is_whole).map(|number| number as u32))
}

/// So many days as a time; 0 stands for never.
pub fn time_of_days(days: u32) -> Option<SignedDuration> {
    (days > 0).then(|| SignedDuration::from_hours(24 * i64::from(days)))
}

pub fn attempts(text: &str) -> Result<u32, String> {
    from_one_to(1000, text)
}

pub fn runs_in_a_row(text: &str) -> Result<u32, String> {
    from_one_to(1000, text)
}

pub fn builds_of_a_run(text: &str) -> Result<u32, String> {
    from_one_to(MAX_BUILDS, text)
}

fn from_one_to(most: u32, text: &str) -> Result<u32, String> {
    let number = whole_number(text).filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("expected a whole number, from 1 to {most}"))
}

/// A lane stands in the names of jobs, which have at most 255 characters.
pub fn lane(text: &str) -> Result<String, String> {
    let short = text.chars().nth(255).is_none();
    short.then(|| text.to_owned()).ok_or_else(|| "expected a name of at most 255 characters".to_owned())
}

pub fn pipeline(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected the id of a pipeline, such as 4711".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_that_expanded_to_nothing_is_no_guard_that_is_off() {
        assert_eq!(guard::<String>("none", "a key").expect("off").0, None);
        assert_eq!(guard::<String>(" key.asc\n", "a key").expect("on").0.as_deref(), Some("key.asc"));
        for empty in ["", " ", "\n"] {
            let error = guard::<String>(empty, "a key").expect_err("neither on nor off");
            assert!(error.starts_with("a key was asked for"), "{error}");
        }
    }

    #[test]
    fn an_architecture_is_a_word() {
        assert_eq!("x86_64".parse::<Architecture>().expect("one").0, "x86_64");
        for text in ["", "$ARCH", "x86-64", "x86_64 noarch"] {
            assert!(text.parse::<Architecture>().expect_err(text).contains("is not an architecture, such as x86_64"));
        }
    }

    #[test]
    fn a_limit_is_a_time_or_as_for_curl_a_number_of_seconds() {
        for (text, millis) in
            [("30", 30_000), ("0.5", 500), ("30s", 30_000), ("500ms", 500), ("25m", 1_500_000), ("1m 30s", 90_000)]
        {
            assert_eq!(time_limit(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    /// Field tests, component 12.
    #[test]
    fn a_whole_number_has_any_form_that_yaml_gives_it() {
        assert_eq!([days("0"), days("5.0"), days("1e3")], [Ok(0), Ok(5), Ok(1000)]);
        assert_eq!([attempts("5.0"), attempts("1e3"), builds_of_a_run("2e2")], [Ok(5), Ok(1000), Ok(200)]);
    }

    #[test]
    fn what_is_expected_of_a_number_or_time_is_said() {
        for (error, expected) in [
            (duration("12x").map(|_| ()), "expected a time such as 12h or 90m"),
            (duration("0s").map(|_| ()), "expected a time such as 12h or 90m"),
            (time_limit("0").map(|_| ()), "expected a time such as 30s, 90 or 1m 30s, from 1ms to 24h"),
            (time_limit("25h").map(|_| ()), "expected a time such as 30s, 90 or 1m 30s, from 1ms to 24h"),
            (days("0.5").map(|_| ()), "expected whole days, from 0 to 3650"),
            (days("-1").map(|_| ()), "expected whole days, from 0 to 3650"),
            (attempts("1e4").map(|_| ()), "expected a whole number, from 1 to 1000"),
            (builds_of_a_run("201").map(|_| ()), "expected a whole number, from 1 to 200"),
            (days("1.5").map(|_| ()), "expected whole days, from 0 to 3650"),
            (days("3651").map(|_| ()), "expected whole days, from 0 to 3650"),
            (time("tomorrow").map(|_| ()), "expected a time such as 2026-11-24T02:00:00Z"),
            (attempts("0").map(|_| ()), "expected a whole number, from 1 to 1000"),
            (pipeline("-1").map(|_| ()), "expected the id of a pipeline, such as 4711"),
            (switch("maybe").map(|_| ()), "expected true or false"),
        ] {
            assert_eq!(error, Err(expected.to_owned()));
        }
    }
}
