"""The module under the real wasmtime: real repositories, a tracker in a directory and in GitLab's
stand-in, what is wrong on every side, and the exit code that tells."""

from __future__ import annotations

import functools
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from conftest import PROJECT, Module, WebServer, start_nginx
from gitlab_stand_in import GitLab
from repositories import FIRST, Repository

CHILD = ("--build-file", "ci/build-ami.yml")


def names(ami: Module) -> list[str]:
    return [package["package"] for package in ami.json("packages.json")["packages"]]


def write_packages(ami: Module, *versions: str) -> None:
    """A packages.json as `list` writes it, without asking a repository."""
    packages = [{"package": f"gitlab-runner-{version}.x86_64", "url": f"https://yum.example.com/{quote(version)}.rpm"}
                for version in versions]
    (ami.folder / "packages.json").write_text(json.dumps({
        "format": "ami-scheduler/packages/1", "product": "gitlab-runner", "repository": "https://yum.example.com/",
        "read_at": "2026-11-24T02:00:00Z", "packages": packages, "filtered": []}))


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def states(ami: Module, tracker: str = "tracker") -> dict[str, str]:
    status = ami("status", "--tracker", tracker, "--format", "json")
    assert status.code == 0, status.all
    return {f"{package} {target}": entry["state"] for document in json.loads(status.out)
            for package, targets in document["entries"].items() for target, entry in targets.items()}


# ---------------------------------------------------------------- list: what it reads


@pytest.mark.parametrize("kind", ["gzip", "zstd", "xz", "bzip2", "none"])
def test_primary_is_read_however_it_is_compressed(ami: Module, repository: Repository, kind: str) -> None:
    repository.add(*FIRST).publish().recompress_primary(kind)

    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner")

    assert run.code == 0, run.all
    assert names(ami) == [name for name in FIRST if re.match(r"gitlab-runner-1", name)]
    first = ami.json("packages.json")["packages"][0]
    assert first["url"] == f"{repository.url}Packages/gitlab-runner-17.11.0-1.x86_64.rpm"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", first["checksum"]) and first["built_at"]


def test_a_product_is_a_name_and_a_major_version_is_a_number(ami: Module, repository: Repository) -> None:
    repository.add(*FIRST, "gitlab-runner-160.0.0-1.x86_64", "gitlab-runner-16.1.0-1.x86_64").publish()

    ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--major-version", "16")
    assert names(ami) == ["gitlab-runner-16.1.0-1.x86_64"]
    ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--major-version", "18.6")
    assert names(ami) == ["gitlab-runner-18.6.0-1.x86_64"]
    ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--version-range", ">=17, <18.6")
    assert names(ami) == ["gitlab-runner-17.11.0-1.x86_64", "gitlab-runner-18.5.0-1.x86_64"]


def test_epoch_release_and_architecture_count(ami: Module, repository: Repository) -> None:
    repository.add("gitlab-runner-17.5.2-1.x86_64", "gitlab-runner-17.5.2-2.x86_64", "gitlab-runner-1:2.0-1.x86_64",
                   "gitlab-runner-17.5.2-1.noarch", "gitlab-runner-18.0.0~rc1-1.x86_64").publish()

    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--arch", "x86_64")
    assert names(ami) == ["gitlab-runner-17.5.2-1.x86_64", "gitlab-runner-17.5.2-2.x86_64",
                          "gitlab-runner-1:2.0-1.x86_64"]
    assert "1 left out, pre-release (~): gitlab-runner-18.0.0~rc1-1.x86_64" in run.out
    ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--arch", "x86_64", "--pre-releases")
    assert "gitlab-runner-18.0.0~rc1-1.x86_64" in names(ami)


def test_a_product_that_is_not_there_is_an_error_that_names_the_nearest(ami: Module, repository: Repository) -> None:
    repository.add(*FIRST).publish()

    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runer")

    assert run.code == 3
    assert "there is no package gitlab-runer in" in run.err
    assert "Did you mean gitlab-runner, " in run.err
    assert not (ami.folder / "packages.json").exists()


