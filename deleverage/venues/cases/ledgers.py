"""Ledgers and orders of events of printed figures, played through the account itself."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from deleverage import account, changes, matching, steps
from deleverage.account import State, Terms
from deleverage.book import Desk, Kind, WorkingOrder
from deleverage.errors import DataError
from deleverage.instrument import Instrument
from deleverage.journal import Cause, Entry, Journal
from deleverage.ledger import Account
from deleverage.policies import Fees, InsideBar
from deleverage.venues.cases.inputs import Inputs, one_bracket

ONE = "one-way"


class Ledger:
    """An account of the case's venue, and the marks it was last told.

    ``legs`` are the positions it may hold: one, or the two of a hedge, which share the free
    balance.
    """

    def __init__(self, case: Inputs, mode: str, opening: float, legs: tuple[str, ...] = (ONE,),
                 rate: float = 0.5) -> None:
        rules = case.rules(one_bracket(rate))
        self.terms = Terms(mode, dict.fromkeys(legs, rules),
                           dict.fromkeys(legs, case.number("leverage", 1.0)))
        self.account = Account(self.terms, Journal())
        self.fee = case.number("taker_fee", 0.0)
        self.round_size = Instrument(ONE, case.venue).round_size
        self.marks: dict[str, float] = {}
        self.account.commit(changes.deposit(self.state, opening), -1, 0)

    @property
    def state(self) -> State:
        """The account as it stands."""
        return self.account.state

    def fill(self, size: float, price: float, leg: str = ONE) -> changes.Executed:
        """Trade a signed size."""
        done = changes.fill(self.state, self.terms, leg, size, price, self.fee, self.round_size)
        self.account.commit(done.change, 0, 0)
        self.marks.setdefault(leg, price)
        return done

    def fund(self, amount: float, leg: str = ONE) -> None:
        """Settle funding on a leg."""
        self.account.commit(changes.fund(self.state, self.terms, leg, amount)[0], 0, 0)

    def settle(self, rate: float, mark: float) -> float:
        """Funding of every open leg by the venue's rule; the cash flow."""
        paid = 0.0
        for leg, position in self.state.positions.items():
            amount = self.terms.rules[leg].funding_payment(position.size, mark, rate)
            self.fund(amount, leg)
            paid += amount
        return paid

    def liquidates(self, mark: float, leg: str = ONE) -> bool:
        """Whether a mark is at or beyond the liquidation price."""
        position = self.state.positions[leg]
        level = account.liquidation_price(self.state, leg, {leg: mark}, self.terms)
        return level is not None and (mark - level) * position.side <= 0

    def seize(self, mark: float, returned: float = 0.0, leg: str = ONE) -> float:
        """Liquidate; of the equity left at the mark a share is returned, and that is the answer."""
        position = self.state.positions[leg]
        back = returned * max(0.0, position.margin + position.unrealised(mark))
        self.account.commit(changes.seize(self.state, leg, back), 0, 0)
        return back

    def mark(self, price: float) -> None:
        """All legs are valued at a new mark."""
        self.marks = dict.fromkeys(self.terms.rules, price)

    def unrealised(self) -> float:
        """Unrealised profit of all legs at their marks."""
        return account.equity(self.state, self.marks) - self.state.wallet

    def total(self, cause: Cause) -> float:
        """What was booked for one cause."""
        return self.account.journal.total(cause)


def ledger_sequence(case: Inputs) -> dict[str, Any]:
    """Fills, marks and funding in order, in one-way mode."""
    return _sequence(case, (ONE,))


def ledger_sequence_hedge(case: Inputs) -> dict[str, Any]:
    """The same with a long and a short leg held side by side."""
    return _sequence(case, ("LONG", "SHORT"))


def _sequence(case: Inputs, legs: tuple[str, ...]) -> dict[str, Any]:
    book = Ledger(case, "cross", case.number("opening_wallet"), legs)
    wallets, valued, averaged = [], 0.0, None
    for event in case.objects("events"):
        kind = event.one_of("type", ("fill", "mark", "funding"))
        if kind == "fill":
            leg = event.one_of("side", legs) if len(legs) > 1 else ONE
            done = book.fill(event.number("qty"), event.number("price"), leg)
            if done.opened:
                averaged = book.state.positions[leg].entry_price
        elif kind == "mark":
            book.mark(event.number("price"))
            valued = book.unrealised()
        else:
            book.mark(event.number("mark"))
            book.settle(event.number("rate"), event.number("mark"))
        wallets.append(book.state.wallet)
    held = [position.size for position in book.state.positions.values()]
    return {
        "wallet_after": wallets, "wallet_final": book.state.wallet, "upnl_at_mark": valued,
        "final_equity": account.equity(book.state, book.marks),
        "realized": book.total(Cause.FILL), "fees": -book.total(Cause.FEE),
        "funding": book.total(Cause.FUNDING), "entry_after_add": averaged,
        "remaining_qty": sum(held),
    }


