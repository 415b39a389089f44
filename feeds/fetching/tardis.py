"""Tardis: liquidations of Binance, Bybit and OKX, a file for each day.

The first day of every month is free, the others need a key in ``TARDIS_API_KEY``. A day's file is
final some minutes after midnight; no limit of requests is documented for single files.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from deleverage.errors import UsageError
from deleverage.feeds.fetching.answers import Absent
from deleverage.feeds.fetching.cryptohftdata import symbol_at
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.keys import key
from deleverage.feeds.fetching.plan import Gap, Item, Plan
from deleverage.feeds.fetching.source import Wanted, insisted, sound
from deleverage.feeds.fetching.store import Store
from deleverage.timestamps import DAY, HOUR, to_datetime

FILES = "https://datasets.tardis.dev/v1"
KEY = "TARDIS_API_KEY"
EXCHANGES = ("binance-futures", "bybit", "okex-swap")


class Tardis:
    """Daily liquidations of one coin at three venues (see the module's text)."""

    name = "tardis"
    about = "Tardis: liquidations of Binance, Bybit and OKX by the day (first of a month: no key)"
    paces: Mapping[str, float] = MappingProxyType({"datasets.tardis.dev": 0.2})
    key: str | None = KEY

    def plan(self, wanted: Wanted, client: Client) -> Plan:
        """A file for each venue and day that may be had."""
        items: list[Item] = []
        gaps: list[Gap] = []
        for day in range(wanted.start_ns, wanted.end_ns, DAY):
            if day + DAY + HOUR > wanted.now_ns:
                gaps.append(Gap("liquidations", day, day + DAY, "not there yet"))
            elif key(KEY) is None and to_datetime(day).day != 1:
                gaps.append(Gap("liquidations", day, day + DAY, f"needs a key in {KEY} (free is "
                                "the first of a month)"))
            else:
                items += [_item(exchange, wanted.symbol, day) for exchange in EXCHANGES]
        if not items:
            raise UsageError(f"tardis: {gaps[0]}" if gaps else "tardis: no day asked for")
        return Plan(wanted.symbol.upper(), tuple(items), tuple(gaps))

    def fetch(self, item: Item, store: Store, client: Client, wanted: Wanted) -> bool:
        """One day's file; an empty one is a day without a liquidation."""
        draft, own = store.draft(item.path), key(KEY)
        headers = {"Authorization": f"Bearer {own}"} if own else {}

        def once() -> None:
            client.download(item.url, draft, headers, limit=8 << 30)
            sound(draft, (b"\x1f\x8b",), item.url)
        try:
            insisted(item, store, client, once)
        except Absent:
            return False
        store.keep(item.path, draft, item.url)
        return True


SOURCE = Tardis()


def _item(exchange: str, symbol: str, day: int) -> Item:
    own = symbol_at("okx_futures" if exchange == "okex-swap" else exchange, symbol)
    name = f"{exchange}/liquidations/{to_datetime(day):%Y/%m/%d}/{own}.csv.gz"
    return Item(Tardis.name, f"tardis/{name}", f"liquidations {exchange}", f"{FILES}/{name}", day,
                day + DAY)
