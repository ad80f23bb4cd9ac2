//! Images that are no longer fresh: which releases are built again, when, and what that never does.

use std::collections::BTreeMap;

use crate::common::{baked, build, checksum, days, night, pipeline, run_of, runner, runners, target};
use ami_scheduler::alarm::{Alarm, given_up_in};
use ami_scheduler::images::{current, current_of};
use ami_scheduler::plan::{BuildReason, HoldReason, Plan, Rules};
use ami_scheduler::policy::{Keep, Policy, Versions};
use ami_scheduler::release::{BuildKey, Nevra, Package, Target};
use ami_scheduler::tracker::{Claim, Document, Ingredients, Pointer, Report, State, Word};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const TARGETS: [&str; 1] = ["al2023"];

type Told = BTreeMap<Target, Ingredients>;
/// What becomes of the builds of a night.
type Ending = fn(&mut Nights);

/// `base=ami-1 recipe=a`, of al2023.
fn told(text: &str) -> Told {
    let pairs = text.split_whitespace().map(|pair| pair.split_once('=').expect(pair));
    let pairs = pairs.map(|(name, value)| (name.parse().expect(name), value.parse().expect(value)));
    BTreeMap::from([(target("al2023"), pairs.collect())])
}

/// Images are built again when their base changes, and nothing else makes a build but a new release.
fn when(names: &[&str]) -> Rules {
    Rules { rebuild_when: names.iter().map(|name| name.parse().expect(name)).collect(), ..Rules::default() }
}

fn after(number: i64) -> Rules {
    Rules { rebuild_after: days(number), ..Rules::default() }
}

/// A tracker, and the nights that it lives through, one a day.
struct Nights {
    document: Document,
    releases: Vec<Package>,
    rules: Rules,
    day: i64,
}

impl Nights {
    /// All releases were built in the first night, with these ingredients.
    fn built(versions: &[&str], rules: Rules, ingredients: &str) -> Self {
        let first = Rules { first_run: ami_scheduler::plan::FirstRun::All, ..Rules::default() };
        let document = Document::new("gitlab-runner", "main");
        let mut nights = Self { document, releases: runners(versions), rules: first, day: 0 };
        nights.tonight(ingredients);
        nights.succeed();
        nights.rules = rules;
        nights
    }

    fn now(&self) -> Timestamp {
        night(1) + SignedDuration::from_hours(24 * self.day)
    }

    fn pipeline(&self) -> u64 {
        u64::try_from(self.day).expect("a day")
    }

    /// The next night's plan, by pipeline N of day N.
    fn tonight(&mut self, ingredients: &str) -> Plan {
        self.day += 1;
        self.again(ingredients)
    }

    /// The same night's plan, by the same pipeline.
    fn again(&mut self, ingredients: &str) -> Plan {
        let (now, origin) = (self.now(), pipeline(self.pipeline()));
        run_of(&told(ingredients), &TARGETS, &mut self.document, &self.releases, &self.rules, &origin, now)
    }

    fn claims(&self) -> Vec<(BuildKey, Claim)> {
        let open = self.document.entries().filter(|(_, _, entry)| entry.state == State::Building);
        let claim = |(package, target, entry): (&Nevra, &Target, &ami_scheduler::tracker::Entry)| {
            (BuildKey { package: package.clone(), target: target.clone() }, entry.claim())
        };
        open.map(claim).collect()
    }

    /// All that is claimed has made an image, which needs a test.
    fn bake(&mut self) {
        for (build, claim) in self.claims() {
            let baked = baked(&format!("ami-{}-{claim}", build.package.evr().version));
            let report = Report { claim: Some(claim), job: 1, baked, needs_test: true, ..Report::default() };
            self.document.succeed(&build, report, self.now(), pipeline(self.pipeline()));
        }
    }

    /// All that is claimed is built and tested.
    fn succeed(&mut self) {
        let claims = self.claims();
        self.bake();
        for (build, claim) in claims {
            self.document.passed(&build, &claim, self.now(), pipeline(self.pipeline()));
        }
    }

