"""The page of several runs: the ranking, their accounts over one another, the same scan of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from deleverage.charts.compared import overlays
from deleverage.charts.leverage import scan_curves
from deleverage.compare import Comparison
from deleverage.pages.drawing import compared as runs
from deleverage.pages.drawing.document import as_json
from deleverage.pages.drawing.frame import Clock
from deleverage.pages.environment import render
from deleverage.pages.parts import Part, charts_of
from deleverage.tearsheet.compare import sections
from deleverage.tearsheet.heading import label

APART = ("heading", "warnings")  # the top of the page has them in places of their own
FIRST = "ranking"


def comparison_page(comparison: Comparison, title: str = "COMPARISON",
                    more: Mapping[str, str] = MappingProxyType({})) -> str:
    """The whole page as HTML; it needs no other file. ``more``: blocks to put behind its own."""
    blocks = {**sections(comparison, title), **more}
    results = [row.result for row in comparison.rows]
    lines = overlays(results)
    clock = Clock.over(min(result.provenance.first_ns for result in results),
                       max(result.provenance.last_ns for result in results))
    account = Part("account", "Accounts over one another", "",
                   (runs.growth(clock, lines), runs.under_water(clock, lines)))
    scans = runs.scans([(f"{place} {label(result)}", scan_curves(result.scan))
                        for place, result in enumerate(results, start=1)])
    parts = [Part.of(FIRST, blocks[FIRST]), account,
             Part.of("scan", blocks["scan"], scans, small=True), *_rest(blocks)]
    return render("comparison.html", blocks=blocks, parts=parts, synthetic=comparison.synthetic,
                  switches=runs.switches(lines), scan_keys=runs.scan_keys(),
                  charts=as_json(charts_of(parts)))


def _rest(blocks: Mapping[str, str]) -> list[Part]:
    """The sections that have no place of their own yet, in the sheet's order."""
    return [Part.of(name, block) for name, block in blocks.items()
            if block and name not in (*APART, FIRST, "scan")]
