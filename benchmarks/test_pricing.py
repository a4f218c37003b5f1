"""Prices, Greeks and implied vols beside plain numpy: ns per option, correctness asserted.

Run ``make bench``.  Each group is one operation at one size; the median divided by the number of
options is the figure to compare, as a ratio to its neighbours of the same run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hedgecore as hc

WHICH = ("price", "delta", "gamma", "vega", "theta", "rho")
SIZES = [1, 100, 1_000, 100_000, 1_000_000]
SEED = 20261122


def chain(n: int) -> dict[str, Any]:
    """Options like those of a crypto book: a day to two years, 30 to 120 % vol."""
    rng = np.random.default_rng(SEED)
    forward = rng.uniform(5e4, 9e4, n)
    strike = forward * np.exp(rng.normal(0, 0.25, n))
    return {
        "kind": np.where(strike > forward, 1, -1).astype(np.int8),
        "strike": strike,
        "expiry": rng.uniform(1 / 365, 2, n),
        "vol": rng.uniform(0.3, 1.2, n),
        "forward": forward,
    }


def numpy_greeks(kind: Any, strike: Any, expiry: Any, vol: Any, forward: Any) -> dict[str, Any]:
    """The textbook formulas in numpy, the normal distribution by its classic approximation.

    Abramowitz and Stegun 26.2.17: absolute error 7.5e-8, the usual choice where scipy is absent.
    """

    def cdf(x: Any) -> Any:
        t = 1 / (1 + 0.2316419 * np.abs(x))
        poly = t * (
            0.319381530
            + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
        )
        tail = np.exp(-0.5 * x * x) * 0.3989422804014327 * poly
        return np.where(x > 0, 1 - tail, tail)

    root = np.sqrt(expiry)
    s = vol * root
    d1 = np.log(forward / strike) / s + 0.5 * s
    d2 = d1 - s
    density = np.exp(-0.5 * d1 * d1) * 0.3989422804014327
    n1, n2 = cdf(kind * d1), cdf(kind * d2)
    price = kind * (forward * n1 - strike * n2)
    return {
        "price": price,
        "delta": kind * n1,
        "gamma": density / (forward * s),
        "vega": forward * density * root,
        "theta": -0.5 * forward * density * vol / root,
        "rho": -expiry * price,
    }


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("threads", [1, 2])
def test_hedgecore_six_greeks(benchmark: Any, n: int, threads: int) -> None:
    arguments = chain(n)
    benchmark.group = f"price and five Greeks, {n} options"
    g = benchmark(lambda: hc.greeks(**arguments, which=WHICH, threads=threads))
    reference = numpy_greeks(**arguments)
    for name in WHICH:
        np.testing.assert_allclose(
            g[name], reference[name], rtol=1e-4, atol=1e-6 * arguments["forward"].max()
        )


@pytest.mark.parametrize("n", SIZES)
def test_numpy_six_greeks(benchmark: Any, n: int) -> None:
    arguments = chain(n)
    benchmark.group = f"price and five Greeks, {n} options"
    benchmark(lambda: numpy_greeks(**arguments))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("threads", [1, 2])
def test_hedgecore_price(benchmark: Any, n: int, threads: int) -> None:
    arguments = chain(n)
    benchmark.group = f"price, {n} options"
    price = benchmark(lambda: hc.price(**arguments, threads=threads))
    assert np.array_equal(price, hc.greeks(**arguments).price)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("threads", [1, 2])
def test_hedgecore_implied_vol(benchmark: Any, n: int, threads: int) -> None:
    arguments = chain(n)
    vol = arguments["vol"]
    price = hc.price(**arguments)
    del arguments["vol"]
    benchmark.group = f"implied vol, {n} options"
    got = benchmark(lambda: hc.implied_vol(price, **arguments, threads=threads))
    solvable = price > 1e-200
    np.testing.assert_allclose(got[solvable], vol[solvable], rtol=1e-12)


@pytest.mark.parametrize("n", [1, 1_000, 100_000])
def test_hedgecore_every_inverse_greek(benchmark: Any, n: int) -> None:
    arguments = chain(n)
    benchmark.group = f"every inverse Greek, {n} options"
    g = benchmark(lambda: hc.greeks(**arguments, which="all", settlement="inverse", threads=1))
    np.testing.assert_allclose(g.price * arguments["forward"], hc.price(**arguments), rtol=1e-14)


def test_import(benchmark: Any) -> None:
    """Importing hedgecore in a fresh interpreter, beside importing numpy alone."""
    import subprocess
    import sys

    benchmark.group = "import"
    benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-c", "import hedgecore"], check=True), rounds=5
    )


def test_import_numpy(benchmark: Any) -> None:
    import subprocess
    import sys

    benchmark.group = "import"
    benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-c", "import numpy"], check=True), rounds=5
    )
