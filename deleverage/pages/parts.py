"""A page's stretches: charts, then the blocks of the sheet, under an id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deleverage.pages.drawing.frame import Absent, Chart
from deleverage.pages.reading import headline
from deleverage.tearsheet.blocks import Section

Drawn = tuple[Chart | Absent, ...]

TITLES = {"scan": "Leverage scan", "exposure": "Exposure", "random": "Against random entries",
          "sheets": "Sheets side by side", "tiers": "Leverage tiers"}


@dataclass(frozen=True, slots=True)
class Part:
    """``name`` is the id; ``block`` the sheet's text, "" where there are charts alone."""

    name: str
    title: str
    block: str
    charts: Drawn = ()
    small: bool = False  # charts beside one another

    @classmethod
    def of(cls, name: str, block: str, charts: Drawn = (), small: bool = False) -> Part:
        """A section of a sheet, by the title it has there."""
        return cls(name, _title(name, block), block, charts, small)


def _title(name: str, block: str) -> str:
    if name not in TITLES and isinstance(block, Section):
        return headline(block.heading)[0]
    return TITLES.get(name, name.replace("_", " ").capitalize())


def charts_of(parts: Iterable[Part]) -> list[Chart | Absent]:
    """Every chart of a page, in its order."""
    return [chart for part in parts for chart in part.charts]
