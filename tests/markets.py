"""SYNTHETIC markets for tests: hand-made bars with mark, funding and liquidations.

Prices are given bar by bar; everything not given is chosen so that the market is complete: the mark
equals the last price bar for bar, no funding is due, there are no liquidations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from deleverage.columns import MarketColumns
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.join import market_columns
from deleverage.feeds.writing import write_dataset
from deleverage.instrument import Instrument
from deleverage.market import Market
from deleverage.timestamps import HOUR, parse, parse_step

Arrays = dict[str, NDArray[np.float64]]
Prices = ArrayLike | Mapping[str, ArrayLike]


def make_market(
    prices: Prices,
    *,
    volume: ArrayLike | None = None,
    step: str = "1m",
    start: str = "2026-01-28",
    mark: Prices | str | None = None,
    mark_step: str | None = None,
    funding: Iterable[tuple[str, float]] | None = (),
    interval_h: float | Sequence[float] = 8.0,
    index: ArrayLike | None = None,
    liquidations: Iterable[Mapping[str, Any]] | None = None,
    open_interest: Iterable[tuple[str, float]] | None = None,
    synthetic: bool = True,
    symbol: str = "ETHUSDT",
    venue: str = "binance",
    lot_size: float | None = 0.001,
    tick_size: float | None = 0.01,
    **contract: Any,
) -> tuple[Market, dict[str, pa.Table]]:
    """A market and its canonical tables.

    ``prices``: closes (each bar opens at the close before it), rows of (open, high, low, close), or
    a mapping of those four. ``start`` is the OPEN of the first bar. ``mark``: None (equals last),
    "missing", or prices on ``mark_step`` (default: the bars' step) from ``start`` on. ``funding``:
    (stamp, rate) pairs, empty for none due, None for unknown; ``interval_h`` one for all or one per
    pair. ``index``: the index price at each bar's close. ``liquidations``: mappings with at least
    ``ts``, ``liq_side`` and ``notional_usd``. ``open_interest``: (stamp, coins) pairs.
    ``contract``: further fields of the instrument (``min_notional``, ``max_size``).
    """
    step_ns, first = parse_step(step), parse(start)
    bars = ohlc(prices)
    count = len(bars["close"])
    close_ns = first + step_ns * np.arange(1, count + 1, dtype=np.int64)
    size = np.full(count, 1.0) if volume is None else np.asarray(volume, dtype=float)
    tables = {"bars": pa.table({"close_ns": close_ns, **bars, "volume": size})}
    if index is not None:
        tables["bars"] = tables["bars"].append_column(
            "index_close", pa.array(np.asarray(index, dtype=float)))
    mark_ns = parse_step(mark_step) if mark_step else step_ns
    if not isinstance(mark, str):
        rows = bars if mark is None else ohlc(mark)
        marked = first + mark_ns * np.arange(1, len(rows["close"]) + 1, dtype=np.int64)
        tables["mark"] = pa.table({"close_ns": marked, **rows})
    if funding is not None:
        tables["funding"] = _funding(list(funding), interval_h)
    if liquidations is not None:
        tables["liquidations"] = _liquidations(list(liquidations), venue, symbol)
    if open_interest is not None:
        stamps, coins = _pairs(open_interest)
        tables["open_interest"] = pa.table({"ts": stamps, "available_at": stamps, "oi_base": coins,
                                            "oi_usd": np.full(len(coins), np.nan)})
    base = symbol.removesuffix("USDT")
    instrument = Instrument(symbol, venue, base=base, tick_size=tick_size, lot_size=lot_size,
                            **contract)
    market = Market(instrument, step_ns, first, int(close_ns[-1]), synthetic=synthetic,
                    name="test market", mark_step_ns=mark_ns if "mark" in tables else None)
    return market, tables


def make_columns(prices: Prices, **options: Any) -> MarketColumns:
    """The market of :func:`make_market` as columns, ready for a feed or an account."""
    return market_columns(*make_market(prices, **options))


def make_dataset(path: str | Path, prices: Prices, **options: Any) -> Dataset:
    """The market of :func:`make_market` written as a dataset folder at ``path``."""
    return write_dataset(path, *make_market(prices, **options))


def random_tables(seed: int, bars: int, *, step: str = "1m", start: str = "2026-01-28",
                  price: float = 3_000.0, volatility: float = 0.0015, crashes: int = 2,
                  funding: bool = True, liquidations: bool = True, basis: float = 2e-4,
                  **options: Any) -> tuple[Market, dict[str, pa.Table]]:
    """A random walk of ``bars`` bars with ``crashes`` falls of 5 to 20 %, funding every 8 h and
    liquidations where the price falls: the same for the same seed."""
    chance = np.random.default_rng(seed)
    moves = chance.standard_normal(bars) * volatility
    for at in chance.integers(0, max(bars - 5, 1), crashes):
        moves[at:at + 5] -= chance.uniform(0.01, 0.045)
    close = np.round(price * np.exp(np.cumsum(moves)), 2)
    opened = np.append(price, close[:-1])
    wick = np.abs(chance.standard_normal((2, bars))) * volatility * close
    table = {"open": opened, "high": np.round(np.maximum(opened, close) + wick[0], 2),
             "low": np.round(np.minimum(opened, close) - wick[1], 2), "close": close}
    drift = 1 + basis * chance.standard_normal(bars)
    options.setdefault("mark", {name: np.round(column * drift, 2) for name, column in
                                table.items()} if basis else None)
    step_ns, first = parse_step(step), parse(start)
    if funding:
        due = np.arange(first // (8 * HOUR) + 1, (first + bars * step_ns) // (8 * HOUR) + 1)
        rates = np.round(chance.standard_normal(len(due)) * 1e-4, 8)
        options.setdefault("funding", [(stamp(8 * HOUR * int(k)), float(r))
                                       for k, r in zip(due, rates, strict=True)])
    if liquidations:
        options.setdefault("liquidations", _forced(chance, table, first, step_ns))
    return make_market(table, volume=chance.integers(1, 5_000, bars), step=step, start=start,
                       **options)


def random_market(seed: int, bars: int, **options: Any) -> MarketColumns:
    """The market of :func:`random_tables` as columns."""
    return market_columns(*random_tables(seed, bars, **options))


def ohlc(prices: Prices) -> Arrays:
    """Closes, rows of four or a mapping as four float arrays."""
    if isinstance(prices, Mapping):
        return {name: np.asarray(prices[name], dtype=float)
                for name in ("open", "high", "low", "close")}
    array = np.asarray(prices, dtype=float)
    if array.ndim == 2:
        return dict(zip(("open", "high", "low", "close"), array.T.copy(), strict=True))
    opened = np.append(array[:1], array[:-1])
    return {"open": opened, "high": np.maximum(opened, array), "low": np.minimum(opened, array),
            "close": array}


def stamp(ns: int) -> str:
    """Nanoseconds as the text that ``funding`` and ``liquidations`` take."""
    return str(np.datetime64(ns, "ns").astype("datetime64[ms]"))


def _pairs(rows: Iterable[tuple[str, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rows = list(rows)
    return (np.array([parse(at) for at, _ in rows], dtype=np.int64),
            np.array([value for _, value in rows], dtype=float))


def _funding(rows: Sequence[tuple[str, float]], hours: float | Sequence[float]) -> pa.Table:
    stamps, rates = _pairs(rows)
    return pa.table({"ts": stamps, "raw_ts": stamps, "available_at": stamps, "rate": rates,
                     "interval_h": np.broadcast_to(np.asarray(hours, float), len(rates))})


def _liquidations(rows: Sequence[Mapping[str, Any]], venue: str, symbol: str) -> pa.Table:
    filled = []
    for number, row in enumerate(rows, start=1):
        at = parse(row["ts"])
        usd = float(row["notional_usd"])
        filled.append({
            "venue": venue, "symbol": symbol, "qty_base": usd / 2_500.0, "price": 2_500.0,
            "price_basis": "bankruptcy", "completeness": "all", "provider": "test",
            "source_row": number, **row, "notional_usd": usd, "ts": at,
            "available_at": parse(row["available_at"]) if "available_at" in row else at,
        })
    if not filled:
        filled = _liquidations([{"ts": "1970-01-01", "liq_side": "long", "notional_usd": 0}],
                               venue, symbol).to_pylist()
        return pa.Table.from_pylist(filled).slice(0, 0)
    return pa.Table.from_pylist(sorted(filled, key=lambda row: row["ts"]))


def _forced(chance: np.random.Generator, bars: Arrays, first: int,
            step_ns: int) -> list[dict[str, Any]]:
    """Single liquidations inside the bars that moved most, at two venues."""
    move = np.log(bars["close"] / bars["open"])
    worst = np.argsort(-np.abs(move))[:max(len(move) // 20, 1)]
    rows: list[dict[str, Any]] = []
    for bar in np.sort(worst):
        for _ in range(int(chance.integers(1, 4))):
            at = first + int(bar) * step_ns + int(chance.integers(1, step_ns // 1_000_000)) * 10**6
            rows.append({"ts": stamp(at), "liq_side": "long" if move[bar] < 0 else "short",
                         "notional_usd": float(chance.integers(1_000, 500_000)),
                         "price": float(bars["close"][bar]),
                         "venue": "binance" if chance.random() < 0.3 else "bybit"})
    return rows
