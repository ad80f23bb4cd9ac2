//! What became of the builds of a pipeline: as `night.json`, as variables, as Markdown and as a table.

use crate::common::{baked, build, night, pipeline};
use ami_scheduler::alarm::Alarm;
use ami_scheduler::artifacts::{Night, Paused, ToTell, ToldAlarm};
use ami_scheduler::report::{self, markdown};
use ami_scheduler::tracker::{Document, Origin, Report, Word};

fn lane(id: u64, lane: &str) -> Origin {
    Origin { lane: Some(lane.to_owned()), ..pipeline(id) }
}

fn claim(document: &mut Document, version: &str, target: &str, origin: Origin, day: i64) {
    document.claim(&build(version, target), "new_release", None, night(day), origin);
}

/// Pipeline 102 claimed four builds: one succeeded, two failed, and of one nothing was heard. 18.6.0 failed for the second
/// time. Others were claimed by another pipeline, and by another lane of the same.
fn tracker() -> Document {
    let mut document = Document::new("gitlab-runner", "main");
    claim(&mut document, "18.5.0", "al2023", pipeline(101), 1);
    claim(&mut document, "18.6.0", "al2023", pipeline(101), 1);
    document.settle(101, night(1), &pipeline(101), |_| None);
    claim(&mut document, "18.6.0", "al2023", pipeline(102), 2);
    claim(&mut document, "18.7.0", "al2023", pipeline(102), 2);
    document.settle(102, night(2), &pipeline(102), |build| {
        Some(format!("https://gitlab.example.com/-/jobs/{}", build.target))
    });
    claim(&mut document, "18.7.0", "rhel9", pipeline(102), 2);
    claim(&mut document, "18.7.0", "rocky9", pipeline(102), 2);
    claim(&mut document, "17.11.0", "rhel9", lane(102, "v17-"), 2);
    let made =
        Report { baked: baked("ami-1"), notes: [("SIZE".to_owned(), "8".to_owned())].into(), ..Report::default() };
    document.succeed(&build("18.7.0", "rhel9"), made, night(2), pipeline(102));
    document
}

fn alarms() -> Vec<ToldAlarm> {
    let unused = |pattern: &str| Alarm::UnusedPattern { pattern: pattern.to_owned() };
    ToldAlarm::of(&[unused("18.8.*"), unused("18.9.*")])
}

fn to_tell() -> ToTell {
    let paused =
        |version| Paused { package: build(version, "al2023").package, target: build(version, "al2023").target };
    // One that failed in an earlier pipeline, one that this one has claimed, and one that is not known.
    ToTell { alarms: alarms(), paused: ["18.5.0", "18.6.0", "18.9.0"].map(paused).to_vec() }
}

#[test]
fn a_night_is_the_builds_that_its_pipeline_claimed_and_what_became_of_them() {
    let document = tracker();
    let night = Night::new(&document, 102, None, 2, to_tell(), night(3));
    assert_eq!((night.built, night.failed, night.given_up, night.builds.len()), (1, 2, 1, 4));
    insta::assert_snapshot!(report::night(&night));
    insta::assert_snapshot!(markdown::night(&night));
    insta::assert_snapshot!(night.variables());
    insta::assert_snapshot!(serde_json::to_string_pretty(&night.builds[3]).expect("JSON"));
}

#[test]
fn a_night_of_another_lane_or_without_builds_says_so() {
    let document = tracker();
    let of = |id, lane: Option<&str>, alarms| {
        Night::new(&document, id, lane, 3, ToTell { alarms, ..ToTell::default() }, night(3)).summary()
    };
    assert_eq!(of(102, Some("v17-"), vec![]), "1 without an outcome");
    assert_eq!(of(103, None, vec![]), "nothing to build");
    assert_eq!(of(103, None, alarms()), "nothing to build; alarms: unused_pattern");
}

#[test]
fn of_many_alarms_some_are_handed_on_and_the_first_of_each_kind() {
    let many = (0..60).map(|number| Alarm::UnusedPattern { pattern: format!("{number}.*") });
    let last = Alarm::Overdue { last_run: night(1) };
    let told = ToldAlarm::of(&many.chain([last]).collect::<Vec<_>>());
    assert_eq!((told.len(), told[50].alarm.as_str()), (51, "overdue"));
}

#[test]
fn an_image_that_is_revoked_is_told_as_such() {
    let mut document = tracker();
    let word = Word { reason: "deletes jobs".to_owned(), by: None, at: night(2) };
    document.revoke(&build("18.7.0", "rhel9").package, None, true, &word);
    let night = Night::new(&document, 102, None, 2, ToTell::default(), night(3));
    assert_eq!(night.summary(), "1 built (1 revoked), 2 failed (1 given up), 1 without an outcome");
    assert!(markdown::night(&night).contains("| built | 1 | revoked: deletes jobs `eu-central-1=ami-1-eu-central-1`"));
    assert!(report::night(&night).contains("REVOKED: deletes jobs  eu-central-1=ami-1-eu-central-1"));
}

#[test]
fn a_url_from_outside_stays_a_link_or_is_none() {
    let mut document = Document::new("gitlab-runner", "main");
    claim(&mut document, "18.5.0", "al2023", pipeline(101), 1);
    document.settle(101, night(1), &pipeline(101), |_| Some("javascript:alert(1)> | @all <b>x".to_owned()));
    let text = markdown::night(&Night::new(&document, 101, None, 2, ToTell::default(), night(3)));
    assert!(!text.contains("@all") && !text.contains("javascript"), "{text}");
}
