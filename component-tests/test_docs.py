"""What the docs say works: each example of --help runs as it is printed, the reference pages are what
they are made from, and links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, TOOLS, Module
from gitlab_stand_in import GitLab
from repositories import Repository

DOCS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
DOCS += sorted((ROOT / "examples").rglob("*.md"))


def examples(help_text: str) -> list[str]:
    """The commands after `$ `, each with the lines that go on with it, as they are printed."""
    found: list[str] = []
    goes_on = False
    for line in help_text.splitlines():
        if command := re.match(r" +\$ (.*)", line):
            found.append(command[1])
        elif goes_on and line.strip():
            found[-1] += f"\n{line}"
        goes_on = bool(command) or (goes_on and bool(line.strip()))
    return found


def test_the_reference_pages_are_up_to_date(wasm: Path) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "make-docs"), "--check"], env=os.environ | {"AMI_SCHEDULER_WASM": str(wasm)},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_examples_of_the_help_run_as_they_are_printed(ami: Module, repository: Repository, gitlab: GitLab) -> None:
    """In one shell, in the order of the commands: what one of them needs, another has left there."""
    repository.add("gitlab-runner-18.6.0-1.x86_64", "gitlab-runner-18.6.1-1.x86_64").publish()
    overview = ami("--help").out
    names = re.findall(r"^  (\w[\w-]*) ", overview.partition("Commands:")[2].partition("Options:")[0], re.MULTILINE)
    texts = {name: ami(name, "--help").out for name in names if name != "help"}
    assert all(examples(text) for text in texts.values()), texts
    commands = [*examples(overview), *(command for text in texts.values() for command in examples(text))]
    script = ["set -e -o pipefail", "echo gitlab-runner-18.6.0-1.x86_64.rpm > main.txt",
              "YUM_USER=user YUM_PASSWORD=secret", "aws() { cat images.json; }", "set -v"]
    for command in commands:
        command = command.replace("https://yum.example.com/el/9/x86_64", repository.url)
        command = command.replace("yum.example.com/el/9", repository.url.removeprefix("http://")).replace("https://$YUM", "http://$YUM")
        command = command.replace("https://gitlab.example.com/api/v4", gitlab.api_url).replace("glpat-…", "glpat-maintainer")
        script.append(command)
    image = {"ImageId": "ami-0abc", "Name": "gitlab-runner-18.6.1-al2023-1", "State": "available",
             "CreationDate": "2026-11-01T02:00:00.000Z", "Tags": [
                 {"Key": "Package", "Value": "gitlab-runner-18.6.1-1.x86_64"}, {"Key": "Target", "Value": "al2023"}]}
    for name in ("images.json", "eu.json", "us.json"):
        (ami.folder / name).write_text(json.dumps({"Images": [image]}))
    build = {"builder_type": "amazon-ebs", "artifact_id": "us-east-1:ami-0abc", "packer_run_uuid": "1"}
    (ami.folder / "manifest.json").write_text(json.dumps({"builds": [build], "last_run_uuid": "1"}))
    (ami.folder / "examples.sh").write_text("\n".join(script))

    (ami.folder / "ami-scheduler.wasm").symlink_to(ami.wasm)
    wrapper = ROOT / "cli" / "wrapper"
    done = subprocess.run(["bash", "examples.sh"], cwd=ami.folder,
                          env=os.environ | {"PATH": f"{wrapper}:{TOOLS}:{os.environ['PATH']}", "AMI_SCHEDULER_WASM": str(ami.wasm)},
                          capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "secret" not in done.stdout + done.stderr
    assert (ami.folder / "status.html").read_text().startswith("<!doctype html>")


def anchors(page: Path) -> set[str]:
    """As GitLab makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} links to {target}, and {file.name} has no such heading"


#: `test_wrapper.py::test_one_thing`, `heads_protocol.rs::one_thing`: where a page says which test shows what it claims.
NAMED_TEST = re.compile(r"`([\w/-]+\.(?:py|rs))::(\w+)`")


def test_a_test_that_a_page_names_is_there() -> None:
    sources = [*(ROOT / "component-tests").glob("test_*.py"), *(ROOT / "src").rglob("*.rs"), *(ROOT / "tests").rglob("*.rs"),
               *(ROOT / "cli" / "src").rglob("*.rs"), *(ROOT / "cli" / "tests").rglob("*.rs")]
    there = {(file, name) for file in sources for name in re.findall(r"^ *(?:def|fn) (\w+)\(", file.read_text(), re.MULTILINE)}

    named = {(page.name, file, name) for page in DOCS for file, name in NAMED_TEST.findall(page.read_text())}

    assert any(page == "security.md" for page, _, _ in named)
    for page, file, name in sorted(named):
        assert any(str(source).endswith(f"/{file}") and test == name for source, test in there), f"{page} names {file}::{name}, which is not there"
