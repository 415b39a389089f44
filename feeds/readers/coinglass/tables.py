"""Tables people made of CoinGlass's answers: columns are told by their names' shape.

``long_liquidation_usd``, ``longLiquidation_usd``, ``aggregated_long_liquidation_usd``,
``long_liq_usd`` and, under a path that names CoinGlass, ``longUsd`` have all been seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.feeds.readers.names import TOTAL, Contract, contract, same_coin
from deleverage.feeds.readers.parsing.aggregates import Bars, bar_rows, settled, step_of
from deleverage.feeds.readers.parsing.frames import Frame, frames, header
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import floats
from deleverage.feeds.readers.protocol import Log, Piece, Request

_SIDES = {side: re.compile(rf"^(aggregated_?)?{side}_?liq(uidation)?_?usd$", re.I)
          for side in ("long", "short")}
_SHORT_SIDES = {side: re.compile(rf"^{side}_?usd$", re.I) for side in ("long", "short")}
_TIME = re.compile(r"^(time(_?ms|stamp)?|t|date_?time(_?utc)?|date)$", re.I)
_COIN = re.compile(r"^(asset|coin|symbol|base_?asset)$", re.I)


def matter(path: Path, columns: Sequence[str]) -> str | None:
    """What a CSV with these columns is, None if it is none of CoinGlass."""
    known = "coinglass" in str(Path(path.parent.name, path.name)).lower()
    if "exchange" in columns and "liquidation_usd" in columns:
        return "exchange list"
    if _pair(columns, known) and any(map(_TIME.match, columns)):
        return "liquidation history table"
    return None


def _pair(columns: Sequence[str], known: bool) -> tuple[str, str] | None:
    for shapes in (_SIDES, _SHORT_SIDES)[:1 + known]:
        found = [[name for name in columns if shapes[side].match(name)]
                 for side in ("long", "short")]
        if len(found[0]) == 1 and len(found[1]) == 1:
            return found[0][0], found[1][0]
    return None


def pieces(path: Path, request: Request, log: Log) -> Iterator[Piece]:
    """One piece per coin: bars of both sides in USD, without the newest of each."""
    columns = header(path)
    pair = _pair(columns, True)
    time = next((name for name in columns if _TIME.match(name)), None)
    coin = next((name for name in columns if _COIN.match(name)), None)
    if pair is None or time is None:
        raise MissingTable(f"{path}: no columns of time, long and short liquidations (found: "
                           f"{', '.join(columns)})")
    wanted = [time, *pair, *([coin] if coin else [])]
    parts = list(frames(path, wanted))
    whole = Frame(pa.concat_tables([part.table for part in parts]),
                  np.concatenate([part.rows for part in parts]))
    for one, frame in _by_coin(path, whole, coin, request, log):
        values = [floats(frame.table.column(name), path, name, frame.rows) for name in pair]
        starts = times(frame.table.column(time), path, time, frame.rows)
        bars = Bars(starts, frame.rows, *values)
        step = step_of(starts, path, frame.rows, request.timeframe)
        names = {"venue": one.venue, "symbol": one.symbol, "base": one.base}
        yield Piece("liquidations", bar_rows(settled(bars, log), step, path, names), step_ns=step)


def _by_coin(path: Path, whole: Frame, coin: str | None, request: Request,
             log: Log) -> Iterator[tuple[Contract, Frame]]:
    venue = request.venue or TOTAL
    log.note(f"{path.name}: the table does not say whose liquidations these are: "
             + ("taken as a sum over venues (--venue says whose)" if request.venue is None else
                f"taken as {venue}'s, as asked for"))
    if coin is None:
        if request.symbol is None:
            raise UsageError(f"{path}: the table does not say which coin it is about; say it with "
                             "--symbol")
        yield contract(venue, request.symbol), whole
        return
    text = pc.utf8_trim_whitespace(whole.table.column(coin).combine_chunks().cast(pa.string()))
    found = False
    for name in pc.unique(text).to_pylist():
        own = pc.equal(text, name).to_numpy(zero_copy_only=False)
        if not name:
            raise DataError(f"{path}: row {whole.rows[int(np.argmax(own))]}, {coin} is empty")
        if request.symbol is not None and not same_coin(request.symbol, contract("", name).base):
            log.drop("other coins", int(own.sum()))
            continue
        found = True
        yield contract(venue, name), whole.kept(own)
    if not found:
        raise DataError(f"{path}: no row of {request.symbol}")
