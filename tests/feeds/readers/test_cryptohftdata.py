"""CryptoHFTData: one test per trap, on SYNTHETIC objects made here, and the samples' answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.feeds.readers.cryptohftdata import READER
from deleverage.feeds.readers.protocol import NotAnInput
from deleverage.market import Coverage
from tests.feeds.readers.one_file import MS, read, written

HOUR = 1_769_904_000_000  # 2026-02-01 00:00 in ms
FOLDER = "binance_futures/2026-02-01/00"


def events(**changes: Any) -> dict[str, list[Any]]:
    """Three SYNTHETIC liquidations: two longs and a short."""
    columns: dict[str, list[Any]] = {
        "received_time": [(HOUR + at * 1_000 + 40) * MS + 123 for at in range(3)],
        "event_time": [HOUR + at * 1_000 + 5 for at in range(3)],
        "trade_time": [HOUR + at * 1_000 for at in range(3)],
        "symbol": ["ETHUSDT"] * 3, "side": ["SELL", "SELL", "BUY"],
        "order_type": ["LIMIT"] * 3, "time_in_force": ["IOC"] * 3,
        "quantity": ["3.000", "4", "5"], "price": ["2400.0", "2300.5", "2500"],
        "average_price": ["2410.00", "2310", "2490"], "order_status": ["FILLED"] * 3,
        "last_filled_quantity": ["1", "4", "5"], "filled_quantity": ["2.5", "4", "5"],
    }
    return columns | changes


def stored(root: Path, name: str, columns: Mapping[str, Any], wrap: bool = False) -> Path:
    """An object as Parquet, wrapped in zstd if wanted."""
    store = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), store)
    data = store.getvalue().to_pybytes()
    return written(root / name, pa.compress(data, "zstd", asbytes=True) if wrap else data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet", events())


def test_rows_are_canonical(path):
    """The fill's price and quantity, the arrival's time to the ns, the row's number."""
    found = read(READER, path)
    assert found.kind == "CryptoHFTData liquidations"
    assert found.rows("liquidations")[0] == {
        "ts": HOUR * MS, "available_at": (HOUR + 40) * MS + 123, "venue": "binance",
        "symbol": "ETHUSDT", "base": "ETH", "liq_side": "long", "qty_base": 2.5, "price": 2410.0,
        "price_basis": "fill", "notional_usd": 6025.0, "completeness": "sampled_1s",
        "source_row": 1}
    assert found.column("liquidations", "source_row") == [1, 2, 3]


def test_side_is_the_order_side(path):
    """SELL closed a long, BUY a short."""
    assert read(READER, path).column("liquidations", "liq_side") == ["long", "long", "short"]


def test_side_convention_asked_for_overrules(path):
    """--side-convention position turns every side round."""
    found = read(READER, path, side="position").column("liquidations", "liq_side")
    assert found == ["short", "short", "long"]


def test_zstd_wrapped_object_is_told_by_its_magic(tmp_path, path):
    """Objects of before 2026-08-19 are Parquet in zstd, whatever their name ends with."""
    rows = read(READER, path).rows("liquidations")
    for ending in ("parquet.zst", "parquet"):
        wrapped = stored(tmp_path / ending, f"{FOLDER}/ETHUSDT_liquidations.{ending}", events(),
                         wrap=True)
        found = read(READER, wrapped)
        assert found.kind == "CryptoHFTData liquidations"
        assert found.rows("liquidations") == rows


def test_exchange_is_in_the_path_alone(tmp_path):
    """Without its folders an object's venue must be said, and is then believed."""
    bare = stored(tmp_path, "ETHUSDT_liquidations.parquet", events())
    with pytest.raises(UsageError, match="--venue"):
        read(READER, bare)
    assert read(READER, bare, venue="binance").column("liquidations", "venue") == ["binance"] * 3


def test_decimals_are_text(tmp_path):
    """A decimal that is no number is named by file, row and field."""
    odd = stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet",
                 events(price=["2400", "2,300", "2500"]))
    with pytest.raises(DataError, match=r"ETHUSDT_liquidations.parquet: row 2, price is not a "
                                        r"number, found '2,300'"):
        read(READER, odd)


