"""The same contract under the names of its venues, and how large one contract is.

Symbols are as in the venues' own documents: Binance ``ETHUSDT``, its coin-margined ``ETHUSD_PERP``,
OKX ``ETH-USDT-SWAP``, Hyperliquid ``ETH``, Gate ``ETH_USDT``, Kraken ``PF_ETHUSD``, Coinalyze
``ETHUSDT_PERP.A``, ccxt ``ETH/USDT:USDT``, freqtrade ``ETH_USDT_USDT``, Tardis in capitals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# in this order, longest first: ETHUSDT is ETH in USDT, never ETHU in SDT
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "BTC", "ETH")
TOTAL = "all"  # the venue of rows that are a vendor's sum over venues
_ALIASES = {"XBT": "BTC"}
_LEADING = re.compile(r"^(PF|PI|FI|FF)_")
_DELIVERY = re.compile(r"^(\d{6,8}|\d{1,2}[A-Z]{3}\d{2})$")  # 250926, 27DEC24
_QUARTER = re.compile(r"^([A-Z0-9]+USDT?)[FGHJKMNQUVXZ]\d{2}$")  # BTCUSDH25
_WORDS_OF_KIND = {"PERP", "SWAP", "PERPETUAL"}


@dataclass(frozen=True, slots=True)
class Contract:
    """What rows are about: venue as the product calls it, the venue's own symbol, its two coins.

    ``delivery`` is True for a contract with an end: no perpetual, so no row of a dataset.
    """

    venue: str
    symbol: str
    base: str
    quote: str
    delivery: bool = False


def contract(venue: str, symbol: str) -> Contract:
    """``symbol`` taken apart as any of the venues above writes it.

    A symbol that ends in no known quote is a coin by itself (Hyperliquid's ``ETH``), quoted in
    USDC at Hyperliquid and in USD elsewhere. Coins keep their prefix (``xyz:SILVER``).
    """
    plain = symbol.split(".", 1)[0] if "_PERP." in symbol else symbol
    if "/" in plain:  # ccxt: BASE/QUOTE:SETTLE
        base, _, rest = plain.partition("/")
        return Contract(venue, symbol, _coin(base), _coin(rest.split(":")[0]),
                        "-" in rest)
    words = [word for word in re.split(r"[_-]", _LEADING.sub("", plain)) if word]
    delivery = any(_DELIVERY.match(word) for word in words)
    words = [word for word in words
             if word.upper() not in _WORDS_OF_KIND and not _DELIVERY.match(word)]
    if len(words) >= 2:
        return Contract(venue, symbol, _coin(words[0]), _coin(words[1]), delivery)
    pair = words[0] if words else symbol
    if venue == "bybit" and (quarter := _QUARTER.match(pair)):
        pair, delivery = quarter[1], True
    if venue == "bybit" and pair.endswith("PERP") and len(pair) > 4:  # settled in USDC
        return Contract(venue, symbol, _coin(pair[:-4]), "USDC")
    for quote in QUOTES:
        if pair.upper().endswith(quote) and len(pair) > len(quote):
            return Contract(venue, symbol, _coin(pair[:-len(quote)]), quote, delivery)
    return Contract(venue, symbol, _coin(pair), "USDC" if venue == "hyperliquid" else "USD",
                    delivery)


def _coin(name: str) -> str:
    """A coin in capitals, but where a deployer's prefix (``xyz:SILVER``, ``kPEPE``) is part."""
    if ":" in name or (name[:1] == "k" and name[1:].isupper()):
        return name
    return _ALIASES.get(name.upper(), name.upper())


def same_coin(asked: str, base: str) -> bool:
    """Whether ``asked`` (a coin or a symbol of any venue) is about the coin ``base``."""
    return asked == base or contract("", asked).base == _coin(base)


# Binance's coin-margined contracts are worth so many USD (its documents): BTC 100, every other 10.
def binance_cm_usd(base: str) -> float:
    """USD in one coin-margined contract of Binance."""
    return 100.0 if base == "BTC" else 10.0


# OKX, v5 public instruments (ctVal × ctMult), those of ETH and BTC; others by --contract-size.
_OKX_COINS = {"ETH-USDT-SWAP": 0.1, "BTC-USDT-SWAP": 0.01}
_OKX_USD = {"BTC-USD-SWAP": 100.0}


def okx_coins(symbol: str) -> float | None:
    """Coins in one linear contract of OKX, None where not known here."""
    return _OKX_COINS.get(symbol)


def okx_usd(symbol: str) -> float | None:
    """USD in one coin-margined contract of OKX, None where not known here."""
    return _OKX_USD.get(symbol)