def test_no_release_in_the_range_is_an_empty_list_and_says_so(ami: Module, repository: Repository) -> None:
    repository.add(*FIRST).publish()

    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--major-version", "99")

    assert run.code == 0, run.all
    assert "WARNING: no release is wanted: the list is empty" in run.out
    assert names(ami) == []
    (ami.folder / "tracker").mkdir()
    diff = ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", *CHILD)
    assert (diff.code, "Nothing to build." in diff.out) == (9, True), diff.all


@pytest.mark.parametrize("server", ["nginx", "python"])
def test_without_repodata_the_directory_index_is_read(ami: Module, web: WebServer, server: str) -> None:
    folder = web.folder / "flat"
    folder.mkdir()
    versions = ["18.6.0-1", "18.10.0-1", "18.7.0~rc1-1", "18.6.0^20260101-1", "18.6.0+git1-1"]
    for version in versions:
        (folder / f"gitlab-runner-{version}.x86_64.rpm").touch()
    (folder / "gitlab-runner-fips-18.6.0-1.x86_64.rpm").touch()
    url = f"{web.url}/flat"
    if server == "python":
        handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
        python = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=python.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{python.server_port}"

    run = ami("list", "--repo-url", url, "--product", "gitlab-runner", "--pre-releases")

    assert run.code == 0, run.all
    assert names(ami) == [f"gitlab-runner-{version}.x86_64" for version in
                          ["18.6.0-1", "18.6.0^20260101-1", "18.6.0+git1-1", "18.7.0~rc1-1", "18.10.0-1"]]
    for package in ami.json("packages.json")["packages"]:
        got = subprocess.run(["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", package["url"]],
                             capture_output=True, text=True, check=True)
        assert got.stdout == "200", package["url"]


def test_versions_are_ordered_as_the_real_rpm_orders_them(ami: Module) -> None:
    """Against python3-rpm, which is rpm's own code."""
    folder = ami.folder / "repo"
    folder.mkdir()
    chance = random.Random(18)
    pieces = ["0", "1", "01", "2", "9", "10", "20240101", "a", "b", "rc", "RC1", "~", "^", ".", ".", "_", "+", "~rc", "^git"]
    versions = {"".join(chance.choices(pieces, k=chance.randint(1, 6))) for _ in range(1500)}
    versions = {version for version in versions if version[0].isalnum() and ".." not in version}
    for version in versions:
        (folder / f"p-{version}-{chance.randint(1, 3)}.noarch.rpm").touch()

    run = ami("list", "--repo-url", "file:repo", "--product", "p", "--pre-releases")

    assert run.code == 0, run.all
    ours = names(ami)
    assert len(ours) == len(versions) > 500
    judge = """
import json, rpm, sys
evrs = [("0", *name[2:-len(".noarch")].rsplit("-", 1)) for name in json.load(sys.stdin)]
for older, newer in zip(evrs, evrs[1:]):
    assert rpm.labelCompare(older, newer) <= 0, (older, newer)
"""
    subprocess.run(["/usr/bin/python3", "-c", judge], input=json.dumps(ours), text=True, check=True)


# ---------------------------------------------------------------- list: what goes wrong


def test_a_primary_that_is_not_the_promised_one_is_never_believed(ami: Module, repository: Repository) -> None:
    repository.add(*FIRST).publish()
    primary = repository.primary()
    primary.write_bytes(primary.read_bytes()[:-9] + b"\0" * 9)

    run = ami("list", "--repo-url", repository.url, "--product", "gitlab-runner")

    assert run.code == 3
    assert "does not match repomd.xml: expected sha256:" in run.err
    assert "4 attempts ended in the same way" in run.err


def test_a_mirror_in_the_middle_of_its_update_is_asked_again(ami: Module, web: WebServer, repository: Repository) -> None:
    repository.add(*FIRST).publish()
    primary, hidden = repository.primary(), repository.folder / "hidden"
    primary.rename(hidden)

    process = ami.start("list", "--repo-url", repository.url, "--product", "gitlab-runner")
    wait_for(lambda: any("primary" in line for line in web.requests()))
    hidden.rename(primary)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 0, out
    assert "which is not there (404); reading the repository again" in out


