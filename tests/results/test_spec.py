"""RunSpec: what it refuses, what it fills in, and that it survives JSON and pickling."""

from __future__ import annotations

import pickle
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.errors import DataError, UnknownName, UsageError
from deleverage.policies import Fees
from deleverage.slippage import CascadeDepth, FixedBp, VolumeShare
from deleverage.spec import RunSpec
from deleverage.timestamps import parse


def spec(**fields: Any) -> RunSpec:
    return RunSpec(**{"data": "constructive", "strategy": "buy_and_hold", **fields})


def test_defaults() -> None:
    """A fifth of equity as margin at 10x isolated, adverse path, 2 bp of slippage, 10,000 cash."""
    made = spec()
    assert (made.leverage, made.margin, made.margin_fraction) == (10.0, "isolated", 0.20)
    assert (made.path, made.fill, made.missing, made.mark) == ("adverse", "through", "fail", None)
    assert (made.slippage_bp, made.cash, made.fees, made.notional) == (2.0, 10_000.0, None, None)
    assert (made.liquidation, made.off_tick, made.latency, made.publication_latency) == (
        "venue", "round", 0, 0)
    assert (made.slippage, made.volume_limit, made.outage, made.adl, made.step, made.fee_tier) == (
        None, None, (), (), None, None)
    assert made.stop_trigger is None
    assert made.sizing == "0.2 × equity as margin"


@pytest.mark.parametrize(("fields", "said"), [
    ({"margin": "isolate"}, "unknown margin mode 'isolate'; did you mean 'isolated'"),
    ({"venue": "binanse"}, "unknown venue 'binanse'; did you mean 'binance'"),
    ({"path": "advers"}, "did you mean 'adverse'"),
    ({"fill": "toch"}, "did you mean 'touch'"),
    ({"missing": "imput"}, "did you mean 'impute'"),
    ({"mark": "lst"}, "did you mean 'last'"),
    ({"on_liquidation": "halt"}, "unknown on_liquidation rule 'halt'"),
    ({"liquidation": "vanue"}, "unknown liquidation procedure 'vanue'; did you mean 'venue'"),
    ({"off_tick": "refus"}, "did you mean 'refuse'"),
    ({"stop_trigger": "marc"}, "unknown trigger price 'marc'; did you mean 'mark'"),
    ({"slippage": "cascad"}, "did you mean 'cascade'"),
    ({"slippage": "cascade:dept=1"}, "did you mean 'depth'"),
    ({"venue": "binance", "fee_tier": "VIP11"}, "unknown fee tier of binance 'VIP11'; did you"),
    ({"adl": [("2026-01-31", "lomg", 0.5, 2_400)]}, "did you mean 'long'"),
])
def test_a_misspelt_name_is_told_its_neighbour(fields: dict[str, Any], said: str) -> None:
    """Names nobody knows raise UnknownName with the near miss."""
    with pytest.raises(UnknownName, match=said):
        spec(**fields)


