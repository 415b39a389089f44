"""Settling funding at the close of a bar, from the dataset's table, and telling the strategy."""

from __future__ import annotations

from typing import Any

from deleverage import account as accounts
from deleverage import margin, timestamps
from deleverage.account import Account
from deleverage.columns import FUNDING_SETTLED, FUNDING_STATES, FundingSchedule
from deleverage.errors import DataError
from deleverage.feedview import FeedView
from deleverage.journal import FundingPayment


class Treasurer:
    """Pays and receives funding on the position held at a bar's close.

    ``missing``: a due settlement without a rate or price raises (fail), is paid at the last known
    rate and the bar's mark (impute), or is recorded as unpaid (skip).
    """

    def __init__(self, account: Account, missing: str) -> None:
        self.account = account
        self.missing = missing
        self.paid: list[tuple[Any, FundingPayment]] = []

    def settle(self, view: FeedView, marks: dict[str, float], owner: Any) -> None:
        """Every settlement of the current bar, in order; ``owner`` is who holds the position."""
        assert view.columns is not None
        schedule = view.columns.funding
        for number in view.settlements[view.bar]:
            position = self.account.state.positions.get(view.symbol)
            if position is None:
                return
            rate, price, state = self._terms(view, schedule, number)
            amount = margin.funding_amount(position.size, price, rate) if rate == rate else 0.0
            payer = ""
            if rate == rate:
                change, payer = accounts.fund(self.account.state, self.account.terms, view.symbol,
                                              amount)
                self.account.commit(change, view.bar, int(schedule.settle_ns[number]))
            payment = FundingPayment(view.bar, int(schedule.settle_ns[number]), view.symbol,
                                     position.size, price, rate, amount, payer, state,
                                     position.number)
            self.account.journal.funding.append(payment)
            self.paid.append((owner, payment))
        self.account.snapshot(view.bar, view.symbol, marks)

    def _terms(
        self, view: FeedView, schedule: FundingSchedule, number: int
    ) -> tuple[float, float, str]:
        rate, price = float(schedule.rate[number]), float(schedule.price[number])
        state = FUNDING_STATES[int(schedule.state[number])]
        if rate == rate and price == price:
            return rate, price, state
        stamp = timestamps.show(int(schedule.settle_ns[number]))
        what = "rate" if rate != rate else "mark price"
        if self.missing == "fail":
            raise DataError(f"{view.symbol}: no funding {what} for the settlement {stamp} while a "
                            "position is open (missing='impute' takes the last known, 'skip' "
                            "books nothing and counts it)")
        if self.missing == "skip":
            return float("nan"), price, "missing"
        if rate != rate:
            rate = _last_known(schedule, number)
        return rate, view.mark if price != price else price, "imputed"

    def tell(self) -> None:
        """Queue ``notify_funding`` of the positions' owners: it is called after orders and trades.

        backtrader calls ``notify_cashvalue`` last of its notifications, so that is where they go.
        """
        for owner, payment in self.paid:
            if hasattr(owner, "notify_funding"):
                _queue(owner, payment)
        self.paid.clear()


def _last_known(schedule: FundingSchedule, number: int) -> float:
    for earlier in range(number - 1, -1, -1):
        if schedule.state[earlier] == FUNDING_SETTLED:
            return float(schedule.rate[earlier])
    return 0.0


def _queue(owner: Any, payment: FundingPayment) -> None:
    waiting = owner.__dict__.get("_funding_waiting")
    if waiting is None:
        waiting = owner._funding_waiting = []
        inner = owner.notify_cashvalue

        def after_trades(cash: float, value: float) -> None:
            while waiting:
                owner.notify_funding(waiting.pop(0))
            inner(cash, value)

        owner.notify_cashvalue = after_trades
    waiting.append(payment)
