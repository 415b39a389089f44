"""Binance's public archive (data.binance.vision): monthly files where a whole month is wanted and
there, daily ones otherwise, each held against its published sha256.

The listing is Amazon's (S3): at most 1000 names a page, the next page begins after ``marker``. No
limit of requests is documented; a few a second are made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from deleverage.errors import DataError, unknown_name
from deleverage.feeds.fetching.answers import Absent, Unexpected
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.plan import Gap, Item, Plan
from deleverage.feeds.fetching.source import Wanted, asked_again, insisted, sound
from deleverage.feeds.fetching.store import Store
from deleverage.timestamps import DAY, from_datetime, show, to_datetime

FILES = "https://data.binance.vision/"
LISTING = "https://s3-ap-northeast-1.amazonaws.com/data.binance.vision"
_CANDLES = ("klines", "markPriceKlines", "indexPriceKlines")
_DAILY_ONLY, _MONTHLY_ONLY = "metrics", "fundingRate"
TYPES = (*_CANDLES, _MONTHLY_ONLY, _DAILY_ONLY)
_PAGES = 200  # of one listing
_SUM = re.compile(rb"^([0-9a-fA-F]{64})\s+\S+\s*$")


class BinanceArchive:
    """The archive's um files of one symbol: candles of 1m, funding, metrics (see the module)."""

    name = "binance-vision"
    about = "Binance's public archive: 1m klines, mark and index klines, funding, open interest"
    paces: Mapping[str, float] = MappingProxyType(
        {"data.binance.vision": 0.1, "s3-ap-northeast-1.amazonaws.com": 0.2})
    key: str | None = None

    def plan(self, wanted: Wanted, client: Client) -> Plan:
        """The files that are listed; what is not is a gap."""
        symbol = wanted.symbol.upper()
        _known(symbol, client)
        items: list[Item] = []
        gaps: list[Gap] = []
        for type_ in TYPES:
            found, missing = _of_type(type_, symbol, wanted, client)
            items += found
            gaps += missing
        if not items:
            raise DataError(_nothing(symbol, wanted, client))
        return Plan(symbol, tuple(items), tuple(gaps), "binance")

    def fetch(self, item: Item, store: Store, client: Client, wanted: Wanted) -> bool:
        """The zip and its CHECKSUM, held against each other."""
        try:
            published = insisted(item, store, client, lambda: _checksum(item, client))
        except Absent:
            return False
        draft = store.draft(item.path)
        insisted(item, store, client, lambda: _zip(item, draft, published[0], client, wanted))
        beside = f"{item.path}.CHECKSUM"
        store.write(beside, published[1], f"{item.url}.CHECKSUM")
        store.keep(item.path, draft, item.url)
        return True


SOURCE = BinanceArchive()


def _checksum(item: Item, client: Client) -> tuple[str, bytes]:
    url = f"{item.url}.CHECKSUM"
    body = client.get(url, limit=1 << 12).body
    match = _SUM.match(body)
    if match is None:
        raise Unexpected(f"{url}: not a sha256 and a file name", body)
    return match[1].decode().lower(), body


def _zip(item: Item, draft: Path, published: str, client: Client, wanted: Wanted) -> None:
    client.download(item.url, draft, limit=4 << 30)
    with draft.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != published and not wanted.allow_bad_checksum:
        raise Unexpected(f"{item.url}: sha256 {found[:12]}…, its CHECKSUM says {published[:12]}… "
                         "(--allow-bad-checksum takes it all the same)",
                         draft.read_bytes()[:64 << 20])
    sound(draft, (b"PK\x03\x04",), item.url)


# ------------------------------------------------------------------ what there is


def _of_type(type_: str, symbol: str, wanted: Wanted,
             client: Client) -> tuple[list[Item], list[Gap]]:
    """Files of one type that cover what is wanted, months before days; and what none covers."""
    end = min(wanted.end_ns, wanted.now_ns)
    monthly = _listed("monthly", type_, symbol, wanted, client) if type_ != _DAILY_ONLY else {}
    daily: dict[str, int] | None = None
    items: list[Item] = []
    gaps: list[Gap] = []
    # the settlement at the end of the last bar stands in the file of the month that begins there
    until = wanted.end_ns + (type_ == _MONTHLY_ONLY)
    for first, last in months(wanted.start_ns, until):
        name = f"{to_datetime(first):%Y-%m}"
        whole = wanted.start_ns <= first and last <= wanted.end_ns
        if name in monthly and (whole or type_ == _MONTHLY_ONLY):
            items.append(_item("monthly", type_, symbol, name, (first, last), monthly[name]))
            continue
        if first >= wanted.end_ns:
            continue
        if type_ == _MONTHLY_ONLY:
            why = "not in the archive (a month's file comes after it)"
            gaps.append(Gap(type_, max(first, wanted.start_ns), min(last, wanted.end_ns), why))
            continue
        if daily is None:
            daily = _listed("daily", type_, symbol, wanted, client)
        day = max(first, wanted.start_ns - wanted.start_ns % DAY)
        while day < min(last, wanted.end_ns):
            name = f"{to_datetime(day):%Y-%m-%d}"
            if name in daily:
                items.append(_item("daily", type_, symbol, name, (day, day + DAY), daily[name]))
            else:
                why = "not there yet" if day + DAY > end else "not in the archive"
                gaps.append(Gap(type_, day, day + DAY, why))
            day += DAY
    return items, gaps


