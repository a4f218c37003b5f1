"""What users hand in: every way to write an argument, and every way to get one wrong."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import hedgecore as hc
from hedgecore import _inputs

COMMON: dict[str, Any] = {"strike": 100.0, "expiry": 0.5, "vol": 0.4, "forward": 95.0}
CALL, PUT = hc.price("call", **COMMON), hc.price("put", **COMMON)


@pytest.mark.parametrize(
    "kind", ["call", "C", "c", "Call", " call ", 1, 1.0, True, np.int8(1), np.True_, np.str_("C")]
)
def test_ways_to_say_call(kind: Any) -> None:
    assert hc.price(kind, **COMMON) == CALL


@pytest.mark.parametrize("kind", ["put", "P", "p", "PUT", -1, -1.0, False, np.int64(-1), np.False_])
def test_ways_to_say_put(kind: Any) -> None:
    assert hc.price(kind, **COMMON) == PUT


@pytest.mark.parametrize(
    "kinds",
    [
        ["call", "put", "call"],
        ("C", "P", "C"),
        np.array(["call", "put", "call"]),
        np.array([b"C", b"P", b"C"]),
        np.array(["call", "P", 1], dtype=object),
        np.array([1, -1, 1]),
        np.array([1.0, -1.0, 1.0]),
        np.array([1, -1, 1], np.int8),
        np.array([True, False, True]),
        [True, False, True],
        pd.Series(["call", "put", "call"]),
        pd.Series(["call", "put", "call"], dtype="category"),
        pl.Series(["call", "put", "call"]),
        pl.Series([1, -1, 1]),
    ],
)
def test_ways_to_say_several_kinds(kinds: Any) -> None:
    np.testing.assert_array_equal(hc.price(kinds, **COMMON), [CALL, PUT, CALL])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("straddle", r"kind = 'straddle' must be 'call'/'put'"),
        ("", r"kind = ''"),
        (0, r"kind = 0"),
        (2.0, r"kind = 2.0"),
        ({}, r"kind = {}"),
        (["call", "x", "y"], r"kind\[1\] = 'x' .*\(2 bad rows in all\)"),
        (np.array([1, 3]), r"kind\[1\] = 3 .*\(the only bad row\)"),
        (np.array([1, 0], np.int8), r"kind\[1\] = 0"),
        ([None, "call"], r"kind\[0\] = None"),
    ],
)
def test_wrong_kinds(kind: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hc.price(kind, **COMMON)


def test_wrong_kinds_are_nan_rows_when_asked() -> None:
    got = hc.price(["call", "x", "put"], **COMMON, errors="nan")
    np.testing.assert_array_equal(got, [CALL, np.nan, PUT])


@pytest.mark.parametrize(
    "strike",
    [
        [90, 100, 110],
        (90.0, 100.0, 110.0),
        np.array([90, 100, 110]),
        np.array([90, 100, 110], np.float32),
        np.array([90, 100, 110], ">f8"),
        np.array([90, 100, 110], np.uint16),
        np.array([90, 0, 100, 0, 110.0])[::2],
        np.array([110.0, 100, 90])[::-1],
        np.array([[90.0, 1], [100, 2], [110, 3]])[:, 0],
        np.array([90, 100, 110], dtype=object),
        pd.Series([90.0, 100, 110], index=[5, 6, 7]),
        pl.Series([90.0, 100, 110]),
        np.frombuffer(b"x" + np.array([90.0, 100, 110]).tobytes(), np.uint8)[1:].view("f8"),
        np.array([(1, 90.0), (2, 100.0), (3, 110.0)], dtype=[("a", "i1"), ("k", "f8")])["k"],
    ],
)
def test_ways_to_give_numbers(strike: Any) -> None:
    expected = [hc.price("call", **COMMON | {"strike": k}) for k in (90.0, 100.0, 110.0)]
    np.testing.assert_array_equal(hc.price("call", **COMMON | {"strike": strike}), expected)


def test_masked_values_are_missing() -> None:
    strike = np.ma.masked_array([90.0, 100.0, 110.0], mask=[False, True, False])
    got = hc.price("call", **COMMON | {"strike": strike}, errors="nan")
    assert np.isnan(got).tolist() == [False, True, False]


def test_scalars_in_scalars_out() -> None:
    g = hc.greeks("call", **COMMON)
    assert type(g.price) is float
    assert (
        type(hc.price(np.int64(1), **COMMON | {"strike": np.float64(100), "expiry": np.array(0.5)}))
        is float
    )
    assert hc.price("call", **COMMON | {"strike": [100.0]}).shape == (1,)
    assert len(g) == 1


def test_broadcasting_one_row() -> None:
    got = hc.price("call", **COMMON | {"strike": np.array([100.0]), "vol": [0.4, 0.5]})
    assert got.shape == (2,)
    assert got[0] == CALL


def test_empty() -> None:
    g = hc.greeks([], **COMMON | {"strike": np.array([])}, which="all")
    assert all(column.shape == (0,) for column in g.to_dict().values())
    vol, status = hc.implied_vol(
        [], "call", strike=100.0, expiry=1.0, forward=100.0, return_status=True
    )
    assert vol.shape == status.shape == (0,)
    assert g.to_frame().shape == (0, len(g.names))
    assert "0 options" in repr(g)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"strike": [1.0, 2, 3], "vol": [0.1, 0.2]}, ValueError, "vol has 2 rows, but strike has 3"),
        ({"strike": [[1.0, 2]]}, ValueError, r"strike must be a number or one-dimensional, not of shape \(1, 2\)"),
        ({"strike": "high"}, TypeError, "strike must be numbers"),
        ({"strike": 1 + 2j}, TypeError, "strike must be numbers"),
        ({"strike": [object()]}, TypeError, "strike must be numbers"),
        ({"strike": {}}, TypeError, "strike must be numbers"),
        ({"strike": True}, TypeError, "strike must be numbers"),
        ({"strike": None}, TypeError, "strike must be given"),
        ({"vol": np.array(["2026-01-01"], "M8[D]")}, TypeError, "vol must be numbers"),
        ({"spot": 100.0}, ValueError, "exactly one of forward and spot"),
        ({"forward": None}, ValueError, "exactly one of forward and spot"),
        ({"rate": 0.1}, ValueError, "rate and carry go with spot"),
        ({"forward": None, "spot": 95.0, "discount": 1.0}, ValueError, "discount goes with forward"),
        ({"settlement": "quanto"}, ValueError, "settlement must be 'linear' or 'inverse', not 'quanto'"),
        ({"errors": "ignore"}, ValueError, "errors must be 'raise' or 'nan'"),
        ({"threads": 0}, ValueError, "threads must be from 1 to 1024"),
        ({"threads": 5000}, ValueError, "threads must be from 1 to 1024"),
        ({"threads": 10**30}, ValueError, "threads must be from 1 to 1024"),
        ({"threads": "2"}, TypeError, "threads must be a whole number or None, not '2'"),
        ({"threads": True}, TypeError, "threads must be a whole number or None, not True"),
        ({"strike": -1.0}, ValueError, r"^strike = -1.0 must be finite and not negative$"),
        ({"expiry": [0.1, -0.5, np.nan]}, ValueError, r"expiry\[1\] = -0.5 must be .*\(2 bad rows in all\)"),
        ({"vol": np.nan}, ValueError, "vol = nan must be finite"),
        ({"vol": np.inf}, ValueError, "vol = inf must be finite"),
        ({"forward": -5.0}, ValueError, "forward = -5.0"),
        ({"discount": 0.0}, ValueError, "discount = 0.0 must be finite and positive"),
        ({"forward": None, "spot": 1.0, "rate": np.nan}, ValueError, "rate = nan must be finite"),
        ({"forward": None, "spot": 1.0, "rate": -1e4}, ValueError, "rate = -10000.0 must be at most 700 / expiry"),
        ({"forward": None, "spot": np.nan}, ValueError, "spot = nan"),
    ],
)  # fmt: skip
def test_clear_errors(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        hc.price("call", **COMMON | change)


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("lambda", "'lambda' is not a Greek; there are price, delta"),
        (["delta", "vomma"], "'vomma' is not a Greek"),
        ([], "at least one"),
        ("phi", "phi .* needs the spot form"),
        ("black_delta", "black_delta is defined for inverse settlement only"),
    ],
)
def test_wrong_which(which: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hc.greeks("call", **COMMON, which=which)


def test_unknown_arguments_are_errors() -> None:
    with pytest.raises(TypeError):
        hc.price("call", **COMMON, dividend=0.1)  # type: ignore[call-arg]


def test_bad_rows_do_not_touch_the_others() -> None:
    strike = np.linspace(50, 150, 1000)
    clean = hc.greeks("put", **COMMON | {"strike": strike}, which="all")
    dirty = strike.copy()
    bad = np.arange(1000) % 7 == 3
    dirty[bad] = np.tile([np.nan, -1.0, np.inf], 1000)[: bad.sum()]
    g = hc.greeks("put", **COMMON | {"strike": dirty}, which="all", errors="nan")
    for name in g.names:
        assert np.isnan(g[name][bad]).all(), name
        np.testing.assert_array_equal(g[name][~bad], clean[name][~bad], err_msg=name)


any_float = hnp.arrays(np.float64, st.integers(0, 6), elements=st.floats(width=64))


@given(
    any_float,
    any_float,
    any_float,
    any_float,
    st.booleans(),
    st.sampled_from(["linear", "inverse"]),
)
def test_any_floats(
    strike: Any, expiry: Any, vol: Any, x: Any, spot_form: bool, settlement: Any
) -> None:
    """Any float64 gives a right answer or a clear error; never a crash, never a warning."""
    form = {"spot": x, "rate": 0.01} if spot_form else {"forward": x}
    lengths = {len(a) for a in (strike, expiry, vol, x)} - {1}
    arguments = {"strike": strike, "expiry": expiry, "vol": vol, "settlement": settlement, **form}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if len(lengths) > 1:
            with pytest.raises(ValueError, match="rows, but"):
                hc.greeks("call", **arguments, errors="nan")
            return
        g = hc.greeks("call", **arguments, errors="nan")
        rows = max(lengths, default=1)
        s, t, v, f = (np.broadcast_to(a, rows) for a in (strike, expiry, vol, x))
        with np.errstate(all="ignore"):
            inside = np.ones(rows, bool)
            for a in (s, t, v, f):
                inside &= np.isfinite(a) & (a >= 0)
            if spot_form:
                inside &= np.abs(0.01 * t) <= 700
        assert np.isnan(g.price[~inside]).all()
        assert not np.isnan(g.price[inside]).any()
        assert not np.isnan(g.delta[inside]).any()
        assert (g.price[inside] >= 0).all()
        if not inside.all():
            with pytest.raises(ValueError, match=r"must be (finite|at most)"):
                hc.greeks("call", **arguments)


def test_kinds_keep_their_shape_for_the_error() -> None:
    with pytest.raises(ValueError, match="kind must be a number or one-dimensional"):
        hc.price([["call", "put"]], **COMMON)


def test_many_words_are_looked_at_once() -> None:
    words = np.array(["call", "put"] * 50_000)
    signs = _inputs.kinds(words)
    assert isinstance(signs, np.ndarray)
    assert signs.dtype == np.int8
    assert signs.sum() == 0


def test_references_are_not_leaked() -> None:
    strike = np.linspace(50, 150, 1000)
    before = sys.getrefcount(strike)
    for _ in range(100):
        hc.price("call", **COMMON | {"strike": strike})
        hc.greeks("call", **COMMON | {"strike": strike}).scaled("deribit")
    assert sys.getrefcount(strike) == before


def test_examples_in_the_docstrings() -> None:
    import doctest

    from hedgecore import pricing

    result = doctest.testmod(pricing)
    assert result.attempted >= 3
    assert result.failed == 0
