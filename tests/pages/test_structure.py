"""A page holds what the text sheet holds, every chart within its budget of points."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deleverage.beside import Compared
from deleverage.compare import Comparison
from deleverage.pages.reading import header
from deleverage.pages.trading import COLUMNS, trade_table
from deleverage.results import RunResult
from deleverage.statistics.thinning import BUDGET
from deleverage.tearsheet import compare as compare_sheet
from deleverage.tearsheet.blocks import Group, Lines, Section, Table
from deleverage.tearsheet.sheet import sections
from deleverage.tearsheet.text import money, percent
from tests.pages.reader import Node, charts, columns

RUN_CHARTS = {"price", "liquidations", "equity", "underwater", "distance", "scan",
              "scan-liquidations", "frontier", "waterfall"}


def _pieces(block: object) -> Iterator[object]:
    yield block
    if isinstance(block, Group):
        for part in block.parts:
            yield from _pieces(part)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _blocks_are_on(page: Node, blocks: dict[str, str], apart: int) -> None:
    """Every table cell by cell, every sentence, every title; ``apart``: tables besides."""
    pieces = [piece for block in blocks.values() for piece in _pieces(block)]
    tables = [piece for piece in pieces if isinstance(piece, Table)]
    drawn = [node.rows() for node in page.all("table")]
    assert len(drawn) == len(tables) + apart
    assert len(tables) > 5
    for table in tables:
        rows = [[header(cell) for cell in row] for row in (table.headers, *table.rows)]
        assert rows in drawn
    said = page.text
    for piece in pieces:
        if isinstance(piece, Lines):
            assert all(_squeezed(text) in said for text in piece.texts)
        elif isinstance(piece, str) and not isinstance(piece, Table | Group):
            assert _squeezed(piece) in said
    titles = {node.text.lower() for tag in ("h1", "h2", "h3", "h4") for node in page.all(tag)}
    for piece in pieces:
        if isinstance(piece, Section):
            words = piece.heading.replace(" · SYNTHETIC", "").split()
            assert any(words[0].lower().rstrip(",:") in title for title in titles), piece.heading


def test_a_run_says_what_its_sheet_says(run_page: Node, done: Compared) -> None:
    """Every table of the sheet is there cell by cell, every sentence word by word."""
    blocks = sections(done.result, done.baseline, done.reruns, done.capacity, done.shadow)
    _blocks_are_on(run_page, blocks, apart=1)
    for name, block in blocks.items():
        if block and name != "heading":
            assert run_page.one(id=name)


def test_a_comparison_says_what_its_sheet_says(comparison_page: Node, twenty: Comparison) -> None:
    """The ranking, the scans, the sheets side by side and the tiers of twenty runs."""
    blocks = compare_sheet.sections(twenty)
    _blocks_are_on(comparison_page, blocks, apart=0)
    assert len(comparison_page.one(id="ranking").one("table").rows()) >= 21


def test_the_first_screen_has_what_matters(run_page: Node) -> None:
    """What ran on what with its badge, the verdict and the warnings come before the scan."""
    ids = [node.attributes["id"] for node in run_page.all() if "id" in node.attributes]
    places = [ids.index(name) for name in ("top", "verdict", "warnings", "scan", "market")]
    assert places == sorted(places)
    assert run_page.one("h1").one(class_="badge").text == "SYNTHETIC"
    assert "SYNTHETIC" in run_page.one("title").text


def test_the_contents_lead_somewhere(run_page: Node, comparison_page: Node) -> None:
    """Every link of the contents is the id of an element, and no id is given twice."""
    for page in (run_page, comparison_page):
        ids = [node.attributes["id"] for node in page.all() if "id" in node.attributes]
        assert len(ids) == len(set(ids))
        targets = [node.attributes["href"] for node in page.all("a")]
        assert len(targets) > 5
        assert all(target.startswith("#") and target[1:] in ids for target in targets)


@pytest.mark.parametrize("which", ["run", "comparison"])
def test_charts_keep_their_budget(which: str, run_page: Node, comparison_page: Node) -> None:
    """Every chart has an element, its words, and between one and 2,000 points in each series."""
    page = run_page if which == "run" else comparison_page
    found = columns(page)
    names = {name.removeprefix("chart-") for name in found}
    assert names >= (RUN_CHARTS if which == "run" else
                     {"growth", "underwater", *(f"scan-{place}" for place in range(1, 21))})
    for name, sources in found.items():
        assert page.one(id=name)
        lengths = [len(column) for source in sources for column in source.values()]
        assert lengths
        assert 0 < min(lengths) <= max(lengths) <= BUDGET
    notes = [node.text for node in page.all(class_="points")]
    assert len(notes) == len(found)
    assert all(any(char.isdigit() for char in note) for note in notes)


def test_charts_show_the_figures(run_page: Node, result: RunResult) -> None:
    """The last equity, the deepest drawdown and the steps to net are those of the result."""
    found = columns(run_page)
    equity = next(source for source in found["chart-equity"] if "equity" in source)
    assert equity["equity"][-1] == result.curves().equity[-1]
    depth = next(source for source in found["chart-underwater"] if "depth" in source)
    assert -min(depth["depth"]) == pytest.approx(result.statistics["drawdown"]["max_inside"])
    steps = {name: amount for source in found["chart-waterfall"]
             for name, amount in zip(source["t"], source["amount"], strict=True)}
    assert steps["net"] in run_page.one(id="costs").text
    killed = [source for source in found["chart-price"] if "text" in source]
    words = " ".join(text for source in killed for text in source["text"])
    assert words.count("liquidated on mark") == result.statistics["liquidations"]["count"]


def test_time_charts_share_one_axis(run_page: Node) -> None:
    """Price, liquidations, equity, underwater and distance have the same range of time."""
    made = charts(run_page)
    clocks = {one["clock"] for one in made["fits"]}
    assert clocks <= {one["id"] for one in made["clocks"]}
    shared = [node.attributes["data-clock"] for node in run_page.all("button", class_="reset")]
    assert len(set(shared[:5])) == 1


def test_every_trade_is_a_row(run_page: Node, result: RunResult) -> None:
    """The table has every trade in the order of entries, with the sheets' own figures."""
    table = run_page.one(id="trade-table")
    rows = table.rows()
    assert rows[0] == [name for name, _ in COLUMNS]
    assert len(rows) == len(result.trades) + 1 > 10
    at = {name: place for place, name in enumerate(rows[0])}
    for row, trade in zip(rows[1:], result.trades, strict=True):
        assert row[at["#"]] == f"#{trade.number}"
        assert row[at["net"]] == money(trade.net)
        assert row[at["exit reason"]] == trade.exit_reason
    replayed = {item["number"]: item for item in result.statistics["paradox"]["rows"]}
    assert rows[1][at["return on margin"]] == percent(
        replayed[result.trades[0].number]["return_on_margin"])
    assert all(head.attributes["aria-sort"] == "none" for head in table.one("thead").all("th"))


def test_a_long_list_of_trades_is_cut(result: RunResult) -> None:
    """Beyond the limit the table says how many it does not show."""
    table = trade_table(result, limit=3)
    assert (len(table.rows), table.hidden) == (3, len(result.trades) - 3)


def test_tables_are_tables(run_page: Node) -> None:
    """Column heads and row heads carry their scope; every table scrolls in a box of its own."""
    for table in run_page.all("table"):
        assert all(head.attributes["scope"] == "col" for head in table.one("thead").all("th"))
        assert all(head.attributes["scope"] == "row" for head in table.one("tbody").all("th"))
    assert len(run_page.all(class_="scroll")) == len(run_page.all("table"))


def test_a_switch_for_every_run(comparison_page: Node) -> None:
    """Twenty runs have a button each; eight are shown at first, and each button has its lines."""
    switches = [node for node in comparison_page.all("button") if "data-run" in node.attributes]
    pressed = [node.attributes["aria-pressed"] for node in switches]
    assert (len(switches), pressed.count("true")) == (20, 8)
    lines = charts(comparison_page)["runs"]
    assert all(len(lines[node.attributes["data-run"]]) == 2 for node in switches)
