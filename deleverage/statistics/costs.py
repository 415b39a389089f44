"""From gross to net: what price, fees, funding and liquidation did to the account."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deleverage.journal import Cause, Journal
from deleverage.statistics.episodes import Episode, unattributed
from deleverage.statistics.trades import Trade


@dataclass(frozen=True, slots=True)
class GrossParts:
    """Gross by how positions ended: ``price`` of ordinary fills and open positions,
    ``liquidations`` of forced closes (≤ 0 but for a position in profit, which cannot be)."""

    price: float
    liquidations: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way from gross to net: ``name`` and what it added (+) or took (−)."""

    name: str
    amount: float


@dataclass(frozen=True, slots=True)
class Costs:
    """``net = gross + fees + funding + liquidation_fees + insurance``, the change of equity since
    ``deposits``; ``gross`` holds ``unrealised``. ``unattributed`` is what no position accounts for
    (0 but for rounding). ``turnover`` is Σ |size| × price of all fills, ``fees_share`` fees ÷ it.
    ``slippage`` ≤ 0 is the part of ``gross`` that the slippage policy took from the prices.

    ``steps`` add up to ``net`` within 1e-9 of the money moved: *price* of ordinary fills and open
    positions before slippage, *slippage* of all fills, *fees*, *funding*, *liquidation* (price loss
    of forced closes before slippage, and the venue's fee), *insurance*.
    """

    gross: float
    of_gross: GrossParts
    fees: float
    funding: float
    liquidation_fees: float
    insurance: float
    net: float
    unrealised: float
    deposits: float
    unattributed: float
    turnover: float
    fees_share: float | None
    slippage: float
    steps: tuple[Step, ...]


def costs(
    journal: Journal, found: Sequence[Episode], trades: Sequence[Trade], symbol: str
) -> Costs:
    """The waterfall of one instrument; ``trades`` are those of ``found``."""
    forced = math.fsum(episode.amount(Cause.LIQUIDATION) for episode in found)
    gross = math.fsum(trade.gross for trade in trades)
    own = [fill for fill in journal.fills if fill.symbol == symbol]
    turnover = math.fsum(abs(fill.size) * fill.price for fill in own)
    slipped = math.fsum(fill.slippage for fill in own)
    slipped_by_force = math.fsum(fill.slippage for fill in own if fill.reason == "liquidation")
    fees = math.fsum(trade.fees for trade in trades)
    funding = math.fsum(trade.funding for trade in trades)
    venue_fees = math.fsum(trade.liquidation_fee for trade in trades)
    insurance = math.fsum(trade.insurance for trade in trades)
    steps = (
        Step("price", math.fsum((gross, -forced, slipped, -slipped_by_force))),
        Step("slippage", -slipped if slipped else 0.0), Step("fees", fees),
        Step("funding", funding),
        Step("liquidation", math.fsum((forced, slipped_by_force, venue_fees))),
        Step("insurance", insurance))
    return Costs(
        gross=gross, of_gross=GrossParts(gross - forced, forced), fees=fees, funding=funding,
        liquidation_fees=venue_fees, insurance=insurance,
        net=math.fsum(trade.net for trade in trades),
        unrealised=math.fsum(trade.unrealised for trade in trades),
        deposits=journal.total(Cause.DEPOSIT), unattributed=unattributed(journal, found, symbol),
        turnover=turnover, fees_share=fees / turnover if turnover else None,
        slippage=-slipped if slipped else 0.0, steps=steps)
