"""Real YUM repositories: RPMs by rpmbuild, metadata by createrepo_c."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SPEC = """
Name: {name}
Epoch: {epoch}
Version: {version}
Release: {release}
Summary: {summary}
License: MIT
{build_arch}
%description
Nothing is in it.
%files
"""


class RpmBuilder:
    """Builds each package once. Another summary makes another file of the same package. `built_at`, in seconds, is when the
    packages say that they were built."""

    def __init__(self, folder: Path, summary: str = "A package for tests", built_at: int | None = None) -> None:
        self.folder = folder
        self.summary = summary
        self.built_at = built_at

    def rpm(self, nevra: str, built_at: int | None = None) -> Path:
        """The RPM file of `NAME-[EPOCH:]VERSION-RELEASE.ARCH`; its name holds no epoch. The architecture `src` makes a source
        package."""
        built_at = built_at or self.built_at
        rest, arch = nevra.rsplit(".", 1)
        name, version, release = rest.rsplit("-", 2)
        epoch, _, version = version.rpartition(":")
        built = self.folder / (epoch or "0") / arch / f"{name}-{version}-{release}.{arch}.rpm"
        if not built.exists():
            kind, built_for = ("-bs", "noarch") if arch == "src" else ("-bb", arch)
            spec = self.folder / "package.spec"
            # Another architecture than the machine's is no BuildArch.
            build_arch = "BuildArch: noarch" if built_for == "noarch" else ""
            spec.write_text(SPEC.format(name=name, epoch=epoch or "0", version=version, release=release, summary=self.summary,
                                        build_arch=build_arch))
            time = {} if built_at is None else {"SOURCE_DATE_EPOCH": str(built_at)}
            subprocess.run(
                ["rpmbuild", kind, "--quiet", "--target", built_for, "--define", f"_topdir {self.folder}/top",
                 "--define", f"_rpmdir {self.folder}/{epoch or '0'}", "--define", f"_srcrpmdir {built.parent}",
                 "--define", "use_source_date_epoch_as_buildtime 1", str(spec)],
                check=True, capture_output=True, env=os.environ | time,
            )
        return built


#: As the real one from version 18 on: two packages that need each other, a program that tells its version, and a service.
RUNNER = """
Name: gitlab-runner
Version: {version}
Release: 1
Summary: A runner
License: MIT
Requires: gitlab-runner-helper-images = %{{version}}-%{{release}}
%description
A runner.
%package helper-images
Summary: What it needs
BuildArch: noarch
Requires: gitlab-runner = %{{version}}-%{{release}}
%description helper-images
What it needs.
%install
mkdir -p %{{buildroot}}/usr/bin %{{buildroot}}/usr/lib/systemd/system %{{buildroot}}/usr/lib/gitlab-runner
printf '#!/bin/sh\\necho "Version: %{{version}}"\\n' >%{{buildroot}}/usr/bin/gitlab-runner
printf '[Service]\\nExecStart=/usr/bin/gitlab-runner run\\n[Install]\\nWantedBy=multi-user.target\\n' \
  >%{{buildroot}}/usr/lib/systemd/system/gitlab-runner.service
touch %{{buildroot}}/usr/lib/gitlab-runner/helper-images.tar
%files
%attr(755, root, root) /usr/bin/gitlab-runner
/usr/lib/systemd/system/gitlab-runner.service
%files helper-images
/usr/lib/gitlab-runner/helper-images.tar
"""


def build_runner(version: str, folder: Path, packages: Path) -> None:
    """Packages that can be installed, for the machine's own architecture."""
    (folder / "runner.spec").write_text(RUNNER.format(version=version))
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}/runner", "--define", f"_rpmdir {packages}",
                    "--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", str(folder / "runner.spec")],
                   check=True, capture_output=True)


