"""Which strategy did better by more than chance, as a table and a plain sentence.

A view of :class:`deleverage.pairs.Noise`: nothing is calculated here.
"""

from __future__ import annotations

from collections.abc import Sequence

from deleverage.pairs import Noise, Pair
from deleverage.tearsheet.text import lines, percent, section, table

TITLE = "WHICH DIFFERENCES ARE LARGER THAN NOISE"
HEADERS = ("better", "than", "n\n(alike)", "mean", "95 %\ninterval", "p", "p by\nHolm",
           "lowest\np", "else-\nwhere")
FOOT = ("In % of the opening wallet. n cascades, each one observation: what the better run made in "
        "it minus what the other made; those alike are left out. p: how often chance alone, giving "
        "each of the n differences either sign, brings a mean as large; lowest p: what n cascades "
        "can reach at all. {tested} of {all} pairs had n of 2 or more and were tested; p by Holm "
        "counts them all, since the ranking chose which to show. elsewhere: the difference in "
        "return made outside cascades, which is not tested.")


def noise(found: Noise, names: Sequence[str]) -> str:
    """The section; empty for one result alone. ``names`` are those of the ranking, best first."""
    if len(names) < 2:
        return ""
    if not any(pair.difference.n or pair.difference.p is not None for pair in found.pairs):
        return section(TITLE, lines([_nothing(found)], ""))
    rows = [_row(pair, found, names) for pair in found.pairs]
    left = len(names) - max(pair.worse for pair in found.pairs)
    more = [f"{left} more results are tested and not shown."] if left > 0 else []
    return section(TITLE, lines([verdict(found, names), *_reasons(found)], "").spaced(),
                   table(HEADERS, rows, left=2),
                   lines([FOOT.format(tested=found.tested, all=len(names) * (len(names) - 1) // 2),
                          *more], ""))


def verdict(found: Noise, names: Sequence[str]) -> str:
    """What the table comes to, in one or two sentences."""
    level = percent(found.level, sign=False, digits=0)
    if found.attainable is None:
        return "None can be: no two runs that can be paired differ in more than one cascade."
    smallest = _p(found.smallest)
    if found.smallest > found.level:
        return (f"None can be: with {found.largest_n} cascades no p is below {smallest}, so "
                f"nothing can be significant at {level}, however large it is.")
    if found.attainable > found.level:
        return (f"None can be: {found.largest_n} cascades would do for one pair (smallest p "
                f"{smallest}), not for {found.tested} at once (after Holm no p is below "
                f"{_p(found.attainable)}).")
    if not found.larger:
        return f"None of those shown: no p after Holm is {level} or less."
    told = ", ".join(_told(pair, names) for pair in found.larger)
    return f"Larger than noise in cascades (p after Holm at most {level}): {told}."


def _nothing(found: Noise) -> str:
    """Why no pair could be judged."""
    reasons = [found.why] if found.why else sorted({pair.difference.why for pair in found.pairs})
    return f"n/a: {'; '.join(reasons)}"


def _reasons(found: Noise) -> list[str]:
    """Why some pairs have no p, but for the number of their cascades, which the row shows."""
    return sorted({f"n/a: {pair.difference.why}" for pair in found.pairs
                   if pair.difference.p is None and pair.difference.elsewhere is None})


def _row(pair: Pair, found: Noise, names: Sequence[str]) -> list[str]:
    told = pair.difference
    interval = "" if told.low is None else f"{_percent(told.low, 1)} … {_percent(told.high, 1)}"
    drawn = "~" if told.exact is False else ""
    mark = " ◄" if pair in found.larger else ""
    return [_name(pair.better, names), _name(pair.worse, names), f"{told.n} ({told.ties})",
            _percent(told.mean), interval, "n/a" if told.p is None else drawn + _p(told.p),
            "" if told.holm is None else _p(told.holm) + mark,
            "" if told.smallest is None else _p(told.smallest), _percent(told.elsewhere)]


def _percent(value: float | None, digits: int = 2) -> str:
    return "" if value is None else percent(value, digits=digits).removesuffix(" %")


def _told(pair: Pair, names: Sequence[str]) -> str:
    """Who beat whom in cascades, which the ranking by return may have the other way round."""
    places = (pair.better, pair.worse)
    first, second = places if (pair.difference.mean or 0.0) > 0 else places[::-1]
    return f"{_name(first, names)} over {_name(second, names)}"


def _name(place: int, names: Sequence[str]) -> str:
    return f"{place} {names[place - 1]}"[:20]


def _p(value: float) -> str:
    """Four decimals; a smaller one as ``<0.0001``."""
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"
