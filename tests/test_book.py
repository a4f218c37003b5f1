"""Books and markets: what goes in, and that the risk of a book is that of its options."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore.risk import MEASURES

JUNE, DECEMBER = "2026-06-26T08:00", "2026-12-25T08:00"
NAMES = [
    "BTC-26JUN26-90000-C", "BTC-26JUN26-80000-P", "BTC-25DEC26-100000-C", "BTC-PERPETUAL", "BTC-25DEC26",
    "ETH-26JUN26-3000-C", "ETH_USDC-PERPETUAL", "BTC_USDC-26JUN26-95000-P", "BTC", "USDC", "BTC-26JUN26-90000-C",
]  # fmt: skip
QUANTITIES = [10, -20, 5, -250_000.0, 100_000, 100, -50, 7, 2.5, 10_000, -3]


def smile(base: str, forward: Any, strike: Any, expiry: Any) -> Any:
    """A surface: the same for every coin."""
    assert base in ("BTC", "ETH", "SOL")
    return 0.5 + 0.2 * np.log(strike / forward) ** 2 + 0.01 * expiry


def market(**change: Any) -> hc.Market:
    arguments: dict[str, Any] = {
        "time": "2026-06-10T13:30",
        "index": {"BTC": 88_000, "ETH": 3_100},
        "forwards": {
            ("BTC", JUNE): 88_100, ("BTC", DECEMBER): 90_000, ("ETH", JUNE): 3_105, ("ETH", DECEMBER): 3_200,
        },
        "vols": smile,
    }  # fmt: skip
    return hc.Market(**arguments | change)


def book(names: list[str] = NAMES, quantities: Any = QUANTITIES) -> hc.Book:
    return hc.Book.from_frame({"instrument": names, "quantity": quantities})


class Table:
    """Something with nothing but Arrow's PyCapsule interface."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "frame",
    [
        {"instrument": NAMES, "quantity": QUANTITIES},
        {
            "instrument_name": np.array(NAMES),
            "quantity": np.array(QUANTITIES),
            "note": ["x"] * len(NAMES),
        },
        pd.DataFrame({"instrument": NAMES, "quantity": QUANTITIES}, index=range(5, 5 + len(NAMES))),
        pl.DataFrame({"instrument": NAMES, "quantity": [float(q) for q in QUANTITIES]}),
        Table(pl.DataFrame({"instrument": NAMES, "quantity": [float(q) for q in QUANTITIES]})),
    ],
)
def test_ways_to_make_a_book(frame: Any) -> None:
    made = hc.Book.from_frame(frame)
    assert len(made) == len(NAMES)
    assert made.to_frame("polars")["name"].to_list() == NAMES
    np.testing.assert_array_equal(made.quantity, QUANTITIES)


