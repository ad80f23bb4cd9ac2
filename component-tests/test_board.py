"""The board: JUnit for GitLab's Tests tab, Markdown, the table of a terminal, the progress of a download."""

from __future__ import annotations

import functools
import os
import pty
import re
import subprocess
import threading
import time
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cmarkgfm
import pytest
from junitparser import JUnitXml, TestCase

import board
from conftest import Consumer, Module
from gitlab_stand_in import GitLab
from repositories import Repository
from test_module import CHILD, write_packages

HOSTILE = "</skipped>]]>&amp;'\"|`\x01\x1b[2J\u202e\ufffe\nline two 漢字 \U0001f600"


def cases(path: Path) -> dict[str, TestCase]:
    """`al2023 gitlab-runner-18.6.0-1.x86_64` → its test case, as junitparser reads it."""
    found = {f"{case.classname} {case.name}": case for suite in JUnitXml.fromfile(str(path)) for case in suite}
    for suite in JUnitXml.fromfile(str(path)):
        assert suite.tests == len(list(suite))
        assert suite.failures == sum(case.is_failure for case in suite)
        assert suite.skipped == sum(case.is_skipped for case in suite)
    return found


def text(case: TestCase) -> str:
    """What GitLab shows of a case: the text of its result, or its output."""
    return case.result[0].text if case.result else case.system_out


# ---------------------------------------------------------------- JUnit and Markdown


def test_each_release_and_target_is_a_case_with_its_reason(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    tracker = ("--tracker", "tracker", "--ref", "main")
    write_packages(ami, "18.5.0-1", "18.6.0-1")

    def diff(pipeline: int, *more: str) -> dict[str, TestCase]:
        run = ami("diff", "--targets", "al2023,rhel9", *tracker, *CHILD, "--pipeline", pipeline, "--markdown", "builds.md",
                  "--junit", "junit.xml", "--fail-on", "", *more)
        assert run.code == 0, run.all
        return cases(ami.folder / "junit.xml")

    first = diff(1, "--now", "2026-11-24T02:00:00Z")
    assert first["al2023 gitlab-runner-18.6.0-1.x86_64"].is_skipped
    assert text(first["al2023 gitlab-runner-18.6.0-1.x86_64"]) == "to be built: first run for this target"
    assert text(first["rhel9 gitlab-runner-18.5.0-1.x86_64"]) == "skipped: there at the first run"

    update = ami("update", *tracker, "--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "al2023", "--note", f"AMI_ID={HOSTILE}",
                 "--junit", "junit.xml", "--now", "2026-11-24T02:20:34Z")
    assert update.code == 0, update.all
    built = cases(ami.folder / "junit.xml")["al2023 gitlab-runner-18.6.0-1.x86_64"]
    assert (built.is_passed, built.time) == (True, 1234)
    assert "AMI_ID=</skipped>]]>&amp;'\"|`??[2J???line two 漢字 \U0001f600" in text(built)

    settle = ami("settle", *tracker, "--pipeline", 1, "--pipeline-url", "https://gitlab.example.com/p/1", "--junit", "junit.xml")
    assert settle.code == 0, settle.all
    (failed,) = cases(ami.folder / "junit.xml").values()
    assert (failed.classname, failed.is_failure) == ("rhel9", True)
    assert "https://gitlab.example.com/p/1" in text(failed)

    forgotten = ami("rebuild", "gitlab-runner-18.6.0-1.x86_64", *tracker, "--target", "al2023", "--reason", HOSTILE)
    assert forgotten.code == 0, forgotten.all
    again = diff(2, "--max-attempts", "1")
    assert "asked for again: </skipped>]]>&amp;'\"|`??[2J" in text(again["al2023 gitlab-runner-18.6.0-1.x86_64"])
    given_up = again["rhel9 gitlab-runner-18.6.0-1.x86_64"]
    assert given_up.is_failure and "given up after 1 attempt" in text(given_up)
    builds = ami.json("builds.json")
    explained = {(row["package"], row["target"], "".join(c if c.isprintable() else "?" for c in row["explanation"]))
                 for row in [*builds["builds"], *builds["held"]]}
    assert set(cells((ami.folder / "builds.md").read_text())) == explained


def cells(markdown: str) -> list[tuple[str, ...]]:
    """The rows of a text's tables, as cmark-gfm reads it; nothing in it may have become markup."""
    rows: list[list[str]] = []

    class Rows(HTMLParser):
        inside = False

        def handle_starttag(self, tag: str, attributes: object) -> None:
            assert tag in {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "a", "ul", "li"}, tag
            self.inside = tag in {"td", "code", "a"} and (self.inside or tag == "td")
            if tag == "tr":
                rows.append([])
            elif tag == "td":
                rows[-1].append("")

        def handle_endtag(self, tag: str) -> None:
            self.inside = self.inside and tag != "td"

        def handle_data(self, data: str) -> None:
            if self.inside:
                rows[-1][-1] += data

    Rows().feed(cmarkgfm.github_flavored_markdown_to_html(markdown))
    return [tuple(row) for row in rows if row]


def test_a_diff_that_fails_leaves_no_report(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, "18.6.0-1")
    run = ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", *CHILD, "--markdown", "builds.md",
              "--junit", "no-such-folder/junit.xml")
    assert run.code == 1 and "cannot write no-such-folder/junit.xml" in run.err
    assert sorted(path.name for path in ami.folder.iterdir()) == ["packages.json", "tracker"]
    assert list((ami.folder / "tracker").iterdir()) == []