def test_price_of_bybit_and_okx_is_the_bankruptcy_price(tmp_path):
    """Whatever stands in average_price: the order's price and quantity are taken."""
    for exchange, symbol in (("bybit", "ETHUSDT"), ("okx_futures", "ETH-USDT-SWAP")):
        path = stored(tmp_path, f"{exchange}/2026-02-01/00/{symbol}_liquidations.parquet",
                      events(symbol=[symbol] * 3))
        row = read(READER, path).rows("liquidations")[0]
        assert (row["price"], row["price_basis"]) == (2400.0, "bankruptcy")


def test_completeness_is_the_feeds(tmp_path):
    """Binance and Aster are sampled each second, OKX by a rule nobody knows, Bybit is complete."""
    for exchange, said in (("binance_futures", "sampled_1s"), ("aster_futures", "sampled_1s"),
                           ("okx_futures", "sampled"), ("bybit", "all"), ("lighter", "unknown")):
        path = stored(tmp_path, f"{exchange}/2026-02-01/00/ETHUSDT_liquidations.parquet", events())
        assert set(read(READER, path).column("liquidations", "completeness")) == {said}


def test_okx_counts_contracts(tmp_path):
    """A contract of ETH-USDT-SWAP is 0.1 ETH; of others only --contract-size tells."""
    path = stored(tmp_path, "okx_futures/2026-02-01/00/ETH-USDT-SWAP_liquidations.parquet",
                  events(symbol=["ETH-USDT-SWAP", "SOL-USDT-SWAP", "ETH-USDT-SWAP"]))
    found = read(READER, path)
    rows = found.rows("liquidations")
    assert (rows[0]["qty_base"], rows[0]["notional_usd"]) == (
        pytest.approx(0.3), pytest.approx(720.0))
    assert math.isnan(rows[1]["qty_base"])
    assert math.isnan(rows[1]["notional_usd"])
    assert "okx SOL-USDT-SWAP: the size of one contract is not known" in found.said
    sized = read(READER, path, contract_size=2.0).column("liquidations", "qty_base")
    assert sized == pytest.approx([0.3, 8.0, 0.5])


def test_missing_fill_leaves_the_order(tmp_path):
    """Without an average price the order's limit price and quantity are all there is."""
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet",
                  events(average_price=["0", None, "2490"]))
    found = read(READER, path)
    assert found.column("liquidations", "price_basis") == ["limit", "limit", "fill"]
    assert found.column("liquidations", "price") == [2400.0, 2300.5, 2490.0]
    assert found.column("liquidations", "qty_base") == [3.0, 4.0, 5.0]


def test_delivery_contracts_are_dropped_and_counted(tmp_path):
    """A contract with an end is no perpetual."""
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet",
                  events(symbol=["ETHUSDT_260327", "ETHUSDT", "ETHUSDT"]))
    found = read(READER, path)
    assert found.log.dropped == {"a delivery contract": 1}
    assert found.column("liquidations", "source_row") == [2, 3]


def test_other_coins_are_left_out_early(tmp_path):
    """Rows of another coin than the one asked for are not read, not even their faults."""
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet",
                  events(symbol=["BTCUSDT", "ETHUSDT", "ETHUSDT"], price=["x", "2300", "2500"]))
    assert read(READER, path, symbol="ETH").column("liquidations", "source_row") == [2, 3]


def test_arrival_never_precedes_the_event(tmp_path):
    """A recorder whose clock is slow makes no row known before it happened."""
    early = [(HOUR - 1_500) * MS, (HOUR + 1_040) * MS, (HOUR + 2_040) * MS]
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet", events(received_time=early))
    assert read(READER, path).rows("liquidations")[0]["available_at"] == HOUR * MS


def test_times_of_another_day_than_the_path(tmp_path):
    """A row of another year than its folder names is refused with its number."""
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet",
                  events(trade_time=[HOUR, HOUR - 365 * 86_400_000, HOUR]))
    with pytest.raises(DataError, match=r"row 2, trade_time is not of the day of its path "
                                        r"\(2026-02-01\), found '2025-02-01"):
        read(READER, path)