@pytest.mark.parametrize("half", ["new repomd, old primary", "old repomd, new primary", "primary cut short", "primary longer"])
def test_a_mirror_that_has_half_of_an_update_is_asked_until_it_has_the_whole(ami: Module, web: WebServer, repository: Repository, half: str) -> None:
    # Without checksums in the names of files, as older mirrors have them: the same URL, another content.
    repository.add(*FIRST).publish("--simple-md-filenames")
    repodata, before = repository.folder / "repodata", repository.folder / "before"
    shutil.copytree(repodata, before)
    repository.add("gitlab-runner-18.7.0-1.x86_64").publish("--simple-md-filenames")
    primary, repomd = repodata / "primary.xml.gz", repodata / "repomd.xml"
    whole = {path: path.read_bytes() for path in (primary, repomd)}
    if half == "old repomd, new primary":
        repomd.write_bytes((before / "repomd.xml").read_bytes())
    else:
        primary.write_bytes({"new repomd, old primary": (before / "primary.xml.gz").read_bytes(),
                             "primary cut short": whole[primary][:-30], "primary longer": whole[primary] + b"x"}[half])

    process = ami.start("list", "--repo-url", repository.url, "--product", "gitlab-runner")
    wait_for(lambda: any("primary" in line for line in web.requests()))
    for path, content in whole.items():
        path.with_name("new").write_bytes(content)
        path.with_name("new").rename(path)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 0, out
    assert "primary.xml does not match repomd.xml: " in out and "reading the repository again (attempt 2 of 4)" in out
    assert names(ami)[-1] == "gitlab-runner-18.7.0-1.x86_64"


def test_of_open_size_and_open_checksum_nothing_depends(ami: Module, repository: Repository) -> None:
    """What arrives is verified as it arrives; some repositories have these wrong, or not at all."""
    repomd = repository.add(*FIRST).publish().folder / "repodata/repomd.xml"
    text = repomd.read_text()
    text = re.sub(r"<open-size>.*?</open-size>", "<open-size>1</open-size>", text)
    repomd.write_text(re.sub(r"(<open-checksum[^>]*>).*?<", r"\g<1>0<", text))
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
    assert len(names(ami)) == 3


def test_what_is_no_repository_is_refused_with_what_to_do(ami: Module, web: WebServer) -> None:
    (web.folder / "pages").mkdir()
    (web.folder / "login").mkdir()
    (web.folder / "login/repodata").mkdir()
    (web.folder / "login/repodata/repomd.xml").write_text("<html><body>Please sign in</body></html>")
    for url, told in [
        (f"{web.url}/nowhere", "is not there (404), nor is its repodata/repomd.xml: is the URL right?"),
        (f"{web.url}/pages", "is no package repository: it has no repodata/repomd.xml"),
        (f"{web.url}/login", "repodata/repomd.xml is malformed: expected an XML document <repomd>"),
        ("file:nowhere", "cannot read the directory nowhere"),
    ]:
        run = ami("list", "--repo-url", url, "--product", "gitlab-runner")
        assert run.code == 3 and told in run.err, run.all


def test_a_server_that_nobody_reaches_is_told_with_its_url(ami: Module) -> None:
    run = ami("list", "--repo-url", "http://127.0.0.1:9/el9", "--product", "gitlab-runner")
    assert run.code == 3
    assert run.err.count("connection refused; trying again in") == 5
    assert "http://127.0.0.1:9/el9/repodata/repomd.xml cannot be reached: connection refused" in run.err


def test_credentials_reach_their_own_server_alone_and_no_log(ami: Module, tmp_path: Path, repository: Repository) -> None:
    repository.add(*FIRST).publish()
    (tmp_path / "passwords").write_text("reader:" + subprocess.run(
        ["openssl", "passwd", "-apr1", "s3cret/§"], capture_output=True, text=True, check=True).stdout)
    elsewhere = repository.url.removesuffix("/el9/")
    process, private = start_nginx(tmp_path / "private", f"""
        auth_basic private; auth_basic_user_file {tmp_path}/passwords;
        location /el9/ {{ try_files /none @elsewhere; }}
        location @elsewhere {{ return 302 {elsewhere}$request_uri; }}""")
    try:
        url = private.url.replace("http://", "http://reader:s3cret%2F%C2%A7@")
        run = ami("list", "--repo-url", f"{url}/el9", "--product", "gitlab-runner")
        listed = (ami.folder / "packages.json").read_text()
        wrong = ami("list", "--repo-url", f"{private.url}/el9", "--product", "gitlab-runner")
    finally:
        process.terminate()
        process.wait()

    assert run.code == 0, run.all
    assert "s3cret" not in run.all + listed
    assert any("| Basic " in line for line in private.requests())
    asked = (tmp_path / "nginx/access.log").read_text().splitlines()
    assert asked and all(line.endswith("| -") for line in asked), asked
    assert wrong.code == 3 and "answers 401: it wants a user and password" in wrong.err


