"""The job all benchmarks share: a SYNTHETIC year of one-minute bars with forty cascades.

Student-t returns pulled to 2,800, prices on a tick of 0.01, background liquidations in whole
dollars, and one cascade in each of forty equal slots: a fall, millions of long liquidations with a
decaying tail, a bounce. Whole dollars make rolling sums exact in float64, so that every engine sees
the same signals bit for bit. The same :class:`Job` gives the same market everywhere.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deleverage.columns import MarketColumns
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.join import market_columns
from deleverage.feeds.writing import write_dataset
from deleverage.instrument import Instrument
from deleverage.market import Market
from deleverage.timestamps import HOUR, MINUTE, parse, parse_step

Floats = NDArray[np.float64]

START = "2025-02-01"
LEVEL, PULL, VOLATILITY = 2_800.0, 1.2e-5, 0.00065  # per one-minute bar
LENGTH, FALL, BOUNCE = (15, 69), (0.03, 0.12), (-0.02, 0.06)  # minutes; shares of the price
FORCED, TAIL, IN_TAIL = (5e6, 63e6), 120, 0.15  # USD of a cascade; minutes; share in the tail
BACKGROUND, SIZE = 0.15, (7.5, 1.3)  # share of minutes with one; log-normal, USD
SETTLEMENT = 8 * HOUR


@dataclass(frozen=True)
class Job:
    """Which market to make: ``bars`` with ``cascades`` in them, then ``quiet`` bars without."""

    bars: int = 525_600
    cascades: int = 40
    quiet: int = 0
    step: str = "1m"
    seed: int = 20260131

    @property
    def per_minute(self) -> int:
        """Bars in a minute."""
        return MINUTE // parse_step(self.step)


YEAR = Job()
FIVE_YEARS = Job(quiet=4 * YEAR.bars)  # the same year, and four in which nothing is liquidated
BUSY_YEAR = Job(cascades=400)
MONTH_OF_SECONDS = Job(bars=30 * 86_400, cascades=20, step="1s")


@dataclass(frozen=True)
class Bars:
    """The raw arrays of a job, one element a bar: prices, coins traded, USD liquidated."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    mark: Floats  # factor of the mark on last
    longs: Floats  # whole dollars
    shorts: Floats


def bars_of(job: Job) -> Bars:
    """Prices and liquidations of a job, the same for the same job.

    The quiet bars are drawn apart and appended: the bars before them do not depend on their number.
    """
    first = _stretch(job.seed, job.bars, job.cascades, job.per_minute, LEVEL)
    if not job.quiet:
        return first
    rest = _stretch(job.seed + 1, job.quiet, 0, job.per_minute, float(first.close[-1]))
    return Bars(**{name: np.concatenate([column, getattr(rest, name)])
                   for name, column in vars(first).items()})


def market_of(job: Job) -> tuple[Market, dict[str, pa.Table]]:
    """A job as a market with its canonical tables."""
    bars, step, first = bars_of(job), parse_step(job.step), parse(START)
    close_ns = first + step * np.arange(1, len(bars.close) + 1, dtype=np.int64)
    prices = {name: getattr(bars, name) for name in ("open", "high", "low", "close")}
    tables = {
        "bars": pa.table({"close_ns": close_ns, **prices, "volume": bars.volume}),
        "mark": pa.table({"close_ns": close_ns, **{name: column * bars.mark
                                                   for name, column in prices.items()}}),
        "funding": _funding(job, first, int(close_ns[-1])),
        "liquidations": _events(bars, close_ns, step),
    }
    instrument = Instrument("ETHUSDT", "binance", base="ETH", tick_size=0.01, lot_size=0.001)
    market = Market(instrument, step, first, int(close_ns[-1]), synthetic=True,
                    name="SYNTHETIC benchmark market", mark_step_ns=step,
                    notes=MappingProxyType({"job": repr(job)}))
    return market, tables


def columns_of(job: Job) -> MarketColumns:
    """A job in memory, without a dataset: for small ones."""
    return market_columns(*market_of(job))


def dataset_of(job: Job) -> Dataset:
    """A job as a dataset on disk with a column cache beside it; made once for each content.

    It lies in a folder of the user's own below the system's temporary one, named by what it was
    made from: the job and the code of this file.
    """
    made_from = Path(__file__).read_bytes() + repr(job).encode()
    key = hashlib.sha256(made_from).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"deleverage-benchmarks-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    path = home / key
    dataset = Dataset.open(path) if path.is_dir() else write_dataset(path, *market_of(job))
    dataset.columns()
    return dataset


