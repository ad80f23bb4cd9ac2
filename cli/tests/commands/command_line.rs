//! What all commands have in common: variables, mistakes, quiet runs, and help as wide as the terminal.

use crate::folder::{DIFF, Folder, TRACKER};

#[test]
fn each_option_is_read_from_its_variable() {
    let folder = Folder::new();
    folder.repository("repo", "gitlab-runner", &["17.11.0-1.x86_64", "18.6.0-1.x86_64"]);
    let variables = [
        ("AMI_SCHEDULER_REPO_URL", "file:repo"),
        ("AMI_SCHEDULER_REPO_URLS", " []"),
        ("AMI_SCHEDULER_PRODUCT", "gitlab-runner"),
        ("AMI_SCHEDULER_MAJOR_VERSION", "18"),
        ("AMI_SCHEDULER_PRE_RELEASES", " false"),
        ("AMI_SCHEDULER_ARCH", " []"),
        ("AMI_SCHEDULER_GPG_KEY", "none"),
        ("AMI_SCHEDULER_CACHE", " true"),
    ];
    folder.run_in(&variables, &["list"]).succeeds();
    assert_eq!(folder.packages("packages.json"), ["gitlab-runner-18.6.0-1.x86_64"]);

    let variables = [
        ("AMI_SCHEDULER_TARGETS", r#" ["al2023", "rhel9"]"#),
        ("AMI_SCHEDULER_TRACKER", "tracker"),
        ("AMI_SCHEDULER_BUILD_FILE", "ci/build-ami.yml"),
        ("AMI_SCHEDULER_MAX_BUILDS", " 1"),
        ("AMI_SCHEDULER_KEEP", "latest"),
        ("AMI_SCHEDULER_CLAIM_TIMEOUT", "90m"),
        ("AMI_SCHEDULER_LANE", "nightly "),
        ("AMI_SCHEDULER_MODULE_SHA256", "none"),
        ("CI_COMMIT_REF_NAME", "main"),
        ("CI_PIPELINE_ID", "4711"),
    ];
    folder.run_in(&variables, &["diff"]).succeeds();
    assert_eq!(folder.builds(), ["18.6.0-1 al2023"]);
    assert_eq!(folder.json("builds.json")["pipeline"], 4711);
}

#[test]
fn an_empty_variable_is_none() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let empty = [
        "ORDER",
        "EXCLUDE",
        "SKIP",
        "ONLY_TARGETS",
        "RECORD",
        "JUNIT",
        "MARKDOWN",
        "COMPARE",
        "BUILD_JOB",
        "JOB_IMAGE",
        "MODULE_URL",
        "FAIL_ON",
        "LANE",
        "NOW",
        "QUIET",
    ];
    let names: Vec<String> = empty.iter().map(|name| format!("AMI_SCHEDULER_{name}")).collect();
    let mut variables: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), " ")).collect();
    variables.extend([("AMI_SCHEDULER_CA_FILE", ""), ("CI_COMMIT_REF_NAME", "main"), ("CI_PIPELINE_ID", "")]);
    folder
        .run_in(&variables, &["diff", "--targets", "al2023", "--tracker", "tracker", "--build-file", "ci/a.yml"])
        .succeeds();
    assert_eq!(folder.state("18.6.0-1", "al2023"), "building");
}

#[test]
fn an_option_on_the_command_line_counts_more_than_its_variable() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let variables = [("AMI_SCHEDULER_TARGETS", "rhel9"), ("AMI_SCHEDULER_REF", "other")];
    folder.run_in(&variables, &DIFF).succeeds();
    assert_eq!(folder.builds(), ["18.6.0-1 al2023", "18.6.0-1 rhel9"]);
    assert_eq!(folder.json("builds.json")["ref"], "main");
}

