"""Sweeps: one strategy over a grid of its parameters and of the account's, on one market.

::

    from deleverage.sweeps import Grid, sweep

    grid = Grid.of({"n_closes": (2, 3, 5), "stop_bp": (25, 50), "leverage": (3, 5, 10)})
    found = sweep(RunSpec(data="eth", strategy="level_reclaim"), grid, workers=2)
    found.ranked("net")[0].point           # the best of 18, which is flattered by the choice
    found.save("results/sweep")            # Parquet and JSON; SweepResult.load reads them

==========  ====================================================================================
grid        ordered axes and their values, checked against the strategy and the run
plan        all combinations as specifications, and the market they run on
outcome     the figures a combination yields, taken from RunResult.statistics
work        one combination, in this process or a worker
pool        local processes, and what happens when one dies
store       where outcomes are kept, so that nothing is run twice
checking    the combination with the most trades, run through the engine as well
sweeping    :func:`sweep`
result      rows, ranked, saved and loaded
heat        two axes against one figure, the others by their median
==========  ====================================================================================
"""

from deleverage.sweeps.grid import Axis, Grid
from deleverage.sweeps.outcome import FIGURES, Figure, Outcome
from deleverage.sweeps.plan import Combination, Plan, prepare
from deleverage.sweeps.result import Row, SweepResult
from deleverage.sweeps.store import Key, MemoryStore, Store
from deleverage.sweeps.sweeping import carry_out, sweep

__all__ = [
    "FIGURES", "Axis", "Combination", "Figure", "Grid", "Key", "MemoryStore", "Outcome", "Plan",
    "Row", "Store", "SweepResult", "carry_out", "prepare", "sweep",
]
