"""Files of cases that are none, cases with a fault, figures that are wrong: one line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import DataError
from deleverage.venues import cases
from deleverage.venues.cases.report import within

GOOD = {"id": "mine", "venue": "binance", "kind": "funding_fee", "expected": -2.99,
        "inputs": {"signed_size": 10, "mark_price": 2_990, "funding_rate": 0.0001},
        "tolerance": {"abs": 1e-9}, "origin": "mine"}


def with_input(**values: Any) -> dict[str, Any]:
    """The good case with some inputs replaced (None: taken away)."""
    inputs = {**dict(GOOD["inputs"]), **values}  # type: ignore[call-overload]
    return {**GOOD, "inputs": {name: value for name, value in inputs.items() if value is not None}}


def without(*names: str) -> dict[str, Any]:
    """The good case without some fields."""
    return {name: value for name, value in GOOD.items() if name not in names}


def written(tmp_path: Path, *raw: Any) -> Path:
    """A file of these cases."""
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": raw}))
    return path


PRICE = {**GOOD, "kind": "liquidation_price", "inputs": {
    "side": "long", "size": 1, "entry_price": 3_000, "wallet": 300, "mmr": 0.004}}


def price(**values: Any) -> dict[str, Any]:
    """A liquidation price with some inputs replaced."""
    return {**PRICE, "inputs": {**PRICE["inputs"], **values}}  # type: ignore[dict-item]


TIERS = [[0, 50_000, 0.004, 125, 0], [60_000, None, 0.005, 100, 50]]


@pytest.mark.parametrize(("raw", "says"), [
    (7, "case number 1: must be an object"),
    (without("id"), "case number 1: id is missing"),
    (without("venue"), "case mine: venue is missing"),
    (without("inputs"), "case mine: inputs is missing"),
    (without("expected"), "case mine: expected is missing"),
    ({**GOOD, "kind": 5}, "case mine: kind must be a text, found 5"),
    ({**GOOD, "inputs": [1]}, "case mine: inputs must be an object"),
    ({**GOOD, "tolerance": 0.1}, "case mine: tolerance must be null"),
    ({**GOOD, "tolerance": {"abs": "x"}}, "case mine: tolerance must be a number"),
    ({**GOOD, "tolerance": {"abs": 1, "rel": 1}}, "case mine: tolerance must be null"),
    (with_input(mark_price=None), "case mine: inputs.mark_price is missing"),
    (with_input(mark_price="2990"), "case mine: inputs.mark_price must be a number, found '2990'"),
    (with_input(mark_price=True), "inputs.mark_price must be a number, found True"),
    (price(side="up"), "case mine: inputs.side must be long or short, found 'up'"),
    (price(size=-1), "case mine: size and entry price must be > 0"),
    (price(entry_price=0), "case mine: size and entry price must be > 0"),
    (price(tiers=TIERS), "case mine: inputs.tiers: ladder tiers: gap between row 1"),
    (price(tiers=[[0, None, 0.004]]), "case mine: inputs.tiers: each row has"),
    (price(tiers=TIERS, tier_columns=["a"]), "case mine: inputs.tier_columns must be"),
    (price(other_positions=[{"side": "long"}]), "inputs.other_positions[0].mark_price is missing"),
    ({**PRICE, "inputs": {"mmr": 0.1}}, "case mine: inputs: no known shape"),
    ({**GOOD, "kind": "initial_margin", "inputs": {"notional": 1, "leverage": 0}},
     "case mine: leverage must be > 0"),
    ({**GOOD, "kind": "max_leverage", "inputs": {"stake": 0, "tiers": TIERS[:1]}},
     "case mine: a stake must be > 0"),
    ({**GOOD, "kind": "funding_fee_window", "inputs": {
        "signed_size": 1, "open": "noon", "close": "2026-01-31", "events": []}},
     "case mine: inputs.open: not an ISO date"),
    ({**GOOD, "kind": "ledger_sequence", "inputs": {
        "opening_wallet": 1, "taker_fee": 0, "leverage": 1, "events": [{"type": "split"}]}},
     "case mine: inputs.events[0].type must be fill or mark or funding, found 'split'"),
    ({**GOOD, "kind": "liquidation_outcome", "inputs": {
        "opening_wallet": 1e3, "leverage": 10, "side": "long", "size": 1, "entry_price": 3_000,
        "mmr": 0.004, "mark_path": [None]}}, "case mine: inputs.mark_path[0] must be a number"),
])
def test_a_fault_names_the_case_and_the_field(tmp_path: Path, raw: Any, says: str) -> None:
    """It is that case's verdict, in one line; the other cases of the file are still answered."""
    report = cases.check(written(tmp_path, raw, GOOD))
    fault = report.verdicts[0].fault
    assert fault is not None
    assert says in fault
    assert "\n" not in fault
    assert report.faults == report.disagreements == report.verdicts[:1]
    assert report.verdicts[1].agrees


@pytest.mark.parametrize(("text", "says"), [
    ("{", "not JSON"), ("[]", "a list 'cases'"), ('{"cases": {}}', "a list 'cases'"),
    ('{"cases": []}', "no cases"),
])
def test_a_file_that_holds_no_cases_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """One line that names the file."""
    path = tmp_path / "cases.json"
    path.write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        cases.check(path)
    assert str(path) in str(caught.value)


def test_a_wrong_figure_is_a_disagreement(tmp_path: Path) -> None:
    """Outside its tolerance by a hair; what was got and expected is in the verdict."""
    wrong = {**GOOD, "expected": -2.991}
    report = cases.check(written(tmp_path, wrong, GOOD))
    assert [verdict.agrees for verdict in report.verdicts] == [False, True]
    assert (report.disagreements[0].got, report.disagreements[0].expected) == (-2.99, -2.991)
    assert str(report.agreement("venue")[("binance",)]) == "1/2"


@pytest.mark.parametrize(("got", "expected", "agrees"), [
    (1.0, 1.05, True), (1.0, 1.2, False), (None, None, True), (None, 0.0, False),
    (0.0, None, False), (True, True, True), (1, True, False), ("a", "a", True),
    ([1.0, 2.0], [1.0, 2.0], True), ([1.0], [1.0, 2.0], False),
    ({"a": 1.0, "b": 2.0}, {"a": 1.0}, True), ({"b": 1.0}, {"a": 1.0}, False),
    (float("nan"), 1.0, False), ("x", 1.0, False),
])
def test_how_figures_are_compared(got: Any, expected: Any, agrees: bool) -> None:
    """Numbers within the tolerance, the rest exactly; of objects every listed key."""
    assert within(got, expected, (0.1, 0.0)) is agrees
