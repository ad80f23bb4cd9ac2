//! What became of the builds of a pipeline, as a table.

use std::fmt::Write as _;

use super::table::columns;
use crate::artifacts::Night;
use crate::text::printable;
use crate::tracker::placed;

const HEADINGS: [&str; 5] = ["PACKAGE", "TARGET", "OUTCOME", "ATTEMPT", "MORE"];

/// What became of the builds of a pipeline, oldest release first, and the alarms.
pub fn night(night: &Night<'_>) -> String {
    let mut text = format!(
        "{} on {}, pipeline {}: {}\n",
        night.product,
        printable(night.reference),
        night.pipeline,
        night.summary()
    );
    let rows = night.builds.iter().chain(&night.paused).map(|build| {
        let revoked = build.revoked.as_ref().map(|why| format!("REVOKED: {why}"));
        let ids = build.ids.iter().map(|(place, id)| placed(place, id));
        let more =
            printable(&revoked.into_iter().chain(ids).chain(build.job_url.cloned()).collect::<Vec<_>>().join("  "));
        let standing = build.standing.word().to_owned();
        [build.package.to_string(), build.target.to_string(), standing, build.attempt.to_string(), more]
    });
    let rows: Vec<[String; 5]> = rows.collect();
    text.push_str(&columns(HEADINGS, &rows));
    for alarm in &night.alarms {
        let _ = writeln!(text, "WARNING: {}", printable(&alarm.explanation));
    }
    text
}
