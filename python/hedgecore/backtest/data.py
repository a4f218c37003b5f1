"""The files of a backtest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgecore.backtest.funding import Funding, funding
from hedgecore.backtest.futures import Futures, futures
from hedgecore.backtest.tape import Tape
from hedgecore.hedging.position import check_numbers

if TYPE_CHECKING:
    from hedgecore.venues.tables import Table


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """What a backtest reads: the table ``[data]`` of a configuration.  Files are of any known format (see: hedgecore inspect).

    Parameters
    ----------
    base
        The coin.
    chains
        Files of quotes of its options; a ``*`` in a name stands for anything.
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
    chains: str | Sequence[str]
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
        found = {}
        for key in ("chains", "bars", "perpetual", "rates", "futures", "trades"):
            given = getattr(self, key)
            names = [given] if isinstance(given, str) else given or []
            paths = [path for name in names for path in _matching(folder, name, key)]
            if paths:
                found[key] = paths
        return found

    def read(self, folder: Path = Path()) -> tuple[Tape, Funding | None, Futures | None]:
        """Return the tape, the funding where perpetual or rates are given, and the futures where these are."""
        from hedgecore.venues import read

        files = self.files(folder)
        one: dict[str, Any] = {key: read(paths[0]) for key, paths in files.items() if key not in ("chains", "trades")}  # fmt: skip
        tape = Tape.of(
            self.base, [read(path) for path in files["chains"]], bars=one.get("bars"), perpetual=one.get("perpetual"),
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
