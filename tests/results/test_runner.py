"""run(): from a specification to a result, with its warnings, its baseline and its refusals."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pytest

import deleverage as dl
from deleverage import venues
from deleverage.columns import MarketColumns
from deleverage.errors import DataError, LeverageError, MissingTable, UnknownName
from deleverage.runner import BASELINE, baseline, load, run
from deleverage.spec import RunSpec
from deleverage.statistics.cascade_table import NOT_LOOKED_FOR
from deleverage.statistics.frontier import NOT_REPLAYED
from deleverage.timestamps import MINUTE
from tests.markets import make_columns, make_dataset, random_market
from tests.results.markets import Wobbler, wobble
from tests.results.test_invariants import check_depths, check_money, check_time

FALL = [3_000.0] * 3 + [2_900.0, 2_800.0, 2_700.0, 2_600.0] + [3_100.0] * 3


def spec(**fields: Any) -> RunSpec:
    return RunSpec(**{"data": "test", "strategy": "buy_and_hold", "slippage_bp": 0.0, **fields})


def falling(**options: Any) -> MarketColumns:
    return make_columns(FALL, **options)


def test_buy_and_hold_by_hand() -> None:
    """10x with a fifth of 10,000: bought at the second open, lost its 2,000 of margin and the fee;
    the mark ends above the entry, so it was right and liquidated."""
    result = run(spec(), falling())
    (trade,) = result.trades
    notional = trade.max_notional
    assert trade.entry_price == 3_000.0
    assert notional == pytest.approx(20_000, rel=1e-3)
    assert trade.liquidated
    assert trade.margin_lost == pytest.approx(notional / 10)
    assert result.statistics["performance"]["net"] == pytest.approx(
        -notional / 10 - notional * result.provenance.fees[1])
    assert result.statistics["trades"]["p_liquidated_right"] == 1.0
    assert (trade.right, trade.right_basis, trade.exit_reason) == (True, "end of run",
                                                                  "liquidation")


def test_the_same_at_three_times_lives() -> None:
    """At 3x the same position passes the fall and ends with a gain."""
    result = run(spec(leverage=3), falling())
    assert result.statistics["liquidations"]["count"] == 0
    assert result.statistics["performance"]["total_return"] > 0
    assert result.trades[0].exit_reason == "open"


def test_provenance_says_what_was_run() -> None:
    """Dataset, ladder with its age, size rule, fees and every parameter are on the result."""
    made = run(spec(params={"stop": 0.02}), falling()).provenance
    assert (made.symbol, made.venue, made.bars, made.synthetic) == ("ETHUSDT", "binance", 10, True)
    assert made.sizing == "0.2 × equity as margin"
    assert made.params["stop"] == 0.02
    assert made.params["hold"] is None
    assert made.strategy == "BuyAndHold"
    assert made.ladder_id in made.ladder
    assert made.code == dl.__version__
    assert len(made.sha256) == 64
    assert made.sha256 == run(spec(leverage=3), falling()).provenance.sha256


def test_warnings_of_a_synthetic_run() -> None:
    """The market is called SYNTHETIC first; the ladder's age and the single trade follow."""
    lines = run(spec(), falling()).warnings
    assert lines[0].startswith("SYNTHETIC")
    assert any("days old" in line for line in lines)
    assert lines[-1].startswith("only 1 closed trade")


def test_an_assumed_ladder_is_said() -> None:
    """Bybit's undated ladder and its assumed maximum leverage are warnings of every run."""
    lines = run(spec(venue="bybit"), falling()).warnings
    assert any("declared assumption" in line for line in lines)
    assert any("100x assumed" in line for line in lines)


def test_dates_cut_the_run() -> None:
    """fromdate and todate keep the bars between them; bar numbers count from the first kept."""
    result = run(spec(fromdate="2026-01-28T00:03", todate="2026-01-28T00:08"), falling())
    assert result.provenance.bars == 6
    assert result.trades[0].entry_bar == 1


