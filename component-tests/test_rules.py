"""The rules of a team, night after night: real repositories, the real module, and the component."""

from __future__ import annotations

import json
import subprocess

import pytest

from conftest import PROJECT, Consumer, Module
from gitlab_stand_in import GitLab
from repositories import Repository
from test_module import CHILD, states, write_packages

TRACKER = ("--tracker", "tracker", "--ref", "main")


@pytest.fixture
def nights(ami: Module) -> Nights:
    (ami.folder / "tracker").mkdir()
    return Nights(ami)


class Nights:
    def __init__(self, ami: Module) -> None:
        self.ami = ami

    def __call__(self, night: int, *more: object, pipeline: int | None = None) -> list[str]:
        """What the diff of a night of November 2026 builds."""
        self.run = self.ami("diff", "--targets", "al2023", *TRACKER, *CHILD, "--pipeline", pipeline or 100 + night,
                            "--now", f"2026-11-{night:02}T02:00:00Z", *more)
        assert self.run.code == 0, self.run.all
        self.builds = self.ami.json("builds.json")
        return [build["version"] for build in self.builds["builds"]]

    def reason(self, version: str) -> str:
        (row,) = [row for row in self.builds["held"] if f"-{version}-" in row["package"]]
        return row["reason"]

    def done(self, night: int) -> None:
        for build in self.builds["builds"]:
            assert self.ami("update", *TRACKER, "--package", build["package"], "--target", build["target"],
                            "--now", f"2026-11-{night:02}T03:00:00Z").code == 0

    def files(self) -> set[str]:
        return {file.name for file in (self.ami.folder / "tracker").iterdir()}


def test_a_minimum_age_counts_from_the_build_time_and_from_the_first_sight(nights: Nights, repository: Repository) -> None:
    repository.add("gitlab-runner-18.5.0-1.x86_64").publish()
    assert nights.ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
    packages = nights.ami.json("packages.json")
    assert packages["packages"][0]["built_at"]
    packages["packages"][0]["built_at"] = "2026-11-20T12:00:00Z"
    (nights.ami.folder / "packages.json").write_text(json.dumps(packages))

    assert nights(23, "--min-age", 3) == []
    first = nights.files()
    assert "not old enough before 2026-11-26 02:00 UTC" in nights.run.out
    assert nights(24, "--min-age", 3) == [] and nights.files() == first
    assert nights(26, "--min-age", 3) == ["18.5.0"]


def test_skips_are_for_people_and_say_who_and_why(nights: Nights) -> None:
    write_packages(nights.ami, "18.5.0-1")
    assert nights(2) == ["18.5.0"]
    nights.done(2)
    write_packages(nights.ami, "18.5.0-1", "18.6.0-1")
    package = "gitlab-runner-18.6.0-1.x86_64"

    assert nights.ami("skip", package, *TRACKER, "--by", "mary").code == 2
    run = nights.ami("skip", package, *TRACKER, "--by", "mary", "--reason", "does not start")
    assert (run.code, run.out) == (0, f"Skipped: {package} al2023; no run has seen this release yet: is its name right?\n"), run.all
    assert nights(3) == [] and nights.reason("18.6.0") == "skipped"
    assert "skipped by mary: does not start" in nights.builds["held"][1]["explanation"]

    inside = Module(nights.ami.wasm, nights.ami.folder, {"GITLAB_USER_LOGIN": "joe"})
    assert inside("unskip", package, *TRACKER).out == f"No longer skipped: {package} al2023\n"
    assert nights(4) == ["18.6.0"]
    nights.done(4)
    built = nights.ami("skip", package, *TRACKER, "--by", "mary", "--reason", "too late")
    assert built.code == 4 and f"{package} is built for al2023: there is nothing left to skip" in built.err
    assert nights.ami("unskip", package, *TRACKER, "--by", "mary").code == 4
    assert "there is no tracker of p on main" in nights.ami("skip", "p-1-1.noarch", *TRACKER, "--by", "mary", "--reason", "no").err
    assert states(nights.ami)[f"{package} al2023"] == "built"


