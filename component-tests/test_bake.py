"""A night that bakes for real: Packer, Ansible, sshd and dnf in throw-away roots, EC2's API by moto, the real client of AWS."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, Consumer, Module
from ec2 import BIN, REGIONS, Ec2, bake_on, ec2  # noqa: F401 (a fixture)
from repositories import Repository, Signer
from test_examples import commands


@pytest.fixture
def project(consumer: Consumer, ec2: Ec2, signed: Repository) -> Consumer:
    """The example as it is printed, with this EC2 and this repository."""
    bake_on(ec2, consumer)
    consumer.environment["AWS_TOKEN"] = "of GitLab"
    consumer.edit("ci/build-ami.yml", "https://packages.gitlab.com/runner/gitlab-runner/el/9/x86_64", signed.url)
    consumer.edit("ci/build-ami.yml", "https://packages.gitlab.com/runner/gitlab-runner/gpgkey/runner-gitlab-runner-49F16C5CC3A0F81F.pub.gpg",
                  f"{signed.url}key")
    return consumer


@pytest.mark.example("packer-ansible")
def test_the_images_that_a_night_bakes_and_tests_are_those_that_aws_shows(project: Consumer, ec2: Ec2) -> None:
    """The test is that of docs/how-to/test-the-image.md, as it is printed: the real client of AWS starts an instance of each image."""
    [test] = re.findall(r"^```yaml\n# ci/build-ami\.yml\n(.*?)^```", (ROOT / "docs" / "how-to" / "test-the-image.md").read_text(), re.MULTILINE | re.DOTALL)
    project.edit("ci/build-ami.yml", ".build-ami:\n", f"{test}\n.build-ami:\n")
    project.edit(".gitlab-ci.yml", "      build_file: ci/build-ami.yml\n", "      build_file: ci/build-ami.yml\n      test_job: .test-ami\n")
    project.bring("aws", f'#!/bin/sh\nexec {BIN / "aws"} "$@"\n')

    night = project.schedule()

    assert night.code == 0, night.log
    assert {f"test: [18.6.0-1.x86_64, {target}]" for target in ("al2023", "rhel9")} <= night.jobs("PASS"), night.log
    instances = ec2.aws("ec2", "describe-instances", region="us-east-1")["Reservations"]
    tested = {instance["ImageId"]: instance["State"]["Name"] for reservation in instances for instance in reservation["Instances"]}
    assert set(tested) == set(ec2.images("us-east-1")) and set(tested.values()) <= {"shutting-down", "terminated"}, tested
    assert project.states() == {"18.6.0-1 al2023": "built", "18.6.0-1 rhel9": "built"}
    module = Module(project.wasm, project.folder).inside_job_of(project.gitlab)
    images = {image["target"]: image for image in json.loads(module("images", "--tracker", "gitlab", "--format", "json").out)["images"]}
    bases = {"al2023": "ami-0a12023000000000b", "rhel9": "ami-0e19000000000000b"}
    assert {target: image["bases"] for target, image in images.items()} == {target: [base] for target, base in bases.items()}
    for region in REGIONS:
        baked = ec2.images(region)
        assert set(baked) == {image["ids"][region] for image in images.values()}
        for target, image in images.items():
            ami = baked[image["ids"][region]]
            assert ami["Name"].startswith(f"gitlab-runner-18.6.0-{target}-")
            tags = {tag["Key"]: tag["Value"] for tag in ami["Tags"]}
            assert (tags["Product"], tags["Package"], tags["Target"]) == ("gitlab-runner", "gitlab-runner-18.6.0-1.x86_64", target)
    assert not ec2.instances(), "the roots of the instances are left behind"
    assert_the_readme_compares_them(project, ec2)
    assert project.schedule().jobs("PASS") == {"list", "diff", "trigger", "nothing-to-build", "images"}


def assert_the_readme_compares_them(project: Consumer, ec2: Ec2) -> None:
    """By names and by tags, with the commands that it prints."""
    by_name = commands("packer-ansible")[1].replace("https://packages.gitlab.com/runner/gitlab-runner/el/9/x86_64", project.repo_url)
    by_tags = by_name.replace("--image-name '{product}-{version}-{target}-*'", "--image-tag Package={package} --image-tag Target={target}")
    assert by_tags != by_name
    token = {"CI_API_V4_URL": project.gitlab.api_url, "CI_PROJECT_ID": "42", "AMI_SCHEDULER_TOKEN": "glpat-maintainer"}
    for script in (by_name, by_tags):
        done = subprocess.run(["bash", "-e", "-c", script], cwd=project.folder, env=project.surroundings("", None)[0] | token,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "images: 4, of a known release: 4" in done.stdout and "without an image" not in done.stdout, done.stdout


@pytest.mark.example("packer-ansible")
def test_a_package_that_its_publisher_did_not_sign_is_not_baked_in(project: Consumer, ec2: Ec2, signed: Repository, tmp_path: Path) -> None:
    Signer(tmp_path / "other").sign_packages(signed.folder / "Packages")
    signed.publish()

    night = project.schedule()

    assert night.jobs("FAIL") == {"build: [18.6.0-1.x86_64, al2023]", "build: [18.6.0-1.x86_64, rhel9]"}, night.log
    assert "Failed to validate GPG signature" in night.log
    assert not ec2.images(REGIONS[0])
    assert set(project.states().values()) == {"failed"}
