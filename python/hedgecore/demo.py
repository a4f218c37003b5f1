"""What ``hedgecore demo`` works on: a realistic chain, a book in two coins and its limits.

The chain has the layout of the six-hourly Deribit CSV and is read by the same reader.  Nothing in
it is copied from a market: the listing follows the exchange's rules (dailies, weeklies, monthlies,
quarterlies, strikes on its grids), the vols are an SSVI surface, forwards carry a basis, quotes
stand on the exchange's ticks around the mark, and the usual defects occur: far options without a
bid, missing asks, marks outside the quotes, an index that moves while the quotes are collected, a
time to maturity on a year of 365.25 days.  It is deterministic: what varies from row to row is a
golden-ratio sequence, not a random number.

The book holds what desks hold: covered calls, a short strangle, a collar, a calendar, a put spread,
hedged with perpetuals and a dated future, beside balances of coins and USDC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hedgecore import pricing
from hedgecore.report import replacing
from hedgecore.venues.columns import YEAR_SECONDS
from hedgecore.venues.deribit import instruments

try:
    import polars as pl
except ImportError as error:
    raise ImportError('the demo chain needs polars: pip install "hedgecore[data]"') from error

FloatArray = npt.NDArray[np.float64]

SNAPSHOT: Final = datetime(2026, 6, 10, 13, 30, 12, 345678, tzinfo=UTC)
"""Time of the snapshot: a Wednesday, so that dailies, weeklies and monthlies are all listed."""


@dataclass(frozen=True, slots=True)
class Coin:
    """What the demo needs to know of a coin; ``steps`` are its strike grids, fine to coarse."""

    currency: str
    index: float
    vol_short: float
    vol_long: float
    skew: float
    wings: float
    basis: float
    steps: tuple[int, ...]
    open_interest: float


COINS: Final = (
    Coin(
        "BTC",
        91_842.37,
        0.405,
        0.480,
        -0.24,
        1.05,
        0.052,
        (500, 1000, 2000, 5000, 10000, 20000),
        3.7e5,
    ),
    Coin("ETH", 3_127.58, 0.610, 0.665, -0.17, 0.95, 0.046, (25, 50, 100, 200, 500, 1000), 2.1e6),
)


POSITIONS: Final[tuple[tuple[str, float, float | None], ...]] = (
    ("BTC-12JUN26-92000-C", -60.0, None),
    ("BTC-12JUN26-92000-P", -60.0, None),
    ("BTC-19JUN26-100000-C", 35.0, None),
    ("BTC-26JUN26-80000-P", 120.0, None),
    ("BTC-26JUN26-85000-P", -40.0, None),
    ("BTC-26JUN26-100000-C", -150.0, None),
    ("BTC-31JUL26-105000-C", -80.0, None),
    ("BTC-25SEP26-90000-C", 45.0, None),
    ("BTC-25SEP26-70000-P", 60.0, None),
    ("BTC-25DEC26-120000-C", 90.0, None),
    ("BTC-25DEC26-100000-P", -12.0, None),
    ("BTC-26MAR27-140000-C", 25.0, None),
    ("BTC-PERPETUAL", 2_750_000.0, 90_410.5),
    ("BTC-26JUN26", -1_200_000.0, 93_050.0),
    ("BTC", 48.5, None),
    ("ETH-12JUN26-3100-P", 400.0, None),
    ("ETH-19JUN26-3300-C", -650.0, None),
    ("ETH-26JUN26-3000-P", -900.0, None),
    ("ETH-26JUN26-2600-P", 1_100.0, None),
    ("ETH-26JUN26-3600-C", -1_200.0, None),
    ("ETH-31JUL26-3400-C", 500.0, None),
    ("ETH-25SEP26-4000-C", 800.0, None),
    ("ETH-25DEC26-2400-P", -350.0, None),
    ("ETH-26MAR27-5000-C", 450.0, None),
    ("ETH-PERPETUAL", -640_000.0, 3_160.25),
    ("ETH_USDC-PERPETUAL", 210.0, 3_098.4),
    ("ETH", 820.0, None),
    ("USDC", 1_650_000.0, None),
)
"""Instrument, signed quantity (coins; USD of inverse futures and perpetuals) and entry price."""

LIMITS: Final = """\
# Net limits: the largest magnitude of a measure, or a pair [low, high]. Units: coins for deltas and
# gammas, USD per vol point for vega, USD per day for theta, USD per 1 % move for gamma_usd_1pct.

[BTC]
net_delta = 60
gamma_1pct = 25
vega_usd = 40_000
theta_usd = [-25_000, 25_000]

