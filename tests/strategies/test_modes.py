"""Every strategy in the folder: in every mode of the engine, and on data too short for it."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage.strategies import registry
from tests.markets import make_columns
from tests.strategies.runs import CONSTRUCTIVE, MODES, RISK, cascade_market, run


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("bars", [1, 2, 50])
def test_short_data_is_a_run_without_signals(name: str, bars: int) -> None:
    """Fewer bars than any warm-up: nothing is decided, nothing breaks."""
    columns = make_columns([3_000.0] * bars, liquidations=[
        {"ts": "2026-01-28T00:01", "liq_side": "long", "notional_usd": 1e6}],
        open_interest=[("2026-01-28T00:01", 2e6)])
    ran = run(registry.load(name), columns)
    if name not in ("buy_and_hold", "random_entry"):
        assert ran.wakes.size == 0


@pytest.mark.parametrize("name", registry.names())
def test_every_mode_gives_the_same_journal(name: str) -> None:
    """Stock and own engine, preload and runonce on or off: the same fills, bookings, snapshots."""
    columns = (cascade_market([(1_500, 40, 2_700.0), (1_700, 30, 2_500.0)], bars=2_400)
               if name == "cascade_exhaustion" else make_columns(np.append(CONSTRUCTIVE, RISK)))
    params = {"trades": 4, "hold": "1h"} if name == "random_entry" else {}
    journals = []
    for engine, preload, runonce in MODES:
        journal = run(registry.load(name), columns, engine=engine, preload=preload,
                      runonce=runonce, **params).broker.journal
        fills_without_refs = [(fill.bar, fill.size, fill.price, fill.reason, fill.fee)
                              for fill in journal.fills]
        journals.append((fills_without_refs, journal.entries, journal.snapshots,
                         journal.liquidations, journal.funding, journal.worst_equity))
    assert journals[0][0]
    # as text: a NaN (no liquidation price) equals itself there, in every version of Python
    assert all(repr(journal) == repr(journals[0]) for journal in journals)
