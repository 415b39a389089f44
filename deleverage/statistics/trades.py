"""The trade list: one record per position from flat to flat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deleverage.columns import Floats, MarketColumns
from deleverage.journal import Cause
from deleverage.statistics import tiers
from deleverage.statistics.episodes import Episode
from deleverage.statistics.excursions import Excursion
from deleverage.statistics.marks import marks


@dataclass(frozen=True, slots=True)
class Trade:
    """One position from flat to flat; the last one may still be open (``exit_*`` None).

    Money is signed as the account sees it: ``net = gross + fees + funding + liquidation_fee +
    insurance``, where ``gross`` is the realised price profit plus, while open, the unrealised one
    (``unrealised``) at the last mark. ``fees`` and ``liquidation_fee`` are ≤ 0 (a rebate is > 0).

    ``leverage`` is the set leverage; ``entry_tier`` (a name of tiers.TIERS) is that of the
    effective leverage right after the opening fill: position-effective when isolated,
    account-effective when cross. ``margin`` is the most that was posted (isolated; 0 for cross),
    ``max_size`` (coins, ≥ 0) and ``max_notional`` (at entry prices) the largest held.

    ``mae`` and ``mfe`` are the worst and best mark while held, as fractions of the entry price,
    ≥ 0. ``exit_reason`` is the strategy's word (stop, target, time, signal), else the order's;
    ``liquidation``, ``auto-deleveraged`` (the venue took what was left of it against another's
    liquidation) or ``open``.

    ``liquidated``: a forced step left nothing; ``reductions`` counts those that left some,
    ``deleveraged`` the fills by auto-deleveraging. ``margin_lost`` is what the forced steps took,
    their fees (``liquidation_fee``) included; ``mark_state`` that of the last of them.

    ``right``: was the direction right? For a position that lived: exit price beyond entry price.
    For a liquidated one, what the mark said later: at the strategy's own time exit where that is
    known (``right_basis`` "time exit"), else at the end of the run ("end of run"). ``right_basis``
    is "exit" for those that lived and "end of run" for an open one.

    ``return_on_equity`` is net ÷ equity before the opening fill.
    """

    number: int
    symbol: str
    side: int  # +1 long, −1 short
    entry_bar: int
    entry_ns: int
    entry_price: float  # average of the opening fills
    exit_bar: int | None
    exit_ns: int | None
    exit_price: float | None  # average of the reducing fills
    max_size: float
    max_notional: float
    margin: float
    leverage: float
    entry_leverage: float
    entry_tier: str
    gross: float
    unrealised: float
    fees: float
    funding: float
    liquidation_fee: float
    insurance: float
    net: float
    return_on_equity: float | None
    liquidated: bool
    reductions: int
    deleveraged: int
    margin_lost: float
    mark_state: str | None  # of the last forced step: exact, clipped, last
    exit_reason: str
    mae: float | None
    mfe: float | None
    holding_ns: int
    right: bool | None
    right_basis: str


def trade_list(
    found: Sequence[Episode],
    met: Sequence[Excursion],
    columns: MarketColumns,
    exit_reasons: Mapping[int, str] | None = None,
    horizon_bars: int | None = None,
) -> tuple[Trade, ...]:
    """The trades of one instrument.

    ``met`` are the excursions of ``found``; ``exit_reasons`` the strategy's word per order ref;
    ``horizon_bars`` the bars after entry at which its time exit would have closed (None: it has
    none), used for the direction of liquidated trades.
    """
    _, _, mark = marks(columns)
    reasons = exit_reasons or {}
    return tuple(_trade(episode, excursion, columns, mark, reasons, horizon_bars)
                 for episode, excursion in zip(found, met, strict=True))


def _trade(
    episode: Episode, excursion: Excursion, columns: MarketColumns, mark: Floats,
    reasons: Mapping[int, str], horizon_bars: int | None,
) -> Trade:
    exit_bar, last = episode.exit_bar, len(columns) - 1
    unrealised = _unrealised(episode, mark)
    gross = episode.amount(Cause.FILL, Cause.LIQUIDATION) + unrealised
    net = math.fsum((episode.amount(), unrealised))
    leverage, effective = _leverages(episode)
    sizes = _sizes(episode)
    right, basis = _right(episode, mark, horizon_bars)
    end = last if exit_bar is None else exit_bar
    return Trade(
        number=episode.number, symbol=episode.symbol, side=episode.side,
        entry_bar=episode.entry_bar, entry_ns=int(columns.close_ns[episode.entry_bar]),
        entry_price=episode.entry_price, exit_bar=exit_bar,
        exit_ns=None if exit_bar is None else int(columns.close_ns[exit_bar]),
        exit_price=episode.exit_price, max_size=max(size for size, _ in sizes),
        max_notional=max(notional for _, notional in sizes),
        margin=max((state.margin for state in episode.states), default=0.0),
        leverage=leverage, entry_leverage=effective, entry_tier=tiers.TIERS[tiers.tier(effective)],
        gross=gross, unrealised=unrealised, fees=episode.amount(Cause.FEE),
        funding=episode.amount(Cause.FUNDING),
        liquidation_fee=episode.amount(Cause.LIQUIDATION_FEE),
        insurance=episode.amount(Cause.INSURANCE), net=net,
        return_on_equity=_on_equity(episode, net), liquidated=episode.liquidated,
        reductions=episode.reductions, deleveraged=episode.deleveraged,
        margin_lost=math.fsum(event.loss for event in episode.liquidations),
        mark_state=episode.liquidations[-1].mark_state if episode.liquidations else None,
        exit_reason=_reason(episode, reasons), mae=excursion.adverse, mfe=excursion.favourable,
        holding_ns=int(columns.close_ns[end] - columns.close_ns[episode.entry_bar]),
        right=right, right_basis=basis,
    )


def _unrealised(episode: Episode, mark: Floats) -> float:
    if episode.flat or not episode.states:
        return 0.0
    state = episode.states[-1]
    return state.size * (float(mark[-1]) - state.entry_price)


def _leverages(episode: Episode) -> tuple[float, float]:
    """(set leverage, effective leverage right after the opening fill)."""
    if not episode.states:
        return math.nan, math.nan
    first = episode.states[0]
    if first.margin > 0:
        return first.leverage, first.leverage
    notional = abs(first.size) * first.entry_price
    return first.leverage, notional / first.wallet if first.wallet > 0 else math.inf


def _sizes(episode: Episode) -> list[tuple[float, float]]:
    """(coins, notional at entry price) after each change."""
    if episode.states:
        return [(abs(s.size), abs(s.size) * s.entry_price) for s in episode.states]
    return [(abs(leg.size), abs(leg.size) * leg.price) for leg in episode.opened]


def _on_equity(episode: Episode, net: float) -> float | None:
    if not episode.states:
        return None
    fee = next((flow.amount for flow in episode.flows if flow.cause is Cause.FEE
                and flow.bar == episode.entry_bar), 0.0)
    before = episode.states[0].wallet - fee
    return net / before if before > 0 else None


def _reason(episode: Episode, reasons: Mapping[int, str]) -> str:
    if not episode.flat:
        return "open"
    if episode.liquidated:
        return "liquidation"
    final = episode.closed[-1]
    if final.reason == "adl":
        return "auto-deleveraged"
    return reasons.get(final.order_ref, final.reason)


def _right(episode: Episode, mark: Floats, horizon_bars: int | None) -> tuple[bool, str]:
    """Whether the direction was right, and what that was judged by (see Trade)."""
    entry, last = episode.entry_price, len(mark) - 1
    exit_price = episode.exit_price
    if exit_price is not None and not episode.liquidated:
        return episode.side * (exit_price - entry) > 0, "exit"
    if episode.liquidated and horizon_bars is not None:
        due = episode.entry_bar + horizon_bars
        if due <= last:
            return episode.side * (float(mark[due]) - entry) > 0, "time exit"
    return episode.side * (float(mark[last]) - entry) > 0, "end of run"
