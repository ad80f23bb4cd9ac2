"""A repository that lies, and a server that does: each is refused with a message that says what is the
matter, in bounded time and memory, with nothing written and nothing that could move a terminal's cursor."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conftest import Module, Run, WebServer
from repositories import FIRST, Repository
from test_module import CHILD, write_packages

#: The hard limit on the memory of the whole process, wasmtime and its compiler in it.
MAX_MIB = 256
LIST = ("--product", "gitlab-runner")


class Measured(Run):
    peak_mib: float
    seconds: float


def peak_mib(pid: int) -> float:
    """Of the process since it began to be this program: its parent's memory does not count."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0


def measured(ami: Module, *arguments: object, seconds: float) -> Measured:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(ami.command(*arguments), cwd=ami.folder, stdout=out, stderr=err)
        begun, peak = time.monotonic(), 0.0
        while process.poll() is None:
            peak = max(peak, peak_mib(process.pid))
            if time.monotonic() - begun > seconds:
                process.kill()
                process.wait()
                err.seek(0)
                raise AssertionError(f"it goes on for more than {seconds} s: {err.read()[-2000:]}")
            time.sleep(0.005)
        out.seek(0), err.seek(0)
        run = Measured(process.returncode, out.read(), err.read())
    run.peak_mib, run.seconds = peak, time.monotonic() - begun
    return run


def moves_no_cursor(text: str) -> bool:
    bidi = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return all(c == "\n" or unicodedata.category(c) != "Cc" and c not in bidi for c in text)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_bounded(run: Measured) -> None:
    assert run.peak_mib < MAX_MIB, f"{run.peak_mib:.0f} MiB: {run.err[-500:]}"
    assert moves_no_cursor(run.all), repr(run.all[-2000:])
    assert len(run.all) < 20_000 and max(map(len, run.err.splitlines() or [""])) < 5_000


def refused(ami: Module, *arguments: object, told: str, code: int = 3, seconds: float = 120) -> Measured:
    before = files(ami.folder)
    run = measured(ami, *arguments, seconds=seconds)
    assert run.code == code, run.all[-2000:]
    assert run.err.splitlines()[-1].startswith("Error: ") or code == 2, run.err[-2000:]
    assert re.search(told, run.err, re.MULTILINE), run.err[-2000:]
    is_bounded(run)
    assert files(ami.folder) == before
    return run


# ---------------------------------------------------------------- what the metadata say


def checksummed(repository: Repository, primary: bytes, name: str = "primary.xml", more: str = "") -> None:
    """Publishes bytes as the primary of a repository, with the checksum that they have."""
    repodata = repository.folder / "repodata"
    repodata.mkdir(parents=True, exist_ok=True)
    (repodata / name).write_bytes(primary)
    (repodata / "repomd.xml").write_text(
        f'<repomd xmlns="http://linux.duke.edu/metadata/repo">{more}<data type="primary">'
        f'<checksum type="sha256">{hashlib.sha256(primary).hexdigest()}</checksum><location href="repodata/{name}"/></data></repomd>')


@pytest.fixture
def primary(repository: Repository) -> str:
    """What createrepo_c writes of one release and its look-alikes."""
    repository.add(*FIRST[2:]).publish("--no-database", "--general-compress-type=gz")
    return gzip.decompress(repository.primary().read_bytes()).decode()


MEGABYTES = "x" * (10 << 20)
#: Where the release's own element has a value, and what may be wrong with it.
FIELDS = {
    "version": ('ver="18.6.0"', 'ver="{}"'),
    "release": ('rel="1"', 'rel="{}"'),
    "epoch": ('epoch="0"', 'epoch="{}"'),
    "architecture": ("<arch>x86_64</arch>", "<arch>{}</arch>"),
    "checksum": ('<checksum type="sha256" pkgid="YES">', '<checksum type="{}" pkgid="YES">'),
}
LIES = {
    "YAML": "18&#10;  script: [curl evil]",
    "YAML in quotes": "18&quot;&#10;evil:&#10;  script: [id]",
    "a shell": "$(curl evil)",
    "a shell's quotes": "';id;'",
    "a line of a log": "18&#10;Error: nothing is the matter",
    "a terminal": "18&#27;[2J&#27;]0;title&#7;",
    "a terminal's C1": "18&#155;2J",
    "text turned round": "18&#8238;gpj.exe",
    "another folder": "../../../etc/passwd",
    "a variable": "$CI_JOB_TOKEN",
    "nothing": "",
    "10 MB": MEGABYTES,
}


