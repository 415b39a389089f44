"""What every venue answers: margins, limits, liquidation and bankruptcy price, who pays funding.

Every method takes scalars or arrays. The ladder is the one in use unless another one, or a plain
maintenance ``rate`` with its ``amount``, is passed. Where no positive mark liquidates, a scalar
answer is None and an array holds NaN.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from deleverage import margin
from deleverage.policies import Fees
from deleverage.venues import solve
from deleverage.venues.brackets import BracketRules
from deleverage.venues.ladder import Ladder
from deleverage.venues.procedure import Procedure, Takeover

GRACE = 0.0


@dataclass(frozen=True, slots=True)
class VenueRules(BracketRules):
    """Rules of one venue and linear product for one symbol; a venue's own file says what differs.

    ``closing_fee``: one's own taker fee where the venue holds the fee inside maintenance.
    ``spelling``: how the venue writes a contract's symbol. ``margin_at_mark``: initial margin
    of an open cross position follows the mark (else entry). ``maintenance_at_entry``: isolated
    maintenance is frozen at entry (family B). ``fee_inside``: the taker fee is part of
    maintenance. ``stop_trigger``: the price that triggers stops by default. ``funding_payer``:
    which balance pays an isolated position's funding first, ``position`` or ``free``;
    ``funding_price``: mark or oracle. ``funding_grace``: seconds after a stamp within which a
    new position still counts as open at it. ``liquidation_fee``: share of the liquidated
    notional. ``leverage_may_fall``: whether the leverage of an open isolated position may be
    lowered. ``cross_assumed``: what is assumed of cross accounts where the venue's own rule is not
    known. ``procedure``: what the venue does with a position at or below maintenance.
    """

    closing_fee: float | None = None

    product: ClassVar[str] = "linear"
    fees: ClassVar[Fees] = Fees(0.0002, 0.0005)
    spelling: ClassVar[str] = "{base}USDT"
    stop_trigger: ClassVar[str] = "last"
    funding_payer: ClassVar[str] = "position"
    funding_price: ClassVar[str] = "mark"
    funding_grace: ClassVar[float] = GRACE
    funding_hours: ClassVar[float] = 8.0
    margin_at_mark: ClassVar[bool] = True
    maintenance_at_entry: ClassVar[bool] = False
    fee_inside: ClassVar[bool] = False
    liquidation_fee: ClassVar[float] = 0.0
    cross_assumed: ClassVar[str] = ""
    leverage_may_fall: ClassVar[bool] = True
    procedure: ClassVar[Procedure] = Takeover()

    def charging(self, fees: Fees) -> Self:
        """These rules for an account that pays ``fees``: its taker fee is the one that is held
        inside maintenance. The same rules where the venue holds none there.

        For fees of one's own only: Gate documents another fee for this purpose than its default.
        """
        return replace(self, closing_fee=fees.taker) if self.fee_inside else self

    @property
    def maintenance_fee(self) -> float:
        """The fee rate held inside maintenance: one's own, the venue's taker fee, or nothing."""
        if not self.fee_inside:
            return 0.0
        return self.fees.taker if self.closing_fee is None else self.closing_fee

    # ---------------------------------------------------------------- margins of a position

    def notional(self, size: Any, price: Any) -> Any:
        """Notional in the currency of the margin: ``size × price`` in quote."""
        return size * price

    def frozen_at_entry(self, cross: bool) -> bool:
        """Whether maintenance is that of the entry (family B); in cross it follows the mark."""
        return self.maintenance_at_entry and not cross

    def position_maintenance(self, size: float, entry: float, mark: float, *,
                             cross: bool = False) -> float:
        """Maintenance an open position must hold now, on the venue's own basis, fee included."""
        return float(self._held(abs(size), entry, mark, cross))

    def maintenance_at(self, size: Any, entry: Any, mark: Any, *, cross: bool = False) -> Any:
        """:meth:`position_maintenance` of a ``size`` > 0 for scalars and arrays alike."""
        return self._held(size, entry, mark, cross)

    def margin_ratio(self, side: Any, size: Any, entry_price: Any, wallet: Any, mark: Any, *,
                     cross: bool = False, ladder: Ladder | None = None, rate: Any = None,
                     amount: Any = None, others_unrealised: Any = 0.0,
                     others_maintenance: Any = 0.0) -> Any:
        """Maintenance ÷ equity at a mark: 1 is liquidation, infinity that nothing is left.

        The arguments are those of :meth:`liquidation_price`; the equity is what the other positions
        leave to this one.
        """
        amount = solve.amount_of(rate, amount)
        held = self._held(size, entry_price, mark, cross, ladder, rate, amount)
        wallet = wallet + others_unrealised - others_maintenance
        return solve.share(held, wallet + self.unrealised(side * size, entry_price, mark))

    def _held(self, size: Any, entry: Any, mark: Any, cross: bool, ladder: Ladder | None = None,
              rate: Any = None, amount: Any = 0.0) -> Any:
        notional = self.notional(size, entry if self.frozen_at_entry(cross) else mark)
        rate, amount = self._terms_of_position(size, notional, ladder, rate, amount)
        return margin.maintenance(notional, rate + self.maintenance_fee, amount)

    def unrealised(self, signed_size: Any, entry_price: Any, mark: Any) -> Any:
        """Unrealised profit at a mark, in the currency of the margin."""
        return margin.unrealised(signed_size, entry_price, mark)

    def position_limit(self, size: Any, price: Any) -> Any:
        """The largest leverage granted for a size at a price, whatever the ladder's bounds count.
        """
        ladder = self.use.ladder
        if ladder.unit == "quote" and not isinstance(size, np.ndarray):
            limit = ladder.bracket(self.notional(size, price)).max_leverage
            if limit is not None:
                return limit
        return self.max_leverage(self.measure(size, price))

    def measure(self, size: Any, price: Any) -> Any:
        """What the ladder's bounds count of a position at a price: its notional or contracts."""
        return self._measure(size, self.notional(size, price), self.use.ladder)

    def _terms_of_position(self, size: Any, notional: Any, ladder: Ladder | None = None,
                           rate: Any = None, amount: Any = 0.0) -> tuple[Any, Any]:
        chosen = ladder or self.use.ladder
        return solve.terms(chosen, self._measure(size, notional, chosen), rate, amount)

    @staticmethod
    def _measure(size: Any, notional: Any, ladder: Ladder) -> Any:
        """What the ladder's bounds count of a position: its notional or its contracts."""
        return size / ladder.contract_size if ladder.unit == "contracts" else notional

    # ---------------------------------------------------------------- prices

    def liquidation_price(
        self, side: Any, size: Any, entry_price: Any, wallet: Any, *, cross: bool = False,
        ladder: Ladder | None = None, rate: Any = None, amount: Any = None,
        others_unrealised: Any = 0.0, others_maintenance: Any = 0.0,
    ) -> Any:
        """The mark that liquidates; None (NaN in arrays) where no positive mark does.

        ``wallet`` is the margin behind the position without its unrealised profit: the posted
        margin, more after margin was added and less after it was removed or funding was paid. In
        cross it is the account's balance, with the unrealised profit and the maintenance of the
        other positions, at their marks, beside it. The bracket is that of the liquidation notional
        (family A) or of the entry (family B). Raises UsageError for a size, price or side that
        cannot be, and for an amount without its rate.
        """
        amount = solve.amount_of(rate, amount)
        wallet = wallet + others_unrealised - others_maintenance
        chosen = ladder or self.ladder
        if not any(isinstance(v, np.ndarray) for v in (size, entry_price, wallet, side, rate)):
            return self._solve(side, size, entry_price, wallet, rate, amount, cross, chosen)
        given = (side, size, entry_price, wallet)
        if rate is None:
            return solve.in_chunks(
                lambda s, q, e, w: self._solve(s, q, e, w, None, amount, cross, chosen), *given)
        return solve.in_chunks(
            lambda s, q, e, w, r, a: self._solve(s, q, e, w, r, a, cross, chosen),
            *given, rate, amount)

    def liquidation_level(self, side: int, size: float, entry_price: float, wallet: float, *,
                          cross: bool = False) -> float | None:
        """:meth:`liquidation_price` of one position on the ladder in use, as an account asks for
        it: at every order and every change of a position."""
        ladder = self.use.ladder
        if self.frozen_at_entry(cross) or ladder.jumps or ladder.unit == "contracts" \
                or type(self)._at_liquidation is not VenueRules._at_liquidation:
            level: float | None = self._solve(
                side, size, entry_price, wallet, None, 0.0, cross, ladder)
            return level
        # _solve for the usual ladder, written out: a third of its time, and asked the most
        if not (size > 0 and entry_price > 0 and wallet == wallet) or side * side != 1:
            solve.check_position(side, size, entry_price, wallet)
        fee = self.maintenance_fee if self.fee_inside else 0.0
        value = side * size * entry_price
        edges = ladder.edges(-side, fee)
        rung = ladder.brackets[min(bisect_left(edges, size * entry_price - side * wallet),
                                   len(edges) - 1)]
        price = (wallet + rung.amount - value) / (size * (rung.rate + fee) - side * size)
        if price > 0:
            return float(price)
        return None if side > 0 else 0.0

    def _solve(self, side: Any, size: Any, entry: Any, wallet: Any, rate: Any, amount: Any,
               cross: bool, ladder: Ladder) -> Any:
        solve.check_position(side, size, entry, wallet)
        if self.frozen_at_entry(cross):
            return self._at_entry(side, size, entry, wallet, ladder, rate, amount)
        if rate is None and ladder.unit == "contracts":
            rate, amount = self._terms_of_position(size, 0.0, ladder)
        return self._at_liquidation(side, size, entry, wallet, ladder, rate, amount)

    def bankruptcy_price(self, side: Any, size: Any, entry_price: Any, wallet: Any) -> Any:
        """The price at which the margin behind the position is gone."""
        return margin.bankruptcy(side, size, entry_price, wallet)

    def _at_liquidation(self, side: Any, size: Any, entry: Any, wallet: Any, ladder: Ladder,
                        rate: Any, amount: Any) -> Any:
        fee = self.maintenance_fee
        if rate is None:
            if ladder.jumps:
                worth = solve.across_jumps(ladder, side, size * entry, wallet, fee)
                return solve.positive(worth / size, side)
            # at liquidation N − s·MM(N) = Q·E − s·wallet
            rate, amount = solve.terms_at_liquidation(
                ladder, -side, size * entry - side * wallet, fee)
        price = margin.liquidation_at_liquidation(side, size, entry, wallet, rate + fee, amount)
        return solve.positive(price, side)

    def _at_entry(self, side: Any, size: Any, entry: Any, wallet: Any, ladder: Ladder,
                  rate: Any, amount: Any) -> Any:
        rate, amount = solve.terms(ladder, size * entry, rate, amount)
        return solve.positive(
            margin.liquidation_at_entry(side, size, entry, wallet, rate, amount), side)

    # ---------------------------------------------------------------- funding and liquidation

    def funding_payment(self, signed_size: Any, price: Any, rate: Any) -> Any:
        """Cash flow to the holder of one settlement (negative: paid) at the venue's price."""
        return margin.funding_amount(signed_size, price, rate)

    def in_funding_window(self, opened: float, closed: float, stamp: float,
                          grace: float | None = None) -> bool:
        """Whether a position held from ``opened`` to ``closed`` is charged at ``stamp`` (seconds).

        Open at the stamp: opened ≤ stamp ≤ closed; where a venue has a grace (or one is given), a
        position opened less than that after the stamp counts as well.
        """
        late = opened - stamp
        return (late <= 0 or late < (self.funding_grace if grace is None else grace)) \
            and stamp <= closed

    def liquidation_fee_on(self, notional: Any) -> Any:
        """Fee the venue takes on a liquidated notional, beside what it seizes."""
        return notional * self.liquidation_fee