def test_failures_are_remembered_and_forgotten_by_hand(nights: Nights) -> None:
    write_packages(nights.ami, "18.5.0-1")
    tried = []
    for night in range(2, 16):
        if nights(night, "--max-attempts", 5, "--fail-on", ""):
            tried.append(night)
            nights.ami("settle", *TRACKER, "--pipeline", 100 + night, "--now", f"2026-11-{night:02}T04:00:00Z",
                       "--pipeline-url", f"https://gitlab.example.com/p/{100 + night}")
        if night == 5:
            assert nights.reason("18.5.0") == "back_off"
            status = nights.ami("status", "--tracker", "tracker").out
            assert "tried again by the next run" in nights.run.out and "failed" in status
    assert tried == [2, 3, 4, 6, 9]
    assert nights.reason("18.5.0") == "given_up"
    assert "given up" in nights.ami("status", "--tracker", "tracker").out
    # Every night, until somebody does something about it.
    assert "is given up after 5 attempts" in nights.run.out and "1  given up" in nights.run.out
    asked = nights.ami("rebuild", "gitlab-runner-18.5.0-1.x86_64", *TRACKER, "--by", "mary", "--reason", "mirror mended")
    assert asked.code == 0
    assert nights(16) == ["18.5.0"]
    assert "asked for again by mary: mirror mended" in nights.run.out


def test_why_says_what_the_run_says_and_changes_nothing(nights: Nights, repository: Repository) -> None:
    repository.add("gitlab-runner-17.0.0-1.x86_64", "gitlab-runner-18.5.0-1.x86_64", "gitlab-runner-18.6.0-1.x86_64",
                   "gitlab-runner-18.6.1-1.x86_64").publish()
    assert nights.ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--major-version", "18").code == 0
    rules = ("--first-run", "all", "--keep", "latest-per-minor", "--skip", "18.6.1: does not start")
    before = nights.files()

    def why(*what: str) -> str:
        run = nights.ami("why", *what, "--targets", "al2023", *TRACKER, *rules, "--now", "2026-11-02T02:00:00Z")
        assert run.code == 0, run.all
        return run.out

    said = why("*")
    assert said == """\
gitlab-runner-17.0.0-1.x86_64: left out by list, other version
gitlab-runner-18.5.0-1.x86_64 al2023: to be built: first run for this target
gitlab-runner-18.6.0-1.x86_64 al2023: superseded by gitlab-runner-18.6.1-1.x86_64
gitlab-runner-18.6.1-1.x86_64 al2023: excluded by 18.6.1: does not start
"""
    assert nights.files() == before
    assert nights(2, *rules) == ["18.5.0"]
    rows = nights.builds["held"] + nights.builds["filtered"]
    assert {row["explanation"] for row in rows} < {line.split(": ", 1)[1] for line in said.splitlines()} | {"other version"}
    nights.done(2)
    assert why("18.5.0", "al2023").splitlines() == [
        "gitlab-runner-18.5.0-1.x86_64 al2023: built 2026-11-02 03:00 UTC",
        "  1 attempt, begun as first run; first seen 2026-11-02 02:00 UTC"]
    nothing = nights.ami("why", "99.0", "--targets", "al2023", *TRACKER)
    assert nothing.code == 3 and "99.0 names no release of gitlab-runner" in nothing.err


def test_a_dry_run_decides_like_the_run_and_leaves_no_trace(nights: Nights) -> None:
    write_packages(nights.ami, "18.5.0-1", "18.6.0-1")
    plan = nights(6, "--first-run", "all", "--dry-run")
    assert nights.builds["dry_run"] is True and nights.files() == set()
    assert "nothing is claimed or recorded" in nights.run.out
    assert "nothing-to-build" in (nights.ami.folder / "child-pipeline.yml").read_text()
    rows = nights.builds["builds"]

    assert nights(6, "--first-run", "all") == plan == ["18.5.0", "18.6.0"]
    assert nights.builds["builds"] == rows and nights.builds["dry_run"] is False


