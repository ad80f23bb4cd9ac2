"""Repositories drawn from a seed, read by dnf and by `ami-scheduler list`: do the two say the same?

    python component-tests/differential.py --runs 300 --seed 1      (make differential)

Each run draws a repository: its packages, where they lie, how createrepo_c describes them, and by which kind of URL it is
reached. rpmbuild, createrepo_c, nginx, dnf, librpm and curl are real. What is compared:

- the releases: those that `dnf repoquery` offers, each with its build time;
- their order: librpm's, and the newest of each architecture is among those of `dnf repoquery --latest-limit=1`;
- the files: curl fetches each URL of packages.json, and gets the file of that release, with the checksum that is stated;
- the requests: nginx logs for `dnf download` what it logs for curl, and for the metadata of `list` what it logs for dnf's;
- the verdict: the same repository, damaged, changed or signed, is taken by both or refused by both.

The first part has what is meant to differ, each with its reason. Another difference ends the runs; `--seed S --only N` plays one again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote, unquote

from conftest import NATIVE, Module, WebServer, start_nginx, tool
from repositories import Repository, RpmBuilder, Signer

# ---------------------------------------------------------------- what is meant to differ

#: The changes of a repository that `list` refuses and dnf takes, by rules of docs/repositories.md.
STRICTER = {
    "no checksum of primary": "what cannot be verified is not read",
    "another size of primary": "a size that is stated wrongly is an error, with both sizes",
    "no package at all": "an empty repository is an error: what is missing is never taken for nothing",
}
#: What dnf asks for beside, and `list` does not need.
NOT_ASKED_FOR = re.compile(r"filelists|other|\.sqlite|\.zck")
#: dnf asks for the mirrors before each download.
OF_MIRRORS = re.compile(r"^GET /list\.")
#: The query of a repository that wants a token with each request.
TOKEN = "sig=a%2Bb&se=2026"
#: What `list` asks for beside: a URL without a query may be a repository, even that of a mirrorlist, and one with a query a list.
PROBED = re.compile(rf"^GET (/list\.txt/|[^ ]*/\?{re.escape(TOKEN)} )")


def is_given_as_url(drawn: Drawn) -> bool:
    """Whether more than unreserved characters (RFC 3986, 2.3) is part of a URL that dnf takes as it is. `list` writes every
    path with escapes: there `+` and `%2B` are one."""
    return "+" in drawn.repository or AS_URLS in drawn.options


# ---------------------------------------------------------------- what is drawn

PRODUCTS = ("gitlab-runner", "libstdc++", "python3.11", "a_b")
#: Names that are nearly the product's, the beginning of it among them.
LOOK_ALIKES = ("{}-fips", "{}-helper-images", "{}2", "lib{}", "{}-18.0", "{:.2}")
ARCHITECTURES = ("x86_64", "x86_64", "noarch", "aarch64", "i686", "src")
EPOCHS = ("", "", "", "0:", "1:", "2:", "10:", "4294967295:")
PARTS = ("0", "00", "1", "01", "2", "9", "10", "18", "20241124", "a", "1a", "a1", "rc", "z", "Z")
ENDS = ("", "", "", "~rc1", "~rc2", "~", "~~", "^git1", "^", "^1~a", "+b1", "+", "_2", ".el9", "a")
FOLDERS = ("", "Packages/", "Packages/g/", "c++/", "x&y/", "it's/", "ü/", "@/", "$PATH/")
#: What would mean something else in a URL.
ODD_FOLDERS = ("a b/", "100%/", "%41/", "#1/", "?x/", "a\\b/")
REPOSITORIES = ("el9", "el/9/x86_64", "~user/el9", "el+9", "el 9", "el^9")
#: Locations are URLs then.
AS_URLS = "--location-prefix={url}"
#: Of each line one is drawn. `{url}` is the repository's, `{folder}` the last part of it.
CREATEREPO = (
    ("", "", "--general-compress-type=gz", "--general-compress-type=bz2", "--general-compress-type=xz"),
    ("", "", "--checksum=sha1", "--checksum=sha384", "--checksum=sha512"),
    ("", "", "--repomd-checksum=sha1", "--repomd-checksum=sha256", "--repomd-checksum=sha512"),
    ("", "--database", "--no-database"),
    ("", "--simple-md-filenames"),
    ("", "--revision=el9-42", "--revision=1732406400 --set-timestamp-to-revision"),
    ("", "", AS_URLS, "--location-prefix=/", "--location-prefix=../{folder}", "--baseurl={url}", "--baseurl={url}/"),
    ("", "--distro=cpe:/o:example:el:9,el9 --content=packages --repo=el9"),
    ("", "--excludes=*-fips*", "--changelog-limit=1"),
)
#: How primary is compressed anew, beside createrepo_c's own ways.
RECOMPRESSED = (None, None, None, "zstd", "none", "gzip", "xz", "bzip2")
#: The ways that lead to a repository, each with the key that a .repo file has for it.
WAYS = {"slash": "baseurl", "no slash": "baseurl", "redirect": "baseurl", "token": "baseurl", "mirrorlist": "mirrorlist",
        "mirrorlist with a query": "mirrorlist", "metalink": "metalink"}


@dataclass
class Drawn:
    """A repository and how it is asked for. All of it follows from the seed and the number of the run."""

    product: str
    #: The path of each package, and its NEVRA.
    packages: dict[str, str]
    repository: str
    options: list[str]
    recompressed: str | None
    with_zchunk: bool
    way: str
    changes: list[str]

    @classmethod
    def of(cls, seed: int, number: int) -> Drawn:
        draw = random.Random(f"{seed}.{number}")
        product, repository = draw.choice(PRODUCTS), draw.choice(REPOSITORIES)
        names = [product, *(name.format(product) for name in draw.sample(LOOK_ALIKES, draw.randint(0, 3)))]
        options = [draw.choice(alternatives) for alternatives in CREATEREPO]
        folders = draw.sample(FOLDERS + (() if AS_URLS in options else ODD_FOLDERS), draw.randint(1, 3))
        packages: dict[str, str] = {}
        for nevra in dict.fromkeys(draw_nevra(draw, name) for name in names for _ in range(draw.randint(1, 8 if name == product else 2))):
            packages.setdefault(draw.choice(folders) + draw_file_name(draw, nevra, packages), nevra)
        if draw.random() < 0.2:
            path, nevra = draw.choice([*packages.items()])
            packages[f"twice/{Path(path).name}"] = nevra
        # modifyrepo_c would give it another kind of name.
        recompressed = None if "--simple-md-filenames" in options else draw.choice(RECOMPRESSED)
        with_zchunk = "--simple-md-filenames" not in options and draw.random() < 0.2
        return cls(product, packages, repository, options, recompressed, with_zchunk, draw.choice([*WAYS]), draw.sample([*CHANGES], 2))


def draw_nevra(draw: random.Random, name: str) -> str:
    text = lambda: ".".join(draw.choice(PARTS) for _ in range(draw.randint(1, 3))) + draw.choice(ENDS)  # noqa: E731
    return f"{name}-{draw.choice(EPOCHS)}{text()}-{text()}.{draw.choice(ARCHITECTURES)}"


def draw_file_name(draw: random.Random, nevra: str, taken: dict[str, str]) -> str:
    """As rpmbuild has it, or with the epoch as some have it. dnf puts all files into one folder: names are not to meet there."""
    without_epoch = re.sub(r"-\d+:", "-", nevra) + ".rpm"
    is_taken = any(path.endswith(without_epoch) for path in taken)
    return f"{nevra}.rpm" if is_taken or draw.random() < 0.1 else without_epoch


# ---------------------------------------------------------------- what is changed for a verdict


@dataclass
class Site:
    """A repository that nginx serves, and the URL by which it is asked for."""

    web: WebServer
    repository: Repository
    signer: Signer
    stranger: Signer
    way: str
    url: str = ""
    asks_for_signature: bool = False
    #: dnf gives no token to a package whose location is a URL; `list` gives it to all below the repository, where that is asked for.
    hands_on_token: bool = True

    @property
    def repomd(self) -> Path:
        return self.repository.folder / "repodata" / "repomd.xml"

    @property
    def metalink(self) -> Path:
        return self.web.folder / "list.xml"

    def lead_there(self, way: str) -> None:
        base = self.repository.url
        self.way, self.url = way, base
        if way == "no slash":
            self.url = base.rstrip("/")
        elif way == "token":
            self.url = f"{base}?{TOKEN}"
        elif way == "redirect":
            self.url = base.replace(self.web.url, f"{self.web.url}/moved")
        elif way == "metalink":
            self.metalink.write_text(metalink(self.repomd.read_bytes(), base))
            self.url = f"{self.web.url}/list.xml?repo=el9"
        elif way != "slash":
            (self.web.folder / "list.txt").write_text(f"# repo = el9\n{base}\n")
            self.url = f"{self.web.url}/list.txt" + ("?repo=el9" if "query" in way else "")

    def log(self) -> list[str]:
        """The requests that nginx got. Each is in its log once nginx, which is one process, has answered another one."""
        with urllib.request.urlopen(self.web.url) as answer:
            answer.read()
        return [line for line in self.web.requests() if not line.startswith("GET / ")]

    def asked_while(self, action: Callable[[], object]) -> list[str]:
        before = len(self.log())
        action()
        return [same_spelling(line) for line in self.log()[before:]]


def metalink(repomd: bytes, base: str) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files><file name="repomd.xml"><mm0:timestamp>1732406400</mm0:timestamp><size>{len(repomd)}</size>
 <verification><hash type="sha256">{hashlib.sha256(repomd).hexdigest()}</hash></verification>
 <resources maxconnections="1"><url protocol="http" type="http" preference="100">{base}repodata/repomd.xml</url></resources>
 </file></files></metalink>"""


