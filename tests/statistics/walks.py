"""SYNTHETIC random walks as bars and as plans, under flat maintenance: what closed forms speak of.

The low and the high of a bar are drawn from the Brownian bridge between its open and its close, so
that they are those of the path in continuous time and bars of an hour are as good as ticks.
"""

from __future__ import annotations

import math

import numpy as np

from deleverage.columns import Floats
from deleverage.statistics.plans import Plan, Stretch
from deleverage.statistics.replay import VenueTerms
from deleverage.venues.binance import BinanceUsdm
from deleverage.venues.ladder import Bracket, Ladder, LadderUse
from tests.statistics.closed_forms import K, Walk


def flat_terms(k: float = K) -> VenueTerms:
    """Rules of one bracket without an amount: the share ``k`` of the notional at liquidation."""
    ladder = Ladder("flat", "binance", "ETHUSDT", (Bracket(0.0, math.inf, k, 0.0, 125.0),),
                    observed=None, confidence="user")
    rules = BinanceUsdm("ETHUSDT", LadderUse(ladder, 0))
    return VenueTerms(rules, rules.procedure)


def walked(chance: np.random.Generator, walk: Walk, paths: int,
           bars: int) -> tuple[Floats, Floats, Floats]:
    """(value at the borders of the bars, low and high of each) of ``paths`` walks from 1, each over
    ``walk.years`` in ``bars`` bars; no jumps."""
    shape = (paths, bars)
    variance = walk.volatility ** 2 * walk.years / bars
    steps = walk.nu * walk.years / bars + math.sqrt(variance) * chance.standard_normal(shape)
    ends = np.concatenate((np.zeros((paths, 1)), np.cumsum(steps, axis=1)), axis=1)
    first, last = ends[:, :-1], ends[:, 1:]
    low, high = (first + last + sign * np.sqrt(
        (first - last) ** 2 - 2 * variance * np.log1p(-chance.random(shape))) for sign in (-1, 1))
    low, high = low / 2, high / 2
    return np.exp(ends), np.exp(low), np.exp(high)


def plan(number: int, side: int, ends: Floats, low: Floats, high: Floats) -> Plan:
    """One coin held over one walk, without costs and funding."""
    entry = float(ends[0])
    marks = low if side > 0 else high
    held = Stretch(size=1.0, entry=entry, posted=entry, extra=0.0, booked=0.0,
                   bars=np.arange(len(marks), dtype=np.int64), marks=marks)
    return Plan(number, side, entry, 1.0, (held,), (), side * (float(ends[-1]) - entry), len(marks),
                False, "exit")
