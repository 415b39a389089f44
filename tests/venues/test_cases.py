"""Printed figures through the shipped rules: our own small set, and the reference file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deleverage import venues
from deleverage.errors import UnknownName
from deleverage.venues import cases
from deleverage.venues.cases.inputs import Inputs
from deleverage.venues.cases.prices import SHAPES, shape_of
from deleverage.venues.cases.report import within

OWN = Path(__file__).with_name("cases.json")
FIGURES: list[dict[str, Any]] = json.loads(OWN.read_text(encoding="utf-8"))["cases"]
IN_SCOPE = (*venues.names(), "generic_linear")


def reference_file(reference: Path) -> Path:
    """The reference file of cases; the test is skipped where it is absent."""
    for path in (reference / "margin_cases.json", reference / "reference" / "margin_cases.json"):
        if path.is_file():
            return path
    pytest.skip("no margin_cases.json beside the reference data")


# ------------------------------------------------------------------ figures


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure["id"])
def test_a_figure_of_the_venue_documents(figure: dict[str, Any]) -> None:
    """The rules give what the document prints, or what its formula gives by hand."""
    tolerance = figure["tolerance"] or {"rel": 1e-9}
    got = cases.answer(figure["venue"], figure["kind"], figure["inputs"])
    assert within(got, figure["expected"], (tolerance.get("abs", 0.0), tolerance.get("rel", 0.0)))


def test_our_own_set_is_checked_as_a_file() -> None:
    """Twenty figures and more, all in scope, each with its source; every venue is among them."""
    report = cases.check(OWN)
    assert len(report.verdicts) >= 20
    assert report.disagreements == report.out_of_scope == ()
    assert {verdict.venue for verdict in report.verdicts} == set(IN_SCOPE)
    assert all(figure["source"] for figure in FIGURES)
    assert len({figure["id"] for figure in FIGURES}) == len(FIGURES)


@pytest.mark.real
def test_the_reference_figures_agree(reference: Path) -> None:
    """Every case of a venue with rules is in scope, and agrees within its own tolerance."""
    report = cases.check(reference_file(reference))
    assert [verdict for verdict in report.verdicts
            if verdict.venue in IN_SCOPE and not verdict.asked] == []
    assert report.disagreements == ()
    assert report.agreement()[()].total >= 90
    real = {venue for venue, origin in report.agreement("venue", "origin")
            if origin == "exchange_api_real"}
    assert {"binance", "bybit", "okx", "hyperliquid", "gate"} <= real


@pytest.mark.real
def test_what_is_out_of_scope_is_named(reference: Path) -> None:
    """Few, of other venues only, each with a reason that names what is not shipped."""
    left = cases.check(reference_file(reference)).out_of_scope
    assert len(left) <= 6
    assert all("no rule shipped" in str(verdict.reason) for verdict in left)


@pytest.mark.real
def test_a_shape_shows_in_its_inputs(reference: Path) -> None:
    """Without the declared shape the same rule answers: the answers are equal."""
    raw = json.loads(reference_file(reference).read_text())["cases"]
    asked = [case for case in raw if case["kind"] == "liquidation_price"
             and cases.in_scope(case["venue"], case["kind"], case["inputs"]) is None]
    assert len({case["input_shape"] for case in asked}) > 10
    for case in asked:
        plain, declared = (cases.answer(case["venue"], case["kind"], inputs) for inputs in (
            case["inputs"], {**case["inputs"], "input_shape": case["input_shape"]}))
        assert plain == declared, case["id"]


# ------------------------------------------------------------------ scope


@pytest.mark.parametrize(("venue", "kind", "inputs", "says"), [
    ("htx", "liquidation_price", {"adjust_factor": 0.1, "wallet": 1}, "adjust factor"),
    ("bitget", "liquidation_price", {"margin_ratio": 0.1}, "current mark"),
    ("poloniex", "liquidation_price", {"margin_ratio_inv": 0.1}, "printed ratio"),
    ("deribit", "initial_margin_linear_slope", {}, "slope"),
    ("deribit", "maintenance_margin_linear_slope", {}, "slope"),
    ("ftx", "liquidation_price", {"collateral": 1}, "no rules of ftx are shipped"),
    ("binance", "liquidation_price", {"input_shape": "astral", "wallet": 1}, "'astral'"),
    ("binance", "liquidation_price", {"wallet": 1, "mm_basis": "at_mark"}, "current mark"),
    ("hyperliquid", "liquidation_price", {"wallet": 1, "contract_type": "inverse"},
     "hyperliquid has no inverse contracts"),
    ("hyperliquid", "bankruptcy_price", {"contract_type": "inverse"}, "no inverse contracts"),
    ("bybit", "ledger_sequence", {"contract_type": "inverse"}, "linear contracts only"),
    ("binance", "horoscope", {}, "no rule answers the kind 'horoscope'"),
])
def test_the_reason_is_in_words(venue: str, kind: str, inputs: dict[str, Any], says: str) -> None:
    """What no shipped rule takes is said before it is tried."""
    assert says in str(cases.in_scope(venue, kind, inputs))


def test_a_kind_nobody_knows_is_no_answer() -> None:
    """Asking for it names the near miss."""
    with pytest.raises(UnknownName, match="did you mean 'funding_fee'"):
        cases.answer("binance", "funding_fees", {})


def test_every_kind_of_price_shape_is_found_by_its_names() -> None:
    """No shape can only be reached by declaring it, but for those that are one rule with another.
    """
    found = {shape_of(Inputs("x", {name: 1})) for name in (
        "liquidation_without_extra", "pos_init", "raw_usd", "total_account_maintenance", "wallet",
        "max_leverage", "leverage")}
    found |= {shape_of(Inputs("x", {"wallet": 1, name: 1})) for name in ("tiers", "taker_fee")}
    found |= {shape_of(Inputs("x", {"margin_ratio": 1, "position_value": 1}))}
    alike = {"wallet_entry_mm", "inverse_wallet", "inverse_wallet_fee", "inverse_leverage"}
    assert found | alike == set(SHAPES)


# ------------------------------------------------------------------ venues without rules


def test_a_family_answers_for_a_venue_without_rules() -> None:
    """The case's basis picks the family; a fee it puts into maintenance is part of the rate."""
    position = {"side": "long", "size": 10, "entry_price": 3_000, "wallet": 3_000, "mmr": 0.004}
    price = {basis: cases.answer("ftx", "liquidation_price", {**position, "mm_basis": basis})
             for basis in ("at_liquidation", "at_entry")}
    assert price == pytest.approx({"at_liquidation": 27_000 / 9.96, "at_entry": 2_712})
    fee = cases.answer("blofin", "liquidation_price", {**position, "taker_fee": 0.0006})
    assert fee == pytest.approx(27_000 / 9.954)
    assert cases.answer("binance", "liquidation_price", {**position, "taker_fee": 0.0006}) == \
        price["at_liquidation"]  # not inside maintenance there


