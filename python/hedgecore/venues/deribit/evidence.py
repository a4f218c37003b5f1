"""The published evidence of a model-free implied volatility index: a chain in one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hedgecore.venues import DataError
from hedgecore.venues.columns import convert, fields, text_frame
from hedgecore.venues.defects import count_rows
from hedgecore.venues.deribit.instruments import parse_many
from hedgecore.venues.files import Content
from hedgecore.venues.quotes import quotes_table
from hedgecore.venues.tables import Table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading chains needs polars: pip install "hedgecore[data]"') from error

_FIELDS: Final = fields(
    timestamp=("timestamp", "time"),
    instrument=("symbol", "text"),
    own_kind=("optionType", "text"),
    own_strike="strikePrice",
    own_expiry_time=("expirationDate", "time"),
    forward="underlyingPrice",
    index="index",
    bid="bestBidPrice",
    ask="bestAskPrice",
    mark="markPrice",
    own_mid="mid",
)


def read_evidence(content: Content) -> Table | None:
    """The quotes of such a document; None if the content is none.

    The forward is the row's ``underlyingPrice``, the index the document's.  ``mid`` (in USD) is
    only compared with bid and ask.

    Raises
    ------
    DataError
        None of its options can be used.
    """
    document = content.document
    if not isinstance(document, dict) or "estimate.evidence" not in str(document.get("type")):
        return None
    params = document.get("params")
    options = params.get("options") if isinstance(params, dict) else None
    if not isinstance(params, dict) or not isinstance(options, list) or not options:
        raise DataError(f"{content.source}: evidence of an index without its options")
    if not all(isinstance(option, Mapping) for option in options):
        raise DataError(f"{content.source}: an option of the evidence is not a record")
    at: Any = params.get("at")
    flat = [{**option, "index": params.get("underlyingPrice")} for option in options]
    frame, ledger = convert(text_frame(flat, [f.column for f in _FIELDS]), _FIELDS, content.source)
    middle = (pl.col("bid") + pl.col("ask")) / 2.0 * pl.col("forward")
    ledger.append(
        count_rows(
            frame,
            "mid differs",
            "the file's mid in USD is not the middle of bid and ask times the forward; not used",
            ((pl.col("own_mid") - middle).abs() > 1e-6 * middle).fill_null(False),
            ("own_mid",),
            label="instrument",
        )
    )
    return quotes_table(
        frame.with_columns(snapshot=pl.lit(str(at))),
        parser=parse_many,
        format="Deribit chain of an index's evidence",
        source=content.source,
        rows_read=len(options),
        ledger=[*content.defects, *ledger],
    )
