"""What the tests share: the module under the real wasmtime, real repositories served by the real
nginx, consumer projects run by the real gitlab-ci-local, and the one stand-in: GitLab's API."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from authority import Certificate
from gitlab_stand_in import GitLab
from repositories import Repository, RpmBuilder, Signer, build_runner

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bin"
PROJECT = "acme/ami-scheduler"
#: The schema of GitLab's editor, which gitlab-ci-local goes by, wants at least one tag, and no null for start_in. GitLab
#: itself takes both.
AS_GITLAB_ITSELF = ["--ignore-schema-paths", "#/definitions/tags/minItems", "--ignore-schema-paths", "#/definitions/start_in/type"]


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{TOOLS}:{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is needed for these tests: run scripts/setup"
    return found


# ---------------------------------------------------------------- the program

WASM = Path(os.environ.get("AMI_SCHEDULER_WASM", ROOT / "target/wasm32-wasip2/release/ami-scheduler.wasm")).resolve()
#: The module as wasmtime compiles it: a start takes a fifth of the time.
COMPILED = ROOT / "target" / "component-tests" / "ami-scheduler.cwasm"
#: The same program without wasmtime.
NATIVE = Path(os.environ.get("AMI_SCHEDULER_NATIVE", ROOT / "target/debug/ami-scheduler")).resolve()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--native", action="store_true", help="run the native program in place of the module")


def pytest_configure(config: pytest.Config) -> None:
    Module.is_native = config.getoption("--native")
    program = NATIVE if Module.is_native else WASM
    if not program.is_file():
        pytest.exit(f"there is no {program}: run `make module native`", returncode=2)
    if not Module.is_native and not hasattr(config, "workerinput") and (not COMPILED.exists() or COMPILED.stat().st_mtime < WASM.stat().st_mtime):
        COMPILED.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([tool("wasmtime"), "compile", "--config", str(ROOT / "wasmtime.toml"), "-o", str(COMPILED), str(WASM)], check=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Natively those tests run that are about the command, and not about the module's sandbox."""
    if config.getoption("--native"):
        left_out = [item for item in items if item.get_closest_marker("module_only") or "ami" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test has to tell though it passed."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(value)


#: Nobody waits for what is not there; how long the waits are, cli/src/http/client.rs tests.
AT_ONCE = {"AMI_SCHEDULER_RETRY_DELAY": "10ms"}


@dataclass
class Run:
    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class Module:
    """The command as a person runs it on a laptop, in a folder of its own: the module, or the native program."""

    wasm: Path
    folder: Path
    env: dict[str, str] = field(default_factory=lambda: dict(AT_ONCE))
    is_native: ClassVar[bool] = False

    def command(self, *arguments: object) -> list[str]:
        if self.is_native:
            variables = [f"{name}={value}" for name, value in self.env.items()]
            return ["env", "--ignore-environment", *variables, str(NATIVE), *map(str, arguments)]
        variables = [word for name, value in self.env.items() for word in ("--env", f"{name}={value}")]
        module = ("--allow-precompiled", str(COMPILED)) if self.wasm == WASM else (str(self.wasm),)
        return [tool("wasmtime"), "run", "--config", str(ROOT / "wasmtime.toml"), "--dir", f"{self.folder}::.",
                *variables, *module, *map(str, arguments)]

    def __call__(self, *arguments: object, timeout: float = 120) -> Run:
        done = subprocess.run(self.command(*arguments), cwd=self.folder, capture_output=True, text=True,
                              timeout=timeout, check=False)
        return Run(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command(*arguments), cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text())

    def inside_job_of(self, gitlab: GitLab, token: str = "glcbt-maintainer", ref: str = "main") -> Module:
        """The same with the variables that GitLab sets in a job."""
        return Module(self.wasm, self.folder, AT_ONCE | {
            "CI_API_V4_URL": gitlab.api_url, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": token,
            "CI_COMMIT_REF_NAME": ref, "CI_PIPELINE_ID": "101",
            "CI_PIPELINE_URL": "https://gitlab.example.com/acme/ami/-/pipelines/101",
            "CI_JOB_URL": "https://gitlab.example.com/acme/ami/-/jobs/1",
        })


@pytest.fixture(scope="session")
def wasm() -> Path:
    return WASM


@pytest.fixture
def ami(wasm: Path, tmp_path: Path) -> Module:
    folder = tmp_path / "module"
    folder.mkdir()
    return Module(wasm, folder)


# ---------------------------------------------------------------- repositories


@dataclass
class WebServer:
    """An nginx that serves a folder, with directory indexes."""

    folder: Path
    url: str
    log: Path
    #: Where the same worker answers, and logs nothing.
    quiet_url: str

    def requests(self) -> list[str]:
        # A worker logs a request after its answer is sent, and before it takes the next one.
        with suppress(OSError):
            urllib.request.urlopen(self.quiet_url).close()
        return self.log.read_text().splitlines()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_nginx(folder: Path, locations: str = "", tls: Certificate | None = None) -> tuple[subprocess.Popen[bytes], WebServer]:
    port, quiet_port = free_port(), free_port()
    certificate = f"ssl_certificate {tls.pem}; ssl_certificate_key {tls.key};" if tls else ""
    url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    (folder / "served").mkdir(parents=True)
    config = folder / "nginx.conf"
    config.write_text(f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
        events {{}}
        http {{
          log_format line '$request | $status | $ssl_client_s_dn | $http_authorization'; access_log {folder}/access.log line;
          client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
          uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
          server {{ listen 127.0.0.1:{port} {"ssl" if tls else ""}; {certificate} root {folder}/served; autoindex on; {locations} }}
          server {{ listen 127.0.0.1:{quiet_port}; access_log off; return 204; }}
        }}""")
    process = subprocess.Popen([tool("nginx"), "-c", str(config), "-e", str(folder / "error.log")])
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, WebServer(folder / "served", url, folder / "access.log", f"http://127.0.0.1:{quiet_port}/")
        time.sleep(0.02)
    raise AssertionError(f"nginx does not come up: {(folder / 'error.log').read_text()}")


@contextmanager
def nginx_servers(folder: Path) -> Iterator[Callable[..., WebServer]]:
    """Starts one nginx after another, as `start_nginx` takes it, and ends them all."""
    started = []

    def start(locations: str = "", tls: Certificate | None = None) -> WebServer:
        process, server = start_nginx(folder / f"nginx-{len(started) + 10}", locations, tls)
        started.append(process)
        return server

    try:
        yield start
    finally:
        for process in started:
            process.terminate()
            process.wait()


@pytest.fixture(scope="session")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> RpmBuilder:
    return RpmBuilder(tmp_path_factory.mktemp("rpms"))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    process, server = start_nginx(tmp_path / "nginx")
    yield server
    process.terminate()
    process.wait()


@pytest.fixture
def repository(web: WebServer, rpms: RpmBuilder) -> Repository:
    """A repository at `{web.url}/el9/`, served and still empty."""
    return Repository(web.folder / "el9", rpms, f"{web.url}/el9/")


# ---------------------------------------------------------------- GitLab


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer") / "gnupg")


@pytest.fixture
def signed(repository: Repository, signer: Signer, tmp_path: Path) -> Repository:
    """A repository whose packages are signed, and can be installed: gitlab-runner 18.6.0."""
    packages = repository.add("git-2.47.3-1.x86_64").folder / "Packages"
    build_runner("18.6.0", tmp_path, packages)
    signer.sign_packages(packages)
    (repository.folder / "key").write_text(signer.public_key())
    return repository.publish()


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with GitLab({PROJECT: 42}) as gitlab:
        yield gitlab


# ---------------------------------------------------------------- consumer projects


@dataclass
class Pipeline:
    code: int
    log: str
    folder: Path

    @staticmethod
    def full_name(job: str) -> str:
        """Ours by their last word alone: most consumers build gitlab-runner."""
        return f"gitlab-runner: {job}" if job in ("list", "diff", "trigger", "give-back", "plan", "status", "images", "promote") else job

    def ran(self, job: str) -> bool:
        return re.search(rf"^(\t\[.+?\] -> )?{re.escape(self.full_name(job))}\s+(starting|finished)", self.log, re.MULTILINE) is not None

    def jobs(self, outcome: str) -> set[str]:
        """The jobs that ended with PASS or FAIL, those of child pipelines among them."""
        found = re.findall(rf"^ {outcome} +(?:\[[^\]]+\] -> )?(.+?) *$", self.log, re.MULTILINE)
        return {name.strip().removeprefix("gitlab-runner: ") for name in found}

    def artifact_file(self, job: str, name: str) -> Path:
        return self.folder / ".gitlab-ci-local" / "artifacts" / folder_of(self.full_name(job)) / ".ami-scheduler" / name

    def artifact(self, job: str, name: str) -> str:
        return self.artifact_file(job, name).read_text()

    def builds(self) -> list[dict[str, str]]:
        """The variables that each build job saw."""
        log = self.folder / "builds.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def folder_of(job: str) -> str:
    """The name of gitlab-ci-local's folder for a job's artifacts."""
    encoded = lambda found: base64.urlsafe_b64encode(found.group().encode()).decode().rstrip("=")  # noqa: E731
    return re.sub(r"[^\w-]+", encoded, job, flags=re.ASCII)


def find_child_pipelines(project: Path) -> None:
    """gitlab-ci-local looks for the artifact of a trigger by the name of its job, and has it in a folder of another name
    where that has a colon. GitLab knows no folders."""
    includes = (project / ".gitlab-ci.yml").read_text()
    lanes = ["", *re.findall(r"\blane: ([\w-]+)", includes)]
    for product in re.findall(r"\bproduct: ([\w.+-]+)", includes):
        for job in (f"{lane}{product}: diff" for lane in lanes):
            link = project / ".gitlab-ci-local" / "artifacts" / job
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(folder_of(job))


@dataclass
class Consumer:
    """A project that includes the component. gitlab-ci-local resolves a component of the project's
    own remote from its own checkout, so the component's templates lie in it, as in this repository."""

    folder: Path
    wasm: Path
    gitlab: GitLab
    repo_url: str
    token: str = "glcbt-maintainer"
    environment: dict[str, str] = field(default_factory=dict)
    #: What the runner sets beside GitLab's own.
    variables: dict[str, str] = field(default_factory=dict)

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True)

    def bring(self, program: str, script: str) -> None:
        """A program that the project's jobs find on their PATH, before any other of its name."""
        file = self.folder.parent / "programs" / program
        file.parent.mkdir(exist_ok=True)
        file.write_text(script)
        file.chmod(0o755)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new))
        self.git("commit", "--quiet", "--all", "--message", f"Change {path}")

    def tracker(self, ref: str = "main") -> dict[str, dict[str, dict]]:
        """What the tracker says: the merge of its heads, as `status` tells it."""
        module = Module(self.wasm, self.folder).inside_job_of(self.gitlab)
        status = module("status", "--tracker", "gitlab", "--ref", ref, "--format", "json")
        assert status.code == 0, status.all
        documents = json.loads(status.out)
        tracker = {package: targets for document in documents for package, targets in document["entries"].items()}
        for document in documents:
            for package, targets in document.get("images", {}).items():
                for target, images in targets.items():
                    # The last of them is the one that counts.
                    tracker[package][target]["notes"] = list(images.values())[-1].get("notes", {})
        return tracker

    def states(self, ref: str = "main") -> dict[str, str]:
        """`18.6.1-1 al2023` → `built`."""
        return {f"{'-'.join(package.rsplit('.', 1)[0].split('-')[-2:])} {target}": entry["state"]
                for package, targets in self.tracker(ref).items() for target, entry in targets.items()}

    def by_hand(self, inputs: dict[str, object] | None = None, source: str = "web", **variables: str) -> Pipeline:
        """What a person runs by *Run pipeline*, with these inputs of the project's pipeline, or variables."""
        form = self.folder / ".gitlab-ci-local-inputs.yml"
        form.write_text(json.dumps(inputs or {}))
        pipeline = self.schedule(source, "", None, *[f"--variable={name}={value}" for name, value in variables.items()])
        form.unlink()
        return pipeline

    def schedule(self, source: str = "schedule", fails: str = "", ref: str | None = None, *given: str) -> Pipeline:
        """Runs a pipeline. `fails` names builds that fail, as `18.7.0 rhel9`, separated by commas.

        That a child pipeline failed does not show in gitlab-ci-local's exit code."""
        (self.folder / "builds.log").unlink(missing_ok=True)
        environment, variables = self.surroundings(fails, ref)
        pipeline = self.run_locally(environment, variables, source, *given)
        is_triggered = any(job.startswith(("build: ", "nothing-to-build")) for job in pipeline.jobs("PASS") | pipeline.jobs("FAIL"))
        failed = [job for job in pipeline.jobs("FAIL") if job.startswith(("build: ", "test: "))]
        # GitLab skips the update job of a build, or a test, that failed, and a job that is `on_failure` where nothing failed,
        # and goes on to the next stage; gitlab-ci-local waits for the skipped job for ever. So what comes after it in the
        # generated pipelines, one of each lane, is run by its name, without its condition.
        later = ""
        generated = sorted((self.folder / ".gitlab-ci-local" / "artifacts").glob("*/.ami-scheduler/child-pipeline.yml"))
        for child in (file.read_text() for file in generated if is_triggered and not file.parent.parent.is_symlink()):
            after = [name for name in ("settle", "report", "publish", "notify") if f"\n{name}:\n" in child]
            after = [name for name in after if not pipeline.ran(name) and (failed or name != "settle")]
            if after:
                (self.folder / "child-pipeline.yml").write_text(child.replace("when: on_failure\n", "when: on_success\n"))
                later += self.run_locally(environment, variables, "parent_pipeline", "--file", "child-pipeline.yml", *after).log
        if later:
            pipeline = Pipeline(1 if failed else pipeline.code, pipeline.log + later, self.folder)
        return pipeline

    def surroundings(self, fails: str, ref: str | None) -> tuple[dict[str, str], dict[str, str]]:
        """The environment of the jobs, and the variables that GitLab would set."""
        variables = {"CI_API_V4_URL": self.gitlab.api_url, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": self.token}
        if ref:
            variables |= {"CI_COMMIT_REF_NAME": ref, "CI_COMMIT_TAG": ref}
        variables |= self.variables
        lines = [f"{name}: {json.dumps(value)}" for name, value in variables.items()]
        (self.folder / ".gitlab-ci-local-variables.yml").write_text("\n".join(lines))
        environment = os.environ | {
            "PATH": f"{self.folder.parent}/programs:{TOOLS}:{os.environ['PATH']}", "AMI_SCHEDULER_WASM": "", "NO_COLOR": "1",
            **AT_ONCE, "REPO_URL": self.repo_url, "BUILDS_THAT_FAIL": fails, "BUILDS_LOG": str(self.folder / "builds.log"),
        } | self.environment
        return environment, variables

    def press(self, job: str) -> Pipeline:
        """Presses a job of the component that waits for it, in the pipeline of a schedule."""
        return self.schedule("schedule", "", None, Pipeline.full_name(job), "--variable=CI_JOB_MANUAL=true")

    def again(self, job: str) -> Pipeline:
        """Runs a job of the last child pipeline again, after the report that it has the files of."""
        environment, variables = self.surroundings("", None)
        (self.folder / "child-pipeline.yml").write_text(Pipeline(0, "", self.folder).artifact("diff", "child-pipeline.yml"))
        return self.run_locally(environment, variables, "parent_pipeline", "--file", "child-pipeline.yml", "report", job)

    def run_locally(self, environment: dict[str, str], variables: dict[str, str], source: str, *more: str) -> Pipeline:
        find_child_pipelines(self.folder)
        command = [
            tool("gitlab-ci-local"), *more, "--force-shell-executor", "--shell-isolation", "--variable", f"CI_PIPELINE_SOURCE={source}",
            "--variable", f"REPO_URL={self.repo_url}",
            "--ignore-predefined-vars", ",".join(["CI_PIPELINE_SOURCE", *variables]),
            *AS_GITLAB_ITSELF,
        ]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300,
                              check=False)
        return Pipeline(done.returncode, done.stdout + done.stderr, self.folder)


