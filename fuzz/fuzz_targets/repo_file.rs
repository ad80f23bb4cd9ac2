//! A `.repo` file: what is accepted names places of bounded length; what is refused, is refused in a few words.
#![no_main]

#[path = "../properties/kept.rs"]
mod kept;

use ami_scheduler::budget::{Budget, MAX_URL};
use ami_scheduler::repository::repo_file::{RepoFile, RepoFileError, Repository};
use ami_scheduler::repository::variables::Variables;
use libfuzzer_sys::fuzz_target;

fn repositories(text: &str, variables: &Variables) -> Result<Vec<Repository>, RepoFileError> {
    let file = RepoFile::parse(text, variables, &Budget::default())?;
    file.enabled(variables)?.into_iter().map(|section| section.repository(variables)).collect()
}

fuzz_target!(|text: &str| {
    let variables: Variables = [("releasever", "9.4"), ("basearch", "x86_64")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    match kept::in_proportion(text.len(), 0, || repositories(text, &variables)) {
        Ok(repositories) => {
            for Repository { places, .. } in repositories {
                assert!(
                    !places.is_empty()
                        && places.iter().all(|place| !place.text.is_empty() && place.text.len() <= MAX_URL)
                );
            }
        }
        Err(error) => assert!(error.to_string().len() < 10_000, "{error}"),
    }
    if !text.contains(['$', '\\']) {
        assert_eq!(variables.expand(text), text);
        assert_eq!(variables.expand_url(text).as_deref(), Ok(text));
    }
});
