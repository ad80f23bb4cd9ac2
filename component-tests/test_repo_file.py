"""A .repo file in place of a URL: its sections, its keys, its passwords, and dnf's variables, as the real dnf reads them."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import pytest

from authority import Authority
from conftest import Consumer, Module, WebServer, start_nginx, tool
from repositories import FIRST, Repository, RpmBuilder, Signer
from test_module import names

RUNNER = ("--product", "gitlab-runner")
RUNNERS = [name for name in FIRST if name.startswith("gitlab-runner-1")]


@pytest.fixture
def el9(repository: Repository) -> Repository:
    return repository.add(*FIRST).publish()


@pytest.fixture
def el8(web: WebServer, rpms: RpmBuilder) -> Repository:
    return Repository(web.folder / "el8", rpms, f"{web.url}/el8/").add("gitlab-runner-18.7.0-1.x86_64").publish()


def lists(ami: Module, repo_file: str, *more: str):
    (ami.folder / "runner.repo").write_text(repo_file)
    return ami("list", "--repo-file", "runner.repo", *RUNNER, *more)


def urls(ami: Module) -> set[str]:
    return {package["url"] for package in ami.json("packages.json")["packages"]}


def by_dnf(repo_file: str, folder: Path, variables: dict[str, str]) -> set[str]:
    """The files of the packages that dnf finds by the same file."""
    for name in ("repos", "vars"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "repos" / "runner.repo").write_text(repo_file)
    for name, value in variables.items():
        (folder / "vars" / name).write_text(value)
    options = [f"--setopt={option}" for option in (f"reposdir={folder}/repos", f"varsdir={folder}/vars", f"cachedir={folder}/cache")]
    done = subprocess.run([tool("dnf"), "--quiet", "--disableplugin=*", f"--installroot={folder}/root", "--releasever=9", "--forcearch=x86_64", *options,
                           "repoquery", "--location", "gitlab-runner"], check=True, capture_output=True, text=True)
    return {url.rsplit("/", 1)[1] for url in done.stdout.split()}


def test_a_file_is_read_as_its_publisher_wrote_it(ami: Module, el9: Repository) -> None:
    """In the form of packagecloud's, with the bundle of a distribution that this machine is not."""
    run = lists(ami, f"""[runner_gitlab-runner]
name=runner_gitlab-runner
baseurl={el9.url}
repo_gpgcheck=0
gpgcheck=1
enabled=1
gpgkey=https://packages.example.com/runner/gpgkey
       https://packages.example.com/runner/gpgkey/runner-49F16C5CC3A0F81F.pub.gpg
sslverify=1
sslcacert=/etc/pki/tls/certs/ca-bundle.crt
metadata_expire=300

[runner_gitlab-runner-source]
name=runner_gitlab-runner-source
baseurl={el9.url}SRPMS
enabled=0
sslcacert=/etc/pki/tls/certs/ca-bundle.crt
""")
    assert (run.code, names(ami)) == (0, RUNNERS), run.all
    assert "WARNING" not in run.err and "gpgcheck=1 has no effect here" in run.err, run.all

    private = lists(ami, f"[runner]\nbaseurl={el9.url}\nsslcacert=/etc/pki/own.crt\n")
    assert (private.code, "sslcacert, line 3, names a file that is not here: give the certificates by --ca-file" in private.err) == (2, True), private.all


def test_a_file_names_what_it_names_for_dnf(ami: Module, web: WebServer, el9: Repository, el8: Repository, tmp_path: Path) -> None:
    """Comments, white space, a value of several lines, a variable, a section that is off, and a first place that is broken."""
    (web.folder / "list").write_text(f"{el8.url}\n")
    text = f"""# what a vendor wrote
[main]
gpgcheck = 1
[runner]
name = Runner for $releasever - $basearch
baseurl = {web.url}/nowhere/
    {web.url}/${{kind}}$releasever/
gpgcheck = 0

; another
[older]
# not this one
mirrorlist={web.url}/list?arch=$basearch
gpgcheck=0
enabled=yes
[debug]
baseurl={web.url}/debug/
enabled = False
"""

    run = lists(ami, text, "--repo-var", "releasever=9", "--repo-var", '["basearch=x86_64", "kind=el"]')

    assert run.code == 0, run.all
    # dnf names each by the first place of its section, wherever it has read the metadata.
    assert {url.rsplit("/", 1)[1] for url in urls(ami)} == by_dnf(text, tmp_path / "dnf", {"kind": "el"})
    assert {url.split("/")[3] for url in urls(ami)} == {"el9", "el8"}
    assert f"is not there (404), nor is its repodata/repomd.xml: is the URL right?; trying {el9.url} in its place" in run.err
    assert "gpgcheck" not in run.err, "no section that counts has it"


