"""One test a defect of the event-driven engine: what a bar too few, or too early, did to a run."""

from __future__ import annotations

import weakref
from typing import Any

import backtrader as bt
import pytest

import deleverage as dl
from deleverage import loops
from deleverage.errors import UsageError
from deleverage.strategies.base import PerpetualStrategy
from deleverage.timestamps import MINUTE, parse
from tests.core.desks import flat_ladder
from tests.engine.clock_witnesses import CLOCKS
from tests.engine.runs import DENSE, JUMP, STOCK, columns_of, run
from tests.engine.scenes import START, Move, Rows, Scene
from tests.engine.witnesses import BTC, BUY, STRATEGY, VENUE, scene
from tests.markets import make_columns

FLAT = make_columns([100.0] * 60)


class Waiting(PerpetualStrategy):
    """Looks at bar 30 only, and writes down when it was called."""

    def __init__(self) -> None:
        self.called: list[tuple[int, str]] = []

    def wake(self) -> list[int]:
        return [30]

    def act(self) -> None:
        self.called.append((self.bar, "act"))

    def notify_order(self, order: bt.Order) -> None:
        self.called.append((self.bar, order.getstatusname()))


def _engine(mode: str) -> bt.Cerebro:
    return bt.Cerebro(stdstats=False) if mode == "stock" else dl.Cerebro(mode=mode)


def _ran(kind: type[bt.Strategy], mode: str, **account: Any) -> Any:
    engine = _engine(mode)
    engine.adddata(dl.feeds.PerpetualData(columns=FLAT))
    engine.setbroker(dl.PerpetualBroker(**account))
    engine.addstrategy(kind)
    return engine.run()[0]


def _same(each: Scene) -> None:
    """Stock, dense and jump tell one story."""
    markets = columns_of(each)
    stock = run(each, STOCK, markets)
    assert stock.differs(run(each, DENSE, markets)) == ""
    assert stock.differs(run(each, JUMP, markets)) == ""


@pytest.mark.parametrize("mode", ["stock", "dense", "jump"])
@pytest.mark.parametrize(("latency", "called"), [
    (0, [(0, "Submitted"), (0, "Rejected"), (0, "act"), (30, "act")]),
    (3, [(0, "Submitted"), (0, "act"), (2, "Accepted"), (2, "act"), (3, "Completed"), (3, "act")]),
])
def test_an_order_sent_before_the_first_bar_is_heard_of_in_it(
    mode: str, latency: int, called: list[tuple[int, str]]
) -> None:
    """The first jump went to the strategy's first bar, 30, without asking the account."""
    class Early(Waiting):
        def start(self) -> None:
            self.buy(size=1)

    assert _ran(Early, mode, latency=latency).called == called


@pytest.mark.parametrize("mode", ["stock", "dense", "jump"])
def test_news_before_an_indicator_is_ready_wait_for_its_first_bar(mode: str) -> None:
    """What is told in bars 0 to 3 calls act() in bar 19, the first the indicator allows; the jump
    knew of bar 30 only."""
    class Slow(Waiting):
        def __init__(self) -> None:
            super().__init__()
            self.average = bt.indicators.SimpleMovingAverage(self.data.close, period=20)

        def start(self) -> None:
            self.buy(size=1)

    assert _ran(Slow, mode, latency=3).called == [
        (0, "Submitted"), (2, "Accepted"), (3, "Completed"), (19, "act")]
    _same(STRATEGY["an indicator is not ready when the order fills"].scene)


def test_a_finer_bar_is_not_known_before_it_is_walked() -> None:
    """ETH's first minute of an hour falls to 80 while BTC, on bars of five minutes, still stands at
    the hour before's 75: the account is exhausted. It was valued at BTC's mark of the hour's end,
    100; and a jump asked for that hour's marks only, of which 75 is none."""
    witness = VENUE["a mark stands still while another moves"]
    jumped = run(witness.scene, JUMP)
    assert [(event.bar, event.symbol) for event in jumped.journal.liquidations] == [
        (5, "ETHUSDT"), (5, "BTCUSDT")]
    _same(witness.scene)


def test_an_hour_without_finer_bars_stands_still_as_well() -> None:
    """BTC on bars of an hour still stands at 75 while ETH's first minute of the next one falls to
    80: the jump asked for the extremes of BTC's coming hour only, and nothing was liquidated."""
    witness = CLOCKS["a mark without finer bars stands still while another's are walked"]
    jumped = run(witness.scene, JUMP)
    assert [(event.bar, event.symbol) for event in jumped.journal.liquidations] == [
        (5, "ETHUSDT"), (5, "BTCUSDT")]
    _same(witness.scene)


@pytest.mark.parametrize("mode", ["stock", "dense", "jump"])
def test_a_bar_is_looked_at_once_beside_a_faster_feed(mode: str) -> None:
    """Bar 3 of five minutes, beside bars of one: act() was called in each of the five steps in
    which the first feed stood at it."""
    class Noting(Waiting):
        def wake(self) -> list[int]:
            return [3]

        def act(self) -> None:
            self.called.append((len(self) - 1, "act"))

    engine = _engine(mode)
    engine.adddata(dl.feeds.PerpetualData(columns=make_columns([100.0] * 12, step="5m")))
    engine.adddata(dl.feeds.PerpetualData(columns=make_columns([100.0] * 60, symbol=BTC)))
    engine.setbroker(dl.PerpetualBroker())
    engine.addstrategy(Noting)
    assert engine.run()[0].called == [(19, "act")]


