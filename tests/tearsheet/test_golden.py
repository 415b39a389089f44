"""The golden sheets: whole pages as they were last read and found right."""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import deleverage
from deleverage import runner, scenarios
from deleverage.beside import Compared
from deleverage.columns import MarketColumns
from deleverage.stamps import procedure_of
from deleverage.statistics.replay import VenueTerms
from deleverage.statistics.summary import RunRecord, plain, summary
from deleverage.strategies.exits import bars_of
from tests.scripts.load import load

golden = load("golden_sheets")
FILES = sorted([*(f"{name}.{kind}" for name in golden.RUNS for kind in ("txt", "json")),
                "three.txt", "three.json"])


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    """Every file as it would be written now."""
    return golden.sheets()


def difference(before: str, after: str, name: str) -> str:
    """The lines that differ, the first hundred of them."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), f"golden/{name}",
                                      "now", lineterm="", n=1))
    return "\n".join(lines[:100])


@pytest.mark.parametrize("name", FILES)
def test_a_sheet_is_its_golden_one(found: dict[str, str], name: str) -> None:
    """Figure for figure and word for word; what is meant to change is written by `make golden`."""
    before = (golden.FOLDER / name).read_text("utf-8")
    changed = difference(before, found[name], name)
    assert not changed, f"`make golden` writes this, if it is meant:\n{changed}"


def test_every_golden_file_is_made(found: dict[str, str]) -> None:
    """None is left over from a run that is no more."""
    assert sorted(path.name for path in golden.FOLDER.iterdir()) == sorted(found) == FILES


def test_they_show_what_they_are_for(found: dict[str, str]) -> None:
    """A liquidation with its shadow below zero, a short, a run without trades, three side by side,
    all of them SYNTHETIC; no version and no path of a machine."""
    assert "\nLIQUIDATIONS" in found["liquidated.txt"]
    assert "below zero" in found["held.txt"]
    assert "short" in found["short.txt"].partition("TRADES BY")[2]
    assert "No trade: the strategy gave no signal" in found["no_trade.txt"]
    assert "CAPACITY" in found["reclaim.txt"]
    assert found["three.txt"].count("└ shadow: no liquidation") == 2
    for name, text in found.items():
        assert "SYNTHETIC" in text or name == "three.json"
        assert deleverage.__version__ not in text
        assert str(Path.home()) not in text


def again(done: Compared, columns: MarketColumns) -> Compared:
    """A saved run with every figure worked out anew from its journal; of its trades only what the
    strategy called its exits is kept, which no journal knows."""
    result = done.result
    spec, journal = result.spec, result.journal
    own = result.own_columns(columns)
    rules = runner.rules_of(spec, own)
    orders = {fill.position: fill.order_ref for fill in journal.fills}
    reasons = {orders[trade.number]: trade.exit_reason for trade in result.trades}
    hold = result.provenance.params.get("hold")
    record = RunRecord.of(
        journal, own, spec.mark, reasons,
        bars_of(hold, own.market.step_ns) if isinstance(hold, str) else None,
        terms=VenueTerms(rules, procedure_of(spec, rules), own.market.instrument.lot_size))
    return dataclasses.replace(done, result=dataclasses.replace(
        result, trades=record.trades, statistics=plain(summary(record))))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The folder of the run that was liquidated."""
    return golden.made("liquidated").save(tmp_path / "run")


def test_a_saved_journal_gives_its_golden_sheet(saved: Path) -> None:
    """Loaded, and its figures worked out anew from the journal, it is the same text and JSON."""
    done = again(Compared.load(saved), scenarios.columns("risk"))
    for name, text in (("liquidated.txt", golden.sheet(done)),
                       ("liquidated.json", golden.figures(done))):
        changed = difference((golden.FOLDER / name).read_text("utf-8"), text, name)
        assert not changed, changed


def test_one_price_changed_is_seen(saved: Path) -> None:
    """The price of a single fill moved by a dollar in the saved journal: text and JSON differ from
    the golden ones."""
    path = saved / "fills.parquet"
    table = pq.read_table(path)
    moved = pc.add(table["price"], pa.array([1.0] + [0.0] * (len(table) - 1)))
    pq.write_table(table.set_column(table.column_names.index("price"), "price", moved), path)
    done = again(Compared.load(saved), scenarios.columns("risk"))
    for name, text in (("liquidated.txt", golden.sheet(done)),
                       ("liquidated.json", golden.figures(done))):
        assert difference((golden.FOLDER / name).read_text("utf-8"), text, name)
