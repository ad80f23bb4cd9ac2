"""Some nights of chaos; `make chaos` plays hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest

import chaos


def test_under_every_fault_nothing_is_lost_and_nothing_built_twice(wasm: Path, tmp_path: Path) -> None:
    total = chaos.play(range(1, 13), chaos.compiled(wasm, tmp_path), at_once=12)

    assert total["acknowledged"] > 100 and total["faults"] > 100 and total["killed"] > 5, total


def test_what_is_lost_is_noticed(wasm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_says_so(self: chaos.Nights, now: object, pipeline: int, cell: chaos.Cell) -> None:
        self.ledger.built.add(cell)

    monkeypatch.setattr(chaos.Nights, "update", only_says_so)
    with pytest.raises(chaos.Violation, match=r"seed 5: \d+ acknowledged builds are lost"):
        chaos.play(range(5, 6), chaos.compiled(wasm, tmp_path), at_once=1)


def test_what_is_built_twice_is_noticed(wasm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "CLAIM_TIMEOUT", chaos.timedelta(days=100))
    monkeypatch.setattr(chaos.Nights, "update", lambda *_: None)
    monkeypatch.setattr(chaos.Nights, "settle", lambda *_: None)
    with pytest.raises(chaos.Violation, match=r"seed 7: built twice"):
        chaos.play(range(7, 8), chaos.compiled(wasm, tmp_path), at_once=1)
