"""The scenario's canonical tables (pandas) and what it says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deleverage.instrument import Instrument
from deleverage.market import Coverage, Market
from deleverage.scenarios import venues
from deleverage.scenarios.funding import INTERVAL, settlements
from deleverage.scenarios.path import Floats
from deleverage.scenarios.presets import CASCADE, FORK, HISTORY, Preset
from deleverage.scenarios.simulation import (
    ALL_VENUES,
    BINANCE_ONLY,
    TARGETS,
    Simulation,
    totals,
)
from deleverage.scenarios.streams import SEED, stream
from deleverage.timestamps import HOUR, MINUTE, SECOND

PROVIDER = "synthetic"
_SNAPSHOT = 5  # minutes between two reports of open interest
_SNAPSHOT_DELAY = 20 * SECOND

_SHAPE = (
    "SYNTHETIC, made by deleverage.scenarios, not market data. Preset shape 'seed': the source "
    "documents' fall from the 3,000 zone to about 2,350 in one day. Real exchanges fell in two "
    "legs from 29 to 31 January 2026 and none has seen 2,750 or 3,000 again by July 2026.")
_IMPOSED = (
    "The fall is imposed by anchors, liquidations follow the path and have no effect on it; "
    "nothing here is evidence about the market.")
_SCALING = (
    "Long liquidations of 2026-01-31 (calendar day UTC). Shares, tiers and sizes were chosen so "
    "that the raw model comes near the documents' totals; all liquidation sizes of a venue group "
    "are then multiplied by its remaining factor.")


def tables(made: Simulation, preset: Preset) -> dict[str, pd.DataFrame]:
    """bars, mark, funding, open_interest and liquidations of the shown range."""
    shown = slice(made.first, None)
    prices = made.prices
    close_ns = prices.open_ns[shown] + MINUTE
    last, mark = prices.last, prices.mark
    return {
        "bars": pd.DataFrame({
            "close_ns": close_ns, "open": last.open[shown], "high": last.high[shown],
            "low": last.low[shown], "close": last.close[shown],
            "volume": _volume(made, preset)[shown], "index_close": prices.index_close[shown]}),
        "mark": pd.DataFrame({
            "close_ns": close_ns, "open": mark.open[shown], "high": mark.high[shown],
            "low": mark.low[shown], "close": mark.close[shown]}),
        "funding": _funding(made),
        "open_interest": _open_interest(made),
        "liquidations": _liquidations(made),
    }


def market(made: Simulation, preset: Preset) -> Market:
    """Instrument, range, provenance, coverage per venue and every factor that was applied."""
    start = int(made.prices.open_ns[made.first])
    end = int(made.prices.open_ns[-1]) + MINUTE
    covers = [Coverage(table, "binance", PROVIDER, start, end, "all")
              for table in ("bars", "mark", "funding", "open_interest")]
    covers += [Coverage("liquidations", feed.name, PROVIDER, start, end, feed.completeness)
               for feed in venues.FEEDS]
    origin = (f"SYNTHETIC, deleverage.scenarios, preset {preset.name}, shaped after documents on "
              f"ETH's liquidation cascade of {CASCADE}")
    provenance = dict.fromkeys(("bars", "mark", "funding", "open_interest", "liquidations"), origin)
    return Market(
        Instrument("ETHUSDT", "binance", tick_size=.01, lot_size=.001, min_notional=20.0),
        step_ns=MINUTE, start_ns=start, end_ns=end, synthetic=True,
        name=f"ETH cascade {CASCADE} ({preset.name})", mark_step_ns=MINUTE,
        provenance=MappingProxyType(provenance), coverage=tuple(covers),
        notes=MappingProxyType(_notes(made, preset)))


def _notes(made: Simulation, preset: Preset) -> dict[str, Any]:
    def millions(usd: float) -> float:
        return round(usd / 1e6, 3)

    happened = totals(made.orders)
    return {
        "warning": _SHAPE, "path": _IMPOSED, "shape": "seed", "story": preset.story,
        "forks_at": FORK, "seed": SEED,
        "liquidations": {
            "about": _SCALING,
            "target_musd": {"all": millions(ALL_VENUES), "binance": millions(BINANCE_ONLY)},
            "before_scaling_musd": {
                "all": millions(sum(made.before_scaling.values())),
                **{group: millions(usd) for group, usd in made.before_scaling.items()}},
            "factors": {group: round(made.factors[group], 6) for group in TARGETS},
            "happened_musd": {  # published or not; what only a synthetic market can tell
                "all": millions(sum(happened.values())), "binance": millions(happened["binance"])},
            "okx": "each order is published with probability 0.6: an assumption",
        },
    }


def _volume(made: Simulation, preset: Preset) -> Floats:
    """Coins traded: a flow that grows faster than the minute's range, and forced orders."""
    last = made.prices.last
    draws = np.concatenate([stream("volume", part.name).standard_normal(part.minutes)
                            for part in (HISTORY, preset.continuation)])
    reach = last.high / last.low - 1
    quiet = (600 + 7e5 * reach * (1 + reach / .004)) * np.exp(.45 * draws - .1)
    mine = made.orders.venue == venues.BINANCE
    forced = np.bincount(made.orders.minute[mine], weights=made.orders.qty[mine],
                         minlength=len(made.prices))
    return (quiet + 2.2 * forced).round(3)


def _funding(made: Simulation) -> pd.DataFrame:
    stamps, rates = settlements(made.prices, int(made.prices.open_ns[made.first]))
    return pd.DataFrame({"ts": stamps, "raw_ts": stamps, "available_at": stamps, "rate": rates,
                         "interval_h": np.full(len(stamps), INTERVAL / HOUR)})


def _open_interest(made: Simulation) -> pd.DataFrame:
    """Snapshots every five minutes, the first at the open of the first bar."""
    at = np.arange(made.first - 1, len(made.prices), _SNAPSHOT)
    ts = made.prices.open_ns[at] + MINUTE
    coins = np.round(made.open_interest[at], 3)
    return pd.DataFrame({"ts": ts, "available_at": ts + _SNAPSHOT_DELAY, "oi_base": coins,
                         "oi_usd": np.round(coins * made.prices.mark.close[at], 2)})


def _liquidations(made: Simulation) -> pd.DataFrame:
    """The reported orders; ``source_row`` is their row among all orders, published or not."""
    row = np.flatnonzero(made.reported)
    orders = made.orders.picked(row)
    kinds = [feed.completeness for feed in venues.FEEDS]
    names = sorted(set(kinds))
    kind = np.array([names.index(kind) for kind in kinds])[orders.venue]
    return pd.DataFrame({
        "ts": orders.ts, "available_at": made.available_at[row],
        "venue": _category(orders.venue, venues.NAMES),
        "symbol": _category(np.zeros(len(orders), np.int8), ["ETHUSDT"]),
        "liq_side": _category(np.where(orders.side > 0, 0, 1), ["long", "short"]),
        "qty_base": orders.qty, "price": orders.price,
        "price_basis": _category(np.zeros(len(orders), np.int8), ["bankruptcy"]),
        "notional_usd": np.round(orders.notional, 2), "completeness": _category(kind, names),
        "provider": _category(np.zeros(len(orders), np.int8), [PROVIDER]),
        "source_row": row, "leverage": orders.leverage, "entry_price": orders.entry,
    })


def _category(codes: NDArray[Any], names: Sequence[str]) -> Any:
    """A text column written as numbers of ``names``: 100,000 strings are slow to make."""
    return pd.Categorical.from_codes(codes, pd.Index(list(names)))
