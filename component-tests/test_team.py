"""The project of examples/team: each of its branches, and a merge request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from conftest import PROJECT, Consumer, WebServer
from ec2 import BIN, Ec2, ec2  # noqa: F401 (a fixture)
from gitlab_stand_in import GitLab
from repositories import Repository, RpmBuilder, Signer
from test_hooks import Chat, chat  # noqa: F401 (a fixture)

RELEASES = {"gitlab-runner": ["17.11.0", "18.5.0", "18.6.0"], "vault": ["1.20.0"], "consul": ["1.21.0"], "nomad": ["1.10.0"]}
#: The newest release of each lane.
NEWEST = {"v17-gitlab-runner": "gitlab-runner-17.11.0", "v18-gitlab-runner": "gitlab-runner-18.6.0", "vault": "vault-1.20.0",
          "consul": "consul-1.21.0", "nomad": "nomad-1.10.0"}
TARGETS = {"al2023": "x86_64", "al2023-arm64": "aarch64", "rhel9": "x86_64"}
REGION = "us-east-1"

Publish = Callable[[str, RpmBuilder], None]


@pytest.fixture
def publish(web: WebServer, signer: Signer) -> Publish:
    """Publishes the releases of a product in a signed repository of its own."""
    def publish(product: str, rpms: RpmBuilder) -> None:
        repository = Repository(web.folder / product, rpms, f"{web.url}/{product}")
        for version in RELEASES[product]:
            repository.add(*(f"{product}-{version}-1.{arch}" for arch in ("x86_64", "aarch64")))
        signer.sign(repository.publish())

    return publish


@pytest.fixture
def team(consumer: Consumer, web: WebServer, rpms: RpmBuilder, signer: Signer, publish: Publish, tmp_path: Path) -> Consumer:
    """The example as it is printed, with these repositories."""
    for product in RELEASES:
        publish(product, rpms)
    consumer.edit("ci/images.yml", "https://yum.example.com", web.url)
    (tmp_path / "key").write_text(signer.public_key())
    consumer.variables["YUM_GPG_KEY"] = str(tmp_path / "key")
    return consumer


def built(team: Consumer, ref: str) -> set[tuple[str, str]]:
    return {(package, target) for package, targets in team.tracker(ref).items()
            for target, entry in targets.items() if entry["state"] == "built"}


def builds(*lanes: str) -> set[tuple[str, str]]:
    """The newest release of each lane, on each target in the architecture that the target states."""
    return {(f"{NEWEST[lane]}-1.{arch}", target) for lane in lanes for target, arch in TARGETS.items()}


def told(written: list[dict[str, str]]) -> list[str]:
    """What the chat was told, without the URLs of the pipelines."""
    return sorted(message["text"].partition(" http")[0] for message in written)


@pytest.mark.example("team")
def test_on_main_each_release_is_built_at_once(team: Consumer, chat: Chat) -> None:
    team.environment["CHAT_WEBHOOK"], written = chat

    night = team.schedule()

    assert night.code == 0, night.log
    assert built(team, "main") == builds(*NEWEST)
    assert not any(job.startswith(("test: ", "publish")) or job.endswith("promote") for job in night.jobs("PASS"))
    assert told(written) == sorted(f"Images of {lane} on main, 3 built." for lane in NEWEST)


@pytest.mark.example("team")
def test_a_merge_request_shows_what_its_target_branch_would_build(team: Consumer) -> None:
    team.git("checkout", "--quiet", "-b", "feature")
    assert team.schedule("push").jobs("PASS") == {"lint"}

    team.variables |= {"CI_MERGE_REQUEST_ID": "7", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "release"}
    merge_request = team.schedule("merge_request_event")

    plans = {f"{lane}: plan" for lane in NEWEST}
    assert merge_request.jobs("PASS") - {"lint"} == plans, merge_request.log
    assert "not old enough" in merge_request.log and not team.gitlab.files(PROJECT)


@pytest.mark.example("team")
def test_on_release_an_image_is_of_an_older_release_tested_shared_and_promoted(
        team: Consumer, publish: Publish, gitlab: GitLab, ec2: Ec2, chat: Chat, tmp_path: Path) -> None:
    def in_days(days: int) -> datetime:
        return datetime.now(timezone.utc) + timedelta(days=days)

    for product in RELEASES.keys() - {"vault"}:
        publish(product, RpmBuilder(tmp_path, built_at=int(in_days(5).timestamp())))
    team.environment["CHAT_WEBHOOK"], written = chat
    team.environment |= ec2.environment_of_a_role()
    roles = tmp_path / "roles"
    team.bring("aws", f'#!/bin/sh\necho "$AWS_ROLE_ARN" >>"{roles}"\nexec {BIN / "aws"} "$@"\n')
    register = 'aws ec2 register-image --name "$3" --root-device-name /dev/sda1 --query ImageId --output text'
    team.edit("ci/bake", "us-east-1=ami-$1-$2-$3", f"us-east-1=$({register})")
    team.git("checkout", "--quiet", "-b", "release")

    first = team.schedule()
    assert first.code == 0 and not built(team, "release") and not written, first.log
    gitlab.clock = lambda: in_days(8)
    night = team.schedule()

    assert night.code == 0, night.log
    assert built(team, "release") == builds("vault")
    images = {image: described["Name"] for image, described in ec2.images(REGION).items()}
    assert sorted(images.values()) == sorted(TARGETS)

    reservations = ec2.aws("ec2", "describe-instances", region=REGION)["Reservations"]
    tested = {images[instance["ImageId"]]: (instance["InstanceType"], instance["State"]["Name"])
              for reservation in reservations for instance in reservation["Instances"]}
    assert tested == {target: ("t4g.small" if arch == "aarch64" else "t3.small", "terminated") for target, arch in TARGETS.items()}

    for image in images:
        permission = ("--image-id", image, "--attribute", "launchPermission")
        assert ec2.aws("ec2", "describe-image-attribute", *permission, region=REGION)["LaunchPermissions"] == [{"UserId": "333333333333"}]
    assert set(roles.read_text().split()) == {"arn:aws:iam::123456789012:role/bake-release"}
    assert told(written) == ["Images of vault on release, 3 built."]

    pressed = team.press("vault: promote")
    assert "stable for al2023-arm64 aarch64 1: vault-1.20.0-1.aarch64" in pressed.log, pressed.log
