"""A private certificate authority, and what it signs, by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
[ca]
default_ca = private
[private]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@dataclass
class Certificate:
    pem: Path
    key: Path


class Authority:
    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.pem, self.key = folder / "ca.pem", folder / "ca.key"
        (folder / "index.txt").touch()
        (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
        openssl("req", "-x509", *KEY, "-days", 30, "-subj", f"/O=Acme/CN={name}", "-keyout", self.key, "-out", self.pem)

    def issue(self, name: str, begins: str = "20260101000000Z", ends: str = "20990101000000Z",
              extensions: str = "") -> Certificate:
        """The certificate of a server, or of a client."""
        issued = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extension_file = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extension_file.write_text(extensions or f"subjectAltName=DNS:{name}\n")
        openssl("req", *KEY, "-subj", f"/CN={name}", "-keyout", issued.key, "-out", request)
        openssl("ca", "-batch", "-notext", "-config", self.folder / "openssl.cnf", "-cert", self.pem, "-keyfile", self.key,
                "-startdate", begins, "-enddate", ends, "-extfile", extension_file, "-in", request, "-out", issued.pem)
        return issued

    def below(self, folder: Path, name: str) -> Authority:
        """Another authority that this one vouches for."""
        authority = Authority(folder, name)
        signed = self.issue(name, extensions="basicConstraints=critical,CA:TRUE\n")
        authority.pem, authority.key = signed.pem, signed.key
        return authority


def self_signed(folder: Path, name: str) -> Certificate:
    """As `openssl req -x509` makes them by default: an authority's, too."""
    made = Certificate(folder / "self.pem", folder / "self.key")
    openssl("req", "-x509", *KEY, "-days", 30, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
            "-keyout", made.key, "-out", made.pem)
    return made
