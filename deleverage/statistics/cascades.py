"""The cascades of a market, as a reader of results sees them: whole windows, looked at afterwards.

Found by :mod:`deleverage.detectors.cascade` with its default thresholds, whatever the strategy
trades on: from the bar of the call to that of the last exhaustion before the market is calm again
(a resumed one is the same cascade). Only falls are found: the detector asks for long liquidations
and new lows. Where no liquidations are known, the fall of open interest in coins stands in for
them, which is not liquidations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import MarketColumns
from deleverage.detectors import CascadeConfig, CascadeEvent, cascade_events, share_closed

LIQUIDATIONS, OPEN_INTEREST = "liquidations", "open_interest"
NO_INTEREST = ("cascades are not looked for: their size is held against open interest, and the "
               "table open_interest is missing")
NO_LIQUIDATIONS = ("cascades have no size and are told by the fall of open interest: the table "
                   "liquidations is missing")


@dataclass(frozen=True, slots=True)
class Cascade:
    """One cascade: bars ``first`` (the call) to ``last`` (its exhaustion, or the end of the data
    where ``ended`` is False).

    ``size_usd`` is what was liquidated of longs from an hour before the call to ``last``, as far as
    it is known (None: no liquidation data); ``size_share`` the same ÷ open interest in USD at the
    call. ``interest_change`` is that of open interest in coins from the call to ``last`` (−0.15 is
    a fall of 15 %; None: unknown), ``low`` the lowest price, in bar ``low_bar``; ``confirmed``:
    the exhaustion passed the detector's flush gate.
    """

    number: int
    first: int
    last: int
    ended: bool
    size_usd: float | None
    size_share: float | None
    interest_change: float | None
    low: float
    low_bar: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The cascades of a market; ``trigger`` is the table they were told from (None: not looked
    for), ``missing`` a line for each table that would have told more."""

    trigger: str | None
    missing: tuple[str, ...]
    cascades: tuple[Cascade, ...]


def cascades(columns: MarketColumns) -> Found:
    """Every cascade of a market, in order."""
    lines = columns.lines
    if not len(columns) or not np.isfinite(lines["openinterest"]).any():
        return Found(None, (NO_INTEREST,), ())
    liquidated = bool(np.isfinite(lines["long_liquidations"]).any())
    trigger = LIQUIDATIONS if liquidated else OPEN_INTEREST
    config = CascadeConfig() if liquidated else CascadeConfig.closing()
    config = config.for_step(columns.market.step_ns)
    # the key of the shipped strategy: with its default thresholds the work is done once
    events = columns.memo.get(("cascades", config, trigger), lambda: _events(columns, config))
    made = tuple(_cascade(number, columns, config, run)
                 for number, run in enumerate(_runs(events), start=1))
    return Found(trigger, () if liquidated else (NO_LIQUIDATIONS,), made)


def _events(columns: MarketColumns, config: CascadeConfig) -> tuple[CascadeEvent, ...]:
    lines = columns.lines
    mark = np.where(np.isnan(lines["mark_close"]), lines["close"], lines["mark_close"])
    amount = share_closed(lines["openinterest"]) if config.of_book else lines["long_liquidations"]
    return cascade_events(config, lines["low"], amount, lines["openinterest"], mark)


def _runs(events: Sequence[CascadeEvent]) -> list[list[CascadeEvent]]:
    """Events from one start to the next."""
    found: list[list[CascadeEvent]] = []
    for event in events:
        if event.kind == "start":
            found.append([])
        found[-1].append(event)
    return found


def _cascade(number: int, columns: MarketColumns, config: CascadeConfig,
             events: Sequence[CascadeEvent]) -> Cascade:
    lines, first = columns.lines, events[0].bar
    ended = events[-1].kind == "exhausted"
    last = events[-1].bar if ended else len(columns) - 1
    window = slice(first, last + 1)
    low_bar = first + int(np.argmin(lines["low"][window]))
    coins = lines["openinterest"]
    size, share = None, None
    known = lines["long_liquidations"][max(0, first - config.slow + 1):last + 1]
    if not config.of_book and np.isfinite(known).any():
        size = float(np.nansum(known))
        mark = lines["mark_close"][first]
        book = float(coins[first] * (lines["close"][first] if np.isnan(mark) else mark))
        share = size / book if book > 0 else None
    change = float(coins[last] / coins[first] - 1.0) if coins[first] > 0 else np.nan
    return Cascade(
        number, first, last, ended, size, share, None if np.isnan(change) else change,
        float(lines["low"][low_bar]), low_bar, any(event.confirmed for event in events))
