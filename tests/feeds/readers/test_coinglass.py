"""CoinGlass: bars known at their end, a disputed side, percent, names of columns that vary."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deleverage.errors import DataError, UnknownName, UsageError
from deleverage.feeds.readers.coinglass.reader import READER
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR
from deleverage.feeds.readers.parsing.answers import SEEN
from deleverage.feeds.readers.protocol import NotAnInput
from deleverage.timestamps import HOUR, parse, show
from tests.feeds.readers.reading import array, csv_text, first, known, read, rows, written

START = parse("2026-01-31T16:00") // 10**6
H4 = 4 * 3_600_000


def answer(data: object, code: str = "0") -> str:
    """SYNTHETIC answer."""
    return json.dumps({"code": code, "msg": "success", "data": data})


def aggregated(count: int = 3, **changed: object) -> list[dict[str, object]]:
    """SYNTHETIC bars of four hours."""
    return [{"time": START + at * H4, "aggregated_long_liquidation_usd": 100.5 + at,
             "aggregated_short_liquidation_usd": 0.0, **changed} for at in range(count)]


def order(**changed: object) -> dict[str, object]:
    """SYNTHETIC order."""
    return {"exchange_name": "BINANCE", "symbol": "ETHUSDT", "base_asset": "ETH", "price": 2000.0,
            "usd_value": 500.0, "side": 2, "time": START, **changed}


def test_bars_are_stamped_with_their_start_and_known_at_their_end(tmp_path):
    """Each bar is two rows inside it, available at its end."""
    path = written(tmp_path, "a.json", answer(aggregated()))
    assert known(READER, path) == "CoinGlass aggregated liquidation history"
    pieces, _ = read(READER, path, symbol="ETH")
    table = rows(pieces)
    assert [show(each) for each in array(table, "available_at")[::2].tolist()] == [
        "2026-01-31 20:00", "2026-02-01 00:00"]
    assert array(table, "notional_usd").tolist() == [100.5, 0.0, 101.5, 0.0]
    assert first(table, "venue", "base", "completeness") == ("all", "ETH", "aggregate")
    assert pieces[0].step_ns == 4 * HOUR


def test_the_newest_bar_is_open_when_read(tmp_path):
    """It is left out and counted, wherever it stands in the answer."""
    for data in (aggregated(), aggregated()[::-1]):
        pieces, log = read(READER, written(tmp_path, "a.json", answer(data)), symbol="ETH")
        assert log.dropped == {OPEN_BAR: 1}
        assert (array(rows(pieces), "available_at").max()) == (START + 2 * H4) * 10**6


def test_pair_history_has_numbers_as_text(tmp_path):
    """The pair form writes numbers as text; the venue can be said."""
    data = [{"time": START + at * H4, "long_liquidation_usd": "7.25",
             "short_liquidation_usd": "1"} for at in range(2)]
    path = written(tmp_path, "a.json", answer(data))
    assert known(READER, path) == "CoinGlass pair liquidation history"
    table = rows(read(READER, path, symbol="ETHUSDT", venue="binance")[0])
    assert first(table, "notional_usd", "venue", "symbol", "base") == (
        7.25, "binance", "ETHUSDT", "ETH")


def test_v3_has_seconds(tmp_path):
    """v3 stamps are seconds and its keys are other ones."""
    data = [{"t": START // 1000 + at * 3600, "longLiquidationUsd": 5.0,
             "shortLiquidationUsd": 6.0} for at in range(3)]
    pieces, _ = read(READER, written(tmp_path, "a.json", answer(data)), symbol="ETH")
    assert first(rows(pieces), "available_at") == (START * 10**6 + HOUR,)


def test_pages_and_json_lines(tmp_path):
    """A list of answers and one answer a line are read as one; a bar on two pages counts once."""
    one, two = answer(aggregated(2)), answer(aggregated(4)[1:])
    whole = rows(read(READER, written(tmp_path, "a.json", f"[{one},{two}]"), symbol="ETH")[0])
    assert whole.num_rows == 6
    pieces, log = read(READER, written(tmp_path, "b.jsonl", f"{one}\n\n{two}\n"), symbol="ETH")
    assert log.dropped == {OPEN_BAR: 1, SEEN: 1}
    assert array(rows(pieces), "source_row").tolist() == [1, 1, 1, 1, 3, 3]
    assert array(rows(pieces), "ts").tolist() == array(whole, "ts").tolist()


def test_order_sides_are_disputed(tmp_path):
    """Without a convention orders are refused; with one, 2 is a long (order) or a short."""
    path = written(tmp_path, "a.json", answer([order(), order(side=1)]))
    assert known(READER, path) == "CoinGlass liquidation orders"
    with pytest.raises(UsageError, match=r"disputed.*--side-convention order"):
        read(READER, path)
    with pytest.raises(UnknownName, match="did you mean 'order'"):
        read(READER, path, side="ordre")
    for side, found in (("order", ["long", "short"]), ("position", ["short", "long"])):
        table = rows(read(READER, path, side=side)[0])
        assert table.column("liq_side").to_pylist() == found
    assert first(table, "venue", "qty_base", "notional_usd") == ("binance", 0.25, 500.0)
    with pytest.raises(DataError, match=r"a\.json: row 1, side must be one of 2, 1, found '3'"):
        read(READER, written(tmp_path, "a.json", answer([order(side=3)])), side="order")


def test_orders_of_other_coins_and_delivery_contracts(tmp_path):
    """One coin is picked; contracts with an end are left out; both are counted."""
    path = written(tmp_path, "a.json", answer([
        order(), order(symbol="BTCUSDT"), order(symbol="ETHUSDT_260327")]))
    pieces, log = read(READER, path, symbol="ETH", side="order")
    assert log.dropped == {"delivery contracts": 1, "other coins": 1}
    assert array(rows(pieces), "source_row").tolist() == [1]


def ohlc(step: int = 8 * 3_600_000, count: int = 3) -> str:
    """SYNTHETIC OHLC."""
    return answer([{"time": START + at * step, "open": "0.01", "high": "0.03", "low": "-0.02",
                    "close": "0.02"} for at in range(count)])


def test_funding_is_percent(tmp_path):
    """0.02 is 0.02 %: the close of a bar of 8 h, settled at its end; other lengths must be asked
    for, for a running rate is no settlement."""
    path = written(tmp_path, "coinglass/funding_rate.json", ohlc())
    assert known(READER, path) == "CoinGlass funding history"
    pieces, log = read(READER, path, symbol="ETHUSDT", venue="binance")
    table = rows(pieces)
    assert first(table, "rate", "interval_h") == (pytest.approx(0.0002), 8.0)
    assert first(table, "ts") == ((START + 8 * 3_600_000) * 10**6,)
    assert log.dropped == {OPEN_BAR: 1}
    assert any("percent" in note for note in log.notes)
    with pytest.raises(UsageError, match="say it with --venue"):
        read(READER, path, symbol="ETHUSDT")
    path = written(tmp_path, "coinglass/funding_rate_1h.json", ohlc(3_600_000))
    with pytest.raises(UsageError, match="bars of 1h are not known to end with a settlement"):
        read(READER, path, symbol="ETH", venue="hyperliquid")
    table = rows(read(READER, path, symbol="ETH", venue="hyperliquid", timeframe="1h")[0])
    assert first(table, "interval_h") == (1.0,)


def test_open_interest_ohlc(tmp_path):
    """Open interest is USD at the bar's end; an OHLC whose file does not say what it is of is
    refused."""
    path = written(tmp_path, "coinglass/open-interest.json", ohlc().replace("-0.02", "0.005"))
    table = rows(read(READER, path, symbol="ETH")[0])
    assert first(table, "oi_usd") == (0.02,)
    assert np.isnan(array(table, "oi_base")).all()
    path = written(tmp_path, "coinglass/x.json", ohlc())
    with pytest.raises(DataError, match="OHLC of what"):
        read(READER, path, symbol="ETH")
    assert known(READER, written(tmp_path, "x/funding.json", ohlc())) is None


@pytest.mark.parametrize(("long", "short", "folder"), [
    ("long_liquidation_usd", "short_liquidation_usd", "x"),
    ("longLiquidation_usd", "shortLiquidation_usd", "x"),
    ("aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd", "x"),
    ("long_liq_usd", "short_liq_usd", "x"),
    ("longUsd", "shortUsd", "coinglass"),
])
def test_column_names_of_old_downloads_vary(tmp_path, long, short, folder):
    """All names seen in stored downloads are one table."""
    text = csv_text({"time": [START, START + H4, START + 2 * H4], long: [1.0, 2.0, 3.0],
                     short: [0, 0, 0]})
    path = written(tmp_path, f"{folder}/a.csv", text)
    assert known(READER, path) == "CoinGlass liquidation history table"
    table = rows(read(READER, path, symbol="ETH")[0])
    assert array(table, "notional_usd").tolist() == [1.0, 0.0, 2.0, 0.0]
    if folder == "coinglass":
        assert known(READER, written(tmp_path, "x/a.csv", text)) is None


def test_a_table_of_several_coins(tmp_path):
    """One coin is picked, or each is a series with an open bar of its own."""
    times = [START, START + H4, START + 2 * H4]
    path = written(tmp_path, "a.csv", csv_text({
        "asset": ["BTC"] * 3 + ["ETH"] * 3, "time_ms": times * 2,
        "long_liq_usd": [1, 2, 3, 4, 5, 6], "short_liq_usd": [0] * 6}))
    pieces, log = read(READER, path, symbol="ETH")
    assert array(rows(pieces), "source_row").tolist() == [4, 4, 5, 5]
    assert log.dropped == {"other coins": 3, OPEN_BAR: 1}
    assert len(read(READER, path)[0]) == 2
    assert first(rows(pieces), "venue") == ("all",)
    assert first(rows(read(READER, path, symbol="ETH", venue="okx")[0]), "venue") == ("okx",)


def test_a_sum_over_venues_is_no_venues_own(tmp_path):
    """What --venue says of other files in an import does not make a sum one venue's."""
    path = written(tmp_path, "a.json", answer(aggregated(3)))
    pieces, log = read(READER, path, symbol="ETH", venue="binance")
    assert first(rows(pieces), "venue") == ("all",)
    assert any("--venue binance does not make its own" in note for note in log.notes)


