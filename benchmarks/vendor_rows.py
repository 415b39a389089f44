"""SYNTHETIC liquidations in vendors' formats, and the job that reads them in a process of its own.

``python -m benchmarks.vendor_rows ours|theirs PATH`` reads one file, with this project's reader or
as a table with pandas or pyarrow, and prints rows, CPU seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from benchmarks.measure import peak_megabytes
from deleverage.feeds.readers import cryptohftdata, tardis
from deleverage.feeds.readers.protocol import Log, Request
from deleverage.timestamps import DAY, parse

CHUNK = 500_000
START = parse("2026-02-01")


@dataclass(frozen=True)
class Events:
    """Some rows: times in ns, order sides, prices and quantities with two and three decimals."""

    ts: Any
    arrived: Any
    side: Any
    price: Any
    quantity: Any


def events(count: int, seed: int = 7) -> Iterator[Events]:
    """``count`` events spread over one UTC day, by their arrival, ``CHUNK`` at a time."""
    draw = np.random.default_rng(seed)
    done = 0
    while done < count:
        number = min(CHUNK, count - done)
        arrived = START + (np.arange(done, done + number) * (DAY // count)) // 1_000 * 1_000
        late = draw.integers(5, 80, number) * 1_000_000
        steps = draw.integers(200_000, 320_000, number)
        yield Events(arrived - late, arrived, pa.array(["SELL", "BUY"]).take(
            pa.array(draw.integers(0, 2, number))), steps / 100,
            draw.integers(1, 90_000, number) / 1_000)
        done += number


def tardis_csv(root: Path, count: int) -> Path:
    """A day of Tardis liquidations, packed as the vendor packs it."""
    path = root / "binance-futures/liquidations/2026/02/01/ETHUSDT.csv.gz"
    path.parent.mkdir(parents=True)
    with pa.CompressedOutputStream(str(path), "gzip") as sink:
        writer = None
        for part in events(count):
            number = len(part.ts)
            table = pa.table({
                "exchange": ["binance-futures"] * number, "symbol": ["ETHUSDT"] * number,
                "timestamp": part.ts // 1_000, "local_timestamp": part.arrived // 1_000,
                "id": pa.nulls(number, pa.string()), "side": pa.compute.utf8_lower(part.side),
                "price": part.price, "amount": part.quantity})
            writer = writer or csv.CSVWriter(sink, table.schema, write_options=csv.WriteOptions(
                quoting_style="none", quoting_header="none"))
            writer.write_table(table)
        if writer is not None:
            writer.close()
    return path


def cryptohftdata_parquet(root: Path, count: int) -> Path:
    """The same in CryptoHFTData's columns: decimals as text."""
    path = root / "binance_futures/2026-02-01/00/ETHUSDT_liquidations.parquet"
    path.parent.mkdir(parents=True)
    writer = None
    for part in events(count):
        number, text = len(part.ts), pa.array(part.quantity).cast(pa.string())
        price = pa.array(part.price).cast(pa.string())
        table = pa.table({
            "received_time": part.arrived, "event_time": part.ts // 1_000_000 + 4,
            "trade_time": part.ts // 1_000_000, "symbol": ["ETHUSDT"] * number,
            "side": part.side, "order_type": ["LIMIT"] * number, "time_in_force": ["IOC"] * number,
            "quantity": text, "price": price, "average_price": price,
            "order_status": ["FILLED"] * number, "last_filled_quantity": text,
            "filled_quantity": text})
        writer = writer or pq.ParquetWriter(str(path), table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return path


def ours(path: Path) -> int:
    """Rows that this project's reader hands over, piece by piece."""
    reader: Any = tardis.READER if path.name.endswith(".csv.gz") else cryptohftdata.READER
    return sum(piece.rows.num_rows for piece in reader.pieces(path, Request(), Log()))


def theirs(path: Path) -> int:
    """Rows of the file as one table of pandas (CSV) or pyarrow (Parquet)."""
    if path.name.endswith(".csv.gz"):
        import pandas as pd

        return len(pd.read_csv(path))
    return int(pq.read_table(str(path)).num_rows)


@dataclass(frozen=True)
class Job:
    """What one process took: rows, CPU seconds of all its threads, its largest memory in MB."""

    rows: int
    cpu: float
    peak: float


def alone(how: str, path: Path) -> Job:
    """The job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.vendor_rows", how, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True,
                          cwd=Path(__file__).resolve().parent.parent)
    return Job(**json.loads(done.stdout))


def main(how: str, path: Path) -> None:
    """Read once, print what it took."""
    work: Callable[[Path], int] = {"ours": ours, "theirs": theirs}[how]
    if how == "theirs":
        import pandas as pd  # its import is no reading

        assert pd.__name__
    began = time.process_time()
    rows = work(path)
    cpu = time.process_time() - began
    print(json.dumps({"rows": rows, "cpu": cpu, "peak": peak_megabytes()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
