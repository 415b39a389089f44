"""Tardis CSV: one test per trap, on SYNTHETIC files made here, and the samples' answers."""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import DataError, UsageError
from deleverage.feeds.readers.protocol import NotAnInput
from deleverage.feeds.readers.tardis.reader import READER
from deleverage.market import Coverage
from deleverage.timestamps import HOUR, MINUTE, SECOND, parse
from tests.feeds.readers.one_file import MS, read, written

US = 1_000
DAY = parse("2026-02-01")
EVENTS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
TICKER = ("exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
          "predicted_funding_rate,open_interest,last_price,index_price,mark_price")
QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"


def event(at: int = 0, exchange: str = "binance-futures", symbol: str = "ETHUSDT",
          side: str = "sell", price: Any = 2400.5, amount: Any = 2, late: int = 40 * MS) -> str:
    """A SYNTHETIC liquidation ``at`` ns after the day began, arriving ``late`` ns after."""
    ts = DAY + at
    return f"{exchange},{symbol},{ts // US},{(ts + late) // US},,{side},{price},{amount}"


def ticker(at: int, due: int | None, rate: Any = "", interest: Any = "", mark: Any = "",
           exchange: str = "binance-futures", symbol: str = "ETHUSDT") -> str:
    """A SYNTHETIC ticker row ``at`` ns after the day began, 20 ms before its arrival."""
    ts = DAY + at
    settles = "" if due is None else str((DAY + due) // US)
    return (f"{exchange},{symbol},{ts // US},{(ts + 20 * MS) // US},{settles},{rate},,{interest},"
            f",,{mark}")


def csv(path: Path, header: str, rows: Sequence[str]) -> Path:
    """Rows as CSV, packed by gzip where the name says so."""
    data = "".join(f"{row}\n" for row in (header, *rows)).encode()
    return written(path, gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)


def day_file(root: Path, rows: Sequence[str], exchange: str = "binance-futures",
             symbol: str = "ETHUSDT", kind: str = "liquidations") -> Path:
    """A file where the vendor's own URL has it."""
    header = {"derivative_ticker": TICKER, "quotes": QUOTES}.get(kind, EVENTS)
    return csv(root / exchange / kind / "2026/02/01" / f"{symbol}.csv.gz", header, rows)


def test_rows_are_canonical(tmp_path):
    """Microseconds to ns, known from their arrival, priced at the order's limit."""
    found = read(READER, day_file(tmp_path, [event(5 * SECOND)]))
    assert found.kind == "Tardis liquidations"
    assert found.rows("liquidations") == [{
        "ts": DAY + 5 * SECOND, "available_at": DAY + 5 * SECOND + 40 * MS, "venue": "binance",
        "symbol": "ETHUSDT", "base": "ETH", "liq_side": "long", "qty_base": 2.0, "price": 2400.5,
        "price_basis": "limit", "notional_usd": 4801.0, "completeness": "sampled_1s",
        "source_row": 1}]


@pytest.mark.parametrize("exchange", ["binance-futures", "bybit", "okex-swap", "bitmex"])
def test_side_is_the_order_side_for_every_venue(tmp_path, exchange):
    """The vendor turns Bybit's position side round, so sell is a long everywhere."""
    path = day_file(tmp_path, [event(1, exchange), event(2, exchange, side="buy")], exchange)
    assert read(READER, path).column("liquidations", "liq_side") == ["long", "short"]
    turned = read(READER, path, side="position").column("liquidations", "liq_side")
    assert turned == ["short", "long"]


def test_liquidations_and_trades_have_one_header(tmp_path):
    """The path decides: trades are no input, and without a word in the path nothing is assumed."""
    rows = [event(1)]
    trades = day_file(tmp_path, rows, kind="trades")
    with pytest.raises(NotAnInput, match="recognised as Tardis trades, not an input"):
        read(READER, trades)
    named = csv(tmp_path / "binance-futures_liquidations_2026-02-01_ETHUSDT.csv.gz", EVENTS, rows)
    assert len(read(READER, named).rows("liquidations")) == 1
    bare = csv(tmp_path / "ETHUSDT.csv", EVENTS, rows)
    with pytest.raises(UsageError, match="the path does not say which these are"):
        read(READER, bare)


def test_nearest_word_of_the_path_decides(tmp_path):
    """Trades below a folder called liquidations are trades."""
    path = csv(tmp_path / "liquidations" / "bybit_trades_2026-02-01_ETHUSDT.csv", EVENTS,
               [event(1)])
    with pytest.raises(NotAnInput, match="Tardis trades"):
        read(READER, path)


def test_quotes_have_the_ask_first(tmp_path):
    """They are no input, so nobody takes an ask for a bid."""
    path = day_file(tmp_path, ["bybit,ETHUSDT,1,2,1,2401,2400,1"], kind="quotes")
    with pytest.raises(NotAnInput, match="recognised as Tardis quotes"):
        read(READER, path)


def test_completeness_by_exchange_and_date(tmp_path):
    """Bybit is complete from 2025-02-26, Binance never, OKX by its own words not."""
    before, after = parse("2025-02-25 23:59:59"), parse("2025-02-26")
    rows = [event(at - DAY, "bybit") for at in (before, after)]
    path = csv(tmp_path / "bybit_liquidations.csv", EVENTS, rows)
    assert read(READER, path).column("liquidations", "completeness") == ["sampled_1s", "all"]
    for exchange, said in (("binance-delivery", "sampled_1s"), ("okex-swap", "sampled"),
                           ("deribit", "unknown")):
        path = day_file(tmp_path, [event(1, exchange)], exchange)
        assert read(READER, path).column("liquidations", "completeness") == [said]


def test_amount_is_the_venues_own_unit(tmp_path):
    """Contracts of 10 or 100 USD, USD, contracts of 0.1 ETH, coins: each as its venue counts."""
    cases = (
        ("binance-delivery", "ETHUSD_PERP", 2_000.0, 4, 0.02, 40.0),
        ("binance-delivery", "BTCUSD_PERP", 80_000.0, 4, 0.005, 400.0),
        ("bybit", "ETHUSD", 2_000.0, 500, 0.25, 500.0),
        ("bybit", "ETHUSDT", 2_000.0, 3, 3.0, 6_000.0),
        ("bybit", "ETHPERP", 2_000.0, 3, 3.0, 6_000.0),
        ("okex-swap", "ETH-USDT-SWAP", 2_000.0, 30, 3.0, 6_000.0),
        ("okex-swap", "BTC-USD-SWAP", 80_000.0, 8, 0.01, 800.0),
        ("dydx-v4", "ETH-USD", 2_000.0, 3, 3.0, 6_000.0),
    )
    for exchange, symbol, price, amount, coins, usd in cases:
        path = day_file(tmp_path, [event(1, exchange, symbol, price=price, amount=amount)],
                        exchange, symbol)
        row = read(READER, path).rows("liquidations")[0]
        assert (row["qty_base"], row["notional_usd"]) == (
            pytest.approx(coins), pytest.approx(usd)), symbol


def test_unknown_contract_is_never_guessed(tmp_path):
    """Without the contract's size neither coins nor USD are told, unless the user tells."""
    path = day_file(tmp_path, [event(1, "bitmex", "XBTUSD")], "bitmex", "XBTUSD")
    found = read(READER, path)
    row = found.rows("liquidations")[0]
    assert math.isnan(row["qty_base"])
    assert math.isnan(row["notional_usd"])
    assert "bitmex XBTUSD: the size of one contract is not known" in found.said
    assert read(READER, path, contract_size=0.5).column("liquidations", "qty_base") == [1.0]


def test_file_is_cut_by_arrival(tmp_path):
    """An event of the day before may arrive after midnight; an arrival of another day is wrong."""
    path = day_file(tmp_path, [event(-SECOND, late=2 * SECOND)])
    assert read(READER, path).column("liquidations", "ts") == [DAY - SECOND]
    wrong = day_file(tmp_path, [event(1), event(25 * HOUR)])
    with pytest.raises(DataError, match=r"row 2, local_timestamp is not of the day of its path "
                                        r"\(2026-02-01\), found '2026-02-02 01:00'"):
        read(READER, wrong)


def test_row_far_from_its_arrival_is_dropped_and_counted(tmp_path):
    """A venue's stamp of another year is no event of this day."""
    rows = [event(1), event(2 - 365 * 24 * HOUR, late=365 * 24 * HOUR)]
    found = read(READER, day_file(tmp_path, rows))
    assert found.log.dropped == {"stamped more than a day from their arrival": 1}
    assert found.column("liquidations", "source_row") == [1]


def test_arrival_never_precedes_the_event(tmp_path):
    """A venue's clock ahead of the recorder's makes no row known before it happened."""
    found = read(READER, day_file(tmp_path, [event(5 * SECOND, late=-SECOND)]))
    assert found.column("liquidations", "available_at") == [DAY + 5 * SECOND]


def test_empty_day_is_an_empty_gzip(tmp_path):
    """No data is no fault; the path tells whose it is."""
    path = written(tmp_path / "bybit/liquidations/2026/02/01/ETHUSDT.csv.gz", gzip.compress(b""))
    found = read(READER, path)
    assert found.kind == "Tardis liquidations"
    assert found.pieces == []


def test_day_of_a_file_is_covered(tmp_path):
    """An hour without a row in a day's file was quiet; another coin's file says nothing of it."""
    path = written(tmp_path / "bybit/liquidations/2026/02/01/ETHUSDT.csv.gz", gzip.compress(b""))
    found = read(READER, path, symbol="ETH")
    assert found.log.coverage == [
        Coverage("liquidations", "bybit", "Tardis", DAY, DAY + 24 * HOUR, "all")]
    assert "Tardis does not mark disconnections" in found.said
    assert read(READER, path, symbol="BTC").log.coverage == []
    grouped = csv(tmp_path / "binance-futures_liquidations_2026-02-01_PERPETUALS.csv", EVENTS,
                  [event(1)])
    assert [each.completeness for each in read(READER, grouped, symbol="BTC").log.coverage] == [
        "sampled_1s"]


def test_grouped_symbols_are_filtered_by_coin(tmp_path):
    """PERPETUALS holds many symbols; asked for one coin, others are not read."""
    rows = [event(1, symbol="BTCUSDT"), event(2), event(3, symbol="ETHUSDC")]
    path = day_file(tmp_path, rows, symbol="PERPETUALS")
    found = read(READER, path, symbol="ETHUSDT")
    assert found.column("liquidations", "symbol") == ["ETHUSDT", "ETHUSDC"]
    assert found.column("liquidations", "source_row") == [2, 3]


@pytest.mark.parametrize(("exchange", "symbol"), [
    ("binance-futures", "ETHUSDT_260327"), ("bybit", "ETH-27MAR26"), ("bybit", "ETHUSDH26"),
    ("okex-futures", "ETH-USD-260327"), ("deribit", "ETH-27MAR26")])
def test_delivery_contracts_are_dropped_and_counted(tmp_path, exchange, symbol):
    """A contract with an end is no perpetual, however its venue writes it."""
    found = read(READER, day_file(tmp_path, [event(1, exchange, symbol)], exchange))
    assert found.pieces == []
    assert found.log.dropped == {"a delivery contract": 1}


@pytest.mark.parametrize(("row", "text"), [
    (event(2, price="2,4"), "row 2"), (event(2, price=""), "row 2, price is not a number"),
    (event(2, price=-1), r"row 2, price must be > 0, found -1\.0"),
    (event(2, amount="x"), "row 2, amount: CSV conversion error"),
    (event(2, side="long"), "row 2, side must be one of sell, buy, found 'long'"),
    ("bybit,ETHUSDT,,1,,sell,1,1", "row 2, timestamp is empty"),
    ("bybit,ETHUSDT,5,6,,sell,1,1", "row 2, timestamp is no time from 2000 to 2100"),
    ("bybit,ETHUSDT,5,6", "row 2: Expected 8 columns, got 4"),
    (event(2, symbol=""), "row 2, symbol is empty"),
])
def test_faults_name_file_row_and_field(tmp_path, row, text):
    """Each fault of a row is one line."""
    path = day_file(tmp_path, [event(1), row, event(3)])
    with pytest.raises(DataError, match=rf"ETHUSDT\.csv\.gz: {text}"):
        read(READER, path)


def test_cut_archive_and_cut_line(tmp_path):
    """A cut gzip is refused; a plain file's last line without an end is dropped and counted."""
    path = day_file(tmp_path, [event(at) for at in range(50)])
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(DataError, match="cut off or damaged"):
        read(READER, path)
    plain = csv(tmp_path / "liquidations.csv", EVENTS, [event(1), event(2, amount="25.75")])
    plain.write_bytes(plain.read_bytes()[:-3])
    found = read(READER, plain)
    assert found.column("liquidations", "source_row") == [1]
    assert found.log.dropped == {"the last line has no end, it may be cut": 1}


def test_paid_funding_is_the_last_rate_before_the_roll(tmp_path):
    """The estimate goes on changing; what was paid is known when funding_timestamp rolls."""
    eight, sixteen = 8 * HOUR, 16 * HOUR
    rows = [ticker(7 * HOUR, eight, 0.0001), ticker(eight - 2 * SECOND, eight, 0.00012),
            ticker(eight - SECOND, eight, 0.00013), ticker(eight + SECOND, sixteen, 0.0005)]
    found = read(READER, day_file(tmp_path, rows, kind="derivative_ticker"))
    assert found.kind == "Tardis derivative_ticker"
    funding = found.rows("funding", "ETHUSDT")
    assert len(funding) == 1
    assert math.isnan(funding[0].pop("interval_h"))
    assert funding == [{
        "ts": DAY + eight, "raw_ts": DAY + eight, "rate": 0.00013, "source_row": 3,
        "available_at": DAY + eight + SECOND + 20 * MS}]


def test_roll_over_many_blocks_and_symbols(tmp_path, monkeypatch):
    """Where a block ends does not matter, nor do other symbols between the rows."""
    from deleverage.feeds.readers.parsing import streams

    rows = []
    for at in range(0, 24 * 60, 4):
        due = (at // 480 + 1) * 8 * HOUR
        rows.append(ticker(at * MINUTE, due, at / 1e7, at, 2_000))
        rows.append(ticker(at * MINUTE, due, at / 1e6, 5, 80_000, symbol="BTCUSDT"))
    path = day_file(tmp_path, rows, symbol="PERPETUALS", kind="derivative_ticker")
    whole = read(READER, path)
    monkeypatch.setattr(streams, "BLOCK", 4_096)
    parts = read(READER, path)
    assert len(parts.pieces) > len(whole.pieces)
    for symbol, factor in (("ETHUSDT", 1e7), ("BTCUSDT", 1e6)):
        told = [(row["ts"] - DAY, row["rate"]) for row in whole.rows("funding", symbol)]
        assert told == [(8 * HOUR, 476 / factor), (16 * HOUR, 956 / factor)]
        for table in ("funding", "open_interest"):
            assert str(parts.rows(table, symbol)) == str(whole.rows(table, symbol))


def test_silence_before_a_settlement_leaves_it_out(tmp_path):
    """An estimate of an hour before is not what was paid."""
    rows = [ticker(7 * HOUR, 8 * HOUR, 0.0001), ticker(9 * HOUR, 16 * HOUR, 0.0002)]
    found = read(READER, day_file(tmp_path, rows, kind="derivative_ticker"))
    assert found.rows("funding") == []
    assert "1 a settlement whose last rate was seen more than 10 minutes before" in found.said


def test_settlement_at_the_end_of_the_file(tmp_path):
    """A day's file is cut at midnight, where its last settlement falls."""
    midnight = 24 * HOUR
    rows = [ticker(midnight - 2 * SECOND, midnight, 0.0003)]
    found = read(READER, day_file(tmp_path, rows, kind="derivative_ticker"))
    assert [(row["ts"], row["rate"], row["available_at"]) for row in found.rows("funding")] == [
        (DAY + midnight, 0.0003, DAY + midnight)]


def test_funding_timestamp_in_the_past_settles_nothing(tmp_path):
    """A row after its own funding_timestamp is no estimate of the next settlement."""
    rows = [ticker(3 * SECOND, 0, 0.0001), ticker(63 * SECOND, MINUTE, 0.0002)]
    found = read(READER, day_file(tmp_path, rows, kind="derivative_ticker"))
    assert found.rows("funding") == []
    assert "2 a funding_timestamp that lies before its row" in found.said


def test_rate_without_its_time_is_a_running_value(tmp_path):
    """Without funding_timestamp nobody knows when a rate is paid, if ever."""
    found = read(READER, day_file(tmp_path, [ticker(1, None, 0.00004)], kind="derivative_ticker"))
    assert found.pieces == []
    assert "running values: not taken" in found.said


def test_ticker_must_be_sorted_by_arrival(tmp_path):
    """Where rows are not in order, the last one before a settlement is any."""
    rows = [ticker(2 * SECOND, 8 * HOUR, 0.0001), ticker(SECOND, 8 * HOUR, 0.0002)]
    with pytest.raises(DataError, match="row 2, local_timestamp is before the row above"):
        read(READER, day_file(tmp_path, rows, kind="derivative_ticker"))


def test_open_interest_as_it_changes(tmp_path):
    """A repeated value is kept once in five seconds; its USD is at the last mark price."""
    rows = [ticker(SECOND, None, interest=100, mark=2_000), ticker(2 * SECOND, None, interest=100),
            ticker(3 * SECOND, None, interest=101), ticker(4 * SECOND, None, mark=2_100),
            ticker(6 * SECOND, None, interest=101)]
    found = read(READER, day_file(tmp_path, rows, kind="derivative_ticker"))
    assert [(row["source_row"], row["oi_base"], row["oi_usd"]) for row in
            found.rows("open_interest", "ETHUSDT")] == [
        (1, 100.0, 200_000.0), (3, 101.0, 202_000.0), (5, 101.0, 212_100.0)]


def test_open_interest_in_the_venues_unit(tmp_path):
    """Bybit sums both sides, Binance's coin-margined counts contracts of USD, OKX of coins."""
    cases = (("bybit", "ETHUSDT", 50.0, 100_000.0), ("bybit", "ETHUSD", 0.025, 50.0),
             ("binance-delivery", "ETHUSD_PERP", 0.5, 1_000.0),
             ("okex-swap", "ETH-USDT-SWAP", 10.0, 20_000.0))
    for exchange, symbol, coins, usd in cases:
        rows = [ticker(1, None, interest=100, mark=2_000, exchange=exchange, symbol=symbol)]
        path = day_file(tmp_path, rows, exchange, symbol, "derivative_ticker")
        row = read(READER, path).rows("open_interest", symbol)[0]
        assert (row["oi_base"], row["oi_usd"]) == (
            pytest.approx(coins), pytest.approx(usd)), symbol


def test_other_csv_is_not_known(tmp_path):
    """A file of another header is nobody's here, and says so if read all the same."""
    path = written(tmp_path / "liquidations.csv", "exchange,symbol,side,price\nbybit,E,sell,1\n")
    assert READER.kind(path, path.read_bytes()) is None
    with pytest.raises(DataError, match="no header of a Tardis CSV"):
        read(READER, path)
