"""Two runs of one specification, adverse and favourable inside the bar, and where they part."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence

from deleverage import timestamps
from deleverage.beside import Compared
from deleverage.compare import Comparison
from deleverage.paths import SCENARIOS, Did, Parting
from deleverage.results import RunResult
from deleverage.tearsheet.compare import FIGURES, scan_grid
from deleverage.tearsheet.heading import heading
from deleverage.tearsheet.text import WIDTH, lines, page, price, section, table

TITLE = "ADVERSE AND FAVOURABLE"
SHOWN = 20  # partings; all of them are in the JSON
DEEDS = 4  # of one account in one bar
CAUTION = ("Two scenarios, not bounds: after the first parting the two accounts live different "
           "lives, and what comes later follows from that, not from the path of its own bar.")


def render(runs: Sequence[Compared], partings: Sequence[Parting]) -> str:
    """The page: terms, warnings, both scans, figures side by side, partings."""
    adverse, favourable = (row.result for row in runs)
    blocks = [heading(adverse, " and ".join(SCENARIOS)), _warnings((adverse, favourable)),
              scan_grid(named(runs)), _figures((adverse, favourable)), parting_list(partings)]
    return page(*blocks)


def _warnings(results: tuple[RunResult, RunResult]) -> str:
    shared = [text for text in results[0].warnings if text in results[1].warnings]
    texts = shared + [f"{name}: {text}" for name, result in zip(SCENARIOS, results, strict=True)
                      for text in result.warnings if text not in shared]
    return section("WARNINGS", lines(texts, "! ")) if texts else ""


def named(runs: Sequence[Compared]) -> Comparison:
    """The two runs as a comparison, each under the name of its policy."""
    rows = [dataclasses.replace(row, result=dataclasses.replace(
        row.result, spec=row.result.spec.changed(strategy=name)))
        for name, row in zip(SCENARIOS, runs, strict=True)]
    return Comparison(tuple(rows), ())


def _figures(results: tuple[RunResult, RunResult]) -> str:
    quote = results[0].provenance.quote
    rows = [[name.format(quote=quote), *(form(result) for result in results)]
            for name, form in FIGURES]
    return section(TITLE, table(("", *SCENARIOS), rows))


def parting_list(partings: Sequence[Parting], shown: int = SHOWN) -> str:
    """The bars in which the two did not do the same, the first one marked."""
    title = "WHERE THEY PART"
    if not partings:
        return section(title, "nowhere: both did the same in every bar")
    rows = [[f"{timestamps.show(item.ts)}{' ◄' if item.first else ''}", _told(item.one),
             _told(item.other)] for item in partings[:shown]]
    more = f"… {len(partings) - shown} more in the JSON" if len(partings) > shown else ""
    count = f"{len(partings)} bar{'s' if len(partings) > 1 else ''} differ; ◄ the first."
    return section(title, lines([f"{count} {CAUTION}"], ""),
                   table(("bar closing (UTC)", *SCENARIOS), rows, left=3), more)


def _told(did: Sequence[Did]) -> str:
    width = (WIDTH - 26) // 2
    texts = [_deed(each) for each in did[:DEEDS]]
    if len(did) > DEEDS:
        texts.append(f"… and {len(did) - DEEDS} more")
    return "\n".join(part for text in texts or ["–"] for part in textwrap.wrap(text, width))


def _deed(each: Did) -> str:
    if each.what == "funding":
        return f"funding on {each.size:.6g} {each.side}"
    left = f", {each.size_after:.6g} left" if each.size_after else ", flat"
    return f"{each.what}: {each.side} {each.size:.6g} at {price(each.price)}{left}"
