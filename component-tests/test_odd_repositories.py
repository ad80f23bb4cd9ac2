"""Repositories that are not what they should be: for a night, or on servers that have ways of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import Module, WebServer, start_nginx
from repositories import Repository, RpmBuilder
from test_module import CHILD, names
from web_servers import Answers, answering

RUNNER = ("--product", "gitlab-runner")
RELEASE = "gitlab-runner-2:18.6.0-1.x86_64"
BUILDS = ("--targets", "al2023", "--tracker", "tracker", "--ref", "main", *CHILD)


@pytest.fixture
def repository(web: WebServer, rpms: RpmBuilder) -> Repository:
    return Repository(web.folder / "el9", rpms, f"{web.url}/el9/").add(RELEASE, "bash-5-1.x86_64").publish()


def night(ami: Module, *options: str) -> tuple[int, str]:
    """`list`, and `diff` where that could read the repository: the first exit code that is not 0, and what was said."""
    for command in (("list", *RUNNER, "--retry-delay", "0.1", *options), ("diff", *BUILDS)):
        run = ami(*command)
        if run.code:
            break
    return run.code, run.all


def test_a_repomd_that_is_missing_for_a_night_makes_nothing_a_new_release(ami: Module, repository: Repository) -> None:
    (ami.folder / "tracker").mkdir()
    repo_url = ("--repo-url", repository.url)
    assert night(ami, *repo_url)[0] == 0
    claimed = [build["package"] for build in ami.json("builds.json")["builds"]]
    assert claimed == [RELEASE]
    tracker = {file.name: file.read_bytes() for file in (ami.folder / "tracker").iterdir()}

    shutil.move(repository.folder / "repodata", repository.folder / "away")
    # Whether there is no cache, in which list cannot know of it, and the tracker does.
    code, said = night(ami, *repo_url)
    assert (code, "had repodata when the tracker last saw it" in said, "accept_index: true" in said) == (3, True, True), said
    assert {file.name: file.read_bytes() for file in (ami.folder / "tracker").iterdir()} == tracker
    assert not (ami.folder / "builds.json").exists() and not (ami.folder / "child-pipeline.yml").exists()
    said = ami("list", *RUNNER, *repo_url).err
    assert f"{repository.url} has no repodata/repomd.xml: its index is read, which tells no epochs" in said, said

    # Or there is one.
    shutil.move(repository.folder / "away", repository.folder / "repodata")
    assert night(ami, *repo_url, "--cache", "cache")[0] == 0
    shutil.move(repository.folder / "repodata", repository.folder / "away")
    code, said = night(ami, *repo_url, "--cache", "cache")
    assert (code, "and had one on an earlier run" in said) == (3, True), said

    # A person says that it is an index from now on: once is enough.
    assert night(ami, *repo_url, "--cache", "cache", "--accept-index")[0] == 0
    assert [build["package"] for build in ami.json("builds.json")["builds"]] == [RELEASE.replace("2:", "")]
    assert night(ami, *repo_url, "--cache", "cache")[0] == 0


def test_a_query_is_a_token_of_every_file_and_of_packages_where_that_is_asked_for(
    ami: Module, rpms: RpmBuilder, tmp_path: Path
) -> None:
    token = "sig=a%2Bb%3D&se=2026"
    guarded, server = start_nginx(tmp_path / "guarded", f'if ($args != "{token}") {{ return 403; }}')
    try:
        Repository(server.folder / "el9", rpms, f"{server.url}/el9/").add(RELEASE).publish()
        repo_url = ("--repo-url", f"{server.url}/el9?{token}")
        run = ami("list", *RUNNER, *repo_url, "--cache", "cache")
        assert (run.code, names(ami)) == (0, [RELEASE]), run.all
        url = f"{server.url}/el9/Packages/gitlab-runner-18.6.0-1.x86_64.rpm"
        assert [row["url"] for row in ami.json("packages.json")["packages"]] == [url]
        assert "a%2Bb" not in run.all + json.dumps(ami.json("packages.json"))
        run = ami("list", *RUNNER, *repo_url, "--package-url-query")
        assert [row["url"] for row in ami.json("packages.json")["packages"]] == [f"{url}?{token}"], run.all
        (ami.folder / "tracker").mkdir()
        run = ami("diff", *BUILDS)
        assert (run.code, "a%2Bb" in run.all) == (0, False), run.all
        assert [build["package_url"] for build in ami.json("builds.json")["builds"]] == [f"{url}?{token}"]

        without = ami("list", *RUNNER, "--repo-url", f"{server.url}/el9/")
        assert (without.code, "access is forbidden, or there is no such file" in without.err) == (3, True), without.all
    finally:
        guarded.terminate()
        guarded.wait()


class Container(Answers):
    """Azure's List Blobs, a blob a page, as its REST API documents it; without a listing it answers 404."""

    blobs = ["el9/bash-5-1.x86_64.rpm", "el9/gitlab-runner-18.6.0+git1-1.x86_64.rpm", "el9/gitlab-runner-18.6.1-1.x86_64.rpm"]

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        blobs = [blob for blob in self.blobs if blob.startswith(query.get("prefix", "")) and blob >= query.get("marker", "")]
        if query.get("comp") != "list" or query.get("restype") != "container" or query.get("sig") != "s3cr+t":
            self.answer(404, "<Error><Code>ResourceNotFound</Code></Error>")
            return
        more = f"<NextMarker>{blobs[1]}</NextMarker>" if blobs[1:] else "<NextMarker />"
        self.answer(200, '\N{ZERO WIDTH NO-BREAK SPACE}<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="yum"><Blobs>'
                    f"<Blob><Name>{blobs[0]}</Name><Properties><Content-Length>1</Content-Length></Properties></Blob></Blobs>{more}</EnumerationResults>")


