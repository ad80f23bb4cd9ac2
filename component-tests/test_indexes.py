"""Directory indexes as the real servers write them, and a bucket that is listed page by page."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from conftest import Module
from test_module import names
from web_servers import LISTINGS, Answers, answering

VERSIONS = ["18.6.0-1", "18.6.0^20260101-1", "18.6.0+git1-1", "18.6.0+git1_a-1.el9", "18.7.0~rc1-1", "18.10.0-1",
            "18.10.1^20261124git0123456789abcdef0123456789abcdef~beta+2-1.el9"]
PACKAGES = [f"gitlab-runner-{version}.x86_64" for version in VERSIONS]
LIST = ("--product", "gitlab-runner", "--pre-releases")


@pytest.fixture
def served() -> Iterator[Path]:
    """A folder that Apache, which drops root, can read, too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def put_packages(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for package in [*PACKAGES, "gitlab-runner-fips-18.6.0-1.x86_64", "git-2.47-1.x86_64"]:
        (folder / f"{package}.rpm").write_text(package)
    (folder / "gitlab-runner-18.6.0-1.x86_64.rpm.asc").touch()
    (folder / "it's <not> a & package.rpm").touch()


def assert_that_each_can_be_fetched(ami: Module) -> None:
    for row in ami.json("packages.json")["packages"]:
        got = subprocess.run(["curl", "--silent", row["url"]], capture_output=True, text=True, check=True)
        assert got.stdout == row["package"], row["url"]


@pytest.mark.parametrize("listing", LISTINGS)
def test_an_index_is_read_whoever_writes_it(ami: Module, served: Path, tmp_path: Path, listing: str) -> None:
    put_packages(served / "el9")
    # The same split up by letters, among other letters.
    for letter in ("f", "g", "G2", "h", "repodata-old"):
        (served / "split" / "Packages" / letter).mkdir(parents=True)
    put_packages(served / "split" / "Packages" / "g")
    (served / "split" / "repodata").mkdir()

    with LISTINGS[listing](served, tmp_path) as url:
        for path in ("el9", "el9/", "split/Packages/", "split"):
            run = ami("list", "--repo-url", f"{url}/{path}", *LIST)
            assert run.code == 0, run.all
            assert names(ami) == PACKAGES
            assert ami.json("packages.json")["repositories"][0]["releases"] == len(PACKAGES)
            assert_that_each_can_be_fetched(ami)
        wrong = ami("list", "--repo-url", f"{url}/el9", "--product", "gitlab-runer")

    assert (wrong.code, "Did you mean gitlab-runner, " in wrong.err) == (3, True), wrong.all


def test_a_directory_is_split_up_likewise(ami: Module) -> None:
    put_packages(ami.folder / "el9" / "Packages" / "g")
    run = ami("list", "--repo-url", "file:el9", *LIST)
    assert run.code == 0, run.all
    assert names(ami) == PACKAGES


def test_an_index_without_packages_is_an_error(ami: Module, served: Path, tmp_path: Path) -> None:
    (served / "el9" / "Packages" / "g").mkdir(parents=True)
    (served / "el9" / "deeper" / "el9").mkdir(parents=True)
    put_packages(served / "el9" / "deeper" / "el9")
    with LISTINGS["nginx"](served, tmp_path) as url:
        run = ami("list", "--repo-url", f"{url}/el9", *LIST)
    assert (run.code, "is no package repository" in run.err) == (3, True), run.all


class Bucket(Answers):
    """S3's ListObjects, in both versions: three keys a page."""

    keys = sorted([*(f"el 9/{package}.rpm" for package in PACKAGES), "el 9/bash-5-1.x86_64.rpm", "el 8/gitlab-runner-1-1.x86_64.rpm"])

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if path not in ("/", "/bucket"):
            key = unquote(path.replace("+", " ")).removeprefix("/").removeprefix("bucket/")  # as S3 does it
            found = key in self.keys
            self.answer(200 if found else 404, key.rpartition("/")[2].removesuffix(".rpm") if found else "<Error><Code>NoSuchKey</Code></Error>")
            return
        after = query.get("continuation-token", query.get("marker", ""))
        keys = [key for key in self.keys if key.startswith(query.get("prefix", "")) and key > after]
        page, rest = keys[:3], keys[3:]
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest and "list-type" in query else ""
        self.answer(200, '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                    f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{more}"
                    + "".join(f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in page) + "</ListBucketResult>")


@pytest.mark.parametrize("path", ["/?list-type=2&prefix=el+9/", "/?prefix=el%209/", "/bucket?list-type=2&prefix=el%209/"])
def test_a_bucket_is_listed_to_its_last_page(ami: Module, path: str) -> None:
    with answering(Bucket) as url:
        run = ami("list", "--repo-url", f"{url}{path}", *LIST)
        assert run.code == 0, run.all
        assert names(ami) == PACKAGES
        assert_that_each_can_be_fetched(ami)
