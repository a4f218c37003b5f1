"""Named stress episodes: what prices and vols really did, replayed on a book.

The facts are few and measured, never guessed: where a price or a vol is not known it is None, and what to assume instead is
for the user to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore.instruments import times_of
from hedgecore.scenarios import Nodes
from hedgecore.tails.history import History
from hedgecore.tails.moves import HOUR, VolChange
from hedgecore.tails.simulation import Simulation, held, simulate, taken

if TYPE_CHECKING:
    from hedgecore.book import Book, Market
    from hedgecore.surface.dynamics import Dynamics

Array = npt.NDArray[Any]
At = Literal["trough", "end"]
Assumed = Mapping[str, float | tuple[str, float]]
"""By coin a move, or (coin, beta): beta times the move of another coin in the episode, or what is assumed as its move."""

Used = set[tuple[str, str]]
"""("price" or "vol", coin) of assumptions that were needed."""


class UnknownMove(ValueError):
    """What a coin did in an episode is not known, and nothing was assumed; ``what`` says it without advice."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what + advice)
        self.what = what


@dataclass(frozen=True)
class Fact:
    """What one coin did in an episode; prices in USDT, vols decimal, None where not known.

    Attributes
    ----------
    before, peak, low, after
        Open of the first bar, highest price up to the lowest, lowest price, close of the last bar.
    prices
        The series that these are of.
    vol_before, vol_peak, vol_after
        The last 30-day vol known when the episode begins, the highest and the last within it.
    vols
        The series that these are of.  Closes of days understate the peak.
    """

    before: float
    peak: float
    low: float
    after: float
    prices: str
    vol_before: float | None = None
    vol_peak: float | None = None
    vol_after: float | None = None
    vols: str | None = None


@dataclass(frozen=True)
class Episode:
    """A stretch of history: its name, beginning and end (UTC), and what each coin did."""

    name: str
    start: str
    end: str
    coins: Mapping[str, Fact]


_DVOL: Final = "deribit_dvol_btc_daily_20221106_20251112"
_CHAINS: Final = "deribit_btc_eth_6h_20260101_20260331"
_LATE: Final = ("BTCUSDT_1h_20240416_20260416", "ETHUSDT_1h_20240416_20260416")
_PERP: Final = "{}USDT_perp_5m_20250704_20251231"

EPISODES: Final[dict[str, Episode]] = {
    episode.name: episode
    for episode in (
        Episode("2020-03-12", "2020-03-12T00:00", "2020-03-14T00:00", {
            "BTC": Fact(7934.58, 7966.17, 3782.13, 5578.60, "BTCUSDT_1h_20170817_20231220"),
        }),
        Episode("2021-05-19", "2021-05-19T00:00", "2021-05-20T00:00", {
            "BTC": Fact(42875.03, 43613.34, 28733.12, 36689.14, "BTCUSDT_30m_20210101_20240731"),
        }),
        Episode("2022-06", "2022-06-10T00:00", "2022-06-20T00:00", {
            "BTC": Fact(30093.3, 30355.1, 17601.9, 20564.2, "BTCUSDT_30m_20210101_20240731"),
        }),
        Episode("2024-08-05", "2024-08-04T00:00", "2024-08-07T00:00", {
            "BTC": Fact(60697.99, 61117.63, 49000.0, 56022.01, _LATE[0], 0.5145, 0.6308, 0.6154, _DVOL),
            "ETH": Fact(2903.65, 2935.46, 2111.0, 2461.33, _LATE[1]),
        }),
        Episode("2025-10-10", "2025-10-10T00:00", "2025-10-12T00:00", {
            "BTC": Fact(121579.4, 122497.0, 101516.5, 110579.1, _PERP.format("BTC"),
                        0.3973, 0.4615, 0.4615, _DVOL),
            "ETH": Fact(4365.83, 4392.0, 3400.0, 3744.99, _PERP.format("ETH")),
            "SOL": Fact(220.81, 224.35, 141.28, 177.22, _PERP.format("SOL")),
        }),
        Episode("2026-02-05", "2026-02-04T00:00", "2026-02-07T00:00", {
            "BTC": Fact(75770.21, 76971.52, 60000.0, 70580.26, _LATE[0], 0.477, 0.787, 0.514, _CHAINS),
            "ETH": Fact(2233.72, 2295.74, 1747.80, 2063.38, _LATE[1], 0.690, 0.931, 0.732, _CHAINS),
        }),
    )
}  # fmt: skip
"""Falls of the market, by name; ``prices`` and ``vols`` of a fact name the series it was measured on."""


