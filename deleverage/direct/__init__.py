"""Runs without backtrader: strategies that say all they want beforehand, on the same account.

A :class:`~deleverage.strategies.exits.SignalStrategy` with entries at the market has said
everything once its signals are known: each trade follows from a signal, the prices and the account.
Such a run needs no engine that calls user code, no orders to be handed out and no notifications.
The account is the very one of every other run: its orders are judged by ``book``, bars are walked
by ``matching``, changes booked by the ledger. What is left out is what nobody looks at; the journal
is that of the engine, record by record (``tests/direct``).

==========  ====================================================================================
asking      a strategy's signals without an engine, and why a run cannot go this way
feed        what stands where a feed is expected
trading     from signal to signal: what SignalStrategy does, decided from the account's state
counter     where orders are sent: accepted or refused as the venue would
account     the account on one feed: bars gone through, the journal written
watch       the next bar whose prices can change it
plain       the commonest bars written out, all others are walked
==========  ====================================================================================

:class:`NotDirect` says what a run would need an engine for; whoever catches it takes the engine.
"""

from deleverage.direct.asking import Asked, NotDirect, ask, why_not
from deleverage.direct.trading import Ran, trade

__all__ = ["Asked", "NotDirect", "Ran", "ask", "trade", "why_not"]