@dataclass(frozen=True, slots=True)
class InverseRules(VenueRules):
    """Rules of an inverse (coin-margined) contract: ``size`` in USD, margin and money in coin."""

    product: ClassVar[str] = "inverse"

    def notional(self, size: Any, price: Any) -> Any:
        """Notional in coin: ``value ÷ price``."""
        return size / price

    def unrealised(self, signed_size: Any, entry_price: Any, mark: Any) -> Any:
        """Unrealised profit in coin."""
        return margin.inverse_unrealised(signed_size, entry_price, mark)

    def bankruptcy_price(self, side: Any, size: Any, entry_price: Any, wallet: Any) -> Any:
        """The price at which the margin is gone: none for a short whose margin covers its value,
        infinity for a long that owes more than its value."""
        return solve.finite(margin.inverse_bankruptcy(side, size, entry_price, wallet), side)

    def funding_payment(self, signed_size: Any, price: Any, rate: Any) -> Any:
        """Cash flow in coin of one settlement."""
        return margin.inverse_funding_amount(signed_size, price, rate)

    def _at_liquidation(self, side: Any, size: Any, entry: Any, wallet: Any, ladder: Ladder,
                        rate: Any, amount: Any) -> Any:
        if rate is None:
            if ladder.jumps:
                worth = solve.across_jumps(
                    ladder, -side, size / entry, wallet, self.maintenance_fee)
                return solve.finite(margin.inverse_price(size, worth), side)
            # at liquidation N + s·MM(N) = S/E + s·wallet, N in coin
            rate, amount = solve.terms_at_liquidation(
                ladder, side, size / entry + side * wallet, self.maintenance_fee)
        price = margin.inverse_at_liquidation(
            side, size, entry, wallet, rate + self.maintenance_fee, amount)
        return solve.finite(price, side)

    def _at_entry(self, side: Any, size: Any, entry: Any, wallet: Any, ladder: Ladder,
                  rate: Any, amount: Any) -> Any:
        rate, amount = solve.terms(ladder, size / entry, rate, amount)
        return solve.finite(
            margin.inverse_at_entry(side, size, entry, wallet, rate, amount), side)
