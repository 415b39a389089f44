"""Scenes drawn at random: markets, accounts, size rules and signals of every kind that a run may
have without an engine. Markets are those of ``tests/engine/generated.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from deleverage import Fees, venues
from deleverage.timestamps import parse, parse_step
from tests.account.generated import CONTRACTS, LADDER
from tests.direct.scenes import Scene, Told
from tests.engine.generated import MUCH_STRICTER, STRICTER, STRICTER_CONTRACTS, series
from tests.engine.scenes import START, Series

_CLOCKS = [("1m", 220), ("5m", 160), ("15m", 160), ("1h", 120)]
_SIDES = [1, 1, -1, -1, 0]
_STOPS = [None, None, 4, 20, 20, 60, 150, 400, 1_500, -30, 0]
_TARGETS = [None, None, 4, 20, 60, 150, 400, -30, 0]
_HOLDS = [None, None, None, 0, 1, 2, 5, 20, 80, 1_000]
_SIZES = [None] * 16 + [0.02, 0.2, -0.2, 0.9, 3.0, 100.0, 1e-7, 0.0]


@st.composite
def markets(draw: st.DrawFn, missing: str) -> Series:
    """One instrument, with lots, ticks and limits of orders of several kinds."""
    step, bars = draw(st.sampled_from(_CLOCKS))
    known = missing == "fail" and draw(st.sampled_from([False, True, True, True, True]))
    found = draw(series(step, bars, False, known))
    if missing != "impute" and draw(st.sampled_from([True] * 7 + [False])):
        found = replace(found, unmarked=())  # nothing there to be traded without an engine
    contract = draw(st.sampled_from([
        (), (), (("lot_size", 1.0),), (("lot_size", None), ("tick_size", None)),
        (("min_notional", 5_000.0),), (("max_size", 12.0),), (("max_market_size", 30.0),),
        (("tick_size", 0.01),), (("tick_size", 7.0), ("min_notional", 100.0))]))
    holes: tuple[int, ...] = ()
    if draw(st.sampled_from([False, False, True])):  # the venue stood still
        start, length = draw(st.integers(5, bars - 60)), draw(st.integers(1, 50))
        holes = tuple(range(start, start + length))
    return replace(found, contract=contract, holes=holes,
                   tick=draw(st.sampled_from([1.0, 1.0, 0.5])))


@st.composite
def signals(draw: st.DrawFn, bars: int) -> tuple[tuple[Told, ...], bool]:
    """Signals at bars apart and side by side, on the first and on the last; or of one kind, as
    columns."""
    at = set(draw(st.lists(st.integers(0, bars - 1), min_size=3, max_size=22, unique=True)))
    if draw(st.booleans()):
        first = draw(st.integers(0, bars - 5))
        at |= set(range(first, first + draw(st.integers(2, 5))))
    if draw(st.booleans()):
        at |= {0, bars - 1}
    one_kind = draw(st.sampled_from([False, False, True]))
    on_close = draw(st.sampled_from([False, False, True, None]))  # None: some of them
    kinds: dict[str, Any] = {}
    if one_kind:
        kinds = {"side": st.just(draw(st.sampled_from(_SIDES[:4]))),
                 "hold": st.just(draw(st.sampled_from(_HOLDS)))}
    adds = st.sampled_from([False] * 60 + [True])
    found: list[Told] = []
    entries = draw(st.booleans())
    for bar in sorted(at):
        closes = bool(draw(st.booleans()) if on_close is None and not one_kind else on_close)
        found.append(Told(
            bar, draw(kinds.get("side", st.sampled_from(_SIDES))),
            draw(st.sampled_from(_STOPS)), draw(st.sampled_from(_TARGETS)),
            draw(kinds.get("hold", st.sampled_from(_HOLDS))), draw(st.sampled_from(_SIZES)),
            not closes and draw(adds), closes,
            closes and (entries if one_kind else draw(st.booleans()))))
    return tuple(found), one_kind


@st.composite
def accounts(draw: st.DrawFn, missing: str) -> dict[str, Any]:
    """Every venue and procedure, every policy that lets orders simply fill."""
    venue = draw(st.sampled_from(venues.names()))
    account: dict[str, Any] = {
        "venue": venue, "margin": draw(st.sampled_from(["isolated", "isolated", "cross"])),
        "cash": draw(st.sampled_from([10_000.0, 10_000.0, 300.0])),
        "ladder": CONTRACTS if venue == "okx" else LADDER,
        "leverage": draw(st.sampled_from([1, 3, 7.5, 10, 20, 20, 20, 50, 50, 50, 75, 100, 125])),
        "liquidation": draw(st.sampled_from(["venue", "venue", "venue", "takeover", "none"])),
        "path": draw(st.sampled_from(["adverse", "adverse", "favourable", "ohlc"])),
        "fill": draw(st.sampled_from(["through", "touch"])),
        "missing": missing, "mark": draw(st.sampled_from([None, None, None, "last"])),
        "fees": draw(st.sampled_from([None, None, Fees.free(), Fees(-0.0001, 0.001)])),
        "slippage": draw(st.sampled_from([None, "5bp", "volume", "cascade"])),
        "stop_trigger": draw(st.sampled_from([None, None, "last", "mark"])),
        "off_tick": draw(st.sampled_from(["round", "round", "refuse"])),
    }
    if venue in ("binance", "hyperliquid") and draw(st.booleans()):
        account["ladder"] = None  # the venue's own
    most = 25 if venue == "hyperliquid" and account["ladder"] is None else 125 \
        if venue == "binance" and account["ladder"] is None else 100
    if draw(st.sampled_from([True] * 30 + [False])):  # else it may be refused
        account["leverage"] = min(account["leverage"], most)
    return account


_SIZERS = [("MarginFraction", {"fraction": share}) for share in
           (0.01, 0.1, 0.1, 0.2, 0.2, 0.3, 0.5, 0.9, 1.0)] + [
    ("MarginFraction", {"fraction": 0.2, "notional_leverage": 10}),
    ("MarginFraction", {"fraction": 1.7})] + [
    ("FixedNotional", {"notional": notional}) for notional in (40.0, 5_000.0, 20_000.0, 90_000.0,
                                                             5e6)]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A market, an account, a size rule and signals."""
    missing = draw(st.sampled_from(["impute", "impute", "skip", "fail"]))
    market, account = draw(markets(missing)), draw(accounts(missing))
    told, columns = draw(signals(market.bars))
    changes: tuple[Any, ...] = ()
    if account["ladder"] is not None and draw(st.sampled_from([False] * 3 + [True])):
        at = sorted(draw(st.lists(st.integers(1, market.bars - 1), min_size=1, max_size=2,
                                  unique=True)))
        ladders = [STRICTER_CONTRACTS] if account["venue"] == "okx" else [STRICTER, MUCH_STRICTER]
        length = parse_step(market.step)
        changes = tuple(zip([parse(START) + bar * length for bar in at], ladders, strict=False))
    scene = Scene(market, told, account, draw(st.sampled_from(_SIZERS)), changes,
                  draw(st.sampled_from([None, 1, 7, 30, 90])), columns)
    return _dangerous(scene, draw) if draw(st.sampled_from([False, False, True])) else scene


