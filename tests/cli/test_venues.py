"""``venues check`` and ``list venues``: agreement, disagreement, faults; what is shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deleverage.cli.main import entry
from tests.cli.conftest import Command, refused
from tests.conftest import ROOT

OWN = ROOT / "tests" / "venues" / "cases.json"
GOOD: dict[str, Any] = {
    "id": "pays", "venue": "binance", "kind": "funding_fee", "expected": -2.99,
    "inputs": {"signed_size": 10, "mark_price": 2_990, "funding_rate": 0.0001},
    "tolerance": {"abs": 1e-9}, "origin": "exchange_api_real"}
OUT = {**GOOD, "id": "slope", "venue": "deribit", "kind": "initial_margin_linear_slope"}


def written(folder: Path, *cases: Any) -> Path:
    """A file of these cases."""
    path = folder / "cases.json"
    path.write_text(json.dumps({"cases": cases}))
    return path


def test_agreement_is_printed_by_venue_kind_and_origin(
    command: Command, tmp_path: Path
) -> None:
    """Exit 0 when all in scope agree; what is out of scope is listed with its reason."""
    done = command("venues", "check", written(tmp_path, GOOD, OUT))
    assert (done.returncode, done.stderr) == (0, "")
    row = next(line for line in done.stdout.splitlines() if line.startswith("binance"))
    assert row.split() == ["binance", "funding_fee", "1/1", "1/1"]
    assert "venue output" in done.stdout
    assert "OUT OF SCOPE (1)" in done.stdout
    assert "slope (deribit initial_margin_linear_slope): deribit's margin" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_our_own_figures_pass_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The project's set, as JSON: everything agrees."""
    assert entry(["venues", "check", str(OWN), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["agree"] == found["in_scope"] >= 20
    assert found["disagreements"] == found["out_of_scope"] == []
    assert {row["venue"] for row in found["agreement"]} >= {
        "binance", "bybit", "okx", "hyperliquid", "gate", "generic_linear"}


def test_a_disagreement_is_exit_3(command: Command, tmp_path: Path) -> None:
    """The page shows got and expected, stderr names the case."""
    path = written(tmp_path, GOOD, {**GOOD, "id": "wrong", "expected": 2.99})
    done = command("venues", "check", path)
    assert done.returncode == 3
    assert "wrong (binance funding_fee, venue output): got -2.99, expected 2.99" in done.stdout
    assert done.stderr == f"error: {path}: 1 of 2 cases disagree: wrong\n"


def test_a_fault_is_exit_3_and_names_case_and_field(command: Command, tmp_path: Path) -> None:
    """One line on stderr; the rest of the file is answered all the same, in JSON too."""
    inputs = {"signed_size": 10, "funding_rate": 0.0001}
    path = written(tmp_path, GOOD, {**GOOD, "id": "bare", "inputs": inputs})
    for words in ((), ("--json",)):
        done = command("venues", "check", path, *words)
        assert done.returncode == 3
        assert done.stderr == f"error: {path}: case bare: inputs.mark_price is missing\n"
        assert "1/2" in done.stdout or json.loads(done.stdout)["agree"] == 1


@pytest.mark.parametrize(("text", "says"), [
    ("{", "not JSON"), ("[]", "a list 'cases'"), ('{"cases": []}', "no cases")])
def test_a_file_that_holds_no_cases(command: Command, tmp_path: Path, text: str,
                                    says: str) -> None:
    """Refused with one line."""
    path = tmp_path / "cases.json"
    path.write_text(text)
    refused(command("venues", "check", path), 3, says)


@pytest.mark.parametrize(("words", "code", "says"), [
    (["venues"], 2, "needs one of check"),
    (["venues", "chek"], 2, "did you mean 'check'"),
    (["venues", "check"], 2, "FILE.json"),
    (["venues", "check", "nowhere.json"], 3, "nowhere.json: No such file"),
    (["venues", "check", "x.json", "--jsn"], 2, "did you mean --json"),
    (["venus"], 2, "did you mean 'venues'"),
])
def test_wrong_words(command: Command, words: list[str], code: int, says: str) -> None:
    """The near miss, one line, nothing on stdout."""
    refused(command(*words), code, says)


def test_venues_are_listed_with_products_and_states(capsys: pytest.CaptureFixture[str]) -> None:
    """Each product on its row; symbols by the state of their ladder today; none is said so."""
    assert entry(["list", "venues", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["venues"]
    assert list(found) == [
        "binance usdm", "binance coinm", "bybit linear", "bybit inverse", "hyperliquid perp",
        "okx swap", "okx inverse", "gate usdt", "gate inverse"]
    assert "older than 180 days: ADAUSDT, BNBUSDT, BTCUSDT" in found["binance usdm"]
    assert "undated or unverified: ETHUSDT" in found["bybit linear"]
    assert found["gate inverse"] == "no ladder shipped: pass one"


@pytest.mark.parametrize("row", [[60_000, None, 0.005], [40_000, None, 0.005],
                                 [50_000, None, 0.001]])
def test_a_run_on_a_ladder_that_cannot_be(command: Command, dataset: Path, tmp_path: Path,
                                          row: list[float]) -> None:
    """A gap, an overlap, a falling rate in --ladder: one line, nothing written."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"columns": ["min_notional", "max_notional", "mmr"],
                                "rows": [[0, 50_000, 0.004], row]}))
    refused(command("run", "--data", dataset, "--strategy", "buy_and_hold", "--ladder", path,
                    "--out", "result"), 3, "row 2")
    assert list((tmp_path / "here").iterdir()) == []


def test_an_assumed_cross_rule_is_on_the_sheet(dataset: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    """Bybit's unified account: said in cross, not in isolated; Binance's rule is published."""
    for venue, mode, said in (("bybit", "cross", True), ("bybit", "isolated", False),
                              ("binance", "cross", False)):
        assert entry(["run", "--data", str(dataset), "--strategy", "buy_and_hold", "--no-scan",
                      "--venue", venue, "--margin", mode, "--leverage", "2"]) == 0
        assert ("bybit cross is a declared assumption" in capsys.readouterr().out) is said


def test_a_run_before_the_first_ladder(command: Command, tmp_path: Path) -> None:
    """Refused with the earliest; --ladder nearest-later declares it, and the sheet says so."""
    from deleverage.feeds.writing import write_dataset
    from tests.markets import random_tables

    market, tables = random_tables(3, 600, symbol="BTCUSDT", venue="bybit", price=80_000)
    path = write_dataset(tmp_path / "set", market, tables).path
    words = ("run", "--data", path, "--strategy", "buy_and_hold", "--no-scan")
    refused(command(*words), 2, "the earliest is bybit_linear_btcusdt_20260226")
    done = command(*words, "--ladder", "nearest-later")
    assert done.returncode == 0, done.stderr
    assert "ASSUMED: bybit_linear_btcusdt_20260226" in done.stdout
