"""The files of a backtest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hedgecore.backtest.funding import Funding, funding
from hedgecore.backtest.futures import Futures, futures
from hedgecore.backtest.marked import Listed, marked
from hedgecore.backtest.tape import Tape
from hedgecore.hedging.position import check_numbers

if TYPE_CHECKING:
    from hedgecore.venues.tables import Table


@dataclass(frozen=True, kw_only=True)
class Marks(Listed):
    """Options marked along the bars where there are no chains: the table ``[data.marks]``, with the keys of :class:`hedgecore.backtest.Listed`.

    Parameters
    ----------
    chain
        A file of quotes that the surface is fitted to.
    at
        The last snapshot in it at or before this UTC time; the newest where not given.
    model
        Of the surface.
    vol
        One vol for all, in place of a surface.
    index, known_after
        A file of a volatility index that vols are rescaled to, and the hours from the time of a value to when it is known.
    """

    chain: str | None = None
    at: str | None = None
    model: Literal["svi", "svi_free", "essvi"] = "svi"
    vol: float | None = None
    index: str | None = None
    known_after: float = 24.0

    def __post_init__(self) -> None:
        """Check that there are marks."""
        super().__post_init__()
        if (self.chain is None) == (self.vol is None):
            raise ValueError("chain must be given, or vol: one of them")

    def read(self, base: str, bars: Any, files: Mapping[str, list[Path]], **within: Any) -> Any:
        """Return the chains."""
        from hedgecore.surface import fit_all
        from hedgecore.venues import read

        surface: Any = self.vol
        if self.chain is not None:
            surfaces = fit_all(read(files["marks.chain"][0]), self.at, model=self.model)
            if base not in surfaces:
                raise ValueError(f"marks.chain: {self.chain} has no smile of {base} that fits")
            surface = surfaces[base]
        index = read(files["marks.index"][0]) if self.index is not None else None
        return marked(
            base, bars, surface, self, index=index, known_after=self.known_after, **within
        )


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """What a backtest reads: the table ``[data]`` of a configuration.  Files are of any known format (see: hedgecore inspect).

    Parameters
    ----------
    base
        The coin.
    chains
        Files of quotes of its options; a ``*`` in a name stands for anything.
    marks
        How options are marked along the bars, where there are no chains.
    bars
        A file of prices, whose ends are the steps; without it the snapshots are.
    perpetual
        A file of prices of the perpetual: its premium makes the funding where ``rates`` do not cover it.
    rates
        A file of funding rates.
    funding_cap
        Of the modelled rate per 8 hours.
    futures
        A file of quotes of dated futures: these hedge in place of the perpetual.
    future, future_days
        One of them by name; else the one whose expiry is nearest to so many days, rolled a day before it.
    trades
        A file of trades of options, which customers of a :class:`hedgecore.backtest.MarketMaker` are resampled from.
    start, end
        UTC times within which the steps lie.
    """

    base: str
    chains: str | Sequence[str] | None = None
    marks: Marks | None = None
    bars: str | None = None
    perpetual: str | None = None
    rates: str | None = None
    funding_cap: float = 0.005
    futures: str | None = None
    future: str | None = None
    future_days: float = 30.0
    trades: str | None = None
    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        """Check what says nothing without the other."""
        check_numbers(self)
        if (self.chains is None) == (self.marks is None):
            raise ValueError("chains must be given, or marks: one of them")
        if self.marks is not None and self.bars is None:
            raise ValueError("bars must be given: options are marked along them")
        if self.future is not None and self.futures is None:
            raise ValueError(f"future = {self.future!r} must not be given without a file futures")
        for name in ("perpetual", "rates"):
            if self.futures is not None and getattr(self, name) is not None:
                raise ValueError(f"{name} must not be given beside futures: they pay no funding")

    def files(self, folder: Path) -> dict[str, list[Path]]:
        """Return the files of each key, in the order in which they are read.

        Raises
        ------
        ValueError
            There is no such file.
        """
        found, named = (
            {},
            {
                key: getattr(self, key)
                for key in ("chains", "bars", "perpetual", "rates", "futures", "trades")
            },
        )
        if self.marks is not None:
            named |= {"marks.chain": self.marks.chain, "marks.index": self.marks.index}
        for key, given in named.items():
            names = [given] if isinstance(given, str) else given or []
            paths = [path for name in names for path in _matching(folder, name, key)]
            if paths:
                found[key] = paths
        return found

    def read(self, folder: Path = Path()) -> tuple[Tape, Funding | None, Futures | None]:
        """Return the tape, the funding where perpetual or rates are given, and the futures where these are."""
        from hedgecore.venues import read

        files = self.files(folder)
        own = ("bars", "perpetual", "rates", "futures")
        one: dict[str, Any] = {key: read(paths[0]) for key, paths in files.items() if key in own}  # fmt: skip
        chains = (
            [read(path) for path in files["chains"]]
            if self.marks is None
            else self.marks.read(self.base, one["bars"], files, start=self.start, end=self.end)
        )
        tape = Tape.of(
            self.base, chains, bars=one.get("bars"), perpetual=one.get("perpetual"),
            start=self.start, end=self.end,
        )  # fmt: skip
        pays = "perpetual" in one or "rates" in one
        hedge = None
        if "futures" in one:
            hedge = futures(tape, one["futures"], self.future, days=self.future_days)
        return tape, funding(tape, one.get("rates"), self.funding_cap) if pays else None, hedge

    def read_trades(self, folder: Path = Path()) -> Table:
        """Return the trades.

        Raises
        ------
        ValueError
            There are none.
        """
        from hedgecore.venues import read

        if self.trades is None:
            raise ValueError("data.trades is missing: a market maker needs customers")
        return read(self.files(folder)["trades"][0])


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _matching(folder: Path, name: str, key: str) -> list[Path]:
    whole = folder / name
    paths = sorted(whole.parent.glob(whole.name)) if "*" in whole.name else [whole]
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{key}: there is no file {path}")
    if not paths:
        raise ValueError(f"{key}: there is no file like {whole}")
    return paths
