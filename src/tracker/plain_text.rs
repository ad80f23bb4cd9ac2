//! The plain-text tracker that hand-written pipelines keep: one package file name a line.

use crate::package::Nevra;

/// Why a line is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} is not the file name of a package, such as gitlab-runner-18.6.1-1.x86_64.rpm: {text:?}. Correct it, or make it a comment with #"
)]
pub struct PlainTextError {
    /// From 1.
    pub line: usize,
    /// What stands there.
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut packages = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let file = line.rsplit('/').next().unwrap_or(line);
        let package = file.strip_suffix(".rpm").unwrap_or(file).parse();
        packages.push(package.map_err(|_| PlainTextError { line: index + 1, text: line.chars().take(120).collect() })?);
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_habit_of_hand_made_files_is_understood() {
        let text = "\u{feff}# built so far\r\n\r\ngitlab-runner-16.0.0-1.x86_64.rpm\r\n  gitlab-runner-16.0.1-1.x86_64\n./el/9/gitlab-runner-16.1.0-1.x86_64.rpm";
        let packages: Vec<_> = parse(text).expect("a tracker").iter().map(Nevra::to_string).collect();
        assert_eq!(
            packages,
            ["gitlab-runner-16.0.0-1.x86_64", "gitlab-runner-16.0.1-1.x86_64", "gitlab-runner-16.1.0-1.x86_64"]
        );
    }

    #[test]
    fn a_line_that_is_no_package_is_an_error_that_names_it() {
        let error = parse("gitlab-runner-16.0.0-1.x86_64.rpm\n<html>\n").expect_err("not a package");
        assert_eq!((error.line, error.text.as_str()), (2, "<html>"));
    }

    #[test]
    fn a_ref_with_slashes_has_a_file_without() {
        assert_eq!(file_name("feature/a/b"), "feature_a_b.txt");
    }
}
