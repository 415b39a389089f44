"""What a position was meant to do, so that it can be replayed at another leverage.

A plan is the trade with its sizes and prices as they were, without what the venue did to it: forced
steps are left out, and a position they ended is held on to its *planned exit*. That is the
strategy's own time exit where one is known (at the open of the bar ``horizon_bars`` after the
entry, with the slippage and the fee rate that the opening paid), else the end of the run (at the
last mark, without costs). Stops and targets that still rested when the venue acted are not in the
journal: where a strategy has them, its plan ends later than it would have.

Funding is what was booked; from the forced step on the market's settled rates, paid by whom the
venue lets pay first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import FUNDING_SETTLED, Floats, Ints, MarketColumns
from deleverage.journal import Journal
from deleverage.statistics.adverse import AdverseMarks
from deleverage.statistics.episodes import Episode
from deleverage.statistics.holdings import Holding, holdings_of
from deleverage.statistics.path import Path
from deleverage.statistics.trades import Trade
from deleverage.venues.rules import VenueRules


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which size and margin stood still, and the adverse marks met in it, in order.

    ``size`` in coins, ≥ 0. The margin at leverage L is ``posted ÷ L + extra``: ``posted`` is the
    notional that was opened, at its prices; ``extra`` what was added by hand and what funding took
    from (−) or gave to (+) the margin, in quote. ``booked`` is what the position had booked in fees
    and realised profit when it began.
    """

    size: float
    entry: float
    posted: float
    extra: float
    booked: float
    bars: Ints
    marks: Floats


@dataclass(frozen=True, slots=True)
class Plan:
    """One trade to be replayed. ``net`` is what it makes when nothing forces it out, at
    ``exit_bar`` (None: at the end of the run, valued at mark); ``funding`` (bar, amount) every
    settlement on the way, signed as the account sees it. ``extended``: the venue ended or reduced
    it, so that the plan goes on where the journal does not; ``basis`` says to where: *exit*, *time
    exit* or *end of run*."""

    number: int
    side: int
    notional: float  # the largest, at entry prices
    max_size: float
    stretches: tuple[Stretch, ...]
    funding: tuple[tuple[int, float], ...]
    net: float
    exit_bar: int | None
    extended: bool
    basis: str


@dataclass(frozen=True, slots=True)
class _Payment:
    bar: int
    amount: float
    from_margin: bool


def plans(
    found: Sequence[Episode], trades: Sequence[Trade], columns: MarketColumns, journal: Journal,
    rules: VenueRules, horizon_bars: int | None = None,
) -> tuple[Plan, ...]:
    """The plans of the positions of one instrument, in their order; one that left no state in the
    journal (opened and gone inside one fill) has none."""
    met = AdverseMarks(columns, Path.of(columns, journal, found))
    maker = _Maker(columns, journal, rules, horizon_bars, met)
    return tuple(maker.plan(episode, trade) for episode, trade in zip(found, trades, strict=True)
                 if episode.states)


