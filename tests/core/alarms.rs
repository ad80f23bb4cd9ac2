//! Which alarms a run raises about its releases, and what they say.

use std::collections::BTreeMap;

use crate::common::{
    baked, build, checksum, package, pipeline, pipeline_url, run_for, runner, runners, target, targets, time,
};
use ami_scheduler::alarm::{Alarm, AlarmKind, Offer, given_up_in, of_releases};
use ami_scheduler::plan::{Context, Rules};
use ami_scheduler::policy::{Exclusion, Policy, Versions};
use ami_scheduler::release::Package;
use ami_scheduler::tracker::{Document, Notes, Report, State};

const NIGHT: &str = "2026-11-24T02:00:00Z";
const TARGETS: [&str; 2] = ["al2023", "rhel9"];

/// The alarms of a night that finds these packages.
fn alarms(document: &mut Document, offered: Vec<Package>, rules: &Rules, id: u64, now: &str) -> Vec<Alarm> {
    let (wanted, filtered) = rules.scope.apply(offered);
    let plan = run_for(&TARGETS, document, &wanted, rules, &pipeline(id), time(now));
    let filtered: Vec<_> = filtered.iter().map(|(package, reason)| (package, *reason)).collect();
    let offer = Offer { wanted: &wanted, filtered: &filtered };
    let (targets, origin) = (targets(&TARGETS), pipeline(id));
    let context = Context { targets: &targets, rules, ingredients: &BTreeMap::new(), origin: &origin, now: time(now) };
    of_releases(&offer, &plan, document, &["AMI_ID".to_owned()], &context)
}

fn told(alarms: &[Alarm]) -> Vec<String> {
    alarms.iter().map(|alarm| format!("{}: {alarm}", alarm.kind())).collect()
}

fn document() -> Document {
    Document::new("gitlab-runner", "main")
}

fn scope(versions: &str, architectures: &[&str]) -> Rules {
    let versions = versions.parse().map_or(Versions::All, Versions::Leading);
    let architectures = architectures.iter().map(|arch| (*arch).to_owned()).collect();
    Rules { scope: Policy { versions, architectures, pre_releases: false }, ..Rules::default() }
}

/// Field tests, tracker 7.
#[test]
fn rules_that_leave_no_release_say_what_is_there() {
    for (rules, expected) in [
        (scope("81", &[]), "2 releases are left out, other version (the newest is 18.7.0-1)"),
        (scope("18", &["s390x"]), "2 releases are left out, other architecture (there are x86_64)"),
        (scope("18", &["amd64"]), "2 releases are left out, other architecture (RPM's name for amd64 is x86_64)"),
    ] {
        let alarms = alarms(&mut document(), runners(&["18.6.0", "18.7.0"]), &rules, 1, NIGHT);
        let sentence = format!(
            "no_match: no release is wanted for al2023, rhel9: {expected}. Are version and architecture right?"
        );
        assert_eq!(told(&alarms), [sentence]);
    }
    assert_eq!(alarms(&mut document(), runners(&["18.6.0"]), &scope("18", &["x86_64"]), 1, NIGHT), []);
}

/// Field tests, tracker 7.
#[test]
fn a_target_whose_repository_has_none_is_named() {
    let of_one = Package { targets: Some([target("rhel9")].into()), ..runner("18.6.0") };
    let of_other = Package { targets: Some([target("al2023")].into()), ..runner("17.1.0") };
    let alarms = alarms(&mut document(), vec![of_one, of_other], &scope("18", &[]), 1, NIGHT);
    assert!(matches!(&alarms[..], [Alarm::NoMatch { targets, .. }] if *targets == [target("al2023")]), "{alarms:?}");
}

