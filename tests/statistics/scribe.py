"""Journals written by hand: a flat 0.5 % maintenance account, booked line by line.

Independent of the account under test elsewhere: what a figure must be can be checked on paper.
"""

from __future__ import annotations

import math

from deleverage.columns import MarketColumns
from deleverage.journal import (
    FREE,
    Cause,
    Entry,
    Fill,
    FundingPayment,
    Journal,
    LiquidationEvent,
    Snapshot,
)

RATE = 0.005  # maintenance rate; the liquidation price of a long is (E − margin/q) / (1 − RATE)


class Scribe:
    """Writes a journal for one instrument; every method is one event.

    With the ``journal`` of another scribe both write one account: call them in the order of time.
    """

    def __init__(self, columns: MarketColumns, cash: float = 1_000.0, leverage: float = 10.0,
                 *, isolated: bool = True, journal: Journal | None = None) -> None:
        self.columns, self.leverage, self.isolated = columns, leverage, isolated
        self.symbol = columns.market.instrument.symbol
        self.journal = Journal() if journal is None else journal
        self.size, self.entry, self.margin, self.number = 0.0, math.nan, 0.0, 0
        if journal is None:
            self._book(-1, Cause.DEPOSIT, cash, symbol="")

    def open(self, bar: int, size: float, price: float, fee: float = 0.0,
             worst: float | None = None, reason: str = "market") -> None:
        """Open a position of signed ``size``, or add to it."""
        if not self.size:
            self.number += 1
            self.entry, self.size = price, size
        else:
            self.entry = (self.size * self.entry + size * price) / (self.size + size)
            self.size += size
        posted = abs(size) * price / self.leverage if self.isolated else 0.0
        self._transfer(bar, posted)
        self._book(bar, Cause.FEE, -fee)
        self._fill(bar, size, price, reason, fee, closed=0.0, opened=size, realised=0.0)
        self._shot(bar, worst)

    def close(self, bar: int, price: float, fee: float = 0.0, share: float = 1.0,
              worst: float | None = None, reason: str = "market") -> None:
        """Close a ``share`` of the position at ``price``."""
        size = -self.size * share
        realised = -size * (price - self.entry)
        self._transfer(bar, -self.margin * share)
        self._book(bar, Cause.FILL, realised)
        self._book(bar, Cause.FEE, -fee)
        self.size += size
        if share == 1.0:
            self.size = 0.0
        self._fill(bar, size, price, reason, fee, closed=size, opened=0.0, realised=realised)
        self._shot(bar, worst)

    def reverse(self, bar: int, price: float, size: float, fee: float) -> None:
        """One fill that closes the position and opens ``size`` on the other side."""
        closed, realised = -self.size, self.size * (price - self.entry)
        self._transfer(bar, -self.margin)
        self._book(bar, Cause.FILL, realised)
        self.entry, self.size = price, size
        self._transfer(bar, abs(size) * price / self.leverage)
        self._book(bar, Cause.FEE, -fee)
        self._fill(bar, closed + size, price, "market", fee, closed=closed, opened=size,
                   realised=realised)
        self.number += 1
        self._shot(bar, None)

    def fund(self, bar: int, rate: float, price: float, state: str = "settled",
             basis: str = "mark", expected: float = 0.0) -> None:
        """A settlement, borne by the posted margin where isolated."""
        amount = 0.0 if state in ("missing", "stale") else -self.size * price * rate
        balance = self.symbol if self.isolated else FREE
        if self.isolated:
            self.margin += amount
        self._book(bar, Cause.FUNDING, amount, balance=balance)
        self.journal.funding.append(FundingPayment(
            bar, int(self.columns.close_ns[bar]), self.symbol, self.size, price, rate, amount,
            "position", state, self.number, basis, expected))
        self._shot(bar, None)

    def add_margin(self, bar: int, amount: float) -> None:
        """Move free balance to the position."""
        self._transfer(bar, amount)
        self._shot(bar, None)

    def liquidate(self, bar: int, trigger: float, mark_state: str = "exact",
                  fee: float = 0.0) -> None:
        """Take the position over at its bankruptcy price; a fee comes out of the free balance."""
        margin, level, size = self.margin, self.level(), self.size
        price = self.entry - margin / size
        self._book(bar, Cause.LIQUIDATION, -margin, balance=self.symbol)
        self._book(bar, Cause.LIQUIDATION_FEE, -fee)
        fund = size * (trigger - price)
        self._event(bar, size, level, trigger, price, margin + fee, mark_state, fee=fee,
                    insurance=fund)
        self.size, self.margin = 0.0, 0.0
        self._fill(bar, -size, price, "liquidation", fee, closed=-size, opened=0.0,
                   realised=-margin)
        self._shot(bar, None)

    def step_down(self, bar: int, price: float, share: float, fee: float = 0.0) -> None:
        """The venue closes a ``share`` through the book at ``price``, mark alike, takes its fee
        from what that part of the margin leaves and returns the rest."""
        level, size = self.level(), self.size * share
        realised, released = size * (price - self.entry), self.margin * share
        self._transfer(bar, -released)
        self._book(bar, Cause.LIQUIDATION, realised)
        self._book(bar, Cause.LIQUIDATION_FEE, -fee)
        self.size = 0.0 if share == 1.0 else self.size - size
        self._event(bar, size, level, price, price, fee - realised, "exact", fee=fee,
                    returned=released + realised - fee, insurance=fee, stage="market")
        self._fill(bar, -size, price, "liquidation", fee, closed=-size, opened=0.0,
                   realised=realised)
        self._shot(bar, None)

    def lift(self, bar: int, amount: float) -> None:
        """The insurance fund lifts the account."""
        self._book(bar, Cause.INSURANCE, amount)

    def level(self) -> float:
        """The liquidation price of the position as it stands; NaN where no mark liquidates."""
        behind = self.margin if self.isolated else self.journal.wallet()
        side = math.copysign(1.0, self.size)
        level = (self.entry - behind / self.size) / (1 - side * RATE)
        return level if level > 0 else math.nan

    # ---------------------------------------------------------------- the records

    def _event(self, bar: int, size: float, level: float, trigger: float, price: float,
               loss: float, mark_state: str, *, fee: float, insurance: float,
               returned: float = 0.0, stage: str = "takeover") -> None:
        after = 0.0 if stage == "takeover" else self.size
        self.journal.liquidations.append(LiquidationEvent(
            bar, self._ts(bar), self.symbol, size, self.entry, self.leverage,
            "isolated" if self.isolated else "cross", level, trigger, price, loss,
            max(0.0, -insurance), False, mark_state, trigger, self.number, "mark", fee, returned,
            insurance, stage, after))

    def _transfer(self, bar: int, amount: float) -> None:
        if amount:
            self.margin += amount
            self._book(bar, Cause.TRANSFER, -amount)
            self._book(bar, Cause.TRANSFER, amount, balance=self.symbol)

    def _book(self, bar: int, cause: Cause, amount: float, *, balance: str = FREE,
              symbol: str | None = None) -> None:
        if amount:
            entries = self.journal.entries
            entries.append(Entry(len(entries), bar, self._ts(bar), cause,
                                 self.symbol if symbol is None else symbol, balance, amount))

    def _fill(self, bar: int, size: float, price: float, reason: str, fee: float, *,
              closed: float, opened: float, realised: float) -> None:
        fills = self.journal.fills
        fills.append(Fill(
            len(fills), bar, self._ts(bar), self.symbol, 100 + len(fills), size, price, reason,
            "taker", fee, closed, opened, realised, self.number, self.size,
            self.entry if self.size else math.nan, self.margin))

    def _shot(self, bar: int, worst: float | None) -> None:
        held = bool(self.size)
        self.journal.snapshots.append(Snapshot(
            bar, self._ts(bar), self.symbol, self.journal.wallet(), self.size,
            self.entry if held else math.nan,
            self.margin if held else 0.0, self.leverage if held else math.nan,
            self.level() if held else math.nan,
            abs(self.size) * self.entry * RATE if held else 0.0, self.number))
        if worst is not None:
            self.journal.worst_equity[self._ts(bar)] = worst

    def _ts(self, bar: int) -> int:
        return int(self.columns.close_ns[bar]) if bar >= 0 else 0
