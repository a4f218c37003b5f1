"""SVI smiles in total variance w = vol^2 T over k = ln(strike / forward), and their derivatives in closed form.

Parameters are arrays whose last axis is (a, b, rho, m, sigma); they broadcast against k.

References: Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces" (2014); Hendriks and Martini, "The extended
SSVI volatility surface" (2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def variance(parameters: Any, k: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return w, dw/dk and d2w/dk2 of w = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))."""
    a, b, rho, m, sigma = np.moveaxis(np.asarray(parameters, np.float64), -1, 0)
    x = np.asarray(k, np.float64) - m
    root = np.sqrt(x * x + sigma * sigma)
    return a + b * (rho * x + root), b * (rho + x / root), b * sigma * sigma / root**3


def butterfly_of(w: FloatArray, slope: FloatArray, curvature: FloatArray, k: Any) -> FloatArray:
    """Return g(k), the factor of the density that carries its sign, from w and its derivatives."""
    slant = 1.0 - 0.5 * k * slope / w
    g: FloatArray = slant * slant - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * curvature
    return g


def butterfly(parameters: Any, k: Any) -> FloatArray:
    """Return g(k): there is no butterfly arbitrage where it is not negative."""
    return butterfly_of(*variance(parameters, k), np.asarray(k, np.float64))


def log_density(w: FloatArray, g: FloatArray, k: Any) -> FloatArray:
    """Return the density of ln(S_T / F) at k under the pricing measure: g n(d2) / sqrt(w)."""
    root = np.sqrt(w)
    d2 = -np.asarray(k) / root - 0.5 * root
    density: FloatArray = g * np.exp(-0.5 * d2 * d2) / np.sqrt(2.0 * np.pi * w)
    return density


def from_ssvi(slices: Any) -> FloatArray:
    """Return the SVI parameters of SSVI slices, whose last axis is (theta, rho, psi)."""
    theta, rho, psi = np.moveaxis(np.asarray(slices, np.float64), -1, 0)
    phi, rest = psi / theta, 1.0 - rho * rho
    return np.stack([0.5 * theta * rest, 0.5 * psi, rho, -rho / phi, np.sqrt(rest) / phi], axis=-1)
