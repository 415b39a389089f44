"""Replays on random walks agree with the closed forms: the one case in which those are right."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deleverage.columns import Floats
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.statistics.frontier import survival_frontier
from deleverage.statistics.replay import replay, survivable
from deleverage.strategies.exits import LONG, SHORT, Signal, SignalStrategy
from tests.markets import make_columns
from tests.statistics.closed_forms import DAY, K, Walk, liquidated, right_and_liquidated
from tests.statistics.walks import flat_terms, plan, walked

TIERS = (5, 10, 20, 25, 50, 100, 125)
WALK = Walk(0.9, 3 * DAY)
TERMS = flat_terms()


def near(share: float, wanted: float, n: int) -> bool:
    """Within four standard errors of a share of n (of one more hit where the form gives none)."""
    return abs(share - wanted) <= 4 * math.sqrt(wanted * (1 - wanted) / n) + 1 / n


@pytest.mark.parametrize("side", [1, -1])
def test_what_plans_survive(side: int) -> None:
    """Of 20,000 walks of three days the share that a leverage kills, by the largest leverage each
    survives, is the closed form at every tier."""
    paths = walked(np.random.default_rng(21), WALK, 20_000, 72)
    found = survivable([plan(k, side, *rows) for k, rows in enumerate(zip(*paths, strict=True))],
                       TERMS)
    assert not np.isnan(found).any()
    for tier in TIERS:
        assert near(float(np.mean(found < tier)), liquidated(side, tier, WALK), 20_000), tier


@pytest.mark.parametrize("side", [1, -1])
def test_the_frontier(side: int) -> None:
    """The frontier of 600 walks: shares surviving and the number right and liquidated are those of
    the closed forms at every tier, and each replay agrees with the leverage its plan survives."""
    ends, low, high = walked(np.random.default_rng(22), WALK, 600, 72)
    made = [plan(k, side, *rows) for k, rows in enumerate(zip(ends, low, high, strict=True))]
    levels = np.arange(1.0, 126.0)
    ran = [replay(item, TERMS, levels, ends[k, :-1]) for k, item in enumerate(made)]
    right = {item.number: side * (ends[k, -1] - 1) > 0 for k, item in enumerate(made)}
    rows = survival_frontier(ran, right, TERMS).rows
    for tier in TIERS:
        row = rows[tier - 1]
        assert (row.leverage, row.granted) == (tier, 600)
        assert row.share is not None
        assert near(1 - row.share, liquidated(side, tier, WALK), 600), tier
        assert near(row.right_liquidated / 600, right_and_liquidated(side, tier, WALK), 600), tier
    borders = survivable(made, TERMS)
    alive = np.array([item.survived for item in ran])
    np.testing.assert_array_equal(alive, levels <= borders[:, None] * (1 + 1e-12))


class Every(SignalStrategy):
    """One trade after the other, each held three days."""

    params: Any = (("side", 1),)

    def signals(self) -> dict[int, Signal]:
        """Decided every 74 bars."""
        return {bar: Signal(LONG if self.p.side > 0 else SHORT)
                for bar in range(1, len(self.columns) - 74, 74)}


def hours(trades: int) -> dict[str, Floats]:
    """A market of one long walk, 74 hourly bars a trade."""
    count = 74 * trades + 2
    walk = Walk(WALK.volatility, count / 24 * DAY, drift=WALK.volatility ** 2 / 2)
    ends, low, high = walked(np.random.default_rng(23), walk, 1, count)
    return {name: 3_000 * values for name, values in (
        ("open", ends[0, :-1]), ("high", high[0]), ("low", low[0]), ("close", ends[0, 1:]))}


@pytest.mark.parametrize("side", [1, -1])
def test_the_frontier_of_a_run(side: int, tmp_path: Path) -> None:
    """A run of 300 trades of three days at 1x, on hourly bars, without costs and funding, under a
    ladder of one rate: its saved frontier gives the closed forms of its drift at every tier."""
    ladder = tmp_path / "flat.json"
    ladder.write_text(json.dumps({"columns": ["min_notional", "max_notional", "mmr",
                                              "max_leverage"], "rows": [[0, None, K, 125]]}))
    spec = RunSpec(data="test", strategy="every", leverage=1.0, notional=1_000.0, cash=1e6,
                   venue="binance", ladder=str(ladder), fees=(0.0, 0.0), slippage_bp=0.0,
                   params={"side": side, "hold": "72h"})
    frontier = run(spec, make_columns(hours(300), step="1h"), Every).statistics["frontier"]
    walk = Walk(WALK.volatility, 3 * DAY, drift=WALK.volatility ** 2 / 2)
    assert frontier["trades"] == 300
    for tier in TIERS:
        row = frontier["rows"][tier - 1]
        assert row["granted"] == 300
        assert near(1 - row["share"], liquidated(side, tier, walk), 300), tier
        assert near(row["right_liquidated"] / 300, right_and_liquidated(side, tier, walk), 300)
