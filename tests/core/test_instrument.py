"""The contract's own rules: sizes on the lot, prices on the tick, the largest orders."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage.errors import DataError, UsageError
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.writing import write_dataset
from deleverage.instrument import Instrument
from tests.markets import make_market

BUY, SELL = 1, -1
ETH = Instrument("ETHUSDT", "bybit", tick_size=0.05)


@pytest.mark.parametrize(("price", "side", "kind", "expected"), [
    (2450.07, BUY, "limit", 2450.05),
    (2450.07, SELL, "limit", 2450.10),
    (2450.07, BUY, "stop", 2450.10),
    (2450.07, SELL, "stop", 2450.05),
    (2450.0999, BUY, "limit", 2450.05),
    (2450.0501, SELL, "limit", 2450.10),
    (0.02, BUY, "limit", 0.0),
    (0.02, SELL, "stop", 0.0),
    (0.02, BUY, "stop", 0.05),
])
def test_a_limit_goes_to_the_passive_side_and_a_trigger_away_from_the_market(price, side, kind,
                                                                            expected):
    """Buy limits and sell stops down, sell limits and buy stops up."""
    assert ETH.round_price(price, side, kind) == expected


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("kind", ["limit", "stop"])
def test_a_price_on_the_tick_stays_and_float_dust_is_taken_off(side, kind):
    """2450 × 1.1 is 2695 and a bit to a float; 0.1 + 0.2 is three tenths; neither moves a tick."""
    assert ETH.round_price(2450.05, side, kind) == 2450.05
    assert ETH.round_price(2450 * 1.1, side, kind) == 2695.0
    assert replace(ETH, tick_size=0.1).round_price(0.1 + 0.2, side, kind) == 0.3
    assert replace(ETH, tick_size=1e-5).round_price(0.07 * 3, side, kind) == 0.21
    assert replace(ETH, tick_size=2.5).round_price(1002.5, side, kind) == 1002.5


def test_without_a_tick_every_price_is_its_own():
    """A source that gives no tick changes no price."""
    bare = Instrument("ETHUSDT", "bybit")
    assert bare.round_price(2450.0712345, BUY, "limit") == 2450.0712345
    assert bare.on_tick(2450.0712345)


def test_on_tick_tells_whole_ticks_from_others():
    """A fifth of a tick beside is off, the last bits of a calculation are not."""
    assert ETH.on_tick(2450.05)
    assert ETH.on_tick(2450 * 1.1)
    assert not ETH.on_tick(2450.06)
    assert not ETH.on_tick(math.nan)
    assert not ETH.on_tick(math.inf)


def test_what_cannot_be_rounded_is_refused():
    """Another kind of price and a price that is no number are named."""
    with pytest.raises(UsageError, match="'limit' or a 'stop', found 'market'"):
        ETH.round_price(2450.0, BUY, "market")
    with pytest.raises(UsageError, match="ETHUSDT: an order cannot carry the price nan"):
        ETH.round_price(math.nan, BUY)


@given(price=st.floats(0.0001, 200_000), side=st.sampled_from([BUY, SELL]),
       kind=st.sampled_from(["limit", "stop"]),
       tick=st.sampled_from([1e-5, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]))
def test_a_rounded_price_is_on_the_tick_within_one_tick_on_the_right_side(price, side, kind, tick):
    """A multiple of the tick to 1e-9, nearer than one tick, never on the other side; again: same.
    """
    contract = replace(ETH, tick_size=tick)
    found = contract.round_price(price, side, kind)
    exact = Decimal(repr(found)) / Decimal(repr(tick))
    assert exact == exact.to_integral_value()
    assert abs(found - price) < tick * (1 + 1e-9)
    upwards = (side == BUY) == (kind == "stop")
    beyond = (price - found) if upwards else (found - price)
    assert beyond <= tick * 1e-4, "dust aside, never on the other side"
    assert contract.on_tick(found)
    assert contract.round_price(found, side, kind) == found


@pytest.mark.parametrize("name", ["tick_size", "lot_size", "min_notional", "max_size",
                                  "max_market_size"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_rule_of_the_contract_is_a_positive_number(name, value):
    """Zero, negative and endless steps and limits are refused with their name."""
    with pytest.raises(DataError, match=f"instrument ETHUSDT: {name} must be > 0"):
        Instrument("ETHUSDT", "bybit", **{name: value})


def test_the_largest_orders_survive_the_disk(tmp_path):
    """market.toml carries the largest order and the largest market order."""
    market, tables = make_market([100.0, 101.0], max_size=10_000.0, max_market_size=2_000.0)
    write_dataset(tmp_path / "set", market, tables)
    found = Dataset.open(tmp_path / "set").market.instrument
    assert (found.max_size, found.max_market_size) == (10_000.0, 2_000.0)
    assert found == market.instrument


def test_no_lot_is_lost_in_a_sum_of_large_sizes():
    """15,242.533 − 7,621.266 is 7,621.267 though floats end 2e-12 short of it; a size truly below a
    lot is still cut."""
    lot = Instrument("ETHUSDT", "bybit", lot_size=0.001)
    assert lot.round_size(-15242.533 + 7621.266000000001) == -7621.267
    assert lot.round_size(-25418.093999999997 - 4358.576) == -29776.67
    assert lot.round_size(7621.2679) == 7621.267
    assert lot.round_size(0.0009999) == 0.0


@given(st.integers(1, 10**10), st.integers(1, 50), st.sampled_from([0.001, 0.01, 0.1, 1.0, 1e-5]))
def test_parts_of_a_size_add_up_to_it_again(lots, parts, step):
    """Whatever a size of whole lots is split into and added up from, it stays that many lots."""
    contract = Instrument("ETHUSDT", "bybit", lot_size=step)
    whole, total = contract.round_size(lots * step), 0.0
    for number in range(parts):
        total += contract.round_size((lots * (number + 1) // parts - lots * number // parts) * step)
    assert contract.round_size(total) == whole
