//! `skip`, `unskip` and `rebuild`: what a person decides.

use crate::folder::{DIFF, Folder, NEXT_NIGHT, TRACKER};

/// A tracker that knows 18.6.0 and 18.6.1, as skipped and as claimed.
fn known() -> Folder {
    let folder = Folder::listed(&["18.6.0-1.x86_64", "18.6.1-1.x86_64"]);
    folder.run(&[&DIFF[..], &["--pipeline", "1"]].concat()).succeeds();
    folder
}

fn run(folder: &Folder, arguments: &[&str]) -> String {
    folder.run(&[arguments, &TRACKER[..]].concat()).succeeds()
}

const FORMS: [&str; 6] = [
    "18.6.1",
    "18.6.1.rpm",
    "18.6.1-1",
    "18.6.1-1.rpm",
    "gitlab-runner-18.6.1-1.x86_64",
    "gitlab-runner-18.6.1-1.x86_64.rpm",
];

#[test]
fn a_release_is_named_in_every_form() {
    for form in FORMS {
        let folder = known();
        run(&folder, &["skip", form, "--target", "rhel9", "--reason", "x", "--by", "mary"]);
        assert_eq!(folder.state("18.6.1-1", "rhel9"), "skipped", "{form}");
        run(&folder, &["unskip", form, "--by", "mary"]);
        assert_eq!(folder.state("18.6.1-1", "rhel9"), "pending", "{form}");
        let told = run(&folder, &["rebuild", form, "--reason", "x", "--by", "mary"]);
        assert_eq!(told.lines().count(), 2, "{told}");
        assert_eq!(folder.entry("18.6.1-1", "al2023")["epoch"], 1, "{form}");
    }
}

#[test]
fn a_version_of_several_releases_is_that_of_all() {
    let folder = Folder::listed(&["18.6.1-1.x86_64", "1:18.6.1-1.x86_64", "18.6.1-1.aarch64"]);
    folder.run(&[&DIFF[..], &["--first-run", "all"]].concat()).succeeds();
    let told = run(&folder, &["rebuild", "18.6.1-1", "--target", "rhel9", "--reason", "x"]);
    assert!(told.contains("18.6.1-1 names 3 releases: "), "{told}");
    assert_eq!(told.matches("Will be built again").count(), 3, "{told}");
    let told = run(&folder, &["skip", "1:18.6.1-1", "--target", "rhel9", "--reason", "x", "--by", "mary"]);
    assert_eq!(told, "Skipped: gitlab-runner-1:18.6.1-1.x86_64 rhel9\n");
}

#[test]
fn a_version_needs_a_product_where_there_are_several() {
    let folder = known();
    folder.repository("other", "bash", &["18.6.1-1.x86_64"]);
    folder.run(&["list", "--repo-url", "file:other", "--product", "bash"]).succeeds();
    folder.run(&DIFF).succeeds();
    let rebuild = [&["rebuild", "18.6.1", "--reason", "x"], &TRACKER[..]].concat();
    let error = folder.run(&rebuild).fails(2);
    assert!(
        error.contains("18.6.1 can be a release of each of bash, gitlab-runner: name one with --product"),
        "{error}"
    );
    let told = folder.run(&[&rebuild[..], &["--product", "bash"]].concat()).succeeds();
    assert!(told.contains("bash-18.6.1-1.x86_64 al2023"), "{told}");
}

#[test]
fn what_the_tracker_does_not_know_is_named_in_full() {
    let folder = known();
    let skip = |release: &'static str, more: &[&'static str]| {
        folder.run(&[&["skip", release, "--reason", "x", "--by", "mary"], &TRACKER[..], more].concat())
    };
    let error = skip("18.9.0", &[]).fails(4);
    assert!(error.contains("a release that it does not know yet is named in full, such as gitlab-runner-"), "{error}");
    let told = skip("gitlab-runner-18.9.0-1.x86_64", &[]).succeeds();
    assert_eq!(told.matches("Skipped: gitlab-runner-18.9.0-1.x86_64").count(), 2, "{told}");
    let error =
        folder.run(&[&["rebuild", "gitlab-runner-1-1.x86_64", "--reason", "x"], &TRACKER[..]].concat()).fails(4);
    assert!(error.contains("knows nothing of gitlab-runner-1-1.x86_64"), "{error}");
    let error = folder.run(&[&["unskip", "18.6.1", "--by", "mary"], &TRACKER[..]].concat()).fails(4);
    assert!(error.contains("does not skip 18.6.1"), "{error}");
}

