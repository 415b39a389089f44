"""CSV of home-made recorders of ``!forceOrder@arr``: 12 columns, never a header.

``symbol,side,type,time_in_force,orig_qty,price,avg_price,status,last_qty,cum_qty,time_ms,usd``.
A start-up banner may be glued to the first symbol; symbols lack their quote where it is USDT; the
average may be ``None``; ``usd`` is of the limit and at times in millions: it is never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from deleverage.columns import Ints
from deleverage.errors import DataError
from deleverage.feeds.readers.binance.layout import Layout, digits, streamed
from deleverage.feeds.readers.binance.orders import Orders, after_a_second, without_unfilled
from deleverage.feeds.readers.parsing.values import epoch_ns, floats
from deleverage.feeds.readers.protocol import Log

COLUMNS = ("symbol", "side", "type", "time_in_force", "orig_qty", "price", "avg_price", "status",
           "last_qty", "cum_qty", "time_ms", "usd")
_NUMBERS = ("orig_qty", "price", "avg_price", "cum_qty")
_LAYOUT = Layout(COLUMNS, {"symbol": pa.string(), "side": pa.string(), "status": pa.string(),
                           "time_ms": pa.int64(), **dict.fromkeys(_NUMBERS, pa.float64())},
                 frozenset({"avg_price"}), headed=False)
_QUOTES = ("USDT", "USDC", "BUSD", "FDUSD")
_SYMBOL = re.compile(r"[A-Z0-9\u0080-\uffff]+(?:_(?:PERP|\d{6,8}))?")
_GLUED = re.compile(rf"(?P<banner>.*[^A-Z0-9_\u0080-\uffff])(?P<symbol>{_SYMBOL.pattern})")
_FORCES = ("IOC", "GTC", "FOK", "GTX")


def is_recorder_row(cells: list[str]) -> bool:
    """Whether the cells of a file's first line are this layout's."""
    return (len(cells) == len(COLUMNS) and cells[1] in ("SELL", "BUY") and cells[3] in _FORCES
            and cells[7].isupper() and digits(cells[10]) and len(cells[10]) == 13
            and all(digits(cells[at].replace(".", "", 1)) for at in (4, 5, 8, 9)))


def orders(path: Path, log: Log) -> Iterator[Orders]:
    """The orders of one file, block by block, with the venue's own symbols."""
    for table, rows in streamed(path, _LAYOUT):
        number = {key: floats(table.column(key), path, key, rows, empty=key == "avg_price")
                  for key in _NUMBERS}
        time = epoch_ns(table.column("time_ms").to_numpy(), path, "time_ms", rows)
        made = Orders(_symbols(path, table.column("symbol").combine_chunks(), rows, log),
                      table.column("side").combine_chunks(), number["orig_qty"],
                      number["cum_qty"], number["price"], number["avg_price"], time,
                      after_a_second(time), rows)
        yield made.where(without_unfilled(table.column("status").combine_chunks(), path, "status",
                                          rows, log))


def _symbols(path: Path, column: pa.Array, rows: Ints, log: Log) -> pa.DictionaryArray:
    """Symbols with their quotes, the first one without the banner glued to it."""
    coded = column.dictionary_encode()
    which = coded.indices.to_numpy()
    names = []
    for number, text in enumerate(coded.dictionary.to_pylist()):
        at = int((which == number).argmax())
        glued = _GLUED.fullmatch(text) if rows[at] == 1 else None
        if glued is not None:
            log.note(f"{path.name}: row 1: {glued['banner']!r} stands before {glued['symbol']}: "
                     "cut off")
            text = glued["symbol"]
        if not _SYMBOL.fullmatch(text):
            raise DataError(f"{path}: row {rows[at]}, symbol is none, found {text!r}")
        names.append(_quoted(text))
    index = pa.array(which)
    return pa.array(names, pa.string()).take(index).dictionary_encode()


def _quoted(symbol: str) -> str:
    """A symbol with its quote: ``ETH`` is ETHUSDT; ETHUSDC, ETH_250627, ETHUSD_PERP say theirs."""
    told = "_" in symbol or any(symbol.endswith(quote) and symbol != quote for quote in _QUOTES)
    return symbol if told else symbol + "USDT"
