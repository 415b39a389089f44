"""What the trade list adds up to: how often, how much, by reason and side, and right or wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from deleverage.statistics.trades import Trade
from deleverage.timestamps import HOUR

MIN_SQN = 30  # closed trades below which a t-like ratio of trades says nothing


@dataclass(frozen=True, slots=True)
class TradeGroup:
    """Closed trades of one exit reason or side; money in quote currency, ``holding_h`` a mean.

    ``mae`` and ``mfe`` are the means of Trade.mae and Trade.mfe, ``worst_mae`` the largest of the
    former: fractions of the entry price, ≥ 0 (None where no trade's is known).
    """

    name: str
    count: int
    wins: int
    right: int
    net: float
    average: float
    holding_h: float
    mae: float | None
    mfe: float | None
    worst_mae: float | None


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Figures over the closed trades; ``open`` counts those still held at the end.

    A win is a closed trade with net > 0. ``profit_factor`` = Σ wins ÷ |Σ losses|; ``expectancy``
    the mean net in quote currency, ``expectancy_return`` the mean return on equity. ``sqn`` =
    √n × mean ÷ standard deviation of the nets (n ≥ 30). ``best_share`` is the best trade's share of
    the total, where that is a gain; ``net_without_best`` the total without it. ``time_in_market``
    is a share of the run. ``right`` and ``wrong`` judge direction (Trade.right) over all trades,
    open ones included; ``p_liquidated_right`` = ``right_liquidated`` ÷ ``right``. ``liquidated``
    counts positions of which the venue left nothing, ``reduced`` those it took a part of and that
    lived, ``auto_deleveraged`` those it took all or part of against another's liquidation.
    ``withheld`` says why a figure is None.
    """

    count: int
    open: int
    long: int
    short: int
    wins: int
    losses: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    expectancy_return: float | None
    average_win: float | None
    average_loss: float | None
    best: float | None
    worst: float | None
    sqn: float | None
    best_share: float | None
    net_without_best: float | None
    average_holding_h: float | None
    time_in_market: float
    right: int
    wrong: int
    liquidated: int
    reduced: int
    auto_deleveraged: int
    right_liquidated: int
    p_right: float | None
    p_liquidated: float | None
    p_liquidated_right: float | None
    withheld: dict[str, str] = field(default_factory=dict)
    by_exit_reason: tuple[TradeGroup, ...] = ()
    by_side: tuple[TradeGroup, ...] = ()


def trade_figures(trades: Sequence[Trade], run_ns: int) -> TradeFigures:
    """Figures of a trade list over a run of ``run_ns`` nanoseconds."""
    closed = [trade for trade in trades if trade.exit_bar is not None]
    nets = [trade.net for trade in closed]
    wins, losses = [x for x in nets if x > 0], [x for x in nets if x <= 0]
    total, best = math.fsum(nets), max(nets, default=None)
    factor, sqn, withheld = _ratios(nets, wins, losses)
    right = [trade for trade in trades if trade.right]
    hit = [trade for trade in trades if trade.liquidated]
    right_hit = [trade for trade in right if trade.liquidated]
    return TradeFigures(
        count=len(closed), open=len(trades) - len(closed),
        long=sum(trade.side > 0 for trade in trades), short=sum(trade.side < 0 for trade in trades),
        wins=len(wins), losses=len(losses), win_rate=_share(len(wins), len(nets)),
        profit_factor=factor, expectancy=_mean(nets),
        expectancy_return=_mean([trade.return_on_equity for trade in closed
                                 if trade.return_on_equity is not None]),
        average_win=_mean(wins), average_loss=_mean(losses), best=best,
        worst=min(nets, default=None), sqn=sqn,
        best_share=best / total if best is not None and total > 0 else None,
        net_without_best=None if best is None else math.fsum([*nets, -best]),
        average_holding_h=_mean([trade.holding_ns / HOUR for trade in closed]),
        time_in_market=sum(trade.holding_ns for trade in trades) / run_ns if run_ns > 0 else 0.0,
        right=len(right), wrong=len(trades) - len(right), liquidated=len(hit),
        reduced=sum(trade.reductions > 0 and not trade.liquidated for trade in trades),
        auto_deleveraged=sum(trade.deleveraged > 0 for trade in trades),
        right_liquidated=len(right_hit), p_right=_share(len(right), len(trades)),
        p_liquidated=_share(len(hit), len(trades)),
        p_liquidated_right=_share(len(right_hit), len(right)), withheld=withheld,
        by_exit_reason=_groups(closed, lambda trade: trade.exit_reason),
        by_side=_groups(closed, lambda trade: "long" if trade.side > 0 else "short"),
    )


def _ratios(
    nets: list[float], wins: list[float], losses: list[float]
) -> tuple[float | None, float | None, dict[str, str]]:
    """(profit factor, SQN, why either is missing)."""
    withheld: dict[str, str] = {}
    lost = -math.fsum(losses)
    factor = math.fsum(wins) / lost if lost > 0 else None
    if factor is None:
        withheld["profit_factor"] = "no losing trade" if nets else "n/a (n=0)"
    sqn = None
    if len(nets) < MIN_SQN:
        withheld["sqn"] = f"n/a (n={len(nets)})"
    else:
        mean = math.fsum(nets) / len(nets)
        spread = math.sqrt(math.fsum((x - mean) ** 2 for x in nets) / (len(nets) - 1))
        sqn = math.sqrt(len(nets)) * mean / spread if spread > 0 else None
        if sqn is None:
            withheld["sqn"] = "no variation"
    return factor, sqn, withheld


def _groups(closed: Sequence[Trade], name: Callable[[Trade], str]) -> tuple[TradeGroup, ...]:
    names = sorted({name(trade) for trade in closed})
    return tuple(_group(key, [trade for trade in closed if name(trade) == key]) for key in names)


def _group(name: str, trades: list[Trade]) -> TradeGroup:
    net = math.fsum(trade.net for trade in trades)
    hours = math.fsum(trade.holding_ns / HOUR for trade in trades)
    against = [trade.mae for trade in trades if trade.mae is not None]
    best = [trade.mfe for trade in trades if trade.mfe is not None]
    return TradeGroup(name, len(trades), sum(trade.net > 0 for trade in trades),
                      sum(bool(trade.right) for trade in trades), net, net / len(trades),
                      hours / len(trades), _mean(against), _mean(best),
                      max(against, default=None))


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