@dataclass
class Repository:
    folder: Path
    rpms: RpmBuilder
    url: str

    def add(self, *nevras: str) -> Repository:
        """Adds packages; nobody sees them before `publish`."""
        packages = self.folder / "Packages"
        packages.mkdir(parents=True, exist_ok=True)
        for nevra in nevras:
            shutil.copy(self.rpms.rpm(nevra), packages)
        return self

    def remove(self, *nevras: str) -> Repository:
        """Takes packages away; they are still listed before `publish`."""
        for nevra in nevras:
            (self.folder / "Packages" / self.rpms.rpm(nevra).name).unlink()
        return self

    def publish(self, *options: str) -> Repository:
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["createrepo_c", "--quiet", *options, str(self.folder)], check=True, capture_output=True)
        return self

    def recompress_primary(self, kind: str, change: Callable[[bytes], bytes] = bytes) -> None:
        """Replaces primary, changed, by one that the named program compressed, or none did."""
        repodata = self.folder / "repodata"
        compressed, plain = self.primary(), repodata / "primary.xml"
        plain.write_bytes(change(self.plain_primary()))
        subprocess.run(["modifyrepo_c", "--remove", "primary", str(repodata)], check=True, capture_output=True)
        compressed.unlink(missing_ok=True)
        suffix = {"zstd": ".zst", "xz": ".xz", "gzip": ".gz", "bzip2": ".bz2", "none": ""}[kind]
        if kind == "zstd":  # which older versions of createrepo_c don't know
            subprocess.run(["zstd", "--quiet", "--rm", str(plain)], check=True)
        how = ["--no-compress"] if kind in ("zstd", "none") else ["--compress", f"--compress-type={suffix[1:]}"]
        source = f"{plain}{suffix}" if kind == "zstd" else str(plain)
        subprocess.run(["modifyrepo_c", "--mdtype", "primary", *how, source, str(repodata)], check=True, capture_output=True)
        plain.unlink(missing_ok=True)  # it is moved where it is not compressed
        assert self.primary().name.endswith(f"primary.xml{suffix}"), self.primary()

    def add_zchunk(self) -> None:
        """Adds the zchunk form of primary beside it."""
        plain = self.folder / "primary.xml"
        plain.write_bytes(self.plain_primary())
        subprocess.run(["zck", "-o", f"{plain}.zck", str(plain)], check=True, capture_output=True)
        subprocess.run(["modifyrepo_c", "--mdtype", "primary_zck", "--no-compress", f"{plain}.zck", str(self.folder / "repodata")],
                       check=True, capture_output=True)

    def plain_primary(self) -> bytes:
        primary = self.primary()
        program = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}.get(primary.suffix)
        return subprocess.run([program, "-dc", str(primary)], check=True, capture_output=True).stdout if program else primary.read_bytes()

    def primary(self) -> Path:
        """The file that repomd.xml names."""
        repomd = (self.folder / "repodata" / "repomd.xml").read_text()
        return self.folder / re.findall(r'<data type="primary">.*?<location href="([^"]+)"', repomd, re.DOTALL)[0]

    def metadata(self, name: str) -> Path:
        return next(path for path in (self.folder / "repodata").iterdir() if f"-{name}" in path.name)

    def describe(self, kind: str, name: str, content: str, *options: str) -> Repository:
        """Adds a file to the metadata of what is published: of this kind in repomd.xml, and of this name."""
        file = self.folder.parent / name
        file.write_text(content)
        subprocess.run(["modifyrepo_c", f"--mdtype={kind}", *options, str(file), str(self.folder / "repodata")], check=True, capture_output=True)
        return self

    def advise(self, *updates: str, options: tuple[str, ...] = ()) -> Repository:
        """Publishes advisories about what is published."""
        return self.describe("updateinfo", "updateinfo.xml", f"<?xml version='1.0'?>\n<updates>{''.join(updates)}</updates>\n", *options)


def update(name: str, *nevras: str, kind: str = "security", severity: str = "Important", status: str = "final", package: str = "") -> str:
    """An <update> of updateinfo.xml, about packages, or one with these attributes."""
    packages = [f"<package {package}/>"] if package else []
    for nevra in nevras:
        rest, arch = nevra.rsplit(".", 1)
        product, version, release = rest.rsplit("-", 2)
        epoch, _, version = version.rpartition(":")
        packages.append(f'<package name="{product}" version="{version}" release="{release}" epoch="{epoch or 0}" arch="{arch}" '
                        f'src="{product}-{version}-{release}.src.rpm"><filename>{nevra}.rpm</filename></package>')
    stated = f"<severity>{severity}</severity>" if severity else ""
    return (f'<update from="updates@example.com" status="{status}" type="{kind}" version="1"><id>{name}</id><title>{name}</title>'
            f'<issued date="2026-11-20 00:00:00"/>{stated}<description>A &lt;fix&gt;.</description>'
            f'<pkglist><collection short="x"><name>x</name>{"".join(packages)}</collection></pkglist></update>')


class Signer:
    """A key of its own, in a home of its own."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.home = home
        self.gpg("--quick-generate-key", "Some Repository <repo@example.com>", "rsa2048", "sign", "never")

    def gpg(self, *arguments: str) -> bytes:
        return subprocess.run(["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--yes", "--pinentry-mode", "loopback",
                               "--passphrase", "", *arguments], check=True, capture_output=True).stdout

    def public_key(self) -> str:
        return self.gpg("--armor", "--export").decode()

    def sign(self, repository: Repository) -> None:
        self.gpg("--armor", "--detach-sign", str(repository.folder / "repodata" / "repomd.xml"))

    def sign_packages(self, folder: Path) -> None:
        subprocess.run(["rpmsign", "--addsign", "--define", f"__gpg {shutil.which('gpg')}", "--define", f"_gpg_path {self.home}",
                        "--define", "_gpg_name repo@example.com", *map(str, sorted(folder.glob("**/*.rpm")))], check=True, capture_output=True)


# The releases that most tests begin with, and look-alikes of them.
FIRST = ["gitlab-runner-17.11.0-1.x86_64", "gitlab-runner-18.5.0-1.x86_64", "gitlab-runner-18.6.0-1.x86_64",
         "gitlab-runner-fips-18.6.0-1.x86_64", "gitlab-runner-helper-images-18.6.0-1.noarch"]
