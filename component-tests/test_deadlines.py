"""A server that says nothing, or a byte now and then, holds no job: each stage of a request has a deadline, and so have
all requests of a command together. The deadlines are short here; with the defaults it takes half a minute a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import yaml

from authority import Authority
from conftest import AT_ONCE, PROJECT, ROOT, Module, Run
from gitlab_stand_in import GitLab
from reluctant import full, reluctant
from test_limits import put_tracker
from test_module import CHILD, write_packages

SHORT = {"AMI_SCHEDULER_CONNECT_TIMEOUT": "500ms", "AMI_SCHEDULER_SPEED_TIME": "500ms", "AMI_SCHEDULER_MAX_TIME": "4s"}
#: A generous ceiling: a loaded machine is no failure, a server that is waited for is.
CEILING = 60


@pytest.fixture(params=["host", "sockets"])
def transport(request: pytest.FixtureRequest, ami: Module, tmp_path) -> str:
    """By the HTTP of the host, or by the module's own, which the native program has alone."""
    if request.param == "host":
        if Module.is_native:
            pytest.skip("there is no host")
    elif not Module.is_native:
        (ami.folder / "ca.pem").write_text(Authority(tmp_path / "authority", "Acme Root").pem.read_text())
        ami.env["SSL_CERT_FILE"] = "ca.pem"
    return request.param


@dataclass
class Asked:
    code: int  # of the failure
    ask: Callable[[Module, str, int], Run]


def the_repository(ami: Module, scheme: str, port: int) -> Run:
    return ami("list", "--product", "p", "--repo-url", f"{scheme}://localhost:{port}/", timeout=CEILING)


def gitlab_api(ami: Module, scheme: str, port: int) -> Run:
    ami.env |= {"CI_API_V4_URL": f"{scheme}://localhost:{port}/api/v4", "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": "s3cret"}
    return ami("status", "--tracker", "gitlab", "--ref", "main", timeout=CEILING)


REPOSITORY, GITLAB = Asked(3, the_repository), Asked(4, gitlab_api)
LATE_ANSWER = "the answer took longer than 500ms (--speed-time)"
TOO_SLOW = "it is too slow: under 1000 bytes a second for 500ms (--speed-limit, --speed-time)"
LATE_TLS = {"sockets": "the TLS handshake took longer than 500ms (--connect-timeout)",
            "host": "connection, TLS handshake and answer took longer than 1s (--connect-timeout, --speed-time)"}


def given_up(run: Run, asked: Asked, told: str) -> None:
    assert run.code == asked.code, run.all
    assert told in run.err and "s3cret" not in run.all, run.all


@pytest.mark.parametrize("asked", [REPOSITORY, GITLAB], ids=["repository", "gitlab"])
@pytest.mark.parametrize(("scheme", "stage", "drips"), [
    ("http", "accepted", False), ("http", "head", True), ("http", "body", False), ("http", "body", True),
    ("http", "chunks", True), ("http", "chunk", True), ("https", "accepted", False), ("https", "TLS", True),
])
def test_a_server_that_is_silent_or_drips_is_given_up_at_each_stage(
        ami: Module, transport: str, asked: Asked, scheme: str, stage: str, drips: bool) -> None:
    """Field tests, security 5."""
    told = LATE_TLS[transport] if scheme == "https" else LATE_ANSWER if stage in ("accepted", "head") else TOO_SLOW
    ami.env |= SHORT
    with reluctant(stage, drips) as port:
        given_up(asked.ask(ami, scheme, port), asked, told)


@pytest.mark.parametrize("asked", [REPOSITORY, GITLAB], ids=["repository", "gitlab"])
@pytest.mark.parametrize(("stage", "drips"), [("accepted", False), ("CONNECT", False), ("CONNECT", True)])
def test_a_proxy_that_is_silent_or_drips_is_given_up(ami: Module, asked: Asked, stage: str, drips: bool) -> None:
    ami.env |= SHORT
    with reluctant(stage, drips) as port:
        ami.env["HTTPS_PROXY"] = f"http://localhost:{port}"
        run = asked.ask(ami, "https", 1)
    given_up(run, asked, f"the proxy http://localhost:{port} of HTTPS_PROXY cannot be reached: "
                         "its answer to CONNECT took longer than 500ms (--connect-timeout)")