def same_spelling(request: str) -> str:
    """`%2b` and `%2B` are one spelling (RFC 3986, 6.2.2.1)."""
    method, path, *_ = request.split()
    status = request.split(" | ")[1]
    return f"{method} {re.sub('%[0-9a-f]{2}', lambda escape: escape.group().upper(), path)} {status}"


def in_repomd(pattern: str, replacement: str) -> Callable[[Site], None]:
    """Changes what repomd.xml says of primary."""
    def change(site: Site) -> None:
        site.repository.publish("--general-compress-type=gz")
        before, start, rest = site.repomd.read_text().partition('<data type="primary">')
        own, end, after = rest.partition("</data>")
        changed, count = re.subn(pattern, replacement, own)
        assert count == 1, (pattern, own)
        site.repomd.write_text(before + start + changed + end + after)
    return change


def of_primary(change: Callable[[bytes], bytes]) -> Callable[[Site], None]:
    """Changes the file of primary alone, so that it is no longer the one that repomd.xml describes."""
    def damage(site: Site) -> None:
        primary = site.repository.primary()
        primary.write_bytes(change(primary.read_bytes()))
    return damage


def in_metalink(pattern: str, replacement: str) -> Callable[[Site], None]:
    def change(site: Site) -> None:
        site.lead_there("metalink")
        changed, count = re.subn(pattern, replacement, site.metalink.read_text())
        assert count == 1, pattern
        site.metalink.write_text(changed)
    return change


