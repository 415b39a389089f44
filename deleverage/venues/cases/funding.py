"""Funding and profit of printed figures."""

from __future__ import annotations

import math

from deleverage import timestamps
from deleverage.errors import DataError, UsageError
from deleverage.venues import hyperliquid
from deleverage.venues.cases.inputs import Inputs

_MILLISECOND = timestamps.SECOND // 1000


def funding_fee(case: Inputs) -> float:
    """Cash flow of one settlement; a venue that accrues charges the share of the period held."""
    held = case.signed_size * case.number("time_in_ratio", 1.0)
    return float(case.rules().funding_payment(held, case.number("mark_price"),
                                              case.number("funding_rate")))


def funding_fee_window(case: Inputs) -> float:
    """Cash flow of all settlements at which the position counts as open."""
    rules, size = case.rules(), case.signed_size
    opened, closed = _seconds(case, "open"), _seconds(case, "close")
    grace = case.number("cutoff_seconds", rules.funding_grace)
    return math.fsum(
        float(rules.funding_payment(size, event.number("mark_price"), event.number("rate")))
        for event in case.objects("events")
        if rules.in_funding_window(opened, closed, _seconds(event, "timestamp"), grace))


def funding_rate(case: Inputs) -> float:
    """Rate of one settlement from the premium, the division after the clamp."""
    return float(hyperliquid.funding_rate(
        case.number("premium"), case.number("interest_8h"), case.number("clamp"),
        case.number("divide_by"), case.number("cap_hourly", math.inf)
        if case.has("cap_hourly") else math.inf))


def premium_index(case: Inputs) -> float:
    """Hyperliquid's premium from the impact prices."""
    return float(hyperliquid.premium(case.number("oracle_price"), case.number("impact_bid"),
                                     case.number("impact_ask")))


def unrealized_pnl(case: Inputs) -> float:
    """Unrealised profit at a mark, or at the mark behind a position value."""
    rules = case.rules()
    if case.has("mark_price"):
        mark = case.number("mark_price")
    else:
        value = case.number("position_value")
        mark = case.size / value if case.inverse else value / case.size
    return float(rules.unrealised(case.side * case.size, case.entry, mark))


def _seconds(case: Inputs, name: str) -> float:
    """A time in seconds: ISO text, or milliseconds."""
    value = case.values.get(name)
    if isinstance(value, str):
        try:
            return timestamps.parse(value) / timestamps.SECOND
        except UsageError as error:
            raise DataError(f"{case.where}.{name}: {error}") from None
    return case.number(name) * _MILLISECOND / timestamps.SECOND
