"""SYNTHETIC ladders and positions of every venue and product, drawn at random for the laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage import venues
from deleverage.venues.ladder import Bracket, Ladder, LadderUse
from deleverage.venues.rules import InverseRules, VenueRules

BEFORE, AFTER = 1_706_745_600_000_000_000, 1_780_272_000_000_000_000  # 2024-02-01, 2026-06-01
PRODUCTS: tuple[type[VenueRules], ...] = tuple(
    venues.rules_class(name, product) for name in venues.names()
    for product in venues.products(name))
LINEAR = tuple(each for each in PRODUCTS if not issubclass(each, InverseRules))
INVERSE = tuple(each for each in PRODUCTS if issubclass(each, InverseRules))


def product_id(rules: type[VenueRules]) -> str:
    """``binance-usdm`` as the name of a test."""
    return f"{rules.name}-{rules.product}"


# how often each law is tried: seconds in `make test`, thoroughly in `make test-slow`
EXAMPLES = pytest.mark.parametrize("examples", [
    pytest.param(100, id="100"), pytest.param(2_000, id="2000", marks=pytest.mark.slow)])


def hold(law: Callable[..., None], examples: int, *drawn: st.SearchStrategy[Any]) -> None:
    """Try a law on so many drawn examples."""
    settings(max_examples=examples, deadline=None)(given(*drawn)(law))()


@dataclass(frozen=True)
class Held:
    """A position under a venue's rules, with what the rest of a cross account adds to it."""

    rules: VenueRules
    side: int
    size: float
    entry: float
    wallet: float
    cross: bool = False
    others_unrealised: float = 0.0
    others_maintenance: float = 0.0

    @property
    def worth(self) -> float:
        """Notional at entry, in the currency of the margin."""
        return float(self.rules.notional(self.size, self.entry))

    @property
    def behind(self) -> float:
        """What stands behind the position before its own unrealised profit."""
        return self.wallet + self.others_unrealised - self.others_maintenance

    def liquidation_price(self, more: float = 0.0, ladder: Ladder | None = None) -> float | None:
        """The liquidation price, with ``more`` margin."""
        price: float | None = self.rules.liquidation_price(
            self.side, self.size, self.entry, self.wallet + more, cross=self.cross, ladder=ladder,
            others_unrealised=self.others_unrealised, others_maintenance=self.others_maintenance)
        return price

    def margin_ratio(self, mark: float) -> float:
        """Maintenance over equity at a mark."""
        return float(self.rules.margin_ratio(
            self.side, self.size, self.entry, self.wallet, mark, cross=self.cross,
            others_unrealised=self.others_unrealised, others_maintenance=self.others_maintenance))

    def equity(self, mark: float) -> float:
        """What is left behind the position at a mark, in the currency of the margin."""
        return self.behind + float(self.rules.unrealised(self.side * self.size, self.entry, mark))

    def maintenance(self, mark: float) -> float:
        """What it must hold at a mark."""
        return self.rules.position_maintenance(self.size, self.entry, mark, cross=self.cross)


@st.composite
def ladders(draw: st.DrawFn, unit: str = "quote", jumps: bool = False) -> Ladder:
    """One to six brackets; the bounds lie where positions of :func:`held` have their notional."""
    count = draw(st.integers(1, 6))
    bounds = sorted(draw(st.sets(st.integers(1, 500), min_size=count - 1, max_size=count - 1)))
    steps = draw(st.lists(st.integers(0, 80), min_size=count, max_size=count))
    lowers = [0.0, *(1_000.0 * bound for bound in bounds)]
    rates = [0.002 + 0.001 * sum(steps[:number + 1]) for number in range(count)]
    rungs: list[Bracket] = []
    amount = 0.0
    for number, (lower, rate) in enumerate(zip(lowers, rates, strict=True)):
        amount += 0.0 if jumps else lower * (rate - (rates[number - 1] if number else 0.0))
        upper = lowers[number + 1] if number + 1 < count else float("inf")
        rungs.append(Bracket(lower, upper, rate, amount, 100.0))
    return Ladder("drawn", "", "", tuple(rungs), None, "user", unit=unit, jumps=jumps,
                  contract_size=0.01 if unit == "contracts" else 1.0)


def unit_of(rules: type[VenueRules]) -> str:
    """What the bounds of a venue's ladders measure."""
    if rules.name == "okx":
        return "contracts"
    return "coin" if issubclass(rules, InverseRules) else "quote"


@st.composite
def rules_of(draw: st.DrawFn, products: tuple[type[VenueRules], ...] = PRODUCTS) -> VenueRules:
    """A venue's rules on a drawn ladder of the venue's kind."""
    product = draw(st.sampled_from(products))
    ladder = draw(ladders(unit_of(product), product.name == "okx"))
    return product("ETH", LadderUse(ladder, draw(st.sampled_from([BEFORE, AFTER]))))


@st.composite
def held(
    draw: st.DrawFn, products: tuple[type[VenueRules], ...] = PRODUCTS,
    share: st.SearchStrategy[float] | None = None, cross: bool | None = None,
) -> Held:
    """A position whose margin is ``share`` of its notional, alone or in a cross account."""
    rules = draw(rules_of(products))
    share = st.floats(-0.1, 1.2) if share is None else share
    side, entry = draw(st.sampled_from([1, -1])), draw(st.floats(50, 5_000))
    worth = draw(st.floats(100, 1_000_000))
    size = worth * entry if isinstance(rules, InverseRules) else worth / entry
    in_cross = draw(st.booleans()) if cross is None else cross
    behind = draw(share) * worth
    unrealised = draw(st.floats(-0.3, 0.3)) * worth if in_cross else 0.0
    maintenance = draw(st.floats(0, 0.2)) * worth if in_cross else 0.0
    return Held(rules, side, size, entry, behind - unrealised + maintenance, in_cross, unrealised,
                maintenance)