def in_primary(change: Callable[[bytes], bytes]) -> Callable[[Site], None]:
    """Changes primary, and describes it in repomd.xml as it is then."""
    def change_it(site: Site) -> None:
        site.repository.publish("--general-compress-type=gz")
        site.repository.recompress_primary("gzip", change)
    return change_it


def sign(site: Site) -> None:
    site.signer.sign(site.repository)


def by_a_stranger(site: Site) -> None:
    site.stranger.sign(site.repository)


def before_a_change(site: Site) -> None:
    sign(site)
    site.repomd.write_text(site.repomd.read_text() + "<!-- changed -->\n")


ZEROS, ONE_MORE = r"\g<1>000000000", r"\g<1>1"
SIGNATURES: dict[str, Callable[[Site], None]] = {
    "a signature": sign, "no signature": lambda _: None, "a stranger's signature": by_a_stranger, "a signature of something else": before_a_change,
}
CHANGES: dict[str, Callable[[Site], None]] = SIGNATURES | {
    "a primary that is cut": of_primary(lambda content: content[:-9]),
    "a primary that is longer": of_primary(lambda content: content + b"\0"),
    "a primary with another byte": of_primary(lambda content: content[:-1] + bytes([content[-1] ^ 1])),
    "an empty primary": of_primary(lambda _: b""),
    "no primary": lambda site: site.repository.primary().unlink(),
    "a repomd that is cut": lambda site: site.repomd.write_bytes(site.repomd.read_bytes()[:-20]),
    "an empty repomd": lambda site: site.repomd.write_bytes(b""),
    "another checksum of primary": in_repomd(r"(<checksum type=\"\w+\">)\w{9}", ZEROS),
    "another size of primary": in_repomd(r"(<size>)", ONE_MORE),
    "no size of primary": in_repomd(r"<size>.*</size>", ""),
    "a size of zero": in_repomd(r"<size>.*</size>", "<size>0</size>"),
    "another checksum of what is unpacked": in_repomd(r"(<open-checksum type=\"\w+\">)\w{9}", ZEROS),
    "another size of what is unpacked": in_repomd(r"(<open-size>)", ONE_MORE),
    "no checksum of primary": in_repomd(r"<checksum .*</checksum>", ""),
    "a checksum of an unknown kind": in_repomd(r"<checksum type=\"\w+\"", '<checksum type="crc"'),
    "a slash before the location": in_repomd(r"href=\"", 'href="/'),
    "an unknown element in repomd": in_repomd("^", "<unknown a='1'><b/></unknown>"),
    "a primary that ends early": in_primary(lambda xml: xml[:-len("</metadata>\n")]),
    "a primary that ends in a package": in_primary(lambda xml: xml[:xml.rindex(b"<location")]),
    "another number of packages": in_primary(lambda xml: re.sub(rb'packages="\d+"', b'packages="7000"', xml)),
    "no package at all": in_primary(lambda xml: xml[:xml.index(b"<package ")] + b"</metadata>"),
    "no namespaces": in_primary(lambda xml: re.sub(rb' xmlns(:rpm)?="[^"]*"', b"", xml)),
    "no epochs": in_primary(lambda xml: xml.replace(b' epoch="0"', b"")),
    "no build times": in_primary(lambda xml: re.sub(rb' build="\d+"', b"", xml)),
    "comments and CDATA": in_primary(lambda xml: re.sub(rb"<name>(.*)</name>", rb"<!-- <name>x</name> --><name><![CDATA[\1]]></name>", xml)),
    "an unknown element in primary": in_primary(lambda xml: xml.replace(b"<time ", b"<unknown a='1'><b/></unknown><time ")),
    "another checksum in a metalink": in_metalink(r"(<hash type=\"sha256\">)\w{9}", ZEROS),
    "another size in a metalink": in_metalink(r"(<size>)", ONE_MORE),
}


