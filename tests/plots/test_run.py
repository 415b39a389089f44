"""Pictures of a run: each is there, holds the points it should, and is the same every time."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import struct
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from deleverage.charts.deeds import ENTRY, EXIT, deeds
from deleverage.plots import folder
from deleverage.plots.closeup import closeup
from deleverage.plots.distance import distance
from deleverage.plots.equity import equity
from deleverage.plots.leverage import frontier, scan
from deleverage.plots.money import money
from deleverage.plots.pictures import Drawn, of_run
from deleverage.plots.price import price
from deleverage.results import RunResult
from deleverage.statistics.overview import Overview
from tests.conftest import ROOT
from tests.plots.looking import as_svg, group, has, marks, svg_of, words
from tests.results.markets import wobble


def test_every_picture_is_there_in_both_forms(drawn: Drawn) -> None:
    """Nine pictures and nothing left out, where the result has everything."""
    assert tuple(picture.name for picture in drawn.pictures) == folder.RUN + folder.CLOSEUPS
    assert drawn.left_out == ()


def test_a_png_is_for_sharp_screens_and_small(drawn: Drawn) -> None:
    """1,920 dots across, as high as the SVG is, at most 300 kB."""
    for picture in drawn.pictures:
        assert picture.png.startswith(b"\x89PNG\r\n\x1a\n")
        across, high = struct.unpack(">II", picture.png[16:24])
        root = xml.fromstring(picture.svg)
        assert across == 1_920
        points = float(str(root.get("height")).removesuffix("pt"))
        assert abs(high - points * 192 / 72) <= 1
        assert len(picture.png) <= 300_000


def test_an_svg_holds_words_as_words(drawn: Drawn) -> None:
    """Well-formed, title and name as text, no font, no raster, no date inside."""
    for picture in drawn.pictures:
        root = xml.fromstring(picture.svg)
        said = words(root)
        assert any("SYNTHETIC" in text and text[0].isupper() for text in said), picture.name
        assert any(text.startswith("wobbler 50x isolated") for text in said)
        assert any("1,500 bars of 5m" in text for text in said)
        for alien in (b"@font-face", b"<image", b"dc:date", b"data:"):
            assert alien not in picture.svg.replace(b"data: ", b"")


def test_every_forced_step_and_trade_has_its_marker(result: RunResult) -> None:
    """As many liquidations, entries and exits are drawn as the result has."""
    root = svg_of(lambda: price(result))
    done = deeds(result.trades, result.journal.liquidations)
    assert marks(root, "liquidation-0") + marks(root, "reduction-0") == \
        len(result.journal.liquidations)
    assert marks(root, "liquidation-0") == result.statistics["liquidations"]["count"]
    for side in (1, -1):
        assert marks(root, f"{ENTRY}-{side}") == \
            sum(trade.side == side for trade in result.trades) > 0
    assert marks(root, "exit-0") == sum(deed.kind == EXIT for deed in done) > 0
    assert has(root, "liquidation-price")
    assert has(root, "venue-long-0")
    assert has(root, "venue-short-0")
    assert marks(svg_of(lambda: distance(result)), "liquidations") == \
        result.statistics["liquidations"]["count"]


def test_scan_and_staircase_have_a_mark_a_row(result: RunResult) -> None:
    """A point a leverage that could be and traded; a bar a step of the costs and one for net."""
    assert result.scan is not None
    root = svg_of(lambda: scan(result))
    for name, rows in (("same-margin-fraction", result.scan.same_fraction),
                       ("same-notional", result.scan.same_notional)):
        feasible = sum(1 for row in rows if row.feasible and row.trades)
        assert marks(root, f"return-{name}") == marks(root, f"liquidations-{name}") == feasible
    lives = result.scan.survives_fraction
    assert any(f"no liquidation up to {lives:g}x" in text for text in words(root))
    hit = dataclasses.replace(result.scan.same_fraction[0], liquidations=1)
    early = dataclasses.replace(result.scan, survives_fraction=None,
                                same_fraction=(hit, *result.scan.same_fraction[1:]))
    assert any(f"liquidated already at {hit.leverage:g}x" in text for text in
               words(svg_of(lambda: scan(result.with_scan(early)))))
    steps = [step for step in result.statistics["costs"]["steps"] if step["amount"]]
    root = svg_of(lambda: money(result))
    assert sum(has(root, f"step-{place}") for place in range(20)) == len(steps) + 1
    assert f"{result.statistics['costs']['net']:+,.2f}" in words(root)
    assert has(svg_of(lambda: frontier(result)), "share")


def test_the_same_result_is_the_same_file_in_another_process(result: RunResult, drawn: Drawn,
                                                             tmp_path: Path) -> None:
    """From the saved folder, with another seed of hashes: SVG and PNG to the byte, no pyplot."""
    saved = result.save(tmp_path / "run")
    code = ("import sys, hashlib\n"
            "from deleverage.plots import pictures, price, style\n"
            "from deleverage.results import RunResult\n"
            "with style.own_settings():\n"
            f"    paper = price.price(RunResult.load({str(saved)!r}))\n"
            "    one = pictures._picture('price', paper)\n"
            "print(hashlib.sha256(one.svg + one.png).hexdigest())\n"
            "print('matplotlib.pyplot' in sys.modules)\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, check=True,
                          capture_output=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    own = drawn.pictures[0]
    assert done.stdout.split() == [hashlib.sha256(own.svg + own.png).hexdigest(), "False"]


def test_a_users_settings_stay_and_change_nothing(result: RunResult, drawn: Drawn) -> None:
    """rcParams and the backend are afterwards what they were, and no picture obeys them."""
    with matplotlib.rc_context({"font.size": 30.0, "axes.facecolor": "red", "svg.hashsalt": "own",
                                "text.parse_math": True}):
        before = {name: matplotlib.rcParams._get(name)  # type: ignore[attr-defined]
                  for name in matplotlib.rcParams}  # [] would settle the backend
        assert as_svg(lambda: equity(result)) == drawn.pictures[1].svg
        after = {name: matplotlib.rcParams._get(name)  # type: ignore[attr-defined]
                 for name in matplotlib.rcParams}
    assert after == before


@pytest.mark.usefixtures("unrastered")
def test_a_strategy_that_never_trades() -> None:
    """Price and a flat account are drawn; the rest is left out with a line each."""
    made, _ = wobble(4, bars=300, params={"every": 10**9})
    assert not made.trades
    found = of_run(made)
    assert [picture.name for picture in found.pictures] == ["price", "equity"]
    assert found.left_out == (
        "distance left out: nothing was held to a close",
        "scan left out: no leverage scan is in the result",
        "frontier left out: no trade to replay", "money left out: nothing was traded")


@pytest.mark.usefixtures("unrastered")
def test_one_bar() -> None:
    """A run of one bar has a price and an equity of one point each, which are seen."""
    made, _ = wobble(4, bars=1)
    assert made.provenance.bars == 1
    for draw, gid in ((price, "close-alone"), (equity, "equity-alone")):
        root = svg_of(lambda draw=draw: draw(made))  # type: ignore[misc]
        assert marks(root, gid) == 1
        assert any("1 point of 1 bar of 5m" in text for text in words(root))
    assert any("USD in 5 min" in text for text in words(svg_of(lambda: price(made))))
    assert len(of_run(made).pictures) == 2


@pytest.mark.usefixtures("unrastered")
def test_without_a_table_of_liquidations(result: RunResult) -> None:
    """The price alone is drawn, and a line names the table."""
    assert result.overview is not None
    bare = dataclasses.replace(result, overview=dataclasses.replace(
        result.overview, long_usd={}, short_usd={}), scan=None)
    root = svg_of(lambda: price(bare))
    assert not has(root, "venue-")
    assert has(root, "close")
    assert "price without liquidations by venue: the dataset has no table liquidations" in \
        of_run(bare).left_out


def test_a_close_up_shows_its_own_trade(result: RunResult) -> None:
    """One entry, its forced steps, and the price it died by; no other trade's points."""
    item = next(found for found in result.closeups if "liquidated" in found.why)
    root = svg_of(lambda: closeup(result, item))
    trade = next(found for found in result.trades if found.number == item.number)
    assert marks(root, f"entry-{trade.side}") == 1
    assert marks(root, "liquidation-0") == 1
    assert has(root, "liquidation-price")
    assert has(root, "mark-low")
    assert any(f"Trade #{item.number}: {item.why} · SYNTHETIC" in text for text in words(root))


