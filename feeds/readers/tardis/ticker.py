"""Tardis derivative_ticker: open interest as it changes, and the funding that was paid.

``funding_timestamp`` is the NEXT settlement and ``funding_rate`` the running estimate for it, so
what was paid is the last rate seen before ``funding_timestamp`` rolls on. A settlement before which
the feed was silent too long is left out: its last estimate is no settlement. Mark prices are ticks
and are not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats, Ints
from deleverage.feeds.readers.names import Contract
from deleverage.feeds.readers.parsing import bounds
from deleverage.feeds.readers.parsing.streams import csv_batches
from deleverage.feeds.readers.parsing.units import DOLLARS, Symbols, Unit, measured
from deleverage.feeds.readers.parsing.values import epoch_ns, floats, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.feeds.settlements import snapped
from deleverage.timestamps import MINUTE, SECOND

FRESH = 10 * MINUTE  # how long before its settlement a rate may have been seen last
AT_THE_END = MINUTE  # the same where the file ends before the roll: a day's file, at midnight
REPEAT = 5 * SECOND  # an unchanged open interest is kept once in this time: the feed was alive
_TEXT = pa.dictionary(pa.int32(), pa.string())
TICKER_KINDS = {"exchange": _TEXT, "symbol": _TEXT, "timestamp": pa.int64(),
                "local_timestamp": pa.int64(), "funding_timestamp": pa.int64(),
                "funding_rate": pa.float64(), "open_interest": pa.float64(),
                "mark_price": pa.float64()}


def ticker_pieces(path: Path, request: Request, log: Log, venues: Mapping[str, str],
                  day: int | None) -> Iterator[Piece]:
    """Open interest and funding of every wanted perpetual in a file."""
    of: dict[str, Symbols] = {}
    tickers: dict[tuple[str, str], _Ticker] = {}
    for batch, rows in csv_batches(path, TICKER_KINDS, log):
        exchange = bounds.names(batch.column("exchange"), path, "exchange", rows)
        symbol = bounds.names(batch.column("symbol"), path, "symbol", rows)
        first = exchange.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        second = symbol.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        pairs = first * len(symbol.dictionary) + second
        for pair in np.unique(pairs):
            name = exchange.dictionary[int(pair) // len(symbol.dictionary)].as_py()
            whose = symbol.dictionary[int(pair) % len(symbol.dictionary)].as_py()
            venue = venues.get(name, name)
            known = of.setdefault(venue, Symbols(venue, request, log)).of(whose)
            mine = pairs == pair
            if not known.wanted:
                continue
            if known.contract.delivery:
                log.drop("a delivery contract", int(mine.sum()))
                continue
            ticker = tickers.setdefault((venue, whose), _Ticker(known.contract, known.unit))
            part = batch if mine.all() else batch.filter(pa.array(mine))
            found = _Rows.of(path, part, rows[mine], day)
            ticker.follow(path, found)
            yield from ticker.pieces(found, log)
    for ticker in tickers.values():
        yield from ticker.end(log)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The columns of some rows of one contract; NaN and 0 (of ``due``) where a cell is empty."""

    numbers: Ints
    ts: Ints
    arrived: Ints
    due: Ints
    rate: Floats
    interest: Floats
    mark: Floats

    @staticmethod
    def of(path: Path, batch: Any, numbers: Ints, day: int | None) -> _Rows:
        def stamps(name: str) -> Ints:
            return epoch_ns(bounds.integers(batch.column(name), path, name, numbers), path, name,
                            numbers)

        def values(name: str) -> Floats:
            return floats(batch.column(name), path, name, numbers, empty=True)

        arrived = stamps("local_timestamp")
        if day is not None:
            bounds.on_day(arrived, day, path, "local_timestamp", numbers)
        due = batch.column("funding_timestamp")
        there = due.is_valid().to_numpy(zero_copy_only=False)
        settled = np.zeros(len(numbers), np.int64)
        settled[there] = epoch_ns(due.drop_null().to_numpy(), path, "funding_timestamp",
                                  numbers[there])
        interest = bounds.not_negative(values("open_interest"), path, "open_interest", numbers)
        mark = bounds.positive(values("mark_price"), path, "mark_price", numbers)
        return _Rows(numbers, stamps("timestamp"), arrived, settled, values("funding_rate"),
                     interest, mark)

    def where(self, mask: Any) -> _Rows:
        return _Rows(*(getattr(self, name)[mask] for name in self.__slots__))