/// Field tests, tracker 8.
#[test]
fn a_pattern_that_names_nothing_is_said() {
    let exclude = |patterns: &[&str]| {
        let exclusion = |text: &&str| Exclusion { pattern: text.parse().expect("a pattern"), reason: None };
        Rules { exclude: patterns.iter().map(exclusion).collect(), ..scope("18", &[]) }
    };
    let offered = || runners(&["17.1.0", "18.6.0"]);
    let alarms = |patterns: &[&str]| alarms(&mut document(), offered(), &exclude(patterns), 1, NIGHT);
    // 17.1.0 is there, though the version leaves it out already.
    assert_eq!(alarms(&["18.6.*", "17.1.0"]), []);
    let sentence =
        "unused_pattern: the pattern 18.66.* excludes no release that is there: is it misspelt, or no longer needed?";
    assert_eq!(told(&alarms(&["18.66.*"])), [sentence]);
}

/// Field tests, tracker 10.
#[test]
fn what_is_given_up_is_told_every_night_once_for_all_its_targets() {
    let mut document = document();
    let rules = Rules { max_attempts: 1, ..scope("18", &[]) };
    assert_eq!(alarms(&mut document, runners(&["18.6.0"]), &rules, 1, NIGHT), []);
    document.settle(1, time(NIGHT), &pipeline(1), |_| None);
    for id in [2, 3] {
        let alarms = alarms(&mut document, runners(&["18.6.0"]), &rules, id, NIGHT);
        let sentence = format!(
            "given_up: gitlab-runner-18.6.0-1.x86_64 for al2023, rhel9 is given up after 1 attempt, the last: {}. Correct \
             the build, and ask for it again with `rebuild`; or say with `skip` that it is not wanted",
            pipeline_url(1)
        );
        assert_eq!(told(&alarms), [sentence]);
        assert_eq!(given_up_in(&document), alarms);
    }
    document.skip_by_hand(&build("18.6.0", "rhel9"), "no longer wanted", "mary", time(NIGHT));
    document.rebuild(&runner("18.6.0").nevra, &targets(&["al2023"]), "mended", None, time(NIGHT));
    assert_eq!(alarms(&mut document, runners(&["18.6.0"]), &rules, 4, NIGHT), []);
    assert_eq!(given_up_in(&document), []);
}

/// Field tests, tracker 4.
#[test]
fn a_pipeline_that_never_ended_is_told_when_its_claims_lapse() {
    let mut document = document();
    let rules = scope("18", &[]);
    alarms(&mut document, runners(&["18.6.0"]), &rules, 1, NIGHT);
    assert_eq!(alarms(&mut document, runners(&["18.6.0"]), &rules, 2, "2026-11-24T03:00:00Z"), []);
    let lapsed = alarms(&mut document, runners(&["18.6.0"]), &rules, 3, "2026-11-25T02:00:00Z");
    let sentence = format!(
        "lapsed: a pipeline began gitlab-runner-18.6.0-1.x86_64 for al2023, rhel9 and never ended it: {}. That counts as an \
         attempt",
        pipeline_url(1)
    );
    assert_eq!(told(&lapsed), [sentence]);
}

/// Field tests, tracker 18.
#[test]
fn the_claim_of_a_release_that_was_taken_out_is_closed_once_it_has_lapsed() {
    let mut document = document();
    let rules = scope("18", &[]);
    alarms(&mut document, runners(&["18.6.0"]), &rules, 1, NIGHT);
    let others = || runners(&["18.5.0"]);
    let (all, rules) = (rules.clone(), Rules { max_builds: 0, ..rules });
    assert_eq!(alarms(&mut document, others(), &rules, 2, "2026-11-24T03:00:00Z"), []);
    let state =
        |document: &Document| document.get(&build("18.6.0", "rhel9")).map(|entry| (entry.state, entry.attempts()));
    assert_eq!(state(&document), Some((State::Building, 1)));
    let closed = alarms(&mut document, others(), &rules, 3, "2026-11-25T02:00:00Z");
    assert_eq!(closed.iter().map(Alarm::kind).collect::<Vec<_>>(), [AlarmKind::Lapsed]);
    assert!(closed[0].to_string().ends_with("The repository no longer offers the release: the claim is given back"));
    assert_eq!(state(&document), Some((State::GivenBack, 0)));
    // A lane of other versions does not look at it, and leaves it alone.
    let mut of_18 = self::document();
    alarms(&mut of_18, runners(&["18.6.0"]), &all, 1, NIGHT);
    alarms(&mut of_18, runners(&["17.1.0"]), &scope("17", &[]), 2, "2026-11-26T02:00:00Z");
    assert_eq!(state(&of_18), Some((State::Building, 1)));
}

