"""Results into given arrays (out=), and each Greek alone: the same bits as in new arrays, all at once."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import hedgecore as hc
from hedgecore import pricing

N = 1003  # blocks and a remainder
RNG = np.random.default_rng(20261122)


def chain(form: str) -> dict[str, Any]:
    x = RNG.uniform(5e4, 9e4, N)
    options = {
        "kind": RNG.choice(np.array([1, -1], np.int8), N),
        "strike": x * np.exp(RNG.normal(0, 0.4, N)),
        "expiry": RNG.uniform(1e-4, 2, N),
        "vol": RNG.uniform(0.1, 1.5, N),
    }
    if form == "spot":
        return {**options, "spot": x, "rate": RNG.uniform(-0.05, 0.1, N), "carry": 0.02}
    if form == "spot without carry":
        return {**options, "spot": x, "rate": RNG.uniform(-0.05, 0.1, N)}
    if form == "discounted":
        return {**options, "forward": x, "discount": RNG.uniform(0.9, 1.01, N)}
    return {**options, "forward": x}


FORMS = ["forward", "discounted", "spot", "spot without carry"]


def same_bits(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> bool:
    return bool(np.array_equal(a.view(np.int64), b.view(np.int64)))


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize(
    "contract",
    [{}, {"model": "bachelier"}, {"payoff": "cash_or_nothing"}, {"payoff": "asset_or_nothing"}],
    ids=lambda c: next(iter(c.values()), "black"),
)
@pytest.mark.parametrize("form", FORMS)
def test_each_greek_alone_has_the_bits_it_has_among_all(
    form: str, contract: dict[str, Any], settlement: Any
) -> None:
    """Only what the wanted Greeks need is computed: it must be enough."""
    options = {**chain(form), **contract}
    if contract.get("model") == "bachelier":
        options["vol"] = options["vol"] * options["strike"]
    options["vol"][::50] = 0.0  # limits too
    everything = hc.greeks(**options, settlement=settlement, which="all")
    filled = np.full(N, np.nan)
    hc.greeks(**chain("spot"), which="all")  # other values in the working memory
    for name in everything.names:
        alone = hc.greeks(**options, settlement=settlement, which=name, out={name: filled})
        assert alone[name] is filled
        assert same_bits(filled, everything[name]), name
    pair = hc.greeks(**options, settlement=settlement, which=("gamma", "price"))
    assert same_bits(pair.price, everything.price)
    assert same_bits(pair.gamma, everything.gamma)
    assert same_bits(hc.price(**options, settlement=settlement), everything.price)


def test_an_earlier_result_is_refilled() -> None:
    first = hc.greeks(**chain("forward"))
    columns = first.to_dict()
    options = chain("forward")
    again = hc.greeks(**options, out=first)
    assert again is first
    fresh = hc.greeks(**options)
    assert first.names == fresh.names
    for name in fresh.names:
        assert first[name] is columns[name]
        assert same_bits(first[name], fresh[name])
    np.testing.assert_array_equal(first.scaled("desk").vega, fresh.scaled("desk").vega)


def test_a_mapping_names_the_greeks() -> None:
    options = chain("spot")
    arrays = {"vega": np.empty(N), "price": np.empty(N)}
    result = hc.greeks(**options, out=arrays)
    assert result.names == ("vega", "price")
    assert result.price is arrays["price"]
    assert same_bits(arrays["vega"], hc.greeks(**options).vega)


def test_prices_and_vols_into_given_arrays() -> None:
    options = chain("forward")
    prices, vols = np.empty(N), np.empty(N)
    assert hc.price(**options, out=prices) is prices
    del options["vol"]
    assert hc.implied_vol(prices, **options, out=vols) is vols
    assert same_bits(vols, hc.implied_vol(prices, **options))
    with_status, status = hc.implied_vol(prices, **options, out=vols, return_status=True)
    assert with_status is vols
    assert status.shape == (N,)


def test_one_option_into_an_array() -> None:
    cell = np.empty(1)
    assert hc.price("call", strike=70, expiry=1, vol=0.5, forward=68, out=cell) is cell
    assert cell[0] == hc.price("call", strike=70, expiry=1, vol=0.5, forward=68)


def test_a_failed_call_leaves_a_result_that_cannot_be_restated() -> None:
    options = chain("forward")
    result = hc.greeks(**options)
    options["vol"][3] = -1.0
    with pytest.raises(ValueError, match=r"vol\[3\]"):
        hc.greeks(**options, settlement="inverse", which=result.names, out=result)
    assert result.settlement == "inverse"
    assert np.isnan(result.price[3])
    with pytest.raises(ValueError, match="was to fill these Greeks failed"):
        result.scaled("desk")


def test_bad_rows_are_nan_in_the_given_array() -> None:
    options = chain("forward")
    options["vol"][7] = -1.0
    prices = np.zeros(N)
    with pytest.raises(ValueError, match=r"vol\[7\] = -1.0"):
        hc.price(**options, out=prices)
    assert np.flatnonzero(np.isnan(prices)).tolist() == [7]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.empty(N - 1), rf"out must be a writeable contiguous float64 array of {N} rows"),
        (np.empty(N, np.float32), "float64"),
        (np.empty((N, 1)), "contiguous"),
        (np.empty(2 * N)[::2], "contiguous"),
        (np.empty(8 * N + 1, np.uint8)[1:].view(np.uint8)[: 8 * N].view(np.float64), "contiguous"),
        (np.broadcast_to(0.0, (N,)), "writeable"),
    ],
)
def test_arrays_that_do_not_fit(array: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hc.price(**chain("forward"), out=array)


def test_results_are_not_written_over_arguments() -> None:
    options = chain("forward")
    for name in ("strike", "expiry", "vol", "forward"):
        with pytest.raises(ValueError, match=f"out overlaps {name}"):
            hc.price(**options, out=options[name])
    memory = np.empty(2 * N)
    options["strike"] = memory[:N] = options["strike"]
    options["strike"] = memory[:N]
    with pytest.raises(ValueError, match="out overlaps strike"):
        hc.price(**options, out=memory[N - 1 : 2 * N - 1])
    hc.price(**options, out=memory[N:])
    prices = hc.price(**options)
    del options["vol"]
    with pytest.raises(ValueError, match="out overlaps price"):
        hc.implied_vol(prices, **options, out=prices)
    with pytest.raises(ValueError, match="another array of out"):
        hc.greeks(**options, vol=0.5, out={"price": prices, "delta": prices})


def test_what_is_not_a_place_for_results() -> None:
    options = chain("forward")
    result = hc.greeks(**options, which=("price", "delta"))
    with pytest.raises(ValueError, match=r"out\['gamma'\] is missing"):
        hc.greeks(**options, which=("price", "gamma"), out=result)
    before = {name: result[name].copy() for name in result.names}
    with pytest.raises(ValueError, match="some of the columns of out only: price"):
        hc.greeks(**chain("forward"), which="price", out=result)
    assert all(np.array_equal(result[name], before[name], equal_nan=True) for name in before)
    with pytest.raises(ValueError, match="writeable contiguous float64 array"):
        hc.price(**options, out=np.ma.array(np.empty(N), mask=False))
    with pytest.raises(ValueError, match="desk units"):
        hc.greeks(**options, out=result.scaled("desk"))
    with pytest.raises(TypeError, match="not list"):
        hc.greeks(**options, out=[np.empty(N)])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="out must be a float64 array, not dict"):
        hc.price(**options, out={"price": np.empty(N)})  # type: ignore[arg-type]
    scalar = hc.greeks("call", strike=70, expiry=1, vol=0.5, forward=68)
    with pytest.raises(ValueError, match="array of 1 row"):
        hc.greeks("call", strike=70, expiry=1, vol=0.5, forward=68, out=scalar)


def test_nothing_is_allocated_beyond_the_results() -> None:
    options = chain("forward")
    result = hc.greeks(**options)
    vols = np.empty(N)
    prices = result.price.copy()
    terms = {name: value for name, value in options.items() if name != "vol"}
    calls = {
        "greeks": lambda: hc.greeks(**options, out=result),
        "price": lambda: hc.price(**options, out=vols),
        "implied_vol": lambda: hc.implied_vol(prices, **terms, out=vols),
    }
    for name, call in calls.items():
        call()
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < N * 8 / 2, name  # less than half a column: the call itself
    assert pricing.GREEK_NAMES[0] == "price"  # what hc.price asks the core for
