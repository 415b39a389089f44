"""What a strategy held of one position, time after time, without what the venue did to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deleverage.journal import Cause, Snapshot
from deleverage.statistics.episodes import Episode, Leg

AT_OPEN = ("market",)


@dataclass(frozen=True, slots=True)
class Holding:
    """What was held from ``bar`` on: ``size`` in coins, ≥ 0, at ``entry``; ``posted`` the notional
    opened, at its prices; ``added`` the margin moved by hand; ``booked`` fees and realised profit
    up to here. ``at_open``: it began with a fill at the open of its bar; ``by_hand``: with a
    transfer of margin. ``state`` is the journal's own."""

    bar: int
    size: float
    entry: float
    posted: float
    added: float
    booked: float
    at_open: bool
    by_hand: bool
    state: Snapshot


def holdings_of(episode: Episode) -> list[Holding]:
    """The states the strategy chose, up to the venue's first act, in order."""
    first = episode.liquidations[0] if episode.liquidations else None
    found: list[Holding] = []
    posted = added = 0.0
    previous: Snapshot | None = None
    for state in episode.states:
        if first is not None and previous is not None and state.bar >= first.bar \
                and math.isclose(state.size, first.size_after, rel_tol=1e-9):
            break
        cost, by_hand = abs(state.size) * state.entry_price, False
        if previous is None:
            posted = cost
        elif state.size == previous.size:
            moved = state.margin - previous.margin
            by_hand = bool(moved) and state.leverage == previous.leverage \
                and state.bar not in episode.funded
            if not by_hand:
                previous = state
                continue
            added += moved
        elif abs(state.size) > abs(previous.size):
            posted += cost - abs(previous.size) * previous.entry_price
        else:
            kept = state.size / previous.size
            posted, added = posted * kept, added * kept
        legs = [leg for leg in (*episode.opened, *episode.closed) if leg.bar == state.bar]
        found.append(Holding(
            state.bar, abs(state.size), state.entry_price, posted, added,
            _booked(episode, state, previous), filled_at_open(legs), by_hand, state))
        previous = state
    return found


def _booked(episode: Episode, state: Snapshot, previous: Snapshot | None) -> float:
    """Fees and realised profit booked up to a state: those of its bar that came before it."""
    causes = (Cause.FEE, Cause.FILL)
    before = episode.amount(*causes, until=state.bar - 1)
    if not any(later.bar == state.bar and later is not state for later in episode.states) \
            and episode.exit_bar != state.bar:
        return episode.amount(*causes, until=state.bar)
    # several changes in one bar: the first opening's fee is all that is sure of the first one
    own = [flow.amount for flow in episode.flows
           if flow.bar == state.bar and flow.cause in causes]
    return before + (own[0] if own and previous is None else math.fsum(own))


def filled_at_open(legs: Sequence[Leg]) -> bool:
    """Whether fills met no mark of their bar before them and all of it after."""
    return bool(legs) and all(leg.reason in AT_OPEN for leg in legs)
