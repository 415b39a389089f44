"""Venue rules: ``get("binance", product="usdm", symbol="ETHUSDT", at="2026-01-31")``.

One file per venue and one file of dated ladders per product beside it; adding a venue touches no
other file but the table below. A venue's first product is its default.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from importlib import resources
from pathlib import Path

from deleverage import timestamps
from deleverage.errors import LeverageError, UnknownName, UsageError, unknown_name
from deleverage.venues import ladder_file
from deleverage.venues.binance import BinanceCoinm, BinanceUsdm
from deleverage.venues.bybit import BybitInverse, BybitLinear
from deleverage.venues.gate import GateInverse, GateUsdt
from deleverage.venues.hyperliquid import Hyperliquid
from deleverage.venues.ladder import Ladder, LadderUse
from deleverage.venues.okx import OkxInverse, OkxSwap
from deleverage.venues.rules import InverseRules, VenueRules

__all__ = ["InverseRules", "Ladder", "LadderUse", "VenueRules", "changes", "check_leverage", "get",
           "names", "products", "rules_class", "symbols"]

NEAREST_LATER = "nearest-later"

_PRODUCTS: tuple[type[VenueRules], ...] = (
    BinanceUsdm, BinanceCoinm, BybitLinear, BybitInverse, Hyperliquid, OkxSwap, OkxInverse,
    GateUsdt, GateInverse,
)


def names() -> tuple[str, ...]:
    """The venues whose rules are known."""
    return tuple(dict.fromkeys(rules.name for rules in _PRODUCTS))


def products(venue: str) -> tuple[str, ...]:
    """The products of a venue, its default first."""
    found = tuple(rules.product for rules in _PRODUCTS if rules.name == venue)
    if not found:
        raise unknown_name("venue", venue, names())
    return found


def symbols(venue: str, product: str | None = None) -> tuple[str, ...]:
    """The symbols of a venue's product that have a bundled ladder."""
    rules = rules_class(venue, product)
    return tuple(sorted({item.symbol for item in _bundled(rules.name, rules.product)}))


def get(
    venue: str,
    product: str | None = None,
    symbol: str = "ETHUSDT",
    at: str | int | None = None,
    ladder: Ladder | str | Path | None = None,
) -> VenueRules:
    """The rules of ``venue`` for ``symbol`` at a time (ISO text or UTC ns; None: newest ladder).

    ``ladder`` replaces the bundled one: an object, or a JSON or TOML file (ccxt's
    ``fetch_leverage_tiers`` too). Without it the latest ladder observed by that time is used,
    unless a known change of rules has closed it; else an undated one; else, after a closed one, the
    nearest later: the last two are declared assumptions that every sheet names. Before the first
    observation there is none, unless ``ladder="nearest-later"`` declares that one to hold. Raises
    UnknownName for a venue, product or symbol without rules, UsageError for a date too early. A
    linear symbol may be spelt as another venue does (ETHUSDT for Hyperliquid's ETH).
    """
    rules = rules_class(venue, product)
    when = at if isinstance(at, int) else None if at is None else timestamps.parse(at)
    if ladder is not None and ladder != NEAREST_LATER:
        given = ladder if isinstance(ladder, Ladder) else ladder_file.read(ladder, symbol)
        observed = when if when is not None else _observed_ns(given)
        return rules(symbol, LadderUse(given, observed))
    symbol = _spelled(rules, symbol)
    known = _ladders_of(rules, symbol)
    chosen = _choose(known, when, later=ladder == NEAREST_LATER)
    return rules(symbol, LadderUse(chosen, when if when is not None else _observed_ns(chosen)))


