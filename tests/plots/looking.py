"""Looking at pictures: an SVG's groups, marks and words; what lies over what on a page."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as xml
from collections.abc import Callable, Iterator

from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from deleverage.plots import pictures, style
from deleverage.plots.paper import Paper

_SVG = "{http://www.w3.org/2000/svg}"


def as_svg(draw: Callable[[], Paper | None]) -> bytes:
    """What ``draw`` draws, as the file."""
    with style.own_settings():
        paper = draw()
        assert paper is not None
        return pictures._svg(paper.figure(), f"{paper.title}: {paper.subtitle}")


def svg_of(draw: Callable[[], Paper | None]) -> xml.Element:
    """What ``draw`` draws, as the root of an SVG."""
    return xml.fromstring(as_svg(draw))


def group(root: xml.Element, gid: str) -> xml.Element:
    """The one group of that id."""
    (found,) = (item for item in root.iter(f"{_SVG}g") if item.get("id") == gid)
    return found


def has(root: xml.Element, gid: str) -> bool:
    """Whether there is a group whose id is or begins with ``gid``."""
    return any((item.get("id") or "").startswith(gid) for item in root.iter(f"{_SVG}g"))


def marks(root: xml.Element, gid: str) -> int:
    """Markers in the group of that id, 0 where there is none."""
    return sum(1 for item in root.iter(f"{_SVG}g") if item.get("id") == gid
               for _ in item.iter(f"{_SVG}use"))


def words(root: xml.Element) -> list[str]:
    """Every text of the picture."""
    return ["".join(item.itertext()) for item in root.iter(f"{_SVG}text")]


def collisions(draw: Callable[[], Paper | None]) -> list[str]:
    """Words that leave the page or lie over one another."""
    with style.own_settings():
        paper = draw()
        assert paper is not None
        figure = paper.figure()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        boxes = [(text.get_text(), text.get_window_extent(canvas.get_renderer()))
                 for text in _texts(figure)]
    found = [f"{said!r} leaves the page" for said, box in boxes
             if box.x0 < 0 or box.y0 < 0 or box.x1 > figure.bbox.x1 or box.y1 > figure.bbox.y1]
    return found + [f"{one!r} over {other!r}" for (one, first), (other, second) in
                    itertools.combinations(boxes, 2) if _overlap(first, second)]


def _overlap(one: Bbox, other: Bbox) -> bool:
    return bool(one.x0 + 1 < other.x1 and other.x0 + 1 < one.x1
                and one.y0 + 1 < other.y1 and other.y0 + 1 < one.y1)


def _texts(figure: Figure) -> Iterator[Text]:
    """Every text that is seen: a tick beyond the ends of its axis has one that is not."""
    unseen = {id(label) for axes in figure.findobj(Axis) for tick in axes.get_major_ticks()
              for label in (tick.label1, tick.label2)
              if not _seen(axes, tick.get_loc()) or not label.get_visible()}
    for text in figure.findobj(Text):
        if id(text) not in unseen and text.get_visible() and text.get_text().strip():
            yield text


def _seen(axis: Axis, place: float) -> bool:
    low, high = sorted(axis.get_view_interval())
    return bool(low <= place <= high)
