"""docs/how-to/install.md, as far as it goes without a GitLab: its commands and includes, with real git and registries."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, Consumer
from gitlab_stand_in import GitLab
from images import buildah_in, registry_in
from repositories import FIRST, Repository
from test_readme import at_home, blocks, write_files
from test_shells import commands

PAGE = ROOT / "docs" / "how-to" / "install.md"
THEIRS, OURS = "https://git.example.com/ami-scheduler.git", "https://gitlab.example.com/platform/ami-scheduler.git"


def block(kind: str, part: str, number: int = 0) -> str:
    """The block of the page that has these words; of several the one with that number."""
    return [block for block in blocks(PAGE, kind) if part in block][number]


def run(console: str, folder: Path, places: dict[str, str], **variables: str) -> str:
    """Runs what a person would type, with these places in place of the page's, and returns what is printed."""
    typed = "\n".join(line.removeprefix("$ ") for line in commands(console))
    for place, there in places.items():
        typed = typed.replace(place, there)
    done = subprocess.run(["bash", "-e", "-c", typed], cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{typed}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# ---------------------------------------------------------------- the project


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    return lambda *arguments: subprocess.run(["git", *identity, *map(str, arguments)], cwd=tmp_path, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def places(tmp_path: Path, git: Callable[..., str]) -> dict[str, str]:
    """A project with a release, and an empty one in GitLab, which takes `ci.skip`."""
    git("init", "--quiet", "--initial-branch", "main", "theirs")
    git("-C", "theirs", "commit", "--quiet", "--allow-empty", "--message", "Begin")
    git("-C", "theirs", "tag", "1.2.3")
    git("init", "--quiet", "--bare", "ours.git")
    git("-C", "ours.git", "config", "receive.advertisePushOptions", "true")
    return {THEIRS: str(tmp_path / "theirs"), OURS: str(tmp_path / "ours.git")}


def refs(git: Callable[..., str], place: str) -> list[str]:
    return git("ls-remote", place, "refs/heads/*", "refs/tags/*").splitlines()


def test_git_brings_the_project_with_its_tags(tmp_path: Path, git: Callable[..., str], places: dict[str, str]) -> None:
    run(block("console", THEIRS), tmp_path, places)

    assert refs(git, places[OURS]) == refs(git, places[THEIRS]) and len(refs(git, places[OURS])) == 2


def test_a_release_is_carried_by_hand(tmp_path: Path, git: Callable[..., str], places: dict[str, str]) -> None:
    """The image has the digest in the copy that the template of the release names."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    with buildah_in(tmp_path / "buildah") as buildah, registry_in(tmp_path / "published") as published, registry_in(tmp_path / "copied") as copied:
        container = buildah.must("from", "scratch")
        buildah.must("config", "--label", "version=1.2.3", container)
        buildah.must("commit", "--quiet", container, "localhost/ami-scheduler:1.2.3")
        buildah.must("push", "--quiet", "--tls-verify=false", "localhost/ami-scheduler:1.2.3", f"docker://{published.host}/ami-scheduler:1.2.3")
        home = copied.home / ".config" / "containers" / "registries.conf"
        home.write_text(home.read_text() + (published.home / ".config" / "containers" / "registries.conf").read_text())
        there = places | {"registry.example.org": published.host, "registry.example.com": copied.host}

        run(block("console", "bundle create"), outside, there, HOME=str(copied.home))
        for carried in ("ami-scheduler.bundle", "ami-scheduler-image.tar"):
            (outside / carried).rename(inside / carried)
        printed = run(block("console", "ami-scheduler.bundle ami-scheduler.git"), inside, there, HOME=str(copied.home))

        assert printed.split()[-1] == published.digest("ami-scheduler:1.2.3")
    assert refs(git, places[OURS]) == refs(git, places[THEIRS])


# ---------------------------------------------------------------- a commit, before there is a release


def test_a_commit_is_included_with_its_image_and_runs_dry_first(consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    repository.add(*FIRST).publish()
    write_files(consumer)
    (consumer.folder / ".gitlab-ci.yml").write_text(at_home(block("yaml", "component: ")))
    consumer.git("commit", "--quiet", "--all", "--message", "The include of a commit")

    consumer.token = "glcbt-developer"
    dry = consumer.by_hand(AMI_SCHEDULER_DRY_RUN="true")
    assert dry.code == 0 and "A dry run: nothing is claimed or recorded." in dry.log, dry.log
    assert [request for request in gitlab.requests("POST") if "secure_files" in request] == []
    assert not (consumer.folder / "builds.log").exists()

    consumer.token = "glcbt-maintainer"
    night = consumer.schedule()
    assert night.code == 0, night.log
    assert consumer.states()["18.6.0-1 rhel9"] == "built"
    child = night.artifact("diff", "child-pipeline.yml")
    assert "image: \"registry.example.com/platform/ami-scheduler@sha256:" in child, child


def test_a_shell_runner_has_the_module_of_a_commit_from_the_package_registry(
        consumer: Consumer, repository: Repository, gitlab: GitLab, wasm: Path, tmp_path: Path) -> None:
    repository.add(*FIRST).publish()
    write_files(consumer)
    (consumer.folder.parent / "programs" / "ami-scheduler").unlink()
    (tmp_path / "ami-scheduler.wasm").symlink_to(wasm)
    there = {"https://gitlab.example.com/api/v4": gitlab.api_url, "platform%2Fami-scheduler": "42", "glpat-…": "glpat-developer"}

    sha256 = run(block("console", "upload-file"), tmp_path, there).split()[0]
    inputs = block("yaml", "module_url")
    for place, its in there.items():
        inputs = inputs.replace(place, its)
    consumer.edit(".gitlab-ci.yml", "      build_file:", inputs.partition("\n")[2].replace("3c1f…", sha256) + "      build_file:")
    night = consumer.schedule()

    assert night.code == 0, night.log
    assert consumer.states()["18.6.0-1 rhel9"] == "built"