    fn fail(&mut self) {
        let origin = pipeline(self.pipeline());
        self.document
            .settle(self.pipeline(), self.now(), &origin, |_| Some("https://gitlab.example.com/-/jobs/1".to_owned()));
    }

    /// The version of the current image, and the claim that made it.
    fn current(&self) -> String {
        let images = current(&self.document, self.rules.keep, None, |_| true);
        let image =
            |image: &ami_scheduler::images::Current<'_>| format!("{} {}", image.package.evr().version, image.key.claim);
        images.iter().map(image).collect::<Vec<_>>().join(", ")
    }

    fn promote(&mut self, version: &str) {
        let build = build(version, "al2023");
        let (key, _) = current_of(&self.document, &build.package, &build.target, None).expect("an image");
        let pointer = Pointer { package: build.package.clone(), image: key.clone() };
        let word = Word { reason: "good".to_owned(), by: None, at: self.now() };
        let slot = "al2023 x86_64 ".parse().expect("a slot");
        self.document.promote(&"stable".parse().expect("a channel"), slot, Some(pointer), word);
    }
}

/// `18.6.0 attempt 1: its base changed from a to b`
fn built(plan: &Plan) -> Vec<String> {
    let told = |build: &ami_scheduler::plan::Planned| {
        format!("{} attempt {}: {}", build.package.nevra.evr().version, build.attempt, build.explanation())
    };
    plan.builds.iter().map(told).collect()
}

fn held(plan: &Plan, version: &str) -> String {
    let held = plan.held.iter().find(|held| held.package == runner(version).nevra);
    held.map_or_else(|| panic!("{version} is not held"), ami_scheduler::plan::Held::explanation)
}

#[test]
fn a_base_that_changes_has_the_current_release_built_again_once() {
    let mut nights = Nights::built(&["18.5.0", "18.6.0"], when(&["base"]), "base=ami-1 recipe=a");
    assert_eq!(built(&nights.tonight("base=ami-1 recipe=b")), [""; 0], "the recipe is none of those that are named");
    assert_eq!(built(&nights.tonight("base=ami-2")), ["18.6.0 attempt 1: its base changed from ami-1 to ami-2"]);
    assert_eq!(nights.current(), "18.6.0 0.1@1", "the old image stays current until the new one is there");
    nights.bake();
    assert_eq!(nights.current(), "18.6.0 0.1@1", "and tested");
    nights.succeed();
    assert_eq!(nights.current(), "18.6.0 1.1@3");
    let before = nights.document.clone();
    assert_eq!(built(&nights.tonight("base=ami-2")), [""; 0]);
    assert_eq!(nights.document, before, "a night in which nothing changes writes nothing");
}

#[test]
fn each_ingredient_that_differs_is_named_and_one_without_a_value_does_not_differ() {
    for (then, now, told) in [
        (
            "base=ami-1 recipe=a",
            "base=ami-2 recipe=b",
            Some("its base changed from ami-1 to ami-2, its recipe changed from a to b"),
        ),
        ("base=ami-1", "base=ami-1 recipe=b", None),
        ("base=ami-1 recipe=a", "base=ami-1", None),
        ("base=ami-1", "", None),
        ("", "base=ami-2", None),
    ] {
        let mut nights = Nights::built(&["18.6.0"], when(&["base", "recipe"]), then);
        let plan = nights.tonight(now);
        let told: Vec<String> = told.iter().map(|told| format!("18.6.0 attempt 1: {told}")).collect();
        assert_eq!(built(&plan), told, "{then} and {now}");
    }
}

#[test]
fn the_claim_and_its_build_have_the_ingredients_of_the_night() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    let plan = nights.tonight("base=ami-2 recipe=b");
    let build = &plan.builds[0];
    assert_eq!(build.ingredients, told("base=ami-2 recipe=b")[&build.target]);
    let recorded = nights.document.ingredients(&build.package.nevra, &build.target, &build.claim);
    assert_eq!(recorded, Some(&build.ingredients));
    assert_eq!(build.reason.word(), "ingredient_changed");
}

