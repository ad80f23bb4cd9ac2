"""scripts/build: the same sources make the same bytes in whatever folder, with whatever CARGO_HOME, by whomever.

`make reproducible` builds the program itself twice, which takes minutes. These take a program of one dependency."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT

HOST = subprocess.run(["rustc", "--print", "host-tuple"], check=True, capture_output=True, text=True).stdout.strip()
CRATES = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry"
#: base64 panics where its input is too long: the place in its source gets into the program.
DEPENDENCY = re.search(r'\n\[\[package]]\nname = "base64"\nversion = "0\.(?:.|\n)*?\n\n', (ROOT / "Cargo.lock").read_text())[0]
MAIN = """
fn main() {
    let input = std::env::args().next().unwrap_or_default();
    println!("{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, input));
}
"""


def sample(folder: Path) -> tuple[Path, dict[str, str]]:
    """A project that is built as this one is, and an environment with a CARGO_HOME of its own."""
    project, home = folder / "project", folder / "cargo-home"
    (home / "registry").mkdir(parents=True)
    for shared in ("cache", "index"):
        (home / "registry" / shared).symlink_to(CRATES / shared)
    (project / "src").mkdir(parents=True)
    for same in (".cargo", "scripts"):
        shutil.copytree(ROOT / same, project / same)
    version = re.search('version = "(.*)"', DEPENDENCY)[1]
    (project / "Cargo.toml").write_text(
        f'[package]\nname = "sample"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\nbase64 = "={version}"\n[profile.release]\nstrip = true\n')
    (project / "Cargo.lock").write_text(f'version = 4\n{DEPENDENCY}[[package]]\nname = "sample"\nversion = "0.0.0"\ndependencies = ["base64"]\n')
    (project / "src" / "main.rs").write_text(MAIN)
    return project, os.environ | {"CARGO_HOME": str(home), "CARGO_NET_OFFLINE": "true"}


def built(folder: Path, target: str, *command: str) -> bytes:
    project, environment = sample(folder)
    done = subprocess.run(command or ["scripts/build", target], cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (project / "target" / target / "release" / ("sample.wasm" if target.startswith("wasm") else "sample")).read_bytes()


@pytest.mark.parametrize("target", ["wasm32-wasip2", HOST])
def test_two_folders_with_two_cargo_homes_make_the_same_bytes(tmp_path: Path, target: str) -> None:
    """Field tests, security 15."""
    one = built(tmp_path / "a", target)
    other = built(tmp_path / "another" / "folder with a longer name", target)

    assert str(tmp_path).encode() not in one
    assert one == other

    # By cargo alone they don't: the sample has what would tell them apart.
    plain = built(tmp_path / "plain", target, "cargo", "build", "--locked", "--release", "--target", target)
    assert str(tmp_path).encode() in plain


def test_the_module_tells_nothing_of_the_machine_that_built_it(wasm: Path) -> None:
    places = [str(CRATES), str(Path.home() / ".cargo"), str(Path.home() / ".rustup"), "registry/src/", f"{ROOT}/"]
    # Rust's own library has places of the machine that built it.
    sysroot = Path(subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip())
    of_rust = b"".join(library.read_bytes() for library in (sysroot / "lib/rustlib/wasm32-wasip2/lib").glob("*.rlib"))
    told = {file for place in places for file in re.findall(rb"[\w./~+-]*" + re.escape(place.encode()) + rb"[\w./~+-]*?\.rs", wasm.read_bytes())}

    assert [file for file in told if file not in of_rust] == []
