//! The plain-text tracker that hand-written pipelines keep: one package file name a line.

use crate::release::Nevra;
use crate::text::named;

/// Why a line is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} is not the file name of a package, such as gitlab-runner-18.6.1-1.x86_64.rpm: {text:?}. Correct it, or make it a comment with #"
)]
pub struct PlainTextError {
    /// From 1.
    pub line: usize,
    /// The beginning of that line, printable.
    pub text: String,
}

/// The name of the plain-text tracker of a branch or tag: `/` becomes `_`.
pub fn file_name(reference: &str) -> String {
    format!("{}.txt", reference.replace('/', "_"))
}

/// The packages in a plain-text tracker.
///
/// With or without a folder before and `.rpm` behind; blank lines and lines that begin with `#`
/// are passed over, as are line ends of Windows and a byte order mark. A line that is something
/// else is an error: what can't be read is never taken for nothing.
pub fn parse(text: &str) -> Result<Vec<Nevra>, PlainTextError> {
    let mut packages = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // Of files that were put together each may begin with a byte order mark.
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let file = line.rsplit('/').next().unwrap_or(line);
        // Of two files on one line the first would be lost.
        let one = (!line.contains(char::is_whitespace)).then(|| file.strip_suffix(".rpm").unwrap_or(file));
        let package = one.and_then(|name| name.parse().ok());
        packages.push(package.ok_or_else(|| PlainTextError { line: index + 1, text: named(line) })?);
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_habit_of_hand_made_files_is_understood() {
        let text = "\u{feff}# built so far\r\n\r\ngitlab-runner-16.0.0-1.x86_64.rpm\r\n\u{feff}#/x/\n  gitlab-runner-16.0.1-1.x86_64\n./el/9/gitlab-runner-16.1.0-1.x86_64.rpm";
        let packages: Vec<_> = parse(text).expect("a tracker").iter().map(Nevra::to_string).collect();
        assert_eq!(
            packages,
            ["gitlab-runner-16.0.0-1.x86_64", "gitlab-runner-16.0.1-1.x86_64", "gitlab-runner-16.1.0-1.x86_64"]
        );
    }

    #[test]
    fn a_line_that_is_no_package_is_an_error_that_names_it() {
        for line in ["<html>", "./a-1-1.noarch.rpm ./a-2-1.noarch.rpm", "built a-1-1.noarch"] {
            let error = parse(&format!("gitlab-runner-16.0.0-1.x86_64.rpm\n{line}\n")).expect_err(line);
            assert_eq!((error.line, error.text.as_str()), (2, line));
        }
    }

    #[test]
    fn a_ref_with_slashes_has_a_file_without() {
        assert_eq!(file_name("feature/a/b"), "feature_a_b.txt");
    }
}