#[test]
fn a_build_with_several_images_in_one_region_is_told_every_night() {
    let mut document = document();
    let rules = scope("18", &[]);
    alarms(&mut document, runners(&["18.6.0"]), &rules, 1, NIGHT);
    let mut baked = baked("ami-1");
    baked.ids.add("us-east-1".parse().expect("a place"), "ami-2".parse().expect("an id"));
    document.succeed(&build("18.6.0", "al2023"), Report { baked, ..Report::default() }, time(NIGHT), pipeline(1));
    let ami = Notes::from([("AMI_ID".to_owned(), "ami-1".to_owned())]);
    document.succeed(&build("18.6.0", "rhel9"), ami.into(), time(NIGHT), pipeline(1));
    for id in [2, 3] {
        let sentence = "several_images: gitlab-runner-18.6.0-1.x86_64 for al2023 was built several times in us-east-1, and none \
                        of these images counts there. Does the build have several sources for one region? `update \
                        --image` says which image counts";
        assert_eq!(told(&alarms(&mut document, runners(&["18.6.0"]), &rules, id, NIGHT)), [sentence]);
    }
}

/// Field tests, front door: a build without an image is green.
#[test]
fn a_build_without_an_image_is_told_every_night() {
    let mut document = document();
    let rules = scope("18", &[]);
    alarms(&mut document, runners(&["18.6.0"]), &rules, 1, NIGHT);
    let ami = Notes::from([("AMI_ID".to_owned(), "ami-1".to_owned())]);
    document.succeed(&build("18.6.0", "al2023"), ami.into(), time(NIGHT), pipeline(1));
    document.succeed(&build("18.6.0", "rhel9"), Report::default(), time(NIGHT), pipeline(1));
    for id in [2, 3] {
        let sentence = "no_image: gitlab-runner-18.6.0-1.x86_64 for rhel9 was built, and its image is not known: neither is \
                        there AMI_ID. Is the manifest among the build job's artifacts, and are the notes in its dotenv \
                        report? `update --image` records an image that is there, `rebuild` builds it again";
        assert_eq!(told(&alarms(&mut document, runners(&["18.6.0"]), &rules, id, NIGHT)), [sentence]);
    }
    // What was imported was never expected to say anything.
    let mut imported = self::document();
    imported.import(&build("18.6.0", "rhel9"), "was there", time(NIGHT));
    imported.import(&build("18.6.0", "al2023"), "was there", time(NIGHT));
    assert_eq!(alarms(&mut imported, runners(&["18.6.0"]), &rules, 1, NIGHT), []);
}

/// Field tests, front door: one line for each target, fifteen of them.
#[test]
fn a_release_that_was_published_again_is_told_once_for_all_its_targets() {
    let mut document = document();
    let rules = scope("18", &[]);
    let offered = |digit| vec![Package { checksum: Some(checksum(digit)), ..package("gitlab-runner-18.6.0-1.x86_64") }];
    alarms(&mut document, offered("a"), &rules, 1, NIGHT);
    for target in TARGETS {
        let ami = Notes::from([("AMI_ID".to_owned(), "ami-1".to_owned())]);
        document.succeed(&build("18.6.0", target), ami.into(), time(NIGHT), pipeline(1));
    }
    assert_eq!(alarms(&mut document, offered("a"), &rules, 2, NIGHT), []);
    let alarms = alarms(&mut document, offered("b"), &rules, 3, NIGHT);
    assert!(matches!(&alarms[..], [Alarm::Republished { targets, .. }] if targets.len() == 2), "{alarms:?}");
}
