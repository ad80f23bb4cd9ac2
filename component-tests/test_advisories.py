"""The advisories of a repository, updateinfo.xml: told beside the releases that dnf holds them to be about, and no reason
to do without the releases."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import Module, WebServer, tool
from repositories import FIRST, Repository, RpmBuilder, update
from test_artifacts import validated
from test_module import CHILD

LIST = ("--product", "gitlab-runner")
NEWEST = "gitlab-runner-18.6.0-1.x86_64"
ADVISORY = "RHSA-2026:1234 (security, Important)"


@pytest.fixture
def published(repository: Repository) -> Repository:
    return repository.add(*FIRST).publish()


def read(ami: Module, repository: Repository) -> str:
    """Lists the repository, and returns what was told beside the list."""
    run = ami("list", "--repo-url", repository.url, *LIST)
    assert run.code == 0, run.all
    validated("packages", ami.json("packages.json"))
    return run.err


def advisories(ami: Module) -> set[tuple[str, str, str]]:
    """Each advisory with its type or severity as dnf tells them, and its release."""
    return {(advisory["id"], f"{advisory.get('severity', 'Unknown')}/Sec." if advisory["type"] == "security" else advisory["type"], row["package"])
            for row in ami.json("packages.json")["packages"] for advisory in row.get("advisories", [])}


def advisories_by_dnf(repository: Repository, rpms: RpmBuilder, folder: Path) -> set[tuple[str, str, str]]:
    """What dnf says of the same repository on a machine that has an older release."""
    root = folder / "machine"
    root.mkdir()
    older = rpms.rpm("gitlab-runner-1.0.0-1.x86_64")
    subprocess.run([tool("rpm"), "--root", str(root), "-i", "--justdb", "--nodeps", "--nosignature", "--ignorearch", str(older)],
                   check=True, capture_output=True)
    dnf = [tool("dnf"), "-q", f"--installroot={root}", "--releasever=9", "--forcearch=x86_64", f"--setopt=cachedir={folder}/cache",
           "--setopt=reposdir=/nonexistent", "--disableplugin=*", f"--repofrompath=x,file://{repository.folder}", "--repo=x",
           "--setopt=x.gpgcheck=0"]
    done = subprocess.run([*dnf, "updateinfo", "list", "--all"], check=True, capture_output=True, text=True)
    return {(words[-3], words[-2], words[-1]) for line in done.stdout.splitlines() if len(words := line.split()) >= 3}


def test_the_advisories_of_a_release_are_those_that_dnf_tells_of(ami: Module, published: Repository, rpms: RpmBuilder, tmp_path: Path) -> None:
    published.add("gitlab-runner-2:19.0.0-1.x86_64", "gitlab-runner-18.7.0-1.x86_64").publish()
    of = 'name="gitlab-runner" version="18.7.0" release="1"'
    published.advise(
        update("RHSA-2026:1234", NEWEST, "gitlab-runner-fips-18.6.0-1.x86_64"),
        update("RHBA-2026:1", NEWEST, kind="bugfix", severity=""),
        update("FEDORA-EPEL-2026-0a1b2c3d4e", NEWEST, kind="newpackage", severity=""),
        update("RHEA-2026:1", "gitlab-runner-2:19.0.0-1.x86_64", kind="enhancement"),
        update("RHSA-2026:2", "gitlab-runner-18.5.0-1.x86_64", severity=""),
        *(update(f"STATUS-{status}", "gitlab-runner-18.5.0-1.x86_64", status=status) for status in ("stable", "testing", "retracted")),
        update("SUSE-2026-1", "gitlab-runner-17.11.0-1.x86_64", kind="recommended", severity="moderate"),
        update("CAPITALS", "gitlab-runner-17.11.0-1.x86_64", kind="Security"),
        update("NO-EPOCH", package=f'{of} arch="x86_64"'),
        update("EMPTY-EPOCH", package=f'{of} arch="x86_64" epoch=""'),
        update("OTHER-EPOCH", package=f'{of} arch="x86_64" epoch="1"'),
        update("OTHER-ARCH", package=f'{of} arch="noarch" epoch="0"'),
        update("NO-ARCH", package=f'{of} epoch="0"'),
        update("OTHER-RELEASE", "gitlab-runner-18.7.0-2.x86_64"),
        update("OTHER-PRODUCT", "gitlab-runner-fips-18.6.0-1.x86_64"),
        update("TWICE", "gitlab-runner-18.5.0-1.x86_64"), update("TWICE", NEWEST, kind="bugfix"),
    )

    assert read(ami, published) == ""

    # dnf tells of releases, too, that the repository does not have.
    listed = {row["package"] for row in ami.json("packages.json")["packages"]}
    by_dnf = {found for found in advisories_by_dnf(published, rpms, tmp_path) if found[2] in listed}
    assert len(by_dnf) == 14
    assert advisories(ami) == by_dnf


@pytest.mark.parametrize("options", [("--no-compress",), ("--compress-type=gz",), ("--compress-type=xz",), ("--compress-type=bz2",)])
def test_advisories_are_told_in_the_list_the_plan_and_the_answer_why(ami: Module, published: Repository, options: tuple[str, ...]) -> None:
    published.advise(update("RHSA-2026:1234", NEWEST), options=options)
    run = ami("list", "--repo-url", published.url, *LIST)
    assert (run.code, run.err) == (0, ""), run.all
    assert f"  {NEWEST}  {ADVISORY}\n" in run.out
    assert re.search(f"  {NEWEST} +wanted, {re.escape(ADVISORY)}\n", ami("list", "--repo-url", published.url, *LIST, "--explain").out)

    (ami.folder / "tracker").mkdir()
    tracker = ("--targets", "al2023,rhel9", "--tracker", "tracker", "--ref", "main")
    diff = ami("diff", *tracker, *CHILD, "--max-builds", "1", "--markdown", "builds.md", "--junit", "junit.xml")
    assert diff.code == 0, diff.all
    assert f"  {NEWEST}  al2023  first run for this target, {ADVISORY}\n" in diff.out
    builds = validated("builds", ami.json("builds.json"))
    advisory = {"id": "RHSA-2026:1234", "type": "security", "severity": "Important"}
    rows = [row for row in builds["builds"] + builds["held"] if "advisories" in row]
    assert [(row["package"], row["target"], row["advisories"]) for row in rows] == [(NEWEST, "al2023", [advisory]), (NEWEST, "rhel9", [advisory])]
    assert r"RHSA-2026:1234 \(security, Important\)" in (ami.folder / "builds.md").read_text()
    assert ADVISORY in (ami.folder / "junit.xml").read_text()
    for source in (("--builds", "builds.json"), tracker):
        why = ami("why", "18.6.0", *source)
        assert why.out.count(ADVISORY) == 2, why.all


def break_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


@pytest.mark.parametrize(("damage", "told"), [
    (Path.unlink, "repomd.xml names repodata/"), (break_off, "updateinfo.xml does not match repomd.xml: ")])
def test_advisories_that_are_missing_or_damaged_are_unknown_and_the_releases_are_listed(
        ami: Module, web: WebServer, published: Repository, damage: object, told: str) -> None:
    published.advise(update("RHSA-2026:1234", NEWEST))
    damage(published.metadata("updateinfo.xml"))  # type: ignore[operator]

    err = read(ami, published)

    assert re.search(f"^WARNING: the advisories of {published.url} are not all known: .*{re.escape(told)}", err, re.MULTILINE), err
    assert "reading the repository again (attempt 4 of 4)" in err
    packages = ami.json("packages.json")
    assert told in packages["repositories"][0]["advisories_unknown"]
    assert len(packages["packages"]) == 3 and advisories(ami) == set()
    assert len([line for line in web.requests() if "repomd.xml" in line]) == 4


def test_an_advisory_that_cannot_be_read_is_left_out_with_a_warning(ami: Module, published: Repository) -> None:
    published.advise(update("RHSA-2026:1234", NEWEST), update("$(id)", NEWEST))
    err = read(ami, published)
    assert err.startswith(f"WARNING: the advisories of {published.url} are not all known: one is left out: updateinfo.xml is malformed near byte ")
    assert advisories(ami) == {("RHSA-2026:1234", "Important/Sec.", NEWEST)}
    assert "advisories_unknown" in ami.json("packages.json")["repositories"][0]


def test_advisories_are_kept_from_night_to_night_beside_the_primary(ami: Module, web: WebServer, published: Repository) -> None:
    published.advise(update("RHSA-2026:1234", NEWEST))
    for number, expected in enumerate((["repomd.xml", "primary.xml.gz", "updateinfo.xml.gz"], ["repomd.xml"], ["repomd.xml", "updateinfo.xml.gz"], ["repomd.xml"])):
        if number == 2:
            published.metadata("updateinfo.xml").unlink()
            published.advise(update("RHSA-2026:1234", NEWEST), update("RHBA-2026:1", NEWEST, kind="bugfix"))
        assert ami("list", "--repo-url", published.url, *LIST, "--cache", "cache").code == 0
        assert [line.split()[1].rsplit("/", 1)[-1].split("-", 1)[-1] for line in web.requests()] == expected
        web.log.write_text("")
        assert len(advisories(ami)) == 1 + number // 2
    [folder] = (ami.folder / "cache").iterdir()
    assert len(list(folder.iterdir())) == 2


def test_of_a_repository_without_the_product_no_advisories_are_asked_for(ami: Module, web: WebServer, published: Repository) -> None:
    published.advise(update("RHSA-2026:1234", NEWEST))
    assert ami("list", "--repo-url", published.url, "--product", "gitlab-runer").code == 3
    assert not [line for line in web.requests() if "updateinfo" in line]


@pytest.mark.parametrize("is_of_a_module", [True, False])
def test_the_streams_of_a_module_are_all_listed_with_a_warning(ami: Module, web: WebServer, rpms: RpmBuilder, is_of_a_module: bool) -> None:
    release = "1.module+el8.10.0+21+0a1b2c3d" if is_of_a_module else "1.el8"
    repository = Repository(web.folder / "el8", rpms, f"{web.url}/el8/").add(f"gitlab-runner-18.6.0-{release}.x86_64").publish()
    repository.describe("modules", "modules.yaml", "---\ndocument: modulemd\nversion: 2\ndata: {name: runner, stream: rhel8}\n")

    err = read(ami, repository)

    warning = (f"WARNING: {repository.url} has module streams, which are not evaluated: the releases of all streams are listed, such as "
               f"gitlab-runner-18.6.0-{release}.x86_64. Leave the other streams out by exclude or version_range\n")
    assert err == (warning if is_of_a_module else "")


def test_of_several_repositories_the_one_that_counts_has_the_advisories(ami: Module, web: WebServer, published: Repository) -> None:
    other = Repository(web.folder / "other", published.rpms, f"{web.url}/other/")
    shutil.copytree(published.folder, other.folder)
    published.advise(update("RHSA-2026:1234", NEWEST))
    other.advise(update("ELSA-2026-1", NEWEST))
    for one, several, expected in [("", "", {"RHSA-2026:1234"}), ("rhel9=", "al2023=", {"RHSA-2026:1234", "ELSA-2026-1"})]:
        run = ami("list", "--repo-url", one + published.url, "--repo-url", several + other.url, *LIST)
        assert (run.code, run.err) == (0, ""), run.all
        assert {name for name, _, _ in advisories(ami)} == expected
