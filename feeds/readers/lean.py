"""QuantConnect Lean's data of crypto futures: funding (``margin_interest``) and minute trades.

Funding has no header: ``yyyyMMdd HH:mm:ss,rate``, UTC, and may lack its last line end. Minute
trades are ``milliseconds of the day, open, high, low, close, volume``, stamped with the open; the
day stands in the name. Folders name venue and symbol (``cryptofuture/binance/minute/btcusd/
20221213_trade.zip``), in lower case; Binance's ``btcusd`` is its coin-margined BTCUSD_PERP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats
from deleverage.errors import DataError
from deleverage.feeds.readers.names import Contract, binance_cm_usd, contract
from deleverage.feeds.readers.parsing.frames import Frame, frames
from deleverage.feeds.readers.parsing.prices import candles
from deleverage.feeds.readers.parsing.stamps import times
from deleverage.feeds.readers.parsing.values import floats, refuse
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input
from deleverage.feeds.readers.venue_names import venue_of
from deleverage.timestamps import DAY, MINUTE, from_datetime

_FUNDING = re.compile(rb"^\d{8} \d\d:\d\d:\d\d,-?[0-9.]+([eE]-?\d+)?\r?(\n|$)")
_TRADE = re.compile(r"^(\d{8})_(?:([a-z0-9]+)_minute_)?(trade|quote|openinterest)(?:_perp)?"
                    r"\.(zip|csv)$")
_MINUTE = re.compile(rb"^\d{1,8}(,[0-9.eE+-]+){5}\r?(\n|$)")
_PRICES = ("time", "open", "high", "low", "close", "volume")


class Lean:
    """Reader of Lean's crypto futures (see the module's text)."""

    name = "lean"
    about = "QuantConnect Lean: margin_interest (funding) and minute trades of crypto futures"
    provider = "QuantConnect Lean"
    gives: tuple[str, ...] = ("bars", "funding")
    version = 2

    def kind(self, path: Path, head: bytes) -> str | None:
        """By the folders and names Lean uses, and the shape of the first line."""
        if "margin_interest" in f"{path.parent.name} {path.name}" and _FUNDING.match(head):
            return "Lean margin interest"
        named = _TRADE.match(path.name)
        if named is None or (named[2] is None and path.parent.parent.name != "minute"):
            return None
        if named[3] != "trade":
            return f"Lean minute {named[3]}"
        return "Lean minute trades" if _MINUTE.match(head) else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of a file (see the FileReader protocol)."""
        from deleverage.feeds.archives import head

        kind = self.kind(path, head(path))
        if kind == "Lean margin interest":
            one = _about(path, path.stem.rpartition("_")[2], request)
            for frame in frames(path, names=("time", "rate")):
                yield _settlements(frame, path, one)
        elif kind == "Lean minute trades":
            named = _TRADE.match(path.name)
            assert named is not None
            one = _about(path, named[2] or path.parent.name, request)
            for frame in frames(path, names=_PRICES):
                yield _minutes(frame, path, named[1], one, log)
        elif kind:
            raise not_an_input(path, kind)
        else:
            raise DataError(f"{path}: not a file of Lean's crypto futures")


READER = Lean()


def _about(path: Path, name: str, request: Request) -> Contract:
    """The contract of a file, by its name and folders."""
    symbol = name.upper()
    words = set(re.split(r"[^a-z0-9]+", "/".join((*path.parts[-5:-1], path.name)).lower()))
    told = [each for each in sorted(words) if each in _VENUES]
    venue = told[0] if len(told) == 1 else venue_of(path, request.venue)
    one = contract(venue, symbol)
    if venue == "binance" and one.quote == "USD":
        return contract("binance_cm", f"{symbol}_PERP")
    return one


_VENUES = ("binance", "bybit", "dydx")


def _settlements(frame: Frame, path: Path, one: Contract) -> Piece:
    stamps = times(frame.table.column("time"), path, "time", frame.rows,
                   format="%Y%m%d %H:%M:%S")
    rate = floats(frame.table.column("rate"), path, "rate", frame.rows)
    return Piece("funding", pa.table({
        "ts": stamps, "raw_ts": stamps, "available_at": stamps, "rate": rate,
        "interval_h": np.full(len(stamps), np.nan), "source_row": frame.rows}), one)


def _minutes(frame: Frame, path: Path, day: str, one: Contract, log: Log) -> Piece:
    values = {name: floats(frame.table.column(name), path, name, frame.rows) for name in _PRICES}
    moment = values["time"]
    off = ~((moment >= 0) & (moment * 1e6 < DAY) & (moment % 60_000 == 0))
    if off.any():
        refuse(path, off, "time", "is no minute of a day in ms", moment, frame.rows)
    try:
        start = from_datetime(datetime.strptime(day, "%Y%m%d"))
    except ValueError:
        raise DataError(f"{path}: {day} in the name is no day") from None
    opens = start + moment.astype(np.int64) * 1_000_000
    lines: dict[str, Floats] = {name: values[name] for name in _PRICES[1:]}
    if one.venue == "binance_cm":
        log.note(f"{path.name}: volume is taken as contracts of {binance_cm_usd(one.base):g} USD")
        lines["volume"] = lines["volume"] * binance_cm_usd(one.base) / lines["close"]
    return candles("bars", opens, MINUTE, lines, frame.rows, path, one)
