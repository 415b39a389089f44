"""The run again with one thing changed at a time: what a result owes to its assumptions.

Later orders, dearer fills, the other path inside the bar, the other price for liquidation and
stops, a stricter venue, and random entries on the days of the strategy's own. Random entries on any
day, the yardstick of the whole strategy, are in :mod:`deleverage.scan`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import backtrader as bt

from deleverage import runner, scan, slippage, stamps, timestamps, venues
from deleverage.beside import Outcome, Rerun, middle
from deleverage.columns import MarketColumns
from deleverage.errors import DeleverageError
from deleverage.results import RunResult
from deleverage.scan import Progress
from deleverage.spec import RunSpec
from deleverage.strategies import registry
from deleverage.venues.rules import VenueRules

SAME_DAYS = "random entries on the same days"
SEEDS = 5  # of them; their median is shown


def reruns(result: RunResult, columns: MarketColumns | None = None, workers: int | None = None, *,
           strategy: type[bt.Strategy] | None = None, seeds: int = SEEDS,
           progress: Progress | None = None) -> tuple[Rerun, ...]:
    """``result``'s run again under each change of :func:`variants`, over processes; last the median
    by return of ``seeds`` runs with random entries on the same days.

    Arguments as :func:`deleverage.scan.leverage_scan` takes them. A change that the venue or the
    data refuse has no outcome and the refusal's words.
    """
    source = runner.load(result.spec, columns)
    chosen = registry.load(result.spec.strategy) if strategy is None else strategy
    made = variants(result.spec, source.columns, chosen)
    specs = [spec for _, spec in made if isinstance(spec, RunSpec)]
    random = _same_days(result, seeds)
    whole = len(specs) + len(random)
    found = iter(scan.outcomes(specs, source.columns, chosen, workers,
                               progress=scan.part(progress, 0, whole)))
    rows = []
    for name, spec in made:
        done = next(found) if isinstance(spec, RunSpec) else spec
        rows.append(Rerun(name, None, done) if isinstance(done, str)
                    else Rerun(name, Outcome.of(done, name)))
    if random:
        rows.append(_median(scan.outcomes(
            random, source.columns, registry.load(runner.BASELINE), workers,
            progress=scan.part(progress, len(specs), whole))))
    return tuple(rows)


def _same_days(result: RunResult, seeds: int) -> list[RunSpec]:
    """Nothing for a run without trades and for one that is random itself."""
    if not result.trades or result.spec.strategy == runner.BASELINE:
        return []
    return [same_days_spec(result, seed) for seed in range(seeds)]


def same_days_spec(result: RunResult, seed: int = 0) -> RunSpec:
    """Like :func:`deleverage.runner.baseline_spec`, each entry on the day (UTC) of the run's own:
    what a strategy owes to the days it traded on rather than to the hours it chose."""
    params = runner.baseline_params(result, seed)
    if not result.trades:
        return result.spec.changed(strategy=runner.BASELINE, params=params)
    made = result.provenance
    finer = max(1, made.step_ns // made.walked_step_ns)
    entered = [trade.entry_bar // finer for trade in result.trades]
    # a trade may last until the next begins, wherever in its day it is put
    room = [later - bar - 1 for bar, later in itertools.pairwise(entered)]
    held = [max(1, min(bars, most)) for bars, most in
            zip(params["holding"], [*room, made.bars], strict=True)]
    days = tuple(timestamps.show((trade.entry_ns - 1) // timestamps.DAY * timestamps.DAY)[:10]
                 for trade in result.trades)
    return result.spec.changed(strategy=runner.BASELINE, params={
        **params, "holding": tuple(held), "days": days})


def _median(found: Sequence[RunResult | str]) -> Rerun:
    """The row of random entries: the median of the seeds that could be run."""
    name = f"{SAME_DAYS} (median of {len(found)})" if len(found) > 1 else f"{SAME_DAYS} (seed 0)"
    ran = [Outcome.of(each, name) for each in found if not isinstance(each, str)]
    if not ran:
        return Rerun(name, None, next(each for each in found if isinstance(each, str)))
    return Rerun(name, middle(ran))


def variants(spec: RunSpec, columns: MarketColumns,
             strategy: type[bt.Strategy]) -> list[tuple[str, RunSpec | str]]:
    """The changes by name, each as a specification or as the reason why there is none."""
    rules = runner.rules_of(spec, columns)
    made: list[tuple[str, RunSpec | str]] = [
        ("orders one bar later", spec.changed(latency=spec.latency + 1)),
        ("orders five bars later", spec.changed(latency=spec.latency + 5)),
        _dearer(spec, columns, rules),
    ]
    defaults = dict(strategy.params._getpairs())
    if spec.params.get("entry", defaults.get("entry")) == "limit":
        made.append(("market instead of limit entries",
                     spec.changed(params={**spec.params, "entry": "market"})))
    if spec.path != "favourable":
        made.append(("favourable path inside the bar", spec.changed(path="favourable")))
    if spec.mark != "last" or spec.stop_trigger != "last":
        made.append(("liquidation and stops on last",
                     spec.changed(mark="last", stop_trigger="last")))
    made.append(_stricter(spec, columns, rules))
    return made


def _dearer(spec: RunSpec, columns: MarketColumns,
            rules: VenueRules) -> tuple[str, RunSpec | str]:
    """Fees and a fixed slippage twice what they are; another slippage policy stays."""
    fees = stamps.own_fees(spec, columns) or rules.fees
    twice = spec.changed(fees=(2 * fees.maker, 2 * fees.taker))
    policy = spec.slippage_policy
    if isinstance(policy, slippage.FixedBp):
        return "fees and slippage × 2", twice.changed(slippage_bp=2 * policy.bp)
    return "fees × 2", twice


def _stricter(spec: RunSpec, columns: MarketColumns,
              rules: VenueRules) -> tuple[str, RunSpec | str]:
    """The venue whose maintenance on a first entry's notional is the next above this one's."""
    name = "the next stricter venue"
    if spec.ladder not in (None, "nearest-later"):
        return name, "the ladder is one's own"
    notional = spec.notional or (spec.margin_fraction or 0.0) * spec.leverage * spec.cash
    own = rules.maintenance_margin(notional)
    found: list[tuple[float, str]] = []
    for other in venues.names():
        try:
            strict = runner.rules_of(spec.changed(venue=other), columns)
            if strict.max_leverage() >= spec.leverage:
                found.append((strict.maintenance_margin(notional), other))
        except DeleverageError:
            continue  # no ladder of this instrument there, or none of that day
    above = sorted(each for each in found if each[0] > own)
    if not above:
        return name, f"no known venue asks more than {own:,.2f} for it at this leverage"
    venue = above[0][1]
    return f"at {venue} (maintenance {above[0][0]:,.0f} instead of {own:,.0f})", spec.changed(
        venue=venue, fee_tier=None)


def worst(rows: Sequence[Rerun]) -> Rerun | None:
    """The change under which the run returned least."""
    ran = [row for row in rows if row.outcome is not None]
    return min(ran, key=lambda row: row.outcome.total_return if row.outcome else 0.0, default=None)
