//! A plain-text tracker: every line is a package, a comment or nothing, or the whole is refused.
#![no_main]

use ami_scheduler::release::Nevra;
use ami_scheduler::tracker::plain_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match plain_text::parse(text) {
        Ok(packages) => {
            let written: String = packages.iter().map(|package| format!("{package}.rpm\r\n")).collect();
            assert_eq!(plain_text::parse(&written).as_ref(), Ok(&packages));
            let told = |line: &&str| Some(line.trim_start_matches('\u{feff}').trim()).is_some_and(|line| !line.is_empty() && !line.starts_with('#'));
            assert_eq!(text.lines().filter(told).count(), packages.len());
        }
        Err(error) => {
            let line = text.lines().nth(error.line - 1).expect("a line of the text");
            let line = line.trim_start_matches('\u{feff}').trim();
            // Its beginning, where what is not printable is a question mark.
            assert!(error.text.chars().count() <= 81, "{error:?}");
            assert!(error.text.chars().zip(line.chars()).take(80).all(|(told, found)| told == found || told == '?'), "{error:?}");
            assert!(line.strip_suffix(".rpm").unwrap_or(line).parse::<Nevra>().is_err());
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }
});
