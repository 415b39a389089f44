"""What the rows of an import are about: one instrument, chosen or told, and what belongs to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from deleverage.errors import UsageError
from deleverage.feeds.readers.names import TOTAL, Contract, contract, same_coin
from deleverage.feeds.readers.protocol import Request
from deleverage.feeds.staging import Part
from deleverage.instrument import Instrument

PRICES = ("bars", "mark", "index", "premium")
BOUND = (*PRICES, "funding")  # must be of the instrument's own contract


def contract_of(parts: Sequence[Part], request: Request,
                into: Instrument | None) -> tuple[Contract | None, str]:
    """The contract of the price tables (None: there are none), and the coin of all tables."""
    found = list(dict.fromkeys(part.contract for part in parts
                               if part.contract is not None and part.table in (*BOUND,
                                                                              "open_interest")))
    if into is not None:
        return None, into.base
    if request.symbol is not None:
        found = [each for each in found if same_coin(request.symbol, each.base)]
        exact = [each for each in found if each.symbol.upper() == request.symbol.upper()]
        found = exact or found
    bars = {part.contract for part in parts if part.table == "bars"}
    with_bars = [each for each in found if each in bars]
    found = with_bars or found
    if len(found) > 1:
        raise UsageError("the files are about several instruments, choose with --symbol: "
                         + ", ".join(f"{each.symbol} ({each.venue})" for each in found[:12]))
    if found:
        return found[0], found[0].base
    if any(part.contract is not None for part in parts) and request.symbol is not None:
        known = sorted({part.contract.symbol for part in parts if part.contract is not None})
        raise UsageError(f"no file is about {request.symbol} (found: {', '.join(known[:12])})")
    return None, _coin(parts, request)


def _coin(parts: Sequence[Part], request: Request) -> str:
    """The coin of files that hold liquidations only."""
    counts: Counter[str] = Counter()
    for part in parts:
        if part.table == "liquidations":
            column = part.rows().column("base")
            for each in column.value_counts().to_pylist():
                counts[str(each["values"])] += each["counts"]
    if request.symbol is not None:
        for coin in counts:
            if same_coin(request.symbol, coin):
                return coin
        raise UsageError(f"no liquidation of {request.symbol} in these files (found: "
                         f"{_shown(counts)})")
    if len(counts) > 1:
        raise UsageError(f"liquidations of several coins, choose with --symbol: {_shown(counts)}")
    return next(iter(counts), "ETH")


def _shown(counts: Counter[str]) -> str:
    most = ", ".join(f"{coin} ({count:,})" for coin, count in counts.most_common(8))
    return most + (f" and {len(counts) - 8} more" if len(counts) > 8 else "")


def instrument_of(own: Contract | None, coin: str, request: Request,
                  parts: Sequence[Part]) -> Instrument:
    """The contract of the bars; of events alone the one with most of them."""
    if own is None:
        counts: Counter[tuple[str, str]] = Counter()
        for part in parts:
            if part.table == "liquidations":
                groups = part.rows().group_by(["venue", "symbol", "base"]).aggregate(
                    [([], "count_all")])
                for row in groups.to_pylist():
                    if row["base"] == coin:
                        counts[str(row["venue"]), str(row["symbol"])] += row["count_all"]
        single = Counter({who: count for who, count in counts.items() if who[0] != TOTAL})
        most = (single or counts).most_common(1)
        venue, symbol = most[0][0] if most else (TOTAL, f"{coin}USDT")
        if request.venue is not None and (venue == TOTAL or request.venue in {
                name for name, _ in counts}):
            venue = request.venue  # of those that are there, or of whom the sums tell nothing
        found = contract(venue, symbol)
        return Instrument(found.symbol, found.venue, base=coin, quote=found.quote)
    if own.venue.endswith("_cm") or (own.quote == "USD" and own.venue in ("binance", "okx")):
        raise UsageError(f"{own.symbol} at {own.venue} is margined in coin: its bars are no input "
                         "(linear perpetuals only); its liquidations may join a linear one's")
    return Instrument(own.symbol, own.venue, base=own.base, quote=own.quote)


def belongs(part: Part, own: Contract | None, instrument: Instrument) -> bool:
    """Whether a part is about the instrument; what contradicts it is refused."""
    its = part.contract
    if its is None:
        return True
    if its.base != instrument.base:
        return False
    if part.table == "open_interest":
        return its.quote == instrument.quote and (own is None or its.venue == own.venue)
    same = (its.venue, its.quote) == (instrument.venue, instrument.quote)
    if own is None and part.table in BOUND and not same:
        raise UsageError(f"{part.source}: {part.table} of {its.symbol} at {its.venue} "
                         f"cannot join a dataset of {instrument.symbol} at {instrument.venue}")
    return same
