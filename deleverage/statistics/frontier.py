"""SurvivalFrontier: every trade replayed at every leverage, added up by leverage.

Source: the path replay of ``deleverage.statistics.replay``; no distribution is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from deleverage.columns import Floats
from deleverage.statistics.plans import Plan
from deleverage.statistics.replay import Replay, VenueTerms, leverages_up_to, replay

NOT_REPLAYED = "trades are not replayed in runs that are only compared"


@dataclass(frozen=True, slots=True)
class FrontierRow:
    """All trades at one leverage, each with the notional it had.

    ``granted`` trades may have it by the venue's limit for their notional; the rest of the row is
    of these. ``surviving`` never reach their liquidation price before their planned exit,
    ``share`` = surviving ÷ granted. ``net`` in quote, signed as the account sees it, with fees,
    funding and what the venue took; ``right_liquidated`` do not survive and were right on
    direction (Trade.right); ``in_steps`` of those that do not survive the venue would have closed
    part by part: their whole margin is counted as lost.
    """

    leverage: float
    granted: int
    surviving: int
    share: float | None
    net: float
    right_liquidated: int
    in_steps: int


@dataclass(frozen=True, slots=True)
class SurvivalFrontier:
    """``rows`` at 1x, 2x, … up to ``limit``, the venue's largest leverage (at most 125).

    ``all_survive`` is the largest whole leverage at which, as at all below it, every trade is
    granted and survives; None where 1x already loses one or nothing was traded. ``extended`` counts
    trades whose plan goes on beyond what the venue did to them, by where to in ``by_basis``.
    ``withheld`` says why nothing was replayed; "" where there was nothing to replay.
    """

    trades: int
    limit: float
    all_survive: float | None
    extended: int
    by_basis: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[FrontierRow, ...] = ()
    withheld: str = ""


def replays(made: Sequence[Plan], terms: VenueTerms, opens: Floats) -> tuple[Replay, ...]:
    """Every plan at every leverage; ``opens`` is the mark at the open of every bar."""
    levels = leverages_up_to(terms.rules)
    return tuple(replay(plan, terms, levels, opens) for plan in made)


def no_frontier(why: str = "") -> SurvivalFrontier:
    """The frontier of no trade at all."""
    return SurvivalFrontier(trades=0, limit=0.0, all_survive=None, extended=0, withheld=why)


def survival_frontier(ran: Sequence[Replay], right: Mapping[int, bool | None],
                      terms: VenueTerms) -> SurvivalFrontier:
    """The frontier of replayed trades; ``right`` says of each number whether its direction was."""
    levels = leverages_up_to(terms.rules)
    rows = _rows(levels, ran, right)
    best = None
    for row in rows:
        if not row.granted or row.granted < len(ran) or row.surviving < row.granted:
            break
        best = row.leverage
    bases = [item.plan.basis for item in ran if item.plan.extended]
    return SurvivalFrontier(
        trades=len(ran), limit=float(levels[-1]), all_survive=best, extended=len(bases),
        by_basis={name: bases.count(name) for name in sorted(set(bases))}, rows=rows)


def _rows(levels: Floats, ran: Sequence[Replay],
          right: Mapping[int, bool | None]) -> tuple[FrontierRow, ...]:
    """A row a leverage, from arrays of trades by leverages."""
    shape = (len(ran), len(levels))
    granted, survived, in_steps = (
        np.array([getattr(item, name) for item in ran], dtype=bool).reshape(shape)
        for name in ("granted", "survived", "in_steps"))
    was_right = np.array([bool(right.get(item.plan.number)) for item in ran], dtype=bool)
    net = np.array([item.net for item in ran], dtype=np.float64).reshape(shape)
    counts = granted.sum(axis=0)
    alive = (granted & survived).sum(axis=0)
    hit = (granted & ~survived & was_right[:, None]).sum(axis=0)
    steps = (granted & in_steps).sum(axis=0)
    return tuple(FrontierRow(
        leverage=float(level), granted=int(counts[k]), surviving=int(alive[k]),
        share=float(alive[k] / counts[k]) if counts[k] else None,
        net=math.fsum(net[granted[:, k], k].tolist()), right_liquidated=int(hit[k]),
        in_steps=int(steps[k])) for k, level in enumerate(levels))
