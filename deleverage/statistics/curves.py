"""Curves of an account at every close, rebuilt from the journal and the price arrays in one pass.

The journal says what changed and when; between two changes everything follows from the position
held and the bar's mark. So an event-driven run has the same curves as a dense one. Everything is
placed by time: instruments of one account may be on different clocks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.errors import UsageError
from deleverage.journal import Cause, Entry, Journal, Snapshot, symbol_of
from deleverage.policies import one_of
from deleverage.statistics.clock import Marks, bars_of, lowest_within, marks_on, union_clock
from deleverage.statistics.wallet import wallet_on

CLOCKS = ("own", "union")


@dataclass(frozen=True, slots=True)
class Curves:
    """The account at every instant of a clock, by default every bar's close (arrays of equal
    length).

    ``equity`` and ``worst_equity`` (lowest since the instant before) in quote currency, at mark;
    ``wallet`` all collateral; ``size`` signed coins; ``entry_price``, ``liquidation_price``,
    ``distance`` (share of the mark between it and the liquidation price, > 0 is safe),
    ``position_leverage`` and ``account_leverage`` are NaN while flat, the liquidation price and
    distance also where no mark can liquidate. ``position`` is the journal's number of the open
    position, −1 while flat.

    ``notional`` ≥ 0 is |size| at mark. With both sides held at once (hedge mode) ``size`` is the
    net, ``notional`` the sum of both, and what describes one position that of the larger.

    ``position_leverage`` is notional at mark ÷ (posted margin + its unrealised profit); a cross
    position stands on the whole account, so there it equals ``account_leverage``, ``notional``
    ÷ equity. ``margin_ratio`` is maintenance ÷ what stands behind the position (1: liquidated), at
    the worst mark inside the bar where the position was held through it, NaN while flat.
    """

    close_ns: Ints
    mark: Floats
    wallet: Floats
    equity: Floats
    worst_equity: Floats
    size: Floats
    notional: Floats
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
    """One slot's position on a clock: the state after the last change up to each instant."""

    size: Floats
    entry: Floats
    margin: Floats
    liquidation: Floats
    maintenance: Floats
    number: Ints
    through: NDArray[np.bool_]  # the same position was held an instant before, at the same size


def account_curves(
    journal: Journal, columns: MarketColumns, others: Sequence[MarketColumns] = (),
    clock: str = "own",
) -> Curves:
    """Curves of the account, with the position in the instrument of ``columns``.

    ``others`` are the further instruments of the same account; their unrealised profit is part of
    the equity, each at its last known mark. ``clock``: *own* gives the closes of ``columns``, where
    ``worst_equity`` is the lowest since the close before, the others' bars in between included;
    *union* gives every close of every instrument. A change is seen from the close of its bar on.

    The lowest equity inside a bar is the journal's where something happened, else the one at the
    bar's adverse mark extreme (several instruments: each at its own, in the same instant). Raises
    UsageError for an instrument without columns and DataError where a mark is not a number or two
    clocks never meet.
    """
    one_of("clock", clock, CLOCKS)
    markets = (columns, *others)
    _check(journal, markets)
    stamps = union_clock(markets)
    wallet = wallet_on(stamps, _booked(journal.entries, markets))
    slots = [_slots(journal.snapshots, market, stamps) for market in markets]
    equity, worst = _valued(journal, markets, slots, stamps, wallet)
    chosen, own = stamps if clock == "union" else columns.close_ns, slots[0]
    if len(chosen) != len(stamps):
        own = _slots(journal.snapshots, columns, chosen)
        worst = lowest_within(worst, stamps, chosen)
        at = np.searchsorted(stamps, chosen)
        wallet, equity = wallet[at], equity[at]
    return _assemble(chosen, own, marks_on(columns, chosen), wallet, equity, worst)


