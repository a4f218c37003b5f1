"""A row's results and faults come from its own inputs alone, whatever stands beside it in its block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hedgecore as hc

RNG = np.random.default_rng(20261122)
AMOUNTS = [1e-310, 1e-300, 1e-120, 1.0, 70.0, 1e120, 1e300, 1.7e308]
NASTY = [math.nan, math.inf, -math.inf, -1.0, 0.0, 5e-324]
CONTRACTS = [
    {"model": "black"},
    {"model": "bachelier"},
    {"payoff": "cash_or_nothing"},
    {"payoff": "asset_or_nothing"},
]


def column(values: list[float], n: int) -> Any:
    picked = RNG.choice(np.array(values), n) * RNG.uniform(0.5, 1.0, n)
    return np.where(RNG.random(n) < 0.1, RNG.choice(np.array(NASTY), n), picked)


def rows(form: str, n: int) -> dict[str, Any]:
    options = {
        "kind": RNG.choice(np.array([1, -1, 0, 3], np.int8), n, p=[0.45, 0.45, 0.05, 0.05]),
        "strike": column(AMOUNTS, n),
        "expiry": column([1e-9, 0.1, 1.0, 1e3], n),
        "vol": column([1e-3, 0.2, 3.0, 1e-121, 1e100], n),
    }
    x = column(AMOUNTS, n)
    near = RNG.random(n) < 0.5
    x[near] = options["strike"][near] * 0.95
    if form == "spot":
        rates = [-705.0, -1.0, 0.0, 0.05, 1.0, 650.0, 720.0]
        return {**options, "spot": x, "rate": column(rates, n), "carry": column(rates, n)}
    if form == "discounted":
        return {**options, "forward": x, "discount": column([0.5, 0.97, 1.1, -0.97, 1e-300], n)}
    return {**options, "forward": x}


def alone(options: dict[str, Any], i: int) -> dict[str, Any]:
    return {name: values[i : i + 1] for name, values in options.items()}


def with_a_limit(options: dict[str, Any]) -> dict[str, Any]:
    """The rows and one more, at expiry: every block then has a lane for the scalar checks."""
    last = {name: values[:1].copy() for name, values in options.items()}
    plain = {"kind": 1, "strike": 90.0, "expiry": 0.0, "vol": 0.2, "forward": 100.0, "spot": 100.0,
             "discount": 1.0, "rate": 0.0, "carry": 0.0}  # fmt: skip
    for name, value in last.items():
        value[0] = plain[name]
    return {name: np.concatenate([values, last[name]]) for name, values in options.items()}


def bits(values: Any) -> list[int]:
    return [int(v) for v in np.asarray(values, float).view(np.int64)]


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: next(iter(c.values())))
@pytest.mark.parametrize("form", ["forward", "discounted", "spot"])
def test_prices_and_greeks(form: str, contract: dict[str, str], settlement: str) -> None:
    n = 120
    options = rows(form, n)
    terms: dict[str, Any] = {"settlement": settlement, "errors": "nan", "which": "all", **contract}
    together = hc.greeks(**with_a_limit(options), **terms)
    for i in range(n):
        own = hc.greeks(**alone(options, i), **terms)
        for name in own.names:
            assert bits(own[name]) == bits(together[name][i : i + 1]), (name, alone(options, i))


@pytest.mark.parametrize("model", ["black", "bachelier"])
@pytest.mark.parametrize("form", ["forward", "discounted", "spot"])
def test_implied_vols(form: str, model: str) -> None:
    n = 120
    options = rows(form, n)
    del options["vol"]
    price = column(AMOUNTS, n)
    terms: dict[str, Any] = {"model": model, "return_status": True}
    vols, status = hc.implied_vol(np.append(price, 10.0), **with_a_limit(options), **terms)
    for i in range(n):
        vol, code = hc.implied_vol(price[i : i + 1], **alone(options, i), **terms)
        assert (bits(vol), int(code[0])) == (bits(vols[i : i + 1]), int(status[i])), i


def test_two_wrong_signs_do_not_make_a_right_one() -> None:
    """The legs of a negative forward and a negative discount are positive."""
    for n in (1, 129):
        with pytest.raises(ValueError, match=r"forward.* = -100.0 must be finite and not negative"):
            hc.price("call", strike=np.full(n, -90.0), expiry=1, vol=0.2, forward=-100, discount=-0.97)  # fmt: skip


@pytest.mark.parametrize("rate", [-705.0, 705.0])
def test_rates_out_of_bounds_are_faults_alone_too(rate: float) -> None:
    with pytest.raises(ValueError, match="at most 700 / expiry"):
        hc.price("call", strike=1.0, expiry=1, vol=0.2, spot=1e300, rate=rate)


def test_small_amounts_under_bachelier_are_ordinary() -> None:
    """Exact value with 50 digits: forward 1e-120 at the money, vol 2e-121 over a year."""
    price = hc.price("call", strike=1e-120, expiry=1, vol=2e-121, forward=1e-120, model="bachelier")
    assert price == pytest.approx(2e-121 * 0.3989422804014327, rel=1e-15)
    vol = hc.implied_vol(price, "call", strike=1e-120, expiry=1, forward=1e-120, model="bachelier")
    assert vol == pytest.approx(2e-121, rel=1e-15)


def test_masked_kinds_are_missing() -> None:
    from numpy import ma

    kinds = ma.array([1, -1, 1], mask=[0, 1, 0], dtype=np.int8)
    terms: dict[str, Any] = {"strike": 90.0, "expiry": 1.0, "vol": 0.2, "forward": 100.0}
    assert np.isnan(hc.price(kinds, **terms, errors="nan")).tolist() == [False, True, False]
    words = ma.array(["call", "put", "x"], mask=[0, 1, 1])
    assert np.isnan(hc.price(words, **terms, errors="nan")).tolist() == [False, True, True]
    with pytest.raises(ValueError, match=r"kind\[1\]"):
        hc.price(kinds, **terms)
