//! The jobs of a child pipeline: what they are called, and in which of them a build failed.

use serde::Deserialize;

use crate::release::Nevra;
use crate::release::{BuildKey, Target};

/// The name of the job that builds a release on a target.
pub fn build_name(package: &Nevra, target: &Target) -> String {
    name("build", package, target)
}

/// The name of the job that records its image, where that needs a test.
pub fn record_name(package: &Nevra, target: &Target) -> String {
    name("record", package, target)
}

/// The name of the job that tests its image.
pub fn test_name(package: &Nevra, target: &Target) -> String {
    name("test", package, target)
}

/// The name of the job that records its success.
pub fn update_name(package: &Nevra, target: &Target) -> String {
    name("update", package, target)
}

fn name(verb: &str, package: &Nevra, target: &Target) -> String {
    format!("{verb}: [{}.{}, {target}]", package.evr(), package.arch())
}

/// A run of a job, as GitLab's API has it. <https://docs.gitlab.com/api/jobs/>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Of two runs of a job the later has the larger one.
    pub id: u64,
    /// The job's name.
    pub name: String,
    /// How the run ended, if it has.
    pub status: String,
    /// When it began, if it has.
    #[serde(default = "unknown")]
    pub started_at: Option<String>,
    /// Where a person sees it.
    pub web_url: String,
}

/// A run of which nothing is said counts as one that has begun.
#[allow(clippy::unnecessary_wraps)] // it is a field's value
fn unknown() -> Option<String> {
    Some(String::new())
}

impl Job {
    fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "canceled")
    }
}

/// Where a person sees why a build that was begun is not recorded as built: the first of its jobs that failed. None where
/// none of them is among `jobs`, since they have other names, say.
pub fn failed_job_url<'a>(build: &BuildKey, jobs: &'a [Job]) -> Option<&'a str> {
    let BuildKey { package, target } = build;
    let in_order = [build_name, record_name, test_name, update_name].map(|name| name(package, target));
    in_order.iter().find_map(|name| failed_run(name, jobs)).map(|job| job.web_url.as_str())
}

/// Whether the job that builds a release on a target is there, and no run of it has begun: it was cancelled before, or no
/// runner took it.
pub fn never_began(build: &BuildKey, jobs: &[Job]) -> bool {
    let name = build_name(&build.package, &build.target);
    let mut runs = jobs.iter().filter(|job| job.name.starts_with(&name)).peekable();
    runs.peek().is_some() && runs.all(|job| job.started_at.is_none())
}

/// Whether a pipeline was cancelled: the job `name`, which waits for its end, was.
pub fn was_cancelled(name: &str, jobs: &[Job]) -> bool {
    jobs.iter().filter(|job| job.name == name).max_by_key(|job| job.id).is_some_and(|job| job.status == "canceled")
}

/// The last run of a job, if it failed. Where a job is `parallel`, GitLab puts ` 1/2` or `: [eu]` after its name.
fn failed_run<'a>(name: &str, jobs: &'a [Job]) -> Option<&'a Job> {
    let is_last = |job: &Job| !jobs.iter().any(|other| other.name == job.name && other.id > job.id);
    let runs = jobs.iter().filter(|job| job.name.starts_with(name));
    runs.filter(|job| job.has_failed() && is_last(job)).max_by_key(|job| job.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    const BUILD: &str = "build: [2:18.6.1-1.x86_64, al2023]";
    const UPDATE: &str = "update: [2:18.6.1-1.x86_64, al2023]";

    /// Id, name and status.
    type Run = (u64, &'static str, &'static str);

    #[test]
    fn a_build_never_began_if_its_job_is_there_and_no_run_of_it_has_begun() {
        let build = BuildKey {
            package: "gitlab-runner-2:18.6.1-1.x86_64".parse().expect("a package"),
            target: "al2023".parse().expect("a target"),
        };
        let job = |name: &str, started_at: &str| {
            let json =
                format!(r#"{{"id": 1, "name": "{name}", "status": "failed", "web_url": "https://a/1"{started_at}}}"#);
            Budget::default().json::<Job>(json.as_bytes()).expect("a job").0
        };
        let (began, waits) = (r#", "started_at": "2026-11-24T02:00:00Z""#, r#", "started_at": null"#);
        for (jobs, expected) in [
            (vec![], false),
            (vec![job("something else", waits)], false),
            (vec![job(BUILD, waits), job(UPDATE, waits)], true),
            (vec![job(BUILD, began)], false),
            (vec![job(BUILD, "")], false),
            (vec![job(&format!("{BUILD} 1/2"), waits), job(&format!("{BUILD} 2/2"), began)], false),
        ] {
            assert_eq!(never_began(&build, &jobs), expected, "{jobs:?}");
        }
    }

    #[test]
    fn the_job_that_failed_is_found_by_its_name() {
        let build = BuildKey {
            package: "gitlab-runner-2:18.6.1-1.x86_64".parse().expect("a package"),
            target: "al2023".parse().expect("a target"),
        };
        let cases: &[(&str, &[Run], Option<u64>)] = &[
            ("no job is known", &[], None),
            ("the build failed", &[(1, BUILD, "failed")], Some(1)),
            ("the build was cancelled", &[(1, BUILD, "canceled")], Some(1)),
            ("the build succeeded and its record failed", &[(1, BUILD, "success"), (2, UPDATE, "failed")], Some(2)),
            (
                "the build failed and nothing could be recorded",
                &[(1, BUILD, "failed"), (2, UPDATE, "skipped")],
                Some(1),
            ),
            (
                "the build was retried, and failed after its record had",
                &[(2, UPDATE, "failed"), (3, BUILD, "failed")],
                Some(3),
            ),
            ("it was retried, and listed newest first", &[(9, BUILD, "failed"), (1, BUILD, "failed")], Some(9)),
            ("it was retried, and listed oldest first", &[(1, BUILD, "failed"), (9, BUILD, "failed")], Some(9)),
            ("the retry succeeded", &[(1, BUILD, "failed"), (9, BUILD, "success")], None),
            (
                "the retry succeeded, and its record failed",
                &[(1, BUILD, "failed"), (9, BUILD, "success"), (10, UPDATE, "failed")],
                Some(10),
            ),
            (
                "one of two that are parallel failed",
                &[
                    (1, "build: [2:18.6.1-1.x86_64, al2023] 1/2", "failed"),
                    (2, "build: [2:18.6.1-1.x86_64, al2023] 2/2", "success"),
                ],
                Some(1),
            ),
            ("one of a matrix failed", &[(1, "build: [2:18.6.1-1.x86_64, al2023]: [eu]", "failed")], Some(1)),
            ("all else has other versions", &[(1, "build: [2:18.6.1-10.x86_64, al2023]", "failed")], None),
            ("all else has other targets", &[(1, "build: [2:18.6.1-1.x86_64, al2023-minimal]", "failed")], None),
            ("a team's own generator has other names", &[(1, "bake 18.6.1 al2023", "failed")], None),
        ];
        for (case, jobs, expected) in cases {
            let url = |id: &u64| format!("https://gitlab.example.com/-/jobs/{id}");
            let job = |(id, name, status): &Run| Job {
                id: *id,
                name: (*name).to_owned(),
                status: (*status).to_owned(),
                started_at: None,
                web_url: url(id),
            };
            let jobs: Vec<Job> = jobs.iter().map(job).collect();
            assert_eq!(failed_job_url(&build, &jobs), expected.as_ref().map(url).as_deref(), "{case}");
        }
    }
}
