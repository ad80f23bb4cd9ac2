"""How large a tracker and a project may become: it works, or stops with a message that says which
limit, how full it is, and what to do."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import PROJECT, Module, tool
from gitlab_stand_in import FILE_SIZE_LIMIT, GitLab


def put_tracker(gitlab: GitLab, releases: int, targets: int) -> None:
    """A tracker of many builds, each with all that an entry has; checksums do not compress."""
    rng = random.Random(1)

    def entry() -> dict:
        return {"state": "built", "attempt": 1, "since": "2026-11-24T02:00:00Z", "pipeline": rng.randrange(10**6),
                "pipeline_url": f"https://gitlab.example.com/images/-/pipelines/{rng.randrange(10**6)}",
                "job_url": f"https://gitlab.example.com/images/-/jobs/{rng.randrange(10**7)}",
                "first_seen": "2026-11-24T02:00:00Z", "file": {"checksum": f"sha256:{rng.randbytes(32).hex()}"},
                "rule": "new_release"}

    def image(entry: dict) -> dict:
        return {f"0.1@{entry['pipeline']}#{rng.randrange(10**7)}": {
            "recorded": entry["since"], "notes": {"AMI_ID": f"ami-{rng.randbytes(9).hex()[:17]}"},
            "job_url": entry["job_url"], "checksum": entry["file"]["checksum"]}}

    entries = {f"gitlab-runner-18.{number}.0-1.x86_64": {f"target-{target}": entry() for target in range(targets)}
               for number in range(releases)}
    images = {package: {target: image(entry) for target, entry in of.items()} for package, of in entries.items()}
    document = {"format": "ami-scheduler/tracker/2", "product": "gitlab-runner", "ref": "main",
                "targets": sorted(f"target-{target}" for target in range(targets)), "entries": entries, "images": images}
    content = gzip.compress(json.dumps(document).encode(), compresslevel=9, mtime=0)
    digits = hashlib.sha256(content).hexdigest()[:32]
    gitlab.put(PROJECT, f"ami-scheduler.gitlab-runner.main-0d6e4079.{digits}.json.gz", content)


def update(ami: Module, gitlab: GitLab, ref: str = "main", package: str = "gitlab-runner-19.0.0-1.x86_64"):
    job = ami.inside_job_of(gitlab, ref=ref)
    return job("update", "--force", "--tracker", "gitlab", "--package", package, "--target", "target-0", "--note", "AMI_ID=ami-1")


def diff(ami: Module, gitlab: GitLab):
    """A night with one new release."""
    (ami.folder / "packages.json").write_text(json.dumps({
        "format": "ami-scheduler/packages/1", "product": "gitlab-runner", "repository": "https://yum.example.com/",
        "read_at": "2026-11-24T02:00:00Z", "filtered": [],
        "packages": [{"package": "gitlab-runner-19.0.0-1.x86_64", "url": "https://yum.example.com/gitlab-runner.rpm"}]}))
    return ami.inside_job_of(gitlab)("diff", "--tracker", "gitlab", "--targets", "target-0", "--build-file", "ci/build.yml")


def entries(ami: Module, gitlab: GitLab, ref: str = "main") -> dict[str, dict]:
    status = ami.inside_job_of(gitlab)("status", "--tracker", "gitlab", f"--ref={ref}", "--format", "json")
    assert status.code == 0, status.err
    [document] = json.loads(status.out)
    assert document["ref"] == ref
    return document["entries"]


def test_a_tracker_of_20000_builds_is_read_changed_and_written(ami: Module, gitlab: GitLab) -> None:
    put_tracker(gitlab, releases=2500, targets=8)

    run = update(ami, gitlab)

    assert run.code == 0, run.all
    assert sum(map(len, entries(ami, gitlab).values())) == 20_001
    sizes = [len(file.content) for file in gitlab.files(PROJECT)]
    assert len(sizes) == 2 and max(sizes) < FILE_SIZE_LIMIT * 0.55, sizes


def test_a_tracker_that_is_too_long_for_gitlab_stops_with_nothing_changed(ami: Module, gitlab: GitLab) -> None:
    put_tracker(gitlab, releases=3799, targets=8)  # its previous version, which is merged with it
    put_tracker(gitlab, releases=3800, targets=8)
    before = gitlab.files(PROJECT)
    assert len(before) == 2 and len(before[1].content) > FILE_SIZE_LIMIT * 0.7

    run = update(ami, gitlab)

    assert run.code == 4
    assert "GitLab takes less than 5242880 (5 MiB) for a file, and a run has" in run.err and "nothing was changed. Begin a new tracker" in run.err
    assert gitlab.files(PROJECT) == before


def test_a_tracker_without_room_for_outcomes_claims_nothing_and_says_so(ami: Module, gitlab: GitLab) -> None:
    """So that no update fails for lack of room after its image was baked."""
    put_tracker(gitlab, releases=3955, targets=8)
    [before] = gitlab.files(PROJECT)

    run = diff(ami, gitlab)

    assert run.code == 4
    assert "the tracker of gitlab-runner on main has no room for the outcome of any of 1 build" in run.err
    assert "Nothing was claimed or changed. Begin a new tracker" in run.err
    assert gitlab.files(PROJECT) == [before]


def test_a_first_run_without_room_for_a_second_head_claims_nothing(ami: Module, gitlab: GitLab) -> None:
    """Field tests, tracker 21: `diff` worked, and `update` had no room once the image was baked."""
    for number in range(99):
        gitlab.put(PROJECT, f"certificate-{number}.p12", b"x")

    run = diff(ami, gitlab)

    assert run.code == 4
    assert "It has 100: 1 are heads of trackers, 99 are other files." in run.err
    assert entries(ami, gitlab) == {} and not (ami.folder / "child-pipeline.yml").exists()


def test_a_full_project_makes_room_by_the_previous_version_of_its_tracker(ami: Module, gitlab: GitLab) -> None:
    for number in range(98):
        gitlab.put(PROJECT, f"certificate-{number}.p12", b"x")
    for number in range(4):
        assert update(ami, gitlab, package=f"gitlab-runner-18.{number}.0-1.x86_64").code == 0

    assert len(gitlab.files(PROJECT)) == 100 and len(entries(ami, gitlab)) == 4


def test_a_full_project_says_how_full_it_is_and_of_what(ami: Module, gitlab: GitLab) -> None:
    assert update(ami, gitlab, package="gitlab-runner-18.0.0-1.x86_64").code == 0
    for number in range(99):
        gitlab.put(PROJECT, f"certificate-{number}.p12", b"x")
    before = gitlab.files(PROJECT)

    run = update(ami, gitlab)

    assert run.code == 4
    assert "it has 1 head there, none of which another contains" in run.err
    assert "Delete a file that is none of them, and run the job again" in run.err
    assert "the project has as many Secure Files as it may. It has 100: 1 are heads of trackers, 99 are other files." in run.err
    assert "Maximum number of project ci secure files (100) exceeded" in run.err
    assert gitlab.files(PROJECT) == before and len(entries(ami, gitlab)) == 1


def test_a_project_that_writers_at_once_have_filled_heals(ami: Module, gitlab: GitLab) -> None:
    """88 other files and 32 writers left 12 heads, and nobody could write any more."""
    for number in range(88):
        gitlab.put(PROJECT, f"certificate-{number}.p12", b"x")
    for number in range(2):
        assert update(ami, gitlab, package=f"gitlab-runner-17.{number}.0-1.x86_64").code == 0
    packages = [f"gitlab-runner-18.{number}.0-1.x86_64" for number in range(32)]

    with ThreadPoolExecutor(max_workers=32) as pool:
        runs = list(pool.map(lambda package: update(ami, gitlab, package=package), packages))
    recorded = {package for package, run in zip(packages, runs) if run.code == 0}

    assert recorded <= set(entries(ami, gitlab))
    for package in packages:
        assert update(ami, gitlab, package=package).code == 0
    assert set(packages) <= set(entries(ami, gitlab))


@pytest.mark.parametrize("ref", [
    "feature/a/b", "release-18.x", "ブランチ/é", "a" * 250, "x/" * 125, "it's \"quoted\" $(id) `id` %2F", "--format=json"])
def test_refs_of_every_kind_have_a_tracker_of_their_own(ami: Module, gitlab: GitLab, ref: str) -> None:
    assert update(ami, gitlab).code == 0

    run = update(ami, gitlab, ref=ref, package="gitlab-runner-18.0.0-1.x86_64")

    assert run.code == 0, run.all
    assert list(entries(ami, gitlab, ref)) == ["gitlab-runner-18.0.0-1.x86_64"]
    assert list(entries(ami, gitlab)) == ["gitlab-runner-19.0.0-1.x86_64"]


def test_refs_with_one_slug_stay_apart(ami: Module, gitlab: GitLab) -> None:
    refs = ["feature/a", "feature_a", "feature-a", "Feature/a"]
    for number, ref in enumerate(refs):
        assert update(ami, gitlab, ref=ref, package=f"gitlab-runner-18.{number}.0-1.x86_64").code == 0

    for number, ref in enumerate(refs):
        assert list(entries(ami, gitlab, ref)) == [f"gitlab-runner-18.{number}.0-1.x86_64"]


@pytest.mark.parametrize("command", [("rebuild", "18.6.0"), ("unskip", "18.6.0", "--by", "mary")])
def test_what_was_asked_for_2_to_the_64_times_is_not_said_to_be_asked_for_again(
        ami: Module, gitlab: GitLab, command: tuple[str, ...]) -> None:
    entry = {"epoch": 2**64 - 1, "state": "skipped", "since": "2026-11-24T02:00:00Z"}
    content = json.dumps({"format": "ami-scheduler/tracker/2", "product": "p", "ref": "main",
                          "entries": {"p-18.6.0-1.noarch": {"al2023": entry}}}).encode()
    name = f"ami-scheduler.p.main-0d6e4079.{hashlib.sha256(content).hexdigest()[:32]}.json"
    gitlab.put(PROJECT, name, content)

    run = ami.inside_job_of(gitlab)(*command, "--tracker", "gitlab", "--product", "p")

    assert run.code == 4
    assert "p-18.6.0-1.noarch al2023 was asked for anew 18446744073709551615 times by its record, and cannot be once more" in run.err
    assert run.out == "" and [file.name for file in gitlab.files(PROJECT)] == [name]


#: What GitLab compares with `max_yaml_size_bytes`, 2 MiB unless its admin changed it: the memory of all that Ruby parsed.
DEEP_SIZE = """
require 'objspace'
require 'yaml'
def size(value)
  inside = case value when Hash then value.to_a.flatten(1) when Array then value else [] end
  ObjectSpace.memsize_of(value) + inside.sum { |part| size(part) }
