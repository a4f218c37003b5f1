"""From the JSON of pytest-benchmark to results.json, RESULTS.md and the table of the README.

``python benchmarks/results.py RUN.json...`` keeps the medians of these runs in results.json and writes
both texts from it; with ``--show`` it prints the text and writes nothing; without a run it writes
both texts again.  Ratios are taken within one run, between neighbours in time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from peers import bands

HERE = Path(__file__).resolve().parent
DATA, TEXT, README = HERE / "results.json", HERE / "RESULTS.md", HERE.parent / "README.md"
BEGIN, END = "<!-- performance:begin -->", "<!-- performance:end -->"

OPERATIONS = {
    "price": "price",
    "six": "price, delta, gamma, vega, theta, rho",
    "inverse": "every inverse Greek (18)",
    "implied_vol": "implied vol within 8 standard deviations",
    "implied_vol_domain": "implied vol over the whole domain",
    "sums": "seven inverse Greeks summed in 50 buckets",
    "cash_or_nothing": "cash-or-nothing digitals, price and five Greeks",
    "asset_or_nothing": "asset-or-nothing digitals, price and five Greeks",
    "bachelier": "Bachelier's model, price and five Greeks",
    "normal_vol": "implied vol of Bachelier's model",
}
RIGHT = 1e-6  # a peer further off than this is not called the best

Row = dict[str, Any]


def collect(paths: Iterable[Path]) -> dict[str, Any]:
    """Keep what the tables need of several runs of pytest-benchmark."""
    rows, machine, missing = [], {}, {}
    for run, path in enumerate(paths):
        report = json.loads(path.read_text())
        info = report["machine_info"]
        if run == 0:
            cpu = info["cpu"]
            machine = {
                "processor": cpu.get("brand_raw", "unknown"),
                "cpus": cpu.get("count"),
                "system": info["system"],
                "python": info["python_version"],
                "hedgecore": info["hedgecore"],
                "date": report["datetime"][:10],
            }
        machine.setdefault("versions", []).append(info["versions"])
        missing[run] = info["missing"]
        for entry in report["benchmarks"]:
            about = entry["extra_info"]
            stats = entry["stats"]
            ns = 1e9 * stats["median"] / about["n"]
            if "error" in about:
                about["error"] = float(f"{about['error']:.2g}")
            rows.append({**about, "ns": float(f"{ns:.4g}"), "rounds": stats["rounds"], "run": run})
    measured = {row["who"] for row in rows}
    lacking = {
        who: reason
        for run in sorted(missing, reverse=True)
        for who, reason in missing[run].items()
        if who not in measured
    }
    return {"machine": machine, "missing": lacking, "rows": rows}


class Table:
    """The rows, to be asked for by what they are about."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def all(self, **about: Any) -> list[Row]:
        return [row for row in self.rows if all(row.get(key) == v for key, v in about.items())]

    def ns(self, **about: Any) -> float | None:
        found = self.all(**about)
        return found[0]["ns"] if found else None

    def rate(self, who: str, threads: int) -> float | None:
        """A limit of the machine: bytes, or multiply-adds, per nanosecond."""
        found = self.all(operation="machine", who=who, threads=threads)
        return found[0].get("bytes", 1) / found[0]["ns"] if found else None


def figure(value: float | None) -> str:
    """Three digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(a: float | None, b: float | None, digits: int = 2) -> str:
    return f"{a / b:.{digits}f}" if a and b else "-"


def percent(a: float | None, b: float | None) -> str:
    return f"{100 * a / b:.0f} %" if a and b else "-"


def markdown(head: list[str], lines: Iterable[list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *lines)]


def machine_section(data: dict[str, Any], table: Table) -> list[str]:
    machine = data["machine"]
    build = machine["hedgecore"]
    versions = "; ".join(
        ("beside: " if run else "") + ", ".join(f"{name} {v}" for name, v in found.items())
        for run, found in enumerate(machine["versions"])
    )
    lines = [
        "## The machine",
        "",
        (
            f"{machine['processor']}, {machine['cpus']} CPUs, {machine['system']}, Python {machine['python']}, "
            f"{machine['date']}. hedgecore {build['version']}, {build['compiler']}, level {build['level']}. {versions}."
        ),
        "",
    ]
    head = ["limit", "one thread", "two threads", "two over one"]
    body = []
    for who, unit, title in (
        ("copy", "GB/s", "copy, with write-allocate"),
        ("triad", "GB/s", "triad, with write-allocate"),
        ("fma", "G/s", "multiply-adds of doubles"),
    ):
        one, two = table.rate(who, 1), table.rate(who, 2)
        body.append([title, f"{figure(one)} {unit}", f"{figure(two)} {unit}", ratio(two, one)])
    return lines + markdown(head, body)


def like(who: str) -> str:
    """The hedgecore that a peer is compared with: threads and results as the peer's."""
    if who.startswith("hedgecore"):
        return "hedgecore"
    return "hedgecore" + next((s for s in (", out=", ", two threads") if who.endswith(s)), "")


