"""The first hour with the README: its first block works when it is copied, and its pipeline bakes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import PROJECT, ROOT, WASM, Consumer, Module
from repositories import FIRST, Repository
from test_shells import commands

README = ROOT / "README.md"

#: Packer of its image, as far as a job sees it: what it wants installed it finds, and it leaves a manifest.
PACKER = r"""#!/bin/sh
set -eu
case $1 in
  init) touch plugins ;;
  build)
    [ -e plugins ] || { echo 'Missing plugins' >&2; exit 1; }
    echo "$*" >>"$BUILDS_LOG"
    run=$(date +%s%N)
    printf '{"builds": [{"builder_type": "amazon-ebs", "artifact_id": "us-east-1:ami-0abc", "packer_run_uuid": "%s"}], "last_run_uuid": "%s"}' \
      "$run" "$run" >manifest.json ;;
esac
"""


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def write_files(consumer: Consumer) -> None:
    """The two files of the README, copied into a project, with a Packer that is pretended."""
    for block in blocks(README, "yaml")[:2]:
        name = re.match(r"# (\S+)\n", block)[1]
        (consumer.folder / name).write_text(at_home(block))
    consumer.bring("packer", PACKER)
    consumer.git("commit", "--quiet", "--all", "--message", "The files of the README")


def at_home(pipeline: str) -> str:
    """The component of this very state, and the repository of the test, in place of what a page names."""
    pipeline = re.sub(r"/platform/ami-scheduler/(.+)@\S+", rf"/{PROJECT}/\1@$CI_COMMIT_SHA", pipeline)
    return re.sub(r"(repo_url: )https:\S+", r"\1$REPO_URL", pipeline)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone of this very state has, with nothing that is set up or built."""
    folder = tmp_path / "ami-scheduler"
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_first_block_works_when_it_is_copied(clone: Path) -> None:
    """`…` on a line of its own stands for lines that are left out."""
    first = blocks(README, "console")[0]
    typed = [line.removeprefix("$ ") for line in commands(first)]
    shown = [line for line in first.splitlines() if not line.startswith("$ ")]
    (clone / ".tools").symlink_to(ROOT / ".tools")

    done = subprocess.run(["bash", "-e", "-c", "\n".join(typed)], cwd=clone, env=os.environ | {"AMI_SCHEDULER_WASM": str(WASM), "NO_COLOR": "1"},
                          capture_output=True, text=True, timeout=200, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    expected = "".join(r"(?s:.*)" if line == "…" else re.escape(line) + r" *\n" for line in shown)
    assert len(shown) > 3 and re.fullmatch(expected, done.stdout), f"expected\n{first}\nfound\n{done.stdout}"


def test_where_no_program_is_at_hand_the_time_is_told_beforehand(clone: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "dirname", "env", "make", "mkdir", "rm", "sh"):
        (programs / name).symlink_to(shutil.which(name))

    done = subprocess.run([programs / "make", "demo"], cwd=clone, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)

    assert done.stdout.startswith("No program is at hand, so one is built first. That takes Rust, and about 5 minutes on two idle cores.\n"), done.stdout
    assert "there is no Rust here (rustc, cargo): install it with rustup first" in done.stderr
    assert done.returncode != 0


def test_the_pipeline_bakes(consumer: Consumer, repository: Repository) -> None:
    repository.add(*FIRST).publish()
    write_files(consumer)

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert sorted((consumer.folder / "builds.log").read_text().splitlines()) == [
        f"build -var version=18.6.0 -var base_os={target} ." for target in ("al2023", "rhel9")]
    assert consumer.states() == {"18.5.0-1 al2023": "skipped", "18.5.0-1 rhel9": "skipped", "18.6.0-1 al2023": "built", "18.6.0-1 rhel9": "built"}
    images = Module(consumer.wasm, consumer.folder).inside_job_of(consumer.gitlab)("images", "--tracker", "gitlab", "--ref", "main")
    assert len(re.findall(r"^(?:al2023|rhel9) .*us-east-1=ami-0abc$", images.out, re.MULTILINE)) == 2, images.all