@pytest.mark.consumer("status-page")
def test_the_jobs_of_a_night_hand_their_reports_to_gitlab(consumer: Consumer, gitlab: GitLab, repository: Repository) -> None:
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()

    night = consumer.schedule(fails="18.6.0 rhel9")

    reports = consumer.folder / ".gitlab-ci-local" / "artifacts"
    junit = sorted(reports.rglob("junit.xml"))
    told = {key: case for path in junit for key, case in cases(path).items()}
    assert {key: (case.is_passed, case.is_failure) for key, case in told.items()} == {
        "al2023 gitlab-runner-18.6.0-1.x86_64": (True, False), "rhel9 gitlab-runner-18.6.0-1.x86_64": (False, True)}, night.log
    page = (reports / "pages" / "public" / "index.html").read_text()
    assert page == night.artifact("status", "status.html")
    assert "ami-18.6.0-al2023" in page


@pytest.mark.consumer("status-page")
def test_the_page_tells_the_alarms_of_its_night(consumer: Consumer, repository: Repository) -> None:
    repository.add(*[f"gitlab-runner-18.{minor}.0-1.x86_64" for minor in range(5)]).publish()
    night = consumer.schedule()
    assert night.code == 0 and 'class="alarm"' not in night.artifact("status", "status.html"), night.log
    for file in repository.folder.glob("Packages/*.rpm"):
        file.unlink()
    repository.add("gitlab-runner-18.9.0-1.x86_64").publish()

    night = consumer.schedule()

    assert f"{repository.url} has 1 release now, and had 5." in night.artifact("status", "status.html"), night.log
    assert f"WARNING: gitlab-runner on main: {repository.url} has 1 release now, and had 5." in night.log


# ---------------------------------------------------------------- the terminal


def in_a_terminal(command: list[str], env: dict[str, str]) -> str:
    """What a command writes to a terminal that is its stdout and stderr."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | env)
    os.close(theirs)
    written = b""
    while True:
        try:
            written += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert process.wait() == 0, written.decode()
    return written.decode()


@pytest.mark.parametrize(("env", "options", "coloured"), [
    ({}, [], True),
    ({"TERM": "dumb"}, [], False),
    ({"NO_COLOR": "1"}, [], False),
    ({"NO_COLOR": ""}, [], True),
    ({"NO_COLOR": "1"}, ["--color", "always"], True),
    ({}, ["--color", "never"], False),
])
def test_a_terminal_gets_colours_unless_it_does_not_want_them(
        ami: Module, env: dict[str, str], options: list[str], coloured: bool) -> None:
    (ami.folder / "tracker").mkdir()
    board.fill(ami.folder / "tracker")
    module = Module(ami.wasm, ami.folder, env)

    shown = in_a_terminal(module.command("status", "--tracker", "tracker", "--now", board.NOW, *options), {})

    assert ("\x1b[31m" in shown) == coloured, shown
    assert re.sub(r"\x1b\[\d*m", "", shown).replace("\r", "") == ami("status", "--tracker", "tracker", "--now", board.NOW).out


def test_what_is_no_terminal_gets_plain_text(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    board.fill(ami.folder / "tracker")
    plain = ami("status", "--tracker", "tracker", "--now", board.NOW).out
    assert "\x1b" not in plain and "gitlab-runner on main: 1 failed, 1 building, 1 pending, 15 built, 6 skipped" in plain
    assert "\x1b[31mfailed" in ami("status", "--tracker", "tracker", "--now", board.NOW, "--color", "always").out
    assert ami("status", "--tracker", "tracker", "--now", board.NOW, "--color", "always", "--output", "status.txt").all == ""
    assert (ami.folder / "status.txt").read_text() == plain


# ---------------------------------------------------------------- the progress of a download


class Slow(BaseHTTPRequestHandler):
    """Serves a folder; primary comes in four pieces, a second apart."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.folder = folder
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        file = self.folder / self.path.lstrip("/")
        self.send_response(200 if file.is_file() else 404)
        content = file.read_bytes() if file.is_file() else b""
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        pieces = 4 if "primary" in self.path else 1
        for number in range(pieces):
            self.wfile.write(content[len(content) * number // pieces:len(content) * (number + 1) // pieces])
            self.wfile.flush()
            if pieces > 1:
                time.sleep(1)

    def log_message(self, *_: object) -> None:
        pass


def test_a_long_download_shows_its_progress_to_a_terminal_alone(ami: Module, repository: Repository) -> None:
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Slow, repository.folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    command = ami.command("list", "--repo-url", url, "--product", "gitlab-runner")

    shown = in_a_terminal(command, {})

    lines = re.findall(r"\r\x1b\[K([^\r\x1b]*primary\.xml\.\w+: [^\r\x1b]*)", shown)
    assert lines and all(re.fullmatch(r"\S+primary\.xml\.\w+: \d+\.\d of \d+\.\d MB, \d+ %", line) for line in lines), shown
    assert shown.index("\r\x1b[K1 release") > shown.index(lines[-1])
    job = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "MB" not in job.stdout + job.stderr and "\x1b" not in job.stdout + job.stderr
    server.shutdown()


