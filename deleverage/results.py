"""What a run yields: one frozen object from which every table and page is a view.

``RunResult.statistics`` is a nested dict of plain numbers, texts and lists of rows; money in the
quote currency and signed as the account sees it, shares and returns as fractions, ``_ns`` UTC
nanoseconds, ``_h`` hours; a figure that does not exist is None. Its exact layout::

    performance     start_equity, end_equity, net, total_return, market_return,
                    days, daily_returns (count), best_day, worst_day,
                    cagr, volatility, sharpe, sortino, calmar,
                    withheld {name: "n/a (n=12)"}           why a figure above is None
    drawdown        max, max_usd, peak_ns, trough_ns, recovered_ns,      at mark close
                    max_inside, max_inside_usd, inside_peak_ns, inside_trough_ns,   worst in the bar
                    average, ulcer, cdar_95, under_water (share), longest_ns, drawdowns (count)
    trades          count (closed), open, long, short, wins, losses, win_rate, profit_factor,
                    expectancy, expectancy_return, average_win, average_loss, best, worst, sqn,
                    best_share, net_without_best, average_holding_h, time_in_market (share),
                    right, wrong, liquidated, reduced, auto_deleveraged, right_liquidated, p_right,
                    p_liquidated, p_liquidated_right, withheld {name: reason},
                    by_exit_reason [{name, count, wins, right, net, average, holding_h,
                                     mae, mfe (means), worst_mae}],
                    by_side        [the same keys]
    costs           gross, fees, funding, liquidation_fees, insurance, net, unrealised, deposits,
                    of_gross {price, liquidations}, unattributed (0 but for rounding),
                    fees_share (of Σ traded notional), turnover, slippage (≤ 0, inside gross),
                    steps [{name, amount}]      price, slippage, fees, funding, liquidation,
                                                insurance: they add up to net
    exposure        bars, bars_in_market, time_in_market_h, time_in_market, notional_hours,
                    by_tier  [{tier, time_h, share, notional_hours, distance_p05, distance_p25,
                               distance_p50, no_liquidation_price_h, margin_ratio_max}],  CURRENT
                    by_entry [{tier, trades, net, gross, fees, funding, liquidation_fees, insurance,
                               liquidations, reductions, margin_lost, drawdown}],        AT ENTRY
                    drawdown_from_ns, drawdown_to_ns, max_account_leverage, max_position_leverage
    near_misses     lived, at_80, at_90, at_95, last_through (count), closest_bp,
                    closest_buffer_used, by_mark_state {state: count},
                    rows [{number, symbol, side, ts, bar, buffer_used, distance_usd, distance_bp,
                           distance_vol, mark, liquidation_price, mark_state, last_through, open}]
    liquidations    count (positions of which nothing was left), long, short,
                    reductions (steps that left some), reduced (positions so treated that lived),
                    margin_lost (by all steps, fees included), fees (≤ 0), returned (margin back),
                    insurance (≥ 0, lifted the account to zero; part of net),
                    fund_gained, deficit (≥ 0, the insurance fund's own; not part of net), gaps,
                    by_stage [{stage, count, reductions, margin_lost, fees, returned, insurance}],
                    by_mark_state [{mark_state, count, reductions, margin_lost}],
                    depends_on_mark [number]                 positions whose mark was not exact
                    rows [{number, symbol, ts, bar, side, size, size_after, entry_price, leverage,
                           margin_mode, liquidation_price, trigger_mark, price, last_at_trigger,
                           stage, loss, fee, returned, insurance (fund: + gained, − paid), deficit,
                           gap, cause, mark_state, right}]      one a step, in order
    funding         payments, net, paid, received, long, short, largest,
                    by_state [{state, count, net, expected}]      settled, imputed, missing, stale
                    by_basis [{basis, count, net}]                of the price charged on
                    missing_due (not settled), unbooked (of these: missing or stale),
                    expected (what the unbooked would have been at the last known rate, signed),
                    uncertain (≥ 0), uncertain_share;
                    rows are the journal's own (result.journal.funding)
    orders          fills, maker, taker, forced (by the venue), orders (of the strategy, with a
                    fill), in_parts (of these: in more than one fill), part_fills, rejections,
                    fills_by_reason {reason: count}, rejections_by_reason {reason: count}
    paradox         trades, liquidated, right_liquidated, net, net_at_1x, net_planned,
                    net_right_liquidated, planned_right_liquidated,
                    survivable_min, survivable_q05, survivable_q50 (0: not even 1x), withheld (why
                    nothing was replayed),
                    rows [{number, symbol, side, entry_ns, entry_price, leverage, net, net_at_1x,
                           net_planned, return_on_margin, return_at_1x, return_planned, survivable,
                           liquidated, right, paradox, basis}]                 replayed trades
    frontier        trades, limit, all_survive, extended, by_basis {exit, time exit, end of run},
                    withheld,
                    rows [{leverage, granted, surviving, share, net, right_liquidated, in_steps}]
    cascades        count, traded (a trade belongs to them), trigger, missing [line],
                    net_elsewhere, best, best_share, net_without_best,
                    rows [{number, start_ns, end_ns, ended, confirmed, size_usd, size_share (of
                           open interest), interest_change, low, low_ns, trades [number],
                           entry_lag_h, mae, mfe, net, funding, slippage, liquidated, near_misses,
                           survivable}]
                    zones [{name (inside, 24 h after, elsewhere), hours, net, long, short}]

``paid`` ≤ 0 ≤ ``received``. ``trades``, ``exposure.by_entry`` and ``costs`` add up to one another,
and ``liquidations`` to them: ``margin_lost = −(of_gross.liquidations + liquidation_fees)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deleverage import timestamps
from deleverage.coarser import coarser
from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.errors import DataError, UsageError
from deleverage.journal import Journal
from deleverage.provenance import Provenance
from deleverage.spec import RunSpec
from deleverage.statistics.closeups import CloseUp
from deleverage.statistics.curves import Curves, account_curves
from deleverage.statistics.leverage_scan import LeverageScan
from deleverage.statistics.marks import judged_on
from deleverage.statistics.overview import Overview
from deleverage.statistics.performance import daily_returns
from deleverage.statistics.placing import walked
from deleverage.statistics.trades import Trade

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class DailyEquity:
    """Equity at mark at the last bar of every UTC day; ``start`` is the wallet before the first."""

    day_ns: Ints  # 00:00 of the day
    equity: Floats
    start: float


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run, complete: see the module for the layout of ``statistics``.

    ``scan``, the per-bar curves (``recorded``), the market in short (``overview``) and a few trades
    near enough to be looked at (``closeups``) are there when the run was asked for them; all are
    saved.
    """

    spec: RunSpec
    provenance: Provenance
    journal: Journal
    trades: tuple[Trade, ...]
    statistics: Mapping[str, Any]
    warnings: tuple[str, ...]
    daily: DailyEquity
    scan: LeverageScan | None = None
    recorded: Curves | None = None
    overview: Overview | None = None
    closeups: tuple[CloseUp, ...] = ()

    @property
    def name(self) -> str:
        """``level_reclaim 10x isolated``: what a table calls this run."""
        return f"{self.spec.strategy} {self.spec.leverage:g}x {self.spec.margin}"

    @property
    def synthetic(self) -> bool:
        """Whether the market is made up: then SYNTHETIC stands wherever it is printed."""
        return self.provenance.synthetic

    def curves(self, columns: MarketColumns | None = None) -> Curves:
        """Per-bar curves: those recorded, else rebuilt from ``columns`` (the run's or longer).

        Raises UsageError without either and DataError where the columns do not hold the run's bars.
        """
        if self.recorded is not None:
            return self.recorded
        if columns is None:
            raise UsageError(f"{self.name}: no curves were recorded; give the columns of "
                             f"{self.provenance.dataset or 'its dataset'}")
        return account_curves(self.journal, judged_on(walked(self.own_columns(columns)),
                                                      self.spec.mark))

    def own_columns(self, columns: MarketColumns) -> MarketColumns:
        """The bars of the run, at its step, out of ``columns`` that hold them; else DataError."""
        own, step = self.provenance, self.spec.step
        if step is not None:
            columns = coarser(columns, timestamps.parse_step(step))
        first = int(np.searchsorted(columns.close_ns, own.first_ns))
        stop = first + own.bars
        if stop > len(columns) or int(columns.close_ns[first]) != own.first_ns \
                or int(columns.close_ns[stop - 1]) != own.last_ns:
            raise DataError(f"{self.name}: the columns given are not those of the run "
                            f"({own.symbol}, {own.bars} bars)")
        return columns if own.bars == len(columns) else columns.sliced(first, stop)

    def returns(self) -> pd.Series:
        """Daily returns, indexed by naive UTC days: what quantstats and others take."""
        import pandas as pd

        values = daily_returns(self.daily.equity, self.daily.start)
        index = pd.DatetimeIndex(self.daily.day_ns.astype("datetime64[ns]"), name="day")
        return pd.Series(values, index=index, name=self.name)

    def with_scan(self, scan: LeverageScan) -> Self:
        """A copy that carries the scan."""
        return dataclasses.replace(self, scan=scan)

    def as_dict(self) -> dict[str, Any]:
        """Everything but journal, trades and curves, as JSON values (NaN and inf are None)."""
        from deleverage import result_files

        return result_files.to_json(self)

    def save(self, folder: str | Path, more: Mapping[str, bytes] | None = None) -> Path:
        """Write ``result.json`` and Parquet tables into ``folder``, all or nothing.

        ``more``: files by name that go with them. A folder with an earlier result is replaced;
        UsageError for one that holds other files.
        """
        from deleverage import result_files

        return result_files.write(self, Path(folder), more or {})

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The result saved in ``folder``.

        MissingTable where a file is absent, DataError for another schema or a changed table.
        """
        from deleverage import result_files

        return cls(**result_files.read(Path(folder)))
