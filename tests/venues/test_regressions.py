"""Defects found in other engines that are rules: each named, each with the figure it gets wrong."""

from __future__ import annotations

import math
from collections import Counter
from types import MappingProxyType

import pytest

from deleverage import account, margin, venues
from deleverage.account import Position, State, Terms
from deleverage.columns import MarketColumns
from deleverage.errors import DataError
from tests.broker.runs import Run, buy, market, play, sell, still
from tests.core.desks import ETH, close_to

BINANCE = venues.get("binance", symbol=ETH, at="2024-10-24")


def test_bracket_by_collateral() -> None:
    """$20k collateral, $1M notional, 50x long from 3,000: 2,956.37; the bracket of the collateral
    would give 2,951.81."""
    size = 1_000_000 / 3_000
    assert BINANCE.liquidation_price(1, size, 3_000, 20_000) == close_to(2_956.37)
    assert BINANCE.bracket(1_000_000).rate == 0.0065
    collateral = BINANCE.bracket(20_000)
    wrong = margin.liquidation_at_liquidation(1, size, 3_000, 20_000, collateral.rate,
                                              collateral.amount)
    assert wrong == close_to(2_951.81)
    size = 10_000_000 / 3_000  # the peer's second figure: 500,000 at 20x
    assert BINANCE.liquidation_price(1, size, 3_000, 500_000) == close_to(2_875.32)


@pytest.mark.parametrize(("venue", "symbol", "level"), [
    ("binance", "ETHUSDT", 200 / 1.004), ("bybit", "ETHUSDT", 199.5),
    ("hyperliquid", "ETH", 200 / 1.02)])
def test_a_1x_short_can_be_liquidated(venue: str, symbol: str, level: float) -> None:
    """A short has no price that cannot be reached: without leverage it dies just under twice the
    entry, in a run too."""
    rules = venues.get(venue, symbol=symbol, at="2026-01-31")
    assert rules.liquidation_price(-1, 10, 100, 1_000) == pytest.approx(level)
    for last, died in ((level - 0.1, 0), (level + 0.1, 1)):
        rows = [*still(3), (100, last, 100, last), *still(2, last)]
        run = play({1: sell(size=10)}, market(*rows, symbol=symbol, venue=venue), venue=venue,
                   leverage=1)
        assert len(run.journal.liquidations) == died
    event, = run.journal.liquidations
    assert event.liquidation_price == pytest.approx(level)
    # two venues keep what is left; Hyperliquid buys through the book and gives it back
    left = 1_000 - 10 * (level - 100) if venue == "hyperliquid" else 0
    assert event.loss == pytest.approx(1_000 - left)
    assert event.returned == pytest.approx(left)


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_maintenance_is_not_divided_by_leverage(mode: str) -> None:
    """The leverage set changes the margin posted, never what must be held: same position, same
    margin, same maintenance and liquidation price at 1x as at 125x."""
    found = set()
    for leverage in (1.0, 5.0, 50.0, 125.0):
        terms = Terms(mode, {ETH: BINANCE}, {ETH: leverage})
        held = Position(ETH, 10, 3_000, 3_000 if mode == "isolated" else 0, leverage, 1)
        state = State(3_000 if mode == "cross" else 0, MappingProxyType({ETH: held}), 1)
        found.add((account.maintenance(state, ETH, 3_000, terms),
                   account.liquidation_price(state, ETH, {ETH: 3_000}, terms)))
    (needed, level), = found
    assert needed == 120
    assert level == close_to(2_710.84)


def test_hyperliquid_maintenance_is_not_zero() -> None:
    """Half the initial margin at the asset's limit of 25x: 2 % of the notional, so that 10x dies at
    2,755.10, not at its bankruptcy price of 2,700, and what is left goes back to the trader."""
    rules = venues.get("hyperliquid", symbol="ETH", at="2026-01-31")
    assert rules.maintenance_margin(30_000) == 600
    assert rules.liquidation_price(1, 10, 3_000, 3_000) == close_to(2_755.10)
    rows = [*still(3, 3_000), (3_000, 3_000, 2_750, 2_900), *still(2, 2_900)]
    run = play({1: buy(size=10)}, market(*rows, symbol="ETH", venue="hyperliquid"),
               venue="hyperliquid")
    event, = run.journal.liquidations
    assert event.liquidation_price == close_to(2_755.10)
    assert (event.stage, event.price) == ("market", event.liquidation_price)
    assert event.loss == pytest.approx(10 * (3_000 - event.price))


# ------------------------------------------------------------------ funding

HOURS = 8 + 58 * 8


def one_rate() -> MarketColumns:
    """SYNTHETIC hours at 100: one settlement is known, 58 more fall due without a rate."""
    return market(*still(HOURS), step="1h", start="2026-01-28",
                  funding=[("2026-01-28T08:00", 0.0001)])


def test_stale_funding_rate_is_not_charged_again() -> None:
    """One rate is charged once; the 58 settlements after it are missing, not the same again."""
    with pytest.raises(DataError, match="no funding rate for the settlement 2026-01-28 16:00"):
        play({1: buy(size=10)}, one_rate())
    run = play({1: buy(size=10)}, one_rate(), missing="skip")
    first, *rest = run.journal.funding
    assert (first.state, first.amount) == ("settled", pytest.approx(-0.1))
    assert [(each.state, each.amount) for each in rest] == [("missing", 0.0)] * 58
    assert run.broker.getvalue() == pytest.approx(10_000 - 0.1)


def test_a_rate_is_used_again_only_when_asked_for_and_counted() -> None:
    """missing='impute' is a declared assumption: each payment is marked as imputed, and after 24
    hours the rate is stale and is paid no more."""
    payments = play({1: buy(size=10)}, one_rate(), missing="impute").journal.funding
    assert Counter(each.state for each in payments) == {"settled": 1, "imputed": 3, "stale": 55}
    assert [each.amount for each in payments] == pytest.approx([-0.1] * 4 + [0] * 55)


def settlements(last_rate: float) -> Run:
    """Hours at 100 with four settlements, the last of which has this rate."""
    rates = [0.0001, -0.0002, 0.0004, last_rate]
    stamps = ["2026-01-28T08:00", "2026-01-28T16:00", "2026-01-29T00:00", "2026-01-29T08:00"]
    columns = market(*still(36), step="1h", funding=list(zip(stamps, rates, strict=True)))
    return play({1: buy(size=10)}, columns)


def test_funding_never_reads_the_next_bar() -> None:
    """Each settlement is paid at its own rate, in its own bar; a later rate changes nothing before
    it."""
    paid = settlements(0.0008).journal.funding
    assert [each.rate for each in paid] == [0.0001, -0.0002, 0.0004, 0.0008]
    assert [each.bar for each in paid] == [7, 15, 23, 31]
    assert [each.amount for each in paid] == pytest.approx([-0.1, 0.2, -0.4, -0.8])
    assert settlements(-0.04).journal.funding[:3] == paid[:3]


def test_a_strategy_does_not_see_the_rate_before_its_bar() -> None:
    """The line is NaN but in the bar that holds the settlement."""
    columns = market(*still(12), step="1h", funding=[("2026-01-28T08:00", 0.0001)])
    line = columns.lines["funding_rate"]
    assert [bar for bar, rate in enumerate(line) if not math.isnan(rate)] == [7]