# ---------------------------------------------------------------- the two that are asked


class Dnf:
    """dnf 4, whose program is dnf-3 wherever dnf 5 has its name, with a configuration and a cache of its own."""

    def __init__(self, folder: Path, site: Site) -> None:
        folder.mkdir()
        self.folder, self.configuration = folder, folder / "dnf.conf"
        signature = f"repo_gpgcheck=1\ngpgkey=file://{folder}/key\n" if site.asks_for_signature else ""
        (folder / "key").write_text(site.signer.public_key())
        self.configuration.write_text(
            f"[main]\nreposdir={folder}/none\nlogdir={folder}\npersistdir={folder}/persist\ngpgcheck=0\nzchunk=0\nretries=2\n"
            f"[x]\nname=x\nskip_if_unavailable=0\n{WAYS[site.way]}={site.url}\n{signature}")

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [tool("dnf-3"), "--quiet", "--assumeyes", f"--config={self.configuration}", f"--setopt=cachedir={self.folder}/cache",
                   "--releasever=9", "--disableplugin=*", "--enableplugin=download", *arguments]
        environment = os.environ | {"LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder)}
        return subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False)

    def offered(self, product: str, *options: str) -> dict[str, str]:
        """The releases of a product, each with the minute of its build."""
        form = "%{name}|%{epoch}|%{version}-%{release}.%{arch}|%{buildtime}"
        done = self("repoquery", f"--queryformat={form}", *options)
        if done.returncode:
            raise Refused(f"dnf refuses it:\n{done.stderr}")
        fields = (line.split("|") for line in done.stdout.splitlines())
        return {nevra_of(name, epoch, rest): built_at for name, epoch, rest, built_at in fields if name == product}

    def download(self, nevras: list[str]) -> None:
        done = self("download", f"--destdir={self.folder}/downloaded", *nevras)
        if done.returncode:
            raise Difference(f"dnf cannot download what packages.json holds:\n{done.stderr}")