#[test]
fn an_image_that_is_too_old_is_built_again() {
    let mut nights = Nights::built(&["18.5.0", "18.6.0"], after(30), "");
    nights.day += 29;
    assert_eq!(built(&nights.tonight("")), [""; 0]);
    let told = "18.6.0 attempt 1: its image of 2026-11-02 02:00 UTC is older than 30 days";
    let plan = nights.tonight("");
    assert_eq!(built(&plan), [told]);
    assert_eq!(plan.builds[0].reason.word(), "too_old");
    nights.succeed();
    assert_eq!(built(&nights.tonight("")), [""; 0]);
}

#[test]
fn what_was_imported_has_no_ingredients_and_is_as_old_as_its_record() {
    let mut nights = Nights::built(&["18.6.0"], Rules { rebuild_after: days(30), ..when(&["base"]) }, "");
    nights.releases.push(runner("18.7.0"));
    nights.document.import(&build("18.7.0", "al2023"), "in main.txt", nights.now());
    assert_eq!(built(&nights.tonight("base=ami-2")), [""; 0]);
    nights.day += 30;
    assert_eq!(
        built(&nights.tonight("base=ami-2")),
        ["18.7.0 attempt 1: its image of 2026-11-02 02:00 UTC is older than 30 days"]
    );
    nights.fail();
    assert_eq!(built(&nights.tonight("base=ami-2")).len(), 1, "it is tried again");
    nights.succeed();
    assert_eq!(built(&nights.tonight("base=ami-3")), ["18.7.0 attempt 1: its base changed from ami-2 to ami-3"]);
}

#[test]
fn the_current_release_of_each_series_and_what_a_channel_points_to_are_built_again_and_no_other() {
    let versions = ["17.8.0", "17.9.0", "18.4.0", "18.5.0", "18.6.0"];
    for (keep, expected) in [
        (Keep::Latest, vec!["18.4.0", "18.6.0"]),
        // Where every release is kept, `images` has a current one of each major version.
        (Keep::All, vec!["17.9.0", "18.4.0", "18.6.0"]),
        (Keep::LatestPerMajor, vec!["17.9.0", "18.4.0", "18.6.0"]),
        (Keep::LatestPerMinor, vec!["17.8.0", "17.9.0", "18.4.0", "18.5.0", "18.6.0"]),
    ] {
        let mut nights = Nights::built(&versions, Rules { keep, ..when(&["base"]) }, "base=ami-1");
        nights.promote("18.4.0");
        let plan = nights.tonight("base=ami-2");
        let built: Vec<&str> = plan.builds.iter().map(|build| build.package.nevra.evr().version.as_str()).collect();
        assert_eq!(built, expected, "{keep:?}");
        nights.succeed();
        // The channel still points to the old image, and the release has a new one.
        assert_eq!(nights.tonight("base=ami-2").builds.len(), 0);
    }
}

#[test]
fn a_lane_builds_again_what_is_its_own() {
    let versions = Versions::Leading("17".parse().expect("a version"));
    let scope = Policy { versions, ..Policy::default() };
    let mut nights = Nights::built(&["17.9.0", "18.6.0"], Rules { scope, ..when(&["base"]) }, "base=ami-1");
    nights.releases.retain(|package| package.nevra.evr().version == "17.9.0");
    assert_eq!(built(&nights.tonight("base=ami-2")), ["17.9.0 attempt 1: its base changed from ami-1 to ami-2"]);
}

