"""What the pages of the docs need to run, and which of their blocks do not: test_book.py runs them."""

from __future__ import annotations

from dataclasses import dataclass, field

#: What goes before a page's commands is written with these. Each is run in the folder of the page.
HELPERS = r"""
export AMI_SCHEDULER_TRACKER=${AMI_SCHEDULER_TRACKER:-tracker} AMI_SCHEDULER_REF=main
export AMI_SCHEDULER_TARGETS=${AMI_SCHEDULER_TARGETS:-al2023} AMI_SCHEDULER_BUILD_FILE=ci/build-ami.yml
mkdir -p tracker

# night PIPELINE TIME REPOSITORY [OPTION...]: list and diff of that night; `wanted` is an option of list.
night() {
  pipeline=$1
  export AMI_SCHEDULER_NOW=$2
  ami-scheduler list --repo-url "file:$3" --product gitlab-runner "${wanted:---major-version=18}"
  shift 3
  ami-scheduler diff --fail-on= --pipeline "$pipeline" --pipeline-url "https://gitlab.example.com/acme/ami/-/pipelines/$pipeline" "$@"
}

# bake [VERSION]: the builds of the night succeed, or those of that version; `ids` are those of their images.
bake() {
  jq -r '.builds[] | "\(.package) \(.target) \(.claim) \(.version)"' builds.json | while read -r package target claim version; do
    [ "$version" = "${1:-$version}" ] || continue
    ami-scheduler update --package "$package" --target "$target" --claim "$claim" \
      --pipeline-url "https://gitlab.example.com/acme/ami/-/pipelines/$pipeline" --image "${ids:-eu-central-1=ami-0aaa,us-east-1=ami-0bbb}"
  done
}

# fail JOB: the other builds of the night fail.
fail() {
  ami-scheduler settle --pipeline "$pipeline" --pipeline-url "https://gitlab.example.com/acme/ami/-/jobs/$1"
}

# image NAME REGION: there is an image in EC2.
image() {
  aws ec2 register-image --name "$1" --architecture x86_64 --root-device-name /dev/sda1 --region "$2"
}
"""


@dataclass(frozen=True)
class Page:
    #: The fixtures: `web` serves the sample repository, `release` what a release has, `gitlab` is the stand-in, `ec2` is moto,
    #: `company` has an authority and a proxy, `runner` is a machine with nothing on it.
    needs: tuple[str, ...] = ()
    #: The present of each block; the last of them is that of all that follow.
    now: tuple[str, ...] = ("2026-11-24T02:00:00Z",)
    #: What has happened before, in shell; and before which of its blocks, counted from 1, something else has.
    before: str = ""
    between: dict[int, str] = field(default_factory=dict)
    #: Pages whose commands go before these.
    begins_with: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    #: Whether it runs in a clone of the project.
    clone: bool = False


RULES = ("docs/rules/README.md",)
LISTED = "ami-scheduler list --repo-url file:repo --product gitlab-runner --major-version 18\n"
FIRST_NIGHT = "night 100 2026-11-20T02:00:00Z repo-before; bake\n"
IN_GITLAB = "AMI_SCHEDULER_TRACKER=gitlab\n"

