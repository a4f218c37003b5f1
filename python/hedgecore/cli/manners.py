"""How the commands write and fail: exit statuses, outputs, errors in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer

from hedgecore.terminal import phase

BREACHED: Final = 3
"""Exit status where limits are breached."""

STATUS: Final = (
    "Exit status: 0 done; 1 bad input or a missing extra; 2 wrong usage; "
    "3 limits are breached (everything is printed and written all the same); 130 interrupted."
)
STDOUT: Final = Path("-")


@contextmanager
def clear_errors() -> Iterator[None]:
    """Bad input, a missing extra and Ctrl-C end in one line and an exit status."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("hedgecore: interrupted\n")
        raise typer.Exit(130) from None
    except BrokenPipeError:  # the reader of our table went away: nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except (ValueError, OSError, ImportError, MemoryError) as error:  # DataError is a ValueError
        sys.stderr.write(f"hedgecore: {error}\n")
        raise typer.Exit(1) from None


def check_outputs(outputs: Mapping[str, Path | None], *inputs: Path | None) -> None:
    """Refuse to overwrite an input, and two outputs of one name; say early what is missing, folders too."""
    from hedgecore.report.files import writable

    if outputs.get("html") is not None:
        from hedgecore.report import require_plotting

        require_plotting()
    taken: dict[Path, str] = {p.resolve(): "an input" for p in inputs if p is not None}
    for name, path in outputs.items():
        if path is None:
            continue
        if path == STDOUT and name not in ("json", "csv"):
            raise typer.BadParameter("only JSON and CSV go to the output", param_hint=f"--{name}")
        where = path if path == STDOUT else writable(path).resolve()
        if where in taken:
            raise typer.BadParameter(f"{path} is {taken[where]}", param_hint=f"--{name}")
        taken[where] = f"what --{name} writes"


def write_outputs(
    outputs: Mapping[str, Path | None], writers: Mapping[str, Callable[[Path], None]]
) -> None:
    """Write what was asked for, to files or to the output, each by its writer."""
    from hedgecore.report import to_stdout

    for name, path in outputs.items():
        if path == STDOUT:
            to_stdout(writers[name])
        elif path is not None:
            with phase(f"writing {path}") as done:
                writers[name](path)
                done(f"wrote {path}")


def many(count: int, what: str) -> str:
    """A number of things in words."""
    return f"{count:,} {what}{'s' * (count != 1)}"
