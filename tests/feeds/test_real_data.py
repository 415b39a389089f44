"""The readers on real files: figures counted and computed by hand on them beforehand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import backtrader as bt
import numpy as np
import pytest

from deleverage.coarser import coarser
from deleverage.columns import MARK_CLIPPED, MARK_MISSING, MarketColumns
from deleverage.errors import DataError, UsageError
from deleverage.feeds import PerpetualData
from deleverage.feeds.checks import check
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.importing import import_dataset
from deleverage.feeds.readers import freqtrade
from deleverage.feeds.tables import numbers
from deleverage.timestamps import DAY, HOUR, MINUTE, parse, show

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def data(reference: Path) -> Path:
    folder = reference / "data"
    if not folder.is_dir():
        pytest.skip(f"no market data at {folder}")
    return folder


@pytest.fixture(scope="module")
def bybit(data, tmp_path_factory) -> tuple[Dataset, tuple[str, ...]]:
    """Bybit ETH with Binance's open interest, imported once."""
    return import_dataset("freqtrade", [data / "freqtrade_bybit"],
                          tmp_path_factory.mktemp("real") / "eth",
                          open_interest=data / "binance_oi_funding" / "ETHUSDT_oi_5m.csv")


@pytest.fixture(scope="module")
def columns(bybit) -> MarketColumns:
    return bybit[0].columns()


def bar_opening(columns: MarketColumns, text: str) -> int:
    """The bar that OPENS at a time, as candles are usually named."""
    return int(np.searchsorted(columns.close_ns, parse(text) + columns.market.step_ns))


def test_bybit_counts_range_and_choice(bybit):
    """86,604 bars, 7,217 mark rows, 902 settlements every 8 h; ETH, because BTC has no mark."""
    dataset, notes = bybit
    market = dataset.market
    rows = {name: dataset.table(name).num_rows for name in dataset.tables}
    assert rows == {"bars": 86_604, "mark": 7_217, "funding": 902, "open_interest": 55_296}
    assert (show(market.start_ns), show(market.end_ns)) == ("2025-09-24 00:00", "2026-07-21 17:00")
    assert (market.step_ns, market.mark_step_ns) == (5 * MINUTE, HOUR)
    assert (market.instrument.symbol, market.instrument.venue) == ("ETHUSDT", "bybit")
    assert set(numbers(dataset.table("funding"), "interval_h")) == {8.0}
    assert notes[0] == ("took ETHUSDT, the only instrument with mark and funding "
                        "(BTCUSDT: futures; ETHUSDT: funding_rate, futures, mark)")


def test_bybit_settlements_are_all_there_at_the_hours_mark(columns):
    """902 settlements, none missing, each priced at the close of its mark row."""
    funding = columns.funding
    assert len(funding.rate) == 902
    assert not funding.state.any()
    assert set(funding.settle_ns % (8 * HOUR)) == {0}
    np.testing.assert_array_equal(columns.close_ns[funding.bar], funding.settle_ns)
    assert not np.isnan(funding.price).any()


def test_the_execution_mark_stays_inside_its_row_and_reaches_it(bybit, columns):
    """Every bar inside [low, high] of its hour; every hour's extremes reached by some bar."""
    mark = bybit[0].table("mark")
    row = np.searchsorted(numbers(mark, "close_ns"), columns.close_ns)
    low, high = numbers(mark, "low"), numbers(mark, "high")
    execution = columns.execution_mark
    assert set(execution.state) == {MARK_CLIPPED}
    assert (execution.low >= low[row]).all()
    assert (execution.high <= high[row]).all()
    starts = np.flatnonzero(np.append(True, np.diff(row) > 0))
    np.testing.assert_array_equal(np.minimum.reduceat(execution.low, starts), low)
    np.testing.assert_array_equal(np.maximum.reduceat(execution.high, starts), high)


