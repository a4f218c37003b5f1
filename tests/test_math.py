"""The vector maths against mpmath, over the whole range, at every level of this machine."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import mpmath as m
import numpy as np
import numpy.typing as npt
import pytest

from hedgecore import _core
from levels import AVAILABLE, run_at

Array = npt.NDArray[np.float64]
RNG = np.random.default_rng(20261122)


def spread(low: float, high: float, n: int) -> Array:
    """Magnitudes spread evenly over the exponents."""
    return np.exp(RNG.uniform(np.log(low), np.log(high), n))


def ulps(got: Array, exact: list[m.mpf]) -> Array:
    """Errors in units in the last place of the exact values."""
    reference = np.array([float(x) for x in exact])
    unit = np.maximum(np.spacing(np.abs(reference)), 5e-324)
    return np.array(
        [
            float(abs(m.mpf(float(a)) - b) / m.mpf(float(u)))
            for a, b, u in zip(got, exact, unit, strict=True)
        ]
    )


def exact_cdf(x: float) -> m.mpf:
    return m.erfc(-m.mpf(x) / m.sqrt(2)) / 2


def exact_pdf(x: float) -> m.mpf:
    return m.exp(-(m.mpf(x) ** 2) / 2) / m.sqrt(2 * m.pi)


def exact_quantile(p: float) -> m.mpf:
    p = m.mpf(p)
    if p == 0.5:
        return m.mpf(0)
    tail = min(p, 1 - p)
    if abs(p - m.mpf(0.5)) < m.mpf("0.1"):
        x = m.sqrt(2) * m.erfinv(abs(2 * p - 1))
    else:
        x = m.sqrt(max(-2 * m.log(tail) - m.log(2 * m.pi), m.mpf("0.05")))
        for _ in range(60):
            n = m.erfc(x / m.sqrt(2)) / 2
            step = n * m.log(n / tail) * m.sqrt(2 * m.pi) * m.exp(x * x / 2)
            x += step
            if abs(step) < m.mpf(10) ** -35 * x:
                break
    return -x if p < 0.5 else x


CDF_POINTS = np.concatenate(
    [RNG.uniform(-38.4, 8.5, 4000), RNG.uniform(-0.6, 0.6, 1500), -spread(1e-300, 37, 500)]
)
PDF_POINTS = np.concatenate([RNG.uniform(-37.5, 37.5, 3000), spread(1e-300, 37, 500)])
QUANTILE_POINTS = np.concatenate(
    [
        RNG.uniform(0, 1, 3000),
        spread(5e-324, 0.5, 2000),
        1 - spread(1e-16, 0.5, 1000),
        0.5 + RNG.uniform(-1e-3, 1e-3, 500),
    ]
)
RATIO_A = np.concatenate([spread(1e-308, 1e308, 1500), spread(0.5, 2, 2500)])
RATIO_B = np.concatenate(
    [
        spread(1e-308, 1e308, 1500),
        RATIO_A[1500:] * (1 + RNG.choice([-1, 1], 2500) * spread(1e-16, 1, 2500) * 0.9),
    ]
)

#: name, points, exact function, worst error in ulp with fused multiply-add and without
CASES: list[tuple[str, tuple[Array, ...], Callable[..., m.mpf], float, float]] = [
    ("exp", (np.concatenate([RNG.uniform(-708, 709.7, 4000), RNG.uniform(-1, 1, 2000)]),), lambda x: m.exp(m.mpf(x)), 0.7, 0.7),
    ("log", (np.concatenate([spread(5e-324, 1.7e308, 3000), RNG.uniform(0.5, 2, 3000)]),), lambda x: m.log(m.mpf(x)), 0.8, 0.8),
    ("log_ratio", (RATIO_A, RATIO_B), lambda a, b: m.log(m.mpf(a) / m.mpf(b)), 0.8, 0.8),
    ("normal_pdf", (PDF_POINTS,), exact_pdf, 2.3, 2.3),
    ("normal_cdf", (CDF_POINTS,), exact_cdf, 8.0, 8.5),
    ("normal_quantile", (QUANTILE_POINTS,), exact_quantile, 2.6, 2.6),
]  # fmt: skip


@pytest.mark.parametrize("level", AVAILABLE)
def test_worst_error_in_ulp(level: str) -> None:
    """The bounds stated beside the declarations hold at this level."""
    arrays = {f"{name}_{i}": points for name, args, *_ in CASES for i, points in enumerate(args)}
    code = "\n".join(
        f"result[{name!r}] = core.{name}({', '.join(f'{name}_{i}' for i in range(len(args)))})"
        for name, args, *_ in CASES
    )
    got = run_at(level, code, **arrays)
    failures = []
    with m.workdps(40):
        for name, args, exact, bound, bound_without_fma in CASES:
            errors = ulps(
                got[name], [exact(*(float(v) for v in row)) for row in zip(*args, strict=True)]
            )
            worst = int(np.argmax(errors))
            limit = bound_without_fma if level == "v2" else bound
            print(
                f"{level} {name}: worst {errors[worst]:.3f} ulp at {[float(a[worst]) for a in args]}"
            )
            if not errors[worst] <= limit:
                failures.append((name, errors[worst], [float(a[worst]) for a in args]))
    assert not failures


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
    p = np.concatenate([spread(1e-300, 0.5, 1000), RNG.uniform(0.001, 0.999, 1000)])
    x = _core.normal_quantile(p)
    # the error of x, magnified by the slope of ln N
    slope = np.maximum(1.0, np.abs(x) * (np.abs(x) + 1))
    assert np.all(np.abs(_core.normal_cdf(x) / p - 1) <= 4e-16 * slope + 1e-15)


def test_committed_coefficients_are_what_the_script_derives() -> None:
    folder = Path(__file__).resolve().parent.parent / "cpp" / "src" / "math"
    module = runpy.run_path(str(folder / "coefficients.py"))
    assert module["text"]() == (folder / "coefficients.inl").read_text()
