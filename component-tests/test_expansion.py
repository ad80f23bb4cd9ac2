"""GitLab expands `$NAME` and `%NAME%` in variables, secrets among them. Nothing that a repository says is expanded, in
any variable of any pipeline that is written or shown: each value reaches its job byte for byte."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
import yaml

from conftest import ROOT, Module, tool
from test_module import CHILD

SECRETS = {name: f"s3cret-{name}" for name in ("CI_JOB_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "AB", "ACCESS_KEY", "E2")}
#: `Gitlab::Ci::Variables::Collection::Item::VARIABLES_REGEXP`
EXPANDED = re.compile(r"\$\$|%%|\$([a-zA-Z_]\w*)|\$\{([a-zA-Z_]\w*)?\}|%([a-zA-Z_]\w*)%", re.ASCII)
#: Parts of URLs. The last ones are left out: they have a % that begins no escape.
ESCAPED = ["$CI_JOB_TOKEN", "${AWS_SECRET_ACCESS_KEY}", "$$", "a/$DB_PASSWORD/b", "{{ansible_env.AB}}", "`id`;(x)", "p/a+b:c,d=e", "@group/x",
           "%DB_PASSWORD%41", "%AB%CD", "%24CI_JOB_TOKEN", "%E2%82%ACCESS_KEY%20", "%25CI_JOB_TOKEN%25"]
LEFT_OUT = ["%CI_JOB_TOKEN%", "a/%AWS_SECRET_ACCESS_KEY%/b", "%%", "100%", "%AB%"]


def expanded(value: str) -> str:
    return EXPANDED.sub(lambda found: SECRETS.get(found[1] or found[2] or found[3] or "", ""), value)


def variables_of(pipeline: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The variables of each job (or of all: ``) as they reach it."""
    def reach(variables: dict[str, Any]) -> dict[str, str]:
        return {name: str(value["value"]) if isinstance(value, dict) and value.get("expand") is False
                else expanded(str(value["value"] if isinstance(value, dict) else value)) for name, value in variables.items()}

    jobs = {name: job for name, job in pipeline.items() if isinstance(job, dict)}
    return {"": reach(pipeline.get("variables", {}))} | {name: reach(job.get("variables", {})) for name, job in jobs.items()}


def elsewhere(node: Any) -> Iterator[str]:
    """What else GitLab expands: all texts but those of variables and scripts."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in ("variables", "script", "before_script", "after_script"):
                yield from elsewhere(value)
    elif isinstance(node, list):
        for value in node:
            yield from elsewhere(value)
    else:
        yield str(node)


def assert_nothing_is_expanded(pipeline: dict[str, Any], builds: list[dict[str, Any]], job: str, given: dict[str, str]) -> None:
    """`job` is the form of a job's name, and `given` which field of a build each of its variables has."""
    jobs = variables_of(pipeline)
    for build in builds:
        expected = {name: str(build[field] or "") for name, field in given.items()}
        found = jobs[job.format(**build)]
        assert {name: found[name] for name in given} == expected
    assert "s3cret" not in json.dumps(jobs), jobs
    for text in elsewhere(pipeline):
        assert expanded(text) == text


# ---------------------------------------------------------------- each place that a mirror writes to


