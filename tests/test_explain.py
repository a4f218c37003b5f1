"""P&L between two markets: the sum of its lines, their orders, settlements, currencies, real chains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore.explain import TERMS
from hedgecore.surface.dynamics import HullWhite, SkewStickiness, StickyMoneyness
from test_book import DECEMBER, JUNE, NAMES, QUANTITIES
from test_dynamics import SURFACES

ENTRIES = {"BTC-PERPETUAL": 80_000.0, "BTC-25DEC26": 91_000.0, "ETH_USDC-PERPETUAL": 3_000.0}
START = np.datetime64("2026-06-10T13:30", "us")
YEAR = 3.1536e13
EPS = 2.0**-53
MODEL = [name for name in TERMS if name not in ("residual", "translation")]


def market(
    spot: float = 0.0, vol: float = 0.0, years: float = 0.0, basis: float = 0.0, rate: float = 0.0, **change: Any
) -> hc.Market:  # fmt: skip
    """A market moved: prices by a factor, vols by an amount, forwards by another factor, time, the rate of USDC."""
    u, f = 1 + spot, (1 + spot) * (1 + basis)
    arguments: dict[str, Any] = {
        "time": START + np.timedelta64(round(years * YEAR), "us"),
        "index": {"BTC": 88_000 * u, "ETH": 3_100 * u},
        "forwards": {
            ("BTC", JUNE): 88_100 * f, ("BTC", DECEMBER): 90_000 * f,
            ("ETH", JUNE): 3_105 * f, ("ETH", DECEMBER): 3_200 * f,
        },
        "prices": {"BTC-PERPETUAL": 88_020 * f},
        "vols": lambda _, __, k, ___: 0.5 + 0.1 * np.log(k / 50_000) ** 2 + vol,
        "rates": {"USDC": 0.04 + rate},
        "currencies": {"USDC": 0.999},
    }  # fmt: skip
    return hc.Market(**arguments | change)


def book() -> hc.Book:
    prices = [ENTRIES.get(name, np.nan) for name in NAMES]
    return hc.Book.from_frame({"instrument": NAMES, "quantity": QUANTITIES, "entry_price": prices})


def check_sums(explained: Any) -> None:
    """To 16 half-ulps of the sum of magnitudes, in each bucket and view."""
    for columns in (explained.usd, explained.coin):
        total = sum(columns[name] for name in TERMS)
        size = sum(np.abs(columns[name]) for name in TERMS)
        assert (np.abs(total - columns["pnl"]) <= 16 * EPS * size).all()


moves = st.fixed_dictionaries(
    {
        "spot": st.floats(-0.6, 1.0), "vol": st.floats(-0.3, 1.0), "years": st.floats(0, 0.03),
        "basis": st.floats(-0.05, 0.05), "rate": st.floats(-0.05, 0.1),
    }
)  # fmt: skip


@given(
    move=moves,
    at=st.sampled_from(["start", "mid"]),
    rule=st.sampled_from([None, StickyMoneyness(SURFACES), SkewStickiness(SURFACES, 1.6), HullWhite((0.1, 0, 0), (0, 0.1, 0))]),
)  # fmt: skip
def test_the_lines_add_up_to_the_revaluation(move: Any, at: Any, rule: Any) -> None:
    held, before, after = book(), market(), market(**move)
    explained = held.explain(before, after, dynamics=rule, at=at)
    check_sums(explained)
    one, two = held.risk(before), held.risk(after)
    for name, columns in (("value_usd", explained.usd), ("value_coin", explained.coin)):
        scale = np.abs(one[name]) + np.abs(two[name])
        np.testing.assert_allclose(columns["pnl"], two[name] - one[name], atol=1e-12 * scale.max())
    assert explained.left_out == explained.settled == ()
    np.testing.assert_array_equal(explained.underlying, one.underlying)
    np.testing.assert_array_equal(explained.expiry_time, one.expiry_time)


@pytest.mark.parametrize("rule", [None, SkewStickiness(SURFACES, 1.6)])
@pytest.mark.parametrize(("at", "order"), [("start", 8.0), ("mid", 8.0)])
def test_residual_is_of_third_order(at: Any, order: float, rule: Any) -> None:
    """Halving the move divides it by eight; from the start where time goes with the square of the rest."""
    held, left = book(), []
    for h in (2e-2, 1e-2):
        years = h / 20 if at == "mid" else h * h
        after = market(h, 0.7 * h, years, 0.2 * h, 0.1 * h if at == "mid" else 0.0)
        left.append(held.explain(market(), after, at=at, dynamics=rule).usd["residual"])
    big, small = left
    shown = np.abs(small) > 1e-4  # futures alone have none
    assert shown.sum() >= 4
    np.testing.assert_allclose(big[shown] / small[shown], order, rtol=0.2)


def test_each_line_is_its_greek_times_its_move() -> None:
    """One inverse option, the Greeks of hc.greeks; and the same for a linear one."""
    f0, f1, t0, t1, v0, v1 = 88_000.0, 89_500.0, 0.1, 0.097, 0.6, 0.63
    s0, s1 = 87_500.0, 88_700.0
    when = START + np.timedelta64(round(t0 * YEAR), "us")
    for settlement in ("inverse", "linear"):
        held = hc.Book.from_frame(
            {"base": ["BTC"], "kind": ["put"], "strike": [85_000.0], "quantity": [-7.0], "expiry_time": [when],
             "settlement": [settlement]}
        )  # fmt: skip
        one = hc.Market(START, index={"BTC": s0}, forwards={("BTC", when): f0}, vols=v0)
        later = when - np.timedelta64(round(t1 * YEAR), "us")
        two = hc.Market(later, index={"BTC": s1}, forwards={("BTC", when): f1}, vols=v1)
        lines = held.explain(one, two, dynamics=HullWhite((0, 0, 0), (0.05, 0, 0)))
        g = hc.greeks(
            "put", strike=85_000.0, expiry=t0, vol=v0, forward=f0, settlement=settlement,
            which=("price", "delta", "gamma", "vega", "vanna", "volga", "theta"),
        )  # fmt: skip
        inverse = settlement == "inverse"
        slope = g["delta"] / f0 if inverse else g["delta"]
        bend = (g["gamma"] - slope) / f0 if inverse else g["gamma"]
        cross = g["vanna"] / f0 if inverse else g["vanna"]
        df, dv = f0 * (s1 / s0 - 1), v1 - v0
        slide = 0.05 / np.sqrt(t0) * np.log(f1 / f0)
        rest = f1 - f0 - df
        expected = {
            "delta": slope * df, "gamma": bend * df**2 / 2, "smile": g["vega"] * slide, "vega": g["vega"] * (dv - slide),
            "vanna": cross * (f1 - f0) * dv, "volga": g["volga"] * dv**2 / 2, "theta": g["theta"] * (t0 - t1),
            "carry": slope * rest + bend / 2 * ((f1 - f0) ** 2 - df**2), "funding": 0.0,
        }  # fmt: skip
        usd = -7 * (s1 if inverse else 1.0)
        for name, amount in expected.items():
            assert lines.usd[name][0] == pytest.approx(usd * amount, rel=1e-7), (settlement, name)
            assert lines.coin[name][0] == pytest.approx(usd * amount / s1, rel=1e-7)
        value = -7 * g["price"]
        translation = value * (s1 - s0) if inverse else 0.0
        assert lines.usd["translation"][0] == pytest.approx(translation, rel=1e-9)
        in_coin = 0.0 if inverse else value * (1 / s1 - 1 / s0)
        assert lines.coin["translation"][0] == pytest.approx(in_coin, rel=1e-9)


def test_futures_balances_and_funding() -> None:
    names = ["BTC-PERPETUAL", "ETH_USDC-PERPETUAL", "BTC", "USDC"]
    held = hc.Book.from_frame(
        {"instrument": names, "quantity": [88_020.0, 10.0, 2.0, 1_000.0], "entry_price": [80_000.0, np.nan, np.nan, np.nan]}
    )  # fmt: skip
    after = market(0.02, basis=0.001)
    lines = held.explain(market(), after, funding={"ETH_USDC-PERPETUAL": -25.0, "BTC": 0.01})
    check_sums(lines)
    where = {str(name): i for i, name in enumerate(lines.underlying)}
    eth = where["ETH"]
    assert lines.usd["delta"][eth] == pytest.approx(10 * 3_100 * 0.02 * 0.999)
    assert lines.usd["funding"][eth] == pytest.approx(-25 * 0.999)
    assert lines.usd["residual"][eth] == pytest.approx(0.0, abs=1e-9)
    assert lines.usd["pnl"][where["USDC"]] == 0.0
    btc = lines.table("underlying", "coin")
    row = list(btc["underlying"]).index("BTC")
    assert btc["funding"][row] == 0.01
    p0, p1 = 88_020.0, 88_020 * 1.02 * 1.001
    assert btc["pnl"][row] == pytest.approx(88_020 * (1 / p0 - 1 / p1) + 0.01, rel=1e-12)
    assert btc["delta"][row] == pytest.approx(0.02)
    assert btc["gamma"][row] == pytest.approx(-(0.02**2))
    value0 = 88_020 * (1 / 80_000 - 1 / p0) + 2.0  # the balance and the profit so far
    usd = lines.table()
    assert usd["translation"][row] == pytest.approx(value0 * 88_000 * 0.02)
    assert usd["pnl"][row] == pytest.approx(
        lines.usd["pnl"].sum() - lines.usd["pnl"][eth], rel=1e-12
    )


def test_settled_in_between() -> None:
    years = 17 / 365
    names = ["BTC-26JUN26-90000-C", "BTC-26JUN26-80000-P", "BTC-25DEC26-100000-C"]
    held = hc.Book.from_frame({"instrument": names, "quantity": [10.0, -5.0, 1.0]})
    before, after = market(), market(0.1, 0.05, years)
    plain = held.explain(before, after)
    assert plain.settled == ("BTC-26JUN26-80000-P", "BTC-26JUN26-90000-C")
    check_sums(plain)
    price = 88_000 * 1.1
    start = held.risk(before)
    payoff = 10 * (1 - 90_000 / price)
    assert plain.coin["pnl"][0] == pytest.approx(payoff - start["value_coin"][0], rel=1e-12)
    given_ = held.explain(
        before, after, settlements={("BTC", JUNE): 95_000.0}, dynamics=StickyMoneyness(SURFACES)
    )
    check_sums(given_)
    payoff = 10 * (1 - 90_000 / 95_000)
    assert given_.coin["pnl"][0] == pytest.approx(payoff - start["value_coin"][0], rel=1e-12)
    assert given_.usd["pnl"][0] == pytest.approx(payoff * price - start["value_usd"][0], rel=1e-12)
    assert given_.coin["vega"][0] == given_.coin["smile"][0] == 0.0
    assert "settled: BTC-26JUN26" in repr(plain)
    with pytest.raises(ValueError, match=r"settlement of BTC .* = 0 must be finite and positive"):
        held.explain(before, after, settlements={("BTC", JUNE): 0})
    for wrong in (("BTC", DECEMBER), ("ETH", JUNE)):
        with pytest.raises(ValueError, match=f"nothing of the book in {wrong[0]} expired at"):
            held.explain(before, after, settlements={wrong: 95_000.0})
    # what expired is expanded from the start at either choice
    expired = hc.Book.from_frame({"instrument": names[:2], "quantity": [10.0, -5.0]})
    for name, column in expired.explain(before, after).usd.items():
        middle = expired.explain(before, after, at="mid").usd[name]
        assert middle == pytest.approx(column, rel=1e-12, abs=1e-9)


def test_positions_tables_and_what_is_left_out() -> None:
    held = book()
    before = market()
    after = market(
        0.03, vols=lambda _, __, k, ___: np.where(k == 100_000, np.nan, 0.55), years=0.002
    )
    lines = held.explain(before, after, funding={"ETH": 0.5})
    assert lines.left_out == ("BTC-25DEC26-100000-C",)
    blocks = list(lines.positions(block=3))
    for name in ("pnl", *TERMS):
        for view, columns in (("usd", lines.usd), ("coin", lines.coin)):
            for base in ("BTC", "ETH"):
                own = np.concatenate(
                    [b[f"{name}_{view}"][b["underlying"] == base] for b in blocks]
                ).sum()
                total = columns[name][lines.underlying == base].sum()
                if base == "ETH" and name in ("pnl", "funding"):
                    own += 0.5 * (after.index["ETH"] if view == "usd" else 1.0)
                assert own == pytest.approx(total, rel=1e-9, abs=1e-9)
    assert lines.to_frame(library="polars").height == len(lines.underlying)
    assert lines.total["pnl"] == pytest.approx(lines.table("total")["pnl"][0])
    assert set(lines.table("expiry", "coin")) == {"underlying", "expiry_time", "pnl", *TERMS}
    assert 0 < lines.residual_share() < 0.2
    assert lines.residual_share("BTC", "coin") < 0.2
    assert "residual" in repr(lines)
    with pytest.raises(ValueError, match="in USD alone"):
        lines.table("total", "coin")
    with pytest.raises(ValueError, match="the book has nothing in 'SOL'"):
        lines.residual_share("SOL")


def test_nothing_happens() -> None:
    lines = book().explain(market(), market())
    for columns in (lines.usd, lines.coin):
        for name, column in columns.items():
            assert (column == 0).all(), name
    assert lines.residual_share() == 0.0
    nothing = hc.Book.from_frame({"instrument": NAMES[:1], "quantity": [0.0]}).explain(
        market(), market(0.1)
    )
    assert nothing.total["pnl"] == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": "end"}, "at must be 'start' or 'mid', not 'end'"),
        ({"funding": {"SOL": 1.0}}, "funding: 'SOL' is neither held nor a coin of the market"),
        ({"funding": {"BTC": np.nan}}, "funding of BTC = nan must be finite"),
        ({"dynamics": StickyMoneyness({"BTC": SURFACES["BTC"]})}, "dynamics has no surface of ETH"),
    ],
)
def test_clear_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        book().explain(market(), market(0.01), **options)
    with pytest.raises(ValueError, match="must not lie before"):
        book().explain(market(years=0.01), market())


def test_six_hours_on_real_chains(quarter_file: Path, notes: list[str]) -> None:
    """A short strangle ladder and its hedge through the chains of the crash and the days around it."""
    pl = pytest.importorskip("polars")
    from hedgecore import chain, venues

    frame = venues.read(quarter_file).frame.filter(pl.col("base") == "BTC")
    chains = frame.partition_by("snapshot", maintain_order=True)[120:180]
    markets = [hc.Market.from_quotes(part) for part in chains]
    shares: dict[str, list[float]] = {"start": [], "mid": []}
    for part, one, two in zip(chains, markets, markets[1:], strict=False):
        everything = chain.open_interest(part)
        table = everything.instruments
        years = one.align(table).expiry
        known = np.flatnonzero(
            (years > 3 / 365) & (np.abs(np.log(table.strike / one.index["BTC"])) < 0.3)
        )
        held = hc.Book(
            table.take(known), np.arange(len(known)), -np.abs(everything.net_quantity[known])
        )
        for at, found in shares.items():
            lines = held.explain(one, two, at=at)
            check_sums(lines)
            found.append(lines.residual_share())
    text = ", ".join(
        f"{at}: median {np.median(x):.3%}, worst {max(x):.2%}" for at, x in shares.items()
    )
    notes.append(
        f"residual share of P&L explain, 59 moves of six hours of BTC in February 2026, {text}"
    )
    assert np.median(shares["start"]) < 0.05
    assert np.median(shares["mid"]) < np.median(shares["start"])