end
puts size(YAML.load_file(ARGV.first))
"""


HOOKS = ("--publish-job", ".publish", "--notify-job", ".tell", "--exclude", ",".join(f"99.{number}.*" for number in range(60)))


@pytest.mark.parametrize(("more", "most"), [((), 200), (HOOKS, 200), (("--test-job", ".test-ami", *HOOKS), 90)])
@pytest.mark.parametrize("longest", [False, True])
def test_gitlab_takes_a_child_pipeline_of_as_many_builds_as_there_may_be(ami: Module, longest: bool, more: tuple[str, ...], most: int) -> None:
    """Field tests, component 5."""
    product, fill = ("p" * 100, "0" * 60) if longest else ("gitlab-runner", "1")
    target = "t" * 60 if longest else "al2023"
    names = [f"{product}-18.{number:04}.0-{fill}.x86_64" for number in range(201)]
    folder = "x" * (2048 - 200 - len("https://yum.example.com/")) if longest else "el/9/x86_64/Packages"
    (ami.folder / "packages.json").write_text(json.dumps({
        "format": "ami-scheduler/packages/1", "product": product, "repository": "https://yum.example.com/", "read_at": "2026-11-24T02:00:00Z",
        "filtered": [], "packages": [{"package": name, "url": f"https://yum.example.com/{folder}/{name}.rpm", "checksum": "sha256:" + "a" * 64} for name in names]}))
    (ami.folder / "tracker").mkdir()

    night = ami("diff", "--targets", target, "--tracker", "tracker", "--ref", "main", "--first-run", "all", "--max-builds", 200,
                "--build-file", "ci/build.yml", "--lane", "l" * 30, *more)

    assert night.code == 0, night.all
    assert len(ami.json("builds.json")["builds"]) == most
    size = subprocess.run([tool("ruby"), "-e", DEEP_SIZE, str(ami.folder / "child-pipeline.yml")], capture_output=True, text=True, check=True).stdout
    assert int(size) + 150_000 < 2 * 1024**2


def test_more_builds_than_gitlab_takes_are_refused_before_anything_is_claimed(ami: Module) -> None:
    (ami.folder / "packages.json").write_text(json.dumps({
        "format": "ami-scheduler/packages/1", "product": "p", "repository": "https://yum.example.com/", "read_at": "2026-11-24T02:00:00Z",
        "filtered": [], "policy": {"versions": "exactly 18.0"}, "packages": [{"package": "p-18.0-1.noarch", "url": "https://yum.example.com/p.rpm"}]}))
    (ami.folder / "tracker").mkdir()
    targets = ",".join(f"t{number}" for number in range(201))
    asked = ami("diff", "--targets", targets, "--record", "--tracker", "tracker", "--ref", "main", "--build-file", "ci/build.yml")
    assert asked.code == 3 and "the child pipeline would have 201 builds" in asked.err, asked.all
    assert list((ami.folder / "tracker").iterdir()) == []
    assert not (ami.folder / "child-pipeline.yml").exists()
