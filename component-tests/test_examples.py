"""The projects of examples/, run night after night as their users would run them: with the real
component, jsonnet, Terraform and buildah. The one with Packer is in test_bake.py, that of a team in
test_team.py."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hcl2
import pytest
import yaml

from conftest import PROJECT, ROOT, Consumer
from gitlab_stand_in import GitLab
from images import BAKE_ROOT, Buildah, buildah_in, registry_in
from repositories import FIRST, Repository
from test_schema import check

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/.gitlab-ci.yml"))
BUILD_FIELDS = {"product", "epoch", "version", "release", "arch", "package", "target", "package_url", "package_sha256", "attempt", "claim",
                "reason", "explanation"}


@pytest.fixture(autouse=True)
def first_releases(repository: Repository) -> None:
    repository.add(*FIRST).publish()


def notes(consumer: Consumer, target: str, package: str = "gitlab-runner-18.6.0-1.x86_64") -> dict[str, str]:
    return consumer.tracker()[package][target]["notes"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_files_of_an_example_are_pipelines(name: str, tmp_path: Path) -> None:
    folder = ROOT / "examples" / name
    for file in [folder / ".gitlab-ci.yml", *folder.glob("ci/*.yml")]:
        for document in yaml.safe_load_all(file.read_text()):
            check(document, tmp_path)


def test_each_example_has_its_place_in_the_order_to_read_them_in() -> None:
    listed = re.findall(r"^\| (\d+)\. \[([\w-]+)\]\(\2\) \| (.+) \|$", (ROOT / "examples" / "README.md").read_text(), re.MULTILINE)

    assert [int(number) for number, *_ in listed] == list(range(1, len(EXAMPLES) + 1))
    assert sorted(name for _, name, _ in listed) == EXAMPLES == sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())
    for _, name, teaches in listed:
        title, first, *_ = (ROOT / "examples" / name / "README.md").read_text().split("\n\n")
        assert title.startswith("# ") and first == f"**{teaches}**"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_how_to_use_it_and_what_to_change(name: str) -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "examples" / name / "README.md").read_text(), re.MULTILINE)
    assert headings[0] == "Use it" and "Change it for your own" in headings


def test_each_example_is_run() -> None:
    tests = "".join(file.read_text() for file in (ROOT / "component-tests").glob("test_*.py"))
    assert sorted(set(re.findall(r'^@pytest\.mark\.example\("([\w-]+)"\)$', tests, re.MULTILINE))) == EXAMPLES


def commands(name: str) -> list[str]:
    """What an example's README has people type: each block of commands as a script."""
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", (ROOT / "examples" / name / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(r"^ *(\$ )?", "", block, flags=re.MULTILINE) for block in blocks]


def test_only_the_example_with_packer_has_commands() -> None:
    """They are run as they are printed: below, and in test_bake.py."""
    assert {name: len(commands(name)) for name in EXAMPLES if commands(name)} == {"packer-ansible": 2}


# ---------------------------------------------------------------- generators of one's own


def assert_nights_by_an_own_generator(consumer: Consumer, tmp_path: Path, first_night: set[str]) -> None:
    night = consumer.schedule()
    assert night.code == 0, night.log
    assert night.jobs("PASS") == {"list", "diff", "generate", "bake"} | first_night
    assert not night.ran("trigger")
    check(yaml.safe_load((night.folder / ".gitlab-ci-local" / "artifacts" / "generate" / "child.yml").read_text()), tmp_path)
    assert consumer.states() == {"18.5.0-1 al2023": "skipped", "18.5.0-1 rhel9": "skipped",
                                 "18.6.0-1 al2023": "built", "18.6.0-1 rhel9": "built"}
    assert notes(consumer, "rhel9") == {"AMI_ID": "ami-18.6.0-rhel9"}

    quiet = consumer.schedule()
    assert quiet.code == 0, quiet.log
    assert quiet.jobs("PASS") == {"list", "diff", "generate", "bake", "nothing-to-build"}

    tracker = consumer.tracker()
    by_hand = consumer.by_hand(AMI_SCHEDULER_BUILD_VERSION="18.5.0", AMI_SCHEDULER_ONLY_TARGETS="rhel9")
    assert by_hand.code == 0, by_hand.log
    assert by_hand.jobs("PASS") == {"list", "diff", "generate", "bake", "build: [18.5.0-1.x86_64, rhel9]"}
    plan = consumer.by_hand(AMI_SCHEDULER_BUILD_VERSION="18.5.0", AMI_SCHEDULER_DRY_RUN="True")
    assert plan.jobs("PASS") == {"list", "diff", "generate", "bake", "nothing-to-build"}, plan.log
    assert consumer.tracker() == tracker
    recorded = consumer.by_hand(AMI_SCHEDULER_BUILD_VERSION="18.5.0", AMI_SCHEDULER_ONLY_TARGETS="rhel9", AMI_SCHEDULER_RECORD="true")
    assert recorded.code == 0 and consumer.states()["18.5.0-1 rhel9"] == "built", recorded.log


