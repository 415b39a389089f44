"""The golden sheets: what tests/tearsheet/golden holds, and the one command that writes it.

    make golden                     or        python scripts/golden_sheets.py

A few runs on the SYNTHETIC scenarios with all that stands beside them, and three of them side by
side, each as the text of its sheet and as JSON. A change of any figure or word shows as a
difference in the repository: read it before it is committed. What depends on the machine or the
version is fixed here (hash of the data, version), and JSON has nine digits of every figure, fewer
than processors differ by.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deleverage import capacity, robustness, runner, scan, scenarios, shadow, tearsheet
from deleverage.beside import Baseline, Compared
from deleverage.cli.output import plain
from deleverage.cli.run import as_json
from deleverage.compare import YARDSTICKS, Comparison
from deleverage.results import RunResult
from deleverage.spec import RunSpec

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "tearsheet" / "golden"
RUNS: Mapping[str, RunSpec] = {
    "reclaim": RunSpec(data="constructive", strategy="level_reclaim"),
    "liquidated": RunSpec(data="risk", strategy="cascade_exhaustion", leverage=50.0),
    "short": RunSpec(data="risk", strategy="breakdown", leverage=20.0, margin="cross"),
    "no_trade": RunSpec(data="constructive", strategy="breakdown"),
    "held": RunSpec(data="risk", strategy="buy_and_hold", leverage=50.0),  # its shadow owes
}
THREE = ("liquidated", "short", "held")
LEVERAGES, SEEDS, DIGITS = (1, 10, 50), 3, 9


@functools.cache
def made(name: str) -> Compared:
    """A run with its scan and all that stands beside it, in this process."""
    spec = RUNS[name]
    columns = scenarios.columns(spec.data)
    result = runner.run(spec, columns)
    result = result.with_scan(scan.leverage_scan(spec, columns, 1, leverages=LEVERAGES))
    claimed = shadow.shadow(result, columns)
    if not result.trades or spec.strategy in YARDSTICKS:
        return Compared(result, shadow=claimed)
    random = scan.baselines(result, columns, range(SEEDS), 1)
    return Compared(result, Baseline.against(result, random),
                    robustness.reruns(result, columns, 1, seeds=1),
                    capacity.capacity(result, columns, 1), claimed)


def sheet(done: Compared) -> str:
    """The sheet of one run, fixed."""
    shown = fixed(done)
    return str(tearsheet.render(shown.result, shown.baseline, shown.reruns, shown.capacity,
                                shown.shadow)) + "\n"


def figures(done: Compared) -> str:
    """The same as JSON, fixed."""
    return _json(as_json(fixed(done)))


def fixed(done: Compared) -> Compared:
    """Without what another machine or version would have otherwise."""
    return dataclasses.replace(done, result=_fixed(done.result))


def _fixed(result: RunResult) -> RunResult:
    return dataclasses.replace(result, provenance=dataclasses.replace(
        result.provenance, sha256="0" * 64, code="FIXED"))


def _json(values: Any) -> str:
    return json.dumps(_short(plain(values)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def sheets() -> dict[str, str]:
    """Every golden file by name."""
    files = {}
    for name in RUNS:
        files |= {f"{name}.txt": sheet(made(name)), f"{name}.json": figures(made(name))}
    three = Comparison.of([fixed(made(name)) for name in THREE])
    files["three.txt"] = str(tearsheet.side_by_side(three)) + "\n"
    files["three.json"] = _json({"differences": three.differences, "noise": three.noise,
                                 "ranked": [row.result.name for row in three.rows]})
    return files


def main() -> int:
    """Write the files; name those that changed."""
    FOLDER.mkdir(exist_ok=True)
    found = sheets()
    for old in FOLDER.iterdir():
        if old.name not in found:
            old.unlink()
            print(f"gone: {old.name}")
    for name, text in found.items():
        path = FOLDER / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"written: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
