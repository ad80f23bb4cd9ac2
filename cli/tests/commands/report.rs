//! `report`: what became of the builds that a pipeline claimed.

use crate::folder::{DIFF, Folder, TRACKER};

fn report<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["report", "--product", "gitlab-runner", "--pipeline", "7"], more, &TRACKER].concat()
}

#[test]
fn what_became_of_the_builds_of_a_pipeline_is_told() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.run(&[&DIFF[..], &["--pipeline", "7"]].concat()).succeeds();
    let built = ["update", "--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "rhel9", "--claim", "0.1@7"];
    folder.run(&[&built[..], &["--image", "us-east-1=ami-1"], &TRACKER].concat()).succeeds();
    folder.run(&[&["settle", "--pipeline", "7"][..], &TRACKER].concat()).succeeds();
    let files = ["--json", "night.json", "--markdown", "night.md", "--dotenv", "night.env", "--images", "images.json"];
    let alarms = r#"[{"alarm": "unchanged", "explanation": "it has not changed for 40 days"}]"#;

    let told = folder.run(&report(&[&files[..], &["--max-attempts", "1", "--alarms", alarms]].concat())).succeeds();

    assert!(
        told.starts_with("gitlab-runner on main, pipeline 7: 1 built, 1 failed (1 given up); alarms: unchanged\n"),
        "{told}"
    );
    assert!(told.ends_with("WARNING: it has not changed for 40 days\n"), "{told}");
    assert_eq!(
        folder.read("night.env"),
        "BUILT=1\nFAILED=1\nGIVEN_UP=1\nOPEN=0\nPAUSED=0\nALARMS=unchanged\nSUMMARY=1 built, 1 failed (1 given up); alarms: unchanged\n"
    );
    for (file, part) in [
        ("night.json", "\"outcome\": \"given_up\""),
        ("night.md", "| `rhel9` | built | 1 | `us-east-1=ami-1` |"),
        ("images.json", "\"us-east-1\": \"ami-1\""),
    ] {
        let text = folder.read(file);
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn what_cannot_be_told_leaves_no_file_of_an_earlier_night() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("night.env", "BUILT=1\n");
    let error = folder.run(&report(&["--dotenv", "night.env"])).fails(4);
    assert!(error.contains("no tracker of gitlab-runner"), "{error}");
    assert!(!folder.has("night.env"));
    let error = folder.run(&report(&["--paused", "[1]"])).fails(2);
    assert!(error.contains("it is not what diff writes into child-pipeline.yml"), "{error}");
    for (alarms, told) in [
        ("x", "it is not what diff writes into child-pipeline.yml"),
        (r#"[{"alarm": "a\nFAILED=0", "explanation": ""}]"#, "is no alarm: expected republished"),
    ] {
        let error = folder.run(&report(&["--alarms", alarms])).fails(2);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_run_begins_as_many_builds_as_the_jobs_of_a_pipeline_leave_room_for() {
    let folder = Folder::listed(&["18.6.0-1.x86_64", "18.7.0-1.x86_64"]);
    let diff = |more: &[&str]| folder.run(&[&DIFF[..], &["--first-run", "all", "--dry-run"], more].concat());
    diff(&["--max-jobs", "8"]).succeeds();
    assert_eq!(folder.builds().len(), 3);
    diff(&["--max-jobs", "8", "--notify-job", ".tell", "--test-job", ".test"]).succeeds();
    assert_eq!(folder.builds().len(), 1);
    let error = diff(&["--max-jobs", "2"]).fails(2);
    assert!(
        error.contains("--max-jobs 2 (input max_jobs) is too few: a child pipeline with one build has 3 jobs"),
        "{error}"
    );
}
