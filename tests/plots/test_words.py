"""Words of pictures: shown as they are, cut where they are too long, never over one another."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as xml
from collections.abc import Callable

import numpy as np
import pytest

from deleverage.plots import scales, style
from deleverage.plots.closeup import closeup
from deleverage.plots.described import cut
from deleverage.plots.distance import distance
from deleverage.plots.equity import equity
from deleverage.plots.leverage import frontier, scan
from deleverage.plots.money import money
from deleverage.plots.paper import Paper
from deleverage.plots.price import price
from deleverage.plots.words import clean, flowed, shortened, width
from deleverage.results import RunResult
from deleverage.statistics.overview import PRICES
from deleverage.timestamps import DAY, MINUTE, parse
from tests.plots.looking import as_svg, collisions, svg_of, words

HOSTILE = '<b>&"$x^2_{}$'
PICTURES: tuple[Callable[[RunResult], Paper | None], ...] = (
    price, equity, distance, scan, frontier, money, lambda run: closeup(run, run.closeups[0]))


def named(result: RunResult, strategy: str, symbol: str = "ETHUSDT",
          params: str = "2350,2750-2800") -> RunResult:
    """The run under other names, with levels."""
    made = dataclasses.replace(result.provenance, symbol=symbol, dataset=strategy,
                               params={"levels": params})
    return dataclasses.replace(result, provenance=made,
                               spec=dataclasses.replace(result.spec, strategy=strategy))


@pytest.mark.parametrize("draw", PICTURES)
def test_no_word_lies_over_another(result: RunResult, draw: Callable[..., Paper]) -> None:
    """Nor leaves the page: with ordinary names, with very long and wide ones, with many levels."""
    middle = [2_900 + 3 * step for step in range(40)]
    for case in (named(result, "level_reclaim"),
                 named(result, "W" * 300, "W" * 300, "2850-2860,2861,2862,2863,2990"),
                 named(result, "x", params=",".join(map(str, middle)))):
        assert collisions(lambda case=case: draw(case)) == []  # type: ignore[misc]


def test_small_and_long_prices_have_room(result: RunResult) -> None:
    """A coin at 0.0000123 and a price whose ticks differ in the seventh digit."""
    assert result.overview is not None
    for scale, shift in ((4e-9, 0.0), (1e-5, 64_000.0), (1e6, 0.0)):
        moved = dataclasses.replace(result.overview, **{
            name: shift + scale * getattr(result.overview, name) for name in PRICES})
        bare = dataclasses.replace(result, overview=moved, trades=(), recorded=None,
                                   journal=dataclasses.replace(result.journal, liquidations=[]))
        assert collisions(lambda bare=bare: price(bare)) == []  # type: ignore[misc]


def test_names_are_shown_literally(result: RunResult) -> None:
    """Markup and mathematics in a name are letters, in every picture."""
    case = named(result, HOSTILE + r" \frac $", HOSTILE)
    for draw in PICTURES:
        drawn = as_svg(lambda draw=draw: draw(case))  # type: ignore[misc]
        assert b"<b>" not in drawn
        said = words(xml.fromstring(drawn))
        assert any(text.startswith(HOSTILE + r" \frac $ 50x isolated") for text in said)
        assert any(f"{HOSTILE} · binance" in text for text in said)


def test_letters_no_file_may_hold(result: RunResult) -> None:
    """Control characters, half characters and letters without a glyph do not break a picture."""
    case = named(result, "a\x00b\x1b\nc\ud800 \u4ef7\u683c \U0001f600")
    assert any("a b  c? \u4ef7\u683c" in text for text in words(svg_of(lambda: equity(case))))
    assert clean("a\tb") == "a b"


def test_long_words_lose_their_middle() -> None:
    """Beginning and end stay, and what is left fits into the room there is."""
    with style.own_settings():
        text = "beginning" + "m" * 5_000 + "ending"
        short = shortened(text, 200.0, 8.0)
        assert width(short, 8.0) <= 200.0 < width(short, 8.0) + 20.0
        assert short.startswith("beginning")
        assert short.endswith("ending")
        assert shortened("short", 200.0, 8.0) == "short"
        assert shortened("short", 1.0, 8.0) == "…"
        lines = flowed(["one", "two", "x" * 60, "three"], 220.0, 8.0)
        assert len(lines) > 1
        assert " · ".join(lines).startswith("one · two · ")
        assert all(width(line, 8.0) <= 220.0 for line in lines)
    assert cut("a" * 10, 10) == "a" * 10
    assert len(cut("a" * 11, 10)) <= 10


@pytest.mark.parametrize(("first", "last", "unit"), [
    ("2026-01-28", "2026-01-28T00:00:40", "s"), ("2026-01-28T10:00", "2026-01-28T18:00", "m"),
    ("2026-01-28", "2026-02-02", "D"), ("2025-09-24", "2026-07-21", "D"),
    ("2017-01-01", "2026-07-21", "D"), ("1999-01-01", "2060-01-01", "D")])
def test_dates_stand_at_round_places(first: str, last: str, unit: str) -> None:
    """Between two and eight, inside the ends, at whole minutes, days or months."""
    low, high = parse(first), parse(last)
    stamps, told = scales.time_ticks(low, high)
    assert told == unit
    assert 2 <= len(stamps) <= 8
    assert low <= stamps[0] < stamps[-1] <= high
    whole = {"s": 10**9, "m": MINUTE, "D": DAY}[told]
    assert not (stamps % whole).any()


def test_marks_are_moved_apart_or_left_out() -> None:
    """Labels keep their distance and order between the ends; ticks keep the first and last."""
    moved = scales.spread([1.0, 1.0, 1.05, 5.0], 0.2, 0.0, 5.0)
    assert np.all(np.diff(moved) >= 0.2 - 1e-12)
    assert moved[0] == pytest.approx(1.0)
    assert moved[-1] == 5.0
    crowded = scales.spread([4.9, 5.0, 5.0], 0.3, 0.0, 5.0)
    assert crowded == pytest.approx([4.4, 4.7, 5.0])
    assert scales.roomy([0.0, 0.1, 0.5, 0.9, 1.0], 0.3) == [0, 2, 4]
    assert scales.roomy([], 0.3) == []


def test_amounts_are_read_at_a_glance() -> None:
    """Thousands apart, millions in short, no noise, no sign on a zero."""
    assert [scales.amount(value) for value in (
        1_250.0, 0.1 + 0.2, -0.0, 2.5e6, -1.25e9, 1.2e-5, float("nan"))] == \
        ["1,250", "0.3", "0", "2.5M", "-1.25bn", "1.2e-05", ""]
