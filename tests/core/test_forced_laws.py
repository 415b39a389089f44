"""Laws of forced closes, on accounts of every venue, isolated and cross.

The whole procedure is played: it ends, nobody loses more than he has, and what the account loses
the market, the fee and the fund gain. 100 examples each by default, 2,000 under the slow marker.
"""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage import account, changes, forced, venues
from deleverage.account import Marks, State, Terms
from deleverage.changes import Change
from deleverage.forced import Forced
from deleverage.instrument import Instrument
from deleverage.journal import Cause, Journal
from deleverage.ledger import Account
from deleverage.venues.ladder import LadderUse
from tests.core.desks import BTC, ETH, holding, make_desk, make_ladder
from tests.venues.positions import EXAMPLES

ISOLATED, CROSS = make_desk("isolated").terms, make_desk("cross").terms
LADDER = make_ladder((0, 20_000, .004), (20_000, 100_000, .006), (100_000, 400_000, .01),
                     (400_000, None, .025))
CONTRACTS = make_ladder((0, 1_000, .004), (1_000, 3_000, .006), (3_000, 9_000, .01),
                        (9_000, None, .025), unit="contracts", contract_size=0.01, jumps=True)
LOT = 0.001
lots = st.integers(1, 400).map(float) | st.integers(100, 400_000).map(lambda each: each * LOT)
ROUND = Instrument(ETH, "x", lot_size=LOT).round_size


def _terms(venue: str, mode: str, leverage: float) -> Terms:
    product = venues.rules_class(venue)
    rules = {symbol: product(symbol, LadderUse(CONTRACTS if venue == "okx" else LADDER, 0))
             for symbol in (ETH, BTC)}
    return Terms(mode, rules, dict.fromkeys(rules, leverage))


def _needed(state: State, terms: Terms, symbol: str, marks: Marks) -> float:
    seen = forced.distress(state, terms, symbol, marks, LOT)
    return seen.maintenance - seen.equity


class Venue:
    """A venue that liquidates an account to the end, and what each side gained by it."""

    def __init__(self, state: State, terms: Terms, marks: Marks, slip: float) -> None:
        self.book = Account(terms, Journal())
        self.book.state = state
        self.terms, self.marks, self.slip = terms, marks, slip
        self.stages = self.reductions = 0
        self.lost = self.to_market = self.fees = self.to_fund = 0.0

    def liquidate(self) -> None:
        """Ask, carry out, ask again, until equity is above maintenance or nothing is held."""
        while True:
            state = self.book.state
            held = forced.candidates(state, self.terms, self.marks)
            doomed = {symbol: needed for symbol, needed in held.items()
                      if _needed(state, self.terms, symbol, self.marks) >= 0}
            if not doomed:
                return
            symbol = self.terms.rules[ETH].procedure.order(doomed)[0]
            self._act(state, symbol)
            self.stages += 1
            assert self.stages <= 2 * (len(LADDER.brackets) + 3)

    def _act(self, state: State, symbol: str) -> None:
        position, rules = state.positions[symbol], self.terms.rules[symbol]
        seen = forced.distress(state, self.terms, symbol, self.marks, LOT,
                               cooling=self.stages > 0)
        stage = rules.procedure.next(rules, seen)
        price = self.marks[symbol] * (1 - position.side * self.slip)
        limit = forced.limit(state, self.terms, symbol, self.marks)
        if stage.kind == "market" and (price - limit) * position.side > 0:
            done = forced.reduce(state, self.terms, symbol, stage.size, price, stage.fee,
                                 self.marks, ROUND)
            self._book(done.change)
            self.lost += done.loss
            self.to_market += done.closed * (position.entry_price - price)
            self.fees += done.fee
            if symbol in done.change.state.positions:
                self.reductions += 1
                assert account.maintenance(done.change.state, symbol, self.marks[symbol],
                                           self.terms) < account.maintenance(
                    state, symbol, self.marks[symbol], self.terms)
            return
        taken = forced.takeover(state, self.terms, symbol, self.marks)
        self._book(taken.change)
        for name, at in taken.prices.items():
            one, market = state.positions[name], self.marks[name]
            self.lost += taken.losses[name]
            self.to_market += one.size * (one.entry_price - market)
            self.to_fund += forced.insurance(abs(one.size), one.side, at, market)

    def _book(self, change: Change) -> None:
        before = self.book.state.wallet
        self.book.commit(change, 0, 0)
        moved = [booking.amount for booking in change.bookings
                 if booking.cause in (Cause.LIQUIDATION, Cause.LIQUIDATION_FEE)]
        assert self.book.state.wallet - before == pytest.approx(math.fsum(moved), abs=1e-6)


