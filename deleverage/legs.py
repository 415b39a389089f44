"""The geometry of a path: its corners, when a level is met on a leg, when an account gives out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from deleverage import account
from deleverage.account import State, Terms

LOW_FIRST = ("open", "low", "high", "close")
HIGH_FIRST = ("open", "high", "low", "close")
LEGS = len(LOW_FIRST) - 1

Leg = Mapping[str, tuple[float, float]]  # by symbol: a series from … to …


def place(share: float) -> tuple[int, float]:
    """The leg and the share of it at which a share of a bar's time falls, 0 < share ≤ 1.

    A corner belongs to the leg that ends there: what falls due at it comes before what is met.
    """
    leg = max(math.ceil(share * LEGS - 1e-9) - 1, 0)
    return leg, min(share * LEGS - leg, 1.0)


def at(leg: tuple[float, float], time: float) -> float:
    """Where a series stands at a share of a leg; exactly on its corners at 0 and 1."""
    start, end = leg
    return start if time == 0 else end if time == 1 else start + (end - start) * time


def reached(start: float, end: float, time: float, level: float, down: bool,
            strict: bool) -> float | None:
    """When a series moving from ``start`` to ``end`` meets a level, not before ``time``.

    Times are shares of the leg in [0, 1]. ``down``: the level is met from above, or already lies
    at or above the price. ``strict``: the price must go beyond the level, not only touch it; the
    time is still that of the touch. None if the leg does not meet it.
    """
    now = at((start, end), time)
    sign = 1.0 if down else -1.0
    gap_now, gap_end = sign * (now - level), sign * (end - level)
    if gap_now < 0 or (gap_now == 0 and not strict):
        return time
    if gap_end > 0 or (gap_end == 0 and strict):
        return None
    return max(time, (start - level) / (start - end))


def exhausted(state: State, terms: Terms, marks: Mapping[str, float], moving: Leg,
              time: float) -> float | None:
    """When a cross account's equity falls to the maintenance of all its positions on a leg.

    ``marks`` holds the marks that stand still, ``moving`` those that run along the leg. Between two
    marks at which a position changes its bracket, equity and maintenance are linear in time, so
    that each such stretch is solved in closed form; a ladder that jumps does so at a stretch's end.
    None if the leg does not get there.
    """
    def room(moment: float) -> float:
        now = {**marks, **{name: at(leg, moment) for name, leg in moving.items()}}
        return account.equity(state, now) - account.required(state, now, terms)

    if room(time) <= 0:
        return time
    corners = [time, *_bracket_changes(state, terms, moving, time), 1.0]
    for begin, end in itertools.pairwise(corners):
        span = end - begin
        if span <= 0:
            continue
        # inside the stretch, so that a jump at either end does not enter its slope
        first, second = room(begin + span / 4), room(begin + 3 * span / 4)
        slope = (second - first) * 2
        from_here, to_there = first - slope / 4, second + slope / 4
        if from_here <= 0:
            return begin
        if to_there <= 0:
            return begin + span * min(1.0, from_here / (from_here - to_there))
        if room(end) <= 0:
            return end
    return None


def _bracket_changes(state: State, terms: Terms, moving: Leg, time: float) -> list[float]:
    """Shares of the leg, after ``time``, at which the notional of a position crosses a bound."""
    found: set[float] = set()
    for position in state.positions.values():
        leg = moving.get(position.symbol)
        ladder = terms.rules[position.symbol].ladder
        if leg is None or leg[0] == leg[1] or ladder.unit == "contracts":
            continue
        for bound in ladder.uppers[:-1]:
            share = (bound / abs(position.size) - leg[0]) / (leg[1] - leg[0])
            if time < share < 1:
                found.add(share)
    return sorted(found)