def first_element(primary: str) -> tuple[str, str, str]:
    found = re.search(r"<package type=\"rpm\">\s*<name>gitlab-runner</name>.*?</package>", primary, re.DOTALL)
    assert found
    return primary[:found.start()], found[0], primary[found.end():]


@pytest.mark.parametrize(("field", "lie"), [(field, lie) for field in FIELDS for lie in LIES if (field, lie) != ("epoch", "nothing")])
def test_a_value_outside_of_its_grammar_is_refused(ami: Module, repository: Repository, primary: str, field: str, lie: str) -> None:
    before, element, after = first_element(primary)
    honest, lying = FIELDS[field]
    assert honest in element
    checksummed(repository, (before + element.replace(honest, lying.format(LIES[lie])) + after).encode())

    refused(ami, "list", "--repo-url", repository.url, *LIST, told="(primary.xml is malformed near byte [0-9]+|WARNING: .* is left out): .*"
            "(may hold|is no number|checksum type|has no|longer than)"
            "|a single <package> has more than 16 MiB")


@pytest.mark.parametrize("lie", LIES)
def test_a_location_is_a_safe_url_or_refused(ami: Module, repository: Repository, primary: str, lie: str) -> None:
    before, element, after = first_element(primary)
    for place in [LIES[lie], f"{LIES[lie]}/x.rpm", f"javascript:{LIES[lie]}", f"file:///etc/{LIES[lie]}", f"//{LIES[lie]}/"]:
        location = re.sub(r'<location href="[^"]*"/>', lambda _: f'<location href="{place}"/>', element)
        checksummed(repository, (before + location + after).encode())

        run = measured(ami, "list", "--repo-url", repository.url, *LIST, seconds=120)

        is_bounded(run)
        assert run.code in (0, 3), run.all[-2000:]
        if run.code == 0:
            [package] = ami.json("packages.json")["packages"]
            assert re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+/([A-Za-z0-9._~/-]|%[0-9A-Fa-f]{2}){1,2040}", package["url"]), package["url"]
            (ami.folder / "packages.json").unlink()


@pytest.mark.parametrize("lie", LIES)
def test_a_name_that_is_none_is_not_told_as_one_to_be_meant(ami: Module, repository: Repository, primary: str, lie: str) -> None:
    lying = primary.replace("<name>gitlab-runner</name>", f"<name>gitlab-runner{LIES[lie]}.</name>")
    checksummed(repository, lying.encode())

    refused(ami, "list", "--repo-url", repository.url, *LIST, told="there is no package gitlab-runner in ")


@pytest.mark.parametrize("place", ["package", "version", "location", "format", "metadata", "checksum", "name"])
@pytest.mark.parametrize("kind", ["one attribute of 10 MB", "a million attributes", "a million elements", "a million levels"])
def test_what_is_out_of_all_proportion_is_refused_or_passed_over(
        ami: Module, repository: Repository, primary: str, kind: str, place: str) -> None:
    before, element, after = first_element(primary)
    text = before + element + after
    if kind.startswith("one"):
        text = text.replace(f"<{place}", f'<{place} x="{MEGABYTES}"')
    elif kind == "a million attributes":
        attributes = " ".join(f'a{number}=""' for number in range(1_000_000))
        text = text.replace(f"<{place}", f"<{place} {attributes}", 2)
    else:
        many = "<a/>" * 1_000_000 if kind == "a million elements" else "<a>" * 1_000_000 + "</a>" * 1_000_000
        end = text.index(f"</{place}>") if f"</{place}>" in text else text.index(f"<{place}")
        text = text[:end] + many + text[end:]
    checksummed(repository, text.encode())

    run = measured(ami, "list", "--repo-url", repository.url, *LIST, seconds=120)

    is_bounded(run)
    assert run.code == 0 or (run.code == 3 and "primary.xml is malformed" in run.err), run.all[-2000:]


