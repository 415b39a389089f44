"""A sweep's runs without the engine, held against one through it."""

from __future__ import annotations

from deleverage.direct import why_not
from deleverage.errors import LedgerError
from deleverage.strategies import registry
from deleverage.sweeps.outcome import Outcome
from deleverage.sweeps.plan import Combination, Plan
from deleverage.sweeps.work import carry_out


class MostTrades:
    """The combination of a sweep that traded the most: where two ways to run it would part first.
    """

    def __init__(self) -> None:
        self._found: tuple[Combination, Outcome] | None = None
        self._trades = -1.0

    def see(self, item: Combination, outcome: Outcome) -> None:
        """One more that has ended."""
        trades = outcome.figures.get("trades")
        if outcome.error is None and trades is not None and trades > self._trades:
            self._found, self._trades = (item, outcome), trades

    def hold_against_engine(self, plan: Plan) -> None:
        """Run it through the engine as well; LedgerError where that comes to anything else."""
        if self._found is None or why_not(registry.load(plan.spec.strategy)):
            return
        item, seen = self._found
        through = carry_out(item.spec, plan.place.open(), direct=False)
        if repr(through) == repr(seen):  # as text: a NaN equals itself there
            return
        what = next((f"{name} {value} without the engine and {through.figures.get(name)}"
                     for name, value in seen.figures.items()
                     if repr(through.figures.get(name)) != repr(value)),
                    "other stamps or warnings without the engine than")
        raise LedgerError(f"combination {item.number} has {what} with it: a defect of this software"
                          " (direct=False, or --engine, runs everything through the engine)")
