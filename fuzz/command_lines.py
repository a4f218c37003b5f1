"""Commands on files and options of any content: they end with a documented status and an error in one line, never with a traceback.

Bytes: the command, which of its files the rest is, up to three options with their values, then the file.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path

import polars as pl
from typer.testing import CliRunner

from hedgecore.cli import app
from hedgecore.demo import demo_chain, write_demo

#: A file of each option; CHAIN is the argument.
FILES = {
    "CHAIN": "chain.csv", "--after": "after.csv", "--positions": "positions.csv", "--limits": "limits.toml",
    "--config": "hedge.toml", "--history": "bars.csv",
}  # fmt: skip
COMMANDS = {
    "risk": ("CHAIN", "--positions", "--limits"),
    "scenarios": ("CHAIN", "--positions", "--history"),
    "explain": ("CHAIN", "--after", "--positions"),
    "hedge": ("CHAIN", "--positions", "--config", "--limits"),
    "surface": ("CHAIN",),
    "iv": ("CHAIN",),
    "inspect": ("CHAIN",),
}
#: What keeps a run short, unless an option says otherwise.
SHORT = {
    "scenarios": ("--spot", "-0.1,0,0.1", "--vol", "0,0.1", "--time", "0"),
    "hedge": ("--time-limit", "0.2"),
}
OPTIONS = {
    "risk": ("--by", "--at", "--vols", "--threads", "--json"),
    "scenarios": (
        "--at", "--vols", "--spot", "--vol", "--vol-shock", "--vol-tenor", "--time", "--measures", "--model", "--dynamics", "--stress",
        "--assume", "--assume-vol", "--history", "--dvol", "--horizon", "--tail", "--by", "--json",
    ),
    "explain": ("--from", "--to", "--vols", "--dynamics", "--greeks", "--by", "--json"),
    "hedge": ("--size", "--budget", "--lots", "--max-tickets", "--gap", "--at", "--vols", "--json"),
    "surface": ("--at", "--model", "--beta", "--json"),
    "iv": ("--at", "--threads"),
    "inspect": ("--json",),
}  # fmt: skip
FLAGS = ("--stress", "--lots")
#: What fits, where it is more than a number.
FITTING = {
    "--by": ("total", "underlying", "expiry"),
    "--at": ("2026-06-10T13:30:13", "2999-12-31"),
    "--from": ("2026-06-10T14:00:00",),
    "--to": ("2026-06-10T15:00:00", "2999-12-31"),
    "--vols": ("mark", "mid", "venue"),
    "--spot": ("-0.2:0.2:5", "-0.5,0,2"),
    "--vol": ("-0.2:0.2:3", "0,0.1"),
    "--vol-shock": ("absolute", "relative"),
    "--vol-tenor": ("30,0.5", "30,0.5,0.1"),
    "--time": ("0,1,7", "0:400:3"),
    "--measures": ("net_delta,vega_usd", "gamma_usd_1pct"),
    "--model": ("svi", "svi_free", "essvi", "sabr"),
    "--dynamics": ("sticky-strike", "sticky-moneyness", "ssr=1", "ssr=-3"),
    "--assume": ("ETH=-0.3", "ETH=1.2*BTC"),
    "--assume-vol": ("ETH=0.5", "ETH=1*BTC"),
    "--horizon": ("24h", "7d"),
    "--greeks": ("start", "mid"),
}
VALUES = (
    "-", "0", "1", "-1", "25", "1e400", "nan", "-inf", "1e-320", "", "x", "-0.2:0.2:5", "0:1:0", "1:0:3", "::", "0,1,7", ",", "-1,0",
    "1e308,-1e308", "BTC=-0.3", "ETH=1.2*BTC", "BTC=1*BTC", "ETH=*", "=", "24h", "0h", "7d", "1e9d", "h", "ssr=1", "ssr=-3", "ssr=nan",
    "sticky-moneyness", "2026-01-01T00:00:00", "2999-12-31", "0001-01-01", "2026-13-01", "delta,vega_usd", "net_delta", "30,0.5",
    "30,0.5,0.1", "0,1", "total", "expiry", "absolute", "svi", "sabr", "essvi", "mid", "venue", "0.5", "0.999999",
)  # fmt: skip


@cache
def folder() -> Path:
    """A small chain with one an hour later, a book, limits, a problem and a history."""
    here = Path(tempfile.mkdtemp(prefix="hedgecore-fuzz-"))
    write_demo(here)
    chain = demo_chain()
    two = chain["expiry_datetime"].unique().sort()[4:9:4]
    small = chain.filter(pl.col("expiry_datetime").is_in(two.implode())).gather_every(9)
    small.write_csv(here / "chain.csv")
    time = pl.col("timestamp").str.to_datetime(time_zone="UTC") + timedelta(hours=1)
    later = small.with_columns(time.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").alias("timestamp"))
    later.write_csv(here / "after.csv")
    (here / "hedge.toml").write_text("size = 500\nactions = []\n[limits.BTC]\nnet_delta = 1.0\n")
    rows = [f"2025-01-{day:02} 00:00:00,1,2,0.5,{90_000 + 700 * (day % 5)}" for day in range(1, 29)]
    (here / "bars.csv").write_text("\n".join(["timestamp,open,high,low,close", *rows, ""]))
    return here


def seeds() -> list[bytes]:
    """Every command with each of its files as it is, and without options."""
    found: list[bytes] = []
    for k, files in enumerate(COMMANDS.values()):
        for j, option in enumerate(files):
            content = (folder() / FILES[option]).read_bytes()
            found += [
                bytes([k, j, *[255] * 6]) + content,
                bytes([k, j, k, j, j, k, 0, 0]) + content,
            ]
    return found


def commands(data: bytes) -> None:
    """Run a command; what it makes of what it is given is its matter, how it ends is ours."""
    head, content = data[:8].ljust(8, b"\xff"), data[8:]
    name = list(COMMANDS)[head[0] % len(COMMANDS)]
    files, options = COMMANDS[name], OPTIONS[name]
    given = folder() / f"given-{FILES[files[head[1] % len(files)]]}"
    given.write_bytes(content)
    arguments = [name]
    for j, option in enumerate(files):
        path = given if j == head[1] % len(files) else folder() / FILES[option]
        if option == "--history":
            arguments += [option, f"BTC={path}"] if j == head[1] % len(files) else []
        else:
            arguments += [str(path)] if option == "CHAIN" else [option, str(path)]
    arguments += SHORT.get(name, ())
    for pick, value in zip(head[2::2], head[3::2], strict=True):
        if pick < 128:
            option = options[pick % len(options)]
            known = FITTING.get(option, VALUES) if value < 128 else VALUES
            text = "-" if option == "--json" else known[value % len(known)]
            arguments += [option] if option in FLAGS else [option, text]
    done = CliRunner().invoke(app, arguments)
    said = done.stderr.strip()
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise AssertionError(f"hedgecore {' '.join(arguments)}") from done.exception
    assert done.exit_code in (0, 1, 2, 3), (done.exit_code, arguments)
    if done.exit_code:
        assert said, arguments
        assert "Traceback" not in said, said