def test_a_venue_with_rules_answers_by_them_whatever_the_case_calls_its_basis() -> None:
    """Bybit isolated is frozen at entry even where a case claims the other family."""
    inputs = {"side": "long", "size": 10, "entry_price": 3_000, "wallet": 3_000, "mmr": 0.004,
              "mm_basis": "at_liquidation"}
    assert cases.answer("bybit", "liquidation_price", inputs) == 2_712


def test_other_positions_count_beside_tiers_too() -> None:
    """30 ETH on the ladder beside a losing BTC: the price that rate and amount give."""
    other = {"side": "long", "size": 1, "entry_price": 80_000, "mark_price": 78_000, "mmr": 0.005,
             "cum": 50}
    inputs = {"side": "long", "size": 30, "entry_price": 3_000, "wallet": 10_000,
              "margin_mode": "cross", "other_positions": [other]}
    tiers = [[0, 50_000, 0.004, 125, 0], [50_000, 600_000, 0.005, 100, 50]]
    price = cases.answer("binance", "liquidation_price", {**inputs, "tiers": tiers})
    assert round(price, 2) == 2_756.78
    assert price == cases.answer("binance", "liquidation_price",
                                 {**inputs, "mmr": 0.005, "cum": 50})


def test_buffer_of_no_price_is_no_price() -> None:
    """A position that nothing liquidates has nothing to move."""
    inputs = {"liquidation_price": None, "entry_price": 3_000, "buffer": 0.05, "side": "long"}
    assert cases.answer("binance", "liquidation_price_with_buffer", inputs) is None


def test_an_inverse_round_trip_is_in_coin() -> None:
    """3,000 USD from 3,000 to 3,300: 1 − 1/1.1 coin."""
    inputs = {"side": "long", "contracts": 300, "contract_size": 10, "entry_price": 3_000,
              "exit_price": 3_300, "contract_type": "inverse"}
    assert cases.answer("binance", "closed_pnl", inputs) == pytest.approx(1 - 1 / 1.1)
    funding = {"signed_size": 300, "contract_size": 10, "mark_price": 3_000,
               "funding_rate": 0.0001, "contract_type": "inverse"}
    assert cases.answer("binance", "funding_fee", funding) == pytest.approx(-0.0001)