def _dangerous(scene: Scene, draw: st.DrawFn) -> Scene:
    """The same with positions in the higher brackets of the ladder, held until something happens in
    a market that moves: the venue takes some of them, in part or whole."""
    leverage = draw(st.sampled_from([10, 20, 20, 25]))
    stops = st.sampled_from([350, 550, 700, 1_800])
    wide = [replace(told, stop=None if told.stop is None else draw(stops),
                    target=None if told.target is None else 2_500, hold=None, size=None,
                    side=told.side or 1, from_entry=told.on_close and told.from_entry)
            for told in scene.told[::2]]
    account = {**scene.account, "cash": 10_000.0, "leverage": leverage, "mark": None,
               "ladder": CONTRACTS if scene.account["venue"] == "okx" else LADDER}
    notional = draw(st.sampled_from([55_000.0, 90_000.0, 140_000.0]))
    assert isinstance(scene.series, Series)
    market = replace(scene.series, contract=(), volatility=draw(st.sampled_from([20, 45, 45])))
    return replace(scene, series=market, told=tuple(wide), account=account, hold=None,
                   sizer=("FixedNotional", {"notional": min(notional, 9_500.0 * leverage)}))


def drawn(first: int, stop: int, law: Callable[[Scene], None]) -> None:
    """Hold a law against a scene drawn for each seed.

    A seed each, for hypothesis makes most of its examples by varying those before; its first one is
    always the simplest scene there is, and tried once only. What fails is shrunk as usual.
    """
    passed: set[str] = set()

    def anew(scene: Scene) -> None:
        if repr(scene) not in passed:
            law(scene)
            passed.add(repr(scene))

    for number in range(first, stop):
        seed(number)(settings(max_examples=2, deadline=None, database=None,
                              suppress_health_check=list(HealthCheck))(given(scenes())(anew)))()
