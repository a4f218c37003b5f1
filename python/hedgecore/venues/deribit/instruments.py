"""Names of Deribit's instruments, taken apart and put together.

==============  =============================  ==================================================
type            name                           what it is
==============  =============================  ==================================================
option          ``BTC-24APR26-65000-P``        inverse: priced and settled in the coin
option          ``SOL_USDC-27MAR26-150-C``     linear: priced and settled in USDC
option          ``XRP_USDC-30JUN24-0d625-C``   ``d`` is the decimal point of a strike
future          ``BTC-27MAR26``                inverse; ``BTC_USDC-27MAR26`` is linear
perpetual       ``BTC-PERPETUAL``              inverse; ``ETH_USDC-PERPETUAL`` is linear
spot            ``BTC_USDC``                   base and quote currency
combo           ``BTC-CS-27MAR26-90000_100000``  strategy, expiry or expiries, strikes
combo           ``BTC-FS-27MAR26_PERP``        future spread
==============  =============================  ==================================================

Days have no leading zero; expiries are at 08:00 UTC.  Source: the exchange's API reference and the
records of ``public/get_instruments`` and ``public/get_combos``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

EXPIRY_HOUR: Final = 8
"""Hour (UTC) of every expiry and of the daily settlement."""

STRATEGIES: Final = {
    "FS": "future spread",
    "CS": "call spread",
    "PS": "put spread",
    "CSR12": "call spread 1 by 2 (and CSR13, CSR23)",
    "PSR12": "put spread 1 by 2 (and PSR13, PSR23)",
    "CCAL": "call calendar",
    "PCAL": "put calendar",
    "CDIAG": "call diagonal",
    "PDIAG": "put diagonal",
    "STRD": "straddle",
    "STRG": "strangle",
    "RR": "risk reversal",
    "CBUT": "call butterfly",
    "PBUT": "put butterfly",
    "ICOND": "iron condor",
    "BOX": "box",
    "COMBO": "numbered combo",
}
"""Strategies of combos that are known by name; others are read by the shape of their names."""

_MONTHS: Final = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
_COIN: Final = r"([A-Z][A-Z0-9]*)"
_PAIR: Final = rf"{_COIN}(?:_([A-Z][A-Z0-9]*))?"
_DAY: Final = r"\d{1,2}[A-Z]{3}\d{2}"
_STRIKE: Final = r"\d{1,12}(?:d\d{1,12})?"
_LEGS: Final = rf"{_DAY}(?:_(?:{_DAY}|PERP))?(?:-{_STRIKE}(?:_{_STRIKE})*)?|\d{{1,12}}"
_DATED: Final = rf"^{_PAIR}-({_DAY})(?:-({_STRIKE})-([CP]))?$"
_OTHER: Final = rf"^{_PAIR}(?:-(?:(PERPETUAL)|([A-Z]{{2,8}}[0-9]{{0,3}})-({_LEGS})))?$"


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument of Deribit, as far as its name says.

    Attributes
    ----------
    base
        The coin.
    type
        ``"option"``, ``"future"``, ``"perpetual"``, ``"spot"`` or ``"combo"``.
    quote
        Currency in which a coin is priced: ``"USD"`` (inverse, not part of the name), ``"USDC"``, …
    kind
        Options: +1 call, -1 put.
    strike
        Options: quote currency per coin.
    expiry_time
        Options and futures: 08:00 UTC of a day of 2000 to 2099.
    strategy, legs
        Combos: the code of the strategy, and the rest of the name.
    """

    base: str
    type: str
    quote: str = "USD"
    kind: int | None = None
    strike: float | None = None
    expiry_time: datetime | None = None
    strategy: str | None = None
    legs: str | None = None

    @property
    def name(self) -> str:
        """The exchange's name; see `format`."""
        return format(self)

    @property
    def settlement(self) -> str:
        """``"inverse"`` or ``"linear"``."""
        return "inverse" if self.quote == "USD" and self.type != "spot" else "linear"

    @property
    def currency(self) -> str:
        """Currency of settlement (and of the prices of options)."""
        return self.base if self.settlement == "inverse" else self.quote

    @property
    def pair(self) -> str:
        """The first part of the name: ``BTC`` or ``BTC_USDC``."""
        is_inverse = self.quote == "USD" and self.type != "spot"
        return self.base if is_inverse else f"{self.base}_{self.quote}"


