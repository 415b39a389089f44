"""Return of the account and its annual figures, which are withheld on short samples.

Daily returns are of UTC calendar days, equity at mark at each day's last bar; a day without bars
carries the equity before it. A year has 365 days, the risk-free rate is zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from deleverage.columns import Floats, Ints
from deleverage.statistics import drawdown
from deleverage.timestamps import DAY

YEAR_DAYS = 365
# the standard error of an annual Sharpe ratio is about √(365 ÷ n): 1.4 at half a year of days
MIN_DAYS = 180
ANNUAL = ("cagr", "volatility", "sharpe", "sortino", "calmar")


@dataclass(frozen=True, slots=True)
class Performance:
    """Money in quote currency, returns as fractions.

    ``net`` = end − start equity (deposits apart), ``total_return`` = net ÷ start, ``market_return``
    that of holding the coin from the first open to the last close at last price. ``cagr`` =
    (end ÷ start)^(365 ÷ days) − 1; ``volatility``, ``sharpe`` and ``sortino`` of daily returns,
    × √365; ``calmar`` = cagr ÷ the deepest drawdown of the daily equity. None with the reason in
    ``withheld`` where there are fewer than 180 daily returns.
    """

    start_equity: float
    end_equity: float
    net: float
    total_return: float
    market_return: float
    days: float
    daily_returns: int
    best_day: float | None
    worst_day: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    withheld: dict[str, str] = field(default_factory=dict)


def performance(close_ns: Ints, equity: Floats, start: float, start_ns: int,
                market_return: float) -> Performance:
    """Figures of an equity curve that began with ``start`` at ``start_ns``."""
    _, daily = daily_equity(close_ns, equity, start)
    days = (int(close_ns[-1]) - start_ns) / DAY if len(close_ns) else 0.0
    end = float(equity[-1]) if len(equity) else start
    return day_by_day(daily, start, end, days, market_return)


def day_by_day(daily: Floats, start: float, end: float, days: float,
               market_return: float) -> Performance:
    """Figures of an account worth ``start`` before, ``end`` after and ``daily`` at the end of each
    calendar day of so many ``days``."""
    returns = daily_returns(daily, start)
    figures, withheld = annual(returns, daily, start, days)
    return Performance(
        start_equity=start, end_equity=end, net=end - start,
        total_return=end / start - 1.0 if start > 0 else 0.0, market_return=market_return,
        days=days, daily_returns=len(returns),
        best_day=float(returns.max()) if len(returns) else None,
        worst_day=float(returns.min()) if len(returns) else None,
        cagr=figures["cagr"], volatility=figures["volatility"], sharpe=figures["sharpe"],
        sortino=figures["sortino"], calmar=figures["calmar"], withheld=withheld)


def daily_equity(close_ns: Ints, equity: Floats, start: float) -> tuple[Ints, Floats]:
    """(00:00 of each UTC day, equity at its last bar), without gaps between first and last day.

    A bar that closes at 00:00 belongs to the day it ends.
    """
    days, last = last_bars(close_ns)
    return days, equity[last]


def last_bars(close_ns: Ints) -> tuple[Ints, Ints]:
    """(00:00 of each UTC day, its last bar or the last before it), the days as
    :func:`daily_equity` has them."""
    if not len(close_ns):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    days = np.arange((close_ns[0] - 1) // DAY, (close_ns[-1] - 1) // DAY + 1)
    # the last close that is not beyond the end of the day
    last = np.searchsorted(close_ns, (days + 1) * DAY, side="right") - 1
    return days * DAY, last


def daily_returns(daily: Floats, start: float) -> Floats:
    """Fractional change from day to day, the first from ``start``; 0 once nothing is left."""
    before = np.concatenate(([start], daily[:-1]))[: len(daily)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, daily / before - 1.0, 0.0)


def annual(
    returns: Floats, daily: Floats, start: float, days: float
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Annual figures, and why one is missing."""
    count = len(returns)
    if count < MIN_DAYS:
        return dict.fromkeys(ANNUAL), dict.fromkeys(ANNUAL, f"n/a (n={count})")
    growth = cagr(start, float(daily[-1]), days)
    depth = float(drawdown.underwater(daily, start).max())
    figures: dict[str, float | None] = {
        "cagr": growth, "volatility": volatility(returns), "sharpe": sharpe(returns),
        "sortino": sortino(returns), "calmar": growth / depth if depth > 0 else None}
    missing = {"sharpe": "no variation", "sortino": "no losing day", "calmar": "no drawdown"}
    return figures, {name: reason for name, reason in missing.items() if figures[name] is None}


def cagr(start: float, end: float, days: float) -> float:
    """Compound annual growth: (end ÷ start)^(365 ÷ days) − 1; −1 where nothing is left."""
    if end <= 0 or start <= 0:
        return -1.0
    return float(math.exp(math.log(end / start) * YEAR_DAYS / days) - 1.0)


def volatility(returns: Floats) -> float:
    """Standard deviation (n − 1) of daily returns × √365."""
    return float(returns.std(ddof=1)) * math.sqrt(YEAR_DAYS)


def sharpe(returns: Floats) -> float | None:
    """Mean ÷ standard deviation (n − 1) × √365; None where nothing varies."""
    spread = float(returns.std(ddof=1))
    return float(returns.mean()) / spread * math.sqrt(YEAR_DAYS) if spread > 0 else None


def sortino(returns: Floats) -> float | None:
    """Mean ÷ root mean square of the losses over ALL days × √365; None without a losing day."""
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return float(returns.mean()) / downside * math.sqrt(YEAR_DAYS) if downside > 0 else None
