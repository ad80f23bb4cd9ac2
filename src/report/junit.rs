//! Builds as the test cases of a `JUnit` report, which GitLab shows in a pipeline's *Tests* tab.
//!
//! What GitLab reads of it: a case's `classname` (its column *Suite*), `name` and `time`, and the
//! text, not the attributes, of `failure`, `skipped` and `system-out`. Of cases with the same names
//! it keeps the first alone. <https://docs.gitlab.com/ci/testing/unit_test_reports/>

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{printable, standing, why_built, why_left_alone, why_republished};
use crate::alarm::Alarm;
use crate::diff::{Diff, Planned, Reason};
use crate::package::Nevra;
use crate::tracker::{Build, Entry, State, Target};

/// A release × target as a test case.
#[derive(Debug, Clone)]
pub struct Case {
    suite: String,
    name: String,
    outcome: Outcome,
    told: String,
    took: Option<SignedDuration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failed,
}

impl Case {
    /// What the tracker says of a build now; `took` is how long the build took, where that is known.
    pub fn recorded(build: &Build, entry: &Entry, took: Option<SignedDuration>) -> Self {
        let outcome = match entry.state {
            State::Built => Outcome::Passed,
            State::Failed => Outcome::Failed,
            _ => Outcome::Skipped,
        };
        Self { took, ..Self::new(&build.package, &build.target, outcome, standing(entry)) }
    }

    fn new(package: &Nevra, target: &Target, outcome: Outcome, told: String) -> Self {
        Self { suite: target.to_string(), name: package.to_string(), outcome, told, took: None }
    }

    fn planned(build: &Planned, max_attempts: u64) -> Self {
        let why = why_built(&build.because, build.attempt, max_attempts);
        Self::new(&build.package.package, &build.target, Outcome::Skipped, format!("to be built: {why}"))
    }
}

/// The cases of a diff: what is built passes; what has been given up or has changed under its name, and
/// every other alarm, fails; all else is skipped, with its reason.
pub fn cases(diff: &Diff, alarms: &[Alarm], max_attempts: u64) -> Vec<Case> {
    let planned = diff.builds.iter().map(|build| Case::planned(build, max_attempts));
    let left_alone = diff.left_alone.iter().map(|cell| {
        let changed =
            diff.republished.iter().find(|change| change.package == cell.package && change.target == cell.target);
        let (outcome, told) = match (&cell.reason, changed) {
            (_, Some(change)) => (Outcome::Failed, why_republished(change)),
            (Reason::GivenUp { .. }, None) => (Outcome::Failed, why_left_alone(&cell.reason)),
            (Reason::Built { .. }, None) => (Outcome::Passed, why_left_alone(&cell.reason)),
            (_, None) => (Outcome::Skipped, why_left_alone(&cell.reason)),
        };
        Case::new(&cell.package, &cell.target, outcome, told)
    });
    let of_no_build = alarms.iter().filter_map(|alarm| {
        let of = match alarm {
            Alarm::Republished(_) => return None,
            Alarm::Unchanged { repository, .. } | Alarm::Shrank { repository, .. } => format!(": {repository}"),
            Alarm::Overdue { .. } => String::new(),
        };
        let (suite, name) = ("alarms".to_owned(), format!("{}{of}", alarm.kind()));
        Some(Case { suite, name, outcome: Outcome::Failed, told: super::alarm(alarm), took: None })
    });
    planned.chain(left_alone).chain(of_no_build).collect()
}

/// A `JUnit` report of cases that were so at a time.
pub fn report(reference: &str, at: Timestamp, cases: &[Case]) -> Result<String, quick_xml::SeError> {
    let number = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
    let suite = Suite {
        name: printable(&format!("ami-scheduler on {reference}")),
        tests: cases.len(),
        failures: number(Outcome::Failed),
        errors: 0,
        skipped: number(Outcome::Skipped),
        timestamp: at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        testcase: cases.iter().map(TestCase::from).collect(),
    };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let mut serializer = quick_xml::se::Serializer::with_root(&mut xml, Some("testsuites"))?;
    serializer.indent(' ', 2);
    TestSuites { testsuite: suite }.serialize(serializer)?;
    xml.push('\n');
    Ok(xml)
}

#[derive(Serialize)]
struct TestSuites {
    testsuite: Suite,
}

#[derive(Serialize)]
struct Suite {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@tests")]
    tests: usize,
    #[serde(rename = "@failures")]
    failures: usize,
    #[serde(rename = "@errors")]
    errors: usize,
    #[serde(rename = "@skipped")]
    skipped: usize,
    #[serde(rename = "@timestamp")]
    timestamp: String,
    testcase: Vec<TestCase>,
}

#[derive(Serialize)]
struct TestCase {
    #[serde(rename = "@classname")]
    classname: String,
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@time", skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<Told>,
    #[serde(rename = "system-out", skip_serializing_if = "Option::is_none")]
    system_out: Option<String>,
}

/// In the attribute for those who read the schema, in the text for GitLab.
#[derive(Serialize)]
struct Told {
    #[serde(rename = "@message")]
    message: String,
    #[serde(rename = "$text")]
    text: String,
}

impl From<&Case> for TestCase {
    fn from(case: &Case) -> Self {
        let told = printable(&case.told);
        let as_reason = |outcome| (case.outcome == outcome).then(|| Told { message: told.clone(), text: told.clone() });
        Self {
            classname: case.suite.clone(),
            name: printable(&case.name),
            time: case.took.map(|took| took.as_secs().max(0).to_string()),
            failure: as_reason(Outcome::Failed),
            skipped: as_reason(Outcome::Skipped),
            system_out: (case.outcome == Outcome::Passed).then_some(told),
        }
    }
}