#[test]
fn a_guard_that_expanded_to_nothing_is_an_error() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let list = ["list", "--repo-url", "file:repo", "--product", "gitlab-runner"];
    for value in ["", "\n"] {
        let error = folder.run_in(&[("AMI_SCHEDULER_GPG_KEY", value)], &list).fails(2);
        assert!(error.contains("--gpg-key (variable AMI_SCHEDULER_GPG_KEY)"), "{error}");
        assert!(error.contains("a key was asked for, and its value expanded to nothing"), "{error}");
        // The wrapper, where there is one, refuses it with 1 before the module runs.
        let ended = folder.run_in(&[("AMI_SCHEDULER_MODULE_SHA256", value), ("CI_PIPELINE_ID", "1")], &DIFF);
        assert!(matches!(ended.code, Some(1 | 2)) && ended.stderr.contains("input module_sha256"), "{ended:#?}");
    }
    let error = folder.run(&["list", "--repo-url", "file:repo", "--product", "gitlab-runner", "--gpg-key="]).fails(2);
    assert!(error.contains("for --gpg-key: a key was asked for"), "{error}");
    folder.run_in(&[("AMI_SCHEDULER_GPG_KEY", "none")], &list).succeeds();
    for guard in [
        "CLAIM_TIMEOUT",
        "FIRST_RUN",
        "KEEP",
        "MAX_ATTEMPTS",
        "MAX_BUILDS",
        "MIN_AGE",
        "OVERDUE_AFTER",
        "TEST_JOB",
        "UNCHANGED_AFTER",
    ] {
        let option = format!("--{}", guard.to_lowercase().replace('_', "-"));
        for value in ["", " ", "$NOT_THERE"] {
            let error = folder.run_in(&[(&format!("AMI_SCHEDULER_{guard}"), value)], &DIFF).fails(2);
            assert!(error.contains(&option), "{error}");
        }
    }
    let no_ref = ["diff", "--targets", "al2023", "--tracker", "tracker", "--build-file", "ci/a.yml"];
    let error = folder.run_in(&[("AMI_SCHEDULER_REF", ""), ("CI_COMMIT_REF_NAME", "main")], &no_ref).fails(2);
    assert!(error.contains("--ref"), "the tracker of another ref would be a first run: {error}");
}

#[test]
fn a_mistake_is_the_last_line_and_says_what_is_expected() {
    let folder = Folder::new();
    let job = [("CI_PIPELINE_ID", "1"), ("AMI_SCHEDULER_CLAIM_TIMEOUT", "12x")];
    assert_eq!(
        folder.run_in(&job, &DIFF).fails(2),
        r#"invalid value "12x" for --claim-timeout (input claim_timeout): expected a time such as 12h or 90m"#
    );
    for (arguments, error) in [
        (
            &["diff", "--min-age", "1.5"][..],
            r#"invalid value "1.5" for --min-age: expected whole days, from 0 to 3650"#,
        ),
        (
            &["list", "--now", "tomorrow"],
            r#"invalid value "tomorrow" for --now: expected a time such as 2026-11-24T02:00:00Z"#,
        ),
        (&["diff", "--keep", "new"], "expected all, latest, latest-per-minor or latest-per-major"),
        (&["status"], "the following required arguments were not provided: --tracker (variable AMI_SCHEDULER_TRACKER)"),
        (&["status", "--tracker", "tracker", "--stat", "failed"], "tip: a similar argument exists: '--state'"),
        (&["lst"], "tip: a similar subcommand exists: 'list'"),
        (
            &["list", "https://mary:p4ssword@yum.example.com/"],
            "unexpected argument … (not repeated: a password may be in it) found",
        ),
        (&[], "requires a subcommand but one was not provided"),
    ] {
        let ended = folder.run_in(&[], arguments);
        assert!(!ended.stderr.contains("p4ssword") && !ended.stderr.contains("For more information"), "{ended:#?}");
        let told = ended.fails(2);
        assert!(told.contains(error), "{told}");
    }
}

#[test]
fn a_quiet_run_prints_results_and_errors_alone() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let quiet = folder.run_in(&[("AMI_SCHEDULER_QUIET", "true")], &DIFF);
    assert_eq!((quiet.stderr.clone(), quiet.succeeds()), (String::new(), String::new()));
    let status = folder.run(&["-q", "status", "--tracker", "tracker"]).succeeds();
    assert!(status.contains("building"), "{status}");
    let error = folder.run(&[&["rebuild", "1.0", "--quiet"], &TRACKER[..]].concat()).fails(4);
    assert!(error.contains("knows no release 1.0"), "{error}");
}

#[test]
fn help_is_as_wide_as_the_terminal_and_names_each_variable_but_no_value() {
    let folder = Folder::new();
    let commands = [
        "list",
        "diff",
        "update",
        "settle",
        "status",
        "why",
        "skip",
        "unskip",
        "rebuild",
        "import",
        "reconcile",
        "tracker",
        "completions",
        "wrapper",
    ];
    for command in commands {
        let variables = [("COLUMNS", "80"), ("AMI_SCHEDULER_PRODUCT", "secret"), ("AMI_SCHEDULER_TOKEN", "secret")];
        let help = folder.run_in(&variables, &[command, "--help"]).succeeds();
        for line in help.lines() {
            // The usage is one line, and the name of a value is not broken.
            assert!(line.chars().count() <= 80 || line.starts_with("Usage:"), "{command}: {line}");
        }
        assert!(!help.contains("secret"), "{help}");
        assert!(help.contains("Examples:"), "{command}");
        assert_eq!(help.matches("[env: AMI_SCHEDULER_NOW]").count(), 1, "{help}");
    }
    let help = folder.run(&["diff", "--help"]).succeeds();
    assert!(help.contains("[env: AMI_SCHEDULER_REF, CI_COMMIT_REF_NAME]"), "{help}");
    folder.run(&["--help"]).succeeds();
    folder.run(&["--version"]).succeeds();
}
