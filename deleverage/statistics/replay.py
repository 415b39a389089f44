"""Every trade again at another leverage, on the mark it met, through the venue's own level.

Sizes, prices and times are those of the plan; only the margin behind the position changes: the
notional that was opened ÷ leverage, and what was added by hand or funding moved beside it. A replay
*hits* where the adverse mark first reaches the venue's liquidation price of that margin, brackets
included. A position of a cross account is replayed as if it stood alone and isolated.

What a hit loses is the venue's own procedure at the mark that triggered it, without slippage. Where
the venue would only take a part of it (a position above the lowest bracket), the whole margin is
counted as lost, the most it can be, and the trade counts as not surviving: ``in_steps``.

For a single isolated position opened at the market and closed by time, the figures are those of a
run at that leverage with the same notional.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints
from deleverage.statistics.plans import Plan, Stretch
from deleverage.venues.procedure import MARKET, Distress, Procedure
from deleverage.venues.rules import VenueRules

LARGEST = 125  # the frontier's last leverage, where the venue grants as much
_HALVINGS = 48


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """What a replay trades under: the venue's rules, what it does below maintenance, the lot."""

    rules: VenueRules
    procedure: Procedure
    lot: float | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """One plan at every leverage of ``leverages``, as arrays of equal length.

    ``granted``: the venue lets so large a notional have that leverage. ``hit_bar``: the bar in
    which the level is reached, −1 where it never is. ``net`` in quote, signed as the account sees
    it, fees and funding included; ``in_steps``: the venue would have closed it part by part.
    """

    plan: Plan
    leverages: Floats
    granted: NDArray[np.bool_]
    hit_bar: Ints
    net: Floats
    in_steps: NDArray[np.bool_]

    @property
    def survived(self) -> NDArray[np.bool_]:
        """Where the level was never reached."""
        return self.hit_bar < 0


def leverages_up_to(rules: VenueRules) -> Floats:
    """1, 2, 3 … up to the venue's limit for the smallest notional, at most 125."""
    return np.arange(1.0, math.floor(min(LARGEST, float(rules.max_leverage(0.0)))) + 1.0)


def replay(plan: Plan, terms: VenueTerms, leverages: Floats, opens: Floats) -> Replay:
    """One plan at every leverage; ``opens`` is the mark at the open of every bar."""
    count = len(leverages)
    hit_bar = np.full(count, -1, dtype=np.int64)
    net, in_steps = np.full(count, plan.net), np.zeros(count, dtype=bool)
    paid = np.array([bar for bar, _ in plan.funding], dtype=np.int64)
    sums = np.concatenate(([0.0], np.cumsum([amount for _, amount in plan.funding])))
    for number, stretch in enumerate(plan.stretches):
        margin = stretch.posted / leverages + stretch.extra
        level = _levels(plan, stretch, margin, terms.rules)
        first = _first_beyond(plan.side, stretch, level)
        hit = np.flatnonzero((hit_bar < 0) & (first < len(stretch.bars)))
        if not len(hit):
            continue
        bar, mark = stretch.bars[first[hit]], level[hit]
        # beyond it at the open already, but for the bar it was opened in
        gaps = np.minimum(mark, opens[bar]) if plan.side > 0 else np.maximum(mark, opens[bar])
        mark = np.where((first[hit] > 0) | (number > 0), gaps, mark)
        lost, in_steps[hit] = _lost(plan, stretch, margin[hit], mark, terms)
        hit_bar[hit] = bar
        net[hit] = stretch.booked - lost + sums[np.searchsorted(paid, bar, side="left")]
    return Replay(plan, leverages, leverages <= limit_of(plan, terms.rules), hit_bar, net, in_steps)


def limit_of(plan: Plan, rules: VenueRules) -> float:
    """The largest leverage the venue grants for the largest notional of a plan."""
    return float(rules.position_limit(plan.max_size, plan.notional / plan.max_size))


def survivable(made: Sequence[Plan], terms: VenueTerms) -> Floats:
    """The largest leverage at which each plan never reaches its level, by bisection on the replay.

    Continuous, from 1 to the limit the venue grants for its notional (that limit where it would
    survive there, too); NaN where already 1x is reached. The level moves monotonically towards the
    entry with leverage, so there is one border.
    """
    stretches = [(n, stretch) for n, plan in enumerate(made) for stretch in plan.stretches
                 if len(stretch.marks)]
    limits = np.array([limit_of(plan, terms.rules) for plan in made], dtype=np.float64)
    if not stretches:
        return limits
    owner = np.array([n for n, _ in stretches])
    side = np.array([float(made[n].side) for n in owner])
    size, entry, posted, extra = (np.array([getattr(stretch, name) for _, stretch in stretches])
                                  for name in ("size", "entry", "posted", "extra"))
    worst = np.array([float(stretch.marks.min() if made[n].side > 0 else stretch.marks.max())
                      for n, stretch in stretches])

    def dies(leverage: Floats) -> NDArray[np.bool_]:
        level = terms.rules.liquidation_price(side, size, entry, posted / leverage[owner] + extra)
        with np.errstate(invalid="ignore"):
            beyond = (worst - level) * side <= 0  # NaN: no mark liquidates
        return np.bincount(owner, beyond, len(made)) > 0

    low, high = np.ones(len(made)), limits.copy()
    at_one, at_limit = dies(low), dies(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        dead = dies(middle)
        high, low = np.where(dead, middle, high), np.where(dead, low, middle)
    return np.where(at_one, np.nan, np.where(at_limit, low, limits))


def _levels(plan: Plan, stretch: Stretch, margin: Floats, rules: VenueRules) -> Floats:
    shape = np.ones(len(margin))
    found: Floats = rules.liquidation_price(
        shape * plan.side, shape * stretch.size, shape * stretch.entry, margin)
    return found


def _first_beyond(side: int, stretch: Stretch, level: Floats) -> Ints:
    """For each level the place of the first mark at or beyond it; the number of marks where none.
    """
    # the running extreme is monotone, so that every level is looked up at once
    extreme = np.maximum.accumulate(-side * stretch.marks)
    wanted = np.where(np.isnan(level), np.inf, -side * level)
    return np.searchsorted(extreme, wanted, side="left").astype(np.int64)


def _lost(plan: Plan, stretch: Stretch, margin: Floats, mark: Floats,
          terms: VenueTerms) -> tuple[Floats, NDArray[np.bool_]]:
    """(margin lost, whether the venue would have gone step by step) of hits at ``mark``."""
    rules, size = terms.rules, np.full(len(mark), stretch.size)
    entry = np.full(len(mark), stretch.entry)
    worth = margin + rules.unrealised(plan.side * size, entry, mark)
    needed = np.broadcast_to(rules.maintenance_at(size, entry, mark), mark.shape)
    counted = stretch.entry if rules.frozen_at_entry(False) else None
    lost, in_steps = margin.copy(), np.zeros(len(mark), dtype=bool)
    for k in np.flatnonzero(worth > 0).tolist():
        stage = terms.procedure.next(rules, Distress(
            stretch.size, float(mark[k]), float(worth[k]), float(needed[k]), terms.lot, False,
            counted))
        if stage.kind == MARKET:
            in_steps[k] = stage.size < stretch.size * (1 - 1e-9)
            if not in_steps[k]:
                fee = stage.fee * float(rules.notional(stretch.size, mark[k]))
                lost[k] = margin[k] - max(0.0, float(worth[k]) - fee)
    return lost, in_steps
