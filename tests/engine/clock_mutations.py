"""Wrong engines on different clocks: steps taken for bars, feeds that stand taken for feeds that
move."""

from __future__ import annotations

from tests.engine.mutations import Mutation

_UNION, _ON = "deleverage.unionloop:UnionLoop.", "deleverage.horizon:Scan."
_HORIZON, _SCAN = "deleverage.horizon:Horizon.", _ON + "__init__"
_GATE = "deleverage.strategies.base:PerpetualStrategy."

STEPS = (
    Mutation("a feed's bars are looked for from the step's number on", _ON + "first",
             "first_true(test, self.beat.before(start), stop)", "first_true(test, start, stop)",
             "an order on a feed that began later is met"),
    Mutation("a feed's next bar is looked for from the step's number on", _ON + "step_of",
             "max(self.beat.before(start), bar)", "max(start, bar)",
             "an order arrives late at a slower feed"),
    Mutation("a market order on a slower feed is looked for by the step's number", _ON + "step_of",
             "max(self.beat.before(start), bar)", "max(start, bar)",
             "an order on a slower feed waits for a bar that opens later"),
    Mutation("an order on a slower feed expires by the step's number", _ON + "step_of",
             "max(self.beat.before(start), bar)", "max(start, bar)",
             "an order on a slower feed expires"),
    Mutation("a ladder begins by the step's number", _ON + "step_of",
             "max(self.beat.before(start), bar)", "max(start, bar)",
             "a stricter ladder begins on a slower feed"),
    Mutation("a liquidation is looked for from the step's number on", _ON + "first",
             "first_true(test, self.beat.before(start), stop)", "first_true(test, start, stop)",
             "a slower feed's position is liquidated"),
    Mutation("a missing mark is looked for from the step's number on", _ON + "first",
             "first_true(test, self.beat.before(start), stop)", "first_true(test, start, stop)",
             "a slower feed's bar has no mark"),
    Mutation("settlements come with their feed's bar number", _SCAN,
             "if beat is not None:", "if False:", "funding is due on a feed that began later"),
    Mutation("all feeds stand still in all steps", _ON + "standing",
             "np.where(ends, self.still_low[at], still)", "still",
             "a cross account falls while one instrument stands"),
    Mutation("an instrument without finer bars never stands still",
             "deleverage.horizon:at_one_instant",
             "not any(view.gathers for view in views)", "True",
             "a mark without finer bars stands still while another's are walked"),
    Mutation("the bars of one step all end at one instant", "deleverage.horizon:at_one_instant",
             "np.array_equal(each, closes[0])", "True",
             "closes a microsecond apart are one step, and walked one after the other"),
    Mutation("next() is called once any feed has its bars",
             "deleverage.unionclock:UnionClock.ahead", "np.max(missing",
             "np.min(missing",
             "what is told before all feeds have begun is answered then"),
    Mutation("bars passed over are walked later", _UNION + "_pass_over",
             "if step == self.step + 1:", "if True:",
             "a bar passed over is not walked with later marks"),
    Mutation("bars passed over leave no trailed level behind", _UNION + "_pass_over",
             "if broker.book:", "if False:",
             "a trailing stop follows the bars that others did not see"),
    Mutation("the strategy counts steps", _UNION + "_next_look",
             "first.before(bar + 1) - 1", "bar",
             "a bar named by wake() comes on a slower first feed"),
    Mutation("what is told before all feeds have begun is forgotten", _UNION + "_next_look",
             "if self.strategy._stirred:", "if False:",
             "what is told before all feeds have begun is answered then"),
    Mutation("what is told before all feeds have begun is answered a step late",
             _UNION + "_next_look", "max(bar + 1, self.begins)", "self.begins + 1",
             "what is told before all feeds have begun is answered then"),
    Mutation("a bar is looked at as long as the first feed stands at it", _GATE + "next",
             "if not self.fresh:", "if False:",
             "a first feed's bar is looked at once"),
    Mutation("a run told to stop moves the indicators first", _UNION + "_follow",
             "if not self.cerebro._event_stop:", "if True:",
             "a run told to stop leaves a slower feed's indicators at the bar before"),
)

# dearer, and no other run
WASTED_STEPS = (
    Mutation("a feed that stands has the extremes of its last bar", _ON + "standing",
             "self.beat.steps[at] == np.arange(cut.start, cut.stop)", "self.beat.steps[at] >= 0",
             "a bar passed over is not walked with later marks"),
    Mutation("orders without a price are looked after in every step", _HORIZON + "next_event",
             "self.scans[order.symbol].step_of(0, start)", "start",
             "an order on a slower feed waits for a bar that opens later"),
)
