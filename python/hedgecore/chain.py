"""Option chains: vols implied from quotes, forwards from parity, and the market and book in a chain.

Works on quotes in the layout of :data:`hedgecore.venues.layouts.QUOTES`, as the readers of
:mod:`hedgecore.venues` give them.  Needs polars: ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import instruments, pricing
from hedgecore.book import Book, Market
from hedgecore.venues.defects import Defect, count_rows
from hedgecore.venues.tables import Table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('chains need polars: pip install "hedgecore[data]"') from error

FloatArray = npt.NDArray[np.float64]
Vols = Literal["mark", "mid", "venue"]

SIDES: Final = ("bid", "ask", "mark")
WINDOW: Final = timedelta(minutes=15)
"""Quotes up to this much older than the newest belong to one snapshot: chains are collected over minutes."""

IMPLIED: Final = {
    "implied_bid": "vol implied by the bid, decimal per square-root year",
    "implied_ask": "vol implied by the ask",
    "implied_mark": "vol implied by the mark",
    "bid_status": "0 solved, 1 below intrinsic, 2 above maximum, 3 no price",
    "ask_status": "the same for the ask",
    "mark_status": "the same for the mark",
    "vol": "the vol of the Greeks: implied by the mark, else the venue's",
    "vol_source": "where `vol` is from: mark, venue or none",
}
"""Columns that :func:`implied` adds to the quotes."""

GREEKS: Final = (
    "price", "delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "charm", "veta", "speed", "zomma",
    "color", "ultima", "dual_delta", "dual_gamma", "black_delta", "black_gamma",
)  # fmt: skip
"""Greeks that :func:`implied` adds as ``model_...``: one option, natural units, in the settlement currency;
``black_delta`` and ``black_gamma`` are the plain ones for linear options too."""


@dataclass(frozen=True, slots=True)
class Implied:
    """Vols and Greeks of the options of a chain.

    Attributes
    ----------
    frame
        The options among the quotes, with the columns of the layout, of :data:`IMPLIED` and, where asked
        for, ``model_price`` … of :data:`GREEKS`; null where there is no value.
    defects
        The ledger of the file followed by what implying the vols brought to light.
    source, rows_read
        As in the table of quotes.
    """

    frame: pl.DataFrame
    defects: tuple[Defect, ...]
    source: str
    rows_read: int


def implied(table: Table, *, greeks: bool = True, threads: int | None = None) -> Implied:
    """Imply vols from bid, ask and mark of every option, and compute its Greeks.

    Black-76 on the forward of the row, rate 0, settled as the option is.  The Greeks are at the vol
    implied by the mark; where the mark has none, because it is missing or outside what any vol can
    give, at the venue's vol.  ``vol_source`` says which, and the ledger counts them.
    """
    frame = table.part("quotes").frame.filter(pl.col("type") == "option")
    count = frame.height
    columns: dict[str, npt.NDArray[Any]] = (
        {f"model_{name}": np.full(count, np.nan) for name in GREEKS} if greeks else {}
    )
    for side in SIDES:
        columns[f"implied_{side}"], columns[f"{side}_status"] = _implied_vols(
            frame, frame[side].to_numpy(), threads
        )
    venue = frame["mark_vol"].to_numpy()
    from_mark = columns["implied_mark"] > 0  # a vol of 0 (a mark at intrinsic) has no usable Greeks
    vol = np.where(from_mark, columns["implied_mark"], np.where(venue > 0, venue, np.nan))
    columns["vol"] = vol
    for settlement, rows, option in _by_settlement(frame) if greeks else ():
        plain = {n: n if settlement == "inverse" else n.removeprefix("black_") for n in GREEKS}
        result = pricing.greeks(
            **option, vol=vol[rows], which=tuple(set(plain.values())), errors="nan", threads=threads
        )
        for name, native in plain.items():
            columns[f"model_{name}"][rows] = result[native]
    source = np.where(from_mark, 0, np.where(np.isfinite(columns["vol"]), 1, 2))
    names = pl.Enum(["mark", "venue", "none"])
    frame = frame.with_columns(
        **{name: pl.Series(values, nan_to_null=True) for name, values in columns.items()},
        vol_source=pl.Series(source).replace_strict(
            [0, 1, 2], ["mark", "venue", "none"], return_dtype=names
        ),
    )
    return Implied(frame, (*table.defects, *_vol_defects(frame)), table.source, table.rows_read)


def snapshots(frame: pl.DataFrame) -> list[datetime]:
    """Return the times of the snapshots in quotes: the newest quote of each (UTC), in order."""
    times = frame["timestamp"].drop_nulls().unique().sort().to_list()
    return [t for t, following in zip(times, [*times[1:], None], strict=True)
            if following is None or following - t > WINDOW]  # fmt: skip


def snapshot(frame: pl.DataFrame, at: str | datetime | None = None) -> pl.DataFrame:
    """Return the quotes of one time: of each instrument the last in the snapshot at or before ``at``.

    A snapshot is the quotes within 15 minutes before its newest one.  ``at`` is a datetime or ISO 8601
    text, UTC unless it says otherwise; by default the end of the file.

    Raises
    ------
    ValueError
        ``at`` is no time, or is before the first quote.
    """
    if at is not None:
        until = as_utc(at)
        first: Any = frame["timestamp"].min()
        frame = frame.filter(pl.col("timestamp") <= until)
        if not frame.height:
            raise ValueError(f"no quotes at or before {until}: the first is of {first}")
    newest: Any = frame["timestamp"].max()
    frame = frame.filter(pl.col("timestamp") >= newest - WINDOW)
    return frame.sort("timestamp", maintain_order=True).unique(
        "instrument", keep="last", maintain_order=True
    )


def newest_time(data: Any, at: str | datetime | None = None) -> datetime:
    """Return the time of the newest quote at or before ``at`` (by default of all), UTC."""
    time: datetime = snapshot(quotes_frame(data).select("timestamp", "instrument"), at)[
        "timestamp"
    ].max()  # type: ignore[assignment]
    return time


def forwards(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the forward of each expiry: the venue's, and the one in the quotes by put-call parity.

    Parity of mids at each strike with both sides of call and put quoted: F = K / (1 - (C - P)) for prices
    in the coin, F = K + C - P in the quote currency, rate 0.  Of the strikes within 10 % of the venue's forward
    (all, if there are none) the median counts, weighted by nothing: it withstands bad rows.

    Columns: ``base``, ``settlement``, ``expiry_time``, ``expiry`` (years), ``forward`` (the venue's median),
    ``parity_forward`` (null without a pair), ``pairs`` (strikes used).
    """
    keys = ["base", "settlement", "expiry_time"]
    options = frame.filter(pl.col("type") == "option").with_columns(
        mid=pl.when((pl.col("bid") > 0) & (pl.col("ask") >= pl.col("bid"))).then(
            (pl.col("bid") + pl.col("ask")) / 2
        )
    )
    calls = options.filter(pl.col("kind") == 1).select(*keys, "strike", "forward", call="mid")
    puts = options.filter(pl.col("kind") == -1).select(*keys, "strike", put="mid")
    gap = pl.col("call") - pl.col("put")
    pairs = (
        calls.join(puts, on=[*keys, "strike"])
        .drop_nulls(["call", "put"])
        .with_columns(
            implied=pl.when(pl.col("settlement") == "inverse")
            .then(pl.col("strike") / (1 - gap))
            .otherwise(pl.col("strike") + gap),
            near=(pl.col("strike") / pl.col("forward") - 1).abs() <= 0.1,
        )
        .filter(pl.col("implied").is_finite() & (pl.col("implied") > 0))
        .filter(pl.col("near") | ~pl.col("near").any().over(keys))
    )
    parity = pairs.group_by(keys).agg(parity_forward=pl.col("implied").median(), pairs=pl.len())
    return (
        options.group_by(keys)
        .agg(pl.col("expiry").median(), pl.col("forward").median())
        .join(parity, on=keys, how="left")
        .with_columns(pl.col("pairs").fill_null(0))
        .sort(keys)
    )


