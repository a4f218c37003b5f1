"""Options marked on a surface along bars: what is listed, at what vols, and when it is known."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import backtest as bk
from hedgecore import hedging as hg
from hedgecore.backtest.config import setup_of
from hedgecore.surface import Surface

MINUTE = np.timedelta64(60, "s")
START = np.datetime64("2025-10-08T00:00", "us")
LISTED = bk.Listed(every=6, days=21, width=0.1, strikes=2000, half_spread=0.02)


def bars(days: int = 8, seed: int = 1, jump: float = 0.0) -> dict[str, Any]:
    """Ten-minute bars; a fall in the third day."""
    n = 144 * days
    moves = np.random.default_rng(seed).normal(0, 0.5 * np.sqrt(1 / 365 / 144), n)
    moves[144 * 2 + 72] += np.log1p(jump)
    return {
        "timestamp": START + np.arange(n) * 10 * MINUTE, "seconds": np.full(n, 600), "close": 100_000 * np.exp(np.cumsum(moves)),
    }  # fmt: skip


def surface() -> Surface:
    """Two slices of SVI with a skew."""
    a = np.array([[0.001, 0.02, -0.4, 0.0, 0.05], [0.02, 0.06, -0.3, 0.0, 0.1]])
    return Surface(
        "BTC", START, [7 / 365, 60 / 365], [100_000.0, 100_500.0], a, np.array([[-0.4, 0.4], [-0.6, 0.6]]),
        expiry_time=START + np.array([7, 60]) * np.timedelta64(1, "D"), model="svi_free",
    )  # fmt: skip


def dvol(*values: float, first: str = "2025-10-06") -> dict[str, Any]:
    return {"timestamp": np.datetime64(first, "us") + np.arange(len(values)) * np.timedelta64(1, "D"), "vol": np.array(values)}  # fmt: skip


def rows_at(chains: dict[str, Any], time: Any) -> dict[str, Any]:
    return {name: column[chains["timestamp"] == time] for name, column in chains.items()}


def test_a_snapshot_is_the_surface_at_the_close() -> None:
    made, own = bk.marked("BTC", bars(), surface(), LISTED), bars()
    times = np.unique(made["timestamp"])
    np.testing.assert_array_equal(times, (own["timestamp"] + 10 * MINUTE)[::6])
    at = rows_at(made, times[20])
    close = own["close"][120]
    assert set(at["index"]) == set(at["forward"]) == {close}
    years = (at["expiry_time"] - times[20]) / np.timedelta64(365, "D")
    vols = surface().vol_at(np.log(at["strike"] / close), years)
    np.testing.assert_allclose(at["mark_vol"], vols, rtol=1e-12)
    for name, vol in (("mark", vols), ("bid", vols - 0.02), ("ask", vols + 0.02)):
        value = hc.price(at["kind"], strike=at["strike"], expiry=years, vol=vol, forward=close)
        np.testing.assert_allclose(at[name] * close, value, rtol=1e-9, atol=1e-9)
    assert set(at["expiry_time"].astype(str)) == {f"2025-10-{day}T08:00:00.000000" for day in (10, 17, 24)}  # fmt: skip
    assert at["strike"].min() >= 0.9 * own["close"][:121:6].min()
    assert "BTC-10OCT25-100000-C" in at["instrument"]


def test_what_was_listed_stays_and_what_comes_is_not_known() -> None:
    made = bk.marked("BTC", bars(jump=-0.25), surface(), LISTED)
    calm = bk.marked("BTC", bars(), surface(), LISTED)
    fall = START + np.timedelta64(2 * 24 + 12, "h")
    for name, column in made.items():
        np.testing.assert_array_equal(column[made["timestamp"] <= fall], calm[name][calm["timestamp"] <= fall])  # fmt: skip
    times = np.unique(made["timestamp"])
    names = [set(rows_at(made, time)["instrument"]) for time in times[times < np.datetime64("2025-10-10T08:00", "us")]]  # fmt: skip
    assert all(before <= after for before, after in itertools.pairwise(names))
    assert len(names[-1]) > len(names[0])


def test_the_index_rescales_what_is_known() -> None:
    """0.4 until the value of the 8th, which is known on the 9th, then 0.8."""
    plain = bk.marked("BTC", bars(), surface(), LISTED)
    made = bk.marked("BTC", bars(), surface(), LISTED, index=dvol(0.4, 0.4, 0.8, 0.8))
    own = float(surface().variance_swap_vol(30 / 365))
    near = np.abs(np.log(plain["strike"] / plain["forward"])) < 0.002
    early = plain["timestamp"] < np.datetime64("2025-10-09", "us")
    for rows, level in ((near & early, 0.4), (near & ~early, 0.8)):
        assert rows.any()
        np.testing.assert_allclose(made["mark_vol"][rows] / plain["mark_vol"][rows], level / own, rtol=0.02)  # fmt: skip
    at_once = bk.marked("BTC", bars(), surface(), LISTED, index=dvol(0.4, 0.4, 0.8, 0.8), known_after=0)  # fmt: skip
    assert at_once["mark_vol"][near & early].min() > made["mark_vol"][near & early].max()
    flat = bk.marked("BTC", bars(), 0.5, LISTED, index=dvol(0.4, 0.4, 0.8, 0.8))
    assert set(flat["mark_vol"]) == {0.4, 0.8}


def test_a_part_of_the_bars() -> None:
    whole = bk.marked("BTC", bars(), surface(), LISTED)
    part = bk.marked("BTC", bars(), surface(), LISTED, start="2025-10-08T00:10", end="2025-10-11")
    rows = whole["timestamp"] <= np.datetime64("2025-10-11")
    for name, column in part.items():
        np.testing.assert_array_equal(column, whole[name][rows])
    with pytest.raises(ValueError, match="no bar ends within start = 2026-01-01"):
        bk.marked("BTC", bars(), surface(), LISTED, start="2026-01-01")


def test_through_a_fall() -> None:
    """A straddle through a fall of a quarter, hedged: accounts agree, and nothing before the fall knows of it."""
    policies = {"never": hg.NoHedge(), "clock": hg.Clock(), "band": hg.DeltaBand(width=0.05)}
    tests = []
    for jump in (0.0, -0.25):
        own = bars(jump=jump)
        tape = bk.Tape.of("BTC", bk.marked("BTC", own, surface(), LISTED, index=dvol(0.4, 0.4, 0.8, 0.8)), bars=own)  # fmt: skip
        assert len(tape) == len(own["close"]) - 4  # to a bar after the last snapshot
        tests.append(bk.run(tape, bk.straddle(7), policies, costs=hg.Costs(fee=5e-4)))
        assert tests[-1].reconcile() < 1e-13
    calm, fallen = tests
    step = 144 * 2 + 72
    np.testing.assert_array_equal(calm.pnl[:, :step], fallen.pnl[:, :step])
    np.testing.assert_array_equal(calm.held[:, :step], fallen.held[:, :step])
    assert (fallen.pnl[:, step] < -5000).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bk.marked("BTC", bars(), 0.5, LISTED, index=dvol(0.4, first="2025-10-08")), "no value is known at 2025-10-08T00:10"),
        (lambda: bk.marked("BTC", {k: v[:100] for k, v in bars().items()}, 0.5, bk.Listed(days=1, strikes=1000)), "days = 1: no Friday is so near"),
        (lambda: bk.marked("BTC", {**bars(), "close": np.full(1152, np.nan)}, 0.5, LISTED), "none has a close"),
        (lambda: bk.Listed(strikes=0), "strikes = 0 must be positive"), (lambda: bk.Listed(strikes=1, width=1), "width = 1 must be between"),
        (lambda: bk.Listed(strikes=1, every=0), "every = 0 must be from 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_marked(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


TEXT = """
[data]
base = "BTC"
bars = "bars.csv"