def nevra_of(name: str, epoch: str, rest: str) -> str:
    return f"{name}-{rest}" if epoch == "0" else f"{name}-{epoch}:{rest}"


class Difference(Exception):
    """What must not differ."""


class Refused(Difference):
    """One of the two does not take a repository."""


@dataclass
class Listed:
    """What packages.json says."""

    packages: list[dict]
    filtered: list[dict]

    def nevras(self) -> list[str]:
        return [package["package"] for package in self.packages]

    def all(self) -> set[str]:
        return {*self.nevras(), *(filtered["package"] for filtered in self.filtered)}


def listed(ami: Module, site: Site, product: str) -> Listed:
    key = (f"--gpg-key={site.signer.public_key()}",) if site.asks_for_signature else ()
    run = ami("list", "--repo-url", site.url, "--product", product, "--pre-releases",
              f"--package-url-query={str(site.hands_on_token).lower()}", *key)
    if run.code == 3:
        raise Refused(f"list refuses it:\n{run.err}")
    if run.code:
        raise Difference(f"list ends with {run.code}:\n{run.all}")
    document = ami.json("packages.json")
    return Listed(document["packages"], document["filtered"])


# ---------------------------------------------------------------- the comparison


@dataclass
class Tools:
    """What all runs share."""

    rpms: RpmBuilder
    signer: Signer
    stranger: Signer
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def at(cls, folder: Path) -> Tools:
        return cls(RpmBuilder(folder / "rpms"), Signer(folder / "signer"), Signer(folder / "stranger"))

    def rpm(self, nevra: str) -> Path:
        with self.lock:
            (self.rpms.folder).mkdir(exist_ok=True)
            return self.rpms.rpm(nevra, built_at=zlib.crc32(nevra.encode()) // 2)


@contextmanager
def served(drawn: Drawn, tools: Tools, folder: Path) -> Iterator[Site]:
    process, web = start_nginx(folder / "nginx", "if ($request_uri ~ ^/moved(/.*)$) { return 302 $1; }")
    try:
        url = f"{web.url}/{quote(drawn.repository, safe='/~+')}"
        repository = Repository(web.folder / drawn.repository, tools.rpms, f"{url}/")
        for path, nevra in drawn.packages.items():
            place = Path(os.path.normpath(repository.folder / path))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tools.rpm(nevra), place)
        folder = repository.folder.name
        repository.publish(*(word.format(url=url, folder=folder) for option in drawn.options for word in option.split()))
        if drawn.recompressed:
            repository.recompress_primary(drawn.recompressed)
        if drawn.with_zchunk:
            repository.add_zchunk()
        site = Site(web, repository, tools.signer, tools.stranger, drawn.way)
        site.hands_on_token = not any("{url}" in option for option in drawn.options)
        site.lead_there(drawn.way)
        yield site
    finally:
        process.terminate()
        process.wait()


