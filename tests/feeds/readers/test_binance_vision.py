"""Files of Binance's archive: what each becomes, and the traps of its formats, one test each."""

from __future__ import annotations

from pathlib import Path

import pytest

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.feeds.archives import head
from deleverage.feeds.readers.binance.vision import READER
from deleverage.feeds.readers.protocol import FileReader, Log, NotAnInput, Piece, Request
from deleverage.timestamps import HOUR, MINUTE, SECOND, parse
from tests.feeds.readers.binance_files import (
    DAY,
    MS,
    funding,
    klines,
    metrics,
    put,
    shown,
    snapshot,
)

UM, CM = "data/futures/um/daily", "data/futures/cm/daily"
ETH_1M = f"klines/ETHUSDT/1m/ETHUSDT-1m-{DAY}"
SNAPSHOT = f"{CM}/liquidationSnapshot/ETHUSD_PERP/ETHUSD_PERP-liquidationSnapshot-{DAY}.csv"


def read(path: Path, log: Log | None = None, request: Request | None = None) -> list[Piece]:
    assert READER.kind(path, head(path)) is not None
    return list(READER.pieces(path, request or Request(), log or Log()))


def only(path: Path, log: Log | None = None, request: Request | None = None) -> Piece:
    pieces = read(path, log, request)
    assert len(pieces) == 1
    return pieces[0]


def test_the_reader_keeps_the_protocol():
    """It is found as a reader of single files."""
    assert isinstance(READER, FileReader)


# ------------------------------------------------------------------ candles


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("headed", [False, True])
@pytest.mark.parametrize("micro", [False, True])
def test_open_stamps_become_close_stamps(tmp_path, packed, headed, micro):
    """A candle is stamped with its close: zip or csv, header or none, ms or microseconds."""
    name = f"{UM}/{ETH_1M}.{'zip' if packed else 'csv'}"
    path = put(tmp_path, name, klines(count=3, headed=headed, micro=micro), packed=packed,
               checksum=packed)
    piece = only(path)
    assert (piece.table, piece.step_ns) == ("bars", MINUTE)
    assert piece.contract is not None
    assert (piece.contract.venue, piece.contract.symbol) == ("binance", "ETHUSDT")
    assert shown(piece.rows["close_ns"].to_pylist()) == [
        f"{DAY} 00:01", f"{DAY} 00:02", f"{DAY} 00:03"]
    assert piece.rows["open"].to_pylist() == [2_401, 2_402, 2_403]
    assert piece.rows["volume"].to_pylist() == [10, 11, 12]
    assert piece.rows["source_row"].to_pylist() == [1, 2, 3]


def test_coin_margined_volume_is_the_quote_volume_column(tmp_path):
    """cm: volume is contracts; the column called quote_volume holds the coins."""
    path = put(tmp_path, f"{CM}/klines/ETHUSD_PERP/1m/ETHUSD_PERP-1m-{DAY}.csv",
               klines(count=1, price=1_998.5, cm_usd=10))
    piece = only(path)
    assert piece.contract is not None
    assert (piece.contract.venue, piece.contract.base) == ("binance_cm", "ETH")
    assert piece.rows["volume"].to_pylist() == [10.0]  # 2,000 contracts of 10 USD at 2,000


@pytest.mark.parametrize(("folder", "table"), [
    ("markPriceKlines", "mark"), ("indexPriceKlines", "index"), ("premiumIndexKlines", "premium")])
def test_the_folder_tells_mark_index_and_premium_apart(tmp_path, folder, table):
    """All share file names; only prices are taken, and a premium may be negative."""
    data = klines(count=2, traded=False, fraction=table == "premium")
    piece = only(put(tmp_path, f"{UM}/{folder}/ETHUSDT/1m/ETHUSDT-1m-{DAY}.csv", data))
    assert piece.table == table
    assert piece.rows.column_names == ["close_ns", "open", "high", "low", "close", "source_row"]
    assert (piece.rows["open"][0].as_py() < 0) == (table == "premium")


