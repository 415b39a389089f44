"""What a maintenance ladder alone answers: brackets, margins of a notional, leverage granted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deleverage import margin
from deleverage.errors import LeverageError, UsageError
from deleverage.venues import solve
from deleverage.venues.ladder import Bracket, Ladder, LadderUse


@dataclass(frozen=True, slots=True)
class BracketRules:
    """The ladder in use for one symbol of a venue, and what follows from it without a price."""

    symbol: str
    use: LadderUse

    name: ClassVar[str] = ""
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
            what = self.use.describe().removeprefix("ASSUMED: ")
            lines.append(f"maintenance ladder is a declared assumption: {what}")
        if self.ladder.symbol not in ("", self.symbol):
            lines.append(f"{self.name} {self.symbol}: trades on the maintenance ladder of "
                         f"{self.ladder.symbol} ({self.ladder.id})")
        if self.assumed_max_leverage is not None and \
                any(rung.max_leverage is None for rung in self.ladder.brackets):
            lines.append(f"{self.name} {self.symbol}: the ladder gives no maximum leverage; "
                         f"{self.assumed_max_leverage:g}x assumed")
        if not self.ladder.complete:
            end, unit = self.ladder.brackets[-1].upper, self.ladder.unit
            known = "whether it had further brackets is not known" if math.isinf(end) else \
                f"above {end:,.0f} {'USD' if unit == 'quote' else unit} its last rate is assumed"
            lines.append(f"{self.name} {self.symbol}: the ladder {self.ladder.id} is not complete; "
                         f"{known}")
        return tuple(lines)

    def bracket(self, notional: float, ladder: Ladder | None = None) -> Bracket:
        """The bracket of a notional (≥ 0, in the ladder's unit); on a bound the lower one."""
        return (ladder or self.ladder).bracket(notional)

    def maintenance_margin(self, notional: Any, *, ladder: Ladder | None = None,
                           rate: Any = None, amount: Any = None) -> Any:
        """Maintenance margin of a notional: notional × rate − amount (without any fee).

        Where the ladder's bounds count contracts (OKX) a notional alone does not tell the bracket:
        pass its rate, or ask ``position_maintenance``. Raises UsageError for an amount without its
        rate.
        """
        amount = solve.amount_of(rate, amount)
        rate, amount = solve.terms(ladder or self.ladder, notional, rate, amount)
        return margin.maintenance(notional, rate, amount)

    def initial_margin(self, notional: Any, leverage: Any) -> Any:
        """Initial margin: notional ÷ leverage. Raises UsageError for a leverage ≤ 0."""
        if not np.all(np.asarray(leverage) > 0):
            raise UsageError(f"leverage must be > 0, found {leverage}")
        return notional / leverage

    def max_leverage(self, notional: Any = 0.0, *, ladder: Ladder | None = None) -> Any:
        """The largest leverage granted for a notional (``position_limit`` takes a size)."""
        chosen = ladder or self.use.ladder
        if isinstance(notional, np.ndarray):
            limits = chosen.limits[chosen.index(notional)]
            assumed = np.nan if self.assumed_max_leverage is None else self.assumed_max_leverage
            return np.where(np.isnan(limits), assumed, limits)
        limit = chosen.bracket(notional).max_leverage
        if limit is None:
            limit = self.assumed_max_leverage
        if limit is None:
            raise LeverageError(f"{self.name} {self.symbol}: no maximum leverage is known")
        return limit

    def largest_leverage(self, stake: float, *, ladder: Ladder | None = None) -> float:
        """The largest L for which ``stake × L`` stays inside a bracket that grants L."""
        if not stake > 0:
            raise UsageError(f"a stake must be > 0, found {stake}")
        chosen, best = ladder or self.ladder, 0.0
        for rung in chosen.brackets:
            limit = rung.max_leverage or self.assumed_max_leverage or 1.0
            reach = min(limit, rung.upper / stake)
            if reach * stake >= rung.lower:
                best = max(best, reach)
        return best
