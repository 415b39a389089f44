"""Posting a state of one position: as committing it, with the same rules."""

from __future__ import annotations

import math
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deleverage import changes
from deleverage.account import Position, State
from deleverage.changes import Change
from deleverage.errors import LedgerError
from deleverage.journal import FREE, Cause, Journal
from deleverage.ledger import Account, Rows
from tests.core.desks import ETH, make_desk

TERMS = make_desk("isolated").terms


def account(free: float = 10_000.0) -> Account:
    """An account with that much in it, and nothing else."""
    made = Account(TERMS, Journal())
    made.commit(changes.deposit(State(), free), -1, 0)
    return made


def rows_of(change: Change) -> Rows:
    """A change's bookings as rows."""
    return [(each.cause, each.balance, each.amount) for each in change.bookings]


def both(before: Account, other: Account, change: Change) -> None:
    """Post it in one account and commit it in another; they are the same then."""
    before.post(change.state, 3, 77, ETH, rows_of(change))
    other.commit(change, 3, 77)
    assert before.state is other.state is change.state
    assert before.journal.entries == other.journal.entries


@given(st.sampled_from([1, -1]), st.integers(1, 30_000), st.floats(100, 5_000),
       st.floats(0.97, 1.03), st.floats(-5, 5), st.sampled_from([0.0, 0.0005, 0.01]))
def test_what_is_posted_is_what_would_be_committed(
        side: int, lots: int, price: float, moved: float, paid: float, fee: float) -> None:
    """An entry, a settlement and a close: the same entries, numbers, states."""
    one, other, size = account(1e9), account(1e9), side * lots / 1_000
    opened = changes.fill(one.state, TERMS, ETH, size, price, fee)
    both(one, other, opened.change)
    funded, _ = changes.fund(one.state, TERMS, ETH, paid)
    both(one, other, funded)
    closed = changes.fill(one.state, TERMS, ETH, -size, price * moved, fee)
    both(one, other, closed.change)
    assert one.state.positions == {}
    assert [entry.seq for entry in one.journal.entries] == list(range(len(one.journal.entries)))


HELD = Position(ETH, 1.0, 3_000.0, 300.0, 10.0, 1)


@pytest.mark.parametrize(("free", "rows"), [
    (9_700.0, []),
    (10_000.0, [(Cause.TRANSFER, FREE, -300.0)]),
    (9_700.0, [(Cause.TRANSFER, ETH, -300.0)]),
    (9_699.99, [(Cause.TRANSFER, ETH, 300.0), (Cause.TRANSFER, FREE, -300.0)]),
    (9_700.0, [(Cause.TRANSFER, FREE, -300.0), (Cause.FEE, FREE, -1e-4)]),
    (math.nan, [(Cause.TRANSFER, FREE, -300.0)]),
    (9_700.0, [(Cause.TRANSFER, FREE, math.nan)]),
    (math.inf, [(Cause.FILL, FREE, math.inf)]),
    (9_700.0, [(Cause.TRANSFER, FREE, -300.0)]),
    (9_700.0, [(Cause.TRANSFER, ETH, 299.0), (Cause.TRANSFER, FREE, -300.0)]),
    (9_700.0, [(Cause.FUNDING, ETH, 300.0), (Cause.TRANSFER, FREE, -300.0)]),
])
def test_a_balance_that_does_not_move_by_its_bookings(free: float, rows: Rows) -> None:
    """Refused as a defect, and state and journal stay as they were."""
    made = account()
    before, entries = made.state, list(made.journal.entries)
    after = State(free, MappingProxyType({ETH: HELD}), 1)
    with pytest.raises(LedgerError, match="rule broken at bar 5: every balance moves by its"):
        made.post(after, 5, 77, ETH, rows)
    assert made.state is before
    assert made.journal.entries == entries


def test_rounding_is_no_difference() -> None:
    """A sum taken in another order may differ in its last digits, more so of large balances."""
    for free, off in ((10_000.0, 1e-10), (1e12, 1e-4)):
        made = account(free)
        made.post(State(free - 300.0 + off, MappingProxyType({ETH: HELD}), 1), 5, 77, ETH,
                  [(Cause.TRANSFER, ETH, 300.0), (Cause.TRANSFER, FREE, -300.0)])
        assert made.state.positions[ETH] is HELD


def test_a_flat_account_that_owes() -> None:
    """Below zero with nothing open: refused, whatever the bookings say."""
    made = account(100.0)
    with pytest.raises(LedgerError, match="a flat account owes nothing"):
        made.post(State(-1.0), 5, 77, ETH, [(Cause.FEE, FREE, -101.0)])