def test_a_plan_tells_what_a_change_of_the_rules_adds_and_drops(nights: Nights, repository: Repository) -> None:
    repository.add(*[f"gitlab-runner-{version}-1.x86_64" for version in ("17.1.0", "18.5.0", "18.6.0", "18.7.0")]).publish()

    def list_releases(*policy: str) -> None:
        assert nights.ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", *policy).code == 0

    list_releases("--major-version", "18")
    nights(2, "--first-run", "all", "--skip", "18.5.0: old", "--max-builds", 1)
    (nights.ami.folder / "builds.json").rename(nights.ami.folder / "last-night.json")
    plan = ("--first-run", "all", "--dry-run", "--compare", "last-night.json")

    nights(2, *plan, "--skip", "18.5.0: old")
    assert "Compared with the run of pipeline 102, 2026-11-02 02:00 UTC, these rules add and drop nothing." in nights.run.out
    list_releases()
    repository.add("gitlab-runner-18.8.0-1.x86_64").publish()
    nights(2, *plan, "--skip", "18.7.0: new")
    assert nights.run.out.endswith("""\
Compared with the run of pipeline 102, 2026-11-02 02:00 UTC, these rules
  add 2 builds:
    + gitlab-runner-17.1.0-1.x86_64 al2023  first run for this target (before: other version)
    + gitlab-runner-18.5.0-1.x86_64 al2023  new release (before: excluded by 18.5.0: old)
  drop 1 build:
    - gitlab-runner-18.7.0-1.x86_64 al2023  excluded by 18.7.0: new (before: left for the next run: this one is full)
"""), nights.run.out
    assert nights.ami("diff", "--targets", "al2023", *TRACKER, *CHILD, "--compare", "last-night.json").code == 2
    (nights.ami.folder / "last-night.json").write_text("[]")
    wrong = nights.ami("diff", "--targets", "al2023", *TRACKER, *CHILD, *plan)
    assert wrong.code == 1 and "it is not the builds.json that diff writes" in wrong.err


def test_what_is_built_on_friday_is_answered_today(nights: Nights) -> None:
    write_packages(nights.ami, "18.5.0-1")
    assert nights(23, "--min-age", 4) == []
    assert nights(26, "--min-age", 4, "--dry-run") == []
    assert nights(27, "--min-age", 4, "--dry-run") == ["18.5.0"]


def test_alarms_are_warnings_unless_they_are_to_end_the_run(nights: Nights, repository: Repository) -> None:
    def publish(*versions: str) -> None:
        for file in repository.folder.glob("Packages/*.rpm"):
            file.unlink()
        repository.add(*[f"gitlab-runner-{version}-1.x86_64" for version in versions]).publish()
        assert nights.ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0

    publish("18.1.0", "18.2.0", "18.3.0", "18.4.0", "18.5.0")
    nights(2)
    nights.done(2)
    publish("18.4.0", "18.5.0")
    assert nights(3) == []
    assert [(alarm["alarm"], alarm["before"], alarm["now"]) for alarm in nights.builds["alarms"]] == [("shrank", 5, 2)]
    assert f"WARNING: {repository.url} has 2 releases now, and had 5." in nights.run.out

    packages = nights.ami.json("packages.json")
    packages["packages"][1]["checksum"] = "sha256:" + "0" * 64
    (nights.ami.folder / "packages.json").write_text(json.dumps(packages))
    run = nights.ami("diff", "--targets", "al2023", *TRACKER, *CHILD, "--pipeline", 104, "--now", "2026-11-20T02:00:00Z",
                     "--unchanged-after", 10, "--overdue-after", 4, "--fail-on", "republished,unchanged,overdue")
    assert run.code == 5, run.all
    assert "there are alarms that --fail-on names (republished, unchanged, overdue): see the warnings above. All else is done" in run.err
    assert [alarm["alarm"] for alarm in nights.ami.json("builds.json")["alarms"]] == ["republished", "unchanged", "overdue"]
    # All was done: the next run does not find it overdue.
    assert nights(21, "--overdue-after", 4, "--fail-on", "overdue") == []
    # Each has a code of its own; of several it is that of the first.
    for kinds, code in [("unchanged", 6), ("overdue,unchanged", 6), ("shrank", 0)]:
        again = nights.ami("diff", "--targets", "al2023", *TRACKER, *CHILD, "--dry-run", "--now", "2026-12-01T02:00:00Z",
                           "--unchanged-after", 10, "--overdue-after", 4, "--fail-on", kinds)
        assert again.code == code, again.all
    late = nights.ami("status", "--tracker", "tracker", "--overdue-after", 4, "--fail-on", "overdue", "--now", "2026-12-01T02:00:00Z")
    assert late.code == 8 and "WARNING: gitlab-runner on main: the last run that is recorded was at 2026-11-20 02:00 UTC" in late.err


