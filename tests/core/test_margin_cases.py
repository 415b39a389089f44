"""Figures printed by venues and other projects (margin_cases.json), by the shape of their inputs.

A case is taken when the core has a function that asks for what the case gives. Inverse contracts,
fees inside maintenance, printed ratios and other venues' formulas have none and are left to the
command that checks a file of cases.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from deleverage import account, margin
from deleverage.account import State, Terms
from deleverage.venues import ladder_file as ladders
from deleverage.venues.binance import BinanceUsdm
from deleverage.venues.bybit import BybitLinear
from deleverage.venues.ladder import Bracket, LadderUse
from deleverage.venues.rules import VenueRules
from tests.conftest import reference_folder
from tests.core.desks import flat_ladder

Inputs = dict[str, Any]


@functools.cache
def cases() -> list[dict[str, Any]]:
    """All cases, none where the reference is absent."""
    path = reference_folder() / "margin_cases.json"
    path = path if path.is_file() else reference_folder() / "reference" / "margin_cases.json"
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return found


def _side(inputs: Inputs) -> int:
    return {"long": 1, "short": -1}[inputs["side"]]


def _wallet_cum(inputs: Inputs) -> float | None:
    wallet = inputs["wallet"]
    for other in inputs.get("other_positions", []):
        signed = _side(other) * other["size"]
        notional = other["size"] * other["mark_price"]
        wallet += margin.unrealised(signed, other["entry_price"], other["mark_price"])
        wallet -= margin.maintenance(notional, other["mmr"], other["cum"])
    return margin.liquidation_at_liquidation(_side(inputs), inputs["size"], inputs["entry_price"],
                                             wallet, inputs["mmr"], inputs["cum"])


def _wallet_tiers(inputs: Inputs) -> float | None:
    return _rules(inputs).liquidation_price(_side(inputs), inputs["size"], inputs["entry_price"],
                                            inputs["wallet"])


def _leverage_deduction(inputs: Inputs) -> float | None:
    wallet = inputs["size"] * inputs["entry_price"] / inputs["leverage"] + inputs["extra_margin"]
    return margin.liquidation_at_entry(_side(inputs), inputs["size"], inputs["entry_price"], wallet,
                                       inputs["mmr"], inputs["mm_deduction"])


def _wallet_entry_mm(inputs: Inputs) -> float | None:
    return margin.liquidation_at_entry(_side(inputs), inputs["size"], inputs["entry_price"],
                                       inputs["wallet"], inputs["mmr"],
                                       inputs.get("mm_deduction", 0.0))


def _added_margin(inputs: Inputs) -> float | None:
    """The margin that gives the LP without the extra is worked back; the extra comes on top."""
    rules = BybitLinear("", LadderUse(flat_ladder(0.005), 0))
    side, size, entry = _side(inputs), inputs["size"], inputs["entry_price"]
    margin_without = rules.position_maintenance(size, entry, entry) + \
        side * (entry - inputs["liquidation_without_extra"]) * size
    return rules.liquidation_price(side, size, entry, margin_without + inputs["extra_margin"])


def _bracket(inputs: Inputs) -> Inputs:
    notional = inputs["notional"]
    if inputs["boundary"] == "lower_inclusive":  # a simulator's choice; ours is the lower bracket
        notional = math.nextafter(notional, math.inf)
    rung: Bracket = _rules(inputs).bracket(notional)
    return {"mmr": rung.rate, "cum": rung.amount}


def _maintenance_tiered(inputs: Inputs) -> float:
    return _rules(inputs).maintenance_margin(inputs["notional"])


def _maintenance_amount(inputs: Inputs) -> float:
    """The amount of a bracket below which the brackets sum to ``cum_prev``."""
    floor, rate, below = inputs["floor"], inputs["mmr"], inputs["mmr_prev"]
    first = below - inputs["cum_prev"] / (floor / 2)
    made = ladders.from_mapping({"columns": ["min_notional", "max_notional", "mmr"], "rows": [
        [0, floor / 2, first], [floor / 2, floor, below], [floor, None, rate]]}, where="case")
    return made.brackets[2].amount


def _bankruptcy(inputs: Inputs) -> float:
    return margin.bankruptcy(_side(inputs), inputs["size"], inputs["entry_price"], inputs["wallet"])


def _initial_margin(inputs: Inputs) -> float:
    return BinanceUsdm("", LadderUse(flat_ladder(0.004), 0)).initial_margin(
        inputs["notional"], inputs["leverage"])


def _funding(inputs: Inputs) -> float:
    paid = margin.funding_amount(inputs["signed_size"], inputs["mark_price"],
                                 inputs["funding_rate"])
    return paid * float(inputs.get("time_in_ratio", 1.0))


def _closed(inputs: Inputs) -> float:
    """A round trip through the account: realised profit less both fees."""
    rate = inputs.get("taker_fee", 0.0)
    terms = Terms("cross", {}, {"X": 1.0})
    signed = _side(inputs) * inputs["size"]
    first = account.fill(State(1e9), terms, "X", signed, inputs["entry_price"], rate)
    second = account.fill(first.change.state, terms, "X", -signed, inputs["exit_price"], rate)
    return second.realised - first.fee - second.fee


def _ledger(inputs: Inputs) -> Inputs:
    """Fills, marks and funding played through a cross account."""
    rules = BinanceUsdm("X", LadderUse(flat_ladder(inputs["mmr"]), 0))
    terms = Terms("cross", {"X": rules}, {"X": float(inputs["leverage"])})
    state, wallets = State(inputs["opening_wallet"]), []
    result: Inputs = {"realized": 0.0, "fees": 0.0, "funding": 0.0}
    mark, entries = 0.0, []
    for event in inputs["events"]:
        mark = event.get("price", event.get("mark"))
        if event["type"] == "fill":
            done = account.fill(state, terms, "X", event["qty"], mark, inputs["taker_fee"],
                                lambda size: round(size, 12))
            state = done.change.state
            result["realized"] += done.realised
            result["fees"] += done.fee
            entries.append(state.positions["X"].entry_price)
        elif event["type"] == "funding":
            size = state.positions["X"].size
            paid = margin.funding_amount(size, event["mark"], event["rate"])
            state = account.fund(state, terms, "X", paid)[0].state
            result["funding"] += paid
        wallets.append(state.wallet)
    return {**result, "wallet_after": wallets, "entry_after_add": entries[1],
            "final_equity": account.equity(state, {"X": mark}),
            "remaining_qty": state.positions["X"].size}


def _funding_then_check(inputs: Inputs) -> Inputs:
    """One isolated position, funding and the maintenance check at one instant, in both orders."""
    rules = BinanceUsdm("X", LadderUse(flat_ladder(inputs["mmr"]), 0))
    terms = Terms("isolated", {"X": rules}, {"X": float(inputs["leverage"])})
    signed = _side(inputs) * inputs["size"]
    opened = account.fill(State(inputs["opening_wallet"]), terms, "X", signed,
                          inputs["entry_price"], inputs["taker_fee"]).change.state
    paid = margin.funding_amount(signed, inputs["mark"], inputs["funding_rate"])
    after = account.fund(opened, terms, "X", paid)[0].state

    def dead(state: State) -> bool:
        level = account.liquidation_price(state, "X", {}, terms)
        return level is not None and (inputs["mark"] - level) * signed <= 0

    return {"funding_cashflow": paid, "margin_after": after.positions["X"].margin,
            "liquidated_if_funding_first": dead(after), "liquidated_if_check_first": dead(opened),
            "wallet_final": account.seize(after, "X").state.wallet}


def _rules(inputs: Inputs) -> VenueRules:
    rows = [list(row) for row in inputs["tiers"]]
    columns = ["min_notional", "max_notional", "mmr", "max_leverage", "amount"]
    made = ladders.from_mapping({"columns": columns, "rows": rows}, where="case")
    return BinanceUsdm("", LadderUse(made, 0))


ANSWERS: dict[str, Callable[[Inputs], Any]] = {
    "wallet_cum": _wallet_cum, "wallet_tiers": _wallet_tiers,
    "leverage_deduction": _leverage_deduction, "wallet_entry_mm": _wallet_entry_mm,
    "added_margin": _added_margin, "tier_lookup": _bracket,
    "maintenance_margin_tiered": _maintenance_tiered, "maintenance_amount": _maintenance_amount,
    "bankruptcy_price": _bankruptcy, "initial_margin": _initial_margin, "funding_fee": _funding,
    "closed_pnl": _closed, "closed_pnl_net": _closed, "ledger_sequence": _ledger,
    "event_ordering": _funding_then_check,
}
TAKEN = [case for case in cases() if case["input_shape"] in ANSWERS
         and not (case["kind"] == "tier_lookup" and case["inputs"]["tiers"][0][4] is None)]


def agree(got: Any, expected: Any, tolerance: dict[str, float] | None) -> bool:
    """Whether an answer is the figure, by the rule of the file of cases."""
    if isinstance(expected, dict):
        return all(agree(got[key], value, tolerance) for key, value in expected.items())
    if isinstance(expected, list):
        return all(agree(one, two, tolerance) for one, two in zip(got, expected, strict=True))
    if expected is None or isinstance(expected, (bool, str)):
        return got is expected or got == expected
    limits = tolerance or {"rel": 1e-9}
    allowed = limits["abs"] if "abs" in limits else limits["rel"] * abs(expected)
    return got is not None and abs(got - expected) <= allowed


@pytest.mark.skipif(not TAKEN, reason="no margin_cases.json (set DELEVERAGE_REFERENCE)")
@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case["id"])
def test_printed_figures(case: dict[str, Any]) -> None:
    """The core gives the figure that a venue, its help page or another project printed."""
    got = ANSWERS[case["input_shape"]](case["inputs"])
    assert agree(got, case["expected"], case["tolerance"]), (got, case["expected"])


@pytest.mark.skipif(not TAKEN, reason="no margin_cases.json (set DELEVERAGE_REFERENCE)")
def test_real_figures_of_both_venues_are_among_them() -> None:
    """Output of the venues themselves is compared, for both venues that have rules."""
    real = {case["venue"] for case in TAKEN if case["origin"] == "exchange_api_real"}
    assert {"binance", "bybit"} <= real