def test_index_of_the_coin_margined_pair(tmp_path):
    """cm index candles are named by the pair ETHUSD."""
    piece = only(put(tmp_path, f"{CM}/indexPriceKlines/ETHUSD/1h/ETHUSD-1h-{DAY}.csv",
                     klines(step="1h", traded=False)))
    assert (piece.table, piece.step_ns) == ("index", HOUR)
    assert piece.contract is not None
    assert (piece.contract.venue, piece.contract.base, piece.contract.quote) == (
        "binance_cm", "ETH", "USD")


def test_a_lone_file_of_mark_prices_asks_for_its_folder(tmp_path):
    """Without the folder nothing tells mark, index and premium apart."""
    path = put(tmp_path, f"ETHUSDT-1m-{DAY}.csv", klines(traded=False))
    with pytest.raises(UsageError, match="share their names; keep the archive's folders"):
        read(path)


def test_a_lone_file_with_turnover_in_its_range_is_of_trades(tmp_path):
    """Candles whose turnover was made between low and high are the last price's."""
    assert only(put(tmp_path, f"ETHUSDT-1m-{DAY}.csv", klines())).table == "bars"


def test_a_lone_file_without_header_may_be_spots(tmp_path):
    """Spot's files had no header and share names with um's; um_ before the name settles it."""
    data = klines("2023-01-31", headed=False)
    path = put(tmp_path, "ETHUSDT-1m-2023-01-31.csv", data)
    with pytest.raises(UsageError, match="may be spot's or a future's"):
        read(path)
    assert only(put(tmp_path, "um_ETHUSDT-1m-2023-01-31.csv", data)).table == "bars"


@pytest.mark.parametrize(("name", "kind"), [
    (f"data/spot/daily/{ETH_1M}.csv", "Binance klines, spot"),
    (f"ETHUSDT-1m-{DAY}.csv", "Binance klines, spot"),
    ("anything.csv", "Binance klines, spot")])
def test_spot_is_not_an_input(tmp_path, name, kind):
    """Spot by its folder, or by microseconds without header since 2025."""
    path = put(tmp_path, name, klines(headed=False, micro=True))
    assert READER.kind(path, head(path)) == kind
    with pytest.raises(NotAnInput, match="recognised as Binance klines, spot, not an input"):
        list(READER.pieces(path, Request(), Log()))


def test_a_name_that_tells_no_contract(tmp_path):
    """Candles under another name are known, and refused with the name they need."""
    path = put(tmp_path, "klines/eth.csv", klines())
    with pytest.raises(UsageError, match="does not tell contract and interval"):
        read(path)


def test_another_step_than_the_names(tmp_path):
    """Rows that close elsewhere than the interval says are refused by row."""
    path = put(tmp_path, f"{UM}/klines/ETHUSDT/5m/ETHUSDT-5m-{DAY}.csv", klines(step="1m"))
    with pytest.raises(DataError, match=r"row 1, close_time does not end 5m after the open"):
        read(path)


def test_rows_of_another_day_than_the_names(tmp_path):
    """A file holds the day, or the month, of its name."""
    path = put(tmp_path, f"{UM}/klines/ETHUSDT/1m/ETHUSDT-1m-2026-02-01.csv", klines())
    with pytest.raises(DataError, match="row 1, open_time lies outside 2026-02-01"):
        read(path)
    assert only(put(tmp_path, f"{UM}/klines/ETHUSDT/1m/ETHUSDT-1m-2026-01.csv", klines()))


def test_volume_of_another_unit(tmp_path):
    """Where most turnovers per unit are no price of their row the unit is another: cm as um."""
    path = put(tmp_path, f"{UM}/{ETH_1M}.csv", klines(cm_usd=10))
    with pytest.raises(DataError, match="quote_volume per volume is no price between low and high"):
        read(path)


def test_one_turnover_outside_its_range_is_said(tmp_path):
    """A single odd volume is read, and said with its row."""
    data = klines(count=4).replace(b",10.0,", b",20.0,", 1)
    log = Log()
    only(put(tmp_path, f"{UM}/{ETH_1M}.csv", data), log)
    assert log.notes == [f"ETHUSDT-1m-{DAY}.csv: 1 rows whose quote_volume / volume lies outside "
                         "low … high (first: row 1)"]


