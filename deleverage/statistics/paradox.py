"""Paradox: right on direction and liquidated all the same, trade by trade.

Every trade as it was leveraged, at 1x, and had nothing forced it out before its planned exit
(``deleverage.statistics.plans``), with the leverage it could have survived.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import Floats
from deleverage.statistics.replay import Replay
from deleverage.statistics.trades import Trade


@dataclass(frozen=True, slots=True)
class ParadoxRow:
    """One trade three times; money in quote, signed as the account sees it.

    ``net`` as it was, at ``leverage``; ``net_at_1x`` replayed with the same notional fully paid;
    ``net_planned`` had nothing forced it out before its planned exit. ``return_on_margin`` = net ÷
    (largest notional ÷ leverage), ``return_at_1x`` and ``return_planned`` = the others ÷ largest
    notional. ``survivable`` is the largest leverage, continuous and at most the venue's limit for
    the notional, at which the mark never reached the liquidation price (None: not even 1x);
    ``paradox``: liquidated and right on direction. ``basis``: where the plan ends.
    """

    number: int
    symbol: str
    side: int
    entry_ns: int
    entry_price: float
    leverage: float
    net: float
    net_at_1x: float
    net_planned: float
    return_on_margin: float
    return_at_1x: float
    return_planned: float
    survivable: float | None
    liquidated: bool
    right: bool | None
    paradox: bool
    basis: str


@dataclass(frozen=True, slots=True)
class Paradox:
    """The trades that can be replayed, added up.

    ``right_liquidated`` of ``liquidated`` of ``trades`` were right on direction: they made
    ``net_right_liquidated`` and would have made ``planned_right_liquidated`` had they lived.
    ``net``, ``net_at_1x`` and ``net_planned`` are of all. ``survivable_q05`` and ``survivable_q50``
    are the 5 % and 50 % quantiles over trades of the survivable leverage (the lower observed value;
    a trade that not even 1x survives counts as 0), ``survivable_min`` the least. ``withheld`` says
    why nothing was replayed; "" where there was nothing to replay.
    """

    trades: int
    liquidated: int
    right_liquidated: int
    net: float
    net_at_1x: float
    net_planned: float
    net_right_liquidated: float
    planned_right_liquidated: float
    survivable_min: float | None
    survivable_q05: float | None
    survivable_q50: float | None
    rows: tuple[ParadoxRow, ...]
    withheld: str = ""


def paradox(trades: Sequence[Trade], ran: Sequence[Replay], survived: Floats,
            withheld: str = "") -> Paradox:
    """The paradox of replayed trades; ``survived`` is the survivable leverage of each of ``ran``
    (:func:`deleverage.statistics.replay.survivable`)."""
    known = {trade.number: trade for trade in trades}
    rows = tuple(_row(known[item.plan.number], item, float(value))
                 for item, value in zip(ran, survived, strict=True))
    hit = [row for row in rows if row.paradox]
    ordered = np.sort(np.nan_to_num(survived, nan=0.0))
    return Paradox(
        trades=len(rows), liquidated=sum(row.liquidated for row in rows),
        right_liquidated=len(hit), net=math.fsum(row.net for row in rows),
        net_at_1x=math.fsum(row.net_at_1x for row in rows),
        net_planned=math.fsum(row.net_planned for row in rows),
        net_right_liquidated=math.fsum(row.net for row in hit),
        planned_right_liquidated=math.fsum(row.net_planned for row in hit),
        survivable_min=float(ordered[0]) if len(ordered) else None,
        survivable_q05=quantile(ordered, 0.05), survivable_q50=quantile(ordered, 0.5), rows=rows,
        withheld=withheld)


def quantile(ordered: Floats, share: float) -> float | None:
    """The ``share`` quantile of sorted values as one that was observed, the lower of two."""
    return float(np.quantile(ordered, share, method="lower")) if len(ordered) else None


def _row(trade: Trade, item: Replay, survived: float) -> ParadoxRow:
    plan, at_1x = item.plan, float(item.net[0])
    notional = plan.notional
    return ParadoxRow(
        number=trade.number, symbol=trade.symbol, side=trade.side, entry_ns=trade.entry_ns,
        entry_price=trade.entry_price, leverage=trade.leverage, net=trade.net, net_at_1x=at_1x,
        net_planned=plan.net, return_on_margin=trade.net * trade.leverage / notional,
        return_at_1x=at_1x / notional, return_planned=plan.net / notional,
        survivable=None if np.isnan(survived) else survived, liquidated=trade.liquidated,
        right=trade.right, paradox=trade.liquidated and bool(trade.right), basis=plan.basis)