@pytest.mark.parametrize(("fields", "said"), [
    ({"leverage": 0}, "leverage must be > 0, found 0"),
    ({"leverage": -5}, "leverage must be > 0"),
    ({"leverage": float("nan")}, "leverage must be > 0, found nan"),
    ({"leverage": "10"}, "leverage must be a number"),
    ({"margin_fraction": 0}, r"margin_fraction must be in \(0, 1\], found 0"),
    ({"margin_fraction": 1.5}, r"margin_fraction must be in \(0, 1\], found 1.5"),
    ({"notional": -1}, "notional must be > 0"),
    ({"notional": 5_000, "margin_fraction": 0.2}, "notional and margin_fraction exclude"),
    ({"notional": 5_000, "notional_leverage": 10}, "notional and notional_leverage exclude"),
    ({"cash": 0}, "cash must be > 0"),
    ({"slippage_bp": -1}, r"slippage_bp must be in \[0, 1000\], found -1"),
    ({"fees": (0.1,)}, "fees must be"),
    ({"fees": (0.0002, 0.5)}, "taker fee must be a fraction"),
    ({"fromdate": "31.01.2026"}, "not an ISO date or time"),
    ({"fromdate": "2026-02-01", "todate": "2026-01-31"}, "is not before todate"),
    ({"slippage": "2bp", "slippage_bp": 2.0}, "slippage and slippage_bp exclude one another"),
    ({"slippage": 2.0}, "slippage must be the text of a policy"),
    ({"slippage": "volume:impact=2"}, "impact must be a number from 0 to 1"),
    ({"fees": (0.0002, 0.0005), "fee_tier": "VIP1"}, "fees and fee_tier exclude one another"),
    ({"volume_limit": 0}, r"volume_limit must be in \(0, 1\], found 0"),
    ({"volume_limit": 1.01}, r"volume_limit must be in \(0, 1\], found 1.01"),
    ({"latency": -1}, "latency must be a whole number of bars ≥ 0, found -1"),
    ({"latency": 0.5}, "latency must be a whole number of bars ≥ 0, found 0.5"),
    ({"latency": float("nan")}, "latency must be a whole number"),
    ({"publication_latency": True}, "publication_latency must be a whole number"),
    ({"outage": [("2026-01-31T19:00", "2026-01-31T18:40")]},
     "an outage must begin before it ends, found 2026-01-31T19:00:00 to 2026-01-31T18:40:00"),
    ({"outage": ["2026-01-31T18:40"]}, "an outage is a pair of times FROM/TO"),
    ({"outage": "2026-01-31/2026-02-01"}, "outage must be a list of rows"),
    ({"outage": [("yesterday", "today")]}, "not an ISO date or time: 'yesterday'"),
    ({"adl": [("2026-01-31", "long", 1.5, 2_400)]}, "share of an auto-deleveraging must be in"),
    ({"adl": [("2026-01-31", "long", 0.5, 0)]}, "price of an auto-deleveraging must be > 0"),
    ({"adl": [("2026-01-31", "long", 0.5)]}, "an auto-deleveraging is a row"),
    ({"step": "1 hour"}, "not a bar length: '1 hour'"),
    ({"data": ""}, "data must be a non-empty text"),
    ({"params": {"level": {1: 2}}}, "strategy parameter level must be"),
    ({"params": {"level": float("inf")}}, "strategy parameter level must be finite"),
])
def test_values_out_of_range_are_refused(fields: dict[str, Any], said: str) -> None:
    """What cannot be run raises UsageError, naming the field and what was found."""
    with pytest.raises(UsageError, match=said):
        spec(**fields)


def test_dates_are_taken_in_every_form() -> None:
    """ISO text, datetime, date and UTC nanoseconds mean the same moment."""
    forms = ("2026-01-31", "2026-01-31T00:00", datetime(2026, 1, 31), date(2026, 1, 31),
             parse("2026-01-31"))
    assert {spec(fromdate=form).fromdate for form in forms} == {"2026-01-31T00:00:00"}
    assert spec(fromdate="2026-01-31").from_ns == parse("2026-01-31")


def test_costs_and_delays_are_kept_in_one_form() -> None:
    """Pairs of any kind of time become ISO texts in order, policies and steps their shortest text:
    two ways to say the same run are one specification."""
    start, end = parse("2026-01-31T18:40"), parse("2026-01-31T18:50")
    made = spec(outage=[(datetime(2026, 2, 1), "2026-02-02"), (start, end)], step="60m",
                slippage="cascade: depth=1000000", latency=2.0,
                adl=[(parse("2026-02-01"), "short", 1, 2_400), ["2026-01-31", "long", 0.5, 2_500]])
    assert made.outage == (("2026-01-31T18:40:00", "2026-01-31T18:50:00"),
                           ("2026-02-01T00:00:00", "2026-02-02T00:00:00"))
    assert spec(outage=["2026-01-31T18:40/2026-01-31T18:50"]).outage == made.outage[:1]
    assert made.adl == (("2026-01-31T00:00:00", "long", 0.5, 2_500.0),
                        ("2026-02-01T00:00:00", "short", 1.0, 2_400.0))
    assert (made.step, made.slippage, made.latency) == ("1h", "cascade:depth=1000000", 2)
    assert made.slippage_bp is None
    assert made == spec(**{**made.as_dict(), "slippage": CascadeDepth(depth=1e6)})
    assert RunSpec.from_json(made.to_json()) == made == pickle.loads(pickle.dumps(made))