def sizes_of(rows: list[Row]) -> list[int]:
    return sorted({row["n"] for row in rows})


def own_section(table: Table) -> list[str]:
    rows = [
        row for row in table.rows if row["operation"] in OPERATIONS and row["who"] == "hedgecore"
    ]
    sizes = sizes_of(rows)
    text = [
        "## hedgecore",
        "",
        "Median ns per option. For 1 and 100 options these are figures of a Python call, divided by the options.",
        "*Linear*: the largest size over 1,000. *Of bandwidth*: the bytes of the arguments once and of the results",
        "twice, over the bandwidth of triad, at the largest size. *In multiply-adds*: how many multiply-adds of doubles",
        "the machine could do, with the same threads, in the time of an option among 100,000.",
        "*Two over one*: the speed of two threads over one, at the largest size.",
    ]
    for operation, title in OPERATIONS.items():
        variants = {
            (r["form"], r["threads"], r["result"]): r for r in rows if r["operation"] == operation
        }
        if not variants:
            continue
        text += ["", f"### {title[0].upper()}{title[1:]}", ""]
        head = ["form, threads, results", *(f"{n:,}" for n in sizes), "linear", "of bandwidth",
                "in multiply-adds", "two over one"]  # fmt: skip
        body = []
        for (form, threads, result), any_row in variants.items():
            about = {"operation": operation, "form": form, "result": result, "who": "hedgecore"}
            at = {n: table.ns(**about, threads=threads, n=n) for n in sizes}
            largest = max(n for n in sizes if at[n])
            band, fma = table.rate("triad", threads), table.rate("fma", threads)
            far = largest >= 1_000_000
            one = table.ns(**about, threads=1, n=largest)
            body.append([
                f"{form}, {threads}, {'`out=`' if result == 'out' else result}",
                *(figure(at[n]) for n in sizes),
                ratio(at[largest], at.get(1_000)),
                percent(any_row["bytes"] / band if band and far else None, at[largest]),
                figure(at[100_000] * fma if fma and at.get(100_000) else None),
                ratio(one, at[largest]) if threads == 2 else "",
            ])  # fmt: skip
        text += markdown(head, body)
    copy, fma = (ratio(table.rate(who, 2), table.rate(who, 1)) for who in ("triad", "fma"))
    return [
        *text,
        "",
        f"The machine's own two over one: {copy} for bandwidth, {fma} for multiply-adds.",
    ]


def peers_section(data: dict[str, Any], table: Table) -> list[str]:
    text = [
        "## Beside its peers",
        "",
        "Spot form, six arrays in (kind, strike, expiry, vol, spot, rate; price in place of vol for implied vol), fresh",
        "results and one thread unless said. ns per option; in brackets the ratio to hedgecore with the same threads and",
        "results (hedgecore itself: to one thread, fresh results), measured beside it. *Error*: the largest relative error of any row and column at the largest size: of prices and",
        "Greeks against hedgecore, which is held to 50-digit values in the same test; of vols against those the prices were",
        "made with, where the price's last bits tell them apart, NaN counting as 1. Inputs are not rotated for anybody.",
    ]
    for operation, title in OPERATIONS.items():
        rows = table.all(operation=f"peers: {operation}")
        if not rows:
            continue
        sizes = sizes_of(rows)
        body = []
        for who, run in dict.fromkeys((row["who"], row["run"]) for row in rows):
            if run and who.startswith("hedgecore"):
                continue  # measured again for the ratios of that run
            own = [row for row in rows if row["who"] == who and row["run"] == run]
            at = {row["n"]: row["ns"] for row in own}
            base = {
                other: {r["n"]: r["ns"] for r in rows if r["run"] == run and r["who"] == other}
                for other in (like(who), "hedgecore")
            }
            against = base[like(who)] or base["hedgecore"]
            cells = [
                f"{figure(at[n])} ({ratio(at[n], against.get(n), 1)})" if n in at else "-"
                for n in sizes
            ]
            largest = max(own, key=lambda row: row["n"])
            body.append([who, *cells, f"{largest['error']:.1e}"])
        head = [title, *(f"{n:,}" for n in sizes), "error"]
        text += ["", *markdown(head, body)]
    text += ["", "Not measured:", ""]
    text += [f"- {who}: {reason}." for who, reason in data["missing"].items()]
    text += ["- every inverse Greek: no peer has Greeks of coin-settled options."]
    return text


