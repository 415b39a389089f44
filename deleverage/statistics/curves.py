"""Per-bar curves of an account, rebuilt from the journal and the price arrays in one pass.

The journal says what changed and when; between two changes everything follows from the position
held and the bar's mark. So an event-driven run has the same curves as a dense one.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import (
    MARK_LAST,
    MARK_MISSING,
    ExecutionMark,
    Floats,
    Ints,
    MarketColumns,
)
from deleverage.errors import DataError, UsageError
from deleverage.journal import Cause, Entry, Journal, Snapshot


@dataclass(frozen=True, slots=True)
class Curves:
    """The account at the close of every bar (arrays of equal length).

    ``equity`` and ``worst_equity`` (lowest inside the bar) in quote currency, at mark; ``wallet``
    all collateral; ``size`` signed coins; ``entry_price``, ``liquidation_price``, ``distance``
    (share of the mark between it and the liquidation price, > 0 is safe), ``position_leverage`` and
    ``account_leverage`` are NaN while flat, the liquidation price and distance also where no mark
    can liquidate. ``position`` is the journal's number of the open position, −1 while flat.

    ``position_leverage`` is notional at mark ÷ (posted margin + its unrealised profit); a cross
    position stands on the whole account, so there it equals ``account_leverage``, notional at mark
    ÷ equity. ``margin_ratio`` is maintenance ÷ what stands behind the position (1: liquidated), at
    the worst mark inside the bar where the position was held through it, NaN while flat.
    """

    close_ns: Ints
    mark: Floats
    wallet: Floats
    equity: Floats
    worst_equity: Floats
    size: Floats
    entry_price: Floats
    liquidation_price: Floats
    distance: Floats
    position_leverage: Floats
    account_leverage: Floats
    margin_ratio: Floats
    position: Ints

    def __len__(self) -> int:
        return len(self.close_ns)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every curve by name, in the order of the class."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True)
class _Held:
    """One instrument's position per bar: the state after the last change up to its close."""

    size: Floats
    entry: Floats
    margin: Floats
    liquidation: Floats
    maintenance: Floats
    number: Ints
    through: NDArray[np.bool_]  # the same position was held at the close before, at the same size


def account_curves(
    journal: Journal, columns: MarketColumns, others: Sequence[MarketColumns] = ()
) -> Curves:
    """Curves of the account, with the position in the instrument of ``columns``.

    ``others`` are the further instruments of the same account, on the same clock; their unrealised
    profit is part of the equity. A position's lowest equity inside a bar is the journal's where
    something happened, else the one at the bar's adverse mark extreme (several instruments: each at
    its own, in the same instant). Raises UsageError for an instrument without columns or on another
    clock and DataError where a mark is not a number.
    """
    _check(journal, columns, others)
    wallet = _wallet(journal.entries, len(columns))
    held = _held(journal.snapshots, columns)
    low, high, close = marks(columns)
    unrealised = _unrealised(held, close)
    worst = _unrealised(held, np.where(held.size > 0, low, high))
    equity, worst_equity = wallet + unrealised, wallet + np.minimum(worst, unrealised)
    for market in others:
        other = _held(journal.snapshots, market)
        other_low, other_high, other_close = marks(market)
        at_close = _unrealised(other, other_close)
        extreme = _unrealised(other, np.where(other.size > 0, other_low, other_high))
        equity, worst_equity = equity + at_close, worst_equity + np.minimum(extreme, at_close)
    for bar, value in worst_by_bar(journal, columns).items():
        worst_equity[bar] = min(value, float(equity[bar]))
    return _assemble(columns, held, wallet, equity, worst_equity)


def judged_on(columns: MarketColumns, mark: str | None = None) -> MarketColumns:
    """The columns with the mark an account was judged on: last price where ``mark="last"`` was
    asked for or where there is no mark (both with state ``last``)."""
    own = columns.execution_mark
    absent = np.isnan(own.close) | (own.state == MARK_MISSING)
    if mark == "last":
        absent = np.ones(len(columns), dtype=bool)
    if not absent.any():
        return columns
    lines = columns.lines

    def chosen(name: str, series: Floats) -> Floats:
        return np.where(absent, lines[name], series)

    judged = ExecutionMark(chosen("open", own.open), chosen("high", own.high),
                           chosen("low", own.low), chosen("close", own.close),
                           np.where(absent, np.uint8(MARK_LAST), own.state))
    return dataclasses.replace(columns, execution_mark=judged)


def marks(columns: MarketColumns) -> tuple[Floats, Floats, Floats]:
    """Low, high and close of the mark the account is judged on; DataError where one is NaN."""
    mark = columns.execution_mark
    for name, series in (("low", mark.low), ("high", mark.high), ("close", mark.close)):
        if np.isnan(series).any():
            bar = int(np.flatnonzero(np.isnan(series))[0])
            raise DataError(f"{columns.market.instrument.symbol}: mark {name} of bar {bar} is not "
                            "a number")
    return mark.low, mark.high, mark.close


def worst_by_bar(journal: Journal, columns: MarketColumns) -> dict[int, float]:
    """The journal's lowest equities by the bar of ``columns`` they were met in."""
    stamps = np.array(list(journal.worst_equity), dtype=np.int64)
    lowest: dict[int, float] = {}
    for bar, value in zip(np.searchsorted(columns.close_ns, stamps).tolist(),
                          journal.worst_equity.values(), strict=True):
        if bar < len(columns):
            lowest[bar] = min(value, lowest.get(bar, value))
    return lowest


