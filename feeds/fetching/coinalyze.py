"""Coinalyze: sums of liquidations and open interest by the day, with a free key.

Documented: 40 calls a minute, a symbol counts as a call; the key is sent as the header ``api_key``
(``COINALYZE_API_KEY``). Days are kept, shorter bars go after 1500 to 2000 of them. Codes of
exchanges and contracts are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from deleverage.errors import UsageError, unknown_name
from deleverage.feeds.fetching.answers import Answer, Unexpected
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.keys import needed_key
from deleverage.feeds.fetching.plan import Gap, Item, Plan
from deleverage.feeds.fetching.source import Wanted, asked_again, document, taken
from deleverage.feeds.fetching.store import Store
from deleverage.timestamps import DAY, SECOND

API = "https://api.coinalyze.net/v1"
KEY = "COINALYZE_API_KEY"
_HISTORIES = ("liquidation-history", "open-interest-history")


class Coinalyze:
    """Daily sums of one contract of Binance (see the module's text)."""

    name = "coinalyze"
    about = "Coinalyze: daily liquidations and open interest of Binance's contract (free key)"
    paces: Mapping[str, float] = MappingProxyType({"api.coinalyze.net": 1.55})
    key: str | None = KEY

    def plan(self, wanted: Wanted, client: Client) -> Plan:
        """One answer for each history."""
        own = needed_key(KEY, "coinalyze needs its free key")
        symbol = _code(wanted.symbol.upper(), own, client)
        today = wanted.now_ns - wanted.now_ns % DAY
        end = min(wanted.end_ns, today)
        if end <= wanted.start_ns:
            raise UsageError("coinalyze has whole days only: none of these is over")
        gaps = (Gap("all", end, wanted.end_ns, "not there yet"),) if end < wanted.end_ns else ()
        return Plan(wanted.symbol.upper(), tuple(
            _item(history, symbol, wanted.start_ns, end) for history in _HISTORIES), gaps)

    def fetch(self, item: Item, store: Store, client: Client, wanted: Wanted) -> bool:
        """One history whole; the day after the last is asked for too, its reader leaves it out."""
        own = needed_key(KEY, "coinalyze needs its free key")
        found: list[bool] = []

        def content(answer: Answer) -> bytes:
            found.append(_held(answer, str(item.asks["symbols"]), item))
            return answer.body
        taken(item, store, client, lambda: client.get(item.url, item.asks, {"api_key": own}),
              content, final=False)
        if not found[-1]:
            store.forget(item.path)
        return found[-1]


SOURCE = Coinalyze()


def _item(history: str, symbol: str, start: int, end: int) -> Item:
    """Liquidations in USD, which the name of the file says; open interest in coins."""
    usd = history == "liquidation-history"
    asks = {"symbols": symbol, "interval": "daily", "from": start // SECOND, "to": end // SECOND,
            "convert_to_usd": "true" if usd else "false"}
    name = f"{'usd_' if usd else ''}{symbol}_{start // SECOND}_{end // SECOND}.json"
    return Item(Coinalyze.name, f"coinalyze/{history}/{name}", history, f"{API}/{history}", start,
                end, None, MappingProxyType(asks))


def _code(symbol: str, own: str, client: Client) -> str:
    """The vendor's name of Binance's perpetual ``symbol``."""
    codes = [row["code"] for row in _listed("exchanges", ("name", "code"), own, client)
             if str(row["name"]).lower() == "binance"]
    rows = _listed("future-markets", ("symbol", "exchange", "symbol_on_exchange"), own, client)
    known = {str(row["symbol_on_exchange"]): str(row["symbol"]) for row in rows
             if row["exchange"] in codes and row.get("is_perpetual", True)}
    if symbol not in known:
        error = unknown_name("symbol", symbol, known)
        raise type(error)(str(error).partition(" (known:")[0] + f" (coinalyze has {len(known)} of "
                          "Binance)")
    return known[symbol]


def _listed(what: str, keys: tuple[str, ...], own: str, client: Client) -> list[dict[str, Any]]:
    def once() -> list[dict[str, Any]]:
        answer = client.get(f"{API}/{what}", None, {"api_key": own})
        rows = document(answer)
        if not isinstance(rows, list) or not all(
                isinstance(row, dict) and set(keys) <= set(row) for row in rows):
            raise Unexpected(f"{answer.url}: not the documented list of {', '.join(keys)}",
                             answer.body)
        return rows
    return asked_again(client, once)


def _held(answer: Answer, symbol: str, item: Item) -> bool:
    """Whether an answer has rows; Unexpected unless they are of the symbol and time asked for."""
    parsed = document(answer)
    try:
        stamps = [int(row["t"]) * SECOND for each in parsed for row in each["history"]
                  if each["symbol"] == symbol]
        others = [each["symbol"] for each in parsed if each["symbol"] != symbol]
    except (KeyError, TypeError, ValueError):
        raise Unexpected(f"{answer.url}: not the documented answer", answer.body) from None
    if others or any(not item.start_ns <= stamp <= item.end_ns for stamp in stamps):
        raise Unexpected(f"{answer.url}: rows of another symbol or time than asked for",
                         answer.body)
    return bool(stamps)
