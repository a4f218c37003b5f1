"""The risk of an option chain: implied vols, Greeks of every row, totals by expiry and by coin.

Amounts in the coin and amounts in USD stand in columns of different names, and nothing is ever
added across coins.  Needs polars for its tables: ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import pricing
from hedgecore.venues.defects import Defect, count_rows
from hedgecore.venues.deribit import Chain

try:
    import polars as pl
except ImportError as error:
    raise ImportError('the risk of a chain needs polars: pip install "hedgecore[data]"') from error

FloatArray = npt.NDArray[np.float64]

GREEKS: Final = {
    "price": "coin, the model's price at `vol`",
    "delta": "coin, net of premium: F dv/dF, the units of underlying to trade",
    "gamma": "coin per USD of forward: d(delta)/dF",
    "vega": "coin per 1.00 of vol",
    "theta": "coin per year",
    "rho": "coin per 1.00 of rate, forward held fixed",
    "vanna": "d(delta)/d(vol), coin per 1.00 of vol",
    "volga": "d(vega)/d(vol), coin per 1.00 of vol squared",
    "charm": "d(delta)/dt, coin per year",
    "veta": "d(vega)/dt, coin per 1.00 of vol and year",
    "speed": "d(gamma)/dF",
    "zomma": "d(gamma)/d(vol)",
    "color": "d(gamma)/dt, per year",
    "ultima": "d(volga)/d(vol)",
    "dual_delta": "dv/dK, coin per USD of strike",
    "dual_gamma": "d2v/dK2",
    "black_delta": "coin, plain Black delta N(d1) or -N(-d1), as the exchange shows",
    "black_gamma": "per USD, plain Black gamma, as the exchange shows",
}
"""Greeks of a row: one option on one coin, natural units (per 1.00 of vol, per year)."""

COLUMNS: Final = {
    "row": "row of the file, the first row of data being 1",
    "timestamp": "UTC time of the snapshot",
    "instrument_name": "the exchange's name",
    "currency": "the coin in which the row's prices and Greeks are",
    "kind": "+1 call, -1 put",
    "strike": "USD per coin",
    "expiry_datetime": "UTC time of expiry",
    "expiry": "years, ACT/365",
    "forward": "USD per coin",
    "index": "USD per coin",
    "bid": "coin",
    "ask": "coin",
    "mark": "coin",
    "open_interest": "options, each on one coin",
    "file_vol": "the file's vol of the mark, decimal",
    "file_delta": "the file's Black delta, coin",
    "file_vega": "the file's vega, USD per vol point",
    "bid_vol": "implied by the bid, decimal",
    "ask_vol": "implied by the ask, decimal",
    "mark_vol": "implied by the mark, decimal",
    "bid_status": "0 solved, 1 below intrinsic, 2 above maximum, 3 no bid",
    "ask_status": "the same for the ask",
    "mark_status": "the same for the mark",
    "vol": "the vol of the Greeks, decimal",
    "vol_source": "where `vol` is from: mark, file or none",
    **GREEKS,
}
"""Columns of `ChainRisk.frame`: name and unit."""

TOTALS: Final = {
    "options": "rows of the snapshot",
    "valued": "of these with a vol; the others add nothing to the totals",
    "open_interest": "options, each on one coin",
    "value_coin": "coin",
    "value_usd": "USD",
    "delta_coin": "coin, net of premium",
    "black_delta_coin": "coin, plain Black delta",
    "gamma_coin_per_percent": "coin of net delta per 1 % move of the forward",
    "vega_coin_per_point": "coin per vol point (0.01)",
    "vega_usd_per_point": "USD per vol point (0.01)",
    "theta_coin_per_day": "coin per calendar day",
    "theta_usd_per_day": "USD per calendar day",
}
"""Totals of a snapshot with the open interest held long: name and unit.

