"""Dated futures as hedges, families at equal cost, exposures: by plain loops and by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backtest_data import HOUR, bars, chain, hourly, taken
from hedgecore import backtest as bk
from hedgecore import hedging as hg

CHAIN, BARS = chain(), bars()
COSTS = hg.Costs(fee=5e-4, half_spread=1e-4, fixed=2.0)


def made(**changed: Any) -> bk.Tape:
    return bk.Tape.of("BTC", changed.pop("chains", CHAIN), bars=changed.pop("bars", BARS), **changed)  # fmt: skip


def quotes(until: int = 22, names: tuple[str, ...] = ("BTC-9JAN26", "BTC-16JAN26", "BTC-30JAN26")) -> dict[str, Any]:  # fmt: skip
    """Futures at the snapshots of the chains: 0.1 % above the index for each week to expiry, and a wave of a day."""
    times, price = hourly()
    rows: dict[str, list[Any]] = {}
    for at in range(0, len(times) - 1, 6):
        when = times[at] + np.timedelta64(25 * 60, "s")
        for name in names:
            expiry = np.datetime64(f"2026-01-{int(name[4:-5]):02d}T08:00", "us")
            left = (expiry - when) / np.timedelta64(7, "D")
            if left <= 0 or at > 24 * until:
                continue
            last = price[at] * (1 + 1e-3 * left + 2e-4 * np.sin(at / 24))
            for key, value in {"timestamp": when, "instrument": name, "base": "BTC", "type": "future", "expiry_time": expiry, "mark": np.nan, "last": last}.items():  # fmt: skip
                rows.setdefault(key, []).append(value)
    return {key: np.array(column) for key, column in rows.items()}


LAWS = {
    "shares": COSTS,
    "by coin": hg.Costs(fee_per_coin=40, fee_cap=3e-4),
    "least": hg.Costs(fee=1e-4, least_fee=5.0),
    "impact": hg.Costs(impact=3.0, root_impact=1e-3),
    "all": hg.Costs(fee=5e-4, maker_fee=-1e-4, passive=0.4, fee_per_coin=5, least_fee=1, half_spread=1e-4, fixed=2, impact=1, root_impact=1e-4),
}  # fmt: skip


def paid_for(c: hg.Costs, coins: float, price: float) -> float:
    """USD of a trade, as the page says."""
    q, taken = abs(coins), 1 - c.passive
    if not q:
        return 0.0
    share = taken * c.fee + c.passive * c.maker_fee
    fee = max(c.least_fee, q * (share * price + min(c.fee_per_coin, c.fee_cap * price)))
    impact = c.impact * (taken * q) ** 2 + c.root_impact * (taken * q) ** 1.5 * price
    return fee + taken * c.half_spread * q * price + c.fixed + impact


@pytest.mark.parametrize("costs", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("numeraire", ["quote", "coin"])
@pytest.mark.parametrize("name", [None, "BTC-30JAN26"])
def test_accounts_agree_with_a_plain_loop(numeraire: Any, name: str | None, costs: hg.Costs) -> None:  # fmt: skip
    tape = made()
    hedge = bk.futures(tape, quotes(), name, days=9)
    policies = {"clock": hg.Clock(every=3), "band": hg.DeltaBand(width=0.05)}
    test = bk.run(tape, bk.strangle(7, delta=0.3), policies, numeraire=numeraire, costs=costs, futures=hedge)  # fmt: skip
    card = bk.scorecard(test, samples=0)
    np.testing.assert_allclose(sum(card[part] for part in ("fee", "spread", "fixed", "impact")), card["cost"], rtol=1e-12)  # fmt: skip
    assert test.reconcile() < 1e-13
    assert len(hedge.rolls) == (0 if name else 2)
    coin = numeraire == "coin"
    for j, held in enumerate(test.held):
        earned = paid = turned = 0.0
        trades = 0
        before = 0.0
        for t in range(len(tape)):
            p, was = hedge.price[t], hedge.before[t]
            if t:
                then = hedge.price[t - 1]
                earned += before * ((was - then) / (then * was) if coin else was - then)
            deals = [(held[t] - before, p)]
            if t in hedge.rolls:  # out of one at its price, into the other at its own
                deals += [(before, was), (before, p)]
            for units, at in deals:
                coins, money = (units / at, 1 / at) if coin else (units, 1.0)
                paid += paid_for(costs, coins, at) * money
                turned += abs(coins) * at * money
                trades += units != 0
            before = held[t]
        assert test.moves[j].sum() == pytest.approx(earned, rel=1e-9)
        assert test.costs[j].sum() == pytest.approx(paid, rel=1e-9)
        assert card["trades"][j] == trades
        premium = np.abs(test.carried.trades["amount"]).sum()
        assert card["turnover"][j] * premium == pytest.approx(turned, rel=1e-9)
        entries = test.ledger(test.names[j])
        own = entries["coin" if coin else "usd"]
        assert own.sum() + test.carried.value[-1] == pytest.approx(test.equity()[j, -1], abs=1e-9 * np.abs(own).sum())  # fmt: skip


def test_futures_are_held_until_a_day_before_they_expire() -> None:
    tape = made()
    hedge = bk.futures(tape, quotes(), days=9)
    times = tape.times.view("M8[us]")
    assert [str(hedge.name[0]), *(str(hedge.name[k]) for k in hedge.rolls)] == ["BTC-9JAN26", "BTC-16JAN26", "BTC-30JAN26"]  # fmt: skip
    assert [str(times[k])[:16] for k in hedge.rolls] == ["2026-01-08T09:00", "2026-01-15T09:00"]
    assert repr(hedge) == "futures: BTC-9JAN26, BTC-16JAN26 from 2026-01-08T09:00, BTC-30JAN26 from 2026-01-15T09:00"  # fmt: skip
    # at 12:00 the future of 08:25 is known, over the index of then
    own = quotes()
    first = own["last"][0] / tape.index[0]
    np.testing.assert_allclose(hedge.price[:6], tape.price[:6] * first, rtol=1e-12)
    assert hedge.columns().keys() == {"time", "name", "price", "before"}


def test_a_future_that_is_not_seen_any_more_is_told() -> None:
    tape = made()
    assert bk.futures(tape, quotes(), "BTC-30JAN26").found == ()
    own = quotes(until=15)
    (found,) = bk.futures(tape, own, "BTC-30JAN26").found
    assert found.name == "future not seen for a day: what it was over the index stands"
    last = own["timestamp"].max() + np.timedelta64(1, "D")
    test = bk.run(tape, bk.straddle(), hg.Clock(), futures=bk.futures(tape, own, "BTC-30JAN26"))
    assert found in test.found
    assert found.count == (tape.times.view("M8[us]") > last).sum() > 100


@pytest.mark.parametrize("cut", [5, 100, 300])
def test_no_future_is_seen_early(cut: int) -> None:
    tape, own = made(), quotes()
    wild = {**own, "last": np.where(own["timestamp"] > tape.times[cut].view("M8[us]"), own["last"] * 1.2, own["last"])}  # fmt: skip
    a, b = (bk.futures(tape, data, days=9) for data in (own, wild))
    np.testing.assert_array_equal(a.price[: cut + 1], b.price[: cut + 1])
    np.testing.assert_array_equal(a.name, b.name)
    assert (a.price[cut + 7 :] != b.price[cut + 7 :]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: bk.futures(t, quotes(), "BTC-6FEB26"), "name = 'BTC-6FEB26' is no future of BTC: BTC-16JAN26"),
        (lambda t: bk.futures(t, quotes(), "BTC-9JAN26"), "expires at 2026-01-09T08:00, before the last step"),
        (lambda t: bk.futures(t, quotes(names=("BTC-9JAN26",)), days=9), "no price of a future of BTC to hold from 2026-01-08T09:00 on"),
        (lambda t: bk.futures(t, {**quotes(), "base": np.full(len(quotes()["last"]), "ETH")}), "no prices of futures of BTC"),
        (lambda t: bk.futures(t, quotes(), days=1, least_days=2), "least_days = 2 must be"),
        (lambda t: bk.run(t, bk.straddle(), hg.Clock(), futures=bk.futures(t, quotes()), funding=bk.funding(t)), "funding must not be given"),
        (lambda t: bk.run(t, bk.straddle(), hg.Clock(), futures=bk.futures(t, quotes()), instrument=hg.Spot()), "beside futures"),
        (lambda t: bk.run(t, bk.straddle(), hg.Clock(), futures=bk.futures(made(start="2026-01-03"), quotes())), "of another tape"),
    ],
)  # fmt: skip
def test_what_cannot_hedge(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(made())


def test_bars_of_another_coin() -> None:
    ether = {**BARS, "close": BARS["close"] / 30}
    with pytest.raises(ValueError, match=r"bars are of another coin .*: the nearest is .* the index of BTC"):  # fmt: skip
        made(bars=ether)
    one = {**BARS, "close": BARS["close"].copy()}
    one["close"][6] *= 1.5  # the bar that ends after the second snapshot
    found = {f.name: f for f in made(bars=one).found}["bar more than 20 % from the index of the snapshot before it"]  # fmt: skip
    assert found.count == 1
    assert found.example.startswith(f"{one['close'][6]:,.6g} at 2026-01-01T15:00")
    with pytest.raises(ValueError, match="perpetual has no prices of BTC"):
        made(perpetual={"timestamp": BARS["timestamp"], "base": np.full(len(BARS["close"]), "ETH"), "last": BARS["close"]})  # fmt: skip


def test_options_in_the_quote_currency_are_left_out() -> None:
    n = len(CHAIN["bid"])
    linear = np.arange(n) % 4 == 0
    both = {**CHAIN, "settlement": np.where(linear, "linear", "inverse")}
    tape = made(chains=both)
    assert {f.name: f.count for f in tape.found}["settled in the quote currency: left out"] == linear.sum()  # fmt: skip
    np.testing.assert_array_equal(tape.quotes["mark"], made(chains=taken(CHAIN, ~linear)).quotes["mark"])  # fmt: skip


@pytest.mark.parametrize("numeraire", ["quote", "coin"])
def test_exposures_are_slopes_of_what_is_held(numeraire: Any) -> None:
    """The same options carried along prices and vols a little away: the value of the first step moves by delta, gamma and vega."""

    def value(price: float = 1.0, vol: float = 0.0) -> Any:
        moved = {**CHAIN, "mark_vol": CHAIN["mark_vol"] + vol}
        tape = made(chains=moved, bars={**BARS, "close": BARS["close"] * price})
        return bk.carry(tape, bk.Positions({"BTC-15JAN26-84000-C": -2, "BTC-15JAN26-76000-P": 1}), numeraire=numeraire)  # fmt: skip

    own = value()
    at, h = 40, 1e-4
    forward = own.lives[0].forward[at - own.lives[0].first]
    up, down = (value(price=1 + x).value[at] for x in (h, -h))
    slope = (up - down) / (2 * h * forward)  # for a USD of the forward
    unit = forward if numeraire == "coin" else 1.0
    assert own.exposure["delta"][at] == pytest.approx(slope * unit, rel=1e-5)
    up, down = (value(price=1 + x).exposure["delta"][at] for x in (h, -h))
    assert own.exposure["gamma"][at] == pytest.approx((up - down) / (2 * h * forward), rel=1e-5)
    up, down = (value(vol=x).value[at] for x in (h, -h))
    assert own.exposure["vega"][at] == pytest.approx(0.01 * (up - down) / (2 * h), rel=1e-5)


def by_days(pnl: Any, cost: Any, families: tuple[str, ...]) -> Any:
    pnl = np.asarray(pnl, np.float64)
    times = (np.arange(pnl.shape[1], dtype=np.int64) + 20_000) * 86_400_000_000 + 3_600_000_000
    names = tuple(f"{family}{k}" for k, family in enumerate(families))
    return SimpleNamespace(tape=SimpleNamespace(times=times), pnl=pnl, costs=np.asarray(cost)[:, None], names=names, run=SimpleNamespace(families=families))  # fmt: skip


def test_families_at_equal_cost_by_hand() -> None:
    """Stds of 4, 1 and 3, 2 times a pattern at costs 1, 4 and 1, 9: at 2 the first is half way in the logarithm."""
    pattern = np.random.default_rng(1).normal(size=30)
    pattern = (pattern - pattern.mean()) / pattern.std(ddof=1)
    test = by_days(np.outer([4.0, 1.0, 2.0, 3.0, 5.0, 9.0], pattern), [1.0, 4.0, 9.0, 1.0, 2.0, 0.0], ("a", "a", "b", "b", "c", "a"))  # fmt: skip
    table = bk.equal_cost(test, 2.0, samples=200)
    assert table["family"].tolist() == ["a", "b"]  # c has one setting, the free one is in none
    b = 3.0 * (2 / 3) ** (np.log(2) / np.log(9))
    np.testing.assert_allclose(table["std"], [2.0, b], rtol=1e-12)
    np.testing.assert_allclose(table["ratio"], [1.0, b / 2], rtol=1e-12)
    # all are the same days: the ratio has no error, the std has one
    np.testing.assert_allclose(table["ratio_low"], table["ratio_high"], rtol=1e-9)
    assert (table["std_low"] < table["std"]).all()
    np.testing.assert_allclose(
        table["es"] / table["std"], np.full(2, bk.shortfall(pattern)), rtol=1e-12
    )
    assert bk.equal_cost(test, 20.0)["family"].tolist() == []
    assert (bk.equal_cost(test, 2.0, against="b")["ratio"] == table["std"] / b).all()
    shared = bk.equal_cost(test)["cost"]
    assert shared.min() > 1
    assert shared.max() < 4
    for call, name in (
        (lambda: bk.equal_cost(test, 2.0, {"typo": "a"}), "'typo' is none of the policies a0"),
        (lambda: bk.frontier(test, {"typo": "a"}), "'typo' is none of the policies a0"),
        (lambda: bk.equal_cost(test, 2.0, against="z"), "'z' is none of the families a, b, c"),
    ):
        with pytest.raises(KeyError, match=name):
            call()
    with pytest.raises(ValueError, match="no family has two settings"):
        bk.equal_cost(by_days(np.outer([1.0], pattern), [1.0], ("a",)))


def test_every_table_is_a_frame() -> None:
    pl = pytest.importorskip("polars")
    tape = made()
    hedge = bk.futures(tape, quotes(), days=9)
    test = bk.run(tape, bk.straddle(), {"clock": [hg.Clock(every=k) for k in (2, 8)]}, costs=COSTS, futures=hedge)  # fmt: skip
    for table in (
        test, test.carried, hedge, bk.funding(tape), bk.scorecard(test, samples=100), bk.frontier(test), bk.equal_cost(test, samples=100),
        bk.split(test), test.ledger("clock #1"),
    ):  # fmt: skip
        frame = table.to_frame("polars")  # type: ignore[attr-defined]
        assert isinstance(frame, pl.DataFrame)
        assert frame.height > 0
    assert np.diff(tape.snapshots.view("M8[us]"))[0] == HOUR * 6


def test_a_price_needs_an_index_of_its_time() -> None:
    """Chains once a day, a perpetual and futures each six hours while the price halves: the premium is 0.1 % all the same."""
    daily = taken(CHAIN, np.char.endswith(CHAIN["snapshot"].astype(np.str_), "T08"))
    times, price = hourly()
    fall = np.linspace(1.0, 0.5, len(price))
    daily = {**daily, **{name: daily[name] * np.interp(daily["timestamp"].astype(float), times.astype(float), fall) for name in ("index", "forward")}}  # fmt: skip
    tape_bars = {**BARS, "close": BARS["close"] * fall[1:]}
    at = np.arange(0, len(times) - 1, 6)
    when = times[at] + np.timedelta64(30 * 60, "s")
    rows = {
        "timestamp": when,
        "base": np.full(len(at), "BTC"),
        "last": price[at] * fall[at] * 1.001,
    }
    found = {f.name: f.count for f in made(chains=daily, bars=tape_bars, perpetual=rows).found}
    days = len(np.unique(daily["timestamp"]))
    assert found["perpetual without an index beside it: left out"] == len(at) - days
    tape = made(chains=daily, bars=tape_bars, perpetual=rows)
    seen = tape.premium[np.isfinite(tape.premium)]
    np.testing.assert_allclose(seen, 1e-3, atol=2e-3)  # the price is of five minutes later
    own = {**rows, "index": price[at] * fall[at]}
    tape = made(chains=daily, bars=tape_bars, perpetual=own)
    np.testing.assert_allclose(tape.premium[np.isfinite(tape.premium)], 1e-3, rtol=1e-9)
    late = {**quotes(), "timestamp": quotes()["timestamp"] + np.timedelta64(20 * 60, "s")}
    with pytest.raises(ValueError, match="no future of BTC within ten minutes"):
        bk.futures(made(), late)
    one = {name: np.append(column, late[name][5:6]) for name, column in quotes().items()}
    hedge = bk.futures(made(), one, days=9)
    assert [(f.name, f.count) for f in hedge.found] == [("future without an index beside it: left out", 1)]  # fmt: skip


def test_few_days_have_no_errors() -> None:
    test = bk.run(made(end="2026-01-05"), bk.straddle(), {"clock": [hg.Clock(every=k) for k in (1, 4)]}, costs=COSTS)  # fmt: skip
    with pytest.raises(ValueError, match="there are 4 days: errors need ten or more; samples = 0"):
        bk.scorecard(test)
    card = bk.scorecard(test, samples=0)
    assert np.isnan(card["std_low"]).all()
    np.testing.assert_allclose(card["std"], bk.daily(test).std(axis=1, ddof=1))
    short = bk.run(made(end="2026-01-01T20:00"), bk.straddle(), hg.Clock())
    with pytest.raises(ValueError, match="there is one day"):
        bk.scorecard(short, samples=0)
