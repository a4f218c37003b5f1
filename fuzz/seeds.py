"""Seed corpora: inputs for the fuzzers to start from, the same each time.

The targets in C++ read choices and numbers byte by byte (bytes.hpp): what most bytes say is plausible.  Those in Python read files.
"""

from __future__ import annotations

import random
from pathlib import Path

#: Targets in C++ to the lengths of their seeds.
LENGTHS = {
    "pricing": (8, 400),
    "surfaces": (8, 400),
    "scenarios": (60, 600),
    "paths": (40, 400),
    "hedging": (80, 400),
    "c_interface": (40, 800),
}


def native(target: str, count: int = 300) -> list[bytes]:
    """Return inputs of a target in C++: plausible ones, with ever more of any bits among them."""
    chance = random.Random(target)
    least, most = LENGTHS[target]
    seeds = []
    for k in range(count):
        wild = 0.3 * max(0.0, k / count - 0.5)
        length = chance.randint(least, most)
        seeds.append(
            bytes(
                chance.randrange(256) if chance.random() < wild else chance.randrange(192)
                for _ in range(length)
            )
        )
    return seeds


#: Names, books, limits and small files by hand.
BY_HAND = {
    "names": [
        "BTC-24APR26-65000-P\nBTC-27MAR26\nBTC-PERPETUAL\nSOL_USDC-27MAR26-150-C\nBTC_USDC\nBTC-FS-27MAR26_PERP",
        "XRP_USDC-30JUN23-0d625-C\nBTC-STRG-8SEP23-27500_29000\nETH-29FEB27-1-C\nBTCUSD_PERP\nBTCUSDT_260327",
        "BTC-USD-220513-30000-C\nBTC-USDT-SWAP\nBTC-31DEC99-000-P\nBTC-26MAR26-65000-c\nBTC-0DEC26",
    ],
    "books": [
        "instrument,quantity,entry_price\nBTC-27MAR26-70000-C,-1,0.05\nBTC-PERPETUAL,100,\n",
        "base,type,kind,strike,expiry_time,settlement,quantity\nBTC,option,call,70000,2026-03-27,inverse,1\n",
        "[BTC]\ndelta = 10\nvega_usd = 5e4\n\n[ETH.expiry]\ngamma = [-1, 1]\n",
        ",instrument,quantity\n0,ETH-27MAR26-3000-P,2e3\n\n1,ETH-27MAR26,-1_000\n",
    ],
    "readers": [
        "timestamp,open,high,low,close\n2026-01-01 00:00:00,1,2,0.5,1.5\n2026-01-01 00:05:00,1.5,2,1,1\n",
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.BTC-PERPETUAL.raw","data":{"timestamp":1}}}\n',
        '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["1","2","0","1"]],"bids":[],"ts":"1"}]}\n',
        '[[1672531200000,0.0001],[1672560000000,-0.0002]]', '{"result":{"data":[[1672531200000,1,2,0.5,1.5]]}}',
        "id,timestamp,instrument_name,mark_price\n1,2,BTC-27MAR26-70000-C,0.01\n", "PAR1", "{}", "[]", "[[1e400,1]]",
    ],
}  # fmt: skip


def python(target: str, shared: Path | None) -> list[bytes]:
    """Return inputs of a target in Python; of readers the samples of the shared folder too."""
    from hedgecore.hedging.config import default_text

    if target == "configs":
        chance = random.Random(target)
        changes = [bytes([0, *chance.randbytes(6)]) for _ in range(100)]
        return [*changes, b"\xff" + default_text().encode()]
    if target == "commands":
        import command_lines

        return command_lines.seeds()
    seeds = [text.encode() for text in BY_HAND[target]]
    if target == "readers":
        from hedgecore.demo import demo_chain

        seeds.append(demo_chain().head(10).write_csv().encode())
        if shared is not None:
            from venue_samples import samples_in

            seeds += samples_in(shared).values()
    return seeds


def write(target: str, folder: Path, shared: Path | None = None) -> None:
    """Put the seeds of a target into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(native(target) if target in LENGTHS else python(target, shared)):
        (folder / f"seed-{k:03}").write_bytes(seed)