def market_of(data: Any, at: Any = None, vols: Vols = "mark", **more: Any) -> Market:
    """Make the market of one time from quotes.

    Parameters
    ----------
    data
        A table read by :mod:`hedgecore.venues`, or its frame, with quotes of options and, if any, futures.
    at
        Which snapshot: see :func:`snapshot`.
    vols
        Of options: "mark", implied from the venue's mark at the row's forward, where that fails the venue's
        (``Market.notes`` counts them); "mid", implied from the middle of bid and ask; "venue", as printed.
        For the first two, call and put of a strike share the vol of the one out of the money.
    more
        Further arguments of :class:`hedgecore.Market`: ``index`` for coins, ``forwards`` and ``prices`` that the
        quotes lack, ``vols`` as ``surface`` for options that have none, ``rates``, ``currencies``.
    """
    frame = snapshot(quotes_frame(data), at)
    time: Any = frame["timestamp"].max()
    options = frame.filter(
        (pl.col("type") == "option")
        & (pl.col("expiry_time") >= time)
        & pl.col("forward").is_not_null()
    )
    index = {
        str(base): float(value)
        for base, value in frame.group_by("base")
        .agg(pl.col("index").median())
        .drop_nulls()
        .sort("base")
        .iter_rows()
    }
    curve = {
        (str(base), when.replace(tzinfo=None)): float(value)
        for base, when, value in options.group_by("base", "expiry_time")
        .agg(pl.col("forward").median())
        .sort("base", "expiry_time")
        .iter_rows()
    }
    traded = frame.filter(pl.col("type").is_in(["future", "perpetual"]))
    middle = (pl.col("bid") + pl.col("ask")) / 2
    prices = {
        str(name): float(value)
        for name, value in traded.select("instrument", pl.coalesce("mark", middle, "last"))
        .drop_nulls()
        .iter_rows()
    }
    surface = more.pop("surface", None)
    chosen, notes = _chosen_vols(options, vols)
    return Market(
        time.replace(tzinfo=None),
        index=index | dict(more.pop("index", {})),
        forwards=curve | dict(more.pop("forwards", {})),
        prices=prices | dict(more.pop("prices", {})),
        vols=surface,
        option_vols=(_instruments(options), chosen),
        notes=(*notes, *more.pop("notes", ())),
        **more,
    )


