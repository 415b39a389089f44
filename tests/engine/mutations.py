"""Wrong engines: each predicate of the horizon spoilt in turn, and the scene that must notice.

A mutation replaces a piece of one function's text, which must stand there exactly once.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

_ANNOTATIONS = annotations.compiler_flag  # the engine is compiled as its modules are


@dataclass(frozen=True)
class Mutation:
    """``where`` is module:function or module:Class.method; ``by`` the witness that must differ."""

    name: str
    where: str
    old: str
    new: str
    by: str


@contextmanager
def spoilt(mutation: Mutation) -> Iterator[None]:
    """The engine with one mutation in it."""
    module_name, _, path = mutation.where.partition(":")
    module = sys.modules[module_name]
    *owners, name = path.split(".")
    owner: Any = module
    for each in owners:
        owner = getattr(owner, each)
    function = inspect.unwrap(inspect.getattr_static(owner, name))
    text = textwrap.dedent(inspect.getsource(function))
    assert text.count(mutation.old) == 1, f"{mutation.old!r} must stand in {mutation.where} once"
    found: dict[str, Any] = {}
    code = compile(text.replace(mutation.old, mutation.new), function.__code__.co_filename, "exec",
                   flags=_ANNOTATIONS, dont_inherit=True)
    exec(code, function.__globals__, found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, found[name])
        yield


_SCAN, _HORIZON = "deleverage.horizon:Scan.__init__", "deleverage.horizon:Horizon."
_BROKER = "deleverage.broker:PerpetualBroker."
_VIEW, _GATE = "deleverage.feedview:FeedView.", "deleverage.strategies.base:PerpetualStrategy."

MUTATIONS = (
    # ---- levels: the matching code fills, triggers and liquidates at a touch
    Mutation("a level from below must be passed", _HORIZON + "_order",
             "~(series[cut] < level)", "series[cut] > level", "a buy stop is touched"),
    Mutation("a level from above must be passed", _HORIZON + "_order",
             "~(series[cut] > level)", "series[cut] < level", "a buy limit is touched"),
    Mutation("a triggered stop-limit still waits for its trigger", _HORIZON + "_order",
             " and not order.triggered", "", "a stop-limit's limit follows its trigger"),
    Mutation("a stop-limit's limit counts before its trigger", _HORIZON + "_order",
             "waits = order.kind in (Kind.STOP, Kind.STOP_LIMIT)",
             "waits = order.kind is Kind.STOP",
             "a stop-limit's limit follows its trigger"),
    Mutation("stops on mark are looked for on last", _HORIZON + "_order",
             'marked = waits and order.source == "mark"', "marked = False",
             "the mark triggers a stop"),
    Mutation("a long's level must be passed", _HORIZON + "_mark_at",
             "~(scan.mark_low[cut] > level)", "scan.mark_low[cut] < level",
             "the mark touches a long's level"),
    Mutation("a short's level must be passed", _HORIZON + "_mark_at",
             "~(scan.mark_high[cut] < level)", "scan.mark_high[cut] > level",
             "the mark touches a short's level"),
    # ---- trailing
    Mutation("trailing is forgotten", _HORIZON + "_order",
             "waits and own.exectype in TRAILING", "False", "a trailing stop falls behind a rise"),
    Mutation("a trailing sell does not follow", _HORIZON + "_trailing",
             "levels = np.maximum(level, best - (amount or best * share))",
             "levels = np.full(len(best), level)", "a trailing stop falls behind a rise"),
    Mutation("a trailing buy does not follow", _HORIZON + "_trailing",
             "levels = np.minimum(level, best + (amount or best * share))",
             "levels = np.full(len(best), level)", "a buy trails by per cent"),
    Mutation("the trailed level is lost between two stretches", _HORIZON + "_trailing",
             "level = float(levels[-1])", "pass", "a trailing stop remembers a peak of long ago"),
    Mutation("of finer closes the lowest is the highest", _SCAN,
             'view.gathered("close", np.maximum)', 'view.gathered("close", np.minimum)',
             "a trailing stop follows the finer bars"),
    Mutation("of finer closes the highest is the lowest", _SCAN,
             'view.gathered("close", np.minimum)', 'view.gathered("close", np.maximum)',
             "a buy trails over the finer bars"),
    Mutation("skipped bars leave no trailed level behind", _BROKER + "next",
             "if self.book and length > view.seen + 1:", "if False:",
             "a trailing stop falls behind a rise"),
    Mutation("a skipped peak counts at the last close", _VIEW + "closes",
             "[start:end]", "[end - 1:end]", "a trailing stop remembers a peak of long ago"),
    # ---- time
    Mutation("expiry is forgotten", _HORIZON + "_order",
             "if own.valid and own.exectype != bt.Order.Market:", "if False:", "an order expires"),
    Mutation("expiry comes a bar late", _HORIZON + "_order",
             'own.valid, "right")', 'own.valid, "right") + 1', "an order expires"),
    Mutation("a child expires only when it is live", _HORIZON + "_order",
             "if own.valid and own.exectype", "if order.active and own.valid and own.exectype",
             "a bracket's stop expires before its entry"),
    Mutation("settlements are forgotten", _VIEW + "timed_bars",
             "{*self.settlements, *self.deleveragings}", "{*self.deleveragings}", "funding is due"),
    Mutation("deleveragings are forgotten", _VIEW + "timed_bars",
             "{*self.settlements, *self.deleveragings}", "{*self.settlements}",
             "a position is deleveraged"),
    Mutation("the settlement after a visit is overlooked", _HORIZON + "_set_time",
             "bisect_right(scan.timed, start - 1)", "bisect_right(scan.timed, start)",
             "funding is due"),
    Mutation("finer bars' settlements keep their own number", _VIEW + "timed_bars",
             "if self._first is None:", "if True:", "funding is due inside a gathered bar"),
    Mutation("a ladder change is forgotten", _HORIZON + "_set_time",
             "if coming:", "if False:", "a stricter ladder begins"),
    Mutation("a ladder begins a bar late", _VIEW + "first_opened",
             "since + self.columns.market.step_ns", "since + 2 * self.columns.market.step_ns",
             "a stricter ladder begins"),
    Mutation("what is on its way is forgotten", _HORIZON + "next_event",
             "if broker.transit:", "if False:", "an order arrives late"),
    Mutation("a run told to stop goes on", _HORIZON + "next_event",
             "broker._orders.queue or broker._stopping", "broker._orders.queue",
             "a run told to stop ends a bar later"),
    Mutation("what was sent is heard of whenever the next visit is", _HORIZON + "next_event",
             "broker._orders.queue or broker._stopping", "broker._stopping",
             "what was sent is heard of a bar later"),
    # ---- orders that wait for no price
    Mutation("market orders have been filled", _HORIZON + "_soon",
             "(Kind.MARKET, Kind.AT_CLOSE)", "(Kind.AT_CLOSE,)", "a market order waits for volume"),
    Mutation("orders at the close have a level", _HORIZON + "_soon",
             "order.kind in (Kind.MARKET, Kind.AT_CLOSE) or not order.ready",
             "order.kind is Kind.MARKET", "an order at the close waits for the session's end"),
    Mutation("children wake by themselves", _HORIZON + "_soon",
             "return not order.active and order.parent not in self.broker.book", "return False",
             "children wake a bar after their parent"),
    # ---- marks and accounts
    Mutation("a missing mark is overlooked", _HORIZON + "_set_time",
             "if scan.unmarked:", "if False:", "an order meets a bar without a mark"),
    Mutation("a cross account is never exhausted", _HORIZON + "_liquidation",
             "return first_true(lambda cut: self._exhausted(state, cut), start, until)",
             "return until", "two instruments exhaust a cross account"),
    Mutation("exhaustion must pass maintenance", _HORIZON + "_exhausted",
             "~(worth > held + slack)", "worth < held", "two instruments exhaust a cross account"),
    Mutation("shorts are worst at the low", _HORIZON + "_exhausted",
             "low if position.size > 0 else high", "low",
             "a short's maintenance grows with its mark"),
    Mutation("maintenance at the low", _HORIZON + "_exhausted",
             "position.entry_price, high,", "position.entry_price, low,",
             "a short's maintenance grows with its mark"),
    Mutation("a mark that stands still has the extremes of its own bar", _SCAN,
             "if not abreast:", "if False:",
             "a mark stands still while another moves"),
    Mutation("of several positions only the first is looked at", _HORIZON + "_liquidation",
             "until = self._mark_at(position, scan, level, start, until)",
             "return self._mark_at(position, scan, level, start, until)",
             "the second position is liquidated"),
    Mutation("orders of other instruments are overlooked", _HORIZON + "next_event",
             "held.union([order.symbol for order in broker.book.values()])", "held",
             "an order meets a bar without a mark"),
    # ---- the search itself
    Mutation("the first bar of a stretch is overlooked", "deleverage.horizon:first_true",
             "start, window = stop, min", "start, window = stop + 1, min",
             "a level is met far off"),
    Mutation("a stretch has to be wholly true", "deleverage.horizon:first_true",
             "found.argmax()", "found.argmin()", "a level is met far off"),
    # ---- the account's own short cuts, which every mode takes
    Mutation("the account wants levels passed from below", "deleverage.bar_walk:may_act",
             "series.high >= ", "series.high > ", "a buy stop is touched"),
    Mutation("the account wants levels passed from above", "deleverage.bar_walk:may_act",
             "series.low <= ", "series.low < ", "a buy limit is touched"),
    Mutation("the account wants a liquidation price passed", _BROKER + "_may_happen",
             "low <= level if", "low < level if", "the mark touches a long's level"),
    Mutation("the account wants maintenance passed", _BROKER + "_may_exhaust",
             "not worth > held", "worth < held", "two instruments exhaust a cross account"),
    Mutation("the account overlooks what is due", _BROKER + "_may_happen",
             "if view.timed():", "if False:", "funding is due"),
    Mutation("the account's band is wider than a level", "deleverage.band:_narrow",
             "ends[1] = min(ends[1], level)", "pass", "a buy stop is touched"),
    Mutation("the account overlooks a missing mark", _BROKER + "_may_happen",
             "if low != low:", "if False:",
             "a position without a level meets a bar without a mark"),
    Mutation("a liquidation price outlives a ladder", "deleverage.account:level",
             "known[1] is rules", "True", "a stricter ladder begins"),
    Mutation("a finer bar not walked yet is known", _BROKER + "next",
             "view.at = inside[0] - 1", "pass", "a mark stands still while another moves"),
    # ---- the strategy's side
    Mutation("the strategy's own bars in position are forgotten", _GATE + "next_look",
             "return self._wanted if self._wanted > bar else None", "return None",
             "a bar asked for in position comes"),
    Mutation("wake() is forgotten", _GATE + "next_look",
             "return int(wakes[at]) if at < len(wakes) else None", "return None",
             "a bar named by wake() comes"),
    Mutation("what is told before an indicator is ready is forgotten", _GATE + "next_look",
             "if self._stirred:", "if False:", "an indicator is not ready when the order fills"),
    Mutation("the first visit is the strategy's", "deleverage.loops:Loop.jump",
             "last if look is None else min(look, last))",
             "last if look is None else min(look, last)) if bar >= 0 else (look or 0)",
             "an order is sent before the first bar"),
)

# these ask for bars in which nothing happens: dearer, and no other run
WASTEFUL = (
    Mutation("limits are looked for on the side of stops", _HORIZON + "_order",
             "upward = (order.side > 0) == waits", "upward = order.side > 0",
             "a sell limit is touched"),
    Mutation("every order is soon", _HORIZON + "_soon",
             "return not order.active", "return True or not order.active",
             "a buy stop is touched"),
    Mutation("every bar may liquidate", _HORIZON + "_mark_at",
             "~(scan.mark_low[cut] > level)", "scan.mark_low[cut] == scan.mark_low[cut]",
             "the mark touches a long's level"),
    Mutation("an order expires as long as it lives", _HORIZON + "_order",
             'int(np.searchsorted(scan.days, own.valid, "right"))', "start",
             "an order expires"),
)

# ---- the dense loop asks each bar by itself
_GATED, _BAND = "deleverage.loops:Loop.gated", "deleverage.band:"
ASKED = (
    Mutation("dense forgets the bars of wake()", _GATED, "if not mask[bar]:", "if True:",
             "a bar named by wake() comes"),
    Mutation("dense forgets the bar wanted in position", _GATED,
             "(mask[bar] if flat else bar == wanted)", "(mask[bar] if flat else False)",
             "a bar asked for in position comes"),
    Mutation("dense does not ask the account", _GATED, " and broker.stays(bar)", "",
             "a buy limit is touched"),
    Mutation("dense forgets what is under way", _GATED,
             "not strategy._stirred and not broker.busy", "not strategy._stirred",
             "an order arrives late"),
    Mutation("a band does not end with what falls due", _BAND + "Band.holds",
             " or view.timed()", "", "funding is due"),
    Mutation("a band holds where last touches it", _BAND + "Band.holds",
             "low > self.last_above", "low >= self.last_above", "a buy limit is touched"),
    Mutation("a band holds where the mark touches it", _BAND + "Band.holds",
             "low > self.mark_above", "low >= self.mark_above",
             "the mark touches a long's level"),
    Mutation("a band does without trailing stops", "deleverage.bar_walk:around",
             "own.valid or own.exectype in TRAILING", "own.valid",
             "a trailing stop falls behind a rise"),
    Mutation("a band does without expiry", "deleverage.bar_walk:around",
             "own.valid or own.exectype in TRAILING", "own.exectype in TRAILING",
             "an order expires"),
)
