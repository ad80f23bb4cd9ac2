//! `diff`: what is built, claimed and written.

use crate::folder::{DIFF, Folder};

fn diff(folder: &Folder, more: &[&str]) -> String {
    folder.run(&[&DIFF[..], more].concat()).succeeds()
}

#[test]
fn a_release_is_claimed_once() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    diff(&folder, &["--pipeline", "1", "--notes", "AMI_ID"]);
    assert_eq!(folder.builds(), ["18.6.0-1 al2023", "18.6.0-1 rhel9"]);
    assert_eq!(folder.state("18.6.0-1", "al2023"), "building");
    let child = folder.read("child-pipeline.yml");
    assert!(child.contains("ci/build-ami.yml") && child.contains("AMI_ID"), "{child}");
    let told = diff(&folder, &["--pipeline", "2"]);
    assert!(folder.builds().is_empty(), "{told}");
    assert!(told.contains("held by"), "{told}");
}

#[test]
fn a_first_run_builds_the_newest_release() {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    for (first_run, builds) in [("latest", 2), ("none", 0), ("all", 4)] {
        diff(&folder, &["--dry-run", "--first-run", first_run]);
        assert_eq!(folder.builds().len(), builds, "{first_run}");
    }
    diff(&folder, &[]);
    assert_eq!(folder.builds(), ["18.6.0-1 al2023", "18.6.0-1 rhel9"]);
    assert_eq!(folder.state("18.5.0-1", "rhel9"), "skipped");
}

#[test]
fn a_dry_run_has_no_effect_and_compares() {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    diff(&folder, &["--dry-run", "--first-run", "all"]);
    assert_eq!((folder.builds().len(), folder.state("18.6.0-1", "al2023").as_str()), (4, ""));
    assert!(folder.read("child-pipeline.yml").contains("nothing-to-build"));
    // The earlier run may be where this one writes.
    let told = diff(&folder, &["--dry-run", "--first-run", "all", "--exclude", "18.5.*", "--compare", "builds.json"]);
    assert!(told.contains("gitlab-runner-18.5.0-1.x86_64"), "{told}");
    let error = folder.run(&[&DIFF[..], &["--compare", "builds.json"]].concat()).fails(2);
    assert!(error.contains("--compare is for a dry run alone"), "{error}");
}

#[test]
fn a_version_by_hand_is_built_without_a_record() {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    let list = ["list", "--repo-url", "file:repo", "--product", "gitlab-runner", "--version", "18.5.0"];
    folder.run(&list).succeeds();
    let told = diff(&folder, &["--only-targets", "rhel9"]);
    assert_eq!(folder.builds(), ["18.5.0-1 rhel9"]);
    assert!(told.contains("The tracker was neither read nor written"), "{told}");
    assert_eq!(folder.state("18.5.0-1", "rhel9"), "");
    diff(&folder, &["--only-targets", "rhel9", "--record", "--by", "mary"]);
    assert_eq!(folder.entry("18.5.0-1", "rhel9")["by"], "mary");
}

#[test]
fn reports_are_written_where_they_are_asked_for() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    diff(&folder, &["--markdown", "builds.md", "--junit", "junit.xml"]);
    assert!(folder.read("builds.md").contains("18.6.0") && folder.read("junit.xml").contains("<testsuite"));
}

#[test]
fn what_an_earlier_run_wrote_is_not_left_behind() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let results = ["builds.json", "child-pipeline.yml", "builds.md", "junit.xml"];
    diff(&folder, &["--markdown", "builds.md", "--junit", "junit.xml"]);
    assert!(results.iter().all(|name| folder.has(name)));
    let reports = ["--packages", "nowhere.json", "--markdown", "builds.md", "--junit", "junit.xml"];
    folder.run(&[&DIFF[..], &reports].concat()).fails(1);
    assert!(results.iter().all(|name| !folder.has(name)));
}

