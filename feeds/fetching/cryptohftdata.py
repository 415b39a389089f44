"""CryptoHFTData: liquidations of Binance, Bybit and OKX, an object for each hour, without a key.

Documented: 60 requests a minute per address without a key. An hour without an object is told as a
gap: whether the recorder was down or nobody was liquidated, the vendor does not say there.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode

import pyarrow.parquet as pq

from deleverage.errors import DataError
from deleverage.feeds import archives
from deleverage.feeds.fetching.answers import Absent, Unexpected
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.plan import Gap, Item, Plan
from deleverage.feeds.fetching.source import Wanted, insisted, not_the_same, sound
from deleverage.feeds.fetching.store import Store
from deleverage.feeds.readers.names import contract
from deleverage.timestamps import HOUR, parse, show, to_datetime

DOWNLOAD = "https://api.cryptohftdata.com/v1/download"
EXCHANGES = ("binance_futures", "bybit", "okx_futures")
SINCE = parse("2025-06-28")  # the vendor's first day


class CryptoHftData:
    """Hourly liquidations of one coin at three venues (see the module's text)."""

    name = "cryptohftdata"
    about = "CryptoHFTData: liquidations of Binance, Bybit and OKX by the hour, without a key"
    paces: Mapping[str, float] = MappingProxyType({"api.cryptohftdata.com": 1.05})
    key: str | None = None

    def plan(self, wanted: Wanted, client: Client) -> Plan:
        """An object for each venue and hour; there is no listing of them."""
        items: list[Item] = []
        gaps: list[Gap] = []
        if wanted.end_ns <= SINCE:
            raise DataError(f"cryptohftdata has nothing before {show(SINCE)}")
        if wanted.start_ns < SINCE:
            gaps.append(Gap("liquidations", wanted.start_ns, SINCE, "before the vendor's first "
                            "day"))
        end = min(wanted.end_ns, wanted.now_ns - wanted.now_ns % HOUR)
        if end < wanted.end_ns:
            gaps.append(Gap("liquidations", max(end, wanted.start_ns), wanted.end_ns,
                            "not there yet"))
        for exchange in EXCHANGES:
            symbol = symbol_at(exchange, wanted.symbol)
            for hour in range(max(wanted.start_ns, SINCE), end, HOUR):
                items.append(_item(exchange, symbol, hour))
        if not items:
            raise DataError("cryptohftdata has nothing of these days yet")
        return Plan(wanted.symbol.upper(), tuple(items), tuple(gaps))

    def fetch(self, item: Item, store: Store, client: Client, wanted: Wanted) -> bool:
        """One object, plain Parquet or wrapped in zstd."""
        draft = store.draft(item.path)

        def once() -> None:
            client.download(item.url, draft, limit=1 << 30)
            sound(draft, (b"PAR1", b"\x28\xb5\x2f\xfd"), item.url)
            not_the_same(draft, item, store, _rows(draft, item.url))
        try:
            insisted(item, store, client, once)
        except Absent:
            return False
        store.keep(item.path, draft, item.url)
        return True


SOURCE = CryptoHftData()


def symbol_at(exchange: str, symbol: str) -> str:
    """``symbol`` as an exchange writes it: OKX ETH-USDT-SWAP, the others ETHUSDT."""
    one = contract("", symbol)
    if exchange == "okx_futures":
        return f"{one.base}-{one.quote}-SWAP"
    return f"{one.base}{one.quote}"


def _rows(draft: Path, url: str) -> int:
    """How many rows an object has, read to its last one; Unexpected where it cannot be."""
    try:
        with archives.opened(draft) as stream:
            return int(pq.read_table(io.BytesIO(stream.read())).num_rows)
    except DataError:
        raise Unexpected(f"{url}: damaged Parquet", draft.read_bytes()[:1 << 20]) from None


def _item(exchange: str, symbol: str, hour: int) -> Item:
    name = f"{exchange}/{to_datetime(hour):%Y-%m-%d/%H}/{symbol}_liquidations.parquet"
    return Item(CryptoHftData.name, f"cryptohftdata/{name}", f"liquidations {exchange}",
                f"{DOWNLOAD}?{urlencode({'file': name})}", hour, hour + HOUR)
