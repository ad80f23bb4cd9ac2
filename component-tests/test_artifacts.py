"""The JSON files that jobs hand on are what their schemas say, whatever a run decides."""

from __future__ import annotations

import json

import jsonschema

from conftest import ROOT, Module
from repositories import Repository
from test_module import CHILD

PACKAGES = ["gitlab-runner-17.0.0-1.x86_64", "gitlab-runner-18.0.0-1.x86_64", "gitlab-runner-18.1.0-1.x86_64",
            "gitlab-runner-18.2.0-1.x86_64", "gitlab-runner-18.3.0-1.x86_64", "gitlab-runner-18.4.0-1.x86_64",
            "gitlab-runner-18.5.0~rc1-1.x86_64", "gitlab-runner-18.4.0-1.noarch"]


def schema(name: str) -> dict:
    return json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text())


def validated(name: str, document: dict) -> dict:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    jsonschema.validate(document, schema(name), cls=jsonschema.Draft202012Validator)
    return document


def test_packages_json_is_what_its_schema_says(ami: Module, repository: Repository) -> None:
    repository.add(*PACKAGES).publish()
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--version-range", ">=18", "--arch", "x86_64").code == 0

    packages = validated("packages", ami.json("packages.json"))

    assert {row["reason"] for row in packages["filtered"]} == {"other_version", "other_architecture", "pre_release"}


