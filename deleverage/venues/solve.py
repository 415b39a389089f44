"""Finding the bracket a liquidation price falls into, for scalars and arrays by one rule."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np

from deleverage.errors import UsageError
from deleverage.venues.ladder import Ladder

CHUNK = 16_384  # elements: a temporary of 128 KiB stays in the processor's second cache


def check_position(side: Any, size: Any, entry: Any, wallet: Any) -> None:
    """Raise UsageError unless side is ±1, size and entry price are positive, wallet is a number.

    An array's wallet is looked at by :func:`positive`, where a NaN costs nothing to find.
    """
    if isinstance(size, np.ndarray):
        sides = bool((side * side == 1).all())
        above_zero = bool(size.min() > 0 and entry.min() > 0) if size.size else True  # NaN: false
    else:
        sides, above_zero = side in (1, -1), size > 0 and entry > 0
        if wallet != wallet:
            raise _no_number()
    if not sides:
        raise UsageError(f"side must be +1 or -1, found {side}")
    if not above_zero:
        raise UsageError(f"size and entry price must be > 0, found {size} and {entry}")


def _no_number() -> UsageError:
    return UsageError("the margin behind a position is not a number")


def amount_of(rate: Any, amount: Any) -> Any:
    """The maintenance amount that belongs to a given rate: 0 unless given.

    Raises UsageError for an amount without its rate: beside the ladder's own rate and amount it
    would count for nothing.
    """
    if amount is None:
        return 0.0
    if rate is None:
        raise UsageError("a maintenance amount needs its rate: amount= was given without rate= "
                         "(without both, the ladder in use tells them)")
    return amount


def terms(ladder: Ladder, key: Any, rate: Any, amount: Any) -> tuple[Any, Any]:
    """Rate and amount at a notional (or contracts), unless a rate is given."""
    if rate is not None:
        return rate, amount
    if isinstance(key, np.ndarray):
        found = _passed(key, ladder.uppers, _span(key)).astype(np.intp)
        return ladder.rates.take(found), ladder.amounts.take(found)
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
    span, rises = _span(level), sign > 0
    found = _passed(level, ladder.edges(-1, fee), span)
    # the edges of the other sign lie higher: as many or fewer of them are passed
    found -= (found - _passed(level, ladder.edges(1, fee), span)) * rises
    index = found.astype(np.intp)
    return ladder.rates.take(index), ladder.amounts.take(index)


def _span(key: Any) -> tuple[float, float]:
    return (float(key.min()), float(key.max())) if key.size else (0.0, 0.0)


def _passed(key: Any, edges: tuple[float, ...], span: tuple[float, float]) -> Any:
    """How many of the rising edges lie below each key, the last one left out.

    A few comparisons beat a binary search, and only edges within the span of the keys tell any two
    of them apart.
    """
    low, high = span
    first = bisect_left(edges, low, hi=len(edges) - 1)
    count = np.full(key.shape, first, dtype=np.int8 if len(edges) < 128 else np.int32)
    for edge in edges[first:-1]:
        if edge >= high:
            break
        np.add(count, (key > edge).view(np.int8), out=count)
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


def across_jumps(ladder: Ladder, sign: Any, worth: Any, wallet: Any, fee: float) -> Any:
    """The first notional, moving against the position, at which a ladder without amounts kills it.

    Equity at notional N is ``wallet + sign × (N − worth)``: ``worth`` is the notional at entry,
    ``sign`` is +1 where profit rises with N (a linear long, an inverse short). Maintenance jumps at
    a bound: where a bracket has no root and the next one already asks for more than the equity at
    the bound, the position is liquidated where the mark crosses the bound. A result ≤ 0 is none.
    """
    if isinstance(worth, np.ndarray):
        rows = np.broadcast(sign, worth, wallet)
        found = [_first_crossing(ladder, each, at, behind, fee) for each, at, behind in rows]
        return np.array(found).reshape(rows.shape)
    return _first_crossing(ladder, sign, worth, wallet, fee)


def _first_crossing(ladder: Ladder, sign: Any, worth: Any, wallet: Any, fee: float) -> float:
    start = min(bisect_left(ladder.uppers, worth), len(ladder.uppers) - 1)
    order = range(start, -1, -1) if sign > 0 else range(start, len(ladder.brackets))
    for number in order:
        rung = ladder.brackets[number]
        root = float((worth - sign * wallet) / (1 - sign * (rung.rate + fee)))
        near, far = (rung.upper, rung.lower) if sign > 0 else (rung.lower, rung.upper)
        if number != start and (near - root) * sign <= 0:
            return near  # already beyond it at the bound
        if (root - far) * sign > 0:
            return root
    return root  # beyond the last bound: at or below zero, or above every notional


def positive(price: Any, side: Any) -> Any:
    """A price ≤ 0 (or none at all): nothing liquidates a long; a short has lost everything."""
    if not isinstance(price, np.ndarray):
        if price > 0:
            return float(price)
        return None if side > 0 else 0.0
    if not price.size or price.min() > 0:  # the usual case, and no NaN among them
        return price
    if np.isnan(price).any():
        raise _no_number()
    return np.where(price > 0, price, np.where(np.asarray(side) > 0, np.nan, 0.0))


def finite(price: Any, side: Any) -> Any:
    """A price of an inverse contract ≤ 0 or infinite: no mark liquidates a short that is worth less
    than its margin; a long that owes more than its value is lost at every mark, up to infinity.
    """
    if not isinstance(price, np.ndarray):
        if 0 < price < math.inf:
            return float(price)
        return math.inf if side > 0 else None
    if not price.size or (price.min() > 0 and price.max() < math.inf):
        return price
    if np.isnan(price).any():
        raise _no_number()
    return np.where((price > 0) & (price < math.inf), price,
                    np.where(np.asarray(side) > 0, math.inf, np.nan))


def share(above: Any, below: Any) -> Any:
    """``above ÷ below``, infinite where nothing is left below."""
    if isinstance(below, np.ndarray):
        left = below > 0
        return np.divide(above, below, out=np.full(left.shape, math.inf), where=left)
    return above / below if below > 0 else math.inf