def test_a_strategy_on_coarser_bars_than_the_account() -> None:
    """step="30m" over 5m bars: the strategy sees 30m, the figures are of the 5m bars walked, and
    they are rebuilt from the dataset's own columns."""
    result, columns = wobble(5, bars=1_200, leverage=5.0, step="30m", params={"every": 6})
    made = result.provenance
    assert (made.step_ns, made.walked_step_ns, made.bars) == (30 * MINUTE, 5 * MINUTE, 200)
    assert len(result.curves()) == 1_200
    rebuilt = dataclasses.replace(result, recorded=None).curves(columns)
    for name, series in result.curves().arrays().items():
        np.testing.assert_array_equal(series, rebuilt.arrays()[name])
    check_money(result)
    check_time(result)
    check_depths(result)
    # the lowest equity is kept for the bars walked, most of which end between two of the strategy's
    assert set(result.journal.worst_equity) <= set(columns.close_ns.tolist())
    assert any(ts % (30 * MINUTE) for ts in result.journal.worst_equity)
    random = baseline(result, columns)
    assert len(random.trades) == len(result.trades)
    hours = [math.fsum(trade.holding_ns for trade in run.trades) for run in (random, result)]
    assert hours[0] == pytest.approx(hours[1], rel=0.2)


def test_what_differs_from_the_default_reaches_the_stamps() -> None:
    """Fee tier, slippage policy and procedure are on the result, each as one line."""
    made = run(spec(fee_tier="VIP 3", leverage=2), falling()).provenance
    assert made.fees == (0.00012, 0.00032)
    assert made.fee_tier.startswith("binance usdm VIP3: maker 1.2 bp, taker 3.2 bp")
    assert made.slippage == "0 bp fixed"
    assert made.procedure == venues.get("binance", symbol="ETHUSDT", at=made.first_ns
                                        ).procedure.describe()
    assert run(spec(fee_tier=None, leverage=2), falling()).provenance.fee_tier == ""
    with pytest.raises(UnknownName, match="unknown fee tier of binance 'VIP12'"):
        run(spec(fee_tier="VIP12"), falling())


def test_events_outside_the_data_are_said() -> None:
    """An outage or auto-deleveraging before or after the data changes nothing, and is named."""
    made = spec(leverage=2, outage=["2026-01-27/2026-01-28", "2026-01-28T00:02/2026-01-28T00:03"],
                adl=[("2026-01-28T00:11", "long", 0.5, 3_000), ("2026-01-28T00:10", "short", 1, 1)])
    said = [line for line in run(made, falling()).warnings if "outside the data" in line]
    assert [line.split(" lies")[0] for line in said] == [
        "the outage 2026-01-27T00:00:00 to 2026-01-28T00:00:00",
        "the auto-deleveraging at 2026-01-28T00:11:00"]


class BuysWithAStop(bt.Strategy):  # type: ignore[misc]
    """Buys at the second open, with a stop at 2,950 on the book from then on."""

    def next(self) -> None:
        """Both orders at the first close."""
        if len(self) == 1:
            head = self.buy(size=1, transmit=False)
            self.sell(size=1, exectype=bt.Order.Stop, price=2_950, parent=head)


@pytest.mark.parametrize(("venue", "asked", "watched"), [
    ("binance", None, "last"), ("binance", "mark", "mark"), ("hyperliquid", None, "mark"),
    ("hyperliquid", "last", "last")])
def test_stops_watch_the_price_that_was_asked_for(
    venue: str, asked: str | None, watched: str
) -> None:
    """Last falls through the stop and mark does not: filled on last, still open on mark; without a
    word the venue's own price counts, and the stamps name it."""
    columns = make_columns(FALL, mark=[3_000.0] * len(FALL), symbol="ETHUSDT", venue=venue)
    made = spec(leverage=2, venue=venue, stop_trigger=asked, ladder="nearest-later")
    result = run(made, columns, BuysWithAStop)
    assert result.provenance.stop_trigger == watched
    assert [fill.reason for fill in result.journal.fills][1:] == \
        (["stop"] if watched == "last" else [])


def test_slippage_is_the_price_of_the_fills() -> None:
    """3 bp on every fill is 3 bp of what was traded at the prices before it, inside gross."""
    result = run(spec(leverage=2, slippage_bp=3.0), make_columns(
        [(3_000, 3_010, 2_990, 3_000)] * 12))
    fall = result.statistics["costs"]
    assert fall["slippage"] == pytest.approx(-fall["turnover"] * 3e-4 / 1.0003, rel=1e-6)
    assert fall["gross"] == pytest.approx(fall["slippage"])
    assert run(spec(leverage=2), falling()).statistics["costs"]["slippage"] == 0.0


