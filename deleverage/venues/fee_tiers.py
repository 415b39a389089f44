"""What a venue charges by fee tier: its published schedule of maker and taker rates.

One JSON file per product in ``fees/``, beside the ladders: rates as fractions of notional, the day
they were seen, where, and for each tier whether that is ``verified`` (the venue's own page or
announcement, in copies that agree) or ``unverified`` (a single transcription, or a rate that may
have changed since). Tiers are named ``VIP0``, ``VIP1`` … everywhere; the first is what everybody
gets, and is the default of the rules. Discounts for a venue's own coin, rebates of market makers
and offers that end are not in it.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from dataclasses import dataclass
from importlib import resources

from deleverage import venues
from deleverage.errors import UnknownName, UsageError
from deleverage.policies import Fees

VERIFIED, UNVERIFIED = "verified", "unverified"


@dataclass(frozen=True, slots=True)
class FeeTier:
    """One tier of a schedule; ``observed`` is the day it was seen (ISO), None if undated."""

    venue: str
    product: str
    name: str
    fees: Fees
    observed: str | None
    confidence: str
    source: str
    note: str

    def describe(self) -> str:
        """``binance usdm VIP1: maker 1.6 bp, taker 4 bp (observed 2025-10-28, verified)``."""
        maker, taker = (f"{1e4 * rate:g} bp" for rate in (self.fees.maker, self.fees.taker))
        seen = f"observed {self.observed}" if self.observed else "undated"
        return (f"{self.venue} {self.product} {self.name}: maker {maker}, taker {taker} "
                f"({seen}, {self.confidence})")


def fee_tiers(venue: str, product: str | None = None) -> tuple[FeeTier, ...]:
    """The tiers of a venue's product (None: its default), the one that everybody gets first.

    Raises UnknownName for a venue or product that is not known, UsageError for one without a
    bundled schedule.
    """
    rules = venues.rules_class(venue, product)
    found = _bundled(rules.name, rules.product)
    if not found:
        known = ", ".join(f"{each.name} {each.product}" for each in _with_schedule())
        raise UsageError(f"no fee schedule of {rules.name} {rules.product} is bundled (there is "
                         f"one of {known}); pass fees= instead")
    return found


def tier(venue: str, name: str, product: str | None = None) -> Fees:
    """The fees of one tier; its name in any case, with or without spaces: ``VIP1``, ``vip 1``.

    Raises what :func:`fee_tiers` does, and UnknownName with the near miss for an unknown tier.
    """
    return find(venue, name, product).fees


def find(venue: str, name: str, product: str | None = None) -> FeeTier:
    """The tier itself, with where it was seen: what a sheet says of it. Raises as :func:`tier`."""
    known = {_plain(each.name): each for each in fee_tiers(venue, product)}
    if _plain(name) in known:
        return known[_plain(name)]
    near = difflib.get_close_matches(_plain(name), known, n=1)
    hint = f"; did you mean {known[near[0]].name!r}?" if near else ""
    names = ", ".join(each.name for each in known.values())  # in the venue's order
    raise UnknownName(f"unknown fee tier of {venue} {name!r}{hint} (known: {names})")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _with_schedule() -> list[type[venues.VenueRules]]:
    every = (venues.rules_class(name, product)
             for name in venues.names() for product in venues.products(name))
    return [rules for rules in every if _bundled(rules.name, rules.product)]


@functools.cache
def _bundled(venue: str, product: str) -> tuple[FeeTier, ...]:
    file = resources.files("deleverage.venues").joinpath("fees", f"{venue}_{product}.json")
    if not file.is_file():
        return ()
    raw = json.loads(file.read_text(encoding="utf-8"))
    return tuple(
        FeeTier(venue, product, name, Fees(float(maker), float(taker)), raw["observed"], confidence,
                raw["source"], raw["note"])
        for name, maker, taker, confidence in raw["rows"])