@pytest.mark.parametrize(("arguments", "told"), [
    ((), "Usage:"),
    (("bake",), "unrecognized subcommand 'bake'"),
    (("list",), "--product <NAME>"),
    (("list", "--product", "p"), "--repo-url is empty: give the URL of a repository"),
    (("list", "--repo-url", "ftp://u:p4ssword@x", "--product", "p"), "--repo-url begins with none of https:, http: and file:"),
    (("list", "--repo-url", "https://u:p4ssword@", "--product", "p"), "--repo-url has an @ where a URL has none"),
    (("list", "https://u:p4ssword@x/el9", "--product", "p"), "unexpected argument … (not repeated: a password may be in it) found"),
    (("list", "--repo-url", "https://x", "--product", "a b"), "not the name of a package"),
    (("list", "--repo-url", "https://x", "--product", "p", "--major-version", "18."), "not the beginning of a version"),
    (("list", "--repo-url", "https://x", "--product", "p", "--version-range", ">>1"), "unexpected character"),
    (("list", "--repo-url", "https://x", "--product", "p", "--major-version", "1", "--version-range", "1"), "give one of them"),
    (("diff", "--targets", "a b", "--tracker", "x", "--ref", "r", *CHILD), "is not a target"),
    (("diff", "--targets", "[1]", "--tracker", "x", "--ref", "r", *CHILD), "not a JSON array of strings"),
    (("diff", "--targets", "[]", "--tracker", "x", "--ref", "r", *CHILD), "name at least one"),
    (("diff", "--targets", "a,a", "--tracker", "x", "--ref", "r", *CHILD), "--targets names a twice"),
    (("diff", "--targets", "a", "--tracker", "x", "--ref", "r", "--build-file", "../x.yml"), "is not a YAML file of the project"),
    (("diff", "--targets", "a", "--tracker", "x", "--ref", "r", *CHILD, "--build-job", "build"), "is not the name of a hidden job"),
    (("diff", "--targets", "a", "--tracker", "x", "--ref", "r", *CHILD, "--claim-timeout", "0h"), "expected a time such as 12h or 90m"),
    (("diff", "--targets", "a", "--tracker", "x", "--ref", "r", *CHILD, "--max-builds", "0"), "expected a whole number, from 1 to 200"),
    (("update", "--tracker", "x", "--ref", "r", "--package", "p", "--target", "t"), "is not a package of the form"),
    (("update", "--tracker", "x", "--package", "p-1-1.noarch", "--target", "t"), "--ref <REF>"),
    (("status", "--tracker", "x", "--now", "yesterday"), 'invalid value "yesterday"'),
])
def test_a_command_line_that_is_wrong_exits_with_2(ami: Module, arguments: tuple[str, ...], told: str) -> None:
    run = ami(*arguments)
    assert run.code == 2, run.all
    assert told in run.err
    assert "p4ssword" not in run.all


# ---------------------------------------------------------------- the tracker in a directory


