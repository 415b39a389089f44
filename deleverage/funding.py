"""Settling funding at the close of a bar, from the dataset's table."""

from __future__ import annotations

from deleverage import account as accounts
from deleverage import margin, timestamps
from deleverage.columns import FUNDING_SETTLED, FUNDING_STATES, FundingSchedule
from deleverage.errors import DataError
from deleverage.feedview import FeedView
from deleverage.journal import FundingPayment
from deleverage.ledger import Account


class Treasurer:
    """Pays and receives funding on the position held at a bar's close.

    ``missing``: a due settlement without a rate or price raises (fail), is paid at the last known
    rate and the bar's mark (impute), or is recorded as unpaid (skip).
    """

    def __init__(self, account: Account, missing: str) -> None:
        self.account = account
        self.missing = missing

    def settle(self, view: FeedView, number: int, marks: dict[str, float]) -> FundingPayment:
        """One settlement of the feed's schedule on the position held."""
        assert view.columns is not None
        schedule = view.columns.funding
        position = self.account.state.positions[view.symbol]
        rate, price, state = self._terms(view, schedule, number)
        stamp, amount, payer = int(schedule.settle_ns[number]), 0.0, ""
        if rate == rate:
            amount = margin.funding_amount(position.size, price, rate)
            change, payer = accounts.fund(self.account.state, self.account.terms, view.symbol,
                                          amount)
            self.account.commit(change, view.bar, stamp)
        payment = FundingPayment(view.bar, stamp, view.symbol, position.size, price, rate, amount,
                                 payer, state, position.number)
        self.account.journal.funding.append(payment)
        self.account.snapshot(view.bar, view.ts, view.symbol, marks)
        return payment

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
            earlier = _last_known(schedule, number)
            if earlier is None:
                raise DataError(f"{view.symbol}: no funding rate for the settlement {stamp} and "
                                "none before it to take instead (missing='skip' books nothing "
                                "and counts it)")
            rate = earlier
        return rate, view.mark if price != price else price, "imputed"


def _last_known(schedule: FundingSchedule, number: int) -> float | None:
    for earlier in range(number - 1, -1, -1):
        if schedule.state[earlier] == FUNDING_SETTLED:
            return float(schedule.rate[earlier])
    return None
