"""The docs as a book: each page's commands run in order, in one shell, and print what stands under them.

    BOOK=accept .tools/venv/bin/python -m pytest component-tests/test_book.py -k queue

writes what is printed into the page in place of comparing it.

`…` in a line stands for a time, a duration, a digest or an id; a line `… 12 more lines` for twelve lines. A command ends
with exit code 0, unless `Error: ` stands under it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hcl2
import pytest
import yaml

from authority import Authority
from book import ELSEWHERE, HELPERS, PAGES, Page
from conftest import AT_ONCE, COMPILED, NATIVE, ROOT, TOOLS, WASM, Module, WebServer, tool
from ec2 import BIN, Ec2, ec2  # noqa: F401 (a fixture)
from gitlab_stand_in import GitLab
from test_artifacts import validated
from test_firewall import Proxy, Serve, authority, proxy, serve  # noqa: F401 (fixtures)
from test_schema import TEMPLATE

SAMPLE = ROOT / "demo" / "repository" / "night-3"
SHELL_KINDS = ("console", "sh", "bash", "shell")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    kind: str
    indent: str
    text: str

    @property
    def is_shell(self) -> bool:
        return self.kind in SHELL_KINDS

    def begins(self, command: str) -> bool:
        """Whether this is its first command, or the begin of it, as ELSEWHERE names it."""
        return self.text.removeprefix("$ ").startswith(command)


@dataclass
class Command:
    block: Block
    text: str
    printed: list[str] = field(default_factory=list)


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [Block(str(page.relative_to(ROOT)), text.count("\n", 0, found.start()) + 1, found[2], found[1], textwrap.dedent(found[3]))
            for found in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)]


BLOCKS = [block for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]) for block in blocks_of(page)]
SHELL_BLOCKS = [block for block in BLOCKS if block.is_shell]


def is_whole(command: str) -> bool:
    parsed = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    return parsed.returncode == 0 and not command.rstrip().endswith("\\")


def commands_of(block: Block) -> list[Command]:
    """Of a console those after `$ `, each with what is printed; of a script its lines."""
    commands: list[Command] = []
    for line in block.text.splitlines():
        if block.kind != "console":
            commands.append(Command(block, line))
        elif line.startswith("$ "):
            commands.append(Command(block, line[2:]))
        elif commands and line.startswith("    ") and not commands[-1].printed and not is_whole(commands[-1].text):
            commands[-1].text += f"\n{line}"
        else:
            assert commands, f"{block.page}:{block.line} prints something before any command"
            commands[-1].printed.append(line)
    return commands


def elsewhere(block: Block) -> str | None:
    """Why a block does not run here, or which test runs it."""
    found = [reason for (page, command), reason in ELSEWHERE.items() if page == block.page and block.begins(command)]
    return found[0] if found else None


# ---------------------------------------------------------------- what is printed

#: What differs each time.
ELIDED = (r"(?:\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?(?:Z| UTC)?)?|just now|\d+ (?:second|minute|hour|day)s? ago"
          r"|\d+(?:\.\d+)? ?m?s|[0-9a-f]{8,64}|\d+)")
MORE_LINES = re.compile(r"… (\d+) more lines?")


def is_as_printed(printed: list[str], said: list[str]) -> bool:
    left = list(said)
    for line in printed:
        if more := MORE_LINES.fullmatch(line):
            count = int(more[1])
            if len(left) < count:
                return False
            del left[:count]
        elif not left or not re.fullmatch(ELIDED.join(map(re.escape, line.split("…"))), left.pop(0)):
            return False
    return not left


@pytest.mark.parametrize(("printed", "said", "same"), [
    (["a"], ["a"], True),
    (["a"], ["a", "b"], False),
    (["a", "b"], ["a"], False),
    ([], ["a"], False),
    (["built … ago"], ["built 3 days ago"], False),
    (["built … by mary"], ["built 2026-11-24 02:00 UTC by mary"], True),
    (["built … by mary"], ["built 3 days ago by mary"], True),
    (["built … by mary"], ["built somehow by mary"], False),
    (["ami-…"], ["ami-0c7c531040a1b2c3d"], True),
    (["ami-…"], ["ami-of-mary"], False),
    (["…"], ["whatever it is"], False),
    (["a", "… 2 more lines"], ["a", "b", "c"], True),
    (["a", "… 2 more lines"], ["a", "b", "c", "d"], False),
    (["a", "… 2 more lines"], ["a", "b"], False),
    (["… 1 more line", "c"], ["a", "c"], True),
])
def test_an_ellipsis_stands_for_what_differs_each_time_and_for_so_many_lines(printed: list[str], said: list[str], same: bool) -> None:
    assert is_as_printed(printed, said) is same


# ---------------------------------------------------------------- a page that runs


@dataclass
class Shell:
    """A folder in which a page's commands run, with the sample repository as `repo` and that of some nights before as `repo-before`."""

    folder: Path
    environment: dict[str, str]
    #: What stands on a page, and what it is here.
    places: list[tuple[str, str]]

    def add_program(self, name: str, script: str) -> None:
        program = self.folder.parent / "programs" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def here(self, text: str) -> str:
        for on_the_page, here in self.places:
            text = text.replace(on_the_page, here)
        return text

    def on_the_page(self, text: str) -> str:
        for on_the_page, here in self.places:
            text = text.replace(here, on_the_page)
        return text

    def play(self, page: Page, commands: list[Command]) -> list[tuple[int, list[str]]]:
        """The exit code of each command, and the lines that it prints."""
        script = ["exec 2>&1", *self.prepared(page.before)]
        for name in page.begins_with:
            script += [f"{self.here(command.text)} >/dev/null" for block in blocks_of(ROOT / name) if block.is_shell for command in commands_of(block)]
        blocks: list[Block] = []
        for command in commands:
            if command.block not in blocks:
                script += [f"export AMI_SCHEDULER_NOW={now}" for now in page.now[len(blocks):len(blocks) + 1]]
                blocks.append(command.block)
                script += self.prepared(page.between.get(len(blocks), ""))
            script += ["printf '\\036'", self.here(command.text), "printf '\\036%s' $?"]
        (self.folder / "page.sh").write_text("\n".join(script))
        done = subprocess.run(["bash", "-o", "pipefail", "page.sh"], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, timeout=280, check=False)
        told = done.stdout.split("\036")
        assert done.returncode != 99 and len(told) == 2 * len(commands) + 1, done.stdout
        return [(int(code), self.on_the_page(said).splitlines()) for said, code in zip(told[1::2], told[2::2], strict=True)]

    def prepared(self, script: str) -> list[str]:
        """What goes before, in a shell of its own, which says nothing unless it fails."""
        if not script:
            return []
        # Not with ||, before which a shell goes on after an error.
        return ["( set -e", HELPERS, self.here(script), ") >prepared 2>&1", "[ $? = 0 ] || { cat prepared; exit 99; }"]


