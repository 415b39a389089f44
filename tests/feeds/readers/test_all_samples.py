"""All samples of formats through all readers: each known to one, its rows those expected."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import DeleverageError, UsageError
from deleverage.feeds import readers
from deleverage.feeds.readers.binance.messages import orders
from deleverage.feeds.readers.binance.orders import canonical_rows
from deleverage.feeds.readers.names import contract
from deleverage.feeds.readers.protocol import FileReader, Log, NotAnInput, Request
from tests.feeds.vendor_files import candles, write_feather

pytestmark = pytest.mark.real

MS = 1_000_000
# what a file leaves open: without it the file is refused with the option that says it
CHOICES: dict[str, dict[str, Any]] = {
    "bybit/v5_mark_price_kline.json": {"timeframe": "1m"},
    "coinglass/v4_funding_rate_history_ohlc.json": {"symbol": "BTC", "venue": "binance",
                                                    "timeframe": "8h"},
    "coinglass/v4_liquidation_aggregated_history.json": {"symbol": "BTC"},
    "coinglass/v4_liquidation_order.json": {"side": "order"},
    "coinglass/v4_liquidation_pair_history.json": {"symbol": "BTC"},
    "cryptohftdata/liquidations_schema_synthetic.parquet": {"venue": "binance"},
    "cryptohftdata/liquidations_schema_synthetic.parquet.zst": {"venue": "binance"},
    "cryptoquant/liquidations_day_shape_synthetic.csv": {"symbol": "ETH", "timeframe": "1d"},
    "lean/20221213_btcusd_minute_trade_perp.csv": {"venue": "binance"},
}
# rows by table; {} where a file's only rows are no dataset's (counted as left out)
READ: dict[str, dict[str, int]] = {
    "binance_vision/BTCUSDT-metrics-2026-08-08.row.csv": {"open_interest": 1},
    "binance_vision/BTCUSD_PERP-liquidationSnapshot-2023-06-25.head.csv": {"liquidations": 2},
    "binance_vision/BTCUSD_PERP-liquidationSnapshot-2024-10-01.rows.csv": {"liquidations": 2},
    "binance_vision/BTCUSD_PERP-metrics-2023-06-25.head.csv": {"open_interest": 3},
    "binance_vision/ETHUSDT-5m-2025-07-01.rows.csv": {"bars": 2},
    "binance_vision/ETHUSDT-fundingRate-2025-07.row.csv": {"funding": 1},
    "binance_vision/ETHUSDT-metrics-2025-07-01.row.csv": {"open_interest": 1},
    "binance_vision/cm_BTCUSD_PERP-1h-2023-10-27.rows.csv": {"bars": 2},
    "binance_ws/cm_forceOrder_2020-07-13.json": {},
    "binance_ws/forceOrder_real_2022-04-25.jsonl": {"liquidations": 2},
    "binance_ws/um_forceOrder.json": {"liquidations": 1},
    "bybit/v5_funding_history.json": {"funding": 2},
    "bybit/v5_mark_price_kline.json": {"mark": 1},
    "bybit/v5_open_interest.json": {"open_interest": 2},
    "bybit/ws_allLiquidation.json": {"liquidations": 1},
    "bybit/ws_liquidation_old_and_new_topics.jsonl": {"liquidations": 3},
    "coinalyze/liquidation-history_shape_synthetic.json": {"liquidations": 2},
    "coinglass/v4_funding_rate_history_ohlc.json": {},
    "coinglass/v4_liquidation_aggregated_history.json": {"liquidations": 2},
    "coinglass/v4_liquidation_order.json": {"liquidations": 1},
    "coinglass/v4_liquidation_pair_history.json": {"liquidations": 2},
    "cryptohftdata/liquidations_schema_synthetic.parquet": {"liquidations": 2},
    "cryptohftdata/liquidations_schema_synthetic.parquet.zst": {"liquidations": 2},
    "cryptoquant/liquidations_day_shape_synthetic.csv": {},
    "gate/futures_liq_orders.json": {"liquidations": 1},
    "hyperliquid/asset_ctxs_2025-11-13.row.csv": {"open_interest": 1},
    "hyperliquid/fills_liquidation_variants.jsonl": {"liquidations": 3},
    "hyperliquid/info_fundingHistory_ETH.json": {"funding": 1},
    "hyperliquid/info_fundingHistory_synthetic.json": {"funding": 3},
    "hyperliquid/node_fills_by_block_2026-06-28.jsonl": {"liquidations": 1},
    "hyperliquid/node_fills_by_block_pair_2025-10-27.jsonl": {"liquidations": 1},
    "hyperliquid/ws_user_fill_liquidation.json": {"liquidations": 1},
    "lean/20221213_btcusd_minute_trade_perp.csv": {"bars": 6},
    "lean/binance_margin_interest_adausdt.csv": {"funding": 1},
    "lean/binance_margin_interest_btcusd.csv": {"funding": 12},
    "lean/bybit_margin_interest_btcusdt.csv": {"funding": 3},
    "okx/BTC-USDT-SWAP-fundingrates.rows.csv": {"funding": 4},
    "okx/v5_funding_rate_history.json": {"funding": 2},
    "okx/ws_liquidation-orders.json": {"liquidations": 1},
    "recorder_csv/binance_forceOrder_recorder_2025-06-23.noheader.csv": {"liquidations": 5},
    "tardis/derivative_ticker_dydx-v4_2025-04-01.rows.csv": {"open_interest": 2},
    "tardis/derivative_ticker_synthetic.csv": {},
    "tardis/liquidations_schema_synthetic.csv": {"liquidations": 2},
}
NO_INPUT = {
    "binance_vision/spot_ADABKRW_kline_2025_microseconds.noheader.row.csv": "Binance klines, spot",
    "binance_vision/spot_BTCUSDT-1h-2023-10-27.noheader.rows.csv": "Binance klines, spot",
    "binance_vision/um_aggTrades_2026-07-15.row.csv": "Binance aggTrades",
    "binance_vision/um_bookTicker_2023-06-15.row.csv": "Binance bookTicker",
    "binance_ws/um_markPriceUpdate.json": "Binance markPriceUpdate stream, recorded",
    "bybit/public_trading_BTCUSD_2026-09-01.csv": "Bybit trades",
    "coinglass/v4_liquidation_exchange_list.json": "CoinGlass exchange list",
    "hftbacktest/raw_collector_lines.txt": "hftbacktest collector lines",
    "okx/BTC-USDT-SWAP-trades.row.csv": "OKX trades",
    "okx/v5_instruments_swap_excerpt.json": "OKX instruments",
    "tardis/bitmex_trades_XBTUSD_2020-03-01.csv": "Tardis trades",
}
EXCERPT = "kraken/executions_one_element_excerpt.json"  # without the time and symbol of its row
OF_FOLDERS = "freqtrade/"  # freqtrade's files are read as a folder, not told one by one
UNKNOWN = {"README.md", "expected_liquidations.csv", "expected_funding_oi.csv"}
VENUES = {"binance-futures": "binance", "dydx-v4": "dydx", "binance (unverified)": "binance"}


@pytest.fixture(scope="module")
def samples(reference: Path) -> Path:
    folder = reference / "reference" / "formats_samples"
    if not folder.is_dir():
        pytest.skip(f"no samples at {folder}")
    return folder


def sole_reader(path: Path) -> FileReader:
    """The one reader that knows a file."""
    (name,) = readers.kinds(path)
    reader = readers.get(name)
    assert isinstance(reader, FileReader)
    return reader


def rows_of(path: Path, table: str, log: Log, **asked: Any) -> list[dict[str, Any]]:
    """The rows of one table that a file's reader hands over, each with its contract."""
    return [{"contract": piece.contract, **row}
            for piece in sole_reader(path).pieces(path, Request(**asked), log)
            if piece.table == table for row in piece.rows.to_pylist()]


