//! `packages.json`: what is accepted becomes a child pipeline whose every value is a JSON string.
#![no_main]

#[path = "../properties/kept.rs"]
mod kept;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::artifacts::ToTell;
use ami_scheduler::child_pipeline::{Hooks, Settings, render};
use ami_scheduler::plan::{Context, FirstRun, Rules, nightly};
use ami_scheduler::tracker::{Document, Origin, TrackerName};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Ok(packages) = kept::in_proportion(file.len(), 0, || Packages::from_json(file)) else { return };
    let written = serde_json::to_vec(&packages).expect("JSON");
    let again = Packages::from_json(&written).expect("what we wrote");
    assert_eq!(serde_json::to_vec(&again).expect("JSON"), written);
    let Ok(tracker) = TrackerName::new(&packages.product, "main") else { return };
    let mut document = Document::new(&packages.product, "main");
    let rules = Rules { first_run: FirstRun::All, ..Rules::default() };
    let targets = ["al2023".parse().expect("a target")];
    let origin = Origin::default();
    let ingredients = std::collections::BTreeMap::new();
    let context = Context { targets: &targets, rules: &rules, ingredients: &ingredients, origin: &origin, now: Timestamp::UNIX_EPOCH };
    let plan = nightly(&packages.packages, &mut document, &context, None);
    let meant = packages.packages.iter().filter(|package| package.is_for(&targets[0])).count();
    assert_eq!(plan.builds.len() + plan.held.len(), meant);
    let settings = Settings {
        product: packages.product.clone(),
        reference: "main".to_owned(),
        pipeline: 7,
        build_file: "ci/build.yml".parse().expect("a file"),
        build_job: ".build-ami".parse().expect("a job"),
        test_job: None,
        hooks: Hooks::default(),
        max_jobs: 0,
        max_attempts: 3,
        image: None,
        tags: vec![],
        notes: vec![],
        lane: None,
        manifests: vec![],
        module_url: None,
        module_sha256: None,
    };
    let Ok(yaml) = render(&settings, Some(&tracker), &plan.builds, &ToTell::default()) else { return };
    assert!(yaml.chars().all(|c| c == '\n' || !c.is_control()), "{yaml:?}");
    let urls: Vec<String> = yaml
        .lines()
        .filter_map(|line| line.strip_prefix("    PACKAGE_URL: {value: ")?.strip_suffix(", expand: false}"))
        .map(|value| serde_json::from_str(value).expect("a JSON string is a YAML scalar"))
        .collect();
    assert_eq!(urls, plan.builds.iter().map(|build| build.package.url.clone()).collect::<Vec<_>>());
});