def test_empty_hour_has_no_rows(tmp_path):
    """An hour without a liquidation is normal."""
    empty = pa.table(events()).slice(0, 0)
    path = written(tmp_path / FOLDER / "ETHUSDT_liquidations.parquet", b"")
    pq.write_table(empty, path)
    found = read(READER, path, symbol="ETHUSDT")
    assert found.pieces == []
    assert found.log.coverage == [Coverage(
        "liquidations", "binance", "CryptoHFTData", HOUR * MS, HOUR * MS + 3_600_000 * MS,
        "sampled_1s")]
    assert read(READER, path, symbol="BTC").log.coverage == []


def test_open_interest(tmp_path):
    """One side in coins with its value, known from its arrival; OKX's in contracts."""
    columns = {"received_time": [(HOUR + 700) * MS], "timestamp": [HOUR],
               "sum_open_interest": ["2000.5"], "sum_open_interest_value": ["4801200"]}
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_open_interest.parquet", columns)
    found = read(READER, path)
    assert found.kind == "CryptoHFTData open_interest"
    assert found.rows("open_interest", "ETHUSDT") == [{
        "ts": HOUR * MS, "available_at": (HOUR + 700) * MS, "oi_base": 2000.5,
        "oi_usd": 4_801_200.0, "source_row": 1}]
    okx = stored(tmp_path, "okx_futures/2026-02-01/00/ETH-USDT-SWAP_open_interest.parquet", columns)
    assert read(READER, okx).column("open_interest", "oi_base") == pytest.approx([200.05])


def test_open_interest_of_which_sides_is_unknown(tmp_path):
    """Bybit sums both sides, and what the vendor makes of that is not documented: not guessed."""
    columns = {"received_time": [HOUR * MS], "timestamp": [HOUR], "sum_open_interest": ["2000"],
               "sum_open_interest_value": ["4800000"]}
    path = stored(tmp_path, "bybit/2026-02-01/00/ETHUSDT_open_interest.parquet", columns)
    found = read(READER, path)
    assert found.pieces == []
    assert "1 bybit ETHUSDT: unit or sides of its open interest are not documented" in found.said
    halved = read(READER, path, contract_size=0.5)
    assert halved.column("open_interest", "oi_base") == [1000.0]


@pytest.mark.parametrize("name", ["trades", "orderbook", "ticker"])
def test_trades_book_and_ticker_are_no_input(tmp_path, name):
    """They are named in one line."""
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_{name}.parquet", {"received_time": [1]})
    with pytest.raises(NotAnInput, match=f"recognised as CryptoHFTData {name}, not an input"):
        read(READER, path)


def test_mark_price_is_no_input(tmp_path):
    """Its prices are ticks and its funding rate an estimate."""
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_mark_price.parquet", {
        "received_time": [HOUR * MS], "event_time": [HOUR], "mark_price": ["2400"],
        "index_price": ["2401"], "funding_rate": ["0.0001"],
        "next_funding_time": [HOUR + 28_800_000]})
    with pytest.raises(NotAnInput, match="recognised as CryptoHFTData mark_price"):
        read(READER, path)


def test_cut_archive_is_refused(path):
    """Half of an object, plain or wrapped, is an error that names it."""
    data = path.read_bytes()
    for cut in (data[:len(data) // 2], pa.compress(data, "zstd", asbytes=True)[:-40]):
        path.write_bytes(cut)
        with pytest.raises(DataError, match=r"ETHUSDT_liquidations.parquet"):
            read(READER, path)


def test_missing_column_is_named(tmp_path):
    """An object by its path without one of its columns says which."""
    columns = events()
    del columns["trade_time"]
    path = stored(tmp_path, f"{FOLDER}/ETHUSDT_liquidations.parquet", columns)
    with pytest.raises(MissingTable, match="column 'trade_time' is missing"):
        read(READER, path)


def test_other_parquet_is_not_known(tmp_path):
    """Another vendor's Parquet is nobody's here."""
    path = stored(tmp_path, "candles.parquet", {"timestamp": [1], "venue": ["bybit"]})
    assert READER.kind(path, path.read_bytes()) is None