def test_one_reader_knows_each_sample(samples: Path) -> None:
    """No two readers claim a file; whom none knows is no vendor's, or freqtrade's as a folder."""
    found = {path.relative_to(samples).as_posix(): list(readers.kinds(path))
             for path in samples.rglob("*") if path.is_file()}
    assert {name: who for name, who in found.items() if len(who) > 1} == {}
    nobodys = {name for name, who in found.items() if not who}
    assert nobodys == UNKNOWN | {name for name in found if name.startswith(OF_FOLDERS)}
    assert set(found) - nobodys == {*READ, *NO_INPUT, EXCERPT}
    assert len(found) == 61


@pytest.mark.parametrize("name", READ)
def test_a_sample_is_read(samples: Path, name: str) -> None:
    """All its rows, with no more said than what the file leaves open; without that it is refused
    by the option that says it."""
    path, counts = samples / name, Counter[str]()
    if name in CHOICES:
        with pytest.raises(UsageError, match=r"say (it|that|--)"):
            list(sole_reader(path).pieces(path, Request(), Log()))
    log = Log()
    for piece in sole_reader(path).pieces(path, Request(**CHOICES.get(name, {})), log):
        counts[piece.table] += piece.rows.num_rows
    assert {table: count for table, count in counts.items() if count} == READ[name]
    assert READ[name] or log.dropped


