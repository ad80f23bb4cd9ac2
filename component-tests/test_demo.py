"""The demos: three nights by the module and by the native program, to the same bytes; images that are baked and found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import NATIVE, ROOT, WASM

OUT = ROOT / "demo" / "out"


def three_nights(program: Path) -> tuple[str, dict[str, bytes]]:
    """What the demo prints, and the files that it leaves."""
    done = subprocess.run([str(ROOT / "demo" / "three-nights"), str(program)], env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    files = {str(file.relative_to(OUT)): file.read_bytes() for file in OUT.rglob("*") if file.is_file()}
    shutil.rmtree(OUT)
    return done.stdout, {name: content for name, content in files.items() if not name.startswith(("bin/", "share/"))}


def test_the_native_program_and_the_module_leave_the_same_files() -> None:
    told_by_module, by_module = three_nights(WASM)
    told_by_native, by_native = three_nights(NATIVE)

    assert {"night-1/packages.json", "night-3/builds.json", "night-3/child-pipeline.yml"} <= set(by_module)
    assert len([name for name in by_module if name.startswith("tracker/")]) == 2, "the newest head and the one before it"
    assert by_native == by_module
    assert told_by_native.replace(str(NATIVE.relative_to(ROOT)), "PROGRAM") == told_by_module.replace(
        str(WASM.relative_to(ROOT)), "PROGRAM").replace("Compiling the module once, so that each command need not do it again …\n", "")


def test_the_demo_of_images_finds_what_it_has_baked_and_takes_it_back() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "demo" / "images"), str(WASM)], env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True,
                          timeout=400, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    found, _, later = done.stdout.partition("The image to use\n")[2].partition("A person says which images are used")
    [used] = re.findall(r"^AMI_ID=(ami-[0-9a-f]+)$", found, re.MULTILINE)
    assert re.search(rf"^al2023 .* us-east-1={used}$", found, re.MULTILINE) and re.search(rf"^{used}  gitlab-runner-18.6.0-al2023-", found, re.MULTILINE), found
    bad, _, back = later.partition("taken back\n")[2].partition("exit code 11")
    assert "Revoked: gitlab-runner-18.7.0-1.x86_64 on every target" in bad and "REVOKED: it deletes jobs, by mary" in bad, bad
    assert len(re.findall(rf"^al2023 .* us-east-1={used}", back, re.MULTILINE)) == 2, back
