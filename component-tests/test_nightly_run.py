"""The component, included by consumer projects and run night after night by gitlab-ci-local."""

from __future__ import annotations

import json
import subprocess

import gitlab as python_gitlab
import pytest

from conftest import PROJECT, Consumer, Module
from gitlab_stand_in import GitLab
from repositories import FIRST, Repository


@pytest.fixture(autouse=True)
def first_releases(repository: Repository) -> None:
    repository.add(*FIRST).publish()


def test_the_first_night_builds_the_newest_release_for_each_target(consumer: Consumer, gitlab: GitLab) -> None:
    night = consumer.schedule()

    assert night.code == 0, night.log
    assert night.jobs("PASS") == {
        "list", "diff", "trigger",
        "build: [18.6.0-1.x86_64, al2023]", "update: [18.6.0-1.x86_64, al2023]",
        "build: [18.6.0-1.x86_64, rhel9]", "update: [18.6.0-1.x86_64, rhel9]",
    }
    assert consumer.states() == {"18.5.0-1 al2023": "skipped", "18.5.0-1 rhel9": "skipped",
                              "18.6.0-1 al2023": "built", "18.6.0-1 rhel9": "built"}
    assert consumer.tracker()["gitlab-runner-18.6.0-1.x86_64"]["rhel9"]["notes"] == {"AMI_ID": "ami-18.6.0-rhel9"}


def test_the_images_of_a_night_are_found_by_their_place(consumer: Consumer, gitlab: GitLab) -> None:
    manifest = json.dumps({"last_run_uuid": "1", "builds": [{
        "builder_type": "amazon-ebs", "packer_run_uuid": "1", "artifact_id": "eu-west-1:ami-1,us-east-1:ami-2", "custom_data": {"base": "ami-b"}}]})
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  f"    - |-\n      echo '{manifest}' > manifest.json\n    - echo NOTHING=1 > build.env\n")
    consumer.edit("ci/build-ami.yml", "  artifacts:\n", "  artifacts:\n    paths: [manifest.json]\n")

    night = consumer.schedule()

    assert night.code == 0, night.log
    module = Module(consumer.wasm, consumer.folder).inside_job_of(gitlab)
    [image] = json.loads(module("images", "--tracker", "gitlab", "--format", "json", "--target", "rhel9").out)["images"]
    assert (image["package"], image["ids"], image["bases"]) == ("gitlab-runner-18.6.0-1.x86_64", {"eu-west-1": "ami-1", "us-east-1": "ami-2"}, ["ami-b"])
    found = module("images", "--tracker", "gitlab", "--format", "dotenv", "--target", "al2023", "--place", "us-east-1")
    assert found.out.startswith("AMI_ID=ami-2\n"), found.all


def test_the_images_of_a_night_are_at_a_url_that_stays_however_it_ended(consumer: Consumer, gitlab: GitLab, repository: Repository) -> None:
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n", "")
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  '    - echo "AMI_SCHEDULER_IMAGE_ID=us-east-1=ami-$VERSION-$TARGET" > build.env\n')
    reader = python_gitlab.Gitlab(gitlab.url, job_token="glcbt-reporter").projects.get(42, lazy=True).generic_packages

    def published() -> list[tuple[str, str]]:
        images = json.loads(reader.download("ami-scheduler.gitlab-runner", "main", "images.json"))["images"]
        return [(image["target"], image["ids"]["us-east-1"]) for image in images]

    first = consumer.schedule()
    url = f"{gitlab.api_url}/projects/42/packages/generic/ami-scheduler.gitlab-runner/main/images.json"
    assert f"Published the images of gitlab-runner on main: {url}" in first.log, first.log
    assert published() == [("al2023", "ami-18.6.0-al2023"), ("rhel9", "ami-18.6.0-rhel9")]

    assert f"The images of gitlab-runner on main are as before: {url}" in consumer.schedule().log
    repository.add("gitlab-runner-18.7.0-1.x86_64").publish()
    assert "build: [18.7.0-1.x86_64, rhel9]" in consumer.schedule(fails="18.7.0 rhel9").jobs("FAIL")

    assert published() == [("al2023", "ami-18.7.0-al2023"), ("rhel9", "ami-18.6.0-rhel9")]
    assert len(gitlab.requests("PUT")) == 2