def running_wallet(entries: Iterable[Entry]) -> list[tuple[int, float]]:
    """(bar, wallet after its last booking) of every bar with bookings; each sum exactly rounded."""
    partials: list[float] = []
    result: list[tuple[int, float]] = []
    for entry in entries:
        _add(partials, entry.amount)
        total = math.fsum(partials)
        if result and result[-1][0] == entry.bar:
            result[-1] = entry.bar, total
        else:
            result.append((entry.bar, total))
    return result


def opening_wallet(journal: Journal) -> float:
    """What was deposited before the first bar."""
    return math.fsum(entry.amount for entry in journal.entries
                     if entry.cause is Cause.DEPOSIT and entry.bar < 0)


def _add(partials: list[float], value: float) -> None:
    # Shewchuk: ``partials`` stay non-overlapping, so their fsum is the exactly rounded total
    kept = 0
    for partial in partials:
        if abs(value) < abs(partial):
            value, partial = partial, value
        high = value + partial
        low = partial - (high - value)
        if low:
            partials[kept] = low
            kept += 1
        value = high
    partials[kept:] = [value]


def _check(journal: Journal, columns: MarketColumns, others: Sequence[MarketColumns]) -> None:
    known = {market.market.instrument.symbol for market in (columns, *others)}
    for shot in journal.snapshots:
        if shot.symbol not in known:
            raise UsageError(f"the account also traded {shot.symbol}: its columns are needed for "
                             f"equity (given: {', '.join(sorted(known))})")
    for market in others:
        if not np.array_equal(market.close_ns, columns.close_ns):
            raise UsageError(f"{market.market.instrument.symbol} is on another clock than "
                             f"{columns.market.instrument.symbol}: no common curve")


def _wallet(entries: Iterable[Entry], bars: int) -> Floats:
    changes = running_wallet(entries)
    at = np.array([bar for bar, _ in changes], dtype=np.int64)
    value = np.array([0.0, *(amount for _, amount in changes)])
    return value[np.searchsorted(at, np.arange(bars), side="right")]


def _held(snapshots: Iterable[Snapshot], columns: MarketColumns) -> _Held:
    symbol, bars = columns.market.instrument.symbol, len(columns)
    own = [shot for shot in snapshots if shot.symbol == symbol]
    nan = math.nan
    rows = [(0.0, nan, 0.0, nan, 0.0, -1)]
    rows += [(s.size, s.entry_price, s.margin, s.liquidation_price, s.maintenance,
              s.position if s.size else -1) for s in own]
    index = np.searchsorted(np.array([s.bar for s in own], dtype=np.int64), np.arange(bars),
                            side="right")
    size, entry, margin, liquidation, maintenance, number = (
        np.array([row[k] for row in rows])[index] for k in range(6))
    # a snapshot in the bar that left the number and size alone was funding or a margin transfer
    before = np.concatenate(([0.0], size[:-1])), np.concatenate(([-1], number[:-1]))
    through = (size != 0) & (before[0] == size) & (before[1] == number)
    return _Held(size, entry, margin, liquidation, maintenance, number.astype(np.int64), through)


def _unrealised(held: _Held, price: Floats) -> Floats:
    return np.where(held.size == 0, 0.0, held.size * (price - np.nan_to_num(held.entry)))


def _assemble(columns: MarketColumns, held: _Held, wallet: Floats, equity: Floats,
              worst_equity: Floats) -> Curves:
    low, high, close = marks(columns)
    side = np.sign(held.size)
    isolated = held.margin > 0
    notional = np.abs(held.size) * close
    account = _ratio(notional, equity)
    own = np.where(isolated, _ratio(notional, held.margin + _unrealised(held, close)), account)
    distance = side * (close - held.liquidation) / close
    extreme = np.where(held.through, np.where(side > 0, low, high), close)
    behind = np.where(isolated, held.margin, wallet)
    return Curves(columns.close_ns, close, wallet, equity, worst_equity, held.size, held.entry,
                  held.liquidation, distance, np.where(side == 0, np.nan, own),
                  np.where(side == 0, np.nan, account), _margin_ratio(held, behind, extreme),
                  held.number)


def _ratio(notional: Floats, behind: Floats) -> Floats:
    """Leverage; infinite where nothing is left behind a position."""
    result: Floats = np.full(len(behind), np.inf)
    np.divide(notional, behind, out=result, where=behind > 0)
    return result


def _margin_ratio(held: _Held, behind: Floats, mark: Floats) -> Floats:
    """Maintenance ÷ what stands behind the position, at ``mark``.

    Maintenance runs linearly in the mark from its value at entry to the one at the liquidation
    price, where it equals what is left: exact while the venue's bracket does not change.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        left = behind + held.size * (mark - held.entry)
        at_liquidation = behind + held.size * (held.liquidation - held.entry)
        share = (mark - held.entry) / (held.liquidation - held.entry)
        sloped = held.maintenance + share * (at_liquidation - held.maintenance)
        maintenance = np.where(np.isnan(held.liquidation), held.maintenance, sloped)
        return np.where(held.size == 0, np.nan, maintenance / left)
