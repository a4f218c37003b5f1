"""The figures of fitted smiles: quotes and fits, terms, variance, density, the surface itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.figures.parts import (
    ASK,
    BID,
    DAYS,
    LEGEND,
    MARK,
    PLAIN,
    VOL,
    Row,
    chosen,
    figure,
    figure_3d,
    numbers,
    shade,
    term_of_forwards,
)
from hedgecore.surface import Surface
from hedgecore.tables.fits import Fit

if TYPE_CHECKING:
    from hedgecore.surface.quotes import Smile

Array = npt.NDArray[Any]

_K: Final = "k = ln(strike / forward)"
_TERM: Final = "days to expiry (log scale)"
_DEVIATIONS: Final = "k in deviations, ln(strike / forward) / (at-the-money vol x root of time)"
_POINTS: Final = 81


def of_fit(fit: Fit) -> list[Row]:
    """All figures of one coin and settlement; none where nothing fits."""
    if fit.surface is None:
        return []
    fitted = [s for s in fit.smiles if s.expiry_time in fit.places]
    slices, labels, days = _of_slices(fit)
    forwards = (slices["forward_venue"], slices["forward_parity"])
    return [
        smile_by_expiry(fit.surface, fitted),
        all_smiles(fit.surface),
        _term_of_vols(fit, fit.surface),
        _term_of_wings(fit),
        _in_space(fit.surface),
        _densities(fit.surface),
        _variances(fit.surface),
        _residuals(fit),
        term_of_forwards(labels, days, *forwards, fit.index),
    ]


def smile_by_expiry(surface: Surface, smiles: Sequence[Smile]) -> Row:
    """The vols of bid and ask of one expiry, and the fit through them; the expiry is chosen from a list."""
    labels, traces, sizes = [], [], []
    for smile in smiles:
        place = int(np.argmin(np.abs(surface.expiry - smile.expiry)))
        label = labels_of(surface)[place]
        k = smile.log_moneyness
        words = [
            f"{label}, {'call' if kind > 0 else 'put'} at {strike:,.12g}"
            for kind, strike in zip(smile.kind, smile.strike, strict=True)
        ]
        group: list[Row] = [
            {
                "name": side,
                "x": numbers(k, 5),
                "y": numbers(100 * vols, 5),
                "text": words,
                "mode": "markers",
                "marker": {"symbol": f"triangle-{points}", "color": color, "size": 7},
                "hovertemplate": f"%{{text}}<br>{side} vol %{{y:.2f}} %<extra></extra>",
            }
            for side, vols, points, color in (
                ("bid", np.where(smile.bid_vol > 0, smile.bid_vol, np.nan), "up", BID),
                ("ask", smile.ask_vol, "down", ASK),
            )
        ]
        width = 0.05 * float(np.ptp(k)) if len(smile) else 0.0
        at = np.linspace(k.min() - width, k.max() + width, _POINTS)
        group.append(_line("fit", at, surface.vol_at(at, surface.expiry[place]), MARK, label))
        labels.append(label)
        traces.append(group)
        sizes.append(len(smile))
    data, layout = chosen(labels, traces, int(np.argmax(sizes)), legend=LEGEND)
    return figure("Smile of one expiry: quotes and fit", data, _K, VOL, **layout)


def all_smiles(surface: Surface) -> Row:
    """The fits of all expiries, each over its quoted range to 2.5 deviations."""
    deviation = surface.atm_vol(surface.expiry) * np.sqrt(surface.expiry)
    data = []
    for place, label in enumerate(labels_of(surface)):
        low, high = surface.quoted[place]
        reach = 2.5 * deviation[place]
        k = np.linspace(max(low, -reach), min(high, reach), _POINTS)
        vol = surface.vol_at(k, surface.expiry[place])
        data.append(_line(label, k, vol, shade(place, len(surface)), label, 1.8))
    return figure("Fitted smiles of all expiries", data, _K, VOL)


def term_of(surfaces: Sequence[Surface]) -> Row:
    """Vols at the money by expiry, a line for each surface."""
    data = [
        {
            "name": surface.base,
            "x": numbers(365 * surface.expiry),
            "y": numbers(100 * surface.atm_vol(surface.expiry)),
            "text": labels_of(surface),
            "mode": "lines+markers",
            "line": {"color": shade(number, len(surfaces))},
            "hovertemplate": "%{text}: %{y:.2f} %<extra>" + surface.base + "</extra>",
        }
        for number, surface in enumerate(surfaces)
    ]
    title = "Term structure of the fitted vol at the money"
    return figure(title, data, _TERM, VOL, xaxis=DAYS, legend=LEGEND)


def labels_of(surface: Surface) -> list[str]:
    """The expiries in words: the day, or the number of days where no day is known."""
    if surface.expiry_time is None:
        return [f"{days:.1f} days" for days in 365 * surface.expiry]
    return [f"{when.item():%d %b %Y}" for when in surface.expiry_time]


def _line(name: str, k: Array, vol: Array, color: str, label: str, width: float = 2) -> Row:
    return {
        "name": name,
        "x": numbers(k, 5),
        "y": numbers(100 * vol, 5),
        "mode": "lines",
        "line": {"color": color, "width": width},
        "hovertemplate": f"{label}, k %{{x:.3f}}: %{{y:.2f}} %<extra></extra>",
    }


def _of_slices(fit: Fit) -> tuple[dict[str, Array], list[str], list[float | None]]:
    """The rows of the expiries that have a slice, their labels and days."""
    rows = fit.slices["butterfly_points"] >= 0
    slices = {name: column[rows] for name, column in fit.slices.items()}
    labels = [f"{when.item():%d %b %Y}" for when in slices["expiry_time"]]
    return slices, labels, numbers(365 * slices["expiry"])


def _term_of_vols(fit: Fit, surface: Surface) -> Row:
    figure = term_of([surface])
    (line,) = figure["data"]
    line |= {"name": "fit at the money", "line": {"color": MARK}}
    slices, labels, days = _of_slices(fit)
    figure["title"] = "Term structure: at the money and model-free"
    figure["data"].append(
        {
            "name": "model-free, strikes quoted",
            "x": days,
            "y": numbers(100 * slices["model_free_vol"]),
            "text": labels,
            "mode": "markers",
            "marker": {"symbol": "diamond-open", "color": ASK, "size": 8},
            "hovertemplate": "%{text}: model-free %{y:.2f} %<extra></extra>",
        }
    )
    return figure


def _term_of_wings(fit: Fit) -> Row:
    slices, labels, days = _of_slices(fit)
    data = [
        {
            "name": name,
            "x": days,
            "y": numbers(100 * slices[column]),
            "text": labels,
            "mode": "lines+markers",
            "line": {"color": color},
            "hovertemplate": f"%{{text}}: {name} %{{y:.2f}} points<extra></extra>",
        }
        for name, column, color in (
            ("risk reversal, call less put", "risk_reversal_25", PLAIN),
            ("butterfly, wings less at the money", "butterfly_25", ASK),
        )
    ]
    title = "Skew and convexity at 25 delta"
    return figure(title, data, _TERM, "vol points", xaxis=DAYS, legend=LEGEND)


def _in_space(surface: Surface) -> Row:
    x = np.linspace(-2.5, 2.5, 51)
    days = np.geomspace(365 * surface.expiry[0], 365 * surface.expiry[-1], 40)
    t = days[:, None] / 365
    k = x * surface.atm_vol(t) * np.sqrt(t)
    vol = 100 * surface.vol_at(k, t)
    data: list[Row] = [
        {
            "type": "surface",
            "x": numbers(x),
            "y": numbers(days),
            "z": [numbers(row, 4) for row in vol],
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": "vol, %"}, "thickness": 12, "len": 0.7},
            "contours": {"z": {"show": True, "usecolormap": True, "width": 1}},
            "hovertemplate": "%{x:.2f} deviations, %{y:.0f} days: %{z:.2f} %<extra></extra>",
        }
    ]
    return figure_3d(
        "The surface",
        data,
        "k, deviations",
        "days (log)",
        "vol, %",
        yaxis=DAYS,
        aspectratio={"x": 1.6, "y": 1.6, "z": 0.8},
        camera={"eye": {"x": 1.5, "y": -1.9, "z": 0.75}, "center": {"x": 0, "y": 0, "z": -0.15}},
    ) | {"wide": True}


def _densities(surface: Surface) -> Row:
    """Densities of ln(price / forward) in deviations, so that all expiries compare with the normal."""
    z = np.linspace(-5.0, 4.0, 181)
    data: list[Row] = []
    for place, (label, t) in enumerate(zip(labels_of(surface), surface.expiry, strict=True)):
        deviation = float(surface.atm_vol(t)) * np.sqrt(t)
        inside = (z * deviation >= surface.quoted[place, 0]) & (
            z * deviation <= surface.quoted[place, 1]
        )
        values = np.where(inside, deviation * surface.log_density(z * deviation, t), np.nan)
        data.append(
            {
                "name": label,
                "x": numbers(z, 4),
                "y": numbers(values, 4),
                "mode": "lines",
                "line": {"color": shade(place, len(surface)), "width": 1.6},
                "hovertemplate": f"{label}, %{{x:.2f}}: %{{y:.3f}}<extra></extra>",
            }
        )  # fmt: skip
    data.append(
        {
            "name": "normal",
            "x": numbers(z, 4),
            "y": numbers(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi), 4),
            "mode": "lines",
            "line": {"color": "#8a97a5", "dash": "dot"},
            "hovertemplate": "normal, %{x:.2f}: %{y:.3f}<extra></extra>",
        }
    )
    title = "Risk-neutral density where quoted; below 0: butterfly arbitrage"
    return figure(
        title, data, "ln(price / forward) in at-the-money deviations", "density per deviation"
    )


def _variances(surface: Surface) -> Row:
    """Total variance of all slices: lines that cross are calendar arbitrage."""
    reach = 1.5 * float(np.abs(surface.quoted).max())
    k = np.linspace(-reach, reach, 2 * _POINTS)
    data = []
    for place, (label, t) in enumerate(zip(labels_of(surface), surface.expiry, strict=True)):
        row = _line(
            label, k, surface.total_variance(k, t) / 100, shade(place, len(surface)), label, 1.6
        )
        data.append(row | {"hovertemplate": f"{label}, k %{{x:.3f}}: w %{{y:.4f}}<extra></extra>"})
    title = "Total variance: lines that cross are calendar arbitrage"
    return figure(title, data, _K, "total variance w = vol^2 T", yaxis={"type": "log", "dtick": 1})


def _residuals(fit: Fit) -> Row:
    quotes = fit.quotes
    rows = np.isfinite(quotes["fitted_vol"]) & np.isfinite(quotes["ask_vol"])
    quotes = {name: column[rows] for name, column in quotes.items()}
    half = 0.5 * (quotes["ask_vol"] - quotes["bid_vol"])
    middle = 0.5 * (quotes["ask_vol"] + quotes["bid_vol"])
    distance = np.divide(
        quotes["fitted_vol"] - middle, half, out=np.full(len(half), np.nan), where=half > 0
    )
    root = quotes["mid_vol"] * np.sqrt(quotes["expiry"])
    data = []
    for place, when in enumerate(fit.places):
        of = quotes["expiry_time"] == when
        label = f"{when.item():%d %b %Y}"
        data.append(
            {
                "name": label,
                "x": numbers(quotes["log_moneyness"][of] / root[of], 4),
                "y": numbers(np.clip(distance[of], -3, 3), 4),
                "text": [f"{label}, {strike:,.12g}" for strike in quotes["strike"][of]],
                "mode": "markers",
                "marker": {"color": shade(place, len(fit.places)), "size": 5, "opacity": 0.8},
                "hovertemplate": "%{text}: %{y:.2f} half-spreads<extra></extra>",
            }
        )
    title = "Fit from the middle of bid and ask: within 1 it is inside"
    y = "half bid-asks in vol (shown to 3)"
    bounds = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at,
               "line": {"color": "#8a97a5", "dash": "dot", "width": 1}} for at in (-1, 1)]  # fmt: skip
    return figure(title, data, _DEVIATIONS, y, yaxis={"range": [-3.2, 3.2]}, shapes=bounds)