def test_builds_json_and_the_tracker_are_what_their_schemas_say(ami: Module, repository: Repository) -> None:
    (ami.folder / "tracker").mkdir()
    tracker = ("--tracker", "tracker", "--ref", "main")
    reasons: set[str] = set()
    held: set[str] = set()
    states: set[str] = set()
    alarms: set[str] = set()
    outcomes: set[str] = set()

    def publish(*packages: str) -> None:
        repository.add(*packages).publish()
        assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0

    def diff(pipeline: int, now: str, *more: str) -> None:
        url = f"https://gitlab.example.com/p/{pipeline}"
        run = ami("diff", "--targets", "al2023", *tracker, *CHILD, "--pipeline", pipeline, "--pipeline-url", url, "--now", now,
                  "--fail-on", "", "--notes", "AMI_ID", *more)
        assert run.code == 0, run.all
        builds = validated("builds", ami.json("builds.json"))
        reasons.update(row["reason"] for row in builds["builds"])
        held.update(row["reason"] for row in builds["held"])
        alarms.update(row["alarm"] for row in builds["alarms"])
        status()

    def status() -> None:
        for document in json.loads(ami("status", "--tracker", "tracker", "--format", "json").out):
            validated("tracker", document)
            states.update(entry["state"] for targets in document["entries"].values() for entry in targets.values())

    def update(version: str, *image: str) -> None:
        package = f"gitlab-runner-{version}-1.x86_64"
        done = ami("update", *tracker, "--package", package, "--target", "al2023", *(image or ("--note", "AMI_ID=ami-1")))
        assert done.code == 0, done.all

    def report(pipeline: int, *more: str) -> None:
        told = ami("report", *tracker, "--product", "gitlab-runner", "--pipeline", pipeline, "--json", "night.json",
                   "--images", "night-images.json", *more)
        assert told.code == 0, told.all
        night = validated("night", ami.json("night.json"))
        validated("images", ami.json("night-images.json"))
        outcomes.update(row["outcome"] for row in night["builds"])
        assert [row["alarm"] for row in night["alarms"]] == (["overdue"] if more else [])

    publish(*PACKAGES[1:3])
    diff(1, "2026-11-01T02:00:00Z")  # 18.1.0, as the first run; 18.0.0 is skipped
    diff(1, "2026-11-01T03:00:00Z")  # again
    diff(2, "2026-11-01T04:00:00Z")  # held
    report(1)  # building
    update("18.1.0")
    report(1)  # built
    publish(*PACKAGES[3:5])
    diff(3, "2026-11-02T02:00:00Z", "--max-builds", "1")  # 18.2.0; 18.3.0 later
    assert ami("settle", *tracker, "--pipeline", 3).code == 0
    report(3)  # failed
    report(3, "--alarms", '[{"alarm": "overdue", "explanation": "no run"}]', "--max-attempts", "1")  # given up
    status()
    diff(4, "2026-11-03T02:00:00Z")  # 18.3.0, and 18.2.0, which has failed
    diff(5, "2026-11-04T02:00:00Z")  # and again: their claims have lapsed
    diff(6, "2026-11-05T02:00:00Z", "--max-attempts", "3")  # 18.2.0 is given up
    assert ami("rebuild", "gitlab-runner-18.2.0-1.x86_64", *tracker).code == 0
    status()
    diff(7, "2026-11-06T02:00:00Z")  # asked for
    packages = ami.json("packages.json")
    for row in packages["packages"]:
        row["checksum"] = "sha256:" + "0" * 64
    (ami.folder / "packages.json").write_text(json.dumps(packages))
    diff(8, "2026-11-06T02:00:00Z")
    assert [row["package"] for row in ami.json("builds.json")["republished"]] == ["gitlab-runner-18.1.0-1.x86_64"]
    acknowledge = ("acknowledge", "gitlab-runner-18.1.0-1.x86_64", *tracker, "--checksum", "sha256:" + "0" * 64, "--reason", "signed anew", "--by", "mary")
    assert "Acknowledged: gitlab-runner-18.1.0-1.x86_64 al2023" in ami(*acknowledge).out
    again = ami(*acknowledge)
    assert again.code == 0 and "Was acknowledged before: " in again.out, again.all
    diff(8, "2026-11-06T03:00:00Z")
    assert ami.json("builds.json")["republished"] == []
    status()
    publish("gitlab-runner-18.3.1-1.x86_64", "gitlab-runner-18.4.1-1.x86_64")
    diff(9, "2026-11-08T02:00:00Z", "--keep", "latest-per-minor", "--skip", "18.4.1: broken")  # 18.4.0, 18.3.0 superseded
    diff(10, "2026-11-08T02:00:00Z", "--min-age", "30")
    for pipeline in (11, 12, 13):
        diff(pipeline, f"2026-11-{pipeline}T02:00:00Z", "--max-attempts", "9", "--max-builds", "100")
        assert ami("settle", *tracker, "--pipeline", pipeline).code == 0
    diff(14, "2026-11-14T02:00:00Z", "--max-attempts", "9")  # waiting
    status()
    for file in repository.folder.glob("Packages/*.rpm"):
        file.unlink()
    publish("gitlab-runner-18.9.0-1.x86_64")
    diff(15, "2026-12-30T02:00:00Z", "--overdue-after", "4")
    assert ami("settle", *tracker, "--pipeline", 15, "--give-back").code == 0
    report(15)  # given back
    status()
    update("18.9.0", "--force")
    diff(16, "2026-12-31T02:00:00Z")  # without an image
    update("18.9.0", "--image", "us-east-1=ami-8", "--image", "us-east-1=ami-9")
    publish("gitlab-runner-18.9.1-1.x86_64")
    diff(16, "2026-12-31T03:00:00Z", "--min-age", "30")  # seen
    for words in [("promote", "18.1.0", "--to", "stable"), ("revoke", "18.1.0"), ("unrevoke", "18.1.0"), ("revoke", "ami-8"), ("revoke", "18.9.1")]:
        assert ami(*words, "--reason", "a test", "--by", "mary", *tracker).code == 0, words
    images = ami("images", *tracker, "--format", "json", "--output", "images.json")
    assert images.code == 0, images.all
    assert validated("images", ami.json("images.json"))["images"], images.all
    assert ami("revoke", "18.1.0", "--reason", "again", "--by", "mary", *tracker).code == 0
    diff(17, "2027-01-30T02:00:00Z", "--exclude", "18.66.*", "--unchanged-after", "9", "--max-attempts", "3")
    status()
    publish("gitlab-runner-18.9.2-1.x86_64")
    for pipeline, now, base in [(18, "2027-02-01", "ami-a"), (19, "2027-02-02", "ami-b"), (20, "2027-03-15", "ami-b")]:
        (ami.folder / "ingredients.json").write_text(json.dumps({"al2023": {"base": base}}))
        # New, then of another base, then too old.
        diff(pipeline, f"{now}T02:00:00Z", "--ingredients", "ingredients.json", "--rebuild-when", "base", "--rebuild-after", "20")
        if pipeline < 20:
            update("18.9.2", "--image", f"us-east-1=ami-{pipeline}")
        assert ami("settle", *tracker, "--pipeline", pipeline).code == 0
    validated("images", json.loads(ami("images", *tracker, "--format", "json").out))
    assert ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--major-version", "81").code == 0
    diff(21, "2027-03-16T02:00:00Z")  # no release matches

    # The schemas name all of it, and nothing that does not come to pass.
    row = schema("builds")["properties"]
    assert reasons == set(row["builds"]["items"]["properties"]["reason"]["enum"])
    # A tracker that is full takes a test of its own: `plan.rs::a_tracker_without_room_for_outcomes_claims_fewer_builds_or_none`.
    assert held | {"no_room"} == {one["properties"]["reason"]["const"] for one in row["held"]["items"]["oneOf"]}
    assert alarms == {one["properties"]["alarm"]["const"] for one in row["alarms"]["items"]["oneOf"]}
    assert outcomes == set(schema("night")["$defs"]["build"]["properties"]["outcome"]["enum"])
    assert states == set(schema("tracker")["$defs"]["entry"]["properties"]["state"]["enum"])
