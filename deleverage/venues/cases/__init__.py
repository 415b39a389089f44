"""Figures that venues, help pages and other projects printed, answered by the shipped rules.

``answer("binance", "liquidation_price", inputs)`` gives a number, an object, or None where there is
no such price; ``in_scope`` the reason why something is not answered; ``check(path)`` a report over
a file of cases::

    {"cases": [{"id": …, "venue": …, "kind": …, "inputs": {…}, "expected": …,
                "tolerance": null | {"abs": x} | {"rel": x}, "origin": …}, …]}

Nothing is worked out here: each kind puts its inputs to the rules of the venue, to the margin
arithmetic or to the account. A venue without rules of its own is answered where a generic rule
takes exactly what the case gives. Linear: size in coin, money in quote; inverse: contracts ×
contract size in USD, money in coin. Funding is a cash flow to the holder, negative when paid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deleverage import margin
from deleverage.errors import unknown_name
from deleverage.venues.cases import funding, ledgers, margins, prices
from deleverage.venues.cases.inputs import Inputs
from deleverage.venues.cases.report import Report, judged, read

__all__ = ["KINDS", "answer", "check", "in_scope"]

Answer = Callable[[Inputs], Any]
Scope = Callable[[Inputs], str | None]


def answer(venue: str, kind: str, inputs: Mapping[str, Any]) -> Any:
    """The figure that the shipped rules give: number, object or None (no such price).

    Raises UnknownName for a kind nobody knows and DataError naming the field of a bad input.
    """
    if kind not in KINDS:
        raise unknown_name("kind of case", kind, KINDS)
    return KINDS[kind][0](Inputs(venue, inputs))


def in_scope(venue: str, kind: str, inputs: Mapping[str, Any]) -> str | None:
    """None where the shipped rules answer; else the reason in words."""
    if kind not in KINDS:
        return f"no rule answers the kind {kind!r}"
    return KINDS[kind][1](Inputs(venue, inputs))


def check(path: str | Path) -> Report:
    """Answer every case of a file and say which agree within their own tolerance.

    Raises DataError where the file is not a file of cases; a fault of one case is its verdict.
    """
    return Report(str(path), tuple(judged(raw, number, answer, in_scope)
                                   for number, raw in enumerate(read(path), start=1)))


def _with_buffer(case: Inputs) -> float | None:
    """A liquidation price moved towards entry by a trader's own buffer."""
    if case.values.get("liquidation_price") is None and "liquidation_price" in case.values:
        return None
    return margin.with_buffer(float(case.side), case.number("liquidation_price"), case.entry,
                              case.number("buffer"))


def _any(case: Inputs) -> str | None:
    del case
    return None


KINDS: dict[str, tuple[Answer, Scope]] = {
    "liquidation_price": (prices.liquidation_price, prices.out_of_scope),
    "liquidation_price_with_buffer": (_with_buffer, _any),
    "bankruptcy_price": (margins.bankruptcy_price, margins.own_product),
    "maintenance_margin_tiered": (margins.maintenance_margin_tiered, margins.own_product),
    "maintenance_margin": (margins.maintenance_margin, margins.own_product),
    "maintenance_amount": (margins.maintenance_amount, _any),
    "tier_lookup": (margins.tier_lookup, margins.own_product),
    "max_leverage": (margins.max_leverage, margins.own_product),
    "initial_margin": (margins.initial_margin, margins.own_product),
    "initial_margin_tiered": (margins.initial_margin_tiered, margins.own_product),
    "position_margin_with_close_fee": (margins.position_margin_with_close_fee, _any),
    "maintenance_margin_with_close_fee": (margins.maintenance_margin_with_close_fee, _any),
    "initial_margin_linear_slope": (margins.not_answered, margins.by_slope),
    "maintenance_margin_linear_slope": (margins.not_answered, margins.by_slope),
    "margin_ratio": (margins.margin_ratio, _any),
    "funding_fee": (funding.funding_fee, margins.own_product),
    "funding_fee_window": (funding.funding_fee_window, margins.own_product),
    "funding_rate": (funding.funding_rate, _any),
    "premium_index": (funding.premium_index, _any),
    "unrealized_pnl": (funding.unrealized_pnl, margins.own_product),
    "closed_pnl": (ledgers.closed_pnl, margins.own_product),
    "closed_pnl_net": (ledgers.closed_pnl, ledgers.linear_only),
    "pnl_decomposition": (ledgers.pnl_decomposition, _any),
    "ledger_value": (ledgers.ledger_value, ledgers.linear_only),
    "ledger_sequence": (ledgers.ledger_sequence, ledgers.linear_only),
    "ledger_sequence_hedge": (ledgers.ledger_sequence_hedge, ledgers.linear_only),
    "liquidation_outcome": (ledgers.liquidation_outcome, ledgers.linear_only),
    "event_ordering": (ledgers.event_ordering, ledgers.linear_only),
    "intrabar_ordering": (ledgers.intrabar_ordering, ledgers.linear_only),
}