def open_interest(data: Any, at: Any = None) -> Book:
    """Make the book that holds the open interest of all options at one time long."""
    frame = snapshot(quotes_frame(data), at)
    time: Any = frame["timestamp"].max()
    held = frame.filter(
        (pl.col("type") == "option")
        & (pl.col("expiry_time") >= time)
        & (pl.col("open_interest") > 0)
    )
    return Book(_instruments(held), np.arange(held.height), held["open_interest"].to_numpy())


def as_utc(at: str | datetime) -> datetime:
    """Return a time as UTC; a naive one is taken as UTC."""
    try:
        time = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        raise ValueError(
            f"at: {at!r} is not an ISO 8601 time, for example 2026-02-05T16:00"
        ) from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def quotes_frame(data: Any) -> pl.DataFrame:
    """Return the frame of a table of quotes, or the frame itself."""
    frame = data.part("quotes").frame if isinstance(data, Table) else data
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(
            f"quotes must be a table read by hedgecore.venues or its frame, not {type(data).__name__}"
        )
    return frame


def _instruments(frame: pl.DataFrame) -> instruments.Instruments:
    return instruments.Instruments(
        name=frame["instrument"].to_numpy().astype(np.str_),
        base=frame["base"].to_numpy().astype(np.str_),
        type=np.zeros(frame.height, np.int8),
        kind=frame["kind"].to_numpy().astype(np.int8),
        strike=frame["strike"].to_numpy(),
        expiry_time=frame["expiry_time"].dt.replace_time_zone(None).to_numpy().astype("M8[us]"),
        inverse=(frame["settlement"] == "inverse").to_numpy(),
        currency=frame["currency"].to_numpy().astype(np.str_),
        contract_size=np.ones(frame.height),
    )