@pytest.fixture
def shell(ami: Module, tmp_path: Path) -> Shell:
    programs, share = tmp_path / "programs", tmp_path / "share" / "ami-scheduler"
    programs.mkdir()
    if ami.is_native:
        (programs / "ami-scheduler").symlink_to(NATIVE)
    else:  # as in the component's image
        shutil.copy(ROOT / "cli" / "wrapper" / "ami-scheduler", programs)
        share.mkdir(parents=True)
        (share / "ami-scheduler.cwasm").symlink_to(COMPILED)
    shutil.copytree(SAMPLE, ami.folder / "repo")
    shutil.copytree(SAMPLE.with_name("night-1"), ami.folder / "repo-before")
    environment = {"PATH": f"{programs}:{TOOLS}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8", "AMI_SCHEDULER_WASM": "", **AT_ONCE}
    return Shell(ami.folder, environment, [])


def give_web(shell: Shell, web: WebServer) -> None:
    shutil.copytree(SAMPLE, web.folder / "el" / "9" / "x86_64")
    host = web.url.removeprefix("http://")
    shell.places += [("https://$YUM_USER:$YUM_PASSWORD@yum.example.com", f"http://$YUM_USER:$YUM_PASSWORD@{host}"), ("https://yum.example.com", web.url)]


def give_release(shell: Shell, web: WebServer) -> None:
    """What a release has; the native program is another one that runs."""
    release = web.folder / "release"
    release.mkdir()
    shutil.copy(WASM, release / "ami-scheduler.wasm")
    shutil.copy(ROOT / "cli" / "wrapper" / "ami-scheduler", release / "ami-scheduler-x86_64-unknown-linux-gnu")
    sums = subprocess.run(["sha256sum", *sorted(os.listdir(release))], cwd=release, capture_output=True, text=True, check=True).stdout
    (release / "SHA256SUMS").write_text(sums)
    shell.places.append(("https://gitlab.example.com/platform/ami-scheduler/-/releases/1.2.3/downloads", f"{web.url}/release"))


def give_module(shell: Shell, wasm: Path) -> None:
    (shell.folder / "ami-scheduler.wasm").symlink_to(wasm)


