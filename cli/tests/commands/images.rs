//! `import` and `reconcile`: what was built before, and what there are images of.

use crate::folder::{DIFF, Folder, TRACKER};

const IMAGES: &str = r#"{"Images": [
    {"ImageId": "ami-1", "Name": "gitlab-runner-18.6.0-rhel9-1", "State": "available", "Architecture": "x86_64"},
    {"ImageId": "ami-2", "Name": "base", "State": "available", "Architecture": "x86_64"}]}"#;
const NAMES: [&str; 4] = ["--targets", "rhel9", "--image-name", "{product}-{version}-{target}-*"];

#[test]
fn a_plain_text_tracker_counts_as_built() {
    let folder = Folder::new();
    folder.write("main.txt", "# built\ngitlab-runner-18.5.0-1.x86_64.rpm\nbash-5-1.x86_64\n");
    let import = [&["import", "main.txt", "--targets", "al2023,rhel9"], &TRACKER[..]].concat();
    let told = folder.run(&import).succeeds();
    assert!(told.contains("gitlab-runner: 2 recorded as built, 0 were so before."), "{told}");
    let told = folder.run(&import).succeeds();
    assert!(told.contains("gitlab-runner: 0 recorded as built, 2 were so before."), "{told}");
    folder.write("main.txt", "<html>");
    assert!(folder.run(&import).fails(1).contains("main.txt cannot be taken over: line 1"));
}

#[test]
fn images_count_as_built_by_their_names() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("images.json", IMAGES);
    let told = folder.run(&[&["import", "images.json"], &NAMES[..], &TRACKER].concat()).succeeds();
    assert!(told.contains("gitlab-runner: 1 recorded as built, 0 were so before."), "{told}");
    assert!(told.contains("of no release of gitlab-runner that is known: 1, such as base"), "{told}");
    assert_eq!(folder.notes("18.6.0-1", "rhel9")["AMI_ID"], "ami-1");
    let error = folder.run(&[&["import", "images.json", "--targets", "rhel9"], &TRACKER[..]].concat()).fails(2);
    assert!(error.contains("say how images are told apart"), "{error}");
}

/// Field tests, tracker 16.
#[test]
fn the_tracker_and_the_images_are_compared_in_both_directions() {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    folder.write("images.json", IMAGES);
    let build = [
        "update",
        "--force",
        "--package",
        "gitlab-runner-18.5.0-1.x86_64",
        "--target",
        "rhel9",
        "--note",
        "AMI_ID=ami-9",
    ];
    folder.run(&[&build[..], &TRACKER].concat()).succeeds();
    let reconcile = [&["reconcile", "images.json"], &NAMES[..], &TRACKER].concat();
    let told = folder.run(&reconcile).succeeds();
    assert!(told.contains("not in the tracker  gitlab-runner-18.6.0-1.x86_64 rhel9  ami-1"), "{told}");
    assert!(told.contains("without an image    gitlab-runner-18.5.0-1.x86_64 rhel9"), "{told}");
    assert!(told.contains("Nothing was changed"), "{told}");
    let none = [
        &["reconcile", "images.json", "--targets", "rhel9", "--image-name", "{version}-of-another-team"],
        &TRACKER[..],
    ]
    .concat();
    let told = folder.run(&none).succeeds();
    assert!(told.contains("None of them is told by --image-name {version}-of-another-team"), "{told}");
    assert!(!told.contains("agree"), "{told}");
    let error = folder.run(&[&none[..], &["--apply", "rebuild"]].concat()).fails(2);
    assert!(
        error.contains("no image is of a release that is known") && error.contains("Nothing was changed"),
        "{error}"
    );
    let braked = [&reconcile[..], &["--apply", "adopt,rebuild", "--at-most", "0"]].concat();
    let error = folder.run(&braked).fails(2);
    assert!(
        error.contains("builds without an image: 1, and --at-most is 0. To build all of them again, give --at-most 1"),
        "{error}"
    );
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "");
    folder.run(&[&reconcile[..], &["--apply", "adopt,rebuild"]].concat()).succeeds();
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "built");
    assert_eq!(folder.state("18.5.0-1", "rhel9"), "pending");
    let error = folder.run(&[&reconcile[..], &["--apply", "all"]].concat()).fails(2);
    assert!(error.contains("expected adopt or rebuild"), "{error}");
}