def test_a_volume_limit_leaves_less_than_a_lot() -> None:
    """Bars of 0.3335 coins let through 0.033 of 10 %: the rest of a lot is no room, and the order
    goes on filling bar by bar."""
    rows = make_columns([(3_000, 3_010, 2_990, 3_000)] * 12, volume=[0.3335] * 12)
    result = run(spec(leverage=2, volume_limit=0.1), rows)
    sizes = [fill.size for fill in result.journal.fills]
    assert sizes == [0.033] * 11
    assert result.statistics["orders"]["in_parts"] == 1
    assert result.statistics["orders"]["part_fills"] == 11


def test_a_strategy_of_ones_own() -> None:
    """A class, a file and a module are all run; reasons of a plain strategy are its orders'."""
    result, _ = wobble(3, bars=800)
    reasons = {trade.exit_reason for trade in result.trades}
    assert reasons <= {"market", "stop", "liquidation", "open"}


def test_a_file_outside_the_project(tmp_path: Path) -> None:
    """``file.py:Class`` runs a strategy that lies anywhere."""
    source = tmp_path / "mine.py"
    source.write_text("import backtrader as bt\n\n\nclass Mine(bt.Strategy):\n"
                      "    def next(self):\n        if not self.position:\n"
                      "            self.buy()\n")
    result = run(spec(strategy=f"{source}:Mine", leverage=2), falling())
    assert result.provenance.strategy == "Mine"
    assert len(result.trades) == 1


class OwnSizer(bt.Strategy):  # type: ignore[misc]
    """Chooses its own sizer."""

    def __init__(self) -> None:
        self.setsizer(bt.sizers.FixedSize(stake=2))

    def next(self) -> None:
        """Buy once."""
        if not self.position:
            self.buy()


def test_the_strategys_own_sizer_wins() -> None:
    """The run's size rule steps back where the strategy has set a sizer."""
    assert run(spec(), falling(), OwnSizer).trades[0].max_size == 2.0


def test_notional_sizing() -> None:
    """A fixed notional is opened whatever the equity."""
    result = run(spec(notional=6_000, leverage=3), falling())
    assert result.trades[0].max_notional == pytest.approx(6_000, rel=1e-3)


def test_scenarios_and_datasets_are_found_by_name_and_path(tmp_path: Path) -> None:
    """A folder is opened as a dataset, its hash on the result; a missing one is one line."""
    dataset = make_dataset(tmp_path / "eth", FALL)
    result = run(spec(data=str(tmp_path / "eth")))
    assert result.provenance.sha256 == dataset.sha256
    given = run(spec(data=str(tmp_path / "eth")), dataset.columns())
    assert given.provenance.sha256 == dataset.sha256
    with pytest.raises(MissingTable, match="no such dataset folder"):
        load(spec(data=str(tmp_path / "btc")))


def test_refusals() -> None:
    """A misspelt strategy or parameter, another symbol, leverage beyond the limit, no bars left."""
    with pytest.raises(UnknownName, match="did you mean 'buy_and_hold'"):
        run(spec(strategy="buy_and_hld"), falling())
    with pytest.raises(UnknownName, match="did you mean 'stop'"):
        run(spec(params={"stp": 0.1}), falling())
    with pytest.raises(UnknownName, match="unknown symbol in test 'BTCUSDT'"):
        run(spec(symbol="BTCUSDT"), falling())
    with pytest.raises(LeverageError, match="at most 125"):
        run(spec(leverage=200), falling())
    with pytest.raises(DataError, match="no bars between"):
        run(spec(fromdate="2027-01-01"), falling())


class Slow(bt.Strategy):  # type: ignore[misc]
    """Needs more bars than there are."""

    def __init__(self) -> None:
        self.average = bt.indicators.SMA(self.data.close, period=11)


def test_data_shorter_than_the_warm_up() -> None:
    """A strategy that never sees a bar is refused; one that sees few is warned of."""
    with pytest.raises(DataError, match="has 10 bars and Slow needs 10 to warm up"):
        run(spec(), falling(), Slow)
    lines = run(spec(), make_columns(FALL + FALL[:5]), Slow).warnings
    assert any("10 of 15 bars went into warming up" in line for line in lines)


