"""EC2 on this machine: moto's API, and instances that are throw-away roots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import ROOT, Consumer, free_port, tool

BAKE = ROOT / "component-tests" / "bake"
REGIONS = ["eu-central-1", "us-east-1"]
BIN = Path(sys.executable).parent


@dataclass
class Ec2:
    """What AWS would answer."""

    endpoint: str
    key: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_ENDPOINT_URL": self.endpoint, "AWS_PAGER": "",
                "AWS_DEFAULT_REGION": REGIONS[0], "AWS_EC2_METADATA_DISABLED": "true"}

    def environment_of_a_role(self) -> dict[str, str]:
        """The same for a job that has GitLab's token in place of a key."""
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        return {name: value for name, value in self.environment.items() if name not in keys} | {"AWS_TOKEN": "of GitLab"}

    def aws(self, *arguments: str, region: str = REGIONS[0]) -> dict:
        """What the real client says, as JSON."""
        done = subprocess.run([BIN / "aws", "--region", region, "--output", "json", *arguments], env=os.environ | self.environment,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    def images(self, region: str) -> dict[str, dict]:
        """Ours, by their ids."""
        return {image["ImageId"]: image for image in self.aws("ec2", "describe-images", "--owners", "self", region=region)["Images"]}

    def instances(self) -> list[str]:
        """The command lines of the instances that run: each was told the public key."""
        key = Path(f"{self.key}.pub").read_bytes().strip()
        lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if os.access(file, os.R_OK)]
        return [line.decode() for line in lines if key in line]


@contextmanager
def ec2_in(folder: Path, amis: Path = BAKE / "amis.json") -> Iterator[Ec2]:
    """EC2 with public images, and a key pair."""
    folder.mkdir()
    key = folder / "key"
    subprocess.run([tool("ssh-keygen"), "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", str(key)], check=True)
    port = free_port()
    environment = os.environ | {"MOTO_AMIS_PATH": str(amis)}
    with (folder / "log").open("w") as log, subprocess.Popen([BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)], env=environment,
                                                             stdout=log, stderr=log) as process:
        ec2 = Ec2(f"http://127.0.0.1:{port}", key)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{ec2.endpoint}/moto-api/data.json").read()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        ec2.aws("ec2", "import-key-pair", "--key-name", "bake", "--public-key-material", f"fileb://{key}.pub")
        yield ec2
        process.terminate()


@pytest.fixture
def ec2(tmp_path: Path) -> Iterator[Ec2]:
    with ec2_in(tmp_path / "ec2") as ec2:
        yield ec2


def variables(ec2: Ec2) -> dict[str, str]:
    """What the program bake/packer and Packer itself want to know."""
    return ec2.environment | {"BAKE": str(BAKE), "BAKE_KEY": str(ec2.key), "PKR_VAR_endpoint": ec2.endpoint}


def adapt(project: Path) -> None:
    """Gives the example's files an endpoint on this machine, and takes out what Packer 1.6.6 does not know."""
    (project / "versions.pkr.hcl").unlink()
    (project / "endpoint.pkr.hcl").write_text((BAKE / "variables.pkr.hcl").read_text())
    template, newer = project / "gitlab-runner.pkr.hcl", '  imds_support  = "v2.0"\n'
    assert newer in template.read_text()
    template.write_text(template.read_text().replace(newer, (BAKE / "source.hcl").read_text()))


def bake_on(ec2: Ec2, consumer: Consumer) -> None:
    """Lets a project bake by the real Packer, against this EC2."""
    consumer.bring("packer", (BAKE / "packer").read_text())
    consumer.environment |= variables(ec2)
    adapt(consumer.folder)
    consumer.git("add", "--all")
    consumer.git("commit", "--quiet", "--message", "Bake on this machine")
