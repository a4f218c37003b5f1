"""Prices, Greeks, implied vols and sums of books by the plain C interface: the numbers of Python to the bit, bad input."""

from __future__ import annotations

import ctypes as c
import itertools
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import _core
from hedgecore.pricing import GREEK_NAMES
from test_c_interface import BAD_ROWS, INVALID_ARGUMENT, OK, Doubles, Execution, Faults, said

N = 9000  # more than one chunk
COLUMNS = ("strike", "expiry", "vol", "forward", "discount", "spot", "rate", "carry")


class Column(c.Structure):
    _fields_ = (("data", Doubles), ("stride", c.c_ssize_t))


class Options(c.Structure):
    _fields_ = (
        ("size", c.c_size_t), ("n", c.c_size_t), ("coin_settled", c.c_int), ("model", c.c_int), ("payoff", c.c_int),
        ("kind", c.POINTER(c.c_int8)), ("kind_stride", c.c_ssize_t), *((name, Column) for name in COLUMNS),
    )  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Any:
    loaded = c.CDLL(_core.__file__)
    loaded.hc_last_error.restype = c.c_char_p
    return loaded


def column(values: Any) -> Column:
    """Of an array with any stride, that the caller keeps, or of one number."""
    if np.ndim(values) == 0:
        return Column((c.c_double * 1)(values), 0)
    return Column(c.cast(values.ctypes.data, Doubles), values.strides[0] // 8)


def options(given: dict[str, Any], n: int = N) -> Options:
    made = Options(size=c.sizeof(Options), n=n)
    made.coin_settled = int(given.get("settlement") == "inverse")
    made.model = ("black", "bachelier").index(given.get("model", "black"))
    payoffs = ("vanilla", "cash_or_nothing", "asset_or_nothing")
    made.payoff = payoffs.index(given.get("payoff", "vanilla"))
    made.kind = c.cast(given["kind"].ctypes.data, c.POINTER(c.c_int8))
    made.kind_stride = given["kind"].strides[0]
    for name in COLUMNS:
        if name in given:
            setattr(made, name, column(given[name]))
    return made


def book(form: str, model: str = "black") -> dict[str, Any]:
    """Columns with a stride, a reversed one, a contiguous one and numbers for all rows."""
    rng = np.random.default_rng(5)
    given: dict[str, Any] = {
        "kind": np.repeat(rng.choice(np.array([1, -1], np.int8), N), 2)[::2],
        "strike": np.repeat(rng.uniform(60, 160, N), 3)[::3],
        "expiry": rng.uniform(0.01, 2, N)[::-1],
        "vol": rng.uniform(0.2, 1.2, N) * (100 if model == "bachelier" else 1),
    }
    underlying = rng.uniform(80, 120, N)
    if form == "spot":
        return given | {"spot": underlying, "rate": 0.03, "carry": rng.uniform(0, 0.05, N)}
    given["forward"] = underlying
    return given | {"discount": rng.uniform(0.9, 1, N)} if form == "discounted" else given


def greeks_in_c(
    library: Any, made: Options, names: list[str], how: Any = None, faults: Any = None
) -> tuple[int, dict[str, Any]]:
    results = {name: np.full(made.n, 7.0) for name in names}
    out = (Doubles * len(names))(*(c.cast(a.ctypes.data, Doubles) for a in results.values()))
    codes = (c.c_int * len(names))(*(GREEK_NAMES.index(name) for name in names))
    status = library.hc_greeks(
        c.byref(made), c.c_size_t(len(names)), codes, out, how and c.byref(how), faults and c.byref(faults)
    )  # fmt: skip
    return status, results


KINDS = [
    *itertools.product(["black"], ["vanilla", "cash_or_nothing", "asset_or_nothing"]),
    ("bachelier", "vanilla"),
]


@pytest.mark.parametrize("form", ["forward", "discounted", "spot"])
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize(("model", "payoff"), KINDS)
def test_greeks_are_those_of_python_to_the_bit(
    library: Any, model: str, payoff: str, settlement: str, form: str
) -> None:
    given = book(form, model) | {"model": model, "payoff": payoff, "settlement": settlement}
    expected = hc.greeks(**given, which="all")
    names = [name for name in GREEK_NAMES if hasattr(expected, name)]
    assert len(names) >= 16
    for threads in (1, 3):
        status, got = greeks_in_c(library, options(given), names, Execution(threads=threads))
        assert status == OK, said(library)
        for name in names:
            assert got[name].tobytes() == getattr(expected, name).tobytes(), name


@pytest.mark.parametrize("form", ["forward", "discounted", "spot"])
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("model", ["black", "bachelier"])
def test_vols_are_those_of_python_to_the_bit(
    library: Any, model: str, settlement: str, form: str
) -> None:
    given = book(form, model) | {"model": model, "settlement": settlement}
    price = np.array(hc.price(**given))
    price[17] = 1e9
    price[4000] = -1.0
    price[8000] = np.nan
    del given["vol"]
    expected, codes = hc.implied_vol(price, **given, return_status=True)
    vol, status = np.empty(N), np.empty(N, np.int8)
    faults = Faults()
    done = library.hc_implied_vol(
        c.byref(options(given)), c.byref(column(price)), c.c_void_p(vol.ctypes.data), c.c_void_p(status.ctypes.data),
        None, c.byref(faults),
    )  # fmt: skip
    assert done == BAD_ROWS
    assert vol.tobytes() == np.asarray(expected).tobytes()
    assert status.tolist() == [int(code) for code in codes]
    assert set(status.tolist()) >= ({0, 1, 2, 3} if model == "black" else {0, 1, 3})
    bad = np.flatnonzero(np.isnan(vol))
    assert (faults.count, faults.row) == (len(bad), bad[0])


def test_sums_are_those_of_python_to_the_bit(library: Any) -> None:
    given = book("spot") | {"settlement": "linear"}
    weights = np.random.default_rng(1).normal(size=(2, N))
    bucket = (np.arange(N) % 5).astype(np.int32)
    names = ["delta", "vega"]
    codes = (c.c_int * 2)(*(GREEK_NAMES.index(name) for name in names))
    sums = np.empty((2, 5))
    status = library.hc_greek_sums(
        c.byref(options(given)), c.c_size_t(2), codes, (Column * 2)(*map(column, weights)),
        c.c_void_p(bucket.ctypes.data), c.c_size_t(5), c.c_void_p(sums.ctypes.data), None, None,
    )  # fmt: skip
    assert status == OK, said(library)
    inputs = [given.get(name) for name in ("kind", "strike", "expiry", "vol", "forward", "spot", "discount", "rate", "carry")]  # fmt: skip
    expected, bad = _core.greek_sums(
        *inputs, "linear", [GREEK_NAMES.index(name) for name in names], list(weights), bucket, 5, "raise", 1
    )  # fmt: skip
    assert bad == 0
    assert sums.tobytes() == np.asarray(expected).tobytes()
    alone = np.empty(2)
    status = library.hc_greek_sums(
        c.byref(options(given)), c.c_size_t(2), codes, (Column * 2)(*map(column, weights)), None, c.c_size_t(1),
        c.c_void_p(alone.ctypes.data), None, None,
    )  # fmt: skip
    assert status == OK, said(library)
    assert np.allclose(alone, sums.sum(axis=1), rtol=1e-12)
    bucket[7] = 5
    arguments = (
        codes,
        (Column * 2)(*map(column, weights)),
        c.c_void_p(bucket.ctypes.data),
        c.c_size_t(5),
    )
    status = library.hc_greek_sums(c.byref(options(given)), c.c_size_t(2), *arguments, c.c_void_p(sums.ctypes.data), None, None)  # fmt: skip
    assert (status, said(library)) == (INVALID_ARGUMENT, "bucket[7] = 5 must be from 0 to 4")
    status = library.hc_greek_sums(c.byref(options(given)), c.c_size_t(2), codes, None, None, c.c_size_t(1), None, None, None)  # fmt: skip
    assert (status, said(library)) == (INVALID_ARGUMENT, "weight must not be null")
    del given["vol"]
    status = library.hc_greek_sums(c.byref(options(given)), c.c_size_t(2), *arguments, c.c_void_p(sums.ctypes.data), None, None)  # fmt: skip
    assert (status, said(library)) == (INVALID_ARGUMENT, "vol must not be null")


def test_bad_rows(library: Any) -> None:
    given = book("forward")
    given["expiry"] = given["expiry"].copy()
    given["expiry"][[3, 8999]] = -1.0
    faults = Faults()
    status, got = greeks_in_c(library, options(given), ["price", "delta"], faults=faults)
    assert status == BAD_ROWS
    assert (faults.count, faults.row, faults.argument, faults.value) == (2, 3, b"expiry", -1.0)
    assert said(library).startswith("expiry[3] = -1 must be ")
    for values in got.values():
        assert np.flatnonzero(np.isnan(values)).tolist() == [3, 8999]


def test_no_rows(library: Any) -> None:
    assert library.hc_greeks(c.byref(Options(size=c.sizeof(Options), n=0)), c.c_size_t(0), None, None, None, None) == INVALID_ARGUMENT  # fmt: skip
    given = {name: np.empty(0) for name in ("strike", "expiry", "vol", "forward")}
    status, _ = greeks_in_c(library, options(given | {"kind": np.empty(0, np.int8)}, 0), ["price"])
    assert status == OK, said(library)


def test_bad_arguments(library: Any) -> None:
    given = book("forward")

    def refused(made: Options, names: list[str], message: str) -> None:
        status, _ = greeks_in_c(library, made, names)
        assert (status, said(library)) == (INVALID_ARGUMENT, message)

    for name in ("strike", "expiry", "vol"):
        made = options(given)
        setattr(made, name, Column())
        refused(made, ["price"], f"{name} must not be null")
    made = options(given)
    made.kind = None
    refused(made, ["price"], "kind must not be null")
    made = options(given)
    made.forward = Column()
    refused(made, ["price"], "give exactly one of forward and spot")
    for name in ("model", "payoff"):
        made = options(given)
        setattr(made, name, 3)
        refused(made, ["price"], f"hc_options.{name} = 3 is none")
    made = options(given)
    made.coin_settled = 5
    refused(made, ["price"], "hc_options.coin_settled = 5 must be 0 or 1")
    made = options(given)
    made.size = 4
    refused(made, ["price"], "hc_options.size = 4 must be sizeof(hc_options)")
    refused(options(given), ["delta", "delta"], "greek[1] = 1 is asked for twice")
    refused(options(given), ["black_delta"], "black_delta is defined for inverse settlement only")
    refused(options(given | {"payoff": "cash_or_nothing", "model": "bachelier"}), ["price"],
            "digital payoffs are priced under model 'black' only, not 'bachelier'")  # fmt: skip
    made = options(given)
    code = (c.c_int * 1)(19)
    assert library.hc_greeks(c.byref(made), c.c_size_t(1), code, (Doubles * 1)(), None, None) == INVALID_ARGUMENT  # fmt: skip
    assert said(library) == "greek[0] = 19 is none"
    code[0] = 0
    assert library.hc_greeks(c.byref(made), c.c_size_t(1), code, (Doubles * 1)(), None, None) == INVALID_ARGUMENT  # fmt: skip
    assert said(library) == "out[0] must not be null"
    assert library.hc_greeks(None, c.c_size_t(1), code, None, None, None) == INVALID_ARGUMENT
    assert said(library) == "hc_options must not be null"
    assert library.hc_implied_vol(c.byref(made), None, None, None, None, None) == INVALID_ARGUMENT
    assert said(library) == "price must not be null"


def test_an_older_caller_has_shorter_structures(library: Any) -> None:
    """A caller that knows no spot form: what follows is not his and is not read."""
    given = book("forward")
    expected = greeks_in_c(library, options(given), ["price"])[1]["price"]
    made = options(given)
    made.size = Options.spot.offset
    made.spot = Column(c.cast(c.c_void_p(16), Doubles), 1)
    status, got = greeks_in_c(library, made, ["price"])
    assert status == OK, said(library)
    assert got["price"].tobytes() == expected.tobytes()


def test_number_of_threads(library: Any) -> None:
    before = c.c_int()
    assert library.hc_num_threads(c.byref(before)) == OK
    assert before.value == hc.num_threads()
    try:
        assert library.hc_set_num_threads(3) == OK
        assert hc.num_threads() == 3
        assert library.hc_set_num_threads(0) == INVALID_ARGUMENT
        assert said(library) == "threads must be from 1 to 1024, not 0"
    finally:
        hc.set_num_threads(before.value)
    assert library.hc_num_threads(None) == INVALID_ARGUMENT
