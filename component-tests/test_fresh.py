"""Images that are no longer fresh: by the page docs/rules/fresh.md as it is printed, with the real Packer, the real client of AWS and
EC2's API by moto; and by the program alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT, Consumer, Module, Pipeline
from ec2 import BAKE, BIN, Ec2, bake_on, ec2_in
from repositories import FIRST, Repository
from test_hand_on import blocks

PAGE = (ROOT / "docs" / "rules" / "fresh.md").read_text()
#: Bases of RHEL.
OLDER, NEWER = "ami-0e19000000000000b", "ami-0e19700000000000b"


@pytest.fixture
def ec2(tmp_path: Path) -> Iterator[Ec2]:
    """EC2 with two bases of RHEL: the newer one can be taken back."""
    amis = json.loads((BAKE / "amis.json").read_text())
    older = next(ami for ami in amis if ami["ami_id"] == OLDER)
    amis.append(older | {"ami_id": NEWER, "name": "RHEL-9.7.0_HVM-20261120-x86_64-0-Hourly2-GP3", "creation_date": "2026-11-20T00:00:00.000Z"})
    (tmp_path / "amis.json").write_text(json.dumps(amis))
    with ec2_in(tmp_path / "ec2", tmp_path / "amis.json") as ec2:
        yield ec2


def with_ingredients(consumer: Consumer, *more: str) -> None:
    """Adds the job of the page, and its inputs."""
    [printed] = blocks(PAGE, "Ingredients", "yaml")
    _, _, job = printed.partition("\ningredients:")
    with (consumer.folder / ".gitlab-ci.yml").open("a") as file:
        file.write(f"\ningredients:{job}")
    inputs = "".join(f"      {line}\n" for line in ("ingredients: true", *more))
    consumer.edit(".gitlab-ci.yml", "      build_file: ci/build-ami.yml\n", f"      build_file: ci/build-ami.yml\n{inputs}")


def images(consumer: Consumer) -> dict[str, dict]:
    module = Module(consumer.wasm, consumer.folder).inside_job_of(consumer.gitlab)
    told = json.loads(module("images", "--tracker", "gitlab", "--format", "json").out)["images"]
    return {image["target"]: image for image in told}


def built(night: Pipeline) -> list[str]:
    """`18.6.0 al2023`: the builds whose job passed."""
    jobs = (re.match(r"build: \[(.*)-1\.x86_64, (.*)]", job) for job in night.jobs("PASS"))
    return sorted(" ".join(job.groups()) for job in jobs if job)


@pytest.mark.example("packer-ansible")
def test_a_base_that_changes_in_ec2_has_the_current_release_baked_once_more(
    consumer: Consumer, ec2: Ec2, signed: Repository,
) -> None:
    bake_on(ec2, consumer)
    consumer.environment["AWS_TOKEN"] = "of GitLab"
    consumer.bring("aws", f'#!/bin/sh\nexec {BIN / "aws"} "$@"\n')
    consumer.edit("ci/build-ami.yml", "https://packages.gitlab.com/runner/gitlab-runner/el/9/x86_64", signed.url)
    consumer.edit("ci/build-ami.yml", "https://packages.gitlab.com/runner/gitlab-runner/gpgkey/runner-gitlab-runner-49F16C5CC3A0F81F.pub.gpg",
                  f"{signed.url}key")
    # As the page says: bake from what was compared.
    [variable] = blocks(PAGE, "Ingredients", "hcl")
    template = (consumer.folder / "gitlab-runner.pkr.hcl").read_text()
    head, _, rhel9 = template.partition('ssh_username = "ec2-user"\n\n    source_ami_filter {\n      owners      = ["309956199498"]')
    _, _, tail = rhel9.partition("    }\n  }\n")
    (consumer.folder / "gitlab-runner.pkr.hcl").write_text(f'{variable}\n{head}ssh_username = "ec2-user"\n    source_ami   = var.base\n  }}\n{tail}')
    consumer.edit("ci/build-ami.yml", ".build-ami:\n", '.test-ami:\n  script: [test -n "$AMI_ID_US_EAST_1"]\n\n.build-ami:\n')
    with_ingredients(consumer, "rebuild_when: [base, recipe]", "test_job: .test-ami")
    consumer.edit(".gitlab-ci.yml", "HEAD:packer", "HEAD:playbook.yml")

    first = consumer.schedule()
    assert first.code == 0 and built(first) == ["18.6.0 al2023", "18.6.0 rhel9"], first.log
    before = images(consumer)
    assert before["rhel9"]["bases"] == [before["rhel9"]["ingredients"]["base"]] == [NEWER]
    quiet = consumer.schedule()
    assert quiet.code == 0 and not built(quiet), quiet.log

    ec2.aws("ec2", "deregister-image", "--image-id", NEWER)
    changed = consumer.schedule()

    assert changed.code == 0 and built(changed) == ["18.6.0 rhel9"], changed.log
    assert f"its base changed from {NEWER} to {OLDER}" in changed.log
    now = images(consumer)
    assert now["al2023"] == before["al2023"]
    assert now["rhel9"]["bases"] == [OLDER] == [now["rhel9"]["ingredients"]["base"]]
    assert now["rhel9"]["ids"] != before["rhel9"]["ids"]
    again = consumer.schedule()
    assert again.code == 0 and not built(again), again.log


@pytest.fixture
def told(consumer: Consumer, repository: Repository) -> Consumer:
    """A project whose job tells what the file ingredients.json of the repository says, and whose images have ids."""
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  '    - echo "AMI_SCHEDULER_IMAGE_ID=us-east-1=ami-$VERSION-$TARGET-$INGREDIENT_BASE" > build.env\n')
    with (consumer.folder / ".gitlab-ci.yml").open("a") as file:
        file.write("""