def test_book_by_terms_is_the_book_by_names() -> None:
    by_names = book([*NAMES[:3], NAMES[7]], [1, 2, 3, 4])
    by_terms = hc.Book.from_frame(
        {
            "base": ["BTC"] * 4,
            "kind": ["call", "P", 1, -1],
            "strike": [90_000, 80_000, 100_000, 95_000],
            "expiry_time": [JUNE, JUNE, "2026-12-25T09:00+01:00", dt.datetime(2026, 6, 26, 8)],
            "settlement": ["inverse"] * 3 + ["linear"],
            "quantity": [1, 2, 3, 4],
        }
    )
    a, b = by_names.risk(market()), by_terms.risk(market())
    for name in MEASURES:
        np.testing.assert_array_equal(a.table()[name], b.table()[name], err_msg=name)


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "positions.csv"
    path.write_text(
        "instrument, quantity\n"
        + "\n".join(f"{n},{q}" for n, q in zip(NAMES, QUANTITIES, strict=True))
    )
    np.testing.assert_array_equal(hc.Book.from_csv(path).quantity, QUANTITIES)
    path.write_text("instrument,quantity\nBTC-PERPETUAL,ten\n")
    with pytest.raises(
        ValueError, match=r"positions.csv: line 2: quantity = 'ten' is not a number"
    ):
        hc.Book.from_csv(path)
    path.write_text("instrument,quantity\nBTC-PERPETUAL,10\nBTC-PERPETUAL\n")
    with pytest.raises(ValueError, match=r"line 3 has not as many fields"):
        hc.Book.from_csv(path)
    path.write_text("")
    with pytest.raises(ValueError, match="no positions"):
        hc.Book.from_csv(path)
    path.write_bytes(b"\xff\xfe\x00i\x00n")
    with pytest.raises(ValueError, match="not a CSV file"):
        hc.Book.from_csv(path)


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        ({"instrument": ["BTC-PERPETUAL"]}, ValueError, "needs a column 'quantity'; there are instrument"),
        ({"quantity": [1.0]}, ValueError, "needs a column 'instrument', or 'base'"),
        ({"instrument": ["BTC-PERPETUAL", "BTC-32JAN26-1-C", "?"], "quantity": [1, 2, 3]}, ValueError,
         r"instrument\[1\]: .*BTC-32JAN26-1-C.*\(2 such names in all\)"),
        ({"instrument": ["BTC-CS-27MAR26-90000_100000"], "quantity": [1]}, ValueError, "is a combo: give its legs"),
        ({"instrument": ["BTC-PERPETUAL"] * 2, "quantity": [1, np.nan]}, ValueError, r"quantity\[1\] = nan must be finite"),
        ({"instrument": ["BTC-PERPETUAL"], "quantity": ["many"]}, TypeError, "quantity must be numbers"),
        ({"instrument": ["BTC-PERPETUAL"], "quantity": [1, 2]}, ValueError, "columns of different lengths"),
        ({"base": ["BTC"], "strike": [1.0], "quantity": [1], "expiry_time": [JUNE]}, ValueError, "column 'kind'"),
        ({"base": ["BTC"], "strike": [1.0], "kind": ["C"], "quantity": [1]}, ValueError, r"expiry_time\[0\] = NaT must be given"),
        ({"base": ["BTC"], "strike": [-1.0], "kind": ["C"], "quantity": [1], "expiry_time": [JUNE]}, ValueError, r"strike\[0\] = -1.0"),
        ({"base": ["BTC"], "type": ["swap"], "quantity": [1]}, ValueError, r"type\[0\] = swap must be one of option"),
        ({"base": ["BTC"], "type": ["perpetual"], "settlement": ["quanto"], "quantity": [1]}, ValueError, r"settlement\[0\] = quanto"),
        (5, TypeError, "data must be a pandas or polars frame"),
    ],
)  # fmt: skip
def test_clear_errors(frame: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        hc.Book.from_frame(frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index": {"BTC": -1}}, "index of BTC = -1.0 must be finite and positive"),
        ({"forwards": {("BTC", JUNE): np.nan}}, r"forward of .* = nan must be finite"),
        ({"prices": {"BTC-PERPETUAL": 0}}, "price of BTC-PERPETUAL = 0.0"),
        ({"time": "yesterday"}, "time: .*yesterday"),
    ],
)
def test_clear_errors_of_markets(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        market(**change)


def test_risk_is_the_signed_sum_of_the_options() -> None:
    """By hand: every measure of every instrument from the Greeks of one option."""
    m = market()
    got = book().risk(m).positions()
    by_name = {
        str(n): {k: got[k][i] for k in (*MEASURES, "quantity")}
        for i, n in enumerate(got["instrument"])
    }
    assert by_name["BTC-26JUN26-90000-C"]["quantity"] == 7
    year = 365 * 86_400
    now = np.datetime64("2026-06-10T13:30")
    for name, base, when, k, kind, settlement in (
        ("BTC-26JUN26-90000-C", "BTC", JUNE, 90_000, 1, "inverse"),
        ("BTC-26JUN26-80000-P", "BTC", JUNE, 80_000, -1, "inverse"),
        ("BTC-25DEC26-100000-C", "BTC", DECEMBER, 100_000, 1, "inverse"),
        ("ETH-26JUN26-3000-C", "ETH", JUNE, 3_000, 1, "inverse"),
        ("BTC_USDC-26JUN26-95000-P", "BTC", JUNE, 95_000, -1, "linear"),
    ):
        row = by_name[name]
        q, s = row["quantity"], m.index[base]
        f = m.forwards[base, np.datetime64(when, "us")]
        t = (np.datetime64(when) - now) / np.timedelta64(1, "s") / year
        vol = 0.5 + 0.2 * np.log(k / f) ** 2 + 0.01 * t
        option = {"strike": k, "expiry": t, "vol": vol, "forward": f, "which": "all"}
        usd, coin = hc.greeks(kind, **option), hc.greeks(kind, **option, settlement="inverse")
        inverse = settlement == "inverse"
        expected = {
            "value_coin": coin.price if inverse else usd.price / s,
            "value_usd": coin.price * s if inverse else usd.price,
            "net_delta": coin.delta if inverse else usd.delta * f / s,
            "black_delta": usd.delta * f / s,
            "usd_delta": usd.delta if inverse else usd.delta * f / s,
            "gamma": usd.gamma * (f / s) ** 2,
            "gamma_1pct": usd.gamma * f * f / s / 100,
            "net_gamma_1pct": coin.gamma * f / 100 if inverse else usd.gamma * f * f / s / 100,
            "gamma_usd_1pct": usd.gamma * f * f / 100,
            "vega_coin": (coin.vega if inverse else usd.vega / s) / 100,
            "vega_usd": (coin.vega * s if inverse else usd.vega) / 100,
            "vega_weighted": (coin.vega * s if inverse else usd.vega) / 100 * np.sqrt(30 / 365 / t),
            "theta_coin": (coin.theta if inverse else usd.theta / s) / 365,
            "theta_usd": (coin.theta * s if inverse else usd.theta) / 365,
        }
        for measure, value in expected.items():
            assert row[measure] == pytest.approx(q * value, rel=1e-12), (name, measure)
    perpetual, future = by_name["BTC-PERPETUAL"], by_name["BTC-25DEC26"]
    assert perpetual["net_delta"] == pytest.approx(-250_000 / 88_000)
    assert future["net_delta"] == pytest.approx(100_000 / 90_000)
    assert future["black_delta"] == pytest.approx(100_000 / 88_000)
    assert by_name["ETH_USDC-PERPETUAL"]["net_delta"] == -50
    assert by_name["BTC"]["equity_coin"] == by_name["BTC"]["usd_delta"] == 2.5
    assert by_name["USDC"]["value_usd"] == 10_000
    assert by_name["BTC"]["net_delta"] == 0


@pytest.mark.parametrize("strikes", [False, True, [85_000.0, 95_000.0]])
def test_buckets_add_up(strikes: Any) -> None:
    risk = book().risk(market(), strikes=strikes)
    positions = risk.positions()
    levels = ("underlying", "expiry") if strikes is False else ("underlying", "expiry", "strike")
    for by in levels:
        table = risk.table(by)
        for name in MEASURES:
            for base in ("BTC", "ETH", "USDC"):
                assert table[name][table["underlying"] == base].sum() == pytest.approx(
                    positions[name][positions["underlying"] == base].sum(), rel=1e-12, abs=1e-9
                ), (by, name, base)
    if strikes is False:
        with pytest.raises(ValueError, match="strikes were not kept"):
            risk.table("strike")
    elif strikes is not True:
        assert set(risk.table("strike")["strike"][:3]) <= {-np.inf, 85_000.0, 95_000.0}
    with pytest.raises(ValueError, match="by must be"):
        risk.table("moon")  # type: ignore[arg-type]


def test_mirror_book_cancels() -> None:
    one = book()
    both = (one + -one).risk(market())
    assert len(one + -one) == 2 * len(one)
    for name in MEASURES:
        assert np.all(both[name] == 0) or name == "positions", name
    twice = (2 * one).risk(market())
    single = one.risk(market())
    for name in MEASURES:
        if name != "positions":
            np.testing.assert_array_equal(twice[name], 2 * single[name], err_msg=name)


def test_coin_and_usd_convert_through_the_index() -> None:
    table = book().risk(market()).table("expiry")
    index = np.array([{"BTC": 88_000, "ETH": 3_100, "USDC": 1}[b] for b in table["underlying"]])
    for coin, usd in (("value_coin", "value_usd"), ("vega_coin", "vega_usd"), ("theta_coin", "theta_usd"),
                      ("gamma_1pct", "gamma_usd_1pct")):  # fmt: skip
        np.testing.assert_array_equal(table[coin] * index, table[usd])


def values(held: hc.Book, spot: float) -> tuple[float, float]:
    """Value in coin and in USD with the whole curve moved in proportion."""
    factor = spot / 88_000.0
    moved = market(
        index={"BTC": spot},
        forwards={("BTC", JUNE): 88_100 * factor, ("BTC", DECEMBER): 90_000 * factor},
        vols=0.55,
    )
    total = held.risk(moved).total["BTC"]
    return total["value_coin"], total["value_usd"]


def hedged(kind: str) -> hc.Book:
    """An inverse book with an inverse perpetual that brings one of its deltas to zero."""
    options = book(["BTC-26JUN26-90000-C", "BTC-25DEC26-80000-P", "BTC"], [10, -4, 3])
    delta = options.risk(market(vols=0.55)).total["BTC"][kind]
    perpetual = hc.Book.from_frame(
        {"instrument": ["BTC-PERPETUAL"], "quantity": [-delta * 88_000], "entry_price": [88_000.0]}
    )
    return options + perpetual


def test_net_delta_zero_means_no_first_order_profit_in_coin() -> None:
    neutral = hedged("net_delta")
    up, down = values(neutral, 88_000 * 1.001)[0], values(neutral, 88_000 * 0.999)[0]
    unhedged = book(["BTC-26JUN26-90000-C", "BTC-25DEC26-80000-P", "BTC"], [10, -4, 3])
    before = values(unhedged, 88_000 * 1.001)[0] - values(unhedged, 88_000 * 0.999)[0]
    assert abs(up - down) < 1e-5 * abs(before)


def test_usd_delta_zero_means_no_first_order_profit_in_usd() -> None:
    """Black deltas plus the coin equity hedged away: nothing left in USD."""
    neutral = hedged("usd_delta")
    up, down = values(neutral, 88_000 * 1.001)[1], values(neutral, 88_000 * 0.999)[1]
    unhedged = book(["BTC-26JUN26-90000-C", "BTC-25DEC26-80000-P", "BTC"], [10, -4, 3])
    before = values(unhedged, 88_000 * 1.001)[1] - values(unhedged, 88_000 * 0.999)[1]
    assert abs(up - down) < 1e-5 * abs(before)
    # with the forward at the index it is the Black delta plus equity
    flat = market(forwards={("BTC", JUNE): 88_000, ("BTC", DECEMBER): 88_000}, vols=0.55)
    total = unhedged.risk(flat).total["BTC"]
    assert total["usd_delta"] == pytest.approx(
        total["black_delta"] + total["equity_coin"], rel=1e-12
    )


def test_net_transaction_delta_of_the_exchange() -> None:
    """BTC-27SEP24-40000-C of 2023-11-10: 0.59833 - 0.2169 coins."""
    one = book(["BTC-27SEP24-40000-C"], [1])
    m = hc.Market("2023-11-10T05:18:31.632", index={"BTC": 37_000}, vols=0.6086,
                  forwards={("BTC", "2024-09-27T08:00"): 39_165.86})  # fmt: skip
    total = one.risk(m).total["BTC"]
    assert total["net_delta"] == pytest.approx(0.59833 - 0.2169, abs=5e-5)
    assert total["black_delta"] * 37_000 / 39_165.86 == pytest.approx(0.59833, abs=2e-5)
    assert total["value_coin"] == pytest.approx(0.2169, abs=5e-5)


def test_profit_of_futures() -> None:
    """Worth N (1/entry - 1/p) coins, or q (p - entry) in the quote currency."""
    held = hc.Book.from_frame(
        {
            "instrument": ["BTC-PERPETUAL", "BTC-PERPETUAL", "ETH_USDC-PERPETUAL"],
            "quantity": [10_000.0, -4_000, 2],
            "entry_price": [80_000.0, 85_000, 3_000],
        }
    )
    total = held.risk(market()).total
    expected = 10_000 * (1 / 80_000 - 1 / 88_000) - 4_000 * (1 / 85_000 - 1 / 88_000)
    assert total["BTC"]["value_coin"] == pytest.approx(expected, rel=1e-12)
    assert total["ETH"]["value_usd"] == pytest.approx(200)
    partial = hc.Book.from_frame(
        {"instrument": ["BTC-PERPETUAL"] * 2, "quantity": [1.0, 2], "entry_price": [80_000, np.nan]}
    )
    with pytest.raises(ValueError, match="entry_price of BTC-PERPETUAL is given for some"):
        partial.risk(market())


def test_completeness() -> None:
    held = book(
        ["BTC-26JUN26-90000-C", "BTC-25SEP26-90000-C", "SOL_USDC-PERPETUAL", "BTC-5JUN26-90000-C", "BTC-PERPETUAL",
         "BTC-25DEC26-90000-P"],
        [1, 2, 3, 4, 0, 5],
    )  # fmt: skip
    risk = held.risk(market(vols=lambda *terms: np.where(terms[3] < 0.3, 0.5, np.nan)))
    c = risk.completeness
    assert c.no_quote == ("BTC-25SEP26-90000-C", "SOL_USDC-PERPETUAL")
    assert c.no_vol == ("BTC-25DEC26-90000-P",)
    assert c.expired == ("BTC-5JUN26-90000-C",)
    assert (c.positions, c.valued, c.closed) == (6, 1, 1)
    assert "left out: 2 without quote, 1 without vol, 1 expired" in repr(risk)
    alone = book(["BTC-26JUN26-90000-C"], [1]).risk(market(vols=0.5))
    assert risk.total["BTC"]["value_coin"] == alone.total["BTC"]["value_coin"]


def test_discounting_by_currency() -> None:
    one = book(["BTC_USDC-26JUN26-95000-P"], [1])
    plain, discounted = one.risk(market()), one.risk(market(rates={"USDC": 0.05}))
    t = (
        (np.datetime64(JUNE) - np.datetime64("2026-06-10T13:30"))
        / np.timedelta64(1, "s")
        / (365 * 86_400)
    )
    ratio = discounted.total["BTC"]["value_usd"] / plain.total["BTC"]["value_usd"]
    assert ratio == pytest.approx(np.exp(-0.05 * t), rel=1e-12)


def test_gamma_exposure_of_a_dealer() -> None:
    held = book(["BTC-26JUN26-90000-C", "BTC-26JUN26-90000-P", "BTC-25DEC26-90000-C"], [10, 4, 1])
    risk = held.risk(market())
    plain, dealer = risk.gamma_exposure(), risk.gamma_exposure(dealer=True)
    assert plain["strike"].tolist() == [90_000.0]
    assert plain["gamma_usd_1pct"][0] == pytest.approx(risk.total["BTC"]["gamma_usd_1pct"])
    puts = book(["BTC-26JUN26-90000-P"], [4]).risk(market()).total["BTC"]["gamma_usd_1pct"]
    assert dealer["gamma_usd_1pct"][0] == pytest.approx(plain["gamma_usd_1pct"][0] - 2 * puts)


LIMITS = {
    "BTC": {
        "net_delta": 1,
        "vega_usd": [-1e9, 1e9],
        "expiry": {"vega_usd": 1_000},
        "strike": {"gamma_usd_1pct": 30_000},
    },
    "total": {"vega_usd": 10},
}


def test_breaches() -> None:
    held = book()
    risk = held.risk(market(), strikes=True)
    breaches = held.check(LIMITS)
    assert {(b.underlying, b.measure) for b in breaches} >= {
        ("BTC", "net_delta"),
        ("total", "vega_usd"),
    }
    for b in breaches:
        assert b.excess == pytest.approx(max(b.value - b.high, b.low - b.value))
        assert b.excess > 0
        assert all(np.sign(amount) == np.sign(b.value) for _, amount in b.positions)
    delta = next(b for b in breaches if b.measure == "net_delta")
    assert delta.value == risk.total["BTC"]["net_delta"]
    assert "beyond" in str(delta)
    order = [b.excess / max(abs(b.high if b.value > b.high else b.low), 1e-300) for b in breaches]
    assert order == sorted(order, reverse=True)
    assert held.check({"BTC": {"net_delta": 1e9}}) == []
    at = abs(delta.value)
    assert held.check({"BTC": {"net_delta": at * (1 - 1e-12)}}) == []  # sums are rounded
    assert held.check({"BTC": {"net_delta": at * (1 - 1e-6)}})
    without = held.risk(market())
    assert not without.has_strikes
    assert [str(b) for b in without.check(LIMITS)] == [str(b) for b in breaches]
    assert (
        hc.Book.from_frame({"instrument": ["BTC"], "quantity": [1]}).check(
            {"BTC": {"vega_usd": 1}}, market()
        )
        == []
    )


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"BTC": {"delta": 1}}, "BTC.delta: no such measure; there are value_coin"),
        (
            {"BTC": {"net_delta": "x"}},
            "BTC.net_delta = 'x' must be a number that is not negative or a pair",
        ),
        ({"BTC": {"net_delta": [2, 1]}}, r"or a pair \[low, high\]"),
        ({"BTC": {"net_delta": True}}, "must be a number"),
        ({"BTC": 5}, "limits of 'BTC' = 5 must be a table"),
        ({"btc": {"net_delta": 1}}, "limits of 'btc': did you mean 'BTC'"),
        ({"total": {"net_delta": 1}}, "total over underlyings is limited in USD measures only"),
        ({"total": {"expiry": {"vega_usd": 1}}}, "must be a table of measures of one underlying"),
    ],
)
def test_wrong_limits(limits: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        book().risk(market()).check(limits)


def test_limits_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(
        "[BTC]\nnet_delta = 1\n[BTC.expiry]\nvega_usd = 1_000\n[total]\nvega_usd = 10\n"
    )
    held = book()
    assert len(held.check(path, market())) >= 3
    path.write_text("[BTC\n")
    with pytest.raises(ValueError, match=r"limits.toml: "):
        held.check(path, market())
    with pytest.raises(ValueError, match="give the market"):
        book().check(LIMITS)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_netting_changes_nothing(rows: list[tuple[str, float]]) -> None:
    names, quantities = zip(*rows, strict=True)
    whole = book(list(names), list(quantities)).risk(market())
    net: dict[str, float] = {}
    for name, quantity in rows:
        net[name] = net.get(name, 0.0) + quantity
    merged = book(list(net), list(net.values())).risk(market())
    for base, total in whole.total.items():
        for measure, value in total.items():
            other = merged.total.get(base, {}).get(measure, 0.0)
            assert value == pytest.approx(other, rel=1e-9, abs=1e-5), (base, measure)


def test_threads_and_order_of_summation() -> None:
    rng = np.random.default_rng(2)
    n = 50_000
    held = hc.Book.from_frame(
        {
            "base": rng.choice(["BTC", "ETH"], n), "kind": rng.choice([1, -1], n),
            "strike": rng.uniform(1_000, 100_000, n), "settlement": rng.choice(["inverse", "linear"], n),
            "expiry_time": rng.choice(np.array([JUNE, DECEMBER], "M8[us]"), n), "quantity": rng.normal(size=n),
        }
    )  # fmt: skip
    one = held.risk(market(), threads=1)
    for threads in (2, 5):
        other = held.risk(market(), threads=threads)
        for name in MEASURES:
            np.testing.assert_array_equal(one[name], other[name])
    positions = one.positions()
    for name in MEASURES:
        assert one[name].sum() == pytest.approx(positions[name].sum(), rel=1e-9, abs=1e-6)


def test_infinite_gamma_of_a_closed_position_does_not_count() -> None:
    m = hc.Market(
        JUNE, index={"BTC": 90_000}, forwards={("BTC", JUNE): 90_000}, vols=0.5, averaging=0
    )
    held = book(["BTC-26JUN26-90000-C", "BTC-26JUN26-80000-C"], [0, 2])
    assert held.risk(m).total["BTC"]["gamma"] == 0.0
    assert book(["BTC-26JUN26-90000-C"], [1]).risk(m).total["BTC"]["gamma"] == np.inf
    # where the settlement price is an average, nothing moves any more at expiry
    assert (
        book(["BTC-26JUN26-90000-C"], [1]).risk(m.replaced(averaging=1800)).total["BTC"]["gamma"]
        == 0.0
    )


def test_settlement_window() -> None:
    """Half way through the averaging a call of delta 1 and mark 0.3 counts (1 - 0.3) / 2 (Deribit's example)."""
    held = book(["BTC-26JUN26-63000-C", "BTC-26JUN26", "BTC-PERPETUAL"], [1, 90_000, 90_000])
    common = {"index": {"BTC": 90_000}, "forwards": {("BTC", JUNE): 90_000}, "vols": 0.5}
    names = ["BTC-26JUN26-63000-C", "BTC-26JUN26", "BTC-PERPETUAL"]
    for minutes, left in ((60, 1.0), (30, 1.0), (15, 0.5), (6, 0.2), (0, 0.0)):
        when = np.datetime64(JUNE) - np.timedelta64(minutes, "m")
        got = held.risk(hc.Market(when, **common)).positions()
        assert got["instrument"].tolist() == sorted(names)
        by_name = dict(zip(got["instrument"].tolist(), got["net_delta"].tolist(), strict=True))
        assert by_name["BTC-26JUN26-63000-C"] == pytest.approx(left * 0.7, rel=1e-9)
        assert by_name["BTC-26JUN26"] == pytest.approx(left)
        assert by_name["BTC-PERPETUAL"] == pytest.approx(1.0)


def test_what_cannot_be_valued_breaches_its_limits() -> None:
    held = book(["BTC-25DEC27-100000-C", "BTC-PERPETUAL", "ETH-26JUN26-3000-C"], [1e6, 10, 1])
    (breach,) = held.check({"BTC": {"vega_usd": 10}}, market())
    assert (breach.measure, breach.value, breach.underlying) == ("unvalued", 1.0, "BTC")
    assert breach.positions == (("BTC-25DEC27-100000-C", 1e6),)
    assert held.check({"ETH": {"vega_usd": 1e9}}, market()) == []
    assert held.check({"total": {"vega_usd": 1e9}}, market())[0].measure == "unvalued"


def test_markets_and_books_do_not_change() -> None:
    """What was asked of them stays true: bump-and-revalue needs another market."""
    m, held = market(), book()
    before = held.risk(m).total["BTC"]["value_usd"]
    with pytest.raises(TypeError):
        m.index["BTC"] = 1.0  # type: ignore[index]
    with pytest.raises(AttributeError, match="a Market does not change"):
        m.vols = 0.1
    with pytest.raises(ValueError, match="read-only"):
        held.quantity[0] = 5.0
    up = m.replaced(index={"BTC": 96_800, "ETH": 3_100})
    assert held.risk(up).total["BTC"]["value_usd"] != before
    assert held.risk(m).total["BTC"]["value_usd"] == before


def test_profit_of_a_closed_future_stays() -> None:
    closed = hc.Book.from_frame(
        {
            "instrument": ["BTC-PERPETUAL"] * 2,
            "quantity": [100_000.0, -100_000],
            "entry_price": [60_000.0, 70_000],
        }
    )
    total = closed.risk(market()).total["BTC"]
    assert total["value_coin"] == pytest.approx(100_000 * (1 / 60_000 - 1 / 70_000))
    assert total["net_delta"] == 0.0
    assert closed.risk(market()).positions()["value_coin"].sum() == pytest.approx(
        total["value_coin"]
    )


def test_rows_with_a_kind_or_an_expiry_are_no_balances() -> None:
    terms = {
        "base": ["BTC", "BTC"],
        "kind": ["C", "C"],
        "strike": [50_000, None],
        "expiry_time": [JUNE, JUNE],
    }
    with pytest.raises(ValueError, match=r"strike\[1\] = nan must be given"):
        hc.Book.from_frame({**terms, "quantity": [1, 2]})
    future = hc.Book.from_frame(
        {"base": ["BTC"], "expiry_time": ["2026-06-26"], "settlement": ["inverse"], "quantity": [1]}
    )
    assert future.instruments.columns()["type"].tolist() == ["future"]
    assert future.instruments.expiry_time[0] == np.datetime64(JUNE)


def test_contract_sizes_of_named_instruments_multiply() -> None:
    held = hc.Book.from_frame(
        {"instrument": ["BTC-PERPETUAL"], "quantity": [5], "contract_size": [10]}
    )
    assert held.net_quantity.tolist() == [50.0]


@pytest.mark.parametrize("price", [0.0, -1.0, np.inf])
def test_wrong_entry_prices(price: float) -> None:
    with pytest.raises(ValueError, match=r"entry_price\[0\] = .* must be positive and finite"):
        hc.Book.from_frame(
            {"instrument": ["BTC-PERPETUAL"], "quantity": [5], "entry_price": [price]}
        )


def test_csv_of_a_frame_with_its_index(tmp_path: Path) -> None:
    path = tmp_path / "positions.csv"
    pd.DataFrame({"instrument": NAMES, "quantity": QUANTITIES}).to_csv(path)
    assert len(hc.Book.from_csv(path)) == len(NAMES)
    path.write_text("\n\ninstrument,quantity\nBTC-PERPETUAL,1\nBTCPERPETUAL,2\n")
    with pytest.raises(ValueError, match=r"instrument in line 5: .*BTCPERPETUAL"):
        hc.Book.from_csv(path)
    path.write_text("instrument,quantity,quantity\nBTC-PERPETUAL,1,2\n")
    with pytest.raises(ValueError, match="a column name stands twice"):
        hc.Book.from_csv(path)


def test_breach_of_a_strike_bucket_names_its_own_positions() -> None:
    held = book(["BTC-26JUN26-80000-P", "BTC-26JUN26-90000-C"], [50, 50])
    risk = held.risk(market(), strikes=[85_000.0])
    breaches = risk.check({"BTC": {"strike": {"gamma_usd_1pct": 1}}})
    by_bucket = {b.bucket.split()[-1]: [name for name, _ in b.positions] for b in breaches}
    assert by_bucket == {"85000": ["BTC-26JUN26-90000-C"], "-inf": ["BTC-26JUN26-80000-P"]}


def test_a_million_buckets_fit_in_memory() -> None:
    """Per-position risk of many options: the partial sums of the core stay bounded."""
    n = 200_000
    rng = np.random.default_rng(3)
    held = hc.Book.from_frame(
        {
            "base": np.full(n, "BTC"), "kind": rng.choice([1, -1], n), "strike": rng.uniform(5e4, 1.2e5, n),
            "expiry_time": np.full(n, np.datetime64(JUNE, "us")), "settlement": np.full(n, "inverse"),
            "quantity": rng.normal(size=n),
        }
    )  # fmt: skip
    risk = held.risk(market())
    positions = risk.positions()
    assert positions["net_delta"].sum() == pytest.approx(risk["net_delta"].sum(), rel=1e-9)


def test_a_column_in_brackets_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text("[E. = [7]]\n1\n")
    with pytest.raises(ValueError, match=r"needs a column 'quantity'; there are \[E. = \[7\]\]"):
        hc.Book.from_csv(path)