[BTC.expiry]            # in any one expiry
vega_usd = 20_000

[BTC.strike]            # in any one strike of any one expiry
gamma_usd_1pct = 500_000

[ETH]
net_delta = 500
gamma_1pct = 150
vega_usd = 10_000

[ETH.expiry]
vega_usd = 6_000

[total]                 # over all coins: measures in USD only
gamma_usd_1pct = 2_000_000
vega_usd = 45_000
"""
"""Limits of the book, as TOML; some of them are breached."""


HEDGED: Final = "BTC"
"""The coin whose part of the book the hedging simulation holds."""

HEDGING: Final = """\
# hedgecore simulate hedging.toml --html hedging.html
#
# The book's options on {coin}, held to their expiries, hedged every two hours or less often with the inverse perpetual; amounts are USD.
# The perpetuals, futures and coins of the book count by their delta at the start: every policy begins by trading from there.

title = "the {coin} book of positions.csv"

[book]
positions = "positions.csv"
chain = "chain.csv"
underlying = "{coin}"
steps_per_day = 12

[run]
n_paths = 1_500
seed = 1
drift = {rate}
attribution = true        # what made the P&L, in the report
rate = {rate}             # the basis: forwards are spot x exp(rate x t)
numeraire = "quote"
trace = 1

[paths]                   # variance from the short to the long vol at the money
type = "Heston"
v0 = {v0:.6f}
kappa = 6
theta = {theta:.6f}
xi = 1
rho = -0.3

[instrument]
type = "Perpetual"
settlement = "inverse"
funding = {rate}

[costs]
fee = 5e-4
half_spread = 5e-5

[policies.clock]
type = "Clock"
every = [1, 2, 4, 8, 16, 24]

[policies."price move"]
type = "PriceMove"
threshold = {{from = 0.004, to = 0.04, count = 6}}

[policies."band to the edge"]
type = "DeltaBand"
width = {{from = 0.5, to = 20, count = 7}}

[policies."band to the middle"]
type = "DeltaBand"
width = {{from = 1, to = 30, count = 7}}
to = "middle"

[policies."auto hedger"]
type = "AutoHedger"
up = {{from = 1, to = 30, count = 7}}
ratio = 0.5

[policies."realised vol band"]
type = "RealisedVolBand"
width = {{from = 0.5, to = 20, count = 7}}
half_life = 72

[policies."WW to the edge"]
type = "WhalleyWilmott"
risk_aversion = {{from = 2e-6, to = 2e-3, count = 7}}

[policies."WW to the middle"]
type = "WhalleyWilmott"
risk_aversion = {{from = 2e-7, to = 2e-4, count = 7}}
to = "middle"

[policies.Zakamouline]
type = "Zakamouline"
risk_aversion = {{from = 1e-6, to = 1e-3, count = 7}}

[policies."own vol band"]
type = "ScaledVol"
vol_scale = 1.1
width = {{from = 0.5, to = 20, count = 7}}
"""
"""The hedging simulation of the book, as TOML."""


def write_demo(folder: str | Path) -> tuple[Path, Path, Path]:
    """Write the chain, the positions and the limits; returns the paths of the three files.

    Raises
    ------
    OSError
        The folder cannot be made or written to.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chain, positions, limits = (
        folder / name for name in ("chain.csv", "positions.csv", "limits.toml")
    )
    with replacing(chain) as file:
        demo_chain().write_csv(file)
    with replacing(positions) as file:
        demo_positions().write_csv(file)
    with replacing(limits) as file:
        file.write_text(LIMITS, encoding="utf-8")
    return chain, positions, limits


def write_hedging(folder: str | Path) -> Path:
    """Write the hedging simulation of the book beside its files; returns the path.

    Raises
    ------
    OSError
        The folder does not exist or cannot be written to.
    """
    path = Path(folder) / "hedging.toml"
    with replacing(path) as file:
        file.write_text(demo_hedging(), encoding="utf-8")
    return path


def demo_hedging() -> str:
    """The hedging simulation of the book in TOML: one coin of it, in a market of stochastic vol, and ten families of policies."""
    (coin,) = (one for one in COINS if one.currency == HEDGED)
    return HEDGING.format(
        coin=HEDGED, rate=coin.basis, v0=coin.vol_short**2, theta=coin.vol_long**2
    )


def demo_positions() -> pl.DataFrame:
    """The book: ``instrument``, ``quantity`` and ``entry_price`` (futures and perpetuals)."""
    return pl.DataFrame(POSITIONS, schema=["instrument", "quantity", "entry_price"], orient="row")