#[test]
fn what_is_not_to_be_used_or_was_published_again_is_not_built_again() {
    let is_quiet = |change: &dyn Fn(&mut Nights)| {
        let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
        change(&mut nights);
        nights.tonight("base=ami-2").builds.is_empty()
    };
    let release = || runner("18.6.0").nevra;
    let word = |nights: &Nights| Word { reason: "broken".to_owned(), by: None, at: nights.now() };
    assert!(!is_quiet(&|_| {}));
    assert!(is_quiet(&|nights| {
        let word = word(nights);
        nights.document.revoke(&release(), None, true, &word);
    }));
    assert!(is_quiet(&|nights| {
        let exclusion = "18.6.0: does not start".parse().expect("an exclusion");
        nights.rules.exclude = vec![exclusion];
    }));
    assert!(is_quiet(&|nights| {
        nights.document.record_checksum(&build("18.6.0", "al2023"), checksum("a"));
        nights.releases[0].checksum = Some(checksum("b"));
    }));
    assert!(is_quiet(&|nights| nights.releases.clear()), "the repository has it no longer");
}

#[test]
fn a_rebuild_that_fails_is_tried_again_like_any_build_and_the_old_image_stays() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    nights.tonight("base=ami-2");
    nights.fail();
    let plan = nights.tonight("base=ami-2");
    let told = "its base changed from ami-1 to ami-2; attempt 2 of 3; the last one failed: https://gitlab.example.com/-/jobs/1";
    assert_eq!(built(&plan), [format!("18.6.0 attempt 2: {told}")]);
    assert!(matches!(plan.builds[0].reason, BuildReason::Failed(_)));
    nights.fail();
    nights.tonight("base=ami-2");
    nights.fail();
    let plan = nights.tonight("base=ami-2");
    assert!(matches!(plan.held[0].reason, HoldReason::GivenUp { attempts: 3, .. }), "{plan:?}");
    assert!(held(&plan, "18.6.0").starts_with("its base changed from ami-1 to ami-2; given up after 3 attempts"));
    assert_eq!(nights.current(), "18.6.0 0.1@1");
    let alarms = given_up_in(&nights.document);
    assert!(matches!(alarms.as_slice(), [Alarm::GivenUp { has_image: true, .. }]), "{alarms:?}");
    assert!(
        alarms[0].to_string().contains("It was to be built again, and the image that is there stays the one to use")
    );
    // The next change is another one: what it was given up for says nothing about it.
    assert_eq!(built(&nights.tonight("base=ami-3")), ["18.6.0 attempt 1: its base changed from ami-1 to ami-3"]);
    nights.succeed();
    assert_eq!(nights.current(), "18.6.0 2.1@6");
    assert!(given_up_in(&nights.document).is_empty());
}

#[test]
fn a_rule_that_is_switched_off_leaves_nothing_that_builds() {
    let off = Rules::default();
    let outcomes: [(&str, Ending); 4] = [
        ("failed", Nights::fail),
        ("given back", |nights| drop(nights.document.give_back(nights.pipeline(), None, nights.now(), |_| true))),
        ("never ended", |_| {}),
        ("made an image that is not tested", Nights::bake),
    ];
    for (outcome, end) in outcomes {
        let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
        nights.tonight("base=ami-2");
        end(&mut nights);
        nights.rules = off.clone();
        let plan = nights.tonight("base=ami-2");
        assert_eq!(
            (built(&plan), held(&plan, "18.6.0")),
            (vec![], "built 2026-11-02 02:00 UTC".to_owned()),
            "{outcome}"
        );
        let open = nights.claims();
        assert!(open.is_empty(), "{outcome}: nothing is left that waits, or has failed");
        assert_eq!(nights.document.get(&build("18.6.0", "al2023")).map(|entry| entry.state), Some(State::Built));
        assert_eq!(nights.current(), "18.6.0 0.1@1", "{outcome}");
        // Nor does the base that comes back.
        nights.rules = when(&["base"]);
        assert_eq!(built(&nights.tonight("base=ami-1")), [""; 0], "{outcome}");
    }
}

#[test]
fn what_was_given_back_is_begun_again_for_the_same_reason() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    nights.tonight("base=ami-2");
    nights.document.give_back(nights.pipeline(), None, nights.now(), |_| true);
    assert_eq!(built(&nights.tonight("base=ami-2")), ["18.6.0 attempt 1: its base changed from ami-1 to ami-2"]);
}

