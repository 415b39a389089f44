"""The tables of expected rows, held against what a reader makes of the samples."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deleverage.feeds.readers.names import contract
from deleverage.feeds.readers.protocol import FileReader
from tests.feeds.readers.reading import read


def _listed(reference: Path, name: str, prefix: str) -> list[tuple[Path, dict[str, str]]]:
    table = next(reference.glob(f"**/formats_samples/{name}"))
    with table.open(newline="") as stream:
        return [(table.parent / row["file"], row) for row in csv.DictReader(stream)
                if row["file"].startswith(prefix)]


def _made(reader: FileReader, file: Path, table: str,
          **asked: Any) -> list[dict[str, Any]]:
    return [{**row, "contract": piece.contract} for piece in read(reader, file, **asked)[0]
            if piece.table == table for row in piece.rows.to_pylist()]


def liquidation_rows(reader: FileReader, reference: Path, prefix: str, **asked: Any) -> int:
    """Compare every expected liquidation whose file begins with ``prefix``; how many there are."""
    rows = _listed(reference, "expected_liquidations.csv", prefix)
    for file, row in rows:
        found = _made(reader, file, "liquidations", **asked)[int(row["record"]) - 1]
        for key in ("venue", "symbol", "liq_side", "price_basis", "completeness"):
            assert found[key] == row[key], (file.name, key)
        assert found["ts"] == int(row["ts_ms"]) * 10**6
        if row["available_ms"]:
            assert -(-found["available_at"] // 10**6) == int(row["available_ms"])
        assert found["price"] == float(row["price"])
        if row["notional_usd"]:
            assert found["notional_usd"] == pytest.approx(float(row["notional_usd"]))
        else:
            assert math.isnan(found["notional_usd"])
        if row["qty_unit"] == contract("", row["symbol"]).base:
            assert found["qty_base"] == pytest.approx(float(row["qty"]))
    return len(rows)


def funding_rows(reader: FileReader, reference: Path, prefix: str,
                 venue: Callable[[str], str] = str, **asked: Any) -> int:
    """Compare every expected settlement whose file begins with ``prefix``; how many there are."""
    rows = [each for each in _listed(reference, "expected_funding_oi.csv", prefix)
            if each[1]["kind"] == "funding"]
    for file, row in rows:
        number = int(re.sub(r"\D", "", row["record"]))
        found = _made(reader, file, "funding", **asked)[number - 1]
        assert (venue(found["contract"].venue), found["contract"].symbol) == (
            row["venue"], row["symbol"])
        assert found["ts"] == int(row["ts_ms"]) * 10**6
        assert -(-found["available_at"] // 10**6) == int(row["available_ms"])
        assert found["rate"] == float(row["value"])
        if row["interval_h"] and not math.isnan(found["interval_h"]):
            assert found["interval_h"] == float(row["interval_h"])
    return len(rows)