class Mirror(BaseHTTPRequestHandler):
    """Answers whatever the path: by `answer`, which tells by its end what is asked for."""

    def do_GET(self) -> None:
        status, headers, body = self.server.answer(self.path)  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str], Answer]], str]]:
    servers = []

    def start(answer: Callable[[str], Answer]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
        server.answer = answer  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()


NOTHING: Answer = (404, {}, b"")


def found(body: str | bytes) -> Answer:
    return 200, {}, body if isinstance(body, bytes) else body.encode()


def repodata(locations: list[str]) -> Callable[[str], Answer]:
    """A repository of a release for each of the locations, which are the attributes of `<location>`."""
    packages = "".join(
        f'<package type="rpm"><name>gitlab-runner</name><arch>x86_64</arch><version epoch="0" ver="18.{number}" rel="1"/>'
        f'<checksum type="sha256" pkgid="YES">{number:064x}</checksum><location {location}/></package>' for number, location in enumerate(locations))
    primary = gzip.compress(f'<metadata xmlns="http://linux.duke.edu/metadata/common">{packages}</metadata>'.encode())
    digest = hashlib.sha256(primary).hexdigest()
    repomd = (f'<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><checksum type="sha256">{digest}</checksum>'
              '<location href="repodata/primary.xml.gz"/></data></repomd>')
    answers = {"/repodata/repomd.xml": repomd.encode(), "/repodata/primary.xml.gz": primary}
    return lambda path: next((found(body) for end, body in answers.items() if path.endswith(end)), NOTHING)


def rpm(number: int) -> str:
    return f"gitlab-runner-18.{number}-1.x86_64.rpm"


def links(folders: list[str]) -> str:
    return "".join(f"<a href={quoteattr(f'{folder}/{rpm(number)}')}>x</a>" for number, folder in enumerate(folders))


def lists_and_builds(ami: Module, repo_url: str, releases: int, left_out: int) -> None:
    listed = ami("list", "--repo-url", repo_url, "--product", "gitlab-runner")
    assert listed.code == 0, listed.all
    assert len(ami.json("packages.json")["packages"]) == releases, listed.all
    warnings = [line for line in listed.err.splitlines() if " is left out: " in line]
    assert len(warnings) == left_out and all(re.match(r"WARNING: gitlab-runner-18\.\d+-1\.x86_64 is left out: its l", line) for line in warnings), listed.err
    (ami.folder / "tracker").mkdir(exist_ok=True)
    planned = ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", "--first-run", "all", "--max-builds", 200, *CHILD)
    assert planned.code == 0, planned.all
    builds = ami.json("builds.json")["builds"]
    assert len(builds) == releases
    for build in builds:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/([A-Za-z0-9._~/-]|%[0-9A-Fa-f]{2})+", build["package_url"])
    pipeline = yaml.safe_load((ami.folder / "child-pipeline.yml").read_text())
    assert_nothing_is_expanded(pipeline, builds, "build: [{version}-{release}.{arch}, {target}]", {
        "PRODUCT": "product", "VERSION": "version", "RELEASE": "release", "ARCH": "arch", "PACKAGE": "package", "PACKAGE_URL": "package_url",
        "PACKAGE_SHA256": "package_sha256", "TARGET": "target"})
    assert_nothing_is_expanded(pipeline, builds, "update: [{version}-{release}.{arch}, {target}]", {
        "AMI_SCHEDULER_PACKAGE": "package", "AMI_SCHEDULER_TARGET": "target", "AMI_SCHEDULER_CLAIM": "claim"})


def test_the_rule_is_gitlabs() -> None:
    assert expanded("$$ %% $AB ${AB} %AB% %41 %NONE% ab") == "  s3cret-AB s3cret-AB s3cret-AB %41  ab"
    assert expanded("%DB_PASSWORD%41") == "s3cret-DB_PASSWORD41", "valid escapes are a variable to GitLab"


@pytest.mark.parametrize("place", ["href", "xml:base", "both"])
def test_a_location_in_repodata_is_expanded_nowhere(ami: Module, serve: Callable[..., str], place: str) -> None:
    """Field tests, security 1, component 1."""
    forms: dict[str, Callable[[str, int], str]] = {
        "href": lambda text, number: f"href={quoteattr(f'{text}/{rpm(number)}')}",
        "xml:base": lambda text, number: f"xml:base={quoteattr(text)} href={quoteattr(rpm(number))}",
        "both": lambda text, number: f"xml:base={quoteattr('pool/' + text)} href={quoteattr(f'{text}/{rpm(number)}')}",
    }
    # An href is a path, of which every character is one of a file's name.
    queries = ["x?a&id&", "x?{{ansible_env.AB}}"] if place == "href" else []
    locations = [forms[place](text, number) for number, text in enumerate(["plain", *ESCAPED, *LEFT_OUT, *queries])]
    left_out = 0 if place == "href" else len(LEFT_OUT)

    lists_and_builds(ami, serve(repodata(locations)), len(locations) - left_out, left_out)


def test_a_link_of_an_index_is_expanded_nowhere(ami: Module, serve: Callable[..., str]) -> None:
    page = links(["plain", *ESCAPED, *LEFT_OUT])
    page += f'<a href="x/{rpm(900)}?a&amp;id&amp;"><a href="x/{rpm(901)}?{{{{ansible_env.AB}}}}">'

    # The query of a link is not the file's.
    url = serve(lambda path: found(page) if path == "/el9/" else NOTHING)

    lists_and_builds(ami, f"{url}/el9/", 1 + len(ESCAPED) + 2, len(LEFT_OUT))


@pytest.mark.parametrize("text", [*ESCAPED[:4], *ESCAPED[-5:]])
def test_where_an_index_redirects_to_is_expanded_nowhere(ami: Module, serve: Callable[..., str], text: str) -> None:
    def answer(path: str) -> Answer:
        if path == "/el9/":
            return 302, {"Location": f"/moved/{text}/"}, b""
        return found(links([".", "./a"])) if path.startswith("/moved/") else NOTHING

    lists_and_builds(ami, serve(answer) + "/el9/", 2, 0)


def test_an_index_that_redirects_to_what_is_no_escape_has_no_release(ami: Module, serve: Callable[..., str]) -> None:
    def answer(path: str) -> Answer:
        return (302, {"Location": "/%CI_JOB_TOKEN%/"}, b"") if path == "/el9/" else found(links(["."])) if "TOKEN" in path else NOTHING

    run = ami("list", "--repo-url", serve(answer) + "/el9/", "--product", "gitlab-runner")

    assert run.code == 3 and not (ami.folder / "packages.json").exists()
    assert "WARNING: gitlab-runner-18.0-1.x86_64 is left out: its link cannot be used" in run.err
    assert "Error: gitlab-runner has 1 release in http://127.0.0.1:" in run.err and "and none that can be used: gitlab-runner-18.0" in run.err


@pytest.mark.parametrize("kind", ["mirrorlist", "metalink"])
@pytest.mark.parametrize("text", [*ESCAPED[4:8], *ESCAPED[-5:], *LEFT_OUT])
def test_a_mirror_is_expanded_nowhere_or_passed_over(ami: Module, serve: Callable[..., str], kind: str, text: str) -> None:
    """The second one of the list is plain."""
    mirror = repodata([f"href={quoteattr(rpm(0))}"])
    url = serve(lambda path: found(the_list) if path.startswith("/list?") else mirror(path))
    mirrors = [f"{url}/{text}/", f"{url}/plain/"]
    the_list = "\n".join(mirrors)
    if kind == "metalink":
        the_list = "".join(f"<url preference='{9 - number}'><![CDATA[{mirror}repodata/repomd.xml]]></url>" for number, mirror in enumerate(mirrors))
        the_list = f"<metalink><files><file name='repomd.xml'><resources>{the_list}</resources></file></files></metalink>"

    lists_and_builds(ami, f"{url}/list?repo=el9", 1, 0)

    assert ("/plain/" in ami.json("packages.json")["packages"][0]["url"]) == (text in LEFT_OUT or text == "@group/x")


# ---------------------------------------------------------------- the examples' own generators


def jsonnet(folder: Path) -> str:
    script = "import sys, _jsonnet; sys.stdout.write(_jsonnet.evaluate_file('child-pipeline.jsonnet'))"
    return subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout


def terraform(folder: Path) -> str:
    for words in (["init", "-input=false"], ["apply", "-input=false", "-auto-approve"], ["output", "-raw", "child_pipeline"]):
        done = subprocess.run([tool("terraform"), *words], cwd=folder, capture_output=True, text=True, check=False, env={
            "PATH": "/usr/bin:/bin", "HOME": str(folder), "CHECKPOINT_DISABLE": "1"})
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("generate", [jsonnet, terraform])
def test_an_example_hands_on_whatever_is_in_builds_json(ami: Module, serve: Callable[..., str], tmp_path: Path,
                                                        generate: Callable[[Path], str]) -> None:
    """Even URLs that ami-scheduler would never write there."""
    lists_and_builds(ami, serve(repodata([f"href={quoteattr(rpm(number))}" for number in range(60)])), 60, 0)
    document = ami.json("builds.json")
    pieces = [*ESCAPED, *LEFT_OUT, "/", "\"", "\\", "'", "\n", "é", " ", "%{ if true }", "${", "#{x}", "<>&", "*x", ": "]
    chance = random.Random(15)
    for build in document["builds"]:
        build["package_url"] += "".join(chance.choice(pieces) for _ in range(chance.randint(1, 6)))
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / generate.__name__, folder)
    (folder / ".ami-scheduler").mkdir()
    (folder / ".ami-scheduler" / "builds.json").write_text(json.dumps(document))
    shutil.copy(ami.folder / "child-pipeline.yml", folder / ".ami-scheduler")

    pipeline = yaml.safe_load(generate(folder))

    name = "{version}-{release}.{arch} {target}"
    assert_nothing_is_expanded(pipeline, document["builds"], f"bake {name}", {
        "VERSION": "version", "TARGET": "target", "PACKAGE_URL": "package_url", "PACKAGE_SHA256": "package_sha256"})
    assert_nothing_is_expanded(pipeline, document["builds"], f"record {name}", {"AMI_SCHEDULER_PACKAGE": "package", "AMI_SCHEDULER_TARGET": "target", "AMI_SCHEDULER_CLAIM": "claim"})


