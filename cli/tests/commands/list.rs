//! `list`: from repositories to packages.json.

use crate::folder::Folder;

const LIST: [&str; 5] = ["list", "--repo-url", "file:repo", "--product", "gitlab-runner"];

fn repository() -> Folder {
    let folder = Folder::new();
    let releases = ["17.11.0-1.x86_64", "18.6.0-1.x86_64", "18.6.1-1.aarch64", "18.7.0~rc1-1.x86_64"];
    folder.repository("repo", "gitlab-runner", &releases);
    folder
}

#[test]
fn the_releases_that_the_rules_let_through_are_listed() {
    let folder = repository();
    for (rules, versions) in [
        (&[][..], &["17.11.0-1.x86_64", "18.6.0-1.x86_64", "18.6.1-1.aarch64"][..]),
        (&["--major-version", "18"], &["18.6.0-1.x86_64", "18.6.1-1.aarch64"]),
        (&["--version-range", ">=18.6.1"], &["18.6.1-1.aarch64"]),
        (&["--arch", "x86_64"], &["17.11.0-1.x86_64", "18.6.0-1.x86_64"]),
        (&["--major-version", "18.7", "--pre-releases"], &["18.7.0~rc1-1.x86_64"]),
        (&["--version", "18.7.0~rc1-1.rpm", "--major-version", "17"], &["18.7.0~rc1-1.x86_64"]),
    ] {
        folder.run(&[&LIST[..], rules].concat()).succeeds();
        let expected: Vec<String> = versions.iter().map(|version| format!("gitlab-runner-{version}")).collect();
        assert_eq!(folder.packages("packages.json"), expected, "{rules:?}");
    }
}

#[test]
fn explain_says_what_becomes_of_each_release() {
    let told = repository().run(&[&LIST[..], &["--major-version", "18", "--explain"]].concat()).succeeds();
    assert!(told.contains("gitlab-runner-17.11.0-1.x86_64     left out, "), "{told}");
    assert!(told.contains("gitlab-runner-18.6.0-1.x86_64      wanted"), "{told}");
}

