"""How pictures look: sizes, and colours that stay apart for colour-blind readers and in print.

The palette is Okabe and Ito's (*Color Universal Design*, 2008). matplotlib reads the text mode and
the salt of an SVG from its global settings only, so a picture is made inside :func:`own_settings`,
which puts back what it found; a user's own matplotlibrc changes no picture.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib import MatplotlibDeprecationWarning

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, MIDDLE, PALE, FAINT = "#6E6E6E", "#A3ABB2", "#C9CED3", "#E6E8EA"

SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BLACK)  # one a line; yellow is too weak
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))  # where the colours run out

WIDTH = 10.0  # inches of every picture
DPI = 192  # twice the 96 dots an inch that browsers count on
SALT = "deleverage"  # of the ids inside an SVG: the same picture is the same file

SMALL, PLAIN, HEAD, TITLE = 7.0, 8.0, 8.5, 12.0  # points

_LEFT_ALONE = ("backend", "backend_fallback", "interactive", "toolbar", "date.epoch")
_OWN: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": SALT, "text.parse_math": False,
    "font.size": PLAIN, "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
    "axes.axisbelow": True, "axes.grid": True, "axes.linewidth": 0.7,
    "grid.color": FAINT, "grid.linewidth": 0.6,
    "xtick.color": GREY, "ytick.color": GREY, "xtick.labelcolor": BLACK, "ytick.labelcolor": BLACK,
    "lines.linewidth": 1.1, "lines.solid_joinstyle": "round", "legend.frameon": False,
}


@contextmanager
def own_settings() -> Iterator[None]:
    """matplotlib's defaults and ours while a picture is made; what was set before comes back.

    Letters that the font has not are drawn as boxes without a word about each.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MatplotlibDeprecationWarning)
        settings: dict[Any, Any] = {key: value for key, value in matplotlib.rcParamsDefault.items()
                    if key not in _LEFT_ALONE}
        with matplotlib.rc_context({**settings, **_OWN}):
            warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
            yield
