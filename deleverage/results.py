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
                    right, wrong, liquidated, right_liquidated, p_right, p_liquidated,
                    p_liquidated_right, withheld {name: reason},
                    by_exit_reason [{name, count, wins, right, net, average, holding_h}],
                    by_side        [the same keys]
    costs           gross, fees, funding, liquidation_fees, insurance, net, unrealised, deposits,
                    of_gross {price, liquidations}, unattributed (0 but for rounding),
                    fees_share (of Σ traded notional), turnover
    exposure        bars, bars_in_market, time_in_market_h, time_in_market, notional_hours,
                    by_tier  [{tier, time_h, share, notional_hours, distance_p05, distance_p25,
                               distance_p50, no_liquidation_price_h, margin_ratio_max}],  CURRENT
                    by_entry [{tier, trades, net, gross, fees, funding, liquidation_fees, insurance,
                               liquidations, margin_lost, drawdown}],                    AT ENTRY
                    drawdown_from_ns, drawdown_to_ns, max_account_leverage, max_position_leverage
    near_misses     lived, at_80, at_90, at_95, last_through (count), closest_bp,
                    closest_buffer_used, by_mark_state {state: count},
                    rows [{number, symbol, side, ts, bar, buffer_used, distance_usd, distance_bp,
                           distance_vol, mark, liquidation_price, mark_state, last_through, open}]
    liquidations    count, margin_lost, fees, insurance, deficit, gaps, long, short,
                    by_mark_state [{mark_state, count, margin_lost}],
                    depends_on_mark [number]                 positions whose mark was not exact
                    rows [{number, symbol, ts, bar, side, size, entry_price, leverage, margin_mode,
                           liquidation_price, trigger_mark, price, last_at_trigger, loss, fee,
                           deficit, gap, cause, mark_state, right}]
    funding         payments, net, paid, received, long, short, largest, by_state [{state, count,
                    net}], missing_due, uncertain, uncertain_share,
                    rows are the journal's own (result.journal.funding)
    orders          fills, maker, taker, rejections, rejections_by_reason {reason: count}

``paid`` ≤ 0 ≤ ``received``. ``trades``, ``exposure.by_entry`` and ``costs`` add up to one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from deleverage.journal import Journal
from deleverage.spec import RunSpec
from deleverage.statistics.curves import Curves
from deleverage.statistics.leverage_scan import LeverageScan
from deleverage.statistics.trades import Trade

if TYPE_CHECKING:
    import pandas as pd

    from deleverage.columns import Floats, Ints, MarketColumns

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the run was made of.

    ``dataset`` is its name (never a path), ``sha256`` one hash of its content. ``first_ns`` and
    ``last_ns`` are the closes of the first and last bar, ``step_ns`` the length of a bar,
    ``mark_step_ns`` that of the mark rows (None: no mark). ``ladder`` is one line that names the
    maintenance ladder with age and confidence, ``ladder_assumed`` whether it is a declared
    assumption. ``fees`` are (maker, taker) in use. ``code`` is the version of this software,
    ``strategy`` the class run, ``title`` its first line of documentation.
    """

    dataset: str
    sha256: str
    synthetic: bool
    symbol: str
    venue: str
    quote: str
    step_ns: int
    mark_step_ns: int | None
    bars: int
    first_ns: int
    last_ns: int
    margin: str
    leverage: float
    sizing: str
    fees: tuple[float, float]
    ladder: str
    ladder_id: str
    ladder_assumed: bool
    strategy: str
    title: str
    params: Mapping[str, Any]  # in full: defaults and what the specification changed
    code: str


@dataclass(frozen=True)
class DailyEquity:
    """Equity at mark at the last bar of every UTC day; ``start`` is the wallet before the first."""

    day_ns: Ints  # 00:00 of the day
    equity: Floats
    start: float


@dataclass(frozen=True)
class RunResult:
    """One run, complete: see the module for the layout of ``statistics``.

    ``scan`` and the per-bar curves are there when the run was asked for them; both are saved.
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
        raise NotImplementedError

    def returns(self) -> pd.Series:
        """Daily returns, indexed by naive UTC days: what quantstats and others take."""
        raise NotImplementedError

    def with_scan(self, scan: LeverageScan) -> Self:
        """A copy that carries the scan."""
        raise NotImplementedError

    def save(self, folder: str | Path) -> Path:
        """Write ``result.json`` and Parquet tables into ``folder``, all or nothing."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The result saved in ``folder``; DataError for another schema or a missing table."""
        raise NotImplementedError