@pytest.mark.parametrize(("old", "new", "text"), [
    (b",2404.0,2401.0,", b",2400.5,2401.0,", "row 2, high is below another price"),
    (b",2404.0,2401.0,", b",2404.0,2402.9,", "row 2, low is above another price"),
    (b",2402.0,2404.0,", b",-2402.0,2404.0,", "row 2, open must be > 0"),
    (b",2402.0,2404.0,", b",x,2404.0,", "row 2, open is not a number, found 'x'"),
    (b",2402.0,2404.0,", b",,2404.0,", "row 2, open is empty"),
    (b",2402.0,2404.0,", b",inf,2404.0,", "row 2, open is not a number"),
    (b",2402.0,2404.0,", b",24_02.0,2404.0,", "row 2, open is not a number, found '24_02.0'"),
    (b",2402.0,2404.0,", b",2404.0,", "row 2, expected 12 fields, found 11"),
    (b"1769817660000", b"176981766000a", "row 2, open_time is not a whole number"),
    (b"1769817660000", b"1769817660001", "row 2, close_time does not end 1m after the open"),
])
def test_a_fault_names_row_and_field(tmp_path, old, new, text):
    """One bad cell: file, row, field, what was found."""
    data = klines(count=4)
    assert old in data
    path = put(tmp_path, f"{UM}/{ETH_1M}.csv", data.replace(old, new, 1))
    with pytest.raises(DataError, match=text) as raised:
        read(path)
    assert str(path) in str(raised.value)


def test_an_unknown_header_is_refused(tmp_path):
    """Another column in the header, or one less, is said, not guessed."""
    name = f"{UM}/{ETH_1M}.csv"
    path = put(tmp_path, name, klines().replace(b"volume,", b"size,", 1))
    with pytest.raises(MissingTable, match="column 'volume' is missing"):
        read(path)


def test_a_delivery_contract_is_counted(tmp_path):
    """A contract with an end is no perpetual: its rows are left out and counted."""
    log = Log()
    path = put(tmp_path, f"{UM}/klines/ETHUSDT_260327/1m/ETHUSDT_260327-1m-{DAY}.csv", klines())
    assert read(path, log) == []
    assert log.dropped == {"of a delivery contract, no perpetual": 10}


def test_another_coin_is_left_out(tmp_path):
    """A file of a coin that was not asked for says so."""
    log = Log()
    path = put(tmp_path, f"{UM}/{ETH_1M}.csv", klines())
    assert read(path, log, Request(symbol="BTCUSDT")) == []
    assert log.notes == [f"ETHUSDT-1m-{DAY}.csv: ETHUSDT is not BTCUSDT: left out"]
    assert read(path, request=Request(symbol="ETH-USDT-SWAP"))


def test_a_coin_margined_symbol_under_um(tmp_path):
    """A folder of the other market is refused: the units would be wrong."""
    path = put(tmp_path, f"{UM}/klines/ETHUSD_PERP/1m/ETHUSD_PERP-1m-{DAY}.csv", klines())
    with pytest.raises(DataError, match="lies under um, but ETHUSD_PERP is a symbol of cm"):
        read(path)


def test_candles_of_months_have_no_step(tmp_path):
    """1mo is no fixed length."""
    path = put(tmp_path, f"{UM}/klines/ETHUSDT/1mo/ETHUSDT-1mo-2026-01.csv", klines())
    with pytest.raises(NotAnInput, match="candles of 1mo"):
        read(path)


# ------------------------------------------------------------------ checksums and other files


def test_a_wrong_checksum_is_refused_or_said(tmp_path):
    """The sum beside a zip is held against it; some published ones are wrong, so it can be waived.
    """
    path = put(tmp_path, f"{UM}/{ETH_1M}.zip", klines(), packed=True, checksum=True)
    beside = path.with_name(path.name + ".CHECKSUM")
    beside.write_text("0" * 64 + f"  {path.name}\n")
    with pytest.raises(DataError, match="its CHECKSUM says 000000000000"):
        read(path)
    log = Log()
    assert read(path, log, Request(allow_bad_checksum=True))
    assert "read all the same" in log.notes[0]
    assert READER.kind(beside, head(beside)) == "Binance checksum"