def test_who_may_not_publish_is_told_what_to_do(consumer: Consumer, gitlab: GitLab) -> None:
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n", "")
    gitlab.has_package_registry = False

    night = consumer.schedule()

    assert night.jobs("FAIL") == {"images"}, night.log
    assert "the package registry has to be on, in Settings > General > Visibility" in night.log
    assert "set the input publish_images to false" in night.log


def test_where_nothing_was_recorded_there_is_nothing_to_publish(consumer: Consumer, gitlab: GitLab) -> None:
    """A dry run in a new project, and a first night whose list fails, have one red job at most."""
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n", "")
    night = consumer.by_hand(AMI_SCHEDULER_DRY_RUN="true")
    assert night.code == 0 and "There is nothing to publish yet: there is no tracker of gitlab-runner on main" in night.log, night.log
    assert not gitlab.requests("PUT")
    consumer.variables["AMI_SCHEDULER_ARCH"] = "x86_64"  # as somebody sets an input for all projects of a group
    night = consumer.schedule()
    assert night.code == 0 and len(gitlab.requests("PUT")) == 1, night.log


def test_an_image_that_is_there_already_is_not_built_again(consumer: Consumer, repository: Repository) -> None:
    """A job of the team tells which images there are; what an attempt that failed has left counts for nothing."""
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n", "      publish_images: false\n      adopt_images: true\n"
                  '      image_name: "{product}-{version}-{target}-*"\n')
    with (consumer.folder / ".gitlab-ci.yml").open("a") as file:
        file.write("""
describe-images:
  stage: build
  rules: [{if: $CI_PIPELINE_SOURCE == "schedule"}]
  script:
    - mkdir -p .ami-scheduler/describe-images
    - cp images.json .ami-scheduler/describe-images/us-east-1.json
  artifacts:
    paths: [.ami-scheduler/describe-images]
""")

    def there_is(*names: str) -> None:
        images = [{"ImageId": f"ami-{number}", "Name": name, "State": "available", "Architecture": "x86_64"} for number, name in enumerate(names)]
        (consumer.folder / "images.json").write_text(json.dumps({"Images": images}))
        consumer.git("add", "--all")
        consumer.git("commit", "--quiet", "--message", "What there is")

    there_is("gitlab-runner-18.6.0-rhel9-x")
    night = consumer.schedule(fails="18.6.0 al2023")
    assert [build["TARGET"] for build in night.builds()] == ["al2023"], night.log
    assert "Counts as built, since there is an image of it: gitlab-runner-18.6.0-1.x86_64 rhel9  us-east-1=ami-0" in night.log
    assert consumer.states()["18.6.0-1 rhel9"] == "built"

    there_is("gitlab-runner-18.6.0-rhel9-x", "gitlab-runner-18.6.0-al2023-left-behind")
    night = consumer.schedule()
    assert "its build was tried or asked for and is not done: gitlab-runner-18.6.0-1.x86_64 al2023  us-east-1=ami-1" in night.log
    assert [build["TARGET"] for build in night.builds()] == ["al2023"]


def test_without_the_job_that_tells_which_images_there_are_there_is_no_pipeline(consumer: Consumer) -> None:
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n", "      adopt_images: true\n      images_job: misspelt\n")
    night = consumer.schedule()
    assert night.code != 0 and not night.ran("list") and "misspelt" in night.log, night.log


def test_somebody_presses_a_job_that_promotes_what_is_current(consumer: Consumer, gitlab: GitLab) -> None:
    consumer.edit(".gitlab-ci.yml", "      publish_images: false\n", "      promote_job: true\n")
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  '    - echo "AMI_SCHEDULER_IMAGE_ID=us-east-1=ami-$VERSION-$TARGET" > build.env\n')
    consumer.environment["GITLAB_USER_LOGIN"] = "mary"
    night = consumer.schedule(fails="18.6.0 rhel9")
    assert not night.ran("promote"), "it waits"

    pressed = consumer.press("promote")

    assert "stable for al2023 x86_64 18: gitlab-runner-18.6.0-1.x86_64  us-east-1=ami-18.6.0-al2023  (before: nothing)" in pressed.log, pressed.log
    module = Module(consumer.wasm, consumer.folder).inside_job_of(gitlab)
    stable = module("images", "--tracker", "gitlab", "--channel", "stable")
    assert stable.code == 0 and "us-east-1=ami-18.6.0-al2023" in stable.out, stable.all
    module("revoke", "18.6.0", "--reason", "deletes jobs", "--by", "mary", "--tracker", "gitlab", "--ref", "main")
    night = consumer.schedule()
    assert "WARNING: the channel stable points to gitlab-runner-18.6.0-1.x86_64 for al2023, which is revoked: deletes jobs" in night.log, night.log
    [[*_, published]] = gitlab.project(PROJECT).packages.values()
    assert [row["revoked"] for row in json.loads(published)["channels"]["stable"]] == ["deletes jobs, by mary"]


