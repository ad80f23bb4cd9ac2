"""The wrapper: what each command is given of the machine, in every shell that a runner may have."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from authority import Authority
from conftest import ROOT, Module, Run, start_nginx, tool
from gitlab_stand_in import GitLab
from repositories import FIRST, Repository, RpmBuilder

WRAPPER = ROOT / "cli" / "wrapper" / "ami-scheduler"
SHELLS = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}
TRACKER_COMMANDS = ["acknowledge", "diff", "images", "import", "promote", "rebuild", "reconcile", "report", "revoke", "settle", "skip", "status", "tracker", "unrevoke", "unskip", "update", "why"]
#: A job's variables: of GitLab, of the component, and such as a project has for its builds.
JOB = {
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4", "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": "job-s3cret",
    "CI_COMMIT_REF_NAME": "main", "CI_PIPELINE_ID": "101", "CI_PIPELINE_URL": "https://gitlab.example.com/-/pipelines/101",
    "CI_JOB_URL": "https://gitlab.example.com/-/jobs/1", "CI_PIPELINE_SOURCE": "schedule", "GITLAB_USER_LOGIN": "mary",
    "CI_REGISTRY_PASSWORD": "registry-s3cret", "AWS_SECRET_ACCESS_KEY": "aws-s3cret", "AWS_SESSION_TOKEN": "aws-s3cret",
    "AMI_SCHEDULER_TOKEN": "project-s3cret", "AMI_SCHEDULER_REPO_URL": "https://yum.example.com/", "AMI_SCHEDULER_REPO_USER": "reader",
    "AMI_SCHEDULER_REPO_PASSWORD": "repo-s3cret", "AMI_SCHEDULER_CLIENT_CERT": "none", "AMI_SCHEDULER_CLIENT_KEY": "-----BEGIN PRIVATE KEY-----\ns3cret\n", "AMI_SCHEDULER_TARGETS": ' ["al2023"]', "AMI_SCHEDULER_NOTES": ' ["AMI_ID", "REGION"]',
    "AMI_ID": "ami-0abc", "REGION": "eu-west-1", "OTHER": "x",
}


@dataclass
class Given:
    """What the module would have been given."""

    code: int
    said: str
    arguments: list[str]
    variables: dict[str, str]
    folders: dict[str, str]
    options: list[str]
    files: dict[str, str]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    program, *more = SHELLS[request.param]
    return [tool(program), *more]


class Wrapper:
    """The wrapper with a wasmtime that tells what it is run with."""

    def __init__(self, folder: Path, shell: list[str]) -> None:
        self.folder, self.shell = folder, shell
        self.module = folder / "it is here" / "ami-scheduler.wasm"
        self.module.parent.mkdir()
        self.module.write_bytes(b"\0asm")
        stub = folder / "bin" / "wasmtime"
        stub.parent.mkdir()
        stub.write_text(f"""#!{sys.executable}
import json, os, pathlib, sys
words = sys.argv[1:]
mounts = [words[at + 1].split("::") for at, word in enumerate(words) if word == "--dir"]
files = {{str(file.relative_to(host)): file.read_text() for host, guest in mounts if guest == "/given"
         for file in pathlib.Path(host).rglob("*") if file.is_file()}}
