"""A tracker in which everything has happened that can, as heads in a directory: what the status page
is tested with, and what its picture in the README shows."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from pathlib import Path

#: When the page is looked at.
NOW = "2026-11-24T07:30:00Z"
GITLAB = "https://gitlab.example.com/platform/images/-"


def head(folder: Path, document: dict) -> None:
    """Stores a document under the name that its content gives it."""
    content = json.dumps(with_images(document)).encode()
    slug = re.sub(r"[^a-z0-9]", "-", document["ref"].lower())[:63].strip("-")
    reference = f"{slug}-{hashlib.sha256(document['ref'].encode()).hexdigest()[:8]}"
    name = f"ami-scheduler.{document['product']}.{reference}.{hashlib.sha256(content).hexdigest()[:32]}.json"
    (folder / name).write_bytes(content)


def with_images(document: dict) -> dict:
    """The document with the notes of its entries where they belong: at the image of the last attempt. Before it come
    `earlier` ones, and after it one that is `untested`."""
    entries, images = copy.deepcopy(document["entries"]), {}
    for package, targets in entries.items():
        for target, known in targets.items():
            made, claim = {}, f"{known.get('epoch', 0)}.{known.get('attempt', 0)}@{known.get('pipeline', 0)}"
            for number, (recorded, ids) in enumerate(known.pop("earlier", [])):
                made[f"0.1@{number}"] = {"recorded": recorded, "ids": ids}
            if notes := known.pop("notes", None):
                made[claim] = {"recorded": known["since"], "notes": notes}
            if ids := known.pop("untested", None):
                made[claim] = {"recorded": known["since"], "ids": ids, "needs_test": True}
            if made:
                images.setdefault(package, {})[target] = made
    return document | {"entries": entries, "images": images}


def entry(state: str, since: str, pipeline: int = 0, **more: object) -> dict:
    origin = {"pipeline": pipeline, "pipeline_url": f"{GITLAB}/pipelines/{pipeline}"} if pipeline else {}
    if state in {"built", "failed"} and pipeline:
        origin["job_url"] = f"{GITLAB}/jobs/{pipeline * 7 + len(since) + len(more)}"
    return {"state": state, "since": since, **origin, **more}


def ami(seed: str) -> str:
    return "ami-0" + hashlib.sha256(seed.encode()).hexdigest()[:16]


def built(release: str, target: str, since: str, pipeline: int, attempt: int = 1) -> dict:
    return entry("built", since, pipeline, attempt=attempt, notes={"AMI_ID": ami(release + target)})


def runner() -> dict:
    skipped = "there at the first run"
    targets = ["al2023", "rhel9", "rocky9"]
    entries: dict[str, dict] = {
        f"gitlab-runner-18.{minor}.0-1.x86_64": {target: entry("skipped", "2026-10-02T02:00:11Z", reason=skipped) for target in targets}
        for minor in (3, 4)}
    nights = [("18.5.0", "2026-10-02", 4102), ("18.5.1", "2026-10-16", 4377), ("18.6.0", "2026-10-30", 4590),
              ("18.6.1", "2026-11-09", 4731), ("18.6.2", "2026-11-18", 4866)]
    for version, night, pipeline in nights:
        entries[f"gitlab-runner-{version}-1.x86_64"] = {
            target: built(version, target, f"{night}T02:{21 + number * 4}:40Z", pipeline) for number, target in enumerate(targets)}
    entries["gitlab-runner-18.6.1-1.x86_64"]["rhel9"] = built("18.6.1", "rhel9", "2026-11-10T02:31:05Z", 4745, attempt=2)
    entries["gitlab-runner-18.6.2-1.x86_64"]["rocky9"] = entry(
        "pending", "2026-11-24T06:58:00Z", epoch=1, reason="asked for again: the image had no swap")
    entries["gitlab-runner-18.7.0-1.x86_64"] = {
        "al2023": built("18.7.0", "al2023", "2026-11-24T02:24:40Z", 4958),
        "rhel9": entry("failed", "2026-11-24T03:02:12Z", 4958, attempt=2),
        "rocky9": entry("building", "2026-11-24T07:12:30Z", 4961, attempt=1, untested={"eu-central-1": [ami("18.7.0rocky9")]}),
    }
    entries["gitlab-runner-18.6.2-1.x86_64"]["al2023"] |= {
        "epoch": 1, "earlier": [["2026-11-18T02:21:40Z", {"eu-central-1": [ami("1")], "us-east-1": [ami("2")]}]]}
    at = "2026-11-23T09:12:00Z"
    stable = {f"{target} x86_64 18": {"1.5ab1e000": {
        "to": {"package": "gitlab-runner-18.6.1-1.x86_64", "image": f"0.{2 if target == 'rhel9' else 1}@{4745 if target == 'rhel9' else 4731}"},
        "reason": "a week in staging", "by": "mary", "at": at}} for target in targets}
    revoked = {"targets": {"rhel9": {"revoked": True, "reason": "loses its network", "by": "mary", "at": "2026-11-24T06:40:00Z"}}}
    return {"format": "ami-scheduler/tracker/2", "product": "gitlab-runner", "ref": "main", "targets": targets,
            "runs": {"": {"pipeline": 4958, "at": "2026-11-24T02:00:21Z"}}, "channels": {"stable": stable},
            "revocations": {"releases": {"gitlab-runner-18.6.1-1.x86_64": revoked}}, "entries": entries}


def agent() -> dict:
    def both(version: str, night: str, pipeline: int) -> dict:
        return {"al2023": entry("built", f"{night}T02:19:02Z", pipeline, attempt=1, notes={
            "AMI_ID_EU_WEST_1": ami(version), "AMI_ID_US_EAST_1": ami(version + "us")})}

    return {"format": "ami-scheduler/tracker/2", "product": "amazon-cloudwatch-agent", "ref": "feature/agent", "targets": ["al2023"],
            "entries": {"amazon-cloudwatch-agent-1.300057.1-1.x86_64": both("1.300057.1", "2026-11-12", 4790),
                        "amazon-cloudwatch-agent-1.300059.0-1.x86_64": both("1.300059.0", "2026-11-21", 4917)}}


def long() -> dict:
    """Sixty releases on four targets, of which rocky-9-arm64 is two behind. Other failures were mended by newer releases."""
    targets = ["al2023", "rhel9", "rocky-9", "rocky-9-arm64"]
    entries: dict[str, dict] = {}
    for number, version in enumerate(f"18.{minor}.{patch}" for minor in range(10) for patch in range(6)):
        since, pipeline = f"2026-{1 + number // 6:02}-{1 + number % 6 * 5:02}T02:34:00Z", 100 + number
        failed = entry("failed", since, pipeline, attempt=3, given_up=since)
        entries[f"gitlab-runner-{version}-1.x86_64"] = {target: built(version, target, since, pipeline) for target in targets}
        if number % 17 == 3:
            entries[f"gitlab-runner-{version}-1.x86_64"]["rocky-9"] = failed
        if version == "18.9.4":
            entries[f"gitlab-runner-{version}-1.x86_64"]["rocky-9-arm64"] = failed
    entries["gitlab-runner-18.9.5-1.x86_64"]["rocky-9-arm64"] = entry("failed", "2026-10-26T02:34:00Z", 159, attempt=1)
    return {"format": "ami-scheduler/tracker/2", "product": "gitlab-runner", "ref": "main", "targets": targets,
            "runs": {"": {"pipeline": 159, "at": "2026-10-26T02:00:00Z"}}, "entries": entries}


def fill(folder: Path) -> None:
    for document in (runner(), agent()):
        head(folder, document)
