"""When a cross account gives out, by hand: on a leg, and at a bar's open.

10 ETH beside 0.1 BTC that stands still at its entry of 10,000. Maintenance is 1 % up to 10,000 and
5 % above: in BEND less an amount of 400, so that it only bends there; in JUMP of the whole.
"""

from __future__ import annotations

from types import MappingProxyType

import pytest

from deleverage import legs
from deleverage.account import Position, State, Terms
from deleverage.steps import Liquidated
from deleverage.venues.binance import BinanceUsdm
from deleverage.venues.ladder import Ladder, LadderUse
from tests.core.desks import BTC, ETH, make_desk, make_ladder, run

BEND = make_ladder((0, 10_000, .01), (10_000, None, .05))
JUMP = make_ladder((0, 10_000, .01), (10_000, None, .05), jumps=True)


def held(free: float, size: float, entry: float, btc: float = 0.1, at: float = 10_000) -> State:
    """A cross account of two positions."""
    return State(free, MappingProxyType({
        ETH: Position(ETH, size, entry, 0, 10, 1), BTC: Position(BTC, btc, at, 0, 10, 2)}), 2)


def given_out(state: State, ladder: Ladder, start: float, end: float,
              time: float = 0.0) -> float | None:
    """The share of ETH's leg at which the account gives out."""
    terms = Terms("cross", {symbol: BinanceUsdm(symbol, LadderUse(ladder, 0))
                            for symbol in (ETH, BTC)}, {ETH: 10.0, BTC: 10.0})
    return legs.exhausted(state, terms, {BTC: 10_000.0}, {ETH: (start, end)}, time)


def test_a_short_rises_into_the_higher_bracket() -> None:
    """At 1,100: 2,160 − 2,000 against 5 % of 11,000 − 400, and 10 of BTC; two thirds of the way."""
    assert given_out(held(2_160, -10, 900), BEND, 900, 1_200) == pytest.approx(2 / 3, abs=1e-12)


def test_a_long_falls_into_the_lower_bracket() -> None:
    """At 900: 3,100 − 3,000 against 1 % of 9,000 and 10 of BTC; three quarters of the way."""
    assert given_out(held(3_100, 10, 1_200), BEND, 1_200, 800) == pytest.approx(3 / 4, abs=1e-12)


def test_a_jump_of_maintenance_ends_it_at_the_bound() -> None:
    """At 1,000 are 300 against 110 in the lower bracket and 510 in the upper: there, not later."""
    assert given_out(held(1_300, -10, 900), JUMP, 900, 1_200) == pytest.approx(1 / 3, abs=1e-12)


def test_what_the_leg_has_passed_is_past() -> None:
    """5 ETH bought half way, where 650 stand behind them: that −100 would have at the leg's
    beginning is nobody's concern."""
    assert given_out(held(400, 5, 1_000), BEND, 900, 1_200, time=0.5) is None
    assert given_out(held(400, 5, 1_000), BEND, 900, 1_200) == 0


@pytest.mark.parametrize(("free", "gone"), [(1_024.375, True), (1_024.376, False)])
def test_a_cross_account_with_its_maintenance_and_no_more_is_gone_at_the_open(
    free: float, gone: bool
) -> None:
    """ETH opens 56 lower: equity of free − 560 against 1/128 of 29,440 + 30,000 = 464.375; every
    figure is exact in floats."""
    walk = run((2_944, 2_944, 2_944, 2_944), state=held(free, 10, 3_000, 0.5, 60_000),
               desk=make_desk("cross", rate=1 / 128, symbols=(ETH, BTC)),
               others={BTC: 60_000.0})
    assert [step.gap for step in walk.steps if isinstance(step, Liquidated)] == [True] * gone
