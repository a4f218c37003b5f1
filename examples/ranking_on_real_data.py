"""Does the ranking of hedging policies survive real prices?  Ten policies at equal mean cost, through five crashes of bitcoin.

For each crash three kinds of paths, in the steps of its data: GBM; the stationary block bootstrap of the weeks around it (fat tails,
clustered vol); GBM of the calm vol into which the crash itself is replayed, once a path in the mean.  All have the vol of those weeks,
the last but for the crash, and so has the option: a call of a week at the money, sold and hedged with 5 bp a trade.  Every policy spends
what rehedging once a day costs in that market.

python examples/ranking_on_real_data.py FOLDER 4000, with the folder of the price files and a number of paths
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import hedgecore as hc
from hedgecore import hedging as hg
from hedgecore import venues

DAY, YEAR = 1440, 365 * 1440  # minutes
WEEK = 7 * DAY


class Crash(NamedTuple):
    """A crash: where its prices are, in bars of how many minutes; the weeks around it; the hours that are replayed."""

    day: str
    file: str
    minutes: int
    weeks: tuple[str, str]
    hours: tuple[str, str]


CRASHES = (
    Crash("2020-03-12", "BTCUSDT_1h_20170817_20231220.csv.gz", 60, ("2020-02-20", "2020-04-02"), ("2020-03-12T00", "2020-03-13T12")),
    Crash("2021-05-19", "BTCUSDT_30m_20210101_20240731.parquet", 30, ("2021-04-28", "2021-06-09"), ("2021-05-19T00", "2021-05-20T00")),
    Crash("2022-06-18", "BTCUSDT_1m_20220615_20220719.csv.gz", 5, ("2022-06-15T03", "2022-07-19"), ("2022-06-18T00", "2022-06-19T12")),
    Crash("2024-08-05", "BTCUSDT_5m_20240805_20240908.csv.gz", 5, ("2024-08-05T03", "2024-09-08"), ("2024-08-05T03", "2024-08-05T18")),
    Crash("2025-10-10", "BTCUSDT_perp_5m_20250704_20251231.csv.gz", 5, ("2025-09-19", "2025-10-31"), ("2025-10-10T15", "2025-10-11T03")),
)  # fmt: skip


def returns(crash: Crash, folder: Path) -> tuple[npt.NDArray[np.float64], slice]:
    """Return the log returns of the weeks by step, and where the crash is."""
    bars = venues.read(folder / crash.file).frame.sort("timestamp")
    times = bars["timestamp"].dt.replace_time_zone(None).to_numpy().astype("datetime64[m]")
    first, last = (np.datetime64(x, "m") for x in crash.weeks)
    inside = (times >= first) & (times < last)
    step = np.timedelta64(crash.minutes, "m")
    every = inside & ((times - first) % step == np.timedelta64(0, "m"))
    times, close = times[every], bars["close"].to_numpy()[every]
    if not (np.diff(times) == step).all():
        raise ValueError(f"{crash.file}: bars are missing")
    start, end = (int(np.searchsorted(times, np.datetime64(x, "m"))) for x in crash.hours)
    return hc.paths.log_returns(close), slice(start, end)


def families(minutes: int, n: int) -> dict[str, list[hg.Policy]]:
    """Return n settings of each of ten policies."""
    clocks = np.unique(np.geomspace(max(minutes, 120), 3 * DAY, n) // minutes).astype(int).tolist()
    aversions, widths = np.geomspace(2e-4, 10, n), np.geomspace(0.01, 0.45, n)
    day = DAY / minutes
    return {
        "Zakamouline": [hg.Zakamouline(risk_aversion=x) for x in aversions],
        "WW edge": [hg.WhalleyWilmott(risk_aversion=x) for x in aversions],
        "WW middle": [hg.WhalleyWilmott(risk_aversion=x, to="middle") for x in aversions],
        "band edge": [hg.DeltaBand(width=x) for x in widths],
        "band middle": [hg.DeltaBand(width=x, to="middle") for x in widths],
        "realised vol band": [hg.RealisedVolBand(width=x, half_life=day, power=1 / 3) for x in widths],
        "auto hedger": [hg.AutoHedger(up=x, ratio=0.5) for x in widths],
        "move": [hg.PriceMove(threshold=x) for x in np.geomspace(0.006, 0.25, n)],
        "Leland clock": [hg.Leland(every=x) for x in clocks],
        "clock": [hg.Clock(every=x) for x in clocks],
    }  # fmt: skip


def runs(crash: Crash, folder: Path, n_paths: int, n: int) -> Iterator[tuple[str, hg.Run]]:
    """Yield the simulations on the three kinds of paths."""
    moves, window = returns(crash, folder)
    per_year = YEAR / crash.minutes
    vol = float(moves.std() * np.sqrt(per_year))
    calm = float(np.delete(moves, window).std() * np.sqrt(per_year))
    option = hg.Option(strike=100, expiry=WEEK / YEAR, vol=vol, quantity=-1)
    policies = {**families(crash.minutes, n), "a day": [hg.Clock(every=DAY // crash.minutes)]}
    once = hc.paths.Replays([moves[window]], rate=YEAR / WEEK)
    for name, model, stress in (
        ("GBM", hc.paths.GBM(vol=vol), None),
        ("bootstrap", hc.paths.Bootstrap(moves), None),
        ("replay", hc.paths.GBM(vol=calm), once),
    ):
        yield name, hg.sweep(
            option, model, policies, n_paths=n_paths, steps=WEEK // crash.minutes, seed=1, stress=stress, costs=hg.Costs(fee=5e-4)
        )  # fmt: skip


class Ranking(NamedTuple):
    """At equal cost: risk of the clock; that of each policy over it, its paired error, its place."""

    cost: float
    risk: float
    ratio: dict[str, float]
    error: dict[str, float]
    place: dict[str, int]


def ranking(run: hg.Run, by: str) -> Ranking:
    """Return the ranking at the cost of rehedging once a day."""
    cost = float(run.mean("cost")[run.index("a day #1")])
    names = [name for name in dict.fromkeys(run.families) if name != "a day"]
    at = run.frontier(by, names).at(cost, against="clock")  # type: ignore[arg-type]
    ratio = dict(zip(at["family"].tolist(), at["ratio"].tolist(), strict=True))
    error = dict(zip(at["family"].tolist(), at["ratio_error"].tolist(), strict=True))
    order = sorted(ratio, key=ratio.__getitem__)
    place = {name: order.index(name) + 1 for name in order}
    return Ranking(
        cost, float(at["risk"][at["family"].tolist().index("clock")]), ratio, error, place
    )


def show(crash: Crash, folder: Path, n_paths: int, n: int) -> None:
    """Print the rankings beside each other."""
    kinds, tables = [], []
    for kind, run in runs(crash, folder, n_paths, n):
        kinds.append(kind)
        tables += [ranking(run, "std"), ranking(run, "es95")]
        premium = run.premium
    moves, window = returns(crash, folder)
    vol = moves.std() * np.sqrt(YEAR / crash.minutes)
    print(
        f"{crash.day}: steps of {crash.minutes} min, vol {100 * vol:.0f} %, premium {premium:.2f}, the crash {100 * np.expm1(moves[window].cumsum().min()):.0f} %"
    )
    head = [f"{kind} {what}" for kind in kinds for what in ("std", "ES95")]
    print(f"{'':18}" + "".join(f"{name:>20}" for name in head))
    print(f"{'cost':18}" + "".join(f"{t.cost:20.4f}" for t in tables))
    print(f"{'risk of clock':18}" + "".join(f"{t.risk:20.4f}" for t in tables))
    for name in tables[0].ratio:
        cells = [
            f"{t.place[name]:3d} {t.ratio[name]:7.3f} +-{t.error[name]:6.3f}"
            if name in t.ratio
            else "not reached"
            for t in tables
        ]
        print(f"{name:18}" + "".join(f"{cell:>20}" for cell in cells))
    print()


def main(folder: Path, n_paths: int) -> None:
    """Print the five crashes."""
    print(
        "place, risk over that of the clock, paired standard error; all at the mean cost of a trade a day"
    )
    for crash in CRASHES:
        show(crash, folder, n_paths, 16)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4000)
