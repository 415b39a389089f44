"""What one combination of a sweep came to: figures of its run, as its statistics state them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from deleverage.errors import DeleverageError, one_line, unknown_name
from deleverage.results import RunResult
from deleverage.statistics.summary import plain

MONEY, SHARE, RATIO, COUNT, BP = "money", "share", "ratio", "count", "bp"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row: where ``RunResult.statistics`` has it, its unit, and what is better.

    ``better``: +1 where more is better, −1 where less is. ``neutral`` parts good from bad where
    there is such a value (a net of 0, a profit factor of 1).
    """

    name: str
    path: str
    unit: str
    better: int
    neutral: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return self.unit == COUNT


FIGURES = (
    Figure("net", "performance.net", MONEY, 1, 0.0),
    Figure("total_return", "performance.total_return", SHARE, 1, 0.0),
    Figure("drawdown", "drawdown.max_inside", SHARE, -1),
    Figure("calmar", "performance.calmar", RATIO, 1, 0.0),
    Figure("sharpe", "performance.sharpe", RATIO, 1, 0.0),
    Figure("trades", "trades.count", COUNT, 1),
    Figure("open", "trades.open", COUNT, 1),
    Figure("profit_factor", "trades.profit_factor", RATIO, 1, 1.0),
    Figure("liquidations", "liquidations.count", COUNT, -1),
    Figure("reductions", "liquidations.reductions", COUNT, -1),
    Figure("margin_lost", "liquidations.margin_lost", MONEY, -1),
    Figure("right", "trades.right", COUNT, 1),
    Figure("p_liquidated_right", "trades.p_liquidated_right", SHARE, -1),
    Figure("buffer_used", "near_misses.closest_buffer_used", SHARE, -1),
    Figure("closest_bp", "near_misses.closest_bp", BP, 1),
    Figure("fees", "costs.fees", MONEY, 1),
    Figure("funding", "costs.funding", MONEY, 1, 0.0),
    Figure("rejections", "orders.rejections", COUNT, -1),
    Figure("market_return", "performance.market_return", SHARE, 1, 0.0),
)
"""The figures of a row, in the order of the Parquet table.

``net`` and ``fees``, ``funding`` (≤ 0 where paid) and ``margin_lost`` (≥ 0) are money in the quote
currency, shares and returns fractions. ``drawdown`` is the worst inside a bar; ``trades`` were
closed, ``open`` still held; ``p_liquidated_right`` = liquidated and right ÷ ``right``;
``buffer_used`` is the most that a position which lived used of its distance to liquidation,
``closest_bp`` the least distance. None where a figure does not exist.
"""

_BY_NAME = {figure.name: figure for figure in FIGURES}
_SWEEPS_OWN = frozenset({"sha256", "params"})  # kept by the sweep itself


def figure(name: str) -> Figure:
    """The figure called so; UnknownName with the near miss."""
    if name not in _BY_NAME:
        raise unknown_name("figure", name, _BY_NAME)
    return _BY_NAME[name]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures, stamps and warnings of a run that ended, or why it did not.

    ``stamps`` are those of its provenance but the data's hash, ``params`` all parameters of the
    strategy, defaults included. ``error`` is one line, ``exit_code`` the one it would have had as a
    run of its own (2 usage, 3 data, 1 anything else).
    """

    figures: Mapping[str, float | int | None]
    stamps: Mapping[str, Any]
    params: Mapping[str, Any]
    warnings: tuple[str, ...]
    error: str | None = None
    exit_code: int = 0

    @classmethod
    def of(cls, result: RunResult) -> Self:
        """The figures of a result, as it states them."""
        made = plain(result.provenance)
        return cls(figures={item.name: _at(result.statistics, item.path) for item in FIGURES},
                   stamps={name: value for name, value in made.items() if name not in _SWEEPS_OWN},
                   params=made["params"], warnings=result.warnings)

    @classmethod
    def failed(cls, error: BaseException) -> Self:
        """The reason of an error, in one line."""
        code = error.exit_code if isinstance(error, DeleverageError) else 1
        return cls({}, {}, {}, (), one_line(error), code)

    @classmethod
    def died(cls) -> Self:
        """The process that ran it is gone."""
        return cls({}, {}, {}, (), "the process that ran it died (out of memory, or killed)", 1)


def _at(statistics: Mapping[str, Any], path: str) -> float | int | None:
    section, name = path.split(".")
    value: float | int | None = statistics[section][name]
    return value
