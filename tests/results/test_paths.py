"""Two path policies of one run: where the accounts part, and that only then they differ."""

from __future__ import annotations

import dataclasses

import backtrader as bt
import pytest

from deleverage.errors import UsageError
from deleverage.journal import FundingPayment
from deleverage.paths import Did, Scenarios, both, part
from deleverage.spec import RunSpec
from tests.markets import make_columns
from tests.results.markets import Wobbler, wobble

# bars 2 and 5 reach both the target at 2,410 and the stop at 2,390
ROWS = [(2_400, 2_401, 2_399, 2_400), (2_400, 2_401, 2_399, 2_400), (2_400, 2_415, 2_385, 2_400),
        (2_400, 2_401, 2_399, 2_400), (2_400, 2_401, 2_399, 2_400), (2_400, 2_415, 2_385, 2_400),
        (2_400, 2_401, 2_399, 2_400)]
SPEC = RunSpec(data="test", strategy="bracketed", slippage_bp=0.0, leverage=2.0, notional=2_400.0)


class Bracketed(bt.Strategy):  # type: ignore[misc]
    """Buys at the bars given, with a stop and a target ten dollars away."""

    params = (("bars", (0, 3)),)

    def next(self) -> None:
        """One bracket at each of its bars."""
        if len(self) - 1 in self.p.bars:
            self.buy_bracket(exectype=bt.Order.Market, stopprice=2_390.0, limitprice=2_410.0)


def scenarios(**params: object) -> Scenarios:
    return both(SPEC.changed(params=params), make_columns(ROWS), Bracketed)


def test_the_first_bar_that_decides_differently_is_marked() -> None:
    """In bar 2 the adverse account is stopped out and the favourable one has its target; the second
    bracket parts again in bar 5, as its prices do."""
    found = scenarios(bars=(0, 3))
    first, later = found.partings
    assert (first.bar, first.first) == (2, True)
    assert (later.bar, later.first) == (5, False)
    assert first.ts == int(make_columns(ROWS).close_ns[2])
    assert first.one == (Did("stop", "ETHUSDT", "sell", 1.0, 2_390.0, 0.0),)
    assert first.other == (Did("limit", "ETHUSDT", "sell", 1.0, 2_410.0, 0.0),)
    assert found.adverse.spec.path == "adverse"
    assert found.favourable.spec.path == "favourable"
    assert found.adverse.statistics["performance"]["net"] < 0 < \
        found.favourable.statistics["performance"]["net"]


def test_sizes_alone_do_not_part_accounts_that_have_parted() -> None:
    """After the first parting equity differs, and so do sizes: what is done counts, not how much;
    before it a difference of size alone counts."""
    sized = SPEC.changed(margin_fraction=0.5, params={"bars": (0, 3)})
    found = both(sized, make_columns([*ROWS[:5], *ROWS[:1] * 2]), Bracketed)
    fills = [[fill.size for fill in run.journal.fills] for run in (found.adverse, found.favourable)]
    assert len(fills[0]) == len(fills[1]) == 3
    assert fills[0][2] != fills[1][2]
    assert [item.bar for item in found.partings] == [2]
    journal = found.adverse.journal
    larger = dataclasses.replace(journal, fills=[
        dataclasses.replace(journal.fills[0], size=9.0), *journal.fills[1:]])
    changed = dataclasses.replace(found.adverse, journal=larger)
    assert [item.bar for item in part(found.adverse, changed)] == [1]


def test_a_settlement_on_another_size_parts_them() -> None:
    """Funding charged on what only one still held is a parting though no fill differs."""
    run = scenarios(bars=(0,)).adverse
    ts = run.journal.fills[0].ts
    paid = FundingPayment(1, ts - 30 * 10**9, "ETHUSDT", 1.0, 2_400.0, 1e-4, -0.24, "free",
                          "settled", 1)
    other = dataclasses.replace(run, journal=dataclasses.replace(run.journal, funding=[paid]))
    (found,) = part(run, other)
    assert (found.bar, found.ts) == (1, ts)
    assert found.other[0] == Did("funding", "ETHUSDT", "long", 1.0, 2_400.0, 1.0)
    assert len(found.other) == len(found.one) + 1


def test_a_liquidation_is_told_with_its_stage() -> None:
    """A forced close of one account alone stands in the list, with what the other did."""
    result, columns = wobble(4, bars=600, leverage=50.0, margin_fraction=0.6)
    found = both(result.spec, columns, Wobbler)
    events = found.adverse.journal.liquidations
    assert events
    stages = {f"liquidation ({event.stage})" for run in (found.adverse, found.favourable)
              for event in run.journal.liquidations}
    told = {did.what for item in found.partings for did in (*item.one, *item.other)}
    assert {what for what in told if what.startswith("liquidation")} <= stages


@pytest.mark.parametrize("seed", range(6))
def test_until_the_first_parting_everything_is_the_same(seed: int) -> None:
    """Random runs: every record before the first parting is equal but for order numbers, and with
    itself no run parts."""
    result, columns = wobble(seed, bars=900, leverage=25.0, params={"every": 8})
    found = both(result.spec, columns, Wobbler)
    until = found.partings[0].ts if found.partings else 2**62
    lives = [[dataclasses.replace(fill, order_ref=0) for fill in run.journal.fills
              if fill.ts < until] for run in (found.adverse, found.favourable)]
    assert repr(lives[0]) == repr(lives[1])
    entries = [[entry for entry in run.journal.entries if entry.ts < until]
               for run in (found.adverse, found.favourable)]
    assert entries[0] == entries[1]
    assert [item.first for item in found.partings] == [True, *[False] * 10_000][
        :len(found.partings)]
    assert part(found.adverse, found.adverse) == ()


def test_runs_that_cannot_part_are_refused() -> None:
    """Other data or another strategy: nothing to compare bar by bar."""
    run = scenarios(bars=(0,)).adverse
    other = both(SPEC, make_columns(ROWS[:5]), Bracketed).adverse
    with pytest.raises(UsageError, match="cannot part: their data differ"):
        part(run, other)
    renamed = dataclasses.replace(run, provenance=dataclasses.replace(
        run.provenance, strategy="Other"))
    with pytest.raises(UsageError, match="their strategies differ"):
        part(run, renamed)