PAGES: dict[str, Page] = {
    "README.md": Page(needs=("module", "gitlab"), before=IN_GITLAB + FIRST_NIGHT + "night 101 2026-11-21T02:00:00Z repo; bake 18.6.1; fail 9041"),
    "docs/tutorial.md": Page(clone=True, now=()),
    "docs/artifacts.md": Page(needs=("gitlab",), before=IN_GITLAB + "night 101 2026-11-24T02:00:00Z repo",
                              variables={"CI_COMMIT_REF_NAME": "main", "PACKAGE": "gitlab-runner-18.7.0-1.x86_64", "TARGET": "al2023",
                                         "CLAIM": "0.1@101", "AMI_ID": "ami-0abc"}),
    "docs/firewall.md": Page(needs=("company",)),
    "docs/releasing.md": Page(needs=("release",)),
    "docs/rules/README.md": Page(),
    "docs/rules/versions.md": Page(begins_with=RULES),
    "docs/rules/first-run.md": Page(begins_with=RULES, before=LISTED),
    "docs/rules/keep.md": Page(begins_with=RULES, before=LISTED),
    "docs/rules/exclude.md": Page(begins_with=RULES, before=LISTED),
    "docs/rules/minimum-age.md": Page(begins_with=RULES, before=LISTED),
    "docs/rules/queue.md": Page(begins_with=RULES, before=FIRST_NIGHT + LISTED),
    "docs/rules/skip.md": Page(begins_with=RULES, now=("2026-11-24T09:00:00Z",),
                               before=FIRST_NIGHT + """
night 101 2026-11-24T02:00:00Z repo --skip '18.7.0: wait'; bake
night 102 2026-11-24T08:00:00Z repo --min-age 1
"""),
    "docs/rules/failures.md": Page(begins_with=RULES, before="""
night 97 2026-11-01T02:00:00Z repo-before; bake
night 98 2026-11-02T02:00:00Z repo; bake 18.6.1; fail 9021
night 99 2026-11-03T02:00:00Z repo; fail 9032
night 100 2026-11-04T02:00:00Z repo; fail 9041
""", between={2: "night 102 2026-11-06T02:00:00Z repo --max-attempts 4; fail 9063"}),
    "docs/rules/alarms.md": Page(begins_with=RULES, now=("2026-11-24T02:00:00Z", "2026-12-04T09:00:00Z"),
                                 before="night 100 2026-11-07T02:00:00Z repo-before; bake\n" + LISTED,
                                 between={2: "rm tracker/*; night 100 2026-11-07T02:00:00Z repo-before; bake"}),
    "docs/rules/plan.md": Page(begins_with=RULES, before="night 100 2026-11-26T02:00:00Z repo --min-age 7", between={2: """
rm tracker/*
night 102 2026-11-02T02:00:00Z repo --first-run all --skip '18.5.0: old' --max-builds 1; bake
mv builds.json last-night.json
ami-scheduler list --repo-url file:repo --product gitlab-runner
"""}),
    "docs/rules/lanes.md": Page(begins_with=RULES, before="night 102 2026-11-02T02:00:00Z repo --lane v18-; bake"),
    "docs/rules/why.md": Page(begins_with=RULES, now=("2026-11-26T02:00:00Z",), before=FIRST_NIGHT + """
AMI_SCHEDULER_NOW=2026-11-24T09:00:00Z
ami-scheduler rebuild 18.6.0 --by mary --reason 'the mirror is mended'
""" + LISTED + "ami-scheduler diff --skip '18.7.0: does not start' --dry-run"),
    "docs/rules/adopt.md": Page(
        begins_with=RULES, needs=("ec2",),
        before="""
image gitlab-runner-18.5.0-al2023-20261101 eu-central-1
image gitlab-runner-18.6.0-al2023-20261122 eu-central-1
image base-al2023-20261101 eu-central-1
""" + LISTED,
        between={2: "for region in eu-central-1 us-east-1; do image gitlab-runner-18.6.1-al2023-20261124 $region; done",
                 3: "night 100 2026-11-24T02:00:00Z repo; bake 18.7.0"}),
    "docs/rules/withdrawn.md": Page(begins_with=RULES, now=("2026-11-03T02:00:00Z",), before="""
night 100 2026-11-01T02:00:00Z repo; bake
ami-scheduler list --repo-url file:repo-before --product gitlab-runner --major-version 18
"""),
    "docs/rules/fresh.md": Page(begins_with=RULES, before="""
printf '{"al2023": {"base": "ami-0a1b2c3d", "recipe": "4f1e0c7a"}}' >ingredients.json
night 100 2026-11-20T02:00:00Z repo-before --ingredients ingredients.json; bake
printf '{"al2023": {"base": "ami-0e4f5a6b", "recipe": "4f1e0c7a"}}' >ingredients.json
ami-scheduler list --repo-url file:repo-before --product gitlab-runner --major-version 18
"""),
    "docs/how-to/add-a-target.md": Page(needs=("web", "gitlab"), before=IN_GITLAB + "AMI_SCHEDULER_TARGETS=al2023,rhel8,rhel9\n" + FIRST_NIGHT),
    "docs/how-to/by-hand.md": Page(needs=("web",)),
    "docs/how-to/channels.md": Page(needs=("gitlab",), now=("2026-11-24T09:00:00Z",), before=IN_GITLAB + """
ids=eu-central-1=ami-0ccc,us-east-1=ami-0ddd
night 100 2026-11-20T02:00:00Z repo-before; bake
ami-scheduler promote 18.6.0 --to stable --by mary --reason 'the first one'
ids=
night 101 2026-11-21T02:00:00Z repo; bake 18.6.1
"""),
    "docs/how-to/find-the-image.md": Page(
        needs=("gitlab",), now=("2026-11-24T09:00:00Z",), variables={"IMAGES_TOKEN": "gldt-packages"},
        before=IN_GITLAB + """
ids=eu-central-1=ami-0ccc,us-east-1=ami-0ddd
wanted=--major-version=17 night 100 2026-11-15T02:00:00Z repo; bake
ids=
night 101 2026-11-21T02:00:00Z repo; bake
""", between={3: IN_GITLAB + "ami-scheduler images --publish"}),
    "docs/how-to/given-up.md": Page(needs=("gitlab",), before=IN_GITLAB + """
AMI_SCHEDULER_TARGETS=al2023,rhel9
night 100 2026-11-20T02:00:00Z repo; fail 9041
night 101 2026-11-21T02:00:00Z repo --max-attempts 1
"""),
    "docs/how-to/move-over.md": Page(needs=("gitlab",), before="printf 'gitlab-runner-18.5.0-1.x86_64.rpm\\ngitlab-runner-18.6.0-1.x86_64.rpm\\n' >main.txt"),
    "docs/how-to/old-branches.md": Page(needs=("gitlab",), before=IN_GITLAB + FIRST_NIGHT + "export AMI_SCHEDULER_REF=feature/old\n" + FIRST_NIGHT),
    "docs/how-to/private-mirror.md": Page(needs=("web",), variables={"YUM_USER": "mary", "YUM_PASSWORD": "secret"}),
    "docs/how-to/rebuild.md": Page(needs=("gitlab",), before=IN_GITLAB + FIRST_NIGHT + "night 101 2026-11-21T02:00:00Z repo; bake"),
    "docs/how-to/shell-runner.md": Page(needs=("release", "runner")),
    "docs/how-to/see-the-state.md": Page(needs=("gitlab",), before=IN_GITLAB + FIRST_NIGHT + "night 101 2026-11-21T02:00:00Z repo; bake 18.6.1; fail 9041"),
}

