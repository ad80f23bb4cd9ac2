"""Nights under every fault that a network and a runner can produce, drawn from a seed.

    python component-tests/chaos.py --runs 300 --seed 1 --at-once 8      (make chaos)

A run plays some nights with the real module under the real wasmtime against the stand-in of GitLab:
diffs, updates at once, settle, rebuild; connections cut, replies lost, errors, rate limits, doubled
names, listings out of date, and jobs that are killed at any moment and tried again, as GitLab tries
them. It keeps a ledger of what was acknowledged, that is, of what exited with 0, and compares.
A seed that fails is printed with its events: `--runs 1 --seed N` plays it again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from gitlab_stand_in import FAULTS, TOKENS, Faults, GitLab

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "acme/ami-scheduler"
TARGETS = ("al2023", "rhel9")
CLAIM_TIMEOUT = timedelta(hours=12)
#: How often a job is begun, as with `retry: {max: 2}`.
ATTEMPTS = 3
#: No request waits longer than its retries, which take some 40 s together; no job has as many as that in vain.
HANGS = 300

Cell = tuple[str, str]  # package, target


class Violation(Exception):
    """What must never happen."""


@dataclass
class Claim:
    pipeline: int
    since: datetime


@dataclass
class Ledger:
    """What the jobs of a run were told, which is all that a team can know."""

    built: set[Cell] = field(default_factory=set)
    claims: dict[Cell, Claim] = field(default_factory=dict)
    doubled: list[Cell] = field(default_factory=list)

    def handed_out(self, cell: Cell, pipeline: int, now: datetime) -> None:
        claim = self.claims.get(cell)
        held = claim and claim.pipeline != pipeline and now < claim.since + CLAIM_TIMEOUT
        if cell in self.built or held:
            self.doubled.append(cell)
        if not claim or claim.pipeline != pipeline:
            self.claims[cell] = Claim(pipeline, now)


class Nights:
    """One run: everything in it follows from its seed, but for the order in which the machine runs it."""

    def __init__(self, seed: int, module: Path) -> None:
        self.seed, self.module, self.random = seed, module, random.Random(seed)
        self.ledger, self.counts, self.events = Ledger(), Counter[str](), list[str]()
        self.claims: dict[tuple[int, Cell], str] = {}
        self.lock = threading.Lock()
        chance = {name: self.random.choice([0, 0, 0.02, 0.05]) for name in FAULTS}
        window = self.random.choice([0.0, 0.05])
        self.faults = Faults(**chance, latency=(0, self.random.choice([0.0, 0.03])), insert_window=(0, window), seed=seed)
        # Where a listing is out of date, a claim or a rebuild may be overlooked, but never a record lost.
        self.up_to_date = self.faults.stale_list == 0
        self.lock_of_diff = self.random.random() < 0.7
        self.kills = self.random.choice([0, 0.1, 0.3])

    def play(self) -> Counter[str]:
        with GitLab({PROJECT: 42}, faults=self.faults) as self.gitlab, tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder)
            releases = [f"18.{minor}.0" for minor in range(3)]
            for night in range(3):
                now = datetime(2026, 11, 24, 2, tzinfo=timezone.utc) + timedelta(days=night)
                releases += [f"18.{len(releases) + more}.0" for more in range(self.random.randint(0, 2))]
                self.night(releases, now, [10 * night + number for number in range(1, 1 + self.random.randint(1, 2))])
                if self.ledger.built and self.up_to_date and self.random.random() < 0.3:
                    self.rebuild(now, self.random.choice(sorted(self.ledger.built)))
            self.judge()
        self.counts["requests"] = len(self.gitlab.log)
        self.counts["faults"] = sum(entry.fault is not None for entry in self.gitlab.log)
        return self.counts

    # ------------------------------------------------------------ what happens

    def night(self, releases: list[str], now: datetime, pipelines: list[int]) -> None:
        self.note(f"night of {now:%Y-%m-%d}: {len(releases)} releases, pipelines {pipelines}")
        if self.lock_of_diff:
            builds = {pipeline: self.diff(releases, now, pipeline) for pipeline in pipelines}
        else:
            with ThreadPoolExecutor() as pool:
                builds = dict(zip(pipelines, pool.map(lambda pipeline: self.diff(releases, now, pipeline), pipelines)))
        jobs = [(pipeline, cell) for pipeline, cells in builds.items() for cell in cells]
        failing = {job for job in jobs if self.random.random() < 0.2}
        with ThreadPoolExecutor(max_workers=16) as pool:
            list(pool.map(lambda job: self.update(now, *job), [job for job in jobs if job not in failing]))
        for pipeline in {pipeline for pipeline, cell in jobs if cell not in self.ledger.built}:
            self.settle(now, pipeline)

    def diff(self, releases: list[str], now: datetime, pipeline: int) -> list[Cell]:
        folder = self.folder / str(pipeline)
        folder.mkdir()
        packages = [{"package": f"p-{release}-1.noarch", "url": f"https://yum.example.com/{release}.rpm"} for release in releases]
        (folder / "packages.json").write_text(json.dumps({
            "format": "ami-scheduler/packages/1", "product": "p", "repository": "https://yum.example.com/",
            "read_at": "2026-11-24T02:00:00Z", "packages": packages, "filtered": []}))
        if not self.job(now, pipeline, "diff", "--targets", ",".join(TARGETS), "--first-run", "all", "--max-builds", "6",
                        "--max-attempts", "9", "--build-file", "ci/build.yml", folder=folder):
            return []
        builds = json.loads((folder / "builds.json").read_text())["builds"]
        cells = [(build["package"], build["target"]) for build in builds]
        with self.lock:
            self.claims |= {(pipeline, cell): build["claim"] for cell, build in zip(cells, builds)}
            for cell in cells:
                self.ledger.handed_out(cell, pipeline, now)
        return cells

    def update(self, now: datetime, pipeline: int, cell: Cell) -> None:
        package, target = cell
        claim, note = self.claims[pipeline, cell], f"AMI_ID=ami-{pipeline}"
        if self.job(now, pipeline, "update", "--package", package, "--target", target, "--claim", claim, "--note", note):
            with self.lock:
                self.ledger.built.add(cell)

    def settle(self, now: datetime, pipeline: int) -> None:
        if self.job(now, pipeline, "settle", "--pipeline", str(pipeline)):
            for cell in [cell for cell, claim in self.ledger.claims.items() if claim.pipeline == pipeline]:
                del self.ledger.claims[cell]

    def rebuild(self, now: datetime, cell: Cell) -> None:
        package, target = cell
        # From here on nobody can know, until the job has said so.
        self.ledger.built.discard(cell)
        self.ledger.claims.pop(cell, None)
        self.job(now, 0, "rebuild", package, "--target", target)

    def job(self, now: datetime, pipeline: int, *words: str, folder: Path | None = None) -> bool:
        """Runs a job, again where it fails; whether it said in the end that it is done."""
        return any(self.attempt(now, pipeline, words, folder or self.folder) for _ in range(ATTEMPTS))

    def attempt(self, now: datetime, pipeline: int, words: tuple[str, ...], folder: Path) -> bool:
        variables = {"CI_API_V4_URL": self.gitlab.api_url, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": "glcbt-maintainer",
                     "CI_COMMIT_REF_NAME": "main", "CI_PIPELINE_ID": str(pipeline)}
        command = [str(ROOT / ".tools/bin/wasmtime"), "run", "--config", str(ROOT / "wasmtime.toml"), "--allow-precompiled",
                   "--dir", f"{folder}::.", *(word for pair in variables.items() for word in ("--env", "=".join(pair))),
                   str(self.module), *words, "--tracker", "gitlab", "--now", f"{now:%Y-%m-%dT%H:%M:%SZ}"]
        with self.lock:
            killed_after = self.random.uniform(0, 0.5) if self.random.random() < self.kills else None
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=killed_after or HANGS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            if not killed_after:
                raise Violation(f"{words} hangs:\n{out}{err}") from None
        told = " ".join(words)
        self.note(f"pipeline {pipeline}: {told}: exit {process.returncode}" + (f"\n    {err.strip()}" if process.returncode else ""))
        self.counts[{0: "done", -9: "killed"}.get(process.returncode, "failed")] += 1
        if any(token in out + err for token in TOKENS):
            raise Violation(f"{told} prints a token:\n{out}{err}")
        if process.returncode not in (0, -9):
            last = (err.strip().splitlines() or [""])[-1]
            if process.returncode != 4 or not last.startswith("Error: ") or len(last) < 40:
                raise Violation(f"{told}: exit {process.returncode}, and the last line of its log is {last!r}")
        return process.returncode == 0

    # ------------------------------------------------------------ what must be true then

    def judge(self) -> None:
        for name in FAULTS:
            setattr(self.faults, name, 0)
        self.kills = 0
        last = datetime(2026, 12, 24, tzinfo=timezone.utc)
        if not self.attempt(last, 99, ("update", "--force", "--package", "p-99-1.noarch", "--target", TARGETS[0]), self.folder):
            raise Violation("without any fault an update fails")
        heads = [json.loads(file.content) for file in self.gitlab.files(PROJECT)]
        recorded = {(package, target) for head in heads for package, targets in head["entries"].items()
                    for target, entry in targets.items() if entry["state"] == "built"}
        shown = self.shown()
        lost = self.ledger.built - shown
        if lost:
            raise Violation(f"{len(lost)} acknowledged builds are lost: {sorted(lost)}")
        if not shown <= recorded:
            raise Violation("status shows what no head holds")
        if len(heads) != 2:
            raise Violation(f"{len(heads)} heads are left, not 2")
        if self.lock_of_diff and self.up_to_date and self.ledger.doubled:
            raise Violation(f"built twice, though the diffs took turns: {self.ledger.doubled}")
        self.counts["acknowledged"] = len(self.ledger.built)
        self.counts["doubled without the lock, or by an old listing"] = len(self.ledger.doubled)

    def shown(self) -> set[Cell]:
        command = [str(ROOT / ".tools/bin/wasmtime"), "run", "--config", str(ROOT / "wasmtime.toml"), "--allow-precompiled",
                   "--env", f"CI_API_V4_URL={self.gitlab.api_url}", "--env", "CI_PROJECT_ID=42", "--env", "CI_JOB_TOKEN=glcbt-maintainer",
                   str(self.module), "status", "--tracker", "gitlab", "--format", "json"]
        [document] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return {(package, target) for package, targets in document["entries"].items()
                for target, entry in targets.items() if entry["state"] == "built"}

    def note(self, event: str) -> None:
        self.events.append(event)


def compiled(wasm: Path, folder: Path) -> Path:
    """The module as wasmtime compiles it, once for all runs."""
    module = folder / "ami-scheduler.cwasm"
    subprocess.run([str(ROOT / ".tools/bin/wasmtime"), "compile", "--config", str(ROOT / "wasmtime.toml"), "-o", str(module), str(wasm)],
                   check=True)
    return module


def play(seeds: range, module: Path, at_once: int) -> Counter[str]:
    """Plays every seed; the first violation is raised with the events that led to it."""
    def one(seed: int) -> Counter[str]:
        nights = Nights(seed, module)
        try:
            counts = nights.play()
        except Violation as violation:
            raise Violation("\n".join([f"seed {seed}: {violation}", str(nights.faults), *nights.events])) from violation
        print(f"seed {seed}: " + ", ".join(f"{number} {what}" for what, number in counts.items()), flush=True)
        return counts

    total = Counter[str]()
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        for counts in pool.map(one, seeds):
            total += counts
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the first run")
    parser.add_argument("--at-once", type=int, default=4 * (os.cpu_count() or 1))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        module = compiled(ROOT / "target/wasm32-wasip2/release/ami-scheduler.wasm", Path(folder))
        try:
            total = play(range(options.seed, options.seed + options.runs), module, options.at_once)
        except Violation as violation:
            sys.exit(str(violation))
    print(f"{options.runs} runs from seed {options.seed}: 0 lost, 0 doubled; in all", dict(total))


if __name__ == "__main__":
    main()