def test_an_image_counts_once_its_test_has_passed(consumer: Consumer, gitlab: GitLab) -> None:
    """The test has the ids of what was baked; one that fails is a failed attempt, and the next night bakes again."""
    consumer.edit(".gitlab-ci.yml", "      build_file: ci/build-ami.yml\n", "      build_file: ci/build-ami.yml\n      test_job: .test-ami\n")
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  '    - echo "AMI_SCHEDULER_IMAGE_ID=us-east-1=ami-$VERSION-$TARGET" > build.env\n')
    with (consumer.folder / "ci" / "build-ami.yml").open("a") as file:
        file.write('\n.test-ami:\n  script:\n    - echo "tested $AMI_IDS $AMI_ID_US_EAST_1"\n    - \'[ "$AMI_ID_US_EAST_1" != "$BAD_IMAGE" ]\'\n')
    consumer.git("commit", "--quiet", "--all", "--message", "Test the images")
    module = Module(consumer.wasm, consumer.folder).inside_job_of(gitlab)

    def found() -> dict[str, str]:
        images = json.loads(module("images", "--tracker", "gitlab", "--format", "json").out)["images"]
        return {image["target"]: image["ids"]["us-east-1"] for image in images}

    consumer.environment["BAD_IMAGE"] = "ami-18.6.0-rhel9"
    night = consumer.schedule()

    assert "tested us-east-1=ami-18.6.0-al2023 ami-18.6.0-al2023" in night.log, night.log
    assert night.jobs("FAIL") == {"test: [18.6.0-1.x86_64, rhel9]"}, night.log
    assert found() == {"al2023": "ami-18.6.0-al2023"}
    assert consumer.states()["18.6.0-1 al2023"] == "built"
    assert "has not passed its test: us-east-1=ami-18.6.0-rhel9" in module("status", "--tracker", "gitlab").out
    assert "ami-18.6.0-rhel9" in module("status", "--tracker", "gitlab", "--format", "json").out, "its ids are kept"


def test_a_build_job_gets_what_it_needs_to_know(consumer: Consumer, repository: Repository) -> None:
    night = consumer.schedule()

    sha256 = subprocess.run(["sha256sum", repository.folder / "Packages/gitlab-runner-18.6.0-1.x86_64.rpm"],
                            capture_output=True, text=True, check=True).stdout.split()[0]
    assert {"PRODUCT": "gitlab-runner", "VERSION": "18.6.0", "RELEASE": "1", "EPOCH": "0", "ARCH": "x86_64",
            "PACKAGE": "gitlab-runner-18.6.0-1.x86_64", "PACKAGE_SHA256": sha256, "TARGET": "al2023",
            "PACKAGE_URL": f"{repository.url}Packages/gitlab-runner-18.6.0-1.x86_64.rpm"} in night.builds()


def test_a_night_with_nothing_new_is_green_and_builds_nothing(consumer: Consumer, gitlab: GitLab) -> None:
    consumer.schedule()
    consumer.schedule()  # merges the heads that the updates of the first night left, if they ran at once
    uploads = len(gitlab.requests("POST"))

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert night.jobs("PASS") == {"list", "diff", "trigger", "nothing-to-build"}
    assert night.builds() == []
    assert len(gitlab.requests("POST")) == uploads


