"""A row of the table: SYNTHETIC bars, orders sent in them, and what the account must make of it.

Every expected figure in the rows is worked out by hand from the rules of docs/inside-one-bar.md; no
row calls the product to find what to expect. Bars count from 0; an order of bar n is sent in
``next()`` of that bar and lives from the open of bar n + 1. The account holds 10,000 at 10x,
isolated, on Binance, with one maintenance bracket of 0.5 % and no fees, unless the row says
otherwise. So ten coins bought at 100 post 100, are liquidated at 90 / 0.995 and bankrupt at 90; ten
sold short at 100 are liquidated at 110 / 1.005 and bankrupt at 110.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import backtrader as bt
import numpy as np
import pytest

import deleverage
from deleverage import Fees, PerpetualBroker
from deleverage.columns import MarketColumns
from deleverage.journal import Cause
from deleverage.venues import ladder_file
from deleverage.venues.ladder import Ladder
from tests.account.orders import Script, Step
from tests.broker.runs import Run, play
from tests.markets import make_columns

Bar = tuple[float, float, float, float]  # open, high, low, close
Rung = tuple[float, float | None, float, float]  # from, to, maintenance rate, maximum leverage
FREE, USUAL = Fees.free(), Fees(0.0002, 0.0005)
ETH, BTC = "ETHUSDT", "BTCUSDT"
MODES = tuple(
    (engine, {"preload": preload, "runonce": runonce})
    for engine, preload, runonce in itertools.product(
        (bt.Cerebro, deleverage.Cerebro), (True, False), (True, False)))



def still(price: float = 100.0) -> Bar:
    """A bar in which nothing moves."""
    return price, price, price, price


class Fill(NamedTuple):
    """An execution of an order (a forced close is a Loss): signed size."""

    bar: int
    size: float
    price: float
    reason: str
    role: str = "taker"
    symbol: str = ETH


class Loss(NamedTuple):
    """A liquidation of a whole position: where it was closed and what the account lost by it.

    ``level`` is the liquidation price it had; it and ``cause`` are checked where the row gives one.
    """

    bar: int
    price: float
    loss: float
    cause: str = ""
    gap: bool = False
    symbol: str = ETH
    level: float | None = None


def lost_long(bar: int, *, gap: bool = False, level: float = 90 / 0.995) -> Loss:
    """Ten coins bought at 100 at 10x are liquidated: bankrupt at 90, the margin of 100 is gone."""
    return Loss(bar, 90, 100, gap=gap, level=level)


def lost_short(bar: int, *, gap: bool = False) -> Loss:
    """Ten coins sold short at 100 at 10x are liquidated: bankrupt at 110, 100 are gone."""
    return Loss(bar, 110, 100, gap=gap, level=110 / 1.005)


class Paid(NamedTuple):
    """A settlement: its instant, and the cash flow to the account (below zero: paid)."""

    ts: str
    amount: float
    symbol: str = ETH


class Refusal(NamedTuple):
    """A refused order: the bar in which it was, and words of the reason."""

    bar: int
    words: str


@dataclass(frozen=True)
class Row:
    """Bars of last, orders, and what must come of them; ``mark`` equals last unless given.

    ``held`` is the signed position left at the end, ``wallet`` all collateral then, ``equity`` what
    the broker values the account at (None: not said), ``posted`` the isolated margin left behind
    the position (None: not said), ``fee`` the sum of fees paid. ``refusals=None``: the rule leaves
    open whether the order is refused or merely dies. ``needs`` names the broker's parameter without
    which the row is skipped, ``extra`` what it is then given.
    """

    name: str
    bars: Sequence[Bar]
    orders: Sequence[Step]
    fills: Sequence[Fill] = ()
    liquidations: Sequence[Loss] = ()
    funding: Sequence[Paid] = ()
    refusals: Sequence[Refusal] | None = ()
    wallet: float = 10_000.0
    held: float = 0.0
    equity: float | None = None
    posted: float | None = None
    fee: float = 0.0
    mark: Sequence[Bar] | None = None
    mark_step: str | None = None
    other: Sequence[Bar] | None = None  # a second instrument, BTCUSDT, beside the first
    stamps: Sequence[tuple[str, float]] = ()
    interval_h: float = 8.0
    start: str = "2026-01-28"
    step: str = "1m"
    volume: Sequence[float] | None = None
    ladder: Sequence[Rung] | None = ((0, None, 0.005, 200),)  # None: the venue's own
    venue: str = "binance"
    leverage: float = 10.0
    margin: str = "isolated"
    cash: float = 10_000.0
    path: str = "adverse"
    fill: str = "through"
    entry_bar: str = "live"
    fees: Fees = FREE
    slippage_bp: float = 0.0
    needs: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def ladder_of(rungs: Iterable[Rung]) -> Ladder:
    """A maintenance ladder of (from, to, rate, maximum leverage); its amounts follow."""
    columns = ["min_notional", "max_notional", "mmr", "max_leverage"]
    return ladder_file.from_mapping(
        {"id": "table", "columns": columns, "rows": [list(rung) for rung in rungs]}, where="table")


def knows(parameter: str) -> bool:
    """Whether the broker has a parameter of that name."""
    params: Any = PerpetualBroker.params  # backtrader turns the tuple into a class of its own
    return parameter in params._getkeys()


def markets(row: Row) -> list[MarketColumns]:
    """The columns of a row's instruments."""
    common: dict[str, Any] = {"step": row.step, "start": row.start, "venue": row.venue}
    first = make_columns(list(row.bars), mark=None if row.mark is None else list(row.mark),
                         mark_step=row.mark_step, funding=row.stamps, interval_h=row.interval_h,
                         volume=row.volume, **common)
    if row.other is None:
        return [first]
    return [first, make_columns(list(row.other), symbol=BTC, **common)]


