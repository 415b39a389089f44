"""The account under random sequences of transitions: what holds whatever happens.

Played on all four combinations of margin mode and venue, two instruments, with fees:

* the account's own rules accept every change (no LedgerError);
* each balance and the wallet are the sums of their journal entries;
* sizes are the sums of the fills, entries lie between the prices of the fills;
* isolated: a close never costs more than the posted margin; a seizure loses exactly it;
* cross: a joint seizure ends at exactly zero;
* flat means nothing owed and nothing posted.
"""

from __future__ import annotations

import math
from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deleverage import account, changes
from deleverage.journal import FREE, Cause, Journal
from deleverage.ledger import Account
from tests.core.desks import BTC, ETH, make_desk

symbols = st.sampled_from([ETH, BTC])
prices = st.integers(1_000, 5_000).map(float)
lots = st.integers(1, 5_000).map(lambda number: number / 1_000)
FEE = 0.0005


class AccountMachine(RuleBasedStateMachine):
    """One account and the prices its marks now stand at."""

    @initialize(mode=st.sampled_from(["isolated", "cross"]),
                venue=st.sampled_from(["binance", "bybit"]), leverage=st.sampled_from([2, 10, 50]),
                wallet=st.floats(0, 20_000))
    def begin(self, mode: str, venue: str, leverage: float, wallet: float) -> None:
        """A fresh account with its opening deposit."""
        self.desk = make_desk(mode, leverage, venue, symbols=(ETH, BTC))
        self.account = Account(self.desk.terms, Journal())
        self.marks = {ETH: 3_000.0, BTC: 3_000.0}
        self.filled: defaultdict[str, float] = defaultdict(float)
        self.account.commit(changes.deposit(self.account.state, wallet), -1, 0)

    @rule(symbol=symbols, price=prices)
    def move(self, symbol: str, price: float) -> None:
        """The mark moves; nothing is booked."""
        before = self.account.state.wallet
        self.marks[symbol] = price
        assert self.account.state.wallet == before

    @rule(symbol=symbols, side=st.sampled_from([1, -1]), size=lots, price=prices)
    def trade(self, symbol: str, side: int, size: float, price: float) -> None:
        """Open, add, reduce, close or reverse, an isolated close not beyond bankruptcy."""
        state, terms = self.account.state, self.desk.terms
        position = state.positions.get(symbol)
        signed = side * size
        closes = position is not None and position.size * signed < 0
        if position is not None and closes and terms.isolated:
            limit = self.desk.rules(symbol).bankruptcy_price(
                position.side, abs(position.size), position.entry_price, position.margin)
            price = max(price, limit) if position.side > 0 else min(price, limit)
        if price <= 0:
            return
        done = changes.fill(state, terms, symbol, signed, price, FEE,
                            self.desk.instruments[symbol].round_size)
        self.account.commit(done.change, 0, 0)
        self.filled[symbol] += done.closed + done.opened
        assert abs(done.closed + done.opened - signed) < 1e-9
        assert done.fee >= 0
        if position is not None and closes and terms.isolated:
            share = abs(done.closed / position.size)
            assert done.realised >= -position.margin * share - 1e-6
        self._entry_is_an_average(symbol, position, done.closed, price)

    def _entry_is_an_average(
        self, symbol: str, before: account.Position | None, closed: float, price: float
    ) -> None:
        after = self.account.state.positions.get(symbol)
        if after is None:
            return
        known = [price] if before is None or after.number != before.number else \
            [before.entry_price] if closed else [before.entry_price, price]
        assert min(known) - 1e-9 <= after.entry_price <= max(known) + 1e-9

    @precondition(lambda self: self.account.state.positions)
    @rule(rate=st.floats(-0.02, 0.02), data=st.data())
    def settle(self, rate: float, data: st.DataObject) -> None:
        """Funding on one position, at its mark."""
        symbol = data.draw(st.sampled_from(sorted(self.account.state.positions)))
        state = self.account.state
        amount = -state.positions[symbol].size * self.marks[symbol] * rate
        change, payer = changes.fund(state, self.desk.terms, symbol, amount)
        self.account.commit(change, 0, 0)
        if self.desk.terms.isolated and self.desk.rules(symbol).funding_payer == "position":
            assert change.state.free == state.free
        if payer == "free":
            assert change.state.positions[symbol].margin == state.positions[symbol].margin

    @precondition(lambda self: self.account.state.positions)
    @rule(data=st.data())
    def liquidate(self, data: st.DataObject) -> None:
        """One isolated position, or the whole cross account, is taken over."""
        state = self.account.state
        if self.desk.terms.isolated:
            symbol = data.draw(st.sampled_from(sorted(state.positions)))
            posted = state.positions[symbol].margin
            change = changes.seize(state, symbol)
            losses = [b.amount for b in change.bookings if b.cause is Cause.LIQUIDATION]
            assert losses == [-posted]
            self.filled[symbol] = 0.0
        else:
            change, at = changes.seize_all(state, self.marks)
            assert set(at) == set(state.positions)
            self.filled.clear()
        self.account.commit(change, 0, 0)
        if not self.desk.terms.isolated:
            assert self.account.state.wallet == 0.0

    @rule(amount=st.floats(0, 5_000))
    def pay_in(self, amount: float) -> None:
        """More money into the free balance."""
        self.account.commit(changes.deposit(self.account.state, amount), 0, 0)

    @invariant()
    def balances_are_their_entries(self) -> None:
        """Free balance, margins and wallet follow from the journal; transfers sum to zero."""
        if not hasattr(self, "account"):
            return
        journal, state = self.account.journal, self.account.state
        tolerance = 1e-9 * max(1.0, math.fsum(abs(e.amount) for e in journal.entries))
        assert abs(state.wallet - journal.wallet()) <= tolerance
        for name in (FREE, ETH, BTC):
            assert abs(state.balance(name) - journal.balance(name)) <= tolerance
        assert abs(journal.total(Cause.TRANSFER)) <= tolerance

    @invariant()
    def positions_are_their_fills(self) -> None:
        """Held is what was bought less what was sold since; cross posts nothing."""
        if not hasattr(self, "account"):
            return
        state = self.account.state
        for symbol in (ETH, BTC):
            position = state.positions.get(symbol)
            held = 0.0 if position is None else position.size
            assert abs(held - self.filled[symbol]) < 1e-6
            assert position is None or self.desk.terms.isolated or position.margin == 0
        assert state.positions or state.free >= 0


TestAccount = AccountMachine.TestCase
TestAccount.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
