//! The rules about versions, as tables.

use super::*;
use crate::release::Nevra;

fn leading(text: &str) -> Policy {
    Policy { versions: Versions::Leading(text.parse().expect(text)), ..Policy::default() }
}

fn range(text: &str) -> Policy {
    Policy { versions: Versions::Range(text.parse().expect(text)), ..Policy::default() }
}

fn package(version: &str) -> Nevra {
    format!("gitlab-runner-{version}-1.x86_64").parse().expect(version)
}

#[test]
fn a_leading_version_is_compared_part_by_part() {
    for (wanted, version, holds) in [
        ("18", "18.6.1", true),
        ("18", "18", true),
        ("18.6", "18.6.1", true),
        ("18.6", "18.6", true),
        ("18.6.1", "18.6.1", true),
        ("18", "18^20240101", true),
        ("18.6", "18.60.1", false),
        ("18.6.1", "18.6", false),
        ("16", "160.0", false),
        ("16", "1.16", false),
        ("8", "18.6.1", false),
    ] {
        assert_eq!(leading(wanted).filter_reason(&package(version)).is_none(), holds, "{wanted} and {version}");
    }
}

#[test]
fn a_range_is_one_of_semantic_versions() {
    for (wanted, version, reason) in [
        (">=18.2, <19", "18.6.1", None),
        (">=18.2, <19", "18.2", None),
        (">=18.2, <19", "18.6.1.4", None),
        (">=18.2, <19", "18.6.1+git3", None),
        (">=18.2, <19", "19.0.0", Some(FilterReason::OtherVersion)),
        (">=18.2, <19", "18.1.9", Some(FilterReason::OtherVersion)),
        ("~18.6", "18.7.0", Some(FilterReason::OtherVersion)),
        ("*", "9.9p1", Some(FilterReason::NotSemantic)),
        ("=18.8.0", "18.8.0", None),
    ] {
        assert_eq!(range(wanted).filter_reason(&package(version)), reason, "{wanted} and {version}");
    }
}

#[test]
fn a_pre_release_counts_only_where_it_is_asked_for() {
    let mut policy = leading("18");
    assert_eq!(policy.filter_reason(&package("18.8.0~pre.496.g9b6f071f")), Some(FilterReason::PreRelease));
    policy.pre_releases = true;
    assert_eq!(policy.filter_reason(&package("18.8.0~pre.496.g9b6f071f")), None);

    for (version, reason) in [("18.8.0~rc.1", None), ("18.8.0~rc.2", Some(FilterReason::OtherVersion))] {
        let policy = Policy { pre_releases: true, ..range("=18.8.0-rc.1") };
        assert_eq!(policy.filter_reason(&package(version)), reason, "{version}");
    }

    let mut policy = range(">=18.2, <19");
    assert_eq!(policy.filter_reason(&package("18.8.0~rc1")), Some(FilterReason::PreRelease));
    assert_eq!(policy.filter_reason(&package("19.0.0~rc1")), Some(FilterReason::OtherVersion));
    policy.pre_releases = true;
    assert_eq!(policy.filter_reason(&package("18.8.0~rc1")), None);
}

#[test]
fn what_is_asked_for_by_hand_is_one_version() {
    let exactly = |text: &str| Policy { versions: Versions::Exactly(text.parse().expect(text)), ..Policy::default() };
    for (wanted, version, holds) in [
        ("18.6.1", "18.6.1", true),
        (" 18.6.1-1 ", "18.6.1", true),
        ("gitlab-runner-18.6.1-1.x86_64.rpm", "18.6.1", true),
        ("1:18.6.1-1", "1:18.6.1", true),
        ("18.6.1", "1:18.6.1", true),
        ("18.6.1-2", "18.6.1", false),
        ("18.6", "18.6.1", false),
        ("18.6.1", "18.6.10", false),
    ] {
        assert_eq!(exactly(wanted).filter_reason(&package(version)).is_none(), holds, "{wanted} and {version}");
    }
    for text in ["", " ", "18.*", "18.6.1,18.6.2", "18.6.1;id", "$VERSION", "18 6"] {
        assert!(text.parse::<ExactVersion>().is_err(), "{text:?}");
    }
}

#[test]
fn sources_never_count_and_architectures_as_asked() {
    let mut policy = Policy::default();
    let runner = |arch: &str| format!("gitlab-runner-18.6.1-1.{arch}").parse::<Nevra>().expect(arch);
    assert_eq!(policy.filter_reason(&runner("src")), Some(FilterReason::SourcePackage));
    assert_eq!(policy.filter_reason(&runner("aarch64")), None);
    policy.architectures = vec!["x86_64".to_owned(), "noarch".to_owned()];
    assert_eq!(policy.filter_reason(&runner("aarch64")), Some(FilterReason::OtherArchitecture));
    assert_eq!(policy.filter_reason(&runner("noarch")), None);
}

