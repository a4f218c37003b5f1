"""Looks at the built site: ``python -m documentation.site FOLDER``. It loads nothing from elsewhere, its links lead somewhere."""

from __future__ import annotations

import importlib
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

#: Attributes by which a page loads what it shows.
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}  # fmt: skip


#: Packages that say what is public in them.
MODULES = ("hedgecore", *(f"hedgecore.{name}" for name in ("hedging", "paths", "report", "scenarios", "surface", "tails", "figures", "tables")))  # fmt: skip


class Page(HTMLParser):
    """What a page loads, where it leads, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what matters."""
        of = dict(attrs)
        self.places.update(of[key] or "" for key in ("id", "name") if key in of)
        if tag in LOADS and of.get(LOADS[tag]):
            self.loads.append(of[LOADS[tag]] or "")
        elif tag == "link" and of.get("rel") not in (
            "index",
            "search",
            "next",
            "prev",
            "canonical",
        ):
            self.loads.append(of.get("href") or "")
        elif tag == "a" and of.get("href"):
            self.links.append(of["href"] or "")


def complaints(site: Path) -> list[str]:
    """What is wrong with the site, one line each."""
    found = []
    read = {
        path.resolve(): Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if path.parent.name not in ("live", "_static")  # whole reports, tested as such
    }
    for path, page in read.items():
        name = path.relative_to(site.resolve())
        outside = [url for url in page.loads if ":" in url.split("/")[0] or url.startswith("//")]
        found += [f"{name} loads {url}" for url in outside if not url.startswith("data:")]
        for url in page.links:
            target, place = urldefrag(url)
            if ":" in target.split("/")[0]:
                continue
            to = (path.parent / unquote(target)).resolve() if target else path
            if not to.exists():
                found.append(f"{name}: there is no {url}")
            elif place and to in read and unquote(place) not in read[to].places:
                found.append(f"{name}: there is no place {url}")
    places = set().union(*(page.places for page in read.values()))
    for module in MODULES:
        names = importlib.import_module(module).__all__
        found += [
            f"{module}.{name} is not described"
            for name in names
            if f"{module}.{name}" not in places and f"module-{module}.{name}" not in places
        ]
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        found += [
            f"{sheet.relative_to(site)} loads {what}"
            for what in ("url(http", 'url("http', "url('http", "url(//", "@import url(http")
            if what in text
        ]
    return found


if __name__ == "__main__":
    wrong = complaints(Path(sys.argv[1]))
    print("\n".join(wrong))
    sys.exit(bool(wrong))
