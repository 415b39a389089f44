"""What a strategy did in cascades: a row each, and its P&L inside them, after them and elsewhere.

A trade belongs to at most one cascade: the last one in whose window, or in the 24 h after it, the
trade was entered; else the first one that began while it was held. So the rows and
``net_elsewhere`` add up to the net of all trades.

The zones cut the other way, by time: what a trade gained or lost at mark, bar by bar, is put down
to the zone of the bar, so that the zones add up to the same net.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.journal import Journal
from deleverage.statistics.cascades import Cascade, Found
from deleverage.statistics.episodes import Episode
from deleverage.statistics.excursions import Excursion
from deleverage.statistics.marks import marks
from deleverage.statistics.near_miss import THRESHOLDS
from deleverage.statistics.trades import Trade
from deleverage.timestamps import DAY, HOUR

ZONES = ("elsewhere", "inside", "24 h after")
NOT_LOOKED_FOR = "cascades are not looked for in runs that are only compared"


@dataclass(frozen=True, slots=True)
class CascadeRow:
    """One cascade (:class:`deleverage.statistics.cascades.Cascade`) and the trades that belong to
    it; money in quote, signed as the account sees it.

    ``entry_lag_h`` is the entry of the first trade entered from its call on, after (+) or before
    (−) its low; ``mae`` and ``mfe`` are the largest of its trades, fractions of the entry price,
    ≥ 0; ``slippage`` ≤ 0 is part of ``net``, as is ``funding``. ``liquidated`` and ``near_misses``
    (≥ 80 % of the buffer used, and lived) count trades; ``survivable`` is the largest leverage that
    all of them survive by replay (0: not even 1x). None where no trade belongs to it.
    """

    number: int
    start_ns: int
    end_ns: int
    ended: bool
    confirmed: bool
    size_usd: float | None
    size_share: float | None
    interest_change: float | None
    low: float
    low_ns: int
    trades: tuple[int, ...]
    entry_lag_h: float | None
    mae: float | None
    mfe: float | None
    net: float
    funding: float
    slippage: float
    liquidated: int
    near_misses: int
    survivable: float | None


@dataclass(frozen=True, slots=True)
class Zone:
    """P&L at mark by time: ``long`` + ``short`` = ``net``; ``hours`` of the run lie in it."""

    name: str
    hours: float
    net: float
    long: float
    short: float


@dataclass(frozen=True, slots=True)
class CascadeTable:
    """All cascades of a run. ``traded`` counts those a trade belongs to; ``best`` is the largest
    net of these, ``best_share`` its share of the total where that is a gain, ``net_without_best``
    the total without it (None: no trade belongs to a cascade). ``trigger`` and ``missing``:
    :class:`deleverage.statistics.cascades.Found`."""

    count: int
    traded: int
    trigger: str | None
    missing: tuple[str, ...]
    net_elsewhere: float
    best: float | None
    best_share: float | None
    net_without_best: float | None
    rows: tuple[CascadeRow, ...] = ()
    zones: tuple[Zone, ...] = ()


def cascade_table(
    found: Found, held: Sequence[Episode], met: Sequence[Excursion], trades: Sequence[Trade],
    journal: Journal, columns: MarketColumns, survivable: Mapping[int, float],
) -> CascadeTable:
    """The table; ``held``, ``met`` and ``trades`` belong together, ``survivable`` is the leverage
    that each trade number survives."""
    total = math.fsum(trade.net for trade in trades)
    if found.trigger is None:
        return CascadeTable(0, 0, None, found.missing, total, None, None, None)
    owner = [_owner(found.cascades, trade, columns.close_ns) for trade in trades]
    paid = _slippage(held, journal)
    rows = tuple(_row(cascade, [k for k, number in enumerate(owner) if number == cascade.number],
                      trades, met, paid, columns.close_ns, survivable)
                 for cascade in found.cascades)
    nets = [row.net for row in rows if row.trades]
    best = max(nets, default=None)
    return CascadeTable(
        count=len(rows), traded=len(nets), trigger=found.trigger, missing=found.missing,
        net_elsewhere=math.fsum(trade.net for trade, number in zip(trades, owner, strict=True)
                                if number is None),
        best=best, best_share=best / total if best is not None and total > 0 else None,
        net_without_best=None if best is None else math.fsum((total, -best)), rows=rows,
        zones=_zones(found.cascades, held, trades, columns))


def not_looked_for(trades: Sequence[Trade]) -> CascadeTable:
    """The table of a run whose market was not searched."""
    return CascadeTable(0, 0, None, (NOT_LOOKED_FOR,), math.fsum(trade.net for trade in trades),
                        None, None, None)


def _owner(cascades: Sequence[Cascade], trade: Trade, close_ns: Ints) -> int | None:
    """The number of the cascade a trade belongs to."""
    for cascade in reversed(cascades):
        if cascade.first <= trade.entry_bar \
                and trade.entry_ns <= int(close_ns[cascade.last]) + DAY:
            return cascade.number
    for cascade in cascades:
        if trade.entry_bar < cascade.first and (trade.exit_bar is None
                                                or trade.exit_bar >= cascade.first):
            return cascade.number
    return None


def _slippage(held: Sequence[Episode], journal: Journal) -> dict[int, float]:
    """Slippage (≥ 0) by position; that of a reversal is split by size."""
    a_coin = {(fill.ts, fill.order_ref, fill.price): fill.slippage / abs(fill.size)
              for fill in journal.fills if fill.slippage}
    return {episode.number: math.fsum(
        abs(leg.size) * a_coin.get((leg.ts, leg.order_ref, leg.price), 0.0)
        for leg in (*episode.opened, *episode.closed)) for episode in held}


def _row(cascade: Cascade, own: Sequence[int], trades: Sequence[Trade], met: Sequence[Excursion],
         paid: Mapping[int, float], close_ns: Ints, survivable: Mapping[int, float]) -> CascadeRow:
    mine = [trades[k] for k in own]
    low_ns = int(close_ns[cascade.low_bar])
    entered = [trade.entry_ns for trade in mine if trade.entry_bar >= cascade.first]
    close = sum((met[k].buffer_used or 0.0) >= THRESHOLDS[0] and not trades[k].liquidated
                for k in own)
    known = [survivable[trade.number] for trade in mine if trade.number in survivable]
    return CascadeRow(
        number=cascade.number, start_ns=int(close_ns[cascade.first]),
        end_ns=int(close_ns[cascade.last]), ended=cascade.ended, confirmed=cascade.confirmed,
        size_usd=cascade.size_usd, size_share=cascade.size_share,
        interest_change=cascade.interest_change, low=cascade.low, low_ns=low_ns,
        trades=tuple(trade.number for trade in mine),
        entry_lag_h=(min(entered) - low_ns) / HOUR if entered else None,
        mae=max((trade.mae for trade in mine if trade.mae is not None), default=None),
        mfe=max((trade.mfe for trade in mine if trade.mfe is not None), default=None),
        net=math.fsum(trade.net for trade in mine),
        funding=math.fsum(trade.funding for trade in mine),
        slippage=-math.fsum(paid.get(trade.number, 0.0) for trade in mine) or 0.0,
        liquidated=sum(trade.liquidated for trade in mine), near_misses=close,
        survivable=float(np.nan_to_num(min(known))) if known else None)


def zones_of(cascades: Sequence[Cascade], close_ns: Ints) -> NDArray[np.int64]:
    """The zone of every bar, an index into ZONES; a window goes before the day after another."""
    found = np.zeros(len(close_ns), dtype=np.int64)
    for cascade in cascades:
        end = int(np.searchsorted(close_ns, close_ns[cascade.last] + DAY, side="right"))
        found[cascade.last + 1:end] = 2
    for cascade in cascades:
        found[cascade.first:cascade.last + 1] = 1
    return found


def _zones(cascades: Sequence[Cascade], held: Sequence[Episode], trades: Sequence[Trade],
           columns: MarketColumns) -> tuple[Zone, ...]:
    zone = zones_of(cascades, columns.close_ns)
    borders = np.flatnonzero(np.diff(zone))  # the last bar of each run of one zone
    _, _, mark = marks(columns)
    parts: dict[tuple[int, int], list[float]] = {}
    for episode, trade in zip(held, trades, strict=True):
        before, last = 0.0, len(zone) - 1 if trade.exit_bar is None else trade.exit_bar
        inner = borders[(borders >= trade.entry_bar) & (borders < last)].tolist()
        for bar in inner:
            value = _value(episode, bar, mark)
            parts.setdefault((int(zone[bar]), trade.side), []).append(value - before)
            before = value
        parts.setdefault((int(zone[last]), trade.side), []).append(trade.net - before)
    step = columns.market.step_ns / HOUR
    made = []
    for index, name in enumerate(ZONES):
        long, short = (math.fsum(parts.get((index, side), ())) for side in (1, -1))
        made.append(Zone(name, float((zone == index).sum()) * step, math.fsum((long, short)), long,
                         short))
    return tuple(made)


def _value(episode: Episode, bar: int, mark: Floats) -> float:
    """What a position had booked up to a bar, and its unrealised profit at the close of it."""
    state = episode.state_at(bar)
    open_ = 0.0 if state is None else state.size * (float(mark[bar]) - state.entry_price)
    return math.fsum((episode.amount(until=bar), open_))