def test_the_sections_that_count_are_named_with_or_without_targets(ami: Module, el9: Repository, el8: Repository) -> None:
    text = f"[nine]\nbaseurl={el9.url}\nenabled=0\n[eight]\nbaseurl={el8.url}\ngpgcheck=1\n"
    assert lists(ami, text).code == 0 and names(ami) == ["gitlab-runner-18.7.0-1.x86_64"]

    run = lists(ami, text, "--repo", "nine, eight")
    assert run.code == 0 and len(names(ami)) == 4, run.all
    assert run.err.count("gpgcheck=1 has no effect here") == 1

    assert lists(ami, text, "--repo", '["al2023,rhel9=nine", "rhel8=eight"]').code == 0
    assert {(row["url"].split("/")[3], *row["targets"]) for row in ami.json("packages.json")["packages"]} == {
        ("el9", "al2023", "rhel9"), ("el8", "rhel8")}

    for more, told in [
        (("--repo", "ten"), "--repo-file runner.repo: there is no section [ten] in it: it has [nine], [eight]"),
        (("--repo", "al2023=nine", "--repo", "eight"), "--repo names targets for some repositories and not for others"),
        (("--repo-url", el9.url), "--repo-file (input repo_file) and --repo-url (input repo_url or repo_urls) are two ways to say the same"),
    ]:
        run = lists(ami, text, *more)
        assert (run.code, told in run.err) == (2, True), run.all
    run = ami("list", "--repo", "nine", "--repo-url", el9.url, *RUNNER)
    assert run.code == 2 and "--repo (input repos) names a section of a .repo file: give that by --repo-file" in run.err, run.all


def test_a_file_is_given_by_its_path_its_text_or_its_url(ami: Module, web: WebServer, el9: Repository) -> None:
    text = f"# as a vendor has it\n[runner]\nbaseurl={el9.url}\n"
    (ami.folder / "a file.repo").write_text(text)
    (web.folder / "runner.repo").write_text(text)
    for given in ["a file.repo", text, f"{web.url}/runner.repo", "file:a%20file.repo"]:
        run = ami("list", "--repo-file", given, *RUNNER)
        assert run.code == 0 and names(ami) == RUNNERS, run.all
    ami.env["AMI_SCHEDULER_REPO_FILE"] = text
    assert ami("list", *RUNNER).code == 0
    del ami.env["AMI_SCHEDULER_REPO_FILE"]

    (web.folder / "own.repo").write_text("[runner]\nbaseurl=file:///srv/repo\n")
    for given, code, told in [
        ("none.repo", 2, "--repo-file: cannot read none.repo"), (f"{web.url}/none.repo", 3, f"{web.url}/none.repo answers 404"),
        (f"{web.url}/own.repo", 2, "baseurl, line 2, names a directory of this machine, and the file comes from a server"),
        ("[runner]\nbaseurl=https://s3cret@x/\nhello\n", 2, "the text of --repo-file: line 3: expected key=value, [section] or a comment"),
        ("ftp://s3cret@yum.example.com/x.repo", 2, "--repo-file begins with none of https:, http: and file:"),
    ]:
        run = ami("list", "--repo-file", given, *RUNNER)
        assert (run.code, told in run.err) == (code, True), run.all
        assert "s3cret" not in run.all


def test_a_variable_without_a_value_is_told_before_anything_is_asked(ami: Module, web: WebServer, el9: Repository) -> None:
    url = f"{web.url}/el$releasever/"
    assert ami("list", "--repo-url", url, "--repo-var", "releasever=9", *RUNNER).code == 0
    assert ami("list", "--repo-url", f"{web.url}/${{none:-el${{releasever_major}}}}/", "--repo-var", "releasever=9.4", *RUNNER).code == 0
    asked = len(web.requests())
    for run in [ami("list", "--repo-url", url, *RUNNER), lists(ami, f"[a]\nbaseurl={url}\n"),
                lists(ami, f"[a]\nmetalink={url}\n", "--repo-var", "basearch=x86_64")]:
        assert run.code == 2 and "the variable $releasever has no value: give it one by --repo-var releasever=" in run.err, run.all
    run = ami("list", "--repo-url", url, "--repo-var", "releasever=", *RUNNER)
    assert run.code == 2 and "releasever has no value: is a variable in it unset" in run.err, run.all
    assert len(web.requests()) == asked


