"""Which settlements of funding fall due in a bar, at what terms, and what was paid."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from deleverage import margin, notices, timestamps
from deleverage.columns import FUNDING_SETTLED, FUNDING_STATES, FundingSchedule, MarketColumns
from deleverage.errors import DataError
from deleverage.feedview import FeedView
from deleverage.journal import FundingPayment
from deleverage.ledger import Account
from deleverage.records import swift
from deleverage.steps import Due, Funded
from deleverage.venues.rules import VenueRules

_payment = swift(FundingPayment)
STALE = 24 * timestamps.HOUR  # older than this a last known rate stands in for nothing


class Treasurer:
    """Knows what is due, and books it.

    ``missing``: a due settlement without a rate or price raises when a position meets it (fail), is
    paid at the last known rate, at most 24 hours old, and the bar's mark (impute; beyond that age
    it is *stale* and nothing is booked), or is recorded as unpaid (skip).
    """

    def __init__(self, account: Account, missing: str) -> None:
        self.account = account
        self.missing = missing
        self._known: dict[str, dict[int, tuple[Due, ...]]] = {}  # by symbol and bar

    def dues(self, view: FeedView, rules: VenueRules) -> tuple[Due, ...]:
        """The settlements inside the bar at which the view stands, in order."""
        columns, numbers = view.fine, view.settlements.get(view.at)
        if columns is None or not numbers:
            return ()
        known = self._known.get(view.symbol)
        if known is None:  # the same for every run on this market that takes what is missing alike
            known = self._known[view.symbol] = columns.memo.get(
                ("dues", self.missing, rules.funding_price, view.mark_asked), dict)
        found = known.get(view.at)
        if found is None:
            found = known[view.at] = tuple([self._due(view, columns, rules, number)
                                            for number in numbers])
        return found

    def _due(self, view: FeedView, columns: MarketColumns, rules: VenueRules,
             number: int) -> Due:
        schedule = columns.funding
        stamp, rate = int(schedule.settle_ns[number]), float(schedule.rate[number])
        state = FUNDING_STATES[int(schedule.state[number])]
        price, basis = _price(schedule, number, rules)
        share = 1 - (view.ts - stamp) / columns.market.step_ns
        share = min(max(share, 1e-12), 1.0)
        if rate == rate and price == price:
            return Due(stamp, share, rate, price, state, basis)
        guess, age = _last_known(schedule, number)
        if self.missing == "skip":
            return Due(stamp, share, math.nan, price, "missing", basis, guess)
        if self.missing == "fail":
            what = "rate" if rate != rate else "mark price"
            return Due(stamp, share, math.nan, price, "missing", basis, guess, (
                f"{view.symbol}: no funding {what} for the settlement {timestamps.show(stamp)} "
                "while a position is open (missing='impute' takes the last known, 'skip' "
                "books nothing and counts it)"))
        if price != price:
            price, basis = view.mark, "last" if view.mark_state == "last" else "mark"
        if rate == rate:
            return Due(stamp, share, rate, price, "imputed", basis)
        if guess != guess:
            return Due(stamp, share, math.nan, price, "missing", basis, guess, (
                f"{view.symbol}: no funding rate for the settlement {timestamps.show(stamp)} and "
                "none before it to take instead (missing='skip' books nothing and counts it)"))
        if age > STALE:
            return Due(stamp, share, math.nan, price, "stale", basis, guess)
        return Due(stamp, share, guess, price, "imputed", basis, guess)

    def book(self, step: Funded, view: FeedView, slot: str, owners: Iterable[Any],
             marks: dict[str, float]) -> None:
        """Enter a settlement that the walk came to; DataError where it cannot be settled."""
        due, position = step.due, step.position
        if due.problem:
            raise DataError(due.problem)
        if step.change.bookings:
            self.account.commit(step.change, view.bar, due.ts)
        expected = 0.0
        if due.state != "settled" and due.guess == due.guess and due.price == due.price:
            expected = margin.funding_amount(position.size, due.price, due.guess)
        payment = _payment(
            view.bar, due.ts, view.symbol, position.size, due.price, due.rate, step.amount,
            step.payer, due.state, position.number, due.basis, expected)
        self.account.journal.funding.append(payment)
        self.account.snapshot(view.bar, view.ts, slot, marks)
        for owner in owners:
            notices.funding(owner, payment)


def _price(schedule: FundingSchedule, number: int, rules: VenueRules) -> tuple[float, str]:
    """The price of a settlement and its name; the index stands for a venue's oracle."""
    if rules.funding_price != "mark":
        index = float(schedule.index[number])
        if index == index:
            return index, "index"
    return float(schedule.price[number]), "mark"


def _last_known(schedule: FundingSchedule, number: int) -> tuple[float, int]:
    """The last settled rate before a settlement and how old it then is (nanoseconds)."""
    for earlier in range(number - 1, -1, -1):
        if schedule.state[earlier] == FUNDING_SETTLED:
            age = int(schedule.settle_ns[number]) - int(schedule.settle_ns[earlier])
            return float(schedule.rate[earlier]), age
    return math.nan, 0
