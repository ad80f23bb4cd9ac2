//! Which image is to be used.

use crate::common::{baked, build, night, pipeline};
use ami_scheduler::images::current;
use ami_scheduler::policy::Keep;
use ami_scheduler::report;
use ami_scheduler::tracker::{Baked, Document, ImageId, Origin, Place, Report};

/// Built on each of these nights: the version, the target, the id, and the claim.
fn document(builds: &[(&str, &str, &str)]) -> Document {
    let mut document = Document::new("gitlab-runner", "main");
    for (number, (version, target, id)) in (1..).zip(builds) {
        bake(&mut document, number, version, target, id);
    }
    document
}

fn bake(document: &mut Document, number: u64, version: &str, target: &str, id: &str) {
    let build = build(version, target);
    document.claim(&build, "new_release", None, night(1), pipeline(number));
    let report = Report {
        claim: Some(document.get(&build).expect("a claim").claim()),
        job: number,
        baked: baked(id),
        ..Report::default()
    };
    document.succeed(&build, report, night(2), pipeline(number + 100));
}

/// `al2023 18: 18.6.0 ami-…`
fn told(document: &Document, keep: Keep, place: Option<&str>) -> Vec<String> {
    let place: Option<Place> = place.map(|place| place.parse().expect("a place"));
    let us = "us-east-1".parse().expect("a place");
    let images = current(document, keep, place.as_ref(), |_| true);
    let told = images.iter().map(|one| {
        let id = one.image.ids.of(place.as_ref().unwrap_or(&us)).map(ImageId::as_str).unwrap_or_default();
        format!("{} {}: {} {id}", one.target, one.series, one.package.evr().version)
    });
    told.collect()
}

#[test]
fn the_current_image_is_that_of_the_newest_release_of_each_target_and_series() {
    let document = document(&[
        ("18.6.0", "al2023", "a"),
        ("18.7.0", "al2023", "b"),
        ("17.9.0", "al2023", "c"),
        ("18.6.0", "rhel9", "d"),
        ("18.7.1", "al2023", "e"),
    ]);
    assert_eq!(
        told(&document, Keep::LatestPerMajor, None),
        ["al2023 18: 18.7.1 e-us-east-1", "al2023 17: 17.9.0 c-us-east-1", "rhel9 18: 18.6.0 d-us-east-1"]
    );
    assert_eq!(
        told(&document, Keep::LatestPerMinor, Some("eu-central-1"))[..2],
        ["al2023 18.7: 18.7.1 e-eu-central-1", "al2023 18.6: 18.6.0 a-eu-central-1"]
    );
    assert_eq!(told(&document, Keep::Latest, None).len(), 2);
    assert_eq!(told(&document, Keep::LatestPerMajor, Some("us-west-1")), Vec::<String>::new());
}

#[test]
fn a_rebuild_leaves_the_image_current_until_it_has_succeeded() {
    let mut document = document(&[("18.6.0", "al2023", "a"), ("18.7.0", "al2023", "b")]);
    let newest = |document: &Document| told(document, Keep::Latest, None).remove(0);
    document.rebuild(&build("18.7.0", "al2023").package, &[], "no swap", None, night(3));
    assert_eq!(newest(&document), "al2023 : 18.7.0 b-us-east-1");
    document.claim(&build("18.7.0", "al2023"), "asked_for", None, night(3), pipeline(9));
    document.settle(9, night(3), &pipeline(9), |_| None);
    assert_eq!(newest(&document), "al2023 : 18.7.0 b-us-east-1", "it has failed");
    bake(&mut document, 10, "18.7.0", "al2023", "c");
    assert_eq!(newest(&document), "al2023 : 18.7.0 c-us-east-1");
    let (_, images): (Vec<_>, Vec<_>) =
        document.images(&build("18.7.0", "al2023").package, &build("18.7.0", "al2023").target).unzip();
    assert_eq!(images.len(), 2, "the old one is history");
}

#[test]
fn of_several_images_in_a_place_none_is_current_there() {
    let mut document = document(&[("18.6.0", "al2023", "a")]);
    let mut two = baked("b");
    two.ids.add("us-east-1".parse().expect("a place"), "ami-2".parse().expect("an id"));
    document.succeed(
        &build("18.7.0", "al2023"),
        Report { baked: two, ..Report::default() },
        night(2),
        Origin::default(),
    );
    assert_eq!(told(&document, Keep::Latest, Some("us-east-1")), ["al2023 : 18.6.0 a-us-east-1"]);
    assert_eq!(told(&document, Keep::Latest, Some("eu-central-1")), ["al2023 : 18.7.0 b-eu-central-1"]);
}

#[test]
fn of_a_release_an_earlier_image_is_current_in_a_place_that_the_last_has_not() {
    let mut document = document(&[("18.6.0", "al2023", "a"), ("18.7.0", "al2023", "b")]);
    let release = build("18.7.0", "al2023");
    document.rebuild(&release.package, &[], "no swap", None, night(3));
    let mut baked = Baked::default();
    baked.ids.add("us-east-1".parse().expect("a place"), "c".parse().expect("an id"));
    document.succeed(&release, Report { baked, ..Report::default() }, night(3), Origin::default());
    assert_eq!(told(&document, Keep::Latest, None), ["al2023 : 18.7.0 c"]);
    assert_eq!(told(&document, Keep::Latest, Some("eu-central-1")), ["al2023 : 18.7.0 b-eu-central-1"]);
}

#[test]
fn an_image_without_an_id_and_one_of_a_release_that_is_skipped_are_not_current() {
    let mut document = document(&[("18.6.0", "al2023", "a"), ("18.7.0", "al2023", "b")]);
    document.succeed(&build("18.8.0", "al2023"), Report::default(), night(2), Origin::default());
    assert_eq!(told(&document, Keep::Latest, None), ["al2023 : 18.7.0 b-us-east-1"]);
    document.rebuild(&build("18.7.0", "al2023").package, &[], "does not boot", None, night(3));
    document.skip_by_hand(&build("18.7.0", "al2023"), "does not boot", "mary", night(3));
    assert_eq!(told(&document, Keep::Latest, None), ["al2023 : 18.6.0 a-us-east-1"]);
}

#[test]
fn the_table_names_each_image_with_its_places() {
    let document = document(&[("18.6.0", "al2023", "ami-1"), ("18.7.0", "rhel9", "ami-2")]);
    insta::assert_snapshot!(report::images(&document, None, &current(&document, Keep::LatestPerMajor, None, |_| true), None, night(5)), @"
    gitlab-runner on main:
    TARGET  SERIES  RELEASE          RECORDED    IMAGE
    al2023  18      18.6.0-1.x86_64  3 days ago  eu-central-1=ami-1-eu-central-1  us-east-1=ami-1-us-east-1
    rhel9   18      18.7.0-1.x86_64  3 days ago  eu-central-1=ami-2-eu-central-1  us-east-1=ami-2-us-east-1
    ");
    let empty = Document::new("gitlab-runner", "main");
    assert_eq!(report::images(&empty, None, &[], None, night(5)), "gitlab-runner on main: no image\n");
}
