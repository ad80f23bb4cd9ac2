"""The image of the component's jobs, built and run for real: by buildah in chroot isolation, as root and
without a daemon. The jobs run in it are the component's own and those of the pipeline that it generates."""

from __future__ import annotations

import hashlib
import os
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import PROJECT, ROOT, Module
from gitlab_stand_in import GitLab
from images import Buildah, Container, buildah_in
from repositories import FIRST, Repository
from test_schema import GIVEN, TEMPLATE, interpolated

MODULE = "/usr/local/share/ami-scheduler/ami-scheduler.wasm"


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    with buildah_in(tmp_path_factory.mktemp("image") / "buildah") as buildah:
        yield buildah


@pytest.fixture(scope="module")
def image(buildah: Buildah, wasm: Path) -> str:
    buildah.make_base("localhost/base:trixie")
    built = subprocess.run([str(ROOT / "scripts" / "image"), str(wasm), "localhost/ami-scheduler:test",
                            "--build-arg", "BASE=localhost/base:trixie"], env=os.environ | buildah.settings, capture_output=True, text=True,
                           check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return "localhost/ami-scheduler:test"


@pytest.fixture(scope="module")
def container(buildah: Buildah, image: str) -> Iterator[Container]:
    name = buildah.must("from", image)
    yield Container(buildah, name)
    buildah.must("rm", name)


def fresh_folder(folder: Path) -> Path:
    """As GitLab's helper makes it: by root, with no bit masked."""
    (folder / ".ami-scheduler").mkdir(parents=True)
    for made in (folder, folder / ".ami-scheduler"):
        made.chmod(0o777)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return fresh_folder(tmp_path / "builds")


def extended(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A job with what it extends; its variables are added to theirs."""
    job = document[name]
    parents = job.get("extends", [])
    for parent in [parents] if isinstance(parents, str) else parents:
        base = extended(document, parent)
        job = base | job | {"variables": base.get("variables", {}) | job.get("variables", {})}
    return job


def run_job(container: Container, folder: Path, document: dict[str, Any], name: str, variables: dict[str, str], **how: str) -> str:
    job = extended(document, name)
    own = {key: value["value"] if isinstance(value, dict) else string.Template(str(value)).safe_substitute(variables)
           for key, value in job["variables"].items()}
    run = container.job(folder, [*job.get("before_script", []), *job["script"]], variables | own, **how)
    assert run.code == 0, run.all
    return run.all


def test_it_holds_what_a_job_needs_and_runs_as_nobody_special(container: Container, project: Path, wasm: Path) -> None:
    run = container.job(project, ["id -u", f"sha256sum < {MODULE}", "wasmtime --version", "test -s /etc/ssl/certs/ca-certificates.crt",
                                  "touch written && mkdir -p .ami-scheduler/deeper"], {})

    assert run.code == 0, run.all
    user, sha256, version = run.out.splitlines()
    assert user == "1000"
    assert sha256.split()[0] == hashlib.sha256(wasm.read_bytes()).hexdigest()
    assert version.startswith("wasmtime 49.0.")


def test_nothing_stands_between_gitlab_and_its_shell(container: Container) -> None:
    config = container.config()
    assert not config.get("Entrypoint")
    assert config["Cmd"] == ["/bin/sh"]
    assert config["User"] == "1000:1000"


def test_it_is_small(buildah: Buildah, image: str, tmp_path: Path) -> None:
    buildah.must("push", "--quiet", image, f"oci-archive:{tmp_path}/image.tar:localhost/ami-scheduler:test")
    assert (tmp_path / "image.tar").stat().st_size < 80 * 1024 * 1024  # compressed, as a runner pulls it


def test_what_runs_is_the_precompiled_module(container: Container, project: Path) -> None:
    compiled = MODULE.replace(".wasm", ".cwasm")
    assert "allow-precompiled" in container.job(project, [f"wasmtime run --wasi http {compiled} --version"], {}).err
    run = container.job(project, ["ami-scheduler --version"], {"AMI_SCHEDULER_MODULE_SHA256": "a" * 64})
    assert run.code == 0 and run.out.startswith("ami-scheduler "), run.all


@pytest.mark.parametrize(("shell", "user"), [("sh", None), ("bash", None), ("sh", "12345:0")])
def test_the_jobs_of_a_night_run_in_it(container: Container, project: Path, tmp_path: Path, repository: Repository, gitlab: GitLab,
                                       wasm: Path, shell: str, user: str | None) -> None:
    """list, diff and update; and settle, for the build that there was no update of. As the image's own
    user, and as one of a number that a cluster made up."""
    repository.add(*FIRST).publish()
    header, body = yaml.safe_load_all(TEMPLATE.read_text())
    inputs = {name: spec.get("default") for name, spec in header["spec"]["inputs"].items()}
    component = interpolated(body, inputs | GIVEN | {"repo_url": repository.url, "major_version": "18"})
    predefined = {"CI_API_V4_URL": gitlab.api_url, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": "glcbt-maintainer",
                  "CI_COMMIT_REF_NAME": "main", "CI_PIPELINE_ID": "101", "CI_JOB_URL": f"https://gitlab.example.com/{PROJECT}/-/jobs/1",
                  "CI_PIPELINE_URL": f"https://gitlab.example.com/{PROJECT}/-/pipelines/101"}

    def run(document: dict[str, Any], name: str, folder: Path, more: dict[str, str] | None = None) -> str:
        how = {"shell": shell} | ({"user": user} if user else {})
        return run_job(container, folder, document, name, predefined | (more or {}), **how)

    run(component, "gitlab-runner: list", project)
    second = fresh_folder(tmp_path / "builds-of-diff")
    (second / ".ami-scheduler" / "packages.json").write_bytes((project / ".ami-scheduler" / "packages.json").read_bytes())
    run(component, "gitlab-runner: diff", second)
    child = yaml.safe_load((second / ".ami-scheduler" / "child-pipeline.yml").read_text())
    run(child, "update: [18.6.0-1.x86_64, al2023]", fresh_folder(tmp_path / "builds-of-update"), {"AMI_ID": "ami-0abc"})
    run(child, "settle", fresh_folder(tmp_path / "builds-of-settle"))

    status = Module(wasm, tmp_path).inside_job_of(gitlab)("status", "--tracker", "gitlab", "--ref", "main")
    lines = [line.split() for line in status.out.splitlines() if "18.6.0" in line]
    assert [(line[1], line[2], line[-1]) for line in lines if line[2] == "built"] == [("al2023", "built", "AMI_ID=ami-0abc")]
    assert [(line[1], line[2]) for line in lines if line[2] == "failed"] == [("rhel9", "failed")]
