"""Laws of the books over whole lives of an account: what it says, its journal says too.

Every life is played by the broker on drawn SYNTHETIC markets: each venue and its procedure, both
margin modes, one and two instruments on equal and unequal clocks, both sides at once, latency,
outages, volume limits, auto-deleveraging. 100 examples each by default, 2,000 under the slow
marker, always the same ones, so that what is counted over them holds in every run.
"""

from __future__ import annotations

import math
from typing import Any

from deleverage.statistics.curves import account_curves
from tests.account.generated import EXAMPLES, Scene, hold, scenes
from tests.account.lives import Life, Tally, live
from tests.account.replay import differences, positions, turnover


@EXAMPLES
def test_wallet_is_the_journal_and_equity_the_wallet_and_what_is_unrealised(examples: int) -> None:
    """At every close, by the entries and fills of the journal up to it and the market's own mark.
    """
    tally = Tally()

    def law(scene: Scene) -> None:
        life = live(scene)
        journal, hedge = life.journal, scene.account["hedge"]
        near = 1e-12 * turnover(journal) + 1e-9
        marks: dict[str, float] = {}
        for seen in life.seen:
            marks |= {symbol: life.mark(symbol, bar) for symbol, bar in seen.bars.items()
                      if bar >= 0}
            wallet = math.fsum(entry.amount for entry in journal.entries[:seen.entries])
            assert abs(seen.state.wallet - wallet) <= near
            fills = journal.fills[:seen.fills]
            symbols: dict[Any, str] = {
                fill.position if hedge else fill.symbol: fill.symbol for fill in fills}
            unrealised = math.fsum(held.size * (marks[symbols[key]] - held.entry)
                                   for key, held in positions(fills, hedge).items())
            assert abs(seen.value - wallet - unrealised) <= near
        _check_curves(life, near)
        tally.note(life)

    hold(law, examples, scenes())
    tally.check()


def _check_curves(life: Life, near: float) -> None:
    """The curves that are rebuilt from the journal say at each close what the account said."""
    first, *others = life.columns.values()
    curves = account_curves(life.journal, first, others, clock="union")
    at = dict(zip(curves.close_ns.tolist(), curves.equity.tolist(), strict=True))
    wallet = dict(zip(curves.close_ns.tolist(), curves.wallet.tolist(), strict=True))
    for seen in life.seen:
        assert abs(at[seen.ts] - seen.value) <= near
        assert abs(wallet[seen.ts] - seen.state.wallet) <= near


@EXAMPLES
def test_replaying_the_journal_gives_the_account(examples: int) -> None:
    """Wallet and margins from the entries, sizes and entry prices from the fills, at every close
    and at the end."""
    tally = Tally()

    def law(scene: Scene) -> None:
        life = live(scene)
        journal, hedge = life.journal, scene.account["hedge"]
        near = 1e-12 * turnover(journal) + 1e-9
        for seen in life.seen:
            assert not differences(seen.state, journal.entries[:seen.entries],
                                   journal.fills[:seen.fills], hedge, near)
        assert not differences(life.state, journal.entries, journal.fills, hedge, near)
        tally.note(life)

    hold(law, examples, scenes())
    tally.check()
