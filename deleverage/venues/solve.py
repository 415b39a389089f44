"""Finding the bracket a liquidation price falls into, for scalars and arrays by one rule."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np

from deleverage.errors import UsageError
from deleverage.venues.ladder import Ladder

CHUNK = 16_384  # elements: temporaries of 128 KiB


def check_position(side: Any, size: Any, entry: Any) -> None:
    """Raise UsageError unless side is ±1 and size and entry price are positive."""
    if isinstance(size, np.ndarray):
        sides = bool(np.all(np.abs(side) == 1))
        above_zero = bool(np.all((size > 0) & (entry > 0)))
    else:
        sides, above_zero = side in (1, -1), size > 0 and entry > 0
    if not sides:
        raise UsageError(f"side must be +1 or -1, found {side}")
    if not above_zero:
        raise UsageError(f"size and entry price must be > 0, found {size} and {entry}")


def terms(ladder: Ladder, key: Any, rate: Any, amount: Any) -> tuple[Any, Any]:
    """Rate and amount at a notional (or contracts), unless a rate is given."""
    if rate is not None:
        return rate, amount
    if isinstance(key, np.ndarray):
        found = ladder.index(key)
        return ladder.rates[found], ladder.amounts[found]
    rung = ladder.bracket(key)
    return rung.rate, rung.amount


def terms_at_liquidation(ladder: Ladder, sign: Any, level: Any, fee: float) -> tuple[Any, Any]:
    """Rate and amount of the bracket whose notional N solves ``N + sign × MM(N) = level``.

    Maintenance is continuous and its rates are below 1, so the left side rises with N and exactly
    one bracket holds the solution.
    """
    if not isinstance(level, np.ndarray):
        edges = ladder.edges(1 if sign > 0 else -1, fee)
        rung = ladder.brackets[min(bisect_left(edges, level), len(edges) - 1)]
        return rung.rate, rung.amount
    # an edge passed is a bracket left behind; a dozen comparisons beat a binary search
    rises = np.asarray(sign) > 0
    found = np.where(rises, _passed(level, ladder.edges(1, fee)),
                     _passed(level, ladder.edges(-1, fee))).astype(np.intp)
    return ladder.rates.take(found), ladder.amounts.take(found)


def _passed(level: Any, edges: tuple[float, ...]) -> Any:
    count = np.zeros(level.shape, dtype=np.int8)
    for edge in edges[:-1]:
        np.add(count, (level > edge).view(np.int8), out=count)
    return count


def in_chunks(answer: Callable[..., Any], *values: Any) -> Any:
    """``answer(*values)``, arrays in pieces that stay in the processor's cache.

    Every step of a formula would otherwise walk through memory for each of its temporaries.
    """
    arrays = np.broadcast_arrays(*values)
    shape, count = arrays[0].shape, arrays[0].size
    if count <= CHUNK:
        return answer(*(array.astype(float) for array in arrays))
    flat = [array.reshape(-1) for array in arrays]
    result = np.empty(count)
    for first in range(0, count, CHUNK):
        piece = slice(first, first + CHUNK)
        result[piece] = answer(*(array[piece].astype(float, copy=False) for array in flat))
    return result.reshape(shape)


def across_jumps(ladder: Ladder, side: Any, size: Any, entry: Any, wallet: Any, fee: float) -> Any:
    """The first mark, moving against the position, at which a ladder without amounts liquidates.

    Maintenance jumps at a bound: where a bracket has no root and the next one already asks for more
    than the equity at the bound, the position is liquidated where the mark crosses the bound.
    """
    if isinstance(wallet, np.ndarray) or isinstance(size, np.ndarray):
        rows = np.broadcast(side, size, entry, wallet)
        shape = rows.shape
        found = [_first_crossing(ladder, s, q, e, w, fee) for s, q, e, w in rows]
        return np.array([math.nan if p is None else p for p in found]).reshape(shape)
    return _first_crossing(ladder, side, size, entry, wallet, fee)


def _first_crossing(
    ladder: Ladder, side: Any, size: Any, entry: Any, wallet: Any, fee: float
) -> float | None:
    notional = float(size * entry)
    start = ladder.brackets.index(ladder.bracket(notional))
    order = range(start, -1, -1) if side > 0 else range(start, len(ladder.brackets))
    for number in order:
        rung = ladder.brackets[number]
        rate = rung.rate + fee
        root = float((notional - side * wallet) / (1 - side * rate))
        near = rung.upper if side > 0 else rung.lower  # where this bracket is entered
        if (near - root) * side <= 0 and number != start:
            return near / float(size)  # already beyond it at the bound
        far = rung.lower if side > 0 else rung.upper
        if (root - far) * side > 0 or number == order[-1]:
            price: float | None = positive(root / float(size), side)
            return price
    return None


def positive(price: Any, side: Any) -> Any:
    """A price ≤ 0 (or none at all): nothing liquidates a long; a short has lost everything."""
    if isinstance(price, np.ndarray):
        none = np.where(np.asarray(side) > 0, np.nan, 0.0)
        return np.where(price > 0, price, none)
    if price > 0:
        return float(price)
    return None if side > 0 else 0.0


def ratio(above: Any, below: Any) -> Any:
    """``above ÷ below``, 0 where the divisor is not positive."""
    if isinstance(below, np.ndarray):
        return np.divide(above, below, out=np.zeros_like(below), where=below > 0)
    return above / below if below > 0 else 0.0
