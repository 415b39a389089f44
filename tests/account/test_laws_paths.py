"""From one state, of all the ways a bar can have gone, each path policy keeps the one it names.

One instrument, and two and three in one account, isolated and cross, positions on both sides of
some of them, orders of every kind, settlements and auto-deleveragings on the way. What a policy
says is compared with every combination of O-L-H-C and O-H-L-C walked on its own.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from deleverage.legs import HIGH_FIRST, LOW_FIRST
from deleverage.steps import Filled, Liquidated
from tests.account.generated import EXAMPLES, hold
from tests.account.generated_bars import Instant, instants


@EXAMPLES
@pytest.mark.parametrize("count", [1, 2, 3])
def test_favourable_is_not_below_ohlc_nor_ohlc_below_adverse(count: int, examples: int) -> None:
    """Adverse ends with the least equity of all combinations, favourable with the most, ohlc with
    that of its own."""
    seen: Counter[str] = Counter()

    def law(instant: Instant) -> None:
        ways = itertools.product((LOW_FIRST, HIGH_FIRST), repeat=count)
        walks = {each: instant.along(each) for each in ways}
        ends: dict[Any, float] = {each: done.end_equity() for each, done in walks.items()}
        adverse, ohlc, favourable = (instant.walk(path).end_equity()
                                     for path in ("adverse", "ohlc", "favourable"))
        assert adverse <= ohlc <= favourable
        assert adverse == min(ends.values())
        assert favourable == max(ends.values())
        assert ohlc == ends[instant.as_it_went()]
        for name, kind in (("fill", Filled), ("liquidation", Liquidated)):
            seen[name] += any(isinstance(step, kind) for done in walks.values()
                              for step in done.steps)
        seen["parted"] += adverse < favourable
        seen["all"] += 1

    hold(law, examples, instants(symbols=count))
    for name, least in (("fill", 0.3), ("liquidation", 0.05), ("parted", 0.1)):
        assert seen[name] >= least * seen["all"], seen