@pytest.fixture
def container() -> Iterator[str]:
    with answering(Container) as url:
        yield f"{url}/yum"


def test_a_container_is_listed_to_its_last_page_with_its_token(ami: Module, container: str) -> None:
    run = ami("list", *RUNNER, "--repo-url", f"{container}?restype=container&comp=list&prefix=el9/&sig=s3cr%2Bt")
    assert (run.code, names(ami)) == (0, ["gitlab-runner-18.6.0+git1-1.x86_64", "gitlab-runner-18.6.1-1.x86_64"]), run.all
    assert [row["url"] for row in ami.json("packages.json")["packages"]] == [
        f"{container}/el9/gitlab-runner-18.6.0%2Bgit1-1.x86_64.rpm", f"{container}/el9/gitlab-runner-18.6.1-1.x86_64.rpm"]
    assert "s3cr" not in run.all


@pytest.mark.parametrize(("content", "told"), [
    ("<!doctype html><title>Sign in - Example</title>", 'it is an HTML page titled "Sign in - Example"'),
    ('{"error": "no such repository"}', "it is JSON of another form"),
    ("<a href=tool_1.2.3_linux_amd64.rpm>", "such as tool_1.2.3_linux_amd64.rpm, of another form than NAME-VERSION-RELEASE.ARCH.rpm"),
])
def test_what_is_there_in_place_of_a_repository_is_named(ami: Module, web: WebServer, content: str, told: str) -> None:
    (web.folder / "page").mkdir()
    (web.folder / "page" / "index.html").write_text(content)
    run = ami("list", *RUNNER, "--repo-url", f"{web.url}/page/")
    assert (run.code, told in run.err) == (3, True), run.all


@pytest.mark.parametrize(("repo_url", "told"), [
    ("baseurl=https://yum.example.com/el9/", "--repo-url begins with baseurl=, as a line of a .repo file does"),
    ("https://yum.example.com/el9/repodata/repomd.xml", "--repo-url ends with repodata: leave that off"),
])
def test_what_was_copied_from_elsewhere_is_told_before_any_request(ami: Module, repo_url: str, told: str) -> None:
    run = ami("list", *RUNNER, "--repo-url", repo_url)
    assert (run.code, told in run.err) == (2, True), run.all
