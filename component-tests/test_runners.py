"""How a job on a shell runner comes by the module, and that it runs no other than its component's."""

from __future__ import annotations

import base64
import hashlib
import shutil
from pathlib import Path

import pytest

from conftest import Consumer, WebServer
from repositories import FIRST, Repository


@pytest.fixture(autouse=True)
def first_releases(repository: Repository) -> None:
    repository.add(*FIRST).publish()


@pytest.fixture
def shell_runner(consumer: Consumer, web: WebServer, wasm: Path) -> Consumer:
    """wasmtime and curl, and a registry that holds the module; nothing else."""
    (consumer.folder.parent / "programs" / "ami-scheduler").unlink()
    shutil.copy(wasm, web.folder / "ami-scheduler.wasm")
    consumer.environment = {"AMI_SCHEDULER_WASM": ""}
    return consumer


def pin(consumer: Consumer, url: str, sha256: str) -> None:
    consumer.edit(".gitlab-ci.yml", "      build_file:", f"      module_url: {url}\n      module_sha256: '{sha256}'\n      build_file:")


def sha256_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_each_job_fetches_the_module_of_its_component_with_its_job_token(shell_runner: Consumer, web: WebServer, wasm: Path) -> None:
    pin(shell_runner, f"{web.url}/ami-scheduler.wasm", sha256_of(wasm))

    night = shell_runner.schedule()

    assert night.code == 0, night.log
    assert shell_runner.states()["18.6.0-1 rhel9"] == "built"
    token = base64.b64encode(b"gitlab-ci-token:glcbt-maintainer").decode()
    fetched = [line for line in web.requests() if "ami-scheduler.wasm" in line]
    assert fetched == [f"GET /ami-scheduler.wasm HTTP/1.1 | 200 | - | Basic {token}"] * 4  # list, diff, and two update jobs
    assert "glcbt-maintainer" not in night.log


def test_a_module_that_was_exchanged_is_not_run(shell_runner: Consumer, web: WebServer) -> None:
    pin(shell_runner, f"{web.url}/ami-scheduler.wasm", "a" * 64)

    night = shell_runner.schedule()

    assert night.jobs("FAIL") == {"list"}
    assert "is not the module that this version of the component was released with" in night.log
    assert "releases of gitlab-runner" not in night.log


@pytest.mark.parametrize("has_wrapper", [False, True])
def test_a_module_on_the_runner_of_another_version_is_not_run(consumer: Consumer, web: WebServer, tmp_path: Path, has_wrapper: bool) -> None:
    if not has_wrapper:
        (consumer.folder.parent / "programs" / "ami-scheduler").unlink()
    older = tmp_path / "older.wasm"
    older.write_bytes(b"\0asm")
    consumer.environment = {"AMI_SCHEDULER_WASM": str(older)}
    pin(consumer, f"{web.url}/ami-scheduler.wasm", "a" * 64)

    night = consumer.schedule()

    assert night.jobs("FAIL") == {"list"}
    assert f"{older} is not the module that this version of the component was released with" in night.log


def test_a_registry_that_the_job_token_may_not_read_is_told(shell_runner: Consumer, web: WebServer, wasm: Path) -> None:
    pin(shell_runner, f"{web.url}/elsewhere.wasm", sha256_of(wasm))

    night = shell_runner.schedule()

    assert night.jobs("FAIL") == {"list"}
    assert "error: 404" in night.log
    assert f"The module cannot be fetched from {web.url}/elsewhere.wasm. Is this project on the job token allowlist" in night.log


@pytest.mark.parametrize("has_url", [False, True])
def test_a_runner_without_any_module_is_told_what_to_do(shell_runner: Consumer, web: WebServer, has_url: bool) -> None:
    if has_url:  # but no checksum, and then it is not fetched
        pin(shell_runner, f"{web.url}/ami-scheduler.wasm", "none")

    night = shell_runner.schedule()

    assert night.jobs("FAIL") == {"list"}
    assert "There is no module: use the image that this component is published with, or set AMI_SCHEDULER_WASM" in night.log
    assert not [line for line in web.requests() if "ami-scheduler.wasm" in line]
