"""The vector maths: special values and identities. Its errors in ulp: test_accuracy.py."""

from __future__ import annotations

import runpy
from pathlib import Path

import mpmath as m
import numpy as np

from accuracy.cases import spread
from hedgecore import _core

RNG = np.random.default_rng(20261122)


def test_special_values() -> None:
    inf, nan = np.inf, np.nan
    tiny = 5e-324
    cases = {
        "exp": [(-inf, 0.0), (-1e308, 0.0), (-746.0, 0.0), (0.0, 1.0), (-0.0, 1.0), (710.0, inf), (inf, inf), (nan, nan)],
        "log": [(0.0, -inf), (1.0, 0.0), (inf, inf), (-1.0, nan), (-inf, nan), (nan, nan), (tiny, np.log(tiny))],
        "normal_pdf": [(-inf, 0.0), (inf, 0.0), (1e300, 0.0), (nan, nan)],
        "normal_cdf": [(-inf, 0.0), (inf, 1.0), (0.0, 0.5), (1e300, 1.0), (-1e300, 0.0), (nan, nan)],
        "normal_quantile": [(0.0, -inf), (1.0, inf), (0.5, 0.0), (-1e-9, nan), (1.1, nan), (nan, nan), (inf, nan)],
    }  # fmt: skip
    for name, pairs in cases.items():
        got = getattr(_core, name)(np.array([x for x, _ in pairs]))
        expected = np.array([y for _, y in pairs])
        np.testing.assert_allclose(got, expected, rtol=1e-15, atol=0, err_msg=name)


def test_exp_is_gradual_in_the_subnormal_range() -> None:
    x = np.linspace(-745.1, -708.5, 500)
    with m.workdps(40):
        exact = np.array([float(m.exp(m.mpf(float(v)))) for v in x])
    assert np.all(np.abs(_core.exp(x) - exact) <= 5e-324 + 1e-15 * exact)


def test_quantile_inverts_the_distribution() -> None:
    p = np.concatenate([spread(RNG, 1e-300, 0.5, 1000), RNG.uniform(0.001, 0.999, 1000)])
    x = _core.normal_quantile(p)
    # the error of x, magnified by the slope of ln N
    slope = np.maximum(1.0, np.abs(x) * (np.abs(x) + 1))
    assert np.all(np.abs(_core.normal_cdf(x) / p - 1) <= 4e-16 * slope + 1e-15)


def test_committed_coefficients_are_what_the_script_derives() -> None:
    folder = Path(__file__).resolve().parent.parent / "cpp" / "src" / "math"
    module = runpy.run_path(str(folder / "coefficients.py"))
    assert module["text"]() == (folder / "coefficients.inl").read_text()