def test_a_password_of_a_section_goes_to_its_server_and_nowhere_else(ami: Module, web: WebServer, el9: Repository, el8: Repository) -> None:
    text = f"""[runner]
baseurl={el9.url}
username=reader
password=s3cret p4ss
[other]
baseurl={el8.url}
YmFzZTY0OnMzY3JldA=s3cret
proxy=http://s3cret.example.com
excludepkgs=gitlab-runner-18.7*
priority=1
"""
    sent = base64.b64encode(b"reader:s3cret p4ss").decode()

    run = lists(ami, text)

    assert run.code == 0, run.all
    assert {(line.split()[1].split("/")[1], line.split(" | ")[-1]) for line in web.requests()} == {("el9", f"Basic {sent}"), ("el8", "-")}
    assert run.err == ("WARNING: [other] of --repo-file runner.repo: releases that dnf would hide by excludepkgs are listed here, and built: leave them "
                       "out by exclude or version_range; these have no effect here: 1 unknown key, priority, proxy\n")
    assert "s3cret" not in run.all + (ami.folder / "packages.json").read_text() + "".join(sorted(map(str, ami.folder.rglob("*"))))
    run = ami("list", "--repo-file", text, *RUNNER)
    assert "WARNING: while this runs, whoever can list this machine's processes (ps) sees the password in --repo-file" in run.err

    ami.env |= {"AMI_SCHEDULER_REPO_USER": "u", "AMI_SCHEDULER_REPO_PASSWORD": "s3cret"}
    assert lists(ami, text).code == 0
    assert web.requests()[-1].endswith(f"Basic {base64.b64encode(b'u:s3cret').decode()}")


def test_repo_gpgcheck_demands_a_signature_by_gpgkey(ami: Module, web: WebServer, el9: Repository, signer: Signer, tmp_path: Path) -> None:
    (ami.folder / "keys").write_text(signer.public_key())
    (web.folder / "key").write_text(signer.public_key())
    text = f"[runner]\nbaseurl={el9.url}\nrepo_gpgcheck=1\ngpgkey=file:keys\n"

    run = lists(ami, text)
    assert run.code == 3 and "is not signed (repodata/repomd.xml.asc: 404), and repo_gpgcheck of [runner] of --repo-file runner.repo asks" in run.err, run.all
    assert lists(ami, text.replace("gpgcheck=1", "gpgcheck=0")).code == 0

    Signer(tmp_path / "other").sign(el9)
    run = lists(ami, text)
    assert run.code == 3 and "was made by the key " in run.err, run.all

    signer.sign(el9)
    run = lists(ami, text)
    assert run.code == 0 and names(ami) == RUNNERS, run.all
    for key, told in [
        ("file:///etc/pki/rpm-gpg/RPM-GPG-KEY-runner", "gpgkey, line 4, names a file that is not here: give the key itself by --gpg-key (input gpg_key)"),
        (f"{web.url}/key", "whoever is in between could put a key of his own there. A key is fetched by https alone: give the key itself"),
        ("", "[runner] of --repo-file runner.repo has repo_gpgcheck=1 and no gpgkey: give the key itself by --gpg-key"),
    ]:
        without = text.replace("file:keys", key)
        run = lists(ami, without)
        assert (run.code, told in run.err) == (2, True), run.all
        assert lists(ami, without, "--gpg-key", "keys").code == 0


