//! The names of trackers and of their heads, as files of a project.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::release::is_package_name;
use crate::text::named;

const PREFIX: &str = "ami-scheduler.";
const JSON: &str = ".json";
const COMPRESSED_JSON: &str = ".json.gz";
const HEAD_DIGITS: usize = 32;
const REF_DIGITS: usize = 8;
/// GitLab's own slugs have at most 63 bytes (`CI_COMMIT_REF_SLUG`).
const MAX_SLUG: usize = 63;
const MAX_PRODUCT: usize = 100;

/// The name of one tracker: of one product, on one branch or tag.
///
/// Letters, digits and `._-` alone: GitLab takes a name apart that holds `/` or `%`. The ref is
/// there as a slug and the beginning of its SHA-256, so that `feature/a` and `feature_a` stay apart. No two
/// products have one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackerName(String);

/// Why there can be no tracker of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrackerNameError {
    /// The product can't be the name of a package.
    #[error("{0:?} is not the name of a package: it may hold letters, digits and ._+-, at most {MAX_PRODUCT}")]
    Product(String),
    /// The ref is empty.
    #[error("the ref is empty; give the branch or tag that this tracker belongs to, with --ref or CI_COMMIT_REF_NAME")]
    Ref,
}

impl TrackerName {
    /// The tracker of `product` on the branch or tag `reference`.
    pub fn new(product: &str, reference: &str) -> Result<Self, TrackerNameError> {
        if !is_package_name(product) || product.len() > MAX_PRODUCT {
            return Err(TrackerNameError::Product(named(product)));
        }
        if reference.is_empty() {
            return Err(TrackerNameError::Ref);
        }
        let places = places_of_plus(product).map(|places| format!("_{places}")).unwrap_or_default();
        Ok(Self(format!("{PREFIX}{}.{}{places}", product.replace('+', "-"), ref_part(reference))))
    }

    /// Whether this can be a tracker of the given ref, of whatever product.
    pub fn is_of_ref(&self, reference: &str) -> bool {
        let part = self.0.rsplit_once('.').map(|(_, part)| part.split_once('_').map_or(part, |(part, _)| part));
        part == Some(ref_part(reference).as_str())
    }

    /// The name of the head with this content.
    pub fn head(&self, content: &[u8]) -> HeadName {
        let digits = crate::text::hex(&Sha256::digest(content))[..HEAD_DIGITS].to_owned();
        HeadName { tracker: self.clone(), digits, suffix: if is_compressed(content) { COMPRESSED_JSON } else { JSON } }
    }
}

impl fmt::Display for TrackerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `+`, which libstdc++ and others have, is the one character of a package name that is not in ours: a `-` stands
/// for it, and this says for which. A hexadecimal digit speaks of four `-`, the first of them in its lowest bit.
fn places_of_plus(product: &str) -> Option<String> {
    let signs: Vec<bool> = product.chars().filter(|c| "+-".contains(*c)).map(|c| c == '+').collect();
    let digit = |four: &[bool]| four.iter().rev().fold(0, |digit, is_plus| 2 * digit + u32::from(*is_plus));
    let digits = signs.chunks(4).filter_map(|four| char::from_digit(digit(four), 16));
    signs.contains(&true).then(|| digits.collect())
}

/// A ref as the version of a package: itself, or where GitLab takes no such version, as it stands in the name of a tracker.
pub fn version_of_ref(reference: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let begins_plain = reference.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_version =
        begins_plain && reference.len() <= MAX_SLUG && reference.bytes().all(is_plain) && !reference.contains("..");
    if is_version { reference.to_owned() } else { ref_part(reference) }
}

fn ref_part(reference: &str) -> String {
    let slug: String = reference
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(MAX_SLUG)
        .collect();
    format!("{}-{}", slug.trim_matches('-'), &crate::text::hex(&Sha256::digest(reference))[..REF_DIGITS])
}

/// Whether the content of a head is gzip of its JSON, which its name then tells.
pub(super) fn is_compressed(content: &[u8]) -> bool {
    content.starts_with(&[0x1f, 0x8b])
}

/// The name of a head: its tracker's and the beginning of the SHA-256 of its content.
///
/// Two heads of one name have one content, so "this name has already been taken" means "this very
/// content has already been stored".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeadName {
    tracker: TrackerName,
    digits: String,
    suffix: &'static str,
}

impl HeadName {
    /// Takes the name of a file apart; `None` where it is not that of a head.
    pub fn parse(file: &str) -> Option<Self> {
        let suffix = [JSON, COMPRESSED_JSON].into_iter().find(|suffix| file.ends_with(suffix))?;
        let (tracker, digits) = file.strip_suffix(suffix)?.rsplit_once('.')?;
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let well_formed = tracker.starts_with(PREFIX)
            && tracker.len() > PREFIX.len()
            && digits.len() == HEAD_DIGITS
            && digits.bytes().all(is_digit);
        well_formed.then(|| Self { tracker: TrackerName(tracker.to_owned()), digits: digits.to_owned(), suffix })
    }