@pytest.mark.parametrize("kind", ["one attribute of 3 MB", "attributes", "elements", "levels", "data", "text"])
def test_a_repomd_is_short_or_refused(ami: Module, repository: Repository, primary: str, kind: str) -> None:
    more = {"one attribute of 3 MB": f'<a x="{MEGABYTES[:3 << 20]}"/>', "attributes": "<a " + " ".join(f'a{n}=""' for n in range(300_000)) + "/>",
            "elements": "<data/>" + "<a/>" * 900_000, "levels": "<a>" * 500_000 + "</a>" * 500_000, "data": '<data type="x"/><x/>' * 200_000,
            "text": "&amp;x" * 600_000}[kind]
    checksummed(repository, primary.encode(), more=more)

    run = measured(ami, "list", "--repo-url", repository.url, *LIST, seconds=60)

    is_bounded(run)
    assert run.code == 0 or (run.code == 3 and "repomd.xml is malformed" in run.err), run.all[-2000:]


def test_a_repomd_of_many_megabytes_is_refused_by_its_length(ami: Module, repository: Repository, primary: str) -> None:
    checksummed(repository, primary.encode(), more="<!-- " + MEGABYTES + " -->")

    refused(ami, "list", "--repo-url", repository.url, *LIST, told="repomd.xml has more than 4194304 bytes, too many")


@pytest.mark.parametrize("href", ["repodata/&#27;[2J", "x&#10;Error: nothing", "&#155;2J", "\u202egpj", MEGABYTES[:3 << 20], f"{MEGABYTES[:1 << 20]}:x",
                                  "ftp://host/x", "file:///etc/passwd", "../../../../etc/passwd", "http://[", "\\\\host\\share"])
@pytest.mark.parametrize("where", ["http", "file"])
def test_a_repomd_can_not_lead_astray(ami: Module, repository: Repository, primary: str, href: str, where: str) -> None:
    checksummed(repository, primary.encode())
    repomd = repository.folder / "repodata/repomd.xml"
    repomd.write_text(repomd.read_text().replace("repodata/primary.xml", href))
    url = repository.url
    if where == "file":
        subprocess.run(["cp", "-r", str(repository.folder), str(ami.folder / "repo")], check=True)
        url = "file:repo"

    refused(ami, "list", "--repo-url", url, *LIST, told=r"^Error: .*(not there|location|not inside|cannot be read|cannot read|answers \d+|primary|cannot be reached)")


ENTITIES = "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {"internal": f'<!DOCTYPE metadata [<!ENTITY lol0 "lol">{ENTITIES}]>', "external": '<!DOCTYPE metadata [<!ENTITY lol9 SYSTEM "file:///etc/passwd">]>',
         "parameter": '<!DOCTYPE metadata [<!ENTITY % lol9 SYSTEM "http://127.0.0.1:9/x">%lol9;]>'}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("place", ["arch", "repomd"])
def test_entities_are_not_expanded(ami: Module, repository: Repository, primary: str, bomb: str, place: str) -> None:
    lying = primary.replace("<metadata", f"{BOMBS[bomb]}<metadata", 1)
    if place == "arch":
        lying = lying.replace("<arch>x86_64</arch>", "<arch>&lol9;</arch>")
    checksummed(repository, lying.encode())
    if place == "repomd":
        repomd = repository.folder / "repodata/repomd.xml"
        repomd.write_text(BOMBS[bomb].replace("DOCTYPE metadata", "DOCTYPE repomd") + repomd.read_text().replace("repodata/primary.xml", "&lol9;"))

    refused(ami, "list", "--repo-url", repository.url, *LIST, told="lol9")


# ---------------------------------------------------------------- what is compressed

#: Programs that compress by more than 10,000:1, and gzip, which can do 1,000:1.
BOMBERS = {"gzip": ["gzip", "-9"], "zstd": ["zstd", "-19", "--quiet"], "xz": ["xz", "-9"], "bzip2": ["bzip2", "-9"]}


