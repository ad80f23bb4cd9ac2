"""Several repositories: merged, or each for targets of its own."""

from __future__ import annotations

import json

import pytest

from conftest import Consumer, Module, WebServer
from repositories import Repository, RpmBuilder
from test_artifacts import validated
from test_module import CHILD

RUNNER = ("--product", "gitlab-runner")


@pytest.fixture
def al(web: WebServer, rpms: RpmBuilder) -> Repository:
    return Repository(web.folder / "al", rpms, f"{web.url}/al/").add(
        "gitlab-runner-18.5.0-1.x86_64", "gitlab-runner-18.6.0-1.x86_64", "bash-5-1.x86_64").publish("--revision", "night-7")


@pytest.fixture
def el(web: WebServer, rpms: RpmBuilder) -> Repository:
    return Repository(web.folder / "el", rpms, f"{web.url}/el/").add(
        "gitlab-runner-18.5.0-1.x86_64", "bash-5-1.x86_64").publish()


def rows(ami: Module) -> list[tuple[str, str, list[str] | None]]:
    return [(row["package"].split("-")[2], row["url"].split("/")[3], row.get("targets"))
            for row in validated("packages", ami.json("packages.json"))["packages"]]


def test_each_target_is_built_from_the_releases_of_its_own_repository(ami: Module, al: Repository, el: Repository) -> None:
    (ami.folder / "tracker").mkdir()

    run = ami("list", "--repo-url", f"al2023={al.url}", "--repo-url", f"rhel9,rhel8={el.url}", *RUNNER)

    assert run.code == 0, run.all
    assert run.out.splitlines() == [
        "3 releases of gitlab-runner in 2 repositories, 3 wanted (every version)", f"  2 in {al.url} for al2023",
        f"  1 in {el.url} for rhel8, rhel9", "  gitlab-runner-18.5.0-1.x86_64  al2023",
        "  gitlab-runner-18.5.0-1.x86_64  rhel8, rhel9", "  gitlab-runner-18.6.0-1.x86_64  al2023"]
    assert rows(ami) == [("18.5.0", "al", ["al2023"]), ("18.5.0", "el", ["rhel8", "rhel9"]), ("18.6.0", "al", ["al2023"])]
    first, second = ami.json("packages.json")["repositories"]
    assert first == {"url": al.url, "targets": ["al2023"], "revision": "night-7", "releases": 2}
    assert (second["url"], second["releases"]) == (el.url, 1)

    diff = ami("diff", "--targets", "al2023,rhel9", "--tracker", "tracker", "--ref", "main", *CHILD)
    assert diff.code == 0, diff.all
    assert "gitlab-runner on main: 3 releases, 2 targets, 3 images" in diff.out
    builds = [(build["version"], build["target"], build["package_url"].split("/")[3]) for build in ami.json("builds.json")["builds"]]
    assert builds == [("18.5.0", "rhel9", "el"), ("18.6.0", "al2023", "al")]


def test_a_target_that_no_repository_is_for_is_an_error(ami: Module, al: Repository) -> None:
    (ami.folder / "tracker").mkdir()
    assert ami("list", "--repo-url", f"al-2023={al.url}", *RUNNER).code == 0
    run = ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", *CHILD)
    assert (run.code, "--targets names al2023, and no --repo-url was for it" in run.err) == (2, True), run.all


def test_without_targets_repositories_are_merged_and_the_first_counts(ami: Module, al: Repository, el: Repository) -> None:
    other = el.rpms.folder / "other"
    el.rpms = RpmBuilder(other, summary="The same package, built by somebody else")
    other.mkdir()
    el.add("gitlab-runner-18.5.0-1.x86_64", "gitlab-runner-18.7.0-1.x86_64").publish()

    run = ami("list", "--repo-url", json.dumps([al.url, el.url]), *RUNNER)

    assert run.code == 0, run.all
    assert rows(ami) == [("18.5.0", "al", None), ("18.6.0", "al", None), ("18.7.0", "el", None)]
    package = "Packages/gitlab-runner-18.5.0-1.x86_64.rpm"
    assert run.err == (f"WARNING: gitlab-runner-18.5.0-1.x86_64 is not the same file in two repositories: {al.url}{package} "
                       f"counts, {el.url}{package} has another checksum\n")


def test_if_one_of_several_repositories_fails_the_run_fails(ami: Module, web: WebServer, rpms: RpmBuilder, al: Repository) -> None:
    others = Repository(web.folder / "others", rpms, f"{web.url}/others/").add("bash-5-1.x86_64").publish()
    empty = Repository(web.folder / "empty", rpms, f"{web.url}/empty/").publish()
    for urls, told in [
        ((al.url, f"{web.url}/nowhere/"), f"{web.url}/nowhere/ is not there (404)"),
        ((al.url, empty.url), f"the repository {empty.url} has no package at all"),
        ((f"a={al.url}", f"b={others.url}"), f"there is no package gitlab-runner in {others.url}"),
        ((others.url,), f"there is no package gitlab-runner in {others.url}"),
    ]:
        run = ami("list", *(word for url in urls for word in ("--repo-url", url)), *RUNNER)
        assert (run.code, told in run.err) == (3, True), run.all
        assert not (ami.folder / "packages.json").exists()
    # Merged, the product may be in one of them alone; for a target, too.
    for urls in [(others.url, al.url), (f"a,b={al.url}", f"b={others.url}")]:
        assert ami("list", *(word for url in urls for word in ("--repo-url", url)), *RUNNER).code == 0


@pytest.mark.parametrize(("urls", "told"), [
    (("",), "--repo-url is empty: give the URL of a repository (input repo_url), or a list of them (input repo_urls)"),
    (("", " []"), "--repo-url is empty"),
    (("https://p4ssword@x", '["https://x"]'), "repo_url and repo_urls (--repo-url with a JSON array) are two ways to say the same"),
    (("a=https://p4ssword@x", "https://x"), "--repo-url names targets for some repositories and not for others"),
    (('["https://p4ssword@x"',), "--repo-url is not a JSON array of strings: line 1, column 21"),
    (("a b=https://p4ssword@x",), "what stands before the = of --repo-url are no targets, such as al2023,rhel9"),
    (("a=p4ssword",), "--repo-url is no URL"),
])
def test_a_list_of_repositories_that_is_wrong_is_told_without_its_passwords(ami: Module, urls: tuple[str, ...], told: str) -> None:
    run = ami("list", *(f"--repo-url={url}" for url in urls), *RUNNER)
    assert (run.code, told in run.err) == (2, True), run.all
    assert "p4ssword" not in run.all


def test_the_component_takes_a_list_with_variables_in_it(consumer: Consumer, al: Repository, el: Repository) -> None:
    consumer.repo_url = al.url
    consumer.edit(".gitlab-ci.yml", "      repo_url: $REPO_URL\n", f"      repo_urls: ['al2023=$REPO_URL', 'rhel9={el.url}']\n")

    pipeline = consumer.schedule()

    assert pipeline.code == 0, pipeline.log
    assert sorted((build["VERSION"], build["TARGET"]) for build in pipeline.builds()) == [("18.5.0", "rhel9"), ("18.6.0", "al2023")]
