"""The jobs of docs/how-to/hand-the-image-on.md and docs/rules/adopt.md, as they are printed: with the real client of AWS against
moto, the real jq, curl and Terraform."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import PROJECT, ROOT, Consumer, tool
from ec2 import BIN, REGIONS, Ec2, ec2  # noqa: F401 (a fixture)
from gitlab_stand_in import GitLab
from repositories import Repository
from test_schema import check

PAGE = (ROOT / "docs" / "how-to" / "hand-the-image-on.md").read_text()
NAME = "/images/gitlab-runner/al2023/x86_64/18"


def blocks(page: str, heading: str, language: str) -> list[str]:
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture
def baking(consumer: Consumer, ec2: Ec2, repository: Repository) -> Consumer:
    """A project whose builds tell images of both regions, with `aws` and its keys."""
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()
    consumer.bring("aws", f'#!/bin/sh\nexec {shlex.quote(str(BIN / "aws"))} "$@"\n')
    consumer.environment |= ec2.environment
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  '    - echo "AMI_SCHEDULER_IMAGE_ID=eu-central-1=ami-${VERSION}-${TARGET}-eu,us-east-1=ami-${VERSION}-${TARGET}-us" > build.env\n')
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n", "")
    return consumer


def with_job(consumer: Consumer, job: str) -> None:
    [begins_with] = re.findall(r"^```yaml\n(\.images:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    job = f"{begins_with}\n{job}"
    with (consumer.folder / ".gitlab-ci.yml").open("a") as file:
        file.write(f"\n{job}")
    consumer.git("commit", "--quiet", "--all", "--message", "Hand the image on")


def test_ssm_parameters_name_the_image_of_their_region(baking: Consumer, ec2: Ec2, repository: Repository) -> None:
    [job] = blocks(PAGE, "SSM parameters, in each region", "yaml")
    with_job(baking, job)

    def parameters() -> dict[str, tuple[str, int]]:
        found = {}
        for region in REGIONS:
            [parameter] = ec2.aws("ssm", "get-parameters", "--names", NAME, region=region)["Parameters"]
            found[region] = (parameter["Value"], parameter["Version"])
        return found

    night = baking.schedule()
    assert "ssm-parameters" in night.jobs("PASS"), night.log
    assert parameters() == {"eu-central-1": ("ami-18.6.0-al2023-eu", 1), "us-east-1": ("ami-18.6.0-al2023-us", 1)}

    # A build that fails holds up neither the images of the others nor the parameters.
    repository.add("gitlab-runner-18.7.0-1.x86_64").publish()
    night = baking.schedule(fails="18.7.0 rhel9")
    assert "ssm-parameters" in night.jobs("PASS"), night.log
    assert parameters() == {"eu-central-1": ("ami-18.7.0-al2023-eu", 2), "us-east-1": ("ami-18.7.0-al2023-us", 2)}

    assert "ssm-parameters" in baking.schedule().jobs("PASS")
    assert {version for _, version in parameters().values()} == {2}, "what is as before is not written"


def test_a_launch_template_has_the_image_in_its_default_version(baking: Consumer, ec2: Ec2) -> None:
    [job] = blocks(PAGE, "A launch template", "yaml")
    with_job(baking, job)
    ec2.aws("ec2", "create-launch-template", "--launch-template-name", "runners", "--launch-template-data", "ImageId=ami-of-old,InstanceType=t3.micro",
            region="us-east-1")

    for _ in range(2):
        night = baking.schedule()
        assert "launch-template" in night.jobs("PASS"), night.log

    versions = ec2.aws("ec2", "describe-launch-template-versions", "--launch-template-name", "runners", region="us-east-1")["LaunchTemplateVersions"]
    assert {version["VersionNumber"]: (version["LaunchTemplateData"]["ImageId"], version["DefaultVersion"]) for version in versions} == {
        1: ("ami-of-old", False), 2: ("ami-18.6.0-al2023-us", True)}
    assert versions[0]["LaunchTemplateData"]["InstanceType"] == "t3.micro"


def test_terraform_and_another_project_find_the_image_at_its_url(baking: Consumer, gitlab: GitLab, tmp_path: Path) -> None:
    night = baking.schedule()
    assert "images" in night.jobs("PASS"), night.log

    trigger, downstream = blocks(PAGE, "A pipeline of another project", "yaml")
    check(yaml.safe_load(trigger), tmp_path)
    check(yaml.safe_load(downstream), tmp_path)
    job = yaml.safe_load(downstream)["image-to-use"]
    folder = tmp_path / "other"
    folder.mkdir()
    environment = os.environ | {"CI_JOB_TOKEN": "glcbt-reporter", "IMAGES": job["variables"]["IMAGES"].replace("$CI_API_V4_URL", gitlab.api_url)}

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False)

    script = "\n".join(["set -eo pipefail", *job["script"]])
    done = run(script)
    assert done.returncode == 0 and (folder / "image.env").read_text() == "AMI_ID=ami-18.6.0-al2023-us\n", done.stderr
    for missing in (script.replace('"us-east-1"', '"sa-east-1"'), script.replace("al2023", "al2032")):
        done = run(missing)
        assert done.returncode and "there is no such image in" in done.stderr and "null" not in (folder / "image.env").read_text(), done.stderr

    [code] = blocks(PAGE, "Terraform", "hcl")
    (folder / "main.tf").write_text(code)
    terraform = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    for arguments in (["init"], ["apply", "-auto-approve"]):
        subprocess.run([tool("terraform"), *arguments, "-no-color"], cwd=folder, env=terraform, capture_output=True, check=True)
    told = subprocess.run([tool("terraform"), "output", "-raw", "ami"], cwd=folder, env=terraform, capture_output=True, text=True, check=True)
    assert told.stdout == "ami-18.6.0-al2023-us"


def test_what_aws_has_an_image_of_is_not_built_again(baking: Consumer, ec2: Ec2, gitlab: GitLab) -> None:
    [printed] = blocks((ROOT / "docs" / "rules" / "adopt.md").read_text(), "Before each night", "yaml")
    parsed = yaml.safe_load(printed)
    inputs = parsed["include"][0]["inputs"]
    baking.edit(".gitlab-ci.yml", "      build_file: ci/build-ami.yml\n", "      build_file: ci/build-ami.yml\n"
                f"      adopt_images: true\n      image_tags: {json.dumps(inputs['image_tags'])}\n")
    baking.edit(".gitlab-ci.yml", "include:\n", f"{printed[printed.index('describe-images:'):]}\ninclude:\n")
    ids = {}
    for region in REGIONS:
        ids[region] = ec2.aws("ec2", "register-image", "--name", "by-hand", "--architecture", "x86_64", "--root-device-name", "/dev/sda1",
                              region=region)["ImageId"]
        ec2.aws("ec2", "create-tags", "--resources", ids[region], "--tags", "Key=Package,Value=gitlab-runner-18.6.0-1.x86_64", "Key=Target,Value=rhel9",
                region=region)

    night = baking.schedule()

    assert night.code == 0, night.log
    assert [build["TARGET"] for build in night.builds()] == ["al2023"]
    [[*_, published]] = gitlab.project(PROJECT).packages.values()
    images = json.loads(published)["images"]
    assert {image["target"]: image["ids"] for image in images}["rhel9"] == ids