def _stretch(seed: int, bars: int, cascades: int, per_minute: int, start: float) -> Bars:
    """``bars`` bars from price ``start`` with their cascades in equal slots."""
    chance = np.random.default_rng(seed)
    noise = chance.standard_t(5, bars) * (VOLATILITY / math.sqrt(5 / 3 * per_minute))
    wicks = np.abs(chance.standard_normal((2, bars))) * (VOLATILITY / 2 / math.sqrt(per_minute))
    gaps = chance.standard_normal(bars) * 5e-5
    mark = 1 + chance.standard_normal(bars) * 1e-4
    volume = np.round(chance.lognormal(3.0, 1.0, bars), 3)
    longs, shorts = (np.where(chance.random(bars) < BACKGROUND / per_minute,
                              np.rint(chance.lognormal(*SIZE, bars)), 0.0) for _ in "ls")
    for cascade in _cascades(chance, bars, cascades, per_minute):
        noise[cascade.first:cascade.first + len(cascade.moves)] += cascade.moves
        longs[cascade.first:cascade.first + len(cascade.usd)] += cascade.usd
    # as many more cascades in a stretch of time pull the price down, as much harder it is held
    pull = PULL / per_minute * max(1.0, cascades / bars * per_minute / (YEAR.cascades / YEAR.bars))
    keep, home = 1 - pull, pull * math.log(LEVEL)
    path = accumulate(noise.tolist(), lambda at, move: at * keep + home + move,
                      initial=math.log(start))
    close = np.round(np.exp(np.fromiter(path, float, bars + 1)), 2)
    before, close = close[:-1], close[1:]
    opened = np.round(before * (1 + gaps), 2)
    high = np.round(np.maximum(opened, close) * (1 + wicks[0]), 2)
    low = np.round(np.minimum(opened, close) * (1 - wicks[1]), 2)
    return Bars(opened, high, low, close, volume, mark, longs, shorts)


@dataclass(frozen=True)
class _Cascade:
    """One cascade: its first bar, log returns on top of the noise, USD of long liquidations."""

    first: int
    moves: Floats
    usd: Floats


def _cascades(chance: np.random.Generator, bars: int, count: int,
              per_minute: int) -> Iterator[_Cascade]:
    """One cascade at a random place of each of ``count`` equal slots."""
    slot, tail = bars // max(count, 1), TAIL * per_minute
    for number in range(count):
        length = int(chance.integers(LENGTH[0], LENGTH[1] + 1)) * per_minute
        first = number * slot + int(chance.integers(0, slot - length - tail))
        fall, bounce = chance.uniform(*FALL), chance.uniform(*BOUNCE)
        within = chance.exponential(1.0, length)
        decay = np.exp(-np.arange(tail) / (tail / 4))
        decay /= decay.sum()
        moves = np.concatenate([math.log1p(-fall) * within / within.sum(),
                                math.log1p(bounce) * decay])
        total = chance.uniform(*FORCED)
        share = chance.exponential(1.0, length)
        usd = np.concatenate([(1 - IN_TAIL) * total * share / share.sum(),
                              IN_TAIL * total * decay])
        yield _Cascade(first, moves, np.rint(usd))


def _funding(job: Job, first: int, last: int) -> pa.Table:
    due = np.arange(first // SETTLEMENT + 1, last // SETTLEMENT + 1, dtype=np.int64) * SETTLEMENT
    rate = np.round(np.random.default_rng(job.seed + 2).normal(5e-5, 1e-4, len(due)), 8)
    return pa.table({"ts": due, "raw_ts": due, "available_at": due, "rate": rate,
                     "interval_h": np.full(len(due), 8.0)})


def _events(bars: Bars, close_ns: NDArray[np.int64], step: int) -> pa.Table:
    """One liquidation for each bar and side with any, in the middle of its bar."""
    bar = np.concatenate([np.flatnonzero(bars.longs), np.flatnonzero(bars.shorts)])
    side = np.repeat(["long", "short"], [np.count_nonzero(bars.longs),
                                         np.count_nonzero(bars.shorts)])
    usd = np.where(side == "long", bars.longs[bar], bars.shorts[bar])
    order = np.argsort(bar, kind="stable")
    bar, side, usd = bar[order], side[order], usd[order]
    at, price = close_ns[bar] - step // 2, bars.close[bar]
    same: dict[str, Any] = {"venue": "binance", "symbol": "ETHUSDT", "price_basis": "fill",
                            "completeness": "all", "provider": "benchmark"}
    return pa.table({
        "ts": at, "available_at": at, "qty_base": usd / price, "price": price,
        "notional_usd": usd, "liq_side": side,
        "source_row": np.arange(1, len(bar) + 1),
        **{name: np.full(len(bar), text) for name, text in same.items()}})
