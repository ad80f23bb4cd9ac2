"""Container images without a Docker daemon: buildah, on a base that mmdebstrap makes of Debian's packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, Run, tool

BASE_TAR = ROOT / ".tools" / "image" / "base.tar"


@dataclass
class Buildah:
    """buildah with a storage of its own. chroot is the isolation that needs no privileges in a container;
    it leaves the network of the machine."""

    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        config = self.folder / "storage.conf"
        config.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{self.folder}/graph"\nrunroot = "{self.folder}/run"\n')
        return {"CONTAINERS_STORAGE_CONF": str(config), "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

    def __call__(self, *arguments: object, script: str | None = None) -> Run:
        done = subprocess.run([tool("buildah"), *map(str, arguments)], env=os.environ | self.settings, input=script, capture_output=True,
                              text=True, timeout=240, check=False)
        return Run(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: object) -> str:
        run = self(*arguments)
        assert run.code == 0, run.all
        return run.out.strip()

    def make_base(self, name: str) -> None:
        """What a public Debian image holds, from Debian's packages."""
        container = self.must("from", "scratch")
        self.must("add", "--quiet", container, BASE_TAR, "/")
        self.must("commit", "--quiet", container, name)
        self.must("rm", container)


@contextmanager
def buildah_in(folder: Path) -> Iterator[Buildah]:
    """A storage holds each layer whole: too much to leave behind."""
    folder.mkdir()
    yield Buildah(folder)
    shutil.rmtree(folder)


@dataclass
class Container:
    """A container as GitLab's Docker executor uses it: the image's user and variables, and a shell whose
    standard input is the job's script, in a folder of the project's that root has made for everybody."""

    buildah: Buildah
    name: str

    def job(self, folder: Path, script: list[str], variables: dict[str, str], user: str | None = None, shell: str = "sh") -> Run:
        options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        if user:
            options += ["--user", user]
        return self.buildah("run", *options, "--volume", f"{folder}:/builds/acme/images", "--workingdir", "/builds/acme/images",
                            self.name, "--", shell, "-e", script="\n".join(script) + "\n")

    def config(self) -> dict:
        return json.loads(self.buildah.must("inspect", "--type", "container", self.name))["OCIv1"]["config"]
