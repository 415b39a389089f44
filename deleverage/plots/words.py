"""Words that fit: cleaned of what no picture can show, measured, shortened, set in lines."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from deleverage.plots.style import DPI

_BETWEEN = " · "


def clean(text: str) -> str:
    """``text`` without control characters and halves of characters, which no XML file may hold."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in whole)


@lru_cache(maxsize=4_096)
def width(text: str, size: float, weight: str = "normal") -> float:
    """Points that ``text`` takes in a line at ``size`` points; call inside ``own_settings``."""
    found = RendererAgg(1, 1, DPI).get_text_width_height_descent(
        text, FontProperties(size=size, weight=weight), ismath=False)
    return 72.0 * float(found[0]) / DPI  # at the dots it is drawn with: hinting changes widths


def shortened(text: str, room: float, size: float, weight: str = "normal") -> str:
    """``text`` as it is if it fits into ``room`` points, else with ``…`` in its middle."""
    text = clean(text)
    if len(text) > 400:  # no line has room for so many
        text = f"{text[:200]}{text[-200:]}"
    if width(text, size, weight) <= room:
        return text
    found, least, most = "…", 1, len(text) - 1
    while least <= most:
        kept = (least + most) // 2
        shown = f"{text[:kept - kept // 2]}…{text[len(text) - kept // 2:]}"
        if width(shown, size, weight) <= room:
            found, least = shown, kept + 1
        else:
            most = kept - 1
    return found


def flowed(pieces: Iterable[str], room: float, size: float) -> list[str]:
    """``pieces`` in as few lines of ``room`` points as take them, none of them broken."""
    found: list[str] = []
    for piece in pieces:
        piece = shortened(piece, room, size)
        joined = f"{found[-1]}{_BETWEEN}{piece}" if found else piece
        if found and width(joined, size) <= room:
            found[-1] = joined
        else:
            found.append(piece)
    return found