def _by_settlement(options: pl.DataFrame) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The inverse options and the linear ones: settlement, rows, arguments of the pricing functions."""
    settled = options["settlement"].cast(pl.String).to_numpy()
    for settlement in ("inverse", "linear"):
        rows = np.flatnonzero(settled == settlement)
        if rows.size:
            terms = {
                name: options[name].to_numpy()[rows]
                for name in ("kind", "strike", "expiry", "forward")
            }
            yield settlement, rows, terms | {"settlement": settlement}


def _implied_vols(
    options: pl.DataFrame, price: FloatArray, threads: int | None = None
) -> tuple[FloatArray, npt.NDArray[np.int8]]:
    """The vols and status codes of options at prices in their settlement currency."""
    vol = np.full(options.height, np.nan)
    status = np.full(options.height, int(pricing.Status.INVALID_INPUT), np.int8)
    for _, rows, option in _by_settlement(options):
        vol[rows], status[rows] = pricing.implied_vol(
            price[rows], **option, return_status=True, threads=threads
        )
    return vol, status


def _chosen_vols(options: pl.DataFrame, vols: Vols) -> tuple[FloatArray, tuple[str, ...]]:
    """The vol of each option of a market, and what is to be said of it.

    Call and put of one strike get the vol of the one that is out of the money: deep in the money a price hardly
    depends on the vol, and what is implied there is the noise of the forward.
    """
    if vols not in ("mark", "mid", "venue"):
        raise ValueError(f"vols must be 'mark', 'mid' or 'venue', not {vols!r}")
    venue = options["mark_vol"].to_numpy().astype(np.float64)
    if vols == "venue":
        return venue, ()
    middle = (pl.col("bid") + pl.col("ask")) / 2
    price = options.select(pl.col("mark") if vols == "mark" else middle).to_series().to_numpy()
    out, _ = _implied_vols(options, price)
    keys = ["base", "settlement", "expiry_time", "strike"]
    own = options.select(
        *keys,
        row=pl.int_range(pl.len()),
        own=pl.Series(np.where(out > 0, out, np.nan), nan_to_null=True),
        venue=pl.Series(np.where(venue > 0, venue, np.nan), nan_to_null=True),
        is_out=pl.col("kind") * (pl.col("strike") - pl.col("forward").median().over(keys)) >= 0,
    )
    sides = (
        own.filter("is_out").group_by(keys).agg(pl.col("own", "venue").first().name.prefix("out_"))
    )
    both = own.join(sides, on=keys, how="left").sort("row")
    if vols == "mid":
        return both.select(pl.coalesce("out_own", "own")).to_series().to_numpy(), ()
    is_venue = both["out_own"].is_null() & (both["out_venue"].is_not_null() | both["own"].is_null())
    chosen = both.select(pl.coalesce("out_own", "out_venue", "own", "venue")).to_series()
    count = int((is_venue & chosen.is_not_null()).sum())
    note = f"{count} of {options.height} option vols are the venue's own: no vol gives their marks"
    return chosen.to_numpy().astype(np.float64), (note,) if count else ()


def _vol_defects(frame: pl.DataFrame) -> list[Defect]:
    """What the implied vols say about the quotes."""
    ledger = []
    for side in SIDES:
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
    known = pl.col("mark_vol") > 0
    apart = (pl.col("mark_vol") - pl.col("implied_mark")).abs()
    return [
        *ledger,
        count_rows(
            frame, "mark without a vol", "missing, or no vol gives it: Greeks at the venue's vol",
            pl.col("vol_source") == "venue", ("mark", "mark_vol"),
        ),
        count_rows(
            frame, "no vol at all", "neither mark nor venue gives a vol: no Greeks",
            pl.col("vol_source") == "none", ("mark", "mark_vol"),
        ),
        count_rows(
            frame.filter(known & (pl.col("implied_mark") > 0)),
            "venue's vol far from mark",
            "more than one vol point from the vol that the mark implies",
            apart > 0.01,
            ("mark_vol", "implied_mark"),
            note=pl.format("vol points: median {}, maximum {}", (100.0 * apart.median()).round(1),
                           (100.0 * apart.max()).round(1)),
        ),
    ]  # fmt: skip