class Comparison:
    """One run."""

    def __init__(self, drawn: Drawn, tools: Tools, site: Site, ami: Module, folder: Path) -> None:
        self.drawn, self.tools, self.site, self.ami, self.folder = drawn, tools, site, ami, folder
        self.counts = Counter[str](packages=len(drawn.packages))

    def compare(self) -> Counter[str]:
        dnf = Dnf(self.folder / "dnf", self.site)
        ours, theirs = self.compare_releases(dnf)
        self.compare_order(dnf, ours)
        self.compare_files(dnf, ours, theirs)
        self.compare_verdicts()
        return self.counts

    def compare_releases(self, dnf: Dnf) -> tuple[Listed, dict[str, str]]:
        theirs: dict[str, str] = {}
        ours: list[Listed] = []
        requests_of_dnf = self.site.asked_while(lambda: theirs.update(dnf.offered(self.drawn.product)))
        requests = self.site.asked_while(lambda: ours.append(listed(self.ami, self.site, self.drawn.product)))
        differ("releases", ours[0].all(), set(theirs))
        differ("requests for metadata", self.spelled(request for request in requests if not PROBED.match(request)),
               self.spelled(request for request in requests_of_dnf if not NOT_ASKED_FOR.search(request)))
        self.counts["releases"] += len(theirs)
        self.counts["requests"] += len(requests)
        return ours[0], theirs

    def compare_order(self, dnf: Dnf, ours: Listed) -> None:
        nevras = ours.nevras()
        for older, newer in not_in_order(nevras):
            raise Difference(f"librpm says that {older} is newer than {newer}, which comes after it")
        newest = dnf.offered(self.drawn.product, "--latest-limit=1")
        for nevra in {nevra.rpartition(".")[2]: nevra for nevra in nevras}.values():
            if nevra not in newest:
                raise Difference(f"{nevra} comes last, and is not among the newest by dnf: {sorted(newest)}")

    def compare_files(self, dnf: Dnf, ours: Listed, theirs: dict[str, str]) -> None:
        asked_by_dnf = self.site.asked_while(lambda: dnf.download(ours.nevras())) if ours.packages else []
        asked_by_curl = [request for package in ours.packages for request in self.fetch(package, theirs)]
        differ("requests for packages", sorted(self.spelled(asked_by_curl)),
               sorted(self.spelled(request for request in asked_by_dnf if not OF_MIRRORS.match(request))))
        self.counts["requests"] += len(asked_by_curl)

    def fetch(self, package: dict, theirs: dict[str, str]) -> list[str]:
        """The requests that curl makes for a package. It is the right one, and what is said of it is true."""
        file, nevra = self.folder / "fetched", package["package"]
        asked = self.site.asked_while(lambda: subprocess.run(
            [tool("curl"), "--silent", "--show-error", "--fail", "--location", "--globoff", "--output", file, package["url"]], check=False))
        if not file.exists():
            raise Difference(f"curl cannot fetch {nevra} from {package['url']}: {asked}")
        content = file.read_bytes()
        file.unlink()
        if content != self.tools.rpm(nevra).read_bytes():
            raise Difference(f"{package['url']} is not {nevra}")
        kind, _, digits = package["checksum"].partition(":")
        differ(f"{kind} of {nevra}", digits, hashlib.new(kind, content).hexdigest())
        built_at = datetime.fromisoformat(package["built_at"]).astimezone(timezone.utc)
        differ(f"build time of {nevra}", f"{built_at:%Y-%m-%d %H:%M}", theirs[nevra])
        return asked

    def spelled(self, requests: Iterable[str]) -> list[str]:
        """Requests as they are compared: to the letter, where the path is not that of a URL."""
        return [unquote(request) if is_given_as_url(self.drawn) else request for request in requests]

    def compare_verdicts(self) -> None:
        repodata, kept = self.site.repomd.parent, self.folder / "repodata"
        shutil.copytree(repodata, kept)
        for change in self.drawn.changes:
            self.site.asks_for_signature = change in SIGNATURES
            # A metalink would state the repomd.xml that was there before.
            self.site.lead_there("slash" if self.drawn.way == "metalink" else self.drawn.way)
            CHANGES[change](self.site)
            self.compare_verdict(change)
            shutil.rmtree(repodata)
            shutil.copytree(kept, repodata)

    def compare_verdict(self, change: str) -> None:
        dnf = Dnf(self.folder / f"dnf-{self.drawn.changes.index(change)}", self.site)
        theirs = verdict(lambda: set(dnf.offered(self.drawn.product)))
        ours = verdict(lambda: listed(self.ami, self.site, self.drawn.product).all())
        self.counts["verdicts"] += 1
        self.counts["refused"] += isinstance(ours, Refused)
        both_refuse = isinstance(ours, Refused) and isinstance(theirs, Refused)
        is_stricter = isinstance(ours, Refused) and change in STRICTER
        if not (ours == theirs or both_refuse or is_stricter):
            raise Difference(f"{change}:\nlist: {ours}\ndnf:  {theirs}")