def stress(
    book: Book,
    market: Market,
    episodes: str | Episode | Iterable[str | Episode] | None = None,
    *,
    at: At | Sequence[At] = ("trough", "end"),
    scale: float = 1.0,
    assume: Assumed | None = None,
    assume_vol: Assumed | None = None,
    vol_change: VolChange = "relative",
    aging: bool = False,
    vol_tenor: tuple[float, ...] | None = None,
    dynamics: Dynamics | None = None,
    skip: bool = False,
    threads: int | None = None,
) -> Simulation:
    """Replay the moves of named episodes on a book, every option revalued in full.

    Parameters
    ----------
    book, market
        What is held, and the market that the moves start from.
    episodes
        Names of :data:`EPISODES`, or episodes of the user's own, one or several; None: all of them.
    at
        "trough": from the peak to the lowest price with the highest vol, all coins at once; "end": from the
        beginning of the episode to its end.
    scale
        By which every move is multiplied.
    assume
        For coins whose price an episode does not know: the relative move (at the trough and at the end alike), or
        ("BTC", 1.2) for 1.2 times that of another coin.
    assume_vol
        The same for vols: a change of the kind ``vol_change``, 0.0 for none, or ("BTC", 1.0).
    vol_change
        "relative": vols change in proportion; "absolute": by so many vol points.
    aging
        Whether the length of the episode passes.
    vol_tenor, dynamics, threads
        As in :func:`hedgecore.scenarios.book_scenarios`.  The vols of the facts are of 30 days.
    skip
        Whether episodes that do not know all that the book needs are left out, with the reason in ``notes``; else they are
        an error.

    Returns
    -------
    Simulation
        ``label`` has the episode and where in it; the nodes are sorted by loss, the largest first.

    Raises
    ------
    UnknownMove
        For a coin of the book of which an episode knows no price, or, with options in it, no vol, and nothing is
        assumed; with ``skip`` where no episode is left.
    ValueError
        For an episode that is not known.

    Examples
    --------
    >>> import hedgecore as hc
    >>> book = hc.Book.from_frame({"instrument": ["BTC-PERPETUAL"], "quantity": [1_000_000]})
    >>> market = hc.Market("2026-06-10", index={"BTC": 88_000})
    >>> hc.tails.stress(book, market, ["2020-03-12"], at="trough").label.tolist()
    ['2020-03-12 trough']
    """
    if isinstance(episodes, (str, Episode)):
        episodes = [episodes]
    chosen = list(EPISODES.values()) if episodes is None else [_episode(e) for e in episodes]
    places: tuple[At, ...] = (at,) if isinstance(at, str) else tuple(at)
    for place in places:
        if place not in ("trough", "end"):
            raise ValueError(f"at must be 'trough' or 'end', not {place!r}")
    _check(scale, vol_change)
    coins, with_options = held(book)
    if not (chosen and places):
        raise ValueError("there are no episodes to replay")
    rows: list[tuple[Episode, At]] = []
    spot: dict[str, list[float]] = {coin: [] for coin in coins}
    vol: dict[str, list[float]] = {coin: [] for coin in with_options}
    left_out: list[str] = []
    used: Used = set()
    for episode in chosen:
        here: Used = set()
        try:
            found = [
                (
                    [_spot_move(episode, coin, place, assume or {}, here) for coin in coins],
                    [_vol_move(episode, coin, place, assume_vol or {}, vol_change, here)
                     for coin in with_options],
                )
                for place in places
            ]  # fmt: skip
        except UnknownMove as error:
            if not skip:
                raise
            left_out.append(f"left out: {error.what}")
            continue
        used |= here
        rows += [(episode, place) for place in places]
        for moves, changes in found:
            for coin, move in zip(coins, moves, strict=True):
                spot[coin].append(scale * move)
            for coin, change in zip(with_options, changes, strict=True):
                vol[coin].append(scale * change)
    if not rows:
        raise UnknownMove("; ".join(left_out))
    years = [_years(e) if aging else 0.0 for e, _ in rows]
    label = np.array([f"{e.name} {place}" for e, place in rows])
    notes = (*_notes(assume, assume_vol, scale, vol_change, used), *left_out)
    result = simulate(
        book, market, Nodes.of(spot=spot, vol=vol, time=years), label=label, notes=notes,
        vol_shock=vol_change, vol_tenor=vol_tenor, dynamics=dynamics, threads=threads,
    )  # fmt: skip
    order = np.argsort(result.total, kind="stable")
    return replace(
        result, nodes=taken(result.nodes, order), label=label[order], pnl=result.pnl[order],
        sample=False,
    )  # fmt: skip


