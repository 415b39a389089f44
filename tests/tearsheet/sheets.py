"""A result made by hand, with a figure in every place a sheet shows; SYNTHETIC like its market."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from deleverage import timestamps
from deleverage.journal import Journal
from deleverage.results import DailyEquity, Provenance, RunResult
from deleverage.spec import RunSpec
from deleverage.statistics.leverage_scan import LEVERAGES, LeverageScan, ScanRow

START = timestamps.parse("2026-01-28T00:01")
LOW = timestamps.parse("2026-01-31T18:41")
END = timestamps.parse("2026-02-12")

PERFORMANCE = {
    "start_equity": 10_000.0, "end_equity": 7_512.34, "net": -2_487.66, "total_return": -0.248766,
    "market_return": 0.0093, "days": 15.0, "daily_returns": 15, "best_day": 0.021,
    "worst_day": -0.2, "cagr": None, "volatility": 0.61, "sharpe": None, "sortino": None,
    "calmar": None, "withheld": {"cagr": "n/a (n=15)", "sharpe": "n/a (n=15)",
                                 "sortino": "n/a (n=15)", "calmar": "n/a (n=15)"},
}
DRAWDOWN = {
    "max": 0.2512, "max_usd": 2_512.0, "peak_ns": START, "trough_ns": LOW, "recovered_ns": None,
    "max_inside": 0.3141, "max_inside_usd": 3_141.0, "inside_peak_ns": START,
    "inside_trough_ns": LOW, "average": 0.1, "ulcer": 0.1, "cdar_95": 0.2, "under_water": 0.875,
    "longest_ns": 13 * timestamps.DAY, "drawdowns": 3,
}
GROUP = {"name": "stop", "count": 2, "wins": 0, "right": 1, "net": -487.66, "average": -243.83,
         "holding_h": 0.5, "mae": 0.021, "mfe": 0.004, "worst_mae": 0.034}
TRADES = {
    "count": 3, "open": 0, "long": 3, "short": 0, "wins": 1, "losses": 2, "win_rate": 1 / 3,
    "profit_factor": 0.25, "expectancy": -829.22, "expectancy_return": -0.08, "average_win": 120.0,
    "average_loss": -1_300.0, "best": 120.0, "worst": -2_000.0, "sqn": None, "best_share": None,
    "net_without_best": -2_607.66, "average_holding_h": 30.0, "time_in_market": 0.25, "right": 2,
    "wrong": 1, "liquidated": 1, "reduced": 1, "auto_deleveraged": 0, "right_liquidated": 1,
    "p_right": 2 / 3, "p_liquidated": 1 / 3, "p_liquidated_right": 0.5,
    "withheld": {"sqn": "n/a (n=3)"},
    "by_exit_reason": [GROUP, {**GROUP, "name": "liquidation", "count": 1, "net": -2_000.0}],
    "by_side": [{**GROUP, "name": "long", "count": 3}, {**GROUP, "name": "short", "count": 0}],
}
COSTS = {
    "gross": -2_400.0, "fees": -80.0, "funding": -7.66, "liquidation_fees": 0.0, "insurance": 0.0,
    "net": -2_487.66, "unrealised": 0.0, "deposits": 10_000.0,
    "of_gross": {"price": -400.0, "liquidations": -2_000.0}, "unattributed": 0.0,
    "fees_share": 0.0005, "turnover": 160_000.0, "slippage": -32.0,
    "steps": [{"name": "price", "amount": -368.0}, {"name": "slippage", "amount": -32.0},
              {"name": "fees", "amount": -80.0}, {"name": "funding", "amount": -7.66},
              {"name": "liquidation", "amount": -2_000.0}, {"name": "insurance", "amount": 0.0}],
}
EXPOSURE = {
    "bars": 21_600, "bars_in_market": 5_400, "time_in_market_h": 90.0, "time_in_market": 0.25,
    "notional_hours": 1_800_000.0, "drawdown_from_ns": START, "drawdown_to_ns": LOW,
    "max_account_leverage": 2.5, "max_position_leverage": 240.0,
    "by_tier": [{"tier": "10–20x", "time_h": 88.0, "share": 0.978, "notional_hours": 1_760_000.0,
                 "distance_p05": 0.021, "distance_p25": 0.06, "distance_p50": 0.09,
                 "no_liquidation_price_h": 0.0, "margin_ratio_max": 0.4},
                {"tier": "≥100x", "time_h": 2.0, "share": 0.022, "notional_hours": 40_000.0,
                 "distance_p05": 0.0002, "distance_p25": 0.001, "distance_p50": 0.002,
                 "no_liquidation_price_h": 0.0, "margin_ratio_max": 0.99}],
    "by_entry": [{"tier": "10–20x", "trades": 3, "net": -2_487.66, "gross": -2_400.0,
                  "fees": -80.0, "funding": -7.66, "liquidation_fees": 0.0, "insurance": 0.0,
                  "liquidations": 1, "reductions": 1, "margin_lost": 2_000.0,
                  "drawdown": 2_512.0}],
}
NEAR_MISSES = {
    "lived": 2, "at_80": 1, "at_90": 1, "at_95": 0, "last_through": 1, "closest_bp": 12.5,
    "closest_buffer_used": 0.93, "by_mark_state": {"exact": 1},
    "rows": [{"number": 2, "symbol": "ETHUSDT", "side": 1, "ts": LOW, "bar": 5_000,
              "buffer_used": 0.93, "distance_usd": 2.8, "distance_bp": 12.5, "distance_vol": 0.04,
              "mark": 2_242.3, "liquidation_price": 2_239.5, "mark_state": "exact",
              "last_through": True, "open": False}],
}
STEP = {"number": 1, "symbol": "ETHUSDT", "ts": LOW, "bar": 5_000, "side": 1, "size": 4.0,
        "size_after": 4.0, "entry_price": 2_500.0, "leverage": 10.0, "margin_mode": "isolated",
        "liquidation_price": 2_262.3, "trigger_mark": 2_262.3, "price": 2_262.0,
        "last_at_trigger": 2_240.0, "stage": "market", "loss": 990.0, "fee": -38.0,
        "returned": 10.0, "insurance": 38.0, "deficit": 0.0, "gap": False, "cause": "mark",
        "mark_state": "exact", "right": True}
LIQUIDATIONS = {
    "count": 1, "reductions": 1, "reduced": 0, "margin_lost": 2_000.0, "fees": -38.0,
    "returned": 10.0, "insurance": 0.0, "fund_gained": 38.0, "deficit": 45.0, "gaps": 0,
    "long": 1, "short": 0,
    "by_stage": [{"stage": "market", "count": 0, "reductions": 1, "margin_lost": 990.0,
                  "fees": -38.0, "returned": 10.0, "insurance": 38.0},
                 {"stage": "takeover", "count": 1, "reductions": 0, "margin_lost": 1_010.0,
                  "fees": 0.0, "returned": 0.0, "insurance": -45.0}],
    "by_mark_state": [{"mark_state": "clipped", "count": 1, "reductions": 0,
                       "margin_lost": 1_010.0},
                      {"mark_state": "exact", "count": 0, "reductions": 1, "margin_lost": 990.0}],
    "depends_on_mark": [1],
    "rows": [STEP, {**STEP, "size_after": 0.0, "price": 2_250.0, "stage": "takeover",
                    "loss": 1_010.0, "fee": 0.0, "returned": 0.0, "insurance": -45.0,
                    "deficit": 45.0, "mark_state": "clipped"}],
}
FUNDING = {
    "payments": 12, "net": -7.66, "paid": -9.0, "received": 1.34, "long": -7.66, "short": 0.0,
    "largest": -2.5, "missing_due": 2, "unbooked": 1, "expected": -0.4, "uncertain": 1.2,
    "uncertain_share": 0.15,
    "by_state": [{"state": "settled", "count": 10, "net": -6.86, "expected": 0.0},
                 {"state": "imputed", "count": 1, "net": -0.8, "expected": -0.8},
                 {"state": "missing", "count": 1, "net": 0.0, "expected": -0.4}],
    "by_basis": [{"basis": "index", "count": 1, "net": -0.8},
                 {"basis": "mark", "count": 10, "net": -6.86}],
}
ORDERS = {"fills": 7, "maker": 2, "taker": 5, "forced": 2, "orders": 4, "in_parts": 1,
          "part_fills": 2, "rejections": 3,
          "fills_by_reason": {"limit": 2, "market": 2, "liquidation": 2, "stop": 1},
          "rejections_by_reason": {"margin: needs 2,000.00, available 12.34": 3}}

PARADOX = {
    "trades": 3, "liquidated": 1, "right_liquidated": 1, "net": -2_487.66, "net_at_1x": 410.0,
    "net_planned": 415.0, "net_right_liquidated": -2_000.0, "planned_right_liquidated": 900.0,
    "withheld": "", "survivable_min": 3.19, "survivable_q05": 3.19, "survivable_q50": 11.66,
    "rows": [{"number": 1, "symbol": "ETHUSDT", "side": 1, "entry_ns": LOW, "entry_price": 2_392.0,
              "leverage": 20.0, "net": -2_000.0, "net_at_1x": 895.0, "net_planned": 900.0,
              "return_on_margin": -1.0, "return_at_1x": 0.045, "return_planned": 0.046,
              "survivable": 11.66, "liquidated": True, "right": True, "paradox": True,
              "basis": "time exit"}],
}
FRONTIER = {
    "withheld": "", "trades": 3, "limit": 50.0, "all_survive": 3.0, "extended": 1,
    "by_basis": {"time exit": 1},
    "rows": [{"leverage": float(level), "granted": 3, "surviving": 3 if level <= 3 else 1,
              "share": 1.0 if level <= 3 else 1 / 3, "net": 415.0 if level <= 3 else -900.0,
              "right_liquidated": 0 if level <= 3 else 2, "in_steps": 0} for level in range(1, 51)],
}
CASCADES = {
    "count": 2, "traded": 1, "trigger": "liquidations", "missing": [], "net_elsewhere": -587.66,
    "best": -1_900.0, "best_share": None, "net_without_best": -587.66,
    "rows": [{"number": 1, "start_ns": LOW - 4 * timestamps.HOUR, "end_ns": LOW + timestamps.HOUR,
              "ended": True, "confirmed": True, "size_usd": 471_435_367.0, "size_share": 0.0675,
              "interest_change": -0.148, "low": 2_317.47, "low_ns": LOW, "trades": [1, 2],
              "entry_lag_h": -0.7, "mae": 0.0201, "mfe": 0.0237, "net": -1_900.0, "funding": 8.96,
              "slippage": -15.62, "liquidated": 1, "near_misses": 0, "survivable": 4.37},
             {"number": 2, "start_ns": END - timestamps.HOUR, "end_ns": END, "ended": False,
              "confirmed": False, "size_usd": None, "size_share": None, "interest_change": None,
              "low": 2_876.41, "low_ns": END, "trades": [], "entry_lag_h": None, "mae": None,
              "mfe": None, "net": 0.0, "funding": 0.0, "slippage": 0.0, "liquidated": 0,
              "near_misses": 0, "survivable": None}],
    "zones": [{"name": "elsewhere", "hours": 330.0, "net": -500.0, "long": -500.0, "short": 0.0},
              {"name": "inside", "hours": 6.0, "net": -1_800.0, "long": -1_900.0, "short": 100.0},
              {"name": "24 h after", "hours": 24.0, "net": -187.66, "long": -187.66,
               "short": 0.0}],
}

STATISTICS: dict[str, dict[str, Any]] = {
    "performance": PERFORMANCE, "drawdown": DRAWDOWN, "trades": TRADES, "costs": COSTS,
    "exposure": EXPOSURE, "near_misses": NEAR_MISSES, "liquidations": LIQUIDATIONS,
    "funding": FUNDING, "orders": ORDERS,
    "paradox": PARADOX, "frontier": FRONTIER, "cascades": CASCADES,
}


def scan() -> LeverageScan:
    """A scan that is liquidated from 10x on; 100x is beyond the venue."""
    rows = tuple(
        ScanRow(level, False, "the venue grants at most 50x") if level > 50 else
        ScanRow(level, True, "", 0.02 - 0.027 * level, 10_000.0, min(1.0, 0.03 * level), 3,
                int(level >= 10), 2_000.0 if level >= 10 else 0.0, 2, 0.5 if level >= 10 else 0.0,
                -8.0 * level, -0.766 * level, 1, 900.0 / level, 0)
        for level in LEVERAGES)
    return LeverageScan(10.0, 50.0, rows, rows, 5.0, 5.0)


def statistics(**sections: Any) -> dict[str, Any]:
    """All figures; a keyword replaces keys of a section: ``trades={"count": 0}``."""
    figures = copy.deepcopy(STATISTICS)
    for name, changes in sections.items():
        figures[name].update(changes)
    return figures


def result(strategy: str = "level_reclaim", net: float | None = None, dataset: str = "constructive",
           scanned: bool = True, warnings: tuple[str, ...] = ("SYNTHETIC market",),
           spec: RunSpec | None = None, made: dict[str, Any] | None = None,
           **sections: Any) -> RunResult:
    """A complete result; ``net`` sets return and net of the performance, ``made`` replaces fields
    of the provenance."""
    if net is not None:
        sections["performance"] = {"net": net, "total_return": net / 10_000.0}
    provenance = Provenance(
        dataset=dataset, sha256=f"{dataset:0<64}", synthetic=True, symbol="ETHUSDT",
        venue="binance", quote="USDT", step_ns=timestamps.MINUTE, mark_step_ns=timestamps.MINUTE,
        bars=21_600, first_ns=START, last_ns=END, margin="isolated", leverage=10.0,
        sizing="0.2 × equity as margin", fees=(0.0002, 0.0005),
        ladder="ladder binance-eth-2024-10-24, observed 2024-10-24, 461 days old, confidence high",
        ladder_id="binance-eth-2024-10-24", ladder_assumed=False, strategy="LevelReclaim",
        title="Buy the reclaim of a level.", params={"hold": 3, "stop": 0.02}, code="0.1.0",
        procedure="reduced to lower brackets, then taken over", slippage="2 bp fixed", fee_tier="",
        walked_step_ns=timestamps.MINUTE, stop_trigger="last")
    if spec is None:
        spec = RunSpec(data=dataset, strategy=strategy)
    days = np.arange(2, dtype=np.int64) * timestamps.DAY + START
    return RunResult(spec, dataclasses.replace(provenance, **(made or {})), Journal(), (),
                     statistics(**sections), warnings,
                     DailyEquity(days, np.array([10_000.0, 7_512.34]), 10_000.0),
                     scan() if scanned else None)