@dataclass(slots=True)
class _Ticker:
    """One contract's ticker as it goes on: what it said last."""

    contract: Contract
    unit: Unit
    last: tuple[float, int] = (np.nan, -1)  # open interest and its stretch of time
    mark: float = np.nan
    pending: tuple[int, float, int, int, int] | None = None  # due, rate, ts, arrived, row
    running: bool = False
    arrived: int = 0

    def follow(self, path: Path, rows: _Rows) -> None:
        """Refuse rows that do not ascend by their arrival: "last before" means nothing there."""
        back = np.diff(np.append(self.arrived, rows.arrived)) < 0
        if back.any():
            refuse(path, back, "local_timestamp", "is before the row above: not sorted", None,
                   rows.numbers)
        self.arrived = int(rows.arrived[-1])

    def pieces(self, rows: _Rows, log: Log) -> Iterator[Piece]:
        far = bounds.far_apart(rows.ts, rows.arrived)
        if far.any():
            log.drop("stamped more than a day from their arrival", int(far.sum()))
            rows = rows.where(~far)
        if not self.running and bool((np.isfinite(rows.rate) & (rows.due == 0)).any()):
            self.running = True
            log.note(f"{self.contract.symbol}: funding rates without the time of their settlement "
                     "are running values: not taken")
        yield from self._interest(rows, log)
        yield from self._funding(rows, log)

    def _interest(self, rows: _Rows, log: Log) -> Iterator[Piece]:
        mark = _filled_on(rows.mark, self.mark)
        there = np.isfinite(rows.interest)
        if len(mark):
            self.mark = float(mark[-1])
        rows, mark = rows.where(there), mark[there]
        if not len(rows.ts):
            return
        if not self.unit.known:
            log.drop(f"{self.contract.venue} {self.contract.symbol}: the unit of its open interest "
                     "is not known here", len(rows.ts))
            return
        stretch = rows.ts // REPEAT
        before = np.append(self.last[0], rows.interest[:-1])
        kept = (rows.interest != before) | (stretch != np.append(self.last[1], stretch[:-1]))
        self.last = (float(rows.interest[-1]), int(stretch[-1]))
        counted, mark, rows = rows.interest[kept], mark[kept], rows.where(kept)
        if not len(rows.ts):
            return
        if self.contract.venue == "bybit":
            log.note(f"{self.contract.symbol}: Bybit's openInterest sums both sides: halved")
            counted = counted / 2
        dollars = 1.0 if self.contract.quote in DOLLARS else np.nan
        coins, usd = measured(counted, mark, self.unit.coins, self.unit.usd, dollars)
        told = np.isfinite(coins)
        log.drop("open interest in USD before the first mark price", int((~told).sum()))
        yield Piece("open_interest", pa.table({
            "ts": rows.ts, "available_at": np.maximum(rows.arrived, rows.ts), "oi_base": coins,
            "oi_usd": usd, "source_row": rows.numbers}).filter(pa.array(told)), self.contract)

    def _funding(self, rows: _Rows, log: Log) -> Iterator[Piece]:
        usable = (rows.due > 0) & np.isfinite(rows.rate)
        past = usable & (rows.ts > rows.due)
        log.drop("a funding_timestamp that lies before its row: no estimate of the next settlement",
                 int(past.sum()))
        rows = rows.where(usable & ~past)
        if not len(rows.ts):
            return
        head = [[each] for each in self.pending] if self.pending is not None else [[]] * 5
        due, rate, ts, arrived, numbers = (
            np.concatenate([np.array(old, new.dtype), new]) for old, new in
            zip(head, (rows.due, rows.rate, rows.ts, rows.arrived, rows.numbers), strict=True))
        rolls = np.flatnonzero(due[1:] != due[:-1])
        self.pending = (int(due[-1]), float(rate[-1]), int(ts[-1]), int(arrived[-1]),
                        int(numbers[-1]))
        kept = due[rolls] <= ts[rolls + 1]
        log.drop("a funding_timestamp that moved before it was due", int((~kept).sum()))
        fresh = due[rolls] - ts[rolls] <= FRESH
        log.drop("a settlement whose last rate was seen more than 10 minutes before",
                 int((kept & ~fresh).sum()))
        at = rolls[kept & fresh]
        if len(at):
            yield self._settled(due[at], rate[at], arrived[at + 1], numbers[at])

    def end(self, log: Log) -> Iterator[Piece]:
        """The settlement at which the file ends: a day's file is cut at midnight."""
        if self.pending is None:
            return
        due, rate, ts, _, number = self.pending
        if due - ts <= AT_THE_END:
            log.note(f"{self.contract.symbol}: the file ends with a settlement; its rate is the "
                     "last one seen")
            yield self._settled(np.array([due]), np.array([rate]), np.array([due]),
                                np.array([number]))

    def _settled(self, due: Ints, rate: Floats, known: Ints, numbers: Ints) -> Piece:
        ts = snapped(due)
        return Piece("funding", pa.table({
            "ts": ts, "raw_ts": due, "available_at": np.maximum(known, ts), "rate": rate,
            "interval_h": np.full(len(ts), np.nan), "source_row": numbers}), self.contract)


def _filled_on(values: Floats, before: float) -> Floats:
    """Each empty value as the last one above it."""
    whole = np.append(before, values)
    last = np.maximum.accumulate(np.where(np.isnan(whole), 0, np.arange(len(whole))))
    return whole[last][1:]
