"""Books as positions, holdings, horizons, and several underlyings on the same paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import hedging as hg
from hedgecore.chain import market_of, open_interest
from hedgecore.hedging.attribution import LINES

JUNE, SEPTEMBER = "2026-06-26T08:00", "2026-07-31T08:00"
NAMES = [
    "BTC-26JUN26-90000-C", "BTC-26JUN26-80000-P", "BTC-31JUL26-100000-C", "BTC-PERPETUAL", "ETH-26JUN26-3000-C",
    "ETH_USDC-PERPETUAL", "BTC_USDC-26JUN26-95000-P", "BTC", "USDC", "BTC-26JUN26-90000-C",
]  # fmt: skip
QUANTITIES = [10, -20, 5, -250_000.0, 100, -50, 7, 2.5, 10_000, -3]
PAIR = hc.paths.Correlated([hc.paths.GBM(vol=0.5), hc.paths.GBM(vol=0.7)], 0.8)


def smile(base: str, forward: Any, strike: Any, expiry: Any) -> Any:
    assert base in ("BTC", "ETH")
    return 0.5 + 0.2 * np.log(strike / forward) ** 2 + 0 * expiry


def market(**change: Any) -> hc.Market:
    arguments: dict[str, Any] = {
        "time": "2026-06-10T13:30",
        "index": {"BTC": 88_000, "ETH": 3_100},
        "forwards": {("BTC", JUNE): 88_100, ("BTC", SEPTEMBER): 88_600, ("ETH", JUNE): 3_105},
        "vols": smile,
    }
    return hc.Market(**arguments | change)


def book(names: list[str] = NAMES, quantities: Any = QUANTITIES) -> hc.Book:
    return hc.Book.from_frame({"instrument": names, "quantity": quantities})


def test_a_book_is_what_it_holds() -> None:
    held = hg.from_book(book(), market(), steps_per_day=24, convert=True)
    assert set(held.position) == {"BTC", "ETH"}
    assert held.spot == {"BTC": 88_000.0, "ETH": 3_100.0}
    btc = {
        (o.kind, o.strike, o.settlement): (o.quantity, o.expiry)
        for o in held.position["BTC"].options
    }
    assert btc[1, 90_000.0, "inverse"][0] == 7  # two rows of one option
    assert btc[-1, 80_000.0, "inverse"][0] == -20
    assert btc[-1, 95_000.0, "linear"][0] == 7
    # 15 days 18.5 hours, 50 days 18.5 hours: half an hour from a step of an hour
    years = (15 * 24 + 18.5) / 8760
    assert btc[1, 90_000.0, "inverse"][1] == pytest.approx(years, abs=0.5001 / 8760)
    assert held.largest_shift == pytest.approx(0.5 / 8760, rel=1e-6)
    assert held.largest_basis == pytest.approx(np.log(88_600 / 88_000), rel=1e-9)
    assert abs(held.steps - (50 * 24 + 18.5)) <= 0.5
    assert held.horizon == pytest.approx(held.steps / 8760)
    # spot hedges: the perpetuals count by delta, the coin as it is, the dollars not
    assert held.converted == ("BTC-PERPETUAL", "ETH_USDC-PERPETUAL")
    assert held.left_out == ("USDC",)
    assert held.position["BTC"].holding == pytest.approx(2.5 - 250_000 / 88_000)
    assert held.position["ETH"].holding == -50
    vols = [o.vol for o in held.position["ETH"].options]
    assert vols == pytest.approx([0.5 + 0.2 * np.log(3000 / 3105) ** 2])
    own = hg.from_book(
        book(["BTC-26JUN26-90000-C", "BTC-PERPETUAL"], [1, -1000.0]), market(), steps_per_day=1,
        instrument=hg.Perpetual(settlement="inverse"),
    )  # fmt: skip
    assert own.converted == ()
    assert own.position["BTC"].holding == -1000


def test_bad_books() -> None:
    with pytest.raises(ValueError, match="BTC-PERPETUAL is not what hedges: convert=True"):
        hg.from_book(book(), market(), steps_per_day=24)
    with pytest.raises(ValueError, match=r"BTC-26JUN26-\d+-[CP] has expired"):
        hg.from_book(book(), market(time="2026-06-27T00:00"), steps_per_day=24, convert=True)
    with pytest.raises(ValueError, match="has no value in the market"):
        hg.from_book(book(), market(vols=None), steps_per_day=24, convert=True)
    with pytest.raises(ValueError, match=r"the book has no options$"):
        hg.from_book(book(["BTC"], [1.0]), market(), steps_per_day=24)
    with pytest.raises(ValueError, match="no options on ETH"):
        hg.from_book(
            book(["BTC-26JUN26-90000-C", "ETH_USDC-PERPETUAL"], [1, 1]), market(), steps_per_day=24, convert=True
        )  # fmt: skip
    with pytest.raises(ValueError, match="surfaces has nothing for BTC"):
        hg.from_book(book(), market(), steps_per_day=24, convert=True, surfaces={})


def test_two_underlyings_are_the_sum_of_each() -> None:
    """Path by path; the second is what it is alone on its asset, and the sum has the sums of all ledgers and lines."""
    held = hg.from_book(book(), market(), steps_per_day=2, convert=True)
    policies = {"band": hg.DeltaBand(width=0.5), "clock": hg.Clock(every=4)}
    costs = {"BTC": hg.Costs(fee=5e-4), "ETH": hg.Costs(fee=1e-3, fixed=2.0)}
    arguments: dict[str, Any] = {
        "steps": held.steps, "numeraire": "quote", "n_paths": 300, "seed": 1, "keep": ("pnl", "turnover"),
        "attribution": True,
    }  # fmt: skip
    calls: list[tuple[int, int]] = []
    run = hg.simulate(
        held.position, PAIR, policies, spot=held.spot, costs=costs, progress=lambda *x: calls.append(x), **arguments
    )  # fmt: skip
    assert calls[-1] == (600, 600)
    alone = {
        name: hg.simulate(
            held.position[name], PAIR, policies, spot=(88_000, 3_100), costs=costs[name], asset=k, **arguments
        )
        if name == "BTC"
        else hg.simulate(
            hg.Strip(options=held.position[name].options, holding=held.position[name].holding, horizon=held.horizon),
            PAIR, policies, spot=(88_000, 3_100), costs=costs[name], asset=k, **arguments,
        )
        for k, name in enumerate(("BTC", "ETH"))
    }  # fmt: skip
    assert (run.pnl == alone["BTC"].pnl + alone["ETH"].pnl).all()
    assert (run.unhedged == alone["BTC"].unhedged + alone["ETH"].unhedged).all()
    for ledger in hg.LEDGERS:
        want = sum(
            alone[n].mean(ledger) * (held.spot[n] if ledger == "exposure" else 1) for n in alone
        )
        np.testing.assert_allclose(run.mean(ledger), want, rtol=1e-12, atol=1e-12)
    assert (run.by_underlying["ETH"].pnl == alone["ETH"].pnl).all()
    total = np.sum([run.attribution.line(name) for name in LINES], axis=0)
    np.testing.assert_allclose(total, run.pnl, atol=1e-9 * np.abs(run.pnl).max())
    np.testing.assert_allclose(sum(run.costs_by_kind().values()), run.mean("cost"), rtol=1e-12)
    assert set(run.ledgers) == set(run.by_underlying["ETH"].ledgers) == {"pnl", "turnover", "cost"}
    assert run.columns()["std"][0] > 0
    # the paths are those of the second asset
    given = hc.paths.simulate(
        PAIR, n_paths=300, n_steps=held.steps, horizon=held.horizon, seed=1, spot=(88_000, 3_100)
    )
    assert given.spot is not None
    none = hg.simulate(
        hg.Strip(options=[hg.Option(strike=1e-3, expiry=held.horizon, vol=0.5, premium=0.0)]), PAIR, hg.NoHedge(),
        n_paths=300, seed=1, spot=(88_000, 3_100), steps=held.steps, asset=1,
    )  # fmt: skip
    np.testing.assert_allclose(none.unhedged, given.spot[1, :, 0] - 1e-3, rtol=1e-12)
    # shards
    parts = [
        hg.simulate(held.position, PAIR, policies, spot=held.spot, costs=costs, first_path=a, **arguments | {"n_paths": n})
        for a, n in ((0, 100), (100, 200))
    ]  # fmt: skip
    joined = hg.Run.joined(parts)
    assert (joined.pnl == run.pnl).all()
    assert (joined.by_underlying["BTC"].pnl == run.by_underlying["BTC"].pnl).all()


def test_policies_by_underlying() -> None:
    held = hg.from_book(book(), market(), steps_per_day=1, convert=True)
    arguments: dict[str, Any] = {
        "steps": held.steps, "numeraire": "quote", "n_paths": 50, "seed": 1, "spot": held.spot,
    }  # fmt: skip
    both = {"BTC": {"band": hg.DeltaBand(width=0.2)}, "ETH": {"band": hg.DeltaBand(width=5.0)}}
    run = hg.simulate(held.position, PAIR, both, **arguments)
    for name, own in both.items():
        one = hg.simulate(held.position, PAIR, own, **arguments)
        assert (run.by_underlying[name].pnl == one.by_underlying[name].pnl).all()
    with pytest.raises(ValueError, match="they need the same names"):
        hg.simulate(held.position, PAIR, both | {"ETH": hg.Clock()}, **arguments)
    with pytest.raises(ValueError, match="costs has nothing for ETH"):
        hg.simulate(held.position, PAIR, both, costs={"BTC": hg.Costs()}, **arguments)
    with pytest.raises(ValueError, match=r"must be 'quote' for several underlyings"):
        hg.simulate(held.position, PAIR, both, **arguments | {"numeraire": "coin"})
    with pytest.raises(ValueError, match="numeraire must be given as 'quote'"):
        hg.simulate(held.position, PAIR, both, **arguments | {"numeraire": None})
    with pytest.raises(ValueError, match="asset must be given: 2 underlyings, 1 assets"):
        hg.simulate(held.position, hc.paths.GBM(vol=0.5), both, **arguments)
    with pytest.raises(ValueError, match=r"asset\['ETH'\] = 2"):
        hg.simulate(held.position, PAIR, both, asset={"BTC": 0, "ETH": 2}, **arguments)
    with pytest.raises(TypeError, match="costs must not be by underlying"):
        hg.simulate(
            held.position["BTC"], hc.paths.GBM(vol=0.5), hg.Clock(), n_paths=2, steps=held.steps, seed=1, costs={"BTC": hg.Costs()},
            numeraire="quote",
        )  # fmt: skip


@pytest.mark.parametrize("coin", [False, True])
def test_a_holding_earns_its_price_and_a_horizon_may_be_later(coin: bool) -> None:
    """An option that expires half way: from there on the delta is 0, and what is held is sold by a clock, kept without one."""
    option = hg.Option(strike=100, expiry=0.1, vol=0.5, quantity=-1)
    policies = [hg.NoHedge(), hg.Clock(), hg.WhalleyWilmott(risk_aversion=1.0, cost=1e-3)]
    arguments: dict[str, Any] = {
        "n_paths": 200, "steps": 40, "seed": 2, "numeraire": "coin" if coin else "quote", "trace": 3, "keep": hg.LEDGERS,
    }  # fmt: skip
    model = hc.paths.GBM(vol=0.5)
    strip = hg.Strip(options=[option], holding=0.7, horizon=0.2)
    run = hg.simulate(strip, model, policies, **arguments)
    spot = hc.paths.simulate(model, n_paths=200, n_steps=40, horizon=0.2, seed=2, every=1).spot
    assert spot is not None
    if coin:  # marked in dollars, each step's gain changed into coins
        earned = 0.7 * (np.diff(spot, axis=1) / spot[:, 1:]).sum(axis=1)
    else:
        earned = 0.7 * (spot[:, -1] - spot[:, 0])
    np.testing.assert_allclose(run.pnl[0], run.unhedged + earned, rtol=1e-10, atol=1e-9)
    trace = run.trace
    assert trace is not None
    assert (trace.delta[:, 20:] == 0).all()
    np.testing.assert_allclose(trace.held[1:, :, 20:], 0, atol=1e-12)
    assert (trace.held[0, :, :40] == 0.7).all()
    # to its expiry it is the plain run
    plain = hg.simulate(option, model, policies, **arguments | {"steps": 20})
    np.testing.assert_allclose(run.unhedged, plain.unhedged, rtol=1e-12, atol=1e-12)
    free = hg.simulate(hg.Strip(options=[option], horizon=0.2), model, policies, **arguments)
    np.testing.assert_allclose(free.pnl, plain.pnl, rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match=r"horizon = 0\.05 must be the last expiry"):
        hg.Strip(options=[option], horizon=0.05)
    with pytest.raises(ValueError, match="holding = nan must be finite"):
        hg.Strip(options=[option], holding=float("nan"))


def test_a_real_book(crash_file: Path) -> None:
    """Open interest of a crash, sold, two coins: the model's value at the start is the market's within the basis that it leaves out."""
    table = hc.venues.read(crash_file)
    book, quotes = -open_interest(table), market_of(table)
    known = quotes.align(book.instruments)
    keep = known.valued[book.row] & (known.expiry[book.row] > 0)
    book = hc.Book(book.instruments, book.row[keep], book.quantity[keep])
    held = hg.from_book(book, quotes, steps_per_day=1)
    assert set(held.position) == {"BTC", "ETH"}
    assert sum(len(s.options) for s in held.position.values()) == len(book)
    run = hg.simulate(
        held.position, PAIR, [hg.Clock(), hg.NoHedge()], spot=held.spot, steps=held.steps, numeraire="quote", n_paths=64, seed=1,
        attribution=True,
    )  # fmt: skip
    market_value = float(np.sum(book.risk(quotes).positions()["value_usd"]))
    assert run.premium == pytest.approx(-market_value, rel=3 * held.largest_basis + 0.02)
    total = np.sum([run.attribution.line(name) for name in LINES], axis=0)
    np.testing.assert_allclose(total, run.pnl, atol=1e-10 * np.abs(run.premium))
    assert run.columns()["effectiveness"][0] > 0.9
