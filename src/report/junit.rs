//! Builds as the test cases of a `JUnit` report, which GitLab shows in a pipeline's *Tests* tab.
//!
//! GitLab reads a case's `classname` (its column *Suite*), `name` and `time`, and the
//! text, not the attributes, of `failure`, `skipped` and `system-out`. Of cases with the same names
//! it keeps the first alone. <https://docs.gitlab.com/ci/testing/unit_test_reports/>

use std::io;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::status::standing;
use super::told::Told;
use crate::alarm::Alarm;
use crate::plan::{HoldReason, Plan, Planned};
use crate::release::{BuildKey, Nevra, Target};
use crate::text::printable;
use crate::tracker::{Document, State};

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
    /// The case of a build as the tracker has it now. `took` is how long the build took, where that is known.
    pub fn recorded(build: &BuildKey, document: &Document, took: Option<SignedDuration>) -> Option<Self> {
        let BuildKey { package, target } = build;
        let entry = document.get(build)?;
        let outcome = match entry.state {
            State::Built => Outcome::Passed,
            State::Failed => Outcome::Failed,
            _ => Outcome::Skipped,
        };
        let told = standing(entry, &Told::of(document, package, target));
        Some(Self { took, ..Self::new(package, target, outcome, told) })
    }

    fn new(package: &Nevra, target: &Target, outcome: Outcome, told: String) -> Self {
        Self { suite: target.to_string(), name: package.to_string(), outcome, told, took: None }
    }

    fn planned(build: &Planned) -> Self {
        let why = format!("to be built: {}", build.explanation());
        Self::new(&build.package.nevra, &build.target, Outcome::Skipped, why)
    }
}

/// The cases of a plan: what is built passes; what an alarm is about fails, as does every other alarm; all else is
/// skipped, with its reason.
pub fn cases(plan: &Plan, alarms: &[Alarm]) -> Vec<Case> {
    let planned = plan.builds.iter().map(Case::planned);
    let held = plan.held.iter().map(|cell| {
        let alarm = alarms.iter().find(|alarm| alarm.is_about(&cell.package, &cell.target));
        let (outcome, told) = match (&cell.reason, alarm) {
            (_, Some(alarm)) => (Outcome::Failed, alarm.to_string()),
            (HoldReason::Built { .. }, None) => (Outcome::Passed, cell.explanation()),
            (_, None) => (Outcome::Skipped, cell.explanation()),
        };
        Case::new(&cell.package, &cell.target, outcome, told)
    });
    let of_no_build = alarms.iter().filter_map(|alarm| {
        let (suite, name) = ("alarms".to_owned(), format!("{}{}", alarm.kind(), alarm.subject()?));
        Some(Case { suite, name, outcome: Outcome::Failed, told: alarm.to_string(), took: None })
    });
    planned.chain(held).chain(of_no_build).collect()
}

/// A `JUnit` report of cases that were so at a time.
pub fn report(reference: &str, at: Timestamp, cases: &[Case]) -> io::Result<Vec<u8>> {
    let number = |outcome| cases.iter().filter(|case| case.outcome == outcome).count().to_string();
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("testsuites").write_inner_content(|writer| {
        let suite = writer
            .create_element("testsuite")
            .with_attribute(("name", printable(&format!("ami-scheduler on {reference}")).as_str()))
            .with_attribute(("tests", cases.len().to_string().as_str()))
            .with_attribute(("failures", number(Outcome::Failed).as_str()))
            .with_attribute(("errors", "0"))
            .with_attribute(("skipped", number(Outcome::Skipped).as_str()))
            .with_attribute(("timestamp", format!("{:.0}", TimeZone::UTC.to_datetime(at)).as_str()));
        suite.write_inner_content(|writer| cases.iter().try_for_each(|case| case.write(writer)))?;
        Ok(())
    })?;
    let mut xml = writer.into_inner();
    xml.push(b'\n');
    Ok(xml)
}

impl Case {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let mut element = writer
            .create_element("testcase")
            .with_attribute(("classname", self.suite.as_str()))
            .with_attribute(("name", printable(&self.name).as_str()));
        if let Some(took) = self.took {
            element = element.with_attribute(("time", took.as_secs().max(0).to_string().as_str()));
        }
        let told = printable(&self.told);
        // In the attribute for those who read the schema, in the text for GitLab.
        let message = match self.outcome {
            Outcome::Passed => None,
            Outcome::Skipped | Outcome::Failed => Some(("message", told.as_str())),
        };
        let name = match self.outcome {
            Outcome::Passed => "system-out",
            Outcome::Skipped => "skipped",
            Outcome::Failed => "failure",
        };
        element.write_inner_content(|writer| {
            let outcome = writer.create_element(name).with_attributes(message);
            outcome.write_text_content(BytesText::new(&told))?;
            Ok(())
        })?;
        Ok(())
    }
}
