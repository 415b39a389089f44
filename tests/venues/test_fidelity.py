"""docs/fidelity.md says what the commands print and what the shipped files hold."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deleverage.cli.main import entry
from deleverage.venues.binance import BinanceCoinm, BinanceUsdm
from deleverage.venues.bybit import BybitLinear
from deleverage.venues.gate import GateUsdt
from deleverage.venues.hyperliquid import Hyperliquid
from deleverage.venues.okx import OkxSwap
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
PRODUCTS = (BinanceUsdm, BinanceCoinm, BybitLinear, OkxSwap, GateUsdt, Hyperliquid)


def between(name: str) -> str:
    """The part of the page between two marks."""
    found = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", PAGE, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_table_of_ladders_is_what_is_shipped() -> None:
    """Every ladder with its dates, confidence, brackets, first rate, limit and completeness."""
    rows = []
    for path in sorted((ROOT / "deleverage" / "venues" / "ladders").glob("*.json")):
        for ladder in json.loads(path.read_text(encoding="utf-8")):
            first = dict(zip(ladder["columns"], ladder["rows"][0], strict=True))
            limit = first["max_leverage"]
            cells = [path.stem.replace("_", " "), ladder["symbol"],
                     ladder["observed"] or "undated", ladder.get("closed", ""),
                     ladder["confidence"], str(len(ladder["rows"])), f"{first['mmr'] * 100:g} %",
                     "not given" if limit is None else f"{limit:g}x",
                     "" if ladder.get("complete", True) else "no"]
            rows.append("| " + " | ".join(cells) + " |")
    assert between("ladders").splitlines()[2:] == rows


def test_the_table_of_procedures_is_what_the_rules_say() -> None:
    """Every product with a ladder: what happens to a position at or below maintenance, and what is
    not verified in it; the order in a cross account stands once for all under the table."""
    assert between("each venue").splitlines()[2:] == procedure_rows()


def procedure_rows() -> list[str]:
    """A row a product, of the words that a sheet prints."""
    return [f"| {rules.name} {rules.product} | {rules.procedure.describe()} | "
            f"{'; '.join(each.partition(': ')[2] for each in rules.procedure.assumed)} |"
            for rules in PRODUCTS]


@pytest.mark.real
def test_the_table_of_conformance_is_what_the_command_prints(
    reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line, for the file of cases that the page names."""
    path = reference / "reference" / "margin_cases.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    assert entry(["venues", "check", str(path)]) == 0
    printed = capsys.readouterr().out.replace(str(path), "../shared/reference/margin_cases.json")
    assert [line.rstrip() for line in between("venues check").strip("`\n").splitlines()] == \
        [line.rstrip() for line in printed.strip("\n").splitlines()]
