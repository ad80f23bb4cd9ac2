"""Container images without a Docker daemon: buildah, on a base that mmdebstrap makes of Debian's packages."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, Run, free_port, tool

BASE_TAR = ROOT / ".tools" / "image" / "base.tar"
BAKE_ROOT = ROOT / ".tools" / "bake" / "root"


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

    def make_base_with_dnf(self, name: str) -> None:
        """The same with dnf and rpm, of the root in which images are baked."""
        tar = self.folder / "base.tar"
        as_owner = [] if os.getuid() == 0 else ["unshare", "--map-root-user", "--map-auto"]
        left_out = ["--exclude=./usr/bin/packer", "--exclude=ansible*", "--exclude=./usr/share/doc", "--exclude=./dev/*"]
        subprocess.run([*as_owner, "tar", "--create", f"--file={tar}", f"--directory={BAKE_ROOT}", *left_out, "."], check=True)
        container = self.must("from", "scratch")
        self.must("add", "--quiet", container, tar, "/")
        self.must("commit", "--quiet", container, name)
        self.must("rm", container)
        tar.unlink()


@contextmanager
def buildah_in(folder: Path) -> Iterator[Buildah]:
    """A storage holds each layer whole: too much to leave behind."""
    folder.mkdir()
    yield Buildah(folder)
    shutil.rmtree(folder)


@dataclass
class Registry:
    """A registry of images on this machine, without TLS and without accounts."""

    host: str
    #: Where buildah and skopeo look up that it has no TLS.
    home: Path

    def digest(self, image: str) -> str:
        """What a tag is, as skopeo asks for it."""
        return subprocess.run([tool("skopeo"), "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{self.host}/{image}"], check=True,
                              env=os.environ | {"HOME": str(self.home)}, capture_output=True, text=True).stdout.strip()


@contextmanager
def registry_in(folder: Path) -> Iterator[Registry]:
    port = free_port()
    registry = Registry(f"localhost:{port}", folder / "home")
    config = folder / "home" / ".config" / "containers" / "registries.conf"
    config.parent.mkdir(parents=True)
    config.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
    (folder / "registry.yml").write_text(json.dumps({
        "version": 0.1, "log": {"level": "error"}, "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": f"127.0.0.1:{port}"}}))
    with (folder / "log").open("w") as log, subprocess.Popen([tool("docker-registry"), "serve", str(folder / "registry.yml")], stdout=log,
                                                             stderr=log) as process:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        try:
            yield registry
        finally:
            process.terminate()
    shutil.rmtree(folder / "images")


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
