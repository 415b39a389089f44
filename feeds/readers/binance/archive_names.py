"""What the names of Binance's archive tell: contract, interval, period; and its folders, the type.

``data/futures/{um|cm}/{daily|monthly}/{type}/{SYMBOL}[/{interval}]/{SYMBOL}-{interval|type}-{date}``
is the layout. Candles of the last price, of mark, index and premium share file names: only the
folder tells them apart. ``um_``, ``cm_`` or ``spot_`` before a name counts as the folder does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.names import Contract, contract, same_coin
from deleverage.feeds.readers.protocol import Log, Request
from deleverage.timestamps import DAY, HOUR, MINUTE, SECOND, from_datetime

CANDLES = {"klines": "bars", "markPriceKlines": "mark", "indexPriceKlines": "index",
           "premiumIndexKlines": "premium"}
NO_INPUT = ("aggTrades", "trades", "bookTicker", "bookDepth")
TYPES = ("fundingRate", "metrics", "liquidationSnapshot", *NO_INPUT)
VENUES = {"um": "binance", "cm": "binance_cm"}

_NAME = re.compile(rf"^(?:(?P<market>um|cm|spot)_)?(?P<symbol>[^-./\s]+)-"
                   rf"(?P<what>\d+(?:s|m|h|d|w|mo)|{'|'.join(TYPES)})-"
                   r"(?P<date>\d{4}-\d{2}(?:-\d{2})?)(?=\.|$)")
_INTERVAL = re.compile(r"^(\d+)(s|m|h|d|w)$")
_UNIT = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_COIN_MARGINED = re.compile(r"USD(_|$)")
_DOLLARS = ("BUSD", "FDUSD", "TUSD")


@dataclass(frozen=True, slots=True)
class ArchiveName:
    """A file of the archive by its name: ``what`` is an interval or a type, the period is [start,
    end) in ns; ``market`` (um, cm, spot) and ``candles`` (a type of candles) are None where neither
    folder nor name tells."""

    symbol: str
    what: str
    date: str
    start_ns: int
    end_ns: int
    market: str | None
    candles: str | None

    @property
    def step_ns(self) -> int | None:
        """The length of its candles; None for months and for what holds no candles."""
        match = _INTERVAL.match(self.what)
        return int(match[1]) * _UNIT[match[2]] if match else None

    @property
    def type(self) -> str | None:
        """``fundingRate`` … as the name says it, ``klines`` … as the folder says it."""
        return self.what if self.what in TYPES else self.candles


def archive_name(path: Path) -> ArchiveName | None:
    """``path`` taken apart; None where its name is not of the archive's pattern."""
    match = _NAME.match(path.name)
    if match is None:
        return None
    try:
        start, end = _period(match["date"])
    except ValueError:
        return None
    folders = path.absolute().parts[-2::-1]
    market = next((part for part in folders if part in ("um", "cm", "spot")), None)
    candles = None if match["what"] in TYPES else candles_folder(path)
    return ArchiveName(match["symbol"], match["what"], match["date"], start, end,
                       match["market"] or market, candles)


def candles_folder(path: Path) -> str | None:
    """The nearest folder above ``path`` that is a type of candles."""
    return next((part for part in path.absolute().parts[-2::-1] if part in CANDLES), None)


def coin_margined(symbol: str) -> bool:
    """Whether ``symbol`` is a coin-margined contract or its pair: ETHUSD_PERP, ETHUSD."""
    return bool(_COIN_MARGINED.search(symbol)) and not symbol.endswith(_DOLLARS)


def contract_of(path: Path, name: ArchiveName, symbol: str | None = None) -> Contract:
    """The contract a file is about; DataError where the folder holds the other market's symbol."""
    symbol = symbol or name.symbol
    own = "cm" if coin_margined(symbol) else "um"
    if name.market not in (own, None):
        raise DataError(f"{path}: lies under {name.market}, but {symbol} is a symbol of {own}")
    return contract(VENUES[own], symbol)


def named_contract(path: Path, name: ArchiveName | None, request: Request, log: Log,
                   example: str) -> tuple[ArchiveName, Contract] | None:
    """Name and contract of a file whose rows do not name it; None, and a note, where the request is
    about another coin. UsageError where the name, as in ``example``, was lost."""
    if name is None:
        raise UsageError(f"{path}: the rows do not name their contract; keep the archive's name, "
                         f"as in {example}")
    found = contract_of(path, name)
    if request.symbol is not None and not same_coin(request.symbol, found.base):
        log.note(f"{path.name}: {found.symbol} is not {request.symbol}: left out")
        return None
    return name, found


def _period(date: str) -> tuple[int, int]:
    """A day or a month as [start, end); ValueError for one that does not exist."""
    year, month, *day = (int(word) for word in date.split("-"))
    if day:
        start = from_datetime(datetime(year, month, day[0], tzinfo=UTC))
        return start, start + DAY
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return from_datetime(datetime(year, month, 1, tzinfo=UTC)), from_datetime(following)