def test_a_key_is_fetched_by_https_as_its_repository_is(ami: Module, el9: Repository, signer: Signer, tmp_path: Path) -> None:
    """The certificate of the server is that of an authority that sslcacert names."""
    authority = Authority(tmp_path / "authority", "Acme Root")
    signer.sign(el9)
    process, secure = start_nginx(tmp_path / "secure", tls=authority.issue("localhost"))
    try:
        (secure.folder / "el9").symlink_to(el9.folder)
        (secure.folder / "key").write_text(signer.public_key())
        (ami.folder / "ca.pem").write_text(authority.pem.read_text())
        text = (f"[runner]\nbaseurl={secure.url}/el9\nrepo_gpgcheck=1\ngpgkey={secure.url}/key\nsslcacert=ca.pem\nusername=u\n"
                "password=s3cret\n")

        run = lists(ami, text)

        assert run.code == 0 and names(ami) == RUNNERS, run.all
        sent = base64.b64encode(b"u:s3cret").decode()
        assert re.fullmatch(rf"GET /key HTTP/1.1 \| 200 \|.* {sent}", secure.requests()[0])
        assert lists(ami, text.replace("sslcacert=ca.pem\n", "")).code == 3
        run = lists(ami, text.replace("ca.pem", "/etc/pki/none.pem"))
        assert run.code == 2, run.all
        assert "sslcacert, line 5, names a file that is not here: give the certificates by --ca-file (AMI_SCHEDULER_CA_FILE, a variable of type File)" in run.err
        assert lists(ami, text.replace("ca.pem", "/etc/pki/none.pem"), "--ca-file", "ca.pem").code == 0
        run = lists(ami, text.replace("/key", "/none"))
        assert run.code == 3 and f"{secure.url}/none answers 404" in run.err, run.all
        run = lists(ami, text + "sslverify=0\n")
        assert run.code == 2 and "sslverify of [runner], line 8: certificates are always verified here" in run.err, run.all

        # A file that came by https lets nobody in between say which releases there are.
        (secure.folder / "runner.repo").write_text(f"[runner]\nbaseurl={el9.url}\n")
        ami.env["AMI_SCHEDULER_CA_FILE"] = "ca.pem"
        run = ami("list", "--repo-file", f"{secure.url}/runner.repo", *RUNNER)
        assert run.code == 2 and "came by https and names a place of http" in run.err, run.all
        (ami.folder / "keys").write_text(signer.public_key())
        assert ami("list", "--repo-file", f"{secure.url}/runner.repo", "--gpg-key", "keys", *RUNNER).code == 0
    finally:
        process.terminate()
        process.wait()


# ---------------------------------------------------------------- the component


def takes_repo_file(consumer: Consumer, inputs: str) -> None:
    consumer.edit(".gitlab-ci.yml", "      repo_url: $REPO_URL\n", inputs)


def test_a_night_reads_the_repo_file_of_the_project(consumer: Consumer, el9: Repository) -> None:
    """dnf's variables are left to dnf: GitLab expands none of them."""
    (consumer.folder / "ci" / "gitlab-runner.repo").write_text(
        f"[off]\nbaseurl=https://$nothing/\nenabled=0\n[runner]\nbaseurl={el9.url.replace('el9', 'el$releasever')}\n")
    consumer.git("add", "--all")
    takes_repo_file(consumer, "      repo_file: ci/gitlab-runner.repo\n      checkout: true\n      repo_vars: [releasever=$OS_VERSION]\n")
    consumer.variables["OS_VERSION"] = "9"

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert sorted(build["TARGET"] for build in night.builds()) == ["al2023", "rhel9"]
    consumer.edit(".gitlab-ci.yml", "      checkout: true\n", "")
    night = consumer.schedule()
    assert "list" in night.jobs("FAIL") and not night.ran("diff"), night.log
    assert "repo_file names ci/gitlab-runner.repo, and this job has no files of the project: set the input checkout to true" in night.log
    consumer.edit(".gitlab-ci.yml", "      repo_file: ci/gitlab-runner.repo\n", "      repo_file: ci/misspelt.repo\n      checkout: true\n")
    night = consumer.schedule()
    assert "repo_file (AMI_SCHEDULER_REPO_FILE) names ci/misspelt.repo, which is no file of the ref main" in night.log


def test_a_night_takes_the_text_of_a_repo_file_as_it_is(consumer: Consumer, el9: Repository) -> None:
    text = f"[runner]\nbaseurl={el9.url.replace('el9', 'el${releasever}')}\npassword=50%OFF%$$\n"
    lines = "".join(f"        {line}\n" for line in text.splitlines())
    takes_repo_file(consumer, f"      repo_file: |\n{lines}      repos: [al2023=runner, rhel9=runner]\n      repo_vars: [releasever=9]\n")

    night = consumer.schedule()

    assert night.code == 0 and len(night.builds()) == 2, night.log
    assert "50%OFF%" not in night.log


def test_a_variable_of_dnf_in_repo_url_is_written_with_two_dollars(consumer: Consumer, el9: Repository) -> None:
    url = el9.url.replace("el9", "el$$releasever")
    takes_repo_file(consumer, f"      repo_url: {url}\n      repo_vars: [releasever=9]\n")
    night = consumer.schedule()
    assert night.code == 0 and len(night.builds()) == 2, night.log
