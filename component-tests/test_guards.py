"""What becomes of an input whose value is a variable that is not there, or nothing, or white space: GitLab refuses it,
or a command does, or it is the same as an input that was not given. Never is something that guards switched off."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from conftest import Module
from repositories import FIRST, Repository
from test_schema import TEMPLATE, interpolated

HEADER, BODY = yaml.safe_load_all(TEMPLATE.read_text())
INPUTS = HEADER["spec"]["inputs"]
#: What GitLab sets in every job.
PREDEFINED = {"CI_COMMIT_REF_NAME": "main", "AMI_SCHEDULER_IMAGE": "registry.example.com/ami-scheduler:1"}
VALUES = {"not there": "$NOT_THERE", "not there, as in batch": "%NOT_THERE%", "empty": "", "blank": " "}
G, L, D, N = "GitLab", "list", "diff", "none"
#: Who refuses each of these values; none, where it is the same as an input that was not given.
WHO = {
    "product": (G, G, G, G), "repo_url": (L, L, L, G), "repo_urls": (L, L, L, L), "gpg_key": (L, L, L, L), "client_cert": (L, L, L, L), "client_key": (L, L, L, L),
    # It is not expanded: a path that is none, beside a repo_url.
    "repo_file": (L, L, N, N), "repos": (L, L, L, L), "repo_vars": (L, L, L, L), "checkout": (G, G, G, G),
    "accept_index": (G, G, G, G), "package_url_query": (G, G, G, G),
    "targets": (D, D, D, D), "build_file": (G, G, G, G), "build_job": (G, G, G, G), "cache": (G, G, G, G),
    # Only somebody who writes nothing there himself, and wants every version.
    "major_version": (G, G, N, G), "version_range": (L, L, N, N),
    "arch": (L, L, L, L), "pre_releases": (G, G, G, G), "keep": (G, G, G, G), "exclude": (D, D, D, D), "skip": (D, D, D, D),
    "min_age": (G, G, G, G), "security_first": (G, G, G, G), "rebuild_when": (D, D, D, D), "rebuild_after": (G, G, G, G), "ingredients": (G, G, G, G), "ingredients_job": (N, N, N, N), "order": (G, G, G, G), "first_run": (G, G, G, G), "max_builds": (G, G, G, G), "max_attempts": (G, G, G, G),
    "claim_timeout": (G, G, G, D), "revoke_withdrawn": (G, G, G, G), "revoke_withdrawn_after": (G, G, G, G), "unchanged_after": (G, G, G, G), "overdue_after": (G, G, G, G), "fail_on": (D, D, D, D), "stop_on": (D, D, D, D),
    "notes": (D, D, D, D), "test_job": (D, D, D, D), "manifest": (N, N, N, N), "version": (G, G, N, G), "only_targets": (D, D, D, D), "record": (G, G, G, G), "dry_run": (G, G, G, G),
    "image_name": (N, N, N, N), "image_tags": (D, D, D, D), "images_job": (N, N, N, N), "tracker_ref": (D, D, D, D), "tags": (D, D, D, D), "module_sha256": (G, G, G, G), "status_page": (G, G, G, G), "trigger": (G, G, G, G), "publish_images": (G, G, G, G), "adopt_images": (G, G, G, G), "promote_job": (G, G, G, G), "promote_to": (N, N, N, N),
    "publish_job": (D, D, D, D), "notify_job": (D, D, D, D), "quiet_nights": (G, G, G, G), "max_jobs": (G, G, G, G),
    # These guard nothing. Whatever the image is, the module in it is verified; without a URL none is fetched.
    "stage": (N, N, N, N), "lane": (G, G, N, G), "image": (N, N, N, N), "module_url": (N, N, N, N),
    # GitLab's own, in which its variables are not expanded but compared.
    "rules": (N, N, N, N), "plan_rules": (N, N, N, N),
}


def refused_by_gitlab(spec: dict[str, Any], value: Any) -> bool:
    kinds = {"string": str, "number": (int, float), "boolean": bool, "array": list}
    if not isinstance(value, kinds[spec.get("type", "string")]):
        return True
    return ("options" in spec and value not in spec["options"]) or ("regex" in spec and not re.search(spec["regex"], value))


def expanded(value: Any) -> str:
    """As GitLab and its runner do it: of what is not there nothing is left."""
    if isinstance(value, dict):
        return value["value"] if value.get("expand") is False else expanded(value["value"])
    return re.sub(r"\$\$|%%|\$(\w+)|\$\{(\w+)\}|%(\w+)%", lambda found: PREDEFINED.get(next(filter(None, found.groups()), ""), ""), value)


def variables(inputs: dict[str, Any]) -> dict[str, str]:
    job = interpolated(BODY, inputs)[f".ami-scheduler: {inputs['lane']}{inputs['product']}"]
    return {name: expanded(value) for name, value in job["variables"].items()} | PREDEFINED | {"CI_PIPELINE_ID": "101", "AMI_SCHEDULER_TRACKER": "tracker"}


def who_refuses(ami: Module, repository: Repository, given: dict[str, Any]) -> tuple[str, str]:
    for name, value in given.items():
        if refused_by_gitlab(INPUTS[name], value):
            return "GitLab", ""
    needed = {"product": "gitlab-runner", "repo_url": repository.url, "targets": ["al2023"], "build_file": "ci/build-ami.yml"}
    inputs = {name: spec.get("default") for name, spec in INPUTS.items()} | needed | given
    ami.env = variables(inputs)
    (ami.folder / "tracker").mkdir(exist_ok=True)
    for command in ("list", "diff"):
        run = ami(command)
        if run.code:
            return command, run.all
    return "none", run.all


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_that_came_to_nothing_switches_no_guard_off(ami: Module, repository: Repository, name: str) -> None:
    """Field tests, security 2."""
    repository.add(*FIRST).publish()
    values = [[value] if INPUTS[name].get("type") == "array" else value for value in VALUES.values()]
    refusals = [who_refuses(ami, repository, {name: value}) for value in values]
    assert tuple(who for who, _ in refusals) == WHO[name], refusals
    for who, said in refusals:
        if who in (L, D) and name != "repo_urls":  # which is told by what it would replace
            assert f"input {name}" in said, said


@pytest.mark.parametrize("content", ["", " \n", "<html>Sign in</html>", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n"])
@pytest.mark.parametrize("option", ["--gpg-key", "--ca-file"])
def test_a_file_that_holds_none_of_what_was_asked_for_is_an_error(ami: Module, repository: Repository, option: str, content: str) -> None:
    repository.add(*FIRST).publish()
    (ami.folder / "file").write_text(content)
    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", option, "file")
    assert run.code == 2 and option in run.err, run.all
    assert not (ami.folder / "packages.json").exists()


@pytest.mark.parametrize("option", ["--gpg-key", "--ca-file"])
@pytest.mark.parametrize("file", ["nowhere", "$NOT_THERE", "."])
def test_a_file_that_is_not_there_is_an_error(ami: Module, repository: Repository, option: str, file: str) -> None:
    repository.add(*FIRST).publish()
    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", option, file)
    assert run.code in (1, 2) and option in run.err and file in run.err, run.all


@pytest.mark.parametrize("digits", ["abc", "0" * 63, "0" * 65, "g" * 64, "$NOT_THERE", "None", " "])
def test_a_checksum_of_the_module_is_64_digits_or_none(ami: Module, repository: Repository, digits: str) -> None:
    who, said = who_refuses(ami, repository, {"module_sha256": digits})
    assert who == "GitLab"
    repository.add(*FIRST).publish()
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
    ami.env = {}
    (ami.folder / "tracker").mkdir(exist_ok=True)
    run = ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", "--build-file", "ci/a.yml", "--module-sha256", digits)
    assert run.code == 2 and "--module-sha256" in run.err, run.all
