"""What a venue does with a position that stands at or below maintenance, one action at a time.

A procedure decides and the account carries out: it asks for the next :class:`Stage`, executes it,
and asks again while equity is still not above maintenance. Venues differ in how much is closed at
once, at which price, for which fee, and in who keeps what is left above bankruptcy.

Common to all: an order at the book is limited by the bankruptcy price, so where nothing is left
behind a position it is taken over whole. In a cross account a takeover takes every position: at
its own bankruptcy price (its share of the equity by maintenance) one position would leave equity ÷
maintenance of the others as it was, at or below 1.

Sources: the venues' help pages on liquidation; each venue's own file says what they leave open.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deleverage.venues.rules import VenueRules

MARKET, TAKEOVER, BACKSTOP = "market", "takeover", "backstop"
ACCOUNT, FUND = "account", "fund"
LARGEST_FIRST = ("in a cross account the position with the largest maintenance is acted on first, "
                 "equal ones in the order of opening (assumed: no venue documents it)")
_FINE = 1e-12  # of a size: a step where the instrument has no lot


@dataclass(frozen=True, slots=True)
class Distress:
    """What the venue sees of a position at or below maintenance.

    ``size`` > 0 is what is held, in base coin (inverse: USD); ``mark`` in quote per coin.
    ``equity`` is what stands behind it at the mark: isolated, its margin and unrealised profit;
    cross, the account's equity. ``maintenance`` is what that must exceed: the position's, or in
    cross the sum over the account. ``lot`` is the instrument's step (None: none). ``cooling``: a
    part of one of the user's positions was closed within the venue's cooldown (Hyperliquid).
    ``counted_at`` is the price at which the ladder counts the position where that is not the mark
    (Bybit isolated: the entry price).
    """

    size: float
    mark: float
    equity: float
    maintenance: float
    lot: float | None = None
    cooling: bool = False
    counted_at: float | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One action of the venue.

    ``kind``: *market* is an immediate-or-cancel order at the book, limited by the bankruptcy
    price; *takeover* takes the whole position at its bankruptcy price; *backstop* takes it with all
    that is left behind it. ``size``: 0 < size ≤ held, rounded up to the lot. ``fee``: share of the
    closed notional taken as liquidation fee, never more than what is left. ``cooldown_s``: seconds
    within which the venue's next order is for the whole. ``surplus``: who keeps what is left above
    bankruptcy once the position is gone, *account* or *fund*.
    """

    kind: str
    size: float
    fee: float = 0.0
    cooldown_s: float = 0.0
    surplus: str = ACCOUNT

    @property
    def whole_account(self) -> bool:
        """Whether in a cross account every position goes with this one."""
        return self.kind != MARKET


@dataclass(frozen=True, slots=True)
class Procedure(ABC):
    """A venue's procedure. ``line`` says it in one line; ``assumed`` what is not verified in it."""

    line: str
    assumed: tuple[str, ...] = ()

    def next(self, rules: VenueRules, distress: Distress) -> Stage:
        """The next action on a position whose equity is not above its maintenance."""
        if not distress.equity > 0:
            return self.taken(distress)
        return self.act(rules, distress)

    @abstractmethod
    def act(self, rules: VenueRules, distress: Distress) -> Stage:
        """The next action while something is left behind the position."""

    def taken(self, distress: Distress) -> Stage:
        """The end of the procedure: the position goes whole and nothing is given back."""
        return Stage(TAKEOVER, distress.size, surplus=FUND)

    def order(self, candidates: Mapping[str, float]) -> tuple[str, ...]:
        """In which order the positions of a cross account are acted on.

        ``candidates``: maintenance by symbol, in the order in which the positions were opened.
        """
        return tuple(sorted(candidates, key=lambda symbol: -candidates[symbol]))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What a sheet must say about the procedure, the order in a cross account last."""
        return (*self.assumed, LARGEST_FIRST)

    def describe(self) -> str:
        """The procedure in one line."""
        return self.line


@dataclass(frozen=True, slots=True)
class Takeover(Procedure):
    """The whole position at its bankruptcy price, without a fee: the plainest procedure there is.

    It loses the most a position can lose, so it is an upper bound of every venue's own procedure.
    """

    line: str = "taken over whole at the bankruptcy price, no fee, nothing returned"
    assumed: tuple[str, ...] = (
        "a liquidation takes over the whole position at its bankruptcy price; venues may reduce it "
        "in steps or return a part",)

    def act(self, rules: VenueRules, distress: Distress) -> Stage:
        """The whole position, whatever is left."""
        return self.taken(distress)


@dataclass(frozen=True, slots=True)
class StepDown(Procedure):
    """Reduce at the market to a lower bracket, ask again, and in the lowest one close the whole.

    ``last`` is how the lowest bracket is closed: *market*, what is left returned to the account, or
    *takeover*. The fee on a reduction is the rules' ``liquidation_fee``.
    """

    last: str = TAKEOVER

    def act(self, rules: VenueRules, distress: Distress) -> Stage:
        """Down to the top of the target bracket, or the whole where there is none."""
        held = bracket_of(rules, distress.size, distress)
        target = self.target(rules, distress, held)
        if target is not None:
            return Stage(MARKET, excess(rules, distress, target), self.fee(rules))
        if self.last == MARKET:
            return Stage(MARKET, distress.size, self.fee(rules))
        return self.taken(distress)

    def target(self, rules: VenueRules, distress: Distress, held: int) -> int | None:
        """The bracket (from 0) to reduce to from the one that is held; None: close the whole."""
        del rules, distress
        return held - 1 if held else None

    def fee(self, rules: VenueRules) -> float:
        """The fee on what an order at the book closes, as a share of its notional."""
        return rules.liquidation_fee


def bracket_of(rules: VenueRules, size: float, distress: Distress) -> int:
    """The number (from 0) of the bracket that so much of the position falls into."""
    counted = rules.measure(size, _counted_at(distress))
    uppers = rules.ladder.uppers
    return min(bisect_left(uppers, counted), len(uppers) - 1)


def excess(rules: VenueRules, distress: Distress, target: int) -> float:
    """The least part, in whole lots, without which the rest falls into the ``target`` bracket.

    Bounds count notional or contracts; a position on a bound belongs to the bracket below it.
    """
    fits = rules.ladder.uppers[target] / rules.measure(1.0, _counted_at(distress))
    part = rounded_up(distress.size - fits, distress.size, distress.lot)
    if part < distress.size and bracket_of(rules, _rest(part, distress), distress) > target:
        # the division was rounded: one more lot, by the very comparison maintenance is taken with
        part = rounded_up(part + (distress.lot or 0.0), distress.size, distress.lot)
    return part


def rounded_up(part: float, size: float, lot: float | None) -> float:
    """``part`` of ``size`` rounded up to the lot, free of float dust; whole where less than a lot
    would be left."""
    if lot is None:
        fine = max(_FINE, size * _FINE)
        return size if size - part <= 2 * fine else part + fine
    lots = max(1, math.ceil(part / lot - 1e-9))
    closed = round(lots * lot, 12)
    return size if size - closed < lot * (1 - 1e-9) else closed


def _rest(part: float, distress: Distress) -> float:
    return round(distress.size - part, 12)


def _counted_at(distress: Distress) -> float:
    return distress.mark if distress.counted_at is None else distress.counted_at
