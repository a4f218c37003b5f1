"""Derives every polynomial constant of the vector maths and writes ``coefficients.inl``.

Run ``python cpp/src/math/coefficients.py`` (needs mpmath) to print the file,
``python cpp/src/math/coefficients.py --write`` to rewrite it.  Each function is
interpolated at Chebyshev nodes with 50 digits, which is within a small factor
of the best polynomial of that degree, then turned into powers of the variable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import mpmath as m
from mpmath import mpf

m.mp.dps = 50
TARGET = Path(__file__).with_name("coefficients.inl")

# Mills ratio: R(z) = (1 - N(z)) / n(z) = y + y^2 G(v), y = 1 / (z + MILLS_SHIFT), v = MILLS_SCALE y - MILLS_OFFSET.
# z in [-1/2, 70]: beyond 70 the density that multiplies R is zero in double precision.
MILLS_SHIFT, MILLS_LOW, MILLS_HIGH, MILLS_DEGREE = mpf(5), mpf(-1) / 2, mpf(70), 24
MILLS_COARSE_DEGREE = 10  # for steps that another one follows
# Quantile: |x| / |p - 1/2| as a function of w = -ln(4 p (1 - p)); central polynomial up to
# QUANTILE_SPLIT, beyond it a start of x in 1/sqrt(w) that one correction step completes.
QUANTILE_SPLIT, QUANTILE_HIGH, QUANTILE_DEGREE, TAIL_DEGREE = mpf(4), mpf(746), 20, 11
EXP_DEGREE, LOG_DEGREE = 9, 7
# Normal implied vol: z = |m| / s from the out-of-the-money value O by way of l = ln(1 + WEIGHT |m| / O), as
# z sqrt(l + SHIFT) / l, a polynomial in 1 / sqrt(l + SHIFT). The smallest O / |m| of two doubles is e^-1455.
NORMAL_WEIGHT, NORMAL_SHIFT, NORMAL_HIGH, NORMAL_DEGREE = mpf(1.5), mpf(5), mpf(1456), 11


def mills(z: mpf) -> mpf:
    """Mills ratio of the normal distribution."""
    return m.sqrt(m.pi / 2) * m.exp(z * z / 2) * m.erfc(z / m.sqrt(2))


def quantile_magnitude(w: mpf) -> tuple[mpf, mpf]:
    """|x| with N(-|x|) = p, and 1/2 - p, for w = -ln(4 p (1 - p))."""
    half_width = m.sqrt(-m.expm1(-w)) / 2
    p = m.exp(-w) / (2 * (1 + 2 * half_width))
    x = (
        m.sqrt(max(mpf(1) / 4, 2 * w - m.log(4 * m.pi * w)))
        if w > 3
        else half_width * m.sqrt(2 * m.pi)
    )
    for _ in range(80):
        tail = m.erfc(x / m.sqrt(2)) / 2
        step = tail * m.log(tail / p) * m.sqrt(2 * m.pi) * m.exp(x * x / 2)
        x += step
        if abs(step) < mpf(10) ** -44 * x:
            break
    return x, half_width


def normal_distance(ell: mpf) -> mpf:
    """Z with n(z) / z - N(-z) = WEIGHT / (e^ell - 1), the out-of-the-money value over |m|."""
    target = m.log(NORMAL_WEIGHT) - m.log(m.expm1(ell))
    z = m.sqrt(2 * ell) * ell / (ell + 2)
    for _ in range(80):
        slope = 1 - z * mills(z)
        value = m.log(slope / z) - z * z / 2 - m.log(2 * m.pi) / 2
        step = (value - target) * slope  # Newton in ln z: the derivative of ln value is -1 / slope
        z *= m.exp(max(mpf(-1), min(mpf(1), step)))
        if abs(step) < mpf(10) ** -40:
            break
    return z


def polynomial(f: Callable[[mpf], mpf], low: mpf, high: mpf, degree: int) -> list[mpf]:
    """Powers-of-t coefficients of the Chebyshev interpolant of f on [low, high]."""
    n = degree + 1
    nodes = [m.cos(m.pi * (mpf(j) + mpf(1) / 2) / n) for j in range(n)]
    values = [f((low + high) / 2 + (high - low) / 2 * t) for t in nodes]
    chebyshev = [
        (2 if i else 1) * m.fsum(values[j] * m.chebyt(i, nodes[j]) for j in range(n)) / n
        for i in range(n)
    ]
    # sum of c_i T_i(u), then u = (2 t - low - high) / (high - low)
    powers = [mpf(0)] * n
    previous, current = [mpf(1)], [mpf(0), mpf(1)]
    powers[0] += chebyshev[0]
    for i in range(1, n):
        for k, value in enumerate(current):
            powers[k] += chebyshev[i] * value
        following = [mpf(0), *(2 * value for value in current)]
        for k, value in enumerate(previous):
            following[k] -= value
        previous, current = current, following
    slope, shift = 2 / (high - low), -(high + low) / (high - low)
    result = [mpf(0)]
    for coefficient in reversed(powers):  # Horner in the polynomial ring
        result = [
            (slope * (result[k - 1] if k else 0)) + (shift * result[k] if k < len(result) else 0)
            for k in range(len(result) + 1)
        ]
        result[0] += coefficient
    return result[:n]


def text() -> str:
    """The whole of ``coefficients.inl``."""
    low, high = 1 / (MILLS_HIGH + MILLS_SHIFT), 1 / (MILLS_LOW + MILLS_SHIFT)
    # rounded first: the fit then belongs to the very constants that the code uses
    scale, offset = mpf(float(2 / (high - low))), mpf(float((high + low) / (high - low)))

    def mills_factor(v: mpf) -> mpf:
        y = (v + offset) / scale
        return (mills(1 / y - MILLS_SHIFT) - y) / (y * y)

    def exp_remainder(r: mpf) -> mpf:
        if abs(r) < mpf(10) ** -12:
            return mpf(1) / 2 + r / 6 + r * r / 24
        return (m.expm1(r) - r) / (r * r)

    def log_remainder(z: mpf) -> mpf:
        if z < mpf(10) ** -12:
            return 2 * (mpf(1) / 3 + z / 5 + z * z / 7)
        s = m.sqrt(z)
        return (m.log((1 + s) / (1 - s)) / s - 2) / z

    def central(w: mpf) -> mpf:
        if w == 0:
            return m.sqrt(2 * m.pi)
        x, half_width = quantile_magnitude(w)
        return x / half_width

    def tail(y: mpf) -> mpf:
        return quantile_magnitude(1 / (y * y))[0] * y

    def normal_start(t: mpf) -> mpf:
        ell = 1 / (t * t) - NORMAL_SHIFT
        return normal_distance(ell) / (ell * t)

    half_ln2 = m.log(2) / 2 * mpf("1.0001")
    log_edge = mpf(1) / 25 * mpf("1.0001")  # s^2 at a ratio of 3/2
    tables = {
        "exp_terms": polynomial(exp_remainder, -half_ln2, half_ln2, EXP_DEGREE),
        "log_terms": polynomial(log_remainder, mpf(0), log_edge, LOG_DEGREE),
        "mills_terms": polynomial(mills_factor, mpf(-1), mpf(1), MILLS_DEGREE),
        "mills_coarse_terms": polynomial(mills_factor, mpf(-1), mpf(1), MILLS_COARSE_DEGREE),
        "quantile_terms": polynomial(central, mpf(0), QUANTILE_SPLIT, QUANTILE_DEGREE),
        "quantile_tail_terms": polynomial(
            tail, 1 / m.sqrt(QUANTILE_HIGH), 1 / m.sqrt(QUANTILE_SPLIT), TAIL_DEGREE
        ),
        "normal_start_terms": polynomial(
            normal_start,
            1 / m.sqrt(NORMAL_HIGH + NORMAL_SHIFT),
            1 / m.sqrt(NORMAL_SHIFT),
            NORMAL_DEGREE,
        ),
    }
    lines = ["// Written by coefficients.py in this folder; do not edit by hand."]
    lines += [
        f"constexpr double mills_shift = {float(MILLS_SHIFT)!r};",
        f"constexpr double mills_scale = {float(scale)!r};",
        f"constexpr double mills_offset = {float(offset)!r};",
        f"constexpr double quantile_split = {float(QUANTILE_SPLIT)!r};",
        f"constexpr double normal_start_weight = {float(NORMAL_WEIGHT)!r};",
        f"constexpr double normal_start_shift = {float(NORMAL_SHIFT)!r};",
    ]
    for name, coefficients in tables.items():
        lines.append(f"constexpr double {name}[{len(coefficients)}] = {{")
        lines += [f"    {float(value)!r}," for value in coefficients]
        lines.append("};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        TARGET.write_text(text())
    else:
        print(text(), end="")