def replay(
    book: Book,
    market: Market,
    prices: Mapping[str, Any],
    episode: str | Episode | tuple[Any, Any],
    *,
    vols: Mapping[str, Any] | None = None,
    scale: float = 1.0,
    assume: Assumed | None = None,
    assume_vol: Assumed | None = None,
    vol_change: VolChange = "relative",
    aging: bool = False,
    vol_tenor: tuple[float, ...] | None = None,
    dynamics: Dynamics | None = None,
    threads: int | None = None,
) -> Simulation:
    """Replay the path of prices through an episode: a node for every time, moves counted from the first.

    Parameters
    ----------
    prices, vols
        Series by coin, as for :meth:`History.of`; used at the times that all have.  A vol that changes less often than the
        prices has to be assumed or brought to their times by the user.
    episode
        A name or an episode, of which the times are used, or a pair (start, end) UTC.
    assume, assume_vol
        For coins without a series: (coin, beta), or a move that is there from the second time on.
    aging
        Whether the time passes that has passed since the first.
    book, market, scale, vol_change, vol_tenor, dynamics, threads
        As in :func:`stress`.

    Returns
    -------
    Simulation
        ``label`` has the times; the nodes are in their order and have no P&L at the first.
    """
    if isinstance(episode, tuple):
        start, end = episode
        name = f"{start} to {end}"
    else:
        found = _episode(episode)
        start, end, name = found.start, found.end, found.name
    _check(scale, vol_change)
    history = History.of(prices, vols, start=start, end=end)
    coins, with_options = held(book)
    n = len(history)
    away = np.r_[0.0, np.ones(n - 1)]

    def path(levels: dict[str, Array], relative: bool) -> dict[str, Array]:
        return {c: x / x[0] - 1 if relative else x - x[0] for c, x in levels.items()}

    used: Used = set()

    def moves(known: dict[str, Array], wanted: list[str], given: Assumed, what: str) -> Any:
        out = {}
        for coin in wanted:
            if coin in known:
                out[coin] = scale * known[coin]
            elif coin in given:
                used.add((what, coin))
                rule = given[coin]
                if isinstance(rule, tuple):
                    if rule[0] not in known:
                        raise ValueError(
                            f"episode {name}: no {what} of {rule[0]} to take that of {coin} from"
                        )
                    out[coin] = scale * rule[1] * known[rule[0]]
                else:
                    out[coin] = scale * rule * away
            else:
                raise _unknown(name, what, coin)
        return out

    spot = moves(path(history.price, True), coins, assume or {}, "price")
    vol = moves(path(history.vol, vol_change == "relative"), with_options, assume_vol or {}, "vol")
    passed = (history.time - history.time[0]).astype(np.int64) / (365 * 24 * HOUR)
    result = simulate(
        book, market, Nodes.of(spot=spot, vol=vol, time=passed if aging else 0.0), label=history.time,
        notes=(*history.notes, *_notes(assume, assume_vol, scale, vol_change, used)), vol_shock=vol_change,
        vol_tenor=vol_tenor, dynamics=dynamics, threads=threads,
    )  # fmt: skip
    return replace(result, sample=False)