@pytest.fixture
def consumer(tmp_path: Path, wasm: Path, gitlab: GitLab, repository: Repository, request: pytest.FixtureRequest) -> Consumer:
    """The consumer project `minimal`, or the one, or the example, that the test is marked with."""
    marker, example = (request.node.get_closest_marker(name) for name in ("consumer", "example"))
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / example.args[0] if example else
                    ROOT / "component-tests" / "consumers" / (marker.args[0] if marker else "minimal"), folder)
    shutil.copytree(ROOT / "templates", folder / "templates")
    pipeline = folder / ".gitlab-ci.yml"
    if marker and marker.args[0] == "own-stages":
        # gitlab-ci-local hands the project's variables on, VERSION among them, whatever `forward` says. GitLab does not.
        template = folder / "templates" / "scheduled-build" / "template.yml"
        template.write_text(template.read_text().replace("  trigger:\n    include:", "  inherit: {default: false, variables: false}\n  trigger:\n    include:"))
    # An example names the component and the repository as its users would.
    for file in [pipeline, *folder.glob("ci/*.yml")]:
        file.write_text(re.sub(r"/platform/ami-scheduler/(.+)@\S+", rf"/{PROJECT}/\1@$CI_COMMIT_SHA", file.read_text()))
    pipeline.write_text(re.sub(r"(repo_url: )https:\S+", r"\1$REPO_URL", pipeline.read_text()))
    (folder / ".gitignore").write_text(".gitlab-ci-local*\nbuilds.log\n")
    consumer = Consumer(folder, wasm, gitlab, repository.url)
    # As in the component's image: the wrapper, and the precompiled module where it looks for it.
    consumer.bring("ami-scheduler", (ROOT / "cli" / "wrapper" / "ami-scheduler").read_text())
    share = tmp_path / "share" / "ami-scheduler"
    share.mkdir(parents=True)
    (share / "ami-scheduler.cwasm").symlink_to(COMPILED)
    consumer.git("init", "--quiet", "--initial-branch", "main")
    consumer.git("remote", "add", "origin", f"git@gitlab.example.com:{PROJECT}.git")
    consumer.git("add", "--all")
    consumer.git("commit", "--quiet", "--message", "A project that bakes images")
    return consumer
