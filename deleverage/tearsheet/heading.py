"""What ran on what, under which rules: everything a reader must know to repeat it."""

from __future__ import annotations

from deleverage import timestamps
from deleverage.results import RunResult
from deleverage.spec import RunSpec
from deleverage.tearsheet.blocks import Group, Lines, Section
from deleverage.tearsheet.text import lines, rule, section, stack


def heading(result: RunResult, path: str = "") -> Section:
    """Title, strategy with all its parameters, and the terms of the run.

    ``path``: what to call the path policy where the page shows runs of several.
    """
    made = result.provenance
    parameters = ", ".join(f"{key}={value}" for key, value in made.params.items())
    title = result.name.rpartition("/")[2] + (" · SYNTHETIC" if made.synthetic else "")
    return section(rule(title), _row("strategy", f"{made.strategy}: {made.title}".rstrip(": ")),
                   _row("parameters", parameters or "none"), terms(result, path))


def terms(result: RunResult, path: str = "") -> Group:
    """Data, account with its size rule, venue with its ladder, costs, delays and policies."""
    spec, made = result.spec, result.provenance
    mark = "SYNTHETIC data, " if made.synthetic else ""
    marks = "none" if made.mark_step_ns is None else timestamps.show_step(made.mark_step_ns)
    inside = "" if made.walked_step_ns == made.step_ns else \
        f", walked in bars of {timestamps.show_step(made.walked_step_ns)}"
    delays = _delays(spec)
    return stack(
        _row("data", f"{mark}{made.dataset}: {made.symbol}, {timestamps.show_step(made.step_ns)} "
                     f"bars {timestamps.show(made.first_ns)} … {timestamps.show(made.last_ns)} UTC "
                     f"({made.bars:,}){inside}, mark {marks}, sha256 {made.sha256[:12]}"),
        _row("account", f"{spec.cash:,.2f} {made.quote}, leverage {made.leverage:g}x set, "
                        f"{made.margin} margin, size: {made.sizing}"),
        _row("collateral:", f"{made.quote} counted at 1.00 USD"),
        _row("venue", f"{made.venue}; {made.ladder}"),
        _row("liquidation", f"{spec.liquidation}: {made.procedure}"),
        _row("costs", _costs(result)),
        *([_row("delays", delays)] if delays else []),
        _row("policies", f"path inside the bar {path or spec.path}, limit fill {spec.fill}, "
                         f"missing data {spec.missing}, stops on {made.stop_trigger}, liquidation "
                         f"on {spec.mark or 'mark'}, then {spec.on_liquidation}, price off the "
                         f"tick {spec.off_tick}; version {made.code}"),
    )


def _costs(result: RunResult) -> str:
    """Fees with their tier, the slippage policy, the volume limit."""
    spec, made = result.spec, result.provenance
    maker, taker = made.fees
    tier = f" ({made.fee_tier})" if made.fee_tier else ""
    limit = "" if spec.volume_limit is None else \
        f"; at most {spec.volume_limit:.4g} of a bar's volume"
    return (f"fees maker {1e4 * maker:g} bp, taker {1e4 * taker:g} bp{tier}; slippage "
            f"{made.slippage}{limit}")


def _delays(spec: RunSpec) -> str:
    """Latency, outages and supposed events: what differs from an account that is always served."""
    bars = {1: "1 bar"}
    parts = []
    if spec.latency:
        parts.append(f"orders arrive {bars.get(spec.latency, f'{spec.latency} bars')} late")
    if spec.publication_latency:
        shown = bars.get(spec.publication_latency, f"{spec.publication_latency} bars")
        parts.append(f"open interest and liquidations are seen {shown} late")
    parts += [f"outage {_moment(start)} to {_moment(end)}" for start, end in spec.outage]
    parts += [f"auto-deleveraging {_moment(when)}: {share:.4g} of a {side} position at {price:g}"
              for when, side, share, price in spec.adl]
    return "; ".join(parts)


def _moment(text: str) -> str:
    return timestamps.show(timestamps.parse(text))


def label(result: RunResult) -> str:
    """The strategy's reference without the folder of its file, at most 24 characters."""
    text = result.spec.strategy.rpartition("/")[2]
    return text if len(text) <= 24 else f"…{text[-23:]}"


def _row(name: str, text: str) -> Lines:
    return lines([text], f"{name:<12}")
