"""With --cache, a primary that has not changed is not fetched again; nothing is believed because it was kept."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from conftest import Consumer, Module, WebServer
from repositories import FIRST, Repository
from test_mirrors import mirrorlist
from test_module import names
from test_signature import Signer

LIST = ("--product", "gitlab-runner", "--cache", "cache")
RUNNERS = [name for name in FIRST if name.startswith("gitlab-runner-1")]


@pytest.fixture
def published(repository: Repository) -> Repository:
    return repository.add(*FIRST).publish()


def asked(web: WebServer) -> list[tuple[str, str]]:
    """The files that were asked for since the last time, each with the answer's status."""
    lines = web.requests()
    web.log.write_text("")
    return [(line.split()[1].rsplit("/", 1)[-1].split("-", 1)[-1], line.split(" | ")[1]) for line in lines]


def run_list(ami: Module, *arguments: str) -> dict:
    run = ami("list", *arguments, *LIST)
    assert run.code == 0, run.all
    assert "ignored" not in run.err, run.err
    document = ami.json("packages.json")
    del document["read_at"]
    return document


def kept(ami: Module) -> Path:
    """The one file that is kept."""
    [folder] = (ami.folder / "cache").iterdir()
    [file] = folder.iterdir()
    return file


def test_a_primary_that_has_not_changed_is_not_fetched_again(ami: Module, web: WebServer, published: Repository) -> None:
    first = run_list(ami, "--repo-url", published.url)
    assert asked(web) == [("repomd.xml", "200"), ("primary.xml.gz", "200")]

    assert run_list(ami, "--repo-url", published.url) == first
    assert asked(web) == [("repomd.xml", "200")]

    published.add("gitlab-runner-18.7.0-1.x86_64").publish()
    run_list(ami, "--repo-url", published.url)
    assert names(ami) == [*RUNNERS, "gitlab-runner-18.7.0-1.x86_64"]
    assert asked(web) == [("repomd.xml", "200"), ("primary.xml.gz", "200")]
    assert kept(ami).read_bytes() == next((published.folder / "repodata").glob("*-primary.xml.gz")).read_bytes()


def test_another_product_is_read_from_what_is_kept_as_well(ami: Module, web: WebServer, published: Repository) -> None:
    run_list(ami, "--repo-url", published.url)
    asked(web)
    run = ami("list", "--repo-url", published.url, "--product", "gitlab-runner-fips", "--cache", "cache")
    assert (run.code, names(ami)) == (0, ["gitlab-runner-fips-18.6.0-1.x86_64"]), run.all
    run_list(ami, "--repo-url", published.url, "--major-version", "18")
    assert names(ami) == RUNNERS[1:]
    assert asked(web) == [("repomd.xml", "200")] * 2


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("forgery", ["packages of another", "cut", "empty", "a folder", "a link"])
def test_what_somebody_wrote_into_the_kept_folder_is_not_believed(
        ami: Module, web: WebServer, published: Repository, tmp_path: Path, forgery: str, is_signed: bool) -> None:
    """Field tests, security 9: a forged cache and an honest server, with a key and without one."""
    signed: tuple[str, ...] = ()
    if is_signed:
        signer = Signer(tmp_path / "gnupg")
        signer.gpg("--armor", "--detach-sign", str(published.folder / "repodata/repomd.xml"))
        (ami.folder / "key").write_text(signer.public_key())
        signed = ("--gpg-key", "key")
    first = run_list(ami, "--repo-url", published.url, *signed)
    file = kept(ami)
    content = file.read_bytes()
    file.unlink()
    match forgery:
        case "packages of another":
            plain = gzip.decompress(content).replace(b"18.6.0", b"66.6.0").replace(b'href="', b'href="https://evil.example.com/')
            file.write_bytes(gzip.compress(plain))
        case "cut":
            file.write_bytes(content[:-9])
        case "empty":
            file.touch()
        case "a folder":
            file.mkdir()
        case "a link":
            file.symlink_to(next((published.folder / "repodata").glob("*-primary.xml.gz")))
    asked(web)

    run = ami("list", "--repo-url", published.url, *LIST, *signed)

    assert run.code == 0, run.all
    assert ami.json("packages.json")["packages"] == first["packages"]
    assert asked(web)[-1] == ("primary.xml.gz", "200")
    if forgery not in ("a folder", "a link"):
        assert f"{file.relative_to(ami.folder)} is ignored: primary.xml does not match repomd.xml" in run.err
    run_list(ami, "--repo-url", published.url, *signed)
    assert asked(web)[-1] != ("primary.xml.gz", "200"), "it is kept anew"


def test_of_an_index_nothing_is_kept(ami: Module, web: WebServer) -> None:
    """It has no checksum that could tell it from what somebody wrote."""
    (web.folder / "flat").mkdir()
    page = web.folder / "flat/index.html"
    for version in RUNNERS:
        page.write_text(f'<a href="{version}.rpm">')
        run_list(ami, "--repo-url", f"{web.url}/flat/")
        assert names(ami) == [version]
        assert asked(web) == [("repomd.xml", "404"), ("", "200")]
    assert not (ami.folder / "cache").exists()


def test_packages_have_the_urls_of_the_mirror_that_answers(ami: Module, web: WebServer, published: Repository) -> None:
    url = mirrorlist(web, published.url) + "?repo=el9"
    first = run_list(ami, "--repo-url", url)
    asked(web)
    assert run_list(ami, "--repo-url", url) == first
    assert asked(web) == [("list.txt?repo=el9", "200"), ("repomd.xml", "200")]

    shutil.copytree(published.folder, web.folder / "other")
    assert mirrorlist(web, f"{web.url}/other/") + "?repo=el9" == url
    run_list(ami, "--repo-url", url)
    assert asked(web) == [("list.txt?repo=el9", "200"), ("repomd.xml", "200")]
    assert ami.json("packages.json")["packages"][0]["url"].startswith(f"{web.url}/other/")


def test_another_key_and_a_later_day_are_asked_of_the_repository(ami: Module, web: WebServer, published: Repository, tmp_path: Path) -> None:
    signer = Signer(tmp_path / "gnupg")
    signer.gpg("--armor", "--default-sig-expire", "10d", "--detach-sign", str(published.folder / "repodata/repomd.xml"))
    (ami.folder / "key").write_text(signer.public_key())
    (ami.folder / "other").write_text(Signer(tmp_path / "other").public_key())
    signed = ("--repo-url", published.url, "--gpg-key", "key")
    run_list(ami, *signed)
    asked(web)
    run_list(ami, *signed)
    assert asked(web) == [("repomd.xml", "200"), ("repomd.xml.asc", "200")]

    for changed in (("--gpg-key", "other"), ("--gpg-key", "key", "--now", "2099-01-01T00:00:00Z")):
        run = ami("list", "--repo-url", published.url, *LIST, *changed)
        assert run.code == 3 and "is not believed" in run.err, run.all
        assert not (ami.folder / "packages.json").exists()


def test_the_list_job_keeps_it_from_night_to_night(consumer: Consumer, web: WebServer, published: Repository) -> None:
    assert consumer.schedule().code == 0
    asked(web)
    assert consumer.schedule().code == 0
    assert asked(web) == [("repomd.xml", "200")]

    consumer.edit(".gitlab-ci.yml", "      repo_url: $REPO_URL\n", "      repo_url: $REPO_URL\n      cache: false\n")
    assert consumer.schedule().code == 0
    assert asked(web) == [("repomd.xml", "200"), ("primary.xml.gz", "200")]
