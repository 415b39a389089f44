"""What every venue answers: margins, limits, liquidation and bankruptcy price, who pays funding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deleverage import margin
from deleverage.errors import LeverageError, UsageError
from deleverage.policies import Fees
from deleverage.venues.ladder import Bracket, Ladder, LadderUse


@dataclass(frozen=True, slots=True)
class VenueRules:
    """Rules of one venue and product for one symbol; a venue's own file overrides what differs.

    ``margin_at_mark``: initial margin of an open cross position follows the mark (else entry).
    ``stop_trigger``: the price that triggers stops by default. ``funding_payer``: which balance
    pays an isolated position's funding first, ``position`` or ``free``.
    """

    symbol: str
    use: LadderUse

    name: ClassVar[str] = ""
    product: ClassVar[str] = "linear"
    fees: ClassVar[Fees] = Fees(0.0002, 0.0005)
    stop_trigger: ClassVar[str] = "last"
    funding_payer: ClassVar[str] = "position"
    margin_at_mark: ClassVar[bool] = True
    maintenance_at_entry: ClassVar[bool] = False
    assumed_max_leverage: ClassVar[float | None] = None

    @property
    def ladder(self) -> Ladder:
        """The ladder in use."""
        return self.use.ladder

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What a sheet must say about these rules, one line each."""
        lines = []
        if self.use.assumed:
            lines.append(f"maintenance ladder is a declared assumption: {self.use.describe()}")
        if self.ladder.symbol not in ("", self.symbol):
            lines.append(f"{self.name} {self.symbol}: trades on the maintenance ladder of "
                         f"{self.ladder.symbol} ({self.ladder.id})")
        if any(rung.max_leverage is None for rung in self.ladder.brackets):
            lines.append(f"{self.name} {self.symbol}: the ladder gives no maximum leverage; "
                         f"{self.assumed_max_leverage or 1:g}x assumed")
        return tuple(lines)

    def bracket(self, notional: float) -> Bracket:
        """The bracket of a notional (quote, ≥ 0); on a bound the lower one."""
        return self.ladder.bracket(notional)

    def maintenance_margin(self, notional: float) -> float:
        """Maintenance margin (quote) of a notional: notional × rate − amount."""
        rung = self.bracket(notional)
        return margin.maintenance(notional, rung.rate, rung.amount)

    def initial_margin(self, notional: float, leverage: float) -> float:
        """Initial margin (quote): notional ÷ leverage."""
        if leverage <= 0:
            raise UsageError(f"leverage must be > 0, found {leverage:g}")
        return notional / leverage

    def max_leverage(self, notional: float = 0.0) -> float:
        """The largest leverage the venue grants for a notional (quote)."""
        limit = self.bracket(notional).max_leverage
        if limit is None:
            limit = self.assumed_max_leverage
        if limit is None:
            raise LeverageError(f"{self.name} {self.symbol}: no maximum leverage is known")
        return limit

    def position_maintenance(self, size: float, entry: float, mark: float) -> float:
        """Maintenance an open position must hold now (quote), on the venue's own basis."""
        return self.maintenance_margin(abs(size) * (entry if self.maintenance_at_entry else mark))

    def liquidation_price(
        self, side: int, size: float, entry_price: float, wallet: float, *, cross: bool = False
    ) -> float | None:
        """The mark that liquidates; None where no positive mark does.

        ``wallet`` is the margin behind the position (quote) without its unrealised profit: the
        posted margin, or in cross the free balance plus the others' unrealised profit minus the
        others' maintenance. Family A with the bracket re-selected at the liquidation notional.
        Source: Binance Futures FAQ on liquidation prices.
        """
        return self._at_liquidation(side, size, entry_price, wallet)

    def bankruptcy_price(self, side: int, size: float, entry_price: float, wallet: float) -> float:
        """The price at which the margin behind the position is gone (quote per coin)."""
        return margin.bankruptcy(float(side), size, entry_price, wallet)

    def _at_liquidation(
        self, side: int, size: float, entry: float, wallet: float
    ) -> float | None:
        _check_position(side, size, entry)
        rung = self.bracket(size * entry)
        for _ in range(len(self.ladder.brackets) + 1):
            price = margin.liquidation_at_liquidation(
                float(side), size, entry, wallet, rung.rate, rung.amount)
            found = self.bracket(size * max(price, 0.0))
            if found is rung:
                if price > 0:
                    return price
                # a short has lost more than everything, a long can never be reached
                return None if side > 0 else 0.0
            rung = found
        return self._scan_brackets(side, size, entry, wallet)

    def _scan_brackets(self, side: int, size: float, entry: float, wallet: float) -> float | None:
        # equity − MM is monotonic in price and MM continuous, so one bracket is self-consistent;
        # on a bound rounding may leave the iteration above swinging between two neighbours
        best, distance = None, float("inf")
        for rung in self.ladder.brackets:
            price = margin.liquidation_at_liquidation(
                float(side), size, entry, wallet, rung.rate, rung.amount)
            notional = size * price
            outside = max(rung.lower - notional, notional - rung.upper, 0.0)
            if price > 0 and outside < distance:
                best, distance = price, outside
        return best


def _check_position(side: int, size: float, entry: float) -> None:
    if side not in (1, -1):
        raise UsageError(f"side must be +1 or -1, found {side}")
    if not size > 0 or not entry > 0:
        raise UsageError(f"size and entry price must be > 0, found {size:g} and {entry:g}")