def test_a_release_that_is_gone_is_marked_revoked_by_the_rule_and_may_come_back(nights: Nights, repository: Repository) -> None:
    gone, stays = "gitlab-runner-18.6.0-1.x86_64", "gitlab-runner-18.5.0-1.x86_64"
    rule = ("--revoke-withdrawn", "--first-run", "all")

    def night(number: int, *more: object) -> list[str]:
        """The alarms of a night on which the repository is read anew."""
        assert nights.ami("list", "--repo-url", repository.url, "--product", "gitlab-runner").code == 0
        nights(number, *rule, *more)
        return [alarm["explanation"] for alarm in nights.builds["alarms"] if alarm["alarm"] == "withdrawn"]

    def images() -> tuple[str, dict[str, str]]:
        table = nights.ami("images", *TRACKER)
        json_of = nights.ami("images", *TRACKER, "--format", "json")
        assert table.code == json_of.code == 0, table.all + json_of.all
        [row] = json.loads(json_of.out)["images"]
        return table.out, row

    repository.add(stays, gone).publish()
    assert night(2) == []
    for package in (stays, gone):
        done = nights.ami("update", *TRACKER, "--package", package, "--target", "al2023", "--image", f"us-east-1=ami-{package[14:20]}",
                          "--now", "2026-11-02T03:00:00Z")
        assert done.code == 0, done.all

    repository.remove(gone).publish()
    for number in (3, 4):
        [told] = night(number)
        assert told.startswith(f"{gone} for al2023 has been gone from the repository since 2026-11-03 02:00 UTC. An image of it is current")
    table, row = images()
    assert "WITHDRAWN: gone from the repository since 2026-11-03 02:00 UTC  us-east-1=ami-18.6.0" in table, table
    assert (row["version"], row["withdrawn"]) == ("18.6.0", "2026-11-03T02:00:00Z")
    status = ("status", "--tracker", "tracker")
    for command in [status, (*status, "--format", "html"), ("why", "18.6.0", "--targets", "al2023", *TRACKER)]:
        assert "gone from the repository since 2026-11-03" in nights.ami(*command).out, command
    late = nights.ami("status", "--tracker", "tracker", "--fail-on", "withdrawn")
    assert late.code == 9 and f"{gone} for al2023 has been gone" in late.err, late.all
    before = nights.files()
    [told] = night(5, "--dry-run")
    assert "The rule revoke_withdrawn revokes it" in told and nights.files() == before

    for _ in range(2):  # the job is run again
        [told] = night(5)
        assert "The rule revoke_withdrawn revokes it" in told
    _, row = images()
    assert (row["version"], "withdrawn" in row) == ("18.5.0", False)
    recorded = nights.files()
    assert night(6) == [] and nights.files() == recorded

    repository.add(gone).publish()
    assert night(7) == []
    assert f"In the repository again:\n  {gone}  al2023  it was gone from the repository since 2026-11-03 02:00 UTC; it stays revoked until `unrevoke`: gone" in nights.run.out
    assert night(8) == [] and "In the repository again" not in nights.run.out
    assert images()[1]["version"] == "18.5.0"
    assert nights.ami("unrevoke", "18.6.0", *TRACKER, "--by", "mary", "--reason", "the mirror was broken").code == 0
    assert images()[1]["version"] == "18.6.0"


