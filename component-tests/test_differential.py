"""Some repositories that dnf and `list` read; `make differential` draws hundreds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import differential
from conftest import Module
from differential import Drawn, Listed

SEED = 1
#: What is compared to the letter.
PLAIN = Drawn("libstdc++", {f"libstdc++-{version}-1.noarch.rpm": f"libstdc++-{version}-1.noarch" for version in (1, 2, 3)}, "el9",
              [], None, False, "slash", [])


def test_list_says_what_dnf_says(ami: Module) -> None:
    total = differential.play(SEED, [1, 2, 3, 4, 5], lambda folder: Module(ami.wasm, folder))

    assert total["repositories"] == 5 and total["releases"] > 10 and total["requests"] > 10 and total["verdicts"] == 10, total


@pytest.mark.parametrize(("fault", "told"), [
    (lambda ours: ours.packages.pop(), "releases:"),
    (lambda ours: ours.packages.reverse(), "librpm says that"),
    (lambda ours: ours.packages[0].update(url=ours.packages[0]["url"].replace("%2B", "+")), "requests for packages:"),
    (lambda ours: ours.packages[0].update(url=ours.packages[1]["url"]), "is not libstdc"),
    (lambda ours: ours.packages[0].update(checksum="sha1:0"), "sha1 of libstdc"),
    (lambda ours: ours.packages[0].update(built_at="2001-01-01T00:00:00Z"), "build time of"),
], ids=["a release is missing", "the order", "the spelling of a URL", "the wrong file", "a checksum", "a build time"])
def test_what_differs_is_noticed(ami: Module, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Listed], object], told: str) -> None:
    listed = differential.listed

    def wrongly(*arguments: Any) -> Listed:
        ours = listed(*arguments)
        fault(ours)
        return ours

    monkeypatch.setattr(differential, "listed", wrongly)
    monkeypatch.setattr(Drawn, "of", lambda *_: PLAIN)
    with pytest.raises(differential.Difference, match=told):
        differential.play(SEED, [1], lambda folder: Module(ami.wasm, folder))
