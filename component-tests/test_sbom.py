"""scripts/sbom: what a released program is made of, as CycloneDX."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from conftest import ROOT
from test_reproducible import HOST

FILES = {"wasm32-wasip2": "ami-scheduler.wasm.cdx.json", HOST: f"ami-scheduler-{HOST}.cdx.json"}
Crate = tuple[str, str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sbom")
    subprocess.run([ROOT / "scripts" / "sbom", folder, *FILES], check=True)
    return folder


def linked(target: str) -> set[Crate]:
    """What cargo says that the program is made of."""
    tree = subprocess.run(["cargo", "tree", "--locked", "--package", "ami-scheduler-cli", "--edges", "normal", "--target", target, "--prefix", "none"],
                          cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {(name, version) for name, version in re.findall(r"^(\S+) v(\S+)", tree, re.MULTILINE) if name != "ami-scheduler-cli"}


def test_it_lists_for_each_target_what_its_program_is_made_of(folder: Path) -> None:
    assert sorted(file.name for file in folder.iterdir()) == sorted(FILES.values())


def test_it_is_cyclonedx(folder: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str((folder / FILES["wasm32-wasip2"]).read_text()) is None


@pytest.mark.parametrize("target", FILES)
def test_each_crate_that_is_linked_is_in_it_with_its_licence_and_the_checksum_of_cargo_lock(folder: Path, target: str) -> None:
    components = {(component["name"], component["version"]): component
                  for component in json.loads((folder / FILES[target]).read_text())["components"]}
    locked = {(package["name"], package["version"]): package for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}

    # cargo metadata, where the list is from, knows no difference between the features of a program and those of its tests:
    # the list may have a crate more.
    assert linked(target) <= components.keys()
    for crate, component in components.items():
        assert component["licenses"], crate
        sums = [held["content"] for held in component.get("hashes", ()) if held["alg"] == "SHA-256"]
        assert sums == [locked[crate]["checksum"]] if "checksum" in locked[crate] else crate[0] == "ami-scheduler"


def test_it_tells_nothing_of_the_machine(folder: Path) -> None:
    assert [file.name for file in folder.iterdir() if str(ROOT) in file.read_text() or str(Path.home()) in file.read_text()] == []