#[test]
fn another_pipeline_holds_a_rebuild_and_the_same_one_goes_on_with_it() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    nights.tonight("base=ami-2");
    let plan = nights.again("base=ami-2");
    assert_eq!(plan.builds[0].reason, BuildReason::OwnClaim);
    nights.day += 1;
    nights.rules.claim_timeout = days(2);
    let plan = nights.again("base=ami-2");
    assert!(matches!(plan.held[0].reason, HoldReason::Claimed { pipeline: 2, .. }), "{plan:?}");
}

#[test]
fn new_releases_come_before_rebuilds_which_a_run_begins_no_more_of_than_it_may() {
    let mut nights = Nights::built(
        &["17.9.0", "18.6.0", "19.0.0"],
        Rules { keep: Keep::LatestPerMajor, max_builds: 2, ..when(&["base"]) },
        "base=ami-1",
    );
    nights.releases.push(runner("19.1.0"));
    // One that has failed is still without an image.
    nights.rules.max_builds = 1;
    assert_eq!(built(&nights.tonight("base=ami-2")), ["19.1.0 attempt 1: new release"]);
    nights.fail();
    nights.rules.max_builds = 2;
    let plan = nights.tonight("base=ami-2");
    let again = "19.1.0 attempt 2: attempt 2 of 3; the last one failed: https://gitlab.example.com/-/jobs/1";
    assert_eq!(built(&plan), [again, "17.9.0 attempt 1: its base changed from ami-1 to ami-2"]);
    assert_eq!(held(&plan, "18.6.0"), "its base changed from ami-1 to ami-2; left for the next run: this one is full");
    nights.succeed();
    assert_eq!(built(&nights.tonight("base=ami-2")), ["18.6.0 attempt 1: its base changed from ami-1 to ami-2"]);
}

#[test]
fn what_a_person_asks_for_is_built_for_that_and_is_fresh_then() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    nights.document.rebuild(&runner("18.6.0").nevra, &[], "patched", Some("mary"), nights.now());
    assert_eq!(built(&nights.tonight("base=ami-2")), ["18.6.0 attempt 1: asked for again by mary: patched"]);
    nights.succeed();
    assert_eq!(built(&nights.tonight("base=ami-2")), [""; 0]);
}

#[test]
fn an_image_that_is_revoked_is_not_made_again_for_the_change_that_it_was_made_for() {
    let mut nights = Nights::built(&["18.6.0"], Rules { rebuild_after: days(30), ..when(&["base"]) }, "base=ami-1");
    nights.tonight("base=ami-2");
    nights.succeed();
    let build = build("18.6.0", "al2023");
    let newest = nights.document.images(&build.package, &build.target).next_back().map(|(key, _)| key.clone());
    let word = Word { reason: "base 2 is broken".to_owned(), by: None, at: nights.now() };
    nights.document.revoke_image(&build, &newest.expect("an image"), true, &word);
    assert_eq!(nights.current(), "18.6.0 0.1@1");
    assert_eq!(built(&nights.tonight("base=ami-2")), [""; 0]);
    nights.day += 27;
    assert_eq!(built(&nights.tonight("base=ami-2")), [""; 0], "nor for the age of the image before it");
    assert_eq!(built(&nights.tonight("base=ami-1")), [""; 0], "the current one is made of this");
    assert_eq!(built(&nights.tonight("base=ami-3")), ["18.6.0 attempt 1: its base changed from ami-1 to ami-3"]);
}

