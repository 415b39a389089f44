"""Open interest as CSV: ``t`` (epoch, ms), ``oi`` (base coin, one side), ``oi_usd``.

A stamp is the instant of the snapshot. The time at which a live reader could have had it is not in
the file, so a row is taken to be available one step after its stamp. Stamps a little late (the
recorder's second or two) are floored to the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from deleverage.errors import DataError, MissingTable, UsageError
from deleverage.feeds.readers.parsing.values import epoch_ns
from deleverage.feeds.readers.protocol import Reading, Request, existing, origin
from deleverage.feeds.settlements import JITTER
from deleverage.feeds.tables import canonical, numbers
from deleverage.market import Coverage
from deleverage.timestamps import SECOND, show_step

_KINDS = {"t": pa.int64(), "oi": pa.float64(), "oi_usd": pa.float64()}


class OpenInterestCsv:
    """Reader of an open-interest CSV (see the module's text)."""

    name = "open-interest-csv"
    about = "open interest as CSV with columns t (epoch ms), oi (coins), oi_usd"
    gives: tuple[str, ...] = ("open_interest",)

    def sniff(self, path: Path) -> bool:
        """A file whose first line names the three columns."""
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            header = stream.readline(200)
        return header.strip().split(b",")[:3] == [b"t", b"oi", b"oi_usd"]

    def read(self, paths: Sequence[Path], request: Request) -> Reading:
        """One table, ``open_interest`` (see the Reader protocol)."""
        if len(paths) != 1:
            raise UsageError(f"open-interest-csv: expected one file, found {len(paths)}")
        path = existing(paths[0])
        request.progress(path.name, 0, 1)
        raw = _parsed(path)
        stamps = epoch_ns(numbers(raw, "t"), path, "t")
        step = _step(path, stamps)
        late = stamps % step
        floored = np.where(late <= JITTER, stamps - late, stamps)
        notes = [f"{path.name}: a snapshot is used one step ({show_step(step)}) after its stamp"]
        moved = int(((late > 0) & (late <= JITTER)).sum())
        if moved:
            notes.append(f"{path.name}: {moved} stamps floored to {show_step(step)} (latest by "
                         f"{int(late[late <= JITTER].max()) / SECOND:g} s)")
        if (late > JITTER).any():
            notes.append(f"{path.name}: {int((late > JITTER).sum())} stamps lie off the "
                         f"{show_step(step)} grid and are left where they are")
        table = canonical("open_interest", pa.table({
            "ts": floored, "available_at": floored + step, "oi_base": raw.column("oi"),
            "oi_usd": raw.column("oi_usd"),
        }), str(path))
        if request.venue is None:
            notes.append(f"{path.name}: the file does not say whose open interest it is: unknown "
                         "(--open-interest-venue names the venue)")
        # a snapshot stands until the next one is due
        alive = Coverage("open_interest", request.venue or "unknown", "open interest CSV",
                         int(floored[0]), int(floored[-1]) + 2 * step)
        request.progress(path.name, 1, 1)
        return Reading({"open_interest": table},
                       {"open_interest": f"open interest CSV: {origin(path)}"}, tuple(notes),
                       coverage=(alive,))


READER = OpenInterestCsv()


def _parsed(path: Path) -> pa.Table:
    try:
        table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=_KINDS))
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}") from None
    for name in _KINDS:
        if name not in table.column_names:
            raise MissingTable(f"{path}: column {name!r} is missing (found: "
                               f"{', '.join(table.column_names)})")
    if not table.num_rows:
        raise DataError(f"{path}: no rows")
    if table.column("t").null_count:
        row = int(np.argmax(table.column("t").is_null().to_numpy()))
        raise DataError(f"{path}: row {row + 1}, t is empty")
    return table


def _step(path: Path, stamps: NDArray[np.int64]) -> int:
    """The usual distance of two rows, to the second."""
    if len(stamps) < 2:
        raise DataError(f"{path}: one row only, no step can be told")
    step = int(np.median(np.diff(stamps))) // SECOND * SECOND
    if step <= 0:
        raise DataError(f"{path}: rows do not ascend in time")
    return step