#[test]
fn an_alarm_that_is_named_ends_the_run_with_its_code() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    diff(&folder, &[]);
    let overdue = [&DIFF[..], &["--overdue-after", "3", "--fail-on", "overdue"]].concat();
    folder.run_next_night(&overdue).succeeds();
    let error = folder.run_at("2026-12-24T02:00:00Z", &overdue).fails(8);
    assert!(error.contains("there are alarms that --fail-on names (overdue)"), "{error}");
}

#[test]
fn targets_are_named_once_and_known() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let diff = |targets: &str, more: &[&str]| {
        let rest = ["--tracker", "tracker", "--ref", "main", "--build-file", "ci/a.yml"];
        folder.run(&[&["diff", "--targets", targets], &rest[..], more].concat())
    };
    assert!(diff("a,a", &[]).fails(2).contains("--targets names a twice"));
    assert!(diff("", &[]).fails(2).contains("--targets is empty"));
    assert!(diff("a", &["--only-targets", "b"]).fails(2).contains("--only-targets names b, which is none of"));
    let error = diff("a", &["--module-url", "https://gitlab.example.com/m.wasm"]).fails(2);
    assert!(error.contains("--module-url needs --module-sha256"), "{error}");
}

#[test]
fn a_plain_text_tracker_is_taken_over() {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    folder.write("tracker/main.txt", "gitlab-runner-18.6.0-1.x86_64.rpm\n");
    let told = diff(&folder, &[]);
    assert!(told.contains("Took over the plain-text tracker main.txt"), "{told}");
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "built");
}

#[test]
fn an_alarm_that_stops_a_run_leaves_the_tracker_as_it_was() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let command = [&DIFF[..], &["--exclude", "18.66.*", "--stop-on", "unused_pattern"]].concat();
    let error = folder.run(&command).fails(10);
    let told = "there are alarms that --stop-on names (unused_pattern): see the warnings above. Nothing was claimed or recorded";
    assert!(error.contains(told), "{error}");
    let builds = folder.json("builds.json");
    assert_eq!(builds["dry_run"], true);
    assert_eq!(builds["builds"][0]["package"], "gitlab-runner-18.6.0-1.x86_64");
    assert!(folder.read("child-pipeline.yml").contains("nothing-to-build"));
    assert!(std::fs::read_dir(folder.path("tracker")).expect("a tracker").next().is_none(), "nothing is recorded");
    folder.run(&[&DIFF[..], &["--exclude", "18.66.*", "--stop-on", "republished"]].concat()).succeeds();
    assert_eq!(folder.state("18.6.0-1", "al2023"), "building");
}

/// Field tests, tracker 7.
#[test]
fn a_run_that_no_release_matches_is_not_green() {
    let folder = Folder::new();
    folder.repository("el9", "gitlab-runner", &["18.6.0-1.x86_64"]);
    folder.run(&["list", "--repo-url", "file:el9", "--product", "gitlab-runner", "--major-version", "81"]).succeeds();
    let error = folder.run(&DIFF).fails(9);
    assert!(error.contains("there are alarms that --fail-on names (no_match)"), "{error}");
    folder.run(&[&DIFF[..], &["--fail-on", ""]].concat()).succeeds();
}

/// Field tests, tracker 7.
#[test]
fn what_is_no_version_or_architecture_is_refused() {
    let folder = Folder::new();
    for (option, text, told) in [
        ("--major-version", "v18", "is not the beginning of a version, such as 18 or 18.6"),
        ("--major-version", "18.x", "leave out what stands for any (x, *), and a v"),
        ("--arch", "X86_64", "RPM's have small letters alone, such as \"x86_64\""),
    ] {
        let error =
            folder.run(&["list", "--repo-url", "file:el9", "--product", "gitlab-runner", option, text]).fails(2);
        assert!(error.contains(told), "{error}");
    }
}

