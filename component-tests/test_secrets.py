"""No secret is in any output: of every command, whatever goes wrong, and no other host is given one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import PROJECT, Module
from gitlab_stand_in import FAULTS, GitLab, Token
from repositories import FIRST, Repository
from test_module import CHILD, write_packages

PACKAGE = ("--package", "gitlab-runner-1-1.x86_64")
COMMANDS = {
    "diff": ("diff", "--targets", "t", *CHILD),
    "update": ("update", "--force", *PACKAGE, "--target", "t", "--note", "AMI_ID"),
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
    assert tells_no_secret(job, "update", "--force", *PACKAGE, "--target", "t", "--tracker", "gitlab") == 0
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


#: A password as a person may put it into a URL: p4ss and w0rd are its parts.
UNENCODED = [
    "http://user:1234/p4ss@host.example/v", "http://bot:p@p4ss/w:0rd@host.example/v", "https://p4ss/w0rd+ret=@host.example/v", "https://u:p4ss?w0rd@host.example/",
    "https://u:12#p4ss@host.example/", "http://u:12\\p4ss@host.example/", "http://u:12/p4ss/@host.example/v", "http://u:p4ss[w0rd/@host.example", "u:p4ss@host.example/w0rd",
    "p4ss:w0rd/x@host.example", "https://u:p4ss@host.example:w0rd/", "s3://p4ss:w0rd@bucket", "file://u:p4ss@host.example/w0rd",
]
FORMS = {"url": "{}", "for a target": "al2023={}", "for no target": "p4ss+w0rd={}", "list": '["{}"]', "list that is none": '["{}", ', "second of a list": '["https://yum.example.com/", "al2023={}"]'}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("url", UNENCODED)
def test_a_password_of_a_repository_that_is_not_encoded_is_not_repeated_nor_looked_up(ami: Module, url: str, form: str) -> None:
    """Its end was the name of a host, printed and asked of DNS."""
    value = FORMS[form].format(url.replace("\\", "\\\\") if "list" in form else url)
    runs = [ami("list", "--repo-url", value, "--product", "p"), ami("list", f"--repo-url={value}", "--product", "p"),
            ami("list", value, "--product", "p"), ami("list", "--product", value), ami(value), ami("diff", "--targets", value, *CHILD)]
    ami.env["AMI_SCHEDULER_REPO_URLS"] = value
    runs.append(ami("list", "--product", "p"))
    for run in runs:
        assert run.code == 2, run.all
        assert not any(part in run.all for part in ("p4ss", "w0rd", "0rd@", "reached")), run.all


@pytest.mark.parametrize("url", UNENCODED[:6])
def test_a_password_of_another_url_that_is_not_encoded_is_not_repeated(job: Module, url: str) -> None:
    """That of the API, of a proxy, and of the module."""
    for variables, code in [({"CI_API_V4_URL": url}, 4), ({"HTTP_PROXY": url, "HTTPS_PROXY": url}, 4), ({"AMI_SCHEDULER_MODULE_URL": url}, 2)]:
        job.env |= variables
        run = job(*COMMANDS["diff"], "--tracker", "gitlab")
        assert run.code == code, run.all
        assert not any(part in run.all for part in ("p4ss", "w0rd", "0rd@", "DNS")), run.all
        job.env = {name: value for name, value in job.env.items() if name not in variables} | {"CI_API_V4_URL": "http://127.0.0.1:9/"}


def test_a_password_in_the_url_of_the_module_would_stand_in_the_child_pipeline(job: Module) -> None:
    run = job(*COMMANDS["diff"], "--tracker", "gitlab", "--module-url", "https://u:p4ss@host.example/x.wasm", "--module-sha256", "0" * 64)
    assert run.code == 2 and "which would stand in the child pipeline" in run.err and "p4ss" not in run.all, run.all
    assert not (job.folder / "child-pipeline.yml").exists()


def test_a_redirect_with_a_password_that_is_not_encoded_is_followed_nowhere(ami: Module) -> None:
    class Redirects(Elsewhere):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "http://u:12/p4ss@host.example/")
            self.end_headers()

    redirects = ThreadingHTTPServer(("127.0.0.1", 0), Redirects)
    threading.Thread(target=redirects.serve_forever, daemon=True).start()
    run = ami("list", "--repo-url", f"http://127.0.0.1:{redirects.server_port}/el9/", "--product", "p")
    redirects.shutdown()
    assert run.code == 3 and "has an @ after its host" in run.err and "p4ss" not in run.all, run.all


def test_a_password_on_the_command_line_is_warned_of(ami: Module, repository: Repository) -> None:
    """`ps` shows it to whoever is on the machine; a variable it does not show."""
    repository.add(*FIRST).publish()
    url = repository.url.replace("http://", "http://reader:s3cret@")
    told = "WARNING: while this runs, whoever can list this machine's processes (ps) sees the password in --repo-url"
    typed = ami("list", "--repo-url", url, "--product", "gitlab-runner")
    ami.env["AMI_SCHEDULER_REPO_URL"] = url
    given = ami("list", "--product", "gitlab-runner")
    assert (typed.code, given.code) == (0, 0), typed.all + given.all
    assert told in typed.err and told not in given.err
    assert "s3cret" not in typed.all + given.all


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
