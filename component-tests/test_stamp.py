"""scripts/stamp: a component version runs its own image and module, and nothing else is released."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, Run

STAMPED = ("templates/scheduled-build/template.yml", "README.md", "CHANGELOG.md", "Cargo.toml", "Cargo.lock",
           "docs/how-to/several-products.md", "examples/jsonnet/.gitlab-ci.yml", "examples/team/ci/images.yml", ".gitlab-ci.yml")
IMAGE = f"registry.example.com/platform/ami-scheduler:1.2.3@sha256:{'a' * 64}"
IMAGES = {name: f"{image}@sha256:{'b' * 64}" for name, image in (
    ("RUST_IMAGE", "rust:1.95.0-trixie"), ("BASE_IMAGE", "debian:trixie-slim"), ("RELEASE_IMAGE", "registry.gitlab.com/gitlab-org/cli:latest"))}
MODULE_URL = "https://gitlab.example.com/api/v4/projects/42/packages/generic/ami-scheduler/1.2.3/ami-scheduler.wasm"


def stamp(*arguments: object) -> Run:
    done = subprocess.run([str(ROOT / "scripts" / "stamp"), *map(str, arguments)], capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What of this project a release is about, at the version 1.2.3."""
    folder = tmp_path / "project"
    for name in STAMPED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    edit(folder / "Cargo.toml", '\nversion = "0.1.0"', '\nversion = "1.2.3"')
    edit(folder / "Cargo.lock", 'name = "ami-scheduler"\nversion = "0.1.0"', 'name = "ami-scheduler"\nversion = "1.2.3"')
    edit(folder / "CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n## 1.2.3 - 2026-11-24\n")
    return folder


@pytest.fixture
def module(tmp_path: Path) -> Path:
    file = tmp_path / "ami-scheduler.wasm"
    file.write_bytes(b"\0asm of 1.2.3")
    return file


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


def release(project: Path, module: Path) -> Run:
    images = project.parent / "images.env"
    images.write_text("".join(f"{name}={image}\n" for name, image in IMAGES.items()))
    return stamp("1.2.3", "--image", IMAGE, "--module-url", MODULE_URL, "--module", module, "--images", images, "--root", project)


def test_this_commit_is_not_stamped() -> None:
    assert stamp("--check").code == 0


def test_a_stamp_pins_the_images_that_a_release_is_made_in(project: Path, module: Path) -> None:
    before = yaml.safe_load((project / ".gitlab-ci.yml").read_text())

    assert release(project, module).code == 0

    after = yaml.safe_load((project / ".gitlab-ci.yml").read_text())
    assert after["variables"] == before["variables"] | IMAGES
    assert {name: part for name, part in after.items() if name != "variables"} == {name: part for name, part in before.items() if name != "variables"}


def test_a_stamp_sets_three_defaults_and_the_version_that_is_included_and_leaves_all_else(project: Path, module: Path) -> None:
    before = (project / STAMPED[0]).read_text()

    assert release(project, module).code == 0

    after = (project / STAMPED[0]).read_text()
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    sha256 = hashlib.sha256(module.read_bytes()).hexdigest()
    assert changed == [f"      default: {IMAGE}", f"      default: {MODULE_URL}", f"      default: '{sha256}'"]
    inputs = next(yaml.safe_load_all(after))["spec"]["inputs"]
    assert [inputs[name]["default"] for name in ("image", "module_url", "module_sha256")] == [IMAGE, MODULE_URL, sha256]
    for name in ("README.md", "docs/how-to/several-products.md", "examples/jsonnet/.gitlab-ci.yml", "examples/team/ci/images.yml"):
        assert "/scheduled-build@1.2.3\n" in (project / name).read_text()
    assert stamp("--check", "1.2.3", "--module", module, "--root", project).code == 0
    assert stamp("--print", "image", "--root", project).out.strip() == IMAGE


@pytest.mark.parametrize(("file", "old", "new", "told"), [
    ("Cargo.toml", '\nversion = "1.2.3"', '\nversion = "1.2.2"', "Cargo.toml is about version 1.2.2, expected 1.2.3"),
    ("Cargo.lock", 'version = "1.2.3"', 'version = "1.2.2"', "Cargo.lock is about version 1.2.2, expected 1.2.3"),
    ("CHANGELOG.md", "## 1.2.3", "## 1.2.2", "CHANGELOG.md is about version 1.2.2, expected 1.2.3"),
    ("README.md", "scheduled-build@1.2.3", "scheduled-build@1.2.2", "README.md includes scheduled-build@1.2.2, expected scheduled-build@1.2.3"),
    ("examples/team/ci/images.yml", "scheduled-build@1.2.3", "scheduled-build@1.2.2",
     "examples/team/ci/images.yml includes scheduled-build@1.2.2, expected scheduled-build@1.2.3"),
    (".gitlab-ci.yml", f"rust:1.95.0-trixie@sha256:{'b' * 64}", "rust:1.95.0-trixie",
     ".gitlab-ci.yml has RUST_IMAGE: rust:1.95.0-trixie, expected an image and its digest"),
    (STAMPED[0], ":1.2.3@sha256:", ":1.2.2@sha256:", "expected one that ends in :1.2.3@sha256: and its digest"),
    (STAMPED[0], "@sha256:" + "a" * 64, "", "expected one that ends in :1.2.3@sha256: and its digest"),
    (STAMPED[0], "/ami-scheduler/1.2.3/", "/ami-scheduler/1.2.2/", "expected one that ends in /ami-scheduler/1.2.3/ami-scheduler.wasm"),
])
def test_a_tag_that_does_not_agree_is_refused(project: Path, module: Path, file: str, old: str, new: str, told: str) -> None:
    release(project, module)
    edit(project / file, old, new)

    check = stamp("--check", "1.2.3", "--module", module, "--root", project)

    assert check.code == 1
    assert told in check.err


def test_a_tag_whose_source_makes_another_module_is_refused(project: Path, module: Path) -> None:
    release(project, module)
    module.write_bytes(b"\0asm of something else")

    check = stamp("--check", "1.2.3", "--module", module, "--root", project)

    assert check.code == 1
    assert f"and {module} is {hashlib.sha256(module.read_bytes()).hexdigest()}" in check.err


def test_a_stamped_template_is_for_a_tag_alone(project: Path, module: Path) -> None:
    release(project, module)

    check = stamp("--check", "--root", project)

    assert check.code == 1
    assert check.err.count("only the commit of a tag is stamped") == 3


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3.4", "01.2.3", "latest"])
def test_a_version_that_the_catalog_would_not_take_is_refused(version: str) -> None:
    check = stamp("--check", version)
    assert check.code == 2
    assert "is not a semantic version, such as 1.2.3" in check.err


def test_release_notes_are_the_changes_of_that_version_and_what_it_runs(project: Path, module: Path) -> None:
    edit(project / "CHANGELOG.md", "## 1.2.3 - 2026-11-24\n", "## 1.2.3 - 2026-11-24\n\n- One change.\n\n## 1.2.2 - 2026-11-01\n\n- Another.\n")
    release(project, module)

    notes = stamp("--notes", "1.2.3", "--root", project).out

    assert notes.startswith("- One change.\n\n### What it runs\n")
    assert "Another" not in notes
    assert all(image in notes for image in IMAGES.values())
    assert IMAGE in notes and hashlib.sha256(module.read_bytes()).hexdigest() in notes
