"""The template and the pipelines that are generated, against GitLab's own schema, as the package
check-jsonschema carries it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, Module
from test_module import CHILD, write_packages

TEMPLATE = ROOT / "templates" / "scheduled-build" / "template.yml"

# A value for each input that has no default, and one for `tags`: GitLab takes an empty list, the
# schema of its editor does not.
GIVEN = {"product": "gitlab-runner", "repo_url": "https://yum.example.com/el9", "targets": ["al2023", "rhel9"],
         "build_file": "ci/build-ami.yml", "tags": ["docker"]}


def check(document: Any, folder: Path) -> None:
    # The schema of GitLab's editor takes no null here; GitLab itself does, and the job it is merged with may have one.
    if ".ami-scheduler-child-build" in document:
        assert document[".ami-scheduler-child-build"].pop("start_in", "") is None
    file = folder / "pipeline.yml"
    file.write_text(json.dumps(document))  # JSON is YAML, and no text of it is a number
    done = subprocess.run([str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.gitlab-ci",
                           "--data-transform", "gitlab-ci", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def interpolated(node: Any, inputs: dict[str, Any]) -> Any:
    """As GitLab does it: a value that is one block keeps its type, in a text it becomes text."""
    if isinstance(node, dict):
        return {interpolated(key, inputs): interpolated(value, inputs) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolated(item, inputs) for item in node]
    if not isinstance(node, str):
        return node
    for name, value in inputs.items():
        block = f"$[[ inputs.{name} ]]"
        if node == block:
            return value
        node = node.replace(block, value if isinstance(value, str) else json.dumps(value))
    assert "$[[" not in node, f"an input that is not declared: {node}"
    return node


@pytest.fixture(scope="module")
def template() -> tuple[dict[str, Any], dict[str, Any]]:
    header, body = yaml.safe_load_all(TEMPLATE.read_text())
    return header, body


def test_the_header_is_one(template: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path) -> None:
    check(template[0], tmp_path)


def test_the_body_is_one_with_any_input_filled_in(template: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path) -> None:
    header, body = template
    inputs = {name: spec.get("default") for name, spec in header["spec"]["inputs"].items()} | GIVEN
    document = interpolated(body, inputs)
    check(document, tmp_path)
    assert [name for name in document if not name.startswith(".")] == [
        f"{inputs['product']}: {job}" for job in ("list", "diff", "trigger", "give-back", "plan", "status", "images", "promote")]


def test_every_input_is_described_and_used(template: tuple[dict[str, Any], dict[str, Any]]) -> None:
    header, body = template
    text = yaml.safe_dump(body, width=10_000)
    for name, spec in header["spec"]["inputs"].items():
        assert spec["description"].endswith("."), name
        assert f"$[[ inputs.{name} ]]" in text, name


@pytest.mark.parametrize(("lane", "is_taken"), [("", True), ("v17-", True), ("v17: ", True), (".x", False), ("-x", False), (" x", False)])
def test_no_lane_hides_the_jobs(template: tuple[dict[str, Any], dict[str, Any]], lane: str, is_taken: bool) -> None:
    """Field tests, component 7: a job is hidden whose name begins with a dot."""
    assert (re.fullmatch(template[0]["spec"]["inputs"]["lane"]["regex"], lane) is not None) is is_taken


def test_the_component_sets_no_keyword_of_the_whole_pipeline(template: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert not set(template[1]) & {"default", "variables", "workflow", "stages", "image", "include", "before_script"}


def test_every_job_comes_by_the_module_in_the_same_way(template: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for_the_child = (ROOT / "src" / "child_pipeline" / "before-script.sh").read_text()
    assert template[1][".ami-scheduler: $[[ inputs.lane ]]$[[ inputs.product ]]"]["before_script"][-1] == for_the_child.rstrip("\n")


@pytest.mark.parametrize("options", [
    (),
    ("--image", "registry.example.com/ami-scheduler:0.1.0", "--tags", '["docker", "eu"]', "--notes", "AMI_ID,REGION"),
    ("--ref", "it's/a \"ref\": #1 $(id) & {x} [y] *z !a |b >c %d @e `f`"),
    ("--build-job", ".build: it's [odd], {job} #1"),
    ("--max-builds", "1"),
])
@pytest.mark.parametrize("versions", [(), ("18.6.0-1",), ("18.10-1", "1e3-1", "0x10-1", "1_0-1", "12.30.45-1", "18.6.0~rc1^2+3-1")])
def test_a_generated_pipeline_is_one_and_its_values_are_what_went_in(
        ami: Module, tmp_path: Path, versions: tuple[str, ...], options: tuple[str, ...]) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, *versions)
    ref = () if "--ref" in options else ("--ref", "main")

    run = ami("diff", "--targets", "al2023,1.10", "--tracker", "tracker", "--first-run", "all", *ref, *CHILD, *options)

    assert run.code == 0, run.all
    document = yaml.safe_load((ami.folder / "child-pipeline.yml").read_text())
    check(document, tmp_path)
    builds = ami.json("builds.json")["builds"]
    assert len([name for name in document if name.startswith("build: ")]) == len(builds)
    for build in builds:
        job = document[f"build: [{build['version']}-{build['release']}.{build['arch']}, {build['target']}]"]
        assert job["variables"] == {name: {"value": value, "expand": False} for name, value in {
            "PRODUCT": build["product"], "VERSION": build["version"], "RELEASE": build["release"], "EPOCH": str(build["epoch"]),
            "ARCH": build["arch"], "PACKAGE": build["package"], "PACKAGE_URL": build["package_url"],
            "PACKAGE_SHA256": build["package_sha256"], "TARGET": build["target"]}.items()}
    if versions:
        # Whatever the team's job says: what was claimed runs, and GitLab takes the whole (field tests, component 10).
        assert all(job["extends"][-1] == ".ami-scheduler-child-build" for name, job in document.items() if name.startswith("build: "))
        assert document[".ami-scheduler-child-build"] == {
            "stage": "build", "rules": [{"when": "on_success"}], "when": "on_success", "only": None, "except": None, "allow_failure": False}
    else:
        assert set(document) == {"workflow", ".ami-scheduler-child", "nothing-to-build"}
