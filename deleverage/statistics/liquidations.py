"""Forced closes: the table, and how much of it depends on how the mark was known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deleverage.journal import Cause, LiquidationEvent
from deleverage.statistics.episodes import Episode
from deleverage.statistics.trades import Trade


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One forced close (journal.LiquidationEvent) with its venue fee (≤ 0) and the later truth."""

    number: int
    symbol: str
    ts: int
    bar: int
    side: int
    size: float
    entry_price: float
    leverage: float
    margin_mode: str
    liquidation_price: float
    trigger_mark: float
    price: float
    last_at_trigger: float
    loss: float
    fee: float
    deficit: float
    gap: bool
    cause: str
    mark_state: str
    right: bool | None


@dataclass(frozen=True, slots=True)
class MarkStateCount:
    """Liquidations judged on a mark known in one way (exact, clipped, last)."""

    mark_state: str
    count: int
    margin_lost: float


@dataclass(frozen=True, slots=True)
class Liquidations:
    """``margin_lost`` ≥ 0 and ``deficit`` ≥ 0 (beyond bankruptcy, not the account's) are sums over
    the rows; ``fees`` ≤ 0; ``insurance`` ≥ 0 lifted a cross account to zero; ``gaps`` counts bars
    that opened beyond the level; ``depends_on_mark`` numbers the positions whose liquidation was
    judged on a clipped or last mark."""

    count: int
    margin_lost: float
    fees: float
    insurance: float
    deficit: float
    gaps: int
    long: int
    short: int
    by_mark_state: tuple[MarkStateCount, ...]
    depends_on_mark: tuple[int, ...]
    rows: tuple[Liquidation, ...]


def liquidations(
    found: Sequence[Episode], trades: Sequence[Trade]
) -> Liquidations:
    """Every forced close of the positions given; ``trades`` are theirs, in the same order."""
    rows = tuple(_row(event, episode, trade) for episode, trade in zip(found, trades, strict=True)
                 for event in episode.liquidations)
    rows = tuple(sorted(rows, key=lambda row: (row.bar, row.number)))
    states = sorted({row.mark_state for row in rows})
    return Liquidations(
        count=len(rows), margin_lost=math.fsum(row.loss for row in rows),
        fees=math.fsum(trade.liquidation_fee for trade in trades),
        insurance=math.fsum(trade.insurance for trade in trades),
        deficit=math.fsum(row.deficit for row in rows), gaps=sum(row.gap for row in rows),
        long=sum(row.side > 0 for row in rows), short=sum(row.side < 0 for row in rows),
        by_mark_state=tuple(_state(name, rows) for name in states),
        depends_on_mark=tuple(row.number for row in rows if row.mark_state != "exact"), rows=rows,
    )


def _state(name: str, rows: Sequence[Liquidation]) -> MarkStateCount:
    own = [row.loss for row in rows if row.mark_state == name]
    return MarkStateCount(name, len(own), math.fsum(own))


def _row(event: LiquidationEvent, episode: Episode, trade: Trade) -> Liquidation:
    fee = math.fsum(flow.amount for flow in episode.flows
                    if flow.cause is Cause.LIQUIDATION_FEE and flow.bar == event.bar)
    return Liquidation(
        number=episode.number, symbol=event.symbol, ts=event.ts, bar=event.bar, side=episode.side,
        size=abs(event.size), entry_price=event.entry_price, leverage=event.leverage,
        margin_mode=event.margin_mode, liquidation_price=event.liquidation_price,
        trigger_mark=event.trigger_mark, price=event.price, last_at_trigger=event.last_at_trigger,
        loss=event.loss, fee=fee, deficit=event.deficit, gap=event.gap, cause=event.cause,
        mark_state=event.mark_state, right=trade.right)
