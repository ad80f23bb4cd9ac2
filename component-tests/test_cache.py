"""With --cache, a repository that has not changed costs one small request; nothing in it is believed over
the repository."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from conftest import Consumer, Module, WebServer, start_nginx
from repositories import FIRST, Repository
from test_mirrors import digest, metalink, mirrorlist
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


def test_an_unchanged_repository_costs_one_small_request(ami: Module, web: WebServer, published: Repository) -> None:
    first = run_list(ami, "--repo-url", published.url)
    assert asked(web) == [("repomd.xml", "200"), ("primary.xml.gz", "200")]

    assert run_list(ami, "--repo-url", published.url) == first
    assert asked(web) == [("repomd.xml", "304")]

    # The same file at another time has another ETag.
    os.utime(published.folder / "repodata/repomd.xml", (1, 1))
    assert run_list(ami, "--repo-url", published.url) == first
    assert run_list(ami, "--repo-url", published.url) == first
    assert asked(web) == [("repomd.xml", "200"), ("repomd.xml", "304")]

    published.add("gitlab-runner-18.7.0-1.x86_64").publish()
    run_list(ami, "--repo-url", published.url)
    assert names(ami) == [*RUNNERS, "gitlab-runner-18.7.0-1.x86_64"]
    assert asked(web) == [("repomd.xml", "200"), ("primary.xml.gz", "200")]


def test_another_product_has_a_listing_of_its_own(ami: Module, web: WebServer, published: Repository) -> None:
    run_list(ami, "--repo-url", published.url)
    run = ami("list", "--repo-url", published.url, "--product", "gitlab-runner-fips", "--cache", "cache")
    assert (run.code, names(ami)) == (0, ["gitlab-runner-fips-18.6.0-1.x86_64"]), run.all
    run_list(ami, "--repo-url", published.url, "--major-version", "18")
    assert names(ami) == RUNNERS[1:]
    assert asked(web)[-1] == ("repomd.xml", "304")


def test_a_server_that_knows_no_conditions_is_asked_for_repomd_alone(ami: Module, tmp_path: Path, published: Repository) -> None:
    process, plain = start_nginx(tmp_path / "plain", "etag off; add_header Last-Modified ''; if_modified_since off;")
    try:
        shutil.copytree(published.folder, plain.folder / "el9")
        for answers in [[("repomd.xml", "200"), ("primary.xml.gz", "200")], [("repomd.xml", "200")]]:
            run_list(ami, "--repo-url", f"{plain.url}/el9")
            assert asked(plain) == answers
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("damage", ["cut", "another version", "changed", "hostile", "of another repository", "a folder"])
def test_what_is_kept_is_never_believed_over_the_repository(ami: Module, web: WebServer, published: Repository, damage: str) -> None:
    first = run_list(ami, "--repo-url", published.url)
    [file] = (ami.folder / "cache").iterdir()
    head, _, text = file.read_text().partition("\n")
    content = json.loads(text)
    if damage == "hostile":
        content["packages"][0]["url"] = "file:///etc/passwd"
    if damage == "of another repository":
        content["subject"] = "0" * 64
    text = json.dumps(content)
    head = f"ami-scheduler/cache/1 {hashlib.sha256(text.encode()).hexdigest()}"
    if damage == "another version":
        head = head.replace("/1", "/2")
    if damage == "changed":
        text = text.replace("18.6.0", "66.6.0")
    file.write_text(f"{head}\n{text}"[:-9 if damage == "cut" else None])
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    asked(web)

    run = ami("list", "--repo-url", published.url, *LIST)

    assert run.code == 0, run.all
    assert f"cache/{file.name} is ignored: " in run.err
    assert ami.json("packages.json")["packages"] == first["packages"]
    assert asked(web) == [("repomd.xml", "200"), ("primary.xml.gz", "200")]
    if damage != "a folder":
        run_list(ami, "--repo-url", published.url)
        assert asked(web) == [("repomd.xml", "304")]


def test_an_index_that_has_not_changed_is_not_sent_again(ami: Module, web: WebServer) -> None:
    (web.folder / "flat").mkdir()
    page = web.folder / "flat/index.html"
    page.write_text("".join(f'<a href="{name}.rpm">' for name in RUNNERS))
    first = run_list(ami, "--repo-url", f"{web.url}/flat/")
    assert asked(web) == [("repomd.xml", "404"), ("", "200")]

    assert run_list(ami, "--repo-url", f"{web.url}/flat/") == first
    assert asked(web) == [("", "304")]

    page.write_text(f'<a href="{RUNNERS[0]}.rpm">')
    run_list(ami, "--repo-url", f"{web.url}/flat/")
    assert names(ami) == RUNNERS[:1]
    assert asked(web) == [("", "200"), ("repomd.xml", "404")]


def test_an_index_that_gains_a_repodata_is_left_for_it(ami: Module, web: WebServer, published: Repository) -> None:
    """At once where the index is another one by then; after a week where it is a page that stays the same."""
    repodata, hidden = published.folder / "repodata", published.folder / "hidden"
    page = published.folder / "index.html"
    repomd = [("repomd.xml", "200"), ("primary.xml.gz", "200")]
    for change, first, later in [
        (lambda: page.write_text('<a href="repodata/">'), [("", "200"), *repomd], ()),
        (lambda: page.unlink(), [("", "200"), *repomd], ()),
        (lambda: None, [("", "304")], ("--now", "2099-01-01T00:00:00Z")),
    ]:
        shutil.rmtree(ami.folder / "cache", ignore_errors=True)
        repodata.rename(hidden)
        page.write_text(f'<a href="{RUNNERS[0]}.rpm">')
        run_list(ami, "--repo-url", published.url)
        assert names(ami) == RUNNERS[:1]
        asked(web)

        hidden.rename(repodata)
        change()
        run_list(ami, "--repo-url", published.url)
        assert asked(web) == first
        if later:
            run_list(ami, "--repo-url", published.url, *later)
            assert asked(web) == repomd
        assert names(ami) == RUNNERS


def test_of_mirrors_the_one_that_was_read_is_asked_or_none(ami: Module, web: WebServer, published: Repository) -> None:
    url = mirrorlist(web, published.url) + "?repo=el9"
    first = run_list(ami, "--repo-url", url)
    asked(web)
    assert run_list(ami, "--repo-url", url) == first
    assert asked(web) == [("list.txt?repo=el9", "200"), ("repomd.xml", "304")]

    url = metalink(web, [digest(published.folder / "repodata/repomd.xml")], published.url)
    run_list(ami, "--repo-url", url)
    asked(web)
    assert run_list(ami, "--repo-url", url)["packages"] == first["packages"]
    assert [status for _, status in asked(web)] == ["200"]

    # Another mirror, another URL of each package.
    shutil.copytree(published.folder, web.folder / "other")
    run_list(ami, "--repo-url", metalink(web, [digest(published.folder / "repodata/repomd.xml")], f"{web.url}/other/"))
    assert ami.json("packages.json")["packages"][0]["url"].startswith(f"{web.url}/other/")


def test_a_signature_that_has_expired_is_no_longer_believed(ami: Module, web: WebServer, published: Repository, tmp_path: Path) -> None:
    signer = Signer(tmp_path / "gnupg")
    signer.gpg("--armor", "--default-sig-expire", "10d", "--detach-sign", str(published.folder / "repodata/repomd.xml"))
    (ami.folder / "key").write_text(signer.public_key())
    signed = ("--repo-url", published.url, "--gpg-key", "key")
    run_list(ami, *signed)
    asked(web)
    run_list(ami, *signed)
    assert asked(web) == [("repomd.xml", "304")]

    later = ami("list", *signed, *LIST, "--now", "2099-01-01T00:00:00Z")

    assert later.code == 3
    assert f"what is kept of {published.url} is ignored: its signature is not believed: it expired at" in later.err
    # A listing that was not verified is no listing of a repository whose signature is asked for.
    run_list(ami, "--repo-url", published.url)
    assert asked(web)[-1] == ("primary.xml.gz", "200")


def test_the_list_job_keeps_it_from_night_to_night(consumer: Consumer, web: WebServer, published: Repository) -> None:
    assert consumer.schedule().code == 0
    asked(web)
    assert consumer.schedule().code == 0
    assert asked(web) == [("repomd.xml", "304")]

    consumer.edit(".gitlab-ci.yml", "      repo_url: $REPO_URL\n", "      repo_url: $REPO_URL\n      cache: false\n")
    assert consumer.schedule().code == 0
    assert asked(web) == [("repomd.xml", "200"), ("primary.xml.gz", "200")]
