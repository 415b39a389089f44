"""Scenes drawn at random: markets, accounts and strategies of every kind the engine may jump over.

What happens in a market is drawn as a seed and a few shocks, what a strategy does as a plan in
full, so that a failing example reads as a story. Amounts are chosen so that positions fall into
higher brackets of their ladder and shocks kill some of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from deleverage import Fees, venues
from deleverage.policies import AdlEvent
from deleverage.timestamps import MINUTE, parse, parse_step, show
from tests.account.generated import CONTRACTS, LADDER
from tests.core.desks import make_ladder
from tests.engine.scenes import SHOCKS, START, Move, Moves, Plan, Scene, Series, Shock

STRICTER = make_ladder((0, 30_000, .008, 100), (30_000, 90_000, .012, 50),
                       (90_000, 300_000, .02, 25), (300_000, None, .04, 12), id="stricter")
MUCH_STRICTER = make_ladder((0, 30_000, .03, 100), (30_000, 90_000, .035, 50),
                            (90_000, 300_000, .04, 25), (300_000, None, .05, 12),
                            id="much stricter")
STRICTER_CONTRACTS = make_ladder((0, 900, .01, 100), (900, 4_000, .02, 50), (4_000, None, .04, 12),
                                 unit="contracts", contract_size=0.01, jumps=True, id="stricter")

# (the account's step, its bars, the strategy's step)
_CLOCKS = [("1m", 220, None), ("1m", 220, None), ("15m", 160, None), ("1h", 120, None),
           ("5m", 420, "1h"), ("1m", 600, "15m")]
_MARK_BARS = {"1m": 5, "5m": 3}
_KINDS = ("market", "market", "limit", "limit", "stop", "stop_limit", "trail", "trail",
          "trail_limit", "at_close", "bracket", "bracket", "oco", "close", "close", "cancel",
          "leverage", "margin", "cash")


# ------------------------------------------------------------------ markets

@st.composite
def shocks(draw: st.DrawFn, bars: int) -> tuple[Shock, ...]:
    """Up to six sudden bars, crashes of up to 15 per cent among them."""
    each = st.builds(Shock, st.integers(5, bars - 1), st.sampled_from([*SHOCKS, "crash", "gap"]),
                     st.sampled_from([-1_500, -900, -500, -250, -120, 120, 250, 500, 1_100]))
    return tuple(draw(st.lists(each, min_size=2, max_size=7)))


@st.composite
def series(draw: st.DrawFn, step: str, bars: int, gathered: bool, known: bool) -> Series:
    """One instrument on a clock; bars of its own are missing only where coarser ones hide it, marks
    and rates only where not everything is ``known``."""
    some = st.lists(st.integers(0, bars - 2), max_size=3, unique=True).map(tuple)
    seldom = st.sampled_from([False] * 5 + [True])
    return Series(
        step=step, bars=bars, seed=draw(st.integers(0, 9_999)),
        volatility=draw(st.sampled_from([2, 8, 20, 45])), basis=draw(st.sampled_from([0, 3, 20])),
        shocks=draw(shocks(bars)), volume=draw(st.sampled_from([30, 300])), idle=draw(some),
        holes=draw(some) if gathered and draw(seldom) else (),
        unmarked=draw(some) if draw(seldom) and not known else (),
        mark_bars=draw(st.sampled_from([1, 1, 1, _MARK_BARS.get(step, 1)])),
        hours=draw(st.sampled_from([1, 1, 8, 8, 0])), late=draw(st.sampled_from([0, 0, 20, 1_260])),
        unpaid=draw(st.sampled_from([(), (), (1,), (2, 3)])) if not known else ())


@st.composite
def markets(draw: st.DrawFn, known: bool) -> tuple[tuple[Series, ...], str | None]:
    """One instrument or two on one clock, and the strategy's step where it is a coarser one."""
    step, bars, coarse = draw(st.sampled_from(_CLOCKS))
    first = draw(series(step, bars, coarse is not None, known))
    if draw(st.booleans()):
        other = draw(series(step, bars, coarse is not None, known))
        if coarse is not None and draw(st.booleans()):  # their finer bars need not be the same
            other = draw(series("5m" if step == "1m" else "15m", bars // (5 if step == "1m" else 3),
                                True, known))
        if other.bars == first.bars and draw(st.booleans()):  # a cascade hits both
            other = replace(other, shocks=first.shocks)
        other = replace(other, symbol="BTCUSDT", price=60_000.0, tick=20.0)
        found: tuple[Series, ...] = (first, other)
    else:
        found = (first,)
    if coarse is None and draw(st.sampled_from([False, False, True])):  # the venue stood still
        start, length = draw(st.integers(20, bars - 60)), draw(st.integers(1, 50))
        found = tuple(replace(each, holes=tuple(range(start, start + length))) for each in found)
    return found, coarse


