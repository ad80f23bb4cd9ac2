"""Repositories that are signed, as gpg signs them, and what is not believed of them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from conftest import Consumer, Module
from repositories import FIRST, Repository, Signer


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "gnupg")


def list_with_key(ami: Module, repository: Repository, key: str):
    (ami.folder / "key").write_text(key)
    return ami("list", "--repo-url", repository.url, "--product", "gitlab-runner", "--gpg-key", "key")


def test_a_signed_repository_is_believed(ami: Module, repository: Repository, signer: Signer) -> None:
    signer.sign(repository.add(*FIRST).publish())

    run = list_with_key(ami, repository, signer.public_key())

    assert run.code == 0, run.all
    assert ami.json("packages.json")["packages"]


def test_nothing_is_believed_that_is_not_signed(ami: Module, repository: Repository, signer: Signer, tmp_path: Path) -> None:
    repository.add(*FIRST).publish()
    unsigned = list_with_key(ami, repository, signer.public_key())

    Signer(tmp_path / "other").sign(repository)
    foreign = list_with_key(ami, repository, signer.public_key())

    signer.sign(repository)
    repomd = repository.folder / "repodata" / "repomd.xml"
    repomd.write_text(repomd.read_text().replace("<revision>", "<revision>9"))
    changed = list_with_key(ami, repository, signer.public_key())

    for run, told in [(unsigned, "is not signed (repodata/repomd.xml.asc: 404), and --gpg-key asks for a signature"),
                      (foreign, "was made by the key "), (changed, "it does not fit: what it signs was changed")]:
        assert run.code == 3 and told in run.err, run.all
    assert not (ami.folder / "packages.json").exists()


def test_thousands_of_signatures_over_a_long_repomd_end_at_once(ami: Module, repository: Repository, signer: Signer) -> None:
    """Each was over 4 MB: 800 of them took half a minute, and 35,000 fit."""
    repository.add(*FIRST).publish()
    signer.sign(repository)
    repomd = repository.folder / "repodata" / "repomd.xml"
    signature = signer.gpg("--output", "-", "--detach-sign", str(repomd))
    repomd.write_text(repomd.read_text() + f"<!--{' ' * 4_000_000}-->")
    signatures = repository.folder / "repodata" / "repomd.xml.asc"
    for count, told in [(16, "it does not fit"), (17, "more than 16 signatures"), (4_000_000 // len(signature), "longer than 64 KiB")]:
        signatures.write_bytes(signature * count)

        began = time.monotonic()
        run = list_with_key(ami, repository, signer.public_key())

        assert run.code == 3 and told in run.err, run.all
        assert time.monotonic() - began < 60


def test_an_index_without_repodata_is_not_believed_with_a_key(ami: Module, repository: Repository, signer: Signer) -> None:
    repository.folder.mkdir()
    (repository.folder / "gitlab-runner-18.6.0-1.x86_64.rpm").touch()

    run = list_with_key(ami, repository, signer.public_key())

    assert run.code == 3 and "has no repodata/repomd.xml, and --gpg-key asks for its signature" in run.err


def test_a_key_that_is_none_is_told_before_anything_is_asked(ami: Module, repository: Repository) -> None:
    run = list_with_key(ami, repository, "<html>")

    assert run.code == 2 and "--gpg-key key: it holds no OpenPGP public key" in run.err


@pytest.mark.parametrize("given_as", ["text", "file variable"])
def test_the_component_takes_a_key_as_text_or_as_a_file(consumer: Consumer, repository: Repository, signer: Signer, tmp_path: Path,
                                                         given_as: str) -> None:
    key = signer.public_key()
    if given_as == "text":
        value = "|\n" + "".join(f"        {line}\n" for line in key.splitlines())
    else:
        (tmp_path / "key").write_text(key)
        value = f"{tmp_path}/key\n"
    consumer.edit(".gitlab-ci.yml", "      repo_url: $REPO_URL\n", f"      repo_url: $REPO_URL\n      gpg_key: {value}")
    repository.add(*FIRST).publish()
    unsigned = consumer.schedule()
    signer.sign(repository)
    signed = consumer.schedule()

    assert "list" in unsigned.jobs("FAIL") and not unsigned.ran("diff"), unsigned.log
    assert "list" in signed.jobs("PASS") and len(signed.builds()) == 2, signed.log