#[test]
fn images_of_several_regions_are_one_image_with_an_id_in_each() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("eu.json", IMAGES);
    folder.write("us.json", &IMAGES.replace("ami-1", "ami-3"));
    let import = [&["import", "eu-west-1=eu.json", "us-east-1=us.json"], &NAMES[..], &TRACKER].concat();
    let told = folder.run(&[&import[..], &["--dry-run"]].concat()).succeeds();
    assert!(told.contains("  gitlab-runner-18.6.0-1.x86_64 rhel9  eu-west-1=ami-1, us-east-1=ami-3\n"), "{told}");
    assert!(
        told.contains("gitlab-runner: 1 would be recorded as built, 0 are so already. Nothing was changed."),
        "{told}"
    );
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "");
    folder.run(&import).succeeds();
    for (place, id) in [("eu-west-1", "ami-1"), ("us-east-1", "ami-3")] {
        let images = [&["images", "--place", place, "--format", "dotenv"], &TRACKER[..]].concat();
        assert!(folder.run(&images).succeeds().starts_with(&format!("AMI_ID={id}\n")), "{place}");
    }
    let reconcile = [&["reconcile", "eu-west-1=eu.json", "us-east-1=us.json"], &NAMES[..], &TRACKER].concat();
    assert!(folder.run(&reconcile).succeeds().contains("The tracker and the images agree."));
    folder.write("us.json", &IMAGES.replace("ami-1", "ami-3").replace("gitlab-runner-18.6.0", "another"));
    assert!(folder.run(&reconcile).succeeds().contains("agree"), "the id is the same, whatever its name is");
    folder.write("us.json", &IMAGES.replace("ami-1", "ami-4").replace("gitlab-runner-18.6.0", "another"));
    let told = folder.run(&reconcile).succeeds();
    assert!(told.contains("  gone from us-east-1  gitlab-runner-18.6.0-1.x86_64 rhel9  ami-3\n"), "{told}");
    folder.write("us.json", &IMAGES.replace("ami-1", "ami-4"));
    let told = folder.run(&reconcile).succeeds();
    assert!(told.contains("rhel9  ami-3, and its name has ami-4 now\n") && told.contains("`update --image`"), "{told}");
    folder.write("main.txt", "gitlab-runner-18.5.0-1.x86_64\n");
    let told = folder.run(&[&["import", "main.txt", "--targets", "arm=aarch64"], &TRACKER[..]].concat()).succeeds();
    assert!(told.contains("Left out, since no target is of their architecture: 1 package"), "{told}");
    let error = folder.run(&[&["import", "us-east-1="], &NAMES[..], &TRACKER].concat()).fails(2);
    assert!(error.contains("after us-east-1= a file is missing, such as us-east-1=images.json"), "{error}");
}

#[test]
fn an_image_that_failed_its_test_is_not_adopted() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("images.json", IMAGES);
    let diff = ["diff", "--targets", "rhel9", "--build-file", "ci/build-ami.yml", "--pipeline", "7"];
    folder.run(&[&diff[..], &TRACKER].concat()).succeeds();
    let record =
        ["update", "--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "rhel9", "--claim", "0.1@7", "--untested"];
    folder.run(&[&record[..], &["--image", "eu-west-1=ami-1"], &TRACKER].concat()).succeeds();
    folder.run(&[&["settle", "--pipeline", "7"], &TRACKER[..]].concat()).succeeds();
    let reconcile = [&["reconcile", "images.json", "--apply", "adopt"], &NAMES[..], &TRACKER].concat();
    let told = folder.run(&reconcile).succeeds();
    assert!(told.contains("not tested, or failed in its test  gitlab-runner-18.6.0-1.x86_64 rhel9  ami-1"), "{told}");
    let told = folder.run(&[&["import", "images.json"], &NAMES[..], &TRACKER].concat()).succeeds();
    assert!(told.contains("0 recorded as built"), "{told}");
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "failed");
}

fn described(images: &[(&str, &str)]) -> String {
    let image = |(id, name): &(&str, &str)| serde_json::json!({"ImageId": id, "Name": name, "State": "available", "Architecture": "x86_64"});
    serde_json::json!({"Images": images.iter().map(image).collect::<Vec<_>>()}).to_string()
}

const ADOPT: [&str; 4] = ["--adopt", "described", "--image-name", "{product}-{version}-{target}-*"];

