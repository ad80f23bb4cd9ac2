//! `import` and `reconcile`: what was built before, and what there are images of.

use crate::folder::{Folder, TRACKER};

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