# how the second instrument's clock differs from the first's
APART = ("later", "shorter", "later and shorter", "gaps", "slower", "faster", "beside", "inside",
         "inside the first")


@st.composite
def markets_apart(draw: st.DrawFn, known: bool) -> tuple[tuple[Series, ...], str | None]:
    """Two instruments or three, each on its own clock; either may be the strategy's first."""
    step, bars, _ = draw(st.sampled_from(_CLOCKS[:4]))
    first, other = (draw(series(step, bars, False, known)) for _ in range(2))
    kind, length = draw(st.sampled_from(APART)), parse_step(step)
    if kind in ("slower", "faster"):
        slow = {"1m": "5m", "15m": "1h", "1h": "4h"}[step]
        wide = parse_step(slow) // length
        other = draw(series(slow, max(bars // wide, 30), False, known))
    if kind == "faster":
        first, other = other, first
    if "later" in kind:
        other = replace(other, start=show(parse(START) + draw(st.integers(1, bars // 2)) * length))
    if "shorter" in kind:
        other = draw(series(step, draw(st.integers(40, bars - 1)), False, known))
        if "later" in kind:
            late = draw(st.integers(1, min(bars - 30, 60)))
            other = replace(other, start=show(parse(START) + late * length))
    if kind == "gaps":
        holes = {at + more for at in draw(st.lists(st.integers(5, bars - 40), min_size=1,
                                                   max_size=4))
                 for more in range(draw(st.integers(1, 30)))}
        other = replace(other, holes=tuple(sorted(holes)))
    if kind == "beside":  # their bars never end together
        other = replace(other, start=show(parse(START) + length // 3))
    if kind.startswith("inside"):
        other = draw(series("1m", 600, True, known))
        shown = draw(st.sampled_from(["5m", "15m", "1h"]))
        first = draw(series("5m", 120, False, known))
        first, other = replace(first, mark_bars=1), replace(other, shown=shown, mark_bars=1)
    if kind == "inside the first":
        first, other = other, first
    other = replace(other, symbol="BTCUSDT", price=60_000.0, tick=20.0)
    found: tuple[Series, ...] = (first, other) if draw(st.booleans()) else (other, first)
    if draw(st.sampled_from([False, False, False, True])):
        third = draw(series(step, draw(st.integers(bars // 2 + 20, bars)), False, known))
        found += (replace(third, symbol="SOLUSDT", price=150.0, tick=0.05),)
    return found, None


# ------------------------------------------------------------------ accounts

@st.composite
def accounts(draw: st.DrawFn, end: int, missing: str) -> dict[str, Any]:
    """Every venue and procedure, every policy; ``end`` is when the market ends (UTC ns)."""
    venue = draw(st.sampled_from(venues.names()))
    margin = draw(st.sampled_from(["isolated", "cross"]))
    hedge = draw(st.sampled_from([False] * 7 + [True])) and (
        margin == "isolated" or venue == "binance")
    begin = parse(START)

    def moment() -> int:
        return begin + draw(st.integers(1, 99)) * ((end - begin) // 100 // MINUTE) * MINUTE

    outage = sorted({moment(), moment()}) if draw(st.sampled_from([False] * 4 + [True])) else []
    adl = draw(st.sampled_from([()] * 4 + [("long", 0.3), ("short", 0.6), ("long", 1.0)]))
    return {
        "venue": venue, "margin": margin, "hedge": hedge, "cash": 10_000.0,
        "ladder": CONTRACTS if venue == "okx" else LADDER,
        "leverage": draw(st.sampled_from([5, 10, 20, 20, 50, 50])),
        "liquidation": draw(st.sampled_from(["venue", "venue", "venue", "takeover"])),
        "path": draw(st.sampled_from(["adverse", "adverse", "favourable", "ohlc"])),
        "fill": draw(st.sampled_from(["through", "touch"])),
        "entry_bar": draw(st.sampled_from(["live", "live", "backtrader"])),
        "missing": missing,
        "mark": draw(st.sampled_from([None, None, None, "last"])),
        "fees": draw(st.sampled_from([None, None, Fees.free(), Fees(-0.0001, 0.001)])),
        "slippage": draw(st.sampled_from([None, "5bp", "volume", "cascade"])),
        "stop_trigger": draw(st.sampled_from([None, None, "mark"])),
        "volume_limit": draw(st.sampled_from([None, None, 0.25])),
        "latency": draw(st.sampled_from([0, 0, 0, 1, 3])),
        "on_liquidation": draw(st.sampled_from(["continue"] * 5 + ["stop"])),
        "outage": ((show(outage[0]), show(outage[1])),) if len(outage) == 2 else (),
        "adl": (AdlEvent(moment(), *adl, 2_950.0, "ETHUSDT"),) if adl else (),
    }


# ------------------------------------------------------------------ strategies

_near = st.integers(-120, 120)
_moves = st.builds(
    Move, st.sampled_from(_KINDS), side=st.sampled_from([1, -1]),
    share=st.sampled_from([0.05, 0.2, 0.4, 0.7]), near=_near, far=_near, feed=st.integers(0, 1),
    minutes=st.sampled_from([None, None, None, 0, 3, 40, 600]),
    exits=st.sampled_from([None, None, None, 30]),
    mark=st.sampled_from([False, False, True]), percent=st.booleans(),
    reduce_only=st.sampled_from([False, False, False, True]),
    entry=st.sampled_from(["market", "limit", "stop"]), trailing=st.booleans(),
    number=st.integers(0, 3))
_deeds: st.SearchStrategy[Moves] = st.lists(_moves, min_size=1, max_size=2).map(tuple)
_perhaps: st.SearchStrategy[Moves] = st.one_of(st.just(()), _deeds)
_replies = st.lists(_perhaps, max_size=4).map(tuple)


@st.composite
def plans(draw: st.DrawFn, bars: int, instruments: int) -> Plan:
    """Few bars to look at among many, moves of every kind, answers to what is told; the first of
    them enters a position, often one in each instrument."""
    kind = draw(st.sampled_from(["market", "market", "bracket", "limit"]))
    shares = [share / instruments for share in (0.3, 0.7, 0.9)]
    each = [draw(st.builds(Move, st.just(kind), side=st.sampled_from([1, 1, -1]),
                           share=st.sampled_from(shares), near=st.integers(-40, 5),
                           far=st.integers(100, 2_000), feed=st.just(feed)))
            for feed in range(instruments)]
    entry = tuple(each[:draw(st.integers(1, instruments))])
    first = draw(st.integers(0, 12))
    wakes = draw(st.lists(st.integers(0, bars - 1), min_size=2, max_size=12, unique=True))
    kinds = draw(st.lists(st.sampled_from(["order", "trade", "liquidation", "funding", "told"]),
                          max_size=2, unique=True))
    return Plan(
        wakes=tuple(sorted({first, *wakes})),
        holds=tuple(draw(st.lists(st.sampled_from([None, 1, 6, 20, 80]), min_size=1, max_size=4))),
        moves=(entry, *draw(st.lists(_deeds, min_size=2, max_size=7))),
        replies={kind: draw(_replies) for kind in kinds},
        period=draw(st.sampled_from([0, 0, 0, 9])))


@st.composite
def scenes(draw: st.DrawFn, apart: bool = False) -> Scene:
    """A market, an account and a strategy; with ``apart`` two markets, each on its own clock."""
    missing = draw(st.sampled_from(["impute", "impute", "skip", "fail"]))
    known = missing == "fail" and draw(st.sampled_from([False, True, True, True, True]))
    found, coarse = draw((markets_apart if apart else markets)(known))
    length = parse_step(found[0].step)
    end = parse(START) + found[0].bars * length
    account = draw(accounts(end, missing))
    if len(found) > 1 and found[0].shocks == found[1].shocks:
        account |= {"margin": "cross", "hedge": False, "leverage": max(20, account["leverage"])}
    changes: tuple[Any, ...] = ()
    if draw(st.sampled_from([False] * 3 + [True])):
        at = sorted(draw(st.lists(st.integers(1, found[0].bars - 1), min_size=1, max_size=2,
                                  unique=True)))
        ladders = [STRICTER_CONTRACTS] if account["venue"] == "okx" else [STRICTER, MUCH_STRICTER]
        changes = tuple(zip([parse(START) + bar * length for bar in at], ladders, strict=False))
    shown = found[0].shown or coarse
    bars = found[0].bars if shown is None else found[0].bars * length // parse_step(shown)
    limits: Any = {"fromdate": show(parse(START) + 70 * MINUTE), "todate": show(end - 80 * MINUTE)}
    if apart:
        limits = {"fromdate": show(parse(START) + 25 * MINUTE)}
    feed = draw(st.sampled_from([{}, {}, {}, {"publication_latency": 2}, limits]))
    plan = draw(plans(bars, len(found)))
    if apart and (feed is limits or any(each.shown == "1h" for each in found)):
        # what is left may be less than an indicator's bars
        plan = replace(plan, period=0)
    if apart and draw(st.booleans()):  # something is under way before all feeds have begun
        account["latency"] = account["latency"] or 2
        plan = replace(plan, replies={**plan.replies, "start": (
            (Move("bracket", near=0, far=900, share=0.1), Move("market", share=0.2)),)})
    return Scene(found, plan, account, coarse, changes, feed)