def test_the_execution_mark_of_the_cascade(columns):
    """31 January 2026: the 17:10 bar's mark low is its hour's 2,370.10 (last 2,351.74), the 18:40
    bar's 2,246.44 (last 2,237.52); its neighbours keep their own lows."""
    low, last = columns.execution_mark.low, columns.lines["low"]
    for opening, marked, traded in (("17:05", 2_451.00, 2_451.00), ("17:10", 2_370.10, 2_351.74),
                                    ("18:35", 2_345.67, 2_345.67), ("18:40", 2_246.44, 2_237.52),
                                    ("18:45", 2_323.45, 2_323.45)):
        bar = bar_opening(columns, f"2026-01-31T{opening}")
        assert (low[bar], last[bar]) == (marked, traded), opening


def test_the_strategy_sees_the_hour_before_during_the_cascade(bybit, columns):
    """At 18:45 the visible mark low is that of 17:00 to 18:00, not yet 2,246.44."""
    shown = columns.lines["mark_low"]
    bar = bar_opening(columns, "2026-01-31T18:40")
    assert shown[bar] == 2_370.10
    assert shown[bar_opening(columns, "2026-01-31T18:55")] == 2_246.44


def test_days_gathered_from_five_minute_bars_are_the_days_of_the_cascade(columns):
    """Opens, extremes and closes of seven UTC days, read off the bars by hand beforehand; the mark
    fell to 2,246.44 on 31 January, and each day paid its three settlements."""
    days = coarser(columns, DAY)
    for day, *prices in (("2026-01-28", 3_024.65, 3_045.81, 2_981.08, 3_008.94),
                         ("2026-01-29", 3_008.94, 3_011.86, 2_752.05, 2_820.80),
                         ("2026-01-30", 2_820.80, 2_827.22, 2_634.84, 2_705.65),
                         ("2026-01-31", 2_705.65, 2_713.35, 2_237.52, 2_450.64),
                         ("2026-02-01", 2_450.64, 2_475.00, 2_218.50, 2_269.19),
                         ("2026-02-02", 2_269.19, 2_395.65, 2_156.75, 2_345.52),
                         ("2026-02-06", 1_825.47, 2_094.84, 1_740.29, 2_062.25)):
        bar = int(np.searchsorted(days.close_ns, parse(day) + DAY))
        assert [days.lines[name][bar] for name in ("open", "high", "low", "close")] == prices, day
        assert (days.funding.bar == bar).sum() == 3
    fell = int(np.searchsorted(days.close_ns, parse("2026-02-01")))
    assert days.lines["mark_low"][fell] == days.execution_mark.low[fell] == 2_246.44


def test_hours_gathered_from_five_minute_bars_see_the_mark_rows_themselves(bybit, columns):
    """7,217 hours over 86,604 bars; the strategy's mark of each is the hour's own row."""
    hours = coarser(columns, HOUR)
    mark = bybit[0].table("mark")
    np.testing.assert_array_equal(hours.close_ns, numbers(mark, "close_ns"))
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(hours.lines[f"mark_{name}"], numbers(mark, name))
    assert hours.inner is not None
    assert hours.inner.first.tolist() == list(range(0, 86_605, 12))
    assert hours.funding.settle_ns.tolist() == columns.funding.settle_ns.tolist()


def test_binance_open_interest_is_used_a_step_after_its_stamp(bybit, columns):
    """55,296 snapshots, 2 late ones floored; the first is seen at 2025-12-01 00:10."""
    table = bybit[0].table("open_interest")
    assert set(numbers(table, "ts") % (5 * MINUTE)) == {0}
    line = columns.lines["openinterest"]
    first = int(np.flatnonzero(~np.isnan(line))[0])
    assert show(int(columns.close_ns[first])) == "2025-12-01 00:10"
    assert line[first] == 1_878_751.904
    last = int(np.flatnonzero(~np.isnan(line))[-1])
    assert show(int(columns.close_ns[last])) == "2026-06-11 00:10"
    assert any("2 stamps floored to 5m (latest by 2 s)" in note for note in bybit[1])


def test_the_open_interest_stamp_is_the_instant_of_its_price(bybit, columns):
    """oi_usd / oi equals the open of the bar that starts at the stamp: the README's 0.85 bp."""
    table = bybit[0].table("open_interest")
    price = numbers(table, "oi_usd") / numbers(table, "oi_base")
    bar = np.searchsorted(columns.close_ns, numbers(table, "ts") + 5 * MINUTE)
    apart = np.abs(price / columns.lines["open"][bar] - 1)
    assert np.median(apart) < 1e-4
    assert np.median(np.abs(price / columns.lines["close"][bar] - 1)) > 5e-4


