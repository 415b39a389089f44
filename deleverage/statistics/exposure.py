"""LeverageExposure: where the time was spent, and who made and lost the money.

Time goes to the tier of the leverage a position has NOW; money to the tier it had AT ENTRY. Losers
drift into the top tiers by themselves, so money put down to the current tier would say nothing.
Tiers are of effective leverage: position-effective when isolated, account-effective when cross.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.statistics import drawdown, tiers
from deleverage.statistics.curves import Curves
from deleverage.statistics.episodes import Episode
from deleverage.statistics.trades import Trade
from deleverage.timestamps import HOUR


@dataclass(frozen=True, slots=True)
class TierTime:
    """Time spent in one tier of CURRENT leverage.

    A position held at a bar's close counts from there to the next close, in the tier of that close.
    ``share`` is of the time in market; ``notional_hours`` is Σ notional at mark × hours;
    ``distance_p05`` … are quantiles over those closes of the distance to the liquidation price, as
    a share of the mark (None where no mark could liquidate: ``no_liquidation_price_h``).
    ``margin_ratio_max`` is the largest maintenance ÷ margin behind the position met in the interval
    after such a close, inside the bar; 1 is a liquidation or one step of it.
    """

    tier: str
    time_h: float
    share: float
    notional_hours: float
    distance_p05: float | None
    distance_p25: float | None
    distance_p50: float | None
    no_liquidation_price_h: float
    margin_ratio_max: float | None


@dataclass(frozen=True, slots=True)
class TierMoney:
    """Money of the positions whose leverage AT ENTRY was in one tier; signed, open ones at mark.

    ``liquidations`` counts positions of which the venue left nothing, ``reductions`` its steps that
    left some; ``margin_lost`` is what both took, fees included. ``drawdown`` is their part of the
    change of equity over the deepest drawdown at mark close.
    """

    tier: str
    trades: int
    net: float
    gross: float
    fees: float
    funding: float
    liquidation_fees: float
    insurance: float
    liquidations: int
    reductions: int
    margin_lost: float
    drawdown: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """Both tables. ``drawdown_from_ns`` None is the opening wallet."""

    bars: int
    bars_in_market: int
    time_in_market_h: float
    time_in_market: float  # share of the run
    notional_hours: float
    by_tier: tuple[TierTime, ...]
    by_entry: tuple[TierMoney, ...]
    drawdown_from_ns: int | None
    drawdown_to_ns: int | None
    max_account_leverage: float | None
    max_position_leverage: float | None


def exposure(curves: Curves, found: Sequence[Episode], trades: Sequence[Trade], start: float,
             start_ns: int) -> Exposure:
    """LeverageExposure of one instrument; ``start`` is the wallet at ``start_ns``."""
    weight = hours(curves.close_ns)
    held, notional = curves.position >= 0, curves.notional
    in_market = _sum(weight[held])
    run_h = (int(curves.close_ns[-1]) - start_ns) / HOUR if len(curves) else 0.0
    peak, trough = _deepest(curves, start)
    return Exposure(
        bars=len(curves), bars_in_market=int(held.sum()), time_in_market_h=in_market,
        time_in_market=in_market / run_h if run_h else 0.0,
        notional_hours=_sum((notional * weight)[held]),
        by_tier=_by_tier(curves, found, weight, notional, in_market),
        by_entry=_by_entry(curves, found, trades, peak, trough),
        drawdown_from_ns=int(curves.close_ns[peak]) if peak is not None and peak >= 0 else None,
        drawdown_to_ns=None if trough is None else int(curves.close_ns[trough]),
        max_account_leverage=_largest(curves.account_leverage),
        max_position_leverage=_largest(curves.position_leverage),
    )


def hours(close_ns: Ints) -> Floats:
    """Hours from each close to the next; the last bar has none."""
    return np.append(np.diff(close_ns), 0)[: len(close_ns)] / HOUR


def _sum(values: Floats) -> float:
    return math.fsum(values.tolist())


def _by_tier(curves: Curves, found: Sequence[Episode], weight: Floats, notional: Floats,
             in_market: float) -> tuple[TierTime, ...]:
    at = np.flatnonzero(~np.isnan(curves.position_leverage))  # mostly flat, as most strategies are
    tier, weight, notional = tiers.tiers(curves.position_leverage[at]), weight[at], notional[at]
    distance = curves.distance[at]
    # the ratio met inside bar i belongs to the interval that began at the close before it
    ratio = curves.margin_ratio.copy()
    same = (curves.position[1:] == curves.position[:-1]) & (curves.position[1:] >= 0)
    ratio[:-1] = np.fmax(ratio[:-1], np.where(same, curves.margin_ratio[1:], np.nan))
    for episode in found:
        for event in episode.liquidations:
            if episode.entry_bar < event.bar <= len(ratio):
                ratio[event.bar - 1] = max(1.0, float(ratio[event.bar - 1]))
    rows, ratio = [], ratio[at]
    for index, name in enumerate(tiers.TIERS):
        here = tier == index
        near = here & ~np.isnan(distance)
        time_h = _sum(weight[here])
        rows.append(TierTime(
            tier=name, time_h=time_h, share=time_h / in_market if in_market else 0.0,
            notional_hours=_sum((notional * weight)[here]),
            distance_p05=_quantile(distance[near], 0.05),
            distance_p25=_quantile(distance[near], 0.25),
            distance_p50=_quantile(distance[near], 0.50),
            no_liquidation_price_h=_sum(weight[here & np.isnan(distance)]),
            margin_ratio_max=_largest(ratio[here])))
    return tuple(rows)


def _by_entry(curves: Curves, found: Sequence[Episode], trades: Sequence[Trade],
              peak: int | None, trough: int | None) -> tuple[TierMoney, ...]:
    rows = []
    for name in tiers.TIERS:
        chosen = [(episode, trade) for episode, trade in zip(found, trades, strict=True)
                  if trade.entry_tier == name]
        own = [trade for _, trade in chosen]
        fell = 0.0 if peak is None or trough is None else math.fsum(
            worth(episode, curves, bar) * sign for episode, _ in chosen
            for bar, sign in ((trough, 1.0), (peak, -1.0)))
        rows.append(TierMoney(
            tier=name, trades=len(own), net=math.fsum(trade.net for trade in own),
            gross=math.fsum(trade.gross for trade in own),
            fees=math.fsum(trade.fees for trade in own),
            funding=math.fsum(trade.funding for trade in own),
            liquidation_fees=math.fsum(trade.liquidation_fee for trade in own),
            insurance=math.fsum(trade.insurance for trade in own),
            liquidations=sum(trade.liquidated for trade in own),
            reductions=sum(trade.reductions for trade in own),
            margin_lost=math.fsum(trade.margin_lost for trade in own), drawdown=fell))
    return tuple(rows)


def worth(episode: Episode, curves: Curves, bar: int) -> float:
    """What a position has added to equity by the close of ``bar``: booked plus unrealised."""
    booked = episode.amount(until=bar)
    state = episode.state_at(bar)
    if state is None:
        return booked
    return booked + state.size * (float(curves.mark[bar]) - state.entry_price)


def _deepest(curves: Curves, start: float) -> tuple[int | None, int | None]:
    """(peak, trough) bars of the deepest drawdown at close; (None, None) where there is none."""
    if not len(curves):
        return None, None
    depth = drawdown.underwater(curves.equity, start)
    peak, trough = drawdown.extent(curves.equity, depth, start)
    return (peak, trough) if depth[trough] > 0 else (None, None)


def _quantile(values: Floats, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _largest(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else None
