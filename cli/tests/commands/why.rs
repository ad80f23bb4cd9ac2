//! `why`: what became of a release, and what will.

use crate::folder::{DIFF, Folder, TRACKER};

fn decided() -> Folder {
    let folder = Folder::new();
    folder.repository("repo", "gitlab-runner", &["17.11.0-1.x86_64", "18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    let list = ["list", "--repo-url", "file:repo", "--product", "gitlab-runner", "--major-version", "18"];
    folder.run(&list).succeeds();
    folder
}

#[test]
fn the_next_run_is_asked() {
    let folder = decided();
    let why = |release: &'static str, target: &'static str| {
        folder.run(&[&["why", release, target, "--targets", "al2023,rhel9"], &TRACKER[..]].concat())
    };
    assert_eq!(
        why("18.6.0", "al2023").succeeds(),
        "gitlab-runner-18.6.0-1.x86_64 al2023: to be built: first run for this target\n"
    );
    let told = why("17.11.0", "rhel9").succeeds();
    assert!(told.starts_with("gitlab-runner-17.11.0-1.x86_64: left out by list, "), "{told}");
    assert_eq!(why("18.6.0", "rocky9").fails(2), "rocky9 is none of --targets: they are al2023, rhel9");
    let error = why("18.9.0", "rhel9").fails(3);
    assert!(error.contains("18.9.0 names no release of gitlab-runner in file:repo for rhel9"), "{error}");
}

#[test]
fn a_night_answers_by_what_it_decided() {
    let folder = decided();
    folder.run(&[&DIFF[..], &["--exclude", "18.5.*"]].concat()).succeeds();
    let why = |arguments: &[&str]| folder.run(&[&["why", "--builds", "builds.json"], arguments].concat());
    assert_eq!(
        why(&["18.6.0", "al2023"]).succeeds(),
        "gitlab-runner-18.6.0-1.x86_64 al2023: to be built: first run for this target\n"
    );
    let told = why(&["*"]).succeeds();
    assert_eq!(told.lines().count(), 5, "{told}");
    assert!(told.starts_with("gitlab-runner-17.11.0-1.x86_64: left out by list, "), "{told}");
    let error = why(&["18.6.0", "rocky9"]).fails(2);
    assert_eq!(error, "rocky9 is none of builds.json: they are al2023, rhel9");
    assert!(why(&["18.9.0"]).fails(3).contains("18.9.0 names no release of gitlab-runner in builds.json"));
    let error = folder.run(&["why", "18.6.0"]).fails(2);
    assert!(error.contains("give --builds, the builds.json of a night"), "{error}");
}

#[test]
fn a_reason_of_several_lines_is_one_line() {
    let folder = decided();
    let skip = ["--skip", "18.6.0: does not\nstart"];
    let why = [&["why", "18.6.0", "al2023", "--targets", "al2023"], &TRACKER[..], &skip].concat();
    assert_eq!(folder.run(&why).succeeds().lines().count(), 1);
    folder.run(&[&DIFF[..], &skip].concat()).succeeds();
    let told = folder.run(&["why", "18.6.0", "al2023", "--builds", "builds.json"]).succeeds();
    assert_eq!(told, "gitlab-runner-18.6.0-1.x86_64 al2023: excluded by 18.6.0: does not?start\n");
}