/// Field tests, tracker 22.
#[test]
fn a_target_that_states_its_architecture_is_built_from_packages_of_it_alone() {
    let folder = Folder::listed(&["18.6.0-1.x86_64", "18.6.0-1.aarch64", "18.6.0-1.ppc64le", "18.5.0-1.noarch"]);
    let targets = |list| ["diff", "--targets", list].into_iter().chain(DIFF[3..].iter().copied()).collect::<Vec<_>>();
    let both = targets("al2023=x86_64,al2023-arm64=aarch64");
    folder.run(&[&both[..], &["--first-run", "all"]].concat()).succeeds();
    let builds: serde_json::Value = serde_json::from_str(&folder.read("builds.json")).expect("JSON");
    let pairs = builds["builds"].as_array().expect("builds").iter();
    let mut pairs: Vec<String> = pairs.map(|build| format!("{} {}", build["package"], build["target"])).collect();
    pairs.sort();
    assert_eq!(
        pairs.join("\n").replace('"', ""),
        "gitlab-runner-18.5.0-1.noarch al2023\ngitlab-runner-18.5.0-1.noarch al2023-arm64\n\
         gitlab-runner-18.6.0-1.aarch64 al2023-arm64\ngitlab-runner-18.6.0-1.x86_64 al2023"
    );
    assert_eq!(builds["filtered"][0]["package"], "gitlab-runner-18.6.0-1.ppc64le");
    assert_eq!(builds["filtered"][0]["reason"], "other_architecture");
    // The names of targets are those without an architecture, everywhere else.
    let why =
        folder.run(&["why", "gitlab-runner-18.6.0-1.aarch64", "al2023-arm64", "--builds", "builds.json"]).succeeds();
    assert!(why.contains("al2023-arm64"), "{why}");
    let error = folder.run(&[&both[..], &["--only-targets", "al2023=x86_64"]].concat()).fails(2);
    assert!(error.contains("is not a target, such as al2023"), "{error}");
    let error = folder.run(&targets("al2023=x86_64,al2023=aarch64")).fails(2);
    assert!(error.contains("--targets names al2023 twice"), "{error}");
}

#[test]
fn a_target_that_changes_its_architecture_has_another_first_run() {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64", "18.5.0-1.aarch64", "18.6.0-1.aarch64"]);
    let of = |targets| [&["diff", "--targets", targets], &DIFF[3..]].concat();
    for (pipeline, targets, built) in [
        ("1", "al2023=x86_64", &["18.6.0-1.x86_64"][..]),
        ("2", "al2023=aarch64", &["18.6.0-1.aarch64"]),
        ("3", "al2023", &[]),
        ("4", "al2023=x86_64", &[]),
    ] {
        folder.run(&[&of(targets)[..], &["--pipeline", pipeline]].concat()).succeeds();
        let builds: serde_json::Value = serde_json::from_str(&folder.read("builds.json")).expect("JSON");
        let builds = builds["builds"].as_array().expect("builds").iter();
        let packages: Vec<&str> = builds.map(|build| build["package"].as_str().expect("a package")).collect();
        assert_eq!(
            packages,
            built.iter().map(|release| format!("gitlab-runner-{release}")).collect::<Vec<_>>(),
            "{targets}"
        );
    }
}

#[test]
fn a_target_whose_architecture_no_release_has_is_an_alarm() {
    let folder = Folder::listed(&["18.6.0-1.x86_64", "18.6.0-1.aarch64"]);
    let arguments =
        [&["diff", "--targets", "al2023=x86_64,al2023-arm64=arm64"], &DIFF[3..], &["--fail-on", "no_match"]].concat();
    let ended = folder.run(&arguments);
    let told = "no release is wanted for al2023-arm64: ";
    assert!(ended.code == Some(9) && ended.stdout.contains(told), "{ended:?}");
    assert!(ended.stdout.contains("(RPM's name for arm64 is aarch64)"), "{ended:?}");
    assert_eq!(folder.builds(), ["18.6.0-1 al2023"]);
}