[data.marks]
vol = 0.5
strikes = 2000
every = 6

[strategy]
type = "straddle"

[policies.clock]
type = "Clock"
"""


def test_a_configuration(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    own = bars(14)
    prices = dict.fromkeys(("open", "high", "low", "close"), own["close"])
    pl.DataFrame({"timestamp": np.datetime_as_string(own["timestamp"], timezone="UTC"), **prices, "volume": np.ones(len(own["close"]))}).write_csv(tmp_path / "bars.csv")  # fmt: skip
    test = setup_of(TEXT, None, tmp_path).run().test
    tape = bk.Tape.of("BTC", bk.marked("BTC", own, 0.5, bk.Listed(strikes=2000, every=6)), bars=own)
    expected = bk.run(tape, bk.straddle(), {"clock": hg.Clock()})
    np.testing.assert_allclose(test.pnl, expected.pnl, atol=1e-6)
    for text, message in (
        (TEXT.replace("vol = 0.5", ""), "data.marks.chain must be given, or vol"),
        (TEXT.replace("every = 6", "evry = 6"), "data.marks.evry is unknown; the nearest is every"),
        (
            TEXT.replace('bars = "bars.csv"', ""),
            "bars must be given: options are marked along them",
        ),
        (
            TEXT.replace("[data.marks]", 'chains = "a"\n[data.marks]'),
            "chains must be given, or marks",
        ),
        (
            TEXT.replace("vol = 0.5", 'vol = 0.5\nindex = "none.gz"'),
            "marks.index: there is no file",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            setup_of(text, None, tmp_path).run()
