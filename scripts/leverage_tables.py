"""The tables of docs/leverage.md: closed forms beside Monte Carlo, and both beside a cascade.

    python -m scripts.leverage_tables

The first is of a random walk. The second replays longs of 24 h, one every ten minutes, on the mark
of the SYNTHETIC scenario ``constructive``, under the same flat maintenance, and puts the closed
form at the volatility realised there beside them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from deleverage import scenarios
from deleverage.columns import Floats, MarketColumns
from deleverage.statistics.cascades import cascades
from deleverage.statistics.plans import Plan, Stretch
from deleverage.statistics.replay import survivable
from tests.statistics.closed_forms import (
    DAY,
    K,
    Walk,
    liquidated,
    right_and_liquidated,
    simulated,
)
from tests.statistics.walks import flat_terms

TIERS = (2, 3, 5, 10, 20, 25, 50, 100, 125)
WALK = Walk(0.9, 3 * DAY)
JUMPS = Walk(0.6, 3 * DAY, jumps=30, jump_mean=-0.04, jump_sd=0.05)
PATHS, SEED = 200_000, 61
SCENARIO, EVERY, HELD = "constructive", 10, 24 * 60  # minutes


def walk_table() -> list[str]:
    """Closed forms and Monte Carlo by leverage."""
    rows = []
    for tier in TIERS[2:]:
        (long, right), (short, _) = (simulated(side, tier, WALK, PATHS, SEED, pieces=8)
                                     for side in (1, -1))
        jumped, _ = simulated(1, tier, JUMPS, PATHS, SEED)
        rows.append([f"{tier}x", liquidated(1, tier, WALK), long.value,
                     right_and_liquidated(1, tier, WALK), right.value,
                     liquidated(-1, tier, WALK), short.value, jumped.value])
    return markdown(("leverage", "long liquidated", "Monte Carlo", "right and liquidated",
                     "Monte Carlo", "short liquidated", "Monte Carlo", "long, with jumps"), rows)


def cascade_table(columns: MarketColumns) -> list[str]:
    """Replayed longs of a market with cascades, and the closed form at its volatility."""
    mark = columns.execution_mark
    walk = Walk(volatility(mark.close), HELD / 1_440 * DAY)
    starts = np.arange(0, len(columns) - HELD, EVERY)
    found = survivable([_plan(columns, int(bar)) for bar in starts], flat_terms())
    right = mark.close[starts + HELD] > mark.close[starts]
    called = np.array([cascade.first for cascade in cascades(columns).cascades])
    ahead = ((called > starts[:, None]) & (called <= starts[:, None] + HELD)).any(axis=1)
    rows = []
    for tier in TIERS:
        dead = ~(found >= tier)
        rows.append([f"{tier}x", liquidated(1, tier, walk), float(dead.mean()),
                     float(dead[ahead].mean()), right_and_liquidated(1, tier, walk),
                     float((dead & right).mean()), float(dead[right].mean())])
    title = (f"SYNTHETIC scenario {SCENARIO}: {len(starts):,} longs of 24 h, {int(ahead.sum())} of "
             f"them entered in the 24 h before a cascade is called; realised volatility "
             f"{walk.volatility:.0%} a year; {float(right.mean()):.0%} were right")
    return [title, "", *markdown(
        ("leverage", "closed form", "replay, all", "replay, cascade ahead",
         "right and liquidated: closed form", "replay", "of those right, liquidated"), rows)]


def volatility(close: Floats) -> float:
    """Of one-minute closes, a year of 365 days."""
    return float(np.diff(np.log(close)).std()) * math.sqrt(365 * 1_440)


def _plan(columns: MarketColumns, bar: int) -> Plan:
    """One coin bought at the mark of a close and held."""
    mark, stop = columns.execution_mark, bar + HELD
    entry, bars = float(mark.close[bar]), np.arange(bar + 1, stop + 1, dtype=np.int64)
    held = Stretch(1.0, entry, entry, 0.0, 0.0, bars, mark.low[bars])
    return Plan(bar, 1, entry, 1.0, (held,), (), float(mark.close[stop]) - entry, stop, False,
                "exit")


def markdown(headers: tuple[str, ...], rows: list[list[Any]]) -> list[str]:
    """A table whose figures have four decimals."""
    lines = [f"| {' | '.join(headers)} |", "|" + "--|" * len(headers)]
    return lines + [f"| {' | '.join(x if isinstance(x, str) else f'{x:.4f}' for x in row)} |"
                    for row in rows]


def main() -> None:
    """Print both tables."""
    print(f"volatility 90 % a year, 3 days, no drift, maintenance and closing fee {K:.2%}; with "
          f"jumps: volatility 60 %, 30 a year of −4 % ± 5 %; {PATHS:,} paths\n")
    print("\n".join(walk_table()))
    print()
    print("\n".join(cascade_table(scenarios.columns(SCENARIO))))


if __name__ == "__main__":
    main()
