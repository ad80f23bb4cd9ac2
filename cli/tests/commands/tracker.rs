//! `tracker`: a copy for another ref, and targets that get another name or go.

use crate::folder::{DIFF, Folder, TRACKER};

/// A tracker on main with a success for al2023 and an open claim for rhel9.
fn tracked() -> Folder {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.run(&[&DIFF[..], &["--pipeline", "7"]].concat()).succeeds();
    let build =
        ["update", "--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "al2023", "--note", "AMI_ID=ami-1"];
    folder.run(&[&build[..], &TRACKER].concat()).succeeds();
    folder
}

const PRODUCT: [&str; 2] = ["--product", "gitlab-runner"];

fn tracker<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["tracker"], words, &PRODUCT[..], &TRACKER].concat()
}

#[test]
fn a_copy_has_what_was_built_and_no_claim() {
    let folder = tracked();
    let copy = ["tracker", "copy", "--tracker", "tracker", "--from", "main", "--to", "release"];
    let told = folder.run(&[&copy[..], &PRODUCT].concat()).succeeds();
    assert!(told.contains("Copied 2 builds from main to release, which had 0 and has 2 now."), "{told}");
    let status = folder.run(&["status", "--tracker", "tracker", "--ref", "release"]).succeeds();
    assert!(status.contains("built") && status.contains("AMI_ID=ami-1") && status.contains("given back"), "{status}");
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "building");
    let same = ["tracker", "copy", "--tracker", "tracker", "--from", "main", "--to", "main"];
    let error = folder.run(&[&same[..], &PRODUCT].concat()).fails(2);
    assert!(error.contains("--from and --to are the same ref, main"), "{error}");
    let missing = ["tracker", "copy", "--tracker", "tracker", "--from", "mian", "--to", "release"];
    let error = folder.run(&[&missing[..], &PRODUCT].concat()).fails(4);
    assert!(error.contains("there is no tracker of gitlab-runner on mian"), "{error}");
}

#[test]
fn a_target_is_renamed_to_one_that_is_not_there() {
    let folder = tracked();
    let told = folder.run(&tracker(&["rename-target", "al2023", "al2025"])).succeeds();
    assert!(told.contains("al2023 is al2025 now: 1 build."), "{told}");
    assert_eq!(
        (folder.state("18.6.0-1", "al2025").as_str(), folder.state("18.6.0-1", "al2023").as_str()),
        ("built", "")
    );
    for (from, to, told) in [
        ("al2023", "al2026", "knows no target al2023: it has al2025, rhel9"),
        ("al2025", "rhel9", "rhel9 is a target of the tracker in directory tracker already"),
    ] {
        let error = folder.run(&tracker(&["rename-target", from, to])).fails(2);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_target_that_is_removed_is_new_when_it_comes_back() {
    let folder = tracked();
    let told = folder.run(&tracker(&["remove-target", "rhel9"])).succeeds();
    assert!(told.contains("Removed rhel9: 1 build.") && told.contains("Builds under way: 1."), "{told}");
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "");
    let told = folder.run(&[&DIFF[..], &["--pipeline", "8"]].concat()).succeeds();
    assert!(told.contains("First run for rhel9"), "{told}");
    let error = folder.run(&tracker(&["remove-target", "rhel8"])).fails(2);
    assert!(error.contains("knows no target rhel8: it has al2023, rhel9"), "{error}");
}
