"""Telling strategies what backtrader has no call for: liquidations and funding.

``notify_liquidation(event)`` comes before the step's other notifications,
``notify_funding(payment)`` after them; both when the strategy's own clock and indicators stand at
the bar, as in notify_order.
"""

from __future__ import annotations

from typing import Any

from deleverage.journal import FundingPayment, LiquidationEvent


def liquidation(owner: Any, event: LiquidationEvent) -> None:
    """Have a strategy told of its liquidation, if it listens."""
    if _has(owner, "notify_liquidation"):
        _listen(owner)
        owner._liquidations_waiting.append(event)


def funding(owner: Any, payment: FundingPayment) -> None:
    """Have a strategy told of a funding payment, if it listens."""
    if _has(owner, "notify_funding"):
        _listen(owner)
        owner._funding_waiting.append(payment)


def _has(owner: Any, method: str) -> bool:
    """As hasattr(), without backtrader's own search among the names of all lines."""
    return hasattr(type(owner), method) or method in vars(owner)


def _listen(owner: Any) -> None:
    """Put both before and after what backtrader tells the strategy at each step."""
    if "_funding_waiting" in owner.__dict__:
        return
    liquidations: list[LiquidationEvent] = []
    payments: list[FundingPayment] = []
    owner._liquidations_waiting, owner._funding_waiting = liquidations, payments
    told = owner._notify

    def notify(qorders: list[Any] = [], qtrades: list[Any] = []) -> None:  # noqa: B006
        while liquidations:
            owner.notify_liquidation(liquidations.pop(0))
        told(qorders, qtrades)
        while payments and not qorders:  # quicknotify tells of single orders before the step's end
            owner.notify_funding(payments.pop(0))

    owner._notify = notify