def expiries(now: datetime) -> list[datetime]:
    """Expiries listed at ``now`` (08:00 UTC), as the exchange lists them.

    The next three days; the next four Fridays; the last Friday of this month and the next two; the
    last Friday of each of the next four quarters.
    """
    first = now.replace(hour=8, minute=0, second=0, microsecond=0)
    days = [first + timedelta(days=ahead) for ahead in range(1, 4)]
    friday = first + timedelta(days=(4 - first.weekday()) % 7)
    days += [friday + timedelta(weeks=ahead) for ahead in range(5)]
    months = [_last_friday(first, ahead) for ahead in range(16)]
    ahead = [day for day in months if day > now]
    days += ahead[:3] + [day for day in ahead if day.month % 3 == 0][:4]
    return sorted({day for day in days if day > now})


def demo_chain() -> pl.DataFrame:
    """The chain, one snapshot of BTC and ETH, in the columns of the six-hourly Deribit CSV.

    Times are ISO 8601 text, prices in the coin, ``implied_volatility`` decimal, ``vega`` in USD per
    vol point; null where a quote is missing.
    """
    return pl.concat([_coin_chain(coin) for coin in COINS])


def _last_friday(day: datetime, months_ahead: int) -> datetime:
    month = day.month + months_ahead  # 0-based number of the month after
    after = day.replace(year=day.year + month // 12, month=month % 12 + 1, day=1)
    last = after - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - 4) % 7)


def _atm_vol(coin: Coin, years: float) -> float:
    """At-the-money vol: from the short to the long one, half of the way after about six weeks."""
    return coin.vol_long + (coin.vol_short - coin.vol_long) * float(np.exp(-6.0 * years))


def _ssvi_vol(coin: Coin, moneyness: FloatArray, years: float) -> FloatArray:
    """Vol at ln(K/F): SSVI, power-law phi with gamma 1/2 (Gatheral and Jacquier 2014, section 4).

    The wings parameter is eta; eta (1 + |skew|) <= 2 keeps it free of butterfly arbitrage.
    """
    theta = _atm_vol(coin, years) ** 2 * years
    phi = coin.wings / np.sqrt(theta * (1.0 + theta))
    rho, x = coin.skew, phi * moneyness
    total = theta / 2.0 * (1.0 + rho * x + np.sqrt((x + rho) ** 2 + 1.0 - rho**2))
    vol: FloatArray = np.sqrt(total / years)
    return vol


