"""Names of venues as they appear in folders of market data."""

from __future__ import annotations

import re
from pathlib import Path

from deleverage.errors import UsageError, unknown_name

KNOWN = ("binance", "bingx", "bitget", "bitmex", "bybit", "coinbase", "deribit", "dydx", "gate",
         "htx", "hyperliquid", "kraken", "krakenfutures", "kucoin", "lighter", "mexc", "okx")
_ALIASES = {"gateio": "gate", "okex": "okx", "huobi": "htx", "binanceusdm": "binance"}


def venue_of(folder: Path, asked: str | None) -> str:
    """The venue asked for, else the one named by ``folder`` or by the folder above ``futures``.

    Raises UnknownName for a misspelt one, UsageError where the folder does not tell.
    """
    if asked is not None:
        name = _ALIASES.get(asked.lower(), asked.lower())
        if name not in KNOWN:
            raise unknown_name("venue", asked, KNOWN)
        return name
    named = folder.resolve()
    named = named.parent if named.name == "futures" else named
    words = re.split(r"[^a-z0-9]+", named.name.lower())
    found = sorted({_ALIASES.get(word, word) for word in words} & set(KNOWN))
    if len(found) != 1:
        raise UsageError(f"{folder}: the folder's name does not tell the venue; say it with "
                         f"--venue (known: {', '.join(KNOWN)})")
    return found[0]
