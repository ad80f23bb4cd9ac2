"""Every line of shell that a user runs, in each shell that a runner may have: the jobs of the component and of the
child pipeline, the examples, and the snippets of the docs. (The wrapper and the before_script: test_wrapper.py.)"""

from __future__ import annotations

import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, Module, Run
from test_module import CHILD, write_packages
from test_schema import GIVEN, TEMPLATE, interpolated
from test_wrapper import SHELLS, shell  # noqa: F401 (a fixture)

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md")])
#: In the place of what a job calls, as a script that says what it was given.
PROGRAMS = {
    "ami-scheduler": 'printf "%s" "ami-scheduler $*" >>told; env | sed -n "s/^AMI_SCHEDULER_\\(COMPARE\\|DRY_RUN\\|REF\\|BUILDS\\)=/ &/p" | sort | tr -d "\\n" >>told; echo >>told',
    "buildah": 'echo "buildah $1" >>told; echo sha256:0 >digest',
    "jq": "echo AMI_ID=ami-0abc",
    "packer": 'echo "packer $1" >>told',
    "jsonnet": 'echo {} >child.yml',
    "terraform": 'echo {}',
    "aws": 'echo "aws $2" >>told',
    "curl": 'echo curl >>told',
}


class Job:
    """A folder in which a job's lines run as a runner runs them: one after another, until one fails."""

    def __init__(self, folder: Path, shell: list[str]) -> None:  # noqa: F811
        self.folder, self.shell, self.programs = folder / "job", shell, folder / "programs"
        self.folder.mkdir()
        self.programs.mkdir()
        for name, script in PROGRAMS.items():
            (self.programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (self.programs / name).chmod(0o755)

    def run(self, lines: list[str], **variables: str) -> Run:
        (self.folder / "told").unlink(missing_ok=True)
        environment = {"PATH": f"{self.programs}:/usr/bin:/bin", "CI_COMMIT_REF_NAME": "main", "CI_DEFAULT_BRANCH": "main"} | variables
        script = "\n".join(["set -e", *lines])
        done = subprocess.run([*self.shell, "-c", script], cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout, done.stderr)

    def told(self) -> list[str]:
        file = self.folder / "told"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def job(tmp_path: Path, shell: list[str]) -> Job:  # noqa: F811
    return Job(tmp_path, shell)


def lines_of(jobs: dict[str, Any], name: str) -> list[str]:
    """The before_script and script of a job, with those that it extends."""
    found = jobs[name]
    parents = found.get("extends", [])
    merged: dict[str, Any] = {}
    for parent in [parents] if isinstance(parents, str) else parents:
        merged |= {key: value for key, value in {"before_script": before(jobs, parent)}.items() if value}
    merged |= found
    return [line for key in ("before_script", "script") for line in merged.get(key, [])]


def before(jobs: dict[str, Any], name: str) -> list[str]:
    own = jobs[name].get("before_script")
    parent = jobs[name].get("extends")
    return own if own or not isinstance(parent, str) else before(jobs, parent)


# ---------------------------------------------------------------- the component


def component() -> dict[str, Any]:
    header, body = yaml.safe_load_all(TEMPLATE.read_text())
    inputs = {name: spec.get("default") for name, spec in header["spec"]["inputs"].items()} | GIVEN
    return {name.removeprefix(f"{inputs['product']}: "): job for name, job in interpolated(body, inputs).items()}


def test_list_runs_one_command(job: Job) -> None:
    run = job.run(lines_of(component(), "list"))
    assert (run.code, job.told()) == (0, ["ami-scheduler list"]), run.all


def test_diff_begins_without_the_results_of_an_earlier_night(job: Job) -> None:
    results = [job.folder / ".ami-scheduler" / name for name in ("builds.json", "builds.md", "child-pipeline.yml", "junit.xml")]
    results[0].parent.mkdir()
    for file in results:
        file.write_text("of yesterday")
    handed_on = results[0].with_name("packages.json")
    handed_on.write_text("of list")
    run = job.run(lines_of(component(), "diff"))
    assert (run.code, job.told()) == (0, ["ami-scheduler diff"]), run.all
    assert not any(file.exists() for file in results) and handed_on.exists()


def test_plan_is_a_dry_run_beside_the_branch_that_it_goes_to(job: Job) -> None:
    """No token is on a command line: the command asks GitLab itself."""
    lines = lines_of(component(), "plan")
    assert not [line for line in component()["plan"]["script"] if "TOKEN" in line or "curl" in line]
    for reference, target, compared in [("feature", "main", "main"), ("release", "main", "release"), ("feature", "", "main")]:
        run = job.run(lines, AMI_SCHEDULER_REF=reference, CI_COMMIT_REF_NAME="feature", AMI_SCHEDULER_DRY_RUN="false",
                      **({"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": target} if target else {}))
        variables = f"AMI_SCHEDULER_COMPARE=gitlab AMI_SCHEDULER_DRY_RUN=true AMI_SCHEDULER_REF={compared}"
        assert (run.code, job.told()) == (0, [f"ami-scheduler {command} {variables}" for command in ("list", "diff")]), run.all


def test_status_shows_the_alarms_of_a_run_that_has_some(job: Job) -> None:
    lines = lines_of(component(), "status")
    assert job.run(lines).code == 0 and job.told() == ["ami-scheduler status"]
    (job.folder / ".ami-scheduler").mkdir()
    (job.folder / ".ami-scheduler" / "builds.json").touch()
    assert job.run(lines).code == 0 and job.told() == ["ami-scheduler status AMI_SCHEDULER_BUILDS=builds.json"]


@pytest.mark.parametrize("name", [".ami-scheduler", ".ami-scheduler.d"])
def test_a_link_that_an_earlier_job_left_is_not_written_through(job: Job, tmp_path: Path, name: str) -> None:
    """A `.ami-scheduler` that is a link would show the module another folder, and have files removed there."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for file in ("junit.xml", "builds.json"):
        (theirs / file).touch()
    (job.folder / name).symlink_to(theirs)
    for which in ("list", "diff", "plan", "status"):
        run = job.run(lines_of(component(), which), AMI_SCHEDULER_REF="main")
        assert run.code == 1 and f"{name} is a link, which an earlier job has left: remove it." in run.err, run.all
    assert job.told() == [] and len(list(theirs.iterdir())) == 2


# ---------------------------------------------------------------- the child pipeline


def test_the_jobs_of_the_child_pipeline_run(job: Job, ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, "18.6.0-1")
    run = ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", "--first-run", "all", "--pipeline", "1", *CHILD)
    assert run.code == 0, run.all
    child = yaml.safe_load((ami.folder / "child-pipeline.yml").read_text())
    [update] = [name for name in child if name.startswith("update")]
    child[update]["script"] = child[".ami-scheduler-child-update"]["script"]
    for name, command in ((update, "update"), ("settle", "settle")):
        ran = job.run(lines_of(child, name))
        assert (ran.code, job.told()) == (0, [f"ami-scheduler {command}"]), ran.all

    assert ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", "--pipeline", "2", *CHILD).code == 0
    nothing = yaml.safe_load((ami.folder / "child-pipeline.yml").read_text())
    ran = job.run(nothing["nothing-to-build"]["script"])
    assert (ran.code, ran.out) == (0, "Nothing to build of gitlab-runner: the log of the diff job says why.\n"), ran.all


# ---------------------------------------------------------------- the examples


def example_jobs() -> Iterator[tuple[str, list[str]]]:
    for file in sorted((ROOT / "examples").rglob("*.yml")):
        # A file with inputs has a header before it.
        *_, document = yaml.safe_load_all(file.read_text())
        if file.name == "playbook.yml":
            continue
        for name, found in document.items():
            if isinstance(found, dict) and "script" in found:
                yield f"{file.relative_to(ROOT / 'examples')}: {name}", [*found.get("before_script", []), *found["script"]]


EXAMPLE_JOBS = dict(example_jobs())


@pytest.mark.parametrize("name", EXAMPLE_JOBS)
def test_the_jobs_of_the_examples_run(job: Job, shell: list[str], name: str) -> None:  # noqa: F811
    folder = ROOT / "examples" / name.partition("/")[0]
    (job.folder / "ci").mkdir()
    for script in (file for file in (folder / "ci").iterdir() if not file.suffix):
        # In the shell that this test is about.
        (job.folder / "ci" / script.name).write_text(f"#!{' '.join(shell)}\n" + script.read_text().partition("\n")[2])
        (job.folder / "ci" / script.name).chmod(0o755)
    (job.folder / ".ami-scheduler").mkdir()
    (job.folder / ".ami-scheduler" / "images.json").write_text('{"images": [{"ids": {"us-east-1": "ami-0abc"}}]}')
    run = job.run(EXAMPLE_JOBS[name], PRODUCT="gitlab-runner", VERSION="18.6.0", TARGET="al2023", PACKAGE_URL="https://yum.example.com/x.rpm",
                  PACKAGE_SHA256="0" * 64, CI_REGISTRY_IMAGE="registry.example.com/a", CI_REGISTRY_USER="u", CI_REGISTRY_PASSWORD="p",
                  AMI_ID_US_EAST_1="ami-0abc", CI_JOB_ID="7", LANE="", SUMMARY="1 built", CI_COMMIT_BRANCH="main", CI_PIPELINE_URL="https://gitlab.example.com/p/1",
                  CHAT_WEBHOOK="https://chat.example.com/hook", AWS_TOKEN="t", AWS_WEB_IDENTITY_TOKEN_FILE=str(job.folder / "token"))
    assert run.code == 0, run.all


@pytest.mark.parametrize("file", [file for file in sorted((ROOT / "examples").glob("*/ci/*")) if not file.suffix], ids=lambda file: f"{file.parts[-3]}-{file.name}")
def test_a_script_of_an_example_asks_for_no_more_than_sh(file: Path) -> None:
    assert file.read_text().startswith("#!/bin/sh\n")


# ---------------------------------------------------------------- the docs


def scripts_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("script", "before_script", "after_script") and isinstance(value, list):
                yield "\n".join(line for line in value if isinstance(line, str))
            else:
                yield from scripts_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from scripts_in(item)


def snippets(page: Path) -> Iterator[str]:
    for indent, kind, block in re.findall(r"^( *)```(\w+)\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
        block = textwrap.dedent(block) if indent else block
        if kind == "console":
            yield "\n".join(re.sub(r"^\$ ", "", line) for line in commands(block))
        elif kind in ("sh", "bash", "shell"):
            yield block
        elif kind in ("yaml", "yml"):
            try:
                yield from scripts_in(list(yaml.safe_load_all(block)))
            except yaml.YAMLError:
                pytest.fail(f"{page.name} has YAML that is none:\n{block}")


def commands(block: str) -> Iterator[str]:
    """What a person types: lines after `$ `, with the indented ones that go on with them."""
    goes_on = False
    for line in block.splitlines():
        goes_on = line.startswith("$ ") or (goes_on and line.startswith("    "))
        if goes_on:
            yield line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_snippets_of_the_docs_are_understood(page: Path, shell: list[str]) -> None:  # noqa: F811
    for snippet in snippets(page):
        done = subprocess.run([*shell, "-n", "-c", snippet], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and not done.stderr, f"{snippet}\n{done.stderr}"


def test_there_are_snippets_to_look_at() -> None:
    assert sum(len(list(snippets(page))) for page in PAGES) > 40
    assert len(EXAMPLE_JOBS) > 8 and len(SHELLS) == 3
