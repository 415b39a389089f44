"""LeverageScan from finished runs: the first table of every sheet, without running anything.

``deleverage.scan.leverage_scan`` runs a specification at every leverage; this builds the same table
from results that are already there, as a sweep or a notebook has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from deleverage.statistics.leverage_scan import LeverageScan, ScanRow, scan_row

__all__ = ["LeverageScan", "ScanRow", "from_results"]


class _Spec(Protocol):
    @property
    def leverage(self) -> float: ...


class Result(Protocol):
    """What is needed of a finished run (deleverage.results.RunResult)."""

    @property
    def spec(self) -> _Spec:
        """The specification; its leverage is the row's."""

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Its figures."""


def from_results(
    same_fraction: Iterable[Result],
    same_notional: Iterable[Result] = (),
    *,
    base_leverage: float,
    limit: float,
) -> LeverageScan:
    """The table of runs at several leverages; ``limit`` is the venue's largest."""
    return LeverageScan.of(base_leverage, limit, _rows(same_fraction), _rows(same_notional))


def _rows(results: Iterable[Result]) -> tuple[ScanRow, ...]:
    found = [scan_row(result.spec.leverage, result.statistics) for result in results]
    return tuple(sorted(found, key=lambda row: row.leverage))
