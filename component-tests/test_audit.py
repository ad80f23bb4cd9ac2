"""scripts/audit: what may be among the dependencies, and what is known of them. Here nobody outside is asked: RustSec's
database is a folder, and for PyPI there is a proxy that does not answer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, Run
from test_reproducible import CRATES

#: As git asks for it.
RUSTSEC = "https://github.com/RustSec/advisory-db"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What cargo and scripts/audit need of this project."""
    folder = tmp_path / "project"
    for part in ("cli", "src", "scripts", "benches", "tests"):
        shutil.copytree(ROOT / part, folder / part)
    for file in ("Cargo.toml", "Cargo.lock", "deny.toml", "component-tests/requirements.txt"):
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    (folder / ".tools").symlink_to(ROOT / ".tools")
    return folder


def advisory(database: Path, name: str, crate: str) -> None:
    file = database / "crates" / crate / f"{name}.md"
    file.parent.mkdir(parents=True)
    file.write_text(f'```toml\n[advisory]\nid = "{name}"\npackage = "{crate}"\ndate = "2026-01-01"\n[versions]\npatched = []\n```\n\n# A flaw\n\nIt is one.\n')


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """RustSec's, with the one flaw that deny.toml lives with."""
    database = tmp_path / "advisory-db"
    advisory(database, "RUSTSEC-2023-0071", "rsa")
    return database


def audit(project: Path, database: Path | None, *arguments: str) -> Run:
    home = project.parent / "cargo-home"
    home.mkdir(exist_ok=True)
    if not (home / "registry").exists():
        (home / "registry").symlink_to(CRATES)
    settings = project.parent / "gitconfig"
    settings.write_text("")
    if database:
        git = ["git", "-C", str(database), "-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        for command in (["init", "--quiet", "--initial-branch", "main"], ["add", "."], ["commit", "--quiet", "--message", "Flaws"]):
            subprocess.run([*git, *command], check=True)
        settings.write_text(f'[url "file://{database}"]\ninsteadOf = {RUSTSEC}\n')
    environment = os.environ | {"CARGO_HOME": str(home), "GIT_CONFIG_GLOBAL": str(settings), "https_proxy": NOBODY, "HTTPS_PROXY": NOBODY}
    done = subprocess.run([project / "scripts" / "audit", *arguments], env=environment, capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


def test_the_dependencies_are_what_deny_toml_allows(project: Path) -> None:
    """Field tests, security 17."""
    held = audit(project, None, "--offline")
    assert (held.code, held.out) == (0, "bans ok, licenses ok, sources ok\n"), held.all


@pytest.mark.parametrize(("old", "new", "told"), [
    ('"ISC", ', "", "failed to satisfy license requirements"),
    ('    { crate = "pgp@0.21"', '    # { crate = "pgp@0.21"', "found 2 duplicate entries for crate"),
    ('unknown-registry = "deny"', 'unknown-registry = "deny"\nallow-registry = []', "source-not-allowed"),
    ('{ crate = "pgp@0.21"', '{ crate = "nobody@1", reason = "gone" },\n    { crate = "pgp@0.21"', "nobody"),
], ids=["a licence", "a duplicate", "a source", "an exception that nothing needs"])
def test_what_is_not_allowed_is_a_finding(project: Path, old: str, new: str, told: str) -> None:
    rules = (project / "deny.toml").read_text()
    assert old in rules
    (project / "deny.toml").write_text(rules.replace(old, new))

    found = audit(project, None, "--offline")

    assert found.code == 1 and told in found.out, found.all


def test_a_flaw_that_is_known_of_a_crate_is_a_finding(project: Path, database: Path) -> None:
    assert audit(project, database).code == 0

    advisory(database, "RUSTSEC-2026-9999", "base64")
    found = audit(project, database)

    assert found.code == 1
    assert "RUSTSEC-2026-9999" in found.out


def test_who_cannot_be_asked_is_told_and_fails_where_he_must_be(project: Path) -> None:
    for arguments, code in (((), 0), (("--must-reach",), 1)):
        asked = audit(project, None, *arguments)
        assert asked.code == code, asked.all
        assert [line.partition(": ")[2].partition(":")[0] for line in asked.err.splitlines()] == ["NOT CHECKED", "NOT CHECKED"], asked.all
        assert "NOT CHECKED: RustSec's advisories about crates: " in asked.err
        assert "NOT CHECKED: PyPI's advisories: " in asked.err
