"""One strategy through two cascades, under every policy an account can meet them with: one table.

    make stress DATA=eth            or        python scripts/stress_table.py eth

The dataset is ETHUSDT on 5-minute bars over 2025-10-10 and 2026-01-31, for instance Bybit's (see
docs/stress.md). Every row changes one thing of the first, the last row several; what happens in an
account that does the same at other prices is another matter after the first difference, so rows are
scenarios and not bounds. The strategy is scripts/falling_ladder.py, at 25x.

Bars are named by their close. Money is in the quote currency, slippage and fees are what the fills
paid, fees with the venue's own for a liquidation.
"""

from __future__ import annotations

import argparse
import math
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import SEPARATING_LINE, tabulate

from deleverage import paths, timestamps
from deleverage.cli.main import describe
from deleverage.columns import MarketColumns
from deleverage.errors import DataError
from deleverage.feeds.dataset import Dataset
from deleverage.paths import Did
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.slippage import MEDIAN_THINNING
from deleverage.spec import RunSpec
from deleverage.tearsheet.text import WIDTH

STRATEGY = Path(__file__).resolve().with_name("falling_ladder.py")
# ETH within 1 % at Binance in the five days before 2025-10-10, of one public study, not reproduced
# here (min66633/liquidation-cascade-research, DEPTH_FINDINGS); it fell to 0.57M that evening
CALM = "cascade:depth=1.17e8"
OUTAGE = 10 * timestamps.MINUTE
HEADERS = ("run", "fills", "liqui-\ndated", "re-\nduced", "margin\nlost", "slippage", "fees",
           "worst\nequity", "end\nequity", "end −\nbase", "first\ndiffers")


@dataclass(frozen=True)
class Window:
    """Days of a cascade; the outage lies at the low of ``day``."""

    day: str
    start: str
    end: str

    @property
    def title(self) -> str:
        """``2026-01-31 … 2026-02-03``."""
        return f"{self.start} … {self.end}"


WINDOWS = (Window("2025-10-10", "2025-10-09", "2025-10-12"),
           Window("2026-01-31", "2026-01-31", "2026-02-03"))


@dataclass(frozen=True)
class Row:
    """One run: its name and what it changes of the base."""

    name: str
    change: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """One run of a window, beside the base of the window."""

    row: Row
    result: RunResult
    base: RunResult

    @property
    def difference(self) -> paths.Parting | None:
        """The first bar in which the two did not do the same; None: there is none."""
        return next(iter(paths.part(self.base, self.result)), None)

    @property
    def slippage(self) -> float:
        """What the slippage policy took of the fills' prices."""
        return math.fsum(fill.slippage for fill in self.result.journal.fills)

    @property
    def fees(self) -> float:
        """Trading fees and the venue's fees for liquidations, paid."""
        costs = self.result.statistics["costs"]
        return -float(costs["fees"] + costs["liquidation_fees"])

    @property
    def worst(self) -> float:
        """The lowest equity met inside any bar."""
        return float(self.result.curves().worst_equity.min())

    @property
    def end(self) -> float:
        """Equity at the last bar."""
        return end_equity(self.result)

    @property
    def gained(self) -> float:
        """By how much it ends above the base."""
        return self.end - end_equity(self.base)


def end_equity(result: RunResult) -> float:
    """Equity at mark at the last bar."""
    return float(result.statistics["performance"]["end_equity"])


def base(data: str, window: Window) -> RunSpec:
    """The run that every row of a window changes: adverse path, 2 bp, orders at once."""
    return RunSpec(data=data, strategy=f"{STRATEGY}:FallingLadder", symbol="ETHUSDT", leverage=25.0,
                   cash=1_000_000.0, slippage_bp=2.0, fromdate=window.start, todate=window.end)


def rows(outage: tuple[str, str]) -> tuple[Row, ...]:
    """The base and what is changed of it, one thing a row, in the last row several."""
    return (
        Row("base", {}),
        Row("path favourable", {"path": "favourable"}),
        Row("path as the bar went", {"path": "ohlc"}),
        Row("slippage none", {"slippage_bp": 0.0}),
        Row("slippage volume", {"slippage": "volume"}),
        Row("slippage cascade", {"slippage": "cascade"}),
        Row("slippage cascade, ETH's depth", {"slippage": CALM}),
        Row("latency 1 bar", {"latency": 1}),
        Row("latency 5 bars", {"latency": 5}),
        Row("stops on mark", {"stop_trigger": "mark"}),
        Row("outage at the low", {"outage": (outage,)}),
        Row("takeover whole", {"liquidation": "takeover"}),
        Row("1 % of volume", {"volume_limit": 0.01}),
        Row("several at once", {"slippage": CALM, "latency": 1, "stop_trigger": "mark",
                                "outage": (outage,), "volume_limit": 0.01}),
    )