USD amounts are the coin amounts at the index price of the row, what the coin is worth now.  (Per
option the exchange shows USD at the forward; the two differ by the basis.)
"""


@dataclass(frozen=True, slots=True)
class ChainRisk:
    """Vols and Greeks of a chain.

    Attributes
    ----------
    frame
        polars frame with the columns of `COLUMNS`, one row per row of the chain, same order; null
        where there is no value.
    defects
        The ledger of the chain followed by what implying the vols brought to light.
    source, rows_read
        As in `Chain`.
    """

    frame: pl.DataFrame
    defects: tuple[Defect, ...]
    source: str
    rows_read: int

    def snapshots(self) -> list[datetime]:
        """Times of the snapshots (UTC), in order."""
        return self.frame["timestamp"].unique().sort().to_list()

    def snapshot(self, at: str | datetime | None = None) -> pl.DataFrame:
        """Rows of one snapshot: the last one at or before ``at``, by default the last of all.

        ``at`` is a datetime or ISO 8601 text; without an offset it is taken as UTC.

        Raises
        ------
        ValueError
            ``at`` is no time, or is before the first snapshot.
        """
        times = self.snapshots()
        if at is not None:
            until = _as_utc(at)
            if until < times[0]:
                raise ValueError(f"no snapshot at or before {until}: the first is of {times[0]}")
            times = [time for time in times if time <= until]
        return self.frame.filter(pl.col("timestamp") == times[-1])

    def by_expiry(self, at: str | datetime | None = None) -> pl.DataFrame:
        """Totals of one snapshot (see `snapshot`) by coin and expiry, the open interest held long.

        Columns: ``currency``, ``expiry_datetime``, ``days`` to expiry, ``forward`` (median, USD),
        ``atm_vol`` (decimal, null where no strikes straddle the forward) and those of `TOTALS`.
        """
        rows = self.snapshot(at).sort("currency", "expiry_datetime", "strike")
        groups = rows.partition_by("currency", "expiry_datetime", maintain_order=True)
        sizes = [group.height for group in groups]
        heads = pl.DataFrame(
            {
                "currency": [group["currency"][0] for group in groups],
                "expiry_datetime": [group["expiry_datetime"][0] for group in groups],
                "days": [365.0 * group["expiry"][0] for group in groups],
                "forward": [group["forward"].median() for group in groups],
                "atm_vol": _series(np.array([_atm_vol(group) for group in groups])),
            },
            schema_overrides={"expiry_datetime": rows.schema["expiry_datetime"]},
        )
        return heads.hstack(_totals(rows, np.repeat(np.arange(len(sizes)), sizes)))

    def by_currency(self, at: str | datetime | None = None) -> pl.DataFrame:
        """Totals of one snapshot (see `snapshot`) by coin: ``currency``, ``index`` and `TOTALS`."""
        rows = self.snapshot(at).sort("currency")
        coins, group = np.unique(rows["currency"].to_numpy(), return_inverse=True)
        index = [rows.filter(pl.col("currency") == coin)["index"].median() for coin in coins]
        heads = pl.DataFrame({"currency": coins.tolist(), "index": index})
        return heads.hstack(_totals(rows, group))


def chain_risk(chain: Chain, *, threads: int | None = None) -> ChainRisk:
    """Imply vols from bid, ask and mark and compute every Greek of every row of a chain.

    Black-76 on the forward of the row, rate 0, settled in the coin (`hedgecore.pricing`).  The
    Greeks are at the vol implied by the mark; where the mark has none, because it is missing or
    outside what any vol can give, at the file's vol.  ``vol_source`` says which, row by row, and
    the ledger counts them.  A row with neither has no Greeks.
    """
    frame = chain.frame
    quotes: dict[str, FloatArray] = {
        name: frame[name].to_numpy() for name in ("bid_price", "ask_price", "mark_price")
    }
    kind = frame["kind"].to_numpy()
    option: dict[str, Any] = {
        "strike": frame["strike"].to_numpy(),
        "expiry": frame["expiry"].to_numpy(),
        "forward": frame["underlying"].to_numpy(),
        "settlement": "inverse",
        "threads": threads,
    }
    columns: dict[str, Any] = {}
    for side in ("bid", "ask", "mark"):
        columns[f"{side}_vol"], columns[f"{side}_status"] = pricing.implied_vol(
            quotes[f"{side}_price"], kind, **option, errors="nan", return_status=True
        )
    file_vol = frame["implied_volatility"].to_numpy()
    from_mark = columns["mark_vol"] > 0  # a vol of 0 (a mark at intrinsic) has no usable Greeks
    from_file = ~from_mark & (file_vol > 0)
    vol = np.where(from_mark, columns["mark_vol"], np.where(from_file, file_vol, np.nan))
    greeks = pricing.greeks(kind, **option, vol=vol, which=tuple(GREEKS), errors="nan")

    result = frame.select(
        "row",
        "timestamp",
        "instrument_name",
        "currency",
        "kind",
        "strike",
        "expiry_datetime",
        "expiry",
        "open_interest",
        forward="underlying",
        index="index_price",
        bid="bid_price",
        ask="ask_price",
        mark="mark_price",
        file_vol="implied_volatility",
        file_delta="delta",
        file_vega="vega",
    ).with_columns(
        **{name: _series(values) for name, values in columns.items()},
        vol=_series(vol),
        vol_source=pl.Series(np.where(from_mark, 0, np.where(from_file, 1, 2))).replace_strict(
            [0, 1, 2], ["mark", "file", "none"], return_dtype=pl.Enum(["mark", "file", "none"])
        ),
        **{name: _series(greeks[name]) for name in GREEKS},
    )
    result = result.select(*COLUMNS)
    return ChainRisk(result, (*chain.defects, *_vol_defects(result)), chain.source, chain.rows_read)


def _series(values: npt.NDArray[Any]) -> pl.Series:
    """A column of the table: null, the table's mark of "none", in place of NaN."""
    return pl.Series(values, nan_to_null=True)


