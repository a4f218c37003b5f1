"""What an installed wheel must do, with numpy and pytest alone: this file needs nothing else of the repository."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import _core, hedging, paths

pytestmark = pytest.mark.filterwarnings("error")

N = 100_003  # several blocks, and a rest


def book() -> dict[str, np.ndarray]:
    i = np.arange(N)
    return {
        "strike": 50.0 + i % 101,
        "expiry": (1 + i % 37) / 73.0,
        "vol": 0.2 + (i % 13) / 16.0,
    }


def prices(threads: int | None = None) -> np.ndarray:
    return hc.price("call", **book(), forward=100.0, threads=threads)


def test_the_module_is_compiled_for_this_python() -> None:
    config = hc.build_config()
    assert config["version"] == hc.__version__
    assert config["level"] == config["levels_available"][-1]
    compiled = {"x86_64": ["v2", "v3", "v4"], "AMD64": ["v2", "v3", "v4"]}
    assert config["levels_compiled"] == compiled.get(platform.machine(), ["arm64"])


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [  # 50 digits, rounded
        ({}, 7.965567455405804),
        ({"model": "bachelier", "vol": 20.0}, 7.978845608028654),
    ],
)
def test_reference_prices(inputs: dict[str, object], expected: float) -> None:
    given = {"strike": 100.0, "expiry": 1.0, "vol": 0.2, "forward": 100.0, **inputs}
    assert hc.price("call", **given) == pytest.approx(expected, rel=1e-15)


def test_parity_and_implied_vols() -> None:
    terms = book()
    call, put = (hc.price(kind, **terms, forward=100.0) for kind in ("call", "put"))
    np.testing.assert_allclose(call - put, 100.0 - terms["strike"], rtol=0, atol=1e-12)
    vols = hc.implied_vol(
        prices(), "call", strike=terms["strike"], expiry=terms["expiry"], forward=100.0
    )
    solved = np.isfinite(vols)
    assert solved.mean() > 0.9
    again = hc.price(
        "call",
        strike=terms["strike"][solved],
        expiry=terms["expiry"][solved],
        vol=vols[solved],
        forward=100.0,
    )
    np.testing.assert_allclose(again, prices()[solved], rtol=1e-11, atol=1e-13)


def test_the_same_bits_for_any_threads() -> None:
    np.testing.assert_array_equal(prices(1), prices(2))
    np.testing.assert_array_equal(prices(1), prices(3))


@pytest.mark.parametrize("level", hc.build_config()["levels_available"])
def test_every_level_runs(level: str) -> None:
    code = "import hedgecore as hc; print(hc.build_config()['level'], float(hc.price('call', strike=100, expiry=1, vol=0.2, forward=100.0)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "HEDGECORE_ISA": level},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    name, value = done.stdout.split()
    assert name == level
    assert float(value) == pytest.approx(7.965567455405804, rel=1e-15)


def test_a_simulation() -> None:
    def run(threads: int) -> dict[str, np.ndarray]:
        return hedging.sweep(
            hedging.Option(strike=100, expiry=30 / 365, vol=0.6, quantity=-1),
            paths.GBM(vol=0.6),
            {"band": [hedging.DeltaBand(width=0.02)]},
            n_paths=500, steps=60, seed=1, threads=threads, costs=hedging.Costs(fee=5e-4),
        ).summary()  # fmt: skip

    assert str(run(1)) == str(run(2))


def test_bad_rows_are_named() -> None:
    with pytest.raises(ValueError, match="vol"):
        hc.price("call", strike=100, expiry=1, vol=[0.2, -1.0], forward=100.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_works() -> None:
    expected = float(prices(2).sum())
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_total).get(timeout=60) == expected


def _total() -> float:
    return float(prices(2).sum())


def test_the_c_interface() -> None:
    library = ctypes.CDLL(_core.__file__)
    library.hc_version.restype = ctypes.c_char_p
    assert library.hc_version().decode() == hc.__version__
    assert library.hc_api_version() >= 1