@pytest.mark.parametrize(("arguments", "told"), [
    (("--skip", "18.6.1"), "gives no reason: expected PATTERN: REASON"),
    (("--skip", "[1]"), "not a JSON array of texts"),
    (("--skip", '["a b: c"]'), "names no release"),
    (("--exclude", "18/6"), "names no release"),
    (("--keep", "newest"), 'invalid value "newest"'),
    (("--min-age", "-1"), "'-1'"),
    (("--revoke-withdrawn-after", "0"), "expected a whole number, from 1 to 1000"),
    (("--fail-on", "everything"), "is no alarm: expected republished"),
])
def test_a_rule_that_is_none_is_refused(ami: Module, arguments: tuple[str, ...], told: str) -> None:
    run = ami("diff", "--targets", "al2023", *TRACKER, *CHILD, *arguments)
    assert run.code == 2 and told in run.err, run.all


# ---------------------------------------------------------------- the component


def test_the_component_hands_the_rules_on(consumer: Consumer, repository: Repository) -> None:
    repository.add("gitlab-runner-18.5.0-1.x86_64", "gitlab-runner-18.6.0-1.x86_64", "gitlab-runner-18.6.1-1.x86_64",
                   "gitlab-runner-18.7.0-1.x86_64", "gitlab-runner-18.8.0-1.x86_64").publish()
    consumer.edit(".gitlab-ci.yml", "      build_file:", """\
      first_run: all
      keep: latest-per-minor
      order: newest
      exclude: ["18.8.*"]
      skip:
        - "18.7.0: it doesn't start, see #12"
      build_file:""")

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert {build["VERSION"] for build in night.builds()} == {"18.5.0", "18.6.1"}
    builds = json.loads(night.artifact("diff", "builds.json"))
    assert [build["version"] for build in builds["builds"]] == ["18.6.1", "18.6.1", "18.5.0", "18.5.0"]
    assert {row["explanation"] for row in builds["held"]} == {
        "superseded by gitlab-runner-18.6.1-1.x86_64", "excluded by 18.8.*", "excluded by 18.7.0: it doesn't start, see #12"}


def test_an_alarm_marks_the_pipeline_and_holds_nothing_up(consumer: Consumer, repository: Repository) -> None:
    repository.add(*[f"gitlab-runner-18.{minor}.0-1.x86_64" for minor in range(5)]).publish()
    consumer.edit(".gitlab-ci.yml", "      build_file:", "      fail_on: [shrank]\n      build_file:")
    assert consumer.schedule().code == 0
    for file in repository.folder.glob("Packages/*.rpm"):
        file.unlink()
    repository.add("gitlab-runner-18.9.0-1.x86_64").publish()

    night = consumer.schedule()

    assert "there are alarms that --fail-on names (shrank)" in night.log
    assert {build["VERSION"] for build in night.builds()} == {"18.9.0"}
    assert consumer.states()["18.9.0-1 rhel9"] == "built"


