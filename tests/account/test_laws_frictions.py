"""Laws of what stands between an order and its fill: volume, the way to the venue, its outages.

Each is told twice: bar by bar and order by order, and as two lives that must be one and the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from hypothesis import strategies as st

from deleverage.journal import Journal
from deleverage.timestamps import HOUR, parse
from tests.account.generated import BARS, EXAMPLES, START, Scene, hold, scenes
from tests.account.lives import Life, Sent, live
from tests.account.orders import Cancel, Flatten, Send

FORCED = ("liquidation", "adl")
DELAYED = (Send, Cancel, Flatten)  # what travels; leverage and margin are changed on the spot


# ------------------------------------------------------------------ volume


@EXAMPLES
def test_fills_of_a_bar_stay_within_the_volume_limit(examples: int) -> None:
    """All of one's fills in a bar together, forced closes apart; and no order fills beyond its
    size."""
    seen: Counter[str] = Counter()

    def law(scene: Scene) -> None:
        life = live(scene)
        limit = scene.account["volume_limit"]
        taken: defaultdict[tuple[str, int], float] = defaultdict(float)
        filled: defaultdict[int, float] = defaultdict(float)
        for fill in life.journal.fills:
            if fill.reason not in FORCED:
                taken[fill.symbol, fill.bar] += abs(fill.size)
                filled[fill.order_ref] += abs(fill.size)
        for (symbol, bar), coins in taken.items():
            assert coins <= limit * life.columns[symbol].lines["volume"][bar] + 1e-9
        asked = {sent.order.ref: abs(sent.order.size) for sent in life.sent}
        for ref, coins in filled.items():
            assert coins <= asked[ref] + 1e-9
        seen.update({"all": 1, "parts": any(
            coins < asked[ref] - 1e-9 or sum(fill.order_ref == ref for fill in life.journal.fills)
            > 1 for ref, coins in filled.items())})

    hold(law, examples, st.sampled_from([0.02, 0.1, 0.3]).flatmap(
        lambda limit: scenes(volume_limit=limit)))
    assert seen["parts"] >= 0.2 * seen["all"], seen


# ------------------------------------------------------------------ latency


def _recalled(life: Life, sent: Sent) -> bool:
    """Whether an order died on its way or on arrival, with the position it was meant for."""
    latency = life.scene.account["latency"]
    return bool(latency) and sent.status == "Canceled" and sent.decided is not None \
        and sent.decided <= sent.bar + latency


@EXAMPLES
def test_latency_shifts_every_acceptance_and_loses_no_order(examples: int) -> None:
    """The venue takes or refuses an order n bars of its feed after it was sent, not before, unless
    a forced close recalls it; at the end each order is done, on the book or on its way."""
    seen: Counter[str] = Counter()

    def law(scene: Scene) -> None:
        life, latency = live(scene), scene.account["latency"]
        broker = life.run.broker
        forced = {fill.ts for fill in life.journal.fills if fill.reason in FORCED}
        for sent in life.sent:
            arrives = sent.bar + latency
            if _recalled(life, sent) and sent.decided != arrives:
                assert sent.ts in forced
                continue
            there = arrives < len(life.columns[sent.order.data._name])
            assert sent.decided == (arrives if there else None)
            seen.update({"sent": 1, "late": latency > 0, "under way": not there})
        alive = {sent.order.ref for sent in life.sent if sent.order.alive()}
        transit = {order.ref for _, what, order in broker.transit if what == "submit"}
        assert alive == set(broker.book) | transit
        assert not set(broker.book) & transit
        own = {sent.order.ref for sent in life.sent}
        for fill in life.journal.fills:
            assert (fill.order_ref in own) == (fill.reason not in FORCED)

    hold(law, examples, st.sampled_from([1, 2, 0, 4]).flatmap(
        lambda latency: scenes(latency=latency)))
    assert seen["late"] >= 0.5 * seen["sent"], seen
    assert seen["under way"], seen


@EXAMPLES
def test_latency_is_the_same_orders_sent_later(examples: int) -> None:
    """Orders sent n bars later over a line without delay are the same life, entry by entry; lives
    in which a forced close recalls an order on its way are left out."""
    seen: Counter[str] = Counter()

    def law(scene: Scene) -> None:
        late = live(scene)
        seen["all"] += 1
        if any(_recalled(late, sent) for sent in late.sent):
            return
        latency = scene.account["latency"]
        travel = [replace(step, bar=step.bar + latency) for step in scene.steps
                  if isinstance(step, DELAYED) and step.bar + latency < BARS]
        # what is changed on the spot meets the orders that have just arrived
        spot = [step for step in scene.steps if not isinstance(step, DELAYED)]
        prompt = live(replace(scene, steps=(*travel, *spot),
                              account={**scene.account, "latency": 0}))
        assert _records(late.journal) == _records(prompt.journal)
        assert _refusals(late.journal) == _refusals(prompt.journal)
        seen.update({"compared": 1, "filled": bool(late.journal.fills),
                     "liquidated": bool(late.journal.liquidations)})

    hold(law, examples, _fixed().flatmap(
        lambda scene: st.sampled_from([1, 2, 3]).map(lambda latency: replace(
            scene, account={**scene.account, "latency": latency}))))
    assert seen["compared"] >= 0.5 * seen["all"], seen
    assert seen["filled"] >= 0.5 * seen["all"], seen
    assert seen["liquidated"] >= 0.1 * seen["all"], seen


@st.composite
def _fixed(draw: st.DrawFn, **given_terms: Any) -> Scene:
    """A scene whose orders say everything themselves: none takes its price or size from the moment
    it is sent in, as a trailing stop and a close() do; all markets on one clock."""
    scene = draw(scenes(clocks=("1h",), **given_terms))
    return _without(scene, lambda step: isinstance(step, Flatten) or (
        isinstance(step, Send) and step.kind.startswith("trail")))


def _without(scene: Scene, gone: Callable[[Any], bool]) -> Scene:
    """A scene without some of its steps, and without what refers to them by name."""
    names = {step.name for step in scene.steps if isinstance(step, Send) and gone(step)}
    return replace(scene, steps=tuple(
        replace(step, oco="") if isinstance(step, Send) and step.oco in names else step
        for step in scene.steps if not gone(step)
        and not (isinstance(step, Cancel) and step.name in names)))


def _records(journal: Journal) -> dict[str, Any]:
    """A journal's records, refusals apart, but for the numbers of orders."""
    found: dict[str, Any] = {}
    for field in fields(journal):
        records = getattr(journal, field.name)
        if field.name == "fills":
            records = [replace(each, order_ref=0) for each in records]
        if field.name != "rejections":
            found[field.name] = repr(records)  # NaN compares equal to itself in text only
    return found


