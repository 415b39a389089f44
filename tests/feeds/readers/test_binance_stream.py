"""Recordings of Binance's liquidation stream: what each becomes, one test per trap."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from deleverage.errors import DataError
from deleverage.feeds.archives import head
from deleverage.feeds.importing import import_dataset
from deleverage.feeds.readers.binance import messages
from deleverage.feeds.readers.binance.stream import READER
from deleverage.feeds.readers.protocol import FileReader, Log, NotAnInput, Request
from deleverage.timestamps import SECOND, parse
from tests.feeds.readers.binance_files import DAY, MS, json_lines, message, put, recorded


def read(path: Path, log: Log | None = None,
         request: Request | None = None) -> list[dict[str, object]]:
    assert READER.kind(path, head(path)) is not None
    return [row for piece in READER.pieces(path, request or Request(), log or Log())
            for row in piece.rows.to_pylist()]


def test_the_reader_keeps_the_protocol():
    """It is found as a reader of single files."""
    assert isinstance(READER, FileReader)


# ------------------------------------------------------------------ messages


def test_a_message_is_z_times_ap_at_t_known_at_e(tmp_path):
    """SELL closed a long; the accumulated quantity at the average fill, when it traded."""
    (row,) = read(put(tmp_path, "a.jsonl", json_lines([message()])))
    assert (row["liq_side"], row["qty_base"], row["price"]) == ("long", 2.0, 2_400.0)
    assert (row["notional_usd"], row["price_basis"]) == (4_800.0, "fill")
    assert row["available_at"] - row["ts"] == 5 * MS  # type: ignore[operator]
    assert (row["venue"], row["symbol"], row["base"]) == ("binance", "ETHUSDT", "ETH")
    assert (row["completeness"], row["source_row"]) == ("sampled_1s", 1)


def test_buy_closed_a_short(tmp_path):
    """The order's side, not the position's, unless told otherwise."""
    data = json_lines([message(side="BUY")])
    (row,) = read(put(tmp_path, "a.jsonl", data))
    assert row["liq_side"] == "short"
    with pytest.raises(DataError, match="sides look inverted"):
        read(put(tmp_path, "a.jsonl", data), request=Request(side="position"))


@pytest.mark.parametrize("form", ["lines", "wrapped", "lists", "document", "pretty", "one list"])
def test_forms_of_a_recording(tmp_path, form):
    """Plain lines, {stream, data}, lists on lines, one document of many lines: the same orders."""
    messages = [message(f"{DAY}T17:10:0{at}") for at in range(3)]
    wrapped = [{"stream": "!forceOrder@arr", "data": each} for each in messages]
    data = {"lines": json_lines(messages), "wrapped": json_lines(wrapped),
            "lists": json_lines([messages[:2], messages[2:]]),
            "document": json.dumps(messages, indent=1).encode(),
            "pretty": json.dumps(wrapped, indent=4).encode(),
            "one list": json_lines([messages])}[form]
    path = put(tmp_path, "a.json", data)
    assert READER.kind(path, head(path)) == "Binance forceOrder stream, recorded"
    rows = read(path)
    assert [row["notional_usd"] for row in rows] == [4_800.0] * 3
    assert len({row["ts"] for row in rows}) == 3


def test_coin_margined_messages_are_contracts(tmp_path):
    """ETHUSD_PERP: contracts of 10 USD, coins at the average fill."""
    data = message(symbol="ETHUSD_PERP", ps="ETHUSD", q="250", z="240", l="1")
    (row,) = read(put(tmp_path, "a.jsonl", json_lines([data])))
    assert (row["venue"], row["base"]) == ("binance_cm", "ETH")
    assert (row["notional_usd"], row["qty_base"]) == (2_400.0, 1.0)


def test_the_recorders_clock_before_a_line(tmp_path):
    """A stamp of receipt in ns makes the row known then, not at E."""
    line = json_lines([message()])
    stamp = message()["o"]["T"] * MS + 80 * MS + 123
    (row,) = read(put(tmp_path, "a.jsonl", str(stamp).encode() + b" " + line))
    assert row["available_at"] == stamp


def test_a_clock_behind_the_trade_is_clamped(tmp_path):
    """What was sent before it traded is known at the trade, and said."""
    early = message()
    early["E"] -= 1_000
    log = Log()
    (row,) = read(put(tmp_path, "a.jsonl", json_lines([early])), log)
    assert row["available_at"] == row["ts"]
    assert "before their trade" in log.notes[0]


def test_other_streams_in_a_recording_are_counted(tmp_path):
    """Acknowledgements and marks between the orders are no orders."""
    log = Log()
    data = json_lines([{"result": None, "id": 1}, {"e": "markPriceUpdate", "E": 1, "s": "X"},
                       message()])
    assert len(read(put(tmp_path, "a.jsonl", data), log)) == 1
    assert log.dropped == {"a line that is no message of a stream": 1,
                           "a message of another stream": 1}


def test_other_streams_alone_are_not_an_input(tmp_path):
    """A recording of marks is recognised and named."""
    data = json.dumps({"e": "markPriceUpdate", "E": 1, "s": "ETHUSDT", "p": "2400"}, indent=2)
    path = put(tmp_path, "a.json", data.encode())
    with pytest.raises(NotAnInput, match="recognised as Binance markPriceUpdate stream, recorded"):
        read(path)


def test_orders_without_an_end_or_a_fill_are_counted(tmp_path):
    """A partial fill comes again when it is done; an order that filled nothing is no volume."""
    log = Log()
    data = json_lines([message(X="PARTIALLY_FILLED"), message(X="EXPIRED", z="0", ap="0"),
                       message(X="EXPIRED", z="1")])
    (row,) = read(put(tmp_path, "a.jsonl", data), log)
    assert row["notional_usd"] == 2_400.0
    assert log.dropped == {"an order that was not done yet": 1, "an order without a fill": 1}


def test_an_order_recorded_twice_is_one(tmp_path, monkeypatch):
    """Two connections hear the same push: the second is counted, also from one batch to the next.
    """
    monkeypatch.setattr(messages, "LINES", 2)
    log = Log()
    other = message(f"{DAY}T17:11")
    data = json_lines([message(), message(), other, message(f"{DAY}T17:12"), other])
    assert len(read(put(tmp_path, "a.jsonl", data), log)) == 3
    assert log.dropped == {"an order recorded twice": 1 + 0 + 1}


def test_the_last_line_cut_off_is_counted(tmp_path):
    """A recorder that was killed leaves half a line; a torn line elsewhere is refused."""
    log = Log()
    data = json_lines([message(f"{DAY}T17:1{at}") for at in range(3)])
    assert len(read(put(tmp_path, "a.jsonl", data[:-40]), log)) == 2
    assert log.dropped == {"the last line, cut off": 1}
    lines = data.splitlines(keepends=True)
    with pytest.raises(DataError, match="row 2 is not JSON"):
        read(put(tmp_path, "a.jsonl", lines[0] + lines[1][:-40] + b"\n" + lines[2]))


@pytest.mark.parametrize(("changes", "text"), [
    ({"z": "abc"}, "row 2, z is not a number, found 'abc'"),
    ({"ap": "24_00"}, "row 2, ap is not a number, found '24_00'"),
    ({"p": "-1"}, "row 2, price must be > 0"),
    ({"z": "9"}, "row 2, filled quantity is more than the order's"),
    ({"T": "yesterday"}, "row 2, T is no epoch time, found 'yesterday'"),
    ({"T": 17}, "row 2, T is no time from 2000 to 2100"),
    ({"S": "HOLD"}, "row 2, side must be one of SELL, BUY, found 'hold'"),
    ({"X": "DREAMT"}, "row 2, X must be one of FILLED"),
    ({"s": None}, "row 2, s is not a text"),
])
def test_a_fault_names_row_and_field(tmp_path, changes, text):
    """One bad message: file, line, field, what was found."""
    path = put(tmp_path, "a.jsonl", json_lines([message(), message(**changes)]))
    with pytest.raises(DataError, match=text) as raised:
        read(path)
    assert str(path) in str(raised.value)


def test_a_message_without_its_order(tmp_path):
    """A key that is missing is named."""
    bare = message()
    del bare["o"]["ap"]
    with pytest.raises(DataError, match="row 1, ap is missing in the order"):
        read(put(tmp_path, "a.jsonl", json_lines([bare])))
    with pytest.raises(DataError, match=r"row 1, o \(the order\) is missing"):
        read(put(tmp_path, "a.jsonl", json_lines([{"e": "forceOrder", "E": 1}])))


def test_only_the_coin_asked_for(tmp_path):
    """Orders of other coins are counted."""
    log = Log()
    data = json_lines([message(), message(symbol="BTCUSDT"), message(symbol="ETHUSD_PERP")])
    rows = read(put(tmp_path, "a.jsonl", data), log, Request(symbol="ETHUSDT"))
    assert [row["symbol"] for row in rows] == ["ETHUSDT", "ETHUSD_PERP"]
    assert log.dropped == {"of another coin than ETHUSDT": 1}


@pytest.mark.parametrize("text", [b"", b"{", b"[1,2]", b'{"topic":"allLiquidation.X","data":[]}',
                                  b'{"info":{"e":"forceOrder"},"symbol":"ETH/USDT:USDT"}'])
def test_other_json_is_not_known(tmp_path, text):
    """Nobody's, or another vendor's: None."""
    assert READER.kind(tmp_path / "a.json", text) is None


# ------------------------------------------------------------------ recorders' CSV


def test_the_layout_of_home_made_recorders(tmp_path):
    """No header, bare symbols in USDT, no average: the limit, with its basis kept; a second late.
    """
    path = put(tmp_path, "binance.csv", recorded())
    assert READER.kind(path, head(path)) == "Binance forceOrder stream, recorder's CSV"
    rows = read(path)
    assert [row["symbol"] for row in rows] == ["ADAUSDT", "ETHUSDT", "ETHUSDC", "1000PEPEUSDT",
                                               "NEIROETHUSDT"]
    first = rows[0]
    assert (first["liq_side"], first["price_basis"], first["price"]) == ("long", "limit", 2_000.5)
    assert first["available_at"] - first["ts"] == SECOND  # type: ignore[operator]
    assert [row["source_row"] for row in rows] == [1, 2, 3, 4, 5]


def test_usd_is_recomputed_never_read(tmp_path):
    """The usd column is of the limit and at times in millions; quantity times price is right."""
    rows = read(put(tmp_path, "binance.csv", recorded()))
    assert [row["notional_usd"] for row in rows] == [
        (10 + at) * (2_000.5 + at) for at in range(5)]


def test_junk_glued_to_the_first_symbol(tmp_path):
    """A start-up banner before the first symbol is cut off, and said; elsewhere it is a fault."""
    log = Log()
    rows = read(put(tmp_path, "binance.csv", recorded(banner="Hello Trading Bot")), log)
    assert rows[0]["symbol"] == "ADAUSDT"
    assert log.notes == ["binance.csv: row 1: 'Hello Trading Bot' stands before ADA: cut off"]
    data = recorded().replace(b"ETHUSDC,", b"Hello BotETHUSDC,")
    with pytest.raises(DataError, match="row 3, symbol is none, found 'Hello BotETHUSDC'"):
        read(put(tmp_path, "binance.csv", data))


def test_a_known_average_is_the_fill(tmp_path):
    """Where the recorder kept the average it is the price."""
    data = recorded(1, average="2010.0")
    (row,) = read(put(tmp_path, "binance.csv", data))
    assert (row["price"], row["price_basis"], row["notional_usd"]) == (2_010, "fill", 20_100)


def test_delivery_contracts_are_dropped(tmp_path):
    """ETH_260327 has an end: counted."""
    log = Log()
    data = recorded().replace(b"ETH,", b"ETH_260327,", 1)
    assert len(read(put(tmp_path, "binance.csv", data), log)) == 4
    assert log.dropped == {"of a delivery contract, no perpetual": 1}


def test_rows_twice_in_a_recording(tmp_path):
    """A row that comes again in the same file is one order."""
    log = Log()
    assert len(read(put(tmp_path, "binance.csv", recorded() + recorded()), log)) == 5
    assert log.dropped == {"an order recorded twice": 5}


def test_the_same_stream_in_two_files_is_one(tmp_path):
    """A second file that repeats the first and adds a row adds that row to a dataset."""
    files = [put(tmp_path, "all.csv", recorded(7)), put(tmp_path, "big.csv", recorded(8))]
    dataset, notes = import_dataset("binance-stream", files, tmp_path / "out", "ETHUSDT")
    assert dataset.table("liquidations")["symbol"].to_pylist() == ["ETHUSDT", "ETHUSDC",
                                                                   "ETHUSDT", "ETHUSDC"]
    assert "liquidations: 3 events that came again in another file left out" in notes


def test_a_recording_covers_what_lies_between_its_orders_of_any_coin(tmp_path):
    """The feed was alive from its first order to its last, whichever coin they were of."""
    log = Log()
    read(put(tmp_path, "a.csv", recorded(5)), log, Request(symbol="ETHUSDT"))
    (cover,) = log.coverage
    start = parse(f"{DAY}T17:10")
    assert (cover.venue, cover.completeness) == ("binance", "sampled_1s")
    assert (cover.start_ns, cover.end_ns) == (start, start + 6 * SECOND)


def test_a_silence_of_all_coins_is_not_covered(tmp_path):
    """An order of another day before the recording began does not cover the days between."""
    log = Log()
    data = json_lines([message(f"{DAY}T0{hour}:00:00") for hour in (1, 2, 5)])
    read(put(tmp_path, "a.jsonl", data), log)
    assert [(cover.start_ns, cover.end_ns) for cover in log.coverage] == [
        (parse(f"{DAY}T01:00"), parse(f"{DAY}T02:00")),
        (parse(f"{DAY}T05:00"), parse(f"{DAY}T05:00"))]


def test_a_torn_row_is_refused(tmp_path):
    """Another number of fields is named by row."""
    data = recorded().replace(b"1000PEPE,BUY,", b"1000PEPE,")
    with pytest.raises(DataError, match="row 4, expected 12 fields, found 11"):
        read(put(tmp_path, "binance.csv", data))


@pytest.mark.real
def test_recorders_files_hold_1156_orders(reference):
    """Two sessions in two files each: 1,156 orders, 79 of ETH, 76 of BTC, 11 with a delivery.

    Counted beforehand on the files. The second file of a session repeats the first's orders.
    """
    folder = reference / "data" / "binance_forceorder_raw"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    rows: Counter[tuple[object, ...]] = Counter()
    counts, dropped = {}, {}
    for path in sorted(folder.glob("*.csv")):
        log = Log()
        own = [row for piece in READER.pieces(path, Request(), log)
               for row in piece.rows.drop_columns(["source_row"]).to_pylist()]
        counts[path.stem], dropped[path.stem] = len(own), sum(log.dropped.values())
        rows.update(tuple(row.values()) for row in own)
    assert counts == {"session1_all": 436, "session1_big": 444, "session2_all": 699,
                      "session2_big": 701}
    assert dropped == {"session1_all": 10, "session1_big": 10, "session2_all": 1,
                       "session2_big": 1}
    assert len(rows) == 1_156 - 11
    assert max(rows.values()) == 2
    assert sum("ETH" in key for key in rows) == 79
    assert sum("BTC" in key for key in rows) == 76
