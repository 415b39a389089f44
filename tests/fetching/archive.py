"""Binance's public archive as it is documented: listing by pages, zips with their sums."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from xml.sax.saxutils import escape

from tests.fetching import market
from tests.fetching.loopback import Asked, Reply

_HEADER = ("open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
           "taker_buy_quote_volume,ignore")
_SHIFT = {"klines": 0.0, "markPriceKlines": 0.3, "indexPriceKlines": -0.2}
_METRICS = ("create_time,symbol,sum_open_interest,sum_open_interest_value,"
            "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,"
            "count_long_short_ratio,sum_taker_long_short_vol_ratio")


def ms(date: str) -> int:
    """Epoch ms of a day."""
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)


def _date(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)


@lru_cache(maxsize=256)
def rows(type_: str, start: int, end: int, header: str = "") -> bytes:
    """The CSV of one file."""
    if type_ in _SHIFT:
        lines = [header or _HEADER]
        for each in market.bars(start, end, _SHIFT[type_]):
            traded = ("12.5", f"{12.5 * each.close:.4f}") if type_ == "klines" else ("0", "0")
            lines.append(f"{each.start},{each.open},{each.high},{each.low},{each.close},{traded[0]}"
                         f",{each.start + market.MINUTE - 1},{traded[1]},31,6,{6 * each.close:.4f},"
                         "0")
    elif type_ == "fundingRate":
        lines = [header or "calc_time,funding_interval_hours,last_funding_rate"]
        lines += [f"{at + at // market.HOUR % 13},8,{market.rate(at)}"
                  for at in range(start, end, 8 * market.HOUR)]
    else:
        lines = [header or _METRICS]
        for at in range(start + 5 * market.MINUTE, end + 1, 5 * market.MINUTE):
            coins = 1_900_000 + at // market.MINUTE % 1000
            lines.append(f"{_date(at):%Y-%m-%d %H:%M:%S},ETHUSDT,{coins},"
                         f"{coins * market.price(at):.2f},1.5,1.4,1.3,1.1")
    return ("\n".join(lines) + "\n").encode()


@lru_cache(maxsize=512)
def packed(name: str, content: bytes) -> bytes:
    """A zip of one file, the same bytes each time."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name, (2026, 3, 2, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, content)
    return sink.getvalue()


@dataclass
class Archive:
    """The archive of ETHUSDT: days of [first, last), and which months it has files of.

    ``page`` names a page; ``header`` replaces that of the files of one type; ``without`` are names
    of files that are not there.
    """

    first: str = "2026-01-20"
    last: str = "2026-03-01"
    months: Sequence[str] = ("2026-01", "2026-02", "2026-03")
    page: int = 9
    headers: dict[str, str] = field(default_factory=dict)
    without: Sequence[str] = ()
    symbols: Sequence[str] = ("BTCUSDT", "ETHUSDC", "ETHUSDT")

    def __call__(self, asked: Asked) -> Reply:
        if asked.host == "s3-ap-northeast-1.amazonaws.com":
            return self._listing(asked)
        name = asked.path.lstrip("/")
        plain = name.removesuffix(".CHECKSUM")
        if plain not in self.names():
            return Reply(b"<Error><Code>NoSuchKey</Code></Error>", 404)
        content = self.file(plain)
        if name != plain:
            digest = hashlib.sha256(content).hexdigest()
            return Reply(f"{digest}  {plain.rpartition('/')[2]}\n".encode())
        return Reply(content, 200, {"ETag": f'"{hashlib.md5(content).hexdigest()}"'})

    def names(self) -> dict[str, tuple[str, int, int]]:
        """Every file's path, with its type and its period (ms)."""
        known = _names(self.first, self.last, tuple(self.months))
        return {name: (type_, start, end) for name, type_, start, end in known
                if name.rpartition("/")[2] not in self.without}

    def file(self, path: str) -> bytes:
        """The bytes of one file."""
        type_, start, end = self.names()[path]
        stem = path.rpartition("/")[2].removesuffix(".zip")
        return packed(f"{stem}.csv", rows(type_, start, end, self.headers.get(type_, "")))

    def _listing(self, asked: Asked) -> Reply:
        prefix, marker = asked.query.get("prefix", ""), asked.query.get("marker", "")
        found, folders = [], []
        names = list(self.names())
        names += [name.replace("ETHUSDT", symbol) for symbol in self.symbols for name in names
                  if symbol != "ETHUSDT"]
        for name in sorted([*names, *(f"{name}.CHECKSUM" for name in names)]):
            if not name.startswith(prefix):
                continue
            inner, cut, _ = name.removeprefix(prefix).partition("/")
            if asked.query.get("delimiter") and cut:
                folder = f"{prefix}{inner}/"
                if folder > marker and folder not in folders:
                    folders.append(folder)
            elif name > marker:
                found.append(name)
        more = len(found) + len(folders) > self.page
        return Reply(_xml(prefix, found[:self.page], folders[:self.page], more).encode(), 200,
                     {"Content-Type": "application/xml"})


@lru_cache(maxsize=16)
def _names(first: str, last: str, months: tuple[str, ...]) -> tuple[tuple[str, str, int, int], ...]:
    return tuple(_each(first, last, months))


def _each(first: str, last: str,
          months: tuple[str, ...]) -> Iterator[tuple[str, str, int, int]]:
    above = "data/futures/um"
    for type_ in (*_SHIFT, "fundingRate", "metrics"):
        inner, word = ("/1m", "1m") if type_ in _SHIFT else ("", type_)
        for month in months if type_ != "metrics" else ():
            start = datetime.fromisoformat(f"{month}-01")
            end = (start + timedelta(days=32)).replace(day=1)
            yield (f"{above}/monthly/{type_}/ETHUSDT{inner}/ETHUSDT-{word}-{month}.zip", type_,
                   ms(f"{start:%Y-%m-%d}"), ms(f"{end:%Y-%m-%d}"))
        for day in range(ms(first), ms(last), market.DAY) if type_ != "fundingRate" else ():
            date = f"{_date(day):%Y-%m-%d}"
            yield (f"{above}/daily/{type_}/ETHUSDT{inner}/ETHUSDT-{word}-{date}.zip", type_, day,
                   day + market.DAY)


def _xml(prefix: str, names: Sequence[str], folders: Sequence[str], more: bool) -> str:
    inside = "".join(f"<Contents><Key>{escape(name)}</Key><Size>4321</Size></Contents>"
                     for name in names)
    inside += "".join(f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>"
                      for each in folders)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>data.binance.vision</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{inside}</ListBucketResult>")