@pytest.mark.parametrize(("name", "text", "kind"), [
    (f"ETHUSDT-aggTrades-{DAY}.csv", "agg_trade_id,price,quantity,first_trade_id,last_trade_id,"
     "transact_time,is_buyer_maker\n1,2,3,4,5,6,true\n", "Binance aggTrades, um"),
    ("x.csv", "id,price,qty,quote_qty,time,is_buyer_maker\n", "Binance trades"),
    ("x.csv", "id,price,qty,base_qty,time,is_buyer_maker\n", "Binance trades"),
    ("x.csv", "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,"
     "event_time\n", "Binance bookTicker"),
    ("x.csv", "timestamp,percentage,depth,notional\n", "Binance bookDepth"),
    (f"ETHUSD_PERP-trades-{DAY}.csv", "1,2400.5,3,0.01,1769817600000,true\n",
     "Binance trades, cm"),
])
def test_trades_and_books_are_not_an_input(tmp_path, name, text, kind):
    """They are recognised, by header or by name, and named."""
    path = put(tmp_path, name, text.encode())
    assert READER.kind(path, head(path)) == kind
    with pytest.raises(NotAnInput, match=f"recognised as {kind}, not an input of a dataset"):
        list(READER.pieces(path, Request(), Log()))


@pytest.mark.parametrize("text", [b"", b"a,b\n1,2\n", b'{"e":"x"}\n', b"1,2,3\n", b"\xff\xfe\0"])
def test_other_files_are_not_known(tmp_path, text):
    """Nothing of the archive: None, no error."""
    path = put(tmp_path, "ETHUSDT.csv", text)
    assert READER.kind(path, text) is None


# ------------------------------------------------------------------ funding


def test_funding_jitter_and_interval(tmp_path):
    """Stamps snap to the settlement, the raw one is kept, known from it on; each row's interval."""
    path = put(tmp_path, "data/futures/um/monthly/fundingRate/ETHUSDT/"
               "ETHUSDT-fundingRate-2026-01.zip", funding(hours=4), packed=True, checksum=True)
    rows = only(path).rows
    assert shown(rows["ts"].to_pylist())[:2] == ["2026-01-01 00:00", "2026-01-01 04:00"]
    assert rows["raw_ts"][0].as_py() - rows["ts"][0].as_py() == 7 * MS
    assert rows["available_at"].to_pylist() == rows["raw_ts"].to_pylist()
    assert set(rows["interval_h"].to_pylist()) == {4.0}
    assert rows["rate"][0].as_py() == 0.0001


def test_funding_has_no_mark_price(tmp_path):
    """Three columns; one more is another file."""
    data = funding().replace(b"last_funding_rate", b"last_funding_rate,mark_price", 1)
    with pytest.raises(DataError, match="unknown header"):
        read(put(tmp_path, "ETHUSDT-fundingRate-2026-01.csv", data))


def test_funding_repeated_the_last_wins(tmp_path):
    """A settlement that comes twice is taken as it was said last, and counted."""
    data = funding(count=2)
    again = data.splitlines()[1].replace(b"007,", b"011,").replace(b"0.0001", b"0.0009")
    log = Log()
    rows = only(put(tmp_path, "ETHUSDT-fundingRate-2026-01.csv", data + again + b"\n"), log).rows
    assert sorted(rows["rate"].to_pylist()) == [0.000101, 0.0009]
    assert log.dropped == {"a settlement that comes again, the last kept": 1}


@pytest.mark.parametrize(("old", "new", "text"), [
    (b"7,8,0.0001\n", b"7,8,0.01%\n", "row 1, last_funding_rate is not a number"),
    (b"7,8,0.0001\n", b"7,8,0.5\n", "row 1, last_funding_rate must be a fraction"),
    (b"7,8,0.0001\n", b"7,0,0.0001\n", "row 1, funding_interval_hours must be whole hours"),
    (b"7,8,0.0001\n", b"7,8\n", "row 1, expected 3 fields, found 2"),
    (b"1767225600007,", b"1735689600007,", "row 1, calc_time lies outside 2026-01"),
])
def test_funding_faults(tmp_path, old, new, text):
    """A bad settlement names its row and field."""
    data = funding()
    assert old in data
    with pytest.raises(DataError, match=text):
        read(put(tmp_path, "ETHUSDT-fundingRate-2026-01.csv", data.replace(old, new, 1)))