def worst_by_bar(journal: Journal, close_ns: Ints) -> dict[int, float]:
    """The journal's lowest equities by the bar (index into ``close_ns``) they were met in."""
    stamps = np.array(list(journal.worst_equity), dtype=np.int64)
    lowest: dict[int, float] = {}
    for bar, value in zip(np.searchsorted(close_ns, stamps).tolist(),
                          journal.worst_equity.values(), strict=True):
        if bar < len(close_ns):
            lowest[bar] = min(value, lowest.get(bar, value))
    return lowest


def _check(journal: Journal, markets: Sequence[MarketColumns]) -> None:
    known = {market.market.instrument.symbol for market in markets}
    for symbol in dict.fromkeys(symbol_of(shot.symbol) for shot in journal.snapshots):
        if symbol not in known:
            raise UsageError(f"the account also traded {symbol}: its columns are needed for equity "
                             f"(given: {', '.join(sorted(known))})")


def _booked(entries: Iterable[Entry], markets: Sequence[MarketColumns]) -> list[tuple[int, float]]:
    """(when the account knew, amount): a settlement is booked in the walk of its bar, so it counts
    from that bar's close on, like the fills before and after it; what was deposited before the
    first bar counts from the beginning, whichever clock that is on."""
    clocks = {market.market.instrument.symbol: market for market in markets}
    booked = [(entry.ts if entry.bar >= 0 else 0, entry.amount) for entry in entries
              if entry.cause is not Cause.FUNDING]
    for symbol, market in clocks.items():
        paid = [entry for entry in entries
                if entry.cause is Cause.FUNDING and entry.symbol == symbol]
        bars = bars_of(market, np.array([entry.ts for entry in paid], dtype=np.int64)).tolist()
        booked += [(int(market.close_ns[bar]) if bar < len(market) else entry.ts, entry.amount)
                   for bar, entry in zip(bars, paid, strict=True)]
    return sorted(booked, key=lambda item: item[0])


def _valued(journal: Journal, markets: Sequence[MarketColumns], slots: Sequence[Sequence[_Held]],
            stamps: Ints, wallet: Floats) -> tuple[Floats, Floats]:
    """(equity, lowest equity) at every instant of the union clock; ``slots`` are each market's."""
    equity, worst = wallet, wallet
    for market, positions in zip(markets, slots, strict=True):
        mark = marks_on(market, stamps)
        net, low, high = (np.zeros(len(stamps)) for _ in range(3))
        for held in positions:
            at = np.flatnonzero(held.size)
            open_ = _taken(held, at)
            net[at] += _unrealised(open_, mark.close[at])
            low[at] += _unrealised(open_, mark.low[at])
            high[at] += _unrealised(open_, mark.high[at])
        equity, worst = equity + net, worst + np.minimum(np.minimum(low, high), net)
    for bar, value in worst_by_bar(journal, stamps).items():
        worst[bar] = min(value, float(equity[bar]))
    return equity, worst


def _slots(snapshots: Iterable[Snapshot], columns: MarketColumns, clock: Ints) -> list[_Held]:
    """The positions of an instrument, one a slot; a flat one where it was never traded."""
    symbol = columns.market.instrument.symbol
    own: dict[str, list[Snapshot]] = {}
    for shot in snapshots:
        if symbol_of(shot.symbol) == symbol:
            own.setdefault(shot.symbol, []).append(shot)
    return [_held(shots, clock) for shots in own.values() or [[]]]


