"""Damaged files: a clear error or a reported row from every reader, never a wrong number."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pl = pytest.importorskip("polars")

from hedgecore.venues import DataError, read
from venue_samples import (
    OF_THE_FILE,
    OTHERS,
    ROWS,
    TABLES,
    as_csv,
    cells,
    outcome,
    parts,
    samples,
    write,
)

__all__ = ["samples", "write"]  # fixtures


NAMES = [*TABLES, *OTHERS, "parquet"]
SETTINGS = settings(max_examples=7)


@pytest.mark.parametrize("name", NAMES)
class TestEveryFormat:
    def test_the_copy_itself_reads(self, name: str, samples: Any, write: Any) -> None:
        table = read(
            write(samples[name]) if name != "day" else write(samples[name], "20221213.zip")
        )
        assert table.frame.height > 0
        assert not any(d.count for d in table.defects if d.dropped and d.name != "row repeated")

    @SETTINGS
    @given(share=st.floats(0, 1, exclude_max=True))
    def test_cut_short(self, name: str, samples: Any, write: Any, share: float) -> None:
        whole = parts(read(write(samples[name])))
        table = outcome(write(samples[name][: int(share * len(samples[name]))]))
        if table is None:
            return
        for kind, frame in parts(table).items():
            expected = whole[kind]
            key = [
                column
                for column in ("row", "level", "side", "instrument")
                if column in frame.columns
            ]
            # what is left is what the whole file has there, to the last bit
            same = expected.join(
                frame.select(key), on=key, how="semi", maintain_order="left", nulls_equal=True
            )
            assert frame.drop("content", strict=False).equals(same.drop("content", strict=False))

    @SETTINGS
    @given(share=st.floats(0, 1, exclude_max=True))
    def test_cut_short_and_compressed_before_or_after(
        self, name: str, samples: Any, write: Any, share: float
    ) -> None:
        packed = gzip.compress(samples[name])
        cut = packed[: int(share * len(packed))]
        assert outcome(write(cut)) is None

    @SETTINGS
    @given(seed=st.integers(0, 2**32))
    def test_flipped_bytes(self, name: str, samples: Any, write: Any, seed: int) -> None:
        chance = random.Random(seed)
        damaged = bytearray(samples[name])
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        outcome(write(bytes(damaged)))

    @SETTINGS
    @given(seed=st.integers(0, 2**32))
    def test_other_characters(self, name: str, samples: Any, write: Any, seed: int) -> None:
        chance = random.Random(seed)
        damaged = bytearray(samples[name])
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = ord(
                chance.choice('0123456789.,-"\n eE{}[]:x')
            )
        outcome(write(bytes(damaged)))

    def test_wrong_encoding(self, name: str, samples: Any, write: Any) -> None:
        if name in ("parquet", "day"):  # no text to encode: a text mark before the bytes is damage
            outcome(write(b"\xef\xbb\xbf" + samples[name]))
            return
        text = samples[name].decode()
        for encoding in ("utf-16", "utf-16-le", "utf-32"):
            with pytest.raises(DataError, match=r"UTF-16 text|binary"):
                read(write(text.encode(encoding)))
        plain = read(write(text.encode()))
        for encoded in (text.encode("utf-8-sig"), text.replace("\n", "\r\n").encode()):
            same = read(write(encoded))
            assert {k: f.rows() for k, f in parts(same).items()} == {
                k: f.rows() for k, f in parts(plain).items()
            }


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\x00" * 100, b"PAR1", b"PK\x03\x04", b"\x1f\x8b",
    b"{", b"[", b"{}", b"[]", b"null", b"1", b"hello", b"a,b\n1,2\n", b"[[1,2]]", b"[[1e400,1]]", b'["a"]',
    b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"2.0","result":{"bids":1,"asks":2}}', b"[" * 100_000,
    b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.X","data":[{}]}}',
    b'{"type":"mfiv.estimate.evidence"}', b'{"arg":{"channel":"books"},"data":[{"asks":[1],"bids":null}]}',
    b"1,2,3\n4,5,6\n", b"timestamp,open,high,low,close\n", b"timestamp,open,high,low,close\nx,1,1,1,1\n"])  # fmt: skip
def test_small_nonsense(content: bytes, write: Any) -> None:
    table = outcome(write(content))
    assert table is None or (table.kind == "messages" and sum(d.count for d in table.defects))


@settings(max_examples=100)
@given(content=st.binary(max_size=400))
def test_random_bytes(content: bytes, write: Any) -> None:
    assert outcome(write(content)) is None


@pytest.mark.parametrize("name", list(TABLES))
class TestColumns:
    def test_in_another_order_read_the_same(self, name: str, samples: Any, write: Any) -> None:
        rows = cells(samples, name)
        expected = read(write(as_csv(rows)))
        for seed in range(3):
            columns = list(rows[0])
            random.Random(seed).shuffle(columns)
            table = read(write(as_csv(rows, columns)))
            assert table.frame.equals(expected.frame)
            assert [(d.name, d.count) for d in table.defects] == [
                (d.name, d.count) for d in expected.defects
            ]

    def test_one_missing_is_an_error_or_null(self, name: str, samples: Any, write: Any) -> None:
        rows = cells(samples, name)
        expected = read(write(as_csv(rows))).frame
        for missing in rows[0]:
            table = outcome(
                write(as_csv(rows, [column for column in rows[0] if column != missing]))
            )
            if table is None:
                continue
            for column in set(table.frame.columns) - set(OF_THE_FILE):
                got = table.frame[column]
                assert got.null_count() == got.len() or got.equals(expected[column]), (
                    missing,
                    column,
                )

    def test_headers_exchanged(self, name: str, samples: Any, write: Any) -> None:
        """The header's words stand over other columns: an error, or damage in the ledger."""
        rows = cells(samples, name)
        before = sum(d.count for d in read(write(as_csv(rows))).defects)
        content = as_csv(rows).decode().splitlines()
        columns = content[0].split(",")
        for seed in range(3):
            mixed = columns[:]
            while mixed == columns:
                random.Random(seed).shuffle(mixed)
                seed += 3
            table = outcome(write("\n".join([",".join(mixed), *content[1:], ""]).encode()))
            assert table is None or sum(d.count for d in table.defects) > before


