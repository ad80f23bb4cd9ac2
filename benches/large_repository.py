"""Makes the metadata of a repository of any size: packages as large as those of real distributions
(2.6 kB of XML each), among them 400 releases of `gitlab-runner`. The packages themselves are not made.

    python3 benches/large_repository.py FOLDER PACKAGES
"""

from __future__ import annotations

import gzip
import hashlib
import random
import sys
from pathlib import Path

RELEASES = 400

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


def words(chance: random.Random, count: int) -> str:
    return " ".join("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 11))) for _ in range(count))


def package(chance: random.Random, number: int, packages: int) -> str:
    every = packages // RELEASES
    name = "gitlab-runner" if number % every == 0 else f"{words(chance, 1)}-{words(chance, 1)}{number}"
    entry = '      <rpm:entry name="{0}" flags="EQ" epoch="0" ver="{1}" rel="1"/>'
    return PACKAGE.format(
        name=name, version=f"{10 + number // every % 9}.{number // every % 20}.{number // every}", release=chance.randint(1, 9),
        checksum=f"{chance.getrandbits(256):064x}", summary=words(chance, 8), description=words(chance, 60),
        time=1_700_000_000 + number, size=chance.randint(10_000, 90_000_000),
        provides="\n".join(entry.format(words(chance, 1), number) for _ in range(6)),
        requires="\n".join(entry.format(words(chance, 1), number) for _ in range(10)))


def make(folder: Path, packages: int) -> int:
    """Writes `repodata/` and returns the bytes of XML."""
    chance = random.Random(packages)
    repodata = folder / "repodata"
    repodata.mkdir(parents=True, exist_ok=True)
    primary, size = repodata / "primary.xml.gz", 0
    with gzip.GzipFile(primary, "wb", compresslevel=6, mtime=0) as file:
        head = f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{packages}">\n'
        size += file.write(head.encode())
        for number in range(packages):
            size += file.write(package(chance, number, packages).encode())
        size += file.write(b"</metadata>\n")
    checksum = hashlib.sha256(primary.read_bytes()).hexdigest()
    (repodata / "repomd.xml").write_text(
        f'<repomd><revision>1</revision><data type="primary"><checksum type="sha256">{checksum}</checksum>'
        f'<location href="repodata/primary.xml.gz"/><size>{primary.stat().st_size}</size>'
        f"<open-size>{size}</open-size></data></repomd>\n")
    return size


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), int(sys.argv[2])), "bytes of XML")
