"""Policies on real prices: the example's crashes are what its table says, and its ranking holds together."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hedgecore import hedging as hg

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
pytest.importorskip("polars")
import ranking_on_real_data as example

#: The largest fall in the hours that are replayed, from the bars' closes; their files are described with the data.
FALLS = {
    "2020-03-12": -0.48,
    "2021-05-19": -0.23,
    "2022-06-18": -0.14,
    "2024-08-05": -0.09,
    "2025-10-10": -0.14,
}


@pytest.mark.parametrize("crash", example.CRASHES, ids=lambda crash: crash.day)
def test_crashes_are_in_their_windows(shared: Path, crash: example.Crash) -> None:
    moves, window = example.returns(crash, shared / "data" / "prices")
    assert np.expm1(moves[window].cumsum().min()) == pytest.approx(FALLS[crash.day], abs=0.006)
    # no other window of that length among these weeks moved more
    length = window.stop - window.start
    squares = np.convolve(moves**2, np.ones(length), mode="valid")
    assert abs(int(squares.argmax()) - window.start) <= length
    assert len(moves) > 28 * 1440 // crash.minutes


def test_ranking(shared: Path) -> None:
    """Every family at the clock's cost; bands beat clocks under GBM, and by much less where crashes are real."""
    crash = example.CRASHES[0]
    tables = {
        name: example.ranking(run, "std")
        for name, run in example.runs(crash, shared / "data" / "prices", 1500, 12)
    }
    assert list(tables) == ["GBM", "bootstrap", "replay"]
    for table in tables.values():
        assert table.ratio["clock"] == 1.0
        assert sorted(table.place.values()) == list(range(1, len(table.ratio) + 1))
        best = min(table.ratio, key=table.ratio.__getitem__)
        assert table.place[best] == 1
    gbm, real = tables["GBM"], tables["bootstrap"]
    assert gbm.place["Zakamouline"] <= 2
    for family in ("Zakamouline", "WW edge", "band edge"):
        assert gbm.ratio[family] + 4.5 * gbm.error[family] < 1
        gap = real.ratio[family] - gbm.ratio[family]
        assert gap > 2 * np.hypot(real.error[family], gbm.error[family])


def test_bars_that_are_missing(shared: Path) -> None:
    crash = example.CRASHES[0]._replace(minutes=7)
    with pytest.raises(ValueError, match="bars are missing"):
        example.returns(crash, shared / "data" / "prices")


def test_families_are_ten() -> None:
    families = example.families(5, 8)
    assert len(families) == 10
    assert all(len(policies) >= 8 for policies in families.values())
    assert all(isinstance(p, hg.Policy) for policies in families.values() for p in policies)