JSONNET = f"""#!{sys.executable}
# jsonnet FILE --output-file FILE, as PyPI has it: the library without its command.
import sys
import _jsonnet
open(sys.argv[3], "w").write(_jsonnet.evaluate_file(sys.argv[1]))
"""


@pytest.mark.example("jsonnet")
def test_a_pipeline_by_jsonnet(consumer: Consumer, tmp_path: Path) -> None:
    consumer.bring("jsonnet", JSONNET)
    assert_nights_by_an_own_generator(consumer, tmp_path, {
        f"{verb} {what}" for verb, whats in {
            "check": ("al2023", "rhel9"),
            "bake": ("18.6.0-1.x86_64 al2023", "18.6.0-1.x86_64 rhel9"),
            "record": ("18.6.0-1.x86_64 al2023", "18.6.0-1.x86_64 rhel9"),
        }.items() for what in whats})


@pytest.mark.example("terraform")
def test_a_pipeline_by_terraform(consumer: Consumer, tmp_path: Path) -> None:
    consumer.environment["CHECKPOINT_DISABLE"] = "1"  # it asks nobody for a newer version
    assert_nights_by_an_own_generator(consumer, tmp_path, {
        f"{verb} 18.6.0-1.x86_64 {target}" for verb in ("bake", "record") for target in ("al2023", "rhel9")})


@pytest.mark.example("terraform")
def test_what_the_template_of_terraform_reads_is_there(consumer: Consumer) -> None:
    hcl2.loads((consumer.folder / "main.tf").read_text())
    read = set(re.findall(r"build\.(\w+)", (consumer.folder / "child.yml.tftpl").read_text()))
    consumer.edit(".gitlab-ci.yml", "trigger: false\n\ngenerate:", "trigger: false\n\n.generate:")
    consumer.edit(".gitlab-ci.yml", "\nbake:", "\n.bake:")

    night = consumer.schedule()

    builds = json.loads(night.artifact("diff", "builds.json"))["builds"]
    assert len(builds) == 2 and all(read <= set(build) and set(build) == BUILD_FIELDS for build in builds)
    standard = yaml.safe_load(night.artifact("diff", "child-pipeline.yml"))
    assert {"include", "workflow", ".ami-scheduler-child", ".ami-scheduler-child-update", "settle"} <= set(standard)


# ---------------------------------------------------------------- Packer and Ansible


def test_the_template_of_packer_has_a_source_for_each_target_and_reads_what_a_build_is_given() -> None:
    folder = ROOT / "examples" / "packer-ansible"
    text = (folder / "gitlab-runner.pkr.hcl").read_text()
    template = hcl2.loads(text)
    targets = yaml.safe_load((folder / ".gitlab-ci.yml").read_text())["include"][0]["inputs"]["targets"]

    names = [source["name"].strip('"') for block in template["build"] for sources in block["source"] for source in sources.values()]
    assert names == targets
    declared = {name.strip('"') for variable in template["variable"] for name in variable}
    assert set(re.findall(r"\bvar\.(\w+)", text)) == declared
    given = set(re.findall(r'env\("(\w+)"\)', text))
    assert given == {"VERSION", "PACKAGE", "TARGET", "CI_PIPELINE_URL"}
    assert "--extra-vars" not in re.sub("#.*", "", text)


