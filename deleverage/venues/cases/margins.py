"""Brackets, margins and ratios of printed figures."""

from __future__ import annotations

import math
from typing import Any

from deleverage.errors import DataError, LadderError
from deleverage.venues import binance, bybit, hyperliquid, ladder_file, okx
from deleverage.venues.cases.inputs import Inputs


def bankruptcy_price(case: Inputs) -> float | None:
    """The price at which the margin is gone."""
    price = case.rules().bankruptcy_price(case.side, case.size, case.entry, case.number("wallet"))
    return float(price) if price is not None and 0 < price < math.inf else None


def maintenance_margin_tiered(case: Inputs) -> float:
    """Maintenance of one notional on the case's tiers."""
    return float(case.rules(case.ladder()).maintenance_margin(case.number("notional")))


def maintenance_margin(case: Inputs) -> float:
    """Total maintenance of positions, each with its rate or its asset's maximum leverage."""
    total = 0.0
    for position in case.objects("positions"):
        if position.has("max_leverage"):
            notional = position.number("position_value")
            rate = hyperliquid.maintenance_rate(position.number("max_leverage"))
        else:
            notional, rate = position.number("notional"), position.number("mmr")
        total += position.rules().maintenance_margin(
            notional, rate=rate,
            amount=position.number("cum", position.number("mm_deduction", 0.0)))
    return total


def maintenance_amount(case: Inputs) -> float:
    """The maintenance amount of a bracket from the one below."""
    return float(binance.maintenance_amount(case.number("floor"), case.number("mmr"),
                                            case.number("mmr_prev"), case.number("cum_prev")))


def tier_lookup(case: Inputs) -> dict[str, float | None]:
    """Rate and amount of a notional's bracket.

    Ours is the lower bracket on a bound; ``lower_inclusive`` asks for the bracket just above it.
    """
    ladder, notional = case.ladder(), case.number("notional")
    boundary = case.one_of("boundary", ("upper_inclusive", "lower_inclusive"), "upper_inclusive")
    if boundary == "lower_inclusive":
        notional = math.nextafter(notional, math.inf)
    rung = case.rules(ladder).bracket(notional)
    return {"mmr": rung.rate, "cum": None if ladder.jumps else rung.amount,
            "max_leverage": rung.max_leverage}


def max_leverage(case: Inputs) -> float:
    """The largest leverage whose notional stays in a bracket that grants it."""
    return float(case.rules(case.ladder()).largest_leverage(case.number("stake")))


def initial_margin(case: Inputs) -> float:
    """Initial margin of a notional (inverse: in coin)."""
    return float(case.rules().initial_margin(case.number("notional"), case.number("leverage")))


def initial_margin_tiered(case: Inputs) -> float:
    """Margin summed over slices of notional, each at its own rate: what a ladder's amounts do."""
    total = 0.0
    for position in case.objects("positions"):
        bounds, rates = position.listed("bounds"), position.listed("rates")
        try:
            rows = zip([0, *bounds], [*bounds, None], rates, strict=True)
            ladder = ladder_file.from_mapping(
                {"columns": ["min_notional", "max_notional", "mmr"],
                 "rows": [list(row) for row in rows]}, where="bounds and rates")
        except (LadderError, ValueError) as error:
            raise DataError(f"{position.where}: {error}") from None
        total += position.rules(ladder).maintenance_margin(position.number("notional"))
    return total


def position_margin_with_close_fee(case: Inputs) -> float:
    """Bybit's positionIM."""
    return float(bybit.position_initial_margin(
        case.number("position_value"), case.number("leverage"), case.side,
        case.number("taker_fee")))


def maintenance_margin_with_close_fee(case: Inputs) -> float:
    """Bybit's positionMM."""
    return float(bybit.position_maintenance_margin(
        case.number("position_value"), case.number("leverage"), case.side,
        case.number("taker_fee"), case.number("mmr"), case.number("mm_deduction", 0.0)))


def margin_ratio(case: Inputs) -> float:
    """OKX's printed ratio: 1 is liquidation."""
    return float(okx.printed_ratio(
        case.number("margin"), case.number("upl"), case.number("mmr_amount"),
        case.number("position_value"), case.number("taker_fee")))


def own_product(case: Inputs) -> str | None:
    """A venue without inverse contracts is not asked about them."""
    return f"{case.venue} has no inverse contracts" if case.product is None else None


def by_slope(case: Inputs) -> str:
    """Margins that rise with the size itself."""
    return f"{case.venue}'s margin is a slope over the size, not a ladder: no rule shipped"


def not_answered(case: Inputs) -> Any:
    """What is always out of scope is never answered."""
    raise DataError(f"{case.where}: no shipped rule answers this")