#[test]
fn a_release_that_is_published_again_is_told_also_while_it_is_built_again() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    nights.releases[0].checksum = Some(checksum("a"));
    nights.tonight("base=ami-2");
    nights.fail();
    nights.releases[0].checksum = Some(checksum("b"));
    let plan = nights.tonight("base=ami-2");
    assert_eq!((plan.republished.len(), built(&plan)), (1, vec![]));
    let package = &nights.releases[0].nevra.clone();
    let acknowledged = nights.document.acknowledge(package, &[], &checksum("b"), "signed anew", "mary");
    assert!(matches!(acknowledged, ami_scheduler::tracker::Acknowledged::Builds(_)), "{acknowledged:?}");
    assert_eq!(nights.tonight("base=ami-2").builds.len(), 1);
}

#[test]
fn what_is_built_again_cannot_be_skipped() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    nights.tonight("base=ami-2");
    nights.fail();
    let skipped = nights.document.skip_by_hand(&build("18.6.0", "al2023"), "no", "mary", nights.now());
    assert_eq!(skipped, ami_scheduler::tracker::Recorded::AsBefore);
    assert_eq!(nights.current(), "18.6.0 0.1@1");
}

#[test]
fn a_build_that_fails_whatever_it_is_made_of_is_given_up_and_begun_anew_by_the_next_change() {
    let mut nights = Nights::built(&["18.6.0"], when(&["recipe"]), "recipe=0");
    let mut attempts = Vec::new();
    for recipe in 1..=9 {
        let ingredients = format!("recipe={recipe}");
        let plan = nights.tonight(&ingredients);
        let again = nights.again(&ingredients);
        assert_eq!(again.builds.len(), plan.builds.len(), "a run that is tried again is the same run");
        attempts.push(plan.builds.first().map(|build| build.attempt));
        nights.fail();
    }
    // After three attempts a night passes on which it is given up; and one before the third, as after two failures.
    let of_one = [Some(1), Some(2), Some(3), None];
    assert_eq!(attempts, of_one.into_iter().cycle().take(9).collect::<Vec<_>>());
}

#[test]
fn what_a_person_asked_for_in_vain_is_begun_again_by_the_next_change() {
    let mut nights = Nights::built(&["18.6.0"], Rules { max_attempts: 1, ..when(&["base"]) }, "base=ami-1");
    nights.document.rebuild(&runner("18.6.0").nevra, &[], "patched", Some("mary"), nights.now());
    assert_eq!(nights.tonight("base=ami-1").builds.len(), 1);
    nights.fail();
    assert_eq!(nights.tonight("base=ami-2").builds.len(), 0, "it is given up, and people are told");
    assert_eq!(built(&nights.tonight("base=ami-2")), ["18.6.0 attempt 1: its base changed from ami-1 to ami-2"]);
}

#[test]
fn a_rebuild_that_fails_in_its_test_is_tried_again_also_where_nothing_is_known_of_the_image_before() {
    let mut nights = Nights::built(&["18.6.0"], after(30), "");
    nights.releases.push(runner("18.7.0"));
    nights.document.import(&build("18.7.0", "al2023"), "in main.txt", nights.now());
    nights.day += 30;
    for attempt in 1..=3 {
        assert_eq!(nights.tonight("").builds.first().map(|build| build.attempt), Some(attempt));
        nights.bake();
        nights.fail();
    }
    assert!(matches!(nights.tonight("").held.last().map(|held| &held.reason), Some(HoldReason::GivenUp { .. })));
}

#[test]
fn a_corrected_image_is_still_made_of_what_it_was_made_of() {
    let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
    let build = build("18.6.0", "al2023");
    let claim = nights.document.get(&build).map(ami_scheduler::tracker::Entry::claim);
    let report = Report { claim, baked: baked("ami-right"), ..Report::default() };
    nights.document.succeed(&build, report, nights.now(), pipeline(0));
    assert_eq!(nights.current(), "18.6.0 0.2@0");
    assert_eq!(built(&nights.tonight("base=ami-1")), [""; 0]);
    assert_eq!(built(&nights.tonight("base=ami-2")), ["18.6.0 attempt 1: its base changed from ami-1 to ami-2"]);
}