def test_funding_that_is_missing_fails_or_is_counted() -> None:
    """By default a missing settlement ends the run; skipped, it is counted and warned of."""
    columns = make_columns([3_000.0] * 700, step="1m", start="2026-01-27T23:00", funding=[
        ("2026-01-28T00:00", 1e-4), ("2026-01-29T00:00", 1e-4)], interval_h=8.0)
    with pytest.raises(DataError, match="no funding rate"):
        run(spec(), columns)
    result = run(spec(missing="skip"), columns)
    figures = result.statistics["funding"]
    assert figures["missing_due"] == 1
    assert figures["uncertain"] == pytest.approx(20_000 * 1e-4, rel=1e-2)
    assert any("1 skipped" in line for line in result.warnings)


def test_the_baseline_repeats_number_sides_and_holding_times() -> None:
    """Random entries: as many, on the same sides, held as long; one seed, one result."""
    columns = random_market(8, 4_000, crashes=0)
    made = RunSpec(data="test", strategy=BASELINE, leverage=2, params={
        "trades": 6, "side": "both", "hold": "2h", "seed": 9})
    result = run(made, columns)
    one, again, other = (baseline(result, columns, seed) for seed in (1, 1, 2))
    assert one.trades == again.trades
    assert one.trades != other.trades
    assert len(one.trades) == len(result.trades) == 6
    assert sorted(trade.side for trade in one.trades) == sorted(t.side for t in result.trades)
    assert sorted(trade.holding_ns for trade in one.trades) == sorted(
        trade.holding_ns for trade in result.trades)


def test_the_baseline_of_one_always_in_the_market_fits() -> None:
    """Reversals leave no room between trades: the longest are trimmed until they fit."""
    result, columns = wobble(5, bars=700, leverage=2.0)
    found = baseline(result, columns, 3)
    assert 0 < len(found.trades) <= len(result.trades)


def test_the_baseline_of_no_trade_is_no_trade() -> None:
    """A strategy without a signal has a baseline without one."""
    columns = falling()
    result = run(spec(), columns, Idle)
    assert result.trades == ()
    assert result.warnings[-1].startswith("no trade")
    assert baseline(result, columns).trades == ()


class Idle(bt.Strategy):  # type: ignore[misc]
    """Never trades."""


def test_record_false_leaves_the_curves_out() -> None:
    """Without recording the result is the same but for the curves, which can be rebuilt, and for
    replays and the search for cascades, which say that they were left out."""
    columns = falling()
    lean, full = run(spec(), columns, record=False), run(spec(), columns)
    assert lean.recorded is None
    apart = ("paradox", "frontier", "cascades")
    left, kept = ({name: block for name, block in figures.statistics.items() if name not in apart}
                  for figures in (lean, full))
    assert left == kept
    assert [lean.statistics[name]["withheld"] for name in apart[:2]] == [NOT_REPLAYED] * 2
    assert lean.statistics["cascades"]["missing"] == [NOT_LOOKED_FOR]
    assert full.statistics["frontier"]["trades"] == len(full.trades)
    assert (lean.curves(columns).equity == full.curves().equity).all()


def test_liquidations_can_end_the_run() -> None:
    """With on_liquidation="stop" nothing is traded after the first one."""
    result, _ = wobble(4, leverage=50.0, margin_fraction=0.6, on_liquidation="stop")
    assert result.statistics["liquidations"]["count"] == 1
    assert result.trades[-1].liquidated


def test_wobbler_is_reproducible() -> None:
    """The same specification on the same market gives the same result."""
    first, columns = wobble(21, bars=500)
    second = run(first.spec, columns, Wobbler)
    assert first.trades == second.trades
    assert first.statistics == second.statistics


def test_every_figure_is_in_the_documented_layout() -> None:
    """Each key of the statistics stands in the layout that ``deleverage.results`` documents."""
    from deleverage import results

    figures, _ = wobble(4, leverage=50.0, margin_fraction=0.6)
    words = set(re.findall(r"\w+", results.__doc__ or ""))
    assert set(figures.statistics) == {
        "performance", "drawdown", "trades", "costs", "exposure", "near_misses", "liquidations",
        "funding", "orders", "paradox", "frontier", "cascades"}
    keys = {name for section in figures.statistics.values() for name in section}
    rows = {key for section in figures.statistics.values() for value in section.values()
            if isinstance(value, list) for row in value if isinstance(row, dict) for key in row}
    assert sorted((keys | rows) - words) == []