def runs(row: Row) -> Iterator[Run]:
    """A row in every mode of backtrader's engine and of ours.

    The whole position goes at its bankruptcy price unless ``extra`` says so.
    """
    columns = markets(row)
    extra: dict[str, Any] = dict(row.extra)
    if knows("liquidation"):
        extra.setdefault("liquidation", "takeover")
    account: dict[str, Any] = {
        "venue": row.venue, "leverage": row.leverage, "margin": row.margin, "cash": row.cash,
        "path": row.path, "fill": row.fill, "entry_bar": row.entry_bar, "fees": row.fees,
        "slippage_bp": row.slippage_bp,
        "ladder": None if row.ladder is None else ladder_of(row.ladder)}
    for engine, options in MODES:
        yield play(Script, columns, engine=engine, engine_options=options,
                   params={"steps": tuple(row.orders)}, **(account | extra))


def check(row: Row, run: Run) -> None:
    """The journal and the account of a run are what the row says."""
    journal = run.journal
    orders = [each for each in journal.fills if each.reason != "liquidation"]
    forced = [each for each in journal.fills if each.reason == "liquidation"]
    _same("fills", [Fill(f.bar, f.size, f.price, f.reason, f.role, f.symbol) for f in orders],
          row.fills)
    events = journal.liquidations
    _same("liquidations", [Loss(e.bar, e.price, e.loss, e.cause, e.gap, e.symbol,
                                e.liquidation_price) for e in events],
          [loss._replace(cause=loss.cause or event.cause,
                         level=event.liquidation_price if loss.level is None else loss.level)
           for loss, event in zip(row.liquidations, events, strict=False)]
          + list(row.liquidations[len(events):]))
    _same("forced closes", [(f.bar, f.price, f.symbol) for f in forced],
          [(loss.bar, loss.price, loss.symbol) for loss in row.liquidations])
    # a settlement at a rate of zero is recorded too: it moves nothing and no row lists it
    _same("funding", [Paid(_text(p.ts), p.amount, p.symbol) for p in journal.funding if p.amount],
          row.funding)
    if row.refusals is not None:
        _same("refusals", [(each.bar,) for each in journal.rejections],
              [(each.bar,) for each in row.refusals])
        for refused, expected in zip(journal.rejections, row.refusals, strict=True):
            assert expected.words in refused.reason, (refused.reason, expected.words)
    figures = {"wallet": (journal.wallet(), row.wallet), "held": (run.size, row.held),
               "fees": (-journal.total(Cause.FEE), row.fee),
               "funding": (journal.total(Cause.FUNDING), sum(p.amount for p in row.funding))}
    if row.equity is not None:
        figures["equity"] = (run.broker.getvalue(), row.equity)
    if row.posted is not None:
        figures["posted"] = (journal.balance(ETH), row.posted)
    for name, (found, wanted) in figures.items():
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9), name


def _same(what: str, found: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> None:
    said = f"{what}: found {list(found)}, expected {list(expected)}"
    assert len(found) == len(expected), said
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            exact = isinstance(b, (str, bool))
            assert a == (b if exact else pytest.approx(b, rel=1e-9, abs=1e-9, nan_ok=True)), said


def _text(ns: int) -> str:
    """A stamp as the rows write it."""
    return str(np.datetime64(ns, "ns").astype("datetime64[m]"))
