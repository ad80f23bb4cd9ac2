//! The child pipeline that is written: as a whole, and for values that try to break out of it.
#![allow(clippy::disallowed_methods)] // it reads JSON of our own

use ami_scheduler::alarm::Alarm;
use ami_scheduler::artifacts::{ToTell, ToldAlarm};
use ami_scheduler::child_pipeline::{BuildFile, BuildJob, Hooks, NoteName, Settings, most_builds, render};
use ami_scheduler::plan::{BuildReason, Planned};
use ami_scheduler::release::{Advisories, Package};
use ami_scheduler::tracker::{Ingredients, TrackerName};

fn settings() -> Settings {
    Settings {
        product: "gitlab-runner".to_owned(),
        reference: "main".to_owned(),
        pipeline: 102,
        lane: None,
        build_file: "ci/build-ami.yml".parse().expect("a file"),
        build_job: ".build-ami".parse().expect("a job"),
        test_job: None,
        hooks: Hooks::default(),
        max_jobs: 0,
        max_attempts: 3,
        image: Some("registry.example.com/ami-scheduler:0.1.0".to_owned()),
        tags: vec!["docker".to_owned(), "eu".to_owned()],
        notes: vec!["AMI_ID".parse().expect("a name")],
        manifests: vec!["manifest.json".parse().expect("a file")],
        module_url: Some("https://gitlab.example.com/packages/ami-scheduler.wasm".parse().expect("a URL")),
        module_sha256: Some(format!("sha256:{}", "b".repeat(64)).parse().expect("a checksum")),
    }
}

fn planned(nevra: &str, target: &str) -> Planned {
    Planned {
        package: Package {
            nevra: nevra.parse().expect("a package"),
            url: format!("https://yum.example.com/el9/Packages/{nevra}.rpm"),
            checksum: Some(format!("sha256:{}", "a".repeat(64)).parse().expect("a checksum")),
            built_at: None,
            targets: None,
            advisories: Advisories::default(),
        },
        target: target.parse().expect("a target"),
        attempt: 1,
        claim: "0.1@102".parse().expect("a claim"),
        reason: BuildReason::NewRelease,
        stale: None,
        ingredients: Ingredients::new(),
    }
}