#[test]
fn what_there_is_an_image_of_is_not_built() {
    let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64"]);
    folder.write("described/us-east-1.json", &described(&[("ami-1", "gitlab-runner-18.6.0-rhel9-1")]));
    folder.write("described/eu-west-1.json", &described(&[("ami-2", "gitlab-runner-18.6.0-rhel9-1")]));
    let diff = [&DIFF[..], &ADOPT].concat();
    let told = folder.run(&[&diff[..], &["--dry-run"]].concat()).succeeds();
    let adopted = "Counts as built, since there is an image of it: gitlab-runner-18.6.0-1.x86_64 rhel9  \
                   eu-west-1=ami-2, us-east-1=ami-1";
    assert!(told.contains(adopted), "{told}");
    let told = folder.run(&diff).succeeds();
    assert!(told.contains(adopted), "{told}");
    assert_eq!(folder.to_build(), ["18.6.0-1 al2023"]);
    let found = folder.run(&[&["images"], &TRACKER[..]].concat()).succeeds();
    assert!(found.contains("eu-west-1=ami-2  us-east-1=ami-1"), "{found}");
}

/// A person asks for a build anew since its image is bad: that one is still there.
#[test]
fn an_image_of_a_build_that_was_tried_or_asked_for_is_not_taken_for_it() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("described/us-east-1.json", &described(&[("ami-1", "gitlab-runner-18.6.0-rhel9-1")]));
    let diff = [&DIFF[..], &ADOPT].concat();
    folder.run(&diff).succeeds();
    folder
        .run(
            &[&["rebuild", "gitlab-runner-18.6.0-1.x86_64", "--target", "rhel9", "--reason", "bad"], &TRACKER[..]]
                .concat(),
        )
        .succeeds();
    let told = folder.run(&diff).succeeds();
    assert!(told.contains("its build was tried or asked for and is not done"), "{told}");
    assert!(told.contains("  gitlab-runner-18.6.0-1.x86_64  rhel9"), "{told}");
}

#[test]
fn a_folder_of_images_has_a_file_for_each_region_and_says_how_they_are_told_apart() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let error = folder.run(&[&DIFF[..], &ADOPT].concat()).fails(1);
    assert!(error.contains("cannot read the folder described"), "{error}");
    folder.write("described/README", "");
    let error = folder.run(&[&DIFF[..], &ADOPT].concat()).fails(1);
    assert!(error.contains("there is no file in described: expected one for each region"), "{error}");
    folder.write("described/us east.json", &described(&[("ami-1", "x")]));
    let error = folder.run(&[&DIFF[..], &ADOPT].concat()).fails(1);
    assert!(error.contains("described/us east.json is named after no region"), "{error}");
    for (options, told) in [
        (&[][..], "say how images are told apart"),
        (&["--image-tag", "Target={target}"], "they do not say of which release an image is"),
        (&["--image-name", "{version}"], "images of several targets cannot be told apart"),
    ] {
        let error = folder.run(&[&DIFF[..], &["--adopt", "described"], options].concat()).fails(2);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_region_may_have_no_image_yet_and_a_file_that_is_empty_is_an_error() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("described/us-east-1.json", &described(&[]));
    let ended = folder.run(&[&DIFF[..], &ADOPT].concat());
    assert!(ended.code == Some(0) && ended.stderr.contains("There is no image in us-east-1 yet."), "{ended:?}");
    folder.write("described/us-east-1.json", "");
    let error = folder.run(&[&DIFF[..], &ADOPT].concat()).fails(1);
    assert!(error.contains("us-east-1.json does not tell which images there are: it is empty"), "{error}");
}

#[test]
fn what_the_rules_would_not_build_is_not_adopted() {
    for (options, is_skipped) in [(&["--exclude", "18.6.0"][..], false), (&[][..], true)] {
        let folder = Folder::listed(&["18.5.0-1.x86_64", "18.6.0-1.x86_64", "18.7.0~rc1-1.x86_64"]);
        folder.write(
            "described/us-east-1.json",
            &described(&[("ami-1", "gitlab-runner-18.6.0-rhel9-1"), ("ami-2", "gitlab-runner-18.7.0~rc1-rhel9-1")]),
        );
        folder.run(&DIFF).succeeds();
        folder.run(&[&["rebuild", "gitlab-runner-18.6.0-1.x86_64", "--reason", "x"], &TRACKER[..]].concat()).succeeds();
        if is_skipped {
            let skip = ["skip", "gitlab-runner-18.6.0-1.x86_64", "--reason", "bad", "--by", "mary"];
            folder.run(&[&skip, &TRACKER[..]].concat()).succeeds();
        }
        let told = folder.run(&[&DIFF[..], &ADOPT, options].concat()).succeeds();
        assert!(!told.contains("Counts as built"), "{told}");
        assert!(folder.run(&[&["images"], &TRACKER[..]].concat()).succeeds().contains("no image"));
    }
}