def at_the_low(columns: MarketColumns, day: str) -> tuple[str, str]:
    """Ten minutes from the open of the bar with the lowest price of a day, as UTC ISO texts."""
    start = timestamps.parse(day)
    inside = np.flatnonzero((columns.close_ns > start)
                            & (columns.close_ns <= start + timestamps.DAY))
    if not len(inside):
        raise DataError(f"the dataset has no bars of {day}")
    low = inside[int(np.argmin(columns.lines["low"][inside]))]
    opened = int(columns.close_ns[low]) - columns.market.step_ns
    first, last = (timestamps.to_datetime(at).isoformat() for at in (opened, opened + OUTAGE))
    return first, last


def carry_out(data: str, columns: MarketColumns,
              windows: Sequence[Window] = WINDOWS) -> dict[Window, list[Told]]:
    """Every row of every window, run; the first one of each is what the others are held against.

    Raises DataError where the dataset does not hold a window's days.
    """
    outages = {window: at_the_low(columns, window.day) for window in windows}
    found: dict[Window, list[Told]] = {}
    for window, outage in outages.items():
        first = base(data, window)
        reference = run(first, columns)
        found[window] = [Told(row, run(first.changed(**row.change), columns) if row.change
                              else reference, reference) for row in rows(outage)]
    return found


def cells(told: Told) -> list[str]:
    """A line of the table."""
    forced, difference = told.result.statistics["liquidations"], told.difference
    return [told.row.name, str(told.result.statistics["orders"]["fills"]), str(forced["count"]),
            str(forced["reductions"]), money(forced["margin_lost"]), money(told.slippage),
            money(told.fees), money(told.worst), money(told.end),
            "" if not told.row.change else money(told.gained, sign=True),
            "" if not told.row.change else "nowhere" if difference is None else
            timestamps.show(difference.ts)[5:]]


def money(value: float, sign: bool = False) -> str:
    """Whole units of the quote currency; a nothing has no sign."""
    return f"{value:{'+' if sign else ''},.0f}" if round(value) else "0"


def differences(told: Sequence[Told]) -> str:
    """For every row the first thing it did otherwise than the base, beside what the base did."""
    apart = []
    for each in told:
        difference = each.difference
        if difference is not None:
            ours, theirs = first_apart(difference)
            apart.append([each.row.name, deed(ours), deed(theirs)])
    return tabulate(apart, headers=("run", "where the base did", "it did"), tablefmt="simple")


def first_apart(difference: paths.Parting) -> tuple[Did | None, Did | None]:
    """What the base and the other did at the first place in the bar at which they differ."""
    one, other = list(difference.one), list(difference.other)
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            return mine, theirs
    shorter = min(len(one), len(other))
    return (one[shorter] if len(one) > shorter else None,
            other[shorter] if len(other) > shorter else None)


def deed(did: Did | None) -> str:
    """One thing an account did, in a few words."""
    if did is None:
        return "nothing"
    return f"{did.what}: {did.side} {did.size:,.2f} at {did.price:,.2f}"


def render(told: Mapping[Window, Sequence[Told]], columns: MarketColumns) -> str:
    """The table over the windows, and under it where each row first differs."""
    lines: list[Any] = []
    notes: list[str] = []
    for window, runs in told.items():
        if lines:
            lines.append(SEPARATING_LINE)
        lines.append([window.title] + [""] * (len(HEADERS) - 1))
        lines += [cells(each) for each in runs]
        start, end = (timestamps.show(timestamps.parse(text))
                      for text in at_the_low(columns, window.day))
        notes += ["", f"{window.title}: what was first done otherwise; the outage: {start} to "
                      f"{end[-5:]}", "", differences(runs)]
    table = tabulate(lines, headers=HEADERS, tablefmt="simple", disable_numparse=True,
                     colalign=("left", *["right"] * (len(HEADERS) - 1)))
    first = next(iter(told.values()))[0].result
    said = [textwrap.fill(text, WIDTH) for text in about(first, columns)]
    return "\n".join([table, *notes, "", *said])


def about(result: RunResult, columns: MarketColumns) -> Iterator[str]:
    """What the reader must know of the account and of the data."""
    made, spec = result.provenance, result.spec
    yield (f"{made.strategy}, {spec.leverage:g}x {spec.margin}, cash {spec.cash:,.0f}, "
           f"{spec.sizing}; {made.dataset}; {made.ladder}")
    yield ("base: adverse path, 2 bp, orders at once, stops on last, the venue's procedure; "
           "several at once: ETH's depth, latency 1, stops on mark, the outage, 1 % of volume")
    if not np.isfinite(columns.lines["long_liquidations"]).any():
        yield (f"no liquidations in the data: the cascade policy takes every bar's book as "
               f"{MEDIAN_THINNING:g} times thinner than in calm")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a dataset; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", help="folder of an imported dataset, ETHUSDT on 5-minute bars")
    options = parser.parse_args(arguments)
    try:
        columns = Dataset.open(options.data).columns()
        print(render(carry_out(options.data, columns), columns))
    except Exception as error:
        line, code = describe(error)
        print(f"error: {line}", file=sys.stderr)
        return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
