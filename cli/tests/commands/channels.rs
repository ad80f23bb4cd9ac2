//! `promote`, `revoke` and `unrevoke`: which images are to be used, by the word of a person.

use crate::folder::{DIFF, Folder, TRACKER};

/// A folder in which 18.6.0 and 18.7.0 are built for rhel9, and 18.6.0 for al2023.
fn built() -> Folder {
    let folder = Folder::listed(&["18.6.0-1.x86_64", "18.7.0-1.x86_64"]);
    for (version, target, id) in
        [("18.6.0", "rhel9", "ami-1"), ("18.7.0", "rhel9", "ami-2"), ("18.6.0", "al2023", "ami-3")]
    {
        folder.run(&update(version, target, id)).succeeds();
    }
    folder
}

fn update<'a>(version: &'a str, target: &'a str, id: &'a str) -> Vec<&'a str> {
    let package = match version {
        "18.6.0" => "gitlab-runner-18.6.0-1.x86_64",
        _ => "gitlab-runner-18.7.0-1.x86_64",
    };
    let what = ["update", "--force", "--package", package, "--target", target, "--image"];
    let place: &'a str = match id {
        "ami-1" => "us-east-1=ami-1",
        "ami-2" => "us-east-1=ami-2",
        "ami-3" => "us-east-1=ami-3",
        _ => "us-east-1=ami-4",
    };
    [&what[..], &[place], &TRACKER].concat()
}

fn run(folder: &Folder, arguments: &[&str]) -> crate::folder::Ended {
    folder.run_in(&[("GITLAB_USER_LOGIN", "mary")], &[arguments, &TRACKER[..]].concat())
}

fn promote(folder: &Folder, arguments: &[&str]) -> String {
    run(folder, &[&["promote", "--reason", "tried", "--by", "mary", "--to", "stable"], arguments].concat()).succeeds()
}

fn stable(folder: &Folder) -> crate::folder::Ended {
    run(folder, &["images", "--channel", "stable"])
}

#[test]
fn a_channel_points_to_the_images_of_a_release_until_it_is_moved() {
    let folder = built();
    let told = promote(&folder, &["18.6.0"]);
    assert!(
        told.contains("stable for al2023 x86_64 18: gitlab-runner-18.6.0-1.x86_64  us-east-1=ami-3  (before: nothing)"),
        "{told}"
    );
    let told = stable(&folder).succeeds();
    assert!(
        told.contains("gitlab-runner on main, channel stable:")
            && told.contains("us-east-1=ami-1")
            && told.contains("us-east-1=ami-3"),
        "{told}"
    );
    // The channel of the current images moves by itself.
    let told = run(&folder, &["images", "--channel", "latest"]).succeeds();
    assert!(told.contains("us-east-1=ami-2") && !told.contains("us-east-1=ami-1"), "{told}");

    let told = promote(&folder, &["18.7.0"]);
    assert!(told.contains("stable for rhel9 x86_64 18: gitlab-runner-18.7.0-1.x86_64  us-east-1=ami-2  (before: gitlab-runner-18.6.0-1.x86_64)"), "{told}");
    assert!(promote(&folder, &["18.7.0"]).contains("(as before)"));
    // And back, on one target, by the id of the image.
    promote(&folder, &["ami-1", "--target", "rhel9"]);
    let told = stable(&folder).succeeds();
    assert!(
        told.contains("us-east-1=ami-1") && told.contains("us-east-1=ami-3") && !told.contains("us-east-1=ami-2"),
        "{told}"
    );
    let status = run(&folder, &["status", "--format", "json"]).succeeds();
    assert_eq!(status.matches("\"reason\": \"tried\"").count(), 4, "every move is kept: {status}");
}