@EXAMPLES
def test_a_liquidation_ends_and_conserves_money(examples: int) -> None:
    """Every venue, isolated and cross, marks at and beyond the level, any slippage: it ends,
    nobody loses more than he has, and the account's loss is the market's, the fee's and the fund's.
    """
    seen: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None)
    @given(venue=st.sampled_from(venues.names()), mode=st.sampled_from(["isolated", "cross"]),
           side=st.sampled_from([1, -1]), size=lots, btc=st.sampled_from([0.0, 0.5, -1.0]),
           leverage=st.sampled_from([3.0, 10.0, 25.0]), beyond=st.floats(0, 0.02),
           slip=st.floats(-0.01, 0.03))
    def law(venue: str, mode: str, side: int, size: float, btc: float, leverage: float,
            beyond: float, slip: float) -> None:
        terms = _terms(venue, mode, leverage)
        state = State(size * 3_000 / leverage + 2 * abs(btc) * 60_000 / leverage)
        for symbol, signed, price in ((ETH, side * size, 3_000.0), (BTC, btc, 60_000.0)):
            if signed:
                state = changes.fill(state, terms, symbol, signed, price, 0.0).change.state
        level = account.liquidation_price(state, ETH, {BTC: 60_000.0}, terms)
        if level is None:
            return
        marks = {ETH: level * (1 - side * (beyond + 1e-9)), BTC: 60_000.0}
        if marks[ETH] <= 0:
            return
        played = Venue(state, terms, marks, slip)
        played.liquidate()
        after = played.book.state
        assert played.stages
        scale = 1e-9 * size * 3_000 + 1e-6
        posted = state.balance(ETH) if terms.isolated else state.wallet
        assert played.lost <= posted + scale
        assert state.wallet - after.wallet == pytest.approx(played.lost, abs=scale)
        assert played.lost == pytest.approx(
            played.to_market + played.fees + played.to_fund, abs=scale)
        if terms.isolated:
            assert after.free >= state.free
            assert after.positions.get(BTC) == state.positions.get(BTC)
        else:
            assert account.equity(after, marks) >= -scale
        seen["all"] += 1
        seen["reduced"] += played.reductions > 0
        seen["fund"] += played.to_fund != 0

    law()
    assert seen["reduced"] >= 0.1 * seen["all"]
    assert seen["fund"] >= 0.1 * seen["all"]


@EXAMPLES
def test_splitting_a_reduction_changes_nothing(examples: int) -> None:
    """Two parts at one price are one: the same loss, fee, margin and free balance within 1e-9."""
    @settings(max_examples=examples, deadline=None)
    @given(mode=st.sampled_from(["isolated", "cross"]), side=st.sampled_from([1, -1]),
           first=st.integers(1, 5_000), second=st.integers(1, 5_000), rate=st.floats(0, 0.05),
           part=st.floats(0, 1), mark=st.floats(-0.1, 0.05))
    def law(mode: str, side: int, first: int, second: int, rate: float, part: float,
            mark: float) -> None:
        terms = ISOLATED if mode == "isolated" else CROSS
        before = holding(side * 10, 3_000, 3_000, free=1_000) if mode == "isolated" else \
            holding(side * 10, 3_000, free=3_000)
        price = 3_000 - side * 300 * part  # under water, at most at bankruptcy
        marks = {ETH: 3_000 * (1 - side * abs(mark))}

        def closed(state: State, number: int) -> Forced:
            return forced.reduce(state, terms, ETH, number * LOT, price, rate, marks, ROUND)

        whole, one = closed(before, first + second), closed(before, first)
        two = closed(one.change.state, second)
        for name in ("closed", "realised", "fee", "returned", "loss"):
            assert getattr(whole, name) == pytest.approx(
                getattr(one, name) + getattr(two, name), rel=1e-9, abs=1e-9)
        assert two.change.state.wallet == pytest.approx(whole.change.state.wallet, abs=1e-9)

    law()
