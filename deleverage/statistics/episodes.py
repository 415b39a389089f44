"""Positions from flat to flat, and every booking put down to the one that caused it.

The money of a run is split here once: trades, tiers at entry and drawdown contributions all sum
the same flows, so they add up to one another and to the journal. A liquidation may come in steps:
each is a closing leg and an event of the position, its fee the event's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deleverage.journal import (
    Cause,
    Entry,
    Fill,
    Journal,
    LiquidationEvent,
    Snapshot,
    symbol_of,
)
from deleverage.records import unlocked

Key = tuple[str, int]  # symbol, number


@unlocked
@dataclass(frozen=True, slots=True)
class Flow:
    """Money one position booked; ``cause`` is never a deposit or a transfer."""

    bar: int
    cause: Cause
    amount: float


@unlocked
@dataclass(frozen=True, slots=True)
class Leg:
    """The part of a fill that belongs to one position: signed ``size`` at ``price``; ``ends`` where
    it left nothing of the position (the account's own word: sizes may carry the dust of sums)."""

    bar: int
    ts: int
    size: float
    price: float
    order_ref: int
    reason: str
    ends: bool


@dataclass(slots=True)
class Episode:
    """One position: what opened and closed it, what it booked, and its states in between."""

    number: int
    symbol: str
    side: int
    opened: list[Leg] = field(default_factory=list)
    closed: list[Leg] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    states: list[Snapshot] = field(default_factory=list)
    liquidations: list[LiquidationEvent] = field(default_factory=list)  # every forced step
    funded: set[int] = field(default_factory=set)  # bars with a settlement

    @property
    def entry_price(self) -> float:
        """Average price of the opening fills."""
        return _average(self.opened)

    @property
    def exit_price(self) -> float | None:
        """Average price of the reducing fills; None while open."""
        return _average(self.closed) if self.flat else None

    @property
    def entry_bar(self) -> int:
        """Bar of the opening fill."""
        return self.opened[0].bar

    @property
    def exit_bar(self) -> int | None:
        """Bar of the last reducing fill; None while open."""
        return self.closed[-1].bar if self.flat else None

    @property
    def liquidated(self) -> bool:
        """Whether a forced step left nothing of it."""
        return any(event.size_after == 0.0 for event in self.liquidations)

    @property
    def reductions(self) -> int:
        """Forced steps that left some of it."""
        return sum(event.size_after != 0.0 for event in self.liquidations)

    @property
    def deleveraged(self) -> int:
        """Fills by which the venue took it to match another's liquidation (ADL)."""
        return sum(leg.reason == "adl" for leg in self.closed)

    @property
    def flat(self) -> bool:
        """Whether everything that was opened is closed again."""
        return bool(self.closed) and self.closed[-1].ends

    def amount(self, *causes: Cause, until: int | None = None) -> float:
        """Sum of the flows of some causes (none given: all), up to and including a bar."""
        return math.fsum(flow.amount for flow in self.flows
                         if (not causes or flow.cause in causes)
                         and (until is None or flow.bar <= until))

    def state_at(self, bar: int) -> Snapshot | None:
        """The position at the close of ``bar``; None where it was flat."""
        exit_bar = self.exit_bar
        if bar < self.entry_bar or (exit_bar is not None and bar >= exit_bar):
            return None
        found = None
        for state in self.states:
            if state.bar > bar:
                break
            found = state
        return found


def episodes(journal: Journal, symbol: str | None = None) -> tuple[Episode, ...]:
    """Every position of the run, in the order of opening; ``symbol`` keeps one instrument's."""
    found: dict[Key, Episode] = {}
    numbers = _numbers(journal)
    for fill in journal.fills:
        _book_fill(found, fill, numbers)
    for payment in journal.funding:
        episode = found.get((payment.symbol, payment.position))
        if episode is not None:
            episode.funded.add(payment.bar)
            _flow(episode, payment.bar, Cause.FUNDING, payment.amount)
    for shot in journal.snapshots:
        episode = found.get((symbol_of(shot.symbol), shot.position))
        if episode is not None and shot.size:
            episode.states.append(shot)
    for event in journal.liquidations:
        episode = found.get((event.symbol, event.position))
        if episode is not None:
            episode.liquidations.append(event)
            _flow(episode, event.bar, Cause.LIQUIDATION_FEE, -event.fee)
    _book_lifts(found, journal.entries)
    chosen = [item for item in found.values() if symbol is None or item.symbol == symbol]
    return tuple(sorted(chosen, key=lambda item: (item.entry_bar, item.number)))


def unattributed(journal: Journal, found: Sequence[Episode], symbol: str) -> float:
    """Bookings on ``symbol`` that no position of ``found`` accounts for: 0 but for rounding.

    Deposits and margin transfers are not money made or lost and stay out.
    """
    booked = [entry.amount for entry in journal.entries if entry.symbol == symbol
              and entry.cause not in (Cause.DEPOSIT, Cause.TRANSFER)]
    flows = [-flow.amount for episode in found for flow in episode.flows]
    return math.fsum(booked + flows)


def _numbers(journal: Journal) -> dict[tuple[str, int, float, float], int]:
    """The number of the position that stands after a change: positions are numbered over the
    account, so that a reversal may skip those that other instruments opened meanwhile."""
    return {(symbol_of(shot.symbol), shot.ts, shot.size, shot.entry_price): shot.position
            for shot in journal.snapshots if shot.size}


def _book_fill(found: dict[Key, Episode], fill: Fill,
               numbers: Mapping[tuple[str, int, float, float], int]) -> None:
    """Split a reversal between the position it closes and the one it opens, fee by size.

    A liquidation's fee is the event's, booked under its own cause.
    """
    forced = fill.reason == "liquidation"
    fee_closed = 0.0 if forced else -fill.fee
    if fill.opened:
        fee_closed = -fill.fee * abs(fill.closed) / abs(fill.size) if fill.closed else 0.0
        number = fill.position
        if fill.closed:
            number = numbers.get((fill.symbol, fill.ts, fill.size_after, fill.entry_after),
                                 fill.position + 1)
        key = (fill.symbol, number)
        episode = found.setdefault(key, Episode(number, fill.symbol, 1 if fill.opened > 0 else -1))
        episode.opened.append(_leg(fill, fill.opened))
        _flow(episode, fill.bar, Cause.FEE, -fill.fee - fee_closed)
    if fill.closed:
        episode = found[fill.symbol, fill.position]
        episode.closed.append(_leg(fill, fill.closed))
        cause = Cause.LIQUIDATION if forced else Cause.FILL
        _flow(episode, fill.bar, cause, fill.realised)
        _flow(episode, fill.bar, Cause.FEE, fee_closed)


def _average(legs: list[Leg]) -> float:
    if len(legs) == 1:
        return legs[0].price
    return math.fsum(leg.size * leg.price for leg in legs) / math.fsum(leg.size for leg in legs)


def _leg(fill: Fill, size: float) -> Leg:
    ends = size == fill.closed and (not fill.size_after or bool(fill.opened))
    return Leg(fill.bar, fill.ts, size, fill.price, fill.order_ref, fill.reason, ends)


def _flow(episode: Episode, bar: int, cause: Cause, amount: float) -> None:
    if amount:
        episode.flows.append(Flow(bar, cause, amount))


def _book_lifts(found: dict[Key, Episode], entries: Iterable[Entry]) -> None:
    """The insurance fund's lifts of an account to zero: they belong to a position just closed."""
    lifts = [entry for entry in entries if entry.cause is Cause.INSURANCE]
    if not lifts:
        return
    ended: dict[Key, list[Episode]] = {}
    for episode in found.values():
        for bar in sorted({leg.bar for leg in episode.closed}):
            ended.setdefault((episode.symbol, bar), []).append(episode)
    used: dict[Key, int] = {}
    for entry in lifts:
        key = (entry.symbol, entry.bar)
        candidates = ended.get(key, [])
        if candidates:
            # the k-th lift of a bar is that of the k-th position closed in it
            index = min(used.get(key, 0), len(candidates) - 1)
            used[key] = index + 1
            _flow(candidates[index], entry.bar, entry.cause, entry.amount)