json.dump({{"words": words, "environment": dict(os.environ), "files": files}}, open(os.environ["TOLD"], "w"))
sys.exit(7)
""")
        stub.chmod(0o755)

    def __call__(self, *arguments: str, **variables: str) -> Given:
        told = self.folder / "told.json"
        told.unlink(missing_ok=True)
        environment = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "TOLD": str(told), "TMPDIR": str(self.folder),
                       "AMI_SCHEDULER_WASM": str(self.module)} | variables
        done = subprocess.run([*self.shell, str(WRAPPER), *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if not told.exists():
            return Given(done.returncode, done.stdout + done.stderr, [], {}, {}, [], {})
        record = json.loads(told.read_text())
        words: list[str] = record["words"]
        at = words.index(str(variables.get("AMI_SCHEDULER_WASM", self.module)))
        variables_given, folders, options = {}, {}, []
        before = iter(words[1:at])
        for word in before:
            if word == "--env":
                name, _, value = next(before).partition("=")
                if name != "TERM":  # bash has one of its own
                    variables_given[name] = value or record["environment"].get(name, "")
            elif word == "--dir":
                host, guest = next(before).split("::")
                folders[guest] = host
            elif word == "--wasi":
                options.append(next(before))
            else:
                options.append(word)
        assert words[0] == "run"
        assert not any("s3cret" in word for word in words), "ps shows a command line to whoever is on the machine"
        return Given(done.returncode, done.stdout + done.stderr, words[at + 1:], variables_given, folders, options, record["files"])


@pytest.fixture
def wrapper(tmp_path: Path, shell: list[str]) -> Wrapper:
    return Wrapper(tmp_path, shell)


def test_what_the_person_typed_arrives_word_for_word(wrapper: Wrapper) -> None:
    words = ["skip", "18.6.1", "--reason", "it's\n\"odd\" $HOME `id` *", "--target", "", "-q", "--", "-x"]
    assert wrapper(*words).arguments == words


def test_the_exit_code_of_the_module_is_that_of_the_wrapper(wrapper: Wrapper, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    assert wrapper("list").code == 7
    assert wrapper("list", "--ca-file", "ca.pem").code == 7, "with files that are to be removed, too"
    assert not list(tmp_path.glob("tmp*")), "copies of certificates are left behind"


def test_list_gets_the_password_of_the_repository_and_no_token_of_gitlab(wrapper: Wrapper) -> None:
    given = wrapper("list", **JOB).variables
    assert given["AMI_SCHEDULER_REPO_PASSWORD"] == "repo-s3cret"
    assert "CI_PIPELINE_SOURCE" in given
    assert not {"CI_JOB_TOKEN", "AMI_SCHEDULER_TOKEN", "CI_API_V4_URL"} & set(given)


def test_list_is_given_a_copy_of_the_repo_file_and_of_nothing_beside_it(wrapper: Wrapper, tmp_path: Path) -> None:
    (tmp_path / "ci").mkdir()
    for name in ("a runner.repo", "other.repo"):
        (tmp_path / "ci" / name).write_text("[a]\n")
    given = wrapper("list", AMI_SCHEDULER_REPO_FILE="ci/a runner.repo", GIT_STRATEGY="fetch")
    assert given.files == {"AMI_SCHEDULER_REPO_FILE/a runner.repo": "[a]\n"}
    assert given.variables["AMI_SCHEDULER_REPO_FILE"] == "/given/AMI_SCHEDULER_REPO_FILE/a runner.repo"
    other = wrapper("diff", AMI_SCHEDULER_REPO_FILE="ci/a runner.repo", AMI_SCHEDULER_REPOS="a", AMI_SCHEDULER_REPO_VARS="a=b")
    assert not other.files and not any(name.startswith("AMI_SCHEDULER_REPO") for name in other.variables)

    for value in ["[a]\nbaseurl=/x\n", "# of a vendor\n[a]", "https://yum.example.com/a.repo", "file:ci/other.repo", ""]:
        given = wrapper("list", AMI_SCHEDULER_REPO_FILE=value, GIT_STRATEGY="none")
        assert (given.files, given.variables["AMI_SCHEDULER_REPO_FILE"]) == ({}, value)


def test_a_repo_file_that_is_not_the_commits_is_told(wrapper: Wrapper, tmp_path: Path) -> None:
    (tmp_path / "x.repo").write_text("[a]\n")
    for strategy in ("none", "empty"):
        given = wrapper("list", AMI_SCHEDULER_REPO_FILE="x.repo", GIT_STRATEGY=strategy)
        assert given.code == 1 and "repo_file names x.repo, and this job has no files of the project: set the input checkout to true" in given.said
        assert wrapper("list", AMI_SCHEDULER_REPO_FILE=str(tmp_path / "x.repo"), GIT_STRATEGY=strategy).files, "a variable of type File"
    given = wrapper("list", AMI_SCHEDULER_REPO_FILE="y.repo", GIT_STRATEGY="fetch", CI_COMMIT_REF_NAME="main")
    assert given.code == 1 and "repo_file (AMI_SCHEDULER_REPO_FILE) names y.repo, which is no file of the ref main" in given.said


@pytest.mark.parametrize("command", TRACKER_COMMANDS)
def test_what_works_on_the_tracker_gets_the_token_and_nothing_of_the_repository(wrapper: Wrapper, command: str) -> None:
    given = wrapper(command, **JOB).variables
    assert given["CI_JOB_TOKEN"] == "job-s3cret" and given["AMI_SCHEDULER_TOKEN"] == "project-s3cret"
    assert not [name for name in given if name.startswith(("AMI_SCHEDULER_REPO_", "AMI_SCHEDULER_CLIENT_"))]
    assert given["AMI_SCHEDULER_TARGETS"] == ' ["al2023"]'


@pytest.mark.parametrize("command", ["list", *TRACKER_COMMANDS, "completions", "wrapper", "--help"])
def test_nothing_gets_what_is_not_its_own(wrapper: Wrapper, command: str) -> None:
    given = wrapper(command, **JOB).variables
    assert not {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "CI_REGISTRY_PASSWORD", "OTHER", "PATH"} & set(given)
    if command in ("completions", "wrapper", "--help"):
        assert not given


def test_update_gets_the_manifests_that_are_there_and_the_names_of_others(wrapper: Wrapper) -> None:
    (wrapper.folder / "manifest.json").write_text("{}")
    (wrapper.folder / "parts").mkdir()
    (wrapper.folder / "parts" / "b.json").write_text("[]")
    listed = "manifest.json,none.json,parts/b.json"
    for given in (wrapper("update", AMI_SCHEDULER_MANIFEST='["manifest.json", "none.json", "parts/b.json"]'),
                  wrapper("update", AMI_SCHEDULER_MANIFEST=listed), wrapper("update", f"--manifest={listed}", AMI_SCHEDULER_MANIFEST="other.json"),
                  wrapper("update", "--manifest", "manifest.json,none.json", "--manifest", "parts/b.json")):
        first, missing, second = given.variables["AMI_SCHEDULER_MANIFEST"].split(",")
        assert [given.files[path.removeprefix("/given/")] for path in (first, second)] == ["{}", "[]"]
        assert missing == "none.json"
        assert given.arguments == ["update"]
    assert wrapper("update", **JOB, CI_PIPELINE_CREATED_AT="2026-11-24T02:00:00Z").variables["CI_PIPELINE_CREATED_AT"] == "2026-11-24T02:00:00Z"
    assert wrapper("settle", AMI_SCHEDULER_MANIFEST="manifest.json").files == {}
    assert wrapper("diff", "--manifest", "manifest.json").arguments == ["diff", "--manifest", "manifest.json"], "it is a name for the child pipeline"


def test_update_gets_the_variables_that_its_notes_name_and_no_other_command_does(wrapper: Wrapper) -> None:
    given = wrapper("update", "--note", "OTHER", **JOB).variables
    assert (given["AMI_ID"], given["REGION"], given["OTHER"]) == ("ami-0abc", "eu-west-1", "x")
    given = wrapper("update", "--note", "X=a OTHER b", "--note=Y=OTHER", **JOB).variables
    assert "OTHER" not in given
    assert "AMI_ID" not in wrapper("status", **JOB).variables


def test_a_variable_that_spans_lines_smuggles_no_other_one_in(wrapper: Wrapper) -> None:
    given = wrapper("list", **(JOB | {"AMI_SCHEDULER_EXCLUDE": "x\nAMI_SCHEDULER_TOKEN=y\nAWS_SECRET_ACCESS_KEY=z"})).variables
    assert given["AMI_SCHEDULER_EXCLUDE"].count("\n") == 2
    assert not {"AMI_SCHEDULER_TOKEN", "AWS_SECRET_ACCESS_KEY"} & set(given)


def test_the_module_sees_one_folder(wrapper: Wrapper, tmp_path: Path) -> None:
    assert wrapper("list").folders == {".": "."}
    assert wrapper("list", AMI_SCHEDULER_FOLDER=".ami-scheduler").folders == {".": ".ami-scheduler"}
    assert (tmp_path / ".ami-scheduler").is_dir()


def test_a_link_in_place_of_the_folder_is_refused(wrapper: Wrapper, tmp_path: Path) -> None:
    """Field tests, security 14."""
    (tmp_path / ".ami-scheduler").symlink_to("/etc")
    for folder in (".ami-scheduler", ".ami-scheduler/", ".ami-scheduler//"):
        refused = wrapper("list", AMI_SCHEDULER_FOLDER=folder)
        assert refused.code == 1 and not refused.folders
        assert ".ami-scheduler is a link" in refused.said


def test_no_socket_is_opened_without_a_certificate_or_a_proxy(wrapper: Wrapper) -> None:
    assert sorted(wrapper("list", **JOB).options) == ["cli-exit-with-code", "http"]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_runner_is_handed_on(wrapper: Wrapper, variable: str) -> None:
    given = wrapper("list", **{variable: "http://proxy:3128", "no_proxy": ".example.com"})
    assert given.variables == {variable: "http://proxy:3128", "no_proxy": ".example.com"}
    assert {"inherit-network", "allow-ip-name-lookup", "udp=n"} <= set(given.options)


@pytest.mark.parametrize("way", ["--ca-file FILE", "--ca-file=FILE", "AMI_SCHEDULER_CA_FILE", "SSL_CERT_FILE", "CI_SERVER_TLS_CA_FILE"])
def test_a_certificate_from_anywhere_is_copied_in_and_nothing_beside_it(wrapper: Wrapper, tmp_path: Path, way: str) -> None:
    elsewhere = tmp_path / "etc of mine"
    elsewhere.mkdir()
    (elsewhere / "acme ca.pem").write_text("the certificate")
    (elsewhere / "key.pem").write_text("the key")
    file = str(elsewhere / "acme ca.pem")
    match way.split(maxsplit=1):
        case [option, "FILE"]:
            given = wrapper("list", option, file)
        case [option]:
            given = wrapper("list", option.replace("FILE", file)) if option.startswith("--") else wrapper("list", **{option: file})
    name = "AMI_SCHEDULER_CA_FILE" if way.startswith("--") else way
    assert given.variables == {name: f"/given/{name}/acme ca.pem"}
    assert given.files == {f"{name}/acme ca.pem": "the certificate"}
    assert given.arguments == ["list"]
    assert "inherit-network" in given.options


def test_a_key_that_a_variable_of_type_file_names_is_copied_in(wrapper: Wrapper, tmp_path: Path) -> None:
    (tmp_path / "YUM_GPG_KEY").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    given = wrapper("list", AMI_SCHEDULER_GPG_KEY=str(tmp_path / "YUM_GPG_KEY"))
    assert given.variables == {"AMI_SCHEDULER_GPG_KEY": "/given/AMI_SCHEDULER_GPG_KEY/YUM_GPG_KEY"}
    assert given.options == ["http", "cli-exit-with-code"]


@pytest.mark.parametrize("way", ["--client-cert FILE", "--client-cert=FILE", "AMI_SCHEDULER_CLIENT_CERT"])
def test_a_client_certificate_is_copied_in_with_its_key_and_switches_sockets_on(wrapper: Wrapper, tmp_path: Path, way: str) -> None:
    certificate, key = tmp_path / "client.pem", tmp_path / "client key.pem"
    certificate.write_text("the certificate")
    key.write_text("the s3cret")
    words, variables = [], {"AMI_SCHEDULER_CLIENT_KEY": str(key)}
    if way.startswith("--"):
        words = way.replace("FILE", str(certificate)).split(" ", 1)
    else:
        variables[way] = str(certificate)
    given = wrapper("list", *words, **variables)
    assert given.arguments == ["list"]
    assert given.variables == {"AMI_SCHEDULER_CLIENT_CERT": "/given/AMI_SCHEDULER_CLIENT_CERT/client.pem",
                               "AMI_SCHEDULER_CLIENT_KEY": "/given/AMI_SCHEDULER_CLIENT_KEY/client key.pem"}
    assert given.files == {"AMI_SCHEDULER_CLIENT_CERT/client.pem": "the certificate", "AMI_SCHEDULER_CLIENT_KEY/client key.pem": "the s3cret"}
    assert {"inherit-network", "allow-ip-name-lookup", "udp=n"} <= set(given.options)
    assert not list(tmp_path.glob("tmp*")), "a copy of the key is left behind"


@pytest.mark.parametrize(("value", "needs_sockets"), [("none", False), ("", False), (" \n ", False), ("-----BEGIN CERTIFICATE-----\ns3cret\n", True)])
def test_a_client_certificate_that_is_text_or_none_is_handed_on_as_it_is(wrapper: Wrapper, value: str, needs_sockets: bool) -> None:
    given = wrapper("list", f"--client-key={value}", AMI_SCHEDULER_CLIENT_CERT=value)
    assert given.variables == {"AMI_SCHEDULER_CLIENT_CERT": value, "AMI_SCHEDULER_CLIENT_KEY": value}
    assert not given.files and given.arguments == ["list"]
    assert ("inherit-network" in given.options) == needs_sockets


@pytest.mark.parametrize("value", ["none", "", " \n ", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n"])
def test_a_key_that_is_text_or_none_is_handed_on_as_it_is(wrapper: Wrapper, value: str) -> None:
    given = wrapper("list", AMI_SCHEDULER_GPG_KEY=value)
    assert given.variables == {"AMI_SCHEDULER_GPG_KEY": value}
    assert not given.files


@pytest.mark.parametrize("variable", ["AMI_SCHEDULER_GPG_KEY", "SSL_CERT_FILE", "AMI_SCHEDULER_CA_FILE"])
def test_a_file_that_is_not_there_stops_the_run(wrapper: Wrapper, variable: str) -> None:
    refused = wrapper("list", **{variable: "/nowhere/x.pem"})
    assert refused.code == 1 and not refused.arguments
    assert f"{variable} names /nowhere/x.pem, which cannot be read" in refused.said


@pytest.mark.parametrize("variable", ["AMI_SCHEDULER_CLIENT_CERT", "AMI_SCHEDULER_CLIENT_KEY"])
@pytest.mark.parametrize("value", ["/nowhere/x.pem", "MIGHAgEAMBMGByqGSM49s3cret", "c3" * 3000])
def test_what_is_meant_as_a_key_and_is_no_pem_is_for_list_to_refuse(wrapper: Wrapper, variable: str, value: str) -> None:
    given = wrapper("list", **{variable: value})
    assert given.variables[variable] == value and not given.files and value not in given.said




def test_the_module_is_the_one_that_the_component_was_released_with(wrapper: Wrapper) -> None:
    right = subprocess.run(["sha256sum", str(wrapper.module)], capture_output=True, text=True, check=True).stdout.split()[0]
    assert wrapper("list", AMI_SCHEDULER_MODULE_SHA256=right).code == 7
    assert wrapper("list", AMI_SCHEDULER_MODULE_SHA256="none").code == 7
    refused = wrapper("list", AMI_SCHEDULER_MODULE_SHA256="a" * 64)
    assert refused.code == 1 and not refused.arguments
    assert f"{wrapper.module} is not the module that this version of the component was released with" in refused.said


@pytest.mark.parametrize("value", ["", " ", "$NOT_THERE", "None", "abc", "A" * 64])
def test_a_checksum_that_is_none_is_an_error_and_not_off(wrapper: Wrapper, value: str) -> None:
    refused = wrapper("list", AMI_SCHEDULER_MODULE_SHA256=value)
    assert refused.code == 1 and not refused.arguments
    assert f"module_sha256 (variable AMI_SCHEDULER_MODULE_SHA256) is '{value}'" in refused.said or "is not the module" in refused.said


@pytest.mark.parametrize("variable", ["AMI_SCHEDULER_PRECOMPILED", "AMI_SCHEDULER_ALLOW_PRECOMPILED"])
def test_no_variable_makes_a_module_machine_code_or_spares_its_checksum(wrapper: Wrapper, variable: str) -> None:
    """Field tests, security 13."""
    given = wrapper("list", **{variable: "yes"})
    assert given.code == 7 and "--allow-precompiled" not in given.options
    refused = wrapper("list", AMI_SCHEDULER_MODULE_SHA256="a" * 64, **{variable: "yes"})
    assert refused.code == 1 and not refused.arguments


def test_machine_code_is_run_from_the_share_of_the_wrapper_alone(wrapper: Wrapper, tmp_path: Path, shell: list[str]) -> None:
    code = tmp_path / "x.cwasm"
    code.write_bytes(b"\x7fELF")
    assert "--allow-precompiled" not in wrapper("list", AMI_SCHEDULER_WASM=str(code)).options

    installed, share = tmp_path / "prefix" / "bin" / "ami-scheduler", tmp_path / "prefix" / "share" / "ami-scheduler"
    installed.parent.mkdir(parents=True)
    share.mkdir(parents=True)
    shutil.copy(WRAPPER, installed)
    shutil.copy(code, share / "ami-scheduler.cwasm")
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "TOLD": str(tmp_path / "told.json"), "AMI_SCHEDULER_MODULE_SHA256": "a" * 64}
    subprocess.run([*shell, str(installed), "--version"], cwd=tmp_path, env=environment, check=False)
    assert "--allow-precompiled" in json.loads((tmp_path / "told.json").read_text())["words"]


def test_what_is_missing_is_named(wrapper: Wrapper, tmp_path: Path) -> None:
    missing = wrapper("list", AMI_SCHEDULER_WASM="/nowhere.wasm")
    assert missing.code == 1 and "there is no module at /nowhere.wasm: set AMI_SCHEDULER_WASM" in missing.said
    (tmp_path / "bin" / "wasmtime").unlink()
    missing = wrapper("list")
    assert missing.code == 1 and "there is no wasmtime on the PATH" in missing.said


# ---------------------------------------------------------------- on a runner without the image

FETCH = (ROOT / "src" / "child_pipeline" / "before-script.sh").read_text()


class Runner:
    """A runner with a wasmtime that writes a wrapper for whatever it is given, and a curl that hands out `served`."""

    def __init__(self, folder: Path, shell: list[str]) -> None:
        self.folder, self.shell, self.programs = folder, shell, folder / "programs"
        self.programs.mkdir()
        self.served = b"\0asm, the right one"
        self.bring("wasmtime", 'for last; do :; done; [ "$last" = wrapper ] && echo "echo \\"it runs with \\$AMI_SCHEDULER_WASM: \\$*\\""')

    def bring(self, name: str, script: str) -> None:
        (self.programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.programs / name).chmod(0o755)

    def job(self, **variables: str) -> Run:
        (self.folder / "served").write_bytes(self.served)
        self.bring("curl", f'cat > "{self.folder}/told"; while [ "$1" != --output ]; do shift; done; cp "{self.folder}/served" "$2"')
        script = f"set -e\n{FETCH}\nami-scheduler list"
        environment = {"PATH": f"{self.programs}:/usr/bin:/bin", "CI_JOB_TOKEN": "job-s3cret", "AMI_SCHEDULER_MODULE_URL": ""} | variables
        done = subprocess.run([*self.shell, "-c", script], cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout, done.stderr)

    def sha256(self) -> str:
        return hashlib.sha256(self.served).hexdigest()


@pytest.fixture
def runner(tmp_path: Path, shell: list[str]) -> Runner:
    return Runner(tmp_path, shell)


URL = "https://gitlab.example.com/ami-scheduler.wasm"


def test_a_runner_fetches_the_module_verifies_it_and_lets_it_write_its_wrapper(runner: Runner) -> None:
    """Field tests, security 11."""
    run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, AMI_SCHEDULER_MODULE_SHA256=runner.sha256())
    assert run.code == 0, run.all
    assert run.out == f"it runs with {runner.folder}/.ami-scheduler.d/ami-scheduler.wasm: list\n"
    assert (runner.folder / "told").read_text() == 'user = "gitlab-ci-token:job-s3cret"\n', "the token is on no command line"


def test_a_module_that_was_exchanged_writes_no_wrapper(runner: Runner) -> None:
    run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, AMI_SCHEDULER_MODULE_SHA256="a" * 64)
    assert run.code == 1 and "is not the module that this version of the component was released with" in run.err
    assert not (runner.folder / ".ami-scheduler.d" / "ami-scheduler").exists()


@pytest.mark.parametrize("pinned", [{}, {"AMI_SCHEDULER_MODULE_SHA256": "none"}])
def test_a_module_without_a_checksum_is_not_fetched(runner: Runner, pinned: dict[str, str]) -> None:
    run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, **pinned)
    assert run.code == 1 and "There is no module" in run.err
    assert not (runner.folder / "told").exists()


@pytest.mark.parametrize("own", [False, True])
def test_a_checksum_that_expanded_to_nothing_is_not_none(runner: Runner, own: bool) -> None:
    """Neither a module that would be fetched is run, nor one that is on the runner."""
    (runner.folder / "own.wasm").write_bytes(runner.served)
    variables = {"AMI_SCHEDULER_WASM": str(runner.folder / "own.wasm")} if own else {}
    run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, AMI_SCHEDULER_MODULE_SHA256="", **variables)
    assert run.code == 1 and run.out == "" and "module_sha256 (variable AMI_SCHEDULER_MODULE_SHA256) expanded to nothing" in run.err
    for nonsense in (" ", "$NOT_THERE", "abc"):
        run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, AMI_SCHEDULER_MODULE_SHA256=nonsense, **variables)
        assert run.code == 1 and run.out == "", run.all


def test_what_an_earlier_job_left_in_the_folder_is_not_run(runner: Runner) -> None:
    """A forged module and wrapper: they are replaced by those that the component pins."""
    kept = runner.folder / ".ami-scheduler.d"
    kept.mkdir()
    (kept / "ami-scheduler.wasm").write_bytes(b"forged")
    (kept / "ami-scheduler").write_text("#!/bin/sh\necho forged\n")
    (kept / "ami-scheduler").chmod(0o755)
    run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, AMI_SCHEDULER_MODULE_SHA256=runner.sha256())
    assert (run.code, run.out) == (0, f"it runs with {kept}/ami-scheduler.wasm: list\n"), run.all
    assert (kept / "ami-scheduler.wasm").read_bytes() == runner.served


def test_a_module_on_the_runner_is_verified_where_the_component_pins_one(runner: Runner) -> None:
    own = runner.folder / "own module.wasm"
    own.write_bytes(runner.served)
    assert runner.job(AMI_SCHEDULER_WASM=str(own), AMI_SCHEDULER_MODULE_SHA256="none").out == f"it runs with {own}: list\n"
    assert runner.job(AMI_SCHEDULER_WASM=str(own), AMI_SCHEDULER_MODULE_SHA256=runner.sha256()).code == 0
    assert runner.job(AMI_SCHEDULER_WASM=str(own), AMI_SCHEDULER_MODULE_SHA256="a" * 64).code == 1


def test_a_runner_that_has_it_all_fetches_nothing(runner: Runner) -> None:
    runner.bring("ami-scheduler", 'echo "installed: $*"')
    run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, AMI_SCHEDULER_MODULE_SHA256="a" * 64)
    assert (run.code, run.out) == (0, "installed: list\n")
    assert not (runner.folder / "told").exists()


def test_a_runner_without_wasmtime_is_told_so(runner: Runner) -> None:
    (runner.programs / "wasmtime").unlink()
    run = runner.job(AMI_SCHEDULER_MODULE_URL=URL, AMI_SCHEDULER_MODULE_SHA256="a" * 64)
    assert run.code == 1 and "There is neither ami-scheduler nor wasmtime on this runner" in run.err


# ---------------------------------------------------------------- with the real module


def run(folder: Path, wasm: Path, *arguments: str, **variables: str) -> Run:
    environment = {"PATH": f"{Path(tool('wasmtime')).parent}:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "AMI_SCHEDULER_WASM": str(wasm)}
    done = subprocess.run([str(WRAPPER), *arguments], cwd=folder, env=environment | variables, capture_output=True, text=True, timeout=120, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


def test_a_night_on_a_laptop(tmp_path: Path, wasm: Path, repository: Repository) -> None:
    repository.add(*FIRST).publish()
    listed = run(tmp_path, wasm, "list", "--repo-url", repository.url, "--product", "gitlab-runner")
    assert listed.code == 0, listed.all
    (tmp_path / "tracker").mkdir()
    tracker = ("--tracker", "tracker", "--ref", "main")
    decided = run(tmp_path, wasm, "diff", "--targets", "al2023", *tracker, "--build-file", "ci/build-ami.yml")
    assert decided.code == 0 and "new release" in decided.out or "first run" in decided.out, decided.all
    recorded = run(tmp_path, wasm, "update", *tracker, "--package", "gitlab-runner-18.6.0-1.x86_64", "--target", "al2023", "--note", "AMI_ID", AMI_ID="ami-0abc")
    assert recorded.code == 0 and "AMI_ID=ami-0abc" in recorded.out, recorded.all


def test_a_private_authority_in_a_folder_that_the_module_does_not_see(tmp_path: Path, wasm: Path, rpms: RpmBuilder) -> None:
    authority = Authority(tmp_path / "authority", "Acme Root")
    process, server = start_nginx(tmp_path / "nginx", "", authority.issue("localhost"))
    try:
        url = Repository(server.folder / "el9", rpms, f"{server.url}/el9/").add(*FIRST).publish().url
        (tmp_path / "work").mkdir()
        listed = run(tmp_path / "work", wasm, "list", "--repo-url", url, "--product", "gitlab-runner", "--ca-file", str(authority.pem))
        assert listed.code == 0, listed.all
    finally:
        process.terminate()
        process.wait()


def test_the_module_writes_its_wrapper(tmp_path: Path, wasm: Path, gitlab: GitLab) -> None:
    assert Module(wasm, tmp_path)("wrapper").out == WRAPPER.read_text()