def verdict(ask: Callable[[], set[str]]) -> set[str] | Refused:
    try:
        return ask()
    except Refused as refused:
        return refused


def differ(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Difference(f"{what}:\nlist: {ours}\ndnf:  {theirs}")


def not_in_order(nevras: list[str]) -> list[tuple[str, str]]:
    """Neighbours of which librpm says that the first is the newer one."""
    pairs = list(zip(nevras, nevras[1:]))
    program = "import json, rpm, sys; print(json.dumps([rpm.labelCompare(*map(tuple, pair)) for pair in json.load(sys.stdin)]))"
    evrs = json.dumps([[evr(nevra) for nevra in pair] for pair in pairs])
    # Debian's python3-rpm is the system's Python's.
    said = subprocess.run(["/usr/bin/python3", "-c", program], input=evrs, check=True, capture_output=True, text=True).stdout
    return [pair for pair, order in zip(pairs, json.loads(said)) if order > 0]


def evr(nevra: str) -> tuple[str, str, str]:
    _, version, release = nevra.rpartition(".")[0].rsplit("-", 2)
    epoch, _, version = version.rpartition(":")
    return epoch or "0", version, release


# ---------------------------------------------------------------- the runs


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def play(seed: int, numbers: list[int], ami: Callable[[Path], Module], at_once: int = 1) -> Counter[str]:
    """Plays the runs; the first difference is raised, with what its repository was."""
    def one(number: int) -> Counter[str]:
        drawn, folder = Drawn.of(seed, number), shared / str(number)
        (folder / "module").mkdir(parents=True)
        try:
            with served(drawn, tools, folder) as site:
                counts = Comparison(drawn, tools, site, ami(folder / "module"), folder).compare()
        except Exception as error:
            error.add_note(f"seed {seed}, run {number}: {drawn}")
            error.add_note(f"again: make differential DIFFERENTIAL='--seed {seed} --only {number}'")
            raise
        shutil.rmtree(folder)
        return counts

    total = Counter[str](repositories=len(numbers))
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(max_workers=at_once) as pool:
        shared = Path(name)
        tools = Tools.at(shared)
        for number, counts in zip(numbers, pool.map(one, numbers)):
            print(f"run {number}: {told(counts)}", flush=True)
            total += counts
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", type=int, help="the number of one run, in place of all")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    Module.is_native = True
    numbers = list(range(1, options.runs + 1)) if options.only is None else [options.only]
    try:
        total = play(options.seed, numbers, lambda folder: Module(NATIVE, folder), options.at_once)
    except Difference as difference:
        sys.exit("\n".join([str(difference), *difference.__notes__]))
    print(f"{told(total)}, 0 differences")


if __name__ == "__main__":
    main()
