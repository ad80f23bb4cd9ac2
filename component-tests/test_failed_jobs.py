"""Where a build failed: `settle` in the child pipeline 101 of the pipeline 100, whose diff claimed the builds."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone

import pytest

from conftest import PROJECT, Module
from gitlab_stand_in import FAULTS, GitLab
from test_module import CHILD, write_packages

PARENT, CHILD_PIPELINE = 100, 101
PIPELINE_URL = "https://gitlab.example.com/acme/ami/-/pipelines/101"
TRACKER = ("--tracker", "gitlab")
JOBS = f"/pipelines/{CHILD_PIPELINE}/jobs$"
NOT_READ = f"The jobs of pipeline {CHILD_PIPELINE} could not be read, so that each failure is recorded with the URL of the pipeline"


class Night:
    """A night that has claimed builds of 18.6.0 on targets."""

    def __init__(self, ami: Module, gitlab: GitLab, targets: str = "al2023,rhel9") -> None:
        self.ami, self.gitlab = ami.inside_job_of(gitlab), gitlab
        write_packages(ami, "18.6.0-1")
        diff = self.ami("diff", "--targets", targets, *TRACKER, *CHILD, "--pipeline", PARENT, "--max-builds", 200)
        assert diff.code == 0, diff.all

    def runs(self, job: str, target: str, status: str) -> str:
        """A run of the job `build` or `update` ends; its URL."""
        name = f"{job}: [18.6.0-1.x86_64, {target}]"
        return self.gitlab.run_job(PROJECT, CHILD_PIPELINE, name, status, stage=job).web_url

    def update(self, target: str) -> None:
        update = self.ami("update", *TRACKER, "--package", "gitlab-runner-18.6.0-1.x86_64", "--target", target)
        assert update.code == 0, update.all

    def settle(self) -> str:
        """What is printed."""
        settle = self.ami("settle", *TRACKER, "--product", "gitlab-runner", "--pipeline", PARENT, "--junit", "junit.xml")
        assert settle.code == 0, settle.all
        return settle.all

    def entries(self) -> dict[str, dict]:
        status = self.ami("status", *TRACKER, "--format", "json")
        assert status.code == 0, status.all
        self.ami.folder.joinpath("status.json").write_text(status.out)
        [tracker] = self.ami.json("status.json")
        return tracker["entries"]["gitlab-runner-18.6.0-1.x86_64"]

    def seen_at(self, target: str) -> str:
        """Where a person is sent to."""
        entry = self.entries()[target]
        assert (entry["state"], entry["pipeline"], entry["pipeline_url"]) == ("failed", PARENT, PIPELINE_URL)
        return entry.get("job_url") or entry["pipeline_url"]


@pytest.fixture
def night(ami: Module, gitlab: GitLab) -> Night:
    return Night(ami, gitlab)


def test_a_failure_is_recorded_with_the_url_of_the_job_that_failed(night: Night) -> None:
    night.runs("build", "al2023", "success")
    night.update("al2023")
    failed = night.runs("build", "rhel9", "failed")
    night.runs("update", "rhel9", "skipped")

    said = night.settle()

    assert said == f"Recorded as failed: gitlab-runner-18.6.0-1.x86_64 rhel9 (attempt 1): {failed}\n"
    assert night.seen_at("rhel9") == failed
    assert night.entries()["al2023"]["state"] == "built"


def test_a_build_that_was_cancelled_and_one_that_was_not_recorded_lead_to_their_jobs(night: Night) -> None:
    cancelled = night.runs("build", "al2023", "canceled")
    night.runs("build", "rhel9", "success")
    not_recorded = night.runs("update", "rhel9", "failed")

    night.settle()

    assert (night.seen_at("al2023"), night.seen_at("rhel9")) == (cancelled, not_recorded)


def test_a_build_that_never_began_is_no_attempt(night: Night) -> None:
    """tracker.md 4: no runner took it, or it was cancelled before."""
    night.gitlab.run_job(PROJECT, CHILD_PIPELINE, "build: [18.6.0-1.x86_64, al2023]", "failed", began=False)
    failed = night.runs("build", "rhel9", "failed")

    said = night.settle()

    assert said == ("Given back: gitlab-runner-18.6.0-1.x86_64 al2023: it never began, and that is no attempt\n"
                    f"Recorded as failed: gitlab-runner-18.6.0-1.x86_64 rhel9 (attempt 1): {failed}\n")
    assert (night.entries()["al2023"]["state"], night.entries()["al2023"]["given_back"]) == ("given_back", 1)


def test_a_child_pipeline_that_cannot_be_created_is_no_attempt_however_often(night: Night) -> None:
    """Field tests, tracker 4: three such nights had given a build up."""
    for pipeline in (PARENT, 200, 300, 400):
        back = night.ami("settle", *TRACKER, "--product", "gitlab-runner", "--pipeline", pipeline, "--give-back")
        assert back.code == 0 and back.out.count("Given back: ") == 2, back.all
        diff = night.ami("diff", "--targets", "al2023,rhel9", *TRACKER, *CHILD, "--pipeline", pipeline + 100)
        assert diff.code == 0 and "images" in diff.out, diff.all
        assert {build["attempt"] for build in night.ami.json("builds.json")["builds"]} == {1}


def test_the_claims_of_a_pipeline_that_was_cancelled_are_given_back_by_the_next_diff(night: Night) -> None:
    """tracker.md 4: they held for 12 hours, and counted as an attempt."""
    for status, given_back in (("skipped", 0), ("canceled", 2)):
        night.gitlab.run_job(PROJECT, PARENT, "gitlab-runner: give-back", status, began=False)
        diff = night.ami("diff", "--targets", "al2023,rhel9", *TRACKER, *CHILD, "--pipeline", 200)
        assert diff.code == 0, diff.all
        assert diff.out.count("Given back, since the pipeline that had claimed it was cancelled: ") == given_back
        assert len(night.ami.json("builds.json")["builds"]) == given_back, status
    assert {build["claim"] for build in night.ami.json("builds.json")["builds"]} == {"0.2@200"}


def test_of_a_job_that_was_retried_the_last_run_counts(night: Night) -> None:
    night.runs("build", "rhel9", "failed")
    night.runs("build", "al2023", "failed")
    last = night.runs("build", "rhel9", "failed")

    night.settle()

    assert night.seen_at("rhel9") == last


def test_everywhere_that_a_person_looks_it_is_the_jobs_url(night: Night) -> None:
    failed = night.runs("build", "rhel9", "failed")
    night.runs("build", "al2023", "failed")

    night.settle()

    [failure] = ET.parse(night.ami.folder / "junit.xml").findall(".//testcase[@classname='rhel9']/failure")
    assert failed in (failure.text or "")
    for form, link in (("table", failed), ("json", failed), ("markdown", f"](<{failed}>)"), ("html", f'href="{failed}"')):
        status = night.ami("status", *TRACKER, "--format", form)
        assert link in status.out, form
    rules = ("--targets", "al2023,rhel9", *TRACKER)
    assert f"the last one failed: {failed}" in night.ami("why", "18.6.0", "rhel9", *rules).out
    diff = night.ami("diff", *rules, *CHILD, "--pipeline", 102, "--dry-run", "--markdown", "builds.md")
    assert f"the last one failed: {failed}" in diff.out
    assert failed in (night.ami.folder / "builds.md").read_text()
    given_up = night.ami("diff", *rules, *CHILD, "--pipeline", 103, "--max-attempts", 1)
    assert f"given up after 1 attempt, the last: {failed}" in given_up.out


def test_jobs_are_read_from_all_pages(ami: Module, gitlab: GitLab) -> None:
    targets = [f"target-{number:03}" for number in range(101)]
    night = Night(ami, gitlab, ",".join(targets))
    urls = {target: night.runs("build", target, "failed") for target in targets}

    night.settle()

    assert {target: entry["job_url"] for target, entry in night.entries().items()} == urls
    assert [entry.query["page"] for entry in gitlab.requests("GET", JOBS)] == ["1", "2"]


def test_a_project_access_token_will_do(night: Night) -> None:
    night.gitlab.job_tokens_list_jobs = False
    night.ami.env["AMI_SCHEDULER_TOKEN"] = "glpat-maintainer"
    failed = night.runs("build", "rhel9", "failed")

    night.settle()

    assert night.seen_at("rhel9") == failed


def test_jobs_of_other_names_leave_the_pipelines_url(night: Night) -> None:
    night.gitlab.run_job(PROJECT, CHILD_PIPELINE, "bake 18.6.0 rhel9", "failed")

    said = night.settle()

    assert "could not be read" not in said
    assert night.seen_at("rhel9") == PIPELINE_URL


@pytest.mark.parametrize("refusal, reason", [
    ("no permission", "GitLab answered 403 to the job token (CI_JOB_TOKEN): "
                      "{\"message\":\"403 Forbidden - Insufficient permissions to access this resource in project ami-scheduler. "
                      "The following token permission is required: read_jobs.\"}"),
    ("GitLab 17", "GitLab answered 404 to the job token (CI_JOB_TOKEN): {\"message\":\"404 Project Not Found\"}"),
    ("no such pipeline", "GitLab answered 404 to the job token (CI_JOB_TOKEN): {\"message\":\"404 Not found\"}"),
])
def test_where_gitlab_refuses_the_failure_is_recorded_with_the_pipelines_url(night: Night, refusal: str, reason: str) -> None:
    if refusal != "no such pipeline":
        night.runs("build", "rhel9", "failed")
    if refusal == "no permission":
        night.ami.env["CI_JOB_TOKEN"] = "glcbt-secure-files"
    night.gitlab.job_tokens_list_jobs = refusal != "GitLab 17"

    said = night.settle()

    assert said.count(NOT_READ) == 1
    assert f"in place of its job's: {reason}\n" in said
    assert night.seen_at("rhel9") == night.seen_at("al2023") == PIPELINE_URL


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_with_that_call_the_failure_is_recorded_and_no_token_told(night: Night, fault: str) -> None:
    failed = night.runs("build", "rhel9", "failed")
    night.gitlab.fail_next(fault, path=JOBS, times=10)

    said = night.settle()

    assert "glcbt" not in said
    assert night.seen_at("rhel9") == (failed if fault == "stale_list" else PIPELINE_URL)
    assert said.count(NOT_READ) == (fault != "stale_list")
    assert len(night.gitlab.requests("GET", JOBS)) <= 2


def test_one_fault_that_passes_is_no_matter(night: Night) -> None:
    failed = night.runs("build", "rhel9", "failed")
    night.gitlab.fail_next("bad_gateway", path=JOBS)

    assert NOT_READ not in night.settle()
    assert night.seen_at("rhel9") == failed


def test_without_the_child_pipelines_id_nothing_is_asked(night: Night) -> None:
    night.runs("build", "rhel9", "failed")
    del night.ami.env["CI_PIPELINE_ID"]

    said = night.settle()

    assert "could not be read" not in said
    assert night.seen_at("rhel9") == PIPELINE_URL
    assert not night.gitlab.requests("GET", JOBS)


def test_a_tracker_in_a_directory_asks_nothing_of_gitlab(ami: Module, gitlab: GitLab) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, "18.6.0-1")
    inside = ami.inside_job_of(gitlab)
    assert inside("diff", "--targets", "rhel9", "--tracker", "tracker", *CHILD, "--pipeline", PARENT).code == 0

    settle = inside("settle", "--tracker", "tracker", "--pipeline", PARENT)

    assert settle.all == "Recorded as failed: gitlab-runner-18.6.0-1.x86_64 rhel9 (attempt 1)\n"
    assert gitlab.log == []


def test_a_build_that_was_retried_by_hand_and_succeeded_stays_built(night: Night) -> None:
    """Before settle runs, or after it has recorded the failure: update has the last word."""
    night.runs("build", "al2023", "failed")
    night.runs("build", "rhel9", "failed")
    night.runs("build", "al2023", "success")
    night.update("al2023")
    first = night.settle()
    night.runs("build", "rhel9", "success")
    night.update("rhel9")
    before = night.entries()
    asked = len(night.gitlab.requests("GET", JOBS))

    again = night.settle()

    assert re.findall(r"Recorded as failed: \S+ (\S+)", first) == ["rhel9"]
    assert again == "Pipeline 100 has no open claim on main.\n"
    assert night.entries() == before
    assert {target: entry["state"] for target, entry in before.items()} == {"al2023": "built", "rhel9": "built"}
    assert len(night.gitlab.requests("GET", JOBS)) == asked, "there was nothing to ask for"


def test_the_clock_of_gitlab_counts_and_one_that_was_wrong_holds_nothing(night: Night) -> None:
    """Field tests, tracker 11: a runner's clock was years ahead when it claimed, and that of this one is behind."""
    in_2031 = night.ami("diff", "--targets", "al2023,rhel9,rocky9", *TRACKER, *CHILD, "--pipeline", PARENT + 1, "--now", "2031-01-01T00:00:00Z",
                        "--claim-timeout", "87600h")
    assert in_2031.code == 0 and night.entries()["rocky9"]["since"] == "2031-01-01T00:00:00Z", in_2031.all
    today = datetime.now(timezone.utc).replace(microsecond=0)
    night.gitlab.clock = lambda: today + timedelta(hours=2)

    held = night.ami("diff", "--targets", "al2023,rhel9,rocky9", *TRACKER, *CHILD, "--pipeline", PARENT + 2)

    assert held.code == 0, held.all
    assert re.search(r"WARNING: the clock of this machine is 1(19|20) minutes behind that of GitLab, which says 20", held.err), held.err
    assert "WARNING: in the tracker 1 build changed at a time that is yet to come, gitlab-runner-18.6.0-1.x86_64 for rocky9 at 2031-01-01 00:00 UTC" in held.err
    assert night.entries()["rocky9"]["since"] == f"{today + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    night.gitlab.clock = lambda: today + timedelta(hours=15)
    lapsed = night.ami("diff", "--targets", "al2023,rhel9,rocky9", *TRACKER, *CHILD, "--pipeline", PARENT + 3)
    assert "rocky9" in {build["target"] for build in night.ami.json("builds.json")["builds"]}, lapsed.all