def other_section(table: Table) -> list[str]:
    text = ["## A book of a million distinct options", "", "One thread, distinct options.", ""]
    text += markdown(
        ["work", "ns per option", "ms"],
        [[r["who"], figure(r["ns"]), figure(r["ns"] * r["n"] / 1e6)] for r in table.all(operation="book")],
    )  # fmt: skip
    fresh = table.all(operation="sums", who="hedgecore.greeks and numpy.bincount")
    if fresh:
        direct = table.ns(operation="sums", who="hedgecore", threads=1, n=fresh[0]["n"])
        text += [
            "",
            (
                f"The sums by way of `greeks` and `numpy.bincount`, {fresh[0]['n']:,} options: "
                f"{figure(fresh[0]['ns'])} ns per option, {ratio(fresh[0]['ns'], direct)} times those of one pass."
            ),
        ]
    text += ["", "## Importing, in a fresh interpreter", ""]
    return text + markdown(
        ["module", "ms"],
        [[row["who"], figure(row["ns"] / 1e6)] for row in table.all(operation="import")],
    )


def scenarios_section(table: Table) -> list[str]:
    rows = table.all(operation="scenarios")
    if not rows:  # a run before there were grids
        return []
    nodes = max(row["nodes"] for row in rows)
    text = ["## A scenario grid", ""]
    text += [
        f"{rows[0]['n']:,} options of 12 expiries at {nodes} nodes (31 spots, 11 vols): P&L, delta, gamma and vega summed by expiry.",
        "",
    ]
    body = [
        [r["who"], str(r["threads"]), figure(r["ns"] / r["nodes"]), figure(r["ns"] * r["n"] / 1e6)]
        for r in rows
    ]
    head = ["by", "threads", "ns per revaluation", "ms"]
    return [*text, *markdown(head, body)]


def surface_section(table: Table) -> list[str]:
    fits, vols = table.all(operation="surface fit"), table.all(operation="surface vol")
    if not fits or not vols:  # a run before surfaces were measured
        return []
    text = [
        "## Vol surfaces",
        "",
        f"Fits of {fits[0]['n']} expiries with {fits[0]['strikes']} strikes (the demonstration's BTC), one thread; *inside*: of the quotes whose",
        "bid and ask hold the fit between them.",
        "",
    ]
    body = [[r["who"], figure(r["ns"] * r["n"] / 1e6), f"{100 * r['inside']:.1f} %"] for r in fits]
    text += [*markdown(["fit by", "ms", "inside"], body), ""]
    sizes = sizes_of(vols)
    rows = []
    for who, threads in dict.fromkeys((r["who"], r["threads"]) for r in vols):
        at = {r["n"]: r["ns"] for r in vols if (r["who"], r["threads"]) == (who, threads)}
        rows.append([who, str(threads), *(figure(at.get(n)) for n in sizes)])
    head = ["vols by, ns each", "threads", *(f"{n:,}" for n in sizes)]
    return [*text, *markdown(head, rows)]


def paths_section(table: Table) -> list[str]:
    rows = table.all(operation="paths")
    if not rows:  # a run before there were paths
        return []
    text = ["## Paths", "", "Random numbers included; hourly steps, the last time kept.", ""]
    body = [[r["who"], str(r["threads"]), figure(r["ns"])] for r in rows]
    return [*text, *markdown(["model", "threads", "ns per step of a path"], body)]


