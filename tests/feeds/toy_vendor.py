"""A vendor made up for tests: small CSV files whose first line says what they hold.

``toy,liquidations`` then ``ms,venue,symbol,side,qty,price,completeness`` (side of the position), or
``toy,bars,VENUE,SYMBOL,STEP`` then ``close_ms,open,high,low,close,volume``, or ``toy,funding,…``
with ``ms,rate``, or ``toy,open_interest,…`` with ``ms,coins,usd``, or ``toy,trades``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from deleverage.errors import DataError
from deleverage.feeds import readers
from deleverage.feeds.readers.names import contract
from deleverage.feeds.readers.parsing.values import epoch_ns, floats, liquidation_rows
from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input
from deleverage.timestamps import HOUR, parse, parse_step

START = "2026-01-28"


class Toy:
    """The toy vendor's reader. ``read`` counts the files it has gone through."""

    name = "toy"
    about = "a vendor made up for tests"
    provider = "Toy"
    gives = ("bars", "liquidations", "funding", "open_interest")
    version = 1
    read = 0

    def kind(self, path: Path, head: bytes) -> str | None:
        return "toy " + head.split(b"\n")[0].decode().split(",")[1] if head[:4] == b"toy," else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        self.read += 1
        first, *lines = path.read_text().split()
        _, table, *about = first.split(",")
        if table == "trades":
            raise not_an_input(path, "toy trades")
        cells: list[Any] = [list(column) for column in zip(*(line.split(",") for line in lines),
                                                           strict=True)]
        if not cells:
            log.note(f"{path.name}: empty")
            return
        number = np.arange(1, len(lines) + 1)
        stamps = epoch_ns([int(cell) for cell in cells[0]], path, "ms")
        if "stop" in path.name:
            raise DataError(f"{path}: row 1, ms must not stop")
        if table == "liquidations":
            usd = floats(pa.array(cells[4]), path, "qty") * floats(pa.array(cells[5]), path, "p")
            late = HOUR if cells[6][0] == "aggregate" else 0
            yield Piece("liquidations", liquidation_rows({
                "ts": stamps, "available_at": stamps + late, "venue": cells[1],
                "symbol": cells[2],
                "base": [contract(*pair).base for pair in zip(cells[1], cells[2], strict=True)],
                "is_long": np.array(cells[3]) == "long",
                "qty_base": floats(pa.array(cells[4]), path, "qty"),
                "price": floats(pa.array(cells[5]), path, "price"), "price_basis": "fill",
                "notional_usd": np.where(usd < 0, np.nan, usd), "completeness": cells[6],
                "source_row": number}, len(lines)), step_ns=HOUR if late else None)
        elif table == "open_interest":
            yield Piece("open_interest", pa.table({
                "ts": stamps, "available_at": stamps,
                "oi_base": floats(pa.array(cells[1]), path, "coins", empty=True),
                "oi_usd": floats(pa.array(cells[2]), path, "usd", empty=True),
                "source_row": number}), contract(*about[:2]))
        elif table == "funding":
            yield Piece("funding", pa.table({
                "ts": stamps, "raw_ts": stamps, "available_at": stamps,
                "rate": floats(pa.array(cells[1]), path, "rate"),
                "interval_h": np.full(len(lines), np.nan), "source_row": number}),
                contract(*about[:2]))
        else:
            prices = {name: floats(pa.array(cells[at]), path, name) for at, name in enumerate(
                ("open", "high", "low", "close", "volume"), start=1)}
            yield Piece(table, pa.table({"close_ns": stamps, **prices, "source_row": number}),
                        contract(*about[:2]), parse_step(about[2]))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """The toy vendor among the readers."""
    made = Toy()
    known = {**readers._readers(), "toy": made}
    monkeypatch.setattr(readers, "_readers", lambda: known)
    return made


def ms(minutes: float) -> int:
    """Epoch milliseconds so many minutes after the start."""
    return (parse(START) + int(minutes * 60e9)) // 1_000_000


def bars(path: Path, closes: Sequence[float], first: int = 1, venue: str = "binance",
         symbol: str = "ETHUSDT", step: str = "1m") -> Path:
    """A file of one-minute bars (or of another step, still a minute apart in their numbering)."""
    lines = [f"toy,bars,{venue},{symbol},{step}"]
    length = parse_step(step) // parse_step("1m")
    before = closes[0]
    for at, close in enumerate(closes):
        low, high = sorted((before, close))
        lines.append(f"{ms((first + at) * length)},{before},{high},{low},{close},10")
        before = close
    path.write_text("\n".join(lines) + "\n")
    return path


def events(path: Path, *rows: tuple[float, str, float, str]) -> Path:
    """A file of liquidations at 100: (minute, long|short, USD, venue[/symbol][/completeness])."""
    lines = ["toy,liquidations"]
    for minute, side, usd, where in rows:
        venue, symbol, kind = (*where.split("/"), "ETHUSDT", "all")[:3] if "/" not in where else (
            (*where.split("/"), "all")[:3])
        lines.append(f"{ms(minute)},{venue},{symbol},{side},{usd / 100},100,{kind}")
    path.write_text("\n".join(lines) + "\n")
    return path