@pytest.mark.parametrize("name", NO_INPUT)
def test_a_sample_that_no_dataset_holds_is_named(samples: Path, name: str) -> None:
    """One line says what it is."""
    path = samples / name
    with pytest.raises(NotAnInput) as caught:
        list(sole_reader(path).pieces(path, Request(), Log()))
    assert str(caught.value) == f"{path}: recognised as {NO_INPUT[name]}, not an input of a dataset"


# ------------------------------------------------------------------ the expected rows


def told(samples: Path, table: str) -> dict[str, list[dict[str, str]]]:
    """The rows of an expected_….csv by their file, in its order."""
    found: dict[str, list[dict[str, str]]] = {}
    with (samples / f"expected_{table}.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["file"], []).append(row)
    return found


def of_records(rows: list[dict[str, Any]], answers: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The rows that the answers are about: by number, or one by one where they name elements."""
    if all(each["record"].isdigit() for each in answers):
        return [rows[int(each["record"]) - 1] for each in answers]
    assert len(rows) == len(answers)
    return rows


def delivery_rows(path: Path) -> list[dict[str, Any]]:
    """The row of a delivery contract: counted as left out, converted like any other all the same"""
    log = Log()
    assert rows_of(path, "liquidations", log) == []
    assert log.dropped == {"of a delivery contract, no perpetual": 1}
    (read,) = orders(path, Log())
    found: list[dict[str, Any]] = canonical_rows(read, path, Request(), Log()).to_pylist()
    return found


def kraken_rows(path: Path, folder: Path) -> list[dict[str, Any]]:
    """Kraken's excerpt within the answer it was taken from, with a time and a symbol."""
    with pytest.raises(DeleverageError, match="row 1, timestamp is missing"):
        rows_of(path, "liquidations", Log(), symbol="PF_XUSD")
    whole = folder / "PF_XUSD.json"
    whole.write_text(json.dumps({"elements": [{"timestamp": 1_769_558_400_000, "event": {
        "Execution": {"execution": json.loads(path.read_text())}}}]}))
    return rows_of(whole, "liquidations", Log())


def coins(answer: dict[str, str]) -> float:
    """The quantity of an answer in coins, NaN where its contracts are of unknown size."""
    unit, quantity = answer["qty_unit"], float(answer["qty"])
    if unit == "contracts":
        return math.nan
    if unit.startswith("contracts of"):
        quantity *= float(unit.split()[2])
    in_usd = unit == "USD" or unit.startswith("contracts of")
    return quantity / float(answer["price"]) if in_usd else quantity


def same_liquidation(row: dict[str, Any], answer: dict[str, str]) -> None:
    """Every field that the answer has."""
    where = (answer["file"], answer["record"])
    for field in ("symbol", "liq_side", "price_basis", "completeness"):
        if answer[field]:
            assert row[field] == answer[field], (where, field)
    if answer["symbol"]:
        assert row["venue"] == VENUES.get(answer["venue"], answer["venue"]), where
        assert row["base"] == contract(row["venue"], answer["symbol"]).base, where
    if answer["ts_ms"]:
        assert row["ts"] // MS == int(answer["ts_ms"]), where
    if answer["available_ms"]:
        assert -(-row["available_at"] // MS) == int(answer["available_ms"]), where
    assert row["available_at"] >= row["ts"], where
    assert row["price"] == float(answer["price"]), where
    usd = float(answer["notional_usd"] or "nan")
    assert row["notional_usd"] == pytest.approx(usd, rel=1e-7, nan_ok=True), where
    assert row["qty_base"] == pytest.approx(coins(answer), rel=1e-12, nan_ok=True), where


def test_every_expected_liquidation(samples: Path, tmp_path: Path) -> None:
    """All 31 rows, field by field. A row of the other party is told once: with that of the user."""
    compared = left = 0
    for name, answers in told(samples, "liquidations").items():
        path = samples / name
        kept = [each for each in answers if len(answers) == 1 or "DROP" not in each["note"]]
        if name == EXCERPT:
            rows = kraken_rows(path, tmp_path)
        elif any("delivery contract" in each["note"] for each in answers):
            rows = delivery_rows(path)
        else:
            rows = rows_of(path, "liquidations", Log(), **CHOICES.get(name, {}))
        assert len(rows) == len(kept), name
        for row, answer in zip(of_records(rows, kept), kept, strict=True):
            same_liquidation(row, answer)
        compared += len(kept)
        left += len(answers) - len(kept)
    assert (compared, left) == (30, 1)


def test_the_wrapped_object_holds_the_same_rows(samples: Path) -> None:
    """CryptoHFTData's object as it was stored before August 2026, inside zstd."""
    plain = samples / "cryptohftdata/liquidations_schema_synthetic.parquet"
    wrapped = plain.with_name(plain.name + ".zst")
    assert rows_of(wrapped, "liquidations", Log(), venue="binance") == rows_of(
        plain, "liquidations", Log(), venue="binance")


def freqtrade_funding(path: Path, folder: Path) -> list[dict[str, Any]]:
    """Funding out of a folder as freqtrade keeps it; SYNTHETIC prices stand beside it.

    This reader hands over finished tables: a rate is known at its settlement in them, as in every
    dataset; the seconds of jitter, which the answer has as arrival, are the raw stamp's.
    """
    place = folder / "binance" / "futures"
    for kind in ("futures", "mark"):
        write_feather(place / f"XRP_USDT_USDT-8h-{kind}.feather",
                      candles("2021-11-17", "8h", 40, 100.0))
    (place / path.name).symlink_to(path)
    reader = readers.get("freqtrade")
    assert not isinstance(reader, FileReader)
    reading = reader.read([folder / "binance"], Request())
    assert reading.instrument is not None
    about = contract(reading.instrument.venue, "XRP/USDT:USDT")
    assert about.base == reading.instrument.base
    rows = reading.tables["funding"].to_pylist()
    assert all(row["available_at"] == row["ts"] for row in rows)
    return [{"contract": about, **row, "available_at": row["raw_ts"]} for row in rows]


def same_funding_or_interest(row: dict[str, Any], answer: dict[str, str]) -> None:
    """Every field that the answer has."""
    where, value = (answer["file"], answer["record"]), float(answer["value"])
    venue = VENUES.get(answer["venue"], answer["venue"])
    assert row["contract"] == contract(venue, answer["symbol"]), where
    assert row["ts"] // MS == int(answer["ts_ms"]), where
    assert -(-row["available_at"] // MS) == int(answer["available_ms"]), where
    if answer["kind"] == "funding":
        assert row["rate"] == value, where
        if not math.isnan(row["interval_h"]):  # else an import reads it from the rows' distances
            assert row["interval_h"] == float(answer["interval_h"] or row["interval_h"]), where
    elif answer["unit"].startswith("contracts of"):
        assert row["oi_usd"] == value * float(answer["unit"].split()[2]), where
    else:
        assert row["oi_usd" if answer["unit"] == "USD" else "oi_base"] == value, where


def test_every_expected_funding_and_open_interest(samples: Path, tmp_path: Path) -> None:
    """All 25 rows, field by field; the running rate of asset_ctxs is no settlement and not read."""
    compared, running = Counter[str](), 0
    for name, answers in told(samples, "funding_oi").items():
        for kind in dict.fromkeys(each["kind"] for each in answers):
            own, log = [each for each in answers if each["kind"] == kind], Log()
            if kind == "funding_running":
                assert rows_of(samples / name, "funding", log) == []
                assert any("running rate" in note for note in log.notes)
                running += len(own)
                continue
            rows = (freqtrade_funding(samples / name, tmp_path) if name.startswith(OF_FOLDERS) else
                    rows_of(samples / name, kind, log))
            for row, answer in zip(of_records(rows, own), own, strict=True):
                same_funding_or_interest(row, answer)
            compared[kind] += len(own)
    assert (compared, running) == ({"funding": 14, "open_interest": 10}, 1)


def test_what_no_expected_row_is_about(samples: Path) -> None:
    """Values of the samples without an answer: bars of liquidations stand at their end."""
    def of(name: str, table: str, *fields: str) -> list[Any]:
        rows = rows_of(samples / name, table, Log(), **CHOICES.get(name, {}))
        return [tuple(row[field] for field in fields) if len(fields) > 1 else row[fields[0]]
                for row in rows]

    glass = "coinglass/v4_liquidation_"
    assert of(f"{glass}aggregated_history.json", "liquidations", "notional_usd", "available_at") \
        == [(5916885.14234, 1659052800000 * MS), (12969583.87632, 1659052800000 * MS)]
    assert of(f"{glass}pair_history.json", "liquidations", "notional_usd") == [
        2369935.19562, 6947459.43674]
    assert of(f"{glass}order.json", "liquidations", "liq_side", "price", "notional_usd") == [
        ("long", 87535.9, 205534.2932)]
    assert of("coinalyze/liquidation-history_shape_synthetic.json", "liquidations",
              "qty_base") == [2.0, 1.0]
    assert of("bybit/v5_mark_price_kline.json", "mark", "close") == [17_131.64]
    assert of("hyperliquid/info_fundingHistory_synthetic.json", "funding", "rate") == [
        0.0000125, -0.0000081, 0.0000033]
    assert of("lean/20221213_btcusd_minute_trade_perp.csv", "bars", "open")[0] == 17204.0
    variants = of("hyperliquid/fills_liquidation_variants.jsonl", "liquidations", "method")
    assert variants == ["market", "market", "backstop"]