#[test]
fn versions_are_the_same_after_they_were_written() {
    let range = |text: &str| Versions::Range(text.parse().expect(text));
    let leading = |text: &str| Versions::Leading(text.parse().expect(text));
    let exactly = |text: &str| Versions::Exactly(text.parse().expect(text));
    for versions in [
        Versions::All,
        leading("18"),
        leading("18.6"),
        range(">=18.2, <19"),
        range("18"),
        range("=1.2"),
        exactly("18.6.1"),
        exactly("1:18.6.1~rc1-1"),
    ] {
        assert_eq!(Versions::try_from(versions.to_string()).expect("versions"), versions);
    }
}

#[test]
fn a_newer_release_of_the_same_line_makes_an_older_one_needless() {
    use Keep::{All, Latest, LatestPerMajor, LatestPerMinor};
    for (keep, older, newer, needless) in [
        (All, "18.6.0", "18.6.1", false),
        (Latest, "17.9.9", "18.0.0", true),
        (LatestPerMajor, "17.9.9", "18.0.0", false),
        (LatestPerMajor, "18.5.9", "18.6.0", true),
        (LatestPerMinor, "18.5.9", "18.6.0", false),
        (LatestPerMinor, "18.6.0", "18.6.1", true),
        (LatestPerMinor, "18.6.1", "18.6.0", false),
        (LatestPerMinor, "18.6.1", "18.6.1", false),
        (LatestPerMinor, "18", "18.0.1", true),
        (LatestPerMinor, "18.6~rc1", "18.6", true),
        (LatestPerMinor, "18.6.0+git3", "18.60.0", false),
    ] {
        let newer = [package(newer)];
        let superseded = keep.newest(newer.iter()).supersedes(&package(older)).is_some();
        assert_eq!(superseded, needless, "{keep:?}: {older} by {newer:?}");
    }
}

#[test]
fn each_architecture_is_kept_for_itself() {
    let other: Nevra = "gitlab-runner-19.0.0-1.aarch64".parse().expect("a package");
    assert_eq!(Keep::Latest.newest([other].iter()).supersedes(&package("18.6.0")), None);
    let newer = [package("18.6.2"), package("18.6.3"), package("18.6.1")];
    assert_eq!(Keep::Latest.newest(newer.iter()).supersedes(&package("18.6.0")), Some(&newer[1]));
}

#[test]
fn a_pattern_names_releases_by_version_or_as_a_whole() {
    for (pattern, named, version) in [
        ("18.6.1", true, "18.6.1"),
        ("18.6.1-1", true, "18.6.1"),
        ("18.6.1-2", false, "18.6.1"),
        ("18.6", false, "18.6.1"),
        ("18.6.*", true, "18.6.1"),
        ("18.?.1", true, "18.6.1"),
        ("18.?.1", false, "18.10.1"),
        ("*~*", true, "18.6.1~rc1"),
        ("gitlab-runner-18.6.1-1.x86_64", true, "18.6.1"),
        ("gitlab-runner-18.6.1-1.x86_64.rpm", true, "18.6.1"),
        ("*.aarch64", false, "18.6.1"),
        ("1:2.0-1", true, "1:2.0"),
        ("2.0", true, "1:2.0"),
    ] {
        assert_eq!(pattern.parse::<Pattern>().expect(pattern).names(&package(version)), named, "{pattern} {version}");
    }
    for text in ["", "18.6.1 ", "/18/", "[18]", "18.6.1,18.6.2", "a\nb"] {
        assert!(text.parse::<Pattern>().is_err(), "{text:?}");
    }
}

#[test]
fn a_skip_says_why() {
    let skip: Exclusion = "1:18.6.*:  crashes: see #12".parse().expect("a skip");
    assert_eq!((skip.pattern.to_string().as_str(), skip.reason.as_deref()), ("1:18.6.*", Some("crashes: see #12")));
    for (text, told) in [("18.6.1", "gives no reason"), ("18.6.1: ", "gives no reason"), ("a b: c", "names no release")]
    {
        let error = text.parse::<Exclusion>().expect_err(text).to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn what_is_no_leading_version_is_refused() {
    for text in ["", "18.", ".6", "18-6", "18.*", ">=18", "18 "] {
        assert!(text.parse::<LeadingVersion>().is_err(), "{text}");
    }
}