def test_a_build_goes_its_way_from_diff_to_status(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, "18.5.0-1", "18.6.0-1")
    tracker = ("--tracker", "tracker", "--ref", "feature/a")

    diff = ami("diff", "--targets", '["rhel9", "al2023"]', *tracker, *CHILD, "--pipeline", 7, "--now", "2026-11-24T02:00:00Z")
    assert diff.code == 0, diff.all
    assert "gitlab-runner on feature/a: 2 releases x 2 targets = 4 images" in diff.out
    package = ("--package", "gitlab-runner-18.6.0-1.x86_64")
    assert ami("update", *tracker, *package, "--target", "al2023", "--note", "AMI_ID=ami-1").code == 0
    assert ami("settle", *tracker, "--pipeline", 7).out == "Recorded as failed: gitlab-runner-18.6.0-1.x86_64 rhel9 (attempt 1)\n"

    assert states(ami) == {
        "gitlab-runner-18.5.0-1.x86_64 al2023": "skipped", "gitlab-runner-18.5.0-1.x86_64 rhel9": "skipped",
        "gitlab-runner-18.6.0-1.x86_64 al2023": "built", "gitlab-runner-18.6.0-1.x86_64 rhel9": "failed"}
    table = ami("status", "--tracker", "tracker").out
    assert re.search(r"gitlab-runner-18.6.0-1.x86_64  al2023  built +\S+ \S+ +1 +AMI_ID=ami-1", table), table

    assert ami("rebuild", "gitlab-runner-18.6.0-1.x86_64", *tracker, "--target", "al2023").out == "Will be built again: gitlab-runner-18.6.0-1.x86_64 al2023\n"
    again = ami("diff", "--targets", "al2023", *tracker, *CHILD, "--pipeline", 8)
    assert "asked for again: by hand" in again.out


@pytest.mark.parametrize("option", ["--builds", "--child-pipeline"])
def test_a_build_is_claimed_only_if_a_child_pipeline_can_be_written(ami: Module, option: str) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, "18.6.0-1")

    run = ami("diff", "--targets", "t", "--tracker", "tracker", "--ref", "main", *CHILD, option, "missing/file")

    assert run.code == 1 and "cannot write missing/file" in run.err
    assert not list((ami.folder / "tracker").iterdir())
    assert [path.name for path in ami.folder.iterdir() if path.is_file()] == ["packages.json"]


def test_what_can_not_be_claimed_is_not_left_to_be_built(ami: Module, gitlab: GitLab) -> None:
    write_packages(ami, "18.6.0-1")
    developer = ami.inside_job_of(gitlab, token="glcbt-developer")

    assert developer("diff", "--targets", "t", "--tracker", "gitlab", "--ref", "main", *CHILD).code == 4
    assert [path.name for path in ami.folder.iterdir()] == ["packages.json"]


@pytest.mark.parametrize("arguments", [
    ("status", "--tracker", "tracker"),
    ("update", "--force", "--tracker", "tracker", "--ref", "main", "--package", "gitlab-runner-1-1.x86_64", "--target", "t"),
    ("diff", "--targets", "t", "--tracker", "tracker", "--ref", "main", *CHILD),
    ("status", "--tracker", "missing"),
])
def test_nobody_has_to_listen(ami: Module, arguments: tuple[str, ...]) -> None:
    (ami.folder / "tracker").mkdir()
    write_packages(ami, "18.6.0-1")
    listened_to = ami(*arguments)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        alone = subprocess.run(ami.command(*arguments), cwd=ami.folder, stdout=writer, stderr=writer, check=False)
    finally:
        os.close(writer)
    assert alone.returncode == listened_to.code