def _held(own: Sequence[Snapshot], clock: Ints) -> _Held:
    nan = math.nan
    rows = [(0.0, nan, 0.0, nan, 0.0, -1)]
    rows += [(s.size, s.entry_price, s.margin, s.liquidation_price, s.maintenance,
              s.position if s.size else -1) for s in own]
    # each row holds from the first instant at or after its stamp to the next row's
    since = np.maximum.accumulate(
        np.searchsorted(clock, np.array([s.ts for s in own], dtype=np.int64)))
    times = np.diff(np.concatenate(([0], since, [len(clock)])))
    size, entry, margin, liquidation, maintenance, number = (
        np.repeat(np.array([row[k] for row in rows]), times) for k in range(6))
    # a snapshot in the bar that left the number and size alone was funding or a margin transfer
    before = np.concatenate(([0.0], size[:-1])), np.concatenate(([-1], number[:-1]))
    through = (size != 0) & (before[0] == size) & (before[1] == number)
    return _Held(size, entry, margin, liquidation, maintenance, number.astype(np.int64), through)


def _larger(slots: Sequence[_Held]) -> _Held:
    """At each instant the larger of the positions of an instrument."""
    chosen = slots[0]
    for other in slots[1:]:
        more = np.abs(other.size) > np.abs(chosen.size)
        chosen = _Held(*(np.where(more, getattr(other, item.name), getattr(chosen, item.name))
                         for item in dataclasses.fields(_Held)))
    return chosen


def _taken(held: _Held, at: Ints) -> _Held:
    """A position at some of its instants."""
    return _Held(*(getattr(held, item.name)[at] for item in dataclasses.fields(_Held)))


def _unrealised(held: _Held, price: Floats) -> Floats:
    """Of an open position."""
    return held.size * (price - np.nan_to_num(held.entry))


def _assemble(clock: Ints, slots: Sequence[_Held], mark: Marks, wallet: Floats, equity: Floats,
              worst_equity: Floats) -> Curves:
    held, close = _larger(slots), mark.close
    gross = np.sum([np.abs(slot.size) for slot in slots], axis=0)
    net = np.sum([slot.size for slot in slots], axis=0)
    # what describes a position is worked out where there is one: most strategies are mostly flat
    at = np.flatnonzero(held.size)
    open_ = _taken(held, at)
    price, side, isolated = close[at], np.sign(open_.size), open_.margin > 0
    notional = gross[at] * price
    account = _ratio(notional, equity[at])
    own = np.where(isolated, _ratio(np.abs(open_.size) * price,
                                    open_.margin + _unrealised(open_, price)), account)
    distance = side * (price - open_.liquidation) / price
    extreme = np.where(open_.through, np.where(side > 0, mark.low[at], mark.high[at]), price)
    behind = np.where(isolated, open_.margin, wallet[at])
    count = len(clock)
    return Curves(clock, close, wallet, equity, worst_equity, net,
                  _spread(notional, at, count, 0.0), held.entry, held.liquidation,
                  _spread(distance, at, count), _spread(own, at, count),
                  _spread(account, at, count),
                  _spread(_margin_ratio(open_, behind, extreme), at, count), held.number)


def _spread(values: Floats, at: Ints, length: int, elsewhere: float = math.nan) -> Floats:
    """``values`` at their bars, ``elsewhere`` at all the others."""
    whole: Floats = np.full(length, elsewhere)
    whole[at] = values
    return whole


def _ratio(notional: Floats, behind: Floats) -> Floats:
    """Leverage; infinite where nothing is left behind a position."""
    result: Floats = np.full(len(behind), np.inf)
    np.divide(notional, behind, out=result, where=behind > 0)
    return result


def _margin_ratio(held: _Held, behind: Floats, mark: Floats) -> Floats:
    """Maintenance ÷ what stands behind an open position, at ``mark``.

    Maintenance runs linearly in the mark from its value at entry to the one at the liquidation
    price, where it equals what is left: exact while the venue's bracket does not change.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        left = behind + held.size * (mark - held.entry)
        at_liquidation = behind + held.size * (held.liquidation - held.entry)
        share = (mark - held.entry) / (held.liquidation - held.entry)
        sloped = held.maintenance + share * (at_liquidation - held.maintenance)
        maintenance = np.where(np.isnan(held.liquidation), held.maintenance, sloped)
        ratio: Floats = maintenance / left
    return ratio
