"""Forced closes: the table, step by step, and how much of it depends on how the mark was known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deleverage.journal import LiquidationEvent
from deleverage.statistics.episodes import Episode
from deleverage.statistics.trades import Trade


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One forced step (journal.LiquidationEvent) and, of its position, the later truth.

    ``size`` ≥ 0 coins were closed, ``size_after`` ≥ 0 were left: 0 is the liquidation of the
    position, more a reduction. ``loss`` is what the account lost, the venue's ``fee`` (≤ 0, as
    every cost) included; ``returned`` ≥ 0 margin came back. ``insurance`` is what the insurance
    fund gained (+) or paid (−), ``deficit`` ≥ 0 what it paid. ``stage`` is market, takeover or
    backstop, ``right`` as in Trade.
    """

    number: int
    symbol: str
    ts: int
    bar: int
    side: int
    size: float
    size_after: float
    entry_price: float
    leverage: float
    margin_mode: str
    liquidation_price: float
    trigger_mark: float
    price: float
    last_at_trigger: float
    stage: str
    loss: float
    fee: float
    returned: float
    insurance: float
    deficit: float
    gap: bool
    cause: str
    mark_state: str
    right: bool | None


@dataclass(frozen=True, slots=True)
class MarkStateCount:
    """Forced steps judged on a mark known in one way (exact, clipped, last)."""

    mark_state: str
    count: int
    reductions: int
    margin_lost: float


@dataclass(frozen=True, slots=True)
class StageCount:
    """Forced steps of one stage; ``fees`` ≤ 0 are part of ``margin_lost``, ``returned`` is not."""

    stage: str
    count: int
    reductions: int
    margin_lost: float
    fees: float
    returned: float
    insurance: float


@dataclass(frozen=True, slots=True)
class Liquidations:
    """``count`` positions of which a step left nothing (``long``, ``short``), ``reductions`` steps
    that left some, of ``reduced`` positions that lived. Sums over all steps: ``margin_lost`` (fees
    included), ``fees`` ≤ 0, ``returned``, ``deficit`` ≥ 0 (paid by the insurance fund, not by the
    account) and ``fund_gained`` ≥ 0 (what it gained in others).

    ``insurance`` ≥ 0 is what the fund paid INTO the account to lift it to zero: the only one of its
    figures that is part of net. ``gaps`` counts steps in bars that opened beyond the level;
    ``depends_on_mark`` numbers the positions of which a step was judged on a clipped or last mark.

    ``margin_lost = −(costs.of_gross.liquidations + costs.liquidation_fees)``, and ``fees`` and
    ``insurance`` are those of ``costs``; over tiers at entry they sum to the same.
    """

    count: int
    reductions: int
    reduced: int
    margin_lost: float
    fees: float
    returned: float
    insurance: float
    fund_gained: float
    deficit: float
    gaps: int
    long: int
    short: int
    by_stage: tuple[StageCount, ...]
    by_mark_state: tuple[MarkStateCount, ...]
    depends_on_mark: tuple[int, ...]
    rows: tuple[Liquidation, ...]


def liquidations(
    found: Sequence[Episode], trades: Sequence[Trade]
) -> Liquidations:
    """Every forced step of the positions given; ``trades`` are theirs, in the same order."""
    rows = [_row(event, episode, trade) for episode, trade in zip(found, trades, strict=True)
            for event in episode.liquidations]
    rows.sort(key=lambda row: (row.bar, row.number))  # stable: steps of one stay in their order
    whole = [row for row in rows if not row.size_after]
    return Liquidations(
        count=len(whole), reductions=len(rows) - len(whole),
        reduced=sum(trade.reductions > 0 and not trade.liquidated for trade in trades),
        margin_lost=math.fsum(row.loss for row in rows),
        fees=math.fsum(trade.liquidation_fee for trade in trades),
        returned=math.fsum(row.returned for row in rows),
        insurance=math.fsum(trade.insurance for trade in trades),
        fund_gained=math.fsum(max(0.0, row.insurance) for row in rows),
        deficit=math.fsum(row.deficit for row in rows), gaps=sum(row.gap for row in rows),
        long=sum(row.side > 0 for row in whole), short=sum(row.side < 0 for row in whole),
        by_stage=tuple(_stage(name, rows) for name in sorted({row.stage for row in rows})),
        by_mark_state=tuple(_state(name, rows) for name in sorted({row.mark_state
                                                                   for row in rows})),
        depends_on_mark=tuple(dict.fromkeys(row.number for row in rows
                                            if row.mark_state != "exact")),
        rows=tuple(rows),
    )


def _stage(name: str, rows: Sequence[Liquidation]) -> StageCount:
    own = [row for row in rows if row.stage == name]
    return StageCount(
        name, sum(not row.size_after for row in own), sum(row.size_after > 0 for row in own),
        math.fsum(row.loss for row in own), math.fsum(row.fee for row in own),
        math.fsum(row.returned for row in own), math.fsum(row.insurance for row in own))


def _state(name: str, rows: Sequence[Liquidation]) -> MarkStateCount:
    own = [row for row in rows if row.mark_state == name]
    return MarkStateCount(name, sum(not row.size_after for row in own),
                          sum(row.size_after > 0 for row in own),
                          math.fsum(row.loss for row in own))


def _row(event: LiquidationEvent, episode: Episode, trade: Trade) -> Liquidation:
    return Liquidation(
        number=episode.number, symbol=event.symbol, ts=event.ts, bar=event.bar, side=episode.side,
        size=abs(event.size), size_after=abs(event.size_after), entry_price=event.entry_price,
        leverage=event.leverage, margin_mode=event.margin_mode,
        liquidation_price=event.liquidation_price, trigger_mark=event.trigger_mark,
        price=event.price, last_at_trigger=event.last_at_trigger, stage=event.stage,
        loss=event.loss, fee=-event.fee if event.fee else 0.0, returned=event.returned,
        insurance=event.insurance, deficit=event.deficit, gap=event.gap, cause=event.cause,
        mark_state=event.mark_state, right=trade.right)
