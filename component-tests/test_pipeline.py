"""This project's own pipeline, .gitlab-ci.yml: GitLab's schema, and its jobs run by gitlab-ci-local."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conftest import PROJECT, ROOT, TOOLS, Run, WebServer, tool
from gitlab_stand_in import GitLab
from images import Buildah, buildah_in
from test_schema import check

PIPELINE = ROOT / ".gitlab-ci.yml"
LONGEST = 900  # seconds; where `make lint module` was not run before, it is run here


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """This project as GitLab has it. Its files keep their times, so that cargo builds nothing anew."""
    folder = tmp_path / "project"
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True).stdout
    subprocess.run([tool("rsync"), "--archive", "--files-from=-", "--from0", f"{ROOT}/", str(folder)], input=files, check=True)
    for kept in (".tools", "target"):
        (folder / kept).symlink_to(ROOT / kept)
    for command in (["init", "--quiet", "--initial-branch", "main"], ["remote", "add", "origin", f"git@gitlab.example.com:{PROJECT}.git"],
                    ["add", "--all"], ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "commit", "--quiet", "-m", "All"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def run(checkout: Path, variables: dict[str, str], environment: dict[str, str], *arguments: str) -> Run:
    command = [tool("gitlab-ci-local"), *arguments, "--force-shell-executor", "--ignore-schema-paths", "#/definitions/tags/minItems",
               "--ignore-predefined-vars", ",".join(variables)]
    for name, value in variables.items():
        command += ["--variable", f"{name}={value}"]
    # Those of the command line reach no child pipeline.
    (checkout / ".gitlab-ci-local-variables.yml").write_text(yaml.safe_dump(
        {name: value for name, value in variables.items() if name != "CI_PIPELINE_SOURCE"}))
    environment = os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}", "NO_COLOR": "1"} | environment
    # A session of its own: what takes too long is ended with all that it started.
    with subprocess.Popen(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        try:
            out, err = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, out + err
    return Run(process.returncode, out, err)


def passed(run: Run) -> set[str]:
    return {name.strip() for name in re.findall(r"^ PASS +(?:\[[^\]]+\] -> )?(.+?) *$", run.all, re.MULTILINE)}


def test_it_is_one(tmp_path: Path) -> None:
    check(yaml.safe_load(PIPELINE.read_text()), tmp_path)


def test_the_image_of_its_jobs_has_the_rust_that_the_project_says() -> None:
    pipeline = yaml.safe_load(PIPELINE.read_text())
    version = re.search(r"rust:(\d+\.\d+\.\d+)-", pipeline["variables"]["RUST_IMAGE"])
    least = re.search(r'rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text())
    assert version and least
    assert [int(part) for part in version[1].split(".")] >= [int(part) for part in least[1].split(".")]


@pytest.mark.timeout(LONGEST + 60)
def test_a_commit_is_linted_and_its_module_is_built(checkout: Path) -> None:
    pipeline = run(checkout, {"CI_PIPELINE_SOURCE": "push"}, {}, "lint", "module")

    assert passed(pipeline) == {"lint", "module"}
    assert "The template is not stamped, as it should be." in pipeline.all
    module = checkout / ".gitlab-ci-local" / "artifacts" / "module" / "dist" / "ami-scheduler.wasm"
    assert f"{hashlib.sha256(module.read_bytes()).hexdigest()}  dist/ami-scheduler.wasm" in pipeline.all


def without_tests(checkout: Path, wasm: Path) -> None:
    """The pipeline after its tests, which would be these: with the module that they are about."""
    (checkout / "dist").mkdir()
    shutil.copy(wasm, checkout / "dist" / "ami-scheduler.wasm")
    pipeline = yaml.safe_load(PIPELINE.read_text())
    for job in ("lint", "core", "consumers"):
        del pipeline[job]
    pipeline["module"]["script"] = ["test -s dist/ami-scheduler.wasm"]
    pipeline["native"] |= {"script": ["touch dist/ami-scheduler-x86_64-unknown-linux-gnu"]}
    (checkout / ".gitlab-ci.yml").write_text(yaml.safe_dump(pipeline, sort_keys=False))


@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[Buildah]:
    with buildah_in(tmp_path / "buildah") as buildah:
        buildah.make_base("localhost/base:trixie")
        yield buildah


def test_its_module_goes_into_an_image_and_its_component_runs(
        checkout: Path, tmp_path: Path, buildah: Buildah, web: WebServer, gitlab: GitLab, wasm: Path) -> None:
    without_tests(checkout, wasm)
    shutil.copytree(ROOT / "demo" / "repository", web.folder / "repository")
    pushed = tmp_path / "pushed"
    variables = {
        "CI_PIPELINE_SOURCE": "push", "CI_API_V4_URL": gitlab.api_url, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": "glcbt-maintainer",
        "CI_REGISTRY_USER": "nobody", "CI_REGISTRY_PASSWORD": "none", "BASE_IMAGE": "localhost/base:trixie",
        "IMAGE": "localhost/ami-scheduler:test", "IMAGE_DESTINATION": f"oci:{pushed}:test", "DEMO_REPOSITORY": f"{web.url}/repository/night-1",
    }
    environment = buildah.settings | {"AMI_SCHEDULER_WASM": str(wasm)}

    pipeline = run(checkout, variables, environment)

    assert passed(pipeline) == {"module", "native", "build-image", "component-list", "component-diff", "component-trigger", "component-recorded",
                      "component-forgotten"} | {
        f"{verb}: [18.6.0-1.x86_64, {target}]" for verb in ("build", "update") for target in ("al2023", "rhel9")}, pipeline.all
    digest = json.loads((pushed / "index.json").read_text())["manifests"][0]["digest"]
    assert digest in pipeline.all
    container = buildah.must("from", "localhost/ami-scheduler:test")
    held = buildah.must("run", container, "--", "sha256sum", "/usr/local/share/ami-scheduler/ami-scheduler.wasm").split()[0]
    assert held == hashlib.sha256(wasm.read_bytes()).hexdigest()
    assert gitlab.requests("POST") and gitlab.files(PROJECT) == [], "its tracker is removed in the end"


def test_a_tag_runs_what_it_pins_and_is_released(checkout: Path, wasm: Path) -> None:
    version = re.search(r'^version = "(.*)"', (checkout / "Cargo.toml").read_text(), re.MULTILINE)[1]
    image = f"registry.example.com/{PROJECT}:{version}@sha256:{'a' * 64}"
    url = f"https://gitlab.example.com/ami-scheduler/{version}/ami-scheduler.wasm"
    subprocess.run([checkout / "scripts" / "stamp", version, "--image", image, "--module-url", url, "--module", wasm],
                   capture_output=True, check=False)  # it is at odds with CHANGELOG.md, and that is no matter here
    variables = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": version}

    jobs = {line.partition(";")[0] for line in run(checkout, variables, {}, "--list-csv").out.splitlines()}
    expanded = yaml.safe_load(run(checkout, variables, {}, "--preview").out)

    assert {"lint", "module", "core", "consumers", "pinned", "component-list", "component-diff", "component-trigger", "release"} <= jobs
    assert "build-image" not in jobs
    assert expanded["component-list"]["image"]["name"] == expanded["component-recorded"]["image"]["name"] == image
