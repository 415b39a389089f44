"""Does an engine do the job? Its trades are the yardstick's, and its money follows from them."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.protocol import Market
from benchmarks.signals import YEAR_RULE

CENT = 0.01


class Disagreement(Exception):
    """An engine that did another job: what it costs would mean nothing."""


def money(market: Market, made: dict[str, Any], fills: str) -> float:
    """What the closed trades of the year's rule make after both fees, in USD.

    ``fills``: ``open`` where orders fill at the open of the trade's bars, ``close`` where they fill
    at the close before, on which they were decided.
    """
    opened, close = market.columns["open"], market.columns["close"]
    total = 0.0
    for entered, left in zip(made["entered"], made["left"], strict=False):
        size = round(YEAR_RULE.notional / float(close[entered - 1]), 3)
        paid, got = (float(opened[bar] if fills == "open" else close[bar - 1])
                     for bar in (entered, left))
        total += size * (got - paid) - YEAR_RULE.fee * size * (got + paid)
    return total


def same_trades(name: str, made: dict[str, Any], reference: dict[str, Any]) -> None:
    """Every entry and exit at the reference's bar. Raises Disagreement with the first that is not.
    """
    for kind in ("entered", "left"):
        found, wanted = list(made[kind]), list(reference[kind])
        if found != wanted:
            at = next((row for row, pair in enumerate(zip(found, wanted, strict=False))
                       if pair[0] != pair[1]), min(len(found), len(wanted)))
            raise Disagreement(f"{name}: {len(found)} bars {kind}, {len(wanted)} expected; "
                               f"the first that differs is number {at + 1}")


def same_money(name: str, made: dict[str, Any], market: Market, fills: str) -> None:
    """The money at the end is that of its trades, to the cent. Raises Disagreement."""
    wanted = money(market, made, fills)
    if abs(made["net"] - wanted) > CENT:
        raise Disagreement(f"{name}: {made['net']:.4f} USD made, {wanted:.4f} expected")


def same_counts(name: str, found: list[int], wanted: list[int]) -> None:
    """Every combination of a sweep closes as many trades as the yardstick's. Raises Disagreement.
    """
    differing = [row for row, pair in enumerate(zip(found, wanted, strict=True))
                 if pair[0] != pair[1]]
    if differing:
        row = differing[0]
        raise Disagreement(f"{name}: combination {row + 1} of {len(wanted)} closes {found[row]} "
                           f"trades, {wanted[row]} expected")