def test_two_new_releases_are_built_for_two_targets(consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    consumer.schedule()
    repository.add("gitlab-runner-18.6.1-1.x86_64", "gitlab-runner-18.7.0-1.x86_64").publish()

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert sorted((build["VERSION"], build["TARGET"]) for build in night.builds()) == [
        ("18.6.1", "al2023"), ("18.6.1", "rhel9"), ("18.7.0", "al2023"), ("18.7.0", "rhel9")]
    assert sorted(set(consumer.states().values())) == ["built", "skipped"]
    assert [build["reason"] for build in json.loads(night.artifact("diff", "builds.json"))["builds"]] == ["new_release"] * 4


def test_a_build_that_fails_holds_up_no_other_and_is_given_up_in_the_end(
        consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    consumer.edit(".gitlab-ci.yml", "      build_file:", "      max_attempts: 2\n      build_file:")
    consumer.schedule()
    repository.add("gitlab-runner-18.7.0-1.x86_64").publish()

    first = consumer.schedule(fails="18.7.0 rhel9")
    assert first.jobs("FAIL") == {"build: [18.7.0-1.x86_64, rhel9]"}
    assert first.ran("settle")
    assert gitlab.requests("GET", r"/pipelines/\d+/jobs$"), "where a build failed is asked of GitLab"
    assert (consumer.states()["18.7.0-1 al2023"], consumer.states()["18.7.0-1 rhel9"]) == ("built", "failed")

    second = consumer.schedule(fails="18.7.0 rhel9")
    assert [build["TARGET"] for build in second.builds()] == ["rhel9"]
    assert "attempt 2 of 2; the last one failed" in second.log

    third = consumer.schedule()
    assert third.code == 0, third.log
    assert third.builds() == []
    assert "given up after 2 attempts" in third.log
    assert "ask for it again with `rebuild`" in third.log


def test_a_failure_that_the_build_job_allows_is_no_success(consumer: Consumer) -> None:
    consumer.edit("ci/build-ami.yml", ".build-ami:\n", ".build-ami:\n  allow_failure: true\n  when: manual\n")

    consumer.schedule(fails="18.6.0 al2023")

    assert (consumer.states()["18.6.0-1 al2023"], consumer.states()["18.6.0-1 rhel9"]) == ("failed", "built")


def test_rules_of_the_build_file_do_not_hold_up_what_was_claimed(consumer: Consumer) -> None:
    consumer.edit("ci/build-ami.yml", ".build-ami:\n", "workflow:\n  rules:\n    - if: $CI_COMMIT_TAG\n\n"
                  ".build-ami:\n  rules:\n    - if: $CI_COMMIT_TAG\n")

    assert len(consumer.schedule().builds()) == 2


def test_a_build_that_failed_is_recorded_when_the_next_night_builds_it(
        consumer: Consumer, gitlab: GitLab) -> None:
    consumer.schedule(fails="18.6.0 al2023,18.6.0 rhel9")
    assert set(consumer.states().values()) == {"skipped", "failed"}

    night = consumer.schedule()
    assert night.code == 0, night.log
    assert set(consumer.states().values()) == {"skipped", "built"}
    assert consumer.tracker()["gitlab-runner-18.6.0-1.x86_64"]["rhel9"]["attempt"] == 2


def test_max_builds_leaves_the_rest_to_the_next_night(consumer: Consumer) -> None:
    consumer.edit(".gitlab-ci.yml", "      build_file:", "      max_builds: 3\n      first_run: all\n      build_file:")
    assert len(consumer.schedule().builds()) == 3
    assert len(consumer.schedule().builds()) == 1
    assert len(consumer.schedule().builds()) == 0


def test_a_branch_with_a_slash_has_a_tracker_of_its_own(consumer: Consumer, gitlab: GitLab) -> None:
    consumer.schedule()
    consumer.git("checkout", "--quiet", "-b", "feature/a")

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert len(night.builds()) == 2
    assert json.loads(gitlab.files(PROJECT)[-1].content)["ref"] == "feature/a"
    assert all("/" not in file.name for file in gitlab.files(PROJECT))
    assert consumer.schedule().builds() == []


def test_a_tag_has_a_tracker_of_its_own(consumer: Consumer, gitlab: GitLab) -> None:
    night = consumer.schedule(ref="v1.0")

    assert night.code == 0, night.log
    assert json.loads(gitlab.files(PROJECT)[-1].content)["ref"] == "v1.0"
    assert len(night.builds()) == 2


def test_branches_can_share_a_tracker(consumer: Consumer) -> None:
    consumer.edit(".gitlab-ci.yml", "      build_file:", "      tracker_ref: images\n      build_file:")
    assert len(consumer.schedule().builds()) == 2
    consumer.git("checkout", "--quiet", "-b", "develop")
    assert consumer.schedule().builds() == []


def test_a_schedule_whose_owner_is_a_developer_is_told_what_to_do(consumer: Consumer, gitlab: GitLab) -> None:
    consumer.token = "glcbt-developer"

    night = consumer.schedule()

    assert night.jobs("FAIL") == {"diff"}
    assert "FAIL 4" in night.log
    assert "has to be a Maintainer of the project. Have a Maintainer take ownership of the schedule" in night.log
    assert "glcbt-developer" not in night.log
    assert night.builds() == [] and gitlab.files(PROJECT) == []


def test_the_plain_text_tracker_of_a_hand_written_pipeline_is_taken_over(consumer: Consumer, gitlab: GitLab) -> None:
    gitlab.put(PROJECT, "main.txt", b"gitlab-runner-18.5.0-1.x86_64.rpm\n")

    night = consumer.schedule()

    assert night.code == 0, night.log
    assert "Took over the plain-text tracker main.txt" in night.log
    assert sorted(build["VERSION"] for build in night.builds()) == ["18.6.0", "18.6.0"]
    assert [file.content for file in gitlab.files(PROJECT) if file.name == "main.txt"] == [b"gitlab-runner-18.5.0-1.x86_64.rpm\n"]


@pytest.mark.parametrize("source", ["push", "web", "merge_request_event"])
def test_other_pipelines_do_not_run_it(consumer: Consumer, source: str) -> None:
    night = consumer.schedule(source)
    assert not night.ran("list") and not night.ran("diff"), night.log


def test_rules_know_the_variables_of_the_project(consumer: Consumer) -> None:
    """Field tests, component 3."""
    consumer.edit(".gitlab-ci.yml", "include:", "variables:\n  BUILD_IMAGES: \"yes\"\n\ninclude:")
    consumer.edit(".gitlab-ci.yml", "      build_file:", "      rules: [{if: '$BUILD_IMAGES == \"yes\"'}]\n      build_file:")
    assert len(consumer.schedule("push").builds()) == 2
    consumer.edit(".gitlab-ci.yml", 'BUILD_IMAGES: "yes"', 'BUILD_IMAGES: "no"')
    assert not consumer.schedule("push").ran("list")


def test_a_build_job_of_another_pipeline_builds_at_once(consumer: Consumer) -> None:
    """Field tests, component 10."""
    consumer.edit("ci/build-ami.yml", ".build-ami:\n", ".build-ami:\n  when: delayed\n  start_in: 1 week\n  only: [tags]\n  except: [schedules]\n")
    assert len(consumer.schedule().builds()) == 2
    assert list(consumer.states().values()).count("built") == 2


@pytest.mark.consumer("own-stages")
def test_a_project_with_a_life_of_its_own_keeps_it(consumer: Consumer, gitlab: GitLab) -> None:
    """Field tests, component 6, 8."""
    night = consumer.schedule()

    assert night.code == 0, night.log
    assert {"lint", "report", "v18-gitlab-runner: list", "v18-gitlab-runner: diff", "v18-gitlab-runner: trigger",
            "gitlab-runner-fips: list", "gitlab-runner-fips: diff", "gitlab-runner-fips: trigger",
            "v18-gitlab-runner: images", "gitlab-runner-fips: images",
            "build: [18.6.0-1.x86_64, al2023]", "update: [18.6.0-1.x86_64, al2023]",
            "build: [18.6.0-1.x86_64, rhel9]", "update: [18.6.0-1.x86_64, rhel9]"} == night.jobs("PASS")
    assert sorted((build["PRODUCT"], build["VERSION"], build["TARGET"]) for build in night.builds()) == [
        ("gitlab-runner", "18.6.0", "al2023"), ("gitlab-runner-fips", "18.6.0", "rhel9")]
    assert {package for package, _, _ in gitlab.project(PROJECT).packages} == {
        "ami-scheduler.gitlab-runner", "ami-scheduler.gitlab-runner-fips"}
    names = {file.name.split(".main-")[0] for file in gitlab.files(PROJECT)}
    assert names == {"ami-scheduler.gitlab-runner", "ami-scheduler.gitlab-runner-fips"}
    assert consumer.schedule().builds() == []
