"""What the venue does to an account that no longer holds its maintenance.

Orders first: those of the position (isolated) or of the whole account (cross) are cancelled. Then
the venue's procedure decides one action at a time, the account carries it out, and the question is
asked again until maintenance is held or nothing is left.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import replace

from deleverage import account, forced
from deleverage.account import Position
from deleverage.changes import Change
from deleverage.floor import Floor
from deleverage.steps import Liquidated, Seized
from deleverage.timestamps import SECOND
from deleverage.venues.procedure import (
    MARKET,
    Procedure,
    Stage,
    Takeover,
)

PLAIN = Takeover()
COOLDOWN = 30 * SECOND  # within which a second order takes the whole (Hyperliquid)


class Forcing(Floor):
    """A floor on which the venue acts."""

    # -------------------------------------------------------------- is it time?

    def level(self, slot: str) -> float | None:
        """The mark that liquidates one position, the other marks where they stand."""
        return account.level(self.state, slot, self.marks, self.desk.terms)

    def joint(self, moving: Mapping[str, object] | None = None) -> bool:
        """Whether the account falls as a whole: cross, with more than one position.

        With ``moving`` (by symbol): whether more than one of them moves.
        """
        terms = self.desk.terms
        if terms.isolated or not terms.forces or len(self.state.positions) < 2:
            return False
        return sum(moving is None or position.symbol in moving
                   for position in self.state.positions.values()) > 1

    def check_liquidation(self, symbols: Container[str], *, gap: bool = False,
                          cause: str = "mark") -> None:
        """Liquidate what stands at or beyond its level where the walk now is."""
        if not self.state.positions:
            return
        if not self.desk.terms.isolated and self.joint():
            worth = self.equity() - account.required(self.state, self.marks, self.desk.terms)
            if worth <= 0:
                self.liquidate(None, gap=gap, cause="cross" if cause == "mark" else cause)
            return
        for slot, position in list(self.state.positions.items()):
            if position.symbol in symbols and slot in self.state.positions:
                level = self.level(slot)
                mark = self.marks[position.symbol]
                if level is not None and (mark - level) * position.side <= 0:
                    self.liquidate(slot, gap=gap, cause=cause)

    # -------------------------------------------------------------- the procedure

    def liquidate(self, slot: str | None, *, gap: bool, cause: str) -> None:
        """Have the venue act on a position, or on the account (None), until maintenance is held."""
        isolated = self.desk.terms.isolated
        for order in list(self.book.values()):
            if not isolated or order.slot == slot:
                self.drop(order.ref, "liquidation")
        acted = False
        while True:
            target = slot if isolated else self._first()
            if target is None or target not in self.state.positions:
                return
            worth, held = forced.standing(self.state, self.desk.terms, target, self.marks)
            if acted and worth > held:
                return
            level = None if slot is None or slot not in self.state.positions else self.level(slot)
            levels = {} if slot is None or level is None else {slot: level}
            self._act(target, levels, gap, cause)
            acted = True
            self.note()

    def _first(self) -> str | None:
        """The position of a cross account that the venue acts on first."""
        held = forced.candidates(self.state, self.desk.terms, self.marks)
        if not held:
            return None
        first = self.state.positions[next(iter(held))]
        return self._procedure(first).order(held)[0]

    def _act(self, slot: str, levels: Mapping[str, float], gap: bool, cause: str) -> None:
        position = self.state.positions[slot]
        rules, lot = self.desk.rules(position.symbol), self.desk.instruments[position.symbol]
        partial_at = max(held.partial_at for held in self.state.positions.values())
        # the cooldown is the user's: a part of any position starts it for all of them
        cooling = bool(partial_at) and self._now(position) - partial_at < COOLDOWN
        procedure, seen = self._procedure(position), forced.distress(
            self.state, self.desk.terms, slot, self.marks, lot.lot_size, cooling)
        stage = procedure.next(rules, seen)
        if stage.kind == MARKET:
            price = self.slipped(position.symbol, -position.side, stage.size,
                                 self._last(position.symbol))
            worst = forced.limit(self.state, self.desk.terms, slot, self.marks)
            if (price - worst) * position.side > 0:
                self._sell(slot, stage, price, levels, gap, cause)
                return
        # whole, at the price at which nothing is left: nothing of it sold above that price
        kind = stage.kind if stage.kind != MARKET else procedure.taken(seen).kind
        self._take_over(slot, kind, levels, gap, cause)

    def _procedure(self, position: Position) -> Procedure:
        if self.desk.liquidation == "takeover":
            return PLAIN
        return self.desk.rules(position.symbol).procedure

    def _last(self, symbol: str) -> float:
        """Where an order of the venue trades: last; of a symbol between two bars only its mark is
        at hand."""
        return self.last.get(symbol, self.marks[symbol])

    def _now(self, position: Position) -> int:
        moving = position.symbol in self.bars
        return self.now(position.symbol if moving else next(iter(self.bars)))

    def _sell(self, slot: str, stage: Stage, price: float, levels: Mapping[str, float], gap: bool,
              cause: str) -> None:
        position = self.state.positions[slot]
        done = forced.reduce(self.state, self.desk.terms, slot, stage.size, price, stage.fee,
                             self.marks, self.desk.instruments[position.symbol].round_size)
        change = done.change
        rest = change.state.positions.get(slot)
        if rest is not None and stage.cooldown_s:
            cooled = replace(rest, partial_at=self._now(position))
            change = Change(change.state.with_position(slot, cooled, change.state.free),
                            change.bookings)
        self._record(change, (Seized(
            slot, position, abs(done.closed), 0.0 if rest is None else rest.size, stage.kind,
            levels.get(slot, math.nan), self.marks[position.symbol], self._last(position.symbol),
            price, done.loss, done.fee, done.returned, 0.0),), gap, cause)

    def _take_over(self, slot: str, kind: str, levels: Mapping[str, float], gap: bool,
                   cause: str) -> None:
        taken = forced.takeover(self.state, self.desk.terms, slot, self.marks)
        self._record(taken.change, tuple(
            Seized(name, held, abs(held.size), 0.0, kind, levels.get(name, math.nan),
                   self.marks[held.symbol], self._last(held.symbol), taken.prices[name],
                   taken.losses[name], 0.0, 0.0, forced.insurance(
                       abs(held.size), held.side, taken.prices[name], self.marks[held.symbol]))
            for name, held in self.state.positions.items() if name in taken.prices), gap, cause)

    def _record(self, change: Change, seized: tuple[Seized, ...], gap: bool, cause: str) -> None:
        self.steps.append(Liquidated(change, seized, gap, cause))
        self.state = change.state
