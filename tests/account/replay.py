"""An account told again from its journal alone, by arithmetic of its own."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from deleverage.account import State
from deleverage.journal import Entry, Fill, Journal


@dataclass(frozen=True)
class Held:
    """A position as the fills tell it: signed size and average price of entry."""

    size: float
    entry: float


def balances(entries: Iterable[Entry]) -> dict[str, float]:
    """Every balance as the exactly rounded sum of its entries; without those that are empty."""
    parts: dict[str, list[float]] = {}
    for entry in entries:
        parts.setdefault(entry.balance, []).append(entry.amount)
    return {name: math.fsum(amounts) for name, amounts in parts.items()}


def positions(fills: Iterable[Fill], hedge: bool) -> dict[Hashable, Held]:
    """What is held after some fills: by symbol, or with both sides held by the position's number.
    """
    found: dict[Hashable, Held] = {}
    for fill in fills:
        key = fill.position if hedge else fill.symbol
        held = added(found.pop(key, Held(0.0, 0.0)), fill.size, fill.price)
        if held.size:
            found[key] = held
    return found


def added(held: Held, size: float, price: float) -> Held:
    """A position after a fill: an average on the way up, unchanged on the way down, the price of
    the fill for what is left on the other side."""
    after = round(held.size + size, 9)
    if held.size * size >= 0:
        entry = (held.size * held.entry + size * price) / (held.size + size)
    else:
        entry = held.entry if after * held.size > 0 else price
    return Held(after, entry)


def turnover(journal: Journal) -> float:
    """All money that moved: what a rounding error is measured against."""
    return math.fsum(abs(entry.amount) for entry in journal.entries) + math.fsum(
        abs(fill.size * fill.price) for fill in journal.fills)


def differences(state: State, entries: Sequence[Entry], fills: Sequence[Fill], hedge: bool,
                near: float) -> list[str]:
    """Where an account's state is not what its journal says, in words; nothing where it is."""
    told, booked = positions(fills, hedge), balances(entries)
    found: list[str] = []

    def same(what: str, one: float, other: float, within: float) -> None:
        if not abs(one - other) <= within:
            found.append(f"{what}: the account says {one!r}, its journal {other!r}")

    same("wallet", state.wallet, math.fsum(entry.amount for entry in entries), near)
    for name in {*booked, *state.positions, ""}:
        same(f"balance {name!r}", state.balance(name), booked.get(name, 0.0), near)
    held: dict[Any, Any] = {position.number if hedge else slot: position
                                 for slot, position in state.positions.items()}
    for key in {*held, *told}:
        one = held.get(key)
        two = told.get(key, Held(0.0, 0.0))
        same(f"size of {key}", 0.0 if one is None else one.size, two.size, 1e-9)
        if one is not None:
            same(f"entry price of {key}", one.entry_price, two.entry, 1e-9 * two.entry)
    return found
