"""What the strategy tests share: runs in every mode, and SYNTHETIC markets shaped for a purpose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import backtrader as bt
import numpy as np

import deleverage as dl
from deleverage.columns import MarketColumns
from deleverage.timestamps import MINUTE, parse
from tests.markets import make_columns, stamp

START = "2026-01-28"
MODES = [(engine, preload, runonce) for engine in ("stock", "own")
         for preload in (True, False) for runonce in (True, False)]
MODES += [("dense", True, True), ("jump", True, True)]


def run(strategy: type[bt.Strategy], columns: MarketColumns, *, engine: str = "own",
        preload: bool = True, runonce: bool = True, broker: Any = None,
        sizer: Any = dl.sizers.MarginFraction, **params: Any) -> Any:
    """The strategy after a run on ``columns``: isolated, 10x, a fifth of equity as margin.

    ``engine``: stock, own (its mode auto), dense or jump.
    """
    cerebro = bt.Cerebro(preload=preload, runonce=runonce, stdstats=False) if engine == "stock" \
        else dl.Cerebro(preload=preload, runonce=runonce,
                        mode="auto" if engine == "own" else engine)
    cerebro.adddata(dl.feeds.PerpetualData(columns=columns))
    cerebro.setbroker(broker or dl.PerpetualBroker(leverage=10, missing="impute"))
    cerebro.addsizer(sizer)
    cerebro.addstrategy(strategy, **params)
    return cerebro.run()[0]


def fills(ran: Any) -> list[tuple[int, str, int, float]]:
    """(bar, reason of the exit or of the fill, side, price) of every fill."""
    return [(fill.bar, ran.exit_reasons.get(fill.order_ref, fill.reason),
             1 if fill.size > 0 else -1, fill.price) for fill in ran.broker.journal.fills]


def closes(*legs: tuple[int, float], start: float = 3_000.0) -> np.ndarray:
    """A path of straight legs (bars, price at their end), on the tick."""
    path = [start]
    for bars, end in legs:
        path += np.linspace(path[-1], end, bars + 1)[1:].tolist()
    return np.round(np.array(path), 2)


# down through the zone and to 2,360, an hour there, up through the zone to 3,000 and beyond
CONSTRUCTIVE = closes((10, 2_900), (60, 2_600), (40, 2_354), (70, 2_356), (80, 2_740), (60, 2_760),
                      (20, 2_830), (60, 2_980), (10, 3_010), (20, 3_100))
# the same, and then through 2,350
RISK = closes((10, 2_900), (60, 2_600), (40, 2_354), (70, 2_356), (40, 2_320), (60, 2_200))


def cascade_market(waves: Iterable[tuple[int, int, float]] = ((1_500, 40, 2_700.0),), *,
                   bars: int = 4_000, flush: float = 0.05, seed: int = 3) -> MarketColumns:
    """A SYNTHETIC market with background liquidations and waves (first bar, length, price after);
    each wave closes ``flush`` of the open interest, seen every minute."""
    chance = np.random.default_rng(seed)
    amount = np.where(chance.random(bars) < 0.3, chance.lognormal(8.0, 1.0, bars), 0.0)
    price, coins, level = np.full(bars, 3_000.0), np.full(bars, 2e6), 3_000.0
    for first, length, after in waves:
        amount[first:first + length] += 2e6
        price[first:first + length] = np.linspace(level, after, length)
        price[first + length:], level = after * 1.002, after
        coins[first:] = np.interp(np.arange(first, bars), [first, first + length],
                                  [coins[first], coins[first] * (1 - flush)])
    close_ns = parse(START) + MINUTE * np.arange(1, bars + 1)
    stamps = [stamp(int(at)) for at in close_ns]
    events = [{"ts": at, "liq_side": "long", "notional_usd": round(usd, 2)}
              for at, usd in zip(stamps, amount.tolist(), strict=True) if usd > 0]
    return make_columns(np.round(price, 2), start=START, liquidations=events,
                        open_interest=list(zip(stamps, coins.tolist(), strict=True)))