def _folder(cut: str, type_: str, symbol: str) -> str:
    inner = "/1m" if type_ in _CANDLES else ""
    return f"data/futures/um/{cut}/{type_}/{symbol}{inner}/"


def _item(cut: str, type_: str, symbol: str, date: str, span: tuple[int, int], size: int) -> Item:
    word = "1m" if type_ in _CANDLES else type_
    path = f"{_folder(cut, type_, symbol)}{symbol}-{word}-{date}.zip"
    return Item(BinanceArchive.name, path, f"{cut} {type_}", FILES + path, *span, size)


def _listed(cut: str, type_: str, symbol: str, wanted: Wanted, client: Client) -> dict[str, int]:
    """Date in a file's name to its size, of the files about the range wanted."""
    word = "1m" if type_ in _CANDLES else type_
    stem = f"{_folder(cut, type_, symbol)}{symbol}-{word}-"
    ends = (f"{to_datetime(stamp):%Y-%m-%d}" for stamp in (wanted.start_ns, wanted.end_ns))
    shared = _shared(*ends)
    found = {}
    for name, size in _names(stem + shared, client):
        if name.endswith(".zip"):
            found[name.removeprefix(stem).removesuffix(".zip")] = size
    return found


def _shared(first: str, last: str) -> str:
    """What two dates have in common at their start, at most the month."""
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=True)) if a != b), 7)
    return first[:min(length, 7)]


def _names(prefix: str, client: Client) -> Iterator[tuple[str, int]]:
    """Names and sizes of all that begins with ``prefix``, page by page."""
    marker = ""
    for _ in range(_PAGES):
        names, _, more = _page(prefix, marker, client, "")
        yield from names
        if not more or not names:
            return
        marker = names[-1][0]
    raise DataError(f"{LISTING}: the listing of {prefix} has no end")


def _page(prefix: str, marker: str, client: Client,
          delimiter: str) -> tuple[list[tuple[str, int]], list[str], bool]:
    """Names, folders and whether there are more, of one page of the listing."""
    def once() -> tuple[list[tuple[str, int]], list[str], bool]:
        answer = client.get(LISTING, {"prefix": prefix, "marker": marker, "delimiter": delimiter})
        try:
            names, folders, more = _parsed(answer.body)
            odd = [name for name in (*(name for name, _ in names), *folders)
                   if not name.startswith(prefix) or name <= marker]
            if odd:
                raise ValueError(f"{odd[0]!r} does not belong on the page after {marker!r}")
        except (ElementTree.ParseError, ValueError, TypeError) as error:
            raise Unexpected(f"{LISTING}?prefix={prefix}: not a listing: {error}", answer.body
                             ) from None
        return names, folders, more
    return asked_again(client, once)


def _parsed(body: bytes) -> tuple[list[tuple[str, int]], list[str], bool]:
    if b"<!" in body:  # a listing declares nothing; declared entities could unfold beyond measure
        raise ValueError("it has a declaration")
    root = ElementTree.fromstring(body)
    if root.tag.rpartition("}")[2] != "ListBucketResult":
        raise ValueError(f"its root is {root.tag[:60]!r}")
    space = root.tag.rpartition("}")[0] + "}" if "}" in root.tag else ""
    names = [(str(each.findtext(f"{space}Key")), int(str(each.findtext(f"{space}Size"))))
             for each in root.iter(f"{space}Contents")]
    folders = [str(each.findtext(f"{space}Prefix")) for each in root.iter(f"{space}CommonPrefixes")]
    return names, folders, root.findtext(f"{space}IsTruncated") == "true"


def _known(symbol: str, client: Client) -> None:
    """UnknownName with the nearest symbols unless the archive has candles of ``symbol``."""
    above = "data/futures/um/monthly/klines/"
    if _page(f"{above}{symbol}/", "", client, "/")[1]:
        return
    known: list[str] = []
    marker, more = "", True
    while more and len(known) < 5_000:
        _, folders, more = _page(above, marker, client, "/")
        known += [folder.removeprefix(above).rstrip("/") for folder in folders]
        if not folders:
            break
        marker = folders[-1]
    error = unknown_name("symbol", symbol, known)
    if symbol in known:
        return
    raise type(error)(str(error).partition(" (known:")[0] + f" (binance-vision has {len(known)})")


def _nothing(symbol: str, wanted: Wanted, client: Client) -> str:
    """Why no file fits: before the first one, or after the last."""
    for cut in ("monthly", "daily"):
        stem = f"{_folder(cut, 'klines', symbol)}{symbol}-1m-"
        names = [name for name, _ in _names(stem, client) if name.endswith(".zip")]
        if names:
            first, last = (name.removeprefix(stem).removesuffix(".zip")
                           for name in (names[0], names[-1]))
            return (f"{symbol}: nothing in the archive from {show(wanted.start_ns)} to "
                    f"{show(wanted.end_ns)} ({cut} klines go from {first} to {last})")
    return f"{symbol}: nothing in the archive"


def months(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The calendar months (UTC) that [start, end) touches, as [first, last) in ns."""
    first = to_datetime(start).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while from_datetime(first) < end:
        following = (first + timedelta(days=32)).replace(day=1)
        yield from_datetime(first), from_datetime(following)
        first = following
