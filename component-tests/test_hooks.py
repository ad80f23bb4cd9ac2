"""The jobs of docs/how-to/hooks.md, as they are printed: with the real client of AWS against moto, with curl against a chat's webhook,
and against the issues of GitLab's stand-in."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import PROJECT, ROOT, Consumer
from ec2 import BIN, REGIONS, Ec2, ec2  # noqa: F401 (a fixture)
from gitlab_stand_in import GitLab
from repositories import Repository
from test_hand_on import blocks

PAGE = (ROOT / "docs" / "how-to" / "hooks.md").read_text()
ACCOUNTS = ("111111111111", "222222222222")
#: The URL of a webhook, and what was written to it.
Chat = tuple[str, list[dict[str, str]]]


@pytest.fixture
def baking(consumer: Consumer, ec2: Ec2, repository: Repository) -> Consumer:
    """A project whose builds of 18.6.0 tell an image in each region."""
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()
    consumer.bring("aws", f'#!/bin/sh\nexec {shlex.quote(str(BIN / "aws"))} "$@"\n')
    consumer.environment |= ec2.environment
    for region in REGIONS:
        consumer.environment["IMAGE_IN_" + region.replace("-", "_")] = ec2.aws(
            "ec2", "register-image", "--name", "baked", "--architecture", "x86_64", "--root-device-name", "/dev/sda1", region=region)["ImageId"]
    consumer.edit("ci/build-ami.yml", '    - echo "AMI_ID=ami-$VERSION-$TARGET" > build.env\n',
                  '    - echo "AMI_SCHEDULER_IMAGE_ID=eu-central-1=$IMAGE_IN_eu_central_1,us-east-1=$IMAGE_IN_us_east_1" > build.env\n')
    consumer.edit(".gitlab-ci.yml", "targets: [al2023, rhel9]", "targets: [al2023]")
    return consumer


def with_hooks(consumer: Consumer, *jobs: str, quiet_nights: bool = False) -> None:
    inputs = "".join(f"      {name}: {hidden}\n" for name, hidden in [("publish_job", ".publish-amis"), ("notify_job", ".tell")]
                     if any(job.startswith(f"{hidden}:") for job in jobs))
    inputs += "      quiet_nights: true\n" if quiet_nights else ""
    consumer.edit(".gitlab-ci.yml", "      build_file: ci/build-ami.yml\n", f"      build_file: ci/build-ami.yml\n{inputs}")
    with (consumer.folder / "ci" / "build-ami.yml").open("a") as file:
        file.write("\n" + "\n".join(jobs))
    consumer.git("commit", "--quiet", "--all", "--message", "Hand on, and tell")


def example(heading: str) -> str:
    [job] = blocks(PAGE, heading, "yaml")
    return job


@pytest.fixture
def chat() -> Iterator[Chat]:
    written: list[dict[str, str]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert (self.path, self.headers["Content-Type"]) == ("/hooks/s3cret", "application/json")
            written.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hooks/s3cret", written
        server.shutdown()


def test_each_account_may_launch_the_image_and_one_that_failed_is_run_again_alone(baking: Consumer, ec2: Ec2) -> None:
    aws = shlex.quote(str(BIN / "aws"))
    baking.bring("aws", f'#!/bin/sh\ncase "$*:$REFUSED" in *"UserId=$REFUSED}}]:$REFUSED") echo "AccessDenied" >&2; exit 254 ;; esac\nexec {aws} "$@"\n')
    baking.environment["REFUSED"] = ACCOUNTS[1]
    with_hooks(baking, example("Images for other accounts"))

    def may_launch() -> dict[str, set[str]]:
        found = {}
        for region in REGIONS:
            image = baking.environment["IMAGE_IN_" + region.replace("-", "_")]
            attribute = ec2.aws("ec2", "describe-image-attribute", "--image-id", image, "--attribute", "launchPermission", region=region)
            found[region] = {permission["UserId"] for permission in attribute["LaunchPermissions"]}
        return found

    night = baking.schedule()
    assert f"publish: [{ACCOUNTS[0]}]" in night.jobs("PASS") and f"publish: [{ACCOUNTS[1]}]" in night.jobs("FAIL"), night.log
    assert may_launch() == dict.fromkeys(REGIONS, {ACCOUNTS[0]})
    assert baking.states()["18.6.0-1 al2023"] == "built"

    baking.environment["REFUSED"] = "none"
    again = baking.again(f"publish: [{ACCOUNTS[1]}]")
    assert again.jobs("PASS") == {"report", f"publish: [{ACCOUNTS[1]}]"}, again.log
    assert may_launch() == dict.fromkeys(REGIONS, set(ACCOUNTS))


def test_ssm_parameters_are_written_from_the_child_pipeline(baking: Consumer, ec2: Ec2) -> None:
    with_hooks(baking, example("SSM parameters"))
    night = baking.schedule()
    assert "publish" in night.jobs("PASS"), night.log
    for region in REGIONS:
        [parameter] = ec2.aws("ssm", "get-parameters", "--names", "/images/gitlab-runner/al2023/x86_64/18", region=region)["Parameters"]
        assert parameter["Value"] == baking.environment["IMAGE_IN_" + region.replace("-", "_")]


def test_a_chat_hears_of_each_night_that_is_not_quiet(consumer: Consumer, repository: Repository, chat: Chat) -> None:
    consumer.environment["CHAT_WEBHOOK"], written = chat
    with_hooks(consumer, example("A message in a chat"))
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()

    night = consumer.schedule(fails="18.6.0 rhel9")
    assert "notify" in night.jobs("PASS") and consumer.environment["CHAT_WEBHOOK"] not in night.log, night.log
    assert [message["text"].rpartition(" ")[0] for message in written] == ["Images of gitlab-runner, 1 built, 1 failed."]

    consumer.schedule()
    assert "1 built." in written[1]["text"], written
    night = consumer.schedule()
    assert len(written) == 2 and not night.ran("report"), "a quiet night is not told"

    consumer.edit(".gitlab-ci.yml", "      build_file", "      exclude: ['18.99.*']\n      build_file")
    night = consumer.schedule()
    assert night.jobs("PASS") >= {"nothing-to-build", "report", "notify"}, night.log
    assert "nothing to build; alarms: unused_pattern" in written[2]["text"], written


def test_a_quiet_night_is_told_where_that_is_asked_for(consumer: Consumer, repository: Repository, chat: Chat) -> None:
    consumer.environment["CHAT_WEBHOOK"], written = chat
    with_hooks(consumer, example("A message in a chat"), quiet_nights=True)
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()
    consumer.schedule()
    night = consumer.schedule()
    assert "notify" in night.jobs("PASS"), night.log
    assert ["2 built." in written[0]["text"], "nothing to build." in written[1]["text"]] == [True, True], written
    night = consumer.schedule("web", "", None, "--variable=AMI_SCHEDULER_DRY_RUN=true")
    assert len(written) == 2 and not night.ran("report"), "a dry run is not told"


def test_what_needs_a_person_is_one_issue(consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    consumer.environment["ISSUES_TOKEN"] = "glpat-planner"
    with_hooks(consumer, example("An issue that is opened once"))
    repository.add("gitlab-runner-18.6.0-1.x86_64").publish()
    issues = gitlab.project(PROJECT).issues

    night = consumer.schedule(fails="18.6.0 rhel9")
    assert "notify" in night.jobs("PASS") and "glpat-planner" not in night.log, night.log
    [issue] = issues
    assert (issue.title, issue.labels, issue.state) == ("Images of gitlab-runner: 1 built, 1 failed", ["images of gitlab-runner on main"], "opened")
    assert "| `gitlab-runner-18.6.0-1.x86_64` | `rhel9` | failed | 1 |" in issue.description, issue.description

    issue.labels.append("on-call")
    consumer.schedule(fails="18.6.0 rhel9")
    [issue] = issues
    assert (issue.title, issue.labels[1:], issue.state) == ("Images of gitlab-runner: 1 failed", ["on-call"], "opened")
    assert "| `rhel9` | failed | 2 |" in issue.description, issue.description

    # Its third attempt pauses, while another release is built: the issue stays.
    consumer.edit(".gitlab-ci.yml", "      build_file", "      max_attempts: 9\n      build_file")
    consumer.schedule(fails="18.6.0 rhel9")
    repository.add("gitlab-runner-18.7.0-1.x86_64").publish()
    consumer.schedule()
    [issue] = issues
    assert (issue.title, issue.state) == ("Images of gitlab-runner: 2 built, 1 paused after a failure", "opened"), issue
    assert "### Paused after a failure" in issue.description, issue.description

    repository.add("gitlab-runner-18.8.0-1.x86_64").publish()
    consumer.schedule()
    assert [issue.state for issue in issues] == ["closed"], issue.description
    repository.add("gitlab-runner-18.9.0-1.x86_64").publish()
    consumer.schedule(fails="18.9.0 al2023")
    assert [issue.state for issue in issues] == ["opened"], "the same one"


def test_a_channel_is_handed_on_as_the_page_says(consumer: Consumer) -> None:
    """Before anybody has promoted, too, and without what is revoked."""
    [begins] = re.findall(r"^```\n(\(\.channels.*?)\n```", PAGE, re.MULTILINE)
    script = next(line for line in example("SSM parameters").splitlines() if "jq -r" in line)
    row = {"product": "p", "target": "al2023", "arch": "x86_64", "series": "18", "ids": {"us-east-1": "ami-1"}}
    revoked = row | {"target": "rhel9", "revoked": "deletes jobs"}
    program = example("SSM parameters").split("jq -r '")[1].split("'")[0].replace(".images[] |", begins)
    assert "jq -r" in script and begins in program
    for channels, told in [({}, ""), ({"stable": [row, revoked]}, "us-east-1 /images/p/al2023/x86_64/18 ami-1\n")]:
        document = json.dumps({"images": [row], "channels": channels})
        done = subprocess.run(["jq", "-r", program], input=document, capture_output=True, text=True, check=True)
        assert done.stdout == told
