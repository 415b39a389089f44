"""Pairs of real results: what cascades and the rest of a run explain is all of the difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from deleverage import scenarios
from deleverage.beside import Compared
from deleverage.compare import Comparison
from deleverage.runner import run
from deleverage.spec import RunSpec


def test_cascades_and_elsewhere_are_the_whole_difference(tmp_path: Path) -> None:
    """Three runs with random entries through the SYNTHETIC scenario, one with another wallet and
    leverage: n × mean + elsewhere is the difference in return of every pair, and what is saved
    gives the same pairs."""
    columns = scenarios.columns("risk")
    base = RunSpec(data="risk", strategy="random_entry",
                   params={"trades": 25, "hold": "3h", "seed": 1})
    results = [run(spec, columns) for spec in (
        base, base.changed(params={**base.params, "seed": 2}),
        base.changed(cash=3_000.0, leverage=25.0))]
    ranked = Comparison.of([Compared(result) for result in results])
    returns = [row.result.statistics["performance"]["total_return"] for row in ranked.rows]
    assert ranked.noise.tested == 3
    for pair in ranked.noise.pairs:
        told = pair.difference
        assert told.n >= 6
        assert told.mean is not None
        assert told.elsewhere is not None
        assert told.n * told.mean + told.elsewhere == pytest.approx(
            returns[pair.better - 1] - returns[pair.worse - 1], abs=1e-12)
    again = [Compared(type(result).load(result.save(tmp_path / str(k))))
             for k, result in enumerate(results)]
    assert Comparison.of(again).noise == ranked.noise