/// The template of the name has no `{release}`: it matches the image of the first for the second, too.
#[test]
fn an_image_of_one_release_is_not_that_of_another() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("described/us-east-1.json", &described(&[("ami-1", "gitlab-runner-18.6.0-rhel9-1")]));
    folder.run(&[&DIFF[..], &ADOPT].concat()).succeeds();
    assert_eq!(folder.state("18.6.0-1", "rhel9"), "built");
    folder.list(&["18.6.0-1.x86_64", "18.6.0-2.x86_64"]);
    folder.run(&[&DIFF[..], &ADOPT].concat()).succeeds();
    assert!(folder.to_build().contains(&"18.6.0-2 rhel9".to_owned()), "{:?}", folder.to_build());
}

/// Only a tag that a test has set counts.
#[test]
fn a_tag_may_have_a_value_that_is_always_the_same() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let image = |id: &str, tested: &str| {
        serde_json::json!({"ImageId": id, "Name": "x, y", "State": "available", "Tags": [
            {"Key": "Package", "Value": "gitlab-runner-18.6.0-1.x86_64"}, {"Key": "Target", "Value": "rhel9"}, {"Key": "Tested", "Value": tested}]})
    };
    folder.write(
        "images.json",
        &serde_json::json!({"Images": [image("ami-1", "no"), image("ami-2", "yes")]}).to_string(),
    );
    let tags = ["--image-tag", r#"["Package={package}", "Target={target}", "Tested=yes"]"#, "--image-name", "x, y"];
    folder.run(&[&["import", "us-east-1=images.json", "--targets", "rhel9"], &tags[..], &TRACKER].concat()).succeeds();
    assert!(folder.run(&[&["images"], &TRACKER[..]].concat()).succeeds().contains("us-east-1=ami-2"));
}

#[test]
fn an_image_of_a_build_that_failed_is_recorded_with_its_ids_where_a_person_says_so() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.run(&[&DIFF[..], &["--pipeline", "7"]].concat()).succeeds();
    folder.run(&[&["settle", "--pipeline", "7"], &TRACKER[..]].concat()).succeeds();
    folder.write("us.json", &described(&[("ami-1", "gitlab-runner-18.6.0-rhel9-1")]));
    let reconcile = ["reconcile", "us-east-1=us.json", "--apply", "adopt"];
    folder.run(&[&reconcile, &NAMES[..], &TRACKER].concat()).succeeds();
    assert!(folder.run(&[&["images"], &TRACKER[..]].concat()).succeeds().contains("us-east-1=ami-1"));
}

#[test]
fn an_image_that_was_adopted_may_be_in_a_region_more() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    folder.write("us.json", &described(&[("ami-1", "gitlab-runner-18.6.0-rhel9-1")]));
    folder.write("eu.json", &described(&[("ami-2", "gitlab-runner-18.6.0-rhel9-1")]));
    let import = |files: &[&str]| folder.run(&[&["import"], files, &NAMES[..], &TRACKER].concat()).succeeds();
    import(&["us-east-1=us.json"]);
    assert!(import(&["us-east-1=us.json"]).contains("0 recorded as built, 1 were so before"));
    assert!(
        import(&["eu-west-1=eu.json"]).contains("Its image is in more places now: gitlab-runner-18.6.0-1.x86_64 rhel9")
    );
    let found = folder.run(&[&["images"], &TRACKER[..]].concat()).succeeds();
    assert!(found.contains("eu-west-1=ami-2  us-east-1=ami-1"), "{found}");
}

#[test]
fn what_is_published_is_all_images_of_a_project() {
    let folder = Folder::listed(&["18.6.0-1.x86_64"]);
    let error = folder.run(&[&["images", "--publish"], &TRACKER[..]].concat()).fails(2);
    assert!(error.contains("--publish needs --tracker gitlab"), "{error}");
    let gitlab = ["images", "--publish", "--tracker", "gitlab", "--ref", "main"];
    for (option, value) in [("--target", "rhel9"), ("--arch", "x86_64"), ("--series", "18"), ("--place", "us-east-1")] {
        let error = folder.run(&[&gitlab[..], &[option, value]].concat()).fails(2);
        assert!(error.contains(&format!("--publish is of all images of a product: leave {option} out")), "{error}");
    }
}