def test_a_mark_that_nobody_needs_any_more_may_be_missing() -> None:
    """BTC's position ends in the first minutes of a quarter of an hour, its mark is missing later
    in it, in a minute in which ETH's limit fills: the run ended, though nothing was open in BTC."""
    each = scene(Move("limit", near=-100), Move("market", share=0.1, feed=1),
                 Move("stop", -1, near=195, feed=1, share=0.1), step="15m",
                 rows=(Rows({205: (100, 100, 98, 98)}, bars=450),
                       Rows({200: (100, 100, 97, 97)}, bars=450, symbol=BTC, unmarked=(205,))))
    outcome = run(each, STOCK)
    assert [(fill.bar, fill.symbol) for fill in outcome.journal.fills] == [
        (2, BTC), (13, BTC), (13, "ETHUSDT")]
    assert "no mark price" not in outcome.error
    _same(each)


def test_a_ladder_inside_an_hour_is_on_record_before_the_hour_s_fills() -> None:
    """The ladder begins with the hour, the exit fills in its minute 10; on record the ladder came
    at the hour's end, after the fill, so that curves read a position that was gone."""
    each = scene(BUY, Move("stop", -1, near=195), rows=Rows({250: (100, 100, 97, 97)}, bars=420),
                 step="1h",
                 changes=((parse(START) + 240 * MINUTE, flat_ladder(0.01, id="stricter")),))
    shots = run(each, STOCK).journal.snapshots
    assert [(shot.bar, shot.size) for shot in shots] == [(2, 200), (4, 200), (4, 0)]
    assert [shot.ts for shot in shots] == sorted(shot.ts for shot in shots)
    _same(each)


def test_a_run_told_to_stop_leaves_the_strategy_at_the_bar_before() -> None:
    """backtrader moves a strategy's own lines after the broker has spoken; the lean loops moved
    them before, so that stop() saw one bar more than under bt.Cerebro."""
    witness = STRATEGY["a run told to stop ends a bar later"]
    assert witness.happened(run(witness.scene, DENSE))
    _same(witness.scene)


def test_next_from_a_mixin_is_refused_as_well() -> None:
    """A next() inherited from beside the base bypassed the gate: called at every bar when dense,
    at the visited ones in a jump."""
    class Beside:
        def next(self) -> None:
            """Would bypass the gate."""

    with pytest.raises(UsageError, match=r"Beside overrides next\(\).*drop next\(\)"):
        class Mixed(Beside, PerpetualStrategy):
            """Gets next() from Beside."""


@pytest.mark.parametrize("mode", ["stock", "auto", "dense"])
@pytest.mark.parametrize("inside", [False, True])
def test_an_analyzer_made_from_ours_is_called_at_its_bars(mode: str, inside: bool) -> None:
    """jump_safe speaks for the class that says it: next() of a subclass, or of an analyzer inside
    it, was never called, in a dense run either."""
    class Counter(bt.Analyzer):
        bars = 0

        def next(self) -> None:
            self.bars += 1

    class Counting(dl.analyzers.Liquidations):
        bars = 0

        def next(self) -> None:
            self.bars += 1

    class Holding(dl.analyzers.Liquidations):
        def __init__(self) -> None:
            self.counter = Counter()

    engine = _engine(mode)
    engine.adddata(dl.feeds.PerpetualData(columns=FLAT))
    engine.setbroker(dl.PerpetualBroker())
    engine.addstrategy(Waiting)
    engine.addanalyzer(Holding if inside else Counting)
    analyzer = engine.run()[0].analyzers[0]
    assert (analyzer.counter if inside else analyzer).bars == 60


@pytest.mark.parametrize("mode", ["dense", "jump"])
def test_finished_runs_do_not_pile_up(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run freezes what is there, itself included, and what was frozen the collector hardly ever
    looks at: thirty runs of a year were thirty markets in memory."""
    monkeypatch.setattr(loops, "MOST_LEFT", 5_000_000)
    left: list[weakref.ref[Any]] = []
    for _ in range(30):
        broker = _ran(Waiting, mode).broker
        left.append(weakref.ref(broker))
    assert sum(run() is not None for run in left) < 10


@pytest.mark.parametrize("preload", [True, False])
def test_the_old_loops_are_not_taken_for_a_jump(preload: bool) -> None:
    """backtrader has loops of their own for oldsync: mode="jump" ran in them and said nothing."""
    engine = dl.Cerebro(oldsync=True, preload=preload)
    engine.adddata(dl.feeds.PerpetualData(columns=FLAT))
    engine.setbroker(dl.PerpetualBroker())
    engine.addstrategy(Waiting)
    engine.run()
    assert (engine.mode_used, engine.dense_because) == ("stock", "oldsync")


def test_the_bars_of_wake_cannot_be_changed_during_a_run() -> None:
    """The gate goes by a mask made of them, a jump by the bars themselves: changed in act(), they
    parted the two."""
    class Changing(Waiting):
        def act(self) -> None:
            self.wakes[0] = 40

    with pytest.raises(ValueError, match="read-only"):
        _ran(Changing, "jump")


@pytest.mark.parametrize("wanted", [35.5, float("inf"), float("nan")])
def test_a_next_wake_that_is_no_bar_is_refused(wanted: float) -> None:
    """35.5 was cut to bar 35, and infinity ended in an OverflowError."""
    class Bad(Waiting):
        def act(self) -> None:
            if self.flat:
                self.buy(size=1)

        def next_wake(self, bar: int) -> Any:
            return wanted

    with pytest.raises(UsageError, match=r"next_wake\(31\) returned .*: expected a later bar"):
        _ran(Bad, "jump")