def give_runner(shell: Shell, tmp_path: Path) -> None:
    """A machine of which /usr/local is a folder of the test's, with wasmtime in the present folder."""
    local = tmp_path / "usr-local"
    shell.add_program("sudo", "[ $1 != -i ] || shift 3; PATH=$USR_LOCAL/bin:/usr/bin:/bin exec \"$@\"")
    (local / "bin").mkdir(parents=True)
    shutil.copy(tool("wasmtime"), shell.folder / "wasmtime")
    [version] = re.findall(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    shell.environment |= {"PATH": f"{local}/bin:{shell.environment['PATH']}", "USR_LOCAL": str(local)}
    shell.places += [("/usr/local", str(local)), ("ami-scheduler 1.2.3", f"ami-scheduler {version}")]


def give_gitlab(shell: Shell, gitlab: GitLab) -> None:
    shell.places += [("https://gitlab.example.com/api/v4", gitlab.api_url), ("glpat-…", "glpat-maintainer")]
    shell.environment |= {"CI_API_V4_URL": gitlab.api_url, "CI_PROJECT_ID": "42", "AMI_SCHEDULER_TOKEN": "glpat-maintainer"}


def give_aws(shell: Shell, ec2: Ec2) -> None:  # noqa: F811
    shell.add_program("aws", f'exec {shlex.quote(str(BIN / "aws"))} "$@"')
    shell.environment |= ec2.environment


@pytest.fixture
def company(authority: Authority, serve: Serve, proxy: Callable[..., Proxy]) -> tuple[Authority, WebServer, Proxy]:  # noqa: F811
    server = serve(authority.issue("localhost"))
    shutil.copytree(SAMPLE, server.folder / "el" / "9")
    return authority, server, proxy(server.url + "/")


def give_company(shell: Shell, company: tuple[Authority, WebServer, Proxy]) -> None:
    """A private authority, and a proxy."""
    authority, server, proxy = company  # noqa: F811
    shell.places += [("http://proxy.example.com:3128", proxy.url()), ("/etc/ssl/acme-root.pem", str(authority.pem)), ("https://yum.acme.example", server.url)]


#: What a page may need: a fixture, and how its shell gets it.
NEEDS: dict[str, tuple[str, Callable[..., None]]] = {
    "web": ("web", give_web), "gitlab": ("gitlab", give_gitlab), "ec2": ("ec2", give_aws), "company": ("company", give_company),
    "release": ("web", give_release), "module": ("wasm", give_module), "runner": ("tmp_path", give_runner)}


@pytest.mark.parametrize("name", sorted({block.page for block in SHELL_BLOCKS if not elsewhere(block)}))
def test_a_page_prints_what_it_says(name: str, shell: Shell, request: pytest.FixtureRequest) -> None:
    page = PAGES[name]
    for fixture, give in map(NEEDS.get, page.needs):
        give(shell, request.getfixturevalue(fixture))
    shell.environment |= page.variables
    if page.clone:
        shutil.copytree(SAMPLE.parent, shell.folder / "demo" / "repository")
    commands = [command for block in SHELL_BLOCKS if block.page == name and not elsewhere(block) for command in commands_of(block)]

    ran = shell.play(page, commands)

    if os.environ.get("BOOK") == "accept":
        accept(ROOT / name, commands, [said for _, said in ran])
        return
    for command, (code, said) in zip(commands, ran, strict=True):
        ran_as = "\n".join([f"{name}:{command.block.line}", f"$ {command.text}", *said, f"exit code {code}"])
        assert is_as_printed(command.printed, said), "\n".join([ran_as, "", "but the page says", "", *command.printed])
        assert (code != 0) == any(line.startswith("Error: ") for line in said), ran_as


def accept(page: Path, commands: list[Command], said: list[list[str]]) -> None:
    """Writes what was printed where the page says otherwise."""
    text = page.read_text()
    for block in dict.fromkeys(command.block for command in commands):
        lines: list[str] = []
        for command, printed in zip(commands, said, strict=True):
            if command.block == block:
                keeps = block.kind != "console" or is_as_printed(command.printed, printed)
                lines += [f"$ {command.text}" if block.kind == "console" else command.text, *(command.printed if keeps else printed)]
        old = textwrap.indent(block.text, block.indent)
        assert text.count(old) == 1, f"{block.page}:{block.line} stands there twice"
        text = text.replace(old, textwrap.indent("\n".join(lines) + "\n", block.indent))
    page.write_text(text)


# ---------------------------------------------------------------- no block is forgotten


def test_every_block_of_commands_runs_or_is_said_not_to(record_property: Callable[[str, object], None]) -> None:
    forgotten = [f"{block.page}:{block.line}: {block.text.splitlines()[0]}" for block in SHELL_BLOCKS if not elsewhere(block) and block.page not in PAGES]
    assert not forgotten, "in neither table of book.py: " + "\n".join(forgotten)
    for page, command in ELSEWHERE:
        found = [block for block in SHELL_BLOCKS if block.page == page and block.begins(command)]
        assert len(found) == 1, f"book.py names {page}, {command!r}, which begins {len(found)} blocks"
    assert not set(PAGES) - {block.page for block in SHELL_BLOCKS if not elsewhere(block)}, "book.py prepares a page that runs nothing"

    reasons = Counter(reason for block in SHELL_BLOCKS if (reason := elsewhere(block)))
    by_a_test = {reason: count for reason, count in reasons.items() if reason.startswith("test_")}
    for reason in by_a_test:
        file, _, name = reason.partition("::")
        assert f"def {name}(" in (ROOT / "component-tests" / file).read_text(), reason
    told = [f"{sum(not elsewhere(block) for block in SHELL_BLOCKS)} blocks of commands in the docs run here, {sum(by_a_test.values())} in other tests, "
            f"{sum(reasons.values()) - sum(by_a_test.values())} cannot run:"]
    told += [f"{count:4}  {reason}" for reason, count in sorted(reasons.items())]
    record_property("told", "\n".join(told))


def test_a_make_target_of_the_docs_is_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = "".join(page.read_text() for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
    named = set(re.findall(r"(?:^\$ |^|`)make ([a-z-]+)(?=[ `\n])", pages, re.MULTILINE))
    assert named and not named - targets


def test_a_test_that_contributing_runs_by_its_name_is_there() -> None:
    names = {".rs": r"fn (\w+)\(", ".py": r"def (test_\w+)\("}
    typed = "\n".join(block.text for block in blocks_of(ROOT / "CONTRIBUTING.md"))
    run = re.findall(r"cargo test --package (\S+) (?:--test core )?(\w+)$|pytest (?:--native )?component-tests/(\S+) -k (\w+)$", typed, re.MULTILINE)
    assert len(run) >= 4
    for package, rust, file, python in run:
        folders = [ROOT / "src", ROOT / "tests" / "core"] if package == "ami-scheduler" else [ROOT / "cli" / "src"]
        files = [ROOT / "component-tests" / file] if file else [source for folder in folders for source in folder.rglob("*.rs")]
        found = {name for source in files for name in re.findall(names[source.suffix], source.read_text())}
        found |= {f"test_a_page_prints_what_it_says[{page}]" for page in PAGES if file == "test_book.py"}
        assert any((rust or python) in name for name in found), f"no test of {file or package} is named {rust or python}"


def test_what_looks_like_a_console_says_that_it_is_one() -> None:
    """`--help`, whose examples test_docs.py runs, is text."""
    for block in BLOCKS:
        if block.page != "docs/commands.md" and block.kind != "console":
            assert not re.search(r"^\$ ", block.text, re.MULTILINE), f"{block.page}:{block.line}"


# ---------------------------------------------------------------- what is not for a shell


def includes_of(documents: list[object]) -> Iterator[dict[str, object]]:
    """The inputs of the component, of an `include` or alone."""
    for document in documents:
        if isinstance(document, dict):
            includes = document.get("include", [])
            found = [include.get("inputs", {}) for include in includes if "scheduled-build" in str(include.get("component"))]
            yield from found if "include" in document else [document.get("inputs", {})]


def test_yaml_is_yaml_and_names_inputs_that_there_are() -> None:
    inputs = next(yaml.safe_load_all(TEMPLATE.read_text()))["spec"]["inputs"]
    named: set[str] = set()
    for block in BLOCKS:
        if block.kind in ("yaml", "yml"):
            # `…` stands for the inputs that a page is not about.
            documents = list(yaml.safe_load_all(block.text.replace(", …}", "}")))
            for given in includes_of(documents):
                assert set(given) <= set(inputs), f"{block.page}:{block.line} gives {sorted(set(given) - set(inputs))}"
                named |= set(given)
    assert len(named) > 10


def test_json_is_what_its_schema_says() -> None:
    documents = [json.loads(block.text) for block in BLOCKS if block.kind == "json"]
    # What a team writes has no format of ours.
    of_a_format = [document for document in documents if "format" in document]
    assert of_a_format
    for document in of_a_format:
        validated(document["format"].split("/")[1], document)


def test_hcl_is_hcl() -> None:
    blocks = [block for block in BLOCKS if block.kind == "hcl"]
    assert blocks and all(hcl2.loads(block.text) for block in blocks)


# ---------------------------------------------------------------- the index


def pages_of(index: Path) -> list[Path]:
    return [(index.parent / target.partition("#")[0]).resolve() for target in re.findall(r"\]\(([^)\s:]+\.md)[^)]*\)", index.read_text())]


def test_every_page_is_on_the_index_once() -> None:
    """Those of rules/ and how-to/ on their own, which the index names."""
    docs = ROOT / "docs"
    indexes = [docs / "README.md", docs / "rules" / "README.md", docs / "how-to" / "README.md"]
    named = Counter(pages_of(indexes[0]))
    for index in indexes[1:]:
        assert named[index] == 1, index
        named.update({page for page in pages_of(index) if page.parent == index.parent})
    for page in sorted(docs.rglob("*.md")):
        if page != indexes[0]:
            assert named[page] == 1, f"{page.relative_to(docs)} is on the index {named[page]} times"