MIRROR = "git clone --mirror https://git.example.com/ami-scheduler.git ami-scheduler.git"

#: By page, and how the block begins: which test runs it, as FILE::TEST, or why it cannot run here.
ELSEWHERE: dict[tuple[str, str], str] = {
    ("README.md", "make demo"): "test_readme.py::test_the_first_block_works_when_it_is_copied",
    ("docs/hostile-input.md", "make fuzz"): "it takes minutes and more",
    ("docs/tracker.md", "cargo test"): "it takes minutes and more",
    ("docs/how-to/install.md", f"{MIRROR}\n$ git -C ami-scheduler.git push"): "test_install.py::test_git_brings_the_project_with_its_tags",
    ("docs/how-to/install.md", f"{MIRROR}\n$ git -C ami-scheduler.git bundle"): "test_install.py::test_a_release_is_carried_by_hand",
    ("docs/how-to/install.md", "git clone --mirror ami-scheduler.bundle"): "test_install.py::test_a_release_is_carried_by_hand",
    ("docs/how-to/install.md", "sha256sum ami-scheduler.wasm"): "test_install.py::test_a_shell_runner_has_the_module_of_a_commit_from_the_package_registry",
    ("docs/how-to/by-hand.md", "glab ci run"): "it starts a pipeline of a real GitLab",
    ("docs/releasing.md", "git clone"): "it compiles for minutes",
    ("docs/releasing.md", "git switch"): "it makes a release",
}
