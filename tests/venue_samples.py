"""Short true copies of files of every format, to be damaged."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pl = pytest.importorskip("polars")

from hedgecore.venues import DataError, read
from hedgecore.venues.layouts import LAYOUTS
from hedgecore.venues.tables import Table

Cells = list[dict[str, str]]
FOLDER = "data/chains/"
TABLES = {
    "six-hourly": "chains/raw/deribit_options_snapshot_20260205T155132Z.csv.gz",
    "ticker": "chains/ticker_daily/deribit_btc_options_20260122.csv.gz",
    "futures": "chains/ticker_daily/deribit_btc_futures_20260122.csv.gz",
    "hourly": "chains/deribit_btc_hourly_greeks_20260123_20260124.csv.gz",
    "trades": "chains/deribit_btc_option_trades_20220101.csv.gz",
    "perpetual": "chains/perpetual_futures_prices_20260101_20260331.csv.gz",
    "term": "chains/term_futures_marks_20260101_20260331.csv.gz",
    "bars": "prices/BTCUSDT_perp_5m_20250704_20251231.csv.gz",
    "funding": "funding_vol/BTC-USDT_gate_funding_2020_2023.csv.gz",
    "gas": "gas/eth_basefee_blocks_20220512.csv.gz",
    "gas-gwei": "gas/eth_basefee_every15blocks_20210805_20211231.csv.gz",
    "gas-l2": "gas/taiko_l2_basefee_20240525_20241031.csv.gz",
}
OTHERS = {
    "capture": "messages/deribit_ws_capture_20210722.txt.gz",
    "lines": "messages/deribit_ws_rest_messages_2021_2023.jsonl",
    "okx": "messages/okx_ws_capture_20220513.txt.gz",
    "instruments": "messages/deribit_json/http_get_instruments.json",
    "accounts": "messages/deribit_json/http_get_account_summaries.json",
    "positions": "messages/deribit_json/http_get_positions.json",
    "book": "messages/deribit_json/http_get_order_book.json",
    "orders": "messages/deribit_json/ws_order_buy_response.json",
    "combos": "messages/deribit_json/http_get_combos.json",
    "evidence": "chains/eth_mfiv14d_evidence_20211001T0702.json.gz",
    "dvol": "funding_vol/deribit_dvol_btc_daily_20221106_20251112.json.gz",
    "percent": "funding_vol/btc_funding_8h_percent_20221103_20251112.json.gz",
    "day": "prices/multivenue_20221213/cryptofuture_bybit_btcusd_20221213_quote.zip",
}
ROWS = 40
# what depends on the rest of the file and not on the row alone
OF_THE_FILE = ["snapshot", "seconds", "hours"]


class Samples(dict[str, bytes]):
    """Contents by name, shown in short."""

    def __repr__(self) -> str:
        return "samples"


def content_of(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.fixture(scope="session")
def samples(shared: Path) -> Samples:
    """A short true copy of a file of every format."""
    return samples_in(shared)


def samples_in(shared: Path) -> Samples:
    """The copies of the files in the shared folder."""
    found = Samples()
    for name, path in {**TABLES, **OTHERS}.items():
        data = content_of(shared / "data" / path)
        if name in TABLES or name in ("capture", "okx"):
            data = b"".join(data.splitlines(keepends=True)[: ROWS + 1])
        elif name in ("dvol", "percent"):
            data = json.dumps(json.loads(data)[:ROWS]).encode()
        found[name] = data
    buffer = io.BytesIO()
    text = found["six-hourly"]
    pl.read_csv(io.BytesIO(text)).write_parquet(buffer)
    found["parquet"] = buffer.getvalue()
    return found


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write bytes to a file whose name says nothing."""
    folder = tmp_path_factory.mktemp("damage")

    def to(content: bytes, name: str = "data.bin") -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return to


def outcome(path: Path) -> Table | None:
    """The table in its layout, or None for a clear error; anything else is a failure."""
    try:
        table = read(path)
    except DataError as error:
        if str(path) not in str(error):
            raise
        return None
    for part in (table, *table.parts.values()):
        assert dict(part.frame.schema) == {n: c.dtype for n, c in LAYOUTS[part.kind].items()}
    return table


def parts(table: Table) -> dict[str, pl.DataFrame]:
    tables = {table.kind: table, **table.parts}
    return {kind: part.frame.drop(OF_THE_FILE, strict=False) for kind, part in tables.items()}


def cells(samples: Any, name: str) -> Cells:
    return list(csv.DictReader(io.StringIO(samples[name].decode())))


def as_csv(rows: Cells, columns: list[str] | None = None) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(
        buffer, columns or list(rows[0]), extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()