#[test]
fn what_is_not_there_is_an_error() {
    let folder = repository();
    for (arguments, code, error) in [
        (&["list", "--repo-url", "file:repo", "--product", "gitlab-runer"][..], 3, "Did you mean gitlab-runner?"),
        (&[&LIST[..], &["--version", "18.9"]].concat(), 3, "there is no 18.9 of gitlab-runner"),
        (&["list", "--repo-url", "file:nowhere", "--product", "x"], 3, "nowhere"),
        (
            &["list", "--repo-url", "ftp://host/", "--product", "x"],
            2,
            "--repo-url begins with none of https:, http: and file:",
        ),
        (
            &[&LIST[..], &["--major-version", "18", "--version-range", ">=18"]].concat(),
            2,
            "--major-version and --version-range are two ways to say the same",
        ),
        (
            &["list", "--repo-url", "file:repo", "--repo-url", r#"["file:repo"]"#, "--product", "x"],
            2,
            "repo_url and repo_urls (--repo-url with a JSON array) are two ways to say the same",
        ),
        (&["list", "--repo-url", "", "--product", "x"], 2, "--repo-url is empty"),
    ] {
        let told = folder.run(arguments).fails(code);
        assert!(told.contains(error), "{told}");
    }
}

#[test]
fn several_repositories_are_for_targets_of_their_own() {
    let folder = repository();
    folder.repository("arm", "gitlab-runner", &["18.6.2-1.aarch64"]);
    let variables = [("AMI_SCHEDULER_REPO_URLS", r#" ["al2023=file:repo", "graviton=file:arm"]"#)];
    folder.run_in(&variables, &["list", "--product", "gitlab-runner"]).succeeds();
    let packages = &folder.json("packages.json")["packages"];
    assert_eq!(packages[3]["package"], "gitlab-runner-18.6.2-1.aarch64");
    assert_eq!(packages[3]["targets"][0], "graviton");
}

#[test]
fn both_variables_of_repositories_are_one_too_many() {
    let variables = [("AMI_SCHEDULER_REPO_URL", "file:repo"), ("AMI_SCHEDULER_REPO_URLS", r#"["file:repo"]"#)];
    let error = repository().run_in(&variables, &["list", "--product", "gitlab-runner"]).fails(2);
    assert!(error.contains("are two ways to say the same: give one of them"), "{error}");
}

#[test]
fn a_version_that_was_left_in_a_schedule_is_left_aside() {
    let folder = repository();
    let left = ("AMI_SCHEDULER_BUILD_VERSION", " 18.6.0");
    let told = folder.run_in(&[left, ("CI_PIPELINE_SOURCE", "schedule")], &LIST).succeeds();
    assert!(told.contains("18.6.0 is left aside"), "{told}");
    assert_eq!(folder.packages("packages.json").len(), 3);
    folder.run_in(&[left, ("CI_PIPELINE_SOURCE", "web")], &LIST).succeeds();
    assert_eq!(folder.packages("packages.json"), ["gitlab-runner-18.6.0-1.x86_64"]);
}

#[test]
fn an_earlier_list_is_not_left_behind() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    assert!(folder.has("packages.json"));
    folder.run(&["list", "--repo-url", "file:nowhere", "--product", "gitlab-runner"]).fails(3);
    assert!(!folder.has("packages.json"));
}

#[test]
fn a_key_is_a_file_or_its_text() {
    let folder = repository();
    let no_key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n";
    folder.write("key.asc", no_key);
    for key in ["key.asc", no_key] {
        let error = folder.run_in(&[("AMI_SCHEDULER_GPG_KEY", key)], &LIST).fails(2);
        assert!(error.contains("it holds no OpenPGP public key"), "{error}");
    }
    let error = folder.run_in(&[("AMI_SCHEDULER_GPG_KEY", "no-such.asc")], &LIST).fails(1);
    assert!(error.contains("no-such.asc"), "{error}");
}

#[test]
fn a_client_certificate_is_a_file_or_its_text_and_none_of_it_is_repeated() {
    let folder = repository();
    let no_certificate = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n";
    folder.write("client.pem", no_certificate);
    for (certificate, name) in [("client.pem", "--client-cert client.pem"), (no_certificate, "--client-cert")] {
        let error = folder.run_in(&[("AMI_SCHEDULER_CLIENT_CERT", certificate)], &LIST).fails(2);
        assert!(error.contains(&format!("{name} holds no certificate")) && !error.contains("s3cret"), "{error}");
    }
    for option in ["--client-cert", "--client-key"] {
        let error = folder.run(&[&LIST[..], &[&format!("{option}=")]].concat()).fails(2);
        assert!(error.contains("was asked for, and its value expanded to nothing"), "{error}");
    }
    let error = folder.run_in(&[("AMI_SCHEDULER_CLIENT_KEY", no_certificate)], &LIST).fails(2);
    assert!(error.contains("--client-key has a key, and --client-cert no certificate"), "{error}");
    let none = [("AMI_SCHEDULER_CLIENT_CERT", "none"), ("AMI_SCHEDULER_CLIENT_KEY", "none")];
    folder.run_in(&none, &LIST).succeeds();
}

#[test]
fn what_is_meant_as_a_client_key_and_is_no_pem_is_not_repeated() {
    let folder = repository();
    folder.write("client.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for body in ["MIGHAgEAMBMGByqGSM49s3cret", &"czNjcmV0".repeat(600)] {
        for (option, variables) in [
            ("--client-cert", vec![("AMI_SCHEDULER_CLIENT_CERT", body)]),
            ("--client-key", vec![("AMI_SCHEDULER_CLIENT_CERT", "client.pem"), ("AMI_SCHEDULER_CLIENT_KEY", body)]),
        ] {
            let error = folder.run_in(&variables, &LIST).fails(2);
            assert!(error.contains(&format!("{option} is neither a file that is here nor PEM")), "{error}");
            assert!(!error.contains(&body[..12]), "{error}");
        }
    }
}

#[test]
fn a_section_whose_name_came_to_nothing_is_an_error() {
    let folder = repository();
    folder.write("x.repo", "[one]\nbaseurl=file:repo\n");
    let list = ["list", "--repo-file", "x.repo", "--product", "gitlab-runner"];
    for name in ["al2023=", "one,", ",", "al2023= "] {
        let error = folder.run(&[&list[..], &["--repo", name]].concat()).fails(2);
        assert!(error.contains("--repo (input repos) names no section in one place"), "{name}: {error}");
    }
    folder.run(&[&list[..], &["--repo", "one"]].concat()).succeeds();
}

#[test]
fn packages_have_urls_of_the_place_that_was_read() {
    let folder = repository();
    folder.write("x.repo", "[one]\nbaseurl=file:nowhere file:repo\n");
    folder.run(&["list", "--repo-file", "x.repo", "--product", "gitlab-runner"]).succeeds();
    let url = folder.json("packages.json")["packages"][0]["url"].to_string();
    assert!(url.starts_with("\"file:repo/"), "{url}");
}
