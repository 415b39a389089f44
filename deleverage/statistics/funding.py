"""The funding ledger: what was paid and received, and how much of it is uncertain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import FUNDING_SETTLED, MarketColumns
from deleverage.journal import FundingPayment, Journal


@dataclass(frozen=True, slots=True)
class FundingState:
    """Payments of one state of the rate: settled, missing, imputed."""

    state: str
    count: int
    net: float


@dataclass(frozen=True, slots=True)
class FundingFigures:
    """Money signed as the account sees it: ``paid`` ≤ 0 ≤ ``received``, ``net`` their sum; ``long``
    and ``short`` the net of each side, ``largest`` the payment furthest from zero.

    ``missing_due`` counts settlements that fell due on a held position without a known rate or
    price. ``uncertain`` ≥ 0 is the money not known: |imputed payments| plus, for settlements
    skipped, the notional × the mean |rate| of the known ones; None where no rate at all is known.
    ``uncertain_share`` is of the money of all settlements, the uncertain included.
    """

    payments: int
    net: float
    paid: float
    received: float
    long: float
    short: float
    largest: float | None
    by_state: tuple[FundingState, ...]
    missing_due: int
    uncertain: float | None
    uncertain_share: float | None


def funding(journal: Journal, columns: MarketColumns) -> FundingFigures:
    """Figures of the funding ledger of one instrument."""
    symbol = columns.market.instrument.symbol
    rows = [row for row in journal.funding if row.symbol == symbol]
    amounts = [row.amount for row in rows]
    uncertain = _uncertain(rows, columns)
    settled = math.fsum(abs(row.amount) for row in rows if row.state == "settled")
    share = None
    if uncertain is not None:
        share = uncertain / (settled + uncertain) if uncertain else 0.0
    return FundingFigures(
        payments=len(rows), net=math.fsum(amounts),
        paid=math.fsum(amount for amount in amounts if amount < 0),
        received=math.fsum(amount for amount in amounts if amount > 0),
        long=math.fsum(row.amount for row in rows if row.size > 0),
        short=math.fsum(row.amount for row in rows if row.size < 0),
        largest=max(amounts, key=abs, default=None),
        by_state=tuple(_state(name, rows) for name in sorted({row.state for row in rows})),
        missing_due=sum(row.state != "settled" for row in rows),
        uncertain=uncertain, uncertain_share=share)


def _state(name: str, rows: Sequence[FundingPayment]) -> FundingState:
    own = [row.amount for row in rows if row.state == name]
    return FundingState(name, len(own), math.fsum(own))


def _uncertain(rows: Sequence[FundingPayment], columns: MarketColumns) -> float | None:
    guessed = [abs(row.amount) for row in rows if row.state == "imputed"]
    skipped = [row for row in rows if row.state == "missing"]
    if not skipped:
        return math.fsum(guessed)
    schedule = columns.funding
    known = np.abs(schedule.rate[schedule.state == FUNDING_SETTLED])
    known = known[~np.isnan(known)]
    if not len(known):
        return None
    mark = columns.execution_mark.close
    notional = [abs(row.size) * (float(mark[row.bar]) if math.isnan(row.price) else row.price)
                for row in skipped]
    return math.fsum([*guessed, *(amount * float(known.mean()) for amount in notional)])
