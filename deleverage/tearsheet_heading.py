"""What ran on what, under which rules: everything a reader must know to repeat it."""

from __future__ import annotations

from deleverage import timestamps
from deleverage.results import RunResult
from deleverage.tearsheet_text import lines, rule, section


def heading(result: RunResult) -> str:
    """Title, strategy with all its parameters, and the terms of the run."""
    made = result.provenance
    parameters = ", ".join(f"{key}={value}" for key, value in made.params.items())
    title = result.name.rpartition("/")[2] + (" · SYNTHETIC" if made.synthetic else "")
    return section(rule(title), _row("strategy", f"{made.strategy}: {made.title}".rstrip(": ")),
                   _row("parameters", parameters or "none"), terms(result))


def terms(result: RunResult) -> str:
    """Data, account with its size rule, venue with its ladder, costs and policies."""
    spec, made = result.spec, result.provenance
    mark = "SYNTHETIC data, " if made.synthetic else ""
    maker, taker = made.fees
    marks = "none" if made.mark_step_ns is None else timestamps.show_step(made.mark_step_ns)
    return "\n".join((
        _row("data", f"{mark}{made.dataset}: {made.symbol}, {timestamps.show_step(made.step_ns)} "
                     f"bars {timestamps.show(made.first_ns)} … {timestamps.show(made.last_ns)} UTC "
                     f"({made.bars:,}), mark {marks}, sha256 {made.sha256[:12]}"),
        _row("account", f"{spec.cash:,.2f} {made.quote}, leverage {made.leverage:g}x set, "
                        f"{made.margin} margin, size: {made.sizing}"),
        _row("venue", f"{made.venue}; {made.ladder}"),
        _row("costs", f"fees maker {1e4 * maker:g} bp, taker {1e4 * taker:g} bp; slippage "
                      f"{spec.slippage_bp:g} bp"),
        _row("policies", f"path inside the bar {spec.path}, limit fill {spec.fill}, missing data "
                         f"{spec.missing}, liquidation on {spec.mark or 'mark'}, then "
                         f"{spec.on_liquidation}; version {made.code}"),
    ))


def label(result: RunResult) -> str:
    """The strategy's reference without the folder of its file, at most 24 characters."""
    text = result.spec.strategy.rpartition("/")[2]
    return text if len(text) <= 24 else f"…{text[-23:]}"


def _row(name: str, text: str) -> str:
    return lines([text], f"{name:<11}")
