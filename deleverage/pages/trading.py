"""The trade table: every position from flat to flat, in the words of the sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deleverage.results import RunResult
from deleverage.statistics.trades import Trade
from deleverage.tearsheet.leverage import YES_NO, side
from deleverage.tearsheet.money import when
from deleverage.tearsheet.text import leverage, money, percent, price

ROWS = 2_000  # more would make the file large and the browser slow; all are in trades.parquet
ON_MARGIN = "return on margin"


@dataclass(frozen=True, slots=True)
class TradeTable:
    """Column names, rows of cells, which columns hold words, and how many trades have no row."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int]
    hidden: int


def trade_table(result: RunResult, limit: int = ROWS) -> TradeTable:
    """The first ``limit`` trades of ``result`` in the order of their entries."""
    on_margin = {row["number"]: row["return_on_margin"]
                 for row in result.statistics["paradox"]["rows"]}
    shown = result.trades[:limit]
    rows = tuple(tuple(percent(on_margin.get(trade.number)) if name == ON_MARGIN else cell(trade)
                       for name, cell in COLUMNS) for trade in shown)
    return TradeTable(tuple(name for name, _ in COLUMNS), rows, WORDS,
                      len(result.trades) - len(shown))


COLUMNS: Sequence[tuple[str, Callable[[Trade], str]]] = (
    ("#", lambda trade: f"#{trade.number}"),
    ("side", lambda trade: side(trade.side)),
    ("entry (UTC)", lambda trade: when(trade.entry_ns)),
    ("entry", lambda trade: price(trade.entry_price)),
    ("exit (UTC)", lambda trade: when(trade.exit_ns)),
    ("exit", lambda trade: price(trade.exit_price)),
    ("exit reason", lambda trade: trade.exit_reason),
    ("leverage", lambda trade: leverage(trade.leverage)),
    ("net", lambda trade: money(trade.net)),
    (ON_MARGIN, lambda trade: ""),  # of the replay, which knows it by the trade's number
    ("MAE", lambda trade: percent(trade.mae, sign=False)),
    ("MFE", lambda trade: percent(trade.mfe, sign=False)),
    ("funding", lambda trade: money(trade.funding)),
    ("fees", lambda trade: money(trade.fees)),
    ("liquidated", lambda trade: YES_NO[trade.liquidated]),
    ("right", lambda trade: YES_NO[trade.right]),
)
WORDS = frozenset(place for place, (name, _) in enumerate(COLUMNS) if name in (
    "#", "side", "entry (UTC)", "exit (UTC)", "exit reason", "liquidated", "right"))
