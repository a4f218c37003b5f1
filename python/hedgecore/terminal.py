"""Printing to a terminal: tables that fit it without a number cut, and what is being done.

Needs rich: ``pip install "hedgecore[cli]"``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hedgecore import tables

if TYPE_CHECKING:
    from hedgecore.report import Findings, Section
    from hedgecore.tables import TextTable
    from hedgecore.venues.defects import Defect

PIPE_WIDTH: Final = 200
"""Columns of the tables where the standard output is no terminal."""

LEAST_TEXT: Final = 24
"""Columns that a text needs beside the numbers."""

_LEAVES_FIRST: Final = (
    *("equity_coin", "vega_weighted", "gamma_usd_1pct", "black_delta", "positions"),
    *(
        "inside_all",
        "parity_bp",
        "butterfly",
        "slope",
        "model_free",
        "error",
        "parity_forward",
        "rejected",
    ),
    *(
        "value_at_risk",
        "two_sided",
        "unit",
        "example",
        "no_price",
        "options",
        "type",
        "share",
        "pairs",
        "most",
        "meaning",
    ),
)
"""Columns that a narrow terminal leaves out, the first of them first."""


def output() -> Console:
    """The standard output; wide where it is no terminal."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def print_risk(found: Findings, by: Any) -> None:
    """Tables by underlying and by expiry or strike, what was left out, breaches and defects."""
    out, risk = output(), found.risk
    index = ", ".join(f"{n} {tables.amount(v)} USD" for n, v in sorted(risk.market.index.items()))
    out.print(f"Risk of {found.book} at {found.time} UTC ({index})", markup=False, soft_wrap=True)
    left_out = print_table(out, tables.underlying_table(risk))
    if by != "underlying":
        for coin in tables.coins(risk):
            left_out |= print_table(out, tables.bucket_table(risk, coin, by))
    _say(out, left_out, tables.remarks(risk))
    if found.breaches is not None:
        table = tables.breach_table(found.breaches)
        if table.lines:
            print_table(out, table, left=2, style="bold red", texts=("most",))
        else:
            out.print("\nAll limits kept.", style="green")
    clean = [defect.name for defect in found.defects if not defect.count]
    print_defects(out, tables.defect_table(found.defects), clean)


def print_sections(
    out: Console, sections: Iterable[Section], remarks: Sequence[str], defects: Iterable[Defect]
) -> None:
    """The tables of sections, what was left out, remarks and defects."""
    left_out: set[str] = set()
    for section in sections:
        for part in section.boxes:
            if part.printed:
                left_out |= print_table(out, part.table, left=part.left, texts=part.texts)
                for note in part.notes:
                    out.print(note, markup=False, soft_wrap=True)
    _say(out, left_out, remarks)
    defects = list(defects)
    clean = [defect.name for defect in defects if not defect.count]
    print_defects(out, tables.defect_table(defects), clean)


def _say(out: Console, left_out: set[str], remarks: Sequence[str]) -> None:
    if left_out:
        names = ", ".join(name for name in _LEAVES_FIRST if name in left_out)
        out.print(f"Left out for lack of room: {names} (in --csv, --json, --html)", soft_wrap=True)
    for remark in remarks:
        out.print(remark, markup=False, soft_wrap=True)


def print_defects(out: Console, table: TextTable, clean: list[str]) -> None:
    """The defects found, and in one line the checks that found nothing."""
    if table.lines:
        # beside the numbers there is room for one text: the meaning, or on wide outputs the example too
        shown = table if out.width >= 160 else table.without("example")
        print_table(out, shown, texts=("meaning", "example"))
    if clean:
        out.print(f"{len(clean)} checks found nothing: {', '.join(clean)}", soft_wrap=True)


def print_table(
    out: Console,
    table: TextTable,
    *,
    left: int = 1,
    style: str = "bold",
    texts: tuple[str, ...] = (),
) -> set[str]:
    """Print a table whole: numbers are never cut.  Returns the columns left out for lack of room.

    The first ``left`` columns are to the left; the columns ``texts`` may be broken into lines.  On a
    terminal too narrow even so the lines run over.
    """
    left_out: set[str] = set()
    while True:
        made = _laid_out(table, left, texts)
        least = Measurement.get(out, out.options.update(max_width=100_000), made).maximum
        for name in set(texts) & set(table.names):  # these may be broken into lines
            at = table.names.index(name)
            widest = max(cell_len(line[at]) for line in (table.header, *table.lines))
            least -= max(widest - LEAST_TEXT, 0)
        narrower = [name for name in _LEAVES_FIRST if name in table.names]
        if least <= out.width or not narrower:
            break
        left_out.add(narrower[0])
        table = table.without(narrower[0])
    # beside the table, which may be narrower than its title
    out.print(Text(f"\n{table.title}", style=style), soft_wrap=True)
    if least <= out.width:
        out.print(made)
    else:
        Console(file=out.file, width=least, highlight=False).print(made)
    return left_out


def _laid_out(table: TextTable, left: int, texts: tuple[str, ...]) -> Table:
    made = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_footer=bool(table.footer),
        footer_style="bold",
    )
    for number, (name, head) in enumerate(zip(table.names, table.header, strict=True)):
        is_text = name in texts or number < left
        made.add_column(
            head,
            table.footer[number] if table.footer else "",
            justify="left" if is_text else "right",
            no_wrap=name not in texts,
            min_width=LEAST_TEXT if name in texts else None,
            overflow="fold",
        )
    for line in table.lines:
        made.add_row(*(Text(cell) for cell in line))
    return made


@contextmanager
def phase(doing: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done on the standard error, and afterwards what was done in how long."""
    err = Console(stderr=True, highlight=False)
    start = time.perf_counter()
    said = doing

    def done(text: str) -> None:
        nonlocal said
        said = text

    with err.status(escape(doing)):
        yield done
    err.print(f"{escape(said)} ({time.perf_counter() - start:.2f} s)", soft_wrap=True)
