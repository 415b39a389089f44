"""What must hold after every run on a PerpetualBroker, whatever the strategy did."""

from __future__ import annotations

import math
from collections import defaultdict

from deleverage.broker import PerpetualBroker
from deleverage.journal import FREE, Cause


def check_ledger(broker: PerpetualBroker) -> None:
    """Wallet and balances follow from the journal; no isolated loss is beyond the margin."""
    journal, state = broker.journal, broker.account.state
    turnover = max(1.0, math.fsum(abs(entry.amount) for entry in journal.entries))
    tolerance = 1e-9 * turnover
    assert abs(state.wallet - journal.wallet()) <= tolerance, "wallet is not the sum of its entries"
    assert abs(state.free - journal.balance(FREE)) <= tolerance, "free balance has drifted"
    symbols = {entry.balance for entry in journal.entries} - {FREE}
    for symbol in symbols:
        position = state.positions.get(symbol)
        posted = 0.0 if position is None else position.margin
        assert abs(posted - journal.balance(symbol)) <= tolerance, f"margin of {symbol} has drifted"
    held: defaultdict[str, float] = defaultdict(float)
    for fill in journal.fills if not broker.desk.terms.hedge else ():
        held[fill.symbol] += fill.size
        assert abs(held[fill.symbol] - fill.size_after) <= 1e-9 * max(1.0, abs(fill.size)), \
            f"position after fill {fill.seq} is not the sum of the fills"
    _check_liquidations(broker)
    _check_rejections(broker)


def _check_liquidations(broker: PerpetualBroker) -> None:
    journal = broker.journal
    for number, event in enumerate(journal.liquidations):
        assert math.isfinite(event.loss)
        assert event.fee >= 0
        assert event.returned >= 0
        assert event.deficit == max(0.0, -event.insurance)
        if event.size_after == 0.0:
            last = [fill for fill in journal.fills if fill.position == event.position][-1]
            assert last.reason == "liquidation", "a liquidated position went on"
            assert last.size_after == 0.0
        if event.margin_mode == "isolated":
            _check_isolated_loss(broker, number)
    transfers = [e.amount for e in journal.entries if e.cause is Cause.TRANSFER]
    assert abs(math.fsum(transfers)) <= 1e-9 * max(1.0, *(abs(t) for t in transfers), 0.0)


def _check_isolated_loss(broker: PerpetualBroker, number: int) -> None:
    """The last action of a liquidation loses what was posted but for what it gave back."""
    event = broker.journal.liquidations[number]
    if event.size_after:
        return
    before = 0.0
    for shot in broker.journal.snapshots:
        if shot.position == event.position and shot.size:
            before = shot.margin
    assert abs(event.loss + event.returned - before) <= 1e-9 * max(1.0, abs(before)), \
        "an isolated liquidation did not lose the margin posted but for what was returned"


def _check_rejections(broker: PerpetualBroker) -> None:
    for rejection in broker.journal.rejections:
        assert rejection.reason, "an order was refused without a reason"
