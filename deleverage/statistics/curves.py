"""Curves of an account at every close, rebuilt from the journal and the price arrays in one pass.

The journal says what changed and when; between two changes everything follows from the position
held and the bar's mark. So an event-driven run has the same curves as a dense one. Everything is
placed by time: instruments of one account may be on different clocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.errors import UsageError
from deleverage.journal import Journal, symbol_of
from deleverage.policies import one_of
from deleverage.statistics.clock import Marks, lowest_within, marks_on, union_clock
from deleverage.statistics.marks import marks
from deleverage.statistics.slots import Held, held_on, larger, unrealised
from deleverage.statistics.spans import Spans
from deleverage.statistics.wallet import booked, running_wallet, wallet_on

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
    check_known(journal, markets)
    stamps = union_clock(markets)
    changes = running_wallet(booked(journal.entries, markets))
    whole = _reckoned(journal, markets, stamps, [marks_on(market, stamps) for market in markets],
                      changes)
    chosen = stamps if clock == "union" else columns.close_ns
    if len(chosen) == len(stamps):
        return _assemble(whole, whole.held[0], marks_on(columns, chosen))
    own = held_on(chosen, journal.snapshots, columns.market.instrument.symbol)
    at = np.searchsorted(stamps, chosen)
    worst = lowest_within(whole.worst, stamps, chosen)
    there = _Reckoned(chosen, whole.wallet[at], whole.equity[at], worst, [own])
    return _assemble(there, own, marks_on(columns, chosen))


def curves_at(journal: Journal, markets: Sequence[MarketColumns], spans: Spans,
              changes: Sequence[tuple[int, float]]) -> Curves:
    """:func:`account_curves` at the first bar of each span, of an account whose instruments share
    one clock; ``markets`` begins with the instrument whose position is described, ``changes`` are
    those of its wallet (:func:`~deleverage.statistics.wallet.running_wallet`).

    Nothing may change within a span of several bars but marks, and nothing may be held there.
    """
    told = [Marks(*(spans.at_first(series) for series in marks(market))) for market in markets]
    whole = _reckoned(journal, markets, spans.at_first(markets[0].close_ns), told, changes)
    return _assemble(whole, whole.held[0], told[0])


def worst_by_bar(journal: Journal, close_ns: Ints) -> dict[int, float]:
    """The journal's lowest equities by the bar (index into ``close_ns``) they were met in."""
    stamps = np.array(list(journal.worst_equity), dtype=np.int64)
    lowest: dict[int, float] = {}
    for bar, value in zip(np.searchsorted(close_ns, stamps).tolist(),
                          journal.worst_equity.values(), strict=True):
        if bar not in lowest or value < lowest[bar]:
            lowest[bar] = value
    lowest.pop(len(close_ns), None)
    return lowest


def check_known(journal: Journal, markets: Sequence[MarketColumns]) -> None:
    """Raises UsageError for a traded instrument that is none of ``markets``."""
    known = {market.market.instrument.symbol for market in markets}
    for symbol in dict.fromkeys(symbol_of(shot.symbol) for shot in journal.snapshots):
        if symbol not in known:
            raise UsageError(f"the account also traded {symbol}: its columns are needed for equity "
                             f"(given: {', '.join(sorted(known))})")


@dataclass(frozen=True, slots=True)
class _Reckoned:
    """An account on a clock, and what each of its instruments held there."""

    clock: Ints
    wallet: Floats
    equity: Floats
    worst: Floats  # the lowest equity since the instant before
    held: Sequence[Sequence[Held]]


def _reckoned(journal: Journal, markets: Sequence[MarketColumns], clock: Ints,
              on_clock: Sequence[Marks], changes: Sequence[tuple[int, float]]) -> _Reckoned:
    """The account at every instant of a clock; ``on_clock`` are the marks of the markets there,
    ``changes`` those of the wallet."""
    wallet = wallet_on(clock, changes)
    held = [held_on(clock, journal.snapshots, market.market.instrument.symbol)
            for market in markets]
    equity, worst = wallet, wallet
    for mark, positions in zip(on_clock, held, strict=True):
        net, low, high = (_added([unrealised(position, price) for position in positions])
                          for price in (mark.close, mark.low, mark.high))
        equity, worst = equity + net, worst + np.minimum(np.minimum(low, high), net)
    for bar, value in worst_by_bar(journal, clock).items():
        worst[bar] = min(value, float(equity[bar]))
    return _Reckoned(clock, wallet, equity, worst, held)


def _assemble(whole: _Reckoned, own: Sequence[Held], mark: Marks) -> Curves:
    held, close = larger(own), mark.close
    flat, side, isolated = held.size == 0, np.sign(held.size), held.margin > 0
    notional = _added([np.abs(each.size) for each in own]) * close
    account = _ratio(notional, whole.equity)
    account[flat] = np.nan
    effective = np.where(isolated, _ratio(np.abs(held.size) * close,
                                          held.margin + unrealised(held, close)), account)
    distance = side * (close - held.liquidation) / close
    extreme = np.where(held.through, np.where(side > 0, mark.low, mark.high), close)
    behind = np.where(isolated, held.margin, whole.wallet)
    return Curves(whole.clock, close, whole.wallet, whole.equity, whole.worst,
                  _added([each.size for each in own]), notional, held.entry, held.liquidation,
                  distance, effective, account, _margin_ratio(held, behind, extreme), held.number)


def _added(each: Sequence[Floats]) -> Floats:
    """The sum of some curves, from the first on."""
    total = each[0]
    for more in each[1:]:
        total = total + more
    return total


def _ratio(notional: Floats, behind: Floats) -> Floats:
    """Leverage; infinite where nothing is left behind a position."""
    result: Floats = np.full(len(behind), np.inf)
    np.divide(notional, behind, out=result, where=behind > 0)
    return result


def _margin_ratio(held: Held, behind: Floats, mark: Floats) -> Floats:
    """Maintenance ÷ what stands behind a position, at ``mark``; NaN while flat.

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