def test_a_file_cut_within_its_last_rate_is_refused(tmp_path):
    """What is left of the last number would be another number."""
    path = put(tmp_path, "ETHUSDT-fundingRate-2026-01.csv", funding(count=3)[:-3])
    with pytest.raises(DataError, match="row 3: the line has no end, the file is cut off"):
        read(path)


# ------------------------------------------------------------------ metrics


@pytest.mark.parametrize(("first", "day", "symbol", "stamp"), [
    ("2026-06-24T00:05", "2026-06-24", "ETHUSDT", "2026-06-24 00:05"),  # the end, before
    ("2026-06-25T00:00", "2026-06-24", "ETHUSDT", "2026-06-25 00:00"),  # its last row of all
    ("2026-06-25T00:00", "2026-06-25", "ETHUSDT", "2026-06-25 00:05"),  # the start, from then on
    ("2024-01-31T00:00", "2024-01-31", "ETHUSD_PERP", "2024-01-31 00:05"),  # cm: always the start
])
def test_label_of_open_interest(tmp_path, first, day, symbol, stamp):
    """A row is the snapshot AT its label up to 2026-06-24, 5 minutes later from 2026-06-25 on."""
    data = metrics(first, 1, symbol, interest=2e6, value=5e9 if symbol == "ETHUSDT" else 8e3)
    piece = only(put(tmp_path, f"{symbol}-metrics-{day}.csv", data))
    assert shown(piece.rows["ts"].to_pylist()) == [stamp]
    assert piece.rows["available_at"].to_pylist() == piece.rows["ts"].to_pylist()


def test_the_two_regimes_meet_without_a_repetition(tmp_path):
    """The last label of the old files and the first of the new are 5 minutes apart in truth."""
    old = only(put(tmp_path, "ETHUSDT-metrics-2026-06-24.csv", metrics("2026-06-24T23:55", 2)))
    new = only(put(tmp_path, "ETHUSDT-metrics-2026-06-25.csv", metrics("2026-06-25T00:00", 2)))
    stamps = shown(old.rows["ts"].to_pylist() + new.rows["ts"].to_pylist())
    assert stamps == ["2026-06-24 23:55", "2026-06-25 00:00", "2026-06-25 00:05",
                      "2026-06-25 00:10"]


def test_open_interest_of_coins_and_of_contracts(tmp_path):
    """um: coins and USDT; cm: contracts of 10 USD and coins, with empty ratios."""
    um = only(put(tmp_path, f"ETHUSDT-metrics-{DAY}.csv", metrics(f"{DAY}T00:05", 1)))
    assert (um.rows["oi_base"][0].as_py(), um.rows["oi_usd"][0].as_py()) == (2_000_000, 5e9)
    cm = only(put(tmp_path, f"ETHUSD_PERP-metrics-{DAY}.csv",
                  metrics(f"{DAY}T00:00", 1, "ETHUSD_PERP", value=8_000.0, empty=True)))
    assert (cm.rows["oi_base"][0].as_py(), cm.rows["oi_usd"][0].as_py()) == (8_000, 20_000_000)
    assert cm.contract is not None
    assert cm.contract.venue == "binance_cm"


def test_late_stamps_are_floored(tmp_path):
    """A stamp 2 s late is moved to its 5 minutes, and said."""
    log = Log()
    data = metrics(f"{DAY}T00:05", 2, late=2)
    rows = only(put(tmp_path, f"ETHUSDT-metrics-{DAY}.csv", data), log).rows
    assert shown(rows["ts"].to_pylist()) == [f"{DAY} 00:05", f"{DAY} 00:10"]
    assert log.notes == [f"ETHUSDT-metrics-{DAY}.csv: 2 stamps floored to 5m (latest by 2 s)"]