def compressed(program: str, plain: bytes, times: int = 1) -> bytes:
    """Members one after another are one file."""
    return subprocess.run([*BOMBERS[program], "-c"], input=plain, capture_output=True, check=True).stdout * times


@pytest.mark.parametrize("program", BOMBERS)
def test_a_bomb_is_refused_where_no_package_can_be_so_long(ami: Module, repository: Repository, primary: str, program: str) -> None:
    head, _, _ = first_element(primary)
    spaces = compressed(program, b" " * (64 << 20), times=16)
    bomb = compressed(program, head.encode()) + spaces
    checksummed(repository, bomb, f"primary.xml.{program}")

    run = refused(ami, "list", "--repo-url", repository.url, *LIST, told="a single <package> has more than 16 MiB")

    assert len(spaces) < (1 << 30) / 1000
    assert run.seconds < 60


def test_a_bomb_of_packages_is_refused_by_their_number(ami: Module, repository: Repository, primary: str) -> None:
    head, _, _ = first_element(primary)
    packages = b"<package><name>zsh</name></package>\n" * 1_000_000
    bomb = compressed("zstd", head.encode()) + compressed("zstd", packages, times=1000)
    assert len(bomb) * 10_000 < len(packages) * 1000
    checksummed(repository, bomb, "primary.xml.zst")

    refused(ami, "list", "--repo-url", repository.url, *LIST, told="primary.xml is malformed near byte [0-9]+: it has more than 5000000 packages", seconds=280)


def test_more_releases_than_anybody_makes_are_refused(ami: Module, repository: Repository, primary: str) -> None:
    before, element, after = first_element(primary)
    long = re.sub(r'<location href="([^"]*)"/>', lambda found: f'<location href="{"x" * 1900}/{found[1]}"/>', element)
    versions = "".join(long.replace("18.6.0", f"18.{number}") for number in range(20_001))
    checksummed(repository, compressed("zstd", (before + versions + after).encode()), "primary.xml.zst")

    refused(ami, "list", "--repo-url", repository.url, *LIST, told="it has more than 20000 releases of one product")
    versions = versions[:versions.rindex("<package ")]
    checksummed(repository, compressed("zstd", (before + versions + after).encode()), "primary.xml.zst")
    run = measured(ami, "list", "--repo-url", repository.url, *LIST, seconds=120)
    assert run.code == 0, run.all[-2000:]
    is_bounded(run)


@pytest.mark.parametrize(("program", "options"), [("zstd", ["--ultra", "-22", "--long=27"]), ("zstd", ["--ultra", "-22", "--long=31"]),
                                                   ("xz", ["--lzma2=preset=0,dict=128MiB"]), ("xz", ["--lzma2=preset=0,dict=1536MiB"])])
def test_a_window_is_bounded(ami: Module, repository: Repository, primary: str, program: str, options: list[str]) -> None:
    head, element, after = first_element(primary)
    noise = os.urandom(1 << 20).hex().encode()  # more than the window in all, so that it is filled
    filling = b"".join(b"<package><name>zsh</name>" + noise[n * 1000:] + b"</package>" for n in range(45))
    plain = head.encode() + filling + (element + after).encode()
    bomb = subprocess.run([program, *options, "-c"], input=plain, capture_output=True, check=True).stdout
    checksummed(repository, bomb, f"primary.xml.{program}")

    run = measured(ami, "list", "--repo-url", repository.url, *LIST, seconds=120)

    is_bounded(run)
    assert run.code == 0 or (run.code == 3 and re.search("[Ww]indow|mem", run.err)), run.all[-2000:]


# ---------------------------------------------------------------- an index


