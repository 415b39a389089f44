"""The detectors on the real event of 31 January 2026 (Bybit five-minute bars, Binance OI)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deleverage.detectors import (
    CascadeConfig,
    LevelRules,
    cascade_events,
    level_events,
    level_history,
    parse_levels,
    share_closed,
)
from deleverage.timestamps import MINUTE

pytestmark = pytest.mark.real
LEVELS = parse_levels("2350,2750-2800,3000")


@pytest.fixture(scope="module")
def bars(reference: Path) -> pd.DataFrame:
    """Bybit ETH five-minute bars; ``at`` is the OPEN time, as the event is told."""
    frame = pd.read_feather(
        reference / "data/freqtrade_bybit/futures/ETH_USDT_USDT-5m-futures.feather")
    frame["at"] = frame.date.dt.strftime("%m-%d %H:%M").where(frame.date.dt.year == 2026, "")
    return frame


def arrays(frame: pd.DataFrame, *names: str) -> list[np.ndarray]:
    """Columns as float arrays."""
    return [frame[name].to_numpy(dtype=float) for name in names]


def test_the_sweep_of_2350(bars: pd.DataFrame) -> None:
    """The 18:40 bar swept 2,350 by 4.8 % and closed above it: by wick an attempt that is accepted
    at 18:55, by close nothing was ever lost that day."""
    day = bars[bars.date.dt.strftime("%Y-%m-%d") == "2026-01-31"]
    columns = arrays(day, "high", "low", "close")
    told = {arm: [(day["at"].iloc[event.bar][6:], event.kind)
                  for event in level_events(LEVELS[0], LevelRules(arm=arm), *columns)]
            for arm in ("close", "wick")}
    assert told["wick"][:6] == [
        ("17:10", "tested"), ("17:20", "stood"), ("18:35", "tested"), ("18:40", "swept"),
        ("18:40", "touch"), ("18:55", "accepted")]
    assert {kind for _, kind in told["close"]} == {"tested", "stood"}


def test_no_reclaim_above_after_the_event(bars: pd.DataFrame) -> None:
    """From 31 January 18:45 to the end of the file 2,750–2,800 and 3,000 are never touched."""
    after = bars[bars.date >= "2026-01-31 18:45"]
    high, low, close = arrays(after, "high", "low", "close")
    line, zone, top = level_history(LEVELS, high, low, close)
    assert zone.outcome == top.outcome == "never"
    assert line.accepted
    assert line.failed


@pytest.mark.parametrize(("delay", "expected"), [
    (0, [("16:55", "start", False), ("18:10", "exhausted", False), ("18:40", "resume", False),
         ("20:05", "exhausted", True)]),
    (1, [("17:00", "start", False), ("18:10", "exhausted", False), ("18:45", "resume", False),
         ("20:10", "exhausted", True)]),
])
def test_cascade_seen_in_open_interest(bars: pd.DataFrame, reference: Path, delay: int,
                                       expected: list[tuple[str, str, bool]]) -> None:
    """Coins closed at Binance: a start before 17:00, called exhausted after the first floor without
    a flush (so unconfirmed), taken back at the 18:40 wick, confirmed after 20:00; the same with
    snapshots published one step late, a step later."""
    oi = pd.read_csv(reference / "data/binance_oi_funding/ETHUSDT_oi_5m.csv")
    known = pd.Series(oi.oi.to_numpy(), index=(oi.t // 300_000 * 300).to_numpy())
    close_s = (bars.date.dt.tz_localize(None).astype("datetime64[s]").astype(np.int64) + 300)
    coins = known.reindex(close_s - 300 * delay).to_numpy()
    low, close = arrays(bars, "low", "close")
    config = CascadeConfig.closing().for_step(5 * MINUTE)
    events = cascade_events(config, low, share_closed(coins), coins, close)
    day = [(bars["at"].iloc[event.bar][6:], event.kind, event.confirmed) for event in events
           if bars["at"].iloc[event.bar].startswith("01-31")]
    assert day == expected
