"""Long when a cascade of long liquidations has run out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deleverage.detectors import CascadeConfig, CascadeEvent, cascade_events, share_closed
from deleverage.detectors.levels import BP
from deleverage.errors import unknown_name
from deleverage.strategies.exits import LEAVE, LONG, Signal, SignalStrategy, reward

TRIGGERS = ("liquidations", "open_interest")


class CascadeExhaustion(SignalStrategy):
    """Buys the confirmed exhaustion of a cascade of long liquidations.

    Exhaustion is confirmed by no new low for ``quiet`` minutes, intensity under ``decay`` of its
    peak, open interest in coins down more than ``flush`` since the cascade began.

    ``trigger="liquidations"`` reads USD of long liquidations; ``"open_interest"`` the fall of open
    interest in coins instead, which is NOT liquidations: positions are also closed by hand and by
    stops, and on both sides. ``share`` (None: the trigger's default) and ``z_on`` are the start
    rule; with ``share=0``, ``flush=0`` and a ``size`` in USD liquidated per hour no open interest
    is needed. Stop ``stop_bp`` under the cascade's low, target ``r_multiple`` times the risk, time
    exit after ``hold``; a resumed cascade (the call was false) closes at once.

    Whether this is more than buying late and low is open: compare it with random_entry.
    """

    required_tables = ("open_interest",)
    params = (
        ("trigger", "liquidations"), ("quiet", 60), ("decay", 0.12), ("flush", 0.03),
        ("share", None), ("size", 0.0), ("z_on", 5.0), ("stop_bp", 50.0), ("r_multiple", 2.0),
    )

    def tables(self) -> tuple[str, ...]:
        """Liquidations unless open interest is the trigger; open interest where it is asked of."""
        if self.p.trigger not in TRIGGERS:
            raise unknown_name("trigger", self.p.trigger, TRIGGERS)
        if self.p.trigger == "open_interest":
            return ("open_interest",)
        without_book = self.p.share == 0.0 and self.p.flush == 0.0
        return ("liquidations",) if without_book else ("liquidations", "open_interest")

    def signals(self) -> dict[int, Signal]:
        """A long per confirmed exhaustion, an exit per resume."""
        label = " (open interest)" if self.p.trigger == "open_interest" else ""
        close = self.columns.lines["close"]
        found = {}
        for event in self.events():
            if event.kind == "resume":
                found[event.bar] = Signal(LEAVE, why=f"cascade resumed{label}")
            elif event.confirmed:
                price = float(close[event.bar])
                stop = event.low * (1.0 - self.p.stop_bp * BP)
                found[event.bar] = Signal(LONG, stop, reward(price, stop, self.p.r_multiple),
                                          f"cascade exhausted{label}")
        return found

    @property
    def warmup_bars(self) -> int:
        """Bars the z-score needs before it says anything."""
        return self.config().warm_up

    def events(self) -> tuple[CascadeEvent, ...]:
        """What the state machine called on this market."""
        config = self.config()
        return self.columns.memo.get(("cascades", config, self.p.trigger),
                                          lambda: self._events(config))

    def _events(self, config: CascadeConfig) -> tuple[CascadeEvent, ...]:
        lines = self.columns.lines
        coins = lines["openinterest"]
        mark = np.where(np.isnan(lines["mark_close"]), lines["close"], lines["mark_close"])
        by_book = self.p.trigger == "open_interest"
        amount = share_closed(coins) if by_book else lines["long_liquidations"]
        return cascade_events(config, lines["low"], amount, coins, mark)

    def config(self) -> CascadeConfig:
        """The machine's thresholds with this strategy's parameters, on this market's bars."""
        by_book = self.p.trigger == "open_interest"
        config = CascadeConfig.closing() if by_book else CascadeConfig()
        config = replace(
            config, quiet=self.p.quiet, decay=self.p.decay, flush=self.p.flush, z_on=self.p.z_on,
            size=self.p.size, share=config.share if self.p.share is None else self.p.share)
        return config.for_step(self.columns.market.step_ns)