@pytest.mark.parametrize("asked", [REPOSITORY, GITLAB], ids=["repository", "gitlab"])
def test_a_connection_that_nobody_accepts_is_given_up(ami: Module, transport: str, asked: Asked) -> None:
    ami.env |= SHORT
    with full() as port:
        given_up(asked.ask(ami, "http", port), asked, "the connection took longer than 500ms (--connect-timeout)")


def test_all_requests_of_a_command_have_one_end(ami: Module, transport: str) -> None:
    """Mirrors that are slow one after another, each within its own deadlines, hold no job either."""
    with reluctant("accepted", False) as port:
        (ami.folder / "mirrors").write_text("".join(f"http://localhost:{port}/{number}/\n" for number in range(20)))
        ami.env |= SHORT | {"AMI_SCHEDULER_MAX_TIME": "2s"}
        run = ami("list", "--product", "p", "--repo-url", "file:mirrors", timeout=CEILING)
    given_up(run, REPOSITORY, "the requests of this command took longer than 2s (--max-time)")


def test_a_server_that_asks_for_a_wait_gets_none_beyond_the_end(ami: Module, gitlab: GitLab) -> None:
    gitlab.faults.rate_limited, gitlab.faults.retry_after = 1, 100
    job = ami.inside_job_of(gitlab)
    job.env["AMI_SCHEDULER_MAX_TIME"] = "60s"
    given_up(job("status", "--tracker", "gitlab", timeout=CEILING), GITLAB, "429")


def test_a_large_upload_over_a_slow_line_takes_longer_than_any_single_deadline_and_succeeds(
        ami: Module, transport: str, gitlab: GitLab) -> None:
    """Field tests, security 14: as 5 MiB at 100 kB/s do with the defaults: 52 s, and 30 s for an answer."""
    put_tracker(gitlab, releases=400, targets=8)
    [before] = gitlab.files(PROJECT)
    gitlab.faults.intake = len(before.content) // 3
    job = ami.inside_job_of(gitlab)
    job.env |= ami.env | {"AMI_SCHEDULER_SPEED_TIME": "1s", "AMI_SCHEDULER_SPEED_LIMIT": str(len(before.content) // 12)}
    run = job("update", "--force", "--tracker", "gitlab", "--package", "gitlab-runner-19.0.0-1.x86_64", "--target", "target-0")
    assert run.code == 0 and "trying again" not in run.all, run.all
    assert len(gitlab.files(PROJECT)) == 2 and len(gitlab.requests("POST")) == 1


@pytest.mark.parametrize(("option", "value"), [("--connect-timeout", "0"), ("--speed-time", "2d"), ("--max-time", "never"),
                                               ("--retry-delay", "-1s"), ("--speed-limit", "fast")])
def test_a_deadline_that_is_none_is_a_mistake(ami: Module, option: str, value: str) -> None:
    run = ami("list", "--product", "p", "--repo-url", "http://localhost:1/", f"{option}={value}")
    assert run.code == 2 and option in run.err, run.all
    assert AT_ONCE["AMI_SCHEDULER_RETRY_DELAY"] not in run.err


def without_timeout(pipeline: dict[str, dict]) -> list[str]:
    """The jobs that neither have a `timeout:` nor inherit one. A trigger job has no runner that could be held."""
    def has(job: dict) -> bool:
        extends = job.get("extends", [])
        return "timeout" in job or any(has(pipeline[name]) for name in ([extends] if isinstance(extends, str) else extends))

    return [name for name, job in pipeline.items() if isinstance(job, dict) and "script" in job and not has(job)]


def test_each_job_of_ours_has_a_timeout_in_the_parent_and_in_the_child(ami: Module) -> None:
    """The last resort: a job that hangs holds its resource group meanwhile."""
    _, parent = yaml.safe_load_all((ROOT / "templates" / "scheduled-build" / "template.yml").read_text())
    assert without_timeout(parent) == []
    write_packages(ami, "18.6.1-1")
    (ami.folder / "tracker").mkdir()
    for pipeline, job in [(1, "update: [18.6.1-1.x86_64, a]"), (2, "nothing-to-build")]:  # the first has claimed it
        run = ami("diff", "--targets", "a", "--tracker", "tracker", "--ref", "main", "--pipeline", pipeline, *CHILD)
        assert run.code == 0, run.all
        child = yaml.safe_load((ami.folder / "child-pipeline.yml").read_text())
        assert job in child and without_timeout(child) == [], child
