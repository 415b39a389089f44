"""Which rows of a generic file are wanted, whose they are, and when they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import Ints
from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.generic.column_map import ColumnMap
from deleverage.feeds.readers.names import Contract, contract, same_coin
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR, REPEATED, check_step, repeated
from deleverage.feeds.readers.parsing.frames import Frame, frames, header, need
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.protocol import Log, Request


@dataclass(frozen=True, slots=True)
class Chosen:
    """Wanted rows of one frame: their stamps, and of each row the contract it is about."""

    frame: Frame
    stamps: Ints
    contracts: tuple[Contract, ...]
    which: Ints

    def texts(self, name: str) -> NDArray[Any]:
        """A text of each row's contract."""
        each = np.array([getattr(one, name) for one in self.contracts], dtype=object)
        return each[self.which]

    def kept(self, mask: NDArray[np.bool_]) -> Chosen:
        """Only the rows of ``mask``."""
        return Chosen(self.frame.kept(mask), self.stamps[mask], self.contracts, self.which[mask])


def chosen(path: Path, mapped: ColumnMap, request: Request, log: Log) -> Iterator[Chosen]:
    """The rows of ``path`` that the map and the request want, in the file's order.

    Of bars, their steps are held against the map first, and the newest is left out where the map
    says that it was still open.
    """
    names = mapped.names
    need(path, names or header(path, mapped.delimiter, mapped.encoding), mapped.wanted())
    newest, again = _surveyed(path, mapped, request)
    within_any = False
    for rows in _read(path, mapped, request, mapped.wanted(), log):
        kept = _within(rows.stamps, mapped)
        if len(again):
            twice = np.isin(rows.frame.rows, again)
            log.drop(REPEATED, int((kept & twice).sum()))
            kept &= ~twice
        if mapped.time.drop_newest:
            last = np.array([newest[one] for one in rows.contracts], np.int64)[rows.which]
            log.drop(OPEN_BAR, int((kept & (rows.stamps == last)).sum()))
            kept &= rows.stamps < last
        if kept.any():
            within_any = True
            yield rows if kept.all() else rows.kept(kept)
    if not within_any:
        raise DataError(f"{path}: no row is wanted: see where, from, to and the symbol")


def _surveyed(path: Path, mapped: ColumnMap, request: Request) -> tuple[dict[Contract, int], Ints]:
    """The newest stamp of each series, and the rows of bars that stand again further down.

    Bars whose step is not the map's are refused.
    """
    if mapped.time.stamp == "event" and not mapped.time.drop_newest:
        return {}, np.empty(0, np.int64)
    found: dict[Contract, list[tuple[Ints, Ints]]] = {}
    wanted = [mapped.time.column, *mapped.where, *(
        each for each in (mapped.venue_column, mapped.symbol_column) if each)]
    for rows in _read(path, mapped, request, list(dict.fromkeys(wanted)), Log()):
        for at, one in enumerate(rows.contracts):
            own = rows.which == at
            found.setdefault(one, []).append((rows.stamps[own], rows.frame.rows[own]))
    newest, again = {}, [np.empty(0, np.int64)]
    for one, parts in found.items():
        stamps = np.concatenate([part[0] for part in parts])
        numbers = np.concatenate([part[1] for part in parts])
        newest[one] = int(stamps.max(initial=0))
        if mapped.time.stamp != "event" and mapped.time.step_ns:
            ordered, first = np.unique(stamps, return_index=True)
            check_step(ordered, numbers[first], mapped.time.step_ns, path, _within(ordered, mapped))
        if mapped.aggregated:
            again.append(numbers[repeated(stamps)])
    return newest, np.concatenate(again)


def _within(stamps: Ints, mapped: ColumnMap) -> NDArray[np.bool_]:
    kept = np.ones(len(stamps), np.bool_)
    if mapped.time.from_ns is not None:
        kept &= stamps >= mapped.time.from_ns
    if mapped.time.to_ns is not None:
        kept &= stamps < mapped.time.to_ns
    return kept


def _read(path: Path, mapped: ColumnMap, request: Request, columns: list[str],
          log: Log) -> Iterator[Chosen]:
    for frame in frames(path, columns, names=mapped.names, delimiter=mapped.delimiter,
                        encoding=mapped.encoding):
        mask = np.ones(len(frame), np.bool_)
        for name, values in mapped.where.items():
            text = frame.table.column(name).combine_chunks().cast(pa.string())
            mask &= pc.fill_null(pc.is_in(text, pa.array(values)), False).to_numpy(
                zero_copy_only=False)
        log.drop("left out by where", int((~mask).sum()))
        frame = frame if mask.all() else frame.kept(mask)
        if not len(frame):
            continue
        contracts, which = _whose(path, frame, mapped, request)
        wanted = np.array([not one.delivery and (
            request.symbol is None or mapped.table == "context"
            or same_coin(request.symbol, one.base)) for one in contracts], np.bool_)[which]
        ended = np.array([one.delivery for one in contracts], np.bool_)[which]
        log.drop("delivery contracts", int(ended.sum()))
        log.drop("other coins", int((~wanted & ~ended).sum()))
        if not wanted.all():
            frame, which = frame.kept(wanted), which[wanted]
        if len(frame):
            time = mapped.time
            yield Chosen(frame, times(frame.table.column(time.column), path, time.column,
                                      frame.rows, time.unit, time.format, time.zone_ns),
                         contracts, which)


def _whose(path: Path, frame: Frame, mapped: ColumnMap,
           request: Request) -> tuple[tuple[Contract, ...], Ints]:
    """The contracts in a frame, and which of them each row is about."""
    def coded(name: str | None, fixed: str | None) -> tuple[list[str], Ints]:
        if name is None:
            return [fixed or ""], np.zeros(len(frame), np.int64)
        text = pc.utf8_trim_whitespace(frame.table.column(name).combine_chunks().cast(pa.string()))
        known = pc.fill_null(text, "").dictionary_encode()
        values = known.dictionary.to_pylist()
        indices = known.indices.to_numpy().astype(np.int64)
        if "" in values:
            row = frame.rows[int(np.argmax(indices == values.index("")))]
            raise DataError(f"{path}: row {row}, {name} is empty")
        return values, indices

    symbol = mapped.symbol or (None if mapped.symbol_column else request.symbol)
    if symbol is None and mapped.symbol_column is None and mapped.table != "context":
        raise UsageError(f"{path}: which instrument this is, is not said: symbol or symbol_column "
                         "in the column map, or --symbol")
    venues, of_venue = coded(mapped.venue_column, mapped.venue)
    symbols, of_symbol = coded(mapped.symbol_column, symbol)
    pairs, which = np.unique(of_venue * len(symbols) + of_symbol, return_inverse=True)
    found = tuple(contract(venues[pair // len(symbols)].lower(), symbols[pair % len(symbols)])
                  for pair in pairs.tolist())
    return found, which.astype(np.int64)
