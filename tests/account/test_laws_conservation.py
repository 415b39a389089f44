"""Conservation: what an account loses others gain, each of them reckoned on its own.

Over a whole life, Σ entries without deposits = the market's result at fill prices (a takeover at
the mark it was triggered at) − fees − liquidation fees + funding − what the insurance fund gained
by takeovers + what it gave to lift an account to zero. The left side is the account's; every term
of the right is worked out here: the result from sizes and prices, fees from the rates, funding from
the market's settlements, the fund's part from the equity behind what was taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from deleverage import account
from deleverage.account import State
from deleverage.journal import FREE, Cause, FundingPayment, LiquidationEvent
from tests.account.generated import EXAMPLES, Scene, hold, scenes
from tests.account.lives import Booked, Life, Tally, live
from tests.account.replay import positions, turnover

TAKEN = ("takeover", "backstop")


@EXAMPLES
def test_what_an_account_loses_others_gain(examples: int) -> None:
    """Σ entries is the market's result less fees, funding paid and what the fund gained."""
    tally = Tally()

    def law(scene: Scene) -> None:
        life = live(scene)
        journal = life.journal
        near = 1e-12 * turnover(journal) + 1e-9
        lifted = math.fsum(_lift(booked, near) for booked in life.booked)
        expected = math.fsum([
            _market_result(life), -_fees(life, near), -_liquidation_fees(life, near),
            _funding(life, near), -_funds_gain(life, near), lifted])
        booked = math.fsum(entry.amount for entry in journal.entries
                           if entry.cause is not Cause.DEPOSIT)
        assert abs(booked - expected) <= near
        tally.note(life)

    hold(law, examples, scenes())
    tally.check()


# ------------------------------------------------------------------ the market


def _market_result(life: Life) -> float:
    """Money out of trading: what coins sold for less what they cost, what is left at cost; coins
    taken over are sold at the mark that triggered it."""
    fills, hedge = life.journal.fills, life.scene.account["hedge"]
    events = iter(life.journal.liquidations)
    cash = []
    for fill in fills:
        price = fill.price
        if fill.reason == "liquidation":
            event = next(events)
            assert (event.symbol, event.size, event.price) == (fill.symbol, -fill.size, fill.price)
            price = event.trigger_mark if event.stage in TAKEN else price
        cash.append(-fill.size * price)
    assert next(events, None) is None
    return math.fsum(cash + [held.size * held.entry for held in positions(fills, hedge).values()])


# ------------------------------------------------------------------ fees


def _fees(life: Life, near: float) -> float:
    """What the venue took for orders, by its rates."""
    rates = life.run.broker.desk.fees
    paid = []
    for fill in life.journal.fills:
        if fill.reason == "liquidation":
            continue
        rate = 0.0 if fill.reason == "adl" else getattr(rates[fill.symbol], fill.role)
        paid.append(abs(fill.size) * fill.price * rate)
        assert abs(fill.fee - paid[-1]) <= near
    return math.fsum(paid)


def _liquidation_fees(life: Life, near: float) -> float:
    """What it took for its own orders: its rate of what they closed, or all that was left."""
    paid = 0.0
    for booked, events in _forced(life):
        for event in events:
            rules = life.rules(event.symbol)
            asked = rules.procedure.fee(rules) if hasattr(rules.procedure, "fee") else 0.0
            full = abs(event.size) * event.price * asked if event.stage == "market" else 0.0
            assert 0 <= event.fee <= full + near
            if event.fee < full - near:
                left = _left(booked.change.state, event)
                assert not left > near, "a part of the fee, and still something left"
            paid += event.fee
    return paid


# ------------------------------------------------------------------ funding


def _funding(life: Life, near: float) -> float:
    """What settlements brought, from the market's own stamps; each held position met every one."""
    by_stamp: dict[tuple[str, int], list[FundingPayment]] = {}
    for paid in life.journal.funding:
        by_stamp.setdefault((paid.symbol, paid.ts), []).append(paid)
    total = 0.0
    for symbol, columns in life.columns.items():
        schedule, rules = columns.funding, life.rules_or_none(symbol)
        for number, ts in enumerate(schedule.settle_ns.tolist()):
            found = by_stamp.pop((symbol, ts), [])
            bar = int(schedule.bar[number])
            quiet = _sizes_through(life, symbol, bar)
            if quiet is not None:
                assert sorted(round(paid.size, 9) for paid in found) == sorted(quiet)
            for paid in found:
                assert rules is not None
                price = float(schedule.price[number])
                amount = -paid.size * price * float(schedule.rate[number])
                assert abs(paid.amount - amount) <= near
                total += amount
    assert not by_stamp, "a payment without a settlement"
    return total


