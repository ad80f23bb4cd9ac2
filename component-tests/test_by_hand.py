"""What a person builds by hand: *Run pipeline*, with a version."""

from __future__ import annotations

import json

import pytest

from conftest import Consumer, Module, Pipeline
from gitlab_stand_in import GitLab
from repositories import Repository


def built(pipeline: Pipeline) -> set[str]:
    assert pipeline.code == 0, pipeline.log
    return {f"{build['VERSION']} {build['TARGET']}" for build in pipeline.builds()}


def publish(repository: Repository, *versions: str) -> None:
    repository.add(*[f"gitlab-runner-{version}-1.x86_64" for version in versions]).publish()


# ---------------------------------------------------------------- in GitLab


def test_a_version_is_built_whatever_the_tracker_says_and_it_does_not_hear_of_it(
        consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    publish(repository, "17.5.0", "18.5.0", "18.6.0")
    assert built(consumer.schedule()) == {"18.6.0 al2023", "18.6.0 rhel9"}
    tracker, requests = consumer.tracker(), len(gitlab.requests())
    consumer.token = "glcbt-developer"  # who may not write the tracker

    for version in ("18.6.0", "18.5.0", "17.5.0"):  # built, skipped, of another line
        run = consumer.by_hand(AMI_SCHEDULER_BUILD_VERSION=version)
        assert built(run) == {f"{version} al2023", f"{version} rhel9"}
        assert not any(job.startswith(("update", "settle")) for job in run.jobs("PASS"))
        assert "The tracker was neither read nor written" in run.log

    assert len(gitlab.requests()) == requests
    consumer.token = "glcbt-maintainer"
    assert consumer.tracker() == tracker
    assert built(consumer.schedule()) == set()


@pytest.mark.consumer("by-hand")
def test_inputs_say_which_version_and_targets_and_whether_it_is_recorded(
        consumer: Consumer, repository: Repository) -> None:
    publish(repository, "18.5.0", "18.6.0")
    assert built(consumer.schedule()) == {"18.6.0 al2023", "18.6.0 rhel9"}

    run = consumer.by_hand({"version": "18.5.0", "targets": ["rhel9"], "record": True})

    assert built(run) == {"18.5.0 rhel9"}
    states = consumer.states()
    assert (states["18.5.0-1 rhel9"], states["18.5.0-1 al2023"]) == ("built", "skipped")
    assert built(consumer.schedule()) == set()


@pytest.mark.consumer("by-hand")
def test_what_is_recorded_before_the_first_night_is_no_first_run(consumer: Consumer, repository: Repository) -> None:
    publish(repository, "18.4.0", "18.5.0", "18.6.0")

    assert built(consumer.by_hand({"version": "18.5.0", "record": True})) == {"18.5.0 al2023", "18.5.0 rhel9"}
    assert built(consumer.schedule()) == {"18.6.0 al2023", "18.6.0 rhel9"}
    assert consumer.states()["18.4.0-1 al2023"] == "skipped"


@pytest.mark.parametrize("given", [{"version": "18.5.0", "dry_run": True}, {"dry_run": True}])
@pytest.mark.consumer("by-hand")
def test_a_dry_run_by_hand_says_what_would_be_built(
        consumer: Consumer, repository: Repository, gitlab: GitLab, given: dict[str, object]) -> None:
    publish(repository, "18.5.0", "18.6.0")

    run = consumer.by_hand(given)

    assert built(run) == set() and gitlab.requests("POST") == []
    plan = json.loads(run.artifact("diff", "builds.json"))
    assert plan["dry_run"] is True
    assert {build["version"] for build in plan["builds"]} == {given.get("version", "18.6.0")}
    assert "A dry run: nothing is claimed or recorded." in run.log and run.ran("nothing-to-build")


@pytest.mark.parametrize("variables", [
    {"AMI_SCHEDULER_DRY_RUN": "1"},
    {"AMI_SCHEDULER_BUILD_VERSION": "18.6.0", "AMI_SCHEDULER_DRY_RUN": "true", "AMI_SCHEDULER_ONLY_TARGETS": "rhel9"},
])
def test_variables_do_where_a_project_has_no_inputs(
        consumer: Consumer, repository: Repository, variables: dict[str, str]) -> None:
    publish(repository, "18.6.0")

    run = consumer.by_hand(**variables)

    assert built(run) == set()
    targets = {build["target"] for build in json.loads(run.artifact("diff", "builds.json"))["builds"]}
    assert targets == ({"rhel9"} if "AMI_SCHEDULER_ONLY_TARGETS" in variables else {"al2023", "rhel9"})


@pytest.mark.parametrize("source", ["push", "merge_request_event", "web", "api"])
@pytest.mark.consumer("by-hand")
def test_other_pipelines_have_none_of_these_jobs(consumer: Consumer, repository: Repository, source: str) -> None:
    publish(repository, "18.6.0")

    pipeline = consumer.schedule(source)

    assert not pipeline.jobs("PASS") and not pipeline.jobs("FAIL") and pipeline.builds() == [], pipeline.log
    assert pipeline.code == 0 and pipeline.ran("list") is False, pipeline.log


@pytest.mark.consumer("by-hand")
def test_a_push_builds_nothing_by_hand(consumer: Consumer, repository: Repository) -> None:
    publish(repository, "18.6.0")
    pipeline = consumer.by_hand({"version": "18.6.0"}, "push", AMI_SCHEDULER_BUILD_VERSION="18.6.0")
    assert pipeline.code == 0 and not pipeline.jobs("PASS") and pipeline.builds() == [], pipeline.log


@pytest.mark.consumer("by-hand")
def test_a_schedule_with_a_version_looks_for_every_release(consumer: Consumer, repository: Repository) -> None:
    publish(repository, "18.5.0", "18.6.0")
    night = consumer.by_hand({"version": "18.5.0"}, "schedule")
    assert built(night) == {"18.6.0 al2023", "18.6.0 rhel9"}
    assert "A schedule looks for every new release: 18.5.0 is left aside." in night.log


def test_a_plan_has_no_effect_whatever_variables_the_project_has(
        consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    publish(repository, "18.5.0", "18.6.0")
    consumer.edit(".gitlab-ci.yml", "      build_file:",
                  "      plan_rules: [{if: $CI_PIPELINE_SOURCE == \"merge_request_event\"}]\n      build_file:")
    run = consumer.by_hand(AMI_SCHEDULER_BUILD_VERSION="18.5.0")
    gitlab.artifacts["main", "gitlab-runner: diff", ".ami-scheduler/builds.json"] = run.artifact("diff", "builds.json").encode()

    plan = consumer.by_hand(None, "merge_request_event", AMI_SCHEDULER_DRY_RUN="false", AMI_SCHEDULER_BUILD_VERSION="18.5.0")

    assert plan.code == 0 and plan.jobs("PASS") == {"plan"} and gitlab.requests("POST") == [], plan.log
    told = json.loads(plan.artifact("plan", "builds.json"))
    assert told["dry_run"] is True and {build["version"] for build in told["builds"]} == {"18.6.0"}
    assert "was about 18.5.0, asked for by hand: there is nothing to compare with." in plan.log


# ---------------------------------------------------------------- what it says


def asked_for(ami: Module, repository: Repository, version: str, *more: str) -> None:
    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--version", version, *more)
    assert run.code == 0, run.all


DIFF = ("diff", "--targets", "al2023,rhel9", "--tracker", "tracker", "--ref", "main", "--build-file", "ci/build-ami.yml")


def test_a_version_that_is_not_there_is_an_error_that_names_those_that_are(ami: Module, repository: Repository) -> None:
    publish(repository, "18.5.0", "18.6.0")
    listing = ("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--version")
    for version, more, told in [
        ("18.6.9", (), f"there is no 18.6.9 of gitlab-runner in {repository.url}. Give a version"),
        ("18.6.9", (), "the newest are 18.6.0-1, 18.5.0-1"),
        ("18.6.0", ("--arch", "aarch64"), "there is no 18.6.0 of gitlab-runner for aarch64 in"),
    ]:
        run = ami(*listing, version, *more)
        assert run.code == 3 and told in run.err, run.all
        assert not (ami.folder / "packages.json").exists()
    run = ami(*listing, "18.*")
    assert run.code == 2 and "names no release: expected a version (18.6.1)" in run.err, run.all


def test_a_target_that_is_none_is_an_error_that_names_those_that_are(ami: Module, repository: Repository) -> None:
    publish(repository, "18.6.0")
    asked_for(ami, repository, "18.6.0")
    run = ami(*DIFF, "--only-targets", "rhel99")
    assert run.code == 2 and "names rhel99, which is none of the targets: they are al2023, rhel9" in run.err, run.all


def test_a_version_that_a_target_does_not_have_is_an_error(ami: Module, repository: Repository) -> None:
    publish(repository, "18.6.0")
    other = Repository(repository.folder.parent / "el8", repository.rpms, repository.url.replace("/el9/", "/el8/"))
    publish(other, "18.5.0")
    run = ami("list", "--repo-url", f"rhel9={repository.url}", "--repo-url", f"al2023={other.url}",
              "--product", "gitlab-runner", "--version", "18.6.0")
    assert run.code == 0, run.all
    run = ami(*DIFF)
    assert run.code == 3 and "there is no 18.6.0 of gitlab-runner for al2023" in run.err, run.all
    assert ami(*DIFF, "--only-targets", "rhel9").code == 0
    assert [build["target"] for build in ami.json("builds.json")["builds"]] == ["rhel9"]


def test_a_version_that_is_being_built_is_told_by_whom(ami: Module, repository: Repository) -> None:
    publish(repository, "18.6.0")
    (ami.folder / "tracker").mkdir()
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
    assert ami(*DIFF, "--pipeline", "101").code == 0
    asked_for(ami, repository, "18.6.0")

    recorded = ami(*DIFF, "--pipeline", "102", "--record", "--by", "mary")
    assert recorded.code == 0 and "held by pipeline 101" in recorded.out and "Nothing to build." in recorded.out
    assert "18.6.0 is not built now, for the reasons above. Was the pipeline that holds it cancelled?" in recorded.out
    assert ami.json("builds.json")["recorded"] is True

    otherwise = ami(*DIFF, "--pipeline", "102", "--by", "mary")
    assert otherwise.code == 0 and "asked for by mary" in otherwise.out, otherwise.all
    assert ami.json("builds.json")["recorded"] is False


def test_a_list_that_is_cached_is_whole_after_a_version_was_asked_for(ami: Module, repository: Repository) -> None:
    publish(repository, "18.5.0", "18.6.0")
    asked_for(ami, repository, "18.5.0", "--cache", "cache")
    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--cache", "cache")
    assert run.code == 0 and len(ami.json("packages.json")["packages"]) == 2, run.all


def test_a_diff_that_runs_again_leaves_alone_what_it_has_built(ami: Module, repository: Repository) -> None:
    publish(repository, "18.6.0")
    (ami.folder / "tracker").mkdir()
    asked_for(ami, repository, "18.6.0")
    request = (*DIFF, "--only-targets", "rhel9", "--record", "--by", "mary", "--pipeline", "102")
    assert ami(*request).code == 0
    status = ami("status", "--tracker", "tracker")
    assert "asked for by hand  by mary" in status.out, status.all
    package = ("--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "rhel9", "--note", "AMI_ID=ami-0abc")
    assert ami("update", "--tracker", "tracker", "--ref", "main", *package).code == 0

    again = ami(*request)

    assert again.code == 0 and "Nothing to build." in again.out, again.all
    assert "AMI_ID=ami-0abc" in ami("status", "--tracker", "tracker").out


def test_a_plain_text_tracker_is_taken_over_for_all_targets(ami: Module, repository: Repository) -> None:
    publish(repository, "18.5.0", "18.6.0")
    (ami.folder / "tracker").mkdir()
    (ami.folder / "tracker" / "main.txt").write_text("gitlab-runner-18.6.0-1.x86_64.rpm\n")
    asked_for(ami, repository, "18.5.0")
    run = ami(*DIFF, "--only-targets", "rhel9", "--record", "--pipeline", "102")
    assert run.code == 0 and "recorded as built on al2023, rhel9." in run.out, run.all
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
    assert ami(*DIFF, "--pipeline", "103", "--first-run", "all").code == 0
    built = {(build["version"], build["target"]) for build in ami.json("builds.json")["builds"]}
    assert ("18.6.0", "al2023") not in built and ("18.6.0", "rhel9") not in built


def test_what_a_plan_is_compared_with_is_for_plans_alone(ami: Module, repository: Repository) -> None:
    publish(repository, "18.6.0")
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
    (ami.folder / "tracker").mkdir()
    run = ami(*DIFF, "--dry-run=FALSE", "--compare", "before.json")
    assert run.code == 2 and "--compare is for a dry run alone" in run.err, run.all
    assert list((ami.folder / "tracker").iterdir()) == []


def test_a_plan_is_compared_with_the_artifact_of_the_last_run(ami: Module, repository: Repository, gitlab: GitLab) -> None:
    """Field tests, security 8, component 13: by the command itself: no token is on a command line, nor sent to where GitLab redirects."""
    publish(repository, "18.5.0", "18.6.0")
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
    inside = ami.inside_job_of(gitlab, ref="feature/a")
    plan = ("diff", "--targets", "al2023", "--tracker", "gitlab", "--build-file", "ci/a.yml", "--dry-run", "--compare", "gitlab", "--lane", "eu ")

    alone = inside(*plan)
    assert alone.code == 0 and "There is no artifact of the last run on feature/a to compare with." in alone.err, alone.all

    gitlab.artifacts["feature/a", "eu gitlab-runner: diff", ".ami-scheduler/builds.json"] = (ami.folder / "builds.json").read_bytes()
    compared = inside(*plan, "--first-run", "all")
    assert compared.code == 0 and "18.5.0" in compared.out.partition("A dry run: nothing is claimed or recorded.")[2], compared.all

    gitlab.artifacts["feature/a", "eu gitlab-runner: diff", ".ami-scheduler/builds.json"] = b"<html>"
    damaged = inside(*plan)
    assert damaged.code == 0 and "is not compared with: it is not the builds.json that diff writes" in damaged.err, damaged.all
