"""Venue rules: ``get("binance", symbol="ETHUSDT", at="2026-01-31")``.

One file per venue and one file of dated ladders beside it; adding a venue touches no other file
but the table below.
"""

from __future__ import annotations

import functools
import hashlib
import json
from importlib import resources
from pathlib import Path

from deleverage import timestamps
from deleverage.errors import LeverageError, unknown_name
from deleverage.venues import ladder as ladders
from deleverage.venues.binance import BinanceUsdm
from deleverage.venues.bybit import BybitLinear
from deleverage.venues.ladder import Ladder, LadderUse
from deleverage.venues.rules import VenueRules

__all__ = ["Ladder", "LadderUse", "VenueRules", "get", "names", "symbols"]

_VENUES: dict[str, type[VenueRules]] = {"binance": BinanceUsdm, "bybit": BybitLinear}


def names() -> tuple[str, ...]:
    """The venues whose rules are known."""
    return tuple(_VENUES)


def symbols(venue: str) -> tuple[str, ...]:
    """The symbols of a venue that have a bundled ladder."""
    rules = _rules_class(venue, None)
    return tuple(sorted({item.symbol for item in _bundled(rules.name, rules.product)}))


def get(
    venue: str,
    product: str | None = None,
    symbol: str = "ETHUSDT",
    at: str | int | None = None,
    ladder: Ladder | str | Path | None = None,
) -> VenueRules:
    """The rules of ``venue`` for ``symbol`` at a time (ISO text or UTC ns; None: newest ladder).

    ``ladder`` replaces the bundled one (an object or a JSON/TOML file). Without it, the latest
    ladder observed by that time is used; else an undated one, else the nearest later: both are
    declared assumptions that every sheet names. Raises UnknownName for a venue, product or symbol
    without rules, listing those that have them.
    """
    rules = _rules_class(venue, product)
    when = at if isinstance(at, int) else None if at is None else timestamps.parse(at)
    if ladder is not None:
        given = ladder if isinstance(ladder, Ladder) else ladders.read(ladder)
        observed = when if when is not None else _observed_ns(given)
        return rules(symbol, LadderUse(given, observed))
    known = [item for item in _bundled(rules.name, rules.product) if item.symbol == symbol]
    if not known:
        raise unknown_name(f"symbol with a {rules.name} ladder (or pass a ladder file)", symbol,
                           symbols(venue))
    chosen = _choose(known, when)
    return rules(symbol, LadderUse(chosen, when if when is not None else _observed_ns(chosen)))


def check_leverage(rules: VenueRules, leverage: float, notional: float = 0.0) -> None:
    """Raise LeverageError unless 0 < leverage ≤ what the venue grants for ``notional``."""
    limit = rules.max_leverage(notional)
    if not 0 < leverage <= limit:
        raise LeverageError(f"leverage {leverage:g} is outside what {rules.name} grants for "
                            f"{rules.symbol}: above 0, at most {limit:g} "
                            f"(ladder {rules.ladder.id})")


def _choose(known: list[Ladder], when: int | None) -> Ladder:
    dated = sorted((item for item in known if item.observed is not None), key=_observed_ns)
    if when is None:
        return dated[-1] if dated else known[-1]
    past = [item for item in dated if _observed_ns(item) <= when]
    if past:
        return past[-1]
    undated = [item for item in known if item.observed is None]
    return undated[-1] if undated else dated[0]


def _observed_ns(ladder: Ladder) -> int:
    return 0 if ladder.observed is None else timestamps.parse(ladder.observed)


def _rules_class(venue: str, product: str | None) -> type[VenueRules]:
    rules = _VENUES.get(venue)
    if rules is None:
        raise unknown_name("venue", venue, _VENUES)
    if product not in (None, rules.product):
        raise unknown_name(f"{venue} product", str(product), [rules.product])
    return rules


@functools.cache
def _bundled(venue: str, product: str) -> tuple[Ladder, ...]:
    name = f"{venue}_{product}.json"
    data = resources.files("deleverage.venues").joinpath("ladders", name).read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    return tuple(ladders.from_mapping(raw, where=f"{name}: {raw['id']}", sha256=sha256)
                 for raw in json.loads(data))