def test_one_slippage_or_fee_replaces_the_other() -> None:
    """A change to a policy drops the basis points, and the other way round; so do fees and tier."""
    made = spec(slippage="volume")
    assert made.changed(leverage=20).slippage == "volume"
    assert made.changed(slippage_bp=3).slippage is None
    assert spec().changed(slippage="2bp").slippage_bp is None
    assert spec(fee_tier="VIP1").changed(fees=(0.0, 0.001)).fee_tier is None
    assert made.slippage_policy == VolumeShare()
    assert spec(slippage_bp=3).slippage_policy == FixedBp(3.0)


def test_a_notional_replaces_the_fraction() -> None:
    """With a notional there is no margin fraction; a change to one size rule drops the other."""
    made = spec(notional=5_000)
    assert made.margin_fraction is None
    assert made.sizing == "notional 5,000"
    assert made.changed(margin_fraction=0.1).notional is None
    assert spec(notional_leverage=20.0).changed(notional=100).notional_leverage is None
    assert spec(notional_leverage=20.0).sizing == "notional 0.2 × 20 × equity"


def test_changed_is_validated_again() -> None:
    """A copy with another field is checked like a new one; an unknown field is named."""
    assert spec().changed(leverage=20).leverage == 20.0
    with pytest.raises(UsageError, match="leverage must be"):
        spec().changed(leverage=0)
    with pytest.raises(UnknownName, match="did you mean 'leverage'"):
        spec().changed(leverge=5)


def test_fees_as_an_object() -> None:
    """A Fees object is kept as its two rates."""
    assert spec(fees=Fees(0.0001, 0.0004)).fees == (0.0001, 0.0004)


def test_parameters_cannot_be_changed_afterwards() -> None:
    """The mapping given is copied and read-only; lists become tuples."""
    given_params = {"levels": [1, 2.5]}
    made = spec(params=given_params)
    given_params["levels"] = []
    assert made.params == {"levels": (1, 2.5)}
    with pytest.raises(TypeError):
        made.params["levels"] = ()  # type: ignore[index]


@settings(max_examples=50, deadline=None)
@given(leverage=st.floats(0.01, 125), fraction=st.floats(1e-6, 1.0), cash=st.floats(1, 1e9),
       params=st.dictionaries(st.text(max_size=5), st.one_of(
           st.none(), st.booleans(), st.integers(-10**9, 10**9),
           st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5),
           st.lists(st.integers(0, 9), max_size=3)), max_size=3))
def test_round_trips(leverage: float, fraction: float, cash: float, params: Any) -> None:
    """JSON and pickle give an equal specification back, floats to the last bit, one key."""
    made = spec(leverage=leverage, margin_fraction=fraction, cash=cash, params=params)
    again = RunSpec.from_json(made.to_json())
    assert again == made == pickle.loads(pickle.dumps(made))
    assert again.key() == made.key()
    assert hash(again) == hash(made)


def test_foreign_json_is_refused() -> None:
    """Text that is no specification, a misspelt field or one without a strategy is told so."""
    with pytest.raises(DataError, match="not a run specification"):
        RunSpec.from_json("[1]")
    with pytest.raises(DataError, match="not a run specification"):
        RunSpec.from_json("{")
    with pytest.raises(UnknownName, match="did you mean 'leverage'"):
        RunSpec.from_dict({"data": "x", "strategy": "y", "levrage": 2})
    with pytest.raises(UsageError, match="a run needs 'strategy'"):
        RunSpec.from_dict({"data": "x"})
