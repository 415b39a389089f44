"""Rows that Binance emitted, against what a correct reader returns for them, field by field."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from deleverage.feeds.archives import head
from deleverage.feeds.readers.binance import stream, vision
from deleverage.feeds.readers.binance.messages import orders
from deleverage.feeds.readers.binance.orders import canonical_rows
from deleverage.feeds.readers.names import binance_cm_usd, contract
from deleverage.feeds.readers.protocol import Log, NotAnInput, Request

pytestmark = pytest.mark.real

READERS = (vision.READER, stream.READER)
OURS = ("binance_vision/", "binance_ws/", "recorder_csv/")
MS = 1_000_000


@pytest.fixture(scope="module")
def samples(reference: Path) -> Path:
    folder = reference / "reference" / "formats_samples"
    if not folder.is_dir():
        pytest.skip(f"no samples at {folder}")
    return folder


def expected(samples: Path, name: str) -> list[dict[str, str]]:
    with (samples / name).open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["file"].startswith(OURS)]


def rows_of(path: Path, table: str) -> list[dict[str, object]]:
    """The canonical rows one of the readers makes of a file."""
    start = head(path)
    (reader,) = [each for each in READERS if each.kind(path, start)]
    return [{"contract": piece.contract, **row}
            for piece in reader.pieces(path, Request(), Log()) if piece.table == table
            for row in piece.rows.to_pylist()]


def one_delivery_row(path: Path) -> list[dict[str, object]]:
    """The row of a delivery contract, which an import counts as dropped, converted all the same."""
    log = Log()
    assert not list(stream.READER.pieces(path, Request(), log))
    assert log.dropped == {"of a delivery contract, no perpetual": 1}
    (read,) = orders(path, Log())
    rows: list[dict[str, object]] = canonical_rows(read, path, Request(), Log()).to_pylist()
    return rows


def test_every_expected_liquidation(samples):
    """All rows of the archive's snapshots, the stream and the recorder, every field."""
    wanted = expected(samples, "expected_liquidations.csv")
    found: dict[str, list[dict[str, object]]] = {}
    for file in {row["file"] for row in wanted}:
        path = samples / file
        found[file] = (one_delivery_row if "cm_forceOrder" in file else
                       lambda each: rows_of(each, "liquidations"))(path)
    assert len(wanted) == sum(map(len, found.values())) == 13
    for row in wanted:
        ours = found[row["file"]][int(row["record"]) - 1]
        for field in ("venue", "symbol", "liq_side", "price_basis", "completeness"):
            assert ours[field] == row[field]
        assert ours["ts"] == int(row["ts_ms"]) * MS
        assert not row["available_ms"] or ours["available_at"] == int(row["available_ms"]) * MS
        assert ours["price"] == float(row["price"])
        assert ours["notional_usd"] == pytest.approx(float(row["notional_usd"]), rel=1e-8)
        quantity = float(row["qty"])
        if row["qty_unit"].startswith("contracts of"):
            quantity *= float(row["qty_unit"].split()[2]) / float(row["price"])
        assert ours["qty_base"] == pytest.approx(quantity, rel=1e-12)


def test_every_expected_funding_and_open_interest(samples):
    """All rows of fundingRate and metrics; coin-margined contracts become USD, its value coins."""
    wanted = expected(samples, "expected_funding_oi.csv")
    assert len(wanted) == 6
    for row in wanted:
        ours = rows_of(samples / row["file"], row["kind"])[int(row["record"]) - 1]
        about = contract(row["venue"], row["symbol"])
        assert ours["contract"] == about
        assert ours["ts"] == int(row["ts_ms"]) * MS
        assert ours["available_at"] == int(row["available_ms"]) * MS
        if row["kind"] == "funding":
            assert ours["rate"] == float(row["value"])
            assert ours["interval_h"] == float(row["interval_h"])
        elif row["unit"].startswith("contracts"):
            assert ours["oi_usd"] == float(row["value"]) * binance_cm_usd(about.base)
        else:
            assert ours["oi_base"] == float(row["value"])


def test_every_sample_is_read_or_named(samples):
    """Each file of Binance is known to exactly one of its readers, and read or no input."""
    found = {}
    for path in sorted(each for folder in OURS for each in (samples / folder).iterdir()):
        (reader,) = [each for each in READERS if each.kind(path, head(path))]
        try:
            found[path.name] = sum(piece.rows.num_rows for piece in
                                   reader.pieces(path, Request(), Log()))
        except NotAnInput:
            found[path.name] = -1
    assert len(found) == 17
    assert {name for name, count in found.items() if count == -1} == {
        "spot_ADABKRW_kline_2025_microseconds.noheader.row.csv",
        "spot_BTCUSDT-1h-2023-10-27.noheader.rows.csv", "um_aggTrades_2026-07-15.row.csv",
        "um_bookTicker_2023-06-15.row.csv", "um_markPriceUpdate.json"}
    assert found["ETHUSDT-5m-2025-07-01.rows.csv"] == 2
    assert found["cm_BTCUSD_PERP-1h-2023-10-27.rows.csv"] == 2


def test_no_other_sample_is_claimed(samples):
    """Files of other vendors are unknown to these readers."""
    others = [path for path in samples.rglob("*") if path.is_file()
              and path.parent != samples and not path.as_posix().removeprefix(
                  samples.as_posix() + "/").startswith(OURS)]
    claimed = {path.name for path in others for reader in READERS if reader.kind(path, head(path))}
    assert others
    assert claimed == set()


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
        own = [row for piece in stream.READER.pieces(path, Request(), log)
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
