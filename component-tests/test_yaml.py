"""The child pipeline in the hands of others: YAML parsers and shells that we did not write. What a value
was, it is again, byte for byte, or it was refused."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from conftest import Module

#: What YAML 1.1 or 1.2, a shell, GitLab or a terminal takes for something else than text.
TRAPS = [
    "yes", "No", "on", "null", "~", "", " ", "0777", "0o17", "0x1F", "1e3", "1_000", "1.10", ".inf", ".NaN", "12:30:45", "2026-11-24", "<<", "=", "-",
    "---", "...", "- a", "? a", "a: b", "a:", ":a", "#a", "a #b", "&a", "*a", "!a", "!!python/object/apply:os.system [id]", "!reference [a, b]", "|", ">", "%a", "@a", "`id`",
    "{a: b}", "{{a}}", "[a, b]", "]", "'", "''", '"', '"a', "it's", "\\", "\\n", "\\x41", "\\u0041", "a\\", "$(id)", "$HOME", "${HOME}", "$$", "$[[ inputs.x ]]", "a;b", "a&b", "a|b",
    "a<b", "*", "?", "~root", "!!", "a\nb", "\n", "a\n\n b\n", "\ta", "a\r\nb", "\r", "\x01", "\x1b[2J", "\x7f", "\x85", "\x9b2J", "\xa0", "\xad", "\u200b", "\u2028", "\u2029", "\u202e", "\ufeff", "\ufffe",
    "\uffff", "\ud7ff", "\ue000", "\U0001f600", "\U0010ffff", "é", "e\u0301", "ブランチ", "-rf", "--ref=x", "-", "--", " a", "a ", "a" * 250,
]
ANY_TEXT = st.one_of(st.sampled_from(TRAPS), st.lists(st.sampled_from(TRAPS), min_size=1, max_size=3).map("".join),
                     st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
FREE_TEXT = ANY_TEXT.filter(lambda text: text != "")
#: Within the grammar of RPM or of a target, and still something else to YAML.
VERSIONS = st.one_of(st.sampled_from(["yes", "null", "~", "0777", "0x1F", "1e3", "1_000", "1.10", ".inf", "1.0^git", "~rc1", "2026", "1.", "+1", "_", "0o7", "y", "1E400"]),
                     st.from_regex(r"[A-Za-z0-9._+~^]{1,20}", fullmatch=True)).filter(lambda text: ".." not in text)
NAMES = st.one_of(st.sampled_from(["null", "yes", "1e3", "libstdc++", "0777", "_", "on", "true", "12", "1.0"]), st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,20}", fullmatch=True))
TARGETS = st.one_of(st.sampled_from(["null", "yes", "1e3", "0777", "on", "1.10", "0x1F", "y", "2026-11-24"]), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True))
NOTES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True).filter(lambda name: not any(word in name for word in ("TOKEN", "PASSWORD", "SECRET")))
#: Of these escapes and characters `list` makes every URL.
URLS = st.one_of(st.just("https://yum.example.com/x.rpm"), st.from_regex(r"https://[a-z]{1,9}\.example/([A-Za-z0-9_~/-]|%[2-9A-F][0-9A-F]){0,40}", fullmatch=True))


@dataclass
class Values:
    product: str = "runner"
    version: str = "1"
    release: str = "1"
    arch: str = "x86_64"
    url: str = "https://yum.example.com/x.rpm"
    target: str = "al2023"
    reference: str = "main"
    build_file: str = "ci/build.yml"
    build_job: str = ".build-ami"
    image: str = ""
    tags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def nevra(self) -> str:
        return f"{self.product}-{self.version}-{self.release}.{self.arch}"


def diff(wasm: Path, folder: Path, values: Values) -> tuple[int, str]:
    ami = Module(wasm, folder)
    (folder / "tracker").mkdir(exist_ok=True)
    for head in (folder / "tracker").iterdir():
        head.unlink()
    (folder / "child-pipeline.yml").unlink(missing_ok=True)
    (folder / "packages.json").write_text(json.dumps({
        "format": "ami-scheduler/packages/1", "product": values.product, "repository": "https://yum.example.com/", "read_at": "2026-11-24T02:00:00Z",
        "packages": [{"package": values.nevra, "url": values.url, "checksum": "sha256:" + "0e1" * 21 + "0"}], "filtered": []}))
    run = ami("diff", f"--targets={json.dumps([values.target])}", "--tracker", "tracker", f"--ref={values.reference}", f"--build-file={values.build_file}",
              f"--build-job={values.build_job}", f"--image={values.image}", f"--tags={json.dumps(values.tags)}", f"--notes={json.dumps(values.notes)}", "--pipeline", 7)
    assert run.code in (0, 1, 2, 3, 4), run.all
    assert (run.code == 0) == (folder / "child-pipeline.yml").exists()
    return run.code, run.err


def parsed(folder: Path) -> dict[str, Any]:
    """As two parsers read it, by YAML 1.1 and by 1.2."""
    text = (folder / "child-pipeline.yml").read_bytes().decode()
    old = yaml.safe_load(text)
    assert old == yaml.load(text, yaml.CSafeLoader), "libyaml, which GitLab's Ruby uses"
    for version in ("1.1", "1.2"):
        parser = YAML(typ="safe", pure=True)
        parser.version = version
        assert parser.load(text) == old, version
    return old


def literal(variables: dict[str, Any]) -> dict[str, str]:
    """Variables that GitLab hands on as they are: it expands $NAME and %NAME% in all others, secrets among them."""
    assert all(set(variable) == {"value", "expand"} and variable["expand"] is False for variable in variables.values()), variables
    return {name: variable["value"] for name, variable in variables.items()}


def comes_back(wasm: Path, folder: Path, values: Values) -> None:
    child = parsed(folder)
    cell = f"[{values.version}-{values.release}.{values.arch}, {values.target}]"
    assert child["include"] == [{"local": "/" + values.build_file.lstrip("/")}]
    assert set(child) == {"include", "stages", "workflow", ".ami-scheduler-child", ".ami-scheduler-child-build", ".ami-scheduler-child-update", "settle", f"build: {cell}", f"update: {cell}"}
    assert child[".ami-scheduler-child"].get("image", "") == values.image
    assert child[".ami-scheduler-child"].get("tags", []) == values.tags
    build, update = child[f"build: {cell}"], child[f"update: {cell}"]
    assert build["extends"] == [values.build_job, ".ami-scheduler-child-build"]
    assert literal(build["variables"]) == {
        "PRODUCT": values.product, "VERSION": values.version, "RELEASE": values.release, "EPOCH": "0", "ARCH": values.arch, "PACKAGE": values.nevra,
        "PACKAGE_URL": values.url, "PACKAGE_SHA256": "0e1" * 21 + "0", "TARGET": values.target}
    assert update["needs"] == [{"job": f"build: {cell}", "artifacts": True}]
    assert literal(update["variables"]) == {"AMI_SCHEDULER_PACKAGE": values.nevra, "AMI_SCHEDULER_TARGET": values.target,
                                            "AMI_SCHEDULER_CLAIM": "0.1@7"}
    assert child[".ami-scheduler-child"]["variables"]["AMI_SCHEDULER_REF"] == {"value": values.reference, "expand": False}
    assert json.loads(child[".ami-scheduler-child-update"]["variables"]["AMI_SCHEDULER_NOTES"]) == values.notes
    assert child[".ami-scheduler-child-update"]["script"] == ["ami-scheduler update"]
    assert child["settle"]["script"] == ["ami-scheduler settle"]
    assert child["settle"]["variables"] == {
        "AMI_SCHEDULER_PRODUCT": values.product, "AMI_SCHEDULER_PIPELINE": "7", "AMI_SCHEDULER_LANE": {"value": "", "expand": False}}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.builds(
    Values, product=NAMES, version=VERSIONS, release=VERSIONS, arch=st.from_regex(r"[A-Za-z0-9_]{1,9}", fullmatch=True), url=URLS, target=TARGETS, reference=FREE_TEXT,
    build_file=st.one_of(st.just("ci/x.yml"), ANY_TEXT.map(lambda text: f"ci/{text}.yml")), build_job=st.one_of(st.just(".build"), ANY_TEXT.map(lambda text: f".{text}")),
    image=ANY_TEXT, tags=st.lists(FREE_TEXT, max_size=3), notes=st.lists(NOTES, max_size=3)))
def test_values_come_back_byte_for_byte_or_are_refused(wasm: Path, values: Values) -> None:
    with tempfile.TemporaryDirectory() as folder:
        code, told = diff(wasm, Path(folder), values)
        if code == 0:
            comes_back(wasm, Path(folder), values)
        else:
            assert code == 2 and any(option in told for option in ("--build-file", "--build-job", "--tags")), told


@pytest.mark.parametrize("trap", TRAPS, ids=range(len(TRAPS)))
def test_a_trap_comes_back_from_every_free_text(wasm: Path, tmp_path: Path, trap: str) -> None:
    is_blank = not trap.strip()  # which is an error: a variable that came to nothing
    values = Values(reference="main" if is_blank else trap, image=trap, tags=[] if is_blank else [trap, "x"])
    assert diff(wasm, tmp_path, values)[0] == 0
    comes_back(wasm, tmp_path, values)


GRAMMARS = ["product", "version", "release", "arch", "target", "url", "note", "build_file"]


@pytest.mark.parametrize("name", GRAMMARS)
def test_a_trap_is_no_value_of_what_has_a_grammar(wasm: Path, tmp_path: Path, name: str) -> None:
    for trap in TRAPS[GRAMMARS.index(name) % 4::4]:
        if name == "arch" and "." in trap:
            continue  # the end of a release and another architecture
        values = Values()
        if name == "note":
            values.notes = [trap]
        else:
            setattr(values, name, f"https://host/{trap}" if name == "url" else trap)
        code, told = diff(wasm, tmp_path, values)
        if code == 0:
            comes_back(wasm, tmp_path, values)
        else:
            assert code == (1 if name in ("product", "version", "release", "arch", "url") else 2), told
