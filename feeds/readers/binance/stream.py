"""Recordings of Binance's liquidation stream ``forceOrder``: JSON as it came, or recorders' CSV.

It is the only source of liquidations of the USDT-margined contracts: the archive has none. At most
one order per symbol and second is pushed, so every recording is a sample. The same order recorded
twice (two connections, two files) is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.errors import DataError
from deleverage.feeds.archives import head as head_of
from deleverage.feeds.event_union import joined
from deleverage.feeds.readers.binance import messages, recorder
from deleverage.feeds.readers.binance.layout import cells_of
from deleverage.feeds.readers.binance.orders import (
    COMPLETENESS,
    Orders,
    canonical_rows,
    contract_of,
    first_of,
    wanted,
)
from deleverage.feeds.readers.protocol import Log, Piece, Request, existing, not_an_input
from deleverage.market import Coverage
from deleverage.timestamps import HOUR

_RECORDER = "Binance forceOrder stream, recorder's CSV"
_STREAM = "Binance forceOrder stream, recorded"
SILENCE = HOUR  # without an order of any coin: nobody was recording


class BinanceStream:
    """Reader of recorded liquidation orders (see the module's text)."""

    name = "binance-stream"
    about = "recordings of Binance's forceOrder stream, um and cm (JSON, lines of it, or CSV)"
    provider = "Binance stream"
    gives: tuple[str, ...] = ("liquidations",)
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """What was recorded, or None (see the FileReader protocol)."""
        if head.lstrip()[:1] in (b"{", b"[", b"\xef") or head[:1].isdigit():
            event = messages.event_of(head)
            if event is not None:
                return _STREAM if event == "forceOrder" else f"Binance {event} stream, recorded"
        cells = cells_of(head.split(b"\n", 1)[0])
        return _RECORDER if recorder.is_recorder_row(cells) else None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The orders of one file (see the FileReader protocol)."""
        kind = self.kind(path, head_of(existing(path)))
        if kind is None:
            raise DataError(f"{path}: not a recording of Binance's stream")
        if kind not in (_RECORDER, _STREAM):
            raise not_an_input(path, kind)
        module = recorder if kind == _RECORDER else messages
        before: pa.Table | None = None
        alive: list[Coverage] = []
        told: set[str] = set()
        for orders in module.orders(path, log):
            new, before = first_of(orders.time, [
                orders.symbol.dictionary_decode(), orders.side, *map(
                    pa.array, (orders.filled, orders.limit, orders.average))], before)
            log.drop("an order recorded twice", int((~new).sum()))
            alive += _alive(orders, self.provider)
            kept = wanted(orders.where(new), path, request, log)
            if len(kept):
                rows = canonical_rows(kept, path, request, log)
                told |= set(rows.column("venue").unique().to_pylist())
                yield Piece("liquidations", rows)
        log.coverage += [cover for cover in joined(alive) if cover.venue in told]


def _alive(orders: Orders, provider: str) -> Iterator[Coverage]:
    """When a recording was alive: from order to order of any coin, but for long silences."""
    venues = np.array([contract_of(each).venue for each in orders.symbol.dictionary.to_pylist()])
    own = venues[orders.symbol.indices.to_numpy()]
    for venue in sorted(set(own.tolist())):
        time = np.sort(orders.time[own == venue])
        ends = np.flatnonzero(np.append(np.diff(time) > SILENCE, True))
        for start, end in zip([0, *(ends[:-1] + 1)], ends, strict=True):
            yield Coverage("liquidations", venue, provider, int(time[start]), int(time[end]),
                           COMPLETENESS)


READER = BinanceStream()