# ---------------------------------------------------------------- what is only shown


def shown() -> Iterator[tuple[str, str]]:
    """The YAML of the project that people copy: whole files, and the blocks of its pages."""
    for file in [*ROOT.glob("examples/**/*.yml"), *ROOT.glob("templates/**/*.yml")]:
        yield str(file.relative_to(ROOT)), file.read_text()
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]:
        for number, block in enumerate(re.findall(r"^ *```ya?ml\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)):
            yield f"{page.relative_to(ROOT)} {number}", block


def test_no_pipeline_that_is_shown_expands_what_a_build_is_given() -> None:
    """Every variable in them is ours or the reader's: none is made of one that a repository wrote."""
    given = re.compile(r"\$\{?(PRODUCT|VERSION|RELEASE|EPOCH|ARCH|PACKAGE|PACKAGE_URL|PACKAGE_SHA256)\b|%[A-Z_]+%")
    seen = 0
    for name, text in shown():
        for block in re.finditer(r"^( *)variables:[^\n]*\n((?:\1 +[^\n]*\n|\s*\n)*)", text, re.MULTILINE):
            seen += 1
            assert not given.search(block[2]), f"{name}: {block[0]}"
            assert not re.search(r"^ *(VERSION|RELEASE|EPOCH|ARCH|PACKAGE\w*): (?!\{value: .*expand: false)", block[2], re.MULTILINE), f"{name}: {block[0]}"
    assert seen > 3