#[test]
fn a_build_that_is_made_again_moves_no_channel() {
    let folder = built();
    promote(&folder, &["18.6.0"]);
    run(&folder, &["rebuild", "18.6.0", "--target", "rhel9", "--reason", "patched"]).succeeds();
    folder.run(&update("18.6.0", "rhel9", "ami-4")).succeeds();
    assert!(stable(&folder).succeeds().contains("us-east-1=ami-1"));
    promote(&folder, &["18.6.0"]);
    assert!(stable(&folder).succeeds().contains("us-east-1=ami-4"));
}

#[test]
fn a_channel_is_promoted_to_another() {
    let folder = built();
    let to = |from, to| run(&folder, &["promote", "--from", from, "--to", to, "--reason", "x"]);
    to("latest", "candidate").succeeds();
    let told = to("candidate", "stable").succeeds();
    assert!(told.contains("us-east-1=ami-2") && told.contains("us-east-1=ami-3"), "{told}");
    assert!(stable(&folder).succeeds().contains("us-east-1=ami-2"));
    let error = to("missing", "stable").fails(4);
    assert!(
        error.contains(
            "there is no channel missing, to which nobody has promoted yet; there are: latest, candidate, stable"
        ),
        "{error}"
    );
    for (channel, told) in [("latest", "moves by itself"), ("Stable", "is no name of a channel")] {
        let error = to("candidate", channel).fails(2);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn what_is_revoked_is_never_current_and_its_channel_says_so() {
    let folder = built();
    promote(&folder, &["18.7.0"]);
    let ended = run(&folder, &["revoke", "18.7.0", "--reason", "deletes jobs", "--by", "mary"]);
    assert!(ended.code == Some(0) && ended.stderr.contains("the channel stable points to gitlab-runner-18.7.0-1.x86_64 for rhel9, which is revoked: deletes jobs, by mary. `promote RELEASE --to stable` points it to another image"), "{ended:?}");
    let told = run(&folder, &["images"]).succeeds();
    assert!(told.contains("us-east-1=ami-1") && !told.contains("us-east-1=ami-2"), "{told}");
    let ended = stable(&folder);
    assert!(ended.code == Some(11) && ended.stdout.contains("REVOKED: deletes jobs, by mary"), "{ended:?}");
    assert!(ended.stderr.contains("`promote RELEASE --to stable` points it to another image"), "{ended:?}");
    let night = folder.run(&DIFF).succeeds();
    assert!(night.contains("the channel stable points to gitlab-runner-18.7.0-1.x86_64"), "{night}");
    let status = run(&folder, &["status"]).succeeds();
    assert!(status.contains("revoked: deletes jobs, by mary  in channel stable"), "{status}");
    let error = run(&folder, &["promote", "18.7.0", "--to", "stable", "--reason", "x"]).fails(4);
    assert!(error.contains("there is no image of 18.7.0 that may be used (gitlab-runner-18.7.0-1.x86_64 for rhel9: it is revoked: deletes jobs, by mary)"), "{error}");

    run(&folder, &["unrevoke", "18.7.0", "--reason", "it was the network", "--by", "mary"]).succeeds();
    assert!(stable(&folder).succeeds().contains("us-east-1=ami-2"));
    let told = run(&folder, &["unrevoke", "18.7.0", "--reason", "x"]).succeeds();
    assert!(told.contains("Was not revoked"), "{told}");
}

#[test]
fn a_release_that_is_revoked_is_not_built_unless_somebody_asks() {
    let folder = built();
    folder.list(&["18.6.0-1.x86_64", "18.7.0-1.x86_64", "18.8.0-1.x86_64"]);
    // Seen, and too young to be built.
    folder.run(&[&DIFF[..], &["--min-age", "3650"]].concat()).succeeds();
    run(&folder, &["revoke", "18.8.0", "--reason", "deletes jobs"]).succeeds();
    let told = folder.run(&DIFF).succeeds();
    assert!(
        told.contains("revoked: deletes jobs") && !folder.to_build().iter().any(|build| build.starts_with("18.8.0")),
        "{told}"
    );
    run(&folder, &["rebuild", "gitlab-runner-18.8.0-1.x86_64", "--target", "rhel9", "--reason", "to see"]).succeeds();
    folder.run(&DIFF).succeeds();
    assert!(folder.to_build().contains(&"18.8.0-1 rhel9".to_owned()), "{:?}", folder.to_build());
}

#[test]
fn an_image_is_revoked_alone_and_the_next_one_counts() {
    let folder = built();
    run(&folder, &["revoke", "ami-2", "--reason", "no swap"]).succeeds();
    assert!(run(&folder, &["images"]).succeeds().contains("us-east-1=ami-1"));
    run(&folder, &["rebuild", "18.7.0", "--target", "rhel9", "--reason", "no swap"]).succeeds();
    folder.run(&update("18.7.0", "rhel9", "ami-4")).succeeds();
    assert!(run(&folder, &["images"]).succeeds().contains("us-east-1=ami-4"));
    let error = run(&folder, &["revoke", "ami-9", "--reason", "x"]).fails(4);
    assert!(error.contains("knows no release or image \"ami-9\""), "{error}");
    let error = run(&folder, &["images", "--channel", "stable"]).fails(4);
    assert!(
        error.contains("there is no channel stable, to which nobody has promoted yet; there are: latest"),
        "{error}"
    );
}

#[test]
fn what_is_revoked_stays_so_whoever_records_it_again() {
    let folder = built();
    run(&folder, &["revoke", "ami-2", "--reason", "no swap"]).succeeds();
    // By hand, and as it is found in AWS.
    let ended = folder.run(&update("18.7.0", "rhel9", "ami-2"));
    assert!(
        ended.code == Some(0)
            && ended.stderr.contains("the image us-east-1=ami-2 is revoked: no swap, by mary. The image is recorded"),
        "{ended:?}"
    );
    run(&folder, &["rebuild", "18.7.0", "--target", "rhel9", "--reason", "no swap"]).succeeds();
    folder.write("us.json", r#"{"Images": [{"ImageId": "ami-2", "Name": "gitlab-runner-18.7.0-rhel9"}]}"#);
    let name = ["--image-name", "{product}-{version}-{target}", "--targets", "rhel9"];
    let told = run(&folder, &[&["reconcile", "us-east-1=us.json", "--apply", "adopt"], &name[..]].concat()).succeeds();
    assert!(told.contains("revoked  gitlab-runner-18.7.0-1.x86_64 rhel9  ami-2"), "{told}");
    let told = run(&folder, &["images"]).succeeds();
    assert!(told.contains("us-east-1=ami-1") && !told.contains("ami-2"), "{told}");
    let error = run(&folder, &["revoke", "ami-2", "--target", "al2023", "--reason", "x"]).fails(2);
    assert!(error.contains("ami-2 is an image for rhel9, which --target leaves out"), "{error}");
    run(&folder, &["unrevoke", "ami-2", "--reason", "it has swap"]).succeeds();
    assert!(run(&folder, &["images"]).succeeds().contains("ami-2"));
}

#[test]
fn a_release_is_revoked_on_targets_to_come_and_before_it_is_known() {
    let folder = built();
    run(&folder, &["revoke", "gitlab-runner-18.9.0-1.x86_64", "--reason", "deletes jobs"]).succeeds();
    run(&folder, &["revoke", "18.7.0", "--reason", "deletes jobs"]).succeeds();
    folder.list(&["18.6.0-1.x86_64", "18.7.0-1.x86_64", "18.9.0-1.x86_64"]);
    let mut diff = DIFF.to_vec();
    diff[2] = "al2023,rhel9,rocky9";
    folder.run(&[&diff[..], &["--first-run", "all"]].concat()).succeeds();
    assert_eq!(folder.to_build(), ["18.6.0-1 rocky9"]);
    let told = run(&folder, &["unrevoke", "18.7.0", "--target", "rhel9", "--reason", "x"]).succeeds();
    assert!(told.contains("Was not revoked: gitlab-runner-18.7.0-1.x86_64 on rhel9"), "{told}");
    assert!(told.contains("rhel9: it is revoked still, on every target: deletes jobs, by mary. `unrevoke` without --target takes that back"), "{told}");
    run(&folder, &["unrevoke", "18.9.0", "--reason", "x"]).succeeds();
    folder.run(&[&diff[..], &["--first-run", "all"]].concat()).succeeds();
    assert!(folder.to_build().contains(&"18.9.0-1 rocky9".to_owned()), "{:?}", folder.to_build());
}

#[test]
fn what_was_asked_for_before_it_was_revoked_is_not_built() {
    let folder = built();
    run(&folder, &["rebuild", "18.7.0", "--target", "rhel9", "--reason", "patched"]).succeeds();
    run(&folder, &["revoke", "18.7.0", "--reason", "deletes jobs"]).succeeds();
    folder.run(&DIFF).succeeds();
    assert!(!folder.to_build().contains(&"18.7.0-1 rhel9".to_owned()), "{:?}", folder.to_build());
    let ended = run(&folder, &["rebuild", "18.7.0", "--target", "rhel9", "--reason", "to see"]);
    assert!(ended.stderr.contains("is revoked on rhel9: deletes jobs, by mary. It is built all the same"), "{ended:?}");
    folder.run(&DIFF).succeeds();
    assert!(folder.to_build().contains(&"18.7.0-1 rhel9".to_owned()), "{:?}", folder.to_build());
    // Said again, it is about what was asked for meanwhile, too.
    folder.run(&[&["settle", "--pipeline", "0"], &TRACKER[..]].concat());
    run(&folder, &["revoke", "18.7.0", "--reason", "deletes jobs"]).succeeds();
    run(&folder, &["rebuild", "18.6.0", "--target", "rhel9", "--reason", "x"]).succeeds();
    let told = folder.run(&DIFF).succeeds();
    assert!(!told.contains("18.7.0-1.x86_64  rhel9  asked for"), "{told}");
}

#[test]
fn a_promotion_says_which_targets_it_leaves_where_they_are() {
    let folder = built();
    promote(&folder, &["18.6.0"]);
    run(&folder, &["revoke", "ami-3", "--reason", "no swap"]).succeeds();
    let ended = run(&folder, &["promote", "18.6.0", "--to", "stable", "--reason", "x"]);
    assert!(ended.code == Some(0) && ended.stderr.contains("WARNING: stable goes on to point to gitlab-runner-18.6.0-1.x86_64 for al2023 x86_64 18 (revoked: no swap, by mary): its image is revoked: us-east-1=ami-3"), "{ended:?}");
    // Nor does it stay silent about a target for which the release was never built, or the other channel has nothing.
    let ended = run(&folder, &["promote", "18.7.0", "--to", "stable", "--reason", "x"]);
    assert!(
        ended.stderr.contains("for al2023 x86_64 18 (revoked: no swap, by mary): 18.7.0 was not built there"),
        "{ended:?}"
    );
    let ended = run(&folder, &["promote", "--from", "latest", "--to", "stable", "--reason", "x"]);
    assert!(
        ended.stderr.contains("for al2023 x86_64 18 (revoked: no swap, by mary): latest has no image there"),
        "{ended:?}"
    );
    promote(&folder, &["18.6.0"]);
    let error = run(&folder, &["promote", "18.6.0", "--to", "stable", "--target", "rhle9", "--reason", "x"]).fails(2);
    assert!(error.contains("--target names rhle9"), "{error}");
    // One target that is revoked holds up no other.
    let to =
        |more: &[&str]| run(&folder, &[&["promote", "--from", "stable", "--to", "eu", "--reason", "x"], more].concat());
    assert!(to(&[]).fails(4).contains("for al2023 is revoked"));
    assert!(to(&["--target", "rhel9"]).succeeds().contains("eu for rhel9 x86_64 18: gitlab-runner-18.6.0-1.x86_64"));
}

#[test]
fn a_channel_may_point_to_nothing_and_has_series_of_one_kind() {
    let folder = built();
    promote(&folder, &["18.6.0"]);
    let error = run(&folder, &["promote", "18.7.0", "--to", "stable", "--per", "minor", "--reason", "x"]).fails(2);
    assert!(
        error.contains("stable has one image for rhel9 x86_64 18, and this would add one for rhel9 x86_64 18.7"),
        "{error}"
    );
    let told = run(
        &folder,
        &["promote", "--nothing", "--to", "stable", "--series", "18", "--target", "rhel9", "--reason", "over"],
    )
    .succeeds();
    assert!(told.contains("stable for rhel9 x86_64 18: nothing  (before: gitlab-runner-18.6.0-1.x86_64)"), "{told}");
    let told = stable(&folder).succeeds();
    assert!(told.contains("al2023") && !told.contains("rhel9"), "{told}");
}

#[test]
fn one_thing_alone_is_promoted() {
    let folder = built();
    let refused =
        |what: &[&str]| run(&folder, &[&["promote", "--to", "stable", "--reason", "x"], what].concat()).fails(2);
    for (what, told) in [
        (&[][..], "say what is promoted"),
        (&["18.6.0", "--nothing"], "a release or image and --nothing are given: which one is meant?"),
        (&["18.6.0", "--from", "latest"], "a release or image and --from are given: which one is meant?"),
        (&["--from", "latest", "--nothing"], "--from and --nothing are given: which one is meant?"),
    ] {
        let error = refused(what);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_slip_is_told_from_what_is_there() {
    let folder = built();
    promote(&folder, &["18.6.0"]);
    let refused =
        |what: &[&str]| run(&folder, &[&["promote", "--to", "stable", "--reason", "x"], what].concat()).fails(4);
    for (what, told) in [
        (&["18.6.9"][..], "knows no release or image \"18.6.9\". `status` shows what it knows"),
        (&["18.6"], "knows no release or image \"18.6\". Releases of that series are 18.6.0"),
        (&["ami-9"], "knows no release or image \"ami-9\""),
        (
            &["--from", "latest", "--series", "99"],
            "the channel latest points to no image of series 99 that may be used",
        ),
    ] {
        let error = refused(what);
        assert!(error.contains(told), "{error}");
    }
    let error = run(&folder, &["promote", "--nothing", "--to", "stabel", "--reason", "x"]).fails(4);
    assert!(
        error.contains("there is no channel stabel, to which nobody has promoted yet; there are: stable"),
        "{error}"
    );
    let ended = run(&folder, &["promote", "18.6.0", "--to", "stabel", "--reason", "x"]);
    assert!(ended.stderr.contains("WARNING: stabel is a new channel; there were: stable"), "{ended:?}");
    let told = run(&folder, &["revoke", "gitlab-runner-18.61.0-1.x86_64", "--reason", "x"]).succeeds();
    assert!(
        told.contains("No run has seen gitlab-runner-18.61.0-1.x86_64 yet: it is revoked once it is there"),
        "{told}"
    );
}

#[test]
fn another_image_of_a_release_is_told_by_its_ids() {
    let folder = built();
    promote(&folder, &["18.7.0"]);
    run(&folder, &["rebuild", "18.7.0", "--target", "rhel9", "--reason", "patched"]).succeeds();
    folder.run(&update("18.7.0", "rhel9", "ami-4")).succeeds();
    let told = promote(&folder, &["18.7.0"]);
    assert!(told.contains("us-east-1=ami-4  (before: us-east-1=ami-2 of the same release)"), "{told}");
}

#[test]
fn the_channels_of_images_json_are_those_that_are_asked_for() {
    let folder = built();
    promote(&folder, &["18.6.0"]);
    let json = run(&folder, &["images", "--target", "rhel9", "--format", "json"]).succeeds();
    assert!(json.contains("ami-1") && !json.contains("ami-3"), "{json}");
}

#[test]
fn the_current_images_of_a_series_are_promoted() {
    let folder = built();
    let told = run(&folder, &["promote", "--from", "latest", "--series", "18.6", "--to", "stable", "--reason", "x"])
        .succeeds();
    assert!(told.contains("stable for rhel9 x86_64 18.6: gitlab-runner-18.6.0-1.x86_64  us-east-1=ami-1"), "{told}");
    assert!(told.contains("ami-3") && !told.contains("ami-2"), "{told}");
}

#[test]
fn all_versions_may_be_one_series_and_a_long_one_is_refused() {
    let folder = built();
    let told = promote(&folder, &["18.7.0", "--per", "product"]);
    assert!(told.contains("stable for rhel9 x86_64, all versions: gitlab-runner-18.7.0-1.x86_64"), "{told}");
    let package = format!("gitlab-runner-18{}.0-1.x86_64", "1".repeat(140));
    let target = "t".repeat(60);
    let long = ["update", "--force", "--package", &package, "--target", &target, "--image", "us-east-1=ami-8"];
    folder.run(&[&long[..], &TRACKER].concat()).succeeds();
    let error = run(&folder, &["promote", "ami-8", "--to", "other", "--reason", "x"]).fails(4);
    assert!(error.contains("are too long for a channel"), "{error}");
}

#[test]
fn what_the_options_of_a_promotion_leave_out_is_said() {
    let folder = built();
    let refused = |arguments: &[&str]| {
        run(&folder, &[&["promote", "--to", "stable", "--reason", "x"], arguments].concat()).fails(2)
    };
    for (arguments, told) in [
        (
            &["18.7.0", "--target", "al2023"][..],
            "--target leaves out all that 18.7.0 names: gitlab-runner-18.7.0-1.x86_64 for rhel9",
        ),
        (
            &["ami-3", "--series", "17"],
            "--series leaves out all that ami-3 names: gitlab-runner-18.6.0-1.x86_64 for al2023",
        ),
        (
            &["18.7.0", "--target", "rhel9", "--series", "18.6"],
            "--target with --series leaves out all that 18.7.0 names: gitlab-runner-18.7.0-1.x86_64 for rhel9",
        ),
    ] {
        let error = refused(arguments);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn of_two_releases_of_one_version_the_one_that_has_an_image_is_promoted() {
    let folder = Folder::listed(&["18.6.1-1.x86_64", "18.6.1-2.x86_64"]);
    let image = ["--image", "us-east-1=ami-1"];
    let built = ["update", "--force", "--package", "gitlab-runner-18.6.1-1.x86_64", "--target", "rhel9"];
    folder.run(&[&built[..], &image, &TRACKER].concat()).succeeds();
    let skip = ["skip", "gitlab-runner-18.6.1-2.x86_64", "--target", "rhel9", "--reason", "broken"];
    run(&folder, &skip).succeeds();
    let told = promote(&folder, &["18.6.1"]);
    assert!(told.contains("gitlab-runner-18.6.1-1.x86_64") && !told.contains("goes on to point"), "{told}");
}

#[test]
fn a_channel_says_what_has_no_image_in_the_place_that_is_asked_for() {
    let folder = built();
    promote(&folder, &["18.6.0"]);
    let ended = run(&folder, &["images", "--channel", "stable", "--place", "eu-west-1"]);
    assert!(
        ended.code == Some(0) && ended.stderr.contains("the channel stable points to gitlab-runner-18.6.0-1.x86_64 for rhel9 x86_64 18, whose image has no id in eu-west-1 that counts"),
        "{ended:?}"
    );
    // Several ids in one place: none counts, in whatever place.
    folder.run(&[&update("18.6.0", "rhel9", "ami-1")[..], &["--image", "us-east-1=ami-7"]].concat()).succeeds();
    let told = promote(&folder, &["18.7.0"]);
    assert!(told.contains("stable for rhel9 x86_64 18: gitlab-runner-18.7.0-1.x86_64"), "{told}");
}
