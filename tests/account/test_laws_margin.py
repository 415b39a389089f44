"""An isolated position loses at most what is posted to it, whoever closes it and however.

Over whole lives, and bar by bar for each venue's procedure and for the takeover. Fees of orders and
funding already paid are no part of the loss; the venue's liquidation fee is.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import pytest

from deleverage.journal import FREE, Cause
from deleverage.steps import Liquidated
from tests.account.generated import EXAMPLES, Scene, hold, scenes
from tests.account.generated_bars import Instant, changes, instants
from tests.account.lives import Booked, Tally, live
from tests.account.replay import turnover

LOSSES = (Cause.FILL, Cause.LIQUIDATION, Cause.LIQUIDATION_FEE)
# how each venue closes, all of which its examples must have met
STAGES = {"binance": {"market", "takeover"}, "bybit": {"market", "takeover"},
          "okx": {"market", "takeover"}, "gate": {"market", "takeover"},
          "hyperliquid": {"market", "backstop"}}


class Margins:
    """What was posted to each position and lost by it, by number, change by change."""

    def __init__(self, near: float) -> None:
        self.near = near
        self.posted: defaultdict[int, float] = defaultdict(float)
        self.lost: defaultdict[int, float] = defaultdict(float)

    def follow(self, booked: Booked) -> None:
        """One change: no close loses more than the margin that it takes from the position."""
        for slot in {*booked.before.positions, *booked.change.state.positions}:
            self._follow(booked, slot)

    def _follow(self, booked: Booked, slot: str) -> None:
        before, after = (state.positions.get(slot)
                         for state in (booked.before, booked.change.state))
        if after is not None and (before is None or before.number != after.number):
            self.posted[after.number] += after.margin  # opened
            after = None
        if before is None:
            return
        if after is not None and abs(after.size) >= abs(before.size):
            self.posted[before.number] += after.margin - before.margin  # funding, too
            return
        left = 0.0 if after is None else after.margin
        loss = -math.fsum(each.amount for each in booked.change.bookings if each.cause in LOSSES
                          and each.symbol == before.symbol and each.balance in (slot, FREE))
        assert loss <= before.margin - left + self.near
        self.lost[before.number] += max(loss, 0.0)
        self.posted[before.number] += max(left - before.margin, 0.0)  # a gain that stays in it

    def check(self) -> None:
        """Over its life no position has lost more than was posted to it."""
        for number, amount in self.lost.items():
            assert amount <= self.posted[number] + self.near


@EXAMPLES
def test_an_isolated_position_loses_at_most_its_margin(examples: int) -> None:
    """Change by change, and over its life: margin posted and funding had, less funding paid."""
    tally = Tally()

    def law(scene: Scene) -> None:
        life = live(scene)
        margins = Margins(1e-12 * turnover(life.journal) + 1e-9)
        for booked in life.booked:
            margins.follow(booked)
        margins.check()
        tally.note(life)

    hold(law, examples, scenes(margin="isolated"))
    tally.check()


@EXAMPLES
@pytest.mark.parametrize("procedure", [*STAGES, "takeover"])
def test_no_procedure_costs_more_than_the_margin(procedure: str, examples: int) -> None:
    """In bars that kill: what a procedure takes of a position in all its actions, its fee included,
    and what orders and auto-deleveragings lost of it before."""
    seen: Counter[str] = Counter()

    def law(instant: Instant) -> None:
        done = instant.walk("adverse")
        margins = Margins(1e-8)
        margins.posted.update({held.number: held.margin
                               for held in instant.state.positions.values()})
        for booked in changes(done, instant.state):
            margins.follow(booked)
        margins.check()
        events = [seized for step in done.steps if isinstance(step, Liquidated)
                  for seized in step.seized]
        seen.update({"all": 1, "liquidation": bool(events)})
        seen.update({event.stage for event in events})

    taken = procedure == "takeover"
    hold(law, examples, instants(mode="isolated", venue=None if taken else procedure,
                                 liquidation=procedure if taken else "venue"))
    assert seen["liquidation"] >= 0.2 * seen["all"], seen
    assert {"market", "takeover", "backstop"} & set(seen) == STAGES.get(procedure, {"takeover"})