#[test]
fn of_images_that_change_each_night_the_oldest_is_built_first() {
    let versions = ["16.1.0", "17.9.0", "18.6.0"];
    let mut nights = Nights::built(&versions, Rules { max_builds: 2, ..when(&["base"]) }, "base=0");
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for base in 1..=9 {
        for build in nights.tonight(&format!("base={base}")).builds {
            *count.entry(build.package.nevra.evr().version.clone()).or_default() += 1;
        }
        nights.succeed();
    }
    assert!(count.len() == 3 && count.values().all(|number| *number >= 4), "none waits for ever: {count:?}");
}

/// What a night may bring.
#[derive(Debug, Clone)]
struct Weather {
    base: u8,
    recipe: Option<u8>,
    ends: Ends,
    is_on: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    Well,
    InFailure,
    Untested,
    Never,
}

fn weather() -> impl Strategy<Value = Weather> {
    let ends = prop_oneof![3 => Just(Ends::Well), 1 => Just(Ends::InFailure), 1 => Just(Ends::Untested), 1 => Just(Ends::Never)];
    (0u8..3, proptest::option::of(0u8..2), ends, prop::bool::weighted(0.8))
        .prop_map(|(base, recipe, ends, is_on)| Weather { base, recipe, ends, is_on })
}

impl Weather {
    fn ingredients(&self) -> String {
        let recipe = self.recipe.map(|recipe| format!(" recipe={recipe}")).unwrap_or_default();
        format!("base=ami-{}{recipe}", self.base)
    }

    fn end(&self, nights: &mut Nights) {
        match self.ends {
            Ends::Well => nights.succeed(),
            Ends::InFailure => nights.fail(),
            Ends::Untested => {
                nights.bake();
                nights.fail();
            }
            Ends::Never => {}
        }
    }
}

proptest! {
    #[test]
    fn a_rebuild_is_asked_for_once_for_a_change_at_most_once_a_night_and_never_by_a_rule_that_is_off(
        weather in proptest::collection::vec(weather(), 1..14),
    ) {
        let on = Rules { max_attempts: 3, ..when(&["base", "recipe"]) };
        let mut nights = Nights::built(&["18.5.0", "18.6.0"], on.clone(), "base=ami-0 recipe=0");
        let mut images = 1;
        for tonight in weather {
            nights.rules = if tonight.is_on { on.clone() } else { Rules::default() };
            let ingredients = tonight.ingredients();
            let before = nights.current();
            let plan = nights.tonight(&ingredients);
            prop_assert!(plan.builds.len() <= usize::from(tonight.is_on), "{plan:?}");
            prop_assert_eq!(nights.current(), before, "a claim changes nothing about what is current");
            let repeated = nights.again(&ingredients);
            prop_assert_eq!(repeated.builds.len(), plan.builds.len(), "a run that is tried again is the same run");
            let is_built = !plan.builds.is_empty();
            if is_built {
                tonight.end(&mut nights);
            }
            images += usize::from(is_built && tonight.ends == Ends::Well);
            if is_built && tonight.ends == Ends::Well {
                // What it was built for is over, whatever it changed.
                let later = nights.tonight(&ingredients);
                prop_assert!(later.builds.is_empty(), "{later:?}");
            }
        }
        let build = build("18.6.0", "al2023");
        let counting = nights.document.images(&build.package, &build.target).filter(|(_, image)| image.is_tested());
        prop_assert_eq!(counting.count(), images, "one image for each success");
        prop_assert!(nights.current().starts_with("18.6.0 "));
    }

    #[test]
    fn one_change_that_always_fails_is_tried_as_often_as_a_build_may_be(nights_of_failure in 1usize..60) {
        let mut nights = Nights::built(&["18.6.0"], when(&["base"]), "base=ami-1");
        let mut attempts = 0;
        for _ in 0..nights_of_failure {
            attempts += nights.tonight("base=ami-2").builds.len();
            nights.fail();
        }
        prop_assert!(attempts <= 3);
        prop_assert_eq!(nights.current(), "18.6.0 0.1@1");
    }
}