@pytest.mark.usefixtures("unrastered")
def test_without_curves_and_market(result: RunResult) -> None:
    """What stands on curves or market is left out with the table's name; the rest is drawn."""
    bare = dataclasses.replace(result, recorded=None, overview=None, closeups=())
    found = of_run(bare)
    assert [picture.name for picture in found.pictures] == ["scan", "frontier", "money"]
    assert found.left_out == (
        "price left out: no market is in the result (table overview)",
        "equity left out: no curves are in the result (table curves)",
        "distance left out: no curves are in the result (table curves)")
    half = dataclasses.replace(result, recorded=None)
    assert not has(svg_of(lambda: price(half)), "liquidation-price")


def test_gaps_stay_gaps(result: RunResult) -> None:
    """NaN in prices, equity and coverage: lines break, lone points are dots, hours unknown are
    hatched and not zero."""
    assert result.overview is not None
    assert result.recorded is not None
    whole = result.overview.arrays()
    part = np.ones(len(result.overview), dtype=bool)
    part[400:700] = False
    part[500] = True
    holed = {name: values if name == "close_ns" else np.where(part, values, np.nan)
             for name, values in whole.items()}
    worth = np.where(part, result.recorded.equity, np.nan)
    curves = dataclasses.replace(result.recorded, equity=worth,
                                 worst_equity=np.where(part, result.recorded.worst_equity, np.nan))
    gappy = dataclasses.replace(result, recorded=curves,
                                overview=Overview.from_arrays(holed, result.overview.bars))
    root = svg_of(lambda: price(gappy))
    assert marks(root, "close-alone") == 1
    assert has(root, "uncovered-0")
    assert has(root, "uncovered-1")
    assert not has(root, "uncovered-2")
    assert not has(svg_of(lambda: price(result)), "uncovered")
    root = svg_of(lambda: equity(gappy))
    assert marks(root, "equity-alone") == 1
    assert group(root, "equity") is not None


def test_nothing_but_gaps(result: RunResult) -> None:
    """A market without one price is an empty panel, not an error."""
    assert result.overview is not None
    empty = {name: values if name == "close_ns" else np.full(len(values), np.nan)
             for name, values in result.overview.arrays().items()}
    bare = dataclasses.replace(result, trades=(), recorded=None,
                               journal=dataclasses.replace(result.journal, liquidations=[]),
                               overview=Overview.from_arrays(empty, result.overview.bars))
    assert has(svg_of(lambda: price(bare)), "uncovered-0")