def _refusals(journal: Journal) -> list[tuple[int, str, float, str]]:
    """What was refused when and why; at a market order's own price, which it has from the moment it
    was sent in, nothing happens."""
    return [(each.bar, each.symbol, each.size, each.reason) for each in journal.rejections]


# ------------------------------------------------------------------ outages


@st.composite
def _outages(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """One stretch or two, on the bars' closes and between them."""
    halves = sorted(draw(st.sets(st.integers(0, 2 * BARS), min_size=2, max_size=4)))
    if len(halves) % 2:
        halves.pop()
    ends = [parse(START) + half * HOUR // 2 for half in halves]
    return tuple(zip(ends[::2], ends[1::2], strict=True))


def _out(scene: Scene, bar: int) -> bool:
    """Whether the venue is out at the close of a bar."""
    close = parse(START) + (bar + 1) * HOUR
    return any(start <= close < end for start, end in scene.account["outage"])


@EXAMPLES
def test_an_outage_refuses_all_and_only_what_reaches_it(examples: int) -> None:
    """Order by order: refused for the outage if and only if it arrives in it; changes of leverage
    and margin likewise."""
    seen: Counter[str] = Counter()

    def law(scene: Scene) -> None:
        life, latency = live(scene), scene.account["latency"]
        for sent in life.sent:
            if _recalled(life, sent) or sent.decided is None:
                continue
            reason = str(sent.order.info.get("rejection", ""))
            refused, out = reason.startswith("outage"), _out(scene, sent.bar + latency)
            orphan = reason.startswith("its parent order")
            assert out == (refused or (orphan and out)), (reason, sent)
            seen.update({"sent": 1, "out": out})
        for rejection in life.journal.rejections:
            assert _out(scene, rejection.bar) or not rejection.reason.startswith("outage")

    hold(law, examples, _cut_off())
    assert 0.1 * seen["sent"] <= seen["out"] <= 0.9 * seen["sent"], seen


@st.composite
def _cut_off(draw: st.DrawFn) -> Scene:
    return draw(scenes(clocks=("1h",), outage=draw(_outages()),
                       latency=draw(st.sampled_from([0, 0, 1, 2]))))


@EXAMPLES
def test_an_outage_is_what_had_never_been_sent(examples: int) -> None:
    """Without the orders, cancels and changes that would reach it in an outage, the same life in a
    venue that is never out: resting orders, trailing stops and liquidations do not notice it."""
    seen: Counter[str] = Counter()

    def law(scene: Scene) -> None:
        life, latency = live(scene), scene.account["latency"]
        kept = _without(scene, lambda step: _out(
            scene, step.bar + (latency if isinstance(step, DELAYED) else 0)))
        never = live(replace(kept, account={**scene.account, "outage": ()}))
        assert _records(life.journal) == _records(never.journal)
        assert [each for each in _refusals(life.journal) if not _out(scene, each[0])] == [
            each for each in _refusals(never.journal) if not _out(scene, each[0])]
        seen.update({"all": 1, "gone": len(kept.steps) < len(scene.steps),
                     "filled": bool(life.journal.fills),
                     "liquidated": bool(life.journal.liquidations)})

    hold(law, examples, _cut_off())
    assert seen["gone"] >= 0.3 * seen["all"], seen
    assert seen["filled"] >= 0.3 * seen["all"], seen
    assert seen["liquidated"] >= 0.1 * seen["all"], seen