def _sizes_through(life: Life, symbol: str, bar: int) -> list[float] | None:
    """The sizes held all through a bar; None where something was filled in it."""
    if any(fill.symbol == symbol and fill.bar == bar for fill in life.journal.fills):
        return None
    earlier = [fill for fill in life.journal.fills if fill.symbol == symbol and fill.bar < bar]
    return [held.size for held in positions(earlier, life.scene.account["hedge"]).values()]


# ------------------------------------------------------------------ the insurance fund


def _funds_gain(life: Life, near: float) -> float:
    """What the fund gained by taking over: all that stood behind the position or the account at the
    mark of that instant, less what was given back; below zero where it owed."""
    gained = 0.0
    for booked, events in _forced(life):
        _check_marks(life, events)
        taken = [event for event in events if event.stage in TAKEN]
        assert taken in ([], events)
        for event in events:
            if event.stage not in TAKEN:
                assert event.insurance == 0
            elif event.margin_mode == "isolated":
                behind = _behind(booked.before, event, event.trigger_mark)
                assert abs(event.insurance - behind + event.returned) <= near
                gained += behind - event.returned
        if taken and taken[0].margin_mode == "cross":
            marks = {event.symbol: event.trigger_mark for event in taken}
            assert {held.symbol for held in booked.before.positions.values()} == set(marks)
            behind = account.equity(booked.before, marks)
            assert abs(math.fsum(event.insurance for event in taken) - behind) <= near
            gained += behind
    return gained


def _check_marks(life: Life, events: list[LiquidationEvent]) -> None:
    """A venue acts on a mark of that bar; where the bar opened beyond the level, on its open."""
    for event in events:
        mark = life.columns[event.symbol].execution_mark
        low, high = mark.low[event.bar], mark.high[event.bar]
        assert low * (1 - 1e-12) <= event.trigger_mark <= high * (1 + 1e-12)
        if event.gap and event.cause == "mark":
            assert event.trigger_mark == mark.open[event.bar]


def _behind(state: State, event: LiquidationEvent, price: float) -> float:
    """What stands behind an isolated position at a price."""
    return math.fsum(held.margin + held.size * (price - held.entry_price)
                     for held in state.positions.values() if held.number == event.position)


def _left(state: State, event: LiquidationEvent) -> float:
    """What a reduction left: what still stands on the position or the account, its rest counted at
    the worse of its price and mark; NaN where marks of other instruments would have to be known."""
    worse = (min if event.size > 0 else max)(event.price, event.trigger_mark)
    if event.margin_mode == "isolated":
        return _behind(state, event, worse)
    if any(held.symbol != event.symbol for held in state.positions.values()):
        return math.nan
    return state.free + math.fsum(
        held.unrealised(worse if held.number == event.position else event.trigger_mark)
        for held in state.positions.values())


def _forced(life: Life) -> Iterator[tuple[Booked, list[LiquidationEvent]]]:
    """Every change by a liquidation and the events that tell of it."""
    for booked in life.booked:
        count = sum(each.cause is Cause.LIQUIDATION for each in booked.change.bookings)
        if count:
            yield booked, life.journal.liquidations[booked.events:booked.events + count]


def _lift(booked: Booked, near: float) -> float:
    """What the fund gave so that an account with nothing open does not owe."""
    lifts = [each.amount for each in booked.change.bookings if each.cause is Cause.INSURANCE]
    if not lifts:
        return 0.0
    owed = -math.fsum([booked.before.free, *(
        each.amount for each in booked.change.bookings
        if each.balance == FREE and each.cause is not Cause.INSURANCE)])
    assert lifts == [sum(lifts)]
    assert abs(lifts[0] - owed) <= near
    assert owed > 0
    assert not booked.change.state.positions
    assert booked.change.state.free == 0
    return owed
