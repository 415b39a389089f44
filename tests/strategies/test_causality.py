"""The truncation test finds look-ahead and clears every shipped strategy; the placebo displaces."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from deleverage import tails
from deleverage.causality import truncation_test
from deleverage.columns import MarketColumns
from deleverage.errors import UnknownName, UsageError
from deleverage.feeds.writing import write_dataset
from deleverage.placebo import PlaceboReport, placebo_test, shifted, shuffled
from deleverage.strategies import registry
from deleverage.strategies.base import PerpetualStrategy
from tests.markets import make_columns, make_market, random_market
from tests.strategies.runs import CONSTRUCTIVE, RISK, cascade_market, run

WALK: dict[str, Any] = {"bars": 2_000, "volatility": 0.002, "crashes": 3}
LEVELS = "2700,2850-2870,2950"


def walk(seed: int = 8) -> MarketColumns:
    """A SYNTHETIC random walk with mark, funding, liquidations and open interest."""
    coins = [(f"2026-01-28T{hour:02d}:00", 2e6 - 1e4 * hour) for hour in range(24)]
    return random_market(seed, open_interest=coins, **WALK)


def levels_market() -> MarketColumns:
    """A SYNTHETIC market that loses and reclaims every level, with every table."""
    path = np.concatenate((CONSTRUCTIVE, RISK[::-1], RISK))
    chance = np.random.default_rng(1)
    noisy = np.round(path + chance.standard_normal(len(path)), 2)
    return make_columns(
        noisy, start="2026-01-28T05:00", funding=[("2026-01-28T08:00", 1e-4)],
        liquidations=[{"ts": "2026-01-28T06:30", "liq_side": "long", "notional_usd": 1e5}],
        open_interest=[("2026-01-28T05:30", 2e6), ("2026-01-28T09:00", 1.9e6)])


MARKETS: dict[str, tuple[Callable[[], MarketColumns], dict[str, Any]]] = {
    "level_reclaim": (levels_market, {}),
    "breakdown": (levels_market, {}),
    "scenario_tree": (levels_market, {}),
    "buy_and_hold": (walk, {"stop": 0.05, "hold": "8h"}),
    "random_entry": (levels_market, {"trades": 6, "hold": "30m", "bars": 1_200}),
    "cascade_exhaustion": (lambda: cascade_market(
        [(1_500, 40, 2_700.0), (1_700, 30, 2_500.0)], bars=2_400), {"hold": "2h"}),
}


@pytest.mark.parametrize("name", sorted(set(registry.names()) | set(MARKETS)))
def test_shipped_strategies_decide_from_the_past(name: str) -> None:
    """Cutting the tail of all bars or of any one table changes no earlier decision."""
    market, params = MARKETS[name]
    report = truncation_test(registry.load(name), params, source=market(), count=3)
    assert report.passed, str(report)
    assert report.decisions > 2
    assert report.tables == tuple(table for table in tails.TABLES
                                  if name != "cascade_exhaustion" or table != "funding")
    assert report.runs >= 3 * len(report.tables)


def test_exhaustion_on_open_interest_decides_from_the_past() -> None:
    """The other trigger too."""
    report = truncation_test(registry.load("cascade_exhaustion"), {"trigger": "open_interest"},
                             source=cascade_market(flush=0.08, bars=2_400), count=3)
    assert report.passed, str(report)
    assert report.decisions > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("arm", ["close", "wick"])
def test_levels_decide_from_the_past_in_many_markets(seed: int, arm: str) -> None:
    """The same for the level strategies on more markets, both ways to arm, slower bars."""
    for name in ("level_reclaim", "breakdown", "scenario_tree"):
        params = {"levels": LEVELS, "arm": arm, "timeframe": 5, "arm_below": 3, "mode": "n"}
        report = truncation_test(registry.load(name), params, source=walk(seed), count=4)
        assert report.passed, str(report)


def test_the_joins_of_a_dataset_are_tested_as_well(tmp_path: Path) -> None:
    """From a dataset the rows of each table are cut and joined again; a mark of one hour under
    one-minute bars is cut at full hours."""
    hours = len(CONSTRUCTIVE) // 60
    dataset = write_dataset(tmp_path / "levels", *make_market(
        CONSTRUCTIVE, mark=CONSTRUCTIVE[59:60 * hours:60], mark_step="1h",
        liquidations=[{"ts": "2026-01-28T01:30", "liq_side": "long", "notional_usd": 1e5}]))
    report = truncation_test(registry.load("level_reclaim"), source=dataset, count=6)
    assert report.passed, str(report)
    assert report.decisions > 2
    assert report.tables == ("bars", "mark", "liquidations")
    with pytest.raises(UsageError, match="inside a row of the mark table"):
        truncation_test(registry.load("buy_and_hold"), source=dataset, cuts=[61])


class ReadsNext(bt.Strategy):
    """Cheats: buys when the NEXT close is higher."""

    def next(self) -> None:
        ahead = 1
        if not self.position and self.data.close[ahead] > self.data.close[0] * 1.002:
            self.buy(size=0.1)
        elif self.position:
            self.close()


class ReadsNextQuietly(ReadsNext):
    """Cheats, and hides the error at the end of the data."""

    def next(self) -> None:
        with contextlib.suppress(IndexError):
            super().next()


class Centred(PerpetualStrategy):
    """Cheats: wakes where price lies under its centred average."""

    def wake(self) -> Any:
        close = self.columns.lines["close"]
        return np.flatnonzero(close < np.convolve(close, np.ones(21) / 21, "same") * 0.995)

    def act(self) -> None:
        if self.flat:
            self.buy(size=0.1)
        else:
            self.close()


class WholeSample(PerpetualStrategy):
    """Cheats: its threshold is a quantile of all liquidations, future ones included."""

    def wake(self) -> Any:
        amount = np.nan_to_num(self.columns.lines["long_liquidations"])
        return np.flatnonzero(amount > np.quantile(amount[amount > 0], 0.9))

    def act(self) -> None:
        if self.flat:
            self.buy(size=0.1)


class NextSettlement(PerpetualStrategy):
    """Cheats: reads the funding rate of the coming settlement."""

    def act(self) -> None:
        rates = self.columns.lines["funding_rate"][self.bar:]
        known = rates[np.isfinite(rates)]
        if self.flat and known.size and abs(known[0]) > 1e-6:
            self.buy(size=0.1)


@pytest.mark.parametrize(("cheat", "table"), [
    (ReadsNext, "bars"), (ReadsNextQuietly, "bars"), (Centred, "bars"),
    (WholeSample, "liquidations"), (NextSettlement, "funding"),
])
def test_cheats_are_caught(cheat: type[bt.Strategy], table: str) -> None:
    """Reading the next bar, a centred window, a whole-sample threshold and a rate before its
    settlement are each found, with the bar and both decisions named."""
    report = truncation_test(cheat, source=walk(), tables=[table])
    assert not report.passed
    found = report.difference
    assert found is not None
    assert found.table == table
    assert found.bar < found.cut
    assert found.full != found.without_tail
    assert str(report).startswith(f"{cheat.__name__} looks ahead: with {table} cut at bar")


def test_cheating_with_one_table_passes_without_its_cut() -> None:
    """A tail that is not cut tests nothing: the liquidations cheat passes a cut of funding."""
    assert truncation_test(WholeSample, source=walk(), tables=["funding"], count=3).passed


def test_errors_of_the_strategy_are_its_own() -> None:
    """An exception that has nothing to do with the end of the data is raised, not reported."""
    class Broken(bt.Strategy):
        def next(self) -> None:
            raise ZeroDivisionError("mine")

    class OutOfRange(bt.Strategy):
        def next(self) -> None:
            [][0]

    with pytest.raises(ZeroDivisionError):
        truncation_test(Broken, source=walk())
    with pytest.raises(IndexError):
        truncation_test(OutOfRange, source=walk(), count=1)


def test_bad_requests() -> None:
    """Unknown tables have near misses; a cut must leave bars on both sides."""
    with pytest.raises(UnknownName, match="did you mean 'liquidations'"):
        truncation_test(Centred, source=walk(), tables=["liquidation"])
    with pytest.raises(UsageError, match="found 2000 of 2000"):
        truncation_test(Centred, source=walk(), cuts=[2_000])


def test_own_broker(tmp_path: Path) -> None:
    """The test runs on whatever broker the user trades with, a fresh one per run."""
    made: list[Any] = []

    def broker() -> Any:
        import deleverage as dl

        made.append(dl.PerpetualBroker(leverage=3, margin="cross", missing="impute"))
        return made[-1]

    report = truncation_test(registry.load("buy_and_hold"), source=walk(), count=2, broker=broker)
    assert report.passed
    assert len(made) == report.runs + 1


def test_placebo_moves_liquidations_only() -> None:
    """Shifted and shuffled markets hold the same liquidations at other bars; prices stay."""
    market = walk()
    later, mixed = shifted(market, 100), shuffled(market, seed=1, block=60)
    amount = market.lines["long_liquidations"]
    np.testing.assert_array_equal(later.lines["long_liquidations"][100:], amount[:-100])
    for placebo in (later, mixed):
        assert placebo.lines["close"] is market.lines["close"]
        np.testing.assert_array_equal(np.sort(placebo.lines["long_liquidations"]), np.sort(amount))
        assert not np.array_equal(placebo.lines["long_liquidations"], amount)
    np.testing.assert_array_equal(shuffled(market, seed=1, block=60).lines["long_liquidations"],
                                  mixed.lines["long_liquidations"])


def test_placebo_reports_what_the_edge_becomes() -> None:
    """The real outcome beside the displaced ones, with the share that did as well."""
    market = cascade_market(bars=2_400)

    def entered(columns: MarketColumns) -> float:
        ran = run(registry.load("cascade_exhaustion"), columns)
        return float(len(ran.broker.journal.fills) > 0)

    report = placebo_test(entered, market, shifts=(-700, -400), seeds=(1,), block=200)
    assert report.real == 1.0
    assert len(report.placebos) == 3
    assert PlaceboReport(2.0, (1.0, 3.0, 0.0)).share_as_good == 0.5
    assert "3 placebos: median 1, best 3" in str(PlaceboReport(2.0, (1.0, 3.0, 0.0)))
    with pytest.raises(UsageError, match="at least one bar"):
        shuffled(market, seed=0, block=0)
