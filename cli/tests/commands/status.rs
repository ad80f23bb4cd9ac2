//! `status`: what the tracker says, in each form.

use crate::folder::{DIFF, Folder, TRACKER};

/// A tracker with a build in each of several states.
fn told() -> Folder {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    folder.run(&[&DIFF[..], &["--pipeline", "1"]].concat()).succeeds();
    let build =
        ["update", "--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "al2023", "--note", "AMI_ID=ami-1"];
    folder.run(&[&build[..], &TRACKER].concat()).succeeds();
    let url = ["--pipeline-url", "https://gitlab.example.com/group/project/-/pipelines/4711"];
    folder.run(&[&["settle", "--pipeline", "1"], &TRACKER[..], &url].concat()).succeeds();
    folder
}

fn status(folder: &Folder, more: &[&str]) -> String {
    folder.run(&[&["status", "--tracker", "tracker"], more].concat()).succeeds()
}

#[test]
fn rows_are_filtered_by_state_in_each_form() {
    let folder = told();
    for (states, kept) in [
        ("", 4),
        ("failed", 1),
        ("built", 1),
        ("skipped", 2),
        ("failed,built", 2),
        (r#"["building"]"#, 0),
        ("given-up", 0),
    ] {
        let table = status(&folder, &["--state", states]);
        assert_eq!(table.matches("gitlab-runner-18").count(), kept, "{states}: {table}");
        let json = status(&folder, &["--state", states, "--format", "json"]);
        assert_eq!(json.matches("\"state\":").count(), kept, "{states}: {json}");
        let page = status(&folder, &["--state", states, "--format", "html"]);
        // Its cards tell how far each target has come all the same.
        assert_eq!(
            page.matches("<td role=\"cell\"").count() - page.matches(" class=\"none\"").count(),
            kept,
            "{states}"
        );
        assert!(page.contains("18.6.0 failed"), "{page}");
    }
    let error = folder.run(&["status", "--tracker", "tracker", "--state", "fialed"]).fails(2);
    assert!(
        error.contains("expected pending, building, lapsed, given-back, failed, given-up, skipped, built"),
        "{error}"
    );
}

#[test]
fn what_is_given_up_is_a_state_of_its_own() {
    let folder = told();
    let error = folder.run_next_night(&[&DIFF[..], &["--max-attempts", "1", "--pipeline", "2"]].concat()).fails(9);
    assert!(error.contains("there are alarms that --fail-on names (given_up)"), "{error}");
    for states in ["given-up", "failed"] {
        let table = status(&folder, &["--state", states]);
        assert!(table.contains("gitlab-runner-18.6.0-1.x86_64  rhel9") && table.contains("given up"), "{table}");
    }
}

#[test]
fn a_monitor_can_ask_for_what_is_given_up() {
    let folder = told();
    folder
        .run_next_night(&[&DIFF[..], &["--max-attempts", "1", "--pipeline", "2", "--fail-on", ""]].concat())
        .succeeds();
    folder.run(&["status", "--tracker", "tracker"]).succeeds();
    let asked = folder.run(&["status", "--tracker", "tracker", "--fail-on", "overdue,given_up"]);
    assert!(asked.stderr.contains("gitlab-runner-18.6.0-1.x86_64 for rhel9 is given up after 1 attempt"), "{asked:?}");
    asked.fails(9);
    // As in a job of one's own that extends the component's.
    folder.run(&["status", "--tracker", "tracker", "--fail-on", "no_match"]).succeeds();
}

#[test]
fn a_table_is_cut_for_no_program_that_reads_it() {
    let folder = told();
    let whole = status(&folder, &["--ref", "main"]);
    assert!(whole.contains("/-/pipelines/4711"), "{whole}");
    assert_eq!(folder.run_in(&[("COLUMNS", "40")], &["status", "--tracker", "tracker"]).succeeds(), whole);
    let to_file = ["status", "--tracker", "tracker", "--output", "status.txt"];
    folder.run_in(&[("COLUMNS", "40")], &to_file).succeeds();
    assert_eq!(folder.read("status.txt"), whole);
}

#[test]
fn a_ref_without_a_tracker_lists_those_with_one() {
    let folder = told();
    let none = "There is no tracker on mian in directory tracker; there are trackers on: main.\n";
    assert_eq!(status(&folder, &["--ref", "mian"]), none);
    let json = folder.run(&["status", "--tracker", "tracker", "--ref", "mian", "--format", "json"]);
    assert_eq!((json.stdout.as_str(), json.stderr.as_str()), ("[]\n", none));
    let none = status(&Folder::new(), &[]);
    assert_eq!(none, "There is no tracker in directory tracker.\n");
    let none = status(&Folder::new(), &["--ref", "main", "--product", "bash"]);
    assert!(none.starts_with("There is no tracker of bash on main in directory tracker; there is none"), "{none}");
}

#[test]
fn colours_are_as_they_are_asked_for() {
    let folder = told();
    assert!(status(&folder, &["--color", "always"]).contains("\u{1b}["));
    assert!(!status(&folder, &[]).contains('\u{1b}'));
}

#[test]
fn a_lane_without_a_run_is_overdue() {
    let folder = told();
    let overdue = ["--overdue-after", "3", "--fail-on", "overdue", "--format", "markdown"];
    let arguments = [&["status", "--tracker", "tracker"], &overdue[..]].concat();
    folder.run(&arguments).succeeds();
    let error = folder.run_at("2026-12-24T02:00:00Z", &arguments).fails(8);
    assert!(error.contains("there are alarms that --fail-on names (overdue)"), "{error}");
}

#[test]
fn a_directory_that_is_not_there_is_no_empty_tracker() {
    let error = Folder::new().run(&["status", "--tracker", "nowhere"]).fails(4);
    assert!(error.contains("there is no directory nowhere"), "{error}");
}

#[test]
fn all_that_is_missing_of_a_project_is_named_at_once() {
    let error = Folder::new().run(&["status", "--tracker", "gitlab"]).fails(4);
    for missing in ["CI_API_V4_URL", "CI_PROJECT_ID", "AMI_SCHEDULER_TOKEN"] {
        assert!(error.contains(missing), "{error}");
    }
}

#[test]
fn a_page_tells_the_last_run_by_its_builds_json_and_leaves_out_what_that_run_does_not_want() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.run(&[&DIFF[..], &["--pipeline", "1"]].concat()).succeeds();
    folder.run(&[&["settle", "--pipeline", "1"][..], &crate::folder::TRACKER].concat()).succeeds();
    let page = |more: &[&str]| status(&folder, &[&["--format", "html"], more].concat());
    assert!(page(&[]).contains("2 of 2 targets stuck") && page(&[]).contains("Last recorded run "));
    folder.run_next_night(&[&DIFF[..], &["--pipeline", "2", "--exclude", "18.6.*"]].concat()).succeeds();
    let told = page(&["--builds", "builds.json"]);
    assert!(told.contains(">Last run ") && told.contains(": nothing to build<"), "{told}");
    assert!(!told.contains("stuck") && told.contains("<b>2</b> failed, no longer needed"), "{told}");
}
