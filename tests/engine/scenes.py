"""SYNTHETIC markets, accounts and plans of a strategy, as plain data that can be told again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deleverage.columns import MarketColumns
from deleverage.feeds.join import market_columns
from deleverage.timestamps import HOUR, SECOND, parse, parse_step
from deleverage.venues.ladder import Ladder
from tests.markets import make_market, stamp

START = "2026-02-03T22:00"  # two hours before a session ends and a settlement is due
LOT = 0.001
Floats = NDArray[np.float64]
Ohlc = tuple[float, float, float, float]
SHOCKS = ("gap", "crash", "wick", "last_wick", "mark_wick")


@dataclass(frozen=True)
class Shock:
    """Something sudden in one bar, in basis points: a jump of the open, a move of the whole bar, or
    a wick (below zero: downwards) of both prices, of last or of the mark alone."""

    bar: int
    kind: str
    bp: int


@dataclass(frozen=True)
class Series:
    """One instrument: a random walk on a coarse tick, so that levels are often met exactly.

    ``step`` is that of the bars the account walks; ``holes`` are bars without a trade at all,
    ``unmarked`` bars without a mark, ``mark_bars`` how many bars one row of the mark spans.
    ``hours`` between settlements (0: none are due), which come ``late`` seconds after the hour;
    ``unpaid`` are the numbers of those whose rate is not known. ``shown``: the strategy's bars of
    this one, where they are others than the scene's. ``contract`` are further fields of the
    instrument (``min_notional``), or other ones (``lot_size``).
    """

    symbol: str = "ETHUSDT"
    price: float = 3_000.0
    tick: float = 1.0
    step: str = "1m"
    bars: int = 240
    seed: int = 0
    volatility: int = 10  # basis points a bar
    basis: int = 3  # of the mark, basis points
    shocks: tuple[Shock, ...] = ()
    volume: int = 100
    idle: tuple[int, ...] = ()  # bars in which nothing trades
    holes: tuple[int, ...] = ()
    unmarked: tuple[int, ...] = ()
    mark_bars: int = 1
    hours: int = 1
    late: int = 0
    unpaid: tuple[int, ...] = ()
    start: str = START
    shown: str | None = None
    contract: tuple[tuple[str, float | None], ...] = ()

    def columns(self, venue: str) -> MarketColumns:
        """As columns for a feed, on the bars' own step."""
        chance = np.random.default_rng(self.seed)
        last, mark = self._prices(chance)
        volume = chance.integers(1, self.volume + 1, self.bars)
        volume[list(self.idle)] = 0
        contract: dict[str, Any] = {"lot_size": LOT, "tick_size": self.tick, **dict(self.contract)}
        market, tables = make_market(
            last, mark=_gathered(mark, self.mark_bars), volume=volume, step=self.step,
            start=self.start, funding=self._funding(chance) if self.hours else (),
            interval_h=float(self.hours or 8), symbol=self.symbol, venue=venue, **contract,
            mark_step=f"{parse_step(self.step) * self.mark_bars // SECOND}s",
            liquidations=[{"ts": stamp(parse(self.start) + (shock.bar + 1) * parse_step(self.step)),
                           "liq_side": "long" if shock.bp < 0 else "short",
                           "notional_usd": abs(shock.bp) * 1_000.0} for shock in self.shocks])
        bars, marks = np.ones(self.bars, bool), np.ones(self.bars // self.mark_bars, bool)
        bars[list(self.holes)] = False
        marks[[bar // self.mark_bars for bar in self.unmarked]] = False
        tables["bars"] = tables["bars"].filter(bars)
        tables["mark"] = tables["mark"].filter(marks)
        return market_columns(market, tables)

    def _prices(self, chance: np.random.Generator) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Last and mark: each bar opens where the one before closed, but for gaps."""
        moves = chance.standard_normal(self.bars) * self.volatility
        gaps = np.where(chance.random(self.bars) < 0.05,
                        chance.standard_normal(self.bars) * 2 * self.volatility, 0.0)
        wicks = np.abs(chance.standard_normal((2, self.bars))) * self.volatility
        mark_wicks = wicks * chance.random((2, self.bars))
        for shock in self.shocks:
            if shock.kind == "gap":
                gaps[shock.bar] += shock.bp
            elif shock.kind == "crash":
                moves[shock.bar] += shock.bp
            else:
                for name, each in (("mark_wick", wicks), ("last_wick", mark_wicks)):
                    if shock.kind != name:
                        each[int(shock.bp < 0), shock.bar] += abs(shock.bp)
        paths = np.cumprod(np.ravel(np.column_stack((1 + gaps / 1e4, 1 + moves / 1e4))))
        opened: Floats = np.asarray(self.price * paths[::2], dtype=np.float64)
        close: Floats = np.asarray(self.price * paths[1::2], dtype=np.float64)
        basis = 1 + chance.standard_normal(self.bars) * self.basis / 1e4
        return (self._bars(opened, close, wicks),
                self._bars(opened * basis, close * basis, mark_wicks))

    def _bars(self, opened: Floats, close: Floats, wicks: Floats) -> dict[str, Floats]:
        rows = {"open": opened, "high": np.maximum(opened, close) * (1 + wicks[0] / 1e4),
                "low": np.minimum(opened, close) * (1 - wicks[1] / 1e4), "close": close}
        return {name: np.round(np.maximum(row, self.tick) / self.tick) * self.tick
                for name, row in rows.items()}

    def _funding(self, chance: np.random.Generator) -> list[tuple[str, float]]:
        first, step = parse(self.start), self.hours * HOUR
        end = first + self.bars * parse_step(self.step)
        due = np.arange(first // step + 1, end // step + 1) * step + self.late * SECOND
        due = due[due <= end]
        rates = np.round(chance.standard_normal(len(due)) * 2e-4, 6)
        return [(stamp(int(at)), float(rate)) for number, (at, rate) in
                enumerate(zip(due, rates, strict=True)) if number not in self.unpaid]


def _gathered(rows: dict[str, Floats], count: int) -> dict[str, Floats]:
    """Rows of ``count`` bars each."""
    if count == 1:
        return rows
    shaped = {name: row[:len(row) // count * count].reshape(-1, count)
              for name, row in rows.items()}
    return {"open": shaped["open"][:, 0], "high": shaped["high"].max(axis=1),
            "low": shaped["low"].min(axis=1), "close": shaped["close"][:, -1]}


@dataclass(frozen=True)
class Rows:
    """One instrument told bar by bar: ``told`` has (open, high, low, close) of the bars in which
    something happens, between them the price stands still where the last one left it.

    ``mark`` likewise, of the bars whose mark is not the last price; ``funding`` are the bars at
    whose close a settlement is due (4.5: in the middle of bar 5), ``unmarked`` and ``idle`` those
    without a mark and a trade.
    """

    told: Mapping[int, Ohlc] = field(default_factory=dict)
    bars: int = 40
    symbol: str = "ETHUSDT"
    price: float = 100.0
    step: str = "1m"
    mark: Mapping[int, Ohlc] = field(default_factory=dict)
    funding: tuple[float, ...] = ()
    unmarked: tuple[int, ...] = ()
    idle: tuple[int, ...] = ()
    start: str = START
    holes: tuple[int, ...] = ()
    shown: str | None = None

    def columns(self, venue: str) -> MarketColumns:
        """As columns for a feed, on the bars' own step."""
        last, price = [], self.price
        for bar in range(self.bars):
            last.append(self.told.get(bar, (price,) * 4))
            price = last[-1][3]
        step = parse_step(self.step)
        market, tables = make_market(
            last, mark=[self.mark.get(bar, row) for bar, row in enumerate(last)], step=self.step,
            start=self.start, symbol=self.symbol, venue=venue, lot_size=LOT, tick_size=0.01,
            volume=[0.0 if bar in self.idle else 1_000.0 for bar in range(self.bars)],
            funding=[(stamp(parse(self.start) + round((bar + 1) * step)), 0.0001)
                     for bar in self.funding], interval_h=1.0)
        kept = np.ones(self.bars, bool)
        kept[list(self.unmarked)] = False
        tables["mark"] = tables["mark"].filter(kept)
        there = np.ones(self.bars, bool)
        there[list(self.holes)] = False
        tables["bars"] = tables["bars"].filter(there)
        return market_columns(market, tables)


@dataclass(frozen=True)
class Move:
    """One thing a strategy does. Prices are basis points from the last one, in the direction of
    ``side`` (+1 buys); ``share`` is of cash × leverage.

    ``kind``: market, limit, stop, stop_limit, trail, trail_limit, at_close, bracket, oco, close,
    cancel, leverage, margin, cash. ``entry`` is that of a bracket's parent, ``trailing`` gives it a
    trailing stop; ``number`` chooses an open order, a leverage or an amount.
    """

    kind: str
    side: int = 1
    share: float = 0.2
    near: int = 10
    far: int = 30
    feed: int = 0
    minutes: int | None = None  # how long it is valid; 0: to the end of the day
    exits: int | None = None  # how long, in minutes, a bracket's stop is
    mark: bool = False  # triggered by the mark
    percent: bool = False  # trails by a share, not an amount
    reduce_only: bool = False
    entry: str = "market"
    trailing: bool = False
    number: int = 0


Moves = tuple[Move, ...]


@dataclass(frozen=True)
class Plan:
    """What a strategy does and when.

    ``wakes`` while flat; in position it asks for the bar ``holds`` later (None: for none), taken in
    turn. At each bar it asked for it does the next of ``moves``, in turn. ``replies`` are what it
    does on the n-th notification of a kind (order, trade, liquidation, funding), on the n-th
    ``act()`` that only a notification brought (told) and before the first bar (start); after the
    last of them, nothing. ``period``
    > 0: it holds an indicator of that many bars.
    """

    wakes: tuple[int, ...] = ()
    holds: tuple[int | None, ...] = (None,)
    moves: tuple[Moves, ...] = ((),)
    replies: Mapping[str, tuple[Moves, ...]] = field(default_factory=dict)
    period: int = 0


@dataclass(frozen=True)
class Scene:
    """Markets, on one clock or each on its own, the account's terms (the broker's own parameters)
    and a plan, whose bars are those of the first market.

    ``step``: the strategy's bars, where they are gathered from the series' own. ``changes``: ladder
    changes (UTC ns, ladder), in place of those the venue is known for. ``feed``: further parameters
    of the feeds, such as date limits.
    """

    series: tuple[Series | Rows, ...]
    plan: Plan
    account: Mapping[str, Any] = field(default_factory=dict)
    step: str | None = None
    changes: tuple[tuple[int, Ladder], ...] = ()
    feed: Mapping[str, Any] = field(default_factory=dict)