def parse(name: str) -> Instrument:
    """Take a name apart.

    Raises
    ------
    ValueError
        It is not the name of an instrument of Deribit; the message says what it should look like.
    """
    if match := re.fullmatch(_DATED, name):
        base, quote, day, strike, kind = match.groups()
        expiry_time = _expiry_time(day)
        if expiry_time is not None:
            quote = quote or "USD"
            if strike is None:
                return Instrument(base, "future", quote, expiry_time=expiry_time)
            sign = 1 if kind == "C" else -1
            return Instrument(base, "option", quote, sign, _strike(strike), expiry_time)
    elif match := re.fullmatch(_OTHER, name):
        base, quote, perpetual, strategy, legs = match.groups()
        if perpetual:
            return Instrument(base, "perpetual", quote or "USD")
        if strategy and _days_exist(legs):
            return Instrument(base, "combo", quote or "USD", strategy=strategy, legs=legs)
        if quote and not strategy:
            return Instrument(base, "spot", quote)
    raise ValueError(
        f"{name!r} is not an instrument of Deribit: expected a name like BTC-24APR26-65000-P, "
        "BTC-27MAR26, BTC-PERPETUAL, SOL_USDC-27MAR26-150-C, BTC_USDC or BTC-FS-27MAR26_PERP"
    )


def format(instrument: Instrument) -> str:
    """The name of an instrument, the inverse of `parse`.

    Raises
    ------
    ValueError
        The instrument lacks what its type needs, or its expiry is not at 08:00 UTC.
    """
    pair, day = instrument.pair, ""
    if instrument.type in ("option", "future"):
        day = _day(instrument.expiry_time)
    match instrument.type:
        case "option":
            if instrument.strike is None or instrument.kind not in (1, -1):
                raise ValueError(f"an option needs a strike and a kind of +1 or -1: {instrument}")
            side = "C" if instrument.kind > 0 else "P"
            return f"{pair}-{day}-{_strike_text(instrument.strike)}-{side}"
        case "future":
            return f"{pair}-{day}"
        case "perpetual":
            return f"{pair}-PERPETUAL"
        case "spot":
            return pair
        case "combo" if instrument.strategy and instrument.legs:
            return f"{pair}-{instrument.strategy}-{instrument.legs}"
    raise ValueError(f"no instrument of Deribit: {instrument}")


def parse_many(names: pl.Series) -> pl.DataFrame:
    """Take many names apart: one row each, all null where `parse` would raise.

    Columns: ``base``, ``quote``, ``type``, ``kind``, ``strike``, ``expiry_time``, ``settlement``,
    ``currency``, with the types of `hedgecore.venues.layouts.QUOTES`.
    """
    import polars as pl  # one name at a time needs numpy alone

    from hedgecore.venues.layouts import SETTLEMENTS, TIME, TYPES

    text = pl.col("name").cast(pl.String)
    dated = text.str.extract_groups(_DATED).struct
    other = text.str.extract_groups(_OTHER).struct
    parts = names.to_frame("name").select(
        base=pl.coalesce(dated.field("1"), other.field("1")),
        pair_quote=pl.coalesce(dated.field("2"), other.field("2")),
        day=dated.field("3"),
        strike_text=dated.field("4"),
        side=dated.field("5"),
        perpetual=other.field("3"),
        strategy=other.field("4"),
        legs=other.field("5"),
    )
    bad_legs = parts["legs"].map_elements(
        lambda legs: not _days_exist(legs), return_dtype=pl.Boolean
    )
    parts = parts.with_columns(
        expiry_time=_expiry_times(pl.col("day")),
        type=pl.when(pl.col("side").is_not_null())
        .then(pl.lit("option"))
        .when(pl.col("day").is_not_null())
        .then(pl.lit("future"))
        .when(pl.col("perpetual").is_not_null())
        .then(pl.lit("perpetual"))
        .when(pl.col("strategy").is_not_null())
        .then(pl.lit("combo"))
        .when(pl.col("pair_quote").is_not_null())
        .then(pl.lit("spot")),
        bad_legs=bad_legs,
    )
    known = (
        pl.col("type").is_not_null()
        & (pl.col("day").is_null() | pl.col("expiry_time").is_not_null())
        & ~pl.col("bad_legs").fill_null(False)
    )
    inverse = pl.col("pair_quote").is_null() | (
        (pl.col("pair_quote") == "USD") & (pl.col("type") != "spot")
    )
    parts = parts.with_columns(
        quote=pl.col("pair_quote").fill_null("USD"),
        strike=pl.col("strike_text").str.replace("d", ".", literal=True).cast(pl.Float64),
        kind=pl.col("side").replace_strict({"C": 1, "P": -1}, return_dtype=pl.Int8),
        settlement=pl.when(inverse).then(pl.lit("inverse")).otherwise(pl.lit("linear")),
        currency=pl.when(inverse).then("base").otherwise("pair_quote"),
    )
    columns = ("base", "quote", "type", "kind", "strike", "expiry_time", "settlement", "currency")
    return parts.select(pl.when(known).then(name).alias(name) for name in columns).cast(
        {"type": TYPES, "settlement": SETTLEMENTS, "expiry_time": TIME}
    )


