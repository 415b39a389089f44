"""All pictures of a run and of a comparison, each as PNG and SVG, and what was left out and why."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deleverage._version import __version__
from deleverage.compare import Comparison
from deleverage.plots import folder, style
from deleverage.plots.closeup import closeup
from deleverage.plots.compared import compared_equity, compared_scan, compared_under_water
from deleverage.plots.distance import distance
from deleverage.plots.equity import equity
from deleverage.plots.leverage import frontier, scan
from deleverage.plots.money import money
from deleverage.plots.paper import Paper
from deleverage.plots.price import price
from deleverage.results import RunResult

MAKER = f"{folder.MAKER.decode()} {__version__}"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture in both forms; ``name`` is that of its files without the ending."""

    name: str
    png: bytes
    svg: bytes


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures that could be drawn; ``left_out`` says in a line each what could not be."""

    pictures: tuple[Picture, ...]
    left_out: tuple[str, ...]


def of_run(result: RunResult) -> Drawn:
    """Every picture of one run, from the result alone."""
    made = tuple(zip(folder.RUN, (price, equity, distance, scan, frontier, money),
                     (_market, _curves, _held, _scan, _frontier, _traded), strict=True))
    with style.own_settings():
        papers = [(name, draw(result)) for name, draw, _ in made]
        near = [(name, closeup(result, item)) for name, item in zip(
            folder.CLOSEUPS, result.closeups, strict=False)]
        pictures = tuple(_picture(name, paper) for name, paper in (*papers, *near)
                         if paper is not None)
    missing = [f"{name} left out: {why(result)}"
               for (name, paper), (_, _, why) in zip(papers, made, strict=True) if paper is None]
    return Drawn(pictures, (*missing, *_partly(result)))


def of_comparison(comparison: Comparison) -> Drawn:
    """Every picture of runs side by side, from their results alone."""
    made = zip(folder.COMPARED, (compared_equity, compared_under_water, compared_scan), (
        "no run has curves (table curves)", "no run has curves (table curves)",
        "no run has a leverage scan in which anything was traded"), strict=True)
    pictures, missing = [], []
    with style.own_settings():
        for name, draw, why in made:
            paper = draw(comparison)
            if paper is None:
                missing.append(f"{name} left out: {why}")
            else:
                pictures.append(_picture(name, paper))
    return Drawn(tuple(pictures), tuple(missing))


def _picture(name: str, paper: Paper) -> Picture:
    figure = paper.figure()
    words = f"{paper.title}: {paper.subtitle}"
    return Picture(name, _png(figure, words), _svg(figure, words))


def _png(figure: Figure, words: str) -> bytes:
    """A picture of few colours takes a third of the room when they stand in a table."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    told = PngInfo()
    told.add_text("Software", MAKER)
    told.add_text("Title", words)
    held = io.BytesIO()
    image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        held, "png", dpi=(style.DPI, style.DPI), pnginfo=told)
    return held.getvalue()


def _svg(figure: Figure, words: str) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, format="svg", metadata={"Creator": MAKER, "Date": None, "Title": words})
    return held.getvalue()


def _partly(result: RunResult) -> list[str]:
    """What is missing inside a picture that was drawn."""
    said = []
    if result.overview is not None and not result.overview.long_usd:
        said.append("price without liquidations by venue: the dataset has no table liquidations")
    if result.overview is not None and result.recorded is None:
        said.append("price without the liquidation price: no curves are in the result (table "
                    "curves)")
    return said


def _market(result: RunResult) -> str:
    return "no market is in the result (table overview)"


def _curves(result: RunResult) -> str:
    return "no curves are in the result (table curves)"


def _held(result: RunResult) -> str:
    return _curves(result) if result.recorded is None else "nothing was held to a close"


def _scan(result: RunResult) -> str:
    return "no leverage scan is in the result" if result.scan is None else \
        "nothing was traded at any leverage"


def _frontier(result: RunResult) -> str:
    return str(result.statistics["frontier"]["withheld"] or "no trade to replay")


def _traded(result: RunResult) -> str:
    return "nothing was traded"
