"""Fitted smiles as text: shape by expiry, closeness, arbitrage, what was left out."""

from __future__ import annotations

import math
from typing import Any

from hedgecore.surface import MODELS
from hedgecore.tables.fits import Fit
from hedgecore.tables.text import TextTable, day, percent, price, rows_of


def name_of(fit: Fit) -> str:
    """What a fit is of, in words."""
    return f"{fit.base}, {fit.settlement} options"


def slice_table(fit: Fit) -> TextTable:
    """Forwards, vol at the money, its slope, risk reversal and butterfly, closeness, arbitrage of every expiry."""
    heads = {
        "expiry": "expiry\n", "days": "days\n", "forward": "forward\nvenue", "parity_forward": "forward\nparity",
        "parity_bp": "diff.\nbp", "strikes": "strikes\nused", "rejected": "rows\nleft out", "atm": "ATM\nvol %",
        "slope": "slope\nATM", "risk_reversal": "25d RR\npoints", "butterfly": "25d BF\npoints",
        "model_free": "model-\nfree %", "inside": "inside bid-ask %\n10 to 90 delta", "inside_all": "all\nstrikes",
        "error": "error,\nmedian", "arbitrage": "arbitrage\n",
    }  # fmt: skip
    lines = []
    for row in rows_of(fit.slices):
        venue, parity = row["forward_venue"], row["forward_parity"]
        left_out = sum(count for name, count in row.items() if name.startswith("rejected_"))
        lines.append(
            (
                day(row["expiry_time"]),
                f"{365 * row['expiry']:.1f}",
                price(venue),
                price(parity),
                _number(1e4 * (parity / venue - 1), 1),
                f"{row['strikes']:,}",
                f"{left_out:,}",
                _percent(row["atm_vol"]),
                _number(row["atm_slope"], 3),
                _number(100 * row["risk_reversal_25"], 2),
                _number(100 * row["butterfly_25"], 2),
                _percent(row["model_free_vol"]),
                _share(row["core_inside"], row["core_strikes"]),
                _share(row["inside"], row["strikes"] if row["butterfly_points"] >= 0 else 0),
                _number(100 * row["error_median"], 3),
                flags(row),
            )
        )
    model = f": {MODELS[fit.surface.model]}" if fit.surface is not None else ": nothing fits"
    return TextTable(f"{name_of(fit)}{model}", tuple(heads), tuple(heads.values()), tuple(lines))


def arbitrage_table(fit: Fit) -> TextTable:
    """The violations of every slice, and the numbers that say how near they are."""
    lines = tuple(
        (
            day(row["expiry_time"]),
            f"{row['butterfly_points']:,}",
            _number(row["smallest_g"], 4),
            f"{row['calendar_points']:,}",
            _number(row["lee_slope"], 4),
            flags(row),
        )
        for row in rows_of(fit.slices)
        if row["butterfly_points"] >= 0
    )
    return TextTable(
        "Arbitrage, of 401 points of a grid",
        ("expiry", "butterfly", "smallest_g", "calendar", "lee", "verdict"),
        (
            "expiry\n", "butterfly: points\nwith g < 0 where quoted", "smallest\ng",
            "calendar: points where\nvariance falls to the next", "steepest wing\n(Lee: at most 2)", "found\n",
        ),
        lines,
    )  # fmt: skip


def rejected_table(fit: Fit) -> TextTable:
    """How many rows of every expiry were left out, by reason; the reasons that occur."""
    from hedgecore.surface.quotes import REASONS

    seen = [why for why in REASONS if any(why in smile.rejected for smile in fit.smiles)]
    lines = tuple(
        (
            day(smile.expiry_time),
            f"{smile.rows:,}",
            f"{len(smile):,}",
            f"{smile.two_sided:,}",
            *(f"{smile.rejected.get(why, 0):,}" for why in seen),
            "" if smile.expiry_time in fit.places else "no slice",
        )
        for smile in fit.smiles
    )
    total = [sum(smile.rejected.get(why, 0) for smile in fit.smiles) for why in seen]
    footer = (
        "all",
        *(f"{sum(n):,}" for n in ([s.rows for s in fit.smiles], [len(s) for s in fit.smiles],
                                  [s.two_sided for s in fit.smiles])),
        *(f"{count:,}" for count in total),
        "",
    )  # fmt: skip
    names = ("expiry", "rows", "strikes", "two_sided", *seen, "fit")
    header = (
        "expiry\n",
        "rows\n",
        "strikes\nused",
        "strikes\ntwo-sided",
        *(_broken(w) for w in seen),
        "",
    )
    table = TextTable(f"Rows left out of {name_of(fit)}, by reason", names, header, lines, footer)
    return table if len(fit.places) < len(fit.smiles) else table.without("fit")


def parameter_table(fit: Fit) -> TextTable:
    """The parameters of every slice and the range of quotes they were fitted to."""
    lines = tuple(
        (day(row["expiry_time"]), *(_number(row[name], 6) for name in fit.parameters))
        for row in rows_of(fit.slices)
        if row["butterfly_points"] >= 0
    )
    title = "Parameters: w = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))"
    if fit.model == "sabr":
        title = "Parameters of SABR on the forward of the expiry"
    names = ("expiry", *fit.parameters)
    return TextTable(title, names, names, lines)


def unfit(fits: tuple[Fit, ...]) -> list[str]:
    """A line for every expiry without a slice, with what was left out of it."""
    from hedgecore.surface import described

    return [described(s) for one in fits for s in one.smiles if s.expiry_time not in one.places]


def flags(row: dict[str, Any]) -> str:
    """What arbitrage a slice has, in words; "no slice" where there is none."""
    if row["butterfly_points"] < 0:
        return "no slice"
    found = [
        what
        for what, there in (
            ("butterfly", row["butterfly_points"] > 0),
            ("calendar", row["calendar_points"] > 0),
            ("Lee", row["lee_slope"] > 2.0 - 1e-9),
        )
        if there
    ]
    return ", ".join(found) or "none"


def share_inside(fit: Fit) -> tuple[int, int]:
    """How many quotes of absolute deltas 0.1 to 0.9 have the fit between bid and ask, and of how many."""
    return int(fit.slices["core_inside"].sum()), int(fit.slices["core_strikes"].sum())


def _share(part: int, of: int) -> str:
    return "-" if not of else f"{100 * part / of:.1f}"


def _percent(value: float) -> str:
    return "-" if not math.isfinite(value) else percent(value)


def _number(value: float, digits: int) -> str:
    return "-" if not math.isfinite(value) else f"{round(value, digits) + 0.0:.{digits}f}"


def _broken(words: str) -> str:
    first, _, rest = words.partition(" ")
    return f"{first}\n{rest}"