def test_an_error_arrives_like_any_answer(tmp_path):
    """A missing key comes back as HTTP 200 with code 401: no empty dataset."""
    path = written(tmp_path, "coinglass/a.json", '{"code":"401","msg":"API key missing."}')
    with pytest.raises(DataError, match=r"answered with an error: code 401, 'API key missing.'"):
        read(READER, path, symbol="ETH")
    with pytest.raises(DataError, match="no rows"):
        read(READER, written(tmp_path, "coinglass/b.json", answer([])), symbol="ETH")


@pytest.mark.parametrize("data", [
    [{"exchange": "All", "liquidation_usd": 1.0, "long_liquidation_usd": 1.0,
      "short_liquidation_usd": 0.0}],
    {"liquidation_leverage_data": [[0, 1, 2.0]], "y_axis": [1.0]},
])
def test_lists_and_maps_carry_no_time(tmp_path, data):
    """Exchange lists and heatmaps are recognised and are no input."""
    with pytest.raises(NotAnInput, match="recognised as CoinGlass"):
        read(READER, written(tmp_path, "a.json", answer(data)))


@pytest.mark.parametrize(("data", "said"), [
    (aggregated(time="soon"), "row 1, time is no"),
    (aggregated(aggregated_long_liquidation_usd=-1.0), "row 1, long liquidations must be ≥ 0"),
    (aggregated(aggregated_long_liquidation_usd=None), "is not a number"),
    ([*aggregated(2), {"time": START + 2 * H4}], "row 3, aggregated_long_liquidation_usd is miss"),
    ([*aggregated(2), 5], "row 3, row must be an object, found 'int'"),
    ([*aggregated(2), *aggregated(1, time=START + H4 + 60_000)], "after the bar before it|where"),
])
def test_rows_that_cannot_be_are_named(tmp_path, data, said):
    """An answer's rows are refused by number and field."""
    with pytest.raises(DataError, match=said):
        read(READER, written(tmp_path, "a.json", answer(data)), symbol="ETH")
    with pytest.raises(UsageError, match="say it with --symbol"):
        read(READER, written(tmp_path, "a.json", answer(aggregated())))
    with pytest.raises(UsageError, match="one bar tells no step"):
        read(READER, written(tmp_path, "a.json", answer(aggregated(1))), symbol="ETH")


@pytest.mark.real
def test_real_tables(reference: Path):
    """The hourly table is read whole; the union of days and four hours is refused by row."""
    data = reference / "data" / "coinglass"
    pieces, _ = read(READER, data / "btc_liquidations_1h.csv", symbol="BTC")
    assert rows(pieces).num_rows == 2 * 4_315
    with pytest.raises(DataError, match="begins a bar of 1d, where bars are 4h"):
        read(READER, data / "binance_liquidations_4h_union.csv", symbol="ETH")
    with pytest.raises(NotAnInput):
        read(READER, data / "exchange_list_snapshots.csv")
