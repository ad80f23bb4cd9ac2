"""Mirrorlists and metalinks: the first mirror that has all of it, and the next one where that breaks."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from conftest import Module, WebServer, start_nginx
from repositories import FIRST, Repository
from test_module import names

LIST = ("--product", "gitlab-runner")
RUNNERS = [name for name in FIRST if name.startswith("gitlab-runner-1")]
NOWHERE = "http://127.0.0.1:9/el9/"


@pytest.fixture
def mirrors(web: WebServer, repository: Repository) -> Repository:
    """Two mirrors: `el9`, which is whole, and `broken`, whose primary is damaged."""
    repository.add(*FIRST).publish()
    broken = Repository(web.folder / "broken", repository.rpms, f"{web.url}/broken/")
    shutil.copytree(repository.folder, broken.folder)
    broken.primary().write_bytes(broken.primary().read_bytes()[:-9])
    return repository


def mirrorlist(web: WebServer, *urls: str) -> str:
    (web.folder / "list.txt").write_text("# repo = el9\n" + "".join(f"{url}\n" for url in urls))
    return f"{web.url}/list.txt"


def metalink(web: WebServer, digests: list[str], *urls: str, name: str = "repomd.xml") -> str:
    first, *older = [f'<verification><hash type="md5">0</hash><hash type="sha256">{digest}</hash></verification>' for digest in digests]
    resources = "".join(f'<url protocol="http" preference="{100 - number}">{url}repodata/repomd.xml</url>' for number, url in enumerate(urls))
    alternates = "".join(f"<mm0:alternate><size>1</size>{verification}</mm0:alternate>" for verification in older)
    (web.folder / "metalink").write_text(f"""<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files><file name="{name}"><mm0:timestamp>1</mm0:timestamp><size>1</size>{first}<mm0:alternates>{alternates}</mm0:alternates>
 <resources maxconnections="1">{resources}</resources></file></files></metalink>""")
    return f"{web.url}/metalink?repo=el9&arch=x86_64"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_first_mirror_that_works_is_read(ami: Module, web: WebServer, mirrors: Repository) -> None:
    lists = [mirrorlist(web, f"{web.url}/none/", mirrors.url), mirrorlist(web, mirrors.url) + "?repo=el9"]
    for repo_url in lists:
        run = ami("list", "--repo-url", repo_url, *LIST)
        assert run.code == 0, run.all
        assert names(ami) == RUNNERS
        assert ami.json("packages.json")["packages"][0]["url"].startswith(f"{mirrors.url}Packages/")
        assert ami.json("packages.json")["repository"] == f"{web.url}/list.txt" + ("" if "?" in repo_url else "/")


def test_a_mirror_that_fails_in_the_middle_is_followed_by_the_next(ami: Module, web: WebServer, mirrors: Repository) -> None:
    run = ami("list", "--repo-url", mirrorlist(web, NOWHERE, f"{web.url}/none/", f"{web.url}/broken/", mirrors.url), *LIST)

    assert run.code == 0, run.all
    assert names(ami) == RUNNERS
    told = run.err.splitlines()
    assert [line.endswith("; trying the next mirror") for line in told] == [True] * 3, run.err
    assert "127.0.0.1:9/el9/repodata/repomd.xml cannot be reached: connection refused" in told[0]
    assert f"the mirror {web.url}/none/ has no repodata/repomd.xml" in told[1]
    assert "primary.xml does not match repomd.xml" in told[2]


def test_if_no_mirror_works_it_is_said_of_which_list(ami: Module, web: WebServer, mirrors: Repository) -> None:
    run = ami("list", "--repo-url", mirrorlist(web, f"{web.url}/broken/", f"{web.url}/none/"), *LIST)
    assert run.code == 3
    assert f"none of the 2 mirrors in {web.url}/list.txt can be used: the mirror {web.url}/none/ has no repodata" in run.err
    assert run.err.count("broken/repodata") == 4, run.err


def test_a_metalink_vouches_for_repomd(ami: Module, web: WebServer, mirrors: Repository) -> None:
    """Field tests, security 14."""
    now = digest(mirrors.folder / "repodata/repomd.xml")
    for digests in ([now], ["0" * 64, now]):
        run = ami("list", "--repo-url", metalink(web, digests, f"{web.url}/none/", mirrors.url), *LIST)
        assert run.code == 0, run.all
        assert names(ami) == RUNNERS

    other = ami("list", "--repo-url", metalink(web, ["0" * 64], mirrors.url), *LIST)
    assert other.code == 3
    assert f"{mirrors.url}repodata/repomd.xml is not the one that the metalink describes" in other.err


@pytest.mark.parametrize(("text", "told"), [
    ("# el99 is no repository\n", "names no mirror with an http or https URL, and no variable without a value in it; it says: # el99 is no repository"),
    ("rsync://mirror.example.com/el9/\nhttp://mirror.example.com/$releasever/\n", "names no mirror with an http or https URL"),
    ("<metalink><files></files></metalink>", "the list of mirrors is malformed: it is a metalink that names no file repomd.xml"),
])
def test_a_list_without_mirrors_is_an_error(ami: Module, web: WebServer, text: str, told: str) -> None:
    (web.folder / "list.txt").write_text(text)
    run = ami("list", "--repo-url", f"{web.url}/list.txt", *LIST)
    assert (run.code, told in run.err) == (3, True), run.all


def test_a_list_of_mirrors_can_be_a_file(ami: Module, mirrors: Repository) -> None:
    (ami.folder / "mirrors").write_text(f"{mirrors.url}\n")
    run = ami("list", "--repo-url", "file:mirrors", *LIST)
    assert run.code == 0, run.all
    assert names(ami) == RUNNERS


@pytest.mark.parametrize("where", ["url", "variables"])
def test_the_credentials_of_a_list_go_to_its_own_server_alone(ami: Module, web: WebServer, mirrors: Repository, tmp_path: Path, where: str) -> None:
    process, private = start_nginx(tmp_path / "private", 'if ($http_authorization = "") { return 401; }')
    try:
        (private.folder / "list").write_text(f"{private.url}/el9/\n{mirrors.url}\n")
        url = f"{private.url}/list?repo=el9"
        if where == "url":
            url = url.replace("http://", "http://reader:s3cret@")
        else:
            ami.env |= {"AMI_SCHEDULER_REPO_USER": "reader", "AMI_SCHEDULER_REPO_PASSWORD": "s3cret"}
        run = ami("list", "--repo-url", url, *LIST)
    finally:
        process.terminate()
        process.wait()

    assert run.code == 0, run.all
    assert "s3cret" not in run.all + (ami.folder / "packages.json").read_text()
    assert all("| Basic " in line for line in private.requests()) and len(private.requests()) == 2
    assert all(line.endswith("| -") for line in web.requests()), web.requests()


def test_a_password_for_one_of_several_servers_is_not_given_to_all(ami: Module, web: WebServer, mirrors: Repository) -> None:
    ami.env |= {"AMI_SCHEDULER_REPO_USER": "reader", "AMI_SCHEDULER_REPO_PASSWORD": "s3cret"}
    two = ami("list", "--repo-url", mirrors.url, "--repo-url", NOWHERE, *LIST)
    assert (two.code, "AMI_SCHEDULER_REPO_PASSWORD are for one server, and the repositories without a password of their own are on several" in two.err) == (2, True), two.all
    assert web.requests() == []
    for urls in [(mirrors.url, mirrors.url), (mirrors.url, "file:mirror")]:
        (ami.folder / "mirror").mkdir(exist_ok=True)
        shutil.copytree(mirrors.folder, ami.folder / "mirror", dirs_exist_ok=True)
        run = ami("list", *(word for url in urls for word in ("--repo-url", url)), *LIST)
        assert (run.code, "s3cret" in run.all) == (0, False), run.all
    assert all("| Basic " in line for line in web.requests()) and len(web.requests()) == 6