    /// The tracker whose head this is.
    pub fn tracker(&self) -> &TrackerName {
        &self.tracker
    }
}

impl fmt::Display for HeadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{}", self.tracker, self.digits, self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(product: &str, reference: &str) -> String {
        TrackerName::new(product, reference).expect("a name").to_string()
    }

    #[test]
    fn a_tracker_is_named_after_its_product_and_ref() {
        assert_eq!(name("gitlab-runner", "main"), "ami-scheduler.gitlab-runner.main-0d6e4079");
    }

    #[test]
    fn refs_and_products_that_look_alike_stay_apart() {
        let refs = ["feature/a", "feature_a", "feature-a", "Feature/a", "feature/a/", "é", "è"];
        let names: std::collections::BTreeSet<_> = refs.iter().map(|reference| name("p", reference)).collect();
        assert_eq!(names.len(), refs.len());
        assert_ne!(name("g++", "main"), name("g--", "main"));
        assert_eq!(name("libstdc++", "main"), "ami-scheduler.libstdc--.main-0d6e4079_3");
        assert_eq!(name("a-b+c", "main"), "ami-scheduler.a-b-c.main-0d6e4079_2");
        // Products that once shared a tracker.
        assert_ne!(name("libstdc++", "main"), name("libstdc---4424bbcb", "main"));
    }

    proptest! {
        #[test]
        fn no_two_trackers_have_one_name(
            one in "[a-c+._-]{1,8}(-[0-9a-f]{8})?", other in "[a-c+._-]{1,8}(-[0-9a-f]{8})?",
            (ref_of_one, ref_of_other) in ("[ab/_.-]{1,4}", "[ab/_.-]{1,4}"),
        ) {
            let names = [(&one, &ref_of_one), (&other, &ref_of_other)].map(|(product, reference)| {
                let tracker = TrackerName::new(product, reference).ok()?;
                assert!(tracker.is_of_ref(reference));
                Some(tracker)
            });
            prop_assume!(names.iter().all(Option::is_some));
            prop_assert_eq!(names[0] == names[1], (one, ref_of_one) == (other, ref_of_other));
        }
    }

    #[test]
    fn every_name_of_a_head_is_one_that_gitlab_takes() {
        for (product, reference) in [
            ("gitlab-runner", "feature/a b%2e%2e\"'$(id)\n"),
            ("libstdc++", "ブランチ"),
            (&"p".repeat(100), &"r/".repeat(125)),
            (&format!("p{}", "+".repeat(99)), &"r/".repeat(125)),
        ] {
            let tracker = TrackerName::new(product, reference).expect("a name");
            let head = tracker.head(b"{}").to_string();
            assert!(head.len() <= 255, "{head}");
            assert!(head.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{head}");
            assert!(!head.contains(".."), "{head}");
            let parsed = HeadName::parse(&head).expect("the name of a head");
            assert_eq!(parsed.tracker(), &tracker);
            assert!(tracker.is_of_ref(reference) && !tracker.is_of_ref("main"));
        }
    }

    /// `Gitlab::Regex.generic_package_version_regex`: `\A(?!.*\.\.)[\w+.-]+\z`
    #[test]
    fn a_ref_is_a_version_of_a_package_as_it_is_or_as_a_slug() {
        for (reference, version) in [
            ("main", "main"),
            ("release-18.6_x", "release-18.6_x"),
            ("feature/a", "feature-a-951d42dc"),
            ("a..b", "a--b-f62b4241"),
            (".", "-cdb4ee2a"),
        ] {
            assert_eq!(version_of_ref(reference), version);
        }
        assert!(version_of_ref(&"r".repeat(64)).starts_with(&format!("{}-", "r".repeat(63))));
    }

    #[test]
    fn the_files_of_others_are_no_heads() {
        let digits = "0".repeat(32);
        for file in [
            "main.txt".to_owned(),
            "ami-scheduler.p.main.json".to_owned(),
            format!("ami-scheduler.p.main-00000000.{}.json", "0".repeat(31)),
            format!("ami-scheduler.p.main-00000000.{}.json", "G".repeat(32)),
            format!("ami-scheduler.p.main-00000000.{digits}.json.bak"),
            format!("other.p.main-00000000.{digits}.json"),
            format!("ami-scheduler.{digits}.json"),
            format!("ami-scheduler..{digits}.json"),
        ] {
            assert_eq!(HeadName::parse(&file), None, "{file}");
        }
    }

    #[test]
    fn the_heads_of_one_tracker_are_not_those_of_another() {
        let plain = TrackerName::new("p", "main").expect("a name");
        let dotted = TrackerName::new("p.main-0d6e4079", "main").expect("a name");
        assert_ne!(HeadName::parse(&dotted.head(b"").to_string()).expect("a head").tracker(), &plain);
    }
}