def test_bitcoins_open_interest_does_not_go_with_ether(data, tmp_path):
    """The other file of the same folder is refused by its price."""
    with pytest.raises(DataError, match="another instrument's open interest"):
        import_dataset("freqtrade", [data / "freqtrade_bybit"], tmp_path / "set",
                       open_interest=data / "binance_oi_funding" / "BTCUSDT_oi_5m.csv")
    assert not list(tmp_path.iterdir())


def test_bitcoin_without_mark_is_imported_when_asked_for(data, tmp_path):
    """BTC by name has bars only, and says what it lacks."""
    dataset, notes = import_dataset("freqtrade", [data / "freqtrade_bybit"], tmp_path / "set",
                                    symbol="BTCUSDT")
    assert dataset.tables == ("bars",)
    assert any("BTCUSDT has no mark" in note for note in notes)
    columns = dataset.columns()
    assert set(columns.execution_mark.state) == {MARK_MISSING}
    assert np.isnan(columns.funding.rate).all()
    assert len(columns.funding.rate) == 902, "every 8 h from 2025-09-24 08:00 to 2026-07-21 16:00"


def test_the_checks_of_bybit(bybit):
    """No gap, nothing missing; the one warning is the wick of 7 February."""
    warned = [finding for finding in check(bybit[0]) if finding.verdict != "ok"]
    assert [finding.text for finding in warned] == [
        "last ran beyond the mark most at 2026-02-07 16:10: low 1,969.35 against 2,009.54 (2.04%)"]


def test_freqtrades_own_files_with_nanoseconds_and_jitter(data, tmp_path):
    """XRP: ns stamps, funding jitter up to 19 ms snapped, venue asked for, partial mark told."""
    folder = data / "freqtrade_testdata"
    with pytest.raises(UsageError, match="say it with --venue"):
        import_dataset("freqtrade", [folder], tmp_path / "set")
    dataset, notes = import_dataset("freqtrade", [folder], tmp_path / "set", venue="binance")
    assert dataset.table("bars").num_rows == 1_999
    assert show(dataset.market.start_ns) == "2021-11-15 00:00"
    funding = dataset.table("funding")
    raw = numbers(funding, "raw_ts") - numbers(funding, "ts")
    assert (raw[0], raw.max()) == (17_000_000, 19_000_000)
    assert set(numbers(funding, "ts") % (8 * HOUR)) == {0}
    assert any("left XRP_USDT_USDT-8h-mark.feather" in note for note in notes)
    columns = dataset.columns()
    state = columns.execution_mark.state
    assert ((state == MARK_CLIPPED).sum(), (state == MARK_MISSING).sum()) == (1_200, 799)


def test_feather_and_json_of_the_same_hours_agree(data):
    """freqtrade's two forms of 100 hourly XRP bars are the same bars (to a float's last bit)."""
    folder = data / "freqtrade_testdata" / "futures"
    names = ("date", "open", "high", "low", "close", "volume")
    one = freqtrade.vendor_columns(folder / "XRP_USDT_USDT-1h-futures.feather", names)
    two = freqtrade.vendor_columns(folder / "XRP_USDT_USDT-1h-futures.json.gz", names)
    for name in names:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-15, err_msg=name)
    assert len(one["date"]) == 100


def test_the_real_market_in_backtrader(bybit):
    """A week of the cascade: stamped, cut and preloaded as asked, same lines row by row."""
    seen = {}

    class Lows(bt.Strategy):
        def next(self) -> None:
            seen[self.data.datetime.datetime(0)] = self.data.low[0]

    for preload in (True, False):
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(PerpetualData(dataset=bybit[0].path, fromdate=datetime(2026, 1, 28),
                                      todate=datetime(2026, 2, 4)))
        cerebro.addstrategy(Lows)
        cerebro.run(preload=preload)
        assert len(seen) == 7 * 288 + 1
        assert seen[datetime(2026, 1, 31, 18, 45)] == 2_237.52
        seen.clear()