fn rendered(settings: &Settings, builds: &[Planned]) -> String {
    let tracker = TrackerName::new(&settings.product, &settings.reference).expect("a name");
    // The version changes with each release, and nothing else does.
    render(settings, Some(&tracker), builds, &ToTell::default())
        .expect("YAML")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// Field tests, component 4.
#[test]
fn builds_are_jobs_that_are_recorded_one_by_one() {
    let builds =
        [planned("gitlab-runner-18.6.1-1.x86_64", "al2023"), planned("gitlab-runner-2:18.7.0~rc1-1.noarch", "rhel9")];
    insta::assert_snapshot!(rendered(&settings(), &builds));
}

#[test]
fn an_image_with_a_test_is_recorded_before_it_and_counts_after_it() {
    let settings = Settings { test_job: Some(".test-ami".parse().expect("a job")), ..settings() };
    insta::assert_snapshot!(rendered(&settings, &[planned("gitlab-runner-18.6.1-1.x86_64", "al2023")]));
}

fn told() -> Settings {
    let hooks = Hooks {
        publish: Some(".publish-amis".parse().expect("a job")),
        notify: Some(".tell".parse().expect("a job")),
        quiet_nights: false,
    };
    Settings { hooks, lane: Some("v18-".to_owned()), ..settings() }
}

fn to_tell() -> ToTell {
    let alarm = Alarm::UnusedPattern { pattern: "18.7.* \"$CI_JOB_TOKEN\"".to_owned() };
    ToTell { alarms: ToldAlarm::of(&[alarm]), paused: Vec::new() }
}

#[test]
fn after_the_builds_their_images_are_handed_on_and_people_are_told() {
    let tracker = TrackerName::new("gitlab-runner", "main").expect("a name");
    let builds = [planned("gitlab-runner-18.6.1-1.x86_64", "al2023")];
    let yaml = render(&told(), Some(&tracker), &builds, &to_tell()).expect("YAML");
    let after_the_builds = &yaml[yaml.find("# What became").expect("a report")..];
    assert!(yaml.contains("\nstages: [build, update, settle, report, publish, notify]\n"), "{yaml}");
    insta::assert_snapshot!(after_the_builds);
}

#[test]
fn a_quiet_night_is_told_only_if_that_was_asked_for_and_what_is_not_recorded_never_is() {
    let tracker = TrackerName::new("gitlab-runner", "main").expect("a name");
    let builds = [planned("gitlab-runner-18.6.1-1.x86_64", "al2023")];
    let asked_for = Settings { hooks: Hooks { quiet_nights: true, ..told().hooks }, ..told() };
    let (alarm, none) = (to_tell(), ToTell::default());
    for (case, settings, tracker, builds, alarms, expected) in [
        ("builds", told(), Some(&tracker), &builds[..], &none, true),
        ("an alarm", told(), Some(&tracker), &[], &alarm, true),
        ("a quiet night", told(), Some(&tracker), &[], &none, false),
        ("a quiet night that was asked for", asked_for.clone(), Some(&tracker), &[], &none, true),
        ("builds that are not recorded", asked_for.clone(), None, &builds, &alarm, false),
        ("a dry run", asked_for, None, &[], &none, false),
        ("no such job", settings(), Some(&tracker), &builds, &alarm, false),
    ] {
        let yaml = render(&settings, tracker, builds, alarms).expect("YAML");
        let is_told = ["\nreport:\n", "\npublish:\n", "\nnotify:\n"].map(|job| yaml.contains(job));
        assert_eq!(is_told, [expected; 3], "{case}: {yaml}");
        // Jobs need the file that has them.
        assert_eq!(yaml.contains("\ninclude:\n"), expected || !builds.is_empty(), "{case}: {yaml}");
    }
}

#[test]
fn a_child_pipeline_has_as_many_builds_as_its_jobs_leave_room_for() {
    let (none, both) = (Hooks::default(), told().hooks);
    let notify = Hooks { publish: None, ..both.clone() };
    for (has_test, hooks, max_jobs, expected) in [
        (false, &none, 0, 200),
        (true, &both, 0, 90),
        (false, &none, 500, 200),
        (false, &none, 100, 49),
        (true, &none, 100, 24),
        (false, &notify, 100, 48),
        (false, &both, 100, 48),
        (true, &both, 8, 1),
        (true, &both, 7, 0),
        (false, &none, 1, 0),
    ] {
        let most = most_builds(has_test, hooks, max_jobs);
        assert_eq!(most, expected, "{max_jobs}");
        // As many jobs as are written.
        let settings = Settings {
            test_job: has_test.then(|| ".test-ami".parse().expect("a job")),
            hooks: hooks.clone(),
            max_jobs,
            ..settings()
        };
        let builds: Vec<Planned> =
            (0..most).map(|number| planned(&format!("gitlab-runner-18.{number}.0-1.x86_64"), "al2023")).collect();
        let yaml = rendered(&settings, &builds);
        let is_job = |line: &&str| {
            line.ends_with(':')
                && line.starts_with(|c: char| c.is_ascii_lowercase() || c == '"')
                && !["include:", "workflow:"].contains(line)
        };
        let jobs = yaml.lines().filter(is_job).count();
        assert!(max_jobs == 0 || most == 0 || jobs <= max_jobs as usize, "{jobs} of {max_jobs}");
    }
}

#[test]
fn builds_that_are_not_recorded_are_their_own_jobs_alone() {
    let builds = [planned("gitlab-runner-18.6.1-1.x86_64", "al2023")];
    let yaml = render(&settings(), None, &builds, &ToTell::default())
        .expect("YAML")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(yaml);
}

#[test]
fn what_looks_like_a_variable_in_the_url_of_the_module_is_not_expanded() {
    let settings =
        Settings { module_url: Some("https://gitlab.example.com/$HOME".parse().expect("a URL")), ..settings() };

    let yaml = rendered(&settings, &[planned("gitlab-runner-18.6.1-1.x86_64", "al2023")]);

    assert_eq!(values(&yaml, "AMI_SCHEDULER_MODULE_URL"), ["https://gitlab.example.com/$HOME"]);
}

#[test]
fn what_a_repository_says_is_never_expanded() {
    let mut build = planned("gitlab-runner-18.6.1-1.x86_64", "al2023");
    build.package.url = "https://evil.example.com/%CI_JOB_TOKEN%/x.rpm".to_owned();

    let yaml = rendered(&settings(), &[build]);

    let jobs: Vec<&str> = yaml.split("\n\n\"").skip(1).collect();
    assert_eq!(jobs.len(), 2, "a build and its update");
    for job in jobs {
        let (_, variables) = job.split_once("  variables:\n").expect("variables");
        for variable in variables.lines() {
            assert!(variable.contains(": {value: \"") && variable.ends_with("\", expand: false}"), "{variable}");
        }
    }
}

#[test]
fn nothing_to_build_is_a_job_that_says_so() {
    let settings = Settings {
        image: None,
        tags: vec![],
        notes: vec![],
        manifests: vec![],
        module_url: None,
        module_sha256: None,
        ..settings()
    };
    insta::assert_snapshot!(rendered(&settings, &[]));
}

/// The values of a variable in all jobs, as a YAML parser reads them: JSON's strings are YAML's.
fn values(yaml: &str, variable: &str) -> Vec<String> {
    let lines = yaml.lines().filter_map(|line| line.trim_start().strip_prefix(variable)?.strip_prefix(": "));
    let scalars = lines.map(|value| {
        let scalar = value.strip_prefix("{value: ").and_then(|value| value.strip_suffix(", expand: false}"));
        scalar.unwrap_or_else(|| panic!("{variable} can be expanded: {value}"))
    });
    scalars.map(|scalar| serde_json::from_str(scalar).expect("one double-quoted scalar")).collect()
}

#[test]
fn whatever_a_value_holds_it_is_one_scalar_of_the_yaml_and_is_not_expanded() {
    for text in [
        "feature/a",
        "it's",
        "$(id)",
        "%CI_JOB_TOKEN%",
        "a;b&c|d",
        "\"`id`\"",
        "{{x}}",
        "#1",
        "a: b",
        "a\", expand: true}\nb: {",
        "ブランチ",
        "-rf",
        "\\",
        "\\\"",
        "\u{85}\u{9b}31m",
        "\u{2028}",
        "\u{feff}",
        "\r\n\t\0",
        "\u{1f600}",
        "true",
        "",
    ] {
        let settings = Settings { reference: text.to_owned(), lane: Some(text.to_owned()), ..settings() };
        let mut build = planned("gitlab-runner-18.6.1-1.x86_64", "al2023");
        build.package.url = text.to_owned();
        let tracker = TrackerName::new("gitlab-runner", "main").expect("a name");

        let yaml = render(&settings, Some(&tracker), &[build], &ToTell::default()).expect("YAML");

        for variable in ["AMI_SCHEDULER_REF", "AMI_SCHEDULER_LANE", "PACKAGE_URL"] {
            assert_eq!(values(&yaml, variable), [text], "{variable}");
        }
        assert!(yaml.chars().all(|c| c == '\n' || !c.is_control()), "{yaml:?}");
    }
}

/// Field tests, component 2.
#[test]
fn the_pipeline_that_includes_the_component_is_no_build_file() {
    for file in [".gitlab-ci.yml", "/.gitlab-ci.yml"] {
        let refused = file.parse::<BuildFile>().expect_err(file).to_string();
        assert!(refused.starts_with(&format!("{file:?} is the pipeline that the schedule runs")), "{refused}");
    }
    assert!("ci/.gitlab-ci.yml".parse::<BuildFile>().is_ok());
}

#[test]
fn values_that_no_job_can_hold_are_refused_by_name() {
    for file in ["", "/", "ci", "../up.yml", "a/../b.yml", "ci/*.yml", "$X.yml", "a\nb.yml", "a\".yml", "//x.yml/"] {
        let error = file.parse::<BuildFile>().expect_err(file).to_string();
        assert!(error.contains(&format!("{file:?}")), "{error}");
    }
    for job in ["", ".", "build", ".a\nb", ".$x", ".ami-scheduler", ".ami-scheduler-update"] {
        assert!(job.parse::<BuildJob>().is_err(), "{job}");
    }
    for name in ["", "CI_JOB_TOKEN", "DB_Password", "1A", "A-B", "A B", "A=B", "$A", "Ä"] {
        assert!(name.parse::<NoteName>().is_err(), "{name}");
    }
    assert_eq!("/ci/build.yaml".parse::<BuildFile>().expect("a file"), "ci/build.yaml".parse().expect("a file"));
}

#[test]
fn a_build_has_what_its_image_is_made_of_as_variables_that_are_not_expanded() {
    let mut build = planned("gitlab-runner-18.6.1-1.x86_64", "al2023");
    let ingredients = [("base", "ami-0abc"), ("recipe_2", "$HOME \"x\"")];
    build.ingredients =
        ingredients.map(|(name, value)| (name.parse().expect(name), value.parse().expect(value))).into_iter().collect();
    let yaml = rendered(&settings(), &[build]);
    for line in [
        r#"    INGREDIENT_BASE: {value: "ami-0abc", expand: false}"#,
        r#"    INGREDIENT_RECIPE_2: {value: "$HOME \"x\"", expand: false}"#,
    ] {
        assert!(yaml.lines().any(|known| known == line), "{line}\n{yaml}");
    }
}