def combo_legs(name: str) -> list[tuple[int, str]]:
    """The legs of a combo by its name: (amount per combo bought, instrument).

    Known for FS, CS, CCAL and BOX, whose legs the exchange's records of combos confirm.

    Raises
    ------
    ValueError
        The name is no combo, or the legs of its strategy cannot be told from the name.
    """
    combo = parse(name)
    if combo.type != "combo":
        raise ValueError(f"{name!r} is not a combo")
    days, _, strikes_text = (combo.legs or "").partition("-")
    first, _, second = days.partition("_")
    strikes, pair = strikes_text.split("_"), combo.pair
    match combo.strategy, len(strikes):
        case "FS", 1 if second and not strikes_text:
            return [
                (amount, f"{pair}-{'PERPETUAL' if day == 'PERP' else day}")
                for amount, day in ((1, first), (-1, second))
            ]
        case "CS", 2:
            return [(1, f"{pair}-{first}-{strikes[0]}-C"), (-1, f"{pair}-{first}-{strikes[1]}-C")]
        case "CCAL", 1 if second and strikes_text:
            return [(1, f"{pair}-{first}-{strikes[0]}-C"), (-1, f"{pair}-{second}-{strikes[0]}-C")]
        case "BOX", 2:
            return [
                (sign * side, f"{pair}-{first}-{strike}-{kind}")
                for side, strike in ((1, strikes[0]), (-1, strikes[1]))
                for sign, kind in ((1, "C"), (-1, "P"))
            ]
    raise ValueError(f"{name!r}: the legs of this combo cannot be told from its name")


def _expiry_time(day: str) -> datetime | None:
    """08:00 UTC of a day like 3APR26; None if the calendar has no such day."""
    month = _MONTHS.find(day[-5:-2])
    if month % 3:
        return None
    try:
        number, year = int(day[:-5]), 2000 + int(day[-2:])
        return datetime(year, month // 3 + 1, number, EXPIRY_HOUR, tzinfo=UTC)
    except ValueError:
        return None


def _expiry_times(day: pl.Expr) -> pl.Expr:
    """The same for a column; the year is written out, "%y" would put 69 into 1969."""
    import polars as pl

    text = pl.concat_str(day.str.head(-2).str.zfill(5), pl.lit("20"), day.str.tail(2))
    dates = text.str.to_titlecase().str.to_date("%d%b%Y", strict=False)
    return dates.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + pl.duration(
        hours=EXPIRY_HOUR
    )


def _days_exist(legs: str) -> bool:
    return all(_expiry_time(day) is not None for day in re.findall(_DAY, legs))


def _day(expiry_time: datetime | None) -> str:
    if expiry_time is None:
        raise ValueError("an option or a future needs an expiry_time")
    time = expiry_time.replace(tzinfo=UTC) if expiry_time.tzinfo is None else expiry_time
    time = time.astimezone(UTC)
    if (time.hour, time.minute, time.second, time.microsecond) != (EXPIRY_HOUR, 0, 0, 0):
        raise ValueError(f"an expiry is at 08:00 UTC, not {expiry_time}")
    if not 2000 <= time.year < 2100:
        raise ValueError(f"names hold two digits of a year of 2000 to 2099, not {expiry_time}")
    month = _MONTHS[3 * time.month - 3 : 3 * time.month]
    return f"{time.day}{month}{time.year % 100:02d}"


def _strike(text: str) -> float:
    return float(text.replace("d", "."))


def _strike_text(strike: float) -> str:
    if not strike >= 0 or strike == float("inf"):
        raise ValueError(f"a strike is a number of at least 0, not {strike}")
    # repr is the shortest text that gives the same number back; "f" writes it without exponent
    text = f"{Decimal(repr(float(strike))):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", "d")