ingredients:
  stage: build
  rules: [{if: $CI_PIPELINE_SOURCE == "schedule"}]
  script:
    - mkdir -p .ami-scheduler
    - cp ingredients.json .ami-scheduler/
  artifacts:
    paths: [.ami-scheduler/ingredients.json]
""")
    consumer.edit(".gitlab-ci.yml", "      build_file: ci/build-ami.yml\n",
                  "      build_file: ci/build-ami.yml\n      ingredients: true\n      rebuild_when: [base]\n")
    tell(consumer, al2023={"base": "ami-1"}, rhel9={"base": "ami-8"})
    return consumer


def tell(consumer: Consumer, **ingredients: dict[str, str]) -> None:
    (consumer.folder / "ingredients.json").write_text(json.dumps(ingredients))
    consumer.git("add", "--all")
    consumer.git("commit", "--quiet", "--message", "What images are made of")


def test_an_image_switches_after_its_test_and_one_that_fails_it_leaves_the_old_one(told: Consumer) -> None:
    with (told.folder / "ci" / "build-ami.yml").open("a") as file:
        file.write('\n.test-ami:\n  script: [test "$AMI_IDS" != us-east-1=ami-18.6.0-al2023-ami-2]\n')
    told.edit(".gitlab-ci.yml", "      rebuild_when: [base]\n", "      rebuild_when: [base]\n      test_job: .test-ami\n")
    assert built(told.schedule()) == ["18.6.0 al2023", "18.6.0 rhel9"]

    tell(told, al2023={"base": "ami-2"}, rhel9={"base": "ami-9"})
    night = told.schedule()

    assert built(night) == ["18.6.0 al2023", "18.6.0 rhel9"], night.log
    assert images(told)["rhel9"]["ids"] == {"us-east-1": "ami-18.6.0-rhel9-ami-9"}
    assert images(told)["al2023"]["ids"] == {"us-east-1": "ami-18.6.0-al2023-ami-1"}, "it did not pass"
    module = Module(told.wasm, told.folder).inside_job_of(told.gitlab)
    page = module("status", "--tracker", "gitlab", "--format", "html").out
    for text in ("built again, since its base changed from ami-1 to ami-2", "built before:", "made of base ami-9"):
        assert text in page, text
    again = told.schedule()
    assert built(again) == ["18.6.0 al2023"] and "its base changed from ami-1 to ami-2; attempt 2 of 3" in again.log, again.log


def test_a_job_that_fails_stops_the_night_before_anything_is_claimed(told: Consumer) -> None:
    told.edit(".gitlab-ci.yml", "    - cp ingredients.json .ami-scheduler/\n", "    - exit 1\n")
    night = told.schedule()
    assert night.code != 0 and not night.ran("diff") and not night.ran("trigger"), night.log
    assert "Uploaded" not in night.log and not told.gitlab.requests("POST")


@pytest.mark.parametrize(("content", "said"), [
    ("{}", "ingredients.json has it for none of al2023, rhel9: it has none at all"),
    ('{"al2023": {"recipe": "a"}}', "ingredients.json has it for none of al2023, rhel9: it has recipe"),
    ('{"al2023": {"base": "None"}}', '"base" of "al2023": it is "None", as if the command that tells it had found nothing'),
])
def test_what_nobody_tells_stops_the_night(told: Consumer, content: str, said: str) -> None:
    (told.folder / "ingredients.json").write_text(content)
    told.git("commit", "--quiet", "--all", "--message", "A slip")
    night = told.schedule()
    assert "diff" in night.jobs("FAIL") and said in night.log, night.log
    assert not told.gitlab.requests("POST")


def test_without_the_job_that_tells_what_images_are_made_of_there_is_no_pipeline(consumer: Consumer) -> None:
    consumer.edit(".gitlab-ci.yml", "      build_file: ci/build-ami.yml\n",
                  "      build_file: ci/build-ami.yml\n      ingredients: true\n      ingredients_job: misspelt\n")
    night = consumer.schedule()
    assert night.code != 0 and not night.ran("list") and "misspelt" in night.log, night.log


class Nights:
    """Nights of the program, by hand, with a tracker in a folder."""

    def __init__(self, ami: Module, repository: Repository) -> None:
        repository.add(*FIRST).publish()
        self.ami = ami
        (ami.folder / "tracker").mkdir()
        assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--major-version", "18").code == 0

    def diff(self, now: str, *words: str) -> str:
        run = self.ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", "--build-file", "ci/a.yml",
                       "--now", f"2026-{now}T02:00:00Z", "--builds", "builds.json", *words)
        assert run.code == 0, run.all
        return run.all

    def update(self, now: str) -> None:
        for build in self.ami.json("builds.json")["builds"]:
            done = self.ami("update", "--package", build["package"], "--target", "al2023", "--claim", build["claim"], "--tracker", "tracker",
                            "--ref", "main", "--image", f"us-east-1=ami-{now}", "--now", f"2026-{now}T03:00:00Z")
            assert done.code == 0, done.all


@pytest.fixture
def nights(ami: Module, repository: Repository) -> Nights:
    return Nights(ami, repository)


def test_an_image_that_is_too_old_is_built_again(nights: Nights) -> None:
    nights.diff("01-01")
    nights.update("01-01")
    assert "Nothing to build" in nights.diff("01-31", "--rebuild-after", "30")
    log = nights.diff("02-01", "--rebuild-after", "30", "--junit", "junit.xml", "--markdown", "builds.md")
    told = "its image of 2026-01-01 03:00 UTC is older than 30 days"
    assert told in log and "1 image is no longer fresh (1 too_old): 1 built again now, 0 later" in log
    [build] = nights.ami.json("builds.json")["builds"]
    assert (build["reason"], build["stale"]) == ("too_old", {"because": "too_old", "recorded": "2026-01-01T03:00:00Z", "days": 30})
    for report in ("junit.xml", "builds.md"):
        assert told in (nights.ami.folder / report).read_text()
    why = nights.ami("why", "18.6.0", "--builds", "builds.json")
    assert told in why.out
    nights.update("02-01")
    assert "Nothing to build" in nights.diff("02-02", "--rebuild-after", "30")


def test_a_plan_takes_the_ingredients_of_the_run_that_it_is_compared_with(nights: Nights) -> None:
    def told(base: str) -> tuple[str, str]:
        (nights.ami.folder / "ingredients.json").write_text(json.dumps({"al2023": {"base": base}}))
        return "--ingredients", "ingredients.json"

    nights.diff("01-01", *told("ami-1"))
    nights.update("01-01")
    nights.diff("01-02", *told("ami-2"))
    (nights.ami.folder / "builds.json").rename(nights.ami.folder / "last.json")
    log = nights.diff("01-02", "--dry-run", "--compare", "last.json", "--rebuild-when", "base")
    assert "What images are made of is that of the earlier run" in log
    assert "add 1 build" in log and "its base changed from ami-1 to ami-2 (before: built" in log, log
    run = nights.ami("diff", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", "--build-file", "ci/a.yml", "--rebuild-when", "base")
    assert run.code == 2 and "nothing tells what it is now: give --ingredients" in run.err, run.all
    why = nights.ami("why", "18.6.0", "--targets", "al2023", "--tracker", "tracker", "--ref", "main", "--rebuild-when", "base", *told("ami-3"))
    assert "to be built: its base changed from ami-1 to ami-3" in why.out and "made of base ami-1" in why.out, why.all