def test_repeated_snapshots_the_last_wins(tmp_path):
    """A time that comes twice is taken as it was said last, and counted."""
    log = Log()
    first, again = (metrics(f"{DAY}T00:05", 2, interest=each) for each in (2e6, 2.1e6))
    data = first + b"".join(again.splitlines(keepends=True)[1:])
    rows = only(put(tmp_path, f"ETHUSDT-metrics-{DAY}.csv", data), log).rows
    assert rows["oi_base"].to_pylist() == [2_100_000, 2_100_001]
    assert rows["source_row"].to_pylist() == [3, 4]
    assert log.dropped == {"a snapshot that comes again, the last kept": 2}


def test_open_interest_faults(tmp_path):
    """Zero is counted; a leap of the price between the two columns, another symbol are refused."""
    log, name = Log(), f"ETHUSDT-metrics-{DAY}.csv"
    data = metrics(f"{DAY}T00:05", 4)
    zero = data.replace(b"2000001.0,5000000007.0", b"0.0,0.0")
    assert only(put(tmp_path, name, zero), log).rows.num_rows == 3
    assert log.dropped == {"open interest of 0, which no living contract has": 1}
    with pytest.raises(DataError, match="row 3, sum_open_interest_value per coin"):
        read(put(tmp_path, name, data.replace(b"2000002.0", b"2000002000.0")))
    with pytest.raises(DataError, match="symbol is 'ETHUSDT', the file's name says 'BTCUSDT'"):
        read(put(tmp_path, f"BTCUSDT-metrics-{DAY}.csv", data))
    with pytest.raises(DataError, match="row 1, create_time lies outside 2026-01-30"):
        read(put(tmp_path, "ETHUSDT-metrics-2026-01-30.csv", data))
    with pytest.raises(DataError, match="row 2, create_time is not a time"):
        read(put(tmp_path, name, data.replace(b"00:10:00", b"00:71:00")))


# ------------------------------------------------------------------ cm liquidation snapshots

AT = f"{DAY}T17:10:0"


def test_every_row_is_written_twice(tmp_path):
    """Exact copies are dropped and counted; the row numbers are the file's."""
    log = Log()
    data = snapshot([(AT + "0.100", "SELL", 250, 2_290.0, 2_500.0, 250, 250),
                     (AT + "2.100", "BUY", 100, 2_510.0, 2_500.0, 40, 100)])
    rows = only(put(tmp_path, SNAPSHOT, data), log).rows
    assert rows["source_row"].to_pylist() == [1, 3]
    assert log.dropped == {"an exact copy of a row above (the archive writes each twice)": 2}
    assert rows["liq_side"].to_pylist() == ["long", "short"]


def test_contracts_become_dollars_and_coins(tmp_path):
    """ETH contracts are 10 USD, BTC's 100; coins at the average fill; known a second later."""
    data = snapshot([(AT + "0.100", "SELL", 250, 2_290.0, 2_500.0, 250, 250)])
    row = only(put(tmp_path, SNAPSHOT, data)).rows.to_pylist()[0]
    assert (row["notional_usd"], row["qty_base"]) == (2_500.0, 1.0)
    assert (row["price"], row["price_basis"]) == (2_500.0, "fill")
    assert (row["venue"], row["symbol"], row["base"]) == ("binance_cm", "ETHUSD_PERP", "ETH")
    assert row["completeness"] == "sampled_1s"
    assert row["available_at"] - row["ts"] == SECOND
    other = SNAPSHOT.replace("ETHUSD_PERP", "BTCUSD_PERP")
    assert only(put(tmp_path, other, data)).rows["notional_usd"].to_pylist() == [25_000.0]


def test_several_rows_of_one_order_are_its_largest(tmp_path):
    """Rows of one (time, side, quantity, limit) are one order: the accumulated quantity counts."""
    log = Log()
    fills = [(AT + "0.100", "SELL", 250, 2_290.0, 2_500.0, last, filled)
             for last, filled in ((50, 50), (200, 250), (100, 150))]
    rows = only(put(tmp_path, SNAPSHOT, snapshot(fills, copies=1)), log).rows
    assert (rows["notional_usd"].to_pylist(), rows["source_row"].to_pylist()) == ([2_500.0], [2])
    assert log.dropped == {"an earlier fill of an order whose later row holds it": 2}