#[test]
fn a_ref_without_a_tracker_lists_those_with_one() {
    let folder = known();
    folder.run(&[&DIFF[..], &["--ref", "feature/a"]].concat()).fails(2);
    let diff = [
        "diff",
        "--targets",
        "al2023",
        "--tracker",
        "tracker",
        "--ref",
        "feature/a",
        "--build-file",
        "ci/build-ami.yml",
    ];
    folder.run(&diff).succeeds();
    let tracker = ["--tracker", "tracker", "--ref", "mian"];
    for arguments in [
        &["rebuild", "18.6.1", "--reason", "x"][..],
        &["rebuild", "gitlab-runner-18.6.1-1.x86_64", "--reason", "x"],
        &["skip", "18.6.1", "--reason", "x", "--by", "mary"],
        &["skip", "gitlab-runner-18.6.1-1.x86_64", "--reason", "x", "--by", "mary"],
        &["unskip", "18.6.1", "--by", "mary"],
    ] {
        let error = folder.run(&[arguments, &tracker].concat()).fails(4);
        assert!(error.contains("on mian in directory tracker; there are trackers on: feature/a, main"), "{error}");
    }
}

#[test]
fn what_is_skipped_is_not_built_and_what_is_built_is_not_skipped() {
    let folder = known();
    run(&folder, &["update", "--package", "gitlab-runner-18.6.1-1.x86_64", "--target", "al2023"]);
    let told = run(&folder, &["skip", "18.6.1", "--reason", "does not start", "--by", "mary"]);
    assert!(
        told.contains("Skipped: gitlab-runner-18.6.1-1.x86_64 rhel9; the build that is under way counts"),
        "{told}"
    );
    assert!(told.contains("Is built, and stays so: gitlab-runner-18.6.1-1.x86_64 al2023"), "{told}");
    let told = run(&folder, &["skip", "18.6.1", "--target", "rhel9", "--reason", "does not start", "--by", "mary"]);
    assert!(told.contains("Was skipped before"), "{told}");
    let skip = ["skip", "18.6.1", "--target", "al2023", "--reason", "x", "--by", "mary"];
    let error = folder.run(&[&skip[..], &TRACKER].concat()).fails(4);
    assert!(error.contains("is built for al2023: there is nothing left to skip"), "{error}");
}

/// Field tests, tracker 14.
#[test]
fn a_release_that_was_asked_for_again_can_be_skipped_for_the_same_reason_by_the_same_person() {
    let folder = known();
    run(&folder, &["rebuild", "18.6.1", "--target", "rhel9", "--reason", "broken", "--by", "mary"]);
    let told = run(&folder, &["skip", "18.6.1", "--target", "rhel9", "--reason", "broken", "--by", "mary"]);
    assert!(told.contains("Skipped: "), "{told}");
    assert_eq!(folder.state("18.6.1-1", "rhel9"), "skipped");
}

#[test]
fn what_is_asked_for_again_is_built_by_the_next_run() {
    let folder = known();
    run(&folder, &["update", "--package", "gitlab-runner-18.6.1-1.x86_64", "--target", "al2023"]);
    run(&folder, &["rebuild", "18.6.1", "--target", "al2023", "--reason", "no swap", "--by", "mary"]);
    let next = [&DIFF[..], &["--pipeline", "2"]].concat();
    let told = folder.run_next_night(&next).succeeds();
    assert!(told.contains("asked for again by mary: no swap"), "{NEXT_NIGHT}: {told}");
}
