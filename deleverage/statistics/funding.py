"""The funding ledger: what was paid and received, and how much of it is uncertain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import FUNDING_SETTLED, Floats, MarketColumns
from deleverage.journal import FundingPayment, Journal

STATES = ("settled", "imputed", "missing", "stale")
UNBOOKED = ("missing", "stale")  # states in which nothing was paid or received


@dataclass(frozen=True, slots=True)
class FundingState:
    """Settlements of one state: *settled* at a known rate and price; *imputed*: booked at the last
    known rate or another price; *missing*: nothing booked, the rate or price is not there;
    *stale*: nothing booked, the last known rate was too old. ``net`` is what was booked,
    ``expected`` what it would have been at the last known rate (0 where none is known)."""

    state: str
    count: int
    net: float
    expected: float


@dataclass(frozen=True, slots=True)
class FundingBasis:
    """Booked settlements charged on one price series: mark, oracle, index or last."""

    basis: str
    count: int
    net: float


@dataclass(frozen=True, slots=True)
class FundingFigures:
    """Money signed as the account sees it: ``paid`` ≤ 0 ≤ ``received``, ``net`` their sum; ``long``
    and ``short`` the net of each side, ``largest`` the payment furthest from zero.

    ``payments`` counts the settlements met with a position, ``missing_due`` those of them that fell
    due without a known rate or price (every state but settled), ``unbooked`` those at which nothing
    was paid or received for that reason (missing, stale).

    ``uncertain`` ≥ 0 is the money not known: |imputed payments| and, of those not booked, what they
    would have been at the last known rate; where the journal does not tell that, the notional × the
    mean |rate| of the known ones; None where no rate at all is known. ``uncertain_share`` is of the
    money of all settlements, the uncertain included. ``expected`` is the signed sum of what was not
    booked, at the last known rate: what net would have moved by (0 where none is known).
    """

    payments: int
    net: float
    paid: float
    received: float
    long: float
    short: float
    largest: float | None
    by_state: tuple[FundingState, ...]
    by_basis: tuple[FundingBasis, ...]
    missing_due: int
    unbooked: int
    expected: float
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
    unbooked = [row for row in rows if row.state in UNBOOKED]
    return FundingFigures(
        payments=len(rows), net=math.fsum(amounts),
        paid=math.fsum(amount for amount in amounts if amount < 0),
        received=math.fsum(amount for amount in amounts if amount > 0),
        long=math.fsum(row.amount for row in rows if row.size > 0),
        short=math.fsum(row.amount for row in rows if row.size < 0),
        largest=max(amounts, key=abs, default=None),
        by_state=tuple(_state(name, rows) for name in STATES
                       if any(row.state == name for row in rows)),
        by_basis=_by_basis([row for row in rows if row.state not in UNBOOKED]),
        missing_due=sum(row.state != "settled" for row in rows), unbooked=len(unbooked),
        expected=math.fsum(row.expected for row in unbooked), uncertain=uncertain,
        uncertain_share=share)


def _state(name: str, rows: Sequence[FundingPayment]) -> FundingState:
    own = [row for row in rows if row.state == name]
    return FundingState(name, len(own), math.fsum(row.amount for row in own),
                        math.fsum(row.expected for row in own))


def _by_basis(booked: Sequence[FundingPayment]) -> tuple[FundingBasis, ...]:
    found = []
    for name in sorted({row.basis for row in booked}):
        own = [row.amount for row in booked if row.basis == name]
        found.append(FundingBasis(name, len(own), math.fsum(own)))
    return tuple(found)


def _uncertain(rows: Sequence[FundingPayment], columns: MarketColumns) -> float | None:
    money = [abs(row.amount) for row in rows if row.state == "imputed"]
    unknown = []
    for row in rows:
        if row.state in UNBOOKED:
            if row.expected:
                money.append(abs(row.expected))
            else:
                unknown.append(row)
    if not unknown:
        return math.fsum(money)
    rate = _mean_rate(columns)
    if rate is None:
        return None
    mark = columns.execution_mark.close
    return math.fsum([*money, *(_notional(row, mark) * rate for row in unknown)])


def _mean_rate(columns: MarketColumns) -> float | None:
    """Mean |rate| of the settlements whose rate is known; None where there is none."""
    schedule = columns.funding
    known = np.abs(schedule.rate[schedule.state == FUNDING_SETTLED])
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else None


def _notional(row: FundingPayment, mark: Floats) -> float:
    return abs(row.size) * (float(mark[row.bar]) if math.isnan(row.price) else row.price)