def ansible(tmp_path: Path, *arguments: object, **variables: str) -> str:
    done = subprocess.run([str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", "localhost,", *map(str, arguments)],
                          env=os.environ | {"ANSIBLE_HOME": str(tmp_path), "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "LC_ALL": "C.UTF-8"} | variables,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


PLAYBOOK = ROOT / "examples" / "packer-ansible" / "playbook.yml"


def test_ansible_takes_the_playbook(tmp_path: Path) -> None:
    ansible(tmp_path, "--syntax-check", PLAYBOOK)


def test_ansible_evaluates_no_template_in_what_a_repository_says(tmp_path: Path) -> None:
    """As `x.rpm?{{ansible_env.X}}` did when the example gave it as an extra variable."""
    [play] = yaml.safe_load(PLAYBOOK.read_text())
    names = {name: name.upper() for name in ("package_url", "package_sha256", "version", "yum_repository", "yum_key")}
    assert set(play["vars"]) == set(names)
    shown = [{"ansible.builtin.copy": {"content": "{{ " + name + " }}", "dest": str(tmp_path / name)}} for name in names]
    (tmp_path / "show.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "vars": play["vars"], "tasks": shown}]))
    hostile = 'https://yum.example.com/x.rpm?{{ lookup("env", "SECRET") }} {% raw %}'

    ansible(tmp_path, "--connection", "local", tmp_path / "show.yml", SECRET="s3cret", **dict.fromkeys(names.values(), hostile))

    assert {(tmp_path / name).read_text() for name in names} == {hostile}


# ---------------------------------------------------------------- container images



@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[Buildah]:
    with buildah_in(tmp_path / "buildah") as buildah:
        yield buildah


@pytest.mark.example("container-image")
def test_container_images_are_built_and_recorded_with_their_digest(
        consumer: Consumer, tmp_path: Path, buildah: Buildah, signed: Repository) -> None:
    buildah.make_base_with_dnf("localhost/with-dnf:bookworm")
    file = "ci/build-image.yml"
    job = yaml.safe_load((consumer.folder / file).read_text())[".build-image"]["variables"]
    bases = {base: "localhost/with-dnf:bookworm" for base in ("amazonlinux:2023", "redhat/ubi9-minimal")}
    for printed, here in (bases | {job["YUM_KEY"]: f"{signed.url}key", job["YUM_REPOSITORY"]: signed.url}).items():
        consumer.edit(file, printed, here)
    with registry_in(tmp_path / "registry") as registry:
        consumer.variables["CI_REGISTRY_IMAGE"] = f"{registry.host}/{PROJECT}"
        consumer.environment |= buildah.settings | {
            "HOME": str(registry.home), "CI_REGISTRY_USER": "nobody", "CI_REGISTRY_PASSWORD": "none"}

        night = consumer.schedule()

        assert night.code == 0, night.log
        for target in ("al2023", "ubi9"):
            name = f"{PROJECT}/gitlab-runner:18.6.0-{target}"
            image = f"{registry.host}/{name}"
            assert notes(consumer, target)["IMAGE"] == f"{image}@{registry.digest(name)}"
            container = buildah.must("from", image)
            assert buildah.must("run", container, "--", "gitlab-runner", "--version") == "Version: 18.6.0"
            assert "gitlab-runner-helper-images-18.6.0-1" in buildah.must("run", container, "--", "rpm", "-qa")


def test_the_image_of_the_job_that_bakes_has_packer_ansible_and_ssh(tmp_path: Path, buildah: Buildah) -> None:
    buildah.make_base("localhost/debian:trixie")
    packer = buildah.must("from", "scratch")
    buildah.must("copy", packer, BAKE_ROOT / "usr" / "bin" / "packer", "/bin/packer")
    buildah.must("commit", "--quiet", packer, "localhost/packer:1")

    program, verb, *arguments, _ = shlex.split(commands("packer-ansible")[0])
    assert (program, verb) == ("buildah", "build")
    image = arguments[arguments.index("--tag") + 1]
    buildah.must("build", "--quiet", "--build-arg", "BASE=localhost/debian:trixie", "--build-arg", "PACKER=localhost/packer:1", *arguments,
                 ROOT / "examples" / "packer-ansible")

    job = yaml.safe_load((ROOT / "examples" / "packer-ansible" / "ci" / "build-ami.yml").read_text())[".build-ami"]
    assert job["image"] == image
    container = buildah.must("from", image)
    for program, told in (("packer --version", "1."), ("ansible-playbook --version", "ansible-playbook [core 2."), ("ssh -V", "")):
        assert buildah.must("run", container, "--", *program.split()).startswith(told), program


# ---------------------------------------------------------------- tags and branches


@pytest.mark.example("tags-and-branches")
def test_a_tag_and_a_branch_have_trackers_of_their_own(consumer: Consumer, repository: Repository, gitlab: GitLab) -> None:
    repository.add("gitlab-runner-18.8.0~rc1-1.x86_64").publish()

    def built(branch: str, tag: str | None = None) -> set[str]:
        consumer.git("checkout", "--quiet", "-B", branch)  # gitlab-ci-local knows a branch even where there is a tag
        night = consumer.schedule(ref=tag)
        assert night.code == 0, night.log
        return {job.removeprefix("build: ") for job in night.jobs("PASS") if job.startswith("build: ")}

    assert built("main", "v7") == {"[18.6.0-1.x86_64, al2023]", "[18.6.0-1.x86_64, rhel9]"}
    assert built("develop") == {"[18.8.0~rc1-1.x86_64, al2023]"}
    assert built("main", "v7") == built("develop") == set()
    assert built("main", "v8") == {"[18.6.0-1.x86_64, al2023]", "[18.6.0-1.x86_64, rhel9]"}
    assert consumer.tracker("develop")["gitlab-runner-18.8.0~rc1-1.x86_64"]["al2023"]["notes"]["AMI_ID"].startswith("ami-development-")

    consumer.git("checkout", "--quiet", "-b", "feature")
    assert consumer.schedule().jobs("PASS") == {"lint"}