def _episode(which: str | Episode) -> Episode:
    if isinstance(which, Episode):
        return which
    if which not in EPISODES:
        raise ValueError(f"episode {which!r} is none of {', '.join(EPISODES)}")
    return EPISODES[which]


def _check(scale: float, vol_change: str) -> None:
    if not np.isfinite(scale):
        raise ValueError(f"scale = {scale} must be finite")
    if vol_change not in ("relative", "absolute"):
        raise ValueError(f"vol_change must be 'relative' or 'absolute', not {vol_change!r}")


def _years(episode: Episode) -> float:
    start, end = times_of([episode.start, episode.end], 2, f"times of episode {episode.name}")
    return float((end - start).astype(np.int64) / (365 * 24 * HOUR))


def _unknown(episode: str, what: str, coin: str) -> UnknownMove:
    name = "assume" if what == "price" else "assume_vol"
    return UnknownMove(
        f"episode {episode}: the {what} of {coin} is not known",
        f'; say what to assume, for example {name}={{"{coin}": -0.3}} or {name}={{"{coin}": ("BTC", 1.2)}}',
    )


def _spot_move(episode: Episode, coin: str, place: At, given: Assumed, used: Used) -> float:
    fact = episode.coins.get(coin)
    if fact is None:
        return _assumed(
            episode,
            coin,
            given,
            "price",
            lambda other: _spot_move(episode, other, place, _numbers(given), used),
            used,
        )
    return fact.low / fact.peak - 1 if place == "trough" else fact.after / fact.before - 1


def _vol_move(
    episode: Episode, coin: str, place: At, given: Assumed, change: VolChange, used: Used
) -> float:
    fact = episode.coins.get(coin)
    after = None if fact is None else fact.vol_peak if place == "trough" else fact.vol_after
    if fact is None or fact.vol_before is None or after is None:
        return _assumed(
            episode,
            coin,
            given,
            "vol",
            lambda other: _vol_move(episode, other, place, _numbers(given), change, used),
            used,
        )
    return after / fact.vol_before - 1 if change == "relative" else after - fact.vol_before


def _numbers(given: Assumed) -> Assumed:
    return {coin: rule for coin, rule in given.items() if not isinstance(rule, tuple)}


def _assumed(
    episode: Episode, coin: str, given: Assumed, what: str, move_of: Any, used: Used
) -> float:
    if coin not in given:
        raise _unknown(episode.name, what, coin)
    used.add((what, coin))
    rule = given[coin]
    if isinstance(rule, tuple):
        return float(rule[1] * move_of(rule[0]))
    return float(rule)


def _notes(
    assume: Assumed | None,
    assume_vol: Assumed | None,
    scale: float,
    vol_change: VolChange,
    used: Used,
) -> tuple[str, ...]:
    """Say what was assumed, of all that was given only what was needed."""
    kinds = (("price", "move", assume, "relative"), ("vol", "vol change", assume_vol, vol_change))
    notes = [
        f"{name} of {coin} where not known: "
        + (f"{rule[1]:g} times that of {rule[0]}" if isinstance(rule, tuple) else f"{rule:+g} ({kind})")
        for what, name, given, kind in kinds
        for coin, rule in (given or {}).items()
        if (what, coin) in used
    ]  # fmt: skip
    return (*notes, f"every move times {scale:g}") if scale != 1 else tuple(notes)