def _vol_defects(frame: pl.DataFrame) -> list[Defect]:
    """What the implied vols say about the quotes."""
    ledger = []
    for side in ("bid", "ask", "mark"):
        for status, where in (
            (pricing.Status.BELOW_INTRINSIC, "below intrinsic"),
            (pricing.Status.ABOVE_MAXIMUM, "above maximum"),
        ):
            ledger.append(
                count_rows(
                    frame.filter(pl.col(side).is_not_null()),
                    f"{side} {where}",
                    f"no vol gives this {side}",
                    pl.col(f"{side}_status") == int(status),
                    (side, "strike", "forward"),
                )
            )
    known = pl.col("file_vol") > 0
    apart = (pl.col("file_vol") - pl.col("mark_vol")).abs()
    return [
        *ledger,
        count_rows(
            frame,
            "mark without a vol",
            "missing, or no vol gives it: Greeks at the file's vol",
            pl.col("vol_source") == "file",
            ("mark", "file_vol"),
        ),
        count_rows(
            frame,
            "no vol at all",
            "neither mark nor file gives a vol: no Greeks",
            pl.col("vol_source") == "none",
            ("mark", "file_vol"),
        ),
        count_rows(
            frame,
            "file vol missing",
            "the file has no vol, or none above 0",
            ~known.fill_null(False),
            ("file_vol",),
        ),
        count_rows(
            frame.filter(known & (pl.col("mark_vol") > 0)),
            "file vol far from mark",
            "more than one vol point from the vol that the mark implies",
            apart > 0.01,
            ("file_vol", "mark_vol"),
            note=pl.format(
                "vol points: median {}, maximum {}",
                (100.0 * apart.median()).round(1),
                (100.0 * apart.max()).round(1),
            ),
        ),
    ]


def _totals(rows: pl.DataFrame, group: npt.NDArray[np.intp]) -> pl.DataFrame:
    """`TOTALS` per group number 0, 1, …; ``group`` has one number per row."""
    column = {
        name: rows[name].to_numpy()
        for name in ("forward", "index", "price", "delta", "black_delta", "gamma", "vega", "theta")
    }
    held = np.nan_to_num(rows["open_interest"].to_numpy())
    held = np.where(held > 0, held, 0.0)  # missing or negative is counted in the ledger
    valued = np.isfinite(column["price"])

    def total(amount: FloatArray) -> FloatArray:
        return np.bincount(group, np.where(valued, held * amount, 0.0)).astype(np.float64)

    index = np.where(held > 0, column["index"], 0.0)  # no USD total without its index: NaN
    vega, theta = column["vega"] / 100.0, column["theta"] / 365.0
    sums = {
        "options": np.bincount(group),
        "valued": np.bincount(group, weights=valued).astype(np.int64),
        "open_interest": np.bincount(group, weights=held),
        "value_coin": total(column["price"]),
        "value_usd": total(column["price"] * index),
        "delta_coin": total(column["delta"]),
        "black_delta_coin": total(column["black_delta"]),
        "gamma_coin_per_percent": total(column["gamma"] * column["forward"] / 100.0),
        "vega_coin_per_point": total(vega),
        "vega_usd_per_point": total(vega * index),
        "theta_coin_per_day": total(theta),
        "theta_usd_per_day": total(theta * index),
    }
    return pl.DataFrame({name: sums[name] for name in TOTALS})


def _atm_vol(expiry: pl.DataFrame) -> float:
    """Vol at the forward: linear in ln(K/F) between the nearest strikes, out-of-the-money sides."""
    otm = expiry.filter(
        pl.col("vol").is_not_null() & (pl.col("kind") * (pl.col("strike") - pl.col("forward")) >= 0)
    )
    moneyness = np.log((otm["strike"] / otm["forward"]).to_numpy())
    order = np.argsort(moneyness)
    if not order.size:
        return np.nan
    return float(np.interp(0.0, moneyness[order], otm["vol"].to_numpy()[order], np.nan, np.nan))


def _as_utc(at: str | datetime) -> datetime:
    try:
        time = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        raise ValueError(
            f"at: {at!r} is not an ISO 8601 time, for example 2026-02-05T16:00"
        ) from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