def ledger_value(case: Inputs) -> float:
    """The wallet after one fill with its fee, and funding."""
    book = Ledger(case, "cross", case.number("opening"))
    size, price = case.number("fill_qty", 1.0), case.number("fill_price", 1.0)
    book.fee = case.number("taker_fee_paid") / (abs(size) * price)
    book.fill(size, price)
    book.fund(case.number("funding"))
    return book.state.wallet


def pnl_decomposition(case: Inputs) -> float:
    """The journal's sum of realised profit, fees and funding, each with its sign."""
    parts = {Cause.FILL: "price_pnl", Cause.FEE: "fees", Cause.FUNDING: "funding"}
    return Journal([Entry(number, 0, 0, cause, ONE, "", case.number(name))
                    for number, (cause, name) in enumerate(parts.items())]).wallet()


def closed_pnl(case: Inputs) -> float:
    """Profit of a round trip, before fees where the case has none."""
    if case.inverse:
        return float(case.rules().unrealised(case.side * case.size, case.entry,
                                             case.number("exit_price")))
    book = Ledger(case, "cross", 0.0)
    book.fill(case.side * case.size, case.entry)
    book.fill(-case.side * case.size, case.number("exit_price"))
    return book.total(Cause.FILL) + book.total(Cause.FEE)


def linear_only(case: Inputs) -> str | None:
    """The account's ledger is in the quote currency."""
    return "the account's ledger trades linear contracts only" if case.inverse else None


def event_ordering(case: Inputs) -> dict[str, Any]:
    """Funding and the maintenance check at one instant, in both orders; ours is funding first."""
    mark, book = case.number("mark"), _opened(case)
    before = book.liquidates(mark)
    paid = book.settle(case.number("funding_rate"), mark)
    margin, after = book.state.positions[ONE].margin, book.liquidates(mark)
    if after:
        book.seize(mark)
    return {"funding_cashflow": paid, "margin_after": margin, "liquidated_if_funding_first": after,
            "liquidated_if_check_first": before, "wallet_final": book.state.wallet}


def liquidation_outcome(case: Inputs) -> dict[str, Any]:
    """An isolated position on its path of marks: what is left once it was liquidated, or not."""
    book, returned = _opened(case), 0.0
    margin = book.state.positions[ONE].margin
    for number, mark in enumerate(case.listed("mark_path")):
        if isinstance(mark, bool) or not isinstance(mark, int | float):
            raise DataError(f"{case.where}.mark_path[{number}] must be a number, found {mark!r}")
        if book.liquidates(mark):
            returned = book.seize(mark, case.number("recovery_pct", 0.0))
            break
    liquidated = ONE not in book.state.positions
    return {"wallet_final": book.state.wallet, "recovered": returned, "liquidated": liquidated,
            "margin_lost": margin - returned if liquidated else 0.0}


def _opened(case: Inputs) -> Ledger:
    book = Ledger(case, "isolated", case.number("opening_wallet"), rate=case.number("mmr"))
    held = case.inside("position") if case.has("position") else case
    book.fill(held.side * held.size, held.entry)
    return book


def intrabar_ordering(case: Inputs) -> dict[str, str]:
    """A stop and the liquidation price in one bar, walked as any bar is."""
    side, entry, bar = case.side, case.number("entry"), case.inside("bar")
    book = Ledger(case, "isolated", entry, rate=case.number("mmr"))
    book.fill(side, entry)
    opened = bar.number("open")
    worst = bar.number("low" if side > 0 else "high")
    close = bar.number("close", worst)
    prices = steps.Prices(opened, bar.number("high", max(opened, close)),
                          bar.number("low", min(opened, close)), close)
    stop = WorkingOrder(1, ONE, -side, 1.0, Kind.STOP, entry, "stop", trigger=case.number("stop"),
                        source=book.terms.rules[ONE].stop_trigger, reduce_only=True)
    desk = Desk(book.terms, {ONE: Fees.flat(book.fee)}, {ONE: Instrument(ONE, case.venue)})
    walked = matching.walk(desk, InsideBar(), {ONE: steps.Bar(ONE, prices, prices)}, book.state,
                           MappingProxyType({1: stop}), {})
    for step in walked.steps:
        if isinstance(step, steps.Filled):
            return {"outcome": "stop_fills_first"}
        if isinstance(step, steps.Liquidated):
            return {"outcome": "liquidation"}
    return {"outcome": "neither"}
