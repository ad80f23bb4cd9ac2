"""No secret is in any output: of every command, whatever goes wrong, and no other host is given one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import PROJECT, Module
from gitlab_stand_in import FAULTS, GitLab, Token
from test_module import CHILD, write_packages

PACKAGE = ("--package", "gitlab-runner-1-1.x86_64")
COMMANDS = {
    "diff": ("diff", "--targets", "t", *CHILD),
    "update": ("update", *PACKAGE, "--target", "t", "--note", "AMI_ID"),
    "settle": ("settle", "--pipeline", "7"),
    "status": ("status", "--format", "json"),
    "rebuild": ("rebuild", PACKAGE[1]),
    "import": ("import", "main.txt", "--targets", "t"),
}
SECRETS = {"CI_JOB_TOKEN": "job-s3cret-0123456789", "AMI_SCHEDULER_TOKEN": "project-s3cret-0123456789"}


@pytest.fixture
def job(ami: Module, gitlab: GitLab) -> Module:
    gitlab.tokens |= {SECRETS["CI_JOB_TOKEN"]: Token("job", "maintainer"), SECRETS["AMI_SCHEDULER_TOKEN"]: Token("private", "maintainer")}
    write_packages(ami, "1-1")
    (ami.folder / "main.txt").write_text("gitlab-runner-1-1.x86_64.rpm\n")
    inside = ami.inside_job_of(gitlab)
    inside.env |= SECRETS
    return inside


def tells_no_secret(job: Module, *words: object) -> int:
    run = job(*words)
    for secret in [*SECRETS.values(), "s3cret"]:
        assert secret not in run.all, run.all
    return run.code


@pytest.mark.parametrize("fault", [*sorted(set(FAULTS)), "damaged", "unauthorized", "forbidden"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_output_holds_a_token(job: Module, gitlab: GitLab, command: str, fault: str) -> None:
    assert tells_no_secret(job, "update", *PACKAGE, "--target", "t", "--tracker", "gitlab") == 0
    if fault == "damaged":
        [head] = gitlab.files(PROJECT)
        gitlab.remove(PROJECT, head.id)
        gitlab.put(PROJECT, head.name, b"s3cret" + head.content)
    elif fault == "unauthorized":
        gitlab.tokens.clear()
    elif fault == "forbidden":
        gitlab.tokens[SECRETS["AMI_SCHEDULER_TOKEN"]] = Token("private", "developer")
    else:
        gitlab.fail_next(fault, times=2)

    code = tells_no_secret(job, *COMMANDS[command], "--tracker", "gitlab")

    assert code in (0, 4)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_and_no_misuse_repeats_a_value_of_the_environment(job: Module, command: str) -> None:
    assert tells_no_secret(job, command, "--help") == 0
    assert tells_no_secret(job, command, "--nonsense", "https://user:s3cret@example.com/") == 2


@pytest.mark.parametrize("proxy", ["socks5://anna:s3cret@localhost:1080", "http://anna:s3cret@localhost:port", "http://anna:s3cret@HERE"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_output_holds_the_password_of_a_proxy(job: Module, gitlab: GitLab, command: str, proxy: str) -> None:
    """The last of them is no proxy, but answers."""
    job.env["HTTP_PROXY"] = proxy.replace("HERE", gitlab.url.removeprefix("http://"))
    assert tells_no_secret(job, *COMMANDS[command], "--tracker", "gitlab") in (0, 4)


class Elsewhere(BaseHTTPRequestHandler):
    """Another server, which notes the headers that it is sent."""

    def do_GET(self) -> None:
        self.server.seen.append(str(self.headers))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_a_redirect_to_another_host_carries_no_token(job: Module, elsewhere: ThreadingHTTPServer) -> None:
    class Redirects(Elsewhere):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{elsewhere.server_port}{self.path}")
            self.end_headers()

    redirects = ThreadingHTTPServer(("127.0.0.1", 0), Redirects)
    threading.Thread(target=redirects.serve_forever, daemon=True).start()
    job.env["CI_API_V4_URL"] = f"http://127.0.0.1:{redirects.server_port}/api/v4"

    tells_no_secret(job, *COMMANDS["status"], "--tracker", "gitlab")

    [headers] = elsewhere.seen  # type: ignore[attr-defined]
    assert "s3cret" not in headers and "token" not in headers.lower()
    redirects.shutdown()
