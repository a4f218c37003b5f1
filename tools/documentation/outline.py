"""What a figure shows, in a few numbers: by them a picture knows which figure it was made from."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np


def outline(figure: dict[str, Any]) -> list[dict[str, Any]]:
    """Of every trace its name and kind, of its arrays how many numbers, the least, the largest and the mean."""
    return [
        {
            "name": trace.get("name"),
            "type": trace.get("type", "scatter"),
            **{axis: _numbers(trace[axis]) for axis in "xyz" if axis in trace},
        }
        for trace in figure["data"]
    ]


def _numbers(values: Any) -> list[float]:
    if isinstance(values, dict):  # as plotly writes arrays of numpy
        values = np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))
    found = [v for v in np.ravel(np.array(values, dtype=object)) if v is not None]
    if not all(isinstance(v, int | float | np.number) for v in found):
        return [len(found)]
    flat = np.array(found, float)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return [0]
    return [flat.size, *(float(f"{v:.8g}") for v in (flat.min(), flat.max(), flat.mean()))]


def stored(svg: str) -> list[dict[str, Any]]:
    """The outline in a picture."""
    found = re.search(r"<metadata>(.*?)</metadata>", svg, re.DOTALL)
    if found is None:
        raise ValueError("the picture has no outline: make pictures")
    result: list[dict[str, Any]] = json.loads(found[1].replace("&lt;", "<").replace("&amp;", "&"))
    return result


def with_outline(svg: str, figure: dict[str, Any]) -> str:
    """The picture with the outline of its figure in it."""
    text = json.dumps(outline(figure)).replace("&", "&amp;").replace("<", "&lt;")
    return svg.replace("</svg>", f"<metadata>{text}</metadata></svg>")
