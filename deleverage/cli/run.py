"""``run``: one strategy on one dataset; the sheet, or JSON, and the result's folder.

``--path both`` runs it under the adverse and the favourable path inside the bar and lists where the
two part; ``--out DIR`` then holds both results, in DIR/adverse and DIR/favourable, and so does
``--plots DIR`` their pictures; ``--html FILE`` shows both on one page.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from deleverage.beside import Baseline, Compared
from deleverage.cli import html, pictures
from deleverage.cli.account import (
    add_account,
    add_data,
    add_debug,
    add_market,
    specification,
)
from deleverage.cli.arguments import Parser, with_config
from deleverage.cli.output import note, progress, say, say_json, unheard
from deleverage.columns import MarketColumns
from deleverage.compare import YARDSTICKS
from deleverage.errors import UsageError
from deleverage.spec import RunSpec

SEEDS = 20  # random runs beside every strategy: less than one in twenty beats all of them by luck


def main(arguments: Sequence[str], prog: str) -> int:
    """Run once, scan the leverages, set random entries beside it, print and save."""
    made = parser(prog)
    options = made.parse_args(with_config(arguments, made))
    if options.path == "both":
        return _both(options)
    out = None if options.out is None else writable(options.out)
    drawn = pictures.place(options.plots, options.out)
    page = html.target(options.html)
    spec = specification(options)
    done = carry_out(spec, scanned=not options.no_scan, quiet=options.json)
    if out is not None:
        done.save(out)
    pictures.draw(done.result, drawn)
    if options.json:
        say_json(as_json(done))
    else:
        from deleverage import tearsheet

        say(tearsheet.render(done.result, done.baseline, done.reruns, done.capacity, done.shadow))
    if out is not None and not options.json:
        note(f"saved: {out}")
    if page is not None:
        html.write_run(done, page)
    return 0


def _both(options: argparse.Namespace) -> int:
    """The run under both path policies, side by side, and where they part."""
    from deleverage import paths
    from deleverage.tearsheet import paths as paths_sheet

    folders = {name: None if options.out is None else writable(str(Path(options.out) / name))
               for name in paths.SCENARIOS}
    if options.out is not None:
        _only(Path(options.out), paths.SCENARIOS)
    drawn = pictures.place(options.plots, options.out, paths.SCENARIOS)
    page = html.target(options.html)
    spec = specification(options, path="adverse")
    runs = [carry_out(spec.changed(path=name), scanned=not options.no_scan, quiet=options.json)
            for name in paths.SCENARIOS]
    for row, folder in zip(runs, folders.values(), strict=True):
        if folder is not None:
            row.save(folder)
        pictures.draw(row.result, None if drawn is None else drawn / row.result.spec.path)
    found = paths.part(runs[0].result, runs[1].result)
    if options.json:
        say_json({"scenarios": {name: as_json(row) for name, row in zip(
            paths.SCENARIOS, runs, strict=True)}, "partings": found,
            "note": paths_sheet.CAUTION})
    else:
        say(paths_sheet.render(runs, found))
    if options.out is not None and not options.json:
        note(f"saved: {', '.join(map(str, folders.values()))}")
    if page is not None:
        html.write_comparison(paths_sheet.named(runs), page, paths_sheet.TITLE,
                              {"partings": paths_sheet.parting_list(found)})
    return 0


def _only(folder: Path, names: Sequence[str]) -> None:
    """Refuse a folder that holds anything but the results of such a run."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder}: is a file")
    if folder.is_dir() and any(item.name not in names for item in folder.iterdir()):
        raise UsageError(f"--out {folder}: holds other files; choose a new or empty folder")


def parser(prog: str) -> Parser:
    """The options of ``run``."""
    made = Parser(prog=prog, description=__doc__)
    add_data(made)
    add_account(made)
    add_market(made)
    group = made.add_argument_group("output")
    group.add_argument("--config", metavar="FILE", help="TOML with any of these options")
    group.add_argument("--json", action="store_true", help="JSON on stdout, remarks on stderr")
    group.add_argument("--out", metavar="DIR", help="save the result: JSON and Parquet")
    pictures.add_plots(group)
    group.add_argument("--html", metavar="FILE", help="the sheet with charts as one file that "
                       "needs no network (pip install 'deleverage[html]')")
    group.add_argument("--no-scan", action="store_true", help="leave out the leverage scan, "
                       "and with it the run changed, at other notionals and without liquidation")
    add_debug(made)
    return made


def carry_out(spec: RunSpec, columns: MarketColumns | None = None, scanned: bool = True,
              quiet: bool = False, whole: bool = True) -> Compared:
    """The result of ``spec`` with its scan, and all that stands beside it.

    A strategy that never traded and the strategies that are yardsticks themselves have nothing
    beside them but their shadow, which only a run with a liquidation has. Without ``scanned``:
    random entries alone; without ``whole``: not what only a sheet of its own shows (one thing
    changed, other notionals).
    """
    from deleverage import capacity, robustness, runner, scan, shadow

    source = runner.load(spec, columns)
    with unheard("stderr") if quiet else nullcontext():
        result = runner.run(spec, source.columns)
    claimed = None
    if scanned:
        with unheard(), progress(f"{spec.strategy}: leverage scan", quiet) as step:
            found = scan.leverage_scan(spec, source.columns, progress=step)
        with unheard():
            claimed = shadow.shadow(result, source.columns)
        result = result.with_scan(found)
    if not result.trades or spec.strategy in YARDSTICKS:
        return Compared(result, shadow=claimed)
    with progress(f"{spec.strategy}: random entries", quiet) as step:
        random = scan.baselines(result, source.columns, range(SEEDS), progress=step)
    if not (scanned and whole):
        return Compared(result, Baseline.against(result, random), shadow=claimed)
    with unheard(), progress(f"{spec.strategy}: one thing changed", quiet) as step:
        again = robustness.reruns(result, source.columns, progress=step)
    with unheard(), progress(f"{spec.strategy}: other notionals", quiet) as step:
        sized = capacity.capacity(result, source.columns, progress=step)
    return Compared(result, Baseline.against(result, random), again, sized, claimed)


def writable(folder: str, mark: str = "result.json") -> Path:
    """``folder`` if a result may be written there; said before the work, not after it.

    ``mark`` is the file by which an earlier result of the kind is known, which is replaced.
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise UsageError(f"--out {path}: is a file")
    if path.is_dir() and any(path.iterdir()) and not (path / mark).is_file():
        raise UsageError(f"--out {path}: holds other files; choose a new or empty folder")
    return path


def as_json(done: Compared) -> dict[str, object]:
    """The result as JSON values, with its trades and what stands beside it."""
    return {**done.result.as_dict(), "trades": done.result.trades, "random_entry": done.baseline,
            "reruns": done.reruns, "capacity": done.capacity, "shadow": done.shadow}