def test_a_merge_request_shows_what_it_would_build_and_has_no_effect(
        consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    repository.add("gitlab-runner-18.5.0-1.x86_64").publish()
    consumer.edit(".gitlab-ci.yml", "      build_file:",
                  "      plan_rules: [{if: $CI_PIPELINE_SOURCE == \"merge_request_event\"}]\n      build_file:")
    night = consumer.schedule()
    assert night.code == 0
    repository.add("gitlab-runner-18.6.0-1.x86_64", "gitlab-runner-18.7.0-1.x86_64").publish()
    consumer.git("checkout", "--quiet", "-b", "change")
    consumer.edit(".gitlab-ci.yml", "      build_file:", "      skip: [\"18.7.0: no\"]\n      build_file:")
    writes = len(gitlab.requests("POST"))
    last_night = night.artifact("diff", "builds.json").encode()
    gitlab.artifacts["main", "gitlab-runner: diff", ".ami-scheduler/builds.json"] = last_night

    request = consumer.schedule("merge_request_event")

    assert request.code == 0, request.log
    assert request.jobs("PASS") == {"plan"}
    plan = json.loads(request.artifact("plan", "builds.json"))
    assert (plan["ref"], plan["dry_run"]) == ("main", True)
    assert {build["version"] for build in plan["builds"]} == {"18.6.0"}
    assert len(gitlab.requests("POST")) == writes and request.builds() == []
    assert "Compared with the run of pipeline" in request.log


def test_a_release_that_is_gone_is_marked_for_whoever_reads_images_json_and_revoked_by_the_rule(
        consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    repository.add("gitlab-runner-18.5.0-1.x86_64", "gitlab-runner-18.6.0-1.x86_64").publish()
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n",
                  "      first_run: all\n      revoke_withdrawn: true\n      revoke_withdrawn_after: 2\n      fail_on: [withdrawn]\n")
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  '    - echo "AMI_SCHEDULER_IMAGE_ID=us-east-1=ami-$VERSION-$TARGET" > build.env\n')

    def published() -> set[tuple[str, bool]]:
        [[*_, content]] = gitlab.project(PROJECT).packages.values()
        return {(image["version"], "withdrawn" in image) for image in json.loads(content)["images"]}

    assert consumer.schedule().code == 0 and published() == {("18.6.0", False)}
    repository.remove("gitlab-runner-18.6.0-1.x86_64").publish()

    first = consumer.schedule()
    assert "there are alarms that --fail-on names (withdrawn)" in first.log, first.log
    assert {"trigger", "images"} <= first.jobs("PASS")
    assert published() == {("18.6.0", True)}
    second = consumer.schedule()
    assert "The rule revoke_withdrawn revokes it" in second.log and published() == {("18.5.0", False)}, second.log


@pytest.mark.consumer("own-stages")
def test_two_lines_of_one_product_are_built_side_by_side(consumer: Consumer, repository: Repository) -> None:
    repository.add("gitlab-runner-17.1.0-1.x86_64", "gitlab-runner-17.2.0-1.x86_64", "gitlab-runner-18.5.0-1.x86_64",
                   "gitlab-runner-fips-18.5.0-1.x86_64").publish()
    assert {build["VERSION"] for build in consumer.schedule().builds()} == {"18.5.0"}
    # A line that is added later builds its latest release, whatever the tracker knows of the other.
    consumer.edit(".gitlab-ci.yml", """\
      product: gitlab-runner-fips
      version_range: ">=18, <19"
      arch: [x86_64]
      repo_url: $REPO_URL
      targets: [rhel9]
""", """\
      product: gitlab-runner
      major_version: "17"
      repo_url: $REPO_URL
      targets: [al2023]
""")
    repository.add("gitlab-runner-18.6.0-1.x86_64", "gitlab-runner-18.7.0-1.x86_64").publish()

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert {build["VERSION"] for build in night.builds()} == {"17.2.0", "18.6.0", "18.7.0"}
    assert {build: state for build, state in consumer.states().items() if "al2023" in build} == {
        "17.1.0-1 al2023": "skipped", "17.2.0-1 al2023": "built", "18.5.0-1 al2023": "built",
        "18.6.0-1 al2023": "built", "18.7.0-1 al2023": "built"}


# ---------------------------------------------------------------- images that exist already


def described(*images: tuple[str, str]) -> str:
    """What `aws ec2 describe-images` prints, to the fields that are of no use here."""
    return json.dumps({"Images": [{
        "ImageId": identity, "Name": name, "State": "available", "Architecture": "x86_64", "OwnerId": "123456789012",
        "CreationDate": "2026-11-20T02:31:00.000Z", "Public": False, "BlockDeviceMappings": [],
        "Tags": [{"Key": "Team", "Value": "images"}]} for identity, name in images]})