def test_a_tracker_that_is_shown_to_a_full_disk_is_an_error(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    status = ami.command("status", "--tracker", "tracker", "--format", "json")
    with open("/dev/full", "w", encoding="ascii") as full:
        run = subprocess.run(status, cwd=ami.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 1 and "cannot write to stdout" in run.stderr


def test_settle_without_a_product_settles_every_product_of_the_ref(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    for product in ["gitlab-runner", "nginx"]:
        write_packages(ami, "1-1")
        text = (ami.folder / "packages.json").read_text().replace("gitlab-runner", product)
        (ami.folder / "packages.json").write_text(text)
        for ref in ["main", "other"]:
            assert ami("diff", "--targets", "t", "--tracker", "tracker", "--ref", ref, *CHILD, "--pipeline", 7).code == 0

    run = ami("settle", "--tracker", "tracker", "--ref", "main", "--pipeline", 7)

    assert sorted(run.out.splitlines()) == ["Recorded as failed: gitlab-runner-1-1.x86_64 t (attempt 1)",
                                            "Recorded as failed: nginx-1-1.x86_64 t (attempt 1)"]


def test_a_plain_text_tracker_is_imported(ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    (ami.folder / "main.txt").write_bytes(b"\xef\xbb\xbf# by hand\r\ngitlab-runner-16.0.0-1.x86_64.rpm\r\n\r\ngitlab-runner-16.0.1-1.x86_64\r\n")
    tracker = ("--tracker", "tracker", "--ref", "main")

    assert ami("import", "main.txt", *tracker, "--targets", "al2023").out == "gitlab-runner: 2 recorded as built, 0 were so before.\n"
    assert ami("import", "main.txt", *tracker, "--targets", "al2023").out == "gitlab-runner: 0 recorded as built, 2 were so before.\n"
    (ami.folder / "main.txt").write_text("gitlab-runner-16.0.0-1.x86_64.rpm\n<html>\n")
    wrong = ami("import", "main.txt", *tracker, "--targets", "al2023")
    assert wrong.code == 1 and 'line 2 is not the file name of a package' in wrong.err


def test_a_plain_text_tracker_that_can_not_be_read_stops_the_first_run(ami: Module) -> None:
    tracker = ami.folder / "tracker"
    tracker.mkdir()
    (tracker / "main.txt").write_text("Bad Gateway\n")
    write_packages(ami, "18.5.0-1")

    run = ami("diff", "--targets", "t", "--tracker", "tracker", "--ref", "main", *CHILD)

    assert run.code == 4
    assert "main.txt in directory tracker cannot be taken over: line 1 is not the file name of a package" in run.err
    assert [path.name for path in tracker.iterdir()] == ["main.txt"]


@pytest.mark.parametrize("damage", ["missing", "cut", "emptied", "garbage", "newer format", "another tracker's"])
def test_missing_is_never_empty(ami: Module, damage: str) -> None:
    tracker = ami.folder / "tracker"
    tracker.mkdir()
    write_packages(ami, "18.5.0-1", "18.6.0-1")
    diff = ("diff", "--targets", "t", "--tracker", "tracker", "--ref", "main", *CHILD)
    assert ami(*diff).code == 0
    # The other is the tracker as it was before.
    head = max(tracker.iterdir(), key=lambda file: file.stat().st_size)
    content = head.read_text()
    if damage == "missing":
        shutil.rmtree(tracker)
    elif damage == "another tracker's":
        other = ami.folder / "other"
        other.mkdir()
        assert ami("update", "--force", "--tracker", "other", "--ref", "main", "--package", "nginx-1-1.noarch", "--target", "t").code == 0
        (foreign,) = other.iterdir()
        # The name is right for the content, but for the product.
        foreign.rename(tracker / foreign.name.replace("nginx", "gitlab-runner"))
    else:
        head.write_text({"cut": content[:40], "emptied": "", "garbage": "<html>502</html>",
                         "newer format": content.replace("tracker/2", "tracker/9")}[damage])
    before = sorted(path.read_text() for path in tracker.iterdir()) if tracker.exists() else None

    for command in [diff, ("update", "--force", "--tracker", "tracker", "--ref", "main", "--package", "gitlab-runner-1-1.x86_64", "--target", "t"),
                    ("settle", "--tracker", "tracker", "--ref", "main", "--pipeline", "1"), ("status", "--tracker", "tracker")]:
        run = ami(*command)
        assert run.code == 4, (command, run.all)
        assert "Error: " in run.err and len(run.err.splitlines()) == 1, run.err

    after = sorted(path.read_text() for path in tracker.iterdir()) if tracker.exists() else None
    assert after == before


# ---------------------------------------------------------------- the tracker in GitLab


def test_updates_at_once_lose_nothing(ami: Module, gitlab: GitLab) -> None:
    gitlab.faults.latency = (0.02, 0.08)
    inside = ami.inside_job_of(gitlab)
    packages = [f"gitlab-runner-18.{minor}.0-1.x86_64" for minor in range(12)]

    jobs = [inside.start("update", "--force", "--tracker", "gitlab", "--package", package, "--target", "al2023") for package in packages]
    ends = [(job.communicate(timeout=120)[0], job.returncode) for job in jobs]

    assert all(code == 0 for _, code in ends), ends
    assert states(inside, "gitlab") == {f"{package} al2023": "built" for package in packages}
    inside("update", "--force", "--tracker", "gitlab", "--package", "gitlab-runner-19.0.0-1.x86_64", "--target", "al2023")
    assert len(gitlab.files(PROJECT)) == 2


@pytest.mark.parametrize("fault", ["cut", "rate_limited", "server_error", "bad_gateway", "lost_reply", "gateway_timeout", "cut_reply"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_passes_is_waited_for(ami: Module, gitlab: GitLab, fault: str, method: str) -> None:
    inside = ami.inside_job_of(gitlab)
    update = lambda version: inside("update", "--force", "--tracker", "gitlab", "--package", f"gitlab-runner-{version}-1.x86_64", "--target", "t")
    for version in (1, 2):
        assert update(version).code == 0
    gitlab.fail_next(fault, method)

    run = update(3)

    assert run.code == 0, run.all
    if (fault, method) != ("cut_reply", "DELETE"):  # whose reply has no body to be cut in
        assert "trying again in" in run.err
    assert len(states(inside, "gitlab")) == 3
    assert len(gitlab.files(PROJECT)) == 2


@pytest.mark.parametrize(("token", "told"), [
    ("glcbt-developer", "the job token (CI_JOB_TOKEN) may not add Secure Files: the owner of the schedule, or whoever pressed Run, has to be a Maintainer"),
    ("glcbt-guest", "may not list the project's Secure Files"),
    ("glcbt-outsider", "this job's project is not on the job token allowlist of project 42"),
    ("glcbt-nonsense", "is not valid: it works only while its job runs"),
    ("glcbt-read-only", "lacks the permission ADMIN_SECURE_FILES"),
    ("glpat-developer", "AMI_SCHEDULER_TOKEN may not add Secure Files"),
    ("glpat-outsider", "there is no project 42 for AMI_SCHEDULER_TOKEN"),
    ("glpat-expired", "AMI_SCHEDULER_TOKEN is not valid: it may have expired"),
])
def test_a_refusal_says_which_token_and_what_to_do(ami: Module, gitlab: GitLab, token: str, told: str) -> None:
    inside = ami.inside_job_of(gitlab, token)
    if token.startswith("glpat"):
        inside.env |= {"CI_JOB_TOKEN": "glcbt-maintainer", "AMI_SCHEDULER_TOKEN": token}

    run = inside("update", "--force", "--tracker", "gitlab", "--package", "gitlab-runner-1-1.x86_64", "--target", "t")

    assert run.code == 4
    assert told in run.err, run.err
    assert token not in run.all
    assert gitlab.files(PROJECT) == []


def test_a_project_access_token_wins_over_the_job_token(ami: Module, gitlab: GitLab) -> None:
    inside = ami.inside_job_of(gitlab, "glcbt-developer")
    inside.env["AMI_SCHEDULER_TOKEN"] = "glpat-maintainer"
    assert inside("update", "--force", "--tracker", "gitlab", "--package", "gitlab-runner-1-1.x86_64", "--target", "t").code == 0


def test_more_files_than_a_page_holds_are_read_to_the_last(ami: Module, gitlab: GitLab) -> None:
    gitlab.limit = 300
    seconds = itertools.count()
    gitlab.clock = lambda: datetime(2026, 11, 24, tzinfo=timezone.utc) + timedelta(seconds=next(seconds))
    inside = ami.inside_job_of(gitlab)
    assert inside("update", "--force", "--tracker", "gitlab", "--package", "gitlab-runner-1-1.x86_64", "--target", "t").code == 0
    for number in range(150):
        gitlab.put(PROJECT, f"{number}.p12", b"x")
    assert len(states(inside, "gitlab")) == 1


def test_a_head_that_does_not_match_its_listing_stops_it(ami: Module, gitlab: GitLab) -> None:
    inside = ami.inside_job_of(gitlab)
    update = ("update", "--force", "--tracker", "gitlab", "--package", "gitlab-runner-1-1.x86_64", "--target", "t")
    assert inside(*update).code == 0
    (head,) = gitlab.files(PROJECT)
    gitlab.remove(PROJECT, head.id)
    gitlab.put(PROJECT, head.name, head.content[:-5], checksum=head.checksum)

    run = inside(*update)

    assert run.code == 4
    assert f"{head.name} in the Secure Files of project 42 is damaged" in run.err
    assert len(gitlab.files(PROJECT)) == 1


def test_outside_of_a_job_it_says_which_variables_it_needs(ami: Module) -> None:
    run = ami("status", "--tracker", "gitlab")
    assert run.code == 4
    assert "AMI_SCHEDULER_TOKEN" in run.err