@dataclass(frozen=True, slots=True)
class _Maker:
    columns: MarketColumns
    journal: Journal
    rules: VenueRules
    horizon: int | None
    met: AdverseMarks

    def plan(self, episode: Episode, trade: Trade) -> Plan:
        """One position's plan."""
        holdings = holdings_of(episode)
        forced = bool(episode.liquidations)
        exit_bar, exit_price, basis = self._exit(episode)
        stop = len(self.columns) if exit_bar is None else exit_bar
        paid = self._payments(episode, holdings[-1], stop)
        net = trade.net
        if forced:
            last = holdings[-1]
            price = float(self.met.path.close[-1]) if exit_price is None else exit_price
            cost = 0.0 if basis == "end of run" else self._exit_fee(episode, last.size * price)
            net = math.fsum([last.booked, episode.side * last.size * (price - last.entry), -cost,
                             *(item.amount for item in paid)])
        return Plan(
            episode.number, episode.side, trade.max_notional, trade.max_size,
            tuple(self._stretches(episode, holdings, paid, stop)),
            tuple((item.bar, item.amount) for item in paid), net, exit_bar, forced, basis)

    def _exit(self, episode: Episode) -> tuple[int | None, float | None, str]:
        """(bar, price, basis) of the planned exit; no bar: the end of the run."""
        if not episode.liquidated:
            price = episode.exit_price
            if price is None:
                return None, None, "end of run"
            if not episode.liquidations:
                return episode.exit_bar, price, "exit"
            own = [leg for leg in episode.closed if leg.reason != "liquidation"]
            return episode.exit_bar, own[-1].price, "exit"
        due = None if self.horizon is None else episode.entry_bar + self.horizon
        if due is None or due >= len(self.columns):
            return None, None, "end of run"
        share = self._opening(episode, "slippage")
        return due, float(self.columns.lines["open"][due]) * (1 - episode.side * share), "time exit"

    def _opening(self, episode: Episode, what: str) -> float:
        """Fee of the opening fill as a share of its notional, or slippage of that before it."""
        leg = episode.opened[0]
        for fill in self.journal.fills:
            if fill.order_ref == leg.order_ref and fill.ts == leg.ts and fill.price == leg.price:
                worth = abs(fill.size) * fill.price
                if what == "slippage":
                    worth -= episode.side * fill.slippage
                return float(getattr(fill, what)) / worth
        return 0.0

    def _exit_fee(self, episode: Episode, notional: float) -> float:
        return self._opening(episode, "fee") * notional

    # ------------------------------------------------------------------ funding on the way

    def _payments(self, episode: Episode, last: Holding, stop: int) -> list[_Payment]:
        forced = episode.liquidations[0].bar if episode.liquidations else None
        paid = [_Payment(item.bar, item.amount, item.payer == "position")
                for item in self.journal.funding if item.position == episode.number
                and item.symbol == episode.symbol and item.amount
                and (forced is None or item.bar < forced)]
        if forced is None:
            return paid
        due = self.columns.funding
        from_margin = self.rules.funding_payer == "position"
        use_index = self.rules.funding_price != "mark"
        for k in np.flatnonzero((due.bar >= forced) & (due.bar < stop)
                                & (due.state == FUNDING_SETTLED)):
            price = float(due.index[k]) if use_index and not np.isnan(due.index[k]) \
                else float(due.price[k])
            amount = float(self.rules.funding_payment(episode.side * last.size, price,
                                                      float(due.rate[k])))
            if not math.isnan(amount):
                paid.append(_Payment(int(due.bar[k]), amount, from_margin))
        return paid

    # ------------------------------------------------------------------ the marks on the way

    def _stretches(self, episode: Episode, holdings: list[Holding], paid: list[_Payment],
                   stop: int) -> list[Stretch]:
        found, taken = [], 0.0
        from_margin = [item for item in paid if item.from_margin]
        for k, held in enumerate(holdings):
            after = holdings[k + 1] if k + 1 < len(holdings) else None
            end = stop if after is None else after.bar
            bars, marks = self.met.marks(episode, held, after, end, opening=k == 0)
            first, before = 0, _NONE
            for item in from_margin:
                if not held.bar <= item.bar < end + bool(after and after.by_hand):
                    continue
                cut = int(np.searchsorted(bars, item.bar, side="right"))
                found.append(_stretch(held, taken, bars[first:cut], marks[first:cut], before))
                taken, first = taken + item.amount, cut
                # the next stretch begins where this settlement left the position
                before = np.array([item.bar]), self.met.path.close[item.bar:item.bar + 1]
            found.append(_stretch(held, taken, bars[first:], marks[first:], before))
            if after is not None and after.size < held.size:
                taken *= after.size / held.size
        return found


_NONE: tuple[Ints, Floats] = np.empty(0, np.int64), np.empty(0)


def _stretch(held: Holding, taken: float, bars: Ints, marks: Floats,
             before: tuple[Ints, Floats]) -> Stretch:
    if len(before[0]):
        bars, marks = np.concatenate([before[0], bars]), np.concatenate([before[1], marks])
    return Stretch(held.size, held.entry, held.posted, held.added + taken, held.booked, bars, marks)
