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

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.statistics import exact, tiers
from deleverage.statistics.course import Course
from deleverage.statistics.drawdown import DrawdownFigures
from deleverage.statistics.episodes import Episode
from deleverage.statistics.marks import marks
from deleverage.statistics.quantiles import quantiles
from deleverage.statistics.trades import Trade
from deleverage.timestamps import HOUR

_SHARES = (0.05, 0.25, 0.50)  # the quantiles of TierTime


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


def exposure(course: Course, found: Sequence[Episode], trades: Sequence[Trade],
             fall: DrawdownFigures, start_ns: int) -> Exposure:
    """LeverageExposure of one instrument over a run that began at ``start_ns``; ``fall`` are its
    drawdowns."""
    told, close_ns = course.told, course.columns.close_ns
    at = np.flatnonzero(told.position >= 0)
    # a span in the market is one bar: the close after it is that of the next span's first
    weight = hours(told.close_ns)[at]
    in_market = exact.total(weight)
    run_h = (int(close_ns[-1]) - start_ns) / HOUR if len(close_ns) else 0.0
    return Exposure(
        bars=len(close_ns), bars_in_market=len(at), time_in_market_h=in_market,
        time_in_market=in_market / run_h if run_h else 0.0,
        notional_hours=exact.total(told.notional[at] * weight),
        by_tier=_by_tier(course, found, at, weight, in_market),
        by_entry=_by_entry(course.columns, found, trades, fall),
        drawdown_from_ns=fall.peak_ns, drawdown_to_ns=fall.trough_ns,
        max_account_leverage=_largest(told.account_leverage),
        max_position_leverage=_largest(told.position_leverage),
    )


def hours(close_ns: Ints) -> Floats:
    """Hours from each close to the next; the last one has none."""
    return np.append(np.diff(close_ns), 0)[: len(close_ns)] / HOUR


def _by_tier(course: Course, found: Sequence[Episode], at: Ints, weight: Floats,
             in_market: float) -> tuple[TierTime, ...]:
    """``at`` are the spans in the market, ``weight`` the hours of each."""
    told = course.told
    tier, notional, distance = (tiers.tiers(told.position_leverage[at]), told.notional[at],
                                told.distance[at])
    worst = _worst_ratio(course, found)[at]
    rows = []
    for index, name in enumerate(tiers.TIERS):
        here = np.flatnonzero(tier == index)
        if not len(here):
            rows.append(TierTime(name, 0.0, 0.0, 0.0, None, None, None, 0.0, None))
            continue
        far = np.isnan(distance[here])
        near = distance[here][~far]
        p05, p25, p50 = quantiles(near, _SHARES) if len(near) else (None, None, None)
        time_h = exact.total(weight[here])
        rows.append(TierTime(
            tier=name, time_h=time_h, share=time_h / in_market if in_market else 0.0,
            notional_hours=exact.total(notional[here] * weight[here]),
            distance_p05=p05, distance_p25=p25, distance_p50=p50,
            no_liquidation_price_h=exact.total(weight[here][far]),
            margin_ratio_max=_largest(worst[here])))
    return tuple(rows)


def _worst_ratio(course: Course, found: Sequence[Episode]) -> Floats:
    """The margin ratio of each span; what is met inside the bar after it belongs to the interval
    that began at its close."""
    told = course.told
    ratio = told.margin_ratio.copy()
    same = (told.position[1:] == told.position[:-1]) & (told.position[1:] >= 0)
    ratio[:-1] = np.fmax(ratio[:-1], np.where(same, told.margin_ratio[1:], np.nan))
    for episode in found:
        for event in episode.liquidations:
            if episode.entry_bar < event.bar <= course.spans.bars:
                before = course.spans.of(event.bar - 1)
                ratio[before] = max(1.0, float(ratio[before]))
    return ratio


def _by_entry(columns: MarketColumns, found: Sequence[Episode], trades: Sequence[Trade],
              fall: DrawdownFigures) -> tuple[TierMoney, ...]:
    mark, ends = marks(columns)[2], _ends(columns, fall)
    rows = []
    for name in tiers.TIERS:
        chosen = [(episode, trade) for episode, trade in zip(found, trades, strict=True)
                  if trade.entry_tier == name]
        own = [trade for _, trade in chosen]
        fell = math.fsum(worth(episode, mark, bar) * sign
                         for episode, _ in chosen for bar, sign in ends)
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


def worth(episode: Episode, mark: Floats, bar: int) -> float:
    """What a position has added to equity by the close of ``bar``: booked plus unrealised at
    ``mark``, the closing mark of every bar."""
    booked, state = episode.amount(until=bar), episode.state_at(bar)
    if state is None:
        return booked
    return booked + state.size * (float(mark[bar]) - state.entry_price)


def _ends(columns: MarketColumns, fall: DrawdownFigures) -> tuple[tuple[int, float], ...]:
    """(bar, sign) of the trough and the peak of the deepest drawdown at close, bar −1 for the
    opening wallet; nothing where there is none."""
    if fall.trough_ns is None:
        return ()
    trough, peak = (-1 if stamp is None else int(np.searchsorted(columns.close_ns, stamp))
                    for stamp in (fall.trough_ns, fall.peak_ns))
    return (trough, 1.0), (peak, -1.0)


def _largest(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else None
