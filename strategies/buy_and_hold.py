"""Buy at the first bar and hold: what the market did, at the chosen leverage."""

from __future__ import annotations

from deleverage.strategies.exits import LONG, Signal, SignalStrategy


class BuyAndHold(SignalStrategy):
    """Baseline: one long, decided on the close of the first bar and held to the end.

    Stop and target are off unless given, as fractions of that close (``stop=0.1`` is 10 % below);
    so is the time exit ``hold``.
    """

    params = (("hold", None), ("stop", None), ("target", None))

    def signals(self) -> dict[int, Signal]:
        """The first bar."""
        if not len(self.columns):
            return {}
        close = float(self.columns.lines["close"][0])
        stop = None if self.p.stop is None else close * (1.0 - self.p.stop)
        target = None if self.p.target is None else close * (1.0 + self.p.target)
        return {0: Signal(LONG, stop, target, "start")}