def hedging_section(table: Table) -> list[str]:
    rows = table.all(operation="hedging")
    if not rows:  # a run before there was the simulation
        return []
    one, two = (
        next((r["ns"] for r in rows if r["who"] == "hedgecore" and r["threads"] == threads), None)
        for threads in (1, 2)
    )
    text = ["## Hedging", ""]
    text += [
        f"One option under GBM, {rows[0]['steps']} steps, random numbers included; the strip has 200 options. A further policy is a tenth of what",
        f"ten of them add to the band. Two threads take {ratio(two, one)} of the time of one.",
        "",
    ]
    body = []
    for r in rows:
        further = r["policies"] > 1 and one is not None
        each = (r["ns"] - one) / (r["policies"] - 1) / r["steps"] if further else None
        per = r["ns"] / r["steps"] / r["options"]
        peer = r["who"] in bands.PEERS and one is not None
        body.append([
            r["who"], f"{r['n']:,}", str(r["threads"]), figure(per), "" if each is None else figure(each),
            f"{r['ns'] / one:.1f}" if peer else "",
        ])  # fmt: skip
    head = ["by", "paths", "threads", "ns per step of a path and option", "ns per further policy", "times hedgecore's"]  # fmt: skip
    return [*text, *markdown(head, body)]


def document(data: dict[str, Any]) -> str:
    """RESULTS.md."""
    table = Table(data["rows"])
    lines = [
        "# Results of make bench",
        "",
        "Written by `make bench` (`benchmarks/results.py`) from `benchmarks/results.json`; not edited by hand. Medians;",
        "compare figures of one run, on a machine that does nothing else.",
        "",
    ]
    sections = (
        machine_section(data, table),
        own_section(table),
        peers_section(data, table),
        scenarios_section(table),
        surface_section(table),
        paths_section(table),
        hedging_section(table),
        other_section(table),
    )
    for section in filter(None, sections):
        lines += [*section, ""]
    return "\n".join(lines)


def summary(data: dict[str, Any]) -> str:
    """The table of the README: 100,000 options."""
    table = Table(data["rows"])
    n = 100_000
    body = []
    for operation, title in OPERATIONS.items():
        rows = table.all(operation=f"peers: {operation}", n=n)
        own = {"operation": f"peers: {operation}" if rows else operation, "n": n, "run": 0}
        if rows:
            one, out, two = (
                table.ns(**own, who=who)
                for who in ("hedgecore", "hedgecore, out=", "hedgecore, two threads")
            )
        else:
            about = {**own, "form": "forward", "who": "hedgecore"}
            one, two = (table.ns(**about, threads=threads, result="fresh") for threads in (1, 2))
            out = table.ns(**about, threads=1, result="out")
        single = [
            row for row in rows
            if not row["who"].startswith("hedgecore") and not row["who"].endswith(("two threads", "out="))
        ]  # fmt: skip
        right = [row for row in single if row["error"] <= RIGHT]
        best = "no peer" if not single else "none is right to 1e-6"
        if right:
            peer = min(right, key=lambda row: row["ns"])
            base = table.ns(operation=peer["operation"], n=n, who="hedgecore", run=peer["run"])
            best = f"{figure(peer['ns'])} ({peer['who']}), {ratio(peer['ns'], base, 1)} times"
        body.append([title, figure(one), figure(out), figure(two), best])
    head = [
        "ns per option, 100,000 options",
        "one thread",
        "`out=`",
        "two threads",
        "best right peer, one thread",
    ]
    machine = data["machine"]
    call = table.ns(operation="peers: six", n=1, who="hedgecore", run=0)
    one_call = figure(call / 1e3 if call else None)
    level = machine["hedgecore"]["level"]
    words = [
        f"One option, price and five Greeks: {one_call} µs a call. {machine['processor']},",
        f"{machine['cpus']} CPUs, level {level}; spot form where there are peers. Every size, share of the machine's",
        "limits, peer and error: [benchmarks/RESULTS.md](benchmarks/RESULTS.md), written by `make bench`.",
    ]
    return "\n".join([*markdown(head, body), "", *words])


def with_table(readme: str, data: dict[str, Any]) -> str:
    """The README with its table made anew."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{summary(data)}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    data = collect(asked.runs) if asked.runs else json.loads(DATA.read_text())
    if asked.show:
        print(document(data))
        return
    rows = ",\n  ".join(
        json.dumps(row) for row in data["rows"]
    )  # one a line, for readable differences
    head = json.dumps({key: value for key, value in data.items() if key != "rows"}, indent=1)
    DATA.write_text(f'{head.removesuffix("}").rstrip()},\n "rows": [\n  {rows}\n ]\n}}\n')
    TEXT.write_text(document(data))
    README.write_text(with_table(README.read_text(), data))
    print(f"written: {DATA.name}, {TEXT.name}, the table of {README.name}")


if __name__ == "__main__":
    main()