def test_inverted_sides_show_by_the_limit(tmp_path):
    """A selling limit order cannot fill below its limit: such a file is refused, unless told so."""
    data = snapshot([(AT + "0.100", "BUY", 250, 2_290.0, 2_500.0, 250, 250)])
    path = put(tmp_path, SNAPSHOT, data)
    with pytest.raises(DataError, match=r"row 1, .* sides look inverted"):
        read(path)
    rows = only(path, request=Request(side="position")).rows
    assert rows["liq_side"].to_pylist() == ["long"]


def test_snapshot_faults(tmp_path):
    """More filled than ordered, an unknown side, another day: refused by row."""
    order = (AT + "0.100", "SELL", 250, 2_290.0, 2_500.0, 250, 250)
    for data, text in (
            (snapshot([(*order[:6], 251)]), "row 1, filled quantity is more than the order's"),
            (snapshot([(order[0], "SOLD", *order[2:])]), "row 1, side must be one of SELL, BUY"),
            (snapshot([("2026-01-28", *order[1:])]), f"row 1, time lies outside {DAY}"),
            (snapshot([(*order[:3], -1, *order[4:])]), "row 1, price must be > 0")):
        with pytest.raises(DataError, match=text):
            read(put(tmp_path, SNAPSHOT, data))


def test_a_day_without_liquidations(tmp_path):
    """A header alone is a quiet day, not an error."""
    log = Log()
    assert read(put(tmp_path, SNAPSHOT, snapshot([])), log) == []
    assert "no liquidation in it" in log.notes[0]
    (cover,) = log.coverage
    assert (cover.venue, cover.completeness) == ("binance_cm", "sampled_1s")
    assert (cover.start_ns, cover.end_ns) == (parse(DAY), parse("2026-02-01"))


def test_um_snapshots_of_old_copies(tmp_path):
    """The um files are gone from the archive; an old copy is in coins."""
    data = snapshot([(f"{DAY}T17:10", "SELL", 4.0, 2_290.0, 2_500.0, 4.0, 4.0)])
    name = SNAPSHOT.replace("/cm/", "/um/").replace("ETHUSD_PERP", "ETHUSDT")
    row = only(put(tmp_path, name, data)).rows.to_pylist()[0]
    assert (row["qty_base"], row["notional_usd"], row["venue"]) == (4.0, 10_000.0, "binance")


def test_a_large_file_comes_in_pieces(tmp_path, monkeypatch):
    """Blocks of text become pieces with running row numbers, and nothing is lost between."""
    monkeypatch.setattr("deleverage.feeds.readers.binance.layout.BLOCK", 4_096)
    path = put(tmp_path, f"{UM}/{ETH_1M}.csv", klines(count=1_000))
    pieces = read(path)
    numbers = [row for piece in pieces for row in piece.rows["source_row"].to_pylist()]
    assert len(pieces) > 10
    assert numbers == list(range(1, 1_001))
    assert pieces[-1].rows["close_ns"].to_pylist()[-1] == parse(DAY) + 1_000 * MINUTE


def test_any_one_byte_of_an_archive_may_be_damaged(tmp_path):
    """Each byte inverted in turn: refused by name, or what it said was never read from it."""
    path = put(tmp_path, f"{UM}/{ETH_1M}.zip", klines(count=2), packed=True)
    data, whole = path.read_bytes(), only(path).rows
    refused = 0
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1:])
        if READER.kind(path, head(path)) is None:
            continue
        try:
            assert only(path).rows == whole
        except DataError as error:
            refused += path.name in str(error)
    assert refused > len(data) / 2


@pytest.mark.parametrize("length", [4, 60, 200])
def test_a_cut_archive_is_refused(tmp_path, length):
    """A zip that ends early is known by its name and refused by it."""
    path = put(tmp_path, f"{UM}/{ETH_1M}.zip", klines(), packed=True)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match="cut off or damaged"):
        read(path)