@pytest.mark.parametrize(("kind", "told"), [
    ("links", "answers with more than 33554432 bytes, too many for what was asked"),
    ("one tag", "is no package repository"), ("levels", "is no package repository"), ("no text", "is no package repository"),
    ("one link", "is no package repository"), ("comment", "is no package repository"), ("releases", "more than 20000 releases"),
])
def test_a_page_is_bounded(ami: Module, web: WebServer, kind: str, told: str) -> None:
    limit = 32 << 20
    page = {
        "links": lambda: b'<a href="gitlab-runner-18.6.0-1.x86_64.rpm">x</a>\n' * (2 << 20),
        "one tag": lambda: b"<a " + b" ".join(b"a%x" % n for n in range(4_000_000)) + b">",
        "levels": lambda: b"<div>" * (limit // 5),
        "no text": lambda: b"\xff" * limit,
        "one link": lambda: b'<a href="' + b"x" * (limit - 20) + b'.rpm">',
        "comment": lambda: b"<!--" + b"-" * (limit - 4),
        "releases": lambda: b"".join(b'<a href="gitlab-runner-%d-1.x86_64.rpm">' % n for n in range(700_000)),
    }[kind]()
    (web.folder / "flat").mkdir()
    (web.folder / "flat/index.html").write_bytes(page)
    assert len(page) >= 100 << 20 or len(page) <= limit

    refused(ami, "list", "--repo-url", f"{web.url}/flat", *LIST, told=told)


def test_a_link_is_taken_for_what_it_says_or_not_at_all(ami: Module, web: WebServer) -> None:
    (web.folder / "flat").mkdir()
    links = [*LIES.values(), "javascript:alert(1)/gitlab-runner-1-1.x86_64.rpm", "http://[/gitlab-runner-1-1.x86_64.rpm"]
    page = "".join(f'<a href="gitlab-runner-{link}-1.x86_64.rpm">{link}</a><a href="{link}/gitlab-runner-1-1.x86_64.rpm">' for link in links)
    (web.folder / "flat/index.html").write_text(page)

    run = measured(ami, "list", "--repo-url", f"{web.url}/flat", *LIST, seconds=60)

    is_bounded(run)
    if run.code == 0:
        [package] = ami.json("packages.json")["packages"]
        assert package["package"] == "gitlab-runner-1-1.x86_64"
        assert re.fullmatch(r"https?://[A-Za-z0-9._~:/?#@!*+,=%&\[\]^-]{1,2040}", package["url"]), package["url"]
    else:
        assert run.code == 3 and "the URL of gitlab-runner-1-1.x86_64 has more than 2048 bytes" in run.err


# ---------------------------------------------------------------- a server


Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def liar() -> Iterator[ThreadingHTTPServer]:
    """A server whose answers are those of `server.answers`, by the end of the path."""

    class Liar(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.server.asked += 1  # type: ignore[attr-defined]
            self.close_connection = True
            try:
                for path, answer in self.server.answers.items():  # type: ignore[attr-defined]
                    if self.path.endswith(path):
                        return answer(self)
                self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                pass  # it hung up

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    server.daemon_threads = True
    server.answers, server.asked = {}, 0  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_port}/el9"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def says(raw: bytes) -> Answer:
    return lambda handler: handler.wfile.write(raw) and None


def endless(piece: bytes, pause: float = 0) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            handler.wfile.write(piece)
            time.sleep(pause)

    return answer


REPOMD = b'<repomd><data type="primary"><checksum type="sha256">' + b"0" * 64 + b'</checksum><location href="primary.xml"/></data></repomd>'
OK_REPOMD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(REPOMD), REPOMD)


@pytest.mark.parametrize(("path", "told"), [("repomd.xml", "repomd.xml has more than 4194304 bytes, too many"),
                                            ("el9/", "answers with more than 33554432 bytes, too many"),
                                            ("primary.xml", "it is longer than 1073741824 bytes, the most that is read")])
def test_a_server_that_never_ends_is_not_listened_to_for_ever(ami: Module, liar, path: str, told: str) -> None:
    if path == "primary.xml":
        liar.answers["repomd.xml"] = says(OK_REPOMD)
    liar.answers[path] = endless(b"<x>" * 100_000)

    refused(ami, "list", "--repo-url", liar.url, *LIST, told=told, seconds=200)


@pytest.mark.parametrize("location", ["/el9/repodata/repomd.xml", "repomd.xml?x", "/repodata/x/repomd.xml"])
def test_redirects_that_lead_round_are_left(ami: Module, liar, location: str) -> None:
    liar.answers["repomd.xml"] = liar.answers["repomd.xml?x"] = says(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location.encode())

    refused(ami, "list", "--repo-url", liar.url, *LIST, told="redirects more than 10 times")
    assert liar.asked <= 12


