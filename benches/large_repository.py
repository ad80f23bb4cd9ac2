"""Makes the metadata of a repository of any size: packages as large as those of real distributions
(2.6 kB of XML each), among them 400 releases of `gitlab-runner`. The packages themselves are not made.

    python3 benches/large_repository.py FOLDER PACKAGES [gz|zst]
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterable
from itertools import accumulate, chain
from pathlib import Path

RELEASES = 400

PRIMARY = """<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{packages}">
"""

FILELISTS = """<?xml version="1.0" encoding="UTF-8"?>
<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="{packages}">
"""

PACKAGE = """<package type="rpm">
  <name>{name}</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="{version}" rel="{release}"/>
  <checksum type="sha256" pkgid="YES">{checksum}</checksum>
  <summary>{summary}</summary>
  <description>{description}</description>
  <packager>Somebody &lt;somebody@example.com&gt;</packager>
  <url>https://example.com/{name}</url>
  <time file="{time}" build="{time}"/>
  <size package="{size}" installed="{size}" archive="{size}"/>
  <location href="Packages/{name}-{version}-{release}.x86_64.rpm"/>
  <format>
    <rpm:license>MIT</rpm:license>
    <rpm:vendor>Example</rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>build.example.com</rpm:buildhost>
    <rpm:sourcerpm>{name}-{version}-{release}.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="{size}"/>
    <rpm:provides>
{provides}
    </rpm:provides>
    <rpm:requires>
{requires}
    </rpm:requires>
    <file>/usr/bin/{name}</file>
  </format>
</package>
"""


class Packages:
    """What real packages have in common: a language, in which few words are frequent, and libraries that most need."""

    def __init__(self, packages: int) -> None:
        self.chance = random.Random(packages)
        self.packages, self.every = packages, packages // RELEASES
        letters = "eeeeaaaiiioootttnnnsssrrrllldddcuumpfghbyvkwxzjq"
        self.vocabulary = ["".join(self.chance.choices(letters, k=self.chance.randint(2, 11))) for _ in range(6_000)]
        self.weights = list(accumulate(1 / rank for rank in range(1, len(self.vocabulary) + 1)))
        self.libraries = [f"lib{word}.so.{self.chance.randint(0, 9)}()(64bit)" for word in self.vocabulary[:800]]

    def words(self, count: int) -> list[str]:
        return self.chance.choices(self.vocabulary, cum_weights=self.weights, k=count)

    def nevra(self, number: int) -> tuple[str, str, int, str]:
        """Name, version, release and checksum of the package of a number; the product's at every so many."""
        chance = random.Random(number)
        is_release = number % self.every == 0 and number // self.every < RELEASES
        name = "gitlab-runner" if is_release else f"{self.vocabulary[number % 6_000]}-{chance.choice(self.vocabulary)}{number}"
        return (name, f"{10 + number // self.every % 9}.{number // self.every % 20}.{number // self.every}",
                chance.randint(1, 9), f"{chance.getrandbits(256):064x}")

    def xml(self, number: int) -> str:
        """Its `<package>` of the primary."""
        name, version, release, checksum = self.nevra(number)
        parts = [name, *(f"{name}-{part}" for part in self.words(4))]
        provides = [f'      <rpm:entry name="{part}" flags="EQ" epoch="0" ver="{number}" rel="1"/>' for part in parts]
        requires = [f'      <rpm:entry name="{library}"/>' for library in self.chance.choices(self.libraries, cum_weights=self.weights[:800], k=16)]
        return PACKAGE.format(
            name=name, version=version, release=release, checksum=checksum, summary=" ".join(self.words(8)),
            description=" ".join(self.words(40)), time=1_700_000_000 + number, size=self.chance.randint(10_000, 90_000_000),
            provides="\n".join(provides), requires="\n".join(requires))

    def files(self, number: int) -> str:
        """Its `<package>` of the filelists."""
        name, version, release, checksum = self.nevra(number)
        files = "".join(f"  <file>/usr/share/{name}/{folder}/{file}</file>\n" for folder, file in zip(self.words(30), self.words(30)))
        return f'<package pkgid="{checksum}" name="{name}" arch="x86_64">\n  <version epoch="0" ver="{version}" rel="{release}"/>\n{files}</package>\n'


#: As createrepo_c compresses by default.
COMPRESSORS = {"gz": ["gzip", "--no-name", "--stdout"], "zst": ["zstd", "-10", "--quiet", "--stdout"]}


def write(repodata: Path, kind: str, form: str, pieces: Iterable[str]) -> tuple[str, int]:
    """A file of metadata; what `repomd.xml` says of it, and the bytes of XML in it."""
    file, size = repodata / f"{kind}.xml.{form}", 0
    with file.open("wb") as compressed, subprocess.Popen(COMPRESSORS[form], stdin=subprocess.PIPE, stdout=compressed) as compressor:
        for piece in pieces:
            size += compressor.stdin.write(piece.encode())
    if compressor.returncode:
        sys.exit(f"{' '.join(COMPRESSORS[form])} ended with {compressor.returncode}")
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    return (f'<data type="{kind}"><checksum type="sha256">{checksum}</checksum><location href="repodata/{file.name}"/>'
            f"<size>{file.stat().st_size}</size><open-size>{size}</open-size></data>", size)


def make(folder: Path, packages: int, form: str) -> int:
    """Writes `repodata/` and returns the bytes of XML in its primary."""
    repodata = folder / "repodata"
    repodata.mkdir(parents=True, exist_ok=True)
    made = [Packages(packages), Packages(packages)]
    numbers = range(packages)
    primary, size = write(repodata, "primary", form, chain([PRIMARY.format(packages=packages)], map(made[0].xml, numbers), ["</metadata>\n"]))
    # dnf reads these, too.
    filelists, _ = write(repodata, "filelists", form, chain([FILELISTS.format(packages=packages)], map(made[1].files, numbers), ["</filelists>\n"]))
    (repodata / "repomd.xml").write_text(
        f'<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>{primary}{filelists}</repomd>\n')
    return size


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "gz"), "bytes of XML")
