"""Coins as dollars and dollars as coins, by the close of the bars.

A vendor that tells open interest in USD alone, or sums of liquidations in coins alone, leaves the
other to be told by a price: the last close at or before the moment, as far as that is no older than
a bar or an hour. Where no such bar is there nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats, Ints
from deleverage.errors import UsageError
from deleverage.feeds.tables import numbers
from deleverage.timestamps import HOUR


@dataclass(frozen=True, slots=True)
class Closes:
    """When bars closed, ascending, and at what; ``age`` is how long a close stands (ns)."""

    close_ns: Ints
    close: Floats
    age: int = HOUR

    def __len__(self) -> int:
        return len(self.close_ns)

    def at(self, stamps: Ints) -> Floats:
        """The last close at or before each of ``stamps``; NaN where there is none, or none young
        enough."""
        if not len(self):
            return np.full(len(stamps), np.nan)
        at = np.searchsorted(self.close_ns, stamps, side="right") - 1
        known = (at >= 0) & (stamps - self.close_ns[at] < self.age)
        return np.where(known, self.close[at], np.nan)


def closes_of(tables: Sequence[pa.Table]) -> Closes:
    """The closes of several tables of bars; of two at one time the first table's."""
    if not tables:
        return Closes(np.empty(0, np.int64), np.empty(0))
    stamps = np.concatenate([numbers(table, "close_ns") for table in tables])
    close = np.concatenate([numbers(table, "close") for table in tables])
    stamps, first = np.unique(stamps, return_index=True)
    step = int(np.median(np.diff(stamps))) if len(stamps) > 1 else 0
    return Closes(stamps, close[first], max(step, HOUR))


def in_coins(table: pa.Table, closes: Closes, notes: list[str]) -> pa.Table:
    """Open interest with the coins of the rows that say USD only; without a price they are left out
    and counted."""
    coins = numbers(table, "oi_base")
    alone = np.isnan(coins)
    if not alone.any():
        return table
    coins = np.where(alone, numbers(table, "oi_usd") / closes.at(numbers(table, "ts")), coins)
    known = np.isfinite(coins)
    valued = int((alone & known).sum())
    if valued:
        notes.append(f"open_interest: {valued:,} rows in USD alone: coins by the last close of the "
                     "bars at or before each")
    if not known.all():
        notes.append(f"open_interest: {int((~known).sum()):,} rows in USD alone left out: no bar "
                     "tells what a coin was worth then")
    table = table.set_column(table.column_names.index("oi_base"), "oi_base", pa.array(coins))
    return table.filter(pa.array(known))


@dataclass(slots=True)
class Valued:
    """How many sums of liquidations got their USD from the bars, and how many could not."""

    rows: int = 0
    left: int = 0

    def told(self, notes: list[str]) -> None:
        """Say it."""
        if self.rows:
            notes.append(f"liquidations: {self.rows:,} sums in coins alone valued at the close of "
                         "the bar at their end")
        if self.left:
            notes.append(f"liquidations: {self.left:,} sums in coins alone left out: no bar tells "
                         "what a coin was worth then")


def in_usd(table: pa.Table, source: str, closes: Closes, valued: Valued) -> pa.Table:
    """Liquidations with the USD of aggregate rows that say coins only.

    Raises UsageError where there are no bars at all to value them, and for single events whose USD
    nothing tells.
    """
    usd = numbers(table, "notional_usd")
    unknown = np.isnan(usd)
    if not unknown.any():
        return table
    coins = numbers(table, "qty_base")
    kinds = table.column("completeness").cast(pa.string()).to_numpy(zero_copy_only=False)
    summed = unknown & np.isfinite(coins) & (kinds == "aggregate")
    _refuse(table, unknown & ~summed, source, coins)
    # such a row stands 1 ns before the end of its bar, and is known from there on
    priced = np.where(summed, coins * closes.at(numbers(table, "ts") + 1), usd)
    priced = np.where(summed & (coins == 0), 0.0, priced)
    known = np.isfinite(priced)
    if not len(closes) and not known.all():
        row, symbol = _first(table, ~known)
        raise UsageError(f"{source}: row {row}: liquidations of {symbol} in coins alone: bars are "
                         "needed to value them (import the bars with them, or before)")
    valued.rows += int((summed & known).sum())
    valued.left += int((~known).sum())
    at = table.column_names.index("notional_usd")
    return table.set_column(at, "notional_usd", pa.array(priced)).filter(pa.array(known))


def _refuse(table: pa.Table, bad: np.ndarray, source: str, coins: Floats) -> None:
    """Refuse events without an amount in USD."""
    if not bad.any():
        return
    row, symbol = _first(table, bad)
    if np.isfinite(coins[int(np.argmax(bad))]):
        raise UsageError(f"{source}: row {row}: what this liquidation of {symbol} was in USD is "
                         "not told: its price is absent, or in another currency")
    raise UsageError(f"{source}: row {row}: the size of a {symbol} contract is not known: say it "
                     "in coins with --contract-size")


def _first(table: pa.Table, mask: np.ndarray) -> tuple[int, str]:
    at = int(np.argmax(mask))
    return int(numbers(table, "source_row")[at]), str(table.column("symbol")[at].as_py())
