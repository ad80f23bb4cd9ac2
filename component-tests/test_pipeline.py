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

from conftest import AS_GITLAB_ITSELF, PROJECT, ROOT, TOOLS, Run, WebServer, find_child_pipelines, start_nginx, tool
from gitlab_stand_in import GitLab
from images import Buildah, Registry, buildah_in, registry_in
from test_schema import check

PIPELINE = ROOT / ".gitlab-ci.yml"
#: What the pipeline names by a tag, as a registry of this machine has it.
PUBLIC_IMAGES = {"RUST_IMAGE": "rust:trixie", "BASE_IMAGE": "debian:trixie-slim", "RELEASE_IMAGE": "cli:latest"}
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
    find_child_pipelines(checkout)
    command = [tool("gitlab-ci-local"), *arguments, "--force-shell-executor", *AS_GITLAB_ITSELF,
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


def without_tests(checkout: Path, wasm: Path, registry: Registry) -> None:
    """The pipeline after its tests, which would be these: with the module that they are about, and with images of this
    machine. A runner's provenance is pretended."""
    (checkout / "dist").mkdir()
    shutil.copy(wasm, checkout / "dist" / "ami-scheduler.wasm")
    pipeline = yaml.safe_load(PIPELINE.read_text())
    for job in ("lint", "audit", "core", "consumers"):
        del pipeline[job]
    pipeline["variables"] |= {name: f"{registry.host}/{image}" for name, image in PUBLIC_IMAGES.items()}
    pipeline["module"]["script"] = ["test -s dist/ami-scheduler.wasm"]
    pipeline["native"]["script"] = ["touch dist/ami-scheduler-x86_64-unknown-linux-gnu"]
    pipeline["native"]["artifacts"] = pipeline[".native"]["artifacts"] | {"paths": ["dist/ami-scheduler-x86_64-unknown-linux-gnu"]}
    for job in ("module", "native"):
        pipeline[job]["script"].append(f"echo '{{}}' > {job}-metadata.json")
        pipeline[job]["artifacts"]["paths"].append(f"{job}-metadata.json")
    (checkout / ".gitlab-ci.yml").write_text(yaml.safe_dump(pipeline, sort_keys=False))


@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[Buildah]:
    with buildah_in(tmp_path / "buildah") as buildah:
        buildah.make_base("localhost/base:trixie")
        yield buildah


@pytest.fixture
def registry(tmp_path: Path, buildah: Buildah) -> Iterator[Registry]:
    """One that has the public images, which are all Debian here."""
    with registry_in(tmp_path / "registry") as registry:
        for image in PUBLIC_IMAGES.values():
            buildah.must("push", "--quiet", "--tls-verify=false", "localhost/base:trixie", f"docker://{registry.host}/{image}")
        yield registry


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[WebServer]:
    """A package registry: it keeps what is put there."""
    process, server = start_nginx(tmp_path / "packages", "location /generic/ { dav_methods PUT; create_full_put_path on; client_max_body_size 0; }")
    yield server
    process.terminate()
    process.wait()


def version_of(checkout: Path) -> str:
    return re.search(r'^version = "(.*)"', (checkout / "Cargo.toml").read_text(), re.MULTILINE)[1]


@pytest.mark.timeout(LONGEST + 60)
def test_its_module_goes_into_an_image_its_component_runs_and_a_candidate_is_published(
        checkout: Path, tmp_path: Path, buildah: Buildah, registry: Registry, packages: WebServer, web: WebServer, gitlab: GitLab,
        wasm: Path) -> None:
    without_tests(checkout, wasm, registry)
    version = version_of(checkout)
    changes = checkout / "CHANGELOG.md"
    changes.write_text(changes.read_text().replace("## Unreleased\n", f"## Unreleased\n\n## {version} - 2026-11-24\n", 1))
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "origin.git"], check=True)
    (tmp_path / "gitconfig").write_text(f'[url "{tmp_path}/origin.git"]\ninsteadOf = git@gitlab.example.com:{PROJECT}.git\n')
    shutil.copytree(ROOT / "demo" / "repository", web.folder / "repository")
    variables = {
        "CI_PIPELINE_SOURCE": "push", "CI_API_V4_URL": gitlab.api_url, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": "glcbt-maintainer",
        "CI_REGISTRY_USER": "nobody", "CI_REGISTRY_PASSWORD": "none", "CI_REGISTRY_IMAGE": f"{registry.host}/{PROJECT}",
        "PACKAGES": f"{packages.url}/generic/ami-scheduler", "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
        "DEMO_REPOSITORY": f"{web.url}/repository/night-1",
    }
    rust = {name: os.environ.get(name, str(Path.home() / folder)) for name, folder in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"))}
    environment = buildah.settings | rust | {"AMI_SCHEDULER_WASM": str(wasm), "HOME": str(registry.home)}

    pipeline = run(checkout, variables, environment, "--manual", "candidate")

    assert passed(pipeline) == {"images", "module", "native", "sbom", "build-image", "component-gitlab-runner: list", "component-gitlab-runner: diff", "component-gitlab-runner: trigger",
                                "component-recorded", "component-forgotten", "candidate"} | {
        f"{verb}: [18.6.0-1.x86_64, {target}]" for verb in ("build", "update") for target in ("al2023", "rhel9")}, pipeline.all
    assert gitlab.requests("POST") and gitlab.files(PROJECT) == [], "its tracker is removed in the end"

    # The image is built on the digest that its base's tag had, and holds the module.
    images = {name: f"{registry.host}/{image}@{registry.digest(image)}" for name, image in PUBLIC_IMAGES.items()}
    assert f"FROM {images['BASE_IMAGE']}" in pipeline.all
    container = buildah.must("from", "--tls-verify=false", f"{registry.host}/{PROJECT}:{version}")
    held = buildah.must("run", container, "--", "sha256sum", "/usr/local/share/ami-scheduler/ami-scheduler.wasm").split()[0]
    assert held == hashlib.sha256(wasm.read_bytes()).hexdigest()

    # What is published, and the checksum of each.
    published = packages.folder / "generic" / "ami-scheduler" / version
    linux = "ami-scheduler-x86_64-unknown-linux-gnu"
    assets = {"ami-scheduler.wasm", "ami-scheduler.wasm.cdx.json", linux, f"{linux}.cdx.json", "module.provenance.json", "native.provenance.json",
              "images.env"}
    assert {file.name for file in published.iterdir()} == assets | {"SHA256SUMS"}
    sums = dict(reversed(line.split("  ")) for line in (published / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((published / name).read_bytes()).hexdigest() for name in assets}

    # The stamp pins the image, the module, and the images that they were made in.
    stamped = yaml.safe_load((checkout / ".gitlab-ci.yml").read_text())["variables"]
    assert {name: stamped[name] for name in images} == images
    patch = (checkout / "dist" / "release.patch").read_text()
    assert f"+      default: {registry.host}/{PROJECT}:{version}@{registry.digest(f'{PROJECT}:{version}')}" in patch
    assert f"+      default: {packages.url}/generic/ami-scheduler/{version}/ami-scheduler.wasm" in patch


def test_what_a_release_links_is_what_a_candidate_publishes() -> None:
    pipeline = yaml.safe_load(PIPELINE.read_text())
    linked = {link["url"].removeprefix("$PACKAGES/$CI_COMMIT_TAG/") for link in pipeline["release"]["release"]["assets"]["links"]}
    linux = "ami-scheduler-x86_64-unknown-linux-gnu"
    assert linked == {"ami-scheduler.wasm", "ami-scheduler.wasm.cdx.json", linux, f"{linux}.cdx.json", "module.provenance.json",
                      "native.provenance.json", "images.env", "SHA256SUMS"}


def test_a_tag_runs_what_it_pins_and_is_released(checkout: Path, wasm: Path) -> None:
    version = version_of(checkout)
    images = {name: f"{image}@sha256:{'b' * 64}" for name, image in PUBLIC_IMAGES.items()}
    (checkout / "images.env").write_text("".join(f"{name}={image}\n" for name, image in images.items()))
    image = f"registry.example.com/{PROJECT}:{version}@sha256:{'a' * 64}"
    url = f"https://gitlab.example.com/ami-scheduler/{version}/ami-scheduler.wasm"
    subprocess.run([checkout / "scripts" / "stamp", version, "--image", image, "--module-url", url, "--module", wasm,
                    "--images", checkout / "images.env"],
                   capture_output=True, check=False)  # it is at odds with CHANGELOG.md, and that is no matter here
    variables = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": version}

    jobs = {line.partition(";")[0] for line in run(checkout, variables, {}, "--list-csv").out.splitlines()}
    expanded = yaml.safe_load(run(checkout, variables, {}, "--preview").out)

    assert {"lint", "module", "core", "consumers", "pinned", "component-gitlab-runner: list", "component-gitlab-runner: diff", "component-gitlab-runner: trigger", "release"} <= jobs
    assert not {"images", "build-image"} & jobs
    assert {name: expanded["variables"][name] for name in images} == images
    assert [expanded[name]["image"]["name"] for name in ("release", "module")] == ["$RELEASE_IMAGE", "$RUST_IMAGE"]
    assert expanded["component-gitlab-runner: list"]["image"]["name"] == expanded["component-recorded"]["image"]["name"] == image