def damaged_rows() -> Iterator[tuple[str, dict[str, str], str]]:
    yield "six-hourly", {"instrument_name": "BTC-30FEB26-1-C"}, "name unknown"
    yield "six-hourly", {"strike": "1"}, "name inconsistent with columns"
    yield "six-hourly", {"option_type": "straddle"}, "name inconsistent with columns"
    yield "six-hourly", {"timestamp": "yesterday"}, "value unreadable"
    yield "six-hourly", {"timestamp": "2027-12-31T00:00:00+00:00"}, "expired"
    yield "six-hourly", {"bid_price": "1,5"}, "value unreadable"
    yield "six-hourly", {"bid_price": "inf"}, "value unreadable"
    yield "six-hourly", {"bid_price": "0.9", "ask_price": "0.8"}, "crossed"
    yield "ticker", {"instrument_name": ""}, "essential value missing"
    yield "ticker", {"expiration_timestamp": "1"}, "name inconsistent with columns"
    yield "ticker", {"greeks_delta": "1.5"}, "delta implausible"
    yield "hourly", {"mark_iv": "?"}, "value unreadable"
    yield "hourly", {"expiry_date": "2026-02-14"}, "name inconsistent with columns"
    yield "trades", {"p": "-1"}, "price or amount not positive"
    yield "trades", {"direction": "hold", "trade_id": "9"}, "side unknown"
    yield "trades", {"s": "QUOTE", "trade_id": "9"}, "not a trade"
    yield "bars", {"high": "1"}, "bar inconsistent"
    yield "bars", {"close": "-1"}, "price not positive"
    yield "bars", {"timestamp": "1751629200000"}, "row repeated"
    yield "funding", {"Funding Rate": "0.5"}, "rate implausible"
    yield "funding", {"Date": "2020-01-02 08:17:00"}, "time not on the hour"
    yield "gas", {"basefee_wei": "1"}, "fees differ"
    yield "gas", {"block_number": "14758520"}, "row repeated"
    yield "gas-l2", {"timestamp_unix": "1716620628"}, "times differ"


@pytest.mark.parametrize(("name", "change", "defect"), list(damaged_rows()))
def test_a_damaged_row_is_reported(
    name: str, change: dict[str, str], defect: str, samples: Any, write: Any
) -> None:
    rows = cells(samples, name)
    before = {d.name: d.count for d in read(write(as_csv(rows))).defects}
    changed = [dict(row) for row in rows]
    changed[3] |= change
    table = read(write(as_csv(changed)))
    found = table.defect(defect)
    assert found.count == before[defect] + 1
    assert found.examples
    if found.dropped:
        assert 4 not in table.frame["row"]


def test_lines_too_short_and_too_long(samples: Any, write: Any) -> None:
    lines = samples["six-hourly"].decode().splitlines()
    short = [*lines[:3], lines[3].rsplit(",", 4)[0], *lines[4:], ""]
    table = read(write("\n".join(short).encode()))
    assert table.defect("line short").count == 1
    assert table.defect("line short").examples == ("row 3: 19 of 23 fields",)
    with pytest.raises(DataError, match="line 4 has 24 fields, the header 23"):
        read(write("\n".join([*lines[:3], lines[3] + ",1", *lines[4:], ""]).encode()))
    unended = read(write("\n".join(lines).encode()))
    assert unended.defect("last line not ended").count == 1
    assert unended.frame.height == ROWS - 1


def test_broken_messages_are_counted(samples: Any, write: Any) -> None:
    lines = samples["capture"].decode().splitlines()
    changed = [
        *lines[:10],
        lines[10][:80],
        '1626993724.1: {"jsonrpc":"2.0","x":1}',
        *lines[11:],
        "",
    ]
    table = read(write("\n".join(changed).encode()))
    assert table.defect("message unreadable").count == 1
    assert table.defect("message unknown").count == 1
    books = [line for line in lines if '"type":"change"' in line]
    gap = [line for line in lines if line not in books[1:2]]
    first = json.loads(books[0].split(": ", 1)[1])["params"]["data"]["instrument_name"]
    second = json.loads(books[1].split(": ", 1)[1])["params"]["data"]["instrument_name"]
    if first == second:
        table = read(write("\n".join([*gap, ""]).encode()))
        assert table.part("books").defect("book sequence broken").count == 1


def test_clock_of_another_zone_is_left_alone_and_told(samples: Any, write: Any) -> None:
    rows = cells(samples, "funding")
    for row in rows:
        row["Date"] = (
            row["Date"].replace(" 00:", " 05:").replace(" 08:", " 13:").replace(" 16:", " 21:")
        )
    table = read(write(as_csv(rows)))
    assert table.defect("clock not UTC").count == len(rows)
    assert "left as they are" in table.defect("clock not UTC").description
    assert set(table.frame["timestamp"].dt.hour()) == {5, 13, 21}
