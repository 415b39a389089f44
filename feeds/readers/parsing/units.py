"""What one unit of a venue's quantity is: a coin, so many coins, or so many US dollars.

Known where the venue's own documents tell; everything else is unknown, and then neither coins nor
dollars are told, unless the user says how many coins one unit is (``--contract-size``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from deleverage.columns import Floats
from deleverage.feeds.readers.names import (
    Contract,
    binance_cm_usd,
    contract,
    okx_coins,
    okx_usd,
    same_coin,
)
from deleverage.feeds.readers.protocol import Log, Request

DOLLARS = frozenset({"USD", "USDT", "USDC", "FDUSD", "BUSD"})
_IN_COINS = frozenset({"aster", "binance", "dydx", "hyperliquid"})


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit as coins or as USD, NaN where it is not that."""

    coins: float = math.nan
    usd: float = math.nan

    @property
    def known(self) -> bool:
        """Whether a quantity in this unit says anything."""
        return not (math.isnan(self.coins) and math.isnan(self.usd))


def unit_of(about: Contract, contract_size: float | None = None) -> Unit:
    """The unit in which the venue of ``about`` counts; ``contract_size`` where it is not known."""
    if about.venue in _IN_COINS or (about.venue == "krakenfutures"
                                    and about.symbol.upper().startswith("PF_")):
        return Unit(coins=1.0)
    if about.venue == "binance_cm":
        return Unit(usd=binance_cm_usd(about.base))
    if about.venue == "bybit":
        return Unit(usd=1.0) if about.quote == "USD" else Unit(coins=1.0)
    if about.venue == "okx":
        coins, usd = okx_coins(about.symbol), okx_usd(about.symbol)
        if coins is not None:
            return Unit(coins=coins)
        if usd is not None:
            return Unit(usd=usd)
    return Unit() if contract_size is None else Unit(coins=contract_size)


def measured(quantity: Floats, price: Floats, coins: Floats | float, usd: Floats | float,
             in_dollars: Floats | float = 1.0) -> tuple[Floats, Floats]:
    """Coins and USD of quantities, each row with its unit; NaN where the unit is unknown.

    ``in_dollars`` is NaN where ``price`` is in another currency.
    """
    dollars = quantity * usd
    by_usd = ~np.isnan(dollars)
    base = np.where(by_usd, dollars / price, quantity * coins)
    return base, np.where(by_usd, dollars, base * price * in_dollars)


@dataclass(frozen=True, slots=True)
class Known:
    """One symbol of a file: what it is, its unit, whether its rows are asked for."""

    contract: Contract
    unit: Unit
    wanted: bool


class Symbols:
    """The symbols of one venue as they come up in a file, each looked up once."""

    def __init__(self, venue: str, request: Request, log: Log) -> None:
        self.venue, self._request, self._log = venue, request, log
        self._known: dict[str, Known] = {}

    def of(self, symbol: str) -> Known:
        """What ``symbol`` is."""
        if symbol not in self._known:
            about = contract(self.venue, symbol)
            asked = self._request.symbol
            wanted = asked is None or same_coin(asked, about.base)
            unit = unit_of(about, self._request.contract_size)
            if wanted and not about.delivery and not unit.known:
                self._log.note(f"{self.venue} {symbol}: the size of one contract is not known "
                               "here, so neither coins nor USD are told (--contract-size says it)")
            self._known[symbol] = Known(about, unit, wanted)
        return self._known[symbol]

    def table(self, symbols: pa.DictionaryArray) -> SymbolRows:
        """The symbols of many rows, looked up once per name."""
        names = symbols.dictionary.to_pylist()
        known = [self.of(name) for name in names]
        codes = np.asarray(symbols.indices.to_numpy(zero_copy_only=False), np.int64)
        return SymbolRows(
            codes, names, known,
            np.array([each.wanted and not each.contract.delivery for each in known], np.bool_),
            np.array([each.wanted and each.contract.delivery for each in known], np.bool_))


@dataclass(frozen=True, slots=True)
class SymbolRows:
    """``codes`` numbers each row's symbol in ``names``; the rest is per name."""

    codes: np.ndarray
    names: list[str]
    known: list[Known]
    kept: np.ndarray
    delivery: np.ndarray

    def texts(self, codes: np.ndarray) -> tuple[pa.DictionaryArray, pa.DictionaryArray]:
        """Symbol and coin of the rows ``codes``."""
        bases = sorted({each.contract.base for each in self.known})
        to_base = np.array([bases.index(each.contract.base) for each in self.known], np.int32)
        return (pa.DictionaryArray.from_arrays(codes.astype(np.int32), self.names),
                pa.DictionaryArray.from_arrays(to_base[codes], bases))

    def measured(self, codes: np.ndarray, quantity: Floats, price: Floats) -> tuple[Floats, Floats]:
        """Coins and USD of the rows ``codes``."""
        coins = np.array([each.unit.coins for each in self.known])
        usd = np.array([each.unit.usd for each in self.known])
        dollars = np.array([1.0 if each.contract.quote in DOLLARS else math.nan
                            for each in self.known])
        if len(self.known) == 1:
            return measured(quantity, price, coins[0], usd[0], dollars[0])
        return measured(quantity, price, coins[codes], usd[codes], dollars[codes])