def test_images_that_exist_are_taken_over_and_compared(nights: Nights) -> None:
    write_packages(nights.ami, "18.5.0-1", "18.6.0-1", "18.6.1-1")
    images = described(("ami-5", "gitlab-runner-18.5.0-al2023-20261101"), ("ami-6", "gitlab-runner-18.6.0-al2023-20261110"),
                       ("ami-x", "base-al2023"))
    (nights.ami.folder / "images.json").write_text(images)
    marks = ("--targets", "al2023", *TRACKER, "--image-name", "{product}-{version}-{target}-*")

    run = nights.ami("import", "images.json", *marks)
    assert run.code == 0, run.all
    assert run.out == ("gitlab-runner: 2 recorded as built, 0 were so before.\n"
                       "Images of no release of gitlab-runner that is known: 1, such as base-al2023\n")
    assert nights(2) == ["18.6.1"]
    nights.done(2)

    (nights.ami.folder / "images.json").write_text(described(("ami-6", "gitlab-runner-18.6.0-al2023-20261110")))
    files = nights.files()
    report = nights.ami("reconcile", "images.json", *marks)
    assert (report.code, report.out) == (0, """\
gitlab-runner on main: images: 1, of a known release: 1
  without an image    gitlab-runner-18.5.0-1.x86_64 al2023
  without an image    gitlab-runner-18.6.1-1.x86_64 al2023
Nothing was changed: --apply adopt records the former as built, --apply rebuild builds the latter again.
"""), report.all
    assert nights.files() == files
    assert "Will be built again: 2" in nights.ami("reconcile", "images.json", *marks, "--apply", "rebuild").out
    assert nights(3) == ["18.5.0", "18.6.1"]


def test_images_come_on_stdin(nights: Nights) -> None:
    write_packages(nights.ami, "18.5.0-1", "18.6.0-1")
    command = nights.ami.command("reconcile", "-", "--targets", "al2023", *TRACKER, "--image-name", "{product}-{version}-{target}-*",
                                 "--apply", "adopt")
    done = subprocess.run(command, cwd=nights.ami.folder, input=described(("ami-5", "gitlab-runner-18.5.0-al2023-1")), capture_output=True, text=True, check=True)
    assert "not in the tracker  gitlab-runner-18.5.0-1.x86_64 al2023  ami-5" in done.stdout
    assert "Recorded as built: 1" in done.stdout
    assert states(nights.ami) == {"gitlab-runner-18.5.0-1.x86_64 al2023": "built"}


@pytest.mark.parametrize(("content", "arguments", "code", "told"), [
    ('{"Images": []}', ("--image-name", "{version}"), 1, "there is no available image in it"),
    ('{"Snapshots": []}', ("--image-name", "{version}"), 1, "it is not the JSON of `aws ec2 describe-images`"),
    ('{"Images": []}', (), 2, "say how images are told apart"),
    ('{"Images": []}', ("--image-name", "{os}"), 2, "has a placeholder that is none of"),
    ('{"Images": []}', ("--image-tag", "Package"), 2, "expected KEY=TEMPLATE"),
    ('{"Images": []}', ("--image-name", "{version}", "--targets", "a,b"), 2, "images of several targets cannot be told apart"),
    ('{"Images": []}', ("--image-name", "{version}", "--apply", "all"), 2, "is nothing to apply: expected adopt or rebuild"),
])
def test_images_that_tell_nothing_are_refused(ami: Module, content: str, arguments: tuple[str, ...], code: int, told: str) -> None:
    (ami.folder / "images.json").write_text(content)
    targets = () if "--targets" in arguments else ("--targets", "al2023")
    run = ami("reconcile", "images.json", *targets, *TRACKER, *arguments)
    assert run.code == code and told in run.err, run.all