@pytest.mark.parametrize("location", [b"file:///etc/passwd", b"ftp://host/", b"javascript:alert(1)", b"http://[", b"\x1b[2J\x9b2J", b"//", b"\xff\xfe",
                                      b"http://127.0.0.1:9/" + b"x" * 60_000, b"data:text/xml,<repomd/>", b"http:"])
def test_a_redirect_leads_to_a_web_server_or_nowhere(ami: Module, liar, location: bytes) -> None:
    liar.answers["repomd.xml"] = says(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")

    refused(ami, "list", "--repo-url", liar.url, *LIST, told="redirects |cannot be reached|is not there|answer")


@pytest.mark.parametrize("head", [
    b"Content-Length: 99999999999999999999999", b"Content-Length: -1", b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: 5000",
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx", b"Transfer-Encoding: nonsense", b"X: " + b"x" * 2_000_000,
    b"\r\n".join(b"X-%d: x" % n for n in range(50_000)), b"X: \x1b[2J", b"\x00: x", b": x", b"Content-Encoding: gzip", b"Content-Type: \x9b2J",
    b"Retry-After: 99999999999999999999", b"Date: \x1b[2J\r\nRetry-After: nonsense",
], ids=range(15))
def test_absurd_headers_are_no_harm(ami: Module, liar, head: bytes) -> None:
    liar.answers["repomd.xml"] = says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n<html>")

    refused(ami, "list", "--repo-url", liar.url, *LIST, told="cannot be reached|malformed|cannot read|cut short|not HTTP", seconds=250)


@pytest.mark.parametrize("line", [b"HTTP/1.1 999 \x1b[2J", b"HTTP/1.1 0 x", b"HTTP/9.9 200 OK", b"\x1b[2J", b"SSH-2.0-OpenSSH_9", b"HTTP/1.1 204 No Content", b"HTTP/1.1 206 Partial",
                                  b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 101 Switching"], ids=range(9))
def test_a_strange_status_is_told(ami: Module, liar, line: bytes) -> None:
    liar.answers["repomd.xml"] = says(line + b"\r\nContent-Length: 0\r\n\r\n")

    refused(ami, "list", "--repo-url", liar.url, *LIST, told="cannot be reached|this was not expected|cut short|not HTTP", seconds=250)


def test_a_server_that_drips_is_given_up(ami: Module, liar) -> None:
    liar.answers["repomd.xml"] = endless(b" ", pause=0.1)

    refused(ami, "list", "--repo-url", liar.url, *LIST, "--speed-time", "500ms", told="too slow", seconds=100)


# ---------------------------------------------------------------- files and arguments


NESTED = "[" * 200_000


@pytest.mark.parametrize("content", [NESTED, '{"format":"ami-scheduler/packages/1","product":' + NESTED, "\x1b[2J", '{"format":"\\u001b[2J\\u009b"}',
                                     '{"format":"ami-scheduler/packages/1","product":"x","repository":"","read_at":"2026-11-24T02:00:00Z","packages":[{"package":"\\u001b[2J","url":""}],"filtered":[]}',
                                     "\0" * 1000, "{}", "null", "", '{"format":"' + "x" * (5 << 20) + '"}'], ids=range(10))
def test_a_packages_json_that_is_none_is_refused(ami: Module, content: str) -> None:
    (ami.folder / "tracker").mkdir()
    (ami.folder / "packages.json").write_text(content)

    refused(ami, "diff", "--targets", "t", "--tracker", "tracker", "--ref", "main", *CHILD, code=1, told="cannot use packages.json")


HEAD = {"format": "ami-scheduler/tracker/2", "product": "gitlab-runner", "ref": "main", "entries": {}}


@pytest.mark.parametrize("content", [
    NESTED.encode(), json.dumps(HEAD)[:-1].encode() + b',"x":' + NESTED.encode(), b"\x1f\x8b" + b"\0" * 100, gzip.compress(NESTED.encode()),
    gzip.compress(b" " * (65 << 20)), json.dumps(HEAD | {"format": "\x1b[2J\u202e"}).encode(), json.dumps(HEAD | {"product": "\x1b[2J"}).encode(),
    json.dumps(HEAD | {"ref": "\u009b2J\n"}).encode(), json.dumps(HEAD | {"entries": {"\x1b[2J": {}}}).encode(), b"\xff" * 100,
    json.dumps(HEAD | {"entries": {"gitlab-runner-1-1.noarch": {"t": {"state": "built", "attempt": -1, "since": "2026-11-24T02:00:00Z"}}}}).encode(),
    gzip.compress(json.dumps(HEAD)[:-1].encode() + b',"x":[' + b"0," * (32 << 20) + b"0]}"),
], ids=range(12))
@pytest.mark.parametrize("command", [("status",), ("settle", "--ref", "main", "--pipeline", "7")])
def test_a_head_that_is_none_is_refused(ami: Module, content: bytes, command: tuple[str, ...]) -> None:
    (ami.folder / "tracker").mkdir()
    digits = hashlib.sha256(content).hexdigest()[:32]
    suffix = ".json.gz" if content[:2] == b"\x1f\x8b" else ".json"
    (ami.folder / f"tracker/ami-scheduler.gitlab-runner.main-0d6e4079.{digits}{suffix}").write_bytes(content)

    refused(ami, *command, "--tracker", "tracker", code=4, told="cannot be used|is not the name of a package|is damaged")


@pytest.mark.parametrize("arguments", [
    ("status", "--tracker", "https://u:p4ssword@x/"), ("import", "https://u:p4ssword@x/y", "--tracker", "tracker", "--ref", "r", "--targets", "t"),
    ("list", "--repo-url", "https://x/", *LIST, "--gpg-key", "https://u:p4ssword@x/key"), ("diff", "--packages", "https://u:p4ssword@x/", "--targets", "t", "--tracker", "x", "--ref", "r", *CHILD),
    ("status", "--tracker", "x", "https://u:p4ssword@x/"),
])
def test_a_url_in_the_wrong_place_does_not_tell_its_password(ami: Module, arguments: tuple[str, ...]) -> None:
    run = measured(ami, *arguments, seconds=60)
    assert run.code in (1, 2, 4) and "p4ssword" not in run.all, run.all
    assert any(told in run.all for told in ("://x/", "a password may be in it", "--gpg-key is a URL")), run.all


def test_what_a_tracker_holds_moves_no_cursor(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, "18.6.0-1", "18.7.0-1")
    hostile = "\u009b2J\u202egpj\u2028x\x7f"
    tracker = ("--tracker", "tracker", f"--ref={hostile}")
    for arguments in [
        ("diff", "--targets", "t", *tracker, *CHILD, "--pipeline", 7, "--pipeline-url", hostile, "--job-url", hostile),
        ("diff", "--targets", "t", *tracker, *CHILD, "--pipeline", 8),
        ("settle", *tracker, "--pipeline", 9),
        ("settle", *tracker, "--pipeline", 7, "--pipeline-url", hostile),
        ("update", "--force", *tracker, "--package", "gitlab-runner-18.7.0-1.x86_64", "--target", "t", "--note", f"AMI_ID={hostile}"),
        ("rebuild", "gitlab-runner-18.7.0-1.x86_64", *tracker, "--reason", hostile),
        ("rebuild", "gitlab-runner-99-1.x86_64", *tracker),
        ("status", "--tracker", "tracker"), ("status", "--tracker", "tracker", "--format", "json"),
        ("status", "--tracker", hostile), ("update", *tracker, "--package", hostile, "--target", "t"),
        ("list", "--repo-url", f"file:{hostile}", *LIST), ("list", "--repo-url", f"http://127.0.0.1:9/{hostile}", "--product", hostile),
        ("diff", "--targets", hostile, *tracker, *CHILD), ("diff", "--targets", "t", *tracker, "--build-file", hostile),
        ("import", hostile, *tracker, "--targets", "t"), (hostile,), (f"--{hostile}",),
    ]:
        run = measured(ami, *arguments, seconds=60)
        assert run.code in (0, 1, 2, 3, 4), (arguments, run.all)
        is_bounded(run)
        if "json" in arguments:
            assert json.loads(run.out)[0]["ref"] == hostile
