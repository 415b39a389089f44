"""Capacity: the run again at other notionals, each fill charged by the volume it takes.

Every entry opens the same notional from a wallet of such a size that the share of it posted as
margin, and the leverage, are those of the run. A taker's fill costs what
:class:`deleverage.slippage.VolumeShare` says; a limit fill waits for its price at any size, and the
bar's volume does not limit it, so that a strategy of limit orders is shown too well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import backtrader as bt
import numpy as np

from deleverage import runner, scan, slippage
from deleverage.beside import CapacityRow, Outcome
from deleverage.columns import MarketColumns
from deleverage.journal import Fill
from deleverage.results import RunResult
from deleverage.scan import Progress
from deleverage.spec import RunSpec
from deleverage.statistics.placing import placed, walked
from deleverage.strategies import registry

NOTIONALS = (10_000.0, 100_000.0, 500_000.0, 2_000_000.0)  # USD
POLICY = slippage.VolumeShare()
NO_VOLUME = "the data has no volume: nothing says what a fill of this size would have cost"
OWN_SIZE = "the strategy orders sizes of its own, here of {:,.0f}"


def capacity(result: RunResult, columns: MarketColumns | None = None, workers: int | None = None, *,
             strategy: type[bt.Strategy] | None = None, notionals: Sequence[float] = NOTIONALS,
             progress: Progress | None = None) -> tuple[CapacityRow, ...]:
    """``result``'s run at each of ``notionals`` (USD), over processes; empty for a run without
    trades.

    Arguments as :func:`deleverage.scan.leverage_scan` takes them. A row that cannot be run, or that
    would say nothing (no volume, a strategy that ignores the size rule), has the reason instead.
    """
    if not result.trades:
        return ()
    source = runner.load(result.spec, columns)
    chosen = registry.load(result.spec.strategy) if strategy is None else strategy
    specs = [at_notional(result.spec, notional) for notional in notionals]
    if not has_volume(source.columns):
        return tuple(_refused(spec, NO_VOLUME) for spec in specs)
    found = scan.outcomes(specs, source.columns, chosen, workers, progress=progress)
    bars = walked(result.own_columns(source.columns))
    return tuple(_refused(spec, done) if isinstance(done, str) else _row(spec, done, bars)
                 for spec, done in zip(specs, found, strict=True))


def at_notional(spec: RunSpec, notional: float) -> RunSpec:
    """``spec`` with every entry of ``notional``: the wallet follows, so that margin ÷ wallet and
    leverage stay what they are at the first entry."""
    opened = spec.notional
    if opened is None:
        leverage = spec.notional_leverage or spec.leverage
        opened = (spec.margin_fraction or 0.0) * leverage * spec.cash
    return spec.changed(notional=notional, cash=spec.cash * notional / opened,
                        slippage=slippage.to_text(POLICY))


def has_volume(columns: MarketColumns) -> bool:
    """Whether any bar the account walks has a volume."""
    return bool((walked(columns).lines["volume"] > 0).any())


def _refused(spec: RunSpec, why: str) -> CapacityRow:
    return CapacityRow(spec.notional or 0.0, spec.cash, None, spec.slippage_policy.describe(),
                       why=why)


def _row(spec: RunSpec, done: RunResult, columns: MarketColumns) -> CapacityRow:
    """The figures of one run; ``columns`` are the bars its account walked."""
    wanted, figures = spec.notional or 0.0, done.statistics
    own = _own_size(spec, done)
    if own is not None:
        return _refused(spec, OWN_SIZE.format(own))
    paid, turnover = -figures["costs"]["slippage"], figures["costs"]["turnover"]
    refusals = Counter(row.reason for row in done.journal.rejections)
    return CapacityRow(
        wanted, spec.cash, Outcome.of(done, f"{wanted:,.0f}"), spec.slippage_policy.describe(),
        slippage=paid + 0.0, slippage_bp=1e4 * paid / turnover if turnover else None,
        largest_share=largest_share(placed(done.journal, columns).fills, columns),
        rejections=figures["orders"]["rejections"],
        reason=refusals.most_common(1)[0][0] if refusals else "")


def _own_size(spec: RunSpec, done: RunResult) -> float | None:
    """The notional of the strategy's orders where it is not the one asked for: off by more than a
    factor of two, by which price and rounding never move it."""
    wanted = spec.notional or 0.0
    ordered = {fill.position: abs(fill.opened) * fill.price
               for fill in reversed(done.journal.fills) if fill.opened}
    asked = [*ordered.values(), *(abs(row.size) * row.price for row in done.journal.rejections)]
    if min(asked, default=wanted) > 2 * wanted:
        return min(asked)
    held = max((trade.max_notional for trade in done.trades), default=wanted)
    return held if held < wanted / 2 and spec.volume_limit is None else None


def largest_share(fills: Sequence[Fill], columns: MarketColumns) -> float | None:
    """The most that the run's own fills took of the volume of one bar (above 1: more than it had);
    bars of no or unknown volume apart, where the policy charges the bar's worst price. None without
    a fill in any other."""
    if not fills:
        return None
    bars = np.array([fill.bar for fill in fills])
    taken = np.bincount(bars, [abs(fill.size) for fill in fills], minlength=len(columns))
    met = np.unique(bars)
    met = met[columns.lines["volume"][met] > 0]
    if not len(met):
        return None
    return float((taken[met] / columns.lines["volume"][met]).max())
