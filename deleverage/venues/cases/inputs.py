"""The inputs of a printed figure, read by name and checked, and the rules that answer for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from deleverage import timestamps, venues
from deleverage.errors import DataError, LadderError
from deleverage.venues import ladder_file
from deleverage.venues.ladder import Ladder, LadderUse
from deleverage.venues.rules import InverseRules, VenueRules

_REQUIRED = object()
_TIER_COLUMNS = ("min", "max", "mmr", "max_leverage", "cum")
# the two pages of Bybit's help on inverse contracts, by the price at which they take maintenance
_PAGE = {"at_entry": timestamps.parse("2024-06-01"),
         "at_liquidation": timestamps.parse("2026-06-01")}


@dataclass(frozen=True, slots=True)
class LinearAtEntry(VenueRules):
    """Family B for a venue without rules of its own: maintenance frozen at entry."""

    maintenance_at_entry: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class InverseAtEntry(InverseRules):
    """Family B of inverse contracts for a venue without rules of its own."""

    maintenance_at_entry: ClassVar[bool] = True


class Inputs:
    """One object of inputs; every question names its field when the answer is not there.

    ``where`` is the path of the object inside the case (``inputs.events[2]``). Raises DataError.
    """

    def __init__(self, venue: str, values: Any, where: str = "inputs") -> None:
        if not isinstance(values, Mapping):
            raise DataError(f"{where} must be an object, found {values!r}")
        self.venue = venue
        self.values = values
        self.where = where

    def has(self, *names: str) -> bool:
        """True where every one of these is given and not null."""
        return all(self.values.get(name) is not None for name in names)

    def number(self, name: str, default: Any = _REQUIRED) -> float:
        """A finite number."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or \
                not math.isfinite(value):
            raise DataError(f"{self.where}.{name} must be a number, found {value!r}")
        return float(value)

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """A word."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise DataError(f"{self.where}.{name} must be a text, found {value!r}")
        return value

    def one_of(self, name: str, known: tuple[str, ...], default: Any = _REQUIRED) -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value not in known:
            raise DataError(f"{self.where}.{name} must be {' or '.join(known)}, found {value!r}")
        return value

    def listed(self, name: str, default: Any = _REQUIRED) -> list[Any]:
        """A list."""
        value = self._get(name, default)
        if not isinstance(value, list):
            raise DataError(f"{self.where}.{name} must be a list, found {value!r}")
        return value

    def objects(self, name: str, default: Any = _REQUIRED) -> Iterator[Inputs]:
        """A list of objects, each with its own path."""
        for number, value in enumerate(self.listed(name, default)):
            yield Inputs(self.venue, value, f"{self.where}.{name}[{number}]")

    def inside(self, name: str) -> Inputs:
        """An object inside this one."""
        return Inputs(self.venue, self._get(name, _REQUIRED), f"{self.where}.{name}")

    def _get(self, name: str, default: Any) -> Any:
        value = self.values.get(name)
        if value is None:
            if default is _REQUIRED:
                raise DataError(f"{self.where}.{name} is missing")
            return default
        return value

    # ---------------------------------------------------------------- what many kinds have

    @property
    def side(self) -> int:
        """+1 long, −1 short."""
        return 1 if self.one_of("side", ("long", "short")) == "long" else -1

    @property
    def size(self) -> float:
        """Size in coin, or of an inverse contract in USD (contracts × contract size)."""
        if self.inverse and self.has("contracts"):
            return self.number("contracts") * self.number("contract_size", 1.0)
        return self.number("size")

    @property
    def signed_size(self) -> float:
        """Size with the sign of the side; of an inverse contract in USD."""
        return self.number("signed_size") * (self.number("contract_size", 1.0) if self.inverse
                                             else 1.0)

    @property
    def entry(self) -> float:
        """Entry price."""
        return self.number("entry_price")

    @property
    def inverse(self) -> bool:
        """True for a coin-margined contract."""
        return self.text("contract_type", "linear") == "inverse"

    @property
    def cross(self) -> bool:
        """True in a cross account whose maintenance follows the mark.

        A case may say that it is frozen at entry there too: one simulator's reading of Bybit, whose
        own rule for the unified account is not published.
        """
        return self.text("margin_mode", "isolated") == "cross" and \
            self.text("mm_basis", "") != "at_entry"

    @property
    def known(self) -> bool:
        """True where the venue has rules of its own."""
        return self.venue in venues.names()

    @cached_property
    def product(self) -> type[VenueRules] | None:
        """The rules that answer: the venue's product of this contract type, or the family the case
        names where the venue has no rules; None where the venue has no such product."""
        if self.known:
            found = (venues.rules_class(self.venue, name) for name in venues.products(self.venue))
            return next((each for each in found
                         if issubclass(each, InverseRules) is self.inverse), None)
        if self.text("mm_basis", "at_liquidation") == "at_entry":
            return InverseAtEntry if self.inverse else LinearAtEntry
        return InverseRules if self.inverse else VenueRules

    def rules(self, ladder: Ladder | None = None) -> VenueRules:
        """The rules on a ladder; without one, on a single bracket of the case's own rate.

        A case that has neither asks for nothing that is looked up.
        """
        product = self.product
        if product is None:
            raise DataError(f"{self.where}.contract_type: {self.venue} has no inverse contracts")
        ladder = one_bracket(self.number("mmr", 0.5) or 0.5) if ladder is None else ladder
        at = _PAGE.get(self.text("mm_basis", ""), _PAGE["at_liquidation"])
        fee = self.number("taker_fee") if self.has("taker_fee") else None
        return product(self.text("symbol", ""), LadderUse(ladder, at), fee)

    def ladder(self) -> Ladder:
        """The case's tiers; without maintenance amounts the whole position takes its tier's rate.
        """
        rows = self.listed("tiers")
        order = self.listed("tier_columns", list(_TIER_COLUMNS))
        if sorted(map(str, order)) != sorted(_TIER_COLUMNS):
            raise DataError(f"{self.where}.tier_columns must be {list(_TIER_COLUMNS)}, "
                            f"found {order}")
        for row in rows:
            if not isinstance(row, list) or len(row) != len(order):
                raise DataError(f"{self.where}.tiers: each row has {order}, found {row!r}")
        sorted_rows = [[row[order.index(name)] for name in _TIER_COLUMNS] for row in rows]
        jumps = bool(rows) and all(row[4] is None for row in sorted_rows)
        unit = "contracts" if jumps and self.text("unit", "quote") != "quote" else \
            "coin" if self.inverse else "quote"
        try:
            return ladder_file.from_mapping(
                {"rows": sorted_rows, "jumps": jumps, "unit": unit,
                 "contract_size": self.number("contract_size", 1.0)}, where="tiers")
        except LadderError as error:
            raise DataError(f"{self.where}.{error}") from None


def one_bracket(rate: float) -> Ladder:
    """A ladder of one rate for every notional."""
    return ladder_file.from_mapping({"rows": [[0, None, rate, None, 0.0]]}, where="case")
