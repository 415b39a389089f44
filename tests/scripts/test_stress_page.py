"""docs/stress.md says what the command prints and what the runs did; real Bybit data."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from deleverage.runner import run
from tests.conftest import ROOT
from tests.scripts.rows import JANUARY, OCTOBER, Made, at, fills, stress

pytestmark = pytest.mark.real


def test_the_page_shows_what_the_command_prints(made: Made) -> None:
    """docs/stress.md, line by line."""
    page = (ROOT / "docs" / "stress.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- stress: begin -->\n```\n(.*?)\n```\n<!-- stress: end -->", page,
                      re.DOTALL)
    assert found is not None
    assert found.group(1).splitlines() == [
        line.rstrip() for line in stress.render(made.rows, made.columns).splitlines()]


def test_what_the_page_says_of_stops_in_the_wick_of_october(made: Made) -> None:
    """Mark's low of the bar is above both triggers; on mark both positions were sold higher."""
    bar = int(np.searchsorted(made.columns.close_ns, at("2025-10-10T21:25")))
    assert (made.columns.execution_mark.low[bar], made.columns.lines["low"][bar]) == \
        (3_379.34, 3_311.76)

    def sold(name: str) -> list[float]:
        return [round(fill.price, 2) for fill in made.result(OCTOBER, name).journal.fills
                if fill.ts == at("2025-10-10T21:25") and fill.size < 0]

    assert sold("base") == [3_366.50, 3_332.67, 3_417.25]
    assert sold("stops on mark") == [3_417.25, 3_470.09, 3_505.32]


@pytest.mark.parametrize(("window", "left"), [(OCTOBER, 3_400), (JANUARY, 3_300)],
                         ids=["2025-10-10", "2026-01-31"])
def test_what_the_page_says_of_the_wick_s_share(made: Made, window: Any, left: float) -> None:
    """Without what a stop loses of the wick ETH's depth costs little more than fixed 2 bp."""
    spec = made.result(window, "slippage cascade, ETH's depth").spec
    result = run(spec.changed(slippage=f"{stress.CALM},stop_wick=0"), made.columns, record=False)
    slipped = math.fsum(fill.slippage for fill in result.journal.fills)
    assert round(slipped, -2) == left


def test_what_the_page_says_of_the_two_ladders_of_the_outage(made: Made) -> None:
    """October's first would have lost 39,000; January's would have won 21,000."""
    def gained(window: Any, first: str, last: str) -> float:
        base = made.result(window, "base").journal.fills
        return -math.fsum(fill.size * fill.price for fill in base
                          if at(first) <= fill.ts <= at(last))

    assert round(gained(OCTOBER, "2025-10-10T21:25", "2025-10-10T21:25"), -3) == -39_000
    assert round(gained(JANUARY, "2026-01-31T18:50", "2026-01-31T18:55"), -3) == 21_000


def test_what_the_page_says_of_prices(made: Made) -> None:
    """A stop on mark filled where last was by then; two late limits filled at the market."""
    def at_close(window: Any, name: str, close: str) -> list[float]:
        return [round(fill.price, 2) for fill in made.result(window, name).journal.fills
                if fill.ts == at(close)]

    assert at_close(OCTOBER, "base", "2025-10-10T15:35")[1] == 4_106.94
    assert at_close(OCTOBER, "stops on mark", "2025-10-10T15:35")[1] == 4_103.30
    late = fills(made.result(JANUARY, "latency 1 bar"), "limit")[:2]
    assert [(fill.price, fill.role) for fill in late] == [(2_532.27, "taker")] * 2


def test_what_the_page_says_of_the_volume_of_a_falling_bar(made: Made) -> None:
    """Two rungs of 646.71 and 187.89 of a stop are one per cent of it; the rest met the next open.
    """
    found = made.result(JANUARY, "1 % of volume").journal.fills[:4]
    assert [(fill.reason, round(abs(fill.size), 2)) for fill in found] == [
        ("limit", 646.71), ("limit", 646.71), ("stop", 187.89), ("stop", 458.82)]
    bar = int(np.searchsorted(made.columns.close_ns, at("2026-01-31T14:30")))
    assert {fill.ts for fill in found[:3]} == {at("2026-01-31T14:30")}
    assert math.fsum(abs(fill.size) for fill in found[:3]) == pytest.approx(
        0.01 * made.columns.lines["volume"][bar], rel=1e-9)
    assert found[3].price == pytest.approx(made.columns.lines["open"][bar + 1] * (1 - 2e-4))
    assert round(found[3].price / found[2].price - 1, 3) == 0.013


def test_what_the_page_says_of_an_exit_in_parts(made: Made) -> None:
    """The time exit of 17:20 took 14 bars at one per cent of their volume."""
    found = [fill for fill in fills(made.result(JANUARY, "1 % of volume"), "market")
             if at("2026-02-01T17:20") <= fill.ts <= at("2026-02-01T18:25")]
    assert len(found) == 14
    assert len({fill.order_ref for fill in found}) == 1
    assert found[-1].size_after == 0