def changes(
    venue: str, symbol: str, from_ns: int, to_ns: int, product: str | None = None,
) -> tuple[tuple[int, VenueRules], ...]:
    """When another bundled ladder begins to hold after ``from_ns`` and up to ``to_ns``, in order.

    Each change is the UTC nanosecond and the rules from then on: ``get(at=…)`` answers with the
    ladder of the last change not after that time, or with that of ``from_ns`` where there is none
    yet. A ladder changes where a new one was observed, where a known change of rules closes it and,
    from none, where the first was observed. Empty where nothing changes. Raises UnknownName as
    ``get`` does, UsageError for a period that ends before it begins.
    """
    if to_ns < from_ns:
        raise UsageError(f"a period cannot end before it begins: {timestamps.show(from_ns)} to "
                         f"{timestamps.show(to_ns)}")
    rules = rules_class(venue, product)
    symbol = _spelled(rules, symbol)
    known = _ladders_of(rules, symbol)
    days = {day for item in known for day in (item.observed, item.closed) if day is not None}
    found, held = [], _held_at(known, from_ns)
    for moment in sorted(map(_day, days)):
        following = _held_at(known, moment)
        if from_ns < moment <= to_ns and following is not None and following is not held:
            found.append((moment, rules(symbol, LadderUse(following, moment))))
            held = following
    return tuple(found)


def check_leverage(rules: VenueRules, leverage: float, notional: float = 0.0) -> None:
    """Raise LeverageError unless 0 < leverage ≤ what the venue grants for ``notional``."""
    limit = rules.max_leverage(notional)
    if not 0 < leverage <= limit:
        raise LeverageError(f"leverage {leverage:g} is outside what {rules.name} grants for "
                            f"{rules.symbol}: above 0, at most {limit:g} "
                            f"(ladder {rules.ladder.id})")


def rules_class(venue: str, product: str | None = None) -> type[VenueRules]:
    """The rules of a venue's product (None: its default), before any ladder is chosen."""
    known = {rules.product: rules for rules in _PRODUCTS if rules.name == venue}
    if not known:
        raise unknown_name("venue", venue, names())
    if product is None:
        return next(iter(known.values()))
    if product not in known:
        raise unknown_name(f"{venue} product", product, known)
    return known[product]


def _spelled(rules: type[VenueRules], symbol: str) -> str:
    """A contract's symbol as the venue writes it: ETHUSDT is ETH at Hyperliquid."""
    if symbol in symbols(rules.name, rules.product):
        return symbol
    found = re.fullmatch(r"([A-Z0-9]+?)[-_]?(?:USDT|USDC)(?:-SWAP)?", symbol)
    return symbol if found is None else rules.spelling.format(base=found[1])


def _ladders_of(rules: type[VenueRules], symbol: str) -> list[Ladder]:
    known = [item for item in _bundled(rules.name, rules.product) if item.symbol == symbol]
    if known:
        return known
    with_ladder = symbols(rules.name, rules.product)
    error: UnknownName = unknown_name(
        f"symbol with a {rules.name} {rules.product} ladder (or pass a ladder file)", symbol,
        with_ladder)
    raise error


def _choose(known: list[Ladder], when: int | None, later: bool) -> Ladder:
    dated = sorted((item for item in known if item.observed is not None), key=_observed_ns)
    if when is None:
        return dated[-1] if dated else known[-1]
    past = [item for item in dated if _observed_ns(item) <= when]
    if past and not LadderUse(past[-1], when).outlived:
        return past[-1]
    undated = [item for item in known if item.observed is None]
    if undated:
        return undated[-1]
    following = [item for item in dated if _observed_ns(item) > when]
    if not following:
        return past[-1]  # closed, and nothing known since: its state and line say so
    if past or later:
        return following[0]
    first = following[0]
    raise UsageError(
        f"no {first.venue} {first.symbol} ladder is known at {timestamps.show(when)}: the earliest "
        f"is {first.id}, observed {first.observed} (pass a ladder file, or ladder="
        f"{NEAREST_LATER!r} to assume that it held)")


def _held_at(known: list[Ladder], when: int) -> Ladder | None:
    """The ladder that holds at a time; None before the first is known."""
    try:
        return _choose(known, when, later=False)
    except UsageError:
        return None


def _observed_ns(ladder: Ladder) -> int:
    return 0 if ladder.observed is None else _day(ladder.observed)


_day = functools.cache(timestamps.parse)  # a few days, asked for at the start of every run


@functools.cache
def _bundled(venue: str, product: str) -> tuple[Ladder, ...]:
    name = f"{venue}_{product}.json"
    file = resources.files("deleverage.venues").joinpath("ladders", name)
    if not file.is_file():
        return ()
    data = file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    return tuple(ladder_file.from_mapping(raw, where=f"{name}: {raw['id']}", sha256=sha256)
                 for raw in json.loads(data))
