//! `update` and `settle`: how builds have ended.

use crate::folder::{DIFF, Folder, TRACKER};

const BUILD: [&str; 4] = ["--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "al2023"];

fn claimed() -> Folder {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.run(&[&DIFF[..], &["--pipeline", "7"]].concat()).succeeds();
    folder
}

fn update(more: &[&'static str]) -> Vec<&'static str> {
    [&["update"], &TRACKER[..], &BUILD[..], more].concat()
}

#[test]
fn a_success_is_recorded_with_its_notes() {
    let folder = claimed();
    let told = folder.run(&update(&["--note", "AMI_ID=ami-1,ami-2", "--junit", "junit.xml"])).succeeds();
    assert!(told.contains("Recorded as built: gitlab-runner-18.6.0-1.x86_64 al2023 AMI_ID=ami-1,ami-2"), "{told}");
    assert_eq!(folder.notes("18.6.0-1", "al2023")["AMI_ID"], "ami-1,ami-2");
    assert_eq!(folder.entry("18.6.0-1", "al2023")["pipeline"], 7);
    assert!(folder.read("junit.xml").contains("<testcase"));
    let told = folder.run(&update(&[])).succeeds();
    assert!(told.contains("Was recorded as built before"), "{told}");
}

#[test]
fn notes_without_a_value_have_that_of_their_variable() {
    let build = [("AMI_ID", "ami-1"), ("REGION", "eu-west-1"), ("SIZE", "")];
    for notes in [r#" ["AMI_ID", "REGION", "SIZE"]"#, "AMI_ID,REGION, SIZE"] {
        let folder = claimed();
        let variables = [&[("AMI_SCHEDULER_NOTES", notes)], &build[..]].concat();
        let told = folder.run_in(&variables, &update(&[])).succeeds();
        assert!(told.contains("No SIZE is recorded: the build reported none."), "{told}");
        let notes = folder.notes("18.6.0-1", "al2023");
        assert_eq!((&notes["AMI_ID"], &notes["REGION"]), (&"ami-1".into(), &"eu-west-1".into()));
    }
    let error = claimed().run(&update(&["--note", "MY_TOKEN"])).fails(2);
    assert!(error.contains("looks like the name of a secret"), "{error}");
}

const MANIFEST: &str = r#"{"builds": [
    {"name": "x", "builder_type": "amazon-ebs", "artifact_id": "us-east-1:ami-0", "packer_run_uuid": "1"},
    {"name": "x", "builder_type": "amazon-ebs", "artifact_id": "eu-west-1:ami-1,us-east-1:ami-2", "packer_run_uuid": "2",
     "custom_data": {"base": "ami-b"}}], "last_run_uuid": "2"}"#;

/// Field tests, tracker 20.
#[test]
fn the_image_is_what_packers_manifest_says() {
    let folder = claimed();
    folder.write("manifest.json", MANIFEST);
    let told = folder.run(&update(&["--manifest", "manifest.json,other.json"])).succeeds();
    assert!(told.contains("18.6.0-1.x86_64 al2023 eu-west-1=ami-1 us-east-1=ami-2"), "{told}");
    let status = folder.run(&[&["status", "--format", "json"], &TRACKER[..2]].concat()).succeeds();
    assert!(
        status.contains(r#""eu-west-1": ["#) && status.contains(r#""ami-b""#) && !status.contains("ami-0"),
        "{status}"
    );
    let told = folder.run(&update(&["--manifest", "manifest.json"])).succeeds();
    assert!(told.contains("Was recorded as built before"), "{told}");
    let images = |more: &[&'static str]| folder.run(&[&["images"], &TRACKER[..], more].concat());
    let dotenv = images(&["--format", "dotenv", "--place", "us-east-1"]).succeeds();
    assert!(dotenv.starts_with("AMI_ID=ami-2\nPRODUCT=gitlab-runner\nVERSION=18.6.0\nRELEASE=1\nPACKAGE="), "{dotenv}");
    let error = images(&["--format", "dotenv"]).fails(4);
    assert!(error.contains("has images in several places, name one with --place: eu-west-1, us-east-1"), "{error}");
    let error = images(&["--format", "dotenv", "--place", "us-west-1"]).fails(4);
    assert!(
        error.contains("what was found is none: name --product, --target, --arch, --series and --place"),
        "{error}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&images(&["--format", "json", "--series", "18.6"]).succeeds()).expect("JSON");
    assert_eq!(
        (&json["images"][0]["series"], &json["images"][0]["ids"]["us-east-1"]),
        (&"18.6".into(), &"ami-2".into())
    );
    assert_eq!(json["images"][0]["bases"][0], "ami-b");
    assert!(
        images(&["--target", "al2032"]).fails(2).contains("--target names al2032, and no tracker on main knows it")
    );
    assert!(images(&["--arch", "aarch64"]).succeeds().contains("no image"));
    assert!(images(&["--arch", "x86_64", "--place", "eu-west-1"]).succeeds().ends_with("eu-west-1=ami-1\n"));
    assert!(images(&["--series", "17"]).succeeds().contains("gitlab-runner on main: no image"));
    assert!(images(&["--product", "other"]).fails(4).contains("there is no tracker of other on main"));
}

#[test]
fn an_image_is_named_by_hand_or_by_a_note_where_there_is_no_manifest() {
    for (more, told) in [
        (&["--image", "us-east-1=ami-1", "--image", "eu-west-1=ami-2"][..], "eu-west-1=ami-2 us-east-1=ami-1"),
        (&["--image", "sha256:0abc"], "image=sha256:0abc"),
        (&["--note", "AMI_ID=ami-1", "--manifest", "manifest.json"], "AMI_ID=ami-1"),
    ] {
        let out = claimed().run(&update(more)).succeeds();
        assert!(out.trim_end().ends_with(&format!("al2023 {told}")), "{out}");
    }
    let out = claimed().run(&update(&["--image", "a=ami-1", "--image", "a=ami-2"]));
    assert!(out.stderr.contains("WARNING: there are several images in a, and none of them counts there"), "{out:?}");
    let error = claimed().run(&update(&["--image", "us east=ami-1"])).fails(2);
    assert!(error.contains("is no place of images, such as us-east-1"), "{error}");
}

#[test]
fn a_manifest_that_tells_no_image_fails_the_attempt_and_says_how_to_record_it() {
    for (manifest, told) in [
        ("{", "it is not the manifest of Packer"),
        (r#"{"builds": [], "last_run_uuid": "2"}"#, "it has 0 builds, and none of its last run, \"2\""),
        (
            r#"{"builds": [{"builder_type": "hyperv-iso", "packer_run_uuid": "2"}], "last_run_uuid": "2"}"#,
            "it has images of \"hyperv-iso\" alone, and the builders that are known are amazon-ebs",
        ),
    ] {
        let folder = claimed();
        folder.write("manifest.json", manifest);
        let error = folder.run(&update(&["--manifest", "manifest.json", "--claim", "0.1@7"])).fails(1);
        let by_hand = "ami-scheduler update --package gitlab-runner-18.6.0-1.x86_64 --target al2023 --claim 0.1@7 --tracker tracker --ref main --image REGION=ID,REGION=ID";
        assert!(error.contains(told) && error.contains(by_hand) && error.contains("manifest.json"), "{error}");
        let of_ref = |more: &[&'static str]| [&["update", "--tracker", "tracker"], &BUILD[..], more].concat();
        let error = folder.run(&of_ref(&["--manifest", "manifest.json", "--ref", "x;$(id)"])).fails(1);
        assert!(error.contains("--ref 'x;$(id)' --image"), "what is printed is copied into a shell: {error}");
        assert_eq!(folder.entry("18.6.0-1", "al2023")["state"], "building");
    }
}

/// A manifest of one build, in the words of Packer.
fn manifest(builder: &str, artifact: &str, build_time: u64) -> String {
    format!(
        r#"{{"builds": [{{"builder_type": "{builder}", "artifact_id": "{artifact}", "packer_run_uuid": "1",
            "build_time": {build_time}}}], "last_run_uuid": "1"}}"#
    )
}

#[test]
fn a_manifest_from_before_the_pipeline_is_that_of_another_build() {
    for (build_time, code) in [(1_795_484_940, 1), (1_795_485_060, 0)] {
        for claim in ["0.1@7", "0.1@6"] {
            let folder = claimed();
            folder.write("manifest.json", &manifest("amazon-ebs", "us-east-1:ami-1", build_time));
            let update = update(&["--manifest", "manifest.json", "--claim", claim]);
            let ended = folder.run_in(&[("CI_PIPELINE_CREATED_AT", "2026-11-24T02:00:00Z")], &update);
            assert_eq!(ended.code, Some(code), "{ended:?}");
            let told = "manifest.json is of 2026-11-24 01:49 UTC, and this pipeline began at 2026-11-24 02:00 UTC";
            assert_eq!(ended.stderr.contains(told), code == 1, "{ended:?}");
            assert_eq!(folder.entry("18.6.0-1", "al2023")["state"], if code == 1 { "building" } else { "built" });
        }
    }
}

#[test]
fn what_a_manifest_does_not_tell_is_said_and_a_note_or_another_manifest_may_tell_it() {
    let folder = claimed();
    folder.write("a.json", &manifest("amazon-ebsvolume", "us-east-1:vol-1", 0));
    let ended = folder.run(&update(&["--manifest", "a.json,b.json", "--note", "AMI_ID=ami-1"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("al2023 AMI_ID=ami-1"), "{ended:?}");
    for told in [
        "The builder \"amazon-ebsvolume\" in a.json is not known: what it made is not recorded.",
        "There is no b.json that would tell the ids of the image.",
    ] {
        assert!(ended.stderr.contains(told), "{ended:?}");
    }
    folder.write("c.json", &manifest("amazon-ebs", "us-east-1:ami-2", 0));
    let ended = folder.run(&update(&["--manifest", "a.json,c.json,b.json"]));
    assert!(ended.code == Some(0) && ended.stdout.contains("us-east-1=ami-2"), "{ended:?}");
    let told = "WARNING: there is no b.json, and the image is recorded with what the others tell.";
    assert!(ended.stderr.contains(told), "{ended:?}");
    let ended = folder.run(&update(&["--note", "AMI_ID=not built"]));
    assert!(ended.stderr.contains("WARNING: AMI_ID is \"not built\", which is no id of an image"), "{ended:?}");
}

#[test]
fn which_of_several_images_counts_is_said_by_hand() {
    for claim in [&[][..], &["--claim", "0.1@7"]] {
        let folder = claimed();
        let of_a_job = update(&["--image", "a=ami-1,a=ami-2", "--image", "b=ami-3", "--claim", "0.1@7", "--job", "5"]);
        let told = folder.run(&of_a_job).stderr;
        assert!(
            told.contains("several images in a, and none of them counts there: a=ami-1, a=ami-2, b=ami-3"),
            "{told}"
        );
        let by_hand = [&update(&["--image", "a=ami-2,b=ami-3"]), claim].concat();
        let ended = folder.run(&by_hand);
        assert!(ended.stdout.contains("Recorded as built") && !ended.stderr.contains("several"), "{ended:?}");
        let told = folder.run(&by_hand[..by_hand.len() - claim.len()]).succeeds();
        assert!(told.contains("Was recorded as built before"), "{told}");
        let dotenv = |place| [&["images"], &TRACKER[..], &["--format", "dotenv", "--place", place]].concat();
        assert!(folder.run(&dotenv("a")).succeeds().starts_with("AMI_ID=ami-2\n"));
        assert!(folder.run(&dotenv("b")).succeeds().starts_with("AMI_ID=ami-3\n"));
    }
}

#[test]
fn an_image_that_is_to_be_tested_counts_once_it_has_passed() {
    let folder = claimed();
    let record =
        ["--claim", "0.1@7", "--job", "5", "--untested", "--image", "us-east-1=ami-1", "--dotenv", "image.env"];
    let told = folder.run(&update(&record)).succeeds();
    assert!(
        told.contains("Recorded, and to be tested: gitlab-runner-18.6.0-1.x86_64 al2023 us-east-1=ami-1"),
        "{told}"
    );
    assert_eq!(folder.read("image.env"), "AMI_IDS=us-east-1=ami-1\nAMI_ID_US_EAST_1=ami-1\nAMI_ID=ami-1\n");
    assert_eq!(folder.state("18.6.0-1", "al2023"), "building");
    let images = [&["images"], &TRACKER[..]].concat();
    assert!(folder.run(&images).succeeds().contains("no image"));
    let passed = update(&["--claim", "0.1@7", "--job", "6", "--tested"]);
    let told = folder.run(&passed).succeeds();
    assert!(told.contains("Recorded as built: gitlab-runner-18.6.0-1.x86_64 al2023 us-east-1=ami-1"), "{told}");
    assert_eq!(folder.state("18.6.0-1", "al2023"), "built");
    assert!(folder.run(&images).succeeds().contains("us-east-1=ami-1"));
    assert!(folder.run(&passed).succeeds().contains("Was recorded as built before"));
    for (arguments, told) in [
        (
            &["--tested", "--claim", "0.2@9"][..],
            "has no image of gitlab-runner-18.6.0-1.x86_64 for al2023 that the claim 0.2@9 made",
        ),
        (&["--tested"], "--tested is about the images of a claim"),
        (&["--tested", "--untested"], "cannot be used with"),
    ] {
        let error = folder.run(&update(arguments)).fails(2);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_test_that_fails_is_a_failed_attempt_and_the_ids_of_its_image_are_kept() {
    let folder = claimed();
    folder.run(&update(&["--claim", "0.1@7", "--job", "5", "--untested", "--image", "us-east-1=ami-1"])).succeeds();
    folder.run(&[&["settle", "--pipeline", "7"], &TRACKER[..]].concat()).succeeds();
    assert_eq!(folder.state("18.6.0-1", "al2023"), "failed");
    let status = folder.run(&[&["status", "--format", "json"], &TRACKER[..2]].concat()).succeeds();
    assert!(status.contains("ami-1") && status.contains(r#""needs_test": true"#), "{status}");
    assert!(folder.run(&[&["images"], &TRACKER[..]].concat()).succeeds().contains("no image"));
}

#[test]
fn of_a_claim_that_was_baked_twice_the_last_image_is_the_one_that_was_tested() {
    let folder = claimed();
    let record = |job, ids| update(&["--claim", "0.1@7", "--untested", "--job", job, "--image", ids]);
    folder.run(&record("5", "us-east-1=ami-1,eu-west-1=ami-2")).succeeds();
    assert!(folder.run(&record("8", "us-east-1=ami-3,us-east-1=ami-4")).stderr.contains("several images in us-east-1"));
    folder.run(&record("9", "us-east-1=ami-5")).succeeds();
    let told = folder.run(&update(&["--claim", "0.1@7", "--tested"])).succeeds();
    assert!(told.trim_end().ends_with("al2023 us-east-1=ami-5"), "{told}");
    let images = [&["images", "--place", "eu-west-1"], &TRACKER[..]].concat();
    assert!(folder.run(&images).succeeds().contains("no image"), "the other has failed its test");
}

#[test]
fn somebody_may_say_that_an_image_counts_without_its_test() {
    let folder = claimed();
    let image = ["--claim", "0.1@7", "--image", "us-east-1=ami-1"];
    folder.run(&update(&[&image[..], &["--untested", "--job", "5"]].concat())).succeeds();
    folder.run(&update(&image)).succeeds();
    assert!(folder.run(&[&["images"], &TRACKER[..]].concat()).succeeds().contains("us-east-1=ami-1"));
    folder.write("us.json", r#"{"Images": [{"ImageId": "ami-1", "Name": "gitlab-runner-18.6.0-al2023"}]}"#);
    let name = ["--image-name", "{product}-{version}-{target}", "--targets", "al2023"];
    let told = folder.run(&[&["reconcile", "us-east-1=us.json"], &name[..], &TRACKER].concat()).succeeds();
    assert!(told.contains("The tracker and the images agree."), "{told}");
}

#[test]
fn ids_that_are_too_many_are_told() {
    let ids: Vec<String> = (0..200).map(|number| format!("region-{number:03}=ami-{number:017}")).collect();
    let folder = claimed();
    let ended = folder.run_in(&[("AMI_SCHEDULER_IMAGE_ID", &ids.join(","))], &update(&[]));
    let told = "not all are recorded: the ids of one image may have 4096 bytes as JSON. These are: region-000=ami-00";
    assert!(ended.code == Some(0) && ended.stderr.contains(told), "{ended:?}");
    assert!(ended.stdout.contains("region-000=ami-") && !ended.stdout.contains("region-199"), "{ended:?}");
}

/// Field tests, tracker 9.
#[test]
fn what_the_tracker_does_not_know_is_recorded_by_force_alone() {
    let known = ["--package", "gitlab-runner-18.6.0-1.x86_64"];
    for (package, target, unknown) in [
        (["--package", "gitlab-runner-18.6.1-1.x86_64"], "al2023", "no release gitlab-runner-18.6.1-1.x86_64"),
        (known, "al2032", "no target al2032"),
    ] {
        let folder = claimed();
        let update = [&["update", "--target", target], &package[..], &TRACKER].concat();
        let error = folder.run(&update).fails(2);
        assert!(
            error.contains(&format!(
                "the tracker of gitlab-runner on main in directory tracker knows {unknown}: is it spelt"
            )) && error.contains("Its targets are al2023, rhel9"),
            "{error}"
        );
        folder.run(&[&update[..], &["--force"]].concat()).succeeds();
    }
    let error = Folder::new().run(&update(&["--note", "AMI_ID=ami-1"])).fails(2);
    assert!(error.contains("Its targets are none"), "{error}");
    let told = Folder::new().run(&update(&["--note", "AMI_ID=ami-1", "--force"])).succeeds();
    assert!(told.contains("Recorded as built"), "{told}");
}

#[test]
fn a_success_says_what_it_is_one_of_and_what_it_comes_to() {
    let folder = claimed();
    let builds: serde_json::Value = serde_json::from_str(&folder.read("builds.json")).expect("JSON");
    assert_eq!(builds["builds"][0]["claim"], "0.1@7");
    folder.run(&[&["rebuild", "18.6.0", "--target", "al2023"], &TRACKER[..]].concat()).succeeds();
    let late = update(&["--claim", "0.1@7", "--note", "AMI_ID=ami-1"]);
    let told = folder.run(&late).succeeds();
    assert!(
        told.contains(
            "Does not count: gitlab-runner-18.6.0-1.x86_64 al2023 AMI_ID=ami-1. The build was asked for or begun anew"
        ),
        "{told}"
    );
    assert_eq!(
        (folder.state("18.6.0-1", "al2023").as_str(), &folder.notes("18.6.0-1", "al2023")["AMI_ID"]),
        ("pending", &"ami-1".into())
    );
    folder.run(&[&DIFF[..], &["--pipeline", "8"]].concat()).succeeds();
    let told = folder.run(&update(&["--claim", "1.1@8", "--note", "AMI_ID=ami-2"])).succeeds();
    assert!(told.contains("Recorded as built: gitlab-runner-18.6.0-1.x86_64 al2023 AMI_ID=ami-2"), "{told}");
    folder.run(&late).succeeds();
    assert_eq!(folder.notes("18.6.0-1", "al2023")["AMI_ID"], "ami-2");
    let error = folder.run(&update(&["--claim", "7"])).fails(2);
    assert!(error.contains("is not a claim: take it as `claim` of builds.json has it"), "{error}");
}

#[test]
fn a_claim_that_did_not_end_is_a_failed_attempt() {
    let folder = claimed();
    folder.run(&update(&[])).succeeds();
    let settle = [&["settle", "--pipeline", "7", "--junit", "junit.xml"], &TRACKER[..]].concat();
    let told = folder.run(&settle).succeeds();
    assert!(told.contains("Recorded as failed: gitlab-runner-18.6.0-1.x86_64 rhel9 (attempt 1)"), "{told}");
    assert_eq!(folder.state("18.6.0-1", "al2023"), "built");
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "failed");
    let told = folder.run(&settle).succeeds();
    assert!(told.contains("Pipeline 7 has no open claim on main."), "{told}");
}

#[test]
fn the_pipeline_to_settle_is_not_that_of_the_job() {
    let folder = claimed();
    let child = [("CI_PIPELINE_ID", "8"), ("AMI_SCHEDULER_PIPELINE", "7"), ("CI_COMMIT_REF_NAME", "main")];
    folder.run_in(&child, &["settle", "--tracker", "tracker"]).succeeds();
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "failed");
}

#[test]
fn a_ref_without_a_tracker_is_settled_with_a_remark() {
    let told = claimed().run(&["settle", "--pipeline", "7", "--tracker", "tracker", "--ref", "mian"]).succeeds();
    assert!(
        told.contains(
            "Nothing to settle: there is no tracker on mian in directory tracker; there are trackers on: main"
        ),
        "{told}"
    );
}
