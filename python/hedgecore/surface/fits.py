"""Fits of surfaces to smiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import _core
from hedgecore.surface import svi
from hedgecore.surface.surface import MODELS, Model, Surface, Surfaces

if TYPE_CHECKING:
    from hedgecore.surface.quotes import Smile

FloatArray = npt.NDArray[np.float64]

ENOUGH: Final = 3
"""Strikes that a slice needs. With three or four, fewer than SVI has parameters, it is one of SSVI."""
_OF_SVI: Final = 5
_SMALLEST_HALF_WIDTH: Final = 1e-3
"""Of a quote, in vol: a tenth of a point, so that a tight quote does not silence its neighbours."""


def fit(
    smiles: Sequence[Smile],
    *,
    model: Model = "svi_free",
    beta: float = 1.0,
    asof: datetime | None = None,
    warm: Surface | None = None,
    threads: int | None = None,
) -> Surface:
    """Fit a surface to the smiles of one underlying.

    Residuals in total variance are divided by half the bid-ask, at least a tenth of a vol point, and multiplied by
    vega relative to the largest, exp(-d1^2 / 2); beyond one they count linearly, so bad quotes do not pull.

    Parameters
    ----------
    smiles
        As :func:`hedgecore.surface.smiles` returns them.  Those with fewer than 3 strikes are left out and
        named in ``report``.
    model
        One of :data:`MODELS`.
    beta
        Of SABR, from 0 to 1: set by convention, since a smile hardly tells it from rho.
    warm
        An earlier surface of raw SVI (of SABR for SABR): slices of the same expiry time start from it.
    threads
        At most that many, with the same result; None is the default of the process.  Slices of eSSVI depend on each
        other and are fitted on one.

    Raises
    ------
    ValueError
        Smiles of several underlyings, or none with enough strikes (the message says why).
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, not {model!r}")
    if len({(s.base, s.settlement) for s in smiles}) != 1:
        raise ValueError("fit takes the smiles of one base and settlement; fit_all takes any")
    used = sorted((s for s in smiles if len(s) >= ENOUGH), key=lambda s: s.expiry)
    if not used:
        raise ValueError("no expiry has enough strikes: " + "; ".join(_report(smiles)))
    counts = [len(s) for s in used]
    first = np.cumsum([0, *counts])
    k = np.concatenate([s.log_moneyness for s in used])
    expiry = np.array([s.expiry for s in used])
    forward = [s.forward for s in used]
    w, weight = _targets(used, k, np.repeat(expiry, counts))
    times = np.array([s.expiry_time for s in used])
    start = None if warm is None else _starts(warm, used[0].base, times, model)
    if model == "essvi":
        parameters = svi.from_ssvi(_core.fit_essvi(k, w, weight, first.tolist()))
    elif model == "sabr":
        parameters = _core.fit_sabr(
            k, w, weight, first.tolist(), forward, expiry, beta, start, threads
        )
    else:
        free = model == "svi_free"
        parameters, _ = _core.fit_svi(k, w, weight, first.tolist(), start, free, threads)
        for i in np.flatnonzero(np.diff(first) < _OF_SVI):
            rows = slice(first[i], first[i + 1])
            alone = _core.fit_essvi(k[rows], w[rows], weight[rows], [0, counts[i]])
            parameters[i] = svi.from_ssvi(alone[0])
    return Surface(
        used[0].base,
        asof,
        expiry,
        forward,
        parameters,
        np.stack([np.minimum.reduceat(k, first[:-1]), np.maximum.reduceat(k, first[:-1])], axis=1),
        expiry_time=times,
        model=model,
        report=partial(_report, tuple(smiles)),
    )


def fit_all(
    data: Any,
    at: str | datetime | None = None,
    *,
    model: Model = "svi_free",
    beta: float = 1.0,
    warm: Surfaces | None = None,
    threads: int | None = None,
    **filters: Any,
) -> Surfaces:
    """Fit the surface of every coin in quotes; of inverse and linear options those with more strikes.

    Parameters
    ----------
    data, at, filters
        As for :func:`hedgecore.surface.smiles`.
    model, beta, warm, threads
        As for :func:`fit`.

    Returns
    -------
    Surfaces
        A mapping by coin that is itself a function for ``Market(vols=...)``.  A coin without an expiry that
        fits is not in it; ``report`` says why.
    """
    if warm is not None and not isinstance(warm, Mapping):
        raise TypeError(
            f"warm must be surfaces by coin, as fit_all returns them, not {type(warm).__name__}"
        )
    from hedgecore.surface.quotes import smiles as smiles_of

    asof, found = smiles_of(data, at, **filters)
    fitted: list[Surface] = []
    report: list[str] = []
    for base in sorted({s.base for s in found}):
        by_settlement = [
            [s for s in found if s.base == base and s.settlement == settlement]
            for settlement in ("inverse", "linear")
        ]
        chosen = max(by_settlement, key=lambda group: sum(len(s) for s in group))
        report += [described(s) for s in found if s.base == base and len(s) < ENOUGH]
        if any(len(s) >= ENOUGH for s in chosen):
            start = warm[base] if warm is not None and base in warm else None
            fitted.append(
                fit(chosen, model=model, beta=beta, asof=asof, warm=start, threads=threads)
            )
    return Surfaces(fitted, report)


def described(smile: Smile) -> str:
    """Return a line that says what of an expiry was used and what was not."""
    left = ", ".join(f"{count} {why}" for why, count in smile.rejected.items()) or "nothing"
    day = np.datetime_as_string(smile.expiry_time, unit="D")
    verdict = "" if len(smile) >= ENOUGH else f": no slice, a fit needs {ENOUGH}"
    return (
        f"{smile.base} {smile.settlement} {day}: {len(smile)} strikes of {smile.rows} rows "
        f"(left out: {left}){verdict}"
    )


def _report(smiles: Sequence[Smile]) -> list[str]:
    return [described(smile) for smile in smiles]


def _targets(
    smiles: Sequence[Smile], k: FloatArray, expiry: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Total variance, and one over its residual that counts as one, of the quotes of all smiles."""
    vol, bid, ask = (
        np.concatenate([getattr(s, name) for s in smiles]) for name in ("vol", "bid_vol", "ask_vol")
    )
    # an ask without a finite vol is as wide as it can be
    half = np.maximum(0.5 * (np.minimum(ask, 3.0 * vol) - bid), _SMALLEST_HALF_WIDTH)
    root = vol * np.sqrt(expiry)
    d1 = 0.5 * root - k / root
    vega = np.exp(-0.5 * np.minimum(d1 * d1, 60.0))
    return vol * vol * expiry, vega / (2.0 * vol * expiry * half)


def _starts(warm: Surface, base: str, times: npt.NDArray[Any], model: Model) -> FloatArray | None:
    """The slices of an earlier surface at these expiry times; NaN where it has none."""
    if warm.base != base or warm.expiry_time is None:
        raise ValueError(f"warm must be a surface of {base} with expiry times")
    if (warm.form == "sabr") != (model == "sabr"):
        raise ValueError(
            f"warm is a surface of {warm.model}: a fit of {model} cannot start from it"
        )
    if model == "essvi":  # starts from its neighbours in time
        return None
    known = {when: row for row, when in enumerate(warm.expiry_time.tolist())}
    rows = np.array([known.get(when, -1) for when in times.tolist()])
    starts: FloatArray = warm.parameters[rows]
    starts[rows < 0] = np.nan
    return starts