def _strikes(coin: Coin, forward: float, years: float) -> FloatArray:
    """Strikes around the forward: the finest grid close to it, coarser ones further out."""
    deviation = _atm_vol(coin, years) * np.sqrt(years)
    finest = int(np.searchsorted([4 / 365, 25 / 365, 100 / 365], years))
    listed: set[int] = set()
    for step, reach in zip(coin.steps[finest:], (1.3, 2.6, 4.5), strict=False):
        low = int(forward * np.exp(-reach * deviation) // step)
        high = int(forward * np.exp(reach * deviation) // step) + 1
        listed.update(step * number for number in range(max(low, 1), high + 1))
    return np.array(sorted(listed), dtype=float)


def _listing(coin: Coin) -> pl.DataFrame:
    """Every option listed, a call and a put per strike, with its vol and what the expiry is."""
    parts = []
    for expires in expiries(SNAPSHOT):
        years = (expires - SNAPSHOT).total_seconds() / YEAR_SECONDS
        basis = float(np.exp(coin.basis * years))
        strikes = _strikes(coin, coin.index * basis, years)
        vols = _ssvi_vol(coin, np.log(strikes / (coin.index * basis)), years)
        monthly = expires == _last_friday(expires, 0)
        quarterly = monthly and expires.month % 3 == 0
        parts.append(
            pl.DataFrame(
                {
                    "strike": np.repeat(strikes, 2),
                    "kind": np.tile(np.array([1, -1], dtype=np.int8), strikes.size),
                    "vol": np.repeat(vols, 2),
                }
            ).with_columns(
                expires=pl.lit(expires),
                years=years,
                basis=basis,
                has_future=monthly,
                interest=3.0 if quarterly else 2.0 if monthly else 0.4,
            )
        )
    return pl.concat(parts)


def _coin_chain(coin: Coin) -> pl.DataFrame:
    listing = _listing(coin)
    kind = listing["kind"].to_numpy()
    strike, years, vol, basis = (
        listing[name].to_numpy() for name in ("strike", "years", "vol", "basis")
    )
    number = np.arange(1.0, listing.height + 1.0)
    vary = (number * 0.6180339887498949) % 1.0  # golden-ratio sequence: even, never repeats

    # the index drifts while the rows are collected one after the other
    index = np.round(coin.index * (1.0 + 6e-4 * np.sin(7.0 * number / listing.height)), 2)
    forward = np.round(index * basis, 2)
    greeks = pricing.greeks(
        kind,
        strike=strike,
        expiry=years,
        vol=vol,
        forward=forward,
        settlement="inverse",
        which=("price", "vega", "black_delta"),
    )
    mark = np.round(greeks["price"], 8)
    bid, ask = _quotes(mark, greeks["vega"], np.abs(greeks["black_delta"]), years, vary)
    open_interest, volume = _interest(coin, listing, forward, vary)
    names = [
        instruments.Instrument(
            coin.currency, "option", kind=side, strike=level, expiry_time=expires
        ).name
        for expires, level, side in listing.select("expires", "strike", "kind").iter_rows()
    ]
    futures = [
        ("" if listed else "SYN.") + name.rsplit("-", 2)[0]
        for listed, name in zip(listing["has_future"], names, strict=True)
    ]
    return pl.DataFrame(
        {
            "timestamp": [SNAPSHOT.isoformat()] * listing.height,
            "instrument_name": names,
            "underlying": forward,
            "underlying_name": futures,
            "option_type": np.where(kind > 0, "call", "put").tolist(),
            "strike": strike,
            "expiry_datetime": [expires.isoformat() for expires in listing["expires"]],
            "time_to_maturity": years * (365 / 365.25),  # as the six-hourly files reckon it
            "bid_price": bid,
            "ask_price": ask,
            "mark_price": mark,
            "mid_price": (bid + ask) / 2.0,
            "futures_price": forward,
            "futures_instrument_name": futures,
            "implied_volatility": np.round(vol, 4),
            "delta": np.round(greeks["black_delta"], 5),
            "vega": np.round(greeks["vega"] * forward / 100.0, 5),
            "open_interest": open_interest,
            "volume": volume,
            "bid_ask_spread": ask - bid,
            "currency": [coin.currency] * listing.height,
            "index_price": index,
            "volume_usd": np.round(volume * mark * index, 2),
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def _quotes(
    mark: FloatArray, vega: FloatArray, delta: FloatArray, years: FloatArray, vary: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bid and ask on the exchange's ticks (0.0001 below 0.005, else 0.0005); NaN where missing."""
    points = 0.35 + 0.5 * np.exp(-40.0 * years) + 0.8 * vary  # half spread in vol points
    half = 0.01 * vega * points + 0.0008 * delta**4 * (1.0 + 3.0 * vary) + 0.00005
    shift = np.where(vary < 0.018, 1.6 * half + 0.0003, 0.0)  # quotes left behind by the mark
    low, high = mark - half - shift, mark + half - shift
    tick_low, tick_high = (np.where(price < 0.005, 0.0001, 0.0005) for price in (low, high))
    bid: FloatArray = np.round(np.floor(low / tick_low) * tick_low, 4)
    ask: FloatArray = np.round(np.ceil(high / tick_high) * tick_high, 4)
    bid = np.where((bid > 0) & ~((delta > 0.97) & (vary < 0.35)), bid, np.nan)
    ask = np.where((delta > 0.97) & (vary > 0.86), np.nan, np.maximum(ask, 0.0001))
    return bid, ask


def _interest(
    coin: Coin, listing: pl.DataFrame, forward: FloatArray, vary: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Open interest and volume: out-of-the-money, round strikes and long-listed expiries lead."""
    strike, years = listing["strike"].to_numpy(), listing["years"].to_numpy()
    moneyness = listing["kind"].to_numpy() * np.log(strike / forward)
    away = moneyness / (coin.vol_long * np.sqrt(years))
    held = listing["interest"].to_numpy() * np.exp(-0.5 * ((away - 0.8) / 1.1) ** 2)
    held = held * (0.3 + sum(0.9 * (strike % step == 0) for step in coin.steps[3:]))
    held = held * (0.2 + 1.6 * ((vary * 7.0) % 1.0))
    open_interest: FloatArray = np.round(coin.open_interest * held / held.sum(), 1)
    share = np.where(vary > 0.55, 0.12 * vary, 0.0) * np.exp(-2.0 * years)
    volume: FloatArray = np.round(open_interest * share, 1)
    return open_interest, volume
